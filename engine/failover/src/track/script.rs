//! Result of a `vrrp_script` over time: how many good answers make it up and how many bad ones down.
//!
//! keepalived.conf(5) vrrp_script: `rise`, `fall`, `init_fail`. Pure: it is told how runs ended and says
//! what changed. COMPAT: the counter runs from 0 to rise+fall-1 and its value is what the data dump calls
//! `Result`; the very first answer that is bad counts at once.

/// How one run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Exit status.
    Exited(i32),
    /// Died by a signal.
    Signalled(i32),
    /// Was ended because it took too long.
    TimedOut,
}

/// What a change of mind is called in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    /// Up now.
    pub up: bool,
    /// The run that decided.
    pub because: Outcome,
}

impl Change {
    /// `VRRP_Script(chk) failed (exited with status 1)`.
    #[must_use]
    pub fn line(self, script: &str) -> String {
        match self.because {
            Outcome::Exited(0) => format!("VRRP_Script({script}) succeeded"),
            Outcome::Exited(n) => format!("VRRP_Script({script}) failed (exited with status {n})"),
            Outcome::Signalled(n) => format!("VRRP_Script({script}) failed (due to signal {n})"),
            Outcome::TimedOut => format!("VRRP_Script({script}) timed_out"),
        }
    }
}

/// Where a script stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// No answer yet and no `init_fail`: an unweighted script holds its instances back.
    Unknown,
    /// Up.
    Good,
    /// Down.
    Bad,
}

/// Counts of one script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScriptState {
    rise: u32,
    fall: u32,
    result: u32,
    answered: bool,
    init_fail: bool,
    last_status: i32,
}

impl ScriptState {
    /// Before the first run.
    #[must_use]
    pub fn new(rise: u32, fall: u32, init_fail: bool) -> Self {
        let (rise, fall) = (rise.max(1), fall.max(1));
        // One good answer is enough for a script that has never answered, unless it starts as failed.
        let result = if init_fail { 0 } else { rise - 1 };
        ScriptState { rise, fall, result, answered: false, init_fail, last_status: 0 }
    }

    /// After a reload: a script that was up stays up without having to earn it again.
    #[must_use]
    pub fn carried_over(rise: u32, fall: u32, was: Verdict) -> Option<Self> {
        let mut s = Self::new(rise, fall, was == Verdict::Bad);
        match was {
            Verdict::Unknown => return None,
            Verdict::Good => s.result = s.top(),
            Verdict::Bad => s.result = 0,
        }
        s.answered = true;
        Some(s)
    }

    fn top(&self) -> u32 {
        self.rise + self.fall - 1
    }

    /// The counter.
    #[must_use]
    pub fn result(&self) -> u32 {
        self.result
    }

    /// Whether an answer has come.
    #[must_use]
    pub fn has_answered(&self) -> bool {
        self.answered
    }

    /// Up, down, or not known yet.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        match (self.answered || self.init_fail, self.result >= self.rise) {
            (_, true) => Verdict::Good,
            (true, false) => Verdict::Bad,
            (false, false) => Verdict::Unknown,
        }
    }

    /// Takes the end of a run. The first value is the new exit status when it differs from the last one,
    /// the second what changed.
    pub fn ended(&mut self, how: Outcome) -> (Option<i32>, Option<Change>) {
        let mut status = None;
        if let Outcome::Exited(n) = how {
            status = (n != self.last_status).then_some(n);
            self.last_status = n;
        }
        let first = !std::mem::replace(&mut self.answered, true) && !self.init_fail;
        let changed = if how == Outcome::Exited(0) { self.good() } else { self.bad(first) };
        (status, changed.map(|up| Change { up, because: how }))
    }

    fn good(&mut self) -> Option<bool> {
        if self.result + 1 < self.rise {
            self.result += 1;
            return None;
        }
        let was_down = self.result < self.rise;
        self.result = self.top();
        was_down.then_some(true)
    }

    fn bad(&mut self, first: bool) -> Option<bool> {
        if self.result > self.rise {
            self.result -= 1;
            return None;
        }
        let was_up = self.result == self.rise;
        self.result = 0;
        (was_up || first).then_some(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OK: Outcome = Outcome::Exited(0);
    const NO: Outcome = Outcome::Exited(1);

    fn changes(s: &mut ScriptState, runs: &[Outcome]) -> Vec<Option<bool>> {
        runs.iter().map(|r| s.ended(*r).1.map(|c| c.up)).collect()
    }

    #[test]
    fn rise_and_fall_are_counted_in_a_row() {
        let mut s = ScriptState::new(2, 3, false);
        assert_eq!(s.verdict(), Verdict::Unknown);
        // the first good answer is enough
        assert_eq!(changes(&mut s, &[OK]), [Some(true)]);
        assert_eq!(s.result(), 4);
        assert_eq!(changes(&mut s, &[NO, NO, OK, NO, NO, NO]), [None, None, None, None, None, Some(false)]);
        assert_eq!(changes(&mut s, &[OK, NO, OK, OK]), [None, None, None, Some(true)]);
    }

    #[test]
    fn the_first_bad_answer_counts_and_init_fail_needs_none() {
        let mut s = ScriptState::new(1, 3, false);
        assert_eq!(changes(&mut s, &[NO, NO]), [Some(false), None]);
        let mut s = ScriptState::new(2, 1, true);
        assert_eq!(s.verdict(), Verdict::Bad);
        assert_eq!(changes(&mut s, &[NO, OK, OK]), [None, None, Some(true)]);
    }

    #[test]
    fn a_single_rise_and_fall_toggle() {
        let mut s = ScriptState::new(1, 1, false);
        assert_eq!(changes(&mut s, &[OK, OK, NO, NO, OK]), [Some(true), None, Some(false), None, Some(true)]);
    }

    #[test]
    fn the_log_names_the_reason_and_a_new_status_once() {
        let mut s = ScriptState::new(1, 1, false);
        assert_eq!(s.ended(OK), (None, Some(Change { up: true, because: OK })));
        let (status, change) = s.ended(Outcome::Exited(3));
        assert_eq!(status, Some(3));
        assert_eq!(change.unwrap().line("c"), "VRRP_Script(c) failed (exited with status 3)");
        assert_eq!(s.ended(Outcome::Exited(3)), (None, None));
        assert_eq!(Change { up: false, because: Outcome::TimedOut }.line("c"), "VRRP_Script(c) timed_out");
    }

    #[test]
    fn a_reload_keeps_what_was_known() {
        let s = ScriptState::carried_over(3, 2, Verdict::Good).unwrap();
        assert_eq!((s.verdict(), s.result()), (Verdict::Good, 4));
        assert_eq!(ScriptState::carried_over(3, 2, Verdict::Unknown), None);
        assert_eq!(ScriptState::carried_over(3, 2, Verdict::Bad).unwrap().verdict(), Verdict::Bad);
    }
}
