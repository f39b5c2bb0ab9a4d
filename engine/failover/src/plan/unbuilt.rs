//! What a configuration asks for that the engine does not do yet. A start is refused with its name and line,
//! because an instance without what it was given is a different instance.
//!
//! The parser's rows say the same by keyword; this is the second lock, and it sees options inside of lines.

use rha_ir::Span;
use rha_ir::failover::{Checker, CheckerKind, Failover, VrrpInstance};

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
    for c in f.virtual_servers.iter().flat_map(|v| &v.real_servers).flat_map(|r| &r.checkers) {
        checker(c, &mut found);
    }
    let g = &f.global;
    let everywhere = Span::default();
    for (yes, what) in [
        (g.lvs_sync_daemon.is_some(), "lvs_sync_daemon"),
        (g.enable_dbus, "enable_dbus"),
        (g.snmp.vrrp || g.snmp.rfc_v2 || g.snmp.rfc_v3 || g.snmp.checker, "enable_snmp_…"),
    ] {
        if yes {
            found.push(Unbuilt { what, origin: everywhere });
        }
    }
    found
}

fn checker(c: &Checker, found: &mut Vec<Unbuilt>) {
    let CheckerKind::Http { urls, .. } = &c.kind else { return };
    for regex in urls.iter().filter_map(|u| u.regex.as_ref()) {
        if rha_health::lvs::RegexPlan::compile(&regex.pattern, &regex.options).is_err() {
            found.push(Unbuilt { what: "regex, or regex_options", origin: c.origin });
        }
    }
}

fn instance(i: &VrrpInstance, found: &mut Vec<Unbuilt>) {
    for (yes, what) in [
        (i.auth_hmac.is_some(), "auth_hmac"),
        (i.lvs_sync_daemon_interface.is_some(), "lvs_sync_daemon_interface"),
    ] {
        if yes {
            found.push(Unbuilt { what, origin: i.origin });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::tests::plan;

    #[test]
    fn what_is_not_built_is_named() {
        let mut p = plan(
            "vrrp_instance VI {\n interface eth0\n virtual_router_id 1\n virtual_ipaddress {\n  10.0.0.1/24\n }\n}\n",
        );
        assert_eq!(find(&p.failover), []);
        p.failover.instances[0].lvs_sync_daemon_interface = Some("eth0".to_owned());
        p.failover.global.enable_dbus = true;
        let found: Vec<&str> = find(&p.failover).into_iter().map(|u| u.what).collect();
        assert_eq!(found, ["lvs_sync_daemon_interface", "enable_dbus"]);
    }
}
