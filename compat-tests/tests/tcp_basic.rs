//! TCP mode: bytes pass both ways, ends and resets pass too, rules decide before a server is chosen.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

use rha_compat_tests::{End, Gate, Origin, Stage, Start, assert_same, each, visible};

const SITE: &str = "\
defaults
    mode tcp
    timeout client 5s
    timeout server 5s
    timeout connect 5s
listen t
    bind {listen:t}
    EXTRA
    server s1 {s1}
    server s2 {s2}
";

fn case(id: &str, extra: &str, drive: impl Fn(&mut Stage)) {
    assert_same(&format!("tcp_basic/{id}"), |stage| {
        let (one, two) = (Origin::echo("one"), Origin::echo("two"));
        let site =
            Start::with(&SITE.replace("EXTRA", extra)).fill("s1", one.address()).fill("s2", two.address());
        stage.start(&site);
        drive(stage);
    });
}

#[test]
fn bytes_pass_both_ways() {
    case("echo", "", |stage| {
        let mut client = stage.client("t");
        let hello = client.bytes(4);
        stage.note("greeting", visible(&hello));
        for text in ["ping", "\0\x01\r\n\r\n", "GET / HTTP/1.1\r\n\r\n"] {
            let back = client.send(text).bytes(text.len());
            stage.note("echo", visible(&back));
        }
        let end = client.finish().to_end();
        stage.note("end", end);
    });
}

#[test]
fn much_data_arrives_whole() {
    case("large", "", |stage| {
        let data: Vec<u8> = (0..3_000_000u32).map(|n| (n % 251) as u8).collect();
        let mut client = stage.client("t");
        let mut sender = stage.client("t");
        let greeting = client.bytes(4);
        stage.note("greeting", visible(&greeting));
        let sent = data.clone();
        let _ = sender.bytes(4);
        let writer = std::thread::spawn(move || sender_sends(&mut client, &sent));
        let back = writer.join().expect("the client's thread");
        stage.note("same", back == data);
    });
}

/// Sends in pieces and reads each back, so that neither side's buffers decide.
fn sender_sends(client: &mut rha_compat_tests::Client, data: &[u8]) -> Vec<u8> {
    let mut back = Vec::new();
    for piece in data.chunks(100_000) {
        back.extend(client.send(piece).bytes(piece.len()));
    }
    back
}

#[test]
fn servers_take_turns() {
    each(
        [
            ("roundrobin", "balance roundrobin"),
            ("static-rr", "balance static-rr"),
            ("first", "balance first"),
            ("leastconn", "balance leastconn"),
        ],
        |(id, extra)| {
            case(id, extra, |stage| {
                let mut open = Vec::new();
                for _ in 0..6 {
                    let mut client = stage.client("t");
                    let name = client.bytes(4);
                    stage.note("server", visible(&name));
                    open.push(client);
                }
            });
        },
    );
}

#[test]
fn rules_accept_and_reject() {
    each(
        [
            ("connection-reject", "tcp-request connection reject"),
            (
                "connection-accept",
                "tcp-request connection accept if { src 127.0.0.0/8 }\n    tcp-request connection reject",
            ),
            ("session-reject", "tcp-request session reject if { src 127.0.0.1 }"),
            ("content-reject", "tcp-request content reject"),
            (
                "content-by-bytes",
                "tcp-request inspect-delay 2s\n    tcp-request content accept if { req.len ge 3 }\n    tcp-request content reject",
            ),
            ("use-server", "use-server s2 if { src 127.0.0.1 }"),
        ],
        |(id, extra)| {
            case(id, extra, |stage| {
                let mut client = stage.client("t");
                let back = client.send("abc").finish().to_end();
                stage.note("client got", visible(&back.body));
                // a reset or a plain close: the same to whoever reads
                stage.note("ended", matches!(back.end, End::Eof | End::Reset));
            });
        },
    );
}

#[test]
fn one_side_may_finish_first() {
    assert_same("tcp_basic/half-close", |stage| {
        let origin = Origin::new(|peer| {
            let mut all = Vec::new();
            while let Some(bytes) = peer.some_bytes() {
                all.extend(bytes);
            }
            peer.send(format!("got {} bytes", all.len()));
        });
        let site = "listen t\n    mode tcp\n    timeout client 5s\n    timeout server 5s\n    timeout connect 5s\n    bind {listen:t}\n    server s {s}\n";
        stage.start(&Start::with(site).fill("s", origin.address()));
        let back = stage.client("t").send("x".repeat(5000)).finish().to_end();
        stage.note("answer after the client's end", back);
    });
    assert_same("tcp_basic/server-finishes-first", |stage| {
        let gate = Gate::new();
        let held = gate.clone();
        let origin = Origin::new(move |peer| {
            peer.send("bye");
            peer.finish();
            let late = peer.some_bytes().unwrap_or_default();
            held.open();
            peer.send(late);
        });
        let site = "listen t\n    mode tcp\n    timeout client 5s\n    timeout server 5s\n    timeout connect 5s\n    bind {listen:t}\n    server s {s}\n";
        stage.start(&Start::with(site).fill("s", origin.address()));
        let mut client = stage.client("t");
        let bye = client.to_end();
        stage.note("server's end reaches the client", bye);
        client.send("late");
        stage.note("client's bytes still reach the server", gate.wait());
        let seen = origin.take_all();
        stage.note("server saw", visible(&seen.iter().flat_map(|r| r.head.clone()).collect::<Vec<_>>()));
    });
}

#[test]
fn timeouts_and_dead_servers_end_a_connection() {
    let site = "\
defaults
    mode tcp
    timeout client 300ms
    timeout server 300ms
    timeout connect 300ms
    retries 0
listen refused
    bind {listen:refused}
    server s {closed}
listen silent
    bind {listen:silent}
    server s {silent}
listen resets
    bind {listen:resets}
    server s {resets}
listen empty
    bind {listen:empty}
";
    each(["refused", "silent", "resets", "empty"], |name| {
        assert_same(&format!("tcp_basic/dead-{name}"), |stage| {
            let silent = Origin::new(rha_compat_tests::Peer::hang);
            let resets = Origin::new(rha_compat_tests::Peer::reset);
            stage.start(&Start::with(site).fill("silent", silent.address()).fill("resets", resets.address()));
            let back = stage.client(name).to_end();
            stage.note("client got", visible(&back.body));
            stage.note("ended", matches!(back.end, End::Eof | End::Reset));
        });
    });
}

#[test]
fn what_a_server_says_first_is_judged() {
    let delay = "tcp-response inspect-delay 2s\n    ";
    each(
        [
            ("reject", "tcp-response content reject", 0),
            ("reject-long", &*format!("{delay}tcp-response content reject if {{ res.len gt 2 }}"), 0),
            ("close", &format!("{delay}tcp-response content close if {{ res.len gt 2 }}"), 4),
            (
                "accept",
                &format!(
                    "{delay}tcp-response content accept if {{ res.payload(0,3) -m str one }}\n    tcp-response content reject"
                ),
                7,
            ),
            (
                "silent-in-time",
                "tcp-response inspect-delay 300ms\n    tcp-response content reject if { res.len gt 2000 }",
                7,
            ),
            (
                "set-var",
                &format!(
                    "{delay}tcp-response content set-var(sess.x) res.payload(0,3) if {{ res.len gt 2 }}\n    tcp-response content accept if {{ var(sess.x) -m str one }}\n    tcp-response content reject"
                ),
                7,
            ),
        ],
        |(id, extra, bytes)| {
            case(&format!("response-{id}"), extra, |stage| {
                let mut client = stage.client("t");
                client.send("abc");
                let back = client.bytes(bytes);
                stage.note("client got", visible(&back));
                if bytes < 7 {
                    let end = client.end();
                    stage.note("ended", matches!(end, End::Eof | End::Reset));
                }
            });
        },
    );
}

#[test]
fn remote_desktop_clients_find_their_server() {
    let wait = "tcp-request inspect-delay 2s\n    tcp-request content accept if RDP_COOKIE";
    let persist = format!("{wait}\n    persist rdp-cookie");
    let balance = format!("{wait}\n    balance rdp-cookie(mstshash)");
    each(
        [("persist", &persist, "msts"), ("balance", &balance, "mstshash"), ("unlike", &persist, "other")],
        |(id, extra, name)| {
            assert_same(&format!("tcp_basic/rdp-{id}"), |stage| {
                let (one, two) = (Origin::echo("one"), Origin::echo("two"));
                let site = SITE.replace("EXTRA", extra);
                stage.start(&Start::with(&site).fill("s1", one.address()).fill("s2", two.address()));
                for (n, server) in [&two, &two, &one, &two].into_iter().enumerate() {
                    let to = match server.address() {
                        std::net::SocketAddr::V4(a) => a,
                        std::net::SocketAddr::V6(_) => panic!("an IPv6 origin"),
                    };
                    let ip = u32::from_le_bytes(to.ip().octets());
                    let port = to.port().swap_bytes();
                    let value =
                        if name == "mstshash" { format!("user{n}") } else { format!("{ip}.{port}.0000") };
                    let line = format!("Cookie: {name}={value}\r\n");
                    let mut client = stage.client("t");
                    let head = [3, 0, 0, 30, 25, 0xe0, 0, 0, 0, 0, 0];
                    client.send([&head[..], line.as_bytes()].concat());
                    let greeting = client.bytes(4);
                    stage.note("server", visible(&greeting));
                }
            });
        },
    );
}
