//! Failover on a LAN of namespaces, ours and the original in every pairing.
//!
//! `matrix` is a cross-section of `cargo xtask interop`; `beyond` holds what only ours has, `pairs` smaller things.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]
#![allow(clippy::print_stdout, reason = "why a test is skipped")]

mod beyond;
mod dumps;
mod matrix;
mod pairs;
