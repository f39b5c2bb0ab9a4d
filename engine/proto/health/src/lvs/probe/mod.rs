//! One run of one checker: what to open and send, and how it ended.

mod datagram;
mod http;
mod smtp;

use super::change::{Event, Transport};
use super::plan::{CheckerPlan, ProbePlan, UrlPlan, pair};
use super::watch::Verdict;
pub(super) use datagram::Ping;
use datagram::{Dns, Udp};
use http::Http;
use smtp::Smtp;

/// What a run does next.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Progress {
    /// Bytes to send.
    pub(super) send: Option<Vec<u8>>,
    /// Whether the timeout starts again.
    pub(super) renew: bool,
    /// How it ended.
    pub(super) verdict: Option<Verdict>,
    /// Lines that are told whatever the outcome.
    pub(super) lines: Vec<String>,
    /// What is wrong with the length of the page, or with TLS, if anything; told when it changes.
    pub(super) remark: Option<Option<String>>,
}

impl Progress {
    fn send(bytes: Vec<u8>) -> Progress {
        Progress { send: Some(bytes), renew: true, ..Progress::default() }
    }

    fn wait() -> Progress {
        Progress { renew: true, ..Progress::default() }
    }

    fn good(what: &'static str) -> Progress {
        Progress { verdict: Some(Verdict::Good(what)), ..Progress::default() }
    }

    fn bad(why: impl Into<String>) -> Progress {
        Progress { verdict: Some(Verdict::Bad(why.into())), ..Progress::default() }
    }
}

/// A run over a connection.
#[derive(Debug, Clone)]
pub(super) enum Probe {
    Tcp(Tcp),
    Http(Box<Http>),
    Smtp(Smtp),
    Dns(Dns),
    Udp(Udp),
    Ping(Ping),
}

/// Names and numbers a run needs.
pub(super) struct Given<'a> {
    pub(super) plan: &'a CheckerPlan,
    /// Real server, as lines name it.
    pub(super) server: &'a str,
    /// Virtual server.
    pub(super) pool: &'a str,
    /// Real server, as `[address]:port`.
    pub(super) server_pair: String,
    /// A random number for the run.
    pub(super) random: u64,
    /// Page to get.
    pub(super) url: usize,
}

impl Probe {
    /// A run and what to open for it; `None` for checkers that have no connection.
    pub(super) fn start(given: &Given<'_>) -> Option<(Probe, Transport)> {
        Some(match &given.plan.probe {
            ProbePlan::Tcp => (Probe::Tcp(Tcp { server: given.server.to_owned() }), Transport::Tcp),
            ProbePlan::Http(http) => {
                let url = http.urls.get(given.url).filter(|_| http.tls);
                let tls = |u: &UrlPlan| Transport::Tls { sni: u.sni.clone(), goodbye: u.goodbye };
                (Probe::Http(Box::new(Http::new(given, http))), url.map_or(Transport::Tcp, tls))
            }
            ProbePlan::Smtp { helo } => (Probe::Smtp(Smtp::new(given, helo)), Transport::Tcp),
            ProbePlan::Dns { kind, name } => (Probe::Dns(Dns::new(given, *kind, name)), Transport::Udp),
            ProbePlan::Udp(udp) => (Probe::Udp(Udp::new(given, udp)), Transport::Udp),
            ProbePlan::Ping => (Probe::Ping(Ping::new(given)), Transport::Icmp),
            ProbePlan::Misc { .. } | ProbePlan::Bfd { .. } | ProbePlan::File { .. } => return None,
        })
    }

    /// Something happened on its connection.
    pub(super) fn handle(&mut self, event: Event) -> Progress {
        match self {
            Probe::Tcp(p) => p.handle(event),
            Probe::Http(p) => p.handle(event),
            Probe::Smtp(p) => p.handle(event),
            Probe::Dns(p) => p.handle(event),
            Probe::Udp(p) => p.handle(event),
            Probe::Ping(p) => p.handle(event),
        }
    }

    /// Nothing happened for too long.
    pub(super) fn handle_timeout(&mut self) -> Verdict {
        match self {
            Probe::Tcp(p) => Verdict::Bad(format!("TCP connection to {} timeout.", p.server)),
            Probe::Http(p) => p.timeout(),
            Probe::Smtp(p) => p.timeout(),
            Probe::Dns(p) => p.timeout(),
            Probe::Udp(p) => p.timeout(),
            Probe::Ping(p) => p.timeout(),
        }
    }
}

/// What is told when a check could not even be tried; the next follows after `delay_loop`. `None` for kinds to which
/// that is a failure.
pub(super) fn unable(plan: &CheckerPlan, server: &str) -> Option<String> {
    Some(match &plan.probe {
        ProbePlan::Tcp => "TCP socket bind failed. Rescheduling.".to_owned(),
        ProbePlan::Http(_) => "WEB socket bind failed. Rescheduling".to_owned(),
        ProbePlan::Smtp { .. } => "SMTP_CHECK socket bind failed. Rescheduling.".to_owned(),
        ProbePlan::Dns { .. } => format!("DNS_CHECK ({server}) UDP socket bind failed. Rescheduling."),
        ProbePlan::Ping => {
            let v6 = if plan.target.is_ipv6() { "v6" } else { "" };
            format!("ICMP{v6} connect fail to create socket. Rescheduling.")
        }
        _ => return None,
    })
}

/// `TCP_CHECK`: the connection is the check.
#[derive(Debug, Clone)]
pub(super) struct Tcp {
    server: String,
}

impl Tcp {
    fn handle(&mut self, event: Event) -> Progress {
        match event {
            Event::Connected => Progress::good(""),
            Event::Unreachable => Progress::bad(""),
            _ => Progress::bad(format!("TCP connection to {} failed.", self.server)),
        }
    }
}

/// The original's filler, repeated.
fn filler(len: usize) -> Vec<u8> {
    b"keepalived check - ".iter().copied().cycle().take(len).collect()
}

/// The target as `[address]:port`.
fn target(given: &Given<'_>) -> String {
    pair(given.plan.target)
}
