//! What the model means: names resolved to positions, defaults filled in, rules compiled.
//!
//! A plan is immutable. What changes while running (server state, weights, queues, counters) hangs off it
//! by [`std::sync::Arc`], so that a new plan can take it over by name. HAProxy 3.0 configuration manual §4.

mod build;
pub mod logs;
pub mod pages;
pub mod process_variables;
pub mod rules;
mod unbuilt;

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rha_balance::{Affinity, Algorithm, KeyHash};
use rha_base::{ProxyId, Tick};
use rha_http1::Policy;
use rha_ir::{ConnectionMode, HttpReuse, Mode, ProxyKind, Span};
use rha_net::{ConnectOptions, ListenOptions, SocketAddress};
use rha_vocab::Dialect;

use crate::health_hook::Observer;
use crate::state::{Gauge, ProxyState};

/// Why a model cannot run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanError {
    /// Where it was written.
    pub span: Span,
    /// What is wrong, one sentence without a final stop.
    pub message: String,
}

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for PlanError {}

/// A duration of the configuration; 0 is "never".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Timeout(pub u32);

impl Timeout {
    /// The deadline of something that starts now.
    #[must_use]
    pub fn from(self, now: Tick) -> Tick {
        if self.0 == 0 { Tick::NEVER } else { now.after(Duration::from_millis(u64::from(self.0))) }
    }

    /// Whether there is one.
    #[must_use]
    pub fn is_set(self) -> bool {
        self.0 != 0
    }
}

/// Timeouts of a proxy with the defaults of the manual filled in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(missing_docs, reason = "named as in the configuration")]
pub struct TimeoutPlan {
    pub client: Timeout,
    pub server: Timeout,
    pub connect: Timeout,
    /// `timeout queue`, else `timeout connect`.
    pub queue: Timeout,
    /// `timeout tarpit`, else `timeout connect`.
    pub tarpit: Timeout,
    pub http_request: Timeout,
    /// `timeout http-keep-alive`, else `timeout http-request`, else `timeout client`.
    pub http_keep_alive: Timeout,
    pub tunnel: Timeout,
    pub client_fin: Timeout,
    pub server_fin: Timeout,
}

/// After which answers, or for want of which, a request is sent again. HAProxy 3.0 configuration manual §4.2
/// "retry-on".
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RetryOn {
    /// `empty-response`.
    pub empty: bool,
    /// `junk-response`.
    pub junk: bool,
    /// `response-timeout`.
    pub timeout: bool,
    /// Status codes.
    pub statuses: Vec<u16>,
}

/// How idle connections are closed by a soft stop. HAProxy 3.0 configuration manual §3.1 "close-spread-time".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloseSpread {
    /// One after another within this time.
    Within(Duration),
    /// Not at all: clients close them.
    Never,
}

/// Settings of the process that the data path reads.
#[derive(Debug, Clone)]
pub struct ProcessPlan {
    /// Connections of the whole process.
    pub maxconn: u32,
    /// Workers.
    pub workers: u32,
    /// `tune.bufsize`, bytes.
    pub buffer_size: usize,
    /// `tune.maxrewrite`, bytes.
    pub reserve: usize,
    /// `tune.http.maxhdr`.
    pub max_headers: usize,
    /// `tune.http.logurilen`, bytes.
    pub log_uri_len: usize,
    /// `tune.http.cookielen`, bytes.
    pub cookie_len: usize,
    /// `close-spread-time`.
    pub close_spread: Option<CloseSpread>,
    /// `harden.reject-privileged-ports.tcp`.
    pub rejects_privileged_ports: bool,
    /// `h1-case-adjust`.
    pub header_case: crate::http::case::Cases,
}

/// A listening address.
#[derive(Debug, Clone)]
pub struct ListenerPlan {
    /// `name`, or its position's number.
    pub name: Option<Box<str>>,
    /// `id`.
    pub number: u32,
    /// Where.
    pub address: SocketAddress,
    /// How.
    pub options: ListenOptions,
    /// `maxconn`; 0 is unlimited.
    pub maxconn: u32,
    /// `accept-proxy`.
    pub accept_proxy: bool,
    /// `accept-netscaler-cip`: its magic number.
    pub netscaler: Option<u32>,
    /// Its connections.
    pub current: Arc<Gauge>,
    /// The `bind` line.
    pub origin: Span,
}

/// How a server connection is addressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServerPort {
    /// As written.
    Fixed,
    /// The port the client connected to, plus this.
    Offset(i32),
}

/// A server as planned.
#[derive(Debug, Clone)]
pub struct ServerPlan {
    /// Name.
    pub name: Box<str>,
    /// `id`.
    pub number: u32,
    /// Whether the address is the one the client asked for (`*`, `0.0.0.0`).
    pub client_address: bool,
    /// How the port is made.
    pub port: ServerPort,
    /// How to connect.
    pub connect: ConnectOptions,
    /// `cookie`.
    pub cookie: Option<Vec<u8>>,
    /// `redir`.
    pub redir: Option<Vec<u8>>,
    /// `maxqueue`; 0 is unlimited.
    pub maxqueue: u32,
    /// `backup`.
    pub backup: bool,
    /// `send-proxy` 1, `send-proxy-v2` 2.
    pub send_proxy: u8,
    /// What few servers need on the wire.
    pub wire: Option<Arc<crate::wire::Wire>>,
    /// `pool-max-conn`, -1 for unlimited.
    pub pool_max_conn: i32,
    /// `pool-low-conn`: idle connections kept beyond what was needed of late.
    pub pool_low_conn: u32,
    /// `pool-purge-delay`.
    pub pool_purge_delay: Duration,
    /// `max-reuse`, -1 for unlimited.
    pub max_reuse: i32,
    /// Where it was written.
    pub origin: Span,
}

/// What a hash is made from.
#[derive(Debug, Clone)]
pub struct KeyPlan {
    /// Function.
    pub hash: KeyHash,
    /// Source.
    pub key: rha_ir::BalanceKey,
}

/// A proxy as planned.
#[derive(Debug)]
pub struct ProxyPlan {
    /// Its position.
    pub id: ProxyId,
    /// Name.
    pub name: Box<str>,
    /// `id`.
    pub number: u32,
    /// Section.
    pub kind: ProxyKind,
    /// Mode.
    pub mode: Mode,
    /// What lives.
    pub state: Arc<ProxyState>,
    /// Listening addresses.
    pub listeners: Vec<ListenerPlan>,
    /// `maxconn` of the frontend.
    pub maxconn: u32,
    /// `rate-limit sessions`; 0 is unlimited.
    pub rate_limit: u32,
    /// Timeouts.
    pub timeouts: TimeoutPlan,
    /// `default_backend`, or itself for a `listen` section.
    pub default_backend: Option<ProxyId>,
    /// Servers.
    pub servers: Vec<ServerPlan>,
    /// Algorithm.
    pub algorithm: Algorithm,
    /// Hash key, if the algorithm wants one.
    pub key: Option<KeyPlan>,
    /// `retries`.
    pub retries: u32,
    /// Whether `retry-on` lets a failed connection be tried again.
    pub retry_connections: bool,
    /// What of `retry-on` concerns answers; `None` if nothing does.
    pub retry_on: Option<Box<RetryOn>>,
    /// `option redispatch`: 0 off, -1 the last retry, n every n-th.
    pub redispatch: i32,
    /// `option abortonclose` or the dialect's default.
    pub abort_on_close: bool,
    /// Connection handling.
    pub connection: ConnectionMode,
    /// `http-reuse`.
    pub reuse: HttpReuse,
    /// `dispatch`, `transparent`: nothing is chosen.
    pub direct: Option<crate::direct::Direct>,
    /// `source`, as far as it is an address.
    pub source: Option<std::net::SocketAddr>,
    /// Compiled rules and formats.
    pub rules: rules::Rules,
    /// Error pages by status.
    pub pages: std::collections::HashMap<u16, pages::Page>,
    /// Log targets.
    pub logs: logs::LogPlan,
    /// `log-tag`.
    pub log_tag: Box<str>,
    /// What a request's head may contain.
    pub request_policy: Policy,
    /// What a response's head may contain.
    pub response_policy: Policy,
    /// What its check evaluates, if that is more than fixed text.
    pub check_texts: Option<Arc<crate::health::texts::Texts>>,
    /// The rest of the model's section.
    pub model: Arc<rha_ir::Proxy>,
}

impl ProxyPlan {
    /// The cookie value that means a server now.
    #[must_use]
    pub fn cookie_of(&self, i: usize) -> Option<std::borrow::Cow<'_, [u8]>> {
        if let Some(moved) = self.state.servers.get(i).and_then(crate::state::ServerState::moved_cookie) {
            return Some(moved.into());
        }
        self.server(i)?.cookie.as_deref().map(Into::into)
    }

    /// Moves a server to another address: what is computed from the address follows.
    pub fn move_server(&self, i: usize, to: SocketAddress, dialect: Dialect) {
        let (Some(state), Some(model)) = (self.state.servers.get(i), self.model.service.servers.get(i))
        else {
            return;
        };
        if model.cookie.is_none()
            && let Some(cookie) = build::computed_cookie(&self.model, &to)
        {
            state.set_moved_cookie(Some(cookie));
        }
        if model.hash_key.is_some() {
            self.state.set_hash_key(i, model, &to, dialect);
        }
        state.set_address(to);
    }

    /// The server at a position.
    #[must_use]
    pub fn server(&self, i: usize) -> Option<&ServerPlan> {
        self.servers.get(i)
    }

    /// Connections the frontend takes at once, now.
    #[must_use]
    pub fn limit(&self) -> u32 {
        match self.state.front_limit.load(std::sync::atomic::Ordering::Relaxed) {
            u32::MAX => self.maxconn,
            set => set,
        }
    }
}

/// The whole plan.
#[derive(Debug)]
pub struct Plan {
    /// Whose meaning applies.
    pub dialect: Dialect,
    /// Process settings.
    pub process: ProcessPlan,
    /// Proxies, by [`ProxyId`].
    pub proxies: Vec<ProxyPlan>,
    /// Log destinations of all proxies.
    pub log_targets: Vec<logs::TargetPlan>,
    /// `proc.` variables.
    pub process_variables: Arc<process_variables::ProcessVariables>,
    /// Network namespaces by name.
    pub namespaces: std::collections::HashMap<Box<str>, rha_net::NetNamespace>,
    /// What replies made here look like.
    pub policy: Policy,
    /// Who answers for `stats uri`.
    pub local_pages: Option<Arc<dyn crate::http::local::LocalPages>>,
    /// Who wants to know what live traffic sees of the servers.
    pub observer: Option<Arc<dyn Observer>>,
    /// Tells workers that streams are to end.
    pub(crate) bell: Arc<crate::eviction::Bell>,
    /// The model it was made from.
    pub model: Arc<rha_ir::Model>,
}

impl Plan {
    /// A proxy by its id.
    #[must_use]
    pub fn proxy(&self, id: ProxyId) -> Option<&ProxyPlan> {
        self.proxies.get(id.0 as usize)
    }

    /// A proxy that takes traffic as a backend, by name.
    #[must_use]
    pub fn backend(&self, name: &[u8]) -> Option<&ProxyPlan> {
        self.proxies.iter().find(|p| p.kind.is_backend() && p.name.as_bytes() == name)
    }
}

/// Affinity words of `hash-preserve-affinity`.
fn affinity(word: Option<&str>) -> Affinity {
    match word {
        Some("maxconn") => Affinity::MaxConn,
        Some("maxqueue") => Affinity::MaxQueue,
        _ => Affinity::Always,
    }
}

/// The address to connect to, once the client's is known.
#[must_use]
pub fn server_address(plan: &ServerPlan, base: &SocketAddress, asked: Option<SocketAddr>) -> SocketAddress {
    let SocketAddress::Ip(mut to) = base.clone() else { return base.clone() };
    if let (true, Some(a)) = (plan.client_address, asked) {
        to.set_ip(a.ip());
    }
    if let ServerPort::Offset(n) = plan.port {
        let asked = asked.map_or(0, |a| i32::from(a.port()));
        to.set_port(u16::try_from(asked.wrapping_add(n) & 0xffff).unwrap_or(0));
    }
    SocketAddress::Ip(to)
}
