//! HTTP/1: the request loop of a client connection, and a request from head to log line.

mod body;
pub(crate) mod case;
pub(crate) mod cookie;
mod exchange;
mod forwarded;
pub(crate) mod local;
pub(crate) mod message;
mod read;
mod reply;
mod route;
mod tunnel;

use std::convert::Infallible;
use std::net::Shutdown;
use std::rc::Rc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll};
use std::time::Duration;

use rha_base::{Phase, Side as Fault, Tick};
use rha_http1::Method;
use rha_ir::{ConnectionMode, HttpReuse, Mode};
use rha_vocab::Dialect;

use crate::dispatch::PoolUse;
use crate::plan::Timeout;
use crate::reuse::Desk;
use crate::rules::Flow;
use crate::session::{Session, TimedOut};
use crate::stream::Stream;
use crate::worker::Closing;

/// How long unread input of a client that is being closed is thrown away, lest a reset overtake the reply.
const LINGER: Duration = Duration::from_millis(1500);

/// What happens to the client connection after a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// Another request may come.
    Keep,
    /// Close; the client has nothing under way.
    Close,
    /// Close; the client may still be sending.
    Linger,
    /// Close without a word, with a reset.
    Reset,
}

/// Connection and session rules. `None` when they close the connection.
pub(crate) async fn begin(session: Box<Session>) -> Option<Box<Session>> {
    crate::rules::admit(session).await
}

/// Waits for the first byte of a request, holding no buffer. False when the connection ends instead.
pub(crate) async fn next_request(session: &mut Session) -> bool {
    let now = session.now().tick();
    let first = session.requests == 0;
    let t = &session.frontend().timeouts;
    let timeout = if first { sooner(t.client, t.http_request) } else { t.http_keep_alive };
    let deadline = timeout.from(now);
    session.set_deadline(deadline);
    let mut spread = false;
    let poll = |s: &mut Session, cx: &mut Context<'_>| {
        // COMPAT: a soft stop closes connections that wait for another request, unless
        // `option idle-close-on-response` lets them have one more.
        let stays = s.frontend().model.options.idle_close_on_response;
        if !first && !stays && s.worker.shared.stopping.load(Relaxed) {
            match s.worker.closing() {
                Closing::Now => return Poll::Ready(Err(std::io::ErrorKind::ConnectionAborted.into())),
                Closing::Within(left) if !spread => {
                    spread = true;
                    let mine = s.worker.some_of(left);
                    s.set_deadline(deadline.min(Tick(s.now().tick().0.saturating_add(mine))));
                }
                Closing::Within(_) | Closing::Never => {}
            }
        }
        s.conn.poll_readable(cx)
    };
    match session.until_deadline(poll).await {
        // A close counts as readable: reading tells.
        Ok(Ok(())) => true,
        Ok(Err(_)) => false,
        Err(TimedOut) => first,
    }
}

/// The earlier of two timeouts.
fn sooner(a: Timeout, b: Timeout) -> Timeout {
    match (a.0, b.0) {
        (0, _) => b,
        (_, 0) => a,
        (x, y) => Timeout(x.min(y)),
    }
}

/// Serves one request after another, of whichever connection.
pub(crate) async fn clerk(desk: Rc<Desk<Box<Session>, Option<Box<Session>>>>) -> Infallible {
    loop {
        let session = desk.next().await;
        let result = serve(session).await;
        desk.done(result);
    }
}

/// One request. The session comes back when the connection stays open.
async fn serve(session: Box<Session>) -> Option<Box<Session>> {
    let mut s = Stream::new(session);
    let next = s.one().await;
    after(s.into_session(), next).await
}

/// The first request of a connection that began in TCP mode, with what its rules have come to so far.
///
/// HAProxy 3.0 configuration manual §4 "Proxies", on upgrades from TCP to HTTP.
pub(crate) async fn take_over(mut s: Stream) -> Option<Box<Session>> {
    s.session.upgraded = true;
    s.parts.request.clear();
    s.session.left = std::mem::take(&mut s.tcp_buffer);
    let next = s.one().await;
    after(s.into_session(), next).await
}

/// What becomes of the connection; the session comes back when it stays open.
async fn after(session: Box<Session>, next: Next) -> Option<Box<Session>> {
    match next {
        Next::Keep => Some(session),
        Next::Close => None,
        Next::Linger => {
            linger(session).await;
            None
        }
        Next::Reset => {
            session.conn.reset_on_close();
            None
        }
    }
}

async fn linger(mut session: Box<Session>) {
    session.leave_front();
    let _ = session.conn.shutdown(Shutdown::Write);
    let now = session.worker.clock.precise().tick();
    session.set_deadline(now.after(LINGER));
    let _ = session
        .until_deadline(|s, cx| {
            let mut scratch = s.worker.scratch.borrow_mut();
            for _ in 0..64 {
                match s.conn.poll_read(cx, &mut scratch) {
                    Poll::Ready(Ok(n)) if n > 0 => {}
                    Poll::Ready(_) => return Poll::Ready(()),
                    Poll::Pending => return Poll::Pending,
                }
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
}

impl Stream {
    /// A request to its log line, if one comes.
    async fn one(&mut self) -> Next {
        let Some(next) = self.request().await else { return Next::Close };
        self.finish();
        next
    }

    /// Runs one request; `None` when none came.
    async fn request(&mut self) -> Option<Next> {
        if let Some(next) = self.read_head().await {
            return next;
        }
        self.note_request();
        match self.route().await {
            Flow::Next => {}
            Flow::Answered(next) => return Some(next),
        }
        self.prepare_request();
        let mut persist = self.persistence();
        let pool = self.pool_use();
        loop {
            if let Err(f) = self.connect(persist, pool).await {
                return Some(self.refuse(f).await);
            }
            match self.exchange().await {
                exchange::Outcome::Done(next) => return Some(next),
                exchange::Outcome::Again => {
                    self.server_conn = None;
                    self.prepare_retry(&mut persist);
                }
                exchange::Outcome::Stale => {
                    // A pooled connection that the server had closed meanwhile: another one.
                    self.server_conn = None;
                    self.retries += 1;
                    for s in [self.back_stats(), self.server_stats()].into_iter().flatten() {
                        s.retries.add(1);
                    }
                }
            }
        }
    }

    /// Which pooled connections the request may use. HAProxy 3.0 configuration manual §4.2 "http-reuse".
    fn pool_use(&self) -> PoolUse {
        let b = self.backend_or_front();
        if !self.server_may_keep() {
            return PoolUse::None;
        }
        let first = self.session.requests <= 1;
        match b.reuse {
            HttpReuse::Always => PoolUse::Any,
            HttpReuse::Aggressive if first => PoolUse::Safe,
            HttpReuse::Safe if first => PoolUse::None,
            HttpReuse::Safe | HttpReuse::Aggressive => PoolUse::Any,
            HttpReuse::Never => PoolUse::None,
        }
    }

    /// Whether the connection options let the server's connection live on.
    fn server_may_keep(&self) -> bool {
        use ConnectionMode::{Close, KeepAlive, ServerClose};
        let in_front = match self.frontend().connection {
            KeepAlive => true,
            // COMPAT: since 3.0 a frontend's `option httpclose` means its clients only.
            Close => self.session.plan.dialect >= Dialect::V3_0,
            ServerClose => false,
        };
        in_front && self.backend_or_front().connection == KeepAlive
    }

    /// Whether the method may be repeated without harm. RFC 9110 §9.2.2.
    fn is_idempotent(&self) -> bool {
        matches!(
            self.parts.request.head.method_kind(),
            Method::Get | Method::Head | Method::Options | Method::Put | Method::Delete | Method::Trace
        )
    }

    /// Counters and log line of a request that is over.
    fn finish(&mut self) {
        self.at.done = self.now().mono_us;
        self.session.free_us = self.at.done;
        self.release_slot();
        self.count_bytes();
        // COMPAT: a proxy of TCP mode counts neither requests nor answers (`tcp_to_http/*`).
        let front = self.session.front_stats().filter(|_| self.frontend().mode == Mode::Http);
        let listener = self.listener_stats().filter(|_| front.is_some());
        let back = self.back_stats().filter(|_| self.backend_or_front().mode == Mode::Http);
        if self.status != 0 {
            [front, back, listener].into_iter().flatten().for_each(|s| s.responded(self.status));
        }
        // COMPAT: a backend counts requests when they end, a server when it has answered (`cli/show-stat`).
        if let Some(b) = back {
            b.requests.add(1);
        }
        if self.at.connected != 0 && !self.own_page {
            self.count_times();
        }
        // COMPAT: a stream that is over is not counted in its own `%bc`.
        self.leave_backend();
        self.log();
    }

    /// Records an end; `phase` of the moment.
    fn ends(&mut self, fault: Fault, phase: Phase) {
        self.ending.set(fault, phase);
    }
}
