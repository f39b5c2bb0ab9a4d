//! HTTP actions that decide or reply: allow, deny, tarpit, return, redirect, auth, reject, and switches.

use rha_ir::{Action, BString, TimeoutValue, VarName};

use super::action::{Reading, Set};
use super::redirect::{RedirectPlace, redirect_text};
use super::reply::reply_text;
use crate::Word;
use crate::expr::{ArgContext, Args, LogSite, log_format_text, variable_text};
use crate::units::{self, TimeError, TimeUnit};

type Read = Result<Action, String>;

/// `allow`.
pub(super) fn allow(_: &mut Reading<'_, '_, '_>) -> Read {
    Ok(Action::Allow)
}

/// `reject`.
pub(super) fn reject(_: &mut Reading<'_, '_, '_>) -> Read {
    Ok(Action::Reject)
}

/// `disable-l7-retry`.
pub(super) fn disable_l7_retry(_: &mut Reading<'_, '_, '_>) -> Read {
    Ok(Action::DisableL7Retry)
}

/// `deny`, `tarpit`.
pub(super) fn deny(r: &mut Reading<'_, '_, '_>) -> Read {
    let tarpit = r.word == "tarpit";
    let default = match (r.set, tarpit) {
        (Set::HttpRequest, true) => 500,
        (Set::HttpRequest, false) => 403,
        _ => 502,
    };
    let reply = match deny_words(r) {
        Some((words, next)) => {
            let made = Args::made(&words, r.args.span(0));
            let reply = reply_text(r.cx, made, 0, r.set.context(), r.points(), default)?.reply;
            r.at = next;
            reply
        }
        None => {
            let (context, points) = (r.set.context(), r.points());
            let read = reply_text(r.cx, r.args, r.at, context, points, default)?;
            r.at = read.next;
            read.reply
        }
    };
    Ok(if tarpit { Action::Tarpit(reply) } else { Action::Deny(reply) })
}

/// The words a short form stands for: nothing at all, or the old `deny_status n`.
fn deny_words(r: &Reading<'_, '_, '_>) -> Option<(Vec<Word>, usize)> {
    let span = r.span();
    let word =
        |text: &[u8]| Word { text: BString::from(text.to_vec()), span, expanded: false, quoted: false };
    if r.done() {
        return Some((vec![word(b"default-errorfiles")], r.at));
    }
    if !r.args.is(r.at, "deny_status") {
        return None;
    }
    let mut words = vec![word(b"status")];
    let status = r.args.at(r.at + 1);
    if status.is_empty() {
        return Some((words, r.at + 1));
    }
    words.push(word(status));
    if r.done_at(2) {
        words.push(word(b"default-errorfiles"));
        return Some((words, r.at + 2));
    }
    let mut next = r.at + 2;
    while !r.args.ends(next) && !r.args.is(next, "if") && !r.args.is(next, "unless") {
        words.push(word(r.args.at(next)));
        next += 1;
    }
    Some((words, next))
}

/// `return`.
pub(super) fn return_reply(r: &mut Reading<'_, '_, '_>) -> Read {
    let (context, points) = (r.set.context(), r.points());
    let read = reply_text(r.cx, r.args, r.at, context, points, 200)?;
    r.at = read.next;
    Ok(Action::Return(read.reply))
}

/// `auth [realm <realm>]`.
pub(super) fn auth(r: &mut Reading<'_, '_, '_>) -> Read {
    if !r.take("realm") {
        return Ok(Action::Auth(None));
    }
    if r.ends_at(0) {
        // COMPAT: a line break of the original's stands at the end of this message.
        return Err("missing realm value.\n".to_owned());
    }
    let realm = r.bytes().to_vec().into();
    r.at += 1;
    Ok(Action::Auth(Some(realm)))
}

/// `redirect …`, which reads its condition itself.
pub(super) fn redirect(r: &mut Reading<'_, '_, '_>) -> Read {
    let place = if r.set == Set::HttpRequest { RedirectPlace::Request } else { RedirectPlace::Response };
    let (redirect, condition) = redirect_text(r.cx, r.args.from(r.at), place)?;
    r.condition = condition;
    while !r.args.ends(r.at) {
        r.at += 1;
    }
    Ok(Action::Redirect(redirect))
}

/// `strict-mode { on | off }`.
pub(super) fn strict_mode(r: &mut Reading<'_, '_, '_>) -> Read {
    if r.ends_at(0) {
        return Err("expects exactly 1 arguments".to_owned());
    }
    let word = r.text();
    r.at += 1;
    match word.to_ascii_lowercase().as_str() {
        "on" => Ok(Action::StrictMode(true)),
        "off" => Ok(Action::StrictMode(false)),
        _ => Err(format!("Unexpected value '{word}'. Only 'on' and 'off' are supported")),
    }
}

/// `set-timeout { client | server | tunnel } { <time> | <expr> }`.
pub(super) fn set_timeout(r: &mut Reading<'_, '_, '_>) -> Read {
    if r.ends_at(0) || r.ends_at(1) {
        return Err("expects exactly 2 arguments".to_owned());
    }
    let name = r.text();
    let (front, back) = super::sides(r.cx);
    let more = r.cx.input.dialect >= rha_vocab::Dialect::V3_4;
    let old = r.cx.input.dialect < rha_vocab::Dialect::V2_8;
    let owner = super::proxy_name(r.cx);
    match name.as_str() {
        _ if old && !back => return Err(format!("proxy '{owner}' has no backend capability")),
        "server" | "tunnel" if back => {}
        "connect" | "queue" if more && back => {}
        "tarpit" if more => {}
        "client" if front && !old => {}
        "server" | "tunnel" => return Err(format!("'{owner}' has no backend capability")),
        "connect" | "queue" if more => return Err(format!("'{owner}' has no backend capability")),
        "client" if !old => return Err(format!("'{owner}' has no frontend capability")),
        _ => {
            let known = match (more, old) {
                (true, _) => "'client'/'connect'/'queue'/'server'/'tarpit'/'tunnel'",
                (_, true) => "'server'/'tunnel'",
                _ => "'server'/'tunnel'/'client'",
            };
            return Err(format!("'set-timeout' rule supports {known} (got '{name}')"));
        }
    }
    r.at += 1;
    let value = timeout(r, &format!("set-timeout {name}"))?;
    Ok(Action::SetTimeout(name, value))
}

/// `pause { <time> | <expr> }`.
pub(super) fn pause(r: &mut Reading<'_, '_, '_>) -> Read {
    Ok(Action::Pause(timeout(r, "pause")?))
}

/// A time in milliseconds, or an expression.
fn timeout(r: &mut Reading<'_, '_, '_>, rule: &str) -> Result<TimeoutValue, String> {
    let word = r.text();
    match units::time(r.bytes(), TimeUnit::Ms) {
        Ok(t) if t.value == 0 => Err(if rule == "pause" {
            "null value is not valid for a 'pause' rule".to_owned()
        } else {
            format!("null value is not valid for a '{rule}' rule")
        }),
        Ok(t) => {
            r.at += 1;
            Ok(TimeoutValue::Ms(t.value))
        }
        Err(TimeError::Over) => Err(format!(
            "timer overflow in argument '{word}' to rule '{rule}' (maximum value is 2147483647 ms or ~24.8 days)"
        )),
        Err(TimeError::Under) => {
            Err(format!("timer underflow in argument '{word}' to rule '{rule}' (minimum value is 1 ms)"))
        }
        Err(TimeError::Unexpected(c)) => match r.sample(r.set.context()) {
            Ok(e) => Ok(TimeoutValue::Expr(Box::new(e))),
            Err(_) => Err(format!("unexpected character '{}' in rule '{rule}'", c as char)),
        },
    }
}

/// `wait-for-body time <time> [at-least <bytes>]`.
pub(super) fn wait_for_body(r: &mut Reading<'_, '_, '_>) -> Read {
    const USAGE: &str = "expects time <time> [ at-least <bytes> ]";
    if r.ends_at(0) {
        return Err(USAGE.to_owned());
    }
    let (mut time, mut at_least) = (None, None);
    loop {
        let word = r.text();
        if word != "time" && word != "at-least" {
            break;
        }
        if r.ends_at(1) {
            return Err(format!("missing argument for '{word}'"));
        }
        r.at += 1;
        if word == "time" {
            time = Some(match units::time(r.bytes(), TimeUnit::Ms) {
                Ok(t) => t.value,
                Err(TimeError::Over) => {
                    return Err("time overflow (maximum value is 2147483647 ms or ~24.8 days)".to_owned());
                }
                Err(TimeError::Under) => {
                    return Err("time underflow (minimum non-null value is 1 ms)".to_owned());
                }
                Err(TimeError::Unexpected(c)) => return Err(unexpected(c)),
            });
        } else {
            at_least = Some(u64::from(units::size(r.bytes()).map_err(unexpected)?));
        }
        r.at += 1;
    }
    let Some(time_ms) = time else { return Err(USAGE.to_owned()) };
    Ok(Action::WaitForBody { time_ms, at_least: at_least.filter(|n| *n > 0) })
}

pub(super) fn unexpected(c: u8) -> String {
    format!("unexpected character '{}'", c as char)
}

/// Conditions `set-var` knows.
const VAR_CONDITIONS: [&str; 8] =
    ["ifexists", "ifnotexists", "ifempty", "ifnotempty", "ifset", "ifnotset", "ifgt", "iflt"];

/// `set-var(<name>[,<cond>…]) <expr>`, `set-var-fmt(…) <fmt>`, `unset-var(<name>)`.
pub(super) fn variable(r: &mut Reading<'_, '_, '_>) -> Read {
    let word = r.word.clone();
    let kinds = ["set-var-fmt", "set-var", "unset-var"];
    let kind = kinds.into_iter().find(|k| word.starts_with(k)).unwrap_or("set-var");
    let rest = &word[kind.len()..];
    let usage = "Expects 'set-var(<var-name>)', 'set-var-fmt(<var-name>)' or 'unset-var(<var-name>)'";
    let Some(inner) = rest.strip_prefix('(') else {
        return Err(format!("invalid or incomplete action '{word}'. {usage}"));
    };
    let Some(inner) = inner.strip_suffix(')') else {
        return Err(format!("incomplete argument after action '{word}'. {usage}"));
    };
    let (name, conditions) = conditions(inner, kind == "unset-var")?;
    let name: VarName = variable_text(name.as_bytes())?;
    if kind == "unset-var" {
        return Ok(Action::UnsetVar(name));
    }
    let (context, points) = (r.set.context(), r.points());
    if kind == "set-var-fmt" {
        let site = LogSite::plain(context, points);
        let format = log_format_text(r.cx, r.span(), r.bytes(), site)?;
        r.at += 1;
        return Ok(Action::SetVarFormat(name, format, conditions));
    }
    let expr = r.sample(context)?;
    r.must_see(&expr, points, &word)?;
    Ok(Action::SetVar(name, expr, conditions))
}

/// Splits `name,cond,cond`.
fn conditions(inner: &str, unset: bool) -> Result<(String, Vec<String>), String> {
    let mut parts = inner.split(',');
    let name = parts.next().unwrap_or("").to_owned();
    let mut found = Vec::new();
    for c in parts.take_while(|c| !c.is_empty()) {
        if unset {
            return Err("unset-var does not expect parameters after the variable name. Only \"set-var\" and \"set-var-fmt\" manage conditions".to_owned());
        }
        if !VAR_CONDITIONS.contains(&c) {
            return Err(format!("unknown condition \"{c}\""));
        }
        found.push(c.to_owned());
    }
    Ok((name, found))
}

/// `set-src`, `set-src-port`, `set-dst`, `set-dst-port`.
pub(super) fn set_address(r: &mut Reading<'_, '_, '_>) -> Read {
    let points = r.request_points();
    let context = r.set.context();
    let expr = r.sample_at(points, context)?;
    Ok(match r.word.as_str() {
        "set-src" => Action::SetSource(expr),
        "set-src-port" => Action::SetSourcePort(expr),
        "set-dst" => Action::SetDestination(expr),
        _ => Action::SetDestinationPort(expr),
    })
}

/// `capture <expr> { len <n> | id <n> }` of requests.
pub(super) fn capture_request(r: &mut Reading<'_, '_, '_>) -> Read {
    super::act_message::capture(r, false, ArgContext::Capture)
}

/// `capture <expr> id <n>` of responses.
pub(super) fn capture_response(r: &mut Reading<'_, '_, '_>) -> Read {
    super::act_message::capture(r, true, ArgContext::Capture)
}
