//! `global_defs`, and the keywords outside of every block that are not one.

use rha_ir::failover::{
    CpuList, DynamicInterfaces, Fifo, IpsetNames, LvsFlush, LvsSyncDaemon, MailDefaults, RxBufferPolicy,
};

use crate::number::SECOND;
use crate::rows::*;
use crate::{Class, Cx, Flow, Keyword, Line, Place, values};

/// What `global_defs` leaves for instances and servers.
#[derive(Debug)]
pub(crate) struct State {
    pub garp_delay_us: u64,
    pub garp_repeat: u32,
    pub garp_refresh_us: u64,
    pub garp_refresh_repeat: u32,
    pub lower_prio_delay_us: Option<u64>,
    pub lower_prio_repeat: Option<u32>,
    pub down_timer_adverts: u8,
    pub extra_if_us: u64,
    pub extra_if_all: bool,
    pub lower_prio_no_advert: bool,
    pub higher_prio_send_advert: bool,
    pub skip_check_adv_addr: bool,
    pub v3_checksum_as_v2: bool,
    pub notify_priority_changes: bool,
    pub smtp_alert: Option<bool>,
    pub smtp_alert_vrrp: Option<bool>,
    pub smtp_alert_checker: Option<bool>,
    pub no_checker_emails: bool,
    startup_timeout: Option<u32>,
    shutdown_timeout: Option<u32>,
    rx_mtu: bool,
    rx_advert: bool,
    rx_size: Option<u32>,
    scripts: bool,
}

impl Default for State {
    /// keepalived.conf(5): five packets at once, five more after 5 s, no refresh, three adverts.
    fn default() -> Self {
        State {
            garp_delay_us: 5 * SECOND,
            garp_repeat: 5,
            garp_refresh_us: 0,
            garp_refresh_repeat: 1,
            lower_prio_delay_us: None,
            lower_prio_repeat: None,
            down_timer_adverts: 3,
            extra_if_us: 0,
            extra_if_all: false,
            lower_prio_no_advert: false,
            higher_prio_send_advert: false,
            skip_check_adv_addr: false,
            v3_checksum_as_v2: false,
            notify_priority_changes: false,
            smtp_alert: None,
            smtp_alert_vrrp: None,
            smtp_alert_checker: None,
            no_checker_emails: false,
            startup_timeout: None,
            shutdown_timeout: None,
            rx_mtu: false,
            rx_advert: false,
            rx_size: None,
            scripts: false,
        }
    }
}

const G: Place = Place::GLOBAL;
const T: Place = Place::TOP;
/// Longest time in whole seconds that 32 bits of microseconds hold.
pub(crate) const MOST_SECONDS: u32 = 4294;

/// Keywords of `global_defs` and beside it.
pub(crate) const ROWS: &[Keyword] = &[
    Keyword::block(
        "global_defs",
        T,
        "{",
        V1,
        "Settings of the daemon and defaults for instances.",
        Place::GLOBAL,
    )
    .support(FULL),
    Keyword::new(
        "linkbeat_use_polling",
        T,
        "",
        V1_1,
        "Polls link states instead of waiting for the kernel to report them.",
        |cx, _| {
            cx.model.global.linkbeat_use_polling = true;
            Ok(())
        },
    )
    .support(LINKBEAT),
    Keyword::new("net_namespace", T, "NAME", V1_2, "Runs everything in a network namespace.", net_namespace)
        .support(FULL),
    Keyword::new(
        "net_namespace_ipvs",
        T,
        "[NAME]",
        V2_1,
        "Runs the virtual servers in a network namespace of their own.",
        net_namespace_ipvs,
    ),
    Keyword::new(
        "namespace_with_ipsets",
        T,
        "",
        V1_3,
        "Uses ipsets although the kernel shares them between namespaces.",
        |cx, _| {
            cx.model.global.namespace_with_ipsets = true;
            Ok(())
        },
    )
    .support(no_effect("no ipsets are used")),
    Keyword::new("use_pid_dir", T, "", V1_2, "Puts pid files into a directory of their own.", |cx, _| {
        cx.model.global.use_pid_dir = true;
        Ok(())
    })
    .support(FULL),
    Keyword::new("instance", T, "NAME", V1_2, "Names this daemon among several on one node.", instance)
        .support(FULL),
    Keyword::new(
        "child_wait_time",
        T,
        "SECONDS",
        V2_0,
        "How long children may take to end.",
        child_wait_time,
    )
    .support(FULL),
    Keyword::new("process_names", G, "", V2_0, "Gives each process its own name.", |cx, _| {
        let g = &mut cx.model.global;
        g.process_names = true;
        g.vrrp_process.name = Some("keepalived_vrrp".to_owned());
        g.checker_process.name = Some("keepalived_lvs".to_owned());
        g.bfd_process.name = Some("keepalived_bfd".to_owned());
        Ok(())
    })
    .support(FULL),
    Keyword::new("process_name", G, "NAME", V2_0, "Name of the parent process.", |cx, l| {
        let name = process_name(cx, l)?;
        cx.model.global.process_name = Some(name);
        Ok(())
    })
    .support(FULL),
    Keyword::new("vrrp_process_name", G, "NAME", V2_0, "Name of the VRRP process.", |cx, l| {
        let name = process_name(cx, l)?;
        cx.model.global.vrrp_process.name = Some(name);
        Ok(())
    })
    .support(FULL),
    Keyword::new("checker_process_name", G, "NAME", V2_2, "Name of the health checker.", |cx, l| {
        let name = process_name(cx, l)?;
        cx.model.global.checker_process.name = Some(name);
        Ok(())
    })
    .support(ONE_WORKER),
    Keyword::new("lvs_process_name", G, "NAME", V2_0, "Older word for checker_process_name.", |cx, l| {
        cx.remark("KA4101", l.at(0), "'lvs_process_name' is deprecated - please use 'checker_process_name'");
        let name = process_name(cx, l)?;
        cx.model.global.checker_process.name = Some(name);
        Ok(())
    })
    .support(ONE_WORKER),
    Keyword::new("bfd_process_name", G, "NAME", V2_0, "Name of the BFD process.", |cx, l| {
        let name = process_name(cx, l)?;
        cx.model.global.bfd_process.name = Some(name);
        Ok(())
    })
    .support(ONE_WORKER),
    Keyword::new(
        "use_symlink_paths",
        G,
        "[BOOL]",
        V2_3,
        "Starts programs by the path written, links and all.",
        |cx, l| {
            if let Some(on) = global_switch(cx, l) {
                cx.model.global.use_symlink_paths = on;
            }
            Ok(())
        },
    )
    .support(no_effect("programs are always started by the path written")),
    Keyword::new(
        "set_supplementary_groups",
        G,
        "",
        NEXT,
        "Programs get all groups of their user.",
        |cx, _| {
            cx.model.global.set_supplementary_groups = true;
            Ok(())
        },
    ),
    Keyword::new("router_id", G, "NAME", V1_1, "Name of this node in mail.", |cx, l| {
        named(cx, l, "routerid name missing - ignoring", |cx, v| cx.model.global.router_id = Some(v))
    })
    .support(FULL),
    Keyword::new("notification_email_from", G, "ADDRESS", V1, "Sender of mail.", |cx, l| {
        named(cx, l, "emailfrom missing - ignoring", |cx, v| cx.model.global.mail.from = Some(v))
    })
    .support(FULL),
    Keyword::new("smtp_server", G, "ADDRESS [PORT]", V1, "Where mail is handed in.", smtp_server)
        .support(FULL),
    Keyword::new("smtp_helo_name", G, "NAME", V1_2, "What we call ourselves to the mail server.", |cx, l| {
        if let Some(name) = l.get(1) {
            cx.model.global.mail.helo = Some(name.to_owned());
        }
        Ok(())
    })
    .support(FULL),
    Keyword::new(
        "smtp_connect_timeout",
        G,
        "SECONDS",
        V1,
        "How long a connection to the mail server may take.",
        smtp_connect_timeout,
    )
    .support(FULL),
    Keyword::new("notification_email", G, "{ ADDRESS… }", V1, "Who gets mail.", |cx, l| {
        let words = cx.value_words(l)?;
        if words.is_empty() {
            cx.error("KA2030", l, 0, "Warning - empty notification_email block");
        }
        cx.model.global.mail.to.extend(words.into_iter().map(|(w, _)| w));
        Ok(())
    })
    .support(FULL),
    Keyword::new(
        "smtp_alert",
        G,
        "[BOOL]",
        V2_0,
        "Whether everything sends mail unless it says otherwise.",
        |cx, l| {
            if let Some(on) = global_switch(cx, l) {
                cx.global.smtp_alert = Some(on);
            }
            Ok(())
        },
    )
    .support(FULL),
    Keyword::new(
        "startup_script",
        G,
        "PROGRAM [USER [GROUP]]",
        V2_1,
        "Run before anything else.",
        |cx, l| start_stop(cx, l, true),
    )
    .support(FULL),
    Keyword::new(
        "startup_script_timeout",
        G,
        "SECONDS",
        V2_1,
        "How long startup_script may take.",
        |cx, l| start_stop_timeout(cx, l, true),
    )
    .support(FULL),
    Keyword::new(
        "shutdown_script",
        G,
        "PROGRAM [USER [GROUP]]",
        V2_1,
        "Run after everything else.",
        |cx, l| start_stop(cx, l, false),
    )
    .support(FULL),
    Keyword::new(
        "shutdown_script_timeout",
        G,
        "SECONDS",
        V2_1,
        "How long shutdown_script may take.",
        |cx, l| start_stop_timeout(cx, l, false),
    )
    .support(FULL),
    Keyword::new(
        "max_auto_priority",
        G,
        "[-1..99]",
        V2_1,
        "How far a late process may raise its own priority.",
        max_auto_priority,
    )
    .support(TUNING),
    Keyword::new(
        "min_auto_priority_delay",
        G,
        "MICROSECONDS",
        V2_1,
        "How late a process must be to raise its priority.",
        min_auto_priority_delay,
    )
    .support(TUNING),
    Keyword::new(
        "smtp_alert_vrrp",
        G,
        "[BOOL]",
        V2_0,
        "Whether instances send mail unless they say otherwise.",
        |cx, l| {
            if let Some(on) = global_switch(cx, l) {
                cx.global.smtp_alert_vrrp = Some(on);
            }
            Ok(())
        },
    )
    .support(FULL),
    Keyword::new(
        "smtp_alert_checker",
        G,
        "[BOOL]",
        V2_0,
        "Whether servers send mail unless they say otherwise.",
        |cx, l| {
            if let Some(on) = global_switch(cx, l) {
                cx.global.smtp_alert_checker = Some(on);
            }
            Ok(())
        },
    )
    .support(FULL),
    Keyword::new(
        "checker_log_all_failures",
        G,
        "[BOOL]",
        V2_0,
        "Logs every failed check, not only changes.",
        |cx, l| {
            let said = "Invalid value for checker_log_all_failures specified";
            if let Some(on) = cx.optional_switch(l, |_| said.to_owned()) {
                cx.model.global.checker_log_all_failures = on;
            }
            Ok(())
        },
    )
    .support(FULL),
    Keyword::new(
        "dynamic_interfaces",
        G,
        "[allow_if_changes]",
        V2_0,
        "Interfaces may come and go while we run.",
        dynamic_interfaces,
    )
    .support(FULL),
    Keyword::new("no_email_faults", G, "", V2_0, "FAULT states send no mail.", |cx, _| {
        cx.model.global.mail.no_fault_mail = true;
        Ok(())
    })
    .support(FULL),
    Keyword::new(
        "default_interface",
        G,
        "INTERFACE",
        V1_2,
        "Where static addresses without dev go.",
        |cx, l| {
            named(cx, l, "default_interface requires interface name", |cx, v| {
                cx.model.global.default_interface = v
            })
        },
    )
    .support(FULL),
    Keyword::new(
        "disable_local_igmp",
        G,
        "",
        V2_2,
        "Stops the kernel from reporting link-local groups.",
        |cx, l| {
            let path = "/proc/sys/net/ipv4/igmp_link_local_mcast_reports";
            if cx.input.machine.writable(path) {
                cx.model.global.disable_local_igmp = true;
            } else {
                cx.error("KA3050", l, 0, format!("kernel does not support {path}"));
            }
            Ok(())
        },
    )
    .support(FULL),
    Keyword::new(
        "v3_checksum_as_v2",
        G,
        "[BOOL]",
        V2_2_8,
        "Checksums of version 3 over IPv4 leave the pseudo-header out.",
        |cx, l| {
            if let Some(on) = global_switch(cx, l) {
                cx.global.v3_checksum_as_v2 = on;
            }
            Ok(())
        },
    )
    .support(FULL),
    Keyword::new(
        "lvs_timeouts",
        G,
        "[tcp SECONDS] [tcpfin SECONDS] [udp SECONDS]",
        V1_2,
        "How long the kernel keeps idle connections.",
        lvs_timeouts,
    )
    .support(crate::keyword::IPVS),
    Keyword::new(
        "lvs_flush",
        G,
        "",
        V1_2,
        "Removes all virtual servers from the kernel at start.",
        |cx, _| {
            cx.model.global.lvs_flush = true;
            Ok(())
        },
    )
    .support(crate::keyword::IPVS),
    Keyword::new(
        "lvs_flush_on_stop",
        G,
        "[VS]",
        V2_2,
        "Removes virtual servers from the kernel at the end.",
        lvs_flush_on_stop,
    )
    .support(crate::keyword::IPVS),
    Keyword::new(
        "lvs_flush_onstop",
        G,
        "[VS]",
        V2_0,
        "Removes virtual servers from the kernel at the end.",
        lvs_flush_on_stop,
    )
    .support(crate::keyword::IPVS),
    Keyword::new(
        "lvs_sync_daemon",
        G,
        "INTERFACE [inst INSTANCE] [id N] [maxlen N] [port N] [ttl N] [group ADDRESS]",
        V1_2,
        "Copies connections between two directors.",
        lvs_sync_daemon,
    ),
    Keyword::new("vrrp_mcast_group4", G, "ADDRESS", V1_2, "Group that IPv4 adverts go to.", mcast_group4)
        .support(FULL),
    Keyword::new("vrrp_mcast_group6", G, "ADDRESS", V1_2, "Group that IPv6 adverts go to.", mcast_group6)
        .support(FULL),
    Keyword::new(
        "vrrp_garp_master_delay",
        G,
        "SECONDS",
        V1_2,
        "When the second set of gratuitous ARP follows.",
        |cx, l| {
            if let Some(n) =
                garp_number(cx, l, MOST_SECONDS, "vrrp_garp_master_delay '{v}' invalid - ignoring")?
            {
                cx.global.garp_delay_us = u64::from(n) * SECOND;
            }
            Ok(())
        },
    )
    .support(FULL),
    Keyword::new("vrrp_garp_master_repeat", G, "N", V1_2, "How many gratuitous ARP make a set.", |cx, l| {
        if let Some(n) = garp_repeat(cx, l)? {
            cx.global.garp_repeat = n;
        }
        Ok(())
    })
    .support(FULL),
    Keyword::new(
        "vrrp_garp_master_refresh",
        G,
        "SECONDS",
        V1_2,
        "How often a MASTER repeats its gratuitous ARP.",
        |cx, l| {
            let n = garp_number(cx, l, u32::MAX, "Invalid vrrp_garp_master_refresh '{v}' - ignoring")?;
            cx.global.garp_refresh_us = u64::from(n.unwrap_or(0)) * SECOND;
            Ok(())
        },
    )
    .support(FULL),
    Keyword::new(
        "vrrp_garp_master_refresh_repeat",
        G,
        "N",
        V1_2,
        "How many gratuitous ARP make a refresh.",
        |cx, l| {
            if let Some(n) = garp_repeat(cx, l)? {
                cx.global.garp_refresh_repeat = n;
            }
            Ok(())
        },
    )
    .support(FULL),
    Keyword::new(
        "vrrp_garp_lower_prio_delay",
        G,
        "SECONDS",
        V1_2,
        "When the second set follows after a lower advert was heard.",
        |cx, l| {
            if let Some(n) =
                garp_number(cx, l, MOST_SECONDS, "vrrp_garp_lower_prio_delay '{v}' invalid - ignoring")?
            {
                cx.global.lower_prio_delay_us = Some(u64::from(n) * SECOND);
            }
            Ok(())
        },
    )
    .support(FULL),
    Keyword::new(
        "vrrp_garp_lower_prio_repeat",
        G,
        "N",
        V1_2,
        "How many gratuitous ARP answer a lower advert.",
        |cx, l| {
            let most = i32::MAX as u32;
            if let Some(n) = garp_number(cx, l, most, "Invalid vrrp_garp_lower_prio_repeat '{v}'")? {
                cx.global.lower_prio_repeat = Some(n);
            }
            Ok(())
        },
    )
    .support(FULL),
    Keyword::new(
        "vrrp_down_timer_adverts",
        G,
        "1..100",
        V2_2,
        "How many adverts a backup misses before it takes over.",
        |cx, l| {
            match cx.unsigned(l, 1, 1, 100, true)? {
                Some(n) => cx.global.down_timer_adverts = u8::try_from(n).unwrap_or(3),
                None => cx.error(
                    "KA2020",
                    l,
                    1,
                    format!("Invalid vrrp_down_timer_adverts [1:100] '{}'", l.word(1)),
                ),
            }
            Ok(())
        },
    )
    .support(FULL),
    Keyword::new(
        "vrrp_garp_interval",
        G,
        "SECONDS",
        V1_2,
        "Least time between two gratuitous ARP of an interface.",
        |cx, l| {
            if let Some(n) = interval(cx, l)? {
                cx.model.global.garp.interval_us = n;
            }
            Ok(())
        },
    )
    .support(FULL),
    Keyword::new(
        "vrrp_gna_interval",
        G,
        "SECONDS",
        V1_2,
        "Least time between two unsolicited NA of an interface.",
        |cx, l| {
            if let Some(n) = interval(cx, l)? {
                cx.model.global.garp.gna_interval_us = n;
            }
            Ok(())
        },
    )
    .support(FULL),
    Keyword::new("vrrp_min_garp", G, "[BOOL]", V2_0, "One gratuitous ARP, no repeat.", min_garp)
        .support(FULL),
    Keyword::new(
        "vrrp_garp_extra_if",
        G,
        "[all] SECONDS",
        V2_2,
        "How often extra interfaces get gratuitous ARP.",
        garp_extra_if,
    )
    .support(FULL),
    Keyword::new(
        "vrrp_vmac_garp_intvl",
        G,
        "[all] SECONDS",
        V2_2,
        "How often extra interfaces get gratuitous ARP.",
        garp_extra_if,
    )
    .support(FULL),
    Keyword::new(
        "vrrp_lower_prio_no_advert",
        G,
        "[BOOL]",
        V1_2,
        "A MASTER does not answer a lower advert.",
        |cx, l| {
            let said = "Invalid value for vrrp_lower_prio_no_advert specified";
            if let Some(on) = cx.optional_switch(l, |_| said.to_owned()) {
                cx.global.lower_prio_no_advert = on;
            }
            Ok(())
        },
    )
    .support(FULL),
    Keyword::new(
        "vrrp_higher_prio_send_advert",
        G,
        "[BOOL]",
        V1_3,
        "A MASTER that hears a higher advert sends one more.",
        |cx, l| {
            let said = "Invalid value for vrrp_higher_prio_send_advert specified";
            if let Some(on) = cx.optional_switch(l, |_| said.to_owned()) {
                cx.global.higher_prio_send_advert = on;
            }
            Ok(())
        },
    )
    .support(FULL),
    Keyword::new("vrrp_version", G, "2|3", V1_2, "Version of instances that name none.", |cx, l| {
        match cx.int(l, 1, 2, 3, true)? {
            Some(n) => cx.model.global.vrrp_version = u8::try_from(n).unwrap_or(2),
            None => cx.error("KA2020", l, 1, "VRRP Error: Version must be either 2 or 3"),
        }
        Ok(())
    })
    .support(FULL),
    Keyword::new("vrrp_iptables", G, "[IN [OUT]]", V1_2, "Filters with iptables chains.", iptables)
        .support(FILTER),
    Keyword::new("vrrp_ipsets", G, "[NAMES…]", V1_2, "Filters with ipsets beside iptables.", |cx, l| {
        let names = l.iter().skip(1).map(str::to_owned).collect();
        cx.model.global.vrrp_ipsets = Some(IpsetNames(names));
        Ok(())
    })
    .support(FILTER),
    Keyword::new("nftables", G, "[TABLE]", V2_0, "Filters with an nftables table.", |cx, l| {
        table(cx, l, "nftables", "keepalived", |g| &mut g.nftables)
    })
    .support(FULL),
    Keyword::new(
        "nftables_priority",
        G,
        "PRIORITY",
        V2_0,
        "Where the filter stands among other chains.",
        |cx, l| {
            match cx.int(l, 1, i32::MIN, i32::MAX, false)? {
                Some(n) => cx.model.global.nftables_priority = n,
                None => cx.error("KA2020", l, 1, format!("invalid nftables chain priority '{}'", l.word(1))),
            }
            Ok(())
        },
    )
    .support(FULL),
    Keyword::new("nftables_ifindex", G, "", V2_0, "The filter names interfaces by number.", |cx, _| {
        cx.model.global.nftables_ifindex = true;
        Ok(())
    })
    .support(no_effect("the filter always names interfaces by number")),
    Keyword::new("vrrp_check_unicast_src", G, "", V1_2, "Adverts only from configured peers.", |cx, _| {
        cx.model.global.vrrp_check_unicast_src = true;
        Ok(())
    })
    .support(FULL),
    Keyword::new(
        "vrrp_skip_check_adv_addr",
        G,
        "",
        V1_2,
        "Does not look at the address list of adverts from the master we know.",
        |cx, _| {
            cx.global.skip_check_adv_addr = true;
            Ok(())
        },
    )
    .support(FULL),
    Keyword::new("vrrp_strict", G, "", V1_2, "Holds instances to the letter of the RFC.", |cx, _| {
        cx.model.global.vrrp_strict = true;
        Ok(())
    })
    .support(FULL),
    Keyword::new("vrrp_priority", G, "-20..19", V1_2, "Nice value of the VRRP process.", |cx, l| {
        let n = nice(cx, l, "vrrp")?;
        cx.model.global.vrrp_process.nice = Some(n);
        Ok(())
    })
    .support(FULL),
    Keyword::new("vrrp_no_swap", G, "", V1_2, "Locks the memory of the VRRP process.", |cx, _| {
        cx.model.global.vrrp_process.no_swap = true;
        Ok(())
    })
    .support(FULL),
    Keyword::new("vrrp_rt_priority", G, "1..99", V2_0, "Real-time priority of the VRRP process.", |cx, l| {
        if let Some(n) = realtime(cx, l, "vrrp")? {
            cx.model.global.vrrp_process.rt_priority = Some(n);
        }
        Ok(())
    })
    .support(FULL),
    Keyword::new("vrrp_cpu_affinity", G, "CPU…", V2_0, "Processors of the VRRP process.", |cx, l| {
        let cpus = cpus(cx, l, "vrrp")?;
        cx.model.global.vrrp_process.cpus = cpus;
        Ok(())
    })
    .support(FULL),
    Keyword::new(
        "vrrp_rlimit_rttime",
        G,
        "MICROSECONDS",
        V2_1,
        "Most real time that the VRRP process may use without sleeping.",
        |cx, l| {
            let n = rttime(cx, l, "vrrp")?;
            cx.model.global.vrrp_process.rlimit_rttime_us = n;
            Ok(())
        },
    )
    .support(FULL),
    Keyword::new(
        "vrrp_rlimit_rtime",
        G,
        "MICROSECONDS",
        V2_0,
        "Most real time that the VRRP process may use without sleeping.",
        |cx, l| {
            let n = rttime(cx, l, "vrrp")?;
            cx.model.global.vrrp_process.rlimit_rttime_us = n;
            Ok(())
        },
    )
    .support(FULL),
    Keyword::new(
        "nftables_ipvs",
        G,
        "[TABLE]",
        V2_2,
        "Marks packets of virtual server groups with an nftables table.",
        |cx, l| table(cx, l, "ipvs nftables", "keepalived_ipvs", |g| &mut g.nftables_ipvs),
    )
    .support(FULL),
    Keyword::new(
        "nftables_ipvs_priority",
        G,
        "PRIORITY",
        V2_2,
        "Where that table stands among other chains.",
        |cx, l| {
            match cx.int(l, 1, i32::MIN, i32::MAX, false)? {
                Some(n) => cx.model.global.nftables_ipvs_priority = n,
                None => {
                    cx.error("KA2020", l, 1, format!("invalid ipvs nftables chain priority '{}'", l.word(1)))
                }
            }
            Ok(())
        },
    ),
    Keyword::new("nftables_ipvs_start_fwmark", G, "N", V2_2, "First mark that table may use.", |cx, l| {
        match cx.unsigned(l, 1, 1, u32::MAX, false)? {
            Some(n) => cx.model.global.nftables_ipvs_start_fwmark = n,
            None => {
                let text = format!("invalid ipvs nftables start_fwmark priority '{}'", l.word(1));
                cx.error("KA2020", l, 1, text);
            }
        }
        Ok(())
    }),
    Keyword::new("nftables_counters", G, "", V2_0, "Counts in the nftables tables.", |cx, _| {
        cx.model.global.nftables_counters = true;
        Ok(())
    })
    .support(FULL),
    Keyword::new(
        "notify_fifo",
        G,
        "PATH [USER [GROUP]]",
        V1_3,
        "Named pipe that gets a line for each event of everything.",
        |cx, l| fifo(cx, l, "", |g| &mut g.notify_fifo),
    )
    .support(FULL),
    Keyword::new(
        "notify_fifo_script",
        G,
        "PROGRAM [USER [GROUP]]",
        V1_3,
        "Program started to read that pipe.",
        |cx, l| fifo_script(cx, l, "", |g| &mut g.notify_fifo),
    )
    .support(FULL),
    Keyword::new(
        "vrrp_notify_fifo",
        G,
        "PATH [USER [GROUP]]",
        V1_3,
        "Named pipe that gets a line for each event of instances and groups.",
        |cx, l| fifo(cx, l, "vrrp_", |g| &mut g.vrrp_notify_fifo),
    )
    .support(FULL),
    Keyword::new(
        "vrrp_notify_fifo_script",
        G,
        "PROGRAM [USER [GROUP]]",
        V1_3,
        "Program started to read that pipe.",
        |cx, l| fifo_script(cx, l, "vrrp_", |g| &mut g.vrrp_notify_fifo),
    )
    .support(FULL),
    Keyword::new(
        "lvs_notify_fifo",
        G,
        "PATH [USER [GROUP]]",
        V1_3,
        "Named pipe that gets a line for each event of servers.",
        |cx, l| fifo(cx, l, "lvs_", |g| &mut g.lvs_notify_fifo),
    )
    .support(FULL),
    Keyword::new(
        "lvs_notify_fifo_script",
        G,
        "PROGRAM [USER [GROUP]]",
        V1_3,
        "Program started to read that pipe.",
        |cx, l| fifo_script(cx, l, "lvs_", |g| &mut g.lvs_notify_fifo),
    )
    .support(FULL),
    Keyword::new(
        "vrrp_notify_priority_changes",
        G,
        "[BOOL]",
        V2_0,
        "Pipes get changes of priority too.",
        |cx, l| {
            if let Some(on) = global_switch(cx, l) {
                cx.global.notify_priority_changes = on;
                cx.model.global.notify_priority_changes = on;
            }
            Ok(())
        },
    )
    .support(FULL),
    Keyword::new(
        "fifo_write_vrrp_states_on_reload",
        G,
        "",
        V2_2,
        "Pipes get all states after a reload.",
        |cx, _| {
            cx.model.global.fifo_write_vrrp_states_on_reload = true;
            Ok(())
        },
    )
    .support(FULL),
    Keyword::new("checker_priority", G, "-20..19", V1_2, "Nice value of the health checker.", |cx, l| {
        let n = nice(cx, l, "checker")?;
        cx.model.global.checker_process.nice = Some(n);
        Ok(())
    })
    .support(TUNING),
    Keyword::new("checker_no_swap", G, "", V1_2, "Locks the memory of the health checker.", |cx, _| {
        cx.model.global.checker_process.no_swap = true;
        Ok(())
    })
    .support(TUNING),
    Keyword::new(
        "checker_rt_priority",
        G,
        "1..99",
        V2_0,
        "Real-time priority of the health checker.",
        |cx, l| {
            if let Some(n) = realtime(cx, l, "checker")? {
                cx.model.global.checker_process.rt_priority = Some(n);
            }
            Ok(())
        },
    )
    .support(TUNING),
    Keyword::new("checker_cpu_affinity", G, "CPU…", V2_0, "Processors of the health checker.", |cx, l| {
        let cpus = cpus(cx, l, "checker")?;
        cx.model.global.checker_process.cpus = cpus;
        Ok(())
    })
    .support(TUNING),
    Keyword::new(
        "checker_rlimit_rttime",
        G,
        "MICROSECONDS",
        V2_1,
        "Most real time that the health checker may use without sleeping.",
        |cx, l| {
            let n = rttime(cx, l, "checker")?;
            cx.model.global.checker_process.rlimit_rttime_us = n;
            Ok(())
        },
    )
    .support(TUNING),
    Keyword::new(
        "checker_rlimit_rtime",
        G,
        "MICROSECONDS",
        V2_0,
        "Most real time that the health checker may use without sleeping.",
        |cx, l| {
            let n = rttime(cx, l, "checker")?;
            cx.model.global.checker_process.rlimit_rttime_us = n;
            Ok(())
        },
    )
    .support(TUNING),
    Keyword::new("bfd_priority", G, "-20..19", V2_0, "Nice value of the BFD process.", |cx, l| {
        let n = nice(cx, l, "bfd")?;
        cx.model.global.bfd_process.nice = Some(n);
        Ok(())
    })
    .support(TUNING),
    Keyword::new("bfd_no_swap", G, "", V2_0, "Locks the memory of the BFD process.", |cx, _| {
        cx.model.global.bfd_process.no_swap = true;
        Ok(())
    })
    .support(TUNING),
    Keyword::new("bfd_rt_priority", G, "1..99", V2_0, "Real-time priority of the BFD process.", |cx, l| {
        if let Some(n) = realtime(cx, l, "bfd")? {
            cx.model.global.bfd_process.rt_priority = Some(n);
        }
        Ok(())
    })
    .support(TUNING),
    Keyword::new("bfd_cpu_affinity", G, "CPU…", V2_0, "Processors of the BFD process.", |cx, l| {
        let cpus = cpus(cx, l, "bfd")?;
        cx.model.global.bfd_process.cpus = cpus;
        Ok(())
    })
    .support(TUNING),
    Keyword::new(
        "bfd_rlimit_rttime",
        G,
        "MICROSECONDS",
        V2_1,
        "Most real time that the BFD process may use without sleeping.",
        |cx, l| {
            let n = rttime(cx, l, "bfd")?;
            cx.model.global.bfd_process.rlimit_rttime_us = n;
            Ok(())
        },
    )
    .support(TUNING),
    Keyword::new(
        "bfd_rlimit_rtime",
        G,
        "MICROSECONDS",
        V2_0,
        "Most real time that the BFD process may use without sleeping.",
        |cx, l| {
            let n = rttime(cx, l, "bfd")?;
            cx.model.global.bfd_process.rlimit_rttime_us = n;
            Ok(())
        },
    )
    .support(TUNING),
    Keyword::new("snmp_socket", G, "SOCKET", V1_2, "Where the SNMP agent is.", snmp_socket).support(SNMP),
    Keyword::new("enable_traps", G, "", V1_2, "Sends SNMP traps.", |cx, _| {
        cx.model.global.snmp.traps = true;
        Ok(())
    })
    .support(SNMP),
    Keyword::new("enable_snmp_vrrp", G, "", V2_0, "Answers SNMP about instances.", |cx, _| {
        cx.model.global.snmp.vrrp = true;
        Ok(())
    })
    .support(SNMP),
    Keyword::new("enable_snmp_keepalived", G, "", V1_2, "Answers SNMP about instances.", |cx, _| {
        cx.model.global.snmp.vrrp = true;
        Ok(())
    })
    .support(SNMP),
    Keyword::new("enable_snmp_rfcv2", G, "", V1_2, "Answers SNMP with the tables of RFC 2787.", |cx, _| {
        cx.model.global.snmp.rfc_v2 = true;
        Ok(())
    })
    .support(SNMP),
    Keyword::new("enable_snmp_rfcv3", G, "", V1_2, "Answers SNMP with the tables of RFC 6527.", |cx, _| {
        cx.model.global.snmp.rfc_v3 = true;
        Ok(())
    })
    .support(SNMP),
    Keyword::new("enable_snmp_checker", G, "", V1_2, "Answers SNMP about servers.", |cx, _| {
        cx.model.global.snmp.checker = true;
        Ok(())
    })
    .support(SNMP),
    Keyword::new("enable_snmp_rfc", G, "", V1_2, "Answers SNMP with the tables of both RFCs.", |cx, _| {
        cx.model.global.snmp.rfc_v2 = true;
        cx.model.global.snmp.rfc_v3 = true;
        Ok(())
    })
    .support(SNMP),
    Keyword::new(
        "snmp_vs_stats_update_interval",
        G,
        "SECONDS",
        V2_3,
        "How old the numbers given to SNMP may be.",
        |cx, l| {
            match cx.timer(l, 1, 1, 0, true)? {
                Some(n) => cx.model.global.snmp_vs_stats_update_interval_us = Some(n),
                None => cx.error(
                    "KA2020",
                    l,
                    1,
                    format!("snmp_vs_stats_update_interval '{}' is invalid", l.word(1)),
                ),
            }
            Ok(())
        },
    )
    .support(SNMP),
    Keyword::new(
        "snmp_rs_stats_update_interval",
        G,
        "SECONDS",
        V2_3,
        "How old the numbers given to SNMP may be.",
        |cx, l| {
            match cx.timer(l, 1, 1, 0, true)? {
                Some(n) => cx.model.global.snmp_rs_stats_update_interval_us = Some(n),
                None => cx.error(
                    "KA2020",
                    l,
                    1,
                    format!("snmp_rs_stats_update_interval '{}' is invalid", l.word(1)),
                ),
            }
            Ok(())
        },
    )
    .support(SNMP),
    Keyword::new("enable_dbus", G, "", V1_3, "Offers states over D-Bus.", |cx, _| {
        cx.model.global.enable_dbus = true;
        Ok(())
    })
    .support(DBUS),
    Keyword::new("dbus_service_name", G, "NAME", V1_3, "Name of the D-Bus service.", |cx, l| {
        named(cx, l, "dbus_service_name missing - ignoring", |cx, v| {
            cx.model.global.dbus_service_name = Some(v)
        })
    })
    .support(DBUS),
    Keyword::new(
        "dbus_no_interface_name",
        G,
        "NAME",
        V2_3,
        "What D-Bus calls instances without an interface.",
        |cx, l| {
            named(cx, l, "dbus_no_interface_name missing - ignoring", |cx, v| {
                cx.model.global.dbus_no_interface_name = Some(v)
            })
        },
    )
    .support(DBUS),
    Keyword::new(
        "script_user",
        G,
        "USER [GROUP]",
        V1_3,
        "Whom programs run as that name nobody.",
        script_user,
    )
    .support(FULL),
    Keyword::new(
        "enable_script_security",
        G,
        "",
        V1_3,
        "Does not start programs that others than root may change.",
        |cx, _| {
            cx.scripts.security = true;
            cx.model.global.enable_script_security = true;
            Ok(())
        },
    )
    .support(FULL),
    Keyword::new(
        "vrrp_netlink_cmd_rcv_bufs",
        G,
        "BYTES",
        V2_0,
        "Receive buffer of a netlink socket.",
        |cx, l| {
            if let Some(n) = rcv_bufs(cx, l)? {
                cx.model.global.vrrp_process.netlink_cmd_rcv.0 = Some(n);
            }
            Ok(())
        },
    )
    .support(TUNING),
    Keyword::new(
        "vrrp_netlink_cmd_rcv_bufs_force",
        G,
        "[BOOL]",
        V2_0,
        "Sets that buffer beyond the limit of the system.",
        |cx, l| {
            if let Some(on) = global_switch(cx, l) {
                cx.model.global.vrrp_process.netlink_cmd_rcv.1 = on;
            }
            Ok(())
        },
    )
    .support(TUNING),
    Keyword::new(
        "vrrp_netlink_monitor_rcv_bufs",
        G,
        "BYTES",
        V2_0,
        "Receive buffer of a netlink socket.",
        |cx, l| {
            if let Some(n) = rcv_bufs(cx, l)? {
                cx.model.global.vrrp_process.netlink_monitor_rcv.0 = Some(n);
            }
            Ok(())
        },
    )
    .support(TUNING),
    Keyword::new(
        "vrrp_netlink_monitor_rcv_bufs_force",
        G,
        "[BOOL]",
        V2_0,
        "Sets that buffer beyond the limit of the system.",
        |cx, l| {
            if let Some(on) = global_switch(cx, l) {
                cx.model.global.vrrp_process.netlink_monitor_rcv.1 = on;
            }
            Ok(())
        },
    )
    .support(TUNING),
    Keyword::new(
        "process_monitor_rcv_bufs",
        G,
        "BYTES",
        V2_0,
        "Receive buffer of the socket that reports processes.",
        |cx, l| {
            if let Some(n) = rcv_bufs(cx, l)? {
                cx.model.global.process_monitor_rcv.0 = Some(n);
            }
            Ok(())
        },
    )
    .support(TUNING),
    Keyword::new(
        "process_monitor_rcv_bufs_force",
        G,
        "[BOOL]",
        V2_0,
        "Sets that buffer beyond the limit of the system.",
        |cx, l| {
            if let Some(on) = global_switch(cx, l) {
                cx.model.global.process_monitor_rcv.1 = on;
            }
            Ok(())
        },
    )
    .support(TUNING),
    Keyword::new(
        "lvs_netlink_cmd_rcv_bufs",
        G,
        "BYTES",
        V2_0,
        "Receive buffer of a netlink socket.",
        |cx, l| {
            if let Some(n) = rcv_bufs(cx, l)? {
                cx.model.global.checker_process.netlink_cmd_rcv.0 = Some(n);
            }
            Ok(())
        },
    )
    .support(TUNING),
    Keyword::new(
        "lvs_netlink_cmd_rcv_bufs_force",
        G,
        "[BOOL]",
        V2_0,
        "Sets that buffer beyond the limit of the system.",
        |cx, l| {
            if let Some(on) = global_switch(cx, l) {
                cx.model.global.checker_process.netlink_cmd_rcv.1 = on;
            }
            Ok(())
        },
    )
    .support(TUNING),
    Keyword::new(
        "lvs_netlink_monitor_rcv_bufs",
        G,
        "BYTES",
        V2_0,
        "Receive buffer of a netlink socket.",
        |cx, l| {
            if let Some(n) = rcv_bufs(cx, l)? {
                cx.model.global.checker_process.netlink_monitor_rcv.0 = Some(n);
            }
            Ok(())
        },
    )
    .support(TUNING),
    Keyword::new(
        "lvs_netlink_monitor_rcv_bufs_force",
        G,
        "[BOOL]",
        V2_0,
        "Sets that buffer beyond the limit of the system.",
        |cx, l| {
            if let Some(on) = global_switch(cx, l) {
                cx.model.global.checker_process.netlink_monitor_rcv.1 = on;
            }
            Ok(())
        },
    )
    .support(TUNING),
    Keyword::new(
        "rs_init_notifies",
        G,
        "[BOOL]",
        V2_0,
        "Programs of servers are told of the state at start.",
        |cx, l| {
            if let Some(on) = global_switch(cx, l) {
                cx.model.global.rs_init_notifies = on;
            }
            Ok(())
        },
    )
    .support(FULL),
    Keyword::new("no_checker_emails", G, "[BOOL]", V2_0, "Single checks send no mail.", |cx, l| {
        if let Some(on) = global_switch(cx, l) {
            cx.global.no_checker_emails = on;
            cx.model.global.mail.no_checker_emails = on;
        }
        Ok(())
    })
    .support(FULL),
    Keyword::new(
        "vrrp_rx_bufs_policy",
        G,
        "MTU|ADVERT|BYTES",
        V2_0,
        "How receive buffers are sized.",
        rx_bufs_policy,
    )
    .support(BUFFERS),
    Keyword::new(
        "vrrp_rx_bufs_multiplier",
        G,
        "N",
        V2_0,
        "How many adverts a receive buffer holds.",
        rx_bufs_multiplier,
    )
    .support(BUFFERS),
    Keyword::new("vrrp_startup_delay", G, "SECONDS", V2_0, "Waits before instances begin.", startup_delay)
        .support(FULL),
    Keyword::new(
        "vrrp_delay_after_boot",
        G,
        "SECONDS",
        V2_4,
        "Waits so long after the machine started.",
        |cx, l| {
            match cx.timer(l, 1, 1000, u64::from(u32::MAX), true)? {
                Some(n) => cx.model.global.vrrp_delay_after_boot_us = Some(n),
                None => cx.error("KA2020", l, 1, format!("vrrp_delay_after_boot '{}' is invalid", l.word(1))),
            }
            Ok(())
        },
    )
    .support(FULL),
    Keyword::new(
        "log_unknown_vrids",
        G,
        "",
        V2_0,
        "Logs adverts of router ids that are not ours.",
        |cx, _| {
            cx.model.global.log_unknown_vrids = true;
            Ok(())
        },
    )
    .support(FULL),
    Keyword::new(
        "vrrp_owner_ignore_adverts",
        G,
        "[BOOL]",
        V2_3_3,
        "The owner of an address listens to nobody.",
        |cx, l| {
            if let Some(on) = global_switch(cx, l) {
                cx.model.global.vrrp_owner_ignore_adverts = on;
            }
            Ok(())
        },
    )
    .support(FULL),
    Keyword::new("vmac_prefix", G, "NAME", V2_2, "How names of interfaces that we make begin.", |cx, l| {
        let value = cx.arg(l, 1)?.to_owned();
        if cx.model.global.vmac_prefix.is_some() {
            cx.error("KA2040", l, 1, format!("vmac prefix has already been specified - ignoring {value}"));
        } else {
            cx.model.global.vmac_prefix = Some(value);
        }
        Ok(())
    })
    .support(FULL),
    Keyword::new(
        "vmac_addr_prefix",
        G,
        "NAME",
        V2_2,
        "How names of interfaces that we make for addresses begin.",
        |cx, l| {
            let value = cx.arg(l, 1)?.to_owned();
            if cx.model.global.vmac_addr_prefix.is_some() {
                cx.error(
                    "KA2040",
                    l,
                    1,
                    format!("vmac_addr prefix has already been specified - ignoring {value}"),
                );
            } else {
                cx.model.global.vmac_addr_prefix = Some(value);
            }
            Ok(())
        },
    )
    .support(FULL),
    Keyword::new("umask", G, "BITS", V2_0, "Permissions that new files do not get.", umask).support(FULL),
    Keyword::new("random_seed", G, "N", V2_0, "Makes random waits repeatable.", |cx, l| {
        match cx.unsigned(l, 1, 0, u32::MAX, false)? {
            Some(n) => cx.model.global.random_seed = Some(n),
            None => cx.error("KA2020", l, 1, format!("random_seed {} invalid", l.word(1))),
        }
        Ok(())
    })
    .support(no_effect("nothing that is random here decides anything")),
    Keyword::new(
        "reload_check_config",
        G,
        "[LOG_FILE]",
        V2_2,
        "Tests a configuration before it is loaded again.",
        |cx, l| {
            cx.model.global.reload_check_config = Some(l.get(1).unwrap_or("/dev/null").to_owned());
            Ok(())
        },
    )
    .support(FULL),
    Keyword::new(
        "reload_time_file",
        G,
        "PATH",
        V2_1,
        "File holding the time of a planned reload.",
        |cx, l| {
            if l.len() == 2 {
                cx.model.global.reload_time_file = Some(l.word(1).to_owned());
            } else {
                cx.error("KA2022", l, 0, "reload_time_file invalid");
            }
            Ok(())
        },
    )
    .support(FULL),
    Keyword::new("reload_repeat", G, "", V2_1, "Planned reloads repeat every day.", |cx, _| {
        cx.model.global.reload_repeat = true;
        Ok(())
    })
    .support(FULL),
    Keyword::new(
        "reload_file",
        G,
        "[PATH]",
        V2_2,
        "File that exists while a configuration is being read.",
        |cx, l| {
            cx.model.global.reload_file = Some(l.word(1).to_owned());
            Ok(())
        },
    )
    .support(FULL),
    Keyword::new(
        "include_check",
        G,
        "[OPTIONS]",
        V2_2,
        "What every include insists on from here on.",
        |cx, l| {
            let words: Vec<String> = l.iter().skip(1).map(str::to_owned).collect();
            cx.insist(l, &words);
            Ok(())
        },
    )
    .support(rha_vocab::Support::Full),
    Keyword::new(
        "config_save_dir",
        G,
        "DIRECTORY",
        V2_2,
        "Keeps a copy of each configuration read, and the state before and after each reload.",
        |cx, l| {
            let name = cx.arg(l, 1)?.to_owned();
            match cx.input.machine.stat(&name, true) {
                Ok(s) if s.kind != crate::FileKind::Directory => {
                    cx.error("KA1011", l, 1, format!("config_save_dir {name} exists and is not a directory"));
                }
                _ => cx.model.global.config_save_dir = Some(name.trim_end_matches('/').to_owned()),
            }
            Ok(())
        },
    )
    .support(partial("the state of virtual servers is not kept")),
    Keyword::new(
        "tmp_config_directory",
        G,
        "DIRECTORY",
        V2_2,
        "Where the copy for other processes is kept.",
        |cx, l| {
            if cx.model.global.tmp_config_directory.is_some() {
                cx.error("KA2040", l, 0, format!("{} already specified - ignoring", l.word(0)));
            } else if let Some(name) = l.get(1) {
                cx.model.global.tmp_config_directory = Some(name.to_owned());
            } else {
                cx.error("KA2030", l, 0, format!("{} missing directory name", l.word(0)));
            }
            Ok(())
        },
    )
    .support(rha_vocab::Support::NoEffect("one process reads the files once")),
    Keyword::new(
        "data_use_instance",
        G,
        "[BOOL]",
        V2_2,
        "Names of dump files carry the name of this daemon.",
        |cx, l| {
            let said = |v: &str| format!("Invalid value '{v}' for global date_use_instance specified");
            if let Some(on) = cx.optional_switch(l, said) {
                cx.model.global.data_use_instance = on;
            }
            Ok(())
        },
    )
    .support(FULL),
    Keyword::new("json_version", G, "1|2", V2_2_8, "Layout of the JSON dump.", |cx, l| {
        match cx.unsigned(l, 1, 1, 2, true)? {
            Some(n) => cx.model.global.json_version = u8::try_from(n).unwrap_or(1),
            None => cx.error("KA2020", l, 1, format!("Invalid JSON version '{}'", l.word(1))),
        }
        Ok(())
    })
    .support(FULL),
    Keyword::new("iproute_usr_dir", G, "PATH", V2_3_2, "Where iproute2 keeps its names.", |cx, l| {
        let path = cx.arg(l, 1)?.to_owned();
        cx.model.global.iproute_usr_dir = Some(path);
        Ok(())
    })
    .support(FULL),
    Keyword::new(
        "iproute_etc_dir",
        G,
        "PATH",
        V2_3_2,
        "Where the administrator keeps names for iproute2.",
        |cx, l| {
            let path = cx.arg(l, 1)?.to_owned();
            cx.model.global.iproute_etc_dir = Some(path);
            Ok(())
        },
    )
    .support(FULL),
    Keyword::new("state_dump_file", G, "PATH", V2_3_3, "Where the state dump goes.", |cx, l| {
        let path = cx.arg(l, 1)?.to_owned();
        cx.model.global.state_dump_file = Some(path);
        Ok(())
    })
    .support(FULL),
    Keyword::new("stats_dump_file", G, "PATH", V2_3_3, "Where the statistics dump goes.", |cx, l| {
        let path = cx.arg(l, 1)?.to_owned();
        cx.model.global.stats_dump_file = Some(path);
        Ok(())
    })
    .support(FULL),
    Keyword::new("json_dump_file", G, "PATH", V2_3_3, "Where the JSON dump goes.", |cx, l| {
        let path = cx.arg(l, 1)?.to_owned();
        cx.model.global.json_dump_file = Some(path);
        Ok(())
    })
    .support(FULL),
    Keyword::part(
        "inst",
        Place::SYNC_DAEMON,
        "INSTANCE",
        "Follows the state of this instance.",
        "lvs_sync_daemon",
    ),
    Keyword::part("id", Place::SYNC_DAEMON, "0..255", "Number of the daemon.", "lvs_sync_daemon"),
    Keyword::part("maxlen", Place::SYNC_DAEMON, "1..65507", "Longest packet.", "lvs_sync_daemon"),
    Keyword::part("port", Place::SYNC_DAEMON, "1..65535", "Port.", "lvs_sync_daemon"),
    Keyword::part("ttl", Place::SYNC_DAEMON, "1..255", "Time to live.", "lvs_sync_daemon"),
    Keyword::part("group", Place::SYNC_DAEMON, "ADDRESS", "Group the packets go to.", "lvs_sync_daemon"),
    Keyword::part("tcp", Place::LVS_TIMEOUTS, "SECONDS", "Idle connections.", "lvs_timeouts"),
    Keyword::part("tcpfin", Place::LVS_TIMEOUTS, "SECONDS", "Connections after a FIN.", "lvs_timeouts"),
    Keyword::part("udp", Place::LVS_TIMEOUTS, "SECONDS", "Idle flows of UDP.", "lvs_timeouts"),
    Keyword::part("ADDRESS", Place::EMAIL, "", "A recipient.", "notification_email").support(FULL),
];

/// A word that must be there, or a complaint that does not end the run.
fn named(cx: &mut Cx<'_>, line: &Line, missing: &str, set: fn(&mut Cx<'_>, String)) -> Flow {
    match line.get(1) {
        Some(value) => set(cx, value.to_owned()),
        None => cx.error("KA2030", line, 0, missing),
    }
    Ok(())
}

/// `keyword [BOOL]` with the complaint most of them share.
fn global_switch(cx: &mut Cx<'_>, line: &Line) -> Option<bool> {
    let keyword = line.word(0).to_owned();
    cx.optional_switch(line, |v| format!("Invalid value '{v}' for global {keyword} specified"))
}

fn net_namespace(cx: &mut Cx<'_>, line: &Line) -> Flow {
    match line.get(1) {
        None => cx.error("KA2030", line, 0, "net_namespace name missing - ignoring"),
        Some(name) if cx.model.global.net_namespace.is_some() => {
            cx.error("KA2040", line, 1, format!("Duplicate net_namespace definition {name} - ignoring"));
        }
        Some(name) => {
            cx.model.global.net_namespace = Some(name.to_owned());
            cx.model.global.use_pid_dir = true;
        }
    }
    Ok(())
}

fn net_namespace_ipvs(cx: &mut Cx<'_>, line: &Line) -> Flow {
    if cx.model.global.net_namespace_ipvs.is_some() {
        let name = cx.arg(line, 1)?;
        cx.error("KA2040", line, 1, format!("Duplicate net_namespace_ipvs definition {name} - ignoring"));
    } else {
        cx.model.global.net_namespace_ipvs = Some(line.word(1).to_owned());
    }
    Ok(())
}

fn instance(cx: &mut Cx<'_>, line: &Line) -> Flow {
    match line.get(1) {
        None => cx.error("KA2030", line, 0, "instance name missing - ignoring"),
        Some(name) if cx.model.global.instance.is_some() => {
            cx.error("KA2040", line, 1, format!("Duplicate instance definition {name} - ignoring"));
        }
        Some(name) => {
            cx.model.global.instance = Some(name.to_owned());
            cx.model.global.use_pid_dir = true;
        }
    }
    Ok(())
}

fn child_wait_time(cx: &mut Cx<'_>, line: &Line) -> Flow {
    match cx.unsigned(line, 1, 0, u32::MAX, false)? {
        Some(n) => cx.model.global.child_wait_time = n,
        None => cx.error("KA2020", line, 1, format!("Invalid child_wait_time {}", line.word(1))),
    }
    Ok(())
}

/// A name that fits a process, cut to 15 bytes.
fn process_name(cx: &mut Cx<'_>, line: &Line) -> Flow<String> {
    let name = cx.arg(line, 1)?;
    if name.len() < 16 {
        return Ok(name.to_owned());
    }
    cx.error("KA2022", line, 1, format!("Process name {name} more than 15 characters, truncating"));
    let cut = (0..=15).rev().find(|i| name.is_char_boundary(*i)).unwrap_or(0);
    Ok(name.get(..cut).unwrap_or_default().to_owned())
}

fn smtp_server(cx: &mut Cx<'_>, line: &Line) -> Flow {
    let host = cx.arg(line, 1)?.to_owned();
    let port = line.get(2).unwrap_or("25").to_owned();
    let mut found = None;
    // COMPAT: what has '-' or '/' in it can only be a name.
    if !host.contains(['-', '/']) {
        found = cx.socket_address(line, 2, &host, &port);
    }
    if found.is_none() {
        let port = cx.unsigned_of(line, 2, &port, 1, 65535, true).and_then(|n| u16::try_from(n).ok());
        found = port.and_then(|n| cx.input.machine.resolve(&host, n));
    }
    if found.is_none() {
        cx.error("KA2023", line, 1, format!("Invalid smtp server {host} {port}"));
    }
    cx.model.global.mail.server = found;
    Ok(())
}

fn smtp_connect_timeout(cx: &mut Cx<'_>, line: &Line) -> Flow {
    match cx.unsigned(line, 1, 0, MOST_SECONDS, true)? {
        None => {
            let text =
                format!("smtp_connect_timeout '{}' must be in [0, {MOST_SECONDS}] - ignoring", line.word(1));
            cx.error("KA2020", line, 1, text);
        }
        Some(n) => {
            if n == 0 {
                cx.error("KA2020", line, 1, "smtp_conect_timeout must be greater than 0, setting to 1");
            }
            cx.model.global.mail.connect_timeout_us = Some(u64::from(n.max(1)) * SECOND);
        }
    }
    Ok(())
}

fn start_stop(cx: &mut Cx<'_>, line: &Line, start: bool) -> Flow {
    let kind = if start { "startup" } else { "shutdown" };
    let g = &cx.model.global;
    let there = if start { g.startup_script.is_some() } else { g.shutdown_script.is_some() };
    if there {
        cx.error("KA2040", line, 0, format!("{kind} script already specified"));
        return Ok(());
    }
    if line.len() < 2 {
        cx.error("KA2030", line, 0, format!("{kind} script missing"));
        return Ok(());
    }
    let Some(command) = cx.command(line, kind)? else {
        cx.error("KA3014", line, 1, format!("Invalid {kind} script"));
        return Ok(());
    };
    cx.global.scripts = true;
    if start {
        cx.model.global.startup_script = Some(command);
    } else {
        cx.model.global.shutdown_script = Some(command);
    }
    Ok(())
}

fn start_stop_timeout(cx: &mut Cx<'_>, line: &Line, start: bool) -> Flow {
    let kind = if start { "startup" } else { "shutdown" };
    if line.len() < 2 {
        cx.error("KA2030", line, 0, format!("{kind}_script_timeout requires value"));
        return Ok(());
    }
    let Some(n) = cx.unsigned(line, 1, 1, 1000, true)? else {
        let text = format!("{kind}_script_timeout '{}' must be in [1, 1000] - ignoring", line.word(1));
        cx.error("KA2020", line, 1, text);
        return Ok(());
    };
    if start {
        cx.global.startup_timeout = Some(n);
    } else {
        cx.global.shutdown_timeout = Some(n);
    }
    Ok(())
}

fn max_auto_priority(cx: &mut Cx<'_>, line: &Line) -> Flow {
    if line.len() < 2 {
        cx.model.global.max_auto_priority = Some(99);
        return Ok(());
    }
    match cx.int(line, 1, -1, 99, true)? {
        Some(n) => cx.model.global.max_auto_priority = Some(n),
        None => {
            let text = format!(
                "max_auto_priority '{}' must be in [0, 99] (or -1 to disable) - ignoring",
                line.word(1)
            );
            cx.error("KA2020", line, 1, text);
        }
    }
    Ok(())
}

fn min_auto_priority_delay(cx: &mut Cx<'_>, line: &Line) -> Flow {
    if line.len() < 2 {
        cx.error("KA2030", line, 0, "min_auto_priority_delay requires delay time");
        return Ok(());
    }
    match cx.int(line, 1, 1, 10_000_000, true)? {
        Some(n) => cx.model.global.min_auto_priority_delay_us = u64::try_from(n).ok(),
        None => {
            let text =
                format!("min_auto_priority_delay '{}' must be in [1, 10000000] - ignoring", line.word(1));
            cx.error("KA2020", line, 1, text);
        }
    }
    Ok(())
}

fn dynamic_interfaces(cx: &mut Cx<'_>, line: &Line) -> Flow {
    let g = &mut cx.model.global;
    if g.dynamic_interfaces == DynamicInterfaces::No {
        g.dynamic_interfaces = DynamicInterfaces::Yes;
    }
    match line.get(1) {
        None => {}
        Some("allow_if_changes") => g.dynamic_interfaces = DynamicInterfaces::AllowChanges,
        Some(other) => cx.error("KA2022", line, 1, format!("Unknown dynamic_interfaces option '{other}'")),
    }
    Ok(())
}

fn lvs_timeouts(cx: &mut Cx<'_>, line: &Line) -> Flow {
    /// 31 days.
    const MOST: u32 = 86400 * 31;
    if line.len() < 3 {
        cx.error("KA2030", line, 0, "lvs_timeouts requires at least one option");
        return Ok(());
    }
    let mut i = 1;
    while let Some(word) = line.get(i) {
        if !matches!(word, "tcp" | "tcpfin" | "udp") {
            cx.error("KA2022", line, i, format!("Unknown option {word} specified for lvs_timeouts"));
            i += 1;
            continue;
        }
        if i == line.len() - 1 {
            cx.error("KA2030", line, i, format!("No value specified for lvs_timeout {word} - ignoring"));
            break;
        }
        let value = cx.unsigned(line, i + 1, 0, MOST, false)?;
        if value.is_none() {
            let text = format!("Invalid lvs_timeout {word} ({}) - ignoring", line.word(i + 1));
            cx.error("KA2020", line, i + 1, text);
        } else {
            let t = &mut cx.model.global.lvs_timeouts;
            match word {
                "tcp" => t.tcp = value,
                "tcpfin" => t.tcpfin = value,
                _ => t.udp = value,
            }
        }
        i += 2;
    }
    Ok(())
}

fn lvs_flush_on_stop(cx: &mut Cx<'_>, line: &Line) -> Flow {
    cx.model.global.lvs_flush_on_stop = match line.get(1) {
        None => LvsFlush::All,
        Some("VS") => LvsFlush::VirtualServers,
        Some(other) => {
            cx.error("KA2022", line, 1, format!("Unknown lvs_flush_on_stop type {other}"));
            return Ok(());
        }
    };
    Ok(())
}

fn lvs_sync_daemon(cx: &mut Cx<'_>, line: &Line) -> Flow {
    if let Some(d) = &cx.model.global.lvs_sync_daemon {
        let text = format!(
            "lvs_sync_daemon has already been specified as {} {} - ignoring",
            d.interface,
            d.instance.as_deref().unwrap_or_default()
        );
        cx.error("KA2040", line, 0, text);
        return Ok(());
    }
    let Some(interface) = line.get(1) else {
        cx.error("KA2030", line, 0, "lvs_sync_daemon requires interface");
        return Ok(());
    };
    if interface.len() >= 16 {
        let text = format!("lvs_sync_daemon interface name '{interface}' too long - ignoring");
        cx.error("KA2022", line, 1, text);
        return Ok(());
    }
    let mut d = LvsSyncDaemon { interface: interface.to_owned(), ..LvsSyncDaemon::default() };
    let mut i = 2;
    while let Some(word) = line.get(i) {
        let last = i == line.len() - 1;
        match word {
            "inst" => {
                let name = cx.arg(line, i + 1)?;
                match &d.instance {
                    Some(old) => {
                        let text = format!(
                            "lvs_sync_daemon vrrp instance has already been specified as {old} - ignoring"
                        );
                        cx.error("KA2040", line, i, text);
                    }
                    None => d.instance = Some(name.to_owned()),
                }
            }
            "id" | "maxlen" | "port" | "ttl" | "group" if last => {
                let what = if word == "id" { "defaulting to vrid" } else { "ignoring" };
                let sep = if word == "id" { ", " } else { " - " };
                let text = format!("No value specified for lvs_sync_daemon {word}{sep}{what}");
                cx.error("KA2030", line, i, text);
            }
            "id" | "maxlen" | "port" | "ttl" => sync_number(cx, line, i, word, &mut d)?,
            "group" => {
                let text = line.word(i + 1);
                match values::address_only(text) {
                    None => {
                        let text = format!("Invalid lvs_sync_daemon group ({text}) - ignoring");
                        cx.error("KA2023", line, i + 1, text);
                    }
                    Some(a) if !a.is_multicast() => {
                        let text =
                            format!("lvs_sync_daemon group address {text} is not multicast - ignoring");
                        cx.error("KA2023", line, i + 1, text);
                    }
                    a => d.group = a,
                }
            }
            // COMPAT: the older form is `lvs_sync_daemon INTERFACE INSTANCE [ID]`.
            name if i == 2 => {
                d.instance = Some(name.to_owned());
                i += 1;
                continue;
            }
            _ if i == 3 => {
                match cx.unsigned(line, 3, 0, 255, false)? {
                    None => {
                        let text = format!("Invalid syncid ({}) - defaulting to vrid", line.word(3));
                        cx.error("KA2020", line, 3, text);
                    }
                    Some(n) => {
                        cx.error(
                            "KA4101",
                            line,
                            3,
                            "Please use keyword \"id\" before lvs_sync_daemon SYNCID",
                        );
                        d.id = u8::try_from(n).ok();
                    }
                }
                i += 1;
                continue;
            }
            other => {
                cx.error("KA2022", line, i, format!("Unknown option {other} specified for lvs_sync_daemon"));
                i += 1;
                continue;
            }
        }
        i += 2;
    }
    cx.model.global.lvs_sync_daemon = Some(d);
    Ok(())
}

fn sync_number(cx: &mut Cx<'_>, line: &Line, i: usize, word: &str, d: &mut LvsSyncDaemon) -> Flow {
    let (low, high) = match word {
        "id" => (0, 255),
        "maxlen" => (1, 65535 - 20 - 8),
        "port" => (1, 65535),
        _ => (1, 255),
    };
    let Some(n) = cx.unsigned(line, i + 1, low, high, false)? else {
        let value = line.word(i + 1);
        let text = match word {
            "id" => format!("Invalid syncid ({value}) - defaulting to vrid"),
            _ => format!("Invalid lvs_sync_daemon {word} ({value}) - ignoring"),
        };
        cx.error("KA2020", line, i + 1, text);
        return Ok(());
    };
    match word {
        "id" => d.id = u8::try_from(n).ok(),
        "maxlen" => d.max_len = u16::try_from(n).ok(),
        "port" => d.port = u16::try_from(n).ok(),
        _ => d.ttl = u8::try_from(n).ok(),
    }
    Ok(())
}

fn mcast_group4(cx: &mut Cx<'_>, line: &Line) -> Flow {
    let text = cx.arg(line, 1)?.to_owned();
    match values::address_only(&text) {
        None => cx.error("KA2023", line, 1, format!("Can't parse vrrp_mcast_group4 [{text}]. Skipping")),
        Some(std::net::IpAddr::V4(a)) if a.is_multicast() => cx.model.global.vrrp_mcast_group4 = a,
        Some(std::net::IpAddr::V4(_)) => {
            cx.error("KA2023", line, 1, format!("vrrp_mcast_group4 [{text}] is not multicast. Skipping"));
        }
        Some(_) => cx.error("KA2023", line, 1, format!("vrrp_mcast_group4 [{text}] is not IPv4. Skipping")),
    }
    Ok(())
}

fn mcast_group6(cx: &mut Cx<'_>, line: &Line) -> Flow {
    let text = cx.arg(line, 1)?.to_owned();
    match values::address_only(&text) {
        None => cx.error("KA2023", line, 1, format!("Can't parse vrrp_mcast_group6 [{text}]. Skipping")),
        Some(std::net::IpAddr::V6(a)) if a.is_multicast() => {
            if a.segments()[0] & 0xf != 2 {
                let text = format!("vrrp_mcast_group6 [{text}] should be link-local multicast.");
                cx.warn("KA2023", line, 1, text);
            }
            cx.model.global.vrrp_mcast_group6 = a;
        }
        Some(std::net::IpAddr::V6(_)) => {
            cx.error("KA2023", line, 1, format!("vrrp_mcast_group6 [{text}] is not multicast. Skipping"));
        }
        Some(_) => cx.error("KA2023", line, 1, format!("vrrp_mcast_group6 [{text}] is not IPv6. Skipping")),
    }
    Ok(())
}

/// A number with its own complaint, in which `{v}` stands for the value.
fn garp_number(cx: &mut Cx<'_>, line: &Line, most: u32, said: &str) -> Flow<Option<u32>> {
    let n = cx.unsigned(line, 1, 0, most, true)?;
    if n.is_none() {
        cx.error("KA2020", line, 1, said.replace("{v}", line.word(1)));
    }
    Ok(n)
}

/// A number of packets; 0 was allowed once and means 1.
fn garp_repeat(cx: &mut Cx<'_>, line: &Line) -> Flow<Option<u32>> {
    let keyword = line.word(0).to_owned();
    let n = garp_number(cx, line, u32::MAX, &format!("{keyword} '{{v}}' invalid - ignoring"))?;
    if n == Some(0) {
        cx.error("KA2020", line, 1, format!("{keyword} must be greater than 0, setting to 1"));
    }
    Ok(n.map(|n| n.max(1)))
}

/// A short time between packets.
fn interval(cx: &mut Cx<'_>, line: &Line) -> Flow<Option<u32>> {
    let n = cx.fraction(line, 1, 1, u64::from(u32::MAX), 6, true)?;
    match n {
        None => cx.error("KA2020", line, 1, format!("{} '{}' is invalid", line.word(0), line.word(1))),
        Some(n) if n >= SECOND => {
            let text = format!("The {} is very large - {} seconds", line.word(0), line.word(1));
            cx.remark("KA3007", line.at(1), text);
        }
        Some(_) => {}
    }
    Ok(n.and_then(|n| u32::try_from(n).ok()))
}

fn min_garp(cx: &mut Cx<'_>, line: &Line) -> Flow {
    let on = cx.optional_switch(line, |_| "Invalid value for vrrp_min_garp specified".to_owned());
    if on == Some(true) {
        let (old, g) = (State::default(), &mut cx.global);
        if g.garp_repeat == old.garp_repeat {
            g.garp_repeat = 1;
        }
        if g.garp_refresh_repeat == old.garp_refresh_repeat {
            g.garp_refresh_repeat = 0;
        }
        if g.garp_delay_us == old.garp_delay_us {
            g.garp_delay_us = 0;
        }
    }
    Ok(())
}

fn garp_extra_if(cx: &mut Cx<'_>, line: &Line) -> Flow {
    let keyword = line.word(0).to_owned();
    if keyword == "vrrp_vmac_garp_intvl" {
        let text = "Keyword \"vrrp_vmac_garp_intvl\" is deprecated - please use \"vrrp_garp_extra_if\"";
        cx.warn("KA4101", line, 0, text);
    }
    let mut seconds = 0;
    for i in 1..line.len() {
        if line.word(i) == "all" {
            cx.global.extra_if_all = true;
        } else if let Some(n) = cx.unsigned(line, i, 1, 86400, true)? {
            seconds = n;
        } else {
            cx.error("KA2020", line, i, format!("{keyword} '{}' invalid - ignoring", line.word(i)));
            return Ok(());
        }
    }
    if seconds == 0 {
        cx.error("KA2030", line, 0, format!("{keyword} specified without time - ignoring"));
    } else {
        cx.global.extra_if_us = u64::from(seconds) * SECOND;
    }
    Ok(())
}

/// COMPAT: as the build we compare with, which has no iptables: said each time, and nftables instead.
fn iptables(cx: &mut Cx<'_>, line: &Line) -> Flow {
    let said = "iptables not supported, using nftables instead. Please replace 'vrrp_iptables and 'vrrp_ipsets' with 'nftables' config option";
    cx.error("KA4101", line, 0, said);
    cx.model.global.nftables = Some("keepalived".to_owned());
    cx.model.global.nftables_priority = -1;
    Ok(())
}

fn table(
    cx: &mut Cx<'_>,
    line: &Line,
    what: &str,
    default: &str,
    field: fn(&mut rha_ir::failover::FailoverGlobal) -> &mut Option<String>,
) -> Flow {
    if field(&mut cx.model.global).is_some() {
        cx.error("KA2040", line, 0, format!("{what} already specified - ignoring"));
    } else if line.word(1).len() >= 256 {
        cx.error("KA2022", line, 1, format!("{what} table name too long - ignoring"));
    } else {
        *field(&mut cx.model.global) = Some(line.get(1).unwrap_or(default).to_owned());
    }
    Ok(())
}

fn nice(cx: &mut Cx<'_>, line: &Line, process: &str) -> Flow<i8> {
    if line.len() < 2 {
        cx.error("KA2030", line, 0, format!("No {process} process priority specified"));
        return Ok(0);
    }
    let n = cx.int(line, 1, -20, 19, true)?;
    if n.is_none() {
        cx.error("KA2020", line, 1, format!("Invalid {process} process priority specified"));
    }
    Ok(n.and_then(|n| i8::try_from(n).ok()).unwrap_or(0))
}

fn realtime(cx: &mut Cx<'_>, line: &Line, process: &str) -> Flow<Option<u8>> {
    if line.len() < 2 {
        cx.error("KA2030", line, 0, format!("No {process} process real-time priority specified"));
        return Ok(None);
    }
    let Some(n) = cx.int(line, 1, i32::MIN, i32::MAX, true)? else {
        let text = format!("{process} process real-time priority '{}' invalid", line.word(1));
        cx.error("KA2020", line, 1, text);
        return Ok(None);
    };
    let limit = match n {
        n if n < 1 => Some(("less than minimum 1 - setting to minimum", 1)),
        n if n > 99 => Some(("greater than maximum 99 - setting to maximum", 99)),
        _ => None,
    };
    if let Some((said, value)) = limit {
        cx.error("KA2020", line, 1, format!("{process} process real-time priority {n} {said}"));
        return Ok(Some(value));
    }
    Ok(u8::try_from(n).ok())
}

fn cpus(cx: &mut Cx<'_>, line: &Line, process: &str) -> Flow<CpuList> {
    if line.len() < 2 {
        cx.error("KA2030", line, 0, format!("No {process} cpu_id set specified"));
        return Ok(CpuList::default());
    }
    let most = i32::try_from(cx.input.machine.processors()).unwrap_or(i32::MAX).saturating_sub(1);
    let mut all = Vec::new();
    for i in 1..line.len() {
        let Some(n) = cx.int(line, i, 0, most, true)? else {
            let shown = crate::number::leading_int(line.word(i));
            cx.error("KA2020", line, i, format!("Invalid cpu_id:{shown} specified for {process} process"));
            return Ok(CpuList::default());
        };
        all.extend(u32::try_from(n));
    }
    Ok(CpuList(all))
}

fn rttime(cx: &mut Cx<'_>, line: &Line, process: &str) -> Flow<Option<u64>> {
    if line.word(0).ends_with("_rtime") {
        let stem = line.word(0).strip_suffix("rtime").unwrap_or_default();
        let text = format!("Keyword '{}' is deprecated - please use '{stem}rttime'", line.word(0));
        cx.remark("KA4101", line.at(0), text);
    }
    let n = cx.unsigned(line, 1, 1, u32::MAX, true)?;
    if n.is_none() {
        cx.error("KA2020", line, 1, format!("Invalid {process} real-time limit - {}", line.word(1)));
    }
    Ok(n.map(|n| u64::from(n.max(2))))
}

fn fifo(
    cx: &mut Cx<'_>,
    line: &Line,
    kind: &str,
    field: fn(&mut rha_ir::failover::FailoverGlobal) -> &mut Option<Fifo>,
) -> Flow {
    let Some(path) = line.get(1) else {
        cx.error("KA2030", line, 0, format!("No {kind}notify_fifo name specified"));
        return Ok(());
    };
    if field(&mut cx.model.global).as_ref().is_some_and(|f| !f.path.is_empty()) {
        cx.error("KA2040", line, 1, format!("{kind}notify_fifo already specified - ignoring {path}"));
        return Ok(());
    }
    let owner = match line.get(2) {
        Some(user) => cx.user(user, line.get(3), line.at(2)),
        None => cx.default_user(line),
    };
    if owner.is_none() {
        cx.remark("KA3016", line.at(1), format!("Invalid user/group for {kind} fifo {path} - ignoring"));
        return Ok(());
    }
    let slot = field(&mut cx.model.global);
    let script = slot.take().and_then(|f| f.script);
    *slot = Some(Fifo { path: path.to_owned(), owner, script, origin: line.at(1) });
    Ok(())
}

fn fifo_script(
    cx: &mut Cx<'_>,
    line: &Line,
    kind: &str,
    field: fn(&mut rha_ir::failover::FailoverGlobal) -> &mut Option<Fifo>,
) -> Flow {
    let Some(program) = line.get(1) else {
        cx.error("KA2030", line, 0, format!("No {kind}notify_fifo_script specified"));
        return Ok(());
    };
    if field(&mut cx.model.global).as_ref().is_some_and(|f| f.script.is_some()) {
        let text = format!("{kind}notify_fifo_script already specified - ignoring {program}");
        cx.error("KA2040", line, 1, text);
        return Ok(());
    }
    let Some(mut command) = cx.command(line, &format!("{kind}notify_fifo"))? else { return Ok(()) };
    let slot = field(&mut cx.model.global);
    let fifo = slot.get_or_insert_with(|| Fifo {
        path: String::new(),
        owner: None,
        script: None,
        origin: line.at(1),
    });
    command.origin = line.at(1);
    fifo.script = Some(command);
    Ok(())
}

fn snmp_socket(cx: &mut Cx<'_>, line: &Line) -> Flow {
    if line.len() > 2 {
        cx.error("KA2022", line, 2, "Too many parameters specified for snmp_socket - ignoring");
    } else if line.len() < 2 {
        cx.error("KA2030", line, 0, "SNMP error : snmp socket name missing");
    } else if line.word(1).len() > 4095 {
        cx.error("KA2022", line, 1, "SNMP error : snmp socket name too long - ignored");
    } else if let Some(old) = cx.model.global.snmp.socket.clone() {
        cx.error("KA2040", line, 1, format!("SNMP socket already set to {old} - ignoring"));
    } else {
        cx.model.global.snmp.socket = Some(line.word(1).to_owned());
    }
    Ok(())
}

fn script_user(cx: &mut Cx<'_>, line: &Line) -> Flow {
    let Some(name) = line.get(1) else {
        cx.error("KA2030", line, 0, "No script username specified");
        return Ok(());
    };
    if !cx.set_default_user(name, line.get(2), line.at(1)) {
        cx.error("KA3016", line, 1, "Error setting global script uid/gid");
        if let Some(d) = cx.log.last() {
            d.help = Some(format!("the user '{name}' (or its group) does not exist on this machine"));
        }
    }
    Ok(())
}

fn rcv_bufs(cx: &mut Cx<'_>, line: &Line) -> Flow<Option<u32>> {
    let keyword = line.word(0).to_owned();
    if line.len() < 2 {
        cx.error("KA2030", line, 0, format!("{keyword} size missing"));
        return Ok(None);
    }
    let n = cx.unsigned(line, 1, 0, u32::MAX, false)?;
    if n.is_none() {
        cx.error("KA2020", line, 1, format!("{keyword} size ({}) invalid", line.word(1)));
    }
    Ok(n.filter(|n| *n > 0))
}

fn rx_bufs_policy(cx: &mut Cx<'_>, line: &Line) -> Flow {
    if line.len() < 2 {
        cx.error("KA2030", line, 0, "vrrp_rx_bufs_policy missing");
        return Ok(());
    }
    for i in 1..line.len() {
        let word = line.word(i);
        if word.eq_ignore_ascii_case("MTU") {
            cx.global.rx_mtu = true;
        } else if word.eq_ignore_ascii_case("ADVERT") {
            cx.global.rx_advert = true;
        } else if let Some(n) = cx.unsigned(line, 1, 0, u32::MAX, false)? {
            cx.global.rx_size = Some(n);
        } else {
            cx.error("KA2020", line, i, format!("Invalid vrrp_rx_bufs_policy {word}"));
        }
    }
    let named = cx.global.rx_mtu || cx.global.rx_advert;
    if cx.global.rx_size.is_some() && named {
        cx.error("KA2022", line, 1, "Cannot set vrrp_rx_bufs_policy size and policy, ignoring policy");
        (cx.global.rx_mtu, cx.global.rx_advert) = (false, false);
    } else if cx.global.rx_mtu && cx.global.rx_advert {
        cx.error("KA2022", line, 1, "Cannot set both vrrp_rx_bufs_policy MTU and ADVERT, ignoring ADVERT");
        cx.global.rx_advert = false;
    }
    cx.model.global.vrrp_rx_bufs_policy = match (cx.global.rx_size, cx.global.rx_mtu, cx.global.rx_advert) {
        (Some(n), ..) => Some(RxBufferPolicy::Size(n)),
        (None, true, _) => Some(RxBufferPolicy::Mtu),
        (None, false, true) => Some(RxBufferPolicy::Advert),
        _ => None,
    };
    Ok(())
}

fn rx_bufs_multiplier(cx: &mut Cx<'_>, line: &Line) -> Flow {
    if line.len() != 2 {
        cx.error("KA2030", line, 0, "Invalid vrrp_rx_bufs_multiplier");
        return Ok(());
    }
    match cx.unsigned(line, 1, 1, u32::MAX, false)? {
        Some(n) => cx.model.global.vrrp_rx_bufs_multiplier = n,
        None => cx.error("KA2020", line, 1, format!("Invalid vrrp_rx_bufs_multiplier {}", line.word(1))),
    }
    Ok(())
}

fn startup_delay(cx: &mut Cx<'_>, line: &Line) -> Flow {
    match cx.fraction(line, 1, 1000, u64::from(u32::MAX), 6, true)? {
        None => cx.error("KA2020", line, 1, format!("vrrp_startup_delay '{}' is invalid", line.word(1))),
        Some(n) => {
            cx.model.global.vrrp_startup_delay_us = n;
            if n >= 60 * SECOND {
                let text = format!("The vrrp_startup_delay is very large - {} seconds", line.word(1));
                cx.remark("KA3007", line.at(1), text);
            }
        }
    }
    Ok(())
}

fn umask(cx: &mut Cx<'_>, line: &Line) -> Flow {
    let first = cx.arg(line, 1)?.to_owned();
    if first.starts_with(|c: char| c.is_ascii_digit()) {
        if line.len() != 2 {
            cx.error("KA2022", line, 2, "Extra parameter(s) to umask option");
            return Ok(());
        }
        match crate::names::any_base(&first).and_then(|n| u32::try_from(n).ok()).filter(|n| *n <= 0o777) {
            Some(n) => cx.model.global.umask = Some(n),
            None => cx.error("KA2020", line, 1, format!("invalid umask value {first}")),
        }
        return Ok(());
    }
    let names = ["IXOTH", "IWOTH", "IROTH", "IXGRP", "IWGRP", "IRGRP", "IXUSR", "IWUSR", "IRUSR"];
    let (mut bits, mut complete) = (0, false);
    for i in 1..line.len() {
        let mut rest = line.word(i);
        while !rest.is_empty() {
            if complete {
                let Some(r) = rest.strip_prefix('|') else {
                    cx.error("KA2022", line, i, format!("Invalid umask syntax {}", line.word(i)));
                    return Ok(());
                };
                complete = false;
                rest = r;
                continue;
            }
            let Some((bit, r)) = names.iter().enumerate().find_map(|(b, n)| Some((b, rest.strip_prefix(n)?)))
            else {
                cx.error("KA2022", line, i, format!("Unknown umask bit {rest}"));
                return Ok(());
            };
            bits |= 1 << bit;
            complete = true;
            rest = r;
        }
    }
    if complete {
        cx.model.global.umask = Some(bits);
    } else {
        cx.error("KA2022", line, 1, "umask missing bit value");
    }
    Ok(())
}

/// What the parent does after reading: programs of start and stop are looked at.
pub(crate) fn finish(cx: &mut Cx<'_>) {
    let g = &mut cx.model.global;
    let default = |script: bool| if script { 10 } else { 0 };
    g.startup_script_timeout = cx.global.startup_timeout.unwrap_or(default(g.startup_script.is_some()));
    g.shutdown_script_timeout = cx.global.shutdown_timeout.unwrap_or(default(g.shutdown_script.is_some()));
    g.mail.written = MailDefaults {
        all: cx.global.smtp_alert,
        vrrp: cx.global.smtp_alert_vrrp,
        checkers: cx.global.smtp_alert_checker,
    };
    g.mail.vrrp = cx.global.smtp_alert_vrrp.or(cx.global.smtp_alert).unwrap_or(false);
    g.mail.checkers = cx.global.smtp_alert_checker.or(cx.global.smtp_alert).unwrap_or(false);
    if !cx.global.scripts {
        return;
    }
    let mut found = crate::script::Findings::default();
    for start in [true, false] {
        let g = &mut cx.model.global;
        let slot = if start { g.startup_script.take() } else { g.shutdown_script.take() };
        let Some(mut command) = slot else { continue };
        found = found.and(cx.inspect(&mut command));
        let kept = command.disabled.is_none().then_some(command);
        let g = &mut cx.model.global;
        if start {
            g.startup_script = kept;
        } else {
            g.shutdown_script = kept;
        }
    }
    if !cx.scripts.security && found.is_script {
        let more = if found.insecure { " There are insecure scripts." } else { "" };
        let text = format!(
            "SECURITY VIOLATION - start/shutdown scripts are being executed but script_security not enabled.{more}"
        );
        cx.late_class("KA3015", Class::Security, rha_text::Severity::Error, None, text);
    }
}
