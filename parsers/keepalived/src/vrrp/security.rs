//! Whether the programs that scripts, instances and groups name may run.

use rha_ir::TrackerKind;
use rha_ir::failover::{Notify, Tracked};
use rha_text::Severity;

use crate::script::Findings;
use crate::{Class, Cx};
/// Looks at every program of scripts, instances and groups.
pub(super) fn script_security(cx: &mut Cx<'_>) {
    if cx.vrrp.instances.is_empty() {
        return;
    }
    let mut all = Findings::default();
    for i in 0..cx.vrrp.scripts.len() {
        let Some(mut command) = cx.vrrp.scripts.get(i).map(|s| s.model.command.clone()) else { continue };
        let found = cx.inspect(&mut command);
        let Some(s) = cx.vrrp.scripts.get_mut(i) else { continue };
        s.disabled = command.disabled.is_some();
        s.model.command = command;
        let (name, origin) = (s.model.name.clone(), s.model.command.origin);
        if found.inhibited {
            cx.late("KA3014", origin, format!("Disabling track script {name} due to insecure"));
        } else if found.not_found {
            cx.late("KA3014", origin, format!("Disabling track script {name} since not found/accessible"));
        }
        all = all.and(found);
    }
    let disabled: Vec<String> =
        cx.vrrp.scripts.iter().filter(|s| s.disabled).map(|s| s.model.name.clone()).collect();
    let gone = |t: &Tracked| matches!(&t.kind, TrackerKind::Script(n) if disabled.contains(n));
    for i in 0..cx.vrrp.instances.len() {
        let Some(mut n) = cx.vrrp.instances.get_mut(i).map(|d| std::mem::take(&mut d.model.notify)) else {
            continue;
        };
        all = all.and(notify_security(cx, &mut n));
        if let Some(d) = cx.vrrp.instances.get_mut(i) {
            d.model.notify = n;
            d.model.trackers.retain(|t| !gone(t));
        }
    }
    for i in 0..cx.vrrp.groups.len() {
        let Some(mut n) = cx.vrrp.groups.get_mut(i).map(|d| std::mem::take(&mut d.model.notify)) else {
            continue;
        };
        all = all.and(notify_security(cx, &mut n));
        if let Some(d) = cx.vrrp.groups.get_mut(i) {
            d.model.notify = n;
            d.model.trackers.retain(|t| !gone(t));
        }
    }
    all = all.and(fifo_security(cx));
    if !cx.scripts.security && all.is_script {
        let more = if all.insecure { " There are insecure scripts." } else { "" };
        let text =
            format!("SECURITY VIOLATION - scripts are being executed but script_security not enabled.{more}");
        cx.late_class("KA3015", Class::Security, Severity::Error, None, text);
        if let Some(d) = cx.log.last() {
            d.help = Some("write enable_script_security into global_defs".to_owned());
        }
    }
    cx.vrrp.scripts.retain(|s| !s.disabled);
}

fn fifo_security(cx: &mut Cx<'_>) -> Findings {
    let mut all = Findings::default();
    for which in 0..2 {
        let g = &mut cx.model.global;
        let slot = if which == 0 { &mut g.notify_fifo } else { &mut g.vrrp_notify_fifo };
        let Some(mut command) = slot.as_mut().and_then(|f| f.script.take()) else { continue };
        all = all.and(cx.inspect(&mut command));
        let g = &mut cx.model.global;
        let slot = if which == 0 { &mut g.notify_fifo } else { &mut g.vrrp_notify_fifo };
        if let Some(f) = slot {
            f.script = command.disabled.is_none().then_some(command);
        }
    }
    all
}

/// Looks at the programs of one instance or group; those that must not run are taken out.
fn notify_security(cx: &mut Cx<'_>, n: &mut Notify) -> Findings {
    let mut all = Findings::default();
    let slots = [
        &mut n.backup,
        &mut n.master,
        &mut n.fault,
        &mut n.stop,
        &mut n.deleted,
        &mut n.any,
        &mut n.master_rx_lower_pri,
    ];
    for slot in slots {
        let Some(mut command) = slot.take() else { continue };
        all = all.and(cx.inspect(&mut command));
        *slot = command.disabled.is_none().then_some(command);
    }
    all
}
