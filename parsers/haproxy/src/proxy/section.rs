//! Section lines: names, `from`, and what a new section takes over.
//!
//! HAProxy configuration manual §4 "Proxies". COMPAT: rules and ACLs of a named `defaults` section are
//! not part of what is copied; they run before the proxy's own, and its names are not seen there.

use std::sync::Arc;

use rha_ir::{Acl, Condition, Proxy, ProxyKind, Service, Term};
use rha_text::Severity;
use rha_vocab::Dialect;

use super::state::{CheckProtocol, Defaults};
use super::{Draft, invalid_char, too_many, word};
use crate::{Cx, Line};

/// Starts a section at its line. Without a usable line there is no draft, and every line up to the next
/// section is an error.
pub fn begin(cx: &mut Cx<'_>, line: &Line) {
    cx.draft = None;
    let kind = match line.bytes(0) {
        b"frontend" => ProxyKind::Frontend,
        b"backend" => ProxyKind::Backend,
        _ => ProxyKind::Listen,
    };
    if line.is(0, "defaults") { begin_defaults(cx, line) } else { begin_proxy(cx, line, kind) }
}

fn begin_proxy(cx: &mut Cx<'_>, line: &Line, kind: ProxyKind) {
    let section = line.text(0);
    if line.arg(1).is_empty() {
        cx.error("HA2100", line, 0, format!("'{section}' expects an <id> argument"));
        cx.aborted = true;
        return;
    }
    let name = line.text(1);
    if let Some(c) = invalid_char(line.arg(1)) {
        cx.error(
            "HA2100",
            line,
            1,
            format!("character '{}' is not permitted in '{section}' name '{name}'.", c as char),
        );
    }
    say_duplicate(cx, line, kind, &name);
    let from = !line.arg(2).is_empty();
    let malformed = from && (line.arg(3).is_empty() || !line.is(2, "from"));
    if malformed || too_many(cx, line, 3, 0) {
        if kind.is_frontend() {
            cx.error("HA2100", line, 2, "please use the 'bind' keyword for listening addresses.");
        }
        return;
    }
    if cx.aborted {
        return;
    }
    let defaults = if from { named(cx, line, 2, word(kind), &name) } else { Ok(implicit(cx)) };
    let Ok(defaults) = defaults else { return };
    say_mixed_use(cx, line, defaults);
    let mut draft = match defaults.and_then(|i| cx.proxies.defaults.get(i)) {
        Some(d) => inherit(&Arc::clone(&d.draft), &name, kind, line),
        None => Draft::new(&name, kind, false, line.span),
    };
    if let Some(i) = defaults {
        take_rules(cx, line, i, kind, &mut draft);
    }
    cx.draft = Some(draft);
}

/// Says that the name is taken by a proxy of the same side (any side from 3.3 on).
fn say_duplicate(cx: &mut Cx<'_>, line: &Line, kind: ProxyKind, name: &str) {
    let same = if kind.is_frontend() { cx.proxies.frontend(name) } else { cx.proxies.backend(name) };
    let strict = cx.input.dialect >= Dialect::V3_4;
    let other = if kind.is_frontend() { cx.proxies.backend(name) } else { cx.proxies.frontend(name) };
    let same = same.or(other.filter(|_| strict && kind == ProxyKind::Listen));
    let text = |cx: &Cx<'_>, i: usize| {
        let p = &cx.model.proxies[i];
        format!(
            "Parsing [{}]: {} '{name}' has the same name as {} '{}' declared at {}.",
            cx.position(line.span),
            word(kind),
            word(p.kind),
            p.name,
            cx.position(p.origin)
        )
    };
    if let Some(i) = same {
        let t = text(cx, i);
        cx.say("HA3103", Severity::Error, line.at(1), t);
    }
    if strict && let Some(i) = same.or(other) {
        let t = text(cx, i);
        let t = format!("{t} This is no longer supported as of 3.3. Please rename one or the other.");
        cx.say("HA3103", Severity::Error, line.at(1), t);
        cx.aborted = true;
    }
}

fn begin_defaults(cx: &mut Cx<'_>, line: &Line) {
    let unnamed_from = line.is(1, "from") && !line.arg(2).is_empty() && line.arg(3).is_empty();
    let (name, from_at) = if unnamed_from { (String::new(), 1) } else { (line.text(1), 2) };
    if !name.is_empty()
        && let Some(c) = invalid_char(name.as_bytes())
        && line.is(from_at, "from")
    {
        cx.error(
            "HA2100",
            line,
            1,
            format!("character '{}' is not permitted in 'defaults' name '{name}'.", c as char),
        );
    }
    if !name.is_empty()
        && let Some(d) = cx.proxies.defaults.iter().rev().find(|d| d.draft.proxy.name == name)
        && d.is_explicit
    {
        let text = format!(
            "Parsing [{}]: defaults '{name}' has the same name as another defaults section declared at {} which was explicitly referenced hence cannot be replaced. Please remove or rename one of the offending defaults section.",
            cx.position(line.span),
            cx.position(d.draft.proxy.origin)
        );
        cx.say("HA3103", Severity::Error, line.at(1), text);
        cx.aborted = true;
        return;
    }
    cx.proxies.last_defaults = None;
    let mut draft = Draft::new(&name, ProxyKind::Listen, true, line.span);
    if line.is(from_at, "from") {
        let Ok(found) = named(cx, line, from_at, "defaults", &name) else { return };
        if let Some(d) = found.and_then(|i| cx.proxies.defaults.get(i)) {
            if has_rules(&d.draft.proxy) && cx.input.dialect < Dialect::V3_5 {
                let text = format!(
                    "a defaults section cannot inherit from a defaults section defining TCP/HTTP rules (defaults section at {}).",
                    cx.position(d.draft.proxy.origin)
                );
                cx.error_tight("HA3105", line, from_at, text);
                cx.aborted = true;
                return;
            }
            let parent = Arc::clone(&d.draft);
            draft = inherit(&parent, &name, ProxyKind::Listen, line);
            draft.is_defaults = true;
        }
    }
    cx.draft = Some(draft);
}

/// The anonymous start of every file is a `defaults` section without lines, so `None` is as good.
fn implicit(cx: &mut Cx<'_>) -> Option<usize> {
    let i = cx.proxies.last_defaults?;
    if let Some(d) = cx.proxies.defaults.get_mut(i) {
        d.is_implicit = true;
    }
    Some(i)
}

/// Finds the section after `from`.
fn named(cx: &mut Cx<'_>, line: &Line, at: usize, section: &str, name: &str) -> Result<Option<usize>, ()> {
    let wanted = line.text(at + 1);
    let all: Vec<usize> = (0..cx.proxies.defaults.len())
        .filter(|i| {
            cx.proxies.defaults.get(*i).is_some_and(|d| d.draft.is_named && d.draft.proxy.name == wanted)
        })
        .collect();
    let Some(&first) = all.first() else {
        let text = format!("defaults section '{wanted}' not found for {section} '{name}'.");
        cx.error("HA3100", line, at + 1, text);
        cx.aborted = true;
        return Err(());
    };
    let place = |cx: &Cx<'_>, i: usize| {
        cx.proxies.defaults.get(i).map_or(String::new(), |d| cx.position(d.draft.proxy.origin))
    };
    if let Some(&second) = all.get(1) {
        let text = format!(
            "ambiguous defaults section name '{wanted}' referenced by {section} '{name}' exists at least at {} and {}.",
            place(cx, first),
            place(cx, second)
        );
        cx.error("HA3103", line, at + 1, text);
    }
    if let Some(c) = invalid_char(line.arg(at + 1)) {
        let text = format!(
            "character '{}' is not permitted in defaults section name '{wanted}' when designated by its name (section found at {}).",
            c as char,
            place(cx, first)
        );
        cx.error("HA2100", line, at + 1, text);
    }
    if let Some(d) = cx.proxies.defaults.get_mut(first) {
        d.is_explicit = true;
    }
    Ok(Some(first))
}

/// COMPAT: an alert in 2.6 that does not count as an error, a warning from 2.8 on.
fn say_mixed_use(cx: &mut Cx<'_>, line: &Line, defaults: Option<usize>) {
    let Some(d) = defaults.and_then(|i| cx.proxies.defaults.get(i)) else { return };
    if !(d.is_explicit && d.is_implicit) {
        return;
    }
    let text = format!(
        "defaults section '{}' (declared at {}) is explicitly referenced by another proxy and implicitly used here. To avoid any ambiguity don't mix both usage. Add a last defaults section not explicitly used or always use explicit references.",
        d.draft.proxy.name,
        cx.position(d.draft.proxy.origin)
    );
    cx.warning("HA3106", line, 0, text);
}

/// A new section with the settings of a `defaults` section, without its rules, and without what its own
/// kind has no use for.
fn inherit(from: &Arc<Draft>, name: &str, kind: ProxyKind, line: &Line) -> Draft {
    let fresh = Proxy::new(name, kind, line.span);
    let mut draft = Draft { is_defaults: false, is_named: !name.is_empty(), ..Draft::clone(from) };
    let p = &mut draft.proxy;
    p.name = fresh.name;
    p.kind = kind;
    p.origin = line.span;
    p.id = 0;
    p.acls = Vec::new();
    p.tcp_connection = Vec::new();
    p.tcp_session = Vec::new();
    p.tcp_content = Vec::new();
    p.tcp_response = Vec::new();
    p.http_request = Vec::new();
    p.http_response = Vec::new();
    p.http_after_response = Vec::new();
    if !kind.is_backend() {
        p.service = Service::default();
        p.cookie = None;
        p.timeouts.connect = None;
        p.timeouts.server = None;
        p.timeouts.server_fin = None;
        p.timeouts.check = None;
        p.timeouts.queue = None;
        p.timeouts.tunnel = None;
        p.source = None;
        p.persist_rdp_cookie = None;
        draft.extra.balance_hash = None;
        draft.extra.balance_needs_http = false;
        draft.extra.balance_needs_log = false;
        draft.extra.source_header = None;
        draft.extra.state_file_global = false;
        (p.state_source, p.state_file) = (None, None);
        draft.extra.check = CheckProtocol::None;
    }
    if !kind.is_frontend() {
        p.maxconn = None;
        p.backlog = None;
        p.timeouts.client = None;
        p.timeouts.client_hs = None;
        p.timeouts.client_fin = None;
        p.monitor_uri = None;
        p.default_backend = None;
        draft.extra.log_format = None;
        draft.extra.log_format_sd = None;
        draft.extra.error_log_format = None;
    }
    draft.extra.parent = Some(Arc::clone(from));
    for list in &mut draft.extra.steps {
        list.inherited = true;
    }
    draft.extra.unused_http_checks = false;
    draft.extra.unused_tcp_checks = false;
    draft.extra.stats.inherited = draft.proxy.stats.is_some();
    draft
}

fn has_rules(p: &Proxy) -> bool {
    !(p.tcp_connection.is_empty()
        && p.tcp_session.is_empty()
        && p.tcp_content.is_empty()
        && p.tcp_response.is_empty()
        && p.http_request.is_empty()
        && p.http_response.is_empty()
        && p.http_after_response.is_empty())
}

/// Checks that a proxy may use the rules of its `defaults` section, and remembers to put them first.
fn take_rules(cx: &mut Cx<'_>, line: &Line, index: usize, kind: ProxyKind, draft: &mut Draft) {
    let Some(d) = cx.proxies.defaults.get(index) else { return };
    let parent = Arc::clone(&d.draft);
    if !has_rules(&parent.proxy) {
        return;
    }
    let place = cx.position(parent.proxy.origin);
    let text = if kind == ProxyKind::Listen {
        "a listen section cannot inherit from a defaults section defining TCP/HTTP rules.".to_owned()
    } else if d.rules_side.is_some_and(|k| k != kind) {
        format!(
            "frontends and backends cannot inherit from the same defaults section if it defines TCP/HTTP rules (defaults section at {place})."
        )
    } else if kind == ProxyKind::Backend
        && !(parent.proxy.tcp_connection.is_empty() && parent.proxy.tcp_session.is_empty())
    {
        format!(
            "a backend section cannot inherit from a defaults section defining 'tcp-request connection' or 'tcp-request session' rules (defaults section at {place})."
        )
    } else if kind == ProxyKind::Frontend && !parent.proxy.tcp_response.is_empty() {
        format!(
            "a frontend section cannot inherit from a defaults section defining 'tcp-response content' rules (defaults section at {place})."
        )
    } else {
        draft.extra.defaults = Some(index);
        if let Some(d) = cx.proxies.defaults.get_mut(index) {
            d.rules_side = Some(kind);
        }
        return;
    };
    cx.error_tight("HA3105", line, 0, text);
    cx.aborted = true;
}

/// Ends the section being read and adds it to the model.
pub fn end(cx: &mut Cx<'_>) {
    let Some(mut draft) = cx.draft.take() else { return };
    if draft.is_defaults {
        cx.proxies.last_defaults = Some(cx.proxies.defaults.len());
        cx.proxies.defaults.push(Defaults {
            draft: Arc::new(draft),
            is_explicit: false,
            is_implicit: false,
            rules_side: None,
        });
        return;
    }
    draft.extra.parent = None;
    let [tcp, http] = std::mem::take(&mut draft.extra.steps);
    draft.proxy.service.check.steps = match draft.extra.check {
        CheckProtocol::Http => http.steps,
        CheckProtocol::Tcp => tcp.steps,
        _ => Vec::new(),
    };
    if let (Some(c), Some(k)) = (&mut draft.proxy.cookie, draft.extra.cookie_key.clone()) {
        c.dynamic_key = Some(k);
    }
    if let Some(parent) = draft.extra.defaults.and_then(|i| cx.proxies.defaults.get(i)) {
        prepend_rules(&mut draft.proxy, &parent.draft.proxy);
    }
    cx.proxies.add(&mut cx.model, draft);
}

/// Puts the rules of a `defaults` section before the proxy's own. Its ACLs go to the end of the proxy's
/// list, where the proxy's own conditions do not refer to, so that indices stay right.
fn prepend_rules(p: &mut Proxy, parent: &Proxy) {
    let shift = u32::try_from(p.acls.len()).unwrap_or(u32::MAX);
    p.acls.extend(parent.acls.iter().map(|a| Acl { name: a.name.clone(), tests: a.tests.clone() }));
    macro_rules! first {
        ($($list:ident),*) => {$({
            let mut rules = parent.$list.clone();
            for r in &mut rules {
                if let Some(c) = &mut r.condition { shift_condition(c, shift); }
            }
            rules.append(&mut p.$list);
            p.$list = rules;
        })*};
    }
    first!(
        tcp_connection,
        tcp_session,
        tcp_content,
        tcp_response,
        http_request,
        http_response,
        http_after_response
    );
}

fn shift_condition(c: &mut Condition, by: u32) {
    for term in c.any.iter_mut().flatten() {
        if let Term::Named { acl, .. } = term {
            *acl = acl.saturating_add(by);
        }
    }
}
