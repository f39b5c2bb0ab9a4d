//! `virtual_server`, `virtual_server_group`, `SSL`.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use rha_ir::failover::{
    CheckTimes, Command, Forwarding, GroupEntry, LvsProtocol, Persistence, SchedulerFlags, SorryServer, Ssl,
    Tunnel, TunnelKind, VirtualServer, VirtualServerGroup, VirtualServerKey,
};

use super::{ServerDraft, address_and_port, count, family_of, time};
use crate::keyword::{IPVS, LVS, Reader};
use crate::rows::*;
use crate::{Cx, Flow, Keyword, Line, Place, values};

const P: Place = Place::VIRTUAL_SERVER;
const S: Place = Place::SSL;
const PROGRAM: &str = "PROGRAM [USER [GROUP]]";
/// Most weight a server may have.
pub(super) const MOST_WEIGHT: u32 = i32::MAX as u32;
/// How long a client stays with its server when no time is written, seconds.
pub(super) const PERSISTENCE: u32 = 360;
/// 31 days.
const MOST_PERSISTENCE: u32 = 86400 * 31;
const SCHEDULERS: [&str; 14] =
    ["rr", "wrr", "lc", "wlc", "lblc", "sh", "mh", "dh", "fo", "ovf", "lblcr", "sed", "nq", "twos"];

/// Rows of virtual servers.
pub(super) const ROWS: &[Keyword] = &[
    Keyword::block("SSL", Place::TOP, "{", V1, "The client side of SSL_GET.", S)
        .opening(|cx, l| {
            if cx.model.ssl.is_some() {
                cx.error("KA2040", l, 0, "SSL context already specified - replacing");
            }
            cx.model.ssl = Some(Ssl::default());
            Ok(())
        })
        .read_by(Reader::Checker)
        .support(FULL),
    Keyword::new("password", S, "TEXT", V1, "Password of the key.", |cx, l| {
        ssl(cx, l, "password", |s| &mut s.password)
    }),
    Keyword::new(
        "ca",
        S,
        "FILE",
        V1,
        "Authorities that may complete our chain; the server is not verified.",
        |cx, l| ssl(cx, l, "cafile", |s| &mut s.ca),
    ),
    Keyword::new("certificate", S, "FILE", V1, "Our certificate.", |cx, l| {
        ssl(cx, l, "certfile", |s| &mut s.certificate)
    }),
    Keyword::new("key", S, "FILE", V1, "Its key.", |cx, l| ssl(cx, l, "keyfile", |s| &mut s.key)),
    Keyword::new(
        "virtual_server_group",
        Place::TOP,
        "NAME { ADDRESS [PORT]… }",
        V1,
        "Addresses and marks of one service.",
        group,
    )
    .read_by(Reader::Checker)
    .support(LVS),
    Keyword::part(
        "IPADDR|RANGE",
        Place::SERVER_GROUP,
        "[PORT]",
        "An address, a range, or a network.",
        "virtual_server_group",
    ),
    Keyword::part("fwmark", Place::SERVER_GROUP, "N [inet|inet6]", "A mark.", "virtual_server_group"),
    Keyword::block(
        "virtual_server",
        Place::TOP,
        "ADDRESS [PORT] | fwmark N | group NAME {",
        V1,
        "A service spread over real servers.",
        P,
    )
    .opening(open)
    .closing(close)
    .read_by(Reader::Checker)
    .support(LVS),
    Keyword::new("ip_family", P, "inet|inet6", V1_2, "Family of a service by mark.", family).support(LVS),
    Keyword::new("retry", P, "N", V1_3, "How many failures more are forgiven.", |cx, l| {
        let n = count(cx, l, 1, u32::MAX, false, "retry value invalid - {v}")?;
        edit(cx, |d| d.times.retry = n.or(d.times.retry))
    }),
    Keyword::new("delay_before_retry", P, "SECONDS", V1_3, "Pause before a check is repeated.", |cx, l| {
        let n = time(cx, l, 0, 0, "virtual server delay before retry '{v}' invalid - ignoring")?;
        edit(cx, |d| d.times.before_retry_us = n.or(d.times.before_retry_us))
    }),
    Keyword::new("warmup", P, "SECONDS", V1_3, "Random wait before the first check.", |cx, l| {
        let n = time(cx, l, 0, 0, "virtual server warmup '{v}' invalid - ignoring")?;
        edit(cx, |d| d.times.warmup_us = n.or(d.times.warmup_us))
    }),
    Keyword::new("connect_timeout", P, "SECONDS", V2_0, "How long a connection may take.", |cx, l| {
        let n = time(cx, l, 1, u64::from(u32::MAX), "virtual server connect_timeout {v} invalid - ignoring")?;
        edit(cx, |d| d.times.connect_us = n.or(d.times.connect_us))
    }),
    Keyword::new("delay_loop", P, "SECONDS", V1, "Pause between checks.", |cx, l| {
        let n = time(cx, l, 1, 0, "virtual server delay loop '{v}' invalid - ignoring")?;
        edit(cx, |d| d.times.delay_us = n.or(d.times.delay_us))
    }),
    Keyword::new("inhibit_on_failure", P, "", V1_3, "Weight 0 instead of removal.", |cx, _| {
        edit(cx, |d| d.inhibit = true)
    }),
    Keyword::new("lb_algo|lvs_sched", P, "SCHEDULER", V1, "How a server is picked.", |cx, l| {
        let name = cx.arg(l, 1)?.to_owned();
        if !SCHEDULERS.contains(&name.as_str()) {
            cx.error("KA3040", l, 1, format!("Invalid lvs_scheduler '{name}' - ignoring"));
            return Ok(());
        }
        edit(cx, |d| d.model.scheduler = name)
    })
    .support(LVS),
    Keyword::new("hashed", P, "", V1_3, "The kernel keeps the service in a hash.", |cx, l| {
        // COMPAT: held to the schedulers of the flags beside it, though the kernel would take it for all.
        if for_hashing(cx, l) { edit(cx, |d| d.model.flags.hashed = true) } else { Ok(()) }
    })
    .support(IPVS),
    Keyword::new("ops", P, "", V1_2, "One packet is a connection.", |cx, _| {
        edit(cx, |d| d.model.flags.one_packet = true)
    })
    .support(IPVS),
    Keyword::new("flag-1", P, "", V1_3, "First flag of the scheduler.", |cx, _| {
        edit(cx, |d| d.model.flags.flag1 = true)
    })
    .support(IPVS),
    Keyword::new("flag-2", P, "", V1_3, "Second flag of the scheduler.", |cx, _| {
        edit(cx, |d| d.model.flags.flag2 = true)
    })
    .support(IPVS),
    Keyword::new("flag-3", P, "", V1_3, "Third flag of the scheduler.", |cx, _| {
        edit(cx, |d| d.model.flags.flag3 = true)
    })
    .support(IPVS),
    Keyword::new("sh-port", P, "", V1_3, "sh looks at the port too.", hash_flag).support(LVS),
    Keyword::new("sh-fallback", P, "", V1_3, "sh goes on when its choice is down.", hash_flag).support(IPVS),
    Keyword::new("mh-port", P, "", V2_0, "mh looks at the port too.", hash_flag).support(LVS),
    Keyword::new("mh-fallback", P, "", V2_0, "mh goes on when its choice is down.", hash_flag).support(IPVS),
    Keyword::new(
        "lb_kind|lvs_method",
        P,
        "NAT|DR|TUN [type KIND] [port N] [nocsum|csum|remcsum]",
        V1,
        "How packets reach a server.",
        |cx, l| {
            let old = cx.check.server().map_or(Forwarding::Unset, |d| d.model.forwarding);
            let new = forwarding(cx, l, old, "virtual")?;
            edit(cx, |d| d.model.forwarding = new)
        },
    )
    .support(LVS),
    Keyword::part("type", Place::TUNNEL, "ipip|gue|gre", "Kind of tunnel.", "lvs_method"),
    Keyword::part("port", Place::TUNNEL, "N", "Port of a gue tunnel.", "lvs_method"),
    Keyword::part("nocsum|csum|remcsum", Place::TUNNEL, "", "Checksums of the tunnel.", "lvs_method"),
    Keyword::new("persistence_engine", P, "NAME", V1_2, "What a client is told by.", |cx, l| {
        let name = cx.arg(l, 1)?;
        if name.len() > 16 {
            cx.error("KA3040", l, 1, format!("persistence_name too long, truncating - {name}"));
        }
        let cut: String = name.chars().take(16).collect();
        edit(cx, |d| d.model.persistence.engine = Some(cut))
    })
    .support(IPVS),
    Keyword::new(
        "persistence_timeout",
        P,
        "[SECONDS]",
        V1,
        "How long a client stays with its server.",
        |cx, l| {
            if l.len() < 2 {
                return edit(cx, |d| d.model.persistence.timeout = PERSISTENCE);
            }
            match cx.unsigned(l, 1, 1, MOST_PERSISTENCE, false)? {
                Some(n) => edit(cx, |d| d.model.persistence.timeout = n),
                None => {
                    cx.error("KA2020", l, 1, "persistence_timeout invalid");
                    Ok(())
                }
            }
        },
    )
    .support(LVS),
    Keyword::new(
        "persistence_granularity",
        P,
        "NETMASK",
        V1,
        "How large a network counts as one client.",
        granularity,
    )
    .support(IPVS),
    Keyword::new("protocol", P, "TCP|UDP|SCTP", V1, "Protocol of the service.", |cx, l| {
        let word = cx.arg(l, 1)?;
        let protocol = match word.to_ascii_uppercase().as_str() {
            "TCP" => LvsProtocol::Tcp,
            "UDP" => LvsProtocol::Udp,
            "SCTP" => LvsProtocol::Sctp,
            _ => {
                cx.error("KA3040", l, 1, format!("Unknown protocol {word} - ignoring"));
                return Ok(());
            }
        };
        edit(cx, |d| d.protocol = Some(protocol))
    })
    .support(LVS),
    Keyword::new("ha_suspend", P, "", V1, "No checks while the address is not here.", |cx, _| {
        edit(cx, |d| d.model.ha_suspend = true)
    }),
    Keyword::new("smtp_alert", P, "[BOOL]", V2_0, "Whether changes are mailed.", |cx, l| {
        let on = cx.optional_switch(l, |v| format!("Invalid virtual_server smtp_alert parameter {v}"));
        edit(cx, |d| d.mail = on.or(d.mail))
    }),
    Keyword::new("virtualhost", P, "NAME", V1, "Host that pages are asked of.", |cx, l| {
        let Some(name) = l.get(1) else {
            cx.error("KA2030", l, 0, "virtual server virtualhost missing");
            return Ok(());
        };
        let name = name.to_owned();
        edit(cx, |d| d.model.virtual_host = Some(name))
    }),
    Keyword::new("snmp_name", P, "NAME", V2_2, "Name in SNMP.", |cx, l| {
        if l.len() != 2 {
            cx.error("KA2030", l, 0, "virtual server snmp_name missing or extra parameters");
            return Ok(());
        }
        let name = l.word(1).to_owned();
        edit(cx, |d| d.model.snmp_name = Some(name))
    })
    .support(Support::Planned),
    Keyword::new("alpha", P, "", V1_1, "Servers are down until a check succeeds.", |cx, _| {
        edit(cx, |d| d.model.alpha = true)
    }),
    Keyword::new("omega", P, "", V1_1, "Programs are told at the end too.", |cx, _| {
        edit(cx, |d| d.model.omega = true)
    }),
    Keyword::new("quorum_up", P, PROGRAM, V1_1, "Told when there are enough servers.", |cx, l| {
        program(cx, l, |s| &mut s.quorum_up)
    }),
    Keyword::new("quorum_down", P, PROGRAM, V1_1, "Told when there are too few servers.", |cx, l| {
        program(cx, l, |s| &mut s.quorum_down)
    }),
    Keyword::new("quorum", P, "N", V1_1, "Weight that must be there.", |cx, l| {
        let n = count(cx, l, 1, u32::MAX, true, "Quorum {v} must be in [1, 4294967295]. Setting to 1.")?;
        edit(cx, |d| d.model.quorum = n.unwrap_or(1))
    }),
    Keyword::new("hysteresis", P, "N", V1_1, "How much the weight must change.", |cx, l| {
        let n = count(cx, l, 0, u32::MAX, true, "Hysteresis {v} must be in [0, 4294967295] - ignoring")?;
        edit(cx, |d| d.model.hysteresis = n.unwrap_or(d.model.hysteresis))
    }),
    Keyword::new("weight", P, "N", V1_3, "Weight of servers that name none.", |cx, l| {
        let said = "Virtual server weight {v} is outside range 1-2147483647";
        let n = count(cx, l, 1, MOST_WEIGHT, true, said)?;
        edit(cx, |d| d.weight = n.unwrap_or(d.weight))
    })
    .support(LVS),
    Keyword::new(
        "sorry_server",
        P,
        "ADDRESS [PORT]",
        V1,
        "Takes everything while there are too few servers.",
        |cx, l| {
            let text = cx.arg(l, 1)?.to_owned();
            let Some(address) = address_and_port(cx, l, &text, l.get(2)) else {
                cx.error("KA2023", l, 1, format!("Invalid sorry server IP address {text} - skipping"));
                return Ok(());
            };
            let origin = l.at(1);
            edit(cx, |d| {
                let forwarding = d.model.forwarding;
                d.model.sorry = Some(SorryServer { address, forwarding, inhibit: false, origin });
            })
        },
    )
    .support(LVS),
    Keyword::new("sorry_server_inhibit", P, "", V1_2, "Weight 0 instead of removal for it.", |cx, l| {
        if let Some(s) = cx.check.server().and_then(|d| d.model.sorry.as_mut()) {
            s.inhibit = true;
        } else {
            cx.error("KA3040", l, 0, "Ignoring sorry_server inhibit used before or without sorry_server");
        }
        Ok(())
    }),
    Keyword::new("sorry_server_lvs_method", P, "NAT|DR|TUN …", V1_3, "How packets reach it.", |cx, l| {
        let Some(old) = cx.check.server().and_then(|d| d.model.sorry.as_ref()).map(|s| s.forwarding) else {
            cx.error("KA3040", l, 0, "sorry_server forwarding used without sorry_server");
            return Ok(());
        };
        let new = forwarding(cx, l, old, "sorry")?;
        edit(cx, |d| d.model.sorry.iter_mut().for_each(|s| s.forwarding = new))
    })
    .support(LVS),
];

fn edit(cx: &mut Cx<'_>, change: impl FnOnce(&mut ServerDraft)) -> Flow {
    if let Some(d) = cx.check.server() {
        change(d);
    }
    Ok(())
}

fn ssl(cx: &mut Cx<'_>, line: &Line, what: &str, field: fn(&mut Ssl) -> &mut Option<String>) -> Flow {
    let Some(value) = line.get(1) else {
        cx.error("KA2030", line, 0, format!("SSL {what} missing"));
        return Ok(());
    };
    if cx.model.ssl.as_mut().is_some_and(|s| field(s).is_some()) {
        cx.error("KA2040", line, 1, format!("SSL {what} already specified - replacing"));
    }
    if let Some(s) = &mut cx.model.ssl {
        *field(s) = Some(value.to_owned());
    }
    Ok(())
}

fn group(cx: &mut Cx<'_>, line: &Line) -> Flow {
    let name = cx.arg(line, 1)?.to_owned();
    cx.model.virtual_server_groups.push(VirtualServerGroup {
        name: name.clone(),
        entries: Vec::new(),
        origin: line.at(1),
    });
    // COMPAT: the name is cut out before the block is read, so that a complaint about the block finds no
    // word to call it by, which ends the reading.
    let mut header = line.clone();
    header.words.remove(1);
    if let Some(first) = header.words.first_mut() {
        *first = crate::line::Word { start: 0, end: 0 };
    }
    let mut families = (false, false, false);
    cx.value_block(&header, &mut |cx, l| group_entry(cx, l, &name, &mut families))?;
    let empty = cx.model.virtual_server_groups.last().is_some_and(|g| g.entries.is_empty());
    if empty {
        cx.error("KA3040", line, 1, format!("virtual server group {name} has no entries - removing"));
        cx.model.virtual_server_groups.pop();
    } else if families == (true, true, true) {
        let said = format!(
            "virtual server group {name} cannot have IPv4, IPv6 and fwmark without family - removing"
        );
        cx.error("KA3040", line, 1, said);
        cx.model.virtual_server_groups.pop();
    } else if families.2 {
        cx.check.group_marks_without_family.insert(name);
    }
    Ok(())
}

/// One entry; `families` are IPv4, IPv6, and a mark that tells neither.
fn group_entry(cx: &mut Cx<'_>, line: &Line, group: &str, families: &mut (bool, bool, bool)) -> Flow {
    let text = line.word(0).to_owned();
    let origin = line.at(0);
    let entry = if text == "fwmark" {
        let Some(mark) = cx.unsigned(line, 1, 0, u32::MAX, true)? else {
            let said = format!("({group}): fwmark '{}' must be in [0, 4294967295] - ignoring", line.word(1));
            cx.error("KA2020", line, 1, said);
            return Ok(());
        };
        let ipv6 = match line.get(2) {
            None => None,
            Some("inet") => Some(false),
            Some("inet6") => Some(true),
            Some(o) => {
                cx.error(
                    "KA2022",
                    line,
                    2,
                    format!("({group}): fwmark '{mark}' family {o} unknown - ignoring"),
                );
                return Ok(());
            }
        };
        match ipv6 {
            None => families.2 = true,
            Some(false) => families.0 = true,
            Some(true) => families.1 = true,
        }
        GroupEntry::Mark { mark, ipv6, origin }
    } else {
        let port_text = line.get(1).filter(|p| p.chars().any(|c| c != '0'));
        let address = match port_text {
            None => values::address_only(&text).map(|a| SocketAddr::new(a, 0)),
            Some(port) => cx.socket_address(line, 1, &text, port),
        };
        let Some(address) = address else {
            let (a, b) = if port_text.is_some() { ("/port", "/") } else { ("", "") };
            let said = format!(
                "Invalid virtual server group IP address {text} {a}{b}{} - skipping",
                port_text.unwrap_or_default()
            );
            cx.error("KA2023", line, 0, said);
            return Ok(());
        };
        let Some(last) = range_end(cx, line, &text, address.ip()) else { return Ok(()) };
        if address.is_ipv4() {
            families.0 = true;
        } else {
            families.1 = true;
        }
        GroupEntry::Range { first: address.ip(), last, port: address.port(), origin }
    };
    if let Some(g) = cx.model.virtual_server_groups.last_mut() {
        g.entries.push(entry);
    }
    Ok(())
}

/// Last address of `a.b.c.d/nn`, `a.b.c.d-e`, `a.b.c.d-e.f.g.h`; `None` after a complaint.
fn range_end(cx: &mut Cx<'_>, line: &Line, text: &str, first: IpAddr) -> Option<IpAddr> {
    let number = |a: IpAddr| match a {
        IpAddr::V4(a) => u128::from(u32::from(a)),
        IpAddr::V6(a) => u128::from(a),
    };
    let address = |n: u128| match first {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::from(u32::try_from(n).unwrap_or(u32::MAX))),
        IpAddr::V6(_) => IpAddr::V6(n.into()),
    };
    let width = if first.is_ipv4() { 32 } else { 128 };
    if let Some((_, mask)) = text.split_once('/') {
        let Some(mask) = mask.parse::<u32>().ok().filter(|m| (1..=width).contains(m)) else {
            cx.error("KA2023", line, 0, format!("Invalid netmask - {text} - skipping"));
            return None;
        };
        let host = 1u128.checked_shl(width - mask).map_or(u128::MAX, |n| n - 1);
        if number(first) & host != 0 {
            cx.error("KA2023", line, 0, format!("Address mask bits not empty - {text} - skipping"));
            return None;
        }
        return Some(address(number(first) | host));
    }
    let Some((_, end)) = text.split_once('-') else { return Some(first) };
    if end.contains(if first.is_ipv4() { '.' } else { ':' }) {
        let Some(last) = values::address(end) else {
            cx.error("KA2023", line, 0, format!("Invalid range end {text} - skipping"));
            return None;
        };
        if last.is_ipv4() != first.is_ipv4() {
            cx.error("KA2023", line, 0, format!("Range address families do not match {text} - skipping"));
            return None;
        }
        if number(last) < number(first) {
            let said = format!("Address range end is less than address range start - {text} - skipping");
            cx.error("KA2023", line, 0, said);
            return None;
        }
        return Some(last);
    }
    let (radix, most, bits) = if first.is_ipv4() { (10, 255, 0xff) } else { (16, 0xffff, 0xffff) };
    let digits: String = end.chars().take_while(|c| c.is_digit(radix)).collect();
    let rest = end.get(digits.len()..).unwrap_or_default();
    if !rest.is_empty() {
        let said = format!("Virtual server group range '{text}' has extra characters at end '{rest}'");
        cx.error("KA2020", line, 0, said);
        return None;
    }
    let last = u128::from_str_radix(&digits, radix).unwrap_or(0);
    if last > most {
        let said = format!("Virtual server group range '{text}' end '{end}' too large");
        cx.error("KA2020", line, 0, said);
        return None;
    }
    if number(first) & bits >= last {
        let said = format!("Address range end is not greater than address range start - {text} - skipping");
        cx.error("KA2023", line, 0, said);
        return None;
    }
    Some(address(number(first) & !bits | last))
}

fn open(cx: &mut Cx<'_>, line: &Line) -> Flow {
    let first = cx.arg(line, 1)?.to_owned();
    let (key, family) = match first.as_str() {
        "group" => (VirtualServerKey::Group(line.word(2).to_owned()), None),
        "fwmark" => {
            let text = line.word(2).to_owned();
            let Some(mark) = cx.unsigned_of(line, 2, &text, 0, u32::MAX, true) else {
                let said = format!("virtual server fwmark '{text}' must be in [0, 4294967295] - ignoring");
                cx.error("KA2020", line, 2, said);
                cx.skip_block(false);
                return Ok(());
            };
            (VirtualServerKey::Mark(mark), None)
        }
        _ => {
            let port = line.get(2).filter(|p| p.chars().any(|c| c != '0'));
            let Some(address) = address_and_port(cx, line, &first, line.get(2)) else {
                let (a, b) = if port.is_some() { ("/port", "/") } else { ("", "") };
                let said = format!(
                    "Invalid virtual server IP address{a} {first}{b}{} - skipping",
                    port.unwrap_or_default()
                );
                cx.error("KA2023", line, 1, said);
                cx.skip_block(false);
                return Ok(());
            };
            (VirtualServerKey::Address(address), Some(family_of(address)))
        }
    };
    let model = VirtualServer {
        key,
        ipv6: false,
        protocol: None,
        scheduler: String::new(),
        flags: SchedulerFlags::default(),
        forwarding: Forwarding::Unset,
        persistence: Persistence::default(),
        number: 0,
        inhibit: false,
        times: CheckTimes::default(),
        ha_suspend: false,
        quorum: 1,
        hysteresis: 0,
        quorum_up: None,
        quorum_down: None,
        omega: false,
        alpha: false,
        mail: false,
        virtual_host: None,
        snmp_name: None,
        sorry: None,
        real_servers: Vec::new(),
        origin: line.at(1),
    };
    let times =
        super::Times { connect_us: Some(5_000_000), delay_us: Some(60_000_000), ..super::Times::default() };
    cx.check.servers.push(ServerDraft {
        model,
        family,
        protocol: None,
        inhibit: false,
        weight: 1,
        mail: None,
        times,
        reals: Vec::new(),
        number: 0,
    });
    Ok(())
}

/// Families of sorry and real servers.
fn close(cx: &mut Cx<'_>) -> Flow {
    let Some(d) = cx.check.server() else { return Ok(()) };
    let mut said = None;
    if let Some(s) = d.model.sorry
        && !matches!(s.forwarding, Forwarding::Tunnel(_))
    {
        let family = family_of(s.address);
        if *d.family.get_or_insert(family) != family {
            said = Some((s.origin, s.address.ip()));
            d.model.sorry = None;
        }
    }
    let by_group = matches!(d.model.key, VirtualServerKey::Group(_));
    if d.family.is_none() && !by_group {
        let mut families = d.model.sorry.iter().map(|s| family_of(s.address)).collect::<Vec<_>>();
        families.extend(d.reals.iter().map(|r| family_of(r.model.address)));
        let first = families.first().copied().unwrap_or(4);
        d.family = Some(if families.iter().all(|f| *f == first) { first } else { 4 });
    }
    if let Some((span, address)) = said {
        let line = Line { span, ..Line::default() };
        let said = format!(
            "Address family of virtual server and sorry server {address} don't match - skipping sorry server."
        );
        cx.error("KA3040", &line, 0, said);
    }
    Ok(())
}

fn family(cx: &mut Cx<'_>, line: &Line) -> Flow {
    let word = cx.arg(line, 1)?.to_owned();
    let new = match word.as_str() {
        "inet" => 4,
        "inet6" => 6,
        _ => {
            cx.error("KA3040", line, 1, format!("unknown address family {word}"));
            return Ok(());
        }
    };
    if cx.check.server().and_then(|d| d.family).is_some_and(|f| f != new) {
        let said = format!("Virtual server specified family {word} conflicts with server family");
        cx.error("KA3040", line, 1, said);
        return Ok(());
    }
    edit(cx, |d| d.family = Some(new))
}

/// Flags of `sh` and `mh`, which must be written behind the scheduler.
///
/// COMPAT: with the other of the two schedulers they are ignored without a word.
/// Whether the scheduler is one that hashes; says it when not.
fn for_hashing(cx: &mut Cx<'_>, line: &Line) -> bool {
    let fits = cx.check.server().is_some_and(|d| matches!(d.model.scheduler.as_str(), "sh" | "mh"));
    if !fits {
        cx.error("KA3040", line, 0, format!("{} only applies to sh scheduler - ignoring", line.word(0)));
    }
    fits
}

fn hash_flag(cx: &mut Cx<'_>, line: &Line) -> Flow {
    let word = line.word(0).to_owned();
    if !for_hashing(cx, line) {
        return Ok(());
    }
    let scheduler = cx.check.server().map(|d| d.model.scheduler.clone()).unwrap_or_default();
    let Some(flag) = word.strip_prefix(&format!("{scheduler}-")) else { return Ok(()) };
    let port = flag == "port";
    edit(cx, |d| {
        if port {
            d.model.flags.flag2 = true;
        } else {
            d.model.flags.flag1 = true;
        }
    })
}

/// `NAT|DR|TUN` with what a tunnel needs.
pub(super) fn forwarding(cx: &mut Cx<'_>, line: &Line, old: Forwarding, kind: &str) -> Flow<Forwarding> {
    let word = cx.arg(line, 1)?;
    let method = match word {
        "NAT" => Forwarding::Nat,
        "DR" => Forwarding::DirectRoute,
        "TUN" => Forwarding::Tunnel(Tunnel::default()),
        _ => {
            let said = format!("PARSER : unknown [{word}] routing method for {kind} server.");
            cx.error("KA3040", line, 1, said);
            return Ok(old);
        }
    };
    let mut t = Tunnel::default();
    let mut i = 2;
    while let Some(option) = line.get(i) {
        match option {
            "type" => {
                i += 1;
                t.kind = match line.get(i) {
                    None => {
                        cx.error("KA2030", line, i - 1, format!("Missing tunnel type for {kind} server."));
                        return Ok(method);
                    }
                    Some("ipip") => TunnelKind::Ipip,
                    Some("gue") => TunnelKind::Gue,
                    Some("gre") => TunnelKind::Gre,
                    Some(o) => {
                        cx.error("KA3040", line, i, format!("Unknown tunnel type {o} for {kind} server."));
                        return Ok(method);
                    }
                };
            }
            "port" => {
                i += 1;
                if line.get(i).is_none() {
                    cx.error("KA2030", line, i - 1, format!("Missing port for {kind} server gue tunnel."));
                    return Ok(method);
                }
                let Some(n) = cx.unsigned(line, i, 1, 65535, false)? else {
                    let said = format!("Invalid gue tunnel port {} for {kind} server.", line.word(i));
                    cx.error("KA2020", line, i, said);
                    return Ok(method);
                };
                t.port = u16::try_from(n).unwrap_or(0);
            }
            "nocsum" => t.checksum = 0,
            "csum" => t.checksum = 1,
            "remcsum" => t.checksum = 2,
            o => {
                cx.error("KA2022", line, i, format!("Invalid tunnel option {o} for {kind} server."));
                return Ok(method);
            }
        }
        i += 1;
    }
    let said = if (t.kind == TunnelKind::Gue) != (t.port != 0) {
        "gue tunnels require port, otherwise cannot have port."
    } else if t.kind == TunnelKind::Ipip && t.checksum != 0 {
        "ipip tunnels do not support checksum option."
    } else if t.kind == TunnelKind::Gre && t.checksum == 2 {
        "gre tunnels do not support remote checksum option."
    } else {
        return Ok(if matches!(method, Forwarding::Tunnel(_)) { Forwarding::Tunnel(t) } else { method });
    };
    cx.error("KA3040", line, 1, said);
    Ok(method)
}

fn granularity(cx: &mut Cx<'_>, line: &Line) -> Flow {
    let text = cx.arg(line, 1)?.to_owned();
    let family = cx.check.server().and_then(|d| d.family);
    let family = family.unwrap_or(if text.contains('.') { 4 } else { 6 });
    let value = if family == 6 {
        let Some(n) = cx.unsigned(line, 1, 1, 128, false)? else {
            let said = format!("Invalid IPv6 persistence_granularity specified - {text}");
            cx.error("KA2020", line, 1, said);
            return Ok(());
        };
        n
    } else {
        let Some(mask) = crate::values::loose_ipv4(&text) else {
            let said = format!("Invalid IPv4 persistence_granularity specified - {text}");
            cx.error("KA2023", line, 1, said);
            return Ok(());
        };
        u32::from(mask)
    };
    edit(cx, |d| {
        d.family.get_or_insert(family);
        d.model.persistence.granularity = Some(value);
        if d.model.persistence.timeout == 0 {
            d.model.persistence.timeout = PERSISTENCE;
        }
    })
}

fn program(cx: &mut Cx<'_>, line: &Line, slot: fn(&mut VirtualServer) -> &mut Option<Command>) -> Flow {
    if cx.check.server().is_some_and(|d| slot(&mut d.model).is_some()) {
        let name = cx.check.server().map(|d| group_name(&d.model)).unwrap_or_default();
        let (kind, program) = (line.word(0), cx.arg(line, 1)?);
        let said = format!("({name}) {kind} script already specified - ignoring {program}");
        cx.error("KA2040", line, 1, said);
        return Ok(());
    }
    let command = cx.command(line, "quorum")?;
    edit(cx, |d| *slot(&mut d.model) = command)
}

/// COMPAT: these messages show the group's name, and `(null)` for other servers.
pub(super) fn group_name(s: &VirtualServer) -> String {
    match &s.key {
        VirtualServerKey::Group(name) => name.clone(),
        _ => "(null)".to_owned(),
    }
}
