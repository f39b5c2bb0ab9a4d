//! Every state × every input, one line each: the state after it and what was done, in short.
//!
//! Letters: `tN` advert of priority N sent, `+` addresses on, `-` off, `gN` N announcements, `nX` notify X,
//! `p` the priority line, `r` a refusal logged; then where the timer stands, in milliseconds from now.

#![allow(clippy::expect_used, clippy::panic, reason = "a fixture that is none fails the test")]

use std::fmt::Write as _;
use std::net::IpAddr;
use std::time::Duration;

use rha_base::Now;
use rha_vrrp::packet::{Advert, Route};
use rha_vrrp::{
    Action, Auth, Checksum, Condition, Config, Datagram, Family, Input, InstanceId, Moment, Output, Plan,
    Router, Target, Tracker, TrackerKind, Version, Vip,
};

const ID: InstanceId = InstanceId(0);
const HOLD: Duration = Duration::from_millis(100);
/// The moment at which every input comes.
const NOW: Now = Now { mono_us: 10_000_000, wall_us: 0 };

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

fn at(us: u64) -> Now {
    Now { mono_us: us, wall_us: 0 }
}

fn tracker(kind: TrackerKind, weight: i32) -> Tracker {
    Tracker { name: "t".into(), kind, weight, reverse: false, condition: Condition::Up }
}

/// Priority 100, 1 s, skew 609 ms (80: 687 ms).
fn config() -> Config {
    Config {
        name: "VI".into(),
        interface: "eth0".into(),
        vrid: 51,
        priority: 100,
        addresses: vec![Vip::new(ip("10.0.0.200"), "eth0")],
        trackers: vec![tracker(TrackerKind::Script, 0), tracker(TrackerKind::Script, -20)],
        ..Config::default()
    }
}

#[derive(Debug, Clone, Copy)]
enum Before {
    Init,
    Waiting,
    Backup,
    Master,
    HandingOver,
    Yielded,
    Fault,
}

const BEFORE: [Before; 7] = [
    Before::Init,
    Before::Waiting,
    Before::Backup,
    Before::Master,
    Before::HandingOver,
    Before::Yielded,
    Before::Fault,
];

fn prepare(before: Before) -> Router {
    let mut config = config();
    if matches!(before, Before::Waiting) {
        config.trackers[0].condition = Condition::Unknown;
    }
    let mut router = Router::new(Plan { instances: vec![config], ..Plan::default() });
    let mut out = Vec::new();
    let go = |router: &mut Router, input: Input<'_>, us| router.handle(ID, input, at(us), &mut Vec::new());
    go(&mut router, Input::Source(Some(ip("10.0.0.1"))), 0);
    if matches!(before, Before::Init) {
        return router;
    }
    let start = if matches!(before, Before::Backup) { 8_900_000 } else { 0 };
    router.start(at(start), &mut out);
    match before {
        Before::Init | Before::Waiting => {}
        Before::Backup => hear(&mut router, 200, "10.0.0.2", at(9_000_000), &mut out),
        Before::Fault => go(&mut router, Input::Interface { up: false }, 9_000_000),
        Before::Master | Before::HandingOver | Before::Yielded => {
            for us in [3_700_000, 8_700_000, 9_800_000] {
                router.expire(at(us), &mut out); // master, both bursts over, last advert just sent
            }
        }
    }
    match before {
        Before::HandingOver => go(&mut router, Input::Handover { hold: HOLD }, 9_900_000),
        Before::Yielded => {
            go(&mut router, Input::Handover { hold: HOLD }, 9_800_000);
            hear(&mut router, 50, "10.0.0.2", at(9_850_000), &mut out);
            router.expire(at(9_950_000), &mut out);
        }
        _ => {}
    }
    router
}

fn advert(priority: u8, from: &str, change: fn(&mut Advert)) -> Vec<u8> {
    let mut advert = Advert {
        version: Version::V2,
        family: Family::V4,
        vrid: 51,
        priority,
        interval: Duration::from_secs(1),
        auth: Auth::None,
        checksum: Checksum::Pseudo,
        addresses: vec![ip("10.0.0.200")],
    };
    change(&mut advert);
    let (source, destination) = (ip(from), Target::GROUP_V4);
    advert.encode(&Route { source, destination, unicast: false, ttl: 255, id: 1, sequence: 1 })
}

fn hear(router: &mut Router, priority: u8, from: &str, now: Now, out: &mut Vec<Output>) {
    let bytes = advert(priority, from, |_| {});
    router.handle(ID, Input::Datagram(Datagram::v4(&bytes)), now, out);
}

type Act = fn(&mut Router, &mut Vec<Output>);

fn give(router: &mut Router, input: Input<'_>, out: &mut Vec<Output>) {
    router.handle(ID, input, NOW, out);
}

fn condition(router: &mut Router, tracker: usize, condition: Condition, out: &mut Vec<Output>) {
    give(router, Input::Tracker { tracker, condition }, out);
}

const SPREAD: Duration = Duration::from_millis(50);

/// The outcome of each of [`INPUTS`] for each of [`BEFORE`].
#[rustfmt::skip]
const TABLE: &[(&str, [&str; 7])] = &[
    ("nothing", ["INIT", "FAULT", "BACKUP 2609ms", "MASTER 800ms", "MASTER", "BACKUP 3559ms", "FAULT"]),
    ("priority 0", ["INIT", "FAULT", "BACKUP 609ms", "MASTER t100 1000ms", "MASTER", "BACKUP 609ms", "FAULT"]),
    ("lower", ["INIT", "FAULT", "BACKUP 2609ms", "MASTER t100 nMASTER_RX_LOWER_PRI g5 1000ms", "MASTER", "BACKUP 3609ms", "FAULT"]),
    ("equal, lower address", ["INIT", "FAULT", "BACKUP 3609ms", "MASTER t100 nMASTER_RX_LOWER_PRI g5 1000ms", "MASTER", "BACKUP 3609ms", "FAULT"]),
    ("equal, higher address", ["INIT", "FAULT", "BACKUP 3609ms", "BACKUP - nBACKUP 3609ms", "MASTER", "BACKUP 3609ms", "FAULT"]),
    ("higher", ["INIT", "FAULT", "BACKUP 3609ms", "BACKUP - nBACKUP 3609ms", "MASTER", "BACKUP 3609ms", "FAULT"]),
    ("own address", ["INIT", "FAULT", "BACKUP 2609ms", "MASTER 800ms", "MASTER", "BACKUP 3559ms", "FAULT"]),
    ("refused", ["INIT", "FAULT", "BACKUP r 2609ms", "MASTER r 800ms", "MASTER r", "BACKUP r 3559ms", "FAULT"]),
    ("garbage", ["INIT", "FAULT", "BACKUP 2609ms", "MASTER 800ms", "MASTER", "BACKUP 3559ms", "FAULT"]),
    ("its timer", ["INIT", "FAULT", "MASTER t100 + nMASTER g5 3609ms", "MASTER t100 1800ms", "MASTER kept t100 3396ms", "MASTER t100 + nMASTER g5 4559ms", "FAULT"]),
    ("timers not due", ["INIT", "FAULT", "BACKUP 2609ms", "MASTER 800ms", "MASTER", "BACKUP 3559ms", "FAULT"]),
    ("script fails", ["INIT", "FAULT nFAULT", "FAULT nFAULT", "FAULT t0 t0 - nFAULT", "FAULT kept t0 t0 - nFAULT", "FAULT nFAULT", "FAULT"]),
    ("script succeeds", ["INIT", "BACKUP nBACKUP 3609ms", "BACKUP 2609ms", "MASTER 800ms", "MASTER", "BACKUP 3559ms", "FAULT"]),
    ("weighted script fails", ["INIT", "FAULT p", "BACKUP p 2687ms", "MASTER p 800ms", "MASTER p", "BACKUP p 3637ms", "FAULT p"]),
    ("no such tracker", ["INIT", "FAULT", "BACKUP 2609ms", "MASTER 800ms", "MASTER", "BACKUP 3559ms", "FAULT"]),
    ("interface down", ["INIT", "FAULT nFAULT", "FAULT nFAULT", "FAULT t0 t0 - nFAULT", "FAULT kept t0 t0 - nFAULT", "FAULT nFAULT", "FAULT"]),
    ("interface up", ["INIT", "FAULT", "BACKUP 2609ms", "MASTER 800ms", "MASTER", "BACKUP 3559ms", "BACKUP nBACKUP 3609ms"]),
    ("source lost", ["INIT", "FAULT nFAULT", "FAULT nFAULT", "FAULT t0 t0 - nFAULT", "FAULT kept t0 t0 - nFAULT", "FAULT nFAULT", "FAULT"]),
    ("source changed", ["INIT", "FAULT", "BACKUP 2609ms", "MASTER 800ms", "MASTER", "BACKUP 3559ms", "FAULT"]),
    ("route lost", ["INIT", "FAULT nFAULT", "FAULT nFAULT", "FAULT t0 t0 - nFAULT", "FAULT kept t0 t0 - nFAULT", "FAULT nFAULT", "FAULT"]),
    ("route back", ["INIT", "FAULT", "BACKUP 2609ms", "MASTER 800ms", "MASTER", "BACKUP 3559ms", "FAULT"]),
    ("address removed", ["INIT", "FAULT", "BACKUP 2609ms", "BACKUP t0 - nBACKUP 609ms", "BACKUP kept t0 - nBACKUP 609ms", "BACKUP 3559ms", "FAULT"]),
    ("another's address removed", ["INIT", "FAULT", "BACKUP 2609ms", "MASTER 800ms", "MASTER", "BACKUP 3559ms", "FAULT"]),
    ("path lost", ["INIT", "FAULT", "BACKUP 30ms", "MASTER 800ms", "MASTER", "BACKUP 30ms", "FAULT"]),
    ("handover", ["INIT", "FAULT", "BACKUP 2609ms", "MASTER t0", "MASTER", "BACKUP 3559ms", "FAULT"]),
    ("announce", ["INIT", "FAULT", "BACKUP 2609ms", "MASTER g5 800ms", "MASTER g5", "BACKUP 3559ms", "FAULT"]),
    ("shutdown", ["INIT nSTOP", "INIT nSTOP", "INIT nSTOP", "INIT t0 - nSTOP", "INIT t0 - nSTOP", "INIT nSTOP", "INIT nSTOP"]),
    ("reload, same", ["BACKUP nBACKUP 3609ms", "BACKUP nBACKUP 3609ms", "BACKUP 3609ms", "MASTER 0ms", "MASTER", "BACKUP 3609ms", "FAULT"]),
    ("reload, priority 200", ["BACKUP nBACKUP 3218ms", "BACKUP nBACKUP 3218ms", "BACKUP 3218ms", "MASTER 0ms", "MASTER", "BACKUP 3218ms", "FAULT"]),
    ("reload, removed", ["gone nFAULT", "gone", "gone nFAULT", "gone t0 - nFAULT", "gone t0 - nFAULT", "gone nFAULT", "gone"]),
];

fn outcome(router: &Router, out: &[Output]) -> String {
    let instance = router.instances().first();
    let mut text = instance.map_or("gone".to_owned(), |i| i.state().name().to_owned());
    let mut garps = 0;
    for output in out {
        match &output.action {
            Action::Send { priority, .. } => drop(write!(text, " t{priority}")),
            Action::AddAddresses => text += " +",
            Action::RemoveAddresses { .. } => text += " -",
            Action::Announce { .. } => garps += 1,
            Action::Notify { notice, .. } => drop(write!(text, " n{}", notice.name())),
            Action::Log { text: line, .. } if line.contains("Changing effective") => text += " p",
            Action::Log { text: line, .. } if line.contains("invalid") || line.contains("wrong") => {
                text += " r"
            }
            Action::HandedOver { .. } => text += " given",
            Action::HandoverFailed => text += " kept",
            _ => {}
        }
    }
    if garps > 0 {
        let _ = write!(text, " g{garps}");
    }
    let Moment(deadline) = instance.map_or(Moment::NEVER, |i| i.advert_deadline());
    if deadline != u64::MAX {
        let _ = write!(text, " {}ms", (deadline as i64 - NOW.mono_us as i64) / 1000);
    }
    text
}

const INPUTS: &[(&str, Act)] = &[
    ("nothing", |_, _| {}),
    ("priority 0", |r, o| hear(r, 0, "10.0.0.2", NOW, o)),
    ("lower", |r, o| hear(r, 50, "10.0.0.2", NOW, o)),
    ("equal, lower address", |r, o| hear(r, 100, "10.0.0.0", NOW, o)),
    ("equal, higher address", |r, o| hear(r, 100, "10.0.0.2", NOW, o)),
    ("higher", |r, o| hear(r, 200, "10.0.0.2", NOW, o)),
    ("own address", |r, o| hear(r, 200, "10.0.0.1", NOW, o)),
    ("refused", |r, o| {
        let bytes = advert(200, "10.0.0.2", |a| a.version = Version::V3);
        give(r, Input::Datagram(Datagram::v4(&bytes)), o);
    }),
    ("garbage", |r, o| give(r, Input::Datagram(Datagram::v4(&[0x45; 21])), o)),
    ("its timer", |r, o| {
        let Moment(us) = r.deadline();
        if us != u64::MAX {
            r.expire(at(us), o);
        }
    }),
    ("timers not due", |r, o| r.expire(NOW, o)),
    ("script fails", |r, o| condition(r, 0, Condition::Down, o)),
    ("script succeeds", |r, o| condition(r, 0, Condition::Up, o)),
    ("weighted script fails", |r, o| condition(r, 1, Condition::Down, o)),
    ("no such tracker", |r, o| condition(r, 9, Condition::Down, o)),
    ("interface down", |r, o| give(r, Input::Interface { up: false }, o)),
    ("interface up", |r, o| give(r, Input::Interface { up: true }, o)),
    ("source lost", |r, o| give(r, Input::Source(None), o)),
    ("source changed", |r, o| give(r, Input::Source(Some(ip("10.0.0.3"))), o)),
    ("route lost", |r, o| give(r, Input::Route { lost: true }, o)),
    ("route back", |r, o| give(r, Input::Route { lost: false }, o)),
    ("address removed", |r, o| give(r, Input::AddressRemoved { address: ip("10.0.0.200") }, o)),
    ("another's address removed", |r, o| give(r, Input::AddressRemoved { address: ip("10.0.0.9") }, o)),
    ("path lost", |r, o| give(r, Input::PathLost { peer: ip("10.0.0.2"), spread: SPREAD }, o)),
    ("handover", |r, o| give(r, Input::Handover { hold: HOLD }, o)),
    ("announce", |r, o| give(r, Input::Announce, o)),
    ("shutdown", |r, o| r.shutdown(NOW, o)),
    ("reload, same", |r, o| reload(r, config(), o)),
    ("reload, priority 200", |r, o| reload(r, Config { priority: 200, ..config() }, o)),
    ("reload, removed", |r, o| {
        let mut after = Vec::new();
        r.reload(Plan::default(), NOW, o, &mut after);
        assert!(after.is_empty());
    }),
];

fn reload(router: &mut Router, config: Config, out: &mut Vec<Output>) {
    let mut before = Vec::new();
    router.reload(Plan { instances: vec![config], ..Plan::default() }, NOW, &mut before, out);
    assert!(before.is_empty());
}

#[test]
fn every_state_and_every_input() {
    assert_eq!(INPUTS.len(), TABLE.len());
    for ((name, act), (row, expected)) in INPUTS.iter().zip(TABLE) {
        assert_eq!(name, row);
        for (before, expected) in BEFORE.into_iter().zip(expected) {
            let mut router = prepare(before);
            let mut out = Vec::new();
            act(&mut router, &mut out);
            assert_eq!(outcome(&router, &out), *expected, "{before:?}: {name}");
        }
    }
}
