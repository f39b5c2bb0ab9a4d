//! The sockets of the runtime API (`stats socket`): one thread, one task a connection.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::io;
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rha_admin::command::SeverityOutput;
use rha_admin::command::wait::{self, Progress, Wait};
use rha_admin::session::Session;
use rha_admin::view::ControlSocket;
use rha_ir::{Bind, BindAddress, Process, SocketLevel};
use rha_net::{Conn, ListenOptions, Listener, SocketAddress};
use rha_proxy::StartError;
use tokio::sync::Semaphore;

use crate::engine::Engine;

/// Bound sockets with their level.
pub struct Bound {
    sockets: Vec<(Listener, How)>,
    idle: Duration,
    most: usize,
}

/// What is said of a socket.
#[derive(Debug, Clone, Copy)]
struct How {
    level: SocketLevel,
    /// `severity-output`.
    severities: SeverityOutput,
    /// `expose-fd listeners`.
    exposes: bool,
}

/// Connections to the sockets.
#[derive(Debug, Default)]
pub struct Traffic {
    now: AtomicU32,
    total: AtomicU64,
    /// Number and beginning of those that are open, microseconds of the monotonic clock.
    open: Mutex<BTreeMap<u64, u64>>,
}

impl Traffic {
    /// Open ones.
    #[must_use]
    pub fn now(&self) -> u32 {
        self.now.load(Relaxed)
    }

    /// Number and beginning of each that is open, microseconds of the monotonic clock.
    #[must_use]
    pub fn open(&self) -> Vec<(u64, u64)> {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.iter().map(|(n, at)| (*n, *at)).collect()
    }

    /// One begins: its number.
    fn begin(&self) -> u64 {
        self.count(true);
        let number = self.total.load(Relaxed);
        let began = rha_net::read_clocks().mono_us;
        self.open.lock().unwrap_or_else(PoisonError::into_inner).insert(number, began);
        number
    }

    fn end(&self, number: u64) {
        self.count(false);
        self.open.lock().unwrap_or_else(PoisonError::into_inner).remove(&number);
    }

    /// Counts one that begins or ends.
    pub fn count(&self, begins: bool) {
        if begins {
            self.now.fetch_add(1, Relaxed);
            self.total.fetch_add(1, Relaxed);
        } else {
            self.now.fetch_sub(1, Relaxed);
        }
    }

    /// All since start.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.total.load(Relaxed)
    }
}

/// Binds all `stats socket` lines.
///
/// # Errors
/// Every one that failed.
pub fn bind(process: &Process) -> Result<(Bound, Vec<ControlSocket>), Vec<StartError>> {
    let lines = &process.stats_sockets;
    let idle = Duration::from_millis(process.stats_timeout_ms.unwrap_or(10_000).into());
    // COMPAT: ten connections unless `stats maxconn` says otherwise; further ones wait to be accepted.
    let most = process.stats_maxconn.unwrap_or(10).max(1) as usize;
    let mut bound = Bound { sockets: Vec::new(), idle, most };
    let (mut shown, mut errors) = (Vec::new(), Vec::new());
    for line in lines {
        let level = line.bind.level.unwrap_or_default();
        let severities =
            line.bind.severity_output.as_deref().and_then(SeverityOutput::of).unwrap_or_default();
        let how = How { level, severities, exposes: line.bind.expose_listeners };
        for a in &line.bind.addresses {
            match open(a, &line.bind) {
                Ok(sockets) => {
                    for socket in sockets {
                        shown.push(ControlSocket { name: name(socket.address()), level });
                        bound.sockets.push((socket, how));
                    }
                }
                Err(e) => errors.push(e),
            }
        }
    }
    if errors.is_empty() { Ok((bound, shown)) } else { Err(errors) }
}

fn open(at: &BindAddress, line: &Bind) -> Result<Vec<Listener>, StartError> {
    let failed =
        |protocol, reason| StartError { proxy: "GLOBAL".to_owned(), origin: line.origin, protocol, reason };
    let wanted = rha_net::resolve(&at.address, 0).map_err(|e| failed("", e.to_string()))?;
    rha_net::bind(&wanted, &options(line), 1).map_err(|e| failed(e.protocol(), e.to_string()))
}

fn options(b: &Bind) -> ListenOptions {
    ListenOptions {
        backlog: 128,
        owner: b.owner.clone(),
        group: b.group.clone(),
        file_mode: b.file_mode,
        ..ListenOptions::default()
    }
}

/// As `show cli sockets` names it.
fn name(a: &SocketAddress) -> String {
    match a {
        SocketAddress::Ip(_) => a.to_string(),
        SocketAddress::Unix(p) => format!("unix@{}", p.display()),
        other => other.to_string(),
    }
}

impl Bound {
    /// Serves them on a thread of their own.
    ///
    /// # Errors
    /// When no thread can be had.
    pub fn serve(self, engine: Arc<Engine>) -> io::Result<Option<rha_net::Worker>> {
        if self.sockets.is_empty() {
            return Ok(None);
        }
        rha_net::spawn_worker("control".to_owned(), move || async move {
            let slots = Arc::new(Semaphore::new(self.most));
            for (socket, how) in self.sockets {
                let talk = Talk { how, idle: self.idle, engine: engine.clone() };
                rha_net::spawn(accept(socket, talk, slots.clone()));
            }
            std::future::pending().await
        })
        .map(Some)
    }
}

/// What a conversation depends on.
#[derive(Clone)]
struct Talk {
    how: How,
    idle: Duration,
    engine: Arc<Engine>,
}

async fn accept(socket: Listener, how: Talk, slots: Arc<Semaphore>) {
    let Ok(socket) = socket.attach() else { return };
    loop {
        let Ok(slot) = slots.clone().acquire_owned().await else { return };
        match poll_fn(|cx| socket.poll_accept(cx)).await {
            Ok(incoming) => {
                let how = how.clone();
                rha_net::spawn(async move {
                    let traffic = how.engine.clone();
                    let number = traffic.control.begin();
                    talk(incoming.conn, how).await;
                    traffic.control.end(number);
                    drop(slot);
                });
            }
            Err(_) => rha_net::sleep(Duration::from_millis(100)).await,
        }
    }
}

/// `_getsocks`: gives what is listened on to a process that was started with `-x`.
fn hand_over(conn: &Conn, engine: Arc<Engine>) {
    let Ok(conn) = conn.as_fd().try_clone_to_owned() else { return };
    let give = move || {
        let sockets = engine.runtime.listening_sockets();
        let _ = rha_net::give_sockets(conn, &sockets);
    };
    // The other side may be slow: nobody else's command waits for it.
    let _ = std::thread::Builder::new().name("handover".to_owned()).spawn(give);
}

/// Sends all of an answer; whether that was possible.
async fn send(conn: &mut Conn, out: &mut Vec<u8>, patience: Duration) -> bool {
    let mut rest = out.as_slice();
    while !rest.is_empty() {
        match rha_net::timeout(patience, poll_fn(|cx| conn.poll_write(cx, rest))).await {
            Ok(Ok(n)) => rest = rest.get(n..).unwrap_or_default(),
            _ => return false,
        }
    }
    out.clear();
    true
}

/// How often a `wait` looks whether what it waits for has come.
const LOOK: Duration = Duration::from_millis(20);

/// Waits as a command asked for.
async fn wait_for(conn: &mut Conn, wait: &Wait, engine: &Engine) -> Progress {
    let end = Instant::now() + Duration::from_micros(wait.us);
    loop {
        let how = wait::progress(wait, engine);
        let left = end.saturating_duration_since(Instant::now());
        if how != Progress::Waiting || left.is_zero() {
            return how;
        }
        let pause = if wait.server.is_some() { left.min(LOOK) } else { left };
        if rha_net::timeout(pause, poll_fn(|cx| conn.poll_gone(cx))).await.is_ok() {
            return Progress::Interrupted;
        }
    }
}

async fn talk(mut conn: Conn, how: Talk) {
    let Talk { how: How { level, severities, exposes }, idle, engine } = how;
    let mut session = Session::new(level).saying(severities);
    let mut buf = vec![0; 16 * 1024];
    let mut out = Vec::new();
    while !session.is_closed() {
        let patience = session.timeout_ms().map_or(idle, Duration::from_millis);
        let read = rha_net::timeout(patience, poll_fn(|cx| conn.poll_read(cx, &mut buf))).await;
        match read {
            Ok(Ok(0)) => session.end(engine.as_ref(), &mut out),
            Ok(Ok(n)) if exposes && buf.get(..n).is_some_and(|b| b.starts_with(b"_getsocks\n")) => {
                hand_over(&conn, engine);
                return;
            }
            Ok(Ok(n)) => {
                // COMPAT: the original counts and answers on one thread, so it has counted what was sent.
                engine.runtime.settle();
                session.receive(buf.get(..n).unwrap_or_default(), engine.as_ref(), &mut out);
            }
            Ok(Err(_)) | Err(_) => return,
        }
        loop {
            if !send(&mut conn, &mut out, patience).await {
                return;
            }
            let Some(wait) = session.waiting().cloned() else { break };
            let how = wait_for(&mut conn, &wait, engine.as_ref()).await;
            session.waited(how, engine.as_ref(), &mut out);
        }
    }
    let _ = conn.shutdown(std::net::Shutdown::Write);
}
