//! Which processes run, by name or command line: `vrrp_track_process`, keepalived.conf(5).
//!
//! For kernels without process events this is asked at intervals. A process name is read from `stat`, which
//! costs the kernel nothing; the command line, for which a swapped-out process is swapped in, only where a
//! pattern asks for it.

use std::fs;
use std::io::{self, Read};
use std::path::Path;

/// How parameters of a command are compared.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ParameterMatch {
    /// Not at all.
    #[default]
    Any,
    /// These, and no more.
    Exact(Vec<Vec<u8>>),
    /// `partial`: the first ones are these.
    Partial(Vec<Vec<u8>>),
    /// `initial`: the first ones are these, and the last of them may be longer.
    Initial(Vec<Vec<u8>>),
}

/// What to look for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessPattern {
    /// Process name, or the command as it was started.
    pub name: Vec<u8>,
    /// Compares the command as it was started (`full_command`), not the process name.
    pub full_command: bool,
    /// Compares its parameters; anything but [`ParameterMatch::Any`] compares the command as well.
    pub parameters: ParameterMatch,
}

impl ProcessPattern {
    fn needs_command_line(&self) -> bool {
        self.full_command || self.parameters != ParameterMatch::Any
    }

    /// Whether a process is meant: its name, and its command line (words that end in zero bytes).
    #[must_use]
    pub fn matches(&self, name: &[u8], command_line: &[u8]) -> bool {
        if !self.needs_command_line() {
            return self.name == name;
        }
        let end = command_line.iter().position(|b| *b == 0).unwrap_or(command_line.len());
        let (command, rest) = command_line.split_at_checked(end).unwrap_or((command_line, &[]));
        self.name == command && self.parameters_match(rest.get(1..).unwrap_or(&[]))
    }

    fn parameters_match(&self, given: &[u8]) -> bool {
        match &self.parameters {
            ParameterMatch::Any => true,
            ParameterMatch::Exact(wanted) => given == joined(wanted),
            ParameterMatch::Partial(wanted) => given.starts_with(&joined(wanted)),
            ParameterMatch::Initial(wanted) => {
                let wanted = joined(wanted);
                given.starts_with(wanted.strip_suffix(&[0]).unwrap_or(&wanted))
            }
        }
    }
}

fn joined(words: &[Vec<u8>]) -> Vec<u8> {
    words.iter().flat_map(|w| w.iter().copied().chain([0])).collect()
}

/// How many processes match each pattern, zombies aside.
///
/// # Errors
/// The list of processes cannot be read. A process that ends meanwhile is none.
pub fn count_processes(patterns: &[ProcessPattern]) -> io::Result<Vec<usize>> {
    count_below(Path::new("/proc"), patterns)
}

fn count_below(root: &Path, patterns: &[ProcessPattern]) -> io::Result<Vec<usize>> {
    let mut counts = vec![0; patterns.len()];
    let want_line = patterns.iter().any(ProcessPattern::needs_command_line);
    let (mut stat, mut line) = (Vec::new(), Vec::new());
    for entry in fs::read_dir(root)? {
        let Ok(entry) = entry else { continue };
        if !entry.file_name().as_encoded_bytes().first().is_some_and(u8::is_ascii_digit) {
            continue;
        }
        let folder = entry.path();
        if read(&folder.join("stat"), 128, &mut stat).is_err() {
            continue;
        }
        let Some((name, state)) = name_and_state(&stat) else { continue };
        if state == b'Z' {
            continue;
        }
        line.clear();
        if want_line && read(&folder.join("cmdline"), COMMAND_LINE, &mut line).is_err() {
            continue;
        }
        for (count, pattern) in counts.iter_mut().zip(patterns) {
            *count += usize::from(pattern.matches(name, &line));
        }
    }
    Ok(counts)
}

/// No longer part of a command line is looked at, bytes.
const COMMAND_LINE: u64 = 64 * 1024;

fn read(path: &Path, most: u64, into: &mut Vec<u8>) -> io::Result<()> {
    into.clear();
    fs::File::open(path)?.take(most).read_to_end(into).map(|_| ())
}

/// `pid (name) S …`; the name may hold parentheses and spaces.
fn name_and_state(stat: &[u8]) -> Option<(&[u8], u8)> {
    let start = stat.iter().position(|b| *b == b'(')? + 1;
    let end = stat.iter().rposition(|b| *b == b')')?;
    Some((stat.get(start..end)?, *stat.get(end + 2)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(list: &[&str]) -> Vec<Vec<u8>> {
        list.iter().map(|w| w.as_bytes().to_vec()).collect()
    }

    #[test]
    fn patterns_are_compared_as_the_manual_says() {
        let p = |name: &str, full_command, parameters| ProcessPattern {
            name: name.as_bytes().to_vec(),
            full_command,
            parameters,
        };
        use ParameterMatch::*;
        let line = b"/usr/sbin/haproxy\0-f\0/etc/h.cfg\0";
        for (pattern, expected) in [
            (p("haproxy", false, Any), true),
            (p("hapro", false, Any), false),
            (p("haproxy", true, Any), false),
            (p("/usr/sbin/haproxy", true, Any), true),
            (p("/usr/sbin/haproxy", false, Exact(words(&["-f", "/etc/h.cfg"]))), true),
            (p("/usr/sbin/haproxy", false, Exact(words(&["-f"]))), false),
            (p("/usr/sbin/haproxy", false, Exact(words(&[]))), false),
            (p("/usr/sbin/haproxy", false, Partial(words(&["-f"]))), true),
            (p("/usr/sbin/haproxy", false, Partial(words(&["-f", "/etc"]))), false),
            (p("/usr/sbin/haproxy", false, Initial(words(&["-f", "/etc"]))), true),
            (p("/usr/sbin/haproxy", false, Initial(words(&["-f", "/usr"]))), false),
            (p("/usr/sbin/haproxy", false, Initial(words(&[]))), true),
        ] {
            assert_eq!(pattern.matches(b"haproxy", line), expected, "{pattern:?}");
        }
        assert!(p("x", true, Exact(words(&[]))).matches(b"x", b"x\0"));
    }

    #[test]
    fn names_may_hold_anything() {
        assert_eq!(name_and_state(b"12 (a) b (c)) S 1"), Some((b"a) b (c)".as_slice(), b'S')));
        assert_eq!(name_and_state(b"12 (a) Z 1"), Some((b"a".as_slice(), b'Z')));
        for broken in [&b""[..], b"12", b"12 (a", b"12 )(", b"12 (a)"] {
            assert_eq!(name_and_state(broken), None);
        }
    }

    #[test]
    fn zombies_and_other_files_do_not_count() {
        let dir = tempfile::tempdir().unwrap();
        for (pid, stat) in
            [("1", "1 (x) S 0"), ("2", "2 (x) Z 1"), ("3", "3 (x y) R 1"), ("self", "9 (x) S 0")]
        {
            fs::create_dir(dir.path().join(pid)).unwrap();
            fs::write(dir.path().join(pid).join("stat"), stat).unwrap();
        }
        let pattern =
            |n: &str| ProcessPattern { name: n.into(), full_command: false, parameters: ParameterMatch::Any };
        let counts = count_below(dir.path(), &[pattern("x"), pattern("x y"), pattern("z")]).unwrap();
        assert_eq!(counts, [1, 1, 0]);
    }

    #[test]
    fn this_process_is_found() {
        let own = fs::read("/proc/self/cmdline").unwrap();
        let end = own.iter().position(|b| *b == 0).unwrap();
        let pattern =
            ProcessPattern { name: own[..end].to_vec(), full_command: true, parameters: ParameterMatch::Any };
        assert!(count_processes(&[pattern]).unwrap()[0] >= 1);
    }
}
