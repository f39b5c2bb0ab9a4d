//! Listeners of one worker: accept, admit, hand over; wait when limits are reached or descriptors run out.

use std::future::{Future, poll_fn};
use std::io;
use std::rc::Rc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll};
use std::time::Duration;

use rha_base::ProxyId;
use rha_ir::Mode;
use rha_net::{Accepting, Incoming};

use crate::reuse::FuturePool;
use crate::session::Session;
use crate::worker::Worker;
use crate::{http, tcp};

/// How long a listener rests when descriptors or memory have run out. COMPAT: as the original.
const EXHAUSTED: Duration = Duration::from_millis(100);
/// How often a full listener looks for connections that ended on other workers.
const FULL: Duration = Duration::from_millis(20);

/// Ports below belong to services, which are no clients (`harden.reject-privileged-ports.tcp`).
const PRIVILEGED: u16 = 1024;

/// A listener of a worker.
pub(crate) struct Door {
    pub front: ProxyId,
    pub listener: u32,
    pub socket: Accepting,
}

/// Starts accepting on all doors.
pub(crate) fn open(worker: &Rc<Worker>, doors: Vec<Door>) -> Vec<rha_net::Task> {
    let http = Rc::new(FuturePool::new(http::clerk));
    let tcp = Rc::new(FuturePool::new(tcp::clerk));
    doors.into_iter().map(|d| rha_net::spawn(accept(worker.clone(), d, http.clone(), tcp.clone()))).collect()
}

async fn accept<H, T>(
    worker: Rc<Worker>,
    door: Door,
    http: Rc<FuturePool<H, Box<Session>, Option<Box<Session>>>>,
    tcp: Rc<FuturePool<T, Box<Session>, Option<Box<Session>>>>,
) where
    H: Future + 'static,
    T: Future + 'static,
{
    loop {
        // Looked at again whenever somebody connects: what cannot be taken stays in the kernel's queue.
        let next = |cx: &mut Context<'_>| match has_room(&worker, &door) {
            true => door.socket.poll_accept(cx).map(Some),
            false => Poll::Ready(None),
        };
        let incoming = match poll_fn(next).await.transpose() {
            Ok(Some(i)) => i,
            Ok(None) => {
                wait_for_room(&worker, &door).await;
                continue;
            }
            Err(e) if is_transient(&e) => continue,
            Err(_) => {
                rha_net::sleep(EXHAUSTED).await;
                continue;
            }
        };
        let from_service = incoming.peer.is_some_and(|a| a.port() < PRIVILEGED && a.port() != 0);
        if from_service && worker.plan().process.rejects_privileged_ports {
            continue;
        }
        let session = admit(&worker, &door, incoming);
        if session.frontend().mode == Mode::Http {
            rha_net::spawn(http_connection(session, http.clone()));
        } else {
            rha_net::spawn(tcp_connection(session, tcp.clone(), http.clone()));
        }
    }
}

fn admit(worker: &Rc<Worker>, door: &Door, incoming: Incoming) -> Box<Session> {
    let session = Box::new(Session::new(worker.clone(), worker.plan(), door.front, door.listener, incoming));
    if session.frontend().model.options.nolinger {
        session.conn.reset_on_close();
    }
    session
}

/// Between requests only the session is held; a request's future and buffers come from pools.
async fn http_connection<H: Future>(
    mut session: Box<Session>,
    pool: Rc<FuturePool<H, Box<Session>, Option<Box<Session>>>>,
) {
    let Some(admitted) = http::begin(session).await else { return };
    session = admitted;
    requests(session, pool).await;
}

/// A TCP connection; `http` is for what becomes one of HTTP.
async fn tcp_connection<H: Future, T: Future>(
    session: Box<Session>,
    tcp: Rc<FuturePool<T, Box<Session>, Option<Box<Session>>>>,
    http: Rc<FuturePool<H, Box<Session>, Option<Box<Session>>>>,
) {
    if let Some(session) = tcp.run(session).await {
        Box::pin(requests(session, http)).await;
    }
}

/// One request after another.
async fn requests<H: Future>(
    mut session: Box<Session>,
    pool: Rc<FuturePool<H, Box<Session>, Option<Box<Session>>>>,
) {
    loop {
        if session.left.is_empty() && !http::next_request(&mut session).await {
            return;
        }
        match pool.run(session).await {
            Some(s) => session = s,
            None => return,
        }
    }
}

/// Errors of the connection that was about to be accepted, not of the listener.
fn is_transient(e: &io::Error) -> bool {
    matches!(
        e.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::Interrupted
    )
}

async fn wait_for_room(worker: &Worker, door: &Door) {
    while !has_room(worker, door) {
        let pause = rha_net::sleep(FULL);
        let mut pause = std::pin::pin!(pause);
        let mut parked = false;
        poll_fn(|cx| {
            if parked {
                // Woken by a connection that ended here.
                return Poll::Ready(());
            }
            parked = true;
            worker.block(cx.waker().clone());
            pause.as_mut().poll(cx)
        })
        .await;
    }
}

fn has_room(worker: &Worker, door: &Door) -> bool {
    let plan = worker.plan();
    let Some(front) = plan.proxy(door.front) else { return false };
    let Some(listener) = front.listeners.get(door.listener as usize) else { return false };
    let (shared, now_us) = (&worker.shared, worker.now().mono_us);
    !front.state.paused.load(Relaxed)
        && shared.connections.read() < shared.maxconn.load(Relaxed)
        && front.state.front.read() < front.limit()
        && (listener.maxconn == 0 || listener.current.read() < listener.maxconn)
        && shared.conn_pace.has_room(now_us)
        && shared.sess_pace.has_room(now_us)
        && front.state.sess_pace.has_room(now_us)
}
