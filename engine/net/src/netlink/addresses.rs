//! Addresses of interfaces: what is there, what is to be there, and for how long.

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use netlink_packet_route::address::{
    AddressAttribute, AddressFlags, AddressHeaderFlags, AddressMessage, AddressProtocol, CacheInfo,
};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};

use super::{Netlink, PROTOCOL_KEEPALIVED};

/// No end, in seconds.
const FOREVER: u32 = u32::MAX;

/// How long an address stays without a renewal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Lifetime {
    /// Until somebody removes it.
    #[default]
    Forever,
    /// Whole seconds, at least one; the kernel removes it up to a second later.
    Seconds(u32),
}

impl Lifetime {
    /// The whole seconds in a duration, at least one.
    #[must_use]
    pub fn from_duration(d: Duration) -> Lifetime {
        Lifetime::Seconds(u32::try_from(d.as_secs()).unwrap_or(FOREVER - 1).clamp(1, FOREVER - 1))
    }

    fn seconds(self) -> u32 {
        match self {
            Lifetime::Forever => FOREVER,
            Lifetime::Seconds(s) => s.clamp(1, FOREVER - 1),
        }
    }
}

/// Flags an address may be given, keepalived.conf(5) "virtual_ipaddress".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AddressFlag {
    /// `home`: Mobile IPv6 home address (IPv6).
    Home,
    /// `-nodad`: no duplicate address detection (IPv6).
    NoDad,
    /// `mngtmpaddr`: temporary addresses are made from it (IPv6).
    ManageTemporary,
    /// `noprefixroute`: no route to the prefix is made.
    NoPrefixRoute,
    /// `autojoin`: multicast group joined on the link.
    AutoJoin,
}

impl AddressFlag {
    fn bits(self) -> AddressFlags {
        match self {
            AddressFlag::Home => AddressFlags::Homeaddress,
            AddressFlag::NoDad => AddressFlags::Nodad,
            AddressFlag::ManageTemporary => AddressFlags::Managetempaddr,
            AddressFlag::NoPrefixRoute => AddressFlags::Noprefixroute,
            AddressFlag::AutoJoin => AddressFlags::Mcautojoin,
        }
    }
}

/// An address that is to be on an interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressSpec {
    /// Index of the interface.
    pub link: u32,
    /// The address.
    pub address: IpAddr,
    /// Length of its prefix (of the peer's, when there is one), bits.
    pub prefix: u8,
    /// The other end of a point-to-point address.
    pub peer: Option<IpAddr>,
    /// Broadcast address; none is set unless written.
    pub broadcast: Option<Ipv4Addr>,
    /// Scope as the kernel numbers it: 0 global, 200 site, 253 link, 254 host.
    pub scope: u8,
    /// Label, at most 15 bytes, begins with the interface's name; IPv4 only.
    pub label: Option<String>,
    /// Flags.
    pub flags: Vec<AddressFlag>,
    /// How long it stays.
    pub valid: Lifetime,
    /// How long it is preferred as a source: `None` as long as it is valid, `Some(0)` never (deprecated).
    pub preferred_s: Option<u32>,
}

impl AddressSpec {
    /// An address without options.
    ///
    /// COMPAT: an IPv6 address gets `nodad`, and one of a whole 128 bits is deprecated, so that it is not
    /// chosen as a source.
    #[must_use]
    pub fn new(link: u32, address: IpAddr, prefix: u8) -> AddressSpec {
        let v6 = address.is_ipv6();
        AddressSpec {
            link,
            address,
            prefix,
            peer: None,
            broadcast: None,
            scope: if is_link_local(address) { 253 } else { 0 },
            label: None,
            flags: if v6 { vec![AddressFlag::NoDad] } else { Vec::new() },
            valid: Lifetime::Forever,
            preferred_s: (v6 && prefix == 128).then_some(0),
        }
    }

    pub(super) fn message(&self) -> AddressMessage {
        let mut m = AddressMessage::default();
        m.header.family = if self.address.is_ipv6() { AddressFamily::Inet6 } else { AddressFamily::Inet };
        m.header.prefix_len = self.prefix;
        m.header.index = self.link;
        m.header.scope = self.scope.into();
        let flags = self.flags.iter().fold(AddressFlags::empty(), |all, f| all | f.bits());
        m.header.flags = AddressHeaderFlags::from_bits_retain(flags.bits().to_le_bytes()[0]);
        let a = &mut m.attributes;
        a.push(AddressAttribute::Local(self.address));
        a.push(AddressAttribute::Address(self.peer.unwrap_or(self.address)));
        a.extend(self.broadcast.map(AddressAttribute::Broadcast));
        a.extend(self.label.clone().map(AddressAttribute::Label));
        a.push(AddressAttribute::Flags(flags));
        a.push(AddressAttribute::Protocol(AddressProtocol::Other(PROTOCOL_KEEPALIVED)));
        let valid = self.valid.seconds();
        let preferred = self.preferred_s.unwrap_or(valid).min(valid);
        if valid != FOREVER || preferred != FOREVER {
            let mut info = CacheInfo::default();
            info.ifa_valid = valid;
            info.ifa_preferred = preferred;
            a.push(AddressAttribute::CacheInfo(info));
        }
        m
    }
}

fn is_link_local(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(a) if a.is_unicast_link_local())
}

/// An address an interface has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InterfaceAddress {
    /// Index of the interface.
    pub link: u32,
    /// The address.
    pub address: IpAddr,
    /// Length of the prefix, bits.
    pub prefix: u8,
    /// The other end of a point-to-point address.
    pub peer: Option<IpAddr>,
    /// Scope, as in [`AddressSpec::scope`].
    pub scope: u8,
    /// Label (IPv4).
    pub label: Option<String>,
    /// `IFA_PROTO`: [`PROTOCOL_KEEPALIVED`] when such a daemon made it and the kernel keeps that.
    pub protocol: Option<u8>,
    /// A further address of the same prefix (IPv4), not chosen as a source by itself.
    pub secondary: bool,
    /// Duplicate address detection has not ended (IPv6).
    pub tentative: bool,
    /// Duplicate address detection found another (IPv6).
    pub duplicate: bool,
    /// No longer to be chosen as a source.
    pub deprecated: bool,
    /// Seconds it still is valid; `None` is forever.
    pub valid_s: Option<u32>,
}

impl InterfaceAddress {
    pub(super) fn from_message(m: &AddressMessage) -> Option<InterfaceAddress> {
        let (mut local, mut address, mut label, mut protocol, mut valid_s) = (None, None, None, None, None);
        let mut flags = AddressFlags::from_bits_retain(u32::from(m.header.flags.bits()));
        for attribute in &m.attributes {
            match attribute {
                AddressAttribute::Local(a) => local = Some(*a),
                AddressAttribute::Address(a) => address = Some(*a),
                AddressAttribute::Label(l) => label = Some(l.clone()),
                AddressAttribute::Protocol(p) => protocol = Some(u8::from(*p)),
                AddressAttribute::Flags(f) => flags = *f,
                AddressAttribute::CacheInfo(c) => valid_s = Some(c.ifa_valid).filter(|s| *s != FOREVER),
                _ => {}
            }
        }
        let own = local.or(address)?;
        Some(InterfaceAddress {
            link: m.header.index,
            address: own,
            prefix: m.header.prefix_len,
            peer: address.filter(|a| *a != own),
            scope: m.header.scope.into(),
            label,
            protocol,
            secondary: flags.contains(AddressFlags::Secondary) && own.is_ipv4(),
            tentative: flags.contains(AddressFlags::Tentative),
            duplicate: flags.contains(AddressFlags::Dadfailed),
            deprecated: flags.contains(AddressFlags::Deprecated),
            valid_s,
        })
    }
}

impl Netlink {
    /// Every address of every interface, in the kernel's order: an interface's first is its primary.
    ///
    /// # Errors
    /// As the operating system tells them.
    pub fn addresses(&mut self) -> io::Result<Vec<InterfaceAddress>> {
        let all = self.dump(&RouteNetlinkMessage::GetAddress(AddressMessage::default()))?;
        Ok(all.iter().filter_map(from_any).collect())
    }
}

fn from_any(m: &RouteNetlinkMessage) -> Option<InterfaceAddress> {
    match m {
        RouteNetlinkMessage::NewAddress(a) => InterfaceAddress::from_message(a),
        _ => None,
    }
}
