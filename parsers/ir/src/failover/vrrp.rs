//! `vrrp_instance` and `vrrp_sync_group`.

use std::net::IpAddr;

use rha_text::Span;

use super::{IpPrefix, IpRoute, IpRule, Notify, Tracked, VirtualIp};

/// `state`: what an instance wants to be at start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum VrrpState {
    /// BACKUP.
    #[default]
    Backup,
    /// MASTER.
    Master,
}

/// `authentication` (VRRP version 2 only).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub enum Authentication {
    /// None.
    #[default]
    None,
    /// `auth_type PASS`: the password padded with zeros.
    Pass([u8; 8]),
    /// `auth_type AH`: the key padded with zeros.
    Ah([u8; 8]),
}

/// `auth_hmac` (2.4.0): parsed and checked; support as its rows say.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AuthHmac {
    /// `key ID VALUE` lines.
    pub keys: Vec<(u8, Vec<u8>)>,
    /// `active_key`.
    pub active: Option<u8>,
    /// `time_window`, seconds.
    pub time_window: Option<u32>,
    /// `anti_replay` word.
    pub anti_replay: Option<String>,
    /// `mode` word.
    pub mode: Option<String>,
}

/// One peer of `unicast_peer`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct UnicastPeer {
    /// Address.
    pub address: IpAddr,
    /// `min_ttl` a received packet must have; 0 for any.
    pub min_ttl: u8,
    /// `max_ttl` a received packet may have; 255 for any.
    pub max_ttl: u8,
    /// Where it was written.
    pub origin: Span,
}

/// Where adverts go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AdvertTarget {
    /// To a group (`mcast_dst_ip`, `vrrp_mcast_group4`, `vrrp_mcast_group6`; 224.0.0.18 and ff02::12).
    Multicast(IpAddr),
    /// To each of `unicast_peer`.
    Unicast(Vec<UnicastPeer>),
}

/// Mode of an ipvlan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[allow(missing_docs, reason = "named as in the configuration")]
pub enum IpvlanMode {
    #[default]
    Bridge,
    Private,
    Vepa,
}

/// Kind of extra interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LinkKind {
    /// `use_vmac`: macvlan with the router's MAC address.
    Macvlan,
    /// `use_ipvlan`: ipvlan, with the address to put on it.
    Ipvlan(IpvlanMode, Option<IpPrefix>),
}

/// `use_vmac` or `use_ipvlan`: the instance runs on an interface of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VirtualMac {
    /// Kind.
    pub kind: LinkKind,
    /// Name of the interface; made from the prefix (`vmac_prefix`, default `vrrp`) and the router id when
    /// none is written.
    pub name: String,
    /// Whether the name was written (otherwise a leftover of another kind may be renamed away).
    pub named: bool,
    /// `use_vmac … MAC`: instead of 00:00:5e:00:01:VRID (02 for IPv6).
    pub mac: Option<[u8; 6]>,
    /// `vmac_xmit_base`: adverts leave through the base interface.
    pub xmit_base: bool,
    /// `netlink_notify_msg`.
    pub netlink_notify: bool,
    /// `group`: link group.
    pub group: Option<u32>,
}

/// A macvlan for addresses on another interface than the instance's, or of the other family.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressLink {
    /// Its name, made from `vmac_addr_prefix` (else `vmac_prefix`, else `vrrp`) and the router id.
    pub name: String,
    /// The interface below.
    pub base: String,
    /// Family of its addresses.
    pub ipv6: bool,
    /// `use_vmac … MAC`: instead of 00:00:5e:00:01:VRID (02 for IPv6).
    pub mac: Option<[u8; 6]>,
}

/// Gratuitous ARP and unsolicited NA of an instance, all effective.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Garp {
    /// `garp_master_delay`, microseconds until the second set; 5 s.
    pub delay_us: u64,
    /// `garp_master_repeat`: packets per address and set; 5.
    pub repeat: u32,
    /// `garp_master_refresh`, microseconds between refreshes while MASTER; 0 for never.
    pub refresh_us: u64,
    /// `garp_master_refresh_repeat`; 1.
    pub refresh_repeat: u32,
    /// `garp_lower_prio_delay`, microseconds; as `delay_us`.
    pub lower_prio_delay_us: u64,
    /// `garp_lower_prio_repeat`; as `repeat`.
    pub lower_prio_repeat: u32,
    /// `vmac_garp_intvl`/`garp_extra_if`, microseconds; 0 for never.
    pub extra_if_us: u64,
    /// `all`: on every interface with addresses, not only macvlans.
    pub extra_if_all: bool,
}

/// What happens to a lower-priority master.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PreemptPolicy {
    /// `nopreempt`.
    pub never: bool,
    /// `preempt_delay`, microseconds from the first lower advert.
    pub delay_us: u64,
}

/// One VRRP router: keepalived.conf(5) "VRRP instance(s)", RFC 3768, RFC 5798, RFC 9568.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VrrpInstance {
    /// Name.
    pub name: String,
    /// `state`.
    pub state: VrrpState,
    /// Whether IPv6 is spoken: from the addresses, peers or `native_ipv6`.
    pub ipv6: bool,
    /// `version`, 2 or 3.
    pub version: u8,
    /// `interface`; empty for instances without one (unicast only).
    pub interface: String,
    /// `vrf` (instances without interface).
    pub vrf: Option<String>,
    /// `virtual_router_id`, 1..=255.
    pub vrid: u8,
    /// `priority`, 1..=255; 100.
    pub priority: u8,
    /// `advert_int`, microseconds, already rounded for the version.
    pub advert_int_us: u64,
    /// Where adverts go.
    pub target: AdvertTarget,
    /// `mcast_src_ip`, `unicast_src_ip`; `None` for the interface's primary address.
    pub source: Option<IpAddr>,
    /// `track_src_ip`: FAULT while the source address is missing.
    pub track_source: bool,
    /// `unicast_ttl`.
    pub unicast_ttl: Option<u8>,
    /// `check_unicast_src`: adverts only from configured peers.
    pub check_unicast_src: bool,
    /// Whether anything about unicast was written; without peers it speaks multicast all the same.
    pub unicast_written: bool,
    /// `unicast_fault_no_peer`.
    pub unicast_fault_no_peer: bool,
    /// `old_unicast_checksum`: `Some(true)` always old, `Some(false)` `never`, `None` detect.
    pub old_unicast_checksum: Option<bool>,
    /// `v3_checksum_as_v2`: no pseudo-header in IPv4 checksums of version 3.
    pub v3_checksum_as_v2: bool,
    /// `authentication`.
    pub authentication: Authentication,
    /// `auth_hmac`.
    pub auth_hmac: Option<AuthHmac>,
    /// `virtual_ipaddress`: in adverts.
    pub addresses: Vec<VirtualIp>,
    /// `virtual_ipaddress_excluded`: not in adverts, either family.
    pub excluded: Vec<VirtualIp>,
    /// `virtual_routes`.
    pub routes: Vec<IpRoute>,
    /// `virtual_rules`.
    pub rules: Vec<IpRule>,
    /// `use_vmac`, `use_ipvlan`.
    pub vmac: Option<VirtualMac>,
    /// `use_vmac_addr`: addresses on other interfaces get macvlans too.
    pub use_vmac_addr: bool,
    /// Macvlans of addresses, in the order they are made; none is another instance's.
    pub address_links: Vec<AddressLink>,
    /// `promote_secondaries`.
    pub promote_secondaries: bool,
    /// `track_interface`, `track_script`, `track_file`, `track_process`, `track_bfd`, in that order.
    pub trackers: Vec<Tracked>,
    /// `dont_track_primary`.
    pub dont_track_primary: bool,
    /// `linkbeat_use_polling`.
    pub linkbeat_use_polling: bool,
    /// `nopreempt`, `preempt_delay`.
    pub preempt: PreemptPolicy,
    /// Whether packets to the addresses are accepted by a master that does not own them: `accept`,
    /// `no_accept`, and what `strict_mode` and the version say.
    pub accept: bool,
    /// `strict_mode`.
    pub strict: bool,
    /// `skip_check_adv_addr`.
    pub skip_check_adv_addr: bool,
    /// `garp_…`.
    pub garp: Garp,
    /// `down_timer_adverts`; 3.
    pub down_timer_adverts: u8,
    /// `timer_expired_backup` (2.2.8): highest priority of the others.
    pub timer_expired_backup: Option<u8>,
    /// `lower_prio_no_advert`.
    pub lower_prio_no_advert: bool,
    /// `higher_prio_send_advert`.
    pub higher_prio_send_advert: bool,
    /// `owner_ignore_adverts` (2.3.3).
    pub owner_ignore_adverts: bool,
    /// `kernel_rx_buf_size`, bytes.
    pub kernel_rx_buf_size: Option<u32>,
    /// `debug`, 0..=4.
    pub debug: u8,
    /// `lvs_sync_daemon_interface`.
    pub lvs_sync_daemon_interface: Option<String>,
    /// Name of the sync group it is in.
    pub sync_group: Option<String>,
    /// Mistakes that keep it in FAULT for good; the other instances run.
    pub config_faults: u32,
    /// Who is told.
    pub notify: Notify,
    /// Where it was written.
    pub origin: Span,
}

/// `vrrp_sync_group`: instances that change state together. keepalived.conf(5) "VRRP synchronization group".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyncGroup {
    /// Name.
    pub name: String,
    /// Names of instances, in the order written; each exists.
    pub members: Vec<String>,
    /// What the group as a whole watches.
    pub trackers: Vec<Tracked>,
    /// `sync_group_tracking_weight`: members may have weighted trackers of their own.
    pub tracking_weight: bool,
    /// `notify_priority_changes` as written; [`Notify::priority_changes`] is what follows from it.
    pub priority_changes: Option<bool>,
    /// Who is told.
    pub notify: Notify,
    /// Where it was written.
    pub origin: Span,
}
