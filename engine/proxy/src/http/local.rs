//! What is done around the rules without a server: buffered bodies, early hints, pages of `engine/admin`.

use std::time::Duration;

use rha_base::{Phase, ProxyId, Scene, Side as Fault};

use super::Next;
use crate::rules::{Done, Flow, Subject};
use crate::session::TimedOut;
use crate::stream::Stream;

/// A page somebody else makes (statistics).
#[derive(Debug, Clone, Default)]
pub struct LocalPage {
    /// Status.
    pub status: u16,
    /// Fields, Content-Length excepted.
    pub fields: Vec<(Vec<u8>, Vec<u8>)>,
    /// Body.
    pub body: Vec<u8>,
}

/// What a wait for a body came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Waited {
    /// It is here, or as much of it as was asked for or fits.
    Enough,
    /// The client says no more.
    Closed,
}

/// Who answers requests to a proxy's own pages (`stats uri`); called by workers, so it must not block.
pub trait LocalPages: Send + Sync + std::fmt::Debug {
    /// Whether a request, whose head is complete, is for such a page.
    fn wants(&self, proxy: ProxyId, scene: &dyn Scene) -> bool;
    /// Whether the request brings what `stats auth` asks for; the realm to ask in if not.
    fn admits(&self, proxy: ProxyId, scene: &dyn Scene) -> Result<(), Vec<u8>>;
    /// The page; the request's body is buffered as far as it fits. `admin` tells whether it may change servers.
    fn answer(&self, proxy: ProxyId, scene: &dyn Scene, admin: bool) -> LocalPage;
}

impl Stream {
    /// A page of the proxy itself, if the request is for one.
    pub(super) async fn local_page(&mut self, p: &crate::plan::ProxyPlan) -> Option<Next> {
        let plan = self.session.plan.clone();
        let pages = plan.local_pages.as_ref()?;
        if p.model.stats.is_none() || !pages.wants(p.id, self) {
            return None;
        }
        self.own_page = true;
        if let Some(next) = self.guard_page(p, &**pages).await {
            return Some(next);
        }
        let ms = self.frontend().timeouts.http_request.0;
        if let Err(next) = self.wait_for_body(ms, None).await {
            return Some(next);
        }
        let admin = p.rules.stats_admin.iter().any(|c| self.applies(Some(c)).is_yes());
        let page = pages.answer(p.id, self, admin);
        let policy = plan.policy;
        let request = &self.parts.request;
        let http11 = request.head.version(&request.buf) >= (1, 1);
        let reply = &mut self.parts.reply;
        reply.clear();
        reply.status = page.status;
        reply.head.build(page.status, None, &policy);
        for (n, v) in &page.fields {
            reply.head.add(n, v);
        }
        // COMPAT: the original does not know the length beforehand (`cli/stats-csv`).
        if page.status == 200 && http11 {
            reply.head.frame_by_chunks();
            reply.head.add(b"transfer-encoding", b"chunked");
            rha_http1::write_chunk(&page.body, &mut reply.body);
            reply.body.extend_from_slice(rha_http1::LAST_CHUNK);
        } else {
            if page.fields.iter().all(|(n, _)| n != b"content-length") {
                reply.head.add(b"content-length", super::reply::itoa(page.body.len()).text());
            }
            reply.body = page.body;
        }
        if let Some(f) = self.session.front_stats() {
            f.intercepted.add(1);
        }
        self.ends(Fault::Local, Phase::Request);
        let now = self.now().mono_us;
        (self.at.queued, self.at.connected, self.at.response) = (now, now, now);
        Some(self.send_reply(true).await)
    }

    /// `stats http-request` rules, `stats auth` if there are none.
    async fn guard_page(&mut self, p: &crate::plan::ProxyPlan, pages: &dyn LocalPages) -> Option<Next> {
        if p.rules.stats_request.is_empty() {
            let realm = pages.admits(p.id, self).err()?;
            return Some(self.ask_for_page(&realm).await);
        }
        for r in &p.rules.stats_request {
            if !self.applies(r.when.as_ref()).is_yes() {
                continue;
            }
            match self.apply(&r.action, Subject::Request) {
                Done::Stop => return None,
                Done::Reply(plan, _) => {
                    self.compose(plan);
                    for s in [self.session.front_stats(), self.back_stats(), self.listener_stats()]
                        .into_iter()
                        .flatten()
                    {
                        s.denied_requests.add(1);
                    }
                    self.ends(Fault::Proxy, Phase::Request);
                    return Some(self.send_denied_page().await);
                }
                Done::Auth(realm) => return Some(self.ask_for_page(realm).await),
                _ => {}
            }
        }
        None
    }

    async fn ask_for_page(&mut self, realm: &[u8]) -> Next {
        self.ask_credentials(realm);
        self.ends(Fault::Local, Phase::Request);
        self.send_denied_page().await
    }

    /// COMPAT: the log shows a bad request and counts its page too, whatever was sent.
    async fn send_denied_page(&mut self) -> Next {
        (self.at.queued, self.at.connected) = (self.at.request, self.at.request);
        let next = self.send_reply(true).await;
        self.page(400);
        self.bytes_out += self.parts.reply.logged_size();
        self.status = 400;
        next
    }

    /// Sends the 103 that `early-hint` rules asked for.
    pub(super) async fn send_hints(&mut self) -> Flow {
        if self.parts.hints.is_empty() {
            return Flow::Next;
        }
        let mut out = std::mem::take(&mut self.parts.out);
        out.clear();
        out.extend_from_slice(b"HTTP/1.1 103 Early Hints\r\n");
        let counted = self.bytes_out + super::message::logged_hints(&self.parts.hints);
        out.append(&mut self.parts.hints);
        out.extend_from_slice(b"\r\n");
        self.adjust_for_client(&mut out, 0);
        self.parts.out = out;
        match self.send_out().await {
            Ok(()) => {
                self.bytes_out = counted;
                Flow::Next
            }
            Err(()) => Flow::Answered(Next::Close),
        }
    }

    /// Reads body bytes until there are enough, the buffer is full, or time is up.
    /// HAProxy 3.0 configuration manual §4.3 "wait-for-body".
    pub(super) async fn wait_for_body(&mut self, ms: u32, at_least: Option<u64>) -> Result<Waited, Next> {
        self.decode_buffered();
        if self.parts.request.whole {
            return Ok(Waited::Enough);
        }
        if self.parts.request.head.expects_continue() && !self.send_continue() {
            return Err(Next::Close);
        }
        let at = self.session.worker.clock.precise().tick().after(Duration::from_millis(ms.into()));
        self.session.set_deadline(if ms == 0 { rha_base::Tick::NEVER } else { at });
        let reserve = self.session.plan.process.reserve;
        let size = self.session.plan.process.buffer_size.saturating_sub(reserve);
        loop {
            let enough = at_least.is_some_and(|n| n != 0 && self.body_len() as u64 >= n);
            if self.parts.request.whole || enough || self.parts.request.filled >= size {
                return Ok(Waited::Enough);
            }
            let r = &mut self.parts.request;
            let read = self.session.until_deadline(|s, cx| s.conn.poll_read(cx, r.room())).await;
            match read {
                Ok(Ok(n)) if n > 0 => {
                    r.filled += n;
                    self.decode_buffered();
                }
                // COMPAT: a client that says no more does not end the wait's stage: the rules go on.
                Ok(Ok(_)) => return Ok(Waited::Closed),
                Ok(Err(_)) => {
                    self.ends(Fault::Client, Phase::Data);
                    self.count_abort(true);
                    self.status = 400;
                    return Err(Next::Close);
                }
                // COMPAT: a body that does not come in time is a 408, logged as a request that never came.
                Err(TimedOut) => {
                    self.ends(Fault::ClientTimeout, Phase::Request);
                    self.at.request = 0;
                    return Err(self.error(408, false).await);
                }
            }
        }
    }

    /// The same for a response: reads what the server sends. `Some` when the time is up.
    pub(super) async fn wait_for_answer(&mut self, ms: u32, at_least: Option<u64>) -> Option<Next> {
        let at = self.session.worker.clock.precise().tick().after(Duration::from_millis(ms.into()));
        self.session.set_deadline(if ms == 0 { rha_base::Tick::NEVER } else { at });
        let process = &self.session.plan.process;
        let size = process.buffer_size.saturating_sub(process.reserve);
        let mut open = true;
        loop {
            self.parts.response.decode();
            let r = &mut self.parts.response;
            let enough = at_least.is_some_and(|n| n != 0 && rha_base::Message::body(r).len() as u64 >= n);
            if r.whole || enough || r.filled >= size || !open {
                return None;
            }
            let conn = self.server_conn.as_mut()?;
            let end = r.buf.len().min(size);
            let room = r.buf.get_mut(r.filled..end).unwrap_or_default();
            let read = self.session.until_deadline(|_, cx| conn.poll_read(cx, room)).await;
            match read {
                Ok(Ok(n)) if n > 0 => r.filled += n,
                // A server that says no more is met again where its body is passed on.
                Ok(_) => open = false,
                Err(TimedOut) => return Some(self.answer_is_late().await),
            }
        }
    }

    /// COMPAT: before 2.8 it looks as if the time had passed while the request was read (`rules/wait-*`).
    async fn answer_is_late(&mut self) -> Next {
        let old = self.session.plan.dialect < rha_vocab::Dialect::V2_8;
        self.ends(Fault::ServerTimeout, if old { Phase::Request } else { Phase::Headers });
        if old {
            self.at.response = 0;
        }
        self.bytes_out += self.buffered_size().unwrap_or(0);
        self.server_conn = None;
        self.release_slot();
        self.error(504, true).await
    }

    fn body_len(&self) -> usize {
        use rha_base::Message as _;
        self.parts.request.body().len()
    }

    /// Shows rules the body as far as it is here.
    pub(super) fn decode_buffered(&mut self) {
        self.parts.request.decode();
    }

    /// COMPAT: 100 is ours only when the body is wanted before the server is.
    fn send_continue(&mut self) -> bool {
        const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";
        let sent = matches!(self.session.conn.try_write(CONTINUE), Ok(n) if n == CONTINUE.len());
        if sent {
            // The server is not asked for another.
            let r = &mut self.parts.request;
            r.head.delete(&r.buf, b"expect");
        }
        sent
    }
}
