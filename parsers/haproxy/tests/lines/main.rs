//! Every line of the tables in `fixtures/haproxy/lines` that begin with `# place` gets the verdict the
//! original gave (`rules.tsv` has a shape and a test of its own).

#![allow(clippy::expect_used, reason = "a test")]

mod template;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::Path;

use rha_haproxy::{Input, parse};
use rha_text::{Env, MemoryFiles, Severity};
use rha_vocab::Dialect;

/// `ok`, `warning` or `error`, as our parser sees the row.
fn verdict(row: &template::Row) -> &'static str {
    let files = MemoryFiles(BTreeMap::from([
        ("t.cfg".to_owned(), template::configuration(row).into_bytes()),
        ("/etc/passwd".to_owned(), b"root:x:0:0:root:/root:/bin/sh\n".to_vec()),
        ("/etc/group".to_owned(), b"root:x:0:\n".to_vec()),
        ("/dev/null".to_owned(), Vec::new()),
    ]));
    let dialect = Dialect::parse(&row.dialect).expect("a dialect of the table");
    let resolve = |name: &str, _: Option<u8>| -> Option<IpAddr> {
        (name == "localhost").then_some(IpAddr::from([127, 0, 0, 1]))
    };
    let input = Input {
        paths: &["t.cfg".to_owned()],
        files: &files,
        env: Env::default(),
        dialect,
        samples: rha_sample::vocab_for(dialect),
        ignore_resolution: true,
        resolve: &resolve,
        version: format!("{dialect}.0"),
    };
    let parsed = parse(&input);
    let warned = parsed.diagnostics.iter().any(|d| d.severity == Severity::Warning && d.native.is_some());
    match (parsed.is_refused(), warned) {
        (true, _) => "error",
        (false, true) => "warning",
        (false, false) => "ok",
    }
}

#[test]
fn every_line_gets_the_recorded_verdict() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/haproxy/lines");
    let mut tables: Vec<_> =
        std::fs::read_dir(&folder).expect("fixtures").filter_map(|e| Some(e.ok()?.path())).collect();
    tables.sort();
    assert!(!tables.is_empty(), "no tables in {}", folder.display());
    let mut wrong = Vec::new();
    let mut count = 0;
    for table in tables {
        let text = std::fs::read_to_string(&table).expect("a table");
        if !text.starts_with("# place") {
            continue;
        }
        for row in template::rows(&text) {
            count += 1;
            let ours = verdict(&row);
            if ours != row.verdict {
                wrong.push(format!(
                    "{} | {} | {}: {} (ours {ours})",
                    row.place, row.line, row.dialect, row.verdict
                ));
            }
        }
    }
    assert!(count > 100, "only {count} rows");
    assert!(wrong.is_empty(), "{} of {count} differ:\n{}", wrong.len(), wrong.join("\n"));
}
