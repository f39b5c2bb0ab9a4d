//! Making a change true: server state, balancer, queues; then telling it.

use std::sync::PoisonError;
use std::sync::atomic::Ordering::Relaxed;

use rha_base::Tick;
use rha_health::{After, Fleet, Happening, Health, Line, Place, Severity, Told, no_server_left};

use super::{Desk, Ledger};
use crate::plan::ProxyPlan;
use crate::state::{Operation, ProxyState, admin};

/// All bits the watch decides over.
const WATCHED: u32 = admin::MAINTENANCE | admin::CONFIGURED_MAINTENANCE | admin::DRAIN;

impl Desk {
    /// Runs a change of the fleet, applies and tells what came of it, and wakes the check if it may be due earlier.
    pub(crate) fn change(&self, target: usize, act: impl FnOnce(&mut Fleet, Tick, &mut Told<'_>) -> bool) {
        let now = rha_net::read_clocks().tick();
        let mut ledger = self.lock();
        let Ledger { fleet, had } = &mut *ledger;
        let hurry = act(fleet, now, &mut |i, health, happenings| {
            self.apply(i, health, happenings, had, now);
        });
        drop(ledger);
        if hurry && let Some([check, agent]) = self.hurry.get(target) {
            check.notify_one();
            agent.notify_one();
        }
    }

    /// Gives servers the states of a state file.
    pub(super) fn restore(&self) {
        self.restoring.store(true, Relaxed);
        for (i, target) in self.targets.iter().enumerate() {
            let server =
                self.plan.proxy(target.proxy).and_then(|p| p.model.service.servers.get(target.server));
            let Some(server) = server else { continue };
            if let Some(saved) = server.extra.as_ref().and_then(|e| e.restored.as_ref()) {
                self.change(i, |fleet, now, told| {
                    fleet.change(i, now, told, |h| h.restore(saved, server.weight, now))
                });
            }
        }
        self.restoring.store(false, Relaxed);
    }

    /// Sets a weight of 0..=256 and tells if the last server went with it.
    pub(crate) fn set_weight(&self, target: usize, weight: u32) {
        let Some((target, proxy)) = self.targets.get(target).zip(self.proxy(target)) else { return };
        let mut ledger = self.lock();
        proxy.state.set_weight(target.server, weight);
        self.count(proxy, &mut ledger.had);
    }

    fn proxy(&self, target: usize) -> Option<&ProxyPlan> {
        self.plan.proxy(self.targets.get(target)?.proxy)
    }

    fn apply(&self, i: usize, health: &Health, happenings: &[Happening], had: &mut [usize], now: Tick) {
        let Some((target, proxy)) = self.targets.get(i).zip(self.proxy(i)) else { return };
        let Some(server) = proxy.state.servers.get(target.server) else { return };
        let (queued, waiting) = (server.queued.read(), proxy.state.queued.read());
        let was_up = server.is_up();
        settle(&proxy.state, target.server, health, now);
        if server.is_up() != was_up {
            self.plan.marked(proxy.id, target.server, !was_up);
        }
        let moved = if health.usable() {
            waiting.saturating_sub(proxy.state.queued.read())
        } else {
            queued.saturating_sub(server.queued.read())
        };
        let (active, backup) = proxy.state.usable();
        let after = After {
            active,
            backup,
            sessions: server.served.read().into(),
            requeued: moved.into(),
            queued: server.queued.read().into(),
        };
        let via = target.tracks.and_then(|t| self.targets.get(t));
        let place = Place {
            backend: &target.backend,
            server: &target.name,
            backup: target.backup,
            via: via.map(|t| (&*t.backend, &*t.name)),
            host: &target.host,
            weighted: server.user_weight.load(Relaxed) != 0,
        };
        for happening in happenings {
            self.tell(proxy, "WARNING", &happening.line(&place, &after));
        }
        self.count(proxy, had);
    }

    /// Notes how many servers a backend has, and tells when the last one is gone.
    fn count(&self, proxy: &ProxyPlan, had: &mut [usize]) {
        let Some(had) = had.get_mut(proxy.id.0 as usize) else { return };
        let have = super::targets::count(proxy.state.usable());
        let before = std::mem::replace(had, have);
        if (before == 0) != (have == 0) {
            proxy.state.turned(have != 0);
        }
        // COMPAT: a backend that has none from the start is not told of.
        if before != 0 && have == 0 && !self.restoring.load(Relaxed) {
            let kind = if proxy.kind == rha_ir::ProxyKind::Listen { "proxy" } else { "backend" };
            self.tell(proxy, "ALERT", &no_server_left(kind, &proxy.name));
        }
    }

    fn tell(&self, proxy: &ProxyPlan, word: &str, line: &Line) {
        // COMPAT: what comes of a state file is told as part of the configuration, and not logged.
        if self.restoring.load(Relaxed) {
            return (self.console)(word, &format!("config : {}", line.stderr));
        }
        (self.console)(word, &line.stderr);
        let level = match line.severity {
            Severity::Emergency => 0,
            Severity::Alert => 1,
            Severity::Notice => 5,
        };
        self.log(proxy, level, &line.log);
    }

    pub(super) fn log(&self, proxy: &ProxyPlan, level: u8, line: &str) {
        let wall_us = rha_net::read_clocks().wall_us;
        let logs = self.logs.lock().unwrap_or_else(PoisonError::into_inner);
        logs.emit(&proxy.logs, level, wall_us, line.as_bytes());
        logs.flush();
    }
}

/// Brings the data path's view of a server up to date.
pub(super) fn settle(state: &ProxyState, server: usize, health: &Health, now: Tick) {
    let Some(s) = state.servers.get(server) else { return };
    let percent = (health.scale(now) * 100 / 16).max(1);
    let slower = s.slow_start_percent.swap(percent, Relaxed) != percent;
    let operation = match health.operation() {
        rha_health::Operation::Stopped => Operation::Stopped,
        rha_health::Operation::Starting => Operation::Starting,
        rha_health::Operation::Running => Operation::Running,
        rha_health::Operation::Stopping => Operation::Stopping,
    };
    let flags = u32::from(health.admin().0);
    let moved = s.operation() != operation;
    if s.admin() & WATCHED != flags {
        state.set_admin(server, flags, WATCHED & !flags);
    }
    if moved {
        state.set_operation(server, operation);
    } else if slower {
        state.refresh(server);
    }
}
