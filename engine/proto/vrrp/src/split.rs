//! Two masters for one address, seen at once and with the setting that differs.
//!
//! Fed with every advert heard, whoever it is for, with the reason if one of our instances refused it, and
//! with ARP and neighbour-discovery sightings of our addresses. Sends nothing. A finding is reported when it
//! is first certain: a refused or foreign advert at once, a lower-priority master that does not hear us at
//! its second advert, so within two advert intervals of hearing it. keepalived logs the refusals and says
//! nothing at all when the router ids differ.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use crate::config::Config;
use crate::event::{InstanceId, State};
use crate::instance::Instance;
use crate::moment::Moment;
use crate::packet::{Datagram, Frame, Reject};
use crate::router::Router;

/// Findings kept at once; more are dropped (a flood of spoofed senders must not eat memory).
const MOST: usize = 1024;
/// A finding by adverts ends when its sender was silent for this many intervals.
const SILENT_INTERVALS: u32 = 3;

/// A machine that answers for an address speaks when it is asked, not at intervals.
const SILENT_ANSWERS: Duration = Duration::from_secs(60);

/// The setting that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// Another `virtual_router_id` advertises one of our addresses.
    RouterId {
        /// Theirs.
        theirs: u8,
        /// Ours.
        ours: u8,
        /// The address both advertise.
        address: IpAddr,
    },
    /// Another protocol version.
    Version {
        /// Theirs.
        theirs: u8,
        /// Ours.
        ours: u8,
    },
    /// Another `auth_type`: 0 none, 1 PASS, 2 AH.
    AuthType {
        /// Theirs; unknown if only the header is there or missing.
        theirs: Option<u8>,
        /// Ours.
        ours: u8,
    },
    /// Another `auth_pass`.
    Password,
    /// Another `advert_int` in version 2, in seconds.
    Interval {
        /// Theirs.
        theirs: u8,
        /// Ours.
        ours: u64,
    },
    /// Another `virtual_ipaddress` list.
    AddressList {
        /// Theirs that are not ours.
        only_theirs: Vec<IpAddr>,
        /// Ours that are not theirs.
        only_ours: Vec<IpAddr>,
    },
    /// Unicast and multicast (`unicast_peer`).
    Delivery {
        /// We use unicast.
        ours_unicast: bool,
    },
    /// It is not one of our `unicast_peer`s.
    UnknownPeer,
    /// Its checksum is counted differently (`v3_checksum_as_v2`, RFC 9568), or packets are damaged.
    Checksum,
    /// It sends with a TTL other than 255: not a neighbour, or not VRRP.
    Ttl {
        /// As received.
        theirs: u8,
    },
    /// It uses our own source address, or the network returns our packets.
    SourceAddress,
    /// It goes on as master with a lower priority: it does not hear us.
    Deaf {
        /// Its priority.
        priority: u8,
    },
    /// Another machine answers for the address by ARP or neighbour discovery.
    DuplicateAddress {
        /// The address.
        address: IpAddr,
        /// Its hardware address.
        mac: [u8; 6],
    },
}

impl Cause {
    /// A short name for metrics.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Cause::RouterId { .. } => "virtual_router_id",
            Cause::Version { .. } => "version",
            Cause::AuthType { .. } => "auth_type",
            Cause::Password => "auth_pass",
            Cause::Interval { .. } => "advert_int",
            Cause::AddressList { .. } => "virtual_ipaddress",
            Cause::Delivery { .. } => "unicast_multicast",
            Cause::UnknownPeer => "unicast_peer",
            Cause::Checksum => "checksum",
            Cause::Ttl { .. } => "ttl",
            Cause::SourceAddress => "source_address",
            Cause::Deaf { .. } => "one_way",
            Cause::DuplicateAddress { .. } => "duplicate_address",
        }
    }
}

/// One other master.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Whose addresses are concerned.
    pub instance: InstanceId,
    /// Sender of the adverts; for a duplicate address that address itself.
    pub other: IpAddr,
    /// What differs.
    pub cause: Cause,
    /// We hold the addresses too: the split is real. Otherwise we shall take them soon, since we do not
    /// accept the other one as master.
    pub holding: bool,
    /// First heard.
    pub since: Moment,
    /// Last heard.
    pub last: Moment,
    /// It has been told.
    reported: bool,
    silence: Duration,
}

impl Finding {
    /// One line for the log, for an instance of this name.
    #[must_use]
    pub fn text(&self, name: &str) -> String {
        let other = self.other;
        let why = match &self.cause {
            Cause::RouterId { theirs, ours, address } => {
                format!("{other} advertises {address} with virtual_router_id {theirs}, ours is {ours}")
            }
            Cause::Version { theirs, ours } => format!("{other} uses VRRP version {theirs}, we use {ours}"),
            Cause::AuthType { theirs, ours } => match theirs {
                Some(theirs) => format!("{other} has auth_type {}, ours is {}", auth(*theirs), auth(*ours)),
                None => format!("{other} has another auth_type than ours, {}", auth(*ours)),
            },
            Cause::Password => format!("{other} has another auth_pass"),
            Cause::Interval { theirs, ours } => format!("{other} has advert_int {theirs}, ours is {ours}"),
            Cause::AddressList { only_theirs, only_ours } => format!(
                "{other} has another virtual_ipaddress list (only there: {}; only here: {})",
                list(only_theirs),
                list(only_ours)
            ),
            Cause::Delivery { ours_unicast: true } => format!("{other} uses multicast, we use unicast_peer"),
            Cause::Delivery { ours_unicast: false } => format!("{other} uses unicast_peer, we use multicast"),
            Cause::UnknownPeer => format!("{other} is not among our unicast_peers"),
            Cause::Checksum => format!("{other} counts its checksum differently (v3_checksum_as_v2?)"),
            Cause::Ttl { theirs } => format!("{other} sends with TTL {theirs}, 255 is required"),
            Cause::SourceAddress => format!("another node uses our address {other}"),
            Cause::Deaf { priority } => {
                format!("{other} goes on with the lower priority {priority}: it does not hear our adverts")
            }
            Cause::DuplicateAddress { address, mac: [a, b, c, d, e, f] } => {
                format!("{address} is in use by {a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}")
            }
        };
        let what = if self.holding { "SPLIT BRAIN" } else { "split brain ahead" };
        format!("({name}) {what}: {why}")
    }
}

fn auth(number: u8) -> &'static str {
    match number {
        0 => "none",
        1 => "PASS",
        2 => "AH",
        _ => "unknown",
    }
}

fn list(addresses: &[IpAddr]) -> String {
    if addresses.is_empty() {
        return "none".to_owned();
    }
    addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

/// Which finding: one per instance, sender and kind of cause.
type Key = (InstanceId, IpAddr, &'static str);

/// What is known about other masters.
#[derive(Debug, Default)]
pub struct SplitDetector {
    findings: BTreeMap<Key, Finding>,
    own_macs: Vec<[u8; 6]>,
}

impl SplitDetector {
    /// Hardware addresses of this node, in any number; virtual ones of our instances included.
    pub fn set_own_macs(&mut self, macs: Vec<[u8; 6]>) {
        self.own_macs = macs;
    }

    /// An advert was heard on an interface: after the router has seen it, with the instance it was delivered
    /// to and the reason if that refused it. New findings go to `told`.
    pub fn hear(
        &mut self,
        router: &Router,
        interface: &str,
        datagram: Datagram<'_>,
        delivered: Option<(InstanceId, Option<Reject>)>,
        now: Moment,
        told: &mut Vec<Finding>,
    ) {
        let Ok(frame) = Frame::parse(datagram) else { return };
        let is_ours = |i: &Instance| i.source() == Some(frame.source);
        let from_us = router.instances().iter().any(is_ours);
        if let Some((id, refused)) = delivered {
            self.hear_own_id(router, id, refused, &frame, now, told);
        }
        if frame.priority == 0 || from_us {
            return;
        }
        for (place, instance) in router.instances().iter().enumerate() {
            let id = InstanceId(place);
            let config = instance.config();
            if config.vrid == frame.vrid || !on(config, interface) || delivered.is_some_and(|d| d.0 == id) {
                continue;
            }
            let shared = frame.addresses().find(|a| config.vips().any(|vip| vip.address == *a));
            if let Some(address) = shared {
                let cause = Cause::RouterId { theirs: frame.vrid, ours: config.vrid, address };
                self.note(instance, id, frame.source, cause, now, true, told);
            }
        }
    }

    /// An advert with the router id of one of our instances.
    fn hear_own_id(
        &mut self,
        router: &Router,
        id: InstanceId,
        refused: Option<Reject>,
        frame: &Frame<'_>,
        now: Moment,
        told: &mut Vec<Finding>,
    ) {
        let Some(instance) = router.instance(id) else { return };
        match refused {
            Some(reject) if frame.priority != 0 => {
                if let Some(cause) = cause_of(&reject, frame, instance.config()) {
                    self.note(instance, id, frame.source, cause, now, true, told);
                }
            }
            Some(_) => {}
            None => {
                let lower_master =
                    instance.state() == State::Master && !instance.is_handing_over() && frame.priority != 0;
                if lower_master {
                    let cause = Cause::Deaf { priority: frame.priority };
                    self.note(instance, id, frame.source, cause, now, false, told);
                } else {
                    self.findings.remove(&(id, frame.source, Cause::Deaf { priority: 0 }.name()));
                }
            }
        }
    }

    /// An ARP packet or neighbour advertisement claims an address for a hardware address.
    ///
    /// In the first interval as master the old master's last packets are still about, so they do not count.
    pub fn see(
        &mut self,
        router: &Router,
        interface: &str,
        address: IpAddr,
        mac: [u8; 6],
        now: Moment,
        told: &mut Vec<Finding>,
    ) {
        if self.own_macs.contains(&mac) {
            return;
        }
        for (place, instance) in router.instances().iter().enumerate() {
            let config = instance.config();
            let held = instance.state() == State::Master && !instance.is_handing_over();
            let settled = instance
                .since()
                .is_some_and(|since| now.since(Moment::from(since)) >= config.advert_interval);
            let ours = config
                .vips()
                .any(|vip| vip.address == address && (vip.device == interface || on(config, interface)));
            if held && settled && ours && mac != virtual_mac(config) {
                let cause = Cause::DuplicateAddress { address, mac };
                self.note(instance, InstanceId(place), address, cause, now, true, told);
            }
        }
    }

    /// Ends findings whose sender fell silent; they go to `ended`. Call about once per advert interval.
    pub fn poll(&mut self, now: Moment, ended: &mut Vec<Finding>) {
        self.findings.retain(|_, finding| {
            let alive = now.since(finding.last) < finding.silence;
            if !alive && finding.reported {
                ended.push(finding.clone());
            }
            alive
        });
    }

    /// All findings told and not ended, for `status` and metrics.
    pub fn active(&self) -> impl Iterator<Item = &Finding> {
        self.findings.values().filter(|f| f.reported)
    }

    /// Instances have new ids or other settings: everything is found anew.
    pub fn forget(&mut self) {
        self.findings.clear();
    }

    #[expect(clippy::too_many_arguments, reason = "one private place where all that is known comes together")]
    fn note(
        &mut self,
        instance: &Instance,
        id: InstanceId,
        other: IpAddr,
        cause: Cause,
        now: Moment,
        certain: bool,
        told: &mut Vec<Finding>,
    ) {
        let key = (id, other, cause.name());
        if !self.findings.contains_key(&key) && self.findings.len() >= MOST {
            return;
        }
        let holding = instance.state() == State::Master;
        let interval = instance.config().advert_interval;
        let finding = self.findings.entry(key).or_insert_with(|| Finding {
            instance: id,
            other,
            cause: cause.clone(),
            holding,
            since: now,
            last: now,
            reported: false,
            silence: match cause {
                Cause::DuplicateAddress { .. } => SILENT_ANSWERS,
                _ => (interval * SILENT_INTERVALS).max(Duration::from_secs(1)),
            },
        });
        finding.last = now;
        finding.cause = cause;
        // a split that was only ahead and is real now is told again
        let worse = holding && !finding.holding;
        finding.holding = holding;
        let sure = certain || now.since(finding.since) >= interval / 2;
        if sure && (!finding.reported || worse) {
            finding.reported = true;
            told.push(finding.clone());
        }
    }
}

/// Instances without an interface hear on all.
fn on(config: &Config, interface: &str) -> bool {
    config.interface == interface || config.interface.is_empty()
}

/// RFC 5798 §7.3: 00:00:5e:00:01:VRID for IPv4, 00:00:5e:00:02:VRID for IPv6. All nodes share it.
fn virtual_mac(config: &Config) -> [u8; 6] {
    let family = if config.family == crate::Family::V4 { 1 } else { 2 };
    [0, 0, 0x5e, 0, family, config.vrid]
}

fn cause_of(reject: &Reject, frame: &Frame<'_>, config: &Config) -> Option<Cause> {
    let ours = config.auth.number();
    Some(match reject {
        Reject::Version { got, expected } => Cause::Version { theirs: *got, ours: *expected },
        Reject::InvalidAuthType { got } | Reject::AuthType { got, .. } => {
            Cause::AuthType { theirs: Some(*got), ours }
        }
        Reject::UnexpectedAh => Cause::AuthType { theirs: Some(2), ours },
        Reject::MissingAh => Cause::AuthType { theirs: (frame.version == 2).then_some(frame.fifth), ours },
        Reject::Password | Reject::AhDigest => Cause::Password,
        Reject::Interval { ours, got } => Cause::Interval { theirs: *got, ours: *ours },
        Reject::AddressCount { .. } | Reject::AddressList { .. } => {
            let ours = || config.addresses.iter().map(|vip| vip.address);
            Cause::AddressList {
                only_theirs: frame.addresses().filter(|a| ours().all(|o| o != *a)).collect(),
                only_ours: ours().filter(|a| frame.addresses().all(|t| t != *a)).collect(),
            }
        }
        Reject::Kind { expected_unicast } => Cause::Delivery { ours_unicast: *expected_unicast },
        Reject::UnknownPeer { .. } => Cause::UnknownPeer,
        Reject::Checksum { .. } => Cause::Checksum,
        Reject::Ttl { got } | Reject::PeerTtl { got, .. } => Cause::Ttl { theirs: *got },
        Reject::OwnAddress => Cause::SourceAddress,
        // replays and damage are no other configuration
        Reject::Length { .. }
        | Reject::TotalLength { .. }
        | Reject::Type { .. }
        | Reject::AhProtocol
        | Reject::AhSpi { .. }
        | Reject::AhSequence { .. } => return None,
    })
}

#[cfg(test)]
mod tests {
    use rha_base::Now;

    use super::*;
    use crate::config::{Auth, Peer, Target, Version, Vip};
    use crate::event::{Action, Input};
    use crate::router::Plan;

    const VIP: &str = "10.77.0.200";

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    fn config() -> Config {
        Config {
            name: "VI".into(),
            interface: "eth0".into(),
            vrid: 51,
            source: Some(ip("10.77.0.1")),
            priority: 110,
            addresses: vec![Vip::new(ip(VIP), "eth0")],
            ..Config::default()
        }
    }

    fn at(ms: u64) -> Now {
        Now { mono_us: ms * 1000, wall_us: 0 }
    }

    /// A node that is master since `3571 ms`.
    fn master(config: Config) -> Router {
        let mut router = Router::new(Plan { instances: vec![config], ..Plan::default() });
        let mut out = Vec::new();
        router.start(at(0), &mut out);
        router.expire(at(3571), &mut out);
        assert_eq!(router.instances()[0].state(), State::Master);
        router
    }

    /// The advert that a node with this configuration sends.
    fn advert(config: Config) -> Vec<u8> {
        let mut out = Vec::new();
        let mut router = Router::new(Plan { instances: vec![config], ..Plan::default() });
        router.start(at(0), &mut out);
        router.expire(at(1_000_000), &mut out);
        let sent = out.into_iter().find_map(|o| match o.action {
            Action::Send { bytes, .. } => Some(bytes),
            _ => None,
        });
        sent.expect("an advert")
    }

    fn listen(router: &mut Router, detector: &mut SplitDetector, bytes: &[u8], ms: u64) -> Vec<Finding> {
        let mut told = Vec::new();
        let datagram = Datagram::v4(bytes);
        let delivered = router
            .recipient("eth0", datagram)
            .map(|id| (id, router.receive(id, datagram, at(ms), &mut Vec::new())));
        detector.hear(router, "eth0", datagram, delivered, Moment::from(at(ms)), &mut told);
        told
    }

    #[test]
    fn every_cause_is_named_at_the_first_advert() {
        type Change = fn(&mut Config);
        let rows: &[(Change, &str)] = &[
            (|c| c.vrid = 52, "10.77.0.2 advertises 10.77.0.200 with virtual_router_id 52, ours is 51"),
            (|c| c.version = Version::V3, "10.77.0.2 uses VRRP version 3, we use 2"),
            (|c| c.auth = Auth::Pass(Auth::secret("x")), "10.77.0.2 has auth_type PASS, ours is none"),
            (|c| c.auth = Auth::Ah(Auth::secret("x")), "10.77.0.2 has auth_type AH, ours is none"),
            (|c| c.advert_interval = Duration::from_secs(2), "10.77.0.2 has advert_int 2, ours is 1"),
            (
                |c| c.addresses.push(Vip::new(ip("10.77.0.201"), "eth0")),
                "10.77.0.2 has another virtual_ipaddress list (only there: 10.77.0.201; only here: none)",
            ),
            (
                |c| {
                    let peers = vec![Peer::new(ip("10.77.0.1"))];
                    c.target = Target::Unicast { peers, check_source: false };
                },
                "10.77.0.2 uses unicast_peer, we use multicast",
            ),
            (|c| c.source = Some(ip("10.77.0.1")), "another node uses our address 10.77.0.1"),
        ];
        for (change, why) in rows {
            let mut theirs = Config { source: Some(ip("10.77.0.2")), ..config() };
            change(&mut theirs);
            let bytes = advert(theirs);
            let (mut router, mut detector) = (master(config()), SplitDetector::default());
            let told = listen(&mut router, &mut detector, &bytes, 5000);
            let texts: Vec<String> = told.iter().map(|f| f.text("VI")).collect();
            assert_eq!(texts, [format!("(VI) SPLIT BRAIN: {why}")]);
            assert!(listen(&mut router, &mut detector, &bytes, 6000).is_empty(), "told once");
            assert_eq!(detector.active().count(), 1);
            let mut ended = Vec::new();
            detector.poll(Moment::from(at(8999)), &mut ended);
            assert!(ended.is_empty());
            detector.poll(Moment::from(at(9000)), &mut ended);
            assert_eq!(ended.len(), 1, "silent for three intervals");
            assert_eq!(detector.active().count(), 0);
        }
    }

    #[test]
    fn another_password_is_named() {
        let with = |word: &str| Config { auth: Auth::Pass(Auth::secret(word)), ..config() };
        let bytes = advert(Config { source: Some(ip("10.77.0.2")), ..with("other") });
        let (mut router, mut detector) = (master(with("ours")), SplitDetector::default());
        let told = listen(&mut router, &mut detector, &bytes, 5000);
        assert_eq!(told[0].text("VI"), "(VI) SPLIT BRAIN: 10.77.0.2 has another auth_pass");
    }

    #[test]
    fn a_backup_that_refuses_the_master_says_what_is_ahead_and_then_what_is() {
        let bytes = advert(Config { source: Some(ip("10.77.0.2")), version: Version::V3, ..config() });
        let mut router = Router::new(Plan { instances: vec![config()], ..Plan::default() });
        router.start(at(0), &mut Vec::new());
        let mut detector = SplitDetector::default();
        let ahead = listen(&mut router, &mut detector, &bytes, 1000);
        assert!(ahead[0].text("VI").starts_with("(VI) split brain ahead: "), "{ahead:?}");
        assert!(listen(&mut router, &mut detector, &bytes, 2000).is_empty());
        router.expire(at(3571), &mut Vec::new());
        let now = listen(&mut router, &mut detector, &bytes, 4000);
        assert!(now[0].text("VI").starts_with("(VI) SPLIT BRAIN: "), "{now:?}");
    }

    #[test]
    fn a_lower_master_that_goes_on_does_not_hear_us() {
        let bytes = advert(Config { source: Some(ip("10.77.0.2")), priority: 100, ..config() });
        let (mut router, mut detector) = (master(config()), SplitDetector::default());
        assert!(listen(&mut router, &mut detector, &bytes, 5000).is_empty(), "a normal election");
        let told = listen(&mut router, &mut detector, &bytes, 6000);
        let text =
            "(VI) SPLIT BRAIN: 10.77.0.2 goes on with the lower priority 100: it does not hear our adverts";
        assert_eq!(told[0].text("VI"), text);
    }

    #[test]
    fn normal_failovers_and_leaving_masters_are_no_split() {
        let higher = advert(Config { source: Some(ip("10.77.0.2")), priority: 200, ..config() });
        let (mut router, mut detector) = (master(config()), SplitDetector::default());
        assert!(listen(&mut router, &mut detector, &higher, 5000).is_empty());
        assert_eq!(router.instances()[0].state(), State::Backup);
        assert!(listen(&mut router, &mut detector, &higher, 6000).is_empty());
        assert_eq!(detector.active().count(), 0);
    }

    #[test]
    fn arp_of_another_machine_counts_once_we_are_settled() {
        let (router, mut detector) = (master(config()), SplitDetector::default());
        let (ours, theirs) = ([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]);
        detector.set_own_macs(vec![ours]);
        let mut see = |address, mac, ms| {
            let mut told = Vec::new();
            detector.see(&router, "eth0", ip(address), mac, Moment::from(at(ms)), &mut told);
            told.iter().map(|f| f.text("VI")).collect::<Vec<_>>()
        };
        assert!(see(VIP, ours, 9000).is_empty());
        assert!(see("10.77.0.9", theirs, 9000).is_empty());
        assert!(see(VIP, [0, 0, 0x5e, 0, 1, 51], 9000).is_empty(), "the shared virtual address");
        assert!(see(VIP, theirs, 4000).is_empty(), "the old master's last words");
        let text = "(VI) SPLIT BRAIN: 10.77.0.200 is in use by 02:00:00:00:00:02";
        assert_eq!(see(VIP, theirs, 9000), [text]);
        assert!(see(VIP, theirs, 9100).is_empty());
        let mut ended = Vec::new();
        detector.poll(Moment::from(at(69_000)), &mut ended);
        assert!(ended.is_empty(), "it speaks when asked, not every second");
        detector.poll(Moment::from(at(69_200)), &mut ended);
        assert_eq!(ended.len(), 1);
    }

    #[test]
    fn our_other_instances_are_not_the_others() {
        let second = Config { name: "VI_2".into(), vrid: 52, ..config() };
        let mut router = Router::new(Plan { instances: vec![config(), second.clone()], ..Plan::default() });
        router.start(at(0), &mut Vec::new());
        router.expire(at(3571), &mut Vec::new());
        let mut detector = SplitDetector::default();
        let bytes = advert(second);
        let told = listen(&mut router, &mut detector, &bytes, 5000);
        // the packet claims our own source address: that is told, the shared address is not
        assert!(told.iter().all(|f| f.cause == Cause::SourceAddress), "{told:?}");
        // our own address on a request of the handover is nobody else's
        router.handle(InstanceId(0), Input::Announce, at(5000), &mut Vec::new());
    }
}
