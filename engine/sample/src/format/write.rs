//! Writing the fields of a log-format string.

use std::io::Write as _;
use std::net::IpAddr;

use rha_base::{Fact, Scene, Value};
use rha_ir::LogFlags;

use super::alias::Form;
use super::date::{two, write_clf_of, write_offset};
use crate::cast::{text, write_int};
use crate::expr::Expr;
use crate::http::{path_and_query, without_query};

/// What the log shows when there is no request line.
const BAD: &[u8] = b"<BADREQ>";

/// One format being written.
pub(super) struct Writer<'a, 'b> {
    pub(super) scene: &'a dyn Scene,
    pub(super) out: &'b mut Vec<u8>,
}

impl<'a> Writer<'a, '_> {
    /// One alias.
    pub(super) fn alias(&mut self, form: Form, flags: LogFlags) {
        match form {
            Form::Text(f) => self.text_fact(f, flags),
            Form::Raw(f) => self.raw(f, flags),
            Form::Encoded(f, unset) => match self.scene.fact(f) {
                Some(v) => self.encoded(&text(v), URL, flags),
                None => self.encoded(unset.as_bytes(), URL, flags),
            },
            Form::Int(f, unset) => self.int(f, unset),
            Form::Growing(f) => {
                self.plus_if(Fact::LoggedEarly);
                self.int(f, 0);
            }
            Form::Retries => {
                self.plus_if(Fact::Redispatched);
                self.int(Fact::Retries, 0);
            }
            Form::Counter(f) => self.hex_or_int(self.number(f).unwrap_or(0), 4, flags),
            Form::ClientIp => self.address(self.scene.source().map(|a| a.ip()), flags),
            Form::ClientPort => self.side_port(self.scene.source().map(|a| a.port()), flags),
            Form::FrontendIp => self.address(self.scene.destination().map(|a| a.ip()), flags),
            Form::FrontendPort => self.side_port(self.scene.destination().map(|a| a.port()), flags),
            Form::Ip(f) => match self.scene.fact(f) {
                Some(Value::V4(a)) => self.address(Some(a.into()), flags),
                Some(Value::V6(a)) => self.address(Some(a.into()), flags),
                _ => self.field(b"", flags),
            },
            Form::Port(f) => match self.number(f) {
                Some(n) => self.port(n, flags),
                None => self.field(b"", flags),
            },
            Form::Date(f) => {
                let us = self.moment(f);
                let local = us.div_euclid(1_000_000) + i64::from(self.scene.local_offset_s(us));
                write_clf_of(local, self.out);
                self.out.push(b'.');
                self.millis(us);
            }
            Form::DateUtc(f) => {
                write_clf_of(self.moment(f).div_euclid(1_000_000), self.out);
                self.out.extend_from_slice(b" +0000");
            }
            Form::DateLocal(f) => {
                let us = self.moment(f);
                let offset = self.scene.local_offset_s(us);
                write_clf_of(us.div_euclid(1_000_000) + i64::from(offset), self.out);
                self.out.push(b' ');
                write_offset(offset, self.out);
            }
            Form::Seconds(f) => self.hex_or_int(self.moment(f).div_euclid(1_000_000), 4, flags),
            Form::Millis(f) => match flags.hex {
                true => self.hex_or_int(self.moment(f).rem_euclid(1_000_000) / 1000, 2, flags),
                false => self.millis(self.moment(f)),
            },
            Form::RequestCaptures => self.captures(true, flags),
            Form::ResponseCaptures => self.captures(false, flags),
            Form::RequestCaptureList => self.capture_list(true, flags),
            Form::ResponseCaptureList => self.capture_list(false, flags),
            Form::Method | Form::Uri | Form::Path | Form::PathOnly | Form::Query | Form::Version => {
                match self.scene.fact(Fact::RequestLine) {
                    Some(v) => self.encoded(part(form, &text(v)), URL, flags),
                    None => self.encoded(BAD, URL, flags),
                }
            }
            Form::Backend => {
                let of = |f| self.scene.fact(f);
                let name = of(Fact::BackendName).or_else(|| of(Fact::FrontendName));
                self.field(&name.map(text).unwrap_or_default(), flags);
            }
            Form::Server => {
                let name = self.scene.fact(Fact::ServerName);
                self.field(&name.map_or("<NOSRV>".as_bytes().into(), text), flags);
            }
        }
    }

    /// One expression in a log line, a body or a variable.
    pub(super) fn sample(&mut self, expr: &'a Expr, flags: LogFlags) {
        match expr.text(self.scene) {
            Some(t) => self.field(&t, flags),
            None => self.field(b"", flags),
        }
    }

    /// One expression in a head.
    pub(super) fn head_sample(&mut self, expr: &'a Expr) {
        let Some(t) = expr.text(self.scene) else { return };
        escape(&t, b'%', HEAD, LogFlags::default(), self.out);
    }

    /// Text with quotes, backslashes and dash as the flags ask.
    fn field(&mut self, t: &[u8], flags: LogFlags) {
        if t.is_empty() && flags.mandatory && !flags.quote {
            self.out.push(b'-');
            return;
        }
        self.quote(flags);
        self.escaped(t, flags);
        self.quote(flags);
    }

    fn escaped(&mut self, t: &[u8], flags: LogFlags) {
        if !flags.escape {
            self.out.extend_from_slice(t);
            return;
        }
        for c in t {
            if needs_backslash(*c) {
                self.out.push(b'\\');
            }
            self.out.push(*c);
        }
    }

    fn quote(&mut self, flags: LogFlags) {
        if flags.quote {
            self.out.push(b'"');
        }
    }

    fn text_fact(&mut self, f: Fact, flags: LogFlags) {
        let t = self.scene.fact(f).map(text).unwrap_or_default();
        self.field(&t, flags);
    }

    /// COMPAT: `%ft` is text that may be quoted, the termination states never are.
    fn raw(&mut self, f: Fact, flags: LogFlags) {
        let quoted = f == Fact::FrontendNameTransport;
        if quoted {
            self.quote(flags);
        }
        let t = self.scene.fact(f).map(text).unwrap_or_default();
        self.escaped(&t, flags);
        if quoted {
            self.quote(flags);
        }
    }

    fn encoded(&mut self, t: &[u8], unsafe_in: u8, flags: LogFlags) {
        self.quote(flags);
        escape(t, b'#', unsafe_in, flags, self.out);
        self.quote(flags);
    }

    fn number(&self, f: Fact) -> Option<i64> {
        self.scene.fact(f).and_then(|v| crate::cast::int(&v))
    }

    fn moment(&self, f: Fact) -> i64 {
        self.number(f).or_else(|| self.number(Fact::AcceptDateUs)).unwrap_or(0)
    }

    fn int(&mut self, f: Fact, unset: i64) {
        write_int(self.number(f).unwrap_or(unset), self.out);
    }

    fn plus_if(&mut self, f: Fact) {
        if self.scene.fact(f) == Some(Value::Bool(true)) {
            self.out.push(b'+');
        }
    }

    fn hex_or_int(&mut self, n: i64, width: usize, flags: LogFlags) {
        if flags.hex {
            // COMPAT: 32 bits
            let _ = write!(self.out, "{:0width$X}", n & 0xffff_ffff);
        } else {
            write_int(n, self.out);
        }
    }

    fn millis(&mut self, us: i64) {
        let ms = us.rem_euclid(1_000_000) / 1000;
        self.out.push(b'0' + u8::try_from(ms / 100).unwrap_or(0));
        two(u8::try_from(ms % 100).unwrap_or(0), self.out);
    }

    /// COMPAT: `unix` where there is no address.
    fn address(&mut self, a: Option<IpAddr>, flags: LogFlags) {
        match a {
            None => self.field(b"unix", flags),
            Some(IpAddr::V4(a)) if flags.hex => self.hex(&a.octets()),
            Some(IpAddr::V6(a)) if flags.hex => self.hex(&a.octets()),
            Some(IpAddr::V4(a)) if !flags.quote => rha_base::push_v4(a, self.out),
            Some(IpAddr::V4(a)) => self.field(a.to_string().as_bytes(), flags),
            Some(IpAddr::V6(a)) => self.field(crate::cast::v6_text(a).as_bytes(), flags),
        }
    }

    /// COMPAT: the listener's number where there is no port.
    fn side_port(&mut self, p: Option<u16>, flags: LogFlags) {
        match p {
            Some(p) => self.port(i64::from(p), flags),
            None => self.int(Fact::ListenerId, 0),
        }
    }

    fn port(&mut self, n: i64, flags: LogFlags) {
        self.hex_or_int(n, 4, flags);
    }

    fn hex(&mut self, bytes: &[u8]) {
        for b in bytes {
            let _ = write!(self.out, "{b:02X}");
        }
    }

    fn capture(&self, request: bool, i: usize) -> Option<&'a [u8]> {
        if request { self.scene.request_capture(i) } else { self.scene.response_capture(i) }
    }

    fn capture_count(&self, request: bool) -> usize {
        if request { self.scene.request_captures() } else { self.scene.response_captures() }
    }

    fn captures(&mut self, request: bool, flags: LogFlags) {
        let count = self.capture_count(request);
        if count == 0 {
            let whole = if request { Fact::CapturedRequestHeaders } else { Fact::CapturedResponseHeaders };
            if let Some(v) = self.scene.fact(whole) {
                self.quote(flags);
                self.escaped(&text(v), flags);
                self.quote(flags);
            }
            return;
        }
        self.quote(flags);
        self.out.push(b'{');
        for i in 0..count {
            if i > 0 {
                self.out.push(b'|');
            }
            escape(self.capture(request, i).unwrap_or_default(), b'#', CAPTURE, flags, self.out);
        }
        self.out.push(b'}');
        self.quote(flags);
    }

    fn capture_list(&mut self, request: bool, flags: LogFlags) {
        for i in 0..self.capture_count(request) {
            if i > 0 {
                self.out.push(b' ');
            }
            match self.capture(request, i) {
                Some(t) => self.encoded(t, CAPTURE, flags),
                None if flags.quote => self.out.extend_from_slice(b"\"\""),
                None => self.out.push(b'-'),
            }
        }
    }
}

/// A part of a request line, `<BADREQ>` where it has none.
fn part(form: Form, line: &[u8]) -> &[u8] {
    let blank = |c: &u8| *c == b' ' || *c == b'\t';
    let mut words = line.splitn(3, blank);
    let (method, uri, version) = (words.next().unwrap_or_default(), words.next(), words.next());
    let Some(uri) = uri else {
        return if form == Form::Query { b"" } else { BAD };
    };
    match form {
        Form::Method => method,
        Form::Uri => uri,
        Form::Path => without_query(uri),
        Form::PathOnly => path_and_query(uri).map(without_query).unwrap_or_default(),
        Form::Query => uri.get(memchr::memchr(b'?', uri).unwrap_or(uri.len())..).unwrap_or_default(),
        _ => version.unwrap_or(b"HTTP/0.9"),
    }
}

/// Appends text, bytes of one of the classes `unsafe_in` as `mark` and two hexadecimal digits.
fn escape(t: &[u8], mark: u8, unsafe_in: u8, flags: LogFlags, out: &mut Vec<u8>) {
    let is_unsafe = |c: u8| CLASS[usize::from(c)] & unsafe_in != 0;
    if !flags.escape && !t.iter().any(|c| is_unsafe(*c)) {
        out.extend_from_slice(t);
        return;
    }
    for c in t {
        if is_unsafe(*c) {
            let _ = write!(out, "{}{c:02X}", char::from(mark));
        } else {
            if flags.escape && needs_backslash(*c) {
                out.push(b'\\');
            }
            out.push(*c);
        }
    }
}

/// RFC 5424 §6.3.3.
fn needs_backslash(c: u8) -> bool {
    matches!(c, b'"' | b'\\' | b']')
}

/// Bytes that are escaped in targets.
const URL: u8 = 1;
/// Bytes that are escaped in captures.
const CAPTURE: u8 = 2;
/// Bytes that are escaped in heads.
const HEAD: u8 = 4;

/// Class bits of every byte.
static CLASS: [u8; 256] = classes();

const fn classes() -> [u8; 256] {
    let mut table = [0; 256];
    let mut i = 0;
    while i < 256 {
        let c = i as u8;
        if c < 32 || c > 126 || c == b'"' || c == b'#' {
            table[i] |= URL | CAPTURE;
        }
        if matches!(c, b'{' | b'|' | b'}') {
            table[i] |= CAPTURE;
        }
        if c < 32 && c != b'\t' || c == 127 {
            table[i] |= HEAD;
        }
        i += 1;
    }
    table
}
