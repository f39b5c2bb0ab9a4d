//! Patterns of ACLs and maps: whether each can be read the way its matching method wants it.
//!
//! HAProxy configuration manual §7.1.1–7.1.6. Files of patterns are read through the run's `Files`, every
//! line is checked, and nothing is kept: the engine loads them again when it starts.

use rha_vocab::{Dialect, Match};

use super::args::{mask_len, mask4};
use super::{check_regex, shown};
use crate::Cx;

/// How a pattern is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// The method.
    pub method: Match,
    /// `1.2` instead of integers (`req.ssl_ver`).
    pub dotted: bool,
    /// `-i`.
    pub ignore_case: bool,
    /// `-n`.
    pub no_dns: bool,
}

/// What maps give.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MapValue {
    /// Nothing: a list of patterns.
    None,
    /// Text.
    Str,
    /// An integer.
    Int,
    /// An address.
    Ip,
}

/// A file of patterns as it was used: its name, one column or two, and how its lines were read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileCheck {
    name: String,
    columns: u8,
    readings: Vec<(Reading, MapValue)>,
}

/// Whether one pattern can be read.
///
/// # Errors
/// The original's words.
pub fn check_pattern(cx: &Cx<'_>, reading: Reading, text: &[u8]) -> Result<(), String> {
    match reading.method {
        Match::Int | Match::Len if reading.dotted => dotted_range(text),
        Match::Int | Match::Len => int_range(text),
        Match::Ip => address(cx, text, reading.no_dns),
        Match::Bin => hex(text),
        Match::Reg => check_regex(text, reading.ignore_case),
        Match::Found | Match::Bool | Match::Str | Match::Beg | Match::End => Ok(()),
        Match::Sub | Match::Dir | Match::Dom => Ok(()),
    }
}

/// Reads a file of patterns (or of keys and values) and checks every line.
///
/// # Errors
/// The original's words, with `at line N of file '…'` where a line is to blame.
pub(super) fn check_file(
    cx: &mut Cx<'_>,
    name: &str,
    reading: Reading,
    value: MapValue,
    two_columns: bool,
) -> Result<(), String> {
    let columns = 1 + u8::from(two_columns);
    let known = cx.rules.files.iter().position(|f| f.name == name);
    if let Some(f) = known.and_then(|i| cx.rules.files.get(i)) {
        if f.columns != columns {
            let (had, wanted) = if two_columns { ("one", "two") } else { ("two", "one") };
            return Err(format!(
                "The file \"{name}\" is already used as {had} column file and cannot be used by as {wanted} column file."
            ));
        }
        if f.readings.contains(&(reading, value)) {
            return Ok(());
        }
    }
    let content = content(cx, name)?;
    if known.is_none() {
        cx.rules.files.push(FileCheck { name: name.to_owned(), columns, readings: Vec::new() });
    }
    check_lines(cx, name, &content, reading, value)?;
    if let Some(f) = cx.rules.files.iter_mut().find(|f| f.name == name) {
        f.readings.push((reading, value));
    }
    Ok(())
}

/// COMPAT: since 3.0 `virt@` names no file and `opt@` one that need not be there.
fn content(cx: &Cx<'_>, name: &str) -> Result<Vec<u8>, String> {
    let new = cx.input.dialect >= Dialect::V3_0;
    if new && name.starts_with("virt@") {
        return Ok(Vec::new());
    }
    let optional = new && name.starts_with("opt@");
    let prefixes: &[&str] = if new { &["opt@", "file@"] } else { &[] };
    let path = prefixes.iter().find_map(|p| name.strip_prefix(p)).unwrap_or(name);
    match cx.input.files.read(path) {
        Ok(bytes) => Ok(bytes),
        Err(_) if optional => Ok(Vec::new()),
        Err(_) => Err(format!("failed to open pattern file <{path}>")),
    }
}

fn check_lines(
    cx: &Cx<'_>,
    name: &str,
    content: &[u8],
    reading: Reading,
    value: MapValue,
) -> Result<(), String> {
    let mut start = 0;
    let mut number = 0;
    while start < content.len() {
        let rest = content.get(start..).unwrap_or(b"");
        let len = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
        let line = rest.get(..len).unwrap_or(b"");
        start += len + 1;
        number += 1;
        check_line(cx, line, reading, value).map_err(|e| format!("{e} at line {number} of file '{name}'"))?;
    }
    Ok(())
}

fn check_line(cx: &Cx<'_>, line: &[u8], reading: Reading, value: MapValue) -> Result<(), String> {
    if line.first() == Some(&b'#') {
        return Ok(());
    }
    let blank = |c: &u8| *c == b' ' || *c == b'\t';
    let skip = line.iter().take_while(|c| blank(c)).count();
    let line = line.get(skip..).unwrap_or(b"");
    let end = line.iter().position(|c| *c == b'\r' || *c == 0).unwrap_or(line.len());
    let line = line.get(..end).unwrap_or(b"");
    if line.is_empty() {
        return Ok(());
    }
    if value == MapValue::None {
        return check_pattern(cx, reading, line);
    }
    let key_end = line.iter().position(blank).unwrap_or(line.len());
    let (key, rest) = line.split_at(key_end);
    let from = rest.iter().take_while(|c| blank(c)).count();
    let to = rest.len() - rest.iter().rev().take_while(|c| blank(c)).count();
    let field = rest.get(from..to.max(from)).unwrap_or(b"");
    let good = match value {
        MapValue::Int => whole_number(field).is_some(),
        MapValue::Ip => address(cx, field, true).is_ok() && !field.contains(&b'/'),
        MapValue::Str | MapValue::None => true,
    };
    if !good {
        return Err(format!("unable to parse '{}'", shown(field)));
    }
    check_pattern(cx, reading, key)
}

/// A number that fills `text`: digits, or a minus and digits. COMPAT: a lone minus is 0.
#[must_use]
pub(super) fn whole_number(text: &[u8]) -> Option<i64> {
    let (digits, sign) = match text {
        [] => return None,
        [b'-', rest @ ..] => (rest, -1),
        all => (all, 1),
    };
    digits.iter().try_fold(0i64, |n, d| {
        let d = i64::from(d.checked_sub(b'0').filter(|d| *d < 10)?);
        n.checked_mul(10)?.checked_add(sign * d)
    })
}

/// `1.2` as one number; each half below 65536.
fn dotted_number(text: &[u8]) -> Option<i64> {
    let (major, minor) = match text.iter().position(|c| *c == b'.') {
        Some(i) => (text.get(..i)?, whole_number(text.get(i + 1..)?)?),
        None => (text, 0),
    };
    let major = whole_number(major)?;
    (major < 65536 && minor < 65536).then_some((major << 16) | (minor & 0xffff))
}

fn range(text: &[u8], number: fn(&[u8]) -> Option<i64>, one: &str, many: &str) -> Result<(), String> {
    let name = || shown(text);
    let Some(sep) = text.iter().position(|c| *c == b':' || *c == b'-') else {
        if text.is_empty() {
            return Err(format!("'{}' is not a valid {many}", name()));
        }
        return number(text).map(|_| ()).ok_or_else(|| format!("'{}' is not a {one}", name()));
    };
    let (low, high) = (text.get(..sep).unwrap_or(b""), text.get(sep + 1..).unwrap_or(b""));
    let good = match (low, high) {
        (b"", b"") => false,
        (b"", h) => number(h).is_some(),
        (l, b"") => number(l).is_some(),
        (l, h) => matches!((number(l), number(h)), (Some(l), Some(h)) if l <= h),
    };
    if good { Ok(()) } else { Err(format!("'{}' is not a valid {many}", name())) }
}

fn int_range(text: &[u8]) -> Result<(), String> {
    range(text, whole_number, "number", "number range")
}

fn dotted_range(text: &[u8]) -> Result<(), String> {
    range(text, dotted_number, "dotted number", "dotted number range")
}

fn address(cx: &Cx<'_>, text: &[u8], no_dns: bool) -> Result<(), String> {
    let (host, mask) = match memchr::memrchr(b'/', text) {
        Some(i) => (text.get(..i).unwrap_or(b""), text.get(i + 1..)),
        None => (text, None),
    };
    let v4_mask = mask.is_none_or(|m| mask4(m).is_some());
    if v4_mask && quad(host) {
        return Ok(());
    }
    let host_text = std::str::from_utf8(host).unwrap_or("");
    let v6_mask = mask.is_none_or(|m| mask_len(m, 128).is_some());
    if v6_mask && host_text.parse::<std::net::Ipv6Addr>().is_ok() {
        return Ok(());
    }
    if v4_mask && !no_dns && !host_text.is_empty() && (cx.input.resolve)(host_text, Some(4)).is_some() {
        return Ok(());
    }
    Err(format!("'{}' is not a valid IPv4 or IPv6 address", shown(text)))
}

/// Four decimal numbers without leading zeros.
fn quad(text: &[u8]) -> bool {
    std::str::from_utf8(text).is_ok_and(|t| t.parse::<std::net::Ipv4Addr>().is_ok())
}

fn hex(text: &[u8]) -> Result<(), String> {
    if text.len() % 2 == 1 {
        return Err("an even number of hex digit is expected".to_owned());
    }
    match text.iter().find(|c| !c.is_ascii_hexdigit()) {
        Some(c) => Err(format!("an hex digit is expected (found '{}')", *c as char)),
        None => Ok(()),
    }
}
