//! Harness of the differential tests: the original program and ours do the same, or the test fails.
//!
//! A case is a function that drives a [`Stage`]: it starts origin servers, starts the subject on a
//! configuration, speaks to it and notes what came back. [`assert_same`] runs the case with the original
//! first (which tests the case itself), then with ours, and compares the notes after normalising what
//! may differ: pids, versions, paths of executables, dates, durations, ports, temporary folders.
//!
//! [`lan`] and [`interop`] do the same for failover: nodes in namespaces, pairs of programs, events. [`machine`] is for
//! one daemon's dealings with systemd, syslog and its files.
//!
//! `RHA_ORIGINAL_HAPROXY` and `RHA_OURS` name other programs than `haproxy` on the path and our built
//! `rhap`; with both set to the original the harness is compared with itself. `RHA_SHOW` prints what
//! the original did, `RHA_GAPS=file` collects the cases that differ.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a test's output is its purpose")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

pub mod balancer;
mod client;
mod gaps;
mod halts;
pub mod interop;
pub mod lan;
pub mod machine;
mod normal;
mod origin;
mod sink;
mod stage;
mod subject;

pub use client::{Client, End, Response, body_text, cli, visible};
pub use gaps::Gaps;
pub use halts::{halted_since, lost_since, steadily, watch};
pub use normal::{Normal, log_line, stderr_text};
pub use origin::{Gate, Origin, Peer, Request};
pub use sink::Sink;
pub use stage::{Stage, Start, assert_same, each, ours_alone};
pub use subject::{Exit, Kind, Program, Running, Signal};

use std::time::Duration;

/// Repeats a call that a signal cut short. A receive with a time limit is never restarted by the kernel, and
/// a machine that is halted for a moment cuts one short without any signal to be seen (signal(7)).
pub fn uninterrupted<T>(mut call: impl FnMut() -> std::io::Result<T>) -> std::io::Result<T> {
    loop {
        match call() {
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}

/// How long anything may take that is expected to happen. Nothing waits that long unless it fails.
pub const PATIENCE: Duration = Duration::from_secs(10);
