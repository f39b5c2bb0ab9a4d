//! Counters of one worker: plain additions on its side, summed by whoever reads them.
//!
//! The fields are the columns of `show stat` that count; gauges (current sessions, queue) are shared and
//! live in [`crate::state`]. HAProxy 3.0 management guide §9.1 "CSV format".

use rha_base::Counter;

/// Events per second with their highest value, kept by one worker.
#[derive(Debug, Default)]
pub struct Rate {
    started_s: Counter,
    current: Counter,
    previous: Counter,
    highest: Counter,
}

impl Rate {
    /// Counts one event in the second `now_s`.
    pub fn hit(&self, now_s: u64) {
        self.turn(now_s);
        self.current.add(1);
        self.highest.raise(self.current.read());
    }

    fn turn(&self, now_s: u64) {
        let started = self.started_s.read();
        if started == now_s {
            return;
        }
        self.previous.set(if now_s == started + 1 { self.current.read() } else { 0 });
        self.current.set(0);
        self.started_s.set(now_s);
    }

    /// Events in the last second, seen at `now_ms`.
    #[must_use]
    pub fn read(&self, now_ms: u64) -> u64 {
        let (s, ms) = (now_ms / 1000, now_ms % 1000);
        let started = self.started_s.read();
        let (current, previous) = match s.saturating_sub(started) {
            0 => (self.current.read(), self.previous.read()),
            1 => (0, self.current.read()),
            _ => (0, 0),
        };
        current + previous * (1000 - ms) / 1000
    }

    /// Forgets the highest value (`clear counters`).
    pub fn forget(&self) {
        self.highest.set(0);
    }

    /// Most events in one second.
    #[must_use]
    pub fn highest(&self) -> u64 {
        self.highest.read()
    }
}

macro_rules! counters {
    ($(#[$m:meta])* $name:ident => $sum:ident { $($(#[$d:meta])* $f:ident),* $(,)? }) => {
        $(#[$m])*
        #[derive(Debug, Default)]
        #[repr(align(64))]
        pub struct $name {
            $($(#[$d])* pub $f: Counter,)*
            /// Sessions per second.
            pub sess_rate: Rate,
            /// Requests per second.
            pub req_rate: Rate,
            /// Connections per second.
            pub conn_rate: Rate,
        }

        /// The same, summed over workers.
        #[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
        pub struct $sum {
            $($(#[$d])* pub $f: u64,)*
            /// Sessions in the last second, and the most in one.
            pub sess_rate: (u64, u64),
            /// Requests in the last second, and the most in one.
            pub req_rate: (u64, u64),
            /// Connections in the last second, and the most in one.
            pub conn_rate: (u64, u64),
        }

        impl $name {
            /// Keeps a sum, as what later readings start from (`clear counters all`).
            pub(crate) fn hold(&self, sum: &$sum) {
                $(self.$f.set(sum.$f);)*
            }

            /// Forgets the highest values.
            pub(crate) fn forget(&self) {
                for rate in [&self.sess_rate, &self.req_rate, &self.conn_rate] {
                    rate.forget();
                }
                for most in [&self.qtime_max, &self.ctime_max, &self.rtime_max, &self.ttime_max] {
                    most.set(0);
                }
            }
        }

        impl $sum {
            /// Takes away what was there when the counters were cleared.
            pub(crate) fn less(&mut self, before: &$name) {
                $(counters!(@less $f, self.$f, before.$f.read());)*
            }

            /// Adds one worker's part, seen at `now_ms` of the monotonic clock.
            pub fn add(&mut self, part: &$name, now_ms: u64) {
                $(counters!(@join $f, self.$f, part.$f.read());)*
                for (sum, rate) in [
                    (&mut self.sess_rate, &part.sess_rate),
                    (&mut self.req_rate, &part.req_rate),
                    (&mut self.conn_rate, &part.conn_rate),
                ] {
                    sum.0 += rate.read(now_ms);
                    sum.1 += rate.highest();
                }
            }
        }
    };
    (@join last_session_s, $a:expr, $b:expr) => { $a = $a.max($b) };
    (@join qtime_max, $a:expr, $b:expr) => { $a = $a.max($b) };
    (@join ctime_max, $a:expr, $b:expr) => { $a = $a.max($b) };
    (@join rtime_max, $a:expr, $b:expr) => { $a = $a.max($b) };
    (@join ttime_max, $a:expr, $b:expr) => { $a = $a.max($b) };
    (@join $f:ident, $a:expr, $b:expr) => { $a += $b };
    (@less last_session_s, $a:expr, $b:expr) => { if $a <= $b { $a = 0 } };
    (@less qtime_max, $a:expr, $b:expr) => { let _ = $b; };
    (@less ctime_max, $a:expr, $b:expr) => { let _ = $b; };
    (@less rtime_max, $a:expr, $b:expr) => { let _ = $b; };
    (@less ttime_max, $a:expr, $b:expr) => { let _ = $b; };
    (@less $f:ident, $a:expr, $b:expr) => { $a = $a.saturating_sub($b) };
}

counters! {
    /// One side (frontend, backend), listener or server.
    Side => SideTotal {
        /// `stot`.
        sessions,
        /// `conn_tot`.
        connections,
        /// `req_tot`.
        requests,
        /// `bin`.
        bytes_in,
        /// `bout`.
        bytes_out,
        /// `dreq`.
        denied_requests,
        /// `dresp`.
        denied_responses,
        /// `dcon`.
        denied_connections,
        /// `dses`.
        denied_sessions,
        /// `ereq`.
        failed_requests,
        /// `econ`.
        failed_connections,
        /// `eresp`.
        failed_responses,
        /// `wretr`.
        retries,
        /// `wredis`.
        redispatches,
        /// `wrew`.
        failed_rewrites,
        /// `eint`.
        internal_errors,
        /// `cli_abrt`.
        client_aborts,
        /// `srv_abrt`.
        server_aborts,
        /// `intercepted`.
        intercepted,
        /// `lbtot`.
        balanced,
        /// `connect`.
        connects,
        /// `reuse`.
        reuses,
        /// `hrsp_1xx`.
        responses_1xx,
        /// `hrsp_2xx`.
        responses_2xx,
        /// `hrsp_3xx`.
        responses_3xx,
        /// `hrsp_4xx`.
        responses_4xx,
        /// `hrsp_5xx`.
        responses_5xx,
        /// `hrsp_other`.
        responses_other,
        /// `lastsess`: second of the monotonic clock, 0 for never.
        last_session_s,
        /// Sums of `qtime ctime rtime ttime`, milliseconds; divide by [`Side::timed`].
        qtime,
        /// See `qtime`.
        ctime,
        /// See `qtime`.
        rtime,
        /// See `qtime`.
        ttime,
        /// Streams in the sums of times.
        timed,
        /// `qtime_max`.
        qtime_max,
        /// `ctime_max`.
        ctime_max,
        /// `rtime_max`.
        rtime_max,
        /// `ttime_max`.
        ttime_max,
    }
}

impl Side {
    /// Counts a response by its class.
    pub fn responded(&self, status: u16) {
        match status / 100 {
            1 => &self.responses_1xx,
            2 => &self.responses_2xx,
            3 => &self.responses_3xx,
            4 => &self.responses_4xx,
            5 => &self.responses_5xx,
            _ => &self.responses_other,
        }
        .add(1);
    }
}

/// A proxy's counters in one worker.
#[derive(Debug, Default)]
pub struct ProxyStats {
    /// As a frontend.
    pub front: Side,
    /// As a backend.
    pub back: Side,
    /// By listener.
    pub listeners: Vec<Side>,
    /// By server.
    pub servers: Vec<Side>,
}

/// Everything one worker counts.
#[derive(Debug, Default)]
pub struct WorkerStats {
    /// By proxy.
    pub proxies: Vec<ProxyStats>,
    /// Log datagrams the kernel did not take.
    pub dropped_logs: Counter,
    /// Connections accepted.
    pub connections: Counter,
    /// Requests.
    pub requests: Counter,
    /// Connections per second.
    pub conn_rate: Rate,
    /// Sessions per second.
    pub sess_rate: Rate,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workers_add_up_and_rates_fade() {
        let (a, b) = (Side::default(), Side::default());
        for s in [&a, &b] {
            s.sessions.add(2);
            s.sess_rate.hit(5);
            s.sess_rate.hit(5);
            s.last_session_s.set(5);
        }
        let mut sum = SideTotal::default();
        sum.add(&a, 5900);
        sum.add(&b, 5900);
        assert_eq!((sum.sessions, sum.sess_rate, sum.last_session_s), (4, (4, 4), 5));
        let before = Side::default();
        before.hold(&sum);
        a.sessions.add(1);
        let mut later = SideTotal::default();
        later.add(&a, 5900);
        later.add(&b, 5900);
        later.less(&before);
        assert_eq!((later.sessions, later.last_session_s), (1, 0));
        assert_eq!(a.sess_rate.read(6500), 1);
        assert_eq!(a.sess_rate.read(7000), 0);
    }
}
