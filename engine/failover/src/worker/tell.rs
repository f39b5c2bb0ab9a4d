//! Telling of changes: FIFO lines at once, scripts through the queue that keeps their order.
//!
//! keepalived.conf(5) "Notify". COMPAT: words, arguments and FIFO lines are the original's; FIFOs are made
//! as the umask allows (0600) and taken away at the end; a reader that is slow loses lines rather than stopping us.

use rha_base::Now;
use rha_ir::failover::{Command, Fifo, Notify, VrrpInstance};
use rha_net::Fifo as NotifyFifo;
use rha_net::scripts::ScriptOutput;
use rha_vrrp::{GroupId, Moment, Notice};
use tokio::sync::mpsc::UnboundedSender;

use super::scripts::{Purpose, launch};
use super::{Event, Worker};
use crate::log::Log;
use crate::notify::queue::{Lane, NotifyQueue, RunId};

/// A script and what is appended to its arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Telling {
    command: Command,
    extra: Vec<String>,
    last: bool,
}

/// Who is told, and what is under way.
#[derive(Debug)]
pub(super) struct Teller {
    queue: NotifyQueue<Telling>,
    fifos: Vec<(String, NotifyFifo)>,
    next_run: u64,
    output: ScriptOutput,
    post: UnboundedSender<Event>,
}

impl Teller {
    pub(super) fn new(output: ScriptOutput, post: UnboundedSender<Event>) -> Teller {
        Teller { queue: NotifyQueue::default(), fifos: Vec::new(), next_run: 0, output, post }
    }

    /// Opens the FIFOs of a configuration, keeps those that stay, removes those that went.
    pub(super) fn open_fifos<'a>(&mut self, wanted: impl Iterator<Item = &'a Fifo>, log: &Log) {
        let wanted: Vec<&Fifo> = wanted.collect();
        let (stay, gone) = std::mem::take(&mut self.fifos)
            .into_iter()
            .partition(|(path, _)| wanted.iter().any(|f| f.path == *path));
        self.fifos = stay;
        remove_all(gone);
        for f in wanted {
            if self.fifos.iter().any(|(path, _)| *path == f.path) {
                continue;
            }
            let owner = f.owner.map(|o| (o.uid, o.gid));
            match NotifyFifo::open(std::path::Path::new(&f.path), owner) {
                Ok(open) => self.fifos.push((f.path.clone(), open)),
                Err(e) => {
                    log.info(format_args!("Unable to open notify fifo {}, error {e}", f.path));
                    continue;
                }
            }
            if let Some(script) = f.script.as_ref().filter(|s| s.disabled.is_none()) {
                let path = std::slice::from_ref(&f.path);
                launch(script, path, self.output, None, Purpose::Fifo, self.post.clone(), log);
            }
        }
    }

    /// One line to every FIFO.
    fn line(&mut self, line: &str, log: &Log) {
        for (path, f) in &mut self.fifos {
            if let Err(e) = f.write(line.as_bytes())
                && e.kind() != std::io::ErrorKind::WouldBlock
            {
                log.info(format_args!("{path}: notify fifo write error: {e}"));
            }
        }
    }

    /// One line to one FIFO.
    pub(super) fn line_to(&mut self, path: &str, line: &str, log: &Log) {
        for (_, f) in self.fifos.iter_mut().filter(|(p, _)| p == path) {
            if let Err(e) = f.write(line.as_bytes())
                && e.kind() != std::io::ErrorKind::WouldBlock
            {
                log.info(format_args!("{path}: notify fifo write error: {e}"));
            }
        }
    }

    pub(super) fn script_ended(&mut self, run: RunId) {
        self.queue.ended(run);
    }

    pub(super) fn deadline(&self) -> Moment {
        self.queue.poll_timeout().map_or(Moment::NEVER, Moment)
    }

    pub(super) fn is_idle(&self) -> bool {
        self.queue.is_idle()
    }

    /// Takes the FIFOs away.
    pub(super) fn close(&mut self) {
        remove_all(std::mem::take(&mut self.fifos));
    }

    fn start_due(&mut self, now: Now, log: &Log) {
        while let Some(job) = self.queue.poll_start(now.mono_us) {
            for telling in job.scripts {
                let run = RunId(self.next_run);
                self.next_run += 1;
                self.queue.started(&job.lane, run);
                let limit = telling.last.then_some(std::time::Duration::from_secs(1));
                let (command, extra) = (&telling.command, &telling.extra);
                launch(command, extra, self.output, limit, Purpose::Notify(run), self.post.clone(), log);
            }
        }
    }
}

fn remove_all(fifos: Vec<(String, NotifyFifo)>) {
    for (_, f) in fifos {
        let _ = f.remove();
    }
}

/// The script for a notice.
fn own_script(n: &Notify, notice: Notice) -> Option<&Command> {
    match notice {
        Notice::Master => n.master.as_ref(),
        Notice::Backup => n.backup.as_ref(),
        Notice::Fault => n.fault.as_ref(),
        Notice::Stop => n.stop.as_ref(),
        Notice::Deleted if n.deleted_as_fault => n.fault.as_ref(),
        Notice::Deleted => n.deleted.as_ref(),
        Notice::MasterRxLowerPri => n.master_rx_lower_pri.as_ref(),
        Notice::MasterPriority | Notice::BackupPriority => None,
    }
}

/// Whether the generic script hears of a notice: states only.
fn is_state(notice: Notice) -> bool {
    !matches!(notice, Notice::MasterRxLowerPri | Notice::MasterPriority | Notice::BackupPriority)
}

/// What to run for a notice, in the order it is started.
pub(super) fn tellings(n: &Notify, kind: &str, name: &str, notice: Notice, priority: u8) -> Vec<Telling> {
    let may = |c: &&Command| c.disabled.is_none();
    let last = notice == Notice::Stop;
    let mut all = Vec::new();
    if let Some(c) = own_script(n, notice).filter(may) {
        all.push(Telling { command: c.clone(), extra: Vec::new(), last });
    }
    if let Some(c) = n.any.as_ref().filter(may).filter(|_| is_state(notice)) {
        let extra = [kind, name, notice.name(), &priority.to_string()].map(str::to_owned).to_vec();
        all.push(Telling { command: c.clone(), extra, last });
    }
    all
}

/// `INSTANCE "VI_1" MASTER 110`.
fn fifo_line(kind: &str, name: &str, notice: Notice, priority: u8) -> String {
    format!("{kind} \"{name}\" {} {priority}\n", notice.name())
}

impl Worker {
    pub(super) fn tell_instance(&mut self, i: &VrrpInstance, notice: Notice, priority: u8) {
        let all = tellings(&i.notify, "INSTANCE", &i.name, notice, priority);
        self.teller.queue.push(Lane::Instance(i.name.clone()), all);
        self.teller.line(&fifo_line("INSTANCE", &i.name, notice, priority), &self.log);
        if i.notify.mail {
            self.mail.instance(&i.name, notice);
        }
    }

    /// A FIFO line alone, for readers that begin after a reload.
    pub(super) fn tell_state_again(&mut self, i: &VrrpInstance, notice: Notice, priority: u8) {
        self.teller.line(&fifo_line("INSTANCE", &i.name, notice, priority), &self.log);
    }

    pub(super) fn tell_group(&mut self, id: GroupId, notice: Notice) {
        let plan = self.plan.clone();
        let Some(g) = plan.failover.sync_groups.get(id.0) else { return };
        let all = tellings(&g.notify, "GROUP", &g.name, notice, 0);
        self.teller.queue.push(Lane::Group(g.name.clone()), all);
        self.teller.line(&fifo_line("GROUP", &g.name, notice, 0), &self.log);
        if g.notify.mail {
            self.mail.group(&g.name, notice);
        }
    }

    pub(super) fn tell_due(&mut self, now: Now) {
        self.teller.start_due(now, &self.log);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(name: &str) -> Option<Command> {
        let span = rha_ir::Span::default();
        Some(Command { argv: vec![name.into()], user: None, disabled: None, origin: span })
    }

    #[test]
    fn each_notice_has_its_scripts_and_arguments() {
        let n = Notify {
            master: command("m"),
            fault: command("f"),
            any: command("any"),
            master_rx_lower_pri: command("low"),
            deleted_as_fault: true,
            ..Notify::default()
        };
        let names = |notice| -> Vec<(String, Vec<String>)> {
            let all = tellings(&n, "INSTANCE", "VI", notice, 110);
            all.into_iter().map(|t| (t.command.argv[0].to_string(), t.extra)).collect()
        };
        let generic =
            |word: &str| ("any".to_owned(), vec!["INSTANCE".into(), "VI".into(), word.into(), "110".into()]);
        assert_eq!(names(Notice::Master), [("m".to_owned(), vec![]), generic("MASTER")]);
        assert_eq!(names(Notice::Backup), [generic("BACKUP")]);
        assert_eq!(names(Notice::Deleted), [("f".to_owned(), vec![]), generic("DELETED")]);
        assert_eq!(names(Notice::MasterRxLowerPri), [("low".to_owned(), vec![])]);
        assert_eq!(names(Notice::MasterPriority), []);
        assert_eq!(fifo_line("GROUP", "G", Notice::Master, 0), "GROUP \"G\" MASTER 0\n");
    }

    #[test]
    fn a_disabled_script_is_not_run() {
        let mut c = command("m");
        if let Some(c) = &mut c {
            c.disabled = Some("insecure".into());
        }
        let n = Notify { master: c, ..Notify::default() };
        assert_eq!(tellings(&n, "INSTANCE", "VI", Notice::Master, 1), []);
    }
}
