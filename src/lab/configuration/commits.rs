//! Commits of a candidate, the window in which one may be taken back, and the way back.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::super::faults::Rollback;
use super::candidate::{Candidate, Commit, CommitRequest, Editing, Editor, HISTORY, Timer};
use super::statements::{Statements, compare};
use super::{Answer, Context};

/// Minutes after which a commit may be taken back.
const WINDOWS: RangeInclusive<u64> = 1..=65_535;

impl Candidate {
    /// Lets a timer that has run out do its work.
    pub(super) fn settle(&mut self, context: &Context<'_>) {
        let Some(timer) = self.timer.take_if(|timer| timer.deadline <= context.now) else { return };
        self.end_window();
        if context.faults.rollback == Rollback::Fails {
            return;
        }
        let active = self.active().clone();
        if self.shared == active {
            self.shared = timer.before.clone();
        }
        for editor in &mut self.editors {
            if editor.own.as_ref() == Some(&active) {
                editor.own = Some(timer.before.clone());
            }
        }
        let time = context.clock(timer.deadline);
        self.push(timer.before, ("root", "other"), &CommitRequest::default(), time);
    }

    /// When and by whom the active configuration is rolled back, where it is.
    pub(super) fn pending(&self) -> Option<(Duration, &str)> {
        self.timer.as_ref().map(|timer| (timer.deadline, timer.user.as_str()))
    }

    /// The time and user of the last commit.
    pub(in crate::lab) fn last_commit(&self) -> (String, String) {
        let last = self.history.front();
        last.map(|commit| (commit.time.clone(), commit.user.clone())).unwrap_or_default()
    }

    /// `rollback N`, into the candidate.
    pub(in crate::lab) fn roll_back(
        &mut self,
        id: u64,
        number: usize,
        context: &Context<'_>,
    ) -> Answer {
        let found = self.history.get(number).map(|commit| commit.statements.clone());
        let Some(statements) = found else {
            return Err(context.text("no_rollback", &number.to_string()));
        };
        if context.faults.rollback == Rollback::Fails && number > 0 {
            return Err(context.text("revert_failed", ""));
        }
        self.edit(id, context, |candidate, _| *candidate = statements)?;
        Ok(context.text("loaded", ""))
    }

    /// What distinguishes a candidate, or the active configuration, from an earlier commit.
    pub(in crate::lab) fn compare(
        &self,
        current: &Statements,
        number: usize,
        context: &Context<'_>,
    ) -> Answer {
        let earlier = self.history.get(number);
        let earlier = earlier.ok_or_else(|| context.text("no_rollback", &number.to_string()))?;
        Ok(compare(&earlier.statements, current))
    }

    /// `commit check`. On a device that waits for a confirmation this is one.
    pub(in crate::lab) fn check(&mut self, id: u64, context: &Context<'_>) -> Answer {
        self.committable(id, context)?;
        self.confirm(context);
        Ok(context.text("checked", ""))
    }

    /// `commit` and `commit confirmed`.
    pub(in crate::lab) fn commit(
        &mut self,
        id: u64,
        request: &CommitRequest<'_>,
        context: &Context<'_>,
    ) -> Answer {
        let is_private = |editor: &Editor| editor.id == id && editor.editing == Editing::Private;
        if request.confirmed.is_some() && self.editors.iter().any(is_private) {
            return Err(context.text("no_private_confirmed", ""));
        }
        if request.confirmed.is_some_and(|minutes| !WINDOWS.contains(&minutes)) {
            return Err(context.text("window_range", ""));
        }
        self.committable(id, context)?;
        let before = self.active().clone();
        let statements = self.candidate(id).clone();
        self.confirm(context);
        // Without a change a commit only confirms.
        if request.confirmed.is_some() || statements != before {
            let time = context.clock(context.now);
            self.push(statements.clone(), (context.user, "cli"), request, time);
        }
        if self.candidate(id) != &self.shared {
            self.shared = statements;
        }
        let Some(minutes) = request.confirmed else { return Ok(context.text("committed", "")) };
        self.timer = Some(Timer {
            deadline: context.now + Duration::from_secs(minutes * 60),
            user: context.user.to_owned(),
            before,
        });
        let announced = context.text("commit_confirmed", "");
        let text = format!("{announced}{}", context.text("committed", ""));
        Ok(text.replace("{minutes}", &minutes.to_string()))
    }

    fn confirm(&mut self, context: &Context<'_>) {
        if !context.faults.ignores_confirm {
            self.timer = None;
            self.end_window();
        }
    }

    /// No commit is to be rolled back any more.
    fn end_window(&mut self) {
        self.history.iter_mut().for_each(|commit| commit.confirmed = None);
    }

    fn committable(&self, id: u64, context: &Context<'_>) -> Result<(), String> {
        if let Some(text) = self.locked_for(id, context) {
            return Err(text);
        }
        match context.rejected_at_commit(&self.candidate(id).leaves()) {
            Some(text) => Err(text),
            None => Ok(()),
        }
    }

    fn push(
        &mut self,
        statements: Statements,
        (user, via): (&str, &'static str),
        request: &CommitRequest<'_>,
        time: String,
    ) {
        self.history.push_front(Commit {
            statements,
            time,
            user: user.to_owned(),
            via,
            comment: request.comment.map(str::to_owned),
            confirmed: request.confirmed,
        });
        self.history.truncate(HISTORY);
    }

    /// `show system commit`.
    pub(in crate::lab) fn show_commits(&self) -> String {
        let line = |(number, commit): (usize, &Commit)| {
            let Commit { time, user, via, .. } = commit;
            let window = commit.confirmed.map_or_else(String::new, |minutes| {
                format!(" commit confirmed, rollback in {minutes}mins")
            });
            let comment = commit.comment.as_ref();
            let comment = comment.map_or_else(String::new, |text| format!("    {text}\n"));
            format!("{number:<3} {time} by {user} via {via}{window}\n{comment}")
        };
        let lines: Vec<String> = self.history.iter().enumerate().map(line).collect();
        lines.concat()
    }
}
