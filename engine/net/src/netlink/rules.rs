//! Routing rules: `virtual_rules` and `static_rules`, keepalived.conf(5), ip-rule(8).

use std::io;

use netlink_packet_route::route::{RouteProtocol, RouteRealm};
use netlink_packet_route::rule::{
    RuleAction, RuleAttribute, RuleFlags, RuleHeader, RuleMessage, RulePortRange, RuleUidRange,
};
use netlink_packet_route::{AddressFamily, IpProtocol, RouteNetlinkMessage};

use super::{Netlink, PROTOCOL_KEEPALIVED, Prefix};

/// What a rule does with packets that match.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RuleKind {
    /// Looks a route up in this table.
    Table(u32),
    /// Looks a route up in the table of the interface's VRF.
    L3Mdev,
    /// Goes on at the rule of this priority.
    Goto(u32),
    /// Nothing.
    Nop,
    /// Drops them silently.
    Blackhole,
    /// Refuses them: unreachable.
    Unreachable,
    /// Refuses them: prohibited.
    Prohibit,
}

/// A rule that is to be there, or that is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleSpec {
    /// Whether it is an IPv6 rule.
    pub v6: bool,
    /// What it does.
    pub kind: RuleKind,
    /// `not`: matches what the selectors do not.
    pub invert: bool,
    /// Source prefix.
    pub from: Option<Prefix>,
    /// Destination prefix.
    pub to: Option<Prefix>,
    /// Priority; `None` lets the kernel choose.
    pub priority: Option<u32>,
    /// TOS.
    pub tos: u8,
    /// Firewall mark and mask.
    pub fwmark: Option<(u32, Option<u32>)>,
    /// Name of the incoming interface.
    pub iif: Option<String>,
    /// Name of the outgoing interface.
    pub oif: Option<String>,
    /// Realms: source and destination (IPv4).
    pub realms: Option<(u16, u16)>,
    /// Routes of at most this prefix length are not used.
    pub suppress_prefix_length: Option<u32>,
    /// Routes over interfaces of this group are not used.
    pub suppress_group: Option<u32>,
    /// Tunnel id.
    pub tunnel_id: Option<u64>,
    /// User ids of the sender, first and last.
    pub uids: Option<(u32, u32)>,
    /// IP protocol.
    pub ip_protocol: Option<u8>,
    /// Source ports, first and last.
    pub source_ports: Option<(u16, u16)>,
    /// Destination ports, first and last.
    pub destination_ports: Option<(u16, u16)>,
    /// Whose it is listed as; [`PROTOCOL_KEEPALIVED`] unless written.
    pub protocol: u8,
}

impl RuleSpec {
    /// A rule without selectors.
    #[must_use]
    pub fn new(v6: bool, kind: RuleKind) -> RuleSpec {
        RuleSpec {
            v6,
            kind,
            invert: false,
            from: None,
            to: None,
            priority: None,
            tos: 0,
            fwmark: None,
            iif: None,
            oif: None,
            realms: None,
            suppress_prefix_length: None,
            suppress_group: None,
            tunnel_id: None,
            uids: None,
            ip_protocol: None,
            source_ports: None,
            destination_ports: None,
            protocol: PROTOCOL_KEEPALIVED,
        }
    }

    pub(super) fn message(&self) -> RuleMessage {
        let mut m = RuleMessage::default();
        m.header = self.header();
        let a = &mut m.attributes;
        a.extend(self.kind_attribute());
        a.extend(self.from.map(|p| RuleAttribute::Source(p.address)));
        a.extend(self.to.map(|p| RuleAttribute::Destination(p.address)));
        a.extend(self.priority.map(RuleAttribute::Priority));
        a.extend(self.fwmark.map(|(mark, _)| RuleAttribute::FwMark(mark)));
        a.extend(self.fwmark.and_then(|(_, mask)| mask).map(RuleAttribute::FwMask));
        a.extend(self.iif.clone().map(RuleAttribute::Iifname));
        a.extend(self.oif.clone().map(RuleAttribute::Oifname));
        a.extend(
            self.realms.map(|(source, destination)| RuleAttribute::Realm(RouteRealm { source, destination })),
        );
        a.extend(self.suppress_prefix_length.map(RuleAttribute::SuppressPrefixLen));
        a.extend(self.suppress_group.map(RuleAttribute::SuppressIfGroup));
        a.extend(self.tunnel_id.map(RuleAttribute::TunId));
        a.extend(self.uids.map(|(start, end)| RuleAttribute::UidRange(RuleUidRange { start, end })));
        a.extend(self.ip_protocol.map(|p| RuleAttribute::IpProtocol(IpProtocol::from(p))));
        a.extend(self.source_ports.map(|r| RuleAttribute::SourcePortRange(ports(r))));
        a.extend(self.destination_ports.map(|r| RuleAttribute::DestinationPortRange(ports(r))));
        a.push(RuleAttribute::Protocol(RouteProtocol::from(self.protocol)));
        m
    }

    fn header(&self) -> RuleHeader {
        RuleHeader {
            family: if self.v6 { AddressFamily::Inet6 } else { AddressFamily::Inet },
            dst_len: self.to.map_or(0, |p| p.length),
            src_len: self.from.map_or(0, |p| p.length),
            tos: self.tos,
            table: match self.kind {
                RuleKind::Table(t) => u8::try_from(t).unwrap_or(0),
                _ => 0,
            },
            action: match self.kind {
                RuleKind::Table(_) | RuleKind::L3Mdev => RuleAction::ToTable,
                RuleKind::Goto(_) => RuleAction::Goto,
                RuleKind::Nop => RuleAction::Nop,
                RuleKind::Blackhole => RuleAction::Blackhole,
                RuleKind::Unreachable => RuleAction::Unreachable,
                RuleKind::Prohibit => RuleAction::Prohibit,
            },
            flags: if self.invert { RuleFlags::Invert } else { RuleFlags::empty() },
        }
    }

    fn kind_attribute(&self) -> Option<RuleAttribute> {
        match self.kind {
            RuleKind::Table(t) => Some(RuleAttribute::Table(t)),
            RuleKind::L3Mdev => Some(RuleAttribute::L3MDev(true)),
            RuleKind::Goto(p) => Some(RuleAttribute::Goto(p)),
            _ => None,
        }
    }

    pub(super) fn from_message(m: &RuleMessage) -> Option<RuleSpec> {
        let h = &m.header;
        let v6 = match h.family {
            AddressFamily::Inet => false,
            AddressFamily::Inet6 => true,
            _ => return None,
        };
        let kind = match h.action {
            RuleAction::ToTable => RuleKind::Table(u32::from(h.table)),
            RuleAction::Goto => RuleKind::Goto(0),
            RuleAction::Nop => RuleKind::Nop,
            RuleAction::Blackhole => RuleKind::Blackhole,
            RuleAction::Unreachable => RuleKind::Unreachable,
            RuleAction::Prohibit => RuleKind::Prohibit,
            _ => return None,
        };
        let mut rule = RuleSpec::new(v6, kind);
        rule.invert = h.flags.contains(RuleFlags::Invert);
        rule.tos = h.tos;
        rule.protocol = 0;
        m.attributes.iter().for_each(|a| rule.read(a, h));
        Some(rule)
    }

    fn read(&mut self, attribute: &RuleAttribute, h: &RuleHeader) {
        match attribute {
            RuleAttribute::Source(address) => {
                self.from = Some(Prefix { address: *address, length: h.src_len })
            }
            RuleAttribute::Destination(address) => {
                self.to = Some(Prefix { address: *address, length: h.dst_len })
            }
            RuleAttribute::Table(t) if matches!(self.kind, RuleKind::Table(_)) => {
                self.kind = RuleKind::Table(*t)
            }
            RuleAttribute::L3MDev(true) => self.kind = RuleKind::L3Mdev,
            RuleAttribute::Goto(p) => self.kind = RuleKind::Goto(*p),
            RuleAttribute::Priority(p) => self.priority = Some(*p),
            RuleAttribute::FwMark(m) => self.fwmark = Some((*m, self.fwmark.and_then(|(_, mask)| mask))),
            RuleAttribute::FwMask(k) => self.fwmark = Some((self.fwmark.map_or(0, |(m, _)| m), Some(*k))),
            RuleAttribute::Iifname(n) => self.iif = Some(n.clone()),
            RuleAttribute::Oifname(n) => self.oif = Some(n.clone()),
            RuleAttribute::Realm(r) => self.realms = Some((r.source, r.destination)),
            RuleAttribute::SuppressPrefixLen(l) => {
                self.suppress_prefix_length = Some(*l).filter(|l| *l != u32::MAX);
            }
            RuleAttribute::SuppressIfGroup(g) => self.suppress_group = Some(*g).filter(|g| *g != u32::MAX),
            RuleAttribute::TunId(t) => self.tunnel_id = Some(*t),
            RuleAttribute::UidRange(r) => self.uids = Some((r.start, r.end)),
            RuleAttribute::IpProtocol(p) => self.ip_protocol = Some(u8::from(*p)),
            RuleAttribute::SourcePortRange(r) => self.source_ports = Some((r.start, r.end)),
            RuleAttribute::DestinationPortRange(r) => self.destination_ports = Some((r.start, r.end)),
            RuleAttribute::Protocol(p) => self.protocol = u8::from(*p),
            _ => {}
        }
    }
}

fn ports((start, end): (u16, u16)) -> RulePortRange {
    RulePortRange { start, end }
}

impl Netlink {
    /// Every rule, both families.
    ///
    /// # Errors
    /// As the operating system tells them.
    pub fn rules(&mut self) -> io::Result<Vec<RuleSpec>> {
        let mut all = Vec::new();
        for family in [AddressFamily::Inet, AddressFamily::Inet6] {
            let mut question = RuleMessage::default();
            question.header.family = family;
            let answers = self.dump(&RouteNetlinkMessage::GetRule(question))?;
            all.extend(answers.iter().filter_map(from_any));
        }
        Ok(all)
    }
}

fn from_any(m: &RouteNetlinkMessage) -> Option<RuleSpec> {
    match m {
        RouteNetlinkMessage::NewRule(r) => RuleSpec::from_message(r),
        _ => None,
    }
}
