//! TCP mode: content rules, server, tunnel, log line; or the way over to HTTP.

use std::convert::Infallible;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use rha_base::{Phase, ProxyId, Side as Fault};
use rha_http1::Parsed;
use rha_ir::Mode;
use rha_sample::Verdict;

use crate::dispatch::{Persistence, PoolUse};
use crate::plan::rules::{Rule, TcpAct};
use crate::reuse::Desk;
use crate::rules::{Done, Subject, admit};
use crate::session::Session;
use crate::stream::Stream;

/// Most bytes looked at before a content rule must decide.
const INSPECT: usize = 16 * 1024;

/// Serves one connection after another.
pub(crate) async fn clerk(desk: Rc<Desk<Box<Session>, Option<Box<Session>>>>) -> Infallible {
    loop {
        let session = desk.next().await;
        let result = serve(session).await;
        desk.done(result);
    }
}

/// A connection from accept to log line. It comes back when it speaks HTTP by now and stays open.
async fn serve(session: Box<Session>) -> Option<Box<Session>> {
    let session = admit(session).await?;
    let mut s = Stream::new(session);
    s.at.begun = s.session.accepted.mono_us;
    s.at.idle_from = s.at.begun;
    s.at.begun_wall = s.session.accepted.wall_us;
    s.take_number();
    s.enrol();
    let over = s.run_tcp().await;
    if over == Over::SpeaksHttp {
        return Box::pin(crate::http::take_over(s)).await;
    }
    // What was looked at and goes nowhere.
    s.bytes_in += s.tcp_buffer.len() as u64;
    s.at.done = s.now().mono_us;
    s.release_slot();
    s.count_bytes();
    if s.at.connected != 0 {
        s.count_times();
    }
    s.leave_backend();
    s.log();
    let session = s.into_session();
    if over == Over::Reset {
        session.conn.reset_on_close();
    }
    None
}

/// How the TCP part of a stream ended.
#[derive(PartialEq, Eq)]
enum Over {
    Closed,
    /// The client's connection is to be reset.
    Reset,
    /// Its client speaks HTTP from here on.
    SpeaksHttp,
}

/// What content rules led to.
enum Verdictum {
    Go,
    SwitchToHttp,
    Reject,
    Reset,
    Gone,
}

impl Stream {
    async fn run_tcp(&mut self) -> Over {
        match self.run_tcp_stages().await {
            Verdictum::Go => {}
            Verdictum::SwitchToHttp => return Over::SpeaksHttp,
            Verdictum::Gone => return Over::Closed,
            rejected @ (Verdictum::Reject | Verdictum::Reset) => {
                self.ending.set(Fault::Proxy, Phase::Request);
                // COMPAT: the frontend alone counts it, also when a backend's rule did it (`tcp_to_http/reject-raw`).
                for s in [self.session.front_stats(), self.listener_stats()].into_iter().flatten() {
                    s.denied_requests.add(1);
                }
                return if matches!(rejected, Verdictum::Reset) { Over::Reset } else { Over::Closed };
            }
        }
        self.at.request = self.now().mono_us;
        let persist =
            Persistence { server: self.chosen_server().or_else(|| self.rdp_server()), forced: false };
        if self.connect(persist, PoolUse::None).await.is_err() {
            return Over::Closed;
        }
        self.at.response = self.at.connected;
        if self.frontend().model.options.logasap {
            self.log_early(self.at.connected, 0);
        }
        let first = std::mem::take(&mut self.tcp_buffer);
        let reset = self.answered_tunnel(first).await;
        self.server_conn = None;
        if reset { Over::Reset } else { Over::Closed }
    }

    async fn run_tcp_stages(&mut self) -> Verdictum {
        let plan = self.session.plan.clone();
        let front = &plan.proxies[self.session.front.0 as usize];
        let verdict = self.content(front.id).await;
        if !matches!(verdict, Verdictum::Go) {
            return verdict;
        }
        let Some(backend) = self.choose_backend(front) else {
            self.ending.set(Fault::Server, Phase::Connect);
            return Verdictum::Gone;
        };
        self.enter_backend(backend);
        // COMPAT: the choice of an HTTP backend makes the client's connection one of HTTP, and what the backend's rules
        // see is a request (`tcp_to_http/by-backend`).
        if plan.proxies[backend.0 as usize].mode == Mode::Http {
            self.taken_over = true;
            return Verdictum::SwitchToHttp;
        }
        if backend != front.id {
            return self.content(backend).await;
        }
        Verdictum::Go
    }

    /// `tcp-request content` with `tcp-request inspect-delay`: rules wait for bytes while they may come.
    async fn content(&mut self, id: ProxyId) -> Verdictum {
        let plan = self.session.plan.clone();
        let p = &plan.proxies[id.0 as usize];
        let rules = &p.rules.tcp_content;
        if rules.is_empty() && p.model.inspect_delay_ms.is_none() {
            return Verdictum::Go;
        }
        let delay = u64::from(p.model.inspect_delay_ms.unwrap_or(0));
        let until = self.now().tick().after(Duration::from_millis(delay));
        self.request_may_grow = delay > 0;
        loop {
            self.look_for_request();
            match self.evaluate_content(rules) {
                Some(v) => return v,
                None => self.more_content(until).await,
            }
        }
    }

    /// Parses what has come so far as a request, for what rules ask of one. COMPAT: all that looks at requests works
    /// in TCP mode too, on bytes that are not taken (`tcp_to_http/by-request`).
    fn look_for_request(&mut self) {
        let r = &mut self.parts.request;
        let new = self.tcp_buffer.get(r.filled..).unwrap_or_default();
        if new.is_empty() || self.not_http || r.is_complete() {
            return;
        }
        if r.buf.is_empty() {
            r.buf = self.session.worker.buffers.take();
        }
        if let Some(room) = r.buf.get_mut(r.filled..r.filled + new.len()) {
            room.copy_from_slice(new);
            r.filled += new.len();
        }
        let plan = &self.session.plan;
        let policy = &plan.proxies[self.session.front.0 as usize].request_policy;
        match r.head.parse(r.buf.get(..r.filled).unwrap_or_default(), policy) {
            Parsed::Complete { len } => r.head_len = len,
            Parsed::Partial => {}
            Parsed::Bad(_) => {
                r.clear();
                self.not_http = true;
            }
        }
    }

    /// `None` while a rule waits for more.
    fn evaluate_content(&mut self, rules: &[Rule<TcpAct>]) -> Option<Verdictum> {
        for r in rules {
            match self.applies(r.when.as_ref()) {
                Verdict::No => continue,
                Verdict::Wait if self.request_may_grow => return None,
                Verdict::Wait => continue,
                Verdict::Yes => {}
            }
            match &r.action {
                TcpAct::Accept => return Some(Verdictum::Go),
                TcpAct::Reject | TcpAct::Close => return Some(Verdictum::Reject),
                // The parser lets it stand in connection rules only.
                TcpAct::ExpectProxy | TcpAct::ExpectNetscaler => continue,
                TcpAct::Shared(a) => match self.apply(a, Subject::Request) {
                    Done::Reject => return Some(Verdictum::Reject),
                    Done::Drop => return Some(Verdictum::Reset),
                    Done::Stop if self.taken_over => return Some(Verdictum::SwitchToHttp),
                    Done::Stop => return Some(Verdictum::Go),
                    _ => {}
                },
            }
        }
        Some(Verdictum::Go)
    }

    async fn more_content(&mut self, until: rha_base::Tick) {
        self.session.set_deadline(until);
        let full = self.tcp_buffer.len() >= INSPECT;
        let buffer = &mut self.tcp_buffer;
        let read = self
            .session
            .until_deadline(|s, cx| {
                if full {
                    return Poll::Ready(0);
                }
                let worker = s.worker.clone();
                let mut scratch = worker.scratch.borrow_mut();
                let room = scratch.get_mut(..INSPECT - buffer.len()).unwrap_or_default();
                match s.conn.poll_read(cx, room) {
                    Poll::Ready(Ok(n)) => {
                        buffer.extend_from_slice(scratch.get(..n).unwrap_or_default());
                        Poll::Ready(n)
                    }
                    Poll::Ready(Err(_)) => Poll::Ready(0),
                    Poll::Pending => Poll::Pending,
                }
            })
            .await;
        if !matches!(read, Ok(n) if n > 0) {
            self.request_may_grow = false;
        }
    }
}
