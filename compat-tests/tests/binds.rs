//! What comes before the first byte of a stream: PROXY and NetScaler headers, SOCKS4, namespaces.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

use rha_compat_tests::{Origin, Signal, Sink, Start, assert_same, each, visible};

fn site(bind: &str, front: &str, server: &str) -> String {
    format!(
        "\
global
    log {{log}} local0
defaults
    mode http
    log global
    option httplog
    timeout client 2s
    timeout server 5s
    timeout connect 1s
frontend fe
    bind {{listen:fe}} name door {bind}
    unique-id-format id-%[path]
{front}
    default_backend be
backend be
    server s1 {{s1}} {server}
"
    )
}

/// Version 2 with addresses of documentation and these fields.
fn v2(fields: &[u8]) -> Vec<u8> {
    let mut out = b"\r\n\r\n\0\r\nQUIT\n\x21\x11".to_vec();
    out.extend(u16::try_from(12 + fields.len()).unwrap().to_be_bytes());
    out.extend([192, 0, 2, 1, 192, 0, 2, 2, 0x30, 0x39, 0, 80]);
    out.extend(fields);
    out
}

const GET: &[u8] = b"GET /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

#[test]
fn a_connection_without_a_valid_proxy_header_is_logged() {
    let cases: [(&str, &str, Vec<u8>); 10] = [
        ("none", "", GET.to_vec()),
        ("short", "", b"abc\r\n\r\n".to_vec()),
        ("empty", "", Vec::new()),
        ("invalid", "", b"PROXY TCP4 1.2.3.4 nonsense 1 2\r\n".to_vec()),
        ("protocol", "", b"PROXY UDP4 1.2.3.4 1.2.3.4 1 2\r\n".to_vec()),
        ("v2-command", "", b"\r\n\r\n\0\r\nQUIT\n\x2f\x11\0\x0c\0\0\0\0\0\0\0\0\0\0\0\0".to_vec()),
        ("v2-bad-field", "", v2(&[3, 0, 4, 1, 2, 3, 4])),
        ("separate", "    option log-separate-errors", GET.to_vec()),
        ("error-format", "    error-log-format 'failed %ci:%cp %ft %fc'", GET.to_vec()),
        ("good", "", [&b"PROXY TCP4 192.0.2.1 192.0.2.2 1000 80\r\n"[..], GET].concat()),
    ];
    each(cases, |(id, front, bytes)| {
        assert_same(&format!("binds/proxy-header-{id}"), |stage| {
            let sink = Sink::udp();
            let one = Origin::named("one");
            let start = Start::with(&site("accept-proxy", front, "")).log_to(&sink);
            stage.start(&start.fill("s1", one.address()));
            let mut client = stage.client("fe");
            client.send(&bytes);
            if bytes.is_empty() {
                client.finish();
            }
            let line = sink.line_with("");
            stage.note_log("told", &line);
        });
    });
}

#[test]
fn nothing_at_all_is_not_logged_with_dontlognull() {
    assert_same("binds/proxy-header-null", |stage| {
        let sink = Sink::udp();
        let one = Origin::named("one");
        let start = Start::with(&site("accept-proxy", "    option dontlognull", "")).log_to(&sink);
        stage.start(&start.fill("s1", one.address()));
        stage.client("fe").finish().end();
        stage.client("fe").send("nonsense that is long enough").end();
        let line = sink.line_with("");
        stage.note_log("told", &line);
    });
}

/// An IPv4 and a TCP header without options.
fn packet() -> Vec<u8> {
    let mut out = vec![0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2];
    out.extend([0x03, 0xe8, 0, 80]);
    out.extend([0; 16]);
    out
}

#[test]
fn netscaler_headers_tell_the_client() {
    let magic = 0x0102_0304_u32.to_be_bytes();
    let old = [&magic[..], &40_u32.to_be_bytes(), &packet(), GET].concat();
    let new = [&magic[..], &52_u32.to_be_bytes(), &[0, 1], &40_u16.to_be_bytes(), &packet(), GET].concat();
    let wrong = [&[9, 9, 9, 9][..], &40_u32.to_be_bytes(), &packet(), GET].concat();
    let mut udp = packet();
    udp[9] = 17;
    let udp = [&magic[..], &40_u32.to_be_bytes(), &udp, GET].concat();
    let alien = [&magic[..], &40_u32.to_be_bytes(), &[0xff; 40], GET].concat();
    let cases =
        [("old", old), ("new", new), ("magic", wrong), ("udp", udp), ("alien", alien), ("empty", Vec::new())];
    each(cases, |(id, bytes)| {
        for (how, bind, front) in [
            ("bind", "accept-netscaler-cip 16909060", ""),
            (
                "rule",
                "accept-netscaler-cip 16909060",
                "    tcp-request connection expect-netscaler-cip layer4",
            ),
        ] {
            assert_same(&format!("binds/netscaler-{how}-{id}"), |stage| {
                let sink = Sink::udp();
                let one = Origin::named("one");
                let start = Start::with(&site(bind, front, "")).log_to(&sink);
                stage.start(&start.fill("s1", one.address()));
                let mut client = stage.client("fe");
                client.send(&bytes);
                if bytes.is_empty() {
                    client.finish();
                }
                let line = sink.line_with("");
                stage.note_log("told", &line);
            });
        }
    });
}

#[test]
fn proxy_headers_to_servers_have_fields() {
    let authority = [&[2, 0, 3][..], b"ex.", &[0xe0, 0, 2], b"hi"].concat();
    let cases: [(&str, &str, &str); 6] = [
        ("plain", "", "send-proxy-v2"),
        ("checksum", "", "send-proxy-v2 proxy-v2-options crc32c"),
        ("unique-id", "", "send-proxy-v2 proxy-v2-options unique-id"),
        ("authority", "accept-proxy", "send-proxy-v2 proxy-v2-options authority"),
        ("all", "accept-proxy", "send-proxy-v2 proxy-v2-options crc32c,authority,unique-id"),
        ("v1", "accept-proxy", "send-proxy proxy-v2-options crc32c"),
    ];
    each(cases, |(id, bind, server)| {
        assert_same(&format!("binds/fields-{id}"), |stage| {
            let sink = Sink::udp();
            let one = Origin::new(|peer| {
                let _ = peer.request();
                peer.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
            });
            let front = "    http-request set-src str(192.0.2.7)\n    http-request set-src-port int(7)\n    http-request set-dst str(192.0.2.8)\n    http-request set-dst-port int(8)";
            let start = Start::with(&site(bind, front, server)).log_to(&sink);
            stage.start(&start.fill("s1", one.address()));
            let mut client = stage.client("fe");
            let head = if bind.is_empty() { Vec::new() } else { v2(&authority) };
            client.send([&head[..], GET].concat());
            let got = one.next();
            stage.note("the server sees", visible(&got.head));
            let back = client.response();
            stage.note("the client gets", back.status());
        });
    });
}

#[test]
fn a_client_without_addresses_is_local() {
    assert_same("binds/fields-local", |stage| {
        let sink = Sink::udp();
        let one = Origin::named("one");
        let config = site("", "    bind {tmp}/door.sock", "send-proxy-v2 proxy-v2-options crc32c");
        stage.start(&Start::with(&config).log_to(&sink).fill("s1", one.address()));
        let begun = std::time::Instant::now();
        let mut client = loop {
            match std::os::unix::net::UnixStream::connect(stage.folder().join("door.sock")) {
                Ok(client) => break client,
                Err(e) => assert!(begun.elapsed() < rha_compat_tests::PATIENCE, "{e}"),
            }
        };
        std::io::Write::write_all(&mut client, GET).unwrap();
        let got = one.next();
        stage.note("the server sees", visible(&got.head));
    });
}

#[test]
fn servers_are_reached_through_a_socks4_proxy() {
    let answers: [(&str, &'static [u8]); 4] = [
        ("granted", &[0, 90, 0, 0, 0, 0, 0, 0]),
        ("denied", &[0, 91, 0, 0, 0, 0, 0, 0]),
        ("closed", &[]),
        ("cut", &[0, 90]),
    ];
    each(answers, |(id, answer)| {
        assert_same(&format!("binds/socks4-{id}"), |stage| {
            let sink = Sink::udp();
            let proxy = Origin::new(move |peer| {
                if peer.some_bytes().is_none() || !peer.send(answer) || answer.len() < 8 || answer[1] != 90 {
                    return;
                }
                if peer.request().is_some() {
                    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
                }
            });
            let config = site("", "    retries 0", "socks4 {proxy}")
                .replace("    retries 0\n    default", "    default");
            let config = config
                .replace("backend be\n", "backend be\n    retries 0\n")
                .replace("{s1}", "192.0.2.9:8080");
            stage.start(&Start::with(&config).log_to(&sink).fill("proxy", proxy.address()));
            let answer = stage.exchange("fe", GET);
            stage.note("answer", answer);
            let asked = proxy.next();
            stage.note("asked", visible(&asked.head));
            let line = sink.line_with("GET /x");
            stage.note_log("told", &line);
        });
    });
}

#[test]
fn checks_go_through_a_socks4_proxy_when_told() {
    let cases = [
        ("via", "socks4 {proxy} check-via-socks4", ""),
        ("step", "socks4 {proxy}", "    option tcp-check\n    tcp-check connect via-socks4"),
    ];
    each(cases, |(id, server, check)| {
        assert_same(&format!("binds/socks4-check-{id}"), |stage| {
            let sink = Sink::udp();
            let granting = Origin::new(move |peer| {
                if peer.some_bytes().is_some() {
                    peer.send([0, 90, 0, 0, 0, 0, 0, 0]);
                    peer.hang();
                }
            });
            let server = format!("check inter 300ms fall 1 rise 1 {server}");
            let config = site("", "", &server)
                .replace("backend be\n", &format!("backend be\n    option log-health-checks\n{check}\n"))
                .replace("{s1}", "192.0.2.9:8080");
            stage.start(&Start::with(&config).log_to(&sink).fill("proxy", granting.address()));
            let line = sink.line_with("Health check for server");
            stage.note_log("told", &line);
            let asked = granting.next();
            stage.note("asked", visible(&asked.head));
            stage.stop(Signal::TERM);
        });
    });
}

/// A network namespace of its own, with its loopback up.
struct Space(String);

impl Space {
    fn new(word: &str) -> Space {
        let name = format!("f4{}{word}", std::process::id());
        let ip = |args: &[&str]| {
            let done = std::process::Command::new("ip").args(args).status().expect("ip");
            assert!(done.success(), "ip {args:?}");
        };
        ip(&["netns", "add", &name]);
        ip(&["-n", &name, "link", "set", "lo", "up"]);
        Space(name)
    }
}

impl Drop for Space {
    fn drop(&mut self) {
        let _ = std::process::Command::new("ip").args(["netns", "del", &self.0]).status();
    }
}

#[test]
fn sockets_live_in_their_namespaces() {
    for (id, outer, inner) in
        [("named", "namespace SPACE", "send-proxy-v2"), ("header", "namespace SPACE send-proxy-v2", "")]
    {
        assert_same(&format!("binds/namespace-{id}"), |stage| {
            let space = Space::new(id);
            let sink = Sink::udp();
            let one = Origin::new(|peer| {
                let _ = peer.request();
                peer.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            });
            let config = format!(
                "\
global
    log {{log}} local0
namespace_list
    namespace SPACE
defaults
    mode http
    log global
    timeout client 2s
    timeout server 5s
    timeout connect 1s
listen outer
    bind {{listen:fe}}
    server s1 127.0.0.1:8080 check inter 100ms {outer}
listen inner
    bind 127.0.0.1:8080 namespace SPACE {}
    http-request set-src str(192.0.2.7)
    http-request set-src-port int(7)
    server s1 {{s1}} {inner}
",
                if outer.contains("send-proxy") { "accept-proxy" } else { "" }
            );
            let config = config.replace("SPACE", &space.0);
            stage.start(&Start::with(&config).log_to(&sink).fill("s1", one.address()));
            let answer = stage.exchange("fe", GET);
            stage.note("answer", answer);
            let got = one.next();
            stage.note("the server sees", visible(&got.head).replace(&space.0, "<space>"));
            stage.stop(Signal::TERM);
        });
    }
}

#[test]
fn a_header_can_name_the_namespace_to_connect_in() {
    assert_same("binds/namespace-of-client", |stage| {
        let space = Space::new("c");
        let sink = Sink::udp();
        let one = Origin::named("one");
        let config = "\
global
    log {log} local0
namespace_list
    namespace SPACE
defaults
    mode http
    log global
    timeout client 2s
    timeout server 5s
    timeout connect 1s
listen outer
    bind {listen:fe} accept-proxy
    server s1 127.0.0.1:8080 namespace *
listen inner
    bind 127.0.0.1:8080 namespace SPACE
    server s1 {s1}
"
        .replace("SPACE", &space.0);
        stage.start(&Start::with(&config).log_to(&sink).fill("s1", one.address()));
        let name = space.0.as_bytes();
        let field = [&[0x30, 0, u8::try_from(name.len()).unwrap()][..], name].concat();
        for (label, head) in [("named", v2(&field)), ("unnamed", v2(&[]))] {
            let mut client = stage.client("fe");
            let back = client.send([&head[..], GET].concat()).response();
            stage.note(label, format!("{} {}", back.status(), back.text()));
        }
        stage.stop(Signal::TERM);
    });
}
