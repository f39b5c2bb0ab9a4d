//! The chunked coding, RFC 9112 §7.1, followed byte by byte without storage.
//!
//! ```text
//! Size → [Extension] → SizeLf → Data → DataEnd → DataLf → Size …
//! Size(0) → SizeLf → TrailerStart → Name → Value → ValueLf → LineStart → Name … → EndLf → Done
//! ```
//! The machine is a filter: what it lets through is the same coding without extensions, with trailer
//! names in lower case, values trimmed and folded lines joined, wherever the stream was cut. As long as
//! nothing had to change, the input bytes themselves may be forwarded.
//!
//! COMPAT: line ends as HAProxy takes them: 2.6 takes a bare LF everywhere, 3.0 only in trailers; 3.5
//! looks at quoting in extensions (tests/requests.txt "ch …").
//! DIFFERS: trailers that could change framing or routing (Content-Length, Transfer-Encoding, Host,
//! Connection, Upgrade) are dropped; HAProxy forwards them. RFC 9110 §6.5.1 forbids them.

use rha_vocab::Dialect;

use crate::bytes::{self, TOKEN};
use crate::parse::From;
use crate::policy::{Policy, Reason, Reject};

/// Largest chunk: 2^52-1, so that 13 hexadecimal digits suffice.
const MAX_CHUNK: u64 = (1 << 52) - 1;

/// Trailers that never pass, lower case.
const DROPPED: [&[u8]; 5] = [b"content-length", b"transfer-encoding", b"host", b"connection", b"upgrade"];

/// Longest name of [`DROPPED`]; a longer name is let through at once.
const NAME_ROOM: usize = 17;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Size,
    /// After the digits: blanks.
    SizeBlank,
    Extension,
    SizeLf,
    Data,
    DataEnd,
    DataLf,
    TrailerStart,
    Name,
    /// After the colon.
    ValueStart,
    Value,
    ValueLf,
    /// After a trailer line: it may be folded.
    LineStart,
    EndLf,
    Done,
}

/// Where in a chunked body the stream stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chunks {
    state: State,
    /// Size being read, or data bytes still to come.
    left: u64,
    digits: bool,
    /// Bytes of the current size line, or of all trailers.
    line: u32,
    line_limit: u32,
    trailers: u16,
    trailer_limit: u16,
    bare_lf: bool,
    quoting: bool,
    nul: bool,
    status: u16,
    quoted: bool,
    escaped: bool,
    name: [u8; NAME_ROOM],
    name_len: u8,
    dropping: bool,
    /// Blanks of a trailer value held back until something follows.
    blanks: u32,
}

/// What becomes of the bytes.
pub(crate) trait Sink {
    /// Bytes of chunk data.
    fn data(&mut self, bytes: &[u8]);
    /// Framing or trailer bytes that stand as they came.
    fn same(&mut self, byte: u8);
    /// Framing or trailer bytes that were not in the input.
    fn other(&mut self, bytes: &[u8]);
    /// An input byte is left out or written differently.
    fn changed(&mut self);
}

/// Finds out whether the input can be forwarded as it is.
#[derive(Default)]
pub(crate) struct Check {
    pub(crate) changed: bool,
    /// Bytes of data, and of names and values of trailers.
    pub(crate) size: usize,
}

impl Sink for Check {
    fn data(&mut self, bytes: &[u8]) {
        self.size += bytes.len();
    }
    fn same(&mut self, _: u8) {}
    fn other(&mut self, bytes: &[u8]) {
        if !matches!(bytes, b": " | b"\r\n") {
            self.size += bytes.len();
        }
    }
    fn changed(&mut self) {
        self.changed = true;
    }
}

/// Writes the filtered coding.
pub(crate) struct Rewrite<'a>(pub(crate) &'a mut Vec<u8>);

impl Sink for Rewrite<'_> {
    fn data(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }
    fn same(&mut self, byte: u8) {
        self.0.push(byte);
    }
    fn other(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }
    fn changed(&mut self) {}
}

/// Writes the data only.
pub(crate) struct Decode<'a>(pub(crate) &'a mut Vec<u8>);

impl Sink for Decode<'_> {
    fn data(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }
    fn same(&mut self, _: u8) {}
    fn other(&mut self, _: &[u8]) {}
    fn changed(&mut self) {}
}

impl Chunks {
    pub(crate) fn new(policy: &Policy, from: From) -> Chunks {
        let limit = policy.buffer_size.saturating_sub(policy.reserve).max(64);
        Chunks {
            state: State::Size,
            left: 0,
            digits: false,
            line: 0,
            line_limit: u32::try_from(limit).unwrap_or(u32::MAX),
            trailers: 0,
            trailer_limit: u16::try_from(policy.max_fields.saturating_sub(1)).unwrap_or(u16::MAX),
            bare_lf: !policy.at_least(Dialect::V3_0),
            quoting: policy.at_least(Dialect::V3_5),
            nul: !policy.at_least(Dialect::V3_0),
            status: if from == From::Client { 400 } else { 502 },
            quoted: false,
            escaped: false,
            name: [0; NAME_ROOM],
            name_len: 0,
            dropping: false,
            blanks: 0,
        }
    }

    /// Whether the last trailer line has passed.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// Follows `input`; returns how much of it belongs to the body.
    pub(crate) fn run(&mut self, input: &[u8], sink: &mut impl Sink) -> Result<usize, Reject> {
        let mut at = 0;
        while self.state != State::Done {
            let Some(c) = input.get(at) else { break };
            if self.state == State::Data {
                let rest = input.get(at..).unwrap_or_default();
                let take = usize::try_from(self.left).unwrap_or(usize::MAX).min(rest.len());
                sink.data(rest.get(..take).unwrap_or_default());
                self.left -= take as u64;
                at += take;
                if self.left == 0 {
                    self.state = State::DataEnd;
                }
                continue;
            }
            self.step(*c, sink).map_err(|reason| Reject { status: self.status, reason, at })?;
            at += 1;
        }
        Ok(at)
    }

    fn step(&mut self, c: u8, sink: &mut impl Sink) -> Result<(), Reason> {
        match self.state {
            State::Size | State::SizeBlank | State::Extension | State::SizeLf => self.size_line(c, sink),
            State::DataEnd | State::DataLf => self.data_end(c, sink),
            State::Data | State::Done => Ok(()),
            _ => self.trailer(c, sink),
        }
    }

    fn size_line(&mut self, c: u8, sink: &mut impl Sink) -> Result<(), Reason> {
        self.line += 1;
        if self.line > self.line_limit {
            return Err(Reason::Chunk);
        }
        match (self.state, c) {
            (State::Size, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => {
                let digit = match c {
                    b'0'..=b'9' => c - b'0',
                    _ => (c | 0x20) - b'a' + 10,
                };
                self.left = self.left << 4 | u64::from(digit);
                self.digits = true;
                sink.same(c);
                if self.left > MAX_CHUNK { Err(Reason::Chunk) } else { Ok(()) }
            }
            (State::Size, _) if !self.digits => Err(Reason::Chunk),
            (State::Size | State::SizeBlank, b' ' | b'\t') => {
                sink.changed();
                self.state = State::SizeBlank;
                Ok(())
            }
            (State::Size | State::SizeBlank, b';') => {
                sink.changed();
                (self.quoted, self.escaped) = (false, false);
                self.state = State::Extension;
                Ok(())
            }
            (State::Extension, b'\r' | b'\n') if self.quoting && (self.quoted || self.escaped) => {
                Err(Reason::Chunk)
            }
            (State::Size | State::SizeBlank | State::Extension, b'\r') => {
                sink.same(c);
                self.state = State::SizeLf;
                Ok(())
            }
            (State::Size | State::SizeBlank | State::Extension, b'\n') if self.bare_lf => {
                sink.changed();
                sink.other(b"\r\n");
                self.size_known();
                Ok(())
            }
            (State::Extension, b'\n') => Err(Reason::Chunk),
            (State::Extension, _) => {
                sink.changed();
                self.extension(c)
            }
            (State::SizeLf, b'\n') => {
                sink.same(c);
                self.size_known();
                Ok(())
            }
            _ => Err(Reason::Chunk),
        }
    }

    /// COMPAT: 3.5 refuses extensions whose quoting another reader could take differently.
    fn extension(&mut self, c: u8) -> Result<(), Reason> {
        if !self.quoting {
            return Ok(());
        }
        let control = (c < 0x20 && c != b'\t') || c == 0x7f;
        match c {
            _ if control => return Err(Reason::Chunk),
            _ if self.escaped => self.escaped = false,
            b'\\' if self.quoted => self.escaped = true,
            b'\\' => return Err(Reason::Chunk),
            b'"' => self.quoted = !self.quoted,
            _ => {}
        }
        Ok(())
    }

    fn size_known(&mut self) {
        self.line = 0;
        self.digits = false;
        self.state = if self.left == 0 { State::TrailerStart } else { State::Data };
    }

    fn data_end(&mut self, c: u8, sink: &mut impl Sink) -> Result<(), Reason> {
        match (self.state, c) {
            (State::DataEnd, b'\r') => {
                sink.same(c);
                self.state = State::DataLf;
                Ok(())
            }
            (State::DataLf, b'\n') => {
                sink.same(c);
                self.state = State::Size;
                Ok(())
            }
            (State::DataEnd, b'\n') if self.bare_lf => {
                sink.changed();
                sink.other(b"\r\n");
                self.state = State::Size;
                Ok(())
            }
            _ => Err(Reason::Chunk),
        }
    }

    fn trailer(&mut self, c: u8, sink: &mut impl Sink) -> Result<(), Reason> {
        self.line += 1;
        if self.line > self.line_limit {
            return Err(Reason::Trailer);
        }
        if !matches!((self.state, c), (State::TrailerStart, b'\r') | (State::EndLf, b'\n')) {
            sink.changed();
        }
        match (self.state, c) {
            (State::LineStart, b' ' | b'\t') => {
                self.blanks += 3;
                self.state = State::Value;
            }
            (State::TrailerStart | State::LineStart, b'\r' | b'\n') => {
                self.end_line(sink);
                self.end(c, sink);
            }
            (State::TrailerStart | State::LineStart, _) => {
                self.end_line(sink);
                self.begin_trailer()?;
                self.name_byte(c, sink)?;
            }
            (State::Name, b':') if self.name_len > 0 => self.end_name(sink),
            (State::Name, _) => self.name_byte(c, sink)?,
            (State::ValueStart | State::Value, b'\r') => self.state = State::ValueLf,
            (State::ValueStart | State::Value | State::ValueLf, b'\n') => self.state = State::LineStart,
            (State::ValueLf, _) => return Err(Reason::Trailer),
            (State::ValueStart, b' ' | b'\t') => {}
            (State::Value, b' ' | b'\t') => self.blanks += 1,
            (State::ValueStart | State::Value, 0) if !self.nul => return Err(Reason::Trailer),
            (State::ValueStart | State::Value, _) => self.value_byte(c, sink),
            (State::EndLf, b'\n') => {
                sink.same(c);
                self.state = State::Done;
            }
            _ => return Err(Reason::Trailer),
        }
        Ok(())
    }

    /// The empty line begins.
    fn end(&mut self, c: u8, sink: &mut impl Sink) {
        if c == b'\r' {
            sink.same(c);
            self.state = State::EndLf;
        } else {
            sink.other(b"\r\n");
            self.state = State::Done;
        }
    }

    fn begin_trailer(&mut self) -> Result<(), Reason> {
        self.trailers += 1;
        if self.trailers > self.trailer_limit {
            return Err(Reason::Trailer);
        }
        self.state = State::Name;
        self.name_len = 0;
        self.dropping = false;
        self.blanks = 0;
        Ok(())
    }

    fn name_byte(&mut self, c: u8, sink: &mut impl Sink) -> Result<(), Reason> {
        if !bytes::is(c, TOKEN) {
            return Err(Reason::Trailer);
        }
        let c = c.to_ascii_lowercase();
        let len = usize::from(self.name_len);
        match self.name.get_mut(len) {
            Some(place) => {
                *place = c;
                self.name_len += 1;
            }
            None => {
                // longer than anything that is dropped: out with what was held back, once
                if len == NAME_ROOM {
                    sink.other(&self.name);
                    self.name_len += 1;
                }
                sink.other(&[c]);
            }
        }
        Ok(())
    }

    fn end_name(&mut self, sink: &mut impl Sink) {
        if let Some(name) = self.name.get(..usize::from(self.name_len)) {
            self.dropping = DROPPED.contains(&name);
            if !self.dropping {
                sink.other(name);
            }
        }
        if !self.dropping {
            sink.other(b": ");
        }
        self.state = State::ValueStart;
    }

    fn value_byte(&mut self, c: u8, sink: &mut impl Sink) {
        if !self.dropping {
            // blanks before the first byte of a value are no part of it
            if self.state == State::Value && self.name_len & HAS_VALUE != 0 {
                for _ in 0..self.blanks {
                    sink.other(b" ");
                }
            }
            sink.other(&[c]);
        }
        self.name_len |= HAS_VALUE;
        self.blanks = 0;
        self.state = State::Value;
    }

    /// A trailer line is over, now that the next one begins.
    fn end_line(&mut self, sink: &mut impl Sink) {
        if self.state == State::LineStart && !self.dropping {
            sink.other(b"\r\n");
        }
    }
}

/// Mark in `name_len`, free once the name is over: the value has a byte already.
const HAS_VALUE: u8 = 0x80;

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(dialect: Dialect) -> Policy {
        Policy { dialect, ..Policy::default() }
    }

    fn filter(input: &[u8], dialect: Dialect) -> Result<(Vec<u8>, Vec<u8>, bool), Reject> {
        let fresh = Chunks::new(&policy(dialect), From::Client);
        let (mut out, mut data, mut check) = (Vec::new(), Vec::new(), Check::default());
        fresh.clone().run(input, &mut check)?;
        fresh.clone().run(input, &mut Decode(&mut data))?;
        let mut last = fresh;
        let used = last.run(input, &mut Rewrite(&mut out))?;
        assert_eq!(used, input.len(), "{input:?}");
        assert!(last.is_done());
        if !check.changed {
            assert_eq!(out, input);
        }
        Ok((out, data, check.changed))
    }

    #[test]
    fn codings_that_pass() {
        let cases: [(&[u8], &[u8]); 12] = [
            (b"3\r\nabc\r\n0\r\n\r\n", b"3\r\nabc\r\n0\r\n\r\n"),
            (b"3;a=b\r\nabc\r\n0\r\n\r\n", b"3\r\nabc\r\n0\r\n\r\n"),
            (b"3 ;a=\"b;c\"\r\nabc\r\n0;x\r\n\r\n", b"3\r\nabc\r\n0\r\n\r\n"),
            (b"3  \r\nabc\r\n0\r\n\r\n", b"3\r\nabc\r\n0\r\n\r\n"),
            (b"3\r\nabc\r\n0\r\n\n", b"3\r\nabc\r\n0\r\n\r\n"),
            (b"3\r\nabc\r\n0\r\nX-Tr: Y\r\nB:c\r\n\r\n", b"3\r\nabc\r\n0\r\nx-tr: Y\r\nb: c\r\n\r\n"),
            (b"3\r\nabc\r\n0\r\nX-Tr: Y\r\n z\r\n\r\n", b"3\r\nabc\r\n0\r\nx-tr: Y   z\r\n\r\n"),
            (b"3\r\nabc\r\n0\r\nX: z\n\n", b"3\r\nabc\r\n0\r\nx: z\r\n\r\n"),
            (b"0\r\nContent-Length: 5\r\nA: \r\nUpgrade: h2c\r\n\r\n", b"0\r\na: \r\n\r\n"),
            (b"0\r\nA:\r\n  b  c \t\r\n\r\n", b"0\r\na: b  c\r\n\r\n"),
            (
                b"0\r\nSome-Quite-Long-Trailer-Name: v\r\n\r\n",
                b"0\r\nsome-quite-long-trailer-name: v\r\n\r\n",
            ),
            (
                b"0\r\ntransfer-encodinG: gzip\r\ntransfer-encoding-: x\r\n\r\n",
                b"0\r\ntransfer-encoding-: x\r\n\r\n",
            ),
        ];
        for (input, expected) in cases {
            let (out, ..) = filter(input, Dialect::V3_0).unwrap();
            assert_eq!(out, expected, "{}", input.escape_ascii());
        }
    }

    #[test]
    fn codings_that_do_not() {
        let never: [&[u8]; 12] = [
            b"zz\r\nabc",
            b"\r\nabc",
            b" 3\r\nabc",
            b"0x3\r\nabc",
            b"3\r\nabcd\r\n",
            b"10000000000000\r\n",
            b"3\rabc",
            b"0\r\nX Y: z\r\n\r\n",
            b"0\r\nfoo\r\n\r\n",
            b"0\r\n: z\r\n\r\n",
            b"0\r\n x: z\r\n\r\n",
            b"3\r\nabc\rx",
        ];
        for input in never {
            for dialect in [Dialect::V2_6, Dialect::V3_0, Dialect::V3_5] {
                assert!(filter(input, dialect).is_err(), "{}", input.escape_ascii());
            }
        }
        for input in [&b"3\nabc\r\n0\r\n\r\n"[..], b"3;a\nabc\r\n0\r\n\r\n", b"3\r\nabc\n0\r\n\r\n"] {
            assert_eq!(filter(input, Dialect::V2_6).unwrap().0, b"3\r\nabc\r\n0\r\n\r\n");
            assert!(filter(input, Dialect::V3_0).is_err());
        }
        for input in [
            &b"3;a=\\\r\nabc\r\n0\r\n\r\n"[..],
            b"3;a=\"b\r\nabc\r\n0\r\n\r\n",
            b"3;\x01\r\nabc\r\n0\r\n\r\n",
        ] {
            assert!(filter(input, Dialect::V3_0).is_ok());
            assert!(filter(input, Dialect::V3_5).is_err());
        }
    }

    #[test]
    fn limits_hold() {
        let mut many = b"0\r\n".to_vec();
        for i in 0..110 {
            many.extend_from_slice(format!("x{i}: y\r\n").as_bytes());
        }
        many.extend_from_slice(b"\r\n");
        assert_eq!(filter(&many, Dialect::V3_0).unwrap_err().reason, Reason::Trailer);
        let long = [b"3;".as_slice(), &[b'a'; 20000], b"\r\nabc"].concat();
        assert_eq!(filter(&long, Dialect::V3_0).unwrap_err().reason, Reason::Chunk);
        let long = [b"0\r\nx: ".as_slice(), &[b'a'; 20000]].concat();
        assert_eq!(filter(&long, Dialect::V3_0).unwrap_err().reason, Reason::Trailer);
    }
}
