//! Counters of a session, and of packets that were not taken.

use std::fmt;
use std::net::SocketAddr;

use crate::Fault;

/// One session's counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stats {
    /// Packets taken.
    pub received: u64,
    /// Packets to send given out.
    pub sent: u64,
    /// Times it came Up.
    pub ups: u64,
    /// Times it left Up.
    pub downs: u64,
    /// Packets for it that were not taken.
    pub rejected: u64,
}

/// Why a packet was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reject {
    /// The bytes are wrong.
    Malformed(Fault),
    /// No session has this discriminator, or these addresses.
    NoSession {
        /// Your Discriminator.
        your_discr: u32,
    },
    /// The discriminator is known, but not to whoever sent this.
    Spoofed {
        /// Your Discriminator.
        your_discr: u32,
    },
    /// It came from too far away.
    Ttl {
        /// Its TTL or hop limit.
        ttl: u8,
        /// Least wanted.
        least: u8,
    },
    /// It is authenticated, the session is not.
    Auth,
    /// The session is held down.
    AdminDown,
}

impl Reject {
    /// Names for counters, in their order.
    pub const NAMES: [&'static str; 14] = [
        "too_small",
        "length",
        "version",
        "detect_mult",
        "multipoint",
        "my_discr",
        "your_discr",
        "poll_final",
        "auth_section",
        "no_session",
        "spoofed",
        "ttl",
        "auth",
        "admin_down",
    ];

    fn position(&self) -> usize {
        match self {
            Reject::Malformed(fault) => match fault {
                Fault::TooSmall { .. } => 0,
                Fault::Length { .. } => 1,
                Fault::Version(_) => 2,
                Fault::DetectMultZero => 3,
                Fault::Multipoint => 4,
                Fault::MyDiscrZero => 5,
                Fault::YourDiscrZero => 6,
                Fault::PollAndFinal => 7,
                Fault::Auth { .. } => 8,
            },
            Reject::NoSession { .. } => 9,
            Reject::Spoofed { .. } => 10,
            Reject::Ttl { .. } => 11,
            Reject::Auth => 12,
            Reject::AdminDown => 13,
        }
    }

    /// What keepalived logs with `-D` about a packet from there.
    #[must_use]
    pub fn lines(&self, from: SocketAddr) -> Vec<String> {
        let v6 = from.is_ipv6();
        let from = format!("[{}]:{}", from.ip(), from.port());
        match self {
            Reject::Malformed(fault) => {
                vec![fault.to_string(), format!("Discarding bogus packet from {from}")]
            }
            Reject::NoSession { your_discr } => vec![format!(
                "Discarding packet from {from} (session is not found - your discriminator field is 0x{your_discr:08x})"
            )],
            Reject::Spoofed { your_discr } => vec![format!(
                "Discarding packet from {from} (not the neighbor - your discriminator field is 0x{your_discr:08x})"
            )],
            Reject::Ttl { ttl, least } => {
                let word = if v6 { "hop_limit" } else { "ttl" };
                vec![format!("Packet {word}({ttl}) < {least} - discarding")]
            }
            Reject::Auth => vec![format!(
                "Discarding packet from {from} (auth bit is set, but no authentication  is in use)"
            )],
            Reject::AdminDown => {
                vec![format!("Discarding packet from {from} (session is in AdminDown state)")]
            }
        }
    }
}

impl fmt::Display for Reject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Reject::NAMES.get(self.position()).copied().unwrap_or_default())
    }
}

/// Packets not taken, by reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rejects([u64; Reject::NAMES.len()]);

impl Rejects {
    /// Counts one.
    pub fn count(&mut self, reject: &Reject) {
        if let Some(n) = self.0.get_mut(reject.position()) {
            *n += 1;
        }
    }

    /// All reasons with their numbers.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
        Reject::NAMES.into_iter().zip(self.0)
    }

    /// The sum.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_counted_each_at_its_place() {
        let mut rejects = Rejects::default();
        let all = [
            Reject::Malformed(Fault::TooSmall { len: 1 }),
            Reject::Malformed(Fault::Length { field: 1, len: 1 }),
            Reject::Malformed(Fault::Version(0)),
            Reject::Malformed(Fault::DetectMultZero),
            Reject::Malformed(Fault::Multipoint),
            Reject::Malformed(Fault::MyDiscrZero),
            Reject::Malformed(Fault::YourDiscrZero),
            Reject::Malformed(Fault::PollAndFinal),
            Reject::Malformed(Fault::Auth { kind: 1 }),
            Reject::NoSession { your_discr: 1 },
            Reject::Spoofed { your_discr: 1 },
            Reject::Ttl { ttl: 1, least: 255 },
            Reject::Auth,
            Reject::AdminDown,
        ];
        for reject in &all {
            rejects.count(reject);
        }
        assert!(rejects.iter().all(|(_, n)| n == 1));
        assert_eq!(rejects.total(), all.len() as u64);
        let from = "10.0.0.1:50000".parse().unwrap();
        assert_eq!(all[11].to_string(), "ttl");
        assert_eq!(all[11].lines(from), ["Packet ttl(1) < 255 - discarding"]);
        assert_eq!(
            all[9].lines(from),
            [
                "Discarding packet from [10.0.0.1]:50000 (session is not found - your discriminator field is 0x00000001)"
            ]
        );
    }
}
