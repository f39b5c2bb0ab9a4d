//! A service: weighted servers behind one name, how one is picked, how they are watched.
//!
//! HAProxy's `backend` and keepalived's `virtual_server` are both this.

use bstr::BString;
use rha_text::Span;

use crate::{Address, AgentCheck, Check, CheckTiming, LogFormat, SampleExpr, Sampling};

/// What a balancing key is made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BalanceKey {
    /// `source`: the client's address.
    Source,
    /// `uri`.
    Uri {
        /// `len`: at most so many characters.
        len: Option<u32>,
        /// `depth`: at most so many directories.
        depth: Option<u32>,
        /// `whole`: with the query.
        whole: bool,
        /// `path-only`.
        path_only: bool,
    },
    /// `url_param name [check_post [max]]`.
    UrlParam {
        /// Parameter.
        name: BString,
        /// Look into a POST body, waiting for so many bytes.
        check_post: Option<u32>,
    },
    /// `hdr(name) [use_domain_only]`.
    Header {
        /// Field name.
        name: BString,
        /// Hash only the second-level part of a host name.
        domain_only: bool,
    },
    /// `rdp-cookie(name)`.
    RdpCookie(BString),
    /// `hash expr` (2.6 and later).
    Sample(Box<SampleExpr>),
}

/// How a server is picked. HAProxy configuration manual §4.2 "balance".
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Balance {
    /// Smooth weighted round robin, weights may change.
    RoundRobin,
    /// Round robin over a fixed map.
    StaticRr,
    /// Fewest connections for the weight.
    LeastConn,
    /// First server with a free slot.
    First,
    /// Random draws, the least loaded of them.
    Random(u32),
    /// By a key's hash.
    Hash(BalanceKey),
    /// `sticky` (log backends).
    Sticky,
}

/// `hash-type` first word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum HashKind {
    /// Modulo over a map.
    #[default]
    MapBased,
    /// Ring.
    Consistent,
}

/// `hash-type` function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum HashFunction {
    /// sdbm.
    #[default]
    Sdbm,
    /// djb2.
    Djb2,
    /// wt6.
    Wt6,
    /// CRC-32.
    Crc32,
    /// none (3.0): the key as a number.
    None,
}

/// `hash-type kind function modifier`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HashType {
    /// Kind.
    pub kind: HashKind,
    /// Function.
    pub function: HashFunction,
    /// Whether the function was written (consistent without one implies avalanche).
    pub function_written: bool,
    /// `avalanche`.
    pub avalanche: bool,
}

/// `on-marked-down`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnMarkedDown {
    /// `shutdown-sessions`.
    ShutdownSessions,
}

/// `on-marked-up`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnMarkedUp {
    /// `shutdown-backup-sessions`.
    ShutdownBackupSessions,
}

/// One server, `default-server` settings already applied.
#[derive(Debug, Clone, PartialEq)]
pub struct Server {
    /// Name (HAProxy) or address (keepalived).
    pub name: String,
    /// `id`, or the automatic number.
    pub id: u32,
    /// Where to connect.
    pub address: Address,
    /// `weight`, 0..=256.
    pub weight: u32,
    /// `backup`.
    pub backup: bool,
    /// `disabled`.
    pub disabled: bool,
    /// `maxconn`, 0 for unlimited.
    pub maxconn: u32,
    /// `minconn`.
    pub minconn: u32,
    /// `maxqueue`, 0 for unlimited.
    pub maxqueue: u32,
    /// `cookie`.
    pub cookie: Option<BString>,
    /// `redir`.
    pub redir: Option<BString>,
    /// `slowstart`, milliseconds.
    pub slowstart_ms: u32,
    /// `check`: whether checks run.
    pub checked: bool,
    /// When and how often.
    pub timing: CheckTiming,
    /// `port`, where checks go.
    pub check_port: Option<u16>,
    /// `addr`.
    pub check_address: Option<Address>,
    /// `check-send-proxy`.
    pub check_send_proxy: bool,
    /// `agent-check` and its settings.
    pub agent: Option<AgentCheck>,
    /// `observe layer4|layer7`, with `error-limit` and `on-error`, are in `timing`.
    pub track: Option<(String, String)>,
    /// `on-marked-down`.
    pub on_marked_down: Option<OnMarkedDown>,
    /// `on-marked-up`.
    pub on_marked_up: Option<OnMarkedUp>,
    /// `send-proxy` (1), `send-proxy-v2` (2).
    pub send_proxy: u8,
    /// `source`.
    pub source: Option<Address>,
    /// `pool-max-conn`, -1 for unlimited.
    pub pool_max_conn: i32,
    /// `pool-purge-delay`, milliseconds.
    pub pool_purge_delay_ms: u32,
    /// `pool-low-conn`.
    pub pool_low_conn: u32,
    /// `max-reuse`, -1 for unlimited.
    pub max_reuse: i32,
    /// `ssl` was written (support level of its own).
    pub tls: bool,
    /// TLS options as written, in order, with their values (empty for words without one).
    pub tls_options: Vec<(&'static str, String)>,
    /// `check-ssl`.
    pub check_tls: bool,
    /// `tfo`.
    pub fast_open: bool,
    /// `proto`.
    pub proto: Option<String>,
    /// `init-addr` words.
    pub init_addr: Vec<String>,
    /// `resolvers`.
    pub resolvers: Option<String>,
    /// `hash-key` (3.0).
    pub hash_key: Option<String>,
    /// `tcp-ut`, milliseconds.
    pub user_timeout_ms: Option<u32>,
    /// `non-stick`.
    pub non_stick: bool,
    /// Sampling of log backends.
    pub sampling: Option<Sampling>,
    /// What few servers have.
    pub extra: Option<Box<ServerExtra>>,
    /// Where it was written.
    pub origin: Span,
}

/// In which network namespace a server is connected to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Namespace {
    /// `namespace name`.
    Name(String),
    /// `namespace *`: the one that the PROXY protocol header of the client names.
    FromProxy,
}

/// `init-state`: the state a server with checks starts in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InitState {
    /// `fully-up`: as if `fall` checks had to fail.
    FullyUp,
    /// `up`: the first failed check takes it down.
    Up,
    /// `down`: the first good check brings it up.
    Down,
    /// `fully-down`: `rise` checks have to pass.
    FullyDown,
}

/// A line of a server state file. Management guide §9.3 "show servers state".
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RestoredState {
    /// 0 stopped, 1 starting, 2 running, 3 stopping.
    pub operation: u8,
    /// Bits: 1 forced maintenance, 4 `disabled` was written, 8 forced drain.
    pub admin: u8,
    /// The weight an operator left, and the one that was written then.
    pub weights: (u32, u32),
    /// Seconds since the last change.
    pub changed_s: u64,
    /// Status and result of the last check, by number.
    pub check: (u8, u8),
    /// Position of the check's counter.
    pub health: u32,
    /// Bits of the check: 2 configured, 4 enabled.
    pub check_state: u32,
    /// Bits of the agent's.
    pub agent_state: u32,
    /// Port.
    pub port: Option<u16>,
    /// Where an operator sent checks.
    pub check_to: (Option<std::net::IpAddr>, Option<u16>),
    /// The same of the agent's.
    pub agent_to: (Option<std::net::IpAddr>, Option<u16>),
}

/// `load-server-state-from-file`: whence servers have their state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StateSource {
    /// `global`: from the file that the global section names.
    Global,
    /// `local`: from a file of the backend's own.
    Local,
}

/// What few servers have; boxed, so that the others stay small.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ServerExtra {
    /// What a server state file says of it.
    pub restored: Option<RestoredState>,
    /// `socks4`.
    pub socks4: Option<Address>,
    /// `check-via-socks4`.
    pub check_via_socks4: bool,
    /// `namespace`.
    pub namespace: Option<Namespace>,
    /// `tcp-md5sig`.
    pub md5_password: Option<BString>,
    /// `cc`.
    pub congestion: Option<String>,
    /// `proxy-v2-options` words.
    pub proxy_v2_options: Vec<String>,
    /// `set-proxy-v2-tlv-fmt`: type and value of each.
    pub proxy_v2_fields: Vec<(u8, LogFormat)>,
    /// `init-state`.
    pub init_state: Option<InitState>,
    /// `pool-conn-name`.
    pub pool_name: Option<SampleExpr>,
}

impl Server {
    /// What few servers have, to be written to.
    pub fn extra_mut(&mut self) -> &mut ServerExtra {
        self.extra.get_or_insert_with(Box::default)
    }

    /// A server on which nothing is written. HAProxy configuration manual §5.2: weight 1, checks every
    /// 2 s, pools without limit that are purged after 5 s.
    #[must_use]
    pub fn new(name: impl Into<String>, address: Address, origin: Span) -> Self {
        Server {
            name: name.into(),
            id: 0,
            address,
            weight: 1,
            backup: false,
            disabled: false,
            maxconn: 0,
            minconn: 0,
            maxqueue: 0,
            cookie: None,
            redir: None,
            slowstart_ms: 0,
            checked: false,
            timing: CheckTiming::default(),
            check_port: None,
            check_address: None,
            check_send_proxy: false,
            agent: None,
            track: None,
            on_marked_down: None,
            on_marked_up: None,
            send_proxy: 0,
            source: None,
            pool_max_conn: -1,
            pool_purge_delay_ms: 5000,
            pool_low_conn: 0,
            max_reuse: -1,
            tls: false,
            tls_options: Vec::new(),
            check_tls: false,
            fast_open: false,
            proto: None,
            init_addr: Vec::new(),
            resolvers: None,
            hash_key: None,
            user_timeout_ms: None,
            non_stick: false,
            sampling: None,
            extra: None,
            origin,
        }
    }
}

/// Servers, choice and watch.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Service {
    /// In the order written, templates expanded.
    pub servers: Vec<Server>,
    /// `balance`; `None` when not written (the dialect decides).
    pub balance: Option<Balance>,
    /// `hash-type`.
    pub hash_type: HashType,
    /// `hash-balance-factor`, percent, 0 for off.
    pub hash_balance_factor: u32,
    /// `option allbackups`.
    pub all_backups: bool,
    /// How servers with `check` are watched.
    pub check: Check,
    /// `fullconn`.
    pub fullconn: Option<u32>,
}
