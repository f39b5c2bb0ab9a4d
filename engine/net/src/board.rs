//! A text that one process writes and the processes it has forked read: what the original does with its copy of
//! the configuration. It is a nameless file in memory, so that it goes with the last process that has it.
//!
//! Writer and readers do not wait for each other: a number before the text is odd while it is being written, and
//! a reader that saw another number afterwards has read nothing.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use rustix::fs::{MemfdFlags, memfd_create};

/// Bytes before the text: the number.
const HEAD: u64 = 8;

/// The board; clones made by `fork` are the same one.
#[derive(Debug)]
pub struct Board {
    file: File,
}

impl Board {
    /// An empty one; it does not outlive an `exec`.
    ///
    /// # Errors
    /// As the operating system tells them.
    pub fn new() -> io::Result<Board> {
        let file = File::from(memfd_create("board", MemfdFlags::CLOEXEC)?);
        Ok(Board { file })
    }

    /// Replaces the text. One process writes, one at a time.
    ///
    /// # Errors
    /// As the operating system tells them: no memory is left.
    pub fn write(&self, text: &[u8]) -> io::Result<()> {
        let odd = self.number().unwrap_or(0) | 1;
        self.file.write_all_at(&odd.to_le_bytes(), 0)?;
        self.file.write_all_at(text, HEAD)?;
        self.file.set_len(HEAD + text.len() as u64)?;
        self.file.write_all_at(&odd.wrapping_add(1).to_le_bytes(), 0)
    }

    /// The text; `None` when nothing was written yet or it is being written right now.
    #[must_use]
    pub fn read(&self) -> Option<Vec<u8>> {
        let before = self.number().filter(|n| n % 2 == 0)?;
        let length = self.file.metadata().ok()?.len().checked_sub(HEAD)?;
        let mut text = vec![0; usize::try_from(length).ok()?];
        self.file.read_exact_at(&mut text, HEAD).ok()?;
        (self.number() == Some(before)).then_some(text)
    }

    fn number(&self) -> Option<u64> {
        let mut head = [0; HEAD as usize];
        self.file.read_exact_at(&mut head, 0).ok()?;
        Some(u64::from_le_bytes(head))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_whole_or_nothing() {
        let board = Board::new().unwrap();
        assert_eq!(board.read(), None);
        for text in [&b"a longer text"[..], b"short", b"", b"again longer than that"] {
            board.write(text).unwrap();
            assert_eq!(board.read().as_deref(), Some(text));
        }
        // the writer is in the middle of it
        let odd = board.number().unwrap() + 1;
        board.file.write_all_at(&odd.to_le_bytes(), 0).unwrap();
        assert_eq!(board.read(), None);
        board.write(b"done").unwrap();
        assert_eq!(board.read().as_deref(), Some(&b"done"[..]));
    }
}
