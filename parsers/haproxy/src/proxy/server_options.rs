//! The options of `server` lines, one row each. HAProxy configuration manual §5.2.

use rha_ir::{
    AgentCheck, InitState, Mode, Namespace, Observe, OnError, OnMarkedDown, OnMarkedUp, SampleExpr, Server,
};
use rha_text::Severity;
use rha_vocab::{Checkpoints, Dialect, Lifetime, Support};

use super::address::{self, Wants};
use super::basics::{claim_guid, shown, timer_text};
use super::bind_options::{PROTOCOLS, has_namespace, user_timeout};
use super::source;
use super::tls_options as tls;
use crate::expr::{ArgContext, Args};
use crate::units::{self, TimeError, TimeUnit};
use crate::{Cx, Line};

/// What reading options changes.
pub(super) struct ServerDraft {
    pub server: Server,
    pub is_default: bool,
    pub is_datagram: bool,
    pub agent_wanted: bool,
}

impl ServerDraft {
    pub fn new(server: Server) -> Self {
        ServerDraft { server, is_default: false, is_datagram: false, agent_wanted: false }
    }

    fn agent(&mut self) -> &mut AgentCheck {
        let port = self.server.check_port.unwrap_or(0);
        let inter_ms = self.server.timing.inter_ms;
        self.server.agent.get_or_insert_with(|| AgentCheck {
            enabled: false,
            port,
            address: None,
            inter_ms,
            send: Default::default(),
        })
    }
}

/// A row of the table of `server` options.
pub struct ServerOption {
    /// Name.
    pub name: &'static str,
    /// Arguments in the manual's notation.
    pub usage: &'static str,
    /// Words after the name that belong to it.
    pub words: usize,
    /// Whether `default-server` takes it.
    pub default_ok: bool,
    /// Whether an argument in parentheses may follow the name directly.
    pub takes_parenthesis: bool,
    /// Versions that know it.
    pub lifetime: Lifetime,
    /// How far it is built.
    pub support: Support,
    /// One sentence in our own words.
    pub doc: &'static str,
    /// Reads it at word `i`; gives the number of words after the name that it used.
    pub(super) apply: Apply,
}

type Apply = fn(&mut Cx<'_>, &Line, usize, &mut ServerDraft) -> Result<usize, String>;

const fn flag(name: &'static str, doc: &'static str, apply: Apply) -> ServerOption {
    ServerOption {
        name,
        usage: "",
        words: 0,
        default_ok: true,
        takes_parenthesis: false,
        lifetime: Lifetime::ALWAYS,
        support: Support::Full,
        doc,
        apply,
    }
}

const fn value(name: &'static str, usage: &'static str, doc: &'static str, apply: Apply) -> ServerOption {
    ServerOption { usage, words: 1, ..flag(name, doc, apply) }
}

const fn planned(o: ServerOption) -> ServerOption {
    ServerOption { support: Support::Planned, ..o }
}

const fn no_effect(why: &'static str, o: ServerOption) -> ServerOption {
    ServerOption { support: Support::NoEffect(why), ..o }
}

const fn since(major: u8, minor: u8, o: ServerOption) -> ServerOption {
    ServerOption { lifetime: Lifetime::since(major, minor), ..o }
}

const fn only_server(o: ServerOption) -> ServerOption {
    ServerOption { default_ok: false, ..o }
}

const fn tls_flag(name: &'static str, doc: &'static str) -> ServerOption {
    planned(flag(name, doc, |_, line, i, d| {
        d.server.tls_options.push((tls::name_of(line, i), String::new()));
        Ok(0)
    }))
}

const fn tls_value(name: &'static str, doc: &'static str, apply: Apply) -> ServerOption {
    planned(value(name, "<value>", doc, apply))
}

macro_rules! keep {
    ($missing:literal) => {
        |_, line, i, d| tls::keep(line, i, $missing, &mut d.server.tls_options).map(|()| 1)
    };
}

macro_rules! set {
    ($($what:tt)*) => {
        |_, _, _, d| { d.server.$($what)*; Ok(0) }
    };
}

const NO_STICK: &str = "only stick rules learn servers, and a start with one is refused";

/// All options, in the order of the original's dump.
pub static OPTIONS: &[ServerOption] = &[
    value("addr", "<ipv4|ipv6>", "Sets where checks go.", addr),
    value("agent-addr", "<addr>", "Sets where the agent is.", agent_addr),
    flag("agent-check", "Asks an agent on the server for its state.", |_, _, _, d| {
        d.agent_wanted = true;
        d.agent().enabled = true;
        Ok(0)
    }),
    value("agent-inter", "<delay>", "Sets how often the agent is asked.", |cx, line, i, d| {
        d.agent().inter_ms = delay(cx, line, i, d)?;
        Ok(1)
    }),
    value("agent-port", "<port>", "Sets the agent's port.", |_, line, i, d| {
        needs(line, i, "expects a port number as argument.")?;
        d.agent().port = port(line, i);
        Ok(1)
    }),
    value("agent-send", "<string>", "Sets what the agent is sent.", |_, line, i, d| {
        needs(line, i, "expects a string as argument.")?;
        d.agent().send = line.arg(i + 1).into();
        Ok(1)
    }),
    tls_flag("allow-0rtt", "Sends early data."),
    tls_value("alpn", "Offers protocols.", |cx, line, i, d| {
        tls::alpn(cx, line, i, &mut d.server.tls_options).map(|()| 1)
    }),
    flag("backup", "Uses the server only when no other is left.", set!(backup = true)),
    tls_value("ca-file", "Names the authorities of the server's certificate.", ca_file),
    since(
        3,
        4,
        value("cc", "<algo>", "Sets the congestion control of connections.", |_, line, i, d| {
            needs(line, i, "expects an argument.")?;
            d.server.extra_mut().congestion = Some(line.text(i + 1));
            Ok(1)
        }),
    ),
    flag("check", "Watches the server.", set!(checked = true)),
    tls_value("check-alpn", "Offers protocols in checks.", |cx, line, i, d| {
        tls::alpn(cx, line, i, &mut d.server.tls_options).map(|()| 1)
    }),
    since(
        3,
        4,
        planned(value("check-pool-conn-name", "<name>", "Names idle connections.", |_, line, i, _| {
            needs(line, i, ": missing value").map(|()| 1)
        })),
    ),
    value("check-proto", "<name>", "Forces the protocol of checks.", |cx, line, i, _| {
        let word = protocol(line, i)?;
        if word != "h1" && word != "none" {
            cx.note(&format!("server check-proto {word}"), Support::Planned, line.at(i + 1));
        }
        Ok(1)
    }),
    since(3, 2, planned(flag("check-reuse-pool", "Checks over idle connections.", |_, _, _, _| Ok(0)))),
    flag("check-send-proxy", "Sends a PROXY protocol header in checks.", set!(check_send_proxy = true)),
    tls_value("check-sni", "Sets the server name in checks.", keep!("missing SNI")),
    since(3, 3, tls_flag("check-sni-auto", "Takes the server name in checks from the request.")),
    planned(flag("check-ssl", "Checks over TLS.", set!(check_tls = true))),
    flag("check-via-socks4", "Checks through the SOCKS4 proxy.", |_, _, _, d| {
        d.server.extra_mut().check_via_socks4 = true;
        Ok(0)
    }),
    tls_value("ciphers", "Sets the cipher suites up to TLS 1.2.", keep!("missing cipher suite")),
    tls_value("ciphersuites", "Sets the cipher suites of TLS 1.3.", keep!("missing cipher suite")),
    since(
        2,
        8,
        tls_value(
            "client-sigalgs",
            "Sets the signature algorithms of our certificate.",
            keep!("missing signature algorithm list"),
        ),
    ),
    value("cookie", "<value>", "Sets the cookie value that means this server.", |_, line, i, d| {
        needs(line, i, "expects <value> as argument.\n")?;
        d.server.cookie = Some(line.arg(i + 1).into());
        Ok(1)
    }),
    tls_value("crl-file", "Names the revocation list.", ca_file),
    tls_value("crt", "Names our certificate.", |cx, line, i, d| {
        tls::server_crt(cx, line, i, &mut d.server.tls_options).map(|()| 1)
    }),
    since(2, 8, tls_value("curves", "Sets the curves.", keep!("missing curves list"))),
    flag("disabled", "Starts in maintenance.", set!(disabled = true)),
    value("downinter", "<delay>", "Sets the check interval while down.", |cx, line, i, d| {
        d.server.timing.downinter_ms = Some(delay(cx, line, i, d)?);
        Ok(1)
    }),
    flag("enabled", "Starts in service.", set!(disabled = false)),
    value("error-limit", "<count>", "Sets how many errors in traffic count.", |_, line, i, d| {
        needs(line, i, "expects an integer argument.")?;
        d.server.timing.error_limit = positive(line, i).ok_or("error-limit has to be > 0.")?;
        Ok(1)
    }),
    value("fall", "<count>", "Sets how many failed checks mean down.", |_, line, i, d| {
        needs(line, i, "expects an integer argument.")?;
        d.server.timing.fall = positive(line, i).ok_or("'fall' has to be > 0.")?;
        Ok(1)
    }),
    value("fastinter", "<delay>", "Sets the check interval between states.", |cx, line, i, d| {
        d.server.timing.fastinter_ms = Some(delay(cx, line, i, d)?);
        Ok(1)
    }),
    tls_flag("force-sslv3", "Allows only SSL 3.0."),
    tls_flag("force-tlsv10", "Allows only TLS 1.0."),
    tls_flag("force-tlsv11", "Allows only TLS 1.1."),
    tls_flag("force-tlsv12", "Allows only TLS 1.2."),
    tls_flag("force-tlsv13", "Allows only TLS 1.3."),
    since(
        3,
        0,
        only_server(no_effect(
            "only the statistics file names things by it, and a start with stats-file is refused",
            value("guid", "<string>", "Gives the server a globally unique id.", guid),
        )),
    ),
    since(
        3,
        4,
        planned(value(
            "healthcheck",
            "<name>",
            "Checks as the section of that name says.",
            |_, line, i, _| {
                needs(line, i, "expects an argument.")?;
                Ok(1)
            },
        )),
    ),
    since(
        3,
        4,
        planned(value("ktls", "on|off", "Lets the kernel do the record layer.", |_, line, i, _| {
            let known = ["on", "off"].iter().any(|w| line.text(i + 1).eq_ignore_ascii_case(w));
            if known { Ok(1) } else { Err("'ktls' expects \"on\" or \"off\" as an argument.".into()) }
        })),
    ),
    since(
        3,
        0,
        value("hash-key", "id|addr|addr-port|guid", "Sets what places the server on the ring.", hash_key),
    ),
    only_server(value("id", "<value>", "Gives the server a fixed id.", id)),
    since(
        3,
        2,
        planned(value("idle-ping", "<delay>", "Probes idle connections.", |cx, line, i, _| {
            plain_time(cx, line, i).map(|_| 1)
        })),
    ),
    value("init-addr", "{last|libc|none|<ip>},…", "Sets how the address is found at start.", init_addr),
    since(
        3,
        2,
        value("init-state", "fully-up|up|down|fully-down", "Sets the state at start.", |_, line, i, d| {
            let state = match line.bytes(i + 1) {
                b"fully-up" => InitState::FullyUp,
                b"up" => InitState::Up,
                b"down" => InitState::Down,
                b"fully-down" => InitState::FullyDown,
                _ => {
                    return Err("'init-state' has to be 'fully-up', 'up', 'down', or 'fully-down'".to_owned());
                }
            };
            d.server.extra_mut().init_state = Some(state);
            Ok(1)
        }),
    ),
    value("inter", "<delay>", "Sets the check interval.", |cx, line, i, d| {
        d.server.timing.inter_ms = delay(cx, line, i, d)?;
        Ok(1)
    }),
    since(
        2,
        8,
        planned(value("log-bufsize", "<bufsize>", "Sets the buffer of a log server.", |_, line, i, _| {
            needs(line, i, "expects an integer argument.")?;
            positive(line, i).ok_or("log-bufsize has to be > 0.")?;
            Ok(1)
        })),
    ),
    planned(value("log-proto", "legacy|octet-count", "Sets how log lines are framed.", |_, line, i, _| {
        let text =
            format!("'log-proto' expects one of 'legacy' or 'octet-count' but got '{}'", line.text(i + 1));
        one_of(line, i, &["legacy", "octet-count"], &text)
    })),
    value("max-reuse", "<count>", "Limits the requests of one connection.", |_, line, i, d| {
        needs(line, i, "expects <value> as argument.\n")?;
        d.server.max_reuse = units::atoi(line.arg(i + 1));
        Ok(1)
    }),
    value("maxconn", "<maxconn>", "Limits concurrent connections.", |_, line, i, d| {
        d.server.maxconn = count(line, i);
        Ok(1)
    }),
    value("maxqueue", "<maxqueue>", "Limits the queue.", |_, line, i, d| {
        d.server.maxqueue = count(line, i);
        Ok(1)
    }),
    value("minconn", "<minconn>", "Makes the connection limit follow the load.", |_, line, i, d| {
        d.server.minconn = count(line, i);
        Ok(1)
    }),
    value("namespace", "<name>", "Connects from a network namespace.", |cx, line, i, d| {
        let name = line.text(i + 1);
        let namespace = match name.as_str() {
            "" => return Err("'namespace' : expects <name> as argument".into()),
            "*" => Namespace::FromProxy,
            n if has_namespace(cx, n) => Namespace::Name(name),
            n => return Err(format!("Cannot open namespace '{n}'")),
        };
        d.server.extra_mut().namespace = Some(namespace);
        Ok(1)
    }),
    flag("no-agent-check", "Asks no agent.", |_, _, _, d| {
        d.server.agent = None;
        Ok(0)
    }),
    flag("no-backup", "Is no backup.", set!(backup = false)),
    flag("no-check", "Is not watched.", set!(checked = false)),
    since(
        3,
        2,
        planned(flag("no-check-reuse-pool", "Checks over connections of their own.", |_, _, _, _| Ok(0))),
    ),
    flag("no-check-send-proxy", "Sends no PROXY protocol header in checks.", set!(check_send_proxy = false)),
    since(3, 3, tls_flag("no-check-sni-auto", "Sends no server name in checks by itself.")),
    flag("no-check-ssl", "Checks without TLS.", set!(check_tls = false)),
    since(3, 3, tls_flag("no-renegotiate", "Refuses renegotiation.")),
    flag("no-send-proxy", "Sends no PROXY protocol header.", |_, _, _, d| {
        d.server.send_proxy &= !1;
        Ok(0)
    }),
    flag("no-send-proxy-v2", "Sends no PROXY protocol header of version 2.", |_, _, _, d| {
        d.server.send_proxy &= !2;
        Ok(0)
    }),
    flag("no-send-proxy-v2-ssl", "Sends no TLS facts in the header.", |_, _, _, _| Ok(0)),
    flag("no-send-proxy-v2-ssl-cn", "Sends no certificate name in the header.", |_, _, _, _| Ok(0)),
    since(3, 3, tls_flag("no-sni-auto", "Sends no server name by itself.")),
    flag("no-ssl", "Speaks without TLS.", set!(tls = false)),
    tls_flag("no-ssl-reuse", "Never resumes sessions."),
    only_server(tls_flag("no-sslv3", "Forbids SSL 3.0.")),
    flag("no-tfo", "Connects without TCP Fast Open.", set!(fast_open = false)),
    tls_flag("no-tls-tickets", "Forbids session tickets."),
    only_server(tls_flag("no-tlsv10", "Forbids TLS 1.0.")),
    only_server(tls_flag("no-tlsv11", "Forbids TLS 1.1.")),
    only_server(tls_flag("no-tlsv12", "Forbids TLS 1.2.")),
    only_server(tls_flag("no-tlsv13", "Forbids TLS 1.3.")),
    since(3, 4, tls_flag("no-verifyhost", "Accepts any name in the server's certificate.")),
    no_effect(NO_STICK, flag("non-stick", "Is never learnt by stick tables.", set!(non_stick = true))),
    tls_value(
        "npn",
        "Offers protocols the old way.",
        keep!("missing the comma-delimited NPN protocol suite"),
    ),
    value("observe", "none|layer4|layer7", "Counts errors in traffic.", observe),
    value("on-error", "<mode>", "Sets what errors in traffic lead to.", on_error),
    value(
        "on-marked-down",
        "shutdown-sessions",
        "Closes connections when the server goes down.",
        |_, line, i, d| {
            let text = format!("'on-marked-down' expects 'shutdown-sessions' but got '{}'", line.text(i + 1));
            d.server.on_marked_down = Some(OnMarkedDown::ShutdownSessions);
            one_of(line, i, &["shutdown-sessions"], &text)
        },
    ),
    value(
        "on-marked-up",
        "shutdown-backup-sessions",
        "Closes connections of backups when the server comes back.",
        |_, line, i, d| {
            let text =
                format!("'on-marked-up' expects 'shutdown-backup-sessions' but got '{}'", line.text(i + 1));
            d.server.on_marked_up = Some(OnMarkedUp::ShutdownBackupSessions);
            one_of(line, i, &["shutdown-backup-sessions"], &text)
        },
    ),
    since(
        3,
        0,
        value("pool-conn-name", "<expr>", "Names idle connections.", |cx, line, i, d| {
            let expr = expression(cx, line, i, d, "pool-conn-name")?;
            d.server.extra_mut().pool_name = Some(expr);
            Ok(1)
        }),
    ),
    no_effect(
        "no worker takes the idle connections of another, so that each keeps its own anyway",
        value("pool-low-conn", "<max>", "Keeps so many idle connections per thread.", |_, line, i, d| {
            needs(line, i, "expects <value> as argument.\n")?;
            d.server.pool_low_conn = count(line, i);
            Ok(1)
        }),
    ),
    value("pool-max-conn", "<max>", "Limits idle connections.", |_, line, i, d| {
        needs(line, i, "expects <value> as argument.\n")?;
        d.server.pool_max_conn = units::atoi(line.arg(i + 1));
        if d.server.pool_max_conn < -1 {
            return Err("'pool-max-conn' must be >= -1".into());
        }
        Ok(1)
    }),
    value(
        "pool-purge-delay",
        "<delay>",
        "Sets how often idle connections are given up.",
        |cx, line, i, d| {
            needs(line, i, "expects <value> as argument.\n")?;
            d.server.pool_purge_delay_ms = plain_time(cx, line, i)?;
            Ok(1)
        },
    ),
    value("port", "<port>", "Sets the port of checks.", |_, line, i, d| {
        needs(line, i, "expects a port number as argument.")?;
        d.server.check_port = Some(port(line, i));
        if let Some(a) = d.server.agent.as_mut().filter(|a| a.port == 0) {
            a.port = port(line, i);
        }
        Ok(1)
    }),
    value("proto", "<name>", "Forces the protocol.", |cx, line, i, d| {
        let word = protocol(line, i)?;
        if word != "h1" && word != "none" {
            cx.note(&format!("server proto {word}"), Support::Planned, line.at(i + 1));
        }
        d.server.proto = Some(word);
        Ok(1)
    }),
    ServerOption {
        support: Support::Partial("crc32c, authority and unique-id; the words about TLS come with it"),
        ..value(
            "proxy-v2-options",
            "<option>[,<option>]*",
            "Adds facts to the PROXY protocol header.",
            proxy_v2_options,
        )
    },
    since(
        3,
        3,
        planned(value("quic-cc-algo", "<algorithm>", "Sets QUIC's congestion control.", |_, line, i, _| {
            super::bind_options::quic_algorithm(line, i).map(|()| 1)
        })),
    ),
    value("redir", "<prefix>", "Redirects clients to the server.", |_, line, i, d| {
        needs(line, i, "expects <prefix> as argument.\n")?;
        d.server.redir = Some(line.arg(i + 1).into());
        Ok(1)
    }),
    since(3, 3, tls_flag("renegotiate", "Allows renegotiation.")),
    planned(value("resolve-net", "<network>[,<network>]*", "Prefers addresses in networks.", resolve_net)),
    planned(value("resolve-opts", "<option>,…", "Sets how names are resolved.", resolve_opts)),
    planned(value("resolve-prefer", "ipv4|ipv6", "Prefers a family.", |_, line, i, _| {
        one_of(line, i, &["ipv4", "ipv6"], "'resolve-prefer' expects either ipv4 or ipv6 as argument.")
    })),
    planned(value("resolvers", "<id>", "Resolves the name while running.", |_, line, i, d| {
        d.server.resolvers = Some(line.text(i + 1));
        Ok(1)
    })),
    value("rise", "<count>", "Sets how many good checks mean up.", |_, line, i, d| {
        needs(line, i, "expects an integer argument.")?;
        d.server.timing.rise = positive(line, i).ok_or("'rise' has to be > 0.")?;
        Ok(1)
    }),
    flag("send-proxy", "Sends a PROXY protocol header.", |_, _, _, d| {
        d.server.send_proxy |= 1;
        Ok(0)
    }),
    flag("send-proxy-v2", "Sends a PROXY protocol header of version 2.", |_, _, _, d| {
        d.server.send_proxy |= 2;
        Ok(0)
    }),
    planned(flag("send-proxy-v2-ssl", "Sends TLS facts in the header.", |_, _, _, _| Ok(0))),
    planned(flag("send-proxy-v2-ssl-cn", "Sends the certificate's name in the header.", |_, _, _, _| Ok(0))),
    since(
        3,
        0,
        ServerOption {
            takes_parenthesis: true,
            ..value("set-proxy-v2-tlv-fmt", "(<id>) <fmt>", "Adds a field to the header.", tlv_format)
        },
    ),
    since(2, 8, planned(value("shard", "<shard>", "Sets which keys a peer gets.", |_, _, _, _| Ok(1)))),
    since(
        2,
        8,
        tls_value("sigalgs", "Sets the signature algorithms.", keep!("missing signature algorithm list")),
    ),
    value("slowstart", "<time>", "Raises the load slowly after a return.", slowstart),
    tls_value("sni", "Sets the server name.", |cx, line, i, d| {
        tls::keep(line, i, "missing sni expression", &mut d.server.tls_options)?;
        expression(cx, line, i, d, "sni").map(|_| 1)
    }),
    since(3, 3, tls_flag("sni-auto", "Takes the server name from the request.")),
    value("socks4", "<addr>:<port>", "Connects through a SOCKS4 proxy.", |cx, line, i, d| {
        needs(line, i, "expects <addr>:<port> as argument.\n")?;
        let found = address::read(cx, &line.text(i + 1), Wants::SOURCE.and(Wants::PORT_NEEDED))
            .map_err(|e| format!("'socks4 {}' : {e}\n", line.text(i + 1)))?;
        d.server.extra_mut().socks4 = Some(found.address);
        Ok(1)
    }),
    value(
        "source",
        "<addr>[:<pl>[-<ph>]] …",
        "Sets the address connections come from.",
        |cx, line, i, d| {
            let (a, used) = source::on_server(cx, line, i)?;
            d.server.source = Some(a);
            Ok(used - 1)
        },
    ),
    planned(flag("ssl", "Speaks TLS with the server.", set!(tls = true))),
    tls_value("ssl-max-ver", "Sets the newest version.", |_, line, i, d| {
        tls::version(line, i, &mut d.server.tls_options).map(|()| 1)
    }),
    tls_value("ssl-min-ver", "Sets the oldest version.", |_, line, i, d| {
        tls::version(line, i, &mut d.server.tls_options).map(|()| 1)
    }),
    tls_flag("ssl-reuse", "Resumes sessions."),
    no_effect(NO_STICK, flag("stick", "Is learnt by stick tables.", set!(non_stick = false))),
    since(
        3,
        2,
        planned(flag("strict-maxconn", "Counts idle connections against the limit.", |_, _, _, _| Ok(0))),
    ),
    since(
        3,
        4,
        value("tcp-md5sig", "<password>", "Signs segments.", |_, line, i, d| {
            needs(line, i, "expects a password as argument.")?;
            d.server.extra_mut().md5_password = Some(line.arg(i + 1).to_owned());
            Ok(1)
        }),
    ),
    value("tcp-ut", "<delay>", "Limits how long data may stay unacknowledged.", |cx, line, i, d| {
        d.server.user_timeout_ms = Some(user_timeout(cx, line, i)?);
        Ok(1)
    }),
    flag("tfo", "Connects with TCP Fast Open.", set!(fast_open = true)),
    tls_flag("tls-tickets", "Allows session tickets."),
    value("track", "[<backend>/]<server>", "Takes the state of another server.", |_, line, i, d| {
        if line.arg(i + 1).is_empty() {
            return Err("'track' expects [<proxy>/]<server> as argument.\n".into());
        }
        let word = line.text(i + 1);
        let (b, s) = word.split_once('/').unwrap_or(("", &word));
        d.server.track = Some((b.to_owned(), s.to_owned()));
        Ok(1)
    }),
    flag("usesrc", "Only has a meaning after an address.", |_, _, _, _| {
        Err("'usesrc' only allowed after a 'source' statement.".into())
    }),
    tls_value("verify", "Checks the server's certificate.", |_, line, i, d| {
        tls::verify(line, i, false, &mut d.server.tls_options).map(|()| 1)
    }),
    tls_value(
        "verifyhost",
        "Sets the name the certificate must have.",
        keep!("missing hostname to verify against"),
    ),
    value("weight", "<weight>", "Sets the share of the load.", weight),
    no_effect(
        "servers are spoken to in HTTP/1, which carries web sockets as they come",
        value("ws", "auto|h1|h2", "Sets how web sockets are carried.", |_, line, i, _| {
            one_of(line, i, &["auto", "h1", "h2"], "'ws' has to be 'auto', 'h1' or 'h2'")
        }),
    ),
];

/// The server's name as messages inside options show it; a default server has none.
fn name(d: &ServerDraft) -> String {
    if d.is_default { "default-server".into() } else { d.server.name.clone() }
}

fn needs(line: &Line, i: usize, text: &str) -> Result<(), String> {
    if line.arg(i + 1).is_empty() { Err(format!("'{}' {text}", line.text(i))) } else { Ok(()) }
}

fn one_of(line: &Line, i: usize, words: &[&str], text: &str) -> Result<usize, String> {
    if words.iter().any(|w| line.is(i + 1, w)) { Ok(1) } else { Err(text.to_owned()) }
}

fn positive(line: &Line, i: usize) -> Option<u32> {
    u32::try_from(units::atoi(line.arg(i + 1))).ok().filter(|n| *n > 0)
}

fn count(line: &Line, i: usize) -> u32 {
    u32::try_from(units::atoi(line.arg(i + 1))).unwrap_or(0)
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "COMPAT: cut to 16 bits on the wire"
)]
fn port(line: &Line, i: usize) -> u16 {
    units::atol(line.arg(i + 1)) as u16
}

/// COMPAT: the four intervals share a text that names only one of them.
fn delay(cx: &mut Cx<'_>, line: &Line, i: usize, d: &ServerDraft) -> Result<u32, String> {
    needs(line, i, "expects a delay as argument.")?;
    let (word, value, server) = (line.text(i), line.text(i + 1), name(d));
    let ms = units::time_warned(cx, line.at(i + 1), line.arg(i + 1), TimeUnit::Ms).map_err(|e| match e {
        TimeError::Over => format!("timer overflow in argument <{value}> to <{word}> of server {server}, maximum value is 2147483647 ms (~24.8 days)."),
        TimeError::Under => format!("timer underflow in argument <{value}> to <{word}> of server {server}, minimum non-null value is 1 ms."),
        TimeError::Unexpected(c) => format!("unexpected character '{}' in 'agent-inter' argument of server {server}.", shown(c)),
    })?;
    if ms == 0 { Err(format!("invalid value 0 for argument '{word}' of server {server}.")) } else { Ok(ms) }
}

fn plain_time(cx: &mut Cx<'_>, line: &Line, i: usize) -> Result<u32, String> {
    units::time_warned(cx, line.at(i + 1), line.arg(i + 1), TimeUnit::Ms)
        .map_err(|e| timer_text(e, &line.text(i + 1), &line.text(i)))
}

fn addr(cx: &mut Cx<'_>, line: &Line, i: usize, d: &mut ServerDraft) -> Result<usize, String> {
    needs(line, i, "expects <ipv4|ipv6> as argument.")?;
    let found = address::read(cx, &line.text(i + 1), Wants::SOURCE).map_err(|e| format!("'addr' : {e}"))?;
    d.server.check_address = Some(found.address);
    Ok(1)
}

fn agent_addr(cx: &mut Cx<'_>, line: &Line, i: usize, d: &mut ServerDraft) -> Result<usize, String> {
    needs(line, i, "expects an address as argument.")?;
    let word = line.text(i + 1);
    let found = address::read(cx, &word, Wants::RESOLVE.and(Wants::STREAM))
        .map_err(|_| format!("parsing agent-addr failed. Check if '{word}' is correct address."))?;
    d.agent().address = Some(found.address);
    Ok(1)
}

fn ca_file(cx: &mut Cx<'_>, line: &Line, i: usize, d: &mut ServerDraft) -> Result<usize, String> {
    let what = if line.is(i, "ca-file") { "CAfile path" } else { "CRLfile path" };
    if line.arg(i + 1).is_empty() {
        return Err(format!("'{}' : missing {what}", line.text(i)));
    }
    let before = cx.diagnostics.len();
    let result = tls::ca_file(cx, line, i, &mut d.server.tls_options, what);
    // COMPAT: here the message of the store stands where the server's own would.
    let place = cx.position(line.span);
    let backend = cx.draft.as_ref().map_or("", |d| d.proxy.name.as_str()).to_owned();
    for m in cx.diagnostics.iter_mut().skip(before) {
        if let Some(n) = &mut m.native {
            let text = n.text.strip_prefix("config : ").unwrap_or(&n.text).to_owned();
            n.text = format!("config : [{place}] : 'server {backend}/{}' : {text}", d.server.name);
        }
    }
    if let Err(text) = result {
        cx.say("HA2400", Severity::Error, line.at(i + 1), format!("{text}."));
        return Err(String::new());
    }
    Ok(1)
}

fn guid(cx: &mut Cx<'_>, line: &Line, i: usize, d: &mut ServerDraft) -> Result<usize, String> {
    if line.arg(i + 1).is_empty() {
        return Err("'guid' : expects an argument".into());
    }
    let owner = format!("server {}", d.server.name);
    claim_guid(cx, &line.text(i + 1), owner).map_err(|e| format!("'guid': {e}"))?;
    Ok(1)
}

fn hash_key(cx: &mut Cx<'_>, line: &Line, i: usize, d: &mut ServerDraft) -> Result<usize, String> {
    let guid = cx.input.dialect >= Dialect::V3_4 && line.is(i + 1, "guid");
    if !guid && !["id", "addr", "addr-port"].iter().any(|w| line.is(i + 1, w)) {
        return Err("'hash-key' has to be 'id', 'addr', or 'addr-port'".into());
    }
    d.server.hash_key = Some(line.text(i + 1));
    Ok(1)
}

fn id(cx: &mut Cx<'_>, line: &Line, i: usize, d: &mut ServerDraft) -> Result<usize, String> {
    if line.arg(i + 1).is_empty() {
        return Err("'id' : expects an integer argument".into());
    }
    let n = units::atoi(line.arg(i + 1));
    let Some(id) = u32::try_from(n).ok().filter(|n| *n > 0) else {
        return Err("'id' : custom id has to be > 0".into());
    };
    let servers = cx.draft.as_ref().map_or(&[][..], |d| &d.proxy.service.servers);
    if let Some(other) = servers.iter().find(|s| s.id == id) {
        return Err(format!(
            "'id' : custom id {id} already used at {} ('server {}')",
            cx.position(other.origin),
            other.name
        ));
    }
    d.server.id = id;
    Ok(1)
}

fn init_addr(_: &mut Cx<'_>, line: &Line, i: usize, d: &mut ServerDraft) -> Result<usize, String> {
    let text = line.text(i + 1);
    let mut methods = Vec::new();
    let mut has_address = false;
    for p in text.split(',').filter(|p| !p.is_empty()) {
        if !matches!(p, "libc" | "last" | "none") {
            if address::literal_ip(p).is_none() {
                return Err(format!(
                    "'init-addr' : unknown init-addr method '{p}', supported methods are 'libc', 'last', 'none'."
                ));
            }
            if has_address {
                return Err(format!("'init-addr' : initial address already specified, cannot add '{p}'."));
            }
            has_address = true;
        }
        if methods.len() == 10 {
            return Err(format!("'init-addr' : too many init-addr methods when trying to add '{p}'"));
        }
        methods.push(p.to_owned());
    }
    d.server.init_addr = methods;
    Ok(1)
}

fn observe(cx: &mut Cx<'_>, line: &Line, i: usize, d: &mut ServerDraft) -> Result<usize, String> {
    needs(line, i, "expects <mode> as argument.\n")?;
    d.server.timing.observe = match line.bytes(i + 1) {
        b"none" => Observe::None,
        b"layer4" => Observe::Layer4,
        b"layer7" => {
            if cx.draft.as_ref().is_some_and(|d| d.proxy.mode != Mode::Http) {
                // COMPAT: an alert in the original that refuses nothing.
                let text = format!(
                    "[{}] : 'server {}/{}' : 'layer7' can only be used in http proxies..",
                    cx.position(line.span),
                    cx.draft.as_ref().map_or("", |d| d.proxy.name.as_str()),
                    d.server.name
                );
                cx.say("HA2103", Severity::Error, line.at(i), text);
                cx.tolerate();
                return Ok(1);
            }
            Observe::Layer7
        }
        _ => {
            return Err(format!(
                "'observe' expects one of 'none', 'layer4', 'layer7' but got '{}'\n",
                line.text(i + 1)
            ));
        }
    };
    Ok(1)
}

fn on_error(_: &mut Cx<'_>, line: &Line, i: usize, d: &mut ServerDraft) -> Result<usize, String> {
    d.server.timing.on_error = match line.bytes(i + 1) {
        b"fastinter" => OnError::FastInter,
        b"fail-check" => OnError::FailCheck,
        b"sudden-death" => OnError::SuddenDeath,
        b"mark-down" => OnError::MarkDown,
        _ => {
            return Err(format!(
                "'on-error' expects one of 'fastinter', 'fail-check', 'sudden-death' or 'mark-down' but got '{}'",
                line.text(i + 1)
            ));
        }
    };
    Ok(1)
}

fn protocol(line: &Line, i: usize) -> Result<String, String> {
    let word = line.text(i + 1);
    if word.is_empty() {
        return Err(format!("'{}' : missing value", line.text(i)));
    }
    if !PROTOCOLS.contains(&word.as_str()) {
        return Err(format!("'{}' :  unknown MUX protocol '{word}'", line.text(i)));
    }
    Ok(word)
}

fn proxy_v2_options(cx: &mut Cx<'_>, line: &Line, i: usize, d: &mut ServerDraft) -> Result<usize, String> {
    let tls = ["ssl", "cert-cn", "cert-key", "cert-sig", "ssl-cipher"];
    for word in line.text(i + 1).split(',') {
        if tls.contains(&word) {
            cx.note(&format!("server proxy-v2-options {word}"), Support::Planned, line.at(i + 1));
        } else if !["authority", "crc32c", "unique-id"].contains(&word) {
            return Err(format!("'{word}' : proxy v2 option not implemented"));
        }
        d.server.extra_mut().proxy_v2_options.push(word.to_owned());
    }
    Ok(1)
}

fn resolve_net(_: &mut Cx<'_>, line: &Line, i: usize, _: &mut ServerDraft) -> Result<usize, String> {
    needs(line, i, "expects a list of networks.")?;
    let text = line.text(i + 1);
    for (n, net) in text.split(',').filter(|n| !n.is_empty()).enumerate() {
        if n >= 5 {
            return Err("'resolve-net' exceed 5 networks.".into());
        }
        if address::network(net).is_none() {
            return Err(format!("'resolve-net' invalid network '{net}'."));
        }
    }
    Ok(1)
}

fn resolve_opts(_: &mut Cx<'_>, line: &Line, i: usize, _: &mut ServerDraft) -> Result<usize, String> {
    let text = line.text(i + 1);
    let known = ["allow-dup-ip", "ignore-weight", "prevent-dup-ip"];
    match text.split(',').find(|p| !p.is_empty() && !known.contains(p)) {
        Some(p) => Err(format!(
            "'resolve-opts' : unknown resolve-opts option '{p}', supported methods are 'allow-dup-ip', 'ignore-weight', and 'prevent-dup-ip'."
        )),
        None => Ok(1),
    }
}

fn tlv_format(cx: &mut Cx<'_>, line: &Line, i: usize, d: &mut ServerDraft) -> Result<usize, String> {
    let word = line.text(i);
    let mut kind = None;
    if let Some((_, id)) = word.split_once('(') {
        let (n, rest) = units::strtol(id.as_bytes(), 0);
        if rest.len() == id.len() {
            return Err(format!("'{word}' : could not convert TLV ID"));
        }
        if rest.first() != Some(&b')') {
            return Err(format!("'{word}' : expects set-proxy-v2-tlv(<TLV ID>)"));
        }
        if n > 255 {
            return Err(format!("'{word}' : the maximum allowed TLV ID is 255"));
        }
        kind = u8::try_from(n).ok();
    }
    let bytes = line.arg(i + 1).to_owned();
    let site = crate::expr::LogSite::plain(ArgContext::Server, Checkpoints::BACK_SERVER_CONNECTION);
    let format = crate::expr::log_format_text(cx, line.at(i + 1), &bytes, site)?;
    if let Some(kind) = kind {
        d.server.extra_mut().proxy_v2_fields.push((kind, format));
    }
    Ok(1)
}

fn slowstart(cx: &mut Cx<'_>, line: &Line, i: usize, d: &mut ServerDraft) -> Result<usize, String> {
    let (value, server) = (line.text(i + 1), name(d));
    d.server.slowstart_ms = units::time_warned(cx, line.at(i + 1), line.arg(i + 1), TimeUnit::Ms).map_err(|e| match e {
        TimeError::Over => format!("overflow in argument <{value}> to <slowstart> of server {server}, maximum value is 2147483647 ms (~24.8 days)."),
        TimeError::Under => format!("underflow in argument <{value}> to <slowstart> of server {server}, minimum non-null value is 1 ms."),
        TimeError::Unexpected(c) => format!("unexpected character '{}' in 'slowstart' argument of server {server}.", shown(c)),
    })?;
    Ok(1)
}

fn weight(_: &mut Cx<'_>, line: &Line, i: usize, d: &mut ServerDraft) -> Result<usize, String> {
    let n = units::atoi(line.arg(i + 1));
    d.server.weight = u32::try_from(n)
        .ok()
        .filter(|n| *n <= 256)
        .ok_or_else(|| format!("weight of server {} is not within 0 and 256 ({n}).", name(d)))?;
    Ok(1)
}

/// Checks the expression after word `i`.
fn expression(
    cx: &mut Cx<'_>,
    line: &Line,
    i: usize,
    d: &ServerDraft,
    what: &str,
) -> Result<SampleExpr, String> {
    if line.arg(i + 1).is_empty() {
        return Err(format!("'{}' expects <value> as argument", line.text(i)));
    }
    let mut at = 0;
    let read = crate::expr::sample_text(cx, Args::of(line, i + 1).window(0, 1), &mut at, ArgContext::Server);
    read.map_err(|e| {
        let text = format!("error detected while parsing {what} expression : {e}");
        if cx.input.dialect >= Dialect::V2_8 {
            return text;
        }
        // COMPAT: 2.6 ends it without a dot.
        super::server::say(cx, line, i, Some(&d.server.name), &text);
        String::new()
    })
}
