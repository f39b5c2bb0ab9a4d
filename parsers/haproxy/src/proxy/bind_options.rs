//! The options of `bind` lines, one row each. HAProxy configuration manual §5.1.

use rha_ir::SocketLevel;
use rha_text::Severity;
use rha_vocab::{Dialect, Lifetime, Support};

use super::basics::timer_text;
use super::bind::BindDraft;
use super::tls_options as tls;
use crate::units::{self, TimeUnit};
use crate::{Cx, Line};

/// A row of the table of `bind` options.
pub struct BindOption {
    /// Name.
    pub name: &'static str,
    /// Arguments in the manual's notation.
    pub usage: &'static str,
    /// Words after the name that belong to it.
    pub words: usize,
    /// Versions that know it.
    pub lifetime: Lifetime,
    /// How far it is built.
    pub support: Support,
    /// One sentence in our own words.
    pub doc: &'static str,
    /// Reads it at word `i`.
    pub(super) apply: Apply,
}

pub(super) type Apply = fn(&mut Cx<'_>, &Line, usize, &mut BindDraft) -> Result<(), String>;

const fn flag(name: &'static str, doc: &'static str, apply: Apply) -> BindOption {
    BindOption { name, usage: "", words: 0, lifetime: Lifetime::ALWAYS, support: Support::Full, doc, apply }
}

const fn value(name: &'static str, usage: &'static str, doc: &'static str, apply: Apply) -> BindOption {
    BindOption { name, usage, words: 1, lifetime: Lifetime::ALWAYS, support: Support::Full, doc, apply }
}

const fn planned(o: BindOption) -> BindOption {
    BindOption { support: Support::Planned, ..o }
}

const fn since(major: u8, minor: u8, o: BindOption) -> BindOption {
    BindOption { lifetime: Lifetime::since(major, minor), ..o }
}

const fn no_effect(why: &'static str, o: BindOption) -> BindOption {
    BindOption { support: Support::NoEffect(why), ..o }
}

/// A TLS option without a value.
const fn tls_flag(name: &'static str, doc: &'static str) -> BindOption {
    planned(flag(name, doc, |_, line, i, d| {
        d.bind.tls_options.push((tls::name_of(line, i), String::new()));
        Ok(())
    }))
}

const fn tls_value(name: &'static str, doc: &'static str, apply: Apply) -> BindOption {
    planned(value(name, "<value>", doc, apply))
}

/// All options, in the order of the original's dump.
pub static OPTIONS: &[BindOption] = &[
    value("accept-netscaler-cip", "<magic>", "Expects the client address in NetScaler's way.", netscaler),
    flag("accept-proxy", "Expects the client address in a PROXY protocol header.", |_, _, _, d| {
        d.bind.accept_proxy = true;
        Ok(())
    }),
    value("backlog", "<backlog>", "Sets the length of the listen queue.", backlog),
    since(
        3,
        4,
        value(
            "cc",
            "<algorithm>",
            "Sets the congestion control of accepted connections.",
            |_, line, i, d| {
                d.bind.congestion = Some(line.text(i + 1));
                present(line, i, "missing value")
            },
        ),
    ),
    flag("defer-accept", "Accepts a connection only once it has sent data.", |_, _, _, d| {
        d.bind.defer_accept = true;
        Ok(())
    }),
    value("expose-fd", "listeners", "Hands listening sockets to the next process.", expose_fd),
    value("gid", "<gid>", "Sets the group of a unix socket by number.", gid),
    value("group", "<group>", "Sets the group of a unix socket.", group),
    since(
        3,
        0,
        no_effect(
            "only the statistics file names things by it, and a start with stats-file is refused",
            value("guid-prefix", "<string>", "Starts the unique ids of the sockets.", |_, line, i, _| {
                present(line, i, "expects an argument")
            }),
        ),
    ),
    value("id", "<id>", "Gives the socket a fixed id.", id),
    since(
        3,
        2,
        no_effect(
            "only HTTP/2 clients are probed, and a start with HTTP/2 is refused",
            planned(value("idle-ping", "<delay>", "Probes idle clients.", |_, line, i, _| {
                let name = line.text(i);
                if line.arg(i + 1).is_empty() {
                    return Err(format!("'{name}' expects an argument."));
                }
                units::time(line.arg(i + 1), TimeUnit::Ms).map(|_| ()).map_err(|_| {
                    let c = line.text(i + 1).chars().find(|c| !c.is_ascii_digit()).unwrap_or('x');
                    format!("unexpected character '{c}' in '{name}' argument on bind line.")
                })
            })),
        ),
    ),
    value("interface", "<interface>", "Accepts only what comes in on this interface.", interface),
    since(
        3,
        4,
        planned(value("ktls", "on|off", "Lets the kernel do the record layer.", |cx, line, i, _| {
            let name = line.text(i);
            let value = line.text(i + 1);
            match value.as_str() {
                "" => Err(format!("'{name}' expects \"on\" or \"off\" as an argument.")),
                _ if !cx.experimental => Err(format!(
                    "'{name}' directive is experimental, must be allowed via a global 'expose-experimental-directives'"
                )),
                v if v.eq_ignore_ascii_case("on") || v.eq_ignore_ascii_case("off") => Ok(()),
                v => Err(format!("'{name}' expects \"on\" or \"off\" as an argument, got '{v}'.")),
            }
        })),
    ),
    since(
        3,
        3,
        planned(value("label", "<label>", "Names the socket for reloads.", |_, line, i, _| {
            present(line, i, "missing value")
        })),
    ),
    value("level", "user|operator|admin", "Sets the rights of a runtime socket.", level),
    value("maxconn", "<maxconn>", "Limits the concurrent connections of this socket.", maxconn),
    value("mode", "<mode>", "Sets the octal mode of a unix socket.", mode),
    value("mss", "<maxseg>", "Sets the maximum segment size announced.", mss),
    value("name", "<name>", "Names the socket in statistics.", name),
    value("namespace", "<name>", "Opens the socket in a network namespace.", |cx, line, i, d| {
        present(line, i, "missing namespace id")?;
        let name = line.text(i + 1);
        if has_namespace(cx, &name) {
            d.bind.namespace = Some(name);
            return Ok(());
        }
        cx.say("HA2400", Severity::Error, line.at(i + 1), format!("Cannot open namespace '{name}'."));
        Err("error encountered while processing 'namespace'.".to_owned())
    }),
    since(3, 0, planned(value("nbconn", "<nbconn>", "Sets the number of reverse connections.", nbconn))),
    no_effect(
        "every connection has the same priority",
        value("nice", "<nice>", "Sets the priority of connections.", nice),
    ),
    value("process", "<process-set>", "An older version's word.", process),
    value("proto", "<name>", "Forces the protocol.", proto),
    planned(since(3, 0, value("quic-cc-algo", "<algorithm>", "Sets QUIC's congestion control.", quic_cc))),
    planned(since(
        2,
        8,
        flag("quic-force-retry", "Makes QUIC clients prove their address.", |_, _, _, _| Ok(())),
    )),
    planned(since(
        2,
        8,
        value(
            "quic-socket",
            "connection|listener",
            "Sets how QUIC connections get sockets.",
            |_, line, i, _| {
                let known = line.is(i + 1, "connection") || line.is(i + 1, "listener");
                let what = if line.arg(i + 1).is_empty() { "missing" } else { "unknown" };
                let text = format!("'quic-socket' : {what} argument, use either connection or listener.");
                if known { Ok(()) } else { Err(text) }
            },
        ),
    )),
    value(
        "severity-output",
        "none|number|string",
        "Says how grave each answer of a runtime socket is.",
        severity,
    ),
    no_effect(
        "every worker has a socket of its own",
        value("shards", "<number>|by-thread|by-group", "Opens the socket several times.", shards),
    ),
    since(
        3,
        4,
        value("tcp-md5sig", "<password>", "Signs segments.", |_, line, i, d| {
            d.bind.md5_password = Some(line.arg(i + 1).to_owned());
            present(line, i, "missing value")
        }),
    ),
    since(
        3,
        4,
        value("tcp-ss", "<mode>", "Keeps the packet that opened a connection.", |_, line, i, d| {
            let known = ["0", "1", "2"].iter().any(|w| line.is(i + 1, w));
            d.bind.save_syn = line.bytes(i + 1).first().map_or(0, |b| b.wrapping_sub(b'0') & 3);
            let text = "'tcp-ss' : TCP Save SYN option expects an integer argument from 0 to 2";
            if known { Ok(()) } else { Err(text.to_owned()) }
        }),
    ),
    value("tcp-ut", "<delay>", "Limits how long data may stay unacknowledged.", tcp_ut),
    flag("tfo", "Accepts TCP Fast Open.", |_, _, _, d| {
        d.bind.fast_open = true;
        Ok(())
    }),
    no_effect(
        "only speed could depend on it: every worker accepts",
        value("thread", "[<thread-group>/]<thread-set>", "Binds the socket to threads.", thread),
    ),
    flag("transparent", "Binds to an address the machine does not have.", |_, _, _, d| {
        d.bind.transparent = true;
        Ok(())
    }),
    value("uid", "<uid>", "Sets the owner of a unix socket by number.", uid),
    value("user", "<user>", "Sets the owner of a unix socket.", user),
    flag("v4v6", "Accepts IPv4 on an IPv6 socket too.", |_, _, _, d| {
        d.bind.v6only = Some(false);
        Ok(())
    }),
    flag("v6only", "Accepts only IPv6 on an IPv6 socket.", |_, _, _, d| {
        d.bind.v6only = Some(true);
        Ok(())
    }),
    tls_flag("allow-0rtt", "Accepts early data."),
    tls_value("alpn", "Offers protocols.", |cx, line, i, d| tls::alpn(cx, line, i, &mut d.bind.tls_options)),
    tls_value("ca-file", "Names the authorities of client certificates.", |cx, line, i, d| {
        tls::ca_file(cx, line, i, &mut d.bind.tls_options, "CAfile path")
    }),
    tls_value("ca-ignore-err", "Ignores errors of a chain.", |cx, line, i, d| {
        tls::ignored_errors(cx, line, i, &mut d.bind.tls_options)
    }),
    tls_value("ca-sign-file", "Names the authority that signs generated certificates.", |_, line, i, d| {
        tls::keep(line, i, "missing CAfile path", &mut d.bind.tls_options)
    }),
    tls_value("ca-sign-pass", "Opens the key of the signing authority.", |_, line, i, d| {
        tls::keep(line, i, "missing CAkey password", &mut d.bind.tls_options)
    }),
    tls_value("ca-verify-file", "Names authorities that are not announced.", |cx, line, i, d| {
        tls::ca_file(cx, line, i, &mut d.bind.tls_options, "CAfile path")
    }),
    tls_value("ciphers", "Sets the cipher suites up to TLS 1.2.", |_, line, i, d| {
        tls::keep(line, i, "missing cipher suite", &mut d.bind.tls_options)
    }),
    tls_value("ciphersuites", "Sets the cipher suites of TLS 1.3.", |_, line, i, d| {
        tls::keep(line, i, "missing cipher suite", &mut d.bind.tls_options)
    }),
    since(
        2,
        8,
        tls_value(
            "client-sigalgs",
            "Sets the signature algorithms of client certificates.",
            |_, line, i, d| tls::keep(line, i, "missing signature algorithm list", &mut d.bind.tls_options),
        ),
    ),
    tls_value("crl-file", "Names the revocation list.", |cx, line, i, d| {
        tls::ca_file(cx, line, i, &mut d.bind.tls_options, "CRLfile path")
    }),
    tls_value("crt", "Names a certificate.", |cx, line, i, d| {
        tls::bind_crt(cx, line, i, &mut d.bind.tls_options)
    }),
    tls_value("crt-ignore-err", "Ignores errors of a certificate.", |cx, line, i, d| {
        tls::ignored_errors(cx, line, i, &mut d.bind.tls_options)
    }),
    tls_value("crt-list", "Names a list of certificates.", |cx, line, i, d| {
        tls::crt_list(cx, line, i, &mut d.bind.tls_options)
    }),
    tls_value("curves", "Sets the curves.", |_, line, i, d| {
        tls::keep(line, i, "missing curve suite", &mut d.bind.tls_options)
    }),
    since(
        3,
        0,
        tls_value("default-crt", "Names a certificate for clients without server name.", |cx, line, i, d| {
            tls::bind_crt(cx, line, i, &mut d.bind.tls_options)
        }),
    ),
    since(
        3,
        3,
        tls_value("ech", "Names keys of encrypted client hellos.", |_, line, i, d| {
            tls::keep(line, i, "missing ECH key directory", &mut d.bind.tls_options)
        }),
    ),
    tls_value("ecdhe", "Sets the named curve.", |_, line, i, d| {
        tls::keep(line, i, "missing named curve", &mut d.bind.tls_options)
    }),
    tls_flag("force-sslv3", "Allows only SSL 3.0."),
    tls_flag("force-tlsv10", "Allows only TLS 1.0."),
    tls_flag("force-tlsv11", "Allows only TLS 1.1."),
    tls_flag("force-tlsv12", "Allows only TLS 1.2."),
    tls_flag("force-tlsv13", "Allows only TLS 1.3."),
    tls_flag("generate-certificates", "Makes certificates for the names asked for."),
    since(2, 8, tls_flag("no-alpn", "Offers no protocols.")),
    tls_flag("no-ca-names", "Does not announce authorities."),
    tls_flag("no-sslv3", "Forbids SSL 3.0."),
    since(3, 1, tls_flag("no-strict-sni", "Answers unknown names with the first certificate.")),
    tls_flag("no-tls-tickets", "Forbids session tickets."),
    tls_flag("no-tlsv10", "Forbids TLS 1.0."),
    tls_flag("no-tlsv11", "Forbids TLS 1.1."),
    tls_flag("no-tlsv12", "Forbids TLS 1.2."),
    tls_flag("no-tlsv13", "Forbids TLS 1.3."),
    tls_value("npn", "Offers protocols the old way.", |_, line, i, d| {
        tls::keep(line, i, "missing the comma-delimited NPN protocol suite", &mut d.bind.tls_options)
    }),
    tls_flag("prefer-client-ciphers", "Lets the client choose the cipher."),
    since(
        2,
        8,
        tls_value("sigalgs", "Sets the signature algorithms.", |_, line, i, d| {
            tls::keep(line, i, "missing signature algorithm list", &mut d.bind.tls_options)
        }),
    ),
    planned(flag("ssl", "Speaks TLS with clients.", |_, _, _, d| {
        d.bind.tls = true;
        Ok(())
    })),
    tls_value("ssl-max-ver", "Sets the newest version.", |_, line, i, d| {
        tls::version(line, i, &mut d.bind.tls_options)
    }),
    tls_value("ssl-min-ver", "Sets the oldest version.", |_, line, i, d| {
        tls::version(line, i, &mut d.bind.tls_options)
    }),
    tls_flag("strict-sni", "Refuses names without a certificate."),
    since(3, 3, tls_flag("tls-tickets", "Allows session tickets.")),
    tls_value("tls-ticket-keys", "Names the keys of session tickets.", |cx, line, i, d| {
        tls::ticket_keys(cx, line, i, &mut d.bind.tls_options)
    }),
    tls_value("verify", "Asks for client certificates.", |_, line, i, d| {
        tls::verify(line, i, true, &mut d.bind.tls_options)
    }),
];

/// Options that a line of a certificate list may carry too.
pub const CRT_LIST: &[&str] = &[
    "allow-0rtt",
    "alpn",
    "ca-file",
    "ca-verify-file",
    "ciphers",
    "ciphersuites",
    "client-sigalgs",
    "crl-file",
    "curves",
    "ecdhe",
    "ktls",
    "no-alpn",
    "no-ca-names",
    "npn",
    "sigalgs",
    "ssl-max-ver",
    "ssl-min-ver",
    "verify",
];

fn present(line: &Line, i: usize, what: &str) -> Result<(), String> {
    if line.arg(i + 1).is_empty() { Err(format!("'{}' : {what}", line.text(i))) } else { Ok(()) }
}

/// A number that is written; the text says `missing value` otherwise.
fn number(line: &Line, i: usize) -> Result<i64, String> {
    present(line, i, "missing value")?;
    Ok(i64::from(units::atoi(line.arg(i + 1))))
}

fn netscaler(_: &mut Cx<'_>, line: &Line, i: usize, d: &mut BindDraft) -> Result<(), String> {
    let magic = number(line, i)?;
    if magic == 0 {
        return Err(format!("'{}' : invalid value 0, must be >= 0", line.text(i)));
    }
    d.bind.netscaler = u32::try_from(magic & 0xffff_ffff).ok();
    Ok(())
}

fn backlog(_: &mut Cx<'_>, line: &Line, i: usize, d: &mut BindDraft) -> Result<(), String> {
    let n = number(line, i)?;
    d.bind.backlog =
        Some(u32::try_from(n).map_err(|_| format!("'backlog' : invalid value {n}, must be > 0"))?);
    Ok(())
}

fn maxconn(_: &mut Cx<'_>, line: &Line, i: usize, d: &mut BindDraft) -> Result<(), String> {
    let n = number(line, i)?;
    d.bind.maxconn =
        Some(u32::try_from(n).map_err(|_| format!("'maxconn' : invalid value {n}, must be >= 0"))?);
    Ok(())
}

fn expose_fd(_: &mut Cx<'_>, line: &Line, i: usize, d: &mut BindDraft) -> Result<(), String> {
    present(line, i, "missing fd type")?;
    if !line.is(i + 1, "listeners") {
        return Err(format!("'expose-fd' only supports 'listeners' (got '{}')", line.text(i + 1)));
    }
    d.bind.expose_listeners = true;
    Ok(())
}

fn gid(_: &mut Cx<'_>, line: &Line, i: usize, d: &mut BindDraft) -> Result<(), String> {
    d.bind.group = Some(number(line, i)?.to_string());
    Ok(())
}

fn uid(_: &mut Cx<'_>, line: &Line, i: usize, d: &mut BindDraft) -> Result<(), String> {
    d.bind.owner = Some(number(line, i)?.to_string());
    Ok(())
}

fn group(cx: &mut Cx<'_>, line: &Line, i: usize, d: &mut BindDraft) -> Result<(), String> {
    present(line, i, "missing group name")?;
    if !account_exists(cx, "/etc/group", &line.text(i + 1)) {
        return Err(format!("'group' : unknown group name '{}'", line.text(i + 1)));
    }
    d.bind.group = Some(line.text(i + 1));
    Ok(())
}

fn user(cx: &mut Cx<'_>, line: &Line, i: usize, d: &mut BindDraft) -> Result<(), String> {
    present(line, i, "missing user name")?;
    if !account_exists(cx, "/etc/passwd", &line.text(i + 1)) {
        return Err(format!("'user' : unknown user name '{}'", line.text(i + 1)));
    }
    d.bind.owner = Some(line.text(i + 1));
    Ok(())
}

/// Whether a user or group has a line in its file; unknowable without the file, which then is no error.
fn account_exists(cx: &Cx<'_>, file: &str, name: &str) -> bool {
    let Ok(text) = cx.input.files.read(file) else { return true };
    text.split(|b| *b == b'\n').any(|l| l.split(|b| *b == b':').next() == Some(name.as_bytes()))
}

fn id(_: &mut Cx<'_>, line: &Line, i: usize, d: &mut BindDraft) -> Result<(), String> {
    if d.sockets > 1 {
        return Err("'id' can only be used with a single socket".into());
    }
    present(line, i, "expects an integer argument")?;
    let (n, rest) = units::strtol(line.arg(i + 1), 10);
    if !rest.is_empty() {
        return Err(format!("'id' : expects an integer argument, found '{}'", line.text(i + 1)));
    }
    match u32::try_from(n) {
        Ok(n) if n > 0 => {
            d.bind.id = Some(n);
            Ok(())
        }
        _ => Err("'id' : custom id has to be > 0".into()),
    }
}

fn interface(_: &mut Cx<'_>, line: &Line, i: usize, d: &mut BindDraft) -> Result<(), String> {
    present(line, i, "missing interface name")?;
    d.bind.interface = Some(line.text(i + 1));
    Ok(())
}

fn level(_: &mut Cx<'_>, line: &Line, i: usize, d: &mut BindDraft) -> Result<(), String> {
    present(line, i, "missing level")?;
    d.bind.level = Some(match line.bytes(i + 1) {
        b"user" => SocketLevel::User,
        b"operator" => SocketLevel::Operator,
        b"admin" => SocketLevel::Admin,
        _ => {
            return Err(format!(
                "'level' only supports 'user', 'operator', and 'admin' (got '{}')",
                line.text(i + 1)
            ));
        }
    });
    Ok(())
}

fn mode(_: &mut Cx<'_>, line: &Line, i: usize, d: &mut BindDraft) -> Result<(), String> {
    let (_, rest) = units::strtol(line.arg(i + 1), 8);
    if line.arg(i + 1).is_empty() || !rest.is_empty() {
        return Err(format!(
            "'mode' : missing or invalid mode '{}' (octal integer expected)",
            line.text(i + 1)
        ));
    }
    d.bind.file_mode = u32::try_from(units::strtol(line.arg(i + 1), 8).0).ok();
    Ok(())
}

fn mss(_: &mut Cx<'_>, line: &Line, i: usize, d: &mut BindDraft) -> Result<(), String> {
    present(line, i, "missing MSS value")?;
    let n = units::atoi(line.arg(i + 1));
    if n == 0 || n.unsigned_abs() > 65535 {
        return Err("'mss' : expects an MSS with and absolute value between 1 and 65535".into());
    }
    d.bind.mss = Some(n);
    Ok(())
}

fn name(_: &mut Cx<'_>, line: &Line, i: usize, d: &mut BindDraft) -> Result<(), String> {
    present(line, i, "missing name")?;
    d.bind.name = Some(line.text(i + 1));
    Ok(())
}

fn nbconn(cx: &mut Cx<'_>, line: &Line, i: usize, d: &mut BindDraft) -> Result<(), String> {
    if !cx.experimental {
        return Err(
            "'nbconn' is experimental, must be allowed via a global 'expose-experimental-directives'".into(),
        );
    }
    if !d.has_reverse {
        return Err("'nbconn' : only valid for reverse HTTP listeners.".into());
    }
    present(line, i, "missing value.")?;
    let n = units::atoi(line.arg(i + 1));
    if n <= 0 { Err(format!("'nbconn' : invalid value {n}, must be > 0.")) } else { Ok(()) }
}

fn nice(_: &mut Cx<'_>, line: &Line, i: usize, d: &mut BindDraft) -> Result<(), String> {
    let n = number(line, i)?;
    if !(-1024..=1024).contains(&n) {
        return Err(format!("'nice' : invalid value {n}, allowed range is -1024..1024"));
    }
    d.bind.nice = i32::try_from(n).ok();
    Ok(())
}

/// COMPAT: 2.6 still takes `process` by number, with a warning.
fn process(cx: &mut Cx<'_>, line: &Line, i: usize, _: &mut BindDraft) -> Result<(), String> {
    if cx.input.dialect >= Dialect::V2_8 {
        return Err(format!(
            "'process {}' on 'bind' lines is not supported anymore, please use 'thread' instead.",
            line.text(i + 1)
        ));
    }
    let word = line.text(i + 1);
    let threads = word.split_once('/').map_or("", |(_, t)| t);
    let instead = if threads.is_empty() { String::new() } else { format!(" {threads}") };
    let advice =
        if instead.is_empty() { String::new() } else { format!(" Please use 'thread{instead}' instead.") };
    let text = format!(
        "'{} {}' in section '{}' : 'process {word}' on 'bind' lines is deprecated and will be removed in 2.7.{advice}",
        line.text(0),
        line.text(1),
        cx.draft.as_ref().map_or("global", super::Draft::word)
    );
    cx.warning("HA4102", line, i, text);
    Ok(())
}

/// Protocols a `proto` option may name.
pub(super) const PROTOCOLS: [&str; 8] = ["h1", "h2", "none", "fcgi", "quic", "spop", "qmux", "h3"];

fn proto(cx: &mut Cx<'_>, line: &Line, i: usize, d: &mut BindDraft) -> Result<(), String> {
    present(line, i, "missing value")?;
    let word = line.text(i + 1);
    if !PROTOCOLS.contains(&word.as_str()) {
        return Err(format!("'proto' :  unknown MUX protocol '{word}'"));
    }
    if word != "h1" && word != "none" {
        cx.note(&format!("bind proto {word}"), Support::Planned, line.at(i + 1));
    }
    d.bind.proto = Some(word);
    Ok(())
}

/// Whether a network namespace exists.
pub(super) fn has_namespace(cx: &Cx<'_>, name: &str) -> bool {
    cx.input.files.look(&format!("/var/run/netns/{name}")).is_ok()
}

fn quic_cc(_: &mut Cx<'_>, line: &Line, i: usize, _: &mut BindDraft) -> Result<(), String> {
    quic_algorithm(line, i)
}

/// The algorithm of a `quic-cc-algo`, of either side.
pub(super) fn quic_algorithm(line: &Line, i: usize) -> Result<(), String> {
    let word = line.text(i + 1);
    if word.is_empty() {
        return Err("'quic-cc-algo' : missing control congestion algorithm".to_owned());
    }
    if ["newreno", "cubic", "nocc", "bbr"].iter().any(|w| word.starts_with(w)) {
        return Ok(());
    }
    Err(format!("'{word}' : unknown control congestion algorithm"))
}

fn severity(_: &mut Cx<'_>, line: &Line, i: usize, d: &mut BindDraft) -> Result<(), String> {
    present(line, i, "missing severity format")?;
    let word = line.text(i + 1);
    if !matches!(word.as_ref(), "none" | "number" | "string") {
        return Err(format!("'severity-output' only supports 'none', 'number', and 'string' (got '{word}')"));
    }
    d.bind.severity_output = Some(word.to_string());
    Ok(())
}

fn shards(cx: &mut Cx<'_>, line: &Line, i: usize, d: &mut BindDraft) -> Result<(), String> {
    present(line, i, "missing value")?;
    let by_group = cx.input.dialect >= Dialect::V2_8 && line.is(i + 1, "by-group");
    if line.is(i + 1, "by-thread") || by_group {
        d.bind.shards = None;
        return Ok(());
    }
    let n = units::atoi(line.arg(i + 1));
    let most = if cx.input.dialect >= Dialect::V2_8 { 256 } else { 64 };
    d.bind.shards =
        Some(u32::try_from(n).ok().filter(|n| (1..=most).contains(n)).ok_or_else(|| {
            format!("'shards' : invalid value {n}, allowed range is 1..{most} or 'by-thread'")
        })?);
    Ok(())
}

fn tcp_ut(cx: &mut Cx<'_>, line: &Line, i: usize, d: &mut BindDraft) -> Result<(), String> {
    d.bind.user_timeout_ms = Some(user_timeout(cx, line, i)?);
    Ok(())
}

/// The value of `tcp-ut`, on `bind` and on `server`.
pub(super) fn user_timeout(cx: &mut Cx<'_>, line: &Line, i: usize) -> Result<u32, String> {
    present(line, i, "missing TCP User Timeout value")?;
    units::time_warned(cx, line.at(i + 1), line.arg(i + 1), TimeUnit::Ms).map_err(|e| match e {
        units::TimeError::Unexpected(_) => "'tcp-ut' : expects a positive delay in milliseconds".to_owned(),
        e => timer_text(e, &line.text(i + 1), "tcp-ut"),
    })
}

fn thread(cx: &mut Cx<'_>, line: &Line, i: usize, _: &mut BindDraft) -> Result<(), String> {
    let word = line.text(i + 1);
    let set = word.rsplit_once('/').map_or(word.as_str(), |(_, s)| s);
    let fine = |p: &str| {
        matches!(p, "all" | "odd" | "even")
            || !p.is_empty()
                && p.split('-').count() <= 2
                && p.split('-').all(|n| n.bytes().all(|b| b.is_ascii_digit()))
    };
    if !set.is_empty() && set.split(',').all(fine) {
        return Ok(());
    }
    Err(if cx.input.dialect < Dialect::V2_8 {
        format!("'{word}' : '{set}' is not a valid number/range.")
    } else {
        format!("invalid first thread number '{set}', permitted range is 1..256, or 'all', 'odd', 'even'.")
    })
}
