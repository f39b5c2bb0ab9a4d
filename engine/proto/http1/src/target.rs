//! The request target taken apart: RFC 9112 §3.2 in its four forms.
//!
//! HAProxy keeps the form in which a target came and edits only the part a rule names; the rules of
//! authority and Host comparison are those of `option accept-unsafe…` being off.

use crate::bytes::{self, NOT_HOST};

/// A target's parts, borrowed from it. `scheme://` and authority are present in absolute form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target<'a> {
    whole: &'a [u8],
    scheme_end: usize,
    authority_end: usize,
    path_end: usize,
    form: Form,
}

/// Which of the four forms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// `/path?query`
    Origin,
    /// `*` (or anything that begins so)
    Asterisk,
    /// `scheme://authority/path`
    Absolute,
    /// Anything else: `host:port`
    Authority,
    /// Nothing.
    Empty,
}

impl<'a> Target<'a> {
    /// Takes `whole` apart; never fails.
    #[must_use]
    pub fn of(whole: &'a [u8]) -> Target<'a> {
        let (form, scheme_end) = match whole.first() {
            None => (Form::Empty, 0),
            Some(b'/') => (Form::Origin, 0),
            Some(b'*') => (Form::Asterisk, 0),
            Some(_) => match scheme_length(whole) {
                Some(n) => (Form::Absolute, n),
                None => (Form::Authority, 0),
            },
        };
        let find = |from: usize, stops: &[u8]| {
            let rest = whole.get(from..).unwrap_or_default();
            from + rest.iter().position(|c| stops.contains(c)).unwrap_or(rest.len())
        };
        let authority_end = match form {
            Form::Absolute | Form::Authority => find(scheme_end, b"/?#"),
            _ => 0,
        };
        let path_end = find(authority_end, b"?");
        Target { whole, scheme_end, authority_end, path_end, form }
    }

    pub(crate) fn form(&self) -> Form {
        self.form
    }

    fn part(&self, from: usize, to: usize) -> &'a [u8] {
        self.whole.get(from..to).unwrap_or_default()
    }

    /// All of it.
    #[must_use]
    pub fn whole(&self) -> &'a [u8] {
        self.whole
    }

    /// `http://` with its slashes, or nothing.
    #[must_use]
    pub fn scheme(&self) -> &'a [u8] {
        self.part(0, self.scheme_end)
    }

    /// `user@host:port` as it stands, or nothing.
    #[must_use]
    pub fn authority(&self) -> &'a [u8] {
        self.part(self.scheme_end, self.authority_end)
    }

    /// The authority after its last `@`.
    #[must_use]
    pub fn host(&self) -> &'a [u8] {
        let authority = self.authority();
        let start = memchr::memrchr(b'@', authority).map_or(0, |at| at + 1);
        authority.get(start..).unwrap_or_default()
    }

    /// Path without query: `/a/b`, `*`, or nothing.
    #[must_use]
    pub fn path(&self) -> &'a [u8] {
        self.part(self.authority_end, self.path_end)
    }

    /// Query without its `?`; `None` if there is no `?`.
    #[must_use]
    pub fn query(&self) -> Option<&'a [u8]> {
        self.whole.get(self.path_end + 1..)
    }

    /// Path and query together.
    #[must_use]
    pub fn path_and_query(&self) -> &'a [u8] {
        self.part(self.authority_end, self.whole.len())
    }

    /// Everything before the path.
    pub(crate) fn before_path(&self) -> &'a [u8] {
        self.part(0, self.authority_end)
    }
}

/// Length of `scheme://` at the start of `text`. RFC 3986 §3.1.
fn scheme_length(text: &[u8]) -> Option<usize> {
    if !text.first()?.is_ascii_alphabetic() {
        return None;
    }
    let name = text.iter().position(|c| !c.is_ascii_alphanumeric() && !matches!(c, b'+' | b'-' | b'.'))?;
    text.get(name..name + 3).filter(|s| *s == b"://")?;
    Some(name + 3)
}

/// Port of `host:port`: `None` without a colon before trailing digits, empty for `host:`.
pub(crate) fn port(host: &[u8]) -> Option<&[u8]> {
    let digits = host.iter().rev().take_while(|c| c.is_ascii_digit()).count();
    let start = host.len() - digits;
    (start > 0 && host.get(start - 1) == Some(&b':')).then(|| host.get(start..).unwrap_or_default())
}

/// `host:port` without the port and its colon.
pub(crate) fn without_port(host: &[u8]) -> &[u8] {
    match port(host) {
        Some(p) => host.get(..host.len() - p.len() - 1).unwrap_or_default(),
        None => host,
    }
}

/// Whether `port` goes without saying for `scheme` (`http://`…); empty `scheme` allows both.
pub(crate) fn is_default_port(scheme: &[u8], port: &[u8]) -> bool {
    match port {
        b"" => true,
        b"443" => scheme.is_empty() || scheme.eq_ignore_ascii_case(b"https://"),
        b"80" => scheme.is_empty() || scheme.eq_ignore_ascii_case(b"http://"),
        _ => false,
    }
}

/// Whether a Host value or authority has bytes it may not have, or brackets out of place.
pub(crate) fn has_forbidden_byte(host: &[u8]) -> bool {
    let mut open = false;
    for (i, c) in host.iter().enumerate() {
        if !bytes::is(*c, NOT_HOST) {
            continue;
        }
        let literal_end = *c == b']' && matches!(host.get(i + 1), None | Some(b':'));
        let literal_start = *c == b'[' && i == 0;
        if !literal_start && !literal_end {
            return true;
        }
        open = !open;
    }
    open
}

/// Whether Host may stand beside the authority of an absolute target: equal but for a default port.
pub(crate) fn host_matches(scheme: &[u8], authority: &[u8], host: &[u8]) -> bool {
    if authority.eq_ignore_ascii_case(host) {
        return true;
    }
    let (ours, theirs) = (port(authority), port(host));
    if scheme.is_empty() || (ours.is_none() && theirs.is_none()) {
        return false;
    }
    ours.is_none_or(|p| is_default_port(scheme, p))
        && theirs.is_none_or(|p| is_default_port(scheme, p))
        && without_port(authority).eq_ignore_ascii_case(without_port(host))
}

/// Outcome of comparing a CONNECT target with Host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ConnectHost {
    /// They agree.
    Same,
    /// They agree, and Host loses its default port.
    DropPort,
    /// The target has no port.
    BadTarget,
    /// They differ.
    BadHost,
}

/// RFC 9110 §9.3.6: the target of CONNECT is `host:port`, and Host must say the same.
pub(crate) fn connect_host(authority: &[u8], host: Option<&[u8]>) -> ConnectHost {
    let Some(target_port) = port(authority).filter(|p| !p.is_empty()) else { return ConnectHost::BadTarget };
    let Some(host) = host else { return ConnectHost::Same };
    let name_fits = without_port(authority).eq_ignore_ascii_case(without_port(host));
    match port(host).filter(|p| !p.is_empty()) {
        Some(p) if !name_fits || p != target_port => ConnectHost::BadHost,
        Some(p) if is_default_port(b"", p) => ConnectHost::DropPort,
        Some(_) => ConnectHost::Same,
        None if name_fits && is_default_port(b"", target_port) => ConnectHost::Same,
        None => ConnectHost::BadHost,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_come_apart() {
        let t = Target::of(b"http://u@a:80/p/q?x#y");
        assert_eq!((t.scheme(), t.authority(), t.host()), (&b"http://"[..], &b"u@a:80"[..], &b"a:80"[..]));
        assert_eq!((t.path(), t.query()), (&b"/p/q"[..], Some(&b"x#y"[..])));
        let t = Target::of(b"/p");
        assert_eq!((t.scheme(), t.path(), t.query()), (&b""[..], &b"/p"[..], None));
        assert_eq!(Target::of(b"/p?").query(), Some(&b""[..]));
        assert_eq!(Target::of(b"a:80").form(), Form::Authority);
        assert_eq!(Target::of(b"http://a").path(), b"");
        assert_eq!(Target::of(b"").form(), Form::Empty);
        assert_eq!(Target::of(b"*?x").query(), Some(&b"x"[..]));
    }

    #[test]
    fn ports_and_hosts() {
        assert_eq!(port(b"a:80"), Some(&b"80"[..]));
        assert_eq!(port(b"a:"), Some(&b""[..]));
        assert_eq!(port(b"a"), None);
        assert_eq!(port(b"80"), None);
        assert_eq!(port(b"[::1]"), None);
        assert_eq!(port(b""), None);
        assert_eq!(without_port(b"[::1]:8"), b"[::1]");
        for bad in [&b"a b"[..], b"a,b", b"a/b", b"x@b", b"\xe9", b"a[::1]", b"[::1", b"a]b"] {
            assert!(has_forbidden_byte(bad), "{bad:?}");
        }
        for good in [&b"a"[..], b"", b"[::1]:80", b"a:80", b"[::1]"] {
            assert!(!has_forbidden_byte(good), "{good:?}");
        }
    }
}
