//! One check over a socket: an [`Exchange`] driven to its end, bounded by its own deadline.

use std::future::{Future, poll_fn};
use std::io;
use std::time::Duration;

use rha_health::{AgentReply, ConnectTo, Environment, Exchange, Outcome, Status, SystemError};
use rha_net::{Conn, ConnectOptions, SocketAddress, connect, read_clocks, resolve};

use super::targets::{Probe, with_port};
use crate::announce;

/// A PROXY protocol v2 header that says "this connection is my own".
const LOCAL: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0";

/// Bytes read at once.
const PIECE: usize = 4096;

/// Runs a check of a server at `address`, to its end.
pub(super) async fn run(
    probe: &Probe,
    address: &SocketAddress,
    options: &ConnectOptions,
    environment: Environment,
) -> (Outcome, Option<AgentReply>) {
    let mut exchange = Exchange::new(probe.script.clone(), environment, &(), read_clocks());
    let mut conn: Option<Conn> = None;
    while exchange.outcome().is_none() {
        if let Some(to) = exchange.poll_connect() {
            if let Some(old) = conn.take() {
                old.reset_on_close();
            }
            conn = open(&mut exchange, &to, probe, address, options).await;
            continue;
        }
        let Some(c) = &mut conn else {
            exchange.handle_unable(read_clocks(), "");
            break;
        };
        talk(&mut exchange, c).await;
    }
    if let Some(mut c) = conn {
        // What a last step sent goes out before the connection is reset.
        let rest = exchange.poll_transmit();
        let _ = write(&mut c, &rest);
        if !exchange.lingers() {
            c.reset_on_close();
        }
    }
    let outcome = exchange.outcome().cloned().unwrap_or(Outcome::new(Status::SockErr, 0, "", None));
    (outcome, exchange.agent_reply())
}

async fn open(
    exchange: &mut Exchange<'_>,
    to: &ConnectTo,
    probe: &Probe,
    address: &SocketAddress,
    options: &ConnectOptions,
) -> Option<Conn> {
    let address = match &to.address {
        Some(a) => match resolve(a, to.port.unwrap_or(0)) {
            Ok(a) => with_port(a, to.port),
            Err(e) => {
                exchange.handle_unable(read_clocks(), &e.to_string());
                return None;
            }
        },
        None => with_port(address.clone(), to.port),
    };
    let connecting = match connect(&address, options) {
        Ok(c) => c,
        Err(e) => {
            exchange.handle_error(read_clocks(), &system(&e));
            return None;
        }
    };
    match bounded(exchange, poll_fn(|cx| connecting.poll(cx))).await {
        None => None,
        Some(Err(e)) => {
            exchange.handle_error(read_clocks(), &system(&e));
            None
        }
        Some(Ok(())) => {
            let mut conn = connecting.into_conn();
            let version = if to.send_proxy {
                1
            } else if to.default {
                probe.announce
            } else {
                0
            };
            let header = match version {
                0 => Vec::new(),
                2 => LOCAL.to_vec(),
                _ => announce::header(1, conn.local(), conn.peer()),
            };
            if let Err(e) = write(&mut conn, &header) {
                exchange.handle_error(read_clocks(), &system(&e));
                return None;
            }
            exchange.handle_connected(read_clocks());
            Some(conn)
        }
    }
}

/// Sends what is to be sent, then waits for bytes, the end, an error or the deadline.
async fn talk(exchange: &mut Exchange<'_>, conn: &mut Conn) {
    let output = exchange.poll_transmit();
    let mut sent = 0;
    while sent < output.len() {
        let rest = output.get(sent..).unwrap_or_default();
        match bounded(exchange, poll_fn(|cx| conn.poll_write(cx, rest))).await {
            None => return,
            Some(Ok(n)) => sent += n,
            Some(Err(e)) => return exchange.handle_error(read_clocks(), &system(&e)),
        }
    }
    let mut piece = [0; PIECE];
    match bounded(exchange, poll_fn(|cx| conn.poll_read(cx, &mut piece))).await {
        None => {}
        Some(Ok(0)) => exchange.handle_eof(read_clocks()),
        Some(Ok(n)) => exchange.handle_data(read_clocks(), piece.get(..n).unwrap_or_default()),
        Some(Err(e)) => exchange.handle_error(read_clocks(), &system(&e)),
    }
}

/// Waits for something until the exchange's deadline; `None` when that passed and was handled.
async fn bounded<T>(exchange: &mut Exchange<'_>, what: impl Future<Output = T>) -> Option<T> {
    let left = exchange.poll_timeout().0.saturating_sub(read_clocks().tick().0);
    // A millisecond more, so that the clock has passed the deadline when the timer fires.
    match rha_net::timeout(Duration::from_millis(left.saturating_add(1)), what).await {
        Ok(done) => Some(done),
        Err(_) => {
            exchange.handle_timeout(read_clocks());
            None
        }
    }
}

/// Writes what the socket takes at once.
fn write(conn: &mut Conn, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match conn.try_write(bytes) {
            Ok(n) => bytes = bytes.get(n..).unwrap_or_default(),
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

fn system(e: &io::Error) -> SystemError {
    let name = match e.kind() {
        io::ErrorKind::ConnectionRefused => "ECONNREFUSED",
        io::ErrorKind::ConnectionReset => "ECONNRESET",
        io::ErrorKind::HostUnreachable => "EHOSTUNREACH",
        io::ErrorKind::NetworkUnreachable => "ENETUNREACH",
        io::ErrorKind::TimedOut => "ETIMEDOUT",
        io::ErrorKind::BrokenPipe => "EPIPE",
        io::ErrorKind::AddrNotAvailable => "EADDRNOTAVAIL",
        _ => "",
    };
    let text = e.to_string();
    let text = text.split(" (os error").next().unwrap_or_default().to_owned();
    SystemError { name, text }
}
