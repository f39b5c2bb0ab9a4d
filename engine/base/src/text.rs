//! Numbers and addresses as text, straight into a buffer.
//!
//! A request's log line holds some twenty numbers; the standard formatter costs several times what the
//! digits do (`docs/performance.md`).

use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr};

/// Appends a decimal number.
#[inline]
pub fn push_decimal(mut n: u64, out: &mut Vec<u8>) {
    if n < 10 {
        out.push(b'0' + n as u8);
        return;
    }
    if n < 1000 {
        let n = n as u16;
        let three = [b'0' + (n / 100) as u8, b'0' + (n / 10 % 10) as u8, b'0' + (n % 10) as u8];
        out.extend_from_slice(if n < 100 { &three[1..] } else { &three });
        return;
    }
    let mut digits = [0u8; 20];
    let mut at = digits.len();
    for d in digits.iter_mut().rev() {
        *d = b'0' + (n % 10) as u8;
        n /= 10;
        at -= 1;
        if n == 0 {
            break;
        }
    }
    out.extend_from_slice(digits.get(at..).unwrap_or_default());
}

/// Appends an IPv4 address in dotted form.
#[inline]
pub fn push_v4(a: Ipv4Addr, out: &mut Vec<u8>) {
    let mut text = [0u8; 15];
    let mut len = 0;
    let mut put = |c: u8| {
        if let Some(t) = text.get_mut(len) {
            *t = c;
            len += 1;
        }
    };
    for (i, o) in a.octets().into_iter().enumerate() {
        if i > 0 {
            put(b'.');
        }
        if o >= 100 {
            put(b'0' + o / 100);
        }
        if o >= 10 {
            put(b'0' + o / 10 % 10);
        }
        put(b'0' + o % 10);
    }
    out.extend_from_slice(text.get(..len).unwrap_or_default());
}

/// Appends an address as the standard formatter writes it.
pub fn push_ip(a: IpAddr, out: &mut Vec<u8>) {
    match a {
        IpAddr::V4(a) => push_v4(a, out),
        IpAddr::V6(a) => {
            let _ = write!(out, "{a}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_the_standard_formatter() {
        for n in [0, 1, 9, 10, 99, 100, 65_535, 4_294_967_296, u64::MAX - 1, u64::MAX] {
            let mut out = b"x".to_vec();
            push_decimal(n, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), format!("x{n}"));
        }
        for a in ["0.0.0.0", "255.255.255.255", "10.9.99.100", "1.20.203.4", "::1", "2001:db8::a:0:0:1"] {
            let mut out = Vec::new();
            push_ip(a.parse().unwrap(), &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), a);
        }
    }
}
