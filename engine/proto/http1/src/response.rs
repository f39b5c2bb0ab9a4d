//! Response heads: the status line, which responses have a body, responses made here.
//!
//! RFC 9112 §4 and §6.3, RFC 9110 §15. What a response means depends on the request ([`Asked`]).

use crate::body::Body;
use crate::bytes::{self, BLANK, TOKEN, VERSION};
use crate::fields::{Known, Span};
use crate::head::{Head, Stage};
use crate::parse::{From, Parsed, Step, line_end};
use crate::policy::{Policy, Reason};
use crate::request::{Method, version_digits};

/// What of the request decides how its response reads. `Method` converts into it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Asked {
    /// Method sent to the server.
    pub method: Method,
    /// It asked for `Connection: upgrade`.
    pub upgrade: bool,
}

impl core::convert::From<Method> for Asked {
    fn from(method: Method) -> Self {
        Asked { method, upgrade: false }
    }
}

/// Start line of a response.
#[derive(Debug, Clone, Copy, Default)]
pub struct StatusLine {
    version: Span,
    code: Span,
    reason: Span,
    status: u16,
    begin: usize,
}

/// HAProxy's standard reason phrases; "" never: unknown codes have the phrase of their class.
#[must_use]
pub fn reason_of(status: u16) -> &'static str {
    match status {
        100 => "Continue",
        101 => "Switching Protocols",
        102 => "Processing",
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        203 => "Non-Authoritative Information",
        204 => "No Content",
        205 => "Reset Content",
        206 => "Partial Content",
        207 => "Multi-Status",
        210 => "Content Different",
        226 => "IM Used",
        300 => "Multiple Choices",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        304 => "Not Modified",
        305 => "Use Proxy",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        310 => "Too many Redirects",
        400 => "Bad Request",
        401 => "Unauthorized",
        402 => "Payment Required",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        407 => "Proxy Authentication Required",
        408 => "Request Time-out",
        409 => "Conflict",
        410 => "Gone",
        411 => "Length Required",
        412 => "Precondition Failed",
        413 => "Request Entity Too Large",
        414 => "Request-URI Too Long",
        415 => "Unsupported Media Type",
        416 => "Requested range unsatisfiable",
        417 => "Expectation failed",
        418 => "I'm a teapot",
        421 => "Misdirected Request",
        422 => "Unprocessable Content",
        423 => "Locked",
        424 => "Method failure",
        425 => "Too Early",
        426 => "Upgrade Required",
        428 => "Precondition Required",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        449 => "Retry With",
        450 => "Blocked by Windows Parental Controls",
        451 => "Unavailable For Legal Reasons",
        456 => "Unrecoverable Error",
        499 => "client has closed connection",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway or Proxy Error",
        503 => "Service Unavailable",
        504 => "Gateway Time-out",
        505 => "HTTP Version not supported",
        506 => "Variant also negotiate",
        507 => "Insufficient storage",
        508 => "Loop detected",
        509 => "Bandwidth Limit Exceeded",
        510 => "Not extended",
        511 => "Network authentication required",
        520 => "Web server is returning an unknown error",
        _ => match status / 100 {
            1 => "Informational",
            2 => "Success",
            3 => "Redirection",
            4 => "Client Error",
            5 => "Server Error",
            _ => "Other",
        },
    }
}

impl Head<StatusLine> {
    /// Parses a response from the start of `buf`; `asked` is what was sent ([`crate::RequestHead::asked`]
    /// or a bare method). An interim response (1xx but 101) is whole by itself: write it, `clear`, go on
    /// behind it.
    pub fn parse(&mut self, buf: &[u8], policy: &Policy, asked: impl Into<Asked>) -> Parsed {
        let asked = asked.into();
        if self.stage == Stage::StartLine {
            self.obey(policy);
            match self.status_line(buf, policy) {
                Step::At(next) => {
                    self.at = next;
                    self.stage = Stage::Fields;
                }
                Step::More => return self.partial(buf, policy),
                Step::Bad(reason, at) => return self.refuse(From::Server, reason, at),
            }
        }
        if self.stage == Stage::Fields {
            match self.parse_fields(buf, policy, From::Server) {
                Step::At(end) => self.at = end,
                Step::More => return self.partial(buf, policy),
                Step::Bad(reason, at) => return self.refuse(From::Server, reason, at),
            }
            if let Err(reason) = self.conclude(policy, asked) {
                return self.refuse(From::Server, reason, self.line.begin);
            }
            self.stage = Stage::Done;
        }
        Parsed::Complete { len: self.at }
    }

    fn partial(&self, buf: &[u8], policy: &Policy) -> Parsed {
        if Self::may_grow(buf, policy) {
            Parsed::Partial
        } else {
            self.refuse(From::Server, Reason::TooLarge, buf.len())
        }
    }

    fn status_line(&mut self, buf: &[u8], policy: &Policy) -> Step {
        let mut begin = 0;
        while let Some(b'\r' | b'\n') = buf.get(begin) {
            match line_end(buf, begin) {
                Some(Ok(next)) => begin = next,
                Some(Err(at)) => return Step::Bad(Reason::StartLine, at),
                None => return Step::More,
            }
        }
        if buf.get(begin).is_some_and(|c| !bytes::is(*c, TOKEN)) {
            return Step::Bad(Reason::NotHttp, begin);
        }
        let version_end = bytes::skip(buf, begin, VERSION);
        match buf.get(version_end) {
            None => return Step::More,
            Some(c) if !bytes::is(*c, BLANK) => return Step::Bad(Reason::Version, version_end),
            Some(_) => {}
        }
        let code = bytes::skip(buf, version_end, BLANK);
        let mut code_end = code;
        let mut status = 0u16;
        while let Some(c @ b'0'..=b'9') = buf.get(code_end) {
            // DIFFERS: more than three digits are refused in every dialect, as 3.5 does
            if code_end - code >= 3 {
                return Step::Bad(Reason::StartLine, code_end);
            }
            status = status * 10 + u16::from(c - b'0');
            code_end += 1;
        }
        match buf.get(code_end) {
            None => return Step::More,
            Some(b' ' | b'\t' | b'\r' | b'\n') if code_end > code => {}
            Some(_) => return Step::Bad(Reason::StartLine, code_end),
        }
        let reason = bytes::skip(buf, code_end, BLANK);
        let rest = buf.get(reason..).unwrap_or_default();
        let Some(reason_end) = memchr::memchr2(b'\r', b'\n', rest).map(|n| reason + n) else {
            return Step::More;
        };
        let next = match line_end(buf, reason_end) {
            None => return Step::More,
            Some(Err(at)) => return Step::Bad(Reason::StartLine, at),
            Some(Ok(next)) => next,
        };
        self.line = StatusLine {
            version: Span::wire(begin, version_end),
            code: Span::wire(code, code_end),
            reason: Span::wire(reason, reason_end),
            status,
            begin,
        };
        let version = buf.get(begin..version_end).unwrap_or_default();
        let digits = version_digits(version);
        if digits.is_none() && !policy.accept_unsafe {
            return Step::Bad(Reason::Version, begin);
        }
        if self.habits.newest && !version.starts_with(b"HTTP/") && !policy.accept_unsafe {
            return Step::Bad(Reason::Version, begin);
        }
        self.facts.v11 = digits.is_some_and(|d| d >= (1, 1));
        Step::At(next)
    }

    fn conclude(&mut self, policy: &Policy, asked: Asked) -> Result<(), Reason> {
        let line = self.line.version.len() + self.line.code.len() + self.line.reason.len();
        if !self.fits(line, policy) {
            return Err(Reason::TooLarge);
        }
        let facts = &mut self.facts;
        if facts.coded {
            if facts.length.take().is_some() {
                facts.close |= policy.close_on_both_lengths;
                self.fields.slots.retain(|s| s.known != Known::ContentLength);
            } else if !facts.v11 {
                facts.close = true;
            }
        }
        if facts.other_coding || (facts.coded && !facts.chunked) {
            return Err(Reason::UnknownCoding);
        }
        if self.line.status == 101 {
            // COMPAT: a switch nobody asked for, or without its token, is refused ("r 101 unasked")
            if !asked.upgrade || !self.facts.upgrade_token {
                return Err(Reason::StartLine);
            }
            if self.facts.websocket && !self.facts.websocket_key && !policy.accept_unsafe {
                return Err(Reason::WebSocketKey);
            }
        }
        self.frame(policy, asked);
        Ok(())
    }

    /// RFC 9112 §6.3 for responses.
    fn frame(&mut self, policy: &Policy, asked: Asked) {
        let status = self.line.status;
        let tunnel = self.is_tunnel(asked.method);
        // COMPAT: what is below 100 loses its length but keeps its body ("answer-bad-status")
        let bodyless = asked.method == Method::Head || matches!(status, 100..=199 | 204 | 304);
        // COMPAT: only since 3.0 does CONNECT's 2xx lose its lengths ("connect" in tests/requests.txt)
        let strips = (tunnel && (self.habits.modern || status == 101)) || status < 200 || status == 204;
        let facts = &mut self.facts;
        facts.framed_by_chunks = facts.chunked;
        facts.framed_by_length = facts.length.is_some();
        if strips {
            self.fields.slots.retain(|s| !matches!(s.known, Known::ContentLength | Known::TransferEncoding));
            // COMPAT: 3.0 still believes in the length it took from a 204 and closes ("r 204 cl");
            // 2.6 and 3.5 do not
            let forgets = !self.habits.modern || self.habits.newest || status < 200 || tunnel;
            if forgets {
                facts.framed_by_chunks = false;
                facts.framed_by_length = false;
            }
        }
        facts.delimited = tunnel || bodyless || facts.chunked || facts.length.is_some();
        self.body = match facts.length {
            _ if tunnel => Body::UntilClose,
            _ if bodyless => Body::None,
            _ if facts.chunked => Body::chunked(policy, From::Server),
            Some(0) => Body::None,
            Some(n) => Body::Length(n),
            None => Body::UntilClose,
        };
        if !self.habits.modern && tunnel && status != 101 {
            self.facts.framed_by_chunks = false;
        }
    }

    /// A response made here: HTTP/1.1, `status`, HAProxy's reason phrase unless one is given. Add fields
    /// with [`Head::add`] (Content-Length included); `buf` is empty for all further calls.
    pub fn build(&mut self, status: u16, reason: Option<&str>, policy: &Policy) {
        self.clear();
        self.obey(policy);
        let status = status.clamp(100, 999);
        let reason = reason.unwrap_or_else(|| reason_of(status));
        self.line = StatusLine {
            version: self.fields.keep(b"HTTP/1.1"),
            code: self.fields.keep(status.to_string().as_bytes()),
            reason: self.fields.keep(reason.as_bytes()),
            status,
            begin: 0,
        };
        self.facts = crate::head::Facts { v11: true, delimited: true, ..Default::default() };
        self.facts.framed_by_length = true;
        self.stage = Stage::Done;
    }

    /// Makes a head that was built here one of HTTP/1.0.
    pub fn speak_http10(&mut self) {
        self.line.version = self.fields.keep(b"HTTP/1.0");
        self.facts.v11 = false;
    }

    /// Makes a head that was built here one whose body ends with the connection: it has no length among its fields.
    pub fn frame_by_close(&mut self) {
        (self.facts.framed_by_length, self.facts.delimited) = (false, false);
    }

    /// Makes a head that was built here one whose body is sent in chunks: `transfer-encoding` counts among its
    /// fields.
    pub fn frame_by_chunks(&mut self) {
        (self.facts.framed_by_length, self.facts.framed_by_chunks) = (false, true);
    }

    /// Bytes that the head takes of a buffer as the original counts them: what an edit has to fit beside.
    #[must_use]
    pub fn size(&self, buf: &[u8]) -> usize {
        let line = self.version_text(buf).len() + self.code(buf).len() + self.reason(buf).len();
        line + crate::request::OVERHEAD_LINE + self.fields_size()
    }

    /// Status code.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.line.status
    }

    /// Reason phrase, edits included.
    #[must_use]
    pub fn reason<'a>(&'a self, buf: &'a [u8]) -> &'a [u8] {
        self.line.reason.of(buf, &self.fields.side)
    }

    pub(crate) fn version_text<'a>(&'a self, buf: &'a [u8]) -> &'a [u8] {
        self.line.version.of(buf, &self.fields.side)
    }

    pub(crate) fn code<'a>(&'a self, buf: &'a [u8]) -> &'a [u8] {
        self.line.code.of(buf, &self.fields.side)
    }

    /// Version digits; (1, 0) for what has none.
    #[must_use]
    pub fn version(&self, buf: &[u8]) -> (u8, u8) {
        version_digits(self.version_text(buf)).unwrap_or((1, 0))
    }

    /// 1xx other than 101: another response follows.
    #[must_use]
    pub fn is_interim(&self) -> bool {
        (100..200).contains(&self.line.status) && self.line.status != 101
    }

    /// 101, or 2xx to CONNECT: bytes flow both ways from here on.
    #[must_use]
    pub fn is_tunnel(&self, asked: Method) -> bool {
        self.line.status == 101 || (asked == Method::Connect && (200..300).contains(&self.line.status))
    }

    /// Whether the server lets its connection live on after this response: its length is known, it did
    /// not say `close`, and HTTP/1.0 said `keep-alive`.
    #[must_use]
    pub fn server_keeps(&self) -> bool {
        self.facts.delimited
            && !self.facts.close
            && (self.facts.v11 || self.facts.keep_alive)
            && self.body != Body::UntilClose
    }

    /// `set-status`: `reason` defaults to HAProxy's phrase.
    pub fn set_status(&mut self, status: u16, reason: Option<&str>) {
        let status = status.clamp(100, 999);
        self.line.status = status;
        self.line.code = self.fields.keep(status.to_string().as_bytes());
        self.line.reason = self.fields.keep(reason.unwrap_or_else(|| reason_of(status)).as_bytes());
    }

    /// `set-header`: removes all fields of that name, appends one.
    pub fn set(&mut self, buf: &[u8], name: &[u8], value: &[u8]) {
        self.fields.delete(buf, name);
        self.fields.add(name, value);
    }

    /// Whether the status line in the buffer is exactly what would be written; its end.
    pub(crate) fn line_is_verbatim(&self, buf: &[u8]) -> Option<usize> {
        let line = &self.line;
        let on_wire = |s: Span| !s.is_side();
        let tight = on_wire(line.version)
            && on_wire(line.code)
            && on_wire(line.reason)
            && line.reason.len() > 0
            && line.code.start() == line.version.end() + 1
            && line.reason.start() == line.code.end() + 1;
        let starts = buf.get(line.begin..line.begin + 9) == Some(b"HTTP/1.1 ");
        let end = line.reason.end();
        let ends = buf.get(line.code.end()) == Some(&b' ') && buf.get(end..end + 2) == Some(b"\r\n");
        (tight && starts && ends).then_some(end + 2)
    }

    pub(crate) fn line_start(&self) -> usize {
        self.line.begin
    }
}
