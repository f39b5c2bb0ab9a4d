//! Log lines: formatted into the worker's batches, sent at the end of the loop turn, never waited for.

use std::cell::{Cell, RefCell};
use std::task::{Context, Poll, Waker};

use rha_ir::LogDestination;
use rha_net::{DatagramBatch, DatagramSocket, LineSink};

use crate::plan::Plan;
use crate::plan::logs::LogPlan;
use crate::stream::Stream;

/// Lines after which a batch goes out in the middle of a turn.
const FULL: usize = 64;

#[derive(Debug)]
enum Exit {
    Datagram(DatagramSocket),
    Lines(LineSink),
    Nowhere,
}

#[derive(Debug)]
struct Target {
    exit: Exit,
    batch: DatagramBatch,
    /// Lines so far, for `sample`.
    seen: u32,
}

/// A worker's log targets.
#[derive(Debug)]
pub(crate) struct Logs {
    targets: RefCell<Vec<Target>>,
    scratch: RefCell<Vec<u8>>,
    waiting: Cell<bool>,
    flusher: RefCell<Option<Waker>>,
    pub dropped: Cell<u64>,
}

impl Logs {
    pub(crate) fn new(plan: &Plan) -> Logs {
        let logs = Logs {
            targets: RefCell::default(),
            scratch: RefCell::default(),
            waiting: Cell::new(false),
            flusher: RefCell::new(None),
            dropped: Cell::new(0),
        };
        logs.adopt(plan);
        logs
    }

    /// Opens the targets of another plan; waiting lines go out first.
    pub(crate) fn adopt(&self, plan: &Plan) {
        self.flush();
        *self.targets.borrow_mut() = plan
            .log_targets
            .iter()
            .map(|t| {
                let exit = match (&t.to, &t.address) {
                    (LogDestination::Descriptor(fd), _) => Exit::Lines(LineSink::new(*fd)),
                    (LogDestination::Datagram(_), Some(a)) => {
                        let mut s = DatagramSocket::new(a.clone())
                            .with_buffer(plan.model.process.datagram_send_buffer);
                        let _ = s.open();
                        Exit::Datagram(s)
                    }
                    _ => Exit::Nowhere,
                };
                Target { exit, batch: DatagramBatch::default(), seen: 0 }
            })
            .collect();
    }

    /// Sends all waiting lines.
    pub(crate) fn flush(&self) {
        self.waiting.set(false);
        for t in self.targets.borrow_mut().iter_mut() {
            if t.batch.is_empty() {
                continue;
            }
            let lost = match &mut t.exit {
                Exit::Datagram(s) => s.send(&t.batch),
                Exit::Lines(s) => s.send(&t.batch, &mut self.scratch.borrow_mut()),
                Exit::Nowhere => 0,
            };
            self.dropped.set(self.dropped.get() + lost as u64);
            t.batch.clear();
        }
    }

    /// Runs for ever: flushes whenever lines wait and the tasks ready now have had their turn.
    pub(crate) async fn drive(&self) {
        std::future::poll_fn(|cx: &mut Context<'_>| {
            *self.flusher.borrow_mut() = Some(cx.waker().clone());
            if self.waiting.get() {
                self.flush();
            }
            Poll::<()>::Pending
        })
        .await;
    }

    /// Hands a message to all targets of `logs` that want its level.
    pub(crate) fn emit(&self, logs: &LogPlan, level: u8, wall_us: i64, message: &[u8]) {
        let mut full = false;
        {
            let mut targets = self.targets.borrow_mut();
            for l in &logs.targets {
                let Some(t) = targets.get_mut(l.target) else { continue };
                if level > l.max_level || !l.sampled(&mut t.seen) {
                    continue;
                }
                t.batch.push(|out| l.write(level, wall_us, logs, message, out));
                full |= t.batch.len() >= FULL;
            }
        }
        if full {
            self.flush();
        } else if !self.waiting.replace(true)
            && let Some(w) = self.flusher.borrow().as_ref()
        {
            w.wake_by_ref();
        }
    }
}

impl Stream {
    /// Writes the stream's line, once. COMPAT: `dontlog-normal`, `dontlognull`, `log-separate-errors`.
    pub(crate) fn log(&mut self) {
        if std::mem::replace(&mut self.logged, true) {
            return;
        }
        let front = self.frontend();
        if front.logs.targets.is_empty() {
            return;
        }
        let options = &front.model.options;
        let failed = self.ending.side != rha_base::Side::None && self.ending.side != rha_base::Side::Local
            || self.status >= 500
            || self.retries > 0
            || self.redispatched;
        let normal = !failed;
        if options.dontlog_normal && normal {
            return;
        }
        if options.dontlognull && self.is_null() {
            return;
        }
        let mut level = if options.log_separate_errors && failed { 3 } else { 6 };
        match self.log_level {
            Some(8) => return,
            Some(l) => level = l,
            None => {}
        }
        let mut text = std::mem::take(&mut self.parts.text);
        text.clear();
        let front = self.frontend();
        // COMPAT: `error-log-format` is for what never became a request.
        let unborn = front.mode == rha_ir::Mode::Http && !self.parts.request.is_complete();
        let format = match &front.rules.error_log_format {
            Some(f) if unborn => Some(f),
            _ => front.rules.log_format.as_ref(),
        };
        match format {
            Some(f) => f.write(self, &mut text),
            None => self.default_line(&mut text),
        }
        let w = &self.session.worker;
        w.logs.emit(&front.logs, level, w.now().wall_us, &text);
        self.parts.text = text;
    }

    /// `option logasap`: the line as things stand, as if the stream had ended at `end` with `size` bytes
    /// sent. COMPAT: received bytes are not counted yet.
    pub(crate) fn log_early(&mut self, end: u64, size: u64) {
        let counted = (self.bytes_in, self.bytes_out, self.at.done);
        (self.bytes_in, self.bytes_out, self.at.done) = (0, size, end);
        self.log();
        (self.bytes_in, self.bytes_out, self.at.done) = counted;
    }

    /// Nothing was received from the client.
    fn is_null(&self) -> bool {
        self.bytes_in == 0 && self.bytes_out == 0 && self.parts.line.is_empty()
    }

    /// COMPAT: the line without any `log-format`.
    fn default_line(&self, out: &mut Vec<u8>) {
        use std::io::Write as _;
        let show = |a: Option<std::net::SocketAddr>| match a {
            Some(a) => format!("{}:{}", a.ip(), a.port()),
            None => "unix:1".to_owned(),
        };
        let front = self.frontend();
        let mode = if front.mode == rha_ir::Mode::Http { "HTTP" } else { "TCP" };
        let _ = write!(
            out,
            "Connect from {} to {} ({}/{mode})",
            show(self.session.source),
            show(self.session.destination()),
            front.name
        );
    }
}
