//! Rules and expressions made of arbitrary bytes: never a panic, always an answer.

use std::collections::BTreeMap;

use proptest::prelude::*;
use rha_haproxy::{Input, Parsed, parse};
use rha_ir::{Action, LogNode, Term};
use rha_text::{Env, MemoryFiles};
use rha_vocab::Dialect;

fn read(dialect: Dialect, text: &[u8]) -> Parsed {
    let files = MemoryFiles(BTreeMap::from([("t.cfg".to_owned(), text.to_vec())]));
    let paths = ["t.cfg".to_owned()];
    let input = Input {
        paths: &paths,
        files: &files,
        env: Env::default(),
        dialect,
        samples: rha_sample::vocab_for(dialect),
        ignore_resolution: false,
        resolve: &|_, _| None,
        descriptor: &rha_haproxy::any_descriptor,
        diag: false,
        version: dialect.to_string(),
    };
    parse(&input)
}

fn listen(lines: &str) -> Parsed {
    let head =
        "listen f\n mode http\n bind :1\n timeout client 1s\n timeout server 1s\n timeout connect 1s\n";
    read(Dialect::V3_0, format!("{head}{lines}").as_bytes())
}

/// Words that lead into the grammars, between which anything may stand.
const SEEDS: [&str; 24] = [
    "acl a ",
    "http-request set-header a ",
    "http-request deny if ",
    "http-request return lf-string ",
    "http-request set-var(txn.a) ",
    "tcp-request content track-sc0 ",
    "tcp-request connection ",
    "use_backend ",
    "stick on ",
    "http-response ",
    "path_reg ",
    "path,regsub(",
    "%[path,",
    "%{+Q}",
    "%(n)",
    "{ ",
    " } ",
    "hdr(a,",
    "\"",
    "'",
    "\\",
    ",",
    ")",
    " -m ",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_bytes_panic(
        parts in prop::collection::vec((prop::sample::select(&SEEDS[..]), "[ -~]{0,8}", any::<[u8; 2]>()), 1..12),
        old in any::<bool>(),
    ) {
        let mut text = b"listen f\n mode http\n ".to_vec();
        for (seed, word, bytes) in parts {
            text.extend_from_slice(seed.as_bytes());
            text.extend_from_slice(word.as_bytes());
            text.extend(bytes.iter().filter(|b| **b != 0));
        }
        text.push(b'\n');
        let dialect = if old { Dialect::V2_6 } else { Dialect::V3_0 };
        let parsed = read(dialect, &text);
        prop_assert!(parsed.diagnostics.len() < 1000);
    }
}

#[test]
fn a_condition_keeps_its_groups() {
    let p = listen(" acl a path /x\n http-request deny if a !METH_GET or { src 10.0.0.0/8 }\n");
    let proxy = &p.model.proxies[0];
    let condition = proxy.http_request[0].condition.as_ref().expect("a condition");
    assert_eq!(condition.any.len(), 2);
    assert_eq!(condition.any[0].len(), 2);
    let Term::Named { acl, negated: true } = condition.any[0][1] else { panic!("a negated name") };
    assert_eq!(proxy.acls[acl as usize].name, "METH_GET");
    assert!(matches!(condition.any[1][0], Term::Anonymous { negated: false, .. }));
}

#[test]
fn a_format_keeps_its_pieces() {
    let p = listen(" http-request set-header x \"a%%b %[path,lower]%{+Q}r\"\n");
    let Action::SetHeader(name, format) = &p.model.proxies[0].http_request[0].action else {
        panic!("a set-header rule")
    };
    assert_eq!(name, "x");
    assert_eq!(format.nodes.len(), 3, "{:?}", format.nodes);
    assert_eq!(format.nodes[0], LogNode::Text("a%b ".into()));
    assert!(
        matches!(&format.nodes[2], LogNode::Alias { alias, flags, .. } if &**alias == "r" && flags.quote)
    );
}

#[test]
fn targets_become_formats_after_the_last_line() {
    let p = listen(" use_backend %[path]\n");
    let target = &p.model.proxies[0].use_backend[0].target;
    assert!(matches!(target.nodes.as_slice(), [LogNode::Sample { .. }]), "{target:?}");
}

#[test]
fn nesting_is_limited_by_the_line() {
    let deep = ",lower".repeat(5000);
    let p = listen(&format!(" http-request set-header x %[path{deep}]\n"));
    assert!(p.is_refused());
    let wide = format!(" acl a path{}\n", ",".repeat(9000));
    assert!(!listen(&wide).diagnostics.iter().any(|d| d.message.is_empty()));
}
