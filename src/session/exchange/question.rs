//! Questions of the device: which are answered, with what, and which are only reported.

use std::time::Duration;

use super::{
    CONFIRM_QUIET, Exchange, Kind, MOST_ANSWERS, QUESTION_ENDS, QUESTION_QUIET, Step, Terminal,
};
use crate::platform::Answer;

/// How many lines above a question belong to it.
const CONTEXT: usize = 2;

impl Exchange<'_> {
    pub(super) fn step_on_dialog(
        &mut self,
        line: &str,
        terminal: &mut Terminal,
        raw: &[u8],
        quiet: Duration,
    ) -> Option<Step> {
        if let Some(answer) = self.given_answer(line, terminal, raw, quiet) {
            return Some(self.give(answer, line, terminal, quiet));
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
        if self.kind.stays() && is_no(&answer) {
            self.declined = Some(line.to_owned());
        }
        self.settle_question(terminal, &answer);
        Some(Step::Answer(answer))
    }

    /// The caller's answer, where the line is really a question of the device: not the echo of the
    /// command, and not a prompt, at which the answer would be a command that nobody judged.
    fn given_answer(
        &mut self,
        line: &str,
        terminal: &Terminal,
        raw: &[u8],
        quiet: Duration,
    ) -> Option<String> {
        let Kind::Command(permitted) = self.kind else { return None };
        let whole = || -> String {
            let lines = terminal.lines();
            let from = lines.count().saturating_sub(CONTEXT);
            let above = (from..lines.count()).filter_map(|index| lines.line(index));
            above.flat_map(|line| [line, " "]).chain([line]).collect()
        };
        let answer = permitted.answer_to(line, whole, self.given)?.to_owned();
        let prompt = self.prompt_of(terminal, line).is_some() || self.hides_prompt(line);
        (!prompt && self.output_start(terminal, raw, quiet).is_some()).then_some(answer)
    }

    /// Gives the caller's answer.
    fn give(
        &mut self,
        answer: String,
        line: &str,
        terminal: &mut Terminal,
        quiet: Duration,
    ) -> Step {
        // What does not end like a question may be a line of output that is not finished yet.
        let wait = if line.ends_with(QUESTION_ENDS) { CONFIRM_QUIET } else { QUESTION_QUIET };
        if quiet < wait {
            return Step::Wait(Some(wait));
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

/// Whether an answer declines.
fn is_no(answer: &Answer) -> bool {
    match answer {
        Answer::No => true,
        Answer::Text(text) | Answer::Key(text) => {
            matches!(text.trim().to_ascii_lowercase().as_str(), "n" | "no")
        }
        _ => false,
    }
}

/// Whether a line asks for a password, in whatever words.
fn asks_for_password(line: &str) -> bool {
    let line = line.to_ascii_lowercase();
    let names = ["password", "passphrase", "passcode"].iter().any(|word| line.contains(word));
    names && line.ends_with([':', '?', '>', ')', ']'])
}
