//! Named sessions beside a running configuration, each a whole configuration of its own.
//!
//! A commit puts the session's configuration in place of the running one, whatever became of that
//! since the session was created.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::diff;
use super::lines::Lines;
use super::live::{Live, Pending};
use super::{Answer, Context};

/// Sessions that may wait for their end at the same time.
const MOST_PENDING: usize = 5;

/// A session, pending or committed.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) name: String,
    lines: Lines,
    state: State,
    user: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Pending,
    PendingCommitTimer,
    Completed,
}

impl State {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::PendingCommitTimer => "pendingCommitTimer",
            Self::Completed => "completed",
        }
    }
}

impl Live {
    fn session(&self, name: &str) -> Option<&Session> {
        self.sessions.iter().find(|session| session.name == name)
    }

    pub(super) fn session_lines(&self, name: &str) -> Option<&Lines> {
        self.session(name).map(|session| &session.lines)
    }

    pub(super) fn session_lines_mut(&mut self, name: &str) -> Option<&mut Lines> {
        let mut sessions = self.sessions.iter_mut();
        sessions.find(|session| session.name == name).map(|session| &mut session.lines)
    }

    /// The names of the sessions that are not committed for good.
    pub(super) fn open_sessions(&self) -> Vec<String> {
        let open = self.sessions.iter().filter(|session| session.state != State::Completed);
        open.map(|session| session.name.clone()).collect()
    }

    /// `configure session NAME`: enters the session, which is created where there is none.
    pub(in crate::lab) fn open_session(&mut self, name: &str, context: &Context<'_>) -> Answer {
        match self.session(name).map(|session| session.state) {
            Some(State::Pending) => return Ok(String::new()),
            Some(State::PendingCommitTimer) => return Err(context.text("session_timer", name)),
            Some(State::Completed) => self.sessions.retain(|session| session.name != name),
            None => {}
        }
        if self.open_sessions().len() >= MOST_PENDING {
            return Err(context.text("too_many_sessions", name));
        }
        self.sessions.push(Session {
            name: name.to_owned(),
            lines: self.running.clone(),
            state: State::Pending,
            user: context.user.to_owned(),
        });
        Ok(String::new())
    }

    /// Makes the session the running configuration, or confirms it where its timer runs.
    pub(in crate::lab) fn commit_session(&mut self, name: &str, context: &Context<'_>) -> Answer {
        let lines = self.committable(name, context)?;
        let is_timed =
            self.pending.as_ref().is_some_and(|pending| pending.session.as_deref() == Some(name));
        if is_timed {
            if context.faults.ignores_confirm {
                return Ok(String::new());
            }
            self.pending = None;
        } else {
            self.replace_running(lines, context);
        }
        self.mark(name, State::Completed);
        Ok(String::new())
    }

    /// `commit timer hh:mm:ss`.
    pub(in crate::lab) fn commit_session_for(
        &mut self,
        name: &str,
        time: &str,
        context: &Context<'_>,
    ) -> Answer {
        let time = parse_time(time).ok_or_else(|| context.text("bad_time", name))?;
        let lines = self.committable(name, context)?;
        match &mut self.pending {
            Some(pending) if pending.session.as_deref() == Some(name) => {
                pending.deadline = context.now + time;
                return Ok(String::new());
            }
            Some(_) => return Err(context.text("already_pending", name)),
            None => {}
        }
        self.pending = Some(Pending {
            deadline: context.now + time,
            since: context.now,
            user: context.user.to_owned(),
            before: self.running.clone(),
            session: Some(name.to_owned()),
        });
        self.replace_running(lines, context);
        self.mark(name, State::PendingCommitTimer);
        Ok(String::new())
    }

    /// Drops the session; where its timer runs, what was there before comes back.
    pub(in crate::lab) fn abort_session(&mut self, name: &str, context: &Context<'_>) -> Answer {
        if self.session(name).is_none_or(|session| session.state == State::Completed) {
            return Err(context.text("no_session", name));
        }
        let ours = |pending: &mut Pending| pending.session.as_deref() == Some(name);
        if let Some(pending) = self.pending.take_if(ours)
            && !self.take_back(pending, context)
        {
            return Err(context.text("revert_failed", name));
        }
        self.sessions.retain(|session| session.name != name);
        Ok(String::new())
    }

    /// `show session-config diffs`; nothing where there is no difference.
    pub(in crate::lab) fn session_diffs(&self, name: &str, context: &Context<'_>) -> Answer {
        let session = self.session(name).ok_or_else(|| context.text("no_session", name))?;
        let hunks =
            diff::unified(&self.running_text(context.spec), &session.lines.render(context.spec));
        if hunks.is_empty() {
            return Ok(hunks);
        }
        let header = "--- system:/running-config\n+++ session:/{name}-session-config\n";
        Ok(format!("{}{hunks}", header.replace("{name}", name)))
    }

    /// `show configuration sessions [detail]`.
    pub(in crate::lab) fn list_sessions(&self, detail: bool, context: &Context<'_>) -> String {
        let mut text = format!(
            "Maximum number of completed sessions: 1\n\
             Maximum number of pending sessions: {MOST_PENDING}\n"
        );
        if detail {
            text.push_str("Autosave to startup-config on commit is disabled\n");
        }
        text.push('\n');
        let mut row = |cells: [&str; 5]| {
            let [name, state, user, terminal, left] = cells;
            let line = format!("  {name:<24} {state:<20} {user:<10} {terminal:<10}");
            let line = if detail { format!("{line} {left}") } else { line };
            text.push_str(line.trim_end());
            text.push('\n');
        };
        row(["Name", "State", "User", "Terminal", "Commit Time Left"]);
        row([
            "-".repeat(24).as_str(),
            "-".repeat(20).as_str(),
            "-".repeat(10).as_str(),
            "-".repeat(10).as_str(),
            "-".repeat(16).as_str(),
        ]);
        for session in &self.sessions {
            let timed = self
                .pending
                .as_ref()
                .filter(|pending| pending.session.as_ref() == Some(&session.name));
            let left = timed.map_or_else(String::new, |pending| {
                let left = pending.deadline.saturating_sub(context.now).as_millis().div_ceil(1000);
                format!("{}h{}m{}s", left / 3600, left / 60 % 60, left % 60)
            });
            row([&session.name, session.state.as_str(), &session.user, "vty5", &left]);
        }
        text
    }

    /// The same as JSON.
    pub(in crate::lab) fn sessions_json(&self) -> String {
        let sessions: Map<String, Value> = self
            .sessions
            .iter()
            .map(|session| {
                let value = json!({
                    "state": session.state.as_str(),
                    "commitUser": session.user,
                    "description": "",
                    "instances": {},
                });
                (session.name.clone(), value)
            })
            .collect();
        let mut whole = json!({
            "maxSavedSessions": 1,
            "maxOpenSessions": MOST_PENDING,
            "sessions": sessions,
        });
        let timed =
            self.pending.as_ref().and_then(|pending| Some((pending, pending.session.as_ref()?)));
        if let (Some((pending, name)), Some(whole)) = (timed, whole.as_object_mut()) {
            whole.insert("commitTimerSessionName".to_owned(), json!(name));
            let expires = pending.deadline.as_secs_f64();
            whole.insert("commitTimerExpireTime".to_owned(), json!(expires));
        }
        format!("{whole:#}\n")
    }

    fn committable(&self, name: &str, context: &Context<'_>) -> Result<Lines, String> {
        let session = self.session(name).filter(|session| session.state != State::Completed);
        let lines = session.map(|session| session.lines.clone());
        let lines = lines.ok_or_else(|| context.text("no_session", name))?;
        match context.rejected_at_commit(&lines.statements()) {
            Some(text) => Err(text),
            None => Ok(lines),
        }
    }

    /// Only the last committed session is remembered.
    fn mark(&mut self, name: &str, state: State) {
        if state == State::Completed {
            self.sessions.retain(|session| session.state != State::Completed);
        }
        if let Some(session) = self.sessions.iter_mut().find(|session| session.name == name) {
            session.state = state;
        }
    }
}

/// `hh:mm:ss`.
fn parse_time(text: &str) -> Option<Duration> {
    let mut seconds = 0_u64;
    let parts: Vec<&str> = text.split(':').collect();
    if parts.len() != 3 {
        return None;
    }
    for part in parts {
        let number: u64 = part.parse().ok().filter(|number| *number < 60)?;
        seconds = seconds * 60 + number;
    }
    (seconds > 0).then(|| Duration::from_secs(seconds))
}
