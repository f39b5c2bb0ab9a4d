//! Where live traffic tells the health checks what it saw (`observe`).

use std::sync::Arc;

use rha_base::ProxyId;

use crate::plan::Plan;

/// A connection to a server failed.
pub(crate) fn connect_failed(plan: &Arc<Plan>, backend: ProxyId, server: usize) {
    if let Some(o) = &plan.observer {
        o.seen(backend, server, Seen::ConnectFailed);
    }
}

/// A response of a server, or its absence.
pub(crate) fn answered(plan: &Arc<Plan>, backend: ProxyId, server: usize, seen: Seen) {
    if let Some(o) = &plan.observer {
        o.seen(backend, server, seen);
    }
}

/// What live traffic saw of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// The connection stands.
    Connected,
    /// It could not be made.
    ConnectFailed,
    /// A valid response with this status.
    Status(u16),
    /// Not a valid response.
    Garbage,
    /// No response in time.
    Timeout,
    /// Closed before a response.
    Broken,
}

/// Who wants to know what live traffic sees; called by workers, so it must not block.
pub trait Observer: Send + Sync + std::fmt::Debug {
    /// Something was seen of a server.
    fn seen(&self, backend: ProxyId, server: usize, what: Seen);
}
