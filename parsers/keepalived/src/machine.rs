//! What the parser may ask about the machine: interfaces, users, files, names.
//!
//! The engine gives its own answer where it knows better (netlink); [`LocalMachine`] reads what any
//! process can read, [`MachineOf`] is a list for tests and fuzzers.

use std::io;
use std::net::{IpAddr, SocketAddr};

/// An interface as far as a configuration depends on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    /// Bytes.
    pub mtu: u32,
    /// Whether it is a loopback.
    pub loopback: bool,
    /// Whether it is Ethernet.
    pub ethernet: bool,
    /// Whether multicast leaves through it.
    pub multicast: bool,
    /// Interface it lies on (macvlan, ipvlan), if any.
    pub base: Option<String>,
    /// Its primary addresses, where they are known.
    pub addresses: Vec<IpAddr>,
}

impl Default for Interface {
    fn default() -> Self {
        Interface {
            mtu: 1500,
            loopback: false,
            ethernet: true,
            multicast: true,
            base: None,
            addresses: Vec::new(),
        }
    }
}

/// Kind of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// Regular.
    File,
    /// Directory.
    Directory,
    /// Symbolic link (only when not followed).
    Link,
    /// Anything else.
    Other,
}

/// What `stat` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileStat {
    /// Kind.
    pub kind: FileKind,
    /// Permission bits with set-id and sticky, `0o7777`.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Device and inode.
    pub identity: (u64, u64),
}

/// The machine a configuration is for.
pub trait Machine {
    /// An interface by name.
    fn interface(&self, name: &str) -> Option<Interface>;
    /// A user's uid and primary gid.
    fn user(&self, name: &str) -> Option<(u32, u32)>;
    /// A group's gid.
    fn group(&self, name: &str) -> Option<u32>;
    /// Our own effective uid and gid.
    fn own(&self) -> (u32, u32);
    /// What is at a path.
    ///
    /// # Errors
    /// As the operating system tells them.
    fn stat(&self, path: &str, follow: bool) -> io::Result<FileStat>;
    /// The path without links, dots and double slashes.
    ///
    /// # Errors
    /// As the operating system tells them.
    fn real_path(&self, path: &str) -> io::Result<String>;
    /// Directories that programs are looked for in, separated by `:`.
    fn search_path(&self) -> String;
    /// The directory relative names start at.
    fn directory(&self) -> String;
    /// A host name's first address.
    fn resolve(&self, name: &str, port: u16) -> Option<SocketAddr>;
    /// A text file of the system: tables of names for routes and rules.
    fn system_file(&self, path: &str) -> Option<Vec<u8>>;
    /// Number of processors online.
    fn processors(&self) -> u32;
    /// Whether a kernel setting can be written.
    fn writable(&self, path: &str) -> bool;
}

/// A machine that is a list: for tests, fuzzers, and for judging another node's file.
#[derive(Debug, Clone, Default)]
pub struct MachineOf {
    /// Interfaces, all plain Ethernet; `lo` is always there.
    pub interfaces: Vec<String>,
    /// Every interface exists.
    pub any_interface: bool,
    /// Users with uid and gid; `root` is always there.
    pub users: Vec<(String, u32, u32)>,
    /// Programs that exist, owned and writable by root alone.
    pub programs: Vec<String>,
    /// Files of the system, with what they hold.
    pub files: Vec<(String, String)>,
}

impl Machine for MachineOf {
    fn interface(&self, name: &str) -> Option<Interface> {
        if name == "lo" {
            return Some(Interface {
                loopback: true,
                ethernet: false,
                multicast: false,
                ..Interface::default()
            });
        }
        (self.any_interface || self.interfaces.iter().any(|i| i == name)).then(Interface::default)
    }

    fn user(&self, name: &str) -> Option<(u32, u32)> {
        let found = self.users.iter().find(|(n, ..)| n == name).map(|(_, u, g)| (*u, *g));
        found.or_else(|| (name == "root").then_some((0, 0)))
    }

    fn group(&self, name: &str) -> Option<u32> {
        self.user(name).map(|(_, g)| g)
    }

    fn own(&self) -> (u32, u32) {
        (0, 0)
    }

    fn stat(&self, path: &str, _follow: bool) -> io::Result<FileStat> {
        let stat = |kind, mode| FileStat { kind, mode, uid: 0, gid: 0, identity: (0, path.len() as u64) };
        let inside = |p: &&String| p.strip_prefix(path).is_some_and(|r| path == "/" || r.starts_with('/'));
        if self.programs.iter().any(|p| p == path) {
            Ok(stat(FileKind::File, 0o755))
        } else if self.programs.iter().any(|p| inside(&p)) {
            Ok(stat(FileKind::Directory, 0o755))
        } else {
            Err(io::ErrorKind::NotFound.into())
        }
    }

    fn real_path(&self, path: &str) -> io::Result<String> {
        self.stat(path, true).map(|_| path.to_owned())
    }

    fn search_path(&self) -> String {
        "/usr/bin:/bin".to_owned()
    }

    fn directory(&self) -> String {
        "/".to_owned()
    }

    fn resolve(&self, _name: &str, _port: u16) -> Option<SocketAddr> {
        None
    }

    fn system_file(&self, path: &str) -> Option<Vec<u8>> {
        self.files.iter().find(|(name, _)| name == path).map(|(_, text)| text.clone().into_bytes())
    }

    fn processors(&self) -> u32 {
        64
    }

    fn writable(&self, _path: &str) -> bool {
        true
    }
}

/// The machine we run on, as far as files tell: `/sys/class/net`, `/etc/passwd`, `/etc/group`.
///
/// The search path is given by the caller, who alone reads the environment.
#[derive(Debug, Clone, Default)]
pub struct LocalMachine {
    /// `$PATH`.
    pub path: String,
    /// Effective uid and gid.
    pub own: (u32, u32),
}

impl LocalMachine {
    fn entry(file: &str, name: &str, field: usize) -> Option<(u32, Option<u32>)> {
        let text = std::fs::read(file).ok()?;
        let text = String::from_utf8_lossy(&text);
        let line = text.lines().find(|l| l.split(':').next() == Some(name))?;
        let number = |i| line.split(':').nth(i).and_then(|n| n.parse().ok());
        Some((number(field)?, number(field + 1)))
    }
}

impl Machine for LocalMachine {
    fn interface(&self, name: &str) -> Option<Interface> {
        if name.is_empty() || name.contains('/') || name.starts_with('.') {
            return None;
        }
        let dir = format!("/sys/class/net/{name}");
        let read = |what: &str| std::fs::read_to_string(format!("{dir}/{what}")).ok();
        let hex = |t: &str| u32::from_str_radix(t.trim().trim_start_matches("0x"), 16).ok();
        let flags = hex(&read("flags")?).unwrap_or(0);
        let kind: u32 = read("type").and_then(|t| t.trim().parse().ok()).unwrap_or(1);
        let below = std::fs::read_dir(&dir)
            .ok()?
            .flatten()
            .find_map(|e| e.file_name().to_str().and_then(|n| n.strip_prefix("lower_").map(str::to_owned)));
        let is_macvlan = read("uevent").is_some_and(|u| u.contains("DEVTYPE=macvlan"));
        Some(Interface {
            mtu: read("mtu").and_then(|t| t.trim().parse().ok()).unwrap_or(1500),
            loopback: kind == 772,
            ethernet: kind == 1,
            multicast: flags & 0x1000 != 0,
            base: below.filter(|_| is_macvlan),
            addresses: Vec::new(),
        })
    }

    fn user(&self, name: &str) -> Option<(u32, u32)> {
        let (uid, gid) = Self::entry("/etc/passwd", name, 2)?;
        Some((uid, gid?))
    }

    fn group(&self, name: &str) -> Option<u32> {
        Self::entry("/etc/group", name, 2).map(|(gid, _)| gid)
    }

    fn own(&self) -> (u32, u32) {
        self.own
    }

    fn stat(&self, path: &str, follow: bool) -> io::Result<FileStat> {
        use std::os::unix::fs::MetadataExt;
        let m = if follow { std::fs::metadata(path)? } else { std::fs::symlink_metadata(path)? };
        let t = m.file_type();
        let kind = if t.is_file() {
            FileKind::File
        } else if t.is_dir() {
            FileKind::Directory
        } else if t.is_symlink() {
            FileKind::Link
        } else {
            FileKind::Other
        };
        Ok(FileStat {
            kind,
            mode: m.mode() & 0o7777,
            uid: m.uid(),
            gid: m.gid(),
            identity: (m.dev(), m.ino()),
        })
    }

    fn real_path(&self, path: &str) -> io::Result<String> {
        std::fs::canonicalize(path).map(|p| p.to_string_lossy().into_owned())
    }

    fn search_path(&self) -> String {
        if self.path.is_empty() { "/bin:/usr/bin".to_owned() } else { self.path.clone() }
    }

    fn directory(&self) -> String {
        std::fs::canonicalize(".").map_or_else(|_| "/".to_owned(), |p| p.to_string_lossy().into_owned())
    }

    fn resolve(&self, name: &str, port: u16) -> Option<SocketAddr> {
        std::net::ToSocketAddrs::to_socket_addrs(&(name, port)).ok()?.next()
    }

    fn system_file(&self, path: &str) -> Option<Vec<u8>> {
        std::fs::read(path).ok()
    }

    fn processors(&self) -> u32 {
        std::thread::available_parallelism().map_or(1, |n| u32::try_from(n.get()).unwrap_or(1))
    }

    fn writable(&self, path: &str) -> bool {
        std::fs::metadata(path).is_ok_and(|m| !m.permissions().readonly())
    }
}
