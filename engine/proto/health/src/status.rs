//! What a check can end in: HAProxy's status words, their descriptions and numbers.
//!
//! HAProxy 3.0 management guide §9.1 "check_status"; the numbers are those of the server state file.

/// What a status means for the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Verdict {
    /// Nothing known yet.
    #[default]
    Unknown,
    /// Nothing changes.
    Neutral,
    /// Against the server.
    Failed,
    /// For it.
    Passed,
    /// For it, but it wants no new traffic (`disable-on-404`).
    PassedIf,
}

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[allow(missing_docs, reason = "each is named after its word, see Status::ROWS")]
pub enum Status {
    #[default]
    Unknown,
    Ini,
    Checked,
    Hana,
    SockErr,
    L4Ok,
    L4Tout,
    L4Con,
    L6Ok,
    L6Tout,
    L6Rsp,
    L7Tout,
    L7Rsp,
    L7Ok,
    L7OkCond,
    L7Sts,
    ProcErr,
    ProcTout,
    ProcOk,
}

impl Status {
    const ROWS: [(Status, &'static str, &'static str, Verdict, u8); 19] = [
        (Status::Unknown, "UNK", "Unknown", Verdict::Unknown, 0),
        (Status::Ini, "INI", "Initializing", Verdict::Unknown, 1),
        (Status::Checked, "CHECKED", "No status change", Verdict::Neutral, 3),
        (Status::Hana, "HANA", "Health analyze", Verdict::Failed, 4),
        (Status::SockErr, "SOCKERR", "Socket error", Verdict::Failed, 5),
        (Status::L4Ok, "L4OK", "Layer4 check passed", Verdict::Passed, 6),
        (Status::L4Tout, "L4TOUT", "Layer4 timeout", Verdict::Failed, 7),
        (Status::L4Con, "L4CON", "Layer4 connection problem", Verdict::Failed, 8),
        (Status::L6Ok, "L6OK", "Layer6 check passed", Verdict::Passed, 9),
        (Status::L6Tout, "L6TOUT", "Layer6 timeout", Verdict::Failed, 10),
        (Status::L6Rsp, "L6RSP", "Layer6 invalid response", Verdict::Failed, 11),
        (Status::L7Tout, "L7TOUT", "Layer7 timeout", Verdict::Failed, 12),
        (Status::L7Rsp, "L7RSP", "Layer7 invalid response", Verdict::Failed, 13),
        (Status::L7Ok, "L7OK", "Layer7 check passed", Verdict::Passed, 15),
        (Status::L7OkCond, "L7OKC", "Layer7 check conditionally passed", Verdict::PassedIf, 16),
        (Status::L7Sts, "L7STS", "Layer7 wrong status", Verdict::Failed, 17),
        (Status::ProcErr, "PROCERR", "External check error", Verdict::Failed, 18),
        (Status::ProcTout, "PROCTOUT", "External check timeout", Verdict::Failed, 19),
        (Status::ProcOk, "PROCOK", "External check passed", Verdict::Passed, 20),
    ];

    fn row(self) -> &'static (Status, &'static str, &'static str, Verdict, u8) {
        Self::ROWS.iter().find(|r| r.0 == self).unwrap_or(&Self::ROWS[0])
    }

    /// The word of the statistics (`L4OK`).
    #[must_use]
    pub fn word(self) -> &'static str {
        self.row().1
    }

    /// The description in log lines (`Layer4 check passed`).
    #[must_use]
    pub fn description(self) -> &'static str {
        self.row().2
    }

    /// What it means for the server.
    #[must_use]
    pub fn verdict(self) -> Verdict {
        self.row().3
    }

    /// Its number in a server state file.
    #[must_use]
    pub fn number(self) -> u8 {
        self.row().4
    }

    /// The status of a number in a server state file.
    #[must_use]
    pub fn of_number(number: u8) -> Option<Status> {
        Self::ROWS.iter().find(|r| r.4 == number).map(|r| r.0)
    }

    /// The status a configuration word means (`ok-status`, `error-status`, `tout-status`).
    #[must_use]
    pub fn parse(word: &str) -> Option<Status> {
        Self::ROWS.iter().find(|r| r.1.eq_ignore_ascii_case(word)).map(|r| r.0)
    }

    /// Whether log lines show a code with it: layer 7 conclusions and processes.
    #[must_use]
    pub fn has_code(self) -> bool {
        self >= Status::L7Ok
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_numbers_are_unique_and_lead_back() {
        for row in Status::ROWS {
            assert_eq!(Status::parse(row.1), Some(row.0));
            assert_eq!(Status::of_number(row.4), Some(row.0));
        }
        assert!(Status::L7Sts.has_code() && !Status::L7Rsp.has_code() && Status::ProcErr.has_code());
    }
}
