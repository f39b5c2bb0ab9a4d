//! Whatever bytes a file holds, the parser ends and does not panic.

use proptest::prelude::*;
use rha_haproxy::{Input, Parsed, parse};
use rha_text::{Env, MemoryFiles};
use rha_vocab::Dialect;

fn read(text: &[u8], dialect: Dialect) -> usize {
    parsed(text, dialect).diagnostics.len()
}

fn parsed(text: &[u8], dialect: Dialect) -> Parsed {
    let mut files = MemoryFiles::default();
    files.0.insert("f".into(), text.to_vec());
    let paths = ["f".to_owned()];
    let resolve = |_: &str, _: Option<u8>| None;
    let input = Input {
        paths: &paths,
        files: &files,
        env: Env::from_pairs([("A", "1 2"), ("E", "")]),
        dialect,
        samples: rha_sample::vocab_for(dialect),
        ignore_resolution: true,
        resolve: &resolve,
        descriptor: &rha_haproxy::any_descriptor,
        diag: false,
        version: "3.0.11".into(),
    };
    parse(&input)
}

/// Words that make sense somewhere, so that random lines get past the first lookup.
fn words() -> impl Strategy<Value = String> {
    let names: Vec<String> = rha_haproxy::tables::all()
        .map(|r| r.name.to_owned())
        .chain(rha_haproxy::tables::SECTIONS.iter().map(|s| s.name.to_owned()))
        .collect();
    prop_oneof![
        4 => proptest::sample::select(names),
        2 => proptest::sample::select(vec![
            "x", "1", "-1", "99999999999", "5s", "10k", "{", "}", "if", "unless", "!", "src", "127.0.0.1:80",
            "%[src]", "%[", "%{", "path(", "\"$A\"", "\"${A[*]}\"", "\"${N-d}\"", "\"", "'", "\\x4", "no",
            "default", ".if", ".endif", ".else", "on", "off", "a/b", "/etc/hosts", "-f", "-m", "reg", "(",
        ]).prop_map(str::to_owned),
        1 => "[ -~]{0,12}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn random_bytes(text in proptest::collection::vec(any::<u8>(), 0..400)) {
        for d in [Dialect::V2_6, Dialect::V3_0, Dialect::V3_5] {
            read(&text, d);
        }
    }

    #[test]
    fn random_lines(lines in proptest::collection::vec(proptest::collection::vec(words(), 1..6), 1..30)) {
        let text: String = lines.iter().map(|l| l.join(" ") + "\n").collect();
        for d in [Dialect::V2_6, Dialect::V3_5] {
            read(text.as_bytes(), d);
        }
    }
}

/// Found by the fuzz target `haproxy_lexer`: a complaint about the end of a file without a line feed
/// pointed one byte beyond it.
#[test]
fn places_lie_in_the_file() {
    for text in [
        "a \"3$", "a \"b", "a '", "a \\", "a \\x", "a \\x1", "a \"${", "a \"${B", "a \"${B-", ".if",
        ".if 1 &&", "[", "[]",
    ] {
        for d in Dialect::ALL {
            for at in parsed(text.as_bytes(), d).diagnostics.iter().flat_map(|d| &d.labels).map(|l| l.span) {
                assert!(at.start <= at.end && at.end as usize <= text.len(), "{text:?}: {at:?}");
            }
        }
    }
}

/// `fd@` asks its caller; `.diag` speaks in a diagnostic run only. The texts are those of 2.6 and 3.0.
#[test]
fn descriptors_and_diagnostic_runs_are_the_callers() {
    let text = ".diag hello\nfrontend f\n bind fd@99\nbackend b\n server s fd@99\n";
    let mut files = MemoryFiles::default();
    files.0.insert("f".into(), text.into());
    let paths = ["f".to_owned()];
    let run = |descriptor: &dyn Fn(i32) -> Result<(), String>, diag: bool| -> Vec<String> {
        let input = Input {
            paths: &paths,
            files: &files,
            env: Env::default(),
            dialect: Dialect::V3_0,
            samples: rha_sample::vocab_for(Dialect::V3_0),
            ignore_resolution: true,
            resolve: &|_, _| None,
            descriptor,
            diag,
            version: "3.0.11".into(),
        };
        parse(&input).diagnostics.into_iter().filter_map(|d| Some(d.native?.text)).collect()
    };
    let closed = |fd: i32| if fd == 99 { Err("Bad file descriptor".to_owned()) } else { Ok(()) };
    let said = run(&closed, true);
    assert_eq!(said.first().map(String::as_str), Some("config : parsing [f:1]: 'hello'."));
    assert_eq!(
        said.get(1).map(String::as_str),
        Some("config : parsing [f:3] : 'bind' : cannot use file descriptor '99' : Bad file descriptor.")
    );
    let said = run(&rha_haproxy::any_descriptor, false);
    assert!(!said.iter().any(|s| s.contains("hello") || s.contains("cannot use")), "{said:?}");
}
