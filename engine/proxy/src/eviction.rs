//! Ending the streams of a server at once, whichever worker they run on: `on-marked-down shutdown-sessions`,
//! `on-marked-up shutdown-backup-sessions`, `shutdown sessions server`.
//!
//! A server counts its evictions; a stream remembers the count it came in at. A bell wakes every worker, which
//! wakes its streams, and each looks at its own server. What a stream looks at on every turn is a number of its
//! own worker, so that a site where nobody is ever evicted pays one comparison. HAProxy 3.0 configuration manual
//! §5.2 "on-marked-down".

use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

use rha_base::{ProxyId, Side as Fault};
use rha_vocab::Dialect;
use tokio::sync::Notify;

use crate::plan::Plan;
use crate::session::Session;
use crate::worker::Worker;

/// Why streams are ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Eviction {
    /// The server went down or into maintenance.
    Down,
    /// A primary server came back.
    Up,
    /// An operator asked for it.
    Killed,
}

impl Eviction {
    /// The first letter of the termination state. HAProxy 3.0 configuration manual §8.5.
    pub(crate) fn fault(self) -> Fault {
        match self {
            Eviction::Down => Fault::Down,
            Eviction::Up => Fault::Up,
            Eviction::Killed => Fault::Killed,
        }
    }
}

/// A server's evictions: how many there were, times four, and the last one's reason.
#[derive(Debug, Default)]
pub(crate) struct Evictions(AtomicU32);

impl Evictions {
    fn note(&self, why: Eviction) {
        let _ = self.0.fetch_update(SeqCst, SeqCst, |n| Some((n & !3).wrapping_add(4) | why as u32));
    }

    fn read(&self) -> u32 {
        self.0.load(SeqCst)
    }
}

/// What workers listen to.
#[derive(Debug, Default)]
pub(crate) struct Bell {
    rung: AtomicU32,
    waiting: Notify,
}

impl Bell {
    fn ring(&self) {
        self.rung.fetch_add(1, SeqCst);
        self.waiting.notify_waiters();
    }
}

/// Runs for ever in each worker: has its streams look at their servers when the bell is rung.
pub(crate) async fn listen(worker: &Worker) {
    let bell = worker.plan().bell.clone();
    let mut heard = 0;
    loop {
        let mut next = std::pin::pin!(bell.waiting.notified());
        next.as_mut().enable();
        let rung = bell.rung.load(SeqCst);
        if rung != heard {
            heard = rung;
            worker.evictions.set(worker.evictions.get().wrapping_add(1));
            worker.timers.wake_all();
            continue;
        }
        next.await;
    }
}

impl Plan {
    /// Ends all streams that a server has now.
    pub fn evict(&self, proxy: ProxyId, server: usize, why: Eviction) {
        if let Some(s) = self.proxy(proxy).and_then(|p| p.state.servers.get(server)) {
            s.evictions.note(why);
            self.bell.ring();
        }
    }

    /// A server became usable, or ceased to be: what its `on-marked-…` settings ask for.
    pub(crate) fn marked(&self, proxy: ProxyId, server: usize, up: bool) {
        let Some(p) = self.proxy(proxy) else { return };
        let Some(s) = p.model.service.servers.get(server) else { return };
        if !up && s.on_marked_down.is_some() {
            self.evict(proxy, server, Eviction::Down);
        }
        let counts = p.state.servers.get(server).is_some_and(|s| s.effective_weight() > 0);
        if up && counts && !s.backup && s.on_marked_up.is_some() {
            for (i, _) in p.servers.iter().enumerate().filter(|(_, s)| s.backup) {
                self.evict(proxy, i, Eviction::Up);
            }
        }
    }
}

/// A stream's place at a server.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tenancy {
    backend: ProxyId,
    server: usize,
    worker_saw: u32,
    since: u32,
}

impl Tenancy {
    pub(crate) fn new(session: &Session, backend: ProxyId, server: usize) -> Tenancy {
        let state = session.plan.proxy(backend).and_then(|p| p.state.servers.get(server));
        Tenancy {
            backend,
            server,
            worker_saw: session.worker.evictions.get(),
            since: state.map_or(0, |s| s.evictions.read()),
        }
    }

    /// Whether the stream must go; [`Tenancy::ended`] still tells why.
    pub(crate) fn is_over(&self, session: &Session) -> bool {
        let mut look = *self;
        look.ended(session).is_some()
    }

    /// Whether the stream must go, and why.
    pub(crate) fn ended(&mut self, session: &Session) -> Option<Eviction> {
        let now = session.worker.evictions.get();
        if now == self.worker_saw {
            return None;
        }
        self.worker_saw = now;
        if session.worker.roster.is_killed(session.timer) {
            return Some(Eviction::Killed);
        }
        let state = session.plan.proxy(self.backend)?.state.servers.get(self.server)?;
        let count = state.evictions.read();
        if count == self.since {
            return None;
        }
        self.since = count;
        Some(match count & 3 {
            0 => Eviction::Down,
            1 => Eviction::Up,
            _ => Eviction::Killed,
        })
    }
}

/// Whether evicted streams end as broken connections to the server do. COMPAT: before 2.8 the server's side is
/// closed in an orderly way (`failover/sessions-*`).
pub(crate) fn breaks(dialect: Dialect) -> bool {
    dialect >= Dialect::V2_8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_eviction_is_another_with_its_reason() {
        let e = Evictions::default();
        let mut before = e.read();
        for why in [Eviction::Killed, Eviction::Killed, Eviction::Down, Eviction::Up] {
            e.note(why);
            assert_ne!(e.read(), before);
            assert_eq!(e.read() & 3, why as u32);
            before = e.read();
        }
    }
}
