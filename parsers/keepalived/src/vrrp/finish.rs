//! Checks after the last line of the VRRP pass, in the original's order, and the repairs that it makes.
//!
//! COMPAT: what cannot be used for a start ends the checks, so that later messages do not appear.

use std::net::IpAddr;

use hashbrown::HashMap;
use rha_ir::TrackerKind;
use rha_ir::failover::{AdvertTarget, Authentication, Garp, LinkKind, TrackGroup, Tracked, VrrpState};
use rha_text::{Severity, Span};

use super::macvlan::Macvlan;
use super::{AuthKind, Draft};
use crate::number::SECOND;
use crate::{Class, Cx};

/// A hundredth of a second, the unit of version 3.
const CENTISECOND: u64 = SECOND / 100;
/// The owner of the addresses.
const OWNER: u8 = 255;

/// Judges what was read and puts what can be used into the model.
pub(crate) fn finish(cx: &mut Cx<'_>) {
    if cx.interface_missing {
        let text = "Non-existent interface specified in configuration";
        cx.late_class("KA3002", Class::Missing, Severity::Error, None, text);
        cx.refused = Some(2);
    } else if !judge(cx) {
        cx.refused = Some(2);
    }
    publish(cx);
}

/// All checks; false when the original's process would end.
fn judge(cx: &mut Cx<'_>) -> bool {
    super::security::script_security(cx);
    if !minimum(cx) {
        return false;
    }
    link_groups(cx);
    // None of these checks looks at another instance.
    let mut instances = std::mem::take(&mut cx.vrrp.instances);
    let fine = instances.iter_mut().all(|d| complete(cx, d));
    cx.vrrp.instances = instances;
    if !fine {
        return false;
    }
    if router_ids_conflict(cx) {
        return false;
    }
    macvlan_conflicts(cx);
    group_trackers(cx);
    if !cx.input.testing {
        real_start_only(cx);
    }
    true
}

impl Default for Draft {
    fn default() -> Self {
        let garp = Garp {
            delay_us: 0,
            repeat: 0,
            refresh_us: 0,
            refresh_repeat: 0,
            lower_prio_delay_us: 0,
            lower_prio_repeat: 0,
            extra_if_us: 0,
            extra_if_all: false,
        };
        super::blank(String::new(), Span::default(), garp)
    }
}

/// Every instance has a router id and an interface.
fn minimum(cx: &mut Cx<'_>) -> bool {
    for i in 0..cx.vrrp.instances.len() {
        let Some(d) = cx.vrrp.instances.get(i) else { continue };
        let (name, span) = (d.model.name.clone(), d.model.origin);
        let text = if d.model.vrid == 0 {
            format!("({name}) the virtual router id must be set")
        } else if d.interface.is_none() {
            format!("({name}) Unknown interface!")
        } else {
            continue;
        };
        cx.late("KA3001", span, text);
        return false;
    }
    true
}

/// Members of groups, by number.
fn link_groups(cx: &mut Cx<'_>) {
    let mut dead = Vec::new();
    for g in 0..cx.vrrp.groups.len() {
        let Some(d) = cx.vrrp.groups.get(g) else { continue };
        let (name, span) = (d.model.name.clone(), d.model.origin);
        let Some(members) = d.members.clone() else {
            cx.late("KA3013", span, format!("Sync group {name} has no virtual router(s). removing"));
            dead.push(g);
            continue;
        };
        // COMPAT: `None` until the first member, then whether all so far own their addresses.
        let mut owners: Option<bool> = None;
        for (member, at) in members {
            let Some(&i) = cx.vrrp.by_name.get(&member) else {
                let text = format!(
                    "Virtual router {member} specified in sync group {name} doesn't exist - ignoring"
                );
                cx.late("KA3013", at, text);
                continue;
            };
            let Some(d) = cx.vrrp.instances.get_mut(i) else { continue };
            if d.group.is_some() {
                let text = format!(
                    "Virtual router {member} cannot exist in more than one sync group; ignoring {name}"
                );
                cx.late("KA3013", at, text);
                continue;
            }
            d.group = Some(g);
            let owner = d.master == Some(true) && d.priority == Some(OWNER);
            let backup = d.master == Some(false);
            if owners == Some(true) && backup {
                let text = format!(
                    "Sync group {name} has some member(s) as address owner and some not as address owner. This won't work."
                );
                cx.late("KA3013", at, text);
            }
            if owners != Some(false) {
                owners = Some(owner);
            }
            if let Some(g) = cx.vrrp.groups.get_mut(g) {
                g.indexes.push(i);
                g.model.members.push(member);
            }
        }
        match cx.vrrp.groups.get(g).map_or(0, |g| g.indexes.len()) {
            0 => {
                let text = format!(
                    "Sync group {name}, no matching virtual router found in group declaration - removing"
                );
                cx.late("KA3013", span, text);
                dead.push(g);
            }
            1 => {
                let text = format!(
                    "Sync group {name} has only 1 virtual router(s) - this probably isn't what you want"
                );
                cx.late("KA3013", span, text);
            }
            _ => {}
        }
    }
    for g in dead {
        if let Some(d) = cx.vrrp.groups.get_mut(g) {
            d.members = None;
            d.model.members.clear();
        }
    }
}

/// Completes one instance; false when it cannot be used at all.
fn complete(cx: &mut Cx<'_>, d: &mut Draft) -> bool {
    let (name, span) = (d.model.name.clone(), d.model.origin);
    let strict = d.strict.unwrap_or(cx.model.global.vrrp_strict);
    d.model.strict = strict;
    if d.family == Some(6) && d.version == Some(2) && strict {
        cx.late("KA3006", span, format!("({name}) cannot use IPv6 with VRRP version 2; setting version 3"));
        d.version = Some(3);
    }
    let v6 = d.family == Some(6);
    d.model.ipv6 = v6;
    let version = d.version.unwrap_or(if v6 { 3 } else { cx.model.global.vrrp_version });
    d.model.version = version;
    if d.model.addresses.is_empty() && !d.no_addresses_wanted {
        if version == 3 || strict {
            cx.late("KA3005", span, format!("({name}) No VIP specified; at least one is required"));
            return false;
        }
        cx.late("KA3005", span, format!("({name}) No VIP specified; at least one is sensible"));
    }
    state_and_priority(cx, d, strict);
    authentication(cx, d, strict);
    targets(cx, d);
    link_fits(cx, d);
    first_address(cx, d, strict);
    address_count(cx, d);
    preemption(cx, d, strict);
    acceptance(cx, d, strict);
    destination(cx, d);
    repeats(cx, d, strict);
    d.model.notify.mail = d.mail.unwrap_or(cx.model.global.mail.vrrp);
    let of_group = d.group.and_then(|g| cx.vrrp.groups.get(g)).and_then(|g| g.priority_changes);
    d.model.notify.priority_changes =
        d.priority_changes.or(of_group).unwrap_or(cx.global.notify_priority_changes);
    interval(cx, d);
    d.model.track_source &= d.source_written;
    macvlan(cx, d, strict);
    own_trackers(cx, d);
    addresses(cx, d);
    weights(cx, d);
    d.model.sync_group = d.group.and_then(|g| cx.vrrp.groups.get(g)).map(|g| g.model.name.clone());
    true
}

fn state_and_priority(cx: &mut Cx<'_>, d: &mut Draft, strict: bool) {
    let (name, span) = (d.model.name.clone(), d.model.origin);
    let priority = d.priority.unwrap_or(if d.master == Some(true) { OWNER } else { 100 });
    d.model.priority = priority;
    let owner = priority == OWNER;
    let master = match d.master {
        None => owner,
        Some(m) => {
            if strict && m != owner {
                cx.late("KA3009", span, format!("({name}) State MASTER must match being address owner"));
                owner
            } else {
                m
            }
        }
    };
    d.model.state = if master { VrrpState::Master } else { VrrpState::Backup };
}

fn authentication(cx: &mut Cx<'_>, d: &mut Draft, strict: bool) {
    let (name, span) = (d.model.name.clone(), d.model.origin);
    let Some(kind) = d.auth else { return };
    let refused = if strict {
        Some(("KA3009", "Strict mode does not support authentication. Ignoring."))
    } else if d.model.version == 3 {
        Some(("KA3004", "VRRP version 3 does not support authentication. Ignoring."))
    } else if d.auth_data[0] == 0 {
        Some(("KA3004", "Authentication specified but no password given. Ignoring"))
    } else if d.model.ipv6 && kind == AuthKind::Ah {
        Some(("KA3004", "Cannot use AH authentication with IPv6. ignoring"))
    } else {
        None
    };
    if let Some((code, text)) = refused {
        return cx.late(code, span, format!("({name}) {text}"));
    }
    if kind == AuthKind::Ah && d.model.state == VrrpState::Master && d.model.priority != OWNER {
        let text = format!("({name}) Initial state master is incompatible with AH authentication - clearing");
        cx.late("KA3004", span, text);
        d.model.state = VrrpState::Backup;
    }
    d.model.authentication = match kind {
        AuthKind::Pass => Authentication::Pass(d.auth_data),
        AuthKind::Ah => Authentication::Ah(d.auth_data),
    };
}

/// Unicast or multicast.
fn targets(cx: &mut Cx<'_>, d: &mut Draft) {
    let (name, span) = (d.model.name.clone(), d.model.origin);
    d.unicast = d.unicast_written && !d.peers.is_empty();
    d.model.unicast_written = d.unicast_written;
    if !d.unicast_written || d.unicast {
        return;
    }
    if d.model.unicast_fault_no_peer {
        cx.remark(
            "KA3008",
            span,
            format!("({name}) Cannot use unicast without any peers - going to fault state"),
        );
        d.model.config_faults += 1;
    } else {
        let text = format!(
            "({name}) A unicast keyword has been specified without any unicast peers. Defaulting to multicast. This usage is deprecated - please update your configuration."
        );
        cx.late_class("KA3008", Class::Wrong, Severity::Warning, Some(span), text);
    }
}

/// Whether the interface can do what is asked of it. COMPAT: an instance that cannot run is kept, in FAULT.
fn link_fits(cx: &mut Cx<'_>, d: &mut Draft) {
    let (name, span) = (d.model.name.clone(), d.model.origin);
    if d.model.strict && d.vmac.as_ref().is_some_and(|v| v.mac.is_some()) {
        cx.late("KA3009", span, format!("({name}): cannot specify MAC address with strict mode - clearing"));
        if let Some(v) = &mut d.vmac {
            v.mac = None;
        }
    }
    if d.vmac.is_some() && d.interface.is_some() && !d.interface_info.ethernet {
        d.vmac = None;
        cx.late("KA3010", span, format!("({name}): vmacs are only supported on Ethernet type interfaces"));
        d.model.config_faults += 1;
    }
    if let Some(interface) = &d.interface
        && !d.interface_info.multicast
        && !d.unicast
    {
        let text = format!(
            "({name}) interface {interface} does not support multicast, specify unicast peers - disabling"
        );
        cx.late("KA3008", span, text);
        d.model.config_faults += 1;
    }
    if d.model.vrf.is_some() && (d.interface.is_some() || !d.unicast) {
        let what = if d.interface.is_some() { "out interface" } else { " unicast" };
        cx.late("KA3008", span, format!("({name}) vrf can only be specified with{what} - clearing"));
        d.model.vrf = None;
    }
}

/// RFC 9568 §5.2.9: the first IPv6 address is link-local.
fn first_address(cx: &mut Cx<'_>, d: &Draft, strict: bool) {
    let Some(IpAddr::V6(first)) = d.model.addresses.first().map(|a| a.address) else { return };
    if !d.model.ipv6 || d.unicast || first.segments()[0] & 0xffc0 == 0xfe80 {
        return;
    }
    let (name, span) = (&d.model.name, d.model.addresses.first().map_or(d.model.origin, |a| a.origin));
    if strict {
        cx.late("KA3009", span, format!("({name}) the first IPv6 VIP address must be link local"));
    } else {
        cx.remark("KA3009", span, format!("({name}) the first IPv6 VIP address should be link local"));
    }
}

/// As many addresses as fit into a packet stay; the others move but are not told of.
fn address_count(cx: &mut Cx<'_>, d: &mut Draft) {
    let mtu = if d.interface.is_some() { d.interface_info.mtu } else { 1500 };
    let (header, size) = if d.model.ipv6 {
        (14 + 40 + 8, 16)
    } else {
        let auth = if d.model.version == 2 { 8 } else { 0 };
        let ah = if d.auth == Some(AuthKind::Ah) && auth == 8 { 24 } else { 0 };
        (14 + 20 + 8 + auth + ah, 4)
    };
    let most = usize::try_from(mtu.saturating_sub(header) / size).unwrap_or(255).min(255);
    let count = d.model.addresses.len();
    if count > most {
        let text = format!(
            "({}) Number of VIPs ({count}) exceeds maximum/space available in packet (max {most} addresses) - excess moved to eVIPs",
            d.model.name
        );
        cx.late("KA3005", d.model.origin, text);
        let rest = d.model.addresses.split_off(most);
        d.model.excluded.extend(rest);
    }
}

fn preemption(cx: &mut Cx<'_>, d: &mut Draft, strict: bool) {
    let (name, span) = (d.model.name.clone(), d.model.origin);
    let p = &mut d.model.preempt;
    let mut said = Vec::new();
    if d.model.priority == OWNER && p.never {
        said.push("nopreempt is incompatible with priority 255. resetting nopreempt");
        p.never = false;
    }
    if d.model.state == VrrpState::Master {
        if p.never {
            said.push("Warning - nopreempt will not work with initial state MASTER - clearing");
            p.never = false;
        }
        if p.delay_us > 0 {
            said.push("Warning - preempt delay will not work with initial state MASTER - clearing");
            p.delay_us = 0;
        }
    }
    if p.delay_us > 0 {
        if strict {
            said.push("preempt_delay is incompatible with strict mode - resetting");
        }
        if p.never {
            said.push("preempt_delay is incompatible with nopreempt mode - resetting");
        }
        if strict || p.never {
            p.delay_us = 0;
        }
    }
    if d.model.down_timer_adverts != 3 && strict {
        said.push("down_timer_adverts is incompatible with strict mode - resetting");
        d.model.down_timer_adverts = 3;
    }
    for text in said {
        cx.late("KA3006", span, format!("({name}) {text}"));
    }
}

fn acceptance(cx: &mut Cx<'_>, d: &mut Draft, strict: bool) {
    let owner = d.model.priority == OWNER;
    let mut accept = d.accept.unwrap_or(owner || !strict);
    if accept && !owner && strict && d.model.version == 2 {
        let text = format!(
            "({}) warning - accept mode for VRRP version 2 does not comply with RFC3768 - resetting",
            d.model.name
        );
        cx.late("KA3009", d.model.origin, text);
        accept = false;
    }
    d.model.accept = accept;
    // COMPAT: a firewall is needed and nftables is taken when nothing else was asked for.
    let macvlan = d.vmac.as_ref().is_some_and(|v| v.kind == LinkKind::Macvlan);
    let g = &mut cx.model.global;
    if (!accept || macvlan) && g.vrrp_iptables.is_none() && g.nftables.is_none() {
        g.nftables = Some("keepalived".to_owned());
        let text = "use_vmac or no_accept/strict specified, but no firewall configured - using nftables";
        cx.remark("KA3040", d.model.origin, text);
    }
}

fn destination(cx: &mut Cx<'_>, d: &mut Draft) {
    let g = &cx.model.global;
    let group = if d.model.ipv6 { IpAddr::V6(g.vrrp_mcast_group6) } else { IpAddr::V4(g.vrrp_mcast_group4) };
    if d.unicast && d.mcast.take().is_some() {
        let text = format!("({}) multicast destination specified with unicast - ignoring", d.model.name);
        cx.late("KA3008", d.model.origin, text);
    }
    d.model.target = if d.unicast {
        AdvertTarget::Unicast(d.peers.clone())
    } else {
        AdvertTarget::Multicast(d.mcast.unwrap_or(group))
    };
    // COMPAT: 255 for IPv4, the kernel's choice for IPv6.
    d.model.unicast_ttl = d.ttl.or(if d.model.ipv6 { None } else { Some(255) });
}

fn repeats(cx: &mut Cx<'_>, d: &mut Draft, strict: bool) {
    let (name, span) = (d.model.name.clone(), d.model.origin);
    let g = &cx.global;
    let (repeat, delay) =
        (g.lower_prio_repeat.unwrap_or(g.garp_repeat), g.lower_prio_delay_us.unwrap_or(g.garp_delay_us));
    let (no_advert, send_advert) = (g.lower_prio_no_advert, g.higher_prio_send_advert);
    let (extra_us, extra_all) = (g.extra_if_us, g.extra_if_all);
    let mut said = Vec::new();
    let garp = &mut d.model.garp;
    garp.lower_prio_repeat = d.garp_lower_repeat.unwrap_or(if strict { 0 } else { repeat });
    if strict && garp.lower_prio_repeat > 0 {
        said.push("Strict mode requires no repeat garps. resetting");
        garp.lower_prio_repeat = 0;
    }
    garp.lower_prio_delay_us = d.garp_lower_delay_us.unwrap_or(if strict { 0 } else { delay });
    if strict && garp.lower_prio_delay_us > 0 {
        said.push("Strict mode requires no repeat garp delay. resetting");
        garp.lower_prio_delay_us = 0;
    }
    (garp.extra_if_us, garp.extra_if_all) = d.garp_extra.unwrap_or((extra_us, extra_all));
    d.model.lower_prio_no_advert = d.lower_prio_no_advert.unwrap_or(strict || no_advert);
    if strict && !d.model.lower_prio_no_advert {
        said.push("Strict mode requires no lower priority advert. resetting");
        d.model.lower_prio_no_advert = true;
    }
    d.model.higher_prio_send_advert = d.higher_prio_send_advert.unwrap_or(!strict && send_advert);
    if strict && d.model.higher_prio_send_advert {
        said.push("strict mode requires higher_prio_send_advert to be clear. resetting");
        d.model.higher_prio_send_advert = false;
    }
    for text in said {
        cx.late("KA3009", span, format!("({name}) {text}"));
    }
}

/// RFC 3768 §5.3.7 counts seconds in eight bits, RFC 9568 §5.2.7 hundredths in twelve.
fn interval(cx: &mut Cx<'_>, d: &mut Draft) {
    let (name, span) = (d.model.name.clone(), d.model.origin);
    let us = if d.advert_int_us == 0 { SECOND } else { d.advert_int_us };
    #[allow(clippy::cast_precision_loss, reason = "at most 255 seconds")]
    let seconds = us as f64 / 1e6;
    let (unit, most) = if d.model.version == 2 { (SECOND, 255) } else { (CENTISECOND, 4095) };
    let out = if us > most * unit && us >= (most + 1) * unit {
        let limits = if d.model.version == 2 {
            format!(
                "VRRPv2 advertisement interval {seconds:.2}s is out of range. Must be less than 256s. Setting to 255s"
            )
        } else {
            format!(
                "VRRPv3 advertisement interval {seconds:.2}s is out of range. Must be less than 40.96s. Setting to 40.95s"
            )
        };
        cx.late("KA3007", span, format!("({name}) {limits}"));
        most * unit
    } else if us % unit != 0 {
        let what = if d.model.version == 2 { "an integer. rounding" } else { "in units of 10ms - rounding" };
        let text =
            format!("({name}) VRRPv{} advertisement interval {seconds:.6}s must be {what}", d.model.version);
        cx.late("KA3007", span, text);
        ((us + unit / 2) / unit * unit).max(unit)
    } else {
        us
    };
    d.model.advert_int_us = out;
}

fn macvlan(cx: &mut Cx<'_>, d: &mut Draft, strict: bool) {
    let (name, span) = (d.model.name.clone(), d.model.origin);
    let macvlan = d.vmac.as_ref().is_some_and(|v| v.kind == LinkKind::Macvlan);
    if macvlan && strict && d.vmac_xmit_base {
        cx.late("KA3010", span, format!("({name}) xmit_base is incompatible with strict mode - resetting"));
        d.vmac_xmit_base = false;
    }
    if d.vmac.is_some() && d.model.promote_secondaries {
        let text = format!("({name}) promote_secondaries is automatically set for vmacs - ignoring");
        cx.late("KA3010", span, text);
        d.model.promote_secondaries = false;
    }
    if let Some(LinkKind::Ipvlan(_, address)) = d.vmac.as_ref().map(|v| v.kind) {
        if !d.model.ipv6 && address.is_none() {
            let text = format!(
                "({name}) IPv4 ipvlan requires a source ip address to be configured. setting instance to fault state"
            );
            cx.late("KA3010", span, text);
            d.model.config_faults += 1;
        } else if address.is_some_and(|a| a.address.is_ipv6() != d.model.ipv6) {
            let text = format!(
                "({name}) IPv4 ipvlan address family does not match instance. setting instance to fault state"
            );
            cx.late("KA3010", span, text);
            d.model.config_faults += 1;
        }
    }
    if d.vmac_xmit_base && !macvlan {
        cx.late("KA3010", span, format!("({name}) vmac_xmit_base is only valid with a vmac"));
        d.vmac_xmit_base = false;
    }
    let xmit_base = d.vmac_xmit_base;
    let prefix = cx.model.global.vmac_prefix.clone().unwrap_or_else(|| "vrrp".to_owned());
    let unnamed = d.vmac.as_ref().is_some_and(|v| v.name.is_empty());
    let free = unnamed.then(|| super::macvlan::free_name(cx, &prefix, d.model.vrid, d.model.ipv6));
    if let Some(v) = &mut d.vmac {
        v.xmit_base = xmit_base;
        if let Some(free) = free {
            v.name = free;
        }
        if let Some(mac) = &mut v.mac
            && mac[5] == 0
        {
            mac[5] = d.model.vrid;
        }
    }
    d.model.vmac = d.vmac.clone();
    d.model.use_vmac_addr = d.vmac_addresses;
    d.model.interface = d.interface.clone().unwrap_or_default();
    if let Some(v) = d.vmac.as_ref().filter(|v| v.kind == LinkKind::Macvlan) {
        let (base, name) = (d.model.interface.clone(), v.name.clone());
        cx.vrrp.macvlans.push(Macvlan::new(base, v.mac, (d.model.ipv6, d.model.vrid), name));
    }
    d.model.linkbeat_use_polling |= cx.model.global.linkbeat_use_polling;
}

/// An instance does not track its own interface twice.
fn own_trackers(cx: &mut Cx<'_>, d: &mut Draft) {
    let (name, span) = (d.model.name.clone(), d.model.origin);
    let Some(own) = d.interface_info.base.clone().or_else(|| d.interface.clone()) else { return };
    let own = TrackerKind::Interface(own);
    if super::tracked_of(&d.model.trackers, &own) {
        let TrackerKind::Interface(i) = &own else { return };
        cx.late("KA3011", span, format!("({name}) Ignoring track_interface {i} since own interface"));
        d.model.trackers.retain(|t| t.kind != own);
    }
}

fn addresses(cx: &mut Cx<'_>, d: &mut Draft) {
    let (name, own) = (d.model.name.clone(), d.interface.clone());
    let (macvlan, v6, too) =
        (d.vmac.as_ref().is_some_and(|v| v.kind == LinkKind::Macvlan), d.model.ipv6, d.vmac_addresses);
    let mut said = Vec::new();
    for ip in d.model.addresses.iter_mut().chain(&mut d.model.excluded) {
        ip.session.clone_from(&name);
        if !ip.use_vmac {
            continue;
        }
        let here = ip.interface.is_none() || ip.interface == own;
        let same = ip.address.is_ipv6() == v6;
        let shown = format!("{}/{}", ip.address, ip.prefix_len);
        if here && macvlan && same {
            said.push((
                ip.origin,
                format!("({name}) use_vmac specified for VIP/eVIP {shown} and vrrp instance"),
            ));
            ip.use_vmac = false;
        } else if (!here || !same) && too {
            let text =
                format!("({name}) use_vmac_addr specified and use_vmac specified for VIP/eVIP {shown}");
            said.push((ip.origin, text));
            ip.use_vmac = false;
        }
    }
    for (span, text) in said {
        cx.late("KA3010", span, text);
    }
    super::macvlan::give_links(cx, d, own.as_ref());
    if d.model.addresses.is_empty() && !d.no_addresses_wanted {
        let text = format!("({name}) No VIP specified; at least one is sensible");
        cx.late_class("KA3005", Class::Wrong, Severity::Warning, Some(d.model.origin), text);
    }
}

/// Weights do not go together with a group's common state, nor with owning the addresses.
fn weights(cx: &mut Cx<'_>, d: &mut Draft) {
    let grouped = d
        .group
        .and_then(|g| cx.vrrp.groups.get(g))
        .is_some_and(|g| !g.model.tracking_weight && g.members.is_some());
    let owner = d.model.priority == OWNER;
    if !grouped && !owner {
        return;
    }
    let name = d.model.name.clone();
    let why = if grouped { "SYNC group" } else { "address_owner" };
    let mut kept = Vec::new();
    for mut t in std::mem::take(&mut d.model.trackers) {
        let n = t.weight.weight;
        if n == 0 {
            kept.push(t);
            continue;
        }
        let said = match &t.kind {
            TrackerKind::Interface(i) => {
                let (what, why) = if grouped { ("weight ", "SYNC group") } else { ("", "address owner") };
                t.weight.weight = 0;
                if grouped {
                    kept.push(t.clone());
                }
                format!("({name}) ignoring {i} tracked interface {what}due to {why}")
            }
            TrackerKind::Script(s) => {
                format!("({name}) ignoring tracked script {s} with weights due to {why}")
            }
            TrackerKind::File(f) if n == 1 => {
                t.weight.weight = 0;
                kept.push(t.clone());
                format!("({name}) ignoring weight from tracked file {f} due to {why}. specify weight 0")
            }
            TrackerKind::File(f) => {
                format!("({name}) ignoring tracked file {f} with weight {n} due to {why}")
            }
            TrackerKind::Bfd(b) => format!("({name}) ignoring tracked bfd {b} with weight {n} due to {why}"),
            TrackerKind::Process(_) | TrackerKind::Service(_) => {
                kept.push(t);
                continue;
            }
        };
        cx.late("KA3012", t.origin, said);
    }
    d.model.trackers = kept;
}

/// What two instances would have to differ in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Space<'a> {
    v6: bool,
    vrid: u8,
    unicast: bool,
    interface: &'a str,
    group: Option<IpAddr>,
}

/// Two instances with one router id on one interface; true when there are any.
fn router_ids_conflict(cx: &mut Cx<'_>) -> bool {
    let mut spaces: HashMap<Space<'_>, Vec<usize>> = HashMap::with_capacity(cx.vrrp.instances.len());
    let mut of_instance = Vec::with_capacity(cx.vrrp.instances.len());
    for (i, d) in cx.vrrp.instances.iter().enumerate() {
        let group = match &d.model.target {
            AdvertTarget::Multicast(g) => Some(*g),
            AdvertTarget::Unicast(_) => None,
        };
        let interface = d.interface_info.base.as_deref().or(d.interface.as_deref()).unwrap_or_default();
        let space = Space { v6: d.model.ipv6, vrid: d.model.vrid, unicast: d.unicast, interface, group };
        spaces.entry(space).or_default().push(i);
        of_instance.push(space);
    }
    if spaces.len() == of_instance.len() {
        return false;
    }
    let mut said = Vec::new();
    for (i, space) in of_instance.iter().enumerate() {
        let Some(same) = spaces.get(space).filter(|s| s.len() > 1) else { continue };
        let Some(a) = cx.vrrp.instances.get(i) else { continue };
        for b in same.iter().filter(|k| **k > i).filter_map(|k| cx.vrrp.instances.get(*k)) {
            if said.len() > 10_000 {
                break;
            }
            let text = if space.unicast {
                let source = |d: &Draft| {
                    d.model.source.or_else(|| {
                        d.interface_info.addresses.iter().find(|a| a.is_ipv6() == d.model.ipv6).copied()
                    })
                };
                let (Some(x), Some(y)) = (source(a), source(b)) else { continue };
                let shared = a.peers.iter().any(|p| b.peers.iter().any(|q| q.address == p.address));
                if x != y || !shared {
                    continue;
                }
                format!(
                    "({}) duplicate VRID conflict with {} VRID {}",
                    a.model.name, b.model.name, space.vrid
                )
            } else {
                let family = if space.v6 { 6 } else { 4 };
                format!(
                    "{} and {} both use VRID {} with IPv{family} on interface {}",
                    a.model.name, b.model.name, space.vrid, space.interface
                )
            };
            said.push((b.model.origin, a.model.origin, text));
        }
    }
    drop(spaces);
    let any = !said.is_empty();
    for (span, other, text) in said {
        cx.late("KA3003", span, text);
        if let Some(d) = cx.log.last() {
            d.labels.push(rha_text::Label { span: other, text: "the other one".to_owned() });
        }
    }
    any
}

/// Instances outside of a common group cannot share a macvlan.
fn macvlan_conflicts(cx: &mut Cx<'_>) {
    let mut first: HashMap<String, usize> = HashMap::new();
    let mut said = Vec::new();
    for (i, d) in cx.vrrp.instances.iter().enumerate() {
        let Some(v) = d.vmac.as_ref().filter(|v| v.named) else { continue };
        let Some(other) = first.insert(v.name.clone(), i).and_then(|o| cx.vrrp.instances.get(o)) else {
            continue;
        };
        if d.group.is_none() || d.group != other.group {
            said.push((d.model.origin, d.model.name.clone(), other.model.name.clone(), v.name.clone()));
        }
    }
    for (span, a, b, link) in said {
        cx.remark("KA3010", span, format!("({a}) and ({b}) both want the macvlan {link}"));
    }
}

/// What groups track, and what that does to their members.
fn group_trackers(cx: &mut Cx<'_>) {
    let mut said: Vec<(Span, String)> = Vec::new();
    let (instances, mail) = (&cx.vrrp.instances, cx.model.global.mail.vrrp);
    for g in &mut cx.vrrp.groups {
        if g.members.is_none() {
            continue;
        }
        let owner = g.indexes.iter().filter_map(|i| instances.get(*i)).any(|d| d.model.priority == OWNER);
        let order = |t: &Tracked| match t.kind {
            TrackerKind::Script(_) => 0,
            TrackerKind::File(_) => 1,
            TrackerKind::Process(_) => 2,
            TrackerKind::Bfd(_) => 3,
            _ => 4,
        };
        g.model.trackers.sort_by_key(order);
        for t in &mut g.model.trackers {
            if owner && t.weight.weight != 0 {
                let (kind, name, what) = match &t.kind {
                    TrackerKind::Script(n) => ("script", n, "clearing weight"),
                    TrackerKind::File(n) => ("file", n, "setting weight 0"),
                    TrackerKind::Process(n) => ("process", n, "setting weight 0"),
                    TrackerKind::Bfd(n) => ("bfd", n, "setting weight 0"),
                    TrackerKind::Interface(n) | TrackerKind::Service(n) => {
                        ("interface", n, "clearing weight")
                    }
                };
                let text = format!(
                    "({}) Cannot have weighted track {kind} '{name}' with member having priority 255 - {what}",
                    g.model.name
                );
                said.push((t.origin, text));
                t.weight.weight = 0;
            }
            let TrackerKind::Interface(i) = &t.kind else { continue };
            for d in g.indexes.iter().filter_map(|k| instances.get(*k)) {
                let own = d.interface.as_ref() == Some(i) && !d.model.dont_track_primary;
                if own || super::tracked_of(&d.model.trackers, &t.kind) {
                    let text = format!(
                        "({}) track_interface {i} is configured on VRRP instance and sync group. Remove vrrp instance or sync group config",
                        d.model.name
                    );
                    said.push((t.origin, text));
                }
            }
        }
        g.model.notify.mail = g.mail.unwrap_or(mail);
        g.model.priority_changes = g.priority_changes;
        g.model.notify.priority_changes = g.priority_changes.unwrap_or(cx.global.notify_priority_changes);
    }
    for (span, text) in said {
        cx.late("KA3012", span, text);
    }
}

/// What `-t` does not get to.
fn real_start_only(cx: &mut Cx<'_>) {
    let name = cx.model.global.lvs_sync_daemon.as_ref().and_then(|d| d.instance.clone());
    if let Some(name) = name
        && !cx.vrrp.by_name.contains_key(&name)
    {
        let text = format!("Unable to find vrrp instance {name} for lvs_syncd - clearing lvs_syncd config");
        cx.late_class("KA3011", Class::Wrong, Severity::Error, None, text);
        cx.model.global.lvs_sync_daemon = None;
    }
    let unused: Vec<_> = cx
        .vrrp
        .scripts
        .iter()
        .filter(|s| !s.used)
        .map(|s| (s.model.origin, format!("Warning - script {} is not used", s.model.name)))
        .collect();
    for (span, text) in unused {
        cx.late_class("KA3014", Class::Wrong, Severity::Warning, Some(span), text);
    }
}

/// Moves the drafts into the model.
fn publish(cx: &mut Cx<'_>) {
    let order = |t: &Tracked| match t.kind {
        TrackerKind::Interface(_) => 0,
        TrackerKind::Script(_) => 1,
        TrackerKind::File(_) => 2,
        TrackerKind::Process(_) => 3,
        TrackerKind::Bfd(_) | TrackerKind::Service(_) => 4,
    };
    for d in &mut cx.vrrp.instances {
        d.model.trackers.sort_by_key(order);
    }
    cx.model.instances = std::mem::take(&mut cx.vrrp.instances).into_iter().map(|d| d.model).collect();
    cx.model.sync_groups =
        cx.vrrp.groups.drain(..).filter(|g| !g.model.members.is_empty()).map(|g| g.model).collect();
    cx.model.scripts = cx.vrrp.scripts.drain(..).map(|s| s.model).collect();
    cx.model.track_processes = std::mem::take(&mut cx.vrrp.processes);
    cx.model.track_files = std::mem::take(&mut cx.vrrp.files);
    let groups = std::mem::take(&mut cx.vrrp.track_groups);
    for (name, members, origin) in groups {
        let known = |m: &String| cx.vrrp.by_name.contains_key(m);
        let instances: Vec<String> = members.unwrap_or_default().into_iter().filter(known).collect();
        if instances.is_empty() {
            cx.remark("KA3013", origin, format!("Static track group {name} init fails - removing"));
        } else {
            cx.model.track_groups.push(TrackGroup { name, instances, origin });
        }
    }
}
