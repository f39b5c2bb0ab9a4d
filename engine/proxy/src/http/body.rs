//! One direction's body: what is taken from the front of its input, and how it is framed on its way out.

use rha_http1::{Body, BodyOut};

/// One direction's body on its way.
#[derive(Debug)]
pub(super) struct Transfer {
    pub body: Body,
    pub how: BodyOut,
    /// Bytes the other side has not taken yet, in `kept[from..]`.
    pub kept: Vec<u8>,
    pub from: usize,
    pub done: bool,
}

impl Transfer {
    pub fn is_stuck(&self) -> bool {
        self.from < self.kept.len()
    }

    pub fn finished(&self) -> bool {
        self.done && !self.is_stuck()
    }
}

/// Body bytes from the front of an input.
pub(super) struct Taken {
    /// The body is over.
    pub done: bool,
    /// They stand in the text instead.
    pub rewritten: bool,
    /// How many bytes of the input they were.
    pub consumed: usize,
    /// What is logged of them.
    pub size: usize,
}

impl Taken {
    pub fn bytes<'a>(&self, input: &'a [u8], text: &'a [u8]) -> &'a [u8] {
        if self.rewritten { text } else { input.get(..self.consumed).unwrap_or_default() }
    }
}

pub(super) fn take_body(t: &mut Transfer, input: &[u8], text: &mut Vec<u8>) -> Result<Taken, ()> {
    match t.how {
        BodyOut::Same => {
            let s = t.body.relay(input, text).map_err(|_| ())?;
            Ok(Taken { done: s.done, rewritten: s.rewritten, consumed: s.consumed, size: s.size })
        }
        BodyOut::Bare => {
            text.clear();
            let s = t.body.decode(input, text).map_err(|_| ())?;
            Ok(Taken { done: s.done, rewritten: true, consumed: s.consumed, size: text.len() })
        }
        BodyOut::Chunked => {
            let mut data = Vec::new();
            let s = t.body.decode(input, &mut data).map_err(|_| ())?;
            text.clear();
            rha_http1::write_chunk(&data, text);
            if s.done {
                text.extend_from_slice(rha_http1::LAST_CHUNK);
            }
            Ok(Taken { done: s.done, rewritten: true, consumed: s.consumed, size: data.len() })
        }
        BodyOut::Nothing => {
            let s = t.body.relay(input, text).map_err(|_| ())?;
            text.clear();
            Ok(Taken { done: s.done, rewritten: true, consumed: s.consumed, size: 0 })
        }
    }
}
