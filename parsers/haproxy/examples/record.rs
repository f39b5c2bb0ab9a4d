//! `record VERSION=PROGRAM… [lines | bad]`: asks the originals at hand (`2.6=…`, `3.0=…`) about every line
//! of `fixtures/haproxy/lines/*.tsv` and every file of `fixtures/haproxy/bad`, and writes their verdicts
//! there. A version that is not given keeps its verdicts. The one recorder of these fixtures.

#[path = "../tests/fixture/mod.rs"]
mod fixture;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use fixture::{ENVIRONMENT, ORIGINALS, Row};

#[allow(clippy::print_stderr, clippy::expect_used, reason = "a command-line program")]
fn main() {
    let mut programs: [Option<String>; 2] = [None, None];
    let mut only = None;
    for argument in std::env::args().skip(1) {
        match argument.split_once('=') {
            Some((version, program)) => {
                let at = ORIGINALS.iter().position(|(_, v, _)| *v == version).expect("2.6=… or 3.0=…");
                programs[at] = Some(program.to_owned());
            }
            None => only = Some(argument),
        }
    }
    let wanted = |what: &str| only.as_deref().is_none_or(|o| o == what || o.ends_with(".tsv"));
    if wanted("lines") {
        for (path, text) in fixture::tables() {
            let named = only.as_ref().filter(|o| o.ends_with(".tsv"));
            if named.is_some_and(|n| !path.ends_with(n)) || text.starts_with("# Not recorded") {
                continue;
            }
            std::fs::write(&path, table(&text, &programs)).expect("a writable table");
            eprintln!("{}", path.display());
        }
    }
    if only.as_deref().is_none_or(|o| o == "bad") {
        bad(&programs);
    }
}

/// A table with its verdicts asked for anew; comments stay, further copies of a line go.
fn table(text: &str, programs: &[Option<String>; 2]) -> String {
    let mut seen = std::collections::HashSet::new();
    let mut lines: Vec<Result<Row, String>> = Vec::new();
    for line in text.lines() {
        if line.is_empty() || line.starts_with('#') {
            lines.push(Err(format!("{line}\n")));
            continue;
        }
        let row = Row::read(line);
        if seen.insert((row.key.clone(), row.place.clone(), row.line.clone())) {
            lines.push(Ok(row));
        }
    }
    let next = AtomicUsize::new(0);
    let verdicts: Vec<Mutex<[Option<String>; 2]>> = lines.iter().map(|_| Mutex::default()).collect();
    std::thread::scope(|scope| {
        for worker in 0..4 {
            let (lines, verdicts, next) = (&lines, &verdicts, &next);
            scope.spawn(move || {
                let bench = Bench::new(worker);
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let (Some(line), Some(verdict)) = (lines.get(at), verdicts.get(at)) else { break };
                    let Ok(row) = line else { continue };
                    let said = programs.clone().map(|p| p.map(|p| bench.ask(&p, row)));
                    if let Ok(mut verdict) = verdict.lock() {
                        *verdict = said;
                    }
                }
            });
        }
    });
    let mut out = String::new();
    for (line, said) in lines.into_iter().zip(verdicts) {
        match line {
            Err(comment) => out.push_str(&comment),
            Ok(mut row) => {
                let said = said.into_inner().unwrap_or_default();
                for (verdict, said) in row.verdicts.iter_mut().zip(said) {
                    if let Some(said) = said {
                        *verdict = said;
                    }
                }
                out.push_str(&row.write());
            }
        }
    }
    out
}

/// A folder with the files that lines may name.
struct Bench {
    folder: PathBuf,
    /// The name of this machine, which the originals take for their own among peers.
    host: String,
}

impl Bench {
    #[allow(clippy::expect_used, reason = "a command-line program")]
    fn new(worker: usize) -> Bench {
        let folder = std::env::temp_dir().join(format!("record-{}-{worker}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a writable temporary folder");
        for (name, text) in fixture::files() {
            std::fs::write(folder.join(name), text).expect("a writable temporary folder");
        }
        let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        Bench { folder, host: host.trim().to_owned() }
    }

    #[allow(clippy::expect_used, reason = "a command-line program")]
    fn ask(&self, program: &str, row: &Row) -> String {
        let text = fixture::configuration(&row.place, &row.line);
        std::fs::write(self.folder.join(fixture::FILE), text).expect("a writable temporary folder");
        if let Some((name, text)) = fixture::crt_list(&row.place, &row.line) {
            std::fs::write(self.folder.join(name), text).expect("a writable temporary folder");
        }
        let out = run(program, fixture::FILE, &self.folder);
        let said = String::from_utf8_lossy(&out.stderr);
        let own = format!("(no peer named '{}')", self.host);
        let said = said.replace(&own, &format!("(no peer named '{}')", fixture::LOCAL_PEER));
        fixture::verdict(out.status.code(), &said)
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.folder).ok();
    }
}

/// Writes what the originals say to each file of `bad`.
#[allow(clippy::expect_used, reason = "a command-line program")]
fn bad(programs: &[Option<String>; 2]) {
    let folder = fixture::folder("bad");
    for entry in std::fs::read_dir(&folder).expect("fixtures") {
        let path = entry.expect("fixtures").path();
        let Some(name) = path.file_name().and_then(|n| n.to_str()?.strip_suffix(".cfg")) else { continue };
        for ((_, version, _), program) in ORIGINALS.iter().zip(programs) {
            let Some(program) = program else { continue };
            let out = run(program, &format!("{name}.cfg"), &folder);
            let said = fixture::normal(&String::from_utf8_lossy(&out.stderr));
            std::fs::write(folder.join(format!("{name}.{version}.txt")), said).expect("a writable fixture");
        }
    }
}

#[allow(clippy::expect_used, reason = "a command-line program")]
fn run(program: &str, file: &str, folder: &Path) -> Output {
    let mut command = Command::new(program);
    command.args(["-c", "-dr", "-f", file]).current_dir(folder).env_clear().envs(ENVIRONMENT);
    command.output().expect("the original")
}
