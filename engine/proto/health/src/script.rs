//! What a check does, step by step, worked out once from the configuration.
//!
//! HAProxy 3.0 configuration manual §4.2 "option httpchk", "http-check connect|send|expect", "tcp-check …".
//! COMPAT: implied steps (a connect first, `expect status 200-399` after a last send), the numbering of steps in
//! messages and the way comments pass to the next step are HAProxy's.

use std::sync::Arc;

use bstr::{BString, ByteSlice};
use pcre2::bytes::Regex;
use rha_ir::{
    Address, Check, CheckKind, Expect, ExpectKind, HeaderExpect, HeaderMatch, HeaderPattern, HttpCheck,
    LogFormat, SampleExpr, StatusRange, TcpStep, VarName, VarValue,
};

use crate::{Status, builtin};

/// Why a check cannot be run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CompileError {
    /// A step or option that is not built, by its name.
    Unsupported(String),
    /// A regular expression that does not compile.
    Regex(String),
    /// A status word nobody knows.
    Status(String),
}

impl std::fmt::Display for CompileError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            CompileError::Unsupported(what) => write!(f, "'{what}' is not supported in health checks"),
            CompileError::Regex(why) => write!(f, "regular expression: {why}"),
            CompileError::Status(word) => write!(f, "unknown check status '{word}'"),
        }
    }
}

impl std::error::Error for CompileError {}

/// Where a connect step goes; what is not given is the check's own.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ConnectTo {
    /// `port`.
    pub port: Option<u16>,
    /// `addr`.
    pub address: Option<Address>,
    /// `send-proxy`.
    pub send_proxy: bool,
    /// `via-socks4`.
    pub socks4: bool,
    /// Close without a reset at the end of the exchange (`linger`).
    pub linger: bool,
    /// The check's own settings apply (PROXY header and SOCKS4 proxy of the server line).
    pub default: bool,
}

/// What a family of scripts has in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    /// A connection is enough.
    Plain,
    /// `option tcp-check`.
    Tcp,
    /// `option httpchk`.
    Http,
    /// A built-in protocol.
    Protocol,
}

#[derive(Debug, Clone)]
pub(crate) enum Payload {
    Bytes(Vec<u8>),
    Format {
        format: LogFormat,
        hex: bool,
    },
    Http(Box<HttpCheck>),
    /// Bytes before and after four bytes of time.
    Stamped(Vec<u8>, Vec<u8>),
}

/// A message of `on-success`, `on-error`.
#[derive(Debug, Clone)]
pub(crate) enum Message {
    Text(&'static str),
    Format(LogFormat),
    /// The answer's first line from an offset on.
    Answer {
        offset: usize,
        trimmed: bool,
        whole: bool,
    },
}

#[derive(Debug, Clone)]
pub(crate) enum Test {
    Status(StatusRange),
    StatusRegex(Regex),
    Text(BString),
    TextFormat { format: LogFormat, hex: bool },
    Regex(Regex),
    Binary(Vec<u8>),
    BinaryRegex(Regex),
    Header(HeaderTest),
    MysqlGreeting { last: bool },
    MysqlReply,
    LdapBind,
    SpopHello,
    AgentLine,
}

#[derive(Debug, Clone)]
pub(crate) enum Pattern {
    Text(HeaderMatch, LogFormat),
    Regex(Regex),
}

#[derive(Debug, Clone)]
pub(crate) struct HeaderTest {
    /// `fhdr`: whole fields, not their comma-separated parts.
    pub full: bool,
    pub name: Pattern,
    pub value: Option<Pattern>,
}

#[derive(Debug, Clone)]
pub(crate) struct ExpectStep {
    pub test: Test,
    pub negated: bool,
    pub min_recv: Option<usize>,
    pub ok: Option<Status>,
    pub error: Option<Status>,
    pub timeout: Option<Status>,
    pub on_success: Option<Message>,
    pub on_error: Option<Message>,
    /// The first three bytes of the answer are the code.
    pub reply_code: bool,
    /// `status-code`.
    pub code: Option<SampleExpr>,
}

impl ExpectStep {
    pub(crate) fn new(test: Test) -> ExpectStep {
        ExpectStep {
            test,
            negated: false,
            min_recv: None,
            ok: None,
            error: None,
            timeout: None,
            on_success: None,
            on_error: None,
            reply_code: false,
            code: None,
        }
    }
}

#[derive(Debug, Clone)]
pub(crate) enum Action {
    Connect { to: ConnectTo, port: Option<Box<SampleExpr>>, implicit: bool },
    Variable(VarName, Option<Box<VarValue>>),
    Send(Payload),
    Expect(Box<ExpectStep>),
}

#[derive(Debug, Clone)]
pub(crate) struct Step {
    pub action: Action,
    /// Number in messages; 0 is the implied connect.
    pub number: u32,
    pub comment: Option<String>,
}

/// A check's steps, shared by all servers of a backend.
#[derive(Debug, Clone)]
pub struct Script {
    pub(crate) family: Family,
    pub(crate) steps: Vec<Step>,
    pub(crate) disable_on_404: bool,
    pub(crate) send_state: bool,
}

impl Script {
    /// The script of a backend's check.
    ///
    /// # Errors
    ///
    /// What is not built, or cannot be compiled.
    pub fn compile(check: &Check) -> Result<Arc<Script>, CompileError> {
        let (family, steps) = match &check.kind {
            CheckKind::Tcp => (Family::Plain, Vec::new()),
            CheckKind::TcpScript => (Family::Tcp, written(&check.steps)?),
            CheckKind::Http => (Family::Http, http_steps(check)?),
            CheckKind::Other { name, args, .. } => (Family::Protocol, builtin::steps(name, args)?),
        };
        let steps = with_connect(steps);
        Ok(Arc::new(Script {
            family,
            steps,
            disable_on_404: check.disable_on_404 && family == Family::Http,
            send_state: check.send_state && family == Family::Http,
        }))
    }

    /// Visits the formats with variable parts, which need an evaluator.
    pub fn formats(&self) -> impl Iterator<Item = &LogFormat> {
        self.steps.iter().flat_map(Step::formats).filter(|f| f.literal().is_none())
    }

    /// Visits the expressions outside of formats.
    pub fn expressions(&self) -> impl Iterator<Item = &SampleExpr> {
        self.steps.iter().filter_map(|step| match &step.action {
            Action::Connect { port, .. } => port.as_deref(),
            Action::Variable(_, Some(value)) => match &**value {
                VarValue::Expr(e) => Some(e),
                VarValue::Format(_) => None,
            },
            Action::Expect(e) => e.code.as_ref(),
            _ => None,
        })
    }

    /// Visits the variables that are set or removed.
    pub fn variables(&self) -> impl Iterator<Item = &VarName> {
        self.steps.iter().filter_map(|step| match &step.action {
            Action::Variable(name, _) => Some(name),
            _ => None,
        })
    }

    /// The script of an agent check that sends `hello`.
    #[must_use]
    pub fn agent(hello: &[u8]) -> Arc<Script> {
        let mut steps = Vec::new();
        if !hello.is_empty() {
            steps.push(step(Action::Send(Payload::Bytes(hello.to_vec())), 1));
        }
        steps.push(step(Action::Expect(Box::new(ExpectStep::new(Test::AgentLine))), 2));
        Arc::new(Script {
            family: Family::Protocol,
            steps: with_connect(steps),
            disable_on_404: false,
            send_state: false,
        })
    }
}

impl Step {
    fn formats(&self) -> Vec<&LogFormat> {
        match &self.action {
            Action::Send(Payload::Format { format, .. }) => vec![format],
            Action::Send(Payload::Http(request)) => {
                let values = request.headers.iter().map(|(_, value)| value);
                values.chain(&request.uri).chain(&request.body).collect()
            }
            Action::Variable(_, Some(value)) => match &**value {
                VarValue::Format(f) => vec![f],
                VarValue::Expr(_) => Vec::new(),
            },
            Action::Expect(e) => {
                let messages = [&e.on_success, &e.on_error].into_iter().flatten();
                let told = messages.filter_map(|m| if let Message::Format(f) = m { Some(f) } else { None });
                told.chain(e.test.formats()).collect()
            }
            _ => Vec::new(),
        }
    }
}

impl Test {
    fn formats(&self) -> Vec<&LogFormat> {
        match self {
            Test::TextFormat { format, .. } => vec![format],
            Test::Header(h) => {
                let patterns = std::iter::once(&h.name).chain(&h.value);
                patterns.filter_map(|p| if let Pattern::Text(_, f) = p { Some(f) } else { None }).collect()
            }
            _ => Vec::new(),
        }
    }
}

pub(crate) fn step(action: Action, number: u32) -> Step {
    Step { action, number, comment: None }
}

/// A regular expression of the configuration.
pub(crate) fn regex(pattern: &[u8]) -> Result<Regex, CompileError> {
    let text = pattern.to_str().map_err(|e| CompileError::Regex(e.to_string()))?;
    Regex::new(text).map_err(|e| CompileError::Regex(e.to_string()))
}

/// Puts the implied connect in front unless one is written, which only variables may precede.
fn with_connect(mut steps: Vec<Step>) -> Vec<Step> {
    let first = steps.iter().find(|s| !matches!(s.action, Action::Variable(..)));
    if !matches!(first, Some(Step { action: Action::Connect { .. }, .. })) {
        let to = ConnectTo { default: true, ..ConnectTo::default() };
        steps.insert(0, step(Action::Connect { to, port: None, implicit: true }, 0));
    }
    steps
}

/// The request of the option line, merged with the first `http-check send`, then the steps as written.
fn http_steps(check: &Check) -> Result<Vec<Step>, CompileError> {
    let mut request = check.http.clone();
    let mut steps = check.steps.clone();
    let connected = steps.iter().position(|s| matches!(s, TcpStep::Connect { .. }));
    let sent = steps.iter().position(|s| matches!(s, TcpStep::HttpSend(_)));
    if let Some(at) = sent
        && let TcpStep::HttpSend(line) = steps.remove(at)
    {
        merge(&mut request, line);
    }
    // Where the request stands: where it was written, else behind the first connect, else first.
    let at = match (connected, sent) {
        (_, Some(sent)) => sent,
        (Some(connect), None) => connect + 1,
        (None, None) => 0,
    };
    if sent.is_some() || !check.own_request_only {
        steps.insert(at, TcpStep::HttpSend(request));
    }
    let mut out = written(&steps)?;
    let last = out.iter().rev().find(|s| !matches!(s.action, Action::Variable(..)));
    if let Some(Step { action: Action::Send(_), .. }) = last {
        let number = out.last().map_or(0, |s| s.number) + 1;
        let range = StatusRange(vec![(200, 399)]);
        out.push(step(Action::Expect(Box::new(ExpectStep::new(Test::Status(range)))), number));
    }
    Ok(out)
}

/// What a `send` line says replaces what the option line said.
fn merge(request: &mut HttpCheck, written: HttpCheck) {
    if !written.method.is_empty() {
        request.method = written.method;
    }
    if written.uri.is_some() {
        request.uri = written.uri;
    }
    if !written.version.is_empty() {
        request.version = written.version;
    }
    if !written.headers.is_empty() {
        request.headers = written.headers;
    }
    if written.body.is_some() {
        request.body = written.body;
    }
    if written.comment.is_some() {
        request.comment = written.comment;
    }
}

/// Steps as written, numbered from 1, comments counted.
fn written(steps: &[TcpStep]) -> Result<Vec<Step>, CompileError> {
    let (mut out, mut comment, mut previous) = (Vec::new(), None, None);
    for (number, written) in (1..).zip(steps) {
        let kind = std::mem::discriminant(written);
        if previous.is_some_and(|p| p != kind) {
            comment = None;
        }
        let (action, own) = match written {
            TcpStep::Comment(text) => {
                (comment, previous) = (Some(text.clone()), None);
                continue;
            }
            TcpStep::Connect { tls: true, .. } => {
                return Err(CompileError::Unsupported("connect ssl".to_owned()));
            }
            TcpStep::Connect {
                port, port_expr, addr, default, send_proxy, socks4, linger, comment, ..
            } => {
                let to = ConnectTo {
                    port: *port,
                    address: addr.clone(),
                    send_proxy: *send_proxy,
                    socks4: *socks4,
                    linger: *linger,
                    default: *default,
                };
                (Action::Connect { to, port: port_expr.clone(), implicit: false }, comment.clone())
            }
            TcpStep::Variable { name, value, .. } => (Action::Variable(name.clone(), value.clone()), None),
            TcpStep::Send { data, comment, .. } => {
                (Action::Send(Payload::Bytes(data.clone())), comment.clone())
            }
            TcpStep::SendFormat { format, hex, comment, .. } => {
                (Action::Send(Payload::Format { format: format.clone(), hex: *hex }), comment.clone())
            }
            TcpStep::HttpSend(request) => {
                (Action::Send(Payload::Http(Box::new(request.clone()))), request.comment.clone())
            }
            TcpStep::Expect(expect) => (Action::Expect(Box::new(expected(expect)?)), expect.comment.clone()),
        };
        previous = Some(kind);
        out.push(Step { comment: own.or_else(|| comment.clone()), action, number });
        if matches!(written, TcpStep::Connect { .. }) {
            (comment, previous) = (None, None);
        }
    }
    Ok(out)
}

fn expected(expect: &Expect) -> Result<ExpectStep, CompileError> {
    let test = match &expect.kind {
        ExpectKind::Status(range) => Test::Status(range.clone()),
        ExpectKind::StatusRegex(pattern) => Test::StatusRegex(regex(pattern)?),
        ExpectKind::Text(text) => Test::Text(text.clone()),
        ExpectKind::TextFormat(format) => Test::TextFormat { format: format.clone(), hex: false },
        ExpectKind::Regex(pattern) => Test::Regex(regex(pattern)?),
        ExpectKind::Binary(bytes) => Test::Binary(bytes.clone()),
        ExpectKind::BinaryFormat(format) => Test::TextFormat { format: format.clone(), hex: true },
        ExpectKind::BinaryRegex(pattern) => Test::BinaryRegex(regex(pattern)?),
        ExpectKind::Header(expect) => Test::Header(header(expect)?),
        ExpectKind::Custom => return Err(CompileError::Unsupported("expect custom".to_owned())),
    };
    let mut statuses = [None; 3];
    for (slot, word) in statuses.iter_mut().zip(&expect.statuses) {
        if let Some(word) = word {
            *slot = Some(Status::parse(word).ok_or_else(|| CompileError::Status(word.clone()))?);
        }
    }
    let [ok, error, timeout] = statuses;
    let [on_success, on_error] = expect.messages.clone().map(|m| m.map(Message::Format));
    Ok(ExpectStep {
        negated: expect.negated,
        min_recv: expect.min_recv.and_then(|n| usize::try_from(n).ok()),
        ok,
        error,
        timeout,
        on_success,
        on_error,
        code: expect.status_code.clone(),
        ..ExpectStep::new(test)
    })
}

fn header(expect: &HeaderExpect) -> Result<HeaderTest, CompileError> {
    let value = expect.value.as_ref().map(|v| pattern(v, "")).transpose()?;
    Ok(HeaderTest { full: expect.full, name: pattern(&expect.name, "(?i)")?, value })
}

fn pattern(written: &HeaderPattern, flags: &str) -> Result<Pattern, CompileError> {
    if written.method != HeaderMatch::Reg {
        return Ok(Pattern::Text(written.method, written.text.clone()));
    }
    let text = written.text.literal().unwrap_or_default();
    Ok(Pattern::Regex(regex(&[flags.as_bytes(), &text].concat())?))
}
