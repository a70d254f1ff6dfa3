//! A running configuration in lines: each line is live at once, a timer may take them back.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::super::faults::Rollback;
use super::lines::Lines;
use super::sessions::Session;
use super::spec::{ConfigurationSpec, starts_like};
use super::{Answer, Context};

/// Minutes after which lines may be taken back.
const TIMERS: RangeInclusive<u64> = 1..=120;

/// What becomes of a configuration unless somebody confirms it.
#[derive(Debug, Clone)]
pub(super) struct Pending {
    pub(super) deadline: Duration,
    pub(super) since: Duration,
    pub(super) user: String,
    /// What comes back.
    pub(super) before: Lines,
    /// The session that was committed.
    pub(super) session: Option<String>,
}

/// The configurations of a device that keeps them in lines.
#[derive(Debug)]
pub(in crate::lab) struct Live {
    pub(super) running: Lines,
    startup: Lines,
    /// When they last changed since the device was started.
    changed: Option<Duration>,
    saved: Option<Duration>,
    pub(super) pending: Option<Pending>,
    pub(super) sessions: Vec<Session>,
}

impl Live {
    pub(super) fn new(running: Lines) -> Self {
        Self {
            startup: running.clone(),
            running,
            changed: None,
            saved: None,
            pending: None,
            sessions: Vec::new(),
        }
    }

    /// Lets a timer that has run out do its work.
    pub(super) fn settle(&mut self, context: &Context<'_>) {
        if let Some(pending) = self.pending.take_if(|pending| pending.deadline <= context.now) {
            self.take_back(pending, context);
        }
    }

    pub(super) fn replace_running(&mut self, lines: Lines, context: &Context<'_>) {
        self.running = lines;
        self.changed = Some(context.now);
    }

    /// Brings back what was there before; whether that worked.
    pub(super) fn take_back(&mut self, pending: Pending, context: &Context<'_>) -> bool {
        let works = context.faults.rollback == Rollback::Works;
        if works {
            self.replace_running(pending.before, context);
        }
        if let Some(name) = pending.session {
            self.sessions.retain(|session| session.name != name);
        }
        works
    }

    pub(super) fn running_text(&self, spec: &ConfigurationSpec) -> String {
        self.running.render(spec)
    }

    pub(super) fn startup_text(&self, spec: &ConfigurationSpec) -> String {
        self.startup.render(spec)
    }

    fn with_header(&self, header: &str, body: &str, context: &Context<'_>) -> String {
        let spec = context.spec;
        let time = |at: Option<Duration>, before: &str| match at {
            Some(at) => context.clock(at),
            None => before.to_owned(),
        };
        let first = spec.initial.replace("{hostname}", context.hostname).len();
        let bytes = (spec.bytes + body.len()).saturating_sub(first);
        let head = header
            .replace("{bytes}", &bytes.to_string())
            .replace("{changed}", &time(self.changed, &spec.changed))
            .replace("{saved}", &time(self.saved, &spec.saved));
        format!("{head}{body}{}", spec.footer)
    }

    pub(in crate::lab) fn show_running(&self, context: &Context<'_>) -> String {
        let body = self.running_text(context.spec);
        self.with_header(&context.spec.header, &body, context)
    }

    pub(in crate::lab) fn show_startup(&self, context: &Context<'_>) -> String {
        let body = self.startup_text(context.spec);
        self.with_header(&context.spec.startup_header, &body, context)
    }

    pub(in crate::lab) fn show_session(&self, name: &str, context: &Context<'_>) -> Answer {
        let lines = self.session_lines(name).ok_or_else(|| context.text("no_session", name))?;
        Ok(self.with_header(&context.spec.header, &lines.render(context.spec), context))
    }

    pub(in crate::lab) fn save(&mut self, context: &Context<'_>) {
        self.startup = self.running.clone();
        self.saved = Some(context.now);
    }

    /// The name of a section as it stands in the configuration.
    pub(in crate::lab) fn section_name(
        &self,
        session: Option<&str>,
        path: &[String],
        header: &str,
        context: &Context<'_>,
    ) -> String {
        let lines = session.and_then(|name| self.session_lines(name)).unwrap_or(&self.running);
        lines.section_name(path, header, context.spec)
    }

    /// Takes a line, or its negation, in a section.
    pub(in crate::lab) fn change(
        &mut self,
        session: Option<&str>,
        change: &LineChange<'_>,
        context: &Context<'_>,
    ) -> Answer {
        let spec = context.spec;
        let target = match session {
            None => Some(&mut self.running),
            Some(name) => self.session_lines_mut(name),
        };
        let Some(lines) = target else { return Err(context.text("no_session", "")) };
        match change {
            LineChange::Open { path, header } => lines.open(path, header, spec),
            LineChange::Add { path, line } => {
                for refusal in &spec.refusals {
                    let Some(count) = starts_like(&refusal.line, line) else { continue };
                    let next = line.split_whitespace().nth(count);
                    let accepted = refusal.except.iter().any(|word| Some(word.as_str()) == next);
                    let named = line.split_whitespace().nth(count.saturating_sub(1));
                    let needed = refusal.needs.replace('*', named.unwrap_or_default());
                    if !accepted && !lines.has_near(path, &needed) {
                        return Err(refusal.text.replace("{line}", line));
                    }
                }
                lines.add(path, line, spec);
            }
            LineChange::Remove { path, line } => lines.remove(path, line, spec),
        }
        if session.is_none() {
            self.changed = Some(context.now);
        }
        Ok(String::new())
    }

    /// `configure terminal revert timer`.
    pub(in crate::lab) fn start_timer(&mut self, minutes: u64, context: &Context<'_>) -> Answer {
        let statements = self.running.statements();
        if !statements.iter().any(|statement| statement.starts_with("archive path ")) {
            return Err(context.text("archive_off", ""));
        }
        if !TIMERS.contains(&minutes) {
            return Err(context.text("timer_range", ""));
        }
        if self.pending.is_some() {
            return Err(context.text("already_pending", ""));
        }
        self.pending = Some(Pending {
            deadline: context.now + Duration::from_secs(minutes * 60),
            since: context.now,
            user: context.user.to_owned(),
            before: self.running.clone(),
            session: None,
        });
        Ok(context.text("timer_started", ""))
    }

    /// `configure confirm`.
    pub(in crate::lab) fn confirm(&mut self, context: &Context<'_>) -> Answer {
        if self.pending.is_none() {
            return Err(context.text("none_pending", ""));
        }
        if !context.faults.ignores_confirm {
            self.pending = None;
        }
        Ok(context.text("confirmed", ""))
    }

    /// `configure revert now`.
    pub(in crate::lab) fn revert_now(&mut self, context: &Context<'_>) -> Answer {
        let Some(pending) = self.pending.take() else {
            return Err(context.text("none_pending", ""));
        };
        if self.take_back(pending, context) {
            Ok(context.text("reverted", ""))
        } else {
            Err(context.text("revert_failed", ""))
        }
    }

    /// `configure revert timer`.
    pub(in crate::lab) fn move_timer(&mut self, minutes: u64, context: &Context<'_>) -> Answer {
        let Some(pending) = &mut self.pending else {
            return Err(context.text("none_pending", ""));
        };
        if !TIMERS.contains(&minutes) {
            return Err(context.text("timer_range", ""));
        }
        pending.deadline = context.now + Duration::from_secs(minutes * 60);
        pending.since = context.now;
        Ok(String::new())
    }

    /// `show archive config rollback timer`.
    pub(in crate::lab) fn show_timer(&self, context: &Context<'_>) -> String {
        let Some(pending) = &self.pending else { return context.text("none_pending", "") };
        let minutes = pending.deadline.saturating_sub(pending.since).as_secs() / 60;
        context
            .text("timer", "")
            .replace("{since}", &context.clock(pending.since))
            .replace("{minutes}", &minutes.to_string())
            .replace("{owner}", &pending.user)
    }

    /// The host name the configuration gives, where it gives one.
    pub(super) fn hostname(&self, spec: &ConfigurationSpec) -> Option<String> {
        super::hostname_in(spec, &self.running.statements())
    }

    /// Takes statements out that a device should start without.
    pub(super) fn without(&mut self, statements: &[String], spec: &ConfigurationSpec) {
        for statement in statements {
            self.running.remove(&[], statement, spec);
        }
        self.startup = self.running.clone();
    }
}

/// A line for a configuration.
#[derive(Debug)]
pub(in crate::lab) enum LineChange<'l> {
    Open { path: &'l [String], header: &'l str },
    Add { path: &'l [String], line: &'l str },
    Remove { path: &'l [String], line: &'l str },
}
