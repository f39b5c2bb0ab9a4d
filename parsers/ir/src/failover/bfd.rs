//! `bfd_instance`.

use std::net::IpAddr;

use rha_text::Span;

use super::{TrackWeight, TrackedBy};

/// A BFD session with one neighbour. keepalived.conf(5) "BFD configuration", RFC 5880, RFC 5881.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BfdInstance {
    /// Name.
    pub name: String,
    /// `neighbor_ip`.
    pub neighbor: IpAddr,
    /// `source_ip`; `None` lets the kernel choose.
    pub source: Option<IpAddr>,
    /// `min_rx`, microseconds; 10 ms by default.
    pub min_rx_us: u32,
    /// `min_tx`, microseconds; 10 ms by default.
    pub min_tx_us: u32,
    /// `idle_tx`, microseconds; 1 s by default.
    pub idle_tx_us: u32,
    /// `multiplier`; 5 by default.
    pub multiplier: u8,
    /// `passive`: waits for the neighbour to begin.
    pub passive: bool,
    /// `ttl`, `hoplimit` of what is sent; `None` for 255.
    pub ttl: Option<u8>,
    /// `max_hops` that a received packet may have come; `None` checks for 255 exactly unless `ttl` is set.
    pub max_hops: Option<u8>,
    /// `multihop` (2.2.8): port 4784.
    pub multihop: bool,
    /// `weight`, which instances use unless they say otherwise.
    pub weight: TrackWeight,
    /// `vrrp`, `checker`; both when neither is written.
    pub seen_by: TrackedBy,
    /// Where it was written.
    pub origin: Span,
}
