//! `proc.` variables: what the configuration sets them to, and what rules make of them while running.
//!
//! All workers share them behind one lock. A stream reads a copy, taken when it first asks and again when something
//! has changed, so that streams which know no such variable pay nothing. HAProxy 3.0 configuration manual §2.8.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{PoisonError, RwLock};

use rha_base::{
    Fact, Now, ProxyFact, ProxyId, Request, Response, Scene, Scope, ServerFact, ServerId, Site, Value,
    VarSlot,
};
use rha_sample::{Expr, Format, Sampled};

type Values = Vec<Option<Value<'static>>>;

/// All of them.
#[derive(Debug, Default)]
pub struct ProcessVariables {
    slots: HashMap<String, u16>,
    values: RwLock<Values>,
    /// Those that no line names: rules cannot see them.
    others: RwLock<HashMap<String, Value<'static>>>,
    changes: AtomicU64,
}

/// A stream's copy, and the change it was made at.
pub(crate) type Copied = (u64, Values);

impl ProcessVariables {
    pub(super) fn new(slots: HashMap<String, u16>, values: Values) -> ProcessVariables {
        ProcessVariables {
            slots,
            values: RwLock::new(values),
            others: RwLock::default(),
            changes: AtomicU64::new(0),
        }
    }

    /// Names without `proc.`, in order.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let others = self.others.read().unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<String> = self.slots.keys().chain(others.keys()).cloned().collect();
        all.sort_unstable();
        all
    }

    /// The value of one, by its name without `proc.`.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Value<'static>> {
        let Some(slot) = self.slots.get(name) else {
            return self.others.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned();
        };
        self.values.read().unwrap_or_else(PoisonError::into_inner).get(usize::from(*slot))?.clone()
    }

    /// Changes one.
    pub fn set(&self, name: &str, value: Value<'static>) {
        match self.slots.get(name) {
            Some(slot) => self.store(*slot, Some(value)),
            None => {
                self.others.write().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), value);
            }
        }
    }

    pub(crate) fn store(&self, slot: u16, value: Option<Value<'static>>) {
        let mut all = self.values.write().unwrap_or_else(PoisonError::into_inner);
        let slot = usize::from(slot);
        if all.len() <= slot {
            all.resize(slot + 1, None);
        }
        if let Some(v) = all.get_mut(slot) {
            *v = value;
        }
        self.changes.fetch_add(1, SeqCst);
    }

    pub(crate) fn copied(&self) -> Copied {
        let all = self.values.read().unwrap_or_else(PoisonError::into_inner);
        (self.changes.load(SeqCst), all.clone())
    }

    /// Whether something has changed since a copy was made.
    pub(crate) fn is_outdated(&self, copy: &Copied) -> bool {
        copy.0 != self.changes.load(SeqCst)
    }
}

/// What expressions see while there is no stream yet: the clock, and the variables set so far.
pub(super) struct AtStart {
    now: Now,
    pub values: Values,
}

impl AtStart {
    pub(super) fn new() -> AtStart {
        AtStart { now: rha_net::read_clocks(), values: Vec::new() }
    }

    pub(super) fn set_expr(&mut self, slot: VarSlot, e: &Expr) {
        let value = match e.eval(self) {
            Sampled::Value(v) => Some(v.into_owned()),
            _ => None,
        };
        self.keep(slot, value);
    }

    pub(super) fn set_format(&mut self, slot: VarSlot, f: &Format) {
        let mut text = Vec::new();
        f.write(self, &mut text);
        self.keep(slot, Some(Value::Str(text.into())));
    }

    /// The value at a place.
    pub fn take(&mut self, slot: VarSlot) -> Option<Value<'static>> {
        self.values.get_mut(usize::from(slot.index))?.take()
    }

    pub fn keep(&mut self, slot: VarSlot, value: Option<Value<'static>>) {
        let slot = usize::from(slot.index);
        if self.values.len() <= slot {
            self.values.resize(slot + 1, None);
        }
        if let Some(v) = self.values.get_mut(slot) {
            *v = value;
        }
    }
}

impl Scene for AtStart {
    fn now(&self) -> Now {
        self.now
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
        None
    }
    fn request_buffer(&self) -> &[u8] {
        &[]
    }
    fn response_buffer(&self) -> &[u8] {
        &[]
    }
    fn request_may_grow(&self) -> bool {
        false
    }
    fn local_offset_s(&self, wall_us: i64) -> i32 {
        rha_net::local_time(wall_us / 1_000_000).offset_s
    }
    fn variable(&self, slot: VarSlot) -> Option<&Value<'static>> {
        if slot.scope != Scope::Process {
            return None;
        }
        self.values.get(usize::from(slot.index))?.as_ref()
    }
    fn fact(&self, fact: Fact) -> Option<Value<'_>> {
        match fact {
            Fact::Hostname => Some(Value::Str(rha_net::hostname().into_bytes().into())),
            Fact::Pid => Some(Value::Int(crate::plan::logs::pid().into())),
            _ => None,
        }
    }
    fn place(&self) -> (ProxyId, Option<ProxyId>, Option<ServerId>) {
        (ProxyId(0), None, None)
    }
    fn site(&self) -> &dyn Site {
        self
    }
    fn random(&self) -> u32 {
        // Seeded by nothing better than the time: for values of a configuration, not for secrets.
        let t = rha_net::read_clocks().mono_us;
        (t ^ (t << 17) ^ (t >> 7)) as u32
    }
}

impl Site for AtStart {
    fn proxy(&self, _: ProxyId, _: ProxyFact) -> i64 {
        0
    }
    fn server(&self, _: ProxyId, _: ServerId, _: ServerFact) -> i64 {
        0
    }
    fn connections(&self) -> i64 {
        0
    }
    fn workers(&self) -> u32 {
        1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_outdated_by_a_change_only() {
        let v = ProcessVariables::new([("a".to_owned(), 1)].into(), Vec::new());
        let copy = v.copied();
        assert!(!v.is_outdated(&copy) && v.get("a").is_none());
        v.set("a", Value::Int(3));
        v.set("b", Value::Int(4));
        assert!(v.is_outdated(&copy));
        assert_eq!((v.get("a"), v.get("b")), (Some(Value::Int(3)), Some(Value::Int(4))));
        assert_eq!(v.copied().1.len(), 2);
    }
}
