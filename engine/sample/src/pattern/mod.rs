//! Patterns of ACLs and keys of maps, compiled to what looks them up fastest.
//!
//! [`Patterns::find`] gives the number of the entry that matches, in the order of the file, so that the
//! same index serves ACLs (is there one?) and maps (what is its value?). HAProxy manual §7.1.2–7.1.6.

mod arena;
mod load;
mod number;
mod ranges;
mod text;

use std::borrow::Cow;

use rha_base::Value;
use rha_vocab::{Match, SampleType};

use crate::cast::cast;
use crate::regex::{Groups, Regex};

pub(crate) use arena::Arena;
pub(crate) use load::{key_lines, pattern_lines};
use number::Ranges;
use ranges::NetIndex;
use text::TextIndex;

/// What a value is compared with.
#[derive(Debug)]
pub(crate) enum Patterns {
    /// Any value will do.
    Found,
    /// Any value that is not 0.
    NotZero,
    /// One text; the common case, kept small.
    One { method: Match, ignore_case: bool, text: Box<[u8]> },
    /// Several texts.
    Text(Box<TextIndex>),
    /// Integers.
    Int(Ranges),
    /// Lengths.
    Len(Ranges),
    /// Addresses.
    Net(Box<NetIndex>),
    /// Regular expressions.
    Regex(Box<[Regex]>),
}

/// How patterns are written and compared.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Style {
    /// `-m`.
    pub(crate) method: Match,
    /// `-i`.
    pub(crate) ignore_case: bool,
    /// Whether the longest prefix wins over the first in the file (maps by prefix).
    pub(crate) longest: bool,
    /// `3.1` means 3 × 65536 + 1.
    pub(crate) dotted: bool,
}

impl Patterns {
    /// Compiles patterns in their order.
    ///
    /// The error is the reason, without the place.
    pub(crate) fn build<'a>(
        style: Style,
        texts: impl ExactSizeIterator<Item = &'a [u8]>,
    ) -> Result<Patterns, String> {
        Ok(match style.method {
            Match::Found => Patterns::Found,
            Match::Bool => Patterns::NotZero,
            Match::Int => Patterns::Int(Ranges::build(texts, style.dotted)?),
            Match::Len => Patterns::Len(Ranges::build(texts, false)?),
            Match::Ip => Patterns::Net(Box::new(NetIndex::build(texts)?)),
            Match::Reg => {
                let all: Result<Vec<_>, _> = texts.map(|t| Regex::new(t, style.ignore_case)).collect();
                Patterns::Regex(all?.into())
            }
            Match::Bin => {
                let all: Result<Vec<_>, _> = texts.map(hex_pattern).collect();
                let all = all?;
                Self::text(style, all.iter().map(Vec::as_slice))
            }
            _ => Self::text(style, texts),
        })
    }

    fn text<'a>(style: Style, mut texts: impl ExactSizeIterator<Item = &'a [u8]>) -> Patterns {
        if texts.len() == 1 {
            let text = texts.next().unwrap_or_default().into();
            return Patterns::One { method: style.method, ignore_case: style.ignore_case, text };
        }
        Patterns::Text(Box::new(TextIndex::build(style, texts)))
    }

    /// The type a value is cast to before it is compared.
    fn expects(&self) -> SampleType {
        match self {
            Patterns::Found => SampleType::Any,
            Patterns::NotZero | Patterns::Int(_) => SampleType::Sint,
            Patterns::Net(_) => SampleType::Addr,
            Patterns::One { method: Match::Bin, .. } => SampleType::Bin,
            Patterns::Text(t) if t.is_binary() => SampleType::Bin,
            _ => SampleType::Str,
        }
    }

    /// The entry that matches, if one does; a value that cannot be cast matches nothing.
    pub(crate) fn find(&self, value: Value<'_>) -> Option<u32> {
        if let Patterns::Found = self {
            return Some(0);
        }
        match (self, cast(value, self.expects())?) {
            (Patterns::NotZero, Value::Int(i)) => (i != 0).then_some(0),
            (Patterns::Int(r), Value::Int(i)) => r.find(i),
            (Patterns::Net(n), Value::V4(a)) => n.find_v4(a),
            (Patterns::Net(n), Value::V6(a)) => n.find_v6(a),
            (p, Value::Str(s) | Value::Bin(s)) => p.find_text(s),
            _ => None,
        }
    }

    fn find_text(&self, s: Cow<'_, [u8]>) -> Option<u32> {
        match self {
            Patterns::One { method, ignore_case, text } => {
                text::one(*method, *ignore_case, text, &s).then_some(0)
            }
            Patterns::Text(t) => t.find(&s),
            Patterns::Len(r) => r.find(i64::try_from(s.len()).unwrap_or(i64::MAX)),
            Patterns::Regex(all) => {
                all.iter().position(|r| r.is_match(&s)).and_then(|i| u32::try_from(i).ok())
            }
            _ => None,
        }
    }

    /// The first regular expression that matches, with the groups of its match.
    pub(crate) fn find_groups(&self, s: &[u8]) -> Option<(u32, Groups)> {
        let Patterns::Regex(all) = self else { return None };
        let found = all.iter().enumerate().find_map(|(i, r)| Some((i, r.captures_at(s, 0)?)));
        found.and_then(|(i, g)| Some((u32::try_from(i).ok()?, g)))
    }
}

/// Pairs of hexadecimal digits.
fn hex_pattern(text: &[u8]) -> Result<Vec<u8>, String> {
    crate::convert::from_hex(text)
        .ok_or_else(|| format!("'{}' is not a hexadecimal pattern", String::from_utf8_lossy(text)))
}
