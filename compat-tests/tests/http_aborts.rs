//! Clients that leave before they have an answer: what is counted and logged of their requests.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

use rha_compat_tests::{Gate, Origin, Sink, Stage, Start, assert_same, each};

const SITE: &str = "\
defaults
    mode http
    log {log} local0
    option httplog
    option abortonclose
    retries 10
    timeout client 20s
    timeout server 20s
    timeout connect 1s
    timeout queue 20s
frontend fe
    bind {listen:fe}
    EXTRA
    use_backend refused if { path /connect }
    default_backend be
backend be
    server s1 {s1} maxconn 1
backend refused
    server s1 {closed}
";

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n")
}

fn start(stage: &mut Stage, extra: &str, origin: &Origin) -> Sink {
    let sink = Sink::udp();
    stage.start(&Start::with(&SITE.replace("EXTRA", extra)).fill("s1", origin.address()).log_to(&sink));
    sink
}

/// The line without the number of retries, which depends on when the client's leaving is seen.
fn note_without_retries(stage: &mut Stage, line: &str) {
    let words: Vec<_> = line.split(' ').collect();
    let cut = |w: &&str| w.matches('/').count() == 4 && w.starts_with(|c: char| c.is_ascii_digit());
    let at = words.iter().rposition(cut);
    let kept: Vec<_> = words.iter().enumerate().filter(|(i, _)| Some(*i) != at).map(|(_, w)| *w).collect();
    stage.note_log("log", &kept.join(" "));
}

#[test]
fn who_leaves_while_connecting() {
    assert_same("http_aborts/connect", |stage| {
        let sink = start(stage, "", &Origin::named("one"));
        stage.client("fe").send(get("/connect")).finish();
        note_without_retries(stage, &sink.line());
    });
}

#[test]
fn who_leaves_the_queue() {
    assert_same("http_aborts/queue", |stage| {
        let (gate, asked) = (Gate::new(), Gate::new());
        let (held, told) = (gate.clone(), asked.clone());
        let origin = Origin::new(move |peer| {
            while peer.request().is_some() {
                told.open();
                let _ = held.wait();
                if !peer.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") {
                    return;
                }
            }
        });
        let sink = start(stage, "", &origin);
        let mut first = stage.client("fe");
        first.send(get("/first"));
        assert!(asked.wait(), "the server is asked");
        stage.client("fe").send(get("/queued")).finish();
        let line = sink.line();
        stage.note_log("log", &line);
        gate.open();
        let back = first.response();
        stage.note("first", back.status());
        let _ = sink.line();
    });
}

/// `option http-buffer-request`: the body counts as part of the request, also where its sender leaves.
#[test]
fn who_leaves_in_the_body() {
    let head = "POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n";
    each([("buffer-cut", "he"), ("buffer-nothing", "")], |(id, part)| {
        assert_same(&format!("http_aborts/{id}"), |stage| {
            let sink = start(stage, "option http-buffer-request", &Origin::named("one"));
            let mut client = stage.client("fe");
            let back = client.send(head).send(part).finish().to_end();
            stage.note("client got", back);
            stage.note_log("log", &sink.line());
        });
    });
}

/// How many were ahead is known of those who stayed.
#[test]
fn who_stays_in_the_queue() {
    each([("stays-behind-1", 1), ("stays-behind-2", 2)], |(id, waiting)| {
        assert_same(&format!("http_aborts/{id}"), |stage| {
            let (gate, asked) = (Gate::new(), Gate::new());
            let (held, told) = (gate.clone(), asked.clone());
            let origin = Origin::new(move |peer| {
                while peer.request().is_some() {
                    told.open();
                    let _ = held.wait();
                    if !peer.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") {
                        return;
                    }
                }
            });
            let sink = start(stage, "stats enable", &origin);
            let mut open = vec![stage.client("fe")];
            open[0].send(get("/first"));
            assert!(asked.wait(), "the server is asked");
            for n in 0..waiting {
                let mut client = stage.client("fe");
                client.send(get(&format!("/{n}")));
                open.push(client);
                // Not before it waits: the page of statistics tells.
                let queued =
                    |page: &str| page.lines().any(|l| l.starts_with(&format!("be,BACKEND,{},", n + 1)));
                while !queued(&stage.exchange("fe", "GET /haproxy?stats;csv HTTP/1.0\r\n\r\n")) {}
            }
            gate.open();
            for mut client in open {
                let _ = client.response();
            }
            let lines = std::iter::repeat_with(|| sink.line()).filter(|l| !l.contains("stats;csv"));
            let mut lines: Vec<_> = lines.take(waiting + 1).collect();
            lines.sort_by_key(|l| l.split('"').nth(1).map(str::to_owned));
            for line in lines {
                stage.note("queues", line.split(' ').rev().nth(3).unwrap_or(&line));
            }
        });
    });
}
