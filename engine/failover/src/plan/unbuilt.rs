//! What a configuration asks for that the engine does not do yet. A start is refused with its name and line,
//! because an instance without what it was given is a different instance.
//!
//! The parser's rows say the same by keyword; this is the second lock, and it sees options inside of lines.

use rha_ir::Span;
use rha_ir::failover::{Failover, IpRoute, VrrpInstance};

/// One thing that is not built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unbuilt {
    /// Keyword or option.
    pub what: &'static str,
    /// Where it was written.
    pub origin: Span,
}

/// Everything of `f` that is not built.
#[must_use]
pub fn find(f: &Failover) -> Vec<Unbuilt> {
    let mut found = Vec::new();
    for i in &f.instances {
        instance(i, &mut found);
    }
    for r in &f.static_routes {
        route(r, &mut found);
    }
    let g = &f.global;
    let everywhere = Span::default();
    for (yes, what) in [
        (g.vrrp_iptables.is_some(), "vrrp_iptables"),
        (g.vrrp_ipsets.is_some(), "vrrp_ipsets"),
        (g.lvs_sync_daemon.is_some(), "lvs_sync_daemon"),
        (g.json_version != 1, "json_version 2"),
        (g.data_use_instance, "data_use_instance"),
        (g.reload_time_file.is_some(), "reload_time_file"),
        (g.reload_file.is_some(), "reload_file"),
        (g.config_save_dir.is_some(), "config_save_dir"),
        (g.disable_local_igmp, "disable_local_igmp"),
        (g.nftables_ifindex, "nftables_ifindex"),
        (g.enable_dbus, "enable_dbus"),
        (g.snmp.vrrp || g.snmp.rfc_v2 || g.snmp.rfc_v3 || g.snmp.checker, "enable_snmp_…"),
    ] {
        if yes {
            found.push(Unbuilt { what, origin: everywhere });
        }
    }
    found
}

fn instance(i: &VrrpInstance, found: &mut Vec<Unbuilt>) {
    let vmac = i.vmac.as_ref();
    for (yes, what) in [
        (i.vrf.is_some(), "vrf"),
        (i.auth_hmac.is_some(), "auth_hmac"),
        (i.track_source, "track_src_ip"),
        (i.garp.extra_if_us > 0, "garp_extra_if"),
        (i.timer_expired_backup.is_some(), "timer_expired_backup"),
        (i.owner_ignore_adverts, "owner_ignore_adverts"),
        (i.lvs_sync_daemon_interface.is_some(), "lvs_sync_daemon_interface"),
        (vmac.is_some_and(|v| v.addresses_too), "use_vmac_addr"),
        (vmac.is_some_and(|v| v.group.is_some()), "use_vmac … group"),
    ] {
        if yes {
            found.push(Unbuilt { what, origin: i.origin });
        }
    }
    for a in i.addresses.iter().chain(&i.excluded).filter(|a| a.use_vmac) {
        found.push(Unbuilt { what: "virtual_ipaddress … use_vmac", origin: a.origin });
    }
    for r in &i.routes {
        route(r, found);
    }
}

/// Bits of `RTAX_LOCK` that can be set: mtu, congctl.
const LOCKS: u32 = 1 << 2 | 1 << 16;

fn route(r: &IpRoute, found: &mut Vec<Unbuilt>) {
    let hops = &r.next_hops;
    for (yes, what) in [
        (r.encap.is_some() || hops.iter().any(|h| h.encap.is_some()), "route … encap"),
        (r.ttl_propagate.is_some(), "route … ttl-propagate"),
        (r.action != rha_ir::failover::RouteAction::Replace, "route … add|append|prepend"),
        (r.metrics.lock & !LOCKS != 0, "route … lock"),
    ] {
        if yes {
            found.push(Unbuilt { what, origin: r.origin });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::tests::plan;

    #[test]
    fn options_inside_of_lines_are_seen() {
        let p = plan(
            "vrrp_instance VI {\n interface eth0\n virtual_router_id 1\n garp_extra_if 5\n virtual_ipaddress {\n  10.0.0.1/24\n }\n \
             virtual_routes {\n  10.9.0.0/24 dev eth0 encap mpls 100\n }\n}\n",
        );
        let found: Vec<&str> = find(&p.failover).into_iter().map(|u| u.what).collect();
        assert_eq!(found, ["garp_extra_if", "route … encap"]);
        let p = plan("vrrp_instance VI {\n interface eth0\n virtual_router_id 1\n virtual_ipaddress {\n  10.0.0.1/24\n }\n}\n");
        assert_eq!(find(&p.failover), []);
    }
}
