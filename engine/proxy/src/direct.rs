//! Backends without a choice of servers: all goes to one address (`dispatch`), or to where the client wanted to go
//! (`transparent`). HAProxy 3.0 configuration manual §4.2 "dispatch", "option transparent".
//!
//! COMPAT: servers of such a backend are not used, no server is named or counted, and the connection belongs to the
//! client's (`direct/*`).

use rha_net::{ConnectOptions, Quiet, SocketAddress};

use crate::dispatch::Failure;
use crate::plan::ProxyPlan;
use crate::session::Owned;
use crate::stream::Stream;

/// Where a backend sends everything.
#[derive(Debug)]
pub enum Direct {
    /// `dispatch`.
    To(SocketAddress),
    /// `transparent`, `option transparent`.
    Asked,
}

/// What stands for the server of a connection that has none.
const NONE: usize = usize::MAX;

impl Stream {
    /// Gets a connection to where such a backend sends everything.
    pub(crate) async fn connect_direct(
        &mut self,
        backend: &ProxyPlan,
        direct: &Direct,
    ) -> Result<(), Failure> {
        self.at.queued = self.now().mono_us;
        let to = match direct {
            Direct::To(a) => a.clone(),
            Direct::Asked => SocketAddress::Ip(self.session.destination().ok_or(Failure::Resource)?),
        };
        if self.take_direct(backend, &to) {
            self.at.connected = self.now().mono_us;
            return Ok(());
        }
        let timeout = self.timeout_connect.unwrap_or(backend.timeouts.connect);
        let options = self.connect_options(&ConnectOptions { source: backend.source, ..Default::default() });
        loop {
            if let Some(b) = self.back_stats() {
                b.connects.add(1);
            }
            let failure = match self.establish(&to, &options, timeout).await {
                Ok(()) => {
                    self.uses = 1;
                    self.at.connected = self.now().mono_us;
                    return Ok(());
                }
                Err(f @ (Failure::ClientGone(_) | Failure::Resource | Failure::Evicted(_))) => return Err(f),
                Err(f) => f,
            };
            if !backend.retry_connections || self.retries >= self.retries_allowed() {
                return Err(failure);
            }
            self.retries += 1;
            if let Some(b) = self.back_stats() {
                b.retries.add(1);
            }
            if failure == Failure::Refused {
                self.turn_around(timeout).await?;
            }
        }
    }

    /// The session's own connection, if it goes there.
    fn take_direct(&mut self, backend: &ProxyPlan, to: &SocketAddress) -> bool {
        let Some(mut own) = self.session.own.take() else { return false };
        let fits = own.backend == backend.id && own.server == NONE && own.conn.peer() == to.ip();
        if !fits || own.conn.quiet() != Quiet::Yes {
            return false;
        }
        self.uses = own.uses + 1;
        self.server_conn = Some(own.conn);
        self.mark_reused();
        true
    }

    /// Keeps such a connection for the client's next request.
    pub(crate) fn keep_direct_connection(&mut self) {
        let Some(backend) = self.backend.filter(|_| self.backend_or_front().direct.is_some()) else { return };
        let Some(conn) = self.server_conn.take() else { return };
        let uses = self.uses;
        self.session.own =
            Some(Box::new(Owned { backend, server: NONE, conn, name: 0, generation: 0, uses }));
    }
}
