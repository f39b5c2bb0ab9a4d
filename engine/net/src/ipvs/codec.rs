//! IPVS requests as bytes: numbers and attribute types of linux/ip_vs.h, generic netlink version 1.

use std::net::IpAddr;

/// What a virtual service is known by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum IpvsSelector {
    /// An address, an IP protocol (6 TCP, 17 UDP, 132 SCTP) and a port (0 with persistence: all).
    Address {
        /// The virtual address.
        address: IpAddr,
        /// IP protocol.
        protocol: u8,
        /// Port.
        port: u16,
    },
    /// A firewall mark, for packets of one family.
    Mark {
        /// The mark.
        mark: u32,
        /// IPv6.
        v6: bool,
    },
}

/// A virtual service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IpvsService {
    /// What it is known by.
    pub selector: IpvsSelector,
    /// Scheduler: `rr`, `wrr`, `lc`, `wlc`, `lblc`, `lblcr`, `sh`, `mh`, `dh`, `sed`, `nq`, `fo`, `ovf`, `twos`.
    pub scheduler: String,
    /// The scheduler's flags, bits 0 to 2 as `flag-1` to `flag-3`.
    pub scheduler_flags: u8,
    /// One packet scheduling (`ops`, UDP).
    pub one_packet: bool,
    /// Seconds a client stays with its server (`persistence_timeout`).
    pub persistence_s: Option<u32>,
    /// Bits of the client's address that persistence goes by (`persistence_granularity`); `None` is all.
    pub granularity: Option<u8>,
    /// Persistence engine (`persistence_engine`, `sip`).
    pub engine: Option<String>,
}

/// How packets reach a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum IpvsForward {
    /// `NAT`.
    Nat,
    /// `DR`.
    Direct,
    /// `TUN`.
    Tunnel(IpvsTunnel),
}

/// Kind of a tunnel, `lvs_method TUN type …`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum IpvsTunnel {
    /// IP in IP.
    #[default]
    IpIp,
    /// Generic UDP encapsulation.
    Gue {
        /// Its port.
        port: u16,
        /// 0 no checksum, 1 checksum, 2 remote checksum.
        flags: u16,
    },
    /// Generic routing encapsulation.
    Gre {
        /// 0 no checksum, 1 checksum.
        flags: u16,
    },
}

/// A server of a virtual service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct IpvsServer {
    /// Its address.
    pub address: IpAddr,
    /// Its port.
    pub port: u16,
    /// How packets reach it.
    pub forward: IpvsForward,
    /// Its share; 0 gets no new connections.
    pub weight: u32,
    /// No new connections from so many on (`uthreshold`); 0 is no limit.
    pub upper: u32,
    /// New ones again below so many (`lthreshold`).
    pub lower: u32,
}

/// The daemon that tells other directors of connections (`lvs_sync_daemon`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IpvsDaemon {
    /// It sends (true), or it receives.
    pub master: bool,
    /// Name of the interface.
    pub interface: String,
    /// Whom it speaks to: daemons of the same id.
    pub id: u8,
    /// Longest datagram, bytes.
    pub max_length: Option<u16>,
    /// Port.
    pub port: Option<u16>,
    /// TTL.
    pub ttl: Option<u8>,
    /// Multicast group.
    pub group: Option<IpAddr>,
}

/// How long connections without packets are kept, seconds; 0 leaves a timeout as it is (`lvs_timeouts`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct IpvsTimeouts {
    /// TCP.
    pub tcp_s: u32,
    /// TCP after a FIN.
    pub tcp_fin_s: u32,
    /// UDP.
    pub udp_s: u32,
}

/// One change to the kernel's virtual services.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IpvsChange {
    /// Adds a service; `EEXIST` when it is there.
    AddService(IpvsService),
    /// Changes one.
    SetService(IpvsService),
    /// Removes one with its servers; `ESRCH` when it is not there.
    RemoveService(IpvsSelector),
    /// Adds a server; `EEXIST` when it is there.
    AddServer(IpvsSelector, IpvsServer),
    /// Changes one: weight, thresholds, forwarding.
    SetServer(IpvsSelector, IpvsServer),
    /// Removes one; its connections go on. `ENOENT` when it is not there.
    RemoveServer(IpvsSelector, IpvsServer),
    /// Starts a daemon.
    StartDaemon(IpvsDaemon),
    /// Stops one.
    StopDaemon(IpvsDaemon),
    /// Changes timeouts.
    SetTimeouts(IpvsTimeouts),
    /// Removes all services (`lvs_flush`).
    Flush,
}

/// `IPVS_CMD_*`.
mod command {
    pub(super) const NEW_SERVICE: u8 = 1;
    pub(super) const SET_SERVICE: u8 = 2;
    pub(super) const DEL_SERVICE: u8 = 3;
    pub(super) const NEW_DEST: u8 = 5;
    pub(super) const SET_DEST: u8 = 6;
    pub(super) const DEL_DEST: u8 = 7;
    pub(super) const NEW_DAEMON: u8 = 9;
    pub(super) const DEL_DAEMON: u8 = 10;
    pub(super) const SET_CONFIG: u8 = 12;
    pub(super) const FLUSH: u8 = 17;
}

/// `IPVS_CMD_ATTR_*`.
const SERVICE: u16 = 1;
const DEST: u16 = 2;
const DAEMON: u16 = 3;
const TIMEOUT_TCP: u16 = 4;

/// `IP_VS_SVC_F_*`.
const PERSISTENT: u32 = 1;
const ONE_PACKET: u32 = 4;
const FIRST_SCHEDULER_FLAG: u32 = 3;

/// An attribute that holds attributes.
const NESTED: u16 = 0x8000;

impl IpvsChange {
    /// The request: generic netlink header and attributes.
    pub(super) fn encode(&self) -> Vec<u8> {
        match self {
            IpvsChange::AddService(s) => request(command::NEW_SERVICE, |a| a.nested(SERVICE, |a| s.write(a))),
            IpvsChange::SetService(s) => request(command::SET_SERVICE, |a| a.nested(SERVICE, |a| s.write(a))),
            IpvsChange::RemoveService(s) => {
                request(command::DEL_SERVICE, |a| a.nested(SERVICE, |a| s.write(a)))
            }
            IpvsChange::AddServer(s, d) => of_server(command::NEW_DEST, s, |a| d.write(a)),
            IpvsChange::SetServer(s, d) => of_server(command::SET_DEST, s, |a| d.write(a)),
            IpvsChange::RemoveServer(s, d) => of_server(command::DEL_DEST, s, |a| d.identify(a)),
            IpvsChange::StartDaemon(d) => request(command::NEW_DAEMON, |a| a.nested(DAEMON, |a| d.write(a))),
            IpvsChange::StopDaemon(d) => {
                request(command::DEL_DAEMON, |a| a.nested(DAEMON, |a| a.put(1, &d.state().to_ne_bytes())))
            }
            IpvsChange::SetTimeouts(t) => request(command::SET_CONFIG, |a| {
                for (kind, s) in (TIMEOUT_TCP..).zip([t.tcp_s, t.tcp_fin_s, t.udp_s]) {
                    a.put(kind, &s.to_ne_bytes());
                }
            }),
            IpvsChange::Flush => request(command::FLUSH, |_| {}),
        }
    }
}

fn of_server(command: u8, service: &IpvsSelector, server: impl FnOnce(&mut Attributes)) -> Vec<u8> {
    request(command, |a| {
        a.nested(SERVICE, |a| service.write(a));
        a.nested(DEST, server);
    })
}

pub(super) fn request(command: u8, attributes: impl FnOnce(&mut Attributes)) -> Vec<u8> {
    const VERSION: u8 = 1;
    let mut all = Attributes(vec![command, VERSION, 0, 0]);
    attributes(&mut all);
    all.0
}

/// Attributes one after another, each padded to four bytes.
pub(super) struct Attributes(Vec<u8>);

impl Attributes {
    pub(super) fn put(&mut self, kind: u16, value: &[u8]) {
        let length = u16::try_from(value.len() + 4).unwrap_or(u16::MAX);
        self.0.extend(length.to_ne_bytes());
        self.0.extend(kind.to_ne_bytes());
        self.0.extend(value);
        self.0.resize(self.0.len().next_multiple_of(4), 0);
    }

    pub(super) fn text(&mut self, kind: u16, value: &str) {
        let mut bytes = value.as_bytes().to_vec();
        bytes.push(0);
        self.put(kind, &bytes);
    }

    fn nested(&mut self, kind: u16, inner: impl FnOnce(&mut Attributes)) {
        let mut all = Attributes(Vec::new());
        inner(&mut all);
        self.put(kind | NESTED, &all.0);
    }

    /// An address in the sixteen bytes of `union nf_inet_addr`.
    fn address(&mut self, kind: u16, address: IpAddr) {
        let mut bytes = [0u8; 16];
        match address {
            IpAddr::V4(a) => bytes.iter_mut().zip(a.octets()).for_each(|(b, o)| *b = o),
            IpAddr::V6(a) => bytes = a.octets(),
        }
        self.put(kind, &bytes);
    }
}

fn family(v6: bool) -> u16 {
    if v6 { libc::AF_INET6 as u16 } else { libc::AF_INET as u16 }
}

impl IpvsSelector {
    fn is_v6(&self) -> bool {
        match self {
            IpvsSelector::Address { address, .. } => address.is_ipv6(),
            IpvsSelector::Mark { v6, .. } => *v6,
        }
    }

    fn write(&self, a: &mut Attributes) {
        a.put(1, &family(self.is_v6()).to_ne_bytes());
        match *self {
            IpvsSelector::Address { address, protocol, port } => {
                a.put(2, &u16::from(protocol).to_ne_bytes());
                a.address(3, address);
                a.put(4, &port.to_be_bytes());
            }
            IpvsSelector::Mark { mark, .. } => a.put(5, &mark.to_ne_bytes()),
        }
    }
}

impl IpvsService {
    fn write(&self, a: &mut Attributes) {
        self.selector.write(a);
        a.text(6, &self.scheduler);
        a.put(7, &[self.flags().to_ne_bytes(), u32::MAX.to_ne_bytes()].concat());
        a.put(8, &self.persistence_s.unwrap_or(0).to_ne_bytes());
        a.put(9, &self.netmask());
        if let Some(engine) = &self.engine {
            a.text(11, engine);
        }
    }

    fn flags(&self) -> u32 {
        let scheduler = u32::from(self.scheduler_flags & 7) << FIRST_SCHEDULER_FLAG;
        let persistent = if self.persistence_s.is_some() { PERSISTENT } else { 0 };
        let one_packet = if self.one_packet { ONE_PACKET } else { 0 };
        scheduler | persistent | one_packet
    }

    /// A mask in network order for IPv4, a length for IPv6.
    fn netmask(&self) -> [u8; 4] {
        if self.selector.is_v6() {
            return u32::from(self.granularity.unwrap_or(128)).to_ne_bytes();
        }
        let bits = u32::from(self.granularity.unwrap_or(32).min(32));
        u32::MAX.checked_shl(32 - bits).unwrap_or(0).to_be_bytes()
    }
}

impl IpvsForward {
    /// `IP_VS_CONN_F_MASQ`, `_DROUTE`, `_TUNNEL`.
    fn number(self) -> u32 {
        match self {
            IpvsForward::Nat => 0,
            IpvsForward::Direct => 3,
            IpvsForward::Tunnel(_) => 2,
        }
    }
}

impl IpvsServer {
    fn identify(&self, a: &mut Attributes) {
        a.address(1, self.address);
        a.put(2, &self.port.to_be_bytes());
        a.put(11, &family(self.address.is_ipv6()).to_ne_bytes());
    }

    fn write(&self, a: &mut Attributes) {
        self.identify(a);
        for (kind, value) in (3..).zip([self.forward.number(), self.weight, self.upper, self.lower]) {
            a.put(kind, &value.to_ne_bytes());
        }
        let IpvsForward::Tunnel(tunnel) = self.forward else { return };
        match tunnel {
            IpvsTunnel::IpIp => a.put(13, &[0]),
            IpvsTunnel::Gue { port, flags } => {
                a.put(13, &[1]);
                a.put(14, &port.to_be_bytes());
                a.put(15, &flags.to_ne_bytes());
            }
            IpvsTunnel::Gre { flags } => {
                a.put(13, &[2]);
                a.put(15, &flags.to_ne_bytes());
            }
        }
    }
}

impl IpvsDaemon {
    /// `IP_VS_STATE_MASTER`, `IP_VS_STATE_BACKUP`.
    fn state(&self) -> u32 {
        if self.master { 1 } else { 2 }
    }

    fn write(&self, a: &mut Attributes) {
        a.put(1, &self.state().to_ne_bytes());
        a.text(2, &self.interface);
        a.put(3, &u32::from(self.id).to_ne_bytes());
        if let Some(length) = self.max_length {
            a.put(4, &length.to_ne_bytes());
        }
        match self.group {
            Some(IpAddr::V4(g)) => a.put(5, &g.octets()),
            Some(IpAddr::V6(g)) => a.put(6, &g.octets()),
            None => {}
        }
        if let Some(port) = self.port {
            a.put(7, &port.to_ne_bytes());
        }
        if let Some(ttl) = self.ttl {
            a.put(8, &[ttl]);
        }
    }
}

/// The attributes of a message, by type; stops at nonsense.
pub(super) fn attributes(mut bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let [l0, l1, k0, k1] = *bytes.first_chunk()?;
        let length = usize::from(u16::from_ne_bytes([l0, l1]));
        let value = bytes.get(4..length)?;
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or(&[]);
        Some((u16::from_ne_bytes([k0, k1]) & !NESTED, value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selector() -> IpvsSelector {
        IpvsSelector::Address { address: "10.9.0.200".parse().unwrap(), protocol: 6, port: 80 }
    }

    /// Attributes of the attribute of a request.
    fn inside(request: &[u8], kind: u16) -> Vec<(u16, Vec<u8>)> {
        let (_, body) = attributes(&request[4..]).find(|(k, _)| *k == kind).unwrap();
        attributes(body).map(|(k, v)| (k, v.to_vec())).collect()
    }

    #[test]
    #[cfg(target_endian = "little")]
    fn a_service_is_what_the_header_file_says() {
        let service = IpvsService {
            selector: selector(),
            scheduler: "wlc".to_owned(),
            scheduler_flags: 0b010,
            one_packet: false,
            persistence_s: Some(50),
            granularity: Some(24),
            engine: None,
        };
        let request = IpvsChange::AddService(service.clone()).encode();
        assert_eq!(request[..4], [1, 1, 0, 0]);
        let expected: Vec<(u16, Vec<u8>)> = vec![
            (1, vec![2, 0]),
            (2, vec![6, 0]),
            (3, vec![10, 9, 0, 200, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
            (4, vec![0, 80]),
            (6, b"wlc\0".to_vec()),
            (7, vec![0x11, 0, 0, 0, 255, 255, 255, 255]),
            (8, vec![50, 0, 0, 0]),
            (9, vec![255, 255, 255, 0]),
        ];
        assert_eq!(inside(&request, SERVICE), expected);
        let mark = IpvsSelector::Mark { mark: 7, v6: true };
        let six = IpvsService { selector: mark, granularity: None, persistence_s: None, ..service };
        let found = inside(&IpvsChange::SetService(six).encode(), SERVICE);
        assert_eq!(found[..2], [(1, vec![10, 0]), (5, vec![7, 0, 0, 0])]);
        assert_eq!(found.last(), Some(&(9, vec![128, 0, 0, 0])));
    }

    #[test]
    #[cfg(target_endian = "little")]
    fn a_server_is_what_the_header_file_says() {
        let gue = IpvsForward::Tunnel(IpvsTunnel::Gue { port: 6080, flags: 1 });
        let server = IpvsServer {
            address: "fd09::2".parse().unwrap(),
            port: 8080,
            forward: gue,
            weight: 3,
            upper: 100,
            lower: 50,
        };
        let request = IpvsChange::AddServer(selector(), server).encode();
        assert_eq!(request[..4], [5, 1, 0, 0]);
        assert_eq!(inside(&request, SERVICE).len(), 4);
        let address = vec![0xfd, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2];
        let expected: Vec<(u16, Vec<u8>)> = vec![
            (1, address.clone()),
            (2, vec![0x1f, 0x90]),
            (11, vec![10, 0]),
            (3, vec![2, 0, 0, 0]),
            (4, vec![3, 0, 0, 0]),
            (5, vec![100, 0, 0, 0]),
            (6, vec![50, 0, 0, 0]),
            (13, vec![1]),
            (14, vec![0x17, 0xc0]),
            (15, vec![1, 0]),
        ];
        assert_eq!(inside(&request, DEST), expected);
        let gone = IpvsChange::RemoveServer(selector(), server).encode();
        assert_eq!(inside(&gone, DEST), [(1, address), (2, vec![0x1f, 0x90]), (11, vec![10, 0])]);
    }

    /// Attributes of a request, those inside of others too, sorted.
    fn all(request: &[u8]) -> Vec<(u16, Vec<u8>)> {
        let mut found = Vec::new();
        for (kind, body) in attributes(&request[4..]) {
            // services, servers
            if kind == SERVICE || kind == DEST {
                found.extend(attributes(body).map(|(k, v)| (kind * 100 + k, v.to_vec())));
            } else {
                found.push((kind, body.to_vec()));
            }
        }
        found.sort();
        found
    }

    /// What keepalived 2.2.7 sent for the same (generic netlink headers and attributes, on a little-endian machine).
    #[test]
    #[cfg(target_endian = "little")]
    fn messages_are_the_originals() {
        let address =
            |a: &str, protocol, port| IpvsSelector::Address { address: a.parse().unwrap(), protocol, port };
        let service = |selector, scheduler: &str, scheduler_flags| IpvsService {
            selector,
            scheduler: scheduler.to_owned(),
            scheduler_flags,
            one_packet: false,
            persistence_s: None,
            granularity: None,
            engine: None,
        };
        let server = |a: &str, port, forward| IpvsServer {
            address: a.parse().unwrap(),
            port,
            forward,
            weight: 1,
            upper: 0,
            lower: 0,
        };
        let (tcp, udp, mark) = (
            address("10.9.9.9", 6, 443),
            address("10.9.9.8", 17, 53),
            IpvsSelector::Mark { mark: 5, v6: false },
        );
        let sctp = address("fd00::1", 132, 53);
        let tunnel = |t| IpvsForward::Tunnel(t);
        let (nat, direct) = (IpvsForward::Nat, IpvsForward::Direct);
        let gue = tunnel(IpvsTunnel::Gue { port: 99, flags: 0 });
        let gre = tunnel(IpvsTunnel::Gre { flags: 1 });
        let limited = IpvsServer { weight: 3, upper: 100, lower: 10, ..server("127.0.0.11", 8443, nat) };
        let persistent =
            IpvsService { persistence_s: Some(50), granularity: Some(24), ..service(tcp, "sh", 0b010) };
        let engine = IpvsService {
            persistence_s: Some(20),
            granularity: Some(64),
            engine: Some("sip".to_owned()),
            ..service(sctp, "wlc", 0b101)
        };
        let changes = [
            IpvsChange::SetTimeouts(IpvsTimeouts { tcp_s: 100, tcp_fin_s: 20, udp_s: 30 }),
            IpvsChange::Flush,
            IpvsChange::AddService(persistent),
            IpvsChange::AddServer(tcp, limited),
            IpvsChange::AddService(service(mark, "rr", 0)),
            IpvsChange::AddServer(mark, server("127.0.0.14", 0, direct)),
            IpvsChange::AddServer(mark, server("127.0.0.15", 0, gue)),
            IpvsChange::AddServer(mark, server("127.0.0.16", 0, gre)),
            IpvsChange::AddServer(mark, server("127.0.0.17", 0, tunnel(IpvsTunnel::IpIp))),
            IpvsChange::AddService(IpvsService { one_packet: true, ..service(udp, "mh", 0b001) }),
            IpvsChange::AddServer(udp, server("127.0.0.15", 53, direct)),
            IpvsChange::AddService(engine),
            IpvsChange::AddServer(sctp, server("fd00::2", 54, nat)),
            IpvsChange::RemoveServer(tcp, limited),
            IpvsChange::RemoveService(tcp),
        ];
        let recorded: Vec<Vec<u8>> = include_str!("recorded.txt")
            .lines()
            .map(|l| (0..l.len()).step_by(2).map(|i| u8::from_str_radix(&l[i..i + 2], 16).unwrap()).collect())
            .collect();
        assert_eq!(recorded.len(), changes.len());
        for (change, theirs) in changes.iter().zip(&recorded) {
            let ours = change.encode();
            assert_eq!(ours[..4], theirs[..4], "{change:?}");
            let (ours, theirs) = (all(&ours), all(theirs));
            // a service is told by less where it is there already, and a server where it goes
            let by_less = matches!(
                change,
                IpvsChange::AddServer(..) | IpvsChange::RemoveServer(..) | IpvsChange::RemoveService(_)
            );
            let needed: Vec<_> = theirs
                .iter()
                .filter(|(kind, _)| !by_less || ours.iter().any(|(k, _)| k == kind))
                .cloned()
                .collect();
            assert_eq!(ours, needed, "{change:?}");
            if let IpvsChange::AddServer(..) = change {
                let of_server = |all: &[(u16, Vec<u8>)]| all.iter().filter(|(k, _)| *k > 200).count();
                assert_eq!(of_server(&ours), of_server(&theirs), "{change:?}");
            }
        }
    }

    #[test]
    fn the_others_have_their_numbers() {
        let daemon = IpvsDaemon {
            master: false,
            interface: "eth0".to_owned(),
            id: 3,
            max_length: Some(1400),
            port: None,
            ttl: Some(2),
            group: Some("224.0.0.81".parse().unwrap()),
        };
        let kinds = |r: &[u8]| inside(r, DAEMON).into_iter().map(|(k, _)| k).collect::<Vec<_>>();
        assert_eq!(kinds(&IpvsChange::StartDaemon(daemon.clone()).encode()), [1, 2, 3, 4, 5, 8]);
        assert_eq!(kinds(&IpvsChange::StopDaemon(daemon).encode()), [1]);
        assert_eq!(IpvsChange::Flush.encode(), [17, 1, 0, 0]);
        let timeouts =
            IpvsChange::SetTimeouts(IpvsTimeouts { tcp_s: 900, tcp_fin_s: 120, udp_s: 300 }).encode();
        assert_eq!(attributes(&timeouts[4..]).map(|(k, _)| k).collect::<Vec<_>>(), [4, 5, 6]);
    }
}
