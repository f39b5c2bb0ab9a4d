//! A checker's connection with TLS on it.
//!
//! COMPAT: between two steps of the handshake the socket's own error counts first, so that a reset is a failed
//! connection and not a failed handshake.

use rha_health::lvs::Event;
use rha_tls::{TlsFailure, TlsSession};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::mpsc::UnboundedReceiver;

use super::{Mouth, Order, READ, read_error};

/// What a server without the versions and suites that we have is told of in the log.
const NOTHING_IN_COMMON: &str = "the server has no TLS 1.3, and none of ECDHE with AES-GCM or ChaCha20 under TLS 1.2, which is all that is offered";

/// A connection and its session.
pub(super) struct Secured {
    pub(super) stream: TcpStream,
    pub(super) session: TlsSession,
    /// It is closed with `close_notify`.
    pub(super) goodbye: bool,
}

impl Secured {
    /// Sends what waits.
    async fn flush(&mut self) -> std::io::Result<()> {
        let bytes = self.session.outgoing();
        if bytes.is_empty() { Ok(()) } else { self.stream.write_all(&bytes).await }
    }
}

/// Also when the checker closes it in the middle.
impl Drop for Secured {
    fn drop(&mut self) {
        if self.goodbye && !self.session.is_handshaking() {
            self.session.end();
            let _ = self.stream.try_write(&self.session.outgoing());
        }
    }
}

/// The handshake, then what both sides say.
pub(super) async fn converse(mut line: Secured, orders: &mut UnboundedReceiver<Order>, mouth: &Mouth) {
    let mut buffer = vec![0u8; READ];
    if let Err(event) = shake_hands(&mut line, &mut buffer, mouth).await {
        return mouth.say(event);
    }
    loop {
        tokio::select! {
            order = orders.recv() => match order {
                Some(Order::Send(bytes)) => {
                    line.session.say(&bytes);
                    if line.flush().await.is_err() {
                        return mouth.say(Event::WriteError);
                    }
                }
                Some(Order::Kill { .. }) => {}
                None => return,
            },
            got = line.stream.read(&mut buffer) => {
                let heard = match got {
                    Ok(0) => return mouth.say(Event::Truncated),
                    Ok(len) => line.session.take(buffer.get(..len).unwrap_or_default()),
                    Err(e) => return mouth.say(read_error(&e)),
                };
                // an answer to something of TLS's own, or an alert
                let _ = line.flush().await;
                let Ok(heard) = heard else { return mouth.say(Event::Truncated) };
                mouth.say(Event::Data(heard.plain));
                if heard.ended {
                    return mouth.say(Event::Eof);
                }
            }
        }
    }
}

/// Until both sides can speak; [`Event::Connected`] and what came with the last of it are told.
async fn shake_hands(line: &mut Secured, buffer: &mut [u8], mouth: &Mouth) -> Result<(), Event> {
    loop {
        line.flush().await.map_err(|_| Event::Refused)?;
        if !line.session.is_handshaking() {
            mouth.say(Event::Connected);
            return Ok(());
        }
        let got = line.stream.read(buffer).await;
        if let Ok(Some(_)) = line.stream.take_error() {
            return Err(Event::Refused);
        }
        let heard = match got {
            Ok(0) => return Err(Event::Handshake { remark: None }),
            Ok(len) => line.session.take(buffer.get(..len).unwrap_or_default()),
            Err(_) => return Err(Event::Refused),
        };
        match heard {
            // more than the handshake came at once
            Ok(heard) if !heard.plain.is_empty() || heard.ended => {
                let _ = line.flush().await;
                mouth.say(Event::Connected);
                mouth.say(Event::Data(heard.plain));
                return if heard.ended { Err(Event::Eof) } else { Ok(()) };
            }
            Ok(_) => {}
            Err(failure) => {
                let _ = line.flush().await;
                return Err(Event::Handshake { remark: remark(&failure) });
            }
        }
    }
}

fn remark(failure: &TlsFailure) -> Option<String> {
    failure.nothing_in_common.then(|| format!("{NOTHING_IN_COMMON} ({})", failure.text))
}
