//! `vrrp_instance`: its settings, one row each.

use rha_ir::failover::{Command, Garp, LvsSyncDaemon, Notify, UnicastPeer};

use super::tracker::{Kind, Owner, block};
use super::{AuthKind, Draft, family_of, link};
use crate::global::MOST_SECONDS;
use crate::keyword::Reader;
use crate::number::SECOND;
use crate::rows::*;
use crate::{Cx, Flow, Keyword, Line, Place, values};

const P: Place = Place::INSTANCE;
const A: Place = Place::AUTHENTICATION;
const H: Place = Place::HMAC;
const PROGRAM: &str = "PROGRAM [USER [GROUP]]";

/// Rows of `vrrp_instance`, its addresses, routes and rules aside.
pub(crate) const INSTANCE: &[Keyword] = &[
    Keyword::block("vrrp_instance", Place::TOP, "NAME {", V1, "A virtual router.", P)
        .support(FULL)
        .opening(open)
        .closing(close)
        .read_by(Reader::Vrrp),
    Keyword::new(
        "use_vmac",
        P,
        "[[name] INTERFACE] [MAC] [netlink_notify_msg] [group N]",
        V1_2,
        "Runs on a macvlan with the router's MAC address.",
        link::use_vmac,
    )
    .support(FULL),
    Keyword::new("use_vmac_addr", P, "", V2_2, "Addresses on other interfaces get macvlans too.", |cx, _| {
        edit(cx, |d| d.vmac_addresses = true)
    })
    .support(FULL),
    Keyword::new("vmac_xmit_base", P, "", V1_2, "Adverts leave through the base interface.", |cx, _| {
        edit(cx, |d| d.vmac_xmit_base = true)
    })
    .support(FULL),
    Keyword::new(
        "use_ipvlan",
        P,
        "[[name] INTERFACE] [ADDRESS] [bridge|private|vepa] [group N]",
        V2_0,
        "Runs on an ipvlan.",
        link::use_ipvlan,
    )
    .support(FULL),
    Keyword::part(
        "name",
        Place::USE_VMAC.or(Place::USE_IPVLAN),
        "INTERFACE",
        "Name of the interface made.",
        "use_vmac, use_ipvlan",
    )
    .support(FULL),
    Keyword::part(
        "MAC",
        Place::USE_VMAC,
        "",
        "Another MAC address; five octets get the router id behind them.",
        "use_vmac",
    )
    .support(FULL),
    Keyword::part(
        "netlink_notify_msg",
        Place::USE_VMAC,
        "",
        "The kernel reports changes of the macvlan.",
        "use_vmac",
    )
    .support(no_effect("changes of our interfaces are reported to us anyway")),
    Keyword::part(
        "group",
        Place::USE_VMAC.or(Place::USE_IPVLAN),
        "GROUP",
        "Link group.",
        "use_vmac, use_ipvlan",
    )
    .support(FULL),
    Keyword::part("IPADDR", Place::USE_IPVLAN, "", "Address on the ipvlan.", "use_ipvlan").support(FULL),
    Keyword::part("bridge|private|vepa", Place::USE_IPVLAN, "", "Mode of the ipvlan.", "use_ipvlan")
        .support(FULL),
    Keyword::new(
        "unicast_peer",
        P,
        "{ ADDRESS… }",
        V1_2,
        "Adverts go to each of these instead of to a group.",
        |cx, l| {
            edit(cx, |d| d.unicast_written = true)?;
            cx.value_block(l, &mut peer)
        },
    )
    .support(FULL),
    Keyword::part(
        "IPADDR",
        Place::UNICAST_PEER,
        "[min_ttl N] [max_ttl N]",
        "A peer and how far it may be.",
        "unicast_peer",
    )
    .support(FULL),
    Keyword::new(
        "unicast_fault_no_peer",
        P,
        "",
        V2_2,
        "FAULT instead of multicast when no peer is left.",
        |cx, _| {
            edit(cx, |d| {
                d.unicast_written = true;
                d.model.unicast_fault_no_peer = true;
            })
        },
    )
    .support(FULL),
    Keyword::new("check_unicast_src", P, "", V2_1, "Adverts only from configured peers.", |cx, _| {
        edit(cx, |d| {
            d.unicast_written = true;
            d.model.check_unicast_src = true;
        })
    })
    .support(FULL),
    Keyword::new("old_unicast_checksum", P, "[never]", V1_3, "Checksums as before 1.3.7.", |cx, l| {
        edit(cx, |d| d.unicast_written = true)?;
        match l.get(1) {
            None => edit(cx, |d| d.model.old_unicast_checksum = Some(true)),
            Some("never") => edit(cx, |d| d.model.old_unicast_checksum = Some(false)),
            Some(o) => {
                complain(cx, l, "KA2022", |n| format!("({n}) Unknown old_unicast_chksum mode {o} - ignoring"))
            }
        }
    })
    .support(FULL),
    Keyword::new("native_ipv6", P, "", V1_2, "IPv6, whatever the addresses.", |cx, l| {
        if cx.vrrp.instances.last().is_some_and(|d| d.family == Some(4)) {
            return complain(cx, l, "KA2023", |n| {
                format!("({n}) Cannot specify native_ipv6 with IPv4 addresses")
            });
        }
        edit(cx, |d| (d.family, d.version) = (Some(6), Some(3)))
    })
    .support(FULL),
    Keyword::new("state", P, "MASTER|BACKUP", V1, "What it wants to be at start.", state).support(FULL),
    Keyword::new("interface", P, "INTERFACE", V1, "Where adverts are sent and heard.", link::interface)
        .support(FULL),
    Keyword::new("vrf", P, "INTERFACE", V2_2, "Routing domain of an instance without interface.", link::vrf)
        .support(partial("the socket is bound to the domain's device; no kernel here has VRFs to run it on")),
    Keyword::new("dont_track_primary", P, "", V1_1, "Its own interface going down is no fault.", |cx, _| {
        edit(cx, |d| d.model.dont_track_primary = true)
    })
    .support(FULL),
    Keyword::new("track_interface", P, "{ INTERFACE… }", V1, "Interfaces it watches.", |cx, l| {
        block(cx, l, Kind::Interface, Owner::Instance)
    })
    .support(FULL),
    Keyword::new("track_script", P, "{ SCRIPT… }", V1_1, "Programs it watches.", |cx, l| {
        block(cx, l, Kind::Script, Owner::Instance)
    })
    .support(FULL),
    Keyword::new("track_file", P, "{ FILE… }", V2_0, "Files it watches.", |cx, l| {
        block(cx, l, Kind::File, Owner::Instance)
    })
    .support(FULL),
    Keyword::new("track_process", P, "{ PROCESS… }", V2_0, "Processes it watches.", |cx, l| {
        block(cx, l, Kind::Process, Owner::Instance)
    })
    .support(FULL),
    Keyword::new("track_bfd", P, "{ SESSION… }", V2_0, "BFD sessions it watches.", |cx, l| {
        block(cx, l, Kind::Bfd, Owner::Instance)
    })
    .support(FULL),
    Keyword::new("mcast_src_ip", P, "ADDRESS", V1, "Source of adverts.", source).support(FULL),
    Keyword::new("unicast_src_ip", P, "ADDRESS", V1_2, "Source of adverts to peers.", |cx, l| {
        edit(cx, |d| d.unicast_written = true)?;
        source(cx, l)
    })
    .support(FULL),
    Keyword::new("mcast_dst_ip", P, "ADDRESS", V2_2, "Group that adverts go to.", destination).support(FULL),
    Keyword::new("track_src_ip", P, "", V2_0, "FAULT while the source address is missing.", |cx, _| {
        edit(cx, |d| d.model.track_source = true)
    })
    .support(FULL),
    Keyword::new("virtual_router_id", P, "1..255", V1, "Number of the virtual router.", |cx, l| {
        match cx.unsigned(l, 1, 1, 255, false)? {
            Some(n) => edit(cx, |d| d.model.vrid = u8::try_from(n).unwrap_or(0)),
            None => complain(cx, l, "KA2020", |n| {
                format!("({n}): VRID '{}' not valid - must be between 1 & 255", l.word(1))
            }),
        }
    })
    .support(FULL),
    Keyword::new("unicast_ttl", P, "0..255", V2_1, "Time to live of adverts to peers.", |cx, l| {
        match cx.unsigned(l, 1, 0, 255, false)? {
            Some(n) => edit(cx, |d| d.ttl = u8::try_from(n).ok()),
            None => complain(cx, l, "KA2020", |n| {
                format!("({n}): TTL '{}' not valid - must be between 0 & 255", l.word(1))
            }),
        }
    })
    .support(FULL),
    Keyword::new("version", P, "2|3", V1_2, "Version of the protocol.", version).support(FULL),
    Keyword::new("priority", P, "1..255", V1, "Who is preferred; 255 owns the addresses.", |cx, l| match cx
        .unsigned(l, 1, 1, 255, false)?
    {
        Some(n) => edit(cx, |d| d.priority = u8::try_from(n).ok()),
        None => {
            edit(cx, |d| d.priority = Some(100))?;
            complain(cx, l, "KA2020", |n| {
                format!("({n}) Priority not valid! must be between 1 & 255. Using default 100")
            })
        }
    })
    .support(FULL),
    Keyword::new(
        "advert_int",
        P,
        "SECONDS",
        V1,
        "How often a MASTER says that it is there.",
        |cx, l| match cx.fraction(l, 1, SECOND / 100, 255 * SECOND, 6, true)? {
            Some(n) if n > 0 => edit(cx, |d| d.advert_int_us = n),
            _ => complain(cx, l, "KA3007", |n| {
                format!("({n}) Advert interval ({}) not valid! Must be > 0 - ignoring", l.word(1))
            }),
        },
    )
    .support(FULL),
    Keyword::new(
        "no_virtual_ipaddress",
        P,
        "",
        V2_2_8,
        "An instance without addresses is meant.",
        |cx, _| edit(cx, |d| d.no_addresses_wanted = true),
    )
    .support(FULL),
    Keyword::new(
        "promote_secondaries",
        P,
        "",
        V1_3,
        "The kernel keeps secondary addresses when the first goes.",
        |cx, _| edit(cx, |d| d.model.promote_secondaries = true),
    )
    .support(FULL),
    Keyword::new("linkbeat_use_polling", P, "", V2_0, "Older way to poll the interface.", |cx, l| {
        edit(cx, |d| d.model.linkbeat_use_polling = true)?;
        complain(cx, l, "KA4101", |n| {
            format!(
                "({n}) 'linkbeat_use_polling' in vrrp instance deprecated - use linkbeat_interfaces block"
            )
        })
    })
    .support(LINKBEAT),
    Keyword::new(
        "v3_checksum_as_v2",
        P,
        "[BOOL]",
        V2_2_8,
        "Checksums of version 3 leave the pseudo-header out.",
        |cx, l| switch(cx, l, |d, on| d.model.v3_checksum_as_v2 = on),
    )
    .support(FULL),
    Keyword::new("accept", P, "", V1_2, "Packets to the addresses are accepted.", |cx, _| {
        edit(cx, |d| d.accept = Some(true))
    })
    .support(FULL),
    Keyword::new("no_accept", P, "", V1_3, "Packets to the addresses are dropped.", |cx, _| {
        edit(cx, |d| d.accept = Some(false))
    })
    .support(FULL),
    Keyword::new(
        "skip_check_adv_addr",
        P,
        "[BOOL]",
        V1_2,
        "Does not look at the address list of the master we know.",
        |cx, l| {
            // COMPAT: any valid switch turns it on, `off` too.
            switch(cx, l, |d, _| d.model.skip_check_adv_addr = true)
        },
    )
    .support(FULL),
    Keyword::new("strict_mode", P, "[BOOL]", V1_2, "Holds it to the letter of the RFC.", |cx, l| {
        switch(cx, l, |d, on| d.strict = Some(on))
    })
    .support(FULL),
    Keyword::new("preempt", P, "", V1, "Takes over from a lower master (the default).", |cx, _| {
        edit(cx, |d| d.model.preempt.never = false)
    })
    .support(FULL),
    Keyword::new("nopreempt", P, "", V1_1, "Leaves a lower master alone.", |cx, _| {
        edit(cx, |d| d.model.preempt.never = true)
    })
    .support(FULL),
    Keyword::new(
        "preempt_delay",
        P,
        "0..1000",
        V1_1,
        "Waits before taking over from a lower master.",
        |cx, l| {
            let n = cx.fraction(l, 1, 0, 1000 * SECOND, 6, true)?;
            edit(cx, |d| d.model.preempt.delay_us = n.unwrap_or(0))?;
            if n.is_none() {
                return complain(cx, l, "KA2020", |n| {
                    format!("({n}) Preempt_delay not valid! must be between 0-1000")
                });
            }
            Ok(())
        },
    )
    .support(FULL),
    Keyword::new("debug", P, "0..4", V1, "How much is logged.", |cx, l| {
        match cx.unsigned(l, 1, 0, 4, true)? {
            Some(n) => edit(cx, |d| d.model.debug = u8::try_from(n).unwrap_or(0)),
            None => complain(cx, l, "KA2020", |n| {
                format!("({n}) Debug value '{}' not valid; must be between 0-4", l.word(1))
            }),
        }
    })
    .support(no_effect("the original prints the number and does nothing else with it")),
    Keyword::new("notify_backup", P, PROGRAM, V1, "Told when it becomes BACKUP.", |cx, l| {
        notify(cx, l, |n| &mut n.backup)
    })
    .support(FULL),
    Keyword::new("notify_master", P, PROGRAM, V1, "Told when it becomes MASTER.", |cx, l| {
        notify(cx, l, |n| &mut n.master)
    })
    .support(FULL),
    Keyword::new("notify_fault", P, PROGRAM, V1, "Told when it goes to FAULT.", |cx, l| {
        notify(cx, l, |n| &mut n.fault)
    })
    .support(FULL),
    Keyword::new("notify_stop", P, PROGRAM, V1_1, "Told when the daemon stops.", |cx, l| {
        notify(cx, l, |n| &mut n.stop)
    })
    .support(FULL),
    Keyword::new(
        "notify_deleted",
        P,
        "[PROGRAM [USER [GROUP]]]",
        V2_1,
        "Told when a reload removes it.",
        deleted,
    )
    .support(FULL),
    Keyword::new("notify", P, PROGRAM, V1_1, "Told of every change.", |cx, l| notify(cx, l, |n| &mut n.any))
        .support(FULL),
    Keyword::new(
        "notify_master_rx_lower_pri",
        P,
        PROGRAM,
        V2_0,
        "Told when a MASTER hears a lower advert.",
        |cx, l| notify(cx, l, |n| &mut n.master_rx_lower_pri),
    )
    .support(FULL),
    Keyword::new("smtp_alert", P, "[BOOL]", V1, "Whether changes are mailed.", |cx, l| {
        let on = cx.optional_switch(l, |v| format!("Invalid vrrp_instance smtp_alert parameter {v}"));
        edit(cx, |d| d.mail = on.or(d.mail))
    })
    .support(FULL),
    Keyword::new("notify_priority_changes", P, "[BOOL]", V2_0, "Pipes get changes of priority.", |cx, l| {
        let name = name(cx);
        let on = cx.optional_switch(l, |v| {
            format!("({name}) Invalid value '{v}' for notify_priority_changes specified")
        });
        edit(cx, |d| d.priority_changes = on.or(d.priority_changes))
    })
    .support(FULL),
    Keyword::new(
        "lvs_sync_daemon_interface",
        P,
        "INTERFACE",
        V1,
        "Older way to name the sync daemon's interface.",
        sync_interface,
    ),
    Keyword::new(
        "garp_master_delay",
        P,
        "SECONDS",
        V1,
        "When the second set of gratuitous ARP follows.",
        |cx, l| match cx.unsigned(l, 1, 0, MOST_SECONDS, true)? {
            Some(n) => edit(cx, |d| d.model.garp.delay_us = u64::from(n) * SECOND),
            None => garp_complaint(cx, l),
        },
    )
    .support(FULL),
    Keyword::new(
        "garp_master_refresh",
        P,
        "SECONDS",
        V1_2,
        "How often a MASTER repeats its gratuitous ARP.",
        |cx, l| {
            let n = cx.unsigned(l, 1, 0, u32::MAX, true)?;
            edit(cx, |d| d.model.garp.refresh_us = u64::from(n.unwrap_or(0)) * SECOND)?;
            if n.is_none() {
                return complain(cx, l, "KA2020", |n| {
                    format!("({n}): Invalid garp_master_refresh '{}' - ignoring", l.word(1))
                });
            }
            Ok(())
        },
    )
    .support(FULL),
    Keyword::new("garp_master_repeat", P, "N", V1_2, "How many gratuitous ARP make a set.", |cx, l| {
        let n = repeats(cx, l)?;
        edit(cx, |d| d.model.garp.repeat = n.unwrap_or(d.model.garp.repeat))
    })
    .support(FULL),
    Keyword::new(
        "garp_master_refresh_repeat",
        P,
        "N",
        V1_2,
        "How many gratuitous ARP make a refresh.",
        |cx, l| {
            let n = repeats(cx, l)?;
            edit(cx, |d| d.model.garp.refresh_repeat = n.unwrap_or(d.model.garp.refresh_repeat))
        },
    )
    .support(FULL),
    Keyword::new(
        "garp_lower_prio_delay",
        P,
        "SECONDS",
        V1_2,
        "When the second set follows after a lower advert.",
        |cx, l| match cx.unsigned(l, 1, 0, MOST_SECONDS, true)? {
            Some(n) => edit(cx, |d| d.garp_lower_delay_us = Some(u64::from(n) * SECOND)),
            None => garp_complaint(cx, l),
        },
    )
    .support(FULL),
    Keyword::new(
        "garp_lower_prio_repeat",
        P,
        "N",
        V1_2,
        "How many gratuitous ARP answer a lower advert.",
        |cx, l| match cx.unsigned(l, 1, 0, i32::MAX as u32, true)? {
            Some(n) => edit(cx, |d| d.garp_lower_repeat = Some(n)),
            None => complain(cx, l, "KA2020", |n| {
                format!("({n}): Invalid garp_lower_prio_repeat '{}'", l.word(1))
            }),
        },
    )
    .support(FULL),
    Keyword::new(
        "down_timer_adverts",
        P,
        "1..100",
        V2_2,
        "How many adverts a backup misses before it takes over.",
        |cx, l| match cx.unsigned(l, 1, 1, 100, true)? {
            Some(n) => edit(cx, |d| d.model.down_timer_adverts = u8::try_from(n).unwrap_or(3)),
            None => complain(cx, l, "KA2020", |n| {
                format!("({n}): Invalid down_timer_adverts [1:100] '{}'", l.word(1))
            }),
        },
    )
    .support(FULL),
    Keyword::new(
        "timer_expired_backup",
        P,
        "[PRIORITY]",
        V2_2_8,
        "Goes to BACKUP when its own timers ran late.",
        expired_backup,
    )
    .support(FULL),
    Keyword::new(
        "thread_timer_expired",
        P,
        "[PRIORITY]",
        V2_3_2,
        "Another word for timer_expired_backup.",
        |cx, l| {
            complain(cx, l, "KA4101", |n| {
                format!("({n}) thread_timer_expired - please replace with keyword 'timer_expired_backup'")
            })?;
            expired_backup(cx, l)
        },
    )
    .support(FULL),
    Keyword::new(
        "garp_extra_if|vmac_garp_intvl",
        P,
        "[all] SECONDS",
        V2_2,
        "How often extra interfaces get gratuitous ARP.",
        garp_extra,
    )
    .support(FULL),
    Keyword::new(
        "lower_prio_no_advert",
        P,
        "[BOOL]",
        V1_2,
        "A MASTER does not answer a lower advert.",
        |cx, l| switch(cx, l, |d, on| d.lower_prio_no_advert = Some(on)),
    )
    .support(FULL),
    Keyword::new(
        "higher_prio_send_advert",
        P,
        "[BOOL]",
        V1_3,
        "A MASTER that hears a higher advert sends one more.",
        |cx, l| switch(cx, l, |d, on| d.higher_prio_send_advert = Some(on)),
    )
    .support(FULL),
    Keyword::new(
        "owner_ignore_adverts",
        P,
        "[BOOL]",
        V2_3_3,
        "The owner of the addresses listens to nobody.",
        |cx, l| switch(cx, l, |d, on| d.model.owner_ignore_adverts = on),
    )
    .support(FULL),
    Keyword::new("kernel_rx_buf_size", P, "BYTES", V2_0, "Receive buffer of its socket.", |cx, l| {
        if l.len() == 2
            && let Some(n) = cx.unsigned(l, 1, 0, u32::MAX, false)?
        {
            return edit(cx, |d| d.model.kernel_rx_buf_size = Some(n));
        }
        complain(cx, l, "KA2020", |n| format!("({n}) invalid kernel_rx_buf_size specified"))
    })
    .support(FULL),
    Keyword::block("authentication", P, "{", V1, "Passwords of version 2.", A).support(FULL),
    Keyword::new("auth_type", A, "PASS|AH", V1, "A password in clear, or a checksum with a key.", |cx, l| {
        match cx.arg(l, 1)? {
            "AH" => edit(cx, |d| d.auth = Some(AuthKind::Ah)),
            "PASS" => edit(cx, |d| d.auth = Some(AuthKind::Pass)),
            o => complain(cx, l, "KA3004", |n| format!("({n}) unknown authentication type '{o}'")),
        }
    })
    .support(FULL),
    Keyword::new("auth_pass", A, "PASSWORD", V1, "The password, of which eight bytes count.", |cx, l| {
        let text = cx.arg(l, 1)?.as_bytes().to_vec();
        if text.len() > 8 {
            cx.error("KA3004", l, 1, "Truncating auth_pass to 8 characters");
        }
        edit(cx, |d| {
            d.auth_data = [0; 8];
            d.auth_data.iter_mut().zip(&text).for_each(|(to, from)| *to = *from);
        })
    })
    .support(FULL),
    Keyword::block("auth_hmac", P, "{", V2_4, "Keyed checksums of version 3.", H)
        .closing(|cx| edit(cx, |d| d.model.auth_hmac = Some(std::mem::take(&mut d.hmac))))
        .support(Support::Planned),
    Keyword::new("key", H, "ID VALUE", V2_4, "A key with its number.", hmac_key),
    Keyword::new("active_key", H, "ID", V2_4, "The key that adverts are signed with.", |cx, l| {
        let n = cx.unsigned(l, 1, 0, 255, false)?;
        edit(cx, |d| d.hmac.active = n.and_then(|n| u8::try_from(n).ok()))
    }),
    Keyword::new("time_window", H, "SECONDS", V2_4, "How far clocks may differ.", |cx, l| {
        let n = cx.unsigned(l, 1, 0, u32::MAX, false)?;
        edit(cx, |d| d.hmac.time_window = n)
    }),
    Keyword::new("anti_replay", H, "WORD", V2_4, "How repeated adverts are told.", |cx, l| {
        let word = cx.arg(l, 1)?.to_owned();
        edit(cx, |d| d.hmac.anti_replay = Some(word))
    }),
    Keyword::new("mode", H, "WORD", V2_4, "Whether unsigned adverts are refused.", |cx, l| {
        let word = cx.arg(l, 1)?.to_owned();
        edit(cx, |d| d.hmac.mode = Some(word))
    }),
];

pub(crate) use INSTANCE as ROWS;

/// Changes the instance being read.
pub(super) fn edit(cx: &mut Cx<'_>, change: impl FnOnce(&mut Draft)) -> Flow {
    if let Some(d) = cx.vrrp.instances.last_mut() {
        change(d);
    }
    Ok(())
}

/// The name of the instance being read.
pub(super) fn name(cx: &Cx<'_>) -> String {
    cx.vrrp.instances.last().map(|d| d.model.name.clone()).unwrap_or_default()
}

/// Says something about word 1, with the instance's name.
pub(super) fn complain(
    cx: &mut Cx<'_>,
    line: &Line,
    code: &'static str,
    text: impl FnOnce(&str) -> String,
) -> Flow {
    let text = text(&name(cx));
    cx.error(code, line, usize::from(line.len() > 1), text);
    Ok(())
}

/// `keyword [BOOL]`.
fn switch(cx: &mut Cx<'_>, line: &Line, set: fn(&mut Draft, bool)) -> Flow {
    let (name, keyword) = (name(cx), line.word(0).to_owned());
    if let Some(on) = cx.optional_switch(line, |v| format!("({name}) invalid {keyword} {v} specified")) {
        edit(cx, |d| set(d, on))?;
    }
    Ok(())
}

fn open(cx: &mut Cx<'_>, line: &Line) -> Flow {
    if line.len() != 2 {
        cx.error("KA2030", line, 0, "vrrp_instance must have a name");
        cx.skip_block(false);
        return Ok(());
    }
    let name = line.word(1).to_owned();
    if let Some(first) = cx.vrrp.by_name.get(&name) {
        let first = cx.vrrp.instances.get(*first).map(|d| d.model.origin);
        cx.error("KA2040", line, 1, format!("vrrp instance {name} already defined"));
        if let (Some(d), Some(first)) = (cx.log.last(), first) {
            d.labels.push(rha_text::Label { span: first, text: "first defined here".to_owned() });
        }
        cx.skip_block(false);
        return Ok(());
    }
    let g = &cx.global;
    let garp = Garp {
        delay_us: g.garp_delay_us,
        repeat: g.garp_repeat,
        refresh_us: g.garp_refresh_us,
        refresh_repeat: g.garp_refresh_repeat,
        lower_prio_delay_us: 0,
        lower_prio_repeat: 0,
        extra_if_us: 0,
        extra_if_all: false,
    };
    let mut d = super::blank(name.clone(), line.at(1), garp);
    d.model.down_timer_adverts = g.down_timer_adverts;
    d.model.skip_check_adv_addr = g.skip_check_adv_addr;
    d.model.v3_checksum_as_v2 = g.v3_checksum_as_v2;
    d.model.check_unicast_src = cx.model.global.vrrp_check_unicast_src;
    d.model.owner_ignore_adverts = cx.model.global.vrrp_owner_ignore_adverts;
    cx.vrrp.by_name.insert(name, cx.vrrp.instances.len());
    cx.vrrp.instances.push(d);
    Ok(())
}

/// What the original looks at when the block is closed.
fn close(cx: &mut Cx<'_>) -> Flow {
    let Some(d) = cx.vrrp.instances.last_mut() else { return Ok(()) };
    let (name, span) = (d.model.name.clone(), d.model.origin);
    let mut said = Vec::new();
    if d.unicast_written && d.vmac.is_some() {
        if d.interface.is_none() {
            said.push(format!(
                "({name}): Cannot use VMAC/ipvlan with unicast and no interface - clearing use_vmac"
            ));
            d.vmac = None;
        } else if !d.vmac_xmit_base {
            said.push(format!("({name}) unicast with use_vmac requires vmac_xmit_base - setting"));
            d.vmac_xmit_base = true;
        }
    }
    if d.peers.is_empty() && d.ttl.is_some() {
        said.push(format!("({name}): Cannot use unicast_ttl without unicast peers - resetting"));
        d.ttl = None;
    }
    let line = Line { span, ..Line::default() };
    for text in said {
        cx.error("KA3008", &line, 0, text);
    }
    Ok(())
}

fn peer(cx: &mut Cx<'_>, line: &Line) -> Flow {
    let (name, text) = (name(cx), line.word(0).to_owned());
    let Some(address) = values::address_only(&text) else {
        let said = format!(
            "Configuration error: VRRP instance[{name}] malformed unicast peer address[{text}]. Skipping..."
        );
        cx.error("KA2023", line, 0, said);
        return Ok(());
    };
    let family = family_of(address);
    let Some(d) = cx.vrrp.instances.last_mut() else { return Ok(()) };
    if *d.family.get_or_insert(family) != family {
        let said = format!(
            "Configuration error: VRRP instance[{name}] and unicast peer address[{text}] MUST be of the same family !!! Skipping..."
        );
        cx.error("KA2023", line, 0, said);
        return Ok(());
    }
    let mut p = UnicastPeer { address, min_ttl: 0, max_ttl: 255, origin: line.at(0) };
    let mut i = 1;
    while let Some(option) = line.get(i) {
        if line.get(i + 1).is_none() {
            cx.error("KA2030", line, i, format!("({name}) {option} is missing a value"));
            break;
        }
        if let Some(n) = cx.unsigned(line, i + 1, 0, 255, false)? {
            let n = u8::try_from(n).unwrap_or(255);
            match option {
                "min_ttl" => p.min_ttl = n,
                "max_ttl" => p.max_ttl = n,
                o => {
                    cx.error("KA2022", line, i, format!("({name}) unknown unicast_peer option {o}"));
                    break;
                }
            }
            edit(cx, |d| d.model.check_unicast_src = true)?;
        }
        i += 2;
    }
    if p.min_ttl > p.max_ttl {
        let said =
            format!("({name}) min_ttl {} > max_ttl {} - all packets will be discarded", p.min_ttl, p.max_ttl);
        cx.error("KA3008", line, 1, said);
    }
    edit(cx, |d| d.peers.push(p))
}

fn state(cx: &mut Cx<'_>, line: &Line) -> Flow {
    let master = cx.vrrp.instances.last().and_then(|d| d.master);
    match cx.arg(line, 1)? {
        "MASTER" => edit(cx, |d| d.master = Some(true)),
        "BACKUP" if master == Some(true) => complain(cx, line, "KA2040", |n| {
            format!("({n}) state previously set as MASTER - ignoring BACKUP")
        }),
        "BACKUP" => edit(cx, |d| d.master = Some(false)),
        other => {
            edit(cx, |d| d.master = Some(false))?;
            complain(cx, line, "KA2022", |n| format!("({n}) unknown state '{other}', defaulting to BACKUP"))
        }
    }
}

fn source(cx: &mut Cx<'_>, line: &Line) -> Flow {
    let text = cx.arg(line, 1)?.to_owned();
    let Some(address) = values::address_only(&text) else {
        return complain(cx, line, "KA2023", |n| {
            format!("Configuration error: VRRP instance[{n}] malformed src address[{text}]. Skipping...")
        });
    };
    let family = family_of(address);
    let same = cx.vrrp.instances.last_mut().is_some_and(|d| *d.family.get_or_insert(family) == family);
    edit(cx, |d| {
        d.source_written = same;
        d.model.source = same.then_some(address);
    })?;
    if same {
        return Ok(());
    }
    complain(cx, line, "KA2023", |n| {
        format!(
            "Configuration error: VRRP instance[{n}] and src address[{text}] MUST be of the same family !!! Skipping..."
        )
    })
}

fn destination(cx: &mut Cx<'_>, line: &Line) -> Flow {
    let text = cx.arg(line, 1)?.to_owned();
    let Some(address) = values::address_only(&text) else {
        return complain(cx, line, "KA2023", |n| {
            format!("({n}) malformed mcast dest address {text}. Skipping...")
        });
    };
    let family = family_of(address);
    let same = cx.vrrp.instances.last_mut().is_some_and(|d| *d.family.get_or_insert(family) == family);
    if !same {
        return complain(cx, line, "KA2023", |n| {
            format!("({n}) mcast dest address {text} MUST match VRRP instance family. Skipping...")
        });
    }
    let group = match address {
        std::net::IpAddr::V4(a) => a.is_multicast(),
        std::net::IpAddr::V6(a) => a.is_multicast() && a.segments()[0] & 0xf == 2,
    };
    if !group {
        let local = if family == 6 { " link-local" } else { "" };
        return complain(cx, line, "KA2023", |n| {
            format!("({n}) mcast_dst_ip {text} not{local} multicast. Skipping...")
        });
    }
    edit(cx, |d| d.mcast = Some(address))
}

fn version(cx: &mut Cx<'_>, line: &Line) -> Flow {
    let Some(n) = cx.int(line, 1, 2, 3, true)?.and_then(|n| u8::try_from(n).ok()) else {
        return complain(cx, line, "KA2020", |n| format!("({n}): Version must be either 2 or 3"));
    };
    let Some(d) = cx.vrrp.instances.last() else { return Ok(()) };
    let old = d.version;
    if old.is_some_and(|o| o != n) || (n == 2 && d.family == Some(6)) {
        let deduced = old.unwrap_or(0);
        return complain(cx, line, "KA3006", |name| {
            format!(
                "({name}) vrrp_version {n} conflicts with configured or deduced version {deduced}; ignoring."
            )
        });
    }
    edit(cx, |d| d.version = Some(n))
}

/// A program told of something; a second one of a kind is said and ignored.
fn notify(cx: &mut Cx<'_>, line: &Line, slot: fn(&mut Notify) -> &mut Option<Command>) -> Flow {
    if cx.vrrp.instances.last_mut().is_some_and(|d| slot(&mut d.model.notify).is_some()) {
        let (kind, program) = (line.word(0), cx.arg(line, 1)?);
        return complain(cx, line, "KA2040", |n| {
            format!("({n}) {kind} script already specified - ignoring {program}")
        });
    }
    let command = cx.command(line, "notify")?;
    edit(cx, |d| *slot(&mut d.model.notify) = command)
}

fn deleted(cx: &mut Cx<'_>, line: &Line) -> Flow {
    let Some(d) = cx.vrrp.instances.last() else { return Ok(()) };
    let n = &d.model.notify;
    if n.deleted.is_some() || n.deleted_as_fault {
        let program = line.word(1);
        return complain(cx, line, "KA2040", |n| {
            format!("({n}) notify_deleted already specified - ignoring {program}")
        });
    }
    if line.len() < 2 {
        return edit(cx, |d| d.model.notify.deleted_as_fault = true);
    }
    let command = cx.command(line, "notify")?;
    edit(cx, |d| {
        d.model.notify.deleted_as_fault = command.is_none();
        d.model.notify.deleted = command;
    })
}

fn sync_interface(cx: &mut Cx<'_>, line: &Line) -> Flow {
    let name = name(cx);
    let said = format!("({name}) Specifying lvs_sync_daemon_interface against a vrrp is deprecated.");
    cx.error("KA4101", line, 0, said);
    let indent = " ".repeat(name.len().abs_diff(2));
    cx.error("KA4101", line, 0, format!("      {indent}Please use global lvs_sync_daemon"));
    if let Some(old) = cx.model.global.lvs_sync_daemon.as_ref().map(|d| d.interface.clone()) {
        return complain(cx, line, "KA2040", |n| {
            format!("({n}) lvs_sync_daemon_interface has already been specified as {old} - ignoring")
        });
    }
    let interface = cx.arg(line, 1)?.to_owned();
    edit(cx, |d| d.model.lvs_sync_daemon_interface = Some(interface.clone()))?;
    cx.model.global.lvs_sync_daemon =
        Some(LvsSyncDaemon { interface, instance: Some(name), ..LvsSyncDaemon::default() });
    Ok(())
}

fn garp_complaint(cx: &mut Cx<'_>, line: &Line) -> Flow {
    let (keyword, value) = (line.word(0), line.word(1));
    complain(cx, line, "KA2020", |n| format!("({n}): {keyword} '{value}' invalid - ignoring"))
}

/// A number of packets; 0 was allowed once and means 1.
fn repeats(cx: &mut Cx<'_>, line: &Line) -> Flow<Option<u32>> {
    let n = cx.unsigned(line, 1, 0, u32::MAX, true)?;
    if n.is_none() {
        garp_complaint(cx, line)?;
    } else if n == Some(0) {
        let keyword = line.word(0);
        complain(cx, line, "KA2020", |n| format!("({n}): {keyword} must be greater than 0, setting to 1"))?;
    }
    Ok(n.map(|n| n.max(1)))
}

fn expired_backup(cx: &mut Cx<'_>, line: &Line) -> Flow {
    if line.len() < 2 {
        return edit(cx, |d| d.model.timer_expired_backup = Some(254));
    }
    match cx.unsigned(line, 1, 1, 254, true)? {
        Some(n) => edit(cx, |d| d.model.timer_expired_backup = u8::try_from(n).ok()),
        None => complain(cx, line, "KA2020", |n| {
            format!("({n}) timer_expired_backup highest_other_priority not valid! must be between 1 & 254")
        }),
    }
}

fn garp_extra(cx: &mut Cx<'_>, line: &Line) -> Flow {
    let keyword = line.word(0).to_owned();
    if keyword == "vmac_garp_intvl" {
        let said = "Keyword \"vmac_garp_intvl\" is deprecated - please use \"garp_extra_if\"";
        cx.warn("KA4101", line, 0, said);
    }
    let (mut seconds, mut all) = (None, false);
    for i in 1..line.len() {
        if line.word(i) == "all" {
            all = true;
        } else if let Some(n) = cx.unsigned(line, i, 0, 86400, true)? {
            seconds = Some(n);
        } else {
            let value = line.word(i);
            return complain(cx, line, "KA2020", |n| {
                format!("({n}): {keyword} '{value}' invalid - ignoring")
            });
        }
    }
    match seconds {
        Some(n) => edit(cx, |d| d.garp_extra = Some((u64::from(n) * SECOND, all))),
        None => {
            complain(cx, line, "KA2030", |n| format!("({n}): {keyword} specified without time - ignoring"))
        }
    }
}

fn hmac_key(cx: &mut Cx<'_>, line: &Line) -> Flow {
    let id = cx.unsigned(line, 1, 0, 255, false)?;
    let text = cx.arg(line, 2)?.to_owned();
    let key = match text.strip_prefix("hex:") {
        None => Some(text.into_bytes()),
        Some(hex) if hex.is_ascii() && hex.len() % 2 == 0 => {
            let pairs = hex.as_bytes().chunks(2).map(|p| std::str::from_utf8(p).unwrap_or_default());
            pairs.map(|p| u8::from_str_radix(p, 16).ok()).collect()
        }
        Some(_) => None,
    };
    let (Some(id), Some(key)) = (id.and_then(|n| u8::try_from(n).ok()), key) else {
        return complain(cx, line, "KA3004", |n| format!("({n}) invalid auth_hmac key"));
    };
    edit(cx, |d| d.hmac.keys.push((id, key)))
}
