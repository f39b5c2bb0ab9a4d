//! Every message of `requests.txt` and `responses.txt`, recorded between a raw client and a raw server on
//! both sides of HAProxy 2.6.12 and 3.0.11, gives the same verdict and the same bytes here. Bodies in
//! chunked coding are compared by data and trailers, because HAProxy cuts chunks anew.

#![allow(clippy::unwrap_used, reason = "a broken fixture is a failed test")]

use rha_http1::{
    Body, BodyOut, LAST_CHUNK, Parsed, Policy, RequestHead, ResponseHead, RestrictNames, ToClient, ToServer,
    write_chunk,
};
use rha_vocab::Dialect;

/// Where we differ on purpose; the reason stands at `DIFFERS:` in the source.
const DIFFERENT: &[&str] = &[
    "tr cl",
    "tr te",
    "tr te gz",
    "tr host2",
    "tr clbad", // framing fields in trailers are dropped
    "tr bad unsafe",
    "unsafe tr bad",
    "unsafe tr nul", // trailers are strict under every option
    "cr name u",     // CR in a name
    "te comma",
    "unsafe te comma",
    "rs te comma",
    "ru te comma",
    "ru te twice",
    "ru te lcomma",
    "ru te empty",
    "rs te empty",
    "r te empty", // codings two readers take differently
    "connect cl",
    "connect te", // what follows a CONNECT head is not a body
    "m delcl g 10cl",
    "m delcl g 10kcl",
    "m delcl g0k 10cl",
    "m delcl upg 10cl",
    "m delcl post 10cl",
    "m delcl poste 10cl", // a response nobody can find the end of
    "r st4",
    "rs st4",
    "ru st4",
    "rs st5",
    "rs st 65535", // status of more than three digits
];

struct Case {
    name: String,
    mode: String,
    request: Vec<u8>,
    response: Vec<u8>,
    lines: Vec<(String, String)>,
}

impl Case {
    /// What the version got at that side, as text.
    fn expected(&self, version: &str, key: &str) -> Option<&str> {
        let starts = [format!("{version} {key}"), format!("* {key}")];
        self.lines.iter().find(|(k, _)| starts.contains(k)).map(|(_, v)| v.as_str())
    }
}

fn unescape(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut bytes = text.bytes();
    while let Some(c) = bytes.next() {
        match c {
            b'\\' => match bytes.next().unwrap() {
                b'r' => out.push(b'\r'),
                b'n' => out.push(b'\n'),
                b't' => out.push(b'\t'),
                b'x' => {
                    let hex: String = (0..2).map(|_| char::from(bytes.next().unwrap())).collect();
                    out.push(u8::from_str_radix(&hex, 16).unwrap());
                }
                other => out.push(other),
            },
            b'{' => {
                let inner: Vec<u8> = bytes.by_ref().take_while(|c| *c != b'}').collect();
                let inner = String::from_utf8(inner).unwrap();
                let (what, times) = inner.rsplit_once('*').unwrap();
                out.extend(unescape(what).repeat(times.parse().unwrap()));
            }
            _ => out.push(c),
        }
    }
    out
}

fn cases(text: &str) -> Vec<Case> {
    let mut found: Vec<Case> = Vec::new();
    for line in text.lines().filter(|l| !l.is_empty() && !l.starts_with('#')) {
        if let Some(title) = line.strip_prefix("== ") {
            let (name, mode) = title.split_once(" | ").unwrap();
            found.push(Case {
                name: name.to_owned(),
                mode: mode.to_owned(),
                request: Vec::new(),
                response: b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".to_vec(),
                lines: Vec::new(),
            });
            continue;
        }
        let case = found.last_mut().unwrap();
        let (key, rest) = line.split_once(' ').unwrap();
        match key {
            ">" => case.request = unescape(rest),
            "<" => case.response = unescape(rest.trim_end_matches(" {close}")),
            _ => {
                let (word, value) = rest.split_once(' ').unwrap();
                case.lines.push((format!("{key} {word}"), value.to_owned()));
            }
        }
    }
    found
}

fn policy(case: &Case, dialect: Dialect) -> Policy {
    Policy {
        dialect,
        accept_unsafe: case.mode == "unsafe",
        restrict_names: match case.mode.as_str() {
            "reject" => RestrictNames::Reject,
            "delete" => RestrictNames::Delete,
            _ => RestrictNames::Preserve,
        },
        ..Policy::default()
    }
}

fn request_rules(mode: &str, head: &mut RequestHead, buf: &[u8]) {
    match mode {
        "reqclo" => head.set(buf, b"Connection", b"close"),
        "delcl" => drop(head.delete(buf, b"content-length")),
        "delte" => drop(head.delete(buf, b"transfer-encoding")),
        "setx" => {
            head.set(buf, b"X-Foo", b"bar");
            head.add(b"Via", b"a");
        }
        "setpath" => head.set_path(buf, b"/new"),
        "seturi" => head.set_target(buf, b"/u?x"),
        "setm" => head.set_method(b"POST"),
        "setq" => head.set_query(buf, b"a=b"),
        "pathq" => head.set_path_and_query(buf, b"/p?z=1"),
        "hosth" => head.set(buf, b"Host", b"other.example"),
        "hostabs" => head.set_target(buf, b"http://x.example/abs"),
        _ => {}
    }
}

fn response_rules(mode: &str, head: &mut ResponseHead, buf: &[u8]) {
    match mode {
        "rspclo" => head.set(buf, b"Connection", b"close"),
        "delcl" => drop(head.delete(buf, b"content-length")),
        "delte" => drop(head.delete(buf, b"transfer-encoding")),
        "setx" => {
            head.set(buf, b"X-Foo", b"bar");
            head.set(buf, b"Server", b"q");
        }
        _ => {}
    }
}

fn server_stays(mode: &str, dialect: Dialect) -> bool {
    match mode {
        "close" | "scl" | "beclose" | "fescl" => false,
        "feclose" => dialect != Dialect::V2_6,
        _ => true,
    }
}

fn client_stays(mode: &str) -> bool {
    !matches!(mode, "close" | "feclose")
}

fn put_body(mut body: Body, how: BodyOut, rest: &[u8], out: &mut Vec<u8>) -> Result<(), u16> {
    match how {
        BodyOut::Nothing => {}
        BodyOut::Bare => drop(body.decode(rest, out).map_err(|r| r.status)?),
        BodyOut::Chunked => {
            let mut data = Vec::new();
            body.decode(rest, &mut data).map_err(|r| r.status)?;
            write_chunk(&data, out);
            out.extend_from_slice(LAST_CHUNK);
        }
        BodyOut::Same => {
            let mut scratch = Vec::new();
            let step = body.relay(rest, &mut scratch).map_err(|r| r.status)?;
            out.extend_from_slice(if step.rewritten { &scratch } else { &rest[..step.consumed] });
        }
    }
    Ok(())
}

/// Heads byte for byte; a chunked body as its data and what follows the last chunk.
fn comparable(message: &[u8]) -> (String, String) {
    let end = message.windows(4).position(|w| w == b"\r\n\r\n").map_or(message.len(), |n| n + 4);
    let (head, body) = message.split_at(end);
    let head_text = head.escape_ascii().to_string();
    if head.starts_with(b"HTTP/1.1 1") && !head.starts_with(b"HTTP/1.1 101") {
        let (next, body) = comparable(body);
        return (head_text + &next, body);
    }
    if !head_text.to_lowercase().contains("transfer-encoding: chunked") {
        return (head_text, body.escape_ascii().to_string());
    }
    let (mut data, mut at) = (Vec::new(), 0);
    while let Some(eol) = body[at..].windows(2).position(|w| w == b"\r\n") {
        let size = usize::from_str_radix(std::str::from_utf8(&body[at..at + eol]).unwrap(), 16).unwrap();
        at += eol + 2;
        if size == 0 {
            data.extend_from_slice(b"|");
            data.extend_from_slice(&body[at..]);
            break;
        }
        let end = (at + size).min(body.len());
        data.extend_from_slice(&body[at..end]);
        at = (end + 2).min(body.len());
    }
    (head_text, data.escape_ascii().to_string())
}

/// Bytes for the server, or the status of the refusal.
fn run_request(case: &Case, dialect: Dialect) -> Result<(RequestHead, Vec<u8>), u16> {
    let (mut head, buf) = (RequestHead::default(), &case.request[..]);
    let len = match head.parse(buf, &policy(case, dialect)) {
        Parsed::Complete { len } => len,
        Parsed::Partial => return Err(0),
        Parsed::Bad(reject) => return Err(reject.status),
    };
    request_rules(&case.mode, &mut head, buf);
    let mut out = Vec::new();
    let keep = server_stays(&case.mode, dialect);
    let sent = head.write(buf, ToServer { keep, pretend_keep: false }, &mut out);
    put_body(head.body(), sent.body, &buf[len..], &mut out)?;
    Ok((head, out))
}

/// Bytes for the client and whether its connection stays, or the status of the refusal.
fn run_response(case: &Case, dialect: Dialect, request: &RequestHead) -> Result<(Vec<u8>, bool), u16> {
    let (mut head, mut buf, mut out) = (ResponseHead::default(), &case.response[..], Vec::new());
    loop {
        head.clear();
        let len = match head.parse(buf, &policy(case, dialect), request.asked()) {
            Parsed::Complete { len } => len,
            Parsed::Partial => return Err(0),
            Parsed::Bad(reject) => return Err(reject.status),
        };
        response_rules(&case.mode, &mut head, buf);
        let answer = ToClient::answering(request);
        let to = ToClient { keep: answer.keep && client_stays(&case.mode), ..answer };
        let sent = head.write(buf, to, &mut out);
        if !head.is_interim() {
            put_body(head.body(), sent.body, &buf[len..], &mut out)?;
            return Ok((out, sent.keep));
        }
        buf = &buf[len..];
    }
}

fn compare(case: &Case, version: &str, dialect: Dialect, faults: &mut Vec<String>) {
    let title = format!("{version} [{}] {}", case.name, case.mode);
    let request = run_request(case, dialect);
    if let Some(status) = case.expected(version, "refused") {
        let got = request.err().unwrap_or_default();
        if got.to_string() != status {
            faults.push(format!("{title}: refused with {status}, here {got}"));
        }
        return;
    }
    let server = case.expected(version, "server").map(unescape).unwrap_or_default();
    let (head, got) = match request {
        Ok(both) => both,
        Err(status) => return faults.push(format!("{title}: accepted, here {status}")),
    };
    if !server.is_empty() && comparable(&got) != comparable(&server) {
        let (got, want) = (got.escape_ascii(), server.escape_ascii());
        faults.push(format!("{title}: to the server\n    want {want}\n    got  {got}"));
    }
    let Some(client) = case.expected(version, "client") else { return };
    let response = run_response(case, dialect, &head);
    if let Some(status) = client.strip_prefix("refused ") {
        let got = response.err().unwrap_or_default();
        if got.to_string() != status {
            faults.push(format!("{title}: response refused with {status}, here {got}"));
        }
        return;
    }
    let (text, end) = client.rsplit_once(" {").unwrap();
    match response {
        Err(status) => faults.push(format!("{title}: response accepted, here {status}")),
        Ok((got, keep)) => {
            let want = unescape(text);
            if comparable(&got) != comparable(&want) {
                let (got, want) = (got.escape_ascii(), want.escape_ascii());
                faults.push(format!("{title}: to the client\n    want {want}\n    got  {got}"));
            }
            if keep && end == "fin}" {
                faults.push(format!("{title}: the client connection ended, here it stays"));
            }
        }
    }
}

fn check(text: &str) {
    let cases = cases(text);
    assert!(cases.len() > 300, "the fixture is cut short");
    let mut faults = Vec::new();
    for case in &cases {
        let mut here = Vec::new();
        compare(case, "2.6", Dialect::V2_6, &mut here);
        compare(case, "3.0", Dialect::V3_0, &mut here);
        if !DIFFERENT.contains(&case.name.as_str()) {
            faults.append(&mut here);
        } else if here.is_empty() {
            faults.push(format!("[{}] is listed as different and is not", case.name));
        }
    }
    assert!(faults.is_empty(), "{} differ:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn requests_are_taken_and_forwarded_as_haproxy_does() {
    check(include_str!("requests.txt"));
}

#[test]
fn responses_are_taken_and_forwarded_as_haproxy_does() {
    check(include_str!("responses.txt"));
}
