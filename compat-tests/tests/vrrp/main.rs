//! Pairs of nodes: ours with ours, ours with the original, the original with ours. A cross-section of the
//! interop matrix; every case runs with two originals first, which tests the case itself.
//!
//! Bounds are the protocol's: a graceful stop is taken over within the skew, a dead node within three
//! intervals and the skew. What is left of a second is the machine's.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]
#![allow(clippy::print_stdout, reason = "why a test is skipped")]

mod lab;

use std::time::Duration;

use lab::{Lab, Who};

const PAIRS: [[Who; 2]; 4] = [
    [Who::Original, Who::Original],
    [Who::Ours, Who::Ours],
    [Who::Ours, Who::Original],
    [Who::Original, Who::Ours],
];

const V4: &str = "10.77.0.200";
const V6: &str = "fd77::200";

/// What an instance of a case looks like.
#[derive(Clone, Copy)]
struct Shape {
    title: &'static str,
    version: u8,
    interval_ms: u64,
    /// Lines inside the instance.
    inside: fn(usize) -> String,
    addresses: &'static [&'static str],
}

impl Shape {
    fn config(&self, node: usize) -> String {
        let addresses: String = self.addresses.iter().map(|a| format!("  {a}/{}\n", prefix(a))).collect();
        let link_local = if self.addresses.contains(&V6) { "  fe80::77:200/64\n" } else { "" };
        format!(
            "global_defs {{\n router_id n{node}\n}}\nvrrp_instance VI_1 {{\n state BACKUP\n interface eth0\n \
             virtual_router_id 51\n priority {}\n version {}\n advert_int {}\n{} virtual_ipaddress {{\n\
             {link_local}{addresses} }}\n}}\n",
            130 - 20 * node,
            self.version,
            Duration::from_millis(self.interval_ms).as_secs_f64(),
            (self.inside)(node)
        )
    }

    fn ms(&self, intervals: u64) -> Duration {
        Duration::from_millis(self.interval_ms * intervals)
    }

    /// Until a dead master is replaced.
    fn takeover(&self) -> Duration {
        self.ms(4) + SLACK
    }
}

/// What the machine may add.
const SLACK: Duration = Duration::from_millis(1500);

fn prefix(address: &str) -> u8 {
    if address.contains(':') { 64 } else { 24 }
}

fn nothing(_: usize) -> String {
    String::new()
}

/// Runs a case with every pair at once, two originals among them.
fn with_pairs(title: &str, case: impl Fn(&mut Lab) + Sync) {
    if !lab::possible() {
        return;
    }
    std::thread::scope(|s| {
        let runs: Vec<_> = PAIRS.iter().map(|who| s.spawn(|| case(&mut Lab::new(title, *who)))).collect();
        for (run, who) in runs.into_iter().zip(PAIRS) {
            assert!(run.join().is_ok(), "{title} {who:?}");
        }
    });
}

/// Start, graceful stop, return, loss of carrier, death.
fn life(shape: &Shape, lab: &mut Lab) {
    let all = shape.addresses;
    lab.configure(1, &shape.config(1));
    lab.configure(2, &shape.config(2));
    lab.start(1);
    lab.start(2);
    lab.only(1, all, shape.takeover() + SLACK);
    lab.stop(1);
    // Priority 0 and the skew, not three intervals.
    lab.only(2, all, shape.ms(1) + SLACK);
    lab.start(1);
    lab.only(1, all, shape.takeover() + SLACK);
    lab.plug(1, false);
    lab.only(2, all, shape.takeover());
    lab.plug(1, true);
    lab.only(1, all, shape.takeover() + SLACK);
    let ours = lab.title.contains("[Ours");
    lab.kill(1);
    for address in all {
        lab.has(2, address, true, shape.takeover());
        if ours {
            // The lease: a dead node lets go by itself.
            lab.has(1, address, false, Duration::from_secs(3) + SLACK);
        }
    }
    lab.stop(2);
    lab.has(2, all[0], false, SLACK);
}

#[test]
fn version_2_with_a_password() {
    let auth = |_| " authentication {\n  auth_type PASS\n  auth_pass s3cr3t\n }\n".to_owned();
    let shape = Shape { title: "v2 PASS", version: 2, interval_ms: 1000, inside: auth, addresses: &[V4] };
    with_pairs(shape.title, |lab| life(&shape, lab));
}

#[test]
fn version_2_with_an_authentication_header() {
    let auth = |_| " authentication {\n  auth_type AH\n  auth_pass s3cr3t\n }\n".to_owned();
    let shape = Shape { title: "v2 AH", version: 2, interval_ms: 1000, inside: auth, addresses: &[V4] };
    with_pairs(shape.title, |lab| life(&shape, lab));
}

#[test]
fn version_3() {
    let shape = Shape { title: "v3", version: 3, interval_ms: 200, inside: nothing, addresses: &[V4] };
    with_pairs(shape.title, |lab| life(&shape, lab));
}

#[test]
fn version_3_over_ipv6() {
    let shape = Shape { title: "v3 IPv6", version: 3, interval_ms: 200, inside: nothing, addresses: &[V6] };
    with_pairs(shape.title, |lab| life(&shape, lab));
}

#[test]
fn unicast() {
    let peer =
        |node| format!(" unicast_src_ip 10.77.0.{node}\n unicast_peer {{\n  10.77.0.{}\n }}\n", 3 - node);
    let shape = Shape { title: "unicast", version: 3, interval_ms: 200, inside: peer, addresses: &[V4] };
    with_pairs(shape.title, |lab| life(&shape, lab));
}

#[test]
fn a_virtual_mac_address() {
    let vmac = |_| " use_vmac\n".to_owned();
    let shape = Shape { title: "vmac", version: 2, interval_ms: 1000, inside: vmac, addresses: &[V4] };
    with_pairs(shape.title, |lab| life(&shape, lab));
}

#[test]
fn who_comes_back_does_not_preempt_when_told_so() {
    let nopreempt = |_| " nopreempt\n".to_owned();
    let shape =
        Shape { title: "nopreempt", version: 3, interval_ms: 200, inside: nopreempt, addresses: &[V4] };
    with_pairs(shape.title, |lab| {
        lab.configure(1, &shape.config(1));
        lab.configure(2, &shape.config(2));
        lab.start(2);
        lab.only(2, &[V4], shape.takeover());
        lab.start(1);
        lab.says(1, "Entering BACKUP STATE", SLACK);
        // The higher node gives nothing away by taking nothing: the next change is the lower one's stop.
        lab.stop(2);
        lab.only(1, &[V4], shape.ms(1) + SLACK);
        assert!(!lab.log(2).contains("with higher priority"), "{}", lab.log(2));
    });
}

#[test]
fn a_sync_group_moves_as_one() {
    let config = |node: usize| {
        let instance = |name: &str, vrid: u8, address: &str| {
            format!(
                "vrrp_instance {name} {{\n state BACKUP\n interface eth0\n virtual_router_id {vrid}\n \
                 priority {}\n version 3\n advert_int 0.2\n virtual_ipaddress {{\n  {address}/24\n }}\n}}\n",
                130 - 20 * node
            )
        };
        "vrrp_sync_group G {\n group {\n  A\n  B\n }\n}\n".to_owned()
            + &instance("A", 51, V4)
            + &instance("B", 52, "10.77.0.201")
    };
    let both = [V4, "10.77.0.201"];
    with_pairs("sync group", |lab| {
        lab.configure(1, &config(1));
        lab.configure(2, &config(2));
        lab.start(1);
        lab.start(2);
        lab.only(1, &both, Duration::from_secs(4));
        // One address taken away by hand takes the whole group out of MASTER for an election.
        lab.remove_address(1, "10.77.0.201/24");
        lab.says(1, "(A) Entering BACKUP STATE", SLACK);
        lab.only(1, &both, Duration::from_secs(4));
        lab.stop(1);
        lab.only(2, &both, SLACK + SLACK);
    });
}

#[test]
fn a_partition_heals_to_one_master() {
    let shape = Shape { title: "partition", version: 3, interval_ms: 200, inside: nothing, addresses: &[V4] };
    with_pairs(shape.title, |lab| {
        lab.configure(1, &shape.config(1));
        lab.configure(2, &shape.config(2));
        lab.start(1);
        lab.start(2);
        lab.only(1, &[V4], shape.takeover() + SLACK);
        lab.cut(1, true);
        lab.has(2, V4, true, shape.takeover());
        assert!(lab.holds(1, V4), "a silent partition has two masters");
        lab.cut(1, false);
        lab.only(1, &[V4], shape.ms(2) + SLACK);
    });
}

#[test]
fn a_killed_worker_is_replaced_and_comes_back() {
    let shape =
        Shape { title: "worker killed", version: 3, interval_ms: 200, inside: nothing, addresses: &[V4] };
    with_pairs(shape.title, |lab| {
        lab.configure(1, &shape.config(1));
        lab.configure(2, &shape.config(2));
        lab.start(1);
        lab.start(2);
        lab.only(1, &[V4], shape.takeover() + SLACK);
        let before = lab.worker(1);
        let killed = std::process::Command::new("kill").args(["-9", &before.to_string()]).status();
        assert!(killed.is_ok_and(|s| s.success()));
        lab.says(1, "died: Respawning", SLACK);
        lab.wait("another worker", SLACK, || lab.worker(1) != before);
        lab.only(1, &[V4], shape.takeover() + SLACK);
    });
}

#[test]
fn a_reload_keeps_the_master_and_takes_new_addresses() {
    let one = Shape { title: "reload", version: 3, interval_ms: 200, inside: nothing, addresses: &[V4] };
    let two = Shape { addresses: &[V4, "10.77.0.201"], inside: |_| " skip_check_adv_addr\n".into(), ..one };
    with_pairs(one.title, |lab| {
        lab.configure(1, &Shape { inside: two.inside, ..one }.config(1));
        lab.configure(2, &Shape { inside: two.inside, ..one }.config(2));
        lab.start(1);
        lab.start(2);
        lab.only(1, &[V4], one.takeover() + SLACK);
        let masters = |node| lab.log(node).matches("Entering MASTER STATE").count();
        let before = (masters(1), masters(2));
        lab.configure(1, &two.config(1));
        lab.signal(1, "-HUP");
        lab.has(1, "10.77.0.201", true, SLACK);
        lab.says(1, "Reload complete", SLACK);
        assert!(lab.holds(1, V4));
        assert_eq!((masters(1), masters(2)), before, "{}{}", lab.log(1), lab.log(2));
    });
}

#[test]
fn a_failing_script_gives_the_master_away() {
    let shape = Shape {
        title: "script",
        version: 3,
        interval_ms: 200,
        inside: |_| " track_script {\n  chk\n }\n".to_owned(),
        addresses: &[V4],
    };
    with_pairs(shape.title, |lab| {
        for node in 1..=2 {
            let flag = lab.path(&format!("{node}.fail"));
            let script = format!(
                "vrrp_script chk {{\n script \"/usr/bin/test ! -e {}\"\n interval 1\n weight -50\n user root\n}}\n",
                flag.display()
            );
            lab.configure(node, &(script + &shape.config(node)));
        }
        lab.start(1);
        lab.start(2);
        lab.only(1, &[V4], shape.takeover() + SLACK);
        std::fs::write(lab.path("1.fail"), "").unwrap();
        lab.says(1, "Changing effective priority from 110 to 60", SLACK + SLACK);
        lab.only(2, &[V4], shape.takeover());
        std::fs::remove_file(lab.path("1.fail")).unwrap();
        lab.says(1, "Changing effective priority from 60 to 110", SLACK + SLACK);
        lab.only(1, &[V4], shape.takeover() + SLACK);
    });
}

#[test]
fn who_comes_back_waits_when_told_so() {
    let shape = Shape {
        title: "preempt_delay",
        version: 3,
        interval_ms: 200,
        inside: |_| " preempt_delay 2\n".to_owned(),
        addresses: &[V4],
    };
    with_pairs(shape.title, |lab| {
        lab.configure(1, &shape.config(1));
        lab.configure(2, &shape.config(2));
        lab.start(2);
        lab.only(2, &[V4], shape.takeover());
        lab.start(1);
        let heard = lab.says(1, "start preempt delay (2.000000)", SLACK);
        let waited = lab.only(1, &[V4], Duration::from_secs(2) + shape.takeover());
        assert!(heard + waited > Duration::from_millis(1900), "{waited:?}");
    });
}

#[test]
fn several_instances_share_an_interface() {
    let config = |node: usize| -> String {
        let instance = |name: &str, vrid: u8, address: &str, priority: usize| {
            format!(
                "vrrp_instance {name} {{\n interface eth0\n virtual_router_id {vrid}\n priority {priority}\n \
                 version 3\n advert_int 0.2\n virtual_ipaddress {{\n  {address}/24\n }}\n}}\n"
            )
        };
        instance("A", 51, V4, 130 - 20 * node) + &instance("B", 52, "10.77.0.201", 70 + 20 * node)
    };
    with_pairs("active-active", |lab| {
        lab.configure(1, &config(1));
        lab.configure(2, &config(2));
        lab.start(1);
        lab.start(2);
        let limit = Duration::from_secs(4);
        lab.only(1, &[V4], limit);
        lab.only(2, &["10.77.0.201"], limit);
        lab.plug(2, false);
        lab.has(1, "10.77.0.201", true, limit);
        lab.plug(2, true);
        lab.only(2, &["10.77.0.201"], limit);
        assert!(lab.holds(1, V4));
    });
}

/// Everything an instance can have that a dump shows.
const RICH: &str = "\
global_defs {
 router_id n1
 script_user root
 enable_script_security
 notify_fifo /tmp/fifo
 vrrp_notify_priority_changes true
}
vrrp_script chk {
 script \"/usr/bin/true\"
 interval 1
 weight 5
 rise 2
}
vrrp_instance VI_1 {
 state MASTER
 interface eth0
 virtual_router_id 51
 priority 110
 advert_int 1
 track_interface {
  lo weight 3
 }
 track_script {
  chk
 }
 virtual_ipaddress {
  10.77.0.200/24 brd +
  10.77.0.201 label eth0:1
 }
 virtual_ipaddress_excluded {
  fd77::210/64
 }
 virtual_routes {
  10.99.0.0/24 via 10.77.0.100 dev eth0
 }
 virtual_rules {
  from 10.77.0.200 table 100 preference 30
 }
 notify_master \"/usr/bin/true m\"
 notify \"/usr/bin/true any\"
}
vrrp_instance VI_2 {
 interface eth0
 virtual_router_id 52
 version 3
 advert_int 0.5
 preempt_delay 10
 virtual_ipaddress {
  fe80::77:201/64
  fd77::201/64
 }
}
vrrp_sync_group G {
 group {
  VI_2
 }
 notify \"/usr/bin/true g\"
}
";

/// Lines of a dump that are about a moment, a descriptor, or the machine.
fn is_comparable(line: &str) -> bool {
    let differs = [
        "fd_in",
        "Last transition",
        "Read timeout",
        "libnftnl",
        "index",
        "Original ",
        "Reset ",
        "rp_filter",
        "Not IPv6 forwarding",
    ];
    !differs.iter().any(|d| line.trim_start().starts_with(d))
}

/// What one program dumps: data without what differs from run to run, statistics, JSON.
fn dumps(who: Who) -> [String; 3] {
    let mut lab = Lab::new("dumps", [who, who]);
    lab.configure(1, RICH);
    lab.start_in_private(1);
    lab.has(1, V4, true, Duration::from_secs(6));
    lab.has(1, "fd77::201", true, Duration::from_secs(6));
    lab.says(1, "Changing effective priority from 113 to 118", Duration::from_secs(4));
    let read = |name: &str| std::fs::read_to_string(lab.path(name)).unwrap_or_default();
    for (signal, name) in
        [("-USR1", "keepalived.data"), ("-USR2", "keepalived.stats"), ("-36", "keepalived.json")]
    {
        lab.signal(1, signal);
        lab.wait(name, SLACK, || !read(name).is_empty());
    }
    // The last lines of the longest of them.
    lab.wait("a whole dump", SLACK, || read("keepalived.data").contains("Tracking VRRP instances"));
    let data: Vec<String> =
        read("keepalived.data").lines().filter(|l| is_comparable(l)).map(str::to_owned).collect();
    let number = regex::Regex::new(r#""(last_transition|advert_sent)":[0-9.]+"#).unwrap();
    let json = number.replace_all(&read("keepalived.json"), "\"$1\":N").into_owned();
    let sent = regex::Regex::new("Sent: [0-9]+").unwrap();
    let stats = sent.replace_all(&read("keepalived.stats"), "Sent: N").into_owned();
    [data.join("\n"), stats, json]
}

#[test]
fn the_dumps_are_the_originals() {
    if !lab::possible() {
        return;
    }
    let (theirs, ours) = std::thread::scope(|s| {
        let theirs = s.spawn(|| dumps(Who::Original));
        let ours = s.spawn(|| dumps(Who::Ours));
        (theirs.join().unwrap(), ours.join().unwrap())
    });
    for (theirs, ours) in theirs.iter().zip(&ours) {
        let diff = similar::TextDiff::from_lines(theirs, ours);
        assert!(theirs == ours, "{}", diff.unified_diff().header("original", "ours"));
    }
}

/// Ours alone: what the original does not have.
fn ours_alone(title: &str, case: impl FnOnce(&mut Lab)) {
    if lab::possible() {
        case(&mut Lab::new(title, [Who::Ours, Who::Ours]));
    }
}

#[test]
fn a_broken_file_is_refused_as_a_whole() {
    let shape =
        Shape { title: "broken reload", version: 3, interval_ms: 200, inside: nothing, addresses: &[V4] };
    ours_alone(shape.title, |lab| {
        lab.configure(1, &shape.config(1));
        lab.start(1);
        lab.has(1, V4, true, shape.takeover() + SLACK);
        lab.configure(1, &shape.config(1).replace(V4, "10.77.0.299"));
        lab.signal(1, "-HUP");
        lab.says(1, "the running configuration stays", SLACK);
        assert!(lab.holds(1, V4), "{}", lab.log(1));
        lab.stop(1);
        lab.has(1, V4, false, SLACK);
    });
}

#[test]
fn what_is_told_keeps_its_order() {
    let shape = Shape { title: "notify", version: 3, interval_ms: 200, inside: nothing, addresses: &[V4] };
    ours_alone(shape.title, |lab| {
        let (told, script) = (lab.path("told"), lab.path("slow.sh"));
        // A slow first script: what follows must not overtake it.
        let body = format!("#!/bin/sh\n[ \"$3\" = BACKUP ] && sleep 1\necho $3 >> {}\n", told.display());
        std::fs::write(&script, body).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(&script, mode).unwrap();
        let inside = format!(" notify {}\n virtual_ipaddress {{", script.display());
        let config = shape.config(1).replacen(" virtual_ipaddress {", &inside, 1);
        lab.configure(1, &config.replacen("global_defs {", "global_defs {\n script_user root", 1));
        lab.start(1);
        lab.has(1, V4, true, shape.takeover() + SLACK);
        let lines = || std::fs::read_to_string(&told).unwrap_or_default();
        lab.wait("both were told", SLACK + SLACK, || lines().lines().count() >= 2);
        assert_eq!(lines(), "BACKUP\nMASTER\n");
        lab.stop(1);
        assert_eq!(lines(), "BACKUP\nMASTER\nSTOP\n");
    });
}

#[test]
fn a_split_brain_is_named() {
    let shape = Shape { title: "split", version: 2, interval_ms: 1000, inside: nothing, addresses: &[V4] };
    ours_alone(shape.title, |lab| {
        lab.configure(1, &shape.config(1));
        lab.configure(2, &shape.config(2).replace("virtual_router_id 51", "virtual_router_id 52"));
        lab.start(1);
        lab.start(2);
        for node in 1..=2 {
            lab.says(node, "SPLIT BRAIN", shape.takeover() + shape.ms(3));
            assert!(lab.log(node).contains("virtual_router_id"), "{}", lab.log(node));
        }
        let (ok, text) = lab.ask(1, &["status"]);
        assert!(ok && text.contains("SPLIT BRAIN"), "{text}");
    });
}

#[test]
fn a_handover_moves_the_address() {
    let shape = Shape { title: "handover", version: 3, interval_ms: 200, inside: nothing, addresses: &[V4] };
    ours_alone(shape.title, |lab| {
        lab.configure(1, &shape.config(1));
        lab.configure(2, &shape.config(2));
        lab.start(1);
        lab.start(2);
        lab.only(1, &[V4], shape.takeover() + SLACK);
        let (ok, text) = lab.ask(1, &["handover", "VI_1"]);
        assert!(ok && text.contains("10.77.0.2"), "{text}");
        lab.only(2, &[V4], SLACK);
        let (ok, text) = lab.ask(1, &["handover"]);
        assert!(!ok && text.contains("not master"), "{text}");
        // It stays away although its priority is higher, until the other one fails.
        lab.stop(2);
        lab.only(1, &[V4], shape.ms(1) + SLACK);
    });
}
