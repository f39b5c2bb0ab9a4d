//! What is written about a session.
//!
//! keepalived.conf(5) "bfd_instance"; FRR's `bfd` "peer" and "profile"; RFC 5881 §4 (ports), §5 (TTL), RFC 5883.

use std::ops::RangeInclusive;

use crate::Detail;

/// UDP port for one hop. RFC 5881 §4.
pub const SINGLE_HOP_PORT: u16 = 3784;
/// UDP port for several hops. RFC 5883 §5.
pub const MULTIHOP_PORT: u16 = 4784;
/// Source ports: one of these, the same as long as a session lives, another for each session. RFC 5881 §4.
pub const SOURCE_PORTS: RangeInclusive<u16> = 49152..=65535;
/// TTL or hop limit of one hop, sent and wanted. RFC 5881 §5.
pub const TTL: u8 = 255;

/// Slowest a session that is not Up may want to send, µs. RFC 5880 §6.8.3.
pub(crate) const SLOW_US: u32 = 1_000_000;

/// One session's settings. Intervals in µs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Name in log lines.
    pub name: String,
    /// `min_tx`, `transmit-interval`: shortest interval to send at while Up.
    pub min_tx_us: u32,
    /// `min_rx`, `receive-interval`: shortest interval taken from the other side; 0 for "send me none".
    pub min_rx_us: u32,
    /// `idle_tx`: interval to send at while not Up; less than a second counts as a second (RFC 5880 §6.8.3).
    pub idle_tx_us: u32,
    /// `multiplier`, `detect-multiplier`; 0 counts as 1.
    pub detect_mult: u8,
    /// `passive`, `passive-mode`: speaks only when spoken to.
    pub passive: bool,
    /// Least TTL of a packet that is taken; 0 for any. One hop wants [`TTL`]; keepalived's is `ttl` less
    /// `max_hops`, FRR's `minimum-ttl`.
    pub min_ttl: u8,
    /// FRR's `echo receive-interval`, only advertised: 0 says that no echo is sent back.
    pub min_echo_rx_us: u32,
    /// The C bit.
    pub control_plane_independent: bool,
    /// Whether packets say AdminDown for as long as an operator holds the session down (FRR), or nothing is sent
    /// (keepalived).
    pub signal_admin_down: bool,
    /// The most detailed lines to make.
    pub verbosity: Detail,
}

impl Config {
    /// keepalived's defaults: 10 ms both ways, 5 packets, 1 s when idle, one hop.
    #[must_use]
    pub fn keepalived(name: impl Into<String>) -> Config {
        Config {
            name: name.into(),
            min_tx_us: 10_000,
            min_rx_us: 10_000,
            idle_tx_us: SLOW_US,
            detect_mult: 5,
            passive: false,
            min_ttl: TTL,
            min_echo_rx_us: 0,
            control_plane_independent: false,
            signal_admin_down: false,
            verbosity: Detail::Plain,
        }
    }

    /// FRR's defaults: 300 ms both ways, 3 packets; from several hops away a TTL of 254 will do.
    #[must_use]
    pub fn frr(name: impl Into<String>, multihop: bool) -> Config {
        Config {
            min_tx_us: 300_000,
            min_rx_us: 300_000,
            detect_mult: 3,
            min_ttl: if multihop { 254 } else { TTL },
            signal_admin_down: true,
            ..Config::keepalived(name)
        }
    }

    pub(crate) fn detect_mult(&self) -> u8 {
        self.detect_mult.max(1)
    }

    pub(crate) fn idle_tx_us(&self) -> u32 {
        self.idle_tx_us.max(SLOW_US)
    }
}
