//! From a complete head to a backend: content rules, request rules, monitor, backend choice; then what the
//! proxy itself adds to the request.

use rha_base::{Phase, ProxyId, Side as Fault};
use rha_ir::{ForwardFor, Mode};
use rha_sample::Verdict;
use rha_vocab::Dialect;

use super::Next;
use super::local::Waited;
use crate::plan::rules::{Act, Rule, Target, TcpAct};
use crate::rules::{Answer, Done, Flow, Subject};
use crate::stream::Stream;

impl Stream {
    /// Runs everything before the choice of a server.
    pub(super) async fn route(&mut self) -> Flow {
        let plan = self.session.plan.clone();
        let front = &plan.proxies[self.session.front.0 as usize];
        if let Some(next) = self.monitor().await {
            return Flow::Answered(next);
        }
        if let f @ Flow::Answered(_) = self.stage(self.session.front).await {
            return f;
        }
        // A stream that was taken over may have its backend already.
        let Some(backend) = self.backend.or_else(|| self.choose_backend(front)) else {
            self.ends(Fault::Server, Phase::Connect);
            // COMPAT: no time of such a request is known.
            self.at.request = 0;
            return Flow::Answered(self.error(503, true).await);
        };
        self.enter_backend(backend);
        if plan.proxies[backend.0 as usize].mode != Mode::Http {
            return self.misrouted();
        }
        if backend != self.session.front
            && let f @ Flow::Answered(_) = self.stage(backend).await
        {
            return f;
        }
        if self.abandoned { self.give_up() } else { Flow::Next }
    }

    /// COMPAT: a request cannot go to a backend of TCP mode; nothing is said to the client (`tcp_to_http/*-raw`).
    fn misrouted(&mut self) -> Flow {
        self.ends(Fault::Internal, Phase::Request);
        self.at.request = 0;
        self.status = 500;
        // COMPAT: it still counts in the backend's `%bc` then. DIFFERS: not for ever.
        self.at.done = self.now().mono_us;
        self.log();
        Flow::Answered(Next::Close)
    }

    /// One proxy's content rules, request rules, redirects.
    async fn stage(&mut self, id: ProxyId) -> Flow {
        let plan = self.session.plan.clone();
        let p = &plan.proxies[id.0 as usize];
        // Those of the frontend have led here when the stream was taken over.
        let judged = self.taken_over && id == self.session.front;
        if !judged && let Some(f) = self.content_rules(&p.rules.tcp_content).await {
            return f;
        }
        if p.model.options.http_buffer_request
            && !self.parts.request.whole
            && let Some(next) = self.buffer_request().await
        {
            return Flow::Answered(next);
        }
        if let f @ Flow::Answered(_) = self.request_rules(&p.rules.http_request).await {
            return f;
        }
        if let Some(next) = self.local_page(p).await {
            return Flow::Answered(next);
        }
        self.request_rules(&p.rules.redirects).await
    }

    /// `option http-buffer-request`. COMPAT: the request's time ends with its body; rules go on where its sender has
    /// left (`http_aborts/buffer-*`).
    async fn buffer_request(&mut self) -> Option<Next> {
        let waited = match self.wait_for_body(self.frontend().timeouts.http_request.0, None).await {
            Ok(waited) => waited,
            Err(next) => return Some(next),
        };
        self.at.request = self.now().mono_us;
        self.abandoned |= waited == Waited::Closed;
        None
    }

    /// The sender of a body that had to be complete has left. COMPAT: since 2.8 a bad request is logged and counted,
    /// though nothing is sent. DIFFERS: 2.7 is taken for 2.6.
    fn give_up(&mut self) -> Flow {
        self.ends(Fault::Client, Phase::Request);
        self.count_abort(true);
        if self.session.plan.dialect >= Dialect::V2_8 {
            self.page(400);
            self.bytes_out += self.parts.reply.logged_size();
            self.status = 400;
        }
        Flow::Answered(Next::Close)
    }

    /// `tcp-request content` of an HTTP proxy: the head is there, so nothing waits.
    async fn content_rules(&mut self, rules: &[Rule<TcpAct>]) -> Option<Flow> {
        for r in rules {
            if self.applies(r.when.as_ref()) != Verdict::Yes {
                continue;
            }
            let done = match &r.action {
                TcpAct::Accept => return None,
                TcpAct::Reject | TcpAct::Close => Done::Reject,
                // The parser lets it stand in connection rules only.
                TcpAct::ExpectProxy | TcpAct::ExpectNetscaler => continue,
                TcpAct::Shared(a) => self.apply(a, Subject::Request),
            };
            match done {
                Done::Reject => return Some(self.reject_content()),
                Done::Drop => return Some(self.dropped()),
                Done::Stop => return None,
                Done::Failed => {
                    return Some(Flow::Answered(Box::pin(self.broken_rule(500)).await));
                }
                _ => {}
            }
        }
        None
    }

    /// A rule that could not do its work ends the request: 500 for a fault of ours, 400 for one of the client's.
    async fn broken_rule(&mut self, status: u16) -> Next {
        self.ends(Fault::Proxy, Phase::Request);
        let sides = [self.session.front_stats(), self.back_stats(), self.listener_stats()];
        for s in sides.into_iter().flatten() {
            if status == 500 { &s.internal_errors } else { &s.failed_requests }.add(1);
        }
        // COMPAT: no time of such a request is known.
        self.at.request = 0;
        self.error(status, false).await
    }

    /// `silent-drop`: counted as denied, and no time of it is known.
    fn dropped(&mut self) -> Flow {
        self.reject();
        self.at.request = 0;
        Flow::Answered(Next::Reset)
    }

    /// COMPAT: the frontend alone counts what content rules reject (`tcp_to_http/reject`).
    fn reject_content(&mut self) -> Flow {
        self.ends(Fault::Proxy, Phase::Request);
        for s in [self.session.front_stats(), self.listener_stats()].into_iter().flatten() {
            s.denied_requests.add(1);
        }
        Flow::Answered(Next::Close)
    }

    fn reject(&mut self) -> Flow {
        self.ends(Fault::Proxy, Phase::Request);
        for s in [self.session.front_stats(), self.back_stats(), self.listener_stats()].into_iter().flatten()
        {
            s.denied_requests.add(1);
        }
        Flow::Answered(Next::Close)
    }

    async fn request_rules(&mut self, rules: &[Rule<Act>]) -> Flow {
        self.lenient = false;
        for r in rules {
            if !self.applies(r.when.as_ref()).is_yes() {
                continue;
            }
            match self.apply(&r.action, Subject::Request) {
                Done::Next => {}
                Done::Stop => break,
                Done::Reply(plan, why) => {
                    self.compose(plan);
                    return self.answer(why).await;
                }
                Done::Redirect(r) => {
                    if r.model.ignore_empty && self.redirect_is_empty(r) {
                        continue;
                    }
                    self.compose_redirect(r);
                    return self.answer(Answer::Return).await;
                }
                Done::Auth(realm) => {
                    self.ask_credentials(realm);
                    self.ends(Fault::Proxy, Phase::Request);
                    return Flow::Answered(self.send_reply(true).await);
                }
                Done::Reject => return self.reject(),
                Done::Drop => return self.dropped(),
                Done::Pause(d) => self.pause(d).await,
                Done::Hints => {
                    if let f @ Flow::Answered(_) = self.send_hints().await {
                        return f;
                    }
                }
                Done::Failed => return Flow::Answered(self.broken_rule(500).await),
                Done::Bad => return Flow::Answered(self.broken_rule(400).await),
                Done::Body(ms, at_least) => {
                    if let Err(next) = self.wait_for_body(ms, at_least).await {
                        return Flow::Answered(next);
                    }
                }
            }
        }
        Flow::Next
    }

    async fn answer(&mut self, why: Answer) -> Flow {
        let sides = [self.session.front_stats(), self.back_stats(), self.listener_stats()];
        match why {
            Answer::Deny => {
                sides.into_iter().flatten().for_each(|s| s.denied_requests.add(1));
                self.ends(Fault::Proxy, Phase::Request);
            }
            Answer::Tarpit => {
                sides.into_iter().flatten().for_each(|s| s.denied_requests.add(1));
                self.ends(Fault::Proxy, Phase::Tarpit);
                let ms = self.timeout_tarpit.unwrap_or(self.backend_or_front().timeouts.tarpit).0;
                // COMPAT: the client is held, and its leaving ends the wait.
                self.hold(std::time::Duration::from_millis(ms.into())).await;
                // COMPAT: all of the time is time in the queue.
                (self.at.request, self.at.queued) = (0, self.now().mono_us);
                return Flow::Answered(self.send_reply(false).await);
            }
            Answer::Return => {
                if let Some(f) = self.session.front_stats() {
                    f.intercepted.add(1);
                }
                self.ends(Fault::Local, Phase::Request);
            }
        }
        Flow::Answered(self.send_reply(true).await)
    }

    pub(super) fn ask_credentials(&mut self, realm: &[u8]) {
        self.page(401);
        let mut value = b"Basic realm=\"".to_vec();
        value.extend_from_slice(realm);
        value.push(b'"');
        self.parts.reply.head.add(b"www-authenticate", &value);
    }

    fn redirect_is_empty(&mut self, r: &crate::plan::rules::RedirectPlan) -> bool {
        use crate::plan::rules::RedirectTo::{Location, Prefix, Scheme};
        let (Location(f) | Prefix(f) | Scheme(f)) = &r.to;
        let mut text = Vec::new();
        f.write(self, &mut text);
        text.is_empty()
    }

    pub(super) async fn pause(&mut self, d: std::time::Duration) {
        let at = self.session.worker.clock.precise().tick().after(d);
        self.session.set_deadline(at);
        let _ = self.session.until_deadline(|_, _| std::task::Poll::<()>::Pending).await;
    }

    async fn hold(&mut self, d: std::time::Duration) {
        let at = self.session.worker.clock.precise().tick().after(d);
        self.session.set_deadline(at);
        let _ = self.session.until_deadline(|s, cx| s.conn.poll_gone(cx)).await;
    }

    /// `monitor-uri` and `monitor fail`.
    async fn monitor(&mut self) -> Option<Next> {
        let plan = self.session.plan.clone();
        let front = &plan.proxies[self.session.front.0 as usize];
        let uri = front.model.monitor_uri.as_ref()?;
        {
            let r = &self.parts.request;
            let t = r.head.target_parts(&r.buf);
            // COMPAT: path and query must be what is written.
            if t.path_and_query() != uri.as_slice() && t.whole() != uri.as_slice() {
                return None;
            }
        }
        let mut status = 200;
        for c in &front.rules.monitor_fail {
            if self.applies(Some(c)).is_yes() {
                status = 503;
                break;
            }
        }
        self.ends(Fault::Local, Phase::Request);
        // COMPAT: monitor requests are not logged.
        self.logged = true;
        if let Some(f) = self.session.front_stats() {
            f.intercepted.add(1);
        }
        Some(self.error(status, true).await)
    }

    /// `use_backend` in order, then `default_backend`. HAProxy 3.0 configuration manual §4.2.
    pub(crate) fn choose_backend(&mut self, front: &crate::plan::ProxyPlan) -> Option<ProxyId> {
        let plan = self.session.plan.clone();
        for (target, when) in &front.rules.use_backend {
            if !self.applies(when.as_ref()).is_yes() {
                continue;
            }
            match target {
                Target::Fixed(id) => return Some(*id),
                Target::Computed(f) => {
                    let mut name = std::mem::take(&mut self.parts.text);
                    name.clear();
                    f.write(self, &mut name);
                    let found = plan.backend(&name).map(|p| p.id);
                    self.parts.text = name;
                    // COMPAT: an unknown name ends the search; the default applies.
                    if found.is_some() {
                        return found;
                    }
                    break;
                }
            }
        }
        front.default_backend
    }

    /// `use-server` rules.
    pub(crate) fn chosen_server(&mut self) -> Option<usize> {
        let plan = self.session.plan.clone();
        let b = plan.proxy(self.backend?)?;
        for (target, when) in &b.rules.use_server {
            if !self.applies(when.as_ref()).is_yes() {
                continue;
            }
            let server = match target {
                Target::Fixed(s) => Some(*s),
                Target::Computed(f) => {
                    let mut name = Vec::new();
                    f.write(self, &mut name);
                    b.servers.iter().position(|s| s.name.as_bytes() == name)
                }
            };
            // COMPAT: a server that is down is passed over, and the next rule looked at.
            if let Some(s) = server.filter(|s| b.state.servers.get(*s).is_some_and(|x| x.is_up())) {
                return Some(s);
            }
        }
        None
    }

    /// `option forwardfor`, `option originalto`, `unique-id-header`, `http-send-name-header`.
    pub(super) fn prepare_request(&mut self) {
        let plan = self.session.plan.clone();
        let front = &plan.proxies[self.session.front.0 as usize];
        let back = self.backend.and_then(|b| plan.proxy(b)).unwrap_or(front);
        if let Some(f) = &back.rules.forwarded {
            self.add_forwarded(f);
        }
        let source = self.session.source;
        self.forward_address(front.model.forward_for.as_ref(), back.model.forward_for.as_ref(), source);
        if front.model.original_to.is_some() || back.model.original_to.is_some() {
            let to = self.session.destination();
            self.forward_address(front.model.original_to.as_ref(), back.model.original_to.as_ref(), to);
        }
        if let Some(name) = &front.model.unique_id_header {
            use rha_base::Scene as _;
            if let Some(rha_base::Value::Str(id)) = self.fact(rha_base::Fact::UniqueId) {
                let id = id.into_owned();
                self.add_field(Subject::Request, name, &id);
            }
        }
    }

    /// COMPAT: either side's option adds the field; the backend's name for it wins; `except` of either
    /// side leaves it out; `if-none` counts when both that are set say so.
    fn forward_address(
        &mut self,
        f: Option<&ForwardFor>,
        b: Option<&ForwardFor>,
        a: Option<std::net::SocketAddr>,
    ) {
        let Some(chosen) = b.or(f) else { return };
        let Some(a) = a else { return };
        let excepted = |x: Option<&ForwardFor>| {
            x.and_then(|x| x.except).is_some_and(|(net, len)| contains(net, len, a.ip()))
        };
        if excepted(f) || excepted(b) {
            return;
        }
        let if_none = f.is_none_or(|x| x.if_none) && b.is_none_or(|x| x.if_none);
        let r = &self.parts.request;
        if if_none && r.head.find(&r.buf, &chosen.header).next().is_some() {
            return;
        }
        let mut text = std::mem::take(&mut self.parts.text);
        text.clear();
        rha_base::push_ip(a.ip(), &mut text);
        self.parts.request.head.add(&chosen.header, &text);
        self.parts.text = text;
    }
}

fn contains(net: std::net::IpAddr, len: u8, ip: std::net::IpAddr) -> bool {
    use std::net::IpAddr::{V4, V6};
    match (net, ip) {
        (V4(n), V4(a)) => {
            let shift = 32 - u32::from(len.min(32));
            u32::from(n).checked_shr(shift).unwrap_or(0) == u32::from(a).checked_shr(shift).unwrap_or(0)
        }
        (V6(n), V6(a)) => {
            let shift = 128 - u32::from(len.min(128));
            u128::from(n).checked_shr(shift).unwrap_or(0) == u128::from(a).checked_shr(shift).unwrap_or(0)
        }
        _ => false,
    }
}
