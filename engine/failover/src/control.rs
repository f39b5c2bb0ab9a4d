//! The control socket: a line in, a text out.
//!
//! It only carries questions to the worker's loop and its answers back, as the metrics listener of the program
//! does. The socket is for root alone.

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::UnixListener;
use tokio::sync::oneshot;

/// What can be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question {
    /// `status`, or `status json`.
    Status {
        /// As JSON.
        json: bool,
    },
    /// `handover [INSTANCE]`.
    Handover(Option<String>),
    /// Prometheus metrics.
    Metrics,
}

impl Question {
    /// From a line.
    #[must_use]
    pub fn parse(line: &str) -> Option<Question> {
        let mut words = line.split_whitespace();
        match (words.next()?, words.next(), words.next()) {
            ("status", None, None) => Some(Question::Status { json: false }),
            ("status", Some("json"), None) => Some(Question::Status { json: true }),
            ("handover", name, None) => Some(Question::Handover(name.map(str::to_owned))),
            _ => None,
        }
    }
}

/// Where the answer goes; the first byte a client reads is `+` or `-`.
pub type Reply = oneshot::Sender<Result<String, String>>;

/// A question and where its answer goes.
#[derive(Debug)]
pub struct Ask {
    /// The question.
    pub question: Question,
    /// For the answer.
    pub reply: Reply,
}

/// How long a client may take to ask.
const PATIENCE: Duration = Duration::from_secs(5);
/// Longest question, bytes.
const LONGEST: u64 = 4096;

/// Opens the control socket, mode 0600; one that nobody listens on any more is replaced.
///
/// # Errors
/// As the operating system tells them.
pub fn bind(path: &str) -> io::Result<UnixListener> {
    if std::os::unix::net::UnixStream::connect(path).is_err() {
        let _ = std::fs::remove_file(path);
    }
    let former = rha_net::scheduling::set_umask(0o177);
    let bound = UnixListener::bind(path);
    rha_net::scheduling::set_umask(former);
    let listener = bound?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Takes the socket away.
pub fn remove(path: &str) {
    if !path.is_empty() {
        let _ = std::fs::remove_file(path);
    }
}

/// Serves the control socket until the task is dropped.
pub async fn serve(listener: UnixListener, ask: impl Fn(Ask) + Clone + 'static) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let ask = ask.clone();
        tokio::task::spawn_local(async move {
            let _ = converse(stream, ask).await;
        });
    }
}

async fn converse(stream: impl AsyncRead + AsyncWrite + Unpin, ask: impl Fn(Ask)) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    let mut limited = (&mut stream).take(LONGEST);
    tokio::time::timeout(PATIENCE, limited.read_line(&mut line))
        .await
        .map_err(|_| io::ErrorKind::TimedOut)??;
    let answer = match Question::parse(&line) {
        None => Err(format!("what is '{}'?\n", line.trim())),
        Some(question) => answer(question, &ask).await,
    };
    let text = match answer {
        Ok(text) => format!("+{text}"),
        Err(text) => format!("-{text}"),
    };
    stream.get_mut().write_all(text.as_bytes()).await?;
    stream.get_mut().shutdown().await
}

/// Asks the worker.
///
/// # Errors
/// The worker's no; it is ending.
pub async fn answer(question: Question, ask: &impl Fn(Ask)) -> Result<String, String> {
    let (reply, answer) = oneshot::channel();
    ask(Ask { question, reply });
    answer.await.unwrap_or_else(|_| Err("no answer\n".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_are_words() {
        assert_eq!(Question::parse("status\n"), Some(Question::Status { json: false }));
        assert_eq!(Question::parse("status json"), Some(Question::Status { json: true }));
        assert_eq!(Question::parse("handover VI_1"), Some(Question::Handover(Some("VI_1".into()))));
        assert_eq!(Question::parse("handover"), Some(Question::Handover(None)));
        for bad in ["", "stat", "status xml", "handover a b"] {
            assert_eq!(Question::parse(bad), None, "{bad}");
        }
    }
}
