//! Log-format strings are written as HAProxy 3.0.11 writes them.
//!
//! The fixture was recorded by `log-format` to standard output: a format, a tab, its text with bytes
//! outside of printable ASCII and backslashes as `\xHH`.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test whose own text is wrong should stop")]

mod common;

use common::{Plan, Stage, expr};
use rha_base::{Fact, Now, Value};
use rha_ir::{LogFlags, LogFormat, LogNode, Span};
use rha_sample::Format;

/// `%{+Q,-M}ci`, `%{+X}[expr]`, as `log-format` reads them.
fn node(text: &str) -> LogNode {
    let mut flags = LogFlags { mandatory: true, ..LogFlags::default() };
    let rest = text.strip_prefix('%').unwrap();
    let rest = match rest.strip_prefix('{') {
        None => rest,
        Some(inner) => {
            let (words, rest) = inner.split_once('}').unwrap();
            for w in words.split(',') {
                let on = w.starts_with('+');
                match &w[1..] {
                    "Q" => flags.quote = on,
                    "X" => flags.hex = on,
                    "E" => flags.escape = on,
                    "M" => flags.mandatory = on,
                    other => panic!("{other}"),
                }
            }
            rest
        }
    };
    match rest.strip_prefix('[') {
        Some(e) => {
            let e = Box::new(expr(e.strip_suffix(']').unwrap()));
            LogNode::Sample { expr: e, flags, name: None }
        }
        None => LogNode::Alias { alias: rest.into(), flags, name: None },
    }
}

fn written(text: &str, stage: &Stage, plan: &mut Plan) -> String {
    let format = LogFormat { nodes: vec![node(text)], origin: Span::default() };
    let mut out = Vec::new();
    Format::compile(&format, plan).unwrap().write(stage, &mut out);
    let one = |c: &u8| match c {
        b'\\' => "\\x5c".to_owned(),
        32..=126 => char::from(*c).to_string(),
        c => format!("\\x{c:02x}"),
    };
    out.iter().map(one).collect()
}

fn stage() -> Stage {
    let odd = "q\"u{o}|t]e\\ \u{e9}#".as_bytes().to_vec();
    let line = b"GET http://h.x/a\"b{c}?x=|1&y=%41 HTTP/1.1".to_vec();
    Stage {
        facts: vec![
            (Fact::RequestLine, Value::Str(line.into())),
            (Fact::StatusCode, Value::Int(204)),
            (Fact::FrontendName, Value::str(b"fe1")),
            (Fact::FrontendNameTransport, Value::str(b"fe1")),
            (Fact::UniqueId, Value::Str(odd.clone().into())),
            (Fact::TerminationState, Value::str(b"LR")),
            (Fact::TerminationStateCookie, Value::str(b"LR--")),
            (Fact::BytesUploaded, Value::Int(85)),
            // 2024-04-26 07:39:58.007004 UTC
            (Fact::AcceptDateUs, Value::Int(1_714_117_198_007_004)),
            (Fact::BytesRead, Value::Int(10)),
            (Fact::Pid, Value::Int(0xab)),
        ],
        captures: vec![Some(odd), None],
        now: Now::default(),
        offset_s: 7200,
        ..Stage::default()
    }
}

#[test]
fn formats_are_the_originals() {
    let mut plan = Plan::default();
    let mut stage = stage();
    let odd = stage.captures[0].clone().unwrap();
    let slot = rha_sample::Names::variable(&mut plan, rha_base::Scope::Transaction, "x");
    rha_base::Scene::set_variable(&stage, slot, Some(Value::Str(odd.into())));
    stage.facts.push((Fact::TimeHandshake, Value::Int(0)));
    let mut wrong = Vec::new();
    for line in include_str!("fixtures/formats-3.0.tsv").lines() {
        let (text, want) = line.split_once('\t').unwrap();
        // nothing was captured from the response there, but its slots existed
        if text.ends_with("hs") || text.ends_with("hsl") {
            continue;
        }
        let got = written(text, &stage, &mut plan);
        if got != want {
            wrong.push(format!("{text}: {got} instead of {want}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn dates_and_numbers() {
    let mut plan = Plan::default();
    let mut stage = stage();
    let cases = [
        ("%t", "26/Apr/2024:09:39:58.007"),
        ("%T", "26/Apr/2024:07:39:58 +0000"),
        ("%Tl", "26/Apr/2024:09:39:58 +0200"),
        ("%trl", "26/Apr/2024:09:39:58 +0200"),
        ("%Ts", "1714117198"),
        ("%{+X}Ts", "662B5A4E"),
        ("%ms", "007"),
        ("%{+X}ms", "07"),
        ("%pid", "171"),
        ("%{+X}pid", "00AB"),
        ("%{+X}cp", "9C40"),
        ("%B", "10"),
        ("%{+Q}[var(txn.none)]", "\"\""),
        ("%[var(txn.none)]", "-"),
        ("%{-M}[var(txn.none)]", ""),
    ];
    for (text, want) in cases {
        assert_eq!(written(text, &stage, &mut plan), want, "{text}");
    }
    stage.facts.push((Fact::LoggedEarly, Value::Bool(true)));
    assert_eq!(written("%B", &stage, &mut plan), "+10");
    stage.source = None;
    stage.facts.push((Fact::ListenerId, Value::Int(3)));
    assert_eq!(written("%ci", &stage, &mut plan), "unix");
    assert_eq!(written("%cp", &stage, &mut plan), "3");
}

#[test]
fn every_alias_compiles_and_a_missing_one_does_not() {
    let mut plan = Plan::default();
    for a in rha_sample::aliases() {
        assert!(!written(&format!("%{}", a.name), &stage(), &mut plan).contains('\n'));
        assert!(a.doc.ends_with('.'));
    }
    let format = LogFormat { nodes: vec![node("%zz")], origin: Span::default() };
    assert!(Format::compile(&format, &mut plan).is_err());
}

#[test]
fn text_without_variables_is_one_piece() {
    let nodes = vec![LogNode::Text("a".into()), LogNode::Separator, LogNode::Text("b".into())];
    let format = LogFormat { nodes, origin: Span::default() };
    let f = Format::compile(&format, &mut Plan::default()).unwrap();
    assert_eq!(f.literal(), Some(&b"a b"[..]));
}
