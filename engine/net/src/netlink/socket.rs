//! Requests and their answers: one socket, batches, dumps.

use std::io;
use std::time::Duration;

use netlink_packet_core::{
    NLM_F_ACK, NLM_F_CREATE, NLM_F_DUMP, NLM_F_EXCL, NLM_F_REPLACE, NLM_F_REQUEST, NetlinkMessage,
    NetlinkPayload,
};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_ROUTE};
use socket2::SockRef;

use super::{AddressSpec, IpvlanSpec, MacvlanSpec, RouteSpec, RuleSpec};

/// Most messages in one system call: their error reports must fit into the socket's receive buffer.
const BATCH: usize = 64;

/// The kernel answers at once; this bounds the wait when it does not answer at all.
const PATIENCE: Duration = Duration::from_secs(2);

/// Size of a receive buffer: no dump part is larger.
const RECEIVE: usize = 64 * 1024;

/// How often a dump that the kernel's own changes cut short is begun again.
const DUMP_ATTEMPTS: usize = 5;

/// One change to the kernel's tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Adds an address; `EEXIST` when it is there.
    AddAddress(AddressSpec),
    /// Adds an address, or gives the existing one a new lifetime and new flags.
    RenewAddress(AddressSpec),
    /// Removes an address; `EADDRNOTAVAIL` when it is not there.
    RemoveAddress(AddressSpec),
    /// Adds a route, see [`super::Placement`].
    AddRoute(RouteSpec),
    /// Removes a route; `ESRCH` when it is not there.
    RemoveRoute(RouteSpec),
    /// Adds a rule; `EEXIST` when it is there.
    AddRule(RuleSpec),
    /// Removes a rule; `ENOENT` when it is not there.
    RemoveRule(RuleSpec),
    /// Makes a macvlan interface; `EEXIST` when the name is taken.
    AddMacvlan(MacvlanSpec),
    /// Makes an ipvlan interface; `EEXIST` when the name is taken, `EOPNOTSUPP` where the kernel has no ipvlan.
    AddIpvlan(IpvlanSpec),
    /// Removes an interface.
    RemoveLink(u32),
    /// Sets an interface administratively up or down.
    SetLink {
        /// Index of the interface.
        index: u32,
        /// Up, or down.
        up: bool,
    },
}

/// A change the kernel refused.
#[derive(Debug)]
pub struct ChangeError {
    /// Position in the list given.
    pub position: usize,
    /// The kernel's reason.
    pub error: io::Error,
}

/// A socket for questions and changes, in the network namespace of the thread that opened it.
pub struct Netlink {
    socket: Socket,
    port: u32,
    sequence: u32,
    buffer: Vec<u8>,
}

impl std::fmt::Debug for Netlink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Netlink").field("port", &self.port).finish_non_exhaustive()
    }
}

impl Netlink {
    /// Opens the socket.
    ///
    /// # Errors
    /// As the operating system tells them.
    pub fn open() -> io::Result<Netlink> {
        let mut socket = Socket::new(NETLINK_ROUTE)?;
        let address = socket.bind_auto()?;
        socket.connect(&SocketAddr::new(0, 0))?;
        // An error report without the whole request in it keeps a batch's answers small.
        let _ = socket.set_cap_ack(true);
        SockRef::from(&socket).set_read_timeout(Some(PATIENCE))?;
        Ok(Netlink { socket, port: address.port_number(), sequence: 0, buffer: vec![0; RECEIVE] })
    }

    /// The number by which the kernel's notifications name this socket as their cause.
    #[must_use]
    pub fn port(&self) -> u32 {
        self.port
    }

    /// Makes changes in order, many a system call. One that fails does not keep the others from being made.
    ///
    /// # Errors
    /// The socket failed; what was refused is in the list returned.
    pub fn apply(&mut self, changes: &[Change]) -> io::Result<Vec<ChangeError>> {
        let mut refused = Vec::new();
        for (round, part) in changes.chunks(BATCH).enumerate() {
            let first = round * BATCH;
            let messages = part.iter().map(message).collect::<Vec<_>>();
            let failed = self.exchange(messages)?;
            refused.extend(failed.into_iter().map(|e| ChangeError { position: first + e.position, ..e }));
        }
        Ok(refused)
    }

    /// Makes one change.
    ///
    /// # Errors
    /// As the kernel tells them.
    pub fn change(&mut self, change: Change) -> io::Result<()> {
        match self.apply(std::slice::from_ref(&change))?.pop() {
            Some(refused) => Err(refused.error),
            None => Ok(()),
        }
    }

    /// Sends messages in one call; the last alone asks for an acknowledgement, the others report errors only.
    fn exchange(&mut self, messages: Vec<(RouteNetlinkMessage, u16)>) -> io::Result<Vec<ChangeError>> {
        let count = messages.len();
        let Some(last) = count.checked_sub(1) else { return Ok(Vec::new()) };
        let first_sequence = self.sequence.wrapping_add(1);
        let mut out = Vec::with_capacity(count * 96);
        for (position, (message, flags)) in messages.into_iter().enumerate() {
            self.sequence = self.sequence.wrapping_add(1);
            let ack = if position == last { NLM_F_ACK } else { 0 };
            append(&mut out, message, flags | NLM_F_REQUEST | ack, self.sequence);
        }
        self.socket.send(&out, 0)?;
        let mut failed = Vec::new();
        loop {
            for (sequence, answer) in self.receive()? {
                let position = sequence.wrapping_sub(first_sequence) as usize;
                if position > last {
                    continue; // an answer to what was asked before a timeout
                }
                if let NetlinkPayload::Error(e) = answer
                    && e.code.is_some()
                {
                    failed.push(ChangeError { position, error: e.to_io() });
                }
                if position == last {
                    return Ok(failed);
                }
            }
        }
    }

    /// Everything the kernel has of one kind.
    pub(super) fn dump(&mut self, question: &RouteNetlinkMessage) -> io::Result<Vec<RouteNetlinkMessage>> {
        for _ in 0..DUMP_ATTEMPTS {
            if let Some(all) = self.dump_once(question)? {
                return Ok(all);
            }
        }
        Err(io::Error::new(io::ErrorKind::Interrupted, "the kernel's tables change too fast to be listed"))
    }

    /// `None` when the list was cut short.
    fn dump_once(&mut self, question: &RouteNetlinkMessage) -> io::Result<Option<Vec<RouteNetlinkMessage>>> {
        self.sequence = self.sequence.wrapping_add(1);
        let asked = self.sequence;
        let mut out = Vec::new();
        append(&mut out, question.clone(), NLM_F_REQUEST | NLM_F_DUMP, asked);
        self.socket.send(&out, 0)?;
        let (mut all, mut whole) = (Vec::new(), true);
        loop {
            let length = self.receive_bytes()?;
            for message in split(self.buffer.get(..length).unwrap_or(&[])) {
                if message.sequence != asked {
                    continue;
                }
                whole &= message.flags & NLM_F_DUMP_INTR == 0;
                match message.decode() {
                    Some(NetlinkPayload::Done(_)) => return Ok(whole.then_some(all)),
                    Some(NetlinkPayload::Error(e)) if e.code.is_some() => return Err(e.to_io()),
                    Some(NetlinkPayload::InnerMessage(m)) => all.push(m),
                    _ => {}
                }
            }
        }
    }

    fn receive(&mut self) -> io::Result<Vec<(u32, NetlinkPayload<RouteNetlinkMessage>)>> {
        let length = self.receive_bytes()?;
        let all = split(self.buffer.get(..length).unwrap_or(&[]));
        Ok(all.filter_map(|m| m.decode().map(|p| (m.sequence, p))).collect())
    }

    fn receive_bytes(&mut self) -> io::Result<usize> {
        loop {
            let mut place: &mut [u8] = &mut self.buffer;
            match self.socket.recv(&mut place, 0) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                    return Err(io::Error::new(io::ErrorKind::TimedOut, "the kernel does not answer"));
                }
                done => return done,
            }
        }
    }
}

/// Linux: the dump is not consistent, begin again.
const NLM_F_DUMP_INTR: u16 = 0x10;

fn message(change: &Change) -> (RouteNetlinkMessage, u16) {
    match change {
        Change::AddAddress(a) => (RouteNetlinkMessage::NewAddress(a.message()), NLM_F_CREATE | NLM_F_EXCL),
        Change::RenewAddress(a) => {
            (RouteNetlinkMessage::NewAddress(a.message()), NLM_F_CREATE | NLM_F_REPLACE)
        }
        Change::RemoveAddress(a) => (RouteNetlinkMessage::DelAddress(a.message()), 0),
        Change::AddRoute(r) => (RouteNetlinkMessage::NewRoute(r.message()), r.placement.flags()),
        Change::RemoveRoute(r) => (RouteNetlinkMessage::DelRoute(r.removal()), 0),
        Change::AddRule(r) => (RouteNetlinkMessage::NewRule(r.message()), NLM_F_CREATE | NLM_F_EXCL),
        Change::RemoveRule(r) => (RouteNetlinkMessage::DelRule(r.message()), 0),
        Change::AddMacvlan(m) => (RouteNetlinkMessage::NewLink(m.message()), NLM_F_CREATE | NLM_F_EXCL),
        Change::AddIpvlan(i) => (RouteNetlinkMessage::NewLink(i.message()), NLM_F_CREATE | NLM_F_EXCL),
        Change::RemoveLink(index) => (RouteNetlinkMessage::DelLink(super::links::named(*index)), 0),
        Change::SetLink { index, up } => (RouteNetlinkMessage::NewLink(super::links::set_up(*index, *up)), 0),
    }
}

fn append(out: &mut Vec<u8>, message: RouteNetlinkMessage, flags: u16, sequence: u32) {
    let mut message = NetlinkMessage::from(message);
    message.header.flags = flags;
    message.header.sequence_number = sequence;
    message.finalize();
    let start = out.len();
    // Each message begins at a multiple of four.
    out.resize(start + message.buffer_len().next_multiple_of(4), 0);
    if let Some(place) = out.get_mut(start..start + message.buffer_len()) {
        message.serialize(place);
    }
}

/// Length of a netlink header.
const HEADER: usize = 16;

/// One message of a datagram, not yet decoded: an unknown one must not hide those after it.
pub(crate) struct Framed<'a> {
    pub(crate) kind: u16,
    pub(crate) flags: u16,
    pub(crate) sequence: u32,
    pub(crate) port: u32,
    bytes: &'a [u8],
}

impl<'a> Framed<'a> {
    /// What follows the header.
    pub(crate) fn body(&self) -> &'a [u8] {
        self.bytes.get(HEADER..).unwrap_or(&[])
    }

    pub(super) fn decode(&self) -> Option<NetlinkPayload<RouteNetlinkMessage>> {
        NetlinkMessage::<RouteNetlinkMessage>::deserialize(self.bytes).ok().map(|m| m.payload)
    }
}

/// Splits a datagram into its messages by their length fields; stops at nonsense.
pub(crate) fn split(mut bytes: &[u8]) -> impl Iterator<Item = Framed<'_>> {
    std::iter::from_fn(move || {
        let header: [u8; HEADER] = *bytes.first_chunk()?;
        let [l0, l1, l2, l3, k0, k1, f0, f1, s0, s1, s2, s3, p0, p1, p2, p3] = header;
        let length = u32::from_ne_bytes([l0, l1, l2, l3]) as usize;
        if length < header.len() {
            return None;
        }
        let own = bytes.get(..length)?;
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or(&[]);
        Some(Framed {
            kind: u16::from_ne_bytes([k0, k1]),
            flags: u16::from_ne_bytes([f0, f1]),
            sequence: u32::from_ne_bytes([s0, s1, s2, s3]),
            port: u32::from_ne_bytes([p0, p1, p2, p3]),
            bytes: own,
        })
    })
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

    use proptest::prelude::*;

    use super::super::{InterfaceAddress, Lifetime, NextHop, Prefix, Route, RouteKind, RuleKind};
    use super::*;

    /// What the kernel would read of a change.
    fn through_the_wire(change: &Change) -> RouteNetlinkMessage {
        let (message, flags) = message(change);
        let mut out = Vec::new();
        append(&mut out, message, flags, 7);
        let all: Vec<Framed<'_>> = split(&out).collect();
        assert_eq!((all.len(), all[0].sequence, all[0].flags), (1, 7, flags));
        match all[0].decode() {
            Some(NetlinkPayload::InnerMessage(m)) => m,
            other => panic!("{other:?}"),
        }
    }

    fn any_address() -> impl Strategy<Value = IpAddr> {
        prop_oneof![
            any::<u32>().prop_map(|a| IpAddr::V4(Ipv4Addr::from(a))),
            any::<u128>().prop_map(|a| IpAddr::V6(Ipv6Addr::from(a)))
        ]
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            for message in split(&bytes) {
                let _ = message.decode();
            }
        }

        #[test]
        fn no_body_panics(kind in 16u16..40, body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut bytes = u32::try_from(body.len() + 16).unwrap().to_ne_bytes().to_vec();
            bytes.extend(kind.to_ne_bytes());
            bytes.extend([0; 10]);
            bytes.extend(&body);
            for message in split(&bytes) {
                let _ = message.decode();
            }
        }

        #[test]
        fn addresses_survive(address in any_address(), link in 1u32.., prefix in 0u8..=32, s in 1u32..1000) {
            let mut spec = AddressSpec::new(link, address, prefix);
            spec.valid = Lifetime::Seconds(s);
            let RouteNetlinkMessage::NewAddress(m) = through_the_wire(&Change::RenewAddress(spec)) else { panic!() };
            let read = InterfaceAddress::from_message(&m).unwrap();
            prop_assert_eq!((read.link, read.address, read.prefix, read.valid_s), (link, address, prefix, Some(s)));
            prop_assert_eq!(read.protocol, Some(super::super::PROTOCOL_KEEPALIVED));
        }

        #[test]
        fn routes_survive(address in any_address(), length in 1u8..=32, table in 1u32.., metric in 1u32..) {
            let mut spec = RouteSpec::new(address.is_ipv6(), Some(Prefix { address, length }));
            spec.table = table;
            spec.metric = Some(metric);
            spec.kind = RouteKind::Unicast;
            spec.hops = vec![NextHop { via: Some(address), link: Some(3), ..NextHop::default() }];
            let RouteNetlinkMessage::NewRoute(m) = through_the_wire(&Change::AddRoute(spec.clone())) else { panic!() };
            let read = Route::from_message(&m).unwrap();
            prop_assert!(spec.is(&read), "{:?} {:?}", spec, read);
            prop_assert_eq!((read.via, read.link), (Some(address), Some(3)));
        }

        #[test]
        fn rules_survive(address in any_address(), length in 1u8..=32, table in 1u32.., priority in 1u32..) {
            let mut spec = RuleSpec::new(address.is_ipv6(), RuleKind::Table(table));
            spec.from = Some(Prefix { address, length });
            spec.priority = Some(priority);
            let RouteNetlinkMessage::NewRule(m) = through_the_wire(&Change::AddRule(spec.clone())) else { panic!() };
            prop_assert_eq!(RuleSpec::from_message(&m), Some(spec));
        }
    }

    #[test]
    fn an_ipvlan_is_one_of_mode_l2() {
        let spec = IpvlanSpec {
            name: "vrrp.51".to_owned(),
            parent: 4,
            isolation: super::super::IpvlanIsolation::Private,
            group: 0,
        };
        let RouteNetlinkMessage::NewLink(m) = through_the_wire(&Change::AddIpvlan(spec)) else { panic!() };
        let link = super::super::Link::from_message(&m).unwrap();
        assert_eq!(
            (link.kind.as_deref(), link.parent, link.name.as_str()),
            (Some("ipvlan"), Some(4), "vrrp.51")
        );
    }
}
