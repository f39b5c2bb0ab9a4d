//! Whole stories of one instance: the log lines, in keepalived 2.2.7's words and order, together with what is
//! done between them, as recorded from a run of the original.

#![allow(clippy::expect_used, clippy::panic, reason = "a fixture that is none fails the test")]

use std::net::IpAddr;
use std::time::Duration;

use rha_base::Now;
use rha_vrrp::packet::{Advert, Route};
use rha_vrrp::{
    Action, Auth, Checksum, Condition, Config, Datagram, Family, GroupConfig, Input, InstanceId, Moment,
    Output, Plan, Router, Target, Tracker, TrackerKind, Version, Vip, Who,
};

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

fn at(ms: u64) -> Now {
    Now { mono_us: ms * 1000, wall_us: 1_700_000_000_000_000 }
}

/// One line per output; announcements of one burst as one word.
fn told(out: &mut Vec<Output>) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for output in out.drain(..) {
        let line = match output.action {
            Action::Log { text, .. } => text,
            Action::Send { priority, to, .. } => format!("-> {to} priority {priority}"),
            Action::Announce { vip } => format!("GARP {vip}"),
            Action::Notify { notice, priority } => match output.who {
                Who::Instance(_) => format!("notify {} {priority}", notice.name()),
                Who::Group(_) => format!("notify group {} {priority}", notice.name()),
            },
            Action::AddAddresses => "addresses on".into(),
            Action::RemoveAddresses { force: false } => "addresses off".into(),
            Action::RemoveAddresses { force: true } => "addresses off by force".into(),
            other => format!("{other:?}"),
        };
        lines.push(line);
    }
    lines
}

fn config() -> Config {
    Config {
        name: "VI_1".into(),
        interface: "eth0".into(),
        vrid: 51,
        priority: 110,
        auth: Auth::Pass(Auth::secret("s3cr3t")),
        source: None,
        addresses: vec![Vip::new(ip("10.77.0.200"), "eth0"), Vip::new(ip("10.77.0.201"), "eth0")],
        excluded: vec![Vip::new(ip("10.77.0.202"), "eth0")],
        has_routes: true,
        ..Config::default()
    }
}

struct Node {
    router: Router,
    out: Vec<Output>,
}

const ID: InstanceId = InstanceId(0);

impl Node {
    fn new(configs: Vec<Config>, groups: Vec<GroupConfig>) -> Node {
        let plan = Plan { instances: configs, groups, detail: true, ..Plan::default() };
        Node { router: Router::new(plan), out: Vec::new() }
    }

    fn started(config: Config) -> Node {
        let mut node = Node::new(vec![Config { source: Some(ip("10.77.0.1")), ..config }], vec![]);
        node.router.start(at(0), &mut node.out);
        node.out.clear();
        node
    }

    /// Started and master since its first timer.
    fn master(config: Config) -> Node {
        let mut node = Node::started(config);
        node.out.clear();
        let Moment(deadline) = node.router.deadline();
        node.router.expire(Now { mono_us: deadline, wall_us: 0 }, &mut node.out);
        node.out.clear();
        node
    }

    fn does(&mut self, input: Input<'_>, ms: u64) -> Vec<String> {
        self.router.handle(ID, input, at(ms), &mut self.out);
        told(&mut self.out)
    }

    fn hears(&mut self, priority: u8, from: &str, ms: u64) -> Vec<String> {
        let bytes = advert(self.router.instances()[0].config(), priority, from);
        self.does(Input::Datagram(Datagram::v4(&bytes)), ms)
    }

    fn expires(&mut self, ms: u64) -> Vec<String> {
        self.router.expire(at(ms), &mut self.out);
        told(&mut self.out)
    }

    fn deadline_ms(&self) -> u64 {
        self.router.instances()[0].advert_deadline().0 / 1000
    }
}

fn advert(config: &Config, priority: u8, from: &str) -> Vec<u8> {
    let advert = Advert {
        version: config.version,
        family: Family::V4,
        vrid: config.vrid,
        priority,
        interval: config.advert_interval,
        auth: config.auth,
        checksum: Checksum::Pseudo,
        addresses: config.addresses.iter().map(|v| v.address).collect(),
    };
    let source = ip(from);
    let destination = Target::GROUP_V4;
    advert.encode(&Route { source, destination, unicast: false, ttl: 255, id: 1, sequence: 1 })
}

fn burst() -> Vec<String> {
    let mut lines = Vec::new();
    for place in 0..3 {
        lines.push(format!("(VI_1) Sending/queueing gratuitous ARPs on eth0 for 10.77.0.{}", 200 + place));
        lines.push(format!("GARP {place}"));
    }
    for _ in 0..4 {
        lines.extend((0..3).map(|place| format!("GARP {place}")));
    }
    lines
}

fn takes_over() -> Vec<String> {
    let before = [
        "(VI_1) Receive advertisement timeout",
        "-> 224.0.0.18 priority 110",
        "(VI_1) Entering MASTER STATE",
        "(VI_1) setting VIPs.",
        "(VI_1) setting E-VIPs.",
        "addresses on",
        "(VI_1) setting Virtual Routes",
        "AddRoutes",
    ];
    let mut lines: Vec<String> = before.iter().map(ToString::to_string).collect();
    lines.extend(burst());
    lines.push("notify MASTER 110".into());
    lines
}

#[test]
fn the_recorded_run() {
    let mut node = Node::new(vec![config()], vec![]);
    node.router.handle(ID, Input::Source(Some(ip("10.77.0.1"))), at(0), &mut node.out);
    node.router.clean_up(at(0), &mut node.out);
    assert_eq!(
        told(&mut node.out),
        [
            "(VI_1) removing Virtual Routes",
            "RemoveRoutes",
            "(VI_1) removing VIPs.",
            "(VI_1) removing E-VIPs.",
            "addresses off by force",
        ]
    );
    node.router.start(at(0), &mut node.out);
    let start = [
        "(VI_1) removing Virtual Routes",
        "RemoveRoutes",
        "(VI_1) Entering BACKUP STATE (init)",
        "notify BACKUP 110",
    ];
    assert_eq!(told(&mut node.out), start);
    assert_eq!(node.router.deadline(), Moment(3_570_312), "3 × 1 s + (256 − 110)/256 s");
    assert!(node.expires(3570).is_empty());
    assert_eq!(node.expires(3571), takes_over());
    assert_eq!(node.expires(4571), ["-> 224.0.0.18 priority 110"]);

    // somebody deletes an address: back after the skew alone
    let lost = node.does(Input::AddressRemoved { address: ip("10.77.0.200") }, 5000);
    assert_eq!(
        lost,
        [
            "Netlink reflector reports IP 10.77.0.200 removed from eth0",
            "(VI_1) Entering BACKUP STATE",
            "-> 224.0.0.18 priority 0",
            "(VI_1) sent 0 priority",
            "(VI_1) removing Virtual Routes",
            "RemoveRoutes",
            "(VI_1) removing VIPs.",
            "(VI_1) removing E-VIPs.",
            "addresses off",
            "notify BACKUP 110",
        ]
    );
    assert_eq!(node.expires(5571), takes_over());
    for ms in [6571, 7571, 8571, 9571] {
        assert_eq!(node.expires(ms), ["-> 224.0.0.18 priority 110"]);
    }
    let mut delayed = vec!["-> 224.0.0.18 priority 110".to_string()];
    delayed.extend(burst());
    assert_eq!(node.expires(10571), delayed, "five seconds after mastership");

    // the link goes down and comes back
    let down = node.does(Input::Interface { up: false }, 11_000);
    assert_eq!(
        down,
        [
            "(VI_1) Entering FAULT STATE",
            "-> 224.0.0.18 priority 0",
            "-> 224.0.0.18 priority 0",
            "(VI_1) sent 0 priority",
            "(VI_1) removing Virtual Routes",
            "RemoveRoutes",
            "(VI_1) removing VIPs.",
            "(VI_1) removing E-VIPs.",
            "addresses off",
            "notify FAULT 110",
        ]
    );
    assert_eq!(node.router.deadline(), Moment::NEVER);
    let up = node.does(Input::Interface { up: true }, 12_000);
    assert_eq!(up, ["(VI_1) Entering BACKUP STATE", "notify BACKUP 110"]);
    assert_eq!(node.expires(15_571), takes_over());

    node.router.shutdown(at(16_000), &mut node.out);
    assert_eq!(
        told(&mut node.out),
        [
            "-> 224.0.0.18 priority 0",
            "(VI_1) sent 0 priority",
            "(VI_1) removing Virtual Routes",
            "RemoveRoutes",
            "(VI_1) removing VIPs.",
            "(VI_1) removing E-VIPs.",
            "addresses off",
            "notify STOP 110",
        ]
    );
    let stats = node.router.instances()[0].stats();
    assert_eq!((stats.became_master, stats.released_master, stats.priority_zero_sent), (3, 2, 3));
}

#[test]
fn a_backup_hears() {
    let mut node = Node::started(config());
    assert!(node.hears(200, "10.77.0.2", 1000).is_empty());
    assert_eq!(node.deadline_ms(), 4570);
    assert!(node.hears(110, "10.77.0.2", 2000).is_empty(), "equal restarts the timer");
    assert_eq!(node.deadline_ms(), 5570);
    let lower = ["(VI_1) received lower priority (100) advert from 10.77.0.2 - discarding"];
    assert_eq!(node.hears(100, "10.77.0.2", 3000), lower);
    assert_eq!(node.deadline_ms(), 5570, "a lower one does not");
    assert_eq!(node.hears(0, "10.77.0.2", 4000), ["(VI_1) Backup received priority 0 advertisement"]);
    assert_eq!(node.deadline_ms(), 4570);
    assert_eq!(node.router.instances()[0].stats().priority_zero_received, 1);
}

#[test]
fn nopreempt_and_preempt_delay() {
    let mut node = Node::started(Config { nopreempt: true, ..config() });
    assert!(node.hears(50, "10.77.0.2", 1000).is_empty());
    assert_eq!(node.deadline_ms(), 4570);

    let mut node = Node::started(Config { preempt_delay: Duration::from_secs(3), ..config() });
    assert_eq!(node.hears(50, "10.77.0.2", 1000), ["(VI_1) start preempt delay (3.000000)"]);
    assert!(node.hears(50, "10.77.0.2", 3999).is_empty());
    assert_eq!(node.deadline_ms(), 7569, "until the delay ends every advert restarts the timer");
    let lower = ["(VI_1) received lower priority (50) advert from 10.77.0.2 - discarding"];
    assert_eq!(node.hears(50, "10.77.0.2", 4000), lower);
    assert_eq!(node.deadline_ms(), 7569);
    assert_eq!(node.hears(200, "10.77.0.2", 5000), ["(VI_1) stop preempt delay"]);
}

#[test]
fn a_master_hears() {
    let simple =
        Config { addresses: vec![Vip::new(ip("10.77.0.200"), "eth0")], excluded: vec![], ..config() };
    let simple = Config { has_routes: false, ..simple };
    let mut node = Node::master(simple.clone());
    let zero = ["-> 224.0.0.18 priority 110", "(VI_1) Master received priority 0 message"];
    assert_eq!(node.hears(0, "10.77.0.2", 4000), zero);
    assert_eq!(node.deadline_ms(), 5000);

    let garp = "(VI_1) Sending/queueing gratuitous ARPs on eth0 for 10.77.0.200";
    let mut firm = vec![
        "(VI_1) Received advert from 10.77.0.2 with lower priority 100, ours 110, forcing new election",
        "-> 224.0.0.18 priority 110",
        garp,
    ];
    firm.extend(["GARP 0"; 5]);
    firm.push("notify MASTER_RX_LOWER_PRI 110");
    assert_eq!(node.hears(100, "10.77.0.2", 4500), firm);
    assert_eq!(node.deadline_ms(), 5500);
    let equal_lower_address = node.hears(110, "10.77.0.0", 4600);
    assert!(equal_lower_address[0].contains("with lower priority 110, ours 110"), "{equal_lower_address:?}");

    let gives_way = |line: &str| {
        let rest =
            ["(VI_1) Entering BACKUP STATE", "(VI_1) removing VIPs.", "addresses off", "notify BACKUP 110"];
        std::iter::once(line).chain(rest).map(str::to_owned).collect::<Vec<_>>()
    };
    let line =
        "(VI_1) Master received advert from 10.77.0.2 with same priority 110 but higher IP address than ours";
    assert_eq!(node.hears(110, "10.77.0.2", 4700), gives_way(line));
    let mut node = Node::master(Config { higher_prio_send_advert: true, ..simple.clone() });
    let line = "(VI_1) Master received advert from 10.77.0.2 with higher priority 200, ours 110";
    let mut expected = gives_way(line);
    expected.insert(0, "-> 224.0.0.18 priority 110".into());
    assert_eq!(node.hears(200, "10.77.0.2", 4700), expected);

    let mut quiet = Node::master(Config { lower_prio_no_advert: true, ..simple.clone() });
    let said = quiet.hears(100, "10.77.0.2", 4500);
    assert_eq!(said[0], "(VI_1) Received advert from 10.77.0.2 with lower priority 100, ours 110");
    assert!(said.iter().all(|line| !line.starts_with("->")));
    assert_eq!(quiet.deadline_ms(), 4570, "and its timer runs on");

    let mut strict = Node::master(Config { strict: true, ..simple });
    let said = strict.hears(100, "10.77.0.2", 4500);
    let only = ["(VI_1) Received advert from 10.77.0.2 with lower priority 100, ours 110"];
    assert_eq!(said[..1], only);
    assert_eq!(said[1..], ["notify MASTER_RX_LOWER_PRI 110"], "no advert, no bursts");
}

#[test]
fn two_owners() {
    let owner = Config { priority: 255, addresses: vec![], excluded: vec![], has_routes: false, ..config() };
    let mut node = Node::started(owner);
    assert_eq!(node.router.deadline(), Moment(1), "the owner does not listen first");
    assert_eq!(node.expires(1)[1..3], ["-> 224.0.0.18 priority 255", "(VI_1) Entering MASTER STATE"]);
    let heard = node.hears(255, "10.77.0.0", 500);
    assert!(
        heard[0].starts_with("(VI_1) CONFIGURATION ERROR: local instance and a remote instance are both")
    );
    assert_eq!(heard[1], "(VI_1) Master received advert from 10.77.0.0 with higher priority 255, ours 254");
    assert_eq!(node.router.instances()[0].effective_priority(), 254);
}

#[test]
fn version_3_counts_by_the_masters_interval() {
    let v3 = Config { version: Version::V3, advert_interval: Duration::from_secs(2), ..config() };
    let mut node = Node::started(v3);
    assert_eq!(node.router.deadline(), Moment(7_140_625), "3 × 2 s + 146/256 × 2 s");
    let theirs =
        Config { advert_interval: Duration::from_secs(1), ..node.router.instances()[0].config().clone() };
    let bytes = advert(&theirs, 200, "10.77.0.2");
    let heard = node.does(Input::Datagram(Datagram::v4(&bytes)), 1000);
    assert_eq!(heard, ["(VI_1) advertisement interval updated from 2000ms to 1000ms by master"]);
    assert_eq!(node.deadline_ms(), 4570);
    let line = "(VI_1) changing advert interval from 1000ms to locally configured 2000ms";
    assert!(node.expires(4571).contains(&line.to_string()));
    assert_eq!(node.deadline_ms(), 6571);
}

#[test]
fn priorities_move_the_timer_by_the_skew_and_not_more() {
    let tracker = |weight| Tracker {
        name: "chk".into(),
        kind: TrackerKind::Script,
        weight,
        reverse: false,
        condition: Condition::Up,
    };
    let tracked = Config { trackers: vec![tracker(-30)], notify_priority_changes: true, ..config() };
    let mut node = Node::started(tracked.clone());
    node.hears(0, "10.77.0.2", 1000);
    assert_eq!(node.deadline_ms(), 1570);
    let changed = node.does(Input::Tracker { tracker: 0, condition: Condition::Down }, 1001);
    let line = "(VI_1) Changing effective priority from 110 to 80";
    assert_eq!(changed, [line, "notify BACKUP_PRIORITY 80"]);
    assert_eq!(node.deadline_ms(), 1687, "30/256 s later, although a priority 0 was heard");

    let fatal = Config { trackers: vec![tracker(0)], ..tracked };
    let mut node = Node::started(fatal.clone());
    let failed = node.does(Input::Tracker { tracker: 0, condition: Condition::Down }, 1000);
    assert_eq!(failed, ["(VI_1) Entering FAULT STATE", "notify FAULT 110"]);
    assert!(node.hears(200, "10.77.0.2", 1100).is_empty(), "deaf");
    // two faults: the first to go changes nothing
    assert!(node.does(Input::Interface { up: false }, 1200).is_empty());
    assert!(node.does(Input::Tracker { tracker: 0, condition: Condition::Up }, 1300).is_empty());
    let back = node.does(Input::Interface { up: true }, 1400);
    assert_eq!(back, ["(VI_1) Entering BACKUP STATE", "notify BACKUP 110"]);

    // a script without result holds the instance without a word
    let waiting = Tracker { condition: Condition::Unknown, ..tracker(0) };
    let mut node = Node::new(
        vec![Config {
            trackers: vec![waiting],
            source: Some(ip("10.77.0.1")),
            has_routes: false,
            ..config()
        }],
        vec![],
    );
    node.router.start(at(0), &mut node.out);
    assert!(told(&mut node.out).is_empty());
    let back = node.does(Input::Tracker { tracker: 0, condition: Condition::Up }, 900);
    assert_eq!(back, ["(VI_1) Entering BACKUP STATE", "notify BACKUP 110"]);
    assert_eq!(node.deadline_ms(), 4470);
}

#[test]
fn faults_at_start_are_explained() {
    let chk = Tracker {
        name: "chk".into(),
        kind: TrackerKind::Script,
        weight: 0,
        reverse: false,
        condition: Condition::Down,
    };
    let file =
        Tracker { name: "f".into(), kind: TrackerKind::File, condition: Condition::Value(1), ..chk.clone() };
    let broken = Config { trackers: vec![chk, file], has_routes: false, ..config() };
    let mut node = Node::new(vec![broken], vec![]);
    node.router.handle(ID, Input::Interface { up: false }, at(0), &mut node.out);
    node.router.start(at(0), &mut node.out);
    let mut lines = told(&mut node.out);
    let last = lines.split_off(lines.len() - 2);
    lines.sort();
    assert_eq!(
        lines,
        [
            "(VI_1) entering FAULT state (no IPv4 address for interface)",
            "(VI_1): entering FAULT state (interface eth0 down)",
            "(VI_1): entering FAULT state (tracked file f has status -254)",
            "(VI_1): entering FAULT state due to script chk",
        ]
    );
    assert_eq!(last, ["(VI_1) entering FAULT state", "notify FAULT 110"]);
}

fn pair() -> Node {
    let member = |name: &str, vrid| Config {
        name: name.into(),
        vrid,
        source: Some(ip("10.77.0.1")),
        addresses: vec![],
        excluded: vec![],
        has_routes: false,
        ..config()
    };
    let group = GroupConfig {
        name: "G1".into(),
        members: vec!["VI_1".into(), "VI_2".into()],
        tracking_weight: false,
    };
    let mut node = Node::new(vec![member("VI_1", 51), member("VI_2", 52)], vec![group]);
    node.router.start(at(0), &mut node.out);
    node
}

#[test]
fn a_group_moves_together() {
    let mut node = pair();
    assert_eq!(
        told(&mut node.out),
        [
            "notify group BACKUP 0",
            "(VI_1) Entering BACKUP STATE (init)",
            "notify BACKUP 110",
            "(VI_2) Entering BACKUP STATE (init)",
            "notify BACKUP 110",
        ]
    );
    // the second hears a master a while longer: the first must wait for it
    let bytes = advert(node.router.instances()[1].config(), 200, "10.77.0.2");
    node.router.handle(InstanceId(1), Input::Datagram(Datagram::v4(&bytes)), at(3000), &mut node.out);
    assert!(told(&mut node.out).is_empty());
    assert_eq!(node.expires(3571), ["(VI_1) Receive advertisement timeout"]);
    assert_eq!(
        node.expires(6571),
        [
            "(VI_2) Receive advertisement timeout",
            "-> 224.0.0.18 priority 110",
            "(VI_2) Entering MASTER STATE",
            "addresses on",
            "notify MASTER 110",
            "VRRP_Group(G1) Syncing instances to MASTER state",
            "-> 224.0.0.18 priority 110",
            "(VI_1) Entering MASTER STATE",
            "addresses on",
            "notify MASTER 110",
            "notify group MASTER 0",
        ]
    );
    let heard = node.hears(200, "10.77.0.2", 7000);
    let backup = [
        "(VI_1) Entering BACKUP STATE",
        "addresses off",
        "notify BACKUP 110",
        "VRRP_Group(G1) Syncing instances to BACKUP state",
        "(VI_2) Entering BACKUP STATE",
        "addresses off",
        "notify BACKUP 110",
        "notify group BACKUP 0",
    ];
    assert_eq!(heard[1..], backup);
    let fault = node.does(Input::Interface { up: false }, 8000);
    assert_eq!(
        fault,
        [
            "(VI_1) Entering FAULT STATE",
            "notify FAULT 110",
            "VRRP_Group(G1) Syncing instances to FAULT state",
            "notify FAULT 110",
            "notify group FAULT 0",
        ]
    );
    let up = node.does(Input::Interface { up: true }, 9000);
    assert_eq!(
        up,
        [
            "(VI_1) Entering BACKUP STATE",
            "notify BACKUP 110",
            "VRRP_Group(G1) Syncing instances to BACKUP state",
            "(VI_2) Entering BACKUP STATE",
            "notify BACKUP 110",
            "notify group BACKUP 0",
        ]
    );
}

#[test]
fn handover_keeps_the_addresses_until_another_holds_them() {
    let simple = Config { addresses: vec![], excluded: vec![], has_routes: false, ..config() };
    let mut node = Node::master(simple.clone());
    let hold = Duration::from_millis(100);
    let begun = node.does(Input::Handover { hold }, 5000);
    assert_eq!(begun, ["-> 224.0.0.18 priority 0", "(VI_1) sent 0 priority"]);
    assert!(node.router.instances()[0].holds_addresses());
    assert!(node.expires(5599).is_empty(), "no more adverts");
    assert!(node.hears(50, "10.77.0.2", 5600).is_empty());
    assert!(node.expires(5699).is_empty());
    let gone = [
        "(VI_1) Entering BACKUP STATE",
        "addresses off",
        "notify BACKUP 110",
        "HandedOver { to: 10.77.0.2 }",
    ];
    assert_eq!(node.expires(5700), gone);
    // it does not preempt the node it handed over to, but takes over when that fails
    assert!(node.hears(50, "10.77.0.2", 6600).is_empty());
    assert!(node.expires(10_169).is_empty());
    assert!(node.expires(10_171).contains(&"(VI_1) Entering MASTER STATE".to_string()));
    assert!(!node.router.instances()[0].has_yielded());

    // a successor that leaves again in the meantime
    let mut node = Node::master(simple.clone());
    node.does(Input::Handover { hold }, 5000);
    node.hears(50, "10.77.0.2", 5600);
    assert!(node.hears(0, "10.77.0.3", 5610).is_empty(), "a third node's farewell");
    assert_eq!(node.hears(0, "10.77.0.2", 5620), ["HandoverFailed", "-> 224.0.0.18 priority 110"]);
    assert!(node.router.instances()[0].holds_addresses());

    let mut alone = Node::master(simple);
    alone.does(Input::Handover { hold }, 5000);
    assert_eq!(alone.expires(7600), ["HandoverFailed", "-> 224.0.0.18 priority 110"]);
}

#[test]
fn a_lost_path_to_the_master_is_a_master_down_event() {
    let spread = Duration::from_millis(50);
    let mut node = Node::started(config());
    node.hears(200, "10.77.0.2", 1000);
    assert!(node.does(Input::PathLost { peer: ip("10.77.0.3"), spread }, 1500).is_empty());
    assert_eq!(node.deadline_ms(), 4570, "another node's path");
    node.does(Input::PathLost { peer: ip("10.77.0.2"), spread }, 1500);
    assert_eq!(node.deadline_ms(), 1528, "145/256 × 50 ms");
    node.hears(200, "10.77.0.2", 1510);
    assert_eq!(node.deadline_ms(), 5080, "it is alive after all");
}

#[test]
fn a_refusal_is_logged_once_until_that_sender_is_good() {
    let mut node = Node::started(config());
    let mut other = node.router.instances()[0].config().clone();
    other.auth = Auth::Pass(Auth::secret("other"));
    let bad = advert(&other, 200, "10.77.0.2");
    let line = ["(VI_1) received an invalid passwd!"];
    assert_eq!(node.does(Input::Datagram(Datagram::v4(&bad)), 1000), line);
    assert!(node.does(Input::Datagram(Datagram::v4(&bad)), 2000).is_empty());
    assert!(node.hears(200, "10.77.0.3", 2100).is_empty(), "another sender's good one changes nothing");
    assert!(node.does(Input::Datagram(Datagram::v4(&bad)), 2200).is_empty());
    assert!(node.hears(200, "10.77.0.2", 2300).is_empty());
    assert_eq!(node.does(Input::Datagram(Datagram::v4(&bad)), 2400), line);
    let stats = node.router.instances()[0].stats();
    assert_eq!((stats.auth_failures(), stats.adverts_received), (4, 2));
    assert_eq!(node.deadline_ms(), 2300 + 3570, "refused adverts move no timer");
}

#[test]
fn a_reload_keeps_a_master_and_says_what_changed() {
    let simple = Config { has_routes: false, excluded: vec![], source: Some(ip("10.77.0.1")), ..config() };
    let mut node = Node::master(simple.clone());
    let (mut before, mut after) = (Vec::new(), Vec::new());
    let plan = |instances| Plan { instances, detail: true, ..Plan::default() };
    let moved = node.router.reload(plan(vec![simple.clone()]), at(4000), &mut before, &mut after);
    assert_eq!(moved, [Some(ID)]);
    assert!(before.is_empty());
    let said = told(&mut after);
    assert!(said[0].starts_with("ReplaceAddresses"));
    assert_eq!(said[1..], ["(VI_1) setting VIPs."]);
    assert_eq!(node.expires(4000), ["-> 224.0.0.18 priority 110"], "an advert at once, the state kept");

    // one address more, another priority, and a second instance
    let mut changed = Config { priority: 120, ..simple.clone() };
    changed.addresses.push(Vip::new(ip("10.77.0.203"), "eth0"));
    let second = Config { name: "VI_2".into(), vrid: 52, ..simple.clone() };
    node.router.reload(plan(vec![second, changed]), at(4100), &mut before, &mut after);
    assert!(before.is_empty());
    let said = told(&mut after);
    assert_eq!(said.iter().filter(|line| line.starts_with("GARP")).count(), 15, "{said:?}");
    assert_eq!(said[said.len() - 2..], ["(VI_2) Entering BACKUP STATE (init)", "notify BACKUP 110"]);
    assert_eq!(node.expires(4100), ["-> 224.0.0.18 priority 120"]);

    // and gone again
    let moved = node.router.reload(plan(vec![]), at(4200), &mut before, &mut after);
    assert_eq!(moved, [None, None]);
    let said = told(&mut before);
    assert_eq!(
        said,
        [
            "notify FAULT 110",
            "-> 224.0.0.18 priority 0",
            "(VI_1) sent 0 priority",
            "(VI_1) removing VIPs.",
            "addresses off",
            "notify FAULT 120",
        ]
    );
    assert_eq!(node.router.deadline(), Moment::NEVER);
}

#[test]
fn no_accept_sets_drop_rules_around_the_addresses() {
    let deaf = Config { accept: false, excluded: vec![], has_routes: false, ..config() };
    let mut node = Node::started(deaf);
    let said = node.expires(3571);
    assert_eq!(
        said[3..7],
        ["(VI_1) setting firewall drop rule", "SetDropRule", "(VI_1) setting VIPs.", "addresses on"]
    );
    let said = node.hears(200, "10.77.0.2", 3600);
    assert_eq!(
        said[2..6],
        ["(VI_1) removing VIPs.", "addresses off", "(VI_1) removing firewall drop rule", "RemoveDropRule"]
    );
}

#[test]
fn refresh_is_looked_at_with_each_advert() {
    let mut refreshed = Config { excluded: vec![], has_routes: false, ..config() };
    refreshed.garp.refresh = Duration::from_millis(1500);
    refreshed.garp.refresh_repeat = 2;
    refreshed.garp.delay = Duration::ZERO;
    let mut node = Node::master(refreshed);
    let count = |said: Vec<String>| said.iter().filter(|line| line.starts_with("GARP")).count();
    assert_eq!(count(node.expires(4571)), 0);
    assert_eq!(count(node.expires(5571)), 4, "two addresses, twice");
    assert_eq!(count(node.expires(6571)), 0);
}

#[test]
fn interfaces_without_adverts_are_announced_by_their_own_clock() {
    let mut extra = Config { excluded: vec![], has_routes: false, ..config() };
    extra.garp.extra = Duration::from_millis(1500);
    extra.garp.extra_places = vec![1];
    extra.garp.delay = Duration::ZERO;
    let mut node = Node::master(extra);
    let said = |said: Vec<String>| said.into_iter().filter(|l| !l.starts_with("->")).collect::<Vec<_>>();
    assert!(said(node.expires(4571)).is_empty());
    let queued = "(VI_1) Sending/queueing gratuitous ARPs on eth0 for 10.77.0.201";
    assert_eq!(said(node.expires(5571)), [queued, "GARP 1"]);
    assert!(said(node.expires(6571)).is_empty());
}

/// As recorded from 2.3.3, stopped for 1.2 s; the other node would have been master by then.
#[test]
fn a_master_that_ran_late_gives_way() {
    let config = Config { expired_backup: Some(200), excluded: vec![], has_routes: false, ..config() };
    let mut node = Node::master(config.clone());
    let due = node.deadline_ms();
    assert_eq!(node.expires(due + 1500)[0], "-> 224.0.0.18 priority 110", "late, but not too late");
    let mut node = Node::master(config.clone());
    // three intervals and a skew of 56/256 s after the last advert
    let said = node.expires(due + 2220);
    assert_eq!(said[0], "VRRP thread timer expired 2.219688 seconds ago");
    assert_eq!(said[1], "(VI_1) Entering BACKUP STATE");
    assert!(said.iter().all(|l| !l.starts_with("->")), "without an advert: {said:?}");
    assert_eq!(node.deadline_ms(), due + 2220 + 3570);

    // The other one's advert is there before our timer is looked at.
    let mut node = Node::master(Config { nopreempt: true, ..config.clone() });
    let said = node.hears(90, "10.77.0.2", due + 2220);
    assert_eq!(said[1], "(VI_1) Entering BACKUP STATE");
    assert!(said.iter().all(|l| !l.starts_with("->")), "without an advert: {said:?}");
    assert_eq!(node.router.instances()[0].master(), Some(ip("10.77.0.2")));
}

/// A mistake of the configuration keeps an instance in FAULT, and nobody is told.
#[test]
fn what_can_never_run_says_nothing() {
    let config = Config { source: Some(ip("10.77.0.1")), faulty: true, has_routes: false, ..config() };
    let mut node = Node::new(vec![config], vec![]);
    node.router.start(at(0), &mut node.out);
    assert_eq!(told(&mut node.out), Vec::<String>::new());
    let instance = &node.router.instances()[0];
    assert_eq!((instance.state(), instance.faults()), (rha_vrrp::State::Fault, 1));
    assert_eq!(node.router.deadline(), Moment::NEVER);
}

#[test]
fn the_startup_delay_holds_backup_timers() {
    let config = Config { source: Some(ip("10.77.0.1")), ..config() };
    let delay = Duration::from_secs(10);
    let plan = Plan { instances: vec![config], startup_delay: delay, ..Plan::default() };
    let mut router = Router::new(plan);
    router.start(at(1000), &mut Vec::new());
    assert_eq!(router.deadline(), Moment(14_570_312));
}

fn script(condition: Condition) -> Tracker {
    Tracker { name: "chk".into(), kind: TrackerKind::Script, weight: 0, reverse: false, condition }
}

/// As recorded: a group whose first member waits for a script, then fails, then loses an address.
#[test]
fn the_recorded_run_of_a_group() {
    let member = |name: &str, vrid, trackers| Config {
        name: name.into(),
        vrid,
        source: Some(ip("10.77.0.1")),
        addresses: vec![Vip::new(ip(&format!("10.77.0.{}", 149 + vrid)), "eth0")],
        excluded: vec![],
        has_routes: false,
        trackers,
        garp: rha_vrrp::Garp { repeat: 0, delay: Duration::ZERO, ..rha_vrrp::Garp::default() },
        ..config()
    };
    let group = GroupConfig {
        name: "G1".into(),
        members: vec!["VI_1".into(), "VI_2".into()],
        tracking_weight: false,
    };
    let waits = vec![script(Condition::Unknown)];
    let mut node = Node::new(vec![member("VI_1", 51, waits), member("VI_2", 52, vec![])], vec![group]);
    node.router.start(at(0), &mut node.out);
    assert!(told(&mut node.out).is_empty(), "nothing is said while a script has not finished");
    let result = |node: &mut Node, condition, ms| node.does(Input::Tracker { tracker: 0, condition }, ms);
    let backup = [
        "(VI_1) Entering BACKUP STATE",
        "notify BACKUP 110",
        "VRRP_Group(G1) Syncing instances to BACKUP state",
        "(VI_2) Entering BACKUP STATE",
        "notify BACKUP 110",
        "notify group BACKUP 0",
    ];
    assert_eq!(result(&mut node, Condition::Up, 100), backup);
    let master = [
        "(VI_1) Receive advertisement timeout",
        "(VI_2) Receive advertisement timeout",
        "-> 224.0.0.18 priority 110",
        "(VI_2) Entering MASTER STATE",
        "(VI_2) setting VIPs.",
        "addresses on",
        "notify MASTER 110",
        "VRRP_Group(G1) Syncing instances to MASTER state",
        "-> 224.0.0.18 priority 110",
        "(VI_1) Entering MASTER STATE",
        "(VI_1) setting VIPs.",
        "addresses on",
        "notify MASTER 110",
        "notify group MASTER 0",
    ];
    assert_eq!(node.expires(3671), master);
    assert_eq!(
        result(&mut node, Condition::Down, 4000),
        [
            "(VI_1) Entering FAULT STATE",
            "-> 224.0.0.18 priority 0",
            "-> 224.0.0.18 priority 0",
            "(VI_1) sent 0 priority",
            "(VI_1) removing VIPs.",
            "addresses off",
            "notify FAULT 110",
            "VRRP_Group(G1) Syncing instances to FAULT state",
            "(VI_2) Entering FAULT STATE",
            "-> 224.0.0.18 priority 0",
            "(VI_2) removing VIPs.",
            "addresses off",
            "notify FAULT 110",
            "notify group FAULT 0",
        ]
    );
    assert_eq!(result(&mut node, Condition::Up, 5000), backup);
    assert_eq!(node.expires(8571), master);
    let lost = node.does(Input::AddressRemoved { address: ip("10.77.0.200") }, 9000);
    let gone = |name: &str| {
        vec![
            format!("({name}) Entering BACKUP STATE"),
            "-> 224.0.0.18 priority 0".into(),
            format!("({name}) sent 0 priority"),
            format!("({name}) removing VIPs."),
            "addresses off".into(),
            "notify BACKUP 110".into(),
        ]
    };
    assert_eq!(lost[0], "Netlink reflector reports IP 10.77.0.200 removed from eth0");
    assert_eq!(lost[1..], [gone("VI_1"), gone("VI_2")].concat());
    assert_eq!(node.expires(9571).len(), master.len(), "and together again after the skew");
}

#[test]
fn a_whole_group_announces_itself_against_a_lower_priority() {
    let mut node = pair();
    let mut plan = Plan { detail: true, ..Plan::default() };
    for instance in node.router.instances() {
        let mut config = instance.config().clone();
        config.addresses = vec![Vip::new(ip(&format!("10.77.0.{}", config.vrid)), "eth0")];
        config.garp.lower_prio_repeat = 2;
        plan.instances.push(config);
    }
    plan.groups.push(GroupConfig {
        name: "G1".into(),
        members: vec!["VI_1".into(), "VI_2".into()],
        tracking_weight: false,
    });
    node.router = Router::new(plan);
    node.router.start(at(0), &mut node.out);
    node.expires(3571);
    let said = node.hears(50, "10.77.0.2", 4000);
    assert_eq!(
        said[1..],
        [
            "-> 224.0.0.18 priority 110",
            "(VI_1) Sending/queueing gratuitous ARPs on eth0 for 10.77.0.51",
            "GARP 0",
            "GARP 0",
            "notify MASTER_RX_LOWER_PRI 110",
            "(VI_2) Sending/queueing gratuitous ARPs on eth0 for 10.77.0.52",
            "GARP 0",
            "GARP 0",
        ]
    );
    // the second burst of both after five seconds, besides the one of the new master
    let count = |said: &[String]| said.iter().filter(|line| line.starts_with("GARP")).count();
    let mut garps = 0;
    for ms in (4571..9571).step_by(1000).chain([8999, 9000]) {
        garps += count(&node.expires(ms));
    }
    assert_eq!(garps, 2 * 5 + 2 * 2);
}

#[test]
fn a_group_is_handed_over_member_by_member() {
    let mut node = pair();
    node.expires(3571);
    node.does(Input::Handover { hold: Duration::from_millis(100) }, 5000);
    assert!(node.router.instances().iter().all(rha_vrrp::Instance::is_handing_over));
    for (id, ms) in [(0, 5600), (1, 5650)] {
        let bytes = advert(node.router.instances()[id].config(), 50, "10.77.0.2");
        let input = Input::Datagram(Datagram::v4(&bytes));
        node.router.handle(InstanceId(id), input, at(ms), &mut node.out);
    }
    let first = node.expires(5700);
    assert!(first.contains(&"VRRP_Group(G1) Syncing instances to BACKUP state".to_string()), "{first:?}");
    assert!(node.router.instances()[1].holds_addresses(), "the second waits for its own successor");
    node.expires(5750);
    assert!(!node.router.instances()[1].holds_addresses());
    assert_eq!(node.router.groups()[0].state(), rha_vrrp::State::Backup);
}

#[test]
fn sequence_numbers_are_counted_per_sender() {
    let ah = Config { auth: Auth::Ah(Auth::secret("k")), excluded: vec![], has_routes: false, ..config() };
    let mut node = Node::started(ah);
    let packet = |node: &Node, sequence, priority, from: &str| {
        let config = node.router.instances()[0].config();
        let advert = Advert {
            version: Version::V2,
            family: Family::V4,
            vrid: config.vrid,
            priority,
            interval: config.advert_interval,
            auth: config.auth,
            checksum: Checksum::Pseudo,
            addresses: config.addresses.iter().map(|v| v.address).collect(),
        };
        let (source, destination) = (ip(from), Target::GROUP_V4);
        advert.encode(&Route { source, destination, unicast: false, ttl: 255, id: 1, sequence })
    };
    let heard = packet(&node, 7, 200, "10.77.0.2");
    assert!(node.does(Input::Datagram(Datagram::v4(&heard)), 1000).is_empty());
    let replayed = node.does(Input::Datagram(Datagram::v4(&heard)), 1500);
    let line = "(VI_1) IPSEC-AH : sequence number 7 already processed. Packet dropped. Local(7)";
    assert_eq!(replayed, [line]);
    assert_eq!(node.deadline_ms(), 4570, "and moves no timer");
    node.expires(4571);
    assert_eq!(node.router.instances()[0].sequence(), 8, "a new master continues from the last number heard");
    // a master that sends in step with us, with our number, is no replay
    let in_step = packet(&node, 8, 200, "10.77.0.3");
    let said = node.does(Input::Datagram(Datagram::v4(&in_step)), 4600);
    assert!(said[0].contains("with higher priority 200"), "{said:?}");
}

#[test]
fn packets_find_their_instance() {
    let peer = |a: &str| rha_vrrp::Peer::new(ip(a));
    let unicast = |peers| Target::Unicast { peers, check_source: false };
    let on = |name: &str, interface: &str, vrid, target| Config {
        name: name.into(),
        interface: interface.into(),
        vrid,
        target,
        ..config()
    };
    let group = Target::Multicast(Target::GROUP_V4);
    let router = Router::new(Plan {
        instances: vec![
            on("multicast", "eth0", 51, group.clone()),
            on("peer 2", "eth1", 51, unicast(vec![peer("10.77.0.2")])),
            on("peer 3", "eth1", 51, unicast(vec![peer("10.77.0.3")])),
            on("another id", "eth0", 52, group),
        ],
        ..Plan::default()
    });
    let found = |interface: &str, vrid, from: &str, to: &str| {
        let advert = Advert {
            version: Version::V2,
            family: Family::V4,
            vrid,
            priority: 1,
            interval: Duration::from_secs(1),
            auth: Auth::None,
            checksum: Checksum::Pseudo,
            addresses: vec![],
        };
        let route =
            Route { source: ip(from), destination: ip(to), unicast: false, ttl: 255, id: 1, sequence: 1 };
        let bytes = advert.encode(&route);
        let id = router.recipient(interface, Datagram::v4(&bytes))?;
        router.instance(id).map(|i| i.name().to_owned())
    };
    let multicast = "224.0.0.18";
    assert_eq!(found("eth0", 51, "10.77.0.2", multicast).as_deref(), Some("multicast"));
    assert_eq!(found("eth0", 52, "10.77.0.2", multicast).as_deref(), Some("another id"));
    assert_eq!(found("eth1", 51, "10.77.0.2", "10.77.0.1").as_deref(), Some("peer 2"));
    assert_eq!(found("eth1", 51, "10.77.0.3", "10.77.0.1").as_deref(), Some("peer 3"));
    assert_eq!(found("eth0", 53, "10.77.0.2", multicast), None, "an unknown router id");
    assert_eq!(found("eth2", 51, "10.77.0.2", multicast), None);
    // unicast where multicast is expected still reaches the instance, which refuses it with the reason
    assert_eq!(found("eth0", 51, "10.77.0.2", "10.77.0.1").as_deref(), Some("multicast"));
}

#[test]
fn a_reload_with_a_new_script_disturbs_no_master() {
    let simple = Config { has_routes: false, excluded: vec![], source: Some(ip("10.77.0.1")), ..config() };
    let mut node = Node::master(simple.clone());
    let with_script = Config { trackers: vec![script(Condition::Unknown)], ..simple };
    let (mut before, mut after) = (Vec::new(), Vec::new());
    let plan = Plan { instances: vec![with_script], detail: true, ..Plan::default() };
    node.router.reload(plan, at(4000), &mut before, &mut after);
    assert_eq!(node.router.instances()[0].state(), rha_vrrp::State::Master);
    assert!(node.does(Input::Tracker { tracker: 0, condition: Condition::Up }, 4500).is_empty());
    assert!(node.router.instances()[0].holds_addresses());
    let failed = node.does(Input::Tracker { tracker: 0, condition: Condition::Down }, 4600);
    assert_eq!(failed[0], "(VI_1) Entering FAULT STATE");
}

#[test]
fn skip_check_adv_addr_trusts_a_master_once_checked() {
    let mut node = Node::started(Config { skip_check_adv_addr: true, ..config() });
    let mut other = node.router.instances()[0].config().clone();
    other.addresses.pop();
    let short_list = advert(&other, 200, "10.77.0.2");
    let line = ["(VI_1) received an unexpected ip number count 1, expected 2!"];
    assert_eq!(node.does(Input::Datagram(Datagram::v4(&short_list)), 1000), line);
    assert!(node.hears(200, "10.77.0.2", 1100).is_empty());
    assert!(node.does(Input::Datagram(Datagram::v4(&short_list)), 2000).is_empty(), "now it is the master");
    assert_eq!(node.deadline_ms(), 5570);
    let stranger = advert(&other, 200, "10.77.0.3");
    assert_eq!(node.does(Input::Datagram(Datagram::v4(&stranger)), 2100), line);
    let stats = node.router.instances()[0].stats();
    assert_eq!((stats.address_list_errors(), stats.adverts_received), (2, 2));
}

#[test]
fn dont_track_primary_ignores_its_own_interface() {
    let mut node = Node::master(Config { dont_track_primary: true, ..config() });
    assert!(node.does(Input::Interface { up: false }, 4000).is_empty());
    assert_eq!(node.router.instances()[0].state(), rha_vrrp::State::Master);
}

#[test]
fn down_timer_adverts_sets_the_patience() {
    let node = Node::started(Config { down_timer_adverts: 1, ..config() });
    assert_eq!(node.router.deadline(), Moment(1_570_312));
}

#[test]
fn unicast_sends_one_advert_to_every_peer() {
    let peers = ["10.77.0.2", "10.77.0.3"].map(|a| rha_vrrp::Peer::new(ip(a))).to_vec();
    let unicast = Config {
        version: Version::V3,
        target: Target::Unicast { peers, check_source: false },
        ttl: 64,
        addresses: vec![],
        excluded: vec![],
        has_routes: false,
        ..config()
    };
    let mut node = Node::started(unicast);
    node.router.expire(at(3571), &mut node.out);
    let sent: Vec<(IpAddr, Vec<u8>)> = node
        .out
        .drain(..)
        .filter_map(|o| match o.action {
            Action::Send { to, bytes, .. } => Some((to, bytes)),
            _ => None,
        })
        .collect();
    let [(first, a), (second, b)] = &sent[..] else { panic!("{sent:?}") };
    assert_eq!((*first, *second), (ip("10.77.0.2"), ip("10.77.0.3")));
    assert_eq!(a[4..6], b[4..6], "one identification");
    assert_eq!((a[8], &a[16..20], &b[16..20]), (64, &[10, 77, 0, 2][..], &[10, 77, 0, 3][..]));
    assert_ne!(a[26..28], b[26..28], "the pseudo-header names the peer");
    assert_eq!(node.router.instances()[0].stats().adverts_sent, 1);
    node.does(Input::Interface { up: false }, 4000);
    let back = node.does(Input::Interface { up: true }, 5000);
    assert_eq!(
        back[2..],
        ["VI_1: sending gratuitous ARP for 10.77.0.1", "AnnounceSource { address: 10.77.0.1 }",]
    );
}

#[test]
fn a_peer_of_keepalived_1_3_6_turns_our_checksums_back() {
    let peers = vec![rha_vrrp::Peer::new(ip("10.77.0.2"))];
    let unicast = Config {
        version: Version::V3,
        target: Target::Unicast { peers, check_source: false },
        addresses: vec![],
        excluded: vec![],
        has_routes: false,
        ..config()
    };
    let mut node = Node::started(unicast);
    let theirs = Advert {
        version: Version::V3,
        family: Family::V4,
        vrid: 51,
        priority: 200,
        interval: Duration::from_secs(1),
        auth: Auth::None,
        checksum: Checksum::PseudoMulticast,
        addresses: vec![],
    };
    let (source, destination) = (ip("10.77.0.2"), ip("10.77.0.1"));
    let route = Route { source, destination, unicast: true, ttl: 255, id: 1, sequence: 0 };
    let bytes = theirs.encode(&route);
    let said = node.does(Input::Datagram(Datagram::v4(&bytes)), 1000);
    assert_eq!(said, ["(VI_1) Setting unicast VRRPv3 checksum to old version"]);
    node.router.expire(at(4571), &mut node.out);
    let sent = node.out.drain(..).find_map(|o| match o.action {
        Action::Send { bytes, .. } => Some(bytes),
        _ => None,
    });
    let ours = Advert { priority: 110, ..theirs };
    let route = Route { source: destination, destination: source, ..route };
    assert_eq!(sent, Some(ours.encode(&route)));
}

#[test]
fn version_3_over_ipv6() {
    let vips = vec![Vip::new(ip("fe80::77:200"), "eth0"), Vip::new(ip("fd77::200"), "eth0")];
    let v6 = Config {
        family: Family::V6,
        version: Version::V3,
        auth: Auth::None,
        target: Target::Multicast(Target::GROUP_V6),
        source: None,
        addresses: vips,
        excluded: vec![],
        has_routes: false,
        priority: 100,
        advert_interval: Duration::from_millis(500),
        ..config()
    };
    let mut node = Node::new(vec![v6], vec![]);
    node.router.start(at(0), &mut node.out);
    assert_eq!(told(&mut node.out)[0], "(VI_1) entering FAULT state (no IPv6 address for interface)");
    let up = node.does(Input::Source(Some(ip("fe80::77:ff:fe00:2"))), 1000);
    assert_eq!(up, ["(VI_1) Entering BACKUP STATE", "notify BACKUP 100"]);
    assert_eq!(node.deadline_ms(), 1000 + 1500 + 304, "156/256 × 500 ms");
    node.router.expire(at(2805), &mut node.out);
    let sent = node.out.iter().find_map(|o| match &o.action {
        Action::Send { to, bytes, .. } => Some((*to, bytes.clone())),
        _ => None,
    });
    // as recorded from keepalived 2.2.7
    let recorded = "3133640200326c81fe800000000000000000000000770200fd770000000000000000000000000200";
    let hex: String = sent.iter().flat_map(|(_, b)| b).map(|b| format!("{b:02x}")).collect();
    assert_eq!(hex, recorded);
    assert_eq!(sent.map(|s| s.0), Some(ip("ff02::12")));
    let said = told(&mut node.out);
    assert!(
        said.contains(&"(VI_1) Sending/queueing Unsolicited Neighbour Adverts on eth0 for fd77::200".into())
    );
    let vip = &node.router.instances()[0].config().addresses[1];
    assert_eq!(vip.announcement_text(), "Sending unsolicited Neighbour Advert on eth0 for fd77::200");
    // what is multicast for others on the same interface is no business of a unicast packet
    let bytes = node.router.instances()[0].config().clone();
    let bytes = Advert {
        version: Version::V3,
        family: Family::V6,
        vrid: 51,
        priority: 200,
        interval: bytes.advert_interval,
        auth: Auth::None,
        checksum: Checksum::Pseudo,
        addresses: bytes.addresses.iter().map(|v| v.address).collect(),
    };
    let (source, destination) = (ip("fe80::9"), ip("fe80::77:ff:fe00:2"));
    let bytes = bytes.encode(&Route { source, destination, unicast: true, ttl: 255, id: 1, sequence: 1 });
    let (IpAddr::V6(source), IpAddr::V6(to)) = (source, destination) else { panic!("IPv6") };
    let heard = node.does(Input::Datagram(Datagram::v6(&bytes, source, Some(to), Some(255))), 2900);
    assert_eq!(heard, ["(VI_1) discarding unicast packet on multicast instance"]);
    assert_eq!(node.router.instances()[0].state(), rha_vrrp::State::Master);
}

#[test]
fn weights_of_group_members_go() {
    let with = |kind, weight| Tracker { kind, weight, ..script(Condition::Up) };
    let mut member = config();
    member.trackers = vec![
        with(TrackerKind::Script, 0),
        with(TrackerKind::Script, 5),
        with(TrackerKind::Interface, -5),
        with(TrackerKind::File, 1),
        with(TrackerKind::File, 3),
        with(TrackerKind::Bfd, 9),
    ];
    let group = GroupConfig::default();
    let mut kept = member.clone();
    assert!(GroupConfig { tracking_weight: true, ..group.clone() }.fix_weights(&mut kept).is_empty());
    assert_eq!(kept, member);
    assert_eq!(
        group.fix_weights(&mut member),
        [
            "(VI_1) ignoring tracked script chk with weights due to SYNC group",
            "(VI_1) ignoring chk tracked interface weight due to SYNC group",
            "(VI_1) ignoring weight from tracked file chk due to SYNC group. specify weight 0",
            "(VI_1) ignoring tracked file chk with weight 3 due to SYNC group",
            "(VI_1) ignoring tracked bfd chk with weight 9 due to SYNC group",
        ]
    );
    let left: Vec<_> = member.trackers.iter().map(|t| (t.kind, t.weight)).collect();
    assert_eq!(left, [(TrackerKind::Script, 0), (TrackerKind::Interface, 0), (TrackerKind::File, 0)]);
}
