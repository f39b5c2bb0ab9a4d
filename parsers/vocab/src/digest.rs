//! Message digests by the names under which OpenSSL looks them up, case ignored, for the converters `digest` and
//! `hmac`: a configuration's name is checked by the parser and run by the engine.

/// A digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "each is the digest of that name")]
pub enum Digest {
    Md5,
    /// Both, one after the other.
    Md5Sha1,
    Ripemd160,
    Sha1,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
    Sha512T224,
    Sha512T256,
    Sha3T224,
    Sha3T256,
    Sha3T384,
    Sha3T512,
    Sm3,
    Blake2b512,
    Blake2s256,
    /// Known by name, and without a value: those that OpenSSL 3 keeps in its legacy provider, and those that have
    /// no length of their own (OpenSSL 3.4 and later).
    Empty,
}

/// Every name. COMPAT: what the originals with OpenSSL 3 take (`rules/digest-*`).
const NAMES: &[(Digest, &[&str])] = &[
    (Digest::Md5, &["md5", "rsa-md5", "md5withrsaencryption", "ssl3-md5"]),
    (Digest::Md5Sha1, &["md5-sha1"]),
    (
        Digest::Ripemd160,
        &["ripemd160", "ripemd", "ripemd-160", "rmd160", "rsa-ripemd160", "ripemd160withrsa"],
    ),
    (Digest::Sha1, &["sha1", "sha-1", "rsa-sha1", "rsa-sha1-2", "sha1withrsaencryption", "ssl3-sha1"]),
    (Digest::Sha224, &["sha224", "sha-224", "sha2-224", "rsa-sha224", "sha224withrsaencryption"]),
    (Digest::Sha256, &["sha256", "sha-256", "sha2-256", "rsa-sha256", "sha256withrsaencryption"]),
    (Digest::Sha384, &["sha384", "sha-384", "sha2-384", "rsa-sha384", "sha384withrsaencryption"]),
    (Digest::Sha512, &["sha512", "sha-512", "sha2-512", "rsa-sha512", "sha512withrsaencryption"]),
    (
        Digest::Sha512T224,
        &["sha512-224", "sha-512/224", "sha2-512/224", "rsa-sha512/224", "sha512-224withrsaencryption"],
    ),
    (
        Digest::Sha512T256,
        &["sha512-256", "sha-512/256", "sha2-512/256", "rsa-sha512/256", "sha512-256withrsaencryption"],
    ),
    (Digest::Sha3T224, &["sha3-224", "rsa-sha3-224", "id-rsassa-pkcs1-v1_5-with-sha3-224"]),
    (Digest::Sha3T256, &["sha3-256", "rsa-sha3-256", "id-rsassa-pkcs1-v1_5-with-sha3-256"]),
    (Digest::Sha3T384, &["sha3-384", "rsa-sha3-384", "id-rsassa-pkcs1-v1_5-with-sha3-384"]),
    (Digest::Sha3T512, &["sha3-512", "rsa-sha3-512", "id-rsassa-pkcs1-v1_5-with-sha3-512"]),
    (Digest::Sm3, &["sm3", "rsa-sm3", "sm3withrsaencryption"]),
    (Digest::Blake2b512, &["blake2b512", "blake2b-512"]),
    (Digest::Blake2s256, &["blake2s256", "blake2s-256"]),
    (
        Digest::Empty,
        &[
            "md4",
            "rsa-md4",
            "md4withrsaencryption",
            "whirlpool",
            "shake128",
            "shake-128",
            "shake256",
            "shake-256",
        ],
    ),
];

impl Digest {
    /// The digest of a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Digest> {
        let all = NAMES.iter().find(|(_, names)| names.iter().any(|n| n.eq_ignore_ascii_case(name)));
        all.map(|(d, _)| *d)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_in_any_case_and_stand_once() {
        assert_eq!(Digest::named("SHA2-256"), Some(Digest::Sha256));
        assert_eq!(Digest::named("whirlpool"), Some(Digest::Empty));
        assert_eq!(Digest::named("mdc2"), None);
        let mut all: Vec<&str> = NAMES.iter().flat_map(|(_, n)| n.iter().copied()).collect();
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
    }
}
