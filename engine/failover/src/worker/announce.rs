//! Gratuitous ARP and unsolicited neighbour advertisements at the pace a site allows.
//!
//! A pace (`garp_group`, or `vrrp_garp_interval` and `vrrp_gna_interval` of one interface) lets one frame go and
//! then none for its interval. COMPAT: what is held up is remembered once for each address, not once for each
//! repeat: with a pace slower than a burst, an address is announced once or twice a burst, not
//! `garp_master_repeat` times (`announcements_are_paced_as_the_originals`). Held up frames leave in the order of
//! the configuration, and not at all once their instance is no master any more.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use rha_net::raw::{gratuitous_arp, neighbour_advertisement};
use rha_net::sysctl::{SettingFamily, forwards};
use rha_vrrp::{InstanceId, Moment, Vip};

use super::Worker;
use super::interfaces::Interfaces;

/// What shares one pace. ARP and neighbour advertisements have one each.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Lane {
    /// All interfaces of a `garp_group`, by its place in the configuration.
    Group(usize),
    /// One interface: the one below, for a macvlan.
    Interface(String),
}

/// How fast one lane is.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Pace {
    lane: (Lane, bool),
    /// Zero: no limit.
    interval: Duration,
}

/// Announcements held up, and when each lane is free again.
#[derive(Debug, Default)]
pub(super) struct Announcements {
    free_at: BTreeMap<(Lane, bool), Moment>,
    /// By instance and place among its addresses.
    waiting: BTreeMap<(InstanceId, usize), (Vip, Pace)>,
}

impl Announcements {
    fn free(&self, pace: &Pace) -> Moment {
        self.free_at.get(&pace.lane).copied().unwrap_or_default()
    }

    /// When a `garp_group` may send its next ARP and its next NA; [`Moment::default`] before the first.
    pub(super) fn group_free_at(&self, at: usize) -> [Moment; 2] {
        [false, true].map(|v6| self.free_at.get(&(Lane::Group(at), v6)).copied().unwrap_or_default())
    }

    fn note_sent(&mut self, pace: &Pace, now: Moment) {
        if !pace.interval.is_zero() {
            self.free_at.insert(pace.lane.clone(), now.after(pace.interval));
        }
    }

    /// An address is to be announced: given back if that may be done at once.
    fn admit(&mut self, place: (InstanceId, usize), vip: Vip, pace: Pace, now: Moment) -> Option<Vip> {
        if now < self.free(&pace) {
            self.waiting.insert(place, (vip, pace));
            return None;
        }
        self.note_sent(&pace, now);
        Some(vip)
    }

    /// When the next one may leave.
    pub(super) fn deadline(&self) -> Moment {
        self.waiting.values().map(|(_, pace)| self.free(pace)).min().unwrap_or(Moment::NEVER)
    }

    /// What may leave now, in the order of the configuration.
    fn due(&mut self, now: Moment) -> Vec<Vip> {
        if self.deadline() > now {
            return Vec::new();
        }
        let mut due = Vec::new();
        for (place, (vip, pace)) in std::mem::take(&mut self.waiting) {
            if let Some(vip) = self.admit(place, vip, pace, now) {
                due.push(vip);
            }
        }
        due
    }

    /// An instance is no master any more.
    pub(super) fn forget(&mut self, id: InstanceId) {
        self.waiting.retain(|(whose, _), _| *whose != id);
    }

    /// A reload numbers instances and addresses anew.
    pub(super) fn forget_all(&mut self) {
        self.waiting.clear();
    }
}

impl Worker {
    /// One address of an instance is to be announced.
    pub(super) fn announce(&mut self, id: InstanceId, place: usize) {
        let Some(machine) = self.router.instance(id) else { return };
        let Some(vip) = machine.config().vips().nth(place).cloned() else { return };
        let Some(pace) = self.pace(&vip) else { return };
        if let Some(vip) = self.announcements.admit((id, place), vip, pace, Self::now().into()) {
            self.send_announcement(&vip);
        }
    }

    /// Our own address, for unicast peers: at once, but what follows waits for it.
    pub(super) fn announce_source(&mut self, vip: &Vip) {
        let Some(pace) = self.pace(vip) else { return };
        self.announcements.note_sent(&pace, Self::now().into());
        self.send_announcement(vip);
    }

    /// What was held up and may leave now.
    pub(super) fn announce_due(&mut self, now: Moment) {
        for vip in self.announcements.due(now) {
            self.send_announcement(&vip);
        }
    }

    /// `garp_group` of the interface, else `vrrp_garp_interval` and `vrrp_gna_interval`; `None` where there is
    /// no address resolution.
    fn pace(&self, vip: &Vip) -> Option<Pace> {
        let (f, all) = (&self.plan.failover, &self.kernel.interfaces);
        let base = base(all, &vip.device);
        if all.link(base).is_some_and(|l| l.no_arp) {
            return None;
        }
        let group = f.garp_groups.iter().enumerate().find(|(_, g)| g.interfaces.iter().any(|i| i == base));
        let (lane, arp, na) = match group {
            Some((at, g)) => (Lane::Group(at), g.garp_interval_us, g.gna_interval_us),
            None => {
                let garp = &f.global.garp;
                (Lane::Interface(base.to_owned()), garp.interval_us, garp.gna_interval_us)
            }
        };
        let v6 = vip.address.is_ipv6();
        let interval = Duration::from_micros(u64::from(if v6 { na } else { arp }));
        Some(Pace { lane: (lane, v6), interval })
    }

    fn send_announcement(&self, vip: &Vip) {
        let Some(link) = self.kernel.interfaces.link(&vip.device) else { return };
        let (Some(mac), false, true) = (link.mac, link.loopback, link.ethernet) else { return };
        let (frame, what) = match vip.address {
            IpAddr::V4(a) => (gratuitous_arp(mac, a), "gratuitous ARP"),
            IpAddr::V6(a) => {
                let frame = neighbour_advertisement(mac, a, forwards(SettingFamily::V6, &vip.device));
                (frame, "ndisc unsolicited neighbour advert")
            }
        };
        self.log.detail(vip.announcement_text());
        if let Err(e) = self.frames.send(link.index, &frame) {
            let code = e.raw_os_error().unwrap_or(0);
            self.log.info(format_args!(
                "Error {code} ({e}) sending {what} on {} for {}",
                vip.device, vip.address
            ));
        }
    }
}

/// The interface below a macvlan or ipvlan, else the interface itself.
fn base<'a>(all: &'a Interfaces, device: &'a str) -> &'a str {
    let below = all.link(device).filter(|l| matches!(l.kind.as_deref(), Some("macvlan" | "ipvlan")));
    below.and_then(|l| all.at(l.parent?)).map_or(device, |l| l.name.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEP: u64 = 50_000;

    fn pace(name: &str, step: u64) -> Pace {
        Pace { lane: (Lane::Interface(name.to_owned()), false), interval: Duration::from_micros(step) }
    }

    fn vip(n: u8) -> Vip {
        Vip::new(IpAddr::from([10, 0, 0, n]), "eth0")
    }

    /// A burst of five rounds over these, all at once; then time goes on.
    fn frames(places: &[(usize, usize)], step: u64) -> Vec<(u64, usize)> {
        let (mut a, mut sent) = (Announcements::default(), Vec::new());
        let number = |v: &Vip| match v.address {
            IpAddr::V4(a) => usize::from(a.octets()[3]),
            IpAddr::V6(_) => 0,
        };
        for _ in 0..5 {
            for (instance, place) in places {
                let n = u8::try_from(instance * 10 + place).unwrap();
                let at = (InstanceId(*instance), *place);
                let free = a.admit(at, vip(n), pace("eth0", step), Moment(1000));
                sent.extend(free.map(|v| (0, number(&v))));
            }
        }
        while a.deadline() != Moment::NEVER {
            let now = a.deadline();
            sent.extend(a.due(now).iter().map(|v| (now.0 - 1000, number(v))));
        }
        sent
    }

    #[test]
    fn without_a_pace_every_repeat_leaves_at_once() {
        let sent = frames(&[(0, 1), (0, 2)], 0);
        let numbers: Vec<usize> = sent.iter().map(|(_, n)| *n).collect();
        assert_eq!(numbers, [1, 2, 1, 2, 1, 2, 1, 2, 1, 2]);
        assert!(sent.iter().all(|(at, _)| *at == 0));
    }

    #[test]
    fn what_is_held_up_leaves_once_an_address_in_order() {
        let sent = frames(&[(1, 1), (0, 2), (0, 1)], STEP);
        assert_eq!(sent, [(0, 11), (STEP, 1), (2 * STEP, 2), (3 * STEP, 11)]);
    }

    #[test]
    fn lanes_do_not_wait_for_each_other_and_what_is_forgotten_stays() {
        let (mut a, now) = (Announcements::default(), Moment(1000));
        let mut admit = |n: usize, lane: &str| {
            a.admit((InstanceId(n), 0), vip(u8::try_from(n).unwrap()), pace(lane, STEP), now).is_some()
        };
        assert!(admit(1, "eth0") && admit(2, "eth1"));
        assert!(!admit(3, "eth0") && !admit(4, "eth1"));
        a.forget(InstanceId(3));
        let due = a.due(Moment(1000 + STEP));
        assert_eq!(due.iter().map(|v| v.address).collect::<Vec<_>>(), [vip(4).address]);
        assert_eq!(a.deadline(), Moment::NEVER);
    }
}
