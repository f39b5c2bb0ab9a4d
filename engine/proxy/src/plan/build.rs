//! From the model to the plan. All errors are collected; a plan with any is not given out.

use std::sync::Arc;
use std::time::Duration;

use rha_balance::{Algorithm, KeyHash};
use rha_base::ProxyId;
use rha_http1::{Policy, RestrictNames};
use rha_ir::{Address, Balance, Bind, Host, Mode, Model, Port, Proxy, Span};
use rha_net::{
    ConnectOptions, ListenOptions, NetNamespace, Probes, SocketAddress, TcpOptions, resolve, resolve_all,
};
use rha_sample::{Names as _, Shared};
use rha_vocab::Dialect;

use super::logs::{self, TargetPlan};
use super::process_variables::{AtStart, ProcessVariables};
use super::rules::{Compiler, Resolver, Variables};
use super::{
    CloseSpread, KeyPlan, ListenerPlan, Plan, PlanError, ProcessPlan, ProxyPlan, RetryOn, ServerPlan,
    ServerPort, Timeout, TimeoutPlan, affinity,
};
use crate::direct::Direct;
use crate::health::texts::Texts;
use crate::state::ProxyState;
use crate::wire::Wire;

/// Connections of the process when neither `maxconn` nor the descriptor limit says otherwise.
const DEFAULT_MAXCONN: u32 = 4096;

impl Plan {
    /// Resolves a model. `old` is the running plan whose state is taken over by name.
    ///
    /// # Errors
    /// Everything that keeps it from running.
    pub fn build(model: &Model, dialect: Dialect, old: Option<&Plan>) -> Result<Plan, Vec<PlanError>> {
        let mut b = Builder {
            model,
            dialect,
            errors: Vec::new(),
            process: process(model),
            names: Resolver { model, current: 0, variables: Variables::default(), shared: Shared::default() },
            hostname: rha_net::hostname(),
            log_targets: Vec::new(),
        };
        let proxies: Vec<_> = model.proxies.iter().enumerate().map(|(i, p)| b.proxy(i, p, old)).collect();
        let process_variables = b.process_variables();
        if !b.errors.is_empty() {
            return Err(b.errors);
        }
        Ok(Plan {
            dialect,
            policy: b.policy(false, None),
            process: b.process,
            proxies,
            log_targets: b.log_targets,
            process_variables: Arc::new(process_variables),
            namespaces: namespaces(model),
            local_pages: None,
            observer: None,
            bell: old.map(|o| o.bell.clone()).unwrap_or_default(),
            model: Arc::new(model.clone()),
        })
    }
}

struct Builder<'a> {
    model: &'a Model,
    dialect: Dialect,
    errors: Vec<PlanError>,
    process: ProcessPlan,
    names: Resolver<'a>,
    hostname: String,
    log_targets: Vec<TargetPlan>,
}

fn process(model: &Model) -> ProcessPlan {
    let p = &model.process;
    ProcessPlan {
        maxconn: p.maxconn.unwrap_or_else(automatic_maxconn),
        workers: p.nbthread.unwrap_or_else(|| {
            let found =
                std::thread::available_parallelism().map_or(1, |n| u32::try_from(n.get()).unwrap_or(1));
            found.min(p.thread_hard_limit.unwrap_or(u32::MAX))
        }),
        close_spread: p.close_spread_ms.map(|ms| match ms {
            u32::MAX => CloseSpread::Never,
            ms => CloseSpread::Within(Duration::from_millis(ms.into())),
        }),
        rejects_privileged_ports: p.rejects_privileged_ports,
        buffer_size: p.bufsize.map_or(16384, |n| n as usize),
        reserve: p.maxrewrite.map_or(1024, |n| n as usize),
        max_headers: p.max_headers.map_or(101, |n| n as usize),
        log_uri_len: p.log_uri_len.map_or(1024, |n| n as usize),
        cookie_len: p.cookie_len.map_or(63, |n| n as usize),
        header_case: p
            .header_case
            .iter()
            .map(|(from, to)| (from.to_ascii_lowercase().into_bytes().into(), to.as_bytes().into()))
            .collect(),
    }
}

/// COMPAT: two descriptors a connection, a hundred for everything else.
fn automatic_maxconn() -> u32 {
    let (_, hard) = rha_net::descriptor_limit();
    let n = hard.saturating_sub(100) / 2;
    u32::try_from(n).unwrap_or(u32::MAX).clamp(DEFAULT_MAXCONN.min(100), 1_048_576)
}

impl Plan {
    /// The value of an expression or format outside of any stream, `set var`.
    ///
    /// # Errors
    /// Why it cannot be had.
    pub fn evaluate(&self, value: &rha_ir::VarValue) -> Result<Option<rha_base::Value<'static>>, String> {
        let mut names = Resolver {
            model: &self.model,
            current: 0,
            variables: Variables::default(),
            shared: Shared::default(),
        };
        let mut start = AtStart::new();
        for name in self.process_variables.names() {
            let slot = names.variable(rha_base::Scope::Process, &name);
            start.keep(slot, self.process_variables.get(&name));
        }
        let slot = names.variable(rha_base::Scope::Process, "");
        match value {
            rha_ir::VarValue::Expr(e) => {
                let e = rha_sample::Expr::compile(e, &mut names).map_err(|e| e.to_string())?;
                start.set_expr(slot, &e);
            }
            rha_ir::VarValue::Format(f) => {
                let f = rha_sample::Format::compile_for_http(f, &mut names).map_err(|e| e.to_string())?;
                start.set_format(slot, &f);
            }
        }
        Ok(start.take(slot))
    }
}

impl<'a> Builder<'a> {
    /// Evaluates `set-var` and `set-var-fmt` of the global section, in order.
    fn process_variables(&mut self) -> ProcessVariables {
        let mut start = AtStart::new();
        for (name, value) in &self.model.process.set_vars {
            let slot = self.names.variable(rha_base::Scope::Process, &name.name);
            let made = match value {
                rha_ir::VarValue::Expr(e) => {
                    rha_sample::Expr::compile(e, &mut self.names).map(|e| start.set_expr(slot, &e))
                }
                rha_ir::VarValue::Format(f) => rha_sample::Format::compile_for_http(f, &mut self.names)
                    .map(|f| start.set_format(slot, &f)),
            };
            if let Err(e) = made {
                self.errors.push(PlanError { span: e.span, message: e.to_string() });
            }
        }
        ProcessVariables::new(self.names.variables.of(rha_base::Scope::Process), start.values)
    }

    fn error(&mut self, span: Span, message: impl Into<String>) {
        self.errors.push(PlanError { span, message: message.into() });
    }

    fn proxy(&mut self, index: usize, p: &'a Proxy, old: Option<&Plan>) -> ProxyPlan {
        let id = ProxyId(u32::try_from(index).unwrap_or(u32::MAX));
        let listeners = if p.disabled { Vec::new() } else { self.listeners(p) };
        let servers: Vec<_> = p.service.servers.iter().map(|s| self.server(p, s)).collect();
        let unset = if self.dialect >= Dialect::of(3, 3) { Balance::Random(2) } else { Balance::RoundRobin };
        let mut algorithm = Algorithm::of(&p.service, &unset);
        if let Algorithm::HashRing { affinity: a, .. } = &mut algorithm {
            *a = affinity(p.hash_preserve_affinity.as_deref());
        }
        let key = match p.service.balance.as_ref() {
            Some(Balance::Hash(key)) => {
                Some(KeyPlan { hash: KeyHash::new(p.service.hash_type), key: key.clone() })
            }
            _ => None,
        };
        let (addresses, servers): (Vec<_>, Vec<_>) = servers.into_iter().unzip();
        let taken = old.and_then(|o| {
            o.proxies.iter().find(|q| q.name.as_ref() == p.name && q.kind == p.kind).map(|q| q.state.clone())
        });
        let fullconn = p.service.fullconn.unwrap_or_else(|| self.fullconn(p));
        let state = taken
            .filter(|s| s.fits(&p.service, algorithm))
            .unwrap_or_else(|| Arc::new(ProxyState::new(p, algorithm, addresses, fullconn, self.dialect)));
        self.names.current = index;
        super::unbuilt::refuse(p, self.model.process.allow_planned, &mut self.errors);
        let direct = self.direct(p);
        let request_policy = self.policy(p.options.accept_unsafe_request, p.options.restrict_header_names);
        let response_policy = self.policy(p.options.accept_unsafe_response, None);
        let mut compiler =
            Compiler { names: &mut self.names, proxy: p, policy: response_policy, errors: &mut self.errors };
        let (rules, pages) = (compiler.compile(), compiler.pages());
        let check_texts = self.check_texts(p);
        let logs = logs::Context {
            process: &self.model.process,
            hostname: &self.hostname,
            dialect: self.dialect,
            targets: &mut self.log_targets,
            errors: &mut self.errors,
        }
        .plan(&p.logs, p.log_tag.as_deref());
        ProxyPlan {
            id,
            rules,
            pages,
            log_tag: logs.tag.clone(),
            logs,
            request_policy,
            response_policy,
            name: p.name.as_str().into(),
            number: p.id,
            kind: p.kind,
            mode: p.mode,
            state,
            listeners,
            maxconn: p.maxconn.filter(|n| *n != 0).unwrap_or(self.process.maxconn),
            rate_limit: p.rate_limit_sessions.unwrap_or(0),
            timeouts: timeouts(p),
            default_backend: self.default_backend(id, p),
            servers,
            algorithm,
            key,
            retries: p.retries.unwrap_or(3),
            retry_connections: retries_connections(p),
            retry_on: retry_on(p).map(Box::new),
            redispatch: p.redispatch.unwrap_or(0),
            abort_on_close: p
                .options
                .abortonclose
                .unwrap_or(self.dialect >= Dialect::of(3, 3) && p.mode == Mode::Http),
            connection: p.connection_mode,
            reuse: p.http_reuse,
            direct,
            source: p.source.as_ref().and_then(|a| resolve(a, 0).ok()).and_then(|a| a.ip()),
            check_texts,
            model: Arc::new(p.clone()),
        }
    }

    /// What a check evaluates; a check that cannot be run is told of where its targets are made.
    fn check_texts(&mut self, p: &Proxy) -> Option<Arc<Texts>> {
        let check = &p.service.check;
        let plain = check.steps.is_empty() && check.http.headers.is_empty();
        if plain || !p.service.servers.iter().any(|s| s.checked) {
            return None;
        }
        let script = rha_health::Script::compile(check).ok()?;
        match Texts::compile(&script, &mut self.names) {
            Ok(texts) => texts.map(Arc::new),
            Err(e) => {
                self.error(e.span, e.to_string());
                None
            }
        }
    }

    fn policy(&self, accept_unsafe: bool, restrict: Option<u8>) -> Policy {
        Policy {
            dialect: self.dialect,
            accept_unsafe,
            max_fields: self.process.max_headers,
            buffer_size: self.process.buffer_size,
            reserve: self.process.reserve,
            restrict_names: match restrict {
                Some(1) => RestrictNames::Delete,
                Some(2) => RestrictNames::Reject,
                _ => RestrictNames::Preserve,
            },
            ..Policy::default()
        }
    }

    fn direct(&mut self, p: &Proxy) -> Option<Direct> {
        if !p.kind.is_backend() {
            return None;
        }
        match &p.dispatch {
            Some(a) => match resolve(a, 0) {
                Ok(a) => Some(Direct::To(a)),
                Err(e) => {
                    self.error(p.origin, e.to_string());
                    None
                }
            },
            None => p.options.transparent.then_some(Direct::Asked),
        }
    }

    fn default_backend(&mut self, id: ProxyId, p: &Proxy) -> Option<ProxyId> {
        match &p.default_backend {
            Some((name, span)) => match self.model.backend(name) {
                Some((i, _)) => Some(ProxyId(u32::try_from(i).unwrap_or(u32::MAX))),
                None => {
                    self.error(*span, format!("unable to find required default_backend: '{name}'"));
                    None
                }
            },
            None if p.kind == rha_ir::ProxyKind::Listen => Some(id),
            None => None,
        }
    }

    /// COMPAT: a tenth of the connections of all frontends that may reach the backend.
    fn fullconn(&self, backend: &Proxy) -> u32 {
        let sum: u64 = self
            .model
            .proxies
            .iter()
            .filter(|f| f.kind.is_frontend())
            .filter(|f| {
                f.name == backend.name
                    || f.default_backend.as_ref().is_some_and(|(n, _)| *n == backend.name)
                    || f.use_backend
                        .iter()
                        .any(|r| r.target.literal().is_none_or(|t| t.as_slice() == backend.name.as_bytes()))
            })
            .map(|f| u64::from(f.maxconn.unwrap_or(self.process.maxconn)))
            .sum();
        u32::try_from(sum.div_ceil(10).max(1)).unwrap_or(u32::MAX)
    }

    fn listeners(&mut self, p: &Proxy) -> Vec<ListenerPlan> {
        let mut out = Vec::new();
        for bind in &p.binds {
            let options = listen_options(bind, p, &self.process, self.model);
            for a in &bind.addresses {
                match resolve_all(&a.address) {
                    Ok(all) => out.extend(all.into_iter().map(|address| (bind, address, options.clone()))),
                    Err(e) => self.error(a.origin, e.to_string()),
                }
            }
        }
        out.into_iter()
            .enumerate()
            .map(|(i, (bind, address, options))| ListenerPlan {
                name: bind.name.as_deref().map(Into::into),
                number: bind.id.unwrap_or_else(|| u32::try_from(i + 1).unwrap_or(0)),
                address,
                options,
                maxconn: bind.maxconn.unwrap_or(0),
                accept_proxy: bind.accept_proxy,
                netscaler: bind.netscaler,
                current: Arc::default(),
                origin: bind.origin,
            })
            .collect()
    }

    /// The namespace a server is always connected to in.
    fn namespace(&mut self, extra: Option<&rha_ir::ServerExtra>, origin: Span) -> Option<NetNamespace> {
        let Some(rha_ir::Namespace::Name(name)) = &extra?.namespace else { return None };
        NetNamespace::open(name).inspect_err(|e| self.error(origin, format!("namespace '{name}': {e}"))).ok()
    }

    /// What few servers need on the wire.
    fn wire(&mut self, s: &rha_ir::Server) -> Option<Arc<Wire>> {
        let extra = s.extra.as_deref()?;
        let socks4 = extra.socks4.as_ref().map(|a| resolve(a, 1080)).transpose();
        let socks4 = socks4.unwrap_or_else(|e| {
            self.error(s.origin, e.to_string());
            None
        });
        let has = |word: &str| extra.proxy_v2_options.iter().any(|w| w == word);
        let mut fields = Vec::new();
        for (kind, format) in &extra.proxy_v2_fields {
            match rha_sample::Format::compile(format, &mut self.names) {
                Ok(format) => fields.push((*kind, format)),
                Err(e) => self.error(e.span, e.to_string()),
            }
        }
        let pool_name =
            extra.pool_name.as_ref().map(|e| rha_sample::Expr::compile(e, &mut self.names)).transpose();
        let pool_name = pool_name.unwrap_or_else(|e| {
            self.error(e.span, e.to_string());
            None
        });
        let wire = Wire {
            socks4,
            fields,
            checksum: has("crc32c"),
            authority: has("authority"),
            unique_id: has("unique-id"),
            namespace_of_client: extra.namespace == Some(rha_ir::Namespace::FromProxy),
            pool_name,
        };
        (!wire.is_plain()).then(|| Arc::new(wire))
    }

    fn server(&mut self, p: &Proxy, s: &rha_ir::Server) -> (SocketAddress, ServerPlan) {
        let (client_address, port) = match &s.address {
            Address::Ip { host, port, .. } => (
                matches!(host, Host::Any | Host::AnyV6)
                    || matches!(host, Host::Ip(ip) if ip.is_unspecified()),
                match port {
                    Port::None => ServerPort::Offset(0),
                    Port::Offset(n) => ServerPort::Offset(*n),
                    Port::One(_) | Port::Range(..) => ServerPort::Fixed,
                },
            ),
            _ => (false, ServerPort::Fixed),
        };
        let address = resolve(&s.address, 0).unwrap_or_else(|e| {
            if let Some(a) = fallback_address(s) {
                return a;
            }
            self.error(s.origin, e.to_string());
            SocketAddress::Fd(-1)
        });
        let source = s.source.as_ref().or(p.source.as_ref());
        let source = source.and_then(|a| resolve(a, 0).ok()).and_then(|a| a.ip());
        let g = &self.model.process;
        let plan = ServerPlan {
            name: s.name.as_str().into(),
            number: s.id,
            client_address,
            port,
            connect: ConnectOptions {
                source,
                user_timeout: s.user_timeout_ms.map(|n| Duration::from_millis(n.into())),
                keepalive: probes(p.options.tcpka || p.options.srvtcpka, p.server_keepalive),
                fast_open: s.fast_open,
                receive_buffer: g.tune_rcvbuf_server,
                send_buffer: g.tune_sndbuf_server,
                namespace: self.namespace(s.extra.as_deref(), s.origin),
                tcp: server_tcp(s.extra.as_deref(), g).map(Arc::new),
                mark: None,
                tos: None,
            },
            cookie: s.cookie.as_ref().map(|c| c.to_vec()).or_else(|| computed_cookie(p, &address)),
            redir: s.redir.as_ref().map(|c| c.to_vec()),
            maxqueue: s.maxqueue,
            backup: s.backup,
            send_proxy: s.send_proxy,
            wire: self.wire(s),
            pool_max_conn: s.pool_max_conn,
            pool_low_conn: s.pool_low_conn,
            pool_purge_delay: Duration::from_millis(s.pool_purge_delay_ms.into()),
            max_reuse: s.max_reuse,
            origin: s.origin,
        };
        (address, plan)
    }
}

/// `cookie … dynamic`: the same for every balancer that has the same key. COMPAT: a hash of the key, the address and
/// the port (`http_basic/cookie-dynamic`).
pub(super) fn computed_cookie(p: &Proxy, address: &SocketAddress) -> Option<Vec<u8>> {
    let cookie = p.cookie.as_ref().filter(|c| c.dynamic)?;
    let mut text = cookie.dynamic_key.as_ref()?.to_vec();
    let to = address.ip()?;
    match to.ip() {
        std::net::IpAddr::V4(ip) => text.extend_from_slice(&ip.octets()),
        std::net::IpAddr::V6(ip) => text.extend_from_slice(&ip.octets()),
    }
    text.extend_from_slice(&u32::from(to.port()).to_be_bytes());
    Some(format!("{:016x}", xxhash_rust::xxh64::xxh64(&text, 0)).into_bytes())
}

/// `init-addr`: the address of a server whose name does not resolve; `none` starts it without one.
fn fallback_address(s: &rha_ir::Server) -> Option<SocketAddress> {
    let port = match &s.address {
        Address::Ip { port: Port::One(n), .. } => *n,
        _ => 0,
    };
    s.init_addr.iter().find_map(|word| match word.as_str() {
        "none" => Some(SocketAddress::Ip(([0, 0, 0, 0], 0).into())),
        word => word.parse().ok().map(|ip: std::net::IpAddr| SocketAddress::Ip((ip, port).into())),
    })
}

fn listen_options(bind: &Bind, p: &Proxy, process: &ProcessPlan, model: &Model) -> ListenOptions {
    let backlog = bind.backlog.or(p.backlog).or(bind.maxconn).or(p.maxconn).unwrap_or(process.maxconn);
    ListenOptions {
        backlog: i32::try_from(backlog.max(1)).unwrap_or(i32::MAX),
        transparent: bind.transparent,
        v6only: bind.v6only,
        interface: bind.interface.clone(),
        mss: bind.mss.and_then(|m| u32::try_from(m).ok()),
        defer_accept: bind.defer_accept,
        user_timeout: bind.user_timeout_ms.map(|n| Duration::from_millis(n.into())),
        owner: bind.owner.clone(),
        group: bind.group.clone(),
        file_mode: bind.file_mode,
        receive_buffer: model.process.tune_rcvbuf_client,
        send_buffer: model.process.tune_sndbuf_client,
        keepalive: probes(p.options.tcpka || p.options.clitcpka, p.client_keepalive),
        fast_open: bind.fast_open,
        no_reuse_port: model.process.no_reuse_port,
        namespace: bind.namespace.as_deref().and_then(|n| NetNamespace::open(n).ok()),
        tcp: TcpOptions {
            md5_password: bind.md5_password.as_ref().map(|p| p.to_vec().into()),
            congestion: bind.congestion.as_deref().map(Into::into),
            save_syn: bind.save_syn,
            unsent: model.process.unsent_low_client,
        },
    }
}

fn server_tcp(extra: Option<&rha_ir::ServerExtra>, process: &rha_ir::Process) -> Option<TcpOptions> {
    let options = TcpOptions {
        md5_password: extra.and_then(|e| e.md5_password.as_ref()).map(|p| p.to_vec().into()),
        congestion: extra.and_then(|e| e.congestion.as_deref()).map(Into::into),
        save_syn: 0,
        unsent: process.unsent_low_server,
    };
    (options != TcpOptions::default()).then_some(options)
}

/// All namespaces that are named somewhere, so that a PROXY protocol header can name them.
fn namespaces(model: &Model) -> std::collections::HashMap<Box<str>, NetNamespace> {
    let binds = model.proxies.iter().flat_map(|p| &p.binds).filter_map(|b| b.namespace.as_ref());
    let servers = model.proxies.iter().flat_map(|p| &p.service.servers);
    let servers = servers.filter_map(|s| match s.extra.as_deref()?.namespace.as_ref()? {
        rha_ir::Namespace::Name(name) => Some(name),
        rha_ir::Namespace::FromProxy => None,
    });
    let all = model.process.namespaces.iter().chain(binds).chain(servers);
    all.filter_map(|n| Some((n.as_str().into(), NetNamespace::open(n).ok()?))).collect()
}

/// Whether `retry-on` lets a failed connection be tried again.
fn retries_connections(p: &Proxy) -> bool {
    let again = |w: &String| w == "conn-failure" || w == "all-retryable-errors";
    p.retry_on.is_empty() || p.retry_on.iter().any(again)
}

/// COMPAT: there is no early data towards servers without TLS, so `0rtt-rejected` asks for nothing.
fn retry_on(p: &Proxy) -> Option<RetryOn> {
    let mut on = RetryOn::default();
    for word in &p.retry_on {
        match word.as_str() {
            "empty-response" => on.empty = true,
            "junk-response" => on.junk = true,
            "response-timeout" => on.timeout = true,
            "all-retryable-errors" => {
                (on.empty, on.junk, on.timeout) = (true, true, true);
                on.statuses.extend([500, 502, 503, 504]);
            }
            word => on.statuses.extend(word.parse::<u16>().ok()),
        }
    }
    (p.mode == Mode::Http && on != RetryOn::default()).then_some(on)
}

fn probes(wanted: bool, k: rha_ir::Keepalive) -> Option<Probes> {
    let seconds = |s: Option<u32>| s.map(|s| Duration::from_secs(s.into()));
    let probes = Probes { count: k.count, idle: seconds(k.idle_s), interval: seconds(k.interval_s) };
    wanted.then_some(probes)
}

/// HAProxy 3.0 configuration manual §4.2, the `timeout …` keywords.
fn timeouts(p: &Proxy) -> TimeoutPlan {
    let t = &p.timeouts;
    let or = |a: Option<u32>, b: Option<u32>| Timeout(a.or(b).unwrap_or(0));
    TimeoutPlan {
        client: or(t.client, None),
        server: or(t.server, None),
        connect: or(t.connect, None),
        queue: or(t.queue, t.connect),
        tarpit: or(t.tarpit, t.connect),
        http_request: or(t.http_request, t.client),
        http_keep_alive: or(t.http_keep_alive.or(t.http_request), t.client),
        tunnel: or(t.tunnel, None),
        client_fin: or(t.client_fin, None),
        server_fin: or(t.server_fin, None),
    }
}
