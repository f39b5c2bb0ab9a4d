//! Arguments of `redirect`, of the line by that name and of the action in HTTP rule sets.
//!
//! HAProxy configuration manual §4.2 "redirect".

use rha_ir::{BString, Condition, LogFormat, LogNode, Redirect, RedirectKind};

use super::sides;
use crate::Cx;
use crate::expr::{
    ArgContext, Args, LogSite, condition_text, http_request_points, http_response_points, log_format_text,
};
use crate::units::atol;

/// Where a redirection is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RedirectPlace {
    /// The line of its own: the target is plain text.
    Line,
    /// `http-request redirect`.
    Request,
    /// `http-response redirect`.
    Response,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Location,
    Prefix,
    Scheme,
}

/// Reads all words of `args`.
///
/// # Errors
/// The original's words.
pub(super) fn redirect_text(
    cx: &mut Cx<'_>,
    args: Args<'_>,
    place: RedirectPlace,
) -> Result<(Redirect, Option<Condition>), String> {
    let mut target: Option<(Kind, usize)> = None;
    let mut redirect = Redirect {
        kind: RedirectKind::Location(LogFormat { nodes: Vec::new(), origin: args.span(0) }),
        code: 302,
        drop_query: false,
        append_slash: false,
        ignore_empty: false,
        set_cookie: None,
        clear_cookie: None,
        keep_query: false,
    };
    let mut condition = None;
    let mut at = 0;
    let newer = cx.input.dialect >= rha_vocab::Dialect::V3_2;
    while !args.ends(at) {
        let word = args.text(at);
        match word.as_str() {
            "location" | "prefix" | "scheme" | "set-cookie" | "clear-cookie" | "code" => {
                if args.ends(at + 1) {
                    return Err(format!("missing argument for '{word}'"));
                }
                at += 1;
                match word.as_str() {
                    "location" => target = Some((Kind::Location, at)),
                    "prefix" => target = Some((Kind::Prefix, at)),
                    "scheme" => target = Some((Kind::Scheme, at)),
                    "code" => redirect.code = code(&args.text(at))?,
                    other => cookie(&mut redirect, other == "set-cookie", args.at(at)),
                }
            }
            "drop-query" => redirect.drop_query = true,
            "append-slash" => redirect.append_slash = true,
            "ignore-empty" => redirect.ignore_empty = true,
            "keep-query" if newer => redirect.keep_query = true,
            "if" | "unless" => {
                let c = condition_text(cx, args.from(at));
                condition = Some(c.map_err(|e| format!("error in condition: {e}"))?);
                break;
            }
            _ => {
                let keep = if newer { ", 'keep-query'" } else { "" };
                return Err(format!(
                    "expects 'code', 'prefix', 'location', 'scheme', 'set-cookie', 'clear-cookie', 'drop-query'{keep}, 'ignore-empty' or 'append-slash' (was '{word}')"
                ));
            }
        }
        at += 1;
    }
    let Some((kind, i)) = target else {
        return Err("redirection type expected ('prefix', 'location', or 'scheme')".to_owned());
    };
    if place == RedirectPlace::Response && kind != Kind::Location {
        return Err("response only supports redirect type 'location'".to_owned());
    }
    let format = target_format(cx, args, i, kind, place)?;
    redirect.kind = match kind {
        Kind::Location => RedirectKind::Location(format),
        Kind::Prefix => RedirectKind::Prefix(format),
        Kind::Scheme => RedirectKind::Scheme(format),
    };
    Ok((redirect, condition))
}

fn code(word: &str) -> Result<u16, String> {
    match u16::try_from(atol(word.as_bytes())) {
        Ok(c @ (301..=303 | 307 | 308)) => Ok(c),
        _ => {
            Err(format!("'code': unsupported HTTP code '{word}' (must be one of 301, 302, 303, 307 or 308)"))
        }
    }
}

/// The text after `Set-Cookie: `. The last of several cookie arguments counts.
fn cookie(redirect: &mut Redirect, set: bool, value: &[u8]) {
    let mut text = BString::from(value.to_vec());
    text.extend_from_slice(if set { b"; path=/;" } else { b"; path=/; Max-Age=0;" });
    redirect.set_cookie = set.then(|| text.clone());
    redirect.clear_cookie = (!set).then_some(text);
}

fn target_format(
    cx: &mut Cx<'_>,
    args: Args<'_>,
    i: usize,
    kind: Kind,
    place: RedirectPlace,
) -> Result<LogFormat, String> {
    let (span, text) = (args.span(i), args.at(i));
    if place == RedirectPlace::Line {
        return Ok(LogFormat { nodes: vec![LogNode::Text(text.to_owned())], origin: span });
    }
    // COMPAT: the prefix "/" stands for none, so that a site can redirect to itself.
    if kind == Kind::Prefix && text == "/" {
        return Ok(LogFormat { nodes: Vec::new(), origin: span });
    }
    let (front, back) = sides(cx);
    let points = match place {
        RedirectPlace::Response => http_response_points(front, back),
        _ => http_request_points(front, back),
    };
    log_format_text(cx, span, text, LogSite::http(ArgContext::Redirect, points))
}
