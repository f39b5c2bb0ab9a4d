//! `record_proxy_lines TABLE`: asks the original about every line of a table and prints the table with its
//! verdicts. `HAPROXY_2_6` and `HAPROXY_3_0` name the executables; a dialect without one keeps its rows.
//!
//! A row of two columns (place, line) becomes one row for each dialect.

#[path = "../tests/lines/template.rs"]
mod template;

use std::process::Command;

#[allow(clippy::print_stdout, clippy::expect_used, reason = "a command-line program")]
fn main() {
    let table = std::env::args().nth(1).expect("the table's file");
    let text = std::fs::read_to_string(table).expect("a readable table");
    for line in text.lines().filter(|l| l.starts_with('#')) {
        println!("{line}");
    }
    let mut seen = std::collections::BTreeSet::new();
    for row in template::rows(&text) {
        let dialects = if row.dialect.is_empty() { vec!["2.6", "3.0"] } else { vec![row.dialect.as_str()] };
        for dialect in dialects {
            if !seen.insert((row.place.clone(), row.line.clone(), dialect.to_owned())) {
                continue;
            }
            let verdict = ask(dialect, &template::configuration(&row)).unwrap_or_else(|| row.verdict.clone());
            println!("{}\t{}\t{dialect}\t{verdict}", row.place, row.line);
        }
    }
}

/// The original's verdict on a configuration; `None` without an original.
#[allow(clippy::expect_used, reason = "a command-line program")]
fn ask(dialect: &str, configuration: &str) -> Option<String> {
    let program = std::env::var(format!("HAPROXY_{}", dialect.replace('.', "_"))).ok()?;
    let file = std::env::temp_dir().join(format!("record-lines-{}.cfg", std::process::id()));
    std::fs::write(&file, configuration).expect("a writable temporary folder");
    let out = Command::new(program).args(["-c", "-dr", "-f"]).arg(&file).output().expect("the original");
    std::fs::remove_file(&file).ok();
    let said = String::from_utf8_lossy(&out.stderr);
    // 2 is "no listener", which is no fault of the line.
    let fine = matches!(out.status.code(), Some(0 | 2));
    let verdict = match (fine, said.contains("[WARNING]") || said.contains("[ALERT]")) {
        (false, _) => "error",
        (true, true) => "warning",
        (true, false) => "ok",
    };
    Some(verdict.to_owned())
}
