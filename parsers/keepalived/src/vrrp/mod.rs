//! What the VRRP process reads: instances, groups, what they watch, and what does not move.

mod address;
mod finish;
mod group;
mod instance;
mod link;
mod macvlan;
mod other;
mod route;
mod rule;
mod script;
mod security;
mod tracker;

use std::net::IpAddr;

use rha_ir::failover::{
    AuthHmac, Garp, Notify, SyncGroup, TrackFile, TrackProcess, TrackScript, Tracked, UnicastPeer,
    VirtualMac, VrrpInstance,
};
use rha_text::Span;

pub(crate) use address::ROWS as ADDRESSES;
pub(crate) use finish::finish;
pub(crate) use group::ROWS as GROUP;
pub(crate) use instance::ROWS as INSTANCE;
pub(crate) use other::{ROWS as OTHERS, TrackFileDraft};
pub(crate) use route::ROWS as ROUTES;
pub(crate) use rule::ROWS as RULES;
pub(crate) use script::ROWS as TRACKERS;

/// An instance being read: its model, and what is still undecided.
#[derive(Debug)]
pub(crate) struct Draft {
    pub model: VrrpInstance,
    /// 4 or 6, once anything told.
    pub family: Option<u8>,
    /// `version`, once anything told.
    pub version: Option<u8>,
    pub priority: Option<u8>,
    pub master: Option<bool>,
    pub advert_int_us: u64,
    pub interface: Option<String>,
    pub interface_info: crate::Interface,
    pub peers: Vec<UnicastPeer>,
    /// Any keyword of unicast was written.
    pub unicast_written: bool,
    /// There are peers (decided late, as in the original).
    pub unicast: bool,
    pub mcast: Option<IpAddr>,
    pub source_written: bool,
    pub ttl: Option<u8>,
    pub auth: Option<AuthKind>,
    pub auth_data: [u8; 8],
    pub accept: Option<bool>,
    pub strict: Option<bool>,
    pub garp_lower_delay_us: Option<u64>,
    pub garp_lower_repeat: Option<u32>,
    pub garp_extra: Option<(u64, bool)>,
    pub lower_prio_no_advert: Option<bool>,
    pub higher_prio_send_advert: Option<bool>,
    pub mail: Option<bool>,
    pub priority_changes: Option<bool>,
    pub vmac: Option<VirtualMac>,
    pub vmac_addresses: bool,
    pub vmac_xmit_base: bool,
    pub no_addresses_wanted: bool,
    pub group: Option<usize>,
    pub hmac: AuthHmac,
}

/// `auth_type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AuthKind {
    Pass,
    Ah,
}

/// A group being read.
#[derive(Debug)]
pub(crate) struct GroupDraft {
    pub model: SyncGroup,
    pub members: Option<Vec<(String, Span)>>,
    pub indexes: Vec<usize>,
    pub mail: Option<bool>,
    pub priority_changes: Option<bool>,
}

/// A script being read.
#[derive(Debug)]
pub(crate) struct ScriptDraft {
    pub model: TrackScript,
    pub argv_read: bool,
    pub user_set: bool,
    pub remove: bool,
    pub disabled: bool,
    pub used: bool,
}

/// Everything the VRRP pass has under way.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub instances: Vec<Draft>,
    pub by_name: hashbrown::HashMap<String, usize>,
    pub groups: Vec<GroupDraft>,
    pub scripts: Vec<ScriptDraft>,
    pub processes: Vec<TrackProcess>,
    pub track_groups: Vec<(String, Option<Vec<String>>, Span)>,
    pub garp_written: (bool, bool),
    /// Whether the garp_group being read lists interfaces, and how many before it did.
    pub garp_listed: bool,
    pub garp_numbered: usize,
    pub garp_interfaces: Vec<(String, usize)>,
    pub next_preference4: u32,
    pub next_preference6: u32,
    pub vmac_names: hashbrown::HashSet<String>,
    /// Macvlans given out so far.
    pub macvlans: Vec<macvlan::Macvlan>,
    pub files: Vec<TrackFile>,
}

/// An instance without anything written in it.
fn blank(name: String, origin: Span, garp: Garp) -> Draft {
    let model = VrrpInstance {
        name,
        state: rha_ir::failover::VrrpState::Backup,
        ipv6: false,
        version: 2,
        interface: String::new(),
        vrf: None,
        vrid: 0,
        priority: 100,
        advert_int_us: crate::number::SECOND,
        target: rha_ir::failover::AdvertTarget::Unicast(Vec::new()),
        source: None,
        track_source: false,
        unicast_ttl: None,
        check_unicast_src: false,
        unicast_written: false,
        unicast_fault_no_peer: false,
        old_unicast_checksum: None,
        v3_checksum_as_v2: false,
        authentication: rha_ir::failover::Authentication::None,
        auth_hmac: None,
        addresses: Vec::new(),
        excluded: Vec::new(),
        routes: Vec::new(),
        rules: Vec::new(),
        vmac: None,
        use_vmac_addr: false,
        address_links: Vec::new(),
        promote_secondaries: false,
        trackers: Vec::new(),
        dont_track_primary: false,
        linkbeat_use_polling: false,
        preempt: rha_ir::failover::PreemptPolicy { never: false, delay_us: 0 },
        accept: true,
        strict: false,
        skip_check_adv_addr: false,
        garp,
        down_timer_adverts: 3,
        timer_expired_backup: None,
        lower_prio_no_advert: false,
        higher_prio_send_advert: false,
        owner_ignore_adverts: false,
        kernel_rx_buf_size: None,
        debug: 0,
        lvs_sync_daemon_interface: None,
        sync_group: None,
        config_faults: 0,
        notify: Notify::default(),
        origin,
    };
    Draft {
        model,
        family: None,
        version: None,
        priority: None,
        master: None,
        advert_int_us: 0,
        interface: None,
        interface_info: crate::Interface::default(),
        peers: Vec::new(),
        unicast_written: false,
        unicast: false,
        mcast: None,
        source_written: false,
        ttl: None,
        auth: None,
        auth_data: [0; 8],
        accept: None,
        strict: None,
        garp_lower_delay_us: None,
        garp_lower_repeat: None,
        garp_extra: None,
        lower_prio_no_advert: None,
        higher_prio_send_advert: None,
        mail: None,
        priority_changes: None,
        vmac: None,
        vmac_addresses: false,
        vmac_xmit_base: false,
        no_addresses_wanted: false,
        group: None,
        hmac: AuthHmac::default(),
    }
}

/// The family of an address as 4 or 6.
const fn family_of(address: IpAddr) -> u8 {
    if address.is_ipv4() { 4 } else { 6 }
}

/// Trackers of one kind in a list.
fn tracked_of(list: &[Tracked], kind: &rha_ir::TrackerKind) -> bool {
    list.iter().any(|t| t.kind == *kind)
}
