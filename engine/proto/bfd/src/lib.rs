//! Bidirectional forwarding detection without sockets or clock: packets, the session machine, and which session
//! a packet is for.
//!
//! - [`Packet`]: the control packet of RFC 5880 §4, both ways;
//! - [`Session`]: one session in asynchronous mode. In: [`Session::start`], [`Session::handle_packet`],
//!   [`Session::handle_timeout`], [`Session::set_admin`], [`Session::reconfigure`], [`Session::path_down`]. Out:
//!   [`Action`]s pushed to the caller's list, and [`Session::deadline`], when to call `handle_timeout` next;
//! - [`Demux`]: packets to sessions, by discriminator, otherwise by addresses and interface.
//!
//! Specification: RFC 5880, 5881 (one hop), 5883 (several hops). Log lines are those of keepalived 2.2.7; what
//! FRR's `bfdd` needs beyond (echo interval advertised, control plane bit, least TTL, profiles' values) is in
//! [`Config`]. Deliberately absent: sockets, the echo function, demand mode for ourselves (a peer's is honoured),
//! authentication (packets with it are read, and refused).

mod config;
mod demux;
mod event;
mod packet;
mod session;
mod sm;
mod stats;
mod timer;

pub use config::{Config, MULTIHOP_PORT, SINGLE_HOP_PORT, SOURCE_PORTS, TTL};
pub use demux::{Demux, Endpoint, Meta};
pub use event::{Action, Detail, Line, Severity, StateChange};
pub use packet::{Auth, Diag, Fault, MAX_LEN, Packet, State};
pub use session::{Counted, Facts, Session};
pub use sm::next;
pub use stats::{Reject, Rejects, Stats};
