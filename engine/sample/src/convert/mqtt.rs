//! MQTT packets: whether one is valid, and its fields. MQTT 3.1, 3.1.1 and 5.0.
//!
//! HAProxy 3.0 configuration manual §7.3.1 "mqtt_is_valid", "mqtt_field_value". COMPAT: only CONNECT and CONNACK
//! are looked into, any other packet is not valid; a number that is not there is 0, a text that is not there has
//! no value (`samples/mqtt-*`).

use std::borrow::Cow;

use rha_base::Value;

use crate::cast::bytes;
use crate::cx::Cx;
use crate::names::{Names, Problem};
use crate::operand::Operand;

const CONNECT: i64 = 1;
const CONNACK: i64 = 2;
/// The version in which packets have properties.
const V5: u64 = 5;

/// What a property holds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// 0 or 1.
    Switch,
    Short,
    /// Not 0.
    ShortSome,
    Long,
    /// Not 0.
    LongSome,
    Text,
    /// Not empty.
    TextSome,
    /// A name and a value, any number of times.
    Pair,
}

/// Properties of each place by their numbers.
const IN_CONNECT: &[(u8, Kind)] = &[
    (17, Kind::Long),
    (21, Kind::Text),
    (22, Kind::Text),
    (23, Kind::Switch),
    (25, Kind::Switch),
    (33, Kind::ShortSome),
    (34, Kind::Short),
    (38, Kind::Pair),
    (39, Kind::LongSome),
];
const IN_WILL: &[(u8, Kind)] = &[
    (1, Kind::Switch),
    (2, Kind::Long),
    (3, Kind::Text),
    (8, Kind::Text),
    (9, Kind::Text),
    (24, Kind::Long),
    (38, Kind::Pair),
];
const IN_CONNACK: &[(u8, Kind)] = &[
    (17, Kind::Long),
    (18, Kind::TextSome),
    (19, Kind::Short),
    (21, Kind::Text),
    (22, Kind::Text),
    (26, Kind::Text),
    (28, Kind::Text),
    (31, Kind::Text),
    (33, Kind::ShortSome),
    (34, Kind::Short),
    (36, Kind::Switch),
    (37, Kind::Switch),
    (38, Kind::Pair),
    (39, Kind::LongSome),
    (40, Kind::Switch),
    (41, Kind::Switch),
    (42, Kind::Switch),
];

/// Fields with names instead of numbers.
const NAMED: [&str; 10] = [
    "flags",
    "reason_code",
    "protocol_name",
    "protocol_version",
    "client_identifier",
    "will_topic",
    "will_payload",
    "username",
    "password",
    "keepalive",
];
/// Where their numbers begin: behind all properties.
const FIRST_NAMED: usize = 256;

/// Packet types in the order of their numbers.
const TYPES: [&str; 16] = [
    "INVALID",
    "CONNECT",
    "CONNACK",
    "PUBLISH",
    "PUBACK",
    "PUBREC",
    "PUBREL",
    "PUBCOMP",
    "SUBSCRIBE",
    "SUBACK",
    "UNSUBSCRIBE",
    "UNSUBACK",
    "PINGREQ",
    "PINGRESP",
    "DISCONNECT",
    "AUTH",
];

/// A field's value.
#[derive(Clone, Copy)]
enum Field<'a> {
    Number(u64),
    Text(&'a [u8]),
}

/// A packet taken apart: its type, and its fields by their numbers.
struct Packet<'a> {
    kind: i64,
    version: u64,
    has_will: bool,
    fields: Vec<(usize, Field<'a>)>,
}

/// What looking into a packet came to.
enum Found<'a> {
    Packet(Packet<'a>),
    Cut,
    Bad,
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn number(&mut self, size: usize) -> Option<u64> {
        let (taken, rest) = self.0.split_at_checked(size)?;
        self.0 = rest;
        Some(taken.iter().fold(0, |n, b| n << 8 | u64::from(*b)))
    }

    /// Up to four bytes of seven bits. COMPAT: one that the bytes at hand end in is taken as it is.
    fn varint(&mut self) -> Option<usize> {
        let mut n = 0;
        for i in 0..4 {
            let Some((b, rest)) = self.0.split_first() else { return Some(n) };
            self.0 = rest;
            n |= usize::from(b & 0x7f) << (7 * i);
            if b & 0x80 == 0 {
                return Some(n);
            }
        }
        None
    }

    fn text(&mut self) -> Option<&'a [u8]> {
        let size = usize::try_from(self.number(2)?).ok()?;
        let (taken, rest) = self.0.split_at_checked(size)?;
        self.0 = rest;
        Some(taken)
    }

    fn properties(&mut self, known: &[(u8, Kind)], fields: &mut Vec<(usize, Field<'a>)>) -> Option<()> {
        let size = self.varint()?;
        let (taken, rest) = self.0.split_at_checked(size)?;
        self.0 = rest;
        let mut r = Reader(taken);
        let mut seen = Vec::new();
        while let Some((id, rest)) = r.0.split_first() {
            r.0 = rest;
            let (_, kind) = known.iter().find(|(k, _)| k == id)?;
            if *kind != Kind::Pair && seen.contains(id) {
                return None;
            }
            seen.push(*id);
            let field = match kind {
                Kind::Switch => Field::Number(r.number(1).filter(|n| *n <= 1)?),
                Kind::Short => Field::Number(r.number(2)?),
                Kind::ShortSome => Field::Number(r.number(2).filter(|n| *n != 0)?),
                Kind::Long => Field::Number(r.number(4)?),
                Kind::LongSome => Field::Number(r.number(4).filter(|n| *n != 0)?),
                Kind::Text => Field::Text(r.text()?),
                Kind::TextSome => Field::Text(r.text().filter(|t| !t.is_empty())?),
                Kind::Pair => {
                    r.text()?;
                    r.text()?;
                    continue;
                }
            };
            fields.push((usize::from(*id), field));
        }
        Some(())
    }
}

fn named(name: &str) -> usize {
    FIRST_NAMED + NAMED.iter().position(|n| *n == name).unwrap_or(NAMED.len())
}

fn packet(message: &[u8]) -> Found<'_> {
    let Some((first, rest)) = message.split_first().filter(|_| message.len() >= 2) else { return Found::Cut };
    let kind = i64::from(first >> 4);
    let flags = match kind {
        0 => return Found::Bad,
        3 => first & 0xf,
        6 | 8 | 10 => 2,
        _ => 0,
    };
    let mut r = Reader(rest);
    let Some(size) = r.varint().filter(|_| first & 0xf == flags) else { return Found::Bad };
    if r.0.len() < size {
        return Found::Cut;
    }
    let whole = r.0.len();
    let made = match kind {
        CONNECT => connect(&mut r),
        CONNACK => connack(&mut r),
        _ => None,
    };
    match made.filter(|_| whole - r.0.len() == size) {
        Some(p) => Found::Packet(p),
        None => Found::Bad,
    }
}

fn connect<'a>(r: &mut Reader<'a>) -> Option<Packet<'a>> {
    const WILL: u64 = 0x04;
    const QOS: u64 = 0x18;
    const RETAIN: u64 = 0x20;
    let name = r.text()?;
    let version = r.number(1)?;
    let flags = r.number(1)?;
    let known = name.eq_ignore_ascii_case(b"MQTT") || name.eq_ignore_ascii_case(b"MQIsdp");
    if !known || !(3..=V5).contains(&version) || flags & 1 != 0 || flags & (WILL | QOS | RETAIN) == QOS {
        return None;
    }
    let mut fields = vec![
        (named("protocol_name"), Field::Text(name)),
        (named("protocol_version"), Field::Number(version)),
        (named("flags"), Field::Number(flags)),
        (named("keepalive"), Field::Number(r.number(2)?)),
    ];
    if version == V5 {
        r.properties(IN_CONNECT, &mut fields)?;
    }
    let has =
        |id: usize| fields.iter().any(|(k, f)| *k == id && matches!(f, Field::Text(t) if !t.is_empty()));
    if has(22) && !has(21) {
        return None;
    }
    fields.push((named("client_identifier"), Field::Text(r.text()?)));
    let has_will = flags & WILL != 0;
    if has_will && version == V5 {
        r.properties(IN_WILL, &mut fields)?;
    }
    for (flag, name) in [(WILL, "will_topic"), (WILL, "will_payload"), (0x80, "username"), (0x40, "password")]
    {
        if flags & flag != 0 {
            fields.push((named(name), Field::Text(r.text()?)));
        }
    }
    Some(Packet { kind: CONNECT, version, has_will, fields })
}

fn connack<'a>(r: &mut Reader<'a>) -> Option<Packet<'a>> {
    let version = if r.0.len() == 2 { 4 } else { V5 };
    let flags = r.number(1).filter(|f| f & 0xfe == 0)?;
    let mut fields = vec![
        (named("flags"), Field::Number(flags)),
        (named("reason_code"), Field::Number(r.number(1)?)),
        (named("protocol_version"), Field::Number(version)),
    ];
    if version == V5 {
        r.properties(IN_CONNACK, &mut fields)?;
    }
    Some(Packet { kind: CONNACK, version, has_will: false, fields })
}

impl<'a> Packet<'a> {
    fn value(&self, id: usize) -> Option<Field<'a>> {
        let found = self.fields.iter().find(|(k, _)| *k == id).map(|(_, f)| *f);
        if found.is_some() || id >= FIRST_NAMED || self.version != V5 {
            return found;
        }
        // A number that is not there is 0, where there could be one.
        let of = |all: &[(u8, Kind)]| all.iter().find(|(k, _)| usize::from(*k) == id).map(|(_, kind)| *kind);
        let kind = match self.kind {
            CONNECT => of(IN_CONNECT).or_else(|| of(IN_WILL).filter(|_| self.has_will)),
            _ => of(IN_CONNACK),
        };
        let number = !matches!(kind?, Kind::Text | Kind::TextSome | Kind::Pair);
        number.then_some(Field::Number(0))
    }
}

fn wait(cx: &mut Cx<'_>) {
    cx.wait_request();
    cx.wait_response();
}

pub(super) fn is_valid<'a>(cx: &mut Cx<'a>, v: Value<'a>) -> Option<Value<'a>> {
    match packet(&bytes(v)?) {
        Found::Packet(_) => Some(Value::Bool(true)),
        Found::Bad => Some(Value::Bool(false)),
        Found::Cut => {
            wait(cx);
            None
        }
    }
}

pub(super) fn field_value<'a>(cx: &mut Cx<'a>, v: Value<'a>) -> Option<Value<'a>> {
    let message = bytes(v)?;
    let id = usize::try_from(cx.int(1)?).ok()?;
    match packet(&message) {
        Found::Packet(p) if Some(p.kind) == cx.int(0) => match p.value(id)? {
            Field::Number(n) => Some(Value::Str(Cow::Owned(n.to_string().into_bytes()))),
            Field::Text([]) => None,
            Field::Text(t) => Some(Value::Str(Cow::Owned(t.to_vec()))),
        },
        Found::Packet(_) | Found::Bad => None,
        Found::Cut => {
            wait(cx);
            None
        }
    }
}

/// Type and field become numbers.
pub(super) fn numbers(args: &mut Vec<Operand>, _: &mut dyn Names) -> Result<(), Problem> {
    let (Some(Operand::Str(kind)), Some(Operand::Str(field))) = (args.first(), args.get(1)) else {
        return Err(Problem::Argument("a packet type and a field are needed".to_owned()));
    };
    let (kind, field) = (String::from_utf8_lossy(kind), String::from_utf8_lossy(field));
    let by_name = TYPES.iter().position(|t| t.eq_ignore_ascii_case(&kind));
    let kind = by_name.or_else(|| kind.parse().ok()).unwrap_or(0);
    let by_name = NAMED.iter().position(|n| *n == field).map(|i| FIRST_NAMED + i);
    let field = by_name.or_else(|| field.parse().ok()).unwrap_or(usize::from(u8::MAX));
    *args = [kind, field].map(|n| Operand::Int(n as i64)).into();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connect_and_connack() {
        // 5.0, a clean start, session expiry 10, client `c`.
        let connect = b"\x10\x13\0\x04MQTT\x05\x02\0\x3c\x05\x11\0\0\0\x0a\0\x01c";
        let Found::Packet(p) = packet(connect) else { panic!() };
        let text = |f: Option<Field<'_>>| match f {
            Some(Field::Number(n)) => n.to_string(),
            Some(Field::Text(t)) => String::from_utf8_lossy(t).into_owned(),
            None => "none".to_owned(),
        };
        let of = |id| text(p.value(id));
        assert_eq!((of(17), of(33), of(21), of(24)), ("10".into(), "0".into(), "none".into(), "none".into()));
        assert_eq!(of(named("client_identifier")), "c");
        for cut in 0..connect.len() {
            assert!(!matches!(packet(&connect[..cut]), Found::Packet(_)), "{cut}");
        }
        assert!(matches!(packet(b"\x20\x02\0\x05"), Found::Packet(Packet { version: 4, .. })));
        assert!(matches!(packet(b"\xc0\0"), Found::Bad));
    }
}
