//! Passwords as crypt(3) keeps them, for user lists: SHA-512 and SHA-256, bcrypt, yescrypt, MD5.
//!
//! The traditional form of DES and its relatives have no kept library: a list with one is refused at start.

use md5::{Digest, Md5};
use yescrypt::{PasswordHashRef, PasswordVerifier, Yescrypt};

/// A form of kept passwords.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Sha256,
    Sha512,
    Bcrypt,
    Yescrypt,
    Md5,
}

/// Marks at the start, and the form each is of.
const FORMS: [(&str, Form); 7] = [
    ("$5$", Form::Sha256),
    ("$6$", Form::Sha512),
    ("$2a$", Form::Bcrypt),
    ("$2b$", Form::Bcrypt),
    ("$2y$", Form::Bcrypt),
    ("$y$", Form::Yescrypt),
    ("$1$", Form::Md5),
];

fn form(kept: &str) -> Option<Form> {
    FORMS.iter().find(|(mark, _)| kept.starts_with(mark)).map(|(_, f)| *f)
}

/// Whether this form can be checked here.
pub(crate) fn knows(kept: &str) -> bool {
    form(kept).is_some()
}

/// Whether the password is the one kept; false for unknown forms.
pub(crate) fn matches(kept: &str, password: &[u8]) -> bool {
    let text = std::str::from_utf8(password);
    match form(kept) {
        Some(Form::Sha256) => text.is_ok_and(|p| sha_crypt::sha256_check(p, kept).is_ok()),
        Some(Form::Sha512) => text.is_ok_and(|p| sha_crypt::sha512_check(p, kept).is_ok()),
        Some(Form::Bcrypt) => bcrypt::verify(password, kept).unwrap_or(false),
        Some(Form::Yescrypt) => PasswordHashRef::new(kept)
            .is_ok_and(|hash| Yescrypt::default().verify_password(password, hash).is_ok()),
        Some(Form::Md5) => md5_crypt(kept, password).is_some_and(|made| made == kept),
        None => false,
    }
}

/// The MD5 form, crypt(5): a thousand rounds over password and salt, the digest in a base 64 of its own.
fn md5_crypt(kept: &str, password: &[u8]) -> Option<String> {
    let salt = kept.strip_prefix("$1$")?.split('$').next()?;
    let salt = salt.as_bytes().get(..salt.len().min(8))?;
    let inner = Md5::new().chain_update(password).chain_update(salt).chain_update(password).finalize();
    let mut first = Md5::new().chain_update(password).chain_update("$1$").chain_update(salt);
    for at in (0..password.len()).step_by(16) {
        first.update(inner.get(..(password.len() - at).min(16))?);
    }
    let mut n = password.len();
    while n > 0 {
        first.update(if n & 1 == 1 { &[0][..] } else { password.get(..1)? });
        n >>= 1;
    }
    let mut digest = first.finalize();
    for round in 0..1000 {
        let mut next = Md5::new();
        next.update(if round & 1 == 1 { password } else { &digest });
        if round % 3 != 0 {
            next.update(salt);
        }
        if round % 7 != 0 {
            next.update(password);
        }
        next.update(if round & 1 == 1 { &digest[..] } else { password });
        digest = next.finalize();
    }
    let mut out = format!("$1${}$", std::str::from_utf8(salt).ok()?);
    for [a, b, c] in [[0, 6, 12], [1, 7, 13], [2, 8, 14], [3, 9, 15], [4, 10, 5]] {
        let all =
            [a, b, c].iter().try_fold(0u32, |n, i: &usize| Some(n << 8 | u32::from(*digest.get(*i)?)))?;
        push_base64(all, 4, &mut out);
    }
    push_base64(u32::from(*digest.get(11)?), 2, &mut out);
    Some(out)
}

/// The low bits first, six at a time.
fn push_base64(mut n: u32, digits: usize, out: &mut String) {
    const DIGITS: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    for _ in 0..digits {
        out.push(char::from(DIGITS[(n & 63) as usize]));
        n >>= 6;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `secret` as the C library keeps it.
    #[test]
    fn every_form_is_that_of_the_c_library() {
        for kept in [
            "$1$saltsalt$9xy1btjgzLYfb7hivXtC//",
            "$1$Mr1.t4MV$4fAKRwFTO6y5MZyARJh0y.",
            "$2a$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a",
            "$2b$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a",
            "$2y$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a",
            "$y$j9T$abcdefgh12345678$5sAznj4WEIGgyua2AXu2NRSCMeWB3V6LpE45tV7hHM8",
            "$5$poQp6lx1XvT0a4qY$sTD8hxX7u/9e5e5ekOTlMIVXiWuZRabZLNqyZFONUN1",
            "$6$18DyWwRlQX8rNIpc$Hvy.fEWMVHO.R8aw4eKhi1IPJRxcXlqiDFVQWq52T2s8oUEDsMfb9uAAMctSz.tsW.jz4x6.BxniGLKi9XhZr/",
        ] {
            assert!(knows(kept) && matches(kept, b"secret"), "{kept}");
            assert!(!matches(kept, b"Secret") && !matches(kept, b""), "{kept}");
        }
        for other in ["abNANd1rDfiNc", "_J9..abcd/H6HLCcf7nw", "$7$C6..../....saltsalt$5XJ6", "$3$$878d", ""]
        {
            assert!(!knows(other) && !matches(other, b"secret"), "{other}");
        }
    }
}
