//! What packets of a connection carry for routers and filters, and what the kernel has measured on it.
//!
//! HAProxy 3.0 configuration manual §4.3 "set-fc-mark", "set-fc-tos", §7.3.3 "fc_rtt". Linux tcp(7) `TCP_INFO`.
#![allow(unsafe_code, reason = "getsockopt of TCP_INFO")]

use std::os::fd::AsRawFd;

use socket2::{SockRef, Socket};

use crate::Conn;

/// Figures of `TCP_INFO`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TcpInfo {
    /// Smoothed round trip time, microseconds.
    pub rtt_us: u32,
    /// Its mean deviation, microseconds.
    pub rtt_variance_us: u32,
    /// Segments sent that are not acknowledged yet.
    pub unacked: u32,
    /// Segments acknowledged selectively.
    pub sacked: u32,
    /// Segments taken for lost.
    pub lost: u32,
    /// Segments sent again that are under way.
    pub retransmitted: u32,
    /// Forward acknowledgements; no longer counted by kernels of today.
    pub fackets: u32,
    /// Segments that may arrive out of order.
    pub reordering: u32,
}

impl Conn {
    /// Netfilter's mark on what is sent from now on; needs a privilege. Whether the system took it.
    pub fn set_mark(&self, mark: u32) -> bool {
        !self.is_unix() && SockRef::from(self).set_mark(mark).is_ok()
    }

    /// Type of service of IPv4, traffic class of IPv6. Whether the system took it.
    pub fn set_tos(&self, tos: u8) -> bool {
        let to_v6 = self.local().is_some_and(|a| a.ip().to_canonical().is_ipv6());
        !self.is_unix() && put_tos(&SockRef::from(self), tos, to_v6)
    }

    /// What the kernel knows of a TCP connection; `None` of any other.
    #[must_use]
    pub fn tcp_info(&self) -> Option<TcpInfo> {
        if self.is_unix() {
            return None;
        }
        // SAFETY: all fields are integers, for which zero is a value.
        let mut info: libc::tcp_info = unsafe { std::mem::zeroed() };
        let mut len = libc::socklen_t::try_from(size_of::<libc::tcp_info>()).ok()?;
        // SAFETY: the pointer and the length are of a structure that lives until after the call.
        let r = unsafe {
            libc::getsockopt(
                self.as_raw_fd(),
                libc::IPPROTO_TCP,
                libc::TCP_INFO,
                (&raw mut info).cast(),
                &raw mut len,
            )
        };
        (r == 0).then_some(TcpInfo {
            rtt_us: info.tcpi_rtt,
            rtt_variance_us: info.tcpi_rttvar,
            unacked: info.tcpi_unacked,
            sacked: info.tcpi_sacked,
            lost: info.tcpi_lost,
            retransmitted: info.tcpi_retrans,
            fackets: info.tcpi_fackets,
            reordering: info.tcpi_reordering,
        })
    }
}

/// Whether an address is one of this machine's: whether a socket can be bound to it.
#[must_use]
pub fn is_local_address(ip: std::net::IpAddr) -> bool {
    std::net::UdpSocket::bind((ip, 0)).is_ok()
}

/// Sets mark and type of service of a socket that is about to connect. COMPAT: one that the system refuses is not
/// spoken of.
pub(crate) fn mark_new(socket: &Socket, to_v6: bool, mark: Option<u32>, tos: Option<u8>) {
    if let Some(mark) = mark {
        let _ = socket.set_mark(mark);
    }
    if let Some(tos) = tos {
        put_tos(socket, tos, to_v6);
    }
}

fn put_tos(socket: &Socket, tos: u8, v6: bool) -> bool {
    if v6 { socket.set_tclass_v6(tos.into()).is_ok() } else { socket.set_tos_v4(tos.into()).is_ok() }
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn what_is_set_is_what_the_kernel_says() {
        let ended = crate::run_loop(async {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let (server, _) = listener.accept().unwrap();
            let conn = Conn::accepted(server.into(), false).unwrap();
            assert!(conn.set_tos(0x20));
            assert_eq!(SockRef::from(&conn).tos_v4().unwrap(), 0x20);
            let info = conn.tcp_info().unwrap();
            assert!(is_local_address([127, 0, 0, 1].into()) && !is_local_address([192, 0, 2, 1].into()));
            assert!(info.rtt_us > 0 && info.reordering > 0, "{info:?}");
            drop(client);
        });
        drop(ended);
    }
}
