//! Heads written out: HAProxy's order and spelling, and its rules for the connection after the message.
//!
//! Fields go out in their order with names in lower case; what this side decides about the connection
//! (`connection:`) and framing (`transfer-encoding:`) follows after them. Connection tokens `close` and
//! `keep-alive` never pass through: a parser takes them off, and what a rule sets is taken as a wish.
//! Runs of lines that stand in a buffer as they are to be sent are copied at once.

use crate::bytes;
use crate::fields::{Fields, Known, Slot, lower, write_line};
use crate::head::{Facts, Head};
use crate::parse::{Cleaned, clean_list, parse_length};
use crate::request::{Method, RequestLine};
use crate::response::StatusLine;

/// What is to happen to the server connection.
#[derive(Debug, Clone, Copy)]
pub struct ToServer {
    /// It should stay open: neither `httpclose` (backend; in 2.6 the frontend's too) nor
    /// `http-server-close` (either) is set, and the proxy is not stopping.
    pub keep: bool,
    /// `option http-pretend-keepalive`: do not tell the server that we will close.
    pub pretend_keep: bool,
}

impl Default for ToServer {
    fn default() -> Self {
        ToServer { keep: true, pretend_keep: false }
    }
}

/// What is to happen to the client connection, and what the client asked.
#[derive(Debug, Clone, Copy)]
pub struct ToClient {
    /// The client keeps its connection ([`crate::RequestHead::client_keeps`]), the frontend has no
    /// `httpclose`, and the proxy is not stopping.
    pub keep: bool,
    /// The request's method.
    pub method: Method,
    /// The request was HTTP/1.1 or later.
    pub http11: bool,
}

impl ToClient {
    /// As the request itself wants it.
    #[must_use]
    pub fn answering(request: &Head<RequestLine>) -> ToClient {
        ToClient { keep: request.client_keeps(), method: request.method_kind(), http11: request.is_http11() }
    }
}

/// How the body goes out after a written head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyOut {
    /// [`crate::Body::relay`] it.
    Same,
    /// [`crate::Body::decode`] it and end by closing: rules removed the framing of a response.
    Bare,
    /// [`crate::Body::decode`] it, write it with [`crate::write_chunk`], end with [`crate::LAST_CHUNK`]:
    /// rules removed Content-Length (only 2.6 answers it so).
    Chunked,
    /// Nothing goes out: the message has no body here, or rules removed the framing of a request.
    Nothing,
}

/// What was decided while writing a head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sent {
    /// The connection written to may serve another message afterwards.
    pub keep: bool,
    /// What to do with the body.
    pub body: BodyOut,
}

/// What the fields that went out say.
#[derive(Default)]
struct Seen {
    facts: Facts,
    length: bool,
    chunked: bool,
}

/// What a writer of fields must know.
#[derive(Clone, Copy)]
struct Framing {
    length: bool,
    chunked: bool,
    is_response: bool,
    /// 1xx and 204: lengths are left out, but for an explicit 0.
    lengthless: bool,
}

impl Head<RequestLine> {
    /// Writes the head for the server.
    pub fn write(&self, buf: &[u8], to: ToServer, out: &mut Vec<u8>) -> Sent {
        out.reserve(self.at + self.fields.side.len() + 64);
        match self.line_is_verbatim(buf) {
            Some(end) => out.extend_from_slice(buf.get(self.line_start()..end).unwrap_or_default()),
            None => {
                out.extend_from_slice(self.method(buf));
                out.push(b' ');
                out.extend_from_slice(self.target(buf));
                out.push(b' ');
                out.extend_from_slice(if self.facts.v11 { b"HTTP/1.1" } else { self.version_text(buf) });
                out.extend_from_slice(b"\r\n");
            }
        }
        let connect = self.method_kind() == Method::Connect;
        let framing = Framing {
            length: self.facts.framed_by_length,
            chunked: self.facts.framed_by_chunks || (connect && self.facts.coded && !self.habits.modern),
            is_response: false,
            lengthless: false,
        };
        let seen = self.write_fields(buf, framing, out);
        let mut body = BodyOut::Same;
        let lost = (framing.length || self.facts.framed_by_chunks) && !seen.length && !seen.chunked;
        // COMPAT: a request whose framing a rule removed goes out empty; in 2.6 it is chunked anew
        let rechunk = lost && !self.habits.modern && self.facts.v11;
        if rechunk {
            body = self.rechunked();
        } else if lost {
            out.extend_from_slice(b"content-length: 0\r\n");
            body = BodyOut::Nothing;
        }
        let unsure = seen.chunked && !self.facts.v11 || (connect && self.facts.coded);
        let wish = to.keep || seen.facts.keep_alive;
        let keep = wish && !seen.facts.close && !unsure;
        if !seen.facts.upgrade_token {
            if keep || to.pretend_keep {
                if !self.facts.v11 {
                    out.extend_from_slice(b"connection: keep-alive\r\n");
                }
            } else if self.facts.v11 {
                out.extend_from_slice(b"connection: close\r\n");
            }
        }
        if rechunk {
            out.extend_from_slice(b"transfer-encoding: chunked\r\n");
        }
        out.extend_from_slice(b"\r\n");
        Sent { keep, body }
    }
}

impl Head<StatusLine> {
    /// Writes the head for the client. For an interim response `Sent::keep` says nothing.
    pub fn write(&self, buf: &[u8], to: ToClient, out: &mut Vec<u8>) -> Sent {
        out.reserve(self.at + self.fields.side.len() + 64);
        self.write_status_line(buf, out);
        let status = self.status();
        let interim = status < 200;
        let tunnel = self.is_tunnel(to.method);
        let framing = Framing {
            length: self.facts.framed_by_length,
            chunked: self.facts.framed_by_chunks || (tunnel && self.facts.coded && !self.habits.modern),
            is_response: true,
            lengthless: interim || status == 204,
        };
        let seen = self.write_fields(buf, framing, out);
        let bodyless = matches!(status, 100..=199 | 204 | 304) || to.method == Method::Head;
        let lost = !tunnel
            && !interim
            && (framing.length || framing.chunked)
            && !seen.length
            && !seen.chunked
            && (self.habits.modern || !bodyless);
        // DIFFERS: 2.6 forwards an HTTP/1.0 response without its length and keeps the connection, so that
        // its end is anyone's guess; we close
        let rechunk = lost && !self.habits.modern && self.facts.v11;
        let lost = lost && !rechunk;
        let body = match () {
            () if bodyless && !tunnel => BodyOut::Nothing,
            () if rechunk => self.rechunked(),
            () if lost => BodyOut::Bare,
            () => BodyOut::Same,
        };
        let unsure = self.facts.coded && !self.facts.v11;
        let keep = tunnel || (to.keep && self.facts.delimited && !lost && !seen.facts.close && !unsure);
        if !interim && !tunnel && !seen.facts.upgrade_token {
            if keep {
                if !self.facts.v11 || !to.http11 {
                    out.extend_from_slice(b"connection: keep-alive\r\n");
                }
            } else if self.facts.v11 {
                out.extend_from_slice(b"connection: close\r\n");
            }
        }
        if rechunk {
            out.extend_from_slice(b"transfer-encoding: chunked\r\n");
        }
        out.extend_from_slice(b"\r\n");
        Sent { keep, body }
    }

    fn write_status_line(&self, buf: &[u8], out: &mut Vec<u8>) {
        if let Some(end) = self.line_is_verbatim(buf) {
            out.extend_from_slice(buf.get(self.line_start()..end).unwrap_or_default());
            return;
        }
        out.extend_from_slice(if self.facts.v11 { b"HTTP/1.1" } else { self.version_text(buf) });
        out.push(b' ');
        out.extend_from_slice(self.code(buf));
        out.push(b' ');
        let reason = self.reason(buf);
        // COMPAT: since 3.0 an empty reason phrase is filled in ("r noreason")
        if reason.is_empty() && self.habits.modern {
            out.extend_from_slice(crate::response::reason_of(self.status()).as_bytes());
        } else {
            out.extend_from_slice(reason);
        }
        out.extend_from_slice(b"\r\n");
    }
}

impl<L> Head<L> {
    fn rechunked(&self) -> BodyOut {
        if matches!(self.body, crate::Body::Chunked(_)) { BodyOut::Same } else { BodyOut::Chunked }
    }

    /// Writes the fields: runs of verbatim lines in one copy, everything else one by one.
    fn write_fields(&self, buf: &[u8], framing: Framing, out: &mut Vec<u8>) -> Seen {
        let mut seen = Seen::default();
        let slots = &self.fields.slots;
        let mut i = 0;
        while let Some(slot) = slots.get(i) {
            if plain(slot, framing, &seen) {
                i = self.write_run(buf, i, framing, &mut seen, out);
            } else {
                if slot.known == Known::Other || slot.known == Known::Host {
                    self.fields.write_one(buf, slot, self.fields.value(buf, slot), out);
                } else {
                    self.write_known(buf, slot, framing, &mut seen, out);
                }
                i += 1;
            }
        }
        seen
    }

    /// Copies the verbatim lines from slot `first` on that follow one another in one buffer; returns the
    /// first slot not copied.
    #[inline]
    fn write_run(
        &self,
        buf: &[u8],
        first: usize,
        framing: Framing,
        seen: &mut Seen,
        out: &mut Vec<u8>,
    ) -> usize {
        let slots = self.fields.slots.get(first..).unwrap_or_default();
        let Some(head) = slots.first() else { return first };
        let edited = head.name.is_side();
        let from = if edited { &self.fields.side } else { buf };
        let start = head.name.start();
        let mut end = start;
        let count = slots
            .iter()
            .take_while(|s| {
                let joins = plain(s, framing, seen) && s.name.start() == end && s.name.is_side() == edited;
                if joins {
                    end = s.value.end() + 2;
                    seen.length |= s.known == Known::ContentLength;
                }
                joins
            })
            .count();
        let base = out.len();
        out.extend_from_slice(from.get(start..end).unwrap_or_default());
        for slot in slots.iter().take(count).filter(|s| s.mixed_case) {
            lower(out, base + slot.name.start() - start, base + slot.name.end() - start);
        }
        first + count.max(1)
    }

    fn write_known(&self, buf: &[u8], slot: &Slot, framing: Framing, seen: &mut Seen, out: &mut Vec<u8>) {
        let value = self.fields.value(buf, slot);
        match slot.known {
            Known::TransferEncoding => {
                if framing.chunked && !framing.lengthless && !seen.chunked {
                    seen.chunked = true;
                    // COMPAT: 2.6 keeps the case ("te case")
                    let keeps = !self.habits.modern && value.eq_ignore_ascii_case(b"chunked");
                    write_line(b"transfer-encoding", if keeps { value } else { b"chunked" }, out);
                }
            }
            Known::ContentLength => {
                let Some((at, len, number)) = parse_length(value, None) else { return };
                // COMPAT: 1xx and 204 may say 0 if a rule says so, nothing else
                let passes = if framing.lengthless { number == 0 } else { framing.length };
                if passes && !seen.length {
                    seen.length = true;
                    write_line(b"content-length", value.get(at..at + len).unwrap_or_default(), out);
                }
            }
            Known::Connection => {
                let start = begin_line(&self.fields, buf, slot, out);
                let facts = &mut seen.facts;
                end_line(value, start, out, |token| facts.connection_token(token));
            }
            Known::Upgrade => {
                let start = begin_line(&self.fields, buf, slot, out);
                let (facts, habits) = (&mut seen.facts, self.habits);
                end_line(value, start, out, |token| facts.upgrade_element(token, habits));
            }
            Known::Te if !framing.is_response || self.habits.modern => {
                if te_trailers(value) {
                    write_line(b"te", b"trailers", out);
                }
            }
            _ => self.fields.write_one(buf, slot, value, out),
        }
    }
}

/// May be copied from the buffer without a look.
#[inline]
fn plain(slot: &Slot, framing: Framing, seen: &Seen) -> bool {
    let harmless = match slot.known {
        Known::Other | Known::Host | Known::Expect | Known::WebSocketKey | Known::WebSocketAccept => true,
        // still verbatim, so it is one number and was checked when it was parsed
        Known::ContentLength => framing.length && !framing.lengthless && !seen.length,
        Known::Connection | Known::Te | Known::TransferEncoding | Known::Upgrade => false,
    };
    slot.verbatim && harmless
}

fn begin_line(fields: &Fields, buf: &[u8], slot: &Slot, out: &mut Vec<u8>) -> usize {
    let start = out.len();
    let name = fields.name(buf, slot);
    out.extend_from_slice(name);
    lower(out, start, start + name.len());
    out.extend_from_slice(b": ");
    start
}

/// Writes what `keep` leaves of a list value, or takes the line back.
fn end_line(value: &[u8], start: usize, out: &mut Vec<u8>, keep: impl FnMut(&[u8]) -> bool) {
    let before = out.len();
    match clean_list(value, out, keep) {
        Cleaned::Empty => {
            out.truncate(start);
            return;
        }
        Cleaned::Prefix(n) => {
            out.truncate(before);
            out.extend_from_slice(value.get(..n).unwrap_or_default());
        }
        Cleaned::Built => {}
    }
    out.extend_from_slice(b"\r\n");
}

/// COMPAT: `TE` passes as `trailers` when that word ends it or precedes a comma; lower case only.
fn te_trailers(value: &[u8]) -> bool {
    memchr::memmem::find(value, b"trailers").is_some_and(|at| matches!(value.get(at + 8), None | Some(b',')))
        && !bytes::trim(value).is_empty()
}
