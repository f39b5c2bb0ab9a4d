//! Syslog receivers: UDP and unix.

use std::net::{SocketAddr, UdpSocket};
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::time::Instant;

use crate::origin::own_address;
use crate::{PATIENCE, uninterrupted};

/// Receives log datagrams.
pub struct Sink {
    socket: Socket,
}

enum Socket {
    Udp(UdpSocket),
    Unix(UnixDatagram),
}

impl Sink {
    /// On UDP.
    #[must_use]
    pub fn udp() -> Sink {
        let socket = UdpSocket::bind((own_address(), 0)).expect("a log receiver");
        socket.set_read_timeout(Some(PATIENCE)).expect("read timeout");
        Sink { socket: Socket::Udp(socket) }
    }

    /// On a unix datagram socket.
    pub fn unix(path: &Path) -> Sink {
        let socket = UnixDatagram::bind(path).expect("a log receiver");
        socket.set_read_timeout(Some(PATIENCE)).expect("read timeout");
        Sink { socket: Socket::Unix(socket) }
    }

    /// Where a UDP one listens.
    ///
    /// # Panics
    /// It is a unix one.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        match &self.socket {
            Socket::Udp(socket) => socket.local_addr().expect("a log receiver"),
            Socket::Unix(_) => panic!("a unix receiver has a path"),
        }
    }

    /// The next datagram, or that none came.
    #[must_use]
    pub fn line(&self) -> String {
        let mut buffer = [0; 65536];
        let read = uninterrupted(|| match &self.socket {
            Socket::Udp(socket) => socket.recv(&mut buffer),
            Socket::Unix(socket) => socket.recv(&mut buffer),
        });
        match read {
            Ok(n) => String::from_utf8_lossy(&buffer[..n]).trim_end_matches('\n').to_string(),
            Err(_) => "<no log line>".to_string(),
        }
    }

    /// Skips datagrams until one contains `text`.
    ///
    /// # Panics
    /// None does in time; says what came instead.
    #[must_use]
    pub fn line_with(&self, text: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        let mut others = Vec::new();
        while Instant::now() < deadline {
            let line = self.line();
            if line.contains(text) {
                return line;
            }
            others.push(line);
        }
        panic!("no log line with {text:?}, but {others:#?}")
    }
}
