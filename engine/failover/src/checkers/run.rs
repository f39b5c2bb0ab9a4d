//! The loop under the checkers: sockets, programs and time for [`Pool`]s, on the worker's local task set.
//!
//! One task per open connection or running program; it posts what happens under the number of its attempt, so that
//! what a closed one had still to say is passed over. What concerns others (the kernel's table, scripts, FIFOs,
//! mail) goes out as [`Told`], in the machine's order.

mod secure;

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::unix::ffi::OsStringExt as _;
use std::time::Duration;

use rha_base::Now;
use rha_health::lvs::{Act, CheckId, Event, KernelChange, Notice, Pool, PoolFacts, ProbePlan, Transport};
use rha_ir::failover::{Command, VirtualServerKey};
use rha_net::scripts::{RunningScript, ScriptCommand, ScriptOutput, ScriptUser};
use rha_net::{ProbeSource, Signal};
use rha_tls::TlsClient;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream, UdpSocket};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;
use tokio::task::{AbortHandle, spawn_local};

use super::table::Service;
use super::{Means, Watched};

/// Most bytes taken from a connection at once.
const READ: usize = 16384;

/// What the loop is told.
#[derive(Debug)]
pub enum News {
    /// A BFD session changed.
    Bfd {
        /// `bfd_instance`.
        instance: String,
        /// Up.
        up: bool,
    },
    /// A tracked file has another value.
    File {
        /// `track_file`.
        name: String,
        /// Value.
        value: i64,
    },
    /// An address of this node came or went.
    Address {
        /// Address.
        ip: IpAddr,
        /// It is here.
        present: bool,
    },
    /// A question: what is known at the moment.
    Facts(oneshot::Sender<Vec<PoolFacts>>),
    /// Another configuration.
    Reload(Vec<(VirtualServerKey, Watched)>),
    /// The end: everything is taken down, then [`run`] returns.
    Stop,
}

/// What others are to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// A line.
    Log(String),
    /// What follows about the kernel is meant for these virtual servers: first of all, and at each reload when all is
    /// said about those before. See [`super::table::Table::replace`].
    Services(Vec<Service>),
    /// Change the kernel's table. See [`super::table::Table::change`].
    Kernel {
        /// Virtual server, by position.
        pool: usize,
        /// Change.
        change: KernelChange,
    },
    /// Run a script.
    Script(Command),
    /// Write to the FIFOs.
    Fifo(String),
    /// Send mail.
    Mail {
        /// Subject.
        subject: String,
        /// Body.
        body: String,
    },
}

/// Something on a connection or of a program.
struct Post {
    key: Key,
    attempt: u64,
    event: Event,
}

type Key = (usize, CheckId);

/// What a checker has open.
struct Open {
    attempt: u64,
    task: AbortHandle,
    program: bool,
    /// Bytes to send; for programs, whether to end them hard.
    orders: UnboundedSender<Order>,
}

impl Open {
    /// A connection closes; a program is killed, and its task stays until it has collected it.
    fn drop(self) {
        if self.program {
            let _ = self.orders.send(Order::Kill { force: true });
        } else {
            self.task.abort();
        }
    }
}

enum Order {
    Send(Vec<u8>),
    Kill { force: bool },
}

struct Site {
    pools: Vec<(VirtualServerKey, Watched, Pool)>,
    generation: u64,
    open: HashMap<Key, Open>,
    attempts: u64,
    /// Last values, for configurations to come.
    files: HashMap<String, i64>,
    bfd: HashMap<String, bool>,
    addresses: HashMap<IpAddr, usize>,
    output: ScriptOutput,
    post: UnboundedSender<Post>,
    tell: UnboundedSender<Told>,
}

/// Watches until it is told to stop. `seed` moves warm-ups and DNS ids; news that came before the start of a pool
/// (files, addresses) count from the start.
pub async fn run(
    watched: Vec<(VirtualServerKey, Watched)>,
    seed: u64,
    output: ScriptOutput,
    mut news: UnboundedReceiver<News>,
    tell: UnboundedSender<Told>,
) {
    let (post, mut posts) = unbounded_channel();
    let mut site = Site {
        pools: Vec::new(),
        generation: 0,
        open: HashMap::new(),
        attempts: 0,
        files: HashMap::new(),
        bfd: HashMap::new(),
        addresses: HashMap::new(),
        output,
        post,
        tell,
    };
    // what waits already is known before the first table is filled
    let mut waiting = None;
    while waiting.is_none()
        && let Ok(first) = news.try_recv()
    {
        match first {
            News::File { .. } | News::Address { .. } | News::Bfd { .. } => site.remember(&first),
            // nothing is known yet, which the one who asks sees
            News::Facts(_) => {}
            News::Reload(_) | News::Stop => waiting = Some(first),
        }
    }
    let (watched, stopped) = match waiting {
        Some(News::Reload(newer)) => (newer, false),
        other => (watched, other.is_some()),
    };
    if stopped {
        return;
    }
    let mut pings = watched.iter().any(|(_, w)| has_ping(w)).then(PingRange::open);
    site.begin(watched, seed);
    loop {
        let due = site.pools.iter().filter_map(|(_, _, p)| p.deadline()).min();
        tokio::select! {
            biased;
            Some(post) = posts.recv() => site.hear(post),
            news = news.recv() => match news {
                None | Some(News::Stop) => break,
                Some(News::Reload(watched)) => {
                    if watched.iter().any(|(_, w)| has_ping(w)) {
                        pings.get_or_insert_with(PingRange::open);
                    }
                    site.reload(watched, seed);
                }
                Some(news) => site.take(news),
            },
            () = sleep_until(due) => site.each(|pool, now, out| pool.handle_timeout(now, out)),
        }
    }
    site.each(|pool, _, out| pool.stop(out));
    site.drop_all();
}

fn has_ping(watched: &Watched) -> bool {
    let checkers = watched.plan.servers.iter().flat_map(|s| &s.checkers);
    checkers.into_iter().any(|c| matches!(c.probe, ProbePlan::Ping))
}

/// Who may open ICMP datagram sockets. COMPAT: the group 0 is let in while there are `PING_CHECK`s.
struct PingRange {
    before: Option<String>,
}

impl PingRange {
    const FILE: &str = "/proc/sys/net/ipv4/ping_group_range";

    fn open() -> PingRange {
        let before = std::fs::read_to_string(PingRange::FILE).ok();
        let Some(range) = before.as_deref() else { return PingRange { before: None } };
        let most = range.split_whitespace().nth(1).unwrap_or("0");
        if range.split_whitespace().next() == Some("0")
            || std::fs::write(PingRange::FILE, format!("0\t{most}\n")).is_err()
        {
            return PingRange { before: None };
        }
        PingRange { before }
    }
}

impl Drop for PingRange {
    fn drop(&mut self) {
        if let Some(before) = &self.before {
            let _ = std::fs::write(PingRange::FILE, before);
        }
    }
}

async fn sleep_until(due_us: Option<u64>) {
    let Some(due) = due_us else { return std::future::pending().await };
    let wait = due.saturating_sub(rha_net::read_clocks().mono_us);
    tokio::time::sleep(Duration::from_micros(wait)).await;
}

impl Site {
    fn begin(&mut self, watched: Vec<(VirtualServerKey, Watched)>, seed: u64) {
        for (n, (key, w)) in (0u64..).zip(watched) {
            let pool = Pool::new(w.plan.clone(), seed.wrapping_add(n));
            self.pools.push((key, w, pool));
        }
        self.tell_services();
        self.brief();
        self.each(|pool, _, out| pool.begin(out));
        self.each(Pool::activate);
        self.brief_bfd();
    }

    /// Old pools make room, new ones take over what they know.
    fn reload(&mut self, watched: Vec<(VirtualServerKey, Watched)>, seed: u64) {
        self.drop_all();
        let mut old = std::mem::take(&mut self.pools);
        for (at, (key, before, pool)) in old.iter_mut().enumerate() {
            let mut out = Vec::new();
            match watched.iter().find(|(k, _)| k == key) {
                Some((_, next)) => pool.retire(&next.plan, &mut out),
                None => pool.stop(&mut out),
            }
            self.tell_all(at, out, |notice| command(before, notice));
        }
        self.generation += 1;
        for (n, (key, w)) in (0u64..).zip(watched) {
            let pool = Pool::new(w.plan.clone(), seed.wrapping_add(self.generation << 32).wrapping_add(n));
            self.pools.push((key, w, pool));
        }
        self.tell_services();
        self.brief();
        for at in 0..self.pools.len() {
            let mut out = Vec::new();
            let Some((key, _, pool)) = self.pools.get_mut(at) else { continue };
            match old.iter().find(|(k, _, _)| k == key) {
                Some((_, _, before)) => pool.adopt(before, &mut out),
                None => pool.begin(&mut out),
            }
            self.perform(at, out);
        }
        self.each(Pool::activate);
        self.brief_bfd();
    }

    fn tell_services(&self) {
        let services = self.pools.iter().map(|(_, w, _)| w.service.clone()).collect();
        let _ = self.tell.send(Told::Services(services));
    }

    /// Tells pools that have not begun what is known.
    fn brief(&mut self) {
        let files = self.files.clone();
        self.each(|pool, _, out| files.iter().for_each(|(name, value)| pool.handle_file(name, *value, out)));
        self.place();
    }

    fn brief_bfd(&mut self) {
        let bfd = self.bfd.clone();
        self.each(|pool, _, out| bfd.iter().for_each(|(name, up)| pool.handle_bfd(name, *up, out)));
    }

    /// Tells pools whether their address is here.
    fn place(&mut self) {
        for at in 0..self.pools.len() {
            let Some((VirtualServerKey::Address(address), _, pool)) = self.pools.get_mut(at) else {
                continue;
            };
            let present = self.addresses.get(&address.ip()).is_some_and(|n| *n > 0);
            let mut out = Vec::new();
            pool.set_present(present, &mut out);
            self.perform(at, out);
        }
    }

    fn remember(&mut self, news: &News) {
        match news {
            News::Bfd { instance, up } => drop(self.bfd.insert(instance.clone(), *up)),
            News::File { name, value } => drop(self.files.insert(name.clone(), *value)),
            News::Address { ip, present } => {
                let count = self.addresses.entry(*ip).or_default();
                *count = if *present { *count + 1 } else { count.saturating_sub(1) };
            }
            News::Facts(_) | News::Reload(_) | News::Stop => {}
        }
    }

    fn take(&mut self, news: News) {
        self.remember(&news);
        match news {
            News::Bfd { instance, up } => self.each(|pool, _, out| pool.handle_bfd(&instance, up, out)),
            News::File { name, value } => self.each(|pool, _, out| pool.handle_file(&name, value, out)),
            News::Address { .. } => self.place(),
            News::Facts(reply) => {
                let _ = reply.send(self.pools.iter().map(|(_, _, pool)| pool.facts()).collect());
            }
            News::Reload(_) | News::Stop => {}
        }
    }

    fn hear(&mut self, post: Post) {
        let (at, id) = post.key;
        if self.open.get(&post.key).is_none_or(|open| open.attempt != post.attempt) {
            return;
        }
        let mut out = Vec::new();
        if let Some((_, _, pool)) = self.pools.get_mut(at) {
            pool.handle(id, post.event, rha_net::read_clocks(), &mut out);
        }
        self.perform(at, out);
    }

    fn each(&mut self, mut act: impl FnMut(&mut Pool, Now, &mut Vec<Act>)) {
        for at in 0..self.pools.len() {
            let mut out = Vec::new();
            if let Some((_, _, pool)) = self.pools.get_mut(at) {
                act(pool, rha_net::read_clocks(), &mut out);
            }
            self.perform(at, out);
        }
    }

    fn perform(&mut self, at: usize, acts: Vec<Act>) {
        let mut others = Vec::new();
        for act in acts {
            match act {
                Act::Open(id, transport) => self.connect((at, id), &transport),
                Act::Run(id) => self.start((at, id)),
                Act::Send(id, bytes) => self.order((at, id), Order::Send(bytes)),
                Act::Kill { id, force } => self.order((at, id), Order::Kill { force }),
                Act::Close(id) => {
                    if let Some(open) = self.open.remove(&(at, id)) {
                        open.drop();
                    }
                }
                other => others.push(other),
            }
        }
        let watched = self.pools.get(at).map(|(_, w, _)| w.clone());
        self.tell_all(at, others, |notice| watched.as_ref().and_then(|w| command(w, notice)));
    }

    fn tell_all(&self, pool: usize, acts: Vec<Act>, script: impl Fn(Notice) -> Option<Command>) {
        for act in acts {
            let told = match act {
                Act::Log(line) => Told::Log(line),
                Act::Kernel(change) => Told::Kernel { pool, change },
                Act::Fifo(line) => Told::Fifo(line),
                Act::Mail { subject, body } => Told::Mail { subject, body },
                Act::Notify(notice) => match script(notice) {
                    Some(command) => Told::Script(command),
                    None => continue,
                },
                Act::Open(..) | Act::Run(_) | Act::Send(..) | Act::Kill { .. } | Act::Close(_) => continue,
            };
            let _ = self.tell.send(told);
        }
    }

    fn order(&self, key: Key, order: Order) {
        if let Some(open) = self.open.get(&key) {
            let _ = open.orders.send(order);
        }
    }

    fn means(&self, (at, id): Key) -> Option<(&Means, SocketAddr)> {
        let (_, watched, _) = self.pools.get(at)?;
        let target = watched.plan.servers.get(id.server)?.checkers.get(id.checker)?.target;
        Some((watched.means.get(id.server)?.get(id.checker)?, target))
    }

    fn connect(&mut self, key: Key, transport: &Transport) {
        let (source, tls, target) = match self.means(key) {
            Some((Means::Socket(source), target)) => (source.clone(), None, target),
            Some((Means::Tls(source, client), target)) => (source.clone(), Some(client.clone()), target),
            _ => return,
        };
        let line = Line { target, source, tls, transport: transport.clone() };
        self.launch(key, false, move |orders, mouth| talk(line, orders, mouth));
    }

    fn start(&mut self, key: Key) {
        let Some((Means::Program(command), _)) = self.means(key) else { return };
        let (command, output) = (command.clone(), self.output);
        self.launch(key, true, move |orders, mouth| execute(command, output, orders, mouth));
    }

    fn launch<F>(&mut self, key: Key, program: bool, work: impl FnOnce(UnboundedReceiver<Order>, Mouth) -> F)
    where
        F: Future<Output = ()> + 'static,
    {
        self.attempts += 1;
        let (orders, receiver) = unbounded_channel();
        let mouth = Mouth { key, attempt: self.attempts, post: self.post.clone() };
        let task = spawn_local(work(receiver, mouth)).abort_handle();
        if let Some(old) = self.open.insert(key, Open { attempt: self.attempts, task, program, orders }) {
            old.drop();
        }
    }

    fn drop_all(&mut self) {
        self.open.drain().for_each(|(_, open)| open.drop());
    }
}

/// The script of a notice.
fn command(watched: &Watched, notice: Notice) -> Option<Command> {
    let command = match notice {
        Notice::Server { server, up } => {
            let (notify_up, notify_down) = watched.notify.get(server)?;
            if up { notify_up } else { notify_down }
        }
        Notice::Quorum { up: true } => &watched.quorum_up,
        Notice::Quorum { up: false } => &watched.quorum_down,
    };
    command.clone().filter(|c| c.disabled.is_none())
}

/// How a task speaks.
struct Mouth {
    key: Key,
    attempt: u64,
    post: UnboundedSender<Post>,
}

impl Mouth {
    fn say(&self, event: Event) {
        let _ = self.post.send(Post { key: self.key, attempt: self.attempt, event });
    }
}

/// What to open.
struct Line {
    target: SocketAddr,
    source: ProbeSource,
    tls: Option<TlsClient>,
    transport: Transport,
}

/// One connection.
async fn talk(line: Line, mut orders: UnboundedReceiver<Order>, mouth: Mouth) {
    let Line { target, source, tls, transport } = line;
    match transport {
        Transport::Tcp => {
            if let Some(stream) = connected(target, &source, &mouth).await {
                mouth.say(Event::Connected);
                converse(stream, &mut orders, &mouth).await;
            }
        }
        Transport::Tls { sni, goodbye } => {
            if let Some(stream) = connected(target, &source, &mouth).await {
                let session = tls.and_then(|client| client.session(sni.as_deref()).ok());
                let Some(session) = session else { return mouth.say(Event::Handshake { remark: None }) };
                secure::converse(secure::Secured { stream, session, goodbye }, &mut orders, &mouth).await;
            }
        }
        Transport::Udp => datagrams(rha_net::probe_udp(target, &source), &mut orders, &mouth).await,
        Transport::Icmp => datagrams(rha_net::probe_icmp(target, &source), &mut orders, &mouth).await,
    }
}

async fn connected(target: SocketAddr, source: &ProbeSource, mouth: &Mouth) -> Option<TcpStream> {
    let Ok(socket) = rha_net::probe_tcp(target, source) else {
        mouth.say(Event::Unable);
        return None;
    };
    match TcpSocket::from_std_stream(socket).connect(target).await {
        Ok(stream) => Some(stream),
        Err(e) => {
            mouth.say(no_way(&e));
            None
        }
    }
}

async fn converse(mut stream: TcpStream, orders: &mut UnboundedReceiver<Order>, mouth: &Mouth) {
    let mut buffer = vec![0u8; READ];
    loop {
        tokio::select! {
            order = orders.recv() => match order {
                Some(Order::Send(bytes)) => {
                    if stream.write_all(&bytes).await.is_err() {
                        return mouth.say(Event::WriteError);
                    }
                }
                Some(Order::Kill { .. }) => {}
                None => return,
            },
            got = stream.read(&mut buffer) => match got {
                Ok(0) => return mouth.say(Event::Eof),
                Ok(len) => mouth.say(Event::Data(buffer.get(..len).unwrap_or_default().to_vec())),
                Err(e) => return mouth.say(read_error(&e)),
            },
        }
    }
}

async fn datagrams(
    socket: io::Result<std::net::UdpSocket>,
    orders: &mut UnboundedReceiver<Order>,
    mouth: &Mouth,
) {
    let socket = match socket.and_then(UdpSocket::from_std) {
        Ok(socket) => socket,
        Err(e) => {
            if let Some(errno) = e.raw_os_error().filter(|_| is_no_way(&e)) {
                mouth.say(Event::Errno(errno));
            }
            return mouth.say(no_way_or_unable(&e));
        }
    };
    mouth.say(Event::Connected);
    let mut buffer = vec![0u8; READ];
    loop {
        tokio::select! {
            order = orders.recv() => match order {
                Some(Order::Send(bytes)) => {
                    if socket.send(&bytes).await.is_err() {
                        return mouth.say(Event::WriteError);
                    }
                }
                Some(Order::Kill { .. }) => {}
                None => return,
            },
            got = socket.recv(&mut buffer) => match got {
                Ok(len) => mouth.say(Event::Data(buffer.get(..len).unwrap_or_default().to_vec())),
                Err(e) => mouth.say(read_error(&e)),
            },
        }
    }
}

fn is_no_way(e: &io::Error) -> bool {
    use io::ErrorKind::{HostUnreachable, NetworkDown, NetworkUnreachable};
    matches!(e.kind(), HostUnreachable | NetworkDown | NetworkUnreachable)
}

/// A connection that did not come about.
fn no_way(e: &io::Error) -> Event {
    match e.kind() {
        io::ErrorKind::AddrNotAvailable | io::ErrorKind::PermissionDenied => Event::Unable,
        _ if is_no_way(e) => Event::Unreachable,
        _ => Event::Refused,
    }
}

fn no_way_or_unable(e: &io::Error) -> Event {
    if is_no_way(e) { Event::Unreachable } else { Event::Unable }
}

fn read_error(e: &io::Error) -> Event {
    Event::ReadError { errno: e.raw_os_error().unwrap_or(0), text: strerror(e) }
}

/// The error's text without the number that Rust appends.
pub(crate) fn strerror(e: &io::Error) -> String {
    let text = e.to_string();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}

/// One program, to its end.
async fn execute(command: Command, output: ScriptOutput, mut orders: UnboundedReceiver<Order>, mouth: Mouth) {
    let mut script =
        ScriptCommand::new(command.argv.iter().map(|a| std::ffi::OsString::from_vec(a.to_vec())));
    script.output = output;
    script.user = command.user.map(|u| ScriptUser { uid: u.uid, gid: u.gid, groups: vec![u.gid] });
    // root's own rights need no change
    if script.user.as_ref().is_some_and(|u| u.uid == 0 && u.gid == 0) && rha_net::daemon::is_root() {
        script.user = None;
    }
    let Ok(mut running) = script.start() else { return mouth.say(Event::NotStarted) };
    let mut listening = true;
    loop {
        tokio::select! {
            ended = running.wait() => {
                return mouth.say(match ended {
                    Ok(rha_net::Ended::Code(code)) => Event::Exited(code),
                    Ok(rha_net::Ended::Signal(signal)) => Event::Signaled(signal),
                    Err(_) => Event::NotStarted,
                });
            }
            order = orders.recv(), if listening => match order {
                Some(Order::Kill { force }) => kill(&running, force),
                Some(Order::Send(_)) => {}
                None => listening = false,
            },
        }
    }
}

fn kill(running: &RunningScript, force: bool) {
    running.signal_group(if force { Signal::Kill } else { Signal::Terminate });
}

#[cfg(test)]
mod tests;
