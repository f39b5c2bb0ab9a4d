//! Rules: what is done under which condition.

use bstr::BString;
use rha_text::Span;

use crate::{Condition, LogFormat, SampleExpr, VarName};

/// An action with its condition; the meaning of the place it stands in is the rule set's.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// What.
    pub action: Action,
    /// When; always if `None`.
    pub condition: Option<Condition>,
    /// Where it was written.
    pub origin: Span,
}

/// How header names are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NameMatch {
    /// `-m str`.
    #[default]
    Exact,
    /// `-m beg`.
    Begin,
    /// `-m end`.
    End,
    /// `-m sub`.
    Sub,
    /// `-m reg`.
    Regex,
}

/// Body of a [`Reply`].
#[derive(Debug, Clone, PartialEq)]
pub enum ReplyBody {
    /// None.
    Empty,
    /// `default-errorfiles`, or nothing written at all: what the proxy has for the status.
    Default,
    /// `errorfile path`: a whole response in the file, read when the configuration is.
    ErrorFile(String),
    /// `errorfiles name`.
    ErrorFiles(String),
    /// `string text`.
    Text(BString),
    /// `lf-string fmt`.
    Format(LogFormat),
    /// `file path` (the content).
    File(Vec<u8>),
    /// `lf-file path`, parsed.
    FormatFile(LogFormat),
}

/// A reply made here. HAProxy configuration manual §4.2 "http-request return".
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    /// Status; `None` for the action's default (200 for return, 403 for deny, 500 for tarpit).
    pub status: Option<u16>,
    /// `content-type`.
    pub content_type: Option<BString>,
    /// `hdr name fmt`.
    pub headers: Vec<(BString, LogFormat)>,
    /// Body.
    pub body: ReplyBody,
}

/// `redirect` kinds.
#[derive(Debug, Clone, PartialEq)]
pub enum RedirectKind {
    /// `location fmt`.
    Location(LogFormat),
    /// `prefix fmt`.
    Prefix(LogFormat),
    /// `scheme fmt`.
    Scheme(LogFormat),
}

/// `redirect`.
#[derive(Debug, Clone, PartialEq)]
pub struct Redirect {
    /// Kind.
    pub kind: RedirectKind,
    /// `code`: 301, 302, 303, 307 or 308.
    pub code: u16,
    /// `drop-query`.
    pub drop_query: bool,
    /// `append-slash`.
    pub append_slash: bool,
    /// `ignore-empty`.
    pub ignore_empty: bool,
    /// `set-cookie name[=value]`: text after `Set-Cookie: `.
    pub set_cookie: Option<BString>,
    /// `clear-cookie name[=]`.
    pub clear_cookie: Option<BString>,
    /// `keep-query` (3.x).
    pub keep_query: bool,
}

/// HTTP actions (`http-request`, `http-response`, `http-after-response`).
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// `allow`.
    Allow,
    /// `deny`.
    Deny(Reply),
    /// `tarpit`.
    Tarpit(Reply),
    /// `return`.
    Return(Reply),
    /// `reject`, `silent-drop`.
    Reject,
    /// `silent-drop`, with the `rst-ttl` of a reset that is sent after all.
    SilentDrop(Option<u8>),
    /// `redirect`.
    Redirect(Redirect),
    /// `auth realm`.
    Auth(Option<BString>),
    /// `set-header`.
    SetHeader(BString, LogFormat),
    /// `add-header`.
    AddHeader(BString, LogFormat),
    /// `del-header`.
    DelHeader(BString, NameMatch),
    /// `replace-header name regex fmt`.
    ReplaceHeader(BString, BString, LogFormat),
    /// `replace-value name regex fmt`.
    ReplaceValue(BString, BString, LogFormat),
    /// `set-method`.
    SetMethod(LogFormat),
    /// `set-path`.
    SetPath(LogFormat),
    /// `set-pathq`.
    SetPathQuery(LogFormat),
    /// `set-query`.
    SetQuery(LogFormat),
    /// `set-uri`.
    SetUri(LogFormat),
    /// `replace-path regex fmt`.
    ReplacePath(BString, LogFormat),
    /// `replace-pathq regex fmt`.
    ReplacePathQuery(BString, LogFormat),
    /// `replace-uri regex fmt`.
    ReplaceUri(BString, LogFormat),
    /// `set-status code [reason]`.
    SetStatus(u16, Option<BString>),
    /// `set-var(name[,cond…]) expr`.
    SetVar(VarName, SampleExpr, Vec<String>),
    /// `set-var-fmt(name[,cond…]) fmt`.
    SetVarFormat(VarName, LogFormat, Vec<String>),
    /// `unset-var`.
    UnsetVar(VarName),
    /// `capture expr len n` or `id n` (slot), into the request or response captures.
    Capture {
        /// What.
        expr: SampleExpr,
        /// Slot in the frontend's captures; `None` when not resolvable (`id` beyond, response rules).
        slot: u32,
    },
    /// `set-log-level`: 0..=7, or `None` for silent.
    SetLogLevel(Option<u8>),
    /// `set-src`, `set-src-port`, `set-dst`, `set-dst-port`.
    SetSource(SampleExpr),
    /// `set-src-port`.
    SetSourcePort(SampleExpr),
    /// `set-dst`.
    SetDestination(SampleExpr),
    /// `set-dst-port`.
    SetDestinationPort(SampleExpr),
    /// `set-timeout client|server|tunnel …`.
    SetTimeout(String, TimeoutValue),
    /// `set-retries …`: a number, or an expression that gives one.
    SetRetries(RetriesValue),
    /// `wait-for-body time t [at-least n]`.
    WaitForBody {
        /// Milliseconds.
        time_ms: u32,
        /// Bytes.
        at_least: Option<u64>,
    },
    /// `early-hint name fmt`.
    EarlyHint(BString, LogFormat),
    /// `strict-mode on|off`.
    StrictMode(bool),
    /// `disable-l7-retry`.
    DisableL7Retry,
    /// `switch-mode http`, for HTTP/1.
    SwitchToHttp,
    /// `pause`.
    Pause(TimeoutValue),
    /// `normalize-uri`.
    NormalizeUri(Normalizer),
    /// `set-priority-class expr`, `set-priority-offset expr`.
    SetPriority(PriorityPart, Box<SampleExpr>),
    /// `set-fc-mark`, `set-fc-tos`, `set-bc-mark`, `set-bc-tos` and the older `set-mark`, `set-tos`.
    SetSocket(SocketSide, SocketMark, MarkValue),
    /// `do-log`, `track-sc`, … : accepted by the parser, not built.
    Planned(String),
    /// Accepted and without any effect a user could notice (`set-nice`).
    NoEffect(String),
}

/// A normal form of a request target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Normalizer {
    /// `path-merge-slashes`.
    MergeSlashes,
    /// `path-strip-dot`.
    StripDot,
    /// `path-strip-dotdot [full]`.
    StripDotdot {
        /// Also those at the start.
        full: bool,
    },
    /// `query-sort-by-name`.
    SortQuery,
    /// `percent-to-uppercase [strict]`.
    Uppercase {
        /// What is not encoded well makes the request a bad one.
        strict: bool,
    },
    /// `percent-decode-unreserved [strict]`.
    Decode {
        /// As above.
        strict: bool,
    },
    /// `fragment-strip`.
    StripFragment,
    /// `fragment-encode`.
    EncodeFragment,
}

/// What decides a request's place in queues.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PriorityPart {
    /// Lower classes go first.
    Class,
    /// Milliseconds by which it came later than it did.
    Offset,
}

/// Which connection's packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SocketSide {
    /// The client's.
    Client,
    /// The server's.
    Server,
}

/// What packets carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SocketMark {
    /// Netfilter's mark.
    Mark,
    /// Type of service, traffic class.
    Tos,
}

/// A mark written or computed.
#[derive(Debug, Clone, PartialEq)]
pub enum MarkValue {
    /// A number.
    Fixed(u32),
    /// An expression.
    Expr(Box<SampleExpr>),
}

/// A number of retries written or computed.
#[derive(Debug, Clone, PartialEq)]
pub enum RetriesValue {
    /// 0 to 100.
    Fixed(u32),
    /// An expression; other than 0 to 100 changes nothing.
    Expr(Box<SampleExpr>),
}

/// A time written or computed.
#[derive(Debug, Clone, PartialEq)]
pub enum TimeoutValue {
    /// Milliseconds.
    Ms(u32),
    /// An expression in milliseconds.
    Expr(Box<SampleExpr>),
}

/// TCP actions.
#[derive(Debug, Clone, PartialEq)]
pub enum TcpAction {
    /// `accept`.
    Accept,
    /// `reject`.
    Reject,
    /// `close` (responses).
    Close,
    /// `expect-proxy layer4` (connections).
    ExpectProxy,
    /// `expect-netscaler-cip layer4` (connections).
    ExpectNetscaler,
    /// One of the actions shared with HTTP rules (`set-var`, `capture`, `set-src` …).
    Shared(Action),
}

/// A rule of `tcp-request …` or `tcp-response …`.
#[derive(Debug, Clone, PartialEq)]
pub struct TcpRule {
    /// What.
    pub action: TcpAction,
    /// When.
    pub condition: Option<Condition>,
    /// Where it was written.
    pub origin: Span,
}
