//! Failover on a LAN of namespaces, ours and the original in every pairing.
//!
//! `matrix` is a cross-section of `cargo xtask interop`; `beyond` and `newer` hold what the installed original has not,
//! `announcements` and `devices` what one node does, the original's first, `pairs` smaller things.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]
#![allow(clippy::print_stdout, reason = "why a test is skipped")]

mod announcements;
mod beyond;
mod devices;
mod dumps;
mod further;
mod matrix;
mod newer;
mod pairs;
