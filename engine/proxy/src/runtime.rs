//! Starting, looking at and stopping the engine. What `bin` and `engine/admin` hold.

use std::fmt;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, PoisonError};

use rha_base::ProxyId;
use rha_ir::Span;
use rha_net::{BindError, Listener, SocketAddress};
use tokio::sync::mpsc;

use crate::accept::{self, Door};
use crate::gate::{Gate, Held};
use crate::pace::Pace;
use crate::plan::{ListenerPlan, Plan};
use crate::roster::StreamSeen;
use crate::state::Gauge;
use crate::stats::{ProxyStats, Side, SideTotal, WorkerStats};
use crate::worker::{Shared, Worker};

/// What is done once everything is bound (to these sockets) and before anything is served (chroot, another user).
pub type BeforeServing = Box<dyn FnOnce(&[&Listener]) -> std::io::Result<()>>;

/// How to start.
#[derive(Default)]
pub struct Options {
    /// Listening sockets taken over instead of bound where a listener has their address (reload).
    pub inherited: Vec<Listener>,
    /// Runs between binding and serving; its error is a start error.
    pub before_serving: Option<BeforeServing>,
    /// Connections wait until [`Runtime::serve`]: what else a start may fail for comes first.
    pub serve_later: bool,
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options").field("inherited", &self.inherited).finish_non_exhaustive()
    }
}

/// A listening socket that could not be had.
#[derive(Debug)]
pub struct StartError {
    /// The proxy; empty when it is a matter of the process.
    pub proxy: String,
    /// The `bind` line.
    pub origin: Span,
    /// `tcpv4`, `tcpv6`, `unix_stream`; empty when it is no matter of an address.
    pub protocol: &'static str,
    /// What is wrong, in HAProxy's words.
    pub reason: String,
}

impl fmt::Display for StartError {
    /// COMPAT: the words of 2.6; 3.0 puts file, line and protocol before the reason.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Starting frontend {}: {}", self.proxy, self.reason)
    }
}

impl std::error::Error for StartError {}

/// What a worker is told.
#[derive(Debug)]
enum Order {
    /// New sessions use this plan.
    Plan(Arc<Plan>),
    /// Accept at a listener of a proxy.
    Open(ProxyId, u32, Listener),
    /// Let go of a proxy's listeners. Answered once that is done.
    Close(ProxyId, std::sync::mpsc::Sender<()>),
    /// Tell which streams there are.
    Look(std::sync::mpsc::Sender<Vec<StreamSeen>>),
    /// End the stream of that number; answered if it is here.
    Kill(u64, std::sync::mpsc::Sender<()>),
    /// Answer between two turns.
    Settle(std::sync::mpsc::Sender<()>),
    /// Close the listeners; end when the last connection is gone. Answered once what was logged before
    /// is out.
    Finish(std::sync::mpsc::Sender<()>),
    /// End now.
    Stop,
}

/// How long workers may take to tell of their streams.
const LOOK: std::time::Duration = std::time::Duration::from_secs(2);

struct Hand {
    orders: mpsc::UnboundedSender<Order>,
    thread: Mutex<Option<rha_net::Worker>>,
}

/// A running engine.
pub struct Runtime {
    plan: Mutex<Arc<Plan>>,
    shared: Arc<Shared>,
    stats: Vec<Arc<WorkerStats>>,
    /// What the counters were when they were cleared.
    cleared: Mutex<Vec<ProxyStats>>,
    hands: Vec<Hand>,
    gate: Gate,
    /// Sockets of workers that do not serve yet.
    waiting: Mutex<Vec<Sockets>>,
    /// Where the listeners ended up: proxy, listener, address.
    addresses: Vec<(ProxyId, usize, SocketAddress)>,
}

impl fmt::Debug for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runtime").field("workers", &self.hands.len()).finish_non_exhaustive()
    }
}

/// Binds all listeners, then starts the workers.
///
/// # Errors
/// Every bind that failed; nothing is started then.
pub fn start(plan: Plan, mut options: Options) -> Result<Runtime, Vec<StartError>> {
    let workers = plan.process.workers.max(1) as usize;
    let (sockets, addresses) = bind_all(&plan, &mut options, workers)?;
    let gate = hold(&plan, &sockets).map_err(|e| vec![of_the_process(e.to_string())])?;
    if let Some(step) = options.before_serving.take() {
        let all: Vec<_> = sockets.iter().flatten().map(|(_, _, s)| s).collect();
        step(&all).map_err(|e| vec![of_the_process(e.to_string())])?;
    }
    let shared = Arc::new(Shared {
        connections: Gauge::default(),
        maxconn: plan.process.maxconn.into(),
        conn_pace: Pace::new(plan.model.process.max_conn_rate.unwrap_or(0)),
        sess_pace: Pace::new(plan.model.process.max_sess_rate.unwrap_or(0)),
        requests: 0.into(),
        stopping: false.into(),
        stopping_since_us: 0.into(),
        hostname: rha_net::hostname().into(),
        started: std::time::Instant::now(),
        workers: plan.process.workers,
        captures: crate::capture::CaptureStore::default(),
    });
    let plan = Arc::new(plan);
    let mut runtime = Runtime {
        plan: Mutex::new(plan.clone()),
        shared: shared.clone(),
        stats: Vec::new(),
        cleared: Mutex::default(),
        hands: Vec::new(),
        gate,
        waiting: Mutex::new(sockets),
        addresses,
    };
    for i in 0..workers {
        let stats = Arc::new(worker_stats(&plan));
        runtime.stats.push(stats.clone());
        let (orders, inbox) = mpsc::unbounded_channel();
        let (plan, shared) = (plan.clone(), shared.clone());
        let index = u32::try_from(i).unwrap_or(0);
        let thread = rha_net::spawn_worker(format!("worker/{}", i + 1), move || {
            work(index, plan, shared, stats, inbox)
        });
        match thread {
            Ok(t) => runtime.hands.push(Hand { orders, thread: Mutex::new(Some(t)) }),
            Err(e) => {
                runtime.stop();
                return Err(vec![of_the_process(format!("cannot start worker {}: {e}", i + 1))]);
            }
        }
    }
    if !options.serve_later {
        runtime.serve();
    }
    Ok(runtime)
}

fn of_the_process(reason: String) -> StartError {
    StartError { proxy: String::new(), origin: Span::default(), protocol: "", reason }
}

type Sockets = Vec<(ProxyId, u32, Listener)>;
type Addresses = Vec<(ProxyId, usize, SocketAddress)>;

fn bind_all(
    plan: &Plan,
    o: &mut Options,
    workers: usize,
) -> Result<(Vec<Sockets>, Addresses), Vec<StartError>> {
    let mut per_worker: Vec<Sockets> = (0..workers).map(|_| Vec::new()).collect();
    let (mut addresses, mut errors) = (Vec::new(), Vec::new());
    for p in &plan.proxies {
        for (i, l) in p.listeners.iter().enumerate() {
            let bound = sockets_for(l, o, workers);
            match bound {
                Ok(sockets) => {
                    if let Some(s) = sockets.first() {
                        addresses.push((p.id, i, s.address().clone()));
                    }
                    // More sockets than workers: their queues must be served all the same.
                    for (at, s) in sockets.into_iter().enumerate() {
                        if let Some(list) = per_worker.get_mut(at % workers) {
                            list.push((p.id, u32::try_from(i).unwrap_or(0), s));
                        }
                    }
                }
                Err(e) => errors.push(StartError {
                    proxy: p.name.to_string(),
                    origin: l.origin,
                    protocol: e.protocol(),
                    reason: e.to_string(),
                }),
            }
        }
    }
    if errors.is_empty() { Ok((per_worker, addresses)) } else { Err(errors) }
}

/// A second hold on every socket, for what concerns all workers.
fn hold(plan: &Plan, sockets: &[Sockets]) -> std::io::Result<Gate> {
    let mut held = Vec::new();
    for (worker, sockets) in sockets.iter().enumerate() {
        for (proxy, listener, socket) in sockets {
            let written = plan.proxy(*proxy).and_then(|p| p.listeners.get(*listener as usize));
            if let Some(written) = written {
                held.push(Held::new(*proxy, (*listener, written), worker, socket)?);
            }
        }
    }
    Ok(Gate::new(held))
}

/// A listener's sockets: those taken over, and new ones as far as they do not suffice.
fn sockets_for(l: &ListenerPlan, o: &mut Options, workers: usize) -> Result<Vec<Listener>, BindError> {
    let mut taken: Vec<_> = o.inherited.extract_if(.., |s| *s.address() == l.address).collect();
    match (taken.pop(), &l.address) {
        (None, _) => rha_net::bind(&l.address, &l.options, workers),
        (Some(last), SocketAddress::Ip(_)) => {
            taken.push(last);
            let missing = workers.saturating_sub(taken.len());
            if missing > 0 {
                taken.extend(rha_net::bind(&l.address, &l.options, missing)?);
            }
            Ok(taken)
        }
        // A path has one socket, which all workers share.
        (Some(one), _) => share(one, workers, &l.address),
    }
}

fn share(socket: Listener, workers: usize, address: &SocketAddress) -> Result<Vec<Listener>, BindError> {
    let mut out = Vec::with_capacity(workers);
    for _ in 1..workers {
        let copy = socket.try_clone().map_err(|source| BindError {
            problem: rha_net::BindProblem::Create,
            address: address.clone(),
            source,
        })?;
        out.push(copy);
    }
    out.push(socket);
    Ok(out)
}

fn worker_stats(plan: &Plan) -> WorkerStats {
    let side = |n: usize| (0..n).map(|_| Side::default()).collect();
    WorkerStats {
        proxies: plan
            .proxies
            .iter()
            .map(|p| ProxyStats {
                listeners: side(p.listeners.len()),
                servers: side(p.servers.len()),
                ..ProxyStats::default()
            })
            .collect(),
        ..WorkerStats::default()
    }
}

/// The life of a worker.
async fn work(
    index: u32,
    plan: Arc<Plan>,
    shared: Arc<Shared>,
    stats: Arc<WorkerStats>,
    mut inbox: mpsc::UnboundedReceiver<Order>,
) {
    let worker = std::rc::Rc::new(Worker::new(index, plan, shared, stats));
    let w = worker.clone();
    rha_net::spawn(async move { w.timers.drive(&w.clock).await });
    let w = worker.clone();
    rha_net::spawn(async move { w.logs.drive().await });
    let w = worker.clone();
    rha_net::spawn(async move {
        loop {
            rha_net::sleep(std::time::Duration::from_secs(1)).await;
            w.purge();
        }
    });
    let w = worker.clone();
    rha_net::spawn(async move { crate::eviction::listen(&w).await });
    let mut acceptors = Acceptors::new();
    let mut finishing = false;
    loop {
        let order = if finishing {
            if worker.open_sessions() == 0 {
                break;
            }
            match rha_net::timeout(std::time::Duration::from_millis(20), inbox.recv()).await {
                Ok(o) => o,
                Err(_) => continue,
            }
        } else {
            inbox.recv().await
        };
        match order {
            Some(Order::Plan(p)) => {
                worker.logs.adopt(&p);
                worker.set_plan(p);
            }
            Some(Order::Open(proxy, listener, socket)) if !finishing => {
                acceptors.extend(open(&worker, vec![(proxy, listener, socket)]));
            }
            Some(Order::Open(..)) => {}
            Some(Order::Close(proxy, seen)) => {
                close(&mut acceptors, |p| p == proxy);
                let _ = seen.send(());
            }
            Some(Order::Look(seen)) => {
                let _ = seen.send(worker.roster.read(&worker.timers, index));
            }
            Some(Order::Kill(number, done)) => {
                if worker.kill(number) {
                    let _ = done.send(());
                }
            }
            Some(Order::Settle(seen)) => {
                let _ = seen.send(());
            }
            Some(Order::Finish(seen)) => {
                finishing = true;
                worker.logs.flush();
                let _ = seen.send(());
                close(&mut acceptors, |_| true);
                // Idle connections see that they are no longer wanted.
                worker.timers.wake_all();
            }
            Some(Order::Stop) | None => break,
        }
    }
    worker.logs.flush();
}

type Acceptors = Vec<(ProxyId, rha_net::Task)>;

fn open(worker: &std::rc::Rc<Worker>, sockets: Sockets) -> Acceptors {
    let attach = |(front, listener, s): (ProxyId, u32, Listener)| {
        Some(Door { front, listener, socket: s.attach().ok()? })
    };
    let doors: Vec<_> = sockets.into_iter().filter_map(attach).collect();
    let fronts: Vec<_> = doors.iter().map(|d| d.front).collect();
    fronts.into_iter().zip(accept::open(worker, doors)).collect()
}

/// Ends the acceptors of some proxies; their sockets are let go of when this returns.
fn close(acceptors: &mut Acceptors, of: impl Fn(ProxyId) -> bool) {
    for (_, task) in acceptors.extract_if(.., |(p, _)| of(*p)) {
        task.abort();
    }
}

impl Runtime {
    /// Connections are accepted from now on (after [`Options::serve_later`]).
    pub fn serve(&self) {
        let waiting = std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
        for (hand, sockets) in self.hands.iter().zip(waiting) {
            for (proxy, listener, socket) in sockets {
                let _ = hand.orders.send(Order::Open(proxy, listener, socket));
            }
        }
    }

    /// The plan that new sessions use.
    #[must_use]
    pub fn plan(&self) -> Arc<Plan> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What all workers share: connections, limits, request counter.
    #[must_use]
    pub fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Where a listener of a proxy ended up (port 0 has become a port).
    #[must_use]
    pub fn address(&self, proxy: &str, listener: usize) -> Option<SocketAddress> {
        let plan = self.plan();
        let id = plan.proxies.iter().find(|p| p.name.as_ref() == proxy && !p.listeners.is_empty())?.id;
        self.addresses.iter().find(|(p, l, _)| *p == id && *l == listener).map(|(_, _, a)| a.clone())
    }

    /// Counters of a proxy's frontend side, all workers together.
    #[must_use]
    pub fn front(&self, proxy: ProxyId) -> SideTotal {
        self.sum(proxy, |p| Some(&p.front))
    }

    /// Counters of a proxy's backend side.
    #[must_use]
    pub fn back(&self, proxy: ProxyId) -> SideTotal {
        self.sum(proxy, |p| Some(&p.back))
    }

    /// Counters of a listener.
    #[must_use]
    pub fn listener(&self, proxy: ProxyId, listener: usize) -> SideTotal {
        self.sum(proxy, |p| p.listeners.get(listener))
    }

    /// Counters of a server.
    #[must_use]
    pub fn server(&self, proxy: ProxyId, server: usize) -> SideTotal {
        self.sum(proxy, |p| p.servers.get(server))
    }

    fn sum(&self, proxy: ProxyId, pick: impl Fn(&ProxyStats) -> Option<&Side>) -> SideTotal {
        let now_ms = rha_net::read_clocks().mono_us / 1000;
        let mut total = SideTotal::default();
        for w in &self.stats {
            if let Some(side) = w.proxies.get(proxy.0 as usize).and_then(&pick) {
                total.add(side, now_ms);
            }
        }
        let cleared = self.cleared.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(before) = cleared.get(proxy.0 as usize).and_then(&pick) {
            total.less(before);
        }
        total
    }

    /// `clear counters`: forgets the highest values; with `all`, every counter starts from 0 again.
    pub fn clear(&self, all: bool) {
        let plan = self.plan();
        for w in &self.stats {
            for p in &w.proxies {
                [&p.front, &p.back].into_iter().chain(&p.listeners).chain(&p.servers).for_each(Side::forget);
            }
            w.conn_rate.forget();
            w.sess_rate.forget();
        }
        for p in &plan.proxies {
            let gauges = [&p.state.front, &p.state.back, &p.state.queued];
            let servers = p.state.servers.iter().flat_map(|s| [&s.served, &s.queued]);
            gauges.into_iter().chain(servers).for_each(Gauge::forget);
        }
        if !all {
            return;
        }
        std::mem::take(&mut *self.cleared.lock().unwrap_or_else(PoisonError::into_inner));
        let held = worker_stats(&plan).proxies;
        for (p, held) in plan.proxies.iter().zip(&held) {
            held.front.hold(&self.front(p.id));
            held.back.hold(&self.back(p.id));
            held.listeners.iter().enumerate().for_each(|(i, l)| l.hold(&self.listener(p.id, i)));
            held.servers.iter().enumerate().for_each(|(i, s)| s.hold(&self.server(p.id, i)));
        }
        *self.cleared.lock().unwrap_or_else(PoisonError::into_inner) = held;
    }

    /// Every worker's counters (`show info` sums what it wants).
    #[must_use]
    pub fn workers(&self) -> &[Arc<WorkerStats>] {
        &self.stats
    }

    /// Pauses or resumes accepting on all frontends (SIGTTOU, SIGTTIN).
    pub fn pause(&self, paused: bool) {
        for p in self.plan().proxies.iter().filter(|p| !p.listeners.is_empty()) {
            self.pause_front(p.id, paused);
        }
    }

    /// Pauses or resumes accepting at one frontend (`disable frontend`, `enable frontend`).
    pub fn pause_front(&self, proxy: ProxyId, paused: bool) {
        let plan = self.plan();
        let Some(p) = plan.proxy(proxy) else { return };
        if p.state.paused.swap(paused, Relaxed) == paused {
            return;
        }
        if paused {
            self.let_go(proxy);
            self.gate.pause(proxy);
            return;
        }
        for (worker, listener, socket) in self.gate.resume(proxy) {
            if let Some(h) = self.hands.get(worker) {
                let _ = h.orders.send(Order::Open(proxy, listener, socket));
            }
        }
    }

    /// Closes a frontend's listeners for good (`shutdown frontend`).
    pub fn close_front(&self, proxy: ProxyId) {
        if let Some(p) = self.plan().proxy(proxy) {
            p.state.stopped.store(true, Relaxed);
        }
        self.let_go(proxy);
        self.gate.close(Some(proxy));
    }

    /// What is listened on, for a process that takes over.
    #[must_use]
    pub fn listening_sockets(&self) -> Vec<Listener> {
        self.gate.all()
    }

    /// Listeners that are open, paused ones included.
    #[must_use]
    pub fn open_listeners(&self) -> usize {
        self.gate.listeners()
    }

    fn let_go(&self, proxy: ProxyId) {
        self.tell_all(|seen| Order::Close(proxy, seen));
    }

    /// All streams now, in the order they began.
    #[must_use]
    pub fn streams(&self) -> Vec<StreamSeen> {
        let (seen, answers) = std::sync::mpsc::channel();
        for h in &self.hands {
            let _ = h.orders.send(Order::Look(seen.clone()));
        }
        drop(seen);
        let patience = std::time::Instant::now() + LOOK;
        let left = || patience.saturating_duration_since(std::time::Instant::now());
        let mut all = Vec::new();
        while let Ok(some) = answers.recv_timeout(left()) {
            all.extend(some);
        }
        all.sort_by_key(|s| s.number);
        all
    }

    /// Ends a stream by its number; whether there was one.
    #[must_use]
    pub fn kill(&self, number: u64) -> bool {
        let (done, answers) = std::sync::mpsc::channel();
        for h in &self.hands {
            let _ = h.orders.send(Order::Kill(number, done.clone()));
        }
        drop(done);
        answers.recv_timeout(LOOK).is_ok()
    }

    /// Returns once every worker has finished the turn it is in: what a client has seen is counted then.
    pub fn settle(&self) {
        self.tell_all(Order::Settle);
    }

    /// Gives an order to all workers and waits until each has answered.
    fn tell_all(&self, order: impl Fn(std::sync::mpsc::Sender<()>) -> Order) {
        let (seen, answers) = std::sync::mpsc::channel();
        for h in &self.hands {
            let _ = h.orders.send(order(seen.clone()));
        }
        drop(seen);
        // A worker in a long turn is not waited for any longer: it obeys all the same.
        let patience = std::time::Instant::now() + std::time::Duration::from_millis(200);
        for _ in &self.hands {
            let _ = answers.recv_timeout(patience.saturating_duration_since(std::time::Instant::now()));
        }
    }

    /// New sessions use this plan. Its proxies must stand at the places of the old one's.
    pub fn adopt(&self, plan: Plan) {
        let plan = Arc::new(plan);
        *self.plan.lock().unwrap_or_else(PoisonError::into_inner) = plan.clone();
        for h in &self.hands {
            let _ = h.orders.send(Order::Plan(plan.clone()));
        }
    }

    /// Closes the listeners and lets connections finish (SIGUSR1).
    pub fn finish(&self) {
        self.shared.stopping_since_us.store(rha_net::read_clocks().mono_us, Relaxed);
        self.shared.stopping.store(true, Relaxed);
        self.tell_all(Order::Finish);
        self.gate.close(None);
    }

    /// Ends all workers now and waits for them.
    pub fn stop(&self) {
        for h in &self.hands {
            let _ = h.orders.send(Order::Stop);
        }
        self.join();
    }

    /// Whether all workers have ended.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.hands.iter().all(|h| {
            h.thread
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .as_ref()
                .is_none_or(rha_net::Worker::is_finished)
        })
    }

    /// Waits until all workers have ended.
    pub fn join(&self) {
        for h in &self.hands {
            let thread = h.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(t) = thread {
                let _ = t.join();
            }
        }
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        self.stop();
    }
}
