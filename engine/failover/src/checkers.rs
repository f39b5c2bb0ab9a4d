//! Virtual servers with their checkers: from the model to `rha_health`'s machines ([`watched`]), the loop that gives
//! these machines sockets and programs ([`run`]), and the kernel's table ([`table`]).
//!
//! keepalived.conf(5) "Virtual server(s)". Invariant: positions of real servers and checkers in a [`Watched`] are
//! those in its plan; those of further `host` blocks follow their `SMTP_CHECK`, and `FILE_CHECK`s are last.

pub mod run;
pub mod table;

use rha_health::lvs::{
    CheckerPlan, HttpPlan, PoolPlan, ProbePlan, RegexPlan, ServerPlan, SorryPlan, UdpPlan, UrlPlan,
};
use rha_ir::failover::{
    Checker, CheckerKind, Command, ConnectOptions, Failover, FailoverGlobal, HttpProtocol, HttpUrl,
    LvsProtocol, RealServer, Ssl, VirtualServer, VirtualServerGroup, VirtualServerKey,
};
use rha_ir::{Span, TrackerKind};
use rha_net::ProbeSource;
use rha_tls::{TlsClient, TlsFiles, TlsTrouble, is_tls_name};

/// A virtual server, ready to be watched.
#[derive(Debug, Clone)]
pub struct Watched {
    /// For the machine.
    pub plan: PoolPlan,
    /// For the loop, by real server and checker.
    pub means: Vec<Vec<Means>>,
    /// For the kernel's table.
    pub service: table::Service,
    /// `quorum_up`.
    pub quorum_up: Option<Command>,
    /// `quorum_down`.
    pub quorum_down: Option<Command>,
    /// `notify_up` and `notify_down` of each real server.
    pub notify: Vec<(Option<Command>, Option<Command>)>,
}

/// What a checker needs from the operating system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Means {
    /// A socket from there.
    Socket(ProbeSource),
    /// The same, with TLS on it.
    Tls(ProbeSource, TlsClient),
    /// A program.
    Program(Command),
    /// Nothing.
    None,
}

/// Why a virtual server cannot be watched as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Where it was written.
    pub at: Span,
    /// Why.
    pub why: String,
}

/// What is known beside the virtual server itself.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// `global_defs`.
    pub global: &'a FailoverGlobal,
    /// `virtual_server_group`s.
    pub groups: &'a [VirtualServerGroup],
    /// The host's name, for `router_id`.
    pub host: &'a str,
    /// `no_checker_emails`.
    pub no_checker_emails: bool,
    /// `-D`.
    pub detail: bool,
    /// For `SSL_GET`, from [`tls_client`].
    pub tls: Option<&'a TlsClient>,
}

/// What `SSL_GET`s need, if there are any.
///
/// # Errors
/// The lines of the original when a file of the `SSL` block is no good; it ends then.
pub fn tls_client(f: &Failover) -> Result<Option<TlsClient>, Vec<String>> {
    if !all_checkers(f).any(|c| matches!(c.kind, CheckerKind::Http { tls: true, .. })) {
        return Ok(None);
    }
    let none = Ssl::default();
    let ssl = f.ssl.as_ref().unwrap_or(&none);
    let files = TlsFiles {
        certificate: ssl.certificate.as_deref(),
        key: ssl.key.as_deref(),
        password: ssl.password.as_deref(),
        authorities: ssl.ca.as_deref(),
    };
    TlsClient::new(files).map(Some).map_err(|trouble| {
        let (what, why) = match trouble {
            TlsTrouble::Certificate(why) => ("certificate", why),
            TlsTrouble::Key(why) => ("key", why),
            TlsTrouble::Authorities(why) => ("CA", why),
        };
        let shown = |text: &Option<String>| text.clone().unwrap_or_else(|| "(null)".to_owned());
        vec![
            format!("SSL error : Cant load {what} file..."),
            format!("SSL: {why}"),
            "Error Initialize SSL, ctx Instance".to_owned(),
            format!("  SSL  keyfile:{}", shown(&ssl.key)),
            // DIFFERS: the original writes the password itself
            format!("  SSL password:{}", ssl.password.as_ref().map_or("(null)", |_| "********")),
            format!("  SSL   cafile:{}", shown(&ssl.ca)),
            "Terminate...".to_owned(),
        ]
    })
}

/// Lines about names that `enable_sni` asks for and that cannot be sent.
#[must_use]
pub fn unsendable_names(f: &Failover) -> Vec<String> {
    let mut lines = Vec::new();
    for vs in &f.virtual_servers {
        for checker in vs.real_servers.iter().flat_map(|s| &s.checkers) {
            let CheckerKind::Http { tls: true, sni: true, urls, .. } = &checker.kind else {
                continue;
            };
            for name in urls.iter().filter_map(|u| server_name(&checker.kind, u, vs)) {
                let line = format!("SSL_GET: '{name}' is no host's name - no name is sent in the handshake");
                if !is_tls_name(&name) && !lines.contains(&line) {
                    lines.push(line);
                }
            }
        }
    }
    lines
}

/// COMPAT: a real server's `virtualhost` is for the request only.
fn server_name(checker: &CheckerKind, url: &HttpUrl, vs: &VirtualServer) -> Option<String> {
    let CheckerKind::Http { sni_name, virtual_host, .. } = checker else { return None };
    [sni_name, &url.virtual_host, virtual_host, &vs.virtual_host].into_iter().find_map(Clone::clone)
}

fn all_checkers(f: &Failover) -> impl Iterator<Item = &Checker> {
    f.virtual_servers.iter().flat_map(|v| &v.real_servers).flat_map(|s| &s.checkers)
}

/// A virtual server of the model as a machine's plan.
///
/// # Errors
/// Everything that cannot be done as written.
pub fn watched(vs: &VirtualServer, context: Context<'_>) -> Result<Watched, Vec<Refusal>> {
    let protocol = protocol_word(vs.protocol);
    let mut refusals = Vec::new();
    let mut servers = Vec::new();
    let mut means = Vec::new();
    for server in &vs.real_servers {
        let (checkers, needs): (Vec<_>, Vec<_>) =
            checkers(server, vs, context, &mut refusals).into_iter().unzip();
        servers.push(ServerPlan {
            address: server.address,
            weight: i64::from(server.weight),
            inhibit: server.inhibit,
            mail: server.mail,
            checkers,
        });
        means.push(needs);
    }
    if !refusals.is_empty() {
        return Err(refusals);
    }
    let sorry = vs.sorry.as_ref().map(|s| SorryPlan { address: s.address, inhibit: s.inhibit, weight: 1 });
    let plan = PoolPlan {
        name: name(vs, protocol),
        protocol,
        quorum: vs.quorum,
        hysteresis: vs.hysteresis,
        omega: vs.omega,
        mail: vs.mail,
        ha_suspend: vs.ha_suspend,
        sorry,
        servers,
        router_id: context.global.router_id.clone().unwrap_or_else(|| context.host.to_owned()),
        no_checker_emails: context.no_checker_emails,
        rs_init_notifies: context.global.rs_init_notifies,
        detail: context.detail,
    };
    let notify = vs.real_servers.iter().map(|s| (s.notify_up.clone(), s.notify_down.clone())).collect();
    let (quorum_up, quorum_down) = (vs.quorum_up.clone(), vs.quorum_down.clone());
    let service = table::Service::new(vs, context.groups, &plan.name);
    Ok(Watched { plan, means, service, quorum_up, quorum_down, notify })
}

/// `tcp`, `udp`, `sctp`; `none` for marks.
#[must_use]
pub fn protocol_word(protocol: Option<LvsProtocol>) -> &'static str {
    protocol.map_or("none", |p| match p {
        LvsProtocol::Tcp => "tcp",
        LvsProtocol::Udp => "udp",
        LvsProtocol::Sctp => "sctp",
    })
}

/// As the original's lines name it.
#[must_use]
pub fn name(vs: &VirtualServer, protocol: &str) -> String {
    match &vs.key {
        VirtualServerKey::Address(address) => PoolPlan::server_name(*address, protocol),
        VirtualServerKey::Mark(mark) => format!("FWM {mark}"),
        VirtualServerKey::Group(group) => format!("[{group}]:{}", vs.number),
    }
}

/// Plans and means of a real server's checkers.
fn checkers(
    server: &RealServer,
    vs: &VirtualServer,
    context: Context<'_>,
    refusals: &mut Vec<Refusal>,
) -> Vec<(CheckerPlan, Means)> {
    let mut all = Vec::new();
    for checker in &server.checkers {
        let probe = match probe(checker, server, vs) {
            Ok(probe) => probe,
            Err(why) => {
                refusals.push(Refusal { at: checker.origin, why });
                continue;
            }
        };
        let plan = CheckerPlan {
            probe,
            target: checker.connect.as_ref().map_or(server.address, |c| c.target),
            timeout_us: checker.connect.as_ref().map_or(5_000_000, |c| c.timeout_us),
            delay_loop_us: checker.delay_loop_us,
            warmup_us: checker.warmup_us,
            retry: checker.retry,
            delay_before_retry_us: checker.delay_before_retry_us,
            alpha: checker.alpha,
            log_all_failures: checker.log_all_failures || context.global.checker_log_all_failures,
        };
        let mut more = Vec::new();
        if let CheckerKind::Smtp { hosts, .. } = &checker.kind {
            more.extend(hosts.iter().map(|host| {
                let plan = CheckerPlan { target: host.target, timeout_us: host.timeout_us, ..plan.clone() };
                (plan, Means::Socket(source(host)))
            }));
        }
        let means = match (&checker.kind, &checker.connect) {
            (CheckerKind::Misc { command, .. }, _) => Means::Program(command.clone()),
            (CheckerKind::Http { tls: true, .. }, Some(connect)) => match context.tls {
                Some(client) => Means::Tls(source(connect), client.clone()),
                None => {
                    let why = "SSL_GET without its SSL files".to_owned();
                    refusals.push(Refusal { at: checker.origin, why });
                    continue;
                }
            },
            (_, Some(connect)) => Means::Socket(source(connect)),
            _ => Means::None,
        };
        all.push((plan, means));
        all.extend(more);
    }
    all.extend(server.track_files.iter().filter_map(|tracked| match &tracked.kind {
        TrackerKind::File(file) => {
            let (weight, reverse) = (tracked.weight.weight, tracked.weight.reverse);
            let probe = ProbePlan::File { file: file.clone(), weight, reverse };
            Some((event_driven(probe, server), Means::None))
        }
        _ => None,
    }));
    all
}

/// A checker that waits for news instead of looking.
fn event_driven(probe: ProbePlan, server: &RealServer) -> CheckerPlan {
    CheckerPlan {
        probe,
        target: server.address,
        timeout_us: 0,
        delay_loop_us: 0,
        warmup_us: 0,
        retry: 0,
        delay_before_retry_us: 0,
        alpha: false,
        log_all_failures: false,
    }
}

fn probe(checker: &Checker, server: &RealServer, vs: &VirtualServer) -> Result<ProbePlan, String> {
    Ok(match &checker.kind {
        CheckerKind::Tcp => ProbePlan::Tcp,
        CheckerKind::Http {
            tls, sni, protocol, fast_recovery, tls_compliant, urls, virtual_host, ..
        } => {
            let page = |u: &HttpUrl| {
                let hosts = [&u.virtual_host, virtual_host, &server.virtual_host, &vs.virtual_host];
                Ok::<_, String>(UrlPlan {
                    virtual_host: hosts.into_iter().find_map(Clone::clone),
                    sni: server_name(&checker.kind, u, vs).filter(|_| *sni),
                    goodbye: *tls_compliant || u.tls_compliant,
                    ..url(u)?
                })
            };
            ProbePlan::Http(HttpPlan {
                tls: *tls,
                http11: matches!(protocol, HttpProtocol::Http11),
                close: matches!(protocol, HttpProtocol::Http10Close | HttpProtocol::Http11),
                fast_recovery: *fast_recovery,
                urls: urls.iter().map(page).collect::<Result<_, _>>()?,
            })
        }
        CheckerKind::Smtp { helo, .. } => ProbePlan::Smtp { helo: helo.clone() },
        CheckerKind::Dns { kind, name } => ProbePlan::Dns { kind: kind.0, name: name.clone() },
        CheckerKind::Udp { payload, reply } => {
            let (pattern, ignore) = reply.pattern.clone().unwrap_or_default();
            ProbePlan::Udp(UdpPlan {
                payload: payload.clone(),
                required: reply.required,
                pattern,
                ignore,
                min_len: reply.min_len as usize,
                max_len: reply.max_len as usize,
            })
        }
        CheckerKind::Ping => ProbePlan::Ping,
        CheckerKind::Misc { command, timeout_us, dynamic } => ProbePlan::Misc {
            program: command.argv.first().map(ToString::to_string).unwrap_or_default(),
            timeout_us: if *timeout_us == 0 { checker.delay_loop_us } else { *timeout_us },
            dynamic: *dynamic,
        },
        CheckerKind::Bfd { instance } => ProbePlan::Bfd { instance: instance.clone() },
        CheckerKind::File { file, weight } => {
            ProbePlan::File { file: file.clone(), weight: weight.weight, reverse: weight.reverse }
        }
    })
}

fn url(written: &HttpUrl) -> Result<UrlPlan, String> {
    let regex = written.regex.as_ref().map(|r| {
        let compiled = RegexPlan::compile(&r.pattern, &r.options)
            .map_err(|why| format!("regex '{}': {why}", r.pattern))?;
        let offset = |o: u64| usize::try_from(o).unwrap_or(usize::MAX);
        Ok::<_, String>(RegexPlan {
            no_match: r.no_match,
            min_offset: offset(r.min_offset),
            max_offset: offset(r.max_offset),
            ..compiled
        })
    });
    Ok(UrlPlan {
        path: written.path.clone(),
        digest: written.digest,
        status: written.status.clone(),
        regex: regex.transpose()?,
        ..UrlPlan::default()
    })
}

fn source(options: &ConnectOptions) -> ProbeSource {
    ProbeSource {
        ip: options.bind_ip,
        port: options.bind_port,
        device: options.bind_if.clone(),
        mark: options.fwmark,
    }
}

#[cfg(test)]
mod tests {
    use rha_keepalived::{Input, MachineOf};
    use rha_text::MemoryFiles;

    use super::*;

    fn parsed(text: &str) -> rha_ir::failover::Failover {
        let mut files = MemoryFiles::default();
        files.0.insert("k.conf".into(), text.as_bytes().to_vec());
        let outcome = rha_keepalived::check(&Input::new("k.conf", &files, &MachineOf::default()));
        outcome.model.failover
    }

    fn context(global: &FailoverGlobal) -> Context<'_> {
        Context { global, groups: &[], host: "node1", no_checker_emails: false, detail: false, tls: None }
    }

    const ALL: &str = r#"
global_defs { checker_log_all_failures true }
track_file f { file /tmp/f }
bfd_instance peer { neighbor_ip 10.0.0.9 }
virtual_server 10.9.9.9 80 {
    protocol TCP
    lb_kind NAT
    lb_algo rr
    quorum 2
    hysteresis 1
    virtualhost vs.example
    delay_loop 6
    sorry_server 10.0.0.99 80
    real_server 10.0.0.1 8080 {
        weight 3
        inhibit_on_failure
        TCP_CHECK { connect_timeout 3
            connect_port 81
            bindto 10.0.0.5
            fwmark 7 }
        HTTP_GET { http_protocol 1.1
            retry 4
            url { path /a
                status_code 200 404
                digest 9b3a0c85a887a256d6939da88aabd8cd }
            url { path /b
                virtualhost b.example
                regex "w.rld"
                regex_options caseless } }
        SMTP_CHECK { helo_name lb.example }
        DNS_CHECK { type A
            name example.com }
        UDP_CHECK { payload 61 62
            require_reply }
        PING_CHECK { }
        BFD_CHECK { name peer }
        FILE_CHECK { track_file f
            weight 2 reverse }
    }
}
"#;

    #[test]
    fn every_checker_gets_its_plan() {
        let model = parsed(ALL);
        let vs = &model.virtual_servers[0];
        let watched = watched(vs, context(&model.global)).unwrap();
        let plan = &watched.plan;
        assert_eq!((plan.name.as_str(), plan.quorum, plan.hysteresis), ("[10.9.9.9]:tcp:80", 2, 1));
        assert_eq!(plan.router_id, "node1");
        assert_eq!(plan.sorry.as_ref().map(|s| s.address.to_string()).as_deref(), Some("10.0.0.99:80"));
        let server = &plan.servers[0];
        assert_eq!((server.weight, server.inhibit, server.checkers.len()), (3, true, 8));
        assert_eq!(watched.means[0].len(), 8);
        let tcp = &server.checkers[0];
        assert_eq!((tcp.target.to_string().as_str(), tcp.timeout_us), ("10.0.0.1:81", 3_000_000));
        assert!(tcp.log_all_failures && tcp.delay_loop_us == 6_000_000 && tcp.retry == 1);
        let source = ProbeSource { ip: "10.0.0.5".parse().ok(), mark: 7, ..ProbeSource::default() };
        assert_eq!(watched.means[0][0], Means::Socket(source));
        let ProbePlan::Http(http) = &server.checkers[1].probe else { panic!("{server:?}") };
        assert!(http.http11 && http.close && !http.tls);
        assert_eq!(server.checkers[1].retry, 4);
        let [a, b] = &http.urls[..] else { panic!("{http:?}") };
        assert_eq!(a.status, [(200, 200), (404, 404)]);
        assert_eq!(a.virtual_host.as_deref(), Some("vs.example"));
        assert_eq!(a.digest.map(|d| d[0]), Some(0x9b));
        assert_eq!(b.virtual_host.as_deref(), Some("b.example"));
        assert!(b.regex.as_ref().unwrap().regex.is_match(b"WORLD").unwrap());
        assert!(matches!(&server.checkers[2].probe, ProbePlan::Smtp { helo } if helo == "lb.example"));
        assert!(
            matches!(&server.checkers[3].probe, ProbePlan::Dns { kind: 1, name } if name == "example.com")
        );
        let ProbePlan::Udp(udp) = &server.checkers[4].probe else { panic!("{server:?}") };
        assert_eq!((udp.payload.as_slice(), udp.required, udp.max_len), (&b"ab"[..], true, 255));
        assert!(matches!(server.checkers[5].probe, ProbePlan::Ping));
        assert!(matches!(&server.checkers[6].probe, ProbePlan::Bfd { instance } if instance == "peer"));
        assert!(matches!(
            &server.checkers[7].probe,
            ProbePlan::File { file, weight: 2, reverse: true } if file == "f"
        ));
        assert_eq!(watched.means[0][6..], [Means::None, Means::None]);
    }

    #[test]
    fn what_cannot_be_done_is_refused() {
        for (checker, why) in [
            ("SSL_GET { url { path / } }", "SSL_GET without its SSL files"),
            ("HTTP_GET { url { path /\n regex x\n regex_options firstline } }", "firstline is not offered"),
        ] {
            let text = format!(
                "virtual_server 10.9.9.9 80 {{\n protocol TCP\n lb_algo rr\n real_server 10.0.0.1 80 {{\n {} \n}}\n}}\n",
                checker.replace("{ ", "{\n").replace(" }", "\n}")
            );
            let model = parsed(&text);
            let refused = watched(&model.virtual_servers[0], context(&model.global)).unwrap_err();
            assert!(refused[0].why.contains(why), "{refused:?}");
        }
    }
}
