//! Listening sockets.

use bstr::BString;
use rha_text::Span;

use crate::Address;

/// One address of a `bind` line (a line may name several, separated by commas).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BindAddress {
    /// The address; a port range opens one socket per port.
    pub address: Address,
    /// Where it was written.
    pub origin: Span,
}

/// Right of a runtime API socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum SocketLevel {
    /// `user`: look at what is not sensitive.
    User,
    /// `operator`: look at everything.
    #[default]
    Operator,
    /// `admin`: change things.
    Admin,
}

/// A `bind` line. HAProxy configuration manual §5.1.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Bind {
    /// Its addresses.
    pub addresses: Vec<BindAddress>,
    /// `name`.
    pub name: Option<String>,
    /// `id`.
    pub id: Option<u32>,
    /// `maxconn`.
    pub maxconn: Option<u32>,
    /// `backlog`.
    pub backlog: Option<u32>,
    /// `accept-proxy`.
    pub accept_proxy: bool,
    /// `transparent`: bind to foreign addresses, `IP_TRANSPARENT`.
    pub transparent: bool,
    /// `v4v6`, `v6only`.
    pub v6only: Option<bool>,
    /// `interface`.
    pub interface: Option<String>,
    /// `mss`.
    pub mss: Option<i32>,
    /// `defer-accept`.
    pub defer_accept: bool,
    /// `tfo`.
    pub fast_open: bool,
    /// `tcp-ut`, milliseconds.
    pub user_timeout_ms: Option<u32>,
    /// `user`/`uid`, `group`/`gid`, `mode` of a unix socket.
    pub owner: Option<String>,
    /// Group of a unix socket.
    pub group: Option<String>,
    /// Octal mode of a unix socket.
    pub file_mode: Option<u32>,
    /// `level` (stats sockets).
    pub level: Option<SocketLevel>,
    /// `severity-output` (stats sockets): `none`, `number` or `string`.
    pub severity_output: Option<String>,
    /// `expose-fd listeners`.
    pub expose_listeners: bool,
    /// `ssl` was written (support level of its own).
    pub tls: bool,
    /// TLS options as written, in order, with their values (empty for words without one).
    pub tls_options: Vec<(&'static str, String)>,
    /// `proto`, `alpn`: protocol forced or offered.
    pub proto: Option<String>,
    /// `nice`.
    pub nice: Option<i32>,
    /// `shards`.
    pub shards: Option<u32>,
    /// `accept-netscaler-cip`: the number its header begins with.
    pub netscaler: Option<u32>,
    /// `namespace`.
    pub namespace: Option<String>,
    /// `tcp-md5sig`.
    pub md5_password: Option<BString>,
    /// `cc`.
    pub congestion: Option<String>,
    /// `tcp-ss`: 0 off, 1 or 2.
    pub save_syn: u8,
    /// Where the line is.
    pub origin: Span,
}
