//! The line an agent answers with. HAProxy 3.0 configuration manual §5.2 "agent-check".

use bstr::{BString, ByteSlice};

use crate::{Outcome, Status};

/// A weight an agent or operator asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// `n`, 0..=256.
    Absolute(u32),
    /// `n%` of the configured weight.
    Percent(u32),
}

/// A word about administration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the words are the agent's own")]
pub enum AgentWord {
    Ready,
    Drain,
    Maint,
}

/// What a line said; of several words of a kind the last counts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AgentReply {
    /// `ready`, `drain`, `maint`: to be applied first.
    pub admin: Option<AgentWord>,
    /// `75%`, `weight:n`: as written, since only the server's settings decide whether it is allowed.
    pub weight: Option<BString>,
    /// `maxconn:n` as written.
    pub maxconn: Option<BString>,
    /// `up`, `down`, `stopped`, `fail`, with the rest of the line after `#`.
    health: Option<(BString, bool)>,
    description: BString,
    unknown: Option<BString>,
}

impl AgentReply {
    /// The first line of an answer; `None` while it has no end.
    #[must_use]
    pub fn parse(data: &[u8]) -> Option<AgentReply> {
        let end =
            data.iter().position(|c| matches!(c, 0 | b'\n' | b'\r')).filter(|n| data.get(*n) != Some(&0))?;
        let mut rest = data.get(..end)?;
        let mut reply = AgentReply::default();
        loop {
            rest = rest.trim_start_with(|c| matches!(c, ' ' | '\t' | ','));
            match rest.first() {
                None => break,
                Some(b'#') => {
                    let text = rest.get(1..).unwrap_or_default();
                    reply.description = text.trim_start_with(|c| matches!(c, ' ' | '\t')).into();
                    break;
                }
                Some(_) => {}
            }
            // The first byte belongs to the word whatever it is.
            let len = rest.iter().skip(1).position(|c| b" \t,".contains(c)).map_or(rest.len(), |n| n + 1);
            let (word, tail) = rest.split_at(len);
            reply.word(word);
            rest = tail;
        }
        Some(reply)
    }

    fn word(&mut self, word: &[u8]) {
        let lower = word.to_ascii_lowercase();
        match &lower[..] {
            b"up" => self.health = Some((word.into(), true)),
            b"down" | b"stopped" | b"fail" => self.health = Some((word.into(), false)),
            b"ready" => self.admin = Some(AgentWord::Ready),
            b"drain" => self.admin = Some(AgentWord::Drain),
            b"maint" => self.admin = Some(AgentWord::Maint),
            w if w.first().is_some_and(u8::is_ascii_digit) && w.contains(&b'%') => {
                self.weight = Some(word.into())
            }
            w if w.starts_with(b"maxconn:") => self.maxconn = word.get(8..).map(BString::from),
            w if w.starts_with(b"weight:") => self.weight = word.get(7..).map(BString::from),
            _ if self.unknown.is_none() => self.unknown = Some(word.into()),
            _ => {}
        }
    }

    /// Whether the agent vouches for or against the server.
    #[must_use]
    pub fn up(&self) -> Option<bool> {
        self.health.as_ref().map(|h| h.1)
    }

    /// The outcome to report once the other words were applied; `warning` is why one of them was refused.
    #[must_use]
    pub fn outcome(&self, warning: Option<&str>, duration_ms: Option<u64>) -> Outcome {
        let trouble = self.unknown.as_ref().map(|u| u.as_bstr()).or(warning.map(|w| w.as_bytes().as_bstr()));
        let make = |status, info: Vec<u8>| Outcome::new(status, 0, info, duration_ms);
        let Some((word, up)) = &self.health else {
            return match (&self.unknown, warning) {
                (Some(word), _) => make(Status::Checked, [b"agent reports an error : ", &word[..]].concat()),
                (None, Some(text)) => make(Status::Checked, [b"agent warns : ", text.as_bytes()].concat()),
                (None, None) => make(Status::Checked, Vec::new()),
            };
        };
        let mut text = self.description.as_bstr();
        if let Some(trouble) = trouble
            && (text.is_empty() || *up)
        {
            text = trouble;
        }
        let mut info = [b"via agent : ", &word[..]].concat();
        if !text.is_empty() {
            info.extend_from_slice(b" (");
            info.extend_from_slice(text);
            info.push(b')');
        }
        make(if *up { Status::L7Ok } else { Status::L7Sts }, info)
    }
}

impl Weight {
    /// Reads `n` or `n%`. The text of the error is HAProxy's.
    ///
    /// # Errors
    ///
    /// What HAProxy answers: an empty or unreadable number, trailing characters, or out of range.
    pub fn parse(text: &[u8]) -> Result<Weight, &'static str> {
        if text.is_empty() {
            return Err("Require <weight> or <weight%>.\n");
        }
        let (negative, unsigned) = match text.strip_prefix(b"-") {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix(b"+").unwrap_or(text)),
        };
        let digits = unsigned.iter().take_while(|c| c.is_ascii_digit()).count();
        if digits == 0 {
            return Err("Empty weight string empty or preceded by garbage\n");
        }
        let number = unsigned.get(..digits).and_then(|d| d.to_str().ok()?.parse::<u32>().ok());
        let number = number.unwrap_or(u32::MAX);
        match unsigned.get(digits..).unwrap_or_default() {
            b"%" if negative && number != 0 => Err("Relative weight must be positive.\n"),
            b"%" => Ok(Weight::Percent(number)),
            _ if number > 256 || (negative && number != 0) => {
                Err("Absolute weight can only be between 0 and 256 inclusive.\n")
            }
            b"" => Ok(Weight::Absolute(number)),
            _ => Err("Trailing garbage in weight string\n"),
        }
    }

    /// The weight a server gets, 0..=256, from its configured one. Where weights are static (`dynamic` false)
    /// only 0 and 100 % of a percentage are accepted.
    ///
    /// # Errors
    ///
    /// HAProxy's words, when the algorithm has no dynamic weights.
    pub fn of(self, configured: u32, dynamic: bool) -> Result<u32, &'static str> {
        let weight = match self {
            Weight::Absolute(n) => n,
            Weight::Percent(p) => (configured.saturating_mul(p.min(25_600)) / 100).min(256),
        };
        if weight == 0 || weight == configured || dynamic {
            return Ok(weight);
        }
        Err("Backend is using a static LB algorithm and only accepts weights '0%' and '100%'.\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_recorded_with_the_original() {
        for (line, status, info) in [
            ("up 50%\n", Status::L7Ok, "via agent : up"),
            ("down # too hot\n", Status::L7Sts, "via agent : down (too hot)"),
            ("stopped\r\n", Status::L7Sts, "via agent : stopped"),
            ("fail # \"x\" y, z\n", Status::L7Sts, "via agent : fail (\"x\" y, z)"),
            ("wat up 300%\n", Status::L7Ok, "via agent : up (wat)"),
            ("nonsense\n", Status::Checked, "agent reports an error : nonsense"),
            ("down#too hot\n", Status::Checked, "agent reports an error : down#too"),
            ("75%\n", Status::Checked, ""),
        ] {
            let reply = AgentReply::parse(line.as_bytes()).expect("a whole line");
            let outcome = reply.outcome(None, None);
            assert_eq!((outcome.status, outcome.info.to_str()), (status, Ok(info)), "{line}");
        }
        assert_eq!(AgentReply::parse(b"up"), None);
    }

    #[test]
    fn words_of_all_kinds_stand_side_by_side() {
        let reply = AgentReply::parse(b"Ready,UP\t10% maxconn:30 weight:20\n").expect("a whole line");
        assert_eq!(reply.admin, Some(AgentWord::Ready));
        assert_eq!(reply.up(), Some(true));
        assert_eq!(reply.weight, Some("20".into()));
        assert_eq!(reply.maxconn, Some("30".into()));
    }

    #[test]
    fn weights_are_absolute_or_relative() {
        assert_eq!(Weight::parse(b"256"), Ok(Weight::Absolute(256)));
        assert!(
            Weight::parse(b"257").is_err() && Weight::parse(b"x").is_err() && Weight::parse(b"1x").is_err()
        );
        assert_eq!(Weight::parse(b"50%").and_then(|w| w.of(10, true)), Ok(5));
        assert_eq!(Weight::Percent(1000).of(100, true), Ok(256));
        assert!(Weight::Percent(50).of(100, false).is_err());
        assert_eq!(Weight::Percent(100).of(100, false), Ok(100));
    }
}
