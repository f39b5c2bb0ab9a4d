//! The built-in answers: HAProxy configuration manual §4.2 `errorfile` lists the codes.
//!
//! A page is sent in one of two spellings. Through the rules' path ([`Page::fill`]) it is an ordinary
//! response with names in lower case. When a request is refused before there is a request (bad bytes,
//! timeout), the text goes out as it is ([`Page::early`]): mixed case up to 3.4, lower case from 3.5.

use rha_vocab::Dialect;

use crate::head::ResponseHead;
use crate::policy::Policy;

/// One built-in answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// Status code.
    pub status: u16,
    /// Reason phrase.
    pub reason: &'static str,
    /// The sentence in the body.
    text: &'static str,
    /// The client connection closes after it, whatever was agreed.
    pub closes: bool,
    /// First version that has it.
    since: Dialect,
}

const fn page(status: u16, reason: &'static str, text: &'static str) -> Page {
    Page { status, reason, text, closes: matches!(status, 400 | 408), since: Dialect::V2_6 }
}

/// All of them, by status.
pub const PAGES: [Page; 21] = [
    page(200, "OK", "Service ready."),
    page(400, "Bad request", "Your browser sent an invalid request."),
    page(401, "Unauthorized", "You need a valid user and password to access this content."),
    page(403, "Forbidden", "Request forbidden by administrative rules."),
    page(404, "Not Found", "The resource could not be found."),
    page(
        405,
        "Method Not Allowed",
        "A request was made of a resource using a request method not supported by that resource",
    ),
    page(407, "Unauthorized", "You need a valid user and password to access this content."),
    page(408, "Request Time-out", "Your browser didn't send a complete request in time."),
    page(410, "Gone", "The resource is no longer available and will not be available again."),
    page(413, "Payload Too Large", "The request entity exceeds the maximum allowed."),
    Page {
        since: Dialect::V3_5,
        ..page(414, "URI Too Long", "The URI provided was too long for the server to process.")
    },
    page(421, "Misdirected Request", "Request sent to a non-authoritative server."),
    page(422, "Unprocessable Content", "The server cannot process the contained instructions."),
    page(425, "Too Early", "Your browser sent early data."),
    page(429, "Too Many Requests", "You have sent too many requests in a given amount of time."),
    Page {
        since: Dialect::V3_5,
        ..page(431, "Request Header Fields Too Large", "Request Header Fields Too Large.")
    },
    page(500, "Internal Server Error", "An internal server error occurred."),
    page(
        501,
        "Not Implemented",
        "The server does not support the functionality required to fulfill the request.",
    ),
    page(502, "Bad Gateway", "The server returned an invalid or incomplete response."),
    page(503, "Service Unavailable", "No server is available to handle this request."),
    page(504, "Gateway Time-out", "The server didn't respond in time."),
];

/// The page for a status, if this dialect has one.
#[must_use]
pub fn of(status: u16, dialect: Dialect) -> Option<&'static Page> {
    PAGES.iter().find(|p| p.status == status && reached(dialect, p.since))
}

fn reached(dialect: Dialect, since: Dialect) -> bool {
    (dialect.major, dialect.minor) >= (since.major, since.minor)
}

impl Page {
    /// The body.
    #[must_use]
    pub fn body(&self, dialect: Dialect) -> String {
        // COMPAT: a stray dot opens the sentence of 501 before 3.5
        let dot = if self.status == 501 && !reached(dialect, Dialect::V3_5) { "." } else { "" };
        let Page { status, reason, text, .. } = self;
        format!("<html><body><h1>{status} {reason}</h1>\n{dot}{text}\n</body></html>\n")
    }

    /// Makes `head` this page's response; the body is [`Page::body`]. Write it with an empty buffer.
    pub fn fill(&self, head: &mut ResponseHead, policy: &Policy) {
        head.build(self.status, Some(self.reason), policy);
        head.add(b"content-length", self.body(policy.dialect).len().to_string().as_bytes());
        head.add(b"cache-control", b"no-cache");
        if self.closes {
            head.add(b"connection", b"close");
        }
        head.add(b"content-type", b"text/html");
    }

    /// The whole answer for a request refused before it could be read; the connection closes after it.
    #[must_use]
    pub fn early(&self, dialect: Dialect) -> Vec<u8> {
        let body = self.body(dialect);
        let [length, cache, connection, kind] = if reached(dialect, Dialect::V3_5) {
            ["content-length", "cache-control", "connection", "content-type"]
        } else {
            ["Content-length", "Cache-Control", "Connection", "Content-Type"]
        };
        let close = if self.closes { format!("{connection}: close\r\n") } else { String::new() };
        let Page { status, reason, .. } = self;
        let size = body.len();
        format!(
            "HTTP/1.1 {status} {reason}\r\n{length}: {size}\r\n{cache}: no-cache\r\n{close}{kind}: text/html\r\n\r\n{body}"
        )
        .into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Method, ToClient};

    /// Content-Length of each page as 2.6.12 and 3.0.11 send it; 414 and 431 as 3.5 does.
    const LENGTHS: [(u16, usize); 21] = [
        (200, 58),
        (400, 90),
        (401, 112),
        (403, 93),
        (404, 83),
        (405, 146),
        (407, 112),
        (408, 110),
        (410, 114),
        (413, 106),
        (414, 110),
        (421, 104),
        (422, 116),
        (425, 80),
        (429, 117),
        (431, 105),
        (500, 97),
        (501, 136),
        (502, 107),
        (503, 107),
        (504, 92),
    ];

    #[test]
    fn bodies_have_haproxys_length() {
        for (status, length) in LENGTHS {
            let page = PAGES.iter().find(|p| p.status == status).unwrap();
            assert_eq!(page.body(Dialect::V3_0).len(), length, "{status}");
        }
        assert_eq!(of(501, Dialect::V3_5).unwrap().body(Dialect::V3_5).len(), 135);
        assert!(of(431, Dialect::V3_0).is_none());
        assert!(of(418, Dialect::V3_5).is_none());
    }

    #[test]
    fn early_answers_differ_by_case() {
        let page = of(400, Dialect::V2_6).unwrap();
        let text = String::from_utf8(page.early(Dialect::V3_0)).unwrap();
        assert!(text.starts_with("HTTP/1.1 400 Bad request\r\nContent-length: 90\r\nCache-Control: no-cache\r\nConnection: close\r\nContent-Type: text/html\r\n\r\n<html>"));
        let text = String::from_utf8(page.early(Dialect::V3_5)).unwrap();
        assert!(text.contains(
            "\r\ncontent-length: 90\r\ncache-control: no-cache\r\nconnection: close\r\ncontent-type"
        ));
    }

    #[test]
    fn filled_pages_follow_the_connection_rules() {
        let (policy, mut head) = (Policy::default(), ResponseHead::default());
        let mut written = |status, keep, http11| {
            of(status, policy.dialect).unwrap().fill(&mut head, &policy);
            let mut out = Vec::new();
            let sent = head.write(b"", ToClient { keep, http11, method: Method::Get }, &mut out);
            (String::from_utf8(out).unwrap(), sent.keep)
        };
        let fields = "content-length: 93\r\ncache-control: no-cache\r\ncontent-type: text/html\r\n";
        let forbidden = |end: &str| format!("HTTP/1.1 403 Forbidden\r\n{fields}{end}\r\n");
        assert_eq!(written(403, true, true), (forbidden(""), true));
        assert_eq!(written(403, false, true), (forbidden("connection: close\r\n"), false));
        assert_eq!(written(403, true, false), (forbidden("connection: keep-alive\r\n"), true));
        let (bad, keep) = written(400, true, true);
        assert!(bad.ends_with("content-type: text/html\r\nconnection: close\r\n\r\n") && !keep);
    }
}
