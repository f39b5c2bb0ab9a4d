//! `option external-check`: a program decides over a server by its exit code.
//!
//! HAProxy 3.0 configuration manual §4.2 "external-check command": four arguments (addresses and ports of the
//! proxy and of the server) and variables named `HAPROXY_…`. COMPAT: `NOT_USED` stands for what there is not.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::time::Duration;

use rha_health::{Environment, Outcome, Status};
use rha_ir::{CheckKind, Mode, Server};
use rha_net::{Ended, Program, SocketAddress, read_clocks};
use rha_vocab::Dialect;

use crate::plan::{Plan, ProxyPlan};

const NOT_USED: &str = "NOT_USED";

/// What does not change from one check of a server to the next.
#[derive(Debug, Clone)]
pub(crate) struct External {
    command: String,
    environment: Vec<(&'static str, String)>,
    keep_environment: bool,
    proxy: [OsString; 2],
}

impl External {
    /// The program of a backend, as one of its servers is checked with it; `None` when it has none.
    pub(crate) fn of(plan: &Plan, proxy: &ProxyPlan, server: &Server) -> Option<External> {
        let check = &proxy.model.service.check;
        match &check.kind {
            CheckKind::Other { name, .. } if name == "external-check" => {}
            _ => return None,
        }
        let protocol = match proxy.mode {
            Mode::Http => "h1",
            Mode::Tcp => "tcp",
            Mode::Log => "syslog",
            Mode::Spop => "spop",
            Mode::Haterm => "?",
        };
        let mut environment = vec![
            ("PATH", check.external_path.clone().unwrap_or_default()),
            ("HAPROXY_PROXY_NAME", proxy.name.to_string()),
            ("HAPROXY_PROXY_ID", proxy.number.to_string()),
            ("HAPROXY_SERVER_NAME", server.name.clone()),
            ("HAPROXY_SERVER_ID", server.id.to_string()),
            ("HAPROXY_SERVER_MAXCONN", server.maxconn.to_string()),
            ("HAPROXY_SERVER_SSL", u8::from(server.tls).to_string()),
            ("HAPROXY_SERVER_PROTO", protocol.to_owned()),
        ];
        let listener =
            proxy.listeners.iter().map(|l| &l.address).find(|a| !matches!(a, SocketAddress::Fd(_)));
        let proxy = listener.map_or_else(|| [NOT_USED.into(), NOT_USED.into()], ends);
        // COMPAT: the variables are empty where the arguments are not.
        let unused = if plan.dialect >= Dialect::V3_5 { NOT_USED } else { "" };
        for (name, value) in ["HAPROXY_PROXY_ADDR", "HAPROXY_PROXY_PORT"].into_iter().zip(&proxy) {
            let value = value.to_string_lossy();
            environment.push((name, if value == NOT_USED { unused.to_owned() } else { value.into_owned() }));
        }
        let keep_environment = plan.model.process.external_check_environment;
        Some(External { command: check.external_command.clone()?, environment, keep_environment, proxy })
    }

    /// Runs it for a server at `address` with so many connections, to its end.
    pub(super) async fn run(&self, address: &SocketAddress, sessions: u32, limits: &Environment) -> Outcome {
        let started = read_clocks().mono_us;
        let outcome = |status, code, info: &str| {
            let spent = read_clocks().mono_us.saturating_sub(started) / 1000;
            Outcome::new(status, code, info, Some(spent))
        };
        let mut running = match self.program(address, sessions).start() {
            Ok(running) => running,
            // COMPAT: the original forks before it finds that there is no such program.
            Err(e) if e.kind() == std::io::ErrorKind::OutOfMemory => {
                return outcome(Status::SockErr, 0, &e.to_string());
            }
            Err(_) => return outcome(Status::ProcErr, 255, ""),
        };
        let limit = match (limits.check_ms, limits.connect_ms) {
            (Some(_), Some(connect)) => connect.min(limits.inter_ms),
            _ => limits.inter_ms,
        };
        match rha_net::timeout(Duration::from_millis(limit), running.wait()).await {
            Ok(Ok(Ended::Code(0))) => outcome(Status::ProcOk, 0, ""),
            Ok(Ok(Ended::Code(code))) => outcome(Status::ProcErr, code, ""),
            Ok(Ok(Ended::Signal(_)) | Err(_)) => outcome(Status::ProcErr, -1, ""),
            Err(_) => {
                running.terminate();
                // Collected when it has ended, however long that takes.
                rha_net::spawn(async move {
                    let _ = running.wait().await;
                });
                outcome(Status::ProcTout, 0, "")
            }
        }
    }

    fn program(&self, address: &SocketAddress, sessions: u32) -> Program {
        let server = ends(address);
        let mut environment: Vec<(OsString, OsString)> =
            self.environment.iter().map(|(k, v)| ((*k).into(), v.into())).collect();
        let names = ["HAPROXY_SERVER_ADDR", "HAPROXY_SERVER_PORT"];
        environment.extend(names.iter().zip(&server).map(|(k, v)| ((*k).into(), v.clone())));
        environment.push(("HAPROXY_SERVER_CURCONN".into(), sessions.to_string().into()));
        let values = self.proxy.iter().chain(&server).cloned();
        let argv = std::iter::once(OsString::from(&self.command)).chain(values).collect();
        Program { argv, environment, keep_environment: self.keep_environment }
    }
}

/// Address and port, or path and `NOT_USED`.
fn ends(address: &SocketAddress) -> [OsString; 2] {
    match address {
        SocketAddress::Ip(a) => [a.ip().to_string().into(), a.port().to_string().into()],
        SocketAddress::Unix(path) => [path.clone().into_os_string(), NOT_USED.into()],
        SocketAddress::Abstract(_) => [OsString::from_vec(Vec::new()), NOT_USED.into()],
        SocketAddress::Fd(_) => [NOT_USED.into(), NOT_USED.into()],
    }
}
