//! HTTP/1 end to end: real sockets, small origins, short timeouts.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod common;

use std::io::Write;
use std::net::Shutdown;
use std::sync::atomic::Ordering;

use common::{Origin, gate, model, read_all, read_head, read_until, run};
use rha_ir::{HttpReuse, Mode};

const GET: &str = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
const LAST: &str = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

fn ok(body: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

#[test]
fn keep_alive_and_pipelining_share_one_server_connection() {
    let o = Origin::http(|_| ok("hi"));
    let p = run(&model(Mode::Http, &[o.address]));
    let mut c = p.connect();
    c.write_all(GET.as_bytes()).unwrap();
    assert_eq!(read_until(&mut c, "hi"), "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi");
    c.write_all(format!("{GET}{GET}{LAST}").as_bytes()).unwrap();
    let got = read_all(&mut c);
    assert_eq!(got.matches("\r\n\r\nhi").count(), 3);
    assert!(got.ends_with("connection: close\r\n\r\nhi"), "{got}");
    assert_eq!(o.accepted.load(Ordering::SeqCst), 1);
    let id = p.runtime.plan().backend(b"b").unwrap().id;
    let b = p.runtime.back(id);
    assert_eq!((b.sessions, b.connects, b.reuses), (4, 1, 3));
}

#[test]
fn chunked_bodies_pass_both_ways() {
    let o = Origin::new(|mut c, _| {
        read_head(&mut c).unwrap();
        let body = read_until(&mut c, "0\r\n\r\n");
        let reply = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{body}");
        c.write_all(reply.as_bytes()).unwrap();
    });
    let p = run(&model(Mode::Http, &[o.address]));
    let mut c = p.connect();
    c.write_all(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab").unwrap();
    c.write_all(b"c\r\n5\r\ndefgh\r\n0\r\n\r\n").unwrap();
    let got = read_until(&mut c, "0\r\n\r\n");
    assert!(got.ends_with("\r\n\r\n3\r\nabc\r\n5\r\ndefgh\r\n0\r\n\r\n"), "{got}");
}

#[test]
fn a_large_body_arrives_whole_at_a_slow_reader() {
    let body = "0123456789abcdef".repeat(1 << 16);
    let reply = ok(&body);
    let o = Origin::http(move |_| reply.clone());
    let p = run(&model(Mode::Http, &[o.address]));
    let mut c = p.connect();
    c.write_all(LAST.as_bytes()).unwrap();
    let got = read_all(&mut c);
    assert!(got.ends_with(&body) && got.len() > body.len());
}

#[test]
fn a_stale_pooled_connection_is_replaced_unnoticed() {
    let o = Origin::new(|mut c, n| {
        // The first connection answers once and closes while it is idle.
        for _ in 0..if n == 0 { 1 } else { 100 } {
            if read_head(&mut c).is_none() {
                return;
            }
            c.write_all(&ok("hi")).unwrap();
        }
        let _ = c.shutdown(Shutdown::Both);
    });
    let p = run(&model(Mode::Http, &[o.address]));
    let mut c = p.connect();
    for _ in 0..3 {
        c.write_all(GET.as_bytes()).unwrap();
        read_until(&mut c, "\r\n\r\nhi");
    }
    assert_eq!(o.accepted.load(Ordering::SeqCst), 2);
}

#[test]
fn a_server_that_closes_on_a_reused_connection_costs_no_request() {
    let o = Origin::new(|mut c, n| {
        // It takes the second request and closes without a byte.
        let mut seen = 0;
        while read_head(&mut c).is_some() {
            seen += 1;
            if n == 0 && seen == 2 {
                return;
            }
            c.write_all(&ok("hi")).unwrap();
        }
    });
    let p = run(&model(Mode::Http, &[o.address]));
    let mut c = p.connect();
    for _ in 0..3 {
        c.write_all(GET.as_bytes()).unwrap();
        read_until(&mut c, "\r\n\r\nhi");
    }
    assert_eq!(o.accepted.load(Ordering::SeqCst), 2);
}

#[test]
fn broken_servers_earn_their_status() {
    let o = Origin::http(|head| {
        if head.starts_with("GET /garbage") { b"blah blah\r\n\r\n".to_vec() } else { Vec::new() }
    });
    let silent = Origin::new(|mut c, _| {
        read_head(&mut c);
    });
    let p = run(&model(Mode::Http, &[o.address]));
    let got = p.ask("GET /garbage HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    assert!(got.starts_with("HTTP/1.1 502 Bad Gateway\r\n"), "{got}");
    let p = run(&model(Mode::Http, &[silent.address]));
    assert!(p.ask(LAST).starts_with("HTTP/1.1 502 "));
}

#[test]
fn timeouts_answer_408_and_504() {
    let o = Origin::new(|mut c, _| {
        read_head(&mut c);
        read_head(&mut c);
    });
    let mut m = model(Mode::Http, &[o.address]);
    m.proxies[0].timeouts.http_request = Some(30);
    m.proxies[1].timeouts.server = Some(30);
    let p = run(&m);
    assert!(p.ask(LAST).starts_with("HTTP/1.1 504 Gateway Time-out\r\n"));
    assert!(p.ask("GET / HTTP/1.1\r\nHo").starts_with("HTTP/1.1 408 Request Time-out\r\n"));
    assert!(p.ask("").starts_with("HTTP/1.1 408 "));
}

#[test]
fn a_dead_server_is_retried_then_passed_over() {
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let o = Origin::http(|_| ok("hi"));
    let mut m = model(Mode::Http, &[gone]);
    m.proxies[1].retries = Some(0);
    assert!(run(&m).ask(LAST).starts_with("HTTP/1.1 503 Service Unavailable\r\n"));
    let mut m = model(Mode::Http, &[gone, o.address]);
    m.proxies[1].redispatch = Some(1);
    let p = run(&m);
    for _ in 0..4 {
        assert!(p.ask(LAST).ends_with("hi"));
    }
    assert!(p.runtime.back(p.runtime.plan().backend(b"b").unwrap().id).redispatches > 0);
}

#[test]
fn a_full_server_queues_and_the_queue_times_out() {
    let (open, wait) = gate();
    let (arrived, seen) = std::sync::mpsc::channel();
    let arrived = std::sync::Mutex::new(arrived);
    let o = Origin::http(move |_| {
        arrived.lock().unwrap().send(()).unwrap();
        wait.lock().unwrap().recv().unwrap();
        ok("hi")
    });
    let mut m = model(Mode::Http, &[o.address]);
    m.proxies[1].service.servers[0].maxconn = 1;
    m.proxies[1].timeouts.queue = Some(50);
    let p = run(&m);
    let mut first = p.connect();
    first.write_all(LAST.as_bytes()).unwrap();
    seen.recv().unwrap();
    // Nobody lets the second in: it gives up. The first is still being served.
    assert!(p.ask(LAST).starts_with("HTTP/1.1 503 "));
    open.send(()).unwrap();
    assert!(read_all(&mut first).ends_with("hi"));
    open.send(()).unwrap();
    assert!(p.ask(LAST).ends_with("hi"));
}

#[test]
fn a_waiting_request_gets_the_freed_slot() {
    let (open, wait) = gate();
    let (arrived, seen) = std::sync::mpsc::channel();
    let arrived = std::sync::Mutex::new(arrived);
    let o = Origin::http(move |_| {
        arrived.lock().unwrap().send(()).unwrap();
        wait.lock().unwrap().recv().unwrap();
        ok("hi")
    });
    let mut m = model(Mode::Http, &[o.address]);
    m.proxies[1].service.servers[0].maxconn = 1;
    let p = run(&m);
    let mut all: Vec<_> = (0..4).map(|_| p.connect()).collect();
    for c in &mut all {
        c.write_all(LAST.as_bytes()).unwrap();
    }
    for _ in 0..4 {
        seen.recv().unwrap();
        open.send(()).unwrap();
    }
    for c in &mut all {
        assert!(read_all(c).ends_with("hi"));
    }
}

#[test]
fn an_upgrade_becomes_a_tunnel_with_half_close() {
    let o = Origin::new(|mut c, _| {
        read_head(&mut c).unwrap();
        c.write_all(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n")
            .unwrap();
        let got = read_all(&mut c);
        c.write_all(format!("you said {got}").as_bytes()).unwrap();
    });
    let p = run(&model(Mode::Http, &[o.address]));
    let mut c = p.connect();
    c.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nearly ").unwrap();
    read_until(&mut c, "\r\n\r\n");
    c.write_all(b"late").unwrap();
    c.shutdown(Shutdown::Write).unwrap();
    assert_eq!(read_all(&mut c), "you said early late");
}

#[test]
fn interim_responses_pass_and_head_has_no_body() {
    let o = Origin::http(|head| {
        if head.starts_with("HEAD") {
            return b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n".to_vec();
        }
        [b"HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n".to_vec(), ok("hi")].concat()
    });
    let p = run(&model(Mode::Http, &[o.address]));
    let mut c = p.connect();
    c.write_all(b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    assert_eq!(read_until(&mut c, "\r\n\r\n"), "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n");
    c.write_all(GET.as_bytes()).unwrap();
    let got = read_until(&mut c, "\r\n\r\nhi");
    assert!(got.starts_with("HTTP/1.1 103 Early Hints\r\nlink: a\r\n\r\nHTTP/1.1 200 OK\r\n"), "{got}");
}

#[test]
fn bad_requests_never_reach_a_server() {
    let o = Origin::http(|_| ok("hi"));
    let p = run(&model(Mode::Http, &[o.address]));
    for bad in [
        "GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "\x16\x03\x01\x02",
    ] {
        assert!(p.ask(bad).starts_with("HTTP/1.1 400 Bad request\r\n"), "{bad}");
    }
    let endless = format!("GET / HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n", "y".repeat(20_000));
    assert!(p.ask(&endless).starts_with("HTTP/1.1 400 "));
    assert_eq!(o.accepted.load(Ordering::SeqCst), 0);
}

#[test]
fn without_reuse_a_client_keeps_its_own_server_connection() {
    let o = Origin::http(|_| ok("hi"));
    let mut m = model(Mode::Http, &[o.address]);
    m.proxies[1].http_reuse = HttpReuse::Never;
    let p = run(&m);
    for _ in 0..2 {
        let mut c = p.connect();
        for _ in 0..3 {
            c.write_all(GET.as_bytes()).unwrap();
            read_until(&mut c, "\r\n\r\nhi");
        }
    }
    assert_eq!(o.accepted.load(Ordering::SeqCst), 2);
}

#[test]
fn a_full_frontend_makes_connections_wait() {
    let o = Origin::http(|_| ok("hi"));
    let mut m = model(Mode::Http, &[o.address]);
    m.proxies[0].maxconn = Some(1);
    let p = run(&m);
    let mut first = p.connect();
    first.write_all(GET.as_bytes()).unwrap();
    read_until(&mut first, "\r\n\r\nhi");
    let mut second = p.connect();
    second.write_all(LAST.as_bytes()).unwrap();
    drop(first);
    assert!(read_all(&mut second).ends_with("hi"));
}

#[test]
fn a_soft_stop_lets_the_running_request_finish() {
    let (open, wait) = gate();
    let (arrived, seen) = std::sync::mpsc::channel();
    let arrived = std::sync::Mutex::new(arrived);
    let o = Origin::http(move |_| {
        arrived.lock().unwrap().send(()).unwrap();
        wait.lock().unwrap().recv().unwrap();
        ok("hi")
    });
    let p = run(&model(Mode::Http, &[o.address]));
    let mut c = p.connect();
    c.write_all(GET.as_bytes()).unwrap();
    seen.recv().unwrap();
    p.runtime.finish();
    open.send(()).unwrap();
    assert!(read_all(&mut c).ends_with("connection: close\r\n\r\nhi"));
    p.runtime.join();
    assert!(std::net::TcpStream::connect(p.address).is_err());
}

#[test]
fn a_soft_stop_closes_idle_connections() {
    let o = Origin::http(|_| ok("hi"));
    let p = run(&model(Mode::Http, &[o.address]));
    let mut c = p.connect();
    c.write_all(GET.as_bytes()).unwrap();
    read_until(&mut c, "\r\n\r\nhi");
    p.runtime.finish();
    assert_eq!(read_all(&mut c), "");
    p.runtime.join();
}
