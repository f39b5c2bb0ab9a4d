//! Order to the server over time, as the original had it: `fixtures/haproxy/balance-sequences.tsv`.
//!
//! A row gives a backend, its servers, what was done (its header says in which letters), and the servers that
//! HAProxy 3.0.11 and 2.6.12 sent the connections to. Replayed here against the same load.

#![allow(clippy::expect_used, reason = "a fixture that cannot be read fails the test")]

use std::net::{IpAddr, Ipv4Addr};

use rha_balance::{Affinity, Algorithm, Ask, Balancer, HashKey, KeyHash, Load, Member, WEIGHT_SCALE};
use rha_ir::{HashFunction, HashKind, HashType};
use rha_vocab::Dialect;

const SEQUENCES: &str = include_str!("../../../fixtures/haproxy/balance-sequences.tsv");

/// Open connections and limits of each server.
struct Servers {
    served: Vec<u32>,
    limit: Vec<u32>,
}

impl Load for Servers {
    fn served(&self, server: usize) -> u32 {
        self.served[server]
    }
    fn limit(&self, server: usize) -> u32 {
        self.limit[server]
    }
    fn backend_served(&self) -> u32 {
        self.served.iter().sum()
    }
}

struct Replay {
    balancer: Balancer,
    servers: Servers,
    hash: KeyHash,
    /// Connections that stay open; `None` once closed or never made.
    open: Vec<Option<usize>>,
    chosen: Vec<String>,
}

impl Replay {
    fn new(backend: &str, servers: &str, dialect: Dialect) -> Replay {
        let words: Vec<&str> = backend.split([' ', ';']).collect();
        let servers: Vec<&str> = servers.split(',').collect();
        let number = |server: &str, word: &str| {
            let mut words = server.split(' ').skip_while(|w| *w != word).skip(1);
            words.next().and_then(|w| w.parse().ok())
        };
        let members: Vec<Member> = (1u8..)
            .zip(&servers)
            .map(|(n, server)| {
                let ip = IpAddr::V4(Ipv4Addr::new(127, 0, 7, n));
                let hash_key = if server.contains("hash-key addr-port") {
                    HashKey::AddrPort(ip, 19300)
                } else if server.contains("hash-key addr") {
                    HashKey::Addr(ip)
                } else {
                    HashKey::id(dialect)
                };
                let weight = number(server, "weight").unwrap_or(1);
                Member { id: n.into(), weight, hash_key, backup: server.ends_with("backup") }
            })
            .collect();
        let hash_type = HashType {
            kind: if words.contains(&"consistent") { HashKind::Consistent } else { HashKind::MapBased },
            function: if words.contains(&"crc32") { HashFunction::Crc32 } else { HashFunction::Sdbm },
            function_written: words.contains(&"crc32") || words.contains(&"sdbm"),
            avalanche: words.contains(&"avalanche"),
        };
        let factor = words.iter().skip_while(|w| **w != "hash-balance-factor").nth(1);
        let algorithm = match (words[1], hash_type.kind) {
            ("roundrobin", _) => Algorithm::RoundRobin,
            ("static-rr", _) => Algorithm::StaticRr,
            ("leastconn", _) => Algorithm::LeastConn,
            ("first", _) => Algorithm::First,
            ("source", HashKind::MapBased) => Algorithm::HashMap,
            ("source", HashKind::Consistent) => Algorithm::HashRing {
                balance_factor: factor.map_or(0, |f| f.parse().expect("a number")),
                affinity: Affinity::Always,
            },
            (other, _) => panic!("no such algorithm in the fixture: {other}"),
        };
        Replay {
            balancer: Balancer::new(algorithm, &members, words.contains(&"allbackups")),
            servers: Servers {
                served: vec![0; members.len()],
                limit: servers.iter().map(|s| number(s, "maxconn").unwrap_or(0)).collect(),
            },
            hash: KeyHash::new(hash_type),
            open: Vec::new(),
            chosen: Vec::new(),
        }
    }

    fn connect(&mut self, from: Ipv4Addr) -> Option<usize> {
        let mut random = || 0;
        let key = self.balancer.needs_key().then(|| self.hash.source(from.into()));
        let key = if self.balancer.algorithm().wants_key() { key.or(Some(0)) } else { None };
        let chosen =
            self.balancer.choose(&mut Ask { key, avoid: None, load: &self.servers, random: &mut random });
        self.chosen.push(chosen.map_or("-".to_owned(), |i| format!("s{}", i + 1)));
        let server = chosen?;
        self.servers.served[server] += 1;
        self.balancer.taken(server);
        Some(server)
    }

    fn close(&mut self, server: Option<usize>) {
        if let Some(server) = server {
            self.servers.served[server] -= 1;
            self.balancer.released(server);
        }
    }

    fn run(&mut self, operation: &str) {
        let (letter, rest) = operation.split_at(1);
        let count = || rest.parse::<usize>().expect("a number");
        let home = Ipv4Addr::LOCALHOST;
        match letter {
            "r" => (0..count()).for_each(|_| {
                let s = self.connect(home);
                self.close(s);
            }),
            "a" => (1..=count() as u8).for_each(|i| {
                let s = self.connect(Ipv4Addr::new(127, 0, i % 3, i));
                self.close(s);
            }),
            "h" => (0..count()).for_each(|_| {
                let s = self.connect(home);
                self.open.push(s);
            }),
            "c" => {
                let s = self.open[count()].take();
                self.close(s);
            }
            "w" => {
                let (server, weight) = rest.split_once('=').expect("server=weight");
                let server = server.parse::<usize>().expect("a number") - 1;
                let weight: u32 = weight.parse().expect("a number");
                self.balancer.set_weight(server, weight * WEIGHT_SCALE);
            }
            "d" | "n" => self.balancer.set_usable(count() - 1, false),
            "u" | "y" => self.balancer.set_usable(count() - 1, true),
            other => panic!("no such operation: {other}"),
        }
    }
}

#[test]
fn servers_come_in_the_originals_order() {
    let (mut rows, mut wrong) = (0, Vec::new());
    for line in SEQUENCES.lines().filter(|l| !l.starts_with('#') && !l.starts_with("backend\t")) {
        let fields: Vec<&str> = line.split('\t').collect();
        let [backend, servers, operations, in_30, in_26] = fields[..] else { panic!("odd row: {line}") };
        for (dialect, expected) in [(Dialect::V3_0, in_30), (Dialect::V2_6, in_26)] {
            if expected == "n/a" {
                continue;
            }
            let mut replay = Replay::new(backend, servers, dialect);
            operations.split(' ').for_each(|o| replay.run(o));
            let ours = replay.chosen.join(" ");
            rows += 1;
            if ours != expected {
                wrong.push(format!("{dialect} {backend} [{servers}] {operations}\n  {ours}\n  {expected}"));
            }
        }
    }
    assert_eq!(rows, 215);
    assert!(wrong.is_empty(), "{} of {rows} differ:\n{}", wrong.len(), wrong.join("\n"));
}
