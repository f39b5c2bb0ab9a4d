//! `keepalived.json`. Version 1: an array of `{"data":{…},"stats":{…}}`; version 2: that array as `vrrp` of an
//! object, with tracked processes beside it.
//!
//! COMPAT: written on one line, keys in the original's order, slashes escaped, numbers without trailing
//! zeros; exporters depend on all of it.

use std::fmt::Write;
use std::time::Duration;

use rha_ir::TrackerKind;
use rha_ir::failover::{Authentication, Command, TrackProcess, VirtualIp};

use super::routing::{route_text, rule_text};
use super::{ProcessView, View, address_text, command_text, device};
use crate::Plan;

/// An object under construction.
struct Object(String);

impl Object {
    fn key(&mut self, name: &str) -> &mut String {
        if !self.0.ends_with('{') {
            self.0.push(',');
        }
        let _ = write!(self.0, "\"{name}\":");
        &mut self.0
    }

    fn raw(&mut self, name: &str, value: impl std::fmt::Display) {
        let _ = write!(self.key(name), "{value}");
    }

    fn flag(&mut self, name: &str, value: bool) {
        self.raw(name, u8::from(value));
    }

    fn text(&mut self, name: &str, value: &str) {
        let quoted = quoted(value);
        self.raw(name, quoted);
    }

    fn seconds(&mut self, name: &str, value: Duration) {
        self.raw(name, general(value.as_secs_f64()));
    }

    fn command(&mut self, name: &str, value: &Option<Command>) {
        if let Some(c) = value {
            self.text(name, &command_text(c));
        }
    }

    fn list(&mut self, name: &str, values: &[String]) {
        if !values.is_empty() {
            let all: Vec<_> = values.iter().map(|v| quoted(v)).collect();
            self.raw(name, format!("[{}]", all.join(",")));
        }
    }
}

/// As C prints `%g`: at most six significant digits.
fn general(value: f64) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    let magnitude = value.abs().log10().floor();
    if !(-5.0..6.0).contains(&magnitude) {
        return format!("{value:e}");
    }
    // `magnitude` is between -5 and 5 here.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bounded above")]
    let decimals = (5.0 - magnitude) as usize;
    let text = format!("{value:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

fn quoted(value: &str) -> String {
    let mut out = String::from("\"");
    for c in value.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '/' => out.push_str("\\/"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if c < ' ' => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// The whole file.
#[must_use]
pub fn json(views: &[View<'_>], plan: &Plan, processes: &[ProcessView]) -> String {
    let all: Vec<String> =
        views.iter().map(|v| format!("{{\"data\":{},\"stats\":{}}}", data(v, plan), counters(v))).collect();
    let all = format!("[{}]", all.join(","));
    if plan.failover.global.json_version == 1 {
        return all + "\n";
    }
    let mut o = Object("{".to_owned());
    o.raw("vrrp", all);
    let tracked = plan.failover.track_processes.iter().zip(processes);
    let tracked: Vec<String> = tracked.map(|(p, v)| process(p, *v)).collect();
    if !tracked.is_empty() {
        o.raw("track_process", format!("[{}]", tracked.join(",")));
    }
    o.0 + "}\n"
}

fn process(p: &TrackProcess, v: ProcessView) -> String {
    let mut o = Object("{".to_owned());
    o.text("process", &p.name);
    if let Some(params) = p.params.as_ref().filter(|all| !all.is_empty()) {
        let words: Vec<String> = params.iter().map(ToString::to_string).collect();
        o.text("parameters", &words.join(" "));
    }
    let matched = match (&p.params, p.partial_match) {
        (None, _) => "none",
        (Some(_), None) => "exact",
        (Some(_), Some(true)) => "partial",
        (Some(_), Some(false)) => "initial",
    };
    o.text("param_match", matched);
    o.raw("min_processes", p.quorum);
    if p.quorum_max < u32::MAX {
        o.raw("max_processes", p.quorum_max);
    }
    o.raw("current_processes", v.count);
    o.raw("have_quorum", v.has_quorum);
    o.raw("weight", if p.weight.reverse { -p.weight.weight } else { p.weight.weight });
    o.seconds("terminate_delay", Duration::from_micros(p.terminate_delay_us));
    o.seconds("fork_delay", Duration::from_micros(p.fork_delay_us));
    o.raw("fork_delay_timer_running", v.waits && !v.has_quorum);
    o.raw("terminate_delay_timer_running", v.waits && v.has_quorum);
    o.raw("full_command", p.full_command);
    o.0 + "}"
}

fn data(v: &View<'_>, plan: &Plan) -> String {
    let (i, c) = (v.ir, v.config);
    let mut o = Object("{".to_owned());
    o.text("iname", &i.name);
    o.flag("dont_track_primary", c.dont_track_primary);
    o.flag("skip_check_adv_addr", c.skip_check_adv_addr);
    o.flag("strict_mode", c.strict);
    o.text("vmac_ifname", i.vmac.as_ref().map_or("", |m| m.name.as_str()));
    o.text("ifp_ifname", crate::plan::instance::running_interface(i));
    o.raw("master_priority", v.master_priority);
    o.raw(
        "last_transition",
        format!(
            "{}.{:06}",
            v.last_transition_us.div_euclid(1_000_000),
            v.last_transition_us.rem_euclid(1_000_000)
        ),
    );
    o.seconds("garp_delay", c.garp.delay);
    o.raw("garp_refresh", c.garp.refresh.as_secs());
    o.raw("garp_rep", c.garp.repeat);
    o.raw("garp_refresh_rep", c.garp.refresh_repeat);
    o.raw("garp_lower_prio_delay", c.garp.lower_prio_delay.as_secs());
    o.raw("garp_lower_prio_rep", c.garp.lower_prio_repeat);
    o.flag("lower_prio_no_advert", c.lower_prio_no_advert);
    o.flag("higher_prio_send_advert", c.higher_prio_send_advert);
    o.raw("vrid", c.vrid);
    o.raw("base_priority", c.priority);
    o.raw("effective_priority", v.effective);
    o.raw("vipset", v.addresses_set);
    o.raw("promote_secondaries", i.promote_secondaries);
    o.seconds("adver_int", c.advert_interval);
    o.seconds("master_adver_int", v.master_interval);
    o.flag("accept", c.accept);
    o.raw("nopreempt", c.nopreempt);
    o.raw("preempt_delay", c.preempt_delay.as_secs());
    o.raw("state", v.state.number());
    o.raw("wantstate", v.wants.number());
    o.raw("version", c.version.number());
    o.raw("smtp_alert", i.notify.mail);
    o.raw("notify_deleted", c.notify_deleted);
    o.command("script_backup", &i.notify.backup);
    o.command("script_master", &i.notify.master);
    o.command("script_fault", &i.notify.fault);
    o.command("script_stop", &i.notify.stop);
    o.command("script_deleted", &i.notify.deleted);
    o.command("script", &i.notify.any);
    o.command("script_master_rx_lower_pri", &i.notify.master_rx_lower_pri);
    o.list("vips", &addresses(v, &i.addresses));
    o.list("evips", &addresses(v, &i.excluded));
    o.list("vroutes", &i.routes.iter().map(route_text).collect::<Vec<_>>());
    o.list("vrules", &i.rules.iter().map(rule_text).collect::<Vec<_>>());
    trackers(&mut o, v, plan);
    o.raw("auth_type", c.auth.number());
    if i.authentication != Authentication::None {
        o.text("auth_data", "********");
    }
    o.0 + "}"
}

fn trackers(o: &mut Object, v: &View<'_>, plan: &Plan) {
    let mut named: [Vec<String>; 3] = Default::default();
    for t in &v.ir.trackers {
        let (place, name) = match &t.kind {
            TrackerKind::Interface(n) => (0, n.clone()),
            TrackerKind::Script(n) => {
                let script = plan.failover.scripts.iter().find(|s| s.name == *n);
                (1, script.map_or_else(|| n.clone(), |s| command_text(&s.command)))
            }
            TrackerKind::Process(n) => (2, n.clone()),
            _ => continue,
        };
        if let Some(list) = named.get_mut(place) {
            list.push(name);
        }
    }
    for (name, list) in ["track_ifp", "track_script", "track_process"].iter().zip(&named) {
        o.list(name, list);
    }
}

fn addresses(v: &View<'_>, list: &[VirtualIp]) -> Vec<String> {
    list.iter()
        .map(|a| {
            let (device, base) = device(a, v.ir);
            address_text(a, device, base, v.addresses_set, v.blocked)
        })
        .collect()
}

fn counters(v: &View<'_>) -> String {
    let s = &v.stats;
    let mut o = Object("{".to_owned());
    for (name, value) in [
        ("advert_rcvd", s.adverts_received),
        ("advert_sent", s.adverts_sent),
        ("become_master", s.became_master),
        ("release_master", s.released_master),
        ("packet_len_err", s.length_errors()),
        ("advert_interval_err", s.interval_errors()),
        ("ip_ttl_err", s.ttl_errors()),
        ("invalid_type_rcvd", s.type_errors()),
        ("addr_list_err", s.address_list_errors()),
        ("invalid_authtype", s.invalid_auth_types()),
        ("authtype_mismatch", s.auth_type_mismatches()),
        ("auth_failure", s.auth_failures()),
        ("pri_zero_rcvd", s.priority_zero_received),
        ("pri_zero_sent", s.priority_zero_sent),
    ] {
        o.raw(name, value);
    }
    o.0 + "}"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_strings_look_as_in_the_original() {
        for (value, want) in
            [(5.0, "5"), (0.1, "0.1"), (0.0, "0"), (1.0, "1"), (40.95, "40.95"), (255.0, "255")]
        {
            assert_eq!(general(value), want);
        }
        assert_eq!(quoted("'/a/b' \"x\""), "\"'\\/a\\/b' \\\"x\\\"\"");
        let mut o = Object("{".to_owned());
        o.raw("a", 1);
        o.list("none", &[]);
        o.list("l", &["/x".to_owned()]);
        assert_eq!(o.0 + "}", "{\"a\":1,\"l\":[\"\\/x\"]}");
    }
}
