//! Health checks: shared by HAProxy's servers and keepalived's real servers.

use bstr::BString;
use rha_text::Span;

use crate::{Address, LogFormat, SampleExpr, VarName, VarValue};

/// When checks run and what counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckTiming {
    /// `inter`, milliseconds.
    pub inter_ms: u32,
    /// `fastinter`, milliseconds; `None` is as `inter`.
    pub fastinter_ms: Option<u32>,
    /// `downinter`, milliseconds; `None` is as `inter`.
    pub downinter_ms: Option<u32>,
    /// `rise`.
    pub rise: u32,
    /// `fall`.
    pub fall: u32,
    /// `observe`.
    pub observe: Observe,
    /// `error-limit`.
    pub error_limit: u32,
    /// `on-error`.
    pub on_error: OnError,
}

impl Default for CheckTiming {
    /// HAProxy configuration manual §5.2: 2000 ms, rise 2, fall 3, error-limit 10.
    fn default() -> Self {
        CheckTiming {
            inter_ms: 2000,
            fastinter_ms: None,
            downinter_ms: None,
            rise: 2,
            fall: 3,
            observe: Observe::None,
            error_limit: 10,
            on_error: OnError::FailCheck,
        }
    }
}

/// Whether live traffic counts as a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Observe {
    /// No.
    #[default]
    None,
    /// Connection results.
    Layer4,
    /// Responses.
    Layer7,
}

/// What `error-limit` errors in live traffic lead to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnError {
    /// Faster checks.
    FastInter,
    /// A simulated failed check.
    #[default]
    FailCheck,
    /// One failed check from down.
    SuddenDeath,
    /// Down at once.
    MarkDown,
}

/// A numeric condition on a status code: inclusive ranges.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StatusRange(pub Vec<(u16, u16)>);

/// What must be seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExpectKind {
    /// `status 200,300-399`.
    Status(StatusRange),
    /// `rstatus regex`.
    StatusRegex(BString),
    /// `string` / tcp-check `string`.
    Text(BString),
    /// `string-lf`.
    TextFormat(LogFormat),
    /// `rstring regex`.
    Regex(BString),
    /// `binary` in hexadecimal (decoded here).
    Binary(Vec<u8>),
    /// `rbinary regex`, on the data in hexadecimal.
    BinaryRegex(BString),
    /// `binary-lf`: a format that gives hexadecimal.
    BinaryFormat(LogFormat),
    /// `hdr`/`fhdr` with their name and value matching.
    Header(Box<HeaderExpect>),
    /// tcp-check `custom`.
    Custom,
}

/// How a header's name or value is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(missing_docs, reason = "each is the word after `-m`")]
pub enum HeaderMatch {
    #[default]
    Str,
    Beg,
    End,
    Sub,
    Reg,
}

/// `name`, `value` of `hdr`: how and with what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderPattern {
    /// `-m`.
    pub method: HeaderMatch,
    /// The pattern; text without variable parts, or `name-lf`, `value-lf`.
    pub text: LogFormat,
}

/// `hdr name … [value …]`, `fhdr …`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderExpect {
    /// `fhdr`: whole fields, not their comma-separated parts.
    pub full: bool,
    /// Name.
    pub name: HeaderPattern,
    /// Value, if it matters.
    pub value: Option<HeaderPattern>,
}

/// One `expect` rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expect {
    /// `!`.
    pub negated: bool,
    /// What.
    pub kind: ExpectKind,
    /// `comment`.
    pub comment: Option<String>,
    /// `min-recv`, -1 for as much as comes.
    pub min_recv: Option<i64>,
    /// `ok-status`, `error-status`, `tout-status` words.
    pub statuses: [Option<String>; 3],
    /// `on-success`, `on-error` messages.
    pub messages: [Option<LogFormat>; 2],
    /// `status-code`: what gives the code that is logged.
    pub status_code: Option<SampleExpr>,
    /// Where it was written.
    pub origin: Span,
}

/// One step of a scripted check (`tcp-check …`, `http-check connect/send/expect` sequences).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TcpStep {
    /// `connect`.
    Connect {
        /// `port`.
        port: Option<u16>,
        /// `port` as an expression.
        port_expr: Option<Box<SampleExpr>>,
        /// `default`: the server line's settings apply.
        default: bool,
        /// `via-socks4`.
        socks4: bool,
        /// `addr`.
        addr: Option<Address>,
        /// `send-proxy`.
        send_proxy: bool,
        /// `ssl`.
        tls: bool,
        /// `linger`.
        linger: bool,
        /// `comment`.
        comment: Option<String>,
        /// Where it was written.
        origin: Span,
    },
    /// `send`, `send-binary`: bytes as they go.
    Send {
        /// Bytes.
        data: Vec<u8>,
        /// `comment`.
        comment: Option<String>,
        /// Where it was written.
        origin: Span,
    },
    /// `send-lf`, `send-binary-lf`.
    SendFormat {
        /// Format.
        format: LogFormat,
        /// Whether the result is hexadecimal.
        hex: bool,
        /// `comment`.
        comment: Option<String>,
        /// Where it was written.
        origin: Span,
    },
    /// `http-check send`.
    HttpSend(HttpCheck),
    /// `expect`.
    Expect(Expect),
    /// `comment`.
    Comment(String),
    /// `set-var`, `set-var-fmt`; without a value `unset-var`.
    Variable {
        /// Name.
        name: VarName,
        /// New value.
        value: Option<Box<VarValue>>,
        /// Where it was written.
        origin: Span,
    },
}

/// The request of an HTTP check.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HttpCheck {
    /// `meth`; empty when not written, which is `OPTIONS`.
    pub method: BString,
    /// `uri`, `/` when not written.
    pub uri: Option<LogFormat>,
    /// `ver`; empty when not written, which is `HTTP/1.0`.
    pub version: BString,
    /// `hdr name fmt`.
    pub headers: Vec<(BString, LogFormat)>,
    /// `body`, `body-lf`.
    pub body: Option<LogFormat>,
    /// `comment`.
    pub comment: Option<String>,
}

/// What a check does.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum CheckKind {
    /// A connection is enough.
    #[default]
    Tcp,
    /// `option tcp-check` with its steps.
    TcpScript,
    /// `option httpchk`.
    Http,
    /// `option ssl-hello-chk`, `smtpchk`, `ldap-check`, `mysql-check`, `pgsql-check`, `redis-check`,
    /// `spop-check`, `external-check`, with the arguments as written.
    Other {
        /// Option name.
        name: String,
        /// Arguments.
        args: Vec<BString>,
        /// Where it was written.
        origin: Span,
    },
}

/// A service's check.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Check {
    /// Kind.
    pub kind: CheckKind,
    /// Request written on the `option httpchk` line.
    pub http: HttpCheck,
    /// Own steps took the place of an inherited `option httpchk`: nothing is sent but what they send.
    pub own_request_only: bool,
    /// `http-check`/`tcp-check` steps in order; empty means the implied ones.
    pub steps: Vec<TcpStep>,
    /// `http-check disable-on-404`.
    pub disable_on_404: bool,
    /// `http-check send-state`.
    pub send_state: bool,
    /// `option log-health-checks`.
    pub log: bool,
    /// `external-check command`, `external-check path`.
    pub external_command: Option<String>,
    /// Path for the external command.
    pub external_path: Option<String>,
}

/// `agent-check`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentCheck {
    /// `agent-check` was written; without it the other settings wait for it.
    pub enabled: bool,
    /// `agent-port`.
    pub port: u16,
    /// `agent-addr`.
    pub address: Option<Address>,
    /// `agent-inter`, milliseconds.
    pub inter_ms: u32,
    /// `agent-send`.
    pub send: BString,
}
