//! `show errors`: the last bad request and response of each proxy, byte for byte.
//!
//! COMPAT: layout and escapes are the original's. DIFFERS: its parser's flags are left out, which nothing here stands
//! for (`errors/*`).

use std::fmt::Write as _;

use rha_ir::SocketLevel;

use super::{Answer, wrong};
use crate::view::{Capture, Named, Site};

/// Columns of a dumped line, its offset aside.
const WIDTH: usize = 80;

/// `show errors [<px>] [request|response]`.
pub fn show(words: &[String], _: SocketLevel, site: &dyn Site) -> Answer {
    let wanted = match words.get(2) {
        None => None,
        Some(word) => match word.parse::<i64>() {
            Ok(n) => u32::try_from(n).ok(),
            Err(_) => match site.look().proxies.iter().find(|p| p.name == *word) {
                Some(p) => Some(p.iid),
                None => return wrong("No such proxy.\n"),
            },
        },
    };
    let direction = match words.get(3).map(String::as_str) {
        Some("request") => Some(false),
        Some("response") => Some(true),
        _ => None,
    };
    let captures = site.captures();
    let mut out = format!("Total events captured on [{}] : {}\n", captures.date, captures.total);
    let concerns = |c: &&Capture| {
        let id = |n: u32| c.proxy.id == n || c.other.as_ref().is_some_and(|o| o.id == n);
        wanted.is_none_or(id) && direction.is_none_or(|d| d == c.is_response)
    };
    captures.last.iter().filter(concerns).for_each(|c| one(&mut out, c));
    Answer::Text(out)
}

fn one(out: &mut String, c: &Capture) {
    let name = |n: &Option<Named>| match n {
        Some(n) => format!("{} (#{})", n.name, n.id),
        None => "<NONE> (#-1)".to_owned(),
    };
    let (side, what, other) = match c.is_response {
        false => ("frontend", "request", "backend"),
        true => ("backend", "response", "frontend"),
    };
    let (free, wraps) = c.room;
    let _ = writeln!(
        out,
        " \n[{}] {side} {} (#{}): invalid {what}\n  {other} {}, server {}, event #{}, src {}\n  \
         buffer starts at 0 (including 0 out), {free} free,\n  \
         len {}, wraps at {wraps}, error at position {}\n  \
         H1 msg state {}({})\n  ",
        c.date,
        c.proxy.name,
        c.proxy.id,
        name(&c.other),
        name(&c.server),
        c.event,
        c.source,
        c.bytes.len(),
        c.position,
        c.state.0,
        c.state.1,
    );
    dump(out, &c.bytes);
}

/// Bytes by lines: each begins with its offset, and with a plus where it continues the one before.
fn dump(out: &mut String, bytes: &[u8]) {
    let (mut at, mut continues) = (0, false);
    while at < bytes.len() {
        let _ = write!(out, "  {at:05}{} ", if continues { '+' } else { ' ' });
        let mut used = 9;
        continues = true;
        while let Some(&b) = bytes.get(at) {
            let shown = match b {
                b'\t' => "\\t".to_owned(),
                b'\n' => "\\n".to_owned(),
                b'\r' => "\\r".to_owned(),
                0x1b => "\\e".to_owned(),
                b'\\' => "\\\\".to_owned(),
                b' '..=b'~' => char::from(b).to_string(),
                _ => format!("\\x{b:02X}"),
            };
            // COMPAT: each kind keeps room for itself and the line's end.
            if used > WIDTH - (shown.len() + 1) {
                break;
            }
            used += shown.len();
            out.push_str(&shown);
            at += 1;
            if b == b'\n' {
                continues = false;
                break;
            }
        }
        out.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_escaped_and_long_lines_continued() {
        let mut out = String::new();
        dump(&mut out, b"a\\\t\x1b\x00\xffb\r\nnext");
        assert_eq!(out, "  00000  a\\\\\\t\\e\\x00\\xFFb\\r\\n\n  00009  next\n");
        let mut out = String::new();
        dump(&mut out, &[b'x'; 100]);
        let lines: Vec<_> = out.lines().collect();
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[0].len(), 79);
        assert_eq!(&lines[1][..9], "  00070+ ");
    }
}
