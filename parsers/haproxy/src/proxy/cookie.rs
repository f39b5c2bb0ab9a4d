//! `cookie`, `dynamic-cookie-key`.

use rha_ir::{Cookie, CookieMode};
use rha_text::Severity;

use super::basics::shown;
use super::rows::row;
use super::{draft, warn_unless};
use crate::units::{self, TimeError, TimeUnit};
use crate::{Cx, Keyword, Line, Place};

pub(super) const KEYWORDS: &[Keyword] = &[
    row("cookie", Place::BACK, "<name> [options]", "Keeps a client on its server by a cookie.", cookie),
    row(
        "dynamic-cookie-key",
        Place::BACK,
        "<string>",
        "Sets the secret of cookies made from addresses.",
        key,
    ),
];

fn key(cx: &mut Cx<'_>, line: &Line) {
    warn_unless(cx, line, Place::BACKEND, "dynamic-cookie-key", "");
    if line.arg(1).is_empty() {
        return cx.error("HA2100", line, 1, "'dynamic-cookie-key' expects <secret_key> as argument.");
    }
    if let Some(d) = draft(cx, line) {
        d.extra.cookie_key = Some(line.arg(1).into());
    }
}

#[derive(Default)]
struct Modes {
    rewrite: bool,
    insert: bool,
    prefix: bool,
}

fn cookie(cx: &mut Cx<'_>, line: &Line) {
    warn_unless(cx, line, Place::BACKEND, "cookie", "");
    if line.arg(1).is_empty() {
        return cx.error("HA2100", line, 1, "'cookie' expects <cookie_name> as argument.");
    }
    let mut c = Cookie {
        name: line.arg(1).into(),
        mode: CookieMode::Passive,
        indirect: false,
        nocache: false,
        postonly: false,
        preserve: false,
        httponly: false,
        secure: false,
        domains: Vec::new(),
        maxidle_s: None,
        maxlife_s: None,
        dynamic: false,
        attrs: Vec::new(),
        dynamic_key: None,
        origin: line.span,
    };
    let mut modes = Modes::default();
    let mut i = 2;
    while !line.arg(i).is_empty() {
        let Some(used) = option(cx, line, i, &mut c, &mut modes) else { return };
        i += used;
    }
    if modes.rewrite && c.indirect {
        cx.error("HA2108", line, 0, "cookie 'rewrite' and 'indirect' modes are incompatible.");
    }
    if [modes.rewrite, modes.insert, modes.prefix].iter().filter(|m| **m).count() > 1 {
        cx.error("HA2108", line, 0, "cookie 'rewrite', 'insert' and 'prefix' modes are incompatible.");
    }
    if c.preserve && !modes.insert && !c.indirect {
        cx.error("HA2108", line, 0, "cookie 'preserve' requires at least 'insert' or 'indirect'.");
    }
    c.mode = match modes {
        Modes { insert: true, .. } => CookieMode::Insert,
        Modes { rewrite: true, .. } => CookieMode::Rewrite,
        Modes { prefix: true, .. } => CookieMode::Prefix,
        _ => CookieMode::Passive,
    };
    if let Some(d) = draft(cx, line) {
        d.proxy.cookie = Some(c);
    }
}

/// Reads one option; how many words it had, `None` after an error.
fn option(cx: &mut Cx<'_>, line: &Line, i: usize, c: &mut Cookie, modes: &mut Modes) -> Option<usize> {
    match line.bytes(i) {
        b"rewrite" => modes.rewrite = true,
        b"insert" => modes.insert = true,
        b"prefix" => modes.prefix = true,
        b"indirect" => c.indirect = true,
        b"nocache" => c.nocache = true,
        b"postonly" => c.postonly = true,
        b"preserve" => c.preserve = true,
        b"httponly" => c.httponly = true,
        b"secure" => c.secure = true,
        b"dynamic" => {
            warn_unless(cx, line, Place::BACKEND, "dynamic", "");
            c.dynamic = true;
        }
        b"domain" => {
            c.domains.push(domain(cx, line, i)?.into());
            return Some(2);
        }
        b"maxidle" => {
            c.maxidle_s = Some(seconds(cx, line, i, "idletime")?);
            return Some(2);
        }
        b"maxlife" => {
            c.maxlife_s = Some(seconds(cx, line, i, "lifetime")?);
            return Some(2);
        }
        b"attr" => {
            c.attrs.push(attribute(cx, line, i)?.into());
            return Some(2);
        }
        _ => {
            cx.error("HA2101", line, i, "'cookie' supports 'rewrite', 'insert', 'prefix', 'indirect', 'nocache', 'postonly', 'domain', 'maxidle', 'dynamic', 'maxlife' and 'attr' options.");
            return None;
        }
    }
    Some(1)
}

fn domain(cx: &mut Cx<'_>, line: &Line, i: usize) -> Option<String> {
    let value = line.text(i + 1);
    if value.is_empty() {
        cx.error_tight("HA2100", line, i + 1, "'domain' expects <domain> as argument.");
        return None;
    }
    if !value.contains('.') {
        let text = format!(
            "domain '{value}' contains no embedded dot, this configuration may not work properly (see RFC6265#5.2.3)."
        );
        cx.parsing("HA3109", Severity::Warning, line, i + 1, ": ", &text);
    }
    let bad = |b: &u8| !b.is_ascii_alphanumeric() && !b"._-".contains(b);
    if let Some(b) = line.arg(i + 1).iter().copied().find(bad) {
        let text = format!("character '{}' is not permitted in domain name '{value}'.", b as char);
        cx.error_tight("HA2100", line, i + 1, text);
        return None;
    }
    Some(value)
}

fn seconds(cx: &mut Cx<'_>, line: &Line, i: usize, what: &str) -> Option<u32> {
    let keyword = line.text(i);
    let value = line.text(i + 1);
    if value.is_empty() {
        cx.error_tight(
            "HA2100",
            line,
            i + 1,
            format!("'{keyword}' expects <{what}> in seconds as argument."),
        );
        return None;
    }
    match units::time_warned(cx, line.at(i + 1), line.arg(i + 1), TimeUnit::S) {
        Ok(v) => Some(v),
        Err(e) => {
            let text = match e {
                TimeError::Over => format!(
                    "timer overflow in argument <{value}> to <{keyword}>, maximum value is 2147483647 s (~68 years)."
                ),
                TimeError::Under => format!(
                    "timer underflow in argument <{value}> to <{keyword}>, minimum non-null value is 1 s."
                ),
                TimeError::Unexpected(c) => {
                    format!("unexpected character '{}' in argument to <{keyword}>.", shown(c))
                }
            };
            cx.error_tight("HA2100", line, i + 1, text);
            None
        }
    }
}

fn attribute(cx: &mut Cx<'_>, line: &Line, i: usize) -> Option<String> {
    if line.arg(i + 1).is_empty() {
        cx.error_tight("HA2100", line, i + 1, "'attr' expects <value> as argument.");
        return None;
    }
    if let Some(b) = line.arg(i + 1).iter().find(|b| b.is_ascii_control() || **b == b';') {
        cx.error_tight(
            "HA2100",
            line,
            i + 1,
            format!("character '%x{b:02X}' is not permitted in attribute value."),
        );
        return None;
    }
    Some(line.text(i + 1))
}
