//! Who is in the kernel's table: real servers alive, quorum, sorry server.
//!
//! keepalived.conf(5) "quorum", "hysteresis", "sorry_server", "inhibit_on_failure", "alpha", "omega".

use super::super::change::{Act, CheckId, KernelChange, Notice};
use super::super::plan::{PoolPlan, ServerPlan};
use super::{Pool, real_weight};

impl Pool {
    /// The virtual server goes: real servers leave the table, whoever wants to know at a stop (`omega`) is told.
    pub fn stop(&mut self, out: &mut Vec<Act>) {
        if std::mem::replace(&mut self.sorry_set, false) {
            self.sorry_alive = false;
            out.push(Act::Kernel(KernelChange::RemoveSorry));
        }
        for server in 0..self.servers.len() {
            self.clear(server, Some("Shutting down"), out);
        }
        self.quorum_up = false;
        if self.plan.omega {
            self.tell_quorum("=> Shutting down <=".to_owned(), out);
        }
    }

    /// A checker's verdict on its real server; `mail` is the text if that change is worth one.
    pub(super) fn report(&mut self, id: CheckId, up: bool, mail: Option<String>, out: &mut Vec<Act>) {
        let Some(server) = self.servers.get_mut(id.server) else { return };
        let (was_alive, failed) = (server.alive, server.failed);
        let Some(slot) = server.slots.get_mut(id.checker) else { return };
        let first = !std::mem::replace(&mut slot.watch.has_run, true);
        if slot.watch.up == up {
            let alpha = self.checker(id).is_some_and(|c| c.alpha);
            if first && (alpha || !up) {
                self.tell_server(id.server, out);
            }
        } else {
            if up && failed <= 1 || !up && failed == 0 {
                self.set_alive(id.server, up, out);
            }
            self.mark(id, up);
        }
        let Some(server) = self.servers.get(id.server) else { return };
        let wanted = self.plan.servers.get(id.server).is_some_and(|s| s.mail);
        if let Some(body) = mail
            && wanted
            && (was_alive != server.alive || !self.plan.no_checker_emails)
        {
            let state = if server.alive { "UP" } else { "DOWN" };
            self.mail_server(id.server, state, body, out);
        }
    }

    pub(super) fn set_weight(&mut self, server: usize, weight: i64, out: &mut Vec<Act>) {
        let serving = self.quorum_up || !self.sorry_alive;
        let Some(s) = self.servers.get_mut(server) else { return };
        let (old, new) = (real_weight(s.weight), real_weight(weight));
        s.weight = weight;
        if old == new {
            return;
        }
        let state = if s.alive { "" } else { "in" };
        out.push(Act::Log(format!(
            "Changing weight from {old} to {new} for {state}active service {} of VS {}",
            s.name, self.plan.name
        )));
        if s.set && s.alive && serving {
            out.push(Act::Kernel(KernelChange::Weight { server, weight: new }));
        }
        self.update_quorum(false, out);
    }

    /// The table at the start.
    pub(super) fn fill(&mut self, out: &mut Vec<Act>) {
        for server in 0..self.servers.len() {
            let inhibit = self.inhibits(server);
            let Some(s) = self.servers.get(server).filter(|s| !s.reloaded) else { continue };
            let well = s.failed == 0;
            if well && !s.alive || inhibit && !s.set {
                self.add(server, out);
                if well && let Some(s) = self.servers.get_mut(server) {
                    s.alive = true;
                    if self.plan.rs_init_notifies {
                        self.tell_server(server, out);
                    }
                }
            }
        }
        self.update_quorum(true, out);
        // a sorry server under `sorry_server_inhibit` stands by with weight 0
        let stands_by = self.plan.sorry.as_ref().is_some_and(|s| s.inhibit) && !self.sorry_set;
        if stands_by {
            self.sorry_set = true;
            out.push(Act::Kernel(KernelChange::AddSorry { weight: 0 }));
        }
    }

    /// Before [`Pool::adopt`] on the pool that follows: real servers that are not in its plan leave the table. What
    /// comes out counts real servers as this pool does.
    pub fn retire(&mut self, next: &PoolPlan, out: &mut Vec<Act>) {
        for server in 0..self.servers.len() {
            if self.plan.servers.get(server).is_some_and(|s| find(next, s).is_none()) {
                out.push(Act::Log(format!("service {} no longer exist", self.server_name(server))));
                self.clear(server, None, out);
            }
        }
        if self.sorry_alive && next.sorry.is_none() {
            if let Some(sorry) = &self.plan.sorry {
                let name = PoolPlan::server_name(sorry.address, self.plan.protocol);
                out.push(Act::Log(format!("Removing sorry server {name} from VS {}", self.plan.name)));
            }
            out.push(Act::Kernel(KernelChange::RemoveSorry));
        }
    }

    /// After a reload: what is the same goes on, what is new begins.
    pub(super) fn inherit(&mut self, old: &Pool, out: &mut Vec<Act>) {
        self.quorum_up = old.quorum_up;
        self.sorry_alive = old.sorry_alive && self.plan.sorry.is_some();
        self.sorry_set = old.sorry_set && self.plan.sorry.is_some();
        for server in 0..self.servers.len() {
            let earlier = self.plan.servers.get(server).and_then(|s| find(&old.plan, s));
            if let Some(earlier) = earlier {
                self.inherit_server(server, old, earlier, out);
            }
        }
        if old.sorry_alive && self.plan.sorry.is_none() {
            self.refill(true, out);
        }
        self.fill(out);
    }

    fn inherit_server(&mut self, server: usize, old: &Pool, earlier: usize, out: &mut Vec<Act>) {
        let (Some(plan), Some(old_plan)) = (self.plan.servers.get(server), old.plan.servers.get(earlier))
        else {
            return;
        };
        let (Some(s), Some(o)) = (self.servers.get_mut(server), old.servers.get(earlier)) else { return };
        s.reloaded = true;
        s.weight_before = o.weight;
        s.alive = o.alive;
        s.set = o.set;
        for (slot, checker) in s.slots.iter_mut().zip(&plan.checkers) {
            let same = old_plan.checkers.iter().zip(&o.slots).find(|(c, _)| c.is_same(checker));
            if let Some((_, before)) = same {
                slot.watch.resume(&before.watch, checker);
                slot.remarks.clone_from(&before.remarks);
                slot.ran_us = before.ran_us;
            }
        }
        s.failed = s.slots.iter().filter(|slot| slot.watch.has_run && !slot.watch.up).count();
        let ran = s.slots.iter().any(|slot| slot.watch.has_run);
        if s.failed > 0 || !s.alive && !ran {
            for (slot, checker) in s.slots.iter_mut().zip(&plan.checkers).filter(|(s, _)| !s.watch.has_run) {
                slot.watch.distrust(checker);
            }
            s.failed = s.slots.iter().filter(|slot| !slot.watch.up).count();
        } else {
            s.slots.iter_mut().filter(|slot| !slot.watch.has_run).for_each(|slot| slot.watch.up = true);
        }
        let weight = plan.weight + s.slots.iter().map(|slot| slot.watch.share).sum::<i64>();
        let (failed, alive, set, inhibit) = (s.failed, s.alive, s.set, plan.inhibit);
        s.weight = o.weight;
        self.set_weight(server, weight, out);
        if failed == 0 && !alive {
            self.set_alive(server, true, out);
        } else if failed > 0 && set != inhibit {
            if inhibit {
                self.add(server, out)
            } else {
                self.delete(server, out)
            }
            if let Some(s) = self.servers.get_mut(server) {
                s.alive = false;
            }
        }
    }

    fn inhibits(&self, server: usize) -> bool {
        self.plan.servers.get(server).is_some_and(|s| s.inhibit)
    }

    /// Sum of the weights of real servers alive.
    fn weight_alive(&self) -> u64 {
        self.servers.iter().filter(|s| s.alive).map(|s| u64::from(real_weight(s.weight))).sum()
    }

    /// COMPAT: under `inhibit_on_failure` a real server stays in the table with weight 0.
    fn add(&mut self, server: usize, out: &mut Vec<Act>) {
        let inhibit = self.inhibits(server);
        let Some(s) = self.servers.get_mut(server) else { return };
        let weight = real_weight(s.weight);
        let again = s.set;
        s.set = true;
        out.push(Act::Kernel(if again {
            KernelChange::Weight { server, weight }
        } else {
            KernelChange::Add { server, weight: if inhibit && s.failed > 0 { 0 } else { weight } }
        }));
    }

    fn delete(&mut self, server: usize, out: &mut Vec<Act>) {
        let inhibit = self.inhibits(server);
        let Some(s) = self.servers.get_mut(server) else { return };
        if inhibit {
            out.push(Act::Kernel(KernelChange::Weight { server, weight: 0 }));
        } else if s.set {
            s.set = false;
            out.push(Act::Kernel(KernelChange::Remove { server }));
        }
    }

    fn set_alive(&mut self, server: usize, alive: bool, out: &mut Vec<Act>) {
        let inhibit = self.inhibits(server);
        let Some(s) = self.servers.get(server).filter(|s| s.alive != alive) else { return };
        let (verb, to) = match (alive, inhibit) {
            (true, true) => ("Enabl", "of"),
            (true, false) => ("Add", "to"),
            (false, true) => ("Disabl", "of"),
            (false, false) => ("Remov", "from"),
        };
        out.push(Act::Log(format!("{verb}ing service {} {to} VS {}", s.name, self.plan.name)));
        if self.quorum_up || !self.sorry_alive {
            if alive { self.add(server, out) } else { self.delete(server, out) }
        }
        if let Some(s) = self.servers.get_mut(server) {
            s.alive = alive;
        }
        self.tell_server(server, out);
        self.update_quorum(false, out);
    }

    fn mark(&mut self, id: CheckId, up: bool) {
        let Some(server) = self.servers.get_mut(id.server) else { return };
        let Some(slot) = server.slots.get_mut(id.checker) else { return };
        if std::mem::replace(&mut slot.watch.up, up) != up {
            server.failed = if up { server.failed.saturating_sub(1) } else { server.failed + 1 };
        }
    }

    fn update_quorum(&mut self, starting: bool, out: &mut Vec<Act>) {
        let sum = self.weight_alive();
        let (quorum, hysteresis) = (self.plan.quorum, self.plan.hysteresis);
        let (q, h) = (i64::from(quorum), i64::from(hysteresis));
        let threshold = if self.quorum_up { q - h } else { q + h };
        let enough = i64::try_from(sum).unwrap_or(i64::MAX) >= threshold;
        let name = self.plan.name.clone();
        let sorry_waits = self.plan.sorry.is_some() && !self.sorry_alive;
        let said = if !self.quorum_up && enough {
            self.quorum_up = true;
            let line = format!("Gained quorum {quorum}+{hysteresis}={threshold} <= {sum} for VS {name}");
            out.push(Act::Log(line));
            self.dismiss_sorry(out);
            if starting { "Starting with quorum up" } else { "Gained quorum" }
        } else if self.quorum_up && (sum == 0 || !enough) || starting && !self.quorum_up && sorry_waits {
            self.quorum_up = false;
            let what = if starting { "Starting with quorum down" } else { "Lost quorum" };
            let line = format!("{what} {quorum}-{hysteresis}={threshold} > {sum} for VS {name}");
            out.push(Act::Log(line));
            self.call_sorry(out);
            what
        } else {
            return;
        };
        self.tell_quorum(format!("=> {said} {quorum}+{hysteresis}={threshold} <= {sum} <="), out);
    }

    fn dismiss_sorry(&mut self, out: &mut Vec<Act>) {
        let Some(sorry) = self.plan.sorry.clone().filter(|_| self.sorry_alive) else { return };
        let verb = if sorry.inhibit { "Disabling" } else { "Removing" };
        let name = PoolPlan::server_name(sorry.address, self.plan.protocol);
        out.push(Act::Log(format!("{verb} sorry server {name} from VS {}", self.plan.name)));
        out.push(Act::Kernel(if sorry.inhibit {
            KernelChange::SorryWeight { weight: 0 }
        } else {
            KernelChange::RemoveSorry
        }));
        self.sorry_alive = false;
        self.sorry_set = sorry.inhibit;
        self.refill(true, out);
    }

    fn call_sorry(&mut self, out: &mut Vec<Act>) {
        let Some(sorry) = self.plan.sorry.clone().filter(|_| !self.sorry_alive) else { return };
        let verb = if sorry.inhibit { "Enabling" } else { "Adding" };
        let name = PoolPlan::server_name(sorry.address, self.plan.protocol);
        out.push(Act::Log(format!("{verb} sorry server {name} to VS {}", self.plan.name)));
        self.refill(false, out);
        let weight = sorry.weight;
        out.push(Act::Kernel(if sorry.inhibit && self.sorry_set {
            KernelChange::SorryWeight { weight }
        } else {
            KernelChange::AddSorry { weight }
        }));
        self.sorry_set = true;
        self.sorry_alive = true;
    }

    /// Real servers alive come back into the table, or leave it to the sorry server.
    fn refill(&mut self, back: bool, out: &mut Vec<Act>) {
        let what = if back { "Adding alive servers to" } else { "Removing alive servers from" };
        out.push(Act::Log(format!("{what} the pool for VS {}", self.plan.name)));
        for server in 0..self.servers.len() {
            if self.servers.get(server).is_some_and(|s| s.alive) {
                if back { self.add(server, out) } else { self.delete(server, out) }
            }
        }
    }

    /// A real server goes for good, at a stop or because it is written no more.
    fn clear(&mut self, server: usize, stopping: Option<&str>, out: &mut Vec<Act>) {
        let inhibit = self.inhibits(server);
        let Some(s) = self.servers.get_mut(server) else { return };
        if s.set || stopping.is_some() {
            let verb = stopping.unwrap_or("Removing");
            let inhibited = if inhibit && !s.alive { "(inhibited) " } else { "" };
            let line = format!("{verb} {inhibited}service {} from VS {}", s.name, self.plan.name);
            out.push(Act::Log(line));
        }
        if !std::mem::replace(&mut s.set, false) {
            return;
        }
        out.push(Act::Kernel(KernelChange::Remove { server }));
        if !std::mem::replace(&mut s.alive, false) || stopping.is_some() && !self.plan.omega {
            return;
        }
        self.tell_server(server, out);
        if self.plan.servers.get(server).is_some_and(|s| s.mail) {
            let body = format!("=> {} <=", stopping.unwrap_or("Removing"));
            self.mail_server(server, "DOWN", body, out);
        }
    }

    fn tell_server(&self, server: usize, out: &mut Vec<Act>) {
        let Some(s) = self.servers.get(server) else { return };
        let state = if s.alive { "UP" } else { "DOWN" };
        out.push(Act::Notify(Notice::Server { server, up: s.alive }));
        out.push(Act::Fifo(format!("RS {} {} {state}\n", s.name, self.plan.name)));
    }

    fn tell_quorum(&self, body: String, out: &mut Vec<Act>) {
        let state = if self.quorum_up { "UP" } else { "DOWN" };
        let name = &self.plan.name;
        out.push(Act::Notify(Notice::Quorum { up: self.quorum_up }));
        out.push(Act::Fifo(format!("VS {name} {state}\n")));
        if self.plan.mail {
            let subject = format!("[{}] Virtualserver {name} - {state}", self.plan.router_id);
            // COMPAT: the original's buffer ends it there
            let body = body.chars().take(79).collect();
            out.push(Act::Mail { subject, body });
        }
    }

    fn mail_server(&self, server: usize, state: &str, body: String, out: &mut Vec<Act>) {
        let subject = format!(
            "[{}] Realserver {} of virtual server {} - {state}",
            self.plan.router_id,
            self.server_name(server),
            self.plan.name
        );
        out.push(Act::Mail { subject, body });
    }
}

fn find(plan: &PoolPlan, server: &ServerPlan) -> Option<usize> {
    plan.servers.iter().position(|s| s.address == server.address)
}
