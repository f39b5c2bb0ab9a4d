//! What is logged when servers change, against lines recorded from HAProxy 2.6.12 and 3.0.11.
//!
//! Each case is a backend, what happens to its servers one after another, and the lines the originals logged
//! (level and text; `check duration` is 0 here).

#![allow(clippy::expect_used, clippy::panic, reason = "a case that cannot be read fails the test")]

use rha_base::Tick;
use rha_health::{
    After, Cause, Checked, Fleet, Happening, Health, Line, Operation, Outcome, Place, Setup, Severity,
    Status, Traffic, no_server_left,
};
use rha_ir::{CheckTiming, Observe, OnError};
use rha_vocab::Dialect;

struct Server {
    name: &'static str,
    backup: bool,
    weight: u32,
    tracks: Option<usize>,
    setup: Setup,
}

struct Backend {
    servers: Vec<Server>,
    fleet: Fleet,
    lines: Vec<String>,
    now: Tick,
    had: usize,
}

fn checked(rise: u32, fall: u32) -> Setup {
    Setup {
        check: Some(CheckTiming { rise, fall, ..CheckTiming::default() }),
        dynamic_weight: true,
        ..Setup::default()
    }
}

fn server(name: &'static str, setup: Setup) -> Server {
    Server { name, backup: false, weight: 1, tracks: None, setup }
}

impl Backend {
    fn new(servers: Vec<Server>) -> Backend {
        let mut fleet = Fleet::default();
        for s in &servers {
            fleet.push(Health::new(&s.setup, Tick(0)));
        }
        for (i, s) in servers.iter().enumerate() {
            if let Some(tracked) = s.tracks {
                fleet.track(i, tracked);
            }
        }
        let mut backend = Backend { servers, fleet, lines: Vec::new(), now: Tick(10_000), had: 0 };
        let (active, backup) = backend.usable();
        backend.had = active + backup;
        backend
    }

    fn usable(&self) -> (usize, usize) {
        let up = |backup| {
            (0..self.servers.len())
                .filter(|&i| self.servers[i].backup == backup && self.servers[i].weight != 0)
                .filter(|&i| self.fleet.get(i).is_some_and(Health::usable))
                .count()
        };
        (up(false), up(true))
    }

    fn write(&mut self, line: Line) {
        let level = match line.severity {
            Severity::Emergency => 0,
            Severity::Alert => 1,
            Severity::Notice => 5,
        };
        self.lines.push(format!("{level} {}", line.log));
    }

    /// Does something, then tells it as the engine does: each server's change is counted when it is told.
    fn act(&mut self, act: impl FnOnce(&mut Fleet, Tick, &mut rha_health::Told<'_>)) {
        let mut told: Vec<(usize, Vec<Happening>, bool)> = Vec::new();
        let before: Vec<bool> =
            (0..self.servers.len()).map(|i| self.fleet.get(i).is_some_and(Health::usable)).collect();
        let mut fleet = std::mem::take(&mut self.fleet);
        act(&mut fleet, self.now, &mut |i, h, list| told.push((i, list.to_vec(), h.usable())));
        self.fleet = fleet;
        let mut usable = before;
        for (i, list, now) in told {
            usable[i] = now;
            let count = |backup| {
                let of = |j: &usize| {
                    self.servers[*j].backup == backup && self.servers[*j].weight != 0 && usable[*j]
                };
                (0..self.servers.len()).filter(of).count()
            };
            let after = After { active: count(false), backup: count(true), ..After::default() };
            let s = &self.servers[i];
            let via = s.tracks.map(|t| ("b", self.servers[t].name));
            let place = Place {
                backend: "b",
                server: s.name,
                backup: s.backup,
                via,
                host: "",
                weighted: s.weight != 0,
            };
            let lines: Vec<Line> = list.iter().map(|h| h.line(&place, &after)).collect();
            lines.into_iter().for_each(|l| self.write(l));
            let have = after.active + after.backup;
            if self.had != 0 && have == 0 {
                self.write(no_server_left("backend", "b"));
            }
            self.had = have;
        }
    }

    fn result(&mut self, i: usize, which: Checked, outcome: Outcome) {
        self.act(|f, now, told| {
            f.change(i, now, told, |h| h.handle_result(which, &outcome, now));
        });
    }

    fn ok(&mut self, i: usize) {
        self.result(i, Checked::Health, Outcome::new(Status::L4Ok, 0, "", Some(0)));
    }

    fn refused(&mut self, i: usize) {
        self.result(i, Checked::Health, Outcome::new(Status::L4Con, 0, "Connection refused", Some(0)));
    }

    fn admin(&mut self, i: usize, state: &str) {
        let flags = match state {
            "maint" => Health::MAINT,
            "drain" => Health::DRAIN,
            "ready" => Health::READY,
            other => panic!("{other}"),
        };
        self.act(|f, now, told| {
            f.administer(i, now, flags, "", told);
        });
    }

    #[track_caller]
    fn logged(&mut self, expected: &[&str]) {
        let lines = std::mem::take(&mut self.lines);
        assert_eq!(lines, expected);
    }
}

const LEFT: &str = "0 sessions active, 0 requeued, 0 remaining in queue.";
const REFUSED: &str =
    ", reason: Layer4 connection problem, info: \"Connection refused\", check duration: 0ms";
const ONLINE: &str = "0 sessions requeued, 0 total in queue.";
const PASSED: &str = ", reason: Layer4 check passed, check duration: 0ms";

#[test]
fn a_server_starts_as_init_state_says() {
    use rha_ir::InitState::{Down, FullyDown, FullyUp, Up};
    let good = Outcome::new(Status::L4Ok, 0, "", Some(0));
    let bad = Outcome::new(Status::L4Con, 0, "", Some(0));
    for (initial, up, needed) in [(FullyUp, true, 3), (Up, true, 1), (Down, false, 1), (FullyDown, false, 2)]
    {
        let setup = Setup { initial: Some(initial), ..checked(2, 3) };
        let mut h = Health::new(&setup, Tick(0));
        assert_eq!(h.operation() == Operation::Running, up, "{initial:?}");
        let outcome = if up { &bad } else { &good };
        for n in 1..=needed {
            assert_eq!(h.operation() == Operation::Running, up, "{initial:?} {n}");
            h.handle_result(rha_health::Checked::Health, outcome, Tick(n));
        }
        assert_eq!(h.operation() == Operation::Running, !up, "{initial:?}");
    }
}

#[test]
fn a_lone_server_goes_down_and_comes_back() {
    let mut b = Backend::new(vec![server("s1", checked(2, 2))]);
    b.ok(0);
    b.refused(0);
    b.logged(&[]);
    b.refused(0);
    b.logged(&[
        &format!("1 Server b/s1 is DOWN{REFUSED}. 0 active and 0 backup servers left. {LEFT}"),
        "0 backend b has no server available!",
    ]);
    b.refused(0);
    b.ok(0);
    b.logged(&[]);
    b.ok(0);
    b.logged(&[&format!("5 Server b/s1 is UP{PASSED}. 1 active and 0 backup servers online. {ONLINE}")]);
    let line = no_server_left("backend", "b");
    assert_eq!(line.stderr, "backend 'b' has no server available!");
}

#[test]
fn the_first_failure_counts_in_full() {
    let mut b = Backend::new(vec![server("s1", checked(2, 3)), server("s2", checked(2, 3))]);
    b.refused(0);
    b.logged(&[&format!("1 Server b/s1 is DOWN{REFUSED}. 1 active and 0 backup servers left. {LEFT}")]);
}

#[test]
fn every_changing_check_is_logged_on_demand() {
    let mut setup = checked(3, 1);
    setup.log_checks = true;
    let mut b = Backend::new(vec![server("s1", setup.clone()), server("s2", setup)]);
    b.ok(0);
    b.logged(&[&format!("5 Health check for server b/s1 succeeded{PASSED}, status: 1/1 UP.")]);
    b.ok(0);
    b.logged(&[]);
    b.refused(0);
    b.logged(&[
        &format!("5 Health check for server b/s1 failed{REFUSED}, status: 0/3 DOWN."),
        &format!("1 Server b/s1 is DOWN. 1 active and 0 backup servers left. {LEFT}"),
    ]);
    for score in ["1/3 DOWN", "2/3 DOWN"] {
        b.ok(0);
        b.logged(&[&format!("5 Health check for server b/s1 succeeded{PASSED}, status: {score}.")]);
    }
    b.ok(0);
    b.logged(&[
        &format!("5 Health check for server b/s1 succeeded{PASSED}, status: 1/1 UP."),
        &format!("5 Server b/s1 is UP. 2 active and 0 backup servers online. {ONLINE}"),
    ]);
}

#[test]
fn backups_take_over() {
    let mut b = Backend::new(vec![
        server("s1", checked(1, 1)),
        Server { backup: true, ..server("s2", checked(1, 1)) },
        Server { backup: true, ..server("s3", checked(1, 1)) },
    ]);
    b.refused(0);
    b.refused(1);
    b.refused(2);
    b.ok(1);
    b.logged(&[
        &format!("1 Server b/s1 is DOWN{REFUSED}. 0 active and 2 backup servers left. Running on backup. {LEFT}"),
        &format!("1 Backup Server b/s2 is DOWN{REFUSED}. 0 active and 1 backup servers left. Running on backup. {LEFT}"),
        &format!("1 Backup Server b/s3 is DOWN{REFUSED}. 0 active and 0 backup servers left. {LEFT}"),
        "0 backend b has no server available!",
        &format!("5 Backup Server b/s2 is UP{PASSED}. 0 active and 1 backup servers online. Running on backup. {ONLINE}"),
    ]);
}

#[test]
fn operators_come_before_checks() {
    let mut b = Backend::new(vec![server("s1", checked(2, 2)), server("s2", checked(2, 2))]);
    b.ok(0);
    b.admin(0, "maint");
    b.admin(0, "maint");
    b.logged(&[&format!(
        "1 Server b/s1 is going DOWN for maintenance. 1 active and 0 backup servers left. {LEFT}"
    )]);
    assert!(!b.fleet.get(0).expect("s1").runs(Checked::Health));
    b.admin(0, "drain");
    b.logged(&[
        "5 Server b/s1 is UP/DRAIN (leaving forced maintenance).",
        "5 Server b/s1 remains in forced drain mode.",
    ]);
    b.admin(0, "ready");
    b.logged(&["5 Server b/s1 is UP (leaving forced drain)."]);
    b.admin(0, "drain");
    b.logged(&[&format!("5 Server b/s1 enters drain state. 1 active and 0 backup servers online. {ONLINE}")]);
    b.admin(0, "maint");
    b.logged(&[&format!(
        "5 Server b/s1 is going DOWN for maintenance. 1 active and 0 backup servers left. {LEFT}"
    )]);
    b.admin(0, "ready");
    b.logged(&["5 Server b/s1 is UP/READY (leaving forced maintenance)."]);
}

#[test]
fn a_server_that_is_down_can_be_maintained_and_drained() {
    let mut b = Backend::new(vec![server("s1", checked(2, 2)), server("s2", checked(2, 2))]);
    b.refused(0);
    b.lines.clear();
    b.admin(0, "maint");
    b.logged(&["5 Server b/s1 was DOWN and now enters maintenance."]);
    b.admin(0, "ready");
    b.refused(0);
    b.logged(&[
        "5 Server b/s1 is UP/READY (leaving forced maintenance).",
        &format!("1 Server b/s1 is DOWN{REFUSED}. 1 active and 0 backup servers left. {LEFT}"),
    ]);
    b.admin(0, "drain");
    b.admin(0, "ready");
    b.logged(&[
        &format!("5 Server b/s1 enters drain state. 1 active and 0 backup servers left. {LEFT}"),
        "5 Server b/s1 is DOWN (leaving forced drain).",
    ]);
}

#[test]
fn a_draining_server_goes_down_quietly_and_2_6_repeats_that_it_drains() {
    for dialect in [Dialect::V2_6, Dialect::V3_0] {
        let setup = Setup { dialect, ..checked(1, 1) };
        let mut b = Backend::new(vec![server("s1", setup.clone()), server("s2", setup)]);
        b.admin(0, "drain");
        b.lines.clear();
        b.refused(0);
        b.ok(0);
        let down = format!("5 Server b/s1 is DOWN{REFUSED}. 1 active and 0 backup servers left. {LEFT}");
        let up = format!("5 Server b/s1 is UP{PASSED}. 1 active and 0 backup servers online. {ONLINE}");
        let again = "5 Server b/s1 remains in forced drain mode.";
        match dialect {
            Dialect::V2_6 => b.logged(&[&down, again, &up, again]),
            _ => b.logged(&[&down, &up]),
        }
    }
}

#[test]
fn health_set_from_the_command_line() {
    let mut b = Backend::new(vec![server("s1", Setup::default())]);
    for (to, line) in [
        (
            Operation::Stopped,
            format!("1 Server b/s1 is DOWN, changed from CLI. 0 active and 0 backup servers left. {LEFT}"),
        ),
        (
            Operation::Stopping,
            format!(
                "5 Server b/s1 is stopping, changed from CLI. 0 active and 0 backup servers online. {ONLINE}"
            ),
        ),
        (
            Operation::Running,
            format!("5 Server b/s1 is UP, changed from CLI. 1 active and 0 backup servers online. {ONLINE}"),
        ),
    ] {
        b.act(|f, now, told| {
            f.change(0, now, told, |h| h.force(Checked::Health, to, Cause::Cli, now));
        });
        if to == Operation::Stopped {
            b.logged(&[&line, "0 backend b has no server available!"]);
        } else {
            b.logged(&[&line]);
        }
    }
}

#[test]
fn trackers_follow() {
    for dialect in [Dialect::V2_6, Dialect::V3_0] {
        let plain = Setup { tracks: true, dialect, ..Setup::default() };
        let mut b = Backend::new(vec![
            server("s1", Setup { dialect, ..checked(1, 1) }),
            Server { tracks: Some(0), ..server("t1", plain.clone()) },
            Server { tracks: Some(1), backup: true, ..server("t2", plain) },
        ]);
        b.refused(0);
        b.logged(&[
            &format!("1 Server b/s1 is DOWN{REFUSED}. 1 active and 1 backup servers left. {LEFT}"),
            &format!("1 Server b/t1 is DOWN via b/s1. 0 active and 1 backup servers left. Running on backup. {LEFT}"),
            &format!("1 Backup Server b/t2 is DOWN via b/t1. 0 active and 0 backup servers left. {LEFT}"),
            "0 backend b has no server available!",
        ]);
        b.ok(0);
        b.logged(&[
            &format!("5 Server b/s1 is UP{PASSED}. 1 active and 0 backup servers online. {ONLINE}"),
            &format!("5 Server b/t1 is UP via b/s1. 2 active and 0 backup servers online. {ONLINE}"),
            &format!("5 Backup Server b/t2 is UP via b/t1. 2 active and 1 backup servers online. {ONLINE}"),
        ]);
        b.admin(0, "maint");
        b.logged(&[
            &format!("1 Server b/s1 is going DOWN for maintenance. 1 active and 1 backup servers left. {LEFT}"),
            &format!("1 Server b/t1 is going DOWN for maintenance via b/s1. 0 active and 1 backup servers left. Running on backup. {LEFT}"),
            &format!("1 Backup Server b/t2 is going DOWN for maintenance via b/t1. 0 active and 0 backup servers left. {LEFT}"),
            "0 backend b has no server available!",
        ]);
        b.admin(1, "maint");
        b.admin(0, "ready");
        b.logged(&[
            "5 Server b/s1 is UP/READY (leaving forced maintenance).",
            "5 Server b/t1 remains in forced maintenance.",
        ]);
        b.admin(1, "ready");
        b.logged(&[
            "5 Server b/t1 is UP/READY (leaving forced maintenance).",
            "5 Backup Server b/t2 is UP/READY (leaving maintenance).",
        ]);
        b.admin(0, "drain");
        b.logged(&[
            &format!("5 Server b/s1 enters drain state. 1 active and 1 backup servers online. {ONLINE}"),
            &format!("5 Server b/t1 enters drain state via b/s1. 0 active and 1 backup servers online. Running on backup. {ONLINE}"),
            &format!("5 Backup Server b/t2 enters drain state via b/t1. 0 active and 0 backup servers online. {ONLINE}"),
            "0 backend b has no server available!",
        ]);
        b.admin(1, "drain");
        b.admin(0, "ready");
        b.logged(&[
            "5 Server b/t1 remains in forced drain mode.",
            "5 Server b/s1 is UP (leaving forced drain).",
            "5 Server b/t1 remains in forced drain mode.",
        ]);
        b.admin(1, "ready");
        let last = match dialect {
            Dialect::V2_6 => "5 Backup Server b/t2 is UP (leaving forced drain).",
            _ => "5 Backup Server b/t2 is UP (leaving drain) via b/t1.",
        };
        b.logged(&["5 Server b/t1 is UP (leaving forced drain).", last]);
    }
}

#[test]
fn a_conditional_success_stops_new_traffic() {
    let mut b = Backend::new(vec![server("s1", checked(2, 2))]);
    b.ok(0);
    b.result(0, Checked::Health, Outcome::new(Status::L7OkCond, 404, "", Some(0)));
    let why = ", reason: Layer7 check conditionally passed, code: 404, check duration: 0ms";
    b.logged(&[
        &format!("5 Server b/s1 is stopping{why}. 0 active and 0 backup servers online. {ONLINE}"),
        "0 backend b has no server available!",
    ]);
    b.refused(0);
    b.refused(0);
    b.logged(&[&format!("5 Server b/s1 is DOWN{REFUSED}. 0 active and 0 backup servers left. {LEFT}")]);
}

#[test]
fn agents_speak_through_their_words() {
    let setup = Setup { agent_ms: Some(2000), ..checked(2, 2) };
    let mut b = Backend::new(vec![server("s1", setup)]);
    let agent = |b: &mut Backend, up: bool| {
        let (status, word) = if up { (Status::L7Ok, "up") } else { (Status::L7Sts, "down") };
        let outcome = Outcome::new(status, 0, format!("via agent : {word}"), Some(0));
        b.act(|f, now, told| {
            f.change(0, now, told, |h| {
                h.handle_agent_word(up);
                h.handle_result(Checked::Agent, &outcome, now)
            });
        });
    };
    b.ok(0);
    agent(&mut b, true);
    b.logged(&[]);
    agent(&mut b, false);
    let why = ", reason: Layer7 wrong status, code: 0, info: \"via agent : down\", check duration: 0ms";
    b.logged(&[
        &format!("1 Server b/s1 is DOWN{why}. 0 active and 0 backup servers left. {LEFT}"),
        "0 backend b has no server available!",
    ]);
    b.ok(0);
    b.logged(&[]);
    agent(&mut b, true);
    let why = ", reason: Layer7 check passed, code: 0, info: \"via agent : up\", check duration: 0ms";
    b.logged(&[&format!("5 Server b/s1 is UP{why}. 1 active and 0 backup servers online. {ONLINE}")]);
    b.result(0, Checked::Agent, Outcome::new(Status::L4Con, 0, "Connection refused", Some(0)));
    b.logged(&[]);
}

#[test]
fn slow_start_ends_with_a_line_of_its_own() {
    let mut b = Backend::new(vec![server("s1", Setup { slowstart_ms: 4000, ..checked(1, 1) })]);
    b.refused(0);
    b.ok(0);
    b.lines.clear();
    let scale = |b: &Backend| b.fleet.get(0).map(|h| h.scale(b.now)).expect("s1");
    assert_eq!(scale(&b), 1);
    b.now = Tick(12_000);
    assert_eq!(scale(&b), 9);
    assert_eq!(b.fleet.get(0).and_then(|h| h.throttle_percent(b.now)), Some(50));
    b.now = Tick(14_000);
    b.act(|f, now, told| {
        f.change(0, now, told, |h| h.handle_timeout(now));
    });
    assert_eq!(scale(&b), 16);
    b.logged(&[&format!("5 Server b/s1 is UP. 1 active and 0 backup servers online. {ONLINE}")]);
}

#[test]
fn live_traffic_counts_as_the_settings_say() {
    for (on_error, health_after, down) in [
        (OnError::FastInter, 4, false),
        (OnError::FailCheck, 3, false),
        (OnError::SuddenDeath, 2, false),
        (OnError::MarkDown, 0, true),
    ] {
        let mut setup = checked(2, 3);
        let timing = setup.check.as_mut().expect("checked");
        (timing.observe, timing.error_limit, timing.on_error) = (Observe::Layer4, 2, on_error);
        timing.fastinter_ms = Some(100);
        let mut b = Backend::new(vec![server("s1", setup), server("s2", checked(2, 3))]);
        b.ok(0);
        let mut hurried = false;
        for traffic in
            [Traffic::ConnectFailed, Traffic::Connected, Traffic::ConnectFailed, Traffic::ConnectFailed]
        {
            b.act(|f, now, told| {
                hurried |= f.change(0, now, told, |h| h.handle_traffic(traffic, now));
            });
        }
        assert!(hurried);
        let health = b.fleet.get_mut(0).expect("s1");
        assert_eq!(health.progress(Checked::Health).map(|p| p.0), Some(health_after), "{on_error:?}");
        if down {
            assert_eq!(health.interval_ms(Checked::Health), 2000);
            let why = ", reason: Health analyze, info: \"Detected 2 consecutive errors, last one was: L4 unsuccessful connection\"";
            b.logged(&[&format!("1 Server b/s1 is DOWN{why}. 1 active and 0 backup servers left. {LEFT}")]);
        } else {
            assert_eq!(health.interval_ms(Checked::Health), 100);
            b.logged(&[]);
        }
    }
}

#[test]
fn intervals_follow_the_counter() {
    let timing = CheckTiming {
        inter_ms: 1000,
        fastinter_ms: Some(100),
        downinter_ms: Some(5000),
        rise: 2,
        fall: 2,
        ..CheckTiming::default()
    };
    let mut h = Health::new(&Setup { check: Some(timing), ..Setup::default() }, Tick(0));
    let ok = Outcome::new(Status::L4Ok, 0, "", None);
    let bad = Outcome::new(Status::L4Con, 0, "", None);
    for (outcome, interval, word) in [
        (None, 100, "UP 1/2"),
        (Some(&ok), 1000, "UP"),
        (Some(&bad), 100, "UP 1/2"),
        (Some(&bad), 5000, "DOWN"),
        (Some(&ok), 100, "DOWN 1/2"),
        (Some(&ok), 1000, "UP"),
    ] {
        if let Some(outcome) = outcome {
            h.handle_result(Checked::Health, outcome, Tick(0));
        }
        assert_eq!((h.interval_ms(Checked::Health), h.state_word().as_str()), (interval, word));
    }
}

#[test]
fn a_disabled_server_waits_for_its_operator() {
    let mut b = Backend::new(vec![
        server("s1", Setup { disabled: true, ..checked(2, 2) }),
        server("s2", checked(2, 2)),
    ]);
    assert!(!b.fleet.get(0).expect("s1").usable());
    b.admin(0, "ready");
    b.logged(&["5 Server b/s1 is UP/READY (leaving forced maintenance)."]);
    assert!(b.fleet.get(0).expect("s1").usable());
}

#[test]
fn trackers_of_a_disabled_server_start_in_maintenance() {
    let plain = Setup { tracks: true, ..Setup::default() };
    let mut b = Backend::new(vec![
        server("s1", Setup { disabled: true, ..checked(1, 1) }),
        Server { tracks: Some(0), ..server("t1", plain.clone()) },
        Server { tracks: Some(1), ..server("t2", plain) },
    ]);
    b.fleet.inherit(Tick(0));
    assert_eq!(b.usable(), (0, 0));
    b.had = 0;
    b.admin(0, "ready");
    b.logged(&[
        "5 Server b/s1 is UP/READY (leaving forced maintenance).",
        "5 Server b/t1 is UP/READY (leaving maintenance).",
        "5 Server b/t2 is UP/READY (leaving maintenance).",
    ]);
    assert_eq!(b.usable(), (3, 0));
}

#[test]
fn mysql_counts_twice() {
    let mut b = Backend::new(vec![
        server("s1", Setup { log_checks: true, ..checked(3, 1) }),
        server("s2", checked(3, 1)),
    ]);
    b.refused(0);
    b.lines.clear();
    let good = Outcome { echoed: true, ..Outcome::new(Status::L7Ok, 0, "8.0.30-fake", Some(0)) };
    let told = "5 Health check for server b/s1 succeeded, reason: Layer7 check passed, code: 0";
    let info = ", info: \"8.0.30-fake\"";
    b.result(0, Checked::Health, good.clone());
    b.logged(&[
        &format!("{told}{info}, check duration: 0ms, status: 1/3 DOWN."),
        &format!("{told}, check duration: 0ms, status: 2/3 DOWN."),
    ]);
    b.result(0, Checked::Health, good);
    b.logged(&[
        &format!("{told}{info}, check duration: 0ms, status: 1/1 UP."),
        &format!("5 Server b/s1 is UP. 2 active and 0 backup servers online. {ONLINE}"),
    ]);
}
