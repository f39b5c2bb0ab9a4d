//! The dump files that monitoring reads: data, statistics, JSON, as the original writes them.

use std::process::Command;
use std::time::{Duration, Instant};

use rha_compat_tests::lan::{Lan, Who, impossible};

/// Enough for a file to be written.
const SOON: Duration = Duration::from_secs(3);
/// Pause between two looks at a file.
const LOOK: Duration = Duration::from_millis(15);

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
    let mut lan = Lan::new(1, false).unwrap();
    lan.configure(1, RICH).unwrap();
    let start = Instant::now();
    lan.start_in_private(1, who).unwrap();
    for address in ["10.77.0.200", "fd77::201"] {
        let address = address.parse().unwrap();
        lan.until(&format!("{who:?} has {address}"), Duration::from_secs(6), |s| s.node(1).holds(address))
            .unwrap();
    }
    lan.says(1, "Changing effective priority from 113 to 118", start, Duration::from_secs(4)).unwrap();
    let read = |name: &str| std::fs::read_to_string(lan.path(name)).unwrap_or_default();
    let pid = read("1.main").trim().to_owned();
    // the last is what `--signum=JSON` prints
    for (signal, name, end) in [
        ("-USR1", "keepalived.data", "Tracking VRRP instances"),
        ("-USR2", "keepalived.stats", "\n"),
        ("-36", "keepalived.json", "]"),
    ] {
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
        let asked = Instant::now();
        while !read(name).contains(end) {
            assert!(asked.elapsed() < SOON, "{who:?} writes no {name}: {}", lan.story());
            std::thread::sleep(LOOK);
        }
    }
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
    rha_compat_tests::steadily(the_dumps_are_the_originals_once);
}

fn the_dumps_are_the_originals_once() {
    if impossible("dumps").is_some() {
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
