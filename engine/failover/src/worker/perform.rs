//! Doing what the machine orders, in its order.

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::time::Duration;

use rha_base::Now;
use rha_net::raw::{FrameSender, gratuitous_arp, neighbour_advertisement};
use rha_net::sysctl::{SettingFamily, forwards};
use rha_vrrp::{Action, InstanceId, Moment, Output, Vip, Who};

use super::Worker;
use super::interfaces::Interfaces;
use crate::log::Log;

impl Worker {
    /// Carries out everything ordered.
    pub(super) fn perform(&mut self, orders: Vec<Output>) {
        let orders = self.watch_transitions(orders);
        // The packet filter costs milliseconds a change: one before all addresses, one after.
        let block = self.drop_rules(&orders, true);
        let unblock = self.drop_rules(&orders, false);
        self.apply_filter(&block);
        for Output { who, action } in orders {
            match who {
                Who::Instance(id) => self.perform_one(id, action),
                Who::Group(group) => match action {
                    Action::Log { detail, text } => self.say(detail, &text),
                    Action::Notify { notice, .. } => self.tell_group(group, notice),
                    _ => {}
                },
            }
        }
        self.apply_filter(&unblock);
        self.arm_renewal();
        self.tell_due(Self::now());
    }

    /// The filter's changes among what is ordered: `no_accept` drops what is addressed to the addresses of an
    /// instance while it is master.
    fn drop_rules(&mut self, orders: &[Output], on: bool) -> String {
        let plan = self.plan.clone();
        let mut script = String::new();
        for o in orders {
            let Who::Instance(id) = o.who else { continue };
            let wanted = match o.action {
                Action::SetDropRule => true,
                Action::RemoveDropRule => false,
                _ => continue,
            };
            if let Some(i) = plan.failover.instances.get(id.0).filter(|_| wanted == on) {
                script += &super::start::drop_rule(self, i, on);
            }
        }
        script
    }

    fn say(&self, detail: bool, text: &str) {
        if !detail || self.log.is_detailed() {
            self.log.info(text);
        }
    }

    fn perform_one(&mut self, id: InstanceId, action: Action) {
        let plan = self.plan.clone();
        let Some(i) = plan.failover.instances.get(id.0) else { return };
        match action {
            Action::Send { to, priority, bytes } => self.send(id, to, priority, &bytes),
            // Done for all together, see `drop_rules`.
            Action::SetDropRule | Action::RemoveDropRule => {}
            Action::AddAddresses => self.kernel.add_addresses(i),
            Action::RemoveAddresses { .. } if self.settings.keep && self.stopping() => {
                self.kernel.abandon(&i.name);
            }
            Action::RemoveAddresses { force } => self.kernel.remove_addresses(i, force),
            Action::ReplaceAddresses { .. } => self.kernel.replace_addresses(i),
            Action::AddRoutes => self.kernel.add_routes(i),
            Action::RemoveRoutes | Action::RemoveRules if self.settings.keep && self.stopping() => {}
            Action::RemoveRoutes => self.kernel.remove_routes(i),
            Action::AddRules => self.kernel.add_rules(i),
            Action::RemoveRules => self.kernel.remove_rules(i),
            Action::Announce { vip } => {
                let found = self.router.instance(id).and_then(|m| m.config().vips().nth(vip).cloned());
                if let Some(vip) = found {
                    self.announce(vip);
                }
            }
            Action::AnnounceSource { address } => {
                let device = crate::plan::instance::running_interface(i).to_owned();
                self.announce(Vip { address, device, detail: String::new() });
            }
            Action::Notify { notice, priority } => self.tell_instance(i, notice, priority),
            Action::Log { detail, text } => self.say(detail, &text),
            Action::HandedOver { to } => self.handover_ended(id, Ok(to)),
            Action::HandoverFailed => self.handover_ended(id, Err(())),
        }
    }

    fn send(&mut self, id: InstanceId, to: IpAddr, priority: u8, bytes: &[u8]) {
        let (Some(key), Some(machine)) = (self.keys.get(id.0), self.router.instance(id)) else { return };
        let sent = self.sockets.send(key, machine.source(), to, machine.config().ttl, bytes);
        if let Err(e) = sent
            && priority > 0
        {
            let name = machine.name();
            let text = match machine.config().target.is_unicast() {
                true => format!("({name}) Cant send advert to {to} ({e})"),
                false => format!("({name}): send advert error {} ({e})", e.raw_os_error().unwrap_or(0)),
            };
            self.log.info(text);
        }
    }

    fn announce(&mut self, vip: Vip) {
        let now = Moment::from(Self::now());
        let interval = self.announcement_interval(&vip);
        self.announcements.push(vip, interval, now);
        self.announcements.send_due(Self::now(), &self.kernel.interfaces, &self.frames, &self.log);
    }

    /// `garp_group` of the interface, else `vrrp_garp_interval` and `vrrp_gna_interval`.
    fn announcement_interval(&self, vip: &Vip) -> Duration {
        let f = &self.plan.failover;
        let group = f.garp_groups.iter().find(|g| g.interfaces.contains(&vip.device));
        let (arp, na) = match group {
            Some(g) => (g.garp_interval_us, g.gna_interval_us),
            None => (f.global.garp.interval_us, f.global.garp.gna_interval_us),
        };
        Duration::from_micros(u64::from(if vip.address.is_ipv4() { arp } else { na }))
    }
}

/// Announcements in the order they were ordered, each interface at its own pace.
#[derive(Debug, Default)]
pub(super) struct Announcements {
    waiting: VecDeque<(Moment, Vip)>,
    free_at: BTreeMap<String, Moment>,
}

impl Announcements {
    fn push(&mut self, vip: Vip, interval: Duration, now: Moment) {
        let free = self.free_at.entry(vip.device.clone()).or_default();
        let at = now.max(*free);
        *free = at.after(interval);
        self.waiting.push_back((at, vip));
    }

    /// When the next one is due.
    pub(super) fn deadline(&self) -> Moment {
        self.waiting.iter().map(|(at, _)| *at).min().unwrap_or(Moment::NEVER)
    }

    /// Sends what is due.
    pub(super) fn send_due(&mut self, now: Now, interfaces: &Interfaces, frames: &FrameSender, log: &Log) {
        let now = Moment::from(now);
        let mut left = VecDeque::new();
        for (at, vip) in self.waiting.drain(..) {
            if at > now {
                left.push_back((at, vip));
                continue;
            }
            if let Some(e) = send_one(&vip, interfaces, frames).err() {
                log.detail(format_args!("Error sending for {} on {} - {e}", vip.address, vip.device));
            } else {
                log.detail(vip.announcement_text());
            }
        }
        self.waiting = left;
    }
}

fn send_one(vip: &Vip, interfaces: &Interfaces, frames: &FrameSender) -> std::io::Result<()> {
    let link = interfaces.link(&vip.device).ok_or(std::io::ErrorKind::NotFound)?;
    // COMPAT: nothing is announced where there is no address resolution.
    let (Some(mac), false, true) = (link.mac, link.no_arp || link.loopback, link.ethernet) else {
        return Ok(());
    };
    let frame = match vip.address {
        IpAddr::V4(a) => gratuitous_arp(mac, a),
        IpAddr::V6(a) => neighbour_advertisement(mac, a, forwards(SettingFamily::V6, &vip.device)),
    };
    frames.send(link.index, &frame)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn announcements_keep_their_pace_per_interface() {
        let mut a = Announcements::default();
        let vip = |d: &str| Vip::new("10.0.0.1".parse().unwrap(), d);
        let step = Duration::from_millis(10);
        for device in ["eth0", "eth0", "eth1", "eth0"] {
            a.push(vip(device), step, Moment(100));
        }
        let due: Vec<_> = a.waiting.iter().map(|(at, v)| (at.0, v.device.as_str())).collect();
        assert_eq!(due, [(100, "eth0"), (10_100, "eth0"), (100, "eth1"), (20_100, "eth0")]);
        assert_eq!(a.deadline(), Moment(100));
    }
}
