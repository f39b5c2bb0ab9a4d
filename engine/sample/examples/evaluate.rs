//! Measures compiling and evaluating: `cargo run --release --example evaluate -p rha-sample`.
#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a measurement for people")]

#[path = "../tests/common/mod.rs"]
mod common;

use std::hint::black_box;
use std::time::Instant;

use common::{Head, Plan, Stage, condition, expr};
use rha_sample::{Condition, Expr};

/// Nanoseconds of processor time, which other work on the machine does not lengthen.
fn cpu_ns() -> u64 {
    let text = std::fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    text.split(' ').next().and_then(|w| w.parse().ok()).unwrap_or(0)
}

fn resident_kb() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    text.split(' ').nth(1).and_then(|w| w.parse::<u64>().ok()).unwrap_or(0) * 4
}

fn main() {
    let mut plan = Plan::default();
    let request = "GET /static/a/b.png?x=1 HTTP/1.1\nHost: www.example.com\nUser-Agent: Mozilla/5.0 (X11; Linux)\n\
        Accept: */*\nAccept-Encoding: gzip\nCookie: a=1; b=2\nX-Forwarded-For: 10.1.2.3\nConnection: keep-alive\n\n";
    let stage = Stage { request: Some(Head::request(request)), ..Stage::default() };
    for text in [
        "{ path_beg /static }",
        "{ path_beg /api /img /css }",
        "{ hdr_sub(user-agent) bot spider crawl }",
        "{ hdr_sub(user-agent) -i bot spider crawl }",
        "{ src 10.0.0.0/8 192.168.0.0/16 }",
        "{ hdr(host) -i www.example.org }",
        "{ path_reg ^/static/.*\\.png$ }",
        "{ method POST }",
        "{ url_param(x) 2 }",
    ] {
        let c = Condition::compile(&condition(text), &[], &mut plan).unwrap();
        let start = cpu_ns();
        for _ in 0..1_000_000 {
            black_box(c.holds(black_box(&stage)));
        }
        println!("{:4} ns  {text}", (cpu_ns() - start) / 1_000_000);
    }

    let read: Vec<_> = (0..10_000).map(|i| condition(&format!("{{ hdr(host) -i host{i} }}"))).collect();
    let (before, start) = (resident_kb(), Instant::now());
    let all: Vec<Condition> = read.iter().map(|c| Condition::compile(c, &[], &mut plan).unwrap()).collect();
    println!("10,000 conditions: {:?}, {} kB", start.elapsed(), resident_kb() - before);
    black_box(all);

    let hosts: String = (0..1_000_000).map(|i| format!("host{i}.example.com be{}\n", i % 1000)).collect();
    let nets: String =
        (0..1_000_000u32).map(|i| format!("{}/30\n", std::net::Ipv4Addr::from(i << 10))).collect();
    plan.files.insert("hosts".into(), hosts.into_bytes());
    plan.files.insert("nets".into(), nets.into_bytes());
    let (before, start) = (resident_kb(), Instant::now());
    let map = Expr::compile(&expr("req.hdr(host),map(hosts,none)"), &mut plan).unwrap();
    println!("1,000,000 hosts: {:?}, {} kB", start.elapsed(), resident_kb() - before);
    let (before, start) = (resident_kb(), Instant::now());
    let acl = Condition::compile(&condition("{ src -f nets }"), &[], &mut plan).unwrap();
    println!("1,000,000 networks: {:?}, {} kB", start.elapsed(), resident_kb() - before);
    let start = cpu_ns();
    for _ in 0..1_000_000 {
        black_box(map.eval(black_box(&stage)));
        black_box(acl.holds(black_box(&stage)));
    }
    println!("{:4} ns  lookup in both", (cpu_ns() - start) / 1_000_000);
}
