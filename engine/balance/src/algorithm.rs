//! Which algorithm a backend uses, worked out from what its section says.
//!
//! HAProxy 3.0 configuration manual §4.2 "balance", "hash-type".

use rha_ir::{Balance, HashKind, Service};

/// What a hash-balanced request does when the server its key leads to is busy.
///
/// HAProxy 3.2 and later, "hash-preserve-affinity"; earlier versions are [`Affinity::Always`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Affinity {
    /// `always`: it waits there.
    #[default]
    Always,
    /// `maxconn`: it goes on along the ring when the server is at its `maxconn`.
    MaxConn,
    /// `maxqueue`: it goes on when the server's queue is full, too.
    MaxQueue,
}

/// How the next server is picked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// `roundrobin`.
    RoundRobin,
    /// `static-rr`.
    StaticRr,
    /// `leastconn`.
    LeastConn,
    /// `first`.
    First,
    /// `random(draws)`; at least one draw.
    Random {
        /// Servers drawn, of which the least loaded is taken.
        draws: u32,
    },
    /// `source`, `uri`, `hdr()` … with `hash-type map-based`.
    HashMap,
    /// The same with `hash-type consistent`.
    HashRing {
        /// `hash-balance-factor`, percent; 0 is off.
        balance_factor: u32,
        /// `hash-preserve-affinity`.
        affinity: Affinity,
    },
    /// `sticky` (log backends): one server until it goes down.
    Sticky,
}

impl Algorithm {
    /// The algorithm of a service; `unset` is what the dialect means when no `balance` is written.
    #[must_use]
    pub fn of(service: &Service, unset: &Balance) -> Algorithm {
        match service.balance.as_ref().unwrap_or(unset) {
            Balance::RoundRobin => Algorithm::RoundRobin,
            Balance::StaticRr => Algorithm::StaticRr,
            Balance::LeastConn => Algorithm::LeastConn,
            Balance::First => Algorithm::First,
            Balance::Random(draws) => Algorithm::Random { draws: (*draws).max(1) },
            Balance::Hash(_) if service.hash_type.kind == HashKind::Consistent => Algorithm::HashRing {
                balance_factor: service.hash_balance_factor,
                affinity: Affinity::default(),
            },
            Balance::Hash(_) => Algorithm::HashMap,
            Balance::Sticky => Algorithm::Sticky,
        }
    }

    /// Whether weights may change while it runs; where they may not, only 0 and 100 % are accepted.
    #[must_use]
    pub const fn is_dynamic(self) -> bool {
        !matches!(self, Algorithm::StaticRr | Algorithm::HashMap)
    }

    /// Whether it wants a key's hash.
    #[must_use]
    pub const fn wants_key(self) -> bool {
        matches!(self, Algorithm::HashMap | Algorithm::HashRing { .. })
    }

    /// Whether [`crate::Balancer::taken`] and [`crate::Balancer::released`] matter to it; a caller may
    /// spare itself the lock where they do not.
    #[must_use]
    pub const fn counts_connections(self) -> bool {
        matches!(self, Algorithm::LeastConn)
    }

    /// Whether a waiting request in the backend's queue proves that every server is full, so that a new
    /// one queues behind it without asking.
    #[must_use]
    pub const fn queue_means_full(self) -> bool {
        matches!(self, Algorithm::RoundRobin | Algorithm::StaticRr | Algorithm::First)
    }
}
