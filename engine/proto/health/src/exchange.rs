//! One run of a check: what to connect to, what to send, what the answer means.
//!
//! The caller polls and handles: [`Exchange::poll_connect`] names the next connection to make,
//! [`Exchange::poll_transmit`] gives bytes to send, [`Exchange::poll_timeout`] the deadline; connection, data, end,
//! error and time are handed in; [`Exchange::outcome`] is there when it is over. COMPAT: wording and classification
//! are HAProxy's, recorded from 2.6.12 and 3.0.11.

use std::sync::Arc;

use rha_base::{Now, Tick};
use rha_ir::{LogFormat, SampleExpr, VarName, VarValue};
use rha_vocab::Dialect;

use crate::agent::AgentReply;
use crate::expect::{self, Look, Received};
use crate::http::{self, Response};
use crate::script::{Action, ConnectTo, Family, Payload, Script, Step};
use crate::{Outcome, Status};

/// Most of an answer that is kept, bytes (the original's buffer).
const INPUT_MAX: usize = 16384;

/// What has come of an answer, as expressions of a check see it.
#[derive(Debug, Clone, Copy)]
pub struct Answer<'a> {
    /// Bytes since the last send.
    pub data: &'a [u8],
    /// The response they are, in HTTP checks, once its head is there.
    pub response: Option<&'a Response>,
}

/// Evaluates log-format strings and expressions of a check and keeps its variables; checks without need none.
pub trait Formats {
    /// The text of a format.
    fn format(&self, format: &LogFormat, answer: &Answer<'_>) -> Vec<u8>;
    /// The value of an expression as a number.
    fn number(&self, _expr: &SampleExpr, _answer: &Answer<'_>) -> Option<i64> {
        None
    }
    /// Sets a variable, or removes it.
    fn assign(&self, _name: &VarName, _value: Option<&VarValue>, _answer: &Answer<'_>) {}
}

/// Formats without variable parts; others come out empty.
impl Formats for () {
    fn format(&self, format: &LogFormat, _: &Answer<'_>) -> Vec<u8> {
        format.literal().map(Vec::from).unwrap_or_default()
    }
}

/// What a run is told of its server.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Environment {
    /// Whose wordings.
    pub dialect: Dialect,
    /// Whether the server is not down, so that `disable-on-404` applies.
    pub server_up: bool,
    /// Value of `X-Haproxy-Server-State`, used with `http-check send-state`.
    pub state: Vec<u8>,
    /// `inter`, milliseconds: bounds the whole run, or with `timeout check` the connection.
    pub inter_ms: u64,
    /// `timeout connect`, milliseconds.
    pub connect_ms: Option<u64>,
    /// `timeout check`, milliseconds, from the connection on.
    pub check_ms: Option<u64>,
}

/// An error of the operating system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SystemError {
    /// `ECONNREFUSED`; empty if unknown.
    pub name: &'static str,
    /// `Connection refused`.
    pub text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// The caller is to connect.
    Connect,
    /// It does.
    Connecting,
    /// Bytes go and come.
    Talking,
}

/// A running check.
pub struct Exchange<'f> {
    script: Arc<Script>,
    environment: Environment,
    formats: &'f dyn Formats,
    /// Current step.
    at: usize,
    phase: Phase,
    input: Vec<u8>,
    output: Vec<u8>,
    ended: bool,
    code: i32,
    started_us: u64,
    deadline: Tick,
    outcome: Option<Outcome>,
}

impl<'f> Exchange<'f> {
    /// A run that starts now; its first act is to connect.
    #[must_use]
    pub fn new(
        script: Arc<Script>,
        environment: Environment,
        formats: &'f dyn Formats,
        now: Now,
    ) -> Exchange<'f> {
        let mut exchange = Exchange {
            script,
            formats,
            at: 0,
            phase: Phase::Connect,
            input: Vec::new(),
            output: Vec::new(),
            ended: false,
            code: 0,
            started_us: now.mono_us,
            deadline: Tick::NEVER,
            outcome: None,
            environment,
        };
        exchange.go_on(now);
        exchange
    }

    /// The connection to make now, once; an earlier one is to be closed first.
    pub fn poll_connect(&mut self) -> Option<ConnectTo> {
        if self.phase != Phase::Connect || self.outcome.is_some() {
            return None;
        }
        self.phase = Phase::Connecting;
        match self.step().map(|s| &s.action) {
            Some(Action::Connect { to, port, .. }) => {
                let computed = || self.formats.number(port.as_deref()?, &self.answer()).filter(|p| *p != 0);
                let port = to.port.or_else(|| computed().and_then(|p| u16::try_from(p).ok()));
                Some(ConnectTo { port, ..to.clone() })
            }
            _ => Some(ConnectTo { default: true, ..ConnectTo::default() }),
        }
    }

    /// Bytes to send on the connection, empty when there are none.
    pub fn poll_transmit(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.output)
    }

    /// When [`Exchange::handle_timeout`] is due.
    #[must_use]
    pub fn poll_timeout(&self) -> Tick {
        self.deadline
    }

    /// How it ended.
    #[must_use]
    pub fn outcome(&self) -> Option<&Outcome> {
        self.outcome.as_ref()
    }

    /// Whether the last connection is to be closed without a reset.
    #[must_use]
    pub fn lingers(&self) -> bool {
        let done = self.script.steps.get(..=self.at).unwrap_or(&self.script.steps);
        let connect = done.iter().rev().find_map(|s| match &s.action {
            Action::Connect { to, .. } => Some(to.linger),
            _ => None,
        });
        connect.unwrap_or(false)
    }

    /// What has come since the last send; HTTP responses are not read.
    fn answer(&self) -> Answer<'_> {
        Answer { data: &self.input, response: None }
    }

    fn received(&self) -> Received<'_> {
        Received {
            family: self.script.family,
            data: &self.input,
            ended: self.ended,
            stop_on_404: self.script.disable_on_404 && self.environment.server_up,
            formats: self.formats,
        }
    }

    /// What the agent answered, when the script was an agent's.
    #[must_use]
    pub fn agent_reply(&self) -> Option<AgentReply> {
        AgentReply::parse(&self.input)
    }

    /// The connection stands.
    pub fn handle_connected(&mut self, now: Now) {
        if self.phase != Phase::Connecting {
            return;
        }
        self.phase = Phase::Talking;
        self.input.clear();
        self.ended = false;
        if let Some(ms) = self.environment.check_ms {
            self.deadline = Tick(now.tick().0.saturating_add(ms));
        }
        self.at += 1;
        self.go_on(now);
    }

    /// Bytes came. What exceeds the buffer is dropped and the buffer judged as the whole answer.
    pub fn handle_data(&mut self, now: Now, data: &[u8]) {
        if self.phase != Phase::Talking || self.outcome.is_some() {
            return;
        }
        let room = INPUT_MAX.saturating_sub(self.input.len());
        self.input.extend_from_slice(data.get(..room.min(data.len())).unwrap_or_default());
        self.ended |= self.input.len() == INPUT_MAX;
        self.go_on(now);
    }

    /// The other side closed.
    pub fn handle_eof(&mut self, now: Now) {
        if self.phase != Phase::Talking || self.outcome.is_some() {
            return;
        }
        self.ended = true;
        // COMPAT: 3.0 reports a connection closed without a response as a socket error, 2.6 as an invalid response.
        if self.script.family == Family::Http
            && self.input.is_empty()
            && self.environment.dialect >= Dialect::V3_0
        {
            self.conclude(now, Outcome::new(Status::SockErr, 0, "", None));
            return;
        }
        self.go_on(now);
    }

    /// Connecting, sending or receiving failed.
    pub fn handle_error(&mut self, now: Now, error: &SystemError) {
        if self.outcome.is_some() {
            return;
        }
        if self.phase != Phase::Talking {
            let info = self.wording(error, Dialect::V3_5);
            self.conclude(now, Outcome::new(Status::L4Con, 0, info, None));
            return;
        }
        if !self.input.is_empty() {
            // A reset behind an answer does not spoil the answer.
            self.ended = true;
            self.go_on(now);
            return;
        }
        let info = self.wording(error, Dialect::V3_0);
        self.conclude(now, Outcome::new(Status::SockErr, 0, info, None));
    }

    /// No connection could even be tried: no address, no port, no descriptor left.
    pub fn handle_unable(&mut self, now: Now, info: &str) {
        self.conclude(now, Outcome::new(Status::SockErr, 0, info, None));
    }

    /// The deadline passed.
    pub fn handle_timeout(&mut self, now: Now) {
        if self.outcome.is_some() || now.tick() < self.deadline {
            return;
        }
        let info = self.where_it_stood();
        let status = match (self.phase, self.step().map(|s| &s.action)) {
            (Phase::Talking, Some(Action::Expect(e))) => e.timeout.unwrap_or(Status::L7Tout),
            (Phase::Talking, _) => Status::L7Tout,
            _ => Status::L4Tout,
        };
        self.conclude(now, Outcome::new(status, 0, info, None));
    }

    fn step(&self) -> Option<&Step> {
        self.script.steps.get(self.at)
    }

    fn bound_connection(&mut self, now: Now) {
        let environment = &self.environment;
        let ms = match (environment.check_ms, environment.connect_ms) {
            (Some(_), Some(connect)) => connect.min(environment.inter_ms),
            _ => environment.inter_ms,
        };
        self.deadline = Tick(now.tick().0.saturating_add(ms));
    }

    /// Runs steps until one has to wait or all are done.
    fn go_on(&mut self, now: Now) {
        let script = Arc::clone(&self.script);
        while self.outcome.is_none() {
            let Some(step) = script.steps.get(self.at) else {
                self.pass(now);
                return;
            };
            self.code = 0;
            match &step.action {
                Action::Variable(name, value) => {
                    let received = self.received();
                    received.see(|answer| self.formats.assign(name, value.as_deref(), answer));
                }
                Action::Connect { .. } => {
                    self.phase = Phase::Connect;
                    self.input.clear();
                    self.bound_connection(now);
                    return;
                }
                Action::Send(payload) => {
                    self.input.clear();
                    if !self.send(now, step, payload) {
                        return;
                    }
                }
                Action::Expect(expect) => {
                    if self.input.is_empty() && !self.ended {
                        return;
                    }
                    match expect::look(step, expect, &self.received()) {
                        Look::Wait => {
                            self.rewind();
                            return;
                        }
                        Look::Pass(code) => self.code = code,
                        Look::Told(outcome) | Look::Fail(outcome) => {
                            self.conclude(now, outcome);
                            return;
                        }
                    }
                }
            }
            self.at += 1;
        }
    }

    /// More data is judged again from the first of a row of expectations that must not be met, because it may meet that
    /// one now.
    fn rewind(&mut self) {
        let steps = self.script.steps.get(..self.at).unwrap_or_default();
        let mut first = self.at;
        for (at, step) in steps.iter().enumerate().rev() {
            match &step.action {
                Action::Expect(e) if e.negated => first = at,
                Action::Expect(_) => {}
                _ => break,
            }
        }
        self.at = first;
    }

    fn send(&mut self, now: Now, step: &Step, payload: &Payload) -> bool {
        match payload {
            Payload::Bytes(bytes) if bytes.len() >= INPUT_MAX => {
                let (length, number) = (bytes.len(), step.number);
                let info = format!(
                    "tcp-check send : string too large ({length}) for buffer size ({INPUT_MAX}) at step {number}"
                );
                self.conclude(now, Outcome::new(Status::L7Rsp, 0, info, None));
                return false;
            }
            Payload::Bytes(bytes) => self.output.extend_from_slice(bytes),
            Payload::Stamped(before, after) => {
                let seconds = u32::try_from(now.wall_us / 1_000_000).unwrap_or(0);
                self.output.extend_from_slice(&[before, &seconds.to_be_bytes()[..], after].concat());
            }
            Payload::Http(request) => {
                let state = self.script.send_state.then_some(&self.environment.state[..]);
                let bytes = http::request(request, &|f| self.formats.format(f, &self.answer()), state);
                self.output.extend_from_slice(&bytes);
            }
            Payload::Format { format, hex } => {
                let text = self.formats.format(format, &self.answer());
                let Some(bytes) = (if *hex { expect::unhex(&text) } else { Some(text) }) else {
                    let number = step.number;
                    let info = format!("tcp-check send : failed to build log-format string at step {number}");
                    self.conclude(now, Outcome::new(Status::L7Rsp, 0, info, None));
                    return false;
                };
                self.output.extend_from_slice(&bytes);
            }
        }
        true
    }

    /// All steps are done: the last one says what that means.
    fn pass(&mut self, now: Now) {
        let script = Arc::clone(&self.script);
        let done = script.steps.iter().rev().find(|s| !matches!(s.action, Action::Variable(..)));
        let outcome = match done.map(|s| &s.action) {
            Some(Action::Expect(expect)) => {
                if script.disable_on_404 && self.environment.server_up && self.code == 404 {
                    Outcome::new(Status::L7OkCond, self.code, "", None)
                } else {
                    let info = match &expect.on_success {
                        Some(message) => expect::told(message, &self.received()),
                        None if script.family == Family::Tcp => b"(tcp-check)".to_vec(),
                        None => Vec::new(),
                    };
                    let code = expect::code(expect, &self.received()).unwrap_or(self.code);
                    Outcome::new(expect.ok.unwrap_or(Status::L7Ok), code, info, None)
                }
            }
            Some(Action::Connect { implicit: true, .. }) | None => Outcome::new(Status::L4Ok, 0, "", None),
            Some(Action::Connect { .. }) => Outcome::new(Status::L4Ok, 0, "(tcp-check)", None),
            Some(Action::Send(_) | Action::Variable(..)) => {
                Outcome::new(Status::L7Ok, 0, "(tcp-check)", None)
            }
        };
        self.conclude(now, outcome);
    }

    fn conclude(&mut self, now: Now, mut outcome: Outcome) {
        outcome.duration_ms = Some(now.mono_us.saturating_sub(self.started_us) / 1000);
        self.deadline = Tick::NEVER;
        self.outcome = Some(outcome);
    }

    /// An error in the dialect's words: from `named` on with the error's name.
    fn wording(&self, error: &SystemError, named: Dialect) -> String {
        let mut text = if self.environment.dialect >= named && !error.name.is_empty() {
            format!("{} returned by OS ({})", error.name, error.text)
        } else {
            error.text.clone()
        };
        text.push_str(&self.where_it_stood());
        text
    }

    /// The step it stopped at, told for scripts of `tcp-check` only.
    fn where_it_stood(&self) -> String {
        let Some(step) = self.step().filter(|_| self.script.family == Family::Tcp) else {
            return String::new();
        };
        if step.number == 0 {
            return " at initial connection step of tcp-check".to_owned();
        }
        let doing = match &step.action {
            Action::Connect { to: ConnectTo { port: Some(port), .. }, .. } => {
                format!(" (connect port {port})")
            }
            Action::Connect { .. } => " (connect)".to_owned(),
            Action::Send(_) | Action::Variable(..) => " (send)".to_owned(),
            Action::Expect(e) => expect::expected(&e.test),
        };
        let comment = step.comment.as_ref().map(|c| format!(" comment: '{c}'")).unwrap_or_default();
        format!(" at step {} of tcp-check{doing}{comment}", step.number)
    }
}
