//! One run of a case with one subject, and the comparison of two.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::net::{SocketAddr, TcpListener};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::Command;

use similar::TextDiff;
use tempfile::TempDir;

use crate::gaps::Gaps;
use crate::normal::{Normal, log_line, stderr_text};
use crate::origin::own_address;
use crate::subject::inherited_number;
use crate::{Client, Exit, Kind, Program, Running, Signal, Sink, client};

/// Plays a case with the original, then with ours, and compares what was noted.
///
/// # Panics
/// The two differ (or do not, though the case is a known gap), or the original does not do what the case
/// expects of it, or it is missing and `CI` is set.
pub fn assert_same(id: &str, case: impl Fn(&mut Stage)) {
    let Some(original) = Program::original() else {
        println!("skipped: haproxy not found");
        assert!(std::env::var_os("CI").is_none(), "CI runs these tests with haproxy installed");
        return;
    };
    let theirs = play(original, &case);
    assert!(!theirs.is_empty(), "{id}: the case notes nothing");
    if std::env::var_os("RHA_SHOW").is_some() {
        println!("==== {id}\n{theirs}");
    }
    let ours = Program::ours(&original.version);
    let outcome = catch_unwind(AssertUnwindSafe(|| play(&ours, &case)));
    let difference = match outcome {
        Ok(ours) if ours == theirs => None,
        Ok(ours) => {
            Some(TextDiff::from_lines(&theirs, &ours).unified_diff().header("original", "ours").to_string())
        }
        Err(panic) => Some(format!("ours does not get through: {}", words_of(&*panic))),
    };
    match (difference, Gaps::listed().reason(id)) {
        (None, None) => {}
        (Some(_), Some(reason)) => println!("known gap {id}: {reason}"),
        (Some(difference), None) => {
            propose_gap(id);
            panic!("{id}: original and ours differ\n{difference}")
        }
        (None, Some(_)) => panic!("{id}: passes; take it out of known-gaps.toml"),
    }
}

/// Plays a case with ours alone, for what the original need not agree on: bad input of every kind.
///
/// # Panics
/// The case does, or the process ended by itself.
pub fn ours_alone(case: impl Fn(&mut Stage)) {
    let _ = play(&Program::ours("3.0"), &case);
}

/// With `RHA_GAPS=file`, adds the case there in the form of `known-gaps.toml`, for a reason to be added.
fn propose_gap(id: &str) {
    let Some(path) = std::env::var_os("RHA_GAPS") else { return };
    let file = std::fs::OpenOptions::new().create(true).append(true).open(path);
    let mut file = file.expect("the file that RHA_GAPS names");
    std::io::Write::write_all(&mut file, format!("[[gap]]\nid = \"{id}\"\nreason = \"\"\n\n").as_bytes())
        .expect("writing to the file that RHA_GAPS names");
}

/// Does something for each item, also after one that panicked, and then panics with all they said.
///
/// # Panics
/// An item did.
pub fn each<T>(items: impl IntoIterator<Item = T>, mut work: impl FnMut(T)) {
    let attempt =
        |item: T| catch_unwind(AssertUnwindSafe(|| work(item))).err().map(|panic| words_of(&*panic));
    let failures: Vec<String> = items.into_iter().filter_map(attempt).collect();
    assert!(failures.is_empty(), "{} of these failed:\n{}", failures.len(), failures.join("\n"));
}

fn play(program: &Program, case: &impl Fn(&mut Stage)) -> String {
    let mut stage = Stage::new(program.clone());
    case(&mut stage);
    stage.transcript()
}

fn words_of(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).to_string())).unwrap_or_default()
}

/// How to start the subject.
#[derive(Default, Clone)]
pub struct Start {
    config: String,
    args: Vec<String>,
    env: Vec<(String, String)>,
    fill: Vec<(String, String)>,
}

impl Start {
    /// With this configuration. `{listen:NAME}` stands for a listening socket that is inherited,
    /// `{port:NAME}` for an address that the subject binds itself, `{NAME}` for what [`Start::fill`] says, `{tmp}` for the run's folder, `{closed}` for an address
    /// where nobody listens.
    #[must_use]
    pub fn with(config: &str) -> Start {
        Start { config: config.to_string(), ..Start::default() }
    }

    /// What a placeholder stands for; an address is also normalised to its name.
    #[must_use]
    pub fn fill(mut self, name: &str, value: impl Display) -> Start {
        self.fill.push((name.to_string(), value.to_string()));
        self
    }

    /// A log receiver for `{log}`.
    #[must_use]
    pub fn log_to(self, sink: &Sink) -> Start {
        self.fill("log", sink.address())
    }

    /// Command-line arguments beside `-f`; without any, `-db`.
    #[must_use]
    pub fn args(mut self, args: &[&str]) -> Start {
        self.args.extend(args.iter().map(ToString::to_string));
        self
    }

    /// An environment variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl Display) -> Start {
        self.env.push((name.to_string(), value.to_string()));
        self
    }
}

/// One run of a case.
pub struct Stage {
    program: Program,
    folder: TempDir,
    normal: Normal,
    notes: Vec<String>,
    running: Option<Running>,
    listening: BTreeMap<String, SocketAddr>,
}

impl Stage {
    fn new(program: Program) -> Stage {
        let folder = tempfile::Builder::new().prefix("rha").tempdir().expect("a temporary folder");
        let mut normal = Normal::default();
        normal.text("tmp", &folder.path().display().to_string());
        Stage { program, folder, normal, notes: Vec::new(), running: None, listening: BTreeMap::new() }
    }

    /// Which of the two runs.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.program.kind
    }

    /// The run's own folder, where the subject is started.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file into the folder.
    pub fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder().join(name);
        std::fs::write(&path, text).expect("writing into the run's folder");
        path
    }

    /// Notes something to be compared.
    pub fn note(&mut self, label: &str, what: impl Display) {
        let text = self.normal.apply(&what.to_string());
        self.notes.push(format!("## {label}\n{}\n", text.trim_end_matches('\n')));
    }

    /// Notes a log line without what may differ.
    pub fn note_log(&mut self, label: &str, line: &str) {
        let line = log_line(&self.normal.apply(line));
        self.note(label, line);
    }

    /// Starts the subject.
    pub fn start(&mut self, start: &Start) {
        let (config, sockets) = self.prepare(start);
        let file = self.file("haproxy.cfg", &config);
        let mut command = self.program.command();
        command.current_dir(self.folder.path());
        match start.args.as_slice() {
            [] => command.arg("-db"),
            args => command.args(args.iter().map(|a| self.in_folder(a))),
        };
        command.arg("-f").arg(file.file_name().expect("a file name"));
        command.envs(start.env.iter().map(|(n, v)| (n, v)));
        command.envs(sockets.iter().map(|(name, socket)| (name, inherited_number(socket))));
        let sockets: Vec<_> = sockets.into_iter().map(|(_, socket)| socket).collect();
        self.running = Some(Running::start(&mut command, &sockets));
    }

    /// Writes the configuration and runs the subject to its end with `args`, file name included.
    pub fn run(&mut self, start: &Start) -> Exit {
        let (config, _) = self.prepare(start);
        self.file("haproxy.cfg", &config);
        let mut command = self.program.command();
        command.current_dir(self.folder.path()).envs(start.env.iter().map(|(n, v)| (n, v)));
        command.args(start.args.iter().map(|a| self.in_folder(a)));
        Exit::of(&mut command)
    }

    /// A command that runs the subject in the folder, for what needs more than [`Stage::run`].
    #[must_use]
    pub fn command(&self) -> Command {
        let mut command = self.program.command();
        command.current_dir(self.folder.path());
        command
    }

    /// The running subject.
    ///
    /// # Panics
    /// It was not started.
    #[must_use]
    pub fn running(&self) -> &Running {
        self.running.as_ref().expect("a running subject")
    }

    /// Where the subject listens under a name.
    #[must_use]
    pub fn at(&self, name: &str) -> SocketAddr {
        self.listening[name]
    }

    /// A new connection to it.
    #[must_use]
    pub fn client(&self, name: &str) -> Client {
        Client::connect(self.at(name))
    }

    /// One request on a connection of its own, and what came back until the subject closed.
    pub fn exchange(&mut self, name: &str, request: impl AsRef<[u8]>) -> String {
        let mut client = self.client(name);
        client.send(request);
        client.to_end().to_string()
    }

    /// A command on the runtime socket `{tmp}/cli.sock`.
    #[must_use]
    pub fn cli(&self, command: &str) -> String {
        client::cli(&self.folder().join("cli.sock"), command)
    }

    /// Sends a signal, waits for the end, notes how it ended and what it said.
    pub fn stop(&mut self, signal: Signal) {
        let running = self.running.take().expect("a running subject");
        running.signal(signal);
        let exit = running.wait();
        self.note_exit("end", &exit);
    }

    /// Waits for the end without a signal.
    pub fn wait(&mut self) -> Exit {
        self.running.take().expect("a running subject").wait()
    }

    /// Notes how a process ended and what it said, without what may differ.
    pub fn note_exit(&mut self, label: &str, exit: &Exit) {
        let plain = |text: &str| stderr_text(&self.normal.apply(text));
        let exit = Exit { status: exit.status, stdout: plain(&exit.stdout), stderr: plain(&exit.stderr) };
        self.note(label, exit);
    }

    fn transcript(mut self) -> String {
        if let Some(exit) = self.running.take().and_then(Running::ended) {
            panic!("the subject ended by itself: {exit}\nafter\n{}", self.notes.concat());
        }
        self.notes.concat()
    }

    fn in_folder(&self, arg: &str) -> String {
        arg.replace("{tmp}", &self.folder.path().display().to_string())
    }

    /// Fills the placeholders in and opens the sockets.
    fn prepare(&mut self, start: &Start) -> (String, Vec<(String, TcpListener)>) {
        let mut config = self.in_folder(&start.config).replace("{closed}", &format!("{}:1", own_address()));
        for (name, value) in &start.fill {
            config = config.replace(&format!("{{{name}}}"), value);
            if let Ok(address) = value.parse() {
                self.normal.address(name, address);
            }
        }
        while let Some(at) = config.find("{port:") {
            let end = config[at..].find('}').expect("the end of a placeholder") + at;
            let name = config[at + "{port:".len()..end].to_string();
            // nobody else gets this port: the address is this process's own
            let socket = TcpListener::bind((own_address(), 0)).expect("a free port");
            let address = socket.local_addr().expect("a bound socket");
            self.normal.address(&name, address);
            self.listening.insert(name, address);
            config.replace_range(at..=end, &address.to_string());
        }
        let mut sockets = Vec::new();
        while let Some(at) = config.find("{listen:") {
            let end = config[at..].find('}').expect("the end of a placeholder") + at;
            let name = config[at + "{listen:".len()..end].to_string();
            let socket = TcpListener::bind((own_address(), 0)).expect("a listening socket");
            let address = socket.local_addr().expect("a listening socket");
            self.normal.address(&name, address);
            self.listening.insert(name.clone(), address);
            config.replace_range(at..=end, &format!("\"fd@${{{name}}}\""));
            sockets.push((name, socket));
        }
        (config, sockets)
    }
}
