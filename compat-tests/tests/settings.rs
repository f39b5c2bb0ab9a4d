//! Settings of the process: limits, priorities, sockets.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

use std::os::unix::fs::{MetadataExt, PermissionsExt};

use rha_compat_tests::{Origin, PATIENCE, Signal, Sink, Stage, Start, assert_same, each};

fn site(global: &str) -> String {
    format!(
        "\
global
    log {{log}} local0
    stats socket {{tmp}}/cli.sock level admin
{global}
defaults
    mode http
    log global
    timeout client 5s
    timeout server 5s
    timeout connect 1s
frontend fe
    bind {{listen:fe}}
    default_backend be
backend be
    server s1 {{s1}}
"
    )
}

fn info(stage: &Stage, names: &[&str]) -> String {
    let begun = std::time::Instant::now();
    let socket = stage.folder().join("cli.sock");
    while !socket.exists() {
        assert!(begun.elapsed() < PATIENCE, "no stats socket");
    }
    let all = stage.cli("show info");
    let wanted = |line: &&str| names.iter().any(|n| line.split(':').next() == Some(n));
    all.lines().filter(wanted).collect::<Vec<_>>().join("\n")
}

#[test]
fn limits_bound_what_is_taken_by_default() {
    let cases = [
        ("fd-hard-limit", "    nbthread 2\n    fd-hard-limit 600"),
        ("fd-hard-limit-maxconn", "    nbthread 2\n    maxconn 50\n    fd-hard-limit 600"),
    ];
    each(cases, |(id, global)| {
        assert_same(&format!("settings/{id}"), |stage| {
            let (sink, one) = (Sink::udp(), Origin::named("one"));
            stage.start(&Start::with(&site(global)).log_to(&sink).fill("s1", one.address()));
            let shown = info(stage, &["Maxconn", "Ulimit-n", "Maxsock"]);
            stage.note("info", shown);
        });
    });
}

#[test]
fn unix_sockets_begin_with_what_unix_bind_says() {
    assert_same("settings/unix-bind", |stage| {
        let (sink, one) = (Sink::udp(), Origin::named("one"));
        let global = "    unix-bind prefix {tmp}/in- mode 640 user nobody gid 0";
        let config = site(global)
            .replace("    stats socket {tmp}/cli.sock level admin\n", "")
            .replace(
                "    default_backend",
                "    bind /door.sock\n    bind unix@other.sock mode 600\n    default_backend",
            )
            .replace("{tmp}/in-", "{tmp}");
        let config = config.replace("unix@other.sock", "unix@/other.sock");
        stage.start(&Start::with(&config).log_to(&sink).fill("s1", one.address()));
        for name in ["door.sock", "other.sock"] {
            let path = stage.folder().join(name);
            let begun = std::time::Instant::now();
            let found = loop {
                match std::fs::metadata(&path) {
                    Ok(m) => break m,
                    Err(e) => assert!(begun.elapsed() < PATIENCE, "{name}: {e}"),
                }
            };
            let mode = found.permissions().mode() & 0o777;
            stage.note(name, format!("{mode:o} {} {}", found.uid(), found.gid()));
        }
    });
}

#[test]
fn workers_share_a_socket_without_reuseport() {
    assert_same("settings/noreuseport", |stage| {
        let (sink, one) = (Sink::udp(), Origin::named("one"));
        let config = site("    nbthread 2\n    noreuseport").replace("bind {listen:fe}", "bind {port:fe}");
        stage.start(&Start::with(&config).log_to(&sink).fill("s1", one.address()));
        let begun = std::time::Instant::now();
        while std::net::TcpStream::connect(stage.at("fe")).is_err() {
            assert!(begun.elapsed() < PATIENCE, "nobody listens");
        }
        let answer = stage.exchange("fe", "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        stage.note("answer", answer);
        // nobody can share the port
        let to = stage.at("fe");
        let socket =
            socket2::Socket::new(socket2::Domain::for_address(to), socket2::Type::STREAM, None).unwrap();
        socket.set_reuse_port(true).unwrap();
        stage.note("shared", socket.bind(&to.into()).is_ok());
    });
}

#[test]
fn a_soft_stop_leaves_idle_connections_as_told() {
    let cases = [
        ("none", "    grace 1", false),
        ("infinite", "    close-spread-time infinite", true),
        ("hour", "    close-spread-time 1h", true),
    ];
    each(cases, |(id, global, stays)| {
        assert_same(&format!("settings/close-spread-{id}"), |stage| {
            let (sink, one) = (Sink::udp(), Origin::named("one"));
            let global = if stays { global } else { "" };
            stage.start(&Start::with(&site(global)).log_to(&sink).fill("s1", one.address()));
            let mut client = stage.client("fe");
            let request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
            let first = client.send(request).response();
            stage.note("before", String::from_utf8_lossy(&first.head).into_owned());
            stage.running().signal(Signal::USR1);
            if !stays {
                stage.note("idle", format!("{:?}", client.end()));
                let exit = stage.wait();
                stage.note_exit("end", &exit);
                return;
            }
            let line = sink.line_with("Proxy be stopped");
            stage.note_log("stopping", &line);
            let second = client.send(request).response();
            stage.note("after", String::from_utf8_lossy(&second.head).into_owned());
            drop(client);
            let exit = stage.wait();
            stage.note_exit("end", &exit);
        });
    });
}

#[test]
fn a_server_that_moves_gets_another_cookie() {
    assert_same("settings/dynamic-cookie-moved", |stage| {
        let sink = Sink::udp();
        let config = site("").replace(
            "    server s1 {s1}",
            "    cookie SRV insert dynamic\n    dynamic-cookie-key secret\n    server s1 192.0.2.1:80\n    server s2 {ip}:1",
        );
        let start = Start::with(&config).log_to(&sink).fill("ip", "127.0.0.1");
        stage.start(&start);
        let _ = info(stage, &["Name"]);
        // the servers are never reached, so that their addresses can be anybody's
        for (address, port) in [("192.0.2.7", 81), ("192.0.2.8", 82)] {
            let answer = stage.cli(&format!("set server be/s2 addr {address} port {port}"));
            stage.note("moved", answer);
            let answer = stage.cli("show stat be 4 -1");
            let cookie = answer.lines().filter(|l| l.starts_with("be,s2,")).map(|l| {
                l.split(',')
                    .find(|w| w.len() == 16 && w.bytes().all(|b| b.is_ascii_hexdigit()))
                    .unwrap_or("none")
                    .to_owned()
            });
            stage.note("cookie", cookie.collect::<Vec<_>>().join(" "));
        }
    });
}
