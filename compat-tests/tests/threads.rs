//! A cross-section of the other suites with two workers: what is shared between them (servers, queues,
//! counters, limits) and what is not (listeners, pools) must look as with one.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

use rha_compat_tests::{Gate, Origin, Signal, Sink, Stage, Start, assert_same, log_line};

fn site(servers: &str) -> String {
    format!(
        "\
global
    nbthread 2
    log {{log}} local0
    stats socket {{tmp}}/cli.sock level admin
defaults
    mode http
    log global
    option httplog
    timeout client 5s
    timeout server 5s
    timeout queue 5s
    timeout connect 1s
    option redispatch
frontend fe
    bind {{listen:fe}}
    http-request deny if {{ path /denied }}
    default_backend be
backend be
    balance roundrobin
{servers}
"
    )
}

fn ask(stage: &Stage, path: &str) -> String {
    let mut client = stage.client("fe");
    let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    let back = client.send(request).response();
    client.end();
    format!("{} {}", back.status(), back.text().lines().next().unwrap_or_default())
}

#[test]
fn servers_take_turns_whichever_worker_asks() {
    assert_same("threads/roundrobin", |stage| {
        let log = Sink::udp();
        let (one, two) = (Origin::named("one"), Origin::named("two"));
        let servers = "    server s1 {s1} weight 2\n    server s2 {s2} weight 1";
        stage.start(
            &Start::with(&site(servers)).log_to(&log).fill("s1", one.address()).fill("s2", two.address()),
        );
        let answers: Vec<_> = (0..12).map(|_| ask(stage, "/")).collect();
        stage.note("turns", answers.join("\n"));
        let denied = ask(stage, "/denied");
        stage.note("denied", denied);
        let mut client = stage.client("fe");
        for n in 0..3 {
            let back = client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").response();
            stage.note(&format!("kept {n}"), back);
        }
        // how many sessions a line counts depends on which worker is ahead
        let line = log_line(&log.line_with("GET / "));
        let words: Vec<_> = line.split(' ').enumerate().filter(|(i, _)| *i != 12).map(|(_, w)| w).collect();
        stage.note("log", words.join(" "));
        stage.stop(Signal::TERM);
    });
}

#[test]
fn a_queue_is_one_for_all_workers() {
    assert_same("threads/queue", |stage| {
        let log = Sink::udp();
        let gate = Gate::new();
        let held = gate.clone();
        let origin = Origin::new(move |peer| {
            while peer.request().is_some() && held.wait() {
                if !peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi") {
                    return;
                }
            }
        });
        let site = site("    server s1 {s1} maxconn 1");
        stage.start(&Start::with(&site).log_to(&log).fill("s1", origin.address()));
        let mut clients: Vec<_> = (0..4).map(|_| stage.client("fe")).collect();
        for client in &mut clients {
            client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        }
        let _ = origin.next();
        let queued = |stage: &Stage| {
            let csv = stage.cli("show stat be 2 -1");
            csv.lines().nth(1).and_then(|l| l.split(',').nth(2).map(str::to_owned)).unwrap_or_default()
        };
        let deadline = std::time::Instant::now() + rha_compat_tests::PATIENCE;
        while queued(stage) != "3" {
            assert!(std::time::Instant::now() < deadline, "{} in the queue", queued(stage));
        }
        stage.note("in the queue", queued(stage));
        gate.open();
        for client in &mut clients {
            stage.note("served", client.response().status());
        }
    });
}

#[test]
fn a_fall_is_seen_by_all_workers() {
    assert_same("threads/failover", |stage| {
        let log = Sink::udp();
        let mut one = Origin::named("one");
        let two = Origin::named("two");
        let servers = "    server s1 {s1} check inter 50ms fall 2 rise 2\n    server s2 {s2} backup";
        stage.start(
            &Start::with(&site(servers)).log_to(&log).fill("s1", one.address()).fill("s2", two.address()),
        );
        let four = |stage: &Stage| (0..4).map(|_| ask(stage, "/")).collect::<Vec<_>>().join("\n");
        let before = four(stage);
        stage.note("up", before);
        one.kill();
        stage.note_log("down", &log.line_with("is DOWN"));
        let without = four(stage);
        stage.note("down", without);
        one.come_back();
        stage.note_log("back", &log.line_with("is UP"));
        let after = four(stage);
        stage.note("back", after);
        stage.note("maintenance", stage.cli("set server be/s1 state maint"));
        let maintained = four(stage);
        stage.note("in maintenance", maintained);
    });
}

#[test]
fn a_connection_limit_is_one_for_all_workers() {
    assert_same("threads/maxconn", |stage| {
        let log = Sink::udp();
        let origin = Origin::named("one");
        let site =
            site("    server s1 {s1}").replace("    bind {listen:fe}", "    bind {listen:fe}\n    maxconn 3");
        stage.start(&Start::with(&site).log_to(&log).fill("s1", origin.address()));
        let mut kept: Vec<_> = (0..3).map(|_| stage.client("fe")).collect();
        for client in &mut kept {
            stage.note("let in", client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").response().status());
        }
        let mut waiting = stage.client("fe");
        waiting.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        let now = |stage: &Stage| {
            let csv = stage.cli("show stat fe 1 -1");
            csv.lines().nth(1).and_then(|l| l.split(',').nth(4).map(str::to_owned)).unwrap_or_default()
        };
        stage.note("sessions", now(stage));
        drop(kept.pop());
        stage.note("let in later", waiting.response().status());
    });
}
