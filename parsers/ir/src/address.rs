//! Addresses as they are written, before anything is resolved.

use std::net::IpAddr;

/// The host part.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Host {
    /// `*` or nothing: every local IPv4 address, or for a server the address the client asked for.
    Any,
    /// `[::]`, `ipv6@`: every local IPv6 address.
    AnyV6,
    /// A literal.
    Ip(IpAddr),
    /// A name with the family it was restricted to (4, 6, or `None`).
    Name {
        /// The name.
        name: String,
        /// 4 or 6 after `ipv4@` or `ipv6@`.
        family: Option<u8>,
    },
}

/// The port part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Port {
    /// Nothing written.
    None,
    /// One.
    One(u16),
    /// `low-high`.
    Range(u16, u16),
    /// `+n` or `-n`, added to the port the client connected to (servers only).
    Offset(i32),
}

/// An address in any form of the language. HAProxy configuration manual §11 "Address formats".
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Address {
    /// `host:port`, with any of `ipv4@ ipv6@ tcp@ tcp4@ tcp6@` and for datagrams `udp@ udp4@ udp6@`.
    Ip {
        /// Host.
        host: Host,
        /// Port.
        port: Port,
        /// Whether datagrams are meant (`udp@`, `quic…@`).
        datagram: bool,
    },
    /// `/path`, `unix@path`.
    Unix(String),
    /// `abns@name`, `abnsz@name`.
    Abstract {
        /// The name without the leading zero byte.
        name: String,
        /// Whether the name ends at its length (`abnsz@`) instead of being padded.
        zero_terminated: bool,
    },
    /// `fd@n`: a descriptor inherited from the parent.
    Fd(i32),
    /// `sockpair@n`: a descriptor over which descriptors are passed.
    SockPair(i32),
    /// `rhttp@…`, and others that need what is not built.
    Other(String),
}
