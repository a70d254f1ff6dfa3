//! Questions of the device: which are answered, with what, and which are only reported.

use std::time::Duration;

use super::{CONFIRM_QUIET, Exchange, Kind, MOST_ANSWERS, QUESTION_QUIET, Step, Terminal};
use crate::platform::Answer;

impl Exchange<'_> {
    pub(super) fn step_on_dialog(
        &mut self,
        line: &str,
        terminal: &mut Terminal,
        quiet: Duration,
    ) -> Option<Step> {
        if let Kind::Command(permitted) = self.kind
            && let Some(answer) = permitted.answer_to(line, self.given)
        {
            return Some(self.give(answer.to_owned(), terminal, quiet));
        }
        let dialog = match &self.kind {
            Kind::Login => self.platform.login.as_slice(),
            Kind::Line { dialog, .. } | Kind::Transition { dialog, .. } => dialog,
            Kind::Command(_) | Kind::Configuration(_) | Kind::Setup(_) => &self.platform.questions,
            Kind::BlockBegin { .. } | Kind::Block | Kind::Interrupt => return None,
        };
        let found = dialog.iter().find(|dialog| dialog.question.is_match(line))?;
        // Before the first prompt a line of a banner may look like a question when it is cut, and so
        // may a line of output; what answers a step of ours is one.
        let sure = matches!(self.kind, Kind::Line { .. } | Kind::Transition { .. });
        if !sure && quiet < CONFIRM_QUIET {
            return Some(Step::Wait(Some(CONFIRM_QUIET)));
        }
        let secret = matches!(found.answer, Answer::Password | Answer::EnableSecret);
        let pattern = found.question.as_str();
        let before = self.answered.iter().filter(|answered| *answered == pattern).count();
        // A question that comes back was answered wrongly; a secret is never sent twice.
        if before >= if secret { 1 } else { MOST_ANSWERS } || found.answer == Answer::Report {
            return Some(Step::Question(line.to_owned()));
        }
        self.answered.push(pattern.to_owned());
        let answer = found.answer.clone();
        self.settle_question(terminal, &answer);
        Some(Step::Answer(answer))
    }

    /// Gives the caller's answer.
    fn give(&mut self, answer: String, terminal: &mut Terminal, quiet: Duration) -> Step {
        if quiet < CONFIRM_QUIET {
            return Step::Wait(Some(CONFIRM_QUIET));
        }
        self.given = self.given.saturating_add(1);
        let answer = Answer::Text(answer);
        self.settle_question(terminal, &answer);
        Step::Answer(answer)
    }

    /// The question stands there until the device goes on; only a new one counts.
    fn settle_question(&mut self, terminal: &mut Terminal, answer: &Answer) {
        let at = terminal.lines().count();
        self.echo_end = self.echo_end.or(Some(at));
        let typed = match answer {
            Answer::Yes => "yes",
            Answer::No => "no",
            Answer::Text(text) | Answer::Key(text) => text.trim(),
            _ => "",
        };
        self.asked.push((at, typed.to_owned()));
        terminal.blank_current();
    }

    /// At login the last line is no prompt and no question that the platform knows.
    pub(super) fn step_on_unknown_login(&mut self, line: &str, quiet: Duration) -> Step {
        if !asks_for_password(line) {
            return self.wake(quiet);
        }
        // A newline might be taken for the answer.
        if quiet < QUESTION_QUIET {
            return Step::Wait(Some(QUESTION_QUIET));
        }
        Step::Question(line.to_owned())
    }
}

/// Whether a line asks for a password, in whatever words.
fn asks_for_password(line: &str) -> bool {
    let line = line.to_ascii_lowercase();
    let names = ["password", "passphrase", "passcode"].iter().any(|word| line.contains(word));
    names && line.ends_with([':', '?', '>', ')', ']'])
}
