//! The plan is exchanged under traffic: a connection ends with the plan it began with, new ones have the new plan.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod common;

use std::io::Write;
use std::sync::atomic::Ordering;

use common::{Origin, gate, model, read_until, run};
use rha_ir::Mode;
use rha_proxy::Plan;
use rha_vocab::Dialect;

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n";
const SLOW: &[u8] = b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n";

fn ok(body: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

#[test]
fn a_connection_ends_with_the_plan_it_began_with() {
    let (open, wait) = gate();
    let (asked, was_asked) = std::sync::mpsc::channel();
    let old = Origin::http(move |head| {
        if head.starts_with("GET /slow") {
            asked.send(()).unwrap();
            wait.lock().unwrap().recv().unwrap();
        }
        ok("old")
    });
    let new = Origin::http(|_| ok("new"));
    let p = run(&model(Mode::Http, &[old.address]));
    let mut idle = p.connect();
    idle.write_all(GET).unwrap();
    read_until(&mut idle, "old");
    let mut busy = p.connect();
    busy.write_all(SLOW).unwrap();
    was_asked.recv().unwrap();

    p.runtime.adopt(Plan::build(&model(Mode::Http, &[new.address]), Dialect::V3_0, None).unwrap());
    p.runtime.settle();

    let mut later = p.connect();
    later.write_all(GET).unwrap();
    read_until(&mut later, "new");
    open.send(()).unwrap();
    read_until(&mut busy, "old");
    for c in [&mut idle, &mut busy] {
        c.write_all(GET).unwrap();
        read_until(c, "old");
    }
    later.write_all(GET).unwrap();
    read_until(&mut later, "new");
    // No connection to the old server was taken for one to the new.
    assert_eq!(new.accepted.load(Ordering::SeqCst), 1);
}
