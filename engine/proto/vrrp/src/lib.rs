//! VRRP without sockets or clock: packets, the election, sync groups, split-brain detection, as keepalived
//! 2.2.7 does it on the wire, in its log and in its order.
//!
//! [`Router`] owns all [`Instance`]s and sync groups of a node. The caller delivers [`Input`]s with the time,
//! carries out the [`Output`]s in order, and calls [`Router::expire`] at [`Router::deadline`]. Packets that
//! wait in a socket are to be delivered before timers are expired, or a busy moment looks like a dead master.
//!
//! # Handover
//! [`Input::Handover`] makes a master send priority 0 and fall silent while it keeps the addresses; the best
//! backup takes over after its skew, and only a short hold after its first advert the old master takes the
//! addresses off ([`Action::HandedOver`]). Until then one of the two always answers. Nothing on the wire tells
//! it from a graceful stop, so it works with an original as the other node, too. If nobody comes, or the new
//! master leaves again within the hold, the old one goes on ([`Action::HandoverFailed`]). Afterwards it does
//! not preempt the node it handed over to.
//!
//! # Split brain
//! [`SplitDetector`] is told of every packet and of ARP and neighbour-discovery sightings, and names the
//! setting that makes two nodes master at once.
//!
//! Specification: RFC 3768 (version 2), RFC 5798 and RFC 9568 (version 3), RFC 2338 §5.3.6 and RFC 2402
//! (authentication); keepalived.conf(5); behaviour measured on keepalived 2.2.7.
//! Deliberately absent: sockets, clocks, tokio, random numbers, netlink, scripts.

pub mod config;
mod event;
mod group;
mod instance;
mod moment;
pub mod packet;
pub mod priority;
mod router;
mod split;
mod stats;

pub use config::{Auth, Checksum, Config, Family, Garp, OWNER, Peer, Target, Version, Vip};
pub use event::{Action, GroupId, Input, InstanceId, Notice, Output, State, Trouble, Who};
pub use group::{Group, GroupConfig};
pub use instance::Instance;
pub use moment::Moment;
pub use packet::{Datagram, Reject, RejectKind};
pub use priority::{Condition, Tracker, TrackerKind};
pub use router::{Plan, Router};
pub use split::{Cause, Finding, SplitDetector};
pub use stats::Stats;
