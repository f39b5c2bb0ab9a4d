//! Every rule keyword's lines against what the original said to them (`fixtures/haproxy/lines/rules.tsv`).

mod lines;

use std::collections::BTreeMap;

use rha_haproxy::{Input, parse, rules};
use rha_text::{Env, MemoryFiles, Severity};
use rha_vocab::Dialect;

const TABLE: &str = include_str!("../../../fixtures/haproxy/lines/rules.tsv");

fn rows() -> impl Iterator<Item = Vec<&'static str>> {
    TABLE.lines().filter(|l| !l.starts_with('#')).map(|l| l.split('\t').collect())
}

/// The messages our parser has for a file, in the table's form.
fn answer(dialect: Dialect, text: String) -> String {
    let files = MemoryFiles(BTreeMap::from([("t.cfg".to_owned(), text.into_bytes())]));
    let paths = ["t.cfg".to_owned()];
    let input = Input {
        paths: &paths,
        files: &files,
        env: Env::default(),
        dialect,
        samples: rha_sample::vocab_for(dialect),
        ignore_resolution: false,
        resolve: &|_, _| None,
        version: dialect.to_string(),
    };
    let level = |s| match s {
        Severity::Error => "ALERT",
        Severity::Warning => "WARNING",
        Severity::Notice => "NOTICE",
    };
    let native = |d: rha_text::Diagnostic| Some(format!("[{}] {}", level(d.severity), d.native?.text));
    let told: Vec<String> =
        parse(&input).diagnostics.into_iter().filter_map(native).filter(|m| !lines::sums_up(m)).collect();
    lines::field(&told)
}

#[test]
fn every_line_is_answered_as_the_original_does() {
    let mut wrong = Vec::new();
    let mut count = 0;
    for row in rows() {
        let [_, _, template, line, old, new] = row.as_slice() else { panic!("six fields: {row:?}") };
        for (dialect, want) in [(Dialect::V2_6, *old), (Dialect::V3_0, *new)] {
            let text = lines::file(template, line).expect("a known template");
            let got = answer(dialect, text);
            count += 1;
            if got != want {
                wrong.push(format!("{dialect} {template}: {line}\n  original: {want}\n  ours:     {got}"));
            }
        }
    }
    assert!(count > 1000, "the table is there");
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_row_has_a_good_and_a_bad_line() {
    // Good lines of these need a section, a filter or a switch that is not built yet.
    const NEEDS_MORE: [&str; 9] = [
        "normalize-uri",
        "send-spoe-group",
        "do-resolve",
        "cache-use",
        "cache-store",
        "set-bandwidth-limit",
        "attach-srv",
        "ot-group",
        "use-service",
    ];
    let table: Vec<_> = rows().collect();
    for keyword in rules::KEYWORDS {
        let here = [Dialect::V2_6, Dialect::V3_0].into_iter().any(|d| keyword.lifetime.covers(d));
        if !here {
            continue;
        }
        let has = |kind: &str| table.iter().any(|r| r[0] == keyword.name && r[1] == kind);
        assert!(has("bad"), "{} has no bad line", keyword.name);
        let last = keyword.name.rsplit(' ').next().unwrap_or("");
        let excused = NEEDS_MORE.contains(&last) || keyword.name == "block";
        assert!(has("good") || excused, "{} has no good line", keyword.name);
    }
}

#[test]
fn rows_are_unique_and_documented() {
    for (i, k) in rules::KEYWORDS.iter().enumerate() {
        assert!(rules::KEYWORDS[..i].iter().all(|o| o.name != k.name), "{} twice", k.name);
        assert!(k.doc.ends_with('.') && k.doc.len() > 10, "{}: {:?}", k.name, k.doc);
    }
}
