//! Rules compiled: conditions, formats, expressions and regular expressions ready to run.

use std::collections::HashMap;
use std::io;

use rha_base::{ProxyId, Scope, ServerId, VarSlot};
use rha_ir::{Action, Model, Proxy, ReplyBody, TcpAction, TimeoutValue};
use rha_sample::{Condition, Expr, Format, Names, Regex, Shared};

use super::PlanError;
use super::pages::{Page, PagePlan};

/// What is done when.
#[derive(Debug)]
pub struct Rule<A> {
    /// What.
    pub action: A,
    /// When; always if `None`.
    pub when: Option<Condition>,
}

/// Field names a rule means.
#[derive(Debug)]
pub enum FieldNames {
    /// One.
    Exact(Vec<u8>),
    /// Those that begin so.
    Begin(Vec<u8>),
    /// Those that end so.
    End(Vec<u8>),
    /// Those that contain it.
    Sub(Vec<u8>),
    /// Those that match.
    Regex(Regex),
}

/// Part of a request's target that a rule sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "named after the action")]
pub enum UriPart {
    Path,
    PathQuery,
    Query,
    Uri,
}

/// A reply's body.
#[derive(Debug)]
pub enum Body {
    /// None.
    Empty,
    /// What the proxy has for the status.
    Default,
    /// A whole response from a file.
    Page(Page),
    /// Fixed bytes.
    Bytes(Vec<u8>),
    /// A format.
    Format(Format),
}

/// A reply made here.
#[derive(Debug)]
pub struct ReplyPlan {
    /// Status.
    pub status: u16,
    /// `content-type`.
    pub content_type: Option<Vec<u8>>,
    /// `hdr`.
    pub headers: Vec<(Vec<u8>, Format)>,
    /// Body.
    pub body: Body,
}

/// Kind of redirect.
#[derive(Debug)]
#[allow(missing_docs, reason = "named after the keyword")]
pub enum RedirectTo {
    Location(Format),
    Prefix(Format),
    Scheme(Format),
}

/// A redirect.
#[derive(Debug)]
pub struct RedirectPlan {
    /// Where to.
    pub to: RedirectTo,
    /// Its options.
    pub model: rha_ir::Redirect,
}

/// A time that a rule sets.
#[derive(Debug)]
pub enum Delay {
    /// Milliseconds.
    Fixed(u32),
    /// Milliseconds, computed.
    Computed(Expr),
}

/// Which timeout a rule sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "named as in the configuration")]
pub enum Which {
    Client,
    Server,
    Tunnel,
    Connect,
    Queue,
    Tarpit,
}

/// `option forwarded`, its expressions compiled.
#[derive(Debug)]
pub struct ForwardedPlan {
    /// `proto`.
    pub proto: bool,
    /// `host`.
    pub host: Option<ForwardedFrom>,
    /// Name and port of `by` and of `for`.
    pub nodes: [(Option<ForwardedFrom>, Option<ForwardedFrom>); 2],
}

/// Where a part of the field comes from.
#[derive(Debug)]
pub enum ForwardedFrom {
    /// The connection, the Host field.
    Known,
    /// An expression.
    Computed(Expr),
}

/// An address a rule overrides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "named after the action")]
pub enum AddressPart {
    Source,
    SourcePort,
    Destination,
    DestinationPort,
}

pub use rha_ir::{Normalizer, PriorityPart, SocketMark, SocketSide};

/// An action.
#[derive(Debug)]
#[allow(missing_docs, reason = "named after the action")]
pub enum Act {
    Allow,
    Deny(ReplyPlan),
    Tarpit(ReplyPlan),
    Return(ReplyPlan),
    Reject,
    SilentDrop(Option<u8>),
    Redirect(Box<RedirectPlan>),
    Auth(Vec<u8>),
    SetHeader(Vec<u8>, Format),
    AddHeader(Vec<u8>, Format),
    DelHeader(FieldNames),
    ReplaceHeader(Vec<u8>, Regex, Format),
    ReplaceValue(Vec<u8>, Regex, Format),
    SetMethod(Format),
    SetUri(UriPart, Format),
    ReplaceUri(UriPart, Regex, Format),
    SetStatus(u16, Option<Vec<u8>>),
    SetVar(VarSlot, Expr, Vec<SetWhen>),
    SetVarFormat(VarSlot, Format, Vec<SetWhen>),
    UnsetVar(VarSlot),
    Capture(Expr, u32),
    SetLogLevel(Option<u8>),
    SetAddress(AddressPart, Expr),
    SetTimeout(Which, Delay),
    SetRetries(Delay),
    WaitForBody {
        time_ms: u32,
        at_least: Option<u64>,
    },
    /// Whether it is the last of a run, after which the 103 goes out.
    EarlyHint(Vec<u8>, Format, bool),
    NormalizeUri(Normalizer),
    Priority(PriorityPart, Expr),
    Socket(SocketSide, SocketMark, Delay),
    StrictMode(bool),
    DisableL7Retry,
    SwitchToHttp,
    Pause(Delay),
    Nothing,
}

/// `set-var` conditions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "named after the words")]
pub enum SetWhen {
    IfExists,
    IfNotExists,
    IfEmpty,
    IfNotEmpty,
    IfSet,
    IfNotSet,
    IfGreater,
    IfLess,
}

/// A TCP action.
#[derive(Debug)]
#[allow(missing_docs, reason = "named after the action")]
pub enum TcpAct {
    Accept,
    Reject,
    Close,
    ExpectProxy,
    ExpectNetscaler,
    Shared(Act),
}

/// A backend or server that a rule names.
#[derive(Debug)]
pub enum Target<T> {
    /// Known when the plan was made.
    Fixed(T),
    /// A name computed from the request.
    Computed(Format),
}

/// A log line's format, cut at its separators.
///
/// COMPAT: separators around a field that gives nothing become one, and a field without a value is a dash.
#[derive(Debug)]
pub struct LogLine(Vec<Format>);

impl LogLine {
    /// Appends the line.
    pub fn write(&self, scene: &dyn rha_base::Scene, out: &mut Vec<u8>) {
        let mut blank = true;
        for (i, part) in self.0.iter().enumerate() {
            if i > 0 && !std::mem::replace(&mut blank, true) {
                out.push(b' ');
            }
            let before = out.len();
            part.write(scene, out);
            blank &= out.len() == before;
        }
    }
}

/// All rules of a proxy.
#[derive(Debug, Default)]
#[allow(missing_docs, reason = "named as in the configuration")]
pub struct Rules {
    pub tcp_connection: Vec<Rule<TcpAct>>,
    pub tcp_session: Vec<Rule<TcpAct>>,
    pub tcp_content: Vec<Rule<TcpAct>>,
    pub tcp_response: Vec<Rule<TcpAct>>,
    pub http_request: Vec<Rule<Act>>,
    pub http_response: Vec<Rule<Act>>,
    pub http_after_response: Vec<Rule<Act>>,
    pub redirects: Vec<Rule<Act>>,
    pub use_backend: Vec<(Target<ProxyId>, Option<Condition>)>,
    pub use_server: Vec<(Target<usize>, Option<Condition>)>,
    pub force_persist: Vec<Condition>,
    pub ignore_persist: Vec<Condition>,
    pub monitor_fail: Vec<Condition>,
    pub log_format: Option<LogLine>,
    pub error_log_format: Option<LogLine>,
    pub unique_id: Option<Format>,
    /// `option forwarded`.
    pub forwarded: Option<Box<ForwardedPlan>>,
    pub key: Option<Expr>,
    /// Who may change servers by the statistics page.
    pub stats_admin: Vec<Condition>,
    /// `stats http-request`, or what `stats auth` comes to.
    pub stats_request: Vec<Rule<Act>>,
}

/// Names of variables by scope: an index is a slot.
#[derive(Debug, Default)]
pub(super) struct Variables(HashMap<(Scope, String), u16>, [u16; 6]);

impl Variables {
    /// Names of one scope with their slots.
    pub(super) fn of(&self, scope: Scope) -> HashMap<String, u16> {
        let own = self.0.iter().filter(|((s, _), _)| *s == scope);
        own.map(|((_, name), slot)| (name.clone(), *slot)).collect()
    }

    fn slot(&mut self, scope: Scope, name: &str) -> VarSlot {
        let next = &mut self.1[scope as usize];
        let index = *self.0.entry((scope, name.to_owned())).or_insert_with(|| {
            *next += 1;
            *next - 1
        });
        VarSlot { scope, index }
    }
}

/// What rules are resolved against.
pub(super) struct Resolver<'a> {
    pub model: &'a Model,
    pub current: usize,
    pub variables: Variables,
    pub shared: Shared,
}

fn id(i: usize) -> ProxyId {
    ProxyId(u32::try_from(i).unwrap_or(u32::MAX))
}

impl Names for Resolver<'_> {
    fn current(&self) -> ProxyId {
        id(self.current)
    }

    fn proxy(&self, name: &str) -> Option<ProxyId> {
        if name.is_empty() {
            return Some(self.current());
        }
        self.model.proxies.iter().position(|p| p.name == name).map(id)
    }

    fn frontend(&self, name: &str) -> Option<ProxyId> {
        if name.is_empty() {
            return Some(self.current());
        }
        self.model.proxies.iter().position(|p| p.kind.is_frontend() && p.name == name).map(id)
    }

    fn backend(&self, name: &str) -> Option<ProxyId> {
        if name.is_empty() {
            return Some(self.current());
        }
        self.model.backend(name).map(|(i, _)| id(i))
    }

    fn server(&self, backend: &str, server: &str) -> Option<(ProxyId, ServerId)> {
        let b = self.backend(backend)?;
        let servers = &self.model.proxies.get(b.0 as usize)?.service.servers;
        let s = servers.iter().position(|s| s.name == server)?;
        Some((b, ServerId(u32::try_from(s).ok()?)))
    }

    fn variable(&mut self, scope: Scope, name: &str) -> VarSlot {
        self.variables.slot(scope, name)
    }

    fn read_file(&self, path: &str) -> io::Result<Vec<u8>> {
        std::fs::read(path)
    }

    fn user_list(&self, name: &str) -> Option<&rha_ir::UserList> {
        self.model.user_lists.iter().find(|l| l.name == name)
    }

    fn env(&self, name: &str) -> Option<Vec<u8>> {
        self.model.process.env.iter().find(|(k, _)| k == name).map(|(_, v)| v.to_vec())
    }

    fn acls(&self) -> &[rha_ir::Acl] {
        self.model.proxies.get(self.current).map_or(&[], |p| &p.acls)
    }

    fn shared(&mut self) -> &mut Shared {
        &mut self.shared
    }
}

/// Realm of the statistics page.
pub(crate) const STATS_REALM: &[u8] = b"HAProxy Statistics";

/// Status of a denied request, and of a denied response, when the rule names none.
const DENIED: u16 = 403;
const DENIED_RESPONSE: u16 = 502;

type Planned<T> = Result<T, PlanError>;

fn fault(e: &rha_sample::PlanError) -> PlanError {
    PlanError { span: e.span, message: e.to_string() }
}

/// Compiles all rules of a proxy; errors are collected.
pub(super) struct Compiler<'a, 'b> {
    pub names: &'a mut Resolver<'b>,
    pub proxy: &'b Proxy,
    /// How whole responses are read.
    pub policy: rha_http1::Policy,
    pub errors: &'a mut Vec<PlanError>,
}

impl Compiler<'_, '_> {
    pub(super) fn compile(&mut self) -> Rules {
        let p = self.proxy;
        Rules {
            tcp_connection: self.tcp(&p.tcp_connection),
            tcp_session: self.tcp(&p.tcp_session),
            tcp_content: self.tcp(&p.tcp_content),
            tcp_response: self.tcp(&p.tcp_response),
            http_request: self.http(&p.http_request, DENIED),
            http_response: self.http(&p.http_response, DENIED_RESPONSE),
            http_after_response: self.http(&p.http_after_response, DENIED),
            redirects: self.http(&p.redirects, DENIED),
            use_backend: self.backends(),
            use_server: self.servers(),
            force_persist: self.conditions(&p.force_persist),
            ignore_persist: self.conditions(&p.ignore_persist),
            monitor_fail: self.conditions(&p.monitor_fail),
            log_format: self.log_line(p.log_format.as_ref()),
            error_log_format: self.log_line(p.error_log_format.as_ref()),
            unique_id: self.maybe_format(p.unique_id_format.as_ref()),
            forwarded: p.forwarded.as_ref().and_then(|f| {
                let made = self.forwarded(f);
                self.note(made).map(Box::new)
            }),
            stats_admin: p.stats.as_ref().map_or_else(Vec::new, |s| {
                s.admin
                    .iter()
                    .filter_map(|a| {
                        let made = self.condition(&a.condition);
                        self.note(made)
                    })
                    .collect()
            }),
            stats_request: self.stats_rules(p.stats.as_ref()),
            key: match p.service.balance.as_ref() {
                Some(rha_ir::Balance::Hash(rha_ir::BalanceKey::Sample(e))) => {
                    let made = self.expr(e);
                    self.note(made)
                }
                _ => None,
            },
        }
    }

    /// COMPAT: the realm does not depend on the proxy's name here.
    fn stats_rules(&mut self, stats: Option<&rha_ir::Stats>) -> Vec<Rule<Act>> {
        let mut rules = self.http(stats.map_or(&[][..], |s| &s.http_request), DENIED);
        let written = stats.map_or(&[][..], |s| &s.http_request);
        for (rule, model) in rules.iter_mut().zip(written) {
            if let (Act::Auth(realm), Action::Auth(None)) = (&mut rule.action, &model.action) {
                *realm = STATS_REALM.to_vec();
            }
        }
        rules
    }

    fn note<T>(&mut self, r: Planned<T>) -> Option<T> {
        r.map_err(|e| self.errors.push(e)).ok()
    }

    fn condition(&mut self, c: &rha_ir::Condition) -> Planned<Condition> {
        Condition::compile(c, &self.proxy.acls, self.names).map_err(|e| fault(&e))
    }

    fn conditions(&mut self, all: &[rha_ir::Condition]) -> Vec<Condition> {
        all.iter()
            .filter_map(|c| {
                let made = self.condition(c);
                self.note(made)
            })
            .collect()
    }

    fn expr(&mut self, e: &rha_ir::SampleExpr) -> Planned<Expr> {
        Expr::compile(e, self.names).map_err(|e| fault(&e))
    }

    fn format(&mut self, f: &rha_ir::LogFormat) -> Planned<Format> {
        Format::compile_for_http(f, self.names).map_err(|e| fault(&e))
    }

    fn log_line(&mut self, f: Option<&rha_ir::LogFormat>) -> Option<LogLine> {
        let f = f?;
        let mut parts = Vec::new();
        for nodes in f.nodes.split(|n| *n == rha_ir::LogNode::Separator) {
            let mut nodes = nodes.to_vec();
            for n in &mut nodes {
                if let rha_ir::LogNode::Alias { flags, .. } | rha_ir::LogNode::Sample { flags, .. } = n {
                    flags.mandatory = true;
                }
            }
            let part = rha_ir::LogFormat { nodes, origin: f.origin };
            let made = Format::compile(&part, self.names).map_err(|e| fault(&e));
            parts.push(self.note(made)?);
        }
        Some(LogLine(parts))
    }

    fn forwarded(&mut self, f: &rha_ir::Forwarded) -> Planned<ForwardedPlan> {
        let mut part = |p: &Option<rha_ir::ForwardedPart>| -> Planned<Option<ForwardedFrom>> {
            Ok(match p {
                None => None,
                Some(rha_ir::ForwardedPart::Known) => Some(ForwardedFrom::Known),
                Some(rha_ir::ForwardedPart::Expr(e)) => Some(ForwardedFrom::Computed(self.expr(e)?)),
            })
        };
        let host = part(&f.host)?;
        let by = (part(&f.by.name)?, part(&f.by.port)?);
        let source = (part(&f.r#for.name)?, part(&f.r#for.port)?);
        Ok(ForwardedPlan { proto: f.proto, host, nodes: [by, source] })
    }

    fn maybe_format(&mut self, f: Option<&rha_ir::LogFormat>) -> Option<Format> {
        let made = self.format(f?);
        self.note(made)
    }

    fn regex(&self, pattern: &[u8], span: rha_ir::Span) -> Planned<Regex> {
        Regex::new(pattern, false).map_err(|message| PlanError { span, message })
    }

    fn http(&mut self, rules: &[rha_ir::Rule], denied: u16) -> Vec<Rule<Act>> {
        let mut out = Vec::with_capacity(rules.len());
        for r in rules {
            let made = self.http_rule(r, denied);
            out.extend(self.note(made));
        }
        join_hints(&mut out);
        out
    }

    fn http_rule(&mut self, r: &rha_ir::Rule, denied: u16) -> Planned<Rule<Act>> {
        let when = r.condition.as_ref().map(|c| self.condition(c)).transpose()?;
        let action = match &r.action {
            Action::Deny(reply) => Act::Deny(self.reply(reply, denied, r.origin)?),
            other => self.act(other, r.origin)?,
        };
        Ok(Rule { action, when })
    }

    fn tcp(&mut self, rules: &[rha_ir::TcpRule]) -> Vec<Rule<TcpAct>> {
        let mut out = Vec::with_capacity(rules.len());
        for r in rules {
            let made = self.tcp_rule(r);
            out.extend(self.note(made));
        }
        out
    }

    fn tcp_rule(&mut self, r: &rha_ir::TcpRule) -> Planned<Rule<TcpAct>> {
        let when = r.condition.as_ref().map(|c| self.condition(c)).transpose()?;
        let action = match &r.action {
            TcpAction::Accept => TcpAct::Accept,
            TcpAction::Reject => TcpAct::Reject,
            TcpAction::Close => TcpAct::Close,
            TcpAction::ExpectProxy => TcpAct::ExpectProxy,
            TcpAction::ExpectNetscaler => TcpAct::ExpectNetscaler,
            TcpAction::Shared(a) => TcpAct::Shared(self.act(a, r.origin)?),
        };
        Ok(Rule { action, when })
    }

    fn backends(&mut self) -> Vec<(Target<ProxyId>, Option<Condition>)> {
        let mut out = Vec::new();
        let p = self.proxy;
        for r in &p.use_backend {
            let target = match r.target.literal() {
                Some(name) => {
                    let name = String::from_utf8_lossy(&name).into_owned();
                    let found = self.names.model.backend(&name).map(|(i, _)| Target::Fixed(id(i)));
                    found.ok_or_else(|| PlanError {
                        span: r.origin,
                        message: format!("unable to find required use_backend: '{name}'"),
                    })
                }
                None => self.format(&r.target).map(Target::Computed),
            };
            let when = r.condition.as_ref().map(|c| self.condition(c)).transpose();
            if let (Some(t), Some(w)) = (self.note(target), self.note(when)) {
                out.push((t, w));
            }
        }
        out
    }

    fn servers(&mut self) -> Vec<(Target<usize>, Option<Condition>)> {
        let mut out = Vec::new();
        let p = self.proxy;
        for r in &p.use_server {
            let target = match r.target.literal() {
                Some(name) => {
                    let found = p.service.servers.iter().position(|s| s.name.as_bytes() == name.as_slice());
                    found.map(Target::Fixed).ok_or_else(|| PlanError {
                        span: r.origin,
                        message: format!("unable to find server '{name}' referenced in a 'use-server' rule"),
                    })
                }
                None => self.format(&r.target).map(Target::Computed),
            };
            let when = r.condition.as_ref().map(|c| self.condition(c)).transpose();
            if let (Some(t), Some(w)) = (self.note(target), self.note(when)) {
                out.push((t, w));
            }
        }
        out
    }

    fn reply(&mut self, r: &rha_ir::Reply, default: u16, origin: rha_ir::Span) -> Planned<ReplyPlan> {
        let mut headers = Vec::with_capacity(r.headers.len());
        for (name, f) in &r.headers {
            headers.push((name.to_vec(), self.format(f)?));
        }
        Ok(ReplyPlan {
            status: r.status.unwrap_or(default),
            content_type: r.content_type.as_ref().map(|c| c.to_vec()),
            headers,
            body: match &r.body {
                ReplyBody::Empty => Body::Empty,
                ReplyBody::Default => Body::Default,
                ReplyBody::ErrorFile(path) => {
                    let raw = std::fs::read(path).map_err(|e| PlanError {
                        span: origin,
                        message: format!("failed to read error file '{path}': {e}"),
                    })?;
                    Body::Page(Page::parse(r.status.unwrap_or(default), &raw, &self.policy, origin)?)
                }
                ReplyBody::ErrorFiles(name) => {
                    let status = r.status.unwrap_or(default);
                    self.section_page(name, status, origin)?.map_or(Body::Default, Body::Page)
                }
                ReplyBody::Text(t) => Body::Bytes(t.to_vec()),
                ReplyBody::File(b) => Body::Bytes(b.clone()),
                ReplyBody::Format(f) | ReplyBody::FormatFile(f) => Body::Format(self.format(f)?),
            },
        })
    }

    /// What an `http-errors` section has for a status.
    fn section_page(&self, name: &str, status: u16, origin: rha_ir::Span) -> Planned<Option<Page>> {
        let section = self.names.model.error_sections.iter().find(|s| s.name == name);
        let page = section.and_then(|s| s.pages.iter().find(|(c, _)| *c == status));
        page.map(|(_, raw)| Page::parse(status, raw, &self.policy, origin)).transpose()
    }

    /// Error pages by status; the last one given for a status counts.
    pub(super) fn pages(&mut self) -> HashMap<u16, Page> {
        let p = self.proxy;
        let mut pages = HashMap::new();
        for (status, file) in &p.error_files {
            let made = self.page(*status, file);
            if let Some(Some(page)) = self.note(made) {
                pages.insert(*status, page);
            }
        }
        pages
    }

    fn page(&mut self, status: u16, file: &rha_ir::ErrorFile) -> Planned<Option<Page>> {
        let origin = self.proxy.origin;
        Ok(Some(match file {
            rha_ir::ErrorFile::Content(raw) => Page::parse(status, raw, &self.policy, origin)?,
            rha_ir::ErrorFile::Location(code, to) => Page::Fixed(PagePlan::location(*code, to)),
            rha_ir::ErrorFile::Section(name) => return self.section_page(name, status, origin),
            rha_ir::ErrorFile::Reply(r) => {
                let reply = self.reply(r, status, origin)?;
                if matches!(reply.body, Body::Default) { Page::Builtin } else { Page::Reply(Box::new(reply)) }
            }
        }))
    }

    fn delay(&mut self, t: &TimeoutValue) -> Planned<Delay> {
        Ok(match t {
            TimeoutValue::Ms(n) => Delay::Fixed(*n),
            TimeoutValue::Expr(e) => Delay::Computed(self.expr(e)?),
        })
    }

    fn variable(&mut self, v: &rha_ir::VarName) -> VarSlot {
        let scope = match v.scope {
            rha_ir::VarScope::Proc => Scope::Process,
            rha_ir::VarScope::Sess => Scope::Session,
            rha_ir::VarScope::Txn => Scope::Transaction,
            rha_ir::VarScope::Req => Scope::Request,
            rha_ir::VarScope::Res => Scope::Response,
            rha_ir::VarScope::Check => Scope::Check,
        };
        self.names.variable(scope, &v.name)
    }

    fn act(&mut self, a: &Action, origin: rha_ir::Span) -> Planned<Act> {
        let not_built =
            |what: &str| PlanError { span: origin, message: format!("action '{what}' is not built yet") };
        Ok(match a {
            Action::Allow => Act::Allow,
            Action::Deny(r) => Act::Deny(self.reply(r, DENIED, origin)?),
            Action::Tarpit(r) => Act::Tarpit(self.reply(r, 500, origin)?),
            Action::Return(r) => Act::Return(self.reply(r, 200, origin)?),
            Action::Reject => Act::Reject,
            Action::SilentDrop(ttl) => Act::SilentDrop(*ttl),
            Action::Redirect(r) => {
                let to = match &r.kind {
                    rha_ir::RedirectKind::Location(f) => RedirectTo::Location(self.format(f)?),
                    rha_ir::RedirectKind::Prefix(f) => RedirectTo::Prefix(self.format(f)?),
                    rha_ir::RedirectKind::Scheme(f) => RedirectTo::Scheme(self.format(f)?),
                };
                Act::Redirect(Box::new(RedirectPlan { to, model: r.clone() }))
            }
            Action::Auth(realm) => {
                let default = || self.proxy.name.as_bytes().to_vec();
                Act::Auth(realm.as_ref().map_or_else(default, |r| r.to_vec()))
            }
            Action::SetHeader(n, f) => Act::SetHeader(n.to_vec(), self.format(f)?),
            Action::AddHeader(n, f) => Act::AddHeader(n.to_vec(), self.format(f)?),
            Action::DelHeader(n, how) => Act::DelHeader(match how {
                rha_ir::NameMatch::Exact => FieldNames::Exact(n.to_vec()),
                rha_ir::NameMatch::Begin => FieldNames::Begin(n.to_ascii_lowercase()),
                rha_ir::NameMatch::End => FieldNames::End(n.to_ascii_lowercase()),
                rha_ir::NameMatch::Sub => FieldNames::Sub(n.to_ascii_lowercase()),
                rha_ir::NameMatch::Regex => FieldNames::Regex(self.regex(n, origin)?),
            }),
            Action::ReplaceHeader(n, re, f) => {
                Act::ReplaceHeader(n.to_vec(), self.regex(re, origin)?, self.format(f)?)
            }
            Action::ReplaceValue(n, re, f) => {
                Act::ReplaceValue(n.to_vec(), self.regex(re, origin)?, self.format(f)?)
            }
            Action::SetMethod(f) => Act::SetMethod(self.format(f)?),
            Action::SetPath(f) => Act::SetUri(UriPart::Path, self.format(f)?),
            Action::SetPathQuery(f) => Act::SetUri(UriPart::PathQuery, self.format(f)?),
            Action::SetQuery(f) => Act::SetUri(UriPart::Query, self.format(f)?),
            Action::SetUri(f) => Act::SetUri(UriPart::Uri, self.format(f)?),
            Action::ReplacePath(re, f) => {
                Act::ReplaceUri(UriPart::Path, self.regex(re, origin)?, self.format(f)?)
            }
            Action::ReplacePathQuery(re, f) => {
                Act::ReplaceUri(UriPart::PathQuery, self.regex(re, origin)?, self.format(f)?)
            }
            Action::ReplaceUri(re, f) => {
                Act::ReplaceUri(UriPart::Uri, self.regex(re, origin)?, self.format(f)?)
            }
            Action::SetStatus(code, reason) => Act::SetStatus(*code, reason.as_ref().map(|r| r.to_vec())),
            Action::SetVar(v, e, when) => Act::SetVar(self.variable(v), self.expr(e)?, set_when(when)),
            Action::SetVarFormat(v, f, when) => {
                Act::SetVarFormat(self.variable(v), self.format(f)?, set_when(when))
            }
            Action::UnsetVar(v) => Act::UnsetVar(self.variable(v)),
            Action::Capture { expr, slot } => Act::Capture(self.expr(expr)?, *slot),
            Action::SetLogLevel(l) => Act::SetLogLevel(*l),
            Action::SetSource(e) => Act::SetAddress(AddressPart::Source, self.expr(e)?),
            Action::SetSourcePort(e) => Act::SetAddress(AddressPart::SourcePort, self.expr(e)?),
            Action::SetDestination(e) => Act::SetAddress(AddressPart::Destination, self.expr(e)?),
            Action::SetDestinationPort(e) => Act::SetAddress(AddressPart::DestinationPort, self.expr(e)?),
            Action::SetTimeout(which, t) => {
                let which = match which.as_str() {
                    "client" => Which::Client,
                    "server" => Which::Server,
                    "tunnel" => Which::Tunnel,
                    "connect" => Which::Connect,
                    "queue" => Which::Queue,
                    "tarpit" => Which::Tarpit,
                    other => return Err(not_built(&format!("set-timeout {other}"))),
                };
                Act::SetTimeout(which, self.delay(t)?)
            }
            Action::SetRetries(rha_ir::RetriesValue::Fixed(n)) => Act::SetRetries(Delay::Fixed(*n)),
            Action::SetRetries(rha_ir::RetriesValue::Expr(e)) => {
                Act::SetRetries(Delay::Computed(self.expr(e)?))
            }
            Action::WaitForBody { time_ms, at_least } => {
                Act::WaitForBody { time_ms: *time_ms, at_least: *at_least }
            }
            Action::EarlyHint(n, f) => Act::EarlyHint(n.to_vec(), self.format(f)?, true),
            Action::NormalizeUri(how) => Act::NormalizeUri(*how),
            Action::SetPriority(part, e) => Act::Priority(*part, self.expr(e)?),
            Action::SetSocket(side, what, value) => Act::Socket(
                *side,
                *what,
                match value {
                    rha_ir::MarkValue::Fixed(n) => Delay::Fixed(*n),
                    rha_ir::MarkValue::Expr(e) => Delay::Computed(self.expr(e)?),
                },
            ),
            Action::StrictMode(on) => Act::StrictMode(*on),
            Action::DisableL7Retry => Act::DisableL7Retry,
            Action::SwitchToHttp => Act::SwitchToHttp,
            Action::Pause(t) => Act::Pause(self.delay(t)?),
            Action::NoEffect(_) => Act::Nothing,
            Action::Planned(_) if self.names.model.process.allow_planned => Act::Nothing,
            Action::Planned(what) => return Err(not_built(what)),
        })
    }
}

/// COMPAT: hints that follow each other go out as one response, up to one with a condition.
fn join_hints(rules: &mut [Rule<Act>]) {
    let joins = |r: &Rule<Act>| matches!(r.action, Act::EarlyHint(..)) && r.when.is_none();
    for i in 1..rules.len() {
        if rules.get(i).is_some_and(joins)
            && let Some(Act::EarlyHint(_, _, last)) = rules.get_mut(i - 1).map(|r| &mut r.action)
        {
            *last = false;
        }
    }
}

fn set_when(words: &[String]) -> Vec<SetWhen> {
    words
        .iter()
        .filter_map(|w| {
            Some(match w.as_str() {
                "ifexists" => SetWhen::IfExists,
                "ifnotexists" => SetWhen::IfNotExists,
                "ifempty" => SetWhen::IfEmpty,
                "ifnotempty" => SetWhen::IfNotEmpty,
                "ifset" => SetWhen::IfSet,
                "ifnotset" => SetWhen::IfNotSet,
                "ifgt" => SetWhen::IfGreater,
                "iflt" => SetWhen::IfLess,
                _ => return None,
            })
        })
        .collect()
}
