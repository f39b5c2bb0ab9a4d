//! Health checks without sockets or clock: when to check, what to send, what an answer means, what becomes
//! of the server, and the words in which that is logged.
//!
//! Three machines that know nothing of one another:
//! - [`Script`] and [`Exchange`]: one check of one server, bytes in and out, ending in an [`Outcome`];
//! - [`Health`]: one server's state under outcomes, live traffic, operators and the server it tracks; every
//!   change comes out as a [`Happening`], which says it in HAProxy's words once the caller knows what the
//!   change did to the backend;
//! - [`schedule`]: when the first check of each server runs, and the next.
//!
//! And keepalived's, in [`lvs`]: its checkers and the virtual servers that they decide over.
//!
//! Specification: HAProxy 3.0 configuration manual §4.2 "option httpchk", "http-check …", "tcp-check …",
//! §5.2 "check", "agent-check", "observe", "on-error"; wordings were recorded from HAProxy 2.6.12 and 3.0.11.
//! Deliberately absent: sockets, timers, TLS, the balance of a backend, processes (`external-check`).

mod agent;
mod builtin;
mod exchange;
mod expect;
mod fleet;
mod happening;
mod http;
pub mod lvs;
mod outcome;
mod packets;
mod restore;
pub mod schedule;
mod script;
mod server;
mod status;

pub use agent::{AgentReply, AgentWord, Weight};
pub use exchange::{Answer, Environment, Exchange, Formats, SystemError};
pub use fleet::{Fleet, Told};
pub use happening::{After, Cause, Happening, Line, Place, Severity, no_server_left};
pub use http::Response;
pub use outcome::Outcome;
pub use script::{CompileError, ConnectTo, Script};
pub use server::{Admin, Changes, Checked, Health, Operation, Setup, Traffic};
pub use status::{Status, Verdict};
