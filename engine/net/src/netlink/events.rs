//! What others change: links, addresses, routes, rules, as the kernel tells it.
//!
//! Renewals of our own leases would be told to us as well, hundreds a second; a socket filter drops them in
//! the kernel, so that they cost nothing here.

use std::collections::VecDeque;
use std::io;

use netlink_packet_core::NetlinkPayload;
use netlink_packet_route::RouteNetlinkMessage;
use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_ROUTE};
use socket2::{SockFilter, SockRef};

use super::socket::split;
use super::{InterfaceAddress, Link, Netlink, PROTOCOL_KEEPALIVED, Route, RuleSpec};
use crate::raw::{
    answer, if_equal, load_attribute, load_byte, load_byte_behind, load_half, load_index, load_value,
    load_word, to_index, unless_equal,
};
use crate::watch::Watched;

/// Receive buffer unless another is asked for, bytes.
const USUAL_BUFFER: usize = 1 << 20;

/// Longest datagram of notifications.
const RECEIVE: usize = 64 * 1024;

/// Bits of the multicast groups listened to: the group's number less one.
const GROUPS: [u32; 7] = [1, 5, 7, 8, 9, 11, 19];

/// One change of the kernel's tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NetlinkEvent {
    /// A link appeared or changed.
    Link(Link),
    /// A link is gone.
    LinkGone {
        /// Its index.
        index: u32,
        /// Its name.
        name: String,
    },
    /// An address appeared or changed.
    Address(InterfaceAddress),
    /// An address is gone.
    AddressGone {
        /// The address.
        address: InterfaceAddress,
        /// Whether [`Netlink`] of this process removed it; always false for IPv6, where the kernel does not
        /// say.
        by_us: bool,
    },
    /// A route appeared or changed.
    Route(Route),
    /// A route is gone.
    RouteGone {
        /// The route.
        route: Route,
        /// Whether [`Netlink`] of this process removed it.
        by_us: bool,
    },
    /// A rule appeared.
    Rule(RuleSpec),
    /// A rule is gone.
    RuleGone {
        /// The rule.
        rule: RuleSpec,
        /// Whether [`Netlink`] of this process removed it.
        by_us: bool,
    },
    /// The kernel dropped notifications: everything has to be listed again.
    Lost,
}

/// The stream of changes, from the moment it is opened.
pub struct NetlinkEvents {
    socket: Watched<Socket>,
    ours: u32,
    waiting: VecDeque<NetlinkEvent>,
    buffer: Vec<u8>,
}

impl std::fmt::Debug for NetlinkEvents {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NetlinkEvents").field("ours", &self.ours).finish_non_exhaustive()
    }
}

impl NetlinkEvents {
    /// Opens the stream, in the network namespace of the calling thread. `ours` is the socket that makes this
    /// process's changes; `receive_buffer` (`vrrp_netlink_monitor_rcv_bufs`, bytes) is forced past the
    /// system's limit where that is allowed.
    ///
    /// # Errors
    /// As the operating system tells them.
    pub fn open(ours: &Netlink, receive_buffer: Option<usize>) -> io::Result<NetlinkEvents> {
        let mut socket = Socket::new(NETLINK_ROUTE)?;
        socket.set_non_blocking(true)?;
        let size = receive_buffer.unwrap_or(USUAL_BUFFER);
        crate::raw::set_receive_buffer(&SockRef::from(&socket), size)?;
        SockRef::from(&socket).attach_filter(&without_renewals(ours.port()))?;
        let groups = GROUPS.iter().fold(0, |all, g| all | 1 << (g - 1));
        socket.bind(&SocketAddr::new(0, groups))?;
        Ok(NetlinkEvents {
            socket: Watched::new(socket)?,
            ours: ours.port(),
            waiting: VecDeque::new(),
            buffer: vec![0; RECEIVE],
        })
    }

    /// The next change. Cancelling the future loses nothing.
    ///
    /// # Errors
    /// As the operating system tells them.
    pub async fn next(&mut self) -> io::Result<NetlinkEvent> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return Ok(event);
            }
            let buffer = &mut self.buffer;
            let receive = |s: &Socket| s.recv(&mut buffer.as_mut_slice(), 0);
            let length = match self.socket.when_readable(receive).await {
                Err(e) if e.raw_os_error() == Some(libc::ENOBUFS) => return Ok(NetlinkEvent::Lost),
                got => got?,
            };
            let ours = self.ours;
            let messages = split(self.buffer.get(..length).unwrap_or(&[]));
            let events = messages.filter_map(|m| event(m.decode()?, m.port == ours));
            self.waiting.extend(events);
        }
    }
}

fn event(message: NetlinkPayload<RouteNetlinkMessage>, by_us: bool) -> Option<NetlinkEvent> {
    let NetlinkPayload::InnerMessage(message) = message else { return None };
    match message {
        RouteNetlinkMessage::NewLink(l) => Link::from_message(&l).map(NetlinkEvent::Link),
        RouteNetlinkMessage::DelLink(l) => {
            Link::from_message(&l).map(|l| NetlinkEvent::LinkGone { index: l.index, name: l.name })
        }
        RouteNetlinkMessage::NewAddress(a) => InterfaceAddress::from_message(&a).map(NetlinkEvent::Address),
        RouteNetlinkMessage::DelAddress(a) => {
            InterfaceAddress::from_message(&a).map(|address| NetlinkEvent::AddressGone { address, by_us })
        }
        RouteNetlinkMessage::NewRoute(r) => Route::from_message(&r).map(NetlinkEvent::Route),
        RouteNetlinkMessage::DelRoute(r) => {
            Route::from_message(&r).map(|route| NetlinkEvent::RouteGone { route, by_us })
        }
        RouteNetlinkMessage::NewRule(r) => RuleSpec::from_message(&r).map(NetlinkEvent::Rule),
        RouteNetlinkMessage::DelRule(r) => {
            RuleSpec::from_message(&r).map(|rule| NetlinkEvent::RuleGone { rule, by_us })
        }
        _ => None,
    }
}

/// A filter (classic BPF) that drops "address added" where one socket caused it. The kernel names no cause
/// for IPv6 addresses; there, those marked as this daemon's are dropped. Netlink headers are in the machine's
/// byte order and the filter's loads in the network's, hence the swaps.
fn without_renewals(port: u32) -> [SockFilter; 15] {
    const TYPE: u32 = 4;
    const PORT: u32 = 12;
    const FAMILY: u32 = 16;
    const ATTRIBUTES: u32 = 24;
    const IFA_PROTO: u32 = 11;
    [
        load_half(TYPE),
        unless_equal(u32::from(libc::RTM_NEWADDR.to_be()), 11),
        load_word(PORT),
        if_equal(port.to_be(), 10),
        load_byte(FAMILY),
        unless_equal(libc::AF_INET6.cast_unsigned(), 7),
        load_index(IFA_PROTO),
        load_value(ATTRIBUTES),
        load_attribute(),
        if_equal(0, 3),
        to_index(),
        load_byte_behind(4),
        if_equal(u32::from(PROTOCOL_KEEPALIVED), 1),
        answer(u32::MAX),
        answer(0),
    ]
}
