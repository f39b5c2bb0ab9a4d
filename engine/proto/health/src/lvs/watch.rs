//! What becomes of a checker when a check ends: retries, lines, the next time. One function for each kind, because
//! the original's differ in when they count, what they say, and what they say first.

use super::plan::{CheckerPlan, HttpPlan, ProbePlan};

/// How one check ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Well; with HTTP, what was right (`HTTP status code`).
    Good(&'static str),
    /// Not well, and why: a line, or the part of one that the kind completes. Empty for nothing to tell.
    Bad(String),
    /// The program exited.
    Exit(i32),
    /// A signal ended the program, not ours.
    Signal(i32),
    /// We ended the program.
    Late,
}

/// Mail about a checker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mail {
    pub(super) body: String,
    /// Also when the checker's state was the same before.
    pub(super) always: bool,
}

/// What a checker makes of a real server's weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Share {
    /// This weight instead of the written one; `None` for the written one.
    Weight(Option<i64>),
    /// The written one, without telling.
    Forget,
}

/// What follows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Step {
    pub(super) share: Option<Share>,
    pub(super) lines: Vec<String>,
    /// The checker says up or down.
    pub(super) state: Option<bool>,
    pub(super) mail: Option<Mail>,
    /// Until the next check, µs.
    pub(super) wait_us: u64,
    /// The next check of `SMTP_CHECK` repeats this one.
    pub(super) again: bool,
}

/// Names in lines.
pub(super) struct Names<'a> {
    pub(super) server: &'a str,
    pub(super) pool: &'a str,
}

/// One checker's state.
#[derive(Debug, Clone)]
pub(super) struct Watch {
    /// What the checker thinks of the server.
    pub(super) up: bool,
    pub(super) has_run: bool,
    /// Failures in a row.
    pub(super) failures: u32,
    /// Its share of the server's weight.
    pub(super) share: i64,
    /// Page to get next, and the page that failed.
    pub(super) url: usize,
    pub(super) failed_url: Option<usize>,
    pub(super) last_exit: Option<i32>,
}

impl Watch {
    /// Before the first check. COMPAT: one failure is enough then.
    pub(super) fn new(plan: &CheckerPlan) -> Watch {
        Watch {
            up: true,
            has_run: false,
            failures: plan.retry,
            share: 0,
            url: 0,
            failed_url: None,
            last_exit: None,
        }
    }

    /// Goes on after a reload where an earlier watch stood. COMPAT: one more failure is enough for a checker that had
    /// failed as often as the new settings allow.
    pub(super) fn resume(&mut self, before: &Watch, plan: &CheckerPlan) {
        if before.has_run {
            self.up = before.up;
        }
        self.has_run = before.has_run;
        self.failures = if self.up { before.failures.min(plan.retry) } else { plan.retry.saturating_add(1) };
        self.share = before.share;
        self.last_exit = before.last_exit;
    }

    /// A new checker of a server that is down already.
    pub(super) fn distrust(&mut self, plan: &CheckerPlan) {
        self.up &= !plan.alpha;
        self.failures = plan.retry;
    }

    /// A check begins.
    pub(super) fn begin(&mut self, plan: &CheckerPlan, retrying: bool) {
        if matches!(plan.probe, ProbePlan::Smtp { .. }) && !retrying {
            self.failures = 0;
        }
    }

    /// A check ended. The pool then has its say on [`Step::state`], and [`Watch::ran`] closes.
    pub(super) fn judge(&mut self, plan: &CheckerPlan, verdict: Verdict, names: &Names<'_>) -> Step {
        match &plan.probe {
            ProbePlan::Tcp => self.simple(plan, verdict, names, "TCP connection", "TCP_CHECK", "TCP"),
            ProbePlan::Udp(_) => self.simple(plan, verdict, names, "UDP connection", "UDP_CHECK", "UDP"),
            ProbePlan::Ping => self.simple(plan, verdict, names, "ICMP connection", "ICMP CHECK", "ICMP"),
            ProbePlan::Http(http) => self.http(plan, http, verdict, names),
            ProbePlan::Smtp { .. } => self.smtp(plan, verdict, names),
            ProbePlan::Dns { .. } => self.dns(plan, verdict, names),
            ProbePlan::Misc { program, dynamic, .. } => self.misc(plan, program, *dynamic, verdict, names),
            ProbePlan::Bfd { .. } | ProbePlan::File { .. } => Step::default(),
        }
    }

    /// Whether a failure matters still.
    fn open(&self) -> bool {
        self.up || !self.has_run
    }

    /// Whether a success is news.
    fn news(&self) -> bool {
        !self.up || !self.has_run
    }

    /// After the pool had its say.
    pub(super) fn close(&mut self, plan: &CheckerPlan) {
        self.has_run |= match plan.probe {
            ProbePlan::Tcp | ProbePlan::Udp(_) | ProbePlan::Ping | ProbePlan::Misc { .. } => true,
            ProbePlan::Http(_) | ProbePlan::Smtp { .. } | ProbePlan::Dns { .. } => false,
            ProbePlan::Bfd { .. } | ProbePlan::File { .. } => false,
        };
    }

    fn simple(
        &mut self,
        plan: &CheckerPlan,
        verdict: Verdict,
        names: &Names<'_>,
        connection: &str,
        check: &str,
        kind: &str,
    ) -> Step {
        let mut step = Step { wait_us: plan.delay_loop_us, ..Step::default() };
        let good = matches!(verdict, Verdict::Good(_));
        if let Verdict::Bad(line) = verdict
            && !line.is_empty()
            && self.up
            && plan.log_all_failures
        {
            step.lines.push(line);
        }
        let server = names.server;
        if good || self.open() && self.failures >= plan.retry {
            self.failures = 0;
            if good && self.news() {
                step.lines.push(format!("{connection} to {server} success."));
                step.report(true, format!("=> {kind} CHECK succeed on service <="));
            } else if !good && self.open() {
                step.lines.push(if plan.retry > 0 && self.has_run {
                    let of = if kind == "ICMP" { format!(" of {}", names.pool) } else { String::new() };
                    format!("{check} on service {server}{of} failed after {} retries.", plan.retry)
                } else {
                    format!("{check} on service {server} failed.")
                });
                step.report(false, format!("=> {kind} CHECK failed on service <="));
            }
        } else if self.up {
            // DIFFERS: 2.2.7 repeats TCP_CHECK after `delay_before_retry` while it is down, too; later versions do not
            step.wait_us = plan.delay_before_retry_us;
            self.failures += 1;
        }
        step
    }

    fn http(&mut self, plan: &CheckerPlan, http: &HttpPlan, verdict: Verdict, names: &Names<'_>) -> Step {
        let mut step = Step::default();
        let server = names.server;
        match verdict {
            Verdict::Good(what) => {
                if !self.up {
                    let path = http.urls.get(self.url).map_or("", |u| u.path.as_str());
                    step.lines.push(format!("{what} success to {server} url({path})"));
                }
                self.failures = 0;
                let next = (self.url + 1 < http.urls.len()).then_some(self.url + 1);
                let recovered = self.failed_url.take().is_some();
                // the page that had failed is right again: now all of them
                self.url = if recovered { 0 } else { next.unwrap_or(0) };
                step.wait_us = plan.delay_loop_us;
                if next.is_none() && !recovered {
                    if self.news() {
                        step.lines.push(format!("Remote Web server {server} succeed on service."));
                        step.report(true, "=> CHECK succeed on service <=".to_owned());
                    }
                } else {
                    if !self.has_run {
                        // COMPAT: a later page may fail no more often than the first one at the start
                        self.failures = plan.retry;
                    }
                    if http.fast_recovery && self.news() {
                        step.wait_us = 0;
                    }
                }
            }
            Verdict::Bad(why) if self.open() => {
                if plan.log_all_failures && !why.is_empty() {
                    step.lines.push(format!("{why} server {server}."));
                }
                self.has_run = true;
                self.failures = self.failures.saturating_add(1);
                if self.failures > plan.retry {
                    // COMPAT: the first failure of a checker that began as down (`alpha`) is no news
                    if self.up {
                        step.lines.push(if plan.retry > 0 {
                            let retries = self.failures - 1;
                            format!("HTTP_CHECK on service {server} failed after {retries} retries.")
                        } else {
                            format!("HTTP_CHECK on service {server} failed.")
                        });
                        let body = "=> CHECK failed on service : HTTP request failed <=";
                        step.report(false, body.to_owned());
                    }
                    self.failed_url = Some(self.url);
                }
                step.wait_us = self.after_failure(plan);
            }
            _ => step.wait_us = self.after_failure(plan),
        }
        step
    }

    fn after_failure(&self, plan: &CheckerPlan) -> u64 {
        match self.failed_url {
            Some(_) => plan.delay_before_retry_us.max(plan.delay_loop_us),
            None => plan.delay_before_retry_us,
        }
    }

    fn smtp(&mut self, plan: &CheckerPlan, verdict: Verdict, names: &Names<'_>) -> Step {
        let mut step = Step { wait_us: plan.delay_loop_us, ..Step::default() };
        let Verdict::Bad(why) = verdict else {
            self.failures = 0;
            if self.news() {
                step.lines.push(format!("Remote SMTP server {} succeed on service.", names.server));
                step.report(true, "=> CHECK succeed on service <=".to_owned());
            }
            return step;
        };
        if self.open() && (plan.log_all_failures || self.failures >= plan.retry) {
            step.lines.push(format!("SMTP_CHECK {why}"));
        }
        self.failures = self.failures.saturating_add(1);
        if self.failures <= plan.retry {
            step.wait_us = plan.delay_before_retry_us;
            step.again = true;
        } else if self.open() {
            step.report(false, format!("=> CHECK failed on service : {why} <="));
        }
        step
    }

    fn dns(&mut self, plan: &CheckerPlan, verdict: Verdict, names: &Names<'_>) -> Step {
        let mut step = Step { wait_us: plan.delay_loop_us, ..Step::default() };
        let Verdict::Bad(why) = verdict else {
            if self.news() {
                step.report(true, "=> DNS_CHECK: succeed on service <=".to_owned());
            }
            self.failures = 0;
            return step;
        };
        if self.open() {
            let last = self.failures >= plan.retry;
            if plan.log_all_failures || last {
                let after = if self.has_run && last {
                    format!(" after {} retries", plan.retry)
                } else {
                    String::new()
                };
                step.lines.push(format!("DNS_CHECK ({}) {why}{after}", names.server));
            }
            if !last {
                self.failures += 1;
                self.has_run = true;
                step.wait_us = plan.delay_before_retry_us;
                return step;
            }
            step.report(false, "=> DNS_CHECK: failed on service <=".to_owned());
        }
        self.failures = 0;
        step
    }

    fn misc(
        &mut self,
        plan: &CheckerPlan,
        program: &str,
        dynamic: bool,
        verdict: Verdict,
        names: &Names<'_>,
    ) -> Step {
        let mut step = Step::default();
        match verdict {
            Verdict::Exit(code) if code == 0 || dynamic && (2..=255).contains(&code) => {
                if self.last_exit.unwrap_or(0) != code {
                    step.share = Some(Share::Weight((code != 0).then_some(i64::from(code) - 2)));
                    self.last_exit = Some(code);
                }
                if self.news() {
                    self.tell_misc(plan, &mut step, program, "succeeded", "", names, true);
                }
                self.failures = 0;
            }
            Verdict::Good(_) | Verdict::Bad(_) => {}
            Verdict::Exit(code) if !self.open() => self.last_exit = Some(code),
            _ if !self.open() => {}
            failed => {
                let (how, reason) = match &failed {
                    Verdict::Exit(code) => ("failed", format!(" (exited with status {code})")),
                    Verdict::Signal(signal) => ("failed", format!(" (due to signal {signal})")),
                    _ => ("timed out", String::new()),
                };
                let last = self.failures >= plan.retry;
                self.failures = if last { 0 } else { self.failures + 1 };
                if last {
                    // DIFFERS: also after a signal or a timeout, where keepalived keeps adding the old share
                    step.share = Some(Share::Forget);
                    if let Verdict::Exit(code) = failed {
                        self.last_exit = Some(code);
                    }
                }
                if last || plan.log_all_failures {
                    self.tell_misc(plan, &mut step, program, how, &reason, names, last);
                }
            }
        }
        step.wait_us = if self.failures > 0 { plan.delay_before_retry_us } else { plan.delay_loop_us };
        step
    }

    #[allow(clippy::too_many_arguments, reason = "one line's parts")]
    fn tell_misc(
        &self,
        plan: &CheckerPlan,
        step: &mut Step,
        program: &str,
        how: &str,
        reason: &str,
        names: &Names<'_>,
        report: bool,
    ) {
        let retries = |n: u32| if n == 1 { "retry" } else { "retries" };
        let up = how == "succeeded";
        let stage = match (up, plan.retry, self.failures) {
            (true, ..) => String::new(),
            (_, 0, _) => " with retry disabled".to_owned(),
            (_, n, 0) => format!(" after {n} {}", retries(n)),
            (_, n, 1) => format!(", will do {n} {}", retries(n)),
            (_, n, failures) => format!(" on retry {}/{n}", failures - 1),
        };
        step.lines.push(format!(
            "Misc check for [{} VS {}] by [{program}] {how}{stage}{reason}.",
            names.server, names.pool
        ));
        if report {
            step.state = Some(up);
            step.mail = Some(Mail { body: format!("=> MISC CHECK {how} on service <="), always: true });
        }
    }
}

impl Step {
    fn report(&mut self, up: bool, body: String) {
        self.state = Some(up);
        self.mail = Some(Mail { body, always: false });
    }
}
