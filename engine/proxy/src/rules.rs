//! Running rules: conditions in order, actions on the stream.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use rha_base::{Scope, Value, VarSlot};
use rha_sample::{Sampled, Verdict};
use rha_vocab::SampleType;

use crate::http::Next;
use crate::plan::Timeout;
use crate::plan::rules::{
    Act, AddressPart, Delay, PriorityPart, RedirectPlan, ReplyPlan, Rule, SetWhen, SocketMark, SocketSide,
    TcpAct, Which,
};
use crate::session::Session;
use crate::stream::{Pending, Stream};

/// What a set of rules led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flow {
    /// On to the next stage.
    Next,
    /// The stream is over.
    Answered(Next),
}

/// What one action led to.
pub(crate) enum Done<'a> {
    /// The next rule.
    Next,
    /// No more rules of this set.
    Stop,
    /// Reply and end.
    Reply(&'a ReplyPlan, Answer),
    /// Redirect and end.
    Redirect(&'a RedirectPlan),
    /// Ask for credentials.
    Auth(&'a [u8]),
    /// Close the connection.
    Reject,
    /// Forget the connection.
    Drop,
    /// Wait, then the next rule.
    Pause(Duration),
    /// Wait for the body.
    Body(u32, Option<u64>),
    /// Send the 103 that has been gathered, then the next rule.
    Hints,
    /// An edit did not fit: an internal error.
    Failed,
    /// The request is none that could be brought into the form wanted.
    Bad,
}

/// Why a reply is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    Deny,
    Tarpit,
    Return,
}

/// Which message header rules edit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Subject {
    Request,
    Response,
    /// A reply made here.
    Reply,
}

/// `tcp-request connection` rules, the PROXY protocol's header, `session` rules. `None` when one of them closes
/// the connection.
pub(crate) async fn admit(session: Box<Session>) -> Option<Box<Session>> {
    let rules = &session.frontend().rules;
    let (proxied, netscaler) = session.listener().map_or((false, None), |l| (l.accept_proxy, l.netscaler));
    let plain = !proxied && netscaler.is_none();
    if rules.tcp_connection.is_empty() && rules.tcp_session.is_empty() && plain {
        session.admitted();
        return Some(session);
    }
    let mut session = admit_connection(session)?;
    session.wire = Some(Box::new([session.source, session.destination()]));
    let netscaler = if session.expects_netscaler { Some(netscaler.unwrap_or(0)) } else { netscaler };
    if (proxied || session.expects_proxy || netscaler.is_some())
        && let Err(trouble) = Box::pin(receive_address(&mut session, netscaler)).await
    {
        crate::unborn::log(session, trouble);
        return None;
    }
    admit_session(session)
}

/// Reads the headers that tell a client's address, PROXY's before NetScaler's.
async fn receive_address(
    session: &mut Session,
    netscaler: Option<u32>,
) -> Result<(), crate::unborn::Trouble> {
    if session.expects_proxy || session.listener().is_some_and(|l| l.accept_proxy) {
        crate::proxied::receive(session).await?;
    }
    match netscaler {
        Some(magic) => crate::netscaler::receive(session, magic).await,
        None => Ok(()),
    }
}

fn admit_connection(session: Box<Session>) -> Option<Box<Session>> {
    let plan = session.plan.clone();
    let rules = &plan.proxies[session.front.0 as usize].rules.tcp_connection;
    let mut s = Stream::new(session);
    let admitted = s.run_tcp_now(rules);
    if !admitted && let Some(f) = s.session.front_stats() {
        f.denied_connections.add(1);
    }
    s.keeps_addresses();
    let session = s.into_session();
    admitted.then(|| {
        session.admitted();
        session
    })
}

fn admit_session(session: Box<Session>) -> Option<Box<Session>> {
    let plan = session.plan.clone();
    let rules = &plan.proxies[session.front.0 as usize].rules.tcp_session;
    let mut s = Stream::new(session);
    let admitted = s.run_tcp_now(rules);
    if !admitted && let Some(f) = s.session.front_stats() {
        f.denied_sessions.add(1);
    }
    s.keeps_addresses();
    let session = s.into_session();
    admitted.then_some(session)
}

impl Stream {
    /// COMPAT: addresses that connection and session rules set stay for the whole session, later ones for
    /// their stream.
    fn keeps_addresses(&mut self) {
        self.moved_from = None;
    }

    /// Rules that never wait; false for reject.
    fn run_tcp_now(&mut self, rules: &[Rule<TcpAct>]) -> bool {
        for r in rules {
            if !self.applies(r.when.as_ref()).is_yes() {
                continue;
            }
            match &r.action {
                TcpAct::Accept => return true,
                TcpAct::Reject | TcpAct::Close => return false,
                TcpAct::ExpectProxy => self.session.expects_proxy = true,
                TcpAct::ExpectNetscaler => self.session.expects_netscaler = true,
                TcpAct::Shared(a) => match self.apply(a, Subject::Request) {
                    Done::Reject => return false,
                    Done::Drop => {
                        self.session.conn.reset_on_close();
                        return false;
                    }
                    _ => {}
                },
            }
        }
        true
    }

    /// Whether a rule's condition holds.
    pub(crate) fn applies(&mut self, when: Option<&rha_sample::Condition>) -> Verdict {
        if self.parts.process.get().is_some_and(|c| self.session.plan.process_variables.is_outdated(c)) {
            self.parts.process.take();
        }
        let v = when.map_or(Verdict::Yes, |c| c.holds(self));
        self.settle_variables();
        v
    }

    /// Variables that expressions have set become visible.
    #[inline]
    fn settle_variables(&mut self) {
        if !self.parts.pending.get_mut().is_empty() {
            self.settle_pending();
        }
    }

    #[inline(never)]
    fn settle_pending(&mut self) {
        let pending = std::mem::take(self.parts.pending.get_mut());
        for p in pending {
            match p {
                Pending::Variable(slot, value) => self.store(slot, value),
                Pending::Capture { response, slot, text } => {
                    let all = &mut self.parts.captures[usize::from(response)];
                    if all.len() <= slot {
                        all.resize(slot + 1, None);
                    }
                    if let Some(s) = all.get_mut(slot) {
                        *s = Some(text);
                    }
                }
            }
        }
    }

    /// Sets or removes a variable.
    pub(crate) fn store(&mut self, slot: VarSlot, value: Option<Value<'static>>) {
        let all = match slot.scope {
            Scope::Session => &mut self.session.variables,
            Scope::Transaction => &mut self.parts.variables[0],
            Scope::Request => &mut self.parts.variables[1],
            Scope::Response => &mut self.parts.variables[2],
            Scope::Process => {
                self.session.plan.process_variables.store(slot.index, value);
                self.parts.process.take();
                return;
            }
            Scope::Check => return,
        };
        let i = usize::from(slot.index);
        if all.len() <= i {
            all.resize(i + 1, None);
        }
        if let Some(v) = all.get_mut(i) {
            *v = value;
        }
    }

    /// Performs one action.
    pub(crate) fn apply<'a>(&mut self, act: &'a Act, on: Subject) -> Done<'a> {
        let done = self.perform(act, on);
        self.settle_variables();
        done
    }

    fn perform<'a>(&mut self, act: &'a Act, on: Subject) -> Done<'a> {
        match act {
            Act::Allow => return Done::Stop,
            Act::Deny(r) => return Done::Reply(r, Answer::Deny),
            Act::Tarpit(r) => return Done::Reply(r, Answer::Tarpit),
            Act::Return(r) => return Done::Reply(r, Answer::Return),
            Act::Redirect(r) => return Done::Redirect(r),
            Act::Auth(realm) => return Done::Auth(realm),
            Act::Reject => return Done::Reject,
            Act::SilentDrop(ttl) => {
                self.session.conn.vanish(*ttl);
                return Done::Drop;
            }
            Act::Pause(d) => return Done::Pause(Duration::from_millis(u64::from(self.delay(d)))),
            Act::WaitForBody { time_ms, at_least } => return Done::Body(*time_ms, *at_least),
            Act::SetHeader(..)
            | Act::AddHeader(..)
            | Act::ReplaceHeader(..)
            | Act::ReplaceValue(..)
            | Act::SetMethod(_)
            | Act::SetUri(..)
            | Act::ReplaceUri(..)
            | Act::SetStatus(..) => {
                if !self.edit(act, on) {
                    return self.misfit();
                }
            }
            Act::NormalizeUri(how) => return self.normalize_uri(*how),
            Act::DelHeader(names) => self.delete_fields(on, names),
            Act::SetVar(slot, e, when) => {
                let value = match e.eval(self) {
                    Sampled::Value(v) => Some(v.into_owned()),
                    _ => None,
                };
                self.set_variable_if(*slot, value, when);
            }
            Act::SetVarFormat(slot, f, when) => self.with_text(f, |s, v| {
                s.set_variable_if(*slot, Some(Value::Str(v.to_vec().into())), when);
            }),
            Act::UnsetVar(slot) => self.store(*slot, None),
            Act::Capture(e, slot) => self.capture(e, *slot, on),
            Act::SetLogLevel(l) => self.log_level = Some(l.unwrap_or(8)),
            Act::SetAddress(part, e) => self.set_address(*part, e),
            Act::SetTimeout(which, d) => {
                let t = Some(Timeout(self.delay(d)));
                *match which {
                    Which::Client => &mut self.timeout_client,
                    Which::Server => &mut self.timeout_server,
                    Which::Tunnel => &mut self.timeout_tunnel,
                    Which::Connect => &mut self.timeout_connect,
                    Which::Queue => &mut self.timeout_queue,
                    Which::Tarpit => &mut self.timeout_tarpit,
                } = t;
            }
            Act::SetRetries(Delay::Fixed(n)) => self.max_retries = Some(*n),
            Act::SetRetries(Delay::Computed(e)) => {
                if let Some(Value::Int(n @ 0..=100)) = e.eval_as(self, SampleType::Sint) {
                    self.max_retries = u32::try_from(n).ok();
                }
            }
            Act::EarlyHint(name, f, last) => {
                // COMPAT: who speaks HTTP/1.0 gets none.
                if self.parts.request.head.is_http11() {
                    self.with_text(f, |s, v| s.early_hint(name, v));
                    if *last {
                        return Done::Hints;
                    }
                }
            }
            Act::StrictMode(on) => self.lenient = !on,
            Act::Priority(which, e) => self.set_priority(*which, e),
            Act::Socket(side, what, value) => self.set_socket(*side, *what, value),
            Act::Nothing => {}
            Act::DisableL7Retry => self.no_l7_retry = true,
            Act::SwitchToHttp => {
                self.taken_over |= !self.speaks_http();
                return Done::Stop;
            }
        }
        Done::Next
    }

    /// Evaluates a format into the scratch text and hands it over.
    pub(crate) fn with_text<T>(
        &mut self,
        f: &rha_sample::Format,
        then: impl FnOnce(&mut Stream, &[u8]) -> T,
    ) -> T {
        let mut text = std::mem::take(&mut self.parts.text);
        text.clear();
        f.write(self, &mut text);
        let made = then(self, &text);
        self.parts.text = text;
        made
    }

    /// `set-priority-class`, `set-priority-offset`.
    fn set_priority(&mut self, which: PriorityPart, e: &rha_sample::Expr) {
        let Some(Value::Int(n)) = e.eval_as(self, SampleType::Sint) else { return };
        match which {
            PriorityPart::Class => self.priority.0 = n.clamp(-0x7ff, 0x7ff) as i16,
            PriorityPart::Offset => self.priority.1 = n.clamp(-0x7_ffff, 0x7_ffff) as i32,
        }
    }

    /// Netfilter's mark, the type of service. COMPAT: one that the system refuses is not spoken of.
    fn set_socket(&mut self, side: SocketSide, what: SocketMark, value: &Delay) {
        let value = self.delay(value);
        match side {
            SocketSide::Client => {
                let conn = &self.session.conn;
                let _ = match what {
                    SocketMark::Mark => conn.set_mark(value),
                    SocketMark::Tos => conn.set_tos(value as u8),
                };
            }
            SocketSide::Server => match what {
                SocketMark::Mark => self.server_marks.0 = Some(value),
                SocketMark::Tos => self.server_marks.1 = Some(value as u8),
            },
        }
    }

    fn delay(&self, d: &Delay) -> u32 {
        match d {
            Delay::Fixed(n) => *n,
            Delay::Computed(e) => match e.eval_as(self, SampleType::Sint) {
                Some(Value::Int(n)) => u32::try_from(n).unwrap_or(0),
                _ => 0,
            },
        }
    }

    fn set_variable_if(&mut self, slot: VarSlot, value: Option<Value<'static>>, when: &[SetWhen]) {
        use rha_base::Scene as _;
        let old = self.variable(slot);
        // COMPAT: those of the process are there from the start, if only without a value.
        let exists = old.is_some() || slot.scope == Scope::Process;
        let empty = |v: Option<&Value<'_>>| match v {
            None => true,
            Some(Value::Str(s) | Value::Bin(s)) => s.is_empty(),
            Some(_) => false,
        };
        let ok = when.iter().all(|w| match w {
            SetWhen::IfExists => exists,
            SetWhen::IfNotExists => !exists,
            SetWhen::IfEmpty => empty(value.as_ref()),
            SetWhen::IfNotEmpty => !empty(value.as_ref()),
            SetWhen::IfSet => !empty(old),
            SetWhen::IfNotSet => empty(old),
            SetWhen::IfGreater => numbers(old, value.as_ref()).is_none_or(|(old, new)| old > new),
            SetWhen::IfLess => numbers(old, value.as_ref()).is_none_or(|(old, new)| old < new),
        });
        // COMPAT: an expression without a value leaves the variable as it is.
        if ok && value.is_some() {
            self.store(slot, value);
        }
    }

    fn capture(&mut self, e: &rha_sample::Expr, slot: u32, on: Subject) {
        let model = self.frontend().model.clone();
        let (which, wanted) = match on {
            Subject::Request => (0, &model.request_captures),
            _ => (1, &model.response_captures),
        };
        let Some(c) = wanted.get(slot as usize) else { return };
        let Some(text) = e.text(self).map(std::borrow::Cow::into_owned) else { return };
        let text = text.get(..text.len().min(c.len as usize)).map(<[u8]>::to_vec);
        let all = &mut self.parts.captures[which];
        if all.len() < wanted.len() {
            all.resize(wanted.len(), None);
        }
        if let Some(s) = all.get_mut(slot as usize) {
            *s = text;
        }
    }

    fn set_address(&mut self, part: AddressPart, e: &rha_sample::Expr) {
        let unspecified = SocketAddr::from(([0, 0, 0, 0], 0));
        let source = matches!(part, AddressPart::Source | AddressPart::SourcePort);
        let old = if source { self.session.source } else { self.session.destination() };
        let mut a = old.unwrap_or(unspecified);
        match part {
            AddressPart::Source | AddressPart::Destination => {
                let ip = match e.eval_as(self, SampleType::Addr) {
                    Some(Value::V4(ip)) => IpAddr::V4(ip),
                    Some(Value::V6(ip)) => IpAddr::V6(ip),
                    _ => return,
                };
                a.set_ip(ip);
            }
            AddressPart::SourcePort | AddressPart::DestinationPort => {
                let Some(Value::Int(n)) = e.eval_as(self, SampleType::Sint) else { return };
                a.set_port((n & 0xffff) as u16);
            }
        }
        if self.moved_from.is_none() {
            self.moved_from = Some([self.session.source, self.session.destination()]);
        }
        if source {
            self.session.source = Some(a);
        } else {
            self.session.set_destination(a);
        }
    }

    /// `early-hint`: fields gathered for one 103 that goes out before the next stage.
    fn early_hint(&mut self, name: &[u8], value: &[u8]) {
        self.parts.hints.extend_from_slice(&name.to_ascii_lowercase());
        self.parts.hints.extend_from_slice(b": ");
        // Nothing can end the line early.
        for c in value {
            match c {
                b'\r' => self.parts.hints.extend_from_slice(b"%0D"),
                b'\n' => self.parts.hints.extend_from_slice(b"%0A"),
                0 => self.parts.hints.extend_from_slice(b"%00"),
                c => self.parts.hints.push(*c),
            }
        }
        self.parts.hints.extend_from_slice(b"\r\n");
    }
}

/// `http-after-response` rules on the reply about to be sent. COMPAT: backend's first, then frontend's.
/// False when one of them could not do its edit.
pub(crate) fn after_response(s: &mut Stream) -> bool {
    let plan = s.session.plan.clone();
    let front = s.session.front;
    s.parts.reply.shown = true;
    let back = s.backend.filter(|b| *b != front);
    let mut fits = true;
    for id in [back, Some(front)].into_iter().flatten() {
        let Some(p) = plan.proxy(id) else { continue };
        s.lenient = false;
        for r in &p.rules.http_after_response {
            if !s.applies(r.when.as_ref()).is_yes() {
                continue;
            }
            match s.apply(&r.action, Subject::Reply) {
                Done::Stop => break,
                Done::Failed => {
                    fits = false;
                    break;
                }
                _ => {}
            }
        }
        if !fits {
            break;
        }
    }
    s.parts.reply.shown = false;
    fits
}

/// What `ifgt` and `iflt` compare. COMPAT: where one of the two is no number the condition is as if it held
/// (`stream_options/variables-*`).
fn numbers(old: Option<&Value<'_>>, new: Option<&Value<'_>>) -> Option<(i64, i64)> {
    match (old, new) {
        (Some(Value::Int(old)), Some(Value::Int(new))) => Some((*old, *new)),
        _ => None,
    }
}
