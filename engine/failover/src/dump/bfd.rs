//! `keepalived_bfd.data`: BFD sessions as they are configured and as they stand.
//!
//! COMPAT: the layout of keepalived 2.2.7. Its addresses of timers say only whether there is one: a timer that runs
//! shows its due time here (monotonic microseconds, in hexadecimal), one that does not `(nil)`.

use std::fmt::Write;

use rha_base::Now;
use rha_bfd::{Facts, State};
use rha_ir::failover::BfdInstance;
use rha_syslog::Civil;

use super::global;
use crate::Plan;
use crate::log::console_date;

/// What is known of all sessions when a dump is asked for.
#[derive(Debug, Clone)]
pub struct BfdView<'a> {
    /// Descriptor packets from one hop arrive at.
    pub fd_in: Option<i32>,
    /// That of packets from several hops.
    pub multihop_fd_in: Option<i32>,
    /// Sessions in the order of the file.
    pub sessions: Vec<(&'a BfdInstance, SessionView)>,
}

/// What is known of one session.
#[derive(Debug, Clone)]
pub struct SessionView {
    /// State variables.
    pub facts: Facts,
    /// Descriptor packets leave from, -1 while it cannot be opened.
    pub fd: i32,
}

macro_rules! put {
    ($out:expr, $($words:tt)*) => {{
        let _ = writeln!($out, $($words)*);
    }};
}

/// The whole file.
#[must_use]
pub fn bfd(plan: &Plan, view: &BfdView<'_>) -> String {
    let mut out = global(&plan.failover, &plan.host, false);
    put!(out, "------< BFD Data >------");
    for (what, fd) in [(" fd_in", view.fd_in), (" multihop fd_in", view.multihop_fd_in)] {
        if let Some(fd) = fd {
            put!(out, "{what} = {fd}");
        }
    }
    let reader = view.fd_in.or(view.multihop_fd_in).and_then(|fd| u64::try_from(fd).ok());
    put!(out, " thread_in = {}", timer(reader));
    if !view.sessions.is_empty() {
        put!(out, "------< BFD Topology >------");
    }
    for (written, session) in &view.sessions {
        settings(written, &mut out);
        timers(session, &mut out);
        state(&session.facts, &mut out);
    }
    out
}

fn settings(b: &BfdInstance, out: &mut String) {
    put!(out, " BFD Instance = {}\n   Neighbor IP = {}", b.name, b.neighbor);
    if let Some(source) = b.source {
        put!(out, "   Source IP = {source}");
    }
    put!(out, "   Required min RX interval = {} us", b.min_rx_us);
    put!(out, "   Desired min TX interval = {} us", b.min_tx_us);
    put!(out, "   Desired idle TX interval = {} us", b.idle_tx_us);
    put!(out, "   Detection multiplier = {}", b.multiplier);
    let what = if b.neighbor.is_ipv4() { "TTL" } else { "hoplimit" };
    put!(out, "   {what} = {}", b.ttl.unwrap_or(rha_bfd::TTL));
    // COMPAT: any number of hops, written -1, is the largest there is
    put!(out, "   max_hops = {}", b.max_hops.unwrap_or(u8::MAX));
    put!(out, "   passive = {}", b.passive);
    let yes_no = |yes: bool| if yes { "Yes" } else { "No" };
    put!(out, "   send event to VRRP process = {}", yes_no(b.seen_by.vrrp));
    put!(out, "   send event to checker process = {}", yes_no(b.seen_by.checker));
}

fn timers(s: &SessionView, out: &mut String) {
    let f = &s.facts;
    // a session without a socket tries to open one with every packet
    let opens = f.next_tx_us.filter(|_| s.fd < 0);
    let sends = f.next_tx_us.filter(|_| s.fd >= 0);
    let is_down = matches!(f.state, State::Down | State::AdminDown);
    put!(out, "   fd_out {}\n   thread_open_fd_out {}", s.fd, timer(opens));
    for (name, due) in [
        ("out", sends),
        ("exp", f.expires_us.filter(|_| !is_down)),
        ("rst", f.expires_us.filter(|_| is_down)),
    ] {
        // timers are held back by the original's reload only
        put!(out, "   thread_{name} {}\n   sands_{name} = [disabled]", timer(due));
    }
    put!(out, "   send error = {}", f.send_failed);
}

fn state(f: &Facts, out: &mut String) {
    put!(out, "   local state = {}\n   remote state = {}", f.state, f.remote_state);
    put!(
        out,
        "   local discriminator = {:#x}\n   remote discriminator = {:#x}",
        f.local_discr,
        f.remote_discr
    );
    put!(out, "   local diag = {}\n   remote diag = {}", f.diag, f.remote_diag);
    // RFC 5880 §6.8.1 begins with 1; COMPAT: the original with 0
    let min_rx = if f.last_seen.is_some() { f.remote_min_rx_us } else { 0 };
    put!(out, "   remote min tx intv = {} us\n   remote min rx intv = {min_rx} us", f.remote_min_tx_us);
    put!(out, "   local demand = 0\n   remote demand = {}", u8::from(f.remote_demand));
    put!(out, "   remote detect multiplier = {}", f.remote_detect_mult);
    // answers to a poll leave at once
    put!(out, "   {}poll, !final", if f.polling { "" } else { "!" });
    put!(out, "   local tx intv = {} us\n   remote tx intv = {} us", f.tx_us, f.counted.remote_tx_us);
    put!(out, "   local detection time = {} us", f.counted.detect_us);
    put!(out, "   remote detection time = {} us", f.counted.remote_detect_us);
    match f.last_seen {
        None => put!(out, "   last_seen = [never]"),
        Some(seen) => put!(out, "   last seen = {}", moment(seen)),
    }
}

fn timer(due: Option<u64>) -> String {
    due.map_or_else(|| "0x(nil)".to_owned(), |at| format!("0x{at:#x}"))
}

fn moment(at: Now) -> String {
    let (s, us) = (at.wall_us.div_euclid(1_000_000), at.wall_us.rem_euclid(1_000_000));
    let date = console_date(s, Civil::at(s, rha_net::local_time(s).offset_s));
    format!("{s}.{us:06} ({date}.{us:06})")
}
