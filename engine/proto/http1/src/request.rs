//! Request heads: the request line, what a target and Host may look like together, edits.
//!
//! RFC 9112 §3, RFC 9110 §7.1; HAProxy's verdicts per dialect (tests/requests.txt holds them).

use rha_vocab::Dialect;

use crate::body::Body;
use crate::bytes::{self, BLANK, TARGET, TOKEN, VERSION};
use crate::fields::{Known, Span};
use crate::head::{Head, Stage};
use crate::parse::{From, Parsed, Step, line_end};
use crate::policy::{Policy, Reason, RestrictNames};
use crate::response::Asked;
use crate::target::{self, ConnectHost, Form, Target};

/// Bytes HAProxy's representation adds: to a buffer, a start line, the end mark, a field.
pub(crate) const OVERHEAD_BUFFER: usize = 48;
pub(crate) const OVERHEAD_LINE: usize = 28;
const OVERHEAD_END: usize = 9;
const OVERHEAD_FIELD: usize = 8;

/// Methods that change what a message means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(missing_docs, reason = "each is the method of that name")]
pub enum Method {
    Connect,
    Delete,
    Get,
    Head,
    Options,
    Post,
    Put,
    Trace,
    #[default]
    Other,
}

impl Method {
    /// Recognises a method; they are case-sensitive.
    #[must_use]
    pub fn of(text: &[u8]) -> Method {
        match text {
            b"GET" => Method::Get,
            b"POST" => Method::Post,
            b"HEAD" => Method::Head,
            b"PUT" => Method::Put,
            b"DELETE" => Method::Delete,
            b"OPTIONS" => Method::Options,
            b"CONNECT" => Method::Connect,
            b"TRACE" => Method::Trace,
            _ => Method::Other,
        }
    }
}

/// Start line of a request.
#[derive(Debug, Clone, Copy, Default)]
pub struct RequestLine {
    method: Span,
    target: Span,
    version: Span,
    kind: Method,
    /// What stands before the method in the stream (blank lines).
    begin: usize,
    /// HTTP/0.9, converted.
    bare: bool,
}

impl Head<RequestLine> {
    /// Parses a request from the start of `buf`. After `Partial`, call again with the same bytes and
    /// more behind them: lines already taken in are not read again.
    pub fn parse(&mut self, buf: &[u8], policy: &Policy) -> Parsed {
        if self.stage == Stage::StartLine {
            self.obey(policy);
            match self.request_line(buf, policy) {
                Step::At(next) => {
                    self.at = next;
                    self.stage = Stage::Fields;
                }
                Step::More => return self.partial(buf, policy),
                Step::Bad(reason, at) => return self.refuse(From::Client, reason, at),
            }
        }
        if self.stage == Stage::Fields {
            let step =
                if self.line.bare { Step::At(self.at) } else { self.parse_fields(buf, policy, From::Client) };
            match step {
                Step::At(end) => self.at = end,
                Step::More => return self.partial(buf, policy),
                Step::Bad(reason, at) => return self.refuse(From::Client, reason, at),
            }
            if let Err((reason, at)) = self.conclude(buf, policy) {
                return self.refuse(From::Client, reason, at);
            }
            self.stage = Stage::Done;
        }
        Parsed::Complete { len: self.at }
    }

    fn partial(&self, buf: &[u8], policy: &Policy) -> Parsed {
        if buf.len() >= policy.buffer_size.saturating_sub(OVERHEAD_BUFFER) {
            return self.refuse(From::Client, Reason::TooLarge, buf.len());
        }
        Parsed::Partial
    }

    fn request_line(&mut self, buf: &[u8], policy: &Policy) -> Step {
        let mut begin = 0;
        while let Some(b'\r' | b'\n') = buf.get(begin) {
            match line_end(buf, begin) {
                Some(Ok(next)) => begin = next,
                Some(Err(at)) => return Step::Bad(Reason::StartLine, at),
                None => return Step::More,
            }
        }
        let method_end = bytes::skip(buf, begin, TOKEN);
        match buf.get(method_end) {
            None => return Step::More,
            Some(_) if method_end == begin => return Step::Bad(Reason::NotHttp, begin),
            // a method alone is an HTTP/0.9 request without a target: never valid
            Some(b'\r' | b'\n') => return Step::Bad(Reason::Version, method_end),
            Some(c) if !bytes::is(*c, BLANK) => return Step::Bad(Reason::StartLine, method_end),
            Some(_) => {}
        }
        let target = bytes::skip(buf, method_end, BLANK);
        let mut target_end = target;
        loop {
            target_end = bytes::skip(buf, target_end, TARGET);
            match buf.get(target_end) {
                None => return Step::More,
                Some(b' ' | b'\t' | b'\r' | b'\n') => break,
                Some(b'#' | 128..) if policy.accept_unsafe => target_end += 1,
                Some(_) => return Step::Bad(Reason::TargetByte, target_end),
            }
        }
        let version = bytes::skip(buf, target_end, BLANK);
        let version_end = bytes::skip(buf, version, VERSION);
        let next = match line_end(buf, version_end) {
            None if buf.get(version_end).is_none_or(|c| *c == b'\r') => return Step::More,
            None | Some(Err(_)) => return Step::Bad(Reason::Version, version_end),
            Some(Ok(next)) => next,
        };
        self.line = RequestLine {
            method: Span::wire(begin, method_end),
            target: Span::wire(target, target_end),
            version: Span::wire(version, version_end),
            kind: Method::of(buf.get(begin..method_end).unwrap_or_default()),
            begin,
            bare: version == version_end,
        };
        self.check_version(buf, policy, next)
    }

    /// RFC 9112 §2.3: `HTTP/` digit `.` digit; anything else only with the unsafe option.
    fn check_version(&mut self, buf: &[u8], policy: &Policy, next: usize) -> Step {
        let at = self.line.version.start();
        let version = self.line.version.of(buf, &[]);
        if self.line.bare {
            // COMPAT: HTTP/0.9 becomes HTTP/1.0 with the unsafe option, GET with a target only
            let ok = policy.accept_unsafe && self.line.kind == Method::Get && self.line.target.len() > 0;
            if !ok {
                return Step::Bad(Reason::Version, at);
            }
            self.line.version = self.fields.keep(b"HTTP/1.0");
            return Step::At(next);
        }
        let digits = version_digits(version);
        if !policy.accept_unsafe && (digits.is_none() || !version.starts_with(b"HTTP/")) {
            return Step::Bad(Reason::Version, at);
        }
        self.facts.v11 = digits.is_some_and(|d| d >= (1, 1));
        Step::At(next)
    }

    /// The checks that need all fields.
    fn conclude(&mut self, buf: &[u8], policy: &Policy) -> Result<(), (Reason, usize)> {
        let at = self.line.target.start();
        self.check_target(buf, policy).map_err(|reason| (reason, at))?;
        if self.method(buf) == b"PRI" {
            return Err((Reason::NotHttp, self.line.begin));
        }
        self.frame(policy).map_err(|reason| (reason, at))?;
        if self.is_websocket() && !self.facts.websocket_key && !policy.accept_unsafe {
            return Err((Reason::WebSocketKey, at));
        }
        if self.size(buf) > policy.buffer_size.saturating_sub(policy.reserve + OVERHEAD_BUFFER) {
            return Err((Reason::TooLarge, self.at));
        }
        self.restrict_names(buf, policy).map_err(|reason| (reason, at))?;
        self.normalise_target(buf);
        Ok(())
    }

    /// RFC 9112 §6.3 for requests.
    fn frame(&mut self, policy: &Policy) -> Result<(), Reason> {
        let facts = &mut self.facts;
        if facts.coded {
            if facts.length.take().is_some() {
                facts.close |= policy.close_on_both_lengths;
                self.fields.slots.retain(|s| s.known != Known::ContentLength);
            } else if !facts.v11 {
                facts.close = true;
            }
            if !facts.chunked {
                return Err(Reason::TransferEncoding);
            }
        }
        let has_body = facts.chunked || facts.length.is_some_and(|n| n > 0);
        let odd_body = matches!(self.line.kind, Method::Get | Method::Head | Method::Delete);
        if has_body && odd_body && !facts.v11 && !policy.body_with_any_method {
            return Err(Reason::BodyNotAllowed);
        }
        if facts.other_coding {
            return Err(Reason::UnknownCoding);
        }
        facts.delimited = true;
        let connect = self.line.kind == Method::Connect;
        facts.framed_by_chunks = facts.chunked && !connect;
        facts.framed_by_length = facts.length.is_some() && !connect;
        self.body = match facts.length {
            _ if connect => Body::None,
            _ if facts.chunked => Body::chunked(policy, From::Client),
            Some(n) if n > 0 => Body::Length(n),
            _ => Body::None,
        };
        if has_body && !self.habits.modern && self.upgrade() {
            // COMPAT: 2.6 takes the Upgrade away from a request with a body ("upg body")
            self.fields.slots.retain(|s| s.known != Known::Upgrade);
            self.facts.upgrade_field = false;
        }
        if self.habits.newest {
            self.pair_upgrade();
        }
        Ok(())
    }

    /// COMPAT: 3.5 forwards Upgrade and its Connection token only together.
    fn pair_upgrade(&mut self) {
        match (self.facts.upgrade_token, self.facts.upgrade_field) {
            (false, true) => {
                self.fields.slots.retain(|s| s.known != Known::Upgrade);
                self.facts.upgrade_field = false;
            }
            (true, false) => self.facts.upgrade_token = false,
            _ => {}
        }
    }

    fn check_target(&mut self, buf: &[u8], policy: &Policy) -> Result<(), Reason> {
        let text = self.line.target.of(buf, &self.fields.side);
        if text.first() == Some(&b'/') && self.line.kind != Method::Connect {
            return Ok(());
        }
        let target = Target::of(text);
        if target.form() == Form::Empty {
            return Err(Reason::TargetForm);
        }
        if policy.at_least(Dialect::V3_0) {
            self.check_form(&target)?;
        }
        if target.form() == Form::Asterisk && self.line.kind != Method::Connect {
            return Ok(());
        }
        let host_slot = self.host_at().and_then(|i| self.fields.slots.get(i));
        let host = host_slot.map(|s| self.fields.value(buf, s));
        if self.line.kind != Method::Connect {
            let judged = !policy.at_least(Dialect::V3_0)
                && target.form() == Form::Absolute
                && target.host().is_empty();
            let bad_bytes = policy.at_least(Dialect::V3_0) && target::has_forbidden_byte(target.host());
            // COMPAT: before 3.5 an authority ended at a slash only, so `http://a?q` never fits its Host
            let run_on = !self.habits.newest && !matches!(target.path_and_query().first(), None | Some(b'/'));
            let same = host.is_none_or(|h| judged || target::host_matches(target.scheme(), target.host(), h))
                && !run_on;
            return if (same && !bad_bytes) || policy.accept_unsafe { Ok(()) } else { Err(Reason::Host) };
        }
        match target::connect_host(target.host(), host) {
            ConnectHost::Same => {}
            ConnectHost::DropPort => {
                let bare = target::without_port(host.unwrap_or_default()).to_vec();
                if let Some(i) = self.host_at() {
                    self.fields.set_value(i, &bare);
                }
            }
            _ if policy.accept_unsafe => {}
            ConnectHost::BadTarget => return Err(Reason::TargetForm),
            ConnectHost::BadHost => return Err(Reason::Host),
        }
        Ok(())
    }

    /// COMPAT: since 3.0 each method has its forms, whatever the option says ("star get", "uri host").
    fn check_form(&self, target: &Target<'_>) -> Result<(), Reason> {
        let connect = self.line.kind == Method::Connect;
        let fits = match target.form() {
            Form::Origin | Form::Absolute => !connect,
            Form::Authority => connect,
            Form::Asterisk => {
                matches!(self.line.kind, Method::Options | Method::Other) && target.whole().len() == 1
            }
            Form::Empty => false,
        };
        if fits { Ok(()) } else { Err(Reason::TargetForm) }
    }

    /// An absolute target loses a default port and gains a path; Host follows it. RFC 3986 §6.2.3.
    fn normalise_target(&mut self, buf: &[u8]) {
        if self.target(buf).first() == Some(&b'/') {
            return;
        }
        let copy;
        let target = {
            let target = Target::of(self.line.target.of(buf, &self.fields.side));
            if target.form() != Form::Absolute || self.line.kind == Method::Connect {
                return;
            }
            copy = target.whole().to_vec();
            Target::of(&copy)
        };
        let authority = target.host();
        let drops_port = target::port(authority).is_some_and(|p| target::is_default_port(target.scheme(), p));
        let asks_all = self.habits.newest && self.line.kind == Method::Options;
        let gains_path = self.habits.modern && target.path_and_query().is_empty() && !asks_all;
        if !drops_port && !gains_path {
            return;
        }
        let host = if drops_port { target::without_port(authority) } else { authority };
        let before = target.before_path();
        let mut text = before.get(..before.len() - authority.len()).unwrap_or_default().to_vec();
        text.extend_from_slice(host);
        text.extend_from_slice(if gains_path { b"/" } else { target.path_and_query() });
        self.line.target = self.fields.keep(&text);
        if let Some(i) = self.host_at() {
            self.fields.set_value(i, host);
        }
    }

    /// Where Host stands now; other fields may have been dropped since it was read.
    fn host_at(&self) -> Option<usize> {
        self.fields.slots.iter().position(|s| s.known == Known::Host)
    }

    fn restrict_names(&mut self, buf: &[u8], policy: &Policy) -> Result<(), Reason> {
        if policy.restrict_names == RestrictNames::Preserve {
            return Ok(());
        }
        let plain = |name: &[u8]| name.iter().all(|c| bytes::is(*c, bytes::PLAIN_NAME));
        let (side, before) = (&self.fields.side, self.fields.slots.len());
        self.fields.slots.retain(|s| plain(s.name.of(buf, side)));
        match policy.restrict_names {
            RestrictNames::Reject if self.fields.slots.len() != before => Err(Reason::RestrictedName),
            _ => Ok(()),
        }
    }

    /// Bytes that the head takes of a buffer as the original counts them: what an edit has to fit beside.
    #[must_use]
    pub fn size(&self, buf: &[u8]) -> usize {
        let line = self.method(buf).len() + self.target(buf).len() + self.version_text(buf).len();
        line + OVERHEAD_LINE + self.fields_size()
    }

    /// Method.
    #[must_use]
    pub fn method<'a>(&'a self, buf: &'a [u8]) -> &'a [u8] {
        self.line.method.of(buf, &self.fields.side)
    }

    /// Method, recognised.
    #[must_use]
    pub fn method_kind(&self) -> Method {
        self.line.kind
    }

    /// Target, edits included.
    #[must_use]
    pub fn target<'a>(&'a self, buf: &'a [u8]) -> &'a [u8] {
        self.line.target.of(buf, &self.fields.side)
    }

    /// Target taken apart.
    #[must_use]
    pub fn target_parts<'a>(&'a self, buf: &'a [u8]) -> Target<'a> {
        Target::of(self.target(buf))
    }

    /// Version as it was received, `HTTP/1.1`; empty for HTTP/0.9.
    #[must_use]
    pub fn version_text<'a>(&'a self, buf: &'a [u8]) -> &'a [u8] {
        self.line.version.of(buf, &self.fields.side)
    }

    /// Version digits; (1, 0) for what has none.
    #[must_use]
    pub fn version(&self, buf: &[u8]) -> (u8, u8) {
        version_digits(self.version_text(buf)).unwrap_or((1, 0))
    }

    /// The request line as it arrived, for `%r`, without its line end; before any edit.
    #[must_use]
    pub fn line_as_received<'a>(&self, buf: &'a [u8]) -> &'a [u8] {
        let rest = buf.get(self.line.begin..).unwrap_or_default();
        let end = memchr::memchr2(b'\r', b'\n', rest).unwrap_or(rest.len());
        rest.get(..end).unwrap_or(rest)
    }

    /// `Expect: 100-continue`.
    #[must_use]
    pub fn expects_continue(&self) -> bool {
        self.facts.expects_continue
    }

    /// Whether the client lets its connection live on after the reply: HTTP/1.1 without `close`, or
    /// HTTP/1.0 with `keep-alive`, and nothing dubious about the framing.
    #[must_use]
    pub fn client_keeps(&self) -> bool {
        (self.facts.v11 || self.facts.keep_alive) && !self.facts.close
    }

    /// What a parser of the response needs to know of this request.
    #[must_use]
    pub fn asked(&self) -> Asked {
        Asked { method: self.line.kind, upgrade: self.facts.upgrade_token }
    }

    /// `set-header`: removes all fields of that name, appends one. Host takes the authority of an
    /// absolute target with it.
    pub fn set(&mut self, buf: &[u8], name: &[u8], value: &[u8]) {
        self.fields.delete(buf, name);
        self.fields.add(name, value);
        if Known::of(name) == Known::Host {
            self.follow_host(buf, value);
        }
    }

    /// COMPAT: an absolute target's authority follows a changed Host (tests/requests.txt "hosth abs").
    pub fn follow_host(&mut self, buf: &[u8], host: &[u8]) {
        let target = self.target_parts(buf);
        if target.form() != Form::Absolute {
            return;
        }
        let mut text = target.scheme().to_vec();
        text.extend_from_slice(host);
        text.extend_from_slice(target.path_and_query());
        self.line.target = self.fields.keep(&text);
    }

    /// `set-method`.
    pub fn set_method(&mut self, method: &[u8]) {
        self.line.method = self.fields.keep(method);
        self.line.kind = Method::of(method);
    }

    /// `set-uri`: the whole target; an absolute one sets Host to its authority.
    pub fn set_target(&mut self, buf: &[u8], text: &[u8]) {
        self.line.target = self.fields.keep(text);
        let target = Target::of(text);
        if target.form() == Form::Absolute {
            let host = target.host();
            let first = self.fields.find(buf, b"host").map(|(i, _)| i).next();
            match first {
                Some(i) => self.fields.set_value(i, host),
                None => self.fields.add(b"host", host),
            }
        }
    }

    /// `set-path`: the path without the query.
    pub fn set_path(&mut self, buf: &[u8], path: &[u8]) {
        let (before, query) = self.around_path(buf);
        let mut text = before;
        text.extend_from_slice(path);
        if let Some(query) = query {
            text.push(b'?');
            text.extend_from_slice(&query);
        }
        self.line.target = self.fields.keep(&text);
    }

    /// `set-pathq`: path and query.
    pub fn set_path_and_query(&mut self, buf: &[u8], text: &[u8]) {
        let (mut whole, _) = self.around_path(buf);
        whole.extend_from_slice(text);
        self.line.target = self.fields.keep(&whole);
    }

    /// `set-query`: the query, given without `?`; empty takes it away.
    pub fn set_query(&mut self, buf: &[u8], query: &[u8]) {
        let target = self.target_parts(buf);
        let mut text = target.before_path().to_vec();
        text.extend_from_slice(target.path());
        if !query.is_empty() {
            text.push(b'?');
            text.extend_from_slice(query);
        }
        self.line.target = self.fields.keep(&text);
    }

    /// What stands before the path, and the query.
    fn around_path(&self, buf: &[u8]) -> (Vec<u8>, Option<Vec<u8>>) {
        let target = self.target_parts(buf);
        // COMPAT: without a path the whole target goes ("setpath absno" in 2.6)
        let before = if target.path_and_query().is_empty() { &[][..] } else { target.before_path() };
        (before.to_vec(), target.query().map(<[u8]>::to_vec))
    }

    /// Whether the request line in the buffer is exactly what would be written.
    pub(crate) fn line_is_verbatim(&self, buf: &[u8]) -> Option<usize> {
        let line = &self.line;
        let end = line.version.end();
        let on_wire = |s: Span| !s.is_side();
        let tight = on_wire(line.method)
            && on_wire(line.target)
            && on_wire(line.version)
            && line.target.start() == line.method.end() + 1
            && line.version.start() == line.target.end() + 1;
        let spaces = buf.get(line.method.end()) == Some(&b' ') && buf.get(line.target.end()) == Some(&b' ');
        let ends = buf.get(line.version.start()..end + 2) == Some(b"HTTP/1.1\r\n");
        (tight && spaces && ends).then_some(end + 2)
    }

    pub(crate) fn line_start(&self) -> usize {
        self.line.begin
    }
}

impl<L> Head<L> {
    pub(crate) fn fields_size(&self) -> usize {
        let fields = &self.fields.slots;
        OVERHEAD_END + fields.iter().map(|s| OVERHEAD_FIELD + s.name.len() + s.value.len()).sum::<usize>()
    }

    /// More than [`RequestHead::size`] or [`ResponseHead::size`] can give, without looking at the fields: for a
    /// head that was read with `read` bytes.
    ///
    /// [`RequestHead::size`]: crate::RequestHead::size
    /// [`ResponseHead::size`]: crate::ResponseHead::size
    #[must_use]
    pub fn size_bound(&self, read: usize) -> usize {
        let fields = (self.fields.slots.len() + 1) * OVERHEAD_FIELD;
        read + self.fields.side.len() + fields + OVERHEAD_LINE + OVERHEAD_END
    }

    /// Whether the head with a start line of `line` bytes leaves the reserve free.
    pub(crate) fn fits(&self, line: usize, policy: &Policy) -> bool {
        let size = line + OVERHEAD_LINE + self.fields_size();
        size <= policy.buffer_size.saturating_sub(policy.reserve + OVERHEAD_BUFFER)
    }

    /// Whether a head that is not whole yet can become one within the buffer.
    pub(crate) fn may_grow(buf: &[u8], policy: &Policy) -> bool {
        buf.len() < policy.buffer_size.saturating_sub(OVERHEAD_BUFFER)
    }
}

/// The digits of `????/d.d`.
pub(crate) fn version_digits(version: &[u8]) -> Option<(u8, u8)> {
    match version {
        [_, _, _, _, b'/', major @ b'0'..=b'9', b'.', minor @ b'0'..=b'9'] => {
            Some((major - b'0', minor - b'0'))
        }
        _ => None,
    }
}
