//! BFD sessions: RFC 5880 machines over their sockets.
//!
//! One listener per family and port for all sessions, one sender per session with a port of its own
//! (RFC 5881 §4).

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::rc::Rc;

use rha_base::Now;
use rha_bfd::{
    Action, Config, Demux, Detail, Endpoint, MULTIHOP_PORT, Meta, Reject, SINGLE_HOP_PORT, Session, State,
    TTL,
};
use rha_ir::failover::BfdInstance;
use rha_net::{BfdListener, BfdSender};
use rha_vrrp::Moment;
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::JoinHandle;

use super::Event;
use crate::checkers::run::strerror;
use crate::dump::{BfdView, SessionView};
use crate::log::Log;

/// Largest packet worth reading.
const BUFFER: usize = 512;

/// A packet that arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BfdNews {
    bytes: Vec<u8>,
    meta: (std::net::SocketAddr, Option<IpAddr>, Option<u32>, Option<u8>, bool),
}

struct Open {
    written: BfdInstance,
    session: Session,
    sender: Option<BfdSender>,
    port_seed: u16,
    up: bool,
}

impl Open {
    /// The way out; opened here when that was not possible before, as without the source address on this node.
    ///
    /// DIFFERS: the original tries again after a minute, or when a packet comes; a session that is Down sends about
    /// once a second.
    fn way_out(&mut self) -> std::io::Result<&BfdSender> {
        if self.sender.is_none() {
            let b = &self.written;
            let port = if b.multihop { MULTIHOP_PORT } else { SINGLE_HOP_PORT };
            let to = std::net::SocketAddr::new(b.neighbor, port);
            let opened = BfdSender::open(b.source, to, None, b.ttl.unwrap_or(TTL), self.port_seed)?;
            self.sender = Some(opened);
        }
        self.sender.as_ref().ok_or_else(|| std::io::ErrorKind::NotConnected.into())
    }
}

/// A listener, and the task that reads it.
struct Hears {
    descriptor: i32,
    task: JoinHandle<()>,
}

impl Drop for Hears {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// All sessions.
pub(super) struct Bfd {
    sessions: Vec<Open>,
    demux: Demux<usize>,
    listeners: BTreeMap<(bool, u16), Hears>,
    seed: u64,
    post: UnboundedSender<Event>,
}

fn config(b: &BfdInstance, log: &Log) -> Config {
    let mut c = Config::keepalived(&b.name);
    c.min_tx_us = b.min_tx_us;
    c.min_rx_us = b.min_rx_us;
    c.idle_tx_us = b.idle_tx_us;
    c.detect_mult = b.multiplier;
    c.passive = b.passive;
    // COMPAT: at most `max_hops` below the TTL that is sent; any when neither is written for several hops.
    c.min_ttl = match (b.ttl, b.max_hops) {
        (ttl, Some(hops)) => ttl.unwrap_or(TTL).saturating_sub(hops),
        (Some(_), None) => 0,
        (None, None) if b.multihop => 0,
        (None, None) => TTL,
    };
    c.verbosity = match (log.is_extra_detailed(), log.is_detailed()) {
        (true, _) => Detail::Extra,
        (_, true) => Detail::Detail,
        _ => Detail::Plain,
    };
    c
}

impl Bfd {
    pub(super) fn new(post: UnboundedSender<Event>) -> Bfd {
        let seed = rha_net::read_clocks().mono_us ^ (u64::from(std::process::id()) << 32);
        Bfd { sessions: Vec::new(), demux: Demux::default(), listeners: BTreeMap::new(), seed, post }
    }

    /// Takes the sessions of a plan over: those that were there go on with their new settings.
    pub(super) fn load(&mut self, wanted: &[BfdInstance], log: &Log, now: Now) {
        let mut before = std::mem::take(&mut self.sessions);
        self.demux = Demux::default();
        for b in wanted {
            let known =
                before.iter().position(|o| o.written.neighbor == b.neighbor && o.written.source == b.source);
            let open = match known {
                Some(at) => {
                    let mut open = before.remove(at);
                    let mut out = Vec::new();
                    open.session.reconfigure(now, config(b, log), &mut out);
                    open.written = b.clone();
                    self.sessions.push(open);
                    self.perform(self.sessions.len() - 1, out, log);
                    self.sessions.len() - 1
                }
                None => {
                    self.begin(b, log, now);
                    self.sessions.len() - 1
                }
            };
            let endpoint = Endpoint { local: b.source, ..Endpoint::new(b.neighbor, b.multihop) };
            if let Some(o) = self.sessions.get(open) {
                self.demux.insert(o.session.discriminator(), open, endpoint);
            }
        }
        for mut gone in before {
            let mut out = Vec::new();
            gone.session.admin_down(now, &mut out);
        }
        self.listen(wanted, log);
    }

    fn begin(&mut self, b: &BfdInstance, log: &Log, now: Now) {
        let discriminator = self.random() | 1;
        let seed = u64::from(self.random());
        let port_seed = u16::try_from(self.random() & 0xffff).unwrap_or(0);
        let session = Session::new(config(b, log), discriminator, seed);
        let mut open = Open { written: b.clone(), session, sender: None, port_seed, up: false };
        if let Err(e) = open.way_out() {
            log.info(format_args!("({}) bind() error ({})", b.name, strerror(&e)));
            log.info(format_args!("({}) Unable to open output socket, trying again", b.name));
        }
        self.sessions.push(open);
        let mut out = Vec::new();
        let at = self.sessions.len() - 1;
        if let Some(o) = self.sessions.get_mut(at) {
            o.session.start(now, &mut out);
        }
        self.perform(at, out, log);
    }

    /// xorshift: discriminators need to differ, not to be secret.
    fn random(&mut self) -> u32 {
        self.seed ^= self.seed << 13;
        self.seed ^= self.seed >> 7;
        self.seed ^= self.seed << 17;
        u32::try_from(self.seed >> 32).unwrap_or(1)
    }

    fn listen(&mut self, wanted: &[BfdInstance], log: &Log) {
        let needed: Vec<(bool, u16)> = wanted
            .iter()
            .map(|b| (b.neighbor.is_ipv6(), if b.multihop { MULTIHOP_PORT } else { SINGLE_HOP_PORT }))
            .collect();
        self.listeners.retain(|k, _| needed.contains(k));
        for (v6, port) in needed {
            if self.listeners.contains_key(&(v6, port)) {
                continue;
            }
            let any: IpAddr = if v6 { Ipv6Addr::UNSPECIFIED.into() } else { Ipv4Addr::UNSPECIFIED.into() };
            match BfdListener::open(any, port, None) {
                Ok(l) => {
                    let descriptor = l.descriptor();
                    let task = tokio::task::spawn_local(receive(Rc::new(l), port, self.post.clone()));
                    self.listeners.insert((v6, port), Hears { descriptor, task });
                }
                Err(e) => log.info(format_args!("BFD cannot listen on port {port}: {e}")),
            }
        }
    }

    pub(super) fn deadline(&self) -> Moment {
        self.sessions.iter().filter_map(|o| o.session.deadline()).min().map_or(Moment::NEVER, Moment)
    }

    /// Whether a session is up.
    pub(super) fn is_up(&self, name: &str) -> bool {
        self.sessions.iter().any(|o| o.written.name == name && o.up)
    }

    /// Names, neighbours and states, for `status`.
    pub(super) fn states(&self) -> Vec<(String, IpAddr, State)> {
        self.sessions
            .iter()
            .map(|o| (o.written.name.clone(), o.written.neighbor, o.session.state()))
            .collect()
    }

    /// What `keepalived_bfd.data` shows; `None` without sessions, where the original has no such process.
    pub(super) fn views(&self) -> Option<BfdView<'_>> {
        let fd = |port| self.listeners.iter().find(|((_, p), _)| *p == port).map(|(_, l)| l.descriptor);
        let session = |o: &'_ Open| SessionView {
            facts: o.session.facts(),
            fd: o.sender.as_ref().map_or(-1, BfdSender::descriptor),
        };
        (!self.sessions.is_empty()).then(|| BfdView {
            fd_in: fd(SINGLE_HOP_PORT),
            multihop_fd_in: fd(MULTIHOP_PORT),
            sessions: self.sessions.iter().map(|o| (&o.written, session(o))).collect(),
        })
    }

    pub(super) fn expire(&mut self, now: Now, log: &Log) -> Vec<(String, IpAddr, bool)> {
        let mut changed = Vec::new();
        for at in 0..self.sessions.len() {
            let mut out = Vec::new();
            if let Some(o) = self.sessions.get_mut(at)
                && o.session.deadline().is_some_and(|d| d <= now.mono_us)
            {
                o.session.handle_timeout(now, &mut out);
            }
            changed.extend(self.perform(at, out, log));
        }
        changed
    }

    pub(super) fn hear(&mut self, news: BfdNews, now: Now, log: &Log) -> Vec<(String, IpAddr, bool)> {
        let (from, to, interface, ttl, multihop) = news.meta;
        let meta = Meta { from, to, interface, ttl, multihop };
        let Ok((at, packet)) = self.demux.receive(&news.bytes, &meta) else { return Vec::new() };
        let mut out = Vec::new();
        if let Some(o) = self.sessions.get_mut(at)
            && let Err(reject) = o.session.handle_packet(now, &packet, ttl, &mut out)
        {
            self.demux.count(&reject);
            if let Reject::Ttl { ttl, least } = reject {
                let what = if from.is_ipv4() { "ttl" } else { "hop_limit" };
                log.detail(format_args!("Packet {what}({ttl}) < {least} - discarding"));
            }
        }
        self.perform(at, out, log).into_iter().collect()
    }

    pub(super) fn stop(&mut self, now: Now) {
        for o in &mut self.sessions {
            let mut out = Vec::new();
            o.session.admin_down(now, &mut out);
        }
        self.sessions.clear();
        self.listeners.clear();
    }

    /// Does what a session orders; whether those that track it are to be told.
    fn perform(&mut self, at: usize, actions: Vec<Action>, log: &Log) -> Option<(String, IpAddr, bool)> {
        let o = self.sessions.get_mut(at)?;
        let mut changed = None;
        for action in actions {
            match action {
                Action::Send(packet) => {
                    let mut bytes = Vec::with_capacity(24);
                    packet.encode(&mut bytes);
                    // told when it was first tried
                    let Ok(sender) = o.way_out() else { continue };
                    let result = sender.send(&bytes).map_err(|e| strerror(&e));
                    let mut lines = Vec::new();
                    o.session.note_sent(result.as_ref().map_err(String::as_str).copied(), &mut lines);
                    for l in lines {
                        if let Action::Log(l) = l {
                            say(log, &l);
                        }
                    }
                }
                Action::Changed(c) => {
                    let up = c.to == State::Up;
                    if c.told && up != o.up {
                        o.up = up;
                        changed = Some((o.written.name.clone(), o.written.neighbor, up));
                    }
                }
                Action::Log(l) => say(log, &l),
            }
        }
        changed
    }
}

fn say(log: &Log, l: &rha_bfd::Line) {
    match l.detail {
        Detail::Plain => log.info(&l.text),
        Detail::Detail => log.detail(&l.text),
        Detail::Extra if log.is_extra_detailed() => log.info(&l.text),
        Detail::Extra => {}
    }
}

async fn receive(listener: Rc<BfdListener>, port: u16, post: UnboundedSender<Event>) {
    let mut buffer = [0u8; BUFFER];
    loop {
        let Ok(r) = listener.receive(&mut buffer).await else {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            continue;
        };
        let bytes = buffer.get(..r.length).unwrap_or(&buffer).to_vec();
        let meta = (r.source, r.destination, r.link, r.hop_limit, port == MULTIHOP_PORT);
        if post.send(Event::Bfd(BfdNews { bytes, meta })).is_err() {
            return;
        }
    }
}
