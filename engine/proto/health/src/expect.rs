//! Whether what has come is what was expected, and the words when it is not.
//!
//! HAProxy 3.0 configuration manual §4.2 "http-check expect", "tcp-check expect". COMPAT: info texts, and when more
//! data is waited for, are HAProxy's.

use bstr::ByteSlice;
use memchr::memmem;
use pcre2::bytes::Regex;

use crate::agent::AgentReply;
use crate::exchange::Formats;
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
            let text = received.formats.format(format);
            let text = if *hex { unhex(&text).unwrap_or_default() } else { text };
            if text.is_empty() {
                let info = "log-format string evaluated to an empty string";
                return Look::Fail(Outcome::new(Status::L7Rsp, 0, info, None));
            }
            contains(data, &text)
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
    Look::Fail(Outcome::new(status, reply_code(expect, data), info, None))
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
        Look::Fail(Outcome::new(expect.error.unwrap_or(status), code, info, None))
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
            (has_header(test, &response), Status::L7Sts, response.reason.to_str_lossy().into_owned())
        }
        body => {
            if response.body.is_empty() {
                if !response.whole {
                    return Look::Wait;
                }
                return fail(Status::L7Rsp, "HTTP content check could not find a response body");
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
        Test::TextFormat { format, .. } => Some(received.formats.format(format)),
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

fn has_header(test: &HeaderTest, response: &Response) -> bool {
    response.headers.iter().filter(|(name, _)| fits(&test.name, name, true)).any(|(_, value)| {
        let Some(pattern) = &test.value else { return true };
        if test.full {
            return fits(pattern, value, false);
        }
        value.split(|c| *c == b',').any(|part| fits(pattern, part.trim_ascii(), false))
    })
}

fn fits(pattern: &Pattern, text: &[u8], ignore_case: bool) -> bool {
    let fold = |t: &[u8]| if ignore_case { t.to_ascii_lowercase() } else { t.to_vec() };
    match pattern {
        Pattern::Exact(p) => fold(p) == text,
        Pattern::Begin(p) => text.starts_with(&fold(p)),
        Pattern::End(p) => text.ends_with(&fold(p)),
        Pattern::Sub(p) => contains(text, &fold(p)),
        Pattern::Regex(r) => is_match(r, text),
    }
}

/// The info text of a failed step. `words` come from the protocol and win.
fn failure(step: &Step, expect: &ExpectStep, received: &Received<'_>, matched: bool, words: &str) -> Vec<u8> {
    let mut out = if !words.is_empty() {
        words.as_bytes().to_vec()
    } else if let Some(message) = &expect.on_error {
        told(message, received.data, received.formats)
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
pub(crate) fn told(message: &Message, data: &[u8], formats: &dyn Formats) -> Vec<u8> {
    match message {
        Message::Text(text) => text.as_bytes().to_vec(),
        Message::Format(format) => formats.format(format),
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
