//! Commands on devices with a candidate configuration.

use super::super::configuration::{
    Answer, Candidate, CommitRequest, Context, Editing, Refused, words,
};
use super::super::personality::{Act, Leave};
use super::Cli;
use super::configure::{Refusal, invalid_at};
use super::load::{Form, Load};
use super::run::Pending;

/// Minutes until an unconfirmed commit is rolled back, where none are given.
const USUAL_WINDOW: u64 = 10;

impl Cli {
    pub(super) fn is_uncommitted(&self) -> bool {
        let id = self.id;
        let configuration = &self.chassis.configuration;
        configuration.candidate("", |candidate, _| candidate.is_uncommitted(id)).unwrap_or(false)
    }

    fn on_candidate(
        &self,
        work: impl FnOnce(&mut Candidate, &Context<'_>) -> Answer,
    ) -> Result<Option<String>, Refusal> {
        let answer = self.chassis.configuration.candidate(&self.identity.user, work);
        self.finish_act(answer)
    }

    pub(super) fn act_on_candidate(
        &mut self,
        act: Act,
        pending: &Pending,
    ) -> Result<Option<String>, Refusal> {
        let id = self.id;
        let number = |at: usize| pending.arguments.get(at).and_then(|word| word.parse().ok());
        match act {
            Act::EditShared => {
                self.on_candidate(|c, context| c.enter(id, Editing::Shared, context))
            }
            Act::EditExclusive => {
                self.on_candidate(|c, context| c.enter(id, Editing::Exclusive, context))
            }
            Act::EditPrivate => {
                self.on_candidate(|c, context| c.enter(id, Editing::Private, context))
            }
            Act::Set | Act::Delete => self.set_or_delete(act, pending),
            Act::Edit | Act::Up | Act::Back | Act::Top => self.move_to(act, pending).map(|()| None),
            Act::ShowCandidate | Act::ShowActive => self.show_statements(act, pending),
            Act::ShowCommits => self.on_candidate(|c, _| Ok(c.show_commits())),
            Act::CommitCheck => self.on_candidate(|c, context| c.check(id, context)),
            Act::Commit => {
                let comment = pending.arguments.first().map(|text| text.trim_matches('"'));
                let request = CommitRequest { confirmed: None, comment };
                self.on_candidate(|c, context| c.commit(id, &request, context))
            }
            Act::CommitConfirmed => {
                let comment = pending.arguments.get(1).map(|text| text.trim_matches('"'));
                let minutes = number(0).unwrap_or(USUAL_WINDOW);
                let request = CommitRequest { confirmed: Some(minutes), comment };
                self.on_candidate(|c, context| c.commit(id, &request, context))
            }
            Act::RollBack => {
                let number = number(0).and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
                self.on_candidate(|c, context| c.roll_back(id, number, context))
            }
            Act::LoadSet => Err(Refusal::Loading(Load::new(Form::Set))),
            Act::LoadMerge => Err(Refusal::Loading(Load::new(Form::Merge))),
            Act::LoadOverride => Err(Refusal::Loading(Load::new(Form::Override))),
            _ => Ok(None),
        }
    }

    fn set_or_delete(&self, act: Act, pending: &Pending) -> Result<Option<String>, Refusal> {
        let typed = words(pending.arguments.last().map_or("", String::as_str));
        let line = self.whole(&typed);
        let (id, user) = (self.id, &self.identity.user);
        let configuration = &self.chassis.configuration;
        let edited = configuration.candidate(user, |candidate, context| {
            let edited = candidate.edit(id, context, |statements, schema| match act {
                Act::Set => statements.set(&line, schema).map(|()| true),
                _ => statements.delete(&line, schema),
            })?;
            Ok(edited
                .map(|found| if found { String::new() } else { context.text("not_found", "") }))
        });
        match edited {
            None => Ok(None),
            Some(Err(text)) => Err(Refusal::Said(text)),
            Some(Ok(Ok(text))) => Ok(Some(text)),
            Some(Ok(Err(refused))) => Err(self.refused(refused, pending)),
        }
    }

    /// The words with those of the statements around them.
    fn whole(&self, typed: &[String]) -> Vec<String> {
        self.levels.iter().flatten().chain(typed).cloned().collect()
    }

    /// The refusal of a line whose first word is the command.
    fn refused(&self, refused: Refused, pending: &Pending) -> Refusal {
        let around: usize = self.levels.iter().map(Vec::len).sum();
        match refused {
            Refused::Unknown(at) => {
                let words = pending.command.words.split_whitespace();
                let command = words.filter(|word| !word.starts_with('<')).count();
                invalid_at(&pending.line, at.saturating_sub(around) + command)
            }
            Refused::Missing => {
                let caret = " ".repeat(self.prompt_columns() + pending.line.chars().count());
                Refusal::Said(format!("{caret}^\nmissing argument.\n"))
            }
        }
    }

    fn move_to(&mut self, act: Act, pending: &Pending) -> Result<(), Refusal> {
        match act {
            Act::Edit => {
                let typed = words(pending.arguments.last().map_or("", String::as_str));
                let line = self.whole(&typed);
                let configuration = &self.chassis.configuration;
                let levels = configuration.candidate("", |candidate, _| candidate.levels(&line));
                let levels = levels.unwrap_or(Ok(Vec::new()));
                let levels = levels.map_err(|refused| self.refused(refused, pending))?;
                self.before_edits.push(self.levels.len());
                self.levels = levels;
            }
            Act::Up => {
                self.levels.pop();
            }
            Act::Back => {
                let before = self.before_edits.pop().unwrap_or(0);
                self.levels.truncate(before);
            }
            _ => self.levels.clear(),
        }
        if self.levels.is_empty() {
            self.before_edits.clear();
            if act != Act::Edit {
                self.leave_mode(Leave::Exit);
            }
        } else if let Some(mode) = &pending.command.enter {
            self.mode.clone_from(mode);
        }
        let words: Vec<&str> = self.levels.iter().flatten().map(String::as_str).collect();
        self.mode_argument = words.join(" ");
        Ok(())
    }

    fn show_statements(&self, act: Act, pending: &Pending) -> Result<Option<String>, Refusal> {
        let typed = words(pending.arguments.last().map_or("", String::as_str));
        let line = if act == Act::ShowActive { typed } else { self.whole(&typed) };
        let (id, variant) = (self.id, pending.variant.as_deref().unwrap_or_default());
        let number = pending.variant_argument.parse().unwrap_or(0);
        let header = self.chassis.configuration.spec().text("active_header");
        let configuration = &self.chassis.configuration;
        let shown = configuration.candidate(&self.identity.user, |candidate, context| {
            let statements =
                if act == Act::ShowActive { candidate.active() } else { candidate.candidate(id) };
            let statements = statements.clone();
            if variant.starts_with("compare") {
                return Ok(candidate.compare(&statements, number, context));
            }
            let under = candidate.under(&statements, &line)?;
            if variant == "display set" {
                let place: String = line.iter().flat_map(|word| [word.as_str(), " "]).collect();
                let set = |leaf: &String| format!("set {place}{leaf}\n");
                return Ok(Ok(under.leaves().iter().map(set).collect()));
            }
            let header = if act == Act::ShowActive && line.is_empty() {
                let (time, user) = candidate.last_commit();
                header.replace("{time}", &time).replace("{owner}", &user)
            } else {
                String::new()
            };
            Ok(Ok(format!("{header}{}", under.render())))
        });
        match shown {
            None => Ok(None),
            Some(Ok(answer)) => answer.map(Some).map_err(Refusal::Said),
            Some(Err(refused)) => Err(self.refused(refused, pending)),
        }
    }
}
