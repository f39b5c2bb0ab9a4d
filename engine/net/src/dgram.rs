//! Where log lines leave: datagrams in batches, descriptors line by line; nothing here ever waits.
#![allow(unsafe_code, reason = "sendmmsg and writes to descriptors somebody else owns")]

use std::io;
use std::os::fd::{AsRawFd, RawFd};

use socket2::{Domain, SockAddr, Socket, Type};

use crate::SocketAddress;
use crate::connect::abstract_address;

/// Most datagrams that go in one system call.
const BATCH: usize = 64;

/// A datagram socket aimed at one address, connected lazily because a unix target may come later.
#[derive(Debug)]
pub struct DatagramSocket {
    to: SocketAddress,
    socket: Option<Socket>,
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
        DatagramSocket { to, socket: None }
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
        // Nothing is ever read from it.
        let _ = socket.shutdown(std::net::Shutdown::Read);
        self.socket = Some(socket);
        Ok(())
    }

    /// Sends what the kernel takes; returns how many datagrams were dropped.
    pub fn send(&mut self, batch: &DatagramBatch) -> usize {
        if batch.is_empty() || self.open().is_err() {
            return batch.len();
        }
        let (Some(socket), Ok(to)) = (&self.socket, self.address()) else { return batch.len() };
        send_all(socket.as_raw_fd(), &to, batch)
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

fn send_all(fd: RawFd, to: &SockAddr, batch: &DatagramBatch) -> usize {
    let mut dropped = 0;
    let mut lines = batch.iter().peekable();
    while lines.peek().is_some() {
        // SAFETY: all-zero iovec and mmsghdr are valid (null pointers, zero lengths).
        let mut iov: [libc::iovec; BATCH] = unsafe { std::mem::zeroed() };
        // SAFETY: as above.
        let mut messages: [libc::mmsghdr; BATCH] = unsafe { std::mem::zeroed() };
        let mut n = 0usize;
        for (line, (v, m)) in lines.by_ref().take(BATCH).zip(iov.iter_mut().zip(messages.iter_mut())) {
            v.iov_base = line.as_ptr().cast_mut().cast();
            v.iov_len = line.len();
            m.msg_hdr.msg_name = to.as_ptr().cast_mut().cast();
            m.msg_hdr.msg_namelen = to.len();
            m.msg_hdr.msg_iov = v;
            m.msg_hdr.msg_iovlen = 1;
            n += 1;
        }
        let mut first = 0usize;
        while first < n {
            let Some(rest) = messages.get_mut(first..n) else { break };
            let count = u32::try_from(rest.len()).unwrap_or(0);
            // SAFETY: `rest` holds `count` headers whose pointers stay valid during the call; sending
            // does not write through them.
            let sent = unsafe {
                libc::sendmmsg(fd, rest.as_mut_ptr(), count, libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL)
            };
            match usize::try_from(sent) {
                Ok(k) if k > 0 => first += k,
                _ => {
                    // An ICMP error of an earlier datagram, a full queue, nobody there: skip one.
                    dropped += 1;
                    first += 1;
                }
            }
        }
    }
    dropped
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

    #[test]
    fn nobody_there_is_counted_not_waited_for() {
        let mut out = DatagramSocket::new(SocketAddress::Unix("/nonexistent/log".into()));
        let mut b = DatagramBatch::default();
        b.push(|v| v.extend_from_slice(b"x"));
        assert_eq!(out.send(&b), 1);
    }
}
