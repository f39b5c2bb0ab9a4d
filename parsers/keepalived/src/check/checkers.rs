//! Checkers of a real server but for pages: what they have in common, and what is their own.

use rha_ir::TrackerKind;
use rha_ir::failover::{CheckerKind, Command, DnsType, TrackWeight, Tracked, UdpReply};

use super::server::MOST_WEIGHT;
use super::{CheckerDraft, Connect, Times, count, time};
use crate::global::MOST_SECONDS;
use crate::number::SECOND;
use crate::rows::*;
use crate::{Cx, Flow, Keyword, Line, Place, values};

const R: Place = Place::REAL_SERVER;
/// Checkers that connect.
const C: Place = Place::DNS_CHECK
    .or(Place::HTTP_GET)
    .or(Place::PING_CHECK)
    .or(Place::SMTP_CHECK)
    .or(Place::SMTP_HOST)
    .or(Place::SSL_GET)
    .or(Place::TCP_CHECK)
    .or(Place::UDP_CHECK);
/// All checkers with times of their own.
const A: Place = C.or(Place::MISC_CHECK);
const U: Place = Place::UDP_CHECK;
const D: Place = Place::DNS_CHECK;
const M: Place = Place::MISC_CHECK;

/// Rows of checkers.
pub(super) const ROWS: &[Keyword] = &[
    Keyword::block("TCP_CHECK", R, "{", V1_2, "A connection.", Place::TCP_CHECK)
        .opening(|cx, l| begin(cx, l, CheckerKind::Tcp, true))
        .closing(link_local),
    Keyword::block("PING_CHECK", R, "{", V2_1, "An echo.", Place::PING_CHECK)
        .opening(|cx, l| begin(cx, l, CheckerKind::Ping, true))
        .closing(link_local),
    Keyword::block("UDP_CHECK", R, "{", V2_1, "A datagram and its answer.", U)
        .opening(|cx, l| {
            let reply = UdpReply { max_len: 255, ..UdpReply::default() };
            begin(cx, l, CheckerKind::Udp { payload: Vec::new(), reply }, true)
        })
        .closing(close_udp),
    Keyword::block("DNS_CHECK", R, "{", V1_3, "A query.", D)
        .opening(|cx, l| {
            begin(cx, l, CheckerKind::Dns { kind: DnsType(6), name: String::new() }, true)?;
            edit(cx, |c| {
                c.default_retry = 3;
                c.default_before_retry_us = None;
            })
        })
        .closing(link_local),
    Keyword::block("SMTP_CHECK", R, "{", V1_2, "A greeting of a mail server.", Place::SMTP_CHECK)
        .opening(|cx, l| begin(cx, l, CheckerKind::Smtp { helo: String::new(), hosts: Vec::new() }, true))
        .closing(close_smtp),
    Keyword::block(
        "host",
        Place::SMTP_CHECK,
        "{",
        V1_2,
        "Older way to name further mail servers.",
        Place::SMTP_HOST,
    )
    .opening(|cx, _| {
        cx.check.in_host = true;
        edit(cx, |c| c.hosts.push(Connect::default()))
    })
    .closing(close_host),
    Keyword::block("MISC_CHECK", R, "{", V1_2, "A program.", M).opening(open_misc).closing(close_misc),
    Keyword::block("FILE_CHECK", R, "{", V2_1, "A number in a file.", Place::FILE_CHECK)
        .opening(|cx, l| {
            cx.check.file = Some((None, None, l.at(0)));
            Ok(())
        })
        .closing(close_file),
    Keyword::block("BFD_CHECK", R, "{", V2_0, "A BFD session.", Place::BFD_CHECK)
        .opening(|cx, l| begin(cx, l, CheckerKind::Bfd { instance: String::new() }, false))
        .closing(close_bfd),
    Keyword::new("connect_ip", C, "ADDRESS", V1_2, "Another address than the server's.", |cx, l| {
        let text = cx.arg(l, 1)?.to_owned();
        let Some(ip) = values::address_only(&text) else {
            cx.error("KA2023", l, 1, format!("Invalid connect_ip address {text} - ignoring"));
            return Ok(());
        };
        let bound = connect(cx).and_then(|c| c.bind_ip);
        if bound.is_some_and(|b| b.is_ipv4() != ip.is_ipv4()) {
            let said =
                format!("connect_ip address {text} does not match address family of bindto - skipping");
            cx.error("KA2023", l, 1, said);
            return Ok(());
        }
        if let Some(c) = connect(cx) {
            c.ip = Some(ip);
        }
        Ok(())
    }),
    Keyword::new("connect_port", C, "PORT", V1_2, "Another port than the server's.", |cx, l| {
        let n = count(cx, l, 1, 65535, true, "Invalid checker connect_port '{v}'")?;
        if let (Some(c), Some(n)) = (connect(cx), n) {
            c.port = u16::try_from(n).ok();
        }
        Ok(())
    }),
    Keyword::new("bindto", C, "ADDRESS", V1_2, "Source address.", bind_to),
    Keyword::new("bind_port", C, "PORT", V1_2, "Source port.", |cx, l| {
        let n = count(cx, l, 1, 65535, true, "Invalid checker bind_port '{v}'")?;
        if let (Some(c), Some(n)) = (connect(cx), n) {
            c.bind_port = u16::try_from(n).unwrap_or(0);
        }
        Ok(())
    }),
    Keyword::new("bind_if", C, "INTERFACE", V1_3, "Interface.", |cx, l| {
        let name = cx.arg(l, 1)?.to_owned();
        if name.len() > 15 {
            cx.error("KA2022", l, 1, format!("Interface name {name} is too long - ignoring"));
        } else if let Some(c) = connect(cx) {
            c.bind_if = Some(name);
        }
        Ok(())
    }),
    Keyword::new("connect_timeout", C, "SECONDS", V1_2, "How long a connection may take.", |cx, l| {
        let n = time(cx, l, 1, u64::from(u32::MAX), "connect_timeout {v} invalid - ignoring")?;
        if let (Some(c), Some(n)) = (connect(cx), n) {
            c.timeout_us = Some(n);
        }
        Ok(())
    }),
    Keyword::new("fwmark", C, "N", V1_2, "Mark of its packets.", |cx, l| {
        let n = count(cx, l, 0, u32::MAX, true, "Invalid fwmark connection value '{v}'")?;
        if let (Some(c), Some(n)) = (connect(cx), n) {
            c.fwmark = n;
        }
        Ok(())
    }),
    Keyword::new("retry", A, "N", V1_2, "How many failures more are forgiven.", |cx, l| {
        let n = count(cx, l, 0, u32::MAX, true, "Invalid retry connection value '{v}'")?;
        edit(cx, |c| c.times.retry = n.or(c.times.retry))
    }),
    Keyword::new("delay_before_retry", A, "SECONDS", V1_2, "Pause before a check is repeated.", |cx, l| {
        let n = time(cx, l, 0, 0, "Invalid delay_before_retry connection value '{v}'")?;
        edit(cx, |c| c.times.before_retry_us = n.or(c.times.before_retry_us))
    }),
    Keyword::new("warmup", A, "SECONDS", V1_2, "Random wait before the first check.", |cx, l| {
        let n = time(cx, l, 0, 0, "Invalid warmup connection value '{v}'")?;
        edit(cx, |c| c.times.warmup_us = n.or(c.times.warmup_us))
    }),
    Keyword::new("delay_loop", A, "SECONDS", V1_3, "Pause between checks.", |cx, l| {
        let n = time(cx, l, 1, 0, "delay_loop '{v}' is invalid - ignoring")?;
        edit(cx, |c| c.times.delay_us = n.or(c.times.delay_us))
    }),
    Keyword::new("alpha", A.or(Place::BFD_CHECK), "[BOOL]", V1_3, "Down until it succeeds.", |cx, l| {
        let on = cx.optional_switch(l, |v| format!("Invalid alpha parameter {v}"));
        edit(cx, |c| c.alpha = on.or(c.alpha))
    }),
    Keyword::new("log_all_failures", A, "[BOOL]", V2_0, "Logs every failure, not only changes.", |cx, l| {
        let on = cx.optional_switch(l, |v| format!("Invalid log_all_failures parameter {v}"));
        edit(cx, |c| c.log_all_failures = on.unwrap_or(c.log_all_failures))
    }),
    Keyword::new("helo_name", Place::SMTP_CHECK, "NAME", V1_2, "What we call ourselves.", |cx, l| {
        let Some(name) = l.get(1) else {
            cx.error("KA2030", l, 0, "SMTP_CHECK helo name missing");
            return Ok(());
        };
        let name = name.to_owned();
        edit(cx, |c| {
            if let CheckerKind::Smtp { helo, .. } = &mut c.kind {
                *helo = name;
            }
        })
    }),
    Keyword::new("type", D, "TYPE", V1_3, "What is asked for.", |cx, l| {
        let word = cx.arg(l, 1)?.to_owned();
        let Some(n) = dns_type(&word) else {
            cx.error("KA3042", l, 1, format!("Unknown DNS check type {word} - ignoring"));
            return Ok(());
        };
        edit(cx, |c| {
            if let CheckerKind::Dns { kind, .. } = &mut c.kind {
                *kind = DnsType(n);
            }
        })
    }),
    Keyword::new("name", D, "NAME", V1_3, "Whose record is asked for.", dns_name),
    Keyword::new("payload", U, "HEX", V2_2, "What is sent.", |cx, l| {
        if l.len() < 2 {
            cx.error("KA2030", l, 0, "UDP_CHECK payload requires a payload");
            return Ok(());
        }
        let Some((bytes, _)) = hex(l, false) else {
            cx.error("KA2020", l, 1, "Invalid hex string for UDP_CHECK payload");
            return Ok(());
        };
        edit(cx, |c| {
            if let CheckerKind::Udp { payload, .. } = &mut c.kind {
                *payload = bytes;
            }
        })
    }),
    Keyword::new(
        "require_reply",
        U,
        "[HEX]",
        V2_1,
        "What must come back; X stands for any digit.",
        |cx, l| {
            let pattern = if l.len() > 1 { hex(l, true) } else { None };
            if l.len() > 1 && pattern.is_none() {
                cx.error("KA2020", l, 1, "Invalid hex string for UDP_CHECK reply");
            }
            reply(cx, |r| {
                r.required = true;
                r.pattern = pattern;
            })
        },
    ),
    Keyword::new("min_reply_length", U, "N", V2_2, "Shortest answer.", |cx, l| {
        let said = "UDP_CHECK min length {v} not valid - must be between 0 & 65535";
        let n = count(cx, l, 0, 65535, false, said)?;
        reply(cx, |r| r.min_len = n.unwrap_or(r.min_len))
    }),
    Keyword::new("max_reply_length", U, "N", V2_2, "Longest answer.", |cx, l| {
        let said = "UDP_CHECK max length {v} not valid - must be between 0 & 65535";
        let n = count(cx, l, 0, 65535, false, said)?;
        reply(cx, |r| r.max_len = n.unwrap_or(r.max_len))
    }),
    Keyword::new("misc_path", M, "PROGRAM", V1_2, "The program with its arguments.", |cx, l| {
        let text = l.text.clone();
        let argv = cx.quoted_words(l, &text).and_then(|words| cx.argv(l, &words));
        let origin = l.at(1);
        misc(cx, |m, _, _| {
            m.argv = argv.unwrap_or_default();
            m.origin = origin;
        })
    }),
    Keyword::new("misc_timeout", M, "SECONDS", V1_2, "How long it may run.", |cx, l| {
        let n = count(cx, l, 0, MOST_SECONDS, true, "Invalid misc_timeout value '{v}'")?;
        misc(cx, |_, timeout, _| *timeout = n.map_or(*timeout, |n| u64::from(n) * SECOND))
    }),
    Keyword::new("misc_dynamic", M, "", V1_2, "Its exit code is the weight.", |cx, _| {
        misc(cx, |_, _, dynamic| *dynamic = true)
    }),
    Keyword::new("user", M, "USER [GROUP]", V1_3, "Whom it runs as.", misc_user),
    Keyword::new("track_file", Place::FILE_CHECK, "NAME", V2_1, "The track_file.", |cx, l| {
        let name = cx.arg(l, 1)?.to_owned();
        if !cx.check.files.iter().any(|f| f.name == name) {
            cx.error("KA3011", l, 1, format!("track_file {name} not found"));
        } else if let Some(f) = &mut cx.check.file {
            f.0 = Some(name);
        }
        Ok(())
    }),
    Keyword::new("weight", Place::FILE_CHECK, "N [reverse]", V2_1, "Factor on its number.", file_weight),
    Keyword::new("name", Place::BFD_CHECK, "NAME", V2_0, "The bfd_instance.", bfd_name),
];

/// Changes the checker being read.
pub(super) fn edit(cx: &mut Cx<'_>, change: impl FnOnce(&mut CheckerDraft)) -> Flow {
    if let Some(c) = cx.check.checker().filter(|c| !c.dead) {
        change(c);
    }
    Ok(())
}

/// Where the checker, or the host in it, connects.
fn connect<'c>(cx: &'c mut Cx<'_>) -> Option<&'c mut Connect> {
    let in_host = cx.check.in_host;
    let c = cx.check.checker()?;
    if in_host { c.hosts.last_mut() } else { c.connect.as_mut() }
}

/// A new checker.
pub(super) fn begin(cx: &mut Cx<'_>, line: &Line, kind: CheckerKind, connects: bool) -> Flow {
    let draft = CheckerDraft {
        kind,
        connect: connects.then(Connect::default),
        hosts: Vec::new(),
        times: Times::default(),
        default_retry: 1,
        default_before_retry_us: Some(SECOND),
        alpha: None,
        log_all_failures: false,
        named: false,
        user_set: false,
        dead: false,
        origin: line.at(0),
    };
    if let Some(r) = cx.check.real() {
        if r.checkers.is_empty() {
            // Most have one.
            r.checkers.reserve_exact(1);
        }
        r.checkers.push(draft);
    }
    Ok(())
}

/// A link-local target needs an interface.
pub(super) fn link_local(cx: &mut Cx<'_>) -> Flow {
    let Some(r) = cx.check.real() else { return Ok(()) };
    let own = r.model.address.ip();
    let Some(c) = r.checkers.last() else { return Ok(()) };
    let options = c.connect.clone().unwrap_or_default();
    let (target, origin) = (options.ip.unwrap_or(own), c.origin);
    if needs_interface(target, &options) {
        r.checkers.pop();
        say_link_local(cx, target, origin);
    }
    Ok(())
}

fn close_host(cx: &mut Cx<'_>) -> Flow {
    cx.check.in_host = false;
    let Some(c) = cx.check.checker() else { return Ok(()) };
    let Some(options) = c.hosts.last().cloned() else { return Ok(()) };
    let origin = c.origin;
    if let Some(target) = options.ip.filter(|ip| needs_interface(*ip, &options)) {
        c.hosts.pop();
        say_link_local(cx, target, origin);
    }
    Ok(())
}

fn needs_interface(target: std::net::IpAddr, options: &Connect) -> bool {
    matches!(target, std::net::IpAddr::V6(a) if a.is_unicast_link_local()) && options.bind_if.is_none()
}

fn say_link_local(cx: &mut Cx<'_>, target: std::net::IpAddr, origin: rha_text::Span) {
    let line = Line { span: origin, ..Line::default() };
    cx.error("KA3042", &line, 0, format!("Checker link local address {target} requires a bind_if"));
}

fn bind_to(cx: &mut Cx<'_>, line: &Line) -> Flow {
    let text = cx.arg(line, 1)?.to_owned();
    let Some(ip) = values::address_only(&text) else {
        cx.error("KA2023", line, 1, format!("Invalid bindto address {text} - ignoring"));
        return Ok(());
    };
    let own = cx.check.real().map(|r| r.model.address.ip());
    let smtp = matches!(cx.check.checker().map(|c| &c.kind), Some(CheckerKind::Smtp { .. }));
    let in_host = cx.check.in_host;
    let target = connect(cx).and_then(|c| c.ip).or(own.filter(|_| !smtp || in_host));
    if target.is_some_and(|t| t.is_ipv4() != ip.is_ipv4()) {
        let said = format!("bindto address {text} does not match address family of connect_ip - skipping");
        cx.error("KA2023", line, 1, said);
        return Ok(());
    }
    if let Some(c) = connect(cx) {
        c.bind_ip = Some(ip);
    }
    Ok(())
}

fn reply(cx: &mut Cx<'_>, change: impl FnOnce(&mut UdpReply)) -> Flow {
    edit(cx, |c| {
        if let CheckerKind::Udp { reply, .. } = &mut c.kind {
            change(reply);
        }
    })
}

fn close_udp(cx: &mut Cx<'_>) -> Flow {
    link_local(cx)?;
    let Some(c) = cx.check.checker() else { return Ok(()) };
    if let CheckerKind::Udp { reply, .. } = &c.kind
        && reply.min_len > reply.max_len
    {
        let said = format!(
            "UDP_CHECK min_reply length {} > max_reply_length {} - will always fail",
            reply.min_len, reply.max_len
        );
        let line = Line { span: c.origin, ..Line::default() };
        cx.error("KA3042", &line, 0, said);
    }
    Ok(())
}

fn close_smtp(cx: &mut Cx<'_>) -> Flow {
    edit(cx, |c| {
        if let CheckerKind::Smtp { helo, .. } = &mut c.kind
            && helo.is_empty()
        {
            "smtpchecker.keepalived.org".clone_into(helo);
        }
    })?;
    let deprecated = cx.check.checker().filter(|c| !c.hosts.is_empty()).map(|c| c.origin);
    if let Some(span) = deprecated {
        let said = "The SMTP_CHECK host block is deprecated. Please define additional checkers.";
        cx.remark("KA4101", span, said);
    }
    link_local(cx)
}

/// The words behind the keyword as bytes, with the bits that do not matter.
fn hex(line: &Line, wildcards: bool) -> Option<(Vec<u8>, Vec<u8>)> {
    let text: Vec<String> = line.iter().skip(1).map(str::to_owned).collect();
    let text = text.join(" ");
    let (mut bytes, mut masks) = (Vec::new(), Vec::new());
    let mut chars = text.chars().filter(|c| *c != '\t').peekable();
    let nibble = |c: char| match c.to_digit(16) {
        Some(d) => Some((u8::try_from(d).unwrap_or(0), 0)),
        None if wildcards && c.eq_ignore_ascii_case(&'x') => Some((0, 0xf)),
        None => None,
    };
    while let Some(c) = chars.next() {
        if c == ' ' {
            continue;
        }
        let (mut value, mut mask) = nibble(c)?;
        if let Some(next) = chars.next_if(|n| *n != ' ') {
            let (low, low_mask) = nibble(next)?;
            value = value << 4 | low;
            mask = mask << 4 | low_mask;
        }
        bytes.push(value);
        masks.push(mask);
    }
    (!bytes.is_empty()).then_some((bytes, masks))
}

fn dns_type(word: &str) -> Option<u16> {
    match word.to_ascii_uppercase().as_str() {
        "A" => Some(1),
        "NS" => Some(2),
        "CNAME" => Some(5),
        "SOA" => Some(6),
        "MX" => Some(15),
        "TXT" => Some(16),
        "AAAA" => Some(28),
        "RRSIG" => Some(46),
        "DNSKEY" => Some(48),
        _ => None,
    }
}

fn dns_name(cx: &mut Cx<'_>, line: &Line) -> Flow {
    if cx.check.checker().is_some_and(|c| c.named) {
        cx.error("KA2040", line, 1, "DNS_CHECK name already specified - ignoring");
        return Ok(());
    }
    let text = cx.arg(line, 1)?.to_owned();
    // COMPAT: the search begins behind the first byte, so that one letter and a dot count as empty too.
    let short = text.as_bytes().get(1) == Some(&b'.');
    if (text.starts_with('.') && text != ".") || short || text.contains("..") {
        cx.error("KA3042", line, 1, format!("DNS_CHECK name '{text}' has empty label - ignoring"));
        return Ok(());
    }
    edit(cx, |c| {
        c.named = true;
        if let CheckerKind::Dns { name, .. } = &mut c.kind {
            *name = text;
        }
    })
}

fn open_misc(cx: &mut Cx<'_>, line: &Line) -> Flow {
    let command = Command { argv: Vec::new(), user: None, disabled: None, origin: line.at(0) };
    begin(cx, line, CheckerKind::Misc { command, timeout_us: 0, dynamic: false }, false)?;
    edit(cx, |c| c.default_retry = 0)
}

fn misc(cx: &mut Cx<'_>, change: impl FnOnce(&mut Command, &mut u64, &mut bool)) -> Flow {
    edit(cx, |c| {
        if let CheckerKind::Misc { command, timeout_us, dynamic } = &mut c.kind {
            change(command, timeout_us, dynamic);
        }
    })
}

fn shown(c: &CheckerDraft) -> String {
    match &c.kind {
        CheckerKind::Misc { command, .. } => {
            command.argv.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
        }
        _ => String::new(),
    }
}

fn misc_user(cx: &mut Cx<'_>, line: &Line) -> Flow {
    let Some(program) = cx.check.checker().filter(|c| !c.dead).map(|c| shown(c)) else { return Ok(()) };
    let Some(name) = line.get(1) else {
        cx.error("KA2030", line, 0, format!("No user specified for misc checker script {program}"));
        return Ok(());
    };
    let user = cx.user(name, line.get(2), line.at(1));
    if user.is_none() {
        let said = format!("Failed to set uid/gid for misc checker script {program} - removing");
        cx.error("KA3016", line, 1, said);
        return edit(cx, |c| c.dead = true);
    }
    edit(cx, |c| c.user_set = true)?;
    misc(cx, |m, _, _| m.user = user)
}

fn close_misc(cx: &mut Cx<'_>) -> Flow {
    let Some(c) = cx.check.checker() else { return Ok(()) };
    let (dead, user_set, origin) = (c.dead, c.user_set, c.origin);
    let program = shown(c);
    let line = Line { span: origin, ..Line::default() };
    let mut remove = dead;
    if !dead && program.is_empty() {
        cx.error("KA3042", &line, 0, "No script path has been specified for MISC_CHECKER - skipping");
        remove = true;
    } else if !dead && !user_set {
        let user = cx.default_user(&line);
        if user.is_none() {
            let said = format!("Unable to set default user for misc script {program} - removing");
            cx.error("KA3016", &line, 0, said);
            remove = true;
        }
        misc(cx, |m, _, _| m.user = user)?;
    }
    if remove && let Some(r) = cx.check.real() {
        r.checkers.pop();
    }
    Ok(())
}

fn file_weight(cx: &mut Cx<'_>, line: &Line) -> Flow {
    let most = MOST_WEIGHT as i32;
    if line.len() < 2 {
        cx.error("KA2030", line, 0, "track file weight missing");
        return Ok(());
    }
    let Some(n) = cx.int(line, 1, -most, most, true)? else {
        let said = format!("weight for track file must be in [-{most}..{most}] inclusive. Ignoring...");
        cx.error("KA3012", line, 1, said);
        return Ok(());
    };
    let reverse = match line.get(2) {
        None | Some("noreverse") => false,
        Some("reverse") => true,
        Some(o) => {
            cx.error("KA2022", line, 2, format!("unknown track file weight option {o} - ignoring"));
            return Ok(());
        }
    };
    if let Some(f) = &mut cx.check.file {
        f.1 = Some(TrackWeight { weight: n, reverse });
    }
    Ok(())
}

fn close_file(cx: &mut Cx<'_>) -> Flow {
    let Some((name, weight, origin)) = cx.check.file.take() else { return Ok(()) };
    let Some(name) = name else {
        let line = Line { span: origin, ..Line::default() };
        cx.error("KA3042", &line, 0, "FILE_CHECK has no track_file specified - ignoring");
        return Ok(());
    };
    let own = cx.check.files.iter().find(|f| f.name == name).map(|f| f.weight).unwrap_or_default();
    let weight = weight.unwrap_or(own);
    if let Some(r) = cx.check.real() {
        r.model.track_files.push(Tracked { kind: TrackerKind::File(name), weight, origin });
    }
    Ok(())
}

fn bfd_name(cx: &mut Cx<'_>, line: &Line) -> Flow {
    let Some(trio) = super::finish::real_trio(cx) else { return Ok(()) };
    let Some(r) = cx.check.real() else { return Ok(()) };
    let Some(c) = r.checkers.last().filter(|c| !c.dead) else { return Ok(()) };
    let old = match &c.kind {
        CheckerKind::Bfd { instance } if !instance.is_empty() => Some(instance.clone()),
        _ => None,
    };
    let name = line.word(1).to_owned();
    let watched =
        r.checkers.iter().any(|c| matches!(&c.kind, CheckerKind::Bfd { instance } if *instance == name));
    let said = if line.len() != 2 {
        format!("({trio}) BFD_CHECK - No or too many names specified - skipping checker")
    } else if !cx.bfd.checker.iter().any(|b| b.name == name) {
        format!("({trio}) BFD_CHECK - BFD {name} not configured")
    } else if let Some(old) = old {
        format!("({trio}) BFD_CHECK - BFD {name} already specified as {old}")
    } else if name.len() >= 32 {
        format!("({trio}) BFD_CHECK - BFD name {name} too long")
    } else if watched {
        format!("({trio}) BFD_CHECK - RS already monitoring {name}")
    } else {
        return edit(cx, |c| c.kind = CheckerKind::Bfd { instance: name });
    };
    cx.error("KA3042", line, usize::from(line.len() > 1), said);
    edit(cx, |c| c.dead = true)
}

fn close_bfd(cx: &mut Cx<'_>) -> Flow {
    let trio = super::finish::real_trio(cx).unwrap_or_default();
    let Some(c) = cx.check.checker() else { return Ok(()) };
    let empty = matches!(&c.kind, CheckerKind::Bfd { instance } if instance.is_empty());
    let (dead, origin) = (c.dead, c.origin);
    if empty && !dead {
        let line = Line { span: origin, ..Line::default() };
        let said = format!("({trio}) No name has been specified for BFD_CHECKER - skipping");
        cx.error("KA3042", &line, 0, said);
    }
    if (empty || dead)
        && let Some(r) = cx.check.real()
    {
        r.checkers.pop();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hexadecimal_reads_with_and_without_wildcards() {
        let read = |text: &str, wild: bool| {
            let mut l = Line { text: format!("payload {text}"), ..Line::default() };
            l.split();
            hex(&l, wild)
        };
        assert_eq!(read("01 ab ff", false), Some((vec![1, 0xab, 0xff], vec![0; 3])));
        assert_eq!(read("0x 5", true), Some((vec![0, 5], vec![0xf, 0])));
        assert_eq!(read("zz", false), None);
        assert_eq!(read("x1", false), None);
    }
}
