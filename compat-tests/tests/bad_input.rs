//! Bad input of every kind, to ours alone: random and spoilt configurations to the parser, clients and
//! origin servers that misbehave to a running process. Whatever comes, there is an answer or a log line
//! that says what went wrong, and the next plain request is served.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

use std::path::Path;
use std::time::{Duration, Instant};

use rha_compat_tests::{End, Origin, Peer, Sink, Stage, Start, ours_alone};
use rha_haproxy::{Input, parse};
use rha_text::{Env, MemoryFiles};
use rha_vocab::Dialect;

const SITE: &str = "\
global
    stats socket {tmp}/cli.sock level admin
    log {log} local0
defaults
    mode http
    log global
    option httplog
    retries 0
    timeout http-request 400ms
    timeout http-keep-alive 400ms
    timeout client 400ms
    timeout connect 400ms
    timeout server 400ms
frontend fe
    bind {listen:fe}
    use_backend bad if { path_beg /bad }
    default_backend good
backend good
    server good {good}
backend bad
    server bad {bad}
";

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

/// The site with a server that behaves and one that does not.
struct Site<'s> {
    stage: &'s mut Stage,
    sink: Sink,
    _servers: [Origin; 2],
}

impl Site<'_> {
    /// The next log line about a request, which must have these words in it.
    fn logged(&self, words: &[&str]) {
        let line = self.sink.line_with(" fe ");
        for word in words {
            assert!(line.contains(word), "no {word:?} in the log line {line}");
        }
    }

    /// A plain request is answered, whatever came before.
    fn serves(&self) {
        let back = self.stage.client("fe").send(GET).response();
        assert_eq!((back.status(), back.text().as_str()), (200, "well"), "{back}");
        let line = self.sink.line_with(" good/good ");
        assert!(line.contains(" 200 ") && line.contains(" ---- "), "{line}");
    }

    /// Asks the bad server; gives the answer.
    fn ask_bad(&self) -> rha_compat_tests::Response {
        self.stage.client("fe").send("GET /bad HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").to_end_of_answer()
    }
}

/// Reads an answer as far as it comes.
trait Answer {
    fn to_end_of_answer(&mut self) -> rha_compat_tests::Response;
}

impl Answer for rha_compat_tests::Client {
    fn to_end_of_answer(&mut self) -> rha_compat_tests::Response {
        let mut back = self.response();
        if back.end == End::Whole {
            back.end = self.end();
        }
        back
    }
}

fn with_site(config: &str, bad: impl Fn(&mut Peer) + Send + Sync + Clone + 'static, case: impl Fn(&Site<'_>)) {
    ours_alone(|stage| {
        let (good, bad) = (Origin::named("well"), Origin::new(bad.clone()));
        let sink = Sink::udp();
        let start = Start::with(config).log_to(&sink);
        stage.start(&start.fill("good", good.address()).fill("bad", bad.address()));
        let site = Site { stage, sink, _servers: [good, bad] };
        case(&site);
        site.serves();
    });
}

fn clients(case: impl Fn(&Site<'_>)) {
    with_site(SITE, Peer::hang, case);
}

fn servers(behaviour: impl Fn(&mut Peer) + Send + Sync + Clone + 'static, case: impl Fn(&Site<'_>)) {
    with_site(SITE, behaviour, case);
}

#[test]
fn a_client_that_sends_one_byte_at_a_time_is_answered() {
    clients(|site| {
        let mut client = site.stage.client("fe");
        for byte in GET.bytes() {
            client.send([byte]);
        }
        let back = client.to_end_of_answer();
        assert_eq!((back.status(), back.end), (200, End::Eof), "{back}");
        site.logged(&["good/good", " 200 ", " ---- "]);
    });
}

#[test]
fn a_client_that_stops_in_its_head_is_told_so_in_time() {
    for text in ["GET / HT", "GET / HTTP/1.1\r\n", "GET / HTTP/1.1\r\nHost: a\r\nX: "] {
        clients(|site| {
            let started = Instant::now();
            let back = site.stage.client("fe").send(text).to_end_of_answer();
            assert_eq!((back.status(), back.end), (408, End::Eof), "{back}");
            assert!(started.elapsed() >= Duration::from_millis(350), "not before `timeout http-request`");
            site.logged(&["fe/<NOSRV>", " 408 ", " cR-- ", "<BADREQ>"]);
        });
    }
}

#[test]
fn a_client_that_stops_in_its_body_is_told_so_in_time() {
    clients(|site| {
        let request = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc";
        let back = site.stage.client("fe").send(request).to_end_of_answer();
        assert_eq!((back.status(), back.end), (408, End::Eof), "{back}");
        site.logged(&["good/good", " 408 ", " cD-- ", "POST / HTTP/1.1"]);
    });
}

#[test]
fn a_client_that_closes_its_sending_half_still_gets_its_answer() {
    clients(|site| {
        let mut client = site.stage.client("fe");
        let back = client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").finish().to_end_of_answer();
        assert_eq!((back.status(), back.end), (200, End::Eof), "{back}");
        site.logged(&["good/good", " 200 ", " ---- "]);
    });
}

#[test]
fn a_client_that_closes_its_sending_half_in_the_head_gets_400() {
    clients(|site| {
        let back = site.stage.client("fe").send("GET / HTTP/1.1\r\nHos").finish().to_end_of_answer();
        assert_eq!((back.status(), back.end), (400, End::Eof), "{back}");
        site.logged(&["fe/<NOSRV>", " 400 ", " CR-- ", "<BADREQ>"]);
    });
}

#[test]
fn a_client_that_resets_is_logged_and_forgotten() {
    clients(|site| {
        let mut client = site.stage.client("fe");
        client.send("GET / HTTP/1.1\r\nHos");
        client.reset();
        site.logged(&["fe/<NOSRV>", " 400 ", " CR-- ", "<BADREQ>"]);
    });
}

#[test]
fn endless_headers_are_refused() {
    clients(|site| {
        let mut client = site.stage.client("fe");
        client.send("GET / HTTP/1.1\r\nHost: a\r\n");
        // far more than a buffer, and than what the sockets hold: the subject must end it
        let line = format!("X-Padding: {}\r\n", "x".repeat(1000));
        for _ in 0..8000 {
            client.send(&line);
        }
        let back = client.to_end();
        assert!(matches!(back.end, End::Eof | End::Reset), "{back}");
        site.logged(&["fe/<NOSRV>", " 400 ", " PR-- ", "<BADREQ>"]);
    });
}

#[test]
fn an_endless_header_line_is_refused() {
    clients(|site| {
        let mut client = site.stage.client("fe");
        client.send(format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}", "x".repeat(40_000)));
        let back = client.to_end();
        assert!(matches!(back.end, End::Eof | End::Reset), "{back}");
        site.logged(&["fe/<NOSRV>", " 400 ", " PR-- ", "<BADREQ>"]);
    });
}

#[test]
fn too_many_headers_are_refused() {
    clients(|site| {
        let many: String = (0..200).map(|n| format!("x{n}: y\r\n")).collect();
        let back = site.stage.client("fe").send(format!("GET / HTTP/1.1\r\nHost: a\r\n{many}\r\n")).to_end_of_answer();
        assert_eq!(back.status(), 400, "{back}");
        site.logged(&["fe/<NOSRV>", " 400 ", " PR-- ", "<BADREQ>"]);
    });
}

#[test]
fn oversized_and_broken_chunk_sizes_are_refused() {
    let sizes = ["FFFFFFFFFFFFFFFF\r\n", "80000000000000000\r\n", "-1\r\n", "zz\r\n", "\r\n", "3\nab", "3;\0\r\n"];
    for size in sizes {
        clients(|site| {
            let head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
            let back = site.stage.client("fe").send(format!("{head}{size}")).to_end_of_answer();
            assert_eq!((back.status(), back.end), (400, End::Eof), "{size:?}: {back}");
            site.logged(&["good/good", " 400 ", "POST / HTTP/1.1"]);
        });
    }
}

#[test]
fn what_is_no_http_is_refused() {
    let rubbish: [&[u8]; 4] = [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", b"\0\0\0\0\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSX\r\n\r\n", &[0xff; 300]];
    for bytes in rubbish {
        clients(|site| {
            let back = site.stage.client("fe").send(bytes).finish().to_end_of_answer();
            assert_eq!(back.status(), 400, "{bytes:?}: {back}");
            site.logged(&["fe/<NOSRV>", " 400 ", "<BADREQ>"]);
        });
    }
}
