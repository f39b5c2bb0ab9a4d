//! TCP mode end to end.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod common;

use std::io::Write;
use std::net::Shutdown;

use common::{Origin, model, read_all, run};
use rha_ir::Mode;

#[test]
fn bytes_pass_and_half_close_is_passed_on() {
    let o = Origin::new(|mut c, _| {
        let got = read_all(&mut c);
        c.write_all(format!("got {} bytes", got.len()).as_bytes()).unwrap();
    });
    let p = run(&model(Mode::Tcp, &[o.address]));
    let mut c = p.connect();
    let sent = vec![b'x'; 1 << 20];
    c.write_all(&sent).unwrap();
    c.shutdown(Shutdown::Write).unwrap();
    assert_eq!(read_all(&mut c), "got 1048576 bytes");
    let id = p.runtime.plan().backend(b"b").unwrap().id;
    while p.runtime.back(id).bytes_in == 0 {
        std::thread::yield_now();
    }
    let b = p.runtime.back(id);
    assert_eq!((b.sessions, b.bytes_in, b.bytes_out), (1, 1 << 20, 17));
}

#[test]
fn silence_ends_by_timeout_and_refusal_closes() {
    let o = Origin::new(|mut c, _| {
        read_all(&mut c);
    });
    let mut m = model(Mode::Tcp, &[o.address]);
    m.proxies[0].timeouts.client = Some(30);
    assert_eq!(run(&m).ask(""), "");
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut m = model(Mode::Tcp, &[gone]);
    m.proxies[1].retries = Some(0);
    assert_eq!(run(&m).ask("hello"), "");
}
