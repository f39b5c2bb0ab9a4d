//! Requests that wait for a server, and how a slot passes from one request to the next.
//!
//! Two kinds of queue: a server's own, for requests that must go there (persistence, hash), and the
//! backend's. A slot that becomes free goes to the first of both: the lowest class, in it the oldest, age counted
//! with the request's offset. COMPAT: HAProxy's order, HAProxy 3.0 configuration manual §4.3 "set-priority-class".

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed, Ordering::SeqCst};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use rha_balance::{Ask, Load as _};

use crate::state::{Core, ProxyState};

const WAITING: u32 = u32::MAX;
const ELSEWHERE: u32 = u32::MAX - 1;

/// A place in the order of waiting requests: class, milliseconds with the offset, and what came first.
type Order = (i16, i64, u64);

/// A waiting request.
#[derive(Debug)]
pub(crate) struct Waiter {
    order: Order,
    given: AtomicU32,
    waker: Mutex<Option<Waker>>,
}

/// What a wait ended with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Given {
    /// A slot of this server, already counted.
    Slot(usize),
    /// The server went away: choose again.
    Elsewhere,
}

impl Waiter {
    /// Ready when a slot was given.
    pub(crate) fn poll(&self, cx: &Context<'_>) -> Poll<Given> {
        if let Some(g) = self.given() {
            return Poll::Ready(g);
        }
        *self.waker.lock().unwrap_or_else(PoisonError::into_inner) = Some(cx.waker().clone());
        self.given().map_or(Poll::Pending, Poll::Ready)
    }

    fn given(&self) -> Option<Given> {
        match self.given.load(SeqCst) {
            WAITING => None,
            ELSEWHERE => Some(Given::Elsewhere),
            n => Some(Given::Slot(n as usize)),
        }
    }

    fn give(&self, what: u32) {
        self.given.store(what, SeqCst);
        if let Some(w) = self.waker.lock().unwrap_or_else(PoisonError::into_inner).take() {
            w.wake();
        }
    }
}

/// A request's place in a queue.
#[derive(Debug)]
pub(crate) struct Place {
    pub waiter: Arc<Waiter>,
    /// The server whose queue it is; `None` for the backend's.
    pub server: Option<usize>,
    /// Its place when it came, from 1, in the server's or the backend's queue (`%sq`, `%bq`).
    pub ahead: (u32, u32),
}

/// All queues of a backend.
pub(crate) struct Queues {
    next: u64,
    /// The latest time a request came with: clocks of workers differ by a turn of their loops.
    latest_ms: u64,
    backend: VecDeque<Arc<Waiter>>,
    servers: Vec<VecDeque<Arc<Waiter>>>,
}

impl Queues {
    pub(crate) fn new(servers: usize) -> Self {
        Queues {
            next: 0,
            latest_ms: 0,
            backend: VecDeque::new(),
            servers: (0..servers).map(|_| VecDeque::new()).collect(),
        }
    }
}

/// What became of a request that wants a server.
#[derive(Debug)]
pub(crate) enum Assigned {
    /// A slot of this server, counted.
    Slot(usize),
    /// It has to wait.
    Wait(Place),
    /// No server is usable.
    NoServer,
    /// The server it must go to has a full queue.
    QueueFull,
}

/// What decides the choice.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Wish {
    /// Persistence, `use-server`: this one and no other.
    pub fixed: Option<usize>,
    /// Hash of the key.
    pub key: Option<u32>,
    /// The one that just failed.
    pub avoid: Option<usize>,
    /// Now, milliseconds of the monotonic clock.
    pub now_ms: u64,
    /// Class and offset in milliseconds.
    pub priority: (i16, i32),
}

impl ProxyState {
    /// Chooses a server and takes a slot of it, or a place in a queue.
    pub(crate) fn assign(&self, wish: Wish, random: &mut dyn FnMut() -> u32) -> Assigned {
        let mut core = self.lock();
        if let Some(s) = wish.fixed {
            return self.take_or_wait(&mut core, s, wish);
        }
        if !core.balancer.has_usable() {
            return Assigned::NoServer;
        }
        if self.algorithm.queue_means_full() && self.queued.read() > 0 {
            return Assigned::Wait(self.wait(&mut core, None, wish));
        }
        let mut ask = Ask { key: wish.key, avoid: wish.avoid, load: self, random };
        match core.balancer.choose(&mut ask) {
            Some(s) => self.take_or_wait(&mut core, s, wish),
            None => Assigned::Wait(self.wait(&mut core, None, wish)),
        }
    }

    fn take_or_wait(&self, core: &mut Core, s: usize, wish: Wish) -> Assigned {
        let limit = self.limit(s);
        let Some(server) = self.servers.get(s) else { return Assigned::NoServer };
        if limit == 0 || (server.queued.read() == 0 && server.served.read() < limit) {
            self.count_in(core, s);
            return Assigned::Slot(s);
        }
        if server.maxqueue != 0 && server.queued.read() >= server.maxqueue {
            return Assigned::QueueFull;
        }
        Assigned::Wait(self.wait(core, Some(s), wish))
    }

    fn count_in(&self, core: &mut Core, s: usize) {
        if let Some(server) = self.servers.get(s) {
            server.served.up();
        }
        self.served.fetch_add(1, Relaxed);
        if self.algorithm.counts_connections() {
            core.balancer.taken(s);
        }
    }

    fn wait(&self, core: &mut Core, server: Option<usize>, wish: Wish) -> Place {
        let queues = &mut core.queues;
        queues.next += 1;
        queues.latest_ms = queues.latest_ms.max(wish.now_ms);
        let (class, offset) = wish.priority;
        let due = i64::try_from(queues.latest_ms).unwrap_or(i64::MAX).saturating_add(offset.into());
        let order = (class, due, queues.next);
        let waiter = Arc::new(Waiter { order, given: AtomicU32::new(WAITING), waker: Mutex::new(None) });
        let ahead = (server.map_or(0, |s| self.queued(s)), self.queued.read());
        self.total_queued.fetch_add(1, Relaxed);
        match server.and_then(|s| core.queues.servers.get_mut(s)) {
            Some(q) => {
                insert(q, waiter.clone());
                if let Some(s) = server.and_then(|s| self.servers.get(s)) {
                    s.queued.up();
                }
                if let (true, Some(s)) = (self.algorithm.counts_connections(), server) {
                    core.balancer.taken(s);
                }
            }
            None => {
                insert(&mut core.queues.backend, waiter.clone());
                self.queued.up();
            }
        }
        // COMPAT: places are counted from 1 (`http_aborts/stays-behind-*`).
        let ahead = if server.is_some() { (ahead.0 + 1, 0) } else { (0, ahead.1 + 1) };
        Place { waiter, server, ahead }
    }

    /// Leaves a queue before a slot was given. Returns the slot if one was given meanwhile.
    pub(crate) fn leave(&self, place: &Place) -> Option<usize> {
        let mut core = self.lock();
        if let Some(Given::Slot(s)) = place.waiter.given() {
            return Some(s);
        }
        let q = match place.server {
            Some(s) => core.queues.servers.get_mut(s),
            None => Some(&mut core.queues.backend),
        };
        let q = q?;
        let before = q.len();
        q.retain(|w| !Arc::ptr_eq(w, &place.waiter));
        if q.len() < before {
            self.count_unqueued(&mut core, place.server);
        }
        None
    }

    fn count_unqueued(&self, core: &mut Core, server: Option<usize>) {
        self.total_queued.fetch_sub(1, Relaxed);
        match server {
            Some(s) => {
                if let Some(state) = self.servers.get(s) {
                    state.queued.down();
                }
                if self.algorithm.counts_connections() {
                    core.balancer.released(s);
                }
            }
            None => {
                self.queued.down();
            }
        }
    }

    /// Gives a slot back, to the next request that waits for it.
    pub(crate) fn release(&self, s: usize) {
        if let Some(server) = self.servers.get(s) {
            server.served.down();
        }
        self.served.fetch_sub(1, Relaxed);
        if self.algorithm.counts_connections() {
            self.lock().balancer.released(s);
        }
        if self.total_queued.load(Relaxed) != 0 {
            self.let_in(s);
        }
    }

    /// Lets waiting requests in while a server has free slots.
    pub(crate) fn let_in(&self, s: usize) {
        if self.total_queued.load(Relaxed) == 0 {
            return;
        }
        let Some(server) = self.servers.get(s) else { return };
        let mut core = self.lock();
        let usable = server.is_usable() && server.effective_weight() != 0;
        while self.limit(s) == 0 || server.served.read() < self.limit(s) {
            let own = core.queues.servers.get(s).and_then(|q| q.front()).map(|w| w.order);
            let any =
                core.queues.backend.front().map(|w| w.order).filter(|_| usable && self.may_serve(&core, s));
            let from = match (own, any) {
                (None, None) => break,
                (Some(a), Some(b)) if a > b => None,
                (None, Some(_)) => None,
                (Some(_), _) => Some(s),
            };
            let waiter = match from {
                Some(s) => core.queues.servers.get_mut(s).and_then(VecDeque::pop_front),
                None => core.queues.backend.pop_front(),
            };
            let Some(waiter) = waiter else { break };
            self.count_unqueued(&mut core, from);
            self.count_in(&mut core, s);
            waiter.give(u32::try_from(s).unwrap_or(ELSEWHERE));
        }
    }

    /// A backup server takes from the backend's queue only while it is in use.
    fn may_serve(&self, core: &Core, s: usize) -> bool {
        let _ = s;
        core.balancer.has_usable()
    }

    /// Sends the requests of a server that went away back to choose again.
    pub(crate) fn send_elsewhere(&self, s: usize) {
        let mut core = self.lock();
        while let Some(w) = core.queues.servers.get_mut(s).and_then(VecDeque::pop_front) {
            self.count_unqueued(&mut core, Some(s));
            w.give(ELSEWHERE);
        }
    }
}

/// Takes its place in the queue, nearly always the last.
fn insert(queue: &mut VecDeque<Arc<Waiter>>, waiter: Arc<Waiter>) {
    let at = queue.iter().rposition(|w| w.order < waiter.order).map_or(0, |i| i + 1);
    queue.insert(at, waiter);
}

#[cfg(test)]
mod tests {
    use rha_balance::Algorithm;
    use rha_ir::{Address, Host, Port, Proxy, ProxyKind, Server, Span};
    use rha_net::SocketAddress;

    use super::*;

    fn backend(maxconn: u32) -> ProxyState {
        let mut p = Proxy::new("b", ProxyKind::Backend, Span::default());
        for (i, name) in ["s1", "s2"].into_iter().enumerate() {
            let at = Address::Ip { host: Host::Any, port: Port::One(1), datagram: false };
            let mut s = Server::new(name, at, Span::default());
            s.id = i as u32 + 1;
            s.maxconn = maxconn;
            p.service.servers.push(s);
        }
        p.redispatch = Some(-1);
        let any = SocketAddress::Ip(([127, 0, 0, 1], 1).into());
        ProxyState::new(&p, Algorithm::RoundRobin, vec![any.clone(), any], 100, rha_vocab::Dialect::V3_0)
    }

    fn slot(a: Assigned) -> usize {
        match a {
            Assigned::Slot(s) => s,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_freed_slot_goes_to_who_waited_longest() {
        let b = backend(1);
        let mut r = || 0;
        let (x, y) = (slot(b.assign(Wish::default(), &mut r)), slot(b.assign(Wish::default(), &mut r)));
        assert_ne!(x, y);
        let Assigned::Wait(first) = b.assign(Wish { fixed: Some(x), ..Wish::default() }, &mut r) else {
            panic!()
        };
        let Assigned::Wait(second) = b.assign(Wish::default(), &mut r) else { panic!() };
        assert_eq!((first.server, second.server, b.total_queued.load(Relaxed)), (Some(x), None, 2));
        b.release(x);
        assert_eq!(first.waiter.given(), Some(Given::Slot(x)));
        assert_eq!(second.waiter.given(), None);
        assert_eq!(b.leave(&second), None);
        b.release(x);
        b.release(y);
        assert_eq!((b.served.load(Relaxed), b.total_queued.load(Relaxed), b.queued.read()), (0, 0, 0));
    }

    #[test]
    fn lower_classes_go_first_and_offsets_count_as_age() {
        let b = backend(1);
        let mut r = || 0;
        let x = slot(b.assign(Wish { fixed: Some(0), ..Wish::default() }, &mut r));
        let wait = |fixed, now_ms, priority| match b
            .assign(Wish { fixed, now_ms, priority, ..Wish::default() }, &mut || 0)
        {
            Assigned::Wait(w) => w,
            other => panic!("{other:?}"),
        };
        let plain = wait(Some(x), 10, (0, 0));
        let older = wait(Some(x), 20, (0, -15));
        let late = wait(Some(x), 30, (0, 100));
        let first = wait(Some(x), 40, (-1, 500));
        let last = wait(Some(x), 50, (2, -500));
        for w in [&first, &older, &plain, &late, &last] {
            assert_eq!(w.waiter.given(), None);
            b.release(x);
            assert_eq!(w.waiter.given(), Some(Given::Slot(x)));
        }
    }

    #[test]
    fn a_server_that_goes_away_sends_its_queue_elsewhere() {
        let b = backend(1);
        let mut r = || 0;
        let x = slot(b.assign(Wish { fixed: Some(0), ..Wish::default() }, &mut r));
        let Assigned::Wait(w) = b.assign(Wish { fixed: Some(x), ..Wish::default() }, &mut r) else {
            panic!()
        };
        b.set_operation(x, crate::state::Operation::Stopped);
        assert_eq!(w.waiter.given(), Some(Given::Elsewhere));
        assert_eq!(slot(b.assign(Wish::default(), &mut r)), 1);
        b.set_operation(1, crate::state::Operation::Stopped);
        assert!(matches!(b.assign(Wish::default(), &mut r), Assigned::NoServer));
    }
}
