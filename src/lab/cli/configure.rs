//! Commands that change the configuration or show it, on devices that keep it in lines.

use super::super::configuration::{Answer, LineChange};
use super::super::faults::RejectedAt;
use super::super::grammar::Resolved;
use super::super::personality::Act;
use super::Cli;
use super::load::Load;
use super::run::Pending;

/// Why a command did not do what it does.
#[derive(Debug)]
pub(super) enum Refusal {
    /// The device says this.
    Said(String),
    /// The line is wrong after all.
    Invalid(Resolved),
    /// A text follows.
    Loading(Load),
}

impl Cli {
    /// Does what a command does to the configuration. What it shows, where that is not fixed.
    pub(super) fn act(&mut self, pending: &Pending) -> Result<Option<String>, Refusal> {
        let Some(act) = pending.command.does else { return Ok(None) };
        match act {
            Act::Line | Act::Section => self.take_configuration_line(act, pending).map(|()| None),
            Act::Negate => self.negate(pending).map(|()| None),
            Act::ShowRunning
            | Act::ShowStartup
            | Act::Save
            | Act::StartTimer
            | Act::MoveTimer
            | Act::ShowTimer
            | Act::Confirm
            | Act::RevertNow => self.act_on_lines(act, pending),
            Act::OpenSession
            | Act::CommitSession
            | Act::CommitSessionTimer
            | Act::AbortSession
            | Act::ShowSession
            | Act::SessionDiffs
            | Act::ListSessions
            | Act::ListSessionsInDetail => self.act_on_session(act, pending),
            _ => self.act_on_candidate(act, pending),
        }
    }

    /// What the device says to a line of configuration that a fault refuses.
    pub(super) fn rejection(&self, line: &str) -> Option<String> {
        self.mode()?.depth?;
        let line = line.trim();
        let mut rejects = self.faults.rejects.iter();
        let rejection = rejects.find(|rejection| {
            rejection.at == RejectedAt::Line && line.starts_with(&rejection.line)
        })?;
        let said = rejection.text.clone();
        let usual = || self.chassis.configuration.spec().text("rejected");
        Some(said.unwrap_or_else(usual).replace("{line}", line))
    }

    /// The depth of the sections of a mode.
    fn depth_of(&self, mode: &str) -> usize {
        self.personality.modes.get(mode).and_then(|mode| mode.depth).unwrap_or(0)
    }

    /// A line that only a mode further out knows leads back to that mode.
    fn return_to(&mut self, mode: &str) {
        if self.mode != mode && self.mode().is_some_and(|mode| mode.depth.is_some()) {
            self.enter_mode(mode.to_owned(), String::new());
        }
    }

    fn take_configuration_line(&mut self, act: Act, pending: &Pending) -> Result<(), Refusal> {
        self.return_to(&pending.found_in);
        let line = pending.command.pattern.spell(&pending.arguments);
        let path: Vec<String> =
            self.path.iter().take(self.depth_of(&pending.found_in)).cloned().collect();
        let session = self.session.clone();
        let configuration = &self.chassis.configuration;
        let changed = configuration.live(&self.identity.user, |live, context| {
            if act == Act::Line {
                let change = LineChange::Add { path: &path, line: &line };
                return live.change(session.as_deref(), &change, context).map(|_| line);
            }
            let header = live.section_name(session.as_deref(), &path, &line, context);
            let change = LineChange::Open { path: &path, header: &header };
            live.change(session.as_deref(), &change, context).map(|_| header)
        });
        let line = changed.unwrap_or(Ok(String::new())).map_err(Refusal::Said)?;
        if act == Act::Section {
            self.path = path;
            self.path.push(line);
        }
        Ok(())
    }

    fn negate(&mut self, pending: &Pending) -> Result<(), Refusal> {
        let rest = pending.arguments.last().map_or("", String::as_str);
        let mode = self.mode.clone();
        let (found_in, resolved) = self.resolve(&mode, rest);
        let found_in = found_in.to_owned();
        let (line, opens) = match resolved {
            Resolved::Command { key, arguments } => {
                let command = self.personality.commands.get(key);
                let known = command.filter(|c| matches!(c.does, Some(Act::Line | Act::Section)));
                let Some(command) = known else { return Err(invalid_at(&pending.line, 1)) };
                (command.pattern.spell(&arguments), command.does == Some(Act::Section))
            }
            // `no description` is whole although `description` is not.
            Resolved::Incomplete { .. } => (rest.to_owned(), false),
            Resolved::Ambiguous { .. } => return Err(Refusal::Invalid(resolved)),
            Resolved::Invalid { position, .. } => {
                return Err(invalid_at(&pending.line, position + 1));
            }
        };
        self.return_to(&found_in);
        let path: Vec<String> = self.path.iter().take(self.depth_of(&found_in)).cloned().collect();
        let session = self.session.clone();
        let configuration = &self.chassis.configuration;
        let changed = configuration.live(&self.identity.user, |live, context| {
            let line = if opens {
                live.section_name(session.as_deref(), &path, &line, context)
            } else {
                line
            };
            let change = LineChange::Remove { path: &path, line: &line };
            live.change(session.as_deref(), &change, context)
        });
        changed.unwrap_or(Ok(String::new())).map(|_| ()).map_err(Refusal::Said)
    }

    fn act_on_lines(&mut self, act: Act, pending: &Pending) -> Result<Option<String>, Refusal> {
        let minutes = pending.arguments.last().and_then(|word| word.parse().ok()).unwrap_or(0);
        let configuration = &self.chassis.configuration;
        let answer = configuration.live(&self.identity.user, |live, context| match act {
            Act::ShowStartup => Ok(live.show_startup(context)),
            Act::Save => {
                live.save(context);
                Ok(pending.command.output.clone())
            }
            Act::StartTimer => live.start_timer(minutes, context),
            Act::MoveTimer => live.move_timer(minutes, context),
            Act::ShowTimer => Ok(live.show_timer(context)),
            Act::Confirm => live.confirm(context),
            Act::RevertNow => live.revert_now(context),
            _ => Ok(live.show_running(context)),
        });
        self.finish_act(answer)
    }

    fn act_on_session(&mut self, act: Act, pending: &Pending) -> Result<Option<String>, Refusal> {
        let current = self.session.clone().filter(|_| pending.command.in_session);
        let name = current.or_else(|| pending.arguments.first().cloned()).unwrap_or_default();
        let last = pending.arguments.last().cloned().unwrap_or_default();
        let json = pending.variant.as_deref() == Some("json");
        let configuration = &self.chassis.configuration;
        let answer = configuration.live(&self.identity.user, |live, context| match act {
            Act::OpenSession => live.open_session(&name, context),
            Act::CommitSession => live.commit_session(&name, context),
            Act::CommitSessionTimer => live.commit_session_for(&name, &last, context),
            Act::AbortSession => live.abort_session(&name, context),
            Act::SessionDiffs => live.session_diffs(&name, context),
            Act::ShowSession => live.show_session(&name, context),
            _ if json => Ok(live.sessions_json()),
            _ => Ok(live.list_sessions(act == Act::ListSessionsInDetail, context)),
        });
        let shown = self.finish_act(answer)?;
        if act == Act::OpenSession {
            self.session = Some(name);
        }
        Ok(shown)
    }

    /// What a command shows; personalities may have placeholders in their texts.
    pub(super) fn finish_act(&self, answer: Option<Answer>) -> Result<Option<String>, Refusal> {
        match answer {
            None => Ok(None),
            Some(Ok(text)) => Ok(Some(self.expand(&text))),
            Some(Err(text)) => Err(Refusal::Said(self.expand(&text))),
        }
    }
}

/// The word at a position of a line is not understood.
pub(super) fn invalid_at(line: &str, position: usize) -> Refusal {
    let tokens = super::super::grammar::tokens(line);
    let token = tokens.get(position).or_else(|| tokens.last());
    Refusal::Invalid(Resolved::Invalid {
        column: token.map_or(0, |token| token.column),
        position,
        token: token.map(|token| token.text.to_owned()).unwrap_or_default(),
    })
}
