//! Aliases of log-format strings, `%ci` and the like: HAProxy configuration manual §8.2.6.

use rha_base::Fact;

/// How an alias is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// Text: quoted, escaped, `-` when empty.
    Text(Fact),
    /// Text of ours that is never quoted.
    Raw(Fact),
    /// Text from the peer: quoted, with `#XX` for what could break a line; the fallback when unset.
    Encoded(Fact, &'static str),
    /// Integer, with what stands for "not known".
    Int(Fact, i64),
    /// Integer, `+` before it in an early log.
    Growing(Fact),
    /// Integer that `X` prints as at least four hexadecimal digits.
    Counter(Fact),
    /// `%rc`: integer, `+` before it after a redispatch.
    Retries,
    /// Address and port of the client side.
    ClientIp,
    ClientPort,
    FrontendIp,
    FrontendPort,
    /// Address or port of the server side, from a fact.
    Ip(Fact),
    Port(Fact),
    /// `26/Apr/2024:09:39:58.774`, local.
    Date(Fact),
    /// `26/Apr/2024:07:41:11 +0000`.
    DateUtc(Fact),
    /// `26/Apr/2024:09:42:32 +0200`.
    DateLocal(Fact),
    /// Seconds since 1970.
    Seconds(Fact),
    /// Milliseconds of the second, three digits.
    Millis(Fact),
    /// Captured headers within braces, and as a list.
    RequestCaptures,
    ResponseCaptures,
    RequestCaptureList,
    ResponseCaptureList,
    /// Parts of the request line.
    Method,
    Uri,
    Path,
    PathOnly,
    Query,
    Version,
    /// `%b`: the backend, or the frontend while there is none.
    Backend,
    /// `%s`: the server, or `<NOSRV>`.
    Server,
}

/// An alias.
#[derive(Debug, Clone, Copy)]
pub struct Alias {
    /// Its letters, without the percent sign.
    pub name: &'static str,
    pub(crate) form: Form,
    /// One sentence in our own words.
    pub doc: &'static str,
}

const fn alias(name: &'static str, form: Form, doc: &'static str) -> Alias {
    Alias { name, form, doc }
}

/// All of them, sorted by name.
pub(crate) const ALIASES: &[Alias] = &[
    alias("B", Form::Growing(Fact::BytesRead), "Bytes sent to the client."),
    alias("CC", Form::Text(Fact::RequestCookie), "Captured request cookie."),
    alias("CS", Form::Text(Fact::ResponseCookie), "Captured response cookie."),
    alias("H", Form::Text(Fact::Hostname), "Name of this machine."),
    alias("HM", Form::Method, "Method of the request."),
    alias("HP", Form::Path, "Target of the request up to its query."),
    alias("HPO", Form::PathOnly, "Path of the request, without host and query."),
    alias("HQ", Form::Query, "Query of the request with its question mark."),
    alias("HU", Form::Uri, "Target of the request."),
    alias("HV", Form::Version, "Version of the request."),
    alias("ID", Form::Text(Fact::UniqueId), "Unique identifier of the request."),
    alias("OG", Form::Text(Fact::LogOrigin), "What made the log line."),
    alias("ST", Form::Int(Fact::StatusCode, 0), "Status given to the client."),
    alias("T", Form::DateUtc(Fact::AcceptDateUs), "Date of accept, in UTC."),
    alias("Ta", Form::Growing(Fact::TimeActive), "Milliseconds the request was active."),
    alias("Tc", Form::Int(Fact::TimeConnect, -1), "Milliseconds to connect to the server."),
    alias("Td", Form::Int(Fact::TimeData, -1), "Milliseconds of data transfer."),
    alias("Th", Form::Int(Fact::TimeHandshake, 0), "Milliseconds of handshakes."),
    alias("Ti", Form::Int(Fact::TimeIdle, -1), "Milliseconds of idleness before the request."),
    alias("Tl", Form::DateLocal(Fact::AcceptDateUs), "Date of accept, in local time with its offset."),
    alias(
        "Tq",
        Form::Int(Fact::TimeRequestTotal, -1),
        "Milliseconds from accept to a complete request head.",
    ),
    alias("TR", Form::Int(Fact::TimeRequest, -1), "Milliseconds to receive the request head."),
    alias("Tr", Form::Int(Fact::TimeResponse, -1), "Milliseconds until the response head."),
    alias("Ts", Form::Seconds(Fact::AcceptDateUs), "Date of accept in seconds since 1970."),
    alias("Tt", Form::Growing(Fact::TimeTotal), "Milliseconds from accept to the end."),
    alias("Tu", Form::Growing(Fact::TimeUser), "Milliseconds as the user saw them."),
    alias("Tw", Form::Int(Fact::TimeQueue, -1), "Milliseconds in queues."),
    alias("U", Form::Int(Fact::BytesUploaded, 0), "Bytes received from the client."),
    alias("ac", Form::Int(Fact::ActiveConnections, 0), "Connections of the process."),
    alias("b", Form::Backend, "Name of the backend."),
    alias("bc", Form::Int(Fact::BackendConnections, 0), "Connections of the backend."),
    alias("bi", Form::Ip(Fact::BackendSourceIp), "Address the server connection comes from."),
    alias("bp", Form::Port(Fact::BackendSourcePort), "Port the server connection comes from."),
    alias("bq", Form::Int(Fact::BackendQueue, 0), "Streams ahead in the backend's queue."),
    alias("ci", Form::ClientIp, "Address of the client."),
    alias("cp", Form::ClientPort, "Port of the client."),
    alias("f", Form::Text(Fact::FrontendName), "Name of the frontend."),
    alias("fc", Form::Int(Fact::FrontendConnections, 0), "Connections of the frontend."),
    alias("fi", Form::FrontendIp, "Address the client connected to."),
    alias("fp", Form::FrontendPort, "Port the client connected to."),
    alias("ft", Form::Raw(Fact::FrontendNameTransport), "Name of the frontend, with a tilde on TLS."),
    alias("hr", Form::RequestCaptures, "Captured request headers."),
    alias("hrl", Form::RequestCaptureList, "Captured request headers as a list."),
    alias("hs", Form::ResponseCaptures, "Captured response headers."),
    alias("hsl", Form::ResponseCaptureList, "Captured response headers as a list."),
    alias("lc", Form::Counter(Fact::LogCounter), "Number of the log line in its frontend."),
    alias("ms", Form::Millis(Fact::AcceptDateUs), "Milliseconds of the date of accept."),
    alias("pid", Form::Counter(Fact::Pid), "Process id."),
    alias("r", Form::Encoded(Fact::RequestLine, "<BADREQ>"), "Request line."),
    alias("rc", Form::Retries, "Retries to connect."),
    alias("rt", Form::Counter(Fact::RequestCounter), "Number of the request in the process."),
    alias("s", Form::Server, "Name of the server."),
    alias("sc", Form::Int(Fact::ServerConnections, 0), "Connections of the server."),
    alias("si", Form::Ip(Fact::ServerIp), "Address of the server."),
    alias("sp", Form::Port(Fact::ServerPort), "Port of the server."),
    alias("sq", Form::Int(Fact::ServerQueue, 0), "Streams ahead in the server's queue."),
    alias("sslc", Form::Text(Fact::TlsCipher), "TLS cipher suite of the client connection."),
    alias("sslv", Form::Text(Fact::TlsVersion), "TLS version of the client connection."),
    alias("t", Form::Date(Fact::AcceptDateUs), "Date of accept, in local time with milliseconds."),
    alias("tr", Form::Date(Fact::RequestDateUs), "Date of the request, in local time with milliseconds."),
    alias("trg", Form::DateUtc(Fact::RequestDateUs), "Date of the request, in UTC."),
    alias("trl", Form::DateLocal(Fact::RequestDateUs), "Date of the request, in local time with its offset."),
    alias("ts", Form::Raw(Fact::TerminationState), "How the stream ended, two letters."),
    alias("tsc", Form::Raw(Fact::TerminationStateCookie), "How the stream ended, with the cookie's letters."),
];

/// The alias of a name.
pub(crate) fn find(name: &str) -> Option<&'static Alias> {
    ALIASES.iter().find(|a| a.name == name)
}
