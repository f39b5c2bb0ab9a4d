//! `vrrp_sync_group`.

use rha_ir::failover::{Command, Notify, SyncGroup};

use super::GroupDraft;
use super::tracker::{Kind, Owner, block};
use crate::keyword::Reader;
use crate::rows::*;
use crate::{Cx, Flow, Keyword, Line, Place};

const P: Place = Place::SYNC_GROUP;

/// Rows of `vrrp_sync_group`.
pub(crate) const ROWS: &[Keyword] = &[
    Keyword::block("vrrp_sync_group", Place::TOP, "NAME {", V1, "Instances that change state together.", P)
        .support(FULL)
        .opening(open)
        .read_by(Reader::Vrrp),
    Keyword::new("group", P, "{ INSTANCE… }", V1, "Their names.", members).support(FULL),
    Keyword::part("INSTANCE_NAME", Place::SYNC_LIST, "", "An instance.", "group").support(FULL),
    Keyword::new("track_interface", P, "{ INTERFACE… }", V2_0, "Interfaces the group watches.", |cx, l| {
        block(cx, l, Kind::Interface, Owner::Group)
    })
    .support(FULL),
    Keyword::new("track_script", P, "{ SCRIPT… }", V2_0, "Programs the group watches.", |cx, l| {
        block(cx, l, Kind::Script, Owner::Group)
    })
    .support(FULL),
    Keyword::new("track_file", P, "{ FILE… }", V2_0, "Files the group watches.", |cx, l| {
        block(cx, l, Kind::File, Owner::Group)
    })
    .support(FULL),
    Keyword::new("track_process", P, "{ PROCESS… }", V2_0, "Processes the group watches.", |cx, l| {
        block(cx, l, Kind::Process, Owner::Group)
    })
    .support(FULL),
    Keyword::new("track_bfd", P, "{ SESSION… }", V2_0, "BFD sessions the group watches.", |cx, l| {
        block(cx, l, Kind::Bfd, Owner::Group)
    })
    .support(FULL),
    Keyword::new(
        "notify_backup",
        P,
        "PROGRAM [USER [GROUP]]",
        V1,
        "Told when the group becomes BACKUP.",
        |cx, l| notify(cx, l, |n| &mut n.backup),
    )
    .support(FULL),
    Keyword::new(
        "notify_master",
        P,
        "PROGRAM [USER [GROUP]]",
        V1,
        "Told when the group becomes MASTER.",
        |cx, l| notify(cx, l, |n| &mut n.master),
    )
    .support(FULL),
    Keyword::new(
        "notify_fault",
        P,
        "PROGRAM [USER [GROUP]]",
        V1,
        "Told when the group goes to FAULT.",
        |cx, l| notify(cx, l, |n| &mut n.fault),
    )
    .support(FULL),
    Keyword::new("notify_stop", P, "PROGRAM [USER [GROUP]]", V2_0, "Told when the daemon stops.", |cx, l| {
        notify(cx, l, |n| &mut n.stop)
    })
    .support(FULL),
    Keyword::new("notify", P, "PROGRAM [USER [GROUP]]", V1_1, "Told of every change.", |cx, l| {
        notify(cx, l, |n| &mut n.any)
    })
    .support(FULL),
    Keyword::new("smtp_alert", P, "[BOOL]", V1, "Whether changes are mailed.", |cx, l| {
        let on = cx.optional_switch(l, |v| format!("Invalid vrrp_group smtp_alert parameter {v}"));
        if let (Some(on), Some(d)) = (on, cx.vrrp.groups.last_mut()) {
            d.mail = Some(on);
        }
        Ok(())
    })
    .support(FULL),
    Keyword::new("global_tracking", P, "", V1_2, "Older word for sync_group_tracking_weight.", |cx, l| {
        let name = name(cx);
        let said = format!(
            "({name}) global_tracking is deprecated. Use track_interface/script/file on the sync group"
        );
        cx.error("KA4101", l, 0, said);
        if let Some(d) = cx.vrrp.groups.last_mut() {
            d.model.tracking_weight = true;
        }
        Ok(())
    })
    .support(FULL),
    Keyword::new(
        "sync_group_tracking_weight",
        P,
        "",
        V2_0,
        "Members may have weighted trackers.",
        |cx, _| {
            if let Some(d) = cx.vrrp.groups.last_mut() {
                d.model.tracking_weight = true;
            }
            Ok(())
        },
    )
    .support(FULL),
    Keyword::new("notify_priority_changes", P, "[BOOL]", V2_2, "Pipes get changes of priority.", |cx, l| {
        let name = name(cx);
        let on = cx.optional_switch(l, |v| {
            format!("({name}) Invalid value '{v}' for sync group notify_priority_changes specified")
        });
        if let (Some(on), Some(d)) = (on, cx.vrrp.groups.last_mut()) {
            d.priority_changes = Some(on);
        }
        Ok(())
    })
    .support(FULL),
];

fn name(cx: &Cx<'_>) -> String {
    cx.vrrp.groups.last().map(|d| d.model.name.clone()).unwrap_or_default()
}

fn open(cx: &mut Cx<'_>, line: &Line) -> Flow {
    if line.len() != 2 {
        cx.error("KA2030", line, 0, "vrrp_sync_group must have a name - skipping");
        cx.skip_block(false);
        return Ok(());
    }
    let name = line.word(1).to_owned();
    if cx.vrrp.groups.iter().any(|d| d.model.name == name) {
        cx.error("KA2040", line, 1, format!("vrrp sync group {name} already defined"));
        cx.skip_block(false);
        return Ok(());
    }
    let model = SyncGroup {
        name,
        members: Vec::new(),
        trackers: Vec::new(),
        tracking_weight: false,
        priority_changes: None,
        notify: Notify::default(),
        origin: line.at(1),
    };
    cx.vrrp.groups.push(GroupDraft {
        model,
        members: None,
        indexes: Vec::new(),
        mail: None,
        priority_changes: None,
    });
    Ok(())
}

fn members(cx: &mut Cx<'_>, line: &Line) -> Flow {
    let name = name(cx);
    if cx.vrrp.groups.last().is_some_and(|d| d.members.is_some()) {
        cx.error("KA2040", line, 0, format!("Group list already specified for sync group {name}"));
        cx.skip_block(false);
        return Ok(());
    }
    let words = cx.value_words(line)?;
    if words.is_empty() {
        cx.error("KA3013", line, 0, format!("Warning - sync group {name} has empty group block"));
    } else if let Some(d) = cx.vrrp.groups.last_mut() {
        d.members = Some(words);
    }
    Ok(())
}

/// A program told of something; a second one of a kind is said and ignored.
fn notify(cx: &mut Cx<'_>, line: &Line, slot: fn(&mut Notify) -> &mut Option<Command>) -> Flow {
    let group = name(cx);
    if cx.vrrp.groups.last_mut().is_some_and(|d| slot(&mut d.model.notify).is_some()) {
        let (kind, program) = (line.word(0), cx.arg(line, 1)?);
        let said = format!("vrrp group {group}: {kind} script already specified - ignoring {program}");
        cx.error("KA2040", line, 1, said);
        return Ok(());
    }
    let command = cx.command(line, "notify")?;
    if let Some(d) = cx.vrrp.groups.last_mut() {
        *slot(&mut d.model.notify) = command;
    }
    Ok(())
}
