//! One exchange with a CLI: from the bytes we sent to the prompt that proves the answer complete.
//!
//! A pure state machine. It is asked after every chunk and after quiet moments what to do next, and
//! its verdict depends only on the bytes seen, never on how they were cut. The rules:
//!
//! * The echo of our own text is consumed before a prompt is looked for.
//! * A prompt is only ever the last, unterminated line.
//! * The learned prompt is accepted at once. It is proven by one more newline where its text
//!   already occurred in this output, where a configuration was read, or where no echo came.
//! * A line that only matches a platform pattern is accepted after a quiet moment and a proof.
//! * Every newline sent as a proof must be answered by one more prompt, so that an answer to a
//!   proof can never be taken for the answer to the next command.

use std::time::Duration;

use super::echo::{end_of_echo, squeeze};
use super::terminal::Terminal;
use crate::platform::{Answer, Dialog, ModeName, Platform};

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
    /// A command that stays in its mode.
    Command {
        text: &'a str,
        /// Whether the text may quote prompts.
        configuration: bool,
    },
    /// A line whose answer may be any prompt of this device, such as a configuration line.
    Line { text: &'a str, dialog: &'a [Dialog] },
    /// A step to another mode.
    Transition { text: &'a str, to: &'a ModeName, dialog: &'a [Dialog] },
    /// The interrupt key.
    Interrupt,
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
    /// The line after the last one of the output.
    pub(super) end: usize,
}

/// One exchange in progress.
#[derive(Debug)]
pub(super) struct Exchange<'a> {
    platform: &'a Platform,
    learned: Option<&'a Prompt>,
    kind: Kind<'a>,
    command: String,
    echo_end: Option<usize>,
    echo_missing: bool,
    newlines: usize,
    /// How many newlines were sent to wake a silent device; they may have been lost.
    wakes: usize,
    answered: Vec<Answer>,
    /// Lines already searched for the prompt's text, and whether it was there.
    searched: usize,
    quoted: bool,
}

impl<'a> Exchange<'a> {
    /// Starts an exchange on a session that last showed the learned prompt.
    pub(super) fn new(platform: &'a Platform, learned: Option<&'a Prompt>, kind: Kind<'a>) -> Self {
        let command = match &kind {
            Kind::Command { text, .. }
            | Kind::Line { text, .. }
            | Kind::Transition { text, .. } => squeeze(text),
            Kind::Login | Kind::Interrupt => String::new(),
        };
        Self {
            platform,
            learned,
            kind,
            command,
            echo_end: None,
            echo_missing: false,
            newlines: 0,
            wakes: 0,
            answered: Vec::new(),
            searched: 0,
            quoted: false,
        }
    }

    /// Decides what to do next, given that nothing came for `quiet`.
    pub(super) fn step(&mut self, terminal: &mut Terminal, quiet: Duration) -> Step {
        let current = terminal.current();
        let line = current.trim_end();
        if line.is_empty() {
            return self.step_on_silence(quiet);
        }
        if let Some(step) = self.step_on_pager(terminal, &current, quiet) {
            return step;
        }
        if let Some(step) = self.step_on_dialog(line, terminal, quiet) {
            return step;
        }
        let Some(prompt) = self.prompt_of(line) else {
            return self.step_on_other(line, quiet);
        };
        let Some(first) = self.output_start(terminal, quiet) else {
            return Step::Wait(Some(ECHO_QUIET));
        };
        let known = self.is_expected(&prompt);
        let trail = Trail::read(self.platform, terminal, line, first);
        self.search_for_quotes(terminal, first, trail.start());
        let doubtful =
            self.quoted || matches!(self.kind, Kind::Command { configuration: true, .. });
        if self.newlines == 0 && self.needs_proof(known, doubtful, &trail, first) {
            // The first look at an unknown prompt waits for a quiet moment; at login a wrong guess
            // costs one newline whose answer is counted.
            if known || matches!(self.kind, Kind::Login) || quiet >= CONFIRM_QUIET {
                self.newlines = 1;
                return Step::Newline;
            }
            return Step::Wait(Some(CONFIRM_QUIET));
        }
        let prompts = self.newlines.saturating_add(1);
        if trail.count() < prompts {
            return self.step_on_lost_newline(quiet);
        }
        let end = trail.output_end(prompts);
        // A quoted prompt right above the real one can stand in for the answer to the proof; when
        // nothing more comes, the last prompts are the real ones. Behind the line that ends a
        // configuration nothing is quoted.
        let ended = !self.quoted && self.ends_configuration(terminal, first, end);
        if doubtful && !ended && quiet < CONFIRM_QUIET {
            return Step::Wait(Some(CONFIRM_QUIET));
        }
        Step::Done(Done { prompt, first, end })
    }

    /// The device shows nothing on its last line.
    fn step_on_silence(&mut self, quiet: Duration) -> Step {
        if matches!(self.kind, Kind::Login) { self.wake(quiet) } else { Step::Wait(None) }
    }

    /// A newline that was sent as a proof may have been swallowed, as devices do at login.
    fn step_on_lost_newline(&mut self, quiet: Duration) -> Step {
        if matches!(self.kind, Kind::Login | Kind::Interrupt) {
            return self.wake(quiet);
        }
        Step::Wait(None)
    }

    fn wake(&mut self, quiet: Duration) -> Step {
        if self.wakes >= MOST_NEWLINES {
            return Step::Wait(None);
        }
        if quiet < WAKE_QUIET {
            return Step::Wait(Some(WAKE_QUIET));
        }
        self.wakes = self.wakes.saturating_add(1);
        Step::Newline
    }

    fn step_on_pager(
        &self,
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
        Some(Step::Keys(pager.key.clone()))
    }

    fn step_on_dialog(
        &mut self,
        line: &str,
        terminal: &mut Terminal,
        quiet: Duration,
    ) -> Option<Step> {
        let dialog = match &self.kind {
            Kind::Login => self.platform.login.as_slice(),
            Kind::Line { dialog, .. } | Kind::Transition { dialog, .. } => dialog,
            Kind::Command { .. } | Kind::Interrupt => return None,
        };
        let found = dialog.iter().find(|dialog| dialog.question.is_match(line))?;
        // Before the first prompt a line of a banner may look like a question when it is cut; what
        // answers a step of ours is one.
        if matches!(self.kind, Kind::Login) && quiet < CONFIRM_QUIET {
            return Some(Step::Wait(Some(CONFIRM_QUIET)));
        }
        // A question that comes back was answered wrongly; a secret is never sent twice.
        if self.answered.contains(&found.answer) {
            return Some(Step::Question(line.to_owned()));
        }
        self.answered.push(found.answer);
        self.echo_end = self.echo_end.or_else(|| Some(terminal.lines().count()));
        // The question stands there until the device goes on; only a new one counts.
        terminal.blank_current();
        Some(Step::Answer(found.answer))
    }

    /// The last line is neither prompt nor pager.
    fn step_on_other(&mut self, line: &str, quiet: Duration) -> Step {
        match self.kind {
            Kind::Login => self.wake(quiet),
            Kind::Command { .. } | Kind::Line { .. } | Kind::Transition { .. }
                if line.ends_with(['?', ':', ']', ')']) =>
            {
                if quiet >= QUESTION_QUIET {
                    Step::Question(line.to_owned())
                } else {
                    Step::Wait(Some(QUESTION_QUIET))
                }
            }
            Kind::Command { .. }
            | Kind::Line { .. }
            | Kind::Transition { .. }
            | Kind::Interrupt => Step::Wait(None),
        }
    }

    fn prompt_of(&self, line: &str) -> Option<Prompt> {
        if let Some(learned) = self.learned.filter(|learned| learned.line == line) {
            return Some(learned.clone());
        }
        let mode = self.platform.mode_of(line)?;
        Some(Prompt { line: line.to_owned(), mode: mode.name.clone() })
    }

    /// Says whether this prompt is one that the exchange may end with, without a second look.
    fn is_expected(&self, prompt: &Prompt) -> bool {
        let Some(learned) = self.learned else { return false };
        let stem = |line: &str| line.trim_end_matches(['>', '#', '%', '$', ' ']).to_owned();
        match &self.kind {
            Kind::Login => false,
            Kind::Line { .. } => host(&prompt.line) == host(&learned.line),
            // The old prompt may be the first half of an echo that comes twice.
            Kind::Transition { to, .. } => {
                prompt.mode == **to && prompt.line.starts_with(&stem(&learned.line))
            }
            Kind::Command { .. } | Kind::Interrupt => prompt.line == learned.line,
        }
    }

    /// The line where the output starts, once the echo was seen or is known to be missing.
    fn output_start(&mut self, terminal: &Terminal, quiet: Duration) -> Option<usize> {
        if matches!(self.kind, Kind::Login | Kind::Interrupt) {
            return Some(0);
        }
        let prompt = self.learned.map(|learned| squeeze(&learned.line)).unwrap_or_default();
        // Asked anew each time: a second echo may have come since.
        if !self.echo_missing {
            let found = end_of_echo(terminal.lines(), &prompt, &self.command);
            self.echo_end = found.or(self.echo_end);
        }
        if self.echo_end.is_none() && quiet >= ECHO_QUIET && terminal.lines().count() > 0 {
            let bare = terminal.lines().line(0).is_some_and(|line| squeeze(line) == prompt);
            self.echo_missing = true;
            self.echo_end = Some(usize::from(bare));
        }
        self.echo_end
    }

    /// Remembers whether the prompt's own text stands in the output.
    fn search_for_quotes(&mut self, terminal: &Terminal, first: usize, end: usize) {
        let Some(learned) = self.learned else { return };
        for index in self.searched.max(first)..end {
            let line = terminal.lines().line(index);
            let quotes = line.is_some_and(|line| line.starts_with(&learned.line));
            self.quoted = self.quoted || quotes;
        }
        self.searched = self.searched.max(end);
    }

    /// Whether the last line of the output is the one that ends a whole configuration.
    fn ends_configuration(&self, terminal: &Terminal, first: usize, end: usize) -> bool {
        let Some(marker) = &self.platform.read.end_of_configuration else { return false };
        let lines = (first..end).rev().filter_map(|index| terminal.lines().line(index));
        let last = lines.into_iter().find(|line| !line.trim().is_empty());
        last.is_some_and(|line| marker.is_match(line))
    }

    fn needs_proof(&self, known: bool, doubtful: bool, trail: &Trail, first: usize) -> bool {
        let empty = matches!(self.kind, Kind::Command { .. })
            && trail.start() <= first
            && self.platform.terminal.echo_may_repeat;
        let interrupted = matches!(self.kind, Kind::Interrupt);
        !known || doubtful || self.echo_missing || empty || interrupted
    }
}

/// The part of a prompt that names the device.
fn host(line: &str) -> &str {
    line.split(['(', '>', '#', '%', '$']).next().unwrap_or_default()
}

/// The prompts at the end of what the terminal shows, from the last to the first.
struct Trail {
    /// For each prompt, the line where the output before it ends.
    ends: Vec<usize>,
}

impl Trail {
    fn read(platform: &Platform, terminal: &Terminal, prompt: &str, first: usize) -> Self {
        let lines = terminal.lines();
        let prelude = |line: &str| platform.prompt_prelude.iter().any(|p| p.is_match(line));
        let mut ends = vec![lines.count()];
        let mut index = lines.count();
        while index > first {
            let Some(line) = lines.line(index.saturating_sub(1)) else { break };
            let line = line.trim_end();
            let last = ends.len().saturating_sub(1);
            index = index.saturating_sub(1);
            if line == prompt {
                ends.push(index);
            } else if prelude(line) {
                // Belongs to the prompt below it.
                if let Some(end) = ends.get_mut(last).filter(|end| **end == index.saturating_add(1))
                {
                    *end = index;
                }
            } else if !line.is_empty() {
                break;
            }
        }
        Self { ends }
    }

    fn count(&self) -> usize {
        self.ends.len()
    }

    /// The first line that may belong to a prompt.
    fn start(&self) -> usize {
        self.ends.last().copied().unwrap_or_default()
    }

    /// Where the output ends when the last `prompts` prompts are not part of it.
    fn output_end(&self, prompts: usize) -> usize {
        let index = prompts.min(self.ends.len()).saturating_sub(1);
        self.ends.get(index).copied().unwrap_or_default()
    }
}
