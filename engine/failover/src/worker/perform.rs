//! Doing what the machine orders, in its order.

use std::net::IpAddr;

use rha_vrrp::{Action, InstanceId, Output, Vip, Who};

use super::Worker;

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
            Action::RemoveAddresses { force } => {
                self.announcements.forget(id);
                self.kernel.remove_addresses(i, force);
            }
            Action::ReplaceAddresses { .. } => self.kernel.replace_addresses(i),
            Action::AddRoutes => self.kernel.add_routes(i),
            Action::RemoveRoutes | Action::RemoveRules if self.settings.keep && self.stopping() => {}
            Action::RemoveRoutes => self.kernel.remove_routes(i),
            Action::AddRules => self.kernel.add_rules(i),
            Action::RemoveRules => self.kernel.remove_rules(i),
            Action::Announce { vip } => self.announce(id, vip),
            Action::AnnounceSource { address } => {
                let device = crate::plan::instance::running_interface(i).to_owned();
                self.announce_source(&Vip { address, device, detail: String::new() });
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
}
