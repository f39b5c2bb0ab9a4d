//! What the health checker reads: virtual servers, their real servers, what watches those.

mod checkers;
mod finish;
mod http;
mod real;
mod server;

use std::net::{IpAddr, SocketAddr};

use rha_ir::failover::{CheckerKind, LvsProtocol, RealServer, TrackFile, VirtualServer};
use rha_text::Span;

pub(crate) use finish::finish;

use crate::rows::*;
use crate::{Cx, Flow, Keyword, Line};

/// Rows of servers and their groups.
pub(crate) const SERVERS: &[Keyword] = &SERVERS_JOINED;
/// Rows of checkers.
pub(crate) const CHECKERS: &[Keyword] = &CHECKERS_JOINED;

const SERVERS_JOINED: [Keyword; server::ROWS.len() + real::ROWS.len()] = join(server::ROWS, real::ROWS);
const CHECKERS_JOINED: [Keyword; checkers::ROWS.len() + http::ROWS.len()] = join(checkers::ROWS, http::ROWS);

/// Two tables as one.
const fn join<const N: usize>(a: &[Keyword], b: &[Keyword]) -> [Keyword; N] {
    let blank = Keyword::lexical("", "", V1, "");
    let mut out = [blank; N];
    let mut i = 0;
    while i < N {
        out[i] = if i < a.len() { a[i] } else { b[i - a.len()] };
        i += 1;
    }
    out
}

/// Times that a checker takes from its real server, and that from its virtual server.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Times {
    pub connect_us: Option<u64>,
    pub delay_us: Option<u64>,
    pub warmup_us: Option<u64>,
    pub retry: Option<u32>,
    pub before_retry_us: Option<u64>,
}

/// Where a checker connects, as far as it was written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Connect {
    pub ip: Option<IpAddr>,
    pub port: Option<u16>,
    pub bind_ip: Option<IpAddr>,
    pub bind_port: u16,
    pub bind_if: Option<String>,
    pub timeout_us: Option<u64>,
    pub fwmark: u32,
}

impl Connect {
    /// Whether nothing was written.
    pub fn is_blank(&self) -> bool {
        *self == Connect::default()
    }
}

/// A checker being read.
#[derive(Debug)]
pub(crate) struct CheckerDraft {
    pub kind: CheckerKind,
    pub connect: Option<Connect>,
    pub hosts: Vec<Connect>,
    pub times: Times,
    pub default_retry: u32,
    /// `None`: the delay loop.
    pub default_before_retry_us: Option<u64>,
    pub alpha: Option<bool>,
    pub log_all_failures: bool,
    pub named: bool,
    pub user_set: bool,
    pub dead: bool,
    pub origin: Span,
}

/// A real server being read.
#[derive(Debug)]
pub(crate) struct RealDraft {
    pub model: RealServer,
    /// Its port as written, which checkers connect to.
    pub port: u16,
    pub weight: Option<u32>,
    pub alpha: Option<bool>,
    pub inhibit: Option<bool>,
    pub mail: Option<bool>,
    pub times: Times,
    pub checkers: Vec<CheckerDraft>,
}

/// A virtual server being read.
#[derive(Debug)]
pub(crate) struct ServerDraft {
    pub model: VirtualServer,
    pub family: Option<u8>,
    pub protocol: Option<LvsProtocol>,
    pub inhibit: bool,
    pub weight: u32,
    pub mail: Option<bool>,
    pub times: Times,
    pub reals: Vec<RealDraft>,
    /// Number among the virtual servers of one group.
    pub number: u32,
}

/// Everything the checker pass has under way.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub files: Vec<TrackFile>,
    pub servers: Vec<ServerDraft>,
    pub group_marks_without_family: hashbrown::HashSet<String>,
    /// A file tracker being read: its file and weight.
    pub file: Option<(Option<String>, Option<rha_ir::failover::TrackWeight>, Span)>,
    pub in_host: bool,
}

impl State {
    /// The virtual server being read.
    pub fn server(&mut self) -> Option<&mut ServerDraft> {
        self.servers.last_mut()
    }

    /// The real server being read.
    pub fn real(&mut self) -> Option<&mut RealDraft> {
        self.servers.last_mut()?.reals.last_mut()
    }

    /// The checker being read.
    pub fn checker(&mut self) -> Option<&mut CheckerDraft> {
        self.servers.last_mut()?.reals.last_mut()?.checkers.last_mut()
    }
}

/// An address and its port, in which 0 and nothing mean "none".
fn address_and_port(cx: &mut Cx<'_>, line: &Line, ip: &str, port: Option<&str>) -> Option<SocketAddr> {
    match port.filter(|p| p.chars().any(|c| c != '0')) {
        None => crate::values::address_only(ip).map(|a| SocketAddr::new(a, 0)),
        Some(port) => cx.socket_address(line, 2, ip, port),
    }
}

/// The family of an address as 4 or 6.
const fn family_of(address: SocketAddr) -> u8 {
    if address.is_ipv4() { 4 } else { 6 }
}

/// A time of a server or checker with its own complaint, in which `{v}` stands for the value.
fn time(cx: &mut Cx<'_>, line: &Line, low: u64, high: u64, said: &str) -> Flow<Option<u64>> {
    let n = cx.timer(line, 1, low, high, true)?;
    if n.is_none() {
        cx.error("KA2020", line, 1, said.replace("{v}", line.word(1)));
    }
    Ok(n)
}

/// A count with its own complaint.
fn count(cx: &mut Cx<'_>, line: &Line, low: u32, high: u32, lenient: bool, said: &str) -> Flow<Option<u32>> {
    let n = cx.unsigned(line, 1, low, high, lenient)?;
    if n.is_none() {
        cx.error("KA2020", line, 1, said.replace("{v}", line.word(1)));
    }
    Ok(n)
}
