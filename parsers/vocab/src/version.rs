//! HAProxy dialects: whose meaning a file is read with.

use std::fmt;

/// A version of HAProxy whose behaviour we take on (`RHAP_COMPAT`, `--compat`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Dialect {
    /// Major number.
    pub major: u8,
    /// Minor number.
    pub minor: u8,
}

impl Dialect {
    /// Debian 12's.
    pub const V2_6: Dialect = Dialect::of(2, 6);
    /// Long-term support.
    pub const V2_8: Dialect = Dialect::of(2, 8);
    /// Long-term support, and what we mean by default.
    pub const V3_0: Dialect = Dialect::of(3, 0);
    /// Long-term support.
    pub const V3_2: Dialect = Dialect::of(3, 2);
    /// Long-term support.
    pub const V3_4: Dialect = Dialect::of(3, 4);
    /// In development.
    pub const V3_5: Dialect = Dialect::of(3, 5);
    /// All that can be chosen.
    pub const ALL: [Dialect; 6] = [Self::V2_6, Self::V2_8, Self::V3_0, Self::V3_2, Self::V3_4, Self::V3_5];

    /// A dialect by its numbers.
    #[must_use]
    pub const fn of(major: u8, minor: u8) -> Self {
        Dialect { major, minor }
    }

    /// Reads `3.0`, `2.6.12`, `3.5-dev5`: the two first numbers of one of [`Dialect::ALL`].
    #[must_use]
    pub fn parse(text: &str) -> Option<Dialect> {
        let mut parts = text.split(|c: char| !c.is_ascii_digit());
        let found = Dialect::of(parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        Self::ALL.into_iter().find(|d| *d == found)
    }
}

impl Default for Dialect {
    fn default() -> Self {
        Dialect::V3_0
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// The versions a row exists in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lifetime {
    /// First version that knows it; `None`: older than anything we speak for.
    pub since: Option<Dialect>,
    /// First version that no longer knows it.
    pub until: Option<Dialect>,
}

impl Lifetime {
    /// Known to every version.
    pub const ALWAYS: Lifetime = Lifetime { since: None, until: None };

    /// Known from a version on.
    #[must_use]
    pub const fn since(major: u8, minor: u8) -> Self {
        Lifetime { since: Some(Dialect::of(major, minor)), until: None }
    }

    /// No longer known from a version on.
    #[must_use]
    pub const fn until(major: u8, minor: u8) -> Self {
        Lifetime { since: None, until: Some(Dialect::of(major, minor)) }
    }

    /// Whether a dialect knows the row.
    #[must_use]
    pub fn covers(self, d: Dialect) -> bool {
        self.since.is_none_or(|s| d >= s) && self.until.is_none_or(|u| d < u)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dialects_read_from_full_versions() {
        assert_eq!(Dialect::parse("2.6.12-1+deb12u4"), Some(Dialect::V2_6));
        assert_eq!(Dialect::parse("3.5-dev5"), Some(Dialect::V3_5));
        assert_eq!(Dialect::parse("1.8"), None);
        assert_eq!(Dialect::parse("x"), None);
    }

    #[test]
    fn a_lifetime_ends_where_it_says() {
        assert!(Lifetime::ALWAYS.covers(Dialect::V2_6));
        assert!(!Lifetime::since(3, 0).covers(Dialect::V2_8));
        assert!(!Lifetime::until(3, 3).covers(Dialect::V3_4));
    }
}
