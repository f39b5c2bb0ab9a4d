//! The model resolved into what the worker runs on; nothing here touches the kernel.

pub mod address;
pub mod instance;

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
    /// Whether an address is one that an instance moves.
    #[must_use]
    pub fn is_virtual(&self, address: std::net::IpAddr) -> bool {
        let all = self.failover.instances.iter().flat_map(|i| i.addresses.iter().chain(&i.excluded));
        all.into_iter().any(|v| v.address == address)
    }

    /// Resolves a model.
    #[must_use]
    pub fn of(failover: Failover, host: String) -> Plan {
        let mut configs: Vec<Config> = failover.instances.iter().map(|i| instance::config(i, &failover)).collect();
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
