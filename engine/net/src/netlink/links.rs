//! Interfaces: what is there, making a virtual router's own (macvlan), up and down.

use std::fmt;
use std::io;

use netlink_packet_route::link::{
    InfoData, InfoIpVlan, InfoKind, InfoMacVlan, IpVlanFlags, IpVlanMode, LinkAttribute, LinkFlags, LinkInfo,
    LinkLayerType, LinkMessage, MacVlanMode, State,
};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};

use super::Netlink;

/// First five bytes of an IPv4 virtual router's MAC address, RFC 9568 §7.3.
pub const VMAC_PREFIX_V4: [u8; 5] = [0x00, 0x00, 0x5e, 0x00, 0x01];

/// First five bytes of an IPv6 virtual router's MAC address, RFC 9568 §7.3.
pub const VMAC_PREFIX_V6: [u8; 5] = [0x00, 0x00, 0x5e, 0x00, 0x02];

/// A virtual router's MAC address, RFC 9568 §7.3.
#[must_use]
pub fn vmac_address(v6: bool, vrid: u8) -> Mac {
    let [a, b, c, d, e] = if v6 { VMAC_PREFIX_V6 } else { VMAC_PREFIX_V4 };
    Mac([a, b, c, d, e, vrid])
}

/// An Ethernet address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Mac(pub [u8; 6]);

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

/// An interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Its index.
    pub index: u32,
    /// Its name.
    pub name: String,
    /// Administratively up (`IFF_UP`).
    pub up: bool,
    /// Carrier and operational state (`IFF_RUNNING`): what a failover goes by.
    pub running: bool,
    /// Loopback.
    pub loopback: bool,
    /// Can multicast.
    pub multicast: bool,
    /// Has no address resolution (`IFF_NOARP`).
    pub no_arp: bool,
    /// Is an Ethernet-like link (`ARPHRD_ETHER`): gratuitous ARP makes sense.
    pub ethernet: bool,
    /// Its MAC address, when that has six bytes.
    pub mac: Option<Mac>,
    /// Largest packet, bytes.
    pub mtu: u32,
    /// Kind of a virtual link: `macvlan`, `vlan`, `bridge`, `vrf`, …
    pub kind: Option<String>,
    /// The link below it (macvlan, vlan; a veth's other end), in this name space or another.
    pub parent: Option<u32>,
    /// The bridge, bond or VRF it belongs to.
    pub master: Option<u32>,
    /// A macvlan of mode private, as virtual routers use.
    pub private_macvlan: bool,
}

impl Link {
    pub(super) fn from_message(m: &LinkMessage) -> Option<Link> {
        let flags = m.header.flags;
        let has = |flag| flags.contains(flag);
        let mut link = Link {
            index: m.header.index,
            name: String::new(),
            up: has(LinkFlags::Up),
            running: has(LinkFlags::Running),
            loopback: has(LinkFlags::Loopback),
            multicast: has(LinkFlags::Multicast),
            no_arp: has(LinkFlags::Noarp),
            ethernet: m.header.link_layer_type == LinkLayerType::Ether,
            mac: None,
            mtu: 0,
            kind: None,
            parent: None,
            master: None,
            private_macvlan: false,
        };
        for attribute in &m.attributes {
            link.read(attribute);
        }
        // Notifications of other families (bridge ports, IPv6 settings) are no news of the link itself.
        (m.header.interface_family == AddressFamily::Unspec && !link.name.is_empty()).then_some(link)
    }

    fn read(&mut self, attribute: &LinkAttribute) {
        match attribute {
            LinkAttribute::IfName(n) => self.name.clone_from(n),
            LinkAttribute::Address(a) => self.mac = a.as_slice().try_into().ok().map(Mac),
            LinkAttribute::Mtu(m) => self.mtu = *m,
            LinkAttribute::Link(l) => self.parent = Some(*l),
            LinkAttribute::Controller(l) => self.master = Some(*l),
            LinkAttribute::OperState(State::Down | State::LowerLayerDown | State::NotPresent) => {
                self.running = false;
            }
            LinkAttribute::LinkInfo(infos) => infos.iter().for_each(|i| self.read_info(i)),
            _ => {}
        }
    }

    fn read_info(&mut self, info: &LinkInfo) {
        match info {
            LinkInfo::Kind(kind) => self.kind = Some(kind.to_string()),
            LinkInfo::Data(InfoData::MacVlan(data)) => {
                self.private_macvlan = data.contains(&InfoMacVlan::Mode(MacVlanMode::Private));
            }
            _ => {}
        }
    }
}

/// A virtual router's own interface: a macvlan of mode private. It comes down, for the settings of
/// [`crate::sysctl`] must be in place before it gets addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MacvlanSpec {
    /// Its name, at most 15 bytes (`vrrp.51` unless written).
    pub name: String,
    /// Index of the interface below.
    pub parent: u32,
    /// Its MAC address, see [`vmac_address`].
    pub mac: Mac,
    /// Link group, 0 unless written.
    pub group: u32,
}

impl MacvlanSpec {
    pub(super) fn message(&self) -> LinkMessage {
        let mut m = LinkMessage::default();
        m.attributes = vec![
            LinkAttribute::IfName(self.name.clone()),
            LinkAttribute::Address(self.mac.0.to_vec()),
            LinkAttribute::Group(self.group),
            LinkAttribute::Link(self.parent),
            LinkAttribute::LinkInfo(vec![
                LinkInfo::Kind(InfoKind::MacVlan),
                LinkInfo::Data(InfoData::MacVlan(vec![InfoMacVlan::Mode(MacVlanMode::Private)])),
            ]),
        ];
        m
    }
}

/// Who hears whom among the ipvlans of one interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum IpvlanIsolation {
    /// `bridge`: all of them.
    #[default]
    Bridge,
    /// `private`: none.
    Private,
    /// `vepa`: by way of the switch.
    Vepa,
}

/// A virtual router's own interface that shares the MAC address of the one below (`use_ipvlan`): an ipvlan of
/// mode L2.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IpvlanSpec {
    /// Its name, at most 15 bytes.
    pub name: String,
    /// Index of the interface below.
    pub parent: u32,
    /// Who hears whom.
    pub isolation: IpvlanIsolation,
    /// Link group, 0 unless written.
    pub group: u32,
}

impl IpvlanSpec {
    pub(super) fn message(&self) -> LinkMessage {
        let flags = match self.isolation {
            IpvlanIsolation::Bridge => IpVlanFlags::empty(),
            IpvlanIsolation::Private => IpVlanFlags::Private,
            IpvlanIsolation::Vepa => IpVlanFlags::Vepa,
        };
        let mut m = LinkMessage::default();
        m.attributes = vec![
            LinkAttribute::IfName(self.name.clone()),
            LinkAttribute::Group(self.group),
            LinkAttribute::Link(self.parent),
            LinkAttribute::LinkInfo(vec![
                LinkInfo::Kind(InfoKind::IpVlan),
                LinkInfo::Data(InfoData::IpVlan(vec![
                    InfoIpVlan::Mode(IpVlanMode::L2),
                    InfoIpVlan::Flags(flags),
                ])),
            ]),
        ];
        m
    }
}

pub(super) fn named(index: u32) -> LinkMessage {
    let mut m = LinkMessage::default();
    m.header.index = index;
    m
}

pub(super) fn set_up(index: u32, up: bool) -> LinkMessage {
    let mut m = named(index);
    m.header.change_mask = LinkFlags::Up;
    if up {
        m.header.flags = LinkFlags::Up;
    }
    m
}

impl Netlink {
    /// Every interface.
    ///
    /// # Errors
    /// As the operating system tells them.
    pub fn links(&mut self) -> io::Result<Vec<Link>> {
        let all = self.dump(&RouteNetlinkMessage::GetLink(LinkMessage::default()))?;
        Ok(all.iter().filter_map(from_any).collect())
    }

    /// The interface of that name.
    ///
    /// # Errors
    /// As the operating system tells them.
    pub fn link(&mut self, name: &str) -> io::Result<Option<Link>> {
        Ok(self.links()?.into_iter().find(|l| l.name == name))
    }
}

fn from_any(m: &RouteNetlinkMessage) -> Option<Link> {
    match m {
        RouteNetlinkMessage::NewLink(l) => Link::from_message(l),
        _ => None,
    }
}
