//! The letters after `%` in log-format strings.
//!
//! HAProxy configuration manual §8.2.6 "Custom log format". One row per alias; the engine has the
//! function that prints it. `http` marks those that only an HTTP proxy may use.

use rha_vocab::Lifetime;

/// One alias.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogAlias {
    /// Letters.
    pub name: &'static str,
    /// Whether it is reserved for HTTP proxies.
    pub http: bool,
    /// Whether it makes the log line wait for request or response, which a TCP proxy never has.
    pub message: bool,
    /// Versions that know it.
    pub lifetime: Lifetime,
    /// One sentence in our own words.
    pub doc: &'static str,
}

const fn any(name: &'static str, doc: &'static str) -> LogAlias {
    LogAlias { name, http: false, message: false, lifetime: Lifetime::ALWAYS, doc }
}

const fn waits(name: &'static str, doc: &'static str) -> LogAlias {
    LogAlias { message: true, ..any(name, doc) }
}

const fn http(name: &'static str, doc: &'static str) -> LogAlias {
    LogAlias { http: true, ..any(name, doc) }
}

const fn http_waits(name: &'static str, doc: &'static str) -> LogAlias {
    LogAlias { http: true, message: true, ..any(name, doc) }
}

/// All of them.
pub const ALIASES: &[LogAlias] = &[
    any("o", "Takes flags for everything after it; prints nothing."),
    LogAlias { lifetime: Lifetime::since(3, 1), ..any("OG", "Origin of the log line.") },
    any("B", "Bytes from server to client."),
    http("CC", "Captured request cookie."),
    http("CS", "Captured response cookie."),
    any("H", "Host name."),
    any("ID", "Unique id."),
    waits("ST", "Status code."),
    any("T", "Date in GMT."),
    http("Ta", "Active time of the request, milliseconds."),
    any("Tc", "Time to connect to the server, milliseconds."),
    any("Th", "Time of the TLS or PROXY handshake, milliseconds."),
    http("Ti", "Idle time before the request, milliseconds."),
    any("Tl", "Date in local time with its offset."),
    http("Tq", "Handshake, idle and request time together, milliseconds."),
    http("Tr", "Response time of the server, milliseconds."),
    http("TR", "Time to receive the request, milliseconds."),
    any("Td", "Data transfer time, milliseconds."),
    any("Ts", "Unix time, seconds."),
    any("Tt", "Time from accept to the end, milliseconds."),
    any("Tu", "Time as the user felt it, milliseconds."),
    any("Tw", "Time in queues, milliseconds."),
    any("U", "Bytes from client to server."),
    any("ac", "Connections of the process."),
    any("b", "Backend."),
    any("bc", "Connections of the backend."),
    any("bi", "Source address towards the server."),
    any("bp", "Source port towards the server."),
    any("bq", "Position in the queue of the backend."),
    any("ci", "Client address."),
    any("cp", "Client port."),
    any("f", "Frontend."),
    any("fc", "Connections of the frontend."),
    any("fi", "Address the client connected to."),
    any("fp", "Port the client connected to."),
    any("ft", "Frontend, with a tilde when TLS was used."),
    any("hr", "Captured request headers in braces."),
    any("hrl", "Captured request headers one by one."),
    any("hs", "Captured response headers in braces."),
    any("hsl", "Captured response headers one by one."),
    http_waits("HM", "Method."),
    http_waits("HP", "Path with or without host."),
    http_waits("HPO", "Path alone."),
    http_waits("HQ", "Query."),
    http_waits("HU", "Whole request target."),
    http_waits("HV", "Version."),
    any("lc", "Log counter of the frontend."),
    any("ms", "Milliseconds of the accept date."),
    any("pid", "Process id."),
    http_waits("r", "Request line."),
    any("rc", "Retries."),
    waits("rt", "Request counter."),
    any("s", "Server."),
    any("sc", "Connections of the server."),
    any("si", "Server address."),
    any("sp", "Server port."),
    any("sq", "Position in the queue of the server."),
    any("sslc", "TLS cipher towards the client."),
    any("sslv", "TLS version towards the client."),
    any("t", "Accept date with milliseconds."),
    http("tr", "Date of the request with milliseconds."),
    http("trg", "Date of the request in GMT."),
    http("trl", "Date of the request in local time."),
    any("ts", "Termination state."),
    any("tsc", "Termination state with cookie state."),
];

/// The row of an alias.
#[must_use]
pub(super) fn find(name: &[u8]) -> Option<&'static LogAlias> {
    ALIASES.iter().find(|a| a.name.as_bytes() == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_documented() {
        for (i, a) in ALIASES.iter().enumerate() {
            assert!(ALIASES[..i].iter().all(|b| b.name != a.name), "{}", a.name);
            assert!(a.doc.ends_with('.'));
        }
        assert!(find(b"hr").is_some_and(|a| !a.http));
        assert!(find(b"r").is_some_and(|a| a.http && a.message));
    }
}
