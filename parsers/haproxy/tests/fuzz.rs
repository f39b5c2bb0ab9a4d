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
