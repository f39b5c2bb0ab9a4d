//! A proxy under test with origins in threads; everything waits for events, nothing sleeps.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::missing_panics_doc, reason = "tests")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use rha_ir::{
    Address, Bind, BindAddress, Host, HttpReuse, Mode, Model, Port, Proxy, ProxyKind, Server, Span,
};
use rha_proxy::{Options, Plan, Runtime, start};
use rha_vocab::Dialect;

/// Longest anything in a test may take.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A server whose connections are handled by a function, one thread each.
pub struct Origin {
    pub address: SocketAddr,
    /// Connections accepted so far.
    pub accepted: Arc<AtomicU32>,
}

impl Origin {
    pub fn new(handle: impl Fn(TcpStream, u32) + Send + Sync + 'static) -> Origin {
        let l = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = l.local_addr().unwrap();
        let accepted = Arc::new(AtomicU32::new(0));
        let (count, handle) = (accepted.clone(), Arc::new(handle));
        std::thread::spawn(move || {
            for c in l.incoming().flatten() {
                let n = count.fetch_add(1, Ordering::SeqCst);
                let handle = handle.clone();
                std::thread::spawn(move || handle(c, n));
            }
        });
        Origin { address, accepted }
    }

    /// Answers every request on a connection with what `reply` makes of its head.
    pub fn http(reply: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static) -> Origin {
        Origin::new(move |mut c, _| {
            while let Some(head) = read_head(&mut c) {
                let text = String::from_utf8_lossy(&head).into_owned();
                if c.write_all(&reply(&text)).is_err() {
                    return;
                }
            }
        })
    }
}

/// Bytes up to and with the empty line; `None` at the end of the connection.
pub fn read_head(c: &mut TcpStream) -> Option<Vec<u8>> {
    c.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut got = Vec::new();
    let mut byte = [0u8; 1];
    while !got.ends_with(b"\r\n\r\n") {
        match c.read(&mut byte) {
            Ok(1) => got.push(byte[0]),
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            _ => return None,
        }
    }
    Some(got)
}

/// Reads until `end` has come.
pub fn read_until(c: &mut TcpStream, end: &str) -> String {
    c.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut got = Vec::new();
    let mut buf = [0u8; 4096];
    while !got.ends_with(end.as_bytes()) {
        match c.read(&mut buf) {
            Ok(n) if n > 0 => got.extend_from_slice(&buf[..n]),
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            other => panic!("{other:?} after {:?}", String::from_utf8_lossy(&got)),
        }
    }
    String::from_utf8_lossy(&got).into_owned()
}

/// Reads until the peer closes.
pub fn read_all(c: &mut TcpStream) -> String {
    c.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut got = Vec::new();
    let mut buf = [0u8; 4096];
    loop {
        match c.read(&mut buf) {
            Ok(0) => break,
            Ok(n) => got.extend_from_slice(&buf[..n]),
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            Err(e) if e.kind() == std::io::ErrorKind::ConnectionReset => break,
            Err(e) => panic!("{e} after {:?}", String::from_utf8_lossy(&got)),
        }
    }
    String::from_utf8_lossy(&got).into_owned()
}

fn ip(a: SocketAddr) -> Address {
    Address::Ip { host: Host::Ip(a.ip()), port: Port::One(a.port()), datagram: false }
}

/// A frontend `f` on a free port and a backend `b` with the given servers.
pub fn model(mode: Mode, servers: &[SocketAddr]) -> Model {
    let span = Span::default();
    let mut f = Proxy::new("f", ProxyKind::Frontend, span);
    let any = Address::Ip { host: Host::Ip([127, 0, 0, 1].into()), port: Port::One(0), datagram: false };
    f.binds.push(Bind { addresses: vec![BindAddress { address: any, origin: span }], ..Bind::default() });
    f.default_backend = Some(("b".into(), span));
    let mut b = Proxy::new("b", ProxyKind::Backend, span);
    for (i, s) in servers.iter().enumerate() {
        let mut s = Server::new(format!("s{}", i + 1), ip(*s), span);
        s.id = i as u32 + 1;
        b.service.servers.push(s);
    }
    for p in [&mut f, &mut b] {
        p.mode = mode;
        p.timeouts.client = Some(10_000);
        p.timeouts.server = Some(10_000);
        p.timeouts.connect = Some(2_000);
        p.http_reuse = HttpReuse::Always;
    }
    let mut m = Model { proxies: vec![f, b], ..Model::default() };
    m.process.nbthread = Some(1);
    m.process.maxconn = Some(1000);
    m
}

/// A running proxy.
pub struct Subject {
    pub runtime: Runtime,
    pub address: SocketAddr,
}

pub fn run(m: &Model) -> Subject {
    let plan = Plan::build(m, Dialect::V3_0, None).unwrap();
    let runtime = start(plan, Options::default()).unwrap();
    let address = runtime.address("f", 0).and_then(|a| a.ip()).unwrap();
    Subject { runtime, address }
}

impl Subject {
    pub fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).unwrap()
    }

    /// Sends on a new connection and reads until it closes.
    pub fn ask(&self, request: &str) -> String {
        let mut c = self.connect();
        c.write_all(request.as_bytes()).unwrap();
        read_all(&mut c)
    }
}

/// A gate that a test opens for an origin.
pub fn gate() -> (mpsc::Sender<()>, Arc<std::sync::Mutex<mpsc::Receiver<()>>>) {
    let (open, wait) = mpsc::channel();
    (open, Arc::new(std::sync::Mutex::new(wait)))
}
