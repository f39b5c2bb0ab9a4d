//! The model resolved into what the worker runs on; nothing here touches the kernel.

pub mod address;
pub mod instance;
pub mod unbuilt;

use rha_ir::Failover;
use rha_vrrp::{Config, GroupConfig};

/// Everything one worker needs to know.
#[derive(Debug, Clone)]
pub struct Plan {
    /// As written, for dumps, notification and the kernel.
    pub failover: Failover,
    /// One per instance of the model, in its order.
    pub configs: Vec<Config>,
    /// One per sync group of the model, in its order.
    pub groups: Vec<GroupConfig>,
    /// This machine's name.
    pub host: String,
}

impl Plan {
    /// Whether anything tracks a script.
    #[must_use]
    pub fn uses_script(&self, name: &str) -> bool {
        let is_it = |t: &rha_vrrp::Tracker| t.kind == rha_vrrp::TrackerKind::Script && t.name == name;
        self.configs.iter().any(|c| c.trackers.iter().any(is_it))
    }

    /// Whether an address is one that an instance moves.
    #[must_use]
    pub fn is_virtual(&self, address: std::net::IpAddr) -> bool {
        let all = self.failover.instances.iter().flat_map(|i| i.addresses.iter().chain(&i.excluded));
        all.into_iter().any(|v| v.address == address)
    }

    /// Resolves a model.
    #[must_use]
    pub fn of(mut failover: Failover, host: String) -> Plan {
        failover.instances.iter_mut().for_each(instance::settle_devices);
        let mut configs: Vec<Config> =
            failover.instances.iter().map(|i| instance::config(i, &failover)).collect();
        let groups: Vec<GroupConfig> = failover
            .sync_groups
            .iter()
            .map(|g| GroupConfig {
                name: g.name.clone(),
                members: g.members.clone(),
                tracking_weight: g.tracking_weight,
            })
            .collect();
        for g in &groups {
            for c in configs.iter_mut().filter(|c| g.members.contains(&c.name)) {
                // The parser has said the lines already.
                let _ = g.fix_weights(c);
            }
        }
        Plan { failover, configs, groups, host }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use rha_keepalived::{Input, MachineOf, check};
    use rha_text::MemoryFiles;

    use super::*;

    /// A plan from the text of a configuration.
    pub(crate) fn plan(text: &str) -> Plan {
        let mut files = MemoryFiles::default();
        files.0.insert("k.conf".to_owned(), text.as_bytes().to_vec());
        let machine =
            MachineOf { any_interface: true, programs: vec!["/bin/true".to_owned()], ..MachineOf::default() };
        let mut input = Input::new("k.conf", &files, &machine);
        input.testing = false;
        Plan::of(check(&input).model.failover, "n1".to_owned())
    }

    #[test]
    fn a_plan_has_a_configuration_per_instance_and_knows_its_addresses() {
        let p = plan(
            "vrrp_sync_group G {\n group {\n  A\n  B\n }\n}\n\
             vrrp_instance A {\n interface eth0\n virtual_router_id 1\n track_interface {\n  eth1 weight 5\n }\n \
             virtual_ipaddress {\n  10.0.0.1/24\n }\n}\n\
             vrrp_instance B {\n interface eth0\n virtual_router_id 2\n virtual_ipaddress {\n  10.0.0.2/24\n }\n}\n",
        );
        assert_eq!(p.configs.len(), 2);
        assert_eq!(p.groups.len(), 1);
        assert!(p.is_virtual("10.0.0.2".parse().unwrap()));
        assert!(!p.is_virtual("10.0.0.3".parse().unwrap()));
        // A weighted tracker of a member counts as a fault condition.
        assert_eq!(p.configs[0].trackers[0].weight, 0);
    }
}
