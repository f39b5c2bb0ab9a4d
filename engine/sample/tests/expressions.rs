//! Expressions give what HAProxy 3.0.11 gave for the same request.
//!
//! The fixture was recorded by a `return … lf-file` rule: an expression, a tab, its value with bytes
//! outside of printable ASCII as `\xHH`; control characters are percent-encoded as in that rule.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test whose own text is wrong should stop")]

mod common;

use common::{Head, Plan, Stage, expr};
use rha_base::{Fact, Value};
use rha_ir::{LogFlags, LogFormat, LogNode, User, UserList};
use rha_sample::{Condition, Expr, Format, Sampled};

const REQUEST: &str = "POST /a/b.html?x=1&y=two;z=%20&X=up&e=&x=2 HTTP/1.1
Host: Www.Example.com:8080
User-Agent: curl/8 (test, \"quoted, comma\")
Accept-Language: da, en-gb;q=0.8, en;q=0.7
X-List: a, b ,c
X-List: d
X-Empty:
X-Num: 42abc
X-Neg: -17
X-Ip: 10.1.2.3:80, [2001:db8::1]:443, bad
X-Six: 2001:db8::9
Cookie: a=1; b=\"x;y\"; c = spaced ; $v=1; a=2
Cookie: d=4, e=5
X-Forwarded-For: 192.0.2.1, 198.51.100.7
Authorization: Basic dXNlcjpwYTpzcw==
Content-Length: 28
Content-Type: application/x-www-form-urlencoded

name=joe&age=5&empty=&n2=a+b";

fn plan() -> Plan {
    let files = [
        ("m.map", "key1 value one \nkey2\nkey1 second\n# c\n"),
        ("i.map", "key1 42\n"),
        ("b.map", "/ root\n/a deep\n/a/b deeper\n/z z\n"),
        ("e.map", ".com com\nexample.com ex\n"),
        ("s.map", "xampl s1\nwww s2\n"),
        ("d.map", "com d1\nexample d2\n"),
        ("dir.map", "y dy\nimg di\n"),
        ("r.map", "bar no\n^foo([0-9]+)$ got\\1x\n"),
        ("ip.map", "10.0.0.0/8 ten\n10.1.0.0/16 tenone\n2001:db8::/32 six\n"),
        ("int.map", "1:9 low\n10-20 mid\n"),
        ("sip.map", "key1 9.9.9.9\n"),
    ];
    let user =
        User { name: "user".into(), password: Some(("pa:ss".into(), true)), groups: vec!["g1".into()] };
    Plan {
        files: files.into_iter().map(|(n, t)| (n.to_owned(), t.as_bytes().to_vec())).collect(),
        users: Some(UserList { name: "ul".into(), users: vec![user], origin: rha_ir::Span::default() }),
        ..Plan::default()
    }
}

fn stage(plan: &mut Plan) -> Stage {
    let stage = Stage {
        request: Some(Head::request(REQUEST)),
        facts: vec![(Fact::FrontendName, Value::str(b"fe1")), (Fact::IsFirstRequest, Value::Bool(true))],
        ..Stage::default()
    };
    let given = [
        ("a", "str(hello)"),
        ("n", "int(7)"),
        ("ip", "ipv4(9.8.7.6)"),
        ("bin", "bin(4142)"),
        ("bool", "bool(1)"),
        ("key", "str(a2V5)"),
    ];
    for (name, text) in given {
        let e = Expr::compile(&expr(&format!("{text},set-var(txn.{name})")), plan).unwrap();
        assert!(matches!(e.eval(&stage), Sampled::Value(_)));
    }
    stage
}

fn printable(bytes: &[u8]) -> String {
    let one = |c: &u8| match c {
        b'\\' => "\\x5c".to_owned(),
        32..=126 => char::from(*c).to_string(),
        c => format!("\\x{c:02x}"),
    };
    bytes.iter().map(one).collect()
}

#[test]
fn values_are_the_originals() {
    let mut plan = plan();
    let stage = stage(&mut plan);
    let mut wrong = Vec::new();
    let mut count = 0;
    for line in include_str!("fixtures/expressions-3.0.tsv").lines() {
        let (text, want) = line.split_once('\t').unwrap();
        let node = LogNode::Sample { expr: Box::new(expr(text)), flags: LogFlags::default(), name: None };
        let format = LogFormat { nodes: vec![node], origin: rha_ir::Span::default() };
        let compiled = match Format::compile_for_http(&format, &mut plan) {
            Ok(f) => f,
            Err(e) => {
                wrong.push(format!("{text}: {e}"));
                continue;
            }
        };
        let mut out = Vec::new();
        compiled.write(&stage, &mut out);
        count += 1;
        if printable(&out) != want {
            wrong.push(format!("{text}: {} instead of {want}", printable(&out)));
        }
    }
    assert!(wrong.is_empty(), "{} wrong\n{}", wrong.len(), wrong.join("\n"));
    assert!(count > 300);
}

/// Conditions held, or not, on the same request; recorded by `set-var(…) bool(1) if …` rules.
#[test]
fn conditions_hold_as_in_the_original() {
    let mut plan = plan();
    let lists = [
        ("hosts.lst", "host", ".example.org", "www.example.com:8080"),
        ("nets.lst", "10.", ".0.0/16", "192.168.0.0/16"),
        ("pfx.lst", "/p", "", "/a/"),
        ("sfx.lst", ".p", "", ".html"),
        ("sub.lst", "zz", "", "/b."),
        ("dirs.lst", "zz", "", "/a"),
        ("doms.lst", "zz", ".com", "example.com"),
    ];
    for (name, before, after, last) in lists {
        let mut text: String = (0..30).map(|i| format!("{before}{i}{after}\n")).collect();
        text.push_str(last);
        plan.files.insert(name.to_owned(), text.into_bytes());
    }
    let mut stage = stage(&mut plan);
    stage.now.wall_us = 1_800_000_000_000_000;
    let mut wrong = Vec::new();
    for line in include_str!("fixtures/conditions-3.0.tsv").lines() {
        let (text, want) = line.split_once('\t').unwrap();
        match Condition::compile(&common::condition(text), &[], &mut plan) {
            Ok(c) if c.holds(&stage).is_yes() == (want == "1") => {}
            Ok(c) => wrong.push(format!("{text}: {:?}", c.holds(&stage))),
            Err(e) => wrong.push(format!("{text}: {e}")),
        }
    }
    assert!(wrong.is_empty(), "{} wrong\n{}", wrong.len(), wrong.join("\n"));
}

const PROXIED: &str = r#"GET http://10.1.2.3:8081/p/q?a=b?c=d&k HTTP/1.1
Host: 10.1.2.3:8081
X-Q: "a, b", c
Cookie:
Authorization: Bearer   tok.en
X-J: {"a":{"b":[1,22,{"c":"x\"y\u0041\/"}],"t":true,"n":null,"f":1.50,"e":1e3,"o":{}}}
X-T: Bearer zz

"#;

const RESPONSE: &str = "- - -
Content-Length: 5
X-R: 1, 2
X-R: 3
Set-Cookie: sid=abc; Path=/; a=2
Set-Cookie: b=\"q;r\"; HttpOnly
Set-Cookie: sid=def

hello";

/// An absolute target, and a response; recorded by `http-response set-header` rules.
#[test]
fn values_of_absolute_targets_and_responses_are_the_originals() {
    let mut plan = plan();
    let response = Head { status: 404, ..Head::request(RESPONSE) };
    let stage = Stage { request: Some(Head::request(PROXIED)), response: Some(response), ..Stage::default() };
    let mut wrong = Vec::new();
    for line in include_str!("fixtures/expressions-2-3.0.tsv").lines() {
        let (text, want) = line.split_once('\t').unwrap();
        let e = Expr::compile(&expr(text), &mut plan).unwrap();
        let got = e.text(&stage).unwrap_or_default();
        if got != want.as_bytes() {
            wrong.push(format!("{text}: {} instead of {want}", printable(&got)));
        }
    }
    assert!(wrong.is_empty(), "{} wrong\n{}", wrong.len(), wrong.join("\n"));
}
