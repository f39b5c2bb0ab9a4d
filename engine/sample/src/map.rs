//! Maps: a file of keys with values, looked up by any way of matching.
//!
//! Keys live in the index of [`Patterns`], values in one arena with equal neighbours stored once.

use std::sync::Arc;

use rha_base::Value;
use rha_vocab::Match;

use crate::cast::{parse_ipv4, parse_ipv6};
use crate::names::{Names, Problem};
use crate::pattern::{Arena, Patterns, Style, key_lines};

/// How a map is looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// As an ACL would match.
    Match(Match),
    /// By regular expression, groups put into the value.
    RegexGroups,
}

/// What a map gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Output {
    Str,
    Int,
    Ip,
    /// The key that matched.
    Key,
}

/// A loaded map.
#[derive(Debug)]
pub(crate) struct Map {
    patterns: Patterns,
    values: Values,
}

#[derive(Debug)]
enum Values {
    Text { texts: Arena, of: Box<[u32]> },
    Int(Box<[i64]>),
    Ip(Box<[Value<'static>]>),
}

impl Map {
    /// Reads a map, or finds it already read.
    pub(crate) fn shared(
        path: &str,
        kind: Kind,
        output: Output,
        names: &mut dyn Names,
    ) -> Result<Arc<Map>, Problem> {
        let key = (path.to_owned(), kind, output);
        if let Some(found) = names.shared().maps.get(&key) {
            return Ok(Arc::clone(found));
        }
        let file = crate::condition::read(path, names)?;
        let made = Arc::new(Map::parse(&file, path, kind, output)?);
        names.shared().maps.insert(key, Arc::clone(&made));
        Ok(made)
    }

    /// Reads the text of a map file.
    pub(crate) fn parse(file: &[u8], path: &str, kind: Kind, output: Output) -> Result<Map, Problem> {
        let method = match kind {
            Kind::Match(m) => m,
            Kind::RegexGroups => Match::Reg,
        };
        let style = Style { method, ignore_case: false, longest: method == Match::Beg, dotted: false };
        let keys: Vec<&[u8]> = key_lines(file).map(|l| l.key).collect();
        let at = |p: String| Problem::File(format!("{p} in file '{path}'"));
        let patterns = Patterns::build(style, keys.into_iter()).map_err(at)?;
        Ok(Map { patterns, values: Values::read(file, path, output)? })
    }

    /// The value for a key.
    pub(crate) fn find(&self, key: Value<'_>) -> Option<Value<'_>> {
        self.patterns.find(key).and_then(|i| self.values.get(i))
    }

    /// The value for a text, `\1` and the like in it replaced by groups of the match.
    pub(crate) fn find_groups(&self, key: &[u8]) -> Option<Vec<u8>> {
        let (i, groups) = self.patterns.find_groups(key)?;
        let mut out = Vec::new();
        if let Value::Str(template) = self.values.get(i)? {
            crate::regex::expand(&template, key, &groups, &mut out);
        }
        Some(out)
    }
}

impl Values {
    fn read(file: &[u8], path: &str, output: Output) -> Result<Values, Problem> {
        let wrong = |n: u32, v: &[u8]| {
            let v = String::from_utf8_lossy(v);
            Problem::File(format!("unable to parse '{v}' in file '{path}' at line {n}"))
        };
        Ok(match output {
            Output::Str => Self::texts(key_lines(file).map(|l| l.value)),
            Output::Key => Self::texts(key_lines(file).map(|l| l.key)),
            Output::Int => {
                let all: Result<Vec<i64>, _> = key_lines(file)
                    .map(|l| rha_base::parse_int(l.value).ok_or_else(|| wrong(l.number, l.value)))
                    .collect();
                Values::Int(all?.into())
            }
            Output::Ip => {
                let all: Result<Vec<_>, _> = key_lines(file)
                    .map(|l| parse_addr(l.value).ok_or_else(|| wrong(l.number, l.value)))
                    .collect();
                Values::Ip(all?.into())
            }
        })
    }

    fn texts<'a>(all: impl Iterator<Item = &'a [u8]>) -> Values {
        let mut texts = Arena::default();
        let mut of: Vec<u32> = Vec::new();
        for v in all {
            let last = u32::try_from(texts.len()).ok().and_then(|n| n.checked_sub(1));
            match last.filter(|i| texts.get(*i) == v) {
                Some(i) => of.push(i),
                None => match texts.push(v) {
                    Some(i) => of.push(i),
                    None => break,
                },
            }
        }
        texts.shrink();
        Values::Text { texts, of: of.into() }
    }

    fn get(&self, i: u32) -> Option<Value<'_>> {
        let at = i as usize;
        match self {
            Values::Text { texts, of } => of.get(at).map(|t| Value::str(texts.get(*t))),
            Values::Int(all) => all.get(at).map(|n| Value::Int(*n)),
            Values::Ip(all) => all.get(at).map(crate::cx::borrow),
        }
    }
}

/// An address of either family.
pub(crate) fn parse_addr(text: &[u8]) -> Option<Value<'static>> {
    parse_ipv4(text).map(Value::V4).or_else(|| parse_ipv6(text).map(Value::V6))
}
