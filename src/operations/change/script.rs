//! Runs the scripts of a dialect on a session.

use super::super::Operations;
use crate::change::Line;
use crate::error::chain;
use crate::platform::{Capture, ChangeRules, Input, Script, Step};
use crate::policy::{PermittedConfiguration, permit_configuration};
use crate::pool::Lease;
use crate::session::{SessionError, TypedLine};

/// Most times a section is left before a line, however deep it was.
const MOST_LEAVES: usize = 16;

/// What the placeholders of a script stand for.
#[derive(Debug, Clone)]
pub(super) struct Words {
    pub(super) session: String,
    pub(super) minutes: u32,
    pub(super) comment: String,
}

impl Words {
    fn fill(&self, text: &str) -> String {
        let (hours, minutes) = (self.minutes / 60, self.minutes % 60);
        text.replace("{session}", &self.session)
            .replace("{minutes}", &self.minutes.to_string())
            .replace("{hhmmss}", &format!("{hours:02}:{minutes:02}:00"))
            .replace("{comment}", &self.comment)
    }
}

/// What a script's answers were.
#[derive(Debug, Default)]
pub(super) struct Captured {
    pub(super) diff: Option<String>,
    pub(super) candidate: Option<String>,
}

/// Why a script did not run to its end.
#[derive(Debug)]
pub(super) enum Stopped {
    /// The device refused something; the session is whole.
    Refused(String),
    /// The session is of no more use.
    Lost(String),
}

impl Operations {
    /// Runs a script; `asked` is looked at before each line and may end it.
    pub(super) async fn run_script(
        &self,
        lease: &mut Lease,
        rules: &ChangeRules,
        script: &Script,
        words: &Words,
        configuration: &PermittedConfiguration,
        asked: &(dyn Fn() -> bool + Send + Sync),
    ) -> Result<Captured, Stopped> {
        let mut captured = Captured::default();
        for step in script {
            match &step.input {
                Input::Lines => self.type_lines(lease, rules, configuration, asked).await?,
                Input::Line(line) => {
                    let text = self.type_step(lease, step, &words.fill(line)).await?;
                    match step.capture {
                        Some(Capture::Diff) => captured.diff = Some(text),
                        Some(Capture::Candidate) => captured.candidate = Some(text),
                        None => {}
                    }
                }
            }
        }
        Ok(captured)
    }

    /// Runs a script that types no lines of a change, and returns the candidate it shows.
    pub(in super::super) async fn capture(
        &self,
        lease: &mut Lease,
        rules: &ChangeRules,
        script: &Script,
    ) -> Result<String, String> {
        let words = Words { session: String::new(), minutes: 0, comment: String::new() };
        let nothing = PermittedConfiguration::default();
        match self.run_script(lease, rules, script, &words, &nothing, &|| false).await {
            Ok(captured) => Ok(captured.candidate.unwrap_or_default()),
            Err(Stopped::Refused(reason) | Stopped::Lost(reason)) => Err(reason),
        }
    }

    async fn type_step(
        &self,
        lease: &mut Lease,
        step: &Step,
        line: &str,
    ) -> Result<String, Stopped> {
        let typed = match step.capture {
            Some(_) => TypedLine::Configuration(line),
            None => TypedLine::Platform(line),
        };
        let output =
            lease.type_line(typed, &step.dialog).await.map_err(|error| self.lost(&error))?;
        if let Some((_, refusal)) = &output.rejected {
            return Err(Stopped::Refused(format!("`{line}`: {}", self.show(refusal))));
        }
        if step.to.as_ref().is_some_and(|mode| lease.prompt().mode != *mode) {
            let said = self.brief(&output.text);
            return Err(Stopped::Refused(format!("`{line}` did not lead on: {said}")));
        }
        if step.expect.as_ref().is_some_and(|expected| !expected.is_match(&output.text)) {
            let said = self.brief(&output.text);
            return Err(Stopped::Refused(format!("`{line}` did not work: {said}")));
        }
        Ok(output.text)
    }

    /// Types the statements, each in its own section, and stops at the first that is refused.
    async fn type_lines(
        &self,
        lease: &mut Lease,
        rules: &ChangeRules,
        configuration: &PermittedConfiguration,
        asked: &(dyn Fn() -> bool + Send + Sync),
    ) -> Result<(), Stopped> {
        // The prompt of each section on the way to the current one, without the device's name.
        let mut way = vec![section(&lease.prompt().line)];
        for statement in configuration.statements() {
            if asked() {
                return Err(Stopped::Refused("the request was cancelled".to_owned()));
            }
            way.truncate(statement.depth.saturating_add(1));
            self.leave_to(lease, rules, way.last().map(String::as_str).unwrap_or_default()).await?;
            let typed = TypedLine::Caller(&statement.text);
            let output = lease.type_line(typed, &[]).await.map_err(|error| self.lost(&error))?;
            if let Some((_, refusal)) = &output.rejected {
                return Err(Stopped::Refused(format!(
                    "line {}, `{}`: {}",
                    statement.number,
                    self.show_line(statement.text.as_str()),
                    self.show(refusal)
                )));
            }
            if lease.prompt().mode != rules.mode {
                let text = self.show_line(statement.text.as_str());
                return Err(Stopped::Lost(format!(
                    "line {}, `{text}`, left the configuration",
                    statement.number
                )));
            }
            way.push(section(&lease.prompt().line));
        }
        let base = way.first().cloned().unwrap_or_default();
        self.leave_to(lease, rules, &base).await
    }

    /// Leaves sections until the prompt is this one.
    async fn leave_to(
        &self,
        lease: &mut Lease,
        rules: &ChangeRules,
        wanted: &str,
    ) -> Result<(), Stopped> {
        let Some(leave) = &rules.leave else { return Ok(()) };
        for _ in 0..MOST_LEAVES {
            if section(&lease.prompt().line) == wanted {
                return Ok(());
            }
            let typed = TypedLine::Platform(leave);
            lease.type_line(typed, &[]).await.map_err(|error| self.lost(&error))?;
        }
        Err(Stopped::Lost("a section could not be left".to_owned()))
    }

    /// The end of an answer on one line: what went wrong stands there.
    fn brief(&self, text: &str) -> String {
        let shown = self.show(text);
        let lines: Vec<&str> = shown.lines().filter(|line| !line.trim().is_empty()).collect();
        let last = lines.len().saturating_sub(3);
        lines.iter().skip(last).copied().collect::<Vec<_>>().join("; ")
    }

    fn lost(&self, error: &SessionError) -> Stopped {
        Stopped::Lost(self.show(&chain(error)))
    }
}

/// The part of a prompt behind the device's name: `(config-if)#`.
fn section(line: &str) -> String {
    let start = line.find(['(', '#', '>']).unwrap_or_default();
    line.get(start..).unwrap_or_default().trim_end().to_owned()
}

/// Judges lines of ours like a caller's.
pub(super) fn permit_lines(
    rules: &ChangeRules,
    lines: &[Line],
) -> Result<PermittedConfiguration, String> {
    let text: Vec<String> =
        lines.iter().map(|line| format!("{}{}", " ".repeat(line.depth), line.text)).collect();
    permit_configuration(rules, &text.join("\n")).map_err(|refusal| refusal.to_string())
}
