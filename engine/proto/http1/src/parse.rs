//! The field section, parsed line by line, and what each known field means for the message.
//!
//! Shared by requests, responses and (as syntax) trailers. A partial head keeps the fields of its whole
//! lines and resumes at the first line that is not whole. RFC 9112 §5; accept/reject list of HAProxy.

use crate::bytes::{self, BLANK, TOKEN, UPPER, find_control};
use crate::fields::{Fields, Known, Slot, Span};
use crate::head::{Facts, Habits, Head, Stage};
use crate::policy::{Policy, Reason, Reject};
use crate::values::element_end;

/// Outcome of parsing a head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parsed {
    /// The head is whole and ends before `len`; what follows is body or the next message.
    Complete {
        /// Bytes of the head, blank lines before it included.
        len: usize,
    },
    /// More bytes are needed: call again with the same bytes and more after them.
    Partial,
    /// The message is refused.
    Bad(Reject),
}

/// Outcome of a step over some bytes: an offset to go on at, more bytes wanted, or trouble.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    At(usize),
    More,
    Bad(Reason, usize),
}

/// One field line.
pub(crate) struct Line {
    pub(crate) name: (usize, usize),
    pub(crate) value: (usize, usize),
    /// Start of the next line.
    pub(crate) next: usize,
    pub(crate) folded: bool,
    pub(crate) verbatim: bool,
    pub(crate) mixed_case: bool,
    pub(crate) bad_name: bool,
}

pub(crate) enum LineStep {
    Field(Line),
    /// The empty line; the offset after it.
    End(usize),
    More,
    Bad(Reason, usize),
}

/// Where leniency reaches.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lenience {
    /// Forbidden bytes in names pass.
    pub(crate) names: bool,
    /// NUL in values passes.
    pub(crate) nul: bool,
}

impl Lenience {
    pub(crate) fn of(policy: &Policy) -> Lenience {
        // COMPAT: 2.6 lets NUL through in values (tests/requests.txt "nul in value")
        Lenience {
            names: policy.accept_unsafe,
            nul: policy.accept_unsafe || !policy.at_least(rha_vocab::Dialect::V3_0),
        }
    }
}

/// Steps over one line end at `at`: CR LF or bare LF.
#[inline]
pub(crate) fn line_end(buf: &[u8], at: usize) -> Option<Result<usize, usize>> {
    match buf.get(at)? {
        b'\n' => Some(Ok(at + 1)),
        b'\r' => match buf.get(at + 1)? {
            b'\n' => Some(Ok(at + 2)),
            _ => Some(Err(at + 1)),
        },
        _ => Some(Err(at)),
    }
}

/// Reads one field line at `at`. It is whole only when the byte after its end is there too, because
/// that byte may fold it.
#[inline]
pub(crate) fn field_line(buf: &[u8], at: usize, lenience: Lenience) -> LineStep {
    if let Some(b'\r' | b'\n') = buf.get(at) {
        return match line_end(buf, at) {
            Some(Ok(next)) => LineStep::End(next),
            Some(Err(bad)) => LineStep::Bad(Reason::FieldName, bad),
            None => LineStep::More,
        };
    }
    let (mut colon, has_upper) = bytes::skip_letters(buf, at);
    let (mut classes, mut bad_name) = (if has_upper { UPPER } else { 0 }, false);
    loop {
        let Some(c) = buf.get(colon) else { return LineStep::More };
        let class = bytes::CLASS[usize::from(*c)];
        if class & TOKEN == 0 {
            match *c {
                b':' if colon > at => break,
                // DIFFERS: CR in a name is refused whatever the option says
                b':' | b'\n' | b'\r' => return LineStep::Bad(Reason::FieldName, colon),
                _ if !lenience.names => return LineStep::Bad(Reason::FieldName, colon),
                _ => bad_name = true,
            }
        }
        classes |= class;
        colon += 1;
    }
    value(buf, at, colon, lenience, classes & UPPER != 0, bad_name)
}

#[inline]
fn value(
    buf: &[u8],
    at: usize,
    colon: usize,
    lenience: Lenience,
    mixed_case: bool,
    bad_name: bool,
) -> LineStep {
    let mut start = colon + 1;
    while buf.get(start).is_some_and(|c| bytes::is(*c, BLANK)) {
        start += 1;
    }
    let mut scan = start;
    let mut folded = false;
    loop {
        scan = find_control(buf, scan);
        match buf.get(scan) {
            None => return LineStep::More,
            Some(0) if !lenience.nul => return LineStep::Bad(Reason::FieldValue, scan),
            Some(b'\r' | b'\n') => {}
            Some(_) => {
                scan += 1;
                continue;
            }
        }
        let next = match line_end(buf, scan) {
            None => return LineStep::More,
            Some(Err(bad)) => return LineStep::Bad(Reason::FieldValue, bad),
            Some(Ok(next)) => next,
        };
        match buf.get(next) {
            None => return LineStep::More,
            Some(b' ' | b'\t') => {
                folded = true;
                scan = next;
            }
            Some(_) => {
                let mut end = scan;
                while end > start
                    && buf.get(end - 1).is_some_and(|c| matches!(c, b' ' | b'\t' | b'\r' | b'\n'))
                {
                    end -= 1;
                }
                while folded
                    && start < end
                    && buf.get(start).is_some_and(|c| matches!(c, b' ' | b'\t' | b'\r' | b'\n'))
                {
                    start += 1;
                }
                let verbatim = !folded
                    && end == scan
                    && next == scan + 2
                    && start == colon + 2
                    && buf.get(colon + 1) == Some(&b' ');
                return LineStep::Field(Line {
                    name: (at, colon),
                    value: (start, end),
                    next,
                    folded,
                    verbatim,
                    mixed_case,
                    bad_name,
                });
            }
        }
    }
}

/// What a cleaned list value came to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Cleaned {
    /// Nothing is left.
    Empty,
    /// A prefix of that length is left.
    Prefix(usize),
    /// What is left was written to the buffer given.
    Built,
}

/// Drops elements from a list value. As HAProxy does it, what stands before the first dropped element
/// keeps its spelling, what follows is joined by bare commas.
pub(crate) fn clean_list(value: &[u8], out: &mut Vec<u8>, mut keep: impl FnMut(&[u8]) -> bool) -> Cleaned {
    let start = out.len();
    let (mut at, mut prefix, mut dropped) = (0, 0, false);
    while let Some(c) = value.get(at) {
        if bytes::is(*c, BLANK) {
            at += 1;
            continue;
        }
        let rest = value.get(at..).unwrap_or_default();
        let end = element_end(rest);
        let word = bytes::trim(rest.get(..end).unwrap_or(rest));
        if !keep(word) {
            if !dropped {
                out.extend_from_slice(value.get(..prefix).unwrap_or_default());
            }
            dropped = true;
        } else if !dropped {
            prefix = at + end;
        } else {
            if out.len() > start {
                out.push(b',');
            }
            out.extend_from_slice(word);
        }
        at += end + 1;
    }
    match (dropped, prefix) {
        (true, _) if out.len() == start => Cleaned::Empty,
        (true, _) => Cleaned::Built,
        (false, 0) => Cleaned::Empty,
        (false, n) => Cleaned::Prefix(n),
    }
}

impl Facts {
    /// Takes note of the Connection tokens; whether the element stays in the forwarded value.
    pub(crate) fn connection_token(&mut self, token: &[u8]) -> bool {
        if token.eq_ignore_ascii_case(b"close") {
            self.close = true;
            return false;
        }
        if token.eq_ignore_ascii_case(b"keep-alive") {
            self.keep_alive = true;
            return false;
        }
        self.upgrade_token |= token.eq_ignore_ascii_case(b"upgrade");
        true
    }

    /// Takes note of an Upgrade token; whether it stays.
    pub(crate) fn upgrade_element(&mut self, token: &[u8], habits: Habits) -> bool {
        self.websocket |= token.eq_ignore_ascii_case(b"websocket");
        // COMPAT: since 2.8 or so HTTP/2 is never offered through (tests/requests.txt "upg h2c")
        !(habits.modern && (token.eq_ignore_ascii_case(b"h2c") || token.eq_ignore_ascii_case(b"h2")))
    }
}

/// Whose fields are being read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum From {
    Client,
    Server,
}

impl<L> Head<L> {
    /// Reads fields from `self.at` on; the offset after the empty line.
    pub(crate) fn parse_fields(&mut self, buf: &[u8], policy: &Policy, from: From) -> Step {
        let lenience = Lenience::of(policy);
        loop {
            match field_line(buf, self.at, lenience) {
                LineStep::Field(line) => {
                    if let Err(reason) = self.take(buf, &line, policy, from) {
                        return Step::Bad(reason, line.name.0);
                    }
                    // one place is kept for the end marker
                    if self.fields.slots.len() >= policy.max_fields {
                        return Step::Bad(Reason::TooManyFields, line.name.0);
                    }
                    self.at = line.next;
                }
                LineStep::End(next) => return Step::At(next),
                LineStep::More => return Step::More,
                LineStep::Bad(reason, at) => return Step::Bad(reason, at),
            }
        }
    }

    /// Takes one line in as a field, unless it is to be dropped.
    #[inline]
    fn take(&mut self, buf: &[u8], line: &Line, policy: &Policy, from: From) -> Result<(), Reason> {
        let name = buf.get(line.name.0..line.name.1).unwrap_or_default();
        let known = if line.bad_name { Known::Other } else { Known::of(name) };
        // COMPAT: 3.5 drops fields with forbidden names where the option lets them pass
        if line.bad_name && self.habits.newest {
            return Ok(());
        }
        let mut slot = Slot {
            name: Span::wire(line.name.0, line.name.1),
            value: Span::wire(line.value.0, line.value.1),
            known,
            verbatim: line.verbatim,
            mixed_case: line.mixed_case,
        };
        if line.folded {
            slot.value = unfold(&mut self.fields, buf.get(line.value.0..line.value.1).unwrap_or_default());
        }
        if known != Known::Other && !self.note(buf, &mut slot, policy, from)? {
            return Ok(());
        }
        self.fields.slots.push(slot);
        Ok(())
    }

    /// Takes a known field's meaning in; whether the field stays.
    fn note(&mut self, buf: &[u8], slot: &mut Slot, policy: &Policy, from: From) -> Result<bool, Reason> {
        match slot.known {
            Known::Connection | Known::Upgrade => return Ok(self.note_list(buf, slot)),
            Known::TransferEncoding => {
                let value = slot.value.of(buf, &self.fields.side);
                self.facts.note_coding(value, policy, from)?;
            }
            Known::ContentLength => {
                let value = slot.value.of(buf, &self.fields.side);
                let (offset, len, number) =
                    parse_length(value, self.facts.length).ok_or(Reason::ContentLength)?;
                if self.facts.length.is_some() {
                    return Ok(false);
                }
                self.facts.length = Some(number);
                let value = value.get(offset..offset + len).unwrap_or_default();
                // COMPAT: 2.6 keeps leading zeros of a lone number (tests/requests.txt "cl lead0")
                let value = if self.habits.modern { without_zeros(value) } else { value };
                if value.len() != slot.value.len() {
                    let kept = value.to_vec();
                    slot.value = self.fields.keep(&kept);
                    slot.verbatim = false;
                }
            }
            Known::Host if from == From::Client => return self.note_host(buf, slot),
            Known::Expect => {
                let value = slot.value.of(buf, &self.fields.side);
                self.facts.expects_continue |= value.eq_ignore_ascii_case(b"100-continue");
            }
            Known::WebSocketKey => {
                self.facts.websocket_key |= from == From::Client && slot.value.len() == 24;
            }
            Known::WebSocketAccept => self.facts.websocket_key |= from == From::Server,
            Known::Host | Known::Te | Known::Other => {}
        }
        Ok(true)
    }

    fn note_list(&mut self, buf: &[u8], slot: &mut Slot) -> bool {
        let copy;
        // a folded value stands in the side buffer, which cleaning appends to
        let value = if slot.value.is_side() {
            copy = slot.value.of(buf, &self.fields.side).to_vec();
            &copy
        } else {
            slot.value.of(buf, &[])
        };
        let is_connection = slot.known == Known::Connection;
        if is_connection && !value.contains(&b',') && !self.facts.connection_token(value) {
            // the usual case: `close` or `keep-alive` alone
            return false;
        }
        let start = self.fields.building();
        let (facts, habits) = (&mut self.facts, self.habits);
        let cleaned = clean_list(value, &mut self.fields.side, |token| {
            if is_connection { facts.connection_token(token) } else { facts.upgrade_element(token, habits) }
        });
        match cleaned {
            Cleaned::Empty => return false,
            Cleaned::Prefix(n) if n == value.len() => {}
            Cleaned::Prefix(n) => {
                let kept = value.get(..n).unwrap_or_default().to_vec();
                slot.value = self.fields.keep(&kept);
                slot.verbatim = false;
            }
            Cleaned::Built => {
                slot.value = self.fields.built(start);
                slot.verbatim = false;
            }
        }
        self.facts.upgrade_field |= !is_connection;
        true
    }

    fn note_host(&mut self, buf: &[u8], slot: &Slot) -> Result<bool, Reason> {
        let value = slot.value.of(buf, &self.fields.side);
        if let Some(first) = self.facts.host.and_then(|i| self.fields.slots.get(i)) {
            return if self.fields.value(buf, first).eq_ignore_ascii_case(value) {
                Ok(false)
            } else {
                Err(Reason::Host)
            };
        }
        // COMPAT: 2.6 takes any bytes (tests/requests.txt "host space")
        if self.habits.modern && crate::target::has_forbidden_byte(value) {
            return Err(Reason::Host);
        }
        self.facts.host = Some(self.fields.slots.len());
        Ok(true)
    }

    /// The refusal for a reason, with the status this dialect gives it.
    pub(crate) fn refuse(&self, from: From, reason: Reason, at: usize) -> Parsed {
        let status = match (from, reason) {
            (From::Server, _) => 502,
            (_, Reason::UnknownCoding) => 422,
            (_, Reason::BodyNotAllowed) => 413,
            (_, Reason::RestrictedName) => 403,
            (_, Reason::TooLarge) if self.habits.newest && self.stage == Stage::StartLine => 414,
            (_, Reason::TooLarge) if self.habits.newest => 431,
            _ => 400,
        };
        Parsed::Bad(Reject { status, reason, at })
    }
}

impl Facts {
    /// RFC 9112 §6.1, with HAProxy's verdicts.
    fn note_coding(&mut self, value: &[u8], policy: &Policy, from: From) -> Result<(), Reason> {
        let modern = policy.at_least(rha_vocab::Dialect::V3_0);
        // errors that `accept-unsafe-violations-in-http-response` hides
        let mut soft_error = value.is_empty();
        self.coded = true;
        let mut at = 0;
        while let Some(c) = value.get(at) {
            if bytes::is(*c, BLANK) {
                at += 1;
                continue;
            }
            let rest = value.get(at..).unwrap_or_default();
            let end = element_end(rest);
            let word = bytes::trim(rest.get(..end).unwrap_or(rest));
            soft_error |= modern && end + 1 == rest.len();
            self.chunked = false;
            if word.is_empty() {
                soft_error |= modern;
                self.other_coding |= !modern;
            } else if word.eq_ignore_ascii_case(b"chunked") {
                soft_error |= self.chunked_seen;
                self.chunked_seen = true;
                self.chunked = true;
            } else {
                if from == From::Client && self.chunked_seen {
                    return Err(Reason::TransferEncoding);
                }
                self.other_coding = true;
            }
            at += end + 1;
        }
        // DIFFERS: an empty or doubled coding is refused in responses too, whatever the option says,
        // because two readers could frame such a message differently
        if soft_error { Err(Reason::TransferEncoding) } else { Ok(()) }
    }
}

/// A folded value on one line: every line end becomes blanks, byte for byte.
fn unfold(fields: &mut Fields, value: &[u8]) -> Span {
    let start = fields.building();
    fields.side.extend(value.iter().map(|c| if matches!(c, b'\r' | b'\n') { b' ' } else { *c }));
    fields.built(start)
}

/// Content-Length: one number, or the same number several times. Offset and length of its last digits,
/// and the number. RFC 9110 §8.6.
pub(crate) fn parse_length(value: &[u8], before: Option<u64>) -> Option<(usize, usize, u64)> {
    let mut seen = before;
    let mut found = None;
    let mut at = 0;
    loop {
        let rest = value.get(at..)?;
        let end = memchr::memchr(b',', rest).unwrap_or(rest.len());
        let element = rest.get(..end)?;
        let word = bytes::trim(element);
        let number = bytes::decimal(word)?;
        if seen.is_some_and(|n| n != number) {
            return None;
        }
        seen = Some(number);
        let lead = element.iter().take_while(|c| matches!(c, b' ' | b'\t')).count();
        found = Some((at + lead, word.len(), number)).or(found);
        if end == rest.len() {
            return found;
        }
        at += end + 1;
    }
}

fn without_zeros(digits: &[u8]) -> &[u8] {
    let zeros = digits.iter().take_while(|c| **c == b'0').count();
    digits.get(zeros.min(digits.len().saturating_sub(1))..).unwrap_or(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clean(value: &str) -> Option<String> {
        let mut out = Vec::new();
        let mut facts = Facts::default();
        match clean_list(value.as_bytes(), &mut out, |t| facts.connection_token(t)) {
            Cleaned::Empty => None,
            Cleaned::Prefix(n) => Some(value[..n].to_owned()),
            Cleaned::Built => Some(String::from_utf8(out).unwrap()),
        }
    }

    #[test]
    fn connection_values_are_cleaned_as_haproxy_cleans_them() {
        for (value, kept) in [
            ("close", None),
            ("", None),
            ("keep-alive, Foo ,close, bar", Some("Foo,bar")),
            ("foo, bar", Some("foo, bar")),
            ("close, keep-alive", None),
            ("keep-alive, Upgrade", Some("Upgrade")),
        ] {
            assert_eq!(clean(value).as_deref(), kept, "{value}");
        }
    }

    #[test]
    fn lengths() {
        let n = |v: &str, before| parse_length(v.as_bytes(), before).map(|f| f.2);
        assert_eq!(n("3", None), Some(3));
        assert_eq!(n(" 3 ,3", None), Some(3));
        assert_eq!(n("3,4", None), None);
        assert_eq!(n("3,", None), None);
        assert_eq!(n("3", Some(4)), None);
        assert_eq!(n("3", Some(3)), Some(3));
        assert_eq!(n("", None), None);
        assert_eq!(n("3 3", None), None);
        assert_eq!(without_zeros(b"000"), b"0");
        assert_eq!(without_zeros(b"003"), b"3");
    }
}
