//! Checks of one datagram each way: `DNS_CHECK`, `UDP_CHECK`, `PING_CHECK`.
//!
//! RFC 1035 §4.1, RFC 792, RFC 4443 §4. COMPAT: to `DNS_CHECK` any answer with our id and code 0 will do, whatever is
//! in it; `UDP_CHECK` without `require_reply` is content with silence.

use hickory_proto::op::{Header, Message, MessageType, OpCode, Query};
use hickory_proto::rr::{Name, RecordType};
use hickory_proto::serialize::binary::{BinDecodable as _, BinDecoder};

use super::super::change::Event;
use super::super::plan::UdpPlan;
use super::super::watch::Verdict;
use super::{Given, Progress, filler, target};

/// `DNS_CHECK`.
#[derive(Debug, Clone)]
pub(in super::super) struct Dns {
    id: u16,
    /// Empty when the name cannot be asked for.
    query: Vec<u8>,
    target: String,
    connected: bool,
}

impl Dns {
    pub(super) fn new(given: &Given<'_>, kind: u16, name: &str) -> Dns {
        let id = given.random as u16;
        let query = query(id, kind, name).unwrap_or_default();
        Dns { id, query, target: target(given), connected: false }
    }

    pub(super) fn handle(&mut self, event: Event) -> Progress {
        match event {
            Event::Connected if self.query.is_empty() => Progress::bad("failed to write socket."),
            Event::Connected => {
                self.connected = true;
                // COMPAT: the timeout runs from the connection on, not from the query
                Progress { renew: false, ..Progress::send(self.query.clone()) }
            }
            Event::Data(answer) => self.read(&answer),
            Event::Unreachable => Progress::bad(format!("network unreachable for {}", self.target)),
            Event::WriteError => Progress::bad("failed to write socket."),
            Event::ReadError { errno, text } => {
                Progress::bad(format!("failed to read socket; errno {errno} ({text})"))
            }
            _ if self.connected => Progress::default(),
            _ => Progress::bad("connection failure."),
        }
    }

    pub(super) fn timeout(&self) -> Verdict {
        Verdict::Bad(
            if self.connected { "read timeout from socket" } else { "connection timeout." }.to_owned(),
        )
    }

    /// Strangers' datagrams, and queries, are passed over.
    fn read(&self, answer: &[u8]) -> Progress {
        match Header::read(&mut BinDecoder::new(answer)) {
            Ok(header)
                if header.metadata.id == self.id && header.metadata.message_type == MessageType::Response =>
            {
                match answer.get(3).map_or(0, |flags| flags & 0x0f) {
                    0 => Progress::good(""),
                    code => Progress::bad(format!("read error occurred. (rcode = {code})")),
                }
            }
            _ => Progress::default(),
        }
    }
}

fn query(id: u16, kind: u16, name: &str) -> Option<Vec<u8>> {
    let mut name = if name.is_empty() { Name::root() } else { Name::from_ascii(name).ok()? };
    name.set_fqdn(true);
    let mut message = Message::new(id, MessageType::Query, OpCode::Query);
    message.metadata.recursion_desired = true;
    message.add_query(Query::query(name, RecordType::from(kind)));
    message.to_vec().ok()
}

/// `UDP_CHECK`.
#[derive(Debug, Clone)]
pub(in super::super) struct Udp {
    plan: UdpPlan,
    server: String,
}

impl Udp {
    pub(super) fn new(given: &Given<'_>, plan: &UdpPlan) -> Udp {
        Udp { plan: plan.clone(), server: given.server.to_owned() }
    }

    pub(super) fn handle(&mut self, event: Event) -> Progress {
        match event {
            Event::Connected if self.plan.payload.is_empty() => Progress::send(filler(32)),
            Event::Connected => Progress::send(self.plan.payload.clone()),
            Event::Data(answer) if self.answers(&answer) => Progress::good(""),
            Event::Data(_) => Progress::bad(format!("UDP check to {} reply data mismatch.", self.server)),
            Event::Unreachable | Event::Unable | Event::WriteError => Progress::bad(""),
            _ => Progress::bad(format!("UDP connection to {} failed.", self.server)),
        }
    }

    pub(super) fn timeout(&self) -> Verdict {
        if self.plan.required {
            Verdict::Bad(format!("UDP connection to {} failed.", self.server))
        } else {
            Verdict::Good("")
        }
    }

    /// COMPAT: lengths count only where a pattern was written; the shorter of answer and pattern is compared.
    fn answers(&self, answer: &[u8]) -> bool {
        let UdpPlan { required, pattern, ignore, min_len, max_len, .. } = &self.plan;
        if !required || pattern.is_empty() {
            return true;
        }
        let mut masks = ignore.iter().copied().chain(std::iter::repeat(0));
        (*min_len..=*max_len).contains(&answer.len())
            && answer.iter().zip(pattern).all(|(a, p)| (a ^ p) & !masks.next().unwrap_or(0) == 0)
    }
}

/// `PING_CHECK`: an echo with 128 bytes of text. The kernel sets identifier and checksum.
#[derive(Debug, Clone)]
pub(in super::super) struct Ping {
    v6: bool,
    sequence: u16,
    server: String,
    pool: String,
}

impl Ping {
    pub(super) fn new(given: &Given<'_>) -> Ping {
        Ping {
            v6: given.plan.target.is_ipv6(),
            sequence: 0,
            server: given.server.to_owned(),
            pool: given.pool.to_owned(),
        }
    }

    /// The next echo on the same socket.
    pub(in super::super) fn echo(&mut self) -> Vec<u8> {
        self.sequence = self.sequence.wrapping_add(1);
        let mut packet = vec![if self.v6 { 128 } else { 8 }, 0, 0, 0, 0, 0];
        packet.extend(self.sequence.to_be_bytes());
        packet.extend(filler(128));
        packet
    }

    pub(super) fn handle(&mut self, event: Event) -> Progress {
        match event {
            Event::Connected => Progress::send(self.echo()),
            Event::Data(answer) => match self.read(&answer) {
                Ok(()) => Progress::good(""),
                Err(line) => Progress { lines: vec![line], ..self.failed() },
            },
            Event::WriteError => {
                let line = if self.v6 { "send ICMPv6 packet fail" } else { "send ICMP packet fail" };
                Progress { lines: vec![line.to_owned()], ..Progress::bad("") }
            }
            Event::ReadError { .. } | Event::Refused | Event::Eof => {
                let line = if self.v6 { "recv ICMPv6 packet error" } else { "recv ICMP packet error" };
                Progress { lines: vec![line.to_owned()], ..self.failed() }
            }
            _ => Progress::bad(""),
        }
    }

    pub(super) fn timeout(&self) -> Verdict {
        Verdict::Bad(format!("ICMP connection to address {} timeout.", self.server))
    }

    fn failed(&self) -> Progress {
        Progress::bad(format!("ICMP connection to {} of {} failed.", self.server, self.pool))
    }

    fn read(&self, answer: &[u8]) -> Result<(), String> {
        let name = if self.v6 { "ICMPv6" } else { "ICMP" };
        let &[kind, _, _, _, _, _, high, low, ..] = answer else {
            return Err(format!("Error, got short {name} packet, {} bytes", answer.len()));
        };
        let received = u16::from_be_bytes([high, low]);
        if kind != if self.v6 { 129 } else { 0 } {
            return Err(format!("Got {name} packet with type 0x{kind:x}"));
        }
        if received != self.sequence {
            return Err(format!("Ping reply expected seq no {}, received {received}", self.sequence));
        }
        Ok(())
    }
}
