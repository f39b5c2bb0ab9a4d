//! A message body followed through the stream: where it ends, and what to forward.
//!
//! RFC 9112 §6. [`Body::relay`] keeps the framing, [`Body::decode`] takes it off. A `Body` is a few
//! words; copy it to look ahead.

use crate::chunks::{Check, Chunks, Decode, Rewrite};
use crate::parse::From;
use crate::policy::{Policy, Reject};

/// What is left of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Body {
    /// Nothing.
    #[default]
    None,
    /// That many bytes; more than 0.
    Length(u64),
    /// Chunked coding.
    Chunked(Chunks),
    /// Everything until the sender closes (responses and tunnels).
    UntilClose,
}

/// One step of [`Body::relay`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Relayed {
    /// Input bytes that belong to the body; what follows is the next message.
    pub consumed: usize,
    /// The body is over.
    pub done: bool,
    /// Forward the scratch buffer instead of `&input[..consumed]`.
    pub rewritten: bool,
    /// What the original counts for these bytes. COMPAT: data and trailers without their framing, one for
    /// the end of a chunked body.
    pub size: usize,
}

/// One step of [`Body::decode`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decoded {
    /// Input bytes that belong to the body.
    pub consumed: usize,
    /// The body is over.
    pub done: bool,
}

impl Body {
    pub(crate) fn chunked(policy: &Policy, from: From) -> Body {
        Body::Chunked(Chunks::new(policy, from))
    }

    /// Whether nothing more belongs to it. `UntilClose` is never over by itself.
    #[must_use]
    pub fn is_done(&self) -> bool {
        match self {
            Body::None => true,
            Body::Length(n) => *n == 0,
            Body::Chunked(chunks) => chunks.is_done(),
            Body::UntilClose => false,
        }
    }

    /// Takes the body's bytes from the front of `input` to be forwarded with the same framing. Usually
    /// the input itself can be sent; if not (an extension to drop, a trailer), `scratch` holds what is
    /// to be sent (it is cleared first in any case).
    ///
    /// # Errors
    /// Broken chunked coding; everything before it has been forwarded or is lost, the connections of both
    /// sides must close.
    pub fn relay(&mut self, input: &[u8], scratch: &mut Vec<u8>) -> Result<Relayed, Reject> {
        scratch.clear();
        let Body::Chunked(chunks) = self else {
            let consumed = self.take(input.len());
            return Ok(Relayed { consumed, done: self.is_done(), rewritten: false, size: consumed });
        };
        let before = *chunks;
        let mut check = Check::default();
        let consumed = chunks.run(input, &mut check)?;
        if check.changed {
            *chunks = before;
            chunks.run(input, &mut Rewrite(scratch))?;
        }
        let end = usize::from(chunks.is_done() && !before.is_done());
        Ok(Relayed { consumed, done: chunks.is_done(), rewritten: check.changed, size: check.size + end })
    }

    /// Takes the body's bytes from the front of `input` and appends its data, without framing, to `data`.
    ///
    /// # Errors
    /// Broken chunked coding.
    pub fn decode(&mut self, input: &[u8], data: &mut Vec<u8>) -> Result<Decoded, Reject> {
        let consumed = match self {
            Body::Chunked(chunks) => chunks.run(input, &mut Decode(data))?,
            _ => {
                let consumed = self.take(input.len());
                data.extend_from_slice(input.get(..consumed).unwrap_or_default());
                consumed
            }
        };
        Ok(Decoded { consumed, done: self.is_done() })
    }

    /// How many of `available` bytes belong to an unchunked body; counts them off.
    fn take(&mut self, available: usize) -> usize {
        match self {
            Body::Length(left) => {
                let n = usize::try_from(*left).unwrap_or(usize::MAX).min(available);
                *left -= n as u64;
                n
            }
            Body::UntilClose => available,
            Body::None | Body::Chunked(_) => 0,
        }
    }
}

/// Appends `data` as one chunk; nothing for no data (an empty chunk would end the body).
pub fn write_chunk(data: &[u8], out: &mut Vec<u8>) {
    if data.is_empty() {
        return;
    }
    let digits = (usize::BITS - data.len().leading_zeros()).div_ceil(4);
    for i in (0..digits).rev() {
        let digit = (data.len() >> (4 * i)) & 15;
        out.push(b"0123456789ABCDEF".get(digit).copied().unwrap_or(b'0'));
    }
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(data);
    out.extend_from_slice(b"\r\n");
}

/// What ends a chunked body without trailers.
pub const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_count_down() {
        let mut scratch = Vec::new();
        let mut body = Body::Length(5);
        assert_eq!(
            body.relay(b"abc", &mut scratch),
            Ok(Relayed { consumed: 3, done: false, rewritten: false, size: 3 })
        );
        assert_eq!(
            body.relay(b"defg", &mut scratch),
            Ok(Relayed { consumed: 2, done: true, rewritten: false, size: 2 })
        );
        assert_eq!(
            body.relay(b"x", &mut scratch),
            Ok(Relayed { consumed: 0, done: true, rewritten: false, size: 0 })
        );
    }

    #[test]
    fn chunks_are_written_with_haproxys_digits() {
        let mut out = Vec::new();
        write_chunk(&[b'x'; 26], &mut out);
        assert!(out.starts_with(b"1A\r\nxx"));
        write_chunk(b"", &mut out);
        assert_eq!(out.len(), 4 + 26 + 2);
    }
}
