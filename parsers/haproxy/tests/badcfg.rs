//! Bad configurations and what the original says to them, word for word.
//!
//! `fixtures/haproxy/bad/NAME.cfg` is read as 2.6 and as 3.0 would, with `-dr`; beside it,
//! `NAME.2.6.txt` and `NAME.3.0.txt` hold the standard error of the original, with the process id,
//! version and path left out. `GAPS` lists those that do not come out right yet, `NAME.VERSION` a line:
//! one that does come out right fails the test until its line is gone.
//!
//! `RHA_RECORD_2_6=/path RHA_RECORD_3_0=/path cargo test -p rha-haproxy --test badcfg` records anew.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use rha_haproxy::{Input, parse};
use rha_text::render::haproxy::{Speaker, Stream};
use rha_text::{DiskFiles, Env};
use rha_vocab::Dialect;

const ORIGINALS: [(Dialect, &str, &str, &str); 2] = [
    (Dialect::V2_6, "2.6", "2.6.12-1+deb12u4", "RHA_RECORD_2_6"),
    (Dialect::V3_0, "3.0", "3.0.11-1+deb13u3", "RHA_RECORD_3_0"),
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/haproxy/bad")
}

fn names() -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder())
        .unwrap()
        .filter_map(|e| e.unwrap().file_name().to_str()?.strip_suffix(".cfg").map(str::to_owned))
        .collect();
    names.sort();
    names
}

/// What both sides may see of the environment.
const ENVIRONMENT: [(&str, &str); 2] = [("HOME", "/root"), ("PATH", "/usr/bin:/bin")];

/// Without process ids and the two lines about the program itself.
fn normal(stderr: &str) -> String {
    let keep = |l: &&str| {
        !l.contains(" : haproxy version is ")
            && !l.contains(" : path to executable is ")
            && !l.contains("will not start (no listener)")
    };
    let mut out = String::new();
    for line in stderr.lines().filter(keep) {
        match (line.starts_with('['), line.find(" ("), line.find(") : ")) {
            (true, Some(a), Some(b)) if a < b => {
                out.push_str(&line[..a]);
                out.push_str(&line[b + 1..]);
            }
            _ => out.push_str(line),
        }
        out.push('\n');
    }
    out
}

fn original(program: &str, name: &str) -> String {
    let out = Command::new(program)
        .args(["-c", "-dr", "-f", &format!("{name}.cfg")])
        .current_dir(folder())
        .env_clear()
        .envs(ENVIRONMENT)
        .output()
        .unwrap();
    normal(&String::from_utf8_lossy(&out.stderr))
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
    for (dialect, short, version, record) in ORIGINALS {
        for name in names() {
            let expected = folder().join(format!("{name}.{short}.txt"));
            if let Ok(program) = std::env::var(record) {
                fs::write(&expected, original(&program, &name)).unwrap();
            }
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
