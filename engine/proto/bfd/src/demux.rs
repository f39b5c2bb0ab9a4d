//! Which session a packet is for.
//!
//! RFC 5880 §6.3: by Your Discriminator; while that is 0, by where the packet came from (RFC 5881 §3, RFC 5883 §4).

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};

use crate::{Packet, Reject, Rejects};

/// Where a session's other side is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Its address.
    pub peer: IpAddr,
    /// Our address; `None` for any.
    pub local: Option<IpAddr>,
    /// Index of our interface; `None` for any.
    pub interface: Option<u32>,
    /// Several hops away (port 4784).
    pub multihop: bool,
    /// Take a packet with the right discriminator from `peer` only. COMPAT: keepalived and FRR take it from anywhere,
    /// and a neighbor that answers from another of its addresses works with them.
    pub strict: bool,
}

impl Endpoint {
    /// A session with an address, wherever we meet it.
    #[must_use]
    pub fn new(peer: IpAddr, multihop: bool) -> Endpoint {
        Endpoint { peer, local: None, interface: None, multihop, strict: false }
    }

    fn fits(&self, meta: &Meta) -> bool {
        let same = |ours: Option<IpAddr>| ours.is_none_or(|a| meta.to.is_none_or(|to| plain(to) == plain(a)));
        self.multihop == meta.multihop
            && plain(self.peer) == plain(meta.from.ip())
            && same(self.local)
            && self.interface.is_none_or(|i| meta.interface.is_none_or(|m| m == i))
    }

    /// How closely it is described, to prefer the closest.
    fn closeness(&self) -> u8 {
        u8::from(self.local.is_some()) + u8::from(self.interface.is_some())
    }
}

/// Where a packet came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Meta {
    /// Sender.
    pub from: SocketAddr,
    /// Our address it was sent to, if known.
    pub to: Option<IpAddr>,
    /// Index of the interface it came in on, if known.
    pub interface: Option<u32>,
    /// TTL or hop limit, if known.
    pub ttl: Option<u8>,
    /// Came to port 4784.
    pub multihop: bool,
}

/// Sessions by discriminator and by place. `K` is how the caller knows a session.
#[derive(Debug, Clone)]
pub struct Demux<K> {
    sessions: HashMap<u32, (K, Endpoint)>,
    rejects: Rejects,
}

impl<K> Default for Demux<K> {
    fn default() -> Self {
        Demux { sessions: HashMap::new(), rejects: Rejects::default() }
    }
}

impl<K: Copy> Demux<K> {
    /// A discriminator not in use, from the caller's random numbers; `None` when 1,000 of them were all taken.
    pub fn unused(&self, mut random: impl FnMut() -> u32) -> Option<u32> {
        (0..1000).map(|_| random()).find(|d| *d != 0 && !self.sessions.contains_key(d))
    }

    /// Adds a session. `false`, and nothing added, when the discriminator is 0 or in use.
    pub fn insert(&mut self, discriminator: u32, key: K, endpoint: Endpoint) -> bool {
        if discriminator == 0 || self.sessions.contains_key(&discriminator) {
            return false;
        }
        self.sessions.insert(discriminator, (key, endpoint));
        true
    }

    /// Takes a session out.
    pub fn remove(&mut self, discriminator: u32) -> Option<K> {
        self.sessions.remove(&discriminator).map(|(key, _)| key)
    }

    /// The session at a place, if there is one: for duplicates.
    #[must_use]
    pub fn at(&self, endpoint: &Endpoint) -> Option<K> {
        self.sessions.values().find(|(_, e)| e == endpoint).map(|(key, _)| *key)
    }

    /// Reads a datagram and finds its session; what is not for any is counted.
    ///
    /// # Errors
    /// Why the datagram is to be dropped.
    pub fn receive(&mut self, bytes: &[u8], meta: &Meta) -> Result<(K, Packet), Reject> {
        let found = Packet::decode(bytes)
            .map_err(Reject::Malformed)
            .and_then(|packet| Ok((self.find(packet.your_discr, meta)?, packet)));
        if let Err(reject) = &found {
            self.rejects.count(reject);
        }
        found
    }

    /// Counts what a session did not take.
    pub fn count(&mut self, reject: &Reject) {
        self.rejects.count(reject);
    }

    /// Packets not taken, by reason.
    #[must_use]
    pub fn rejects(&self) -> &Rejects {
        &self.rejects
    }

    fn find(&self, your_discr: u32, meta: &Meta) -> Result<K, Reject> {
        if your_discr != 0 {
            let (key, endpoint) = self.sessions.get(&your_discr).ok_or(Reject::NoSession { your_discr })?;
            if endpoint.strict && !endpoint.fits(meta) {
                return Err(Reject::Spoofed { your_discr });
            }
            return Ok(*key);
        }
        self.sessions
            .iter()
            .filter(|(_, (_, endpoint))| endpoint.fits(meta))
            .max_by_key(|(discr, (_, endpoint))| (endpoint.closeness(), std::cmp::Reverse(**discr)))
            .map(|(_, (key, _))| *key)
            .ok_or(Reject::NoSession { your_discr })
    }
}

/// An IPv4 address that came through an IPv6 socket is an IPv4 address.
fn plain(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::State;

    fn meta(from: &str, to: &str, interface: u32, multihop: bool) -> Meta {
        Meta {
            from: SocketAddr::new(from.parse().unwrap(), 50_000),
            to: to.parse().ok(),
            interface: Some(interface),
            ttl: Some(255),
            multihop,
        }
    }

    fn bytes(your_discr: u32) -> Vec<u8> {
        let packet =
            Packet { detect_mult: 3, my_discr: 99, your_discr, state: State::Down, ..Packet::default() };
        let mut out = Vec::new();
        packet.encode(&mut out);
        out
    }

    #[test]
    fn packets_find_their_sessions() {
        let mut demux = Demux::default();
        let peer: IpAddr = "10.0.0.2".parse().unwrap();
        let any = Endpoint::new(peer, false);
        assert!(demux.insert(1, 'a', any.clone()));
        assert!(demux.insert(2, 'l', Endpoint { local: "10.0.0.9".parse().ok(), ..any.clone() }));
        assert!(demux.insert(3, 'i', Endpoint { interface: Some(7), strict: true, ..any.clone() }));
        assert!(demux.insert(4, 'm', Endpoint::new(peer, true)));
        assert!(demux.insert(5, 'v', Endpoint::new("fe80::1".parse().unwrap(), false)));
        assert!(!demux.insert(5, 'x', any.clone()) && !demux.insert(0, 'x', any.clone()));
        assert_eq!(demux.at(&any), Some('a'));
        let nobody = Err(Reject::NoSession { your_discr: 0 });
        for (your_discr, meta, found) in [
            (0, meta("10.0.0.2", "10.0.0.1", 1, false), Ok('a')),
            (0, meta("::ffff:10.0.0.2", "10.0.0.1", 1, false), Ok('a')),
            (0, meta("10.0.0.2", "::ffff:10.0.0.9", 1, false), Ok('l')),
            (0, meta("10.0.0.2", "10.0.0.1", 7, false), Ok('i')),
            (0, meta("10.0.0.2", "10.0.0.1", 7, true), Ok('m')),
            (0, meta("fe80::1", "fe80::2", 7, false), Ok('v')),
            (0, meta("10.0.0.3", "10.0.0.1", 1, false), nobody),
            (0, meta("fe80::1", "fe80::2", 7, true), nobody),
            (1, meta("10.9.9.9", "10.0.0.1", 1, false), Ok('a')),
            (3, meta("10.0.0.2", "10.0.0.1", 7, false), Ok('i')),
            (3, meta("10.9.9.9", "10.0.0.1", 7, false), Err(Reject::Spoofed { your_discr: 3 })),
            (77, meta("10.0.0.2", "10.0.0.1", 1, false), Err(Reject::NoSession { your_discr: 77 })),
        ] {
            assert_eq!(
                demux.receive(&bytes(your_discr), &meta).map(|(k, _)| k),
                found,
                "{your_discr} {meta:?}"
            );
        }
        assert!(demux.receive(b"x", &meta("10.0.0.2", "10.0.0.1", 1, false)).is_err());
        let counted: Vec<_> = demux.rejects().iter().filter(|(_, n)| *n > 0).collect();
        assert_eq!(counted, [("too_small", 1), ("no_session", 3), ("spoofed", 1)]);
        assert_eq!(demux.remove(1), Some('a'));
        assert_eq!(demux.remove(1), None);
        let mut drawn = [0, 2, 5, 6].into_iter();
        assert_eq!(demux.unused(|| drawn.next().unwrap()), Some(6));
        assert_eq!(demux.unused(|| 2), None);
    }
}
