//! Commands of the configuration: check and notify scripts, MISC checks.
//!
//! [`check_script`] says whether a script may run and why not; [`ScriptCommand::start`] runs it in a process
//! group of its own, as the user written, and [`RunningScript`] is its end. Deliberately absent: what a
//! result means, and whether the next one may start.

mod run;
mod security;
#[cfg(test)]
mod tests;

pub use run::{GRACE, Outcome, RunningScript, ScriptCommand, ScriptOutput};
pub use security::{
    ScriptUser, ScriptVerdict, Unusable, WeakPart, Weakness, check_script, script_user, search_path,
};
