//! Virtual servers beside virtual addresses: the checkers' loop and the kernel's table in tasks of their own, and what
//! the worker does for them (scripts, FIFOs, mail) or tells them (BFD, files, addresses).
//!
//! keepalived.conf(5) "Virtual server(s)". DIFFERS: a process of its own in the original; without IPVS in the kernel
//! VRRP goes on here.

use std::collections::BTreeSet;
use std::net::IpAddr;

use rha_health::lvs::PoolFacts;
use rha_ir::failover::{LvsFlush, VirtualServerKey};
use rha_net::Fifo as NotifyFifo;
use rha_net::scripts::ScriptOutput;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, spawn_local};

use super::scripts::{Purpose, launch};
use super::{Event, Worker};
use crate::checkers::run::{self, News, Told};
use crate::checkers::table::{Start, Table};
use crate::checkers::{Context, Watched, tls_client, unsendable_names, watched};
use crate::dump::{self, Kind};
use crate::log::Log;
use crate::mail::Letter;

/// The checkers' loop, if there are virtual servers.
#[derive(Debug, Default)]
pub(super) struct Lvs {
    running: Option<Running>,
    /// Addresses of virtual servers with `ha_suspend` that are here.
    here: BTreeSet<IpAddr>,
    fifo: Option<(String, NotifyFifo)>,
}

#[derive(Debug)]
struct Running {
    news: UnboundedSender<News>,
    /// Ends when the kernel's table is empty.
    table: JoinHandle<()>,
}

impl Lvs {
    fn tell(&self, news: News) {
        if let Some(running) = &self.running {
            let _ = running.news.send(news);
        }
    }

    /// A BFD session changed.
    pub(super) fn bfd(&self, instance: &str, up: bool) {
        self.tell(News::Bfd { instance: instance.to_owned(), up });
    }

    /// Asks what the checkers have found; `None` when there are none.
    fn ask(&self) -> Option<oneshot::Receiver<Vec<PoolFacts>>> {
        self.running.as_ref()?;
        let (reply, answer) = oneshot::channel();
        self.tell(News::Facts(reply));
        Some(answer)
    }

    /// A tracked file has another value.
    pub(super) fn file(&self, name: &str, value: i64) {
        self.tell(News::File { name: name.to_owned(), value });
    }
}

impl Worker {
    /// Starts what the plan has, or takes a new plan over.
    pub(super) fn load_lvs(&mut self) {
        let plan = self.plan.clone();
        let f = &plan.failover;
        if f.virtual_servers.is_empty() && self.lvs.running.is_none() {
            return;
        }
        let all = self.watched_servers();
        self.open_lvs_fifo();
        // COMPAT: sessions are told as they are, so that a server is down until its session is up
        let sessions: Vec<(String, bool)> = self
            .watch
            .bfd
            .states()
            .into_iter()
            .map(|(name, _, state)| (name, state == rha_bfd::State::Up))
            .collect();
        if self.lvs.running.is_some() {
            sessions.iter().for_each(|(name, up)| self.lvs.bfd(name, *up));
            self.lvs.tell(News::Reload(all));
            return;
        }
        let (news, hears) = unbounded_channel();
        let (tells, told) = unbounded_channel();
        for (at, t) in f.track_files.iter().enumerate() {
            let value = self.watch.files().get(at).copied().unwrap_or(0);
            let _ = news.send(News::File { name: t.name.clone(), value });
        }
        for (instance, up) in sessions {
            let _ = news.send(News::Bfd { instance, up });
        }
        let seed = u64::from(std::process::id()) << 32 ^ Self::now().mono_us;
        let output = if self.settings.foreground { ScriptOutput::Inherited } else { ScriptOutput::Nowhere };
        let g = &f.global;
        let start = Start {
            table: table_name(&plan),
            flush: g.lvs_flush,
            flush_at_end: g.lvs_flush_on_stop == LvsFlush::All,
            tcp_s: g.lvs_timeouts.tcp.unwrap_or(0),
            tcp_fin_s: g.lvs_timeouts.tcpfin.unwrap_or(0),
            udp_s: g.lvs_timeouts.udp.unwrap_or(0),
        };
        let table = spawn_local(carry(start, told, self.log.clone(), self.post.clone()));
        self.lvs.running = Some(Running { news, table });
        self.lvs_addresses();
        spawn_local(run::run(all, seed, output, hears, tells));
    }

    /// Tells of addresses that came or went; cheap when no virtual server asks.
    pub(super) fn lvs_addresses(&mut self) {
        if self.lvs.running.is_none() {
            return;
        }
        let wanted = self.plan.failover.virtual_servers.iter().filter(|v| v.ha_suspend);
        let wanted: Vec<IpAddr> = wanted
            .filter_map(|v| match &v.key {
                VirtualServerKey::Address(a) => Some(a.ip()),
                _ => None,
            })
            .collect();
        let links = &self.kernel.interfaces;
        let is_here = |a: &IpAddr| links.links().any(|l| links.has(l.index, *a));
        let here: BTreeSet<IpAddr> = wanted.into_iter().filter(is_here).collect();
        let before = std::mem::replace(&mut self.lvs.here, here);
        for (ip, present) in before
            .difference(&self.lvs.here)
            .map(|a| (*a, false))
            .chain(self.lvs.here.difference(&before).map(|a| (*a, true)))
        {
            self.lvs.tell(News::Address { ip, present });
        }
    }

    /// `keepalived_check.data`, as soon as the checkers have answered.
    pub(super) fn dump_check(&self) {
        let Some(answer) = self.lvs.ask() else { return };
        self.log.info(format_args!("Printing checker data for process({}) on signal", std::process::id()));
        let (plan, log, files) = (self.plan.clone(), self.log.clone(), self.watch.files().to_vec());
        spawn_local(async move {
            let Ok(facts) = answer.await else { return };
            let path = dump::path(Kind::Check, &plan.failover.global);
            dump::write_or_say(&path, &dump::check(&plan, &facts, &files), &log);
        });
    }

    /// What the checkers ask of the worker.
    pub(super) fn lvs_told(&mut self, told: Told) {
        match told {
            Told::Script(command) => {
                let output =
                    if self.settings.foreground { ScriptOutput::Inherited } else { ScriptOutput::Nowhere };
                launch(&command, &[], output, None, Purpose::Fifo, self.post.clone(), &self.log);
            }
            Told::Fifo(line) => {
                let plan = self.plan.clone();
                if let Some(all) = &plan.failover.global.notify_fifo {
                    self.teller.line_to(&all.path, &line, &self.log);
                }
                if let Some((path, fifo)) = &mut self.lvs.fifo
                    && let Err(e) = fifo.write(line.as_bytes())
                    && e.kind() != std::io::ErrorKind::WouldBlock
                {
                    self.log.info(format_args!("{path}: notify fifo write error: {e}"));
                }
            }
            Told::Mail { subject, body } => self.mail.send(Letter { subject, body }),
            Told::Log(_) | Told::Services(_) | Told::Kernel { .. } => {}
        }
    }

    /// Takes virtual servers out of the kernel and waits until that is done.
    pub(super) async fn stop_lvs(&mut self, events: &mut UnboundedReceiver<Event>) {
        let Some(Running { news, table }) = self.lvs.running.take() else { return };
        let _ = news.send(News::Stop);
        let _ = tokio::time::timeout(std::time::Duration::from_secs(5), table).await;
        // what was told on the way: scripts and lines at a stop (`omega`)
        let mut others = Vec::new();
        while let Ok(event) = events.try_recv() {
            match event {
                Event::Lvs(told) => self.lvs_told(told),
                other => others.push(other),
            }
        }
        others.into_iter().for_each(|e| drop(self.post.send(e)));
        if let Some((_, fifo)) = self.lvs.fifo.take() {
            let _ = fifo.remove();
        }
    }

    fn watched_servers(&self) -> Vec<(VirtualServerKey, Watched)> {
        let f = &self.plan.failover;
        // checked with the configuration; a file may have changed since
        let tls = tls_client(f).unwrap_or_else(|lines| {
            lines.iter().for_each(|l| self.log.info(l));
            None
        });
        unsendable_names(f).iter().for_each(|l| self.log.info(l));
        let context = Context {
            tls: tls.as_ref(),
            global: &f.global,
            groups: &f.virtual_server_groups,
            host: &self.plan.host,
            no_checker_emails: f.global.mail.no_checker_emails,
            detail: self.log.is_detailed(),
        };
        let mut all = Vec::new();
        for vs in &f.virtual_servers {
            match watched(vs, context) {
                Ok(w) => all.push((vs.key.clone(), w)),
                Err(refusals) => {
                    refusals
                        .iter()
                        .for_each(|r| self.log.info(format_args!("Virtual server left out: {}", r.why)));
                }
            }
        }
        all
    }

    fn open_lvs_fifo(&mut self) {
        let plan = self.plan.clone();
        let wanted = plan.failover.global.lvs_notify_fifo.as_ref();
        if wanted.map(|w| w.path.as_str()) == self.lvs.fifo.as_ref().map(|(p, _)| p.as_str()) {
            return;
        }
        if let Some((_, old)) = self.lvs.fifo.take() {
            let _ = old.remove();
        }
        let Some(wanted) = wanted else { return };
        let owner = wanted.owner.map(|o| (o.uid, o.gid));
        match NotifyFifo::open(std::path::Path::new(&wanted.path), owner) {
            Ok(open) => self.lvs.fifo = Some((wanted.path.clone(), open)),
            Err(e) => {
                self.log.info(format_args!("Unable to open notify fifo {}, error {e}", wanted.path));
                return;
            }
        }
        if let Some(script) = wanted.script.as_ref().filter(|s| s.disabled.is_none()) {
            let output =
                if self.settings.foreground { ScriptOutput::Inherited } else { ScriptOutput::Nowhere };
            let path = std::slice::from_ref(&wanted.path);
            launch(script, path, output, None, Purpose::Fifo, self.post.clone(), &self.log);
        }
    }
}

/// Name of the nftables table that stands in for IPVS.
const TABLE: &str = "keepalived_lvs";

/// Forwarding that a dead worker left behind; IPVS takes its services up again by itself.
pub(super) fn remove_leftovers(plan: &crate::Plan) {
    if !plan.failover.virtual_servers.is_empty() {
        let _ = rha_net::nft::apply(&rha_net::nft::remove_nat_table(&table_name(plan)));
    }
}

fn table_name(plan: &crate::Plan) -> String {
    let written = plan.failover.global.nftables_ipvs.clone();
    written.filter(|t| !t.is_empty()).unwrap_or_else(|| TABLE.to_owned())
}

/// Holds the kernel's table; what is not its business goes to the worker.
async fn carry(start: Start, mut told: UnboundedReceiver<Told>, log: Log, post: UnboundedSender<Event>) {
    let (mut table, lines) = Table::open(start);
    lines.into_iter().for_each(|l| log.info(l));
    while let Some(first) = told.recv().await {
        let mut next = Some(first);
        while let Some(one) = next {
            let lines = match one {
                Told::Services(services) => table.replace(services),
                Told::Kernel { pool, change } => table.change(pool, change),
                Told::Log(line) => vec![line],
                other => {
                    let _ = post.send(Event::Lvs(other));
                    Vec::new()
                }
            };
            lines.into_iter().for_each(|l| log.info(l));
            next = told.try_recv().ok();
        }
        table.flush().await.into_iter().for_each(|l| log.info(l));
    }
    table.close().await.into_iter().for_each(|l| log.info(l));
}
