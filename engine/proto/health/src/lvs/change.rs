//! What goes in and out of a [`super::Pool`].

/// One checker of one real server, by their positions in the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CheckId {
    /// Real server.
    pub server: usize,
    /// Checker.
    pub checker: usize,
}

/// What to open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Transport {
    /// A TCP connection.
    Tcp,
    /// A TCP connection, then TLS without verification of the other side; [`Event::Connected`] comes after both.
    Tls {
        /// Name sent with it.
        sni: Option<String>,
        /// `tls_compliant`: it is closed with `close_notify`.
        goodbye: bool,
    },
    /// A connected UDP socket that reports ICMP errors.
    Udp,
    /// An ICMP or ICMPv6 datagram socket; what is sent and received begins with the ICMP header.
    Icmp,
}

/// What happened on a checker's connection, or to its program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// It stands.
    Connected,
    /// `connect` said at once that there is no way, or a refusal.
    Unreachable,
    /// The connection was refused, reset or failed later.
    Refused,
    /// The handshake of TLS failed.
    Handshake {
        /// A word on it, beyond that it failed.
        remark: Option<String>,
    },
    /// It could not even be tried: no socket, address not ours.
    Unable,
    /// What `connect` said, by its errno; comes before the event that says what that means.
    Errno(i32),
    /// Bytes came; one datagram each. With TLS also none, when something came that is no data.
    Data(Vec<u8>),
    /// The other side closed; with TLS, it said so (`close_notify`).
    Eof,
    /// With TLS: the connection ended, or broke the protocol, without `close_notify`.
    Truncated,
    /// Receiving failed.
    ReadError {
        /// errno.
        errno: i32,
        /// Its text.
        text: String,
    },
    /// Sending failed.
    WriteError,
    /// The program ended.
    Exited(i32),
    /// The program was ended by a signal.
    Signaled(i32),
    /// The program could not be started.
    NotStarted,
}

/// A change of the kernel's table. A weight is 0..=2147483647.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KernelChange {
    /// The real server becomes a destination.
    Add {
        /// Real server.
        server: usize,
        /// Weight.
        weight: u32,
    },
    /// It is one no longer.
    Remove {
        /// Real server.
        server: usize,
    },
    /// It has another weight; 0 takes no new connections.
    Weight {
        /// Real server.
        server: usize,
        /// Weight.
        weight: u32,
    },
    /// The sorry server becomes a destination.
    AddSorry {
        /// Weight; 0 while it stands by under `sorry_server_inhibit`.
        weight: u32,
    },
    /// It is one no longer.
    RemoveSorry,
    /// It has another weight.
    SorryWeight {
        /// Weight.
        weight: u32,
    },
}

/// What scripts are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice {
    /// `notify_up`, `notify_down`.
    Server {
        /// Real server.
        server: usize,
        /// Up.
        up: bool,
    },
    /// `quorum_up`, `quorum_down`.
    Quorum {
        /// Up.
        up: bool,
    },
}

/// What the caller does, in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// A line for the log, level info.
    Log(String),
    /// Open the checker's connection; an earlier one is closed.
    Open(CheckId, Transport),
    /// Send these bytes on it, as one datagram where that applies.
    Send(CheckId, Vec<u8>),
    /// Close it.
    Close(CheckId),
    /// Start the checker's program in a process group of its own.
    Run(CheckId),
    /// End the program's group: SIGTERM, or with `force` SIGKILL.
    Kill {
        /// Checker.
        id: CheckId,
        /// SIGKILL.
        force: bool,
    },
    /// Change the kernel's table.
    Kernel(KernelChange),
    /// Run a script, if one is set.
    Notify(Notice),
    /// Write to `notify_fifo` and `lvs_notify_fifo`; ends in a newline.
    Fifo(String),
    /// Send mail.
    Mail {
        /// Subject.
        subject: String,
        /// Body.
        body: String,
    },
}
