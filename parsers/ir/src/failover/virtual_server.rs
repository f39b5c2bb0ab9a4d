//! `virtual_server`: traffic to an address or firewall mark, spread over real servers by the kernel.

use std::net::{IpAddr, SocketAddr};

use rha_text::Span;

use super::{Checker, Command, Tracked};
use crate::Server;

/// What traffic a virtual server takes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum VirtualServerKey {
    /// `ADDRESS PORT`.
    Address(SocketAddr),
    /// `fwmark N`.
    Mark(u32),
    /// `group NAME`.
    Group(String),
}

/// `protocol`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "named as in the configuration")]
pub enum LvsProtocol {
    Tcp,
    Udp,
    Sctp,
}

/// `type` of a tunnel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[allow(missing_docs, reason = "named as in the configuration")]
pub enum TunnelKind {
    #[default]
    Ipip,
    Gue,
    Gre,
}

/// Settings of `lvs_method TUN`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Tunnel {
    /// `type`.
    pub kind: TunnelKind,
    /// `port` (gue).
    pub port: u16,
    /// 0 `nocsum`, 1 `csum`, 2 `remcsum`.
    pub checksum: u8,
}

/// `lvs_method`: how packets reach a real server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Forwarding {
    /// Nothing written: the original asks IPVS for NAT.
    #[default]
    Unset,
    /// NAT.
    Nat,
    /// DR.
    DirectRoute,
    /// TUN.
    Tunnel(Tunnel),
}

/// Scheduler flags.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct SchedulerFlags {
    /// `hashed`.
    pub hashed: bool,
    /// `ops`: one packet per connection.
    pub one_packet: bool,
    /// `flag-1`, `sh-fallback`, `mh-fallback`.
    pub flag1: bool,
    /// `flag-2`, `sh-port`, `mh-port`.
    pub flag2: bool,
    /// `flag-3`.
    pub flag3: bool,
}

/// Connections of one client stay with one server.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Persistence {
    /// `persistence_timeout`, seconds; 0 for off.
    pub timeout: u32,
    /// `persistence_engine`.
    pub engine: Option<String>,
    /// `persistence_granularity`: netmask (IPv4) or prefix length (IPv6).
    pub granularity: Option<u32>,
}

/// Times and counts that checkers take over, as far as they were written for the server or those above it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CheckTimes {
    /// `connect_timeout`, microseconds; 5 s.
    pub connect_timeout_us: u64,
    /// `delay_loop`, microseconds; 60 s.
    pub delay_loop_us: u64,
    /// `retry`.
    pub retry: Option<u32>,
    /// `delay_before_retry`, microseconds.
    pub delay_before_retry_us: Option<u64>,
    /// `warmup`, microseconds.
    pub warmup_us: Option<u64>,
}

impl Default for CheckTimes {
    fn default() -> Self {
        CheckTimes {
            connect_timeout_us: 5_000_000,
            delay_loop_us: 60_000_000,
            retry: None,
            delay_before_retry_us: None,
            warmup_us: None,
        }
    }
}

/// `sorry_server`: takes everything while there is no quorum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SorryServer {
    /// Address.
    pub address: SocketAddr,
    /// `sorry_server_lvs_method`, otherwise the virtual server's.
    pub forwarding: Forwarding,
    /// `sorry_server_inhibit`.
    pub inhibit: bool,
    /// Where it was written.
    pub origin: Span,
}

/// `real_server`: one target with its checkers; `server` is in the terms that rhap's servers use.
#[derive(Debug, Clone, PartialEq)]
pub struct RealServer {
    /// Name (address as written), address and weight.
    pub server: Server,
    /// Address.
    pub address: SocketAddr,
    /// `weight`, 0..=2147483647.
    pub weight: u32,
    /// `lvs_method`, otherwise the virtual server's.
    pub forwarding: Forwarding,
    /// `uthreshold`; 0 for none.
    pub upper_threshold: u32,
    /// `lthreshold`; 0 for none.
    pub lower_threshold: u32,
    /// `inhibit_on_failure`: weight 0 instead of removal, effective.
    pub inhibit: bool,
    /// `alpha`: down until a check succeeds, effective.
    pub alpha: bool,
    /// `notify_up`.
    pub notify_up: Option<Command>,
    /// `notify_down`.
    pub notify_down: Option<Command>,
    /// `smtp_alert`, effective.
    pub mail: bool,
    /// `virtualhost`; checkers take the virtual server's otherwise.
    pub virtual_host: Option<String>,
    /// `snmp_name`.
    pub snmp_name: Option<String>,
    /// `…_CHECK`, `HTTP_GET`, `SSL_GET` in the order written.
    pub checkers: Vec<Checker>,
    /// What its checkers take over.
    pub times: CheckTimes,
    /// `FILE_CHECK`: files whose value changes the weight.
    pub track_files: Vec<Tracked>,
    /// Where it was written.
    pub origin: Span,
}

/// One entry of a `virtual_server_group`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupEntry {
    /// Addresses `first..=last` with one port.
    Range {
        /// First.
        first: IpAddr,
        /// Last.
        last: IpAddr,
        /// Port.
        port: u16,
        /// Where it was written.
        origin: Span,
    },
    /// `fwmark N [inet|inet6]`.
    Mark {
        /// Mark.
        mark: u32,
        /// Whether IPv6; `None` when not written.
        ipv6: Option<bool>,
        /// Where it was written.
        origin: Span,
    },
}

/// `virtual_server_group`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VirtualServerGroup {
    /// Name.
    pub name: String,
    /// Entries.
    pub entries: Vec<GroupEntry>,
    /// Where it was written.
    pub origin: Span,
}

/// `virtual_server`. keepalived.conf(5) "Virtual server(s)".
#[derive(Debug, Clone, PartialEq)]
pub struct VirtualServer {
    /// What it takes.
    pub key: VirtualServerKey,
    /// Whether IPv6.
    pub ipv6: bool,
    /// `protocol`; `None` for marks.
    pub protocol: Option<LvsProtocol>,
    /// `lvs_sched`, `lb_algo`.
    pub scheduler: String,
    /// Scheduler flags.
    pub flags: SchedulerFlags,
    /// `lvs_method`, `lb_kind`.
    pub forwarding: Forwarding,
    /// Persistence.
    pub persistence: Persistence,
    /// Number among the virtual servers of one group.
    pub number: u32,
    /// `inhibit_on_failure`.
    pub inhibit: bool,
    /// What its real servers take over.
    pub times: CheckTimes,
    /// `ha_suspend`: no checks while the address is not here.
    pub ha_suspend: bool,
    /// `quorum`, total weight needed; 1.
    pub quorum: u32,
    /// `hysteresis`.
    pub hysteresis: u32,
    /// `quorum_up`.
    pub quorum_up: Option<Command>,
    /// `quorum_down`.
    pub quorum_down: Option<Command>,
    /// `omega`.
    pub omega: bool,
    /// `alpha`.
    pub alpha: bool,
    /// `smtp_alert`, effective.
    pub mail: bool,
    /// `virtualhost`.
    pub virtual_host: Option<String>,
    /// `snmp_name`.
    pub snmp_name: Option<String>,
    /// `sorry_server`.
    pub sorry: Option<SorryServer>,
    /// In the order written.
    pub real_servers: Vec<RealServer>,
    /// Where it was written.
    pub origin: Span,
}

/// `SSL`: the client side of `SSL_GET`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[allow(missing_docs, reason = "named as in the configuration")]
pub struct Ssl {
    pub password: Option<String>,
    pub ca: Option<String>,
    pub certificate: Option<String>,
    pub key: Option<String>,
}
