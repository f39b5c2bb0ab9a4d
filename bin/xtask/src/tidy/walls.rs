//! Who may import whom (`docs/architecture.md`): the walls between crates.
//!
//! Two explicit tables: for each crate of ours the crates of ours it may use, and for each library that
//! only some may use, those. A crate without a row is a complaint, so that a new one is placed
//! deliberately. Development dependencies are free.

use std::collections::BTreeSet;

use cargo_metadata::{DependencyKind, Metadata};

/// One crate of ours and the crates of ours it may use.
struct Room {
    name: &'static str,
    may_use: &'static [&'static str],
}

const fn room(name: &'static str, may_use: &'static [&'static str]) -> Room {
    Room { name, may_use }
}

/// Anything of ours.
const ALL: &str = "*";

const ROOMS: &[Room] = &[
    // parsers
    room("rha-text", &[]),
    room("rha-vocab", &["rha-text"]),
    room("rha-ir", &["rha-text", "rha-vocab"]),
    room("rha-haproxy", &["rha-text", "rha-vocab", "rha-ir"]),
    room("rha-keepalived", &["rha-text", "rha-vocab", "rha-ir"]),
    room("rha-frr", &["rha-text", "rha-vocab", "rha-ir"]),
    room("rha-lint", &["rha-text", "rha-vocab", "rha-ir", "rha-haproxy", "rha-keepalived", "rha-frr"]),
    // engine
    room("rha-base", &["rha-text", "rha-vocab", "rha-ir"]),
    room("rha-tables", &["rha-text", "rha-vocab", "rha-ir", "rha-base"]),
    room("rha-balance", &["rha-text", "rha-vocab", "rha-ir", "rha-base"]),
    room("rha-http1", PROTO),
    room("rha-http2", ON_HTTP1),
    room("rha-proxy-protocol", PROTO),
    room("rha-peers", PROTO),
    room("rha-health", PROTO),
    room("rha-vrrp", PROTO),
    room("rha-bfd", PROTO),
    room("rha-bgp", PROTO),
    room("rha-spop", PROTO),
    room("rha-fcgi", ON_HTTP1),
    room("rha-dns", PROTO),
    room("rha-syslog", PROTO),
    room(
        "rha-sample",
        &[
            "rha-text",
            "rha-vocab",
            "rha-ir",
            "rha-base",
            "rha-tables",
            "rha-balance",
            "rha-http1",
            "rha-http2",
            "rha-proxy-protocol",
            "rha-health",
            "rha-dns",
            "rha-syslog",
        ],
    ),
    room(
        "rha-net",
        &["rha-text", "rha-vocab", "rha-ir", "rha-base", "rha-tables", "rha-balance", "rha-sample"],
    ),
    room("rha-tls", &["rha-text", "rha-vocab", "rha-ir", "rha-base", "rha-sample"]),
    room("rha-proxy", ENGINE),
    room("rha-failover", ENGINE),
    room("rha-admin", ADMIN),
    // programs and tests
    room("rhap", &[ALL]),
    room("rkeepalived", &[ALL]),
    room("rfrr", &[ALL]),
    room("cfgsync", &[ALL]),
    room("cfglint", &[ALL]),
    room("xtask", &[ALL]),
    room("rha-compat-tests", &[ALL]),
];

/// What every protocol machine may use.
const PROTO: &[&str] = &["rha-text", "rha-vocab", "rha-ir", "rha-base"];

/// And those that speak HTTP in another form.
const ON_HTTP1: &[&str] = &["rha-text", "rha-vocab", "rha-ir", "rha-base", "rha-http1"];

/// Everything below `proxy`, `failover`.
const ENGINE: &[&str] = &[
    "rha-text",
    "rha-vocab",
    "rha-ir",
    "rha-base",
    "rha-tables",
    "rha-balance",
    "rha-http1",
    "rha-http2",
    "rha-proxy-protocol",
    "rha-peers",
    "rha-health",
    "rha-vrrp",
    "rha-bfd",
    "rha-bgp",
    "rha-spop",
    "rha-fcgi",
    "rha-dns",
    "rha-syslog",
    "rha-sample",
    "rha-net",
    "rha-tls",
];

/// `admin` also looks at what runs.
const ADMIN: &[&str] = &[
    "rha-text",
    "rha-vocab",
    "rha-ir",
    "rha-base",
    "rha-tables",
    "rha-balance",
    "rha-http1",
    "rha-http2",
    "rha-proxy-protocol",
    "rha-peers",
    "rha-health",
    "rha-sample",
    "rha-net",
    "rha-tls",
    "rha-proxy",
    "rha-failover",
];

/// Programs, and the tests that start them.
const PROGRAMS: &[&str] = &["rhap", "rkeepalived", "rfrr", "cfgsync", "cfglint", "xtask", "rha-compat-tests"];
const WITH_RUNTIME: &[&str] = &["rha-net", "rha-proxy", "rha-failover", "rha-admin"];

/// Libraries that only some may use: name, or the start of one with a `*`; the rooms; whether programs too.
const LIBRARIES: &[(&str, &[&str], bool)] = &[
    ("tokio*", WITH_RUNTIME, true),
    ("hyper*", &["rha-admin"], true),
    ("libc", &["rha-net"], false),
    ("nix", &["rha-net"], false),
    ("rustix", &["rha-net"], false),
    ("socket2", &["rha-net"], false),
    ("pnet*", &["rha-net"], false),
    ("rtnetlink", &["rha-net"], false),
    ("netlink-*", &["rha-net"], false),
    ("mio", &["rha-net"], false),
    ("io-uring", &["rha-net"], false),
    ("signal-hook*", &["rha-net"], false),
    ("rustls*", &["rha-tls"], false),
    ("aws-lc-*", &["rha-tls"], false),
    ("openssl*", &[], false),
    ("miette", &["rha-text"], false),
    ("clap*", &[], true),
    ("rand*", &["rha-net", "rha-tls"], true),
    ("fastrand", &["rha-net", "rha-proxy", "rha-failover"], true),
];

/// `(crate of ours, what it uses)`, ours and others', development dependencies left out.
pub type Edge = (String, String);

/// The edges cargo knows of.
pub fn edges(metadata: &Metadata) -> Vec<Edge> {
    let members = metadata.workspace_packages();
    let of = |p: &cargo_metadata::Package| {
        let used = p.dependencies.iter().filter(|d| d.kind != DependencyKind::Development);
        let own = used.map(|d| (p.name.to_string(), d.name.clone())).collect::<Vec<_>>();
        // a crate that uses nothing must have a row all the same
        if own.is_empty() { vec![(p.name.to_string(), String::new())] } else { own }
    };
    members.into_iter().flat_map(of).collect()
}

/// Complaints about edges that cross a wall.
pub fn check(edges: &[Edge]) -> Vec<String> {
    let mut all = BTreeSet::new();
    for (from, to) in edges {
        let Some(room) = ROOMS.iter().find(|r| r.name == from) else {
            all.insert(format!("{from}: has no row in xtask's table of who may import whom"));
            continue;
        };
        if is_ours(to) {
            if !room.may_use.contains(&ALL) && !room.may_use.contains(&to.as_str()) {
                all.insert(format!("{from}: must not use {to}"));
            }
        } else if !may_use_library(from, to) {
            all.insert(format!("{from}: must not use {to}, which other crates are there to wrap"));
        }
    }
    all.into_iter().collect()
}

fn is_ours(name: &str) -> bool {
    name.starts_with("rha-") || ROOMS.iter().any(|r| r.name == name)
}

fn may_use_library(room: &str, library: &str) -> bool {
    // the harness of the differential tests does what a user's shell does: signals, sockets, files
    if room == "rha-compat-tests" {
        return true;
    }
    let matches = |pattern: &str| match pattern.strip_suffix('*') {
        Some(start) => library.starts_with(start),
        None => library == pattern,
    };
    LIBRARIES
        .iter()
        .filter(|(pattern, ..)| matches(pattern))
        .all(|(_, rooms, programs)| rooms.contains(&room) || (*programs && PROGRAMS.contains(&room)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaint(from: &str, to: &str) -> Option<String> {
        check(&[(from.to_string(), to.to_string())]).pop()
    }

    #[test]
    fn forbidden_edges_are_found() {
        for (from, to) in [
            ("rha-haproxy", "rha-base"),
            ("rha-haproxy", "rha-keepalived"),
            ("rha-text", "rha-vocab"),
            ("rha-http1", "rha-health"),
            ("rha-balance", "rha-net"),
            ("rha-sample", "rha-haproxy"),
            ("rha-sample", "tokio"),
            ("rha-proxy", "hyper-util"),
            ("rha-proxy", "libc"),
            ("rha-haproxy", "miette"),
            ("rha-net", "rustls"),
            ("rha-text", "clap"),
            ("rha-brand-new", "memchr"),
        ] {
            assert!(complaint(from, to).is_some(), "{from} -> {to}");
        }
    }

    #[test]
    fn allowed_edges_pass() {
        for (from, to) in [
            ("rha-haproxy", "rha-ir"),
            ("rha-proxy", "rha-net"),
            ("rha-admin", "rha-proxy"),
            ("rha-http2", "rha-http1"),
            ("rha-net", "libc"),
            ("rhap", "clap"),
            ("rhap", "rha-haproxy"),
            ("rha-compat-tests", "rustix"),
            ("rha-text", "miette"),
        ] {
            assert_eq!(complaint(from, to), None);
        }
    }

    #[test]
    fn every_name_in_the_table_has_a_room() {
        let names =
            ROOMS.iter().flat_map(|r| r.may_use).chain(LIBRARIES.iter().flat_map(|l| l.1)).chain(PROGRAMS);
        for name in names.filter(|n| **n != ALL) {
            assert!(ROOMS.iter().any(|r| r.name == *name), "{name}");
        }
    }
}
