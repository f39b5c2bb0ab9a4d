//! From a stream with a backend to a stream with a server connection: choice, queue, pool, connect, retries.
//!
//! COMPAT: order and waits are HAProxy's: a slot stays held while the same server is tried again, a second
//! passes between such tries (less if `timeout connect` is shorter), another server is tried at once.

use std::future::poll_fn;
use std::net::{Ipv4Addr, SocketAddr};
use std::task::Poll;
use std::time::Duration;

use rha_base::{Phase, ProxyId, Side as Fault};
use rha_ir::{BalanceKey, HttpReuse};
use rha_net::{ConnectOptions, Quiet, SocketAddress};

use crate::eviction::{Eviction, Tenancy};
use crate::plan::{Timeout, server_address};
use crate::queue::{Assigned, Given, Place, Wish};
use crate::session::TimedOut;
use crate::state::Operation;
use crate::stream::Stream;
use crate::wire::{self, Wire};

/// Longest wait before the same server is tried again.
const TURN_AROUND_MS: u32 = 1000;

/// Why there is no server connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    /// No server is usable.
    NoServer,
    /// The server's queue is full.
    QueueFull,
    /// `timeout queue`.
    QueueTimeout,
    /// Refused, reset, unreachable.
    Refused,
    /// `timeout connect`.
    ConnectTimeout,
    /// No descriptor, no port.
    Resource,
    /// The client left while its request waited or connected.
    ClientGone(Phase),
    /// All streams of the server are ended.
    Evicted(Eviction),
    /// The server's requests are sent elsewhere (`redir`).
    Redirected,
}

impl Failure {
    /// The letters of the termination state. HAProxy 3.0 configuration manual §8.5.
    pub(crate) fn ending(self) -> (Fault, Phase) {
        match self {
            Failure::NoServer | Failure::Refused | Failure::Resource => (Fault::Server, Phase::Connect),
            Failure::QueueFull => (Fault::Server, Phase::Queue),
            Failure::QueueTimeout => (Fault::ServerTimeout, Phase::Queue),
            Failure::ConnectTimeout => (Fault::ServerTimeout, Phase::Connect),
            Failure::ClientGone(p) => (Fault::Client, p),
            Failure::Evicted(why) => (why.fault(), Phase::Connect),
            Failure::Redirected => (Fault::Local, Phase::Connect),
        }
    }

    /// Status an HTTP client gets. COMPAT: 503, also without descriptors (`bad_input`).
    pub(crate) fn status(self) -> u16 {
        match self {
            Failure::Redirected => 302,
            _ => 503,
        }
    }
}

/// What a stream asks of the pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PoolUse {
    /// Nothing: a connection of its own.
    None,
    /// Connections that were reused before.
    Safe,
    /// Any.
    Any,
}

/// Persistence of a stream: the server it must (or would rather) go to.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Persistence {
    /// Cookie, `use-server`.
    pub server: Option<usize>,
    /// `force-persist`: even when it is down, and never elsewhere.
    pub forced: bool,
}

impl Stream {
    /// Gets a server connection, or says why not. Counters of the backend are kept.
    pub(crate) async fn connect(&mut self, persist: Persistence, pool: PoolUse) -> Result<(), Failure> {
        let r = self.try_connect(persist, pool).await;
        if let Err(f) = r {
            let (side, phase) = f.ending();
            self.ending.set(side, phase);
            if matches!(f, Failure::ClientGone(_)) {
                for s in
                    [self.back_stats(), self.server_stats(), self.session.front_stats()].into_iter().flatten()
                {
                    s.client_aborts.add(1);
                }
            } else if f != Failure::Redirected {
                for s in [self.back_stats(), self.server_stats()].into_iter().flatten() {
                    s.failed_connections.add(1);
                }
            }
            self.release_slot();
        }
        r
    }

    async fn try_connect(&mut self, persist: Persistence, pool: PoolUse) -> Result<(), Failure> {
        let plan = self.session.plan.clone();
        let Some(backend) = self.backend.and_then(|b| plan.proxy(b)) else { return Err(Failure::NoServer) };
        if let Some(direct) = &backend.direct {
            return Box::pin(self.connect_direct(backend, direct)).await;
        }
        let mut wish = self.wish(persist);
        if wish.fixed.is_none() {
            wish.key = self.hash_key(backend.id);
        }
        let mut before = self.previous.take();
        wish.avoid = before;
        loop {
            if !self.slot {
                self.assign(&mut wish, persist).await?;
                self.count_assignment(before, wish.fixed.is_none());
            }
            let Some(server) = self.server else { return Err(Failure::NoServer) };
            self.count_try();
            if self.at.queued == 0 {
                self.at.queued = self.now().mono_us;
            }
            if backend.servers.get(server).is_some_and(|s| s.redir.is_some()) && self.is_redirectable() {
                return Err(Failure::Redirected);
            }
            let failure = match self.open(backend.id, server, pool).await {
                Ok(()) => {
                    self.at.connected = self.now().mono_us;
                    return Ok(());
                }
                Err(f @ (Failure::ClientGone(_) | Failure::Resource | Failure::Evicted(_))) => return Err(f),
                Err(f) => f,
            };
            crate::health_hook::connect_failed(&plan, backend.id, server);
            if !backend.retry_connections || self.retries >= self.retries_allowed() {
                return Err(failure);
            }
            self.retries += 1;
            before = Some(server);
            let again = self.choose_redispatch(persist, &mut wish);
            let single = backend.state.usable().0 <= 1;
            if failure == Failure::Refused && (!again || single) {
                self.turn_around(self.timeout_connect.unwrap_or(backend.timeouts.connect)).await?;
            }
            if !again {
                for s in [self.back_stats(), self.server_stats()].into_iter().flatten() {
                    s.retries.add(1);
                }
            }
        }
    }

    fn wish(&self, persist: Persistence) -> Wish {
        let now_ms = self.now().mono_us / 1000;
        Wish { fixed: persist.server, key: None, avoid: None, now_ms, priority: self.priority }
    }

    /// Whether a server's `redir` concerns the request.
    fn is_redirectable(&self) -> bool {
        use rha_http1::Method::{Get, Head};
        let r = &self.parts.request;
        self.speaks_http() && r.is_complete() && matches!(r.head.method_kind(), Get | Head)
    }

    /// Counts another try of a whole exchange, and chooses whether it goes to another server.
    pub(crate) fn prepare_retry(&mut self, persist: &mut Persistence) {
        self.retries += 1;
        for s in [self.back_stats(), self.server_stats()].into_iter().flatten() {
            s.retries.add(1);
        }
        let before = self.server;
        let mut wish = self.wish(*persist);
        if self.choose_redispatch(*persist, &mut wish) {
            persist.server = None;
            self.previous = before;
        }
    }

    /// Whether the next try may go to another server; the slot is given back then.
    fn choose_redispatch(&mut self, persist: Persistence, wish: &mut Wish) -> bool {
        use rha_balance::Algorithm::{RoundRobin, StaticRr};
        let backend = self.backend_or_front();
        if backend.redispatch == 0 || persist.forced {
            return false;
        }
        let (tries, every, most) =
            (i64::from(self.retries), i64::from(backend.redispatch), i64::from(self.retries_allowed()));
        let due = if every > 0 { tries % every == 0 } else { tries % (most + 1 + every).max(1) == 0 };
        let indifferent = wish.fixed.is_none()
            && backend.state.usable().0 > 1
            && matches!(backend.algorithm, RoundRobin | StaticRr);
        if !due && !indifferent {
            return false;
        }
        wish.fixed = None;
        wish.avoid = self.server;
        self.release_slot();
        true
    }

    /// Counts that a server is tried: with every retry again. COMPAT: as `admin/columns-csv` shows it.
    fn count_try(&self) {
        let now_s = self.now().mono_us / 1_000_000;
        if let Some(s) = self.server_stats() {
            s.sessions.add(1);
            s.sess_rate.hit(now_s);
        }
        for s in [self.back_stats(), self.server_stats()].into_iter().flatten() {
            s.last_session_s.set(now_s.max(1));
        }
    }

    /// Counts a choice of the balancer's (not of persistence), a retry on the same server, or a redispatch.
    fn count_assignment(&mut self, before: Option<usize>, balanced: bool) {
        if balanced {
            for s in [self.back_stats(), self.server_stats()].into_iter().flatten() {
                s.balanced.add(1);
            }
        }
        let Some(before) = before else { return };
        let moved = self.server != Some(before);
        if moved {
            self.redispatched = true;
            if self.cookie.request == b'V' {
                self.cookie.request = b'D';
            }
        }
        let of = self.session.stats(self.backend.unwrap_or(self.session.front));
        let server = of.and_then(|p| p.servers.get(before));
        for s in [self.back_stats(), server].into_iter().flatten() {
            if moved { &s.redispatches } else { &s.retries }.add(1);
        }
    }

    async fn assign(&mut self, wish: &mut Wish, persist: Persistence) -> Result<(), Failure> {
        loop {
            let worker = self.session.worker.clone();
            let plan = self.session.plan.clone();
            let backend = &plan.proxies[self.backend.unwrap_or(self.session.front).0 as usize];
            let assigned = backend.state.assign(*wish, &mut || worker.random());
            match assigned {
                Assigned::Slot(s) => {
                    self.take(s);
                    return Ok(());
                }
                Assigned::NoServer => {
                    self.server = None;
                    self.parts.card.server.set(None);
                    return Err(Failure::NoServer);
                }
                Assigned::QueueFull if wish.fixed.is_some() && !persist.forced && backend.redispatch != 0 => {
                    wish.fixed = None;
                }
                Assigned::QueueFull => return Err(Failure::QueueFull),
                Assigned::Wait(place) => {
                    let since = self.now().tick();
                    self.session
                        .set_deadline(self.timeout_queue.unwrap_or(backend.timeouts.queue).from(since));
                    self.ahead = place.ahead;
                    match self.wait_in_queue(&place).await {
                        Ok(Given::Slot(s)) => {
                            self.take(s);
                            return Ok(());
                        }
                        Ok(Given::Elsewhere) => wish.fixed = None,
                        Err(f) => {
                            self.at.queued = self.now().mono_us;
                            if let Some(s) = backend.state.leave(&place) {
                                backend.state.release(s);
                            }
                            return Err(f);
                        }
                    }
                }
            }
        }
    }

    fn take(&mut self, server: usize) {
        self.server = Some(server);
        self.parts.card.server.set(Some(server));
        self.slot = true;
        let backend = self.backend.unwrap_or(self.session.front);
        self.tenancy = Some(Tenancy::new(&self.session, backend, server));
    }

    async fn wait_in_queue(&mut self, place: &Place) -> Result<Given, Failure> {
        // The place must not outlive this wait without being left, whatever ends the task.
        let watch = self.watches_client();
        poll_fn(|cx| {
            if let Poll::Ready(g) = place.waiter.poll(cx) {
                return Poll::Ready(Ok(g));
            }
            if self.session.poll_deadline(cx).is_ready() {
                if self.is_killed() {
                    return Poll::Ready(Err(Failure::Evicted(Eviction::Killed)));
                }
                return Poll::Ready(Err(Failure::QueueTimeout));
            }
            if watch && self.session.conn.poll_gone(cx).is_ready() {
                return Poll::Ready(Err(Failure::ClientGone(Phase::Queue)));
            }
            Poll::Pending
        })
        .await
    }

    /// Whether a client that closes ends its waiting request (`option abortonclose`).
    fn watches_client(&self) -> bool {
        self.backend_or_front().abort_on_close
    }

    pub(crate) async fn turn_around(&mut self, connect: Timeout) -> Result<(), Failure> {
        let ms = if connect.is_set() { connect.0.min(TURN_AROUND_MS) } else { TURN_AROUND_MS };
        let now = self.session.worker.clock.precise().tick();
        self.session.set_deadline(now.after(Duration::from_millis(ms.into())));
        let watch = self.watches_client();
        poll_fn(|cx| {
            if watch && self.session.conn.poll_gone(cx).is_ready() {
                return Poll::Ready(Err(Failure::ClientGone(Phase::Connect)));
            }
            self.session.poll_deadline(cx).map(|TimedOut| match self.is_killed() {
                true => Err(Failure::Evicted(Eviction::Killed)),
                false => Ok(()),
            })
        })
        .await
    }

    /// A connection of that server: the session's own, an idle one, a new one.
    async fn open(&mut self, backend: ProxyId, server: usize, pool: PoolUse) -> Result<(), Failure> {
        let plan = self.session.plan.clone();
        let proxy = &plan.proxies[backend.0 as usize];
        let (Some(s), Some(state)) = (proxy.server(server), proxy.state.servers.get(server)) else {
            return Err(Failure::NoServer);
        };
        let generation = state.generation();
        self.reused = false;
        // DIFFERS: connections with marks are not shared, not even with requests that ask for the same ones.
        let marked = self.server_marks != (None, None);
        self.conn_name = self.name_of(s.wire.as_deref());
        let namespace = self.namespace_of(s.wire.as_deref());
        let marked = marked || namespace.is_some();
        if !marked && self.take_own(backend, server, generation) {
            return Ok(());
        }
        let plain = s.send_proxy == 0 && !s.client_address && !marked;
        if pool != PoolUse::None
            && plain
            && self.session.worker.is_current(&plan)
            && let Some(idle) = self.session.worker.take_idle(
                (backend, server),
                self.conn_name,
                generation,
                pool == PoolUse::Any,
            )
        {
            self.server_conn = Some(idle.conn);
            self.generation = generation;
            self.uses = idle.uses + 1;
            self.mark_reused();
            return Ok(());
        }
        for s in [self.back_stats(), self.server_stats()].into_iter().flatten() {
            s.connects.add(1);
        }
        state.count_use();
        let to = server_address(s, &state.address(), self.session.destination_if(s));
        let mut options = self.connect_options(&s.connect);
        if namespace.is_some() {
            options.namespace = namespace;
        }
        let socks4 = s.wire.as_ref().and_then(|w| w.socks4.as_ref());
        let timeout = self.timeout_connect.unwrap_or(proxy.timeouts.connect);
        self.establish(socks4.unwrap_or(&to), &options, timeout).await?;
        if socks4.is_some() {
            Box::pin(self.ask_socks4(&to)).await?;
        }
        if let Some(conn) = self.server_conn.as_ref().filter(|_| proxy.model.options.nolinger) {
            conn.reset_on_close();
        }
        self.generation = generation;
        self.uses = 1;
        if s.send_proxy != 0 {
            self.announce(s.send_proxy, s.wire.as_deref()).await?;
        }
        Ok(())
    }

    fn take_own(&mut self, backend: ProxyId, server: usize, generation: u32) -> bool {
        let Some(mut own) = self.session.own.take() else { return false };
        if own.backend != backend
            || own.server != server
            || own.generation != generation
            || own.name != self.conn_name
            || own.conn.quiet() != Quiet::Yes
        {
            return false;
        }
        self.server_conn = Some(own.conn);
        self.generation = generation;
        self.uses = own.uses + 1;
        self.mark_reused();
        true
    }

    pub(crate) fn mark_reused(&mut self) {
        self.reused = true;
        if let Some(server) = self.server {
            self.backend_or_front().state.servers.get(server).inspect(|s| s.count_use());
        }
        for s in [self.back_stats(), self.server_stats()].into_iter().flatten() {
            s.reuses.add(1);
        }
    }

    pub(crate) fn connect_options(&self, o: &ConnectOptions) -> ConnectOptions {
        let (mark, tos) = self.server_marks;
        ConnectOptions { mark, tos, ..o.clone() }
    }

    pub(crate) async fn establish(
        &mut self,
        to: &SocketAddress,
        options: &ConnectOptions,
        timeout: Timeout,
    ) -> Result<(), Failure> {
        let connecting = match rha_net::connect(to, options) {
            Ok(c) => c,
            Err(e) if rha_net::is_exhaustion(&e) => return Err(Failure::Resource),
            Err(_) => return Err(Failure::Refused),
        };
        let now = self.session.worker.clock.now().tick();
        self.session.set_deadline(timeout.from(now));
        let watch = self.watches_client();
        let r = poll_fn(|cx| {
            match connecting.poll(cx) {
                Poll::Ready(Ok(())) => return Poll::Ready(Ok(())),
                Poll::Ready(Err(_)) => return Poll::Ready(Err(Failure::Refused)),
                Poll::Pending => {}
            }
            if let Some(why) = self.evicted() {
                return Poll::Ready(Err(Failure::Evicted(why)));
            }
            if self.session.poll_deadline(cx).is_ready() {
                return Poll::Ready(Err(Failure::ConnectTimeout));
            }
            if watch && self.session.conn.poll_gone(cx).is_ready() {
                return Poll::Ready(Err(Failure::ClientGone(Phase::Connect)));
            }
            Poll::Pending
        })
        .await;
        r.map(|()| self.server_conn = Some(connecting.into_conn()))
    }

    /// `send-proxy`, `send-proxy-v2`: the first bytes of a new connection.
    async fn announce(&mut self, version: u8, wire: Option<&Wire>) -> Result<(), Failure> {
        let header = self.header_for(version, wire);
        self.say(&header).await
    }

    /// Sends the first bytes of a new connection.
    async fn say(&mut self, header: &[u8]) -> Result<(), Failure> {
        let Some(conn) = self.server_conn.as_mut() else { return Ok(()) };
        let mut rest: &[u8] = header;
        while !rest.is_empty() {
            match poll_fn(|cx| conn.poll_write(cx, rest)).await {
                Ok(n) => rest = rest.get(n..).unwrap_or_default(),
                Err(_) => return Err(Failure::Refused),
            }
        }
        Ok(())
    }

    /// Has the SOCKS4 proxy connect to the server, within the time for connecting.
    async fn ask_socks4(&mut self, to: &SocketAddress) -> Result<(), Failure> {
        let Some(to) = to.ip() else { return Err(Failure::Refused) };
        self.say(&wire::socks4_request(to)).await?;
        let mut answer = [0; wire::SOCKS4_ANSWER];
        let mut have = 0;
        while let Some(rest) = answer.get_mut(have..).filter(|r| !r.is_empty()) {
            let read = poll_fn(|cx| {
                let Some(conn) = self.server_conn.as_mut() else { return Poll::Ready(Ok(0)) };
                if let Poll::Ready(r) = conn.poll_read(cx, rest) {
                    return Poll::Ready(r.map_err(|_| Failure::Refused));
                }
                self.session.poll_deadline(cx).map(|TimedOut| Err(Failure::ConnectTimeout))
            })
            .await?;
            if read == 0 && have > 0 {
                // COMPAT: an answer that is cut off is waited for (`binds/socks4-cut`).
                poll_fn(|cx| self.session.poll_deadline(cx)).await;
                return Err(Failure::ConnectTimeout);
            }
            if read == 0 {
                return Err(Failure::Refused);
            }
            have += read;
        }
        if wire::socks4_granted(&answer) { Ok(()) } else { Err(Failure::Refused) }
    }

    /// What tells idle connections apart: `pool-conn-name`, and what a PROXY header told of the request it was made
    /// for; 0 without.
    fn name_of(&self, wire: Option<&Wire>) -> u64 {
        let Some(wire) = wire else { return 0 };
        let named = wire.pool_name.as_ref().and_then(|expr| expr.text(self));
        let mut text = named.map_or_else(Vec::new, |t| t.to_vec());
        self.write_asked_fields(wire, &mut text);
        if text.is_empty() { 0 } else { xxhash_rust::xxh64::xxh64(&text, 0) | 1 }
    }

    /// `namespace *`: the client's.
    fn namespace_of(&self, wire: Option<&Wire>) -> Option<rha_net::NetNamespace> {
        wire.filter(|w| w.namespace_of_client).and_then(|_| self.client_namespace().cloned())
    }

    /// Puts the server connection where its next user finds it, or closes it.
    pub(crate) fn keep_server_connection(&mut self, private: bool) {
        if self.server.is_none() {
            return self.keep_direct_connection();
        }
        let (Some(conn), Some(backend), Some(server)) = (self.server_conn.take(), self.backend, self.server)
        else {
            return;
        };
        let plan = self.session.plan.clone();
        let proxy = &plan.proxies[backend.0 as usize];
        let (Some(s), Some(state)) = (proxy.server(server), proxy.state.servers.get(server)) else { return };
        let roams = s.wire.as_ref().is_some_and(|w| w.namespace_of_client);
        let marked = self.server_marks != (None, None) || roams;
        if marked || self.generation != state.generation() || state.operation() == Operation::Stopped {
            return;
        }
        if s.max_reuse >= 0 && i64::from(self.uses) > i64::from(s.max_reuse) {
            return;
        }
        let shared = proxy.reuse != HttpReuse::Never && !private && s.send_proxy == 0 && !s.client_address;
        let shared = shared && self.session.worker.is_current(&plan);
        let idle = state.idle.load(std::sync::atomic::Ordering::Relaxed);
        if shared {
            if s.pool_max_conn >= 0 && i64::from(idle) >= i64::from(s.pool_max_conn) {
                return;
            }
            let first = self.session.worker.lacks_idle(backend, server, self.uses > 1);
            if !first && !state.wants_idle(s.pool_low_conn) {
                return;
            }
            state.idle.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            let since = self.now().tick();
            let (name, generation, uses) = (self.conn_name, self.generation, self.uses);
            let idle = crate::worker::Idle { conn, since, name, generation, uses };
            self.session.worker.give_idle(backend, server, idle);
        } else {
            let (name, generation, uses) = (self.conn_name, self.generation, self.uses);
            self.session.own =
                Some(Box::new(crate::session::Owned { backend, server, conn, name, generation, uses }));
        }
    }

    /// The server that the cookie of a remote desktop client names by its address. HAProxy 3.0 configuration manual
    /// §4.2 "persist rdp-cookie".
    pub(crate) fn rdp_server(&self) -> Option<usize> {
        let backend = self.backend_or_front();
        let name = backend.model.persist_rdp_cookie.as_ref()?;
        let value = rha_sample::rdp_cookie_value(&self.tcp_buffer, name)?;
        let mut words = std::str::from_utf8(value).ok()?.split('.');
        // The address and the port are numbers in the order of their bytes on the wire.
        let ip = Ipv4Addr::from(words.next()?.parse::<u32>().ok()?.to_le_bytes());
        let port = words.next()?.parse::<u32>().ok()? as u16;
        words.next()?;
        let to = SocketAddr::from((ip, u16::from_be_bytes(port.to_le_bytes())));
        let down_too = backend.model.options.persist;
        backend
            .state
            .servers
            .iter()
            .position(|s| s.address().ip() == Some(to) && (down_too || s.operation() != Operation::Stopped))
    }

    /// The hash of the balancing key, if the backend wants one and the stream has it.
    fn hash_key(&self, backend: ProxyId) -> Option<u32> {
        use rha_base::Message as _;
        let proxy = self.session.plan.proxy(backend)?;
        let key = proxy.key.as_ref()?;
        if !proxy.algorithm.wants_key() {
            return None;
        }
        let request = self.parts.request.is_complete().then_some(&self.parts.request);
        match &key.key {
            BalanceKey::Source => self.session.source.map(|a| key.hash.source(a.ip())),
            BalanceKey::Uri { len, depth, whole, path_only } => {
                let cut = rha_balance::key::UriCut {
                    len: *len,
                    depth: *depth,
                    whole: *whole,
                    path_only: *path_only,
                };
                let r = request?;
                Some(key.hash.uri(r.head.target(&r.buf), cut))
            }
            BalanceKey::UrlParam { name, check_post } => {
                let r = request?;
                let found = key.hash.url_param(r.head.target(&r.buf), name);
                found.or_else(|| check_post.and_then(|_| key.hash.body_param(r.body(), name)))
            }
            BalanceKey::Header { name, domain_only } => {
                let r = request?;
                let (_, value) = r.head.find(&r.buf, name).next()?;
                key.hash.header(value, *domain_only)
            }
            BalanceKey::Sample(_) => {
                let e = proxy.rules.key.as_ref()?;
                let text = e.text(self)?;
                Some(key.hash.bytes(&text))
            }
            BalanceKey::RdpCookie(name) => {
                key.hash.rdp_cookie(rha_sample::rdp_cookie_value(&self.tcp_buffer, name)?)
            }
        }
    }
}
