//! Scripted checks and checks by a program: what they send, and how their end is told.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

use rha_compat_tests::{Origin, Sink, Stage, Start, assert_same, each};

/// A backend with one server that is checked, every check logged.
fn site(check: &str, server: &str) -> String {
    format!(
        "\
global
    log {{log}} local0
    stats socket {{tmp}}/cli.sock level admin
    set-var proc.word str(proc-word)
    external-check
    insecure-fork-wanted
defaults
    mode http
    log global
    timeout client 5s
    timeout server 5s
    timeout connect 1s
frontend fe
    bind {{listen:fe}}
backend be
    option log-health-checks
{check}
    server s1 {{s1}} id 7 check inter 200ms fall 1 rise 1 {server}
"
    )
}

/// Each answer of a server to one piece that it has got.
fn talker(answers: &'static [&'static str]) -> Origin {
    Origin::new(move |peer| {
        for answer in answers {
            if peer.some_bytes().is_none() {
                return;
            }
            peer.send(answer);
        }
        peer.hang();
    })
}

/// Notes the end of the first check and what the server got during it.
fn first_check(stage: &mut Stage, check: &str, server: &str, origin: &Origin, pieces: usize) {
    first_check_of(stage, &site(check, server), origin, pieces);
}

fn first_check_of(stage: &mut Stage, text: &str, origin: &Origin, pieces: usize) {
    let sink = Sink::udp();
    stage.start(&Start::with(text).log_to(&sink).fill("s1", origin.address()));
    for n in 1..=pieces {
        let got = origin.next();
        let text = [got.head, got.body].concat();
        stage.note(&format!("piece {n}"), rha_compat_tests::visible(&text));
    }
    let line = sink.line_with("Health check for server");
    stage.note_log("told", &line);
}

const TCP: &str = "    mode tcp\n    option tcp-check\n";

#[test]
fn tcp_scripts_set_variables_and_send_them() {
    let cases: [(&str, &str, &'static [&'static str], usize); 9] = [
        (
            "set-var",
            "    tcp-check set-var(check.word) str(hello)\n    tcp-check connect\n    tcp-check send-lf '%[var(check.word),upper] %[be_name] %[srv_name] %[srv_id] %[var(proc.word)]\\n'\n    tcp-check expect string good",
            &["good\n"],
            1,
        ),
        (
            "from-answer",
            "    tcp-check send HELLO\\r\\n\n    tcp-check expect rstring ^220\n    tcp-check set-var(check.banner) res.payload(4,5)\n    tcp-check set-var-fmt(check.both) '%[var(check.banner)]-%[be_id]'\n    tcp-check send-lf 'got %[var(check.both)]'\n    tcp-check expect string-lf 'echo %[var(check.banner)]' on-success 'was %[var(check.both)]'",
            &["220 abcde rest\r\n", "echo abcde"],
            2,
        ),
        (
            "unset-var",
            "    tcp-check set-var(check.a) int(3)\n    tcp-check set-var(sess.b) int(4)\n    tcp-check unset-var(check.a)\n    tcp-check send-lf '<%[var(check.a)]> <%[var(sess.b)]>'\n    tcp-check expect string ok",
            &["ok"],
            1,
        ),
        (
            "binary-lf",
            "    tcp-check set-var(check.x) str(AB)\n    tcp-check send-binary-lf '0a%[var(check.x),hex]' comment odd\n    tcp-check expect binary-lf '%[var(check.x),hex]'",
            &["xxABxx"],
            1,
        ),
        (
            "binary-lf-broken",
            "    tcp-check send-binary-lf '0%[str(g)]'\n    tcp-check expect binary 00",
            &["x"],
            0,
        ),
        (
            "expect-lf-wrong",
            "    tcp-check send ask\n    tcp-check expect string-lf '%[str(yes)]' comment 'the answer' on-error 'got %[res.payload(0,3)] from %[srv_name]'",
            &["nay"],
            1,
        ),
        (
            "status-code",
            "    tcp-check send ask\n    tcp-check expect rstring ^2 status-code res.payload(0,3) error-status L7STS on-error 'bad' tout-status L7TOUT",
            &["512 no\r\n"],
            1,
        ),
        (
            "action-last",
            "    tcp-check send ask\n    tcp-check expect string ok comment fine\n    tcp-check set-var(check.done) bool(true)",
            &["ok"],
            1,
        ),
        (
            "comment",
            "    tcp-check comment 'say hello'\n    tcp-check send ask\n    tcp-check comment 'hear it'\n    tcp-check expect !rstring ^[a-z] min-recv 2",
            &["no"],
            1,
        ),
    ];
    each(cases, |(id, steps, answers, pieces)| {
        assert_same(&format!("checks/tcp-{id}"), |stage| {
            let origin = talker(answers);
            first_check(stage, &format!("{TCP}{steps}"), "", &origin, pieces);
        });
    });
}

#[test]
fn a_script_says_where_it_was_when_time_was_over() {
    let steps = [
        (
            "expect",
            "    tcp-check set-var(check.a) int(1)\n    tcp-check connect\n    tcp-check send ask\n    tcp-check comment here\n    tcp-check expect string-lf '%[var(check.a)]'",
        ),
        ("hex", "    tcp-check expect binary-lf '%[str(00)]' tout-status L6TOUT"),
        ("linger", "    tcp-check connect default linger comment first\n    tcp-check expect rbinary ^00"),
    ];
    each(steps, |(id, steps)| {
        assert_same(&format!("checks/late-{id}"), |stage| {
            let origin = Origin::new(|peer| peer.hang());
            first_check(stage, &format!("{TCP}{steps}"), "", &origin, 0);
        });
    });
}

#[test]
fn http_checks_build_their_requests_from_variables() {
    let cases = [
        (
            "lf",
            "    http-check set-var(check.host) str(ex.com)\n    http-check send meth POST uri-lf '/%[srv_name]' ver HTTP/1.1 hdr Host '%[var(check.host)]' hdr X-Empty '%[var(check.no)]' body-lf 'for %[be_name]'\n    http-check expect status 200 on-success 'fine: %[res.hdr(x-a)]'",
            "HTTP/1.1 200 OK\r\nX-A: yes\r\nContent-Length: 2\r\n\r\nhi",
        ),
        (
            "expect-lf",
            "    http-check set-var(check.want) str(hello)\n    http-check send uri / ver HTTP/1.1 hdr Host a\n    http-check expect string-lf '%[var(check.want)] all' on-error 'status %[status], body %[res.body]'",
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        ),
        (
            "expect-header-lf",
            "    http-check set-var(check.name) str(x-a)\n    http-check send uri / ver HTTP/1.1 hdr Host a\n    http-check expect hdr name-lf '%[var(check.name)]' value-lf -m beg '%[str(ye)]'",
            "HTTP/1.1 200 OK\r\nX-A: no, yes\r\nContent-Length: 0\r\n\r\n",
        ),
        (
            "expect-header-empty",
            "    http-check send uri / ver HTTP/1.1 hdr Host a\n    http-check expect hdr name-lf '%[var(check.name)]' comment unset",
            "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        ),
        (
            "expect-header-regex",
            "    http-check send uri / ver HTTP/1.1 hdr Host a\n    http-check expect fhdr name -m reg ^X- value -m sub 'o, y'",
            "HTTP/1.1 200 OK\r\nX-A: no, yes\r\nContent-Length: 0\r\n\r\n",
        ),
        (
            "status-code",
            "    http-check send uri / ver HTTP/1.1 hdr Host a\n    http-check expect status 200 status-code res.hdr(x-code) on-error 'code from header'",
            "HTTP/1.1 503 No\r\nX-Code: 17\r\nContent-Length: 0\r\n\r\n",
        ),
        (
            "variable-last",
            "    http-check send uri / ver HTTP/1.1 hdr Host a\n    http-check expect rstatus ^2\n    http-check set-var(check.a) status",
            "HTTP/1.1 204 No Content\r\n\r\n",
        ),
        (
            "send-overrides",
            "    http-check send meth OPTIONS ver HTTP/1.0 hdr X-B c",
            "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        ),
    ];
    each(cases, |(id, steps, answer)| {
        assert_same(&format!("checks/http-{id}"), |stage| {
            let origin = Origin::new(move |peer| {
                if peer.request().is_some() {
                    peer.send(answer);
                    peer.hang();
                }
            });
            let check = format!("    option httpchk GET /option HTTP/1.1\n{steps}");
            first_check(stage, &check, "", &origin, 1);
        });
    });
}

#[test]
fn own_lines_take_the_place_of_what_defaults_say() {
    let defaults = "defaults\n    option httpchk GET /d HTTP/1.1\n    http-check send hdr X-A d\n    http-check expect status 204\n";
    each(
        [
            ("nothing", "", 1),
            ("option", "    option httpchk GET /own", 1),
            ("send", "    http-check send hdr X-B own", 1),
            ("expect", "    http-check expect status 200", 0),
            ("expect-option", "    http-check expect status 200\n    option httpchk GET /own", 1),
            ("flag", "    http-check disable-on-404", 1),
        ],
        |(id, check, pieces)| {
            assert_same(&format!("checks/defaults-{id}"), |stage| {
                let origin = talker(&["HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"]);
                let text = site(check, "").replace("defaults\n", defaults);
                first_check_of(stage, &text, &origin, pieces);
            });
        },
    );
}

#[test]
fn a_step_says_where_it_connects_to() {
    let cases = [
        (
            "port-expr",
            "    tcp-check connect port var(proc.port)\n    tcp-check send-lf 'at %[srv_name]'\n    tcp-check expect string ok",
            "",
        ),
        (
            "addr",
            "    tcp-check connect addr {other}\n    tcp-check send addr\n    tcp-check expect string ok",
            "",
        ),
        (
            "default-proxy",
            "    tcp-check connect default\n    tcp-check send-lf x\n    tcp-check expect string ok",
            "addr {ip} port {port} check-send-proxy send-proxy",
        ),
        (
            "plain-no-proxy",
            "    tcp-check connect\n    tcp-check send-lf x\n    tcp-check expect string ok",
            "addr {ip} port {port} send-proxy",
        ),
        (
            "send-proxy",
            "    tcp-check connect port {port} send-proxy\n    tcp-check expect string ok",
            "send-proxy-v2",
        ),
    ];
    each(cases, |(id, steps, server)| {
        assert_same(&format!("checks/connect-{id}"), |stage| {
            let sink = Sink::udp();
            let other = talker(&["ok"]);
            let nowhere = format!("{}:1", other.address().ip());
            let config = site(&format!("{TCP}{steps}"), server)
                .replace("set-var proc.word", "set-var proc.port int({port})\n    set-var proc.word");
            let start = Start::with(&config).log_to(&sink).fill("s1", nowhere);
            let start = start.fill("ip", other.address().ip());
            stage.start(&start.fill("other", other.address()).fill("port", other.address().port()));
            let got = other.next();
            let line = sink.line_with("Health check for server");
            let ip = other.address().ip().to_string();
            // what follows a header may come in a piece of its own
            let head = match got.head.starts_with(b"PROXY") {
                true => got.head.split_inclusive(|b| *b == b'\n').next().unwrap_or_default(),
                false => &got.head,
            };
            let source = regex_of_ports(&rha_compat_tests::visible(head)).replace(&ip, "<ip>");
            stage.note("piece", source);
            stage.note_log("told", &line);
        });
    });
}

/// Ports of a PROXY header differ from run to run.
fn regex_of_ports(text: &str) -> String {
    let mut words = Vec::new();
    for word in text.split(' ') {
        let digits = word.trim_end_matches(|c: char| !c.is_ascii_digit());
        let is_port = digits.len() >= 4 && digits.parse::<u16>().is_ok();
        words.push(if is_port { word.replace(digits, "<port>") } else { word.to_owned() });
    }
    words.join(" ")
}

#[test]
fn a_program_decides_by_its_exit_code() {
    let cases = [
        ("good", "exit 0", "check"),
        ("bad", "exit 3", "maxconn 5"),
        ("killed", "kill -9 $$", ""),
        ("late", "exec /bin/sleep 30", ""),
        (
            "environment",
            "/usr/bin/env | /usr/bin/sort >{tmp}/seen; echo $* >>{tmp}/seen; exit 1",
            "maxconn 9",
        ),
    ];
    each(cases, |(id, script, server)| {
        assert_same(&format!("checks/program-{id}"), |stage| {
            let sink = Sink::udp();
            let origin = talker(&[]);
            let folder = stage.folder().display().to_string();
            let text = format!("#!/bin/sh\n{}\n", script.replace("{tmp}", &folder));
            let program = stage.file("check.sh", &text);
            let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
            std::fs::set_permissions(&program, mode).expect("a file of ours");
            let check = "    option external-check\n    external-check command {tmp}/check.sh";
            let start = Start::with(&site(check, server)).log_to(&sink).fill("s1", origin.address());
            stage.start(&start);
            let line = sink.line_with("Health check for server");
            stage.note_log("told", &line);
            if id == "environment" {
                let seen = std::fs::read_to_string(stage.folder().join("seen")).expect("what it saw");
                let (ip, port) = (origin.address().ip().to_string(), origin.address().port().to_string());
                let seen = seen.replace(&folder, "<tmp>").replace(&port, "<port>").replace(&ip, "<ip>");
                stage.note("seen", seen);
            }
        });
    });
}
