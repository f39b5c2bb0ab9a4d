//! Echo requests every 10 ms, and the gaps between the replies.

use std::io::{ErrorKind, Read};
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use socket2::{Domain, Protocol, Socket, Type};

/// Time between two requests.
pub(super) const EVERY: Duration = Duration::from_millis(10);

const REQUEST: [u8; 2] = [8, 128];
const REPLY: [u8; 2] = [0, 129];

/// Requests under way, until dropped.
pub struct Pings {
    replies: Arc<Mutex<Vec<(Instant, u16)>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

pub(super) fn open(target: IpAddr) -> Result<Socket, String> {
    let (domain, protocol) = match target {
        IpAddr::V4(_) => (Domain::IPV4, Protocol::ICMPV4),
        IpAddr::V6(_) => (Domain::IPV6, Protocol::ICMPV6),
    };
    let socket = Socket::new(domain, Type::RAW, Some(protocol)).map_err(|e| e.to_string())?;
    socket.connect(&SocketAddr::new(target, 0).into()).map_err(|e| format!("{target}: {e}"))?;
    Ok(socket)
}

impl Pings {
    pub(super) fn start(socket: Socket, target: IpAddr) -> Result<Pings, String> {
        let (replies, stop): (Arc<Mutex<Vec<_>>>, Arc<AtomicBool>) = Default::default();
        let (book, ending) = (Arc::clone(&replies), Arc::clone(&stop));
        let run = move || {
            ping(socket, target, &ending, |sequence| {
                book.lock().unwrap_or_else(PoisonError::into_inner).push((Instant::now(), sequence));
            })
        };
        Ok(Pings { replies, stop, thread: Some(std::thread::spawn(run)) })
    }

    /// The longest time between two replies from shortly before `from` until now, less the 10 ms there always
    /// are; the time since the last one counts. `None` if there was no reply before.
    #[must_use]
    pub fn gap(&self, from: Instant) -> Option<Duration> {
        let replies = self.replies.lock().unwrap_or_else(PoisonError::into_inner);
        let first = replies.partition_point(|(at, _)| *at < from).checked_sub(1)?;
        let times = replies[first..].iter().map(|(at, _)| *at).chain([Instant::now()]);
        let times: Vec<Instant> = times.collect();
        times.windows(2).map(|w| w[1].saturating_duration_since(w[0]).saturating_sub(EVERY)).max()
    }

    /// How many requests between the first and the last reply since then were not answered.
    #[must_use]
    pub fn lost(&self, from: Instant) -> usize {
        let replies = self.replies.lock().unwrap_or_else(PoisonError::into_inner);
        let first = replies.partition_point(|(at, _)| *at < from);
        let steps = replies[first..].windows(2).map(|w| w[1].1.wrapping_sub(w[0].1));
        // a reply that was overtaken by the next is no loss
        steps.filter(|n| (2..0x8000).contains(n)).map(|n| usize::from(n) - 1).sum()
    }

    /// Waits for the next reply.
    #[must_use]
    pub fn answered_within(&self, limit: Duration) -> bool {
        let start = Instant::now();
        while self.answered(start) == 0 {
            if start.elapsed() > limit {
                return false;
            }
            std::thread::sleep(EVERY / 2);
        }
        true
    }

    /// Replies since then.
    #[must_use]
    pub fn answered(&self, from: Instant) -> usize {
        let replies = self.replies.lock().unwrap_or_else(PoisonError::into_inner);
        replies.len() - replies.partition_point(|(at, _)| *at < from)
    }
}

impl Drop for Pings {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn ping(mut socket: Socket, target: IpAddr, stop: &AtomicBool, mut replied: impl FnMut(u16)) {
    let mut next = Instant::now();
    let mut sequence = 0u16;
    let mut buffer = [0u8; 256];
    let v6 = usize::from(target.is_ipv6());
    while !stop.load(Ordering::Relaxed) {
        let left = next.saturating_duration_since(Instant::now());
        if left.is_zero() {
            sequence = sequence.wrapping_add(1);
            // nobody there: the next one may be answered
            let _ = socket.send(&request(REQUEST[v6], sequence));
            next += EVERY;
            continue;
        }
        if socket.set_read_timeout(Some(left.max(Duration::from_millis(1)))).is_err() {
            return;
        }
        match socket.read(&mut buffer) {
            Ok(n) => {
                let all = buffer.get(..n).unwrap_or_default();
                let message = if v6 == 1 { Some(all) } else { all.get(20..) };
                if let Some([kind, _, _, _, 0x77, 0x77, high, low, ..]) = message
                    && *kind == REPLY[v6]
                {
                    replied(u16::from_be_bytes([*high, *low]));
                }
            }
            Err(e)
                if matches!(
                    e.kind(),
                    ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
                ) => {}
            // an error of an earlier request (no route, no such host)
            Err(_) => {}
        }
    }
}

fn request(kind: u8, sequence: u16) -> [u8; 16] {
    let [high, low] = sequence.to_be_bytes();
    let mut message = [kind, 0, 0, 0, 0x77, 0x77, high, low, 0, 0, 0, 0, 0, 0, 0, 0];
    let pairs = message.chunks_exact(2).map(|p| u32::from(u16::from_be_bytes([p[0], p[1]])));
    let sum: u32 = pairs.sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    // the kernel sums ICMPv6 itself
    let [a, b] = (!u16::try_from(folded & 0xffff).unwrap_or(0)).to_be_bytes();
    message[2] = a;
    message[3] = b;
    message
}
