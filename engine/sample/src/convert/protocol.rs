//! MQTT and FIX messages.

use rha_vocab::{ArgKind, Lifetime, SampleType as T};

use crate::row::{ALWAYS, Converter, NONE, args, convert};

/// Known only to builds with a library that neither our originals nor we have.
const NOT_BUILT_IN: Lifetime = Lifetime::since(u8::MAX, 0);

/// Rows of this subject.
pub(crate) const ROWS: &[Converter] = &[
    convert("fix_is_valid", NONE, T::Bin, T::Bool, ALWAYS, "Whether the bytes are a valid FIX message.")
        .eval(fix_is_valid),
    convert(
        "fix_tag_value",
        args(1, &[ArgKind::Str]),
        T::Bin,
        T::Bin,
        ALWAYS,
        "Value of a tag of a FIX message.",
    )
    .eval(fix_tag_value)
    .prepare(fix_tag),
    convert(
        "da-csv-conv",
        args(1, &[ArgKind::Str; 12]),
        T::Str,
        T::Str,
        NOT_BUILT_IN,
        "Properties of a device by its user agent, as a library that is in no build at hand knows them.",
    ),
    convert(
        "mqtt_field_value",
        args(2, &[ArgKind::Str, ArgKind::Str]),
        T::Bin,
        T::Str,
        ALWAYS,
        "Value of a field of an MQTT message.",
    )
    .eval(super::mqtt::field_value)
    .prepare(super::mqtt::numbers),
    convert("mqtt_is_valid", NONE, T::Bin, T::Bool, ALWAYS, "Whether the bytes are a valid MQTT message.")
        .eval(super::mqtt::is_valid),
];

use std::borrow::Cow;

use rha_base::Value;

use crate::cast::bytes;
use crate::cx::Cx;
use crate::names::{Names, Problem};
use crate::operand::Operand;

/// Ends each field of a FIX message.
const SOH: u8 = 1;
/// The shortest message.
const FIX_LEAST: usize = 26;
const BEGIN_STRING: u32 = 8;
const BODY_LENGTH: u32 = 9;
const CHECK_SUM: u32 = 10;
const MSG_TYPE: u32 = 35;

/// Tags with names.
const FIX_TAGS: [(&str, u32); 6] = [
    ("BeginString", BEGIN_STRING),
    ("BodyLength", BODY_LENGTH),
    ("CheckSum", CHECK_SUM),
    ("MsgType", MSG_TYPE),
    ("SenderCompID", 49),
    ("TargetCompID", 56),
];

/// Versions with the highest tag of each. FIX 5.0 and later share one.
const FIX_VERSIONS: [(&[u8], u32); 6] = [
    (b"FIX.4.0", 140),
    (b"FIX.4.1", 211),
    (b"FIX.4.2", 446),
    (b"FIX.4.3", 659),
    (b"FIX.4.4", 956),
    (b"FIXT.1.1", 1621),
];

/// What the next field of a FIX message is.
enum FixField<'a> {
    /// Its tag, its value, and what is behind it.
    Whole(u32, &'a [u8], &'a [u8]),
    /// More bytes are needed.
    Cut,
    Bad,
}

fn number(text: &[u8]) -> Option<u32> {
    let digits = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(text).ok().filter(|_| digits)?.parse().ok()
}

fn fix_field(from: &[u8]) -> FixField<'_> {
    let Some(equals) = memchr::memchr(b'=', from) else { return FixField::Cut };
    let (tag, rest) = from.split_at(equals);
    let Some(end) = memchr::memchr(SOH, rest) else { return FixField::Cut };
    let value = rest.get(1..end).unwrap_or_default();
    match number(tag).filter(|n| *n > 0) {
        // COMPAT: a value without a byte is not refused.
        Some(tag) => FixField::Whole(tag, value, rest.get(end + 1..).unwrap_or_default()),
        None => FixField::Bad,
    }
}

/// Whether a FIX message is valid; `None` while more of it is needed.
fn is_fix(message: &[u8]) -> Option<bool> {
    if message.len() < FIX_LEAST {
        return None;
    }
    let mut rest = message;
    let (mut most, mut length, mut body) = (0, 0, 0);
    for at in 1.. {
        if rest.is_empty() {
            return None;
        }
        let begins = message.len() - rest.len();
        let (tag, value) = match fix_field(rest) {
            FixField::Whole(tag, value, behind) => {
                rest = behind;
                (tag, value)
            }
            FixField::Cut => return None,
            FixField::Bad => return Some(false),
        };
        let user_defined = (10_000..20_000).contains(&tag);
        if at > 1 && tag > most && !user_defined {
            return Some(false);
        }
        let good = match at {
            1 => {
                let version = FIX_VERSIONS.iter().find(|(v, _)| *v == value);
                most = version.map_or(0, |(_, most)| *most);
                tag == BEGIN_STRING && version.is_some()
            }
            2 => {
                length = number(value).unwrap_or(0) as usize;
                body = message.len() - rest.len();
                tag == BODY_LENGTH && length > 0
            }
            3 => tag == MSG_TYPE,
            _ if tag == CHECK_SUM => {
                let sum = message.get(..begins)?.iter().fold(0u8, |n, b| n.wrapping_add(*b));
                let right = length == begins - body && value.len() == 3 && number(value) == Some(sum.into());
                return Some(right);
            }
            _ => true,
        };
        if !good {
            return Some(false);
        }
    }
    None
}

fn fix_is_valid<'a>(cx: &mut Cx<'a>, v: Value<'a>) -> Option<Value<'a>> {
    let valid = is_fix(&bytes(v)?);
    if valid.is_none() {
        wait(cx);
    }
    valid.map(Value::Bool)
}

fn wait(cx: &mut Cx<'_>) {
    cx.wait_request();
    cx.wait_response();
}

fn fix_tag_value<'a>(cx: &mut Cx<'a>, v: Value<'a>) -> Option<Value<'a>> {
    let message = bytes(v)?;
    let wanted = u32::try_from(cx.int(0)?).ok()?;
    let mut rest: &[u8] = &message;
    while !rest.is_empty() {
        match fix_field(rest) {
            FixField::Whole(tag, value, _) if tag == wanted => {
                return Some(Value::Bin(Cow::Owned(value.to_vec())));
            }
            FixField::Whole(CHECK_SUM, ..) | FixField::Bad => return None,
            FixField::Whole(_, _, behind) => rest = behind,
            FixField::Cut => break,
        }
    }
    wait(cx);
    None
}

/// A tag by number or name.
fn fix_tag(args: &mut Vec<Operand>, _: &mut dyn Names) -> Result<(), Problem> {
    let Some(Operand::Str(text)) = args.first() else {
        return Err(Problem::Argument("a tag is needed".to_owned()));
    };
    let name = String::from_utf8_lossy(text);
    let named = FIX_TAGS.iter().find(|(n, _)| n.eq_ignore_ascii_case(&name)).map(|(_, t)| *t);
    match named.or_else(|| number(text)) {
        Some(tag) => {
            *args = vec![Operand::Int(tag.into())];
            Ok(())
        }
        None => Err(Problem::Argument(format!("'{name}' is not a FIX tag"))),
    }
}
