//! `sendmsg` and `recvmsg` with the few control messages the daemons need, and socket options that socket2
//! has not.
#![allow(unsafe_code, reason = "control messages have no safe wrapper")]

use std::io;
use std::mem::{self, MaybeUninit};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsRawFd, RawFd};

use socket2::{SockAddr, SockAddrStorage, SockRef};

/// Space for control messages: several times what is asked for.
const CONTROL: usize = 256;

/// What a datagram came with, besides its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Control {
    /// Bytes placed into the buffer.
    pub(crate) length: usize,
    /// It was longer than the buffer.
    pub(crate) cut: bool,
    /// Who sent it; the port is 0 for raw sockets.
    pub(crate) source: SocketAddr,
    /// The address it was sent to, where that was asked for.
    pub(crate) destination: Option<IpAddr>,
    /// Index of the interface it came by, where that was asked for.
    pub(crate) link: Option<u32>,
    /// TTL or hop limit, where that was asked for.
    pub(crate) hop_limit: Option<u8>,
}

/// Storage aligned for control messages.
#[repr(C, align(8))]
struct ControlSpace([u8; CONTROL]);

/// Receives one datagram without waiting.
pub(crate) fn receive(fd: RawFd, buffer: &mut [u8]) -> io::Result<Control> {
    let mut storage = SockAddrStorage::zeroed();
    let mut space = ControlSpace([0; CONTROL]);
    let mut iov = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
    // SAFETY: an all-zero msghdr is valid: null pointers and zero lengths.
    let mut header: libc::msghdr = unsafe { mem::zeroed() };
    header.msg_name = (&raw mut storage).cast();
    header.msg_namelen = storage.size_of();
    header.msg_iov = &raw mut iov;
    header.msg_iovlen = 1;
    header.msg_control = space.0.as_mut_ptr().cast();
    header.msg_controllen = CONTROL;
    // SAFETY: every pointer in `header` is to a live local (or `buffer`) of the length given.
    let n = unsafe { libc::recvmsg(fd, &raw mut header, libc::MSG_DONTWAIT) };
    let length = usize::try_from(n).map_err(|_| io::Error::last_os_error())?;
    // SAFETY: the kernel wrote an address of msg_namelen bytes into the storage.
    let source = unsafe { SockAddr::new(storage, header.msg_namelen) };
    let mut control = Control {
        length,
        cut: header.msg_flags & libc::MSG_TRUNC != 0,
        source: source.as_socket().ok_or(io::ErrorKind::InvalidData)?,
        destination: None,
        link: None,
        hop_limit: None,
    };
    read_control(&header, &mut control);
    Ok(control)
}

fn read_control(header: &libc::msghdr, control: &mut Control) {
    // SAFETY: `header` describes control space the kernel has filled; the CMSG functions stay inside it.
    let mut next = unsafe { libc::CMSG_FIRSTHDR(header) };
    // SAFETY: a non-null pointer from CMSG_FIRSTHDR or CMSG_NXTHDR is to a whole header.
    while let Some(message) = unsafe { next.as_ref() } {
        let kind = (message.cmsg_level, message.cmsg_type);
        // SAFETY: as above; the data of these kinds have the types read, of which each read copies one.
        unsafe {
            let data = libc::CMSG_DATA(next);
            match kind {
                (libc::IPPROTO_IP, libc::IP_PKTINFO) => {
                    let info = data.cast::<libc::in_pktinfo>().read_unaligned();
                    control.link = u32::try_from(info.ipi_ifindex).ok();
                    let address = u32::from_be(info.ipi_addr.s_addr);
                    control.destination = Some(IpAddr::V4(Ipv4Addr::from(address)));
                }
                (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) => {
                    let info = data.cast::<libc::in6_pktinfo>().read_unaligned();
                    control.link = Some(info.ipi6_ifindex);
                    control.destination = Some(IpAddr::V6(Ipv6Addr::from(info.ipi6_addr.s6_addr)));
                }
                (libc::IPPROTO_IP, libc::IP_TTL) | (libc::IPPROTO_IPV6, libc::IPV6_HOPLIMIT) => {
                    control.hop_limit = u8::try_from(data.cast::<libc::c_int>().read_unaligned()).ok();
                }
                _ => {}
            }
        }
        // SAFETY: `next` came from these functions and `header` is unchanged.
        next = unsafe { libc::CMSG_NXTHDR(header, next) };
    }
}

/// Sends one datagram without waiting; `from` names the IPv6 source address and interface it leaves by.
pub(crate) fn send(fd: RawFd, bytes: &[u8], to: &SockAddr, from: Option<(Ipv6Addr, u32)>) -> io::Result<()> {
    let mut space = ControlSpace([0; CONTROL]);
    let mut iov = libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
    // SAFETY: an all-zero msghdr is valid: null pointers and zero lengths.
    let mut header: libc::msghdr = unsafe { mem::zeroed() };
    header.msg_name = to.as_ptr().cast_mut().cast();
    header.msg_namelen = to.len();
    header.msg_iov = &raw mut iov;
    header.msg_iovlen = 1;
    if let Some((address, link)) = from {
        header.msg_control = space.0.as_mut_ptr().cast();
        header.msg_controllen = CONTROL;
        header.msg_controllen = write_source(&header, address, link);
    }
    // SAFETY: every pointer in `header` is to live memory of the length given; sending writes none of it.
    let n = unsafe { libc::sendmsg(fd, &raw const header, libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL) };
    if n < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Writes one `IPV6_PKTINFO`; its space.
fn write_source(header: &libc::msghdr, address: Ipv6Addr, link: u32) -> usize {
    let info =
        libc::in6_pktinfo { ipi6_addr: libc::in6_addr { s6_addr: address.octets() }, ipi6_ifindex: link };
    let size = u32::try_from(size_of::<libc::in6_pktinfo>()).unwrap_or(0);
    // SAFETY: the control space is `CONTROL` bytes, aligned, and larger than one such message.
    unsafe {
        let Some(message) = libc::CMSG_FIRSTHDR(header).as_mut() else { return 0 };
        message.cmsg_level = libc::IPPROTO_IPV6;
        message.cmsg_type = libc::IPV6_PKTINFO;
        message.cmsg_len = libc::CMSG_LEN(size) as _;
        libc::CMSG_DATA(message).cast::<libc::in6_pktinfo>().write_unaligned(info);
        libc::CMSG_SPACE(size) as usize
    }
}

/// Sets a socket option that is a number to 1.
pub(crate) fn switch_on(fd: RawFd, level: libc::c_int, name: libc::c_int) -> io::Result<()> {
    set_number(fd, level, name, 1)
}

/// Sets a socket option that is a number.
pub(crate) fn set_number(
    fd: RawFd,
    level: libc::c_int,
    name: libc::c_int,
    value: libc::c_int,
) -> io::Result<()> {
    let size = libc::socklen_t::try_from(size_of::<libc::c_int>()).unwrap_or(0);
    // SAFETY: a pointer to a live number and its size.
    let r = unsafe { libc::setsockopt(fd, level, name, (&raw const value).cast(), size) };
    if r == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Sets a receive buffer's size, past the system's limit where this process may.
pub(crate) fn set_receive_buffer(socket: &SockRef<'_>, bytes: usize) -> io::Result<()> {
    let value = libc::c_int::try_from(bytes).unwrap_or(libc::c_int::MAX);
    set_number(socket.as_raw_fd(), libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, value)
        .or_else(|_| socket.set_recv_buffer_size(bytes))
}

/// An `AF_PACKET` address: an interface and, for sending, an Ethernet protocol.
pub(super) fn link_address(link: u32, protocol: u16) -> SockAddr {
    let mut storage = SockAddrStorage::zeroed();
    // SAFETY: sockaddr_storage is larger and more aligned than sockaddr_ll, and all zero before.
    let place = unsafe { storage.view_as::<libc::sockaddr_ll>() };
    place.sll_family = libc::AF_PACKET as u16;
    place.sll_protocol = protocol.to_be();
    place.sll_ifindex = link.cast_signed();
    place.sll_halen = 6;
    let size = libc::socklen_t::try_from(size_of::<libc::sockaddr_ll>()).unwrap_or(0);
    // SAFETY: a sockaddr_ll of this length was written.
    unsafe { SockAddr::new(storage, size) }
}

/// Makes a link pass up frames to a group, as far as an `AF_PACKET` socket lives; nothing is sent for it.
pub(super) fn let_group_in(fd: RawFd, link: u32, mac: [u8; 6]) -> io::Result<()> {
    let mut address = [0u8; 8];
    address[..6].copy_from_slice(&mac);
    let request = libc::packet_mreq {
        mr_ifindex: link.cast_signed(),
        mr_type: libc::PACKET_MR_MULTICAST as u16,
        mr_alen: 6,
        mr_address: address,
    };
    let size = libc::socklen_t::try_from(size_of::<libc::packet_mreq>()).unwrap_or(0);
    // SAFETY: a pointer to a live structure of this option's kind and its size.
    let r = unsafe {
        libc::setsockopt(fd, libc::SOL_PACKET, libc::PACKET_ADD_MEMBERSHIP, (&raw const request).cast(), size)
    };
    if r == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Receives a frame from an `AF_PACKET` socket without waiting: its length (as far as it fitted) and the
/// index of the interface.
pub(super) fn receive_frame(fd: RawFd, buffer: &mut [u8]) -> io::Result<(usize, u32)> {
    let mut address = MaybeUninit::<libc::sockaddr_ll>::zeroed();
    let mut size = libc::socklen_t::try_from(size_of::<libc::sockaddr_ll>()).unwrap_or(0);
    // SAFETY: buffer and address are live and of the lengths given.
    let n = unsafe {
        libc::recvfrom(
            fd,
            buffer.as_mut_ptr().cast(),
            buffer.len(),
            libc::MSG_DONTWAIT,
            address.as_mut_ptr().cast(),
            &raw mut size,
        )
    };
    let length = usize::try_from(n).map_err(|_| io::Error::last_os_error())?;
    // SAFETY: zeroed is a valid sockaddr_ll, and the kernel wrote one over it.
    let address = unsafe { address.assume_init() };
    Ok((length, address.sll_ifindex.cast_unsigned()))
}
