//! The master's own runtime API (`-S`): a few commands of its own, others passed on to a worker.
//!
//! COMPAT: words and columns as HAProxy 2.6 answers them, management guide §9.5 "Master CLI"; held by the
//! `process/master-cli` differential test. Nothing here waits for a client: the master looks at its
//! connections once a turn. A worker is asked over a line made when it was forked.

use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use rha_admin::command::{Mode, wait};
use rha_admin::session::Session;
use rha_admin::view::Site;
use rha_ir::SocketLevel;
use rha_net::{ListenOptions, Listener, PlainConn};
use rha_vocab::Dialect;

/// How long a worker may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// Longest line a client may send.
const LINE_LIMIT: usize = 16 * 1024;
/// Longest answer of a worker.
const ANSWER_LIMIT: u32 = 64 << 20;

/// What the commands show of the processes.
pub struct Family<'a> {
    /// Version text.
    pub version: &'a str,
    /// Whose words.
    pub dialect: Dialect,
    /// Start of the master, reloads, failed ones.
    pub master: (Instant, u32, u32),
    /// What was said since the start or the last reload.
    pub startup_logs: &'a str,
    /// The workers, the current one first.
    pub workers: &'a [Relative],
}

/// A worker as `show proc` lists it.
pub struct Relative {
    /// Its pid.
    pub pid: i32,
    /// Reloads it has seen.
    pub reloads: u32,
    /// When it was forked.
    pub since: Instant,
    /// Whether a later one has taken over.
    pub former: bool,
}

/// What a turn led to.
#[derive(Default)]
pub struct Turn {
    /// Somebody asked for a reload.
    pub reload: bool,
}

/// What a connection may ask of a worker.
#[derive(Debug, Clone, Copy)]
pub struct Rights {
    level: SocketLevel,
    expert: bool,
    experimental: bool,
}

impl Rights {
    fn byte(self) -> u8 {
        self.level as u8 | u8::from(self.expert) << 4 | u8::from(self.experimental) << 5
    }

    fn of(byte: u8) -> (SocketLevel, Vec<Mode>) {
        let level = match byte & 0x0f {
            0 => SocketLevel::User,
            1 => SocketLevel::Operator,
            _ => SocketLevel::Admin,
        };
        let modes = [(0x10, Mode::Expert), (0x20, Mode::Experimental)];
        (level, modes.iter().filter(|(bit, _)| byte & bit != 0).map(|(_, m)| *m).collect())
    }
}

struct Client {
    conn: PlainConn,
    rights: Rights,
    /// `mcli-debug-mode`.
    debug: bool,
    pending: Vec<u8>,
    prompt: bool,
    /// The worker that commands go to, `None` for the master.
    target: Option<i32>,
    closed: bool,
    /// Waits to hear how a reload went.
    waits: bool,
}

/// The sockets of `-S` with their connections.
#[derive(Default)]
pub struct MasterCli {
    sockets: Vec<(Listener, SocketLevel)>,
    clients: Vec<Client>,
}

/// A socket that could not be had: protocol and reason.
pub type Failure = (&'static str, String);

impl MasterCli {
    /// Binds what `-S` named: `address[,option[,value]]…`.
    ///
    /// # Errors
    /// The first that fails.
    pub fn bind(specs: &[String]) -> Result<MasterCli, Failure> {
        let mut cli = MasterCli::default();
        for spec in specs {
            let (address, options, level) = read_spec(spec).map_err(|e| ("", e))?;
            let address = address_of(&address);
            let bound = rha_net::bind(&address, &options, 1).map_err(|e| (e.protocol(), e.to_string()))?;
            cli.sockets.extend(bound.into_iter().map(|s| (s, level)));
        }
        Ok(cli)
    }

    /// Whether there is anything to look at.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.sockets.is_empty()
    }

    /// Accepts, reads and answers what is there; `ask` passes a command on to a worker.
    pub fn turn(
        &mut self,
        family: &Family<'_>,
        mut ask: impl FnMut(i32, Rights, &str) -> Option<Vec<u8>>,
    ) -> Turn {
        let mut turn = Turn::default();
        for (socket, level) in &self.sockets {
            while let Ok(Some(conn)) = socket.accept_now() {
                self.clients.push(Client {
                    conn,
                    rights: Rights { level: *level, expert: false, experimental: false },
                    debug: false,
                    pending: Vec::new(),
                    prompt: false,
                    target: None,
                    closed: false,
                    waits: false,
                });
            }
        }
        for c in &mut self.clients {
            c.read();
            while !c.closed
                && !c.waits
                && let Some(line) = c.next_line()
            {
                turn.reload |= c.line(&line, family, &mut ask);
            }
        }
        self.clients.retain(|c| !c.closed || c.waits);
        turn
    }

    /// A reload ended: tells whoever asked for it. COMPAT: until 2.6 the connection just ends.
    pub fn reloaded(&mut self, well: bool, d: Dialect, said: &str) {
        for c in self.clients.iter_mut().filter(|c| c.waits) {
            if d >= Dialect::V2_8 {
                c.send(format!("Success={}\n--\n{said}\n", u8::from(well)).as_bytes());
            }
        }
        self.clients.retain(|c| !c.waits);
    }
}

impl Client {
    fn read(&mut self) {
        let mut buf = [0; 4096];
        loop {
            match self.conn.read(&mut buf) {
                Ok(0) => {
                    if self.pending.is_empty() {
                        self.closed = true;
                    } else if !self.pending.ends_with(b"\n") {
                        self.pending.push(b'\n');
                    }
                    return;
                }
                Ok(n) => self.pending.extend_from_slice(buf.get(..n).unwrap_or_default()),
                Err(e) if e.kind() == ErrorKind::WouldBlock => return,
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(_) => {
                    self.closed = true;
                    return;
                }
            }
            if self.pending.len() > LINE_LIMIT {
                self.closed = true;
                return;
            }
        }
    }

    fn next_line(&mut self) -> Option<String> {
        let end = self.pending.iter().position(|b| *b == b'\n')?;
        let line: Vec<u8> = self.pending.drain(..=end).collect();
        Some(String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned())
    }

    /// Runs a line; true when it asks for a reload.
    fn line(
        &mut self,
        line: &str,
        family: &Family<'_>,
        ask: &mut impl FnMut(i32, Rights, &str) -> Option<Vec<u8>>,
    ) -> bool {
        let mut reload = false;
        for part in line.split(';') {
            reload |= self.command(part.trim(), family, ask);
        }
        // COMPAT: `quit` is answered by a last prompt.
        if self.prompt && (!self.closed || line.trim() == "quit") {
            let name = self.target.map_or_else(|| "master".to_owned(), |pid| pid.to_string());
            let flags = [(self.rights.experimental, 'x'), (self.rights.expert, 'e'), (self.debug, 'd')];
            let flags: String = flags.iter().filter(|(on, _)| *on).map(|(_, c)| c).collect();
            let flags = if flags.is_empty() { flags } else { format!("({flags})") };
            self.send(format!("{name}{flags}> ").as_bytes());
        }
        // COMPAT: the connection stays until the client closes its side.
        reload
    }

    fn command(
        &mut self,
        text: &str,
        family: &Family<'_>,
        ask: &mut impl FnMut(i32, Rights, &str) -> Option<Vec<u8>>,
    ) -> bool {
        let (mut target, mut text) = (self.target, text);
        if let Some(rest) = text.strip_prefix('@') {
            let (who, command) = rest.split_once(' ').unwrap_or((rest, ""));
            target = match resolve(who, family) {
                Some(t) => t,
                None => {
                    self.send(format!("Can't find the target PID matching the prefix '@{who}'\n").as_bytes());
                    self.closed = true;
                    return false;
                }
            };
            text = command.trim();
            if text.is_empty() {
                self.target = target;
                return false;
            }
        } else if self.switches(text) {
            return false;
        }
        match (target, text) {
            // COMPAT: these are the connection's own, whoever is the target.
            (_, "prompt") => self.prompt = !self.prompt,
            (_, "quit") => self.closed = true,
            (Some(pid), _) => match ask(pid, self.rights, text) {
                Some(answer) => self.send(&answer),
                None => self.closed = true,
            },
            (None, "reload") if self.rights.level == SocketLevel::Admin => {
                self.waits = true;
                return true;
            }
            (None, "operator") if self.rights.level >= SocketLevel::Operator => {
                self.rights.level = SocketLevel::Operator;
            }
            (None, "user") => self.rights.level = SocketLevel::User,
            (None, _) => self.send(own(text, self.rights.level, family).as_bytes()),
        }
        false
    }

    /// `expert-mode`, `experimental-mode` and `mcli-debug-mode`: whoever is the target, the connection keeps them
    /// and says nothing. Whether it was one.
    fn switches(&mut self, text: &str) -> bool {
        let mut words = text.split_whitespace();
        let flag = match words.next() {
            Some("expert-mode") => &mut self.rights.expert,
            Some("experimental-mode") => &mut self.rights.experimental,
            Some("mcli-debug-mode") => &mut self.debug,
            _ => return false,
        };
        if let Some(word) = words.next() {
            *flag = word == "on";
        }
        true
    }

    fn send(&mut self, bytes: &[u8]) {
        if self.conn.send_all(bytes, PATIENCE).is_err() {
            self.closed = true;
        }
    }
}

/// `None` when nobody is meant; `Some(None)` is the master.
fn resolve(who: &str, family: &Family<'_>) -> Option<Option<i32>> {
    if matches!(who, "" | "master" | "0") {
        return Some(None);
    }
    if let Some(pid) = who.strip_prefix('!') {
        let pid: i32 = pid.parse().ok()?;
        if u32::try_from(pid) == Ok(std::process::id()) {
            return Some(None);
        }
        return family.workers.iter().any(|w| w.pid == pid).then_some(Some(pid));
    }
    match who.parse::<u32>().ok()? {
        1 => family.workers.iter().find(|w| !w.former).map(|w| Some(w.pid)),
        _ => None,
    }
}

/// A command of the master's own.
struct Own {
    words: &'static [&'static str],
    usage: &'static str,
    about: &'static str,
}

const fn row(words: &'static [&'static str], usage: &'static str, about: &'static str) -> Own {
    Own { words, usage, about }
}

const COMMANDS: &[Own] = &[
    row(&["@!<pid>"], "", "send a command to a process by its pid"),
    row(&["@<relative"], "pid>", "send a command to a process by its number"),
    row(&["@master"], "", "send a command to the master"),
    row(&["operator"], "", "go down to level operator"),
    row(&["reload"], "", "reload the configuration"),
    row(&["show", "cli", "level"], "", "show the level of this connection"),
    row(&["show", "cli", "sockets"], "", "list the control sockets"),
    row(&["show", "proc"], "", "show the processes"),
    row(&["show", "startup-logs"], "", "show what was said since the start or the last reload"),
    row(&["show", "version"], "", "show the version"),
    row(&["user"], "", "go down to level user"),
];
const ALWAYS: &[Own] = &[
    row(&["help"], "[<command>]", "list matching or all commands"),
    row(&["prompt"], "", "switch interactive mode"),
    row(&["quit"], "", "disconnect"),
];

/// The commands of a version.
fn known(d: Dialect) -> impl Iterator<Item = &'static Own> {
    COMMANDS.iter().filter(move |c| d >= Dialect::V2_8 || c.words != ["show", "startup-logs"])
}

fn own(text: &str, level: SocketLevel, family: &Family<'_>) -> String {
    match text.split_whitespace().collect::<Vec<_>>().as_slice() {
        ["show", "proc", ..] => show_proc(family),
        ["show", "version"] => format!("{}\n\n", family.version),
        ["show", "cli", "level"] => {
            let word = match level {
                SocketLevel::User => "user",
                SocketLevel::Operator => "operator",
                SocketLevel::Admin => "admin",
            };
            format!("{word}\n\n")
        }
        ["reload"] => "Permission denied\n\n".to_owned(),
        // COMPAT: the master lists none, and takes these two without a word.
        ["show", "cli", "sockets"] => "\n".to_owned(),
        ["expert-mode" | "experimental-mode" | "mcli-debug-mode", ..] => String::new(),
        ["show", "startup-logs"] if family.dialect >= Dialect::V2_8 => format!("{}\n", family.startup_logs),
        ["help", ..] => list("The following commands are valid at this level:\n", known(family.dialect)),
        [] => {
            list("Unknown command. Please enter one of the following commands only:\n", known(family.dialect))
        }
        typed => {
            let head = match typed {
                [first, ..] if family.dialect >= Dialect::V2_8 => format!(
                    "Unknown command: '{first}', but maybe one of the following ones is a better match:\n"
                ),
                _ => "Unknown command, but maybe one of the following ones is a better match:\n".to_owned(),
            };
            let typed: Vec<_> = typed.iter().map(ToString::to_string).collect();
            let all: Vec<_> = known(family.dialect).collect();
            list(&head, rha_admin::command::near(&typed, &all, |c: &Own| c.words).into_iter())
        }
    }
}

fn list<'c>(head: &str, commands: impl Iterator<Item = &'c Own>) -> String {
    let line = |c: &Own| {
        let name = format!("{} {}", c.words.join(" "), c.usage);
        format!("  {:<40}: {}\n", name.trim_end(), c.about)
    };
    let lines: String = commands.chain(ALWAYS).map(line).collect();
    format!("{head}{lines}\n")
}

fn show_proc(f: &Family<'_>) -> String {
    let row = |pid: &str, kind: &str, reloads: &str, uptime: &str| {
        format!("{pid:<15} {kind:<15} {reloads:<15} {uptime:<15} {:<15}\n", f.version)
    };
    let (since, reloads, failed) = f.master;
    let mut out = format!(
        "{:<15} {:<15} {:<15} {:<15} {:<15}\n",
        "#<PID>", "<type>", "<reloads>", "<uptime>", "<version>"
    );
    let own = std::process::id().to_string();
    out += &row(&own, "master", &format!("{reloads} [failed: {failed}]"), &uptime(since));
    let worker = |w: &Relative| row(&w.pid.to_string(), "worker", &w.reloads.to_string(), &uptime(w.since));
    out += "# workers\n";
    f.workers.iter().filter(|w| !w.former).for_each(|w| out += &worker(w));
    if f.workers.iter().any(|w| w.former) {
        out += "# old workers\n";
        f.workers.iter().filter(|w| w.former).for_each(|w| out += &worker(w));
    }
    out + "# programs\n\n"
}

fn uptime(since: Instant) -> String {
    let s = since.elapsed().as_secs();
    format!("{}d{:02}h{:02}m{:02}s", s / 86_400, s / 3600 % 24, s / 60 % 60, s % 60)
}

/// COMPAT: words are separated by commas; the level is admin unless one is written.
fn read_spec(spec: &str) -> Result<(String, ListenOptions, SocketLevel), String> {
    let mut words = spec.split(',');
    let address = words.next().unwrap_or_default().to_owned();
    let (mut o, mut level) = (ListenOptions { backlog: 128, ..ListenOptions::default() }, SocketLevel::Admin);
    while let Some(word) = words.next() {
        let mut value = || words.next().unwrap_or_default().to_owned();
        match word {
            "level" => {
                level = match value().as_str() {
                    "user" => SocketLevel::User,
                    "operator" => SocketLevel::Operator,
                    "admin" => SocketLevel::Admin,
                    other => {
                        return Err(format!(
                            "'level' only supports 'user', 'operator', and 'admin' (got '{other}')"
                        ));
                    }
                }
            }
            "mode" => o.file_mode = u32::from_str_radix(&value(), 8).ok(),
            "user" | "uid" => o.owner = Some(value()),
            "group" | "gid" => o.group = Some(value()),
            "name" | "severity-output" | "expose-fd" => drop(value()),
            other => return Err(format!("unknown keyword '{other}'")),
        }
    }
    Ok((address, o, level))
}

fn address_of(text: &str) -> rha_net::SocketAddress {
    let path = text.strip_prefix("unix@").unwrap_or(text);
    if let Some(name) = path.strip_prefix("abns@") {
        return rha_net::SocketAddress::Abstract(name.as_bytes().to_vec());
    }
    let ip = path.strip_prefix("ipv4@").unwrap_or(path);
    let any = ip
        .strip_prefix('*')
        .or_else(|| ip.strip_prefix(':').map(|_| ip))
        .map(|rest| format!("0.0.0.0{rest}"));
    match any.as_deref().unwrap_or(ip).parse() {
        Ok(ip) => rha_net::SocketAddress::Ip(ip),
        Err(_) => rha_net::SocketAddress::Unix(path.into()),
    }
}

/// Asks a worker over its line.
pub fn ask(line: &mut UnixStream, rights: Rights, command: &str) -> io::Result<Vec<u8>> {
    line.set_read_timeout(Some(PATIENCE))?;
    line.set_write_timeout(Some(PATIENCE))?;
    let mut message = vec![rights.byte()];
    message.extend_from_slice(command.as_bytes());
    let size = u32::try_from(message.len()).map_err(io::Error::other)?;
    line.write_all(&size.to_le_bytes())?;
    line.write_all(&message)?;
    frame(line)
}

fn frame(line: &mut UnixStream) -> io::Result<Vec<u8>> {
    let mut size = [0; 4];
    line.read_exact(&mut size)?;
    let size = u32::from_le_bytes(size);
    if size > ANSWER_LIMIT {
        return Err(ErrorKind::InvalidData.into());
    }
    let mut body = vec![0; size as usize];
    line.read_exact(&mut body)?;
    Ok(body)
}

/// The worker's side: answers until the master has gone; `asked` hears of each command before and after.
pub fn answer(mut line: UnixStream, site: &dyn Site, asked: impl Fn(bool)) {
    while let Ok(message) = frame(&mut line) {
        let Some((rights, command)) = message.split_first() else { return };
        let (level, modes) = Rights::of(*rights);
        let mut out = Vec::new();
        asked(true);
        let mut session = Session::new(level).in_modes(&modes);
        session.receive(&[command, b"\n"].concat(), site, &mut out);
        while let Some(wait) = session.waiting().cloned() {
            let how = wait::hold(&wait, site);
            session.waited(how, site, &mut out);
        }
        asked(false);
        let Ok(size) = u32::try_from(out.len()) else { return };
        if line.write_all(&size.to_le_bytes()).and_then(|()| line.write_all(&out)).is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_is_an_address_and_words() {
        let (address, o, level) = read_spec("/run/m.sock,level,operator,mode,600").unwrap();
        assert_eq!(
            (address.as_str(), o.file_mode, level),
            ("/run/m.sock", Some(0o600), SocketLevel::Operator)
        );
        assert!(read_spec("/run/m.sock,nonsense").is_err());
        assert_eq!(address_of("127.0.0.1:99").to_string(), "127.0.0.1:99");
        assert!(matches!(address_of("unix@/x"), rha_net::SocketAddress::Unix(_)));
    }

    #[test]
    fn processes_are_listed_in_columns() {
        let now = Instant::now();
        let workers = [Relative { pid: 7, reloads: 1, since: now, former: false }];
        let f = Family {
            version: "9.9",
            dialect: Dialect::V2_6,
            master: (now, 2, 1),
            workers: &workers,
            startup_logs: "",
        };
        let text = own("show proc", SocketLevel::User, &f);
        assert!(text.starts_with(
            "#<PID>          <type>          <reloads>       <uptime>        <version>      \n"
        ));
        assert!(text.contains(
            "7               worker          1               0d00h00m00s     9.9            \n# programs\n\n"
        ));
        assert_eq!(resolve("1", &f), Some(Some(7)));
        assert_eq!(resolve("!8", &f), None);
        assert_eq!(resolve("master", &f), Some(None));
    }
}
