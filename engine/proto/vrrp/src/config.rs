//! What one instance was told: every setting already resolved (globals, defaults and strict mode applied by
//! the parser's side), plain data, comparable for a reload.
//!
//! Units are `Duration`s; the words are keepalived.conf(5)'s. [`Config::settle`] removes the contradictions
//! that keepalived removes at start, so that the machine never runs on them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use crate::priority::Tracker;

/// IPv4 or IPv6: of the advertised addresses and of the packets that carry them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum Family {
    /// IPv4.
    #[default]
    V4,
    /// IPv6.
    V6,
}

impl Family {
    /// The family of an address.
    #[must_use]
    pub fn of(address: IpAddr) -> Family {
        if address.is_ipv4() { Family::V4 } else { Family::V6 }
    }

    /// Bytes of one address on the wire.
    #[must_use]
    pub fn address_len(self) -> usize {
        match self {
            Family::V4 => 4,
            Family::V6 => 16,
        }
    }
}

/// Protocol version (`version`, `vrrp_version`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum Version {
    /// RFC 3768.
    #[default]
    V2,
    /// RFC 5798 and 9568.
    V3,
}

impl Version {
    /// As on the wire and in log lines.
    #[must_use]
    pub fn number(self) -> u8 {
        match self {
            Version::V2 => 2,
            Version::V3 => 3,
        }
    }
}

/// `authentication { auth_type …; auth_pass …; }`, version 2 only (RFC 2338 §5.3.6; RFC 3768 dropped it).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Auth {
    /// No authentication: the eight trailing bytes are zero.
    #[default]
    None,
    /// `PASS`: the password in clear, zero padded.
    Pass([u8; 8]),
    /// `AH`: an IPsec authentication header (RFC 2402) with HMAC-MD5-96 under this key.
    Ah([u8; 8]),
}

impl Auth {
    /// The auth type byte.
    #[must_use]
    pub fn number(self) -> u8 {
        match self {
            Auth::None => 0,
            Auth::Pass(_) => 1,
            Auth::Ah(_) => 2,
        }
    }

    /// A password as both kinds store it: its first eight bytes, zero padded.
    #[must_use]
    pub fn secret(password: &str) -> [u8; 8] {
        let mut secret = [0; 8];
        for (to, from) in secret.iter_mut().zip(password.bytes()) {
            *to = from;
        }
        secret
    }
}

/// One line of `unicast_peer`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer {
    /// Its address.
    pub address: IpAddr,
    /// `min_ttl`: smallest TTL or hop limit accepted from it, 0 without one.
    pub min_ttl: u8,
    /// `max_ttl`: largest accepted, 255 without one.
    pub max_ttl: u8,
}

impl Peer {
    /// A peer from which any TTL is accepted.
    #[must_use]
    pub fn new(address: IpAddr) -> Peer {
        Peer { address, min_ttl: 0, max_ttl: 255 }
    }
}

/// Where adverts go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// To the group of `vrrp_mcast_group4`, `vrrp_mcast_group6` or `mcast_dst_ip`.
    Multicast(IpAddr),
    /// To each of `unicast_peer`, from `unicast_src_ip`.
    Unicast {
        /// In the order of the file.
        peers: Vec<Peer>,
        /// `check_unicast_src`, `vrrp_check_unicast_src`: refuse adverts from others, and check their TTL.
        check_source: bool,
    },
}

impl Target {
    /// 224.0.0.18 (RFC 5798 §5.1.1.2).
    pub const GROUP_V4: IpAddr = IpAddr::V4(Ipv4Addr::new(224, 0, 0, 18));
    /// ff02::12 (RFC 5798 §5.1.2.2).
    pub const GROUP_V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x12));

    /// True for unicast peers.
    #[must_use]
    pub fn is_unicast(&self) -> bool {
        matches!(self, Target::Unicast { .. })
    }
}

/// How the checksum of version 3 over IPv4 is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Checksum {
    /// With the IPv4 pseudo-header, keepalived's default.
    #[default]
    Pseudo,
    /// With a pseudo-header naming the multicast group although the packet is unicast: keepalived up to
    /// 1.3.6, `old_unicast_checksum`.
    PseudoMulticast,
    /// Without, as RFC 9568 §5.2.8 asks for: `v3_checksum_as_v2`.
    Plain,
}

/// One virtual address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vip {
    /// The address.
    pub address: IpAddr,
    /// The interface it lives on; in log lines.
    pub device: String,
    /// Everything else that makes it differ on a reload (prefix length, scope, label …), for the caller to
    /// fill with any text; only compared.
    pub detail: String,
}

impl Vip {
    /// An address on a device with nothing else to say.
    #[must_use]
    pub fn new(address: IpAddr, device: &str) -> Vip {
        Vip { address, device: device.to_owned(), detail: String::new() }
    }
}

/// `garp_master_delay` and its relatives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Garp {
    /// `garp_master_delay`: until the second burst after becoming master; zero: no second burst.
    pub delay: Duration,
    /// `garp_master_repeat`: rounds per burst.
    pub repeat: u32,
    /// `garp_master_refresh`: between repeated announcements while master; zero: none.
    pub refresh: Duration,
    /// `garp_master_refresh_repeat`: rounds of each.
    pub refresh_repeat: u32,
    /// `garp_lower_prio_delay`: until the second burst after a lower-priority advert; zero: none.
    pub lower_prio_delay: Duration,
    /// `garp_lower_prio_repeat`: rounds of those bursts; zero: none.
    pub lower_prio_repeat: u32,
    /// `garp_extra_if`: between announcements on interfaces that no advert leaves by; zero: none.
    pub extra: Duration,
    /// Places among [`Config::vips`] of what is then announced: one address an interface.
    pub extra_places: Vec<usize>,
}

impl Default for Garp {
    fn default() -> Self {
        Garp {
            delay: Duration::from_secs(5),
            repeat: 5,
            refresh: Duration::ZERO,
            refresh_repeat: 1,
            lower_prio_delay: Duration::from_secs(5),
            lower_prio_repeat: 5,
            extra: Duration::ZERO,
            extra_places: Vec::new(),
        }
    }
}

/// One `vrrp_instance`, resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Instance name, in every log line.
    pub name: String,
    /// The interface it runs on; empty for unicast instances without one.
    pub interface: String,
    /// Address family of the instance.
    pub family: Family,
    /// Protocol version.
    pub version: Version,
    /// `virtual_router_id`, 1–255.
    pub vrid: u8,
    /// `priority` as written, 1–255; 255 is the address owner (RFC 5798 §6.1).
    pub priority: u8,
    /// `state MASTER`. Means something only together with priority 255.
    pub wants_master: bool,
    /// `advert_int`: whole seconds in version 2, whole hundredths in version 3.
    pub advert_interval: Duration,
    /// `authentication`; version 2 only.
    pub auth: Auth,
    /// Where adverts go.
    pub target: Target,
    /// `ttl`/`hop limit` of unicast adverts; multicast ones always carry 255 (RFC 5798 §5.1.1.3).
    pub ttl: u8,
    /// `mcast_src_ip`/`unicast_src_ip`. Without it the interface's primary address, see `Input::Source`.
    pub source: Option<IpAddr>,
    /// The interface's primary address where it is known before the instance starts: an instance that a
    /// reload brings is then not in FAULT until it is told.
    pub learned_source: Option<IpAddr>,
    /// `virtual_ipaddress` in the order advertised, at most 255 (RFC 5798 §5.2.5).
    pub addresses: Vec<Vip>,
    /// `virtual_ipaddress_excluded`.
    pub excluded: Vec<Vip>,
    /// There are `virtual_routes`.
    pub has_routes: bool,
    /// There are `virtual_rules`.
    pub has_rules: bool,
    /// How version 3 over IPv4 counts its checksum.
    pub checksum: Checksum,
    /// `accept`, the opposite of `no_accept` (RFC 5798 §6.1 Accept_Mode). Without it a packet filter drops
    /// what is addressed to the virtual addresses, unless we own them.
    pub accept: bool,
    /// `nopreempt`.
    pub nopreempt: bool,
    /// `preempt_delay`; zero: none.
    pub preempt_delay: Duration,
    /// `down_timer_adverts`: adverts missed before the master counts as down, 3 by default.
    pub down_timer_adverts: u32,
    /// `lower_prio_no_advert`: do not answer a lower-priority advert with one of ours.
    pub lower_prio_no_advert: bool,
    /// `higher_prio_send_advert`: send one more advert before giving way.
    pub higher_prio_send_advert: bool,
    /// Announcements by gratuitous ARP and unsolicited neighbour advertisement.
    pub garp: Garp,
    /// `skip_check_adv_addr`: check the address list only of the first advert of each master.
    pub skip_check_adv_addr: bool,
    /// `dont_track_primary`: the instance's own interface going down is no fault.
    pub dont_track_primary: bool,
    /// `vrrp_strict`, `strict_mode`.
    pub strict: bool,
    /// `use_vmac` or `use_ipvlan`: part of an instance's identity over a reload.
    pub use_vmac: bool,
    /// `vrrp_notify_priority_changes`, `notify_priority_changes`.
    pub notify_priority_changes: bool,
    /// `notify_deleted`: report an instance that a reload removed as DELETED, not FAULT.
    pub notify_deleted: bool,
    /// `timer_expired_backup`: a master whose own timers ran so late that a backup of this priority has taken over
    /// gives way without an advert.
    pub expired_backup: Option<u8>,
    /// `old_unicast_checksum never`: a peer that counts as keepalived up to 1.3.6 did is not recognised.
    pub refuses_old_checksum: bool,
    /// A configuration error that keeps the instance in FAULT for good.
    pub faulty: bool,
    /// Everything tracked, the sync group's trackers included.
    pub trackers: Vec<Tracker>,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            name: String::new(),
            interface: String::new(),
            family: Family::V4,
            version: Version::V2,
            vrid: 1,
            priority: 100,
            wants_master: false,
            advert_interval: Duration::from_secs(1),
            auth: Auth::None,
            target: Target::Multicast(Target::GROUP_V4),
            ttl: 255,
            source: None,
            learned_source: None,
            addresses: Vec::new(),
            excluded: Vec::new(),
            has_routes: false,
            has_rules: false,
            checksum: Checksum::Pseudo,
            accept: true,
            nopreempt: false,
            preempt_delay: Duration::ZERO,
            down_timer_adverts: 3,
            lower_prio_no_advert: false,
            higher_prio_send_advert: false,
            garp: Garp::default(),
            skip_check_adv_addr: false,
            dont_track_primary: false,
            strict: false,
            use_vmac: false,
            notify_priority_changes: false,
            notify_deleted: false,
            expired_backup: None,
            refuses_old_checksum: false,
            faulty: false,
            trackers: Vec::new(),
        }
    }
}

/// Priority of the address owner (RFC 5798 §6.1).
pub const OWNER: u8 = 255;

impl Config {
    /// We own the addresses.
    #[must_use]
    pub fn is_owner(&self) -> bool {
        self.priority == OWNER
    }

    /// All addresses held as master: advertised ones first, then the excluded.
    pub fn vips(&self) -> impl Iterator<Item = &Vip> {
        self.addresses.iter().chain(&self.excluded)
    }

    /// Still the same instance after a reload: its state is then kept. The name may change.
    ///
    /// COMPAT: keepalived compares router id, family, interface and the kind of destination, nothing else.
    #[must_use]
    pub fn is_same_router(&self, other: &Config) -> bool {
        let same_target = match (&self.target, &other.target) {
            (Target::Multicast(a), Target::Multicast(b)) => a == b && self.use_vmac == other.use_vmac,
            (Target::Unicast { .. }, Target::Unicast { .. }) => self.source == other.source,
            _ => false,
        };
        same_target
            && self.vrid == other.vrid
            && self.family == other.family
            && self.interface == other.interface
    }

    /// Removes what contradicts itself, as keepalived does at start; the parser's side has said so already.
    pub fn settle(&mut self) {
        if self.strict {
            self.settle_strict();
        }
        if self.version == Version::V3 || self.family == Family::V6 && matches!(self.auth, Auth::Ah(_)) {
            self.auth = Auth::None; // RFC 5798 has no authentication; keepalived has no AH over IPv6
        }
        if self.is_owner() || self.wants_master {
            self.nopreempt = false;
        }
        if self.wants_master || self.nopreempt {
            self.preempt_delay = Duration::ZERO;
        }
        if matches!(self.auth, Auth::Ah(_)) && self.wants_master && !self.is_owner() {
            self.wants_master = false; // the sequence number must be heard before taking over
        }
        self.advert_interval = settled_interval(self.version, self.advert_interval);
        self.down_timer_adverts = self.down_timer_adverts.clamp(1, 100);
        let excess = self.addresses.split_off(self.addresses.len().min(255));
        self.excluded.splice(0..0, excess);
    }

    /// `vrrp_strict` (keepalived.conf(5)): no authentication, no IPv6 in version 2, no preempt_delay, three
    /// adverts, no answer to lower priorities, nothing extra to higher ones, no packets to the addresses.
    fn settle_strict(&mut self) {
        if self.family == Family::V6 {
            self.version = Version::V3;
        }
        self.auth = Auth::None;
        self.wants_master = self.is_owner();
        self.preempt_delay = Duration::ZERO;
        self.down_timer_adverts = 3;
        self.garp.lower_prio_repeat = 0;
        self.garp.lower_prio_delay = Duration::ZERO;
        self.lower_prio_no_advert = true;
        self.higher_prio_send_advert = false;
        if self.version == Version::V2 && !self.is_owner() {
            self.accept = false; // RFC 3768 knows no accept mode
        }
    }
}

/// The nearest interval the version can carry: 1–255 s (RFC 3768 §5.3.7) or 10–40950 ms in tens (RFC 5798
/// §5.2.7).
fn settled_interval(version: Version, wanted: Duration) -> Duration {
    let (unit, most) = match version {
        Version::V2 => (1_000_000, 255),
        Version::V3 => (10_000, 4095),
    };
    let units = (crate::moment::micros(wanted) + unit / 2) / unit;
    Duration::from_micros(units.clamp(1, most) * unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_rounded_to_what_the_version_carries() {
        for (version, wanted, settled) in [
            (Version::V2, 0, 1_000),
            (Version::V2, 1_400, 1_000),
            (Version::V2, 1_500, 2_000),
            (Version::V2, 300_000, 255_000),
            (Version::V3, 4, 10),
            (Version::V3, 55, 60),
            (Version::V3, 1_000, 1_000),
            (Version::V3, 50_000, 40_950),
        ] {
            let settled = Duration::from_millis(settled);
            assert_eq!(settled_interval(version, Duration::from_millis(wanted)), settled, "{wanted}");
        }
    }

    #[test]
    fn contradictions_go() {
        let mut owner = Config { priority: 255, nopreempt: true, wants_master: true, ..Config::default() };
        owner.preempt_delay = Duration::from_secs(3);
        owner.settle();
        assert!(!owner.nopreempt && owner.preempt_delay.is_zero());

        let mut strict = Config { strict: true, auth: Auth::Pass(Auth::secret("x")), ..Config::default() };
        strict.wants_master = true;
        strict.settle();
        assert_eq!(strict.auth, Auth::None);
        assert!(!strict.wants_master && !strict.accept && strict.lower_prio_no_advert);
        assert_eq!(strict.garp.lower_prio_repeat, 0);
    }

    #[test]
    fn a_renamed_instance_is_the_same_router_and_another_id_is_not() {
        let old = Config { name: "A".into(), interface: "eth0".into(), ..Config::default() };
        assert!(old.is_same_router(&Config { name: "B".into(), priority: 7, ..old.clone() }));
        assert!(!old.is_same_router(&Config { vrid: 2, ..old.clone() }));
        assert!(!old.is_same_router(&Config { use_vmac: true, ..old.clone() }));
        let unicast = Target::Unicast { peers: vec![], check_source: false };
        assert!(!old.is_same_router(&Config { target: unicast, ..old.clone() }));
    }
}
