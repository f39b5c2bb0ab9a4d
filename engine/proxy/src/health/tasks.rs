//! The tasks of the watch's thread: one for each check and agent, one that follows slow starts, one that takes in what
//! live traffic showed.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use rha_health::schedule::{first_delays, next_delay};
use rha_health::{AgentReply, AgentWord, Checked, Environment, Health, Outcome, Script, Weight};
use rha_net::{ConnectOptions, read_clocks};
use tokio::sync::mpsc;

use super::feed::Sight;
use super::targets::{Probe, Target};
use super::texts::Stage;
use super::{Desk, probe};
use crate::state::ServerState;

/// How often slow starts are followed: HAProxy's second.
const FOLLOW: Duration = Duration::from_secs(1);

/// Numbers below 1 for spreading checks; nothing depends on their quality.
#[derive(Clone)]
struct Dice(Rc<Cell<u64>>);

impl Dice {
    fn new() -> Dice {
        Dice(Rc::new(Cell::new(read_clocks().mono_us | 1)))
    }

    fn roll(&self) -> f64 {
        let mut x = self.0.get();
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        self.0.set(x);
        (x >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// The life of the thread.
pub(super) async fn run(desk: Arc<Desk>, sights: mpsc::UnboundedReceiver<Sight>) {
    let dice = Dice::new();
    let jobs = jobs(&desk);
    let intervals: Vec<u64> = jobs.iter().map(|(i, which)| interval(&desk, *i, *which)).collect();
    let delays = first_delays(&intervals, desk.spread, &mut || dice.roll());
    for ((target, which), delay) in jobs.into_iter().zip(delays) {
        let (desk, dice) = (desk.clone(), dice.clone());
        rha_net::spawn(async move { watch(&desk, target, which, delay, &dice).await });
    }
    let shared = desk.clone();
    rha_net::spawn(async move { follow_starts(&shared).await });
    let shared = desk.clone();
    rha_net::spawn(async move { take_sights(&shared, sights).await });
    desk.stop.notified().await;
}

/// Checks in the order in which their first runs are spread: by server, its agent behind its check.
fn jobs(desk: &Desk) -> Vec<(usize, Checked)> {
    let each = desk.targets.iter().enumerate().flat_map(|(i, t)| {
        let check = t.check.as_ref().map(|_| (i, Checked::Health));
        let agent = t.agent.as_ref().map(|_| (i, Checked::Agent));
        [check, agent]
    });
    each.flatten().collect()
}

fn interval(desk: &Desk, target: usize, which: Checked) -> u64 {
    desk.lock().fleet.get_mut(target).map_or(0, |h| h.interval_ms(which))
}

/// Checks one server for ever.
async fn watch(desk: &Desk, target: usize, which: Checked, first: u64, dice: &Dice) {
    let Some(t) = desk.targets.get(target) else { return };
    let probe = match which {
        Checked::Health => &t.check,
        Checked::Agent => &t.agent,
    };
    let Some(probe) = probe else { return };
    let hurry = desk.hurry.get(target).and_then(|h| h.get(usize::from(which == Checked::Agent)));
    let Some(hurry) = hurry else { return };
    let mut due = Instant::now() + Duration::from_millis(first);
    loop {
        tokio::select! {
            () = rha_net::sleep_until(due) => {}
            () = hurry.notified() => {
                let sooner = Instant::now() + Duration::from_millis(interval(desk, target, which));
                due = due.min(sooner);
                continue;
            }
        }
        if runs(desk, target, which) {
            check(desk, target, t, which, probe).await;
            let next = next_delay(interval(desk, target, which), desk.spread, &mut || dice.roll());
            due = Instant::now() + Duration::from_millis(next);
        } else {
            due = Instant::now() + Duration::from_millis(probe.inter_ms.max(1));
        }
    }
}

fn runs(desk: &Desk, target: usize, which: Checked) -> bool {
    let state = || {
        let t = desk.targets.get(target)?;
        desk.plan.proxy(t.proxy)?.state.servers.get(t.server)
    };
    let off = |s: &ServerState| match which {
        Checked::Health => s.checks_off.load(Relaxed),
        Checked::Agent => s.agent_off.load(Relaxed),
    };
    if state().is_some_and(off) {
        return false;
    }
    desk.lock().fleet.get(target).is_some_and(|h| h.runs(which))
}

async fn check(desk: &Desk, target: usize, t: &Target, which: Checked, probe: &Probe) {
    let Some(proxy) = desk.plan.proxy(t.proxy) else { return };
    let Some(server) = proxy.state.servers.get(t.server) else { return };
    let aim = match which {
        Checked::Health => &server.check_aim,
        Checked::Agent => &server.agent_aim,
    };
    let aim = aim.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let address = aim.bend(probe.address(server.address()));
    let asked = aim.send.as_ref().map(|s| Probe { script: Script::agent(s), ..probe.clone() });
    let probe = asked.as_ref().unwrap_or(probe);
    let Some(environment) = environment(desk, target, t, probe) else { return };
    let options = proxy.server(t.server).map_or_else(ConnectOptions::default, |s| s.connect.clone());
    desk.runs.fetch_add(1, Relaxed);
    let [check_runs, agent_runs] = &server.checking;
    let under_way = if which == Checked::Agent { agent_runs } else { check_runs };
    under_way.store(true, Relaxed);
    let texts = proxy.check_texts.as_ref().filter(|_| which == Checked::Health);
    let stage = texts.map(|texts| Stage::new(texts, desk, t));
    let (outcome, reply) = match &probe.program {
        Some(program) => (program.run(&server.address(), server.served.read(), &environment).await, None),
        None => probe::run(probe, &address, &options, environment, stage.as_ref()).await,
    };
    under_way.store(false, Relaxed);
    // A check that maintenance overtook counts for nothing.
    if !runs(desk, target, which) {
        return;
    }
    match (which, reply) {
        (Checked::Agent, Some(reply)) => heed(desk, target, t, &reply, &outcome),
        _ => desk.change(target, |fleet, now, told| {
            fleet.change(target, now, told, |h| h.handle_result(which, &outcome, now))
        }),
    }
}

/// Does what an agent asked for: administration first, then weights, then health.
fn heed(desk: &Desk, target: usize, t: &Target, reply: &AgentReply, outcome: &Outcome) {
    let flags = reply.admin.map(|word| match word {
        AgentWord::Ready => Health::READY,
        AgentWord::Drain => Health::DRAIN,
        AgentWord::Maint => Health::MAINT,
    });
    if let Some(flags) = flags {
        desk.change(target, |fleet, now, told| fleet.administer(target, now, flags, "", told));
    }
    let mut warning = None;
    if let Some(text) = &reply.weight {
        let initial =
            desk.plan.proxy(t.proxy).and_then(|p| p.state.servers.get(t.server)).map(|s| s.initial_weight);
        match Weight::parse(text).and_then(|w| w.of(initial.unwrap_or(1), t.setup.dynamic_weight)) {
            Ok(weight) => desk.set_weight(target, weight),
            Err(text) => warning = Some(text),
        }
    }
    if let (Some(text), Some(proxy)) = (&reply.maxconn, desk.plan.proxy(t.proxy)) {
        match std::str::from_utf8(text).ok().and_then(|t| t.parse().ok()) {
            Some(n) => proxy.state.set_maxconn(t.server, n),
            None => warning = warning.or(Some("maxconn string empty or preceded by garbage\n")),
        }
    }
    let outcome = reply.outcome(warning, outcome.duration_ms);
    desk.change(target, |fleet, now, told| {
        fleet.change(target, now, told, |h| {
            if let Some(up) = reply.up() {
                h.handle_agent_word(up);
            }
            h.handle_result(Checked::Agent, &outcome, now)
        })
    });
}

fn environment(desk: &Desk, target: usize, t: &Target, probe: &Probe) -> Option<Environment> {
    let proxy = desk.plan.proxy(t.proxy)?;
    let ledger = desk.lock();
    let health = ledger.fleet.get(target)?;
    let connect = proxy.timeouts.connect;
    Some(Environment {
        dialect: desk.plan.dialect,
        server_up: health.operation() != rha_health::Operation::Stopped,
        state: state_field(desk, t, health).unwrap_or_default().into_bytes(),
        inter_ms: probe.inter_ms,
        connect_ms: connect.is_set().then_some(connect.0.into()),
        check_ms: probe.check_ms,
    })
}

/// The value of `X-Haproxy-Server-State`. HAProxy 3.0 configuration manual §4.2 "http-check send-state".
fn state_field(desk: &Desk, t: &Target, health: &Health) -> Option<String> {
    let proxy = desk.plan.proxy(t.proxy)?;
    let server = proxy.state.servers.get(t.server)?;
    let (address, port) = match server.address().ip() {
        Some(a) => (a.ip().to_string(), a.port().to_string()),
        None => (String::new(), String::new()),
    };
    let (total, unit) = proxy.state.lock().balancer.total_weight();
    let weight =
        if health.usable() { server.effective_weight().div_ceil(rha_balance::WEIGHT_SCALE) } else { 0 };
    let streams = proxy.state.back.read().saturating_sub(proxy.state.queued.read());
    let throttle = health.throttle_percent(read_clocks().tick());
    Some(format!(
        "{}; address={address}; port={port}; name={}/{}; node={}; weight={weight}/{}; scur={}/{streams}; qcur={}{}",
        health.state_word(),
        t.backend,
        t.name,
        desk.node,
        total.div_ceil(unit),
        server.served.read(),
        server.queued.read(),
        throttle.map_or(String::new(), |p| format!("; throttle={p}%")),
    ))
}

/// Grows the weights of servers that start slowly, and ends their starts.
async fn follow_starts(desk: &Desk) {
    let mut beat = Instant::now();
    loop {
        rha_net::sleep_until(beat).await;
        beat += FOLLOW;
        let starting: Vec<usize> = {
            let ledger = desk.lock();
            let is_starting = |i: &usize| {
                ledger.fleet.get(*i).is_some_and(|h| h.operation() == rha_health::Operation::Starting)
            };
            (0..ledger.fleet.len()).filter(is_starting).collect()
        };
        for target in starting {
            desk.change(target, |fleet, now, told| {
                fleet.change(target, now, told, |h| h.handle_timeout(now))
            });
        }
    }
}

async fn take_sights(desk: &Desk, mut sights: mpsc::UnboundedReceiver<Sight>) {
    while let Some(Sight { proxy, server, traffic }) = sights.recv().await {
        let Some(target) = desk.target(proxy, server) else { continue };
        desk.change(target, |fleet, now, told| {
            fleet.change(target, now, told, |h| h.handle_traffic(traffic, now))
        });
    }
    // Nobody is observed: the sender is gone.
    std::future::pending::<()>().await;
}
