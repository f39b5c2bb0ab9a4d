//! Why a packet is not for us, in the original's words, and which counter it goes to.
//!
//! DIFFERS: keepalived 2.2.7 writes the line for every bad packet; we write it once per reason and sender
//! until that sender is heard well again or the state changes, like keepalived 2.3.3 and later.

use std::net::{IpAddr, Ipv4Addr};

/// One reason, with what the log line names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reject {
    /// An authentication header where none is configured.
    UnexpectedAh,
    /// None where one is configured.
    MissingAh,
    /// Longer or shorter than version, family and address count ask for.
    Length {
        /// Bytes received.
        got: usize,
        /// Bytes expected.
        expected: usize,
    },
    /// Multicast with a TTL or hop limit other than 255 (RFC 5798 §7.1 MUST).
    Ttl {
        /// As received.
        got: u8,
    },
    /// Another protocol version (RFC 5798 §7.1 MUST).
    Version {
        /// As received.
        got: u8,
        /// Ours.
        expected: u8,
    },
    /// An auth type that does not exist.
    InvalidAuthType {
        /// As received.
        got: u8,
    },
    /// Another auth type than ours.
    AuthType {
        /// As received.
        got: u8,
        /// Ours.
        expected: u8,
    },
    /// Another password.
    Password,
    /// An authentication header around another protocol.
    AhProtocol,
    /// The value of the authentication header is wrong.
    AhDigest,
    /// The SPI is not the sender's address.
    AhSpi {
        /// The sender.
        source: Ipv4Addr,
        /// As received.
        spi: Ipv4Addr,
    },
    /// A sequence number heard before.
    AhSequence {
        /// As received.
        got: u32,
        /// Last accepted.
        last: u32,
    },
    /// Another interval, in seconds (RFC 3768 §7.1; version 3 adopts the master's instead).
    Interval {
        /// Ours.
        ours: u64,
        /// As received.
        got: u8,
    },
    /// A packet type other than 1.
    Type {
        /// As received.
        got: u8,
    },
    /// Another number of addresses.
    AddressCount {
        /// As received.
        got: u8,
        /// Ours.
        expected: usize,
    },
    /// The IPv4 total length is not what was received.
    TotalLength {
        /// By the header.
        claimed: usize,
        /// Bytes received.
        received: usize,
    },
    /// Wrong checksum (RFC 5798 §7.1 MUST).
    Checksum {
        /// Ours.
        version: u8,
    },
    /// Unicast where multicast is expected or the other way round.
    Kind {
        /// We expect unicast.
        expected_unicast: bool,
    },
    /// One of our addresses is not in the advert.
    AddressList {
        /// Our router id.
        vrid: u8,
        /// The first one missing.
        missing: IpAddr,
    },
    /// Not from one of `unicast_peer`.
    UnknownPeer {
        /// Sender.
        source: IpAddr,
    },
    /// Outside `min_ttl`–`max_ttl` of the peer.
    PeerTtl {
        /// As received.
        got: u8,
        /// Smallest accepted.
        min: u8,
        /// Largest accepted.
        max: u8,
    },
    /// From our own address: another node uses it, or the network sends our packets back.
    OwnAddress,
}

/// The reasons without their details: what is counted and limited separately.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RejectKind {
    /// [`Reject::UnexpectedAh`], [`Reject::MissingAh`].
    AhPresence,
    /// [`Reject::Length`], [`Reject::TotalLength`].
    Length,
    /// [`Reject::Ttl`], [`Reject::PeerTtl`].
    Ttl,
    /// [`Reject::Version`].
    Version,
    /// [`Reject::InvalidAuthType`].
    InvalidAuthType,
    /// [`Reject::AuthType`].
    AuthType,
    /// [`Reject::Password`].
    Password,
    /// [`Reject::AhDigest`], [`Reject::AhSpi`], [`Reject::AhProtocol`].
    AhDigest,
    /// [`Reject::AhSequence`].
    AhSequence,
    /// [`Reject::Interval`].
    Interval,
    /// [`Reject::Type`].
    Type,
    /// [`Reject::AddressCount`].
    AddressCount,
    /// [`Reject::AddressList`].
    AddressList,
    /// [`Reject::Checksum`].
    Checksum,
    /// [`Reject::Kind`].
    Kind,
    /// [`Reject::UnknownPeer`].
    UnknownPeer,
    /// [`Reject::OwnAddress`].
    OwnAddress,
}

impl RejectKind {
    /// All of them, in the order of their numbers.
    pub const ALL: [RejectKind; 17] = [
        RejectKind::AhPresence,
        RejectKind::Length,
        RejectKind::Ttl,
        RejectKind::Version,
        RejectKind::InvalidAuthType,
        RejectKind::AuthType,
        RejectKind::Password,
        RejectKind::AhDigest,
        RejectKind::AhSequence,
        RejectKind::Interval,
        RejectKind::Type,
        RejectKind::AddressCount,
        RejectKind::AddressList,
        RejectKind::Checksum,
        RejectKind::Kind,
        RejectKind::UnknownPeer,
        RejectKind::OwnAddress,
    ];

    /// A short name for metrics and `status`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            RejectKind::AhPresence => "ah_presence",
            RejectKind::Length => "length",
            RejectKind::Ttl => "ttl",
            RejectKind::Version => "version",
            RejectKind::InvalidAuthType => "invalid_auth_type",
            RejectKind::AuthType => "auth_type",
            RejectKind::Password => "password",
            RejectKind::AhDigest => "ah_digest",
            RejectKind::AhSequence => "ah_sequence",
            RejectKind::Interval => "interval",
            RejectKind::Type => "type",
            RejectKind::AddressCount => "address_count",
            RejectKind::AddressList => "address_list",
            RejectKind::Checksum => "checksum",
            RejectKind::Kind => "unicast_multicast",
            RejectKind::UnknownPeer => "unknown_peer",
            RejectKind::OwnAddress => "own_address",
        }
    }

    /// Its place in [`RejectKind::ALL`].
    #[must_use]
    pub fn index(self) -> usize {
        self as usize
    }
}

impl Reject {
    /// Without details.
    #[must_use]
    pub fn kind(&self) -> RejectKind {
        match self {
            Reject::UnexpectedAh | Reject::MissingAh => RejectKind::AhPresence,
            Reject::Length { .. } | Reject::TotalLength { .. } => RejectKind::Length,
            Reject::Ttl { .. } | Reject::PeerTtl { .. } => RejectKind::Ttl,
            Reject::Version { .. } => RejectKind::Version,
            Reject::InvalidAuthType { .. } => RejectKind::InvalidAuthType,
            Reject::AuthType { .. } => RejectKind::AuthType,
            Reject::Password => RejectKind::Password,
            Reject::AhProtocol | Reject::AhDigest | Reject::AhSpi { .. } => RejectKind::AhDigest,
            Reject::AhSequence { .. } => RejectKind::AhSequence,
            Reject::Interval { .. } => RejectKind::Interval,
            Reject::Type { .. } => RejectKind::Type,
            Reject::AddressCount { .. } => RejectKind::AddressCount,
            Reject::AddressList { .. } => RejectKind::AddressList,
            Reject::Checksum { .. } => RejectKind::Checksum,
            Reject::Kind { .. } => RejectKind::Kind,
            Reject::UnknownPeer { .. } => RejectKind::UnknownPeer,
            Reject::OwnAddress => RejectKind::OwnAddress,
        }
    }

    /// The original's log line for an instance of this name. `None`: the original drops it silently.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<String> {
        Some(match self {
            Reject::UnexpectedAh => format!("({name}) Received AH header but auth type not AH"),
            Reject::MissingAh => format!("({name}) No AH header but auth type is AH"),
            Reject::Length { got, expected } => {
                let too = if got > expected { "long" } else { "short" };
                format!("({name}) vrrp packet too {too}, length {got} and expect {expected}")
            }
            Reject::Ttl { got } => format!("({name}) invalid TTL/HL. Received {got} and expect 255"),
            Reject::Version { got, expected } => {
                format!("({name}) wrong version. Received {got} and expect {expected}")
            }
            Reject::InvalidAuthType { got } => format!("({name}) Invalid auth type: {got}"),
            Reject::AuthType { got, expected } => {
                format!("({name}) received a {got} auth, expecting {expected}!")
            }
            Reject::Password => format!("({name}) received an invalid passwd!"),
            Reject::AhProtocol => return None,
            Reject::AhDigest => format!(
                "({name}) IPSEC-AH : invalid IPSEC HMAC-MD5 value. Due to fields mutation or bad password !"
            ),
            // COMPAT: both numbers are the addresses' bytes read in the machine's own order
            Reject::AhSpi { source, spi } => format!(
                "IPSEC AH : invalid IPSEC SPI value. {} and expect {}",
                u32::from_ne_bytes(source.octets()),
                u32::from_ne_bytes(spi.octets())
            ),
            Reject::AhSequence { got, last } => format!(
                "({name}) IPSEC-AH : sequence number {got} already processed. Packet dropped. Local({last})"
            ),
            Reject::Interval { ours, got } => {
                format!("({name}) advertisement interval mismatch mine={ours} sec rcv'd={got} sec")
            }
            Reject::Type { got } => format!("({name}) Invalid packet type. {got} and expect 1"),
            Reject::AddressCount { got, expected } => {
                format!("({name}) received an unexpected ip number count {got}, expected {expected}!")
            }
            Reject::TotalLength { claimed, received } => format!(
                "({name}) ip_tot_len mismatch against received length. {claimed} and received {received}"
            ),
            Reject::Checksum { version } => format!("({name}) Invalid VRRPv{version} checksum"),
            Reject::Kind { expected_unicast } => {
                let (expected, got) = if *expected_unicast { ("un", "mult") } else { ("mult", "un") };
                format!("({name}) Expected {expected}icast packet but received {got}icast packet")
            }
            Reject::AddressList { vrid, missing } => format!(
                "({name}) ip address associated with VRID {vrid} not present in MASTER advert: {missing}"
            ),
            Reject::UnknownPeer { source } => {
                format!("({name}) unicast source address {source} not a unicast peer")
            }
            Reject::PeerTtl { got, min, max } => {
                format!("({name}) TTL/HL {got} not in range {min} - {max}")
            }
            Reject::OwnAddress => format!(
                "({name}) WARNING - equal priority advert received from remote host with our IP address."
            ),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_places() {
        for (place, kind) in RejectKind::ALL.iter().enumerate() {
            assert_eq!(kind.index(), place, "{kind:?}");
        }
    }
}
