//! `global_defs`, and the keywords that stand outside of every block.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{Command, Fifo, Mail, ScriptUser};

/// `dynamic_interfaces`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum DynamicInterfaces {
    /// Every interface must exist at start.
    #[default]
    No,
    /// They may come and go.
    Yes,
    /// `allow_if_changes`: and come back as another kind.
    AllowChanges,
}

/// CPUs of a `…_cpu_affinity`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CpuList(pub Vec<u32>);

/// Scheduling and locking of one of the original's processes (`vrrp_…`, `checker_…`, `bfd_…`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProcessTuning {
    /// `…_process_name`.
    pub name: Option<String>,
    /// `…_priority`: nice value.
    pub nice: Option<i8>,
    /// `…_no_swap`.
    pub no_swap: bool,
    /// `…_rt_priority`.
    pub rt_priority: Option<u8>,
    /// `…_cpu_affinity`.
    pub cpus: CpuList,
    /// `…_rlimit_rttime`, microseconds.
    pub rlimit_rttime_us: Option<u64>,
    /// `…_netlink_cmd_rcv_bufs`, bytes, and whether forced.
    pub netlink_cmd_rcv: (Option<u32>, bool),
    /// `…_netlink_monitor_rcv_bufs`, bytes, and whether forced.
    pub netlink_monitor_rcv: (Option<u32>, bool),
}

/// Defaults that instances take, already with the original's numbers where nothing was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct GarpDefaults {
    /// `vrrp_garp_interval`, microseconds between any two gratuitous ARPs of an interface.
    pub interval_us: u32,
    /// `vrrp_gna_interval`, microseconds.
    pub gna_interval_us: u32,
}

/// `vrrp_rx_bufs_policy`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RxBufferPolicy {
    /// `MTU`.
    Mtu,
    /// `ADVERT`.
    Advert,
    /// Bytes.
    Size(u32),
}

/// `lvs_flush_on_stop`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum LvsFlush {
    /// No.
    #[default]
    No,
    /// Everything.
    All,
    /// `VS`: ours only.
    VirtualServers,
}

/// `lvs_timeouts`, seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[allow(missing_docs, reason = "named as in the configuration")]
pub struct LvsTimeouts {
    pub tcp: Option<u32>,
    pub tcpfin: Option<u32>,
    pub udp: Option<u32>,
}

/// `lvs_sync_daemon`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LvsSyncDaemon {
    /// Interface.
    pub interface: String,
    /// Instance whose state it follows.
    pub instance: Option<String>,
    /// `id`.
    pub id: Option<u8>,
    /// `maxlen`.
    pub max_len: Option<u16>,
    /// `port`.
    pub port: Option<u16>,
    /// `ttl`.
    pub ttl: Option<u8>,
    /// `group`.
    pub group: Option<IpAddr>,
}

/// `vrrp_ipsets` names in the order of the keyword.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IpsetNames(pub Vec<String>);

/// SNMP switches; parsed, support as their rows say.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Snmp {
    /// `snmp_socket`.
    pub socket: Option<String>,
    /// `enable_traps`.
    pub traps: bool,
    /// `enable_snmp_vrrp`, `enable_snmp_keepalived`.
    pub vrrp: bool,
    /// `enable_snmp_rfcv2`, `enable_snmp_rfc`.
    pub rfc_v2: bool,
    /// `enable_snmp_rfcv3`, `enable_snmp_rfc`.
    pub rfc_v3: bool,
    /// `enable_snmp_checker`.
    pub checker: bool,
}

/// What concerns the daemon as a whole. keepalived.conf(5) "Global definitions".
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs, reason = "fields without a comment are named as their keyword")]
pub struct FailoverGlobal {
    /// `router_id`; `None` for the host's name.
    pub router_id: Option<String>,
    pub instance: Option<String>,
    pub net_namespace: Option<String>,
    pub net_namespace_ipvs: Option<String>,
    pub namespace_with_ipsets: bool,
    pub use_pid_dir: bool,
    /// `child_wait_time`, seconds; 5.
    pub child_wait_time: u32,
    pub linkbeat_use_polling: bool,
    /// `process_names`: children are named after what they do.
    pub process_names: bool,
    pub process_name: Option<String>,
    pub vrrp_process: ProcessTuning,
    pub checker_process: ProcessTuning,
    pub bfd_process: ProcessTuning,
    pub process_monitor_rcv: (Option<u32>, bool),
    pub use_symlink_paths: bool,
    pub set_supplementary_groups: bool,
    pub mail: Mail,
    pub startup_script: Option<Command>,
    /// Seconds; 0 for as long as it takes.
    pub startup_script_timeout: u32,
    pub shutdown_script: Option<Command>,
    pub shutdown_script_timeout: u32,
    pub max_auto_priority: Option<i32>,
    pub min_auto_priority_delay_us: Option<u64>,
    pub checker_log_all_failures: bool,
    pub dynamic_interfaces: DynamicInterfaces,
    /// `default_interface`: for static addresses without `dev`; `eth0`.
    pub default_interface: String,
    pub disable_local_igmp: bool,
    /// `vrrp_notify_priority_changes`: what holds for instances and groups that say nothing.
    pub notify_priority_changes: bool,
    pub lvs_timeouts: LvsTimeouts,
    pub lvs_flush: bool,
    pub lvs_flush_on_stop: LvsFlush,
    pub lvs_sync_daemon: Option<LvsSyncDaemon>,
    pub vrrp_mcast_group4: Ipv4Addr,
    pub vrrp_mcast_group6: Ipv6Addr,
    pub garp: GarpDefaults,
    /// `vrrp_version`: what instances without `version` speak; 2.
    pub vrrp_version: u8,
    /// `vrrp_iptables` chains, in and out; `None` when not written.
    pub vrrp_iptables: Option<(String, Option<String>)>,
    pub vrrp_ipsets: Option<IpsetNames>,
    /// `nftables`: name of the table; `None` when not written.
    pub nftables: Option<String>,
    pub nftables_priority: i32,
    pub nftables_ifindex: bool,
    pub nftables_counters: bool,
    pub nftables_ipvs: Option<String>,
    pub nftables_ipvs_priority: i32,
    pub nftables_ipvs_start_fwmark: u32,
    pub vrrp_check_unicast_src: bool,
    pub vrrp_strict: bool,
    pub notify_fifo: Option<Fifo>,
    pub vrrp_notify_fifo: Option<Fifo>,
    pub lvs_notify_fifo: Option<Fifo>,
    pub fifo_write_vrrp_states_on_reload: bool,
    pub snmp: Snmp,
    pub snmp_vs_stats_update_interval_us: Option<u64>,
    pub snmp_rs_stats_update_interval_us: Option<u64>,
    pub enable_dbus: bool,
    pub dbus_service_name: Option<String>,
    pub dbus_no_interface_name: Option<String>,
    /// `script_user`; the default user otherwise (`keepalived_script`, else root's).
    pub script_user: Option<ScriptUser>,
    pub enable_script_security: bool,
    pub rs_init_notifies: bool,
    pub vrrp_rx_bufs_policy: Option<RxBufferPolicy>,
    pub vrrp_rx_bufs_multiplier: u32,
    /// `vrrp_startup_delay`, microseconds.
    pub vrrp_startup_delay_us: u64,
    /// `vrrp_delay_after_boot` (2.4.0), microseconds.
    pub vrrp_delay_after_boot_us: Option<u64>,
    pub log_unknown_vrids: bool,
    pub vrrp_owner_ignore_adverts: bool,
    pub vmac_prefix: Option<String>,
    pub vmac_addr_prefix: Option<String>,
    /// `umask` bits; `None` keeps the daemon's own (0177 for what it writes).
    pub umask: Option<u32>,
    pub random_seed: Option<u32>,
    /// `reload_check_config`: `Some` with the log file, empty for the default one.
    pub reload_check_config: Option<String>,
    pub reload_time_file: Option<String>,
    pub reload_repeat: bool,
    /// `reload_file`: `Some` with its path, empty for the default one.
    pub reload_file: Option<String>,
    pub config_save_dir: Option<String>,
    pub tmp_config_directory: Option<String>,
    pub data_use_instance: bool,
    pub json_version: u8,
    pub iproute_usr_dir: Option<String>,
    pub iproute_etc_dir: Option<String>,
    pub state_dump_file: Option<String>,
    pub stats_dump_file: Option<String>,
    pub json_dump_file: Option<String>,
}

impl Default for FailoverGlobal {
    /// As the original starts with: version 2, the RFCs' groups, `eth0`, five seconds for children.
    fn default() -> Self {
        FailoverGlobal {
            notify_priority_changes: false,
            router_id: None,
            instance: None,
            net_namespace: None,
            net_namespace_ipvs: None,
            namespace_with_ipsets: false,
            use_pid_dir: false,
            child_wait_time: 5,
            linkbeat_use_polling: false,
            process_names: false,
            process_name: None,
            vrrp_process: ProcessTuning::default(),
            checker_process: ProcessTuning::default(),
            bfd_process: ProcessTuning::default(),
            process_monitor_rcv: (None, false),
            use_symlink_paths: false,
            set_supplementary_groups: false,
            mail: Mail::default(),
            startup_script: None,
            startup_script_timeout: 0,
            shutdown_script: None,
            shutdown_script_timeout: 0,
            max_auto_priority: None,
            min_auto_priority_delay_us: None,
            checker_log_all_failures: false,
            dynamic_interfaces: DynamicInterfaces::No,
            default_interface: "eth0".to_owned(),
            disable_local_igmp: false,
            lvs_timeouts: LvsTimeouts::default(),
            lvs_flush: false,
            lvs_flush_on_stop: LvsFlush::No,
            lvs_sync_daemon: None,
            vrrp_mcast_group4: Ipv4Addr::new(224, 0, 0, 18),
            vrrp_mcast_group6: Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x12),
            garp: GarpDefaults::default(),
            vrrp_version: 2,
            vrrp_iptables: None,
            vrrp_ipsets: None,
            nftables: None,
            nftables_priority: -1,
            nftables_ifindex: false,
            nftables_counters: false,
            nftables_ipvs: None,
            nftables_ipvs_priority: 0,
            nftables_ipvs_start_fwmark: 1000,
            vrrp_check_unicast_src: false,
            vrrp_strict: false,
            notify_fifo: None,
            vrrp_notify_fifo: None,
            lvs_notify_fifo: None,
            fifo_write_vrrp_states_on_reload: false,
            snmp: Snmp::default(),
            snmp_vs_stats_update_interval_us: None,
            snmp_rs_stats_update_interval_us: None,
            enable_dbus: false,
            dbus_service_name: None,
            dbus_no_interface_name: None,
            script_user: None,
            enable_script_security: false,
            rs_init_notifies: false,
            vrrp_rx_bufs_policy: None,
            vrrp_rx_bufs_multiplier: 3,
            vrrp_startup_delay_us: 0,
            vrrp_delay_after_boot_us: None,
            log_unknown_vrids: false,
            vrrp_owner_ignore_adverts: false,
            vmac_prefix: None,
            vmac_addr_prefix: None,
            umask: None,
            random_seed: None,
            reload_check_config: None,
            reload_time_file: None,
            reload_repeat: false,
            reload_file: None,
            config_save_dir: None,
            tmp_config_directory: None,
            data_use_instance: false,
            json_version: 1,
            iproute_usr_dir: None,
            iproute_etc_dir: None,
            state_dump_file: None,
            stats_dump_file: None,
            json_dump_file: None,
        }
    }
}
