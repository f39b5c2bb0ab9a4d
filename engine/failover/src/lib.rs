//! Virtual addresses that move: drives the VRRP and BFD machines over the network.
//!
//! ```text
//!  rha_ir::Failover ──plan──▶ Plan ──▶ rha_vrrp::Router (pure) ◀── Input ─┐
//!                                          │                              │
//!   sockets, netlink events, scripts,      ▼ Output                       │
//!   files, processes, BFD, signals ─▶ Event ─▶ worker loop ─▶ perform ─▶ tell, kernel, sockets
//! ```
//! - [`plan`]: model → machine configuration, kernel objects; pure.
//! - [`worker`]: one loop over one closed list of events. `perform` does what the machine orders, in order;
//!   `kernel` holds what we installed and renews its leases; `watch` feeds conditions; `tell` notifies.
//! - [`track`], [`notify`], [`lease`], [`status`], [`dump`]: decisions and texts, pure.
//! - [`control`]: questions over a socket. [`log`]: lines where operators look for them.
//!
//! Deliberately absent: the parser (a reload is a closure that gives a new [`Plan`]), options, the parent.

pub mod checkers;
pub mod control;
pub mod dump;
pub mod lease;
pub mod log;
pub mod mail;
pub mod notify;
pub mod plan;
pub mod status;
pub mod track;
pub mod worker;

pub use plan::Plan;
