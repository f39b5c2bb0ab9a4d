//! What keepalived's language says: who holds which addresses, what is watched, who is told.
//!
//! Every value is effective, not merely written: defaults, `global_defs` and the repairs that the
//! original makes while it checks (a `nopreempt` that is dropped, an interval that is rounded) have
//! been applied, so that an engine needs no second reading of the rules. Where `None` remains, it means
//! "nothing was written and nothing follows from it".
//! Spec: keepalived.conf(5). Invariant: names in lists of members and trackers exist in the model.

mod bfd;
mod checker;
mod global;
mod notify;
mod prefix;
mod route;
mod track;
mod virtual_server;
mod vrrp;

use rha_text::Span;

pub use bfd::BfdInstance;
pub use checker::{
    Checker, CheckerKind, ConnectOptions, DnsType, HttpProtocol, HttpUrl, RegexCheck, UdpReply,
};
pub use global::{
    CpuList, DynamicInterfaces, FailoverGlobal, GarpDefaults, IpsetNames, LvsFlush, LvsSyncDaemon,
    LvsTimeouts, ProcessTuning, RxBufferPolicy, Snmp,
};
pub use notify::{Command, Fifo, Mail, MailDefaults, Notify, ScriptUser};
pub use prefix::{Broadcast, IpPrefix, VirtualIp};
pub use route::{
    Encap, EncapIp, IpRoute, IpRule, NextHop, PortRange, RouteAction, RouteMetrics, RouteType, RuleAction,
};
pub use track::{
    ScriptStart, TrackFile, TrackGroup, TrackProcess, TrackScript, TrackWeight, Tracked, TrackedBy,
};
pub use virtual_server::{
    CheckTimes, Forwarding, GroupEntry, LvsProtocol, Persistence, RealServer, SchedulerFlags, SorryServer,
    Ssl, Tunnel, TunnelKind, VirtualServer, VirtualServerGroup, VirtualServerKey,
};
pub use vrrp::{
    AddressLink, AdvertTarget, AuthHmac, Authentication, Garp, IpvlanMode, LinkKind, PreemptPolicy,
    SyncGroup, UnicastPeer, VirtualMac, VrrpInstance, VrrpState,
};

/// `garp_group`: how fast gratuitous ARP and unsolicited NA may leave a set of interfaces.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GarpGroup {
    /// `garp_interval`, microseconds between two gratuitous ARPs; 0 for no limit.
    pub garp_interval_us: u32,
    /// `gna_interval`, microseconds between two unsolicited NAs; 0 for no limit.
    pub gna_interval_us: u32,
    /// `interface`, `interfaces`.
    pub interfaces: Vec<String>,
    /// Where it was written.
    pub origin: Span,
}

/// One line of `interface_up_down_delays`: how long a link state must last before it counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InterfaceDelay {
    /// Interface.
    pub interface: String,
    /// Microseconds after going down.
    pub down_us: u64,
    /// Microseconds after coming up.
    pub up_us: u64,
    /// Where it was written.
    pub origin: Span,
}

/// One line of `linkbeat_interfaces`: a link that is polled instead of believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Linkbeat {
    /// Interface.
    pub interface: String,
    /// `MII`, `ETHTOOL` or `IOCTL`; `None` to find out.
    pub method: Option<&'static str>,
    /// Where it was written.
    pub origin: Span,
}

/// Everything of keepalived's language; empty for a HAProxy or FRR configuration.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Failover {
    /// `global_defs` and the keywords outside of every block.
    pub global: FailoverGlobal,
    /// `vrrp_instance` blocks that survived the checks, in the order written.
    pub instances: Vec<VrrpInstance>,
    /// `vrrp_sync_group` blocks that survived the checks.
    pub sync_groups: Vec<SyncGroup>,
    /// `static_ipaddress` lines.
    pub static_addresses: Vec<VirtualIp>,
    /// `static_routes` lines.
    pub static_routes: Vec<IpRoute>,
    /// `static_rules` lines.
    pub static_rules: Vec<IpRule>,
    /// `track_group` blocks: instances whose state static items may follow.
    pub track_groups: Vec<TrackGroup>,
    /// `vrrp_script` blocks.
    pub scripts: Vec<TrackScript>,
    /// `track_file` blocks.
    pub track_files: Vec<TrackFile>,
    /// `vrrp_track_process` blocks.
    pub track_processes: Vec<TrackProcess>,
    /// `bfd_instance` blocks.
    pub bfd_instances: Vec<BfdInstance>,
    /// `garp_group` blocks.
    pub garp_groups: Vec<GarpGroup>,
    /// `interface_up_down_delays` lines.
    pub interface_delays: Vec<InterfaceDelay>,
    /// `linkbeat_interfaces` lines.
    pub linkbeat: Vec<Linkbeat>,
    /// `virtual_server_group` blocks.
    pub virtual_server_groups: Vec<VirtualServerGroup>,
    /// `virtual_server` blocks that survived the checks.
    pub virtual_servers: Vec<VirtualServer>,
    /// `SSL` block.
    pub ssl: Option<Ssl>,
}

impl Failover {
    /// A VRRP instance by name.
    #[must_use]
    pub fn instance(&self, name: &str) -> Option<&VrrpInstance> {
        self.instances.iter().find(|i| i.name == name)
    }

    /// Whether any part needs the VRRP process of the original.
    #[must_use]
    pub fn has_vrrp(&self) -> bool {
        !self.instances.is_empty()
            || !self.static_addresses.is_empty()
            || !self.static_routes.is_empty()
            || !self.static_rules.is_empty()
    }
}
