//! Every diagnostic code of the source has its page in `docs/diagnostics`, every page its code, and the
//! example of a page, where it is one the parser can judge, gives that code.
//!
//! A fence of `haproxy` is read with dialect 3.0; `haproxy 2.6` and `haproxy 3.5` choose another. Plain
//! fences hold what needs a disk, a network or a running machine.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use rha_haproxy::{Input, parse};
use rha_text::{Env, MemoryFiles};
use rha_vocab::Dialect;

fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn pages() -> Vec<(String, String)> {
    let all = std::fs::read_dir(top().join("docs/diagnostics")).unwrap().map(|f| f.unwrap().path());
    let mut all: Vec<_> = all
        .map(|f| {
            (f.file_stem().unwrap().to_string_lossy().into_owned(), std::fs::read_to_string(&f).unwrap())
        })
        .collect();
    all.sort();
    all
}

/// Rust files under a folder.
fn sources(folder: &Path, all: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("target") && !path.ends_with("tests") {
            sources(&path, all);
        } else if path.extension().is_some_and(|e| e == "rs") {
            all.push(path);
        }
    }
}

/// Quoted codes: `"HA1001"`.
fn codes(text: &str) -> impl Iterator<Item = String> {
    text.split('"')
        .filter(|w| {
            w.len() == 6
                && ["HA", "KA", "FR", "XF", "XN"].iter().any(|p| w.starts_with(p))
                && w.bytes().skip(2).all(|b| b.is_ascii_digit())
        })
        .map(str::to_owned)
}

#[test]
fn every_code_has_its_page_and_every_page_its_code() {
    let mut files = Vec::new();
    for folder in ["parsers", "engine", "bin"] {
        sources(&top().join(folder), &mut files);
    }
    let used: BTreeSet<String> =
        files.iter().flat_map(|f| codes(&std::fs::read_to_string(f).unwrap()).collect::<Vec<_>>()).collect();
    let written: BTreeSet<String> = pages().into_iter().map(|p| p.0).collect();
    assert!(used.len() > 80);
    let without: Vec<_> = used.difference(&written).collect();
    assert!(without.is_empty(), "no page in docs/diagnostics for {without:?}");
    let unused: Vec<_> = written.difference(&used).collect();
    assert!(unused.is_empty(), "pages of codes that nothing says: {unused:?}");
}

#[test]
fn every_page_has_its_parts() {
    for (code, text) in pages() {
        assert!(text.starts_with(&format!("# {code}: ")), "{code}: the title");
        for part in ["\n**Why it matters.**", "\n```", "\n**Repair.**"] {
            assert!(text.contains(part), "{code}: no {part:?}");
        }
    }
}

#[test]
fn the_example_of_a_page_gives_its_code() {
    let mut wrong = Vec::new();
    let mut judged = 0;
    for (code, text) in pages() {
        let Some((_, after)) = text.split_once("\n```haproxy") else { continue };
        let (dialect, rest) = after.split_once('\n').unwrap();
        let (example, _) = rest.split_once("\n```").unwrap();
        let dialect = match dialect.trim() {
            "2.6" => Dialect::V2_6,
            "3.5" => Dialect::V3_5,
            _ => Dialect::V3_0,
        };
        let found = said(&format!("{example}\n"), dialect);
        judged += 1;
        if !found.contains(&code.as_str()) {
            wrong.push(format!("{code}: its example gives {found:?}"));
        }
    }
    assert!(judged > 40);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn said(text: &str, dialect: Dialect) -> Vec<&'static str> {
    let mut files = MemoryFiles::default();
    files.0.insert("f".into(), text.into());
    let resolve = |_: &str, _: Option<u8>| None;
    let input = Input {
        paths: &["f".to_owned()],
        files: &files,
        env: Env::default(),
        dialect,
        samples: rha_sample::vocab_for(dialect),
        ignore_resolution: true,
        resolve: &resolve,
        descriptor: &rha_haproxy::any_descriptor,
        diag: false,
        version: "3.0.11".into(),
    };
    parse(&input).diagnostics.iter().map(|d| d.code).collect()
}
