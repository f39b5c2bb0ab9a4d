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

/// What is dumped once all of this was said; `end` is the end of the dump.
fn dump(who: Who, configuration: &str, said: &[&str], end: &str) -> Vec<String> {
    let space = Space::enter();
    space.address("10.9.8.1/32", true);
    let mut balancer = Balancer::start(who, configuration);
    balancer.until(said);
    balancer.signal("-USR1");
    let (asked, file) = (Instant::now(), balancer.file("keepalived_check.data"));
    loop {
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        if text.ends_with(end) {
            assert!(!balancer.file("keepalived.data").exists(), "{who:?} has no instances");
            return text.lines().filter(|l| is_comparable(l)).map(str::to_owned).collect();
        }
        assert!(asked.elapsed() < Duration::from_secs(20), "{who:?} writes no dump: {text}");
        std::thread::yield_now();
    }
}

fn case(who: Who) -> Vec<String> {
    let said = [
        "TCP_CHECK on service [127.0.0.11]:tcp:8443 failed",
        "Connection failed server [127.0.0.11]:tcp:8443.",
        "SMTP_CHECK Could not connect to server [127.0.0.13]:25",
        "UDP_CHECK on service [127.0.0.12]:tcp:8444 failed.",
        "Lost quorum 1-0=1 > 0 for VS [G]:0",
        "ICMP connection to [127.0.0.12]:tcp:8444 success",
        "by [/usr/bin/false] failed",
        "by [/usr/bin/true] succeeded",
    ];
    dump(who, RICH, &said, "[127.0.0.12]:tcp:8444\n")
}

#[test]
fn the_dump_of_virtual_servers_is_the_originals() {
    if impossible("the_dump_of_virtual_servers_is_the_originals").is_none() {
        rha_compat_tests::steadily(|| assert_same(case));
    }
}

/// Servers in a network no route leads to.
const UNREACHABLE: &str = "\
global_defs {
 router_id n1
}
virtual_server 10.9.9.9 80 {
 delay_loop 60
 lb_algo rr
 lb_kind NAT
 protocol UDP
 real_server 203.0.113.1 80 {
  UDP_CHECK {
   retry 0
   warmup 0
  }
 }
 real_server 203.0.113.2 80 {
  DNS_CHECK {
   retry 0
   warmup 0
   name rha.test
  }
 }
}
";

#[test]
fn the_dump_shows_what_connect_said() {
    if impossible("the_dump_shows_what_connect_said").is_none() {
        rha_compat_tests::steadily(|| {
            assert_same(|who| {
                let said = [
                    "UDP_CHECK on service [203.0.113.1]:udp:80 failed.",
                    "Removing service [203.0.113.2]:udp:80 from VS [10.9.9.9]:udp:80",
                ];
                let lines = dump(who, UNREACHABLE, &said, "Name = rha.test\n");
                assert!(lines.contains(&"     Last errno = 101".to_owned()), "{who:?}: {lines:#?}");
                lines
            });
        });
    }
}
