//! A configuration with a candidate: committed whole, for good or until a timer takes it back.

use std::collections::VecDeque;
use std::time::Duration;

use super::schema::{Refused, Rule};
use super::statements::Statements;
use super::{Answer, Context};

/// Commits that can be rolled back to.
pub(super) const HISTORY: usize = 50;

/// How a session edits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::lab) enum Editing {
    Shared,
    Exclusive,
    Private,
}

/// A session in configuration mode.
#[derive(Debug)]
pub(super) struct Editor {
    pub(super) id: u64,
    pub(super) user: String,
    pub(super) editing: Editing,
    since: Duration,
    /// Its own candidate, unless it shares the common one.
    pub(super) own: Option<Statements>,
}

/// A committed configuration.
#[derive(Debug, Clone)]
pub(super) struct Commit {
    pub(super) statements: Statements,
    pub(super) time: String,
    pub(super) user: String,
    pub(super) via: &'static str,
    pub(super) comment: Option<String>,
    /// Minutes until it is rolled back, while that may happen.
    pub(super) confirmed: Option<u64>,
}

#[derive(Debug)]
pub(super) struct Timer {
    pub(super) deadline: Duration,
    pub(super) user: String,
    /// What comes back.
    pub(super) before: Statements,
}

/// The configurations of a device with a candidate.
#[derive(Debug)]
pub(in crate::lab) struct Candidate {
    pub(super) schema: Rule,
    /// The active configuration stands first.
    pub(super) history: VecDeque<Commit>,
    pub(super) shared: Statements,
    pub(super) editors: Vec<Editor>,
    pub(super) timer: Option<Timer>,
}

/// How to commit.
#[derive(Debug, Default)]
pub(in crate::lab) struct CommitRequest<'r> {
    /// Roll back after so many minutes unless confirmed.
    pub(in crate::lab) confirmed: Option<u64>,
    pub(in crate::lab) comment: Option<&'r str>,
}

impl Candidate {
    pub(super) fn new(statements: Statements, schema: Rule, changed: &str) -> Self {
        let first = Commit {
            statements: statements.clone(),
            time: changed.to_owned(),
            user: "lab".to_owned(),
            via: "cli",
            comment: None,
            confirmed: None,
        };
        Self {
            schema,
            history: VecDeque::from([first]),
            shared: statements,
            editors: Vec::new(),
            timer: None,
        }
    }

    /// What the device runs on.
    pub(in crate::lab) fn active(&self) -> &Statements {
        static EMPTY: Statements = Statements(Vec::new());
        self.history.front().map_or(&EMPTY, |commit| &commit.statements)
    }

    /// `configure`, in one of its forms.
    pub(in crate::lab) fn enter(
        &mut self,
        id: u64,
        editing: Editing,
        context: &Context<'_>,
    ) -> Answer {
        if editing != Editing::Shared {
            if let Some(text) = self.locked_for(id, context) {
                return Err(text);
            }
            if self.shared != *self.active() {
                return Err(context.text("modified", ""));
            }
        }
        let mut text = String::new();
        if editing != Editing::Shared {
            text.push_str(&context.text("will_be_discarded", ""));
        }
        text.push_str(&context.text("entered", ""));
        if !self.editors.is_empty() {
            text.push_str(&context.text("others", ""));
            for editor in &self.editors {
                text.push_str(&who(editor, context));
            }
        }
        if self.shared != *self.active() {
            text.push_str(&context.text("uncommitted", ""));
        }
        let own = (editing != Editing::Shared).then(|| self.active().clone());
        let user = context.user.to_owned();
        self.editors.push(Editor { id, user, editing, since: context.now, own });
        Ok(text)
    }

    /// The session left configuration mode, or is gone: what only it saw is dropped.
    pub(in crate::lab) fn leave(&mut self, id: u64) {
        self.editors.retain(|editor| editor.id != id);
    }

    /// Whether leaving would lose or leave behind something.
    pub(in crate::lab) fn is_uncommitted(&self, id: u64) -> bool {
        self.candidate(id) != self.active()
    }

    /// Who holds the configuration for itself.
    pub(super) fn lock_holder(&self) -> Option<&str> {
        let mut editors = self.editors.iter();
        let holder = editors.find(|editor| editor.editing == Editing::Exclusive);
        holder.map(|editor| editor.user.as_str())
    }

    pub(super) fn locked_for(&self, id: u64, context: &Context<'_>) -> Option<String> {
        let mut editors = self.editors.iter();
        let holder = editors.find(|other| other.editing == Editing::Exclusive && other.id != id)?;
        Some(format!("{}{}", context.text("locked", ""), who(holder, context)))
    }

    /// What the session edits.
    pub(in crate::lab) fn candidate(&self, id: u64) -> &Statements {
        let editor = self.editors.iter().find(|editor| editor.id == id);
        editor.and_then(|editor| editor.own.as_ref()).unwrap_or(&self.shared)
    }

    fn candidate_mut(&mut self, id: u64) -> &mut Statements {
        let editor = self.editors.iter_mut().find(|editor| editor.id == id);
        editor.and_then(|editor| editor.own.as_mut()).unwrap_or(&mut self.shared)
    }

    /// Changes the candidate, unless somebody else has locked it.
    pub(in crate::lab) fn edit<T>(
        &mut self,
        id: u64,
        context: &Context<'_>,
        change: impl FnOnce(&mut Statements, &Rule) -> T,
    ) -> Result<T, String> {
        if let Some(text) = self.locked_for(id, context) {
            return Err(text);
        }
        let schema = std::mem::take(&mut self.schema);
        let result = change(self.candidate_mut(id), &schema);
        self.schema = schema;
        Ok(result)
    }

    /// What is at or in a statement of a configuration.
    pub(in crate::lab) fn under(
        &self,
        statements: &Statements,
        words: &[String],
    ) -> Result<Statements, Refused> {
        statements.under(words, &self.schema)
    }

    /// The levels of a path for `edit`.
    pub(in crate::lab) fn levels(&self, words: &[String]) -> Result<Vec<Vec<String>>, Refused> {
        let steps = self.schema.steps(words, false)?;
        Ok(steps.into_iter().map(|step| step.words).collect())
    }

    /// Takes statements out that a device should start without.
    pub(super) fn without(&mut self, statements: &[String]) {
        let schema = std::mem::take(&mut self.schema);
        if let Some(first) = self.history.front_mut() {
            for statement in statements {
                // A statement that cannot be is not there either.
                first.statements.delete(&super::schema::words(statement), &schema).unwrap_or(false);
            }
            self.shared = first.statements.clone();
        }
        self.schema = schema;
    }
}

fn who(editor: &Editor, context: &Context<'_>) -> String {
    let mode = match editor.editing {
        Editing::Exclusive => "exclusive ",
        Editing::Private => "private ",
        Editing::Shared => "",
    };
    let text = context.text("other", "");
    text.replace("{owner}", &editor.user)
        .replace("{since}", &context.clock(editor.since))
        .replace("{editing}", mode)
}
