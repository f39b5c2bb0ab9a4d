//! What single fetches and converters demand of their arguments beyond the kinds.
//!
//! One row per name in [`FETCHES`] and [`CONVERTERS`]; several share a function. A check may also give an
//! argument its final type: a variable, an integer, a map. Error texts are the original's.

use rha_ir::{Arg, Call};
use rha_text::{Severity, Span};
use rha_vocab::{Dialect, Match, SampleType};

use super::check_names::{self as names, json_query};
use super::pattern::{MapValue, Reading, check_file};
use super::{shown, variable_text};
use crate::{Cx, units};

/// What a check finds.
pub(super) type Judged = Result<(), String>;

/// A call being judged.
pub(super) struct Judge<'c, 'i, 'a> {
    pub cx: &'c mut Cx<'i>,
    pub call: &'a mut Call,
    pub span: Span,
}

type Check = fn(&mut Judge<'_, '_, '_>) -> Judged;

/// Names of fetches, separated by blanks, with their check.
const FETCHES: &[(&str, Check)] = &[
    (
        "hdr hdr_ip hdr_val req.fhdr req.hdr req.hdr_ip req.hdr_val res.fhdr res.hdr res.hdr_ip res.hdr_val shdr shdr_ip shdr_val",
        header,
    ),
    ("date", |j| j.date_unit(1)),
    ("accept_date request_date", |j| j.date_unit(0)),
    ("uuid", uuid),
    ("bool", boolean),
    ("meth", method),
    ("var", |j| j.variable(0)),
    ("payload_lv req.payload_lv res.payload_lv", payload_lv),
    ("distcc_body distcc_param", distcc),
    ("fc_rtt fc_rttvar bc_rtt bc_rttvar", time_unit),
    ("fc_unacked fc_sacked fc_retrans fc_fackets fc_lost fc_reordering", no_argument),
    ("ssl_c_i_dn ssl_c_r_dn ssl_c_s_dn ssl_f_i_dn ssl_f_s_dn ssl_s_s_dn ssl_s_i_dn", dn_format),
    ("fc_pp_tlv", tlv),
    ("query", query),
    ("acl", names::acl),
    ("bin", names::bin),
    (
        "internal.htx_blk.data internal.htx_blk.hdrname internal.htx_blk.hdrval internal.htx_blk.size internal.htx_blk.start_line internal.htx_blk.type",
        names::block,
    ),
];

/// Fetches whose arguments are judged even when there are none.
pub(super) const ALWAYS_JUDGED: [&str; 2] = ["acl", "bin"];

/// Names of converters, separated by blanks, with their check.
const CONVERTERS: &[(&str, Check)] = &[
    ("and or xor add sub mul div mod", |j| j.number_or_variable(0)),
    ("field word", field),
    ("bytes", bytes),
    ("concat", |j| j.optional_variable(1)),
    ("add_item", add_item),
    ("strcmp secure_memcmp", named_variable),
    ("regsub", regsub),
    ("json", json),
    ("url_enc", url_enc),
    ("param", param),
    ("has_ctl", control_mask),
    ("be2hex", be2hex),
    ("be2dec le2dec", be2dec),
    ("http_date", |j| j.date_unit(1)),
    ("sha2", sha2),
    ("set-var unset-var", set_var),
    ("iif", |_| Ok(())),
    ("debug", names::debug),
    ("fix_tag_value", names::fix_tag),
    ("mqtt_field_value", names::mqtt_field),
    ("json_query", json_query),
    ("when", names::when),
    ("digest", digest),
    ("hmac", digest),
    ("jwt_verify", jwt_verify),
    ("jwt_header_query jwt_payload_query", jwt_query),
    ("protobuf ungrpc", protobuf),
    ("aes_gcm_enc aes_gcm_dec", aes_gcm),
];

fn find(table: &[(&str, Check)], name: &str) -> Option<Check> {
    table.iter().find(|(names, _)| names.split(' ').any(|n| n == name)).map(|(_, c)| *c)
}

/// Judges the arguments of a fetch that has any.
pub(super) fn fetch(cx: &mut Cx<'_>, call: &mut Call, span: Span) -> Judged {
    match find(FETCHES, &call.name) {
        Some(check) => check(&mut Judge { cx, call, span }),
        None => Ok(()),
    }
}

/// Judges the arguments of a converter.
pub(super) fn converter(cx: &mut Cx<'_>, call: &mut Call, span: Span) -> Judged {
    let check = find(CONVERTERS, &call.name);
    let mut judge = Judge { cx, call, span };
    match check {
        Some(check) => check(&mut judge),
        None if judge.call.name.starts_with("map") => map(&mut judge),
        None => Ok(()),
    }
}

impl Judge<'_, '_, '_> {
    /// Argument `i` as text; `None` when it is left out or no text.
    pub(super) fn str(&self, i: usize) -> Option<&[u8]> {
        match self.call.args.get(i) {
            Some(Arg::Str(s)) => Some(s.as_slice()),
            _ => None,
        }
    }

    pub(super) fn shown(&self, i: usize) -> String {
        self.str(i).map_or_else(String::new, shown)
    }

    /// Argument `i` as an integer, 0 when it is left out.
    fn int(&self, i: usize) -> i64 {
        match self.call.args.get(i) {
            Some(Arg::Int(n)) => *n,
            _ => 0,
        }
    }

    fn has(&self, i: usize) -> bool {
        i < self.call.args.len()
    }

    fn set(&mut self, i: usize, arg: Arg) {
        if let Some(a) = self.call.args.get_mut(i) {
            *a = arg;
        }
    }

    /// Argument `i` must be a variable.
    fn variable(&mut self, i: usize) -> Judged {
        let name = variable_text(self.str(i).unwrap_or(b""))?;
        self.set(i, Arg::Var(name));
        Ok(())
    }

    /// Argument `i` must be a variable unless it is empty or left out.
    fn optional_variable(&mut self, i: usize) -> Judged {
        if self.str(i).is_none_or(<[u8]>::is_empty) {
            return Ok(());
        }
        let name = self.shown(i);
        self.variable(i).map_err(|_| format!("failed to register variable name '{name}'"))
    }

    /// Argument `i` must be an integer or a variable.
    fn number_or_variable(&mut self, i: usize) -> Judged {
        if self.variable(i).is_ok() {
            return Ok(());
        }
        let text = self.str(i).unwrap_or(b"");
        let (digits, sign) = match text {
            [b'-', rest @ ..] => (rest, -1i64),
            [b'+', rest @ ..] => (rest, 1),
            all => (all, 1),
        };
        if !digits.iter().all(u8::is_ascii_digit) {
            return Err("expects an integer or a variable name".to_owned());
        }
        let step = |n: i64, d: &u8| n.saturating_mul(10).saturating_add(sign * i64::from(d - b'0'));
        let n = digits.iter().fold(0, step);
        self.set(i, Arg::Int(n));
        Ok(())
    }

    fn date_unit(&mut self, i: usize) -> Judged {
        match self.str(i) {
            None | Some(b"s" | b"ms" | b"us") => Ok(()),
            Some(other) => Err(format!("expects 's', 'ms' or 'us', got '{}'", shown(other))),
        }
    }
}

fn header(j: &mut Judge<'_, '_, '_>) -> Judged {
    if j.int(1) < -10 { Err("header occurrence must be >= -10".to_owned()) } else { Ok(()) }
}

fn uuid(j: &mut Judge<'_, '_, '_>) -> Judged {
    let seven = j.cx.input.dialect >= Dialect::V3_0;
    match j.call.args.first() {
        Some(Arg::Int(4)) | None => Ok(()),
        Some(Arg::Int(7)) if seven => Ok(()),
        _ => Err(format!("Unsupported UUID version: '{}'", j.int(0))),
    }
}

fn boolean(j: &mut Judge<'_, '_, '_>) -> Judged {
    match j.str(0).map(<[u8]>::to_ascii_lowercase).as_deref() {
        Some(b"true" | b"1" | b"false" | b"0") => Ok(()),
        _ => Err("Expects 'true', 'false', '0' or '1'".to_owned()),
    }
}

fn method(j: &mut Judge<'_, '_, '_>) -> Judged {
    let token = |c: &u8| c.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(c);
    if j.str(0).unwrap_or(b"").iter().all(token) { Ok(()) } else { Err("expects valid method.".to_owned()) }
}

fn payload_lv(j: &mut Judge<'_, '_, '_>) -> Judged {
    let (offset, length) = (j.int(0), j.int(1));
    if offset < 0 {
        return Err("payload offset1 must be positive".to_owned());
    }
    if length == 0 {
        return Err("payload length must be > 0".to_owned());
    }
    let Some(text) = j.str(2).filter(|t| !t.is_empty()) else { return Ok(()) };
    let (second, rest) = units::strtol(text, 10);
    if !rest.is_empty() {
        return Err("payload offset2 is not a number".to_owned());
    }
    if offset.saturating_add(length).saturating_add(second) < 0 {
        return Err("payload offset2 too negative".to_owned());
    }
    Ok(())
}

fn distcc(j: &mut Judge<'_, '_, '_>) -> Judged {
    if j.str(0).is_some_and(|t| t.len() == 4) {
        return Ok(());
    }
    Err("token name must be exactly 4 characters".to_owned())
}

fn time_unit(j: &mut Judge<'_, '_, '_>) -> Judged {
    match j.str(0) {
        Some(b"us" | b"ms") => Ok(()),
        Some(other) => Err(format!("expects 'us' or 'ms', got '{}'", shown(other))),
        None => Err("Unexpected arg type".to_owned()),
    }
}

fn no_argument(j: &mut Judge<'_, '_, '_>) -> Judged {
    let text = "no argument supported for 'fc_*' sample expressions returning counters.";
    j.cx.say("HA3320", Severity::Warning, j.span, text);
    j.call.args.clear();
    Ok(())
}

fn dn_format(j: &mut Judge<'_, '_, '_>) -> Judged {
    match j.str(2) {
        None | Some(b"" | b"rfc2253") => Ok(()),
        Some(_) => {
            Err("only rfc2253 or a blank value are currently supported as the format argument.".to_owned())
        }
    }
}

fn tlv(j: &mut Judge<'_, '_, '_>) -> Judged {
    const NAMES: [&str; 12] = [
        "ALPN",
        "AUTHORITY",
        "CRC32C",
        "NOOP",
        "UNIQUE_ID",
        "SSL",
        "SSL_VERSION",
        "SSL_CN",
        "SSL_CIPHER",
        "SSL_SIG_ALG",
        "SSL_KEY_ALG",
        "NETNS",
    ];
    let name = j.shown(0);
    if NAMES.iter().any(|n| n.eq_ignore_ascii_case(&name)) {
        return Ok(());
    }
    let (n, rest) = units::strtol(name.as_bytes(), 0);
    if !rest.is_empty() {
        return Err(format!("Could not convert type '{name}'"));
    }
    if (0..=255).contains(&n) { Ok(()) } else { Err(format!("Invalid TLV Type '{name}'")) }
}

fn query(j: &mut Judge<'_, '_, '_>) -> Judged {
    match j.str(0) {
        None | Some(b"" | b"with_qm") => Ok(()),
        Some(other) => Err(format!("supports either nothing or 'with_qm', got '{}'", shown(other))),
    }
}

fn field(j: &mut Judge<'_, '_, '_>) -> Judged {
    if j.int(0) == 0 {
        return Err("Unexpected value 0 for index".to_owned());
    }
    if j.str(1).is_none_or(<[u8]>::is_empty) {
        return Err("Empty separators list".to_owned());
    }
    Ok(())
}

/// COMPAT: 2.6 took integers without looking at them.
fn bytes(j: &mut Judge<'_, '_, '_>) -> Judged {
    if j.cx.input.dialect < Dialect::V3_0 {
        return Ok(());
    }
    for (i, least, wanted) in [(0, 0, "a non-negative integer"), (1, 1, "a positive integer")] {
        if !j.has(i) {
            continue;
        }
        if j.str(i).is_some() {
            j.number_or_variable(i)?;
        }
        if matches!(j.call.args.get(i), Some(Arg::Int(n)) if *n < least) {
            return Err(format!("expects {wanted}"));
        }
    }
    Ok(())
}

fn add_item(j: &mut Judge<'_, '_, '_>) -> Judged {
    j.optional_variable(1)?;
    let empty =
        |i: usize| !matches!(j.call.args.get(i), Some(Arg::Var(_))) && j.str(i).is_none_or(<[u8]>::is_empty);
    if empty(1) && empty(2) {
        return Err("one of the optional arguments has to be nonempty".to_owned());
    }
    Ok(())
}

fn named_variable(j: &mut Judge<'_, '_, '_>) -> Judged {
    if j.str(0).is_none_or(<[u8]>::is_empty) {
        return Err("missing variable name".to_owned());
    }
    j.optional_variable(0)
}

fn regsub(j: &mut Judge<'_, '_, '_>) -> Judged {
    let flags = j.str(2).unwrap_or(b"").to_vec();
    if let Some(bad) = flags.iter().find(|f| !matches!(f, b'i' | b'g')) {
        return Err(format!("invalid regex flag '{}', only 'i' and 'g' are supported", *bad as char));
    }
    let (icase, all) = (flags.contains(&b'i'), flags.contains(&b'g'));
    if let Some(Arg::Regex { ignore_case, global, .. }) = j.call.args.first_mut() {
        (*ignore_case, *global) = (icase, all);
    }
    if icase && let Some(p) = j.cx.rules.pending.last_mut() {
        p.kind = super::PendingKind::Regex { ignore_case: true };
    }
    Ok(())
}

fn json(j: &mut Judge<'_, '_, '_>) -> Judged {
    match j.str(0) {
        None | Some(b"" | b"ascii" | b"utf8" | b"utf8s" | b"utf8p" | b"utf8ps") => Ok(()),
        Some(_) => Err(
            "Unexpected input code type. Allowed value are 'ascii', 'utf8', 'utf8s', 'utf8p' and 'utf8ps'"
                .to_owned(),
        ),
    }
}

fn url_enc(j: &mut Judge<'_, '_, '_>) -> Judged {
    match j.str(0) {
        None | Some(b"" | b"query") => Ok(()),
        Some(_) => Err("Unexpected encode type. Allowed value is 'query'".to_owned()),
    }
}

/// A mask of 33 bits, or a name for one.
fn control_mask(j: &mut Judge<'_, '_, '_>) -> Judged {
    let text = match j.str(0) {
        None | Some(b"" | b"any" | b"http") => return Ok(()),
        Some(t) => t.to_vec(),
    };
    let (n, rest) = units::strtol(&text, 0);
    if !rest.is_empty() {
        return Err(format!(
            "cannot parse value '{}', problem at position {}; expecting an integer value (decimal or hex with '0x' prefix).\n",
            shown(&text),
            text.len() - rest.len()
        ));
    }
    let excess = n & !0x1_ffff_ffff;
    if excess != 0 {
        return Err(format!("unsupported excess bits 0x{excess:x} in argument value {}", shown(&text)));
    }
    Ok(())
}

fn param(j: &mut Judge<'_, '_, '_>) -> Judged {
    let newer = j.cx.input.dialect >= Dialect::V3_5;
    match j.str(1) {
        Some([b'0', b'x', h, l]) if newer && h.is_ascii_hexdigit() && l.is_ascii_hexdigit() => Ok(()),
        Some(d) if d.len() != 1 && newer => {
            Err("Delimiter must be either exactly 1 character, or 0xHH for an ASCII code .".to_owned())
        }
        Some(d) if d.len() != 1 => Err("Delimiter must be exactly 1 character.".to_owned()),
        _ => Ok(()),
    }
}

fn truncate(j: &Judge<'_, '_, '_>) -> Judged {
    match j.int(2) {
        0 | 1 => Ok(()),
        n => Err(format!("Unsupported truncate value ({n})")),
    }
}

fn be2hex(j: &mut Judge<'_, '_, '_>) -> Judged {
    let size = j.int(1);
    if size <= 0 && (j.str(0).is_some_and(|s| !s.is_empty()) || j.int(2) != 0) {
        return Err(format!("chunk_size needs to be positive ({size})"));
    }
    truncate(j)
}

fn be2dec(j: &mut Judge<'_, '_, '_>) -> Judged {
    let size = j.int(1);
    if !(1..=8).contains(&size) {
        return Err(format!("chunk_size out of [1..8] range ({size})"));
    }
    truncate(j)
}

fn sha2(j: &mut Judge<'_, '_, '_>) -> Judged {
    match j.call.args.first() {
        None | Some(Arg::Int(224 | 256 | 384 | 512)) => Ok(()),
        _ => Err(format!("Unsupported number of bits: '{}'", j.int(0))),
    }
}

fn set_var(j: &mut Judge<'_, '_, '_>) -> Judged {
    const CONDITIONS: [&str; 8] =
        ["ifexists", "ifnotexists", "ifempty", "ifnotempty", "ifset", "ifnotset", "ifgt", "iflt"];
    j.variable(0)?;
    for i in 1..j.call.args.len() {
        let word = j.shown(i);
        if !CONDITIONS.contains(&word.as_str()) {
            return Err(format!("unknown condition \"{word}\""));
        }
    }
    Ok(())
}

/// Any digest of OpenSSL's.
fn digest(j: &mut Judge<'_, '_, '_>) -> Judged {
    match rha_vocab::Digest::named(&j.shown(0)) {
        Some(_) => Ok(()),
        None => Err("algorithm must be a valid OpenSSL message digest name.".to_owned()),
    }
}

fn jwt_verify(j: &mut Judge<'_, '_, '_>) -> Judged {
    const NAMES: [&str; 12] = [
        "HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "ES256", "ES384", "ES512", "PS256", "PS384",
        "PS512",
    ];
    let name = j.shown(0);
    if variable_text(name.as_bytes()).is_ok() || NAMES.contains(&name.as_str()) {
        return Ok(());
    }
    Err(format!("unknown JWT algorithm: {name}"))
}

fn jwt_query(j: &mut Judge<'_, '_, '_>) -> Judged {
    match j.str(1) {
        None | Some(b"" | b"int") => Ok(()),
        Some(_) => Err("output_type only supports \"int\" as argument".to_owned()),
    }
}

fn protobuf(j: &mut Judge<'_, '_, '_>) -> Judged {
    const TYPES: [&str; 15] = [
        "int32", "uint32", "sint32", "int64", "uint64", "sint64", "bool", "enum", "fixed64", "sfixed64",
        "double", "bytes", "string", "embedded", "fixed32",
    ];
    let name = j.shown(1);
    let known = TYPES.contains(&name.as_str()) || matches!(name.as_str(), "sfixed32" | "float");
    if j.has(1) && !known {
        return Err(format!("Wrong protocol buffer type '{name}'"));
    }
    Ok(())
}

fn aes_gcm(j: &mut Judge<'_, '_, '_>) -> Judged {
    if matches!(j.int(0), 128 | 192 | 256) {
        Ok(())
    } else {
        Err("key size must be 128, 192 or 256 (bits).".to_owned())
    }
}

/// `map`, `map_<match>`, `map_<match>_<output>`: reads the file and checks every line.
fn map(j: &mut Judge<'_, '_, '_>) -> Judged {
    let name = j.call.name.to_string();
    let samples = j.cx.input.samples;
    let Some(sig) = samples.converter(&name) else { return Ok(()) };
    let word = name.split('_').nth(1).unwrap_or("str");
    let method = match word {
        "beg" => Match::Beg,
        "sub" => Match::Sub,
        "dir" => Match::Dir,
        "dom" => Match::Dom,
        "end" => Match::End,
        "reg" | "regm" => Match::Reg,
        "int" => Match::Int,
        "ip" => Match::Ip,
        _ => Match::Str,
    };
    let value = match sig.output {
        SampleType::Sint => MapValue::Int,
        SampleType::Addr | SampleType::Ipv4 | SampleType::Ipv6 => MapValue::Ip,
        _ => MapValue::Str,
    };
    let file = match j.call.args.first() {
        Some(Arg::Map(f)) => f.clone(),
        _ => j.shown(0),
    };
    let reading = Reading { method, dotted: false, ignore_case: false, no_dns: true };
    check_file(j.cx, &file, reading, value, true)?;
    if value == MapValue::Ip
        && let Some(default) = j.str(1)
    {
        let text = String::from_utf8_lossy(default).into_owned();
        let ip = text.parse::<std::net::IpAddr>();
        let ip = ip.map_err(|_| format!("map: cannot parse default ip <{text}>."))?;
        j.set(
            1,
            match ip {
                std::net::IpAddr::V4(a) => Arg::V4(a),
                std::net::IpAddr::V6(a) => Arg::V6(a),
            },
        );
    }
    j.set(0, Arg::Map(file));
    Ok(())
}
