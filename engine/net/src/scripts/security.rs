//! Whether a script may run: found, executable for its user, and, when it has root's rights, not to be
//! changed by anybody else (keepalived.conf(5) "enable_script_security").

use std::ffi::OsStr;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::run::{account, groups_of};
use crate::{lookup_group, lookup_user};

/// Whose rights a script has.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ScriptUser {
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
    /// Supplementary groups.
    pub groups: Vec<u32>,
}

/// The user a script runs as, by name or number; its own groups unless one is written.
///
/// # Errors
/// The name that is not known: the user's or the group's.
pub fn script_user(name: &str, group: Option<&str>) -> Result<ScriptUser, String> {
    let uid = lookup_user(name).ok_or_else(|| name.to_owned())?;
    let (account, own) = account(uid).ok_or_else(|| name.to_owned())?;
    let gid = match group {
        Some(group) => lookup_group(group).ok_or_else(|| group.to_owned())?,
        None => own,
    };
    Ok(ScriptUser { uid, gid, groups: groups_of(&account, gid) })
}

/// Why a part of a path is not safe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weakness {
    /// Its owner is this user, not root.
    Owner(u32),
    /// This group, not root's, may write it.
    GroupWritable(u32),
    /// Everybody may write it.
    WorldWritable,
}

/// The first part of a path that somebody but root can change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WeakPart {
    /// The file or folder.
    pub path: PathBuf,
    /// Why.
    pub why: Weakness,
}

/// Why a script cannot run at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unusable {
    /// No such file in any folder of the search path.
    NotInPath,
    /// A file of that name was found there, but may not be executed.
    PathPermission,
    /// The path leads nowhere for this user; the kernel's words.
    Inaccessible(String),
    /// Neither a file nor, below it, a folder.
    WrongType(PathBuf),
    /// This user may not execute it.
    NotExecutable,
}

/// A script that can run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScriptVerdict {
    /// What is executed: no symbolic links in it.
    pub path: PathBuf,
    /// It was found by a search, which the original advises against.
    pub searched: bool,
    /// It has root's rights, and this part could be changed by somebody else.
    pub weak: Option<WeakPart>,
}

/// Judges a script by its first word.
///
/// # Errors
/// Why it cannot run.
pub fn check_script(name: &OsStr, user: &ScriptUser) -> Result<ScriptVerdict, Unusable> {
    let searched = !name.as_encoded_bytes().contains(&b'/');
    let named = if searched { search_path(name, user)? } else { PathBuf::from(name) };
    let inaccessible = |e: io::Error| Unusable::Inaccessible(words(&e));
    let path = fs::canonicalize(&named).map_err(inaccessible)?;
    let meta = fs::metadata(&path).map_err(inaccessible)?;
    if !reaches(&path, user) {
        return Err(Unusable::Inaccessible(words(&io::Error::from_raw_os_error(libc::EACCES))));
    }
    if !meta.is_file() {
        return Err(Unusable::WrongType(path));
    }
    if !may(&meta, user, 1) {
        return Err(Unusable::NotExecutable);
    }
    let weak = if has_root_rights(&meta, user) {
        let way = weak_part(&named)?;
        if way.is_some() { way } else { weak_part(&path)? }
    } else {
        None
    };
    Ok(ScriptVerdict { path, searched, weak })
}

/// The first executable file of that name in the folders of `PATH`.
///
/// # Errors
/// There is none, or none that may be executed.
pub fn search_path(name: &OsStr, user: &ScriptUser) -> Result<PathBuf, Unusable> {
    const USUAL: &str = "/bin:/usr/bin";
    let folders = std::env::var_os("PATH").unwrap_or_else(|| USUAL.into());
    let mut denied = false;
    for folder in std::env::split_paths(&folders) {
        let path = folder.join(name);
        match fs::metadata(&path) {
            Ok(m) if m.is_file() && may(&m, user, 1) && reaches(&path, user) => return Ok(path),
            Ok(_) => denied = true,
            Err(_) => {}
        }
    }
    Err(if denied { Unusable::PathPermission } else { Unusable::NotInPath })
}

/// Whether somebody running this file has root's rights: by who runs it, or by its mode.
fn has_root_rights(meta: &Metadata, user: &ScriptUser) -> bool {
    let mode = meta.mode();
    let set_user = meta.uid() == 0 && mode & libc::S_IXUSR != 0 && mode & libc::S_ISUID != 0;
    let set_group = meta.gid() == 0 && mode & libc::S_IXGRP != 0 && mode & libc::S_ISGID != 0;
    user.uid == 0 || user.gid == 0 || set_user || set_group
}

/// The first part of a path, from the root on, that somebody but root can change.
///
/// COMPAT: a folder with the sticky bit is safe whoever may write it, for nobody can replace what is in it.
fn weak_part(path: &Path) -> Result<Option<WeakPart>, Unusable> {
    let mut parts: Vec<&Path> = path.ancestors().filter(|p| !p.as_os_str().is_empty()).collect();
    parts.reverse();
    for (at, part) in parts.iter().enumerate() {
        let meta = fs::symlink_metadata(part).map_err(|e| Unusable::Inaccessible(words(&e)))?;
        let last = at + 1 == parts.len();
        let right_type =
            if last { meta.is_file() || meta.is_symlink() } else { meta.is_dir() || meta.is_symlink() };
        if !right_type {
            return Err(Unusable::WrongType(part.to_path_buf()));
        }
        if let Some(why) = weakness(&meta) {
            return Ok(Some(WeakPart { path: part.to_path_buf(), why }));
        }
    }
    Ok(None)
}

fn weakness(meta: &Metadata) -> Option<Weakness> {
    let mode = meta.mode();
    if meta.uid() != 0 {
        return Some(Weakness::Owner(meta.uid()));
    }
    let changeable = meta.is_file() || (meta.is_dir() && mode & libc::S_ISVTX == 0);
    if !changeable {
        return None;
    }
    if meta.gid() != 0 && mode & libc::S_IWGRP != 0 {
        return Some(Weakness::GroupWritable(meta.gid()));
    }
    (mode & libc::S_IWOTH != 0).then_some(Weakness::WorldWritable)
}

/// Whether every folder of a path can be passed by this user.
fn reaches(path: &Path, user: &ScriptUser) -> bool {
    path.ancestors()
        .skip(1)
        .all(|p| p.as_os_str().is_empty() || fs::metadata(p).is_ok_and(|m| user.uid == 0 || may(&m, user, 1)))
}

/// Whether a user has a right (4 read, 2 write, 1 execute). Root executes what anybody may.
fn may(meta: &Metadata, user: &ScriptUser, right: u32) -> bool {
    let mode = meta.mode();
    if user.uid == 0 {
        return mode & (right * 0o111) != 0;
    }
    let shift = if meta.uid() == user.uid {
        6
    } else if meta.gid() == user.gid || user.groups.contains(&meta.gid()) {
        3
    } else {
        0
    };
    mode >> shift & right != 0
}

/// The kernel's words alone, without the number the library adds.
fn words(e: &io::Error) -> String {
    let all = e.to_string();
    all.split(" (os error").next().unwrap_or(&all).to_owned()
}
