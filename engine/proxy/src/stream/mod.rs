//! One request, or one TCP connection: what is known of it, from its first byte to its log line.

pub(crate) mod scene;

use rha_base::{CookieMark, Ending, Now, ProxyId, Value};
use rha_net::Conn;

use crate::eviction::{Eviction, Tenancy};
use crate::http::message::{Reply, RequestMessage, ResponseMessage};
use crate::plan::{ProxyPlan, Timeout};
use crate::session::Session;
use crate::stats::Side;

/// The parts of a stream that own memory; pooled, so that a request allocates nothing.
#[derive(Debug, Default)]
pub(crate) struct Parts {
    pub request: RequestMessage,
    pub response: ResponseMessage,
    /// Bytes about to be sent.
    pub out: Vec<u8>,
    /// Values of formats, decoded chunks.
    pub text: Vec<u8>,
    /// Request line as it arrived.
    pub line: Vec<u8>,
    /// Lengths of method and target in `line`.
    pub line_parts: (usize, usize),
    /// `txn.`, `req.`, `res.` variables.
    pub variables: [Vec<Option<Value<'static>>>; 3],
    /// What an expression set while it ran.
    pub pending: std::cell::RefCell<Vec<Pending>>,
    /// `proc.` variables as they were when first asked for.
    pub process: std::cell::OnceCell<crate::plan::process_variables::Copied>,
    /// Captured request and response headers by slot.
    pub captures: [Vec<Option<Vec<u8>>>; 2],
    /// Captured cookies (`%CC`, `%CS`).
    pub cookies: [Option<Vec<u8>>; 2],
    /// `unique-id-format`, made when first asked for.
    pub unique_id: std::cell::OnceCell<Vec<u8>>,
    /// What a server has said before `tcp-response` rules decided.
    pub answer: Vec<u8>,
    /// A reply that rules chose.
    pub reply: Reply,
    /// Fields of a 103 about to be sent.
    pub hints: Vec<u8>,
    /// What others may see of the stream.
    pub card: std::rc::Rc<crate::roster::Card>,
}

impl Parts {
    /// Makes it ready for the next stream; storage stays.
    pub(crate) fn clear(&mut self) {
        self.request.clear();
        self.response.clear();
        self.out.clear();
        self.text.clear();
        self.line.clear();
        self.line_parts = (0, 0);
        for v in &mut self.variables {
            v.clear();
        }
        self.pending.get_mut().clear();
        self.process.take();
        for c in &mut self.captures {
            c.clear();
        }
        self.cookies = [None, None];
        self.unique_id.take();
        self.answer.clear();
        self.reply.clear();
        self.hints.clear();
        self.card.clear();
    }
}

/// What an expression has set, to be seen by the next one.
#[derive(Debug)]
pub(crate) enum Pending {
    Variable(rha_base::VarSlot, Option<Value<'static>>),
    Capture { response: bool, slot: usize, text: Vec<u8> },
}

/// Moments of a stream, microseconds of the monotonic clock; 0 is "not reached".
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Moments {
    /// The session was free for this request.
    pub idle_from: u64,
    /// First byte of the request.
    pub begun: u64,
    /// Head complete.
    pub request: u64,
    /// Left the queue, or needed none.
    pub queued: u64,
    /// Server connection stands.
    pub connected: u64,
    /// Response head complete.
    pub response: u64,
    /// All data through.
    pub done: u64,
    /// Date of the first byte.
    pub begun_wall: i64,
}

/// A stream.
pub(crate) struct Stream {
    /// Boxed, so that passing it from stage to stage moves a pointer.
    pub session: Box<Session>,
    pub parts: Box<Parts>,
    pub server_conn: Option<Conn>,
    pub generation: u32,
    /// Requests the server connection has carried, this one included.
    pub uses: u32,
    /// What the server connection is called among idle ones (`pool-conn-name`), 0 without.
    pub conn_name: u64,
    pub backend: Option<ProxyId>,
    /// The backend's stream gauge was counted up for this stream.
    pub in_backend: bool,
    pub server: Option<usize>,
    /// What would end the stream together with all others of its server.
    pub tenancy: Option<Tenancy>,
    /// Whether a slot of the server is held.
    pub slot: bool,
    pub at: Moments,
    pub ending: Ending,
    pub cookie: CookieMark,
    pub status: u16,
    /// What the server said, before rules.
    pub server_status: u16,
    pub bytes_in: u64,
    pub bytes_out: u64,
    /// No request was understood: what came is logged, but not counted.
    pub malformed: bool,
    pub retries: u32,
    /// The server that a retry of the whole exchange goes away from.
    pub previous: Option<usize>,
    pub redispatched: bool,
    /// Requests ahead in the server's and backend's queue.
    pub ahead: (u32, u32),
    /// `set-log-level`; 8 is silent.
    pub log_level: Option<u8>,
    pub reused: bool,
    pub request_may_grow: bool,
    /// What has come in TCP mode is no HTTP request.
    pub not_http: bool,
    pub response_may_grow: bool,
    /// `set-timeout server|tunnel|client`.
    pub timeout_server: Option<Timeout>,
    pub timeout_tunnel: Option<Timeout>,
    pub timeout_client: Option<Timeout>,
    /// `set-timeout connect|queue|tarpit`, `set-retries`.
    pub timeout_connect: Option<Timeout>,
    pub timeout_queue: Option<Timeout>,
    pub timeout_tarpit: Option<Timeout>,
    pub max_retries: Option<u32>,
    /// Where to connect instead of the server's address (`set-dst`).
    pub logged: bool,
    /// Bytes of a head that arrived before TCP content rules decided.
    pub tcp_buffer: Vec<u8>,
    pub number: u64,
    /// The server connection may serve another request, as far as the request goes.
    pub server_keep: bool,
    /// The server stopped taking the request.
    pub upload_failed: bool,
    /// The response was over before the request.
    pub cut_short: bool,
    pub no_l7_retry: bool,
    /// It began as a TCP stream: its request is the one after which the connection speaks HTTP.
    pub taken_over: bool,
    /// Who sent the request left before it was complete, which it had to be.
    pub abandoned: bool,
    /// A page of the proxy itself answers.
    pub own_page: bool,
    /// `strict-mode off`, as far as the rule set that runs goes.
    pub lenient: bool,
    /// `set-priority-class`, `set-priority-offset`.
    pub priority: (i16, i32),
    /// `set-bc-mark`, `set-bc-tos`.
    pub server_marks: (Option<u32>, Option<u8>),
    /// The whole response has gone out.
    pub down_done: bool,
    /// The session's source and destination, while rules have given this stream others.
    pub moved_from: Option<[Option<std::net::SocketAddr>; 2]>,
    /// When the client's persistence cookie was last and first seen, seconds since 1970; 0 is unknown.
    pub cookie_dates: (i64, i64),
    /// What the persistence cookie of the request came to.
    pub bound: crate::http::cookie::Bound,
}

impl Stream {
    pub(crate) fn new(session: Box<Session>) -> Stream {
        let parts = session.worker.take_parts();
        let now = session.now();
        Stream {
            parts,
            server_conn: None,
            generation: 0,
            uses: 0,
            conn_name: 0,
            backend: None,
            in_backend: false,
            server: None,
            tenancy: None,
            slot: false,
            at: Moments {
                idle_from: now.mono_us,
                begun: now.mono_us,
                begun_wall: now.wall_us,
                ..Moments::default()
            },
            ending: Ending::default(),
            cookie: CookieMark::default(),
            status: 0,
            server_status: 0,
            bytes_in: 0,
            bytes_out: 0,
            malformed: false,
            retries: 0,
            previous: None,
            redispatched: false,
            ahead: (0, 0),
            log_level: None,
            reused: false,
            request_may_grow: true,
            not_http: false,
            response_may_grow: true,
            timeout_server: None,
            timeout_tunnel: None,
            timeout_client: None,
            timeout_connect: None,
            timeout_queue: None,
            timeout_tarpit: None,
            max_retries: None,
            logged: false,
            tcp_buffer: Vec::new(),
            number: 0,
            server_keep: true,
            upload_failed: false,
            cut_short: false,
            no_l7_retry: false,
            taken_over: false,
            abandoned: false,
            own_page: false,
            lenient: false,
            priority: (0, 0),
            server_marks: (None, None),
            down_done: false,
            moved_from: None,
            cookie_dates: (0, 0),
            bound: crate::http::cookie::Bound::No,
            session,
        }
    }

    /// Gives the session back; everything else goes to its pools.
    pub(crate) fn into_session(mut self) -> Box<Session> {
        self.leave_backend();
        let Stream { mut session, parts, moved_from, .. } = self;
        if let Some([source, destination]) = moved_from {
            session.source = source;
            if let Some(d) = destination {
                session.set_destination(d);
            }
        }
        session.worker.give_parts(parts);
        session
    }

    pub(crate) fn now(&self) -> Now {
        self.session.now()
    }

    pub(crate) fn frontend(&self) -> &ProxyPlan {
        self.session.frontend()
    }

    /// The backend, the frontend while there is none.
    pub(crate) fn backend_or_front(&self) -> &ProxyPlan {
        let id = self.backend.unwrap_or(self.session.front);
        &self.session.plan.proxies[id.0 as usize]
    }

    /// The stream has become one that is shown and may be ended from outside.
    pub(crate) fn enrol(&self) {
        self.parts.card.fill(self.number, &self.session, self.at.begun, self.at.begun_wall);
    }

    /// Whether an operator wants this stream to end.
    pub(crate) fn is_killed(&self) -> bool {
        self.session.worker.roster.is_killed(self.session.timer)
    }

    /// Whether the stream is to end with all others of its server.
    pub(crate) fn evicted(&mut self) -> Option<Eviction> {
        self.tenancy.as_mut()?.ended(&self.session)
    }

    /// Whether requests are what it carries, be it only since `switch-mode` or the choice of an HTTP backend.
    pub(crate) fn speaks_http(&self) -> bool {
        self.session.upgraded || self.frontend().mode == rha_ir::Mode::Http
    }

    /// Its number among all streams; it keeps the first that it was given.
    pub(crate) fn take_number(&mut self) {
        if self.number == 0 {
            let all = &self.session.worker.shared.requests;
            self.number = all.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1;
        }
    }

    /// Retries in effect.
    pub(crate) fn retries_allowed(&self) -> u32 {
        self.max_retries.unwrap_or(self.backend_or_front().retries)
    }

    pub(crate) fn back_stats(&self) -> Option<&Side> {
        self.session.stats(self.backend?).map(|p| &p.back)
    }

    pub(crate) fn server_stats(&self) -> Option<&Side> {
        self.session.stats(self.backend?)?.servers.get(self.server?)
    }

    /// Enters a backend: counted until the stream ends.
    pub(crate) fn enter_backend(&mut self, id: ProxyId) {
        let before = self.backend.replace(id);
        self.parts.card.backend.set(Some(id));
        // COMPAT: what a frontend set for the side of servers is forgotten with the choice of another
        // backend. DIFFERS: earlier versions are taken to keep it.
        let switched = before != Some(id) && id != self.session.front;
        if switched && self.session.plan.dialect >= rha_vocab::Dialect::V3_5 {
            self.timeout_server = None;
            self.timeout_tunnel = None;
            self.timeout_connect = None;
            self.timeout_queue = None;
            self.max_retries = None;
        }
        if self.in_backend {
            return;
        }
        self.in_backend = true;
        let plan = &self.session.plan.proxies[id.0 as usize];
        plan.state.back.up();
        let now_s = self.now().mono_us / 1_000_000;
        if let Some(b) = self.back_stats() {
            b.sessions.add(1);
            b.sess_rate.hit(now_s);
        }
    }

    /// Gives back slot and place in the backend's gauge.
    pub(crate) fn leave_backend(&mut self) {
        self.release_slot();
        if std::mem::take(&mut self.in_backend) {
            self.backend_or_front().state.back.down();
        }
    }

    /// Gives the server's slot back, which may let a waiting request in.
    pub(crate) fn release_slot(&mut self) {
        if let (true, Some(s)) = (std::mem::take(&mut self.slot), self.server) {
            self.backend_or_front().state.release(s);
        }
    }

    /// Adds what went through to the counters; the fields start again from what was counted.
    pub(crate) fn count_bytes(&self) {
        // COMPAT: a request that is none has no size (`admin/columns-csv`).
        let i = if self.malformed { 0 } else { self.bytes_in };
        let o = self.bytes_out;
        let sides =
            [self.session.front_stats(), self.back_stats(), self.server_stats(), self.listener_stats()];
        for s in sides.into_iter().flatten() {
            s.bytes_in.add(i);
            s.bytes_out.add(o);
        }
    }

    pub(crate) fn listener_stats(&self) -> Option<&Side> {
        self.session.stats(self.session.front)?.listeners.get(self.session.listener as usize)
    }

    /// Counts times of a stream that had a server. HAProxy 3.0 management guide §9.1, `qtime` and on.
    pub(crate) fn count_times(&self) {
        let ms = |a: u64, b: u64| if a == 0 || b == 0 { 0 } else { b.saturating_sub(a) / 1000 };
        let t = &self.at;
        let end = if t.done == 0 { self.now().mono_us } else { t.done };
        let all = [
            ms(t.request, t.queued),
            ms(t.queued, t.connected),
            ms(t.connected, t.response),
            ms(t.begun, end),
        ];
        for s in [self.back_stats(), self.server_stats()].into_iter().flatten() {
            s.timed.add(1);
            s.qtime.add(all[0]);
            s.ctime.add(all[1]);
            s.rtime.add(all[2]);
            s.ttime.add(all[3]);
            s.qtime_max.raise(all[0]);
            s.ctime_max.raise(all[1]);
            s.rtime_max.raise(all[2]);
            s.ttime_max.raise(all[3]);
        }
    }
}
