//! Counters of one instance: those of the original's statistics dump, and refusals by reason.

use crate::packet::RejectKind;

/// Counters since start; a reload keeps them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stats {
    /// Adverts with the right type, version and length.
    pub adverts_received: u64,
    /// Adverts sent; one for all unicast peers together.
    pub adverts_sent: u64,
    /// Times it became master.
    pub became_master: u64,
    /// Times it ceased to be.
    pub released_master: u64,
    /// Adverts of priority 0 received.
    pub priority_zero_received: u64,
    /// Adverts of priority 0 sent.
    pub priority_zero_sent: u64,
    rejected: [u64; RejectKind::ALL.len()],
}

impl Stats {
    /// Packets refused for this reason.
    #[must_use]
    pub fn rejected(&self, kind: RejectKind) -> u64 {
        self.rejected.get(kind.index()).copied().unwrap_or(0)
    }

    /// Packets refused for any reason.
    #[must_use]
    pub fn rejected_total(&self) -> u64 {
        self.rejected.iter().sum()
    }

    pub(crate) fn count_reject(&mut self, kind: RejectKind) {
        // COMPAT: by then the original has counted these as received
        if matches!(kind, RejectKind::AddressList | RejectKind::UnknownPeer | RejectKind::OwnAddress) {
            self.adverts_received += 1;
        }
        if let Some(count) = self.rejected.get_mut(kind.index()) {
            *count += 1;
        }
    }

    /// "Packet Errors: Length" of the dump.
    #[must_use]
    pub fn length_errors(&self) -> u64 {
        self.rejected(RejectKind::Length)
    }

    /// "Packet Errors: TTL".
    #[must_use]
    pub fn ttl_errors(&self) -> u64 {
        self.rejected(RejectKind::Ttl)
    }

    /// "Packet Errors: Invalid Type".
    #[must_use]
    pub fn type_errors(&self) -> u64 {
        self.rejected(RejectKind::Type)
    }

    /// "Packet Errors: Advertisement Interval". DIFFERS: keepalived 2.2.7 has the line and never counts; we
    /// count.
    #[must_use]
    pub fn interval_errors(&self) -> u64 {
        self.rejected(RejectKind::Interval)
    }

    /// "Packet Errors: Address List". COMPAT: unicast for multicast counts here.
    #[must_use]
    pub fn address_list_errors(&self) -> u64 {
        [RejectKind::AddressCount, RejectKind::AddressList, RejectKind::Kind]
            .into_iter()
            .map(|kind| self.rejected(kind))
            .sum()
    }

    /// "Authentication Errors: Invalid Type".
    #[must_use]
    pub fn invalid_auth_types(&self) -> u64 {
        self.rejected(RejectKind::InvalidAuthType)
    }

    /// "Authentication Errors: Type Mismatch".
    #[must_use]
    pub fn auth_type_mismatches(&self) -> u64 {
        self.rejected(RejectKind::AuthType) + self.rejected(RejectKind::AhPresence)
    }

    /// "Authentication Errors: Failure".
    #[must_use]
    pub fn auth_failures(&self) -> u64 {
        [RejectKind::Password, RejectKind::AhDigest, RejectKind::AhSequence]
            .into_iter()
            .map(|kind| self.rejected(kind))
            .sum()
    }
}
