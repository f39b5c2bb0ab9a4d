//! The way to the kernel: which number the family has, changes in batches.

use std::io;
use std::time::Duration;

use netlink_packet_core::{NLM_F_ACK, NLM_F_REQUEST};
use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_GENERIC};
use socket2::SockRef;

use super::IpvsChange;
use super::codec::{attributes, request};
use crate::netlink::{ChangeError, split};

/// The family that knows the numbers of the others (linux/genetlink.h).
const CONTROL_FAMILY: u16 = 0x10;
const GET_FAMILY: u8 = 3;
const FAMILY_ID: u16 = 1;
const FAMILY_NAME: u16 = 2;

/// An answer that is an error, or none (linux/netlink.h).
const ERROR: u16 = 2;

/// Most messages in one system call.
const BATCH: usize = 64;

/// As for the kernel's other tables: it answers at once.
const PATIENCE: Duration = Duration::from_secs(2);

/// A socket for changes, in the network namespace of the thread that opened it.
pub struct Ipvs {
    link: GenericNetlink,
    family: u16,
}

impl std::fmt::Debug for Ipvs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ipvs").field("family", &self.family).finish_non_exhaustive()
    }
}

impl Ipvs {
    /// Opens the socket; the kernel loads its module if it has one.
    ///
    /// # Errors
    /// `Unsupported` when this kernel has no IPVS; otherwise as the operating system tells them.
    pub fn open() -> io::Result<Ipvs> {
        let mut link = GenericNetlink::open()?;
        let family = link.family("IPVS").map_err(|e| match e.raw_os_error() {
            Some(libc::ENOENT) => io::Error::new(io::ErrorKind::Unsupported, "this kernel has no IPVS"),
            _ => e,
        })?;
        Ok(Ipvs { link, family })
    }

    /// Makes changes in order, many a system call. One that fails does not keep the others from being made.
    ///
    /// # Errors
    /// The socket failed; what was refused is in the list returned.
    pub fn apply(&mut self, changes: &[IpvsChange]) -> io::Result<Vec<ChangeError>> {
        let mut refused = Vec::new();
        for (round, part) in changes.chunks(BATCH).enumerate() {
            let messages: Vec<Vec<u8>> = part.iter().map(IpvsChange::encode).collect();
            let failed = self.link.exchange(self.family, &messages, &mut |_, _| {})?;
            let first = round * BATCH;
            refused.extend(failed.into_iter().map(|e| ChangeError { position: first + e.position, ..e }));
        }
        Ok(refused)
    }
}

/// A generic netlink socket.
struct GenericNetlink {
    socket: Socket,
    sequence: u32,
    buffer: Vec<u8>,
}

impl GenericNetlink {
    fn open() -> io::Result<GenericNetlink> {
        let mut socket = Socket::new(NETLINK_GENERIC)?;
        socket.bind_auto()?;
        socket.connect(&SocketAddr::new(0, 0))?;
        let _ = socket.set_cap_ack(true);
        SockRef::from(&socket).set_read_timeout(Some(PATIENCE))?;
        Ok(GenericNetlink { socket, sequence: 0, buffer: vec![0; 64 * 1024] })
    }

    /// The number of a family.
    fn family(&mut self, name: &str) -> io::Result<u16> {
        let question = request(GET_FAMILY, |a| a.text(FAMILY_NAME, name));
        let mut id = None;
        let failed = self.exchange(CONTROL_FAMILY, &[question], &mut |kind, body| {
            if kind == CONTROL_FAMILY {
                let found = attributes(body.get(4..).unwrap_or(&[])).find(|(k, _)| *k == FAMILY_ID);
                id = found.and_then(|(_, v)| v.try_into().ok()).map(u16::from_ne_bytes);
            }
        })?;
        match failed.into_iter().next() {
            Some(e) => Err(e.error),
            None => id.ok_or_else(|| io::ErrorKind::InvalidData.into()),
        }
    }

    /// Sends requests in one call and hands answers to `told`; the last alone asks for an acknowledgement.
    fn exchange(
        &mut self,
        family: u16,
        requests: &[Vec<u8>],
        told: &mut dyn FnMut(u16, &[u8]),
    ) -> io::Result<Vec<ChangeError>> {
        let Some(last) = requests.len().checked_sub(1) else { return Ok(Vec::new()) };
        let first = self.sequence.wrapping_add(1);
        let mut out = Vec::new();
        for (position, body) in requests.iter().enumerate() {
            self.sequence = self.sequence.wrapping_add(1);
            let flags = NLM_F_REQUEST | if position == last { NLM_F_ACK } else { 0 };
            out.extend(u32::try_from(16 + body.len()).unwrap_or(0).to_ne_bytes());
            out.extend(family.to_ne_bytes());
            out.extend(flags.to_ne_bytes());
            out.extend(self.sequence.to_ne_bytes());
            out.extend([0; 4]);
            out.extend(body);
            out.resize(out.len().next_multiple_of(4), 0);
        }
        self.socket.send(&out, 0)?;
        let mut failed = Vec::new();
        loop {
            let length = self.socket.recv(&mut self.buffer.as_mut_slice(), 0)?;
            for message in split(self.buffer.get(..length).unwrap_or(&[])) {
                let position = message.sequence.wrapping_sub(first) as usize;
                if position > last {
                    continue;
                }
                if message.kind != ERROR {
                    told(message.kind, message.body());
                    continue;
                }
                let code = message.body().first_chunk().copied().map_or(0, i32::from_ne_bytes);
                if code != 0 {
                    let error = io::Error::from_raw_os_error(code.saturating_neg());
                    failed.push(ChangeError { position, error });
                }
                if position == last {
                    return Ok(failed);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_have_numbers_or_are_not_there() {
        let mut link = GenericNetlink::open().unwrap();
        assert_eq!(link.family("nlctrl").unwrap(), CONTROL_FAMILY);
        let e = link.family("rha-no-such").unwrap_err();
        assert_eq!(e.raw_os_error(), Some(libc::ENOENT));
        // Whichever this kernel is, the answer is a plain one.
        if let Err(e) = Ipvs::open() {
            assert_eq!(
                (e.kind(), e.to_string().as_str()),
                (io::ErrorKind::Unsupported, "this kernel has no IPVS")
            );
        }
    }
}
