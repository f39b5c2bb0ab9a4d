//! A message head: start line and fields as offsets, with what they say about framing and connection.
//!
//! [`Head`] is shared by requests and responses; what differs is the start line type. All methods take
//! the same `buf` that was parsed. `clear` keeps the storage.

use crate::body::Body;
use crate::fields::{Fields, Slot};
use crate::policy::Policy;
use crate::request::RequestLine;
use crate::response::StatusLine;
use crate::values::has_token;
use crate::view::View;

/// A request head.
pub type RequestHead = Head<RequestLine>;
/// A response head.
pub type ResponseHead = Head<StatusLine>;

/// How far parsing has come; `at` is the start of the first line not yet taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Stage {
    #[default]
    StartLine,
    Fields,
    Done,
}

/// What the fields say.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Facts {
    /// HTTP/1.1 or later.
    pub(crate) v11: bool,
    /// Connection tokens.
    pub(crate) close: bool,
    pub(crate) keep_alive: bool,
    pub(crate) upgrade_token: bool,
    /// Upgrade field.
    pub(crate) upgrade_field: bool,
    pub(crate) websocket: bool,
    /// Transfer-Encoding: present, chunked somewhere, chunked last, something else.
    pub(crate) coded: bool,
    pub(crate) chunked_seen: bool,
    pub(crate) chunked: bool,
    pub(crate) other_coding: bool,
    pub(crate) length: Option<u64>,
    /// Expect: 100-continue.
    pub(crate) expects_continue: bool,
    /// Framing is known without waiting for the end of the connection.
    pub(crate) delimited: bool,
    /// Content-Length and Transfer-Encoding are what the parsed message was framed by.
    pub(crate) framed_by_length: bool,
    pub(crate) framed_by_chunks: bool,
    /// First Host field, while fields are being read (later ones may be dropped).
    pub(crate) host: Option<usize>,
    pub(crate) websocket_key: bool,
}

/// Dialect-dependent habits that writing needs as well.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Habits {
    /// 3.0 and later.
    pub(crate) modern: bool,
    /// 3.5 and later.
    pub(crate) newest: bool,
}

/// Start line, fields and facts of one message.
#[derive(Debug, Default, Clone)]
pub struct Head<L> {
    pub(crate) line: L,
    pub(crate) fields: Fields,
    pub(crate) facts: Facts,
    pub(crate) habits: Habits,
    pub(crate) body: Body,
    pub(crate) stage: Stage,
    pub(crate) at: usize,
}

impl<L: Default> Head<L> {
    /// Makes the head ready for the next message; storage stays.
    pub fn clear(&mut self) {
        self.fields.clear();
        self.line = L::default();
        self.facts = Facts::default();
        self.body = Body::None;
        self.stage = Stage::StartLine;
        self.at = 0;
    }
}

impl<L> Head<L> {
    pub(crate) fn obey(&mut self, policy: &Policy) {
        self.habits = Habits {
            modern: policy.at_least(rha_vocab::Dialect::V3_0),
            newest: policy.at_least(rha_vocab::Dialect::V3_5),
        };
    }

    /// Whether a whole head has been parsed (or built).
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.stage == Stage::Done
    }

    /// Whether the whole start line has been taken in.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.stage != Stage::StartLine
    }

    /// The body that follows in the stream.
    #[must_use]
    pub fn body(&self) -> Body {
        self.body
    }

    /// Content-Length as parsed; `None` beside Transfer-Encoding.
    #[must_use]
    pub fn content_length(&self) -> Option<u64> {
        self.facts.length
    }

    /// HTTP/1.1 or later.
    #[must_use]
    pub fn is_http11(&self) -> bool {
        self.facts.v11
    }

    /// Both `Connection: upgrade` and an Upgrade field.
    #[must_use]
    pub fn upgrade(&self) -> bool {
        self.facts.upgrade_token && self.facts.upgrade_field
    }

    /// A WebSocket handshake.
    #[must_use]
    pub fn is_websocket(&self) -> bool {
        self.facts.upgrade_token && self.facts.websocket
    }

    /// Number of fields.
    #[must_use]
    pub fn field_count(&self) -> usize {
        self.fields.slots.len()
    }

    /// Field `i`: name (wire case, or lower case if a rule added it) and trimmed value.
    #[must_use]
    pub fn field<'a>(&'a self, buf: &'a [u8], i: usize) -> Option<(&'a [u8], &'a [u8])> {
        let slot = self.fields.slots.get(i)?;
        Some((self.fields.name(buf, slot), self.fields.value(buf, slot)))
    }

    /// Fields of that name, any case: index and value, in order.
    pub fn find<'a>(&'a self, buf: &'a [u8], name: &'a [u8]) -> impl Iterator<Item = (usize, &'a [u8])> {
        self.fields.find(buf, name)
    }

    /// Index of the first field of that name, any case, at or after `from`.
    #[must_use]
    pub fn position(&self, buf: &[u8], name: &[u8], from: usize) -> Option<usize> {
        let rest = self.fields.slots.get(from..)?;
        let fits =
            |s: &Slot| s.name.len() == name.len() && self.fields.name(buf, s).eq_ignore_ascii_case(name);
        rest.iter().position(fits).map(|i| from + i)
    }

    /// Whether a field of that name has `token` in its comma-separated list.
    #[must_use]
    pub fn has_token(&self, buf: &[u8], name: &[u8], token: &[u8]) -> bool {
        self.fields.find(buf, name).any(|(_, v)| has_token(v, token))
    }

    /// `add-header`: appends a field.
    pub fn add(&mut self, name: &[u8], value: &[u8]) {
        self.fields.add(name, value);
    }

    /// `del-header`: removes all fields of that name; whether there was one.
    pub fn delete(&mut self, buf: &[u8], name: &[u8]) -> bool {
        self.fields.delete(buf, name)
    }

    /// Removes the fields whose name `matches` (in wire case).
    pub fn delete_where(&mut self, buf: &[u8], mut matches: impl FnMut(&[u8]) -> bool) {
        let side = &self.fields.side;
        self.fields.slots.retain(|s| !matches(s.name.of(buf, side)));
    }

    /// Removes field `i`; out of range does nothing.
    pub fn delete_at(&mut self, i: usize) {
        if i < self.fields.slots.len() {
            self.fields.slots.remove(i);
        }
    }

    /// `replace-header`/`replace-value` and cookie edits: field `i` gets another value.
    pub fn set_value(&mut self, i: usize, value: &[u8]) {
        self.fields.set_value(i, value);
    }

    /// The parsed head and its buffer as the rules see them. `body` is what is buffered of the body
    /// without framing.
    #[must_use]
    pub fn view<'a>(&'a self, buf: &'a [u8], body: &'a [u8], body_is_whole: bool) -> View<'a, L> {
        View { head: self, buf, body, body_is_whole }
    }
}
