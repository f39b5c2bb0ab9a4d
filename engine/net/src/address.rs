//! From an address as written to one the kernel takes. Names are resolved here, blocking, which is
//! right at start (`init-addr libc`) and wrong anywhere else.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::path::PathBuf;

use rha_ir::{Address, Host, Port};

/// An address the kernel takes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum SocketAddress {
    /// IPv4 or IPv6 with its port.
    Ip(SocketAddr),
    /// A path.
    Unix(PathBuf),
    /// Linux' abstract name space: the bytes after the leading zero, padding included.
    Abstract(Vec<u8>),
    /// An inherited descriptor.
    Fd(i32),
}

impl SocketAddress {
    /// The IP address and port, if it has one.
    #[must_use]
    pub fn ip(&self) -> Option<SocketAddr> {
        match self {
            SocketAddress::Ip(a) => Some(*a),
            _ => None,
        }
    }
}

impl fmt::Display for SocketAddress {
    /// As HAProxy's messages show it: `10.0.0.1:80`, `:::80` for IPv6, the path, `abns@name`, `fd@3`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SocketAddress::Ip(a) => write!(f, "{}:{}", a.ip(), a.port()),
            SocketAddress::Unix(p) => write!(f, "{}", p.display()),
            SocketAddress::Abstract(n) => {
                let end = n.iter().rposition(|b| *b != 0).map_or(0, |i| i + 1);
                write!(f, "abns@{}", String::from_utf8_lossy(n.get(..end).unwrap_or(n)))
            }
            SocketAddress::Fd(n) => write!(f, "fd@{n}"),
        }
    }
}

/// Why an address could not be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ResolveError {
    /// The name has no address.
    Name(String),
    /// A form that is not built (`rhttp@`, `sockpair@`).
    Unsupported(String),
}

impl fmt::Display for ResolveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ResolveError::Name(n) => write!(f, "could not resolve address '{n}'"),
            ResolveError::Unsupported(n) => write!(f, "address '{n}' is not supported"),
        }
    }
}

/// Every socket address a written address stands for (port ranges are unfolded).
///
/// # Errors
/// See [`ResolveError`].
pub fn resolve_all(address: &Address) -> Result<Vec<SocketAddress>, ResolveError> {
    let Address::Ip { host, port: Port::Range(low, high), .. } = address else {
        return Ok(vec![resolve(address, 0)?]);
    };
    let ip = resolve_host(host)?;
    Ok((*low..=*high).map(|p| SocketAddress::Ip(SocketAddr::new(ip, p))).collect())
}

/// One socket address; `default_port` where none (or an offset, or a range) is written.
///
/// # Errors
/// See [`ResolveError`].
pub fn resolve(address: &Address, default_port: u16) -> Result<SocketAddress, ResolveError> {
    Ok(match address {
        Address::Ip { host, port, .. } => {
            let port = match port {
                Port::One(p) | Port::Range(p, _) => *p,
                Port::None | Port::Offset(_) => default_port,
            };
            SocketAddress::Ip(SocketAddr::new(resolve_host(host)?, port))
        }
        Address::Unix(path) => SocketAddress::Unix(PathBuf::from(path)),
        Address::Abstract { name, zero_terminated } => {
            let mut bytes = name.as_bytes().to_vec();
            if !zero_terminated {
                // COMPAT: `abns@` names fill sun_path, so the padding is part of the name.
                bytes.resize(107, 0);
            }
            SocketAddress::Abstract(bytes)
        }
        Address::Fd(n) => SocketAddress::Fd(*n),
        Address::SockPair(n) => return Err(ResolveError::Unsupported(format!("sockpair@{n}"))),
        Address::Other(text) => return Err(ResolveError::Unsupported(text.clone())),
    })
}

fn resolve_host(host: &Host) -> Result<IpAddr, ResolveError> {
    match host {
        Host::Any => Ok(Ipv4Addr::UNSPECIFIED.into()),
        Host::AnyV6 => Ok(Ipv6Addr::UNSPECIFIED.into()),
        Host::Ip(ip) => Ok(*ip),
        Host::Name { name, family } => (name.as_str(), 0)
            .to_socket_addrs()
            .ok()
            .and_then(|mut found| {
                found.find(|a| match family {
                    Some(4) => a.is_ipv4(),
                    Some(6) => a.is_ipv6(),
                    _ => true,
                })
            })
            .map(|a| a.ip())
            .ok_or_else(|| ResolveError::Name(name.clone())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        let ip = |host, port| Address::Ip { host, port, datagram: false };
        let all = resolve_all(&ip(Host::Any, Port::Range(80, 82))).unwrap();
        assert_eq!(
            all.iter().map(ToString::to_string).collect::<Vec<_>>(),
            ["0.0.0.0:80", "0.0.0.0:81", "0.0.0.0:82"]
        );
        assert_eq!(resolve(&ip(Host::AnyV6, Port::One(80)), 0).unwrap().to_string(), ":::80");
        assert_eq!(resolve(&ip(Host::Any, Port::Offset(1)), 99).unwrap().to_string(), "0.0.0.0:99");
        let abns = resolve(&Address::Abstract { name: "x".into(), zero_terminated: false }, 0).unwrap();
        assert_eq!(abns.to_string(), "abns@x");
        assert!(resolve(&Address::Other("rhttp@x".into()), 0).is_err());
    }
}
