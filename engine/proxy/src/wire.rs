//! What few servers need before the first byte of a stream: a SOCKS4 proxy in between, fields in the PROXY
//! protocol's header, names of idle connections.
//!
//! HAProxy 3.0 configuration manual §5.2 "socks4", "proxy-v2-options", "set-proxy-v2-tlv-fmt", "namespace",
//! "pool-conn-name"; `proxy-protocol.txt` §2.2. SOCKS4: one request and one answer of eight bytes.

use std::net::SocketAddr;

use rha_base::{Fact, Scene as _};
use rha_net::{NetNamespace, SocketAddress};
use rha_sample::{Expr, Format};

use crate::announce::{self, Fields};
use crate::stream::Stream;

/// Kinds of fields, `proxy-protocol.txt` §2.2.
const AUTHORITY: u8 = 0x02;
const UNIQUE_ID: u8 = 0x05;
const NAMESPACE: u8 = 0x30;

/// Extras of one server.
#[derive(Debug, Default)]
pub struct Wire {
    /// `socks4`.
    pub socks4: Option<SocketAddress>,
    /// `set-proxy-v2-tlv-fmt`.
    pub fields: Vec<(u8, Format)>,
    /// `crc32c`.
    pub checksum: bool,
    /// `authority`.
    pub authority: bool,
    /// `unique-id`.
    pub unique_id: bool,
    /// `namespace *`.
    pub namespace_of_client: bool,
    /// `pool-conn-name`.
    pub pool_name: Option<Expr>,
}

impl Wire {
    /// Whether it asks for nothing.
    pub(crate) fn is_plain(&self) -> bool {
        let asks = [self.checksum, self.authority, self.unique_id, self.namespace_of_client];
        self.socks4.is_none() && self.fields.is_empty() && self.pool_name.is_none() && !asks.contains(&true)
    }
}

/// A request to connect to `to`, from nobody in particular. COMPAT: the user is the original's; an address of IPv6
/// cannot be told and is sent as none.
pub(crate) fn socks4_request(to: SocketAddr) -> Vec<u8> {
    let ip = match to {
        SocketAddr::V4(a) => a.ip().octets(),
        SocketAddr::V6(_) => [0; 4],
    };
    [&[4, 1][..], &to.port().to_be_bytes(), &ip, b"HAProxy\0"].concat()
}

/// Length of the answer.
pub(crate) const SOCKS4_ANSWER: usize = 8;

/// Whether the answer grants the request.
pub(crate) fn socks4_granted(answer: &[u8]) -> bool {
    answer.get(1) == Some(&90)
}

impl Stream {
    /// The header for a new connection to a server with extras.
    pub(crate) fn header_for(&self, version: u8, wire: Option<&Wire>) -> Vec<u8> {
        let (source, destination) = (self.session.source, self.session.destination());
        let mut fields = Fields::default();
        if version == 2 {
            if let Some(wire) = wire {
                self.asked_fields(wire, &mut fields);
            }
            if let Some(namespace) = self.client_namespace() {
                fields.after.push((NAMESPACE, namespace.name().as_bytes().to_vec()));
            }
        }
        announce::with_fields(version, source, destination, &fields)
    }

    fn asked_fields(&self, wire: &Wire, fields: &mut Fields) {
        for (kind, format) in &wire.fields {
            let mut text = Vec::new();
            format.write(self, &mut text);
            fields.before.push((*kind, text));
        }
        fields.checksum = wire.checksum;
        if wire.authority
            && let Some(name) = self.proxy_field(AUTHORITY)
        {
            fields.after.push((AUTHORITY, name.to_vec()));
        }
        if wire.unique_id {
            let id = self.fact(Fact::UniqueId).map(rha_sample_text).unwrap_or_default();
            fields.after.push((UNIQUE_ID, id));
        }
    }

    /// The extensions that depend on the request, as bytes to compare; nothing where there are none.
    pub(crate) fn write_asked_fields(&self, wire: &Wire, out: &mut Vec<u8>) {
        if wire.fields.is_empty() && !wire.unique_id {
            return;
        }
        let mut fields = Fields::default();
        self.asked_fields(wire, &mut fields);
        for (kind, text) in fields.before.iter().chain(&fields.after) {
            out.extend_from_slice(&(text.len() as u64).to_ne_bytes());
            out.push(*kind);
            out.extend_from_slice(text);
        }
    }

    /// The namespace the client came from: the one its PROXY protocol header names, else its listener's.
    pub(crate) fn client_namespace(&self) -> Option<&NetNamespace> {
        let named = self.proxy_field(NAMESPACE).and_then(|n| std::str::from_utf8(n).ok());
        if let Some(found) = named.and_then(|n| self.session.plan.namespaces.get(n)) {
            return Some(found);
        }
        self.session.listener()?.options.namespace.as_ref()
    }
}

fn rha_sample_text(value: rha_base::Value<'_>) -> Vec<u8> {
    match value {
        rha_base::Value::Str(s) | rha_base::Value::Bin(s) => s.into_owned(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_names_address_and_port() {
        let request = socks4_request(([10, 0, 0, 1], 80).into());
        assert_eq!(request, b"\x04\x01\x00\x50\x0a\x00\x00\x01HAProxy\0");
        assert!(
            socks4_granted(&[0, 90, 0, 0, 0, 0, 0, 0]) && !socks4_granted(&[0, 91]) && !socks4_granted(&[])
        );
    }
}
