//! `HTTP_GET` and `SSL_GET`: one page, read until the other side closes.
//!
//! COMPAT: the status is the three digits behind the first blank and before the next, so that `HTTP/1.1 200` without
//! a reason is none; `Content-Length` is looked for in this spelling; a body is taken as it comes, chunks and all;
//! the digest covers no more than `Content-Length` bytes. Over TLS the time for an answer starts again once, when the
//! first of it comes; and what came before a connection broke off counts like a whole page.

use bstr::ByteSlice;
use md5::{Digest as _, Md5};

use super::super::change::Event;
use super::super::plan::{HttpPlan, UrlPlan};
use super::super::watch::Verdict;
use super::{Given, Progress};

/// Most of a head that is read, bytes.
const HEAD_MAX: usize = 65536;
/// Most of a page that is kept to look for a regular expression, bytes.
const PAGE_MAX: usize = 4 << 20;

/// A run.
#[derive(Debug, Clone)]
pub(in super::super) struct Http {
    url: UrlPlan,
    tls: bool,
    request: Vec<u8>,
    server: String,
    pool: String,
    connected: bool,
    /// Something came behind the request.
    begun: bool,
    head: Vec<u8>,
    answer: Option<Answer>,
}

#[derive(Debug, Clone)]
struct Answer {
    status: u16,
    length: Option<u64>,
    received: u64,
    digest: Md5,
    page: Vec<u8>,
}

impl Http {
    pub(super) fn new(given: &Given<'_>, http: &HttpPlan) -> Http {
        let url = http.urls.get(given.url).cloned().unwrap_or_default();
        Http {
            request: request(&url, http, given),
            url,
            tls: http.tls,
            server: given.server.to_owned(),
            pool: given.pool.to_owned(),
            connected: false,
            begun: false,
            head: Vec::new(),
            answer: None,
        }
    }

    pub(super) fn handle(&mut self, event: Event) -> Progress {
        match event {
            Event::Connected => {
                self.connected = true;
                Progress::send(self.request.clone())
            }
            Event::Unreachable => Progress::bad("HTTP_CHECK - network unreachable"),
            Event::Handshake { remark } => {
                let said = remark.map(|r| format!("SSL_GET of {}: {r}", self.server));
                Progress {
                    remark: Some(said),
                    ..Progress::bad("SSL handshake/communication error connecting to")
                }
            }
            Event::WriteError => Progress::bad("Cannot send get request to"),
            Event::Data(data) => {
                let first = !std::mem::replace(&mut self.begun, true);
                self.read(&data);
                if self.head.len() > HEAD_MAX {
                    return self.finish();
                }
                Progress { renew: first || !self.tls, ..Progress::default() }
            }
            Event::Eof if self.tls && self.answer.is_none() => Progress::bad("SSL read error from"),
            Event::Eof => self.finish(),
            _ if !self.connected => Progress::bad("Connection failed"),
            _ if self.tls => self.finish(),
            _ => Progress::bad("Read error with"),
        }
    }

    pub(super) fn timeout(&self) -> Verdict {
        Verdict::Bad(
            match (self.connected, self.begun, self.tls) {
                (false, ..) => "Timeout connecting",
                (_, false, _) => "Timeout WEB read",
                (_, _, true) => "Timeout SSL read",
                _ => "Timeout HTTP read",
            }
            .to_owned(),
        )
    }

    fn read(&mut self, data: &[u8]) {
        if self.answer.is_none() {
            self.head.extend_from_slice(data);
            let Some(end) = self.head.find(b"\r\n\r\n") else { return };
            let body = self.head.split_off(end + 4);
            self.answer = Some(Answer {
                status: status(&self.head),
                length: content_length(&self.head),
                received: 0,
                digest: Md5::new(),
                page: Vec::new(),
            });
            self.take(&body);
        } else {
            self.take(data);
        }
    }

    fn take(&mut self, data: &[u8]) {
        let Some(answer) = &mut self.answer else { return };
        if self.url.digest.is_some() {
            let left = answer.length.map_or(u64::MAX, |l| l.saturating_sub(answer.received));
            let part = usize::try_from(left).unwrap_or(usize::MAX).min(data.len());
            answer.digest.update(data.get(..part).unwrap_or(data));
        }
        if self.url.regex.is_some() {
            let room = PAGE_MAX.saturating_sub(answer.page.len()).min(data.len());
            answer.page.extend_from_slice(data.get(..room).unwrap_or(data));
        }
        answer.received = answer.received.saturating_add(data.len() as u64);
    }

    fn finish(&mut self) -> Progress {
        let Some(answer) = self.answer.take() else {
            return Progress::bad("Read, no data received from ");
        };
        let status = answer.status;
        let wanted = if self.url.status.is_empty() { &[(200, 299)][..] } else { &self.url.status };
        if !(100..=599).contains(&status)
            || !wanted.iter().any(|(low, high)| (*low..=*high).contains(&status))
        {
            return Progress::bad("HTTP status code error to");
        }
        let mismatch = answer.length.filter(|l| *l != answer.received).map(|length| {
            format!(
                "http_check for RS {} VS {} url {}{}: content_length ({length}) does not match received bytes ({})",
                self.server,
                self.pool,
                self.url.virtual_host.as_deref().unwrap_or_default(),
                self.url.path,
                answer.received
            )
        });
        Progress { remark: Some(mismatch), ..self.judge(answer) }
    }

    fn judge(&self, answer: Answer) -> Progress {
        let mut what = "HTTP status code";
        if let Some(digest) = self.url.digest {
            if answer.digest.finalize().as_slice() != digest {
                return Progress::bad("MD5 digest error to");
            }
            what = "MD5 digest";
        }
        if let Some(regex) = &self.url.regex {
            let found = regex
                .regex
                .find_at(&answer.page, regex.min_offset.min(answer.page.len()))
                .ok()
                .flatten()
                .is_some_and(|m| regex.max_offset == 0 || m.start() < regex.max_offset);
            if found == regex.no_match {
                return Progress::bad("Regex match failed");
            }
            what = "Regex match";
        }
        Progress::good(what)
    }
}

fn request(url: &UrlPlan, http: &HttpPlan, given: &Given<'_>) -> Vec<u8> {
    let target = given.plan.target;
    let host = match &url.virtual_host {
        Some(host) => host.clone(),
        None if target.is_ipv6() => format!("[{}]:{}", target.ip(), target.port()),
        None => format!("{}:{}", target.ip(), target.port()),
    };
    let minor = u8::from(http.http11);
    let close = if http.close { "Connection: close\r\n" } else { "" };
    let path = &url.path;
    format!("GET {path} HTTP/1.{minor}\r\nUser-Agent: KeepAliveClient\r\n{close}Host: {host}\r\n\r\n")
        .into_bytes()
}

/// 0 when there is none.
fn status(head: &[u8]) -> u16 {
    let at = head.iter().position(|b| *b == b' ' || *b == b'\r');
    match at.and_then(|at| head.get(at..)) {
        Some(&[b' ', a @ b'0'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9', b' ', ..]) => {
            u16::from(a - b'0') * 100 + u16::from(b - b'0') * 10 + u16::from(c - b'0')
        }
        _ => 0,
    }
}

fn content_length(head: &[u8]) -> Option<u64> {
    const NAME: &[u8] = b"Content-Length:";
    let value = head.get(head.find(NAME)? + NAME.len()..)?.trim_start_with(|c| c == ' ' || c == '\t');
    let digits = value.iter().take_while(|b| b.is_ascii_digit()).count();
    let ends = matches!(value.get(digits), None | Some(b'\r' | b'\n'));
    let number = value.get(..digits).and_then(|d| d.to_str().ok()).filter(|_| ends && digits > 0)?;
    number.parse().ok()
}
