//! What is not built is refused at start, and only there: for a configuration of each such family, `-c`
//! accepts, a start ends with exit 1 and names keyword and line, and `--allow-planned` starts.
//!
//! TLS is the exception: nothing starts it, because plain text would go where TLS was asked for.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

/// A keyword as the refusal names it, and the configuration that uses it: lines of a `listen` section, or
/// whole sections when they begin at the margin.
const PLANNED: &[(&str, &str)] = &[
    ("stick-table", " stick-table type ip size 1k"),
    ("http-request track-sc", " http-request track-sc0 src table l\n stick-table type ip size 1k"),
    ("tcp-request content track-sc", " tcp-request content track-sc0 src\n stick-table type ip size 1k"),
    ("filter", " filter trace"),
    ("compression", " compression algo gzip"),
    ("http-request set-map", " http-request set-map(/dev/null) %[src] 1"),
    ("http-request use-service", " http-request use-service prometheus-exporter if FALSE"),
    ("server proto h2", " server a 127.0.0.1:1 proto h2"),
    ("server proxy-v2-options ssl", " server a 127.0.0.1:1 proxy-v2-options ssl"),
    ("resolvers", "resolvers r\n nameserver a 127.0.0.1:53"),
    ("cache", "cache c\n total-max-size 4"),
    ("mailers", "mailers m\n mailer a 127.0.0.1:25"),
    ("ring", "ring r\n size 4096"),
    ("tune.buffers.limit", "global\n tune.buffers.limit 100"),
];

/// Where TLS is asked for.
const TLS: &[(&str, &str)] = &[
    ("server ssl", " server a 127.0.0.1:1 ssl verify none"),
    ("server check-ssl", " server a 127.0.0.1:1 check check-ssl verify none"),
    ("server sni", " server a 127.0.0.1:1 ssl verify none sni str(x)"),
    ("check ssl", " option tcp-check\n tcp-check connect ssl\n server a 127.0.0.1:1 check verify none"),
];

/// A file with the lines in it; gives the number of the first of them.
fn write(dir: &Path, lines: &str) -> usize {
    let listen = format!(
        "listen l\n mode http\n timeout client 1s\n timeout server 1s\n timeout connect 1s\n bind unix@{}/s\n",
        dir.display()
    );
    let is_section = !lines.starts_with(' ');
    let text = if is_section { format!("{lines}\n{listen}") } else { format!("{listen}{lines}\n") };
    std::fs::write(dir.join("t.cfg"), text).unwrap();
    if is_section { 1 } else { 7 }
}

fn rhap(dir: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_rhap"))
        .args(args)
        .args(["-f", "t.cfg"])
        .current_dir(dir)
        .env_remove("RHAP_COMPAT")
        .output()
        .unwrap()
}

fn said(out: &Output) -> String {
    String::from_utf8_lossy(&out.stderr).into_owned()
}

/// The refusal names the keyword and a line of the snippet.
fn refuses(out: &Output, keyword: &str, from: usize) -> bool {
    let text = said(out);
    let named = |line: usize| text.contains(&format!("[t.cfg:{line}] : '{keyword}' is refused at start"));
    out.status.code() == Some(1) && (from..from + 3).any(named)
}

fn end_daemon(dir: &Path) {
    if let Ok(pid) = std::fs::read_to_string(dir.join("pid")) {
        Command::new("kill").args(["-KILL", pid.trim()]).status().unwrap();
        let _ = std::fs::remove_file(dir.join("pid"));
    }
}

#[test]
fn planned_keywords_are_refused_at_start_and_allowed_on_demand() {
    let mut wrong = Vec::new();
    for (keyword, lines) in PLANNED {
        let dir = TempDir::new().unwrap();
        let first = write(dir.path(), lines);
        let checked = rhap(dir.path(), &["-c"]);
        if checked.status.code() != Some(0) || said(&checked).contains("refused") {
            wrong.push(format!("{keyword}: -c: {:?}\n{}", checked.status, said(&checked)));
        }
        // As a daemon, so that one that does start is not waited for.
        let started = rhap(dir.path(), &["-D", "-p", "pid"]);
        end_daemon(dir.path());
        if !refuses(&started, keyword, first) {
            wrong.push(format!("{keyword}: start: {:?}\n{}", started.status, said(&started)));
        }
        // A daemon's parent ends with 0 once the child serves; the pid file tells whom to end.
        let allowed = rhap(dir.path(), &["--allow-planned", "-D", "-p", "pid"]);
        let left_out = said(&allowed).contains(&format!("'{keyword}' is not built yet and left out"));
        if allowed.status.code() != Some(0) || !left_out {
            wrong.push(format!("{keyword}: --allow-planned: {:?}\n{}", allowed.status, said(&allowed)));
        }
        end_daemon(dir.path());
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn tls_is_never_replaced_by_plain_text() {
    for (keyword, lines) in TLS {
        let dir = TempDir::new().unwrap();
        let first = write(dir.path(), lines);
        let checked = rhap(dir.path(), &["-c"]);
        assert_eq!(checked.status.code(), Some(0), "{keyword}: {}", said(&checked));
        assert!(refuses(&rhap(dir.path(), &["-D", "-p", "pid"]), keyword, first), "{keyword}");
        let allowed = rhap(dir.path(), &["--allow-planned", "-D", "-p", "pid"]);
        let text = said(&allowed);
        assert_eq!(allowed.status.code(), Some(1), "{keyword}: {text}");
        assert!(text.contains("ssl' is not built yet"), "{keyword}: {text}");
        assert!(!dir.path().join("pid").exists(), "{keyword} started");
    }
}
