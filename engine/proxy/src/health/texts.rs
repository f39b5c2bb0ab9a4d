//! The formats, expressions and variables of a backend's check: compiled with the plan, evaluated in each run.
//!
//! HAProxy 3.0 configuration manual §4.2 "http-check set-var", "tcp-check send-lf", "tcp-check expect". An
//! expression in a check sees its backend and server, what the server has answered since the last send, and the
//! variables of scopes `check`, `sess` (both live as long as the run) and `proc`. It is told apart from others by
//! where it was written.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::Ordering::Relaxed;

use rha_base::{
    Fact, Message, Now, ProxyFact, ProxyId, Request, Response, Scene, Scope, ServerFact, ServerId, Site,
    Value, VarSlot,
};
use rha_health::{Answer, Formats, Script};
use rha_ir::{LogFormat, SampleExpr, Span, VarName, VarScope, VarValue};
use rha_sample::{Expr, Format, Names, PlanError};
use rha_vocab::SampleType;

use super::Desk;
use super::targets::Target;
use crate::plan::ProxyPlan;
use crate::stream::scene::{proxy_number, server_number};

/// Everything a check's script evaluates, compiled.
#[derive(Debug, Default)]
pub struct Texts {
    formats: HashMap<Span, Format>,
    exprs: HashMap<Span, Expr>,
    slots: HashMap<(VarScope, String), VarSlot>,
}

impl Texts {
    /// Compiles what a script evaluates; `None` if that is nothing.
    ///
    /// # Errors
    /// An expression that cannot be evaluated.
    pub(crate) fn compile(script: &Script, names: &mut dyn Names) -> Result<Option<Texts>, PlanError> {
        let mut texts = Texts::default();
        for format in script.formats() {
            texts.formats.insert(format.origin, Format::compile(format, names)?);
        }
        for expr in script.expressions() {
            texts.exprs.insert(expr.origin, Expr::compile(expr, names)?);
        }
        for name in script.variables() {
            let slot = names.variable(scope(name.scope), &name.name);
            texts.slots.insert((name.scope, name.name.clone()), slot);
        }
        let is_empty = texts.formats.is_empty() && texts.exprs.is_empty() && texts.slots.is_empty();
        Ok((!is_empty).then_some(texts))
    }
}

fn scope(s: VarScope) -> Scope {
    match s {
        VarScope::Proc => Scope::Process,
        VarScope::Sess => Scope::Session,
        VarScope::Txn => Scope::Transaction,
        VarScope::Req => Scope::Request,
        VarScope::Res => Scope::Response,
        VarScope::Check => Scope::Check,
    }
}

type Values = HashMap<VarSlot, Value<'static>>;

/// What one run of a check evaluates with.
pub(super) struct Stage<'a> {
    pub texts: &'a Texts,
    pub desk: &'a Desk,
    pub target: &'a Target,
    /// Ends of the current connection.
    pub ends: Cell<Option<(SocketAddr, SocketAddr)>>,
    variables: RefCell<Values>,
}

impl<'a> Stage<'a> {
    pub(super) fn new(texts: &'a Texts, desk: &'a Desk, target: &'a Target) -> Stage<'a> {
        Stage { texts, desk, target, ends: Cell::new(None), variables: RefCell::default() }
    }

    /// Shows the scene as it is now, then keeps the variables that were set meanwhile.
    fn look<T>(&self, answer: &Answer<'_>, act: impl FnOnce(&View<'_>) -> T) -> T {
        let pending = RefCell::default();
        let done = {
            let process = self.desk.plan.process_variables.copied().1;
            let variables = self.variables.borrow();
            let response = answer.response.map(Seen);
            act(&View { stage: self, answer, response, variables: &variables, process, pending: &pending })
        };
        for (slot, value) in pending.into_inner() {
            self.keep(slot, value);
        }
        done
    }

    /// COMPAT: scopes of streams do not exist here, what is set there is lost.
    fn keep(&self, slot: VarSlot, value: Option<Value<'static>>) {
        match (slot.scope, value) {
            (Scope::Process, value) => self.desk.plan.process_variables.store(slot.index, value),
            (Scope::Check | Scope::Session, Some(value)) => {
                self.variables.borrow_mut().insert(slot, value);
            }
            (Scope::Check | Scope::Session, None) => {
                self.variables.borrow_mut().remove(&slot);
            }
            _ => {}
        }
    }

    fn proxy(&self) -> Option<&ProxyPlan> {
        self.desk.plan.proxy(self.target.proxy)
    }
}

impl Formats for Stage<'_> {
    fn format(&self, format: &LogFormat, answer: &Answer<'_>) -> Vec<u8> {
        let Some(compiled) = self.texts.formats.get(&format.origin) else {
            return format.literal().map(Vec::from).unwrap_or_default();
        };
        self.look(answer, |view| {
            let mut out = Vec::new();
            compiled.write(view, &mut out);
            out
        })
    }

    fn number(&self, expr: &SampleExpr, answer: &Answer<'_>) -> Option<i64> {
        let compiled = self.texts.exprs.get(&expr.origin)?;
        self.look(answer, |view| match compiled.eval_as(view, SampleType::Sint)? {
            Value::Int(n) => Some(n),
            _ => None,
        })
    }

    fn assign(&self, name: &VarName, value: Option<&VarValue>, answer: &Answer<'_>) {
        let Some(slot) = self.texts.slots.get(&(name.scope, name.name.clone())) else { return };
        let value = match value {
            None => None,
            Some(VarValue::Format(f)) => Some(Value::Str(self.format(f, answer).into())),
            Some(VarValue::Expr(e)) => {
                let Some(compiled) = self.texts.exprs.get(&e.origin) else { return };
                let found = self.look(answer, |view| match compiled.eval(view) {
                    rha_sample::Sampled::Value(v) => Some(v.into_owned()),
                    _ => None,
                });
                // COMPAT: an expression without a value leaves the variable as it was.
                if found.is_none() {
                    return;
                }
                found
            }
        };
        self.keep(*slot, value);
    }
}

/// A run of a check at one moment.
struct View<'a> {
    stage: &'a Stage<'a>,
    answer: &'a Answer<'a>,
    response: Option<Seen<'a>>,
    variables: &'a Values,
    process: Vec<Option<Value<'static>>>,
    pending: &'a RefCell<Vec<(VarSlot, Option<Value<'static>>)>>,
}

impl Scene for View<'_> {
    fn now(&self) -> Now {
        rha_net::read_clocks()
    }
    fn source(&self) -> Option<SocketAddr> {
        None
    }
    fn destination(&self) -> Option<SocketAddr> {
        None
    }
    fn request(&self) -> Option<&dyn Request> {
        None
    }
    fn response(&self) -> Option<&dyn Response> {
        self.response.as_ref().map(|r| r as &dyn Response)
    }
    fn request_buffer(&self) -> &[u8] {
        &[]
    }
    fn response_buffer(&self) -> &[u8] {
        self.answer.data
    }
    fn request_may_grow(&self) -> bool {
        false
    }
    fn local_offset_s(&self, wall_us: i64) -> i32 {
        rha_net::local_time(wall_us / 1_000_000).offset_s
    }
    fn set_variable(&self, slot: VarSlot, value: Option<Value<'static>>) -> bool {
        self.pending.borrow_mut().push((slot, value));
        true
    }
    fn variable(&self, slot: VarSlot) -> Option<&Value<'static>> {
        match slot.scope {
            Scope::Process => self.process.get(usize::from(slot.index))?.as_ref(),
            _ => self.variables.get(&slot),
        }
    }

    fn fact(&self, fact: Fact) -> Option<Value<'_>> {
        let target = self.stage.target;
        let proxy = self.stage.proxy()?;
        let server = proxy.state.servers.get(target.server)?;
        let address = || self.stage.ends.get().map(|e| e.1).or_else(|| server.address().ip());
        match fact {
            // COMPAT: the name of the frontend that checks come from.
            Fact::FrontendName | Fact::FrontendNameTransport => Some(Value::str(b"CHECKS-FE")),
            Fact::BackendName => Some(Value::str(target.backend.as_bytes())),
            Fact::BackendId => Some(Value::Int(proxy.number.into())),
            Fact::ServerName => Some(Value::str(target.name.as_bytes())),
            Fact::ServerId => Some(Value::Int(proxy.server(target.server)?.number.into())),
            Fact::ServerIp => Some(Value::addr(address()?.ip())),
            Fact::ServerPort => Some(Value::Int(address()?.port().into())),
            Fact::BackendSourceIp => Some(Value::addr(self.stage.ends.get()?.0.ip())),
            Fact::BackendSourcePort => Some(Value::Int(self.stage.ends.get()?.0.port().into())),
            Fact::BackendConnections => Some(Value::Int(proxy.state.back.read().into())),
            Fact::ServerConnections => Some(Value::Int(server.served.read().into())),
            Fact::ServerQueue => Some(Value::Int(server.queued.read().into())),
            Fact::BackendQueue => Some(Value::Int(proxy.state.total_queued.load(Relaxed).into())),
            Fact::StatusCode => self.answer.response.map(|r| Value::Int(r.status.into())),
            Fact::Hostname => Some(Value::Str(self.stage.desk.node.as_bytes().into())),
            Fact::Pid => Some(Value::Int(crate::plan::logs::pid().into())),
            Fact::LogTag => Some(Value::str(proxy.log_tag.as_bytes())),
            Fact::BackendHttpMajor => Some(Value::Int(1)),
            Fact::Stopping => Some(Value::Bool(false)),
            _ => None,
        }
    }

    fn place(&self) -> (ProxyId, Option<ProxyId>, Option<ServerId>) {
        let id = self.stage.target.proxy;
        (id, Some(id), u32::try_from(self.stage.target.server).ok().map(ServerId))
    }

    fn site(&self) -> &dyn Site {
        self
    }

    fn random(&self) -> u32 {
        // For the spreading of requests, not for secrets.
        let t = rha_net::read_clocks().mono_us;
        (t ^ (t << 17) ^ (t >> 7)) as u32
    }
}

impl Site for View<'_> {
    fn proxy(&self, id: ProxyId, fact: ProxyFact) -> i64 {
        self.stage.desk.plan.proxy(id).map_or(0, |p| proxy_number(p, fact))
    }
    fn server(&self, backend: ProxyId, server: ServerId, fact: ServerFact) -> i64 {
        let Some(p) = self.stage.desk.plan.proxy(backend) else { return 0 };
        let i = server.0 as usize;
        p.state.servers.get(i).map_or(0, |s| server_number(p, i, s, fact))
    }
    fn connections(&self) -> i64 {
        let each = self.stage.desk.plan.proxies.iter();
        each.map(|p| i64::from(p.state.front.read())).sum()
    }
    fn workers(&self) -> u32 {
        self.stage.desk.plan.process.workers
    }
}

/// A check's response as fetches see it.
struct Seen<'a>(&'a rha_health::Response);

impl Message for Seen<'_> {
    fn header_count(&self) -> usize {
        self.0.headers.len()
    }
    fn header(&self, i: usize) -> (&[u8], &[u8]) {
        self.0.headers.get(i).map_or((b"", b""), |(name, value)| (name, value))
    }
    fn body(&self) -> &[u8] {
        &self.0.body
    }
    fn body_is_whole(&self) -> bool {
        self.0.whole
    }
    fn content_length(&self) -> Option<u64> {
        let found = self.0.headers.iter().find(|(name, _)| name == b"content-length");
        found.and_then(|(_, v)| std::str::from_utf8(v).ok()?.parse().ok())
    }
}

impl Response for Seen<'_> {
    fn status(&self) -> u16 {
        self.0.status
    }
    fn reason(&self) -> &[u8] {
        &self.0.reason
    }
    fn version(&self) -> (u8, u8) {
        self.0.version
    }
}
