//! Bad configurations and what the original says to them, word for word.
//!
//! `fixtures/haproxy/bad/NAME.cfg` is read as 2.6 and as 3.0 would, with `-dr`; beside it,
//! `NAME.2.6.txt` and `NAME.3.0.txt` hold the standard error of the original, with the process id,
//! version and path left out. `GAPS` lists those that do not come out right yet, `NAME.VERSION` a line:
//! one that does come out right fails the test until its line is gone.
//!
//! Recorded by `cargo run -p rha-haproxy --example record -- 2.6=<haproxy> 3.0=<haproxy> bad`.

#![allow(clippy::unwrap_used, reason = "a test")]

mod fixture;

use std::fs;
use std::path::PathBuf;

use rha_haproxy::{Input, parse};
use rha_text::render::haproxy::{Speaker, Stream};
use rha_text::{DiskFiles, Env};
use rha_vocab::Dialect;

use fixture::{ENVIRONMENT, ORIGINALS, normal};

fn folder() -> PathBuf {
    fixture::folder("bad")
}

fn names() -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder())
        .unwrap()
        .filter_map(|e| e.unwrap().file_name().to_str()?.strip_suffix(".cfg").map(str::to_owned))
        .collect();
    names.sort();
    names
}

fn ours(dialect: Dialect, version: &str, name: &str) -> String {
    let paths = [format!("{name}.cfg")];
    let files = DiskFiles { base: Some(folder()) };
    let resolve = |_: &str, _: Option<u8>| None;
    let input = Input {
        paths: &paths,
        files: &files,
        env: Env::from_pairs(ENVIRONMENT),
        dialect,
        samples: rha_sample::vocab_for(dialect),
        ignore_resolution: true,
        resolve: &resolve,
        descriptor: &rha_haproxy::any_descriptor,
        diag: false,
        version: version.to_owned(),
    };
    let parsed = parse(&input);
    let speaker = Speaker { version: version.to_owned(), executable: "haproxy".to_owned(), pid: 1 };
    let mut stream = Stream::new(speaker);
    let text: String = parsed.diagnostics.iter().map(|d| stream.diagnostic(d)).collect();
    normal(&text)
}

#[test]
fn every_bad_file_is_answered_as_the_original_answers_it() {
    let gaps = fs::read_to_string(folder().join("GAPS")).unwrap_or_default();
    let gaps: Vec<&str> =
        gaps.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#')).collect();
    let mut wrong = Vec::new();
    let mut compared = 0;
    for (dialect, short, version) in ORIGINALS {
        for name in names() {
            let expected = folder().join(format!("{name}.{short}.txt"));
            let want = fs::read(&expected).unwrap_or_else(|e| panic!("{}: {e}", expected.display()));
            let want = String::from_utf8_lossy(&want);
            let got = ours(dialect, version, &name);
            compared += 1;
            let key = format!("{name}.{short}");
            match (got == want, gaps.contains(&key.as_str())) {
                (true, false) | (false, true) => {}
                (true, true) => wrong.push(format!("{key} is right now: take it out of GAPS")),
                (false, false) => wrong.push(format!("{key}\n--- original\n{want}--- ours\n{got}")),
            }
        }
    }
    assert!(compared > 150, "only {compared} comparisons");
    assert!(wrong.is_empty(), "{} of {compared}\n{}", wrong.len(), wrong.join("\n"));
}
