//! Checks after the last line of servers and listeners: names, ids, tracking, TLS, addresses.

use std::collections::HashMap;

use hashbrown::HashSet;
use rha_ir::{Address, Check, CheckKind, Host, Mode, Port, Server, TcpStep};
use rha_text::{Severity, Span};
use rha_vocab::Dialect;

use super::finish::{alert, extra, proxy, title, warn};
use super::word;
use crate::Cx;

pub(super) fn use_server(cx: &mut Cx<'_>, i: usize) {
    for n in 0..proxy(cx, i).use_server.len() {
        let p = proxy(cx, i);
        let rule = &p.use_server[n];
        let (at, Some(name)) = (rule.origin, rule.target.literal()) else { continue };
        if !p.service.servers.iter().any(|s| name == s.name.as_bytes()) {
            let text =
                format!("{} : unable to find server '{name}' referenced in a 'use-server' rule.", title(p));
            cx.say_late("HA3100", Severity::Error, at, text);
        }
    }
}

pub(super) fn servers(cx: &mut Cx<'_>, i: usize) {
    if proxy(cx, i).service.servers.is_empty() {
        return;
    }
    duplicates(cx, i);
    assign_ids(&mut cx.model.proxies[i].service.servers);
    for n in 0..proxy(cx, i).service.servers.len() {
        one(cx, i, n);
    }
}

/// Two servers of one name, unless an id tells them apart.
fn duplicates(cx: &mut Cx<'_>, i: usize) {
    let p = proxy(cx, i);
    let mut seen: HashMap<&str, &Server> = HashMap::new();
    let mut found = Vec::new();
    for s in p.service.servers.iter().filter(|s| s.id == 0) {
        match seen.get(s.name.as_str()) {
            Some(other) => found.push((s.origin, s.name.clone(), other.origin)),
            None => {
                seen.insert(&s.name, s);
            }
        }
    }
    let section = title(p);
    let name = p.name.clone();
    for (at, server, other) in found {
        let text = if cx.input.dialect >= Dialect::V3_5 {
            format!(
                "[{}] : 'server {name}/{server}' : another server named '{server}' was already defined at line {}, please use a distinct name.",
                cx.position(at),
                other.line
            )
        } else {
            format!(
                "parsing [{}] : {section}, another server named '{server}' was already defined at line {}, please use distinct names.",
                cx.position(at),
                other.line
            )
        };
        cx.say_late("HA3103", Severity::Error, at, text);
    }
}

/// Numbers servers without an id by their place, skipping the ids in use.
fn assign_ids(servers: &mut [Server]) {
    let used: HashSet<u32> = servers.iter().map(|s| s.id).filter(|id| *id > 0).collect();
    let mut next = 1;
    for s in servers {
        if s.id == 0 {
            while used.contains(&next) {
                next += 1;
            }
            s.id = next;
        }
        next += 1;
    }
}

/// A message about a server of a finished proxy.
fn say(cx: &mut Cx<'_>, i: usize, n: usize, severity: Severity, code: &'static str, text: &str) {
    let p = proxy(cx, i);
    let s = &p.service.servers[n];
    let at = s.origin;
    let text = format!("[{}] : 'server {}/{}' : {text}", cx.position(at), p.name, s.name);
    cx.say_late(code, severity, at, text);
}

fn one(cx: &mut Cx<'_>, i: usize, n: usize) {
    let s = &mut cx.model.proxies[i].service.servers[n];
    if s.minconn > s.maxconn {
        s.maxconn = s.minconn;
    } else if s.maxconn > 0 && s.minconn == 0 {
        s.minconn = s.maxconn;
    }
    let s = &proxy(cx, i).service.servers[n];
    let (own_tls, tfo, track) = (s.tls || s.check_tls, s.fast_open, s.track.clone());
    let tls = own_tls || extra(cx, i).check_over_tls;
    if tls {
        verify(cx, i, n);
    }
    let retries = &proxy(cx, i).retry_on;
    let all = retries.iter().any(|r| r == "all-retryable-errors");
    let covers = |w: &str| all || retries.iter().any(|r| r == w);
    if tfo && !(covers("empty-response") && covers("response-timeout")) {
        let text = "server has tfo activated, the backend should be configured with at least 'conn-failure', 'empty-response' and 'response-timeout' or we wouldn't be able to retry the connection on failure.";
        say(cx, i, n, Severity::Warning, "HA3117", text);
    }
    if let Some((backend, server)) = track {
        self::track(cx, i, n, &backend, &server);
    }
}

/// COMPAT: a server's certificate is verified unless the file says not to, and then needs authorities.
fn verify(cx: &mut Cx<'_>, i: usize, n: usize) {
    let options = &proxy(cx, i).service.servers[n].tls_options;
    let last = |name: &str| options.iter().rev().find(|(k, _)| *k == name).map(|(_, v)| v.as_str());
    let crt = last("crt").map(str::to_owned);
    let verify = last("verify").map_or(!cx.model.process.ssl_server_verify_none, |v| v != "none");
    let has_ca = last("ca-file").is_some();
    if let Some(path) = crt
        && let Err(e) = cx.input.files.look(&path)
    {
        let why = super::tls_options::os_words(&e);
        let text = format!("unable to stat SSL certificate from file '{path}' : {why}.");
        say(cx, i, n, Severity::Error, "HA2400", &text);
    }
    if proxy(cx, i).service.servers[n].tls {
        versions(cx, i, n);
    }
    if verify && !has_ca {
        let text = "verify is enabled by default but no CA file specified. If you're running on a LAN where you're certain to trust the server's certificate, please set an explicit 'verify none' statement on the 'server' line, or use 'ssl-server-verify none' in the global section to disable server-side verifications by default.";
        say(cx, i, n, Severity::Error, "HA3118", text);
    }
}

/// Whether any version of TLS is left, without holes between them.
fn versions(cx: &mut Cx<'_>, i: usize, n: usize) {
    let p = proxy(cx, i);
    let server = &p.service.servers[n];
    let on = super::tls_options::versions(&server.tls_options, 2);
    let (backend, name) = (p.name.clone(), server.name.clone());
    for hole in super::tls_options::holes(on) {
        let text = format!(
            "backend '{backend}': SSL/TLS versions range not contiguous for server '{name}'. Hole find for {hole}. Use only 'ssl-min-ver' and 'ssl-max-ver' to fix."
        );
        say(cx, i, n, Severity::Warning, "HA3118", &text);
    }
    if on == [false; 4] {
        let text = format!("backend '{backend}': all SSL/TLS versions are disabled for server '{name}'.");
        say(cx, i, n, Severity::Error, "HA3118", &text);
    }
}

fn track(cx: &mut Cx<'_>, i: usize, n: usize, backend: &str, server: &str) {
    let b = if backend.is_empty() { Some(i) } else { cx.proxies.backend(backend) };
    let Some(b) = b else {
        let text = format!("unable to find required proxy '{backend}' for tracking.");
        return say(cx, i, n, Severity::Error, "HA3100", &text);
    };
    let found = proxy(cx, b).service.servers.iter().position(|s| s.name == server);
    let Some(t) = found else {
        let text = format!("unable to find required server '{server}' for tracking.");
        return say(cx, i, n, Severity::Error, "HA3100", &text);
    };
    let s = &proxy(cx, b).service.servers[t];
    if !s.checked && s.agent.is_none() && s.track.is_none() {
        let text = format!(
            "unable to use {}/{server} for tracking as it does not have any check nor agent enabled.",
            proxy(cx, b).name
        );
        return say(cx, i, n, Severity::Error, "HA3119", &text);
    }
    if loops(cx, (i, n), (b, t)) {
        let text = format!(
            "unable to track {}/{server} as it belongs to a tracking chain looping back to {}/{}.",
            proxy(cx, b).name,
            proxy(cx, i).name,
            proxy(cx, i).service.servers[n].name
        );
        say(cx, i, n, Severity::Error, "HA3119", &text);
    }
}

/// Whether following `track` from a server leads back to it.
fn loops(cx: &Cx<'_>, start: (usize, usize), mut at: (usize, usize)) -> bool {
    for _ in 0..1000 {
        if at == start {
            return true;
        }
        let Some((backend, server)) = &proxy(cx, at.0).service.servers[at.1].track else { return false };
        let b = if backend.is_empty() { Some(at.0) } else { cx.proxies.backend(backend) };
        let Some(b) = b else { return false };
        let Some(t) = proxy(cx, b).service.servers.iter().position(|s| s.name == *server) else {
            return false;
        };
        at = (b, t);
    }
    true
}

/// Protocols that do not go with the proxy's mode.
pub(super) fn protocols(cx: &mut Cx<'_>, i: usize) {
    let http = proxy(cx, i).mode == Mode::Http;
    let fits = |p: &str| if http { p != "none" } else { p == "none" };
    let p = proxy(cx, i);
    let (section, mut found) = (title(p), Vec::new());
    for b in &p.binds {
        if let Some(proto) = b.proto.as_deref().filter(|p| !fits(p)) {
            let text = format!(
                "{section} : MUX protocol '{proto}' is not usable for 'bind {}' at [{}].",
                address_text(cx, b.origin),
                cx.position(b.origin)
            );
            found.push((b.origin, text));
        }
    }
    for s in &p.service.servers {
        if let Some(proto) = s.proto.as_deref().filter(|p| !fits(p)) {
            let text = format!(
                "{section} : MUX protocol '{proto}' is not usable for server '{}' at [{}].",
                s.name,
                cx.position(s.origin)
            );
            found.push((s.origin, text));
        }
    }
    for (at, text) in found {
        cx.say_late("HA3105", Severity::Error, at, text);
    }
}

/// What is looked at for each server after everything else: transports and resolvers.
pub(super) fn after_all(cx: &mut Cx<'_>, i: usize) {
    let mode = proxy(cx, i).mode;
    for n in 0..proxy(cx, i).service.servers.len() {
        let s = &proxy(cx, i).service.servers[n];
        let at = s.origin;
        let (is_datagram, resolvers) =
            (matches!(s.address, Address::Ip { datagram: true, .. }), s.resolvers.clone());
        if is_datagram && mode != Mode::Log {
            let word = if mode == Mode::Http { "http" } else { "tcp" };
            let text = format!(
                "[{}] : unsupported transport for server address in '{word}' backend.",
                cx.position(at)
            );
            cx.say_late("HA3105", Severity::Error, at, text);
        }
        if let Some(r) = resolvers.filter(|r| r != "default")
            && !cx.proxies.is_declared(crate::Place::RESOLVERS, &r)
        {
            let p = proxy(cx, i);
            let text = format!(
                "{}, server '{}': unable to find required resolvers '{r}'",
                title(p),
                p.service.servers[n].name
            );
            cx.say_late("HA3100", Severity::Error, at, text);
        }
    }
}

/// Server settings that a TCP proxy cannot have.
pub(super) fn modes(cx: &mut Cx<'_>, i: usize) {
    if proxy(cx, i).mode == Mode::Http {
        return;
    }
    let section = title(proxy(cx, i));
    for n in 0..proxy(cx, i).service.servers.len() {
        let s = &proxy(cx, i).service.servers[n];
        let (redir, cookie, name) = (s.redir.is_some(), s.cookie.is_some(), s.name.clone());
        let mapped = matches!(s.address, Address::Ip { port: Port::None | Port::Offset(_), .. });
        if redir {
            let text = format!("{section} : server cannot have cookie or redirect prefix in non-HTTP mode.");
            alert(cx, i, "HA3105", text);
        }
        if cookie {
            let text = format!("{section} : ignoring cookie for server '{name}' as HTTP mode is disabled.");
            warn(cx, i, "HA3102", text);
        }
        if mapped && proxy(cx, i).persist_rdp_cookie.is_some() {
            let text = format!(
                "{section} : RDP cookie persistence will not work for server '{name}' because it lacks an explicit port number."
            );
            warn(cx, i, "HA3102", text);
        }
    }
}

/// TLS listeners without a certificate.
pub(super) fn binds(cx: &mut Cx<'_>, i: usize) {
    for n in 0..proxy(cx, i).binds.len() {
        let p = proxy(cx, i);
        let b = &p.binds[n];
        let (at, tls) = (b.origin, b.tls);
        let has_crt = b
            .tls_options
            .iter()
            .any(|(k, _)| matches!(*k, "crt" | "default-crt" | "crt-list" | "generate-certificates"));
        let has_any_crt = b.tls_options.iter().any(|(k, _)| matches!(*k, "crt" | "default-crt" | "crt-list"));
        let verified =
            b.tls_options.iter().rev().find(|(k, _)| *k == "verify").is_some_and(|(_, v)| v != "none");
        let has_ca = b.tls_options.iter().any(|(k, _)| matches!(*k, "ca-file" | "ca-verify-file"));
        let (name, address) = (p.name.clone(), address_text(cx, at));
        let on = super::tls_options::versions(&b.tls_options, 2);
        let generates = b.tls_options.iter().any(|(k, _)| *k == "generate-certificates");
        let signs = b.tls_options.iter().any(|(k, _)| *k == "ca-sign-file");
        if tls && has_crt && generates && !signs {
            let text = format!(
                "Proxy '{name}': cannot enable certificate generation, no CA certificate File configured at [{}].",
                cx.position(at)
            );
            cx.say_late("HA3118", Severity::Error, at, text);
        } else if tls && has_crt && on == [false; 4] {
            let text = format!(
                "Proxy '{name}': all SSL/TLS versions are disabled for bind '{address}' at [{}].",
                cx.position(at)
            );
            cx.say_late("HA3118", Severity::Error, at, text);
        } else if tls && !has_crt {
            let text = format!(
                "Proxy '{name}': no SSL certificate specified for bind '{address}' at [{}] (use 'crt').",
                cx.position(at)
            );
            cx.say_late("HA3118", Severity::Error, at, text);
        } else if tls && verified && !has_ca {
            let text = format!(
                "Proxy '{name}': verify is enabled but no CA file specified for bind '{address}' at [{}].",
                cx.position(at)
            );
            // COMPAT: the text stands twice, on two lines.
            let text = format!("{text}\n{text}");
            cx.say_late("HA3118", Severity::Error, at, text);
        } else if !tls && has_any_crt {
            let text = format!(
                "Proxy '{name}': A certificate was specified but SSL was not enabled on bind '{address}' at [{}] (use 'ssl').",
                cx.position(at)
            );
            cx.say_late("HA3118", Severity::Warning, at, text);
        }
    }
}

/// The address word of a `bind` line, as written.
fn address_text(cx: &Cx<'_>, at: Span) -> String {
    let bytes = cx.sources.slice(at);
    let text = String::from_utf8_lossy(bytes);
    text.split_whitespace().nth(1).unwrap_or_default().trim_matches('"').to_owned()
}

/// Servers of no known port that are to be checked, unless the first steps of the check bring one.
///
/// COMPAT: the first word stands twice up to 3.4.
pub(super) fn check_ports(cx: &mut Cx<'_>) {
    for i in 0..cx.model.proxies.len() {
        let p = proxy(cx, i);
        if p.disabled || !p.kind.is_backend() {
            continue;
        }
        let kind = if cx.input.dialect >= Dialect::V3_5 { word(p.kind) } else { "proxy" };
        let check = &p.service.check;
        let portless =
            p.service.servers.iter().filter(|s| s.checked && s.track.is_none() && !has_check_port(s));
        let missing: Vec<_> = portless
            .filter_map(|s| {
                let what = missing_port(check)?;
                let text = format!(
                    "config: {kind} '{}': server '{}' has neither service port nor check port{what}.",
                    p.name, s.name
                );
                Some((s.origin, text))
            })
            .collect();
        for (at, text) in missing {
            cx.say_late("HA3121", Severity::Error, at, text);
        }
    }
}

/// Whether a check knows where to connect without its steps: a port, or an address that has none.
fn has_check_port(s: &Server) -> bool {
    let port_of = |a: &Address| match a {
        Address::Ip { port: Port::One(n), .. } => *n != 0,
        Address::Ip { port: Port::Range(n, _), .. } => *n != 0,
        Address::Ip { .. } => false,
        _ => true,
    };
    s.check_port.is_some_and(|n| n != 0)
        || s.check_address.as_ref().is_some_and(port_of)
        || port_of(&s.address)
}

/// What the message adds when the steps of the check do not bring a port either; `None` when they do.
fn missing_port(check: &Check) -> Option<&'static str> {
    let steps = &check.steps;
    if steps.is_empty() && matches!(check.kind, CheckKind::Tcp | CheckKind::TcpScript) {
        return Some("");
    }
    let named = |port: &Option<u16>, addr: &Option<Address>| {
        port.is_some_and(|n| n != 0)
            || addr.as_ref().is_some_and(|a| matches!(a, Address::Ip { port: Port::One(n), .. } if *n != 0))
    };
    let first = steps.iter().find(|s| !matches!(s, TcpStep::Comment(_) | TcpStep::Variable { .. }));
    match first {
        Some(TcpStep::Connect { port, addr, .. }) if named(port, addr) => {}
        _ => return Some(" nor tcp_check rule 'connect' with port information"),
    }
    let nameless = |s: &TcpStep| matches!(s, TcpStep::Connect { port, addr, .. } if !named(port, addr));
    steps.iter().any(nameless).then_some(", and a tcp_check rule 'connect' with no port information")
}

/// Names of servers, as the original resolves them before it starts.
///
/// COMPAT: a server whose name does not resolve is an error, with `-dr` a warning (a notice from 2.8 on).
pub(super) fn addresses(cx: &mut Cx<'_>) {
    let mut known: HashMap<(String, Option<u8>), bool> = HashMap::new();
    let mut failed = false;
    for i in 0..cx.model.proxies.len() {
        if proxy(cx, i).disabled {
            continue;
        }
        for n in 0..proxy(cx, i).service.servers.len() {
            failed |= !resolve(cx, i, n, &mut known);
        }
    }
    if failed {
        let at = Span::default();
        cx.say_late("HA3120", Severity::Error, at, "Failed to initialize server(s) addr.");
    }
}

/// Whether the server may start.
fn resolve(cx: &mut Cx<'_>, i: usize, n: usize, known: &mut HashMap<(String, Option<u8>), bool>) -> bool {
    let s = &proxy(cx, i).service.servers[n];
    let Address::Ip { host: Host::Name { name, family }, .. } = &s.address else { return true };
    let (name, family) = (name.clone(), *family);
    let mut methods: Vec<String> = s.init_addr.clone();
    if methods.is_empty() {
        methods = if s.resolvers.is_some() && s.init_addr.is_empty() && name.starts_with('_') {
            vec!["none".into()]
        } else {
            vec!["last".into(), "libc".into()]
        };
    }
    if cx.input.ignore_resolution {
        methods.push("none".into());
    }
    let quiet = if cx.input.dialect >= Dialect::V2_8 { Severity::Notice } else { Severity::Warning };
    let is_record = name.starts_with('_');
    let mut tried_libc = false;
    for m in &methods {
        match m.as_str() {
            "last" => {}
            "libc" if is_record => {}
            "libc" => {
                tried_libc = true;
                let found = *known.entry((name.clone(), family)).or_insert_with(|| {
                    super::address::is_host_name(&name) && (cx.input.resolve)(&name, family).is_some()
                });
                if found {
                    return true;
                }
            }
            "none" => {
                if tried_libc {
                    let text = format!("could not resolve address '{name}', disabling server.");
                    say(cx, i, n, quiet, "HA3120", &text);
                }
                return true;
            }
            _ => {
                if tried_libc {
                    let text =
                        format!("could not resolve address '{name}', falling back to configured address.");
                    say(cx, i, n, quiet, "HA3120", &text);
                }
                return true;
            }
        }
    }
    let text = if tried_libc {
        format!("could not resolve address '{name}'.")
    } else {
        format!("no method found to resolve address '{name}'.")
    };
    say(cx, i, n, Severity::Error, "HA3120", &text);
    false
}
