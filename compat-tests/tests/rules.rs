//! Actions of rules: edits that do not fit, hints, waits, normal forms of targets, order in queues.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

use rha_compat_tests::{Gate, Origin, Request, Sink, Stage, Start, assert_same, body_text, each, visible};

const SITE: &str = "\
global
    expose-experimental-directives
defaults
    mode http
    log {log} local0
    option httplog
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

fn old(stage: &Stage) -> bool {
    let out = stage.command().arg("-v").output().expect("-v");
    String::from_utf8_lossy(&out.stdout).contains("version 2.")
}

fn start(stage: &mut Stage, rules: &str, origin: &Origin) -> Sink {
    let sink = Sink::udp();
    let rules = rules.replace('\n', "\n    ");
    stage.start(&Start::with(&SITE.replace("EXTRA", &rules)).fill("s1", origin.address()).log_to(&sink));
    sink
}

/// One request with these rules in the frontend: what came back, what went on, what was logged.
fn exchange(
    id: &str,
    rules: &str,
    wire: &[u8],
    answer: impl Fn(&Request) -> Vec<u8> + Send + Sync + Clone + 'static,
) {
    assert_same(&format!("rules/{id}"), |stage| {
        let origin = Origin::http(answer.clone());
        let sink = start(stage, rules, &origin);
        let mut client = stage.client("fe");
        client.send(wire).finish();
        let back = client.to_end();
        stage.note("client got", back);
        for r in origin.take_all() {
            stage.note("origin saw", format!("{}{}", visible(&r.head), body_text(&r.head, &r.body)));
        }
        stage.note_log("log", &sink.line());
    });
}

fn plain(_: &Request) -> Vec<u8> {
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello".to_vec()
}

/// A field that fits a buffer once, and not twice.
fn big() -> String {
    "b".repeat(9000)
}

const GET: &[u8] = b"GET /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

#[test]
fn edits_of_requests_that_do_not_fit() {
    let wire =
        format!("GET /x HTTP/1.1\r\nHost: a\r\nBig: {}\r\nX-Old: 1\r\nConnection: close\r\n\r\n", big());
    each(["on", "off"], |mode| {
        each(
            [
                ("set-header", "http-request set-header x-old %[req.hdr(big)]"),
                ("add-header", "http-request add-header x-old %[req.hdr(big)]"),
                ("replace-header", "http-request replace-header x-old .* %[req.hdr(big)]"),
                ("set-uri", "http-request set-uri /%[req.hdr(big)]"),
                ("set-query", "http-request set-query %[req.hdr(big)]"),
                ("set-method", "http-request set-method %[req.hdr(big)]"),
            ],
            |(name, rule)| {
                let rules =
                    format!("http-request strict-mode {mode}\n{rule}\nhttp-request set-header x-new 1");
                exchange(&format!("strict-{mode}-{name}"), &rules, wire.as_bytes(), plain);
            },
        );
    });
    exchange("strict-by-default", "http-request set-header x %[req.hdr(big)]", wire.as_bytes(), plain);
    // The mode ends with the set of rules: the backend's own are strict again.
    assert_same("rules/strict-of-each-set", |stage| {
        let origin = Origin::http(plain);
        let sink = Sink::udp();
        let site = SITE.replace("EXTRA", "http-request strict-mode off")
            + "    http-request set-header x %[req.hdr(big)]\n";
        stage.start(&Start::with(&site).fill("s1", origin.address()).log_to(&sink));
        let back = stage.exchange("fe", &wire);
        stage.note("client got", back);
        stage.note_log("log", &sink.line());
    });
}

#[test]
fn edits_of_responses_that_do_not_fit() {
    let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nBig: {}\r\n\r\nhello", big());
    each(["http-response", "http-after-response"], |set| {
        each(["on", "off"], |mode| {
            let rules = format!(
                "{set} strict-mode {mode}\n{set} set-header x-a 1\n{set} set-header x-b %[res.hdr(big)]\n{set} set-header x-c 1"
            );
            let answer = answer.clone();
            exchange(&format!("strict-{mode}-{set}"), &rules, GET, move |_: &Request| {
                answer.clone().into_bytes()
            });
        });
    });
}

#[test]
fn failed_edits_are_counted() {
    assert_same("rules/strict-counted", |stage| {
        let origin = Origin::http(plain);
        let sink = Sink::udp();
        let socket = "global\n    stats socket {tmp}/cli.sock level admin\n";
        let site = SITE.replace("global\n", socket).replace(
            "EXTRA",
            "http-request strict-mode off if { path /soft }\n    http-request set-header x %[req.hdr(big)]",
        );
        stage.start(&Start::with(&site).fill("s1", origin.address()).log_to(&sink));
        for path in ["/soft", "/hard", "/hard"] {
            let wire =
                format!("GET {path} HTTP/1.1\r\nHost: a\r\nBig: {}\r\nConnection: close\r\n\r\n", big());
            stage.exchange("fe", wire);
            let _ = sink.line();
        }
        let csv = stage.cli("show stat");
        let names: Vec<&str> = csv.lines().next().unwrap_or_default().split(',').collect();
        for row in csv.lines().skip(1).filter(|l| !l.is_empty()) {
            let values: Vec<&str> = row.split(',').collect();
            let of = |name: &str| {
                let at = names.iter().position(|n| n.trim_start_matches("# ") == name).unwrap();
                format!("{name}={} ", values[at])
            };
            let all: String = ["pxname", "svname", "wrew", "eint", "ereq", "dreq", "hrsp_5xx"]
                .into_iter()
                .map(of)
                .collect();
            stage.note("counters", all);
        }
    });
}

#[test]
fn early_hints() {
    each(
        [
            ("hint", "http-request early-hint Link </a>"),
            ("hints-together", "http-request early-hint Link </a>\nhttp-request early-hint X-B b"),
            (
                "hints-apart",
                "http-request early-hint Link </a>\nhttp-request set-header x y\nhttp-request early-hint X-B b",
            ),
            (
                "hints-condition",
                "http-request early-hint Link </a>\nhttp-request early-hint X-B b if { path /x }\nhttp-request early-hint X-C c",
            ),
            ("hint-return", "http-request early-hint Link </a>\nhttp-request return status 200"),
            ("hint-deny", "http-request early-hint Link </a>\nhttp-request deny"),
            ("hint-redirect", "http-request early-hint Link </a>\nhttp-request redirect location /y"),
        ],
        |(id, rules)| {
            exchange(id, rules, GET, plain);
        },
    );
    exchange("hint-http10", "http-request early-hint Link </a>", b"GET /x HTTP/1.0\r\n\r\n", plain);
}

#[test]
fn responses_wait_for_their_body() {
    const RULES: &str =
        "http-response wait-for-body time 1s\nhttp-response set-header x-body %[res.body_len]-%[res.body]";
    each(
        [
            ("wait-length", &b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"[..]),
            ("wait-empty", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
            ("wait-none", b"HTTP/1.1 204 No Content\r\n\r\n"),
            ("wait-chunked", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n"),
            ("wait-late", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello"),
        ],
        |(id, answer)| {
            exchange(id, RULES, GET, move |_: &Request| answer.to_vec());
        },
    );
    assert_same("rules/wait-two-parts", |stage| {
        let gate = Gate::new();
        let held = gate.clone();
        let origin = Origin::new(move |peer| {
            if peer.request().is_some() {
                peer.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
                let _ = held.wait();
                peer.send("world");
                peer.hang();
            }
        });
        let rules = RULES.replace("1s", "4s at-least 10");
        let sink = start(stage, &rules, &origin);
        let mut client = stage.client("fe");
        client.send(GET);
        let _ = origin.next();
        gate.open();
        let back = client.to_end();
        stage.note("client got", back);
        stage.note_log("log", &sink.line());
    });
}

#[test]
fn normal_forms_of_targets() {
    const TARGETS: &[&str] = &[
        "/",
        "//a///b/?x=//",
        "/a/./b/.",
        "/a/../b/..",
        "/../../a",
        "/a/b/../../../c?d=/../",
        "/%2f%7e%41?%c3%zz",
        "/?b=1&a=2&c&a=1&",
        "*",
        "http://a/x/../y/./z?b&a",
        "/.",
        "/a/..b/.c",
    ];
    each(
        [
            "path-merge-slashes",
            "path-strip-dot",
            "path-strip-dotdot",
            "path-strip-dotdot full",
            "query-sort-by-name",
            "percent-to-uppercase",
            "percent-to-uppercase strict",
            "percent-decode-unreserved",
            "percent-decode-unreserved strict",
            "fragment-strip",
            "fragment-encode",
        ],
        |how| {
            assert_same(&format!("rules/normalize-{}", how.replace(' ', "-")), |stage| {
                if old(stage) && how.starts_with("fragment") {
                    stage.note("unknown", "since 2.8");
                    return;
                }
                let origin = Origin::http(plain);
                let rules = format!("http-request normalize-uri {how}");
                let sink = start(stage, &rules, &origin);
                for target in TARGETS.iter().copied() {
                    let method = if target == "*" { "OPTIONS" } else { "GET" };
                    let wire = format!("{method} {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
                    let back = stage.exchange("fe", wire);
                    stage.note(target, back.lines().next().unwrap_or_default());
                    for r in origin.take_all() {
                        stage.note(target, visible(&r.head).lines().next().unwrap_or_default());
                    }
                    stage.note_log("log", &sink.line());
                }
            });
        },
    );
}

/// Requests that queue for one slot, in the order in which they get it.
#[test]
fn priorities_in_queues() {
    assert_same("rules/priority-order", |stage| {
        let gate = Gate::new();
        let held = gate.clone();
        let origin = Origin::http(move |r: &Request| {
            if r.head.starts_with(b"GET /first") {
                let _ = held.wait();
            }
            plain(r)
        });
        let rules = "http-request set-priority-class req.hdr(class)\nhttp-request set-priority-offset req.hdr(offset)";
        let socket = "global\n    stats socket {tmp}/cli.sock level admin\n";
        let site = SITE
            .replace("global\n", socket)
            .replace("server s1 {s1}", "server s1 {s1} maxconn 1\n    timeout queue 9s")
            .replace("option httplog", "log-format \"%HU %[prio_class] %[prio_offset]\"")
            .replace("EXTRA", &rules.replace('\n', "\n    "));
        let sink = Sink::udp();
        stage.start(&Start::with(&site).fill("s1", origin.address()).log_to(&sink));
        let mut first = stage.client("fe");
        first.send("GET /first HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        let _ = origin.next();
        let mut waiting = Vec::new();
        for (i, (class, offset)) in [
            ("0", "0"),
            ("0", "-90000"),
            ("1", "-99999"),
            ("-1", "99999"),
            ("0", "90000"),
            ("99999", "-9999999"),
            ("x", "y"),
        ]
        .into_iter()
        .enumerate()
        {
            let mut client = stage.client("fe");
            client.send(format!(
                "GET /{i} HTTP/1.1\r\nHost: a\r\nClass: {class}\r\nOffset: {offset}\r\nConnection: close\r\n\r\n"
            ));
            waiting.push(client);
            let wanted = format!("BACKEND,{},", i + 1);
            let queued = |stage: &Stage| {
                stage.cli("show stat").lines().any(|l| l.starts_with("be,") && l.contains(&wanted))
            };
            let from = std::time::Instant::now();
            while !queued(stage) && from.elapsed() < rha_compat_tests::PATIENCE {
                std::thread::yield_now();
            }
        }
        gate.open();
        first.to_end();
        for client in &mut waiting {
            client.to_end();
        }
        for _ in 0..8 {
            stage.note_log("log", &sink.line());
        }
        for r in origin.take_all() {
            stage.note("served", visible(&r.head).lines().next().unwrap_or_default());
        }
    });
}

/// No original at hand knows `pause`: ours holds a request and a response for the times that are written.
#[test]
fn pauses() {
    rha_compat_tests::ours_alone(|stage| {
        let origin = Origin::http(plain);
        let sink = Sink::udp();
        let rules = "http-request pause 150ms\n    http-response pause int(150)\n    http-response set-header x-after 1";
        let start = Start::with(&SITE.replace("EXTRA", rules)).env("RHAP_COMPAT", "3.5");
        stage.start(&start.fill("s1", origin.address()).log_to(&sink));
        let from = std::time::Instant::now();
        let mut client = stage.client("fe");
        let back = client.send(GET).to_end().to_string();
        assert!(back.contains("x-after: 1"), "{back}");
        assert!(from.elapsed() >= std::time::Duration::from_millis(300), "{:?}", from.elapsed());
    });
}
