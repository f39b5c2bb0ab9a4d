//! The checks after the last line, proxy by proxy in the order written.
//!
//! COMPAT: order and words are those of the original; `config : ` before them ends with 3.5. Held by the
//! differential runs over `fixtures/haproxy`. What concerns servers is in [`super::finish_servers`], what
//! only HTTP has a use for in [`super::finish_http`].

use std::sync::Arc;

use hashbrown::HashSet;
use rha_ir::{
    Balance, BalanceKey, ForwardedPart, LogDestination, LogFormat, LogNode, Mode, Proxy, ProxyKind,
};
use rha_text::{Severity, Span};
use rha_vocab::Dialect;

use super::state::{CheckProtocol, Extra, LogFormatKind};
use super::{finish_http, finish_servers, word};
use crate::expr::{ArgContext, Args, LogSite, log_format_text, sample_text};
use crate::{Cx, Line, Place};

/// Runs all checks. Settles what depends on the whole file: ids, the names behind names, formats.
pub fn finish(cx: &mut Cx<'_>) {
    let waiting = owners_waiting(cx);
    // COMPAT: a proxy of the original's own serves the runtime API and takes the first id.
    let process = &cx.model.process;
    let has_control = !process.stats_sockets.is_empty()
        || process.stats_timeout_ms.is_some()
        || process.stats_maxconn.is_some();
    // Later versions leave id 1 out of what is given automatically.
    let leaves_one_out = cx.input.dialect >= Dialect::V3_5;
    let mut next_id = if leaves_one_out { 2 } else { 1 };
    if has_control && !leaves_one_out {
        while cx.proxies.with_id(next_id).is_some() {
            next_id += 1;
        }
        next_id += 1;
    }
    for i in 0..cx.model.proxies.len() {
        assign_id(cx, i, &mut next_id);
        if !proxy(cx, i).disabled {
            check(cx, i, &waiting);
        }
    }
    for i in 0..cx.model.proxies.len() {
        if !proxy(cx, i).disabled {
            finish_servers::binds(cx, i);
        }
    }
    for i in 0..cx.model.proxies.len() {
        if !proxy(cx, i).disabled {
            table_write_to(cx, i);
        }
    }
    for i in 0..cx.model.proxies.len() {
        if !proxy(cx, i).disabled {
            finish_http::after_all(cx, i);
            finish_servers::after_all(cx, i);
        }
    }
    if cx.diagnostics.iter().all(|d| d.severity != Severity::Error || d.native.is_none()) {
        finish_servers::check_ports(cx);
    }
    if cx.diagnostics.iter().all(|d| d.severity != Severity::Error || d.native.is_none()) {
        finish_servers::addresses(cx);
    }
}

/// Section lines of the proxies whose rules left something to be judged, so that the others are not
/// looked through once more.
fn owners_waiting(cx: &Cx<'_>) -> HashSet<Span> {
    let mut out: HashSet<Span> = cx.rules.pending.iter().filter_map(|p| p.owner).collect();
    out.extend(cx.rules.formats.iter().filter_map(|f| f.owner));
    out.extend(cx.rules.checks.iter().map(|c| c.owner));
    out.extend(cx.rules.sticks.iter().map(|(s, _)| *s));
    out
}

pub(super) fn proxy<'c>(cx: &'c Cx<'_>, i: usize) -> &'c Proxy {
    &cx.model.proxies[i]
}

pub(super) fn extra<'c>(cx: &'c Cx<'_>, i: usize) -> &'c Extra {
    &cx.proxies.extras[i]
}

/// `frontend 'f'`.
pub(super) fn title(p: &Proxy) -> String {
    format!("{} '{}'", word(p.kind), p.name)
}

pub(super) fn warn(cx: &mut Cx<'_>, i: usize, code: &'static str, text: impl std::fmt::Display) {
    let at = proxy(cx, i).origin;
    cx.say_late(code, Severity::Warning, at, text);
}

pub(super) fn alert(cx: &mut Cx<'_>, i: usize, code: &'static str, text: impl std::fmt::Display) {
    let at = proxy(cx, i).origin;
    cx.say_late(code, Severity::Error, at, text);
}

/// The first free number from where the last one was, counting proxies with an id of their own too.
fn assign_id(cx: &mut Cx<'_>, i: usize, next: &mut u32) {
    if cx.model.proxies[i].id == 0 {
        while cx.proxies.with_id(*next).is_some() {
            *next += 1;
        }
        cx.model.proxies[i].id = *next;
    }
    *next += 1;
}

fn check(cx: &mut Cx<'_>, i: usize, waiting: &HashSet<Span>) {
    mode(cx, i);
    listeners(cx, i);
    balance_modes(cx, i);
    unused_checks(cx, i);
    external_check(cx, i);
    email(cx, i);
    external_words(cx, i);
    default_backend(cx, i);
    crate::rules::resolve_targets(cx, i);
    use_backend(cx, i);
    finish_servers::use_server(cx, i);
    let origin = proxy(cx, i).origin;
    let waits = waiting.contains(&origin);
    if waits {
        crate::rules::resolve_formats(cx, origin);
        crate::rules::resolve_rules(cx, origin);
    }
    table_peers(cx, i);
    mailers(cx, i);
    finish_http::stats_auth(cx, i);
    let before = cx.rules.pending.len();
    formats(cx, i);
    balance_hash(cx, i);
    forwarded(cx, i);
    if waits || cx.rules.pending.len() > before {
        crate::rules::resolve_proxy(cx, origin);
    }
    timeouts(cx, i);
    if extra(cx, i).unused_tcp_checks {
        let text = format!(
            "{} uses tcp-check rules without 'option tcp-check', so the rules are ignored.",
            title(proxy(cx, i))
        );
        warn(cx, i, "HA3110", text);
    }
    capture_length(cx, i);
    if extra(cx, i).state_file_global && cx.model.process.server_state_file.is_none() {
        let text = format!(
            "backend '{}' configured to load server state file from global section 'server-state-file' directive. Unfortunately, 'server-state-file' is not set!",
            proxy(cx, i).name
        );
        warn(cx, i, "HA3110", text);
    }
    finish_servers::servers(cx, i);
    log_address(cx, i);
    finish_http::ignored(cx, i);
    finish_servers::modes(cx, i);
    finish_servers::protocols(cx, i);
}

/// What the mode makes impossible.
fn mode(cx: &mut Cx<'_>, i: usize) {
    let mode = proxy(cx, i).mode;
    if mode != Mode::Http {
        finish_http::no_http(cx, i);
    }
    if mode != Mode::Log && extra(cx, i).balance_needs_log {
        let text = format!(
            "Unusable balance algorithm for {} (needs 'mode log'). Falling back to round robin.",
            title(proxy(cx, i))
        );
        warn(cx, i, "HA3111", text);
        cx.model.proxies[i].service.balance = Some(Balance::RoundRobin);
    }
}

fn listeners(cx: &mut Cx<'_>, i: usize) {
    let p = proxy(cx, i);
    if p.kind.is_frontend() && p.binds.is_empty() {
        let text = format!(
            "{} has no 'bind' directive. Please declare it as a backend if this was intended.",
            title(p)
        );
        warn(cx, i, "HA3112", text);
    }
}

fn balance_modes(cx: &mut Cx<'_>, i: usize) {
    let p = proxy(cx, i);
    if !p.kind.is_backend() || p.service.balance.is_none() {
        return;
    }
    if p.options.transparent {
        let text = format!("{} cannot use both transparent and balance mode.", title(p));
        alert(cx, i, "HA3113", text);
    } else if p.dispatch.is_some() {
        let text = format!("dispatch address of {} will be ignored in balance mode.", title(p));
        warn(cx, i, "HA3113", text);
    }
}

fn unused_checks(cx: &mut Cx<'_>, i: usize) {
    let name = title(proxy(cx, i));
    if extra(cx, i).unused_http_checks {
        warn(
            cx,
            i,
            "HA3110",
            format!("{name} uses http-check rules without 'option httpchk', so the rules are ignored."),
        );
    }
    if matches!(extra(cx, i).check, CheckProtocol::Tcp | CheckProtocol::Other) {
        let check = &proxy(cx, i).service.check;
        let (on_404, state) = (check.disable_on_404, check.send_state);
        for (is_on, what) in [(on_404, "disable-on-404"), (state, "send-state")] {
            if is_on {
                let text = format!("'{what}' will be ignored for {name} (requires 'option httpchk').");
                warn(cx, i, "HA3110", text);
            }
        }
    }
}

fn external_check(cx: &mut Cx<'_>, i: usize) {
    if extra(cx, i).check != CheckProtocol::External {
        return;
    }
    let p = proxy(cx, i);
    let (name, has_command) = (p.name.clone(), p.service.check.external_command.is_some());
    if !cx.model.process.external_check {
        let text = format!(
            "Proxy '{name}' : 'option external-check' unable to find required 'global.external-check'."
        );
        alert(cx, i, "HA3100", text);
    }
    if !has_command {
        let text = format!(
            "Proxy '{name}' : 'option external-check' unable to find required 'external-check command'."
        );
        alert(cx, i, "HA3100", text);
    }
    if !cx.model.process.insecure_fork {
        let text = format!(
            "Proxy '{name}' : 'insecure-fork-wanted' not enabled in the global section, 'option external-check' will likely fail."
        );
        warn(cx, i, "HA3110", text);
    }
}

fn email(cx: &mut Cx<'_>, i: usize) {
    let e = &extra(cx, i).email;
    if e.set && (e.from.is_none() || e.to.is_none() || e.mailers.is_none()) {
        let text = format!(
            "'email-alert' will be ignored for {} (the presence any of 'email-alert from', 'email-alert level' 'email-alert mailers', 'email-alert myhostname', or 'email-alert to' requires each of 'email-alert from', 'email-alert mailers' and 'email-alert to' to be present).",
            title(proxy(cx, i))
        );
        warn(cx, i, "HA3110", text);
        cx.proxies.extras[i].email = Default::default();
    }
}

fn external_words(cx: &mut Cx<'_>, i: usize) {
    let check = proxy(cx, i).service.check.clone();
    let external = extra(cx, i).check == CheckProtocol::External;
    let (section, name) = (title(proxy(cx, i)), proxy(cx, i).name.clone());
    if let Some(command) = &check.external_command {
        if !external {
            let text = format!(
                "'external-check command' will be ignored for {section} (requires 'option external-check')."
            );
            warn(cx, i, "HA3110", text);
        }
        if !command.starts_with('/') && check.external_path.is_none() {
            let text = format!(
                "Proxy '{name}': 'external-check command' does not have a leading '/' and 'external-check path' is not set."
            );
            alert(cx, i, "HA3100", text);
        }
    }
    if check.external_path.is_some() && !external {
        let text = format!(
            "'external-check path' will be ignored for {section} (requires 'option external-check')."
        );
        warn(cx, i, "HA3110", text);
    }
}

fn mode_word(m: Mode) -> &'static str {
    match m {
        Mode::Tcp => "tcp",
        Mode::Http | Mode::Haterm => "http",
        Mode::Log => "syslog",
        Mode::Spop => "spop",
    }
}

/// The backend `name` means, or what is wrong with it.
fn target(cx: &Cx<'_>, i: usize, name: &str, rule: &str, how: &str) -> Result<usize, String> {
    let p = proxy(cx, i);
    let Some(t) = cx.proxies.backend(name) else {
        return Err(format!("Proxy '{}': unable to find required {rule}: '{name}'.", p.name));
    };
    if t == i {
        return Err(format!("Proxy '{}': loop detected for {rule}: '{name}'.", p.name));
    }
    let b = proxy(cx, t);
    if b.mode != p.mode && !(p.mode == Mode::Tcp && b.mode == Mode::Http) {
        return Err(format!(
            "{} {} ({}) tries to use incompatible {} {} ({}) {how} (see 'mode').",
            mode_word(p.mode),
            title(p),
            cx.position(p.origin),
            mode_word(b.mode),
            title(b),
            cx.position(b.origin)
        ));
    }
    Ok(t)
}

fn default_backend(cx: &mut Cx<'_>, i: usize) {
    let Some((name, at)) = proxy(cx, i).default_backend.clone() else { return };
    match target(cx, i, &name, "default_backend", "as its default backend") {
        Err(text) => cx.say_late("HA3101", Severity::Error, at, text),
        Ok(t) => {
            let p = proxy(cx, i);
            if !p.service.servers.is_empty() {
                let text = format!(
                    "In proxy '{}', the 'default_backend' rule always has precedence over the servers, which will never be used.",
                    p.name
                );
                warn(cx, i, "HA3114", text);
            }
            cx.proxies.extras[i].upgrades |= proxy(cx, t).mode == Mode::Http;
        }
    }
}

fn use_backend(cx: &mut Cx<'_>, i: usize) {
    for n in 0..proxy(cx, i).use_backend.len() {
        let rule = &proxy(cx, i).use_backend[n];
        let at = rule.origin;
        let Some(name) = rule.target.literal() else {
            cx.proxies.extras[i].upgrades = true;
            continue;
        };
        match target(cx, i, &name.to_string(), "use_backend", "in a 'use_backend' rule") {
            Err(text) => cx.say_late("HA3101", Severity::Error, at, text),
            Ok(t) => cx.proxies.extras[i].upgrades |= proxy(cx, t).mode == Mode::Http,
        }
    }
}

fn table_peers(cx: &mut Cx<'_>, i: usize) {
    let Some(name) = extra(cx, i).table_peers.clone() else { return };
    if !cx.proxies.is_declared(Place::PEERS, &name) {
        let text = format!("Proxy '{}': unable to find sync peers '{name}'.", proxy(cx, i).name);
        alert(cx, i, "HA3100", text);
    }
}

fn table_write_to(cx: &mut Cx<'_>, i: usize) {
    let Some(name) = extra(cx, i).table_write_to.clone() else { return };
    if !cx.proxies.has_table(&name) && !cx.rules.tables.contains(&name) {
        let text = format!(
            "Proxy '{}': failed to initialize stick-table: write-to: table '{name}' doesn't exist.",
            proxy(cx, i).name
        );
        alert(cx, i, "HA3100", text);
    }
}

fn mailers(cx: &mut Cx<'_>, i: usize) {
    let Some(name) = extra(cx, i).email.mailers.clone() else { return };
    if !cx.proxies.is_declared(Place::MAILERS, &name) {
        let text = format!("Proxy '{}': unable to find mailers '{name}'.", proxy(cx, i).name);
        alert(cx, i, "HA3100", text);
    }
}

/// `log-format`, `log-format-sd`, `unique-id-format`, `error-log-format`, in this order.
fn formats(cx: &mut Cx<'_>, i: usize) {
    let (front, back) = (proxy(cx, i).kind.is_frontend(), proxy(cx, i).kind.is_backend());
    if front && let Some(f) = extra(cx, i).log_format.clone() {
        let built_in = match f.kind {
            LogFormatKind::Http => Some(crate::expr::HTTP_LOG),
            LogFormatKind::HttpClf => Some(crate::expr::CLF),
            LogFormatKind::Https => Some(crate::expr::HTTPS_LOG),
            LogFormatKind::Tcp | LogFormatKind::TcpClf => Some(crate::expr::TCP_LOG),
            LogFormatKind::Written => None,
        };
        let found = match built_in {
            Some(text) => built_in_format(cx, &f.line, text),
            None => format(cx, i, &f.line, "log-format", LogSite::LOG),
        };
        cx.model.proxies[i].log_format = found;
    }
    if front && let Some(line) = extra(cx, i).log_format_sd.clone() {
        let site = LogSite { context: ArgContext::LogSd, ..LogSite::LOG };
        cx.model.proxies[i].log_format_sd = format(cx, i, &line, "log-format-sd", site);
    }
    if let Some(line) = extra(cx, i).unique_id_format.clone() {
        let points = crate::expr::http_request_points(front, back);
        let site = LogSite { context: ArgContext::UniqueId, points, merge_spaces: true, http: true };
        cx.model.proxies[i].unique_id_format = format(cx, i, &line, "unique-id", site);
    }
    if front && let Some(line) = extra(cx, i).error_log_format.clone() {
        cx.model.proxies[i].error_log_format = format(cx, i, &line, "error-log-format", LogSite::LOG);
    }
}

fn built_in_format(cx: &mut Cx<'_>, line: &Line, text: &str) -> Option<LogFormat> {
    let before = cx.rules.pending.len();
    let formats = cx.rules.formats.len();
    let found = log_format_text(cx, line.at(0), text.as_bytes(), LogSite::LOG).ok();
    cx.rules.pending.truncate(before);
    cx.rules.formats.truncate(formats);
    found
}

/// Reads a format as its proxy would have, were it still being read.
fn format(cx: &mut Cx<'_>, i: usize, line: &Arc<Line>, name: &str, site: LogSite) -> Option<LogFormat> {
    let bytes = line.arg(1).to_owned();
    let (pending, formats) = (cx.rules.pending.len(), cx.rules.formats.len());
    let result = as_proxy(cx, i, |cx| log_format_text(cx, line.at(1), &bytes, site));
    // COMPAT: what these formats look at is not held against a TCP proxy.
    cx.rules.formats.truncate(formats);
    match result {
        Ok(f) => Some(f),
        Err(e) => {
            cx.rules.pending.truncate(pending);
            // COMPAT: 2.6 loses the place of one of them.
            let lost = name == "log-format-sd" && cx.input.dialect < Dialect::V2_8;
            let at = if lost { "(null):0".to_owned() } else { cx.position(line.span) };
            let text = format!("Parsing [{at}]: failed to parse {name} : {e}.");
            cx.say_late("HA2302", Severity::Error, line.at(1), text);
            // COMPAT: one whose last bracket is open counts as a format in the checks that follow.
            e.starts_with("missing ']'")
                .then(|| LogFormat { nodes: vec![LogNode::Separator], origin: line.span })
        }
    }
}

/// Runs `f` with proxy `i` as the draft, so that expressions know whose they are.
fn as_proxy<T>(cx: &mut Cx<'_>, i: usize, f: impl FnOnce(&mut Cx<'_>) -> T) -> T {
    let kind = proxy(cx, i).kind;
    let hollow = Proxy::new("", kind, Span::default());
    let origin = proxy(cx, i).origin;
    let own = std::mem::replace(&mut cx.model.proxies[i], hollow);
    let mut draft = super::Draft::new("", kind, false, origin);
    draft.proxy = own;
    let (place, before) = (cx.place, cx.draft.replace(draft));
    cx.place = match kind {
        ProxyKind::Frontend => Place::FRONTEND,
        ProxyKind::Backend => Place::BACKEND,
        ProxyKind::Listen => Place::LISTEN,
    };
    let out = f(cx);
    cx.place = place;
    if let Some(d) = std::mem::replace(&mut cx.draft, before) {
        cx.model.proxies[i] = d.proxy;
    }
    out
}

/// `option forwarded`, whose expressions are read when the section is whole. COMPAT: a frontend's has no effect.
fn forwarded(cx: &mut Cx<'_>, i: usize) {
    let Some(line) = extra(cx, i).forwarded.clone().filter(|_| proxy(cx, i).kind.is_backend()) else {
        return;
    };
    let mut made = rha_ir::Forwarded::default();
    if line.arg(2).is_empty() {
        made.proto = true;
        made.r#for.name = Some(ForwardedPart::Known);
    }
    let mut at = 2;
    while !line.arg(at).is_empty() {
        let word = line.text(at);
        let computed = word.ends_with("-expr");
        let part = if computed {
            at += 1;
            forwarded_expr(cx, i, &line, at)
        } else {
            Some(ForwardedPart::Known)
        };
        at += 1;
        let place = match word.strip_suffix("-expr").unwrap_or(&word) {
            "proto" => {
                made.proto = true;
                continue;
            }
            "host" => &mut made.host,
            "by" => &mut made.by.name,
            "by_port" => &mut made.by.port,
            "for" => &mut made.r#for.name,
            _ => &mut made.r#for.port,
        };
        *place = part;
    }
    cx.model.proxies[i].forwarded = Some(Box::new(made));
}

fn forwarded_expr(cx: &mut Cx<'_>, i: usize, line: &Line, at: usize) -> Option<ForwardedPart> {
    let result = as_proxy(cx, i, |cx| {
        let mut used = 0;
        sample_text(cx, Args::of(line, at).window(0, 1), &mut used, ArgContext::Option)
    });
    match result {
        Ok(e) => Some(ForwardedPart::Expr(Box::new(e))),
        Err(e) => {
            let p = proxy(cx, i);
            let text = format!(
                "{} [{}]: failed to parse 'option forwarded' expression '{}' in : {e}.",
                title(p),
                cx.position(line.at(0)),
                line.text(at)
            );
            alert(cx, i, "HA2301", text);
            None
        }
    }
}

fn balance_hash(cx: &mut Cx<'_>, i: usize) {
    let Some(line) = extra(cx, i).balance_hash.clone().filter(|l| l.is(1, "hash")) else { return };
    let result = as_proxy(cx, i, |cx| {
        let mut at = 0;
        sample_text(cx, Args::of(&line, 2).window(0, 1), &mut at, ArgContext::UseServer)
    });
    let p = proxy(cx, i);
    match result {
        Ok(expr) => {
            cx.model.proxies[i].service.balance = Some(Balance::Hash(BalanceKey::Sample(Box::new(expr))));
        }
        Err(e) => {
            let text = format!(
                "{} [{}]: failed to parse 'balance hash' expression '{}' in : {e}.",
                title(p),
                cx.position(p.origin),
                line.text(2)
            );
            alert(cx, i, "HA2301", text);
        }
    }
}

fn timeouts(cx: &mut Cx<'_>, i: usize) {
    let p = proxy(cx, i);
    if !matches!(p.mode, Mode::Tcp | Mode::Http) {
        return;
    }
    let unset = |t: Option<u32>| t.unwrap_or(0) == 0;
    let t = &p.timeouts;
    let front = p.kind.is_frontend() && unset(t.client);
    let server = unset(t.server) && (p.mode == Mode::Http || unset(t.tunnel));
    let back = p.kind.is_backend() && !p.service.servers.is_empty() && (unset(t.connect) || server);
    if front || back {
        let text = format!(
            "missing timeouts for {}.\n   | While not properly invalid, you will certainly encounter various problems\n   | with such a configuration. To fix this, please ensure that all following\n   | timeouts are set to a non-zero value: 'client', 'connect', 'server'.",
            title(p)
        );
        warn(cx, i, "HA3104", text);
    }
}

fn capture_length(cx: &mut Cx<'_>, i: usize) {
    let limit = cx.model.process.cookie_len.unwrap_or(64);
    let title = title(proxy(cx, i));
    if let Some(c) = cx.model.proxies[i].cookie_capture.as_mut()
        && c.len >= limit
    {
        c.len = limit.saturating_sub(1);
        let text = format!("truncating capture length to {} bytes for {title}.", c.len);
        warn(cx, i, "HA3115", text);
    }
}

fn log_address(cx: &mut Cx<'_>, i: usize) {
    let p = proxy(cx, i);
    let written = |f: &Option<LogFormat>| f.as_ref().is_some_and(|f| !f.nodes.is_empty());
    let has_format = written(&p.log_format) || written(&p.log_format_sd);
    let goes_nowhere =
        |l: &rha_ir::LogTarget| l.to == LogDestination::Global && cx.model.process.logs.is_empty();
    let no_target = p.logs.iter().all(goes_nowhere);
    if matches!(p.mode, Mode::Tcp | Mode::Http) && p.kind.is_frontend() && no_target && has_format {
        let text = format!("log format ignored for {} since it has no log address.", title(p));
        warn(cx, i, "HA3116", text);
    }
}

/// Whether the dialect still lets a TCP proxy keep what it cannot use until the very end.
pub(super) fn before_2_8(cx: &Cx<'_>) -> bool {
    cx.input.dialect < Dialect::V2_8
}
