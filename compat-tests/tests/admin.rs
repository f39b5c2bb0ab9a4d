//! The runtime socket under traffic: frontends paused and stopped, statistics column by column, sessions
//! closed, settings changed.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

use std::net::TcpStream;

use rha_compat_tests::{Client, Origin, Sink, Stage, Start, assert_same, log_line};

const FRONTS: &str = "\
global
    stats socket {tmp}/cli.sock level admin
    log {log} local0
defaults
    mode http
    log global
    timeout client 5s
    timeout server 5s
    timeout connect 5s
frontend fe
    bind {listen:fe}
    http-request return status 200 content-type text/plain string hi
frontend own
    bind {port:own}
    http-request return status 200 content-type text/plain string hi
listen both
    bind {port:both}
    http-request return status 200 content-type text/plain string hi
";

const ONE: &str = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
const KEPT: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/// What somebody who connects now is told.
fn visit(stage: &Stage, front: &str) -> String {
    match TcpStream::connect(stage.at(front)) {
        Err(e) => format!("{:?}", e.kind()),
        Ok(_) => {
            let mut client = stage.client(front);
            client.send(ONE).response().status().to_string()
        }
    }
}

/// One field of a line of `show stat`.
fn field(stage: &Stage, proxy: &str, server: &str, column: &str) -> String {
    let csv = stage.cli("show stat");
    let mut lines = csv.lines().map(|l| l.split(',').collect::<Vec<_>>());
    let names = lines.next().unwrap();
    let at = names.iter().position(|n| n.trim_start_matches("# ") == column).unwrap();
    let row = lines.find(|l| l.first() == Some(&proxy) && l.get(1) == Some(&server)).unwrap();
    row[at].to_owned()
}

/// Runs commands and notes what they answer.
fn commands(stage: &mut Stage, list: &[&str]) {
    for command in list {
        let answer = stage.cli(command);
        stage.note(command, answer);
    }
}

#[test]
fn clients_see_frontends_pause_and_stop() {
    assert_same("admin/frontend-clients", |stage| {
        let log = Sink::udp();
        stage.start(&Start::with(FRONTS).args(&["-db", "-dr"]).log_to(&log));
        stage.note("before", visit(stage, "fe") + &visit(stage, "own"));
        for front in ["own", "both"] {
            let mut kept = stage.client(front);
            stage.note("kept", kept.send(KEPT).response().status());
            commands(stage, &[&format!("disable frontend {front}"), &format!("disable frontend {front}")]);
            stage.note_log("log", &log.line_with("Paused"));
            stage.note("status", field(stage, front, "FRONTEND", "status"));
            stage.note("a new one while paused", visit(stage, front));
            stage.note("kept while paused", kept.send(KEPT).response().status());
            commands(stage, &[&format!("enable frontend {front}"), &format!("enable frontend {front}")]);
            stage.note_log("log", &log.line_with("Resumed"));
            stage.note("a new one after", visit(stage, front));
            commands(stage, &[&format!("shutdown frontend {front}"), &format!("shutdown frontend {front}")]);
            let line = log_line(&log.line_with("stopped"));
            stage.note("log", line.split("(cum").next().unwrap_or_default());
            stage.note("status", field(stage, front, "FRONTEND", "status"));
            stage.note("a new one when stopped", visit(stage, front));
            stage.note("kept when stopped", kept.send(KEPT).response().status());
            commands(stage, &[&format!("enable frontend {front}"), &format!("disable frontend {front}")]);
        }
        let listeners = |stage: &Stage| {
            let info = stage.cli("show info");
            info.lines().find(|l| l.starts_with("Listeners")).unwrap_or_default().to_owned()
        };
        stage.note("listeners", listeners(stage));
    });
}

#[test]
fn a_socket_shared_with_others_keeps_its_clients_waiting() {
    assert_same("admin/paused-inherited", |stage| {
        let log = Sink::udp();
        stage.start(&Start::with(FRONTS).args(&["-db", "-dr"]).log_to(&log));
        stage.note("before", visit(stage, "fe"));
        let before = field(stage, "fe", "FRONTEND", "conn_tot");
        commands(stage, &["disable frontend fe"]);
        let mut waiting: Vec<Client> = (0..3).map(|_| stage.client("fe")).collect();
        for client in &mut waiting {
            client.send(ONE);
        }
        stage.note("nobody is let in", field(stage, "fe", "FRONTEND", "conn_tot") == before);
        commands(stage, &["enable frontend fe"]);
        for client in &mut waiting {
            stage.note("answered in the end", client.response().status());
        }
    });
}

const BUSY: &str = "\
global
    stats socket {tmp}/cli.sock level admin
    maxconn 100
    node here
    description a test
defaults
    mode http
    timeout client 5s
    timeout server 5s
    timeout connect 5s
    retries 1
frontend fe
    bind {listen:fe}
    http-request deny if { path /denied }
    http-request redirect location /elsewhere if { path /moved }
    http-response deny if { res.hdr(x-bad) -m found }
    use_backend refusing if { path /refused }
    use_backend empty if { path /nobody }
    default_backend be
backend be
    balance roundrobin
    cookie SRV insert indirect
    server s1 {s1} cookie one weight 10 maxconn 5
    server s2 {s2} cookie two weight 20 check inter 1h maxqueue 3
    server s3 {s1} backup disabled
backend refusing
    balance leastconn
    server gone {gone}
backend empty
    balance source
listen tcp
    mode tcp
    bind {listen:tcp}
    server t1 {t1}
frontend stats
    bind {listen:stats}
    stats enable
    stats uri /stats
frontend off
    bind {listen:off}
    disabled
";

/// Plays some of everything, each connection to its end, so that all of it is counted.
fn traffic(stage: &mut Stage) {
    let request =
        |line: &str, rest: &str| format!("{line} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{rest}\r\n");
    for (line, rest, body) in [
        ("GET /", "", ""),
        ("GET /", "", ""),
        ("HEAD /", "", ""),
        ("GET /cookie", "Cookie: SRV=two\r\n", ""),
        ("POST /", "Content-Length: 11\r\n", "hello world"),
        ("GET /missing", "", ""),
        ("GET /broken", "", ""),
        ("GET /bad-header", "", ""),
        ("GET /cut", "", ""),
        ("GET /denied", "", ""),
        ("GET /moved", "", ""),
        ("GET /refused", "", ""),
        ("GET /nobody", "", ""),
        ("GET /nothing-like\tit", "", ""),
    ] {
        let mut client = stage.client("fe");
        client.send(request(line, rest)).send(body);
        let back = client.to_end();
        stage.note(line, back.text().lines().next().unwrap_or_default());
    }
    let mut client = stage.client("fe");
    for _ in 0..3 {
        stage.note("kept", client.send(KEPT).response().status());
    }
    client.finish().to_end();
    let mut client = stage.client("tcp");
    client.send(ONE).finish();
    stage.note("tcp", client.to_end().text().lines().next().unwrap_or_default());
    drop(client);
    let deadline = std::time::Instant::now() + rha_compat_tests::PATIENCE;
    // what is counted at the end of a session is counted then
    while ["fe", "tcp"].iter().any(|front| field(stage, front, "FRONTEND", "scur") != "0") {
        assert!(std::time::Instant::now() < deadline, "sessions that do not end");
    }
}

fn origin(name: &'static str) -> Origin {
    Origin::new(move |peer| {
        while let Some(request) = peer.request() {
            let path =
                String::from_utf8_lossy(&request.head).split(' ').nth(1).unwrap_or_default().to_owned();
            let head = |status: &str, more: &str| {
                format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n{more}\r\n", name.len())
            };
            let (answer, more) = match path.as_str() {
                "/missing" => (head("404 Not Found", "") + name, true),
                "/bad-header" => (head("200 OK", "x-bad: 1\r\n") + name, true),
                "/broken" => ("nonsense\r\n\r\n".to_owned(), false),
                "/cut" => ("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\ncut".to_owned(), false),
                _ if request.head.starts_with(b"HEAD") => (head("200 OK", ""), true),
                _ => (head("200 OK", "") + name, true),
            };
            if !peer.send(answer) || !more {
                return;
            }
        }
    })
}

fn busy(id: &str, drive: impl Fn(&mut Stage)) {
    assert_same(&format!("admin/{id}"), |stage| {
        let (one, two, tcp) = (origin("one"), origin("second"), Origin::named("tcp"));
        let gone = Origin::named("gone");
        gone.kill();
        let start = Start::with(BUSY)
            .fill("gone", gone.address())
            .fill("s1", one.address())
            .fill("s2", two.address());
        stage.start(&start.fill("t1", tcp.address()));
        traffic(stage);
        drive(stage);
    });
}

/// Columns that depend on time or on the host.
const TIMED: &[&str] = &[
    "lastchg",
    "downtime",
    "rate",
    "rate_max",
    "req_rate",
    "req_rate_max",
    "conn_rate",
    "conn_rate_max",
    "lastsess",
    "qtime",
    "ctime",
    "rtime",
    "ttime",
    "qtime_max",
    "ctime_max",
    "rtime_max",
    "ttime_max",
    "check_duration",
];

/// Columns known to differ, each with an entry among the behaviours of known-gaps.toml.
const APPROXIMATE: &[&str] = &["h1_bytes_in", "h1_bytes_out"];

#[test]
fn every_column_counts_the_same() {
    busy("columns-csv", |stage| {
        let csv = stage.cli("show stat");
        let mut lines = csv.lines();
        let names: Vec<_> = lines.next().unwrap().trim_start_matches("# ").split(',').collect();
        for line in lines.filter(|l| !l.is_empty()) {
            let values: Vec<_> = line.split(',').collect();
            let of_quic = |n: &str| ["h3_", "quic_", "qpack_", "pack_"].iter().any(|p| n.starts_with(p));
            let told = names
                .iter()
                .zip(&values)
                .filter(|(n, _)| !TIMED.contains(n) && !APPROXIMATE.contains(n) && !of_quic(n));
            let text: String = told.map(|(n, v)| format!("{n}={v}\n")).collect();
            stage.note(&format!("{}/{}", values[0], values[1]), text);
        }
    });
}

/// Lines `name:tags:type:value` of the typed form, those of other columns only without their value.
fn typed(text: &str) -> String {
    let line = |line: &str| {
        let name = line.split('.').nth(4).unwrap_or_default();
        let timed = TIMED.contains(&name) || APPROXIMATE.contains(&name);
        match line.rsplit_once(':') {
            Some((head, _)) if timed => format!("{head}:<n>\n"),
            _ => format!("{line}\n"),
        }
    };
    text.lines().map(line).collect()
}

#[test]
fn listeners_have_lines_of_their_own() {
    assert_same("admin/socket-stats", |stage| {
        let (one, two) = (origin("one"), origin("second"));
        let site = BUSY.replace(
            "frontend fe\n    bind {listen:fe}",
            "frontend fe\n    option socket-stats\n    bind {listen:fe} name first maxconn 7\n    bind {listen:more}",
        );
        let start = Start::with(&site).fill("s1", one.address()).fill("s2", two.address());
        stage.start(&start.fill("t1", "127.0.0.1:1").fill("gone", "127.0.0.1:1"));
        for path in ["/", "/denied", "/broken", "/cut", "/a\tb"] {
            for front in ["fe", "more", "more"] {
                let mut client = stage.client(front);
                client.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
                client.to_end();
            }
        }
        let mut kept = stage.client("more");
        stage.note("kept", kept.send(KEPT).response().status());
        let deadline = std::time::Instant::now() + rha_compat_tests::PATIENCE;
        while field(stage, "fe", "FRONTEND", "scur") != "1" {
            assert!(std::time::Instant::now() < deadline, "sessions that do not end");
        }
        let csv = stage.cli("show stat fe 8 -1");
        let names: Vec<_> = csv.lines().next().unwrap().split(',').collect();
        for line in csv.lines().skip(1).filter(|l| !l.is_empty()) {
            let told = names.iter().zip(line.split(',')).filter(|(n, _)| !TIMED.contains(n) && **n != "addr");
            stage.note("listener", told.map(|(n, v)| format!("{n}={v}\n")).collect::<String>());
        }
    });
}

#[test]
fn typed_and_json_forms_are_the_same() {
    busy("columns-typed", |stage| {
        let text = stage.cli("show stat typed");
        stage.note("typed", typed(&text));
        let one = stage.cli("show stat be 2 -1 typed");
        stage.note("one", typed(&one));
    });
    busy("columns-json", |stage| {
        let text = stage.cli("show stat json");
        let mut parsed: serde_json::Value = serde_json::from_str(text.trim()).unwrap();
        for field in parsed.as_array_mut().unwrap().iter_mut().flat_map(|o| o.as_array_mut().unwrap()) {
            let name = field["field"]["name"].as_str().unwrap().to_owned();
            if TIMED.contains(&name.as_str()) || APPROXIMATE.contains(&name.as_str()) {
                field["value"]["value"] = "<n>".into();
            }
        }
        let lines: Vec<_> = parsed
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|o| o.as_array().unwrap())
            .map(ToString::to_string)
            .collect();
        stage.note("json", lines.join("\n"));
        stage.note("ends", text.len() - text.trim_end().len());
    });
}

/// Lines of `show info` that depend on time, on the machine, or on how memory and tasks are kept.
const INFO: &[&str] = &[
    "Name",
    "Version",
    "Release_date",
    "Pid",
    "Uptime",
    "Uptime_sec",
    "Ulimit-n",
    "Maxsock",
    "Hard_maxconn",
    "PoolAlloc_MB",
    "PoolUsed_MB",
    "PoolAlloc_bytes",
    "PoolUsed_bytes",
    "Start_time_sec",
    "Build info",
    "Tasks",
    "Run_queue",
    "Idle_pct",
    "ConnRate",
    "MaxConnRate",
    "SessRate",
    "MaxSessRate",
    "TotalBytesOut",
    "BytesOutRate",
    "Nbthread",
    "Maxpipes",
    "BootTime_ms",
    // the runtime API's own connections count too, and there are as many as it took to see the traffic end
    "CumConns",
    "CumReq",
    "CumStreams",
];

#[test]
fn commands_count_as_connections_and_requests() {
    assert_same("admin/info-own", |stage| {
        stage.start(
            &Start::with(BUSY)
                .fill("s1", "127.0.0.1:1")
                .fill("s2", "127.0.0.1:1")
                .fill("gone", "127.0.0.1:1")
                .fill("t1", "127.0.0.1:1"),
        );
        let mut client = stage.client("fe");
        stage.note(
            "denied",
            client.send("GET /denied HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").response().status(),
        );
        let _ = client.end();
        for _ in 0..2 {
            let info = stage.cli("show info");
            let of = |name: &str| info.lines().find(|l| l.starts_with(name)).unwrap_or_default().to_owned();
            for name in ["CumConns", "CumReq", "CurrConns", "Jobs", "Listeners"] {
                stage.note(name, of(name));
            }
        }
    });
}

#[test]
fn information_is_the_same_in_every_form() {
    let plain = |text: &str| {
        let line = |line: &str| match line.split_once(": ") {
            Some((name, _)) if INFO.contains(&name) => format!("{name}: <n>\n"),
            _ => format!("{line}\n"),
        };
        text.lines().map(line).collect::<String>()
    };
    busy("info-text", |stage| {
        let info = stage.cli("show info");
        stage.note("info", plain(&info));
        let described = stage.cli("show info desc");
        let names = described.lines().map(|l| l.split(':').next().unwrap_or_default()).collect::<Vec<_>>();
        stage.note("desc", names.join("\n"));
    });
    busy("info-typed", |stage| {
        let info = stage.cli("show info typed");
        let line = |line: &str| {
            let name = line.split('.').nth(1).unwrap_or_default();
            match line.rsplit_once(':') {
                Some((head, _)) if INFO.contains(&name) => format!("{head}:<n>\n"),
                _ => format!("{line}\n"),
            }
        };
        stage.note("typed", info.lines().map(line).collect::<String>());
    });
    busy("info-json", |stage| {
        let text = stage.cli("show info json");
        let mut parsed: serde_json::Value = serde_json::from_str(text.trim()).unwrap();
        for field in parsed.as_array_mut().unwrap() {
            let name = field["field"]["name"].as_str().unwrap().to_owned();
            if INFO.contains(&name.as_str()) {
                field["value"]["value"] = "<n>".into();
            }
        }
        let lines: Vec<_> = parsed.as_array().unwrap().iter().map(ToString::to_string).collect();
        stage.note("json", lines.join("\n"));
        let floats = stage.cli("show info float");
        stage.note("float", plain(&floats));
    });
}

const CHECKED: &str = "\
global
    stats socket {tmp}/cli.sock level admin
    log {log} local0
defaults
    mode http
    log global
    timeout client 5s
    timeout server 5s
    timeout connect 5s
frontend fe
    bind {listen:fe}
    default_backend be
backend be
    server s1 {s1} check inter 100ms rise 1 fall 1
    server s2 {s1} check port 98 addr 127.0.0.7 disabled
    server s3 {s1}
    server s4 {s1} agent-check agent-inter 100ms agent-port 97 agent-addr 127.0.0.9
    server s5 localhost:81
";

/// `show servers state` without times, and without what a check in flight changes.
fn states(answer: &str) -> String {
    let row = |line: &str| {
        let mut fields: Vec<_> = line.split(' ').collect();
        if fields.len() > 20 && !line.starts_with('#') {
            (fields[4], fields[9], fields[18]) = ("<address>", "<t>", "<port>");
        }
        fields.join(" ")
    };
    answer.lines().map(|l| row(l) + "\n").collect()
}

#[test]
fn an_operator_sends_checks_elsewhere() {
    assert_same("admin/check-aims", |stage| {
        let log = Sink::udp();
        let (mut one, other) = (Origin::named("one"), Origin::named("other"));
        let agent = Origin::new(|peer| {
            let said = peer.some_bytes().unwrap_or_default();
            peer.send(if said.starts_with(b"half") { "50%\n" } else { "100%\n" });
        });
        stage.start(&Start::with(CHECKED).args(&["-db", "-dr"]).log_to(&log).fill("s1", one.address()));
        stage.note("serves", visit(stage, "fe"));
        let state = stage.cli("show servers state");
        let fixed = |text: &str| {
            text.lines().filter(|l| !l.contains(" s4 ")).map(|l| l.to_owned() + "\n").collect::<String>()
        };
        stage.note("written", states(&fixed(&state)));
        commands(
            stage,
            &[
                "set server be/s1 check-addr",
                "set server be/s1 check-addr nonsense",
                "set server be/s1 check-addr 127.0.0.8 port x",
                "set server be/s1 check-port",
                "set server be/s1 check-port x",
                "set server be/s1 check-port 70000",
                "set server be/s3 check-port 5",
                "set server be/s3 check-addr 127.0.0.1",
                "set server be/s3 agent-addr 127.0.0.1",
                "set server be/s3 agent-port 5",
                "set server be/s3 agent-send x",
                "set server be/s3 agent up",
                "enable agent be/s3",
                "enable agent be/s4",
                "disable agent be/none",
                "set server be/s4 agent nonsense",
                "set server be/s4 agent-port",
                "set server be/s3 fqdn",
                "set server be/s3 fqdn other",
                "set server be/s3 ssl on",
            ],
        );
        one.kill();
        stage.note_log("down", &log.line_with("s1 is DOWN"));
        let port = other.address().port();
        let to = format!("set server be/s1 check-addr {} port {port}", other.address().ip());
        stage.note("elsewhere", stage.cli(&to));
        stage.note_log("up", &log.line_with("s1 is UP"));
        one.come_back();
        let at = agent.address();
        stage
            .note("agent", stage.cli(&format!("set server be/s4 agent-addr {} port {}", at.ip(), at.port())));
        stage.note("agent's line", stage.cli("set server be/s4 agent-send half"));
        let deadline = std::time::Instant::now() + rha_compat_tests::PATIENCE;
        while !field(stage, "be", "s4", "agent_status").ends_with("CHECKED") {
            assert!(
                std::time::Instant::now() < deadline,
                "no agent is heard: {}",
                field(stage, "be", "s4", "agent_status")
            );
        }
        for column in [
            "weight",
            "uweight",
            "agent_code",
            "agent_desc",
            "agent_rise",
            "agent_fall",
            "agent_health",
            "last_agt",
        ] {
            stage.note(column, field(stage, "be", "s4", column));
        }
    });
}

#[test]
fn limits_are_worked_out_alike() {
    let plain = FRONTS.replace("    log {log} local0\n", "").replace("    log global\n", "");
    for (id, more) in
        [("", ""), ("-threads", "    nbthread 3\n"), ("-written", "    maxconn 77\n    ulimit-n 1000\n")]
    {
        assert_same(&format!("admin/info-automatic{id}"), |stage| {
            stage.start(&Start::with(&plain.replace("global\n", &format!("global\n{more}"))));
            stage.note("serves", visit(stage, "fe"));
            let info = stage.cli("show info");
            for name in ["Ulimit-n", "Maxsock", "Maxconn", "Hard_maxconn", "Nbthread"] {
                let line = info.lines().find(|l| l.starts_with(&format!("{name}:"))).unwrap_or_default();
                stage.note(name, line);
            }
        });
    }
}

#[test]
fn connections_beyond_a_rate_wait_for_the_next_second() {
    let plain = FRONTS.replace("    log {log} local0\n", "").replace("    log global\n", "");
    for (id, from, to) in [
        ("front", "frontend fe\n", "frontend fe\n    rate-limit sessions 5\n"),
        ("connections", "global\n", "global\n    maxconnrate 5\n"),
        ("sessions", "global\n", "global\n    maxsessrate 5\n"),
    ] {
        assert_same(&format!("admin/rates-{id}"), |stage| {
            stage.start(&Start::with(&plain.replacen(from, to, 1)));
            let mut clients: Vec<_> = (0..12).map(|_| stage.client("fe")).collect();
            for client in &mut clients {
                client.send(ONE);
            }
            let begun = std::time::Instant::now();
            let answers: Vec<_> = clients.iter_mut().map(|c| c.response().status().to_string()).collect();
            stage.note("all are served", answers.join(" "));
            stage.note("not in the same second", begun.elapsed() > std::time::Duration::from_millis(900));
            commands(
                stage,
                &[
                    "set rate-limit",
                    "set rate-limit connections global",
                    "set rate-limit nonsense global 5",
                    "set rate-limit connections global 50",
                    "set rate-limit sessions global 60",
                ],
            );
            let info = stage.cli("show info");
            for name in ["ConnRateLimit", "SessRateLimit"] {
                stage.note(name, info.lines().find(|l| l.starts_with(name)).unwrap_or_default());
            }
            stage.note("rate_lim", field(stage, "fe", "FRONTEND", "rate_lim"));
        });
    }
}
