//! Connections that end before they become a session: what was wrong, and the log line about it.
//!
//! HAProxy 3.0 configuration manual §8.2.5 "Error log format". COMPAT: the texts are HAProxy's
//! (`binds/proxy-header`).

use crate::session::Session;
use crate::stream::Stream;

/// What was wrong with the header that tells a client's address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// Closed before its first byte.
    Empty,
    /// An error of the connection.
    Broken,
    /// It did not come in time.
    Late,
    /// Closed in the middle of it.
    Truncated,
    /// Something else came.
    NoHeader,
    /// It says something impossible.
    Invalid,
    /// It speaks of another protocol.
    Protocol,
    NetscalerEmpty,
    NetscalerBroken,
    NetscalerLate,
    NetscalerTruncated,
    NetscalerMagic,
    NetscalerProtocol,
}

impl Trouble {
    /// The same trouble with NetScaler's header.
    pub(crate) fn of_netscaler(self) -> Trouble {
        match self {
            Trouble::Empty => Trouble::NetscalerEmpty,
            Trouble::Broken => Trouble::NetscalerBroken,
            Trouble::Late => Trouble::NetscalerLate,
            Trouble::Truncated => Trouble::NetscalerTruncated,
            other => other,
        }
    }

    fn text(self) -> &'static str {
        match self {
            Trouble::Empty => "Connection closed while waiting for PROXY protocol header",
            Trouble::Broken => "Connection error while waiting for PROXY protocol header",
            Trouble::Late => "Timeout while waiting for PROXY protocol header",
            Trouble::Truncated => "Truncated PROXY protocol header received",
            Trouble::NoHeader => "Received something which does not look like a PROXY protocol header",
            Trouble::Invalid => "Received an invalid PROXY protocol header",
            Trouble::Protocol => "Received an unhandled protocol in the PROXY protocol header",
            Trouble::NetscalerEmpty => "Connection closed while waiting for NetScaler Client IP header",
            Trouble::NetscalerBroken => "Connection error while waiting for NetScaler Client IP header",
            Trouble::NetscalerLate => "Timeout while waiting for a NetScaler Client IP header",
            Trouble::NetscalerTruncated => "Truncated NetScaler Client IP header received",
            Trouble::NetscalerMagic => "Received an invalid NetScaler Client IP magic number",
            Trouble::NetscalerProtocol => "Received an unhandled protocol in the NetScaler Client IP header",
        }
    }

    /// Nothing came, so that `option dontlognull` has nothing to tell.
    fn is_null(self) -> bool {
        use Trouble::{Broken, Empty, NetscalerBroken, NetscalerEmpty};
        matches!(self, Empty | Broken | NetscalerEmpty | NetscalerBroken)
    }
}

/// Logs a connection that ends by `trouble`.
pub(crate) fn log(session: Box<Session>, trouble: Trouble) {
    let plan = session.plan.clone();
    let Some(front) = plan.proxy(session.front) else { return };
    let options = &front.model.options;
    if front.logs.targets.is_empty() || options.dontlognull && trouble.is_null() {
        return;
    }
    let level = if options.log_separate_errors { 3 } else { 6 };
    let worker = session.worker.clone();
    let mut line = Vec::new();
    match &front.rules.error_log_format {
        Some(format) => format.write(&Stream::new(session), &mut line),
        None => {
            line.extend_from_slice(prefix(&session).as_bytes());
            line.extend_from_slice(b": ");
            line.extend_from_slice(trouble.text().as_bytes());
        }
    }
    worker.logs.emit(&front.logs, level, worker.now().wall_us, &line);
}

/// `10.0.0.1:1000 [date] frontend/listener`.
fn prefix(session: &Session) -> String {
    let listener = session.listener();
    let name = listener.map_or_else(String::new, |l| match &l.name {
        Some(name) => name.to_string(),
        None => l.number.to_string(),
    });
    let source = match session.source {
        Some(a) => format!("{}:{}", a.ip(), a.port()),
        None => format!("unix:{}", listener.map_or(0, |l| l.number)),
    };
    let wall_us = session.accepted.wall_us;
    let mut date = Vec::new();
    rha_sample::write_log_date(wall_us, rha_net::local_time(wall_us / 1_000_000).offset_s, &mut date);
    let date = String::from_utf8_lossy(&date).into_owned();
    format!("{source} [{date}] {}/{name}", session.frontend().name)
}
