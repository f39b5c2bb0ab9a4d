//! One pair through all events. After each: who holds which address, who says it is master, who is heard,
//! and whether that came within the time the protocol allows (and the test machine stood still).

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use super::{Event, Pair, Variant};
use crate::Signal;
use crate::lan::{Lan, Pings, Spaces, Who};

/// How often an event is tried while the machine stands still.
const TRIES: usize = 4;
/// What the machine, a scheduler and a loaded test computer may add to the protocol's time.
pub const LATE: Duration = Duration::from_millis(600);
/// How much earlier than the protocol says something may happen: adverts that were sent late themselves.
pub const EARLY: Duration = Duration::from_millis(200);
/// Until a started or reloaded program runs.
const STARTING: Duration = Duration::from_millis(1500);
/// How much longer than its bound something is waited for, to say how late it was.
const GRACE: Duration = Duration::from_secs(4);
/// How long both may have an address after the death of one of ours, at intervals below a second.
const OVERLAP: Duration = Duration::from_millis(1200);
/// The longest time without an answer while an address moves on purpose between two living nodes.
const MOVING: Duration = Duration::from_millis(400);

/// What one event did.
#[derive(Debug, Clone)]
pub struct Cell {
    /// The event.
    pub event: Event,
    /// From the event until the new master has all addresses.
    pub takeover: Option<Duration>,
    /// Longest time without an answer to pings.
    pub outage: Option<Duration>,
    /// The same while the old master came back.
    pub back: Option<Duration>,
    /// What was wrong.
    pub wrong: Option<String>,
}

/// What a run did.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Variant.
    pub variant: &'static str,
    /// Pair.
    pub pair: Pair,
    /// One per event.
    pub cells: Vec<Cell>,
    /// The adverts and announcements of each node: everything that must be the same whoever sends it.
    pub shapes: [BTreeSet<String>; 2],
    /// What was wrong with sequences of adverts.
    pub sequence: Option<String>,
}

/// The earliest and the latest moment after an event.
#[derive(Debug, Clone, Copy)]
struct Bound {
    from: Duration,
    to: Duration,
}

impl Bound {
    fn within(to: Duration) -> Bound {
        Bound { from: Duration::ZERO, to }
    }
}

/// Measures of one event.
#[derive(Debug, Default)]
struct Measure {
    takeover: Option<Duration>,
    outage: Option<Duration>,
    back: Option<Duration>,
}

struct Run {
    lan: Lan,
    pings: Pings,
    variant: &'static Variant,
    pair: Pair,
    addresses: Vec<IpAddr>,
    /// Who is master now.
    master: usize,
    /// What both are configured with.
    priority: [u8; 2],
}

/// Takes a pair through all events, each that fails while the machine stood still once more. What the LANs leave
/// is removed when the caller drops it.
#[must_use]
pub fn run(variant: &'static Variant, pair: Pair) -> (Outcome, Vec<Spaces>) {
    let mut left = Vec::new();
    let mut out =
        Outcome { variant: variant.name, pair, cells: vec![], shapes: Default::default(), sequence: None };
    let mut current: Option<Run> = None;
    for event in Event::ALL {
        let mut tries = TRIES;
        let cell = loop {
            let start = Instant::now();
            tries -= 1;
            match step(variant, pair, current.take(), event) {
                Ok((run, measure)) => {
                    run.gather(&mut out);
                    current = Some(run);
                    break Cell::good(event, measure);
                }
                Err((why, run)) if tries > 0 && crate::halted_since(start) => {
                    eprintln!("{}: the machine stood still, once more: {why}", event.name());
                    left.extend(run.map(|r| r.lan.retire()));
                }
                Err((why, run)) => {
                    left.extend(run.map(|r| r.lan.retire()));
                    break Cell::failed(event, why);
                }
            }
        };
        out.cells.push(cell);
    }
    left.extend(current.map(|r| r.lan.retire()));
    (out, left)
}

/// Why an event went wrong, and the run if there was one.
type Failure = (String, Option<Box<Run>>);

/// One event. Without a run that went well so far it gets a LAN of its own, and what must come before it.
fn step(
    variant: &'static Variant,
    pair: Pair,
    current: Option<Run>,
    event: Event,
) -> Result<(Run, Measure), Failure> {
    let (mut run, before) = match (current, event) {
        (Some(run), _) => (run, &[][..]),
        (None, Event::Start) => (fresh(variant, pair)?, &[][..]),
        (None, Event::Heal) => (fresh(variant, pair)?, &[Event::Start, Event::SilentCut][..]),
        (None, _) => (fresh(variant, pair)?, &[Event::Start][..]),
    };
    for earlier in before {
        if let Err(why) = run.happen(*earlier) {
            return Err((why, Some(Box::new(run))));
        }
    }
    match run.happen(event) {
        Ok(measure) => Ok((run, measure)),
        Err(why) => Err((why, Some(Box::new(run)))),
    }
}

fn fresh(variant: &'static Variant, pair: Pair) -> Result<Run, Failure> {
    Run::new(variant, pair).map_err(|why| (why, None))
}

impl Cell {
    fn good(event: Event, m: Measure) -> Cell {
        Cell { event, takeover: m.takeover, outage: m.outage, back: m.back, wrong: None }
    }

    fn failed(event: Event, why: String) -> Cell {
        Cell { event, takeover: None, outage: None, back: None, wrong: Some(why) }
    }
}

impl Run {
    fn new(variant: &'static Variant, pair: Pair) -> Result<Run, String> {
        crate::watch();
        let lan = Lan::new(2, variant.unicast)?;
        let pings = lan.ping(variant.pinged())?;
        let priority = [Variant::usual_priority(1), Variant::usual_priority(2)];
        Ok(Run { lan, pings, variant, pair, addresses: variant.addresses(), master: 1, priority })
    }

    fn begin(&mut self) -> Result<Measure, String> {
        self.write(1)?;
        self.write(2)?;
        let start = Instant::now();
        self.lan.start(1, self.who(1), &[])?;
        let bound = Bound::within(self.down(1) + STARTING);
        let takeover = self.takes(1, start, bound)?;
        let since = Instant::now();
        self.lan.start(2, self.who(2), &[])?;
        self.enters(2, "BACKUP", since)?;
        self.agree(1, &[])?;
        Ok(Measure { takeover: Some(takeover), ..Measure::default() })
    }

    fn happen(&mut self, event: Event) -> Result<Measure, String> {
        if event != Event::Start {
            // where the last event left the client asking the wrong node
            self.lan.forget()?;
            if !self.pings.answered_within(GRACE) {
                return Err(format!("nobody answers before the event\n{}", self.lan.story()));
            }
        }
        match event {
            Event::Start => self.begin(),
            Event::GracefulStop => self.graceful_stop(),
            Event::Kill => self.kill(),
            Event::CarrierLoss => self.carrier_loss(),
            Event::SilentCut => self.silent_cut(),
            Event::Heal => self.heal(),
            Event::Priority => self.change_priority(),
            Event::Reload => self.reload(),
        }
    }

    fn graceful_stop(&mut self) -> Result<Measure, String> {
        let (old, new) = self.roles();
        let start = Instant::now();
        self.lan.signal(old, Signal::TERM)?;
        let takeover = self.takes(new, start, Bound::within(self.skew(new) + LATE))?;
        self.lan.ended(old)?;
        self.agree(new, &[])?;
        let outage = self.pings.gap(start);
        self.outage_below(outage, self.skew(new) + LATE, start)?;
        let back = self.comes_back(old, new)?;
        Ok(Measure { takeover: Some(takeover), outage, back })
    }

    fn kill(&mut self) -> Result<Measure, String> {
        let (old, new) = self.roles();
        let start = Instant::now();
        self.lan.kill(old)?;
        let takeover = self.takes(new, start, self.dead(new))?;
        let outage;
        if self.who(old) == Who::Ours {
            self.lets_go_by_itself(old, new, start)?;
            outage = self.pings.gap(start);
            self.agree(new, &[])?;
        } else {
            // the original leaves its addresses on the dead node
            outage = self.pings.gap(start);
            self.agree(new, &[old])?;
        }
        self.outage_below(outage, self.dead(new).to, start)?;
        let back = self.comes_back(old, new)?;
        Ok(Measure { takeover: Some(takeover), outage, back })
    }

    /// The lease: a dead node's addresses go by themselves, before the backup takes them where intervals are
    /// long enough for the kernel's clock.
    fn lets_go_by_itself(&self, old: usize, new: usize, start: Instant) -> Result<(), String> {
        let gone = self.lan.until(&format!("the addresses leave the dead node {old}"), GRACE, |seen| {
            !self.addresses.iter().any(|a| seen.node(old).holds(*a))
        });
        gone?;
        for address in &self.addresses {
            let times = self.lan.look(|seen| {
                (
                    seen.node(old).changed(*address, false, start),
                    seen.node(new).changed(*address, true, start),
                )
            });
            let (Some(gone), Some(taken)) = times else { return Err(format!("{address}: no such change")) };
            let overlap = gone.saturating_duration_since(taken);
            let allowed = if self.variant.interval_ms >= 1000 { Duration::ZERO } else { OVERLAP };
            if overlap > allowed + crate::lost_since(start) {
                return Err(format!("both had {address} for {} ms", overlap.as_millis()));
            }
        }
        Ok(())
    }

    fn carrier_loss(&mut self) -> Result<Measure, String> {
        let (old, new) = self.roles();
        let asked = Instant::now();
        self.lan.plug(old, false)?;
        // the kernel does it when its lock is free: the event is when it has
        let start = Instant::now();
        let takeover = self.takes(new, start, self.dead(new))?;
        self.enters(old, "FAULT", asked)?;
        self.agree(new, &[])?;
        let outage = self.pings.gap(start);
        self.outage_below(outage, self.dead(new).to, start)?;
        let again = Instant::now();
        self.lan.plug(old, true)?;
        self.enters(old, "BACKUP", again)?;
        let back = self.returns(old, new, again)?;
        Ok(Measure { takeover: Some(takeover), outage, back })
    }

    fn silent_cut(&mut self) -> Result<Measure, String> {
        let (old, new) = self.roles();
        self.lan.join(old, false)?;
        // the kernel does it when its lock is free: the event is when it has
        let start = Instant::now();
        let takeover = self.takes(new, start, self.dead(new))?;
        // nobody told the old one: two masters is what the protocol says
        self.agree(new, &[old])?;
        let outage = self.pings.gap(start);
        self.outage_below(outage, self.dead(new).to, start)?;
        Ok(Measure { takeover: Some(takeover), outage, back: None })
    }

    fn heal(&mut self) -> Result<Measure, String> {
        // both are master: the higher one stays, preempting or not
        let (old, new) = (self.master, if self.priority[0] > self.priority[1] { 1 } else { 2 });
        self.lan.join(1, true)?;
        self.lan.join(2, true)?;
        let start = Instant::now();
        let limit = self.variant.interval() + LATE;
        let name = format!("node {old} gives up after the heal");
        let at = self.lan.until(&name, limit + GRACE, |seen| {
            old == new || !self.addresses.iter().any(|a| seen.node(old).holds(*a))
        })?;
        self.in_time(&name, at.saturating_duration_since(start), Bound::within(limit), start)?;
        self.master = new;
        self.agree(new, &[])?;
        // COMPAT: who hears the other first decides which of them announces its addresses: when the lower one
        // hears the higher one, nobody does, and clients go on asking the lower one for a while
        let outage = self.pings.gap(start);
        Ok(Measure { takeover: Some(at.saturating_duration_since(start)), outage, back: None })
    }

    fn change_priority(&mut self) -> Result<Measure, String> {
        let (old, new) = self.roles();
        let was = self.priority[old - 1];
        self.priority[old - 1] = self.priority[new - 1] - 10;
        self.write(old)?;
        let start = Instant::now();
        self.lan.signal(old, Signal::HUP)?;
        let mut measure = Measure::default();
        if self.variant.nopreempt {
            let low = self.priority[old - 1];
            self.lan.until(
                "adverts with the new priority",
                self.variant.interval() * 3 + STARTING,
                |seen| {
                    seen.adverts_since(start).filter(|a| a.priority == low).count()
                        >= 2 * self.variant.instances.len()
                },
            )?;
            self.agree(old, &[])?;
        } else {
            measure.takeover = Some(self.takes(new, start, self.preempted(new))?);
            self.agree(new, &[])?;
        }
        measure.outage = self.pings.gap(start);
        self.outage_below(measure.outage, MOVING, start)?;
        self.priority[old - 1] = was;
        self.write(old)?;
        let again = Instant::now();
        self.lan.signal(old, Signal::HUP)?;
        if !self.variant.nopreempt {
            self.takes(old, again, self.preempted(old))?;
        }
        self.says_on(old, "Reload", again)?;
        self.agree(old, &[])?;
        measure.back = self.pings.gap(again);
        self.outage_below(measure.back, MOVING, again)?;
        Ok(measure)
    }

    fn reload(&mut self) -> Result<Measure, String> {
        let (master, backup) = self.roles();
        let start = Instant::now();
        for node in [master, backup] {
            self.lan.signal(node, Signal::HUP)?;
            self.says_on(node, "Reload", start)?;
        }
        self.agree(master, &[])?;
        let wanted = 4 * self.variant.instances.len();
        self.lan.until("adverts after the reload", self.variant.interval() * 5 + STARTING, |seen| {
            seen.adverts_since(start).count() >= wanted
        })?;
        let longest = self.variant.interval() * 3 / 2 + EARLY;
        let moved = self.lan.look(|seen| {
            for n in 0..self.variant.instances.len() {
                let vrid = u8::try_from(51 + n).unwrap_or(0);
                let times: Vec<_> =
                    seen.adverts_since(start - longest).filter(|a| a.vrid == vrid).map(|a| a.at).collect();
                if let Some(w) = times.windows(2).find(|w| w[1] - w[0] > longest + crate::lost_since(w[0])) {
                    return Some(format!("no advert for {} ms", (w[1] - w[0]).as_millis()));
                }
            }
            for address in &self.addresses {
                if seen.node(master).changed(*address, false, start).is_some() {
                    return Some(format!("{address} left node {master} for a moment"));
                }
                if seen.node(backup).changed(*address, true, start).is_some() {
                    return Some(format!("{address} came to node {backup} for a moment"));
                }
            }
            None
        });
        if let Some(what) = moved {
            return Err(format!("{what}\n{}", self.lan.story()));
        }
        let outage = self.pings.gap(start);
        self.outage_below(outage, EARLY, start)?;
        Ok(Measure { takeover: None, outage, back: None })
    }

    /// Starts a node again that was stopped or died.
    fn comes_back(&mut self, old: usize, new: usize) -> Result<Option<Duration>, String> {
        let again = Instant::now();
        self.lan.start(old, self.who(old), &[])?;
        self.enters(old, "BACKUP", again)?;
        self.lan.until(&format!("node {old} removes what an earlier run left"), LATE, |seen| {
            !self.addresses.iter().any(|a| seen.node(old).holds(*a))
        })?;
        self.returns(old, new, again)
    }

    /// A node that came back takes its place, or does not, as configured.
    fn returns(&mut self, old: usize, new: usize, again: Instant) -> Result<Option<Duration>, String> {
        if self.variant.nopreempt || self.priority[old - 1] < self.priority[new - 1] {
            // it would have taken over by then
            let until = Instant::now() + self.down(old) + EARLY;
            let none = self.lan.until("", until - Instant::now(), |seen| {
                self.addresses.iter().any(|a| seen.node(old).changed(*a, true, again).is_some())
            });
            if none.is_ok() {
                return Err(format!("node {old} takes over though it must not\n{}", self.lan.story()));
            }
            self.master = new;
        } else {
            self.takes(old, again, self.preempted(old))?;
            if self.variant.preempt_delay_s > 0 {
                self.says_on(old, "start preempt delay (1.000000)", again)?;
            }
        }
        self.agree(self.master, &[])?;
        let back = self.pings.gap(again);
        self.outage_below(back, MOVING, again)?;
        Ok(back)
    }

    /// Waits until a node has all addresses, and judges when.
    fn takes(&mut self, node: usize, start: Instant, bound: Bound) -> Result<Duration, String> {
        let what = format!("node {node} takes over");
        let limit = (start + bound.to + GRACE).saturating_duration_since(Instant::now());
        self.lan.until(&what, limit, |seen| self.addresses.iter().all(|a| seen.node(node).holds(*a)))?;
        let latest = self.lan.look(|seen| {
            self.addresses.iter().filter_map(|a| seen.node(node).changed(*a, true, start)).max()
        });
        let took = latest.unwrap_or(start).saturating_duration_since(start);
        self.in_time(&what, took, bound, start)?;
        self.master = node;
        Ok(took)
    }

    fn in_time(&self, what: &str, took: Duration, bound: Bound, start: Instant) -> Result<(), String> {
        if took < bound.from || took > bound.to + crate::lost_since(start) {
            let (ms, from, to) = (took.as_millis(), bound.from.as_millis(), bound.to.as_millis());
            return Err(format!("{what} after {ms} ms, allowed {from} to {to}\n{}", self.lan.story()));
        }
        Ok(())
    }

    fn outage_below(&self, outage: Option<Duration>, limit: Duration, start: Instant) -> Result<(), String> {
        let limit = limit + crate::lost_since(start);
        match outage {
            None => Err(format!("no ping was ever answered\n{}", self.lan.story())),
            Some(o) if o > limit => Err(format!(
                "no answer for {} ms, allowed {}\n{}",
                o.as_millis(),
                limit.as_millis(),
                self.lan.story()
            )),
            Some(_) => Ok(()),
        }
    }

    /// The addresses are where they belong, on both nodes; the master and nobody else is heard; the logs say
    /// the same. `too` may hold them as well.
    fn agree(&self, master: usize, too: &[usize]) -> Result<(), String> {
        let other = 3 - master;
        let holds = |seen: &crate::lan::Seen, node: usize| {
            let n = self.addresses.iter().filter(|a| seen.node(node).holds(**a)).count();
            if n == self.addresses.len() { Some(true) } else { (n == 0).then_some(false) }
        };
        self.lan.until(&format!("node {master} alone has the addresses"), LATE + GRACE, |seen| {
            holds(seen, master) == Some(true) && holds(seen, other) == Some(too.contains(&other))
        })?;
        for name in self.variant.names() {
            self.lan.until(&format!("node {master} says that {name} is MASTER"), LATE, |seen| {
                seen.node(master).state(&name) == Some("MASTER")
            })?;
            if self.lan.runs(other) && !too.contains(&other) {
                self.lan.until(&format!("node {other} says that {name} is not MASTER"), LATE, |seen| {
                    seen.node(other).state(&name) != Some("MASTER")
                })?;
            }
        }
        let since = Instant::now();
        let instances = self.variant.instances.len();
        let limit = self.variant.interval() * 4 + LATE;
        self.lan.until(&format!("three adverts of node {master}"), limit, |seen| {
            seen.adverts_since(since).filter(|a| sender(a.source) == master).count() >= 3 * instances
        })?;
        let strange = self.lan.look(|seen| {
            let others = seen.adverts_since(since).filter(|a| sender(a.source) != master && a.priority > 0);
            // one per instance may have been on its way
            others.map(|a| a.shape.clone()).nth(instances)
        });
        if let Some(shape) = strange {
            return Err(format!("node {master} is master, but this is heard: {shape}\n{}", self.lan.story()));
        }
        self.kernel_agrees(master, true)?;
        self.kernel_agrees(other, too.contains(&other))
    }

    /// What `ip` lists, not what was heard of changes.
    fn kernel_agrees(&self, node: usize, all: bool) -> Result<(), String> {
        let listed = self.lan.addresses(node)?;
        let wrong: Vec<_> = self.addresses.iter().filter(|a| listed.contains(a) != all).collect();
        if wrong.is_empty() {
            return Ok(());
        }
        let what = if all { "has not" } else { "has" };
        Err(format!("node {node} {what} {wrong:?}: {listed:?}\n{}", self.lan.story()))
    }

    fn enters(&self, node: usize, state: &str, since: Instant) -> Result<(), String> {
        for name in self.variant.names() {
            let text = format!("({name}) Entering {state} STATE");
            self.lan.says(node, &text, since, STARTING + GRACE)?;
        }
        Ok(())
    }

    fn says_on(&self, node: usize, text: &str, since: Instant) -> Result<(), String> {
        self.lan.says(node, text, since, STARTING + GRACE).map(|_| ())
    }

    fn write(&self, node: usize) -> Result<(), String> {
        self.lan.configure(node, &self.variant.config(node, self.priority[node - 1]))
    }

    fn roles(&self) -> (usize, usize) {
        (self.master, 3 - self.master)
    }

    fn who(&self, node: usize) -> Who {
        self.pair[node - 1]
    }

    fn skew(&self, node: usize) -> Duration {
        self.variant.skew(self.priority[node - 1])
    }

    fn down(&self, node: usize) -> Duration {
        self.variant.down(self.priority[node - 1])
    }

    /// When a backup takes the place of a master that died: its timer began with the last advert.
    fn dead(&self, node: usize) -> Bound {
        let down = self.down(node);
        Bound { from: down.saturating_sub(self.variant.interval() + EARLY), to: down + LATE }
    }

    /// When a node takes the place of a lower master.
    fn preempted(&self, node: usize) -> Bound {
        let delay = Duration::from_secs(self.variant.preempt_delay_s);
        let wait = if delay.is_zero() { Duration::ZERO } else { delay + self.variant.interval() };
        Bound { from: delay.saturating_sub(EARLY), to: wait + self.down(node) + STARTING }
    }

    /// What the client heard so far. Packets of an event that failed say nothing.
    fn gather(&self, out: &mut Outcome) {
        self.lan.look(|seen| {
            for a in &seen.adverts {
                out.shapes[sender(a.source) - 1].insert(a.shape.clone());
            }
            for a in seen.announcements.iter().filter(|a| self.addresses.contains(&a.address)) {
                let node = if a.shape.contains("02:77:00:00:00:02") { 2 } else { 1 };
                out.shapes[node - 1].insert(a.shape.clone());
            }
            for node in 1..=2 {
                let all = seen.adverts.iter().filter(|a| sender(a.source) == node);
                let numbers: Vec<u32> = all.filter_map(|a| a.sequence).collect();
                // a program that was started again begins again
                if let Some(w) = numbers.windows(2).find(|w| w[1] <= w[0] && w[1] != 1) {
                    out.sequence = Some(format!("node {node}: sequence {} behind {}", w[1], w[0]));
                }
            }
        });
    }
}

/// The node that sent something.
fn sender(source: IpAddr) -> usize {
    let last = match source {
        IpAddr::V4(a) => a.octets()[3],
        IpAddr::V6(a) => a.octets()[15],
    };
    if last == 2 { 2 } else { 1 }
}
