//! HTTP/1 both ways: what the client gets back and what the origin server sees, byte for byte.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

use rha_compat_tests::{Origin, Request, Sink, Stage, Start, assert_same, body_text, each, visible};

const SITE: &str = "\
defaults
    mode http
    timeout client 5s
    timeout server 5s
    timeout connect 5s
frontend fe
    bind {listen:fe}
    EXTRA
    default_backend be
backend be
    server s1 {s1}
";

/// Sends `wire` on one connection, notes all that comes back and all the origin server saw.
fn exchange(
    id: &str,
    extra: &str,
    wire: &[u8],
    answer: impl Fn(&Request) -> Vec<u8> + Send + Sync + Clone + 'static,
) {
    assert_same(&format!("http_basic/{id}"), |stage| {
        let origin = Origin::http(answer.clone());
        stage.start(&Start::with(&SITE.replace("EXTRA", extra)).fill("s1", origin.address()));
        let mut client = stage.client("fe");
        client.send(wire).finish();
        let back = client.to_end();
        stage.note("client got", back);
        note_seen(stage, &origin);
    });
}

fn note_seen(stage: &mut Stage, origin: &Origin) {
    for request in origin.take_all() {
        let text = format!(
            "on connection {}\n{}{}",
            request.connection,
            visible(&request.head),
            body_text(&request.head, &request.body)
        );
        stage.note("origin saw", text);
    }
}

fn plain(_: &Request) -> Vec<u8> {
    b"HTTP/1.1 200 OK\r\nServer: Origin\r\nX-Mixed-Case: Yes\r\nContent-Length: 5\r\n\r\nhello".to_vec()
}

/// Answers `fixed` whatever is asked.
fn fixed(bytes: &'static [u8]) -> impl Fn(&Request) -> Vec<u8> + Send + Sync + Clone {
    move |_| bytes.to_vec()
}

#[test]
fn requests_reach_the_origin_as_the_original_sends_them() {
    each([
        ("get", &b"GET /a?b=c HTTP/1.1\r\nHost: ex.com\r\n\r\n"[..]),
        ("get-mixed-case", b"GET / HTTP/1.1\r\nHOST: ex.com\r\nX-One: 1\r\nx-TWO: 2\r\nX-One: 3\r\n\r\n"),
        ("get-http10", b"GET / HTTP/1.0\r\n\r\n"),
        ("get-http10-keep-alive", b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"),
        ("get-close", b"GET / HTTP/1.1\r\nHost: ex.com\r\nConnection: close\r\n\r\n"),
        ("get-absolute", b"GET http://ex.com/p HTTP/1.1\r\nHost: ex.com\r\n\r\n"),
        ("get-no-host", b"GET / HTTP/1.1\r\n\r\n"),
        ("get-empty-value", b"GET / HTTP/1.1\r\nHost: ex.com\r\nX-Empty:\r\nX-Blank:   \r\nX-Trim: \t a  b \t\r\n\r\n"),
        ("get-folded", b"GET / HTTP/1.1\r\nHost: ex.com\r\nX-Fold: a\r\n  b\r\n\tc\r\n\r\n"),
        ("get-bare-lf", b"GET / HTTP/1.1\nHost: ex.com\nX: y\n\n"),
        ("get-leading-crlf", b"\r\n\r\nGET / HTTP/1.1\r\nHost: ex.com\r\n\r\n"),
        ("get-with-body", b"GET / HTTP/1.1\r\nHost: ex.com\r\nContent-Length: 3\r\n\r\nabc"),
        ("options-star", b"OPTIONS * HTTP/1.1\r\nHost: ex.com\r\n\r\n"),
        ("unknown-method", b"BREW /pot HTTP/1.1\r\nHost: ex.com\r\n\r\n"),
        ("post-length", b"POST /p HTTP/1.1\r\nHost: ex.com\r\nContent-Length: 5\r\n\r\n12345"),
        ("post-empty", b"POST /p HTTP/1.1\r\nHost: ex.com\r\nContent-Length: 0\r\n\r\n"),
        ("post-same-lengths", b"POST / HTTP/1.1\r\nHost: ex.com\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nab"),
        ("post-chunked", b"POST /p HTTP/1.1\r\nHost: ex.com\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n"),
        ("post-chunk-extension", b"POST / HTTP/1.1\r\nHost: ex.com\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nab\r\n0\r\n\r\n"),
        ("post-length-and-chunked", b"POST / HTTP/1.1\r\nHost: ex.com\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n"),
        ("cookie-and-referer", b"GET / HTTP/1.1\r\nHost: ex.com\r\nCookie: a=b; c=d\r\nReferer: http://r/\r\n\r\n"),
        ("host-port", b"GET / HTTP/1.1\r\nHost: ex.com:8080\r\n\r\n"),
        ("version-12", b"GET / HTTP/1.2\r\nHost: ex.com\r\n\r\n"),
        ("two-hosts-same", b"GET / HTTP/1.1\r\nHost: ex.com\r\nHost: ex.com\r\n\r\n"),
        ("proxy-connection", b"GET / HTTP/1.1\r\nHost: ex.com\r\nProxy-Connection: keep-alive\r\nKeep-Alive: 300\r\n\r\n"),
        ("connection-names-a-header", b"GET / HTTP/1.1\r\nHost: ex.com\r\nConnection: x-hop\r\nX-Hop: 1\r\n\r\n"),
        ("te-header", b"GET / HTTP/1.1\r\nHost: ex.com\r\nTE: trailers, gzip\r\nConnection: te\r\n\r\n"),
        ("high-bytes-in-value", b"GET / HTTP/1.1\r\nHost: ex.com\r\nX-Bytes: \xe9\xff\r\n\r\n"),
    ], |(id, wire)| {
        exchange(id, "", wire, plain);
    });
}

#[test]
fn ambiguous_and_broken_requests_are_refused_alike() {
    each([
        ("bad-http09", &b"GET /\r\n\r\n"[..]),
        ("bad-garbage", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"),
        ("bad-version", b"GET / HTTP/3.0\r\nHost: ex.com\r\n\r\n"),
        ("bad-no-version-digits", b"GET / HTTP/1.x\r\nHost: ex.com\r\n\r\n"),
        ("bad-space-in-path", b"GET /a b HTTP/1.1\r\nHost: ex.com\r\n\r\n"),
        ("bad-fragment", b"GET /a#b HTTP/1.1\r\nHost: ex.com\r\n\r\n"),
        ("bad-header-name-space", b"GET / HTTP/1.1\r\nHost: ex.com\r\nX Y: z\r\n\r\n"),
        ("bad-header-space-colon", b"GET / HTTP/1.1\r\nHost : ex.com\r\n\r\n"),
        ("bad-header-no-colon", b"GET / HTTP/1.1\r\nHost: ex.com\r\nabc\r\n\r\n"),
        ("bad-header-empty-name", b"GET / HTTP/1.1\r\nHost: ex.com\r\n: x\r\n\r\n"),
        ("bad-nul-in-value", b"GET / HTTP/1.1\r\nHost: ex.com\r\nX: a\0b\r\n\r\n"),
        ("bad-cr-alone", b"GET / HTTP/1.1\r\nHost: ex.com\r\nX: a\rb\r\n\r\n"),
        ("bad-two-lengths", b"POST / HTTP/1.1\r\nHost: ex.com\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc"),
        ("bad-length-list", b"POST / HTTP/1.1\r\nHost: ex.com\r\nContent-Length: 2, 3\r\n\r\nabc"),
        ("bad-length-plus", b"POST / HTTP/1.1\r\nHost: ex.com\r\nContent-Length: +3\r\n\r\nabc"),
        ("bad-length-minus", b"POST / HTTP/1.1\r\nHost: ex.com\r\nContent-Length: -3\r\n\r\nabc"),
        ("bad-length-word", b"POST / HTTP/1.1\r\nHost: ex.com\r\nContent-Length: x\r\n\r\nabc"),
        ("bad-length-empty", b"POST / HTTP/1.1\r\nHost: ex.com\r\nContent-Length: \r\n\r\nabc"),
        ("bad-length-huge", b"POST / HTTP/1.1\r\nHost: ex.com\r\nContent-Length: 99999999999999999999\r\n\r\nabc"),
        ("bad-two-hosts", b"GET / HTTP/1.1\r\nHost: a.com\r\nHost: b.com\r\n\r\n"),
        ("bad-authority-mismatch", b"GET http://a.com/ HTTP/1.1\r\nHost: b.com\r\n\r\n"),
        ("bad-host-space", b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n"),
        ("bad-te-unknown", b"POST / HTTP/1.1\r\nHost: ex.com\r\nTransfer-Encoding: zip\r\n\r\nabc"),
        ("bad-te-twice", b"POST / HTTP/1.1\r\nHost: ex.com\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n"),
        ("bad-te-http10", b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        ("bad-chunk-size", b"POST / HTTP/1.1\r\nHost: ex.com\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\nab\r\n0\r\n\r\n"),
        ("bad-chunk-size-huge", b"POST / HTTP/1.1\r\nHost: ex.com\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nab\r\n0\r\n\r\n"),
        ("bad-connect-path", b"CONNECT / HTTP/1.1\r\nHost: ex.com\r\n\r\n"),
        ("bad-h2-preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        ("cut-head", b"GET / HTTP/1.1\r\nHost: e"),
        ("nothing", b""),
    ], |(id, wire)| {
        exchange(id, "", wire, plain);
    });
}

#[test]
fn heads_that_are_too_large_are_refused_alike() {
    let many: String = (0..110).map(|n| format!("X-{n}: y\r\n")).collect();
    let long = "a".repeat(20_000);
    each(
        [
            ("too-many-headers", format!("GET / HTTP/1.1\r\nHost: ex.com\r\n{many}\r\n")),
            ("too-long-header", format!("GET / HTTP/1.1\r\nHost: ex.com\r\nX: {long}\r\n\r\n")),
            ("too-long-path", format!("GET /{long} HTTP/1.1\r\nHost: ex.com\r\n\r\n")),
            ("long-but-fine", format!("GET /{} HTTP/1.1\r\nHost: ex.com\r\n\r\n", &long[..8000])),
        ],
        |(id, wire)| {
            exchange(id, "", wire.as_bytes(), plain);
        },
    );
}

#[test]
fn responses_come_back_as_the_original_passes_them() {
    let get = b"GET / HTTP/1.1\r\nHost: ex.com\r\n\r\n";
    each([
        ("answer-length", &b"HTTP/1.1 200 Fine\r\nSERVER: x\r\nContent-Length: 2\r\n\r\nok"[..]),
        ("answer-no-reason", b"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok"),
        ("answer-chunked", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"),
        ("answer-chunked-trailer", b"HTTP/1.1 200 OK\r\nTrailer: X-T\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-T: 1\r\n\r\n"),
        ("answer-http10-length", b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok"),
        ("answer-204", b"HTTP/1.1 204 No Content\r\nX: y\r\n\r\n"),
        ("answer-304", b"HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\nContent-Length: 9\r\n\r\n"),
        ("answer-302", b"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n"),
        ("answer-404", b"HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnope"),
        ("answer-cookies", b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nSet-Cookie: c=d\r\nContent-Length: 0\r\n\r\n"),
        ("answer-103", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
        ("answer-100", b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
        ("answer-garbage", b"this is no HTTP at all\r\n\r\n"),
        ("answer-bad-length", b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\nok"),
        ("answer-two-lengths", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok"),
        ("answer-bad-status", b"HTTP/1.1 20 OK\r\nContent-Length: 2\r\n\r\nok"),
        ("answer-bad-header", b"HTTP/1.1 200 OK\r\nbad header\r\nContent-Length: 2\r\n\r\nok"),
        ("answer-bad-chunk", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
        ("answer-length-and-chunked", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"),
        ("answer-connection-close", b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"),
        ("answer-upgrade-unasked", b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"),
    ], |(id, answer)| {
        exchange(id, "", get, fixed(answer));
    });
}

#[test]
fn head_requests_have_no_body() {
    each(
        [
            ("head-length", &b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n"[..]),
            ("head-chunked", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
            ("head-nothing", b"HTTP/1.1 200 OK\r\n\r\n"),
        ],
        |(id, answer)| {
            exchange(id, "", b"HEAD / HTTP/1.1\r\nHost: ex.com\r\n\r\n", fixed(answer));
        },
    );
}

#[test]
fn answers_that_end_with_the_connection() {
    each(
        [
            ("until-close", &b"HTTP/1.1 200 OK\r\n\r\nall of it"[..], false),
            ("until-close-http10", b"HTTP/1.0 200 OK\r\n\r\nall of it", false),
            ("closed-at-once", b"", false),
            ("closed-in-the-head", b"HTTP/1.1 200 OK\r\nCont", false),
            ("closed-in-the-body", b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nonly this", false),
            (
                "closed-in-a-chunk",
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n50\r\nonly this",
                false,
            ),
            ("reset-at-once", b"", true),
        ],
        |(id, answer, reset)| {
            assert_same(&format!("http_basic/{id}"), |stage| {
                let origin = Origin::new(move |peer| {
                    if peer.request().is_some() {
                        peer.send(answer);
                        if reset {
                            peer.reset();
                        }
                    }
                });
                stage.start(&Start::with(&SITE.replace("EXTRA", "")).fill("s1", origin.address()));
                let mut client = stage.client("fe");
                let back = client.send("GET / HTTP/1.1\r\nHost: ex.com\r\n\r\n").response();
                stage.note("client got", back);
                note_seen(stage, &origin);
            });
        },
    );
}

#[test]
fn connections_are_kept_and_requests_pipelined() {
    let three = b"GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\nGET /3 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    each(
        [
            ("pipelined", ""),
            ("pipelined-server-close", "option http-server-close"),
            ("pipelined-httpclose", "option httpclose"),
        ],
        |(id, extra)| {
            exchange(id, extra, three, plain);
        },
    );
    each(
        [
            ("kept", ""),
            ("kept-server-close", "option http-server-close"),
            ("kept-httpclose", "option httpclose"),
        ],
        |(id, extra)| {
            assert_same(&format!("http_basic/{id}"), |stage| {
                let origin = Origin::http(plain);
                stage.start(&Start::with(&SITE.replace("EXTRA", extra)).fill("s1", origin.address()));
                let mut client = stage.client("fe");
                for n in 0..3 {
                    let back = client.send(format!("GET /{n} HTTP/1.1\r\nHost: a\r\n\r\n")).response();
                    stage.note("client got", back);
                }
                note_seen(stage, &origin);
            });
        },
    );
}

#[test]
fn a_body_may_be_held_back_until_100_continue() {
    assert_same("http_basic/expect-100", |stage| {
        let origin = Origin::new(|peer| {
            if peer.request_head().is_some() {
                peer.send("HTTP/1.1 100 Continue\r\n\r\n");
                let body = peer.some_bytes();
                peer.send(if body.is_some() { plain(&empty()) } else { Vec::new() });
                peer.hang();
            }
        });
        stage.start(&Start::with(&SITE.replace("EXTRA", "")).fill("s1", origin.address()));
        let mut client = stage.client("fe");
        let head = "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n";
        let first = client.send(head).response();
        stage.note("first", first);
        let second = client.send("body").response();
        stage.note("second", second);
        note_seen(stage, &origin);
    });
}

#[test]
fn an_upgraded_connection_becomes_a_tunnel() {
    assert_same("http_basic/upgrade", |stage| {
        let origin = Origin::new(|peer| {
            if peer.request().is_some() {
                peer.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n");
                while let Some(bytes) = peer.some_bytes() {
                    peer.send(bytes);
                }
            }
        });
        stage.start(&Start::with(&SITE.replace("EXTRA", "")).fill("s1", origin.address()));
        let mut client = stage.client("fe");
        let head = "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n";
        let back = client.send(head).response();
        stage.note("head", back);
        let echo = client.send("ping").bytes(4);
        stage.note("echo", visible(&echo));
        let end = client.finish().to_end();
        stage.note("end", end);
        note_seen(stage, &origin);
    });
}

#[test]
fn without_a_server_the_proxy_answers_itself() {
    let site = "\
defaults
    mode http
    timeout client 1s
    timeout server 200ms
    timeout connect 1s
    timeout http-request 200ms
    retries 0
frontend fe
    bind {listen:fe}
    use_backend slow if { path /slow }
    use_backend refused if { path /refused }
    use_backend none if { path /none }
backend slow
    server s {slow}
backend refused
    server s {closed}
backend none
";
    each(
        [
            ("503-no-backend", "GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
            ("503-no-server", "GET /none HTTP/1.1\r\nHost: a\r\n\r\n"),
            ("503-refused", "GET /refused HTTP/1.1\r\nHost: a\r\n\r\n"),
            ("504-slow", "GET /slow HTTP/1.1\r\nHost: a\r\n\r\n"),
            ("408-late", "GET /slow HTTP/1.1\r\nHost:"),
            ("503-head", "HEAD /none HTTP/1.1\r\nHost: a\r\n\r\n"),
        ],
        |(id, wire)| {
            assert_same(&format!("http_basic/{id}"), |stage| {
                let origin = Origin::new(rha_compat_tests::Peer::hang);
                stage.start(&Start::with(site).fill("slow", origin.address()));
                let back = stage.exchange("fe", wire);
                stage.note("client got", back);
            });
        },
    );
}

#[test]
fn rules_shape_requests_and_responses() {
    let get = b"GET /a/b?x=1&y=2 HTTP/1.1\r\nHost: Ex.com\r\nCookie: k=v\r\nX-In: 1\r\n\r\n";
    each(
        [
            ("rule-deny", "http-request deny"),
            ("rule-deny-status", "http-request deny deny_status 429"),
            ("rule-return", "http-request return status 200 content-type text/plain string hi"),
            (
                "rule-return-lf",
                "http-request return status 201 content-type text/plain lf-string \"%[path] %[method]\" hdr x-a b",
            ),
            ("rule-redirect-location", "http-request redirect location /new"),
            ("rule-redirect-prefix", "http-request redirect prefix https://b.com code 301"),
            ("rule-redirect-scheme", "http-request redirect scheme https code 308"),
            (
                "rule-set-header",
                "http-request set-header x-path \"%[path]\"\n    http-request add-header x-in 2\n    http-request del-header cookie",
            ),
            ("rule-replace-header", "http-request replace-header host (.*)\\.com \\1.org"),
            ("rule-replace-path", "http-request replace-path /a(.*) /z\\1"),
            ("rule-set-path", "http-request set-path /new"),
            ("rule-set-uri", "http-request set-uri /n?q=1"),
            ("rule-set-query", "http-request set-query z=9"),
            ("rule-set-method", "http-request set-method PUT"),
            (
                "rule-set-var",
                "http-request set-var(txn.v) path,upper\n    http-response set-header x-v %[var(txn.v)]",
            ),
            (
                "rule-converters",
                "http-request set-header x-c \"%[req.hdr(host),lower,field(1,.)] %[url_param(y)] %[req.cook(k)] %[query,length]\"",
            ),
            (
                "rule-response-header",
                "http-response set-header x-r %[status]\n    http-response del-header server\n    http-response add-header x-mixed-case no",
            ),
            ("rule-response-deny", "http-response deny if { status 200 }"),
            ("rule-response-status", "http-response set-status 418 reason \"Tea\""),
            (
                "rule-acl-order",
                "acl a path_beg /a\n    acl b hdr(host) -i ex.com\n    http-request deny deny_status 401 if a !b\n    http-request deny deny_status 403 if a b",
            ),
            ("rule-or", "http-request deny if { path /x } or { path_end /b }"),
            ("rule-forwardfor", "option forwardfor"),
            ("rule-forwardfor-header", "option forwardfor header X-Client"),
            ("rule-monitor", "monitor-uri /a/b"),
            ("rule-redirect-legacy", "redirect location /old if { path_beg /a }"),
            ("rule-after-response", "http-after-response set-header x-after 1"),
            ("rule-tcp-content-reject", "tcp-request content reject"),
            ("rule-tcp-connection-reject", "tcp-request connection reject"),
            (
                "rule-errorfile",
                "http-error status 403 content-type text/plain string no\n    http-request deny",
            ),
            ("rule-unique-id", "unique-id-format fixed\n    unique-id-header x-id"),
        ],
        |(id, extra)| {
            exchange(id, extra, get, plain);
        },
    );
}

fn empty() -> Request {
    Request { connection: 0, head: Vec::new(), body: Vec::new() }
}

#[test]
fn tcp_response_rules_see_http_too() {
    let delay = "tcp-response inspect-delay 400ms\n    ";
    each(
        [
            ("reject", "tcp-response content reject".to_owned(), "/"),
            ("reject-status", format!("{delay}tcp-response content reject if {{ status 200 }}"), "/"),
            ("no-delay", "tcp-response content reject if { status 200 }".to_owned(), "/"),
            ("close", format!("{delay}tcp-response content close if {{ status 200 }}"), "/"),
            ("too-late", format!("{delay}tcp-response content reject unless {{ status 200 }}"), "/hang"),
        ],
        |(id, extra, path)| {
            assert_same(&format!("http_basic/tcp-response-{id}"), |stage| {
                let sink = Sink::udp();
                let origin = Origin::new(|peer| {
                    while let Some(r) = peer.request() {
                        if r.head.starts_with(b"GET /hang") {
                            peer.hang();
                            return;
                        }
                        peer.send(plain(&r));
                    }
                });
                let site = format!(
                    "global\n    log {{log}} local0\n{}",
                    SITE.replace("EXTRA", "log global\n    option httplog")
                        .replace("backend be\n    server", &format!("backend be\n    {extra}\n    server"))
                );
                stage.start(&Start::with(&site).log_to(&sink).fill("s1", origin.address()));
                let mut client = stage.client("fe");
                let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
                let back = client.send(request).to_end();
                stage.note("client got", back);
                let line = sink.line_with(" fe be/");
                stage.note_log("log", &line);
            });
        },
    );
}

/// A page that may change servers, one that may not, and one behind rules.
const STATS: &str = "\
global
    log {log} local0
    stats socket {tmp}/cli.sock level admin
defaults
    mode http
    log global
    option httplog
    timeout client 5s
    timeout server 5s
    timeout connect 5s
frontend st
    bind {listen:st}
    stats enable
    stats uri /s
    stats admin if TRUE
frontend shut
    bind {listen:shut}
    stats enable
    stats uri /s
    stats admin if { src 192.0.2.1 }
frontend rules
    bind {listen:rules}
    stats enable
    stats uri /s
    stats http-request deny if { path_sub x }
    stats http-request auth unless { hdr(a) b }
frontend users
    bind {listen:users}
    stats enable
    stats uri /s
    stats auth me:word
    stats realm My\\ page
backend be
    server s1 {s1}
    server s2 {s1}
";

#[test]
fn the_statistics_page_changes_servers() {
    assert_same("http_basic/stats-admin", |stage| {
        let sink = Sink::udp();
        let origin = Origin::http(plain);
        stage.start(&Start::with(STATS).log_to(&sink).fill("s1", origin.address()));
        for (front, form) in [
            ("st", "s=s1&action=maint&b=be"),
            ("st", "s=s1&s=s2&action=drain&b=%23no"),
            ("st", "s=s1&s=nobody&action=drain&b=be"),
            ("st", "s=nobody&action=ready&b=be"),
            ("st", "action=ready&b=be"),
            ("st", "s=s1&action=fly&b=be"),
            ("st", "b=be&action=ready&s=s1"),
            ("st", "s=s1&action=disable&b=be"),
            ("st", "s=s1&action=disable&b=be"),
            ("st", "s=s1&action=enable&b=be"),
            ("st", "s=s1&action=hdown&b=be"),
            ("st", "s=s1&action=hrunn&b=be"),
            ("st", "s=s1&action=dhlth&b=be"),
            ("st", "s=s1&action=shutdown&b=be"),
            ("shut", "s=s1&action=maint&b=be"),
        ] {
            let length = form.len();
            let request = format!(
                "POST /s HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{form}"
            );
            let back = stage.client(front).send(request).to_end();
            stage.note(form, back);
            let line = sink.line_with("POST /s");
            stage.note_log("log", &line);
            let states = stage.cli("show servers state be");
            let state = states.lines().find(|l| l.contains(" s1 ")).unwrap_or_default();
            let words: Vec<_> = state.split(' ').skip(5).take(2).collect();
            stage.note("operational and administrative state", words.join(" "));
        }
    });
}

#[test]
fn the_statistics_page_is_guarded() {
    assert_same("http_basic/stats-guard", |stage| {
        let sink = Sink::udp();
        let origin = Origin::http(plain);
        stage.start(&Start::with(STATS).log_to(&sink).fill("s1", origin.address()));
        for (front, line) in
            [("rules", "GET /s"), ("rules", "GET /sx"), ("users", "GET /s"), ("users", "PUT /s")]
        {
            let request = format!("{line} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
            let back = stage.client(front).send(request).to_end();
            stage.note(line, back);
            let logged = sink.line_with(line);
            stage.note_log("log", &logged);
        }
        for (front, field) in [("rules", "a: b"), ("users", "authorization: Basic bWU6d29yZA==")] {
            let request = format!("GET /s;csv HTTP/1.1\r\nHost: a\r\n{field}\r\nConnection: close\r\n\r\n");
            let back = stage.client(front).send(request).to_end();
            stage.note(field, visible(back.body.get(..15).unwrap_or_default()));
        }
    });
}

/// Answers by path: nothing, rubbish, silence, a status, or a page.
fn moody(peer: &mut rha_compat_tests::Peer) {
    while let Some(r) = peer.request() {
        let path = r.head.split(|c| *c == b' ').nth(1).unwrap_or_default();
        match path {
            b"/empty" => return,
            b"/junk" => {
                peer.send("rubbish\r\n\r\n");
                return;
            }
            b"/hang" => {
                peer.hang();
                return;
            }
            b"/503" => peer.send("HTTP/1.1 503 No\r\nContent-Length: 2\r\n\r\nno"),
            b"/404" => peer.send("HTTP/1.1 404 No\r\nContent-Length: 2\r\n\r\nno"),
            _ => peer.send(plain(&r)),
        };
    }
}

#[test]
fn requests_are_sent_again_after_bad_answers() {
    let all = "retry-on all-retryable-errors";
    each(
        [
            ("empty", "retry-on empty-response", "GET /empty"),
            ("empty-elsewhere", "retry-on empty-response\n    option redispatch 1", "GET /empty"),
            ("junk", "retry-on junk-response", "GET /junk"),
            ("junk-unasked", "retry-on empty-response", "GET /junk"),
            ("status", "retry-on 404 503", "GET /404"),
            ("status-unasked", all, "GET /404"),
            ("hang", "retry-on response-timeout\n    timeout server 200ms\n    retries 1", "GET /hang"),
            ("all-elsewhere", "retry-on all-retryable-errors\n    option redispatch", "GET /503"),
            ("all-post", "retry-on all-retryable-errors\n    option redispatch 1", "POST /503"),
            ("disabled", "retry-on 503\n    http-request disable-l7-retry if METH_POST", "POST /503"),
            ("none", "retry-on none", "GET /503"),
        ],
        |(id, extra, line)| {
            assert_same(&format!("http_basic/retry-{id}"), |stage| {
                let sink = Sink::udp();
                let (one, two) = (Origin::new(moody), Origin::http(plain));
                let site = SITE.replace("EXTRA", "log global\n    option httplog").replace(
                    "be\n    server s1 {s1}",
                    &format!("be\n    {extra}\n    server s1 {{s1}}\n    server s2 {{s2}} backup"),
                );
                let two_servers = extra.contains("redispatch");
                let site = if two_servers { site.replace(" backup", "") } else { site };
                let start = Start::with(&format!("global\n    log {{log}} local0\n{site}")).log_to(&sink);
                stage.start(&start.fill("s1", one.address()).fill("s2", two.address()));
                let request = format!(
                    "{line} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc"
                );
                let back = stage.client("fe").send(request).to_end();
                stage.note("client got", back);
                let logged = sink.line_with(" fe be/");
                stage.note_log("log", &logged);
                stage.note("tries", one.take_all().len());
            });
        },
    );
}

#[test]
fn connections_are_dropped_without_a_word() {
    let site = "\
global
    log {log} local0
defaults
    log global
    timeout client 5s
    timeout server 5s
    timeout connect 5s
listen http
    mode http
    option httplog
    bind {listen:http}
    http-request silent-drop if { path /drop }
    http-response silent-drop
    server s1 {s1}
listen tcp
    mode tcp
    option tcplog
    bind {listen:tcp}
    tcp-request inspect-delay 2s
    tcp-request content silent-drop if { req.len gt 5 }
    server s1 {s1}
";
    each(
        [("request", "http", "/drop"), ("response", "http", "/"), ("tcp", "tcp", "/")],
        |(id, front, path)| {
            assert_same(&format!("http_basic/silent-drop-{id}"), |stage| {
                let sink = Sink::udp();
                let origin = Origin::http(plain);
                stage.start(&Start::with(site).log_to(&sink).fill("s1", origin.address()));
                let mut client = stage.client(front);
                client.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n"));
                let line = sink.line_with(&format!(" {front} {front}/"));
                stage.note_log("log", &line);
                // Where the kernel lets it, the client is told nothing.
                let back = client.patience(std::time::Duration::from_millis(300)).to_end();
                stage.note("bytes", back.body.len());
            });
        },
    );
}

#[test]
fn header_names_go_out_as_old_peers_want_them() {
    let site = "\
global
    h1-case-adjust content-length Content-LENGTH
    h1-case-adjust-file {tmp}/names
defaults
    mode http
    timeout client 5s
    timeout server 5s
    timeout connect 5s
listen both
    bind {listen:both}
    option h1-case-adjust-bogus-client
    option h1-case-adjust-bogus-server
    http-send-name-header X-Srv
    http-request early-hint x-hint 1 if { path /hint }
    http-request redirect location /x code 302 if { path /redirect }
    http-request deny if { path /deny }
    server first {s1}
listen name
    bind {listen:name}
    http-send-name-header host
    server first {s1}
";
    for (front, path) in
        [("both", "/"), ("both", "/hint"), ("both", "/redirect"), ("both", "/deny"), ("name", "/")]
    {
        assert_same(&format!("http_basic/case-{front}-{}", path.trim_matches('/')), |stage| {
            stage.file(
                "names",
                "# some\nhost HOST\n  x-srv   X-SRV \n\nconnection COnnection\nx-hint X-HINT\n",
            );
            let origin = Origin::http(plain);
            stage.start(&Start::with(site).fill("s1", origin.address()));
            let request =
                format!("GET {path} HTTP/1.1\r\nhost: a\r\nx-srv: mine\r\nx: y\r\nConnection: close\r\n\r\n");
            let back = stage.client(front).send(request).to_end();
            stage.note("client got", back);
            note_seen(stage, &origin);
        });
    }
}

#[test]
fn variables_of_the_process_are_shared() {
    let site = "\
global
    set-var proc.number int(5)
    set-var proc.sum var(proc.number),add(2)
    set-var-fmt proc.text \"n=%[var(proc.number)]\"
    set-var proc.flag bool(true)
    set-var proc.net ipv4(192.0.2.1)
defaults
    mode http
    timeout client 5s
    timeout server 5s
    timeout connect 5s
frontend fe
    bind {listen:fe}
    http-request set-var(proc.number) var(proc.number),add(1) if { path /add }
    http-request set-var(proc.new) str(here) if { path /new }
    http-request unset-var(proc.text) if { path /unset }
    http-request set-var-fmt(proc.text) \"now %[var(proc.number)]\" if { path /text }
    http-request return status 200 content-type text/plain lf-string \"%[var(proc.number)] %[var(proc.sum)] %[var(proc.text)] %[var(proc.flag)] %[var(proc.net)] [%[var(proc.new)]] %[var(proc.none,0)]\" if { var(proc.number) -m int ge 5 }
";
    assert_same("http_basic/variables-process", |stage| {
        stage.start(&Start::with(site));
        for path in ["/", "/add", "/", "/new", "/add", "/unset", "/text", "/"] {
            let request = format!("GET {path} HTTP/1.1\r\nhost: a\r\nConnection: close\r\n\r\n");
            let back = stage.client("fe").send(request).to_end();
            stage.note(path, back);
        }
    });
}

#[test]
fn a_hash_of_anything_balances() {
    assert_same("http_basic/balance-hash", |stage| {
        let (one, two) = (Origin::named("one"), Origin::named("two"));
        let site = SITE.replace("EXTRA", "").replace(
            "backend be\n    server s1 {s1}",
            "backend be\n    balance hash path,lower\n    server s1 {s1}\n    server s2 {s2}",
        );
        stage.start(&Start::with(&site).fill("s1", one.address()).fill("s2", two.address()));
        for n in 0..8 {
            let request = format!("GET /Path{n} HTTP/1.1\r\nhost: a\r\nConnection: close\r\n\r\n");
            let back = stage.client("fe").send(request).response();
            stage.note("server", back.text());
        }
    });
}

/// Five digits of base 64 for a date, as persistence cookies carry it.
fn cookie_date(seconds_ago: i64) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let n = (i64::try_from(now).unwrap() - seconds_ago) >> 2;
    (0..5).rev().map(|i| char::from(DIGITS[usize::try_from(n >> (6 * i) & 63).unwrap()])).collect()
}

#[test]
fn persistence_cookies_grow_old() {
    let (now, old, ahead) = (cookie_date(0), cookie_date(5000), cookie_date(-100_000));
    let soon = cookie_date(-60);
    each(
        [
            ("none", "maxidle 1h", String::new()),
            ("idle-fresh", "maxidle 1h", format!("two|{soon}")),
            ("idle-seen", "maxidle 1h", format!("two|{}", cookie_date(100))),
            ("idle-expired", "maxidle 1h", format!("two|{old}")),
            ("idle-ahead", "maxidle 1h", format!("two|{ahead}")),
            ("idle-undated", "maxidle 1h", "two".to_owned()),
            ("life-fresh", "maxlife 1h", format!("two|{soon}|{now}")),
            ("life-old", "maxlife 1h", format!("two|{soon}|{old}")),
            ("life-undated", "maxlife 1h", "two".to_owned()),
            ("both", "maxidle 1h maxlife 2h", format!("two|{old}|{}", cookie_date(6000))),
            ("unasked", "", format!("two|{soon}|{now}")),
            ("broken", "maxidle 1h maxlife 2h", "two|abc|=====x".to_owned()),
        ],
        |(id, options, cookie)| {
            assert_same(&format!("http_basic/cookie-dates-{id}"), |stage| {
                let sink = Sink::udp();
                let (one, two) = (Origin::named("one"), Origin::named("two"));
                let servers = format!(
                    "backend be\n    cookie SRV insert indirect nocache {options}\n    server s1 {{s1}} cookie one\n    server s2 {{s2}} cookie two"
                );
                let site = SITE
                    .replace("EXTRA", "log global\n    option httplog")
                    .replace("backend be\n    server s1 {s1}", &servers);
                let start = Start::with(&format!("global\n    log {{log}} local0\n{site}")).log_to(&sink);
                stage.start(&start.fill("s1", one.address()).fill("s2", two.address()));
                let field =
                    if cookie.is_empty() { String::new() } else { format!("Cookie: SRV={cookie}\r\n") };
                let request = format!("GET / HTTP/1.1\r\nhost: a\r\n{field}Connection: close\r\n\r\n");
                let back = stage.client("fe").send(request).to_end();
                // Dates of now differ between two runs.
                let text = visible(&back.body);
                let dated = |line: &str| {
                    let words: Vec<_> = line
                        .split('|')
                        .map(|w| {
                            if w.len() > 5 && w.is_char_boundary(5) {
                                format!("<date>{}", w.get(5..).unwrap_or_default())
                            } else {
                                "<date>".to_owned()
                            }
                        })
                        .collect();
                    if line.contains("set-cookie") {
                        format!(
                            "{}|{}",
                            line.split('|').next().unwrap_or_default(),
                            words.get(1..).unwrap_or_default().join("|")
                        )
                    } else {
                        line.to_owned()
                    }
                };
                stage.note("client got", text.lines().map(dated).collect::<Vec<_>>().join("\n"));
                let line = sink.line_with(" fe be/");
                stage.note_log("log", &line);
            });
        },
    );
}

#[test]
fn cookies_are_computed_from_addresses() {
    assert_same("http_basic/cookie-dynamic", |stage| {
        let sink = Sink::udp();
        // An address that is the same for both subjects, since the cookie is made from it; who answers there, if
        // anybody does, does not matter.
        let site = "\
global
    log {log} local0
defaults
    mode http
    log global
    timeout client 5s
    timeout server 1s
    timeout connect 1s
    retries 0
listen fe
    bind {listen:fe}
    log-format \"persistence:%tsc\"
    cookie SRV insert dynamic
    dynamic-cookie-key a-secret
    server far 127.0.0.1:9204
    server own 127.0.0.1:9204 cookie mine
";
        stage.start(&Start::with(site).log_to(&sink));
        for cookie in ["mine", "962e194bbc1b4c2d", "962e194bbc1b4c2e"] {
            let request =
                format!("GET / HTTP/1.1\r\nhost: a\r\nCookie: SRV={cookie}\r\nConnection: close\r\n\r\n");
            let _ = stage.client("fe").send(request).to_end();
            let line = sink.line_with("persistence:");
            let letters = line.rsplit(':').next().unwrap_or_default();
            stage.note(cookie, letters.get(2..3).unwrap_or_default());
        }
    });
}

#[test]
fn requests_are_redirected_to_their_server() {
    each(
        [
            ("get", "http://other/x", "GET /p?q=1"),
            ("head", "http://other", "HEAD /p"),
            ("post", "http://other", "POST /p"),
            ("slash", "/", "GET /p"),
            ("absolute", "http://other", "GET http://a/p?q"),
        ],
        |(id, prefix, line)| {
            assert_same(&format!("http_basic/redir-{id}"), |stage| {
                let sink = Sink::udp();
                let origin = Origin::http(plain);
                let site = SITE
                    .replace("EXTRA", "log global\n    option httplog")
                    .replace("server s1 {s1}", &format!("server s1 {{s1}} redir {prefix}"));
                let start = Start::with(&format!("global\n    log {{log}} local0\n{site}")).log_to(&sink);
                stage.start(&start.fill("s1", origin.address()));
                let request =
                    format!("{line} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
                let back = stage.client("fe").send(request).to_end();
                stage.note("client got", back);
                let logged = sink.line_with(" fe be/");
                stage.note_log("log", &logged);
                stage.note("requests at the server", origin.take_all().len());
            });
        },
    );
}

#[test]
fn some_connections_bring_a_proxy_header() {
    let rules = [
        ("expected", "tcp-request connection expect-proxy layer4 if { src 127.0.0.0/8 }"),
        ("unexpected", "tcp-request connection expect-proxy layer4 if { src 192.0.2.1 }"),
    ];
    each(rules, |(id, rule)| {
        assert_same(&format!("http_basic/expect-proxy-{id}"), |stage| {
            let origin = Origin::http(plain);
            let extra = format!(
                "{rule}\n    tcp-request session reject if {{ src 192.0.2.7 }}\n    http-request set-header x-from %[src]:%[src_port]-%[dst]:%[fc_rcvd_proxy]"
            );
            stage.start(&Start::with(&SITE.replace("EXTRA", &extra)).fill("s1", origin.address()));
            let request = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
            for from in ["192.0.2.5", "192.0.2.7"] {
                let header = if id == "expected" {
                    format!("PROXY TCP4 {from} 192.0.2.9 1234 80\r\n")
                } else {
                    String::new()
                };
                let back = stage.client("fe").send(header + request).to_end();
                stage.note("client got", back);
            }
            if id == "expected" {
                for seen in origin.take_all() {
                    stage.note("origin saw", visible(&seen.head));
                }
            }
        });
    });
}
