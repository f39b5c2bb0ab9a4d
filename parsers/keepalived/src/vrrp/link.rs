//! Where an instance runs: its interface, a VRF, or an interface made for it.

use rha_ir::failover::{IpPrefix, IpvlanMode, LinkKind, VirtualMac};

use super::family_of;
use super::instance::{complain, edit, name};
use crate::{Cx, Flow, Line, values};

/// `interface`.
pub(super) fn interface(cx: &mut Cx<'_>, line: &Line) -> Flow {
    let text = cx.arg(line, 1)?.to_owned();
    if text.len() >= 16 {
        cx.error("KA2022", line, 1, format!("Interface name '{text}' too long - ignoring"));
        return Ok(());
    }
    match cx.interface(&text) {
        None => {
            edit(cx, |d| d.interface = None)?;
            complain(cx, line, "KA3002", |n| {
                format!("WARNING - interface {text} for vrrp_instance {n} doesn't exist")
            })
        }
        Some(i) if i.loopback => {
            edit(cx, |d| d.interface = None)?;
            complain(cx, line, "KA3002", |n| {
                format!("({n}) cannot use a loopback interface ({text}) for vrrp - ignoring")
            })
        }
        Some(i) => edit(cx, |d| {
            d.interface = Some(text);
            d.interface_info = i;
        }),
    }
}

/// `vrf`.
pub(super) fn vrf(cx: &mut Cx<'_>, line: &Line) -> Flow {
    let text = cx.arg(line, 1)?.to_owned();
    let Some(d) = cx.vrrp.instances.last() else { return Ok(()) };
    let (has_interface, old) = (d.interface.is_some(), d.model.vrf.clone());
    if text.len() >= 16 {
        return complain(cx, line, "KA2022", |n| {
            format!("({n}) VRF interface name '{text}' too long - ignoring")
        });
    }
    if has_interface {
        return complain(cx, line, "KA3002", |n| {
            format!("({n}) Cannot specify VRF interface and interface - ignoring")
        });
    }
    if let Some(old) = old {
        return complain(cx, line, "KA2040", |n| {
            format!("({n}) VRF interface already specified as '{old}' - ignoring")
        });
    }
    match cx.interface(&text) {
        None => {
            complain(cx, line, "KA3002", |n| format!("({n}) WARNING - VRF interface {text} doesn't exist"))
        }
        Some(i) if i.loopback => complain(cx, line, "KA3002", |n| {
            format!("({n}) cannot use a loopback interface ({text}) for VRF - ignoring")
        }),
        Some(_) => edit(cx, |d| d.model.vrf = Some(text)),
    }
}

fn made(kind: LinkKind) -> VirtualMac {
    VirtualMac {
        kind,
        name: String::new(),
        named: false,
        mac: None,
        xmit_base: false,
        netlink_notify: false,
        group: None,
    }
}

/// `use_vmac`.
///
/// COMPAT: 2.2.7 looks at two words only; the later forms with `name`, `group` and `netlink_notify_msg`
/// are understood beside them.
pub(super) fn use_vmac(cx: &mut Cx<'_>, line: &Line) -> Flow {
    edit(cx, |d| {
        d.vmac.get_or_insert_with(|| made(LinkKind::Macvlan)).kind = LinkKind::Macvlan;
    })?;
    let mut i = 1;
    while let Some(word) = line.get(i) {
        let word = word.to_owned();
        i += 1;
        if word.contains(':') {
            mac_address(cx, line, i - 1, &word);
            continue;
        }
        match word.as_str() {
            "netlink_notify_msg" => edit(cx, |d| d.vmac.iter_mut().for_each(|v| v.netlink_notify = true))?,
            "group" if line.get(i).is_some() => {
                let n = cx.number_of(crate::names::Kind::Group, line.word(i));
                edit(cx, |d| d.vmac.iter_mut().for_each(|v| v.group = n))?;
                i += 1;
            }
            "name" if line.get(i).is_some() => {
                let next = line.word(i).to_owned();
                link_name(cx, line, i, &next, "VMAC");
                i += 1;
            }
            _ if i <= 3 => link_name(cx, line, i - 1, &word, "VMAC"),
            _ => {}
        }
    }
    Ok(())
}

/// Whether the kernel would take it as a name.
fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text.len() < 16
        && text != "."
        && text != ".."
        && !text.contains(|c: char| matches!(c, '/' | ':') || c.is_ascii_whitespace())
}

fn link_name(cx: &mut Cx<'_>, line: &Line, i: usize, text: &str, kind: &str) {
    let Some(d) = cx.vrrp.instances.last() else { return };
    let own = d.model.name.clone();
    let ipvlan = kind == "IPVLAN";
    if d.vmac.as_ref().is_some_and(|v| !v.name.is_empty()) {
        let said = if ipvlan {
            format!("({own}) IPVLAN interface already specified - ignoring '{text}'")
        } else {
            "VMAC interface name already specified".to_owned()
        };
        return cx.error("KA2040", line, i, said);
    }
    let good = if ipvlan { text.len() < 16 } else { is_name(text) };
    if !good {
        let said = if ipvlan {
            format!("({own}) IPVLAN interface name '{text}' too long - ignoring")
        } else {
            format!("VMAC interface name '{text}' too long or invalid characters - ignoring")
        };
        return cx.error("KA3010", line, i, said);
    }
    if cx.vrrp.vmac_names.contains(text) {
        let other = cx.vrrp.instances.iter().find(|o| o.vmac.as_ref().is_some_and(|v| v.name == text));
        let other = other.map(|o| o.model.name.clone()).unwrap_or_default();
        let said = format!("({own}) VRRP instance {other} is already using {text} - ignoring name");
        return cx.error("KA3010", line, i, said);
    }
    if cx.known_interface(text).is_some_and(|i| i.base.is_none()) {
        let what = if ipvlan { "an l2 ipvlan; ignoring ipvlan" } else { "a private macvlan; ignoring vmac" };
        let said = format!("({own}) interface {text} already exists and is not {what} if_name");
        return cx.error("KA3010", line, i, said);
    }
    cx.vrrp.vmac_names.insert(text.to_owned());
    let text = text.to_owned();
    let _ = edit(cx, |d| {
        if let Some(v) = &mut d.vmac {
            v.name.clone_from(&text);
            v.named = true;
        }
    });
}

/// Five or six octets; five get the router id behind them later (0 here until then).
fn mac_address(cx: &mut Cx<'_>, line: &Line, i: usize, text: &str) {
    if cx.vrrp.instances.last().and_then(|d| d.vmac.as_ref()).is_some_and(|v| v.mac.is_some()) {
        return cx.error("KA2040", line, i, "VMAC interface address already specified");
    }
    if !text.chars().all(|c| c.is_ascii_hexdigit() || c == ':') {
        return cx.error("KA3010", line, i, format!("VMAC invalid MAC address {text}"));
    }
    let parts: Vec<&str> = text.strip_suffix(':').unwrap_or(text).split(':').collect();
    let octets: Option<Vec<u8>> =
        parts.iter().map(|p| u8::from_str_radix(p, 16).ok().filter(|_| p.len() <= 2)).collect();
    let octets = octets.filter(|o| o.len() == 6 && !text.ends_with(':') || o.len() == 5);
    let Some(octets) = octets else {
        return cx.error("KA3010", line, i, format!("VMAC invalid MAC address {text} - ignored"));
    };
    let mut mac = [0; 6];
    mac.iter_mut().zip(&octets).for_each(|(to, from)| *to = *from);
    if mac[0] & 1 != 0 {
        return cx.error("KA3010", line, i, format!("VMAC MAC address is multicast {text} - ignoring"));
    }
    if mac.starts_with(&[0, 0, 0x5e, 0]) && matches!(mac[4], 1 | 2) {
        let said = format!("VMAC MAC address not allowed to be RFC5798 address ({text}) - ignoring");
        return cx.error("KA3010", line, i, said);
    }
    if octets.len() == 5 {
        // The router id may be written later; the checks after the last line put it in.
        mac[5] = 0;
    }
    let _ = edit(cx, |d| d.vmac.iter_mut().for_each(|v| v.mac = Some(mac)));
}

/// `use_ipvlan`.
pub(super) fn use_ipvlan(cx: &mut Cx<'_>, line: &Line) -> Flow {
    let own = name(cx);
    let is_ipvlan = |v: &VirtualMac| matches!(v.kind, LinkKind::Ipvlan(..));
    if cx.vrrp.instances.last().and_then(|d| d.vmac.as_ref()).is_some_and(is_ipvlan) {
        return complain(cx, line, "KA2040", |n| format!("({n}) use_ipvlan already specified"));
    }
    edit(cx, |d| d.vmac = Some(made(LinkKind::Ipvlan(IpvlanMode::Bridge, None))))?;
    let (mut mode, mut address): (Option<IpvlanMode>, Option<IpPrefix>) = (None, None);
    let mut i = 1;
    while let Some(word) = line.get(i) {
        let word = word.to_owned();
        let named = match word.as_str() {
            "bridge" => Some(IpvlanMode::Bridge),
            "private" => Some(IpvlanMode::Private),
            "vepa" => Some(IpvlanMode::Vepa),
            _ => None,
        };
        if let Some(named) = named {
            if mode.is_some() {
                let said = format!("({own}) ipvlan type already specified - ignoring '{word}'");
                cx.error("KA2040", line, i, said);
            }
            mode = mode.or(Some(named));
        } else if let Some(p) = plain_prefix(&word) {
            ipvlan_address(cx, line, i, &word, p, &mut address)?;
        } else if word == "group" && line.get(i + 1).is_some() {
            let n = cx.number_of(crate::names::Kind::Group, line.word(i + 1));
            edit(cx, |d| d.vmac.iter_mut().for_each(|v| v.group = n))?;
            i += 1;
        } else if word == "name" && line.get(i + 1).is_some() {
            let next = line.word(i + 1).to_owned();
            link_name(cx, line, i + 1, &next, "IPVLAN");
            i += 1;
        } else {
            link_name(cx, line, i, &word, "IPVLAN");
        }
        i += 1;
    }
    let kind = LinkKind::Ipvlan(mode.unwrap_or_default(), address);
    edit(cx, |d| d.vmac.iter_mut().for_each(|v| v.kind = kind))
}

/// An address with a mask that fits it, said nothing about when it is none.
fn plain_prefix(text: &str) -> Option<IpPrefix> {
    if !text.contains([':', '.']) {
        return None;
    }
    let (host, len) = text.split_once('/').map_or((text, None), |(h, l)| (h, Some(l)));
    let address = values::address(host)?;
    let full = if address.is_ipv4() { 32 } else { 128 };
    let len = len.map_or(Some(full), |l| l.parse::<u8>().ok().filter(|n| *n <= full))?;
    Some(IpPrefix { address, len })
}

fn ipvlan_address(
    cx: &mut Cx<'_>,
    line: &Line,
    i: usize,
    text: &str,
    p: IpPrefix,
    address: &mut Option<IpPrefix>,
) -> Flow {
    let own = name(cx);
    if address.is_some() {
        cx.error("KA2040", line, i, format!("({own}) ipvlan address already specified - ignoring '{text}'"));
        return Ok(());
    }
    let family = family_of(p.address);
    let same = cx.vrrp.instances.last_mut().is_some_and(|d| *d.family.get_or_insert(family) == family);
    if !same {
        let said = format!("({own}) ipvlan address[{text}] MUST match vrrp instance family !!! Skipping...");
        cx.error("KA2023", line, i, said);
        return Ok(());
    }
    *address = Some(p);
    edit(cx, |d| {
        if d.model.source.is_none() {
            d.model.source = Some(p.address);
            d.source_written = true;
        }
    })
}
