//! Proxies: HAProxy's `frontend`, `backend` and `listen`, `defaults` already applied.

use bstr::BString;
use rha_text::Span;

use crate::{Acl, Bind, Condition, FilterUse, LogFormat, LogTarget, Rule, Service, StickTable, TcpRule};

/// Which section it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProxyKind {
    /// `frontend`.
    Frontend,
    /// `backend`.
    Backend,
    /// `listen`: both.
    Listen,
}

impl ProxyKind {
    /// Has listeners.
    #[must_use]
    pub fn is_frontend(self) -> bool {
        self != ProxyKind::Backend
    }

    /// Has servers.
    #[must_use]
    pub fn is_backend(self) -> bool {
        self != ProxyKind::Frontend
    }
}

/// `mode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Mode {
    /// tcp.
    #[default]
    Tcp,
    /// http.
    Http,
    /// log.
    Log,
    /// spop (3.1).
    Spop,
    /// haterm (3.5).
    Haterm,
}

/// All timeouts, milliseconds; `None` is "not written", 0 is written as infinite.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(missing_docs, reason = "named as in the configuration")]
pub struct Timeouts {
    pub client: Option<u32>,
    pub server: Option<u32>,
    pub connect: Option<u32>,
    pub queue: Option<u32>,
    pub tarpit: Option<u32>,
    pub check: Option<u32>,
    pub http_request: Option<u32>,
    pub http_keep_alive: Option<u32>,
    pub tunnel: Option<u32>,
    pub client_fin: Option<u32>,
    pub server_fin: Option<u32>,
    pub client_hs: Option<u32>,
}

/// `option http-keep-alive | http-server-close | httpclose`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ConnectionMode {
    /// Keep both sides.
    #[default]
    KeepAlive,
    /// Keep the client, close the server side.
    ServerClose,
    /// Close both.
    Close,
}

/// `http-reuse`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum HttpReuse {
    /// never.
    Never,
    /// safe.
    #[default]
    Safe,
    /// aggressive.
    Aggressive,
    /// always.
    Always,
}

/// Plain switches, `option …`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(missing_docs, reason = "named as in the configuration")]
pub struct Options {
    pub dontlognull: bool,
    pub logasap: bool,
    pub log_separate_errors: bool,
    pub dontlog_normal: bool,
    pub tcplog: bool,
    pub httplog: bool,
    pub clf: bool,
    pub httpslog: bool,
    pub abortonclose: Option<bool>,
    pub http_buffer_request: bool,
    pub http_ignore_probes: bool,
    pub http_no_delay: bool,
    pub http_use_proxy_header: bool,
    pub http_pretend_keepalive: bool,
    pub independent_streams: bool,
    pub tcpka: bool,
    pub clitcpka: bool,
    pub srvtcpka: bool,
    pub nolinger: bool,
    pub persist: bool,
    pub prefer_last_server: bool,
    pub transparent: bool,
    pub splice_auto: bool,
    pub splice_request: bool,
    pub splice_response: bool,
    pub socket_stats: bool,
    pub checkcache: bool,
    pub accept_unsafe_request: bool,
    pub accept_unsafe_response: bool,
    pub contstats: bool,
    pub disable_h2_upgrade: bool,
    pub tcp_smart_accept: bool,
    pub tcp_smart_connect: bool,
    pub idle_close_on_response: bool,
    pub h1_case_adjust_client: bool,
    pub h1_case_adjust_server: bool,
    /// `http-restrict-req-hdr-names`: 0 preserve, 1 delete, 2 reject; `None` not written.
    pub restrict_header_names: Option<u8>,
}

/// `option forwarded`: what the field of RFC 7239 tells.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Forwarded {
    /// `proto`.
    pub proto: bool,
    /// `host`, `host-expr`.
    pub host: Option<ForwardedPart>,
    /// `by`, `by-expr`, `by_port`, `by_port-expr`.
    pub by: ForwardedNode,
    /// `for` and so on.
    pub r#for: ForwardedNode,
}

/// A node of the field.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ForwardedNode {
    /// Its name; without one there is no node.
    pub name: Option<ForwardedPart>,
    /// Its port.
    pub port: Option<ForwardedPart>,
}

/// Where a part comes from.
#[derive(Debug, Clone, PartialEq)]
pub enum ForwardedPart {
    /// The connection, the Host field.
    Known,
    /// An expression.
    Expr(Box<crate::SampleExpr>),
}

/// `option forwardfor`, `option originalto`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForwardFor {
    /// `except`: network and prefix length, as written.
    pub except: Option<(std::net::IpAddr, u8)>,
    /// `header`.
    pub header: BString,
    /// `if-none`.
    pub if_none: bool,
}

/// Persistence cookie modes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CookieMode {
    /// Neither word: the server sets it, we only read it.
    Passive,
    /// `insert`.
    Insert,
    /// `rewrite`.
    Rewrite,
    /// `prefix`.
    Prefix,
}

/// `cookie`. HAProxy configuration manual §4.2.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cookie {
    /// Name.
    pub name: BString,
    /// Mode.
    pub mode: CookieMode,
    /// `indirect`.
    pub indirect: bool,
    /// `nocache`.
    pub nocache: bool,
    /// `postonly`.
    pub postonly: bool,
    /// `preserve`.
    pub preserve: bool,
    /// `httponly`.
    pub httponly: bool,
    /// `secure`.
    pub secure: bool,
    /// `domain` values.
    pub domains: Vec<BString>,
    /// `maxidle`, seconds.
    pub maxidle_s: Option<u32>,
    /// `maxlife`, seconds.
    pub maxlife_s: Option<u32>,
    /// `dynamic`.
    pub dynamic: bool,
    /// `attr` values.
    pub attrs: Vec<BString>,
    /// `dynamic-cookie-key`.
    pub dynamic_key: Option<BString>,
    /// Where it was written.
    pub origin: Span,
}

/// `errorfile code path`, `errorloc…`.
#[derive(Debug, Clone, PartialEq)]
pub enum ErrorFile {
    /// The whole raw response.
    Content(Vec<u8>),
    /// `errorloc`, `errorloc302` (302) or `errorloc303` (303) to a location.
    Location(u16, BString),
    /// `errorfiles name`: what that `http-errors` section has for the status, if anything.
    Section(String),
    /// `http-error`.
    Reply(crate::Reply),
}

/// `capture request|response header name len n`, `capture cookie`, `declare capture`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capture {
    /// Field name; empty for `declare capture` slots.
    pub name: BString,
    /// At most so many bytes.
    pub len: u32,
}

/// `use_backend`.
#[derive(Debug, Clone, PartialEq)]
pub struct BackendRule {
    /// Name, or a format that gives one.
    pub target: LogFormat,
    /// When.
    pub condition: Option<Condition>,
    /// Where it was written.
    pub origin: Span,
}

/// `use-server`.
#[derive(Debug, Clone, PartialEq)]
pub struct ServerRule {
    /// Name, or a format that gives one.
    pub target: LogFormat,
    /// When.
    pub condition: Option<Condition>,
    /// Where it was written.
    pub origin: Span,
}

/// `stats scope`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatsScope(pub String);

/// `stats admin if …`.
#[derive(Debug, Clone, PartialEq)]
pub struct StatsAdmin {
    /// When.
    pub condition: Condition,
}

/// `stats …` in a proxy.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Stats {
    /// `uri`.
    pub uri: BString,
    /// `realm`.
    pub realm: Option<BString>,
    /// `refresh`, seconds.
    pub refresh_s: Option<u32>,
    /// `auth user:password`.
    pub auth: Vec<(String, String)>,
    /// `hide-version`.
    pub hide_version: bool,
    /// `show-legends`.
    pub show_legends: bool,
    /// `show-desc`; `Some(None)` is the global description.
    pub show_desc: Option<Option<String>>,
    /// `show-node`; `Some(None)` is the global node.
    pub show_node: Option<Option<String>>,
    /// `show-modules`.
    pub show_modules: bool,
    /// `scope`.
    pub scope: Vec<StatsScope>,
    /// `admin`.
    pub admin: Vec<StatsAdmin>,
    /// `http-request` rules of the stats page.
    pub http_request: Vec<Rule>,
}

/// `clitcpka-cnt`, `clitcpka-idle`, `clitcpka-intvl` and their `srv` counterparts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Keepalive {
    /// Probes before the connection is given up.
    pub count: Option<u32>,
    /// Seconds of silence before the first probe.
    pub idle_s: Option<u32>,
    /// Seconds between probes.
    pub interval_s: Option<u32>,
}

/// One proxy.
#[derive(Debug, Clone, PartialEq)]
pub struct Proxy {
    /// Name.
    pub name: String,
    /// Section.
    pub kind: ProxyKind,
    /// `id`, or the automatic number.
    pub id: u32,
    /// `mode`.
    pub mode: Mode,
    /// `disabled`.
    pub disabled: bool,
    /// `description`.
    pub description: Option<String>,
    /// `guid`.
    pub guid: Option<String>,
    /// `bind` lines.
    pub binds: Vec<Bind>,
    /// `maxconn`.
    pub maxconn: Option<u32>,
    /// `backlog`.
    pub backlog: Option<u32>,
    /// `rate-limit sessions`.
    pub rate_limit_sessions: Option<u32>,
    /// Named ACLs that conditions refer to by index.
    pub acls: Vec<Acl>,
    /// `tcp-request connection`.
    pub tcp_connection: Vec<TcpRule>,
    /// `tcp-request session`.
    pub tcp_session: Vec<TcpRule>,
    /// `tcp-request content`.
    pub tcp_content: Vec<TcpRule>,
    /// `tcp-request inspect-delay`, milliseconds.
    pub inspect_delay_ms: Option<u32>,
    /// `tcp-response content`.
    pub tcp_response: Vec<TcpRule>,
    /// `tcp-response inspect-delay`, milliseconds.
    pub response_inspect_delay_ms: Option<u32>,
    /// `http-request` (and `redirect`, which is the same set).
    pub http_request: Vec<Rule>,
    /// `http-response`.
    pub http_response: Vec<Rule>,
    /// `http-after-response`.
    pub http_after_response: Vec<Rule>,
    /// `redirect` rules, evaluated after `http-request` ones.
    pub redirects: Vec<Rule>,
    /// `use_backend`.
    pub use_backend: Vec<BackendRule>,
    /// `default_backend`.
    pub default_backend: Option<(String, Span)>,
    /// `use-server`.
    pub use_server: Vec<ServerRule>,
    /// `force-persist`, `ignore-persist`: conditions.
    pub force_persist: Vec<Condition>,
    /// `ignore-persist`.
    pub ignore_persist: Vec<Condition>,
    /// Servers and how they are picked and watched.
    pub service: Service,
    /// Timeouts.
    pub timeouts: Timeouts,
    /// `retries`.
    pub retries: Option<u32>,
    /// `option redispatch [n]`: `None` off.
    pub redispatch: Option<i32>,
    /// `retry-on` words.
    pub retry_on: Vec<String>,
    /// Connection handling.
    pub connection_mode: ConnectionMode,
    /// `http-reuse`.
    pub http_reuse: HttpReuse,
    /// Switches.
    pub options: Options,
    /// `option forwardfor`.
    pub forward_for: Option<ForwardFor>,
    /// `option originalto`.
    pub original_to: Option<ForwardFor>,
    /// `option forwarded`.
    pub forwarded: Option<Box<Forwarded>>,
    /// `cookie`.
    pub cookie: Option<Cookie>,
    /// `errorfile` and the like, by status.
    pub error_files: Vec<(u16, ErrorFile)>,
    /// `log` lines.
    pub logs: Vec<LogTarget>,
    /// `log-format`, or the one `option httplog` and the like stand for.
    pub log_format: Option<LogFormat>,
    /// `error-log-format`.
    pub error_log_format: Option<LogFormat>,
    /// `log-format-sd`.
    pub log_format_sd: Option<LogFormat>,
    /// `log-tag`.
    pub log_tag: Option<String>,
    /// `unique-id-format`.
    pub unique_id_format: Option<LogFormat>,
    /// `unique-id-header`.
    pub unique_id_header: Option<BString>,
    /// `capture request header`.
    pub request_captures: Vec<Capture>,
    /// `capture response header`.
    pub response_captures: Vec<Capture>,
    /// `capture cookie name len`.
    pub cookie_capture: Option<Capture>,
    /// `monitor-uri`.
    pub monitor_uri: Option<BString>,
    /// `monitor fail`.
    pub monitor_fail: Vec<Condition>,
    /// `stats`.
    pub stats: Option<Stats>,
    /// `stick-table`.
    pub stick_table: Option<StickTable>,
    /// `filter` lines.
    pub filters: Vec<FilterUse>,
    /// `source`.
    pub source: Option<crate::Address>,
    /// `dispatch`.
    pub dispatch: Option<crate::Address>,
    /// `persist rdp-cookie(name)`.
    pub persist_rdp_cookie: Option<BString>,
    /// `max-session-srv-conns`.
    pub max_session_srv_conns: Option<i32>,
    /// `load-server-state-from-file`.
    pub state_source: Option<crate::StateSource>,
    /// `server-state-file-name`; none is the backend's name.
    pub state_file: Option<String>,
    /// TCP keep-alive of client connections: probes, idle and interval seconds.
    pub client_keepalive: Keepalive,
    /// The same of server connections.
    pub server_keepalive: Keepalive,
    /// `max-keep-alive-queue`, -1 for unlimited.
    pub max_keep_alive_queue: i32,
    /// `http-send-name-header`.
    pub send_name_header: Option<BString>,
    /// `option http-buffer-request` and the rest are in `options`; `hash-preserve-affinity` word here.
    pub hash_preserve_affinity: Option<String>,
    /// Where the section line is.
    pub origin: Span,
}

impl Proxy {
    /// A proxy on which nothing is written.
    #[must_use]
    pub fn new(name: impl Into<String>, kind: ProxyKind, origin: Span) -> Self {
        Proxy {
            name: name.into(),
            kind,
            id: 0,
            mode: Mode::Tcp,
            disabled: false,
            description: None,
            guid: None,
            binds: Vec::new(),
            maxconn: None,
            backlog: None,
            rate_limit_sessions: None,
            acls: Vec::new(),
            tcp_connection: Vec::new(),
            tcp_session: Vec::new(),
            tcp_content: Vec::new(),
            inspect_delay_ms: None,
            tcp_response: Vec::new(),
            response_inspect_delay_ms: None,
            http_request: Vec::new(),
            http_response: Vec::new(),
            http_after_response: Vec::new(),
            redirects: Vec::new(),
            use_backend: Vec::new(),
            default_backend: None,
            use_server: Vec::new(),
            force_persist: Vec::new(),
            ignore_persist: Vec::new(),
            service: Service::default(),
            timeouts: Timeouts::default(),
            retries: None,
            redispatch: None,
            retry_on: Vec::new(),
            connection_mode: ConnectionMode::default(),
            http_reuse: HttpReuse::default(),
            options: Options::default(),
            forward_for: None,
            original_to: None,
            forwarded: None,
            cookie: None,
            error_files: Vec::new(),
            logs: Vec::new(),
            log_format: None,
            error_log_format: None,
            log_format_sd: None,
            log_tag: None,
            unique_id_format: None,
            unique_id_header: None,
            request_captures: Vec::new(),
            response_captures: Vec::new(),
            cookie_capture: None,
            monitor_uri: None,
            monitor_fail: Vec::new(),
            stats: None,
            stick_table: None,
            filters: Vec::new(),
            source: None,
            dispatch: None,
            persist_rdp_cookie: None,
            max_session_srv_conns: None,
            state_source: None,
            state_file: None,
            client_keepalive: Keepalive::default(),
            server_keepalive: Keepalive::default(),
            max_keep_alive_queue: -1,
            send_name_header: None,
            hash_preserve_affinity: None,
            origin,
        }
    }
}
