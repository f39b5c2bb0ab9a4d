//! `rkeepalived status`: what holds, since when, and why. Text, JSON and Prometheus from one value. Pure.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write;

use rha_syslog::Civil;
use serde_json::{Value, json};

/// How many past transitions of an instance are kept.
const KEPT: usize = 10;

/// One change of state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transition {
    /// Wall clock, microseconds since 1970.
    pub at_us: i64,
    /// New state.
    pub to: &'static str,
    /// Effective priority then.
    pub priority: u8,
}

/// Past transitions by instance, the latest last.
#[derive(Debug, Default)]
pub struct Transitions(BTreeMap<String, VecDeque<Transition>>);

impl Transitions {
    /// Notes one, if the state is another than the last.
    pub fn note(&mut self, instance: &str, t: Transition) {
        let all = self.0.entry(instance.to_owned()).or_default();
        if all.back().is_some_and(|last| last.to == t.to) {
            return;
        }
        all.push_back(t);
        if all.len() > KEPT {
            all.pop_front();
        }
    }

    /// Those of an instance.
    pub fn of(&self, instance: &str) -> impl Iterator<Item = &Transition> {
        self.0.get(instance).into_iter().flatten()
    }
}

/// A tracker and what it does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrackerStatus {
    /// `script`, `interface`, `file`, `process`, `bfd`.
    pub kind: &'static str,
    /// Name.
    pub name: String,
    /// `up`, `down`, `unknown` or a number.
    pub condition: String,
    /// What it adds to the priority; `None` for a fault condition.
    pub share: Option<i32>,
    /// Whether it holds the instance in FAULT.
    pub fault: bool,
}

/// One instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceStatus {
    /// Name.
    pub name: String,
    /// Interface.
    pub interface: String,
    /// Router id.
    pub vrid: u8,
    /// Protocol version.
    pub version: u8,
    /// State.
    pub state: &'static str,
    /// Since, wall clock, microseconds since 1970.
    pub since_us: i64,
    /// Who is master.
    pub master: Option<String>,
    /// The master's priority.
    pub master_priority: u8,
    /// As configured.
    pub base: u8,
    /// As advertised.
    pub effective: u8,
    /// Addresses, with prefix length.
    pub addresses: Vec<String>,
    /// Whether they are installed.
    pub installed: bool,
    /// Seconds of their lease; `None` without one.
    pub lease_s: Option<u64>,
    /// Sync group.
    pub group: Option<String>,
    /// Trackers.
    pub trackers: Vec<TrackerStatus>,
    /// What else keeps it from running.
    pub troubles: Vec<String>,
    /// Adverts received, sent.
    pub adverts: (u64, u64),
    /// Became master, released.
    pub terms: (u64, u64),
    /// Refused packets by reason.
    pub rejected: Vec<(&'static str, u64)>,
    /// Other masters and what differs.
    pub splits: Vec<(String, String)>,
    /// Past transitions, the latest last.
    pub transitions: Vec<Transition>,
}

/// Everything.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Status {
    /// Version of the program.
    pub version: String,
    /// Worker's process id.
    pub pid: u32,
    /// Instances in the order of the configuration.
    pub instances: Vec<InstanceStatus>,
    /// BFD sessions: name, neighbour, state.
    pub bfd: Vec<(String, String, String)>,
    /// How often each cause of split brain was found: instance, cause, count.
    pub split_counts: Vec<(String, &'static str, u64)>,
}

fn date(us: i64) -> String {
    let c = Civil::at(us.div_euclid(1_000_000), 0);
    let ms = us.rem_euclid(1_000_000) / 1000;
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{ms:03}Z",
        c.year, c.month, c.day, c.hour, c.minute, c.second
    )
}

impl Status {
    /// For people.
    #[must_use]
    pub fn text(&self) -> String {
        let mut out = String::new();
        for i in &self.instances {
            let _ = writeln!(
                out,
                "{}: {} since {} (interface {}, virtual_router_id {}, version {})",
                i.name,
                i.state,
                date(i.since_us),
                i.interface,
                i.vrid,
                i.version
            );
            let master = i.master.as_deref().unwrap_or("unknown");
            let _ = writeln!(out, "  master: {master} (priority {})", i.master_priority);
            let shares: String = i.trackers.iter().map(tracker_text).collect();
            let _ = writeln!(out, "  priority: {} = {}{shares}", i.effective, i.base);
            let lease = i.lease_s.map_or_else(String::new, |s| format!(", lease {s} s"));
            let installed = if i.installed { "installed" } else { "not installed" };
            let _ = writeln!(out, "  addresses: {} ({installed}{lease})", i.addresses.join(" "));
            let _ = writeln!(out, "  adverts: {} received, {} sent", i.adverts.0, i.adverts.1);
            for (why, n) in i.rejected.iter().filter(|(_, n)| *n > 0) {
                let _ = writeln!(out, "  rejected: {n} ({why})");
            }
            for t in &i.troubles {
                let _ = writeln!(out, "  fault: {t}");
            }
            for (peer, why) in &i.splits {
                let _ = writeln!(out, "  SPLIT BRAIN: {peer} is master too: {why}");
            }
            for t in i.transitions.iter().rev() {
                let _ = writeln!(out, "  {} {} (priority {})", date(t.at_us), t.to, t.priority);
            }
        }
        for (name, neighbour, state) in &self.bfd {
            let _ = writeln!(out, "bfd {name}: {state} (neighbour {neighbour})");
        }
        out
    }

    /// For programs.
    #[must_use]
    pub fn json(&self) -> String {
        let instances: Vec<Value> = self.instances.iter().map(instance_json).collect();
        let bfd: Vec<Value> = self
            .bfd
            .iter()
            .map(|(name, neighbour, state)| json!({"name": name, "neighbour": neighbour, "state": state}))
            .collect();
        let all = json!({"version": self.version, "pid": self.pid, "instances": instances, "bfd": bfd});
        format!("{all:#}\n")
    }

    /// For Prometheus.
    #[must_use]
    pub fn metrics(&self) -> String {
        let mut out = String::new();
        let mut family = |name: &str, kind: &str, help: &str, lines: Vec<(String, String)>| {
            let _ = writeln!(out, "# HELP rkeepalived_{name} {help}\n# TYPE rkeepalived_{name} {kind}");
            for (labels, value) in lines {
                let _ = writeln!(out, "rkeepalived_{name}{{{labels}}} {value}");
            }
        };
        let each = |value: &dyn Fn(&InstanceStatus) -> String| -> Vec<(String, String)> {
            self.instances.iter().map(|i| (format!("instance=\"{}\"", escaped(&i.name)), value(i))).collect()
        };
        let number = |state: &str| match state {
            "INIT" => 0,
            "BACKUP" => 1,
            "MASTER" => 2,
            _ => 3,
        };
        family(
            "vrrp_state",
            "gauge",
            "0 INIT, 1 BACKUP, 2 MASTER, 3 FAULT.",
            each(&|i| number(i.state).to_string()),
        );
        family("vrrp_priority", "gauge", "Effective priority.", each(&|i| i.effective.to_string()));
        family(
            "vrrp_adverts_received_total",
            "counter",
            "Adverts received.",
            each(&|i| i.adverts.0.to_string()),
        );
        family("vrrp_adverts_sent_total", "counter", "Adverts sent.", each(&|i| i.adverts.1.to_string()));
        family(
            "vrrp_became_master_total",
            "counter",
            "Times it became master.",
            each(&|i| i.terms.0.to_string()),
        );
        family(
            "vrrp_released_master_total",
            "counter",
            "Times it ceased to be master.",
            each(&|i| i.terms.1.to_string()),
        );
        let rejected = self.instances.iter().flat_map(|i| {
            let name = escaped(&i.name);
            i.rejected.iter().map(move |(why, n)| {
                (format!("instance=\"{name}\",reason=\"{}\"", escaped(why)), n.to_string())
            })
        });
        family("vrrp_rejected_total", "counter", "Packets refused, by reason.", rejected.collect());
        family(
            "vrrp_split_brain",
            "gauge",
            "Other masters heard at the moment.",
            each(&|i| i.splits.len().to_string()),
        );
        let found = self
            .split_counts
            .iter()
            .map(|(i, cause, n)| (format!("instance=\"{}\",cause=\"{cause}\"", escaped(i)), n.to_string()));
        family(
            "vrrp_split_brain_total",
            "counter",
            "Split brains found, by the setting that differs.",
            found.collect(),
        );
        let up = |state: &str| u8::from(state == "Up").to_string();
        let sessions = self.bfd.iter().map(|(n, _, s)| (format!("session=\"{}\"", escaped(n)), up(s)));
        family("bfd_up", "gauge", "1 while the session is up.", sessions.collect());
        out
    }
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

fn tracker_text(t: &TrackerStatus) -> String {
    match t.share {
        Some(n) if n < 0 => format!(" - {} ({} {} {})", n.unsigned_abs(), t.kind, t.name, t.condition),
        Some(n) => format!(" + {n} ({} {} {})", t.kind, t.name, t.condition),
        None => format!(" [{} {} {}{}]", t.kind, t.name, t.condition, if t.fault { ": FAULT" } else { "" }),
    }
}

fn instance_json(i: &InstanceStatus) -> Value {
    let trackers: Vec<Value> = i
        .trackers
        .iter()
        .map(|t| {
            json!({"kind": t.kind, "name": t.name, "condition": t.condition, "share": t.share, "fault": t.fault})
        })
        .collect();
    let rejected: serde_json::Map<String, Value> =
        i.rejected.iter().map(|(why, n)| ((*why).to_owned(), json!(n))).collect();
    let splits: Vec<Value> = i.splits.iter().map(|(p, why)| json!({"peer": p, "cause": why})).collect();
    let transitions: Vec<Value> = i
        .transitions
        .iter()
        .map(|t| json!({"at": date(t.at_us), "state": t.to, "priority": t.priority}))
        .collect();
    json!({
        "name": i.name, "interface": i.interface, "virtual_router_id": i.vrid, "version": i.version,
        "state": i.state, "since": date(i.since_us), "master": i.master,
        "master_priority": i.master_priority, "priority": i.base, "effective_priority": i.effective,
        "addresses": i.addresses, "installed": i.installed, "lease_seconds": i.lease_s,
        "sync_group": i.group, "trackers": trackers, "troubles": i.troubles,
        "adverts_received": i.adverts.0, "adverts_sent": i.adverts.1,
        "became_master": i.terms.0, "released_master": i.terms.1,
        "rejected": rejected, "split_brain": splits, "transitions": transitions,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transitions_are_kept_in_order_and_not_twice() {
        let mut t = Transitions::default();
        let note = |to, at_us| Transition { at_us, to, priority: 100 };
        for n in 0..30 {
            t.note("VI", note(if n % 4 < 2 { "BACKUP" } else { "MASTER" }, n));
        }
        let all: Vec<_> = t.of("VI").map(|t| t.to).collect();
        assert_eq!(all.len(), KEPT);
        assert!(all.windows(2).all(|w| w[0] != w[1]));
    }

    #[test]
    fn the_three_forms_name_the_instance() {
        let i = InstanceStatus {
            name: "VI_1".into(),
            interface: "eth0".into(),
            vrid: 51,
            version: 2,
            state: "MASTER",
            since_us: 1_795_228_589_000_000,
            master: Some("10.77.0.1".into()),
            master_priority: 115,
            base: 110,
            effective: 115,
            addresses: vec!["10.77.0.200/24".into()],
            installed: true,
            lease_s: Some(2),
            group: None,
            trackers: vec![TrackerStatus {
                kind: "script",
                name: "chk".into(),
                condition: "up".into(),
                share: Some(5),
                fault: false,
            }],
            troubles: vec![],
            adverts: (1, 2),
            terms: (1, 0),
            rejected: vec![("auth", 3)],
            splits: vec![("10.77.0.2".into(), "its auth_pass differs".into())],
            transitions: vec![],
        };
        let s = Status { instances: vec![i], ..Status::default() };
        let text = s.text();
        assert!(text.contains("VI_1: MASTER since 2026-11-21T02:36:29.000Z"), "{text}");
        assert!(text.contains("priority: 115 = 110 + 5 (script chk up)"), "{text}");
        assert!(text.contains("SPLIT BRAIN: 10.77.0.2"), "{text}");
        let v: Value = serde_json::from_str(&s.json()).unwrap();
        assert_eq!(v["instances"][0]["split_brain"][0]["cause"], "its auth_pass differs");
        assert!(s.metrics().contains("rkeepalived_vrrp_state{instance=\"VI_1\"} 2\n"));
    }
}
