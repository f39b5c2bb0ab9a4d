//! Frontends paused, resumed and stopped while running, with the lines that say so on standard error and
//! in the logs.
//!
//! COMPAT: words, order and levels of the lines as the original gives them (`cli/frontend-clients`,
//! `process/term`).

use std::sync::atomic::Ordering::Relaxed;

use rha_proxy::plan::ProxyPlan;

use crate::engine::Engine;

/// Syslog's level of a warning.
const WARNING: u8 = 4;

impl Engine {
    /// Pauses or resumes a frontend and says so; false when there was nothing to do.
    pub fn pause_front(&self, p: &ProxyPlan, paused: bool) -> bool {
        let state = &p.state;
        if state.stopped.load(Relaxed) || state.paused.load(Relaxed) == paused {
            return false;
        }
        self.runtime.pause_front(p.id, paused);
        let kind = if p.kind.is_backend() { "proxy" } else { "frontend" };
        self.tell(p, &format!("{} {kind} {}.", verb(paused), p.name));
        true
    }

    /// SIGTTOU and SIGTTIN: all frontends. DIFFERS: the runtime API goes on answering; since 3.0 the
    /// original's waits with the rest, so that nobody can ask or resume but by signal.
    pub fn pause_all(&self, paused: bool) {
        if !self.sockets.is_empty() {
            (self.console)("WARNING", &format!("{} frontend GLOBAL.", verb(paused)));
        }
        for p in self.runtime.plan().proxies.iter().filter(|p| !p.listeners.is_empty()) {
            self.pause_front(p, paused);
        }
    }

    /// Closes a frontend for good and says so.
    pub fn stop_front(&self, p: &ProxyPlan) {
        self.runtime.close_front(p.id);
        self.tell_stopped(p);
    }

    /// Says that a proxy has stopped, with what it served.
    pub fn tell_stopped(&self, p: &ProxyPlan) {
        let (f, b) = (self.runtime.front(p.id), self.runtime.back(p.id));
        let (front, back) = (f.connections, b.sessions);
        self.tell(p, &format!("Proxy {} stopped (cumulated conns: FE: {front}, BE: {back}).", p.name));
    }

    fn tell(&self, p: &ProxyPlan, text: &str) {
        (self.console)("WARNING", text);
        self.watch.log(p.id, WARNING, text);
    }
}

fn verb(paused: bool) -> &'static str {
    if paused { "Paused" } else { "Resumed" }
}
