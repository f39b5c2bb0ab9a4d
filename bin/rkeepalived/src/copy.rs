//! The files of a configuration as they were read, for whoever reads it again: the worker at a reload.
//!
//! COMPAT: the original's parent reads the files once and its children read its copy. A file that changes
//! between the two readings, or a HUP sent to the child alone, therefore changes nothing
//! (`compat-tests/tests/daemon`). `${_RANDOM}` has the same value in both readings.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;

use rha_text::{DiskFiles, Files, Listing};

/// What was found at a path; an error is the operating system's number.
type Found<T> = Result<T, i32>;

/// Everything one reading asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Copy {
    /// What `${_RANDOM}` was computed from.
    pub seed: u64,
    listings: BTreeMap<String, Found<Listing>>,
    texts: BTreeMap<String, Found<Vec<u8>>>,
}

/// The disk, with a note of everything found there.
#[derive(Debug, Default)]
pub struct Recording {
    disk: DiskFiles,
    copy: RefCell<Copy>,
}

impl Recording {
    /// What was noted.
    #[must_use]
    pub fn finish(self, seed: u64) -> Copy {
        Copy { seed, ..self.copy.into_inner() }
    }
}

fn number<T>(e: io::Result<T>) -> Found<T> {
    e.map_err(|e| e.raw_os_error().unwrap_or(0))
}

fn error(number: i32) -> io::Error {
    io::Error::from_raw_os_error(number)
}

impl Files for Recording {
    fn look(&self, path: &str) -> io::Result<Listing> {
        let found = number(self.disk.look(path));
        self.copy.borrow_mut().listings.insert(path.to_owned(), found.clone());
        found.map_err(error)
    }

    fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        let found = number(self.disk.read(path));
        self.copy.borrow_mut().texts.insert(path.to_owned(), found.clone());
        found.map_err(error)
    }
}

impl Files for Copy {
    fn look(&self, path: &str) -> io::Result<Listing> {
        self.listings.get(path).cloned().unwrap_or(Err(0)).map_err(error)
    }

    fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        self.texts.get(path).cloned().unwrap_or(Err(0)).map_err(error)
    }
}

impl Copy {
    /// As bytes: numbers of eight bytes, texts with their length before them.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = self.seed.to_le_bytes().to_vec();
        put_number(&mut out, self.listings.len() as u64);
        for (path, found) in &self.listings {
            put(&mut out, path.as_bytes());
            match found {
                Ok(Listing::File) => put_number(&mut out, 0),
                Ok(Listing::Directory(names)) => {
                    put_number(&mut out, 1);
                    put_number(&mut out, names.len() as u64);
                    names.iter().for_each(|n| put(&mut out, n.as_bytes()));
                }
                Err(e) => put_error(&mut out, *e),
            }
        }
        put_number(&mut out, self.texts.len() as u64);
        for (path, found) in &self.texts {
            put(&mut out, path.as_bytes());
            match found {
                Ok(text) => {
                    put_number(&mut out, 0);
                    put(&mut out, text);
                }
                Err(e) => put_error(&mut out, *e),
            }
        }
        out
    }

    /// From bytes; `None` when they are not of a copy.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Copy> {
        let mut rest = bytes;
        let mut copy = Copy { seed: take_number(&mut rest)?, ..Copy::default() };
        for _ in 0..take_number(&mut rest)? {
            let path = take_text(&mut rest)?;
            let found = match take_number(&mut rest)? {
                0 => Ok(Listing::File),
                1 => {
                    let names = (0..take_number(&mut rest)?).map(|_| take_text(&mut rest));
                    Ok(Listing::Directory(names.collect::<Option<_>>()?))
                }
                _ => Err(take_error(&mut rest)?),
            };
            copy.listings.insert(path, found);
        }
        for _ in 0..take_number(&mut rest)? {
            let path = take_text(&mut rest)?;
            let found = match take_number(&mut rest)? {
                0 => Ok(take(&mut rest)?.to_vec()),
                _ => Err(take_error(&mut rest)?),
            };
            copy.texts.insert(path, found);
        }
        rest.is_empty().then_some(copy)
    }
}

fn put_number(out: &mut Vec<u8>, n: u64) {
    out.extend_from_slice(&n.to_le_bytes());
}

fn put(out: &mut Vec<u8>, bytes: &[u8]) {
    put_number(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn put_error(out: &mut Vec<u8>, number: i32) {
    put_number(out, 2);
    put_number(out, u64::from(number.unsigned_abs()));
}

fn take_number(rest: &mut &[u8]) -> Option<u64> {
    let (head, tail) = rest.split_first_chunk::<8>()?;
    *rest = tail;
    Some(u64::from_le_bytes(*head))
}

fn take<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::try_from(take_number(rest)?).ok()?;
    let (text, tail) = rest.split_at_checked(length)?;
    *rest = tail;
    Some(text)
}

fn take_text(rest: &mut &[u8]) -> Option<String> {
    String::from_utf8(take(rest)?.to_vec()).ok()
}

fn take_error(rest: &mut &[u8]) -> Option<i32> {
    i32::try_from(take_number(rest)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_read_as_the_disk_was() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name).to_string_lossy().into_owned();
        std::fs::write(path("a.conf"), b"one\xff").unwrap();
        let recording = Recording::default();
        assert_eq!(recording.read(&path("a.conf")).unwrap(), b"one\xff");
        assert_eq!(recording.look(&path("a.conf")).unwrap(), Listing::File);
        assert_eq!(recording.look(&path("")).unwrap(), Listing::Directory(vec!["a.conf".to_owned()]));
        assert!(recording.read(&path("b.conf")).is_err());
        let copy = recording.finish(u64::MAX);
        // what the disk says now is no matter
        std::fs::write(path("a.conf"), "two").unwrap();
        std::fs::write(path("b.conf"), "new").unwrap();
        let again = Copy::from_bytes(&copy.to_bytes()).unwrap();
        assert_eq!(again, copy);
        assert_eq!(again.seed, u64::MAX);
        assert_eq!(again.read(&path("a.conf")).unwrap(), b"one\xff");
        assert_eq!(again.read(&path("b.conf")).unwrap_err().kind(), io::ErrorKind::NotFound);
        assert_eq!(again.look(&path("")).unwrap(), Listing::Directory(vec!["a.conf".to_owned()]));
    }

    #[test]
    fn other_bytes_are_no_copy() {
        let bytes = Copy { seed: 7, ..Copy::default() }.to_bytes();
        for n in 0..bytes.len() {
            assert_eq!(Copy::from_bytes(&bytes[..n]), None, "{n}");
        }
        assert_eq!(Copy::from_bytes(&[&bytes[..], b"x"].concat()), None);
        assert_eq!(Copy::from_bytes(&[0xff; 64]), None);
    }
}
