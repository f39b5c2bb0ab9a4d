//! Whether what has come is what was expected, and the words when it is not.
//!
//! HAProxy 3.0 configuration manual §4.2 "http-check expect", "tcp-check expect". COMPAT: info texts, and when more
//! data is waited for, are HAProxy's.

use bstr::ByteSlice;
use memchr::memmem;
use pcre2::bytes::Regex;
use rha_ir::{HeaderMatch, LogFormat};

use crate::agent::AgentReply;
use crate::exchange::{Answer, Formats};
use crate::http::{self, Reading, Response};
use crate::packets::{self, Read};
use crate::script::{ExpectStep, Family, HeaderTest, Message, Pattern, Step, Test};
use crate::{Outcome, Status};

/// What was received so far, and what is known besides.
pub(crate) struct Received<'a> {
    pub family: Family,
    pub data: &'a [u8],
    /// Nothing more will come.
    pub ended: bool,
    /// A 404 means that the server wants no new traffic.
    pub stop_on_404: bool,
    pub formats: &'a dyn Formats,
}

impl Received<'_> {
    /// The text of a format now.
    pub(crate) fn text(&self, format: &LogFormat) -> Vec<u8> {
        match format.literal() {
            Some(text) => text.into(),
            None => self.see(|answer| self.formats.format(format, answer)),
        }
    }

    /// Shows the answer to something.
    pub(crate) fn see<T>(&self, look: impl FnOnce(&Answer<'_>) -> T) -> T {
        let response = match self.family {
            Family::Http => match http::read(self.data, self.ended) {
                Reading::Head(response) => Some(response),
                _ => None,
            },
            _ => None,
        };
        look(&Answer { data: self.data, response: response.as_ref() })
    }
}

/// COMPAT: what a format that comes out empty is told as.
const EMPTY_FORMAT: &str = "log-format string evaluated to an empty string";
const NO_HEX: &str = "Failed to parse hexastring resulting of eval of a log-format string";

/// The result of looking.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Look {
    Wait,
    /// As expected; the code is the answer's.
    Pass(i32),
    /// As expected, with words of its own.
    Told(Outcome),
    /// Not as expected.
    Fail(Outcome),
}

pub(crate) fn look(step: &Step, expect: &ExpectStep, received: &Received<'_>) -> Look {
    match received.family {
        Family::Http => look_http(step, expect, received),
        _ => look_raw(step, expect, received),
    }
}

fn look_raw(step: &Step, expect: &ExpectStep, received: &Received<'_>) -> Look {
    let data = received.data;
    let wanted = match &expect.test {
        Test::Text(text) => text.len(),
        Test::Binary(bytes) => bytes.len(),
        _ => 0,
    };
    if !received.ended && data.len() < wanted.max(expect.min_recv.unwrap_or(0)) {
        return Look::Wait;
    }
    let matched = match &expect.test {
        Test::Text(text) => contains(data, text),
        Test::Binary(bytes) => contains(data, bytes),
        Test::Regex(regex) => is_match(regex, data),
        Test::BinaryRegex(regex) => is_match(regex, hex(data).as_bytes()),
        Test::TextFormat { format, hex } => {
            let text = received.text(format);
            let bytes = if *hex { unhex(&text) } else { Some(text.clone()) };
            let bytes = match bytes {
                Some(bytes) if !text.is_empty() => bytes,
                other => {
                    let words = if other.is_none() { NO_HEX } else { EMPTY_FORMAT };
                    let info = failure(step, expect, received, false, words);
                    return Look::Fail(Outcome::new(Status::L7Rsp, 0, info, None));
                }
            };
            if !received.ended && data.len() < bytes.len() {
                return Look::Wait;
            }
            contains(data, &bytes)
        }
        custom => return look_custom(step, expect, custom, received),
    };
    if !matched && !received.ended && expect.min_recv.is_none() {
        return Look::Wait;
    }
    if matched != expect.negated {
        return Look::Pass(reply_code(expect, data));
    }
    let status = expect.error.unwrap_or(Status::L7Rsp);
    let info = failure(step, expect, received, matched, "");
    let code = code(expect, received).unwrap_or_else(|| reply_code(expect, data));
    Look::Fail(Outcome::new(status, code, info, None))
}

fn look_custom(step: &Step, expect: &ExpectStep, test: &Test, received: &Received<'_>) -> Look {
    if received.data.is_empty() {
        if !received.ended {
            return Look::Wait;
        }
        let info = failure(step, expect, received, false, "");
        return Look::Fail(Outcome::new(expect.error.unwrap_or(Status::L7Rsp), 0, info, None));
    }
    let read = match test {
        Test::MysqlGreeting { last } => match packets::mysql(received.data, 0) {
            Read::Good(_) if !last => return Look::Pass(0),
            other => other,
        },
        Test::MysqlReply => packets::mysql(received.data, 1),
        Test::LdapBind => packets::ldap_bind(received.data),
        Test::SpopHello => packets::spop_hello(received.data),
        _ => match AgentReply::parse(received.data) {
            Some(_) => return Look::Pass(0),
            None if !received.ended => return Look::Wait,
            None => {
                let info = "Ignoring incomplete line from agent";
                return Look::Told(Outcome::new(Status::Checked, 0, info, None));
            }
        },
    };
    match read {
        Read::Wait if !received.ended => Look::Wait,
        Read::Wait => {
            Look::Fail(Outcome::new(Status::L7Rsp, 0, failure(step, expect, received, false, ""), None))
        }
        Read::Good(text) => {
            let outcome = Outcome::new(expect.ok.unwrap_or(Status::L7Ok), 0, text, None);
            Look::Told(Outcome { echoed: true, ..outcome })
        }
        Read::Bad(status, code, text) => Look::Fail(Outcome::new(status, code, text, None)),
    }
}

fn look_http(step: &Step, expect: &ExpectStep, received: &Received<'_>) -> Look {
    let response = match http::read(received.data, received.ended) {
        Reading::Wait if !received.ended => return Look::Wait,
        Reading::Wait | Reading::Bad => return Look::Fail(Outcome::new(Status::L7Rsp, 0, "", None)),
        Reading::Head(response) => response,
    };
    let code = i32::from(response.status);
    if received.stop_on_404 && response.status == 404 {
        return Look::Pass(code);
    }
    let fail = |status: Status, text: &str| {
        let words = if expect.on_error.is_some() { "" } else { text };
        let info = failure(step, expect, received, false, words);
        let code = self::code(expect, received).unwrap_or(code);
        Look::Fail(Outcome::new(expect.error.unwrap_or(status), code, info, None))
    };
    let empty = || {
        let info = failure(step, expect, received, false, EMPTY_FORMAT);
        Look::Fail(Outcome::new(Status::L7Rsp, self::code(expect, received).unwrap_or(code), info, None))
    };
    let (matched, status, words) = match &expect.test {
        Test::Status(range) => {
            let within = range.0.iter().any(|(low, high)| (*low..=*high).contains(&response.status));
            (within, Status::L7Sts, response.reason.to_str_lossy().into_owned())
        }
        Test::StatusRegex(regex) => {
            let reason = response.reason.to_str_lossy().into_owned();
            (is_match(regex, &response.status_text), Status::L7Sts, reason)
        }
        Test::Header(test) => {
            let Some(found) = has_header(test, &response, received) else { return empty() };
            (found, Status::L7Sts, response.reason.to_str_lossy().into_owned())
        }
        body => {
            if response.body.is_empty() {
                if !response.whole {
                    return Look::Wait;
                }
                return fail(Status::L7Rsp, "HTTP content check could not find a response body");
            }
            if let Test::TextFormat { format, .. } = body
                && received.text(format).is_empty()
            {
                return empty();
            }
            match look_body(body, expect, &response, received) {
                None => return Look::Wait,
                Some(matched) => {
                    let words = if expect.negated {
                        "HTTP check matched unwanted content"
                    } else {
                        "HTTP content check did not match"
                    };
                    (matched, Status::L7Rsp, words.to_owned())
                }
            }
        }
    };
    if matched == expect.negated { fail(status, &words) } else { Look::Pass(code) }
}

/// Whether the body holds it; `None` while more may come.
fn look_body(test: &Test, expect: &ExpectStep, response: &Response, received: &Received<'_>) -> Option<bool> {
    let body = &response.body[..];
    let text = match test {
        Test::Text(text) => Some(text.to_vec()),
        Test::TextFormat { format, .. } => Some(received.text(format)),
        _ => None,
    };
    let least = expect.min_recv.unwrap_or(0).max(text.as_ref().map_or(0, Vec::len));
    if !response.whole && body.len() < least {
        return None;
    }
    let matched = match (&text, test) {
        (Some(text), _) => contains(body, text),
        (None, Test::Regex(regex)) => is_match(regex, body),
        _ => false,
    };
    if !matched && !response.whole && expect.min_recv.is_none() { None } else { Some(matched) }
}

/// Whether there is such a header; `None` when a format of the test comes out empty.
fn has_header(test: &HeaderTest, response: &Response, received: &Received<'_>) -> Option<bool> {
    let name = Fixed::of(&test.name, received)?;
    let value = match &test.value {
        Some(pattern) => Some(Fixed::of(pattern, received)?),
        None => None,
    };
    Some(response.headers.iter().filter(|(field, _)| name.fits(field, true)).any(|(_, text)| {
        let Some(pattern) = &value else { return true };
        if test.full {
            return pattern.fits(text, false);
        }
        text.split(|c| *c == b',').any(|part| pattern.fits(part.trim_ascii(), false))
    }))
}

/// A pattern whose format has been evaluated.
enum Fixed<'a> {
    Text(HeaderMatch, Vec<u8>),
    Regex(&'a Regex),
}

impl<'a> Fixed<'a> {
    fn of(pattern: &'a Pattern, received: &Received<'_>) -> Option<Fixed<'a>> {
        match pattern {
            Pattern::Regex(r) => Some(Fixed::Regex(r)),
            Pattern::Text(method, format) => {
                let text = received.text(format);
                (!text.is_empty()).then_some(Fixed::Text(*method, text))
            }
        }
    }

    fn fits(&self, text: &[u8], ignore_case: bool) -> bool {
        let (method, pattern) = match self {
            Fixed::Regex(r) => return is_match(r, text),
            Fixed::Text(method, pattern) if ignore_case => (method, pattern.to_ascii_lowercase()),
            Fixed::Text(method, pattern) => (method, pattern.clone()),
        };
        match method {
            HeaderMatch::Beg => text.starts_with(&pattern),
            HeaderMatch::End => text.ends_with(&pattern),
            HeaderMatch::Sub => contains(text, &pattern),
            HeaderMatch::Str | HeaderMatch::Reg => pattern == text,
        }
    }
}

/// The info text of a failed step. `words` come from the protocol and win.
fn failure(step: &Step, expect: &ExpectStep, received: &Received<'_>, matched: bool, words: &str) -> Vec<u8> {
    let mut out = if !words.is_empty() {
        words.as_bytes().to_vec()
    } else if let Some(message) = &expect.on_error {
        told(message, received)
    } else if received.data.is_empty() {
        format!("TCPCHK got an empty response at step {}", step.number).into_bytes()
    } else if received.family == Family::Protocol {
        Vec::new()
    } else {
        let what = if matched { "TCPCHK matched unwanted content" } else { "TCPCHK did not match content" };
        format!("{what}{} at step {}", kind(&expect.test), step.number).into_bytes()
    };
    if let Some(comment) = &step.comment {
        out.extend_from_slice(b" comment: ");
        out.extend_from_slice(comment.as_bytes());
    }
    out
}

/// How the failure text names a test.
fn kind(test: &Test) -> String {
    match test {
        Test::Status(_) => "(status codes)".to_owned(),
        Test::Text(text) => format!(" '{text}'"),
        Test::Binary(_) => " (binary)".to_owned(),
        Test::Regex(_) | Test::StatusRegex(_) => " (regex)".to_owned(),
        Test::BinaryRegex(_) => " (binary regex)".to_owned(),
        Test::TextFormat { hex: false, .. } => " (log-format string)".to_owned(),
        Test::TextFormat { hex: true, .. } => " (log-format binary)".to_owned(),
        Test::Header(_) => " (header pattern)".to_owned(),
        _ => " (custom function)".to_owned(),
    }
}

/// How a timeout's text names a test.
pub(crate) fn expected(test: &Test) -> String {
    match test {
        Test::Text(text) => format!(" (expect string '{text}')"),
        Test::Binary(bytes) => format!(" (expect binary '{}')", hex(bytes)),
        Test::Regex(_) => " (expect regex)".to_owned(),
        Test::BinaryRegex(_) => " (expect binary regex)".to_owned(),
        Test::TextFormat { hex: false, .. } => " (expect log-format string)".to_owned(),
        Test::TextFormat { hex: true, .. } => " (expect log-format binary)".to_owned(),
        _ => " (expect custom function)".to_owned(),
    }
}

/// A message of `on-success` or `on-error`.
pub(crate) fn told(message: &Message, received: &Received<'_>) -> Vec<u8> {
    let data = received.data;
    match message {
        Message::Text(text) => text.as_bytes().to_vec(),
        Message::Format(format) => received.text(format),
        Message::Answer { offset, trimmed, whole } => {
            let mut text = data.get(*offset..).unwrap_or_default();
            if *trimmed {
                text = text.trim_start_with(|c| c == ' ');
            }
            if !whole {
                text = text.split(|c| matches!(c, b'\r' | b'\n')).next().unwrap_or_default();
            }
            text.to_vec()
        }
    }
}

/// What `status-code` gives.
pub(crate) fn code(expect: &ExpectStep, received: &Received<'_>) -> Option<i32> {
    let expr = expect.code.as_ref()?;
    let number = received.see(|answer| received.formats.number(expr, answer))?;
    i32::try_from(number).ok()
}

fn reply_code(expect: &ExpectStep, data: &[u8]) -> i32 {
    if !expect.reply_code {
        return 0;
    }
    data.get(..3).and_then(|d| d.to_str().ok()?.parse().ok()).unwrap_or(0)
}

fn contains(data: &[u8], text: &[u8]) -> bool {
    memmem::find(data, text).is_some()
}

/// A match that runs into the engine's limits counts as none.
fn is_match(regex: &Regex, data: &[u8]) -> bool {
    regex.is_match(data).unwrap_or(false)
}

pub(crate) fn hex(data: &[u8]) -> String {
    data.iter().map(|b| format!("{b:02X}")).collect()
}

pub(crate) fn unhex(text: &[u8]) -> Option<Vec<u8>> {
    let digit = |c: &u8| char::from(*c).to_digit(16).and_then(|d| u8::try_from(d).ok());
    let pairs = text.chunks(2);
    pairs.map(|p| Some(digit(p.first()?)? << 4 | digit(p.get(1)?)?)).collect()
}
