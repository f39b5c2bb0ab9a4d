//! Everything that happened on a LAN, each with its time, and waiting for what is to happen.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::net::IpAddr;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::wire::{Advert, Announcement, Heard};

/// Lines of each log that a message shows.
const SHOWN: usize = 30;

/// A line of a log.
#[derive(Debug, Clone)]
pub struct Line {
    /// When it was read.
    pub at: Instant,
    /// The line.
    pub text: String,
}

/// An address came, was renewed, or went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// When the kernel told.
    pub at: Instant,
    /// On which link.
    pub link: String,
    /// The address.
    pub address: IpAddr,
    /// Whether it is there now.
    pub present: bool,
}

/// What was seen of a node.
#[derive(Debug, Default)]
pub struct NodeSeen {
    held: BTreeSet<(IpAddr, String)>,
    /// Address changes.
    pub changes: Vec<Change>,
    /// Its program's standard output and error.
    pub lines: Vec<Line>,
}

impl NodeSeen {
    /// Whether it has an address on any link.
    #[must_use]
    pub fn holds(&self, address: IpAddr) -> bool {
        self.held.iter().any(|(a, _)| *a == address)
    }

    /// When a line with this text was written, since then.
    #[must_use]
    pub fn said(&self, text: &str, since: Instant) -> Option<Instant> {
        self.lines.iter().find(|l| l.at >= since && l.text.contains(text)).map(|l| l.at)
    }

    /// The last state an instance entered, as its log says.
    #[must_use]
    pub fn state(&self, instance: &str) -> Option<&str> {
        let entering = format!("({instance}) Entering ");
        let words =
            self.lines.iter().rev().find_map(|l| l.text.split_once(&entering).map(|(_, rest)| rest))?;
        words.split_whitespace().next()
    }

    /// When it last got (or lost) an address since then.
    #[must_use]
    pub fn changed(&self, address: IpAddr, present: bool, since: Instant) -> Option<Instant> {
        let fits = |c: &&Change| c.at >= since && c.address == address && c.present == present;
        self.changes.iter().find(fits).map(|c| c.at)
    }
}

/// What was seen of a LAN.
#[derive(Debug, Default)]
pub struct Seen {
    nodes: Vec<NodeSeen>,
    /// Adverts the client heard.
    pub adverts: Vec<Advert>,
    /// Gratuitous ARP and unsolicited advertisements the client heard.
    pub announcements: Vec<Announcement>,
}

impl Seen {
    /// A node's part; the first is 1.
    ///
    /// # Panics
    /// There is no such node.
    #[must_use]
    pub fn node(&self, node: usize) -> &NodeSeen {
        &self.nodes[node - 1]
    }

    /// Adverts since then.
    pub fn adverts_since(&self, since: Instant) -> impl Iterator<Item = &Advert> {
        let first = self.adverts.partition_point(|a| a.at < since);
        self.adverts[first..].iter()
    }

    pub(super) fn story(&self) -> String {
        let mut out = String::new();
        for (n, node) in self.nodes.iter().enumerate() {
            let _ = writeln!(out, "--- node {}, addresses {:?}", n + 1, node.held);
            for line in node.lines.iter().skip(node.lines.len().saturating_sub(SHOWN)) {
                let _ = writeln!(out, "{:>8.3} {}", -line.at.elapsed().as_secs_f64(), line.text);
            }
        }
        let _ = writeln!(out, "--- adverts");
        for a in self.adverts.iter().skip(self.adverts.len().saturating_sub(SHOWN / 2)) {
            let _ = writeln!(out, "{:>8.3} {} {}", -a.at.elapsed().as_secs_f64(), a.source, a.shape);
        }
        out
    }
}

/// The book.
pub(super) struct Book {
    seen: Mutex<Seen>,
    news: Condvar,
}

impl Book {
    pub(super) fn new(nodes: usize) -> Book {
        let seen = Seen { nodes: (0..nodes).map(|_| NodeSeen::default()).collect(), ..Seen::default() };
        Book { seen: Mutex::new(seen), news: Condvar::new() }
    }

    fn open(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, what: impl FnOnce(&mut Seen)) {
        what(&mut self.open());
        self.news.notify_all();
    }

    pub(super) fn read<R>(&self, what: impl FnOnce(&Seen) -> R) -> R {
        what(&self.open())
    }

    pub(super) fn line(&self, node: usize, text: String) {
        let at = Instant::now();
        self.write(|seen| seen.nodes[node - 1].lines.push(Line { at, text }));
    }

    pub(super) fn address(&self, node: usize, link: &str, address: IpAddr, present: bool) {
        let at = Instant::now();
        self.write(|seen| {
            let node = &mut seen.nodes[node - 1];
            let key = (address, link.to_owned());
            if present {
                node.held.insert(key)
            } else {
                node.held.remove(&key)
            };
            node.changes.push(Change { at, link: link.to_owned(), address, present });
        });
    }

    pub(super) fn heard(&self, heard: Heard) {
        self.write(|seen| match heard {
            Heard::Advert(a) => seen.adverts.push(a),
            Heard::Announcement(a) => seen.announcements.push(a),
        });
    }

    /// Waits until it says so; `None` after that time.
    pub(super) fn until(&self, limit: Duration, so: &mut impl FnMut(&Seen) -> bool) -> Option<Instant> {
        let waited = self.news.wait_timeout_while(self.open(), limit, |seen| !so(seen));
        let (mut seen, result) = waited.unwrap_or_else(PoisonError::into_inner);
        (!result.timed_out() || so(&mut seen)).then(Instant::now)
    }
}
