//! Mail about state changes (`smtp_alert`): letters, the conversation with the mail server, and sending.
//!
//! keepalived.conf(5) "smtp_server", "notification_email", "smtp_alert". COMPAT: bytes, order of headers and lines
//! were recorded from 2.2.7 (`a_letter_goes_out_as_the_original_s`). A library for mail does not fit: the original
//! says HELO, asks for no extension, gives up the letter at the first wrong code, and names each step in the log.
//! Invariant: [`Conversation`] knows no socket; a letter that cannot be sent is logged and forgotten, nobody waits.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use rha_ir::failover::FailoverGlobal;
use rha_syslog::Civil;
use rha_vrrp::Notice;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::log::Log;

/// `smtp_connect_timeout` when not written.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Most of an answer that is kept, bytes.
const ANSWER_MAX: usize = 1024;
/// Most letters under way at once.
const UNDER_WAY_MAX: usize = 256;

/// Where mail goes and in whose name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailPlan {
    /// `router_id`, first in every subject.
    pub router_id: String,
    /// `notification_email_from`.
    pub from: String,
    /// `notification_email`, not empty.
    pub to: Vec<String>,
    /// `smtp_server`.
    pub server: SocketAddr,
    /// `smtp_helo_name`.
    pub helo: String,
    /// `smtp_connect_timeout`, also for every answer.
    pub timeout: Duration,
    /// `no_email_faults`.
    pub no_fault_mail: bool,
}

impl MailPlan {
    /// From the model; `host` and `user` fill what is not written. `None` when nobody is to get mail, or no server is
    /// known.
    #[must_use]
    pub fn new(global: &FailoverGlobal, host: &str, user: &str) -> Option<MailPlan> {
        let mail = &global.mail;
        if mail.to.is_empty() {
            return None;
        }
        Some(MailPlan {
            router_id: one_line(global.router_id.as_deref().unwrap_or(host)),
            from: one_line(mail.from.as_deref().unwrap_or(&format!("{user}@{host}"))),
            to: mail.to.iter().map(|a| one_line(a)).collect(),
            server: mail.server?,
            helo: one_line(mail.helo.as_deref().unwrap_or(host)),
            timeout: mail.connect_timeout_us.map_or(TIMEOUT, Duration::from_micros),
            no_fault_mail: mail.no_fault_mail,
        })
    }
}

/// One mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// Subject.
    pub subject: String,
    /// Text, one line.
    pub body: String,
}

impl Letter {
    /// About an instance; `None` for what is not mailed.
    #[must_use]
    pub fn instance(plan: &MailPlan, name: &str, notice: Notice) -> Option<Letter> {
        let (what, body) = match notice {
            Notice::Master => ("Entering MASTER state", "=> VRRP Instance is now owning VRRP VIPs <="),
            Notice::Backup => ("Entering BACKUP state", NOT_OWNING),
            Notice::Fault => ("Entering FAULT state", NOT_OWNING),
            Notice::Stop => ("Stopping", "=> VRRP Instance stopping <="),
            Notice::Deleted => ("Deleted", "=> VRRP Deleted at reload <="),
            Notice::MasterRxLowerPri | Notice::MasterPriority | Notice::BackupPriority => return None,
        };
        Letter::about(plan, &format!("VRRP Instance {name}"), what, body.to_owned(), notice)
    }

    /// About a sync group; `None` for what is not mailed.
    #[must_use]
    pub fn group(plan: &MailPlan, name: &str, notice: Notice) -> Option<Letter> {
        let (what, body) = match notice {
            Notice::Master => {
                ("Entering MASTER state", "=> All VRRP group instances are now in MASTER state <=")
            }
            Notice::Backup => {
                ("Entering BACKUP state", "=> All VRRP group instances are now in BACKUP state <=")
            }
            Notice::Fault => {
                ("Entering FAULT state", "=> All VRRP group instances are now in FAULT state <=")
            }
            Notice::Stop => ("Stopping", "=> All VRRP group instances are now stopping <="),
            _ => return None,
        };
        Letter::about(plan, &format!("VRRP Group {name}"), what, body.to_owned(), notice)
    }

    fn about(plan: &MailPlan, who: &str, what: &str, body: String, notice: Notice) -> Option<Letter> {
        if plan.no_fault_mail && notice == Notice::Fault {
            return None;
        }
        Some(Letter { subject: format!("[{}] {who} - {what}", plan.router_id), body })
    }
}

const NOT_OWNING: &str = "=> VRRP Instance is no longer owning VRRP VIPs <=";

/// Who has had mail about which state, so that a state is mailed once. COMPAT: `last_email_state`.
#[derive(Debug, Clone, Default)]
pub struct Mailed(HashMap<String, Notice>);

impl Mailed {
    /// Whether mail about `subject` (an instance's or group's name with its kind) is due; remembers it if so.
    pub fn is_due(&mut self, subject: &str, notice: Notice) -> bool {
        self.0.insert(subject.to_owned(), notice) != Some(notice)
    }
}

/// A line for the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// Always.
    Plain(String),
    /// With `-D`.
    Detail(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Greeting,
    Helo,
    Sender,
    /// The receiver whose answer is waited for.
    Receiver(usize),
    Data,
    Body,
    Quit,
}

impl Stage {
    /// The code that lets the conversation go on, and the step's name. RFC 5321 §4.3.2.
    fn wants(self) -> (u16, &'static str) {
        match self {
            Stage::Greeting => (220, "(E)SMTP"),
            Stage::Helo => (250, "HELO"),
            Stage::Sender => (250, "MAIL"),
            Stage::Receiver(_) => (250, "RCPT"),
            Stage::Data => (354, "DATA"),
            Stage::Body => (250, "BODY"),
            Stage::Quit => (221, "QUIT"),
        }
    }
}

/// What follows an answer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Next {
    /// Bytes to send.
    pub send: Option<Vec<u8>>,
    /// A line for the log.
    pub told: Option<Told>,
    /// The conversation is over; close the connection.
    pub over: bool,
}

/// A conversation with a mail server about one letter. RFC 5321, without extensions.
#[derive(Debug, Clone)]
pub struct Conversation<'a> {
    plan: &'a MailPlan,
    letter: &'a Letter,
    date: String,
    stage: Stage,
    answer: Vec<u8>,
}

impl<'a> Conversation<'a> {
    /// A conversation over a connection that stands; `date` as [`date`] gives it.
    #[must_use]
    pub fn new(plan: &'a MailPlan, letter: &'a Letter, date: String) -> Conversation<'a> {
        Conversation { plan, letter, date, stage: Stage::Greeting, answer: Vec::new() }
    }

    /// Bytes came. The last line of an answer counts.
    pub fn handle_data(&mut self, data: &[u8]) -> Next {
        self.answer.extend_from_slice(data);
        let code = loop {
            let Some(end) = self.answer.windows(2).position(|w| w == b"\r\n") else {
                return if self.answer.len() >= ANSWER_MAX { self.overflow() } else { Next::default() };
            };
            let line: Vec<u8> = self.answer.drain(..end + 2).collect();
            if line.get(3) != Some(&b'-') {
                break code(&line);
            }
        };
        let (wanted, name) = self.stage.wants();
        if code != wanted {
            let line = format!(
                "Error processing {name} cmd on SMTP server {}. SMTP status code = {code}",
                self.server()
            );
            return Next { told: Some(Told::Plain(line)), ..self.give_up() };
        }
        self.advance()
    }

    /// The other side closed.
    pub fn handle_eof(&mut self) -> Next {
        let line = format!("Remote SMTP server {} has closed the connection.", self.server());
        Next { told: Some(Told::Plain(line)), over: true, send: None }
    }

    /// Receiving failed.
    pub fn handle_error(&mut self) -> Next {
        let line = format!("Error reading data from remote SMTP server {}.", self.server());
        Next { told: Some(Told::Plain(line)), ..self.give_up() }
    }

    /// No answer came in time.
    pub fn handle_timeout(&mut self) -> Next {
        let line = format!("Timeout reading data to remote SMTP server {}.", self.server());
        Next { told: Some(Told::Plain(line)), ..self.give_up() }
    }

    fn server(&self) -> String {
        pair(self.plan.server)
    }

    fn overflow(&mut self) -> Next {
        self.answer.clear();
        let line = format!(
            "Received buffer from remote SMTP server {} overflow our get read buffer length.",
            self.server()
        );
        Next { told: Some(Told::Plain(line)), ..self.give_up() }
    }

    /// QUIT, or the end if that has been said.
    fn give_up(&mut self) -> Next {
        let said = std::mem::replace(&mut self.stage, Stage::Quit) == Stage::Quit;
        Next { send: (!said).then(|| b"QUIT\r\n".to_vec()), told: None, over: said }
    }

    fn advance(&mut self) -> Next {
        let receivers = self.plan.to.len();
        self.stage = match self.stage {
            Stage::Greeting => Stage::Helo,
            Stage::Helo => Stage::Sender,
            Stage::Sender => Stage::Receiver(0),
            Stage::Receiver(n) if n + 1 < receivers => Stage::Receiver(n + 1),
            Stage::Receiver(_) => Stage::Data,
            Stage::Data => Stage::Body,
            Stage::Body => Stage::Quit,
            Stage::Quit => return Next { over: true, ..Next::default() },
        };
        let told =
            (self.stage == Stage::Quit).then(|| Told::Detail("SMTP alert successfully sent.".to_owned()));
        Next { send: Some(self.command()), told, over: false }
    }

    fn command(&self) -> Vec<u8> {
        let plan = self.plan;
        match self.stage {
            Stage::Greeting => Vec::new(),
            Stage::Helo => format!("HELO {}\r\n", plan.helo).into_bytes(),
            // DIFFERS: 2.2.7 puts brackets around `Name <address>`, too, which servers refuse; later versions do not
            Stage::Sender => format!("MAIL FROM:<{}>\r\n", address(&plan.from)).into_bytes(),
            Stage::Receiver(n) => {
                let to = plan.to.get(n).map_or("", |a| address(a));
                format!("RCPT TO:<{to}>\r\n").into_bytes()
            }
            Stage::Data => b"DATA\r\n".to_vec(),
            Stage::Body => self.message().into_bytes(),
            Stage::Quit => b"QUIT\r\n".to_vec(),
        }
    }

    fn message(&self) -> String {
        let (plan, letter) = (self.plan, self.letter);
        let body = one_line(&letter.body);
        // RFC 5321 §4.5.2
        let dot = if body.starts_with('.') { "." } else { "" };
        format!(
            "Date: {}\r\nFrom: {}\r\nSubject: {}\r\nX-Mailer: Keepalived\r\nTo: {}\r\n\r\n{dot}{body}\r\n\r\n.\r\n",
            self.date,
            plan.from,
            one_line(&letter.subject),
            plan.to.join(", "),
        )
    }
}

/// Sends letters in the background, each over a connection of its own, as the original does. Lives on the worker's
/// local task set.
#[derive(Debug)]
pub struct Post {
    plan: Option<Rc<MailPlan>>,
    mailed: Mailed,
    log: Log,
    under_way: JoinSet<()>,
}

impl Post {
    /// A post that sends nothing before [`Post::configure`].
    #[must_use]
    pub fn new(log: Log) -> Post {
        Post { plan: None, mailed: Mailed::default(), log, under_way: JoinSet::new() }
    }

    /// At the start and after a reload; letters under way go on under the old settings.
    pub fn configure(&mut self, global: &FailoverGlobal, host: &str, user: &str) {
        self.plan = MailPlan::new(global, host, user).map(Rc::new);
    }

    /// An instance changed; call it for instances with `smtp_alert` only.
    pub fn instance(&mut self, name: &str, notice: Notice) {
        let letter = self.plan.as_ref().and_then(|p| Letter::instance(p, name, notice));
        self.about(&format!("instance {name}"), notice, letter);
    }

    /// A sync group changed; call it for groups with `smtp_alert` only.
    pub fn group(&mut self, name: &str, notice: Notice) {
        let letter = self.plan.as_ref().and_then(|p| Letter::group(p, name, notice));
        self.about(&format!("group {name}"), notice, letter);
    }

    /// Any other letter, for instance a checker's.
    pub fn send(&mut self, letter: Letter) {
        let Some(plan) = self.plan.clone() else { return };
        while self.under_way.try_join_next().is_some() {}
        if self.under_way.len() >= UNDER_WAY_MAX {
            return self
                .log
                .info(format_args!("Too many mails under way, \"{}\" is not sent", letter.subject));
        }
        let log = self.log.clone();
        self.under_way.spawn_local(async move {
            let seconds = rha_net::read_clocks().wall_us.div_euclid(1_000_000);
            let date = date(seconds, rha_net::local_time(seconds).offset_s);
            let told = |line: Told| match line {
                Told::Plain(text) => log.info(text),
                Told::Detail(text) => log.detail(text),
            };
            send(&plan, &letter, date, &told).await;
        });
    }

    /// Waits for letters under way, at most so long. DIFFERS: the original connects for mail about its own stop, and
    /// ends before it is sent.
    pub async fn finish(&mut self, limit: Duration) {
        let all = async { while self.under_way.join_next().await.is_some() {} };
        let _ = timeout(limit, all).await;
    }

    fn about(&mut self, who: &str, notice: Notice, letter: Option<Letter>) {
        if let Some(letter) = letter.filter(|_| self.mailed.is_due(who, notice)) {
            self.send(letter);
        }
    }
}

/// Sends a letter; what there is to say goes to `told` as it happens.
pub async fn send(plan: &MailPlan, letter: &Letter, date: String, told: &dyn Fn(Told)) {
    let server = pair(plan.server);
    let mut stream = match timeout(plan.timeout, TcpStream::connect(plan.server)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(_)) => return told(Told::Plain(format!("SMTP connection ERROR to {server}."))),
        Err(_) => {
            let line = format!("Timeout opening connection to remote SMTP server {server}.");
            return told(Told::Plain(line));
        }
    };
    told(Told::Detail(format!("Remote SMTP server {server} connected.")));
    let mut conversation = Conversation::new(plan, letter, date);
    let mut buffer = [0u8; ANSWER_MAX];
    loop {
        let next = match timeout(plan.timeout, stream.read(&mut buffer)).await {
            Ok(Ok(0)) => conversation.handle_eof(),
            Ok(Ok(len)) => conversation.handle_data(buffer.get(..len).unwrap_or_default()),
            Ok(Err(_)) => conversation.handle_error(),
            Err(_) => conversation.handle_timeout(),
        };
        next.told.into_iter().for_each(told);
        if let Some(bytes) = next.send
            && !matches!(timeout(plan.timeout, stream.write_all(&bytes)).await, Ok(Ok(())))
        {
            return told(Told::Plain(format!("Cannot send data to remote SMTP server {server}.")));
        }
        if next.over {
            return;
        }
    }
}

/// `Sat, 21 Nov 2026 03:30:16 +0000`, from seconds since 1970 and the offset of local time, seconds. RFC 5322 §3.3.
#[must_use]
pub fn date(seconds: i64, offset: i32) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    let civil = Civil::at(seconds, offset);
    let day = (seconds + i64::from(offset)).div_euclid(86_400).rem_euclid(7);
    let day = usize::try_from(day).ok().and_then(|d| DAYS.get(d)).copied().unwrap_or_default();
    let (sign, minutes) = (if offset < 0 { '-' } else { '+' }, offset.unsigned_abs() / 60);
    format!(
        "{day}, {:02} {} {} {:02}:{:02}:{:02} {sign}{:02}{:02}",
        civil.day,
        civil.month_name(),
        civil.year,
        civil.hour,
        civil.minute,
        civil.second,
        minutes / 60,
        minutes % 60
    )
}

fn pair(address: SocketAddr) -> String {
    format!("[{}]:{}", address.ip(), address.port())
}

/// The part of `Name <address>` in the brackets.
fn address(written: &str) -> &str {
    written.strip_suffix('>').and_then(|w| w.rsplit_once('<')).map_or(written, |(_, a)| a)
}

/// The three digits in front; 0 if they are none.
fn code(line: &[u8]) -> u16 {
    match line {
        &[a @ b'0'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9', ..] => {
            u16::from(a - b'0') * 100 + u16::from(b - b'0') * 10 + u16::from(c - b'0')
        }
        _ => 0,
    }
}

/// Names come from files: a line break in one must not become a header.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use tokio::net::TcpListener;

    use super::*;
    use crate::log::LogOptions;

    fn plan(server: SocketAddr) -> MailPlan {
        MailPlan {
            router_id: "k5".to_owned(),
            from: "Keep <ka@example.org>".to_owned(),
            to: vec!["ops@example.org".to_owned(), "Second Op <second@example.org>".to_owned()],
            server,
            helo: "lb.example.org".to_owned(),
            timeout: Duration::from_millis(200),
            no_fault_mail: false,
        }
    }

    fn nowhere() -> SocketAddr {
        "192.0.2.1:25".parse().unwrap()
    }

    fn run<T>(work: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
    }

    /// A mail server that answers each command with the next of `answers` (none: it closes; empty: it says nothing);
    /// what it was sent.
    async fn serve(listener: TcpListener, answers: Vec<&'static str>) -> Vec<String> {
        let (stream, _) = listener.accept().await.unwrap();
        talk(stream, answers).await
    }

    async fn talk(mut stream: TcpStream, answers: Vec<&'static str>) -> Vec<String> {
        let mut heard = Vec::new();
        let mut answers = answers.into_iter();
        loop {
            let Some(answer) = answers.next() else { return heard };
            stream.write_all(answer.as_bytes()).await.unwrap();
            let mut command = Vec::new();
            let end: &[u8] = if answer.starts_with("354") { b"\r\n.\r\n" } else { b"\r\n" };
            while !command.ends_with(end) {
                let mut bytes = [0; 512];
                match stream.read(&mut bytes).await {
                    Ok(0) | Err(_) => return heard,
                    Ok(len) => command.extend_from_slice(&bytes[..len]),
                }
            }
            heard.push(String::from_utf8(command).unwrap());
        }
    }

    fn exchange(answers: Vec<&'static str>) -> (Vec<String>, Vec<Told>) {
        run(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let plan = plan(listener.local_addr().unwrap());
            let letter = Letter::instance(&plan, "V", Notice::Backup).unwrap();
            let lines = RefCell::new(Vec::new());
            let told = |line: Told| lines.borrow_mut().push(line);
            let sending = send(&plan, &letter, date(1_795_231_816, 0), &told);
            let (heard, ()) = tokio::join!(serve(listener, answers), sending);
            let server = pair(plan.server);
            let named = |t: &Told| match t {
                Told::Plain(l) => Told::Plain(l.replace(&server, "S")),
                Told::Detail(l) => Told::Detail(l.replace(&server, "S")),
            };
            (heard, lines.borrow().iter().map(named).collect())
        })
    }

    #[test]
    fn a_letter_goes_out_as_the_original_s() {
        let (heard, told) = exchange(vec![
            "220-hello\r\n220 mx\r\n",
            "250 ok\r\n",
            "250 ok\r\n",
            "250 ok\r\n",
            "250 ok\r\n",
            "354 go\r\n",
            "250 queued\r\n",
            "221 bye\r\n",
        ]);
        assert_eq!(
            heard,
            [
                "HELO lb.example.org\r\n",
                "MAIL FROM:<ka@example.org>\r\n",
                "RCPT TO:<ops@example.org>\r\n",
                "RCPT TO:<second@example.org>\r\n",
                "DATA\r\n",
                "Date: Sat, 21 Nov 2026 03:30:16 +0000\r\nFrom: Keep <ka@example.org>\r\n\
                 Subject: [k5] VRRP Instance V - Entering BACKUP state\r\nX-Mailer: Keepalived\r\n\
                 To: ops@example.org, Second Op <second@example.org>\r\n\r\n\
                 => VRRP Instance is no longer owning VRRP VIPs <=\r\n\r\n.\r\n",
                "QUIT\r\n",
            ]
        );
        let detail = |l: &str| Told::Detail(l.to_owned());
        assert_eq!(
            told,
            [detail("Remote SMTP server S connected."), detail("SMTP alert successfully sent.")]
        );
    }

    #[test]
    fn what_goes_wrong_is_told() {
        let error = |name: &str, code: u16| {
            format!("Error processing {name} cmd on SMTP server S. SMTP status code = {code}")
        };
        let (ok, go) = ("250 ok\r\n", "354 go\r\n");
        for (answers, last, line) in [
            (vec!["554 no\r\n", "221 bye\r\n"], "QUIT\r\n", error("(E)SMTP", 554)),
            (vec!["220 hi\r\n", "500 no\r\n", "221 bye\r\n"], "QUIT\r\n", error("HELO", 500)),
            (vec!["220 hi\r\n", ok, "550 no\r\n", "221 bye\r\n"], "QUIT\r\n", error("MAIL", 550)),
            (
                vec!["220 hi\r\n", ok, ok, ok, "550-no\r\n550 no\r\n", "221\r\n"],
                "QUIT\r\n",
                error("RCPT", 550),
            ),
            (vec!["220 hi\r\n", ok, ok, ok, ok, "450 no\r\n", "221 x\r\n"], "QUIT\r\n", error("DATA", 450)),
            (
                vec!["220 hi\r\n", ok, ok, ok, ok, go, "552 no\r\n", "500 x\r\n"],
                "QUIT\r\n",
                error("BODY", 552),
            ),
            (vec!["garbage\r\n", "221 x\r\n"], "QUIT\r\n", error("(E)SMTP", 0)),
            (vec![], "", "Remote SMTP server S has closed the connection.".to_owned()),
            (vec![""], "QUIT\r\n", "Timeout reading data to remote SMTP server S.".to_owned()),
            (vec!["220 hi\r\n", ""], "QUIT\r\n", "Timeout reading data to remote SMTP server S.".to_owned()),
        ] {
            let case = format!("{answers:?}");
            let (heard, told) = exchange(answers);
            assert_eq!(heard.last().map_or("", String::as_str), last, "{case}");
            assert!(told.contains(&Told::Plain(line)), "{case} {told:?}");
            assert!(!told.contains(&Told::Detail("SMTP alert successfully sent.".to_owned())));
        }
    }

    #[test]
    fn a_server_that_is_not_there_is_told() {
        let lines = RefCell::new(Vec::new());
        run(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let plan = plan(listener.local_addr().unwrap());
            drop(listener);
            let letter = Letter { subject: String::new(), body: String::new() };
            send(&plan, &letter, String::new(), &|t| lines.borrow_mut().push(t)).await;
            let line = format!("SMTP connection ERROR to {}.", pair(plan.server));
            assert_eq!(*lines.borrow(), [Told::Plain(line)]);
        });
    }

    #[test]
    fn the_post_sends_each_state_once_and_waits_at_the_end() {
        let (letters, log) = (Rc::new(RefCell::new(Vec::new())), Log::new(&LogOptions::default(), "test"));
        let got = letters.clone();
        rha_net::run_local(async move {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let server = listener.local_addr().unwrap();
            let mut post = Post::new(log);
            post.instance("V", Notice::Master);
            post.plan = Some(Rc::new(plan(server)));
            post.instance("V", Notice::Master);
            post.instance("V", Notice::Master);
            post.instance("V", Notice::Stop);
            let server = async {
                for _ in 0..2 {
                    let (ok, go) = ("250 ok\r\n", "354 go\r\n");
                    let (stream, _) = listener.accept().await.unwrap();
                    let answers = vec!["220 hi\r\n", ok, ok, ok, ok, go, ok, "221 x\r\n"];
                    let heard = talk(stream, answers).await;
                    let subject = heard[5].lines().find(|l| l.starts_with("Subject")).unwrap().to_owned();
                    got.borrow_mut().push(subject);
                }
            };
            tokio::join!(server, post.finish(Duration::from_secs(5)));
            assert!(post.under_way.is_empty());
        })
        .unwrap();
        letters.borrow_mut().sort();
        assert_eq!(
            *letters.borrow(),
            [
                "Subject: [k5] VRRP Instance V - Entering MASTER state",
                "Subject: [k5] VRRP Instance V - Stopping"
            ]
        );
    }

    #[test]
    fn an_endless_answer_is_cut() {
        let plan = plan(nowhere());
        let letter = Letter { subject: String::new(), body: String::new() };
        let mut conversation = Conversation::new(&plan, &letter, String::new());
        assert_eq!(conversation.handle_data(&[b'2'; 1023]), Next::default());
        let next = conversation.handle_data(b"2");
        assert_eq!(next.send.as_deref(), Some(&b"QUIT\r\n"[..]));
        // continued lines may go on for ever, one at a time
        let mut conversation = Conversation::new(&plan, &letter, String::new());
        for _ in 0..1000 {
            assert_eq!(conversation.handle_data(b"220-more\r\n"), Next::default());
        }
        assert!(conversation.handle_data(b"220 end\r\n").send.is_some());
        assert!(conversation.handle_timeout().send.is_some());
        assert!(conversation.handle_timeout().over);
    }

    #[test]
    fn letters_say_what_the_original_says() {
        let mut plan = plan(nowhere());
        let text = |l: Option<Letter>| l.map(|l| format!("{} | {}", l.subject, l.body)).unwrap_or_default();
        for (notice, instance, group) in [
            (
                Notice::Master,
                "[k5] VRRP Instance V - Entering MASTER state | => VRRP Instance is now owning VRRP VIPs <=",
                "[k5] VRRP Group V - Entering MASTER state | => All VRRP group instances are now in MASTER state <=",
            ),
            (
                Notice::Backup,
                "[k5] VRRP Instance V - Entering BACKUP state | => VRRP Instance is no longer owning VRRP VIPs <=",
                "[k5] VRRP Group V - Entering BACKUP state | => All VRRP group instances are now in BACKUP state <=",
            ),
            (
                Notice::Stop,
                "[k5] VRRP Instance V - Stopping | => VRRP Instance stopping <=",
                "[k5] VRRP Group V - Stopping | => All VRRP group instances are now stopping <=",
            ),
            (Notice::Deleted, "[k5] VRRP Instance V - Deleted | => VRRP Deleted at reload <=", ""),
            (Notice::MasterPriority, "", ""),
        ] {
            assert_eq!(text(Letter::instance(&plan, "V", notice)), instance);
            assert_eq!(text(Letter::group(&plan, "V", notice)), group);
        }
        assert!(Letter::instance(&plan, "V", Notice::Fault).is_some());
        plan.no_fault_mail = true;
        assert!(Letter::instance(&plan, "V", Notice::Fault).is_none());
        assert!(Letter::group(&plan, "V", Notice::Fault).is_none());
    }

    #[test]
    fn a_state_is_mailed_once() {
        let mut mailed = Mailed::default();
        assert!(mailed.is_due("instance V", Notice::Backup));
        assert!(!mailed.is_due("instance V", Notice::Backup));
        assert!(mailed.is_due("instance V", Notice::Master));
        assert!(mailed.is_due("group V", Notice::Master));
    }

    #[test]
    fn names_cannot_make_headers() {
        let plan = plan(nowhere());
        let letter = Letter { subject: "a\r\nBcc: x".to_owned(), body: ".\r\n.\r\nQUIT".to_owned() };
        let conversation = Conversation::new(&plan, &letter, "D".to_owned());
        let message = conversation.message();
        assert!(message.contains("Subject: a  Bcc: x\r\n"), "{message}");
        assert!(message.ends_with("\r\n\r\n..  .  QUIT\r\n\r\n.\r\n"), "{message}");
    }

    #[test]
    fn dates_are_local() {
        assert_eq!(date(1_795_231_816, 0), "Sat, 21 Nov 2026 03:30:16 +0000");
        assert_eq!(date(1_795_231_816, -5 * 3600), "Fri, 20 Nov 2026 22:30:16 -0500");
        assert_eq!(date(0, 19_800), "Thu, 01 Jan 1970 05:30:00 +0530");
    }
}
