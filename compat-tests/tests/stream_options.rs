//! Options of streams: silence counted by side, requests and answers that break the rules, error pages as they are
//! written, times of connections that stay open, backends without servers.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

use rha_compat_tests::{Origin, Sink, Stage, Start, assert_same, each, visible};

const TCP: &str = "\
defaults
    mode tcp
    log {log} local0
    option tcplog
    timeout client 700ms
    timeout server 700ms
    timeout connect 5s
frontend fe
    bind {listen:fe}
    FRONT
    default_backend be
backend be
    BACK
    server s1 {s1}
";

/// Sends a byte at a time and reads nothing, until the peer has said its last or has gone.
fn talk_until_told(mut peer: &TcpStream) {
    peer.set_nonblocking(true).expect("a socket that does not block");
    loop {
        match peer.write(b"x") {
            Ok(_) => {}
            Err(e) if e.kind() == ErrorKind::WouldBlock => std::thread::yield_now(),
            Err(_) => return,
        }
        match peer.read(&mut [0; 64]) {
            Err(e) if e.kind() == ErrorKind::WouldBlock => {}
            _ => return,
        }
    }
}

fn read_to_end(mut peer: &TcpStream) {
    while !matches!(peer.read(&mut [0; 4096]), Ok(0) | Err(_)) {}
}

/// One side talks, the other is silent and only its own traffic counts: how does it end?
#[test]
fn silence_is_counted_by_side() {
    let option = "option independent-streams";
    each(
        [("independent-front", option, "", "cD"), ("independent-back", "", option, "sD")],
        |(id, front, back, flags)| {
            assert_same(&format!("stream_options/{id}"), |stage| {
                let server_talks = flags == "cD";
                let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
                let address = listener.local_addr().expect("its address");
                let server = std::thread::spawn(move || {
                    let (peer, _) = listener.accept().expect("a connection");
                    if server_talks { talk_until_told(&peer) } else { read_to_end(&peer) }
                });
                let sink = Sink::udp();
                let site = TCP.replace("FRONT", front).replace("BACK", back);
                stage.start(&Start::with(&site).fill("s1", address).log_to(&sink));
                let client = TcpStream::connect(stage.at("fe")).expect("a connection");
                if server_talks {
                    read_to_end(&client)
                } else {
                    talk_until_told(&client)
                }
                drop(client);
                server.join().expect("the server's thread");
                let line = sink.line();
                stage.note("ended", line.split(' ').find(|w| *w == flags).unwrap_or(&line));
            });
        },
    );
}

const HTTP: &str = "\
defaults
    mode http
    log {log} local0
    timeout client 5s
    timeout server 5s
    timeout connect 5s
    timeout http-request 300ms
frontend fe
    bind {listen:fe}
    EXTRA
    default_backend be
backend be
    server s1 {s1}
backend none
";

fn http(id: &str, extra: &str, drive: impl Fn(&mut Stage, &Sink)) {
    assert_same(&format!("stream_options/{id}"), |stage| {
        let (origin, sink) = (Origin::named("one"), Sink::udp());
        let site = HTTP.replace("EXTRA", &extra.replace('\n', "\n    "));
        stage.start(&Start::with(&site).fill("s1", origin.address()).log_to(&sink));
        drive(stage, &sink);
    });
}

/// `%Ti` and `%Tt` hold the time in which a connection that stays open waited.
#[test]
fn idle_time_is_known() {
    http("idle-time", "log-format \"Ti=%Ti Tt=%Tt Ta=%Ta\"", |stage, sink| {
        let mut client = stage.client("fe");
        let get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
        client.send(get).response();
        let _ = sink.line();
        // Nothing is sent until another connection has been waited for in vain for 300 ms.
        stage.client("fe").send("GET / HT").to_end();
        let _ = sink.line();
        client.send(get).response();
        let line = sink.line();
        let number = |name: &str| {
            let value = line.split(' ').find_map(|w| w.strip_prefix(name));
            value.and_then(|v| v.trim().parse::<i64>().ok()).unwrap_or(-1)
        };
        stage.note("idle", number("Ti=") >= 300);
        stage.note("total", number("Tt=") >= number("Ti="));
    });
}

/// Pages from files: the version stays, and one without a length ends the connection.
#[test]
fn error_pages_are_sent_as_written() {
    let pages = [
        ("http10", "HTTP/1.0 503 Mine\r\nX-A: b\r\nConnection: close\r\n\r\nBody"),
        ("http10-length", "HTTP/1.0 503 Mine\r\nContent-Length: 4\r\n\r\nBody"),
        ("http11", "HTTP/1.1 503 Mine\r\nX-A: b\r\n\r\nBody"),
        ("http11-length", "HTTP/1.1 503 Mine\r\nX-A: b\r\nContent-Length: 4\r\n\r\nBody"),
    ];
    let asks = ["GET / HTTP/1.1", "GET / HTTP/1.0", "HEAD / HTTP/1.1"];
    let kept = ["", "Connection: close\r\n", "Connection: keep-alive\r\n"];
    each(pages, |(id, page)| {
        assert_same(&format!("error_pages/{id}"), |stage| {
            let file = stage.file("503.http", page);
            let site = HTTP.replace("EXTRA", "errorfile 503 {page}\n    use_backend none");
            let sink = Sink::udp();
            let start = Start::with(&site).fill("s1", "127.0.0.1:1").fill("page", file.display());
            stage.start(&start.log_to(&sink));
            for ask in asks {
                for keep in kept {
                    let mut client = stage.client("fe");
                    client.send(format!("{ask}\r\nHost: a\r\n{keep}\r\n"));
                    let head = ask.starts_with("HEAD");
                    let back = if head { client.head_response() } else { client.response() };
                    stage.note(&format!("{ask} {keep:?}"), back);
                }
            }
        });
    });
}

/// A request that cannot be read gets the built-in page, unless an empty file says that there is none.
#[test]
fn pages_for_what_is_no_request() {
    each(
        [("early-page", "HTTP/1.1 400 Mine\r\nContent-Length: 0\r\n\r\n"), ("early-silent", "")],
        |(id, page)| {
            assert_same(&format!("error_pages/{id}"), |stage| {
                let file = stage.file("400.http", page);
                let site = HTTP.replace("EXTRA", "errorfile 400 {page}\n    errorfile 408 {page}");
                let sink = Sink::udp();
                let start = Start::with(&site).fill("s1", "127.0.0.1:1").fill("page", file.display());
                stage.start(&start.log_to(&sink));
                for wire in ["GET / HTTP/1.1\r\nA B\r\n\r\n", "GET / HT"] {
                    let back = stage.client("fe").send(wire).to_end();
                    stage.note(&visible(wire.as_bytes()), back);
                }
            });
        },
    );
}

/// The older names of `accept-unsafe-violations-in-http-*`.
#[test]
fn what_breaks_the_rules_may_pass() {
    let wires = [
        "GET / HTTP/1.1\r\nHost: a\r\nA B: c\r\n\r\n",
        "GET /\u{e9} HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /#x HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/3.1\r\nHost: a\r\n\r\n",
        "GET / ABCD/1.1\r\nHost: a\r\n\r\n",
        "GET /a\x01b HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nA: b\x01c\r\n\r\n",
    ];
    each([("strict", ""), ("lenient", "option accept-invalid-http-request")], |(id, extra)| {
        http(&format!("request-{id}"), extra, |stage, _| {
            for wire in wires {
                let back = stage.client("fe").send(wire).response();
                stage.note(&visible(wire.as_bytes()), back.status());
            }
        });
    });
}

const DIRECT: &str = "\
global
    stats socket {tmp}/cli.sock level admin
defaults
    mode http
    log {log} local0
    option httplog
    retries 1
    timeout client 5s
    timeout server 5s
    timeout connect 300ms
frontend fe
    bind {listen:fe}
    use_backend %[path,field(2,/)]
backend dispatch
    dispatch {s1}
backend refused
    dispatch {closed}
backend asked
    http-request set-dst ipv4(127.0.0.1)
    http-request set-dst-port int({port})
    option transparent
backend keyword
    http-request set-dst ipv4(127.0.0.1)
    http-request set-dst-port int({port})
    transparent
backend both
    dispatch {closed}
    server s1 {s1}
backend both-asked
    http-request set-dst ipv4(127.0.0.1)
    http-request set-dst-port int({port})
    option transparent
    server s1 {closed}
";

/// Requests on one connection go where `dispatch` or `transparent` say.
#[test]
fn backends_without_servers() {
    each(
        [
            ("dispatch", vec!["dispatch", "dispatch"]),
            ("refused", vec!["refused", "dispatch"]),
            ("asked", vec!["asked", "asked", "dispatch"]),
            ("keyword", vec!["keyword"]),
            ("both", vec!["both"]),
            ("both-asked", vec!["both-asked"]),
        ],
        |(id, names)| {
            assert_same(&format!("direct/{id}"), |stage| {
                let (origin, sink) = (Origin::named("one"), Sink::udp());
                let start =
                    Start::with(DIRECT).fill("s1", origin.address()).fill("port", origin.address().port());
                stage.start(&start.log_to(&sink));
                let mut client = stage.client("fe");
                for name in &names {
                    let back = client.send(format!("GET /{name} HTTP/1.1\r\nHost: a\r\n\r\n")).response();
                    stage.note("client got", back);
                    stage.note_log("log", &sink.line());
                }
                let table = stage.cli("show stat");
                let mut rows =
                    table.lines().map(|l| l.trim_start_matches("# ").split(',').collect::<Vec<_>>());
                let head = rows.next().unwrap_or_default();
                for row in rows {
                    let value = |name: &str| {
                        let at = head.iter().position(|n| *n == name);
                        at.and_then(|i| row.get(i)).copied().unwrap_or_default()
                    };
                    let told: Vec<_> = ["stot", "econ", "wretr", "wredis", "connect", "reuse", "hrsp_2xx"]
                        .iter()
                        .map(|n| format!("{n}={}", value(n)))
                        .collect();
                    if value("svname") == "BACKEND" {
                        stage.note("counted", format!("{} {}", value("pxname"), told.join(" ")));
                    }
                }
            });
        },
    );
}

/// Conditions of `set-var`, of the action and of the converter.
#[test]
fn variables_are_set_on_condition() {
    let action = |value: &str, set: &str| {
        format!("http-request set-var(txn.v) {value}\nhttp-request set-var(txn.v,{set}\n{SHOWN}")
    };
    let converter = |value: &str, set: &str| {
        let (condition, new) = set.split_once(") ").unwrap_or_default();
        let keep = format!("http-request set-header x-passed %[{new},set-var(txn.v,{condition})]");
        format!("http-request set-var(txn.v) {value}\n{keep}\n{SHOWN}")
    };
    const SHOWN: &str = "http-request return status 200 content-type text/plain lf-string <%[var(txn.v)]>";
    let sets = [
        ("greater", "int(5)", "ifgt) int(2)"),
        ("not-greater", "int(5)", "ifgt) int(55)"),
        ("equal", "int(5)", "ifgt) int(5)"),
        ("less", "int(5)", "iflt) int(55)"),
        ("not-less", "int(5)", "iflt) int(2)"),
        ("text-greater", "str(a)", "ifgt) str(b)"),
        ("text-less", "str(a)", "iflt) str(b)"),
        ("exists", "str(a)", "ifexists) str(b)"),
        ("not-exists", "str(a)", "ifnotexists) str(b)"),
        ("empty", "str(a)", "ifempty) str(b)"),
        ("not-empty", "str(a)", "ifnotempty) str(b)"),
        ("set", "str(a)", "ifset) str(b)"),
        ("not-set", "str(a)", "ifnotset) str(b)"),
        ("two", "int(5)", "ifexists,ifgt) int(2)"),
    ];
    each(sets, |(id, value, set)| {
        for (kind, rules) in [("action", action(value, set)), ("converter", converter(value, set))] {
            http(&format!("variables-{kind}-{id}"), &rules, |stage, _| {
                let back = stage.client("fe").send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").response();
                stage.note("client got", back);
            });
        }
    });
}
