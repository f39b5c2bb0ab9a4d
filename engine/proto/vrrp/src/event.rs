//! What goes into the machine and what comes out of it.

use std::net::IpAddr;
use std::time::Duration;

use crate::packet::Datagram;
use crate::priority::Condition;

/// State of an instance or a sync group (RFC 5798 §6.3; FAULT is keepalived's).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum State {
    /// Not started; a group whose scripts have not all finished once.
    Init,
    /// Listening for a master.
    Backup,
    /// Holding the addresses.
    Master,
    /// Unable to run, or waiting for scripts.
    Fault,
}

impl State {
    /// As in log lines, dumps and notify arguments.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            State::Init => "INIT",
            State::Backup => "BACKUP",
            State::Master => "MASTER",
            State::Fault => "FAULT",
        }
    }

    /// As in the JSON dump.
    #[must_use]
    pub fn number(self) -> u8 {
        match self {
            State::Init => 0,
            State::Backup => 1,
            State::Master => 2,
            State::Fault => 3,
        }
    }
}

/// A place of an instance in the order of the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct InstanceId(pub usize);

/// A place of a sync group in the order of the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GroupId(pub usize);

/// Something that keeps an instance from running besides its trackers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Trouble {
    /// Its own interface is down or gone.
    InterfaceDown,
    /// Its interface has no address to send from.
    NoSource,
    /// A virtual route or rule was lost with an interface and cannot be put back.
    RouteLost,
    /// A configuration error ([`crate::Config::faulty`]).
    Configuration,
}

/// What happens to one instance. Timers are not here: see `Router::deadline` and `Router::expire`.
#[derive(Debug, Clone, Copy)]
pub enum Input<'a> {
    /// A packet arrived whose router id, interface and family are the instance's.
    Datagram(Datagram<'a>),
    /// A tracker of [`crate::Config::trackers`], by place, changed.
    Tracker {
        /// Its place.
        tracker: usize,
        /// What is known now.
        condition: Condition,
    },
    /// The instance's own interface went down or came up. Ignored with `dont_track_primary`.
    Interface {
        /// Up and running.
        up: bool,
    },
    /// The address to send from changed; `None`: there is none any more. Ignored when one is configured.
    Source(Option<IpAddr>),
    /// A virtual route is lost, or back.
    Route {
        /// Lost.
        lost: bool,
    },
    /// Somebody removed one of the virtual addresses (or its lifetime ran out).
    AddressRemoved {
        /// Which.
        address: IpAddr,
    },
    /// The path to a node is known to be dead (a BFD session went down): if that node is the master, this
    /// is the master-down event, without waiting for the timer.
    ///
    /// DIFFERS: to keepalived a BFD event changes the priority at most.
    PathLost {
        /// The node.
        peer: IpAddr,
        /// Backups share this time among themselves by priority, so that the best one comes first; the
        /// owner's share is nothing, priority 1 waits nearly all of it.
        spread: Duration,
    },
    /// Let another node take over: see the crate's documentation, "Handover".
    Handover {
        /// How long the addresses stay after the other node's first advert.
        hold: Duration,
    },
    /// Announce all addresses again, if master (an operator's request, a link that flapped).
    Announce,
}

/// Whom an output is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Who {
    /// An instance.
    Instance(InstanceId),
    /// A sync group.
    Group(GroupId),
}

/// One thing to do, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// About whom.
    pub who: Who,
    /// What to do.
    pub action: Action,
}

/// What notify scripts, FIFOs and mails are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Notice {
    /// Became master.
    Master,
    /// Became backup.
    Backup,
    /// Cannot run.
    Fault,
    /// The daemon stops.
    Stop,
    /// A reload removed the instance.
    Deleted,
    /// A master heard a lower priority (`notify_master_rx_lower_pri`).
    MasterRxLowerPri,
    /// The priority of a master changed; FIFO only.
    MasterPriority,
    /// The priority of any other instance changed; FIFO only.
    BackupPriority,
}

impl Notice {
    /// The word in FIFO lines and script arguments.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Notice::Master => "MASTER",
            Notice::Backup => "BACKUP",
            Notice::Fault => "FAULT",
            Notice::Stop => "STOP",
            Notice::Deleted => "DELETED",
            Notice::MasterRxLowerPri => "MASTER_RX_LOWER_PRI",
            Notice::MasterPriority => "MASTER_PRIORITY",
            Notice::BackupPriority => "BACKUP_PRIORITY",
        }
    }
}

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Send an advert: IPv4 with its header, IPv6 payload.
    Send {
        /// Group or peer.
        to: IpAddr,
        /// Its priority; sending errors of priority 0 on a dead link are not worth a line.
        priority: u8,
        /// The bytes.
        bytes: Vec<u8>,
    },
    /// Drop what is addressed to the virtual addresses (`no_accept`).
    SetDropRule,
    /// No longer.
    RemoveDropRule,
    /// Put all virtual addresses on, excluded ones included.
    AddAddresses,
    /// Take all virtual addresses off.
    RemoveAddresses {
        /// Even those that we did not put on (leftovers of an earlier run).
        force: bool,
    },
    /// A reload changed the list of a master: take off what is gone, put on what is new.
    ReplaceAddresses {
        /// What was configured before.
        old: Box<crate::Config>,
    },
    /// Put the virtual routes on.
    AddRoutes,
    /// Take them off.
    RemoveRoutes,
    /// Put the virtual rules on.
    AddRules,
    /// Take them off.
    RemoveRules,
    /// Send one gratuitous ARP or unsolicited neighbour advertisement.
    Announce {
        /// Place among `Config::vips`.
        vip: usize,
    },
    /// Announce our own source address: unicast peers may have lost it from their caches.
    AnnounceSource {
        /// The address.
        address: IpAddr,
    },
    /// Tell scripts, FIFOs and mails.
    Notify {
        /// What.
        notice: Notice,
        /// Effective priority; 0 for groups.
        priority: u8,
    },
    /// Write a log line at level info.
    Log {
        /// Only with `-D`.
        detail: bool,
        /// The words.
        text: String,
    },
    /// A handover ended: the other node is master now and our addresses are off.
    HandedOver {
        /// The new master.
        to: IpAddr,
    },
    /// Nobody took over in time and we go on as master; or something else ended our term before.
    HandoverFailed,
}
