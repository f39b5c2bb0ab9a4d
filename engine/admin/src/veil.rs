//! Hiding names in dumps: `set anon`.
//!
//! COMPAT: a name becomes six hexadecimal digits of its hash under the key, so that what a user sends for help can be
//! compared without telling names (`talk/anon`). Management guide §9.3 "set anon on".

use std::net::IpAddr;

use xxhash_rust::xxh32::xxh32;

/// A name as it is shown; key 0 shows it.
#[must_use]
pub fn name(key: u32, name: &str) -> String {
    if key == 0 || name.is_empty() || name == " " {
        return name.to_owned();
    }
    format!("{:06x}", xxh32(name.as_bytes(), key) & 0xff_ffff)
}

/// An address without port: those of the machine itself stay.
#[must_use]
pub fn address(key: u32, text: &str) -> String {
    if key == 0 || matches!(text, "localhost" | "stdout" | "stderr") {
        return text.to_owned();
    }
    match text.parse::<IpAddr>() {
        Err(_) => name(key, text),
        Ok(IpAddr::V4(ip)) => {
            let shown = ip.to_string();
            if ["127", "255", "0"].iter().any(|own| shown.starts_with(own)) {
                return text.to_owned();
            }
            format!("IPV4({})", name(key, &shown))
        }
        Ok(IpAddr::V6(ip)) if ip.is_loopback() => text.to_owned(),
        Ok(ip) => format!("IPV6({})", name(key, &ip.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_the_originals() {
        // Names and digits as HAProxy 3.0 shows them after `set anon on 5`.
        assert_eq!((name(5, "be"), name(5, "s1")), ("5c7c37".into(), "8e467b".into()));
        assert_eq!(name(5, "tbe"), "d03cea");
        assert_eq!(name(0, "be"), "be");
        assert_eq!(address(5, "127.0.0.1"), "127.0.0.1");
        assert!(address(5, "10.0.0.1").starts_with("IPV4("));
    }
}
