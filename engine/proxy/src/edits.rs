//! Edits of messages by rules, and what happens to one that does not fit.
//!
//! COMPAT: a message lives in a buffer of `tune.bufsize`; an edit for which there is no room is left out, and the
//! message is an internal error unless the set said `strict-mode off` (`rules/strict-*`). Room is counted as the
//! original counts it; nearly always a bound that needs no look at the fields tells that there is enough.

use rha_http1::normalize;
use rha_sample::expand;

use crate::plan::rules::{Act, FieldNames, Normalizer, UriPart};
use crate::rules::{Done, Subject};
use crate::stream::Stream;

/// Bytes of a buffer that are the original's own, and that a message of a body takes beside it.
const BUFFER: usize = 48;
const BODY: usize = 8;

impl Stream {
    /// Performs an edit; false if it does not fit.
    pub(crate) fn edit(&mut self, act: &Act, on: Subject) -> bool {
        match act {
            Act::SetHeader(name, f) => self.with_text(f, |s, v| s.set_field(on, name, v)),
            Act::AddHeader(name, f) => self.with_text(f, |s, v| {
                let fits = s.fits(on, name.len() + v.len());
                if fits {
                    s.add_field(on, name, v);
                }
                fits
            }),
            Act::ReplaceHeader(name, re, f) => self.replace_field(on, name, re, f, false),
            Act::ReplaceValue(name, re, f) => self.replace_field(on, name, re, f, true),
            Act::SetMethod(f) => self.with_text(f, |s, v| {
                let fits = s.fits(on, v.len());
                if fits {
                    s.parts.request.head.set_method(v);
                }
                fits
            }),
            Act::SetUri(part, f) => self.with_text(f, |s, v| s.set_uri(*part, v)),
            Act::ReplaceUri(part, re, f) => self.replace_uri(*part, re, f),
            Act::SetStatus(code, reason) => self.set_status(*code, reason.as_deref(), on),
            _ => true,
        }
    }

    /// An edit did not fit: counted, and forgiven where the rules say so.
    pub(crate) fn misfit<'a>(&mut self) -> Done<'a> {
        let sides =
            [self.session.front_stats(), self.back_stats(), self.server_stats(), self.listener_stats()];
        sides.into_iter().flatten().for_each(|s| s.failed_rewrites.add(1));
        if self.lenient { Done::Next } else { Done::Failed }
    }

    /// Whether `more` bytes fit beside what the message has.
    fn fits(&self, on: Subject, more: usize) -> bool {
        let p = &*self.parts;
        let process = &self.session.plan.process;
        let all = process.buffer_size.saturating_sub(BUFFER);
        let bound = match on {
            Subject::Request => p.request.head.size_bound(p.request.filled),
            Subject::Response => p.response.head.size_bound(p.response.filled),
            Subject::Reply => p.reply.head.size_bound(p.reply.body.len()),
        };
        if bound + BODY + more <= all {
            return true;
        }
        let (head, body) = match on {
            Subject::Request => (p.request.head.size(&p.request.buf), p.request.rest().len()),
            Subject::Response => (p.response.head.size(&p.response.buf), p.response.rest().len()),
            Subject::Reply => (p.reply.head.size(&[]), p.reply.body.len()),
        };
        // A body is read only as far as it leaves the reserve free.
        let body = if body == 0 { 0 } else { body + BODY };
        let body = body.min(all.saturating_sub(process.reserve + head));
        head + body + more <= all
    }

    fn set_status(&mut self, code: u16, reason: Option<&[u8]>, on: Subject) -> bool {
        let reason = reason.and_then(|r| std::str::from_utf8(r).ok());
        if !self.fits(on, reason.map_or(0, str::len)) {
            return false;
        }
        match on {
            Subject::Reply => {
                self.parts.reply.status = code;
                self.parts.reply.head.set_status(code, reason);
            }
            _ => self.parts.response.head.set_status(code, reason),
        }
        true
    }

    /// HAProxy 3.0 configuration manual §4.3 "normalize-uri".
    pub(crate) fn normalize_uri<'a>(&mut self, how: Normalizer) -> Done<'a> {
        let r = &self.parts.request;
        let t = r.head.target_parts(&r.buf);
        if t.path_and_query().is_empty() {
            return Done::Next;
        }
        let (part, text) = match how {
            Normalizer::MergeSlashes => (UriPart::Path, Some(normalize::merge_slashes(t.path()))),
            Normalizer::StripDot => (UriPart::Path, Some(normalize::strip_dot(t.path()))),
            Normalizer::StripDotdot { full } => {
                (UriPart::Path, Some(normalize::strip_dotdot(t.path(), full)))
            }
            Normalizer::SortQuery => match t.query() {
                Some(q) => (UriPart::Query, Some(normalize::sort_query(q))),
                None => return Done::Next,
            },
            Normalizer::Uppercase { strict } => {
                (UriPart::PathQuery, normalize::percent_to_uppercase(t.path_and_query(), strict))
            }
            Normalizer::Decode { strict } => {
                (UriPart::PathQuery, normalize::decode_unreserved(t.path_and_query(), strict))
            }
            Normalizer::StripFragment => {
                (UriPart::PathQuery, Some(normalize::strip_fragment(t.path_and_query())))
            }
            Normalizer::EncodeFragment => {
                (UriPart::PathQuery, Some(normalize::encode_fragment(t.path_and_query())))
            }
        };
        let Some(text) = text else { return Done::Bad };
        if self.set_uri(part, &text) { Done::Next } else { self.misfit() }
    }

    /// COMPAT: the fields of that name are gone even if the new one does not fit.
    fn set_field(&mut self, on: Subject, name: &[u8], value: &[u8]) -> bool {
        if !self.fits(on, name.len() + value.len()) {
            let p = &mut *self.parts;
            match on {
                Subject::Request => p.request.head.delete(&p.request.buf, name),
                Subject::Response => p.response.head.delete(&p.response.buf, name),
                Subject::Reply => p.reply.head.delete(&[], name),
            };
            if !self.fits(on, name.len() + value.len()) {
                return false;
            }
        }
        let p = &mut *self.parts;
        match on {
            Subject::Request => p.request.head.set(&p.request.buf, name, value),
            Subject::Response => p.response.head.set(&p.response.buf, name, value),
            Subject::Reply => p.reply.head.set(&[], name, value),
        }
        true
    }

    pub(crate) fn add_field(&mut self, on: Subject, name: &[u8], value: &[u8]) {
        let p = &mut *self.parts;
        match on {
            Subject::Request => p.request.head.add(name, value),
            Subject::Response => p.response.head.add(name, value),
            Subject::Reply => p.reply.head.add(name, value),
        }
    }

    pub(crate) fn delete_fields(&mut self, on: Subject, names: &FieldNames) {
        let p = &mut *self.parts;
        if let FieldNames::Exact(n) = names {
            match on {
                Subject::Request => p.request.head.delete(&p.request.buf, n),
                Subject::Response => p.response.head.delete(&p.response.buf, n),
                Subject::Reply => p.reply.head.delete(&[], n),
            };
            return;
        }
        let matches = |name: &[u8]| {
            let low = name.to_ascii_lowercase();
            match names {
                FieldNames::Exact(n) => low == *n,
                FieldNames::Begin(n) => low.starts_with(n),
                FieldNames::End(n) => low.ends_with(n),
                FieldNames::Sub(n) => memchr::memmem::find(&low, n).is_some(),
                FieldNames::Regex(re) => re.is_match(&low),
            }
        };
        match on {
            Subject::Request => p.request.head.delete_where(&p.request.buf, matches),
            Subject::Response => p.response.head.delete_where(&p.response.buf, matches),
            Subject::Reply => p.reply.head.delete_where(&[], matches),
        }
    }

    fn field_values(&self, on: Subject, name: &[u8]) -> Vec<(usize, Vec<u8>)> {
        let p = &*self.parts;
        let own = |(i, v): (usize, &[u8])| (i, v.to_vec());
        match on {
            Subject::Request => p.request.head.find(&p.request.buf, name).map(own).collect(),
            Subject::Response => p.response.head.find(&p.response.buf, name).map(own).collect(),
            Subject::Reply => p.reply.head.find(&[], name).map(own).collect(),
        }
    }

    fn set_value_at(&mut self, on: Subject, i: usize, value: &[u8]) {
        let p = &mut *self.parts;
        match on {
            Subject::Request => p.request.head.set_value(i, value),
            Subject::Response => p.response.head.set_value(i, value),
            Subject::Reply => p.reply.head.set_value(i, value),
        }
    }

    /// `replace-header`: the whole value; `replace-value`: each element of a comma-separated list.
    fn replace_field(
        &mut self,
        on: Subject,
        name: &[u8],
        re: &rha_sample::Regex,
        f: &rha_sample::Format,
        each: bool,
    ) -> bool {
        for (i, value) in self.field_values(on, name) {
            let mut out = Vec::with_capacity(value.len());
            let mut changed = false;
            let parts: Vec<&[u8]> = if each { list_elements(&value) } else { vec![&value] };
            for (n, part) in parts.iter().enumerate() {
                if n > 0 {
                    out.push(b',');
                }
                let trimmed = part.trim_ascii();
                let lead = part.len() - part.trim_ascii_start().len();
                let Some(groups) = re.captures_at(trimmed, 0) else {
                    out.extend_from_slice(part);
                    continue;
                };
                changed = true;
                out.extend_from_slice(part.get(..lead).unwrap_or_default());
                self.with_text(f, |_, text| expand(text, trimmed, &groups, &mut out));
            }
            if changed {
                if !self.fits(on, out.len().saturating_sub(value.len())) {
                    return false;
                }
                self.set_value_at(on, i, &out);
            }
        }
        true
    }

    fn set_uri(&mut self, part: UriPart, text: &[u8]) -> bool {
        if !self.fits(Subject::Request, text.len()) {
            let r = &self.parts.request;
            let t = r.head.target_parts(&r.buf);
            let old = match part {
                UriPart::Path => t.path().len(),
                UriPart::PathQuery => t.path_and_query().len(),
                UriPart::Query => t.query().map_or(0, <[u8]>::len),
                UriPart::Uri => t.whole().len(),
            };
            if !self.fits(Subject::Request, text.len().saturating_sub(old)) {
                return false;
            }
        }
        let r = &mut self.parts.request;
        match part {
            UriPart::Path => r.head.set_path(&r.buf, text),
            UriPart::PathQuery => r.head.set_path_and_query(&r.buf, text),
            UriPart::Query => r.head.set_query(&r.buf, text),
            UriPart::Uri => r.head.set_target(&r.buf, text),
        }
        true
    }

    fn replace_uri(&mut self, part: UriPart, re: &rha_sample::Regex, f: &rha_sample::Format) -> bool {
        let text = {
            let r = &self.parts.request;
            let t = r.head.target_parts(&r.buf);
            match part {
                UriPart::Path => t.path(),
                UriPart::PathQuery => t.path_and_query(),
                UriPart::Query => t.query().unwrap_or_default(),
                UriPart::Uri => t.whole(),
            }
            .to_vec()
        };
        let Some(groups) = re.captures_at(&text, 0) else { return true };
        let mut out = Vec::new();
        self.with_text(f, |_, replacement| expand(replacement, &text, &groups, &mut out));
        self.set_uri(part, &out)
    }
}

/// Elements of a comma-separated list, quotes respected.
fn list_elements(value: &[u8]) -> Vec<&[u8]> {
    let mut out = Vec::new();
    let (mut start, mut quoted, mut escaped) = (0, false, false);
    for (i, c) in value.iter().enumerate() {
        match c {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b',' if !quoted => {
                out.push(value.get(start..i).unwrap_or_default());
                start = i + 1;
            }
            _ => {}
        }
    }
    out.push(value.get(start..).unwrap_or_default());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_respect_quotes() {
        assert_eq!(list_elements(b"a, \"b,c\" ,d"), [&b"a"[..], b" \"b,c\" ", b"d"]);
    }
}
