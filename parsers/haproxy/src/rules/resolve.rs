//! Names in expressions and rules, looked up after the last line.
//!
//! The original does this proxy by proxy inside its big check loop; `proxy::finish` calls, in this order
//! and for each proxy: [`resolve_targets`] (formats of `use_backend` and `use-server`, before the names in
//! them are looked up), [`resolve_formats`], [`resolve_rules`] (its rules' own checks), [`resolve_proxy`]
//! (names in expressions). [`resolve`] does all of them for all proxies.

use rha_ir::{LogFormat, Mode, Proxy, ProxyKind};
use rha_text::{Severity, Span};
use rha_vocab::{Checkpoints, Dialect, Needs, SampleType};

use super::stick::StickWhen;
use super::switching::target_format;
use super::{RuleCheck, RuleCheckKind, Set};
use crate::expr::{ArgContext, Pending, PendingKind, can_cast, check_regex, condition_needs, output_type};
use crate::{Cx, Place};

/// Judges everything that waits, proxy by proxy in the order written.
pub fn resolve(cx: &mut Cx<'_>) {
    let origins: Vec<Span> = cx.model.proxies.iter().map(|p| p.origin).collect();
    for (i, origin) in origins.into_iter().enumerate() {
        resolve_targets(cx, i);
        resolve_formats(cx, origin);
        resolve_rules(cx, origin);
        resolve_proxy(cx, origin);
    }
}

/// Turns the targets of `use_backend` and `use-server` into formats; a rule whose target is none is said
/// to be wrong and taken out.
pub fn resolve_targets(cx: &mut Cx<'_>, i: usize) {
    let take = |cx: &mut Cx<'_>| {
        cx.model
            .proxies
            .get_mut(i)
            .map(|p| (std::mem::take(&mut p.use_backend), std::mem::take(&mut p.use_server)))
    };
    let Some((mut backends, mut servers)) = take(cx) else { return };
    backends.retain_mut(|rule| {
        let format = target_format(cx, i, &rule.target, ArgContext::UseBackend);
        let words = |name: &str| format!(": failed to parse use_backend rule '{name}'");
        settle(cx, rule.origin, &mut rule.target, format, words)
    });
    servers.retain_mut(|rule| {
        let format = target_format(cx, i, &rule.target, ArgContext::UseServer);
        let words = |name: &str| format!("; use-server rule failed to parse log-format '{name}'");
        settle(cx, rule.origin, &mut rule.target, format, words)
    });
    let raw = Needs::L6_REQUEST.and(Needs::L6_RESPONSE);
    let http = cx.model.proxies.get(i).is_some_and(|p| p.mode == Mode::Http);
    for rule in backends.iter().filter(|_| http) {
        let acls = cx.model.proxies.get(i).map_or(&[][..], |p| &p.acls);
        let needs = rule.condition.as_ref().map(|c| condition_needs(cx, acls, c));
        if needs.is_some_and(|n| n.meets(raw)) {
            warn_raw(cx, i, rule.origin);
        }
    }
    if let Some(p) = cx.model.proxies.get_mut(i) {
        (p.use_backend, p.use_server) = (backends, servers);
    }
}

/// Puts the format in its place, or says what is wrong with it.
fn settle(
    cx: &mut Cx<'_>,
    origin: Span,
    target: &mut LogFormat,
    format: Result<LogFormat, String>,
    words: impl Fn(&str) -> String,
) -> bool {
    match format {
        Ok(f) => {
            *target = f;
            true
        }
        Err(e) => {
            let name = target.literal().unwrap_or_default().to_string();
            let text = format!("Parsing [{}]{} : {e}.", cx.position(origin), words(&name));
            cx.say_late("HA3404", Severity::Error, target.origin, text);
            false
        }
    }
}

fn warn_raw(cx: &mut Cx<'_>, i: usize, at: Span) {
    let name = cx.model.proxies.get(i).map_or_else(String::new, |p| p.name.clone());
    let text = format!(
        "Proxy '{name}': L6 sample fetches ignored on HTTP proxies (declared at {}).",
        cx.position(at)
    );
    cx.say_late("HA3405", Severity::Warning, at, text);
}

/// What the messages need of a proxy.
struct Owner {
    name: String,
    kind: &'static str,
    mode: Mode,
}

fn owner(cx: &Cx<'_>, origin: Span) -> Option<Owner> {
    let proxy = cx.model.proxies.iter().find(|p| p.origin == origin)?;
    Some(Owner { name: proxy.name.clone(), kind: kind_word(proxy), mode: proxy.mode })
}

fn kind_word(proxy: &Proxy) -> &'static str {
    match proxy.kind {
        ProxyKind::Frontend => "frontend",
        ProxyKind::Backend => "backend",
        ProxyKind::Listen => "proxy",
    }
}

/// Warns about formats of a TCP proxy that look at HTTP messages.
///
/// COMPAT: 2.6 says it, of the last format of the proxy; 3.0 makes it a diagnostic warning.
pub fn resolve_formats(cx: &mut Cx<'_>, origin: Span) {
    let Some(owner) = owner(cx, origin) else { return };
    let formats = take_where(&mut cx.rules.formats, |f| f.owner == Some(origin));
    if owner.mode == Mode::Http || cx.input.dialect >= Dialect::V2_8 {
        return;
    }
    let Some(last) = formats.last().filter(|_| formats.iter().any(|f| f.message)) else { return };
    let at = cx.position(last.span);
    let text = format!(
        "parsing [{at}] : HTTP log/header format not usable with {} '{}' (needs 'mode http').",
        owner.kind, owner.name
    );
    cx.say_late("HA3401", Severity::Warning, last.span, text);
}

/// `stick` rules of the proxy, whose tables must exist and take the key.
fn resolve_sticks(cx: &mut Cx<'_>, origin: Span, owner: &Owner) {
    let mut rules = take_where(&mut cx.rules.sticks, |(o, _)| *o == origin);
    rules.sort_by_key(|(_, r)| r.when == StickWhen::StoreResponse);
    for (_, rule) in rules {
        let name = if rule.table.is_empty() { &owner.name } else { &rule.table };
        let old = cx.input.dialect < Dialect::V2_8 && rule.when == StickWhen::StoreResponse;
        let table = if old { "store table" } else { "stick-table" };
        let out = output_type(&cx.input.samples, cx.input.dialect, &rule.key);
        let complaint = match table_type(cx, name) {
            None => format!("unable to find {table} '{name}'."),
            Some(kind) if !can_cast(cx.input.dialect, out, kind) => {
                format!("type of fetch not usable with type of stick-table '{name}'.")
            }
            Some(_) => continue,
        };
        let text = format!("Proxy '{}': {complaint}", owner.name);
        cx.say_late("HA3402", Severity::Error, rule.origin, text);
    }
}

/// Rules of the proxy that refer to captures, tables, filters and error pages, set by set.
pub fn resolve_rules(cx: &mut Cx<'_>, origin: Span) {
    let Some(owner) = owner(cx, origin) else { return };
    resolve_sticks(cx, origin, &owner);
    let mut checks = take_where(&mut cx.rules.checks, |c| c.owner == origin);
    checks.sort_by_key(|c| c.set);
    resolve_caches(cx, &owner, &checks);
    for check in checks {
        if check.kind == RuleCheckKind::Raw {
            if owner.mode == Mode::Http
                && let Some(i) = cx.model.proxies.iter().position(|p| p.origin == origin)
            {
                warn_raw(cx, i, check.span);
            }
            continue;
        }
        match missing(cx, origin, &owner, &check) {
            Some(text) => {
                let text = format!("Proxy '{}': {text}.", owner.name);
                cx.say_late("HA3402", Severity::Error, check.span, text);
            }
            None => warn_content(cx, origin, &owner, &check),
        }
    }
}

/// Whether there is a section of this kind and name.
fn section(cx: &Cx<'_>, place: Place, name: &str) -> bool {
    cx.proxies.is_declared(place, name)
}

/// Caches that rules use, each once. COMPAT: the doubled prefix is the original's.
fn resolve_caches(cx: &mut Cx<'_>, owner: &Owner, checks: &[RuleCheck]) {
    let mut told: Vec<&String> = Vec::new();
    for check in checks {
        let RuleCheckKind::Cache(name) = &check.kind else { continue };
        if told.contains(&name) || section(cx, Place::CACHE, name) {
            continue;
        }
        told.push(name);
        let text = format!(
            "config: proxy '{}': unable to find the cache '{name}' referenced by the filter 'cache'.",
            owner.name
        );
        cx.say_late("HA3402", Severity::Error, check.span, text);
    }
}

/// What a rule refers to and is not there.
fn missing(cx: &Cx<'_>, origin: Span, owner: &Owner, check: &RuleCheck) -> Option<String> {
    let proxy = cx.model.proxies.iter().find(|p| p.origin == origin)?;
    // COMPAT: slots are judged where there is a client side; a backend takes those of its frontends.
    let lacks =
        |id: i64, count: usize| proxy.kind.is_frontend() && !usize::try_from(id).is_ok_and(|i| i < count);
    let filter = |kind: &str, name: &str, after: usize| {
        let named = |w: &Vec<String>| w.get(after).is_some_and(|w| w == name);
        let ours = |w: &Vec<String>| w.first().is_some_and(|w| w.starts_with(kind));
        proxy.filters.iter().any(|f| ours(&f.words) && named(&f.words))
    };
    let known = |place: Place, name: &String| section(cx, place, name);
    match &check.kind {
        RuleCheckKind::RequestCapture(id) => lacks(*id, proxy.request_captures.len())
            .then(|| format!("unable to find capture id '{id}' referenced by http-request capture rule")),
        RuleCheckKind::ResponseCapture(id) => lacks(*id, proxy.response_captures.len())
            .then(|| format!("unable to find capture id '{id}' referenced by http-response capture rule")),
        RuleCheckKind::ErrorFiles(name) => (!known(Place::HTTP_ERRORS, name))
            .then(|| format!("unknown http-errors section '{name}' referenced by an http reply ")),
        RuleCheckKind::BandwidthFilter(name) => (!filter("bwlim", name, 1))
            .then(|| format!("unable to find bwlim filter '{name}' referenced by set-bandwidth-limit rule")),
        RuleCheckKind::SpoeGroup(engine, group) => (!filter("spoe", engine, 2))
            .then(|| format!("unable to find SPOE engine '{engine}' used by the send-spoe-group '{group}'")),
        RuleCheckKind::OtGroup(id, group) => (!filter("opentracing", id, 2))
            .then(|| format!("unable to find the OpenTracing filter '{id}' used by the ot-group '{group}'")),
        RuleCheckKind::Resolvers(name) => (!known(Place::RESOLVERS, name))
            .then(|| format!("Can't find resolvers section '{name}' for do-resolve action")),
        RuleCheckKind::Track(table, key) => track(cx, owner, &check.rule, table, key),
        RuleCheckKind::Raw | RuleCheckKind::TcpCapture(_) | RuleCheckKind::Cache(_) => None,
    }
}

/// Warnings about `tcp-request content` rules that look at what may not be there yet, or need not wait.
fn warn_content(cx: &mut Cx<'_>, origin: Span, owner: &Owner, check: &RuleCheck) {
    let (what, needs) = match &check.kind {
        RuleCheckKind::TcpCapture(needs) => ("tcp-request capture", *needs),
        RuleCheckKind::Track(_, key) => {
            let needs = cx.input.samples.fetch(&key.fetch.name).map_or(Needs(0), |f| f.needs);
            ("tcp-request content track-sc*", needs)
        }
        _ => return,
    };
    let Some(proxy) = cx.model.proxies.iter().find(|p| p.origin == origin) else { return };
    if check.set != Set::TcpRequest || !proxy.kind.is_frontend() {
        return;
    }
    let delayed = proxy.inspect_delay_ms.is_some_and(|d| d > 0);
    let early = !needs.checkpoints_in(cx.input.dialect).both(Checkpoints::FRONT_SESSION).is_none();
    let who = format!("{} '{}' : a '{what}' rule", owner.kind, owner.name);
    if !delayed && !early {
        let text = format!(
            "{who} explicitly depending on request contents without any 'tcp-request inspect-delay' setting. This means that this rule will randomly find its contents. This can be fixed by setting the tcp-request inspect-delay."
        );
        cx.say_late("HA3406", Severity::Warning, check.span, text);
    }
    let request = Needs::L6_REQUEST
        .and(Needs::HTTP_REQUEST_HEADERS)
        .and(Needs::HTTP_REQUEST_LINE)
        .and(Needs::HTTP_REQUEST_BODY);
    let waits = needs.meets(request) || check.condition.meets(request);
    if owner.mode == Mode::Http && !waits && matches!(check.kind, RuleCheckKind::Track(..)) {
        let text = format!(
            "{who} not depending on request contents for an HTTP frontend should be executed at the session level, using a 'tcp-request session' rule (mandatory to track invalid HTTP requests)."
        );
        cx.say_late("HA3406", Severity::Warning, check.span, text);
    }
}

fn track(cx: &Cx<'_>, owner: &Owner, rule: &str, table: &str, key: &rha_ir::SampleExpr) -> Option<String> {
    let name = if table.is_empty() { &owner.name } else { table };
    let number = rule.trim_start_matches("track-sc");
    let number = if number.is_empty() { "0" } else { number };
    let Some(kind) = table_type(cx, name) else {
        return Some(format!("unable to find table '{name}' referenced by track-sc{number}"));
    };
    let out = output_type(&cx.input.samples, cx.input.dialect, key);
    if !can_cast(cx.input.dialect, out, kind) {
        return Some(format!(
            "stick-table '{name}' uses a type incompatible with the 'track-sc{number}' rule"
        ));
    }
    None
}

/// Type of the keys of a table; `Any` for tables of `peers` sections, whose type is not kept here.
fn table_type(cx: &Cx<'_>, name: &str) -> Option<SampleType> {
    if cx.rules.tables.iter().any(|t| t == name) {
        return Some(SampleType::Any);
    }
    let table = cx.model.proxies.iter().filter(|p| p.name == name).find_map(|p| p.stick_table.as_ref())?;
    let word = table.words.iter().position(|w| w == "type").and_then(|i| table.words.get(i + 1));
    Some(match word.map(String::as_str) {
        Some("ip" | "ipv4") => SampleType::Ipv4,
        Some("ipv6") => SampleType::Ipv6,
        Some("integer") => SampleType::Sint,
        Some("string") => SampleType::Str,
        Some("binary") => SampleType::Bin,
        _ => SampleType::Any,
    })
}

/// Names in expressions of the proxy; all that do not exist are told in one message.
pub fn resolve_proxy(cx: &mut Cx<'_>, origin: Span) {
    let Some(owner) = owner(cx, origin) else { return };
    let pending = take_where(&mut cx.rules.pending, |p| p.owner == Some(origin));
    let mut lines = Vec::new();
    let mut first = None;
    for p in pending {
        if let Some(text) = complaint(cx, &owner, &p) {
            lines.push(text);
            first.get_or_insert(p.span);
        }
    }
    let Some(span) = first else { return };
    let text = if let [one] = lines.as_slice() {
        one.clone()
    } else {
        let all: String = lines.iter().map(|l| format!("\n        {l}")).collect();
        format!("multiple argument resolution errors:{all}\n")
    };
    cx.say_late("HA3403", Severity::Error, span, text);
}

/// What is wrong with one argument.
fn complaint(cx: &Cx<'_>, owner: &Owner, p: &Pending) -> Option<String> {
    let at = cx.position(p.span);
    let of = place(owner, p);
    let value = &p.value;
    let found = |ok: bool, text: String| (!ok).then_some(text);
    match p.kind {
        PendingKind::Frontend | PendingKind::Backend => {
            let front = p.kind == PendingKind::Frontend;
            let name = if value.is_empty() { &owner.name } else { value };
            let side = |x: &Proxy| if front { x.kind.is_frontend() } else { x.kind.is_backend() };
            if cx.model.proxies.iter().any(|x| x.name == *name && side(x)) {
                return None;
            }
            let word = if front { "frontend" } else { "backend" };
            Some(if value.is_empty() {
                format!("parsing [{at}]: proxy '{name}', referenced in {of}, has not {word} capability.")
            } else {
                format!("parsing [{at}]: unable to find {word} '{name}' referenced in {of}.")
            })
        }
        PendingKind::Table => {
            let name = if value.is_empty() { &owner.name } else { value };
            let known = table_type(cx, name).is_some();
            found(known, format!("parsing [{at}]: unable to find table '{name}' referenced in {of}."))
        }
        PendingKind::Server => server(cx, owner, p, &at, &of),
        PendingKind::UserList => {
            if value.is_empty() {
                return Some(format!("parsing [{at}]: missing userlist name in {of}."));
            }
            let known = cx.model.user_lists.iter().any(|u| u.name == *value);
            found(known, format!("parsing [{at}]: unable to find userlist '{value}' referenced in {of}."))
        }
        PendingKind::Regex { ignore_case } => {
            if value.is_empty() {
                return Some(format!("parsing [{at}]: missing regex in {of}."));
            }
            let e = check_regex(value.as_bytes(), ignore_case).err()?;
            Some(format!("parsing [{at}]: error in regex '{value}' in {of} : {e}."))
        }
    }
}

fn server(cx: &Cx<'_>, owner: &Owner, p: &Pending, at: &str, of: &str) -> Option<String> {
    if p.value.is_empty() {
        return Some(format!("parsing [{at}]: missing server name in {of}."));
    }
    let (backend, server) = match p.value.rsplit_once('/') {
        Some((b, s)) => (b, s),
        None => (owner.name.as_str(), p.value.as_str()),
    };
    let named = p.value.contains('/');
    let proxy = cx.model.proxies.iter().find(|x| x.name == backend && (!named || x.kind.is_backend()));
    let Some(proxy) = proxy else {
        return Some(format!("parsing [{at}]: unable to find proxy '{backend}' referenced in {of}."));
    };
    let same = |x: &&Proxy| x.name == proxy.name;
    let known =
        cx.model.proxies.iter().filter(same).any(|x| x.service.servers.iter().any(|s| s.name == server));
    (!known).then(|| {
        format!("parsing [{at}]: unable to find server '{server}' in proxy '{backend}', referenced in {of}.")
    })
}

/// `arg 1 of sample fetch keyword 'x' in proxy 'p'`.
fn place(owner: &Owner, p: &Pending) -> String {
    let converter =
        p.converter.as_ref().map_or_else(String::new, |c| format!("conversion keyword '{c}' for "));
    let what = if p.context == ArgContext::Acl { "ACL keyword" } else { "sample fetch keyword" };
    format!(
        "arg {} of {converter}{what} '{}' {} proxy '{}'",
        p.position + 1,
        p.keyword,
        p.context.place(),
        owner.name
    )
}

fn take_where<T>(list: &mut Vec<T>, mine: impl Fn(&T) -> bool) -> Vec<T> {
    let (taken, rest) = std::mem::take(list).into_iter().partition(|t| mine(t));
    *list = rest;
    taken
}
