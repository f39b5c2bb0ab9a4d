//! The persistence cookie: read from the request, written into the response.
//!
//! HAProxy 3.0 configuration manual §4.2 "cookie", §8.5 (third and fourth letter of `%tsc`).

use rha_ir::{Cookie, CookieMode};

use crate::dispatch::Persistence;
use crate::stream::Stream;

/// What the response must say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Bound {
    /// The request brought no cookie of ours, or one that leads nowhere.
    #[default]
    No,
    /// It brought the cookie of the server used.
    Valid,
}

/// One `name=value` of a Cookie field, as byte ranges of the field's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Pair {
    start: usize,
    value: usize,
    end: usize,
    name_end: usize,
}

/// Pairs of a Cookie field's value. RFC 6265 §5.4, and what clients really send.
fn pairs(text: &[u8]) -> impl Iterator<Item = Pair> {
    let mut at = 0;
    std::iter::from_fn(move || {
        while at < text.len() {
            let rest = text.get(at..)?;
            let len = rest.iter().position(|c| *c == b';').unwrap_or(rest.len());
            let (from, to) = (at, at + len);
            at = to + 1;
            let piece = text.get(from..to)?;
            let start = from + piece.len() - piece.trim_ascii_start().len();
            let end = start + piece.trim_ascii().len();
            if let Some(eq) = text.get(start..end)?.iter().position(|c| *c == b'=') {
                return Some(Pair { start, value: start + eq + 1, end, name_end: start + eq });
            }
        }
        None
    })
}

/// A field value without one pair.
fn without(text: &[u8], p: Pair) -> Vec<u8> {
    let before = text.get(..p.start).unwrap_or_default().trim_ascii_end();
    let after = text.get(p.end..).unwrap_or_default();
    let after = after.strip_prefix(b";").unwrap_or(after).trim_ascii_start();
    let mut out = before.to_vec();
    if after.is_empty() {
        if out.last() == Some(&b';') {
            out.pop();
        }
    } else {
        if !out.is_empty() {
            out.push(b' ');
        }
        out.extend_from_slice(after);
    }
    out
}

impl Stream {
    /// Where the request must go: `use-server`, cookie. Marks the third letter of `%tsc`, strips what the
    /// server is not to see.
    pub(super) fn persistence(&mut self) -> Persistence {
        let plan = self.session.plan.clone();
        let back = &plan.proxies[self.backend.unwrap_or(self.session.front).0 as usize];
        let forced = self.any_holds(&back.rules.force_persist);
        let ignored = !forced && self.any_holds(&back.rules.ignore_persist);
        if let Some(c) = &back.model.cookie {
            let by_cookie = self.read_cookie(c, back, ignored, forced);
            if by_cookie.is_some() {
                return Persistence { server: by_cookie, forced };
            }
        }
        Persistence { server: self.chosen_server().or_else(|| self.last_server(back)), forced: false }
    }

    /// `option prefer-last-server`, `max-keep-alive-queue`.
    fn last_server(&self, back: &crate::plan::ProxyPlan) -> Option<usize> {
        // COMPAT: not where a key chooses the server.
        if !back.model.options.prefer_last_server || back.key.is_some() {
            return None;
        }
        let own = self.session.last_server.filter(|own| own.0 == back.id)?;
        let state = back.state.servers.get(own.1).filter(|s| s.is_usable())?;
        let (limit, most) = (back.state.limit(own.1), back.model.max_keep_alive_queue);
        let has_room = limit == 0 || state.served.read() < limit;
        let queue_is_short = most < 0 || i64::from(state.queued.read()) <= i64::from(most);
        (has_room || queue_is_short).then_some(own.1)
    }

    fn any_holds(&mut self, all: &[rha_sample::Condition]) -> bool {
        all.iter().any(|c| self.applies(Some(c)).is_yes())
    }

    fn read_cookie(
        &mut self,
        c: &Cookie,
        back: &crate::plan::ProxyPlan,
        ignored: bool,
        forced: bool,
    ) -> Option<usize> {
        self.cookie.request = b'N';
        let r = &self.parts.request;
        let mut found = None;
        for (i, text) in r.head.find(&r.buf, b"cookie") {
            for p in pairs(text) {
                if text.get(p.start..p.name_end) == Some(c.name.as_slice()) {
                    found = Some((i, p, text.to_vec()));
                    break;
                }
            }
            if found.is_some() {
                break;
            }
        }
        let (field, pair, text) = found?;
        let whole = text.get(pair.value..pair.end).unwrap_or_default();
        // Prefix mode: `server~application`; otherwise `value|date|date`.
        let (key, rest) = match c.mode {
            CookieMode::Prefix => match whole.iter().position(|b| *b == b'~') {
                Some(i) => (whole.get(..i).unwrap_or_default(), whole.get(i + 1..)),
                None => (&[][..], None),
            },
            _ => (whole.split(|b| *b == b'|').next().unwrap_or_default(), None),
        };
        let stale = if c.mode == CookieMode::Prefix { None } else { self.read_dates(c, whole) };
        let server = (0..back.servers.len())
            .find(|i| !key.is_empty() && back.cookie_of(*i).as_deref() == Some(key))
            .filter(|_| stale.is_none());
        let mut to = None;
        match server {
            _ if ignored => self.cookie.request = b'-',
            None => self.cookie.request = stale.unwrap_or(b'I'),
            Some(s) => {
                let state = back.state.servers.get(s);
                if forced || back.model.options.persist || state.is_some_and(|x| x.is_up()) {
                    self.cookie.request = b'V';
                    to = Some(s);
                } else {
                    self.cookie.request = b'D';
                }
            }
        }
        if to.is_some() {
            self.bound = Bound::Valid;
        }
        // COMPAT: `indirect` hides the cookie from the server, prefix mode gives it its own part back.
        if let Some(rest) = rest {
            let mut out = text.get(..pair.value).unwrap_or_default().to_vec();
            out.extend_from_slice(rest);
            out.extend_from_slice(text.get(pair.end..).unwrap_or_default());
            self.parts.request.head.set_value(field, &out);
        } else if c.indirect && c.mode != CookieMode::Passive {
            let out = without(&text, pair);
            if out.is_empty() {
                self.parts.request.head.delete_at(field);
            } else {
                self.parts.request.head.set_value(field, &out);
            }
        }
        to
    }

    /// Remembers the dates of a cookie, `value|last seen|first seen`. What marks it when they are too far away, in
    /// either direction: seconds that differ by more than a day ahead are a wrong clock.
    fn read_dates(&mut self, c: &Cookie, whole: &[u8]) -> Option<u8> {
        const DAY: i64 = 86_400;
        let bar = |text: &[u8]| text.iter().position(|b| *b == b'|').map(|i| i + 1);
        let last_at = bar(whole)?;
        let rest = whole.get(last_at..).unwrap_or_default();
        let last = read_date(rest);
        let first = bar(rest).and_then(|i| rest.get(i..)).map_or(0, read_date);
        self.cookie_dates = (last, first);
        let now = self.now().wall_us / 1_000_000;
        let far = |date: i64, most: Option<u32>| {
            date != 0 && most.is_some_and(|most| now - date > i64::from(most) || date - now > DAY)
        };
        let mark = match (far(first, c.maxlife_s), far(last, c.maxidle_s)) {
            (true, _) => b'O',
            (_, true) => b'E',
            _ => return None,
        };
        self.cookie_dates = (0, 0);
        Some(mark)
    }

    /// Whether a cookie that still leads to the right server must be set again for its dates.
    fn wants_dates(&self, c: &Cookie) -> bool {
        let (last, first) = self.cookie_dates;
        let now = self.now().wall_us / 1_000_000;
        ((c.maxidle_s.is_some() || last != 0) && (last == 0 || last < now))
            || (c.maxlife_s.is_some() && first == 0)
            || (c.maxlife_s.is_none() && first != 0)
    }

    /// Sets, rewrites or removes the cookie in the response; marks the fourth letter.
    pub(super) fn persistence_in_response(&mut self) {
        let plan = self.session.plan.clone();
        let back = &plan.proxies[self.backend.unwrap_or(self.session.front).0 as usize];
        let Some(c) = &back.model.cookie else { return };
        let value = self.server.and_then(|s| back.cookie_of(s));
        let value = value.as_deref();
        let theirs = self.servers_own_cookie(c, value);
        self.cookie.response = if theirs { b'P' } else { b'N' };
        if c.mode != CookieMode::Insert || (theirs && c.preserve) {
            return;
        }
        let posted = self.parts.request.head.method_kind() == rha_http1::Method::Post;
        if c.postonly && !posted {
            return;
        }
        // COMPAT: the cookie is not set again while it leads to the same server, unless it carries dates.
        if self.bound == Bound::Valid && self.cookie.request == b'V' && !self.wants_dates(c) {
            return;
        }
        let mut out = std::mem::take(&mut self.parts.text);
        out.clear();
        out.extend_from_slice(&c.name);
        match value {
            Some(v) => {
                out.push(b'=');
                out.extend_from_slice(v);
                if c.maxidle_s.is_some() || c.maxlife_s.is_some() {
                    let date = date_chars(self.now().wall_us / 1_000_000 + 3);
                    out.push(b'|');
                    out.extend_from_slice(&date);
                    if c.maxlife_s.is_some() {
                        out.push(b'|');
                        let first = self.cookie_dates.1;
                        out.extend_from_slice(&if first == 0 { date } else { date_chars(first) });
                    }
                }
                out.extend_from_slice(b"; path=/");
                self.cookie.response = if self.cookie.request == b'V' { b'U' } else { b'I' };
            }
            // COMPAT: a server without a value takes the cookie away, if the client has one.
            None => {
                if self.cookie.request == b'N' {
                    self.parts.text = out;
                    return;
                }
                out.extend_from_slice(b"=; Expires=Thu, 01-Jan-1970 00:00:01 GMT; path=/");
                self.cookie.response = b'D';
            }
        }
        for d in &c.domains {
            out.extend_from_slice(b"; domain=");
            out.extend_from_slice(d);
        }
        for (on, word) in [(c.httponly, &b"; HttpOnly"[..]), (c.secure, b"; Secure")] {
            if on {
                out.extend_from_slice(word);
            }
        }
        for a in &c.attrs {
            out.extend_from_slice(b"; ");
            out.extend_from_slice(a);
        }
        self.parts.response.head.add(b"set-cookie", &out);
        self.parts.text = out;
        if c.nocache && self.is_cacheable() {
            self.parts.response.head.add(b"cache-control", b"private");
        }
    }

    /// The server's own Set-Cookie of that name: rewritten, prefixed or removed as the mode says.
    fn servers_own_cookie(&mut self, c: &Cookie, value: Option<&[u8]>) -> bool {
        let mut seen = false;
        let mut i = 0;
        while let Some((name, text)) = self.parts.response.head.field(&self.parts.response.buf, i) {
            i += 1;
            if !name.eq_ignore_ascii_case(b"set-cookie") {
                continue;
            }
            let Some(p) =
                pairs(text).next().filter(|p| text.get(p.start..p.name_end) == Some(c.name.as_slice()))
            else {
                continue;
            };
            seen = true;
            let (head, tail) =
                (text.get(..p.value).unwrap_or_default(), text.get(p.end..).unwrap_or_default());
            let own = text.get(p.value..p.end).unwrap_or_default();
            let replaced = match (c.mode, value) {
                (CookieMode::Rewrite, Some(v)) => Some([head, v, tail].concat()),
                (CookieMode::Prefix, Some(v)) => Some([head, v, b"~", own, tail].concat()),
                (CookieMode::Insert, _) if !c.preserve => None,
                _ => continue,
            };
            match replaced {
                Some(text) => self.parts.response.head.set_value(i - 1, &text),
                None => {
                    i -= 1;
                    self.parts.response.head.delete_at(i);
                }
            }
        }
        seen
    }

    /// Whether a shared cache might keep the response. RFC 9111 §3, as far as the original looks.
    fn is_cacheable(&self) -> bool {
        use rha_http1::Method::{Get, Head};
        let r = &self.parts.response;
        let has = |name: &'static [u8]| r.head.find(&r.buf, name).next().is_some();
        let mut cacheable = matches!(self.parts.request.head.method_kind(), Get | Head)
            && matches!(r.head.status(), 200 | 203 | 204 | 206 | 300 | 301 | 404 | 405 | 410 | 414 | 501);
        if r.head.find(&r.buf, b"pragma").any(|(_, v)| v.eq_ignore_ascii_case(b"no-cache")) {
            return false;
        }
        let (mut fresh, mut zero_age) = (false, false);
        for (_, v) in r.head.find(&r.buf, b"cache-control") {
            for word in v.split(|c| *c == b',').map(<[u8]>::trim_ascii) {
                let word = word.to_ascii_lowercase();
                let is =
                    |w: &[u8]| word == w || word.strip_prefix(w).is_some_and(|r| r.first() == Some(&b'='));
                if word == b"public" {
                    cacheable = true;
                } else if word == b"max-age=0" {
                    zero_age = true;
                } else if word == b"no-cache=\"set-cookie\"" {
                } else if is(b"private") || is(b"no-cache") || is(b"no-store") || word == b"s-maxage=0" {
                    return false;
                } else if word.starts_with(b"s-maxage") {
                    (fresh, zero_age) = (true, false);
                } else if word.starts_with(b"max-age") {
                    fresh = true;
                }
            }
        }
        cacheable && !zero_age && (fresh || has(b"expires") || has(b"etag") || has(b"last-modified"))
    }

    /// `option checkcache`: whether a cache on the way would keep a cookie of the server's.
    pub(super) fn has_cacheable_cookie(&self) -> bool {
        let r = &self.parts.response;
        let has = |name: &'static [u8]| r.head.find(&r.buf, name).next().is_some();
        if !(has(b"set-cookie") || has(b"set-cookie2")) || !self.is_cacheable() {
            return false;
        }
        let mut kept = true;
        for (_, v) in r.head.find(&r.buf, b"cache-control") {
            for word in v.split(|c| *c == b',').map(<[u8]>::trim_ascii) {
                if word.eq_ignore_ascii_case(b"public") {
                    kept = true;
                } else if word.eq_ignore_ascii_case(b"no-cache=\"set-cookie\"") {
                    kept = false;
                }
            }
        }
        kept
    }

    /// The cookie that `capture cookie` wants: `name=value`, cut. The name may be a prefix.
    pub(super) fn captured_cookie(&self, which: usize, name: &[u8], len: usize) -> Option<Vec<u8>> {
        let find = |text: &[u8]| {
            pairs(text).find_map(|p| {
                let whole = text.get(p.start..p.end)?;
                whole.starts_with(name).then(|| whole.get(..whole.len().min(len)).unwrap_or(whole).to_vec())
            })
        };
        if which == 0 {
            let r = &self.parts.request;
            r.head.find(&r.buf, b"cookie").find_map(|(_, v)| find(v))
        } else {
            let r = &self.parts.response;
            r.head.find(&r.buf, b"set-cookie").find_map(|(_, v)| find(v))
        }
    }
}

/// A date in five characters: quarter minutes of 30 bits, six bits each.
/// Seconds since 1970 of five digits of base 64, in steps of four seconds; 0 if they are none.
fn read_date(text: &[u8]) -> i64 {
    let digit = |c: &u8| match c {
        b'A'..=b'Z' => Some(c - b'A'),
        b'a'..=b'z' => Some(c - b'a' + 26),
        b'0'..=b'9' => Some(c - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    };
    let Some(five) = text.get(..5) else { return 0 };
    let n = five.iter().try_fold(0i64, |n, c| Some(n << 6 | i64::from(digit(c)?)));
    // COMPAT: the number has 32 bits.
    n.map_or(0, |n| i64::from((n << 2) as i32))
}

fn date_chars(unix_s: i64) -> [u8; 5] {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut n = (unix_s >> 2) as u32;
    let mut out = [0; 5];
    for c in out.iter_mut().rev() {
        *c = DIGITS[(n & 63) as usize];
        n >>= 6;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_come_back_in_steps_of_four_seconds() {
        for s in [4, 1_000_000, 1_700_000_003, 2_000_000_000] {
            assert_eq!(read_date(&date_chars(s)), s & !3);
        }
        assert_eq!(read_date(b"AAAA"), 0);
        assert_eq!(read_date(b"AA=AA"), 0);
    }

    #[test]
    fn a_pair_can_be_cut_out() {
        let cut = |text: &[u8], i: usize| {
            let p = pairs(text).nth(i).unwrap();
            String::from_utf8(without(text, p)).unwrap()
        };
        assert_eq!(cut(b"a=1; SRV=s1; b=2", 1), "a=1; b=2");
        assert_eq!(cut(b"SRV=s1; b=2", 0), "b=2");
        assert_eq!(cut(b"a=1; SRV=s1", 1), "a=1");
        assert_eq!(cut(b"SRV=s1", 0), "");
        assert_eq!(pairs(b"novalue; a=1;;").count(), 1);
    }
}
