//! Addresses that move between nodes.

use std::net::IpAddr;

use rha_text::Span;

/// A virtual address: keepalived's `virtual_ipaddress`, an address FRR announces, or one a `bind` needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VirtualIp {
    /// Address.
    pub address: IpAddr,
    /// Prefix length.
    pub prefix_len: u8,
    /// Interface.
    pub interface: Option<String>,
    /// Name of the [`crate::RoutingSession`] that moves it.
    pub session: String,
    /// Where it was written.
    pub origin: Span,
}
