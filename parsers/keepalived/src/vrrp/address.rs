//! Lines of `virtual_ipaddress`, `virtual_ipaddress_excluded` and `static_ipaddress`.

use std::net::IpAddr;

use rha_ir::failover::{Broadcast, IpPrefix, VirtualIp};

use crate::names::Kind;
use crate::rows::*;
use crate::{Cx, Flow, Keyword, Line, Place, values};

const P: Place = Place::STATIC_ADDRESS.or(Place::VIRTUAL_ADDRESS);
const OF: &str = "virtual_ipaddress, static_ipaddress";

/// Rows of address lines and their blocks.
pub(crate) const ROWS: &[Keyword] = &[
    Keyword::new("static_ipaddress", Place::TOP, "{ ADDRESS… }", V1_1, "Addresses that stay.", |cx, l| {
        cx.value_block(l, &mut |cx, l| {
            if let Some(ip) = address(cx, l, true)? {
                cx.model.static_addresses.push(ip);
            }
            Ok(())
        })
    })
    .support(FULL)
    .read_by(crate::keyword::Reader::Vrrp),
    Keyword::new(
        "virtual_ipaddress",
        Place::INSTANCE,
        "{ ADDRESS… }",
        V1,
        "Addresses that move, in adverts.",
        |cx, l| cx.value_block(l, &mut virtual_address),
    )
    .support(FULL),
    Keyword::new(
        "virtual_ipaddress_excluded",
        Place::INSTANCE,
        "{ ADDRESS… }",
        V1,
        "Addresses that move, but are not in adverts.",
        |cx, l| {
            cx.value_block(l, &mut |cx, l| {
                if let Some(ip) = address(cx, l, false)?
                    && let Some(d) = cx.vrrp.instances.last_mut()
                {
                    d.model.excluded.push(ip);
                }
                Ok(())
            })
        },
    )
    .support(FULL),
    Keyword::part("IPADDR[/MASK]", P, "", "The address; without a mask /32 or /128.", OF).support(FULL),
    Keyword::part("brd|broadcast", P, "ADDRESS|+|-", "Broadcast address.", OF).support(FULL),
    Keyword::part("dev", P, "INTERFACE", "Another interface than the instance's.", OF).support(FULL),
    Keyword::part("scope", P, "site|link|host|nowhere|global|N", "How far the address is known.", OF)
        .support(FULL),
    Keyword::part("label", P, "NAME", "Label of the address.", OF).support(FULL),
    Keyword::part("peer", P, "ADDRESS", "The other end of a link.", OF).support(FULL),
    Keyword::part("home", P, "", "A Mobile IPv6 home address.", OF).support(FULL),
    Keyword::part("-nodad", P, "", "Leaves duplicate address detection on.", OF).support(FULL),
    Keyword::part("mngtmpaddr", P, "", "The kernel makes temporary addresses from it.", OF).support(FULL),
    Keyword::part("noprefixroute", P, "", "The kernel makes no route for it.", OF).support(FULL),
    Keyword::part("autojoin", P, "", "The kernel joins the group.", OF).support(FULL),
    Keyword::part("preferred_lft", P, "SECONDS|forever", "How long it is preferred.", OF).support(FULL),
    Keyword::part("no_track", Place::VIRTUAL_ADDRESS, "", "Its loss is no reason to leave MASTER.", OF)
        .support(FULL),
    Keyword::part("use_vmac", Place::VIRTUAL_ADDRESS, "", "Goes on a macvlan.", OF).support(FULL),
    Keyword::part("track_group", Place::STATIC_ADDRESS, "GROUP", "Instances whose state it follows.", OF)
        .support(FULL),
];

/// Reads `ADDRESS[/MASK]`; a bad mask is said and replaced.
pub(super) fn prefix(cx: &mut Cx<'_>, line: &Line, i: usize, text: &str, mask: bool) -> Option<IpPrefix> {
    let full = if text.contains(':') { 128 } else { 32 };
    let (host, len) = match text.split_once('/').filter(|_| mask) {
        None => (text, full),
        Some((host, len)) => {
            let n = cx.unsigned_of(line, i, len, 0, full, true);
            if n.is_none() {
                let said = format!("Invalid address prefix len {len} for address {text} - using {full}");
                cx.error("KA2023", line, i, said);
            }
            (host, n.unwrap_or(full))
        }
    };
    let Some(address) = values::address(host).filter(|a| a.is_ipv6() == text.contains(':')) else {
        cx.error("KA2023", line, i, format!("VRRP parsed invalid IP {text}. skipping IP..."));
        return None;
    };
    Some(IpPrefix { address, len: u8::try_from(len).unwrap_or(32) })
}

/// A destination or source: an address, or `default`, `any`, `all`; `None` inside means all of a family
/// that is not known yet.
pub(super) fn destination(
    cx: &mut Cx<'_>,
    line: &Line,
    i: usize,
    text: &str,
) -> Option<(Option<IpPrefix>, Option<u8>)> {
    match text {
        "default" | "any" | "all" => Some((None, None)),
        "default6" => {
            cx.remark("KA4101", line.at(i), "'default6' is deprecated - please replace with 'inet6 default'");
            Some((None, Some(6)))
        }
        _ => {
            let p = prefix(cx, line, i, text, true)?;
            Some((Some(p), Some(super::family_of(p.address))))
        }
    }
}

fn virtual_address(cx: &mut Cx<'_>, line: &Line) -> Flow {
    let Some(ip) = address(cx, line, false)? else { return Ok(()) };
    let Some(d) = cx.vrrp.instances.last_mut() else { return Ok(()) };
    let family = super::family_of(ip.address);
    if *d.family.get_or_insert(family) != family {
        let name = d.model.name.clone();
        let said = format!("({name}): address family must match VRRP instance [{}] - ignoring", line.word(0));
        cx.error("KA2023", line, 0, said);
        return Ok(());
    }
    if d.model.addresses.is_empty() {
        // Most have one.
        d.model.addresses.reserve_exact(1);
    }
    d.model.addresses.push(ip);
    Ok(())
}

/// What an address line has said so far.
struct Draft {
    ip: VirtualIp,
    scope: u8,
    forever: Option<Option<u32>>,
}

/// One address line; `None` when it is dropped.
fn address(cx: &mut Cx<'_>, line: &Line, fixed: bool) -> Flow<Option<VirtualIp>> {
    let text = line.word(0).to_owned();
    let Some(IpPrefix { address, len }) = prefix(cx, line, 0, &text, true) else { return Ok(None) };
    let ip = VirtualIp {
        address,
        prefix_len: len,
        interface: None,
        broadcast: None,
        scope: 0,
        label: None,
        peer: None,
        home: false,
        duplicate_detection: false,
        mngtmpaddr: false,
        noprefixroute: false,
        autojoin: false,
        preferred_lft: None,
        no_track: false,
        track_group: None,
        use_vmac: false,
        vmac: None,
        session: String::new(),
        origin: line.at(0),
    };
    let mut d = Draft { ip, scope: 0, forever: None };
    let mut i = 1;
    while let Some(word) = line.get(i) {
        match word {
            "home" => d.ip.home = true,
            "-nodad" => d.ip.duplicate_detection = true,
            "mngtmpaddr" => d.ip.mngtmpaddr = true,
            "noprefixroute" => d.ip.noprefixroute = true,
            "autojoin" => d.ip.autojoin = true,
            "no_track" => d.ip.no_track = true,
            "use_vmac" if !fixed => d.ip.use_vmac = true,
            "dev" | "scope" | "broadcast" | "brd" | "label" | "peer" | "preferred_lft" | "track_group"
                if word != "track_group" || fixed =>
            {
                if line.get(i + 1).is_none() {
                    cx.error("KA2030", line, i, format!("No {word} parameter specified for {text}"));
                    return Ok(None);
                }
                i += 1;
                if !option(cx, line, i, word, &mut d)? {
                    return Ok(None);
                }
            }
            _ => {
                let said = format!("Unknown configuration entry '{word}' for ip address - ignoring");
                cx.error("KA2022", line, i, said);
            }
        }
        i += 1;
    }
    complete(cx, line, d, fixed)
}

/// An option whose value is word `i`; false when the line is dropped.
fn option(cx: &mut Cx<'_>, line: &Line, i: usize, option: &str, d: &mut Draft) -> Flow<bool> {
    let (text, value) = (line.word(0).to_owned(), line.word(i).to_owned());
    match option {
        "dev" => {
            if d.ip.interface.is_some() {
                let said = format!("Cannot specify ipaddress device more than once for {text}");
                cx.error("KA2040", line, i, said);
                return Ok(false);
            }
            if cx.interface(&value).is_none() {
                let said = format!("WARNING - interface {value} for ip address {text} doesn't exist");
                cx.error("KA3002", line, i, said);
                return Ok(false);
            }
            d.ip.interface = Some(value);
        }
        "scope" => match cx.number_of(Kind::Scope, &value) {
            Some(n) => d.scope = u8::try_from(n).unwrap_or(0),
            None => {
                let said = format!("Invalid scope '{value}' specified for {text} - ignoring");
                cx.error("KA2022", line, i, said);
            }
        },
        "broadcast" | "brd" => {
            if d.ip.address.is_ipv6() {
                let said = format!(
                    "VRRP is trying to assign a broadcast {option} to the IPv6 address {text} !!?? WTF... skipping VIP..."
                );
                cx.error("KA2023", line, i, said);
                return Ok(false);
            }
            d.ip.broadcast = match value.as_str() {
                "-" => Some(Broadcast::AllZeros),
                "+" => Some(Broadcast::AllOnes),
                v => match values::address(v) {
                    Some(a @ IpAddr::V4(_)) => Some(Broadcast::Address(a)),
                    _ => {
                        let said = format!("VRRP is trying to assign invalid broadcast {v}. skipping VIP...");
                        cx.error("KA2023", line, i, said);
                        return Ok(false);
                    }
                },
            };
        }
        "label" => {
            if value.len() >= 16 {
                let said =
                    format!("Address label {value} is longer than maximum length 15 - removing address");
                cx.error("KA2022", line, i, said);
                return Ok(false);
            }
            d.ip.label = Some(value);
        }
        "peer" => peer(cx, line, i, &value, d),
        "preferred_lft" => {
            if value == "forever" {
                d.forever = Some(None);
            } else if let Some(n) = cx.unsigned(line, i, 0, u32::MAX, true)? {
                d.forever = Some(Some(n));
            } else {
                cx.error("KA2020", line, i, format!("preferred_lft {value} is invalid"));
            }
        }
        _ => {
            if d.ip.track_group.is_some() {
                cx.error("KA2040", line, i, format!("track_group {value} is a duplicate"));
            } else if cx.vrrp.track_groups.iter().any(|g| g.0 == value) {
                d.ip.track_group = Some(value);
            } else {
                cx.error("KA3011", line, i, format!("track_group {value} not found"));
            }
        }
    }
    Ok(true)
}

fn peer(cx: &mut Cx<'_>, line: &Line, i: usize, value: &str, d: &mut Draft) {
    if d.ip.peer.is_some() {
        let said = format!("Peer {value} - another peer has already been specified");
        return cx.error("KA2040", line, i, said);
    }
    let Some(p) = prefix(cx, line, i, value, false) else {
        return cx.error("KA2023", line, i, format!("Invalid peer address {value}"));
    };
    if p.address.is_ipv4() != d.ip.address.is_ipv4() {
        return cx.error("KA2023", line, i, format!("Peer address {value} does not match address family"));
    }
    if d.ip.prefix_len != p.len {
        let said = "Cannot specify address prefix when specifying peer address - ignoring";
        cx.error("KA2023", line, i, said);
    }
    d.ip.prefix_len = p.len;
    d.ip.peer = Some(p);
}

/// What can only be judged when the whole line is known.
fn complete(cx: &mut Cx<'_>, line: &Line, d: Draft, fixed: bool) -> Flow<Option<VirtualIp>> {
    let text = line.word(0);
    let mut ip = d.ip;
    ip.scope = d.scope;
    if ip.broadcast.is_some() && ip.peer.is_some() {
        let said = "Cannot specify broadcast and peer addresses - ignoring broadcast address";
        cx.error("KA2023", line, 0, said);
        ip.broadcast = None;
    } else if matches!(ip.broadcast, Some(Broadcast::AllOnes | Broadcast::AllZeros)) && ip.prefix_len > 30 {
        let said = format!("Address prefix length {} too long for broadcast", ip.prefix_len);
        cx.error("KA2023", line, 0, said);
        ip.broadcast = None;
    }
    if fixed && ip.interface.is_none() {
        let name = cx.model.global.default_interface.clone();
        if cx.interface(&name).is_none() {
            let said =
                format!("Static address {text} requires either an interface or default interface must exist");
            cx.say("KA3002", crate::Class::Missing, line, 0, said);
            return Ok(None);
        }
        ip.interface = Some(name);
    }
    if ip.address.is_ipv6() {
        if ip.scope != 0 {
            let said = format!("Cannot specify scope for IPv6 addresses ({text}) - ignoring scope");
            cx.error("KA2022", line, 0, said);
            ip.scope = 0;
        }
        if ip.label.take().is_some() {
            let said = format!("Cannot specify label for IPv6 addresses ({text}) - ignoring label");
            cx.error("KA2022", line, 0, said);
        }
    }
    // COMPAT: a /128 is never preferred as a source unless the line says so.
    let implied = if ip.address.is_ipv6() && ip.prefix_len == 128 { Some(0) } else { None };
    ip.preferred_lft = d.forever.unwrap_or(implied);
    Ok(Some(ip))
}
