//! Origin servers that do as they are told: answer, wait, close, reset, send rubbish, go away, come back.
//!
//! Each has a loopback address of its own (127/8 is all ours), so that its port stays free while it is
//! gone and nobody else answers there. Each connection runs in a thread; [`Gate`]s hold them back, so
//! that no test waits for time to pass.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use socket2::SockRef;

use crate::client::{find, header};
use crate::{PATIENCE, uninterrupted};

/// A door that threads wait at until it is opened.
#[derive(Clone, Default)]
pub struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    /// A closed one.
    #[must_use]
    pub fn new() -> Gate {
        Gate::default()
    }

    /// Lets everybody through, now and later.
    pub fn open(&self) {
        *self.0.0.lock().expect("gate") = true;
        self.0.1.notify_all();
    }

    /// Waits until it is open; false if that takes too long.
    #[must_use]
    pub fn wait(&self) -> bool {
        let open = self.0.0.lock().expect("gate");
        let (open, _) = self.0.1.wait_timeout_while(open, 3 * PATIENCE, |open| !*open).expect("gate");
        *open
    }
}

/// A request as an origin server saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Number of the connection it came on, from 1, counting those that carried a byte.
    pub connection: usize,
    /// Start line and header lines, with the blank line; or raw bytes in TCP mode.
    pub head: Vec<u8>,
    /// Body as it came.
    pub body: Vec<u8>,
}

type Behaviour = Arc<dyn Fn(&mut Peer) + Send + Sync>;

/// An origin server.
pub struct Origin {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: Mutex<Option<Arc<AtomicBool>>>,
}

struct Shared {
    behaviour: Behaviour,
    seen: Mutex<Seen>,
    news: Condvar,
    healthy: AtomicBool,
    open: Mutex<Vec<TcpStream>>,
}

#[derive(Default)]
struct Seen {
    requests: VecDeque<Request>,
    connections: usize,
}

impl Origin {
    /// One that runs `behaviour` for each connection.
    pub fn new(behaviour: impl Fn(&mut Peer) + Send + Sync + 'static) -> Origin {
        let shared = Shared {
            behaviour: Arc::new(behaviour),
            seen: Mutex::default(),
            news: Condvar::new(),
            healthy: AtomicBool::new(true),
            open: Mutex::default(),
        };
        let origin = Origin {
            address: SocketAddr::new(own_address(), 0),
            shared: Arc::new(shared),
            accepting: Mutex::new(None),
        };
        origin.listen(0)
    }

    /// An HTTP server that answers every request with `answer`, keeping connections open.
    pub fn http(answer: impl Fn(&Request) -> Vec<u8> + Send + Sync + 'static) -> Origin {
        Origin::new(move |peer| {
            while let Some(request) = peer.request() {
                let close = find(&request.head, b"onnection: close").is_some();
                if !peer.send(answer(&request)) || close {
                    return;
                }
            }
        })
    }

    /// An HTTP server that answers every request with 200 and its own name.
    pub fn named(name: &'static str) -> Origin {
        Origin::http(move |_| ok(name))
    }

    /// An HTTP server whose health page follows [`Origin::set_healthy`]; other pages give its name.
    pub fn with_health(name: &'static str) -> Origin {
        Origin::new(move |peer| {
            while let Some(request) = peer.request() {
                let well = peer.healthy();
                let check = request.head.starts_with(b"GET /health") || request.head.starts_with(b"OPTIONS");
                let answer = match (check, well) {
                    (true, false) => b"HTTP/1.1 503 Sick\r\nContent-Length: 0\r\n\r\n".to_vec(),
                    _ => ok(name),
                };
                if !peer.send(answer) || find(&request.head, b"onnection: close").is_some() {
                    return;
                }
            }
        })
    }

    /// A TCP server that greets with its name and then sends back what it gets.
    pub fn echo(name: &'static str) -> Origin {
        Origin::new(move |peer| {
            peer.send(format!("{name}\n"));
            while let Some(bytes) = peer.some_bytes() {
                peer.send(bytes);
            }
        })
    }

    /// Where it listens, also while it is gone.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops listening and resets every connection, as a killed process does.
    pub fn kill(&self) {
        let Some(stop) = self.accepting.lock().expect("origin").take() else { return };
        stop.store(true, Ordering::SeqCst);
        // the accept loop wakes up for this one, sees the flag and drops the listener
        let _ = TcpStream::connect_timeout(&self.address, PATIENCE);
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect_timeout(&self.address, PATIENCE).is_ok() && Instant::now() < deadline {
            std::thread::yield_now();
        }
        for stream in self.shared.open.lock().expect("origin").drain(..) {
            let _ = SockRef::from(&stream).set_linger(Some(Duration::ZERO));
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Listens again where it listened before.
    pub fn come_back(&mut self) {
        self.listen_at(self.address.port());
    }

    /// What its health page says from now on.
    pub fn set_healthy(&self, healthy: bool) {
        self.shared.healthy.store(healthy, Ordering::SeqCst);
    }

    /// The next request that was not taken yet.
    ///
    /// # Panics
    /// None comes in time.
    #[must_use]
    pub fn next(&self) -> Request {
        let seen = self.shared.seen.lock().expect("origin");
        let empty = |s: &mut Seen| s.requests.is_empty();
        let (mut seen, _) = self.shared.news.wait_timeout_while(seen, PATIENCE, empty).expect("origin");
        seen.requests.pop_front().expect("a request at the origin server")
    }

    /// All requests that were not taken yet.
    #[must_use]
    pub fn take_all(&self) -> Vec<Request> {
        self.shared.seen.lock().expect("origin").requests.drain(..).collect()
    }

    fn listen(mut self, port: u16) -> Origin {
        self.listen_at(port);
        self
    }

    fn listen_at(&mut self, port: u16) {
        let listener = TcpListener::bind((self.address.ip(), port)).expect("an origin server's address");
        self.address = listener.local_addr().expect("an origin server's address");
        let stop = Arc::new(AtomicBool::new(false));
        *self.accepting.lock().expect("origin") = Some(Arc::clone(&stop));
        let shared = Arc::clone(&self.shared);
        std::thread::spawn(move || {
            while let Ok((stream, _)) = uninterrupted(|| listener.accept()) {
                if stop.load(Ordering::SeqCst) {
                    return;
                }
                shared.serve(stream);
            }
        });
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Shared {
    fn serve(self: &Arc<Self>, stream: TcpStream) {
        let _ = stream.set_read_timeout(Some(3 * PATIENCE));
        let _ = stream.set_nodelay(true);
        if let Ok(copy) = stream.try_clone() {
            self.open.lock().expect("origin").push(copy);
        }
        let shared = Arc::clone(self);
        std::thread::spawn(move || {
            let mut peer = Peer { stream, rest: Vec::new(), shared, number: None };
            let behaviour = Arc::clone(&peer.shared.behaviour);
            behaviour(&mut peer);
            peer.close();
        });
    }
}

/// One connection at an origin server.
pub struct Peer {
    stream: TcpStream,
    rest: Vec<u8>,
    shared: Arc<Shared>,
    number: Option<usize>,
}

impl Peer {
    /// Reads and records a request with its body; `None` at the end of the connection.
    pub fn request(&mut self) -> Option<Request> {
        let head = self.head()?;
        let text = String::from_utf8_lossy(&head).into_owned();
        let length = header(&text, "content-length").and_then(|v| v.parse::<usize>().ok()).unwrap_or(0);
        let chunked = header(&text, "transfer-encoding").is_some_and(|v| v.eq_ignore_ascii_case("chunked"));
        while !chunked && self.rest.len() < length && self.fill() {}
        while chunked && find(&self.rest, b"0\r\n\r\n").is_none() && self.fill() {}
        let length = match chunked {
            true => find(&self.rest, b"0\r\n\r\n").map_or(self.rest.len(), |at| at + 5),
            false => length.min(self.rest.len()),
        };
        let body = self.rest.drain(..length).collect();
        Some(self.record(head, body))
    }

    /// Reads and records a request's head only.
    pub fn request_head(&mut self) -> Option<Request> {
        let head = self.head()?;
        Some(self.record(head, Vec::new()))
    }

    /// Reads and records what comes next; `None` at the end of the connection.
    pub fn some_bytes(&mut self) -> Option<Vec<u8>> {
        if self.rest.is_empty() && !self.fill() {
            return None;
        }
        let bytes = std::mem::take(&mut self.rest);
        self.record(bytes.clone(), Vec::new());
        Some(bytes)
    }

    /// Sends; false if the other side is gone.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.stream.write_all(bytes.as_ref()).is_ok()
    }

    /// Sends FIN.
    pub fn finish(&mut self) {
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    /// Closes both ways.
    pub fn close(&mut self) {
        let _ = self.stream.shutdown(Shutdown::Both);
    }

    /// Closes with RST. The connection's other handle goes too, as the kernel resets at the last close.
    pub fn reset(&mut self) {
        let _ = SockRef::from(&self.stream).set_linger(Some(Duration::ZERO));
        let own = self.stream.peer_addr().ok();
        self.shared.open.lock().expect("origin").retain(|s| s.peer_addr().ok() != own);
        // what is left is this handle: exchange it for one that was never connected
        let unused =
            socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("a socket");
        self.stream = unused.into();
    }

    /// Says nothing until the other side closes.
    pub fn hang(&mut self) {
        while self.fill() {}
    }

    /// What [`Origin::set_healthy`] said last.
    #[must_use]
    pub fn healthy(&self) -> bool {
        self.shared.healthy.load(Ordering::SeqCst)
    }

    fn head(&mut self) -> Option<Vec<u8>> {
        loop {
            if let Some(at) = find(&self.rest, b"\r\n\r\n") {
                return Some(self.rest.drain(..at + 4).collect());
            }
            if !self.fill() {
                return None;
            }
        }
    }

    fn fill(&mut self) -> bool {
        let mut buffer = [0; 65536];
        match uninterrupted(|| self.stream.read(&mut buffer)) {
            Ok(n) if n > 0 => {
                self.rest.extend_from_slice(&buffer[..n]);
                true
            }
            _ => false,
        }
    }

    fn record(&mut self, head: Vec<u8>, body: Vec<u8>) -> Request {
        let mut seen = self.shared.seen.lock().expect("origin");
        let connection = *self.number.get_or_insert_with(|| {
            seen.connections += 1;
            seen.connections
        });
        let request = Request { connection, head, body };
        seen.requests.push_back(request.clone());
        self.shared.news.notify_all();
        request
    }
}

/// A plain answer with a body.
pub fn ok(body: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

/// A loopback address that nobody else in this process or beside it uses.
pub fn own_address() -> IpAddr {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    let n = NEXT.fetch_add(1, Ordering::SeqCst);
    let mixed = (std::process::id() << 10).wrapping_add(n) & 0x003f_ffff;
    // 127.64.0.0/10 and up: away from what people configure by hand
    IpAddr::V4(Ipv4Addr::from(0x7f40_0000 | mixed))
}
