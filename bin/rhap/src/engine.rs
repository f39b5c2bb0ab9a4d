//! The running engine as the runtime API and the statistics see it.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use rha_admin::view::{
    self, Back, Change, ControlSocket, Counts, Force, Front, LastCheck, Listener, Process, ServerAt, Site,
    Snapshot, Wish,
};
use rha_base::ProxyId;
use rha_health::{Cause, Checked, Health, Operation};
use rha_ir::{Balance, Mode};
use rha_net::SocketAddress;
use rha_proxy::health::{AdminState, Watch};
use rha_proxy::pace::Pace;
use rha_proxy::plan::{Plan, ProxyPlan};
use rha_proxy::state::Aim;
use rha_proxy::stats::SideTotal;
use rha_proxy::{Eviction, Runtime};
use rha_vocab::Dialect;

use crate::control::Traffic;
use crate::look;

/// What runs, and when it began.
pub struct Engine {
    /// Workers.
    pub runtime: Runtime,
    /// Checks.
    pub watch: Watch,
    /// Whose words.
    pub dialect: Dialect,
    /// When it started, both clocks.
    pub started: rha_base::Now,
    /// Descriptor limit, and descriptors that may be needed.
    pub descriptors: (u64, u64),
    /// Control sockets.
    pub sockets: Vec<ControlSocket>,
    /// Failed checks and falls of servers (proxy, server) when the counters were cleared.
    pub checks_before: Mutex<HashMap<(u32, usize), (u64, u64)>>,
    /// Connections to them.
    pub control: Traffic,
    /// What was said at start.
    pub startup_logs: String,
    /// Memory limit, megabytes.
    pub memory_mb: u64,
    /// The last look at totals.
    pub sample: std::sync::Mutex<Sample>,
    /// How long the start took, milliseconds.
    pub boot_ms: u64,
    /// Whether a master watches this process.
    pub under_master: bool,
    /// `set anon global-key`.
    pub anon_key: AtomicU32,
    /// Standard error.
    pub console: rha_proxy::health::Console,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("runtime", &self.runtime).finish_non_exhaustive()
    }
}

/// In place of a server's number among what was counted before a clearing: the backend itself.
const WHOLE_BACKEND: usize = usize::MAX;

/// Units of a balancer's weight in one of the configuration's.
const WEIGHT_SCALE: u32 = 16;

fn counts(t: &SideTotal, now_s: u64) -> Counts {
    let average = |sum: u64| sum.checked_div(t.timed).unwrap_or(0);
    Counts {
        stot: t.sessions,
        conn_tot: t.connections,
        req_tot: t.requests,
        bin: t.bytes_in,
        bout: t.bytes_out,
        dreq: t.denied_requests,
        dresp: t.denied_responses,
        dcon: t.denied_connections,
        dses: t.denied_sessions,
        ereq: t.failed_requests,
        econ: t.failed_connections,
        eresp: t.failed_responses,
        wretr: t.retries,
        wredis: t.redispatches,
        wrew: t.failed_rewrites,
        eint: t.internal_errors,
        cli_abrt: t.client_aborts,
        srv_abrt: t.server_aborts,
        intercepted: t.intercepted,
        lbtot: t.balanced,
        connect: t.connects,
        reuse: t.reuses,
        hrsp: [
            t.responses_1xx,
            t.responses_2xx,
            t.responses_3xx,
            t.responses_4xx,
            t.responses_5xx,
            t.responses_other,
        ],
        rate: t.sess_rate,
        req_rate: t.req_rate,
        conn_rate: t.conn_rate,
        times: [average(t.qtime), average(t.ctime), average(t.rtime), average(t.ttime)],
        times_max: [t.qtime_max, t.ctime_max, t.rtime_max, t.ttime_max],
        lastsess: (t.last_session_s != 0).then(|| now_s.saturating_sub(t.last_session_s)),
    }
}

/// The word of `show stat`'s `algo` column.
fn algorithm(p: &rha_ir::Proxy) -> &'static str {
    use rha_ir::BalanceKey;
    match p.service.balance.as_ref() {
        None | Some(Balance::RoundRobin) => "roundrobin",
        Some(Balance::StaticRr) => "static-rr",
        Some(Balance::LeastConn) => "leastconn",
        Some(Balance::First) => "first",
        Some(Balance::Random(_)) => "random",
        Some(Balance::Sticky) => "sticky",
        Some(Balance::Hash(key)) => match key {
            BalanceKey::Source => "source",
            BalanceKey::Uri { .. } => "uri",
            BalanceKey::UrlParam { .. } => "url_param",
            BalanceKey::Header { .. } => "hdr",
            BalanceKey::RdpCookie(_) => "rdp-cookie",
            _ => "hash",
        },
    }
}

fn gauge(g: &rha_proxy::state::Gauge) -> (u64, u64) {
    (g.read().into(), g.highest().into())
}

/// Totals at one moment, from which rates until the next are made.
#[derive(Debug, Clone, Copy)]
pub struct Sample {
    at_us: u64,
    processor_us: u64,
    bytes_out: u64,
    idle_percent: u64,
    bytes_out_rate: u64,
}

impl Sample {
    /// The first: nothing is known but that nothing was done.
    #[must_use]
    pub fn first(at_us: u64) -> Self {
        Sample {
            at_us,
            processor_us: rha_net::processor_time_us(),
            bytes_out: 0,
            idle_percent: 100,
            bytes_out_rate: 0,
        }
    }

    /// Looks again; rates are renewed once at least a second has passed. DIFFERS: the original averages over its own
    /// loop turns, this over the time since the last look.
    fn renew(&mut self, at_us: u64, bytes_out: u64, workers: u32) {
        let passed = at_us.saturating_sub(self.at_us);
        if passed < 1_000_000 {
            return;
        }
        let processor_us = rha_net::processor_time_us();
        let used =
            processor_us.saturating_sub(self.processor_us) * 100 / (passed * u64::from(workers.max(1)));
        let sent = bytes_out.saturating_sub(self.bytes_out);
        *self = Sample {
            at_us,
            processor_us,
            bytes_out,
            idle_percent: 100 - used.min(100),
            bytes_out_rate: sent.saturating_mul(1_000_000) / passed,
        };
    }
}

impl Engine {
    fn proxy(&self, p: &ProxyPlan, now: rha_base::Now) -> view::Proxy {
        let model = &p.model;
        view::Proxy {
            name: p.name.to_string(),
            iid: p.number,
            mode: if p.mode == Mode::Http { "http" } else { "tcp" },
            front: p.kind.is_frontend().then(|| self.front(p, now)),
            back: p.kind.is_backend().then(|| self.back(p, now)),
            forced_id: false,
            hidden: model.disabled,
        }
    }

    fn front(&self, p: &ProxyPlan, now: rha_base::Now) -> Front {
        let s = now.mono_us / 1_000_000;
        let state = &p.state;
        let listeners = if p.model.options.socket_stats { p.listeners.as_slice() } else { &[] };
        Front {
            counts: counts(&self.runtime.front(p.id), s),
            sessions: gauge(&state.front),
            limit: p.limit().into(),
            rate_limit: p.rate_limit.into(),
            status: match (state.stopped.load(Relaxed), state.paused.load(Relaxed)) {
                (true, _) => "STOP",
                (_, true) => "PAUSED",
                _ => "OPEN",
            },
            listeners: listeners
                .iter()
                .enumerate()
                .map(|(i, l)| Listener {
                    name: l.name.as_ref().map_or_else(|| format!("sock-{}", i + 1), ToString::to_string),
                    sid: l.number,
                    limit: l.maxconn.into(),
                    counts: counts(&self.runtime.listener(p.id, i), s),
                    address: l.address.to_string(),
                    protocol: match &l.address {
                        SocketAddress::Ip(a) if a.is_ipv6() => "tcpv6",
                        SocketAddress::Ip(_) | SocketAddress::Fd(_) => "tcpv4",
                        _ => "unix_stream",
                    },
                    sessions: gauge(&l.current),
                })
                .collect(),
        }
    }

    fn back(&self, p: &ProxyPlan, now: rha_base::Now) -> Back {
        let state = &p.state;
        let servers: Vec<_> = (0..p.servers.len()).filter_map(|i| self.server(p, i, now)).collect();
        let age = |ms: i64| u64::try_from((now.wall_us / 1000 - ms) / 1000).unwrap_or(0);
        let (active, backup) = state.usable();
        Back {
            counts: counts(&self.runtime.back(p.id), now.mono_us / 1_000_000),
            sessions: gauge(&state.back),
            queue: gauge(&state.queued),
            limit: state.fullconn.load(Relaxed).into(),
            is_up: servers.is_empty() || active + backup > 0,
            changed_s: age(state.changed_ms.load(Relaxed)),
            downtime_s: state.downtime_s(),
            downs: state.downs.load(Relaxed).saturating_sub(self.downs_before(p.id)),
            algorithm: algorithm(&p.model),
            cookie: p.model.cookie.as_ref().map(|c| c.name.to_string()),
            servers,
        }
    }

    fn server(&self, p: &ProxyPlan, i: usize, now: rha_base::Now) -> Option<view::Server> {
        let (plan, state, model) =
            (p.servers.get(i)?, p.state.servers.get(i)?, p.model.service.servers.get(i)?);
        let health = self.watch.health(p.id, i)?;
        let (host, port) = match state.address() {
            SocketAddress::Ip(a) => (Some(a.ip().to_string()), a.port()),
            SocketAddress::Unix(path) => (Some(path.display().to_string()), 0),
            _ => (None, 0),
        };
        let progress = health.progress(Checked::Health);
        Some(view::Server {
            name: plan.name.to_string(),
            sid: plan.number,
            counts: counts(&self.runtime.server(p.id, i), now.mono_us / 1_000_000),
            sessions: gauge(&state.served),
            queue: gauge(&state.queued),
            maxconn: state.maxconn.load(Relaxed).into(),
            maxqueue: state.maxqueue.into(),
            status: status(&health, model.track.is_some()),
            usable: state.is_usable(),
            weights: (
                state.effective_weight() / WEIGHT_SCALE,
                state.user_weight.load(Relaxed),
                state.initial_weight,
            ),
            backup: plan.backup,
            checked: progress.is_some(),
            health: progress.map_or((0, 0, 0), |(h, rise, fall, _)| (rise, fall, h)),
            checks_off: state.checks_off.load(Relaxed),
            disabled: model.disabled,
            first_health: first_health(model, state.was_maintained()),
            failures: self.failures(p.id, i, &health),
            observed_failures: health.failed_observations,
            check: progress.map(|(_, _, _, last)| last_check(last, &state.checking[0])).unwrap_or_default(),
            agent: health.progress(Checked::Agent).map(|(h, rise, fall, last)| view::Agent {
                health: (rise, fall, h),
                last: last_check(last, &state.checking[1]),
            }),
            changed_s: health.age_s(now.tick()),
            downtime_s: health.downtime_s(now.tick()),
            throttle: health.throttle_percent(now.tick()).and_then(|t| u32::try_from(t).ok()),
            tracked: model.track.as_ref().map(|(b, s)| format!("{b}/{s}")),
            host,
            port,
            fqdn: fqdn(model),
            check_to: aimed(&state.check_aim, model.check_address.as_ref(), model.check_port),
            agent_to: aimed(
                &state.agent_aim,
                model.agent.as_ref().and_then(|a| a.address.as_ref()).or(model.check_address.as_ref()),
                model.agent.as_ref().map(|a| a.port).filter(|p| *p != 0).or(model.check_port),
            ),
            agent_state: match health.progress(Checked::Agent) {
                None => 0,
                Some(_) if state.agent_off.load(Relaxed) => AGENT_CONFIGURED,
                Some(_) => AGENT_CONFIGURED | ENABLED,
            },
            cookie: p.cookie_of(i).map(|c| String::from_utf8_lossy(&c).into_owned()),
            idle: state.idle.load(Relaxed).into(),
            safe: state.safe.load(Relaxed).into(),
            need: state.need().into(),
            idle_limit: plan.pool_max_conn.into(),
            purge_delay_ms: u64::try_from(plan.pool_purge_delay.as_millis()).unwrap_or(u64::MAX),
            operation: health.operation().number().into(),
            admin: health.admin().0.into(),
            forced_id: false,
        })
    }

    fn process(&self, plan: &Plan, now: rha_base::Now) -> Process {
        let shared = self.runtime.shared();
        let workers = self.runtime.workers();
        let now_ms = now.mono_us / 1000;
        let sum = |of: fn(&rha_proxy::stats::WorkerStats) -> u64| workers.iter().map(|w| of(w)).sum::<u64>();
        let rate = |of: fn(&rha_proxy::stats::WorkerStats) -> &rha_proxy::stats::Rate, pace: &Pace| {
            workers.iter().fold((0, pace.limit().into(), 0), |(n, l, m), w| {
                (n + of(w).read(now_ms), l, m + of(w).highest())
            })
        };
        let model = &plan.model.process;
        let listeners = (self.runtime.open_listeners() + self.sockets.len()) as u64;
        let now_open = u64::from(shared.connections.read());
        // COMPAT: the runtime API's own connections are jobs and count in `CumConns`, but not in `CurrConns`;
        // checks count in `CumConns` too.
        let (own, own_ever) = (u64::from(self.control.now()), self.control.total());
        let bytes_out = rha_net::bytes_sent();
        let sample = {
            let mut sample = self.sample.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            sample.renew(now.mono_us, bytes_out, plan.process.workers);
            *sample
        };
        Process {
            version: crate::version::full(self.dialect),
            release_date: crate::version::DATE.to_owned(),
            pid: std::process::id(),
            nbthread: plan.process.workers,
            uptime_s: (now.mono_us - self.started.mono_us) / 1_000_000,
            started_s: u64::try_from(self.started.wall_us / 1_000_000).unwrap_or(0),
            memory_mb: self.memory_mb,
            descriptors: self.descriptors,
            maxconn: (shared.maxconn.load(Relaxed).into(), plan.process.maxconn.into()),
            connections: (
                now_open,
                sum(|w| w.connections.read()) + own_ever + self.watch.runs(),
                sum(|w| w.requests.read()) + own_ever,
            ),
            streams: own + plan.proxies.iter().map(|p| u64::from(p.state.back.read())).sum::<u64>(),
            boot_ms: self.boot_ms,
            warnings: crate::check::warnings(),
            conn_rate: rate(|w| &w.conn_rate, &shared.conn_pace),
            sess_rate: rate(|w| &w.sess_rate, &shared.sess_pace),
            idle_percent: sample.idle_percent,
            node: model.node.clone().unwrap_or_else(rha_net::hostname),
            description: model.description.clone().unwrap_or_default(),
            stopping: shared.stopping.load(Relaxed),
            // COMPAT: 3.0 counts one more than connections and listeners, whatever the configuration (`admin/info-own`).
            jobs: (now_open + own + listeners + u64::from(self.dialect >= Dialect::V3_0), listeners),
            unstoppable: self.under_master.into(),
            dropped_logs: sum(|w| w.dropped_logs.read()),
            bytes_out: (bytes_out, sample.bytes_out_rate),
        }
    }

    /// `clear counters`; what the watch counted is remembered, as the rest is, and taken off later.
    fn clear(&self, plan: &Plan, all: bool) {
        self.runtime.clear(all);
        if !all {
            return;
        }
        let mut before = self.checks_before.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        before.clear();
        for p in &plan.proxies {
            before.insert((p.id.0, WHOLE_BACKEND), (0, p.state.downs.load(Relaxed)));
            for i in 0..p.servers.len() {
                if let Some(h) = self.watch.health(p.id, i) {
                    before.insert((p.id.0, i), (h.failed_checks, h.down_transitions));
                }
            }
        }
    }

    fn downs_before(&self, p: ProxyId) -> u64 {
        let before = self.checks_before.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        before.get(&(p.0, WHOLE_BACKEND)).map_or(0, |(_, downs)| *downs)
    }

    fn failures(&self, p: ProxyId, i: usize, h: &Health) -> (u64, u64) {
        let before = self.checks_before.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let (checks, downs) = before.get(&(p.0, i)).copied().unwrap_or_default();
        (h.failed_checks.saturating_sub(checks), h.down_transitions.saturating_sub(downs))
    }

    fn at(&self, at: ServerAt) -> (ProxyId, usize) {
        (id_of(at.proxy), at.server)
    }
}

/// A proxy's id by its position in the plan.
fn id_of(position: usize) -> ProxyId {
    ProxyId(u32::try_from(position).unwrap_or(u32::MAX))
}

/// Bits of the state file's `srv_agent_state`.
const ENABLED: u32 = 0x02;
/// That it is an agent's, and configured.
const AGENT_CONFIGURED: u32 = 0x14;

/// Where checks go: what an operator said, else what was written, else nothing of their own.
fn aimed(aim: &Mutex<Aim>, address: Option<&rha_ir::Address>, port: Option<u16>) -> (Option<String>, u16) {
    let aim = aim.lock().unwrap_or_else(PoisonError::into_inner);
    let written = address.and_then(|a| match a {
        rha_ir::Address::Ip { host: rha_ir::Host::Ip(ip), .. } => Some(ip.to_string()),
        _ => None,
    });
    (aim.ip.map(|ip| ip.to_string()).or(written), aim.port.or(port).unwrap_or(0))
}

fn turn(aim: &Mutex<Aim>, ip: Option<IpAddr>, port: Option<u16>) {
    let mut aim = aim.lock().unwrap_or_else(PoisonError::into_inner);
    aim.ip = ip.or(aim.ip);
    aim.port = port.or(aim.port);
}

/// The health of a server without checks.
fn first_health(s: &rha_ir::Server, was_maintained: bool) -> u32 {
    let (rise, top) = (s.timing.rise, s.timing.rise + s.timing.fall - 1);
    match s.extra.as_ref().and_then(|e| e.restored.as_ref()) {
        Some(r) if r.admin & 1 == 0 => match r.operation {
            0 => 0,
            1 if rise > 1 => rise - 1,
            3 => rise,
            _ => top,
        },
        _ if was_maintained => 0,
        _ => rise,
    }
}

/// The name a server's address was written with.
fn fqdn(server: &rha_ir::Server) -> Option<String> {
    match &server.address {
        rha_ir::Address::Ip { host: rha_ir::Host::Name { name, .. }, .. } => Some(name.to_string()),
        _ => None,
    }
}

/// The `status` column. COMPAT: management guide §9.1, field 17.
fn status(health: &Health, tracks: bool) -> String {
    let admin = health.admin();
    if admin.in_maintenance() {
        return if admin.0 & 0x20 != 0 { "MAINT (resolution)".into() } else { "MAINT".into() };
    }
    let word = match health.operation() {
        Operation::Stopped => "DOWN",
        Operation::Stopping => "NOLB",
        _ if admin.draining() => "DRAIN",
        _ => "UP",
    };
    match health.progress(Checked::Health) {
        None if !tracks && word == "UP" => "no check".into(),
        None => word.into(),
        Some((h, rise, fall, _)) if word == "DOWN" && h > 0 => {
            format!("DOWN {h}/{rise}").replace("/0", &format!("/{fall}"))
        }
        Some((h, rise, fall, _)) if word == "UP" && h + 1 < rise + fall => {
            format!("UP {}/{fall}", (h + 1).saturating_sub(rise))
        }
        Some(_) => word.into(),
    }
}

/// COMPAT: a star stands before the last result while the next is awaited.
fn last_check(o: &rha_health::Outcome, under_way: &AtomicBool) -> LastCheck {
    let star = if under_way.load(Relaxed) { "* " } else { "" };
    LastCheck {
        status: format!("{star}{}", o.status.word()),
        code: u32::try_from(o.code).ok().filter(|c| *c != 0),
        duration_ms: o.duration_ms,
        text: String::from_utf8_lossy(&o.info).into_owned(),
        description: o.status.description().to_owned(),
        numbers: (o.status.number().into(), result_number(o.status.verdict())),
    }
}

/// Numbers of the state file's `srv_check_result`.
fn result_number(v: rha_health::Verdict) -> u32 {
    use rha_health::Verdict;
    match v {
        Verdict::Unknown => 0,
        Verdict::Neutral => 1,
        Verdict::Failed => 2,
        Verdict::Passed => 3,
        Verdict::PassedIf => 4,
    }
}

impl Site for Engine {
    fn dialect(&self) -> Dialect {
        self.dialect
    }

    fn look(&self) -> Snapshot {
        let (plan, now) = (self.runtime.plan(), rha_net::read_clocks());
        Snapshot {
            process: self.process(&plan, now),
            proxies: plan.proxies.iter().map(|p| self.proxy(p, now)).collect(),
        }
    }

    fn change(&self, change: Change) -> Result<(), String> {
        let plan = self.runtime.plan();
        let state_of = |i: usize| plan.proxies.get(i).map(|p| &p.state);
        match change {
            Change::State(at, wish) => {
                let (proxy, server) = self.at(at);
                let state = match wish {
                    Wish::Ready => AdminState::Ready,
                    Wish::Drain => AdminState::Drain,
                    Wish::Maint => AdminState::Maint,
                };
                self.watch.administer(proxy, server, state, "");
            }
            Change::Health(at, force) => {
                let (proxy, server) = self.at(at);
                let to = match force {
                    Force::Up => Operation::Running,
                    Force::Stopping => Operation::Stopping,
                    Force::Down => Operation::Stopped,
                };
                self.watch.force(proxy, server, Checked::Health, to, Cause::Cli);
            }
            Change::CheckTo(at, ip, port) => {
                if let Some(s) = state_of(at.proxy).and_then(|s| s.servers.get(at.server)) {
                    turn(&s.check_aim, ip, port);
                }
            }
            Change::AgentTo(at, ip, port) => {
                if let Some(s) = state_of(at.proxy).and_then(|s| s.servers.get(at.server)) {
                    turn(&s.agent_aim, ip, port);
                }
            }
            Change::AgentSend(at, text) => {
                if let Some(s) = state_of(at.proxy).and_then(|s| s.servers.get(at.server)) {
                    s.agent_aim.lock().unwrap_or_else(PoisonError::into_inner).send = Some(text.into_bytes());
                }
            }
            Change::Agent(at, force) => {
                let (proxy, server) = self.at(at);
                let to = if force == Force::Up { Operation::Running } else { Operation::Stopped };
                self.watch.force(proxy, server, Checked::Agent, to, Cause::Cli);
            }
            Change::Agents(at, on) => {
                let (proxy, server) = self.at(at);
                let asked = self.watch.health(proxy, server);
                if on && asked.is_none_or(|h| h.progress(Checked::Agent).is_none()) {
                    return Err("Agent was not configured on this server, cannot enable.\n".to_owned());
                }
                if let Some(s) = state_of(at.proxy).and_then(|s| s.servers.get(at.server)) {
                    s.agent_off.store(!on, Relaxed);
                }
            }
            Change::Weight(at, weight) => {
                let (proxy, server) = self.at(at);
                self.watch.set_weight(proxy, server, weight);
            }
            Change::Address(at, ip, port) => {
                let Some(server) = state_of(at.proxy).and_then(|s| s.servers.get(at.server)) else {
                    return Ok(());
                };
                let SocketAddress::Ip(old) = server.address() else {
                    return Err("could not update addr: the server has no IP address.".to_owned());
                };
                let new = SocketAddr::new(ip.unwrap_or(old.ip()), port.unwrap_or(old.port()));
                let (id, index) = self.at(at);
                if let Some(proxy) = plan.proxy(id) {
                    proxy.move_server(index, SocketAddress::Ip(new), plan.dialect);
                }
            }
            Change::ServerMaxconn(at, n) => {
                if let Some(s) = state_of(at.proxy) {
                    s.set_maxconn(at.server, n);
                }
            }
            Change::ConnectionRate(n) => self.runtime.shared().conn_pace.set_limit(n),
            Change::SessionRate(n) => self.runtime.shared().sess_pace.set_limit(n),
            Change::GlobalMaxconn(n) => {
                let most = plan.process.maxconn;
                if n > most {
                    return Err("Value out of range.".to_owned());
                }
                self.runtime.shared().maxconn.store(if n == 0 { most } else { n }, Relaxed);
            }
            Change::Listening(i, on) => {
                let Some(p) = plan.proxies.get(i) else { return Ok(()) };
                if p.state.stopped.load(Relaxed) {
                    return Err("Frontend was previously shut down, cannot ".to_owned()
                        + if on { "enable." } else { "disable." });
                }
                if !self.pause_front(p, !on) {
                    let state = if on { "enabled" } else { "disabled" };
                    return Err(format!("All sockets are already {state}."));
                }
            }
            Change::StopFrontend(i) => {
                let Some(p) = plan.proxies.get(i) else { return Ok(()) };
                if p.state.stopped.load(Relaxed) {
                    return Err("Frontend was already shut down.".to_owned());
                }
                self.stop_front(p);
            }
            Change::Checks(at, on) => {
                let Some(server) = state_of(at.proxy).and_then(|s| s.servers.get(at.server)) else {
                    return Ok(());
                };
                let (proxy, i) = self.at(at);
                let configured =
                    self.watch.health(proxy, i).is_some_and(|h| h.progress(Checked::Health).is_some());
                if on && !configured {
                    return Err("Health check was not configured on this server, cannot enable.\n".to_owned());
                }
                server.checks_off.store(!on, Relaxed);
            }
            Change::FrontendMaxconn(i, n) => {
                if let Some(s) = state_of(i) {
                    s.front_limit.store(n.min(u32::MAX - 1), Relaxed);
                }
            }
            Change::ClearCounters { all } => self.clear(&plan, all),
            Change::CloseSessions(at) => {
                let (proxy, i) = self.at(at);
                plan.evict(proxy, i, Eviction::Killed);
            }
        }
        Ok(())
    }

    fn environment(&self) -> Vec<(String, String)> {
        let env = &self.runtime.plan().model.process.env;
        if env.is_empty() {
            return std::env::vars().collect();
        }
        env.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect()
    }

    fn sockets(&self) -> Vec<ControlSocket> {
        self.sockets.clone()
    }

    fn startup_logs(&self) -> String {
        self.startup_logs.clone()
    }

    fn streams(&self) -> Vec<view::Stream> {
        look::streams(self)
    }

    fn kill(&self, id: u64) -> bool {
        look::kill(self, id)
    }

    fn captures(&self) -> view::Captures {
        look::captures(self)
    }

    fn variable(&self, name: &str) -> Option<view::Variable> {
        look::variable(self, name)
    }

    fn set_variable(&self, name: &str, format: bool, value: &str) -> Result<(), String> {
        look::set_variable(self, name, format, value)
    }

    fn anon_key(&self) -> u32 {
        self.anon_key.load(Relaxed)
    }

    fn set_anon_key(&self, key: u32) {
        self.anon_key.store(key, Relaxed);
    }

    fn random(&self) -> u32 {
        let t = rha_net::read_clocks();
        ((t.mono_us ^ t.wall_us.unsigned_abs().rotate_left(17)).wrapping_mul(0x2545_F491_4F6C_DD1D) >> 32)
            as u32
            | 1
    }
}

/// The engine once it runs; what was handed out before holds this.
pub type Later = Arc<std::sync::OnceLock<Arc<Engine>>>;
