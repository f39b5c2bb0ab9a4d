//! Every state under every input, and the rules about intervals one by one.

use super::*;

const PEER: u32 = 77;

fn at(us: u64) -> Now {
    Now { mono_us: us, wall_us: 0 }
}

fn config() -> Config {
    Config { min_tx_us: 50_000, min_rx_us: 50_000, detect_mult: 3, ..Config::keepalived("peer") }
}

/// A packet from the other side, which knows us and wants 50 ms both ways.
fn heard(state: State) -> Packet {
    Packet {
        state,
        detect_mult: 3,
        my_discr: PEER,
        your_discr: 5,
        desired_min_tx_us: 50_000,
        required_min_rx_us: 50_000,
        ..Packet::default()
    }
}

fn session(config: Config, state: State) -> Session {
    let mut s = Session::new(config, 5, 1);
    let mut out = Vec::new();
    s.start(at(0), &mut out);
    match state {
        State::AdminDown => s.admin_down(at(0), &mut out),
        State::Down => {}
        State::Init => s.handle_packet(at(0), &heard(State::Down), Some(255), &mut out).unwrap(),
        State::Up => s.handle_packet(at(0), &heard(State::Init), Some(255), &mut out).unwrap(),
    }
    assert_eq!(s.state(), state);
    s
}

fn sent(out: &[Action]) -> Vec<&Packet> {
    out.iter().filter_map(|a| if let Action::Send(p) = a { Some(p) } else { None }).collect()
}

/// States sent, with flags.
fn told(out: &[Action]) -> String {
    let one = |p: &&Packet| {
        let flag = |on: bool, name| if on { name } else { "" };
        format!("{}{}{}", p.state, flag(p.poll, "+P"), flag(p.final_, "+F"))
    };
    sent(out).iter().map(one).collect::<Vec<_>>().join(" ")
}

fn lines(out: &[Action]) -> Vec<&str> {
    out.iter().filter_map(|a| if let Action::Log(l) = a { Some(l.text.as_str()) } else { None }).collect()
}

fn changes(out: &[Action]) -> Vec<(State, State, bool)> {
    out.iter()
        .filter_map(|a| if let Action::Changed(c) = a { Some((c.from, c.to, c.told)) } else { None })
        .collect()
}

#[derive(Debug, Clone, Copy)]
enum Input {
    Hear(State),
    HearPoll(State),
    Silence,
    AdminDown,
    AdminUp,
    PathDown,
    Start,
    Slower,
}

#[test]
fn every_state_and_every_input() {
    use Input::{AdminDown as Hold, AdminUp as Free, Hear, HearPoll, PathDown, Silence, Slower, Start};
    use State::{AdminDown, Down, Init, Up};
    let (none, expired, neighbor) = (Diag::NONE, Diag::EXPIRED, Diag::NEIGHBOR_DOWN);
    let (path, admin) = (Diag::PATH_DOWN, Diag::ADMIN_DOWN);
    for (state, input, then, diag, packets) in [
        // nothing is sent, and nothing believed, while an operator holds it down
        (AdminDown, Hear(AdminDown), AdminDown, admin, ""),
        (AdminDown, Hear(Down), AdminDown, admin, ""),
        (AdminDown, Hear(Init), AdminDown, admin, ""),
        (AdminDown, Hear(Up), AdminDown, admin, ""),
        (AdminDown, HearPoll(Down), AdminDown, admin, ""),
        (AdminDown, Silence, AdminDown, admin, ""),
        (AdminDown, Hold, AdminDown, admin, ""),
        (AdminDown, Free, Down, admin, "Down"),
        (AdminDown, PathDown, AdminDown, admin, ""),
        (AdminDown, Start, AdminDown, admin, ""),
        (AdminDown, Slower, AdminDown, admin, ""),
        (Down, Hear(AdminDown), Down, none, ""),
        (Down, Hear(Down), Init, none, "Init"),
        (Down, Hear(Init), Up, none, "Up+P"),
        (Down, Hear(Up), Down, none, ""),
        (Down, HearPoll(AdminDown), Down, none, "Down+F"),
        (Down, HearPoll(Down), Init, none, "Init+F"),
        (Down, HearPoll(Init), Up, none, "Up+F"),
        (Down, HearPoll(Up), Down, none, "Down+F"),
        (Down, Silence, Down, none, "Down"),
        (Down, Hold, AdminDown, admin, ""),
        (Down, Free, Down, none, ""),
        (Down, PathDown, Down, none, ""),
        (Down, Start, Down, none, ""),
        (Down, Slower, Down, none, ""),
        (Init, Hear(AdminDown), Down, neighbor, "Down"),
        (Init, Hear(Down), Init, none, ""),
        (Init, Hear(Init), Up, none, "Up+P"),
        (Init, Hear(Up), Up, none, "Up+P"),
        (Init, HearPoll(AdminDown), Down, neighbor, "Down+F"),
        (Init, HearPoll(Down), Init, none, "Init+F"),
        (Init, HearPoll(Init), Up, none, "Up+F"),
        (Init, HearPoll(Up), Up, none, "Up+F"),
        (Init, Silence, Down, expired, "Down"),
        (Init, Hold, AdminDown, admin, ""),
        (Init, Free, Init, none, ""),
        (Init, PathDown, Down, path, "Down"),
        (Init, Start, Init, none, ""),
        (Init, Slower, Init, none, ""),
        (Up, Hear(AdminDown), Down, neighbor, "Down"),
        (Up, Hear(Down), Down, neighbor, "Down"),
        (Up, Hear(Init), Up, none, ""),
        (Up, Hear(Up), Up, none, ""),
        (Up, HearPoll(AdminDown), Down, neighbor, "Down+F"),
        (Up, HearPoll(Down), Down, neighbor, "Down+F"),
        (Up, HearPoll(Init), Up, none, "Up+F"),
        (Up, HearPoll(Up), Up, none, "Up+F"),
        (Up, Silence, Down, expired, "Down"),
        (Up, Hold, AdminDown, admin, ""),
        (Up, Free, Up, none, ""),
        (Up, PathDown, Down, path, "Down"),
        (Up, Start, Up, none, ""),
        (Up, Slower, Up, none, "Up+P"),
    ] {
        let mut s = session(config(), state);
        let (was_told, mut out) = (s.stats().sent, Vec::new());
        match input {
            Hear(received) | HearPoll(received) => {
                let packet = Packet { poll: matches!(input, HearPoll(_)), ..heard(received) };
                let taken = s.handle_packet(at(1), &packet, Some(255), &mut out);
                assert_eq!(taken.is_ok(), state != AdminDown);
            }
            // whatever is due within two seconds, the periodic packets aside
            Silence => {
                let end = s.expires_us.or(s.next_tx_us).unwrap_or(2_000_000);
                s.next_tx_us = s.next_tx_us.map(|_| end);
                s.handle_timeout(at(end), &mut out);
            }
            Hold => s.admin_down(at(1), &mut out),
            Free => s.admin_up(at(1), &mut out),
            PathDown => s.path_down(at(1), &mut out),
            Start => s.start(at(1), &mut out),
            Slower => {
                let slower = Config { min_tx_us: 80_000, min_rx_us: 80_000, ..config() };
                s.reconfigure(at(1), slower, &mut out);
            }
        }
        let case = format!("{state} {input:?}");
        assert_eq!((s.state(), s.facts().diag), (then, diag), "{case}");
        if matches!((input, then), (Slower, AdminDown | Down | Init)) {
            // the new receive interval is told unless nothing may be
            assert_eq!(told(&out).is_empty(), then == AdminDown, "{case}");
        } else {
            assert_eq!(told(&out), packets, "{case}");
        }
        assert_eq!(s.stats().sent - was_told, sent(&out).len() as u64, "{case}");
        assert_eq!(changes(&out).len(), usize::from(state != then), "{case}");
        // what matters to others is told, once
        let up_or_down = (then == Up) != (state == Up);
        let by_an_operator = matches!(input, Hold | Hear(AdminDown) | HearPoll(AdminDown));
        let expected = up_or_down && !by_an_operator;
        assert_eq!(changes(&out).iter().any(|c| c.2), expected, "{case}");
        assert_eq!(s.next_tx_us.is_none(), s.state() == AdminDown, "{case}");
    }
}

#[test]
fn lines_are_keepalived_s() {
    let mut s = Session::new(Config { verbosity: Detail::Detail, ..config() }, 5, 1);
    let mut out = Vec::new();
    s.start(at(0), &mut out);
    let first = Packet { desired_min_tx_us: 1_000_000, your_discr: 0, ..heard(State::Down) };
    s.handle_packet(at(0), &first, Some(255), &mut out).unwrap();
    s.handle_packet(at(1), &heard(State::Up), Some(255), &mut out).unwrap();
    s.handle_timeout(at(150_021), &mut out);
    s.admin_down(at(150_021), &mut out);
    assert_eq!(
        lines(&out),
        [
            "(peer) ---------------< Session parameters >--------------",
            "                min_tx  min_rx  tx_intv  mult  detect_time",
            "       local   1000000   50000  1000000     3      3000000",
            "       remote  1000000   50000  1000000     3      3000000",
            "       Detection time is 3000000 us (was 0 us)",
            "(peer) ---------------< Session parameters >--------------",
            "                min_tx  min_rx  tx_intv  mult  detect_time",
            "       local   1000000   50000    50000     3       150000",
            "       remote    50000   50000    50000     3       150000",
            "       Detection time is 150000 us (was 3000000 us)",
            "(peer) Entering Up state",
            "(peer) Starting poll sequence",
            "(peer) Expired after 150 ms (20 usec overdue)",
            "(peer) Entering Down state (Local diagnostic - Control Detection Time Expired, \
             Remote diagnostic - No Diagnostic)",
            "(peer) Entering AdminDown state",
        ]
    );
    let mut s = Session::new(Config { verbosity: Detail::Extra, ..config() }, 5, 1);
    let mut out = Vec::new();
    s.start(at(0), &mut out);
    s.handle_packet(at(0), &heard(State::Down), Some(255), &mut out).unwrap();
    assert_eq!(lines(&out).last(), Some(&"(peer) Entering Init state"));
}

#[test]
fn a_failing_socket_is_told_once() {
    let mut s = session(config(), State::Up);
    let mut out = Vec::new();
    for result in [Err("Network is unreachable"), Err("again"), Ok(()), Err("Permission denied")] {
        s.note_sent(result, &mut out);
    }
    assert_eq!(
        lines(&out),
        [
            "sendto() error (Network is unreachable)",
            "(peer) Error sending packet",
            "sendto() error (Permission denied)",
            "(peer) Error sending packet"
        ]
    );
}

#[test]
fn packets_from_afar_and_authenticated_ones_are_not_taken() {
    let auth = crate::Auth::SimplePassword { key_id: 1, password: b"x".to_vec() };
    for (min_ttl, ttl, authenticated, taken) in [
        (255, Some(255), false, Ok(())),
        (255, Some(254), false, Err(Reject::Ttl { ttl: 254, least: 255 })),
        (255, None, false, Ok(())),
        (254, Some(254), false, Ok(())),
        (0, Some(1), false, Ok(())),
        (255, Some(255), true, Err(Reject::Auth)),
        (255, Some(1), true, Err(Reject::Ttl { ttl: 1, least: 255 })),
    ] {
        let mut s = session(Config { min_ttl, ..config() }, State::Down);
        let auth = authenticated.then(|| auth.clone());
        let (before, mut out) = (s.facts(), Vec::new());
        assert_eq!(s.handle_packet(at(1), &Packet { auth, ..heard(State::Down) }, ttl, &mut out), taken);
        assert_eq!(s.facts() == before && out.is_empty(), taken.is_err());
        assert_eq!(s.stats().rejected, u64::from(taken.is_err()));
    }
}

#[test]
fn a_passive_session_speaks_when_spoken_to() {
    let mut s = Session::new(Config { passive: true, ..config() }, 5, 1);
    let mut out = Vec::new();
    s.start(at(0), &mut out);
    assert_eq!((told(&out).as_str(), s.deadline()), ("", None));
    s.handle_packet(at(10), &heard(State::Down), Some(255), &mut out).unwrap();
    assert_eq!(told(&out), "Init");
    out.clear();
    s.handle_packet(at(20), &heard(State::Up), Some(255), &mut out).unwrap();
    assert_eq!(told(&out), "Up+P");
    out.clear();
    // the other side falls: it is answered; it falls silent: so are we
    s.handle_packet(at(30), &heard(State::Down), Some(255), &mut out).unwrap();
    assert_eq!(told(&out), "Down");
    out.clear();
    s.handle_timeout(at(30 + 150_000), &mut out);
    assert_eq!((told(&out).as_str(), s.facts().remote_discr, s.deadline()), ("", 0, None));
}

#[test]
fn a_poll_runs_until_it_is_answered() {
    let mut s = session(config(), State::Up);
    for n in 1..4 {
        let mut out = Vec::new();
        s.handle_packet(at(n * 40_000), &heard(State::Up), Some(255), &mut out).unwrap();
        s.handle_timeout(at(n * 50_000), &mut out);
        assert_eq!(told(&out), "Up+P");
    }
    let mut out = Vec::new();
    let answer = Packet { final_: true, ..heard(State::Up) };
    s.handle_packet(at(200_000), &answer, Some(255), &mut out).unwrap();
    s.handle_timeout(at(260_000), &mut out);
    assert_eq!(told(&out), "Up");
}

#[test]
fn a_change_during_a_poll_is_polled_again() {
    let mut s = session(config(), State::Up);
    let mut out = Vec::new();
    s.reconfigure(at(1), Config { min_tx_us: 200_000, ..config() }, &mut out);
    let answer = Packet { final_: true, ..heard(State::Up) };
    s.handle_packet(at(2), &answer, Some(255), &mut out).unwrap();
    assert!(s.facts().polling);
    assert_eq!(s.facts().tx_us, 50_000);
    s.handle_packet(at(3), &answer, Some(255), &mut out).unwrap();
    assert!(!s.facts().polling);
    assert_eq!(s.facts().tx_us, 200_000);
}

#[test]
fn intervals_change_when_the_other_side_knows() {
    // (what is asked for, in use before the answer, in use after it): sending slower and expecting sooner wait
    let base = config();
    for (min_tx_us, min_rx_us, before, after) in [
        (100_000, 50_000, (50_000, 50_000), (100_000, 50_000)),
        (20_000, 50_000, (50_000, 50_000), (50_000, 50_000)),
        (50_000, 100_000, (50_000, 100_000), (50_000, 100_000)),
        (50_000, 20_000, (50_000, 50_000), (50_000, 50_000)),
        (300_000, 400_000, (50_000, 400_000), (300_000, 400_000)),
    ] {
        let mut s = session(base.clone(), State::Up);
        let mut out = Vec::new();
        let answer = Packet { final_: true, ..heard(State::Up) };
        s.handle_packet(at(1), &answer, Some(255), &mut out).unwrap();
        out.clear();
        s.reconfigure(at(2), Config { min_tx_us, min_rx_us, ..base.clone() }, &mut out);
        let packet = sent(&out)[0].clone();
        assert!(packet.poll);
        assert_eq!((packet.desired_min_tx_us, packet.required_min_rx_us), (min_tx_us, min_rx_us));
        let in_use = |s: &Session| (s.facts().tx_us, s.facts().remote_tx_us);
        assert_eq!(in_use(&s), before);
        s.handle_packet(at(3), &answer, Some(255), &mut out).unwrap();
        assert_eq!(in_use(&s), after);
    }
    // a receive interval below what the other side sends at: waits for the answer too
    let mut s = session(Config { min_rx_us: 100_000, ..base.clone() }, State::Up);
    let mut out = Vec::new();
    s.reconfigure(at(2), base, &mut out);
    assert_eq!(s.facts().remote_tx_us, 100_000);
    // the poll of coming up is answered, then that of the change
    for _ in 0..2 {
        let answer = Packet { final_: true, ..heard(State::Up) };
        s.handle_packet(at(3), &answer, Some(255), &mut out).unwrap();
    }
    assert_eq!(s.facts().remote_tx_us, 50_000);
}

#[test]
fn an_unchanged_configuration_is_not_noticed() {
    let mut s = session(config(), State::Up);
    let (before, due, mut out) = (s.facts(), s.deadline(), Vec::new());
    s.reconfigure(at(2), config(), &mut out);
    assert!(out.is_empty());
    assert_eq!((s.facts(), s.deadline()), (before, due));
    // what is no interval is told at once, without a poll
    s.reconfigure(at(3), Config { detect_mult: 9, ..config() }, &mut out);
    assert_eq!(sent(&out)[0].detect_mult, 9);
}

#[test]
fn a_peer_in_demand_mode_is_left_in_peace() {
    let mut s = session(config(), State::Up);
    let mut out = Vec::new();
    let demand = Packet { demand: true, ..heard(State::Up) };
    s.handle_packet(at(1), &demand, Some(255), &mut out).unwrap();
    assert!(s.next_tx_us.is_some(), "our poll is not answered yet");
    s.handle_packet(at(2), &Packet { final_: true, ..demand.clone() }, Some(255), &mut out).unwrap();
    assert!(s.next_tx_us.is_none() && s.expires_us.is_some());
    out.clear();
    s.handle_packet(at(3), &Packet { poll: true, ..demand.clone() }, Some(255), &mut out).unwrap();
    assert_eq!(told(&out), "Up+F");
    // a poll of ours brings the timer back
    s.reconfigure(at(4), Config { min_tx_us: 60_000, ..config() }, &mut out);
    assert!(s.next_tx_us.is_some());
    s.handle_packet(at(5), &heard(State::Up), Some(255), &mut out).unwrap();
    assert!(s.next_tx_us.is_some());
}

#[test]
fn a_peer_that_wants_nothing_gets_nothing_but_answers() {
    let mut s = session(config(), State::Down);
    let mut out = Vec::new();
    let mute = Packet { required_min_rx_us: 0, ..heard(State::Down) };
    s.handle_packet(at(1), &mute, Some(255), &mut out).unwrap();
    assert_eq!(told(&out), "");
    s.handle_packet(at(2), &Packet { poll: true, ..mute }, Some(255), &mut out).unwrap();
    assert_eq!(told(&out), "Init+F");
    assert!(s.next_tx_us.is_none());
}

#[test]
fn an_operator_s_hold_is_signalled_where_that_is_asked_for() {
    let mut s = session(Config { signal_admin_down: true, ..config() }, State::Up);
    let mut out = Vec::new();
    s.admin_down(at(1), &mut out);
    assert_eq!(told(&out), "AdminDown");
    assert_eq!(sent(&out)[0].diag, Diag::ADMIN_DOWN);
    assert_eq!(sent(&out)[0].desired_min_tx_us, 1_000_000);
    let mut count = 0;
    for us in (0..5_000_000).step_by(10_000) {
        out.clear();
        s.handle_timeout(at(us), &mut out);
        count += sent(&out).len();
    }
    assert!((5..=7).contains(&count), "{count}");
}

#[test]
fn the_slow_interval_is_never_below_a_second() {
    for (idle_tx_us, advertised) in [(0, 1_000_000), (10_000, 1_000_000), (3_000_000, 3_000_000)] {
        let s = session(Config { idle_tx_us, ..config() }, State::Down);
        assert_eq!(s.facts().min_tx_us, advertised);
        assert_eq!(s.facts().tx_us, advertised);
    }
}
