//! Checks after the last line of what only HTTP has a use for.

use rha_ir::{Balance, Mode};
use rha_text::Severity;

use super::finish::{alert, before_2_8, extra, proxy, title, warn};
use super::options;
use super::state::LogFormatKind;
use crate::Cx;

/// What a TCP proxy cannot keep.
pub(super) fn no_http(cx: &mut Cx<'_>, i: usize) {
    let section = title(proxy(cx, i));
    if proxy(cx, i).cookie.is_some() {
        warn(cx, i, "HA3102", format!("cookie will be ignored for {section} (needs 'mode http')."));
    }
    if proxy(cx, i).monitor_uri.is_some() && before_2_8(cx) {
        warn(cx, i, "HA3102", format!("monitor-uri will be ignored for {section} (needs 'mode http')."));
    }
    if extra(cx, i).balance_needs_http {
        cx.model.proxies[i].service.balance = Some(Balance::RoundRobin);
        let text = format!(
            "Layer 7 hash not possible for {section} (needs 'mode http'). Falling back to round robin."
        );
        warn(cx, i, "HA3111", text);
    }
    let Some(f) = &mut cx.proxies.extras[i].log_format else { return };
    let name = match f.kind {
        LogFormatKind::Http | LogFormatKind::HttpClf => "httplog",
        LogFormatKind::Https => "httpslog",
        _ => return,
    };
    f.kind = LogFormatKind::Tcp;
    let at = f.line.span;
    let text = format!(
        "parsing [{}] : 'option {name}' not usable with {section} (needs 'mode http'). Falling back to 'option tcplog'.",
        cx.position(at)
    );
    cx.say_late("HA3102", Severity::Warning, at, text);
}

pub(super) fn stats_auth(cx: &mut Cx<'_>, i: usize) {
    let p = proxy(cx, i);
    let Some(s) = &p.stats else { return };
    if !s.http_request.is_empty() && (!s.auth.is_empty() || s.realm.is_some()) {
        let text = format!(
            "proxy '{}': stats 'auth'/'realm' and 'http-request' can't be used at the same time.",
            p.name
        );
        alert(cx, i, "HA3105", text);
    }
}

/// Statements a proxy that never speaks HTTP ignores.
pub(super) fn ignored(cx: &mut Cx<'_>, i: usize) {
    let p = proxy(cx, i);
    if p.mode == Mode::Http || p.mode == Mode::Haterm || upgrades(cx, i) {
        return;
    }
    let section = title(p);
    let (front, back) = (p.kind.is_frontend(), p.kind.is_backend());
    let old = before_2_8(cx);
    let statements = [
        (p.stats.is_some(), "stats"),
        (p.cookie_capture.is_some(), "capture"),
        (p.monitor_uri.is_some() && !old, "monitor-uri"),
    ];
    let rules = [
        (own_rules(cx, i, |p| p.http_request.len()), "http-request"),
        (own_rules(cx, i, |p| p.http_response.len()), "http-response"),
        (own_rules(cx, i, |p| p.http_after_response.len()), "http-after-response"),
        (!p.redirects.is_empty(), "redirect"),
    ];
    let extensions =
        [(old && p.forward_for.is_some(), "forwardfor"), (old && p.original_to.is_some(), "originalto")];
    let mut switches: Vec<&'static str> = options::http_switches(extra(cx, i), front, back).collect();
    switches.dedup();
    for (_, what) in statements.into_iter().filter(|s| s.0) {
        warn(cx, i, "HA3102", format!("'{what}' statement ignored for {section} as it requires HTTP mode."));
    }
    for (_, what) in rules.into_iter().filter(|s| s.0) {
        warn(cx, i, "HA3102", format!("'{what}' rules ignored for {section} as they require HTTP mode."));
    }
    let extensions = extensions.into_iter().filter(|e| e.0).map(|e| e.1);
    for what in extensions.chain(switches) {
        warn(cx, i, "HA3102", format!("'option {what}' ignored for {section} as it requires HTTP mode."));
    }
    if let Some(h) = extra(cx, i).source_header.clone() {
        let text = format!("{section} : ignoring use of header {h} as source IP in non-HTTP mode.");
        warn(cx, i, "HA3102", text);
    }
}

/// Whether connections of a TCP proxy may become ones of HTTP. COMPAT: 2.6 looks at its rules only, not at the
/// backends they may go to.
fn upgrades(cx: &Cx<'_>, i: usize) -> bool {
    let switches = |r: &rha_ir::TcpRule| match &r.action {
        rha_ir::TcpAction::Shared(rha_ir::Action::SwitchToHttp) => true,
        rha_ir::TcpAction::Shared(rha_ir::Action::Planned(what)) => what.starts_with("switch-mode"),
        _ => false,
    };
    extra(cx, i).upgrades && !before_2_8(cx) || proxy(cx, i).tcp_content.iter().any(switches)
}

/// Whether the proxy has rules of its own, those of its `defaults` section aside.
fn own_rules(cx: &Cx<'_>, i: usize, count: impl Fn(&rha_ir::Proxy) -> usize) -> bool {
    let inherited =
        extra(cx, i).defaults.and_then(|d| cx.proxies.defaults.get(d)).map_or(0, |d| count(&d.draft.proxy));
    count(proxy(cx, i)) > inherited
}

/// What the original looks at once more for every proxy, after all others.
pub(super) fn after_all(cx: &mut Cx<'_>, i: usize) {
    error_sections(cx, i);
    fcgi(cx, i);
    if before_2_8(cx) || proxy(cx, i).mode == Mode::Http {
        return;
    }
    let p = proxy(cx, i);
    let section = title(p);
    let upgrades = upgrades(cx, i);
    let options = [
        (extra(cx, i).forwarded.is_some(), "forwarded"),
        (p.forward_for.is_some(), "forwardfor"),
        (p.original_to.is_some(), "originalto"),
    ];
    for (is_on, what) in options {
        if is_on && !upgrades {
            let text = format!("'option {what}' ignored for {section} as it requires HTTP mode.");
            warn(cx, i, "HA3102", text);
        }
    }
}

fn fcgi(cx: &mut Cx<'_>, i: usize) {
    let Some(app) = extra(cx, i).fcgi_app.clone() else { return };
    let p = proxy(cx, i);
    let (name, has_server) =
        (p.name.clone(), p.service.servers.iter().any(|s| s.proto.as_deref() == Some("fcgi")));
    if !cx.proxies.is_declared(crate::Place::FCGI_APP, &app) {
        alert(cx, i, "HA3100", format!("proxy '{name}' : fcgi-app '{app}' not found."));
    }
    if !has_server {
        alert(cx, i, "HA3105", format!("proxy '{name}': FCGI app configured but no FCGI server found."));
    }
}

fn error_sections(cx: &mut Cx<'_>, i: usize) {
    for (name, _, at) in extra(cx, i).error_sections.clone() {
        if !cx.proxies.is_declared(crate::Place::HTTP_ERRORS, &name) {
            let text = format!(
                "proxy '{}': unknown http-errors section '{name}' (at {}).",
                proxy(cx, i).name,
                cx.position(at)
            );
            cx.say_late("HA3100", Severity::Error, at, text);
        }
    }
}
