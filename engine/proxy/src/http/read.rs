//! Reading a request head, and what is noted of it before any rule runs.

use rha_base::{Phase, Side as Fault};
use rha_http1::{Body, Parsed, Reject};
use rha_vocab::Dialect;

use super::Next;
use crate::session::TimedOut;
use crate::stream::Stream;

/// Why there is no head.
enum Missing {
    Timeout,
    Closed,
    Bad(Reject),
}

impl Stream {
    /// Reads and parses the head. `Some` when there is none: the answer, or nothing to answer to.
    pub(super) async fn read_head(&mut self) -> Option<Option<Next>> {
        let first = self.session.requests == 0;
        let r = &mut self.parts.request;
        if r.buf.is_empty() {
            r.buf = self.session.worker.buffers.take();
        }
        let left = std::mem::take(&mut self.session.left);
        if let Some(room) = r.buf.get_mut(..left.len()) {
            room.copy_from_slice(&left);
            r.filled = left.len();
        }
        let now = self.session.now();
        self.at.idle_from = self.session.free_us;
        let t = self.frontend().timeouts;
        if !first || !left.is_empty() || self.taken_over {
            self.session.set_deadline(super::sooner(t.client, t.http_request).from(now.tick()));
        }
        let plan = self.session.plan.clone();
        let policy = &plan.proxies[self.session.front.0 as usize].request_policy;
        let mut parse = !left.is_empty();
        let missing = loop {
            let r = &mut self.parts.request;
            if parse {
                match r.head.parse(r.buf.get(..r.filled).unwrap_or_default(), policy) {
                    Parsed::Complete { len } => {
                        r.head_len = len;
                        // COMPAT: a body that is broken from its start makes the request a bad one.
                        if let mut body @ Body::Chunked(_) = r.head.body()
                            && let Err(reject) =
                                body.relay(r.buf.get(len..r.filled).unwrap_or_default(), &mut self.parts.text)
                        {
                            r.head.clear();
                            break Missing::Bad(reject);
                        }
                        self.at.request = self.session.now().mono_us;
                        self.session.requests += 1;
                        return None;
                    }
                    Parsed::Bad(reject) => break Missing::Bad(reject),
                    Parsed::Partial => {}
                }
            }
            let read = self.session.until_deadline(|s, cx| s.conn.poll_read(cx, r.room())).await;
            match read {
                Ok(Ok(0)) | Ok(Err(_)) => break Missing::Closed,
                Ok(Ok(n)) => {
                    if r.filled == 0 {
                        let now = self.session.now();
                        (self.at.begun, self.at.begun_wall) = (now.mono_us, now.wall_us);
                    }
                    r.filled += n;
                    parse = true;
                }
                Err(TimedOut) => break Missing::Timeout,
            }
        };
        self.session.requests += 1;
        let at_once = self.parts.request.filled == left.len() && matches!(missing, Missing::Bad(_));
        Some(self.no_head(missing, first, at_once).await)
    }

    /// COMPAT: what the client gets, and what is logged, when no head arrives. `first`: the connection's first;
    /// `at_once`: what was there already is wrong.
    async fn no_head(&mut self, missing: Missing, first: bool, at_once: bool) -> Option<Next> {
        if self.session.upgraded {
            return self.no_head_after_tcp(missing, first, at_once).await;
        }
        let silent = self.parts.request.filled == 0;
        let probes = self.frontend().model.options.http_ignore_probes;
        self.bytes_in = self.parts.request.filled as u64;
        if let Missing::Bad(reject) = &missing {
            self.capture_request(reject.at);
        }
        match missing {
            Missing::Closed | Missing::Timeout if silent && (!first || probes) => None,
            Missing::Closed => {
                self.ends(Fault::Client, Phase::Request);
                self.count_bad_request();
                self.early_error(400).await;
                Some(Next::Close)
            }
            Missing::Timeout => {
                self.ends(Fault::ClientTimeout, Phase::Request);
                self.count_bad_request();
                self.early_error(408).await;
                Some(Next::Close)
            }
            Missing::Bad(reject) => {
                self.ends(Fault::Proxy, Phase::Request);
                self.count_bad_request();
                self.early_error(reject.status).await;
                Some(Next::Linger)
            }
        }
    }

    /// COMPAT: the same where the frontend is of TCP mode: whoever is to blame, the line says that the proxy ended
    /// it in the frontend (`tcp_to_http/no-head`).
    async fn no_head_after_tcp(&mut self, missing: Missing, first: bool, at_once: bool) -> Option<Next> {
        let silent = self.parts.request.filled == 0;
        let (status, next) = match missing {
            Missing::Closed if silent => return None,
            Missing::Timeout if silent && !first => return None,
            Missing::Closed => (400, Next::Close),
            Missing::Timeout => (408, Next::Close),
            Missing::Bad(reject) => (reject.status, Next::Linger),
        };
        self.count_bad_request();
        // The stream that was there before the head counts a second failure. COMPAT: since 2.8 there is none when what
        // has come is wrong from the start. DIFFERS: 2.7 is taken for 2.6.
        if self.taken_over && !(at_once && self.session.plan.dialect >= Dialect::V2_8) {
            if let Some(f) = self.session.front_stats() {
                f.failed_requests.add(1);
            }
            if let Some(b) = self.back_stats() {
                b.client_aborts.add(1);
            }
        }
        self.leave_backend();
        self.backend = None;
        self.ends(Fault::Proxy, Phase::Request);
        self.early_error(status).await;
        self.status = 0;
        Some(next)
    }

    /// COMPAT: pages from the configuration are for requests that could be read, but an empty one silences this too
    /// (`error_pages/early-*`); 3.5 sends them. DIFFERS: what is between 3.0 and 3.5 is taken for 3.0. No byte of it is
    /// logged.
    async fn early_error(&mut self, status: u16) {
        let page = self.frontend().pages.get(&status);
        let silent = matches!(page, Some(crate::plan::pages::Page::Silent));
        if silent || page.is_some() && self.session.plan.dialect >= Dialect::V3_5 {
            self.page(status);
        } else {
            let policy = self.session.plan.policy;
            self.parts.reply.clear();
            crate::plan::pages::early(status, &mut self.parts.reply, &policy);
        }
        let _ = self.send_reply(false).await;
        self.bytes_out = 0;
    }

    fn count_bad_request(&mut self) {
        self.malformed = true;
        let now_s = self.session.now().mono_us / 1_000_000;
        if let Some(f) = self.session.front_stats() {
            f.req_rate.hit(now_s);
        }
        self.take_number();
        for s in [self.session.front_stats(), self.listener_stats()].into_iter().flatten() {
            s.requests.add(1);
            s.failed_requests.add(1);
        }
    }

    /// Counts the request, remembers its line and captures.
    pub(super) fn note_request(&mut self) {
        self.take_number();
        let now_s = self.session.now().mono_us / 1_000_000;
        let worker = &self.session.worker;
        self.enrol();
        worker.stats.requests.add(1);
        if let Some(f) = self.session.front_stats() {
            f.requests.add(1);
            f.req_rate.hit(now_s);
        }
        if let Some(l) = self.listener_stats() {
            l.requests.add(1);
        }
        self.bytes_in = self.parts.request.logged_head();
        self.remember_line();
        self.capture_headers(0);
    }

    fn remember_line(&mut self) {
        let most = self.session.plan.process.log_uri_len;
        let parts = &mut *self.parts;
        let (r, line) = (&parts.request, &mut parts.line);
        line.clear();
        // COMPAT: an absolute target stands there without its default port, as all that follows sees it.
        line.extend_from_slice(r.head.method(&r.buf));
        line.push(b' ');
        line.extend_from_slice(r.head.target(&r.buf));
        let version = r.head.version_text(&r.buf);
        if !version.is_empty() {
            line.push(b' ');
            line.extend_from_slice(version);
        }
        line.truncate(most.saturating_sub(1));
        let method = line.iter().position(|c| *c == b' ').unwrap_or(line.len());
        let uri = line.iter().rposition(|c| *c == b' ').filter(|i| *i > method).unwrap_or(line.len());
        parts.line_parts = (method, uri);
    }

    /// `capture request|response header`, `capture cookie`. `which`: 0 request, 1 response.
    pub(super) fn capture_headers(&mut self, which: usize) {
        let plan = self.session.plan.clone();
        let model = &plan.proxies[self.session.front.0 as usize].model;
        let wanted = if which == 0 { &model.request_captures } else { &model.response_captures };
        if !wanted.is_empty() {
            let slots = &mut self.parts.captures[which];
            slots.resize(wanted.len(), None);
            for (slot, c) in slots.iter_mut().zip(wanted).filter(|(_, c)| !c.name.is_empty()) {
                // COMPAT: the last field of that name.
                let value = if which == 0 {
                    self.parts.request.head.find(&self.parts.request.buf, &c.name).last()
                } else {
                    self.parts.response.head.find(&self.parts.response.buf, &c.name).last()
                };
                if let Some((_, v)) = value {
                    *slot = Some(v.get(..v.len().min(c.len as usize)).unwrap_or(v).to_vec());
                }
            }
        }
        if let Some(c) = &model.cookie_capture {
            self.parts.cookies[which] = self.captured_cookie(which, &c.name, c.len as usize);
        }
    }
}
