//! TCP mode: content rules, server, tunnel, log line.

use std::convert::Infallible;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use rha_base::{Phase, ProxyId, Side as Fault};
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
pub(crate) async fn clerk(desk: Rc<Desk<Box<Session>, ()>>) -> Infallible {
    loop {
        let session = desk.next().await;
        serve(session).await;
        desk.done(());
    }
}

/// A connection from accept to log line.
async fn serve(session: Box<Session>) {
    let Some(session) = admit(session).await else { return };
    let mut s = Stream::new(session);
    s.at.begun = s.session.accepted.mono_us;
    s.at.idle_from = s.at.begun;
    s.at.begun_wall = s.session.accepted.wall_us;
    s.number = s.session.worker.shared.requests.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1;
    let reset = s.run_tcp().await;
    s.at.done = s.now().mono_us;
    s.release_slot();
    s.count_bytes();
    if s.at.connected != 0 {
        s.count_times();
    }
    s.leave_backend();
    s.log();
    let session = s.into_session();
    if reset {
        session.conn.reset_on_close();
    }
}

/// What content rules led to.
enum Verdictum {
    Go,
    Reject,
    Reset,
    Gone,
}

impl Stream {
    /// True when the client's connection is to be reset.
    async fn run_tcp(&mut self) -> bool {
        match self.run_tcp_stages().await {
            Verdictum::Go => {}
            Verdictum::Gone => return false,
            Verdictum::Reject => {
                self.ending.set(Fault::Proxy, Phase::Request);
                for s in [self.session.front_stats(), self.back_stats(), self.listener_stats()]
                    .into_iter()
                    .flatten()
                {
                    s.denied_requests.add(1);
                }
                return false;
            }
            Verdictum::Reset => {
                self.ending.set(Fault::Proxy, Phase::Request);
                for s in [self.session.front_stats(), self.back_stats(), self.listener_stats()]
                    .into_iter()
                    .flatten()
                {
                    s.denied_requests.add(1);
                }
                return true;
            }
        }
        self.at.request = self.now().mono_us;
        let persist =
            Persistence { server: self.chosen_server().or_else(|| self.rdp_server()), forced: false };
        if self.connect(persist, PoolUse::None).await.is_err() {
            return false;
        }
        self.at.response = self.at.connected;
        if self.frontend().model.options.logasap {
            self.log_early(self.at.connected, 0);
        }
        let first = std::mem::take(&mut self.tcp_buffer);
        let reset = self.answered_tunnel(first).await;
        self.server_conn = None;
        reset
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
            match self.evaluate_content(rules) {
                Some(v) => return v,
                None => self.more_content(until).await,
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
                TcpAct::ExpectProxy => continue,
                TcpAct::Shared(a) => match self.apply(a, Subject::Request) {
                    Done::Reject => return Some(Verdictum::Reject),
                    Done::Drop => return Some(Verdictum::Reset),
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
