//! Commands that only look.

use std::fmt::Write as _;

use rha_ir::SocketLevel;

use super::{Answer, level_word, wrong};
use crate::view::{Back, Proxy, Server, Site, Snapshot};
use crate::{info, stats, veil};

/// `show backend`.
pub fn backends(_: &[String], _: SocketLevel, site: &dyn Site) -> Answer {
    let mut out = String::from("# name\n");
    for p in site.look().proxies.iter().filter(|p| p.back.is_some()) {
        let _ = writeln!(out, "{}", p.name);
    }
    Answer::Text(out)
}

/// `show cli sockets`.
pub fn sockets(_: &[String], _: SocketLevel, site: &dyn Site) -> Answer {
    let mut out = String::from("# socket lvl processes\n");
    for s in site.sockets() {
        let _ = writeln!(out, "{} {} all", s.name, level_word(s.level));
    }
    Answer::Text(out)
}

/// `show startup-logs`. COMPAT: before 2.8 nothing is a line of its own.
pub fn startup_logs(_: &[String], _: SocketLevel, site: &dyn Site) -> Answer {
    let said = site.startup_logs();
    let nothing = said.is_empty() && site.dialect() < rha_vocab::Dialect::V2_8;
    Answer::Text(if nothing { "\n".to_owned() } else { said })
}

/// `show env`.
pub fn env(words: &[String], _: SocketLevel, site: &dyn Site) -> Answer {
    let all = site.environment();
    match words.get(2) {
        Some(name) => match all.iter().find(|(n, _)| n == name) {
            Some((n, v)) => Answer::Text(format!("{n}={v}\n")),
            None => wrong("Variable not found\n"),
        },
        None => Answer::Text(all.iter().map(|(n, v)| format!("{n}={v}\n")).collect()),
    }
}

/// `show info`.
pub fn info(words: &[String], _: SocketLevel, site: &dyn Site) -> Answer {
    let has = |w: &str| words[2..].iter().any(|x| x == w);
    let (p, d) = (site.look().process, site.dialect());
    Answer::Text(if has("json") {
        info::json(&p, d)
    } else if has("typed") {
        info::typed(&p, d)
    } else {
        info::text(&p, d, has("desc"))
    })
}

/// `show stat`.
pub fn stat(words: &[String], level: SocketLevel, site: &dyn Site) -> Answer {
    let has = |w: &str| words[2..].iter().any(|x| x == w);
    let mut filter = stats::Filter { up: has("up"), no_maint: has("no-maint"), ..stats::Filter::default() };
    let mut snapshot = site.look();
    if level < SocketLevel::Operator {
        snapshot = snapshot.without_legends();
    }
    if let [first, kinds, sid, ..] = &words[2..]
        && let (Ok(kinds), Ok(sid)) = (kinds.parse(), sid.parse())
    {
        match proxy_id(first, &snapshot) {
            Some(iid) => filter = stats::Filter { iid, kinds, sid, ..filter },
            None => return wrong("No such proxy.\n"),
        }
    }
    let d = site.dialect();
    Answer::Text(if has("json") {
        stats::json(&snapshot, &filter, d)
    } else if has("typed") {
        stats::typed(&snapshot, &filter, d)
    } else {
        stats::csv(&snapshot, &filter, d)
    })
}

fn proxy_id(word: &str, snapshot: &Snapshot) -> Option<i64> {
    word.parse().ok().or_else(|| snapshot.proxies.iter().find(|p| p.name == word).map(|p| i64::from(p.iid)))
}

/// Backends with their servers: all, or the one in word 3.
fn picked<'a>(words: &[String], snapshot: &'a Snapshot) -> Result<Vec<(&'a Proxy, &'a Back)>, Answer> {
    let all = snapshot.proxies.iter().filter_map(|p| p.back.as_ref().map(|b| (p, b)));
    match words.get(3) {
        None => Ok(all.collect()),
        Some(name) => {
            let one: Vec<_> = all.filter(|(p, _)| p.name == *name).collect();
            if one.is_empty() { Err(wrong("Can't find backend.\n")) } else { Ok(one) }
        }
    }
}

fn host(site: &dyn Site, s: &Server) -> String {
    s.host.as_ref().map_or_else(|| "-".to_owned(), |h| veil::address(site.veil(), h))
}

fn hidden(site: &dyn Site, name: &str) -> String {
    veil::name(site.veil(), name)
}

/// `show servers conn`.
pub fn servers_conn(words: &[String], _: SocketLevel, site: &dyn Site) -> Answer {
    let snapshot = site.look();
    let backends = match picked(words, &snapshot) {
        Ok(b) => b,
        Err(answer) => return answer,
    };
    let threads = snapshot.process.nbthread.max(1);
    let mut out = format!(
        "# bkname/svname bkid/svid addr port - purge_delay used_cur used_max need_est unsafe_nb safe_nb idle_lim idle_cur idle_per_thr[{threads}]\n"
    );
    for (p, b) in backends {
        for s in &b.servers {
            let _ = write!(
                out,
                "{}/{} {}/{} {} {} - {} {} {} {} {} 0 {} {}",
                hidden(site, &p.name),
                hidden(site, &s.name),
                p.iid,
                s.sid,
                host(site, s),
                s.port,
                s.purge_delay_ms,
                s.sessions.0,
                s.sessions.1,
                s.sessions.0,
                s.idle,
                s.idle_limit,
                s.idle
            );
            for t in 0..threads {
                let _ = write!(out, " {}", if t == 0 { s.idle } else { 0 });
            }
            out.push('\n');
        }
    }
    Answer::Text(out)
}

/// `show servers state`: version 1 of the state file's format.
pub fn servers_state(words: &[String], _: SocketLevel, site: &dyn Site) -> Answer {
    let snapshot = site.look();
    let backends = match picked(words, &snapshot) {
        Ok(b) => b,
        Err(answer) => return answer,
    };
    let mut out = String::from(
        "1\n# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight \
         srv_time_since_last_change srv_check_status srv_check_result srv_check_health srv_check_state \
         srv_agent_state bk_f_forced_id srv_f_forced_id srv_fqdn srv_port srvrecord srv_use_ssl \
         srv_check_port srv_check_addr srv_agent_addr srv_agent_port\n",
    );
    for (p, b) in backends {
        for s in &b.servers {
            // COMPAT: a server without checks has the state of one that was never run, and the health of a new
            // one until it has been in maintenance (`cli/states`).
            let (check_state, status, health) =
                if s.checked { (6, s.check.numbers.0, s.health.2) } else { (0, 1, s.first_health) };
            let check_state = if s.checked && s.checks_off { 2 } else { check_state };
            // COMPAT: checks of a server in maintenance are paused, which is bit 3.
            let paused = if s.checked { s.admin & 0x23 != 0 } else { s.disabled };
            let check_state = if paused { check_state | 8 } else { check_state };
            let _ = writeln!(
                out,
                "{} {} {} {} {} {} {} {} {} {} {} {} {} {check_state} {} {} {} {} {} - 0 {} {} {} {}",
                p.iid,
                hidden(site, &p.name),
                s.sid,
                hidden(site, &s.name),
                host(site, s),
                s.operation,
                s.admin,
                s.weights.1,
                s.weights.2,
                s.changed_s,
                status,
                s.check.numbers.1,
                health,
                s.agent_state,
                u8::from(p.forced_id),
                u8::from(s.forced_id),
                s.fqdn.as_ref().map_or_else(|| "-".to_owned(), |f| hidden(site, f)),
                s.port,
                s.check_to.1,
                s.check_to.0.as_deref().unwrap_or("-"),
                s.agent_to.0.as_deref().unwrap_or("-"),
                s.agent_to.1
            );
        }
    }
    Answer::Text(out)
}
