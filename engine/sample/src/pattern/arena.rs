//! Many short texts in one allocation: eight bytes less than nothing per entry matters at a million.

/// Texts numbered in order of insertion; at most 4 GiB together.
#[derive(Debug, Default)]
pub(crate) struct Arena {
    bytes: Vec<u8>,
    ends: Vec<u32>,
}

impl Arena {
    /// Appends a text; `None` when the arena is full.
    pub(crate) fn push(&mut self, text: &[u8]) -> Option<u32> {
        let number = u32::try_from(self.ends.len()).ok()?;
        let end = u32::try_from(self.bytes.len() + text.len()).ok()?;
        self.bytes.extend_from_slice(text);
        self.ends.push(end);
        Some(number)
    }

    /// Changes the bytes of the last text.
    pub(crate) fn last_mut(&mut self) -> &mut [u8] {
        let start = self.ends.len().checked_sub(2).and_then(|i| self.ends.get(i)).map_or(0, |e| *e as usize);
        self.bytes.get_mut(start..).unwrap_or_default()
    }

    /// Text `i`, empty if there is none.
    pub(crate) fn get(&self, i: u32) -> &[u8] {
        let i = i as usize;
        let start = i.checked_sub(1).and_then(|p| self.ends.get(p)).map_or(0, |e| *e as usize);
        let end = self.ends.get(i).map_or(0, |e| *e as usize);
        self.bytes.get(start..end).unwrap_or_default()
    }

    /// Number of texts.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Gives back what growing took too much.
    pub(crate) fn shrink(&mut self) {
        self.bytes.shrink_to_fit();
        self.ends.shrink_to_fit();
    }
}
