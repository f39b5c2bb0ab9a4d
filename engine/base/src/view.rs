//! The traits through which rules, expressions and log lines see the world.
//!
//! `proto/http1` implements [`Request`] and [`Response`] for its heads, `engine/proxy` implements
//! [`Scene`] for a stream and [`Site`] for the running plan, tests implement them for literals. An
//! expression evaluates against a `&dyn Scene` and nothing else, so it can be run anywhere.

use std::net::SocketAddr;

use crate::{Now, ProxyId, ServerId, Value};

/// Header fields and body of an HTTP message as they are now, edits included.
pub trait Message {
    /// Number of header fields.
    fn header_count(&self) -> usize;
    /// Field `i < header_count()`, in order of the wire: name (as received) and value (trimmed).
    fn header(&self, i: usize) -> (&[u8], &[u8]);
    /// The first field at or after `from` with this name, case ignored. One call instead of two per field.
    fn find_header(&self, name: &[u8], from: usize) -> Option<usize> {
        (from..self.header_count()).find(|i| self.header(*i).0.eq_ignore_ascii_case(name))
    }
    /// The part of the body that has been buffered, without framing.
    fn body(&self) -> &[u8];
    /// Whether [`Message::body`] is all of it.
    fn body_is_whole(&self) -> bool;
    /// Length announced by Content-Length, if one was.
    fn content_length(&self) -> Option<u64>;
}

/// A request head.
pub trait Request: Message {
    /// Method.
    fn method(&self) -> &[u8];
    /// Request target as it stands: origin form, absolute form, authority or `*`.
    fn uri(&self) -> &[u8];
    /// Version, as `(1, 1)`.
    fn version(&self) -> (u8, u8);
}

/// A response head.
pub trait Response: Message {
    /// Status code.
    fn status(&self) -> u16;
    /// Reason phrase.
    fn reason(&self) -> &[u8];
    /// Version, as `(1, 1)`.
    fn version(&self) -> (u8, u8);
}

/// Where a variable lives, HAProxy configuration manual §2.8 "Variables".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// `proc.`
    Process,
    /// `sess.`
    Session,
    /// `txn.`
    Transaction,
    /// `req.`
    Request,
    /// `res.`
    Response,
    /// `check.`
    Check,
}

/// A variable resolved when the plan was built: an index within its scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct VarSlot {
    /// Where it lives.
    pub scope: Scope,
    /// Which one.
    pub index: u16,
}

/// Something a stream knows of itself that is not in its messages: one list for sample fetches and
/// log-format aliases, so that neither needs a method of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(
    missing_docs,
    reason = "each is named after the log alias or fetch in HAProxy's manual §8.2.6 and §7.3 that gives it"
)]
pub enum Fact {
    FrontendName,
    FrontendId,
    BackendName,
    BackendId,
    ServerName,
    ServerId,
    ListenerName,
    ListenerId,
    /// Name of the frontend with `~` after it on TLS (`%ft`).
    FrontendNameTransport,
    /// Frontend mode: `tcp` or `http`.
    FrontendMode,
    ClientIsTls,
    UniqueId,
    /// Address and port the server connection comes from and goes to.
    BackendSourceIp,
    BackendSourcePort,
    ServerIp,
    ServerPort,
    /// Date of accept and of the request's first byte, microseconds since 1970 (as `Int`).
    AcceptDateUs,
    RequestDateUs,
    /// `%Th %Ti %TR %Tq %Tw %Tc %Tr %Td %Ta %Tt %Tu`, milliseconds or -1.
    TimeHandshake,
    TimeIdle,
    TimeRequest,
    TimeRequestTotal,
    TimeQueue,
    TimeConnect,
    TimeResponse,
    TimeData,
    TimeActive,
    TimeTotal,
    TimeUser,
    BytesRead,
    BytesUploaded,
    /// `%ST`: status given to the client, or -1.
    StatusCode,
    TerminationState,
    TerminationStateCookie,
    /// `%ac %fc %bc %sc %rc %sq %bq`.
    ActiveConnections,
    FrontendConnections,
    BackendConnections,
    ServerConnections,
    Retries,
    ServerQueue,
    BackendQueue,
    RequestCounter,
    /// `%CC %CS`: captured cookies.
    RequestCookie,
    ResponseCookie,
    /// `%hr %hs`: captured headers with braces and bars.
    CapturedRequestHeaders,
    CapturedResponseHeaders,
    /// `%r %HM %HU %HP %HPO %HQ %HV`: the request line as it arrived, before rules.
    RequestLine,
    LogMethod,
    LogUri,
    LogPath,
    LogPathOnly,
    LogQuery,
    LogVersion,
    /// `fc_http_major` and the like.
    FrontendHttpMajor,
    BackendHttpMajor,
    BackendReused,
    /// Retries left and so on have no alias; errors do.
    FrontendError,
    BackendError,
    Hostname,
    Pid,
    Tid,
    LogTag,
    /// Whether this is the connection's first request (`http_first_req`, as `Bool`).
    IsFirstRequest,
    /// `fc_src fc_src_port fc_dst fc_dst_port`: before any rule or PROXY header changed them.
    OriginalSourceIp,
    OriginalSourcePort,
    OriginalDestinationIp,
    OriginalDestinationPort,
    /// Whether a PROXY header was received (as `Bool`).
    ReceivedProxy,
    /// Whether the process is stopping (as `Bool`), and for how many seconds it has run.
    Stopping,
    Uptime,
    /// Whether the log line is written before the end (`option logasap`), and whether the stream was sent
    /// to another server (as `Bool`): a `+` before some fields.
    LoggedEarly,
    Redispatched,
    /// `%lc %OG %sslc %sslv`.
    LogCounter,
    LogOrigin,
    TlsCipher,
    TlsVersion,
    /// Where the last final rule stands.
    LastRuleFile,
    LastRuleLine,
    /// Timeouts in effect, milliseconds.
    ClientTimeout,
    ServerTimeout,
    TunnelTimeout,
    ConnectTimeout,
    QueueTimeout,
    TarpitTimeout,
    /// Retries in effect.
    MaxRetries,
    /// What the proxies' sections say, milliseconds.
    FrontendClientTimeout,
    BackendServerTimeout,
    BackendTunnelTimeout,
    BackendConnectTimeout,
    BackendQueueTimeout,
    BackendTarpitTimeout,
    BackendMaxRetries,
    /// Connections on the client's listener.
    ListenerConnections,
    /// Status given by the server, before rules.
    ServerStatus,
    /// The headers of the packet that opened the client connection, where they were kept (`tcp-ss`).
    SavedSyn,
    /// `set-priority-class`, `set-priority-offset`.
    PriorityClass,
    PriorityOffset,
    /// Whether the stream met an error, has a server connection, is answered by a page of the proxy's own (as
    /// `Bool`).
    Failed,
    Forwarded,
    AnsweredHere,
    /// Name of the frontend's `default_backend`.
    DefaultBackend,
    /// What the frontend's section says, milliseconds.
    FrontendTarpitTimeout,
    /// What the kernel has measured on the client's and the server's connection.
    ClientTcp(TcpFact),
    ServerTcp(TcpFact),
}

/// A figure of `TCP_INFO`, tcp(7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "named after the fetch that gives it; times in microseconds")]
pub enum TcpFact {
    RttUs,
    RttVarianceUs,
    Unacked,
    Sacked,
    Lost,
    Retransmitted,
    Fackets,
    Reordering,
}

/// A number about a proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "named after the fetch that gives it")]
pub enum ProxyFact {
    Connections,
    ConnectionsFree,
    ConnectionSlots,
    SessionRate,
    UsableServers,
    AverageQueue,
    Queue,
    RequestRate,
    MaxConn,
}

/// A number about a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "named after the fetch that gives it")]
pub enum ServerFact {
    Connections,
    ConnectionsFree,
    IsUp,
    Queue,
    SessionRate,
    Weight,
    InitialWeight,
    UserWeight,
}

/// The running plan around a stream.
pub trait Site {
    /// A number about a proxy.
    fn proxy(&self, id: ProxyId, fact: ProxyFact) -> i64;
    /// A number about a server.
    fn server(&self, backend: ProxyId, server: ServerId, fact: ServerFact) -> i64;
    /// Connections of the whole process (`act_conn`).
    fn connections(&self) -> i64;
    /// Number of workers (`nbthread`).
    fn workers(&self) -> u32;
    /// A backend by name, as a converter finds it while running.
    fn backend_named(&self, _name: &[u8]) -> Option<ProxyId> {
        None
    }
    /// A frontend by name.
    fn frontend_named(&self, _name: &[u8]) -> Option<ProxyId> {
        None
    }
    /// A server of a backend by name.
    fn server_named(&self, _backend: ProxyId, _name: &[u8]) -> Option<ServerId> {
        None
    }
    /// Whether an address is one of this machine's; `None` when that is not known.
    fn is_local(&self, _address: std::net::IpAddr) -> Option<bool> {
        None
    }
}

/// One stream, seen by an expression.
pub trait Scene {
    /// The moment of evaluation.
    fn now(&self) -> Now;
    /// Where the client connection comes from (`None` on a unix socket).
    fn source(&self) -> Option<SocketAddr>;
    /// Where it went to.
    fn destination(&self) -> Option<SocketAddr>;
    /// The request, once its head is complete.
    fn request(&self) -> Option<&dyn Request>;
    /// The response, once its head is complete.
    fn response(&self) -> Option<&dyn Response>;
    /// Raw bytes received from the client and not yet forwarded (TCP content inspection).
    fn request_buffer(&self) -> &[u8];
    /// Raw bytes received from the server and not yet forwarded.
    fn response_buffer(&self) -> &[u8];
    /// Whether more request bytes may still come; a content rule waits while they may.
    fn request_may_grow(&self) -> bool;
    /// Bytes of the request that are here; of an HTTP message, as HAProxy stores it.
    fn request_size(&self) -> u64 {
        self.request_buffer().len() as u64
    }
    /// Whether what comes may yet turn out to be an HTTP request.
    fn request_may_become_http(&self) -> bool {
        self.request_may_grow()
    }
    /// Whether more response bytes may still come.
    fn response_may_grow(&self) -> bool {
        false
    }
    /// Seconds east of UTC in the local time zone at a moment (microseconds since 1970), for dates.
    fn local_offset_s(&self, _wall_us: i64) -> i32 {
        0
    }
    /// Sets a variable or, with `None`, removes it, while an expression runs (`set-var` converter); later
    /// expressions see it. Gives back whether it could.
    fn set_variable(&self, _slot: VarSlot, _value: Option<Value<'static>>) -> bool {
        false
    }
    /// Puts a text into a slot of the request's or response's captures while an expression runs; later
    /// expressions see it. Gives back whether there is such a slot.
    fn set_capture(&self, _response: bool, _slot: usize, _text: &[u8]) -> bool {
        false
    }
    /// A variable's value.
    fn variable(&self, slot: VarSlot) -> Option<&Value<'static>>;
    /// What the stream knows of itself; `None` while it does not yet.
    fn fact(&self, fact: Fact) -> Option<Value<'_>>;
    /// The frontend and, once chosen, the backend and server.
    fn place(&self) -> (ProxyId, Option<ProxyId>, Option<ServerId>);
    /// The running plan.
    fn site(&self) -> &dyn Site;
    /// Number of slots for captured request headers (`%hr`, `capture.req.hdr`).
    fn request_captures(&self) -> usize {
        0
    }
    /// What a slot for request headers holds.
    fn request_capture(&self, _slot: usize) -> Option<&[u8]> {
        None
    }
    /// Number of slots for captured response headers (`%hs`, `capture.res.hdr`).
    fn response_captures(&self) -> usize {
        0
    }
    /// What a slot for response headers holds.
    fn response_capture(&self, _slot: usize) -> Option<&[u8]> {
        None
    }
    /// The first field of a kind in the PROXY protocol header that the client connection began with.
    fn proxy_field(&self, _kind: u8) -> Option<&[u8]> {
        None
    }
    /// 32 random bits; differs at every call.
    fn random(&self) -> u32;
}
