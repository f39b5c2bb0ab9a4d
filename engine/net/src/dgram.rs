//! Where log lines leave: datagrams in batches, descriptors line by line; nothing here ever waits.
//!
//! Consecutive lines of one length (the last may be shorter) go to an IP target as one message that the
//! kernel takes apart (`UDP_SEGMENT`, udp(7)): what arrives is the same datagrams in the same order, and a
//! line costs a fifth to a half of a `sendmsg` of its own. What fails that way is sent line by line.
#![allow(unsafe_code, reason = "sendmmsg and writes to descriptors somebody else owns")]

use std::io;
use std::os::fd::{AsRawFd, RawFd};

use socket2::{Domain, SockAddr, Socket, Type};

use crate::SocketAddress;
use crate::connect::abstract_address;

/// Most messages that go in one system call: more would clear memory that is nearly never used.
const CALL: usize = 16;
/// Most lines of one message, as the kernel has it.
const LINES: usize = 64;

/// Longest line that goes together with others: it fits into IPv6's smallest packet. A longer one might need
/// fragments, which segments never get.
const SEGMENT: usize = 1200;
/// Most bytes of one message: what a UDP length can say, less headers.
const MESSAGE: usize = 65_000;

/// A datagram socket aimed at one address, connected lazily because a unix target may come later.
#[derive(Debug)]
pub struct DatagramSocket {
    to: SocketAddress,
    socket: Option<Socket>,
    send_buffer: Option<u32>,
    /// The kernel takes several lines in one message.
    joins: bool,
}

/// Lines waiting to go to one target.
#[derive(Debug, Default)]
pub struct DatagramBatch {
    bytes: Vec<u8>,
    ends: Vec<u32>,
}

impl DatagramBatch {
    /// Lets `write` append one datagram.
    pub fn push(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        write(&mut self.bytes);
        self.ends.push(u32::try_from(self.bytes.len()).unwrap_or(u32::MAX));
    }

    /// Number of datagrams.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The datagrams.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let mut start = 0usize;
        self.ends.iter().map(move |end| {
            let slice = self.bytes.get(start..*end as usize).unwrap_or(&[]);
            start = *end as usize;
            slice
        })
    }

    /// Forgets them, keeping the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }
}

impl DatagramSocket {
    /// A socket aimed at `to`; nothing is opened yet.
    #[must_use]
    pub fn new(to: SocketAddress) -> Self {
        DatagramSocket { to, socket: None, send_buffer: None, joins: false }
    }

    /// The same with a kernel buffer of so many bytes (`tune.sndbuf.backend`).
    #[must_use]
    pub fn with_buffer(self, bytes: Option<u32>) -> Self {
        DatagramSocket { send_buffer: bytes, ..self }
    }

    /// Opens the socket now, which must happen before a chroot.
    ///
    /// # Errors
    /// As the operating system tells them.
    pub fn open(&mut self) -> io::Result<()> {
        if self.socket.is_some() {
            return Ok(());
        }
        let domain = match &self.to {
            SocketAddress::Ip(a) => Domain::for_address(*a),
            _ => Domain::UNIX,
        };
        let socket = Socket::new(domain, Type::DGRAM.nonblocking().cloexec(), None)?;
        if let Some(n) = self.send_buffer {
            let _ = socket.set_send_buffer_size(n as usize);
        }
        // Nothing is ever read from it.
        let _ = socket.shutdown(std::net::Shutdown::Read);
        self.joins = matches!(self.to, SocketAddress::Ip(_)) && knows_segments(&socket);
        self.socket = Some(socket);
        Ok(())
    }

    /// Sends what the kernel takes; returns how many datagrams were dropped.
    pub fn send(&mut self, batch: &DatagramBatch) -> usize {
        if batch.is_empty() || self.open().is_err() {
            return batch.len();
        }
        let (Some(socket), Ok(to)) = (&self.socket, self.address()) else { return batch.len() };
        send_all(socket.as_raw_fd(), &to, batch, &mut self.joins)
    }

    fn address(&self) -> io::Result<SockAddr> {
        match &self.to {
            SocketAddress::Ip(a) => Ok(SockAddr::from(*a)),
            SocketAddress::Unix(p) => SockAddr::unix(p),
            SocketAddress::Abstract(n) => abstract_address(n),
            SocketAddress::Fd(_) => Err(io::ErrorKind::Unsupported.into()),
        }
    }
}

/// Whether the kernel knows `UDP_SEGMENT` (Linux 4.18). One that does not would send the lines as one
/// datagram.
fn knows_segments(socket: &Socket) -> bool {
    let off: libc::c_int = 0;
    // SAFETY: pointer and size of a live integer.
    let r = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_UDP,
            libc::UDP_SEGMENT,
            (&raw const off).cast(),
            size_of::<libc::c_int>() as libc::socklen_t,
        )
    };
    r == 0
}

/// Lines that stand one behind the other in a batch and go in one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Run<'a> {
    bytes: &'a [u8],
    /// Length of each line, but the last may be shorter.
    size: usize,
    lines: usize,
}

/// The batch as messages, in order: lines of one length together when `join`ed.
struct Runs<'a> {
    batch: &'a DatagramBatch,
    next: usize,
    join: bool,
}

impl<'a> Iterator for Runs<'a> {
    type Item = Run<'a>;

    fn next(&mut self) -> Option<Run<'a>> {
        let ends = &self.batch.ends;
        let start = match self.next {
            0 => 0,
            n => *ends.get(n - 1)? as usize,
        };
        let mut end = *ends.get(self.next)? as usize;
        self.next += 1;
        let size = end.saturating_sub(start);
        let mut lines = 1;
        while self.join && (1..=SEGMENT).contains(&size) && lines < LINES {
            let Some(&line_end) = ends.get(self.next) else { break };
            let line = (line_end as usize).saturating_sub(end);
            if line == 0 || line > size || line_end as usize - start > MESSAGE {
                break;
            }
            end = line_end as usize;
            self.next += 1;
            lines += 1;
            if line < size {
                break;
            }
        }
        Some(Run { bytes: self.batch.bytes.get(start..end).unwrap_or_default(), size, lines })
    }
}

/// The control message that says how long a line is.
#[repr(C)]
struct Segments {
    header: libc::cmsghdr,
    size: u16,
}

fn send_all(fd: RawFd, to: &SockAddr, batch: &DatagramBatch, joins: &mut bool) -> usize {
    let mut dropped = 0;
    let mut runs = Runs { batch, next: 0, join: *joins };
    loop {
        let mut some = [Run { bytes: &[], size: 0, lines: 0 }; CALL];
        let mut n = 0usize;
        // The places go first: a run that finds none would be lost.
        for (place, run) in some.iter_mut().zip(runs.by_ref()) {
            *place = run;
            n += 1;
        }
        let Some(mut rest) = some.get(..n).filter(|s| !s.is_empty()) else { return dropped };
        while let Some((first, after)) = rest.split_first() {
            match send_some(fd, to, rest) {
                Ok(k) if k > 0 => {
                    rest = rest.get(k..).unwrap_or_default();
                    continue;
                }
                Err(e) if first.lines > 1 => {
                    // The way to the target cannot do it; anything else may pass.
                    let never = [libc::EIO, libc::EINVAL, libc::EMSGSIZE, libc::EOPNOTSUPP];
                    if e.raw_os_error().is_some_and(|e| never.contains(&e)) {
                        *joins = false;
                    }
                    for line in first.bytes.chunks(first.size.max(1)) {
                        let alone = Run { bytes: line, size: line.len(), lines: 1 };
                        dropped += usize::from(!matches!(send_some(fd, to, &[alone]), Ok(1)));
                    }
                }
                // An ICMP error of an earlier datagram, a full queue, nobody there: skip one.
                _ => dropped += first.lines,
            }
            rest = after;
        }
    }
}

/// Hands at most `CALL` messages to the kernel; how many it took.
fn send_some(fd: RawFd, to: &SockAddr, runs: &[Run<'_>]) -> io::Result<usize> {
    // SAFETY: all-zero iovec, mmsghdr and cmsghdr are valid (null pointers, zero lengths).
    let mut iov: [libc::iovec; CALL] = unsafe { std::mem::zeroed() };
    // SAFETY: as above.
    let mut messages: [libc::mmsghdr; CALL] = unsafe { std::mem::zeroed() };
    // SAFETY: as above.
    let mut controls: [Segments; CALL] = unsafe { std::mem::zeroed() };
    let places = iov.iter_mut().zip(messages.iter_mut()).zip(controls.iter_mut());
    for (run, ((v, m), c)) in runs.iter().zip(places) {
        v.iov_base = run.bytes.as_ptr().cast_mut().cast();
        v.iov_len = run.bytes.len();
        m.msg_hdr.msg_name = to.as_ptr().cast_mut().cast();
        m.msg_hdr.msg_namelen = to.len();
        m.msg_hdr.msg_iov = v;
        m.msg_hdr.msg_iovlen = 1;
        if run.lines > 1 {
            c.header.cmsg_level = libc::SOL_UDP;
            c.header.cmsg_type = libc::UDP_SEGMENT;
            // SAFETY: arithmetic on a length.
            c.header.cmsg_len = unsafe { libc::CMSG_LEN(size_of::<u16>() as u32) } as _;
            c.size = u16::try_from(run.size).unwrap_or(u16::MAX);
            m.msg_hdr.msg_control = (&raw mut *c).cast();
            m.msg_hdr.msg_controllen = size_of::<Segments>() as _;
        }
    }
    let count = u32::try_from(runs.len().min(CALL)).unwrap_or(0);
    // SAFETY: the first `count` headers are filled in with pointers that stay valid during the call; sending
    // does not write through them.
    let sent =
        unsafe { libc::sendmmsg(fd, messages.as_mut_ptr(), count, libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL) };
    usize::try_from(sent).map_err(|_| io::Error::last_os_error())
}

/// A descriptor that log lines are written to, `stdout` for example; made non-blocking at first use.
#[derive(Debug)]
pub struct LineSink {
    fd: RawFd,
    prepared: bool,
}

impl LineSink {
    /// A sink on a descriptor that stays open as long as the process.
    #[must_use]
    pub fn new(fd: RawFd) -> Self {
        LineSink { fd, prepared: false }
    }

    /// Writes all lines, each with `\n` after it, in one call; returns how many did not fit.
    pub fn send(&mut self, batch: &DatagramBatch, scratch: &mut Vec<u8>) -> usize {
        if !self.prepared {
            self.prepared = true;
            // SAFETY: fcntl on a number; a closed one answers EBADF.
            unsafe {
                let flags = libc::fcntl(self.fd, libc::F_GETFL);
                if flags >= 0 && libc::isatty(self.fd) == 0 {
                    libc::fcntl(self.fd, libc::F_SETFL, flags | libc::O_NONBLOCK);
                }
            }
        }
        scratch.clear();
        for line in batch.iter() {
            scratch.extend_from_slice(line);
            if line.last() != Some(&b'\n') {
                scratch.push(b'\n');
            }
        }
        let mut rest: &[u8] = scratch;
        while !rest.is_empty() {
            // SAFETY: pointer and length of a live slice.
            let n = unsafe { libc::write(self.fd, rest.as_ptr().cast(), rest.len()) };
            match usize::try_from(n) {
                Ok(n) if n > 0 => rest = rest.get(n..).unwrap_or(&[]),
                _ => return rest.iter().filter(|b| **b == b'\n').count(),
            }
        }
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_arrives_datagram_by_datagram() {
        let sink = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let mut out = DatagramSocket::new(SocketAddress::Ip(sink.local_addr().unwrap()));
        let mut b = DatagramBatch::default();
        for i in 0..100u32 {
            b.push(|v| v.extend_from_slice(format!("line {i}").as_bytes()));
        }
        assert_eq!(out.send(&b), 0);
        let mut buf = [0u8; 64];
        for i in 0..100 {
            let n = sink.recv(&mut buf).unwrap();
            assert_eq!(&buf[..n], format!("line {i}").as_bytes());
        }
    }

    fn batch(lines: &[&[u8]]) -> DatagramBatch {
        let mut b = DatagramBatch::default();
        for l in lines {
            b.push(|v| v.extend_from_slice(l));
        }
        b
    }

    #[test]
    fn lines_of_one_length_go_together_and_one_shorter_ends_them() {
        let long = [b'x'; SEGMENT + 1];
        let b = batch(&[b"aa", b"bb", b"c", b"dd", b"eee", b"", b"f", &long, &long, b"g"]);
        let runs = |join| Runs { batch: &b, next: 0, join };
        let shapes: Vec<_> = runs(true).map(|r| (r.size, r.lines)).collect();
        assert_eq!(shapes, [(2, 3), (2, 1), (3, 1), (0, 1), (1, 1), (1201, 1), (1201, 1), (1, 1)]);
        for join in [true, false] {
            let lines: Vec<_> = runs(join)
                .flat_map(|r| if r.lines == 1 { vec![r.bytes] } else { r.bytes.chunks(r.size).collect() })
                .collect();
            assert_eq!(lines, b.iter().collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_message_stays_within_what_udp_can_say() {
        let b = batch(&[&[b'x'; SEGMENT][..]; 200]);
        for r in (Runs { batch: &b, next: 0, join: true }) {
            assert!(r.bytes.len() <= MESSAGE && r.lines <= LINES, "{} {}", r.bytes.len(), r.lines);
        }
    }

    #[test]
    fn datagrams_of_all_lengths_arrive_in_order_however_they_were_sent() {
        for host in ["127.0.0.1:0", "[::1]:0"] {
            let Ok(sink) = std::net::UdpSocket::bind(host) else { continue };
            let mut out = DatagramSocket::new(SocketAddress::Ip(sink.local_addr().unwrap()));
            let lines: Vec<String> = (0..90)
                .map(|i| format!("line {i} {}", "x".repeat([3, 3, 3, 1, 900, 900, 1500][i % 7])))
                .collect();
            let b = batch(&lines.iter().map(|l| l.as_bytes()).collect::<Vec<_>>());
            let mut buf = [0u8; 2048];
            for joins in [true, false] {
                out.open().unwrap();
                out.joins &= joins;
                assert_eq!(out.send(&b), 0);
                for l in &lines {
                    let n = sink.recv(&mut buf).unwrap();
                    assert_eq!(&buf[..n], l.as_bytes());
                }
            }
        }
    }

    #[test]
    fn what_cannot_go_together_goes_alone() {
        let sink = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let mut out = DatagramSocket::new(SocketAddress::Ip(sink.local_addr().unwrap()));
        out.open().unwrap();
        assert!(out.joins, "Linux 4.18 and on");
        // Without checksums there are no segments: the kernel says EINVAL.
        let on: libc::c_int = 1;
        let fd = out.socket.as_ref().unwrap().as_raw_fd();
        // SAFETY: pointer and size of a live integer.
        let r =
            unsafe { libc::setsockopt(fd, libc::SOL_SOCKET, libc::SO_NO_CHECK, (&raw const on).cast(), 4) };
        assert_eq!(r, 0);
        assert_eq!(out.send(&batch(&[b"aa", b"bb", b"c", b"dd"])), 0);
        assert!(!out.joins);
        let mut buf = [0u8; 8];
        for l in [&b"aa"[..], b"bb", b"c", b"dd"] {
            let n = sink.recv(&mut buf).unwrap();
            assert_eq!(&buf[..n], l);
        }
    }

    #[test]
    fn nobody_there_is_counted_not_waited_for() {
        let mut out = DatagramSocket::new(SocketAddress::Unix("/nonexistent/log".into()));
        let mut b = DatagramBatch::default();
        b.push(|v| v.extend_from_slice(b"x"));
        assert_eq!(out.send(&b), 1);
    }
}
