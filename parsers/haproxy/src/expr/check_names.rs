//! Arguments of fetches and converters that are names out of a fixed set, or of something declared before:
//! ACLs, rings, tags of FIX, fields of MQTT, positions of blocks. Error texts are the original's.

use rha_ir::Arg;
use rha_vocab::Dialect;

use super::check::{Judge, Judged};
use super::condition::knows_acl;
use crate::{Place, units};

/// `acl(name,!name,…)`.
pub(super) fn acl(j: &mut Judge<'_, '_, '_>) -> Judged {
    for i in 0..j.call.args.len().max(1) {
        let word = j.shown(i);
        acl_exists(j, word.strip_prefix('!').unwrap_or(&word))?;
    }
    Ok(())
}

fn acl_exists(j: &mut Judge<'_, '_, '_>, name: &str) -> Judged {
    let at = j.span;
    if knows_acl(j.cx, name, at) { Ok(()) } else { Err(format!("ACL '{name}' not found")) }
}

/// `bin(<hex>)`.
pub(super) fn bin(j: &mut Judge<'_, '_, '_>) -> Judged {
    // COMPAT: the original has no words for an argument that is not there.
    let Some(text) = j.str(0).filter(|t| !t.is_empty()) else { return Err("(null)".to_owned()) };
    if text.len() % 2 != 0 {
        return Err("an even number of hex digit is expected".to_owned());
    }
    match text.iter().find(|c| !c.is_ascii_hexdigit()) {
        None => Ok(()),
        Some(c) => Err(format!("an hex digit is expected (found '{}')", *c as char)),
    }
}

/// `internal.htx_blk.…(<position>)`.
pub(super) fn block(j: &mut Judge<'_, '_, '_>) -> Judged {
    match j.str(0) {
        None | Some(b"") => {
            Err("a block position is expected (> 0) or a special block name (head, tail, first)".to_owned())
        }
        Some(b"head" | b"tail" | b"first") => Ok(()),
        Some(t) if t.iter().all(u8::is_ascii_digit) => Ok(()),
        Some(_) => Err("invalid block position".to_owned()),
    }
}

/// `debug([<prefix>][,<sink>])`.
///
/// COMPAT: 3.5 keeps the name until all rings are known.
pub(super) fn debug(j: &mut Judge<'_, '_, '_>) -> Judged {
    let Some(name) = j.call.args.get(1).map(|_| j.shown(1)) else { return Ok(()) };
    let built_in = matches!(name.as_str(), "buf0" | "stdout" | "stderr");
    if built_in || j.cx.input.dialect >= Dialect::V3_5 || j.cx.proxies.is_declared(Place::RING, &name) {
        return Ok(());
    }
    Err(format!("No such sink '{name}'"))
}

/// `fix_tag_value(<tag>)`: a number or one of the names known to the original.
pub(super) fn fix_tag(j: &mut Judge<'_, '_, '_>) -> Judged {
    const NAMES: [&str; 6] =
        ["MsgType", "CheckSum", "BodyLength", "TargetCompID", "BeginString", "SenderCompID"];
    let tag = j.shown(0);
    let (id, rest) = units::strtol(tag.as_bytes(), 10);
    let number = id != 0 && rest.is_empty();
    if number || NAMES.iter().any(|n| n.eq_ignore_ascii_case(&tag)) {
        return Ok(());
    }
    Err(format!("Unknown FIX tag name '{tag}'"))
}

/// Packet types of MQTT with the fields each has, numbers being those of MQTT 5 properties.
const MQTT: [(&str, &str); 15] = [
    (
        "CONNECT",
        "protocol_name protocol_version flags keepalive 17 33 39 34 25 23 38 21 22 client_identifier 24 1 2 3 8 9 will_topic will_payload username password",
    ),
    ("CONNACK", "flags protocol_version reason_code 17 33 36 37 39 18 34 31 38 40 41 42 19 26 28 21 22"),
    ("PUBLISH", "1 2 3 8 9 11 35 38"),
    ("PUBACK", "reason_code 31 38"),
    ("PUBREC", "reason_code 31 38"),
    ("PUBREL", "reason_code 31 38"),
    ("PUBCOMP", "reason_code 31 38"),
    ("SUBSCRIBE", "11 38"),
    ("SUBACK", "31 38"),
    ("UNSUBSCRIBE", "38"),
    ("UNSUBACK", "31 38"),
    ("PINGREQ", ""),
    ("PINGRESP", ""),
    ("DISCONNECT", "reason_code 17 28 31 38"),
    ("AUTH", "21 22 31 38"),
];

/// `mqtt_field_value(<packet>,<field>)`.
pub(super) fn mqtt_field(j: &mut Judge<'_, '_, '_>) -> Judged {
    let (packet, field) = (j.shown(0), j.shown(1));
    let (number, _) = units::strtol(packet.as_bytes(), 10);
    let by_number = usize::try_from(number).ok().and_then(|n| MQTT.get(n.checked_sub(1)?));
    let by_name = || MQTT.iter().find(|(name, _)| name.eq_ignore_ascii_case(&packet));
    let Some((_, fields)) = by_number.or_else(by_name) else {
        return Err(format!("Unknown MQTT type '{packet}'"));
    };
    if fields.split(' ').any(|f| f.eq_ignore_ascii_case(&field)) {
        return Ok(());
    }
    Err(format!("Unknown MQTT field name '{field}' for packet type '{packet}'"))
}

/// `json_query(<path>[,int])`.
pub(super) fn json_query(j: &mut Judge<'_, '_, '_>) -> Judged {
    if j.str(0).is_none_or(<[u8]>::is_empty) {
        return Err("json_path must not be empty".to_owned());
    }
    match j.str(1) {
        None | Some(b"" | b"int") => Ok(()),
        Some(_) => Err("output_type only supports \"int\" as argument".to_owned()),
    }
}

/// `when(<condition>[,<acl>])`.
pub(super) fn when(j: &mut Judge<'_, '_, '_>) -> Judged {
    const NAMES: [&str; 7] = ["stopping", "normal", "error", "forwarded", "toapplet", "processed", "acl"];
    let word = j.shown(0);
    let name = word.strip_prefix('!').unwrap_or(&word);
    if !NAMES.contains(&name) {
        let all = NAMES.join(",");
        return Err(format!("expects a supported keyword among {{{all}}} but got '{name}'"));
    }
    if name != "acl" {
        return Ok(());
    }
    let wanted = match j.call.args.get(1) {
        Some(Arg::Str(s)) if !s.is_empty() => j.shown(1),
        _ => return Err("'acl' selector requires an extra argument with the ACL name".to_owned()),
    };
    if j.cx.draft.is_none() && j.cx.rules.late.is_none() {
        return Err("'acl' selector may only be used in the context of a proxy".to_owned());
    }
    acl_exists(j, &wanted)
}
