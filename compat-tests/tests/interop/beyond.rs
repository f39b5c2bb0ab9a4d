//! What only ours has: leases, handover, split brain that is named, BFD as the master-down event.

use std::net::{IpAddr, UdpSocket};
use std::time::{Duration, Instant};

use rha_compat_tests::lan::{Lan, Who, impossible};
use rha_compat_tests::{Signal, lost_since, watch};

/// What the machine may add to a protocol's time.
pub(crate) const LATE: Duration = Duration::from_millis(600);
/// Enough for a node to start.
pub(crate) const STARTING: Duration = Duration::from_secs(2);

pub(crate) fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// An instance on node N; more lines inside it, addresses.
pub(crate) fn config(node: usize, priority: u8, inside: &str, addresses: &[IpAddr]) -> String {
    let list: String = addresses.iter().map(|a| format!("  {a}/24\n")).collect();
    format!(
        "global_defs {{\n router_id n{node}\n}}\nvrrp_instance VI_1 {{\n state BACKUP\n interface eth0\n \
         virtual_router_id 51\n priority {priority}\n{inside} virtual_ipaddress {{\n{list} }}\n}}\n"
    )
}

pub(crate) fn vip(last: u8) -> IpAddr {
    IpAddr::from([10, 77, 0, last])
}

/// Two of ours with these configurations; node 1 is master.
fn pair(one: &str, two: &str, more: &[&str]) -> Lan {
    watch();
    let mut lan = Lan::new(2, false).unwrap();
    lan.configure(1, one).unwrap();
    lan.configure(2, two).unwrap();
    let start = Instant::now();
    lan.start(1, Who::Ours, more).unwrap();
    lan.says(1, "Entering MASTER STATE", start, s(5) + STARTING).unwrap();
    let start = Instant::now();
    lan.start(2, Who::Ours, more).unwrap();
    lan.says(2, "Entering BACKUP STATE", start, STARTING).unwrap();
    lan
}

pub(crate) fn holds_all(lan: &Lan, node: usize, all: &[IpAddr], limit: Duration) {
    lan.until(&format!("node {node} has all addresses"), limit, |seen| {
        all.iter().all(|a| seen.node(node).holds(*a))
    })
    .unwrap();
}

/// Kills all of node 1; how long both had an address, and how long node 2 needed.
fn dies(inside: &str, peer: u8, count: u8) -> (Duration, Duration, String) {
    let all: Vec<IpAddr> = (100..100 + count).map(|n| vip(n + 20)).collect();
    let two = format!("{inside} nopreempt\n");
    let mut lan = pair(&config(1, 100, inside, &all), &config(2, peer, &two, &all), &[]);
    holds_all(&lan, 1, &all, STARTING);
    // adverts flow, so that the backup's timer began with one
    let since = Instant::now();
    lan.until("an advert", s(4), |seen| seen.adverts_since(since).next().is_some()).unwrap();
    let start = Instant::now();
    lan.kill(1).unwrap();
    holds_all(&lan, 2, &all, s(12));
    lan.until("the dead node has none of them", s(5), |seen| !all.iter().any(|a| seen.node(1).holds(*a)))
        .unwrap();
    let (mut overlap, mut takeover) = (Duration::ZERO, Duration::ZERO);
    for address in &all {
        let (gone, taken) = lan.look(|seen| {
            (seen.node(1).changed(*address, false, start), seen.node(2).changed(*address, true, start))
        });
        let (gone, taken) = (gone.unwrap(), taken.unwrap());
        overlap = overlap.max(gone.saturating_duration_since(taken));
        takeover = takeover.max(taken - start);
    }
    assert!(lan.addresses(1).unwrap().is_disjoint(&all.iter().copied().collect()));
    // neither bound holds for time in which this machine stood still
    let lost = lost_since(start);
    (overlap.saturating_sub(lost), takeover.saturating_sub(lost), lan.story())
}

#[test]
fn a_dead_nodes_addresses_go_by_themselves() {
    rha_compat_tests::steadily(a_dead_nodes_addresses_go_by_themselves_once);
}

fn a_dead_nodes_addresses_go_by_themselves_once() {
    if impossible("leases").is_some() {
        return;
    }
    // settings, peer's priority, number of addresses, latest takeover, longest overlap
    let cases = [
        (" version 2\n advert_int 1\n", 90, 1, 3650, 0),
        (" version 2\n advert_int 1\n", 254, 20, 3008, 0),
        (" version 3\n advert_int 1\n down_timer_adverts 2\n", 254, 20, 2008, 0),
        (" version 3\n advert_int 0.2\n", 254, 20, 602, 1200),
    ];
    std::thread::scope(|scope| {
        for (inside, peer, count, takeover_ms, overlap_ms) in cases {
            scope.spawn(move || {
                let (overlap, takeover, story) = dies(inside, peer, count);
                let what = format!("{inside:?}, peer {peer}, {count} addresses");
                let limit = Duration::from_millis(takeover_ms) + LATE;
                assert!(takeover <= limit, "{what}: taken over after {takeover:?}\n{story}");
                let limit = Duration::from_millis(overlap_ms);
                assert!(overlap <= limit, "{what}: both had an address for {overlap:?}\n{story}");
            });
        }
    });
}

#[test]
fn without_a_lease_a_dead_nodes_addresses_stay() {
    rha_compat_tests::steadily(without_a_lease_a_dead_nodes_addresses_stay_once);
}

fn without_a_lease_a_dead_nodes_addresses_stay_once() {
    if impossible("no leases").is_some() {
        return;
    }
    let inside = " version 3\n advert_int 0.2\n";
    let all = [vip(200)];
    std::thread::scope(|scope| {
        for option in ["--no-lease", "-V"] {
            scope.spawn(move || {
                let mut lan = pair(&config(1, 110, inside, &all), &config(2, 100, inside, &all), &[option]);
                let shown = lan.ip(1, "-j addr show dev eth0").unwrap();
                let json: serde_json::Value = serde_json::from_str(&shown).unwrap();
                let infos = json[0]["addr_info"].as_array().unwrap();
                let it = infos.iter().find(|i| i["local"] == "10.77.0.200").unwrap();
                assert_eq!(it["valid_life_time"], u64::from(u32::MAX), "{option}: {it}");
                lan.kill(1).unwrap();
                holds_all(&lan, 2, &all, s(3));
                assert!(lan.addresses(1).unwrap().contains(&vip(200)), "{option}");
            });
        }
    });
}

#[test]
fn a_handover_loses_no_ping() {
    rha_compat_tests::steadily(a_handover_loses_no_ping_once);
}

fn a_handover_loses_no_ping_once() {
    if impossible("handover").is_some() {
        return;
    }
    let all = [vip(200)];
    let cases = [
        " version 3\n advert_int 0.2\n",
        " version 2\n advert_int 1\n",
        " version 3\n advert_int 0.3\n use_vmac\n",
    ];
    std::thread::scope(|scope| {
        for inside in cases {
            scope.spawn(move || {
                let mut lan = pair(&config(1, 110, inside, &all), &config(2, 100, inside, &all), &[]);
                holds_all(&lan, 1, &all, STARTING);
                let pings = lan.ping(vip(200)).unwrap();
                assert!(pings.answered_within(s(5)), "{}", lan.story());
                let start = Instant::now();
                let said = lan.ask(1, &["handover", "VI_1"]).unwrap();
                assert!(said.contains("10.77.0.2"), "{said}");
                lan.until("node 2 alone has it", s(3), |seen| {
                    seen.node(2).holds(vip(200)) && !seen.node(1).holds(vip(200))
                })
                .unwrap();
                // the losses, if there are any, are behind us once some are answered again
                let after = Instant::now();
                for _ in 0..20 {
                    assert!(pings.answered_within(s(5)), "{}", lan.story());
                }
                let lost = pings.lost(start);
                assert_eq!(
                    lost,
                    0,
                    "{inside:?}: gap {:?}, {:?}\n{}",
                    pings.gap(start),
                    after - start,
                    lan.story()
                );
                // it stays there although node 1 has the higher priority
                let again = lan.ask(1, &["handover"]).unwrap_err();
                assert!(again.contains("not master"), "{again}");
                // until that one goes
                lan.signal(2, Signal::TERM).unwrap();
                holds_all(&lan, 1, &all, s(1) + LATE);
                lan.ended(2).unwrap();
            });
        }
    });
}

/// A split brain: what differs on node 2, what the reports of node 1 and 2 contain.
struct Split {
    name: &'static str,
    inside: [&'static str; 2],
    /// Replaced in node 2's configuration.
    edit: (&'static str, &'static str),
    told: [&'static str; 2],
    interval_ms: u64,
}

const V2: &str = " version 2\n advert_int 1\n";
const V3: &str = " version 3\n advert_int 0.3\n";
const PASS: &str = " version 2\n advert_int 1\n authentication {\n  auth_type PASS\n  auth_pass secret\n }\n";
const SPLITS: &[Split] = &[
    Split {
        name: "router id",
        inside: [V3, V3],
        edit: ("router_id 51", "router_id 52"),
        told: ["virtual_router_id 52", "virtual_router_id 51"],
        interval_ms: 300,
    },
    Split {
        name: "version",
        inside: [V2, V3],
        edit: ("", ""),
        told: ["VRRP version 3", "VRRP version 2"],
        interval_ms: 1000,
    },
    Split {
        name: "authentication type",
        inside: [PASS, V2],
        edit: ("", ""),
        told: ["auth_type none", "auth_type PASS"],
        interval_ms: 1000,
    },
    Split {
        name: "password",
        inside: [PASS, PASS],
        edit: ("secret", "other"),
        told: ["another auth_pass", "another auth_pass"],
        interval_ms: 1000,
    },
    Split {
        name: "interval",
        inside: [V2, V2],
        edit: ("advert_int 1", "advert_int 2"),
        told: ["advert_int 2", "advert_int 1"],
        interval_ms: 2000,
    },
    Split {
        name: "addresses",
        inside: [V3, V3],
        edit: ("  10.77.0.200/24\n", "  10.77.0.200/24\n  10.77.0.201/24\n"),
        told: ["virtual_ipaddress", "virtual_ipaddress"],
        interval_ms: 300,
    },
    Split {
        name: "delivery",
        inside: [V3, " version 3\n advert_int 0.3\n unicast_peer {\n  10.77.0.1\n }\n"],
        edit: ("", ""),
        told: ["unicast_peer", "multicast"],
        interval_ms: 300,
    },
];

#[test]
fn a_split_brain_is_named_at_once() {
    rha_compat_tests::steadily(a_split_brain_is_named_at_once_once);
}

fn a_split_brain_is_named_at_once_once() {
    if impossible("split brain").is_some() {
        return;
    }
    std::thread::scope(|scope| {
        for split in SPLITS {
            scope.spawn(move || named(split));
        }
    });
}

fn named(split: &Split) {
    let all = [vip(200)];
    let two = config(2, 100, split.inside[1], &all).replace(split.edit.0, split.edit.1);
    let lan = pair(&config(1, 110, split.inside[0], &all), &two, &[]);
    let name = split.name;
    let interval = Duration::from_millis(split.interval_ms);
    let start = Instant::now();
    // node 2 hears node 1 from its start; node 1 hears node 2 once that takes the address
    lan.until(&format!("{name}: node 2 takes the address too"), interval * 5 + STARTING, |seen| {
        seen.node(2).holds(vip(200))
    })
    .unwrap();
    let heard = Instant::now();
    for node in 1..=2 {
        let what = format!("{name}: node {node} tells {}", split.told[node - 1]);
        let at = lan
            .until(&what, interval * 2 + LATE, |seen| {
                let mut lines = seen.node(node).lines.iter();
                lines.any(|l| l.text.contains("SPLIT BRAIN:") && l.text.contains(split.told[node - 1]))
            })
            .unwrap();
        assert!(at.saturating_duration_since(heard) <= interval * 2 + LATE, "{what}");
        let status = lan.ask(node, &["status"]).unwrap();
        assert!(status.contains("SPLIT BRAIN") && status.contains(split.told[node - 1]), "{name}: {status}");
        let json = lan.ask(node, &["status", "--json"]).unwrap();
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        let cause = json["instances"][0]["split_brain"][0]["cause"].to_string();
        assert!(cause.contains(split.told[node - 1]), "{name}: {json:#}");
    }
    assert!(start.elapsed() < interval * 9 + STARTING * 2);
}

#[test]
fn somebody_elses_use_of_the_address_is_named() {
    rha_compat_tests::steadily(somebody_elses_use_of_the_address_is_named_once);
}

fn somebody_elses_use_of_the_address_is_named_once() {
    if impossible("duplicate address").is_some() {
        return;
    }
    // node 2 speaks no VRRP: it just has the address, and asks for a neighbour with it
    duplicate("10.77.0.200", "10.77.0.200/24", |lan| {
        lan.ip(2, "addr add 10.77.0.200/24 dev eth0").unwrap();
        let sent = lan.inside("2", || {
            let socket = UdpSocket::bind((vip(200), 0)).map_err(|e| e.to_string())?;
            socket.send_to(b"?", (vip(99), 9)).map_err(|e| e.to_string())
        });
        sent.unwrap().unwrap();
    });
    // it asks whether anybody has it (RFC 4862 §5.4)
    duplicate("fd77::200", "fe80::77:200/64\n  fd77::200/64", |lan| {
        let asking = lan.inside("2", || {
            let folder = "/proc/sys/net/ipv6/conf/eth0";
            std::fs::write(format!("{folder}/accept_dad"), "1")
                .and_then(|()| std::fs::write(format!("{folder}/dad_transmits"), "1"))
        });
        asking.unwrap().unwrap();
        lan.ip(2, "addr add fd77::200/64 dev eth0").unwrap();
    });
}

fn duplicate(address: &str, list: &str, appear: impl FnOnce(&Lan)) {
    let mut lan = Lan::new(2, false).unwrap();
    let config = config(1, 110, V3, &[vip(200)]).replace("10.77.0.200/24", list);
    lan.configure(1, &config).unwrap();
    lan.start(1, Who::Ours, &[]).unwrap();
    holds_all(&lan, 1, &[address.parse().unwrap()], STARTING + LATE);
    // in its first interval a master hears what its predecessor still says
    let since = Instant::now();
    lan.until("three adverts", s(3), |seen| seen.adverts_since(since).count() >= 3).unwrap();
    let start = Instant::now();
    appear(&lan);
    let told = format!("SPLIT BRAIN: {address} is in use by 02:77:00:00:00:02");
    // two advert intervals, and the second that the kernel may wait before it asks
    lan.says(1, &told, start, Duration::from_millis(600) + s(1) + LATE).unwrap();
    assert!(lan.ask(1, &["status"]).unwrap().contains(&told));
}

#[test]
fn bfd_finds_a_dead_master_at_once() {
    rha_compat_tests::steadily(bfd_finds_a_dead_master_at_once_once);
}

fn bfd_finds_a_dead_master_at_once_once() {
    if impossible("BFD").is_some() {
        return;
    }
    let all = [vip(200)];
    let with_bfd = |node: usize, priority: u8| {
        let session = format!(
            "bfd_instance peer {{\n neighbor_ip 10.77.0.{}\n source_ip 10.77.0.{node}\n min_rx 50\n min_tx 50\n \
             multiplier 3\n}}\n",
            3 - node
        );
        // the weight changes nothing about who is master: what counts is the loss itself
        let track = if node == 2 { " track_bfd {\n  peer weight 1\n }\n" } else { "" };
        session + &config(node, priority, &format!(" version 3\n advert_int 1\n{track}"), &all)
    };
    let lan = pair(&with_bfd(1, 110), &with_bfd(2, 100), &[]);
    holds_all(&lan, 1, &all, s(5));
    let up = || lan.ask(2, &["status"]).is_ok_and(|t| t.contains("bfd peer: Up"));
    let start = Instant::now();
    while !up() {
        assert!(start.elapsed() < s(10), "the session does not come up\n{}", lan.story());
        // ours only tells when asked
        let _ = lan.until("", Duration::from_millis(50), |_| false);
    }
    let since = Instant::now();
    lan.until("an advert", s(3), |seen| seen.adverts_since(since).next().is_some()).unwrap();
    let start = Instant::now();
    lan.join(1, false).unwrap();
    holds_all(&lan, 2, &all, s(4));
    let took = lan.look(|seen| seen.node(2).changed(vip(200), true, start)).unwrap() - start;
    let took = took.saturating_sub(lost_since(start));
    assert!(took < Duration::from_millis(250), "{took:?}\n{}", lan.story());
}
