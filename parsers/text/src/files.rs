//! Source files and positions in them.
//!
//! A [`Span`] is sixteen bytes and names bytes of one file plus the line they begin on, because the
//! native messages of all three originals speak of `file:line` while the pretty form needs columns.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

/// Index of a file in [`Sources`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct FileId(pub u32);

/// Bytes `start..end` of a file, the first of them on the 1-based `line`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Span {
    /// The file.
    pub file: FileId,
    /// 1-based line of `start`; 0 means "the file as a whole".
    pub line: u32,
    /// First byte, counted from the start of the file.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// The smallest span holding both; `other` must lie in the same file and not before `self`.
    #[must_use]
    pub fn to(self, other: Span) -> Span {
        Span { end: other.end.max(self.end), ..self }
    }
}

/// One file as it was read.
#[derive(Debug, Clone)]
pub struct Source {
    /// The name as the user wrote it, which is the name messages show.
    pub name: String,
    /// Its bytes; not necessarily UTF-8.
    pub text: Vec<u8>,
}

/// All files of one run, in the order they were opened.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    files: Vec<Source>,
}

impl Sources {
    /// Adds a file and returns its id.
    pub fn add(&mut self, name: impl Into<String>, text: Vec<u8>) -> FileId {
        let id = FileId(u32::try_from(self.files.len()).unwrap_or(u32::MAX));
        self.files.push(Source { name: name.into(), text });
        id
    }

    /// The file behind an id; an id from another `Sources` may have none.
    #[must_use]
    pub fn get(&self, id: FileId) -> Option<&Source> {
        self.files.get(id.0 as usize)
    }

    /// The name messages show, `"?"` for an id from elsewhere.
    #[must_use]
    pub fn name(&self, id: FileId) -> &str {
        self.get(id).map_or("?", |f| f.name.as_str())
    }

    /// The bytes a span covers; empty when it does not fit the file.
    #[must_use]
    pub fn slice(&self, span: Span) -> &[u8] {
        self.get(span.file).and_then(|f| f.text.get(span.start as usize..span.end as usize)).unwrap_or(b"")
    }

    /// All files in order of opening.
    pub fn iter(&self) -> impl Iterator<Item = (FileId, &Source)> {
        self.files.iter().enumerate().map(|(i, f)| (FileId(u32::try_from(i).unwrap_or(u32::MAX)), f))
    }
}

/// What a path turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listing {
    /// A regular file (or anything that can be read to its end).
    File,
    /// A directory with the names in it, in byte order.
    Directory(Vec<String>),
}

/// Where a parser gets its files: the disk, or a map in tests and fuzzers.
pub trait Files {
    /// What is at `path`.
    ///
    /// # Errors
    /// As the operating system tells them.
    fn look(&self, path: &str) -> io::Result<Listing>;
    /// Reads a whole file.
    ///
    /// # Errors
    /// As the operating system tells them.
    fn read(&self, path: &str) -> io::Result<Vec<u8>>;
}

/// The real file system; `-` is standard input.
#[derive(Debug, Clone, Default)]
pub struct DiskFiles {
    /// Directory that relative paths are resolved against; the process's own if `None`.
    pub base: Option<PathBuf>,
}

impl DiskFiles {
    fn at(&self, path: &str) -> PathBuf {
        self.base.as_ref().map_or_else(|| PathBuf::from(path), |b| b.join(path))
    }
}

impl Files for DiskFiles {
    fn look(&self, path: &str) -> io::Result<Listing> {
        let path = self.at(path);
        if !std::fs::metadata(&path)?.is_dir() {
            return Ok(Listing::File);
        }
        let mut names: Vec<String> = std::fs::read_dir(&path)?
            .filter_map(|e| e.ok().map(|e| e.file_name().to_string_lossy().into_owned()))
            .collect();
        names.sort_unstable();
        Ok(Listing::Directory(names))
    }

    fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        std::fs::read(self.at(path))
    }
}

/// Files that exist only in a test.
#[derive(Debug, Clone, Default)]
pub struct MemoryFiles(pub BTreeMap<String, Vec<u8>>);

impl Files for MemoryFiles {
    fn look(&self, path: &str) -> io::Result<Listing> {
        if self.0.contains_key(path) {
            return Ok(Listing::File);
        }
        let inside: Vec<String> = self
            .0
            .keys()
            .filter_map(|k| Path::new(k).strip_prefix(path).ok()?.to_str().map(str::to_owned))
            .filter(|n| !n.is_empty() && !n.contains('/'))
            .collect();
        if inside.is_empty() { Err(io::ErrorKind::NotFound.into()) } else { Ok(Listing::Directory(inside)) }
    }

    fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        self.0.get(path).cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_gives_back_its_bytes() {
        let mut s = Sources::default();
        let f = s.add("a.cfg", b"global\n maxconn 5\n".to_vec());
        let span = Span { file: f, line: 2, start: 8, end: 15 };
        assert_eq!(s.slice(span), b"maxconn");
        assert_eq!(s.slice(Span { end: 9000, ..span }), b"");
        assert_eq!(s.name(FileId(7)), "?");
    }

    #[test]
    fn a_directory_of_memory_lists_in_order() {
        let mut m = MemoryFiles::default();
        for n in ["d/b.cfg", "d/a.cfg", "e/c.cfg"] {
            m.0.insert(n.into(), vec![]);
        }
        assert_eq!(m.look("d").unwrap(), Listing::Directory(vec!["a.cfg".into(), "b.cfg".into()]));
        assert!(m.look("x").is_err());
    }
}
