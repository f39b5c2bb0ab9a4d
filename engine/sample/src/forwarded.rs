//! The `Forwarded` field of RFC 7239: elements taken apart, and what may be written into one.
//!
//! COMPAT: stricter than the RFC, as the original is: names in lower case, no extensions, no blanks, `proto` is
//! `http` or `https` and never quoted, IPv6 addresses and ports only within quotes (`forwarded/read`).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Name of a node. RFC 7239 §6.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Name<'a> {
    Unknown,
    /// An identifier that hides it, without its `_`.
    Hidden(&'a [u8]),
    Ip(IpAddr),
}

/// Port of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Port<'a> {
    Absent,
    Hidden(&'a [u8]),
    Number(u16),
}

/// `for` or `by`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Node<'a> {
    pub raw: &'a [u8],
    pub name: Name<'a>,
    pub port: Port<'a>,
}

/// One element of the field.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Element<'a> {
    pub proto: Option<&'a [u8]>,
    pub host: Option<&'a [u8]>,
    pub by: Option<Node<'a>>,
    pub r#for: Option<Node<'a>>,
}

/// What is left to read.
struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn peek(&self) -> Option<u8> {
        self.0.first().copied()
    }

    fn skip(&mut self, text: &[u8]) -> bool {
        match self.0.strip_prefix(text) {
            Some(rest) => {
                self.0 = rest;
                true
            }
            None => false,
        }
    }

    fn take_while(&mut self, most: usize, wanted: impl Fn(u8) -> bool) -> &'a [u8] {
        let n = self.0.iter().take(most).take_while(|c| wanted(**c)).count();
        let (taken, rest) = self.0.split_at(n);
        self.0 = rest;
        taken
    }

    /// A port, 1 to 65535.
    fn number(&mut self) -> Option<u16> {
        let digits = std::str::from_utf8(self.take_while(usize::MAX, |c| c.is_ascii_digit())).ok()?;
        digits.parse::<u64>().ok().and_then(|n| u16::try_from(n).ok()).filter(|n| *n > 0)
    }

    fn hidden(&mut self) -> Option<&'a [u8]> {
        let text = self.take_while(usize::MAX, |c| c.is_ascii_alphanumeric() || b".-_".contains(&c));
        (!text.is_empty()).then_some(text)
    }

    fn v4(&mut self) -> Option<Ipv4Addr> {
        let text = self.take_while(15, |c| c.is_ascii_digit() || c == b'.');
        std::str::from_utf8(text).ok()?.parse().ok()
    }

    /// In brackets.
    fn v6(&mut self) -> Option<Ipv6Addr> {
        if !self.skip(b"[") {
            return None;
        }
        let text = self.take_while(45, |c| c.is_ascii_alphanumeric() || c == b':');
        let address = std::str::from_utf8(text).ok()?.parse().ok()?;
        self.skip(b"]").then_some(address)
    }

    fn name(&mut self, quoted: bool) -> Option<Name<'a>> {
        match self.peek()? {
            b'_' => {
                self.skip(b"_");
                self.hidden().map(Name::Hidden)
            }
            b'u' => self.skip(b"unknown").then_some(Name::Unknown),
            b'[' if quoted => self.v6().map(|a| Name::Ip(a.into())),
            _ => self.v4().map(|a| Name::Ip(a.into())),
        }
    }

    fn node_port(&mut self) -> Option<Port<'a>> {
        if self.skip(b"_") { self.hidden().map(Port::Hidden) } else { self.number().map(Port::Number) }
    }

    fn node(&mut self, quoted: bool) -> Option<Node<'a>> {
        let all = self.0;
        let name = self.name(quoted)?;
        let mut port = Port::Absent;
        if self.peek() == Some(b':') {
            if !quoted {
                return None;
            }
            self.skip(b":");
            port = self.node_port()?;
        }
        Some(Node { raw: all.get(..all.len() - self.0.len())?, name, port })
    }

    fn host(&mut self, quoted: bool) -> Option<&'a [u8]> {
        let all = self.0;
        if quoted && self.peek()? == b'[' {
            self.v6()?;
        } else {
            self.peek()?;
            self.take_while(usize::MAX, |c| c.is_ascii_alphanumeric() || c == b'.');
        }
        if self.peek() == Some(b':') {
            if !quoted {
                return None;
            }
            self.skip(b":");
            self.number()?;
        }
        all.get(..all.len() - self.0.len())
    }
}

/// Takes an element apart; `None` if it is not what the RFC, or the original, allows.
pub(crate) fn element(text: &[u8]) -> Option<Element<'_>> {
    let mut c = Cursor(text);
    let mut found = Element::default();
    let mut first = true;
    let full = |e: &Element<'_>| e.proto.is_some() && e.host.is_some() && e.by.is_some() && e.r#for.is_some();
    while c.peek().is_some() && !full(&found) {
        if !std::mem::replace(&mut first, false) && !c.skip(b";") {
            return None;
        }
        if found.proto.is_none() && c.skip(b"proto=") {
            let all = c.0;
            if !c.skip(b"http") {
                return None;
            }
            c.skip(b"s");
            found.proto = all.get(..all.len() - c.0.len());
            continue;
        }
        let name = [&b"for="[..], b"by=", b"host="]
            .into_iter()
            .find(|n| c.0.len() > n.len() && c.0.starts_with(n))?;
        c.skip(name);
        let quoted = c.skip(b"\"");
        match name {
            b"for=" if found.r#for.is_none() => found.r#for = Some(c.node(quoted)?),
            b"by=" if found.by.is_none() => found.by = Some(c.node(quoted)?),
            b"host=" if found.host.is_none() => found.host = Some(c.host(quoted)?),
            _ => return None,
        }
        if quoted && !c.skip(b"\"") {
            return None;
        }
    }
    (!first).then_some(found)
}

/// Whether a field's element could stand in one: what the original looks for before it adds to a field.
#[must_use]
pub fn is_forwarded(text: &[u8]) -> bool {
    element(text).is_some()
}

/// A node at the start of a text, as inside of quotes.
pub(crate) fn node(text: &[u8]) -> Option<Node<'_>> {
    Cursor(text).node(true)
}

/// Whether a text is a host that may be written between quotes.
#[must_use]
pub fn is_host(text: &[u8]) -> bool {
    let mut c = Cursor(text);
    c.host(true).is_some() && c.0.is_empty()
}

/// Whether a text may hide a node or port, written behind a `_`.
pub(crate) fn may_hide(text: &[u8]) -> bool {
    let mut c = Cursor(text);
    c.hidden().is_some() && c.0.is_empty()
}

/// An address as the name of a node; `quoted` where it already stands in quotes. COMPAT: an IPv6 address opens
/// the quotes that it needs itself.
pub fn push_address(ip: IpAddr, quoted: bool, out: &mut Vec<u8>) {
    match ip {
        IpAddr::V4(a) => out.extend_from_slice(a.to_string().as_bytes()),
        IpAddr::V6(a) => {
            if !quoted {
                out.push(b'"');
            }
            out.extend_from_slice(format!("[{a}]").as_bytes());
        }
    }
}

/// A computed name of a node; nothing for one that cannot be one.
pub fn push_name(text: &[u8], quoted: bool, out: &mut Vec<u8>) {
    let mut c = Cursor(text);
    match c.name(true).filter(|_| c.0.is_empty()) {
        Some(Name::Ip(a @ IpAddr::V6(_))) => push_address(a, quoted, out),
        Some(_) => out.extend_from_slice(text),
        None if may_hide(text) => {
            out.push(b'_');
            out.extend_from_slice(text);
        }
        None => {}
    }
}

/// A computed port of a node; nothing for one that cannot be one.
pub fn push_port(text: &[u8], out: &mut Vec<u8>) {
    let mut c = Cursor(text);
    let good = !text.is_empty() && c.node_port().is_some() && c.0.is_empty();
    if good {
        out.extend_from_slice(text);
    } else if may_hide(text) {
        out.push(b'_');
        out.extend_from_slice(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements() {
        let e = element(b"proto=https;for=\"[::1]:_p\";by=_me;host=\"a.b:8\"").unwrap();
        assert_eq!((e.proto, e.host), (Some(&b"https"[..]), Some(&b"a.b:8"[..])));
        let n = e.r#for.unwrap();
        assert_eq!((n.name, n.port), (Name::Ip(Ipv6Addr::LOCALHOST.into()), Port::Hidden(b"p")));
        assert_eq!(e.by.unwrap().name, Name::Hidden(b"me"));
        for good in ["for=1.2.3.4", "proto=http", "for=unknown;by=unknown", "host=a", "host=\"[::1]:1\""] {
            assert!(is_forwarded(good.as_bytes()), "{good}");
        }
        for bad in [
            "",
            "For=1.2.3.4",
            "for=1.2.3.4:80",
            "for=[::1]",
            "for=\"1.2.3.4",
            "x=y",
            "for=1.2.3.4; by=_a",
            "proto=\"http\"",
            "for=_",
            "for=\"1.2.3.4:0\"",
            "proto=http;proto=http",
            "host=",
        ] {
            assert!(!is_forwarded(bad.as_bytes()), "{bad}");
        }
    }

    #[test]
    fn what_is_written() {
        let name = |t: &str, quoted| {
            let mut out = Vec::new();
            push_name(t.as_bytes(), quoted, &mut out);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(name("1.2.3.4", false), "1.2.3.4");
        assert_eq!(name("[::1]", false), "\"[::1]");
        assert_eq!(name("[::1]", true), "[::1]");
        assert_eq!(name("me", true), "_me");
        assert_eq!(name("a b", true), "");
        assert!(is_host(b"a.b:80") && is_host(b"[::1]") && !is_host(b"a b") && !is_host(b"a:0"));
    }
}
