//! What the runtime API sees of the engine, and what it may change.

use rha_ir::SocketLevel;
use rha_vocab::Dialect;

/// Counters of one frontend, backend, listener or server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(missing_docs, reason = "each is the column of that name, management guide §9.1")]
pub struct Counts {
    pub stot: u64,
    pub conn_tot: u64,
    pub req_tot: u64,
    pub bin: u64,
    pub bout: u64,
    pub dreq: u64,
    pub dresp: u64,
    pub dcon: u64,
    pub dses: u64,
    pub ereq: u64,
    pub econ: u64,
    pub eresp: u64,
    pub wretr: u64,
    pub wredis: u64,
    pub wrew: u64,
    pub eint: u64,
    pub cli_abrt: u64,
    pub srv_abrt: u64,
    pub intercepted: u64,
    pub lbtot: u64,
    pub connect: u64,
    pub reuse: u64,
    /// `hrsp_1xx` … `hrsp_5xx`, `hrsp_other`.
    pub hrsp: [u64; 6],
    pub rate: (u64, u64),
    pub req_rate: (u64, u64),
    pub conn_rate: (u64, u64),
    /// Averages `qtime ctime rtime ttime`, milliseconds.
    pub times: [u64; 4],
    pub times_max: [u64; 4],
    /// Seconds since the last session; `None` for never.
    pub lastsess: Option<u64>,
}

/// A proxy's front side.
#[derive(Debug, Clone, Default)]
pub struct Front {
    /// Counters.
    pub counts: Counts,
    /// Sessions now and at most.
    pub sessions: (u64, u64),
    /// Limit.
    pub limit: u64,
    /// `rate-limit sessions`.
    pub rate_limit: u64,
    /// `OPEN`, `PAUSED`, `STOP`, `FULL`.
    pub status: &'static str,
    /// Listeners to show (`option socket-stats`): name, sessions now and at most, limit, counters.
    pub listeners: Vec<Listener>,
}

/// A listening socket.
#[derive(Debug, Clone, Default)]
pub struct Listener {
    /// Name.
    pub name: String,
    /// Id.
    pub sid: u32,
    /// Sessions now and at most.
    pub sessions: (u64, u64),
    /// Limit.
    pub limit: u64,
    /// Counters.
    pub counts: Counts,
    /// `addr:port`.
    pub address: String,
    /// `tcpv4`, `tcpv6`, `unix_stream`.
    pub protocol: &'static str,
}

/// A check's last result.
#[derive(Debug, Clone, Default)]
pub struct LastCheck {
    /// `L4OK`, `* L7STS` …
    pub status: String,
    /// Code (HTTP status), if there is one.
    pub code: Option<u32>,
    /// Milliseconds; `None` while there was none.
    pub duration_ms: Option<u64>,
    /// Text of the result.
    pub text: String,
    /// Long form of the status.
    pub description: String,
    /// Numbers of the state file: status, result (0..=4).
    pub numbers: (u32, u32),
}

/// An agent's check.
#[derive(Debug, Clone, Default)]
pub struct Agent {
    /// `rise`, `fall`, current health.
    pub health: (u32, u32, u32),
    /// Last check.
    pub last: LastCheck,
}

/// A server.
#[derive(Debug, Clone, Default)]
pub struct Server {
    /// Name.
    pub name: String,
    /// Id.
    pub sid: u32,
    /// Counters.
    pub counts: Counts,
    /// Sessions now and at most.
    pub sessions: (u64, u64),
    /// Queue now and at most.
    pub queue: (u64, u64),
    /// `maxconn`; 0 is unlimited.
    pub maxconn: u64,
    /// `maxqueue`; 0 is unlimited.
    pub maxqueue: u64,
    /// `UP`, `DOWN`, `UP 1/3`, `MAINT`, `DRAIN`, `no check` …
    pub status: String,
    /// Whether new requests may go there.
    pub usable: bool,
    /// Effective weight, as set by the user, and as written.
    pub weights: (u32, u32, u32),
    /// `backup`.
    pub backup: bool,
    /// Whether checks run.
    pub checked: bool,
    /// `rise`, `fall`, current health.
    pub health: (u32, u32, u32),
    /// Whether `disable health` holds its checks back.
    pub checks_off: bool,
    /// Whether `disabled` was written.
    pub disabled: bool,
    /// Health shown when it has no checks: `rise`, or 0 once it was in maintenance.
    pub first_health: u32,
    /// Failed checks, and times it went down.
    pub failures: (u64, u64),
    /// Failed observations.
    pub observed_failures: u64,
    /// Last check.
    pub check: LastCheck,
    /// Its agent, if that is asked.
    pub agent: Option<Agent>,
    /// Seconds since the last change of state.
    pub changed_s: u64,
    /// Seconds down.
    pub downtime_s: u64,
    /// `throttle` percent, while slow start.
    pub throttle: Option<u32>,
    /// `backend/server` tracked.
    pub tracked: Option<String>,
    /// Address without port.
    pub host: Option<String>,
    /// Port.
    pub port: u16,
    /// Name it was written with, if it is no address.
    pub fqdn: Option<String>,
    /// Where its checks go: address and port, where they are not the server's own.
    pub check_to: (Option<String>, u16),
    /// The same of its agent.
    pub agent_to: (Option<String>, u16),
    /// State number of the agent's check in the state file.
    pub agent_state: u32,
    /// Cookie value.
    pub cookie: Option<String>,
    /// Idle connections.
    pub idle: u64,
    /// Of them, proven by reuse.
    pub safe: u64,
    /// Connections likely to be needed at once.
    pub need: u64,
    /// Idle limit (`pool-max-conn`), -1 for none.
    pub idle_limit: i64,
    /// `pool-purge-delay`, milliseconds.
    pub purge_delay_ms: u64,
    /// Operational state number of the state file.
    pub operation: u32,
    /// Administrative bits of the state file.
    pub admin: u32,
    /// Whether its id was written.
    pub forced_id: bool,
}

/// A proxy's back side.
#[derive(Debug, Clone, Default)]
pub struct Back {
    /// Counters.
    pub counts: Counts,
    /// Sessions now and at most.
    pub sessions: (u64, u64),
    /// Queue now and at most.
    pub queue: (u64, u64),
    /// `fullconn`.
    pub limit: u64,
    /// Whether requests can be served.
    pub is_up: bool,
    /// Seconds since the last change.
    pub changed_s: u64,
    /// Seconds down.
    pub downtime_s: u64,
    /// Times it went down.
    pub downs: u64,
    /// Balancing algorithm's name.
    pub algorithm: &'static str,
    /// Cookie name.
    pub cookie: Option<String>,
    /// Servers.
    pub servers: Vec<Server>,
}

/// A proxy.
#[derive(Debug, Clone, Default)]
pub struct Proxy {
    /// Name.
    pub name: String,
    /// Id.
    pub iid: u32,
    /// `http` or `tcp`.
    pub mode: &'static str,
    /// Front side, if it has one.
    pub front: Option<Front>,
    /// Back side, if it has one.
    pub back: Option<Back>,
    /// Whether its id was written.
    pub forced_id: bool,
    /// Hidden from dumps of all proxies (`disabled`).
    pub hidden: bool,
}

/// The process.
#[derive(Debug, Clone, Default)]
pub struct Process {
    /// Version text.
    pub version: String,
    /// `yyyy/mm/dd`.
    pub release_date: String,
    /// Pid.
    pub pid: u32,
    /// Workers.
    pub nbthread: u32,
    /// Seconds since start.
    pub uptime_s: u64,
    /// Start, seconds since 1970.
    pub started_s: u64,
    /// Memory limit, megabytes.
    pub memory_mb: u64,
    /// Descriptor limit, and descriptors that may be needed.
    pub descriptors: (u64, u64),
    /// Connection limit: in force, and at most.
    pub maxconn: (u64, u64),
    /// Connections now, ever, requests ever.
    pub connections: (u64, u64, u64),
    /// Streams now: of proxies, and commands.
    pub streams: u64,
    /// How long the start took, milliseconds.
    pub boot_ms: u64,
    /// Warnings given since start.
    pub warnings: u64,
    /// Connections per second: now, limit, most.
    pub conn_rate: (u64, u64, u64),
    /// Sessions per second: now, limit, most.
    pub sess_rate: (u64, u64, u64),
    /// Percentage of time a worker waits.
    pub idle_percent: u64,
    /// `node`.
    pub node: String,
    /// `description`.
    pub description: String,
    /// Whether a soft stop is on.
    pub stopping: bool,
    /// Jobs (connections and listeners), listeners.
    pub jobs: (u64, u64),
    /// Of them such that do not hold up a stop: the line to the master.
    pub unstoppable: u64,
    /// Log lines that were lost.
    pub dropped_logs: u64,
    /// Bytes sent ever, and per second.
    pub bytes_out: (u64, u64),
}

/// Everything at one moment.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// The process.
    pub process: Process,
    /// Its proxies, in the order written.
    pub proxies: Vec<Proxy>,
}

impl Snapshot {
    /// Only the proxies whose name passes.
    #[must_use]
    pub fn within(mut self, is_shown: impl Fn(&str) -> bool) -> Snapshot {
        self.proxies.retain(|p| is_shown(&p.name));
        self
    }

    /// Leaves out what only `stats show-legends` and a socket of level operator show: addresses, cookies and
    /// balancing algorithms.
    #[must_use]
    pub fn without_legends(mut self) -> Snapshot {
        for p in &mut self.proxies {
            p.front.iter_mut().flat_map(|f| &mut f.listeners).for_each(|l| l.address.clear());
            if let Some(b) = &mut p.back {
                (b.algorithm, b.cookie) = ("", None);
                b.servers.iter_mut().for_each(|s| (s.host, s.cookie) = (None, None));
            }
        }
        self
    }
}

/// Administrative wish for a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// `ready`.
    Ready,
    /// `drain`.
    Drain,
    /// `maint`.
    Maint,
}

/// Operational state forced on a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Force {
    /// `health up`.
    Up,
    /// `health stopping`.
    Stopping,
    /// `health down`.
    Down,
}

/// A server by position: proxy and server in the snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerAt {
    /// Index of the proxy.
    pub proxy: usize,
    /// Index of the server.
    pub server: usize,
}

/// A change that a command asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// `set server … state`, `enable server`, `disable server`.
    State(ServerAt, Wish),
    /// `set server … health`.
    Health(ServerAt, Force),
    /// `set server … check-addr`, `check-port`.
    CheckTo(ServerAt, Option<std::net::IpAddr>, Option<u16>),
    /// `set server … agent-addr`, `agent-port`.
    AgentTo(ServerAt, Option<std::net::IpAddr>, Option<u16>),
    /// `set server … agent-send`.
    AgentSend(ServerAt, String),
    /// `set server … agent`.
    Agent(ServerAt, Force),
    /// `enable agent`, `disable agent`.
    Agents(ServerAt, bool),
    /// `set server … weight`: user weight, 0..=256.
    Weight(ServerAt, u32),
    /// `set server … addr`: address and port.
    Address(ServerAt, Option<std::net::IpAddr>, Option<u16>),
    /// `set maxconn server`.
    ServerMaxconn(ServerAt, u32),
    /// `enable health`, `disable health`.
    Checks(ServerAt, bool),
    /// `set maxconn frontend`.
    FrontendMaxconn(usize, u32),
    /// `set rate-limit connections global`.
    ConnectionRate(u32),
    /// `set rate-limit sessions global`.
    SessionRate(u32),
    /// `set maxconn global`; 0 is the starting value.
    GlobalMaxconn(u32),
    /// `enable frontend`, `disable frontend`.
    Listening(usize, bool),
    /// `shutdown frontend`.
    StopFrontend(usize),
    /// `shutdown sessions server`.
    CloseSessions(ServerAt),
    /// `clear counters`, and `all`.
    ClearCounters {
        /// Everything, not only the maxima.
        all: bool,
    },
}

/// A control socket, for `show cli sockets`.
#[derive(Debug, Clone)]
pub struct ControlSocket {
    /// `unix@/path`, `127.0.0.1:9999`.
    pub name: String,
    /// Its level.
    pub level: SocketLevel,
}

/// A proxy as a stream's lines name it.
#[derive(Debug, Clone, Default)]
pub struct Named {
    /// Name.
    pub name: String,
    /// Id.
    pub id: u32,
    /// `http` or `tcp`; nothing for a server.
    pub mode: &'static str,
    /// Address: a listener's or a server's.
    pub address: Option<String>,
}

/// A stream: a request, or a TCP connection, that is being served.
#[derive(Debug, Clone, Default)]
pub struct Stream {
    /// What it is called by; never used twice.
    pub id: u64,
    /// `tcpv4`, `tcpv6`, `unix_stream`.
    pub protocol: &'static str,
    /// `address:port` of the client; `unix:` and the listener's id.
    pub source: String,
    /// Id of the listener.
    pub listener: u32,
    /// Name of the listener, if it has one.
    pub listener_name: Option<String>,
    /// Frontend, with the listener's address.
    pub frontend: Named,
    /// Backend, once chosen.
    pub backend: Option<Named>,
    /// Server, once chosen.
    pub server: Option<Named>,
    /// When it began: `dd/Mon/yyyy:hh:mm:ss.micros`.
    pub began: String,
    /// How long ago, milliseconds.
    pub age_ms: u64,
    /// Time left until its next deadline, milliseconds.
    pub expires_ms: Option<u64>,
    /// Descriptor of the client's connection.
    pub descriptor: i32,
    /// Worker that serves it.
    pub worker: u32,
}

/// A bad request or response as it was received.
#[derive(Debug, Clone, Default)]
pub struct Capture {
    /// Whether it is a response.
    pub is_response: bool,
    /// When: `dd/Mon/yyyy:hh:mm:ss.millis`.
    pub date: String,
    /// The proxy it is kept for; the other side; the server.
    pub proxy: Named,
    /// The other proxy: a request's backend, a response's frontend.
    pub other: Option<Named>,
    /// Server.
    pub server: Option<Named>,
    /// Number of the event.
    pub event: u64,
    /// `address:port` of the client.
    pub source: String,
    /// The bytes.
    pub bytes: Vec<u8>,
    /// Where in them the error is.
    pub position: usize,
    /// Name of the parser's state and its number.
    pub state: (&'static str, u32),
    /// Room left in the buffer, and its size.
    pub room: (usize, usize),
}

/// What is known of bad requests and responses.
#[derive(Debug, Clone, Default)]
pub struct Captures {
    /// Now: `dd/Mon/yyyy:hh:mm:ss.millis`.
    pub date: String,
    /// How many there were ever.
    pub total: u64,
    /// The last of each proxy and direction, requests first.
    pub last: Vec<Capture>,
}

/// A variable's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    /// `sint`, `str`, `bool`, `bin`, `ipv4` …
    pub kind: &'static str,
    /// As text; bytes that are none are shown as dots.
    pub text: String,
}

/// The engine behind the runtime API.
pub trait Site {
    /// Whose words are used.
    fn dialect(&self) -> Dialect;
    /// The state now.
    fn look(&self) -> Snapshot;
    /// Does it; `Err` is the text to answer.
    ///
    /// # Errors
    /// What the original would answer, without the final newline.
    fn change(&self, change: Change) -> Result<(), String>;
    /// The environment, for `show env`.
    fn environment(&self) -> Vec<(String, String)>;
    /// Control sockets, for `show cli sockets`.
    fn sockets(&self) -> Vec<ControlSocket>;
    /// Warnings of start, for `show startup-logs`.
    fn startup_logs(&self) -> String;
    /// Streams now, for `show sess`.
    fn streams(&self) -> Vec<Stream>;
    /// `shutdown session`: whether there was such a stream.
    fn kill(&self, id: u64) -> bool;
    /// Bad requests and responses, for `show errors`.
    fn captures(&self) -> Captures;
    /// `get var`: a `proc.` variable by its name.
    fn variable(&self, name: &str) -> Option<Variable>;
    /// `set var <name> [expr|fmt] <value>`.
    ///
    /// # Errors
    /// What the original would answer, without the final newline.
    fn set_variable(&self, name: &str, format: bool, value: &str) -> Result<(), String>;
    /// The key under which names are hidden from who asks; 0 is none.
    fn veil(&self) -> u32 {
        0
    }
    /// The key that hides names for connections that name none, `set anon global-key`; 0 is none.
    fn anon_key(&self) -> u32;
    /// Sets it.
    fn set_anon_key(&self, key: u32);
    /// A random number other than 0.
    fn random(&self) -> u32;
}

/// A site whose names are hidden from who asks, `set anon`.
pub struct Veiled<'a> {
    /// What is behind.
    pub site: &'a dyn Site,
    /// The key.
    pub key: u32,
}

impl Site for Veiled<'_> {
    fn veil(&self) -> u32 {
        self.key
    }
    fn dialect(&self) -> Dialect {
        self.site.dialect()
    }
    fn look(&self) -> Snapshot {
        self.site.look()
    }
    fn change(&self, change: Change) -> Result<(), String> {
        self.site.change(change)
    }
    fn environment(&self) -> Vec<(String, String)> {
        self.site.environment()
    }
    fn sockets(&self) -> Vec<ControlSocket> {
        self.site.sockets()
    }
    fn startup_logs(&self) -> String {
        self.site.startup_logs()
    }
    fn streams(&self) -> Vec<Stream> {
        self.site.streams()
    }
    fn kill(&self, id: u64) -> bool {
        self.site.kill(id)
    }
    fn captures(&self) -> Captures {
        self.site.captures()
    }
    fn variable(&self, name: &str) -> Option<Variable> {
        self.site.variable(name)
    }
    fn set_variable(&self, name: &str, format: bool, value: &str) -> Result<(), String> {
        self.site.set_variable(name, format, value)
    }
    fn anon_key(&self) -> u32 {
        self.site.anon_key()
    }
    fn set_anon_key(&self, key: u32) {
        self.site.set_anon_key(key);
    }
    fn random(&self) -> u32 {
        self.site.random()
    }
}
