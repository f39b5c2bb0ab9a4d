//! `record_bad PROGRAM DIRECTORY`: asks the original about every `*.conf` of a directory and writes its
//! answer beside it as `*.expected`: the exit code, then its messages, each once, in order of first
//! appearance, with the longer prefix where it uses both. Run it where an interface `eth0` is up.
#![allow(clippy::print_stdout, reason = "a program")]

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

fn main() -> std::io::Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [program, directory] = args.as_slice() else {
        println!("record_bad PROGRAM DIRECTORY");
        return Ok(());
    };
    let mut count = 0;
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        if path.extension().is_none_or(|e| e != "conf") {
            continue;
        }
        record(program, directory, &path)?;
        count += 1;
    }
    println!("{count} recorded");
    Ok(())
}

fn record(program: &str, directory: &str, path: &Path) -> std::io::Result<()> {
    let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
    let text = String::from_utf8_lossy(&std::fs::read(path)?).into_owned();
    let mut command = Command::new(program);
    command.args(["-t", "-f", name]).current_dir(directory).env("LEVEL", "77");
    if let Some(id) = text.lines().next().and_then(|l| l.strip_prefix("# id: ")) {
        command.args(["-i", id]);
    }
    let output = command.output()?;
    let code = output.status.code().unwrap_or(-1);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let mut out = vec![code.to_string()];
    out.extend(once(&said));
    std::fs::write(path.with_extension("expected"), out.join("\n") + "\n")
}

/// Each message once; `(Line 3) x` goes where `(file: Line 3) x` is said too.
fn once(said: &str) -> Vec<String> {
    let long = |m: &str| {
        let (position, text) = m.strip_prefix('(')?.split_once(") ")?;
        let (_, line) = position.split_once(": Line ")?;
        Some((format!("(Line {line}) {text}"), m.to_owned()))
    };
    let longs: std::collections::BTreeMap<String, String> = said.lines().filter_map(long).collect();
    let mut seen = BTreeSet::new();
    said.lines()
        .filter(|m| !m.is_empty())
        .map(|m| longs.get(m).cloned().unwrap_or_else(|| m.to_owned()))
        .filter(|m| seen.insert(m.clone()))
        .collect()
}
