//! keepalived's configuration language.
//!
//! ```text
//! files ──read/copy──▶ lines without comments, includes resolved (once)
//!       ──read/lines──▶ per pass: conditions, definitions, ~SEQ/~LST, braces cut ──▶ Line (words)
//!       ──drive──▶ keyword tables ──▶ block functions ──▶ ir::Failover ──finish──▶ checked model
//! ```
//! The original reads a file four times, once for each of its processes, and each of them looks only
//! into its own blocks; what a misplaced brace leads to depends on that, and so does the list of
//! messages. So do we: [`Pass`] is the process whose turn it is. Messages that several passes give are
//! kept once, with the longer of their prefixes.
//!
//! Calling it:
//! ```
//! use rha_keepalived::{Input, MachineOf, check};
//! use rha_text::{Env, MemoryFiles};
//!
//! let mut files = MemoryFiles::default();
//! files.0.insert("k.conf".into(), b"vrrp_instance V {\n interface eth0\n virtual_router_id 5\n}\n".to_vec());
//! let machine = MachineOf { interfaces: vec!["eth0".into()], ..MachineOf::default() };
//! let outcome = check(&Input::new("k.conf", &files, &machine));
//! assert_eq!(outcome.exit_code, 5);
//! assert_eq!(outcome.native(), ["(V) No VIP specified; at least one is sensible"]);
//! assert_eq!(outcome.model.failover.instances.len(), 1);
//! # let _ = Env::default();
//! ```
//! `exit_code` is what `keepalived -t` returns; [`Outcome::start`] says whether a real start or reload
//! may go on. Spec: keepalived.conf(5). COMPAT: version 2.2.7, held by `tests/bad.rs`; keywords that are
//! newer are known.
//!
//! Deliberately absent: the process's own environment, clock and printing. [`check`] is a pure function
//! of its [`Input`]; what the machine has (interfaces, users, files) comes through [`Machine`].

pub mod cx;
pub mod drive;
pub mod keyword;
pub mod line;
pub mod machine;
pub mod number;
pub mod read;
pub mod script;
pub mod tables;

mod bfd;
mod check;
mod global;
mod log;
mod names;
mod rows;
mod values;
mod vrrp;

pub use cx::{Cx, Flow, Input, Outcome, Pass, Start, Stop, SupportNote, Version};
pub use drive::check;
pub use keyword::{Keyword, Place, Run};
pub use line::Line;
pub use log::{Class, Log};
pub use machine::{FileKind, FileStat, Interface, LocalMachine, Machine, MachineOf};
