//! The runtime socket: what commands answer.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

use rha_compat_tests::{Origin, Stage, Start, assert_same};

const SITE: &str = "\
global
    stats socket {tmp}/cli.sock level admin
    stats socket {tmp}/user.sock level user
defaults
    mode http
    timeout client 5s
    timeout server 5s
    timeout connect 5s
frontend fe
    bind {listen:fe}
    default_backend be
backend be
    balance roundrobin
    server s1 {s1} weight 10
    server s2 {s2} weight 20
    server s3 {s1} backup
frontend stats
    bind {listen:stats}
    stats enable
    stats uri /stats
";

fn case(id: &str, drive: impl Fn(&mut Stage)) {
    assert_same(&format!("cli/{id}"), |stage| {
        let (one, two) = (Origin::named("one"), Origin::named("two"));
        stage.start(&Start::with(SITE).fill("s1", one.address()).fill("s2", two.address()));
        let mut client = stage.client("fe");
        let back = client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").response();
        stage.note("serving", back.status());
        // once it closes, everything is counted
        client.to_end();
        drop(client);
        drive(stage);
    });
}

/// Columns of `show stat` that do not depend on time, scheduling or the host.
const STABLE: &[&str] = &[
    "# pxname", "svname", "qcur", "scur", "stot", "bin", "bout", "dreq", "dresp", "ereq", "econ", "eresp",
    "status", "weight", "act", "bck", "chkfail", "iid", "sid", "lbtot", "type", "hrsp_1xx", "hrsp_2xx",
    "hrsp_3xx", "hrsp_4xx", "hrsp_5xx", "mode", "algo", "req_tot",
];

fn stable_columns(csv: &str) -> String {
    let mut lines = csv.lines();
    let names: Vec<_> = lines.next().unwrap_or_default().split(',').collect();
    let mut out = String::new();
    for line in lines.filter(|l| !l.is_empty()) {
        let fields: Vec<_> = line.split(',').collect();
        let pick = |name: &&str| {
            names.iter().position(|n| *n == *name).and_then(|i| fields.get(i)).map(|v| format!("{name}={v}"))
        };
        out += &STABLE.iter().filter_map(pick).collect::<Vec<_>>().join(" ");
        out.push('\n');
    }
    out
}

#[test]
fn statistics_have_the_same_columns_and_counts() {
    case("show-stat", |stage| {
        let csv = stage.cli("show stat");
        stage.note("columns", csv.lines().next().unwrap_or_default());
        stage.note("rows", stable_columns(&csv));
    });
    case("show-stat-selected", |stage| {
        for command in ["show stat be 4 -1", "show stat 2 2 -1", "show stat -1 4 -1", "show stat nope"] {
            let csv = stage.cli(command);
            stage.note(command, stable_columns(&csv));
        }
    });
    case("stats-csv", |stage| {
        let mut client = stage.client("stats");
        let back = client.send("GET /stats;csv HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").response();
        stage.note("head", String::from_utf8_lossy(&back.head));
        let body = back.text();
        stage.note("rows", stable_columns(&plain_body(&body)));
    });
    case("stats-page", |stage| {
        let mut client = stage.client("stats");
        let back = client.send("GET /stats HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").response();
        stage.note("head", String::from_utf8_lossy(&back.head));
        let body = back.text();
        for word in ["Statistics Report", "name=\"be/s1\"", "name=\"fe/Frontend\"", "name=\"be/Backend\""] {
            stage.note(word, body.contains(word));
        }
    });
}

/// The body without chunk heads: the lines of the table are longer than any of those.
fn plain_body(body: &str) -> String {
    let is_size = |l: &str| !l.is_empty() && l.len() < 8 && l.bytes().all(|b| b.is_ascii_hexdigit());
    body.lines().map(|l| l.trim_end_matches('\r')).filter(|l| !is_size(l)).map(|l| format!("{l}\n")).collect()
}

#[test]
fn info_has_the_same_fields() {
    case("show-info", |stage| {
        let info = stage.cli("show info");
        let names: Vec<_> =
            info.lines().filter_map(|l| l.split(':').next()).filter(|n| !n.is_empty()).collect();
        stage.note("fields", names.join("\n"));
        for name in ["Name", "Nbproc", "Process_num", "Tasks_none", "Stopping", "CurrConns", "node"] {
            let line = info.lines().find(|l| l.starts_with(&format!("{name}:")));
            if name != "node" && name != "Name" {
                stage.note(name, line.unwrap_or_default());
            }
        }
    });
}

#[test]
fn server_commands_change_and_tell() {
    case("weights", |stage| {
        for command in [
            "get weight be/s1",
            "set weight be/s1 5",
            "get weight be/s1",
            "set weight be/s1 50%",
            "get weight be/s1",
            "set weight be/s1 300",
            "set weight be/nope 1",
            "set weight nope/s1 1",
            "get weight be",
        ] {
            let answer = stage.cli(command);
            stage.note(command, answer);
        }
    });
    case("states", |stage| {
        for command in [
            "disable server be/s1",
            "set server be/s1 state ready",
            "set server be/s2 state drain",
            "set server be/s2 state maint",
            "set server be/s2 state nonsense",
            "set server be/s2 weight 7",
            "set server be/s2 nonsense x",
            "set server nope",
            "enable server be/s2",
            "disable server be/none",
            "disable server",
            "show servers state be",
            "set server be/s2 addr 127.0.0.9 port 81",
            "set maxconn server be/s1 10",
            "set maxconn server be/s1 x",
        ] {
            let answer = stage.cli(command);
            let answer = if command.starts_with("show servers") { without_times(&answer) } else { answer };
            stage.note(command, answer);
        }
        let csv = stage.cli("show stat be 4 -1");
        stage.note("after", stable_columns(&csv));
    });
    case("frontends", |stage| {
        for command in [
            "disable frontend fe",
            "enable frontend fe",
            "enable frontend nope",
            "set maxconn frontend fe 5",
            "shutdown frontend nope",
        ] {
            let answer = stage.cli(command);
            stage.note(command, answer);
        }
    });
}

/// `show servers state` without the time since the last change and the ports of this run.
fn without_times(answer: &str) -> String {
    let row = |line: &str| {
        let mut fields: Vec<_> = line.split(' ').collect();
        if fields.len() > 20 && !line.starts_with('#') {
            fields[9] = "<t>";
            fields[4] = "<address>";
            fields[18] = "<port>";
        }
        fields.join(" ")
    };
    answer.lines().map(|l| row(l) + "\n").collect()
}

#[test]
fn sessions_of_the_socket_behave() {
    case("several-commands", |stage| {
        for command in [
            "get weight be/s1; get weight be/s2",
            "help nothing-like-it",
            "nonsense",
            "",
            "show",
            "quit",
            "show version nonsense",
        ] {
            let answer = stage.cli(command);
            // help differs by what is built in; that it helps is what counts
            let lines = answer
                .lines()
                .take(if command.contains("weight") { 9 } else { 1 })
                .collect::<Vec<_>>()
                .join("\n");
            let lines = if command.contains("version") {
                format!("{} line", answer.trim().lines().count())
            } else {
                lines
            };
            stage.note(command, lines);
        }
    });
    case("levels", |stage| {
        let path = stage.folder().join("user.sock");
        for command in [
            "show cli level",
            "disable server be/s1",
            "set weight be/s1 1",
            "show stat typed",
            "clear counters all",
        ] {
            let answer = rha_compat_tests::cli(&path, command);
            let first = answer.lines().next().unwrap_or_default();
            stage.note(
                command,
                if command == "show stat typed" {
                    first.split(':').next().unwrap_or_default()
                } else {
                    first
                },
            );
        }
    });
    case("clear-counters", |stage| {
        let answer = stage.cli("clear counters all");
        stage.note("clear", answer);
        let csv = stage.cli("show stat");
        stage.note("rows", stable_columns(&csv));
    });
}
