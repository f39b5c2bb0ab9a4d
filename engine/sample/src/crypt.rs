//! Passwords as crypt(3) keeps them, for user lists.

/// Whether this form can be checked here.
pub(crate) fn knows(kept: &str) -> bool {
    kept.starts_with("$5$") || kept.starts_with("$6$")
}

/// Whether the password is the one kept; false for unknown forms.
pub(crate) fn matches(kept: &str, password: &[u8]) -> bool {
    let Ok(password) = std::str::from_utf8(password) else { return false };
    match kept.get(..3) {
        Some("$5$") => sha_crypt::sha256_check(password, kept).is_ok(),
        Some("$6$") => sha_crypt::sha512_check(password, kept).is_ok(),
        _ => false,
    }
}
