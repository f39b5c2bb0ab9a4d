//! The field slots of a head: offsets into the read buffer, edits in a side buffer.
//!
//! A slot says where its name and value stand. Values that cannot be forwarded as they are (folded
//! lines, cleaned Connection values, everything rules add) live in the side buffer. Names of the side
//! buffer are lower case, as HAProxy stores them. Storage is kept from message to message.

use crate::bytes::find_control;

/// Field names the machine itself looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "each is the field of that name")]
pub enum Known {
    Other,
    Connection,
    ContentLength,
    Expect,
    Host,
    Te,
    TransferEncoding,
    Upgrade,
    WebSocketAccept,
    WebSocketKey,
}

impl Known {
    /// Recognises a name in any case.
    #[inline]
    pub fn of(name: &[u8]) -> Known {
        let (id, text): (Known, &[u8]) = match name.len() {
            2 => (Known::Te, b"te"),
            4 => (Known::Host, b"host"),
            6 => (Known::Expect, b"expect"),
            7 => (Known::Upgrade, b"upgrade"),
            10 => (Known::Connection, b"connection"),
            14 => (Known::ContentLength, b"content-length"),
            17 => match name.first() {
                Some(b't' | b'T') => (Known::TransferEncoding, b"transfer-encoding"),
                _ => (Known::WebSocketKey, b"sec-websocket-key"),
            },
            20 => (Known::WebSocketAccept, b"sec-websocket-accept"),
            _ => return Known::Other,
        };
        if name.eq_ignore_ascii_case(text) { id } else { Known::Other }
    }
}

/// Where a piece of text stands: in the read buffer or, with the top bit of `start`, in the side buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Span {
    start: u32,
    len: u32,
}

const SIDE: u32 = 1 << 31;

impl Span {
    /// A piece of the read buffer. Buffers are far below 2 GiB (`Policy::buffer_size` bounds a head).
    #[inline]
    pub(crate) fn wire(start: usize, end: usize) -> Span {
        Span { start: start as u32 & !SIDE, len: end.saturating_sub(start) as u32 }
    }

    #[inline]
    pub(crate) fn of<'a>(self, buf: &'a [u8], side: &'a [u8]) -> &'a [u8] {
        let from = if self.start & SIDE == 0 { buf } else { side };
        let start = (self.start & !SIDE) as usize;
        from.get(start..start + self.len as usize).unwrap_or_default()
    }

    /// Whether it stands in the side buffer.
    #[inline]
    pub(crate) fn is_side(self) -> bool {
        self.start & SIDE != 0
    }

    #[inline]
    pub(crate) fn start(self) -> usize {
        (self.start & !SIDE) as usize
    }

    #[inline]
    pub(crate) fn end(self) -> usize {
        self.start() + self.len as usize
    }

    pub(crate) fn len(self) -> usize {
        self.len as usize
    }
}

/// One field.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Slot {
    pub(crate) name: Span,
    pub(crate) value: Span,
    pub(crate) known: Known,
    /// The line stands in its buffer as `name: value CR LF` with nothing to clean.
    pub(crate) verbatim: bool,
    /// The name has upper case letters.
    pub(crate) mixed_case: bool,
}

/// All fields of a message.
#[derive(Debug, Default, Clone)]
pub(crate) struct Fields {
    pub(crate) slots: Vec<Slot>,
    pub(crate) side: Vec<u8>,
}

impl Fields {
    pub(crate) fn clear(&mut self) {
        self.slots.clear();
        self.side.clear();
    }

    /// Keeps `text` in the side buffer. Line ends and NUL, which could end a field or a line early, go in
    /// as `%0D %0A %00`.
    ///
    /// COMPAT: so do the rules of HAProxy with what they compute (`set-header X %[url_param(a),url_dec]`
    /// with `a=%0d%0aEvil:`), in headers, targets, methods and redirects alike.
    pub(crate) fn keep(&mut self, text: &[u8]) -> Span {
        let start = self.side.len();
        // Nearly always there is nothing to replace, and the text is too short for a search to pay.
        if find_control(text, 0) == text.len() {
            self.side.extend_from_slice(text);
            return self.built(start);
        }
        let mut rest = text;
        while let Some(at) = memchr::memchr3(0, b'\r', b'\n', rest) {
            let (before, after) = rest.split_at(at);
            self.side.extend_from_slice(before);
            self.side.extend_from_slice(match after.first() {
                Some(b'\r') => b"%0D",
                Some(b'\n') => b"%0A",
                _ => b"%00",
            });
            rest = after.get(1..).unwrap_or_default();
        }
        self.side.extend_from_slice(rest);
        self.built(start)
    }

    /// Starts a text that is built piece by piece; ended by [`Fields::built`].
    pub(crate) fn building(&self) -> usize {
        self.side.len()
    }

    pub(crate) fn built(&self, start: usize) -> Span {
        Span { start: start as u32 | SIDE, len: (self.side.len() - start) as u32 }
    }

    #[inline]
    pub(crate) fn name<'a>(&'a self, buf: &'a [u8], slot: &Slot) -> &'a [u8] {
        slot.name.of(buf, &self.side)
    }

    #[inline]
    pub(crate) fn value<'a>(&'a self, buf: &'a [u8], slot: &Slot) -> &'a [u8] {
        slot.value.of(buf, &self.side)
    }

    /// Appends a field; its name goes to lower case. The line is built as it will be sent.
    pub(crate) fn add(&mut self, name: &[u8], value: &[u8]) {
        let known = Known::of(name);
        let name = self.keep(name);
        if let Some(kept) = self.side.get_mut(name.start()..) {
            kept.make_ascii_lowercase();
        }
        self.side.extend_from_slice(b": ");
        let value = self.keep(value);
        self.side.extend_from_slice(b"\r\n");
        // What the writer has to judge keeps its own way.
        let verbatim = matches!(known, Known::Other | Known::Host);
        self.slots.push(Slot { name, value, known, verbatim, mixed_case: false });
    }

    /// Removes every field of that name; whether there was one.
    pub(crate) fn delete(&mut self, buf: &[u8], name: &[u8]) -> bool {
        let before = self.slots.len();
        let side = &self.side;
        self.slots.retain(|s| s.name.len() != name.len() || !s.name.of(buf, side).eq_ignore_ascii_case(name));
        self.slots.len() != before
    }

    /// Gives field `i` another value; out of range does nothing.
    pub(crate) fn set_value(&mut self, i: usize, value: &[u8]) {
        let value = self.keep(value);
        if let Some(slot) = self.slots.get_mut(i) {
            slot.value = value;
            slot.verbatim = false;
        }
    }

    pub(crate) fn find<'a>(
        &'a self,
        buf: &'a [u8],
        name: &'a [u8],
    ) -> impl Iterator<Item = (usize, &'a [u8])> {
        let fits = move |s: &Slot| s.name.len() == name.len() && self.name(buf, s).eq_ignore_ascii_case(name);
        let named = self.slots.iter().enumerate().filter(move |(_, s)| fits(s));
        named.map(move |(i, s)| (i, self.value(buf, s)))
    }

    /// Writes `name: value CR LF`, the name in lower case.
    pub(crate) fn write_one(&self, buf: &[u8], slot: &Slot, value: &[u8], out: &mut Vec<u8>) {
        write_line(self.name(buf, slot), value, out);
    }
}

/// Writes `name: value CR LF`, the name in lower case.
pub(crate) fn write_line(name: &[u8], value: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(name);
    lower(out, start, start + name.len());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

/// Puts `out[start..end]` in lower case.
#[inline]
pub(crate) fn lower(out: &mut [u8], start: usize, end: usize) {
    if let Some(name) = out.get_mut(start..end) {
        name.make_ascii_lowercase();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_kept_can_end_a_line() {
        let mut fields = Fields::default();
        fields.add(b"X-A", b"\r\nEvil: 1\0\t");
        let slot = fields.slots[0];
        assert_eq!(fields.value(b"", &slot), b"%0D%0AEvil: 1%00\t");
        assert_eq!(fields.name(b"", &slot), b"x-a");
    }

    #[test]
    fn known_names() {
        assert_eq!(Known::of(b"Transfer-ENCODING"), Known::TransferEncoding);
        assert_eq!(Known::of(b"sec-websocket-key"), Known::WebSocketKey);
        assert_eq!(Known::of(b"TE"), Known::Te);
        assert_eq!(Known::of(b"hos"), Known::Other);
        assert_eq!(Known::of(b""), Known::Other);
    }
}
