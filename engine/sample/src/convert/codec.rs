//! Encodings.

use rha_vocab::{ArgKind, Lifetime, SampleType as T};

use crate::row::{ALWAYS, Converter, NONE, args, convert};

/// Rows of this subject.
pub(crate) const ROWS: &[Converter] = &[
    convert("b64dec", NONE, T::Str, T::Bin, ALWAYS, "Decodes base64.").eval(base64_decode),
    convert("base2", NONE, T::Bin, T::Str, Lifetime::since(3, 5), "Writes the bytes as binary digits.")
        .eval(base2),
    convert("base64", NONE, T::Bin, T::Str, ALWAYS, "Encodes as base64.").eval(base64),
    convert(
        "be2dec",
        args(1, &[ArgKind::Str, ArgKind::Sint, ArgKind::Sint]),
        T::Bin,
        T::Str,
        ALWAYS,
        "Writes big-endian chunks as decimal numbers with a separator.",
    )
    .eval(be_to_dec),
    convert(
        "be2hex",
        args(1, &[ArgKind::Str, ArgKind::Sint, ArgKind::Sint]),
        T::Bin,
        T::Str,
        ALWAYS,
        "Writes chunks as hexadecimal with a separator.",
    )
    .eval(be_to_hex),
    convert("hex", NONE, T::Bin, T::Str, ALWAYS, "Writes the bytes as hexadecimal digits.").eval(hex),
    convert("hex2i", NONE, T::Str, T::Sint, ALWAYS, "Reads hexadecimal digits as an integer.")
        .eval(hex_to_int),
    convert("json", args(1, &[ArgKind::Str]), T::Str, T::Str, ALWAYS, "Escapes for use in a JSON string.")
        .eval(json)
        .prepare(json_kind),
    convert(
        "json_query",
        args(1, &[ArgKind::Str, ArgKind::Str]),
        T::Str,
        T::Any,
        ALWAYS,
        "Value at a JSON path.",
    )
    .eval(json_query),
    convert(
        "le2dec",
        args(1, &[ArgKind::Str, ArgKind::Sint, ArgKind::Sint]),
        T::Bin,
        T::Str,
        Lifetime::since(3, 5),
        "Writes little-endian chunks as decimal numbers with a separator.",
    )
    .eval(le_to_dec),
    convert(
        "protobuf",
        args(1, &[ArgKind::PbufFnum, ArgKind::Str]),
        T::Bin,
        T::Bin,
        ALWAYS,
        "Value of a field of a protocol buffers message.",
    )
    .eval(super::protobuf::protobuf),
    convert("ub64dec", NONE, T::Str, T::Bin, ALWAYS, "Decodes base64url.").eval(base64url_decode),
    convert("ub64enc", NONE, T::Bin, T::Str, ALWAYS, "Encodes as base64url.").eval(base64url),
    convert(
        "ungrpc",
        args(1, &[ArgKind::PbufFnum, ArgKind::Str]),
        T::Bin,
        T::Bin,
        ALWAYS,
        "Value of a field of a gRPC message.",
    )
    .eval(super::protobuf::ungrpc),
    convert("url_dec", args(0, &[ArgKind::Sint]), T::Str, T::Str, ALWAYS, "Decodes percent-encoding.")
        .eval(url_decode),
    convert("url_enc", args(1, &[ArgKind::Str]), T::Str, T::Str, ALWAYS, "Encodes as percent-encoding.")
        .eval(url_encode)
        .prepare(url_encode_kind),
    convert(
        "x509_v_err_str",
        NONE,
        T::Sint,
        T::Str,
        Lifetime::since(3, 0),
        "Name of an X.509 verification error.",
    ),
];

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use rha_base::Value;

use super::hex_digit;
use super::json_path::{Found, find, general, unescape};
use crate::cast::{bytes, text};
use crate::cx::Cx;
use crate::names::{Names, Problem};
use crate::operand::Operand;

const HEX: &[u8; 16] = b"0123456789ABCDEF";

fn owned<'a>(out: Vec<u8>) -> Option<Value<'a>> {
    Some(Value::Str(Cow::Owned(out)))
}

pub(super) fn put_hex(c: u8, out: &mut Vec<u8>) {
    out.extend([c >> 4, c & 15].iter().filter_map(|d| HEX.get(usize::from(*d))));
}

fn hex<'a>(_: &mut Cx<'a>, v: Value<'a>) -> Option<Value<'a>> {
    let mut out = Vec::new();
    bytes(v)?.iter().for_each(|c| put_hex(*c, &mut out));
    owned(out)
}

fn hex_to_int<'a>(_: &mut Cx<'a>, v: Value<'a>) -> Option<Value<'a>> {
    let s = text(v);
    let whole = s.iter().all(u8::is_ascii_hexdigit);
    whole.then(|| Value::Int(s.iter().fold(0i64, |n, c| n << 4 | i64::from(hex_digit(*c)))))
}

fn base2<'a>(_: &mut Cx<'a>, v: Value<'a>) -> Option<Value<'a>> {
    let s = bytes(v)?;
    owned(s.iter().flat_map(|c| (0..8).rev().map(move |i| b'0' + (c >> i & 1))).collect())
}

fn base64<'a>(_: &mut Cx<'a>, v: Value<'a>) -> Option<Value<'a>> {
    owned(STANDARD.encode(bytes(v)?).into_bytes())
}

/// COMPAT: the length must be a multiple of four, padding included.
fn base64_decode<'a>(_: &mut Cx<'a>, v: Value<'a>) -> Option<Value<'a>> {
    STANDARD.decode(text(v)).ok().map(|b| Value::Bin(Cow::Owned(b)))
}

fn base64url<'a>(_: &mut Cx<'a>, v: Value<'a>) -> Option<Value<'a>> {
    owned(URL_SAFE_NO_PAD.encode(bytes(v)?).into_bytes())
}

fn base64url_decode<'a>(_: &mut Cx<'a>, v: Value<'a>) -> Option<Value<'a>> {
    let s = text(v);
    let end = s.iter().rposition(|c| *c != b'=').map_or(0, |i| i + 1);
    URL_SAFE_NO_PAD.decode(s.get(..end)?).ok().map(|b| Value::Bin(Cow::Owned(b)))
}

/// `be2hex([separator[,chunk size[,truncate]]])`.
fn be_to_hex<'a>(cx: &mut Cx<'a>, v: Value<'a>) -> Option<Value<'a>> {
    let s = bytes(v)?;
    chunks(cx, &s, |chunk, out| chunk.iter().for_each(|c| put_hex(*c, out)))
}

fn be_to_dec<'a>(cx: &mut Cx<'a>, v: Value<'a>) -> Option<Value<'a>> {
    let s = bytes(v)?;
    chunks(cx, &s, |chunk, out| {
        let n = chunk.iter().fold(0u64, |n, c| n << 8 | u64::from(*c));
        out.extend_from_slice(n.to_string().as_bytes());
    })
}

fn le_to_dec<'a>(cx: &mut Cx<'a>, v: Value<'a>) -> Option<Value<'a>> {
    let s = bytes(v)?;
    chunks(cx, &s, |chunk, out| {
        let n = chunk.iter().rev().fold(0u64, |n, c| n << 8 | u64::from(*c));
        out.extend_from_slice(n.to_string().as_bytes());
    })
}

fn chunks<'a>(cx: &Cx<'a>, s: &[u8], write: impl Fn(&[u8], &mut Vec<u8>)) -> Option<Value<'a>> {
    let separator = cx.text(0).unwrap_or_default();
    let size = usize::try_from(cx.int(1).unwrap_or(1)).ok().filter(|n| *n > 0)?;
    let truncate = cx.int(2).unwrap_or(0) != 0;
    let mut out = Vec::new();
    for (i, chunk) in s.chunks(size).enumerate() {
        if truncate && chunk.len() < size {
            break;
        }
        if i > 0 {
            out.extend_from_slice(separator);
        }
        write(chunk, &mut out);
    }
    owned(out)
}

/// `url_dec([in_form])`; a plus sign is a blank in forms and behind the first question mark.
fn url_decode<'a>(cx: &mut Cx<'a>, v: Value<'a>) -> Option<Value<'a>> {
    let s = text(v);
    let mut in_form = cx.int(0).unwrap_or(0) != 0;
    if !s.iter().any(|c| matches!(c, b'%' | b'+')) {
        return Some(Value::Str(s));
    }
    let mut out = Vec::with_capacity(s.len());
    let mut rest = &*s;
    while let Some((c, tail)) = rest.split_first() {
        rest = tail;
        match c {
            b'+' if in_form => out.push(b' '),
            b'%' => {
                let [h, l, tail @ ..] = rest else { return None };
                if !(h.is_ascii_hexdigit() && l.is_ascii_hexdigit()) {
                    return None;
                }
                out.push(hex_digit(*h) << 4 | hex_digit(*l));
                rest = tail;
            }
            b'?' => {
                in_form = true;
                out.push(b'?');
            }
            c => out.push(*c),
        }
    }
    owned(out)
}

/// COMPAT: only letters, digits and `-._~` stay.
fn url_encode<'a>(_: &mut Cx<'a>, v: Value<'a>) -> Option<Value<'a>> {
    let s = text(v);
    let safe = |c: &u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'.' | b'_' | b'~');
    if s.iter().all(safe) {
        return Some(Value::Str(s));
    }
    let mut out = Vec::with_capacity(s.len() + 8);
    for c in s.iter() {
        if safe(c) {
            out.push(*c);
        } else {
            out.push(b'%');
            put_hex(*c, &mut out);
        }
    }
    owned(out)
}

fn url_encode_kind(args: &mut Vec<Operand>, _: &mut dyn Names) -> Result<(), Problem> {
    match args.first() {
        None | Some(Operand::Absent) => Ok(()),
        Some(Operand::Str(s)) if s.is_empty() || **s == *b"query" => Ok(()),
        _ => Err(Problem::Argument("Unexpected encode type. Allowed value is 'query'".to_owned())),
    }
}

/// What the input of `json` is read as: bytes, or UTF-8 with strictness and what happens to errors.
fn json_kind(args: &mut Vec<Operand>, _: &mut dyn Names) -> Result<(), Problem> {
    let kind = match args.first() {
        None | Some(Operand::Absent) => 0,
        Some(Operand::Str(s)) => match &**s {
            b"" | b"ascii" => 0,
            b"utf8" => 1,
            b"utf8s" => 2,
            b"utf8p" => 3,
            b"utf8ps" => 4,
            _ => return Err(Problem::Argument("Unexpected input code type".to_owned())),
        },
        _ => return Err(Problem::Argument("Unexpected input code type".to_owned())),
    };
    *args = vec![Operand::Int(kind)];
    Ok(())
}

fn json<'a>(cx: &mut Cx<'a>, v: Value<'a>) -> Option<Value<'a>> {
    let s = text(v);
    let mut out = Vec::with_capacity(s.len() + 8);
    let kind = cx.int(0).unwrap_or(0);
    if kind == 0 {
        s.iter().for_each(|c| json_char(u32::from(*c), &mut out));
        return owned(out);
    }
    let skips = matches!(kind, 2 | 4);
    for chunk in s.utf8_chunks() {
        for c in chunk.valid().chars() {
            match u32::from(c) {
                n if n <= 0xffff => json_char(n, &mut out),
                _ if skips => {}
                _ => return None,
            }
        }
        if !chunk.invalid().is_empty() && !skips {
            return None;
        }
    }
    owned(out)
}

fn json_char(c: u32, out: &mut Vec<u8>) {
    let short = match c {
        0x22 => b'"',
        0x5c => b'\\',
        0x2f => b'/',
        8 => b'b',
        12 => b'f',
        13 => b'r',
        10 => b'n',
        9 => b't',
        0x20..=0x7e => {
            out.extend(u8::try_from(c));
            return;
        }
        _ => {
            out.extend_from_slice(format!("\\u{c:04x}").as_bytes());
            return;
        }
    };
    out.extend_from_slice(&[b'\\', short]);
}

/// `json_query(path[,'int'])`.
fn json_query<'a>(cx: &mut Cx<'a>, v: Value<'a>) -> Option<Value<'a>> {
    let s = text(v);
    let as_int = cx.text(1).is_some_and(|t| t == b"int");
    match find(&s, cx.text(0)?)? {
        Found::Number(n) if as_int => Some(Value::Int(crate::cast::read_int(n))),
        Found::Number(n) => owned(general(n)?.into_bytes()),
        Found::Bool(b) => Some(Value::Bool(b)),
        Found::String(t) => owned(unescape(t)?),
        Found::Array(t) => owned(t.to_vec()),
        Found::Other => None,
    }
}
