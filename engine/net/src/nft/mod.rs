//! Packet filter rules: addresses that must not be answered for (`no_accept`, `vrrp_strict`), a virtual
//! router's own interface, and NAT for virtual servers.
//!
//! The rules are text, made by pure functions and handed to `nft -f -` as one transaction: the crates that
//! speak nftables' netlink need a C library or have a licence we cannot link. Deliberately absent: when an
//! address is to be blocked.

mod filter;
mod forward;
#[cfg(test)]
mod tests;

use std::io::{self, Write};
use std::process::{Command, Stdio};

pub use filter::{Filter, FilterOptions};
pub use forward::{NatSelector, NatServer, NatService, Spread, nat_table, remove_nat_table};

/// Hands a script to `nft`, which applies all of it or nothing. Blocks for some milliseconds.
///
/// # Errors
/// `NotFound` when there is no `nft`; otherwise its first line of complaint.
pub fn apply(script: &str) -> io::Result<()> {
    if script.is_empty() {
        return Ok(());
    }
    let mut child = Command::new("nft")
        .args(["-f", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    if let Some(mut input) = child.stdin.take() {
        // What it did not want to read it will complain about.
        let _ = input.write_all(script.as_bytes());
    }
    let output = child.wait_with_output()?;
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stderr);
    Err(io::Error::other(format!("nft: {}", text.lines().next().unwrap_or("failed"))))
}
