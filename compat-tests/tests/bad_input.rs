//! Bad input of every kind, to ours alone: random and spoilt configurations to the parser, clients and
//! origin servers that misbehave to a running process. Whatever comes, there is an answer or a log line
//! that says what went wrong, and the next plain request is served.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::mpsc::channel;
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
        self.stage
            .client("fe")
            .send("GET /bad HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            .to_end_of_answer()
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

fn with_site(
    config: &str,
    bad: impl Fn(&mut Peer) + Send + Sync + Clone + 'static,
    case: impl Fn(&Site<'_>),
) {
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
    let config = SITE.replace("timeout server 400ms", "timeout server 1m");
    with_site(&config, Peer::hang, |site| {
        let request = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc";
        let back = site.stage.client("fe").send(request).to_end_of_answer();
        assert!(matches!((back.status(), back.end), (400 | 408, End::Eof)), "{back}");
        site.logged(&["good/good", " - - c", "POST / HTTP/1.1"]);
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
        let back = site
            .stage
            .client("fe")
            .send(format!("GET / HTTP/1.1\r\nHost: a\r\n{many}\r\n"))
            .to_end_of_answer();
        assert_eq!(back.status(), 400, "{back}");
        site.logged(&["fe/<NOSRV>", " 400 ", " PR-- ", "<BADREQ>"]);
    });
}

#[test]
fn oversized_and_broken_chunk_sizes_are_refused() {
    let sizes = ["FFFFFFFFFFFFFFFF\r\n", "80000000000000000\r\n", "-1\r\n", "zz\r\n", "\r\n", "3\nab"];
    for size in sizes {
        clients(|site| {
            let head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
            let back = site.stage.client("fe").send(format!("{head}{size}")).to_end_of_answer();
            assert_eq!((back.status(), back.end), (400, End::Eof), "{size:?}: {back}");
            site.logged(&["fe/<NOSRV>", " 400 ", " PR-- ", "<BADREQ>"]);
        });
    }
}

#[test]
fn what_is_no_http_is_refused() {
    let rubbish: [&[u8]; 4] = [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"\0\0\0\0\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSX\r\n\r\n",
        &[0xff; 300],
    ];
    for bytes in rubbish {
        clients(|site| {
            let back = site.stage.client("fe").send(bytes).finish().to_end_of_answer();
            assert_eq!(back.status(), 400, "{bytes:?}: {back}");
            site.logged(&["fe/<NOSRV>", " 400 ", "<BADREQ>"]);
        });
    }
}

/// The bad server answers with these bytes, then closes.
fn answers(bytes: &'static [u8]) -> impl Fn(&mut Peer) + Send + Sync + Clone {
    move |peer| {
        peer.request();
        peer.send(bytes);
    }
}

/// The bad server answers with these bytes, then says nothing more.
fn begins(bytes: &'static [u8]) -> impl Fn(&mut Peer) + Send + Sync + Clone {
    move |peer| {
        peer.request();
        peer.send(bytes);
        peer.hang();
    }
}

#[test]
fn a_server_that_sends_garbage_is_answered_for() {
    for bytes in [
        &b"\xff\0garbage\r\n\r\n"[..],
        b"220 mail.example.com ESMTP\r\n",
        b"HTTP/1.1 2x0 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX Y: z\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\n",
    ] {
        servers(answers(bytes), |site| {
            let back = site.ask_bad();
            assert_eq!((back.status(), back.end), (502, End::Eof), "{back}");
            site.logged(&["bad/bad", " 502 ", " PH-- ", "GET /bad HTTP/1.1"]);
        });
    }
}

#[test]
fn a_server_that_closes_early_is_answered_for() {
    for bytes in [&b""[..], b"HTTP/1.1 200 OK\r\nCont"] {
        servers(answers(bytes), |site| {
            let back = site.ask_bad();
            assert_eq!((back.status(), back.end), (502, End::Eof), "{back}");
            site.logged(&["bad/bad", " 502 ", "H-- ", "GET /bad HTTP/1.1"]);
        });
    }
}

#[test]
fn a_server_that_resets_is_answered_for() {
    let reset = |peer: &mut Peer| {
        peer.request();
        peer.reset();
    };
    servers(reset, |site| {
        let back = site.ask_bad();
        assert_eq!((back.status(), back.end), (502, End::Eof), "{back}");
        site.logged(&["bad/bad", " 502 ", " SH-- ", "GET /bad HTTP/1.1"]);
    });
}

#[test]
fn a_server_that_closes_in_the_body_is_logged_and_the_client_can_tell() {
    for (bytes, got) in [
        (&b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"[..], "abc"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", "ab"),
    ] {
        servers(answers(bytes), |site| {
            let back = site.ask_bad();
            assert_eq!((back.status(), back.end), (200, End::Eof), "{back}");
            assert!(back.text().contains(got) && !back.text().contains("0\r\n\r\n"), "{back}");
            site.logged(&["bad/bad", " 200 ", " SD-- ", "GET /bad HTTP/1.1"]);
        });
    }
}

#[test]
fn a_server_that_never_answers_times_out() {
    for bytes in [&b""[..], b"HTTP/1.1 200 OK\r\nCont", b"HTTP/1.1 100 Continue\r\n\r\n"] {
        servers(begins(bytes), |site| {
            let mut client = site.stage.client("fe");
            let mut back =
                client.send("GET /bad HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").response();
            while back.status() == 100 {
                back = client.response();
            }
            assert_eq!((back.status(), client.end()), (504, End::Eof), "{back}");
            site.logged(&["bad/bad", " 504 ", " sH-- ", "GET /bad HTTP/1.1"]);
        });
    }
}

#[test]
fn a_server_that_stops_in_the_body_times_out() {
    servers(begins(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"), |site| {
        let back = site.ask_bad();
        assert_eq!((back.status(), back.text().as_str(), back.end), (200, "abc", End::Eof), "{back}");
        site.logged(&["bad/bad", " 200 ", "D-- ", "GET /bad HTTP/1.1"]);
    });
}

#[test]
fn a_never_ending_head_from_a_server_is_refused() {
    let endless = |peer: &mut Peer| {
        peer.request();
        peer.send("HTTP/1.1 200 OK\r\n");
        let line = format!("X-Padding: {}\r\n", "x".repeat(1000));
        while peer.send(&line) {}
    };
    let one_line = |peer: &mut Peer| {
        peer.request();
        peer.send("HTTP/1.1 200 OK\r\nX: ");
        while peer.send([b'x'; 1000]) {}
    };
    let many = |peer: &mut Peer| {
        peer.request();
        let all: String = (0..200).map(|n| format!("x{n}: y\r\n")).collect();
        peer.send(format!("HTTP/1.1 200 OK\r\n{all}\r\n"));
    };
    let refused = |site: &Site<'_>| {
        let back = site.ask_bad();
        assert_eq!((back.status(), back.end), (502, End::Eof), "{back}");
        site.logged(&["bad/bad", " 502 ", " PH-- ", "GET /bad HTTP/1.1"]);
    };
    servers(endless, refused);
    servers(one_line, refused);
    servers(many, refused);
}

#[test]
fn a_server_that_is_not_there_is_answered_for() {
    let config = SITE.replace("server bad {bad}", "server bad {closed}");
    with_site(&config, Peer::hang, |site| {
        let back = site.ask_bad();
        assert_eq!((back.status(), back.end), (503, End::Eof), "{back}");
        site.logged(&["bad/bad", " 503 ", " SC-- ", "GET /bad HTTP/1.1"]);
    });
}

/// Leaves a running process `more` descriptors to open, and gives the number they all stay below.
fn leave_descriptors(pid: i32, more: usize) -> usize {
    let open = open_descriptors(pid);
    let limit = (0..).filter(|n| !open.contains(n)).nth(more).unwrap();
    let bound = Some(limit as u64);
    let process = rustix::process::Pid::from_raw(pid);
    let both = rustix::process::Rlimit { current: bound, maximum: bound };
    rustix::process::prlimit(process, rustix::process::Resource::Nofile, both).expect("the process's limits");
    limit
}

fn open_descriptors(pid: i32) -> BTreeSet<usize> {
    let all = std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
    all.filter_map(|f| f.ok()?.file_name().to_str()?.parse().ok()).collect()
}

/// Waits until a process has no descriptor left to open.
fn descriptors_run_out(pid: i32, limit: usize) {
    let deadline = Instant::now() + rha_compat_tests::PATIENCE;
    let left = || limit - open_descriptors(pid).range(..limit).count();
    while left() > 0 {
        assert!(Instant::now() < deadline, "{} descriptors are left", left());
        std::thread::yield_now();
    }
}

fn patient() -> String {
    SITE.replace("global\n    stats", "global\n    maxconn 1000\n    stats").replace("400ms", "1m")
}

#[test]
fn without_descriptors_connections_wait_and_service_goes_on_when_clients_leave() {
    with_site(&patient(), Peer::hang, |site| {
        site.serves();
        let pid = site.stage.running().pid();
        let limit = leave_descriptors(pid, 20);
        let idle: Vec<_> = (0..60).map(|_| site.stage.client("fe")).collect();
        descriptors_run_out(pid, limit);
        let mut waiting = site.stage.client("fe");
        waiting.send(GET).patience(Duration::from_millis(300));
        assert_eq!(waiting.response().end, End::Silent, "accepted without a descriptor");
        drop(idle);
        waiting.patience(rha_compat_tests::PATIENCE);
        let back = waiting.to_end_of_answer();
        assert_eq!((back.status(), back.end), (200, End::Eof), "{back}");
    });
}

#[test]
fn without_descriptors_for_servers_requests_are_answered() {
    with_site(&patient(), Peer::hang, |site| {
        site.serves();
        let pid = site.stage.running().pid();
        let mut first = site.stage.client("fe");
        first.send("GET / HTTP/1.1\r\nHost: a\r\n");
        let limit = leave_descriptors(pid, 20);
        let idle: Vec<_> = (0..60).map(|_| site.stage.client("fe")).collect();
        descriptors_run_out(pid, limit);
        let back = first.send("Connection: close\r\n\r\n").to_end_of_answer();
        assert_eq!((back.status(), back.end), (503, End::Eof), "{back}");
        let line = site.sink.line_with(" 503 ");
        assert!(line.contains(" good/"), "{line}");
        drop(idle);
    });
}

/// A small generator of numbers that look random; the same every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 11).unwrap() % n.max(1)
    }

    fn byte(&mut self) -> u8 {
        u8::try_from(self.below(256)).unwrap()
    }
}

fn read(text: Vec<u8>, dialect: Dialect) -> usize {
    let mut files = MemoryFiles::default();
    files.0.insert("f".into(), text);
    let resolve = |_: &str, _: Option<u8>| None;
    let input = Input {
        paths: &["f".to_owned()],
        files: &files,
        env: Env::from_pairs([("A", "1 2")]),
        dialect,
        samples: rha_sample::vocab_for(dialect),
        ignore_resolution: true,
        resolve: &resolve,
        descriptor: &rha_haproxy::any_descriptor,
        diag: false,
        version: "3.0.11".into(),
    };
    parse(&input).diagnostics.len()
}

/// Parses all that `next` gives, in a thread, so that one that hangs fails instead.
fn parse_all(count: usize, next: impl Fn(usize) -> Vec<u8> + Send + 'static) {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for n in 0..count {
            let text = next(n);
            let dialect = [Dialect::V2_6, Dialect::V3_0, Dialect::V3_5][n % 3];
            let shown = text.escape_ascii().to_string();
            let outcome = std::panic::catch_unwind(move || read(text, dialect));
            if sender.send(outcome.map_err(|_| format!("{n} for {dialect:?}: {shown}"))).is_err() {
                return;
            }
        }
    });
    let mut complaints = 0;
    for n in 0..count {
        let one = receiver.recv_timeout(rha_compat_tests::PATIENCE);
        match one.unwrap_or_else(|_| panic!("file {n} hangs")) {
            Ok(found) => complaints += found,
            Err(file) => panic!("a panic on file {file}"),
        }
    }
    assert!(complaints > count / 2, "only {complaints} complaints about {count} broken files");
}

#[test]
fn ten_thousand_random_files_are_read_without_panic_or_hang() {
    // of all bytes, of printable ones, and of those that mean something to the reader
    const TELLING: &[u8] = b" \t\n\r\0\"'\\#${}[]()%,.:;!@/-ifx0119a*";
    parse_all(10_000, |n| {
        let mut dice = Dice(0x9e37_79b9_7f4a_7c15 ^ (n as u64 + 1));
        dice.below(2);
        let length = dice.below(600);
        (0..length)
            .map(|_| match n % 3 {
                0 => dice.byte(),
                1 => b' ' + dice.byte() % 95,
                _ => TELLING[dice.below(TELLING.len())],
            })
            .collect()
    });
}

#[test]
fn spoilt_configurations_are_read_without_panic_or_hang() {
    let all: Vec<Vec<u8>> = configurations().iter().map(|f| std::fs::read(f).unwrap()).collect();
    assert!(all.len() > 100);
    parse_all(10 * all.len(), move |n| {
        let mut dice = Dice(0x2545_f491_4f6c_dd1d ^ (n as u64 + 1));
        dice.below(2);
        let mut text = all[n % all.len()].clone();
        for _ in 0..=dice.below(8) {
            spoil(&mut text, &all, &mut dice);
        }
        text
    });
}

/// One small change: a byte, a cut, a doubled piece, a line of another file.
fn spoil(text: &mut Vec<u8>, all: &[Vec<u8>], dice: &mut Dice) {
    let at = dice.below(text.len());
    let end = (at + dice.below(40)).min(text.len());
    match dice.below(6) {
        0 if !text.is_empty() => text[at] = dice.byte(),
        1 => text.truncate(at),
        2 => drop(text.drain(at..end)),
        3 => {
            let piece = text[at..end].to_vec();
            text.splice(at..at, piece);
        }
        4 => {
            let other = &all[dice.below(all.len())];
            let line = other.split(|b| *b == b'\n').nth(dice.below(20)).unwrap_or_default();
            let start = text[..at].iter().rposition(|b| *b == b'\n').map_or(0, |n| n + 1);
            text.splice(start..start, [line, b"\n"].concat());
        }
        _ => text.insert(at, dice.byte()),
    }
}

fn configurations() -> Vec<PathBuf> {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures");
    let mut all = Vec::new();
    for folder in ["haproxy/good", "haproxy/bad", "documents"] {
        all.extend(std::fs::read_dir(top.join(folder)).unwrap().map(|f| f.unwrap().path()));
    }
    all.retain(|f| f.extension().is_some_and(|e| e == "cfg"));
    all.sort();
    all
}
