//! Argument lists `(a,"b c",\))` of fetches and converters, typed by their shape.
//!
//! HAProxy configuration manual §2.2: inside the parentheses quotes and backslashes have their meaning
//! once more, but for `\#`, `\$` and `\xNN`.

use std::net::{Ipv4Addr, Ipv6Addr};

use rha_ir::Arg;
use rha_text::Span;
use rha_vocab::{ArgKind, ArgShape};

use super::{ArgContext, Pending, PendingKind, shown};
use crate::Cx;
use crate::units::{self, TimeUnit};

/// Arguments and where in the text they end.
pub(super) struct ArgList {
    /// In order; those left out at the end are not there.
    pub args: Vec<Arg>,
    /// First byte after the list.
    pub end: usize,
}

/// What is wrong, and with which argument (0-based).
pub(super) struct ArgError {
    pub text: String,
    pub position: usize,
}

/// Whose arguments they are, for the messages after the last line.
pub(super) struct Owner<'a> {
    pub keyword: &'a str,
    pub converter: Option<&'a str>,
    pub context: ArgContext,
    pub span: Span,
}

/// What messages call a kind of argument.
#[must_use]
fn kind_name(kind: Option<&ArgKind>) -> &'static str {
    match kind {
        None => "end of arguments",
        Some(k) => match k {
            ArgKind::Sint => "integer",
            ArgKind::Str | ArgKind::Other => "string",
            ArgKind::Id => "identifier",
            ArgKind::Ipv4 => "IPv4 address",
            ArgKind::Msk4 => "IPv4 mask",
            ArgKind::Ipv6 => "IPv6 address",
            ArgKind::Msk6 => "IPv6 mask",
            ArgKind::Time => "delay",
            ArgKind::Size => "size",
            ArgKind::Frontend => "frontend",
            ArgKind::Backend => "backend",
            ArgKind::Table => "table",
            ArgKind::Server => "server",
            ArgKind::UserList => "user list",
            ArgKind::Map => "map",
            ArgKind::Regex => "regex",
            ArgKind::Var => "variable",
            ArgKind::PbufFnum => "Protocol buffers field number",
        },
    }
}

/// Reads the list that begins at `text[start]`, if one begins there.
pub(super) fn arg_list(
    cx: &mut Cx<'_>,
    text: &[u8],
    start: usize,
    shape: ArgShape,
    owner: &Owner<'_>,
) -> Result<ArgList, ArgError> {
    let given = text.get(start) == Some(&b'(');
    let mandatory = usize::from(shape.mandatory);
    let mut at = if given { start + 1 } else { start };
    let mut args = Vec::new();
    let mut wanted = shape.kinds.iter();
    if !shape.kinds.is_empty() && (given || mandatory > 0) {
        while let Some(kind) = wanted.next() {
            let word = if given { one_word(text, &mut at, kind, args.len())? } else { Vec::new() };
            match typed(cx, kind, &word, args.len(), owner) {
                Ok(arg) => args.push(arg),
                Err(Wrong::Empty) if args.len() >= mandatory => break,
                Err(Wrong::Empty) => {
                    let n = args.len();
                    let text = format!(
                        "expected type '{}' at position {}, but got nothing",
                        kind_name(Some(kind)),
                        n + 1
                    );
                    return Err(ArgError { text, position: n });
                }
                Err(Wrong::Unreadable) => {
                    let n = args.len();
                    let text = format!(
                        "failed to parse '{}' as type '{}' at position {}",
                        shown(&word),
                        kind_name(Some(kind)),
                        n + 1
                    );
                    return Err(ArgError { text, position: n });
                }
            }
            if !given || text.get(at) != Some(&b',') || wanted.as_slice().is_empty() {
                break;
            }
            at += 1;
        }
    }
    finish(text, at, given, args, shape)
}

/// Checks the number of arguments and the closing parenthesis.
fn finish(
    text: &[u8],
    mut at: usize,
    given: bool,
    args: Vec<Arg>,
    shape: ArgShape,
) -> Result<ArgList, ArgError> {
    let n = args.len();
    let mandatory = usize::from(shape.mandatory);
    if n < mandatory {
        let kind = kind_name(shape.kinds.get(n));
        let text = format!("missing arguments (got {n}/{mandatory}), type '{kind}' expected");
        return Err(ArgError { text, position: n });
    }
    if given {
        if text.get(at) != Some(&b')') {
            let rest = text.get(at..).unwrap_or(b"");
            let text = if rest.is_empty() {
                "expected ')'".to_owned()
            } else {
                format!("expected ')' before '{}'", shown(rest))
            };
            return Err(ArgError { text, position: if n > 1 { n - 1 } else { n } });
        }
        at += 1;
    }
    Ok(ArgList { args, end: at })
}

/// One argument, quotes and escapes undone; `at` is left on the comma, the parenthesis or the end.
fn one_word(text: &[u8], at: &mut usize, kind: &ArgKind, position: usize) -> Result<Vec<u8>, ArgError> {
    let mut out = Vec::new();
    let mut quote: Option<u8> = None;
    while let Some(&c) = text.get(*at) {
        match (c, quote) {
            (b'"' | b'\'', None) => quote = Some(c),
            (c, Some(q)) if c == q => quote = None,
            (b'\\', q) if q != Some(b'\'') => {
                let Some(&next) = text.get(*at + 1) else {
                    let text = format!(
                        "failed to parse '\\' after '{}' as type '{}' at position {}",
                        shown(&out),
                        kind_name(Some(kind)),
                        position + 1
                    );
                    return Err(ArgError { text, position });
                };
                let plain = match next {
                    b'\\' | b' ' | b'"' | b'\'' => Some(next),
                    b'r' => Some(b'\r'),
                    b'n' => Some(b'\n'),
                    b't' => Some(b'\t'),
                    _ => None,
                };
                out.push(plain.unwrap_or(b'\\'));
                *at += usize::from(plain.is_some());
            }
            (b',' | b')', None) => break,
            _ => out.push(c),
        }
        *at += 1;
    }
    Ok(out)
}

enum Wrong {
    Empty,
    Unreadable,
}

/// Turns a word into the argument its kind asks for.
fn typed(
    cx: &mut Cx<'_>,
    kind: &ArgKind,
    word: &[u8],
    position: usize,
    owner: &Owner<'_>,
) -> Result<Arg, Wrong> {
    let some = |w: &[u8]| if w.is_empty() { Err(Wrong::Empty) } else { Ok(()) };
    let utf8 = || std::str::from_utf8(word).map_err(|_| Wrong::Unreadable);
    let name = shown(word);
    let mut note = |kind: PendingKind| {
        let pending = Pending {
            kind,
            value: name.clone(),
            position,
            keyword: owner.keyword.to_owned(),
            converter: owner.converter.map(str::to_owned),
            context: owner.context,
            owner: super::owner(cx),
            span: owner.span,
        };
        cx.rules.pending.push(pending);
    };
    Ok(match kind {
        ArgKind::Sint => {
            some(word)?;
            Arg::Int(whole_int(word).ok_or(Wrong::Unreadable)?)
        }
        ArgKind::Str | ArgKind::Id | ArgKind::Other | ArgKind::Var => Arg::Str(word.into()),
        ArgKind::Map => Arg::Map(shown(word)),
        ArgKind::Ipv4 => {
            some(word)?;
            Arg::V4(utf8()?.parse().map_err(|_| Wrong::Unreadable)?)
        }
        ArgKind::Msk4 => {
            some(word)?;
            Arg::V4(mask4(word).ok_or(Wrong::Unreadable)?)
        }
        ArgKind::Ipv6 => {
            some(word)?;
            Arg::V6(utf8()?.parse().map_err(|_| Wrong::Unreadable)?)
        }
        ArgKind::Msk6 => {
            some(word)?;
            Arg::V6(mask6(word).ok_or(Wrong::Unreadable)?)
        }
        ArgKind::Time => {
            some(word)?;
            let t = units::time(word, TimeUnit::Ms).map_err(|_| Wrong::Unreadable)?;
            Arg::Time(t.value)
        }
        ArgKind::Size => {
            some(word)?;
            Arg::Size(units::size(word).map_err(|_| Wrong::Unreadable)?.into())
        }
        ArgKind::PbufFnum => {
            some(word)?;
            let parts = word.split(|b| *b == b'.');
            let good = |p: &[u8]| !p.is_empty() && p.iter().all(u8::is_ascii_digit);
            if !parts.clone().all(good) {
                return Err(Wrong::Unreadable);
            }
            Arg::Str(word.into())
        }
        ArgKind::Frontend => {
            note(PendingKind::Frontend);
            Arg::Proxy(name)
        }
        ArgKind::Backend => {
            note(PendingKind::Backend);
            Arg::Proxy(name)
        }
        ArgKind::Table => {
            note(PendingKind::Table);
            Arg::Table(name)
        }
        ArgKind::Server => {
            note(PendingKind::Server);
            match name.rsplit_once('/') {
                Some((b, s)) => Arg::Server { backend: b.to_owned(), server: s.to_owned() },
                None => Arg::Server { backend: String::new(), server: name },
            }
        }
        ArgKind::UserList => {
            note(PendingKind::UserList);
            Arg::UserList(name)
        }
        ArgKind::Regex => {
            note(PendingKind::Regex { ignore_case: false });
            Arg::Regex { pattern: word.into(), ignore_case: false, global: false }
        }
    })
}

/// A whole word as an integer; too large ones end at the limits.
fn whole_int(word: &[u8]) -> Option<i64> {
    let (negative, digits) = match word {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        all => (false, all),
    };
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let sign = if negative { -1 } else { 1 };
    Some(digits.iter().fold(0i64, |n, d| n.saturating_mul(10).saturating_add(sign * i64::from(d - b'0'))))
}

/// `255.255.0.0` or a length 0..=32.
#[must_use]
pub(super) fn mask4(word: &[u8]) -> Option<Ipv4Addr> {
    if word.contains(&b'.') {
        return std::str::from_utf8(word).ok()?.parse().ok();
    }
    let len = mask_len(word, 32)?;
    Some(Ipv4Addr::from(u32::MAX.checked_shl(32 - len).unwrap_or(0)))
}

/// `ffff::` or a length 0..=128.
#[must_use]
pub(super) fn mask6(word: &[u8]) -> Option<Ipv6Addr> {
    if word.contains(&b':') {
        return std::str::from_utf8(word).ok()?.parse().ok();
    }
    let len = mask_len(word, 128)?;
    Some(Ipv6Addr::from(u128::MAX.checked_shl(128 - len).unwrap_or(0)))
}

/// A prefix length that fills the word.
#[must_use]
pub(super) fn mask_len(word: &[u8], max: u32) -> Option<u32> {
    let (n, rest) = units::strtol(word, 10);
    let whole = !word.is_empty() && rest.is_empty();
    u32::try_from(n).ok().filter(|n| whole && *n <= max)
}
