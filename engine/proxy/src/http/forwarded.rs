//! `option forwarded`: the field of RFC 7239 on requests to servers.
//!
//! HAProxy 3.0 configuration manual §4.2 "option forwarded". COMPAT: the backend's alone counts; a field that is
//! there and sound is continued, one that is not gets another one beside it (`rules/forwarded-*`).

use std::net::SocketAddr;

use rha_base::Value;
use rha_sample::{Sampled, forwarded};

use crate::plan::rules::{ForwardedFrom, ForwardedPlan};
use crate::rules::Subject;
use crate::stream::Stream;

const NAME: &[u8] = b"forwarded";

impl Stream {
    /// Adds the field to the request.
    pub(super) fn add_forwarded(&mut self, plan: &ForwardedPlan) {
        let text = self.forwarded_text(plan);
        let r = &mut self.parts.request;
        let mut last = None;
        let mut sound = true;
        for (i, value) in r.head.find(&r.buf, NAME) {
            sound &= value.split(|c| *c == b',').all(|e| forwarded::is_forwarded(e.trim_ascii()));
            last = Some((i, [value, b",", &text].concat()));
        }
        match last.filter(|_| sound) {
            Some((i, all)) => r.head.set_value(i, &all),
            None => self.add_field(Subject::Request, NAME, &text),
        }
    }

    fn forwarded_text(&self, plan: &ForwardedPlan) -> Vec<u8> {
        let mut out = Vec::new();
        if plan.proto {
            out.extend_from_slice(b"proto=http");
        }
        let separate = |out: &mut Vec<u8>| {
            if !out.is_empty() {
                out.push(b';');
            }
        };
        if let Some(from) = &plan.host {
            separate(&mut out);
            out.extend_from_slice(b"host=\"");
            let host = self.forwarded_host(from).filter(|h| forwarded::is_host(h));
            out.extend_from_slice(&host.unwrap_or_default());
            out.push(b'"');
        }
        let ends = [self.session.destination(), self.session.source];
        for ((word, address), (name, port)) in [&b"by="[..], b"for="].into_iter().zip(ends).zip(&plan.nodes) {
            if let Some(name) = name {
                separate(&mut out);
                out.extend_from_slice(word);
                self.push_node(name, port.as_ref(), address, &mut out);
            }
        }
        out
    }

    fn forwarded_host(&self, from: &ForwardedFrom) -> Option<Vec<u8>> {
        match from {
            ForwardedFrom::Known => {
                let r = &self.parts.request;
                r.head.find(&r.buf, b"host").next().map(|(_, v)| v.to_vec())
            }
            ForwardedFrom::Computed(e) => e.text(self).map(std::borrow::Cow::into_owned),
        }
    }

    fn push_node(
        &self,
        name: &ForwardedFrom,
        port: Option<&ForwardedFrom>,
        address: Option<SocketAddr>,
        out: &mut Vec<u8>,
    ) {
        let start = out.len();
        if port.is_some() {
            out.push(b'"');
        }
        let before = out.len();
        self.push_node_name(name, address, port.is_some(), out);
        if out.len() == before {
            out.extend_from_slice(b"unknown");
        }
        if let Some(port) = port {
            let without = out.len();
            out.push(b':');
            match port {
                ForwardedFrom::Known => {
                    if let Some(a) = address {
                        out.extend_from_slice(a.port().to_string().as_bytes());
                    }
                }
                ForwardedFrom::Computed(e) => {
                    if let Some(text) = e.text(self) {
                        forwarded::push_port(&text, out);
                    }
                }
            }
            if out.len() == without + 1 {
                out.truncate(without);
            }
        }
        if out.get(start) == Some(&b'"') {
            out.push(b'"');
        }
    }

    fn push_node_name(
        &self,
        name: &ForwardedFrom,
        address: Option<SocketAddr>,
        quoted: bool,
        out: &mut Vec<u8>,
    ) {
        match name {
            ForwardedFrom::Known => {
                if let Some(a) = address {
                    forwarded::push_address(a.ip(), quoted, out);
                }
            }
            ForwardedFrom::Computed(e) => match e.eval(self) {
                Sampled::Value(Value::V6(a)) => forwarded::push_address(a.into(), quoted, out),
                Sampled::Value(_) => {
                    if let Some(text) = e.text(self) {
                        forwarded::push_name(&text, quoted, out);
                    }
                }
                _ => {}
            },
        }
    }
}
