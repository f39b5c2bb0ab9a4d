//! Sockets for adverts, shared by all instances of one interface, family, protocol and kind.
//!
//! Each has a task that waits for packets and posts them to the worker; [`Sockets::drain`] takes what is
//! already there, because packets have to be heard before a timer that they would have restarted.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::rc::Rc;

use rha_ir::failover::{AdvertTarget, VrrpInstance};
use rha_net::raw::{IpProtocolNumber, Outgoing, Received, VrrpSocket, VrrpSocketOptions};
use rha_vrrp::{Config, Datagram, Family};
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::JoinHandle;

use super::Event;
use crate::plan::instance::running_interface;

/// Largest packet that is worth reading: 255 IPv6 addresses and headers.
const BUFFER: usize = 4352;

/// What tells sockets apart.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SocketKey {
    /// Interface; empty for unicast instances without one.
    pub interface: String,
    /// The interface the instance is configured on: the same unless it has a macvlan of its own.
    pub base: String,
    /// IPv6.
    pub v6: bool,
    /// The authentication header's protocol.
    pub authenticated: bool,
    /// The group, or the source address of unicast.
    pub place: IpAddr,
    /// Unicast.
    pub unicast: bool,
    /// `vrf`, of instances without an interface.
    pub vrf: Option<String>,
}

impl SocketKey {
    /// The socket an instance hears on.
    #[must_use]
    pub fn of(i: &VrrpInstance, c: &Config) -> SocketKey {
        let v6 = c.family == Family::V6;
        let (place, unicast) = match &i.target {
            AdvertTarget::Multicast(group) => (*group, false),
            AdvertTarget::Unicast(_) => (i.source.unwrap_or(unspecified(v6)), true),
        };
        let on_base = i.vmac.as_ref().is_some_and(|m| m.xmit_base) || i.vmac.is_none() || unicast;
        let interface = if on_base { i.interface.clone() } else { running_interface(i).to_owned() };
        SocketKey {
            interface,
            base: i.interface.clone(),
            v6,
            authenticated: c.auth.number() == 2,
            place,
            unicast,
            vrf: i.vrf.clone(),
        }
    }

    /// COMPAT: the line that `-D` shows for each socket.
    #[must_use]
    pub fn line(&self, index: u32, fd: i32) -> String {
        format!(
            "VRRP sockpool: [ifindex({index:3}), family({}), proto({}), fd({fd},{fd}) {}, address({})]",
            if self.v6 { "IPv6" } else { "IPv4" },
            if self.authenticated { 51 } else { 112 },
            if self.unicast { ", unicast" } else { "multicast" },
            self.place,
        )
    }
}

fn unspecified(v6: bool) -> IpAddr {
    if v6 { Ipv6Addr::UNSPECIFIED.into() } else { Ipv4Addr::UNSPECIFIED.into() }
}

/// A packet as it came, with what IPv6 tells only beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet {
    bytes: Vec<u8>,
    v6: Option<(Ipv6Addr, Option<Ipv6Addr>, Option<u8>)>,
    /// Index of the interface it came by.
    pub link: Option<u32>,
}

impl Packet {
    fn new(r: &Received<'_>) -> Packet {
        let v6 = match r.source {
            IpAddr::V4(_) => None,
            IpAddr::V6(from) => {
                let to = r.destination.and_then(|d| if let IpAddr::V6(d) = d { Some(d) } else { None });
                Some((from, to, r.hop_limit))
            }
        };
        let mut bytes = Vec::with_capacity(r.header.len() + r.payload.len());
        bytes.extend_from_slice(r.header);
        bytes.extend_from_slice(r.payload);
        Packet { bytes, v6, link: r.link }
    }

    /// For the machine.
    #[must_use]
    pub fn datagram(&self) -> Datagram<'_> {
        match self.v6 {
            None => Datagram::v4(&self.bytes),
            Some((from, to, hops)) => Datagram::v6(&self.bytes, from, to, hops),
        }
    }
}

#[derive(Debug)]
struct Open {
    socket: Rc<VrrpSocket>,
    index: u32,
    task: JoinHandle<()>,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// All of them.
#[derive(Debug)]
pub struct Sockets {
    open: BTreeMap<SocketKey, Open>,
    post: UnboundedSender<Event>,
}

impl Sockets {
    /// None yet; packets will be posted to `post`.
    #[must_use]
    pub fn new(post: UnboundedSender<Event>) -> Sockets {
        Sockets { open: BTreeMap::new(), post }
    }

    /// Makes sure of a socket on the interface of this index. A socket on an interface that has come back
    /// under another number is replaced.
    ///
    /// # Errors
    /// As the operating system tells them.
    pub fn ensure(&mut self, key: &SocketKey, index: u32, receive_buffer: Option<usize>) -> io::Result<bool> {
        if self.open.get(key).is_some_and(|o| o.index == index) {
            return Ok(false);
        }
        let protocol =
            if key.authenticated { IpProtocolNumber::Authenticated } else { IpProtocolNumber::Vrrp };
        let link = (!key.interface.is_empty()).then(|| (key.interface.clone(), index));
        let options = VrrpSocketOptions {
            v6: key.v6,
            protocol,
            link,
            vrf: key.vrf.clone(),
            group: (!key.unicast).then_some(key.place),
            receive_buffer,
            mark: None,
        };
        let socket = Rc::new(VrrpSocket::open(&options)?);
        let task = tokio::task::spawn_local(listen(socket.clone(), key.clone(), self.post.clone()));
        self.open.insert(key.clone(), Open { socket, index, task });
        Ok(true)
    }

    /// Joins the group again, after the interface was down.
    pub fn rejoin(&self, key: &SocketKey) {
        if let Some(o) = self.open.get(key).filter(|_| !key.unicast) {
            let _ = o.socket.rejoin(key.place);
        }
    }

    /// Closes what is not in `wanted`.
    pub fn keep(&mut self, wanted: &[SocketKey]) {
        self.open.retain(|k, _| wanted.contains(k));
    }

    /// Its descriptor, -1 if it is not open.
    #[must_use]
    pub fn fd(&self, key: &SocketKey) -> i32 {
        self.open.get(key).map_or(-1, |o| o.socket.descriptor())
    }

    /// Sends what the machine made: a whole IPv4 datagram, or an IPv6 payload.
    ///
    /// # Errors
    /// As the operating system tells them.
    pub fn send(
        &self,
        key: &SocketKey,
        source: Option<IpAddr>,
        to: IpAddr,
        ttl: u8,
        bytes: &[u8],
    ) -> io::Result<()> {
        let Some(o) = self.open.get(key) else { return Err(io::ErrorKind::NotConnected.into()) };
        let out = if key.v6 {
            let source = source.ok_or(io::ErrorKind::AddrNotAvailable)?;
            Outgoing { source, destination: to, identification: 0, hop_limit: ttl, payload: bytes }
        } else {
            split_v4(bytes, to).ok_or(io::ErrorKind::InvalidInput)?
        };
        o.socket.send(&out)
    }

    /// Every packet that is there already.
    pub fn drain(&self) -> Vec<(SocketKey, Packet)> {
        let mut all = Vec::new();
        let mut buffer = vec![0; BUFFER];
        for (key, o) in &self.open {
            while let Ok(Some(r)) = o.socket.try_receive(&mut buffer) {
                if !r.cut {
                    all.push((key.clone(), Packet::new(&r)));
                }
            }
        }
        all
    }
}

/// The parts of a whole datagram that the socket builds the same header from.
fn split_v4(bytes: &[u8], to: IpAddr) -> Option<Outgoing<'_>> {
    let (header, payload) = bytes.split_at_checked(20)?;
    let byte = |n: usize| header.get(n).copied();
    let identification = u16::from_be_bytes([byte(4)?, byte(5)?]);
    let source = Ipv4Addr::new(byte(12)?, byte(13)?, byte(14)?, byte(15)?);
    Some(Outgoing { source: source.into(), destination: to, identification, hop_limit: byte(8)?, payload })
}

async fn listen(socket: Rc<VrrpSocket>, key: SocketKey, post: UnboundedSender<Event>) {
    let mut buffer = vec![0; BUFFER];
    loop {
        let packet = match socket.receive(&mut buffer).await {
            Ok(r) if r.cut => continue,
            Ok(r) => Packet::new(&r),
            Err(e) if e.raw_os_error() == Some(100) => continue, // ENETDOWN: said once
            Err(_) => {
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                continue;
            }
        };
        if post.send(Event::Packet(key.clone(), packet)).is_err() {
            return;
        }
    }
}
