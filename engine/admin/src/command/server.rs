//! Commands about one server.

use rha_ir::SocketLevel;

use super::{Answer, Severity, change, wrong};
use crate::view::{Change, Force, Server, ServerAt, Site, Wish};

/// Finds `backend/server` in word `i`; the error is the answer.
fn find(words: &[String], i: usize, site: &dyn Site) -> Result<(ServerAt, Server), Answer> {
    let Some((backend, server)) = words.get(i).and_then(|w| w.split_once('/')) else {
        return Err(wrong("Require 'backend/server'.\n"));
    };
    let snapshot = site.look();
    let Some(proxy) = snapshot.proxies.iter().position(|p| p.back.is_some() && p.name == backend) else {
        return Err(wrong("No such backend.\n"));
    };
    let servers = snapshot.proxies[proxy].back.as_ref().map_or(&[][..], |b| &b.servers);
    match servers.iter().position(|s| s.name == server) {
        Some(at) => Ok((ServerAt { proxy, server: at }, servers[at].clone())),
        None => Err(wrong("No such server.\n")),
    }
}

/// Changes the server in word `i`.
pub fn with(words: &[String], i: usize, site: &dyn Site, make: impl FnOnce(ServerAt) -> Change) -> Answer {
    match find(words, i, site) {
        Ok((at, _)) => change(site, make(at)),
        Err(answer) => answer,
    }
}

/// `set maxconn server`.
pub fn maxconn(words: &[String], _: SocketLevel, site: &dyn Site) -> Answer {
    let at = match find(words, 3, site) {
        Ok((at, _)) => at,
        Err(answer) => return answer,
    };
    match maxconn_of(words.get(4).map_or("", String::as_str)) {
        Ok(n) => change(site, Change::ServerMaxconn(at, n)),
        Err(e) => Answer::Said(Severity::Error, format!("{e}\n")),
    }
}

/// COMPAT: a sign is taken, a negative limit is refused (`cli/states`).
fn maxconn_of(word: &str) -> Result<u32, &'static str> {
    if word.is_empty() {
        return Err("Require <maxconn>.\n");
    }
    let unsigned = word.strip_prefix(['+', '-']).unwrap_or(word);
    let digits = unsigned.len() - unsigned.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    if digits == 0 {
        return Err("maxconn string empty or preceded by garbage");
    }
    if digits < unsigned.len() {
        return Err("Trailing garbage in maxconn string");
    }
    match unsigned.parse::<u32>() {
        Ok(n) if n == 0 || !word.starts_with('-') => Ok(n),
        _ => Err("Value out of range."),
    }
}

/// `get weight`.
pub fn get_weight(words: &[String], _: SocketLevel, site: &dyn Site) -> Answer {
    match find(words, 2, site) {
        Ok((_, s)) => Answer::Text(format!("{} (initial {})\n", s.weights.1, s.weights.2)),
        Err(answer) => answer,
    }
}

/// `set weight b/s W` and `set server b/s weight W`; the weight is word `i`.
pub fn weight(words: &[String], i: usize, site: &dyn Site) -> Answer {
    let (at, server) = match find(words, 2, site) {
        Ok(found) => found,
        Err(answer) => return answer,
    };
    match weight_of(words.get(i).map_or("", String::as_str), server.weights.2) {
        Ok(w) => change(site, Change::Weight(at, w)),
        Err(e) => Answer::Said(Severity::Error, format!("{e}\n")),
    }
}

/// COMPAT: a percentage is of the written weight, rounded down, and may not pass 256 either.
fn weight_of(word: &str, initial: u32) -> Result<u32, &'static str> {
    let digits = word.len() - word.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    if word.is_empty() {
        return Err("Require <weight> or <weight%>.\n");
    }
    let Ok(n) = word[..digits].parse::<u32>() else {
        return Err("Empty weight string empty or preceded by garbage");
    };
    match &word[digits..] {
        "" if n > 256 => Err("Absolute weight can only be between 0 and 256 inclusive."),
        "" => Ok(n),
        "%" => {
            let w = u64::from(initial) * u64::from(n) / 100;
            if w > 256 {
                Err("Relative weight can only be between 0 and 100% inclusive")
            } else {
                Ok(u32::try_from(w).unwrap_or(256))
            }
        }
        _ => Err("Trailing garbage in weight string"),
    }
}

/// `set server b/s …`.
pub fn set(words: &[String], _: SocketLevel, site: &dyn Site) -> Answer {
    let (at, server) = match find(words, 2, site) {
        Ok(found) => found,
        Err(answer) => return answer,
    };
    let value = words.get(4).map_or("", String::as_str);
    match words.get(3).map_or("", String::as_str) {
        "weight" => weight(words, 4, site),
        "state" => match value {
            "ready" => change(site, Change::State(at, Wish::Ready)),
            "drain" => change(site, Change::State(at, Wish::Drain)),
            "maint" => change(site, Change::State(at, Wish::Maint)),
            _ => wrong("'set server <srv> state' expects 'ready', 'drain' and 'maint'.\n"),
        },
        "health" => {
            if server.tracked.is_some() {
                return wrong("cannot change health on a tracking server.\n");
            }
            match value {
                "up" => change(site, Change::Health(at, Force::Up)),
                "stopping" => change(site, Change::Health(at, Force::Stopping)),
                "down" => change(site, Change::Health(at, Force::Down)),
                _ => wrong("'set server <srv> health' expects 'up', 'stopping', or 'down'.\n"),
            }
        }
        "agent" if server.agent.is_none() => wrong("agent checks are not enabled on this server.\n"),
        "agent" => match value {
            "up" => change(site, Change::Agent(at, Force::Up)),
            "down" => change(site, Change::Agent(at, Force::Down)),
            _ => wrong("'set server <srv> agent' expects 'up' or 'down'.\n"),
        },
        "addr" => address(words, at, &server, site),
        "check-addr" | "check-port" if !server.checked => {
            wrong("health checks are not enabled on this server\n")
        }
        "agent-addr" | "agent-port" if server.agent.is_none() => {
            wrong("agent checks are not enabled on this server\n")
        }
        word @ ("check-addr" | "check-port" | "agent-addr" | "agent-port") => match aim(words, word) {
            Ok((ip, port)) if word.starts_with("check") => change(site, Change::CheckTo(at, ip, port)),
            Ok((ip, port)) => change(site, Change::AgentTo(at, ip, port)),
            Err(e) => Answer::Said(Severity::Error, format!("{e}\n")),
        },
        "agent-send" if server.agent.is_none() => wrong("agent checks are not enabled on this server.\n"),
        "agent-send" if value.is_empty() => wrong("set server <b>/<s> agent-send requires a string.\n"),
        "agent-send" => change(site, Change::AgentSend(at, value.to_owned())),
        // COMPAT: as without a resolvers section and without TLS, neither of which is built.
        "fqdn" if value.is_empty() => wrong("set server <b>/<s> fqdn requires a FQDN.\n"),
        "fqdn" => wrong("set server <b>/<s> fqdn failed because no resolution is configured.\n"),
        "ssl" => wrong("'set server <srv> ssl' cannot be set.  default-server should define ssl settings\n"),
        _ => wrong(
            "usage: set server <backend>/<server> addr | agent | agent-addr | agent-port | agent-send | \
             check-addr | check-port | fqdn | health | ssl | state | weight\n",
        ),
    }
}

/// The address and port of `check-addr|agent-addr <ip> [port <port>]` and `check-port|agent-port <port>`.
fn aim(words: &[String], word: &str) -> Result<(Option<std::net::IpAddr>, Option<u16>), String> {
    let value = words.get(4).map_or("", String::as_str);
    let port = |text: &str| match text.parse::<i64>() {
        Err(_) => Err("provided port is not an integer".to_owned()),
        Ok(n) => u16::try_from(n).map_err(|_| "provided port is invalid".to_owned()).map(Some),
    };
    if word.ends_with("-port") {
        if value.is_empty() {
            return Err(format!("set server <b>/<s> {word} requires a port."));
        }
        return Ok((None, port(value)?));
    }
    if value.is_empty() {
        return Err(format!("set server <b>/<s> {word} requires an address and optionally a port."));
    }
    let ip = value.parse().map_err(|_| format!("invalid addr '{value}'"))?;
    match (words.get(5).map(String::as_str), words.get(6)) {
        (Some("port"), Some(p)) => Ok((Some(ip), port(p)?)),
        _ => Ok((Some(ip), None)),
    }
}

fn address(words: &[String], at: ServerAt, server: &Server, site: &dyn Site) -> Answer {
    let Ok(ip) = words.get(4).map_or("", String::as_str).parse::<std::net::IpAddr>() else {
        return wrong("Invalid addr family specified.\n");
    };
    let port = match (words.get(5).map(String::as_str), words.get(6)) {
        (Some("port"), Some(p)) => match p.parse::<u16>() {
            Ok(p) => Some(p),
            Err(_) => return wrong("provided port is not an integer\n"),
        },
        (None, _) => None,
        _ => return wrong("set server <b>/<s> addr requires an address and optionally a port.\n"),
    };
    let old = server.host.clone().unwrap_or_default();
    let mut said = if old == ip.to_string() {
        "no need to change the addr".to_owned()
    } else {
        format!("IP changed from '{old}' to '{ip}'")
    };
    match port {
        Some(p) if p != server.port => said += &format!(", port changed from '{}' to '{p}'", server.port),
        Some(_) => said += ", no need to change the port",
        None => {}
    }
    if !said.starts_with("no need") || said.contains("port changed") {
        said += " by 'stats socket command'";
    }
    match site.change(Change::Address(at, Some(ip), port)) {
        Ok(()) => Answer::Said(Severity::Warning, said + "\n"),
        Err(e) => Answer::Said(Severity::Error, e + "\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_absolute_or_of_the_written_one() {
        assert_eq!(weight_of("10", 1), Ok(10));
        assert_eq!(weight_of("50%", 1), Ok(0));
        assert_eq!(weight_of("50%", 200), Ok(100));
        assert!(weight_of("257", 1).is_err() && weight_of("x", 1).is_err() && weight_of("1x", 1).is_err());
    }
}
