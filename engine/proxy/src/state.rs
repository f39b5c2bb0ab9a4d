//! What lives longer than a plan and is shared by all workers: servers, weights, balance position, queues,
//! gauges.
//!
//! A choice takes one short lock per backend; numbers that are only looked at are atomics. HAProxy 3.0
//! management guide §9.3 "show servers state" names the states.

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU8, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};

use rha_balance::{Algorithm, Balancer, HashKey, Load, Member, WEIGHT_SCALE};
use rha_ir::Proxy;
use rha_net::SocketAddress;
use rha_vocab::Dialect;

use crate::pace::Pace;
use crate::queue::Queues;

/// A number with its highest value.
#[derive(Debug, Default)]
pub struct Gauge {
    now: AtomicU32,
    most: AtomicU32,
}

impl Gauge {
    /// One more; returns the new value.
    pub fn up(&self) -> u32 {
        let n = self.now.fetch_add(1, Relaxed).wrapping_add(1);
        if n > self.most.load(Relaxed) {
            self.most.fetch_max(n, Relaxed);
        }
        n
    }

    /// One less; returns the new value.
    pub fn down(&self) -> u32 {
        self.now.fetch_sub(1, Relaxed).wrapping_sub(1)
    }

    /// The value.
    #[must_use]
    pub fn read(&self) -> u32 {
        self.now.load(Relaxed)
    }

    /// The highest value.
    #[must_use]
    pub fn highest(&self) -> u32 {
        self.most.load(Relaxed)
    }

    /// Forgets the highest value (`clear counters`).
    pub fn forget(&self) {
        self.most.store(self.read(), Relaxed);
    }
}

/// Operational state of a server, numbered as in the state file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Operation {
    /// Down.
    Stopped = 0,
    /// Up, weight still growing (`slowstart`).
    Starting = 1,
    /// Up.
    Running = 2,
    /// Up for who is bound to it, nothing new (`disable-on-404`, agent).
    Stopping = 3,
}

/// Bits of a server's administrative state, as in the state file.
pub mod admin {
    /// Forced maintenance (`disable server`, `disabled`).
    pub const FORCED_MAINTENANCE: u32 = 0x01;
    /// Maintenance of the server it tracks.
    pub const INHERITED_MAINTENANCE: u32 = 0x02;
    /// The configuration said `disabled`.
    pub const CONFIGURED_MAINTENANCE: u32 = 0x04;
    /// Forced drain.
    pub const FORCED_DRAIN: u32 = 0x08;
    /// Drain of the server it tracks.
    pub const INHERITED_DRAIN: u32 = 0x10;
    /// Its name has no address.
    pub const RESOLUTION_MAINTENANCE: u32 = 0x20;
    /// Its name was given by `set server … fqdn`.
    pub const NAME_MAINTENANCE: u32 = 0x40;
    /// Any maintenance.
    pub const MAINTENANCE: u32 = 0x23;
    /// Any drain.
    pub const DRAIN: u32 = 0x18;
}

/// Where an operator sends a server's checks instead of where the configuration does.
#[derive(Debug, Default, Clone)]
pub struct Aim {
    /// Address.
    pub ip: Option<IpAddr>,
    /// Port.
    pub port: Option<u16>,
    /// What an agent is sent first.
    pub send: Option<Vec<u8>>,
}

impl Aim {
    /// Bends an address.
    pub(crate) fn bend(&self, to: SocketAddress) -> SocketAddress {
        let SocketAddress::Ip(at) = to else { return to };
        let ip = self.ip.unwrap_or(at.ip());
        SocketAddress::Ip(SocketAddr::new(ip, self.port.unwrap_or(at.port())))
    }
}

/// A server as it is now.
#[derive(Debug)]
pub struct ServerState {
    /// Name.
    pub name: Box<str>,
    /// Requests that hold one of its slots.
    pub served: Gauge,
    /// Requests in its own queue.
    pub queued: Gauge,
    /// The cookie computed from its address after a move.
    moved_cookie: RwLock<Option<Vec<u8>>>,
    has_moved: AtomicBool,
    /// Idle connections in all workers' pools.
    pub idle: AtomicU32,
    /// Of them, proven by reuse.
    pub safe: AtomicU32,
    /// Connections that are likely to be needed at once, and the most that were since it was last estimated.
    need: AtomicU32,
    busiest: AtomicU32,
    /// `maxconn`; 0 is unlimited.
    pub maxconn: AtomicU32,
    /// `minconn`, equal to `maxconn` when not written.
    pub minconn: u32,
    /// `maxqueue`.
    pub maxqueue: u32,
    /// Weight the operator or agent set, 0..=256.
    pub user_weight: AtomicU32,
    /// `weight`.
    pub initial_weight: u32,
    /// Percentage that slow start allows, 1..=100.
    pub slow_start_percent: AtomicU32,
    operation: AtomicU8,
    admin: AtomicU32,
    was_maintained: AtomicBool,
    /// `disable health`: its checks pause.
    pub checks_off: AtomicBool,
    /// `disable agent`: its agent is not asked.
    pub agent_off: AtomicBool,
    /// Whether a check, and its agent's, is under way.
    pub checking: [AtomicBool; 2],
    /// `set server … check-addr|check-port`.
    pub check_aim: Mutex<Aim>,
    /// `set server … agent-addr|agent-port|agent-send`.
    pub agent_aim: Mutex<Aim>,
    /// Times its streams were ended at once.
    pub(crate) evictions: crate::eviction::Evictions,
    address: RwLock<SocketAddress>,
    /// Changes whenever pooled connections must not be used any more.
    generation: AtomicU32,
    /// Wall clock, milliseconds, of the last change of state.
    pub changed_ms: AtomicI64,
}

impl ServerState {
    /// Whether it has been in maintenance since start.
    #[must_use]
    pub fn was_maintained(&self) -> bool {
        self.was_maintained.load(Relaxed)
    }

    /// A server as the configuration leaves it: running, or in maintenance when `disabled`.
    #[must_use]
    pub fn new(s: &rha_ir::Server, address: SocketAddress) -> Self {
        let admin = if s.disabled { admin::FORCED_MAINTENANCE | admin::CONFIGURED_MAINTENANCE } else { 0 };
        let saved = s.extra.as_ref().and_then(|e| e.restored.as_ref());
        // A weight that was written since goes before one that an operator had set.
        let weight = saved.map(|r| r.weights).filter(|w| w.1 == s.weight).map_or(s.weight, |w| w.0);
        let aim = |of: fn(&rha_ir::RestoredState) -> (Option<std::net::IpAddr>, Option<u16>)| {
            let (ip, port) = saved.map(of).unwrap_or_default();
            Mutex::new(Aim { ip, port, ..Aim::default() })
        };
        let off = |bits: u32| bits & 2 != 0 && bits & 4 == 0;
        let address = match (address, saved.and_then(|r| r.port)) {
            (SocketAddress::Ip(at), Some(port)) => SocketAddress::Ip((at.ip(), port).into()),
            (other, _) => other,
        };
        ServerState {
            name: s.name.as_str().into(),
            served: Gauge::default(),
            queued: Gauge::default(),
            moved_cookie: RwLock::new(None),
            has_moved: AtomicBool::new(false),
            idle: AtomicU32::new(0),
            safe: AtomicU32::new(0),
            need: AtomicU32::new(0),
            busiest: AtomicU32::new(0),
            maxconn: AtomicU32::new(s.maxconn),
            minconn: if s.minconn == 0 { s.maxconn } else { s.minconn },
            maxqueue: s.maxqueue,
            user_weight: AtomicU32::new(weight),
            initial_weight: s.weight,
            slow_start_percent: AtomicU32::new(100),
            was_maintained: AtomicBool::new(s.disabled),
            checks_off: AtomicBool::new(saved.is_some_and(|r| off(r.check_state))),
            agent_off: AtomicBool::new(saved.is_some_and(|r| off(r.agent_state))),
            checking: [const { AtomicBool::new(false) }; 2],
            check_aim: aim(|r| r.check_to),
            agent_aim: aim(|r| r.agent_to),
            operation: AtomicU8::new(if s.disabled { Operation::Stopped } else { Operation::Running } as u8),
            admin: AtomicU32::new(admin),
            evictions: crate::eviction::Evictions::default(),
            address: RwLock::new(address),
            generation: AtomicU32::new(0),
            changed_ms: AtomicI64::new(rha_net::read_clocks().wall_us / 1000),
        }
    }

    /// Operational state.
    #[must_use]
    pub fn operation(&self) -> Operation {
        match self.operation.load(Relaxed) {
            0 => Operation::Stopped,
            1 => Operation::Starting,
            2 => Operation::Running,
            _ => Operation::Stopping,
        }
    }

    /// Administrative state, bits of [`admin`].
    #[must_use]
    pub fn admin(&self) -> u32 {
        self.admin.load(Relaxed)
    }

    /// Up, and not in maintenance: persistence may still lead here.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.operation() != Operation::Stopped && self.admin() & admin::MAINTENANCE == 0
    }

    /// Whether new requests may be balanced here.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        self.is_up() && self.operation() != Operation::Stopping && self.admin() & admin::DRAIN == 0
    }

    /// Weight in sixteenths as the balancer counts it, slow start considered.
    #[must_use]
    pub fn effective_weight(&self) -> u32 {
        let w = self.user_weight.load(Relaxed) * WEIGHT_SCALE;
        (w * self.slow_start_percent.load(Relaxed)).div_ceil(100)
    }

    /// The cookie computed from the address it has moved to, if its cookie depends on that.
    #[must_use]
    pub fn moved_cookie(&self) -> Option<Vec<u8>> {
        if !self.has_moved.load(Relaxed) {
            return None;
        }
        self.moved_cookie.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn set_moved_cookie(&self, cookie: Option<Vec<u8>>) {
        *self.moved_cookie.write().unwrap_or_else(PoisonError::into_inner) = cookie;
        self.has_moved.store(true, Relaxed);
    }

    /// Where to connect.
    #[must_use]
    pub fn address(&self) -> SocketAddress {
        self.address.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Moves it elsewhere; pooled connections are given up.
    pub fn set_address(&self, to: SocketAddress) {
        *self.address.write().unwrap_or_else(PoisonError::into_inner) = to;
        self.give_up_idle();
    }

    /// Changes whenever idle connections must be closed.
    #[must_use]
    pub fn generation(&self) -> u32 {
        self.generation.load(Relaxed)
    }

    /// Notes that another connection is in use; the slot is counted already.
    pub(crate) fn count_use(&self) {
        let used = self.served.read();
        for most in [&self.need, &self.busiest] {
            if most.load(Relaxed) < used {
                most.fetch_max(used, Relaxed);
            }
        }
    }

    /// Connections likely to be needed at once (`need_conn_est`).
    #[must_use]
    pub fn need(&self) -> u32 {
        self.need.load(Relaxed)
    }

    /// Whether a connection that is not needed any more is worth keeping, its slot being given back already.
    /// COMPAT: no more are kept than were in use at once of late (`admin/columns-csv`).
    pub(crate) fn wants_idle(&self, low: u32) -> bool {
        let used = self.served.read() + 1;
        used + self.idle.load(Relaxed) <= used.max(self.need()) + low
    }

    /// Once every `pool-purge-delay`: the need fades by half towards what was used since.
    pub(crate) fn estimate_need(&self) {
        // COMPAT: not where nothing is kept.
        if self.idle.load(Relaxed) == 0 {
            return;
        }
        let busiest = self.busiest.swap(self.served.read(), Relaxed);
        self.need.store((self.need().midpoint(busiest)).max(busiest), Relaxed);
    }

    /// Makes idle connections useless.
    pub fn give_up_idle(&self) {
        self.generation.fetch_add(1, Relaxed);
    }
}

/// Balance position and queues: what one lock holds.
pub(crate) struct Core {
    pub balancer: Balancer,
    pub queues: Queues,
}

/// A proxy as it is now.
pub struct ProxyState {
    /// Connections of the frontend.
    pub front: Gauge,
    /// Streams of the backend (queued ones included).
    pub back: Gauge,
    /// Streams that hold a server slot.
    pub served: AtomicU32,
    /// Streams in the backend's queue.
    pub queued: Gauge,
    /// Streams in any queue of the backend.
    pub total_queued: AtomicU32,
    /// Servers.
    pub servers: Vec<ServerState>,
    /// `fullconn`.
    pub fullconn: AtomicU32,
    /// Whether the frontend accepts (`disable frontend`, SIGTTOU).
    pub paused: AtomicBool,
    /// Whether it has been shut down for good.
    pub stopped: AtomicBool,
    /// `rate-limit sessions`.
    pub sess_pace: Pace,
    /// `set maxconn frontend`; `u32::MAX` while the configuration's limit holds.
    pub front_limit: AtomicU32,
    /// Wall clock, milliseconds, of the last change between "some server" and "no server".
    pub changed_ms: AtomicI64,
    /// Times the last server went away.
    pub downs: AtomicU64,
    /// Milliseconds it was without a server, the time since the last change apart.
    down_ms: AtomicI64,
    pub(crate) algorithm: Algorithm,
    /// Requests that wait for a server which may take no more go elsewhere: `option redispatch` without
    /// `option persist`.
    requeues: bool,
    /// COMPAT: since 3.0 those of a server in maintenance do in any case.
    clears_maintained: bool,
    core: Mutex<Core>,
}

impl std::fmt::Debug for ProxyState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ProxyState").field("servers", &self.servers).finish_non_exhaustive()
    }
}

impl ProxyState {
    /// Places a server on the ring anew, as its `hash-key` says for an address.
    pub(crate) fn set_hash_key(&self, i: usize, s: &rha_ir::Server, to: &SocketAddress, dialect: Dialect) {
        self.lock().balancer.set_hash_key(i, &hash_key(s, to, dialect));
    }

    /// The state a proxy starts with; `addresses` are the servers'.
    #[must_use]
    pub fn new(
        p: &Proxy,
        algorithm: Algorithm,
        addresses: Vec<SocketAddress>,
        fullconn: u32,
        dialect: Dialect,
    ) -> Self {
        let members: Vec<_> = p
            .service
            .servers
            .iter()
            .zip(&addresses)
            .map(|(s, a)| Member {
                id: s.id,
                weight: s.weight,
                hash_key: hash_key(s, a, dialect),
                backup: s.backup,
            })
            .collect();
        let balancer = Balancer::new(algorithm, &members, p.service.all_backups);
        let servers: Vec<_> =
            p.service.servers.iter().zip(addresses).map(|(s, a)| ServerState::new(s, a)).collect();
        let state = ProxyState {
            front: Gauge::default(),
            back: Gauge::default(),
            served: AtomicU32::new(0),
            queued: Gauge::default(),
            total_queued: AtomicU32::new(0),
            fullconn: AtomicU32::new(fullconn),
            paused: AtomicBool::new(false),
            stopped: AtomicBool::new(false),
            sess_pace: Pace::new(p.rate_limit_sessions.unwrap_or(0)),
            front_limit: AtomicU32::new(u32::MAX),
            changed_ms: AtomicI64::new(rha_net::read_clocks().wall_us / 1000),
            downs: AtomicU64::new(0),
            down_ms: AtomicI64::new(0),
            algorithm,
            requeues: p.redispatch.is_some_and(|n| n != 0) && !p.options.persist,
            clears_maintained: dialect >= Dialect::V3_0,
            core: Mutex::new(Core { balancer, queues: Queues::new(servers.len()) }),
            servers,
        };
        for i in 0..state.servers.len() {
            state.refresh(i);
        }
        state
    }

    /// Whether a service of a new plan has the same servers, so that this state can stay.
    #[must_use]
    pub fn fits(&self, service: &rha_ir::Service, algorithm: Algorithm) -> bool {
        self.algorithm == algorithm
            && self.servers.len() == service.servers.len()
            && self.servers.iter().zip(&service.servers).all(|(a, b)| {
                a.name.as_ref() == b.name && a.initial_weight == b.weight && a.maxqueue == b.maxqueue
            })
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Core> {
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that the last server went away, or that there is one again.
    pub(crate) fn turned(&self, up: bool) {
        let now_ms = rha_net::read_clocks().wall_us / 1000;
        let since = self.changed_ms.swap(now_ms, Relaxed);
        if up {
            self.down_ms.fetch_add((now_ms - since).max(0), Relaxed);
        } else {
            self.downs.fetch_add(1, Relaxed);
        }
    }

    /// Seconds without a server so far. Management guide §9.1, `downtime`.
    #[must_use]
    pub fn downtime_s(&self) -> u64 {
        let now_ms = rha_net::read_clocks().wall_us / 1000;
        let lasting = match self.usable() {
            (0, 0) => (now_ms - self.changed_ms.load(Relaxed)).max(0),
            _ => 0,
        };
        u64::try_from((self.down_ms.load(Relaxed) + lasting) / 1000).unwrap_or(0)
    }

    /// Changes a server's operational state and tells the balancer.
    pub fn set_operation(&self, server: usize, to: Operation) {
        let Some(s) = self.servers.get(server) else { return };
        s.operation.store(to as u8, Relaxed);
        s.changed_ms.store(rha_net::read_clocks().wall_us / 1000, Relaxed);
        self.refresh(server);
    }

    /// Sets and clears bits of a server's administrative state.
    pub fn set_admin(&self, server: usize, set: u32, clear: u32) {
        let Some(s) = self.servers.get(server) else { return };
        let to = s.admin() & !clear | set;
        s.admin.store(to, Relaxed);
        if to & admin::MAINTENANCE != 0 {
            s.was_maintained.store(true, Relaxed);
        }
        self.refresh(server);
    }

    /// Sets a server's weight, 0..=256.
    pub fn set_weight(&self, server: usize, weight: u32) {
        let Some(s) = self.servers.get(server) else { return };
        s.user_weight.store(weight, Relaxed);
        self.refresh(server);
    }

    /// Changes a server's `maxconn` and lets waiting requests in.
    pub fn set_maxconn(&self, server: usize, maxconn: u32) {
        let Some(s) = self.servers.get(server) else { return };
        s.maxconn.store(maxconn, Relaxed);
        self.let_in(server);
    }

    /// Tells the balancer what became of a server; whoever changed a field of it calls this.
    pub fn refresh(&self, server: usize) {
        let Some(s) = self.servers.get(server) else { return };
        let usable = s.is_usable();
        {
            let mut core = self.lock();
            core.balancer.set_weight(server, s.effective_weight());
            core.balancer.set_usable(server, usable);
        }
        if usable {
            self.let_in(server);
            return;
        }
        if !s.is_up() {
            s.give_up_idle();
        }
        if self.requeues || (self.clears_maintained && s.admin() & admin::MAINTENANCE != 0) {
            self.send_elsewhere(server);
        }
    }

    /// Requests a server takes at once; 0 is unlimited. COMPAT: `minconn` grows to `maxconn` with the load.
    #[must_use]
    pub fn limit(&self, server: usize) -> u32 {
        let Some(s) = self.servers.get(server) else { return 0 };
        let max = s.maxconn.load(Relaxed);
        if max == 0 || s.minconn == 0 || s.minconn >= max {
            return max;
        }
        let (full, now) = (self.fullconn.load(Relaxed).max(1), self.back.read());
        if now >= full {
            return max;
        }
        let grown = u64::from(now) * u64::from(max) / u64::from(full);
        s.minconn.max(u32::try_from(grown).unwrap_or(max))
    }

    /// Usable active and backup servers.
    #[must_use]
    pub fn usable(&self) -> (usize, usize) {
        self.lock().balancer.usable()
    }
}

impl Load for ProxyState {
    fn served(&self, server: usize) -> u32 {
        self.servers.get(server).map_or(0, |s| s.served.read())
    }

    fn queued(&self, server: usize) -> u32 {
        self.servers.get(server).map_or(0, |s| s.queued.read())
    }

    fn limit(&self, server: usize) -> u32 {
        ProxyState::limit(self, server)
    }

    fn max_queue(&self, server: usize) -> u32 {
        self.servers.get(server).map_or(0, |s| s.maxqueue)
    }

    fn backend_served(&self) -> u32 {
        self.served.load(Relaxed)
    }
}

fn hash_key(s: &rha_ir::Server, a: &SocketAddress, dialect: Dialect) -> HashKey {
    match (s.hash_key.as_deref(), a.ip()) {
        (Some("addr"), Some(a)) => HashKey::Addr(a.ip()),
        (Some("addr-port"), Some(a)) => HashKey::AddrPort(a.ip(), a.port()),
        (Some("id32"), _) => HashKey::Id32,
        _ => HashKey::id(dialect),
    }
}
