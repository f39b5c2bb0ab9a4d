//! Patterns of `include`: `*`, `?`, `[…]` and `{a,b}`, over the files a parser is given.

use rha_text::{Files, Listing};

/// What a pattern found.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Found {
    /// Paths as the pattern writes them, directories ending in `/`.
    pub paths: Vec<String>,
    /// Something named without wildcards does not exist.
    pub missing: bool,
    /// A directory was searched.
    pub wildcards: bool,
    /// The pattern has braces.
    pub braces: bool,
}

/// Most paths one pattern may give.
const MOST: usize = 10_000;

/// Finds what a pattern names; relative ones start at `directory`.
pub(crate) fn find(files: &dyn Files, directory: &str, pattern: &str) -> Found {
    let mut found = Found { braces: pattern.contains('{'), ..Found::default() };
    let mut alternatives = Vec::new();
    braces(pattern, &mut alternatives);
    for one in alternatives {
        let (root, rest) = match one.strip_prefix('/') {
            Some(rest) => ("/".to_owned(), rest.to_owned()),
            None => (String::new(), one.clone()),
        };
        let mut paths = Vec::new();
        descend(files, directory, &root, &rest, &mut paths, &mut found);
        paths.sort_unstable();
        found.paths.extend(paths);
    }
    found.paths.truncate(MOST);
    found
}

/// A path as the file system is asked for it.
pub(crate) fn at(directory: &str, path: &str) -> String {
    if path.starts_with('/') || directory.is_empty() {
        path.to_owned()
    } else if directory.ends_with('/') {
        format!("{directory}{path}")
    } else {
        format!("{directory}/{path}")
    }
}

/// Expands the first `{a,b}` and what is left of the pattern.
fn braces(pattern: &str, out: &mut Vec<String>) {
    if out.len() >= MOST {
        return;
    }
    let open = pattern.find('{').filter(|o| pattern.get(o + 1..).is_some_and(|r| !r.starts_with('}')));
    let Some(open) = open else { return out.push(pattern.to_owned()) };
    let (before, rest) =
        (pattern.get(..open).unwrap_or_default(), pattern.get(open + 1..).unwrap_or_default());
    let (mut depth, mut start, mut parts, mut close) = (0, 0, Vec::new(), None);
    for (i, c) in rest.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => {
                parts.push(rest.get(start..i).unwrap_or_default());
                close = Some(i);
                break;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(rest.get(start..i).unwrap_or_default());
                start = i + 1;
            }
            _ => {}
        }
    }
    let Some(close) = close else { return out.push(pattern.to_owned()) };
    let after = rest.get(close + 1..).unwrap_or_default();
    for part in parts {
        braces(&format!("{before}{part}{after}"), out);
    }
}

/// Follows the pattern one component at a time.
fn descend(
    files: &dyn Files,
    directory: &str,
    done: &str,
    rest: &str,
    paths: &mut Vec<String>,
    found: &mut Found,
) {
    if paths.len() >= MOST {
        return;
    }
    let (component, further) = match rest.split_once('/') {
        Some((c, f)) => (c, Some(f)),
        None => (rest, None),
    };
    if !component.contains(['*', '?', '[']) {
        let path = format!("{done}{component}");
        if let Some(further) = further.filter(|f| !f.is_empty()) {
            return descend(files, directory, &format!("{path}/"), further, paths, found);
        }
        match files.look(&at(directory, &path)) {
            Ok(Listing::File) if further.is_none() => paths.push(path),
            Ok(Listing::Directory(_)) => paths.push(format!("{path}/")),
            _ => found.missing = true,
        }
        return;
    }
    found.wildcards = true;
    let here = if done.is_empty() { ".".to_owned() } else { done.trim_end_matches('/').to_owned() };
    let here = if here.is_empty() { "/".to_owned() } else { here };
    let listing = match files.look(&at(directory, &here)) {
        Ok(Listing::Directory(names)) => names,
        _ => match files.look(directory) {
            Ok(Listing::Directory(names)) if here == "." => names,
            _ => {
                found.missing = true;
                return;
            }
        },
    };
    for name in listing.iter().filter(|n| matches(component, n)) {
        match further {
            Some(f) => descend(files, directory, &format!("{done}{name}/"), f, paths, found),
            None => match files.look(&at(directory, &format!("{done}{name}"))) {
                Ok(Listing::Directory(_)) => paths.push(format!("{done}{name}/")),
                Ok(Listing::File) => paths.push(format!("{done}{name}")),
                Err(_) => {}
            },
        }
    }
}

/// Whether a name fits a pattern without slashes; a leading dot must be written.
fn matches(pattern: &str, name: &str) -> bool {
    if name.starts_with('.') && !pattern.starts_with('.') {
        return false;
    }
    let (p, n): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
    let (mut i, mut k) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while k < n.len() {
        match step(&p, i, n.get(k).copied()) {
            Some(next) if p.get(i) != Some(&'*') => {
                i = next;
                k += 1;
            }
            _ if p.get(i) == Some(&'*') => {
                star = Some((i, k));
                i += 1;
            }
            _ => match star {
                Some((at, from)) => {
                    star = Some((at, from + 1));
                    i = at + 1;
                    k = from + 1;
                }
                None => return false,
            },
        }
    }
    p.iter().skip(i).all(|c| *c == '*')
}

/// Matches one character; gives the position after the pattern's part that matched it.
fn step(p: &[char], i: usize, c: Option<char>) -> Option<usize> {
    let c = c?;
    match p.get(i)? {
        '?' => Some(i + 1),
        '[' => {
            let close = p.iter().skip(i + 2).position(|x| *x == ']')? + i + 2;
            let set: Vec<char> = p.get(i + 1..close)?.to_vec();
            let negated = matches!(set.first(), Some('!' | '^'));
            let set = set.get(usize::from(negated)..)?;
            let mut hit = false;
            let mut at = 0;
            while let Some(low) = set.get(at) {
                if set.get(at + 1) == Some(&'-')
                    && let Some(high) = set.get(at + 2)
                {
                    hit |= (*low..=*high).contains(&c);
                    at += 3;
                } else {
                    hit |= *low == c;
                    at += 1;
                }
            }
            (hit != negated).then_some(close + 1)
        }
        x => (*x == c).then_some(i + 1),
    }
}

#[cfg(test)]
mod tests {
    use rha_text::MemoryFiles;

    use super::*;

    fn files() -> MemoryFiles {
        let names = ["d/a.conf", "d/b.conf", "d/.c.conf", "e/a.conf", "x.conf"];
        MemoryFiles(names.iter().map(|n| ((*n).to_owned(), vec![])).collect())
    }

    #[test]
    fn patterns_find_files_in_order() {
        let f = files();
        assert_eq!(find(&f, "", "d/*.conf").paths, ["d/a.conf", "d/b.conf"]);
        assert_eq!(find(&f, "", "{d,e}/a.conf").paths, ["d/a.conf", "e/a.conf"]);
        assert_eq!(find(&f, "d", "[!a].conf").paths, ["b.conf"]);
        assert_eq!(find(&f, "d", "../x").paths, Vec::<String>::new());
        assert_eq!(find(&f, "", "d").paths, ["d/"]);
        let none = find(&f, "", "d/*.x");
        assert!(none.paths.is_empty() && none.wildcards && !none.missing);
        assert!(find(&f, "", "none").missing);
        assert!(find(&f, "", "{x,y}.conf").missing);
    }

    #[test]
    fn single_names_match() {
        for (p, n, yes) in [
            ("*", "abc", true),
            ("a*c", "abbc", true),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("[a-c]x", "bx", true),
        ] {
            assert_eq!(matches(p, n), yes, "{p} {n}");
        }
    }
}
