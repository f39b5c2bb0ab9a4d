//! The environment as a value: what `"$NAME"` in a configuration sees, and what `setenv` changes.

use std::collections::BTreeMap;

/// Environment variables; names and values are bytes, as the operating system keeps them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Env {
    vars: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl Env {
    /// Builds an environment from pairs, the last one of a name winning.
    pub fn from_pairs<K: Into<Vec<u8>>, V: Into<Vec<u8>>>(pairs: impl IntoIterator<Item = (K, V)>) -> Self {
        Env { vars: pairs.into_iter().map(|(k, v)| (k.into(), v.into())).collect() }
    }

    /// The value, `None` when unset (an empty value is set).
    #[must_use]
    pub fn value(&self, name: &[u8]) -> Option<&[u8]> {
        self.vars.get(name).map(Vec::as_slice)
    }

    /// `setenv`: sets or replaces.
    pub fn set(&mut self, name: &[u8], value: &[u8]) {
        self.vars.insert(name.to_vec(), value.to_vec());
    }

    /// `presetenv`: sets only what is not set.
    pub fn preset(&mut self, name: &[u8], value: &[u8]) {
        self.vars.entry(name.to_vec()).or_insert_with(|| value.to_vec());
    }

    /// `unsetenv`.
    pub fn unset(&mut self, name: &[u8]) {
        self.vars.remove(name);
    }

    /// `resetenv`: keeps only the named ones.
    pub fn keep_only(&mut self, names: &[&[u8]]) {
        self.vars.retain(|k, _| names.contains(&k.as_slice()));
    }

    /// All pairs, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.vars.iter().map(|(k, v)| (k.as_slice(), v.as_slice()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn preset_keeps_what_is_there_and_reset_keeps_what_is_named() {
        let mut e = Env::from_pairs([("A", "1"), ("B", "")]);
        e.preset(b"B", b"2");
        e.preset(b"C", b"3");
        assert_eq!((e.value(b"B"), e.value(b"C")), (Some(&b""[..]), Some(&b"3"[..])));
        e.keep_only(&[b"C"]);
        assert_eq!(e.iter().count(), 1);
        e.unset(b"C");
        assert_eq!(e.value(b"C"), None);
    }
}
