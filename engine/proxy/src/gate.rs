//! Listening sockets as the process holds them, beside the workers that accept from them: what makes
//! pausing, resuming and closing a frontend seen by clients.
//!
//! Workers let go of a socket before it is shut down, and take it anew when it listens again: a loop that
//! saw it closed would believe so for good. Management guide §9.3 "disable frontend", "shutdown frontend".

use std::sync::{Mutex, MutexGuard, PoisonError};

use rha_base::ProxyId;
use rha_net::{Listener, SocketAddress};

use crate::plan::ListenerPlan;

/// One worker's listening socket.
#[derive(Debug)]
pub(crate) struct Held {
    pub proxy: ProxyId,
    pub listener: u32,
    pub worker: usize,
    socket: Listener,
    /// Whether the queue may be closed: not where somebody else may hold the socket too, or where closing
    /// is for ever. COMPAT: clients of such a listener wait, others are refused (`cli/frontend-clients`).
    closes: bool,
    backlog: i32,
}

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Gate(Mutex<Vec<Held>>);

impl Held {
    /// A hold on a worker's socket.
    ///
    /// # Errors
    /// When descriptors have run out.
    pub fn new(
        proxy: ProxyId,
        (listener, plan): (u32, &ListenerPlan),
        worker: usize,
        socket: &Listener,
    ) -> std::io::Result<Held> {
        Ok(Held {
            proxy,
            listener,
            worker,
            socket: socket.try_clone()?,
            closes: matches!(plan.address, SocketAddress::Ip(_)),
            backlog: plan.options.backlog,
        })
    }
}

impl Gate {
    pub fn new(held: Vec<Held>) -> Gate {
        Gate(Mutex::new(held))
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Held>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Refuses connections at a proxy, once no worker looks at its sockets any more.
    pub fn pause(&self, proxy: ProxyId) {
        for h in self.lock().iter().filter(|h| h.proxy == proxy && h.closes) {
            let _ = h.socket.pause();
        }
    }

    /// Listens again; the sockets for each worker.
    pub fn resume(&self, proxy: ProxyId) -> Vec<(usize, u32, Listener)> {
        let held = self.lock();
        let mut out = Vec::new();
        for h in held.iter().filter(|h| h.proxy == proxy) {
            if h.closes {
                let _ = h.socket.resume(h.backlog);
            }
            if let Ok(copy) = h.socket.try_clone() {
                out.push((h.worker, h.listener, copy));
            }
        }
        out
    }

    /// Closes a proxy's sockets, or all, as far as they are held here.
    pub fn close(&self, proxy: Option<ProxyId>) {
        self.lock().retain(|h| proxy.is_some_and(|p| p != h.proxy));
    }

    /// Another hold on each.
    pub fn all(&self) -> Vec<Listener> {
        self.lock().iter().filter_map(|h| h.socket.try_clone().ok()).collect()
    }

    /// How many listeners are open: sockets of several workers on one address count once.
    pub fn listeners(&self) -> usize {
        self.lock().iter().filter(|h| h.worker == 0).count()
    }
}
