//! The guides' configurations (`fixtures/documents`) under both programs: the same answers, the same
//! failover, the same log lines when a server is killed and returns.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

use std::path::Path;

use rha_compat_tests::{Origin, Signal, Sink, Stage, Start, assert_same};

/// How a document's site is spoken to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wire {
    Http,
    Tcp,
}

/// What is done to a document's site.
struct Case {
    name: &'static str,
    wire: Wire,
    /// Name of the server that is killed, if the document checks its servers.
    first: Option<&'static str>,
}

const CASES: &[Case] = &[
    Case { name: "active-passive", wire: Wire::Http, first: Some("bk_app/s1") },
    Case { name: "tcp-roundrobin", wire: Wire::Tcp, first: None },
    Case { name: "tcp-checked", wire: Wire::Tcp, first: Some("web-test/server1") },
    Case { name: "tcp-inter", wire: Wire::Tcp, first: Some("web-test/server1") },
    Case { name: "tcp-observe", wire: Wire::Tcp, first: Some("web-test/backend1") },
    Case { name: "web-front", wire: Wire::Http, first: Some("web_servers/web01") },
    Case { name: "web-health", wire: Wire::Http, first: Some("web_servers/web01") },
    Case { name: "web-cookie", wire: Wire::Http, first: Some("web_servers/web01") },
    Case { name: "virtual-address", wire: Wire::Http, first: None },
];

/// All at once: they mostly wait for checks at the intervals the guides chose.
#[test]
fn every_document_runs_as_under_the_original() {
    std::thread::scope(|scope| {
        for case in CASES {
            scope.spawn(|| assert_same(&format!("documents/{}", case.name), |stage| play(case, stage)));
        }
    });
}

#[test]
fn every_document_has_a_case() {
    let files = std::fs::read_dir(folder()).unwrap().map(|f| f.unwrap().path());
    let mut names: Vec<_> = files
        .filter(|p| p.extension().is_some_and(|e| e == "cfg"))
        .map(|p| p.file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    let mut cases: Vec<_> = CASES.iter().map(|c| c.name.to_string()).collect();
    names.sort();
    cases.sort();
    assert_eq!(names, cases);
}

fn folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/documents")
}

fn play(case: &Case, stage: &mut Stage) {
    let text = std::fs::read_to_string(folder().join(format!("{}.cfg", case.name))).unwrap();
    let sink = Sink::udp();
    let origin = |name| if case.wire == Wire::Http { Origin::named(name) } else { Origin::echo(name) };
    let mut one = origin("one");
    let (two, three) = (origin("two"), origin("three"));
    let start = Start::with(&text).log_to(&sink);
    stage.start(&start.fill("s1", one.address()).fill("s2", two.address()).fill("s3", three.address()));
    visit(case, stage, &sink, "all there");
    if let Some(server) = case.first {
        one.kill();
        let down = sink.line_with(&format!("{server} is DOWN"));
        stage.note_log("killed", &down);
        visit(case, stage, &sink, "without the first");
        one.come_back();
        let up = sink.line_with(&format!("{server} is UP"));
        stage.note_log("returned", &up);
        visit(case, stage, &sink, "all there again");
    }
    stage.stop(Signal::TERM);
}

/// Four visitors, one after another; who answered them and what was logged.
fn visit(case: &Case, stage: &mut Stage, sink: &Sink, when: &str) {
    for _ in 0..4 {
        let mut client = stage.client("front");
        match case.wire {
            Wire::Http => {
                client.send(
                    "GET /page HTTP/1.1\r\nHost: site\r\nCookie: SERVERID=web01\r\nConnection: close\r\n\r\n",
                );
            }
            Wire::Tcp => {
                let name = client.bytes(4);
                stage.note(when, String::from_utf8_lossy(&name));
                // "option dontlognull" is silent about visitors who say nothing
                let echo = client.send("hi").bytes(2);
                stage.note("echo", String::from_utf8_lossy(&echo));
                client.finish();
            }
        }
        let back = client.to_end();
        if case.wire == Wire::Http {
            stage.note(when, back);
        }
        let line = sink.line_with("]: 127.0.0.1:");
        stage.note_log("log", &line);
    }
}
