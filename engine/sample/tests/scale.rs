//! Large files and many rules stay small and quick. Times are bounded loosely, for debug builds on a
//! busy machine; what they guard against is the wrong order of growth.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test whose own text is wrong should stop")]

mod common;

use std::time::{Duration, Instant};

use common::{Head, Plan, Stage, condition, expr};
use rha_base::Value;
use rha_sample::{Condition, Expr, Sampled};

#[test]
fn ten_thousand_host_conditions() {
    let mut plan = Plan::default();
    let read: Vec<_> = (0..10_000).map(|i| condition(&format!("{{ hdr(host) -i host{i} }}"))).collect();
    let start = Instant::now();
    let all: Vec<Condition> = read.iter().map(|c| Condition::compile(c, &[], &mut plan).unwrap()).collect();
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
    let request = Head::request("GET / HTTP/1.1\nHost: HOST9999\n\n");
    let stage = Stage { request: Some(request), ..Stage::default() };
    assert_eq!(all.iter().position(|c| c.holds(&stage).is_yes()), Some(9_999));
}

#[test]
fn a_map_of_many_hosts_and_a_list_of_many_networks() {
    const HOSTS: u32 = 200_000;
    let mut plan = Plan::default();
    let hosts: String = (0..HOSTS).map(|i| format!("host{i}.example.com be{}\n", i % 1000)).collect();
    let nets: String = (0..HOSTS).map(|i| format!("{}/24\n", std::net::Ipv4Addr::from(i << 8))).collect();
    plan.files.insert("hosts.map".into(), hosts.into_bytes());
    plan.files.insert("nets.lst".into(), nets.into_bytes());
    let start = Instant::now();
    let map = Expr::compile(&expr("req.hdr(host),lower,map(hosts.map,none)"), &mut plan).unwrap();
    let acl = Condition::compile(&condition("{ src -f nets.lst }"), &[], &mut plan).unwrap();
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    let mut stage = Stage::default();
    for (host, want) in [("host0.example.com", "be0"), ("HOST199999.example.com", "be999"), ("x", "none")] {
        stage.request = Some(Head::request(&format!("GET / HTTP/1.1\nHost: {host}\n\n")));
        assert_eq!(map.eval(&stage), Sampled::Value(Value::str(want.as_bytes())));
    }
    for (source, want) in [("0.0.0.9", true), ("3.13.63.255", true), ("3.13.64.0", false)] {
        stage.source = format!("{source}:1").parse().ok();
        assert_eq!(acl.holds(&stage).is_yes(), want, "{source}");
    }
}
