//! Which servers are watched, where their checks go and what these do.

use std::sync::Arc;

use rha_base::ProxyId;
use rha_health::{Script, Setup};
use rha_ir::{CheckKind, Observe, Server};
use rha_net::{SocketAddress, resolve};

use super::external::External;
use crate::plan::{Plan, PlanError, ProxyPlan};

/// How a server is checked.
#[derive(Debug, Clone)]
pub(crate) struct Probe {
    pub script: Arc<Script>,
    /// The program that decides in the script's place.
    pub program: Option<Arc<External>>,
    /// Where to, when not to the server's own address, which may change.
    pub fixed: Option<SocketAddress>,
    /// Port, when not the server's own.
    pub port: Option<u16>,
    /// PROXY header in front: 0 none, 1 or 2.
    pub announce: u8,
    /// What the header is like where there is one.
    pub header: Header,
    /// `socks4`, and whether checks go through it without being told in their steps (`check-via-socks4`).
    pub socks4: Option<(SocketAddress, bool)>,
    /// `timeout check`, milliseconds.
    pub check_ms: Option<u64>,
    /// Fixed bound of an agent's answer; a health check is bounded by its interval.
    pub inter_ms: u64,
}

/// PROXY protocol headers of checks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Header {
    /// The version that a step's `send-proxy` means.
    pub version: u8,
    /// `proxy-v2-options crc32c`.
    pub checksum: bool,
    /// `pp2-never-send-local`.
    pub real_ends: bool,
}

/// A server as the watch knows it.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub proxy: ProxyId,
    pub server: usize,
    pub backend: Arc<str>,
    pub name: Arc<str>,
    pub setup: Setup,
    pub check: Option<Probe>,
    pub agent: Option<Probe>,
    /// Target it tracks.
    pub tracks: Option<usize>,
    pub backup: bool,
    /// Name it is resolved by.
    pub host: Arc<str>,
}

impl Target {
    /// Whether another plan's target is the same server, watched in the same way.
    pub(crate) fn is_same(&self, other: &Target) -> bool {
        self.backend == other.backend && self.name == other.name && self.setup == other.setup
    }
}

/// All usable servers.
pub(crate) fn count((active, backup): (usize, usize)) -> usize {
    active + backup
}

/// The targets of a plan, proxy by proxy, server by server.
pub(crate) fn of(plan: &Plan) -> Result<Vec<Target>, Vec<PlanError>> {
    let (mut targets, mut errors) = (Vec::new(), Vec::new());
    for proxy in &plan.proxies {
        let script = if proxy.model.service.servers.iter().any(|s| s.checked) {
            script(proxy, &mut errors)
        } else {
            None
        };
        for (i, server) in proxy.model.service.servers.iter().enumerate() {
            match target(plan, proxy, i, server, script.as_ref()) {
                Ok(target) => targets.push(target),
                Err(error) => errors.push(error),
            }
        }
    }
    if errors.is_empty() { Ok(targets) } else { Err(errors) }
}

fn script(proxy: &ProxyPlan, errors: &mut Vec<PlanError>) -> Option<Arc<Script>> {
    let check = &proxy.model.service.check;
    let span = match &check.kind {
        CheckKind::Other { origin, .. } => *origin,
        _ => proxy.model.origin,
    };
    let compiled = match &check.kind {
        CheckKind::Other { name, .. } if name == "external-check" && check.external_command.is_some() => {
            Script::compile(&rha_ir::Check::default())
        }
        _ => Script::compile(check),
    };
    match compiled {
        Ok(script) => Some(script),
        Err(e) => {
            errors.push(PlanError { span, message: e.to_string() });
            None
        }
    }
}

fn target(
    plan: &Plan,
    proxy: &ProxyPlan,
    index: usize,
    server: &Server,
    script: Option<&Arc<Script>>,
) -> Result<Target, PlanError> {
    let check = match script.filter(|_| server.checked && !proxy.model.disabled) {
        Some(script) => Some(probe(plan, proxy, index, server, script)?),
        None => None,
    };
    let agent = match server.agent.as_ref().filter(|a| a.enabled && !proxy.model.disabled) {
        Some(agent) => Some(Probe {
            script: Script::agent(&agent.send),
            program: None,
            fixed: fixed(proxy, index, agent.address.as_ref().or(server.check_address.as_ref()), server)?,
            port: Some(agent.port).filter(|p| *p != 0),
            announce: 0,
            header: Header { version: 1, checksum: false, real_ends: false },
            socks4: None,
            check_ms: proxy.model.timeouts.check.map(u64::from),
            inter_ms: agent.inter_ms.into(),
        }),
        None => None,
    };
    let tracks = server.track.as_ref().and_then(|(backend, name)| position(plan, proxy, backend, name));
    Ok(Target {
        proxy: proxy.id,
        server: index,
        backend: Arc::from(proxy.name.as_ref()),
        name: Arc::from(server.name.as_str()),
        setup: Setup {
            check: check.as_ref().map(|_| server.timing.clone()),
            agent_ms: agent.as_ref().map(|a| u32::try_from(a.inter_ms).unwrap_or(u32::MAX)),
            slowstart_ms: server.slowstart_ms,
            disabled: server.disabled,
            initial: server.extra.as_ref().and_then(|e| e.init_state),
            tracks: tracks.is_some(),
            log_checks: proxy.model.service.check.log,
            dynamic_weight: proxy.algorithm.is_dynamic(),
            dialect: plan.dialect,
        },
        check,
        agent,
        tracks,
        backup: server.backup,
        host: Arc::from(host(server)),
    })
}

fn host(server: &Server) -> &str {
    match &server.address {
        rha_ir::Address::Ip { host: rha_ir::Host::Name { name, .. }, .. } => name,
        _ => "",
    }
}

fn probe(
    plan: &Plan,
    proxy: &ProxyPlan,
    index: usize,
    server: &Server,
    script: &Arc<Script>,
) -> Result<Probe, PlanError> {
    let elsewhere = server.check_port.is_some() || server.check_address.is_some();
    // COMPAT: a check sent elsewhere does not inherit the server's PROXY header.
    let announce = match (server.check_send_proxy, elsewhere, server.send_proxy) {
        (_, false, version @ (1 | 2)) => version,
        (true, ..) => server.send_proxy.max(1),
        _ => 0,
    };
    Ok(Probe {
        script: script.clone(),
        program: External::of(plan, proxy, server).map(Arc::new),
        fixed: fixed(proxy, index, server.check_address.as_ref(), server)?,
        port: server.check_port.filter(|p| *p != 0),
        announce,
        header: Header {
            version: if server.send_proxy & 2 == 2 { 2 } else { 1 },
            checksum: server.extra.as_ref().is_some_and(|e| e.proxy_v2_options.iter().any(|w| w == "crc32c")),
            real_ends: plan.model.process.pp2_never_send_local,
        },
        socks4: socks4(server)?,
        check_ms: proxy.model.timeouts.check.map(u64::from),
        inter_ms: server.timing.inter_ms.into(),
    })
}

fn socks4(server: &Server) -> Result<Option<(SocketAddress, bool)>, PlanError> {
    let Some(extra) = &server.extra else { return Ok(None) };
    let Some(proxy) = &extra.socks4 else { return Ok(None) };
    let failed = |e: rha_net::ResolveError| PlanError { span: server.origin, message: e.to_string() };
    Ok(Some((resolve(proxy, 1080).map_err(failed)?, extra.check_via_socks4)))
}

impl Probe {
    /// Where a check of a server that is at `own` now goes.
    pub(crate) fn address(&self, own: SocketAddress) -> SocketAddress {
        with_port(self.fixed.clone().unwrap_or(own), self.port)
    }
}

/// An address written for checks, with the server's port where it has none.
fn fixed(
    proxy: &ProxyPlan,
    index: usize,
    address: Option<&rha_ir::Address>,
    server: &Server,
) -> Result<Option<SocketAddress>, PlanError> {
    let Some(address) = address else { return Ok(None) };
    let own = proxy.state.servers.get(index).and_then(|s| s.address().ip());
    let failed = |e: rha_net::ResolveError| PlanError { span: server.origin, message: e.to_string() };
    resolve(address, own.map_or(0, |a| a.port())).map(Some).map_err(failed)
}

/// An address with another port, where it has one.
pub(crate) fn with_port(address: SocketAddress, port: Option<u16>) -> SocketAddress {
    match (address, port) {
        (SocketAddress::Ip(mut ip), Some(port)) => {
            ip.set_port(port);
            SocketAddress::Ip(ip)
        }
        (address, _) => address,
    }
}

/// Number of a tracked server among all targets; an empty backend is the server's own.
fn position(plan: &Plan, own: &ProxyPlan, backend: &str, name: &str) -> Option<usize> {
    let mut before = 0;
    for proxy in &plan.proxies {
        let named = if backend.is_empty() { proxy.id == own.id } else { proxy.name.as_ref() == backend };
        let at = proxy.model.service.servers.iter().position(|s| s.name == name);
        if let (true, true, Some(at)) = (named, proxy.kind.is_backend(), at) {
            return Some(before + at);
        }
        before += proxy.model.service.servers.len();
    }
    None
}

/// Whether a server's traffic is observed, and how.
pub(crate) fn observed(server: &Server) -> Observe {
    server.timing.observe
}
