//! The columns of `show stat`: one row each, in the order of HAProxy 3.0 and 2.6.
//!
//! Management guide §9.1. The four tag letters are origin, nature, scope, persistence; the typed form
//! prints the first three. Columns of 3.5 stand behind their lifetime.

use rha_vocab::{Dialect, Lifetime};

use crate::view::{Back, Counts, Front, Listener, Proxy, Server};

impl Column {
    /// The three letters of the typed form. COMPAT: some differ for a backend.
    #[must_use]
    pub fn tags_for(&self, o: Object<'_>, d: Dialect) -> &'static str {
        match (self.name, o) {
            ("act" | "bck" | "rate_max", Object::Back(..)) => "MGP",
            ("rate", Object::Back(..)) if d < Dialect::V3_0 => "MGP",
            _ => self.tags,
        }
    }

    /// Its value. COMPAT: a listener's connections have a column of theirs since 3.0.
    #[must_use]
    pub fn cell(&self, o: Object<'_>, d: Dialect) -> Option<Cell> {
        if matches!(o, Object::Listener(..)) && self.name == "conn_tot" && d >= Dialect::V3_0 {
            return u64c(o.counts().stot);
        }
        (self.value)(o)
    }
}

/// The object a line is about.
#[derive(Debug, Clone, Copy)]
pub enum Object<'a> {
    /// `FRONTEND`.
    Front(&'a Proxy, &'a Front),
    /// A listener.
    Listener(&'a Proxy, &'a Listener),
    /// A server.
    Server(&'a Proxy, &'a Back, &'a Server),
    /// `BACKEND`.
    Back(&'a Proxy, &'a Back),
}

/// A field's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell {
    /// `u32`.
    U32(u64),
    /// `s32`.
    S32(i64),
    /// `u64`.
    U64(u64),
    /// `str`.
    Str(String),
}

/// One column.
pub struct Column {
    /// Name.
    pub name: &'static str,
    /// Origin, nature, scope letters.
    pub tags: &'static str,
    /// Versions that have it.
    pub lifetime: Lifetime,
    /// Its value for an object.
    pub value: fn(Object<'_>) -> Option<Cell>,
}

impl<'a> Object<'a> {
    /// Its counters.
    #[must_use]
    pub fn counts(self) -> &'a Counts {
        match self {
            Object::Front(_, f) => &f.counts,
            Object::Listener(_, l) => &l.counts,
            Object::Server(_, _, s) => &s.counts,
            Object::Back(_, b) => &b.counts,
        }
    }

    /// Its proxy.
    #[must_use]
    pub fn proxy(self) -> &'a Proxy {
        match self {
            Object::Front(p, _) | Object::Listener(p, _) | Object::Server(p, _, _) | Object::Back(p, _) => p,
        }
    }

    /// Type number, and the letter of the typed form.
    #[must_use]
    pub fn kind(self) -> (u64, char) {
        match self {
            Object::Front(..) => (0, 'F'),
            Object::Back(..) => (1, 'B'),
            Object::Server(..) => (2, 'S'),
            Object::Listener(..) => (3, 'L'),
        }
    }

    /// Id within the proxy.
    #[must_use]
    pub fn sid(self) -> u32 {
        match self {
            Object::Listener(_, l) => l.sid,
            Object::Server(_, _, s) => s.sid,
            _ => 0,
        }
    }

    fn sessions(self) -> (u64, u64) {
        match self {
            Object::Front(_, f) => f.sessions,
            Object::Listener(_, l) => l.sessions,
            Object::Server(_, _, s) => s.sessions,
            Object::Back(_, b) => b.sessions,
        }
    }

    fn is_front(self) -> bool {
        matches!(self, Object::Front(..) | Object::Listener(..))
    }

    fn is_http(self) -> bool {
        self.proxy().mode == "http"
    }

    fn server(self) -> Option<&'a Server> {
        if let Object::Server(_, _, s) = self { Some(s) } else { None }
    }

    fn checked(self) -> Option<&'a Server> {
        self.server().filter(|s| s.checked)
    }
}

fn u32c(n: impl Into<u64>) -> Option<Cell> {
    Some(Cell::U32(n.into()))
}

fn u64c(n: u64) -> Option<Cell> {
    Some(Cell::U64(n))
}

fn text(s: impl Into<String>) -> Option<Cell> {
    Some(Cell::Str(s.into()))
}

/// Active and backup servers of a backend that are usable.
fn usable(b: &Back, backup: bool) -> u64 {
    b.servers.iter().filter(|s| s.usable && s.backup == backup).count() as u64
}

/// Weight of a backend: of its usable active servers, or else of the backups in use.
fn backend_weight(b: &Back, of: fn(&Server) -> u32) -> u64 {
    let sum = |backup| -> u64 {
        b.servers.iter().filter(|s| s.usable && s.backup == backup).map(|s| u64::from(of(s))).sum()
    };
    if usable(b, false) > 0 { sum(false) } else { sum(true) }
}

/// Counter shown for servers and backends only.
fn back_only(o: Object<'_>, of: fn(&Counts) -> u64) -> Option<Cell> {
    if o.is_front() { None } else { u64c(of(o.counts())) }
}

/// Counter shown for the frontend only.
fn front_only(o: Object<'_>, of: fn(&Counts) -> u64) -> Option<Cell> {
    if matches!(o, Object::Front(..)) { u64c(of(o.counts())) } else { None }
}

/// Counter of HTTP frontends, servers and backends.
fn http(o: Object<'_>, of: fn(&Counts) -> u64) -> Option<Cell> {
    if o.is_http() && !matches!(o, Object::Listener(..)) { u64c(of(o.counts())) } else { None }
}

/// A feature not built: its counters are zero where the original shows them.
fn zero_sides(o: Object<'_>) -> Option<Cell> {
    matches!(o, Object::Front(..) | Object::Back(..)).then_some(Cell::U64(0))
}

fn zero_all(o: Object<'_>) -> Option<Cell> {
    let _ = o;
    u64c(0)
}

fn agent(o: Object<'_>) -> Option<&crate::view::Agent> {
    o.server()?.agent.as_ref()
}

macro_rules! col {
    ($name:literal, $tags:literal, $value:expr) => {
        Column { name: $name, tags: $tags, lifetime: Lifetime::ALWAYS, value: $value }
    };
}

/// Columns before the separator.
pub const COLUMNS: &[Column] = &[
    col!("pxname", "KNS", |o| text(o.proxy().name.clone())),
    col!("svname", "KNS", |o| match o {
        Object::Front(..) => text("FRONTEND"),
        Object::Back(..) => text("BACKEND"),
        Object::Listener(_, l) => text(l.name.clone()),
        Object::Server(_, _, s) => text(s.name.clone()),
    }),
    col!("qcur", "MGP", |o| match o {
        Object::Server(_, _, s) => u32c(s.queue.0),
        Object::Back(_, b) => u32c(b.queue.0),
        _ => None,
    }),
    col!("qmax", "MMP", |o| match o {
        Object::Server(_, _, s) => u32c(s.queue.1),
        Object::Back(_, b) => u32c(b.queue.1),
        _ => None,
    }),
    col!("scur", "MGP", |o| u32c(o.sessions().0)),
    col!("smax", "MMP", |o| u32c(o.sessions().1)),
    col!("slim", "CLP", |o| match o {
        Object::Front(_, f) => u32c(f.limit),
        Object::Listener(_, l) => u32c(l.limit),
        Object::Server(_, _, s) => (s.maxconn > 0).then_some(Cell::U32(s.maxconn)),
        Object::Back(_, b) => u32c(b.limit),
    }),
    col!("stot", "MCP", |o| u64c(o.counts().stot)),
    col!("bin", "MCP", |o| u64c(o.counts().bin)),
    col!("bout", "MCP", |o| u64c(o.counts().bout)),
    col!("dreq", "MCP", |o| if o.server().is_some() { None } else { u64c(o.counts().dreq) }),
    col!("dresp", "MCP", |o| u64c(o.counts().dresp)),
    col!("ereq", "MCP", |o| if o.is_front() { u64c(o.counts().ereq) } else { None }),
    col!("econ", "MCP", |o| back_only(o, |c| c.econ)),
    col!("eresp", "MCP", |o| back_only(o, |c| c.eresp)),
    col!("wretr", "MCP", |o| back_only(o, |c| c.wretr)),
    col!("wredis", "MCP", |o| back_only(o, |c| c.wredis)),
    col!("status", "SGP", |o| match o {
        Object::Front(_, f) => text(f.status),
        Object::Listener(..) => text("OPEN"),
        Object::Server(_, _, s) => text(s.status.clone()),
        Object::Back(_, b) => text(if b.is_up { "UP" } else { "DOWN" }),
    }),
    col!("weight", "MaP", |o| match o {
        Object::Server(_, _, s) => u32c(s.weights.0),
        Object::Back(_, b) => u32c(backend_weight(b, |s| s.weights.0)),
        _ => None,
    }),
    col!("act", "SGP", |o| match o {
        Object::Server(_, _, s) => u32c(u64::from(!s.backup)),
        Object::Back(_, b) => u32c(usable(b, false)),
        _ => None,
    }),
    col!("bck", "SGP", |o| match o {
        Object::Server(_, _, s) => u32c(u64::from(s.backup)),
        Object::Back(_, b) => u32c(usable(b, true)),
        _ => None,
    }),
    col!("chkfail", "MCP", |o| o.checked().map(|s| Cell::U64(s.failures.0))),
    col!("chkdown", "MCP", |o| match o {
        Object::Back(_, b) => u64c(b.downs),
        _ => o.checked().map(|s| Cell::U64(s.failures.1)),
    }),
    col!("lastchg", "MAP", |o| match o {
        Object::Server(_, _, s) => u32c(s.changed_s),
        Object::Back(_, b) => u32c(b.changed_s),
        _ => None,
    }),
    col!("downtime", "MCP", |o| match o {
        Object::Back(_, b) if !b.servers.is_empty() => u32c(b.downtime_s),
        _ => o.checked().map(|s| Cell::U32(s.downtime_s)),
    }),
    col!("qlimit", "CGS", |o| o.server().filter(|s| s.maxqueue > 0).map(|s| Cell::U32(s.maxqueue))),
    col!("pid", "KGP", |_| u32c(1u64)),
    col!("iid", "KGS", |o| u32c(o.proxy().iid)),
    col!("sid", "KGS", |o| u32c(o.sid())),
    col!("throttle", "MPP", |o| o.server().and_then(|s| s.throttle).map(|t| Cell::U32(t.into()))),
    col!("lbtot", "MCP", |o| back_only(o, |c| c.lbtot)),
    col!("tracked", "CNS", |o| o.server().and_then(|s| s.tracked.clone()).map(Cell::Str)),
    col!("type", "CGS", |o| u32c(o.kind().0)),
    col!("rate", "MRP", |o| if matches!(o, Object::Listener(..)) { None } else { u32c(o.counts().rate.0) }),
    col!("rate_lim", "CLP", |o| if let Object::Front(_, f) = o { u32c(f.rate_limit) } else { None }),
    col!("rate_max", "MMP", |o| if matches!(o, Object::Listener(..)) {
        None
    } else {
        u32c(o.counts().rate.1)
    }),
    col!("check_status", "MOP", |o| o.checked().map(|s| Cell::Str(s.check.status.clone()))),
    col!("check_code", "MOP", |o| o.checked().and_then(|s| s.check.code).map(|c| Cell::U32(c.into()))),
    col!("check_duration", "MDP", |o| o.checked().and_then(|s| s.check.duration_ms).map(Cell::U64)),
    col!("hrsp_1xx", "MCP", |o| http(o, |c| c.hrsp[0])),
    col!("hrsp_2xx", "MCP", |o| http(o, |c| c.hrsp[1])),
    col!("hrsp_3xx", "MCP", |o| http(o, |c| c.hrsp[2])),
    col!("hrsp_4xx", "MCP", |o| http(o, |c| c.hrsp[3])),
    col!("hrsp_5xx", "MCP", |o| http(o, |c| c.hrsp[4])),
    col!("hrsp_other", "MCP", |o| http(o, |c| c.hrsp[5])),
    col!("hanafail", "MCP", |o| o
        .checked()
        .filter(|s| s.observed_failures > 0)
        .map(|s| Cell::U64(s.observed_failures))),
    col!("req_rate", "MRP", |o| {
        if matches!(o, Object::Front(..)) { u32c(o.counts().req_rate.0) } else { None }
    }),
    col!("req_rate_max", "MMP", |o| {
        if matches!(o, Object::Front(..)) { u32c(o.counts().req_rate.1) } else { None }
    }),
    // COMPAT: a TCP frontend has the column too, at zero.
    col!("req_tot", "MCP", |o| http(o, |c| c.req_tot).or_else(|| front_only(o, |c| c.req_tot))),
    col!("cli_abrt", "MCP", |o| back_only(o, |c| c.cli_abrt)),
    col!("srv_abrt", "MCP", |o| back_only(o, |c| c.srv_abrt)),
    col!("comp_in", "MCP", zero_sides),
    col!("comp_out", "MCP", zero_sides),
    col!("comp_byp", "MCP", zero_sides),
    col!("comp_rsp", "MCP", zero_sides),
    col!("lastsess", "MAP", |o| {
        if o.is_front() {
            return None;
        }
        let s = o.counts().lastsess.map_or(-1, |s| i64::try_from(s).unwrap_or(i64::MAX));
        Some(Cell::S32(s))
    }),
    col!("last_chk", "MOP", |o| o.checked().map(|s| Cell::Str(s.check.text.clone()))),
    col!("last_agt", "MOP", |o| agent(o).map(|a| Cell::Str(a.last.text.clone()))),
    col!("qtime", "MaP", |o| back_only(o, |c| c.times[0]).map(narrow)),
    col!("ctime", "MaP", |o| back_only(o, |c| c.times[1]).map(narrow)),
    col!("rtime", "MaP", |o| back_only(o, |c| c.times[2]).map(narrow)),
    col!("ttime", "MaP", |o| back_only(o, |c| c.times[3]).map(narrow)),
    col!("agent_status", "MOP", |o| agent(o).map(|a| Cell::Str(a.last.status.clone()))),
    col!("agent_code", "MOP", |o| agent(o).and_then(|a| a.last.code).map(|c| Cell::U32(c.into()))),
    col!("agent_duration", "MDP", |o| agent(o).and_then(|a| a.last.duration_ms).map(Cell::U64)),
    col!("check_desc", "MOP", |o| o.checked().map(|s| Cell::Str(s.check.description.clone()))),
    col!("agent_desc", "MOP", |o| agent(o).map(|a| Cell::Str(a.last.description.clone()))),
    col!("check_rise", "CGS", |o| o.checked().map(|s| Cell::U32(s.health.0.into()))),
    col!("check_fall", "CGS", |o| o.checked().map(|s| Cell::U32(s.health.1.into()))),
    col!("check_health", "CGS", |o| o.checked().map(|s| Cell::U32(s.health.2.into()))),
    col!("agent_rise", "CGS", |o| agent(o).map(|a| Cell::U32(a.health.0.into()))),
    col!("agent_fall", "CGS", |o| agent(o).map(|a| Cell::U32(a.health.1.into()))),
    col!("agent_health", "CGS", |o| agent(o).map(|a| Cell::U32(a.health.2.into()))),
    col!("addr", "CGS", |o| match o {
        Object::Server(_, _, s) => s.host.as_ref().map(|h| Cell::Str(join(h, s.port))),
        Object::Listener(_, l) if !l.address.is_empty() => text(l.address.clone()),
        _ => None,
    }),
    col!("cookie", "CNS", |o| match o {
        Object::Server(_, _, s) => s.cookie.clone().map(Cell::Str),
        Object::Back(_, b) => b.cookie.clone().map(Cell::Str),
        _ => None,
    }),
    col!("mode", "CGS", |o| text(o.proxy().mode)),
    col!("algo", "CGS", |o| match o {
        Object::Back(_, b) if !b.algorithm.is_empty() => text(b.algorithm),
        _ => None,
    }),
    col!("conn_rate", "MRP", |o| {
        if matches!(o, Object::Front(..)) { u32c(o.counts().conn_rate.0) } else { None }
    }),
    col!("conn_rate_max", "MMP", |o| {
        if matches!(o, Object::Front(..)) { u32c(o.counts().conn_rate.1) } else { None }
    }),
    col!("conn_tot", "MCP", |o| front_only(o, |c| c.conn_tot)),
    col!("intercepted", "MCP", |o| if o.is_http() { front_only(o, |c| c.intercepted) } else { None }),
    col!("dcon", "MCP", |o| if o.is_front() { u64c(o.counts().dcon) } else { None }),
    col!("dses", "MCP", |o| if o.is_front() { u64c(o.counts().dses) } else { None }),
    col!("wrew", "MCP", |o| u64c(o.counts().wrew)),
    col!("connect", "MCP", |o| back_only(o, |c| c.connect)),
    col!("reuse", "MCP", |o| back_only(o, |c| c.reuse)),
    col!("cache_lookups", "MCP", |o| if o.is_http() { zero_sides(o) } else { None }),
    col!("cache_hits", "MCP", |o| if o.is_http() { zero_sides(o) } else { None }),
    col!("srv_icur", "MGP", |o| o.server().map(|s| Cell::U32(s.idle))),
    col!("src_ilim", "CLP", |o| {
        o.server().filter(|s| s.idle_limit >= 0).map(|s| Cell::U32(u64::try_from(s.idle_limit).unwrap_or(0)))
    }),
    col!("qtime_max", "MMP", |o| back_only(o, |c| c.times_max[0]).map(narrow)),
    col!("ctime_max", "MMP", |o| back_only(o, |c| c.times_max[1]).map(narrow)),
    col!("rtime_max", "MMP", |o| back_only(o, |c| c.times_max[2]).map(narrow)),
    col!("ttime_max", "MMP", |o| back_only(o, |c| c.times_max[3]).map(narrow)),
    col!("eint", "MCP", |o| u64c(o.counts().eint)),
    col!("idle_conn_cur", "MGP", |o| o.server().map(|s| Cell::U32(s.idle.saturating_sub(s.safe)))),
    col!("safe_conn_cur", "MGP", |o| o.server().map(|s| Cell::U32(s.safe))),
    col!("used_conn_cur", "MGP", |o| o.server().map(|s| Cell::U32(s.sessions.0))),
    col!("need_conn_est", "MGP", |o| o.server().map(|s| Cell::U32(s.need))),
    col!("uweight", "MaP", |o| match o {
        Object::Server(_, _, s) => u32c(s.weights.1),
        Object::Back(_, b) => u32c(backend_weight(b, |s| s.weights.1)),
        _ => None,
    }),
    col!("agg_server_status", "MGP", |o| if matches!(o, Object::Back(..)) { u32c(0u64) } else { None }),
    col!("agg_server_check_status", "MGP", |o| if matches!(o, Object::Back(..)) { u32c(0u64) } else { None }),
    col!("agg_check_status", "MGP", |o| if matches!(o, Object::Back(..)) { u32c(0u64) } else { None }),
    Column {
        name: "srid",
        tags: "MCP",
        lifetime: Lifetime::since(3, 0),
        value: |o| o.server().map(|_| Cell::U32(0)),
    },
    Column {
        name: "sess_other",
        tags: "MCP",
        lifetime: Lifetime::since(3, 0),
        value: |o| if o.is_http() { front_only(o, |_| 0) } else { front_only(o, |c| c.stot) },
    },
    Column {
        name: "h1sess",
        tags: "MCP",
        lifetime: Lifetime::since(3, 0),
        value: |o| {
            if o.is_http() { front_only(o, |c| c.conn_tot) } else { front_only(o, |_| 0) }
        },
    },
    Column { name: "h2sess", tags: "MCP", lifetime: Lifetime::since(3, 0), value: |o| front_only(o, |_| 0) },
    Column { name: "h3sess", tags: "MCP", lifetime: Lifetime::since(3, 0), value: |o| front_only(o, |_| 0) },
    Column {
        name: "req_other",
        tags: "MCP",
        lifetime: Lifetime::since(3, 0),
        value: |o| front_only(o, |_| 0),
    },
    Column {
        name: "h1req",
        tags: "MCP",
        lifetime: Lifetime::since(3, 0),
        value: |o| {
            if o.is_http() { front_only(o, |c| c.req_tot) } else { front_only(o, |_| 0) }
        },
    },
    Column { name: "h2req", tags: "MCP", lifetime: Lifetime::since(3, 0), value: |o| front_only(o, |_| 0) },
    Column { name: "h3req", tags: "MCP", lifetime: Lifetime::since(3, 0), value: |o| front_only(o, |_| 0) },
    Column {
        name: "proto",
        tags: "SGP",
        lifetime: Lifetime::since(3, 0),
        value: |o| if let Object::Listener(_, l) = o { text(l.protocol) } else { None },
    },
];

/// A counter of QUIC and HTTP/3, whose listeners have counted nothing. COMPAT: the original has these where it was
/// built with QUIC, as Debian's 3.0 is.
macro_rules! quic {
    ($name:literal, $tags:literal) => {
        Column { name: $name, tags: $tags, lifetime: Lifetime::since(3, 0), value: |o| front_only(o, |_| 0) }
    };
}

/// Columns behind the `-` separator: those of protocol modules.
pub const MODULES: &[Column] = &[
    col!("ssl_sess", "MCP", zero_all),
    col!("ssl_reused_sess", "MCP", zero_all),
    col!("ssl_failed_handshake", "MCP", zero_all),
    quic!("h3_data", "MCP"),
    quic!("h3_headers", "MCP"),
    quic!("h3_cancel_push", "MCP"),
    quic!("h3_push_promise", "MCP"),
    quic!("h3_max_push_id", "MCP"),
    quic!("h3_goaway", "MCP"),
    quic!("h3_settings", "MCP"),
    quic!("h3_no_error", "MCP"),
    quic!("h3_general_protocol_error", "MCP"),
    quic!("h3_internal_error", "MCP"),
    quic!("h3_stream_creation_error", "MCP"),
    quic!("h3_closed_critical_stream", "MCP"),
    quic!("h3_frame_unexpected", "MCP"),
    quic!("h3_frame_error", "MCP"),
    quic!("h3_excessive_load", "MCP"),
    quic!("h3_id_error", "MCP"),
    quic!("h3_settings_error", "MCP"),
    quic!("h3_missing_settings", "MCP"),
    quic!("h3_request_rejected", "MCP"),
    quic!("h3_request_cancelled", "MCP"),
    quic!("h3_request_incomplete", "MCP"),
    quic!("h3_message_error", "MCP"),
    quic!("h3_connect_error", "MCP"),
    quic!("h3_version_fallback", "MCP"),
    quic!("pack_decompression_failed", "MCP"),
    quic!("qpack_encoder_stream_error", "MCP"),
    quic!("qpack_decoder_stream_error", "MCP"),
    quic!("quic_rxbuf_full", "MCP"),
    quic!("quic_dropped_pkt", "MCP"),
    quic!("quic_dropped_pkt_bufoverrun", "MCP"),
    quic!("quic_dropped_parsing_pkt", "MCP"),
    quic!("quic_socket_full", "MCP"),
    quic!("quic_sendto_err", "MCP"),
    quic!("quic_sendto_err_unknwn", "MCP"),
    quic!("quic_sent_pkt", "MCP"),
    quic!("quic_lost_pkt", "MCP"),
    quic!("quic_too_short_dgram", "MCP"),
    quic!("quic_retry_sent", "MCP"),
    quic!("quic_retry_validated", "MCP"),
    quic!("quic_retry_error", "MCP"),
    quic!("quic_half_open_conn", "MGP"),
    quic!("quic_hdshk_fail", "MCP"),
    quic!("quic_stless_rst_sent", "MCP"),
    quic!("quic_conn_migration_done", "MCP"),
    quic!("quic_transp_err_no_error", "MCP"),
    quic!("quic_transp_err_internal_error", "MCP"),
    quic!("quic_transp_err_connection_refused", "MCP"),
    quic!("quic_transp_err_flow_control_error", "MCP"),
    quic!("quic_transp_err_stream_limit_error", "MCP"),
    quic!("quic_transp_err_stream_state_error", "MCP"),
    quic!("quic_transp_err_final_size_error", "MCP"),
    quic!("quic_transp_err_frame_encoding_error", "MCP"),
    quic!("quic_transp_err_transport_parameter_error", "MCP"),
    quic!("quic_transp_err_connection_id_limit", "MCP"),
    quic!("quic_transp_err_protocol_violation_error", "MCP"),
    quic!("quic_transp_err_invalid_token", "MCP"),
    quic!("quic_transp_err_application_error", "MCP"),
    quic!("quic_transp_err_crypto_buffer_exceeded", "MCP"),
    quic!("quic_transp_err_key_update_error", "MCP"),
    quic!("quic_transp_err_aead_limit_reached", "MCP"),
    quic!("quic_transp_err_no_viable_path", "MCP"),
    quic!("quic_transp_err_crypto_error", "MCP"),
    quic!("quic_transp_err_unknown_error", "MCP"),
    quic!("quic_data_blocked", "MCP"),
    quic!("quic_stream_data_blocked", "MCP"),
    quic!("quic_streams_blocked_bidi", "MCP"),
    quic!("quic_streams_blocked_uni", "MCP"),
    col!("h2_headers_rcvd", "MCP", zero_sides),
    col!("h2_data_rcvd", "MCP", zero_sides),
    col!("h2_settings_rcvd", "MCP", zero_sides),
    col!("h2_rst_stream_rcvd", "MCP", zero_sides),
    col!("h2_goaway_rcvd", "MCP", zero_sides),
    col!("h2_detected_conn_protocol_errors", "MCP", zero_sides),
    col!("h2_detected_strm_protocol_errors", "MCP", zero_sides),
    col!("h2_rst_stream_resp", "MCP", zero_sides),
    col!("h2_goaway_resp", "MCP", zero_sides),
    col!("h2_open_connections", "MGP", zero_sides),
    col!("h2_backend_open_streams", "MGP", zero_sides),
    col!("h2_total_connections", "MCP", zero_sides),
    col!("h2_backend_total_streams", "MCP", zero_sides),
    col!("h1_open_connections", "MGP", |o| h1(o, open_connections)),
    col!("h1_open_streams", "MGP", |o| h1(o, |o| o.sessions().0)),
    col!("h1_total_connections", "MCP", |o| h1(o, total_connections)),
    col!("h1_total_streams", "MCP", |o| h1(o, total_streams)),
    col!("h1_bytes_in", "MCP", |o| h1(o, |o| o.counts().bin)),
    col!("h1_bytes_out", "MCP", |o| h1(o, |o| o.counts().bout)),
    col!("h1_spliced_bytes_in", "MCP", zero_sides),
    col!("h1_spliced_bytes_out", "MCP", zero_sides),
];

/// A backend's are those to its servers, idle ones included.
fn open_connections(o: Object<'_>) -> u64 {
    match o {
        Object::Back(_, b) => b.servers.iter().map(|s| s.sessions.0 + s.idle).sum(),
        _ => o.sessions().0,
    }
}

fn total_connections(o: Object<'_>) -> u64 {
    if matches!(o, Object::Back(..)) { o.counts().connect } else { o.counts().stot }
}

fn total_streams(o: Object<'_>) -> u64 {
    if matches!(o, Object::Back(..)) { o.counts().connect + o.counts().reuse } else { o.counts().req_tot }
}

fn h1(o: Object<'_>, of: fn(Object<'_>) -> u64) -> Option<Cell> {
    match o {
        Object::Front(..) | Object::Back(..) => u64c(if o.is_http() { of(o) } else { 0 }),
        _ => None,
    }
}

fn narrow(c: Cell) -> Cell {
    if let Cell::U64(n) = c { Cell::U32(n) } else { c }
}

fn join(host: &str, port: u16) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}
