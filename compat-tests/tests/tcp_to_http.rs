//! Connections that begin in TCP mode and go on as HTTP: by the choice of an HTTP backend, by `switch-mode`.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

use rha_compat_tests::{Origin, Request, Sink, Stage, Start, assert_same, body_text, each, visible};

const SITE: &str = "\
global
    stats socket {tmp}/cli.sock level admin
defaults
    log {log} local0
    timeout client 5s
    timeout server 5s
    timeout connect 5s
    timeout http-request 400ms
frontend fe
    mode tcp
    option tcplog
    bind {listen:fe}
    tcp-request inspect-delay 300ms
    RULES
    http-request set-var(txn.front) method
    http-request set-header x-front %[method]
    http-response set-header x-answered-by front
    use_backend raw if { req.payload(0,3) -m str RAW }
    use_backend other if { path /other }
    use_backend raw if { path /raw }
    default_backend be
backend raw
    mode tcp
    tcp-request content reject if { req.payload(0,9) -m str RAWREJECT }
    server r {s1}
backend other
    mode http
    http-request set-header x-other yes
    server s2 {s1}
backend be
    mode http
    option forwardfor
    cookie SRV insert indirect nocache
    tcp-request content set-var(txn.back) method
    tcp-request content reject if { path /reject }
    http-request set-header x-back %[var(txn.back)]-%[var(txn.front)]-%[fe_name]
    http-request set-header x-waited %[var(txn.waited)]
    http-request deny if { path /deny }
    http-request return status 200 content-type text/plain string hi if { path /return }
    http-request redirect location /x if { path /redirect }
    server s1 {s1} cookie c1
";

/// Rules that wait for bytes before a backend is chosen.
const WAITING: &str = "tcp-request content set-var(txn.waited) req.len
    tcp-request content accept if { req.len gt 0 }";

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n")
}

fn answer(request: &Request) -> Vec<u8> {
    let seen = format!("{}{}", visible(&request.head), body_text(&request.head, &request.body));
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{seen}", seen.len()).into_bytes()
}

fn start(stage: &mut Stage, rules: &str) -> (Origin, Sink) {
    let (origin, sink) = (Origin::http(answer), Sink::udp());
    let site = SITE.replace("RULES", rules);
    stage.start(&Start::with(&site).fill("s1", origin.address()).log_to(&sink));
    (origin, sink)
}

/// Sends one request after another on one connection; what came back, what was logged, what was counted.
fn play(id: &str, rules: &str, requests: &[String]) {
    assert_same(&format!("tcp_to_http/{id}"), |stage| {
        let (_origin, sink) = start(stage, rules);
        let mut client = stage.client("fe");
        for wire in requests {
            let back = client.send(wire).response();
            let gone = back.head.is_empty();
            stage.note("client got", back);
            stage.note_log("log", &sink.line());
            if gone {
                break;
            }
        }
        note_counters(stage);
    });
}

/// What the proxies have counted.
fn note_counters(stage: &mut Stage) {
    let table = stage.cli("show stat");
    let mut rows = table.lines().map(|l| l.trim_start_matches("# ").split(',').collect::<Vec<_>>());
    let names = rows.next().unwrap_or_default();
    for row in rows {
        let value = |name: &str| {
            let at = names.iter().position(|n| *n == name);
            at.and_then(|i| row.get(i)).copied().unwrap_or_default()
        };
        let wanted = [
            "bin", "bout", "dreq", "ereq", "req_tot", "hrsp_2xx", "hrsp_3xx", "hrsp_4xx", "hrsp_5xx",
            "cli_abrt", "lbtot", "mode",
        ];
        let told: Vec<_> = wanted.iter().map(|n| format!("{n}={}", value(n))).collect();
        stage.note("counted", format!("{}/{} {}", value("pxname"), value("svname"), told.join(" ")));
    }
}

#[test]
fn an_http_backend_makes_it_http() {
    each(
        [
            ("by-backend", vec![get("/1"), get("/2"), get("/3")]),
            ("deny", vec![get("/deny"), get("/1")]),
            ("return", vec![get("/return"), get("/1")]),
            ("redirect", vec![get("/redirect"), get("/1")]),
            ("reject", vec![get("/reject")]),
            ("by-request", vec![get("/other"), get("/1"), get("/other")]),
            ("then-raw", vec![get("/1"), get("/raw")]),
            (
                "post",
                vec!["POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello".to_owned(), get("/1")],
            ),
            ("close", vec!["GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".to_owned()]),
            ("http10", vec!["GET / HTTP/1.0\r\n\r\n".to_owned()]),
        ],
        |(id, requests)| play(id, WAITING, &requests),
    );
}

#[test]
fn a_rule_makes_it_http() {
    let rules = "tcp-request content switch-mode http if HTTP
    tcp-request content set-var(txn.waited) str(never)";
    each(
        [
            ("switch", vec![get("/1"), get("/2")]),
            ("switch-other", vec![get("/other"), get("/deny"), get("/other")]),
            ("switch-raw", vec![get("/raw")]),
        ],
        |(id, requests)| play(id, rules, &requests),
    );
    each([("switch-h1", vec![get("/1"), get("/2")])], |(id, requests)| {
        play(id, "tcp-request content switch-mode http proto h1 if HTTP", &requests)
    });
}

#[test]
fn a_backend_of_tcp_rejects() {
    assert_same("tcp_to_http/reject-raw", |stage| {
        let (_origin, sink) = start(stage, WAITING);
        let back = stage.client("fe").send("RAWREJECT\r\n\r\n").to_end();
        stage.note("client got", back);
        stage.note_log("log", &sink.line());
        note_counters(stage);
    });
}

#[test]
fn what_is_no_http_stays_tcp() {
    assert_same("tcp_to_http/stays", |stage| {
        let (_origin, sink) = start(stage, WAITING);
        let mut client = stage.client("fe");
        let back = client.send("RAW / HTTP/1.1\r\n\r\n").response();
        stage.note("client got", back);
        client.finish();
        stage.note_log("log", &sink.line());
    });
}

#[test]
fn no_head_comes() {
    each(
        [
            ("bad", "BLAH\r\n\r\n", false),
            ("bad-field", "GET / HTTP/1.1\r\nHost: a\r\nFoo Bar\r\n\r\n", false),
            ("cut", "GET / HT", true),
            ("waits", "GET / HT", false),
            ("silent", "", false),
        ],
        |(id, wire, finish)| {
            assert_same(&format!("tcp_to_http/no-head-{id}"), |stage| {
                let (_origin, sink) = start(stage, WAITING);
                let mut client = stage.client("fe");
                client.send(wire);
                if finish {
                    client.finish();
                }
                let back = client.to_end();
                stage.note("client got", back);
                stage.note_log("log", &sink.line());
                note_counters(stage);
            });
        },
    );
}

#[test]
fn a_later_request_is_bad() {
    play("then-bad", WAITING, &[get("/1"), "BLAH\r\n\r\n".to_owned()]);
}
