//! Rules: `acl`, `http-request …`, `tcp-request …`, `use_backend`, `use-server`, `stick …`, `filter`.
//!
//! ```text
//! line ──▶ http.rs / tcp.rs / quic.rs: which action (rows.rs), arguments (act_*.rs), condition, order warnings
//!      └─▶ switching.rs: acl, use_backend, use-server, redirect, block     stick.rs, filter.rs
//! after the last line ──▶ resolve.rs: names in expressions, formats against modes, tables, captures
//! ```
//! HAProxy configuration manual §4.3 "Actions" (3.x) and §4.2. An action that nothing is built for yet
//! becomes [`rha_ir::Action::Planned`] after its arguments were judged as the original judges them.
//!
//! Invariant: a rule is in the model only if the original would have taken it.

mod act_http;
mod act_message;
mod act_other;
mod act_table;
mod action;
mod filter;
mod http;
mod order;
mod quic;
mod redirect;
mod reply;
mod resolve;
mod rows;
mod stick;
mod switching;
mod tcp;

use rha_ir::{Condition, SampleExpr};
use rha_text::Span;
use rha_vocab::{Lifetime, Needs, Support};

use crate::expr::Pending;
use crate::{Cx, Keyword, Line, Parse, Place};

pub use crate::expr::{FileCheck, FormatCheck, condition};
pub use act_other::{SERVICES, ServiceRow};
pub use action::{ActionRow, Set};
pub use filter::{FILTERS, FilterRow};
pub use http::stats_http_request;
pub use order::warn_misplaced_monitor;
pub use reply::{HTTP_ERROR_CODES, reply_text};
pub use resolve::{resolve, resolve_formats, resolve_proxy, resolve_rules, resolve_targets};
pub use rows::ACTIONS;
pub use stick::{Stick, StickWhen};
pub(crate) use switching::acl;

/// A name or slot used by a rule, to be judged after the last line.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleCheck {
    /// What must hold.
    pub kind: RuleCheckKind,
    /// Rule set, in whose order the checks are made.
    pub set: Set,
    /// What the rule's condition looks at.
    pub condition: Needs,
    /// Section line of the proxy.
    pub owner: Span,
    /// The rule's words as messages show them.
    pub rule: String,
    /// Where it was written.
    pub span: Span,
}

/// What a [`RuleCheck`] checks.
#[derive(Debug, Clone, PartialEq)]
pub enum RuleCheckKind {
    /// The condition looks at raw bytes, which an HTTP proxy does not.
    Raw,
    /// `tcp-request content capture`: what it looks at may need waiting.
    TcpCapture(Needs),
    /// `capture … id n` of a request rule: the slot must exist.
    RequestCapture(i64),
    /// `capture … id n` of a response rule.
    ResponseCapture(i64),
    /// `set-bandwidth-limit name`: the filter must exist in the proxy.
    BandwidthFilter(String),
    /// `send-spoe-group engine group`: the filter must exist in the proxy.
    SpoeGroup(String, String),
    /// `ot-group filter group`: the filter must exist in the proxy.
    OtGroup(String, String),
    /// `cache-use`, `cache-store`: the section must exist.
    Cache(String),
    /// `do-resolve(…,name)`: the section must exist.
    Resolvers(String),
    /// `errorfiles name`: the section must exist.
    ErrorFiles(String),
    /// `track-sc… table name`: the table must exist and fit the expression. Empty: the proxy's own.
    Track(String, Box<SampleExpr>),
}

/// What rules and expressions leave behind for the checks after the last line.
#[derive(Debug, Clone, Default)]
pub struct State {
    /// Names in expressions, to be looked up.
    pub pending: Vec<Pending>,
    /// Formats to be judged with their proxies.
    pub formats: Vec<FormatCheck>,
    /// Rules to be judged.
    pub checks: Vec<RuleCheck>,
    /// Pattern files read so far.
    pub files: Vec<FileCheck>,
    /// `-u` ids in use.
    pub pattern_ids: Vec<u32>,
    /// Stick tables declared outside of proxies (`peers` sections), as `section/table`.
    pub tables: Vec<String>,
    /// `stick …` rules with their proxies' section lines.
    pub sticks: Vec<(Span, Stick)>,
    /// The proxy that is being checked after the last line, while formats of its are read there.
    pub late: Option<(Span, rha_ir::Mode)>,
}

/// How many `track-sc` counters there are.
pub(crate) fn counters(cx: &Cx<'_>) -> u32 {
    cx.model.process.stick_counters.unwrap_or(3)
}

/// Largest body a rule may hold, bytes.
pub(crate) fn buffer(cx: &Cx<'_>) -> u64 {
    u64::from(cx.model.process.bufsize.unwrap_or(16384))
}

const fn row(
    name: &'static str,
    place: Place,
    usage: &'static str,
    support: Support,
    doc: &'static str,
    parse: fn(&mut Cx<'_>, &Line),
) -> Keyword {
    Keyword { name, place, usage, lifetime: Lifetime::ALWAYS, support, doc, parse: Parse::With(parse) }
}

const FULL: Support = Support::Full;
const ANY: Place = Place::PROXY;

/// Keywords that are not an action of a rule set.
const PLAIN: &[Keyword] = &[
    row(
        "acl",
        ANY,
        "<name> <criterion> [flags] [operator] <value> ...",
        FULL,
        "Gives a test a name.",
        switching::acl,
    ),
    row(
        "use_backend",
        Place::FRONT,
        "<backend> [{if | unless} <condition>]",
        FULL,
        "Chooses the backend of a request.",
        switching::use_backend,
    ),
    row(
        "use-server",
        Place::BACK,
        "<server> {if | unless} <condition>",
        FULL,
        "Chooses the server of a request before balancing does.",
        switching::use_server,
    ),
    row(
        "redirect",
        ANY,
        "{location | prefix | scheme} <value> [code <n>] [options] [{if | unless} <condition>]",
        FULL,
        "Answers with a redirection.",
        switching::redirect,
    ),
    row(
        "block",
        ANY,
        "{if | unless} <condition>",
        Support::Refused("removed in HAProxy 2.1"),
        "Was denied by condition until 2.1.",
        switching::block,
    ),
    row(
        "stick match",
        Place::BACK,
        "<pattern> [table <table>] [{if | unless} <condition>]",
        Support::Planned,
        "Looks the server up in a stick table.",
        stick::stick,
    ),
    row(
        "stick on",
        Place::BACK,
        "<pattern> [table <table>] [{if | unless} <condition>]",
        Support::Planned,
        "Looks the server up and remembers it.",
        stick::stick,
    ),
    row(
        "stick store-request",
        Place::BACK,
        "<pattern> [table <table>] [{if | unless} <condition>]",
        Support::Planned,
        "Remembers the server under a key of the request.",
        stick::stick,
    ),
    row(
        "stick store-response",
        Place::BACK,
        "<pattern> [table <table>] [{if | unless} <condition>]",
        Support::Planned,
        "Remembers the server under a key of the response.",
        stick::stick,
    ),
    row(
        "stick store",
        Place::BACK,
        "<pattern> [table <table>] [{if | unless} <condition>]",
        Support::Planned,
        "Another spelling of stick store-request.",
        stick::stick,
    ),
    row(
        "stick",
        Place::BACK,
        "{match | on | store-request | store-response} <pattern> ...",
        Support::Planned,
        "Sticks clients to servers by a table.",
        stick::stick,
    ),
    row(
        "filter",
        ANY,
        "<name> [arguments]",
        Support::Planned,
        "Adds a filter to the proxy's streams.",
        filter::filter,
    ),
    row(
        "http-error",
        ANY,
        "status <code> [content-type <type>] [{errorfile | errorfiles | file | string | lf-file | lf-string} <value>] [hdr <name> <fmt>]",
        FULL,
        "Sets the answer for an error status.",
        reply::http_error,
    ),
    row(
        "tcp-request inspect-delay",
        ANY,
        "<timeout>",
        FULL,
        "How long to wait for enough bytes to judge.",
        tcp::tcp_request,
    ),
    row(
        "tcp-response inspect-delay",
        Place::BACK,
        "<timeout>",
        FULL,
        "How long to wait for enough bytes to judge.",
        tcp::tcp_response,
    ),
    row(
        "tcp-request connection accept",
        Place::FRONT,
        "",
        FULL,
        "Ends the rules and lets the connection go on.",
        tcp::tcp_request,
    ),
    row("tcp-request connection reject", Place::FRONT, "", FULL, "Closes the connection.", tcp::tcp_request),
    row(
        "tcp-request connection track-sc",
        Place::FRONT,
        "<n> <key> [table <table>]",
        Support::Planned,
        "Counts for a key in a stick table.",
        tcp::tcp_request,
    ),
    row(
        "tcp-request session accept",
        Place::FRONT,
        "",
        FULL,
        "Ends the rules and lets the connection go on.",
        tcp::tcp_request,
    ),
    row("tcp-request session reject", Place::FRONT, "", FULL, "Closes the connection.", tcp::tcp_request),
    row(
        "tcp-request session track-sc",
        Place::FRONT,
        "<n> <key> [table <table>]",
        Support::Planned,
        "Counts for a key in a stick table.",
        tcp::tcp_request,
    ),
    row(
        "tcp-request content accept",
        ANY,
        "",
        FULL,
        "Ends the rules and lets the connection go on.",
        tcp::tcp_request,
    ),
    row("tcp-request content reject", ANY, "", FULL, "Closes the connection.", tcp::tcp_request),
    row(
        "tcp-request content track-sc",
        ANY,
        "<n> <key> [table <table>]",
        Support::Planned,
        "Counts for a key in a stick table.",
        tcp::tcp_request,
    ),
    row(
        "tcp-request connection expect-proxy",
        Place::FRONT,
        "layer4",
        FULL,
        "Expects a PROXY protocol header from some clients.",
        tcp::tcp_request,
    ),
    row(
        "tcp-request connection expect-netscaler-cip",
        Place::FRONT,
        "layer4",
        FULL,
        "Expects NetScaler's header from some clients.",
        tcp::tcp_request,
    ),
    row(
        "tcp-response content accept",
        Place::BACK,
        "",
        FULL,
        "Ends the rules and lets the response pass.",
        tcp::tcp_response,
    ),
    row("tcp-response content reject", Place::BACK, "", FULL, "Closes the connection.", tcp::tcp_response),
    row(
        "tcp-response content close",
        Place::BACK,
        "",
        FULL,
        "Closes the connection to the server.",
        tcp::tcp_response,
    ),
    row(
        "tcp-request",
        ANY,
        "{connection | session | content | inspect-delay} ...",
        FULL,
        "Rules below HTTP towards the client.",
        tcp::tcp_request,
    ),
    row(
        "tcp-response",
        Place::BACK,
        "{content | inspect-delay} ...",
        FULL,
        "Rules below HTTP towards the server.",
        tcp::tcp_response,
    ),
    row(
        "http-request",
        ANY,
        "<action> [options] [{if | unless} <condition>]",
        FULL,
        "Rules for requests.",
        http::http_request,
    ),
    row(
        "http-response",
        ANY,
        "<action> [options] [{if | unless} <condition>]",
        FULL,
        "Rules for responses.",
        http::http_response,
    ),
    row(
        "http-after-response",
        ANY,
        "<action> [options] [{if | unless} <condition>]",
        FULL,
        "Rules for every response, generated ones too.",
        http::http_after_response,
    ),
    Keyword {
        lifetime: Lifetime::since(3, 1),
        ..row(
            "quic-initial",
            Place::FRONT,
            "<action> [{if | unless} <condition>]",
            Support::Planned,
            "Rules for the first QUIC packet.",
            quic::quic_initial,
        )
    },
];

const PARTS: &[&[Keyword]] = &[PLAIN, rows::ROWS];
const COUNT: usize = crate::rows::count(PARTS);
static ALL: [Keyword; COUNT] = crate::rows::concat::<COUNT>(PARTS);

/// Every keyword of this module: the plain ones, then one row per action of each rule set.
pub static KEYWORDS: &[Keyword] = &ALL;

/// `frontend`, `backend`, `defaults`, or `proxy` for sections that are both.
pub(crate) fn proxy_word(cx: &Cx<'_>) -> &'static str {
    if cx.draft.as_ref().is_some_and(|d| d.is_defaults) {
        return "defaults";
    }
    match sides(cx) {
        (true, false) => "frontend",
        (false, true) => "backend",
        _ => "proxy",
    }
}

/// Name of the proxy being read.
pub(crate) fn proxy_name(cx: &Cx<'_>) -> String {
    cx.draft.as_ref().map_or_else(String::new, |d| d.proxy.name.clone())
}

/// Whether the proxy being read has a client side, and a server side.
pub(crate) fn sides(cx: &Cx<'_>) -> (bool, bool) {
    cx.draft.as_ref().map_or((true, true), |d| {
        let both = d.is_defaults;
        (both || d.proxy.kind.is_frontend(), both || d.proxy.kind.is_backend())
    })
}

/// Whether an anonymous `defaults` section is being read.
pub(crate) fn in_anonymous_defaults(cx: &Cx<'_>) -> bool {
    cx.draft.as_ref().is_some_and(|d| d.is_defaults && d.proxy.name.is_empty())
}

/// Tells the checks left by a rule (those from `from` on) its condition, and leaves one for the condition.
pub(crate) fn note_condition(
    cx: &mut Cx<'_>,
    from: usize,
    set: Set,
    condition: Option<&Condition>,
    origin: Span,
) {
    let Some(condition) = condition else { return };
    let acls = cx.draft.as_ref().map_or(&[][..], |d| &d.proxy.acls);
    let needs = crate::expr::condition_needs(cx, acls, condition);
    for check in cx.rules.checks.iter_mut().skip(from) {
        check.condition = needs;
    }
    if !needs.meets(Needs::L6_REQUEST.and(Needs::L6_RESPONSE)) {
        return;
    }
    let Some(owner) = crate::expr::owner(cx) else { return };
    let kind = RuleCheckKind::Raw;
    let check = RuleCheck { kind, set, condition: needs, owner, rule: String::new(), span: origin };
    cx.rules.checks.push(check);
}

/// Warns about a condition that cannot work at `place`, with the line's position.
pub(crate) fn warn_conflict(
    cx: &mut Cx<'_>,
    line: &Line,
    condition: Option<&Condition>,
    place: rha_vocab::Checkpoints,
) {
    let conflict = condition.and_then(|c| crate::expr::conflict(cx, c, place));
    if let Some(c) = conflict {
        cx.warning("HA3310", line, 0, c.text);
    }
}
