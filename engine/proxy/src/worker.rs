//! What one worker owns, and what all of them share.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::task::Waker;

use rha_base::{Now, ProxyId, Tick};
use rha_net::{Clock, Conn, Quiet};

use crate::log::Logs;
use crate::pace::Pace;
use crate::plan::{CloseSpread, Plan};
use crate::reuse::Buffers;
use crate::roster::Roster;
use crate::state::Gauge;
use crate::stats::WorkerStats;
use crate::stream::Parts;
use crate::timer::Timers;

/// A worker's handle on a plan: cloned per connection without touching a shared counter.
pub(crate) type PlanRef = Rc<Arc<Plan>>;

/// Bytes read at once when copying; larger buffers cost more (`docs/architecture.md`, "Buffers").
pub(crate) const SCRATCH: usize = 32 * 1024;

/// What all workers share.
#[derive(Debug)]
pub struct Shared {
    /// Connections of the process.
    pub connections: Gauge,
    /// `maxconn`; the operator may change it.
    pub maxconn: AtomicU32,
    /// `maxconnrate`.
    pub conn_pace: Pace,
    /// `maxsessrate`.
    pub sess_pace: Pace,
    /// Requests so far (`%rt`).
    pub requests: AtomicU64,
    /// No new connections; ends when the last one is gone.
    pub stopping: AtomicBool,
    /// When that began, microseconds of the monotonic clock.
    pub stopping_since_us: AtomicU64,
    /// Machine's name.
    pub hostname: Box<str>,
    /// When the process began to serve.
    pub started: std::time::Instant,
    /// Number of workers.
    pub workers: u32,
    /// Bad messages.
    pub captures: crate::capture::CaptureStore,
}

/// A connection to a server that waits for its next request.
#[derive(Debug)]
pub(crate) struct Idle {
    pub conn: Conn,
    pub since: Tick,
    /// `pool-conn-name`, hashed; 0 without.
    pub name: u64,
    /// [`crate::state::ServerState::generation`] when it was opened.
    pub generation: u32,
    /// Requests it has carried.
    pub uses: u32,
}

/// What becomes of connections without a request in a soft stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Closing {
    /// They are closed.
    Now,
    /// They are closed within so many milliseconds.
    Within(u64),
    /// Their clients close them.
    Never,
}

/// One server's idle connections in one worker, the most recent last.
#[derive(Debug, Default)]
pub(crate) struct Pool {
    /// Proven to survive reuse.
    pub safe: Vec<Idle>,
    /// Used once.
    pub fresh: Vec<Idle>,
    purge_at: Tick,
}

/// What a thread owns.
pub(crate) struct Worker {
    pub index: u32,
    pub clock: Clock,
    pub timers: Timers,
    pub buffers: Buffers,
    pub scratch: RefCell<Vec<u8>>,
    pub stats: Arc<WorkerStats>,
    pub roster: Roster,
    pub shared: Arc<Shared>,
    pub logs: Logs,
    plan: RefCell<PlanRef>,
    pools: RefCell<Vec<Vec<Pool>>>,
    #[expect(clippy::vec_box, reason = "streams hold the box; taking one must not move what is in it")]
    parts: RefCell<Vec<Box<Parts>>>,
    blocked: RefCell<Vec<Waker>>,
    /// Client connections of this worker.
    pub sessions: Cell<u32>,
    /// Times streams of some server were ended at once.
    pub evictions: Cell<u32>,
    texts: RefCell<Vec<Vec<u8>>>,
    seed: Cell<u64>,
}

impl Worker {
    pub(crate) fn new(index: u32, plan: Arc<Plan>, shared: Arc<Shared>, stats: Arc<WorkerStats>) -> Worker {
        let pools =
            plan.proxies.iter().map(|p| p.servers.iter().map(|_| Pool::default()).collect()).collect();
        let clock = Clock::default();
        let now = clock.precise();
        let buffer = plan.process.buffer_size.max(SCRATCH);
        Worker {
            index,
            timers: Timers::default(),
            buffers: Buffers::new(buffer),
            scratch: RefCell::new(vec![0; SCRATCH]),
            stats,
            roster: Roster::default(),
            shared,
            logs: Logs::new(&plan),
            plan: RefCell::new(Rc::new(plan)),
            pools: RefCell::new(pools),
            parts: RefCell::default(),
            blocked: RefCell::default(),
            sessions: Cell::new(0),
            evictions: Cell::new(0),
            texts: RefCell::default(),
            seed: Cell::new(now.mono_us ^ (now.wall_us.unsigned_abs() << 20) ^ (u64::from(index) << 56) | 1),
            clock,
        }
    }

    pub(crate) fn now(&self) -> Now {
        self.clock.now()
    }

    pub(crate) fn plan(&self) -> PlanRef {
        self.plan.borrow().clone()
    }

    /// Whether it is the plan of new sessions: connections of others are not pooled.
    pub(crate) fn is_current(&self, plan: &PlanRef) -> bool {
        Rc::ptr_eq(&self.plan.borrow(), plan)
    }

    /// New sessions use this plan from now on. Idle connections stay with proxies whose state it has taken over.
    pub(crate) fn set_plan(&self, plan: Arc<Plan>) {
        let old = self.plan.replace(Rc::new(plan));
        let plan = self.plan();
        let mut pools = self.pools.borrow_mut();
        let mut before = std::mem::take(&mut *pools).into_iter().zip(&old.proxies);
        *pools = plan
            .proxies
            .iter()
            .map(|p| match before.next() {
                Some((pools, o)) if Arc::ptr_eq(&o.state, &p.state) => pools,
                _ => p.servers.iter().map(|_| Pool::default()).collect(),
            })
            .collect();
    }

    /// 32 random bits (xorshift64*: for balancing and samples, not for secrets).
    pub(crate) fn random(&self) -> u32 {
        let mut x = self.seed.get();
        x ^= x >> 12;
        x ^= x << 25;
        x ^= x >> 27;
        self.seed.set(x);
        (x.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 32) as u32
    }

    pub(crate) fn open_sessions(&self) -> u32 {
        self.sessions.get()
    }

    /// An empty vector with room from earlier uses.
    pub(crate) fn take_text(&self) -> Vec<u8> {
        self.texts.borrow_mut().pop().unwrap_or_default()
    }

    pub(crate) fn give_text(&self, mut text: Vec<u8>) {
        let mut all = self.texts.borrow_mut();
        if text.capacity() > 0 && text.capacity() <= 2 * SCRATCH && all.len() < 256 {
            text.clear();
            all.push(text);
        }
    }

    pub(crate) fn take_parts(&self) -> Box<Parts> {
        self.parts.borrow_mut().pop().unwrap_or_else(|| {
            let parts = Box::<Parts>::default();
            self.roster.add(&parts.card);
            parts
        })
    }

    pub(crate) fn give_parts(&self, mut parts: Box<Parts>) {
        parts.clear();
        let mut all = self.parts.borrow_mut();
        if all.len() < 256 {
            all.push(parts);
            return;
        }
        drop(parts);
        self.roster.lost();
    }

    /// What a soft stop that is under way means for a connection without a request.
    pub(crate) fn closing(&self) -> Closing {
        match self.plan().process.close_spread {
            None => Closing::Now,
            Some(CloseSpread::Never) => Closing::Never,
            Some(CloseSpread::Within(window)) => {
                let since = self.now().mono_us.saturating_sub(self.shared.stopping_since_us.load(Relaxed));
                let window = u64::try_from(window.as_micros()).unwrap_or(u64::MAX);
                match window.saturating_sub(since) / 1000 {
                    0 => Closing::Now,
                    left => Closing::Within(left),
                }
            }
        }
    }

    /// Whether a connection is closed behind the answer it waits for: the likelier, the less time is left.
    pub(crate) fn closes_active(&self) -> bool {
        match (self.closing(), self.plan().process.close_spread) {
            (Closing::Now, _) => true,
            (Closing::Within(left), Some(CloseSpread::Within(window))) => {
                left <= self.some_of(u64::try_from(window.as_millis()).unwrap_or(u64::MAX))
            }
            _ => false,
        }
    }

    /// A random number below `most`.
    pub(crate) fn some_of(&self, most: u64) -> u64 {
        (u64::from(self.random()) * most.min(u64::from(u32::MAX))) >> 32
    }

    /// An idle connection of a server; `fresh` ones only when `any`.
    pub(crate) fn take_idle(
        &self,
        (backend, server): (ProxyId, usize),
        name: u64,
        generation: u32,
        any: bool,
    ) -> Option<Idle> {
        let latest = |list: &mut Vec<Idle>| match list.last() {
            Some(last) if last.name == name => list.pop(),
            Some(_) => list.iter().rposition(|i| i.name == name).map(|at| list.remove(at)),
            None => None,
        };
        let plan = self.plan();
        let state = plan.proxy(backend)?.state.servers.get(server)?;
        let mut pools = self.pools.borrow_mut();
        let pool = pools.get_mut(backend.0 as usize)?.get_mut(server)?;
        loop {
            let mut idle = match latest(&mut pool.safe) {
                Some(i) => {
                    state.safe.fetch_sub(1, Relaxed);
                    i
                }
                None if any => latest(&mut pool.fresh)?,
                None => return None,
            };
            state.idle.fetch_sub(1, Relaxed);
            if idle.generation == generation && idle.conn.quiet() == Quiet::Yes {
                return Some(idle);
            }
        }
    }

    /// Whether a server's pool here has nothing to offer where this connection could: a proven one only
    /// competes with proven ones.
    pub(crate) fn lacks_idle(&self, backend: ProxyId, server: usize, proven: bool) -> bool {
        let pools = self.pools.borrow();
        let pool = pools.get(backend.0 as usize).and_then(|p| p.get(server));
        pool.is_some_and(|p| p.safe.is_empty() && (proven || p.fresh.is_empty()))
    }

    /// Keeps a connection for later.
    pub(crate) fn give_idle(&self, backend: ProxyId, server: usize, idle: Idle) {
        let mut pools = self.pools.borrow_mut();
        let Some(pool) = pools.get_mut(backend.0 as usize).and_then(|p| p.get_mut(server)) else { return };
        if idle.uses == 1 {
            pool.fresh.push(idle);
            return;
        }
        pool.safe.push(idle);
        if let Some(state) = self.plan().proxy(backend).and_then(|p| p.state.servers.get(server)) {
            state.safe.fetch_add(1, Relaxed);
        }
    }

    /// Once a second: closes what servers closed, and half of what nobody has needed for a while.
    pub(crate) fn purge(&self) {
        let plan = self.plan();
        let now = self.now().tick();
        let mut pools = self.pools.borrow_mut();
        for (proxy, pools) in plan.proxies.iter().zip(pools.iter_mut()) {
            for ((server, state), pool) in proxy.servers.iter().zip(&proxy.state.servers).zip(pools) {
                let generation = state.generation();
                let before = (pool.safe.len(), pool.fresh.len());
                for list in [&mut pool.safe, &mut pool.fresh] {
                    list.retain_mut(|i| i.generation == generation && i.conn.quiet() == Quiet::Yes);
                }
                if now >= pool.purge_at && self.index == 0 {
                    state.estimate_need();
                }
                if now >= pool.purge_at {
                    pool.purge_at = now.after(server.pool_purge_delay);
                    for list in [&mut pool.fresh, &mut pool.safe] {
                        let delay = u64::try_from(server.pool_purge_delay.as_millis()).unwrap_or(u64::MAX);
                        // The oldest stand first.
                        let unused = list.iter().take_while(|i| now.since(i.since) >= delay).count();
                        list.drain(..unused.div_ceil(2));
                    }
                }
                let gone = |before: usize, now: usize| u32::try_from(before - now).unwrap_or(0);
                let (safe, fresh) = (gone(before.0, pool.safe.len()), gone(before.1, pool.fresh.len()));
                state.safe.fetch_sub(safe, Relaxed);
                state.idle.fetch_sub(safe + fresh, Relaxed);
            }
        }
    }

    /// Has the stream of that number end, if it is here: whatever it waits for, its deadline has passed.
    pub(crate) fn kill(&self, number: u64) -> bool {
        let Some(timer) = self.roster.kill(number) else { return false };
        self.evictions.set(self.evictions.get().wrapping_add(1));
        self.timers.wake(timer);
        true
    }

    /// Parks an acceptor until a connection ends.
    pub(crate) fn block(&self, waker: Waker) {
        self.blocked.borrow_mut().push(waker);
    }

    /// A connection ended: acceptors that wait for room look again.
    pub(crate) fn unblock(&self) {
        for w in self.blocked.borrow_mut().drain(..) {
            w.wake();
        }
    }
}
