//! Replies made here: error pages, `return`, redirects; sent, counted, and what they mean for the connection.

use rha_base::{Phase, Side as Fault};
use rha_http1::ToClient;

use super::Next;
use super::message::Reply;
use crate::dispatch::Failure;
use crate::plan::pages::Page;
use crate::plan::rules::{Body, RedirectPlan, RedirectTo, ReplyPlan};
use crate::stream::Stream;

impl Stream {
    /// Sends the proxy's page for a status. `keep`: the connection may go on if the client wants.
    pub(crate) async fn error(&mut self, status: u16, keep: bool) -> Next {
        self.page(status);
        self.send_reply(keep).await
    }

    /// Puts the page for a status into the reply: the backend's, the frontend's, the built-in one.
    pub(crate) fn page(&mut self, status: u16) {
        let plan = self.session.plan.clone();
        let found = [self.backend, Some(self.session.front)]
            .into_iter()
            .flatten()
            .filter_map(|id| plan.proxy(id))
            .find_map(|p| p.pages.get(&status));
        self.fill_page(status, found.unwrap_or(&Page::Builtin));
    }

    fn fill_page(&mut self, status: u16, page: &Page) {
        let policy = self.session.plan.policy;
        let reply = &mut self.parts.reply;
        reply.clear();
        reply.status = status;
        match page {
            Page::Fixed(page) => page.fill(reply, &policy),
            Page::Builtin => crate::plan::pages::builtin(status, reply, &policy),
            Page::Silent => reply.silent = true,
            Page::Reply(plan) => self.compose(plan),
        }
    }

    /// Answers a stream that got no server.
    pub(super) async fn refuse(&mut self, f: Failure) -> Next {
        // COMPAT: who has left is told nothing, and no status is logged (`http_aborts/queue`, `/connect`).
        if let Failure::ClientGone(_) = f {
            return Next::Close;
        }
        if f == Failure::Redirected {
            self.compose_server_redirect();
            // COMPAT: before 2.8 the connection is closed.
            return self.send_reply(self.session.plan.dialect >= rha_vocab::Dialect::V2_8).await;
        }
        self.error(f.status(), true).await
    }

    /// `redir` of the server that was chosen. COMPAT: a prefix of `/` adds nothing (`http_basic/redir-*`).
    fn compose_server_redirect(&mut self) {
        let policy = self.session.plan.policy;
        let server = self.server.and_then(|s| self.backend_or_front().server(s));
        let mut to = server.and_then(|s| s.redir.clone()).filter(|p| p != b"/").unwrap_or_default();
        let q = &self.parts.request;
        to.extend_from_slice(rha_http1::Target::of(q.head.target(&q.buf)).path_and_query());
        let reply = &mut self.parts.reply;
        reply.clear();
        reply.status = 302;
        reply.head.build(302, None, &policy);
        reply.head.add(b"cache-control", b"no-cache");
        reply.head.add(b"content-length", b"0");
        reply.head.add(b"location", &to);
        if self.session.plan.dialect < rha_vocab::Dialect::V2_8 {
            reply.head.add(b"connection", b"close");
        }
    }

    /// Composes the reply of `return`, `deny`, `tarpit`.
    pub(crate) fn compose(&mut self, plan: &ReplyPlan) {
        let policy = self.session.plan.policy;
        match &plan.body {
            Body::Default => {
                self.page(plan.status);
                if plan.headers.is_empty() {
                    return;
                }
            }
            Body::Page(page) => self.fill_page(plan.status, page),
            other => {
                let mut body = std::mem::take(&mut self.parts.reply.body);
                body.clear();
                match other {
                    Body::Bytes(b) => body.extend_from_slice(b),
                    Body::Format(f) => f.write(self, &mut body),
                    _ => {}
                }
                let reply = &mut self.parts.reply;
                reply.clear();
                reply.status = plan.status;
                reply.head.build(plan.status, None, &policy);
                reply.body = body;
                // COMPAT: the rule's own fields stand first.
                self.add_fields(plan);
                let reply = &mut self.parts.reply;
                reply.head.add(b"content-length", itoa(reply.body.len()).text());
                if let (Some(t), false) = (&plan.content_type, reply.body.is_empty()) {
                    reply.head.add(b"content-type", t);
                }
                return;
            }
        }
        self.add_fields(plan);
    }

    fn add_fields(&mut self, plan: &ReplyPlan) {
        let mut value = std::mem::take(&mut self.parts.text);
        for (name, format) in &plan.headers {
            value.clear();
            format.write(self, &mut value);
            // COMPAT: a field without a value is left out.
            if !value.is_empty() {
                self.parts.reply.head.add(name, &value);
            }
        }
        self.parts.text = value;
    }

    /// Sends the reply, `http-after-response` rules first.
    pub(crate) async fn send_reply(&mut self, keep: bool) -> Next {
        let before = self.bytes_out;
        let next = self.send_composed(keep).await;
        let size = self.parts.reply.logged_size();
        // COMPAT: `%B` counts the reply as it is held, not as it is spelt on the wire.
        if self.bytes_out > before {
            self.bytes_out = before + size;
        }
        next
    }

    async fn send_composed(&mut self, keep: bool) -> Next {
        let whole = self.parts.request.is_complete() && self.request_is_whole();
        self.status = self.parts.reply.status;
        if !crate::rules::after_response(self) {
            // COMPAT: the page of the error takes its place, untouched by these rules.
            self.page(500);
            self.status = 500;
        }
        if self.parts.reply.silent {
            return Next::Close;
        }
        let keep = keep && whole && self.client_may_keep();
        let parts = &mut *self.parts;
        let reply: &mut Reply = &mut parts.reply;
        parts.out.clear();
        let request = &parts.request;
        let is_head = request.is_complete() && request.head.method_kind() == rha_http1::Method::Head;
        let kept;
        if reply.raw.is_empty() {
            let to = if request.is_complete() {
                ToClient { keep, ..ToClient::answering(&request.head) }
            } else {
                ToClient { keep: false, method: rha_http1::Method::Get, http11: true }
            };
            kept = reply.head.write(&[], to, &mut parts.out).keep && keep;
            if !is_head {
                parts.out.extend_from_slice(&reply.body);
            }
        } else {
            parts.out.extend_from_slice(&reply.raw);
            kept = false;
        }
        let mut out = std::mem::take(&mut self.parts.out);
        self.adjust_for_client(&mut out, 0);
        self.parts.out = out;
        let sent = self.send_out().await;
        if sent.is_err() {
            return Next::Close;
        }
        if kept {
            self.keep_rest();
            Next::Keep
        } else if whole {
            Next::Close
        } else {
            Next::Linger
        }
    }

    /// Writes `parts.out` to the client within `timeout client`.
    pub(crate) async fn send_out(&mut self) -> Result<(), ()> {
        let now = self.session.now().tick();
        let timeout = self.timeout_client.unwrap_or(self.frontend().timeouts.client);
        self.session.set_deadline(timeout.from(now));
        let mut from = 0;
        let out = std::mem::take(&mut self.parts.out);
        let mut r = Ok(());
        while let Some(rest) = out.get(from..).filter(|r| !r.is_empty()) {
            match self.session.until_deadline(|s, cx| s.conn.poll_write(cx, rest)).await {
                Ok(Ok(n)) => {
                    from += n;
                    self.bytes_out += n as u64;
                }
                Ok(Err(_)) => {
                    self.ends(Fault::Client, Phase::Last);
                    r = Err(());
                    break;
                }
                Err(_) => {
                    self.ends(Fault::ClientTimeout, Phase::Last);
                    r = Err(());
                    break;
                }
            }
        }
        self.parts.out = out;
        r
    }

    /// Whether the request has no body, or one that has arrived as a whole.
    pub(crate) fn request_is_whole(&self) -> bool {
        let r = &self.parts.request;
        let mut body = r.head.body();
        if body.is_done() || r.whole {
            return true;
        }
        let mut scratch = Vec::new();
        body.relay(r.rest(), &mut scratch).is_ok_and(|x| x.done)
    }

    /// Keeps what follows the request for the next one.
    pub(crate) fn keep_rest(&mut self) {
        let r = &self.parts.request;
        let mut body = r.head.body();
        let rest = r.rest();
        let mut scratch = Vec::new();
        let used = if body.is_done() {
            0
        } else {
            body.relay(rest, &mut scratch).map_or(rest.len(), |x| x.consumed)
        };
        if let Some(next) = rest.get(used..).filter(|n| !n.is_empty()) {
            self.session.left.extend_from_slice(next);
        }
        let first = self.session.left.iter().position(|c| !matches!(c, b'\r' | b'\n'));
        // Blank lines alone begin no request.
        if first.is_none() {
            self.session.left.clear();
        }
    }

    /// Whether the client's connection may live on.
    pub(crate) fn client_may_keep(&self) -> bool {
        let stopping = self.session.worker.shared.stopping.load(std::sync::atomic::Ordering::Relaxed);
        !(stopping && self.session.worker.closes_active())
            && self.parts.request.is_complete()
            && self.parts.request.head.client_keeps()
            && self.frontend().connection != rha_ir::ConnectionMode::Close
    }

    /// Composes a redirect. HAProxy 3.0 configuration manual §4.2 "redirect".
    pub(crate) fn compose_redirect(&mut self, r: &RedirectPlan) {
        let policy = self.session.plan.policy;
        let mut to = std::mem::take(&mut self.parts.text);
        to.clear();
        let m = &r.model;
        let uri: &[u8] = {
            let q = &self.parts.request;
            q.head.target(&q.buf)
        };
        let path_and_query = rha_http1::Target::of(uri).path_and_query();
        let path = if m.drop_query && !m.keep_query {
            path_and_query.split(|c| *c == b'?').next().unwrap_or_default()
        } else {
            path_and_query
        };
        match &r.to {
            RedirectTo::Location(f) => {
                f.write(self, &mut to);
                if m.keep_query
                    && let Some(i) = path_and_query.iter().position(|c| *c == b'?')
                    && let Some(q) = path_and_query.get(i + 1..)
                {
                    to.push(if to.contains(&b'?') { b'&' } else { b'?' });
                    to.extend_from_slice(q);
                }
            }
            RedirectTo::Prefix(f) => {
                f.write(self, &mut to);
                if to == b"/" {
                    to.clear();
                }
                append_path(path, m.append_slash, &mut to);
            }
            RedirectTo::Scheme(f) => {
                f.write(self, &mut to);
                to.extend_from_slice(b"://");
                let q = &self.parts.request;
                if let Some((_, host)) = q.head.find(&q.buf, b"host").next() {
                    to.extend_from_slice(host);
                }
                append_path(path, m.append_slash, &mut to);
            }
        }
        let reply = &mut self.parts.reply;
        reply.clear();
        reply.status = m.code;
        reply.head.build(m.code, None, &policy);
        reply.head.add(b"content-length", b"0");
        reply.head.add(b"location", &to);
        if let Some(c) = &m.set_cookie {
            reply.head.add(b"set-cookie", c);
        }
        if let Some(c) = &m.clear_cookie {
            reply.head.add(b"set-cookie", c);
        }
        // COMPAT: temporary redirects say that they are not to be cached, permanent ones do not.
        if matches!(m.code, 302 | 303 | 307) {
            reply.head.add(b"cache-control", b"no-cache");
        }
        self.parts.text = to;
    }
}

fn append_path(path: &[u8], slash: bool, to: &mut Vec<u8>) {
    let (bare, query) = match path.iter().position(|c| *c == b'?') {
        Some(i) => path.split_at(i),
        None => (path, &[][..]),
    };
    to.extend_from_slice(bare);
    if slash && bare.last() != Some(&b'/') {
        to.push(b'/');
    }
    to.extend_from_slice(query);
}

/// A number's digits without allocating.
pub(crate) struct Digits([u8; 20], usize);

impl Digits {
    pub(crate) fn text(&mut self) -> &[u8] {
        self.0.get(self.1..).unwrap_or_default()
    }
}

pub(crate) fn itoa(mut n: usize) -> Digits {
    let mut d = Digits([0; 20], 20);
    loop {
        d.1 -= 1;
        d.0[d.1] = b'0' + (n % 10) as u8;
        n /= 10;
        if n == 0 {
            return d;
        }
    }
}
