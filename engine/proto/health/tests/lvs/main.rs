//! keepalived's checkers and virtual servers: what they do, in which order, in which words. Facts are from the
//! original's source and manual, because its checker process does not start without IPVS.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "the helpers of tests are not in test functions")]

mod checkers;
mod pools;

use rha_base::Now;
use rha_health::lvs::{
    Act, CheckId, CheckerPlan, Event, HttpPlan, KernelChange, Notice, Pool, PoolPlan, ProbePlan, ServerPlan,
    UrlPlan,
};

/// The only checker of the only server.
const ID: CheckId = CheckId { server: 0, checker: 0 };
const SECOND: u64 = 1_000_000;

/// 3 s timeout, 10 s between checks, 2 s before a retry.
fn checker(probe: ProbePlan, retry: u32) -> CheckerPlan {
    CheckerPlan {
        probe,
        target: "10.0.0.1:80".parse().unwrap(),
        timeout_us: 3 * SECOND,
        delay_loop_us: 10 * SECOND,
        warmup_us: 0,
        retry,
        delay_before_retry_us: 2 * SECOND,
        alpha: false,
        log_all_failures: false,
    }
}

fn server(number: u8, checkers: Vec<CheckerPlan>) -> ServerPlan {
    ServerPlan {
        address: format!("10.0.0.{number}:80").parse().unwrap(),
        weight: 1,
        inhibit: false,
        mail: false,
        checkers,
    }
}

fn pool(servers: Vec<ServerPlan>) -> PoolPlan {
    PoolPlan {
        name: "[10.9.9.9]:tcp:80".to_owned(),
        protocol: "tcp",
        quorum: 1,
        hysteresis: 0,
        omega: false,
        mail: false,
        ha_suspend: false,
        sorry: None,
        servers,
        router_id: "lb1".to_owned(),
        no_checker_emails: false,
        rs_init_notifies: false,
        detail: false,
    }
}

fn http(urls: Vec<UrlPlan>) -> ProbePlan {
    ProbePlan::Http(HttpPlan { urls, ..HttpPlan::default() })
}

fn url(path: &str) -> UrlPlan {
    UrlPlan { path: path.to_owned(), ..UrlPlan::default() }
}

/// A pool under virtual time; what it does comes as lines of text.
struct Rig {
    pool: Pool,
    now_us: u64,
}

impl Rig {
    /// Begun and activated; what that said is thrown away.
    fn new(plan: PoolPlan) -> Rig {
        let mut rig = Rig { pool: Pool::new(plan, 7), now_us: 0 };
        rig.act(|p, now, out| {
            p.begin(out);
            p.activate(now, out);
        });
        rig
    }

    /// A pool of one server with one checker.
    fn one(probe: ProbePlan, retry: u32) -> Rig {
        Rig::new(pool(vec![server(1, vec![checker(probe, retry)])]))
    }

    fn act(&mut self, act: impl FnOnce(&mut Pool, Now, &mut Vec<Act>)) -> Vec<String> {
        let mut out = Vec::new();
        act(&mut self.pool, Now { mono_us: self.now_us, wall_us: 0 }, &mut out);
        out.iter().filter_map(text).collect()
    }

    /// Waits for what is due next; the seconds that took come first.
    fn due(&mut self) -> (u64, Vec<String>) {
        let at = self.pool.deadline().expect("something is due");
        let waited = (at - self.now_us) / SECOND;
        self.now_us = at;
        (waited, self.act(|p, now, out| p.handle_timeout(now, out)))
    }

    /// The next check starts and this happens to it. What was said since, without bytes sent.
    fn check(&mut self, events: &[Event]) -> Vec<String> {
        let mut said = self.due().1;
        for event in events {
            said.extend(self.hear(event.clone()));
        }
        said.retain(|s| !s.starts_with("send") && !s.starts_with("open") && !s.starts_with("run"));
        said
    }

    fn hear(&mut self, event: Event) -> Vec<String> {
        self.act(|p, now, out| p.handle(ID, event, now, out))
    }

    fn alive(&self) -> bool {
        self.pool.server(0).is_some_and(|s| s.alive)
    }
}

/// Closing is not told: every check ends with it.
fn text(act: &Act) -> Option<String> {
    Some(match act {
        Act::Log(line) => line.clone(),
        Act::Open(id, transport) => format!("open {}/{} {transport:?}", id.server, id.checker),
        Act::Send(_, bytes) => format!("send {}", bytes.escape_ascii()),
        Act::Close(_) => return None,
        Act::Run(_) => "run".to_owned(),
        Act::Kill { force, .. } => format!("kill {}", if *force { "hard" } else { "gently" }),
        Act::Kernel(change) => match change {
            KernelChange::Add { server, weight } => format!("+{server} weight {weight}"),
            KernelChange::Remove { server } => format!("-{server}"),
            KernelChange::Weight { server, weight } => format!("={server} weight {weight}"),
            KernelChange::AddSorry { weight } => format!("+sorry weight {weight}"),
            KernelChange::RemoveSorry => "-sorry".to_owned(),
            KernelChange::SorryWeight { weight } => format!("=sorry weight {weight}"),
        },
        Act::Notify(Notice::Server { server, up }) => format!("notify {server} {up}"),
        Act::Notify(Notice::Quorum { up }) => format!("notify quorum {up}"),
        Act::Fifo(line) => format!("fifo {}", line.escape_default()),
        Act::Mail { subject, body } => format!("mail {subject} | {body}"),
    })
}
