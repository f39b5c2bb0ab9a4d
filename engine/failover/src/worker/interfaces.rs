//! What the kernel has: links and addresses, kept by its notifications. Pure.
//!
//! The order of an interface's addresses is the kernel's, because the first one is the primary: the one
//! adverts are sent from.

use std::collections::BTreeMap;
use std::net::IpAddr;

use rha_net::netlink::{AddressSpec, InterfaceAddress, Link, NetlinkEvent};

/// Links by index, and every address.
#[derive(Debug, Default)]
pub struct Interfaces {
    links: BTreeMap<u32, Link>,
    addresses: Vec<InterfaceAddress>,
}

/// What a notification changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Changed {
    /// A link came, went, or its state did: its name.
    Link {
        /// Its name.
        name: String,
        /// Its index.
        index: u32,
        /// Up and running before.
        was: Option<bool>,
        /// Up and running now.
        is: Option<bool>,
    },
    /// An address was added.
    Added(InterfaceAddress),
    /// An address is gone.
    Gone {
        /// Which.
        address: InterfaceAddress,
        /// Whether this process removed it.
        by_us: bool,
    },
    /// A route or rule is gone, and it was not us.
    RouteOrRuleGone,
    /// Nothing that matters here.
    Nothing,
    /// Everything has to be listed again.
    Everything,
}

impl Interfaces {
    /// Replaces everything by what was listed.
    pub fn replace(&mut self, links: Vec<Link>, addresses: Vec<InterfaceAddress>) {
        self.links = links.into_iter().map(|l| (l.index, l)).collect();
        self.addresses = addresses;
    }

    /// Takes a notification in.
    pub fn take(&mut self, event: NetlinkEvent) -> Changed {
        match event {
            NetlinkEvent::Link(l) => {
                let (name, index, is) = (l.name.clone(), l.index, Some(is_usable(&l)));
                let was = self.links.insert(index, l).map(|l| is_usable(&l));
                Changed::Link { name, index, was, is }
            }
            NetlinkEvent::LinkGone { index, name } => {
                let was = self.links.remove(&index).map(|l| is_usable(&l));
                self.addresses.retain(|a| a.link != index);
                Changed::Link { name, index, was, is: None }
            }
            NetlinkEvent::Address(a) => {
                match self.addresses.iter_mut().find(|b| is_same(&a, b)) {
                    Some(known) => {
                        *known = a;
                        return Changed::Nothing;
                    }
                    None => self.addresses.push(a.clone()),
                }
                Changed::Added(a)
            }
            NetlinkEvent::AddressGone { address, by_us } => {
                self.addresses.retain(|b| !is_same(&address, b));
                Changed::Gone { address, by_us }
            }
            NetlinkEvent::RouteGone { by_us: false, .. } | NetlinkEvent::RuleGone { by_us: false, .. } => {
                Changed::RouteOrRuleGone
            }
            NetlinkEvent::Lost => Changed::Everything,
            _ => Changed::Nothing,
        }
    }

    /// A link by name.
    #[must_use]
    pub fn link(&self, name: &str) -> Option<&Link> {
        self.links.values().find(|l| l.name == name)
    }

    /// A link by index.
    #[must_use]
    pub fn at(&self, index: u32) -> Option<&Link> {
        self.links.get(&index)
    }

    /// All links, by index.
    pub fn links(&self) -> impl Iterator<Item = &Link> {
        self.links.values()
    }

    /// Index of a link.
    #[must_use]
    pub fn index(&self, name: &str) -> Option<u32> {
        self.link(name).map(|l| l.index)
    }

    /// Whether a link is there, up and running.
    #[must_use]
    pub fn is_up(&self, name: &str) -> bool {
        self.link(name).is_some_and(is_usable)
    }

    /// Addresses of a link, in the kernel's order.
    pub fn addresses(&self, index: u32) -> impl Iterator<Item = &InterfaceAddress> {
        self.addresses.iter().filter(move |a| a.link == index)
    }

    /// Whether an address is on a link.
    #[must_use]
    pub fn has(&self, index: u32, address: IpAddr) -> bool {
        self.addresses(index).any(|a| a.address == address)
    }

    /// We added an address: the notification of that is filtered out in the kernel.
    pub fn note_added(&mut self, s: &AddressSpec) {
        if self.has(s.link, s.address) {
            return;
        }
        self.addresses.push(InterfaceAddress {
            link: s.link,
            address: s.address,
            prefix: s.prefix,
            peer: s.peer,
            scope: s.scope,
            label: s.label.clone(),
            protocol: Some(rha_net::netlink::PROTOCOL_KEEPALIVED),
            secondary: false,
            tentative: false,
            duplicate: false,
            deprecated: false,
            valid_s: None,
        });
    }

    /// We removed an address.
    pub fn note_removed(&mut self, s: &AddressSpec) {
        self.addresses.retain(|a| !(a.link == s.link && a.address == s.address && a.prefix == s.prefix));
    }

    /// The address adverts are sent from: the first IPv4 address, or the first link-local IPv6 one; virtual
    /// addresses do not count.
    #[must_use]
    pub fn primary(&self, index: u32, v6: bool, is_virtual: &dyn Fn(IpAddr) -> bool) -> Option<IpAddr> {
        let fits = |a: &&InterfaceAddress| match a.address {
            IpAddr::V4(_) => !v6,
            IpAddr::V6(ip) => v6 && ip.is_unicast_link_local() && !a.tentative && !a.duplicate,
        };
        self.addresses(index).filter(fits).map(|a| a.address).find(|a| !is_virtual(*a))
    }
}

/// Two notifications about one address.
fn is_same(a: &InterfaceAddress, b: &InterfaceAddress) -> bool {
    a.link == b.link && a.address == b.address && a.prefix == b.prefix
}

/// Up and with a carrier.
#[must_use]
pub fn is_usable(l: &Link) -> bool {
    l.up && l.running
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn link(index: u32, name: &str, running: bool) -> Link {
        Link {
            index,
            name: name.to_owned(),
            up: true,
            running,
            loopback: false,
            multicast: true,
            no_arp: false,
            ethernet: true,
            mac: None,
            mtu: 1500,
            kind: None,
            parent: None,
            master: None,
            private_macvlan: false,
        }
    }

    pub(crate) fn address(link: u32, address: &str) -> InterfaceAddress {
        InterfaceAddress {
            link,
            address: address.parse().unwrap(),
            prefix: 24,
            peer: None,
            scope: 0,
            label: None,
            protocol: None,
            secondary: false,
            tentative: false,
            duplicate: false,
            deprecated: false,
            valid_s: None,
        }
    }

    #[test]
    fn the_primary_is_the_first_that_is_not_virtual() {
        let mut i = Interfaces::default();
        i.replace(
            vec![link(2, "eth0", true)],
            vec![
                address(2, "10.0.0.9"),
                address(2, "10.0.0.1"),
                address(2, "fd00::1"),
                address(2, "fe80::1"),
            ],
        );
        let vip = |a: IpAddr| a == "10.0.0.9".parse::<IpAddr>().unwrap();
        assert_eq!(i.primary(2, false, &vip), "10.0.0.1".parse().ok());
        assert_eq!(i.primary(2, true, &vip), "fe80::1".parse().ok());
        assert_eq!(i.primary(3, true, &vip), None);
    }

    #[test]
    fn notifications_change_the_picture_and_renewals_do_not() {
        let mut i = Interfaces::default();
        i.replace(vec![link(2, "eth0", true)], vec![]);
        assert_eq!(
            i.take(NetlinkEvent::Link(link(2, "eth0", false))),
            Changed::Link { name: "eth0".into(), index: 2, was: Some(true), is: Some(false) }
        );
        assert!(!i.is_up("eth0"));
        let a = address(2, "10.0.0.7");
        assert_eq!(i.take(NetlinkEvent::Address(a.clone())), Changed::Added(a.clone()));
        assert_eq!(i.take(NetlinkEvent::Address(a.clone())), Changed::Nothing);
        assert!(i.has(2, a.address));
        let gone = NetlinkEvent::AddressGone { address: a.clone(), by_us: false };
        assert_eq!(i.take(gone), Changed::Gone { address: a.clone(), by_us: false });
        assert!(!i.has(2, a.address));
        i.take(NetlinkEvent::Address(a));
        i.take(NetlinkEvent::LinkGone { index: 2, name: "eth0".into() });
        assert_eq!(i.index("eth0"), None);
        assert_eq!(i.addresses(2).count(), 0);
    }
}
