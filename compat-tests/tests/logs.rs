//! Log lines: one situation each, its line without dates, durations and ports.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

use std::time::Duration;

use rha_compat_tests::{Gate, Origin, Sink, Stage, Start, assert_same, each};

const SITE: &str = "\
global
    log {log} local0
defaults
    mode http
    log global
    option FORMAT
    timeout client 400ms
    timeout server 300ms
    timeout connect 300ms
    timeout http-request 300ms
    timeout tarpit 50ms
    retries 1
frontend fe
    bind {listen:fe}
    EXTRA
    http-request deny if { path /deny }
    http-request tarpit if { path /tarpit }
    http-request redirect location /new if { path /redirect }
    http-request return status 200 if { path /return }
    use_backend none if { path /none }
    use_backend refused if { path /refused }
    default_backend be
backend be
    server s1 {s1}
backend none
backend refused
    server s1 {closed}
";

/// Answers by path.
fn origin() -> Origin {
    Origin::new(|peer| {
        while let Some(request) = peer.request() {
            let head = String::from_utf8_lossy(&request.head).into_owned();
            let path = head.split(' ').nth(1).unwrap_or("/");
            let sent = match path {
                "/slow" => {
                    peer.hang();
                    false
                }
                "/close" => false,
                "/reset" => {
                    peer.reset();
                    false
                }
                "/garbage" => peer.send("no http\r\n\r\n"),
                "/short" => {
                    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nshort");
                    false
                }
                "/stall" => {
                    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nshort");
                    peer.hang();
                    false
                }
                "/404" => peer.send("HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n"),
                "/204" => peer.send("HTTP/1.1 204 No\r\n\r\n"),
                "/chunked" => {
                    peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
                }
                "/until-close" => {
                    peer.send("HTTP/1.1 200 OK\r\n\r\nall");
                    false
                }
                "/cookie" => peer
                    .send("HTTP/1.1 200 OK\r\nSet-Cookie: SID=x\r\nX-Resp: r\r\nContent-Length: 2\r\n\r\nok"),
                _ => peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
            };
            if !sent {
                return;
            }
        }
    })
}

fn case(id: &str, format: &str, extra: &str, drive: impl Fn(&mut Stage, &Sink)) {
    assert_same(&format!("logs/{id}"), |stage| {
        let sink = Sink::udp();
        let origin = origin();
        let site = SITE.replace("FORMAT", format).replace("EXTRA", extra);
        stage.start(&Start::with(&site).log_to(&sink).fill("s1", origin.address()));
        drive(stage, &sink);
    });
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: ex.com\r\nUser-Agent: ua\r\nCookie: SID=abc\r\n\r\n")
}

/// Sends, waits for the line, then for the end.
fn line_of(stage: &mut Stage, sink: &Sink, wire: &str) {
    let mut client = stage.client("fe");
    client.send(wire);
    let line = sink.line();
    stage.note_log("line", &line);
}

#[test]
fn httplog_tells_how_each_request_went() {
    each(
        [
            ("http-200", "/"),
            ("http-404", "/404"),
            ("http-204", "/204"),
            ("http-chunked", "/chunked"),
            ("http-until-close", "/until-close"),
            ("http-deny", "/deny"),
            ("http-tarpit", "/tarpit"),
            ("http-redirect", "/redirect"),
            ("http-return", "/return"),
            ("http-no-server", "/none"),
            ("http-refused", "/refused"),
            ("http-server-timeout", "/slow"),
            ("http-server-closes", "/close"),
            ("http-server-resets", "/reset"),
            ("http-server-garbage", "/garbage"),
            ("http-server-short", "/short"),
            ("http-server-stalls", "/stall"),
            ("http-quoted-path", "/a\"b?c=d"),
        ],
        |(id, path)| {
            case(id, "httplog", "", |stage, sink| line_of(stage, sink, &get(path)));
        },
    );
}

#[test]
fn httplog_tells_what_the_client_did_wrong() {
    each(
        [
            ("client-bad-request", "GET /a b HTTP/1.1\r\nHost: x\r\n\r\n"),
            ("client-timeout", "GET / HTTP/1.1\r\nHo"),
            ("client-late-body", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc"),
        ],
        |(id, wire)| {
            case(id, "httplog", "", |stage, sink| line_of(stage, sink, wire));
        },
    );
    case("client-leaves-in-head", "httplog", "", |stage, sink| {
        let mut client = stage.client("fe");
        client.send("GET / HTTP/1.1\r\nHo").finish();
        let line = sink.line();
        stage.note_log("line", &line);
    });
    case("client-resets-in-head", "httplog", "", |stage, sink| {
        let mut client = stage.client("fe");
        client.send("GET / HTTP/1.1\r\nHo");
        client.reset();
        let line = sink.line();
        stage.note_log("line", &line);
    });
    case("client-says-nothing", "httplog", "", |stage, sink| line_of(stage, sink, ""));
    case("client-says-nothing-dontlognull", "httplog", "option dontlognull", |stage, sink| {
        let mut client = stage.client("fe");
        let end = client.to_end();
        stage.note("end", end);
        line_of(stage, sink, &get("/"));
    });
}

#[test]
fn several_requests_on_one_connection_have_a_line_each() {
    case("kept", "httplog", "", |stage, sink| {
        let mut client = stage.client("fe");
        for path in ["/1", "/404", "/deny"] {
            let back = client.send(get(path)).response();
            stage.note("status", back.status());
            let line = sink.line();
            stage.note_log("line", &line);
        }
    });
}

#[test]
fn options_and_captures_change_the_line() {
    each(
        [
            (
                "captures",
                "httplog",
                "capture request header User-Agent len 10\n    capture request header X-None len 5\n    capture response header X-Resp len 5\n    capture cookie SID len 10",
                "/cookie",
            ),
            ("captures-empty", "httplog", "capture request header Nope len 10", "/"),
            ("clf", "httplog clf", "", "/404"),
            ("tcplog-in-http", "tcplog", "", "/"),
            ("dontlog-normal", "httplog", "option dontlog-normal", "/none"),
            ("separate-errors", "httplog", "option log-separate-errors", "/none"),
            ("separate-errors-404", "httplog", "option log-separate-errors", "/404"),
            ("set-log-level", "httplog", "http-request set-log-level warning", "/"),
            (
                "log-format",
                "httplog",
                "log-format \"%ci %[src] %ft %b %s %ST %B %U %CC %CS %tsc %sq %bq %hr %hs %{+Q}r %HM %HP %HQ %HU %HV %rc\"",
                "/a?b=c",
            ),
            (
                "log-format-flags",
                "httplog",
                "log-format \"%{+Q}[capture.req.uri] %{+X}ST %{+E}[capture.req.uri] %[var(txn.no)] %{+Q}[var(txn.no)] %{+Q}CC\"",
                "/a?b=c",
            ),
            (
                "log-format-escapes",
                "httplog",
                "log-format \"%% %[capture.req.uri,upper] \\ x %[str(a b)]\"",
                "/a",
            ),
            ("error-log-format", "httplog", "error-log-format \"error %ci %tsc %ft %ST\"", "/none"),
            ("log-tag", "httplog", "log-tag tagged", "/"),
            ("unique-id", "httplog", "unique-id-format id-%ft\n    log-format \"%ID %ST\"", "/"),
            ("cookie-states", "httplog", "", "/cookie"),
            ("logasap", "httplog", "option logasap", "/"),
        ],
        |(id, format, extra, path)| {
            case(id, format, extra, |stage, sink| line_of(stage, sink, &get(path)));
        },
    );
}

#[test]
fn syslog_headers_follow_the_format() {
    each(
        [
            ("rfc3164", "format rfc3164 local0"),
            ("rfc5424", "format rfc5424 local0"),
            ("raw", "format raw local0"),
            ("short", "format short local0"),
            ("priority", "format priority local0"),
            ("timed", "format timed local0"),
            ("length", "len 80 local0"),
            ("facility", "daemon"),
            ("facility-max", "local7 info info"),
        ],
        |(id, options)| {
            assert_same(&format!("logs/{id}"), |stage| {
                let sink = Sink::udp();
                let origin = origin();
                let site = SITE
                    .replace("FORMAT", "httplog")
                    .replace("EXTRA", "")
                    .replace("{log} local0", &format!("{{log}} {options}"));
                stage.start(&Start::with(&site).log_to(&sink).fill("s1", origin.address()));
                line_of(stage, &sink, &get("/none"));
            });
        },
    );
}

#[test]
fn a_unix_receiver_and_standard_output_work_too() {
    assert_same("logs/unix", |stage| {
        let path = stage.folder().join("log.sock");
        let sink = Sink::unix(&path);
        let origin = origin();
        let site = SITE.replace("FORMAT", "httplog").replace("EXTRA", "").replace("{log}", "{tmp}/log.sock");
        stage.start(&Start::with(&site).fill("s1", origin.address()));
        line_of(stage, &sink, &get("/"));
    });
    assert_same("logs/stdout", |stage| {
        let origin = origin();
        let site = SITE
            .replace("FORMAT", "httplog")
            .replace("EXTRA", "")
            .replace("{log} local0", "stdout format raw local0");
        stage.start(&Start::with(&site).fill("s1", origin.address()));
        let mut client = stage.client("fe");
        let back = client.send(get("/")).response();
        stage.note("status", back.status());
        drop(client);
        stage.running().signal(rha_compat_tests::Signal::USR1);
        let exit = stage.wait();
        // 2.6 also names a proxy of its own
        let said: String =
            exit.stdout.split_inclusive('\n').filter(|l| !l.contains("<HTTPCLIENT>")).collect();
        stage.note_log("standard output", &said);
    });
}

#[test]
fn tcplog_tells_how_each_connection_went() {
    const SITE: &str = "\
global
    log {log} local0
defaults
    mode tcp
    log global
    option tcplog
    timeout client 300ms
    timeout server 400ms
    timeout connect 300ms
    retries 0
listen echo
    bind {listen:echo}
    server s1 {s1}
listen refused
    bind {listen:refused}
    server s1 {closed}
listen nobody
    bind {listen:nobody}
listen rejecting
    bind {listen:rejecting}
    tcp-request content reject
    server s1 {s1}
defaults
    mode tcp
    log global
    timeout client 300ms
    timeout server 400ms
    timeout connect 300ms
listen plain
    bind {listen:plain}
    server s1 {s1}
";
    each(["echo", "refused", "nobody", "rejecting", "plain"], |name| {
        assert_same(&format!("logs/tcp-{name}"), |stage| {
            let sink = Sink::udp();
            let echo = Origin::echo("hi");
            stage.start(&Start::with(SITE).log_to(&sink).fill("s1", echo.address()));
            let mut client = stage.client(name);
            client.send("ping").finish();
            let end = client.to_end();
            stage.note("got", end.text());
            let line = sink.line();
            stage.note_log("line", &line);
        });
    });
    assert_same("logs/tcp-client-timeout", |stage| {
        let sink = Sink::udp();
        let echo = Origin::echo("hi");
        stage.start(&Start::with(SITE).log_to(&sink).fill("s1", echo.address()));
        let mut client = stage.client("echo");
        let end = client.to_end();
        stage.note("got", end.text());
        let line = sink.line();
        stage.note_log("line", &line);
    });
    assert_same("logs/tcp-held", |stage| {
        let sink = Sink::udp();
        let gate = Gate::new();
        let held = gate.clone();
        let slow = Origin::new(move |peer| {
            if peer.some_bytes().is_some() && held.wait() {
                peer.send("late");
            }
        });
        stage.start(&Start::with(SITE).log_to(&sink).fill("s1", slow.address()));
        let mut client = stage.client("echo");
        client.send("x");
        let _ = slow.next();
        gate.open();
        let end = client.patience(Duration::from_secs(5)).to_end();
        stage.note("got", end.text());
        let line = sink.line();
        stage.note_log("line", &line);
    });
}
