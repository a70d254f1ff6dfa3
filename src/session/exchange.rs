//! One exchange with a CLI: from the bytes we sent to the prompt that proves the answer complete.
//!
//! A pure state machine. It is asked after every chunk and after quiet moments what to do next, and
//! its verdict depends only on the bytes seen, never on how they were cut. The rules:
//!
//! * The echo of our own text is consumed before a prompt is looked for.
//! * A prompt is only ever the last, unterminated line.
//! * The learned prompt is accepted at once. It is proven by one more newline where its text
//!   already occurred in this output, where a configuration was read, or where no echo came.
//! * A line that only matches a platform pattern is accepted after a quiet moment and a proof; so
//!   is the learned prompt behind text that has no line end.
//! * A question that was answered, and the echo of the answer, are no part of the output. At login
//!   nothing at all is sent while a line that asks for a password is not known.
//! * Every newline sent as a proof must be answered by one prompt more than stood there before, so
//!   that an answer to a proof can never be taken for the answer to the next command, nor a quoted
//!   prompt for the answer to a proof. Where prompts may be quoted, a quiet moment precedes it.

mod prompt;
mod question;
mod waiting;

use std::time::Duration;

use regex::Regex;

use super::echo::{Typed, squeeze};
use super::terminal::Terminal;
use super::trail::{End, Trail};
use crate::platform::{Answer, Dialog, Echo, ModeName, Platform};
use crate::policy::Permitted;

/// How long nothing may come before an ambiguous line is looked at.
const CONFIRM_QUIET: Duration = Duration::from_millis(50);
/// How long nothing may come before an echo is taken for missing.
const ECHO_QUIET: Duration = Duration::from_secs(1);
/// How long nothing may come before a line that looks like a question is one.
const QUESTION_QUIET: Duration = Duration::from_secs(2);
/// How long nothing may come at login before the device is woken by a newline.
const WAKE_QUIET: Duration = Duration::from_secs(2);
/// How many newlines may be spent on waking and proving.
const MOST_NEWLINES: usize = 4;
/// How often the same question may be answered, where the answer is no secret.
const MOST_ANSWERS: usize = 3;
/// How many of the last lines are looked at for a prompt that a message hides.
const LAST: usize = 8;
/// What a line that asks for something ends with.
const QUESTION_ENDS: [char; 4] = ['?', ':', ']', ')'];
/// The longest line that can be a prompt, a pager or a question, in bytes.
const LONGEST_PROMPT: usize = 1024;

/// A prompt that was learned from the device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prompt {
    /// The line, without blanks at its end.
    pub line: String,
    /// The mode that it proves.
    pub mode: ModeName,
}

/// What was sent, which decides what counts as an answer.
#[derive(Debug)]
pub(super) enum Kind<'a> {
    /// Nothing: the device greets us.
    Login,
    /// A command of ours that stays in its mode.
    Setup(&'a str),
    /// A reading command; the text of a configuration may quote prompts.
    Command(&'a Permitted),
    /// A command of the platform that shows a configuration.
    Configuration(&'a str),
    /// A line whose answer may be any prompt of this device, such as a configuration line.
    Line { text: &'a str, dialog: &'a [Dialog] },
    /// A step to another mode.
    Transition { text: &'a str, to: &'a ModeName, dialog: &'a [Dialog] },
    /// The line that begins a text of several lines; this is what the device says when it takes it.
    BlockBegin { text: &'a str, ready: &'a Regex },
    /// A text of several lines, ended in the device's own way.
    Block,
    /// The interrupt key.
    Interrupt,
}

impl Kind<'_> {
    /// Whether the answer is a configuration, whose text may quote prompts.
    fn reads_configuration(&self) -> bool {
        match self {
            Self::Command(permitted) => permitted.reads_configuration(),
            Self::Configuration(_) => true,
            _ => false,
        }
    }

    /// Whether one line was sent that stays in its mode.
    fn stays(&self) -> bool {
        matches!(self, Self::Setup(_) | Self::Command(_) | Self::Configuration(_))
    }
}

/// What the shell must do next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Wait for bytes, and ask again when nothing came for this long.
    Wait(Option<Duration>),
    /// Send these keys and go on.
    Keys(String),
    /// Send a newline as a proof and go on.
    Newline,
    /// Answer a question of the device and go on.
    Answer(Answer),
    /// The answer is complete.
    Done(Done),
    /// The device asks something that no answer is known for.
    Question(String),
}

/// A complete answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Done {
    /// The prompt that proved it.
    pub(super) prompt: Prompt,
    /// The first line of the output.
    pub(super) first: usize,
    /// Where the output ends.
    pub(super) end: End,
    /// Lines in between that hold a question of the device and its answer.
    pub(super) skip: Vec<usize>,
    /// A question of the device that the platform file declined.
    pub(super) declined: Option<String>,
    /// How many bytes of the first line are the prompt at which we typed.
    pub(super) head: usize,
    /// How many times a pager was answered.
    pub(super) pages: usize,
}

/// One exchange in progress.
#[derive(Debug)]
pub(super) struct Exchange<'a> {
    platform: &'a Platform,
    learned: Option<&'a Prompt>,
    kind: Kind<'a>,
    typed: Typed,
    echo_end: Option<usize>,
    echo_missing: bool,
    proof: Option<Proof>,
    /// How many newlines were sent to wake a silent device; they may have been lost.
    wakes: usize,
    /// How many bytes the line had at which we typed, blanks behind the prompt included.
    drawn: usize,
    /// Whether the interrupt key was pressed because the device hung.
    interrupted: bool,
    /// The questions that were answered.
    answered: Vec<String>,
    /// Where these questions stood, and what was typed there.
    asked: Vec<(usize, String)>,
    /// The question that the platform file declined.
    declined: Option<String>,
    /// Lines already searched for the word that a text may come.
    ready_from: usize,
    /// How many answers of the caller were used.
    given: usize,
    /// Lines already searched for the prompt's text, and whether it was there.
    searched: usize,
    quoted: bool,
    /// How many times a pager was answered.
    pages: usize,
}

/// A newline that was sent as a proof.
#[derive(Debug)]
struct Proof {
    /// How many lines had been finished.
    at: usize,
    /// How many prompts of these words stood there already, where a prompt was seen.
    before: Option<(String, usize)>,
}

impl<'a> Exchange<'a> {
    /// Starts an exchange on a session that last showed the learned prompt, on a line of `drawn`
    /// bytes.
    pub(super) fn new(
        platform: &'a Platform,
        learned: Option<&'a Prompt>,
        kind: Kind<'a>,
        drawn: usize,
    ) -> Self {
        let text = match &kind {
            Kind::Setup(text)
            | Kind::Configuration(text)
            | Kind::Line { text, .. }
            | Kind::BlockBegin { text, .. }
            | Kind::Transition { text, .. } => text,
            Kind::Command(permitted) => permitted.as_str(),
            Kind::Login | Kind::Block | Kind::Interrupt => "",
        };
        let prompt = learned.map(|learned| learned.line.as_str()).unwrap_or_default();
        let no_echo = platform.terminal.echo == Echo::None;
        Self {
            platform,
            learned,
            typed: Typed::new(prompt, text),
            kind,
            echo_end: None,
            echo_missing: no_echo,
            proof: None,
            wakes: 0,
            drawn,
            interrupted: false,
            answered: Vec::new(),
            asked: Vec::new(),
            declined: None,
            ready_from: 0,
            given: 0,
            searched: 0,
            quoted: false,
            pages: 0,
        }
    }

    /// Decides what to do next, given that nothing came for `quiet`. `raw` is the beginning of what
    /// came since we sent something, as it came.
    pub(super) fn step(&mut self, terminal: &mut Terminal, raw: &[u8], quiet: Duration) -> Step {
        let current = terminal.current_tail(LONGEST_PROMPT).into_owned();
        let line = current.trim_end();
        if let Some(done) = self.is_ready(terminal, line) {
            return Step::Done(done);
        }
        if line.is_empty() {
            return self.step_on_silence(terminal, quiet);
        }
        if let Some(step) = self.step_on_pager(terminal, &current, quiet) {
            return step;
        }
        if let Some(step) = self.step_on_dialog(line, terminal, raw, quiet) {
            return step;
        }
        let Some(prompt) = self.prompt_of(terminal, line) else {
            return self.step_on_other(line, terminal, raw, quiet);
        };
        let Some(first) = self.output_start(terminal, raw, quiet) else {
            return Step::Wait(Some(ECHO_QUIET));
        };
        self.step_on_prompt(prompt, first, terminal, quiet)
    }

    /// Whether the device takes the text of several lines.
    fn is_ready(&mut self, terminal: &Terminal, current: &str) -> Option<Done> {
        let Kind::BlockBegin { ready, .. } = self.kind else { return None };
        let lines = terminal.lines();
        let from = std::mem::replace(&mut self.ready_from, lines.count());
        let mut shown = (from..lines.count()).filter_map(|index| lines.line(index));
        let says = ready.is_match(current) || shown.any(|line| ready.is_match(line));
        let prompt = self.learned.filter(|_| says)?.clone();
        let end = End { line: 0, bytes: 0 };
        Some(Done {
            prompt,
            first: 0,
            end,
            skip: Vec::new(),
            declined: None,
            head: 0,
            pages: self.pages,
        })
    }

    fn step_on_prompt(
        &mut self,
        prompt: Prompt,
        first: usize,
        terminal: &Terminal,
        quiet: Duration,
    ) -> Step {
        let known = self.is_expected(&prompt);
        let trail = Trail::read(self.platform, terminal, &prompt.line, first, true);
        self.search_for_quotes(terminal, first, trail.start());
        // Behind the line that ends a configuration nothing is quoted.
        let ended =
            || !self.quoted && self.ends_configuration(terminal, first, trail.output_end(1));
        let quotes = self.quoted || self.kind.reads_configuration();
        let unproven = self.proof.is_none() && self.needs_proof(known, quotes, &trail, first);
        if unproven && matches!(self.kind, Kind::BlockBegin { .. }) {
            // A newline would become a part of the text, should the device take it after all.
            if quiet < ECHO_QUIET {
                return Step::Wait(Some(ECHO_QUIET));
            }
        } else if unproven {
            // The first look at an unknown prompt waits for a quiet moment, and so does one at a
            // prompt that may be quoted; at login a wrong guess costs one newline whose answer is
            // counted.
            let at_once = known && !matches!(self.kind, Kind::Block) && (!quotes || ended());
            if at_once || matches!(self.kind, Kind::Login) || quiet >= CONFIRM_QUIET {
                return self.prove(terminal, Some((prompt.line, trail.count())));
            }
            return Step::Wait(Some(CONFIRM_QUIET));
        }
        // Prompts that stood there before the newline, such as a quoted one right above the real
        // one, are no answer to it.
        let proofs = usize::from(self.proof.is_some());
        let before = self.proof.as_ref().and_then(|proof| proof.before.as_ref());
        let before = before.filter(|(line, _)| *line == prompt.line);
        if trail.count() <= before.map_or(proofs, |(_, count)| *count) {
            return self.step_on_lost_newline(prompt, first, &trail, terminal, quiet);
        }
        let end = trail.output_end(proofs.saturating_add(1));
        if end.bytes > 0 && quiet < CONFIRM_QUIET {
            return Step::Wait(Some(CONFIRM_QUIET));
        }
        Step::Done(self.done(prompt, first, end, terminal))
    }

    /// Sends the newline whose answer is the proof.
    fn prove(&mut self, terminal: &Terminal, before: Option<(String, usize)>) -> Step {
        self.proof = Some(Proof { at: terminal.lines().count(), before });
        Step::Newline
    }

    fn done(&self, prompt: Prompt, first: usize, end: End, terminal: &Terminal) -> Done {
        let only_answer = |(at, answer): &&(usize, String)| {
            let line = terminal.lines().line(*at).map(str::trim);
            line.is_some_and(|line| line.is_empty() || line == answer)
        };
        let skip = self.asked.iter().filter(only_answer).map(|(at, _)| *at).collect();
        // A device that echoes nothing, not even the end of our line, goes on behind the prompt.
        let learned = self.learned.map(|learned| learned.line.as_str()).unwrap_or_default();
        let behind = self.echo_missing && !learned.is_empty();
        let goes_on = |line: &&str| behind && line.starts_with(learned);
        let head = terminal.lines().line(first).filter(goes_on).map_or(0, |_| self.drawn);
        Done { prompt, first, end, skip, declined: self.declined.clone(), head, pages: self.pages }
    }

    fn step_on_pager(
        &mut self,
        terminal: &mut Terminal,
        current: &str,
        quiet: Duration,
    ) -> Option<Step> {
        let pager = self.platform.pagers.iter().find(|pager| pager.prompt.is_match(current))?;
        // Pagers draw over themselves; what was drawn last counts.
        if quiet < CONFIRM_QUIET {
            return Some(Step::Wait(Some(CONFIRM_QUIET)));
        }
        terminal.blank_current();
        if pager.pads_screen {
            terminal.drop_blank_lines();
        }
        self.pages = self.pages.saturating_add(1);
        Some(Step::Keys(pager.key.clone()))
    }

    /// The line where the output starts, once the echo was seen or is known to be missing.
    fn output_start(&mut self, terminal: &Terminal, raw: &[u8], quiet: Duration) -> Option<usize> {
        if matches!(self.kind, Kind::Login | Kind::Block | Kind::Interrupt) {
            return Some(0);
        }
        // Asked anew each time: a second echo may have come since, and where the device is far one
        // that was taken for missing may come after all.
        if self.platform.terminal.echo != Echo::None {
            let is_log = |line: &str| self.platform.is_log_line(line);
            let found = self.typed.end_of_echo(terminal.lines(), raw, is_log);
            self.echo_missing = self.echo_missing && found.is_none();
            self.echo_end = found.or(self.echo_end);
        }
        let silent = self.echo_missing || quiet >= ECHO_QUIET;
        if self.echo_end.is_none() && silent && terminal.lines().count() > 0 {
            self.echo_missing = true;
            // The newline that ends our own line is all that is left of an echo.
            let bare = |line: &str| self.typed.is_prompt(&squeeze(line));
            self.echo_end = Some(usize::from(terminal.lines().line(0).is_some_and(bare)));
        }
        self.echo_end
    }

    /// Remembers whether the prompt's own text stands in the output.
    fn search_for_quotes(&mut self, terminal: &Terminal, first: usize, end: usize) {
        let Some(learned) = self.learned else { return };
        let from = self.searched.max(first);
        let mut there: usize = 0;
        for line in terminal.lines().run(from, end) {
            there = there.saturating_add(1);
            self.quoted = self.quoted || line.starts_with(&learned.line);
        }
        // A line that was not kept may have been anything.
        self.quoted = self.quoted || there < end.saturating_sub(from);
        self.searched = self.searched.max(end);
    }

    /// Whether the last line of the output is the one that ends a whole configuration.
    fn ends_configuration(&self, terminal: &Terminal, first: usize, end: End) -> bool {
        let Some(marker) = &self.platform.read.end_of_configuration else { return false };
        let mut lines = (first..end.line).rev().filter_map(|index| terminal.lines().line(index));
        lines.find(|line| !line.trim().is_empty()).is_some_and(|line| marker.is_match(line))
    }

    fn needs_proof(&self, known: bool, doubtful: bool, trail: &Trail, first: usize) -> bool {
        // No output at all may be the moment between two echoes. A set-up command is silent by
        // nature, and what is left of it is read with the next echo.
        let repeats = self.platform.terminal.echo == Echo::MayRepeat;
        let line = matches!(self.kind, Kind::Line { .. } | Kind::BlockBegin { .. });
        let empty = (self.kind.stays() || line)
            && trail.start() <= first
            && (repeats || matches!(self.kind, Kind::Command(_)));
        let always = matches!(self.kind, Kind::Interrupt | Kind::Block);
        !known || doubtful || self.echo_missing || empty || always || self.interrupted
    }
}
