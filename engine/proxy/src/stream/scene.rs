//! The stream as rules, expressions and log lines see it.

use std::net::SocketAddr;

use rha_base::{
    Fact, Now, ProxyFact, ProxyId, Request, Response, Scene, Scope, ServerFact, ServerId, Site, TcpFact,
    Value, VarSlot,
};
use rha_ir::Mode;

use super::{Pending, Stream};

impl Scene for Stream {
    fn now(&self) -> Now {
        self.session.now()
    }

    fn source(&self) -> Option<SocketAddr> {
        self.session.source
    }

    fn destination(&self) -> Option<SocketAddr> {
        self.session.destination()
    }

    fn request(&self) -> Option<&dyn Request> {
        let r = &self.parts.request;
        r.is_complete().then_some(r as &dyn Request)
    }

    fn response(&self) -> Option<&dyn Response> {
        if self.parts.reply.shown {
            return Some(&self.parts.reply);
        }
        let r = &self.parts.response;
        r.is_complete().then_some(r as &dyn Response)
    }

    fn request_buffer(&self) -> &[u8] {
        &self.tcp_buffer
    }

    fn response_buffer(&self) -> &[u8] {
        &self.parts.answer
    }

    fn request_may_grow(&self) -> bool {
        self.request_may_grow
    }

    fn request_may_become_http(&self) -> bool {
        self.request_may_grow && !self.not_http
    }

    fn request_size(&self) -> u64 {
        let r = &self.parts.request;
        if !self.speaks_http() || !r.is_complete() {
            return self.tcp_buffer.len() as u64;
        }
        let body = if r.head.body().is_done() { 0 } else { r.rest().len() as u64 };
        r.logged_head() + body
    }

    fn response_may_grow(&self) -> bool {
        self.response_may_grow
    }

    fn local_offset_s(&self, wall_us: i64) -> i32 {
        rha_net::local_time(wall_us / 1_000_000).offset_s
    }

    fn set_variable(&self, slot: VarSlot, value: Option<Value<'static>>) -> bool {
        self.parts.pending.borrow_mut().push(Pending::Variable(slot, value));
        true
    }

    fn set_capture(&self, response: bool, slot: usize, text: &[u8]) -> bool {
        let model = &self.frontend().model;
        let all = if response { &model.response_captures } else { &model.request_captures };
        let Some(wanted) = all.get(slot) else { return false };
        let text = text.get(..text.len().min(wanted.len as usize)).unwrap_or_default().to_vec();
        self.parts.pending.borrow_mut().push(Pending::Capture { response, slot, text });
        true
    }

    fn variable(&self, slot: VarSlot) -> Option<&Value<'static>> {
        let all = match slot.scope {
            Scope::Session => &self.session.variables,
            Scope::Transaction => &self.parts.variables[0],
            Scope::Request => &self.parts.variables[1],
            Scope::Response => &self.parts.variables[2],
            Scope::Process => {
                let all = &self.session.plan.process_variables;
                &self.parts.process.get_or_init(|| all.copied()).1
            }
            Scope::Check => return None,
        };
        all.get(usize::from(slot.index))?.as_ref()
    }

    fn fact(&self, fact: Fact) -> Option<Value<'_>> {
        self.known(fact)
    }

    fn place(&self) -> (ProxyId, Option<ProxyId>, Option<ServerId>) {
        let server = self.server.and_then(|s| u32::try_from(s).ok()).map(ServerId);
        (self.session.front, self.backend, server)
    }

    fn site(&self) -> &dyn Site {
        &*self.session
    }

    fn request_captures(&self) -> usize {
        if self.is_before_request() { 0 } else { self.frontend().model.request_captures.len() }
    }

    fn request_capture(&self, slot: usize) -> Option<&[u8]> {
        self.parts.captures[0].get(slot)?.as_deref()
    }

    fn response_captures(&self) -> usize {
        if self.is_before_request() { 0 } else { self.frontend().model.response_captures.len() }
    }

    fn response_capture(&self, slot: usize) -> Option<&[u8]> {
        self.parts.captures[1].get(slot)?.as_deref()
    }

    fn proxy_field(&self, kind: u8) -> Option<&[u8]> {
        let all = self.session.proxied.as_ref()?;
        all.iter().find(|(k, _)| *k == kind).map(|(_, v)| v.as_slice())
    }

    fn random(&self) -> u32 {
        self.session.worker.random()
    }
}

impl Site for crate::session::Session {
    fn proxy(&self, id: ProxyId, fact: ProxyFact) -> i64 {
        let Some(p) = self.plan.proxy(id) else { return 0 };
        let front = p.kind.is_frontend();
        match fact {
            ProxyFact::SessionRate => {
                let now = self.now().mono_us / 1000;
                let side = self.stats(id).map(|s| if front { &s.front } else { &s.back });
                side.map_or(0, |s| i64::try_from(s.sess_rate.read(now)).unwrap_or(0))
            }
            ProxyFact::RequestRate => {
                let now = self.now().mono_us / 1000;
                self.stats(id).map_or(0, |s| i64::try_from(s.front.req_rate.read(now)).unwrap_or(0))
            }
            fact => proxy_number(p, fact),
        }
    }

    fn server(&self, backend: ProxyId, server: ServerId, fact: ServerFact) -> i64 {
        let Some(p) = self.plan.proxy(backend) else { return 0 };
        let i = server.0 as usize;
        let Some(s) = p.state.servers.get(i) else { return 0 };
        if fact == ServerFact::SessionRate {
            let now = self.now().mono_us / 1000;
            let side = self.stats(backend).and_then(|s| s.servers.get(i));
            return side.map_or(0, |s| i64::try_from(s.sess_rate.read(now)).unwrap_or(0));
        }
        server_number(p, i, s, fact)
    }

    fn backend_named(&self, name: &[u8]) -> Option<ProxyId> {
        self.plan.backend(name).map(|p| p.id)
    }

    fn frontend_named(&self, name: &[u8]) -> Option<ProxyId> {
        self.plan.proxies.iter().find(|p| p.kind.is_frontend() && p.name.as_bytes() == name).map(|p| p.id)
    }

    fn server_named(&self, backend: ProxyId, name: &[u8]) -> Option<ServerId> {
        let all = &self.plan.proxy(backend)?.servers;
        let at = all.iter().position(|s| s.name.as_bytes() == name)?;
        u32::try_from(at).ok().map(ServerId)
    }

    fn is_local(&self, address: std::net::IpAddr) -> Option<bool> {
        Some(rha_net::is_local_address(address))
    }

    fn connections(&self) -> i64 {
        i64::from(self.worker.shared.connections.read())
    }

    fn workers(&self) -> u32 {
        self.worker.shared.workers
    }
}

/// A number about a proxy that its shared state knows.
pub(crate) fn proxy_number(p: &crate::plan::ProxyPlan, fact: ProxyFact) -> i64 {
    use std::sync::atomic::Ordering::Relaxed;
    i64::from(match fact {
        ProxyFact::Connections if p.kind.is_frontend() => p.state.front.read(),
        ProxyFact::Connections => p.state.back.read(),
        ProxyFact::MaxConn => p.maxconn,
        ProxyFact::UsableServers => {
            let (active, backup) = p.state.usable();
            u32::try_from(active + backup).unwrap_or(u32::MAX)
        }
        ProxyFact::Queue => p.state.total_queued.load(Relaxed),
        ProxyFact::AverageQueue => {
            let n = u32::try_from(p.state.usable().0).unwrap_or(0);
            let waiting = p.state.total_queued.load(Relaxed);
            if n == 0 { waiting } else { waiting.div_ceil(n) }
        }
        ProxyFact::ConnectionsFree | ProxyFact::ConnectionSlots => return free(p, fact),
        ProxyFact::SessionRate | ProxyFact::RequestRate => 0,
    })
}

/// A number about a server that its shared state knows.
pub(crate) fn server_number(
    p: &crate::plan::ProxyPlan,
    i: usize,
    s: &crate::state::ServerState,
    fact: ServerFact,
) -> i64 {
    let limit = p.state.limit(i);
    i64::from(match fact {
        ServerFact::Connections => s.served.read(),
        ServerFact::ConnectionsFree if limit == 0 => return -1,
        ServerFact::ConnectionsFree => limit.saturating_sub(s.served.read()),
        ServerFact::IsUp => u32::from(s.is_up()),
        ServerFact::Queue => s.queued.read(),
        ServerFact::SessionRate => 0,
        ServerFact::Weight => s.effective_weight() / rha_balance::WEIGHT_SCALE,
        ServerFact::InitialWeight => s.initial_weight,
        ServerFact::UserWeight => s.user_weight.load(std::sync::atomic::Ordering::Relaxed),
    })
}

/// `be_conn_free`, `connslots`: what the servers could still take; -1 when one has no limit.
fn free(p: &crate::plan::ProxyPlan, fact: ProxyFact) -> i64 {
    let mut sum = 0i64;
    for (i, (s, plan)) in p.state.servers.iter().zip(&p.servers).enumerate() {
        if !s.is_usable() {
            continue;
        }
        let limit = p.state.limit(i);
        if limit == 0 || (fact == ProxyFact::ConnectionSlots && plan.maxqueue == 0) {
            return -1;
        }
        sum += i64::from(limit.saturating_sub(s.served.read()));
        if fact == ProxyFact::ConnectionSlots {
            sum += i64::from(plan.maxqueue.saturating_sub(s.queued.read()));
        }
    }
    sum
}

fn ms(from: u64, to: u64) -> Value<'static> {
    if from == 0 || to == 0 {
        return Value::Int(-1);
    }
    Value::Int(i64::try_from(to.saturating_sub(from) / 1000).unwrap_or(i64::MAX))
}

fn tcp_figure(conn: &rha_net::Conn, what: TcpFact) -> Option<Value<'static>> {
    let info = conn.tcp_info()?;
    number(match what {
        TcpFact::RttUs => info.rtt_us,
        TcpFact::RttVarianceUs => info.rtt_variance_us,
        TcpFact::Unacked => info.unacked,
        TcpFact::Sacked => info.sacked,
        TcpFact::Lost => info.lost,
        TcpFact::Retransmitted => info.retransmitted,
        TcpFact::Fackets => info.fackets,
        TcpFact::Reordering => info.reordering,
    })
}

fn number(n: impl TryInto<i64>) -> Option<Value<'static>> {
    n.try_into().ok().map(Value::Int)
}

impl Stream {
    /// HAProxy 3.0 configuration manual §7.3.1 "when".
    fn has_failed(&self) -> bool {
        use rha_base::Side;
        let side = self.ending.side;
        self.redispatched
            || !matches!(side, Side::None | Side::Local)
            || side == Side::None && self.retries > 0
            || self.frontend().mode == Mode::Http && self.status >= 500
    }

    fn end(&self) -> u64 {
        if self.at.done == 0 { self.session.now().mono_us } else { self.at.done }
    }

    /// HAProxy 3.0 configuration manual §8.2.6 and §8.4 (times).
    fn known(&self, fact: Fact) -> Option<Value<'_>> {
        let t = &self.at;
        let http = self.speaks_http();
        match fact {
            Fact::FrontendName | Fact::FrontendNameTransport => {
                Some(Value::str(self.frontend().name.as_bytes()))
            }
            Fact::FrontendId => number(self.frontend().number),
            Fact::BackendName => Some(Value::str(self.backend_or_front().name.as_bytes())),
            Fact::BackendId => number(self.backend_or_front().number),
            Fact::ServerName => Some(Value::str(self.server_name())),
            Fact::ServerId => number(self.backend_or_front().server(self.server?)?.number),
            Fact::ListenerName => {
                let l = self.session.listener()?;
                l.name.as_ref().map(|n| Value::str(n.as_bytes()))
            }
            Fact::ListenerId => number(self.session.listener()?.number),
            Fact::FrontendMode => {
                let http = self.frontend().mode == Mode::Http;
                Some(Value::str(if http { b"http" } else { b"tcp" }))
            }
            Fact::ClientIsTls => Some(Value::Bool(false)),
            Fact::UniqueId => self.unique_id(),
            Fact::BackendSourceIp => self.server_conn.as_ref()?.local().map(|a| Value::addr(a.ip())),
            Fact::BackendSourcePort => number(self.server_conn.as_ref()?.local()?.port()),
            Fact::ServerIp => self.server_address().map(|a| Value::addr(a.ip())),
            Fact::ServerPort => number(self.server_address()?.port()),
            Fact::AcceptDateUs => Some(Value::Int(self.session.accepted.wall_us)),
            Fact::RequestDateUs => Some(Value::Int(t.begun_wall)),
            Fact::TimeHandshake => Some(Value::Int(0)),
            // COMPAT: times of requests are unknown in TCP mode (`tcp_to_http/by-rule`).
            Fact::TimeIdle if self.taken_over => Some(Value::Int(-1)),
            Fact::TimeIdle | Fact::TimeRequest | Fact::TimeRequestTotal | Fact::TimeResponse if !http => {
                Some(Value::Int(-1))
            }
            Fact::TimeIdle => Some(ms(t.idle_from, t.begun)),
            Fact::TimeRequest => Some(ms(t.begun, t.request)),
            Fact::TimeRequestTotal => Some(ms(t.idle_from, t.request)),
            Fact::TimeQueue if !http || t.request == 0 => Some(ms(self.session.accepted.mono_us, t.queued)),
            Fact::TimeQueue => Some(ms(t.request, t.queued)),
            Fact::TimeConnect => Some(ms(t.queued, t.connected)),
            Fact::TimeResponse => Some(ms(t.connected, t.response)),
            Fact::TimeData => Some(ms(t.response, self.end())),
            Fact::TimeActive => Some(ms(t.begun, self.end())),
            Fact::TimeTotal => Some(ms(t.idle_from, self.end())),
            Fact::TimeUser => Some(ms(t.begun, self.end())),
            Fact::BytesRead => number(self.bytes_out),
            Fact::BytesUploaded => number(self.bytes_in),
            Fact::StatusCode => Some(Value::Int(if self.status == 0 { -1 } else { i64::from(self.status) })),
            Fact::TerminationState => Some(Value::Str(self.letters(false).into())),
            Fact::TerminationStateCookie => Some(Value::Str(self.letters(true).into())),
            Fact::ActiveConnections => number(self.session.worker.shared.connections.read()),
            Fact::FrontendConnections => number(self.frontend().state.front.read()),
            Fact::BackendConnections if self.backend.is_none() => Some(Value::Int(0)),
            Fact::BackendConnections => number(self.backend_or_front().state.back.read()),
            Fact::ServerConnections => {
                let s = self.server.and_then(|s| self.backend_or_front().state.servers.get(s));
                number(s.map_or(0, |s| s.served.read()))
            }
            Fact::Redispatched => Some(Value::Bool(self.redispatched)),
            Fact::Retries => number(self.retries),
            Fact::ServerQueue => number(self.ahead.0),
            Fact::BackendQueue => number(self.ahead.1),
            Fact::RequestCounter => number(self.number),
            Fact::RequestCookie => self.parts.cookies[0].as_deref().map(Value::str),
            Fact::ResponseCookie => self.parts.cookies[1].as_deref().map(Value::str),
            Fact::ReceivedProxy => Some(Value::Bool(self.session.proxied.is_some())),
            Fact::IsFirstRequest => Some(Value::Bool(self.session.requests <= 1)),
            Fact::Stopping => {
                let stopping = &self.session.worker.shared.stopping;
                Some(Value::Bool(stopping.load(std::sync::atomic::Ordering::Relaxed)))
            }
            Fact::LoggedEarly => Some(Value::Bool(self.frontend().model.options.logasap)),
            Fact::ListenerConnections => number(self.session.listener()?.current.read()),
            Fact::ClientTimeout => number(self.timeout_client.unwrap_or(self.frontend().timeouts.client).0),
            Fact::ServerTimeout => {
                number(self.timeout_server.unwrap_or(self.backend_or_front().timeouts.server).0)
            }
            Fact::TunnelTimeout => {
                number(self.timeout_tunnel.unwrap_or(self.backend_or_front().timeouts.tunnel).0)
            }
            Fact::OriginalSourceIp => self.original(0).map(|a| Value::addr(a.ip())),
            Fact::OriginalSourcePort => number(self.original(0)?.port()),
            Fact::OriginalDestinationIp => self.original(1).map(|a| Value::addr(a.ip())),
            Fact::OriginalDestinationPort => number(self.original(1)?.port()),
            Fact::ConnectTimeout => {
                number(self.timeout_connect.unwrap_or(self.backend_or_front().timeouts.connect).0)
            }
            Fact::QueueTimeout => {
                number(self.timeout_queue.unwrap_or(self.backend_or_front().timeouts.queue).0)
            }
            Fact::TarpitTimeout => {
                number(self.timeout_tarpit.unwrap_or(self.backend_or_front().timeouts.tarpit).0)
            }
            Fact::MaxRetries => number(self.retries_allowed()),
            Fact::FrontendClientTimeout => number(self.frontend().timeouts.client.0),
            Fact::BackendServerTimeout => number(self.backend_or_front().timeouts.server.0),
            Fact::BackendTunnelTimeout => number(self.backend_or_front().timeouts.tunnel.0),
            Fact::BackendConnectTimeout => number(self.backend_or_front().timeouts.connect.0),
            Fact::BackendQueueTimeout => number(self.backend_or_front().timeouts.queue.0),
            Fact::BackendTarpitTimeout => number(self.backend_or_front().timeouts.tarpit.0),
            Fact::BackendMaxRetries => number(self.backend_or_front().retries),
            Fact::RequestLine if self.parts.line.is_empty() => None,
            Fact::RequestLine => self.logged_line(|l, _, _| l),
            Fact::LogMethod => self.logged_line(|l, m, _| l.get(..m).unwrap_or_default()),
            Fact::LogUri => self.logged_line(|l, m, u| l.get(m + 1..u).unwrap_or_default()),
            Fact::LogPath | Fact::LogPathOnly => {
                self.logged_line(|l, m, u| path(l.get(m + 1..u).unwrap_or_default()))
            }
            Fact::LogQuery => self.logged_line(|l, m, u| query(l.get(m + 1..u).unwrap_or_default())),
            Fact::LogVersion => self.logged_line(|l, _, u| l.get(u + 1..).unwrap_or_default()),
            Fact::FrontendHttpMajor | Fact::BackendHttpMajor => Some(Value::Int(1)),
            Fact::BackendReused => Some(Value::Bool(self.reused)),
            Fact::SavedSyn => self.session.conn.saved_syn().map(|syn| Value::Bin(syn.into())),
            Fact::Hostname => Some(Value::str(self.session.worker.shared.hostname.as_bytes())),
            Fact::Pid => number(crate::plan::logs::pid()),
            Fact::Tid => number(self.session.worker.index + 1),
            Fact::PriorityClass => number(self.priority.0),
            Fact::PriorityOffset => number(self.priority.1),
            Fact::Failed => Some(Value::Bool(self.has_failed())),
            Fact::Forwarded => Some(Value::Bool(self.at.connected != 0 && !self.own_page)),
            Fact::AnsweredHere => Some(Value::Bool(self.own_page)),
            Fact::DefaultBackend => {
                let p = self.session.plan.proxy(self.frontend().default_backend?)?;
                Some(Value::str(p.name.as_bytes()))
            }
            Fact::FrontendTarpitTimeout => number(self.frontend().timeouts.tarpit.0),
            // A connection that had an error is past being spoken of.
            Fact::FrontendError => Some(Value::Int(0)),
            Fact::BackendError => (self.at.connected != 0 && !self.own_page).then_some(Value::Int(0)),
            Fact::Uptime => number(self.session.worker.shared.started.elapsed().as_secs()),
            Fact::ServerStatus => number(self.server_status),
            Fact::ClientTcp(what) => tcp_figure(&self.session.conn, what),
            Fact::ServerTcp(what) => tcp_figure(self.server_conn.as_ref()?, what),
            Fact::LogTag => Some(Value::str(self.frontend().log_tag.as_bytes())),
            _ => None,
        }
    }

    /// The server's name, `<NOSRV>` without one. COMPAT: `<STATS>` for the statistics page.
    pub(crate) fn server_name(&self) -> &[u8] {
        if self.own_page {
            return b"<STATS>";
        }
        let server = self.server.and_then(|s| self.backend_or_front().server(s));
        server.map_or(b"<NOSRV>", |s| s.name.as_bytes())
    }

    /// COMPAT: a request that could not be read has no slots for captures yet, not even empty ones.
    fn is_before_request(&self) -> bool {
        self.speaks_http() && self.parts.line.is_empty()
    }

    /// The session's source or destination, whatever rules have set for this stream.
    fn original(&self, which: usize) -> Option<SocketAddr> {
        match self.session.wire.as_deref().or(self.moved_from.as_ref()) {
            Some(both) => *both.get(which)?,
            None if which == 0 => self.session.source,
            None => self.session.destination(),
        }
    }

    fn server_address(&self) -> Option<SocketAddr> {
        if let Some(a) = self.server_conn.as_ref().and_then(rha_net::Conn::peer) {
            return Some(a);
        }
        self.backend_or_front().state.servers.get(self.server?)?.address().ip()
    }

    fn letters(&self, cookies: bool) -> Vec<u8> {
        let (side, phase) = (self.ending.side.letter() as u8, self.ending.phase.letter() as u8);
        if cookies { vec![side, phase, self.cookie.request, self.cookie.response] } else { vec![side, phase] }
    }

    fn logged_line(&self, part: impl for<'a> Fn(&'a [u8], usize, usize) -> &'a [u8]) -> Option<Value<'_>> {
        if self.parts.line.is_empty() {
            return Some(Value::str(b"<BADREQ>"));
        }
        let (method, uri) = self.parts.line_parts;
        Some(Value::str(part(&self.parts.line, method, uri)))
    }

    fn unique_id(&self) -> Option<Value<'_>> {
        let format = self.frontend().rules.unique_id.as_ref()?;
        let id = match self.parts.unique_id.get() {
            Some(id) => id,
            None => {
                let mut id = Vec::new();
                format.write(self, &mut id);
                self.parts.unique_id.get_or_init(|| id)
            }
        };
        Some(Value::str(id))
    }
}

fn path(uri: &[u8]) -> &[u8] {
    uri.split(|c| *c == b'?').next().unwrap_or_default()
}

fn query(uri: &[u8]) -> &[u8] {
    uri.iter().position(|c| *c == b'?').and_then(|i| uri.get(i..)).unwrap_or_default()
}
