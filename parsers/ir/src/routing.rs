//! Sessions with other nodes that decide who holds what.

use std::net::IpAddr;

use rha_text::Span;

/// Protocol of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RoutingProtocol {
    /// VRRP instance.
    Vrrp,
    /// BGP neighbour.
    Bgp,
    /// BFD peer.
    Bfd,
}

/// One VRRP instance, BGP neighbour or BFD peer; protocol settings are in the language's own crate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoutingSession {
    /// Name.
    pub name: String,
    /// Protocol.
    pub protocol: RoutingProtocol,
    /// The other side; `None` for multicast.
    pub peer: Option<IpAddr>,
    /// Where it was written.
    pub origin: Span,
}
