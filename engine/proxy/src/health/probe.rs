//! One check over a socket: an [`Exchange`] driven to its end, bounded by its own deadline.

use std::future::{Future, poll_fn};
use std::io;
use std::time::Duration;

use rha_health::{AgentReply, ConnectTo, Environment, Exchange, Formats, Outcome, Status, SystemError};
use rha_net::{Conn, ConnectOptions, SocketAddress, connect, read_clocks, resolve};

use super::targets::{Header, Probe, with_port};
use super::texts::Stage;
use crate::{announce, wire};

/// Bytes read at once.
const PIECE: usize = 4096;

/// Runs a check of a server at `address`, to its end.
pub(super) async fn run(
    probe: &Probe,
    address: &SocketAddress,
    options: &ConnectOptions,
    environment: Environment,
    stage: Option<&Stage<'_>>,
) -> (Outcome, Option<AgentReply>) {
    let formats: &dyn Formats = stage.map_or(&(), |s| s);
    let mut exchange = Exchange::new(probe.script.clone(), environment, formats, read_clocks());
    let mut conn: Option<Conn> = None;
    while exchange.outcome().is_none() {
        if let Some(to) = exchange.poll_connect() {
            if let Some(old) = conn.take() {
                old.reset_on_close();
            }
            conn = open(&mut exchange, &to, probe, address, options).await;
            if let Some(conn) = &conn {
                stage.inspect(|s| s.ends.set(conn.local().zip(conn.peer())));
                exchange.handle_connected(read_clocks());
            }
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

impl Header {
    /// A header of version 2 that says "this connection is my own", or with `pp2-never-send-local` whose it is.
    fn local(&self, conn: &Conn) -> Vec<u8> {
        let ends = if self.real_ends { (conn.local(), conn.peer()) } else { (None, None) };
        let fields = announce::Fields { checksum: self.checksum, ..announce::Fields::default() };
        announce::with_fields(2, ends.0, ends.1, &fields)
    }
}

async fn open(
    exchange: &mut Exchange<'_>,
    to: &ConnectTo,
    probe: &Probe,
    address: &SocketAddress,
    options: &ConnectOptions,
) -> Option<Conn> {
    let address = match &to.address {
        Some(a) => match resolve(a, to.port.or(address.ip().map(|i| i.port())).unwrap_or(0)) {
            Ok(a) => with_port(a, to.port),
            Err(e) => {
                exchange.handle_unable(read_clocks(), &e.to_string());
                return None;
            }
        },
        None => with_port(address.clone(), to.port),
    };
    let through = probe.socks4.as_ref().filter(|(_, always)| to.socks4 || to.default && *always);
    let connecting = match connect(through.map_or(&address, |(proxy, _)| proxy), options) {
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
            if through.is_some() && !ask_socks4(exchange, &mut conn, &address).await {
                return None;
            }
            let version = if to.send_proxy {
                probe.header.version
            } else if to.default {
                probe.announce
            } else {
                0
            };
            let header = match version {
                0 => Vec::new(),
                2 => probe.header.local(&conn),
                _ => announce::header(1, conn.local(), conn.peer()),
            };
            if let Err(e) = write(&mut conn, &header) {
                exchange.handle_error(read_clocks(), &system(&e));
                return None;
            }
            Some(conn)
        }
    }
}

/// Has the SOCKS4 proxy connect to the server; false when that has ended the check.
async fn ask_socks4(exchange: &mut Exchange<'_>, conn: &mut Conn, to: &SocketAddress) -> bool {
    // DIFFERS: the original adds the text of whatever error the system has seen last.
    let fail = |exchange: &mut Exchange<'_>, text: &str| {
        exchange.handle_unable(read_clocks(), text);
        false
    };
    let Some(to) = to.ip() else { return fail(exchange, "SOCKS4 Proxy write error during handshake") };
    if write(conn, &wire::socks4_request(to)).is_err() {
        return fail(exchange, "SOCKS4 Proxy write error during handshake");
    }
    let mut answer = [0; wire::SOCKS4_ANSWER];
    let mut have = 0;
    while let Some(rest) = answer.get_mut(have..).filter(|r| !r.is_empty()) {
        match bounded(exchange, poll_fn(|cx| conn.poll_read(cx, rest))).await {
            None => return false,
            Some(Ok(n)) if n > 0 => have += n,
            Some(_) => return fail(exchange, "SOCKS4 Proxy read error during handshake"),
        }
    }
    wire::socks4_granted(&answer) || fail(exchange, "SOCKS4 Proxy deny the request")
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
