//! Server state files: what servers take from them at a start, and what is said of bad ones.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

use rha_compat_tests::{Origin, Signal, Stage, Start, assert_same, each};

const SITE: &str = "\
global
    stats socket {tmp}/cli.sock level admin
    server-state-base {tmp}
    server-state-file global.state
defaults
    mode tcp
    timeout client 5s
    timeout server 5s
    timeout connect 5s
    load-server-state-from-file global
frontend f
    bind {listen:f}
    default_backend b
backend b
    server s1 {s1} weight 10
    server s2 {s1} weight 10 check inter 1h
    server s3 {s1} disabled
    server s4 {s1} check inter 1h rise 3 fall 5
    server s5 {s1} weight 0
    server s6 {s1} disabled
    server s7 {s1} track b/s2
    server s8 {s1} check inter 1h
backend l
    load-server-state-from-file local
    server s1 {s1} weight 10
    server s2 {s1} weight 10 check inter 1h
backend m
    load-server-state-from-file local
    server-state-file-name other.state
    server s1 {s1}
backend n
    load-server-state-from-file none
    server s1 {s1}
";

/// A file from lines without their last fields.
fn file(lines: &[&str]) -> String {
    let row = |l: &&str| format!("{l} 0 0 - - 0\n");
    format!("1\n# be_id be_name srv_id srv_name\n\n{}", lines.iter().map(row).collect::<String>())
}

const GLOBAL: &[&str] = &[
    "3 b 1 s1 127.0.0.9 2 0 5 10 100 1 0 0 0 0 0 0 - 7102 -",
    "3 b 3 s3 127.0.0.1 2 4 1 1 300 1 0 1 0 0 0 0 - 7101 -",
    "3 b 4 s4 127.0.0.1 2 1 1 1 400 6 3 7 4 0 0 0 - 7101 -",
    "3 b 5 s5 127.0.0.1 2 8 0 0 100 1 0 0 0 0 0 0 - 7101 -",
    "3 b 6 s6 127.0.0.1 0 5 1 1 100 1 0 0 0 0 0 0 - 7101 -",
    "9 z 1 s1 127.0.0.1 2 1 1 1 400 6 3 7 4 0 0 0 - 7101 -",
    "5 n 1 s1 127.0.0.1 2 1 1 1 400 6 3 7 4 0 0 0 - 7101 -",
];

/// `show servers state` without addresses; the time since the last change to ten seconds.
fn shown(answer: &str) -> String {
    let row = |line: &str| {
        let mut fields: Vec<String> = line.split(' ').map(str::to_owned).collect();
        if fields.len() > 20 && !line.starts_with('#') {
            fields[4] = "<address>".into();
            fields[9] = (fields[9].parse::<u64>().unwrap() / 30 * 30).to_string();
            if fields[18] != "7102" {
                fields[18] = "<port>".into();
            }
        }
        fields.join(" ") + "\n"
    };
    answer.lines().map(row).collect()
}

fn begin(stage: &mut Stage, origin: &Origin) {
    stage.start(&Start::with(SITE).fill("s1", origin.address()));
    let limit = std::time::Instant::now() + std::time::Duration::from_secs(20);
    let path = stage.folder().join("cli.sock");
    while std::os::unix::net::UnixStream::connect(&path).is_err() && std::time::Instant::now() < limit {
        std::thread::yield_now();
    }
}

#[test]
fn servers_take_up_what_they_were() {
    assert_same("server_state/good", |stage| {
        let origin = Origin::named("one");
        stage.file("global.state", &file(GLOBAL));
        stage.file("l", &file(&["4 l 1 s1 127.0.0.9 2 8 5 10 100 1 0 0 0 0 0 0 - 7102 -"]));
        stage.file("other.state", &file(&["5 m 1 s1 127.0.0.9 2 1 1 1 100 1 0 0 0 0 0 0 - 7102 -"]));
        begin(stage, &origin);
        for backend in ["b", "l", "m", "n"] {
            let answer = stage.cli(&format!("show servers state {backend}"));
            let unchecked = |l: &&str| !["s2", "s7", "s8"].iter().any(|s| l.split(' ').nth(3) == Some(s));
            let lines: Vec<_> = answer.lines().filter(unchecked).collect();
            stage.note(backend, shown(&lines.join("\n")));
        }
        let csv = stage.cli("show stat b 4 -1");
        let columns = |l: &str| {
            l.split(',')
                .enumerate()
                .filter(|(i, _)| [1, 17, 18].contains(i))
                .map(|(_, f)| f.to_owned())
                .collect::<Vec<_>>()
                .join(",")
        };
        let rows: Vec<_> = csv
            .lines()
            .filter(|l| ["s1", "s3", "s4", "s5", "s6"].iter().any(|s| l.contains(&format!(",{s},"))))
            .map(columns)
            .collect();
        stage.note("stat", rows.join("\n"));
        // What is in maintenance can be had back.
        for command in
            ["set server b/s4 state ready", "set server b/s6 state ready", "set server b/s1 weight 100%"]
        {
            let answer = stage.cli(command);
            stage.note(command, answer);
        }
        let answer = stage.cli("show servers state b");
        let rows: Vec<_> = answer
            .lines()
            .filter(|l| l.contains(" s6 ") || l.contains(" s1 "))
            .map(|l| l.split(' ').take(9).filter(|f| !f.contains('.')).collect::<Vec<_>>().join(" "))
            .collect();
        stage.note("ready", rows.join("\n"));
        stage.stop(Signal::TERM);
    });
}

#[test]
fn states_of_checked_servers_come_back() {
    assert_same("server_state/checked", |stage| {
        let origin = Origin::named("one");
        stage.file("l", "1\n");
        stage.file("other.state", "1\n");
        stage.file(
            "global.state",
            &file(&[
                "3 b 2 s2 127.0.0.1 0 0 10 10 200 8 2 0 6 0 0 0 - 7101 -",
                "3 b 8 s8 127.0.0.1 2 0 1 1 200 6 3 2 2 0 0 0 - 7101 -",
            ]),
        );
        begin(stage, &origin);
        // s2 is found to be alive by its first check only.
        let answer = stage.cli("show servers state b");
        let s8 = answer.lines().find(|l| l.contains(" s8 ")).unwrap_or_default();
        stage.note("s8", shown(s8));
        stage.note("told", stage_line(stage));
    });
}

/// The line about `b/s2` on the standard error.
fn stage_line(stage: &Stage) -> String {
    let line = stage.running().stderr_with("Server b/s2 is DOWN, ");
    line.lines()
        .find(|l| l.contains("b/s2 is DOWN, "))
        .and_then(|l| l.split_once(" : "))
        .map_or("", |(_, l)| l)
        .to_owned()
}

#[test]
fn bad_files_are_told() {
    let values = "1\n3 b 1 s1 127.0.0.9 9 64 257 -1 abc 99 7 99 99 99 2 1 - 70000 - 0 0 - - 0\n\
        3 b 2 s2 127.0.0.9 2 0 5 5 1 1 0 0 0 0 0 0 - 7102 - 0 x y y x\n";
    each(
        [
            ("missing", None),
            ("empty", Some("")),
            ("word", Some("foo\n")),
            ("version", Some("2\n")),
            ("unended", Some("1")),
            ("short", Some("1\nx y\n")),
            ("truncated", Some("1\n#c\n\n3 b 1 s1 127.0.0.9 2 0 5 10 100 1 0 0 0 0 0 0 - 7102 -")),
            ("values", Some(values)),
        ],
        |(id, text)| {
            assert_same(&format!("server_state/bad-{id}"), |stage| {
                for name in ["global.state", "l"] {
                    if let Some(text) = text {
                        stage.file(name, &text.replace("3 b ", if name == "l" { "4 l " } else { "3 b " }));
                    }
                }
                stage.file("other.state", "1\n");
                let start = Start::with(&SITE.replace("{listen:f}", "127.0.0.1:1")).fill("s1", "127.0.0.1:1");
                let exit = stage.run(&start.args(&["-c", "-f", "haproxy.cfg"]));
                stage.note_exit("check", &exit);
            });
        },
    );
    assert_same("server_state/check", |stage| {
        stage.file(
            "global.state",
            &file(&[GLOBAL, &["3 b 2 s2 127.0.0.1 0 0 10 10 200 8 2 0 6 0 0 0 - 7101 -"]].concat()),
        );
        stage.file("l", "1\n");
        stage.file("other.state", "1\n");
        let start = Start::with(&SITE.replace("{listen:f}", "127.0.0.1:1")).fill("s1", "127.0.0.1:1");
        let exit = stage.run(&start.args(&["-c", "-f", "haproxy.cfg"]));
        stage.note_exit("check", &exit);
        let start = Start::with(&SITE.replace("{listen:f}", "127.0.0.1:1")).fill("s1", "127.0.0.1:1");
        let exit = stage.run(&start.args(&["-c", "-dW", "-f", "haproxy.cfg"]));
        stage.note_exit("zero warnings", &exit);
    });
    assert_same("server_state/bad-owners", |stage| {
        stage.file("global.state", "1\n");
        stage.file("other.state", "1\n");
        stage.file(
            "l",
            &file(&[
                "7 l 2 s2 127.0.0.1 2 0 10 10 200 8 2 2 6 0 0 0 - 7101 -",
                "4 x 1 s1 127.0.0.1 2 0 10 10 400 6 3 7 4 0 0 0 - 7101 -",
                "4 l 1 s9 127.0.0.1 2 0 1 1 400 6 3 7 4 0 0 0 - 7101 -",
                "8 y 1 s9 127.0.0.1 2 0 1 1 400 6 3 7 4 0 0 0 - 7101 -",
            ]),
        );
        let start = Start::with(&SITE.replace("{listen:f}", "127.0.0.1:1")).fill("s1", "127.0.0.1:1");
        let exit = stage.run(&start.args(&["-c", "-f", "haproxy.cfg"]));
        stage.note_exit("check", &exit);
    });
}
