//! Options of TCP sockets that few configurations set: signatures, congestion control, what is kept in the kernel.
//!
//! HAProxy 3.4 configuration manual §5.1 "cc", "tcp-md5sig", "tcp-ss", §3.2 "tune.notsent-lowat.client"; tcp(7),
//! RFC 2385.
#![allow(unsafe_code, reason = "setsockopt and getsockopt of what socket2 has no method for")]

use std::io;
use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::sync::Arc;

use socket2::{SockAddr, Socket};

use crate::Conn;
use crate::listen::set_tcp_number;

/// Longest password of TCP-MD5, bytes.
pub const MD5_LONGEST: usize = 80;

/// Options of one kind of socket; what is `None` is left as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TcpOptions {
    /// `tcp-md5sig`: the password; segments of the peer without it are dropped.
    pub md5_password: Option<Arc<[u8]>>,
    /// `cc`: the name of an algorithm.
    pub congestion: Option<Arc<str>>,
    /// `tcp-ss`: 1 keeps the headers of the packet that opened a connection from the network layer on, 2 all.
    pub save_syn: u8,
    /// `tune.notsent-lowat.*`: unsent bytes beyond which a socket does not take more.
    pub unsent: Option<u32>,
}

impl TcpOptions {
    /// Sets those of a listening socket at `own`. COMPAT: what the kernel does not take matters for signatures only.
    pub(crate) fn apply_listening(&self, socket: &Socket, own: SocketAddr) -> io::Result<()> {
        if self.save_syn > 0 {
            set_tcp_number(socket, libc::TCP_SAVE_SYN, self.save_syn.into());
        }
        self.apply_connecting(socket, own)
    }

    /// Sets those of a socket that is to be connected to `peer`.
    pub(crate) fn apply_connecting(&self, socket: &Socket, peer: SocketAddr) -> io::Result<()> {
        if let Some(name) = &self.congestion {
            let _ = socket.set_tcp_congestion(name.as_bytes());
        }
        if let Some(bytes) = self.unsent {
            let bytes = libc::c_int::try_from(bytes).unwrap_or(libc::c_int::MAX);
            set_tcp_number(socket, libc::TCP_NOTSENT_LOWAT, bytes);
        }
        match &self.md5_password {
            Some(password) => sign(socket, peer, password),
            None => Ok(()),
        }
    }
}

impl Conn {
    /// The headers of the packet that opened an accepted connection, where its listener has them kept
    /// ([`TcpOptions::save_syn`]); the kernel gives them once.
    #[must_use]
    pub fn saved_syn(&self) -> Option<Vec<u8>> {
        if self.is_unix() {
            return None;
        }
        let mut out = vec![0u8; SYN_LONGEST];
        let mut length = libc::socklen_t::try_from(out.len()).ok()?;
        // SAFETY: the pointer and the length are of a vector that lives until after the call.
        let r = unsafe {
            libc::getsockopt(
                self.as_raw_fd(),
                libc::IPPROTO_TCP,
                libc::TCP_SAVED_SYN,
                out.as_mut_ptr().cast(),
                &raw mut length,
            )
        };
        out.truncate(length as usize);
        (r == 0).then_some(out)
    }
}

/// Headers of all layers, with room for options.
const SYN_LONGEST: usize = 1024;

/// `struct tcp_md5sig` of linux/tcp.h.
#[repr(C)]
struct Signature {
    address: libc::sockaddr_storage,
    flags: u8,
    prefix: u8,
    length: u16,
    interface: libc::c_int,
    key: [u8; MD5_LONGEST],
}

/// The password of the segments that `to` sends, or that are sent there.
fn sign(socket: &Socket, to: SocketAddr, password: &[u8]) -> io::Result<()> {
    let mut key = [0; MD5_LONGEST];
    let room = key.get_mut(..password.len()).ok_or(io::ErrorKind::InvalidInput)?;
    room.copy_from_slice(password);
    let length = u16::try_from(password.len()).unwrap_or(0);
    // SAFETY: all fields are integers, for which zero is a value.
    let mut address: libc::sockaddr_storage = unsafe { std::mem::zeroed() };
    let from = SockAddr::from(to);
    // SAFETY: both are at least as long as the address, and do not overlap.
    unsafe {
        std::ptr::copy_nonoverlapping(
            from.as_ptr().cast::<u8>(),
            (&raw mut address).cast::<u8>(),
            from.len() as usize,
        );
    }
    let signature = Signature { address, flags: 0, prefix: 0, length, interface: 0, key };
    // SAFETY: a valid descriptor, and a structure of the stated size that lives until after the call.
    let r = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_MD5SIG,
            (&raw const signature).cast(),
            size_of::<Signature>() as libc::socklen_t,
        )
    };
    if r == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_takes_them() {
        use socket2::{Domain, Type};
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        let options = TcpOptions {
            congestion: Some("reno".into()),
            unsent: Some(4096),
            save_syn: 1,
            ..TcpOptions::default()
        };
        options.apply_listening(&socket, ([127, 0, 0, 1], 0).into()).unwrap();
        assert!(socket.tcp_congestion().unwrap().starts_with(b"reno"));
        let unknown = TcpOptions { congestion: Some("nobody".into()), ..TcpOptions::default() };
        assert!(unknown.apply_listening(&socket, ([127, 0, 0, 1], 0).into()).is_ok());
    }
}
