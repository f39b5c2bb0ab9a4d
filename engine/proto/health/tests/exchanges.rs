//! Checks as exchanges: what is sent, and what an answer is taken for, as HAProxy 2.6.12 and 3.0.11 did it.

#![allow(clippy::expect_used, clippy::panic, reason = "a case that cannot be read fails the test")]

use bstr::{BString, ByteSlice};
use rha_base::Now;
use rha_health::{Environment, Exchange, Outcome, Script, Status, SystemError};
use rha_ir::{
    Check, CheckKind, Expect, ExpectKind, HeaderExpect, HeaderMatch, HeaderPattern, HttpCheck, LogFormat,
    LogNode, StatusRange, TcpStep,
};
use rha_text::Span;
use rha_vocab::Dialect;

/// What happens to a running check.
enum Event {
    Connected,
    Refused,
    Reset,
    Data(&'static [u8]),
    Eof,
    Late,
}
use Event::{Connected, Data, Eof, Late, Refused, Reset};

fn at(ms: u64) -> Now {
    Now { mono_us: ms * 1000, wall_us: 0x6b00_e2bb * 1_000_000 }
}

fn environment(dialect: Dialect) -> Environment {
    Environment {
        dialect,
        server_up: true,
        state: b"UP; address=x".to_vec(),
        inter_ms: 1000,
        ..Environment::default()
    }
}

fn run(check: &Check, dialect: Dialect, events: &[Event]) -> (BString, Outcome) {
    let script = Script::compile(check).expect("a check that compiles");
    run_script(&script, dialect, events)
}

fn run_script(script: &std::sync::Arc<Script>, dialect: Dialect, events: &[Event]) -> (BString, Outcome) {
    let mut exchange = Exchange::new(script.clone(), environment(dialect), &(), at(0));
    assert!(exchange.poll_connect().is_some() && exchange.poll_connect().is_none());
    let mut sent = BString::default();
    for event in events {
        match event {
            Connected => exchange.handle_connected(at(5)),
            Refused => {
                let error = SystemError { name: "ECONNREFUSED", text: "Connection refused".to_owned() };
                exchange.handle_error(at(5), &error);
            }
            Reset => {
                let error = SystemError { name: "ECONNRESET", text: "Connection reset by peer".to_owned() };
                exchange.handle_error(at(5), &error);
            }
            Data(bytes) => exchange.handle_data(at(5), bytes),
            Eof => exchange.handle_eof(at(5)),
            Late => exchange.handle_timeout(at(2000)),
        }
        sent.extend_from_slice(&exchange.poll_transmit());
        exchange.poll_connect();
    }
    let outcome = exchange.outcome().expect("a check that is over").clone();
    assert!(outcome.duration_ms.is_some());
    (sent, outcome)
}

fn span() -> Span {
    Span::default()
}

fn format(text: &str) -> LogFormat {
    LogFormat { nodes: vec![LogNode::Text(text.into())], origin: span() }
}

fn expect(kind: ExpectKind) -> Expect {
    Expect {
        negated: false,
        kind,
        comment: None,
        min_recv: None,
        statuses: [None, None, None],
        messages: [None, None],
        status_code: None,
        origin: span(),
    }
}

fn http(steps: Vec<TcpStep>) -> Check {
    Check { kind: CheckKind::Http, steps, ..Check::default() }
}

fn tcp(steps: Vec<TcpStep>) -> Check {
    Check { kind: CheckKind::TcpScript, steps, ..Check::default() }
}

fn send(text: &str) -> TcpStep {
    TcpStep::Send { data: text.into(), comment: None, origin: span() }
}

fn connect(port: Option<u16>, comment: Option<&str>) -> TcpStep {
    TcpStep::Connect {
        port,
        port_expr: None,
        addr: None,
        default: false,
        socks4: false,
        send_proxy: false,
        tls: false,
        linger: false,
        comment: comment.map(str::to_owned),
        origin: span(),
    }
}

fn option(name: &str, args: &[&str]) -> Check {
    let args = args.iter().map(|a| BString::from(*a)).collect();
    Check { kind: CheckKind::Other { name: name.to_owned(), args, origin: span() }, ..Check::default() }
}

fn on(steps: impl IntoIterator<Item = Expect>) -> Vec<TcpStep> {
    steps.into_iter().map(TcpStep::Expect).collect()
}

#[track_caller]
fn check(check: &Check, events: &[Event], status: Status, code: i32, info: &str) {
    for dialect in [Dialect::V2_6, Dialect::V3_0] {
        let (_, outcome) = run(check, dialect, events);
        let seen = (outcome.status, outcome.code, outcome.info.to_str().expect("text"));
        assert_eq!(seen, (status, code, info), "{dialect}");
    }
}

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

#[test]
fn a_connection_is_enough_or_not() {
    let plain = Check::default();
    check(&plain, &[Connected], Status::L4Ok, 0, "");
    check(&plain, &[Refused], Status::L4Con, 0, "Connection refused");
    check(&plain, &[Late], Status::L4Tout, 0, "");
    let (_, outcome) = run(&plain, Dialect::V3_5, &[Refused]);
    assert_eq!(outcome.info, "ECONNREFUSED returned by OS (Connection refused)");
}

#[test]
fn requests_are_the_originals_byte_for_byte() {
    let fields = |list: &[(&str, &str)]| list.iter().map(|(n, v)| ((*n).into(), format(v))).collect();
    let get = |uri: &str, version: &str| HttpCheck {
        method: "GET".into(),
        uri: Some(format(uri)),
        version: version.into(),
        ..HttpCheck::default()
    };
    let post = HttpCheck {
        method: "POST".into(),
        headers: fields(&[("Host", "ex.com"), ("X-Thing", "a b"), ("Content-Type", "text/plain")]),
        body: Some(format("hello=1")),
        ..get("/p", "HTTP/1.1")
    };
    let kept =
        HttpCheck { headers: fields(&[("connection", "keep-alive"), ("Host", "a")]), ..get("/", "HTTP/1.1") };
    for (request, bytes) in [
        (HttpCheck::default(), "OPTIONS / HTTP/1.0\r\n\r\n"),
        (get("/x", "HTTP/1.1"), "GET /x HTTP/1.1\r\nconnection: close\r\n\r\n"),
        (
            post,
            "POST /p HTTP/1.1\r\nhost: ex.com\r\nx-thing: a b\r\ncontent-type: text/plain\r\n\
             content-length: 7\r\nconnection: close\r\n\r\nhello=1",
        ),
        (
            HttpCheck { method: "PUT".into(), ..get("/p", "HTTP/1.0") },
            "PUT /p HTTP/1.0\r\ncontent-length: 0\r\n\r\n",
        ),
        (kept, "GET / HTTP/1.1\r\nhost: a\r\n\r\n"),
        (get("http://foo.com/z", "HTTP/1.1"), "GET http://foo.com/z HTTP/1.1\r\nconnection: close\r\n\r\n"),
        (
            HttpCheck { method: "DELETE".into(), body: Some(format("abc")), ..HttpCheck::default() },
            "DELETE / HTTP/1.0\r\ncontent-length: 3\r\n\r\nabc",
        ),
    ] {
        let on_option = Check { kind: CheckKind::Http, http: request.clone(), ..Check::default() };
        for check in [on_option, http(vec![TcpStep::HttpSend(request)])] {
            let (sent, outcome) = run(&check, Dialect::V3_0, &[Connected, Data(OK)]);
            assert_eq!(sent, bytes);
            assert_eq!((outcome.status, outcome.code), (Status::L7Ok, 200));
        }
    }
    let state =
        Check { kind: CheckKind::Http, http: get("/", "HTTP/1.1"), send_state: true, ..Check::default() };
    let (sent, _) = run(&state, Dialect::V3_0, &[Connected, Data(OK)]);
    assert_eq!(sent, "GET / HTTP/1.1\r\nx-haproxy-server-state: UP; address=x\r\nconnection: close\r\n\r\n");
}

#[test]
fn http_answers_are_judged() {
    let plain = http(Vec::new());
    check(&plain, &[Connected, Data(b"HTTP/1.1 500 Oh no\r\n\r\n")], Status::L7Sts, 500, "Oh no");
    check(
        &plain,
        &[Connected, Data(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n")],
        Status::L7Sts,
        100,
        "Continue",
    );
    check(&plain, &[Connected, Data(b"HTTP/1.0 20"), Data(b"4 N\r\n\r\n")], Status::L7Ok, 204, "");
    check(&plain, &[Connected, Data(b"JUNK\r\n\r\n")], Status::L7Rsp, 0, "");
    check(&plain, &[Connected, Late], Status::L7Tout, 0, "");
    check(&plain, &[Connected, Data(b"HTTP/1.0 200 OK\r\n"), Eof], Status::L7Rsp, 0, "");
    let text = |negated| http(on([Expect { negated, ..expect(ExpectKind::Text("hello".into())) }]));
    check(
        &text(false),
        &[Connected, Data(b"HTTP/1.1 200 OK\r\n\r\nhe"), Data(b"llo")],
        Status::L7Ok,
        200,
        "",
    );
    let bye: &[u8] = b"HTTP/1.0 200 OK\r\n\r\nbye";
    check(&text(false), &[Connected, Data(bye), Eof], Status::L7Rsp, 200, "HTTP content check did not match");
    check(&text(true), &[Connected, Data(OK)], Status::L7Rsp, 200, "HTTP check matched unwanted content");
    check(&text(true), &[Connected, Data(bye), Eof], Status::L7Ok, 200, "");
    let none = "HTTP content check could not find a response body";
    check(&text(false), &[Connected, Data(b"HTTP/1.0 200 OK\r\n\r\n"), Eof], Status::L7Rsp, 200, none);
    let commented =
        Expect { comment: Some("findit".to_owned()), ..expect(ExpectKind::Regex("^h.*o$".into())) };
    let info = "HTTP content check did not match comment: findit";
    check(&http(on([commented.clone()])), &[Connected, Data(bye), Eof], Status::L7Rsp, 200, info);
    check(&http(on([commented])), &[Connected, Data(OK)], Status::L7Ok, 200, "");
    let range = http(on([expect(ExpectKind::Status(StatusRange(vec![(200, 299), (404, 404)])))]));
    check(&range, &[Connected, Data(b"HTTP/1.0 404 NF\r\n\r\n")], Status::L7Ok, 404, "");
    check(&range, &[Connected, Data(b"HTTP/1.0 300 X\r\n\r\n")], Status::L7Sts, 300, "X");
    let pattern = http(on([expect(ExpectKind::StatusRegex("^2".into()))]));
    check(&pattern, &[Connected, Data(b"HTTP/1.0 302 Found\r\n\r\n")], Status::L7Sts, 302, "Found");
}

#[test]
fn an_answer_that_does_not_come_is_told_by_dialect() {
    let plain = http(Vec::new());
    for (dialect, events, status, info) in [
        (Dialect::V2_6, [Connected, Eof], Status::L7Rsp, ""),
        (Dialect::V3_0, [Connected, Eof], Status::SockErr, ""),
        (Dialect::V2_6, [Connected, Reset], Status::SockErr, "Connection reset by peer"),
        (
            Dialect::V3_0,
            [Connected, Reset],
            Status::SockErr,
            "ECONNRESET returned by OS (Connection reset by peer)",
        ),
    ] {
        let (_, outcome) = run(&plain, dialect, &events);
        assert_eq!((outcome.status, outcome.info.to_str()), (status, Ok(info)), "{dialect}");
    }
}

/// `hdr|fhdr name [-m method] text [value [-m method] text]`.
fn header(words: &str) -> HeaderExpect {
    let mut words = words.split(' ').peekable();
    let full = words.next() == Some("fhdr");
    let mut pattern = || {
        words.next()?;
        let method = match words.next_if_eq(&"-m").and_then(|_| words.next()) {
            Some("beg") => HeaderMatch::Beg,
            Some("end") => HeaderMatch::End,
            Some("sub") => HeaderMatch::Sub,
            Some("reg") => HeaderMatch::Reg,
            _ => HeaderMatch::Str,
        };
        Some(HeaderPattern { method, text: format(words.next()?) })
    };
    HeaderExpect { full, name: pattern().expect("a name"), value: pattern() }
}

#[test]
fn header_fields_are_matched_in_parts_or_in_full() {
    let answer: &[u8] = b"HTTP/1.1 200 OK\r\nX-A: 0, 1\r\nContent-Length: 0\r\n\r\n";
    for (words, good) in [
        ("hdr name x-a value 1", true),
        ("fhdr name x-a value 1", false),
        ("fhdr name x-a value -m end 1", true),
        ("hdr name -m beg X- value -m reg ^[01]$", true),
        ("hdr name x-b", false),
        ("hdr name x-a value -m sub 2", false),
    ] {
        let (_, outcome) = run(
            &http(on([expect(ExpectKind::Header(Box::new(header(words))))])),
            Dialect::V3_0,
            &[Connected, Data(answer)],
        );
        assert_eq!(outcome.status == Status::L7Ok, good, "{words}");
        if !good {
            assert_eq!((outcome.status, outcome.info.to_str()), (Status::L7Sts, Ok("OK")));
        }
    }
}

#[test]
fn not_found_may_mean_leave_me_alone() {
    let check = Check { disable_on_404: true, ..http(Vec::new()) };
    let (_, outcome) = run(&check, Dialect::V3_0, &[Connected, Data(b"HTTP/1.0 404 Not Found\r\n\r\n")]);
    assert_eq!((outcome.status, outcome.code, outcome.info.len()), (Status::L7OkCond, 404, 0));
}

#[test]
fn http_steps_may_take_several_connections() {
    let get = |uri: &str| {
        TcpStep::HttpSend(HttpCheck { method: "GET".into(), uri: Some(format(uri)), ..HttpCheck::default() })
    };
    let status = TcpStep::Expect(expect(ExpectKind::Status(StatusRange(vec![(200, 200)]))));
    let second = Expect { comment: Some("second".to_owned()), ..expect(ExpectKind::Text("hello".into())) };
    let check = http(vec![
        connect(None, None),
        get("/1"),
        status,
        connect(None, None),
        get("/2"),
        TcpStep::Expect(second),
    ]);
    let (sent, outcome) = run(&check, Dialect::V3_0, &[Connected, Data(OK), Connected, Data(OK)]);
    assert_eq!(sent, "GET /1 HTTP/1.0\r\n\r\nGET /2 HTTP/1.0\r\n\r\n");
    assert_eq!(outcome.status, Status::L7Ok);
    let other = Data(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nxx");
    let (_, outcome) = run(&check, Dialect::V3_0, &[Connected, Data(OK), Connected, other]);
    assert_eq!(outcome.info, "HTTP content check did not match comment: second");
}

#[test]
fn tcp_scripts_tell_the_step() {
    let pong = || TcpStep::Expect(expect(ExpectKind::Text("PONG".into())));
    let three = tcp(vec![connect(None, None), send("PING\r\n"), pong()]);
    check(&three, &[Connected, Data(b"+PONG\r\n")], Status::L7Ok, 0, "(tcp-check)");
    let info = "TCPCHK did not match content 'PONG' at step 3";
    check(&three, &[Connected, Data(b"-ERR\r\n"), Eof], Status::L7Rsp, 0, info);
    check(&tcp(Vec::new()), &[Connected], Status::L4Ok, 0, "");
    let info = "Connection refused at initial connection step of tcp-check";
    check(&tcp(Vec::new()), &[Refused], Status::L4Con, 0, info);
    check(
        &tcp(vec![connect(Some(19500), None), pong()]),
        &[Refused],
        Status::L4Con,
        0,
        "Connection refused at step 1 of tcp-check (connect port 19500)",
    );
    check(&tcp(vec![send("QUIT")]), &[Connected], Status::L7Ok, 0, "(tcp-check)");
    let two = tcp(vec![connect(Some(1), Some("first")), connect(Some(19599), Some("second"))]);
    let info = "Connection refused at step 2 of tcp-check (connect port 19599) comment: 'second'";
    check(&two, &[Connected, Refused], Status::L4Con, 0, info);
    check(&two, &[Connected, Connected], Status::L4Ok, 0, "(tcp-check)");
    let commented = tcp(vec![TcpStep::Comment("asking".to_owned()), send("PING\r\n"), pong()]);
    check(
        &commented,
        &[Connected, Data(b"-ERR\r\n"), Eof],
        Status::L7Rsp,
        0,
        "TCPCHK did not match content 'PONG' at step 3",
    );
    let waiting = Expect { comment: Some("waiting".to_owned()), ..expect(ExpectKind::Text("PONG".into())) };
    let script = tcp(vec![send("PING\r\n"), TcpStep::Expect(waiting)]);
    let info = " at step 2 of tcp-check (expect string 'PONG') comment: 'waiting'";
    check(&script, &[Connected, Late], Status::L7Tout, 0, info);
    check(
        &tcp(vec![send("x"), pong()]),
        &[Connected, Eof],
        Status::L7Rsp,
        0,
        "TCPCHK got an empty response at step 2",
    );
}

#[test]
fn tcp_expectations_of_every_kind() {
    let one = |e: Expect| tcp(vec![send("x"), TcpStep::Expect(e)]);
    let err = Expect { negated: true, ..expect(ExpectKind::Regex("ERR".into())) };
    check(
        &one(err),
        &[Connected, Data(b"-ERR\r\n")],
        Status::L7Rsp,
        0,
        "TCPCHK matched unwanted content (regex) at step 2",
    );
    let binary = Expect { comment: Some("bin".to_owned()), ..expect(ExpectKind::Binary(b"+PO".to_vec())) };
    check(
        &one(binary),
        &[Connected, Data(b"-ERR"), Eof],
        Status::L7Rsp,
        0,
        "TCPCHK did not match content (binary) at step 2 comment: bin",
    );
    let hex = expect(ExpectKind::BinaryRegex("^48454C".into()));
    check(&one(hex.clone()), &[Connected, Data(b"HELO")], Status::L7Ok, 0, "(tcp-check)");
    check(
        &one(hex),
        &[Connected, Data(b"NOPE"), Eof],
        Status::L7Rsp,
        0,
        "TCPCHK did not match content (binary regex) at step 2",
    );
    let least = Expect { min_recv: Some(4), ..expect(ExpectKind::Text("ok".into())) };
    check(&one(least.clone()), &[Connected, Data(b"o"), Data(b"kxx")], Status::L7Ok, 0, "(tcp-check)");
    check(
        &one(least),
        &[Connected, Data(b"nope!")],
        Status::L7Rsp,
        0,
        "TCPCHK did not match content 'ok' at step 2",
    );
    let told = Expect {
        statuses: [None, Some("L7STS".to_owned()), None],
        messages: [Some(format("good_thing")), Some(format("bad_thing"))],
        ..expect(ExpectKind::Text("PONG".into()))
    };
    check(&one(told.clone()), &[Connected, Data(b"xxxx"), Eof], Status::L7Sts, 0, "bad_thing");
    check(&one(told), &[Connected, Data(b"PONG")], Status::L7Ok, 0, "good_thing");
    let lf = expect(ExpectKind::TextFormat(format("yo")));
    check(
        &one(lf),
        &[Connected, Data(b"no"), Eof],
        Status::L7Rsp,
        0,
        "TCPCHK did not match content (log-format string) at step 2",
    );
    let row = tcp(vec![
        send("A"),
        TcpStep::Expect(expect(ExpectKind::Text("1".into()))),
        TcpStep::Expect(expect(ExpectKind::Text("2".into()))),
        send("B"),
        TcpStep::Expect(expect(ExpectKind::Regex("^3".into()))),
    ]);
    check(&row, &[Connected, Data(b"1 "), Data(b"2"), Data(b"3")], Status::L7Ok, 0, "(tcp-check)");
    check(
        &row,
        &[Connected, Data(b"1 2"), Data(b"4"), Eof],
        Status::L7Rsp,
        0,
        "TCPCHK did not match content (regex) at step 5",
    );
    check(
        &row,
        &[Connected, Data(b"1"), Late],
        Status::L7Tout,
        0,
        " at step 3 of tcp-check (expect string '2')",
    );
}

#[test]
fn protocols_known_by_name() {
    let redis = option("redis-check", &[]);
    check(&redis, &[Connected, Data(b"+PONG\r\n")], Status::L7Ok, 0, "Redis server is ok");
    let info = "-NOAUTH Authentication required.";
    check(&redis, &[Connected, Data(b"-NOAUTH Authentication required.\r\n"), Eof], Status::L7Sts, 0, info);
    check(&redis, &[Connected, Late], Status::L7Tout, 0, "");

    let smtp = option("smtpchk", &["EHLO", "me.example"]);
    let (sent, outcome) = run(
        &smtp,
        Dialect::V3_0,
        &[Connected, Data(b"220 hi ESMTP\r\n"), Data(b"250-ok mail\r\n250 HELP\r\n"), Data(b"221 bye\r\n")],
    );
    assert_eq!(sent, "EHLO me.example\r\nQUIT\r\n");
    assert_eq!((outcome.status, outcome.code, outcome.info), (Status::L7Ok, 221, "bye".into()));
    check(&smtp, &[Connected, Data(b"554 go away\r\n"), Eof], Status::L7Sts, 554, "go away");
    check(&smtp, &[Connected, Data(b"junk\r\n"), Eof], Status::L7Rsp, 0, "junk");

    let ldap = option("ldap-check", &[]);
    check(
        &ldap,
        &[Connected, Data(b"0\x0c\x02\x01\x01\x61\x07\x0a\x01\x00\x04\x00\x04\x00")],
        Status::L7Ok,
        0,
        "Success",
    );
    let info = "See RFC: http://tools.ietf.org/html/rfc4511#section-4.1.9";
    check(
        &ldap,
        &[Connected, Data(b"0\x0c\x02\x01\x01\x61\x07\x0a\x01\x31\x04\x00\x04\x00")],
        Status::L7Sts,
        49,
        info,
    );
    check(&ldap, &[Connected, Data(b"xxxxxxxxxxxxxxxxx"), Eof], Status::L7Rsp, 0, "Not LDAPv3 protocol");

    let postgres = option("pgsql-check", &["user", "bob"]);
    check(
        &postgres,
        &[Connected, Data(b"R\0\0\0\x08\0\0\0\x05abcd")],
        Status::L7Ok,
        0,
        "PostgreSQL server is ok",
    );
    check(&postgres, &[Connected, Data(b"E\0\0\0\x20SFATAL\0Cnope\0")], Status::L7Rsp, 0, "FATAL");
    check(
        &postgres,
        &[Connected, Data(b"R\0\0\0\x08\0\0\0\x08abcd"), Eof],
        Status::L7Sts,
        0,
        "PostgreSQL unknown error",
    );

    let hello = option("ssl-hello-chk", &[]);
    check(&hello, &[Connected, Data(b"\x16\x03\0\0\x4a\x02")], Status::L6Ok, 0, "");
    check(&hello, &[Connected, Data(b"HTTP/1.0 400 x")], Status::L6Rsp, 0, "");
    check(&hello, &[Connected, Late], Status::L6Tout, 0, "");

    let spop = option("spop-check", &[]);
    let agent = b"\0\0\0\x36\x65\0\0\0\x01\0\0\x07version\x08\x032.0\x0emax-frame-size\x03\xfc\xf0\x06\x0ccapabilities\x08\0";
    check(&spop, &[Connected, Data(agent)], Status::L7Ok, 0, "SPOA server is ok");
    check(&spop, &[Connected, Data(b"junkjunkjunkjunk")], Status::L7Rsp, 4, "invalid frame received");
}

#[test]
fn bytes_of_binary_protocols_are_the_originals() {
    for (check, bytes) in [
        (option("pgsql-check", &["user", "bob"]), &b"\0\0\0\x12\0\x03\0\0user\0bob\0\0"[..]),
        (option("ldap-check", &[]), b"0\x0c\x02\x01\x01`\x07\x02\x01\x03\x04\x00\x80\x00"),
        (option("mysql-check", &["user", "haproxy", "pre-41"]), b"\x0e\0\0\x01\0\x80\0\0\x01haproxy\0\0\x01\0\0\0\x01"),
        (
            option("mysql-check", &["user", "haproxy"]),
            b")\0\0\x01\0\x82\0\0\0\x80\0\x01!\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0haproxy\0\0\x01\0\0\0\x01",
        ),
        (
            option("spop-check", &[]),
            b"\0\0\0N\x01\0\0\0\x01\0\0\x12supported-versions\x08\x032.0\x0emax-frame-size\x03\xfc\xf0\x06\x0ccapabilities\x08\0\x0bhealthcheck\x11",
        ),
    ] {
        let (sent, _) = run(&check, Dialect::V3_0, &[Connected, Late]);
        assert_eq!(sent, bytes);
    }
    let (sent, _) = run(&option("ssl-hello-chk", &[]), Dialect::V3_0, &[Connected, Late]);
    let start = b"\x16\x03\0\0y\x01\0\0u\x03\0k\0\xe2\xbbHAPROXYSSLCHK\nHAPROXYSSLCHK\n\0\0N\0\x01\0\x02";
    assert!(sent.starts_with(start) && sent.ends_with(b"\x009\x00:\x01\x00") && sent.len() == 5 + 0x79);
}

#[test]
fn mysql_greetings_and_refusals() {
    fn packet(seq: u8, body: &[u8]) -> &'static [u8] {
        let mut all = vec![body.len() as u8, 0, 0, seq];
        all.extend_from_slice(body);
        Box::leak(all.into_boxed_slice())
    }
    let greeting = packet(0, b"\x0a8.0.30-fake\0\x01\0\0\0AAAAAAAAAA");
    let plain = option("mysql-check", &[]);
    check(&plain, &[Connected, Data(greeting)], Status::L7Ok, 0, "8.0.30-fake");
    check(&plain, &[Connected, Data(b"\0"), Eof], Status::L7Rsp, 0, "");
    check(
        &plain,
        &[Connected, Data(packet(0, b"\xff\x10\x04Too many connections"))],
        Status::L7Sts,
        1040,
        "Too many connections",
    );
    let user = option("mysql-check", &["user", "haproxy"]);
    check(
        &user,
        &[Connected, Data(greeting), Data(packet(2, b"\0\0\0\x02\0\0\0"))],
        Status::L7Ok,
        0,
        "8.0.30-fake",
    );
    let denied = packet(2, b"\xff\x15\x04#28000Access denied for user");
    check(
        &user,
        &[Connected, Data(greeting), Data(denied)],
        Status::L7Sts,
        1045,
        "#28000Access denied for user",
    );
}

#[test]
fn an_agent_is_asked_and_listened_to() {
    let script = Script::agent(b"hi\n");
    let (sent, outcome) = run_script(&script, Dialect::V3_0, &[Connected, Data(b"up 5"), Data(b"0%\n")]);
    assert_eq!(sent, "hi\n");
    assert_eq!(outcome.status, Status::L7Ok);
    let (_, outcome) = run_script(&script, Dialect::V3_0, &[Connected, Data(b"junk"), Eof]);
    assert_eq!(
        (outcome.status, outcome.info),
        (Status::Checked, "Ignoring incomplete line from agent".into())
    );
}

#[test]
fn deadlines_bound_the_connection_and_the_rest() {
    let script = Script::compile(&http(Vec::new())).expect("a check");
    let limits = |connect_ms, check_ms| Environment { connect_ms, check_ms, ..environment(Dialect::V3_0) };
    for (connect, check, first, then) in [
        (Some(300), None, 1000, 1000),
        (Some(300), Some(200), 300, 205),
        (Some(5000), Some(200), 1000, 205),
        (None, Some(200), 1000, 205),
    ] {
        let mut exchange = Exchange::new(script.clone(), limits(connect, check), &(), at(0));
        assert_eq!(exchange.poll_timeout().0, first);
        exchange.poll_connect();
        exchange.handle_connected(at(5));
        assert_eq!(exchange.poll_timeout().0, then);
    }
}

mod anything {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_answer_breaks_a_check(pieces in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 0..6), which in 0usize..9) {
            let checks = [
                option("redis-check", &[]), option("ldap-check", &[]), option("spop-check", &[]),
                option("mysql-check", &[]), option("mysql-check", &["user", "x"]), option("pgsql-check", &["user", "x"]),
                option("smtpchk", &[]), option("ssl-hello-chk", &[]), http(on([expect(ExpectKind::Text("hello".into()))])),
            ];
            let script = Script::compile(&checks[which]).expect("a check");
            let mut exchange = Exchange::new(script, environment(Dialect::V3_0), &(), at(0));
            exchange.poll_connect();
            exchange.handle_connected(at(1));
            let lead: &[u8] = if which == 8 { b"HTTP/1.1 200 OK\r\n" } else { b"0\x84" };
            exchange.handle_data(at(1), lead);
            for piece in &pieces {
                exchange.handle_data(at(2), piece);
                exchange.poll_transmit();
            }
            exchange.handle_eof(at(3));
            exchange.handle_timeout(at(5000));
            prop_assert!(exchange.outcome().is_some());
        }
    }
}

#[test]
fn what_must_not_come_is_looked_for_until_the_end() {
    let no_error = Expect { negated: true, min_recv: Some(1), ..expect(ExpectKind::Text("ERR".into())) };
    let row = tcp(vec![
        send("A"),
        TcpStep::Expect(no_error),
        TcpStep::Expect(expect(ExpectKind::Text("done".into()))),
    ]);
    check(&row, &[Connected, Data(b"wait "), Data(b"done")], Status::L7Ok, 0, "(tcp-check)");
    let info = "TCPCHK matched unwanted content 'ERR' at step 2";
    check(&row, &[Connected, Data(b"wait "), Data(b"ERR")], Status::L7Rsp, 0, info);
}

#[test]
fn a_send_line_completes_the_option_line() {
    let request = HttpCheck {
        method: "GET".into(),
        uri: Some(format("/health")),
        version: "HTTP/1.1".into(),
        ..HttpCheck::default()
    };
    let host = HttpCheck { headers: vec![("Host".into(), format("x"))], ..HttpCheck::default() };
    let spelled = HttpCheck { method: "OPTIONS".into(), version: "HTTP/1.0".into(), ..host.clone() };
    for (line, bytes) in [
        (host, "GET /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"),
        (spelled, "OPTIONS /health HTTP/1.0\r\nhost: x\r\n\r\n"),
    ] {
        let check = Check { http: request.clone(), ..http(vec![TcpStep::HttpSend(line)]) };
        let (sent, _) = run(&check, Dialect::V3_0, &[Connected, Data(OK)]);
        assert_eq!(sent, bytes);
    }
}
