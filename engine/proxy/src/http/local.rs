//! What is done around the rules without a server: buffered bodies, early hints, pages of `engine/admin`.

use std::time::Duration;

use rha_base::{Phase, ProxyId, Scene, Side as Fault};
use rha_http1::Body;

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
        out.append(&mut self.parts.hints);
        out.extend_from_slice(b"\r\n");
        self.adjust_for_client(&mut out, 0);
        self.parts.out = out;
        match self.send_out().await {
            Ok(()) => Flow::Next,
            Err(()) => Flow::Answered(Next::Close),
        }
    }

    /// Reads body bytes until there are enough, the buffer is full, or time is up.
    /// HAProxy 3.0 configuration manual §4.3 "wait-for-body".
    pub(super) async fn wait_for_body(&mut self, ms: u32, at_least: Option<u64>) -> Result<(), Next> {
        self.decode_buffered();
        if self.parts.request.whole {
            return Ok(());
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
                return Ok(());
            }
            let r = &mut self.parts.request;
            let read = self.session.until_deadline(|s, cx| s.conn.poll_read(cx, r.room())).await;
            match read {
                Ok(Ok(n)) if n > 0 => {
                    r.filled += n;
                    self.decode_buffered();
                }
                // COMPAT: a client that says no more does not end the wait's stage: the rules go on.
                Ok(Ok(_)) => return Ok(()),
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

    fn body_len(&self) -> usize {
        use rha_base::Message as _;
        self.parts.request.body().len()
    }

    /// Shows rules the body as far as it is here.
    pub(super) fn decode_buffered(&mut self) {
        let r = &mut self.parts.request;
        let mut body = r.head.body();
        match body {
            Body::None => r.whole = true,
            Body::Chunked(_) => {
                r.body.clear();
                let rest = r.buf.get(r.head_len..r.filled).unwrap_or_default();
                r.whole = body.decode(rest, &mut r.body).is_ok_and(|d| d.done);
            }
            _ => {
                let rest = r.buf.get(r.head_len..r.filled).unwrap_or_default();
                let mut none = Vec::new();
                if let Ok(step) = body.relay(rest, &mut none) {
                    r.plain = (r.head_len, r.head_len + step.consumed);
                    r.whole = step.done;
                }
            }
        }
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
