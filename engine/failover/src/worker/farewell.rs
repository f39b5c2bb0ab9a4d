//! Priority 0 in the name of a worker that died: its addresses are still on, and it cannot say goodbye.
//!
//! RFC 5798 §6.4.3. DIFFERS: the original's next process removes the addresses in silence, and the backup
//! waits three intervals for adverts that no longer come; told so, it takes over within its skew. A master
//! that hears it answers with an advert, so that a leftover of long ago does no harm.

use std::net::IpAddr;

use rha_ir::failover::VrrpInstance;
use rha_vrrp::packet::{Advert, Route, TTL};
use rha_vrrp::{Config, Target};

use super::kernel::Kernel;
use super::sockets::{SocketKey, Sockets};
use crate::Plan;
use crate::log::Log;

/// Sends priority 0 for every instance whose addresses were left on.
pub(super) fn send(plan: &Plan, kernel: &Kernel, sockets: &Sockets, log: &Log) {
    for (i, c) in plan.failover.instances.iter().zip(&plan.configs) {
        // The sequence number of an authentication header is not known, and one made up would shut the
        // next master out.
        if c.auth.number() == 2 {
            continue;
        }
        let Some(source) = source(plan, kernel, i).filter(|_| kernel.has_leftovers(i)) else { continue };
        let key = SocketKey::of(i, c);
        let sent = datagrams(c, source)
            .into_iter()
            .filter(|(to, bytes)| sockets.send(&key, Some(source), *to, c.ttl, bytes).is_ok())
            .count();
        if sent > 0 {
            log.detail(format_args!("({}) sent 0 priority for the process that died", i.name));
        }
    }
}

fn source(plan: &Plan, kernel: &Kernel, i: &VrrpInstance) -> Option<IpAddr> {
    i.source.or_else(|| {
        let index = kernel.interfaces.index(&i.interface)?;
        kernel.interfaces.primary(index, i.ipv6, &|a| plan.is_virtual(a))
    })
}

fn datagrams(c: &Config, source: IpAddr) -> Vec<(IpAddr, Vec<u8>)> {
    let advert = Advert {
        version: c.version,
        family: c.family,
        vrid: c.vrid,
        priority: 0,
        interval: c.advert_interval,
        auth: c.auth,
        checksum: c.checksum,
        addresses: c.addresses.iter().map(|v| v.address).collect(),
    };
    let unicast = c.target.is_unicast();
    let bytes = |destination| {
        let ttl = if unicast { c.ttl } else { TTL };
        advert.encode(&Route { source, destination, unicast, ttl, id: 1, sequence: 0 })
    };
    match &c.target {
        Target::Multicast(group) => vec![(*group, bytes(*group))],
        Target::Unicast { peers, .. } => peers.iter().map(|p| (p.address, bytes(p.address))).collect(),
    }
}
