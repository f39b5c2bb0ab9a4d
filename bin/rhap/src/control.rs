//! The sockets of the runtime API (`stats socket`): one thread, one task a connection.

use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use rha_admin::session::Session;
use rha_admin::view::ControlSocket;
use rha_ir::{Bind, SocketLevel, StatsSocket};
use rha_net::{Conn, ListenOptions, Listener, SocketAddress};

use crate::engine::Engine;

/// Bound sockets with their level.
pub struct Bound {
    sockets: Vec<(Listener, SocketLevel)>,
    idle: Duration,
}

/// Binds all `stats socket` lines.
///
/// # Errors
/// The original's words for the first one that fails.
pub fn bind(lines: &[StatsSocket], timeout_ms: Option<u32>) -> Result<(Bound, Vec<ControlSocket>), String> {
    let mut bound = Bound { sockets: Vec::new(), idle: Duration::from_millis(timeout_ms.unwrap_or(10_000).into()) };
    let mut shown = Vec::new();
    for line in lines {
        let level = line.bind.level.unwrap_or_default();
        for a in &line.bind.addresses {
            let wanted = rha_net::resolve(&a.address, 0).map_err(|e| e.to_string())?;
            let sockets = rha_net::bind(&wanted, &options(&line.bind), 1)
                .map_err(|e| format!("Starting frontend GLOBAL: {e}"))?;
            for socket in sockets {
                shown.push(ControlSocket { name: name(socket.address()), level });
                bound.sockets.push((socket, level));
            }
        }
    }
    Ok((bound, shown))
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
            let tasks: Vec<_> = self
                .sockets
                .into_iter()
                .map(|(socket, level)| tokio::task::spawn_local(accept(socket, level, self.idle, engine.clone())))
                .collect();
            for t in tasks {
                let _ = t.await;
            }
        })
        .map(Some)
    }
}

async fn accept(socket: Listener, level: SocketLevel, idle: Duration, engine: Arc<Engine>) {
    let Ok(socket) = socket.attach() else { return };
    loop {
        match poll_fn(|cx| socket.poll_accept(cx)).await {
            Ok(incoming) => {
                tokio::task::spawn_local(talk(incoming.conn, level, idle, engine.clone()));
            }
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

async fn talk(mut conn: Conn, level: SocketLevel, idle: Duration, engine: Arc<Engine>) {
    let mut session = Session::new(level);
    let mut buf = vec![0; 16 * 1024];
    let mut out = Vec::new();
    while !session.is_closed() {
        let patience = session.timeout_ms().map_or(idle, Duration::from_millis);
        let read = tokio::time::timeout(patience, poll_fn(|cx| conn.poll_read(cx, &mut buf))).await;
        match read {
            Ok(Ok(0)) => session.end(engine.as_ref(), &mut out),
            Ok(Ok(n)) => session.receive(buf.get(..n).unwrap_or_default(), engine.as_ref(), &mut out),
            Ok(Err(_)) | Err(_) => return,
        }
        let mut rest = out.as_slice();
        while !rest.is_empty() {
            match tokio::time::timeout(patience, poll_fn(|cx| conn.poll_write(cx, rest))).await {
                Ok(Ok(n)) => rest = rest.get(n..).unwrap_or_default(),
                _ => return,
            }
        }
        out.clear();
    }
    let _ = conn.shutdown(std::net::Shutdown::Write);
}
