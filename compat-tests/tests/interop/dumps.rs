//! The dump files that monitoring reads: data, BFD sessions, statistics, JSON, as the original writes them.

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

/// What is tracked, BFD sessions, and static items.
const TRACKED: &str = "\
global_defs {
 router_id n1
 script_user root
}
track_group TG {
 group {
  VI_1
  VI_2
 }
}
garp_group {
 garp_interval 0.1
 gna_interval 0.25
 interfaces {
  eth0
 }
}
static_ipaddress {
 10.55.0.1/24 dev eth0 scope link
 10.55.0.2/32 dev eth0 no_track
 10.55.0.3/32 dev eth0 track_group TG
}
static_routes {
 10.98.0.0/24 via 10.77.0.100 dev eth0
 10.97.0.0/24 via 10.77.0.100 dev eth0 table 100 metric 5 no_track
}
static_rules {
 from 10.55.0.0/24 table 100 preference 40 no_track
}
vrrp_track_process tp {
 process no_such_program
 delay 1
}
vrrp_track_process tq {
 process \"no_such_one\" -c x
 param_match initial
 quorum 2
 quorum_max 5
 fork_delay 2
 terminate_delay 3.5
 full_command
 weight 3 reverse
}
bfd_instance peer {
 neighbor_ip 10.77.0.2
 source_ip 10.77.0.1
 min_rx 50
 min_tx 60
 multiplier 4
 weight -10
 vrrp
}
bfd_instance six {
 neighbor_ip fd77::2
 source_ip fd77::1
 passive
 ttl 255
 max_hops 3
}
bfd_instance far {
 neighbor_ip fd77::7
 max_hops -1
}
bfd_instance other {
 neighbor_ip 10.77.0.7
 idle_tx 2000
 weight 4 reverse
}
bfd_instance checked {
 neighbor_ip 10.77.0.8
 checker
}
vrrp_instance VI_1 {
 interface eth0
 virtual_router_id 51
 priority 110
 advert_int 1
 track_bfd {
  peer
  six weight 6
 }
 track_process {
  tp weight 4
 }
 virtual_ipaddress {
  10.77.0.200/24
 }
}
vrrp_instance VI_2 {
 interface eth0
 virtual_router_id 52
 version 3
 virtual_ipaddress {
  10.77.0.201/24
 }
}
vrrp_sync_group G {
 group {
  VI_1
  VI_2
 }
 track_bfd {
  other weight 2
 }
 track_process {
  tq
 }
 sync_group_tracking_weight
 notify_priority_changes false
}
";

/// Its peer.
const NEIGHBOUR: &str = "\
bfd_instance peer {
 neighbor_ip 10.77.0.1
 source_ip 10.77.0.2
 min_rx 50
 min_tx 60
}
";

/// A dump without descriptors, addresses in memory, random numbers and dates.
fn plain(text: &str) -> String {
    let patterns = [
        ("0x0x[0-9a-f]+", "SET"),
        ("discriminator = 0x[0-9a-f]{2,}", "discriminator = SET"),
        ("GARP next time [1-9].*", "GARP next time THEN"),
        ("last seen = .*", "last seen = THEN"),
        ("fd_(in|out)( =)? [0-9]+", "fd_$1$2 SET"),
    ];
    let mut text = text.lines().filter(|l| is_comparable(l)).collect::<Vec<_>>().join("\n");
    for (pattern, instead) in patterns {
        text = regex::Regex::new(pattern).unwrap().replace_all(&text, instead).into_owned();
    }
    text
}

/// Asks until the dump of sessions says something about the first; then that, and the dump of instances.
fn both_dumps(lan: &Lan, who: Who, words: &str) -> [String; 2] {
    let names = ["keepalived.data", "keepalived_bfd.data"];
    let ends = ["Tracking VRRP instances :\n     VI_1, weight 0\n     VI_2, weight 0\n", "[never]\n"];
    let pid = std::fs::read_to_string(lan.path("1.main")).unwrap_or_default().trim().to_owned();
    let start = Instant::now();
    loop {
        names.iter().for_each(|n| drop(std::fs::remove_file(lan.path(n))));
        assert!(Command::new("kill").args(["-USR1", &pid]).status().unwrap().success());
        let read = || names.map(|n| std::fs::read_to_string(lan.path(n)).unwrap_or_default());
        while !read().iter().zip(ends).all(|(text, end)| text.ends_with(end)) {
            assert!(start.elapsed() < 4 * SOON, "{who:?} writes no dumps: {:?} {}", read(), lan.story());
            std::thread::sleep(LOOK);
        }
        let [data, bfd] = read();
        let first = bfd.split(" BFD Instance = six").next().unwrap_or_default();
        if first.contains(words) {
            return [plain(&data), plain(&bfd)];
        }
    }
}

/// Dumps of node 1, which is `who`, with its neighbour there and gone.
fn sessions(who: Who) -> [String; 4] {
    let mut lan = Lan::new(2, false).unwrap();
    lan.configure(1, TRACKED).unwrap();
    lan.configure(2, NEIGHBOUR).unwrap();
    let start = Instant::now();
    lan.start_in_private(1, who).unwrap();
    lan.start(2, Who::Original, &[]).unwrap();
    for line in
        ["Detection time is 300000 us (was 5000000 us)", "(VI_1) Entering MASTER", "(VI_2) Entering MASTER"]
    {
        lan.says(1, line, start, Duration::from_secs(20)).unwrap();
    }
    let [data, bfd] = both_dumps(&lan, who, "remote state = Up");
    lan.plug(2, false).unwrap();
    lan.says(1, "(peer) Entering Down state", start, Duration::from_secs(20)).unwrap();
    let [data_without, bfd_without] = both_dumps(
        &lan,
        who,
        "thread_rst 0x(nil)\n   sands_rst = [disabled]\n   send error = false\n   local state = Down\n   remote state = Down",
    );
    [data, bfd, data_without, bfd_without]
}

#[test]
fn the_dumps_of_what_is_tracked_are_the_originals() {
    rha_compat_tests::steadily(|| {
        if impossible("dumps of what is tracked").is_some() {
            return;
        }
        let (theirs, ours) = std::thread::scope(|s| {
            let theirs = s.spawn(|| sessions(Who::Original));
            let ours = s.spawn(|| sessions(Who::Ours));
            (theirs.join().unwrap(), ours.join().unwrap())
        });
        for (theirs, ours) in theirs.iter().zip(&ours) {
            let diff = similar::TextDiff::from_lines(theirs, ours);
            assert!(theirs == ours, "{}", diff.unified_diff().header("original", "ours"));
        }
    });
}
