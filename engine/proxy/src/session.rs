//! A client connection, from accept to close: what an idle keep-alive connection consists of.

use std::cell::OnceCell;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::rc::Rc;
use std::task::{Context, Poll};

use rha_base::{Now, ProxyId, Tick, Value};
use rha_net::{Conn, Incoming};

use crate::plan::{ListenerPlan, ProxyPlan};
use crate::stats::{ProxyStats, Side};
use crate::timer::TimerId;
use crate::worker::{PlanRef, Worker};

/// The deadline passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TimedOut;

/// A server connection that belongs to one client connection (`http-reuse never`, private ones).
#[derive(Debug)]
pub(crate) struct Owned {
    pub backend: ProxyId,
    pub server: usize,
    pub conn: Conn,
    /// `pool-conn-name`, hashed; 0 without.
    pub name: u64,
    pub generation: u32,
    pub uses: u32,
}

/// A client connection.
pub(crate) struct Session {
    pub conn: Conn,
    pub worker: Rc<Worker>,
    pub plan: PlanRef,
    pub front: ProxyId,
    pub listener: u32,
    /// Requests begun.
    pub requests: u32,
    pub timer: TimerId,
    pub accepted: Now,
    /// Where it comes from; rules may change it.
    pub source: Option<SocketAddr>,
    local: OnceCell<Option<SocketAddr>>,
    /// Fields of the PROXY protocol's header, if one was received.
    pub proxied: Option<crate::proxied::Fields>,
    /// Source and destination before that header and the session's rules had their say.
    pub wire: Option<Box<[Option<SocketAddr>; 2]>>,
    /// Bytes of a pipelined request.
    pub left: Vec<u8>,
    pub own: Option<Box<Owned>>,
    /// Backend and server of the last request (`option prefer-last-server`).
    pub last_server: Option<(ProxyId, usize)>,
    left_front: bool,
    /// When the last request was over, or the connection was accepted; microseconds.
    pub free_us: u64,
    /// A connection of a TCP frontend that speaks HTTP by now.
    pub upgraded: bool,
    /// A connection rule says that a PROXY protocol header comes first.
    pub expects_proxy: bool,
    /// The same of NetScaler's header.
    pub expects_netscaler: bool,
    /// `sess.` variables.
    pub variables: Vec<Option<Value<'static>>>,
}

impl Session {
    pub(crate) fn new(
        worker: Rc<Worker>,
        plan: PlanRef,
        front: ProxyId,
        listener: u32,
        i: Incoming,
    ) -> Session {
        let timer = worker.timers.open();
        let accepted = worker.now();
        let s = Session {
            conn: i.conn,
            plan,
            front,
            listener,
            requests: 0,
            timer,
            accepted,
            source: i.peer,
            local: OnceCell::new(),
            proxied: None,
            wire: None,
            left: Vec::new(),
            own: None,
            last_server: None,
            left_front: false,
            free_us: accepted.mono_us,
            upgraded: false,
            expects_proxy: false,
            expects_netscaler: false,
            variables: Vec::new(),
            worker,
        };
        let now_s = accepted.mono_us / 1_000_000;
        s.frontend().state.front.up();
        s.worker.shared.connections.up();
        s.worker.sessions.set(s.worker.sessions.get() + 1);
        if let Some(l) = s.listener() {
            l.current.up();
        }
        let stats = &s.worker.stats;
        stats.connections.add(1);
        stats.conn_rate.hit(now_s);
        // Several connections are accepted in one turn, so that what limits them is counted here. DIFFERS: those
        // that rules reject count as sessions for the limit.
        let shared = &s.worker.shared;
        for pace in [&shared.conn_pace, &shared.sess_pace, &s.frontend().state.sess_pace] {
            pace.hit(accepted.mono_us);
        }
        if let Some(p) = s.stats(front) {
            p.front.connections.add(1);
            p.front.conn_rate.hit(now_s);
            if let Some(l) = p.listeners.get(listener as usize) {
                l.connections.add(1);
            }
        }
        s
    }

    /// Counts it as a session: it passed the connection rules.
    pub(crate) fn admitted(&self) {
        let now_s = self.accepted.mono_us / 1_000_000;
        self.worker.stats.sess_rate.hit(now_s);
        if let Some(p) = self.stats(self.front) {
            p.front.sessions.add(1);
            p.front.sess_rate.hit(now_s);
            if let Some(l) = p.listeners.get(self.listener as usize) {
                l.sessions.add(1);
            }
        }
    }

    /// Is counted no longer as a session of its frontend. COMPAT: nor is a connection that only waits for the
    /// client to close (`cli/show-stat`).
    pub(crate) fn leave_front(&mut self) {
        if std::mem::replace(&mut self.left_front, true) {
            return;
        }
        self.frontend().state.front.down();
        if let Some(l) = self.listener() {
            l.current.down();
        }
    }

    pub(crate) fn frontend(&self) -> &ProxyPlan {
        &self.plan.proxies[self.front.0 as usize]
    }

    pub(crate) fn listener(&self) -> Option<&ListenerPlan> {
        self.frontend().listeners.get(self.listener as usize)
    }

    pub(crate) fn stats(&self, proxy: ProxyId) -> Option<&ProxyStats> {
        self.worker.stats.proxies.get(proxy.0 as usize)
    }

    pub(crate) fn front_stats(&self) -> Option<&Side> {
        self.stats(self.front).map(|p| &p.front)
    }

    /// Where the client connected to; asked of the kernel once, when somebody wants to know.
    pub(crate) fn destination(&self) -> Option<SocketAddr> {
        *self.local.get_or_init(|| {
            let a = self.conn.local()?;
            Some(SocketAddr::new(a.ip().to_canonical(), a.port()))
        })
    }

    /// A rule or the PROXY protocol says where the client connected to.
    pub(crate) fn set_destination(&mut self, to: SocketAddr) {
        self.local = OnceCell::from(Some(to));
    }

    /// The client's destination, where the server's address depends on it.
    pub(crate) fn destination_if(&self, s: &crate::plan::ServerPlan) -> Option<SocketAddr> {
        let needed = s.client_address || s.port != crate::plan::ServerPort::Fixed;
        if needed { self.destination() } else { None }
    }

    pub(crate) fn now(&self) -> Now {
        self.worker.now()
    }

    pub(crate) fn set_deadline(&self, at: Tick) {
        self.worker.timers.set(self.timer, at);
    }

    /// Waits for `poll`, but not beyond the deadline.
    pub(crate) async fn until_deadline<T>(
        &mut self,
        mut poll: impl FnMut(&mut Session, &mut Context<'_>) -> Poll<T>,
    ) -> Result<T, TimedOut> {
        poll_fn(|cx| {
            if let Poll::Ready(t) = poll(self, cx) {
                return Poll::Ready(Ok(t));
            }
            self.poll_deadline(cx).map(Err)
        })
        .await
    }

    /// Ready when the deadline has passed.
    pub(crate) fn poll_deadline(&self, cx: &Context<'_>) -> Poll<TimedOut> {
        let w = &self.worker;
        if w.timers.expired(self.timer, w.clock.now().tick()) {
            return Poll::Ready(TimedOut);
        }
        w.timers.watch(self.timer, cx);
        Poll::Pending
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.worker.timers.close(self.timer);
        self.worker.roster.forget(self.timer);
        self.leave_front();
        self.worker.sessions.set(self.worker.sessions.get().saturating_sub(1));
        self.worker.shared.connections.down();
        self.worker.unblock();
    }
}
