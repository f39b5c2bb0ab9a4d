//! Sockets of keepalived's checkers: from an address, by a device, with a mark, towards a server.
//!
//! Only what tokio's own constructors cannot: SO_MARK, SO_BINDTODEVICE, ICMP datagrams (icmp(7): the kernel fills in
//! identifier and checksum; who may open them is in `net.ipv4.ping_group_range`), ICMP errors of connected UDP.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpStream, UdpSocket};
use std::os::fd::AsRawFd;

use socket2::{Domain, Protocol, Socket, Type};

use crate::raw::switch_on;

/// Where a checker's packets come from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProbeSource {
    /// Address to bind to.
    pub ip: Option<IpAddr>,
    /// Port to bind to; 0 for any.
    pub port: u16,
    /// Device to bind to.
    pub device: Option<String>,
    /// Firewall mark; 0 for none.
    pub mark: u32,
}

/// A TCP socket that is bound, not connected, for `tokio::net::TcpSocket::from_std_stream`.
///
/// # Errors
/// As the operating system tells them: the address is not here, the device or mark not permitted.
pub fn probe_tcp(target: SocketAddr, source: &ProbeSource) -> io::Result<TcpStream> {
    Ok(prepare(target, source, Type::STREAM, Protocol::TCP)?.into())
}

/// A connected UDP socket to which ICMP errors are reported.
///
/// # Errors
/// As [`probe_tcp`], and that there is no way to the target.
pub fn probe_udp(target: SocketAddr, source: &ProbeSource) -> io::Result<UdpSocket> {
    let socket = prepare(target, source, Type::DGRAM, Protocol::UDP)?;
    let (level, name) = match target {
        SocketAddr::V4(_) => (libc::IPPROTO_IP, libc::IP_RECVERR),
        SocketAddr::V6(_) => (libc::IPPROTO_IPV6, libc::IPV6_RECVERR),
    };
    switch_on(socket.as_raw_fd(), level, name)?;
    socket.connect(&target.into())?;
    Ok(socket.into())
}

/// An ICMP or ICMPv6 echo socket connected to a target, used like a UDP socket; datagrams begin with the ICMP header.
///
/// # Errors
/// As [`probe_udp`], and that this user may open none.
pub fn probe_icmp(target: SocketAddr, source: &ProbeSource) -> io::Result<UdpSocket> {
    let protocol = if target.is_ipv4() { Protocol::ICMPV4 } else { Protocol::ICMPV6 };
    let source = ProbeSource { port: 0, ..source.clone() };
    let socket = prepare(target, &source, Type::DGRAM, protocol)?;
    socket.connect(&SocketAddr::new(target.ip(), 0).into())?;
    Ok(socket.into())
}

fn prepare(target: SocketAddr, source: &ProbeSource, kind: Type, protocol: Protocol) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(target), kind, Some(protocol))?;
    socket.set_nonblocking(true)?;
    if source.mark != 0 {
        socket.set_mark(source.mark)?;
    }
    if let Some(device) = &source.device {
        socket.bind_device(Some(device.as_bytes()))?;
    }
    let any = || match target {
        SocketAddr::V4(_) => IpAddr::from([0u8; 4]),
        SocketAddr::V6(_) => IpAddr::from([0u16; 8]),
    };
    if source.ip.is_some() || source.port != 0 {
        socket.bind(&SocketAddr::new(source.ip.unwrap_or_else(any), source.port).into())?;
    }
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sockets_come_from_where_they_are_told() {
        let here: IpAddr = "127.0.0.1".parse().unwrap();
        let target = SocketAddr::new(here, 9);
        let source = ProbeSource { ip: Some(here), ..ProbeSource::default() };
        assert_eq!(probe_tcp(target, &source).unwrap().local_addr().unwrap().ip(), here);
        let udp = probe_udp(target, &source).unwrap();
        assert_eq!(udp.peer_addr().unwrap(), target);
        let elsewhere = ProbeSource { ip: "192.0.2.77".parse().ok(), ..ProbeSource::default() };
        assert_eq!(probe_tcp(target, &elsewhere).unwrap_err().kind(), io::ErrorKind::AddrNotAvailable);
    }
}
