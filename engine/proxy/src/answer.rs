//! `tcp-response`: what a server sends, judged before any of it goes on. Bytes of the client pass meanwhile.
//!
//! HAProxy 3.0 configuration manual §4.2 "tcp-response content". COMPAT: without an inspection delay the rules
//! run once, as soon as the connection stands, with what is there then, which is nothing
//! (`tcp_basic/response-*`, `http_basic/tcp-response-*`).

use std::future::poll_fn;
use std::net::Shutdown;
use std::task::Poll;
use std::time::Duration;

use rha_base::{Phase, Side as Fault, Tick};
use rha_net::Conn;
use rha_sample::Verdict;

use crate::eviction::breaks;
use crate::plan::rules::TcpAct;
use crate::relay::Flow;
use crate::rules::{Done, Subject};
use crate::session::Session;
use crate::stream::Stream;

/// What the rules came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Judgement {
    /// What was said goes on.
    Pass,
    /// It goes on, and nothing after it.
    Close,
    /// Both connections end.
    Reject,
    /// So they do, the client's with a reset.
    Reset,
}

impl Stream {
    /// Whether the backend has rules on what its servers send.
    pub(crate) fn has_answer_rules(&self) -> bool {
        !self.backend_or_front().rules.tcp_response.is_empty()
    }

    /// Until when rules may wait for more; `None` if they may not at all.
    pub(crate) fn answer_patience(&self) -> Option<Tick> {
        let ms = self.backend_or_front().model.response_inspect_delay_ms.filter(|ms| *ms != 0)?;
        Some(self.now().tick().after(Duration::from_millis(ms.into())))
    }

    /// Runs the rules; `None` while one waits for more, which it does only if `may_wait`.
    pub(crate) fn judge_answer(&mut self, may_wait: bool) -> Option<Judgement> {
        let plan = self.session.plan.clone();
        let back = self.backend.unwrap_or(self.session.front);
        let before = std::mem::replace(&mut self.response_may_grow, may_wait);
        let judgement = self.run_answer_rules(&plan.proxies[back.0 as usize].rules.tcp_response, may_wait);
        self.response_may_grow = before;
        judgement
    }

    fn run_answer_rules(
        &mut self,
        rules: &[crate::plan::rules::Rule<TcpAct>],
        may_wait: bool,
    ) -> Option<Judgement> {
        for r in rules {
            match self.applies(r.when.as_ref()) {
                Verdict::No => continue,
                Verdict::Wait if may_wait => return None,
                Verdict::Wait => continue,
                Verdict::Yes => {}
            }
            match &r.action {
                TcpAct::Accept => return Some(Judgement::Pass),
                TcpAct::Close => return Some(Judgement::Close),
                TcpAct::Reject => return Some(Judgement::Reject),
                // The parser lets it stand in connection rules only.
                TcpAct::ExpectProxy | TcpAct::ExpectNetscaler => continue,
                TcpAct::Shared(a) => match self.apply(a, Subject::Response) {
                    Done::Reject => return Some(Judgement::Reject),
                    Done::Drop => return Some(Judgement::Reset),
                    Done::Stop => return Some(Judgement::Pass),
                    _ => {}
                },
            }
        }
        Some(Judgement::Pass)
    }

    /// Counts and marks a rejected answer.
    pub(crate) fn reject_answer(&mut self) {
        self.ending.set(Fault::Proxy, Phase::Data);
        let sides =
            [self.session.front_stats(), self.back_stats(), self.server_stats(), self.listener_stats()];
        sides.into_iter().flatten().for_each(|s| s.denied_responses.add(1));
    }

    /// The tunnel of TCP mode, with the rules before it. True when the client's connection is to be reset.
    pub(crate) async fn answered_tunnel(&mut self, first: Vec<u8>) -> bool {
        if !self.has_answer_rules() {
            self.tunnel(first, Vec::new(), (0, 0)).await;
            return false;
        }
        let (mut up, mut down) = (Flow::default(), Flow::default());
        up.preload(&first);
        drop(first);
        let Some(mut server) = self.server_conn.take() else { return false };
        let until = self.answer_patience();
        let mut ended = false;
        let judgement = loop {
            let may_wait = until.is_some() && !ended;
            match self.judge_answer(may_wait) {
                Some(j) => break j,
                None => ended = !self.more_answer(&mut server, &mut up, until.unwrap_or(Tick::NEVER)).await,
            }
        };
        let said = std::mem::take(&mut self.parts.answer);
        match judgement {
            Judgement::Reject | Judgement::Reset => {
                self.withhold(&server, &mut up, &said);
                if judgement == Judgement::Reject {
                    self.reject_answer();
                    return false;
                }
                // COMPAT: as if the request had been dropped.
                self.ending.set(Fault::Proxy, Phase::Request);
                let sides = [self.session.front_stats(), self.back_stats(), self.listener_stats()];
                sides.into_iter().flatten().for_each(|s| s.denied_requests.add(1));
                return true;
            }
            // COMPAT: since 2.8 what was said is lost with the connection (`tcp_basic/response-close`).
            Judgement::Close if breaks(self.session.plan.dialect) => {
                self.withhold(&server, &mut up, &said);
                return false;
            }
            Judgement::Close => {
                server.reset_on_close();
                let _ = server.shutdown(Shutdown::Both);
                (up.ended, up.closed, down.ended) = (true, true, true);
            }
            Judgement::Pass => {}
        }
        down.preload(&said);
        self.server_conn = Some(server);
        self.copy(up, down, (0, 0)).await;
        false
    }

    /// Lets go of the server; what it said counts, but goes nowhere.
    fn withhold(&mut self, server: &Conn, up: &mut Flow, said: &[u8]) {
        server.reset_on_close();
        self.bytes_in += up.bytes;
        self.bytes_out += said.len() as u64;
        up.release(&self.session.worker);
    }

    /// Waits for more of the server's bytes while the client's pass. False when there will be no more.
    async fn more_answer(&mut self, server: &mut Conn, up: &mut Flow, until: Tick) -> bool {
        self.session.set_deadline(until);
        let most = self.session.plan.process.buffer_size.saturating_sub(self.session.plan.process.reserve);
        let (session, said, tenancy) = (&mut self.session, &mut self.parts.answer, &mut self.tenancy);
        poll_fn(|cx| {
            let worker = session.worker.clone();
            let mut moved = false;
            if let Poll::Ready(Err(_)) = up.poll(cx, &worker, &mut session.conn, server, &mut moved) {
                return Poll::Ready(false);
            }
            match read_answer(session, server, said, most, cx) {
                Poll::Ready(more) => return Poll::Ready(more),
                Poll::Pending => {}
            }
            if tenancy.as_mut().is_some_and(|t| t.is_over(session)) {
                return Poll::Ready(false);
            }
            session.poll_deadline(cx).map(|_| false)
        })
        .await
    }
}

fn read_answer(
    session: &Session,
    server: &mut Conn,
    said: &mut Vec<u8>,
    most: usize,
    cx: &mut std::task::Context<'_>,
) -> Poll<bool> {
    let left = most.saturating_sub(said.len());
    if left == 0 {
        return Poll::Ready(false);
    }
    let mut scratch = session.worker.scratch.borrow_mut();
    let room = scratch.len().min(left);
    let room = scratch.get_mut(..room).unwrap_or_default();
    match server.poll_read(cx, room) {
        Poll::Ready(Ok(n)) if n > 0 => {
            said.extend_from_slice(room.get(..n).unwrap_or_default());
            Poll::Ready(true)
        }
        Poll::Ready(_) => Poll::Ready(false),
        Poll::Pending => Poll::Pending,
    }
}
