//! Lines of `virtual_rules` and `static_rules`, in the words of ip-rule(8).

use rha_ir::failover::{IpPrefix, IpRule, PortRange, RuleAction};

use super::address::destination;
use super::route::{OURS, route_type};
use crate::names::{Kind, any_base};
use crate::rows::*;
use crate::{Cx, Flow, Keyword, Line, Place};

const P: Place = Place::STATIC_RULE.or(Place::VIRTUAL_RULE);
const OF: &str = "virtual_rules, static_rules";
/// First preference of rules that name none; the next ones are lower.
const FIRST_PREFERENCE: u32 = 16384;

const fn option(name: &'static str, doc: &'static str) -> Keyword {
    Keyword::part(name, P, "as ip-rule(8)", doc, OF)
}

/// Rows of rule lines and their blocks.
pub(crate) const ROWS: &[Keyword] = &[
    Keyword::new("static_rules", Place::TOP, "{ RULE… }", V1_2, "Routing rules that stay.", |cx, l| {
        cx.value_block(l, &mut |cx, l| {
            if let Some(r) = rule(cx, l, true)? {
                cx.model.static_rules.push(r);
            }
            Ok(())
        })
    })
    .support(FULL)
    .read_by(crate::keyword::Reader::Vrrp),
    Keyword::new(
        "virtual_rules",
        Place::INSTANCE,
        "{ RULE… }",
        V1_2,
        "Routing rules that move.",
        |cx, l| {
            cx.value_block(l, &mut |cx, l| {
                if let Some(r) = rule(cx, l, false)? {
                    super::instance::edit(cx, |d| d.model.rules.push(r))?;
                }
                Ok(())
            })
        },
    )
    .support(FULL),
    option("from", "Source.").support(FULL),
    option("to", "Destination.").support(FULL),
    option("table|lookup", "Table to look into.").support(FULL),
    option("dev", "Interface packets come in by.").support(FULL),
    option("iif", "Interface packets come in by.").support(FULL),
    option("oif", "Interface packets leave by.").support(FULL),
    option("tos", "Type of service.").support(FULL),
    option("dsfield", "Type of service.").support(FULL),
    option("fwmark", "Mark, maybe with a mask.").support(FULL),
    option("preference|order|priority", "Where it stands among others.").support(FULL),
    option("realms", "Realms.").support(FULL),
    option("goto", "Goes on at another rule.").support(FULL),
    option("nop", "Does nothing.").support(FULL),
    option("not", "The opposite of the rest.").support(FULL),
    option("uidrange", "Users.").support(FULL),
    option("l3mdev", "Table of the VRF.").support(FULL),
    option("protocol", "Who made it.").support(FULL),
    option("ipproto", "Protocol of packets.").support(FULL),
    option("sport", "Source ports.").support(FULL),
    option("dport", "Destination ports.").support(FULL),
    option("tunnel-id", "Tunnel.").support(FULL),
    option("suppress_prefixlength", "Ignores shorter routes.").support(FULL),
    option("sup_pl", "Ignores shorter routes.").support(FULL),
    option("suppress_ifgroup", "Ignores routes over a group of interfaces.").support(FULL),
    option("sup_group", "Ignores routes over a group of interfaces.").support(FULL),
    option("type", "What it does.").support(FULL),
    option("inet", "IPv4.").support(FULL),
    option("inet6", "IPv6.").support(FULL),
    Keyword::part("no_track", Place::VIRTUAL_RULE, "", "Its loss is no reason to leave MASTER.", OF)
        .support(FULL),
    Keyword::part("track_group", Place::STATIC_RULE, "GROUP", "Instances whose state it follows.", OF)
        .support(FULL),
];

struct Draft {
    r: IpRule,
    family: Option<u8>,
    action: Option<RuleAction>,
    preference: Option<u32>,
    table_option: bool,
    from: Option<(Option<IpPrefix>, Option<u8>)>,
    to: Option<(Option<IpPrefix>, Option<u8>)>,
}

type Kept = Flow<bool>;

fn drop_line(cx: &mut Cx<'_>, line: &Line, i: usize, text: impl Into<String>) -> Kept {
    cx.error("KA3021", line, i, text);
    Ok(false)
}

fn rule(cx: &mut Cx<'_>, line: &Line, fixed: bool) -> Flow<Option<IpRule>> {
    let r = IpRule {
        ipv6: false,
        invert: false,
        from: None,
        to: None,
        preference: 0,
        table: None,
        l3mdev: false,
        action: RuleAction::ToTable,
        iif: None,
        oif: None,
        fwmark: None,
        tos: None,
        realms: None,
        tunnel_id: None,
        suppress_prefix_len: None,
        suppress_group: None,
        uid_range: None,
        protocol: None,
        ip_proto: None,
        sport: None,
        dport: None,
        no_track: false,
        track_group: None,
        origin: line.at(0),
    };
    let mut d =
        Draft { r, family: None, action: None, preference: None, table_option: false, from: None, to: None };
    let mut i = 0;
    while let Some(word) = line.get(i) {
        if fixed && word == "track_group" && d.r.track_group.is_some() {
            let name = cx.arg(line, i + 1)?;
            cx.error("KA2040", line, i + 1, format!("track_group {name} is a duplicate"));
            break;
        }
        let word = word.to_owned();
        if !part(cx, line, &mut i, &word, &mut d, fixed)? {
            return Ok(None);
        }
        i += 1;
    }
    complete(cx, line, d)
}

/// One option at word `i`, which moves to its last word; false when the line is dropped.
fn part(cx: &mut Cx<'_>, line: &Line, i: &mut usize, word: &str, d: &mut Draft, fixed: bool) -> Kept {
    match word {
        "not" => d.r.invert = true,
        "no_track" => d.r.no_track = true,
        "inet" | "inet6" => {
            let (family, other) = if word == "inet" { (4, "IPv6") } else { (6, "IPv4") };
            if *d.family.get_or_insert(family) != family {
                return drop_line(cx, line, *i, format!("{word} specified for {other} rule"));
            }
            // COMPAT: the word behind it is skipped, as for routes.
            *i += 1;
        }
        "from" | "to" => {
            *i += 1;
            let text = cx.arg(line, *i)?.to_owned();
            let Some(found) = destination(cx, line, *i, &text) else {
                return drop_line(cx, line, *i, format!("Invalid rule {word} address {text}"));
            };
            let mixed = d.family.is_some() && d.family != found.1;
            d.family = d.family.or(found.1);
            if mixed {
                return drop_line(cx, line, *i, "rule specification has mixed IPv4 and IPv6");
            }
            if word == "from" {
                d.from = Some(found);
            } else {
                d.to = Some(found);
            }
        }
        "table" | "lookup" => {
            *i += 1;
            let text = cx.arg(line, *i)?.to_owned();
            match cx.number_of(Kind::Table, &text) {
                None => return drop_line(cx, line, *i, format!("Routing table {text} not found for rule")),
                Some(0) => return drop_line(cx, line, *i, "Table 0 is not valid"),
                table => d.r.table = table,
            }
            if d.action.is_some() {
                let said =
                    "Cannot specify more than one of table/nop/goto/blackhole/prohibit/unreachable for rule";
                return drop_line(cx, line, *i, said);
            }
            d.action = Some(RuleAction::ToTable);
        }
        "l3mdev" => {
            d.r.l3mdev = true;
            if d.action.is_some() {
                return drop_line(cx, line, *i, "Cannot specify l3mdev with other action");
            }
            d.action = Some(RuleAction::ToTable);
        }
        "dev" | "iif" | "oif" => {
            *i += 1;
            let name = cx.arg(line, *i)?.to_owned();
            if cx.interface(&name).is_none() {
                cx.error("KA3002", line, *i, format!("WARNING - interface {name} for rule doesn't exist"));
                return Ok(false);
            }
            if word == "oif" {
                d.r.oif = Some(name);
            } else {
                d.r.iif = Some(name);
            }
        }
        "track_group" if fixed => {
            *i += 1;
            let name = cx.arg(line, *i)?.to_owned();
            if cx.vrrp.track_groups.iter().any(|g| g.0 == name) {
                d.r.track_group = Some(name);
            } else {
                cx.error("KA3011", line, *i, format!("track_group {name} not found"));
            }
        }
        "preference"
        | "order"
        | "priority"
        | "tos"
        | "dsfield"
        | "fwmark"
        | "realms"
        | "suppress_prefixlength"
        | "sup_pl"
        | "suppress_ifgroup"
        | "sup_group"
        | "tunnel-id"
        | "uidrange"
        | "protocol"
        | "ipproto"
        | "sport"
        | "dport" => return value(cx, line, i, word, d),
        _ => return action(cx, line, i, word, d),
    }
    Ok(true)
}

/// Options with one value.
fn value(cx: &mut Cx<'_>, line: &Line, i: &mut usize, word: &str, d: &mut Draft) -> Kept {
    *i += 1;
    let text = cx.arg(line, *i)?.to_owned();
    let at = *i;
    match word {
        "preference" | "order" | "priority" => {
            d.preference = any_base(&text).and_then(|n| u32::try_from(n).ok());
            if d.preference.is_none() {
                cx.unsigned_of(line, at, &text, 0, u32::MAX, false);
                return drop_line(cx, line, at, format!("Invalid rule preference {word} specified"));
            }
        }
        "tos" | "dsfield" => match cx.number_of(Kind::DsField, &text) {
            Some(n) => d.r.tos = u8::try_from(n).ok(),
            None => return drop_line(cx, line, at, format!("TOS value {text} is invalid")),
        },
        "fwmark" => {
            let number = |t: &str| any_base(t).and_then(|n| u32::try_from(n).ok());
            let (mark, mask) = text.split_once('/').map_or((text.as_str(), None), |(a, b)| (a, Some(b)));
            let mark = number(mark);
            let bad = mark.is_none() || mask.is_some_and(|m| number(m).is_none());
            if bad {
                return drop_line(cx, line, at, format!("Invalid rule fwmark {text} specified"));
            }
            d.r.fwmark = mark.map(|m| (m, mask.and_then(number)));
        }
        "realms" => {
            d.r.realms = cx.realms(&text);
            if d.r.realms.is_none() {
                return drop_line(cx, line, at, format!("invalid realms {text} for rule"));
            }
            d.table_option = true;
            if *d.family.get_or_insert(4) != 4 {
                return drop_line(cx, line, at, "realms is only valid for IPv4");
            }
        }
        "suppress_prefixlength" | "sup_pl" => {
            let Some(n) = cx.unsigned_of(line, at, &text, 0, i32::MAX as u32, false) else {
                return drop_line(cx, line, at, format!("Invalid suppress_prefixlength {word} specified"));
            };
            d.r.suppress_prefix_len = i32::try_from(n).ok();
            d.table_option = true;
        }
        "suppress_ifgroup" | "sup_group" => {
            d.r.suppress_group = cx.number_of(Kind::Group, &text);
            if d.r.suppress_group.is_none() {
                return drop_line(cx, line, at, format!("suppress_group {text} is invalid"));
            }
            d.table_option = true;
        }
        "tunnel-id" => match text.parse() {
            Ok(n) => d.r.tunnel_id = Some(n),
            Err(_) => {
                cx.unsigned_of(line, at, &text, 0, u32::MAX, false);
                return drop_line(cx, line, at, format!("Invalid tunnel-id {word} specified"));
            }
        },
        "uidrange" => {
            let range = text.split_once('-').and_then(|(a, b)| Some((a.parse().ok()?, b.parse().ok()?)));
            if range.is_none() {
                return drop_line(cx, line, at, format!("Invalid uidrange {word} specified"));
            }
            d.r.uid_range = range;
        }
        "protocol" => match cx.unsigned_of(line, at, &text, 0, 255, false) {
            Some(n) => d.r.protocol = u8::try_from(n).ok(),
            None => cx.error("KA3021", line, at, format!("Invalid protocol {text}")),
        },
        "ipproto" => match ip_protocol(&text) {
            Some(n) => d.r.ip_proto = Some(n),
            None => cx.error("KA3021", line, at, format!("Invalid ipproto {text}")),
        },
        _ => {
            // COMPAT: a single port is refused; it must be written as `80-80`.
            let range = text
                .split_once('-')
                .and_then(|(a, b)| Some(PortRange { start: a.parse().ok()?, end: b.parse().ok()? }));
            if range.is_none() {
                cx.error("KA3021", line, at, format!("invalid {word} range {text}"));
            } else if word == "sport" {
                d.r.sport = range;
            } else {
                d.r.dport = range;
            }
        }
    }
    Ok(true)
}

fn ip_protocol(text: &str) -> Option<u8> {
    match text {
        "icmp" => Some(1),
        "igmp" => Some(2),
        "tcp" => Some(6),
        "udp" => Some(17),
        "ipv6-icmp" => Some(58),
        "ospf" => Some(89),
        "vrrp" => Some(112),
        "sctp" => Some(132),
        n => n.parse().ok(),
    }
}

/// `goto N`, `nop`, or a kind.
fn action(cx: &mut Cx<'_>, line: &Line, i: &mut usize, word: &str, d: &mut Draft) -> Kept {
    let mut word = word.to_owned();
    if word == "type" {
        *i += 1;
        word = cx.arg(line, *i)?.to_owned();
    }
    let action = match word.as_str() {
        "goto" => {
            *i += 1;
            let text = cx.arg(line, *i)?.to_owned();
            let Some(n) = cx.unsigned_of(line, *i, &text, 0, u32::MAX, false) else {
                return drop_line(cx, line, *i, format!("Invalid target {word} specified"));
            };
            RuleAction::Goto(n)
        }
        "nop" => RuleAction::Nop,
        kind => match route_type(kind).map(|(n, _)| n) {
            Some(6) => RuleAction::Blackhole,
            Some(7) => RuleAction::Unreachable,
            Some(8) => RuleAction::Prohibit,
            Some(_) => return drop_line(cx, line, *i, format!("Invalid rule action {kind}")),
            None => return drop_line(cx, line, *i, format!("Unknown rule option {kind}")),
        },
    };
    if d.action.is_some() {
        let said =
            "Cannot specify more than one of table/nop/goto/blackhole/prohibit/unreachable/l3mdev for rule";
        return drop_line(cx, line, *i, said);
    }
    d.action = Some(action);
    Ok(true)
}

fn complete(cx: &mut Cx<'_>, line: &Line, d: Draft) -> Flow<Option<IpRule>> {
    let mut r = d.r;
    let said = match (d.action, d.preference) {
        (Some(RuleAction::Goto(n)), Some(p)) if p >= n => {
            Some(format!("Invalid rule - preference {p} >= goto target {n}"))
        }
        (Some(RuleAction::Goto(n)), None) => {
            Some(format!("Invalid rule - goto target {n} specified without preference"))
        }
        (None, _) => Some("No action specified for rule - ignoring".to_owned()),
        (Some(a), _) if a != RuleAction::ToTable && d.table_option => {
            Some("suppressor/realm specified for non table action - skipping".to_owned())
        }
        _ if r.table.is_some() && r.l3mdev => Some("table cannot be specified for l3mdev rules".to_owned()),
        _ => None,
    };
    if let Some(said) = said {
        cx.error("KA3021", line, 0, said);
        return Ok(None);
    }
    if !r.no_track {
        if r.protocol.is_some_and(|p| p != OURS) {
            let said = format!(
                "Rule cannot be tracked if protocol is not RTPROT_KEEPALIVED({OURS}), resetting protocol"
            );
            cx.error("KA3021", line, 0, said);
        }
        r.protocol = Some(OURS);
    }
    if r.track_group.is_some() && r.iif.is_none() {
        cx.error("KA3021", line, 0, "Static rule cannot have track_group if dev/iif not specified");
        r.track_group = None;
    }
    r.ipv6 = d.family == Some(6);
    r.action = d.action.unwrap_or_default();
    r.from = d.from.and_then(|(p, _)| p);
    r.to = d.to.and_then(|(p, _)| p);
    r.preference = match d.preference {
        Some(p) => p,
        None => {
            let next = if r.ipv6 { &mut cx.vrrp.next_preference6 } else { &mut cx.vrrp.next_preference4 };
            let p = FIRST_PREFERENCE.saturating_sub(*next);
            *next += 1;
            let said = format!(
                "Rule has no preference specified - setting to {p}. This is probably not what you want."
            );
            cx.error("KA3021", line, 0, said);
            p
        }
    };
    Ok(Some(r))
}
