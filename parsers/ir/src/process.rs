//! What concerns the process as a whole: HAProxy's `global` section.

use bstr::BString;
use rha_text::Span;

use crate::{Bind, LogFormat, LogTarget, SampleExpr, VarName};

/// `stats socket …`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatsSocket {
    /// Address and settings.
    pub bind: Bind,
}

/// `unix-bind`: what listeners on unix sockets begin with.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UnixBind {
    /// `prefix` of paths.
    pub prefix: Option<String>,
    /// `mode`.
    pub mode: Option<u32>,
    /// `user`, `uid`.
    pub owner: Option<String>,
    /// `group`, `gid`.
    pub group: Option<String>,
}

/// What a variable of the process starts with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VarValue {
    /// `set-var`.
    Expr(SampleExpr),
    /// `set-var-fmt`.
    Format(LogFormat),
}

/// Process settings; `None` means "not written".
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Process {
    /// `daemon`.
    pub daemon: bool,
    /// `master-worker`.
    pub master_worker: bool,
    /// `nbthread`.
    pub nbthread: Option<u32>,
    /// `maxconn`.
    pub maxconn: Option<u32>,
    /// `maxconnrate`: connections per second; 0 is unlimited.
    pub max_conn_rate: Option<u32>,
    /// `maxsessrate`: sessions per second; 0 is unlimited.
    pub max_sess_rate: Option<u32>,
    /// `ulimit-n`.
    pub ulimit_n: Option<u32>,
    /// `user` or `uid`.
    pub user: Option<String>,
    /// `group` or `gid`.
    pub group: Option<String>,
    /// `chroot`.
    pub chroot: Option<String>,
    /// `pidfile`.
    pub pidfile: Option<String>,
    /// `log` lines.
    pub logs: Vec<LogTarget>,
    /// `log-tag`.
    pub log_tag: Option<String>,
    /// `log-send-hostname`: `Some(None)` means the machine's own name.
    pub log_send_hostname: Option<Option<String>>,
    /// `node`.
    pub node: Option<String>,
    /// `description`.
    pub description: Option<String>,
    /// `stats socket` lines.
    pub stats_sockets: Vec<StatsSocket>,
    /// `stats timeout`, milliseconds.
    pub stats_timeout_ms: Option<u32>,
    /// `stats maxconn`.
    pub stats_maxconn: Option<u32>,
    /// `hard-stop-after`, milliseconds.
    pub hard_stop_after_ms: Option<u32>,
    /// `grace`, milliseconds.
    pub grace_ms: Option<u32>,
    /// `spread-checks`, percent.
    pub spread_checks: u32,
    /// `max-spread-checks`, milliseconds.
    pub max_spread_checks_ms: Option<u32>,
    /// `tune.bufsize`, bytes.
    pub bufsize: Option<u32>,
    /// `tune.maxrewrite`, bytes.
    pub maxrewrite: Option<u32>,
    /// `tune.http.maxhdr`.
    pub max_headers: Option<u32>,
    /// `tune.http.logurilen`, bytes.
    pub log_uri_len: Option<u32>,
    /// `tune.http.cookielen`, bytes.
    pub cookie_len: Option<u32>,
    /// `tune.pool-…`, `tune.idle-pool.shared` and the like have no field: they change nothing here.
    pub tune_rcvbuf_client: Option<u32>,
    /// `tune.sndbuf.client`.
    pub tune_sndbuf_client: Option<u32>,
    /// `tune.rcvbuf.server`.
    pub tune_rcvbuf_server: Option<u32>,
    /// `tune.sndbuf.server`.
    pub tune_sndbuf_server: Option<u32>,
    /// `tune.maxaccept`.
    pub maxaccept: Option<i32>,
    /// `tune.stick-counters`.
    pub stick_counters: Option<u32>,
    /// `h1-case-adjust from to`.
    pub header_case: Vec<(String, String)>,
    /// `set-var`, `set-var-fmt` of `proc.` variables.
    pub set_vars: Vec<(VarName, VarValue)>,
    /// `server-state-base`.
    pub server_state_base: Option<String>,
    /// `server-state-file`.
    pub server_state_file: Option<String>,
    /// `strict-limits` (on unless `no strict-limits`).
    pub no_strict_limits: bool,
    /// `busy-polling`, `zero-warning` and so on that only change checks.
    pub zero_warning: bool,
    /// `crt-base`: where relative certificate paths start.
    pub crt_base: Option<String>,
    /// `ca-base`: where relative authority paths start.
    pub ca_base: Option<String>,
    /// `ssl-server-verify none`.
    pub ssl_server_verify_none: bool,
    /// `external-check`.
    pub external_check: bool,
    /// `namespace_list`.
    pub namespaces: Vec<String>,
    /// `tune.notsent-lowat.client`, bytes.
    pub unsent_low_client: Option<u32>,
    /// `tune.notsent-lowat.server`, bytes.
    pub unsent_low_server: Option<u32>,
    /// `pp2-never-send-local`.
    pub pp2_never_send_local: bool,
    /// `fd-hard-limit`.
    pub fd_hard_limit: Option<u32>,
    /// `thread-hard-limit`.
    pub thread_hard_limit: Option<u32>,
    /// `noreuseport`.
    pub no_reuse_port: bool,
    /// `harden.reject-privileged-ports.tcp on`.
    pub rejects_privileged_ports: bool,
    /// `tune.sndbuf.backend`, bytes.
    pub datagram_send_buffer: Option<u32>,
    /// `tune.renice.startup` and `tune.renice.runtime`.
    pub nice: [Option<i32>; 2],
    /// `set-dumpable`.
    pub dumpable: bool,
    /// `unix-bind`.
    pub unix_bind: UnixBind,
    /// `mworker-max-reloads`.
    pub max_reloads: Option<u32>,
    /// `close-spread-time`, milliseconds; the highest number stands for `infinite`.
    pub close_spread_ms: Option<u32>,
    /// `external-check preserve-env`: programs see the process' variables too.
    pub external_check_environment: bool,
    /// `insecure-fork-wanted`.
    pub insecure_fork: bool,
    /// `unix-bind prefix`.
    pub unix_bind_prefix: Option<String>,
    /// `quiet`.
    pub quiet: bool,
    /// `--allow-planned`: what is not built is left out instead of refused (never TLS).
    pub allow_planned: bool,
    /// `setenv` and the like: the environment external programs get, as it ends up.
    pub env: Vec<(BString, BString)>,
    /// Where the first `global` section is.
    pub origin: Span,
}
