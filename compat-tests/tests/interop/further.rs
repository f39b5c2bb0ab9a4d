//! What only ours has, in company: split brain heard over IPv6, handover to an original.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use rha_compat_tests::lan::{Lan, Who, impossible};
use rha_compat_tests::{Signal, lost_since, watch};

use crate::beyond::{LATE, STARTING, config, holds_all, s, vip};

const VIP6: &str = "fd77::200";
const INTERVAL: Duration = Duration::from_millis(300);

/// An instance over IPv6; more lines inside it.
fn config6(node: usize, priority: u8, inside: &str) -> String {
    let inside = format!(" version 3\n advert_int 0.3\n{inside}");
    let list = format!("fe80::77:200/64\n  {VIP6}/64");
    config(node, priority, &inside, &[vip(200)]).replace("10.77.0.200/24", &list)
}

#[test]
fn a_split_brain_over_ipv6_is_named() {
    rha_compat_tests::steadily(a_split_brain_over_ipv6_is_named_once);
}

fn a_split_brain_over_ipv6_is_named_once() {
    if impossible("split brain over IPv6").is_some() {
        return;
    }
    let unicast = " unicast_src_ip fd77::2\n unicast_peer {\n  fd77::1\n }\n";
    // lines inside node 2's instance, what replaces its id, what node 1 and 2 tell
    let cases = [
        (unicast, "51", ["unicast_peer", "multicast"]),
        ("", "52", ["virtual_router_id", "virtual_router_id"]),
    ];
    std::thread::scope(|scope| {
        for (inside, vrid, told) in cases {
            scope.spawn(move || named(inside, vrid, told));
        }
    });
}

fn named(inside: &str, vrid: &str, told: [&str; 2]) {
    watch();
    let address: IpAddr = VIP6.parse().unwrap();
    let mut lan = Lan::new(2, false).unwrap();
    lan.configure(1, &config6(1, 110, "")).unwrap();
    let two = config6(2, 100, inside).replace("virtual_router_id 51", &format!("virtual_router_id {vrid}"));
    lan.configure(2, &two).unwrap();
    lan.start(1, Who::Ours, &[]).unwrap();
    holds_all(&lan, 1, &[address], STARTING + s(3));
    lan.start(2, Who::Ours, &[]).unwrap();
    // nobody's advert counts for the other, so both have the address
    holds_all(&lan, 2, &[address], INTERVAL * 5 + STARTING);
    for node in 1..=2 {
        let text = told[node - 1];
        let so = |l: &rha_compat_tests::lan::Line| l.text.contains("SPLIT BRAIN:") && l.text.contains(text);
        let what = format!("{inside:?} {vrid}: node {node} tells {text}");
        lan.until(&what, INTERVAL * 2 + LATE, |seen| seen.node(node).lines.iter().any(so)).unwrap();
        let status = lan.ask(node, &["status"]).unwrap();
        assert!(status.contains("SPLIT BRAIN") && status.contains(text), "{what}: {status}");
    }
    // listening adds nothing to the wire: ten adverts of two nodes take more than four intervals
    let start = Instant::now();
    lan.until("ten adverts", s(5), |seen| seen.adverts_since(start).count() >= 10).unwrap();
    assert!(start.elapsed() >= INTERVAL * 3, "{:?}\n{}", start.elapsed(), lan.story());
}

#[test]
fn a_handover_to_an_original_is_a_graceful_stop() {
    rha_compat_tests::steadily(a_handover_to_an_original_is_a_graceful_stop_once);
}

fn a_handover_to_an_original_is_a_graceful_stop_once() {
    if impossible("handover to an original").is_some() {
        return;
    }
    let all = [vip(200)];
    // lines inside, the skew of priority 100: (256 - 100) / 256 of a second or, in version 3, of the interval
    let cases = [
        (" version 3\n advert_int 0.2\n", 122),
        (" version 2\n advert_int 1\n", 610),
        (" version 2\n advert_int 1\n authentication {\n  auth_type PASS\n  auth_pass secret\n }\n", 610),
    ];
    std::thread::scope(|scope| {
        for (inside, skew_ms) in cases {
            scope.spawn(move || handed_over(inside, &all, Duration::from_millis(skew_ms)));
        }
    });
}

fn handed_over(inside: &str, all: &[IpAddr], skew: Duration) {
    watch();
    let mut lan = Lan::new(2, false).unwrap();
    lan.configure(1, &config(1, 110, inside, all)).unwrap();
    lan.configure(2, &config(2, 100, inside, all)).unwrap();
    lan.start(1, Who::Ours, &[]).unwrap();
    holds_all(&lan, 1, all, s(5) + STARTING);
    let start = Instant::now();
    lan.start(2, Who::Original, &[]).unwrap();
    lan.says(2, "Entering BACKUP STATE", start, STARTING).unwrap();
    // it has heard node 1
    let since = Instant::now();
    lan.until("an advert", s(3), |seen| seen.adverts_since(since).next().is_some()).unwrap();
    let pings = lan.ping(vip(200)).unwrap();
    assert!(pings.answered_within(s(5)), "{}", lan.story());
    let start = Instant::now();
    let said = lan.ask(1, &["handover", "VI_1"]).unwrap();
    assert!(said.contains("10.77.0.2"), "{said}");
    lan.until("node 2 alone has it", s(3), |seen| {
        seen.node(2).holds(vip(200)) && !seen.node(1).holds(vip(200))
    })
    .unwrap();
    assert!(pings.answered_within(s(5)), "{}", lan.story());
    let gap = pings.gap(start).unwrap().saturating_sub(lost_since(start));
    assert!(gap <= skew + LATE, "{inside:?}: gap {gap:?}\n{}", lan.story());
    let zero = lan.look(|seen| seen.adverts_since(start).any(|a| a.priority == 0));
    assert!(zero, "{inside:?}: no priority 0\n{}", lan.story());
    // it stays there although node 1 has the higher priority, for longer than a timer of node 1 runs
    let again = lan.ask(1, &["handover"]).unwrap_err();
    assert!(again.contains("not master"), "{again}");
    let since = Instant::now();
    lan.until("five adverts", s(8), |seen| seen.adverts_since(since).count() >= 5).unwrap();
    assert_eq!(lan.look(|seen| seen.node(2).state("VI_1").map(str::to_owned)).as_deref(), Some("MASTER"));
    // until that one goes
    lan.signal(2, Signal::TERM).unwrap();
    holds_all(&lan, 1, all, s(1) + LATE);
    lan.ended(2).unwrap();
}
