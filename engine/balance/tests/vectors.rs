//! Choices of the original for 734 requests, made by running it: `fixtures/haproxy/hash-vectors.tsv`.
//!
//! A row names a backend (its `balance` and `hash-type` are in the name), the key a request carried, and
//! the server that HAProxy 3.5-dev5 and 2.6.12 chose. Servers s1 to s5 have ids and weights 1 to 5 (or weight
//! 1 each, `eqw`) and the addresses 127.0.0.1 to 127.0.0.5, port 19190.

use std::net::{IpAddr, Ipv4Addr};

use rha_balance::key::UriCut;
use rha_balance::{Affinity, Algorithm, Ask, Balancer, HashKey, KeyHash, Member};
use rha_ir::{HashFunction, HashKind, HashType};

const VECTORS: &str = include_str!("../../../fixtures/haproxy/hash-vectors.tsv");

fn members(case: &str) -> Vec<Member> {
    (1..=5u8)
        .map(|n| {
            let ip = IpAddr::V4(Ipv4Addr::new(127, 0, 0, n));
            let hash_key = match case.strip_prefix("con_hashkey_") {
                Some("addr") => HashKey::Addr(ip),
                Some("addr-port") => HashKey::AddrPort(ip, 19190),
                Some("id32") => HashKey::Id32,
                _ => HashKey::Id,
            };
            let weight = if case.ends_with("eqw") { 1 } else { u32::from(n) };
            Member { id: u32::from(n), weight, hash_key, backup: false }
        })
        .collect()
}

fn hash_type(case: &str) -> HashType {
    let words: Vec<&str> = case.split('_').collect();
    let written = [
        ("sdbm", HashFunction::Sdbm),
        ("djb2", HashFunction::Djb2),
        ("wt6", HashFunction::Wt6),
        ("crc32", HashFunction::Crc32),
        ("none", HashFunction::None),
    ]
    .into_iter()
    .find(|(name, _)| words.contains(name));
    HashType {
        kind: if words.contains(&"con") { HashKind::Consistent } else { HashKind::MapBased },
        function: written.map_or(HashFunction::Sdbm, |(_, f)| f),
        function_written: written.is_some(),
        avalanche: words.contains(&"av"),
    }
}

fn key(case: &str, key: &str) -> Option<u32> {
    let hash = KeyHash::new(hash_type(case));
    let bytes = key.as_bytes();
    let uri = |cut| Some(hash.uri(bytes, cut));
    match case {
        "uri_map" => uri(UriCut::default()),
        "uri_map_whole" => uri(UriCut { whole: true, ..UriCut::default() }),
        "uri_con_depth2" => uri(UriCut { depth: Some(2), ..UriCut::default() }),
        "uri_map_len8" => uri(UriCut { len: Some(8), ..UriCut::default() }),
        "uri_map_pathonly" => uri(UriCut { path_only: true, ..UriCut::default() }),
        "param_map" => hash.url_param(bytes, b"k"),
        "host_domain_only" => hash.header(bytes, true),
        "source_map" | "source_con" => key.parse().ok().map(|ip| hash.source(ip)),
        _ => hash.header(bytes, false),
    }
}

fn algorithm(case: &str) -> Algorithm {
    match case {
        "rr" => Algorithm::RoundRobin,
        "static_rr" => Algorithm::StaticRr,
        _ if case.split('_').any(|w| w == "con") => {
            Algorithm::HashRing { balance_factor: 0, affinity: Affinity::Always }
        }
        _ => Algorithm::HashMap,
    }
}

fn choose(balancer: &mut Balancer, key: Option<u32>) -> String {
    let mut random = || 0;
    let chosen = balancer.choose(&mut Ask { key, avoid: None, load: &(), random: &mut random });
    chosen.map_or("-".to_owned(), |i| format!("s{}", i + 1))
}

#[test]
fn every_choice_is_the_originals() {
    let (mut rows, mut wrong) = (0, Vec::new());
    for line in VECTORS.lines().filter(|l| !l.starts_with('#') && !l.starts_with("case\t")) {
        let fields: Vec<&str> = line.split('\t').collect();
        let [case, text, expected, _] = fields[..] else { panic!("row of another shape: {line}") };
        let mut balancer = Balancer::new(algorithm(case), &members(case), false);
        let ours = match text.strip_suffix(" requests").and_then(|n| n.parse::<usize>().ok()) {
            Some(n) => (0..n).map(|_| choose(&mut balancer, None)).collect::<Vec<_>>().join(" "),
            None => choose(&mut balancer, key(case, text)),
        };
        rows += 1;
        if ours != expected {
            wrong.push(format!("{case} {text}: {ours} instead of {expected}"));
        }
    }
    assert_eq!(rows, 734);
    assert!(wrong.is_empty(), "{} of {rows} differ:\n{}", wrong.len(), wrong.join("\n"));
}
