//! Addresses as they are written, and what the rest of the model takes from the failover part.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use rha_ir::{Model, RoutingProtocol, RoutingSession, Tracker, TrackerKind};

use crate::{Cx, Line};

/// An address as `inet_pton` reads it: IPv6 if there is a colon.
pub(crate) fn address(text: &str) -> Option<IpAddr> {
    if text.contains(':') {
        text.parse::<Ipv6Addr>().ok().map(IpAddr::V6)
    } else {
        text.parse::<Ipv4Addr>().ok().map(IpAddr::V4)
    }
}

/// An address with a range or mask behind it cut off.
pub(crate) fn address_only(text: &str) -> Option<IpAddr> {
    let end = text.find('-').or_else(|| text.find('/')).unwrap_or(text.len());
    let cut = address(text.get(..end)?)?;
    (cut.is_ipv6() == text.contains(':')).then_some(cut)
}

/// An IPv4 address as `inet_aton` reads it: one to four numbers, decimal, octal or hexadecimal, of which
/// the last fills what is left.
pub(crate) fn loose_ipv4(text: &str) -> Option<Ipv4Addr> {
    let parts: Vec<u32> = text.split('.').map(loose_number).collect::<Option<_>>()?;
    let (last, front) = parts.split_last()?;
    if front.len() > 3 || front.iter().any(|n| *n > 255) {
        return None;
    }
    let left = 8 * (4 - u32::try_from(front.len()).ok()?);
    if left < 32 && *last >> left != 0 {
        return None;
    }
    let high = front.iter().zip([24, 16, 8]).fold(0, |all, (n, shift)| all | n << shift);
    Some(Ipv4Addr::from(high | last))
}

fn loose_number(text: &str) -> Option<u32> {
    let (digits, radix) = match text.as_bytes() {
        [b'0', b'x' | b'X', ..] => (text.get(2..)?, 16),
        [b'0', _, ..] => (text.get(1..)?, 8),
        _ => (text, 10),
    };
    if digits.starts_with('+') {
        return None;
    }
    u32::from_str_radix(digits, radix).ok()
}

impl Cx<'_> {
    /// An address with its port as a word of its own; a bad port is said.
    pub(crate) fn socket_address(
        &mut self,
        line: &Line,
        i: usize,
        ip: &str,
        port: &str,
    ) -> Option<SocketAddr> {
        let port = self.unsigned_of(line, i, port, 1, 65535, true)?;
        Some(SocketAddr::new(address_only(ip)?, u16::try_from(port).ok()?))
    }
}

/// Fills the parts of the model that all three languages share.
pub(crate) fn summarise(model: &mut Model) {
    let failover = &model.failover;
    for i in &failover.instances {
        model.virtual_ips.extend(i.addresses.iter().chain(&i.excluded).cloned());
        model.sessions.push(RoutingSession {
            name: i.name.clone(),
            protocol: RoutingProtocol::Vrrp,
            peer: match &i.target {
                rha_ir::failover::AdvertTarget::Unicast(peers) => peers.first().map(|p| p.address),
                rha_ir::failover::AdvertTarget::Multicast(_) => None,
            },
            origin: i.origin,
        });
    }
    for b in &failover.bfd_instances {
        let peer = Some(b.neighbor);
        let protocol = RoutingProtocol::Bfd;
        model.sessions.push(RoutingSession { name: b.name.clone(), protocol, peer, origin: b.origin });
    }
    let scripts = failover
        .scripts
        .iter()
        .map(|s| (&s.name, s.weight.weight, s.origin, TrackerKind::Script(s.name.clone())));
    let files = failover
        .track_files
        .iter()
        .map(|f| (&f.name, f.weight.weight, f.origin, TrackerKind::File(f.name.clone())));
    let processes = failover
        .track_processes
        .iter()
        .map(|p| (&p.name, p.weight.weight, p.origin, TrackerKind::Process(p.name.clone())));
    let trackers: Vec<Tracker> = scripts
        .chain(files)
        .chain(processes)
        .map(|(name, weight, origin, kind)| Tracker { name: name.clone(), kind, weight, origin })
        .collect();
    model.trackers.extend(trackers);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_c_does() {
        assert_eq!(address("10.0.0.1"), Some(IpAddr::from([10, 0, 0, 1])));
        assert_eq!(address("10.0.0.01"), None);
        assert_eq!(address("10.0.0"), None);
        assert_eq!(address_only("10.0.0.1-5"), Some(IpAddr::from([10, 0, 0, 1])));
        assert_eq!(address_only("fd77::2/64"), "fd77::2".parse().ok());
        assert_eq!(address("x"), None);
    }
}
