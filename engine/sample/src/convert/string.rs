//! Text.

use rha_vocab::{ArgKind, Lifetime, SampleType as T};

use crate::row::{ALWAYS, Converter, NONE, args, convert};

/// Rows of this subject.
pub(crate) const ROWS: &[Converter] = &[
    convert(
        "add_item",
        args(2, &[ArgKind::Str, ArgKind::Str, ArgKind::Str]),
        T::Str,
        T::Str,
        ALWAYS,
        "Appends text or a variable, after a delimiter unless the input is empty.",
    )
    .eval(add_item)
    .prepare(second_is_variable),
    convert(
        "bytes",
        args(1, &[ArgKind::Sint, ArgKind::Sint]),
        T::Bin,
        T::Bin,
        Lifetime::until(3, 0),
        "Part of the bytes, from an offset and for a length.",
    )
    .eval(bytes)
    .prepare(number_or_variable),
    convert(
        "bytes",
        args(1, &[ArgKind::Str, ArgKind::Str]),
        T::Bin,
        T::Bin,
        Lifetime::since(3, 0),
        "Part of the bytes, from an offset and for a length.",
    )
    .eval(bytes)
    .prepare(number_or_variable),
    convert(
        "capture-req",
        args(1, &[ArgKind::Sint]),
        T::Str,
        T::Str,
        ALWAYS,
        "Stores the value in a slot of the request captures.",
    )
    .eval(capture_req),
    convert(
        "capture-res",
        args(1, &[ArgKind::Sint]),
        T::Str,
        T::Str,
        ALWAYS,
        "Stores the value in a slot of the response captures.",
    )
    .eval(capture_res),
    convert(
        "concat",
        args(1, &[ArgKind::Str, ArgKind::Str, ArgKind::Str]),
        T::Str,
        T::Str,
        ALWAYS,
        "Appends text, a variable and text.",
    )
    .eval(concat)
    .prepare(second_is_variable),
    convert("cut_crlf", NONE, T::Str, T::Str, ALWAYS, "Cuts at the first carriage return or line feed.")
        .eval(cut_crlf),
    convert(
        "debug",
        args(0, &[ArgKind::Str, ArgKind::Str]),
        T::Any,
        T::Any,
        Lifetime::until(3, 0),
        "Prints the value to a debug output and passes it on.",
    ),
    convert(
        "debug",
        args(0, &[ArgKind::Str, ArgKind::Str]),
        T::Any,
        T::Same,
        Lifetime::since(3, 0),
        "Prints the value to a debug output and passes it on.",
    ),
    convert(
        "field",
        args(2, &[ArgKind::Sint, ArgKind::Str, ArgKind::Sint]),
        T::Str,
        T::Str,
        ALWAYS,
        "The numbered field between delimiters, empty fields counted.",
    )
    .eval(field),
    convert(
        "has_ctl",
        args(0, &[ArgKind::Str]),
        T::Bin,
        T::Bool,
        Lifetime::since(3, 5),
        "Whether the bytes contain control characters, or those of a list.",
    )
    .eval(has_ctl),
    convert("host_only", NONE, T::Str, T::Str, ALWAYS, "Host of a Host header, without the port.")
        .eval(host_only),
    convert(
        "iif",
        args(2, &[ArgKind::Str, ArgKind::Str]),
        T::Bool,
        T::Str,
        ALWAYS,
        "One text if true, another one if false.",
    )
    .eval(iif),
    convert(
        "language",
        args(1, &[ArgKind::Str, ArgKind::Str]),
        T::Str,
        T::Str,
        ALWAYS,
        "The best match of an Accept-Language value among those offered.",
    )
    .eval(language),
    convert("length", NONE, T::Str, T::Sint, ALWAYS, "Length in bytes.").eval(length),
    convert("lower", NONE, T::Str, T::Str, ALWAYS, "Lower case (ASCII).").eval(lower),
    convert(
        "ltrim",
        args(1, &[ArgKind::Str]),
        T::Str,
        T::Str,
        ALWAYS,
        "Removes leading characters of a set.",
    )
    .eval(ltrim),
    convert(
        "param",
        args(1, &[ArgKind::Str, ArgKind::Str]),
        T::Str,
        T::Str,
        Lifetime::since(3, 0),
        "Value of a parameter in a list such as a query.",
    )
    .eval(param),
    convert("port_only", NONE, T::Str, T::Sint, ALWAYS, "Port of a Host header, 0 without one.")
        .eval(port_only),
    convert(
        "regsub",
        args(2, &[ArgKind::Regex, ArgKind::Str, ArgKind::Str]),
        T::Str,
        T::Str,
        ALWAYS,
        "Replaces what a regular expression matches.",
    )
    .eval(regsub),
    convert("reverse", NONE, T::Str, T::Str, Lifetime::since(3, 5), "Reverses the characters.").eval(reverse),
    convert(
        "reverse_dom",
        NONE,
        T::Str,
        T::Str,
        Lifetime::since(3, 5),
        "Reverses the labels of a domain name.",
    )
    .eval(reverse_dom),
    convert(
        "rtrim",
        args(1, &[ArgKind::Str]),
        T::Str,
        T::Str,
        ALWAYS,
        "Removes trailing characters of a set.",
    )
    .eval(rtrim),
    convert(
        "secure_memcmp",
        args(1, &[ArgKind::Str]),
        T::Bin,
        T::Bool,
        ALWAYS,
        "Whether the value equals a variable's, compared in constant time.",
    )
    .eval(secure_memcmp)
    .prepare(first_is_variable),
    convert(
        "strcmp",
        args(1, &[ArgKind::Str]),
        T::Str,
        T::Sint,
        ALWAYS,
        "Compares with a variable: negative, 0 or positive.",
    )
    .eval(strcmp)
    .prepare(first_is_variable),
    convert("upper", NONE, T::Str, T::Str, ALWAYS, "Upper case (ASCII).").eval(upper),
    convert(
        "when",
        args(1, &[ArgKind::Str, ArgKind::Str, ArgKind::Str]),
        T::Any,
        T::Any,
        Lifetime::since(3, 0),
        "Passes the value on only if a condition on the stream holds.",
    )
    .eval(when)
    .prepare(when_what),
    convert(
        "word",
        args(2, &[ArgKind::Sint, ArgKind::Str, ArgKind::Sint]),
        T::Str,
        T::Str,
        ALWAYS,
        "The numbered word between delimiters, empty ones skipped.",
    )
    .eval(word),
];

use std::borrow::Cow;
use std::ops::Range;

use rha_base::{Fact, Value};

use super::number::{number_or_variable, operand};
use crate::cast::{bytes as to_bytes, int, text};
use crate::cx::Cx;
use crate::names::{Names, Problem};
use crate::operand::Operand;
use crate::regex::expand;

/// A part of a value, borrowed where the whole was.
pub(super) fn part(s: Cow<'_, [u8]>, r: Range<usize>) -> Option<Cow<'_, [u8]>> {
    match s {
        Cow::Borrowed(b) => b.get(r).map(Cow::Borrowed),
        Cow::Owned(mut v) => {
            v.truncate(r.end);
            v.drain(..r.start.min(v.len()));
            Some(Cow::Owned(v))
        }
    }
}

fn str_part<'a>(v: Value<'a>, range: impl FnOnce(&[u8]) -> Option<Range<usize>>) -> Option<Value<'a>> {
    let s = text(v);
    let r = range(&s)?;
    part(s, r).map(Value::Str)
}

fn lower<'a>(_: &mut Cx<'a>, v: Value<'a>) -> Option<Value<'a>> {
    Some(Value::Str(lower_case(text(v))))
}

fn lower_case(mut s: Cow<'_, [u8]>) -> Cow<'_, [u8]> {
    if s.iter().any(u8::is_ascii_uppercase) {
        s.to_mut().make_ascii_lowercase();
    }
    s
}

fn upper<'a>(_: &mut Cx<'a>, v: Value<'a>) -> Option<Value<'a>> {
    let mut s = text(v);
    if s.iter().any(u8::is_ascii_lowercase) {
        s.to_mut().make_ascii_uppercase();
    }
    Some(Value::Str(s))
}

fn length<'a>(_: &mut Cx<'a>, v: Value<'a>) -> Option<Value<'a>> {
    i64::try_from(text(v).len()).ok().map(Value::Int)
}

/// COMPAT: beyond the end is empty once nothing more can come, and nothing before that.
/// DIFFERS: a length beyond the end takes what is left, as the manual says; 3.0.11 gives the whole input.
fn bytes<'a>(cx: &mut Cx<'a>, v: Value<'a>) -> Option<Value<'a>> {
    let start = operand(cx, 0).and_then(|n| usize::try_from(n).ok());
    let wanted = match cx.arg(1) {
        Operand::Absent => Some(usize::MAX),
        _ => operand(cx, 1).and_then(|n| usize::try_from(n).ok()),
    };
    let (Some(start), Some(wanted)) = (start, wanted) else {
        cx.may_change = false;
        return None;
    };
    let s = to_bytes(v)?;
    let left = s.len().saturating_sub(start);
    let short = start >= s.len() || wanted != usize::MAX && wanted > left;
    if short && cx.may_change {
        return None;
    }
    let from = start.min(s.len());
    part(s, from..from + wanted.min(left)).map(Value::Bin)
}

/// `field(n,delimiters[,count])`: fields from the end when negative; a count of 0 takes all that follow.
fn field<'a>(cx: &mut Cx<'a>, v: Value<'a>) -> Option<Value<'a>> {
    pick(cx, v, false)
}

/// `word(n,delimiters[,count])`: as `field`, but several delimiters count as one.
fn word<'a>(cx: &mut Cx<'a>, v: Value<'a>) -> Option<Value<'a>> {
    pick(cx, v, true)
}

fn pick<'a>(cx: &Cx<'a>, v: Value<'a>, skip_empty: bool) -> Option<Value<'a>> {
    let n = cx.int(0).filter(|n| *n != 0)?;
    let delimiters = cx.text(1)?;
    let count = cx.int(2).unwrap_or(1);
    str_part(v, |s| {
        let is_delimiter = |i: usize| s.get(i).is_some_and(|c| delimiters.contains(c));
        let ends = if skip_empty { words(s.len(), is_delimiter) } else { fields(s.len(), is_delimiter) };
        let total = i64::try_from(ends.len()).ok()?;
        let first = if n > 0 { n - 1 } else { total.checked_add(n)? };
        let at = |i: i64| usize::try_from(i).ok().and_then(|i| ends.get(i));
        let chosen = at(first)?;
        let enough = |available: i64| (1..=available).contains(&count);
        // COMPAT: an open or too large count takes the delimiters at that end of the text along
        let (from, to) = match n > 0 {
            true if enough(total - first) => (chosen.0, at(first + count - 1)?.1),
            true => (chosen.0, s.len()),
            false if enough(first + 1) => (at(first + 1 - count)?.0, chosen.1),
            false => (0, chosen.1),
        };
        Some(from..to)
    })
}

fn fields(len: usize, is_delimiter: impl Fn(usize) -> bool) -> smallvec::SmallVec<[(usize, usize); 16]> {
    let mut out = smallvec::SmallVec::new();
    let mut start = 0;
    for i in 0..len {
        if is_delimiter(i) {
            out.push((start, i));
            start = i + 1;
        }
    }
    out.push((start, len));
    out
}

fn words(len: usize, is_delimiter: impl Fn(usize) -> bool) -> smallvec::SmallVec<[(usize, usize); 16]> {
    let all = fields(len, is_delimiter);
    all.into_iter().filter(|(a, b)| a < b).collect()
}

fn ltrim<'a>(cx: &mut Cx<'a>, v: Value<'a>) -> Option<Value<'a>> {
    let set = cx.text(0)?;
    str_part(v, |s| Some(s.iter().position(|c| !set.contains(c)).unwrap_or(s.len())..s.len()))
}

fn rtrim<'a>(cx: &mut Cx<'a>, v: Value<'a>) -> Option<Value<'a>> {
    let set = cx.text(0)?;
    str_part(v, |s| Some(0..s.iter().rposition(|c| !set.contains(c)).map_or(0, |i| i + 1)))
}

fn cut_crlf<'a>(_: &mut Cx<'a>, v: Value<'a>) -> Option<Value<'a>> {
    str_part(v, |s| Some(0..memchr::memchr2(b'\r', b'\n', s).unwrap_or(s.len())))
}

fn reverse<'a>(_: &mut Cx<'a>, v: Value<'a>) -> Option<Value<'a>> {
    let mut s = text(v).into_owned();
    s.reverse();
    Some(Value::Str(Cow::Owned(s)))
}

/// COMPAT: one dot at the end is dropped; an empty label anywhere else gives no value.
fn reverse_dom<'a>(_: &mut Cx<'a>, v: Value<'a>) -> Option<Value<'a>> {
    let s = text(v);
    let s = s.strip_suffix(b".").unwrap_or(&s);
    let mut labels: Vec<&[u8]> = s.split(|c| *c == b'.').collect();
    if labels.iter().any(|l| l.is_empty()) {
        return None;
    }
    labels.reverse();
    Some(Value::Str(Cow::Owned(labels.join(&b'.'))))
}

fn host_only<'a>(_: &mut Cx<'a>, v: Value<'a>) -> Option<Value<'a>> {
    let s = text(v);
    let end = port_colon(&s).unwrap_or(s.len());
    part(s, 0..end).map(|s| Value::Str(lower_case(s)))
}

fn port_only<'a>(_: &mut Cx<'a>, v: Value<'a>) -> Option<Value<'a>> {
    let s = text(v);
    let digits = port_colon(&s).and_then(|i| s.get(i + 1..)).unwrap_or_default();
    Some(Value::Int(crate::cast::read_int(digits).max(0) & 0xffff_ffff))
}

/// The colon before a port: the last one, unless a bracket closes behind it.
fn port_colon(s: &[u8]) -> Option<usize> {
    memchr::memrchr2(b':', b']', s).filter(|i| s.get(*i) == Some(&b':'))
}

/// The variable among the arguments, which is at `i`.
pub(super) fn variable_at(i: usize, args: &mut [Operand], names: &mut dyn Names) -> Result<(), Problem> {
    if let Some(a) = args.get_mut(i)
        && let Operand::Str(text) = &*a
    {
        *a = match text.is_empty() {
            true => Operand::Absent,
            false => Operand::Var(crate::names::variable(text, names)?),
        };
    }
    Ok(())
}

fn first_is_variable(args: &mut Vec<Operand>, names: &mut dyn Names) -> Result<(), Problem> {
    variable_at(0, args, names)
}

fn second_is_variable(args: &mut Vec<Operand>, names: &mut dyn Names) -> Result<(), Problem> {
    variable_at(1, args, names)
}

/// The text of the variable at argument `i`, empty if there is none.
fn variable_text<'a>(cx: &Cx<'a>, i: usize) -> Option<Cow<'a, [u8]>> {
    match cx.arg(i) {
        Operand::Var(slot) => cx.variable(*slot).map(text),
        _ => None,
    }
}

fn concat<'a>(cx: &mut Cx<'a>, v: Value<'a>) -> Option<Value<'a>> {
    let mut out = text(v).into_owned();
    out.extend_from_slice(cx.text(0).unwrap_or_default());
    out.extend_from_slice(&variable_text(cx, 1).unwrap_or_default());
    out.extend_from_slice(cx.text(2).unwrap_or_default());
    Some(Value::Str(Cow::Owned(out)))
}

fn add_item<'a>(cx: &mut Cx<'a>, v: Value<'a>) -> Option<Value<'a>> {
    let mut out = text(v).into_owned();
    let item = variable_text(cx, 1).unwrap_or_default();
    let suffix = cx.text(2).unwrap_or_default();
    let adds = !item.is_empty() || !suffix.is_empty();
    if adds && !out.is_empty() {
        out.extend_from_slice(cx.text(0).unwrap_or_default());
    }
    out.extend_from_slice(&item);
    out.extend_from_slice(suffix);
    Some(Value::Str(Cow::Owned(out)))
}

/// COMPAT: the difference of the first bytes that differ, else -1, 0 or 1 by length.
fn strcmp<'a>(cx: &mut Cx<'a>, v: Value<'a>) -> Option<Value<'a>> {
    let other = variable_text(cx, 0)?;
    let s = text(v);
    let differing = s.iter().zip(other.iter()).find(|(a, b)| a != b);
    let n = match differing {
        Some((a, b)) => i64::from(*a) - i64::from(*b),
        None => s.len().cmp(&other.len()) as i64,
    };
    Some(Value::Int(n))
}

/// Every byte is looked at whatever the others are.
fn secure_memcmp<'a>(cx: &mut Cx<'a>, v: Value<'a>) -> Option<Value<'a>> {
    let other = variable_text(cx, 0)?;
    let s = to_bytes(v)?;
    let differences = s.iter().zip(other.iter()).fold(0u8, |d, (a, b)| d | (a ^ b));
    Some(Value::Bool(s.len() == other.len() && std::hint::black_box(differences) == 0))
}

fn iif<'a>(cx: &mut Cx<'a>, v: Value<'a>) -> Option<Value<'a>> {
    let i = usize::from(int(&v)? == 0);
    Some(Value::str(cx.text(i).unwrap_or_default()))
}

/// `regsub(regex,replacement[,flags])`; operand 3 says whether all matches are replaced.
fn regsub<'a>(cx: &mut Cx<'a>, v: Value<'a>) -> Option<Value<'a>> {
    let Operand::Regex(regex) = cx.arg(0) else { return None };
    let replacement = cx.text(1).unwrap_or_default();
    let all = matches!(cx.arg(3), Operand::Int(_)) || cx.text(2).is_some_and(|f| f.contains(&b'g'));
    let s = text(v);
    let mut out = Vec::with_capacity(s.len());
    let mut at = 0;
    let mut first = true;
    while first || all {
        let Some(groups) = regex.captures_at(&s, at) else { break };
        let Some((from, to)) = groups.span(0) else { break };
        first = false;
        out.extend_from_slice(s.get(at..from)?);
        expand(replacement, &s, &groups, &mut out);
        at = to;
        if at >= s.len() {
            break;
        }
        if from == to {
            // an empty match stands before a character, which is kept
            out.push(*s.get(at)?);
            at += 1;
        }
    }
    out.extend_from_slice(s.get(at..).unwrap_or_default());
    Some(Value::Str(Cow::Owned(out)))
}

/// Control characters of a mask: bit 0 to 31 for those of that code, bit 32 for DEL.
fn has_ctl<'a>(cx: &mut Cx<'a>, v: Value<'a>) -> Option<Value<'a>> {
    let s = to_bytes(v)?;
    let mask = match cx.text(0).unwrap_or_default() {
        b"" => 0x1_ffff_fdff,
        b"any" => 0x1_ffff_ffff,
        b"http" => 0x2401,
        n => control_mask(n)?,
    };
    let bit = |c: &u8| match c {
        0..=31 => 1u64 << c,
        127 => 1 << 32,
        _ => 0,
    };
    Some(Value::Bool(s.iter().any(|c| mask & bit(c) != 0)))
}

/// A number as C's `strtoll` reads it in base 0: `0x` is hexadecimal, `0` octal.
fn control_mask(text: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(text).ok()?.trim_ascii_start();
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None if text.len() > 1 && text.starts_with('0') => u64::from_str_radix(text, 8).ok(),
        None => text.parse().ok(),
    }
}

/// `param(name[,delimiter])`.
fn param<'a>(cx: &mut Cx<'a>, v: Value<'a>) -> Option<Value<'a>> {
    let name = cx.text(0)?;
    let delimiter = match cx.text(1) {
        Some([b'0', b'x', h, l]) => super::hex_digit(*h) << 4 | super::hex_digit(*l),
        Some([d, ..]) => *d,
        _ => b'&',
    };
    str_part(v, |s| {
        let mut at = 0;
        for pair in s.split(|c| *c == delimiter) {
            let end = at + pair.len();
            if let Some(rest) = pair.strip_prefix(name) {
                match rest.first() {
                    None => return Some(end..end),
                    Some(b'=') => return Some(at + name.len() + 1..end),
                    Some(_) => {}
                }
            }
            at = end + 1;
        }
        None
    })
}

/// `language(list[,default])`: the offered language that the header rates highest.
fn language<'a>(cx: &mut Cx<'a>, v: Value<'a>) -> Option<Value<'a>> {
    let offered = cx.text(0)?;
    let header = text(v);
    let mut best: Option<(&'a [u8], u32)> = None;
    for item in header.split(|c| *c == b',') {
        let mut parts = item.split(|c| *c == b';');
        let range = parts.next().unwrap_or_default().trim_ascii();
        let range = range.split(u8::is_ascii_whitespace).next().unwrap_or_default();
        let found = offered.split(|c| *c == b';').find(|o| speaks(range, o));
        let Some(found) = found.filter(|_| !range.is_empty()) else { continue };
        let q = parts.next().map_or(1000, quality);
        if q > best.map_or(0, |(_, b)| b) {
            best = Some((found, q));
            if q >= 1000 {
                break;
            }
        }
    }
    best.map(|(l, _)| l).or_else(|| cx.text(1)).map(Value::str)
}

/// RFC 4647 §3.3.1: the range is the tag or a prefix of it before a hyphen.
fn speaks(range: &[u8], tag: &[u8]) -> bool {
    let head = tag.get(..range.len());
    let prefix = head.is_some_and(|h| h.eq_ignore_ascii_case(range));
    range == b"*" || prefix && matches!(tag.get(range.len()), None | Some(b'-'))
}

/// `q=0.5` in thousandths; 1000 for anything that is no quality.
fn quality(text: &[u8]) -> u32 {
    let compact: Vec<u8> = text.iter().copied().filter(|c| !c.is_ascii_whitespace()).collect();
    let Some(value) = compact.strip_prefix(b"q=") else { return 1000 };
    match value {
        [b'1', ..] => 1000,
        [b'0', b'.', digits @ ..] => {
            let digits = digits.iter().take_while(|c| c.is_ascii_digit()).take(3);
            digits.zip([100, 10, 1]).map(|(c, f)| u32::from(c - b'0') * f).sum()
        }
        _ => 0,
    }
}

/// What `when` looks at, `!` aside.
const WHEN: [(&[u8], Fact); 6] = [
    (b"stopping", Fact::Stopping),
    (b"normal", Fact::Failed),
    (b"error", Fact::Failed),
    (b"forwarded", Fact::Forwarded),
    (b"toapplet", Fact::AnsweredHere),
    (b"processed", Fact::Forwarded),
];

/// The first operand becomes whether the answer is turned round, the second the condition.
fn when_what(args: &mut Vec<Operand>, names: &mut dyn Names) -> Result<(), Problem> {
    let Some(Operand::Str(word)) = args.first() else {
        return Err(Problem::Argument("a condition is needed".to_owned()));
    };
    let (name, turned) = word.strip_prefix(b"!").map_or((&**word, false), |n| (n, true));
    let what = if name == b"acl" {
        let Some(Operand::Str(acl)) = args.get(1) else {
            return Err(Problem::Argument("an ACL is needed".to_owned()));
        };
        Operand::Condition(Box::new(crate::condition::of_names(&[acl.to_vec()], names)?))
    } else {
        let at = WHEN.iter().position(|(n, _)| *n == name);
        let at = at.ok_or_else(|| Problem::Unknown(String::from_utf8_lossy(name).into_owned()))?;
        Operand::Int(at as i64)
    };
    let turned = turned != (name == b"normal");
    args.clear();
    args.extend([Operand::Int(turned.into()), what]);
    Ok(())
}

fn when<'a>(cx: &mut Cx<'a>, v: Value<'a>) -> Option<Value<'a>> {
    let is = |f: Fact| matches!(cx.scene.fact(f), Some(Value::Bool(true)));
    let holds = match cx.arg(1) {
        Operand::Condition(c) => c.holds(cx.scene).is_yes(),
        Operand::Int(at) => {
            let (name, fact) = WHEN.get(usize::try_from(*at).ok()?)?;
            is(*fact) || *name == b"processed" && is(Fact::AnsweredHere)
        }
        _ => return None,
    };
    (holds != (cx.int(0) == Some(1))).then_some(v)
}

fn capture_req<'a>(cx: &mut Cx<'a>, v: Value<'a>) -> Option<Value<'a>> {
    capture(cx, v, false)
}

fn capture_res<'a>(cx: &mut Cx<'a>, v: Value<'a>) -> Option<Value<'a>> {
    capture(cx, v, true)
}

/// COMPAT: the value goes on whole, whatever the slot has room for; without such a slot it ends.
fn capture<'a>(cx: &mut Cx<'a>, v: Value<'a>, response: bool) -> Option<Value<'a>> {
    let slot = usize::try_from(cx.int(0)?).ok()?;
    let text = crate::cast::text(v.clone());
    cx.scene.set_capture(response, slot, &text).then_some(v)
}

#[cfg(test)]
mod tests {
    #[test]
    fn masks_choose_control_characters() {
        let cases =
            [("0x200", Some(0x200)), ("512", Some(512)), ("010", Some(8)), ("0", Some(0)), ("x", None)];
        for (text, want) in cases {
            assert_eq!(super::control_mask(text.as_bytes()), want, "{text}");
        }
    }
}
