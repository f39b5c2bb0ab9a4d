//! The runtime socket: streams, bad messages, variables, and what a connection says of itself.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

use rha_compat_tests::{Origin, Sink, Stage, Start, assert_same, each, ours_alone};

const SITE: &str = "\
global
    stats socket {tmp}/cli.sock level admin
    log {log} local0
defaults
    log global
    timeout client 30s
    timeout server 30s
    timeout connect 5s
    timeout queue 30s
frontend web
    mode http
    option httplog
    bind {listen:web}
    use_backend full if { path /full }
    default_backend pages
backend pages
    mode http
    server s1 {s1}
backend full
    mode http
    server s1 {s1} maxconn 1
frontend raw
    mode tcp
    option tcplog
    bind {listen:raw}
    default_backend bytes
backend bytes
    mode tcp
    server s1 {s1}
";

/// Starts the site with a server that takes a request and is silent, or echoes the first bytes.
fn site(stage: &mut Stage, origin: &Origin, sink: &Sink) {
    start(stage, &Start::with(SITE).fill("s1", origin.address()).log_to(sink));
}

/// Starts it and waits until its socket is there.
fn start(stage: &mut Stage, how: &Start) {
    stage.start(how);
    let path = stage.folder().join("cli.sock");
    let limit = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while std::os::unix::net::UnixStream::connect(&path).is_err() && std::time::Instant::now() < limit {
        std::thread::yield_now();
    }
}

/// A server that says `hello` to raw connections and is silent otherwise.
fn silent() -> Origin {
    Origin::new(|peer| {
        if let Some(bytes) = peer.some_bytes() {
            if bytes.starts_with(b"raw") {
                peer.send("hello");
            } else if bytes.starts_with(b"GET /part") {
                peer.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
            }
            peer.hang();
        }
    })
}

/// The streams of a frontend as `show sess` lists them: its line's first fields, without the socket's own.
fn listed(stage: &Stage, front: &str) -> Vec<(String, String)> {
    let line = |l: &str| {
        let mut fields = l.split_whitespace();
        let id = fields.next()?.strip_suffix(':')?.to_owned();
        let shown: Vec<_> = fields
            .take(7)
            .map(|f| if f.starts_with("src=127.") { "src=<client>" } else { f })
            .filter(|f| !f.starts_with("ts=") && !f.starts_with("epoch="))
            .collect();
        shown.contains(&format!("fe={front}").as_str()).then(|| (id, shown.join(" ")))
    };
    stage.cli("show sess").lines().filter_map(line).collect()
}

/// Waits until so many streams of a frontend are listed.
fn wait_for(stage: &Stage, front: &str, n: usize) -> Vec<(String, String)> {
    let limit = std::time::Instant::now() + std::time::Duration::from_secs(20);
    loop {
        let all = listed(stage, front);
        if all.len() == n || std::time::Instant::now() > limit {
            assert_eq!(all.len(), n, "{all:?}");
            return all;
        }
        std::thread::yield_now();
    }
}

#[test]
fn streams_are_listed() {
    assert_same("sess/list", |stage| {
        let (origin, sink) = (silent(), Sink::udp());
        site(stage, &origin, &sink);
        stage.note("none", wait_for(stage, "web", 0).len());
        let mut web = stage.client("web");
        web.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n");
        let mut half = stage.client("web");
        half.send("GET /half HTTP/1.1\r\nHo");
        let mut raw = stage.client("raw");
        raw.send("raw");
        let _ = raw.bytes(5);
        let _ = origin.next();
        for front in ["web", "raw"] {
            for (_, line) in wait_for(stage, front, 1) {
                stage.note(front, line);
            }
        }
    });
    assert_same("sess/one", |stage| {
        let (origin, sink) = (silent(), Sink::udp());
        site(stage, &origin, &sink);
        let mut web = stage.client("web");
        web.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n");
        let id = wait_for(stage, "web", 1).remove(0).0;
        let all = stage.cli(&format!("show sess {id}"));
        stage.note("is it", all.starts_with(&format!("{id}: [")));
        for line in all.lines().filter(|l| ["  frontend=", "  server="].iter().any(|s| l.starts_with(s))) {
            stage.note("line", line);
        }
        let backend = all.lines().find(|l| l.starts_with("  backend=")).unwrap_or_default();
        stage.note("backend", backend.split(" addr=").next().unwrap_or_default());
        let many = stage.cli("show sess all");
        stage.note("all", many.matches("  frontend=web ").count());
        for command in
            ["show sess 0x1", "shutdown session", "shutdown session 0x1", "shutdown session nonsense"]
        {
            let answer = stage.cli(command);
            stage.note(command, answer);
        }
    });
}

#[test]
fn old_streams_are_picked() {
    if rha_compat_tests::Program::original().is_some_and(|p| p.version.starts_with("2.")) {
        return;
    }
    assert_same("sess/older", |stage| {
        let (origin, sink) = (silent(), Sink::udp());
        site(stage, &origin, &sink);
        let mut web = stage.client("web");
        web.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n");
        let _ = wait_for(stage, "web", 1);
        for command in ["show sess older 0", "show sess older 0s", "show sess older 1h", "show sess susp"] {
            let answer = stage.cli(command);
            stage.note(command, answer.matches("  frontend=web ").count());
        }
        for command in ["show sess older", "show sess older x"] {
            let answer = stage.cli(command);
            stage.note(command, answer);
        }
    });
}

/// A stream is ended by its number: what the client sees, and what is logged.
fn ended(id: &str, front: &str, request: &str, first: usize) {
    assert_same(&format!("sess/{id}"), |stage| {
        let (origin, sink) = (silent(), Sink::udp());
        site(stage, &origin, &sink);
        let mut client = stage.client(front);
        client.send(request);
        if first > 0 {
            let _ = client.bytes(first);
        }
        let stream = wait_for(stage, front, 1).remove(0);
        if !stream.1.contains("srv=s1") {
            let _ = origin.next();
        }
        let answer = stage.cli(&format!("shutdown session {}", stream.0));
        stage.note("answer", answer);
        let rest = client.to_end();
        stage.note("rest", rha_compat_tests::visible(&rest.body));
        let line = sink.line_with(&format!(" {front} "));
        stage.note_log("log", &line);
        stage.note("left", wait_for(stage, front, 0).len());
    });
}

#[test]
fn streams_are_ended() {
    each(
        [
            ("end-wait", "web", "GET /wait HTTP/1.1\r\nHost: a\r\n\r\n", 0),
            ("end-body", "web", "GET /part HTTP/1.1\r\nHost: a\r\n\r\n", 43),
            ("end-raw", "raw", "raw", 5),
        ],
        |(id, front, request, first)| ended(id, front, request, first),
    );
}

// DIFFERS: 2.6 lets a queued stream wait for its time all the same, 3.0 ends one of HTTP only, without an answer.
#[test]
fn queued_streams_are_ended_at_once() {
    ours_alone(|stage| {
        let (origin, sink) = (silent(), Sink::udp());
        site(stage, &origin, &sink);
        let mut first = stage.client("web");
        first.send("GET /full HTTP/1.1\r\nHost: a\r\n\r\n");
        let holder = wait_for(stage, "web", 1).remove(0).0;
        let mut second = stage.client("web");
        second.send("GET /full HTTP/1.1\r\nHost: a\r\n\r\n");
        let queued = wait_for(stage, "web", 2).into_iter().find(|(id, _)| *id != holder).unwrap();
        assert_eq!(stage.cli(&format!("shutdown session {}", queued.0)), "\n");
        let end = rha_compat_tests::visible(&second.to_end().body);
        assert!(end.starts_with("HTTP/1.1 503 "), "{end}");
        let line = sink.line_with(" full/<NOSRV> ");
        assert!(line.contains(" 503 ") && line.contains(" K"), "{line}");
        assert_eq!(wait_for(stage, "web", 1)[0].0, holder);
    });
}

/// `show errors` without dates and what depends on the parser's insides.
fn shown_errors(answer: &str) -> String {
    let mut out = String::new();
    let inside = |l: &&str| l.contains("H1 connection flags") || l.contains("H1 chunk len");
    for line in answer.lines().filter(|l| !inside(l)) {
        let line = line.split(", H1 msg flags").next().unwrap_or_default();
        let line = match (line.find('['), line.find(']')) {
            (Some(a), Some(b)) if a < b => format!("{}[<date>]{}", &line[..a], &line[b + 1..]),
            _ => line.to_owned(),
        };
        let line = line.split(", src ").next().unwrap_or_default();
        let line = match line.find(" free,") {
            Some(_) => "  buffer",
            None => line,
        };
        let line = match (line.find("wraps at "), line.find(", error at")) {
            (Some(a), Some(b)) => format!("{}{}", &line[..a], &line[b..]),
            _ => line.to_owned(),
        };
        out += line.trim_end();
        out.push('\n');
    }
    out
}

#[test]
fn bad_messages_are_kept() {
    assert_same("errors/none", |stage| {
        let (origin, sink) = (silent(), Sink::udp());
        site(stage, &origin, &sink);
        for command in ["show errors", "show errors nope", "show errors web", "show errors 2 request"] {
            let answer = stage.cli(command);
            stage.note(command, shown_errors(&answer));
        }
    });
    each(
        [
            ("request-name", "GET /x HTTP/1.1\r\nHost: a\r\nBa d: x\r\n\r\n"),
            ("request-value", "GET /x HTTP/1.1\r\nHost: a\r\nA: x\ry\r\n\r\n"),
            ("request-length", "GET /x HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n"),
            ("request-method", "G=T /x HTTP/1.1\r\nHost: a\r\n\r\n"),
            ("request-target", "GET /\x01x HTTP/1.1\r\nHost: a\r\n\r\n"),
            ("request-version", "GET /x HTTP/1.x\r\nHost: a\r\n\r\n"),
            ("request-first", "\x16\x03\x01\r\n\r\n"),
            (
                "request-long",
                "GET /aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n",
            ),
        ],
        |(id, request)| {
            assert_same(&format!("errors/{id}"), |stage| {
                let (origin, sink) = (silent(), Sink::udp());
                site(stage, &origin, &sink);
                let back = stage.client("web").send(request).to_end();
                stage
                    .note("status", rha_compat_tests::visible(&back.body).lines().next().unwrap_or_default());
                for command in
                    ["show errors", "show errors web response", "show errors pages", "show errors -1"]
                {
                    let answer = stage.cli(command);
                    stage.note(command, shown_errors(&answer));
                }
            });
        },
    );
    each(
        [
            ("status", "HTTP/1.1 2x0 OK\r\n\r\n"),
            ("start", "garbage\r\n\r\n"),
            ("name", "HTTP/1.1 200 OK\r\nA: b\r\nBa d: c\r\n\r\n"),
        ],
        |(id, response)| {
            assert_same(&format!("errors/response-{id}"), |stage| {
                let sink = Sink::udp();
                let origin = Origin::new(move |peer| {
                    if peer.request().is_some() {
                        peer.send(response);
                    }
                });
                site(stage, &origin, &sink);
                let mut client = stage.client("web");
                let back = client.send("GET /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").response();
                stage.note("status", back.status());
                for command in ["show errors", "show errors web", "show errors pages request"] {
                    let answer = stage.cli(command);
                    stage.note(command, shown_errors(&answer));
                }
            });
        },
    );
}

#[test]
fn variables_are_shown_and_set() {
    assert_same("vars/commands", |stage| {
        let origin = Origin::named("one");
        start(
            stage,
            &Start::with(
                "\
global
    stats socket {tmp}/cli.sock level admin
    set-var proc.known int(3)
frontend fe
    mode http
    timeout client 5s
    bind {listen:fe}
    http-request return status 200 content-type text/plain lf-string \"%[var(proc.known)]\"
",
            )
            .fill("s1", origin.address()),
        );
        for command in [
            "get var",
            "get var proc.known",
            "get var proc.unknown",
            "get var known",
            "get var txn.x",
            "set var proc.known int(4)",
            "experimental-mode on;set var",
            "experimental-mode on;set var proc.known",
            "experimental-mode on;set var proc.known int(5);get var proc.known",
        ] {
            let answer = stage.cli(command);
            stage.note(command, answer);
        }
        let seen =
            stage.client("fe").send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").response();
        stage.note("rules see", seen.text());
        for command in [
            "set var proc.y expr int(8)",
            "set var proc.y fmt a-%[var(proc.known)]",
            "set var proc.y bool(true)",
            "set var proc.y ipv4(1.2.3.4)",
            "set var proc.y ipv6(::1)",
            "set var proc.y bin(41420a)",
            "set var proc.y meth(GET)",
            "set var proc.y var(proc.known),add(1)",
            "set var proc.y nonsense int(1)",
            "set var proc.y int(",
            "set var proc.y str(a),nope",
            "set var proc.y nope",
            "set var foo int(1)",
            "set var txn.x int(1)",
            "set var proc. int(1)",
        ] {
            let answer = stage.cli(&format!("experimental-mode on;{command};get var proc.y"));
            stage.note(command, answer);
        }
    });
}

#[test]
fn a_connection_has_modes_and_severities() {
    assert_same("talk/modes", |stage| {
        let (origin, sink) = (silent(), Sink::udp());
        site(stage, &origin, &sink);
        for command in [
            "experimental-mode",
            "expert-mode",
            "experimental-mode on;experimental-mode",
            "expert-mode on;expert-mode;expert-mode off;expert-mode",
            "expert-mode on;expert-mode nonsense;expert-mode",
            "set severity-output",
            "set severity-output nonsense",
            "set severity-output number;get weight pages/s1",
            "set severity-output number;get weight pages/none",
            "set severity-output string;get weight none/s1;set severity-output none;get weight x",
            "set severity-output string;show cli level;experimental-mode",
            "set severity-output number;set server pages/s1 state nonsense;set weight pages/s1 300",
            "set severity-output number;set server pages/s1 weight 7;disable frontend none",
            "set severity-output number;set server pages/s1 addr 127.0.0.9",
            "set severity-output number;shutdown frontend web;shutdown frontend web;enable frontend web",
            "set severity-output number;show env NO_SUCH_THING;set timeout cli x;set rate-limit x",
            "set severity-output number;show servers state none;show stat none 1 1;show errors none",
            "set severity-output number;show sess 0x1;shutdown session x;shutdown session 0x1;clear counters",
        ] {
            let answer = stage.cli(command);
            stage.note(command, answer);
        }
    });
    assert_same("talk/levels", |stage| {
        let (origin, sink) = (silent(), Sink::udp());
        site(stage, &origin, &sink);
        for level in ["user", "operator"] {
            for command in [
                "show sess 0x1",
                "shutdown session 0x1",
                "get var proc.x",
                "set var proc.q int(1)",
                "experimental-mode on",
                "expert-mode on",
                "set severity-output none",
                "show startup-logs",
            ] {
                let answer = stage.cli(&format!("{level};{command}"));
                stage.note(&format!("{level}: {command}"), answer);
            }
            let answer = stage.cli(&format!("{level};show errors"));
            stage.note(
                level,
                answer.lines().nth(1).unwrap_or_default().split(" on ").next().unwrap_or_default(),
            );
        }
    });
    assert_same("talk/severity-of-a-socket", |stage| {
        start(
            stage,
            &Start::with(
                "\
global
    stats socket {tmp}/cli.sock level admin severity-output number
    stats socket {tmp}/named.sock level operator severity-output string
frontend fe
    mode http
    timeout client 5s
    bind {listen:fe}
",
            ),
        );
        let answer = stage.cli("get weight x;set severity-output none;get weight x");
        stage.note("number", answer);
        let named = stage.folder().join("named.sock");
        for command in ["get weight x", "show cli level", "enable server x/y"] {
            let answer = rha_compat_tests::cli(&named, command);
            stage.note(command, answer);
        }
    });
}

#[test]
fn names_are_hidden_and_commands_wait() {
    if rha_compat_tests::Program::original().is_some_and(|p| p.version.starts_with("2.")) {
        return;
    }
    assert_same("talk/anon", |stage| {
        let (origin, sink) = (silent(), Sink::udp());
        site(stage, &origin, &sink);
        let names = |answer: &str| {
            let row = |l: &str| l.split(' ').take(4).map(str::to_owned).collect::<Vec<_>>().join(" ") + "\n";
            answer.lines().map(row).collect::<String>()
        };
        for command in [
            "show anon",
            "set anon on 5;show anon",
            "set anon on 0;show anon",
            "set anon on nonsense",
            "set anon on 5x;show anon;set anon off;show anon",
            "set anon global-key 77",
            "show anon",
            "set anon off;show anon",
            "set anon global-key 0;show anon",
        ] {
            let answer = stage.cli(command);
            stage.note(command, answer);
        }
        let answer = stage.cli("set anon on 5;show servers state");
        stage.note("state", names(&answer));
        let mut raw = stage.client("raw");
        raw.send("raw");
        let _ = raw.bytes(5);
        let answer = stage.cli("set anon on 5;show sess");
        let line = answer.lines().find(|l| l.contains("proto=tcpv4")).unwrap_or_default();
        let hidden: Vec<_> =
            line.split(' ').filter(|f| ["fe=", "be=", "srv="].iter().any(|p| f.starts_with(p))).collect();
        stage.note("sess", hidden.join(" "));
    });
    assert_same("talk/wait", |stage| {
        let (origin, sink) = (silent(), Sink::udp());
        site(stage, &origin, &sink);
        for command in [
            "user;wait 1",
            "operator;wait 1",
            "user;set anon on 5;show anon",
            "operator;set anon global-key 3",
            "wait",
            "wait 1",
            "wait 1ms;get weight pages/s1",
            "wait 0",
            "wait x",
            "wait -5",
            "wait -h",
            "wait 1ms nonsense",
            "wait 1ms srv-removable",
            "wait 1ms srv-removable pages",
            "wait 1ms srv-removable pages/none",
            "wait 1ms srv-removable none/s1",
            "wait 9s srv-removable pages/s1",
            "disable server pages/s1;wait 9s srv-removable pages/s1;enable server pages/s1",
            "set severity-output number;wait 1;wait x",
        ] {
            let answer = stage.cli(command);
            stage.note(command, answer);
        }
        let path = stage.folder().join("cli.sock");
        let mut gone = std::os::unix::net::UnixStream::connect(path).unwrap();
        std::io::Write::write_all(&mut gone, b"wait 9h\n").unwrap();
        gone.shutdown(std::net::Shutdown::Write).unwrap();
        let mut answer = String::new();
        std::io::Read::read_to_string(&mut gone, &mut answer).unwrap();
        stage.note("gone", answer);
        let mut raw = stage.client("raw");
        raw.send("raw");
        let _ = raw.bytes(5);
        let answer = stage.cli("disable server bytes/s1;wait 20ms srv-removable bytes/s1");
        stage.note("busy", answer);
    });
}

#[test]
fn what_was_said_at_the_start_can_be_read() {
    assert_same("talk/startup-logs", |stage| {
        start(
            stage,
            &Start::with(
                "\
global
    stats socket {tmp}/cli.sock level admin
frontend fe
    mode http
    bind {listen:fe}
",
            ),
        );
        let answer = stage.cli("show startup-logs");
        let text = |l: &str| l.split_once(") : ").map_or(l, |(_, t)| t).to_owned();
        let own = |l: &str| l.contains("version is") || l.contains("executable is");
        let lines: Vec<_> = answer.lines().map(text).collect();
        stage.note("own", lines.iter().filter(|l| own(l)).count());
        stage.note("others", lines.iter().filter(|l| !own(l)).cloned().collect::<Vec<_>>().join("\n"));
    });
}
