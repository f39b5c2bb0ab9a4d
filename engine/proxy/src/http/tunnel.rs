//! Bytes both ways with nothing in between: TCP mode, upgrades, CONNECT.

use std::future::poll_fn;
use std::task::Poll;

use rha_base::{Phase, Side as Fault};
use rha_net::Conn;

use crate::eviction::{Eviction, Tenancy, breaks};
use crate::plan::Timeout;
use crate::relay::{CopyError, Flow};
use crate::session::Session;
use crate::stream::Stream;

/// Timeouts of a tunnel.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    client: Timeout,
    pub server: Timeout,
    client_fin: Timeout,
    server_fin: Timeout,
    /// `option independent-streams` of frontend and backend: what is sent to a side does not stand for what it says.
    independent: (bool, bool),
}

/// How a tunnel ended.
enum End {
    Both,
    Client,
    Server,
    ClientTimeout,
    ServerTimeout,
    Evicted(Eviction),
}

impl Stream {
    /// Moves bytes until both sides are done or one has failed. `up` and `down` hold what is to go first,
    /// of which `counted` bytes are in the stream's sums already.
    pub(crate) async fn tunnel(&mut self, up: Vec<u8>, down: Vec<u8>, counted: (u64, u64)) {
        let (mut to_server, mut to_client) = (Flow::default(), Flow::default());
        to_server.preload(&up);
        to_client.preload(&down);
        drop((up, down));
        self.copy(to_server, to_client, counted).await;
    }

    /// As [`Stream::tunnel`], with flows that may have begun.
    pub(crate) async fn copy(&mut self, mut to_server: Flow, mut to_client: Flow, counted: (u64, u64)) {
        let Some(mut server) = self.server_conn.take() else { return };
        let patience = self.patience();
        // What stands before the tunnel's own bytes is counted where it was made.
        let (up_before, down_before) = counted;
        let tenancy = self.tenancy;
        let flows = (&mut to_server, &mut to_client);
        let end = copy_both(&mut self.session, &mut server, flows, patience, tenancy).await;
        self.bytes_in += to_server.bytes.saturating_sub(up_before);
        self.bytes_out += to_client.bytes.saturating_sub(down_before);
        to_server.release(&self.session.worker);
        to_client.release(&self.session.worker);
        self.server_conn = Some(server);
        match end {
            End::Both => {}
            End::Client => {
                self.ending.set(Fault::Client, Phase::Data);
                self.count_abort(true);
            }
            End::Server => {
                self.ending.set(Fault::Server, Phase::Data);
                self.count_abort(false);
            }
            End::ClientTimeout => {
                self.ending.set(Fault::ClientTimeout, Phase::Data);
                self.count_abort(true);
            }
            End::ServerTimeout => {
                self.ending.set(Fault::ServerTimeout, Phase::Data);
                self.count_abort(false);
            }
            End::Evicted(why) => {
                if let Some(server) = &self.server_conn {
                    server.reset_on_close();
                }
                let phase = if breaks(self.session.plan.dialect) { Phase::Connect } else { Phase::None };
                self.ending.set(why.fault(), phase);
            }
        }
    }

    /// COMPAT: once bytes flow both ways `timeout tunnel` stands for both timeouts, if it is set.
    pub(crate) fn patience(&self) -> Patience {
        let (f, b) = (self.frontend().timeouts, self.backend_or_front().timeouts);
        let tunnel = self.timeout_tunnel.unwrap_or(if b.tunnel.is_set() { b.tunnel } else { f.tunnel });
        let pick = |own: Timeout| if tunnel.is_set() { tunnel } else { own };
        let fin = |fin: Timeout, own: Timeout| if fin.is_set() { fin } else { own };
        let client = pick(self.timeout_client.unwrap_or(f.client));
        let server = pick(self.timeout_server.unwrap_or(b.server));
        Patience {
            client,
            server,
            client_fin: fin(f.client_fin, client),
            server_fin: fin(b.server_fin, server),
            independent: (
                self.frontend().model.options.independent_streams,
                self.backend_or_front().model.options.independent_streams,
            ),
        }
    }

    /// Counts an abort by the client, or by the server.
    pub(crate) fn count_abort(&self, client: bool) {
        let sides =
            [self.session.front_stats(), self.back_stats(), self.server_stats(), self.listener_stats()];
        for s in sides.into_iter().flatten() {
            if client { &s.client_aborts } else { &s.server_aborts }.add(1);
        }
    }
}

async fn copy_both(
    session: &mut Session,
    server: &mut Conn,
    (up, down): (&mut Flow, &mut Flow),
    patience: Patience,
    mut tenancy: Option<Tenancy>,
) -> End {
    let now = session.now().tick();
    let mut client_until = patience.client.from(now);
    let mut server_until = patience.server.from(now);
    session.set_deadline(client_until.min(server_until));
    // How it will have ended, when one side was given up already.
    let mut noted = None;
    poll_fn(move |cx| {
        let worker = session.worker.clone();
        let (mut moved_up, mut moved_down) = (false, false);
        let a = up.poll(cx, &worker, &mut session.conn, server, &mut moved_up);
        if let Poll::Ready(Err(e)) = a {
            return Poll::Ready(if matches!(e, CopyError::Source(_)) { End::Client } else { End::Server });
        }
        let b = down.poll(cx, &worker, server, &mut session.conn, &mut moved_down);
        if let Poll::Ready(Err(e)) = b {
            return Poll::Ready(if matches!(e, CopyError::Source(_)) { End::Server } else { End::Client });
        }
        if up.closed && down.closed {
            return Poll::Ready(noted.take().unwrap_or(End::Both));
        }
        let now = worker.clock.now().tick();
        if moved_up || moved_down {
            // Whatever moves, moves through both; a side that is to be looked at by itself must say something, unless it
            // has said its last.
            if moved_up || !patience.independent.0 || up.ended {
                client_until = if up.ended { patience.client_fin } else { patience.client }.from(now);
            }
            if moved_down || !patience.independent.1 || down.ended {
                server_until = if down.ended { patience.server_fin } else { patience.server }.from(now);
            }
            worker.timers.set(session.timer, client_until.min(server_until));
        }
        if let Some(why) = tenancy.as_mut().and_then(|t| t.ended(session)) {
            return Poll::Ready(End::Evicted(why));
        }
        while session.poll_deadline(cx).is_ready() {
            let late = worker.clock.now().tick();
            // COMPAT: a silent side that is looked at by itself is as one that has said its last: the other direction goes
            // on (`stream_options/independent-*`).
            if patience.independent.0 && !up.ended && client_until <= late && server_until > late {
                (up.ended, up.closed) = (true, true);
                let _ = server.shutdown(std::net::Shutdown::Write);
                client_until = patience.client_fin.from(late);
                noted = noted.take().or(Some(End::ClientTimeout));
            } else if patience.independent.1 && !down.ended && server_until <= late && client_until > late {
                (down.ended, down.closed) = (true, true);
                let _ = session.conn.shutdown(std::net::Shutdown::Write);
                server_until = patience.server_fin.from(late);
                noted = noted.take().or(Some(End::ServerTimeout));
            } else {
                break;
            }
            worker.timers.set(session.timer, client_until.min(server_until));
        }
        if session.poll_deadline(cx).is_ready() {
            return Poll::Ready(if server_until < client_until {
                End::ServerTimeout
            } else {
                End::ClientTimeout
            });
        }
        Poll::Pending
    })
    .await
}
