//! What a keyword function may read and change, what a run depends on, and what comes out of it.

use bstr::BString;
use rha_ir::Model;
use rha_ir::failover::Failover;
use rha_text::{Diagnostic, Env, Files, Severity, Sources, Span};
use rha_vocab::Support;

use crate::machine::Machine;
use crate::read::Reader;
use crate::{Class, Line, Log, check, global, script, vrrp};

/// A version of keepalived.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(pub u8, pub u8, pub u8);

impl Version {
    /// Older than anything anyone runs.
    pub const OLD: Version = Version(1, 0, 0);
    /// The version whose messages and verdicts we give.
    pub const SPOKEN: Version = Version(2, 2, 7);
    /// In no release yet.
    pub const NEXT: Version = Version(2, 5, 0);
}

/// A required word was missing: the original stops reading, so do we.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stop;

/// What a keyword function returns.
pub type Flow<T = ()> = Result<T, Stop>;

/// Which of the original's processes reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Pass {
    /// The parent: `global_defs` and what stands outside of blocks.
    Parent,
    /// Health checkers.
    Checker,
    /// VRRP.
    Vrrp,
    /// BFD.
    Bfd,
}

/// Everything a run depends on.
pub struct Input<'a> {
    /// `-f`: the main file as written; it may be a pattern.
    pub path: &'a str,
    /// Where files are read from.
    pub files: &'a dyn Files,
    /// The machine it is for.
    pub machine: &'a dyn Machine,
    /// The environment, for `${_ENV NAME}`.
    pub env: Env,
    /// `-i`: what `@id` compares with and `${_INSTANCE}` gives; the host's name up to its first dot when
    /// nothing is given there.
    pub config_id: String,
    /// Whether only a verdict is wanted (`-t`). A real start reads `5x` as 5 with a warning.
    pub testing: bool,
    /// `-e`: names of `include_check`, `None` when not given.
    pub include_check: Option<Vec<String>>,
    /// Up to which version the language is understood where an old meaning is in the way
    /// (`${_ENV NAME}` of 2.4.0); keywords of every version are known regardless.
    pub version: Version,
    /// Value of `${_RANDOM}`s: any number; the same gives the same configuration.
    pub seed: u64,
}

impl<'a> Input<'a> {
    /// A check of one file as `-t` makes it, without a configuration id.
    #[must_use]
    pub fn new(path: &'a str, files: &'a dyn Files, machine: &'a dyn Machine) -> Self {
        Input {
            path,
            files,
            machine,
            env: Env::default(),
            config_id: String::new(),
            testing: true,
            include_check: None,
            version: Version::SPOKEN,
            seed: 0,
        }
    }
}

/// A keyword in use that is not fully built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SupportNote {
    /// The keyword as its row names it.
    pub keyword: &'static str,
    /// How far it is built.
    pub support: Support,
    /// Where it is used.
    pub span: Span,
}

/// Whether a real start (or reload) may go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// Yes; ordinary errors were repaired.
    Go,
    /// No: the original's daemon ends with this exit code (2 configuration, 6 no configuration).
    Refused(i32),
}

/// What came out.
#[derive(Debug)]
pub struct Outcome {
    /// The model; its `failover` part is what was read.
    pub model: Model,
    /// Messages, each once, in order of first appearance.
    pub diagnostics: Vec<Diagnostic>,
    /// Keywords in use that are not fully built.
    pub notes: Vec<SupportNote>,
    /// All files read.
    pub sources: Sources,
    /// What `-t` exits with: 0, 2, 4, 5, 6.
    pub exit_code: i32,
    /// Whether a real start goes on.
    pub start: Start,
    /// What the first pass kept.
    pub(crate) copy: crate::read::copy::Copy,
}

impl Outcome {
    /// All files as one text, each between its name and a `!`, without comments: what the original keeps in
    /// `config_save_dir`.
    #[must_use]
    pub fn consolidated(&self) -> String {
        self.copy.printed()
    }

    /// The messages in the original's words, as `-t` prints them.
    #[must_use]
    pub fn native(&self) -> Vec<&str> {
        self.diagnostics.iter().filter_map(|d| d.native.as_ref()).map(|n| n.text.as_str()).collect()
    }
}

/// State shared by all keyword functions of a run.
pub struct Cx<'a> {
    /// What the run depends on.
    pub input: &'a Input<'a>,
    /// Whose turn it is.
    pub pass: Pass,
    /// Where lines come from.
    pub(crate) reader: Reader,
    /// What was said.
    pub log: Log,
    /// Keywords in use that are not fully built.
    pub notes: Vec<SupportNote>,
    /// Which notes there are.
    noted: Noted,
    /// Lines that are done with, for their memory.
    pub(crate) lines: Vec<Line>,
    /// Blocks for later passes that the first one met.
    pub(crate) expected: Expected,
    /// The model so far.
    pub model: Failover,
    /// What `global_defs` leaves for later.
    pub(crate) global: global::State,
    /// What scripts leave for later.
    pub(crate) scripts: script::State,
    /// Drafts of the VRRP pass.
    pub(crate) vrrp: vrrp::State,
    /// Drafts of the checker pass.
    pub(crate) check: check::State,
    /// Drafts of the BFD pass.
    pub(crate) bfd: crate::bfd::State,
    /// A track file being read.
    pub(crate) track_file: Option<vrrp::TrackFileDraft>,
    /// Blocks to skip: −1 waits for `{`, above 0 counts open ones.
    pub(crate) skip: i32,
    /// How deep in blocks we are.
    pub(crate) depth: u32,
    /// Names of interfaces that were asked for, with what the machine said.
    pub(crate) interfaces: hashbrown::HashMap<String, Option<crate::Interface>>,
    /// An interface was named that does not exist and may not appear later.
    pub(crate) interface_missing: bool,
    /// Exit code of a real start that cannot go on.
    pub(crate) refused: Option<i32>,
}

impl<'a> Cx<'a> {
    pub(crate) fn new(input: &'a Input<'a>) -> Self {
        Cx {
            input,
            pass: Pass::Parent,
            reader: Reader::default(),
            log: Log::default(),
            notes: Vec::new(),
            noted: Noted::default(),
            lines: Vec::new(),
            expected: Expected::default(),
            model: Failover::default(),
            global: global::State::default(),
            scripts: script::State::default(),
            vrrp: vrrp::State::default(),
            check: check::State::default(),
            bfd: crate::bfd::State::default(),
            track_file: None,
            skip: 0,
            depth: 0,
            interfaces: hashbrown::HashMap::new(),
            interface_missing: false,
            refused: None,
        }
    }

    /// Says an ordinary error about word `i` of a line.
    pub fn error(&mut self, code: &'static str, line: &Line, i: usize, text: impl Into<String>) {
        self.say(code, Class::Wrong, line, i, text.into());
    }

    /// Says something of any class about word `i` of a line.
    pub fn say(&mut self, code: &'static str, class: Class, line: &Line, i: usize, text: String) {
        let position = self.reader.position();
        let severity = if class == Class::Fine { Severity::Notice } else { Severity::Error };
        self.log.say(code, class, severity, Some(line.at(i)), position.as_ref(), text);
    }

    /// Says a warning, which counts like an error: deprecated keywords and the like.
    pub fn warn(&mut self, code: &'static str, line: &Line, i: usize, text: impl Into<String>) {
        let position = self.reader.position();
        self.log.say(code, Class::Wrong, Severity::Warning, Some(line.at(i)), position.as_ref(), text.into());
    }

    /// Says an error found after the last line, about something written at `span`.
    pub fn late(&mut self, code: &'static str, span: Span, text: impl Into<String>) {
        self.log.say(code, Class::Wrong, Severity::Error, Some(span), None, text.into());
    }

    /// Says an error found after the last line, of any class.
    pub fn late_class(
        &mut self,
        code: &'static str,
        class: Class,
        severity: Severity,
        span: Option<Span>,
        text: impl Into<String>,
    ) {
        self.log.say(code, class, severity, span, None, text.into());
    }

    /// Says what the original only logs in a real start: worth knowing, no error.
    pub fn remark(&mut self, code: &'static str, span: Span, text: impl Into<String>) {
        self.log.remark(code, span, text.into());
    }

    /// Skips the block of the keyword being read; `opened` when its `{` is behind us.
    pub fn skip_block(&mut self, opened: bool) {
        self.skip = if opened { 1 } else { -1 };
    }

    /// Notes that a keyword in use is not fully built.
    pub fn note(&mut self, keyword: &'static str, support: Support, span: Span) {
        // Passes may read a keyword twice; it is noted where it was read first.
        if support == Support::Full {
            return;
        }
        let note = SupportNote { keyword, support, span };
        if self.noted.insert(&note, &self.notes) {
            self.notes.push(note);
        }
    }

    /// An optional switch as word 1; absent means on. `None` after a complaint in the original's words.
    pub fn optional_switch(&mut self, line: &Line, complaint: impl FnOnce(&str) -> String) -> Option<bool> {
        let Some(word) = line.get(1) else { return Some(true) };
        let value = crate::number::switch(word);
        if value.is_none() {
            let text = complaint(word);
            self.error("KA2021", line, 1, text);
            if let Some(d) = self.log.last() {
                d.help = Some("on, true, yes, off, false and no are understood".to_owned());
            }
        }
        value
    }

    /// An interface that must exist unless interfaces may come and go.
    ///
    /// COMPAT: the first missing one stops the VRRP process at the end of its files.
    pub fn interface(&mut self, name: &str) -> Option<crate::Interface> {
        let known = self.known_interface(name);
        if known.is_none() && self.model.global.dynamic_interfaces != rha_ir::failover::DynamicInterfaces::No
        {
            return Some(crate::Interface::default());
        }
        self.interface_missing |= known.is_none();
        known
    }

    /// What the machine says about an interface.
    pub fn known_interface(&mut self, name: &str) -> Option<crate::Interface> {
        if let Some(known) = self.interfaces.get(name) {
            return known.clone();
        }
        let known = self.input.machine.interface(name);
        self.interfaces.insert(name.to_owned(), known.clone());
        known
    }
}

/// How many large blocks there will be.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Expected {
    /// `vrrp_instance`.
    pub instances: usize,
    /// `virtual_server`.
    pub servers: usize,
}

/// Which notes were given: one bit a line, as hardly any line is read twice; when one is, all of them.
#[derive(Debug, Default)]
struct Noted {
    /// Bits of lines, by file.
    lines: Vec<Vec<u64>>,
    /// All notes, once any line was met again.
    all: Option<hashbrown::HashSet<(usize, Span)>>,
}

impl Noted {
    /// Whether a note is new; `notes` are the ones so far.
    fn insert(&mut self, note: &SupportNote, notes: &[SupportNote]) -> bool {
        let key = |n: &SupportNote| (n.keyword.as_ptr() as usize, n.span);
        if let Some(all) = &mut self.all {
            return all.insert(key(note));
        }
        let (file, line) = (note.span.file.0 as usize, note.span.line as usize);
        if self.lines.len() <= file {
            self.lines.resize(file + 1, Vec::new());
        }
        let Some(bits) = self.lines.get_mut(file) else { return true };
        if bits.len() <= line / 64 {
            bits.resize(line / 64 + 1, 0);
        }
        let Some(word) = bits.get_mut(line / 64) else { return true };
        let bit = 1u64 << (line % 64);
        if *word & bit == 0 {
            *word |= bit;
            return true;
        }
        self.all.insert(notes.iter().map(key).collect()).insert(key(note))
    }
}

/// A word as the bytes programs get.
pub(crate) fn bytes(word: &str) -> BString {
    BString::from(word.as_bytes())
}
