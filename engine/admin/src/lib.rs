//! The runtime API and the statistics, as pure functions of a [`view::Site`].
//!
//! ```text
//! bytes of a CLI connection ─▶ session (lines, levels, prompt) ─▶ command rows ─▶ Site (look, change)
//!                                                                    │
//!                                            stats: columns ─▶ csv · typed · json · page
//! ```
//! Command names, columns and texts are HAProxy's: management guide §9, and `show stat` on 2.6 and 3.0.
//!
//! Deliberately absent: sockets and threads. Whoever owns the connection feeds a [`session::Session`]
//! bytes and writes what it answers; whoever owns the engine implements [`view::Site`].

pub mod columns;
pub mod command;
pub mod info;
pub mod page;
pub mod session;
pub mod stats;
pub mod veil;
pub mod view;
