//! Addresses in every form of the language.
//!
//! HAProxy configuration manual §11 "Address formats" and the arguments of `bind`, `server`, `source`,
//! `log`. One reader for all of them: [`Wants`] says what a place accepts, the error is the text the
//! original puts after its own prefix. Names are resolved only where the original does it while reading
//! (everywhere but on `server` lines), through the resolver the input brings.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use rha_ir::{Address, Host, Port};
use rha_vocab::Dialect;

use crate::Cx;
use crate::units;

/// What a place accepts, as a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wants(u32);

impl Wants {
    /// A name must resolve now.
    pub const RESOLVE: Wants = Wants(1);
    /// A name may stay a name.
    pub const NAME: Wants = Wants(1 << 1);
    /// A port may be written.
    pub const PORT: Wants = Wants(1 << 2);
    /// A port must be written.
    pub const PORT_NEEDED: Wants = Wants(1 << 3);
    /// `low-high`.
    pub const RANGE: Wants = Wants(1 << 4);
    /// `+n`, `-n`.
    pub const OFFSET: Wants = Wants(1 << 5);
    /// Stream transports.
    pub const STREAM: Wants = Wants(1 << 6);
    /// Datagram transports.
    pub const DATAGRAM: Wants = Wants(1 << 7);
    /// Datagrams when the address does not say.
    pub const DEFAULT_DATAGRAM: Wants = Wants(1 << 8);
    /// `fd@n` of a bound socket.
    pub const SOCKET_FD: Wants = Wants(1 << 9);
    /// `fd@n` of anything.
    pub const RAW_FD: Wants = Wants(1 << 10);
    /// Something that can be connected to.
    pub const CONNECT: Wants = Wants(1 << 11);

    /// `bind`.
    pub const BIND: Wants = Self::RESOLVE
        .and(Self::PORT)
        .and(Self::PORT_NEEDED)
        .and(Self::RANGE)
        .and(Self::SOCKET_FD)
        .and(Self::STREAM);
    /// `server`.
    pub const SERVER: Wants =
        Self::NAME.and(Self::PORT).and(Self::OFFSET).and(Self::STREAM).and(Self::DATAGRAM);
    /// `log`.
    pub const LOG: Wants = Self::RESOLVE
        .and(Self::PORT)
        .and(Self::RAW_FD)
        .and(Self::DATAGRAM)
        .and(Self::STREAM)
        .and(Self::DEFAULT_DATAGRAM);
    /// `source`, `usesrc`, `addr`.
    pub const SOURCE: Wants = Self::RESOLVE.and(Self::PORT).and(Self::STREAM).and(Self::CONNECT);

    /// Union.
    #[must_use]
    pub const fn and(self, other: Wants) -> Wants {
        Wants(self.0 | other.0)
    }

    const fn has(self, other: Wants) -> bool {
        self.0 & other.0 == other.0
    }
}

/// What an address says of its transport.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// Streams over stream sockets.
    Stream,
    /// Datagrams.
    Datagram,
    /// Streams over datagram sockets.
    Quic,
}

/// Family as it was written or found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// Not known: a name not resolved yet.
    Unknown,
    /// IPv4.
    V4,
    /// IPv6.
    V6,
    /// Unix, by path or abstract.
    Unix,
    /// `fd@`.
    Fd,
    /// `sockpair@`.
    SockPair,
    /// `rhttp@`.
    ReverseHttp,
}

/// An address that was understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// As the model keeps it.
    pub address: Address,
    /// Its transport.
    pub transport: Transport,
    /// Its family.
    pub family: Family,
    /// Lowest port of a range, or the port; 0 when none.
    pub low: i64,
    /// Highest port of a range, or the port; 0 when none.
    pub high: i64,
    /// The name, when it stayed one.
    pub name: Option<String>,
}

#[derive(Clone, Copy)]
struct Scheme {
    prefix: &'static str,
    family: Family,
    transport: Option<Transport>,
    since: Option<Dialect>,
    is_abstract: bool,
}

const fn scheme(prefix: &'static str, family: Family, transport: Option<Transport>) -> Scheme {
    Scheme { prefix, family, transport, since: None, is_abstract: false }
}

const SCHEMES: &[Scheme] = &[
    scheme("unix@", Family::Unix, None),
    scheme("uxdg@", Family::Unix, Some(Transport::Datagram)),
    scheme("uxst@", Family::Unix, Some(Transport::Stream)),
    Scheme { is_abstract: true, ..scheme("abns@", Family::Unix, None) },
    Scheme { is_abstract: true, since: Some(Dialect::V3_2), ..scheme("abnsz@", Family::Unix, None) },
    scheme("ip@", Family::Unknown, None),
    scheme("ipv4@", Family::V4, None),
    scheme("ipv6@", Family::V6, None),
    scheme("tcp4@", Family::V4, Some(Transport::Stream)),
    Scheme { since: Some(Dialect::V3_2), ..scheme("mptcp4@", Family::V4, Some(Transport::Stream)) },
    scheme("udp4@", Family::V4, Some(Transport::Datagram)),
    scheme("tcp6@", Family::V6, Some(Transport::Stream)),
    Scheme { since: Some(Dialect::V3_2), ..scheme("mptcp6@", Family::V6, Some(Transport::Stream)) },
    scheme("udp6@", Family::V6, Some(Transport::Datagram)),
    scheme("tcp@", Family::Unknown, Some(Transport::Stream)),
    Scheme { since: Some(Dialect::V3_2), ..scheme("mptcp@", Family::Unknown, Some(Transport::Stream)) },
    scheme("udp@", Family::Unknown, Some(Transport::Datagram)),
    scheme("quic4@", Family::V4, Some(Transport::Quic)),
    scheme("quic6@", Family::V6, Some(Transport::Quic)),
    scheme("fd@", Family::Fd, None),
    scheme("sockpair@", Family::SockPair, None),
    Scheme { since: Some(Dialect::V3_0), ..scheme("rhttp@", Family::ReverseHttp, None) },
];

/// Reads one address.
///
/// # Errors
/// The original's words for what is wrong.
pub fn read(cx: &Cx<'_>, text: &str, wants: Wants) -> Result<Found, String> {
    if text.is_empty() {
        return Err(ended(
            cx,
            format!("'{text}' resolves to an empty address (environment variable missing?)"),
        ));
    }
    let datagram_default =
        wants.has(Wants::DATAGRAM) && (!wants.has(Wants::STREAM) || wants.has(Wants::DEFAULT_DATAGRAM));
    let mut transport = if datagram_default { Transport::Datagram } else { Transport::Stream };
    let mut rest = text;
    let modern = cx.input.dialect >= Dialect::V3_0;
    for (prefix, t, known) in [
        ("stream+", Transport::Stream, true),
        ("dgram+", Transport::Datagram, true),
        ("quic+", Transport::Quic, modern),
    ] {
        if known && let Some(r) = rest.strip_prefix(prefix) {
            transport = t;
            rest = r;
            break;
        }
    }
    let mut family = if rest.starts_with('/') { Family::Unix } else { Family::Unknown };
    let mut is_abstract = false;
    for s in SCHEMES {
        if s.since.is_none_or(|v| cx.input.dialect >= v)
            && let Some(r) = rest.strip_prefix(s.prefix)
        {
            if s.family == Family::ReverseHttp && !cx.experimental {
                return Err(format!(
                    "Address '{rest}' is experimental, must be allowed via a global 'expose-experimental-directives'"
                ));
            }
            rest = r;
            family = s.family;
            is_abstract = s.is_abstract;
            transport = s.transport.unwrap_or(transport);
            break;
        }
    }
    let place = Place { cx, whole: text, rest, wants, transport };
    let found = match family {
        Family::SockPair | Family::Fd => place.descriptor(family)?,
        Family::Unix => place.unix(is_abstract)?,
        Family::ReverseHttp => place.plain(Address::Other(text.to_owned()), family),
        Family::Unknown | Family::V4 | Family::V6 => place.ip(family)?,
    };
    place.transport_allowed(&found)?;
    Ok(found)
}

struct Place<'a> {
    cx: &'a Cx<'a>,
    whole: &'a str,
    rest: &'a str,
    wants: Wants,
    transport: Transport,
}

impl Place<'_> {
    fn plain(&self, address: Address, family: Family) -> Found {
        Found { address, transport: self.transport, family, low: 0, high: 0, name: None }
    }

    fn descriptor(&self, family: Family) -> Result<Found, String> {
        let (n, tail) = units::strtol(self.rest.as_bytes(), 10);
        let fd = i32::try_from(n).unwrap_or(-1);
        if self.rest.is_empty() || fd < 0 || !tail.is_empty() {
            let text = format!("file descriptor '{}' is not a valid integer in '{}'", self.rest, self.whole);
            return Err(ended(self.cx, text));
        }
        if family == Family::SockPair {
            return Ok(self.plain(Address::SockPair(fd), family));
        }
        if self.wants.has(Wants::SOCKET_FD) {
            (self.cx.input.descriptor)(fd)
                .map_err(|why| ended(self.cx, format!("cannot use file descriptor '{fd}' : {why}.")))?;
        }
        if self.wants.has(Wants::SOCKET_FD) || self.wants.has(Wants::RAW_FD) {
            return Ok(self.plain(Address::Fd(fd), family));
        }
        Err(ended(self.cx, format!("a file descriptor is not acceptable here in '{}'", self.whole)))
    }

    fn unix(&self, is_abstract: bool) -> Result<Found, String> {
        // 108 bytes in the address, less what a temporary name during a reload needs.
        let max = if is_abstract { 107 } else { 97 };
        if self.rest.len() > max {
            return Err(ended(self.cx, format!("socket path '{}' too long (max {max})", self.whole)));
        }
        let address = if is_abstract {
            let zero_terminated = self.whole.contains("abnsz@");
            Address::Abstract { name: self.rest.to_owned(), zero_terminated }
        } else {
            Address::Unix(self.rest.to_owned())
        };
        Ok(self.plain(address, Family::Unix))
    }

    fn ip(&self, family: Family) -> Result<Found, String> {
        let split = self.rest.char_indices().rev().find(|(i, c)| *i > 0 && matches!(c, ']' | ':'));
        let split = match split {
            Some((i, ':')) => Some(i),
            // The search never looks at the first byte, but a lone colon there is a separator all the same.
            None if self.rest.starts_with(':') => Some(0),
            _ => None,
        };
        let (host, port_text) = match split {
            Some(_) if !self.wants.has(Wants::PORT) => {
                return Err(format!("port specification not permitted here in '{}'", self.whole));
            }
            Some(i) => (&self.rest[..i], &self.rest[i + 1..]),
            None if self.wants.has(Wants::PORT_NEEDED) => {
                return Err(format!("missing port specification in '{}'", self.whole));
            }
            None => (self.rest, ""),
        };
        let (port, low, high) = self.port(port_text)?;
        let (host, family, name) = self.host(host, family)?;
        let datagram = self.transport != Transport::Stream;
        Ok(Found {
            address: Address::Ip { host, port, datagram },
            transport: self.transport,
            family,
            low,
            high,
            name,
        })
    }

    fn port(&self, text: &str) -> Result<(Port, i64, i64), String> {
        let strict = self.cx.input.dialect >= Dialect::V3_0;
        let number = |t: &str| -> Result<i64, String> {
            let (n, tail) = units::strtol(t.as_bytes(), 10);
            match tail.first() {
                Some(c) if strict => Err(format!(
                    "invalid character '{}' in port number '{t}' in '{}'",
                    *c as char, self.whole
                )),
                _ => Ok(n),
            }
        };
        match text.as_bytes().first() {
            Some(c) if c.is_ascii_digit() => {
                let (first, second) = match text.split_once('-') {
                    Some(_) if !self.wants.has(Wants::RANGE) => {
                        return Err(format!("port range not permitted here in '{}'", self.whole));
                    }
                    Some((a, b)) => (a, b),
                    None => (text, text),
                };
                let (low, high) = (number(first)?, number(second)?);
                let least = i64::from(self.wants.has(Wants::PORT_NEEDED));
                for (n, t) in [(low, first), (high, second)] {
                    if n < least || n > 65535 {
                        return Err(format!("invalid port '{t}'"));
                    }
                }
                if low > high {
                    return Err(format!("invalid port range '{low}-{high}'"));
                }
                let (l, h) = (to_port(low), to_port(high));
                Ok((if l == h { Port::One(l) } else { Port::Range(l, h) }, low, high))
            }
            Some(b'-' | b'+') if !self.wants.has(Wants::OFFSET) => {
                Err(format!("port offset not permitted here in '{}'", self.whole))
            }
            Some(b'-') => {
                let n = number(&text[1..])?;
                Ok((Port::Offset(i32::try_from(-n).unwrap_or(0)), n, 0))
            }
            Some(b'+') => {
                let n = number(&text[1..])?;
                Ok((Port::Offset(i32::try_from(n).unwrap_or(0)), 0, n))
            }
            Some(c) => {
                let text =
                    format!("invalid character '{}' in port number '{text}' in '{}'", *c as char, self.whole);
                Err(ended(self.cx, text))
            }
            None if self.wants.has(Wants::PORT_NEEDED) => {
                Err(format!("missing port specification in '{}'", self.whole))
            }
            None => Ok((Port::None, 0, 0)),
        }
    }

    fn host(&self, text: &str, family: Family) -> Result<(Host, Family, Option<String>), String> {
        if let Some((host, found)) = literal(text, family) {
            return Ok((host, found, None));
        }
        let invalid = || ended(self.cx, format!("invalid address: '{text}' in '{}'", self.whole));
        let wanted = match family {
            Family::V4 => Some(4),
            Family::V6 => Some(6),
            _ => None,
        };
        let name = Host::Name { name: text.to_owned(), family: wanted };
        if self.wants.has(Wants::NAME) {
            return Ok((name, family, Some(text.to_owned())));
        }
        if !self.wants.has(Wants::RESOLVE) || !is_host_name(text) {
            return Err(invalid());
        }
        match (self.cx.input.resolve)(text, wanted) {
            Some(IpAddr::V4(_)) => Ok((name, Family::V4, None)),
            Some(IpAddr::V6(_)) => Ok((name, Family::V6, None)),
            None => Err(invalid()),
        }
    }

    fn transport_allowed(&self, found: &Found) -> Result<(), String> {
        match self.transport {
            Transport::Stream | Transport::Quic if !self.wants.has(Wants::STREAM) => {
                Err(ended(self.cx, format!("stream-type address not acceptable in '{}'", self.whole)))
            }
            Transport::Datagram if !self.wants.has(Wants::DATAGRAM) => {
                Err(ended(self.cx, format!("dgram-type address not acceptable in '{}'", self.whole)))
            }
            Transport::Quic if found.name.is_none() && self.wants.has(Wants::CONNECT) => Err(format!(
                "connect() not supported for this protocol family {} used by address '{}'",
                if found.family == Family::V6 { 10 } else { 2 },
                self.whole
            )),
            _ => Ok(()),
        }
    }
}

/// COMPAT: some texts of 2.6 end their line themselves, which leaves an empty line after them wherever
/// the keyword does not trim it.
fn ended(cx: &Cx<'_>, text: String) -> String {
    if cx.input.dialect < Dialect::V2_8 { text + "\n" } else { text }
}

fn to_port(n: i64) -> u16 {
    u16::try_from(n).unwrap_or(0)
}

/// A literal host of the family; `None` when it would have to be resolved.
fn literal(text: &str, family: Family) -> Option<(Host, Family)> {
    let bare = match text.strip_prefix('[') {
        Some(t) if text.len() >= 4 && text.len() < 48 => t.strip_suffix(']')?,
        Some(_) => return None,
        None => text,
    };
    match bare {
        "::" => return (family != Family::V4).then_some((Host::AnyV6, Family::V6)),
        "" | "*" if family == Family::V6 => return Some((Host::AnyV6, Family::V6)),
        "" | "*" => return Some((Host::Any, Family::V4)),
        _ => {}
    }
    if family != Family::V4
        && let Ok(a) = bare.parse::<Ipv6Addr>()
    {
        return Some((Host::Ip(a.into()), Family::V6));
    }
    if family != Family::V6
        && let Ok(a) = bare.parse::<Ipv4Addr>()
    {
        return Some((Host::Ip(a.into()), Family::V4));
    }
    None
}

/// Whether a text may be a host name at all.
#[must_use]
pub fn is_host_name(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 255
        && text.split('.').all(|label| {
            label.len() <= 63 && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        })
}

/// Reads a literal address without port, as `init-addr` and `agent-addr` take it.
#[must_use]
pub fn literal_ip(text: &str) -> Option<IpAddr> {
    match literal(text, Family::Unknown)? {
        (Host::Ip(a), _) => Some(a),
        (Host::AnyV6, _) => Some(Ipv6Addr::UNSPECIFIED.into()),
        (_, _) => Some(Ipv4Addr::UNSPECIFIED.into()),
    }
}

/// Reads `address[/mask]` as `except` and `resolve-net` take it.
#[must_use]
pub fn network(text: &str) -> Option<(IpAddr, u8)> {
    let n = rha_ir::pattern::parse_network(text.as_bytes())?;
    Some((n.address, n.prefix_len))
}
