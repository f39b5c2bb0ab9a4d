//! What a fetch or converter function is given.

use rha_base::{ProxyFact, ProxyId, Request, Response, Scene, ServerId, Value, VarSlot};

use crate::operand::Operand;

/// One evaluation of one expression.
pub struct Cx<'a> {
    pub(crate) scene: &'a dyn Scene,
    /// Arguments of the call being evaluated.
    pub(crate) args: &'a [Operand],
    /// Whether all occurrences are wanted one after another (ACLs) or the last one (rules, logs).
    pub(crate) iterate: bool,
    /// Where the next occurrence is looked for, as the fetch itself left it.
    pub(crate) cursor: (u32, u32),
    /// Whether there may be another occurrence.
    pub(crate) more: bool,
    /// Whether the result, present or not, may change when more data arrives.
    pub(crate) may_change: bool,
}

static ABSENT: Operand = Operand::Absent;

impl<'a> Cx<'a> {
    /// At the start of an evaluation.
    pub(crate) fn new(scene: &'a dyn Scene, iterate: bool) -> Cx<'a> {
        Cx { scene, args: &[], iterate, cursor: (0, 0), more: false, may_change: false }
    }

    /// Argument `i`, [`Operand::Absent`] beyond the last.
    pub(crate) fn arg(&self, i: usize) -> &'a Operand {
        self.args.get(i).unwrap_or(&ABSENT)
    }

    /// Argument `i` as text.
    pub(crate) fn text(&self, i: usize) -> Option<&'a [u8]> {
        match self.arg(i) {
            Operand::Str(s) => Some(s),
            _ => None,
        }
    }

    /// Argument `i` as an integer.
    pub(crate) fn int(&self, i: usize) -> Option<i64> {
        match self.arg(i) {
            Operand::Int(n) => Some(*n),
            _ => None,
        }
    }

    /// Says that the request may still change the result.
    pub(crate) fn wait_request(&mut self) {
        self.may_change |= self.scene.request_may_grow();
    }

    /// Says that the response may still change the result.
    pub(crate) fn wait_response(&mut self) {
        self.may_change |= self.scene.response_may_grow();
    }

    /// The request head, or a wait for it.
    pub(crate) fn request(&mut self) -> Option<&'a dyn Request> {
        let found = self.scene.request();
        if found.is_none() {
            self.may_change |= self.scene.request_may_become_http();
        }
        found
    }

    /// The response head, or a wait for it.
    pub(crate) fn response(&mut self) -> Option<&'a dyn Response> {
        let found = self.scene.response();
        if found.is_none() {
            self.wait_response();
        }
        found
    }

    /// Argument `i` as a proxy, the current backend or frontend when absent.
    pub(crate) fn proxy(&self, i: usize) -> ProxyId {
        match self.arg(i) {
            Operand::Proxy(p) => *p,
            _ => {
                let (frontend, backend, _) = self.scene.place();
                backend.unwrap_or(frontend)
            }
        }
    }

    /// A number about the proxy of argument `i`.
    pub(crate) fn proxy_fact(&self, i: usize, fact: ProxyFact) -> Option<Value<'a>> {
        Some(Value::Int(self.scene.site().proxy(self.proxy(i), fact)))
    }

    /// Argument 0 as a server.
    pub(crate) fn server(&self) -> Option<(ProxyId, ServerId)> {
        match self.arg(0) {
            Operand::Server(b, s) => Some((*b, *s)),
            _ => None,
        }
    }

    /// The value of a variable.
    pub(crate) fn variable(&self, slot: VarSlot) -> Option<Value<'a>> {
        self.scene.variable(slot).map(borrow)
    }
}

/// A value that borrows from another one.
pub(crate) fn borrow<'a>(v: &'a Value<'static>) -> Value<'a> {
    use std::borrow::Cow::Borrowed;
    match v {
        Value::Bool(b) => Value::Bool(*b),
        Value::Int(i) => Value::Int(*i),
        Value::V4(a) => Value::V4(*a),
        Value::V6(a) => Value::V6(*a),
        Value::Str(s) => Value::Str(Borrowed(s)),
        Value::Bin(s) => Value::Bin(Borrowed(s)),
        Value::Method(s) => Value::Method(Borrowed(s)),
    }
}
