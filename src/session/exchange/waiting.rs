//! What is done while no prompt is seen: waiting, waking, asking again, interrupting.

use std::time::Duration;

use super::{
    CONFIRM_QUIET, ECHO_QUIET, Exchange, Kind, LAST, MOST_NEWLINES, Prompt, QUESTION_ENDS,
    QUESTION_QUIET, Step, Terminal, Trail, WAKE_QUIET,
};

impl Exchange<'_> {
    /// The device shows nothing on its last line.
    pub(super) fn step_on_silence(&mut self, terminal: &Terminal, quiet: Duration) -> Step {
        if matches!(self.kind, Kind::Login) {
            return self.wake(quiet);
        }
        let Some(learned) = self.learned.filter(|_| self.proof.is_none()) else {
            return Step::Wait(None);
        };
        let first = self.echo_end.unwrap_or_default();
        let prompt = self.prompt_behind(terminal, first);
        let prompt = prompt.as_deref().unwrap_or(&learned.line);
        let trail = Trail::read(self.platform, terminal, prompt, first, false);
        // A log message behind the prompt left an empty line; so may a message of a kind that
        // nobody foresaw, which is given more time.
        let wait = if trail.ends_in_logs() {
            CONFIRM_QUIET
        } else if prompt_among_last(terminal, prompt, first) {
            WAKE_QUIET
        } else {
            return Step::Wait(None);
        };
        if quiet < wait {
            return Step::Wait(Some(wait));
        }
        self.prove(terminal, Some((prompt.to_owned(), trail.count())))
    }

    /// A newline that was sent as a proof may have been swallowed, as devices do at login, or the
    /// prompt before it may be hidden by text of a kind that nobody foresaw.
    pub(super) fn step_on_lost_newline(
        &mut self,
        prompt: Prompt,
        first: usize,
        trail: &Trail,
        terminal: &Terminal,
        quiet: Duration,
    ) -> Step {
        if matches!(self.kind, Kind::Login | Kind::Interrupt) {
            return self.wake(quiet);
        }
        // Where nothing at all was drawn since, the device is busy and the proof is still to come.
        let sent_at = self.proof.as_ref().map_or(0, |proof| proof.at);
        if !self.kind.stays() || terminal.lines().count() <= sent_at {
            return Step::Wait(None);
        }
        if quiet < WAKE_QUIET {
            return Step::Wait(Some(WAKE_QUIET));
        }
        Step::Done(self.done(prompt, first, trail.output_end(1), terminal))
    }

    pub(super) fn wake(&mut self, quiet: Duration) -> Step {
        if self.wakes >= MOST_NEWLINES {
            return Step::Wait(None);
        }
        if quiet < WAKE_QUIET {
            return Step::Wait(Some(WAKE_QUIET));
        }
        self.wakes = self.wakes.saturating_add(1);
        Step::Newline
    }

    /// The last line is neither prompt nor pager.
    pub(super) fn step_on_other(
        &mut self,
        line: &str,
        terminal: &Terminal,
        raw: &[u8],
        quiet: Duration,
    ) -> Step {
        if matches!(self.kind, Kind::Login) {
            return self.step_on_unknown_login(line, quiet);
        }
        if matches!(self.kind, Kind::Interrupt | Kind::Block) {
            return Step::Wait(None);
        }
        if self.platform.hangs.iter().any(|hang| hang.is_match(line)) && !self.interrupted {
            if quiet < ECHO_QUIET {
                return Step::Wait(Some(ECHO_QUIET));
            }
            self.interrupted = true;
            return Step::Keys(self.platform.terminal.interrupt.clone());
        }
        if self.hides_prompt(line) && self.output_start(terminal, raw, quiet).is_some() {
            // Text without a line end stands before the prompt, or quotes it.
            if self.proof.is_some() {
                return Step::Wait(None);
            }
            if quiet < CONFIRM_QUIET {
                return Step::Wait(Some(CONFIRM_QUIET));
            }
            return self.prove(terminal, None);
        }
        if !line.ends_with(QUESTION_ENDS) {
            return Step::Wait(None);
        }
        if quiet < QUESTION_QUIET {
            return Step::Wait(Some(QUESTION_QUIET));
        }
        Step::Question(line.to_owned())
    }

    /// The prompt of the mode that a step leads to, where it is among the last lines.
    fn prompt_behind(&self, terminal: &Terminal, first: usize) -> Option<String> {
        let Kind::Transition { to, .. } = self.kind else { return None };
        let lines = terminal.lines();
        let from = lines.count().saturating_sub(LAST).max(first);
        let shown = |index| lines.line(index).map(str::trim_end);
        (from..lines.count()).rev().find_map(|index| {
            let above = index.checked_sub(1).and_then(shown).unwrap_or_default();
            let line = shown(index)?;
            let mode = self.platform.mode_of(above, line)?;
            (mode.name == *to).then(|| line.to_owned())
        })
    }
}

/// Whether one of the last lines is this prompt.
fn prompt_among_last(terminal: &Terminal, prompt: &str, first: usize) -> bool {
    let lines = terminal.lines();
    let from = lines.count().saturating_sub(LAST).max(first);
    (from..lines.count())
        .filter_map(|index| lines.line(index))
        .any(|line| !prompt.is_empty() && line.trim_end() == prompt)
}
