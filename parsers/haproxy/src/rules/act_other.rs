//! The remaining actions: logging, marks, limits, services, names resolved while serving.

use rha_ir::{Action, MarkValue, SocketMark, SocketSide};
use rha_vocab::{Lifetime, Support};

use super::action::Reading;
use super::{RuleCheckKind, proxy_name, proxy_word, sides};
use crate::expr::ArgContext;
use crate::units::{self, TimeUnit, strtol};

type Read = Result<Action, String>;

const LEVELS: [&str; 8] = ["emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"];

/// An action without arguments that is not built.
pub(super) fn bare(r: &mut Reading<'_, '_, '_>) -> Read {
    Ok(Action::Planned(r.word.clone()))
}

/// `set-log-level { silent | <level> }`.
pub(super) fn set_log_level(r: &mut Reading<'_, '_, '_>) -> Read {
    let word = r.text();
    let level = LEVELS.iter().position(|l| *l == word).and_then(|i| u8::try_from(i).ok());
    if word != "silent" && level.is_none() {
        return Err("expects exactly 1 argument (log level name or 'silent')".to_owned());
    }
    r.at += 1;
    Ok(Action::SetLogLevel(level))
}

/// `set-nice <n>`.
pub(super) fn set_nice(r: &mut Reading<'_, '_, '_>) -> Read {
    if r.ends_at(0) {
        return Err("expects exactly 1 argument (integer value)".to_owned());
    }
    r.at += 1;
    Ok(Action::NoEffect(r.word.clone()))
}

/// `set-retries { <n> | <expr> }` (3.2).
pub(super) fn set_retries(r: &mut Reading<'_, '_, '_>) -> Read {
    if r.ends_at(0) {
        return Err("expects exactly 1 argument (an expression or an integer between 1 and 100)".to_owned());
    }
    if !sides(r.cx).1 {
        return Err(format!("'{}' only available in backend or listen section", r.word));
    }
    if r.cx.draft.as_ref().is_some_and(|d| d.is_defaults) {
        return Err(format!("'{}' is not allowed in 'defaults' sections", r.word));
    }
    let (n, rest) = strtol(r.bytes(), 0);
    if rest.is_empty() {
        if !(0..=100).contains(&n) {
            return Err("expects an expression or an integer between 1 and 100".to_owned());
        }
        r.at += 1;
        return Ok(Action::SetRetries(rha_ir::RetriesValue::Fixed(u32::try_from(n).unwrap_or(0))));
    }
    let (points, context) = (r.request_points(), r.set.context());
    let expr = r.sample_at(points, context)?;
    Ok(Action::SetRetries(rha_ir::RetriesValue::Expr(Box::new(expr))))
}

/// `switch-mode http [proto <proto>]` of TCP content rules.
pub(super) fn switch_mode(r: &mut Reading<'_, '_, '_>) -> Read {
    let rule = format!("{} {}", r.args.text(0), r.word);
    if r.ends_at(0) {
        return Err(format!("'{rule}' expects a mode as argument."));
    }
    if !sides(r.cx).0 {
        return Err(format!(
            "'{rule}' not allowed because {} '{}' has no frontend capability",
            proxy_word(r.cx),
            proxy_name(r.cx)
        ));
    }
    let mode = r.text();
    if mode != "http" {
        return Err(format!("'{rule}' expects a valid mode (got '{mode}')."));
    }
    r.at += 1;
    if r.take("proto") {
        if r.ends_at(0) {
            return Err(format!("'{rule}': 'proto' expects a protocol as argument."));
        }
        let proto = r.text();
        if !["h1", "h2", "fcgi", "none", "quic", "spop"].contains(&proto.as_str()) {
            return Err(format!(
                "'{rule}': 'proto' expects a valid MUX protocol, if specified (got '{proto}')"
            ));
        }
        r.at += 1;
        if proto != "h1" {
            return Ok(Action::Planned(format!("{} {mode} proto {proto}", r.word)));
        }
    }
    Ok(Action::SwitchToHttp)
}

/// A service built into the program.
pub struct ServiceRow {
    /// Name.
    pub name: &'static str,
    /// Versions that know it.
    pub lifetime: Lifetime,
    /// How far it is built.
    pub support: Support,
    /// One sentence in our own words.
    pub doc: &'static str,
}

/// All services.
pub const SERVICES: &[ServiceRow] = &[ServiceRow {
    name: "prometheus-exporter",
    lifetime: Lifetime::ALWAYS,
    support: Support::Planned,
    doc: "Shows the statistics to Prometheus.",
}];

/// `use-service <name>`.
pub(super) fn use_service(r: &mut Reading<'_, '_, '_>) -> Read {
    let rule = if r.args.text(0).starts_with("http") { r.word.clone() } else { r.args.text(0) };
    if r.ends_at(0) {
        return Err(format!("'{rule}' expects a service name."));
    }
    let name = r.text();
    // What Lua registers is known only to those who run it.
    let by_lua = name.starts_with("lua.") && r.cx.others.has_lua;
    if !by_lua && !SERVICES.iter().any(|s| name == s.name) {
        let second = if r.args.text(0).starts_with("http") { name } else { r.args.text(1) };
        return Err(format!("'{second}' unknown service name."));
    }
    if name == "prometheus-exporter" && r.args.text(0) != "http-request" {
        return Err("Prometheus exporter service only available on 'http-request' rulesets".to_owned());
    }
    r.at += 1;
    Ok(Action::Planned(r.word.clone()))
}

/// `send-spoe-group <engine> <group>`.
pub(super) fn send_spoe_group(r: &mut Reading<'_, '_, '_>) -> Read {
    if r.ends_at(0) || r.ends_at(1) || !r.done_at(2) {
        return Err("expects 2 arguments: <engine-id> <group-id>".to_owned());
    }
    let (engine, group) = (r.text(), r.args.text(r.at + 1));
    r.at += 2;
    r.note(RuleCheckKind::SpoeGroup(engine, group));
    Ok(Action::Planned(r.word.clone()))
}

/// `do-resolve(<var>,<resolvers>[,ipv4|ipv6]) <expr>`.
pub(super) fn do_resolve(r: &mut Reading<'_, '_, '_>) -> Read {
    let word = r.word.clone();
    let usage = |shown: &str| {
        format!(
            "Can't parse '{shown}'. Expects 'do-resolve(<varname>,<resolvers>[,<options>]) <expr>'. Available options are 'ipv4' and 'ipv6'"
        )
    };
    let inner = word.split_once('(').and_then(|(_, i)| i.split_once(')')).map(|(i, _)| i);
    let parts: Vec<&str> = inner.unwrap_or("").split(',').collect();
    let options = parts.get(2..).unwrap_or(&[]);
    if inner.is_none() || parts.len() < 2 || !options.iter().all(|o| matches!(*o, "ipv4" | "ipv6" | "")) {
        return Err(usage(&word));
    }
    let first = r.text();
    let context = r.set.context();
    let Ok(expr) = r.sample(context) else { return Err(usage(&first)) };
    let points = r.request_points();
    let last = r.args.text(r.at.saturating_sub(1));
    r.must_see(&expr, points, &last)?;
    let section = parts.get(1).map_or_else(String::new, |p| (*p).to_owned());
    r.note(RuleCheckKind::Resolvers(section));
    Ok(Action::Planned(word))
}

/// `cache-use <name>`, `cache-store <name>`.
pub(super) fn cache(r: &mut Reading<'_, '_, '_>) -> Read {
    if r.done() {
        return Err("expects a cache name".to_owned());
    }
    let name = r.text();
    r.at += 1;
    r.note(RuleCheckKind::Cache(name));
    Ok(Action::Planned(r.word.clone()))
}

/// `set-mark`, `set-tos` and their `fc` and `bc` forms.
pub(super) fn mark(r: &mut Reading<'_, '_, '_>) -> Read {
    let old = r.cx.input.dialect < rha_vocab::Dialect::V3_0;
    if r.ends_at(0) {
        let usage =
            if old { "expects exactly 1 argument (integer/hex value)" } else { "expects an argument" };
        return Err(usage.to_owned());
    }
    let (n, rest) = strtol(r.bytes(), 0);
    let side = if r.word.starts_with("set-bc") { SocketSide::Server } else { SocketSide::Client };
    let what = if r.word.ends_with("-tos") { SocketMark::Tos } else { SocketMark::Mark };
    if rest.is_empty() {
        r.at += 1;
        return Ok(Action::SetSocket(side, what, MarkValue::Fixed(n as u32)));
    }
    // COMPAT: 2.6 takes numbers only.
    if old {
        let shown = String::from_utf8_lossy(rest).into_owned();
        return Err(format!("invalid character starting at '{shown}' (integer/hex value expected)"));
    }
    let (points, context) = (r.request_points(), r.set.context());
    let before = r.word.clone();
    let expr = r.sample(context)?;
    r.must_see(&expr, points, &before)?;
    Ok(Action::SetSocket(side, what, MarkValue::Expr(Box::new(expr))))
}

/// `silent-drop [rst-ttl <n>]`.
pub(super) fn silent_drop(r: &mut Reading<'_, '_, '_>) -> Read {
    let mut ttl = None;
    if r.cx.input.dialect >= rha_vocab::Dialect::V2_8 && r.take("rst-ttl") {
        if r.ends_at(0) {
            return Err("missing rst-ttl value\n".to_owned());
        }
        let (n, rest) = strtol(r.bytes(), 0);
        if !rest.is_empty() {
            let shown = String::from_utf8_lossy(rest);
            return Err(format!("invalid character starting at '{shown}' (value 1-255 expected)\n"));
        }
        if !(1..=255).contains(&n) {
            return Err("valid rst-ttl values are [1-255]\n".to_owned());
        }
        ttl = u8::try_from(n).ok();
        r.at += 1;
    }
    Ok(Action::SilentDrop(ttl))
}

/// `set-bandwidth-limit <name> [limit { <expr> | <size> }] [period { <expr> | <time> }]`.
pub(super) fn bandwidth(r: &mut Reading<'_, '_, '_>) -> Read {
    if r.ends_at(0) {
        return Err("missing bwlim filter name".to_owned());
    }
    let name = r.text();
    r.at += 1;
    r.note(RuleCheckKind::BandwidthFilter(name));
    loop {
        let limit = r.take("limit");
        if !limit && !r.take("period") {
            return Ok(Action::Planned(r.word.clone()));
        }
        let good = if limit {
            units::size(r.bytes()).is_ok()
        } else {
            units::time(r.bytes(), TimeUnit::Ms).is_ok_and(|t| t.trailing.is_none())
        };
        if good {
            r.at += 1;
            continue;
        }
        let (before, word) = (r.args.text(r.at - 1), r.text());
        if r.sample(ArgContext::None).is_err() {
            let kind = if limit { "size" } else { "time" };
            return Err(format!("'{before}': invalid {kind} value or unknown fetch method '{word}'"));
        }
    }
}

/// `do-log [profile <name>]` (3.1).
pub(super) fn do_log(r: &mut Reading<'_, '_, '_>) -> Read {
    while r.take("profile") {
        if r.ends_at(0) {
            return Err(format!("action '{}': 'profile' expects argument.", r.word));
        }
        r.at += 1;
    }
    Ok(Action::Planned(r.word.clone()))
}

/// `attach-srv <server> [name <expr>]`, which is experimental before 3.1.
pub(super) fn attach_srv(r: &mut Reading<'_, '_, '_>) -> Read {
    if !r.cx.experimental {
        let at = r.cx.position(r.args.span(0));
        return Err(format!(
            "parsing [{at}] : '{}' action is experimental, must be allowed via a global 'expose-experimental-directives'",
            r.word
        ));
    }
    r.at += 1;
    if r.take("name") {
        if r.ends_at(0) {
            return Err("missing name value".to_owned());
        }
        let context = r.set.context();
        r.sample(context)?;
    }
    Ok(Action::Planned(r.word.clone()))
}

/// `ot-group <id> <group>` of the OpenTracing filter.
pub(super) fn ot_group(r: &mut Reading<'_, '_, '_>) -> Read {
    if r.ends_at(0) || r.ends_at(1) || !r.done_at(2) {
        return Err("expects: <filter-id> <group-id> [{ if | unless } ...]".to_owned());
    }
    let (filter, group) = (r.text(), r.args.text(r.at + 1));
    r.note(RuleCheckKind::OtGroup(filter, group));
    r.at += 2;
    Ok(Action::Planned(r.word.clone()))
}
