//! What watches a real server.

use std::net::{IpAddr, SocketAddr};

use rha_text::Span;

use super::{Command, TrackWeight};

/// Where a checker connects to and from; what is not written follows from the real server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectOptions {
    /// `connect_ip`, `connect_port`, otherwise the real server's.
    pub target: SocketAddr,
    /// `bindto`.
    pub bind_ip: Option<IpAddr>,
    /// `bind_port`.
    pub bind_port: u16,
    /// `bind_if`.
    pub bind_if: Option<String>,
    /// `connect_timeout`, microseconds; 5 s.
    pub timeout_us: u64,
    /// `fwmark`; 0 for none.
    pub fwmark: u32,
}

/// `http_protocol`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum HttpProtocol {
    /// `1.0C`: HTTP/1.0 with `Connection: close`.
    Http10Close,
    /// `1.0`; the default.
    #[default]
    Http10,
    /// `1.1`: with `Connection: close`.
    Http11,
}

/// Regular expression over a page (PCRE2).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RegexCheck {
    /// `regex`.
    pub pattern: String,
    /// `regex_no_match`: a match fails the check.
    pub no_match: bool,
    /// `regex_options` words.
    pub options: Vec<String>,
    /// `regex_min_offset`.
    pub min_offset: u64,
    /// `regex_max_offset`; 0 for none.
    pub max_offset: u64,
    /// `regex_stack`: start and maximum.
    pub stack: Option<(u64, u64)>,
}

/// `url` of `HTTP_GET` and `SSL_GET`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HttpUrl {
    /// `path`.
    pub path: String,
    /// `digest`: MD5 of the page.
    pub digest: Option<[u8; 16]>,
    /// `status_code` ranges; empty for 200–299 when nothing else is asked for.
    pub status: Vec<(u16, u16)>,
    /// `virtualhost`; otherwise the checker's, the real server's, the virtual server's counts.
    pub virtual_host: Option<String>,
    /// `regex …`.
    pub regex: Option<RegexCheck>,
    /// `tls_compliant` (2.2.8).
    pub tls_compliant: bool,
    /// Where it was written.
    pub origin: Span,
}

/// `type` of `DNS_CHECK`; the number on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DnsType(pub u16);

/// What `UDP_CHECK` expects.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UdpReply {
    /// `require_reply`: any reply.
    pub required: bool,
    /// `require_reply HEX`: bytes, and per byte the bits that do not matter.
    pub pattern: Option<(Vec<u8>, Vec<u8>)>,
    /// `min_reply_length`.
    pub min_len: u32,
    /// `max_reply_length`.
    pub max_len: u32,
}

/// What a checker does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CheckerKind {
    /// `TCP_CHECK`: a connection.
    Tcp,
    /// `HTTP_GET`, `SSL_GET`.
    Http {
        /// `SSL_GET`.
        tls: bool,
        /// `enable_sni`.
        sni: bool,
        /// `sni_name`.
        sni_name: Option<String>,
        /// `virtualhost` of the checker.
        virtual_host: Option<String>,
        /// `http_protocol`.
        protocol: HttpProtocol,
        /// `fast_recovery`.
        fast_recovery: bool,
        /// `tls_compliant` (2.2.8).
        tls_compliant: bool,
        /// Pages, all of which must be right; not empty.
        urls: Vec<HttpUrl>,
    },
    /// `SMTP_CHECK`.
    Smtp {
        /// `helo_name`.
        helo: String,
        /// `host` blocks beside the checker's own target, which is the first of them if nothing else is written.
        hosts: Vec<ConnectOptions>,
    },
    /// `DNS_CHECK`.
    Dns {
        /// `type`; SOA.
        kind: DnsType,
        /// `name`; `.`.
        name: String,
    },
    /// `UDP_CHECK`.
    Udp {
        /// `payload`.
        payload: Vec<u8>,
        /// What must come back.
        reply: UdpReply,
    },
    /// `PING_CHECK`.
    Ping,
    /// `MISC_CHECK`.
    Misc {
        /// `misc_path`.
        command: Command,
        /// `misc_timeout`, microseconds; 0, not written, is the delay loop.
        timeout_us: u64,
        /// `misc_dynamic`: exit codes 2..=255 set the weight to code − 2.
        dynamic: bool,
    },
    /// `BFD_CHECK`.
    Bfd {
        /// Name of the [`super::BfdInstance`].
        instance: String,
    },
    /// `FILE_CHECK`.
    File {
        /// Name of the [`super::TrackFile`].
        file: String,
        /// How much its number counts.
        weight: TrackWeight,
    },
}

/// One checker of a real server, with its effective times (its own, else the real server's, else the
/// virtual server's, else the default of its kind).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checker {
    /// What it does.
    pub kind: CheckerKind,
    /// Where it connects; `None` for `MISC_CHECK`, `BFD_CHECK`, `FILE_CHECK`.
    pub connect: Option<ConnectOptions>,
    /// `delay_loop`, microseconds; 60 s.
    pub delay_loop_us: u64,
    /// `warmup`, microseconds: upper bound of the random wait before the first check.
    pub warmup_us: u64,
    /// `retry`: failures in a row, beyond the first, until down.
    pub retry: u32,
    /// `delay_before_retry`, microseconds.
    pub delay_before_retry_us: u64,
    /// `alpha`.
    pub alpha: bool,
    /// `log_all_failures`.
    pub log_all_failures: bool,
    /// Where it was written.
    pub origin: Span,
}
