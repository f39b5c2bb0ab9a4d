//! A `vrrp_instance` of the model as the machine's configuration.

use std::time::Duration;

use rha_ir::TrackerKind as Watched;
use rha_ir::failover::{
    AdvertTarget, Authentication, Failover, IpRule, LinkKind, Tracked, VrrpInstance, VrrpState,
};
use rha_vrrp::priority::{Condition, Tracker, TrackerKind};
use rha_vrrp::{Auth, Checksum, Config, Family, Garp, Peer, Target, Version, Vip};

/// TTL that unicast adverts carry unless `unicast_ttl` says otherwise; COMPAT: 255 (packets.txt).
const USUAL_TTL: u8 = 255;

/// The configuration of an instance, its sync group's trackers included, every condition as at start.
#[must_use]
pub fn config(i: &VrrpInstance, all: &Failover) -> Config {
    let group = all.sync_groups.iter().find(|g| Some(&g.name) == i.sync_group.as_ref());
    let mut trackers: Vec<Tracker> = i.trackers.iter().map(|t| tracker(t, all)).collect();
    for t in group.into_iter().flat_map(|g| &g.trackers) {
        let t = tracker(t, all);
        if !trackers.iter().any(|o| o.kind == t.kind && o.name == t.name) {
            trackers.push(t);
        }
    }
    follow_interfaces(i, all, &mut trackers);
    let device = running_interface(i);
    let vip = |v: &rha_ir::VirtualIp| Vip {
        address: v.address,
        device: v.interface.clone().unwrap_or_else(|| device.to_owned()),
        detail: format!("{:?}", (v.prefix_len, v.scope, &v.label, v.peer, v.broadcast, v.noprefixroute)),
    };
    let mut c = Config {
        name: i.name.clone(),
        interface: i.interface.clone(),
        family: if i.ipv6 { Family::V6 } else { Family::V4 },
        version: if i.version == 3 { Version::V3 } else { Version::V2 },
        vrid: i.vrid,
        priority: i.priority,
        wants_master: i.state == VrrpState::Master,
        advert_interval: Duration::from_micros(i.advert_int_us),
        auth: match i.authentication {
            Authentication::None => Auth::None,
            Authentication::Pass(p) => Auth::Pass(p),
            Authentication::Ah(p) => Auth::Ah(p),
        },
        target: target(i),
        ttl: i.unicast_ttl.unwrap_or(USUAL_TTL),
        source: i.source,
        learned_source: None,
        addresses: i.addresses.iter().map(vip).collect(),
        excluded: i.excluded.iter().map(vip).collect(),
        has_routes: !i.routes.is_empty(),
        has_rules: !i.rules.is_empty(),
        checksum: checksum(i),
        accept: i.accept,
        nopreempt: i.preempt.never,
        preempt_delay: Duration::from_micros(i.preempt.delay_us),
        down_timer_adverts: u32::from(i.down_timer_adverts),
        lower_prio_no_advert: i.lower_prio_no_advert,
        higher_prio_send_advert: i.higher_prio_send_advert,
        garp: Garp {
            delay: Duration::from_micros(i.garp.delay_us),
            repeat: i.garp.repeat,
            refresh: Duration::from_micros(i.garp.refresh_us),
            refresh_repeat: i.garp.refresh_repeat,
            lower_prio_delay: Duration::from_micros(i.garp.lower_prio_delay_us),
            lower_prio_repeat: i.garp.lower_prio_repeat,
            extra: Duration::from_micros(i.garp.extra_if_us),
            extra_places: extra_places(i, all),
        },
        skip_check_adv_addr: i.skip_check_adv_addr,
        dont_track_primary: i.dont_track_primary,
        strict: i.strict,
        use_vmac: i.vmac.is_some(),
        notify_priority_changes: i.notify.priority_changes,
        notify_deleted: i.notify.deleted.is_some(),
        expired_backup: i.timer_expired_backup,
        refuses_old_checksum: i.old_unicast_checksum == Some(false),
        faulty: i.config_faults > 0,
        trackers,
    };
    c.settle();
    c
}

/// COMPAT: what an instance puts on other interfaces makes it follow them, as if `track_interface` named them
/// without a weight; a weight that was written is lost. So do static items through their `track_group`. `no_track`
/// says otherwise. Its own interface it follows already, unless `dont_track_primary` and a route or rule over it.
fn follow_interfaces(i: &VrrpInstance, all: &Failover, trackers: &mut Vec<Tracker>) {
    for name in interfaces_used(i, all) {
        match trackers.iter_mut().find(|t| t.kind == TrackerKind::Interface && t.name == name) {
            Some(t) => t.weight = 0,
            None => trackers.push(Tracker {
                name: name.to_owned(),
                kind: TrackerKind::Interface,
                weight: 0,
                reverse: false,
                condition: Condition::Up,
            }),
        }
    }
}

/// Interfaces that an instance follows because of its addresses, routes and rules, and of static ones.
pub fn interfaces_used<'a>(i: &'a VrrpInstance, all: &'a Failover) -> Vec<&'a str> {
    let in_group = |group: &Option<String>| {
        all.track_groups.iter().any(|g| Some(&g.name) == group.as_ref() && g.instances.contains(&i.name))
    };
    let is_own = |name: &str| name == i.interface || name == running_interface(i);
    let addresses = i.addresses.iter().chain(&i.excluded).filter(|v| !v.no_track);
    let addresses = addresses.filter_map(|v| v.interface.as_deref()).filter(|name| !is_own(name));
    let rule = |r: &'a IpRule| [&r.iif, &r.oif].into_iter().filter_map(|name| name.as_deref());
    let routes = i.routes.iter().filter(|r| !r.no_track).filter_map(|r| r.interface.as_deref());
    let rules = i.rules.iter().filter(|r| !r.no_track).flat_map(rule);
    let usual = all.global.default_interface.as_str();
    let fixed = all.static_addresses.iter().filter(|v| !v.no_track && in_group(&v.track_group));
    let fixed = fixed.map(|v| v.interface.as_deref().unwrap_or(usual));
    let over = all.static_routes.iter().filter(|r| !r.no_track && in_group(&r.track_group));
    let by = all.static_rules.iter().filter(|r| !r.no_track && in_group(&r.track_group));
    let others = routes.chain(rules).chain(fixed).chain(over.filter_map(|r| r.interface.as_deref()));
    let others = others.chain(by.filter_map(|r| r.iif.as_deref()));
    addresses.chain(others.filter(|name| i.dont_track_primary || !is_own(name))).collect()
}

/// The interface addresses go on and adverts leave from: the instance's own macvlan if it has one.
#[must_use]
pub fn running_interface(i: &VrrpInstance) -> &str {
    i.vmac.as_ref().map_or(i.interface.as_str(), |v| v.name.as_str())
}

/// `garp_extra_if`: the first address of each interface but the one adverts leave by, on macvlans only unless
/// `all`.
fn extra_places(i: &VrrpInstance, all: &Failover) -> Vec<usize> {
    if i.garp.extra_if_us == 0 {
        return Vec::new();
    }
    let running = running_interface(i);
    let is_made = |name: &str| {
        let links = |i: &VrrpInstance| i.address_links.iter().any(|l| l.name == name);
        all.instances.iter().any(|i| i.vmac.as_ref().is_some_and(|v| v.name == name) || links(i))
    };
    let own_too = i.vmac.as_ref().is_some_and(|v| v.xmit_base);
    let mut seen = std::collections::BTreeSet::new();
    let devices = i.addresses.iter().chain(&i.excluded).map(|v| v.interface.as_deref().unwrap_or(running));
    devices
        .enumerate()
        .filter(|(_, d)| i.garp.extra_if_all || is_made(d))
        .filter(|(_, d)| own_too || *d != running)
        .filter(|(_, d)| seen.insert(d.to_string()))
        .map(|(place, _)| place)
        .collect()
}

/// Where each address goes: on a macvlan of its own, or on the instance's. COMPAT: an address said to be on the
/// instance's interface goes on the macvlan that stands for it, but not one of the other family.
pub fn settle_devices(i: &mut VrrpInstance) {
    let macvlan = i.vmac.as_ref().is_some_and(|v| v.kind == LinkKind::Macvlan);
    for v in i.addresses.iter_mut().chain(&mut i.excluded) {
        if v.vmac.is_some() {
            v.interface.clone_from(&v.vmac);
        } else if macvlan && v.address.is_ipv6() != i.ipv6 {
            v.interface.get_or_insert_with(|| i.interface.clone());
        } else if i.vmac.is_some() {
            v.interface.take_if(|d| *d == i.interface);
        }
    }
}

fn target(i: &VrrpInstance) -> Target {
    match &i.target {
        AdvertTarget::Multicast(group) => Target::Multicast(*group),
        AdvertTarget::Unicast(peers) => Target::Unicast {
            peers: peers
                .iter()
                .map(|p| Peer { address: p.address, min_ttl: p.min_ttl, max_ttl: p.max_ttl })
                .collect(),
            check_source: i.check_unicast_src,
        },
    }
}

fn checksum(i: &VrrpInstance) -> Checksum {
    match (i.v3_checksum_as_v2, i.old_unicast_checksum) {
        (true, _) => Checksum::Plain,
        (false, Some(true)) => Checksum::PseudoMulticast,
        (false, _) => Checksum::Pseudo,
    }
}

fn tracker(t: &Tracked, all: &Failover) -> Tracker {
    let (name, kind) = match &t.kind {
        Watched::Interface(n) => (n, TrackerKind::Interface),
        Watched::Script(n) => (n, TrackerKind::Script),
        Watched::Process(n) => (n, TrackerKind::Process),
        Watched::File(n) => (n, TrackerKind::File),
        Watched::Bfd(n) | Watched::Service(n) => (n, TrackerKind::Bfd),
    };
    let condition = match kind {
        TrackerKind::Script => match all.scripts.iter().find(|s| s.name == *name) {
            Some(s) if s.start == rha_ir::failover::ScriptStart::Failed => Condition::Down,
            _ => Condition::Unknown,
        },
        TrackerKind::File => Condition::Value(0),
        TrackerKind::Interface => Condition::Up,
        TrackerKind::Process | TrackerKind::Bfd => Condition::Down,
    };
    Tracker { name: name.clone(), kind, weight: t.weight.weight, reverse: t.weight.reverse, condition }
}

#[cfg(test)]
mod tests {
    use rha_vrrp::OWNER;

    use super::*;
    use crate::plan::tests::plan;

    fn one(lines: &str) -> Config {
        let text = format!(
            "vrrp_script chk {{\n script \"/bin/true\"\n init_fail\n}}\ntrack_file tf {{\n file /x\n}}\n\
             vrrp_instance VI {{\n interface eth0\n virtual_router_id 51\n{lines}\n}}\n"
        );
        plan(&text).configs.pop().expect("one instance")
    }

    #[test]
    fn defaults_are_the_originals() {
        let c = one(" virtual_ipaddress {\n  10.0.0.1/24\n }");
        assert_eq!((c.version, c.priority, c.vrid), (Version::V2, 100, 51));
        assert_eq!(c.advert_interval, Duration::from_secs(1));
        assert_eq!((c.garp.delay, c.garp.repeat), (Duration::from_secs(5), 5));
        assert_eq!(c.down_timer_adverts, 3);
        assert_eq!(c.target, Target::Multicast(Target::GROUP_V4));
        assert!(c.accept && !c.nopreempt && !c.faulty);
        assert_eq!(
            c.addresses,
            [Vip { detail: c.addresses[0].detail.clone(), ..Vip::new("10.0.0.1".parse().unwrap(), "eth0") }]
        );
    }

    #[test]
    fn what_is_written_arrives() {
        let c = one(" version 3\n priority 255\n state MASTER\n advert_int 0.25\n use_vmac\n \
             virtual_ipaddress {\n  10.0.0.1/24\n  10.0.0.2/24 dev eth1\n }");
        assert_eq!((c.version, c.priority, c.wants_master), (Version::V3, OWNER, true));
        assert_eq!(c.advert_interval, Duration::from_millis(250));
        assert!(c.use_vmac);
        let devices: Vec<&str> = c.addresses.iter().map(|v| v.device.as_str()).collect();
        assert_eq!(devices, ["vrrp.51", "eth1"]);
    }

    #[test]
    fn an_address_on_the_instances_own_interface_goes_on_its_macvlan() {
        let c = one(" use_vmac\n virtual_ipaddress {\n  10.0.0.1/24 dev eth0\n  10.0.0.2/24 dev eth1\n }");
        let devices: Vec<&str> = c.addresses.iter().map(|v| v.device.as_str()).collect();
        assert_eq!(devices, ["vrrp.51", "eth1"]);
    }

    #[test]
    fn trackers_start_as_their_kind_does() {
        let c = one(" track_script {\n  chk weight 3\n }\n track_file {\n  tf weight 2\n }\n \
             track_interface {\n  eth1\n }\n virtual_ipaddress {\n  10.0.0.1/24\n }");
        let mut all: Vec<_> = c.trackers.iter().map(|t| (t.kind, t.weight, t.condition)).collect();
        all.sort_by_key(|t| t.1);
        assert_eq!(
            all,
            [
                (TrackerKind::Interface, 0, Condition::Up),
                (TrackerKind::File, 2, Condition::Value(0)),
                (TrackerKind::Script, 3, Condition::Down),
            ]
        );
    }

    #[test]
    fn interfaces_that_are_used_are_followed() {
        let text = "track_group G {\n group {\n  A\n }\n}\nstatic_ipaddress {\n 10.9.0.1/24 dev eth4 track_group G\n \
                    10.9.0.2/24 dev eth5 track_group G no_track\n}\n\
                    vrrp_instance A {\n interface eth0\n virtual_router_id 1\n track_interface {\n  eth1 weight -9\n }\n \
                    virtual_ipaddress {\n  10.0.0.1/24\n  10.0.1.1/24 dev eth1\n  10.0.2.1/24 dev eth2 no_track\n }\n \
                    virtual_routes {\n  10.1.0.0/24 dev eth3\n  10.2.0.0/24 dev eth0\n }\n}\n\
                    vrrp_instance B {\n interface eth0\n dont_track_primary\n virtual_router_id 2\n \
                    virtual_ipaddress {\n  10.0.0.2/24 dev eth0\n }\n virtual_routes {\n  10.3.0.0/24 dev eth0\n }\n}\n";
        let followed = |c: &Config| -> Vec<(String, i32)> {
            c.trackers.iter().map(|t| (t.name.clone(), t.weight)).collect()
        };
        let p = plan(text);
        let own = |n: &str| (n.to_owned(), 0);
        assert_eq!(followed(&p.configs[0]), [own("eth1"), own("eth3"), own("eth4")]);
        assert_eq!(followed(&p.configs[1]), [own("eth0")]);
    }

    #[test]
    fn peers_make_it_unicast() {
        let c = one(
            " unicast_src_ip 10.0.0.9\n unicast_ttl 64\n unicast_peer {\n  10.0.0.8 min_ttl 60 max_ttl 64\n }\n \
             virtual_ipaddress {\n  10.0.0.1/24\n }",
        );
        assert_eq!(c.ttl, 64);
        assert_eq!(c.source, "10.0.0.9".parse().ok());
        let Target::Unicast { peers, .. } = &c.target else { panic!("{:?}", c.target) };
        assert_eq!((peers[0].min_ttl, peers[0].max_ttl), (60, 64));
    }
}
