//! HTTP/1 as a machine over byte slices: heads, bodies, connection rules, error pages.
//!
//! A head is parsed once into offsets ([`RequestHead`], [`ResponseHead`]) into the caller's read
//! buffer; edits go to a small side buffer inside the head; untouched bytes are copied out as they
//! stand, with field names in lower case as HAProxy writes them. Bodies are followed by [`Body`].
//! RFC 9110 and 9112, and the accept/reject list of HAProxy per [`Policy::dialect`].
//!
//! Deliberately absent: sockets, clocks, tokio, knowledge of proxies and servers. No allocation in
//! steady state: heads and scratch vectors keep their storage from message to message. Invariant:
//! a message whose framing two readers could see differently is rejected, never forwarded.
//!
//! # Intended use
//! ```
//! use rha_http1::{Body, Method, Parsed, Policy, RequestHead, ResponseHead, ToClient, ToServer};
//!
//! let policy = Policy::default();
//! let (mut request, mut response) = (RequestHead::default(), ResponseHead::default());
//! let (mut out, mut scratch) = (Vec::new(), Vec::new());
//!
//! // 1. client → us: call again with the same slice grown while `Partial`; `clear` between messages
//! let buf = b"GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
//! request.clear();
//! let Parsed::Complete { len } = request.parse(buf, &policy) else { panic!() };
//! assert_eq!(len, buf.len());
//! // 2. rules: `request.view(buf, body, whole)` is a `rha_base::Request`; edits:
//! request.set(buf, b"x-forwarded-proto", b"https");
//! // 3. us → server: head to `out`, then the body bytes that came with it
//! let sent = request.write(buf, ToServer::default(), &mut out);
//! assert_eq!(out, b"GET /a HTTP/1.1\r\nhost: x\r\nx-forwarded-proto: https\r\n\r\n");
//! let mut body: Body = request.body();
//! let step = body.relay(&buf[len..], &mut scratch).unwrap(); // same bytes, or `scratch` if `step.rewritten`
//! assert!(step.done && step.consumed == 0 && sent.keep);
//! // 4. server → client
//! let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
//! response.clear();
//! let Parsed::Complete { len } = response.parse(answer, &policy, request.method_kind()) else { panic!() };
//! assert!(response.server_keeps()); // the server connection may go back to its pool after the body
//! out.clear();
//! let client = ToClient { keep: request.client_keeps(), ..ToClient::answering(&request) };
//! let sent = response.write(answer, client, &mut out);
//! assert!(!sent.keep); // the client said close
//! assert_eq!(out, b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n");
//! # let _ = (len, Method::Get);
//! ```
//! Responses made here (errors, redirects, `return`) start with [`ResponseHead::build`] and an empty
//! buffer; built-in error pages are in [`pages`]. `Reject::status` says which page a bad head earns.

mod body;
mod bytes;
mod chunks;
mod fields;
mod head;
pub mod normalize;
mod parse;
mod policy;
mod request;
mod response;
mod target;
mod values;
mod view;
mod write;

pub mod pages;

pub use body::{Body, Decoded, LAST_CHUNK, Relayed, write_chunk};
pub use chunks::Chunks;
pub use fields::Known;
pub use head::{Head, RequestHead, ResponseHead};
pub use parse::Parsed;
pub use policy::{Policy, Reason, Reject, RestrictNames};
pub use request::{Method, RequestLine};
pub use response::{Asked, StatusLine, reason_of};
pub use target::Target;
pub use values::{Tokens, has_token, nth_value, tokens};
pub use view::View;
pub use write::{BodyOut, Sent, ToClient, ToServer};
