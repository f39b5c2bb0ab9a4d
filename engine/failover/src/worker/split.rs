//! Split brain: everything heard goes to the detector, what it finds goes to the log, `status` and metrics.
//!
//! DIFFERS: the original says nothing when the router ids differ, and one line about a refused packet
//! otherwise. Listening for duplicate addresses is passive: nothing is sent for it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv6Addr};

use rha_base::Now;
use rha_net::raw::{Overhearing, Sighting, Sightings};
use rha_vrrp::{Datagram, Finding, InstanceId, Moment, Reject, State};

use super::sockets::SocketKey;
use super::{Event, Worker};

/// Most addresses that are listened for on ARP and neighbour discovery.
const MOST: usize = 1024;

impl Worker {
    /// A packet was heard, and the machine has seen it.
    pub(super) fn suspect(
        &mut self,
        key: &SocketKey,
        datagram: Datagram<'_>,
        delivered: Option<(InstanceId, Option<Reject>)>,
        now: Now,
    ) {
        // Nobody to be in conflict with: the common case of a backup that hears its master costs nothing.
        let accepted_backup = |(id, refused): &(InstanceId, Option<Reject>)| {
            refused.is_none() && self.router.instance(*id).is_some_and(|i| i.state() == State::Backup)
        };
        if delivered.as_ref().is_some_and(accepted_backup) && self.router.instances().len() == 1 {
            return;
        }
        let mut told = Vec::new();
        self.brain.hear(&self.router, &key.base, datagram, delivered, now.into(), &mut told);
        self.report(told, now);
    }

    /// Somebody used one of our addresses.
    pub(super) fn sighted(&mut self, s: &Sighting) {
        let Some(interface) = self.kernel.interfaces.at(s.link).map(|l| l.name.clone()) else { return };
        let now = Self::now();
        let mut told = Vec::new();
        self.brain.see(&self.router, &interface, s.address, s.mac.0, now.into(), &mut told);
        self.report(told, now);
    }

    /// An advert to the group that no socket of ours has joined: the machine must not see it, as with the
    /// original, but whoever sent it thinks it is alone.
    pub(super) fn overheard(&mut self, link: u32, v6: bool, packet: &[u8]) {
        let Some(interface) = self.kernel.interfaces.at(link).map(|l| l.name.clone()) else { return };
        let datagram = if v6 { v6_datagram(packet) } else { Some(Datagram::v4(packet)) };
        let Some(datagram) = datagram else { return };
        let is_unicast =
            |id: &InstanceId| self.router.instance(*id).is_some_and(|i| i.config().target.is_unicast());
        let recipient = self.router.recipient(&interface, datagram).filter(is_unicast);
        let refused = recipient.map(|id| (id, Some(Reject::Kind { expected_unicast: true })));
        let now = Self::now();
        let mut told = Vec::new();
        self.brain.hear(&self.router, &interface, datagram, refused, now.into(), &mut told);
        self.report(told, now);
    }

    fn report(&mut self, told: Vec<Finding>, now: Now) {
        for f in told {
            let name = self.router.instance(f.instance).map(|i| i.name().to_owned()).unwrap_or_default();
            self.log.info(f.text(&name));
            *self.splits.entry((name, f.cause.name())).or_default() += 1;
            let interval = self.router.instance(f.instance).map(|i| i.config().advert_interval);
            self.brain_at = self.brain_at.min(Moment::from(now).after(interval.unwrap_or_default()));
        }
    }

    /// Ends what was not heard again.
    pub(super) fn forget_splits(&mut self, now: Now) {
        let mut ended = Vec::new();
        self.brain.poll(now.into(), &mut ended);
        for f in ended {
            let name = self.router.instance(f.instance).map(|i| i.name().to_owned()).unwrap_or_default();
            self.log.info(format_args!("({name}) split brain with {} has ended", f.other));
        }
        let shortest = self.router.instances().iter().map(|i| i.config().advert_interval).min();
        self.brain_at = match (self.brain.active().next(), shortest) {
            (Some(_), Some(interval)) => Moment::from(now).after(interval),
            _ => Moment::NEVER,
        };
    }

    /// Other masters of an instance, and what differs.
    pub(super) fn splits_of(&self, name: &str) -> Vec<(String, String)> {
        let is_it = |f: &&Finding| self.router.instance(f.instance).is_some_and(|i| i.name() == name);
        self.brain.active().filter(is_it).map(|f| (f.other.to_string(), f.text(name))).collect()
    }

    /// Listens for the virtual addresses on ARP and neighbour discovery, all links together.
    pub(super) fn watch_for_duplicates(&mut self) {
        self.sightings.drain(..).for_each(|t| t.abort());
        let macs = self.kernel.interfaces.links().filter_map(|l| l.mac.map(|m| m.0)).collect();
        self.brain.set_own_macs(macs);
        let mut by_link: BTreeMap<u32, (Vec<std::net::Ipv4Addr>, Vec<std::net::Ipv6Addr>)> = BTreeMap::new();
        for i in &self.plan.failover.instances {
            let usual = crate::plan::instance::running_interface(i);
            for v in i.addresses.iter().chain(&i.excluded) {
                let device = v.interface.as_deref().unwrap_or(usual);
                let Some(link) = self.kernel.interfaces.index(device) else { continue };
                let all = by_link.entry(link).or_default();
                match v.address {
                    IpAddr::V4(a) => all.0.push(a),
                    IpAddr::V6(a) => all.1.push(a),
                }
            }
        }
        for (link, (v4, v6)) in by_link {
            if !v4.is_empty() && v4.len() <= MOST {
                self.listen_for(Sightings::arp(Some(link), &v4));
            }
            if !v6.is_empty() && v6.len() <= MOST {
                self.listen_for(Sightings::neighbours(Some(link), &v6));
            }
        }
        self.watch_for_multicast();
    }

    /// Listens to the group on links where only unicast is spoken.
    fn watch_for_multicast(&mut self) {
        let mut links = BTreeSet::new();
        let mut joined = BTreeSet::new();
        for i in self.router.instances() {
            let config = i.config();
            let Some(link) = self.kernel.interfaces.index(&config.interface) else { continue };
            let v6 = config.family == rha_vrrp::Family::V6;
            let set = if config.target.is_unicast() { &mut links } else { &mut joined };
            set.insert((link, v6));
        }
        for (link, v6) in links.difference(&joined).copied() {
            let ear = match Overhearing::open(link, v6) {
                Ok(ear) => ear,
                Err(e) => {
                    self.log.info(format_args!("Cannot listen for adverts to the group: {e}"));
                    continue;
                }
            };
            let post = self.post.clone();
            self.sightings.push(tokio::task::spawn_local(async move {
                loop {
                    match ear.next().await {
                        Ok(packet) => {
                            if post.send(Event::Overheard(link, v6, packet)).is_err() {
                                return;
                            }
                        }
                        Err(_) => tokio::time::sleep(std::time::Duration::from_secs(1)).await,
                    }
                }
            }));
        }
    }

    fn listen_for(&mut self, opened: std::io::Result<Sightings>) {
        let sightings = match opened {
            Ok(s) => s,
            Err(e) => return self.log.info(format_args!("Cannot listen for duplicate addresses: {e}")),
        };
        let post = self.post.clone();
        self.sightings.push(tokio::task::spawn_local(async move {
            loop {
                match sightings.next().await {
                    Ok(s) => {
                        if post.send(Event::Sighting(s)).is_err() {
                            return;
                        }
                    }
                    Err(_) => tokio::time::sleep(std::time::Duration::from_secs(1)).await,
                }
            }
        }));
    }
}

/// A VRRP packet within its IPv6 header.
fn v6_datagram(packet: &[u8]) -> Option<Datagram<'_>> {
    const HEADER: usize = 40;
    let (header, payload) = packet.split_at_checked(HEADER)?;
    let address = |at: usize| Some(Ipv6Addr::from(*header.get(at..)?.first_chunk::<16>()?));
    Some(Datagram::v6(payload, address(8)?, Some(address(24)?), header.get(7).copied()))
}
