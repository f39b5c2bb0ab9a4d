//! Servers to be checked: each lives on its address until it is dropped.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// How long a server waits before it looks whether it is to stop.
const TURN: Duration = Duration::from_millis(50);
/// How long it listens to a client that says nothing.
const HEARING: Duration = Duration::from_secs(5);

/// One server.
pub struct Service {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
    address: SocketAddr,
    stream: bool,
}

impl Service {
    /// Does this to every connection, each in a thread of its own; the flag says that the service ends.
    ///
    /// # Panics
    /// The address is not to be had.
    #[must_use]
    pub fn tcp(address: &str, answer: impl Fn(TcpStream, &AtomicBool) + Send + Sync + 'static) -> Service {
        let listener = TcpListener::bind(address).unwrap();
        let address = listener.local_addr().unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let (flag, answer) = (stop.clone(), Arc::new(answer));
        let thread = std::thread::spawn(move || {
            let mut threads = Vec::new();
            for stream in listener.incoming() {
                if flag.load(Ordering::Relaxed) {
                    break;
                }
                let Ok(stream) = stream else { continue };
                let (answer, flag) = (answer.clone(), flag.clone());
                threads.push(std::thread::spawn(move || {
                    let _ = stream.set_read_timeout(Some(HEARING));
                    answer(stream, &flag);
                }));
            }
            drop(listener);
            threads.into_iter().for_each(|t| drop(t.join()));
        });
        Service { stop, thread: Some(thread), address, stream: true }
    }

    /// Says these, one after each thing it hears (the first at once), and closes behind the last.
    ///
    /// # Panics
    /// As [`Service::tcp`].
    #[must_use]
    pub fn lines(address: &str, texts: &'static [&'static str]) -> Service {
        Service::tcp(address, |mut stream, _| {
            let mut heard = [0; 1024];
            for (n, text) in texts.iter().enumerate() {
                if n > 0 && stream.read(&mut heard).unwrap_or(0) == 0 {
                    return;
                }
                if stream.write_all(text.as_bytes()).is_err() {
                    return;
                }
            }
        })
    }

    /// Turns every datagram round, with the third byte's top bit set: a name server's answer, if it was a question.
    ///
    /// # Panics
    /// The address is not to be had.
    #[must_use]
    pub fn echo(address: &str) -> Service {
        let socket = UdpSocket::bind(address).unwrap();
        let address = socket.local_addr().unwrap();
        socket.set_read_timeout(Some(TURN)).unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let flag = stop.clone();
        let thread = std::thread::spawn(move || {
            let mut buffer = [0; 512];
            while !flag.load(Ordering::Relaxed) {
                match socket.recv_from(&mut buffer) {
                    Ok((len, from)) => {
                        if let Some(byte) = buffer.get_mut(2) {
                            *byte |= 0x80;
                        }
                        let _ = socket.send_to(&buffer[..len], from);
                    }
                    Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
                    Err(_) => {}
                }
            }
        });
        Service { stop, thread: Some(thread), address, stream: false }
    }
}

impl Service {
    /// A BFD speaker (RFC 5880, 5881) that agrees to a session and answers every packet of it.
    ///
    /// # Panics
    /// Its ports are not to be had.
    #[must_use]
    pub fn bfd(there: &super::Neighbour) -> Service {
        const DOWN: u8 = 1;
        const INIT: u8 = 2;
        const UP: u8 = 3;
        let stop = Arc::new(AtomicBool::new(false));
        let (flag, name) = (stop.clone(), there.0.clone());
        let (tell, ready) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            super::go(&name);
            let ears = UdpSocket::bind("10.9.7.2:3784").unwrap();
            let mouth = UdpSocket::bind("10.9.7.2:49200").unwrap();
            mouth.set_ttl(255).unwrap();
            ears.set_read_timeout(Some(TURN)).unwrap();
            let _ = tell.send(());
            let mut heard = [0; 64];
            while !flag.load(Ordering::Relaxed) {
                let Ok((24, from)) = ears.recv_from(&mut heard) else { continue };
                let state = if heard[1] >> 6 == DOWN { INIT } else { UP };
                // a final bit for a poll
                let is_final = (heard[1] & 0x20) >> 1;
                let mut said = [0; 24];
                said[..4].copy_from_slice(&[1 << 5, state << 6 | is_final, heard[2], 24]);
                said[4..8].copy_from_slice(&7u32.to_be_bytes());
                said[8..12].copy_from_slice(&heard[4..8]);
                said[12..20].copy_from_slice(&heard[12..20]);
                let _ = mouth.send_to(&said, (from.ip(), 3784));
            }
        });
        ready.recv().unwrap();
        Service { stop, thread: Some(thread), address: SocketAddr::from(([0; 4], 0)), stream: false }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if self.stream {
            // wakes who accepts
            let _ = TcpStream::connect(self.address);
        }
        let _ = self.thread.take().map(JoinHandle::join);
    }
}
