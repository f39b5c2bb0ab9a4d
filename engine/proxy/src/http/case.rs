//! The last touches to a head: the server's name, and header names in the case that some old clients and servers insist on, `h1-case-adjust`.
//!
//! Only the case differs, so a head that is ready to be sent is changed in place. HAProxy 3.0 configuration manual
//! §4.2 "option h1-case-adjust-bogus-client". COMPAT: 1xx and replies made here too (`http_basic/case-*`).

use crate::stream::Stream;

/// Names as they are sent by default (lower case), and as they are to be sent.
pub type Cases = Vec<(Box<[u8]>, Box<[u8]>)>;

/// Changes the names in the heads that stand in `out` from `from` on.
fn adjust(out: &mut [u8], from: usize, cases: &Cases) {
    let Some(mut rest) = out.get_mut(from..) else { return };
    // The start line has no name.
    while let Some(end) = memchr::memchr(b'\n', rest) {
        let (_, next) = rest.split_at_mut(end + 1);
        if matches!(next.first(), None | Some(b'\r' | b'\n')) {
            return;
        }
        let name = memchr::memchr(b':', next).and_then(|n| next.get_mut(..n)).unwrap_or_default();
        if let Some((_, to)) = cases.iter().find(|(lower, _)| name.eq_ignore_ascii_case(lower)) {
            name.copy_from_slice(to);
        }
        rest = next;
    }
}

impl Stream {
    /// `http-send-name-header`: the name of the server that was chosen.
    pub(super) fn name_server(&mut self) {
        let plan = self.session.plan.clone();
        let back = &plan.proxies[self.backend.unwrap_or(self.session.front).0 as usize];
        if let (Some(field), Some(s)) =
            (&back.model.send_name_header, self.server.and_then(|s| back.server(s)))
        {
            let r = &mut self.parts.request;
            r.head.set(&r.buf, &field.to_ascii_lowercase(), s.name.as_bytes());
        }
    }

    pub(super) fn adjust_for_server(&self, out: &mut [u8]) {
        if self.backend_or_front().model.options.h1_case_adjust_server {
            adjust(out, 0, &self.session.plan.process.header_case);
        }
    }

    /// Gives a head for the client, which begins at `from`, the case of names it wants.
    pub(super) fn adjust_for_client(&self, out: &mut [u8], from: usize) {
        if self.frontend().model.options.h1_case_adjust_client {
            adjust(out, from, &self.session.plan.process.header_case);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_change_and_nothing_else_does() {
        let cases: Cases = vec![(b"x-a".as_slice().into(), b"X-A".as_slice().into())];
        let mut out =
            b"..GET /x-a: HTTP/1.1\r\nx-a: x-a: 1\r\nx-ab: 2\r\nX-a:3\r\n\r\nx-a: body\r\n".to_vec();
        adjust(&mut out, 2, &cases);
        let expected = b"..GET /x-a: HTTP/1.1\r\nX-A: x-a: 1\r\nx-ab: 2\r\nX-A:3\r\n\r\nx-a: body\r\n";
        assert_eq!(out, expected);
        adjust(&mut [], 0, &cases);
    }
}
