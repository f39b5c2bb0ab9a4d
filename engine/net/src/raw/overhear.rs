//! Adverts to the VRRP group on a link whose own instances only speak unicast.
//!
//! Joining the group would send IGMP or MLD reports. A packet socket only tells the link to let the group's
//! MAC address in, so nothing is sent, and a filter in the kernel keeps everything else out
//! (RFC 5798 §5.1.1.2, §5.1.2.2).

use std::io::{self, Read};
use std::os::fd::AsRawFd;

use socket2::{Domain, Protocol, SockFilter, Socket, Type};

use super::{VRRP_GROUP_V4, answer, if_equal, load_byte, load_word, message, unless_equal};
use crate::watch::Watched;

/// The longest advert: 255 IPv6 addresses and all headers.
const LONGEST: usize = 4200;

const ETHERTYPE_IPV4: u16 = 0x0800;
const ETHERTYPE_IPV6: u16 = 0x86dd;

/// RFC 1112 §6.4, RFC 2464 §7.
const MAC_V4: [u8; 6] = [0x01, 0x00, 0x5e, 0x00, 0x00, 0x12];
const MAC_V6: [u8; 6] = [0x33, 0x33, 0x00, 0x00, 0x00, 0x12];

const VRRP: u32 = 112;
const AUTHENTICATED: u32 = 51;

/// An ear for the group of one address family on one link.
#[derive(Debug)]
pub struct Overhearing {
    socket: Watched<Socket>,
}

impl Overhearing {
    /// Listens on the link of this index; the caller's thread must be a tokio runtime's.
    ///
    /// # Errors
    /// As the operating system tells them; needs `CAP_NET_RAW`.
    pub fn open(link: u32, v6: bool) -> io::Result<Overhearing> {
        // nothing is heard before the filter is in place: binding names the protocol
        let socket = Socket::new(Domain::PACKET, Type::DGRAM.nonblocking().cloexec(), None::<Protocol>)?;
        socket.attach_filter(&if v6 { filter_v6() } else { filter_v4() })?;
        let (ethertype, mac) = if v6 { (ETHERTYPE_IPV6, MAC_V6) } else { (ETHERTYPE_IPV4, MAC_V4) };
        socket.bind(&message::link_address(link, ethertype))?;
        message::let_group_in(socket.as_raw_fd(), link, mac)?;
        Ok(Overhearing { socket: Watched::new(socket)? })
    }

    /// The next one, from its IP header on. Cancelling the future loses nothing.
    ///
    /// # Errors
    /// As the operating system tells them.
    pub async fn next(&self) -> io::Result<Vec<u8>> {
        let mut packet = vec![0u8; LONGEST];
        loop {
            match self.socket.when_readable(|mut s| s.read(&mut packet)).await {
                // a link that went down says so once
                Err(e) if e.raw_os_error() == Some(libc::ENETDOWN) => {}
                Err(e) => return Err(e),
                Ok(length) => {
                    packet.truncate(length);
                    return Ok(packet);
                }
            }
        }
    }
}

const DROP: SockFilter = answer(0);
const PASS: SockFilter = answer(LONGEST as u32);

fn filter_v4() -> [SockFilter; 8] {
    const PROTOCOL: u32 = 9;
    const DESTINATION: u32 = 16;
    [
        load_byte(PROTOCOL),
        if_equal(VRRP, 2),
        if_equal(AUTHENTICATED, 1),
        DROP,
        load_word(DESTINATION),
        if_equal(u32::from(VRRP_GROUP_V4), 1),
        DROP,
        PASS,
    ]
}

fn filter_v6() -> [SockFilter; 8] {
    const NEXT_HEADER: u32 = 6;
    const DESTINATION: u32 = 24;
    const DESTINATION_END: u32 = 36;
    [
        load_byte(NEXT_HEADER),
        unless_equal(VRRP, 4),
        load_word(DESTINATION),
        unless_equal(0xff02_0000, 2),
        load_word(DESTINATION_END),
        if_equal(0x12, 1),
        DROP,
        PASS,
    ]
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, UdpSocket};

    use super::*;
    use crate::lab::{in_lab, soon};
    use crate::netlink::Netlink;

    #[test]
    fn adverts_to_the_group_are_heard_and_nothing_else() {
        in_lab("overheard adverts", async |lab| {
            let link = Netlink::open().unwrap().link("va").unwrap().unwrap().index;
            let ear = Overhearing::open(link, false).unwrap();
            lab.at_peer(|| {
                let udp = UdpSocket::bind("10.9.0.2:0").unwrap();
                udp.send_to(b"no", (VRRP_GROUP_V4, 9)).unwrap();
                let raw = Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::from(112))).unwrap();
                raw.set_multicast_if_v4(&Ipv4Addr::new(10, 9, 0, 2)).unwrap();
                let to = |address: Ipv4Addr| std::net::SocketAddr::from((address, 0)).into();
                raw.send_to(b"unicast", &to(Ipv4Addr::new(10, 9, 0, 1))).unwrap();
                raw.send_to(b"advert", &to(VRRP_GROUP_V4)).unwrap();
            });
            let packet = soon("the advert", ear.next()).await.unwrap();
            assert_eq!(packet.get(20..), Some(&b"advert"[..]));
        });
    }
}
