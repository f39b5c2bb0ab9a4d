//! Programs: how their keywords are read, as whom they run, and whether they may.
//!
//! COMPAT: what `enable_script_security` looks at, and the messages, are the original's; most of them it
//! only logs, so they are remarks here.

use bstr::{BString, ByteSlice};
use rha_ir::failover::{Command, ScriptUser};
use rha_text::Span;

use crate::machine::{FileKind, FileStat};
use crate::read::quoted;
use crate::{Cx, Flow, Line};

/// What is known of users and security.
#[derive(Debug, Default)]
pub(crate) struct State {
    /// `enable_script_security`.
    pub security: bool,
    default: Option<(u32, u32)>,
    default_set: bool,
    default_failed: bool,
}

/// What looking at a program found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Findings {
    /// A file that would be run (not `</path`).
    pub is_script: bool,
    /// `</path`: only opened.
    pub system: bool,
    /// May be run by its user.
    pub executable: bool,
    /// Not there.
    pub not_found: bool,
    /// Others than root may change it or a directory above.
    pub insecure: bool,
    /// Must not be run.
    pub inhibited: bool,
}

impl Findings {
    /// What several programs have together.
    pub fn and(self, other: Findings) -> Findings {
        Findings {
            is_script: self.is_script | other.is_script,
            system: self.system | other.system,
            executable: self.executable | other.executable,
            not_found: self.not_found | other.not_found,
            insecure: self.insecure | other.insecure,
            inhibited: self.inhibited | other.inhibited,
        }
    }
}

impl Cx<'_> {
    /// The words of a line for programs: both quotes and escapes. `None` after a complaint.
    pub(crate) fn quoted_words(&mut self, line: &Line, text: &str) -> Option<Vec<BString>> {
        match quoted::words(text) {
            Ok(words) if words.is_empty() => None,
            Ok(words) => Some(words.into_iter().map(BString::from).collect()),
            Err(quoted::Bad::Open(q)) => {
                self.error("KA1002", line, 1, format!("String '{text}': missing terminating {q}"));
                None
            }
            Err(quoted::Bad::Escape) => {
                self.remark("KA1002", line.span, format!("Missing escape char at end: '{text}'"));
                None
            }
        }
    }

    /// `keyword "program args" [user [group]]`; `None` when it cannot be used.
    pub(crate) fn command(&mut self, line: &Line, kind: &str) -> Flow<Option<Command>> {
        let text = line.text.clone();
        let Some(words) = self.quoted_words(line, &text) else {
            self.remark("KA3014", line.span, "Unable to parse notify script");
            return Ok(None);
        };
        if words.len() < 2 {
            self.arg(line, 1)?;
        }
        let program = words.get(1).map(|w| w.to_str_lossy().into_owned()).unwrap_or_default();
        let Some(argv) = self.argv(line, &words) else {
            self.remark("KA3014", line.span, format!("Unable to parse script '{program}' - ignoring"));
            return Ok(None);
        };
        let shown = argv.first().map(|w| w.to_str_lossy().into_owned()).unwrap_or_default();
        let user = if words.len() > 2 {
            let name = words.get(2).map(|w| w.to_str_lossy().into_owned()).unwrap_or_default();
            let group = words.get(3).map(|w| w.to_str_lossy().into_owned());
            let Some(user) = self.user(&name, group.as_deref(), line.span) else {
                let text = format!("Invalid user/group for {kind} script {shown} - ignoring");
                self.remark("KA3016", line.span, text);
                return Ok(None);
            };
            user
        } else {
            let Some(user) = self.default_user(line) else {
                let text = format!("Failed to set default user for {kind} script {shown} - ignoring");
                self.remark("KA3016", line.span, text);
                return Ok(None);
            };
            user
        };
        Ok(Some(Command { argv, user: Some(user), disabled: None, origin: line.at(1) }))
    }

    /// Splits the second word of a line once more: the program and its arguments.
    pub(crate) fn argv(&mut self, line: &Line, words: &[BString]) -> Option<Vec<BString>> {
        let second = words.get(1)?.to_str_lossy().into_owned();
        self.quoted_words(line, &second)
    }

    /// A user's ids, with a remark when there is none.
    pub(crate) fn user(&mut self, name: &str, group: Option<&str>, span: Span) -> Option<ScriptUser> {
        let Some((uid, gid)) = self.input.machine.user(name) else {
            self.remark("KA3016", span, format!("Script user '{name}' does not exist"));
            return None;
        };
        let Some(group) = group else { return Some(ScriptUser { uid, gid }) };
        let Some(gid) = self.input.machine.group(group) else {
            self.remark("KA3016", span, format!("Script group '{group}' does not exist"));
            return None;
        };
        Some(ScriptUser { uid, gid })
    }

    /// `script_user`.
    pub(crate) fn set_default_user(&mut self, name: &str, group: Option<&str>, span: Span) -> bool {
        self.scripts.default_set = true;
        match self.user(name, group, span) {
            Some(u) => {
                self.scripts.default = Some((u.uid, u.gid));
                self.model.global.script_user = Some(u);
            }
            None => self.scripts.default_failed = true,
        }
        !self.scripts.default_failed
    }

    /// The user of programs that name none: `script_user`, else `keepalived_script`, else our own.
    pub(crate) fn default_user(&mut self, line: &Line) -> Option<ScriptUser> {
        if self.scripts.default_failed {
            return None;
        }
        if !self.scripts.default_set {
            self.scripts.default_set = true;
            let name = "keepalived_script";
            match self.user(name, None, line.span) {
                Some(u) => self.scripts.default = Some((u.uid, u.gid)),
                None if self.scripts.security => {
                    self.error("KA3016", line, 0, format!("Unable to set default user {name} for script"));
                    self.scripts.default_failed = true;
                    return None;
                }
                None => self.scripts.default = Some(self.input.machine.own()),
            }
        }
        self.scripts.default.map(|(uid, gid)| ScriptUser { uid, gid })
    }

    /// Looks at a program and resolves its path; `disabled` is set when it must not be run.
    pub(crate) fn inspect(&mut self, command: &mut Command) -> Findings {
        let findings = self.findings(command);
        if findings.inhibited {
            command.disabled = Some("insecure".to_owned());
        } else if findings.not_found {
            command.disabled = Some("not found/accessible".to_owned());
        } else if !findings.executable && !findings.system {
            command.disabled = Some("not executable".to_owned());
        }
        findings
    }

    fn findings(&mut self, command: &mut Command) -> Findings {
        let span = command.origin;
        let user = command.user.unwrap_or(ScriptUser { uid: 0, gid: 0 });
        let mut path = command.argv.first().map(|w| w.to_str_lossy().into_owned()).unwrap_or_default();
        if let Some(opened) = path.strip_prefix('<')
            && opened.trim_start_matches([' ', '\t']).starts_with('/')
        {
            return Findings { system: true, ..Findings::default() };
        }
        if !path.contains('/') {
            match self.search(&path, user) {
                Some(found) => {
                    self.remark("KA3014", span, format!("WARNING - script `{path}` resolved by path search to `{found}`. Please specify full path."));
                    path = found;
                }
                None => {
                    self.remark("KA3014", span, format!("Cannot find script {path} in path - disabling"));
                    return Findings { not_found: true, ..Findings::default() };
                }
            }
        }
        let (Ok(real), Ok(stat)) =
            (self.input.machine.real_path(&path), self.input.machine.stat(&path, true))
        else {
            self.remark(
                "KA3014",
                span,
                format!("Script {path} cannot be accessed - No such file or directory"),
            );
            return Findings { not_found: true, ..Findings::default() };
        };
        // COMPAT: the name it is called by stays, because some programs look at it.
        let called = path.rsplit('/').next().unwrap_or_default();
        let beside = format!("{}/{called}", real.rsplit_once('/').map_or("", |(d, _)| d));
        let same = self.input.machine.stat(&beside, true).is_ok_and(|s| s.identity == stat.identity);
        let resolved = if same { beside } else { real.clone() };
        if let Some(first) = command.argv.first_mut() {
            *first = BString::from(resolved.as_str());
        }
        let mut found = Findings { is_script: true, ..Findings::default() };
        found.executable = is_executable(&stat, user);
        let set_id =
            stat.uid == 0 && stat.mode & 0o4100 == 0o4100 || stat.gid == 0 && stat.mode & 0o2010 == 0o2010;
        if !found.executable {
            let text = format!(
                "WARNING - script '{resolved}' is not executable for uid:gid {}:{} - disabling.",
                user.uid, user.gid
            );
            self.remark("KA3014", span, text);
            return found;
        }
        if user.uid != 0 && user.gid != 0 && !set_id {
            return found;
        }
        found = found.and(self.path_security(&resolved, span));
        if resolved != real {
            found = found.and(self.path_security(&real, span));
        }
        found
    }

    /// Looks for a program in the search path.
    fn search(&self, name: &str, user: ScriptUser) -> Option<String> {
        if name.is_empty() {
            return None;
        }
        let path = self.input.machine.search_path();
        path.split(':').map(|d| format!("{d}/{name}")).find(|p| {
            let stat = self.input.machine.stat(p, true);
            stat.is_ok_and(|s| s.kind == FileKind::File && is_executable(&s, user))
        })
    }

    /// Whether only root can change a path.
    fn path_security(&mut self, path: &str, span: Span) -> Findings {
        let mut ends: Vec<usize> = path.match_indices('/').map(|(i, _)| i.max(1)).collect();
        ends.push(path.len());
        let last = ends.len() - 1;
        for (i, end) in ends.into_iter().enumerate() {
            let part = path.get(..end).unwrap_or(path);
            let Ok(s) = self.input.machine.stat(part, false) else {
                let text = format!("check_script_secure could not find script '{path}' - disabling");
                self.remark("KA3014", span, text);
                return Findings { not_found: true, ..Findings::default() };
            };
            let right_kind = if i < last {
                s.kind == FileKind::Directory
            } else {
                matches!(s.kind, FileKind::File | FileKind::Link)
            };
            if !right_kind {
                self.remark("KA3014", span, format!("Wrong file type found in script path '{path}'."));
                return Findings { inhibited: true, ..Findings::default() };
            }
            let counts = s.kind == FileKind::Directory && s.mode & 0o1000 == 0 || s.kind == FileKind::File;
            let writable = s.gid != 0 && s.mode & 0o020 != 0 || s.mode & 0o002 != 0;
            if s.uid != 0 || counts && writable {
                let disabling = if self.scripts.security { " - disabling" } else { "" };
                let why =
                    if s.uid != 0 { "is not owned by root" } else { "can be written by others than root" };
                self.remark(
                    "KA3014",
                    span,
                    format!("Unsafe permissions found for script '{path}'{disabling}. ('{part}' {why})"),
                );
                return Findings { insecure: true, inhibited: self.scripts.security, ..Findings::default() };
            }
        }
        Findings::default()
    }
}

fn is_executable(s: &FileStat, user: ScriptUser) -> bool {
    (user.uid == 0 && s.mode & 0o111 != 0)
        || (user.uid == s.uid && s.mode & 0o100 != 0)
        || (user.uid != s.uid
            && ((user.gid == s.gid && s.mode & 0o010 != 0) || (user.gid != s.gid && s.mode & 0o001 != 0)))
}
