//! Running rules: conditions in order, actions on the stream.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use rha_base::{Scope, Value, VarSlot};
use rha_sample::{Sampled, Verdict, expand};
use rha_vocab::SampleType;

use crate::http::Next;
use crate::plan::Timeout;
use crate::plan::rules::{
    Act, AddressPart, Delay, FieldNames, RedirectPlan, ReplyPlan, Rule, SetWhen, TcpAct, UriPart, Which,
};
use crate::session::Session;
use crate::stream::Stream;

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
    let proxied = session.listener().is_some_and(|l| l.accept_proxy);
    if rules.tcp_connection.is_empty() && rules.tcp_session.is_empty() && !proxied {
        session.admitted();
        return Some(session);
    }
    let mut session = admit_connection(session)?;
    session.wire = Some(Box::new([session.source, session.destination()]));
    if (proxied || session.expects_proxy) && !Box::pin(crate::proxied::receive(&mut session)).await {
        return None;
    }
    admit_session(session)
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
    fn settle_variables(&mut self) {
        if self.parts.pending.get_mut().is_empty() {
            return;
        }
        let pending = std::mem::take(self.parts.pending.get_mut());
        for (slot, value) in pending {
            self.store(slot, value);
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
            Act::SetHeader(name, f) => self.with_text(f, |s, v| s.set_field(on, name, v)),
            Act::AddHeader(name, f) => self.with_text(f, |s, v| s.add_field(on, name, v)),
            Act::DelHeader(names) => self.delete_fields(on, names),
            Act::ReplaceHeader(name, re, f) => self.replace_field(on, name, re, f, false),
            Act::ReplaceValue(name, re, f) => self.replace_field(on, name, re, f, true),
            Act::SetMethod(f) => self.with_text(f, |s, v| s.parts.request.head.set_method(v)),
            Act::SetUri(part, f) => self.with_text(f, |s, v| s.set_uri(*part, v)),
            Act::ReplaceUri(part, re, f) => self.replace_uri(*part, re, f),
            Act::SetStatus(code, reason) => {
                let reason = reason.as_ref().and_then(|r| std::str::from_utf8(r).ok());
                match on {
                    Subject::Reply => {
                        self.parts.reply.status = *code;
                        self.parts.reply.head.set_status(*code, reason);
                    }
                    _ => self.parts.response.head.set_status(*code, reason),
                }
            }
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
            Act::EarlyHint(name, f) => self.with_text(f, |s, v| s.early_hint(name, v)),
            Act::StrictMode(_) | Act::Nothing => {}
            Act::DisableL7Retry => self.no_l7_retry = true,
        }
        Done::Next
    }

    /// Evaluates a format into the scratch text and hands it over.
    fn with_text(&mut self, f: &rha_sample::Format, then: impl FnOnce(&mut Stream, &[u8])) {
        let mut text = std::mem::take(&mut self.parts.text);
        text.clear();
        f.write(self, &mut text);
        then(self, &text);
        self.parts.text = text;
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

    fn set_field(&mut self, on: Subject, name: &[u8], value: &[u8]) {
        let p = &mut *self.parts;
        match on {
            Subject::Request => p.request.head.set(&p.request.buf, name, value),
            Subject::Response => p.response.head.set(&p.response.buf, name, value),
            Subject::Reply => p.reply.head.set(&[], name, value),
        }
    }

    pub(crate) fn add_field(&mut self, on: Subject, name: &[u8], value: &[u8]) {
        let p = &mut *self.parts;
        match on {
            Subject::Request => p.request.head.add(name, value),
            Subject::Response => p.response.head.add(name, value),
            Subject::Reply => p.reply.head.add(name, value),
        }
    }

    fn delete_fields(&mut self, on: Subject, names: &FieldNames) {
        let p = &mut *self.parts;
        if let FieldNames::Exact(n) = names {
            match on {
                Subject::Request => p.request.head.delete(&p.request.buf, n),
                Subject::Response => p.response.head.delete(&p.response.buf, n),
                Subject::Reply => p.reply.head.delete(&[], n),
            };
            return;
        }
        let matches = |name: &[u8]| {
            let low = name.to_ascii_lowercase();
            match names {
                FieldNames::Exact(n) => low == *n,
                FieldNames::Begin(n) => low.starts_with(n),
                FieldNames::End(n) => low.ends_with(n),
                FieldNames::Sub(n) => memchr::memmem::find(&low, n).is_some(),
                FieldNames::Regex(re) => re.is_match(&low),
            }
        };
        match on {
            Subject::Request => p.request.head.delete_where(&p.request.buf, matches),
            Subject::Response => p.response.head.delete_where(&p.response.buf, matches),
            Subject::Reply => p.reply.head.delete_where(&[], matches),
        }
    }

    fn field_values(&self, on: Subject, name: &[u8]) -> Vec<(usize, Vec<u8>)> {
        let p = &*self.parts;
        let own = |(i, v): (usize, &[u8])| (i, v.to_vec());
        match on {
            Subject::Request => p.request.head.find(&p.request.buf, name).map(own).collect(),
            Subject::Response => p.response.head.find(&p.response.buf, name).map(own).collect(),
            Subject::Reply => p.reply.head.find(&[], name).map(own).collect(),
        }
    }

    fn set_value_at(&mut self, on: Subject, i: usize, value: &[u8]) {
        let p = &mut *self.parts;
        match on {
            Subject::Request => p.request.head.set_value(i, value),
            Subject::Response => p.response.head.set_value(i, value),
            Subject::Reply => p.reply.head.set_value(i, value),
        }
    }

    /// `replace-header`: the whole value; `replace-value`: each element of a comma-separated list.
    fn replace_field(
        &mut self,
        on: Subject,
        name: &[u8],
        re: &rha_sample::Regex,
        f: &rha_sample::Format,
        each: bool,
    ) {
        for (i, value) in self.field_values(on, name) {
            let mut out = Vec::with_capacity(value.len());
            let mut changed = false;
            let parts: Vec<&[u8]> = if each { list_elements(&value) } else { vec![&value] };
            for (n, part) in parts.iter().enumerate() {
                if n > 0 {
                    out.push(b',');
                }
                let trimmed = part.trim_ascii();
                let lead = part.len() - part.trim_ascii_start().len();
                let Some(groups) = re.captures_at(trimmed, 0) else {
                    out.extend_from_slice(part);
                    continue;
                };
                changed = true;
                out.extend_from_slice(part.get(..lead).unwrap_or_default());
                self.with_text(f, |_, text| expand(text, trimmed, &groups, &mut out));
            }
            if changed {
                self.set_value_at(on, i, &out);
            }
        }
    }

    fn set_uri(&mut self, part: UriPart, text: &[u8]) {
        let r = &mut self.parts.request;
        match part {
            UriPart::Path => r.head.set_path(&r.buf, text),
            UriPart::PathQuery => r.head.set_path_and_query(&r.buf, text),
            UriPart::Query => r.head.set_query(&r.buf, text),
            UriPart::Uri => r.head.set_target(&r.buf, text),
        }
    }

    fn replace_uri(&mut self, part: UriPart, re: &rha_sample::Regex, f: &rha_sample::Format) {
        let text = {
            let r = &self.parts.request;
            let t = r.head.target_parts(&r.buf);
            match part {
                UriPart::Path => t.path(),
                UriPart::PathQuery => t.path_and_query(),
                UriPart::Query => t.query().unwrap_or_default(),
                UriPart::Uri => t.whole(),
            }
            .to_vec()
        };
        let Some(groups) = re.captures_at(&text, 0) else { return };
        let mut out = Vec::new();
        self.with_text(f, |_, replacement| expand(replacement, &text, &groups, &mut out));
        self.set_uri(part, &out);
    }

    fn set_variable_if(&mut self, slot: VarSlot, value: Option<Value<'static>>, when: &[SetWhen]) {
        use rha_base::Scene as _;
        let old = self.variable(slot);
        let empty = |v: Option<&Value<'_>>| match v {
            None => true,
            Some(Value::Str(s) | Value::Bin(s)) => s.is_empty(),
            Some(_) => false,
        };
        let ok = when.iter().all(|w| match w {
            SetWhen::IfExists => old.is_some(),
            SetWhen::IfNotExists => old.is_none(),
            SetWhen::IfEmpty => empty(value.as_ref()),
            SetWhen::IfNotEmpty => !empty(value.as_ref()),
            SetWhen::IfSet => !empty(old),
            SetWhen::IfNotSet => empty(old),
            SetWhen::IfGreater => compare(value.as_ref(), old).is_gt(),
            SetWhen::IfLess => compare(value.as_ref(), old).is_lt(),
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
        self.parts.hints.extend_from_slice(value);
        self.parts.hints.extend_from_slice(b"\r\n");
    }
}

/// `http-after-response` rules on the reply about to be sent. COMPAT: backend's first, then frontend's.
pub(crate) fn after_response(s: &mut Stream) {
    let plan = s.session.plan.clone();
    let front = s.session.front;
    s.parts.reply.shown = true;
    let back = s.backend.filter(|b| *b != front);
    for id in [back, Some(front)].into_iter().flatten() {
        let Some(p) = plan.proxy(id) else { continue };
        for r in &p.rules.http_after_response {
            if s.applies(r.when.as_ref()).is_yes() && matches!(s.apply(&r.action, Subject::Reply), Done::Stop)
            {
                break;
            }
        }
    }
    s.parts.reply.shown = false;
}

fn compare(a: Option<&Value<'_>>, b: Option<&Value<'_>>) -> std::cmp::Ordering {
    match (a, b) {
        (Some(Value::Int(a)), Some(Value::Int(b))) => a.cmp(b),
        (Some(Value::Str(a)), Some(Value::Str(b))) => a.cmp(b),
        _ => std::cmp::Ordering::Equal,
    }
}

/// Elements of a comma-separated list, quotes respected.
fn list_elements(value: &[u8]) -> Vec<&[u8]> {
    let mut out = Vec::new();
    let (mut start, mut quoted, mut escaped) = (0, false, false);
    for (i, c) in value.iter().enumerate() {
        match c {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b',' if !quoted => {
                out.push(value.get(start..i).unwrap_or_default());
                start = i + 1;
            }
            _ => {}
        }
    }
    out.push(value.get(start..).unwrap_or_default());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_respect_quotes() {
        assert_eq!(list_elements(b"a, \"b,c\" ,d"), [&b"a"[..], b" \"b,c\" ", b"d"]);
    }
}
