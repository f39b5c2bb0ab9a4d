//! Servers die and return: what is logged, who answers meanwhile, what the statistics say.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

use rha_compat_tests::{Origin, Signal, Sink, Stage, Start, assert_same, each};

const FAST: &str = "check inter 50ms fall 2 rise 2";

fn site(servers: &str) -> String {
    format!(
        "\
global
    log {{log}} local0
    stats socket {{tmp}}/cli.sock level admin
defaults
    mode http
    log global
    timeout client 5s
    timeout server 5s
    timeout connect 1s
    option redispatch
frontend fe
    bind {{listen:fe}}
    default_backend be
backend be
{servers}
"
    )
}

/// Asks once on a connection of its own and notes who answered.
fn ask(stage: &mut Stage, label: &str) {
    let mut client = stage.client("fe");
    let back = client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").response();
    stage.note(label, format!("{} {}", back.status(), back.text()));
}

#[test]
fn a_backup_takes_over_and_gives_back() {
    assert_same("failover/backup", |stage| {
        let sink = Sink::udp();
        let mut one = Origin::named("one");
        let two = Origin::named("two");
        let servers = format!("    server s1 {{s1}} {FAST}\n    server s2 {{s2}} {FAST} backup");
        let start =
            Start::with(&site(&servers)).log_to(&sink).fill("s1", one.address()).fill("s2", two.address());
        stage.start(&start);
        ask(stage, "both up");
        one.kill();
        let down = sink.line_with("is DOWN");
        stage.note_log("s1 killed", &down);
        ask(stage, "s1 down");
        one.come_back();
        let up = sink.line_with("is UP");
        stage.note_log("s1 back", &up);
        ask(stage, "s1 up again");
        stage.stop(Signal::TERM);
    });
}

#[test]
fn the_last_server_leaves_a_backend_empty() {
    assert_same("failover/empty", |stage| {
        let sink = Sink::udp();
        let mut one = Origin::named("one");
        let servers = format!("    server s1 {{s1}} {FAST}");
        stage.start(&Start::with(&site(&servers)).log_to(&sink).fill("s1", one.address()));
        ask(stage, "up");
        one.kill();
        let down = sink.line_with("is DOWN");
        stage.note_log("down", &down);
        let empty = sink.line_with("has no server available");
        stage.note_log("empty", &empty);
        ask(stage, "nobody");
        one.come_back();
        let up = sink.line_with("is UP");
        stage.note_log("back", &up);
        ask(stage, "back");
        let said = stage.running().stderr_with("is UP");
        stage.note("standard error", rha_compat_tests::stderr_text(&said));
    });
}

#[test]
fn every_backup_helps_with_allbackups() {
    assert_same("failover/allbackups", |stage| {
        let sink = Sink::udp();
        let one = Origin::named("one");
        let (two, three) = (Origin::named("two"), Origin::named("three"));
        let servers = format!(
            "    option allbackups\n    balance roundrobin\n    server s1 {{s1}} {FAST}\n    server s2 {{s2}} {FAST} backup\n    server s3 {{s3}} {FAST} backup"
        );
        let start = Start::with(&site(&servers)).log_to(&sink);
        stage.start(&start.fill("s1", one.address()).fill("s2", two.address()).fill("s3", three.address()));
        one.kill();
        let down = sink.line_with("is DOWN");
        stage.note_log("down", &down);
        let mut answers = Vec::new();
        for _ in 0..4 {
            let mut client = stage.client("fe");
            answers.push(
                client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").response().text(),
            );
        }
        answers.sort();
        stage.note("who answers", answers.join(" "));
    });
}

#[test]
fn health_pages_decide_with_httpchk() {
    each(
        [
            ("httpchk", "option httpchk GET /health", true),
            ("httpchk-expect", "option httpchk GET /health\n    http-check expect status 200", true),
            (
                "httpchk-send",
                "option httpchk\n    http-check send meth GET uri /health ver HTTP/1.1 hdr Host ex.com",
                true,
            ),
            ("httpchk-log", "option httpchk GET /health\n    option log-health-checks", true),
            ("httpchk-disable-on-404", "option httpchk GET /health\n    http-check disable-on-404", true),
            ("httpchk-sick-at-start", "option httpchk GET /health", false),
        ],
        |(id, check, healthy_first)| {
            assert_same(&format!("failover/{id}"), |stage| {
                let sink = Sink::udp();
                let one = Origin::with_health("one");
                one.set_healthy(healthy_first);
                let servers = format!("    {check}\n    server s1 {{s1}} {FAST}");
                stage.start(&Start::with(&site(&servers)).log_to(&sink).fill("s1", one.address()));
                if healthy_first {
                    ask(stage, "well");
                    let request =
                        one.take_all().into_iter().find(|r| r.head.windows(7).any(|w| w == b"/health"));
                    let request = request.unwrap_or_else(|| {
                        std::iter::repeat_with(|| one.next())
                            .find(|r| r.head.windows(7).any(|w| w == b"/health"))
                            .expect("a check")
                    });
                    stage.note("the check", rha_compat_tests::visible(&request.head));
                    one.set_healthy(false);
                }
                let down = sink.line_with("is DOWN");
                stage.note_log("sick", &down);
                one.set_healthy(true);
                let up = sink.line_with("is UP");
                stage.note_log("well again", &up);
                ask(stage, "well again");
            });
        },
    );
}

#[test]
fn check_failures_say_why() {
    let bad: [(&str, &str, &'static [u8]); 5] = [
        ("reason-garbage", "option httpchk", b"garbage\r\n\r\n"),
        ("reason-500", "option httpchk", b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n"),
        ("reason-closed", "option httpchk", b""),
        (
            "reason-string",
            "option httpchk\n    http-check expect string good",
            b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nbad",
        ),
        (
            "reason-tcp-check",
            "option tcp-check\n    tcp-check connect\n    tcp-check send PING\\r\\n\n    tcp-check expect string PONG",
            b"-ERR\r\n",
        ),
    ];
    each(bad, |(id, check, answer)| {
        assert_same(&format!("failover/{id}"), |stage| {
            let sink = Sink::udp();
            let one = Origin::new(move |peer| {
                if peer.some_bytes().is_some() {
                    peer.send(answer);
                }
            });
            let servers = format!("    {check}\n    server s1 {{s1}} {FAST}");
            stage.start(&Start::with(&site(&servers)).log_to(&sink).fill("s1", one.address()));
            let down = sink.line_with("is DOWN");
            stage.note_log("why", &down);
        });
    });
}

#[test]
fn traffic_itself_can_mark_a_server_down() {
    assert_same("failover/observe", |stage| {
        let sink = Sink::udp();
        let one = Origin::new(|peer| {
            // checks connect and leave; requests get nothing good
            if peer.request().is_some() {
                peer.send("HTTP/1.1 500 Oops\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            }
        });
        let servers = "    server s1 {s1} check inter 10s observe layer7 error-limit 3 on-error mark-down";
        stage.start(&Start::with(&site(servers)).log_to(&sink).fill("s1", one.address()));
        // the first check that passes forgets the errors before it
        let begun = std::time::Instant::now();
        let socket = stage.folder().join("cli.sock");
        while !socket.exists() || !stage.cli("show stat").contains(",L4OK,") {
            assert!(begun.elapsed() < rha_compat_tests::PATIENCE, "no check passed");
        }
        for _ in 0..3 {
            ask(stage, "bad answer");
        }
        // whether the session that brought the last error still counts is a matter of luck
        let down = sink.line_with("is DOWN").replace(" 1 sessions active", " 0 sessions active");
        stage.note_log("observed", &down);
        ask(stage, "after");
    });
}

#[test]
fn an_operator_takes_servers_out_and_back() {
    assert_same("failover/by-hand", |stage| {
        let sink = Sink::udp();
        let (one, two) = (Origin::named("one"), Origin::named("two"));
        let servers =
            format!("    balance roundrobin\n    server s1 {{s1}} {FAST}\n    server s2 {{s2}} {FAST}");
        let start =
            Start::with(&site(&servers)).log_to(&sink).fill("s1", one.address()).fill("s2", two.address());
        stage.start(&start);
        ask(stage, "start");
        for (command, words) in [
            ("disable server be/s1", "Server be/s1 is going DOWN"),
            ("enable server be/s1", "Server be/s1 is UP"),
            ("set server be/s2 state drain", "Server be/s2"),
            ("set server be/s2 state ready", "Server be/s2"),
            ("set server be/s2 state maint", "Server be/s2"),
        ] {
            let answer = stage.cli(command);
            stage.note(command, answer);
            let line = sink.line_with(words);
            stage.note_log("log", &line);
        }
        ask(stage, "only s1");
        ask(stage, "only s1 again");
    });
}

#[test]
fn a_tracking_server_follows() {
    assert_same("failover/track", |stage| {
        let sink = Sink::udp();
        let one = Origin::named("one");
        let servers =
            format!("    server s1 {{s1}} track other/s1\nbackend other\n    server s1 {{s1}} {FAST}");
        stage.start(&Start::with(&site(&servers)).log_to(&sink).fill("s1", one.address()));
        ask(stage, "up");
        one.kill();
        let mut lines = [sink.line_with("is DOWN"), sink.line_with("is DOWN")];
        lines.sort_by_key(|l| l.contains("via"));
        for line in lines {
            stage.note_log("down", &line);
        }
        ask(stage, "down");
    });
}

/// One TCP frontend and one HTTP frontend before the same kind of servers: those that answer a little and
/// then say nothing more.
const TALKERS: &str = "\
global
    log {log} local0
    stats socket {tmp}/cli.sock level admin
defaults
    log global
    timeout client 5s
    timeout server 5s
    timeout connect 1s
listen tcp
    mode tcp
    option tcplog
    bind {listen:tcp}
    server s1 {s1} DOWN
    server s2 {s2} backup
listen http
    mode http
    option httplog
    bind {listen:http}
    server s1 {s1} DOWN
listen back
    mode tcp
    option tcplog
    bind {listen:back}
    server s1 {s1} on-marked-up shutdown-backup-sessions disabled
    server s2 {s2} backup
";

/// Ends the streams of a server by `command` while one is open, and notes what its client and its log line say.
fn sessions_end(id: &str, front: &str, setting: &str, command: &str, request: &'static str) {
    assert_same(&format!("failover/sessions-{id}"), |stage| {
        let sink = Sink::udp();
        let talker = || {
            Origin::new(|peer| {
                let head = peer.some_bytes().unwrap_or_default();
                match head.starts_with(b"GET /body") {
                    true => peer.send("HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nhello"),
                    false if head.starts_with(b"GET /wait") => true,
                    false => peer.send("hello"),
                };
                peer.hang();
            })
        };
        let (one, two) = (talker(), talker());
        let start = Start::with(&TALKERS.replace("DOWN", setting)).log_to(&sink);
        stage.start(&start.fill("s1", one.address()).fill("s2", two.address()));
        let mut client = stage.client(front);
        client.send(request);
        if request.starts_with("GET /wait") {
            let origin = if front == "back" { &two } else { &one };
            let _ = origin.next();
        } else {
            let first = client.bytes(5);
            stage.note("begins with", rha_compat_tests::visible(&first));
        }
        let _ = stage.cli(command);
        let rest = client.to_end();
        stage.note("rest", rha_compat_tests::visible(&rest.body));
        let line = sink.line_with(&format!(" {front} {front}/"));
        stage.note_log("log", &line);
    });
}

#[test]
fn sessions_of_a_server_that_goes_are_ended() {
    let down = "on-marked-down shutdown-sessions";
    let (body, wait) = (
        "GET /body HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /wait HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    );
    each(
        [
            ("down-tcp", "tcp", down, "set server tcp/s1 state maint", "abc"),
            ("down-body", "http", down, "set server http/s1 state maint", body),
            ("down-wait", "http", down, "set server http/s1 state maint", wait),
            ("killed-tcp", "tcp", "", "shutdown sessions server tcp/s1", "abc"),
            ("killed-body", "http", "", "shutdown sessions server http/s1", body),
            ("up-backup", "back", "", "set server back/s1 state ready", "abc"),
        ],
        |(id, front, setting, command, request)| sessions_end(id, front, setting, command, request),
    );
}
