//! HTTP actions that change the message: headers, URI, method, status, captures.

use rha_ir::{Action, Capture, LogFormat, NameMatch, Normalizer};
use rha_vocab::Checkpoints;

use super::action::Reading;
use super::{RuleCheckKind, sides};
use crate::expr::{ArgContext, check_regex};
use crate::units::{atoi, strtol};

type Read = Result<Action, String>;

/// Whether `c` may stand in a field name.
fn is_token(c: u8) -> bool {
    c.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&c)
}

/// `set-header`, `add-header`, `early-hint`.
pub(super) fn set_header(r: &mut Reading<'_, '_, '_>) -> Read {
    if r.ends_at(0) || r.ends_at(1) {
        return Err("expects exactly 2 arguments".to_owned());
    }
    let name = r.bytes().to_vec();
    r.at += 1;
    let format = r.http_format()?;
    let bad = name.iter().enumerate().find(|(i, c)| !(is_token(**c) || *i == 0 && **c == b':'));
    // COMPAT: 2.6 does not look at the name.
    if let Some((_, c)) = bad.filter(|_| r.cx.input.dialect >= rha_vocab::Dialect::V2_8) {
        let shown = String::from_utf8_lossy(&name);
        r.warning = Some(format!("header name '{shown}' contains forbidden character '{}'", *c as char));
    }
    let name = name.into();
    Ok(match r.word.as_str() {
        "add-header" => Action::AddHeader(name, format),
        "early-hint" => Action::EarlyHint(name, format),
        _ => Action::SetHeader(name, format),
    })
}

/// `replace-header`, `replace-value`.
pub(super) fn replace_header(r: &mut Reading<'_, '_, '_>) -> Read {
    if r.ends_at(0) || r.ends_at(1) || r.ends_at(2) {
        return Err("expects exactly 3 arguments".to_owned());
    }
    let name = r.bytes().to_vec().into();
    r.at += 1;
    check_regex(r.bytes(), false)?;
    let regex = r.bytes().to_vec().into();
    r.at += 1;
    let format = r.http_format()?;
    Ok(match r.word.as_str() {
        "replace-value" => Action::ReplaceValue(name, regex, format),
        _ => Action::ReplaceHeader(name, regex, format),
    })
}

/// `del-header <name> [-m <method>]`.
pub(super) fn del_header(r: &mut Reading<'_, '_, '_>) -> Read {
    if r.ends_at(0) {
        return Err("expects at least 1 argument".to_owned());
    }
    let name = r.bytes();
    r.at += 1;
    let mut method = NameMatch::Exact;
    if r.take("-m") {
        method = name_match(r, |m| if m == NameMatch::Regex { check_regex(name, false) } else { Ok(()) })?;
    }
    Ok(Action::DelHeader(name.to_vec().into(), method))
}

/// The word after `-m`.
fn name_match(
    r: &mut Reading<'_, '_, '_>,
    judge: impl Fn(NameMatch) -> Result<(), String>,
) -> Result<NameMatch, String> {
    if r.ends_at(0) {
        return Err("-m flag expects exactly 1 argument".to_owned());
    }
    let word = r.text();
    let method = match word.as_str() {
        "str" => NameMatch::Exact,
        "beg" => NameMatch::Begin,
        "end" => NameMatch::End,
        "sub" => NameMatch::Sub,
        "reg" => NameMatch::Regex,
        _ => return Err(format!("-m with unsupported matching method '{word}'")),
    };
    judge(method)?;
    r.at += 1;
    Ok(method)
}

/// `set-method`, `set-path`, `set-pathq`, `set-query`, `set-uri`.
pub(super) fn set_uri(r: &mut Reading<'_, '_, '_>) -> Read {
    if r.ends_at(0) || !r.done_at(1) {
        return Err("expects exactly 1 argument <format>".to_owned());
    }
    let make: fn(LogFormat) -> Action = match r.word.as_str() {
        "set-method" => Action::SetMethod,
        "set-path" => Action::SetPath,
        "set-pathq" => Action::SetPathQuery,
        "set-query" => Action::SetQuery,
        _ => Action::SetUri,
    };
    Ok(make(r.http_format()?))
}

/// `replace-path`, `replace-pathq`, `replace-uri`.
pub(super) fn replace_uri(r: &mut Reading<'_, '_, '_>) -> Read {
    if r.ends_at(0) || r.ends_at(1) || !r.done_at(2) {
        return Err("expects exactly 2 arguments <match-regex> and <replace-format>".to_owned());
    }
    check_regex(r.bytes(), false).map_err(|e| format!("failed to parse the regex : {e}"))?;
    let regex = r.bytes().to_vec().into();
    r.at += 1;
    let format = r.http_format()?;
    Ok(match r.word.as_str() {
        "replace-path" => Action::ReplacePath(regex, format),
        "replace-pathq" => Action::ReplacePathQuery(regex, format),
        _ => Action::ReplaceUri(regex, format),
    })
}

/// `set-status <status> [reason <str>]`.
pub(super) fn set_status(r: &mut Reading<'_, '_, '_>) -> Read {
    if r.ends_at(0) {
        return Err("expects 1 argument: <status>; or 3 arguments: <status> reason <fmt>".to_owned());
    }
    let (n, rest) = strtol(r.bytes(), 10);
    let code = u16::try_from(n).ok().filter(|c| rest.is_empty() && (100..=999).contains(c));
    let Some(code) = code else {
        return Err("expects an integer status code between 100 and 999".to_owned());
    };
    r.at += 1;
    let mut reason = None;
    if r.args.is(r.at, "reason") && !r.done_at(1) {
        reason = Some(r.args.at(r.at + 1).to_vec().into());
        r.at += 2;
    }
    Ok(Action::SetStatus(code, reason))
}

/// `capture`: `<expr> { len <n> | id <n> }` for requests, `<expr> id <n>` for responses.
pub(super) fn capture(r: &mut Reading<'_, '_, '_>, response: bool, context: ArgContext) -> Read {
    if (0..3).any(|i| r.done_at(i)) {
        let usage = if response {
            "expects <expression> id <idx>"
        } else {
            "expects <expression> [ 'len' <length> | id <idx> ]"
        };
        return Err(usage.to_owned());
    }
    let points =
        if response { Checkpoints::FRONT_RESPONSE_HEADERS } else { Checkpoints::FRONT_REQUEST_HEADERS };
    let expr = r.sample_at(points, context)?;
    if r.ends_at(0) {
        return Err(if response { "expects 'id'" } else { "expects 'len or 'id'" }.to_owned());
    }
    let word = r.text();
    match word.as_str() {
        "len" if !response => {
            if !sides(r.cx).0 {
                return Err(format!("proxy '{}' has no frontend capability", super::proxy_name(r.cx)));
            }
            r.at += 1;
            let len = u32::try_from(atoi(r.bytes())).ok().filter(|n| *n > 0);
            let Some(len) = len else { return Err("length must be > 0".to_owned()) };
            r.at += 1;
            let slot = new_slot(r, len);
            Ok(Action::Capture { expr, slot })
        }
        "id" => {
            r.at += 1;
            let (id, rest) = strtol(r.bytes(), 10);
            if !rest.is_empty() {
                return Err(format!("cannot parse id '{}'", r.text()));
            }
            r.at += 1;
            note_slot(r, id, response);
            Ok(Action::Capture { expr, slot: u32::try_from(id).unwrap_or(u32::MAX) })
        }
        _ if response => Err(format!("expects 'id', found '{word}'")),
        _ => Err(format!("expects 'len' or 'id', found '{word}'")),
    }
}

/// A new capture slot of the proxy.
pub(super) fn new_slot(r: &mut Reading<'_, '_, '_>, len: u32) -> u32 {
    let Some(draft) = r.cx.draft.as_mut() else { return 0 };
    draft.proxy.request_captures.push(Capture { name: Vec::new().into(), len });
    u32::try_from(draft.proxy.request_captures.len() - 1).unwrap_or(u32::MAX)
}

fn note_slot(r: &mut Reading<'_, '_, '_>, id: i64, response: bool) {
    r.note(if response { RuleCheckKind::ResponseCapture(id) } else { RuleCheckKind::RequestCapture(id) });
}

/// `set-headers-bin`, `add-headers-bin` (3.5).
pub(super) fn headers_bin(r: &mut Reading<'_, '_, '_>) -> Read {
    if r.ends_at(0) {
        return Err("expects exactly one argument or three arguments <headers> prefix <pfx>".to_owned());
    }
    let (points, context) = (r.points(), r.set.context());
    r.sample_at(points, context)?;
    if r.take("prefix") {
        if r.ends_at(0) {
            return Err("expects 1 argument: <headers>; or 3 arguments: <headers> prefix <pfx>".to_owned());
        }
        r.at += 1;
    }
    Ok(Action::Planned(r.word.clone()))
}

/// `del-headers-bin` (3.5).
pub(super) fn del_headers_bin(r: &mut Reading<'_, '_, '_>) -> Read {
    if r.ends_at(0) {
        return Err("expects at least 1 argument".to_owned());
    }
    let (points, context) = (r.points(), r.set.context());
    r.sample_at(points, context)?;
    if r.take("-m") {
        name_match(r, |m| {
            if m == NameMatch::Regex {
                return Err(
                    "-m reg is unsupported with del-headers-bin due to performance reasons".to_owned()
                );
            }
            Ok(())
        })?;
    }
    Ok(Action::Planned(r.word.clone()))
}

/// `normalize-uri <normalizer> [option]`, which is experimental.
pub(super) fn normalize_uri(r: &mut Reading<'_, '_, '_>) -> Read {
    if r.ends_at(0) {
        return Err("missing argument <normalizer>".to_owned());
    }
    let name = r.text();
    let option = match name.as_str() {
        "path-merge-slashes" | "path-strip-dot" | "query-sort-by-name" | "fragment-strip"
        | "fragment-encode" => "",
        "path-strip-dotdot" => "full",
        "percent-to-uppercase" | "percent-decode-unreserved" => "strict",
        _ => return Err(format!("unknown normalizer '{name}'")),
    };
    r.at += 1;
    let more = !option.is_empty() && r.take(option);
    if !option.is_empty() && !more && !r.done() {
        return Err(format!("unknown argument '{}' for '{name}' normalizer", r.text()));
    }
    Ok(Action::NormalizeUri(match name.as_str() {
        "path-merge-slashes" => Normalizer::MergeSlashes,
        "path-strip-dot" => Normalizer::StripDot,
        "path-strip-dotdot" => Normalizer::StripDotdot { full: more },
        "query-sort-by-name" => Normalizer::SortQuery,
        "percent-to-uppercase" => Normalizer::Uppercase { strict: more },
        "percent-decode-unreserved" => Normalizer::Decode { strict: more },
        "fragment-strip" => Normalizer::StripFragment,
        _ => Normalizer::EncodeFragment,
    }))
}
