//! Frames onto a link (packet(7)).

use std::io;
use std::os::fd::AsRawFd;

use socket2::{Domain, Socket, Type};

use super::message;

/// Sends frames; hears nothing.
#[derive(Debug)]
pub struct FrameSender {
    socket: Socket,
}

impl FrameSender {
    /// Opens one for all links of the calling thread's network namespace.
    ///
    /// # Errors
    /// As the operating system tells them; needs `CAP_NET_RAW`.
    pub fn open() -> io::Result<FrameSender> {
        // Protocol 0: the kernel hands no frame to it.
        let socket = Socket::new(Domain::PACKET, Type::RAW.nonblocking().cloexec(), None)?;
        Ok(FrameSender { socket })
    }

    /// Sends a frame, Ethernet header included, now or not at all.
    ///
    /// # Errors
    /// As the operating system tells them: `ENETDOWN` when the link is down.
    pub fn send(&self, link: u32, frame: &[u8]) -> io::Result<()> {
        let protocol = frame.get(12..14).and_then(|p| p.try_into().ok()).map_or(0, u16::from_be_bytes);
        message::send(self.socket.as_raw_fd(), frame, &message::link_address(link, protocol), None)
    }
}
