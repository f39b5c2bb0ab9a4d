//! What this build can do, for `feature(X)`, `enabled(X)`, `version_atleast(X)` and the list in `-vv`.
//!
//! A configuration asks before it uses something; an answer that claims too much would make it use what
//! is not there. So this is the one place where each name is answered for, and the answer is ours, not
//! the original's.

use std::cmp::Ordering;

/// A build option by its name in the original's list, whether we have it, and why.
#[derive(Debug, Clone, Copy)]
pub struct Feature {
    /// Its name, as after `USE_`.
    pub name: &'static str,
    /// What `feature(name)` answers.
    pub present: bool,
    /// What stands behind the answer.
    pub reason: &'static str,
}

const fn yes(name: &'static str, reason: &'static str) -> Feature {
    Feature { name, present: true, reason }
}

const fn no(name: &'static str, reason: &'static str) -> Feature {
    Feature { name, present: false, reason }
}

/// All names of the original's list, in its order.
pub const FEATURES: &[Feature] = &[
    no("51DEGREES", "not built"),
    yes("ACCEPT4", "listeners accept with flags"),
    no("BACKTRACE", "a panic prints one, the runtime API has none"),
    no("CLOSEFROM", "not needed"),
    no("CPU_AFFINITY", "workers are not bound yet"),
    no("CRYPT_H", "passwords are checked without the C library"),
    no("DEVICEATLAS", "not built"),
    no("DL", "no code is loaded at run time"),
    no("ENGINE", "no OpenSSL"),
    yes("EPOLL", "the event loop"),
    no("EVPORTS", "another system"),
    yes("GETADDRINFO", "names in addresses are resolved by the system"),
    no("KQUEUE", "another system"),
    no("LIBATOMIC", "not needed"),
    no("LIBCRYPT", "passwords are checked without the C library"),
    no("LINUX_CAP", "capabilities are not handled yet"),
    no("LINUX_SPLICE", "bytes are copied"),
    no("LINUX_TPROXY", "not built yet"),
    no("LUA", "not built yet"),
    no("MATH", "not needed"),
    no("MEMORY_PROFILING", "not built"),
    no("NETFILTER", "not built yet"),
    no("NS", "not built yet"),
    no("OBSOLETE_LINKER", "not needed"),
    no("OPENSSL", "no TLS yet"),
    no("OPENSSL_AWSLC", "no TLS yet"),
    no("OPENSSL_WOLFSSL", "no TLS yet"),
    no("OT", "not built"),
    no("PCRE", "PCRE2 is used"),
    yes("PCRE2", "regular expressions"),
    yes("PCRE2_JIT", "regular expressions are compiled"),
    no("PCRE_JIT", "PCRE2 is used"),
    yes("POLL", "the fallback of the event loop"),
    no("PRCTL", "not built yet"),
    no("PROCCTL", "another system"),
    no("PROMEX", "not built yet"),
    no("PTHREAD_EMULATION", "not needed"),
    no("QUIC", "not built yet"),
    no("QUIC_OPENSSL_COMPAT", "not built yet"),
    yes("RT", "clocks of the system"),
    no("SHM_OPEN", "not built yet"),
    no("SLZ", "no compression yet"),
    no("SSL", "no TLS yet"),
    no("STATIC_PCRE", "PCRE2 is used"),
    no("STATIC_PCRE2", "linked as the package does"),
    yes("SYSTEMD", "readiness is reported"),
    yes("TFO", "bind and server options"),
    yes("THREAD", "one worker per thread"),
    no("THREAD_DUMP", "not built"),
    no("TPROXY", "not built yet"),
    no("WURFL", "not built"),
    no("ZLIB", "no compression yet"),
];

/// `feature(name)`.
#[must_use]
pub fn has(name: &[u8]) -> bool {
    FEATURES.iter().any(|f| f.present && f.name.as_bytes() == name)
}

/// `enabled(name)`: options that are on unless the command line or `global` switched them off.
#[must_use]
pub fn is_enabled(name: &[u8]) -> bool {
    matches!(name, b"POLL" | b"EPOLL" | b"GETADDRINFO" | b"REUSEPORT" | b"FAST-FORWARD")
}

/// What the TLS predicates look at.
pub struct TlsLibrary;

impl TlsLibrary {
    /// How an OpenSSL version compares with ours; `None`: there is none, or it cannot be read.
    #[must_use]
    pub fn openssl_version(_version: &[u8]) -> Option<Ordering> {
        None
    }

    /// How an AWS-LC interface number compares with ours.
    #[must_use]
    pub fn awslc_api(_version: &[u8]) -> Option<Ordering> {
        None
    }

    /// Whether the library's name begins with this.
    #[must_use]
    pub fn name_starts_with(_name: &[u8]) -> bool {
        false
    }
}

/// How version `other` compares with `own`; `None` when `other` cannot be read.
///
/// Up to four numbers, then a tag (`dev`, `rc`), its number, and a count of commits.
#[must_use]
pub fn compare_version(own: &str, other: &[u8]) -> Option<Ordering> {
    let own = version_parts(own.as_bytes())?;
    Some(version_parts(other)?.cmp(&own))
}

/// Rank of a version without a tag, above every tag.
const RELEASE: i64 = 3;

fn version_parts(text: &[u8]) -> Option<[i64; 7]> {
    if text.is_empty() {
        return None;
    }
    let mut parts = [0, 0, 0, 0, RELEASE, 0, 0];
    let mut rest = text;
    for (i, part) in parts.iter_mut().take(4).enumerate() {
        let (value, tail) = crate::units::strtol(rest, 10);
        *part = value;
        match tail {
            [] => return Some(parts),
            [b'-', tail @ ..] => {
                rest = tail;
                break;
            }
            [b'.', tail @ ..] if i < 3 => rest = tail,
            _ => return None,
        }
    }
    for (word, rank) in [(&b"dev"[..], 1), (b"rc", 2), (b"pre", 2)] {
        if let Some(tail) = rest.strip_prefix(word) {
            parts[4] = rank;
            let (number, tail) = crate::units::strtol(tail, 10);
            parts[5] = number;
            match tail {
                [] => return Some(parts),
                [b'-', tail @ ..] => rest = tail,
                _ => return None,
            }
            break;
        }
    }
    let last = rest.iter().rposition(|b| *b == b'-').map_or(rest, |i| &rest[i + 1..]);
    let (commits, tail) = crate::units::strtol(last, 10);
    parts[6] = if tail.is_empty() { commits } else { 0 };
    Some(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_as_the_original_compares_them() {
        for (other, want) in [
            ("3.0", Some(Ordering::Less)),
            ("3.0.11", Some(Ordering::Equal)),
            ("3.0.11-1", Some(Ordering::Greater)),
            ("3.0-dev5", Some(Ordering::Less)),
            ("3.1-dev0", Some(Ordering::Greater)),
            ("abc", None),
            ("", None),
        ] {
            assert_eq!(compare_version("3.0.11-1+deb13u3", other.as_bytes()), want, "{other}");
        }
    }

    #[test]
    fn the_list_is_sorted_and_unique() {
        assert!(FEATURES.windows(2).all(|w| w[0].name < w[1].name));
    }
}
