//! `keepalived_check.data`, as SIGUSR1 asks for it.

use std::time::{Duration, Instant};

use rha_compat_tests::balancer::{Balancer, Space, assert_same};
use rha_compat_tests::lan::{Who, impossible};

const RICH: &str = include_str!("rich.conf");

/// Lines about a moment, the machine, or the original's own counting.
fn is_comparable(line: &str) -> bool {
    let differs = ["libnftnl", "Last ran", "Password", "Retries iterations"];
    !differs.iter().any(|d| line.trim_start().starts_with(d))
}

fn case(who: Who) -> Vec<String> {
    let space = Space::enter();
    space.address("10.9.8.1/32", true);
    let mut balancer = Balancer::start(who, RICH);
    balancer.until(&[
        "TCP_CHECK on service [127.0.0.11]:tcp:8443 failed",
        "Connection failed server [127.0.0.11]:tcp:8443.",
        "SMTP_CHECK Could not connect to server [127.0.0.13]:25",
        "UDP_CHECK on service [127.0.0.12]:tcp:8444 failed.",
        "Lost quorum 1-0=1 > 0 for VS [G]:0",
        "ICMP connection to [127.0.0.12]:tcp:8444 success",
        "by [/usr/bin/false] failed",
        "by [/usr/bin/true] succeeded",
    ]);
    balancer.signal("-USR1");
    let (asked, file) = (Instant::now(), balancer.file("keepalived_check.data"));
    loop {
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        if text.ends_with("[127.0.0.12]:tcp:8444\n") {
            return text.lines().filter(|l| is_comparable(l)).map(str::to_owned).collect();
        }
        assert!(asked.elapsed() < Duration::from_secs(20), "{who:?} writes no dump: {text}");
        std::thread::yield_now();
    }
}

#[test]
fn the_dump_of_virtual_servers_is_the_originals() {
    if impossible("the_dump_of_virtual_servers_is_the_originals").is_none() {
        rha_compat_tests::steadily(|| assert_same(case));
    }
}
