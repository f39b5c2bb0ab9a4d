//! A whole configuration file, conditions and all: no bytes make the parser panic, what it says is the
//! same twice, every place it names lies in the file, and every renderer can show it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rha_haproxy::{Input, Parsed, parse};
use rha_text::{Env, MemoryFiles, render};
use rha_vocab::Dialect;

fuzz_target!(|data: &[u8]| {
    // the length chooses the dialect, so that a real configuration is a seed as it stands
    let dialect = Dialect::ALL[data.len() % Dialect::ALL.len()];
    let first = read(data, dialect);
    let again = read(data, dialect);
    assert_eq!(first.diagnostics, again.diagnostics);
    assert_eq!(first.notes, again.notes);
    for d in &first.diagnostics {
        for label in &d.labels {
            let len = first.sources.get(label.span.file).map_or(0, |s| s.text.len());
            assert!(label.span.start <= label.span.end, "{d:?}");
            assert!(label.span.end as usize <= len, "{d:?}");
        }
    }
    // the renderers cost more than all the rest
    if data.first().is_some_and(|b| b % 8 != 0) {
        return;
    }
    let pretty = render::pretty::Pretty { color: false, width: 80, unicode: true };
    let _ = pretty.all(&first.sources, &first.diagnostics);
    let _ = render::json::lines(&first.sources, &first.diagnostics);
    let _ = render::github::commands(&first.sources, &first.diagnostics);
});

fn read(text: &[u8], dialect: Dialect) -> Parsed {
    let mut files = MemoryFiles::default();
    files.0.insert("f".into(), text.to_vec());
    files.0.insert("l".into(), b"# list\n10.0.0.0/8 a\nhost b\n".to_vec());
    let resolve = |_: &str, _: Option<u8>| None;
    parse(&Input {
        paths: &["f".to_owned()],
        files: &files,
        env: Env::from_pairs([("A", "1 2"), ("E", "")]),
        dialect,
        samples: rha_sample::vocab_for(dialect),
        ignore_resolution: true,
        resolve: &resolve,
        descriptor: &rha_haproxy::any_descriptor,
        diag: false,
        version: "3.0.11".into(),
    })
}
