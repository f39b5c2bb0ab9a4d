//! Which server gets the next request: HAProxy's algorithms, in HAProxy's order to the server.
//!
//! Pure data structures: a [`Balancer`] knows the weights and the usability of its members, is told of
//! every change, and answers [`Balancer::choose`]. It is meant to stand behind one short lock per
//! backend; nothing in it blocks, reads a clock or draws a random number on its own. What makes the hash
//! of a key is in [`key`], so that it can be computed outside the lock.
//!
//! Specification: HAProxy 3.0 configuration manual §4.2 "balance", "hash-type", "hash-balance-factor",
//! §5.2 "weight", "backup", "hash-key"; the order of servers was read off HAProxy 2.6 and 3.0.
//! Invariant: a server whose effective weight is 0 or that is not usable is never chosen.

mod algorithm;
mod balancer;
mod first;
pub mod key;
mod leastconn;
mod map;
mod order;
mod ring;
mod roster;
mod roundrobin;
mod sticky;

pub use algorithm::{Affinity, Algorithm};
pub use balancer::{Ask, Balancer, Load};
pub use key::KeyHash;
pub use roster::{HashKey, Member};

/// Effective weight of one unit of configured weight: what slow start and the agent scale in.
///
/// HAProxy counts a server's weight in sixteenths wherever weights may change at run time.
pub const WEIGHT_SCALE: u32 = 16;

/// Highest configured weight.
pub const MAX_WEIGHT: u32 = 256;
