//! Clients: raw bytes, HTTP/1 responses by their framing, one runtime command.

use std::fmt;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use socket2::SockRef;

use crate::{PATIENCE, uninterrupted};

/// A connection to the subject.
pub struct Client {
    stream: TcpStream,
    /// Bytes that were read but belong to what comes next.
    rest: Vec<u8>,
}

/// One HTTP/1 response, or what came instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// Start line and header lines, with the blank line.
    pub head: Vec<u8>,
    /// Body as it came, chunk heads and all.
    pub body: Vec<u8>,
    /// How the reading ended, when not by the message's own framing.
    pub end: End,
}

/// How the reading of a response ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// By the message's framing.
    Whole,
    /// The subject closed.
    Eof,
    /// The subject reset.
    Reset,
    /// Nothing more came in time.
    Silent,
}

impl Client {
    /// Connects.
    pub fn connect(to: SocketAddr) -> Client {
        let stream = TcpStream::connect_timeout(&to, PATIENCE).expect("connecting to the subject");
        stream.set_read_timeout(Some(PATIENCE)).expect("read timeout");
        stream.set_write_timeout(Some(PATIENCE)).expect("write timeout");
        stream.set_nodelay(true).expect("nodelay");
        Client { stream, rest: Vec::new() }
    }

    /// Sends bytes; a peer that closed already is not an error here, the reading shows it.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        let _ = self.stream.write_all(bytes.as_ref());
        self
    }

    /// Sends FIN.
    pub fn finish(&mut self) -> &mut Self {
        let _ = self.stream.shutdown(Shutdown::Write);
        self
    }

    /// Closes with RST.
    pub fn reset(self) {
        let _ = SockRef::from(&self.stream).set_linger(Some(Duration::ZERO));
    }

    /// Reads one response to a request that was not `HEAD`.
    pub fn response(&mut self) -> Response {
        self.read_response(false)
    }

    /// Reads one response to a `HEAD` request.
    pub fn head_response(&mut self) -> Response {
        self.read_response(true)
    }

    /// Reads exactly `n` bytes, or less if the subject ends first.
    pub fn bytes(&mut self, n: usize) -> Vec<u8> {
        while self.rest.len() < n && self.more() == End::Whole {}
        let n = n.min(self.rest.len());
        self.rest.drain(..n).collect()
    }

    /// Reads until the subject closes; says how it ended.
    pub fn to_end(&mut self) -> Response {
        let end = loop {
            match self.more() {
                End::Whole => {}
                end => break end,
            }
        };
        Response { head: Vec::new(), body: std::mem::take(&mut self.rest), end }
    }

    /// How the connection ends from here, what comes before it being noted as the body.
    pub fn end(&mut self) -> End {
        self.to_end().end
    }

    /// Changes how long a read may take, for what is expected not to come.
    pub fn patience(&mut self, limit: Duration) -> &mut Self {
        self.stream.set_read_timeout(Some(limit)).expect("read timeout");
        self
    }

    fn read_response(&mut self, head_only: bool) -> Response {
        let head = match self.until_blank_line() {
            Ok(head) => head,
            Err(end) => return Response { head: std::mem::take(&mut self.rest), body: Vec::new(), end },
        };
        let text = String::from_utf8_lossy(&head).to_ascii_lowercase();
        let status: u16 =
            text.split(' ').nth(1).and_then(|s| s.get(..3)).and_then(|s| s.parse().ok()).unwrap_or(0);
        if head_only || status / 100 == 1 || status == 204 || status == 304 {
            return Response { head, body: Vec::new(), end: End::Whole };
        }
        let (body, end) = if text.contains("\r\ntransfer-encoding: chunked") {
            self.chunks()
        } else if let Some(length) = header(&text, "content-length").and_then(|v| v.parse::<usize>().ok()) {
            let body = self.bytes(length);
            let end = if body.len() == length { End::Whole } else { self.more() };
            (body, end)
        } else {
            let all = self.to_end();
            (all.body, all.end)
        };
        Response { head, body, end }
    }

    fn until_blank_line(&mut self) -> Result<Vec<u8>, End> {
        loop {
            if let Some(at) = find(&self.rest, b"\r\n\r\n") {
                return Ok(self.rest.drain(..at + 4).collect());
            }
            match self.more() {
                End::Whole => {}
                end => return Err(end),
            }
        }
    }

    fn chunks(&mut self) -> (Vec<u8>, End) {
        let mut from = 0;
        loop {
            let Some(line) = find(&self.rest[from..], b"\r\n") else {
                match self.more() {
                    End::Whole => continue,
                    end => return (std::mem::take(&mut self.rest), end),
                }
            };
            let size = String::from_utf8_lossy(&self.rest[from..from + line]).into_owned();
            let size = size.split(';').next().and_then(|s| usize::from_str_radix(s.trim(), 16).ok());
            let Some(size) = size else { return (std::mem::take(&mut self.rest), End::Whole) };
            // the last chunk ends with the blank line after the trailers
            let end = match size {
                0 => find(&self.rest[from..], b"\r\n\r\n").map(|at| from + at + 4),
                size => Some(from + line + 2 + size + 2).filter(|end| *end <= self.rest.len()),
            };
            match end {
                Some(end) if size == 0 => return (self.rest.drain(..end).collect(), End::Whole),
                Some(end) => from = end,
                None => match self.more() {
                    End::Whole => {}
                    end => return (std::mem::take(&mut self.rest), end),
                },
            }
        }
    }

    /// Reads once.
    fn more(&mut self) -> End {
        let mut buffer = [0; 65536];
        match uninterrupted(|| self.stream.read(&mut buffer)) {
            Ok(0) => End::Eof,
            Ok(n) => {
                self.rest.extend_from_slice(&buffer[..n]);
                End::Whole
            }
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => End::Silent,
            Err(e) if e.kind() == ErrorKind::ConnectionReset => End::Reset,
            Err(e) => panic!("reading from the subject: {e}"),
        }
    }
}

impl Response {
    /// Status code; 0 if there was none.
    #[must_use]
    pub fn status(&self) -> u16 {
        let text = String::from_utf8_lossy(&self.head);
        text.split(' ').nth(1).and_then(|s| s.get(..3)).and_then(|s| s.parse().ok()).unwrap_or(0)
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

impl fmt::Display for Response {
    /// The bytes with their line ends visible, then how it ended.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", visible(&self.head), body_text(&self.head, &self.body))?;
        match self.end {
            End::Whole => writeln!(f),
            end => writeln!(f, "<{end:?}>"),
        }
    }
}

/// A body as text; of a chunked one the data, its end and its trailers, because where chunks are cut
/// depends on how the bytes happened to arrive.
pub fn body_text(head: &[u8], body: &[u8]) -> String {
    let chunked =
        String::from_utf8_lossy(head).to_ascii_lowercase().contains("\r\ntransfer-encoding: chunked");
    if !chunked {
        return visible(body);
    }
    let (mut data, mut rest) = (Vec::new(), body);
    while let Some(at) = find(rest, b"\r\n") {
        let size = String::from_utf8_lossy(&rest[..at]).into_owned();
        let size = size.split(';').next().and_then(|s| usize::from_str_radix(s.trim(), 16).ok());
        let after = &rest[at + 2..];
        match size {
            Some(0) => return format!("{}<end of chunks>{}", visible(&data), visible(after)),
            Some(size) => {
                data.extend_from_slice(&after[..size.min(after.len())]);
                rest = after.get(size + 2..).unwrap_or_default();
            }
            None => return format!("{}<no chunk: {}>", visible(&data), visible(rest)),
        }
    }
    format!("{}<cut>", visible(&data))
}

/// Bytes as text: line ends marked and kept, what is not printable escaped, long runs shortened.
pub fn visible(bytes: &[u8]) -> String {
    let mut out = String::new();
    let mut rest = bytes;
    while let Some((first, after)) = rest.split_first() {
        let run = rest.iter().take_while(|b| *b == first).count();
        if run > 64 && *first != b'\n' {
            out += &format!("{}*{run}", first.escape_ascii());
            rest = &rest[run..];
            continue;
        }
        match first {
            b'\n' => out.push('\n'),
            b'\r' => out += "\\r",
            b' '..=b'~' => out.push(char::from(*first)),
            other => out += &other.escape_ascii().to_string(),
        }
        rest = after;
    }
    out
}

/// Sends one line to the runtime socket and reads the whole answer.
pub fn cli(socket: &Path, command: &str) -> String {
    let mut stream = UnixStream::connect(socket).expect("connecting to the runtime socket");
    stream.set_read_timeout(Some(PATIENCE)).expect("read timeout");
    stream.write_all(format!("{command}\n").as_bytes()).expect("sending the command");
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        Ok(_) => {}
        Err(e) => answer.extend_from_slice(format!("<{:?}>", e.kind()).as_bytes()),
    }
    String::from_utf8_lossy(&answer).into_owned()
}

pub(crate) fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let line = head.lines().find(|l| l.split(':').next().is_some_and(|n| n.eq_ignore_ascii_case(name)))?;
    line.split_once(':').map(|(_, v)| v.trim())
}

pub(crate) fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|w| w == what)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    fn client_of(bytes: &'static [u8]) -> Client {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let to = listener.local_addr().unwrap();
        std::thread::spawn(move || listener.accept().unwrap().0.write_all(bytes));
        Client::connect(to)
    }

    #[test]
    fn responses_are_read_by_their_framing() {
        let mut c = client_of(
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nabHTTP/1.1 200 OK\r\n\
              transfer-encoding: chunked\r\n\r\n3\r\nxyz\r\n0\r\nt: u\r\n\r\nHTTP/1.1 200 OK\r\n\r\nrest",
        );
        let read: Vec<_> = (0..4).map(|_| c.response()).collect();
        let bodies: Vec<_> = read.iter().map(Response::text).collect();
        assert_eq!(bodies, ["", "ab", "3\r\nxyz\r\n0\r\nt: u\r\n\r\n", "rest"]);
        assert_eq!(
            read.iter().map(|r| r.end).collect::<Vec<_>>(),
            [End::Whole, End::Whole, End::Whole, End::Eof]
        );
    }

    #[test]
    fn chunked_bodies_are_compared_by_their_data() {
        let head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        let whole = body_text(head, b"2\r\nab\r\n1\r\nc\r\n0\r\n\r\n");
        assert_eq!(whole, body_text(head, b"3\r\nabc\r\n0\r\n\r\n"));
        assert_eq!(whole, "abc<end of chunks>\\r\n");
        assert_eq!(body_text(head, b"9\r\nabc"), "abc<cut>");
        assert_eq!(body_text(head, b"zz\r\n"), "<no chunk: zz\\r\n>");
        assert_eq!(body_text(b"HTTP/1.1 200 OK\r\n\r\n", b"abc"), "abc");
    }

    #[test]
    fn long_runs_and_controls_are_readable() {
        assert_eq!(visible(b"a\r\n\x01"), "a\\r\n\\x01");
        assert_eq!(visible(&[b'x'; 100]), "x*100");
    }
}
