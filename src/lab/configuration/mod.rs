//! The configuration of a simulated device, which all of its sessions share.
//!
//! Owns what the device runs on, what it starts on, what is being edited, and the timer that takes
//! an unconfirmed change back. **Invariants:** nothing happens behind a caller's back: a timer that
//! has run out does its work before the next look at the configuration, whoever looks; the lock is
//! held for moments only, never across an await; nothing here is shared with the driver.

mod candidate;
mod commits;
mod context;
mod diff;
mod effects;
mod lines;
mod live;
mod schema;
mod sessions;
mod spec;
mod statements;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

pub(super) use self::candidate::{Candidate, CommitRequest, Editing};
pub(super) use self::context::{Answer, Context};
use self::lines::Lines;
pub(super) use self::live::{LineChange, Live};
pub(super) use self::schema::{Refused, Rule, words};
pub(super) use self::spec::{ConfigurationSpec, Kind};
pub(super) use self::statements::Statements;
use super::faults::Faults;

/// A change that will be taken back unless it is confirmed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PendingRevert {
    /// How long until then.
    pub remaining: Duration,
    /// Who made the change.
    pub user: String,
    /// The configuration session that was committed, on platforms that have them.
    pub session: Option<String>,
}

/// The configuration of one device. Cheap to look at; every look settles the timer first.
#[derive(Debug)]
pub(super) struct Configuration {
    spec: Arc<ConfigurationSpec>,
    faults: Arc<Faults>,
    hostname: String,
    /// The statements the device was started with.
    first: Vec<String>,
    started: Instant,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    store: Store,
    /// How far the clock was moved ahead of time.
    skipped: Duration,
    sessions: u64,
}

#[derive(Debug)]
enum Store {
    Live(Live),
    Candidate(Candidate),
}

impl Configuration {
    /// The configuration of a new device, without the statements named. Fails where the text of
    /// a candidate does not fit its schema.
    pub(super) fn new(
        spec: Arc<ConfigurationSpec>,
        faults: Arc<Faults>,
        hostname: &str,
        without: &[String],
    ) -> Result<Self, Refused> {
        let text = spec.initial.replace("{hostname}", hostname);
        let store = if spec.kind == Kind::Candidate {
            let schema = Rule::parse(&spec.schema);
            let statements = Statements::parse(&text, &schema)?;
            let mut candidate = Candidate::new(statements, schema, &spec.changed);
            candidate.without(without);
            Store::Candidate(candidate)
        } else {
            let mut live = Live::new(Lines::parse(&text, &spec));
            live.without(without, &spec);
            Store::Live(live)
        };
        let first = store.statements();
        let state = State { store, skipped: Duration::ZERO, sessions: 0 };
        Ok(Self {
            spec,
            faults,
            hostname: hostname.to_owned(),
            first,
            started: Instant::now(),
            state: Mutex::new(state),
        })
    }

    pub(super) fn spec(&self) -> &ConfigurationSpec {
        &self.spec
    }

    /// A number for a new session.
    pub(super) fn new_session(&self) -> u64 {
        let mut state = self.lock();
        state.sessions += 1;
        state.sessions
    }

    /// The session is gone.
    pub(super) fn end_session(&self, id: u64) {
        if let Store::Candidate(candidate) = &mut self.lock().store {
            candidate.leave(id);
        }
    }

    /// Moves the device's clock ahead.
    pub(super) fn advance(&self, time: Duration) {
        let mut state = self.lock();
        state.skipped = state.skipped.saturating_add(time);
        drop(state);
        self.look("", |_, _| ());
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn look<T>(&self, user: &str, look: impl FnOnce(&mut Store, &Context<'_>) -> T) -> T {
        let mut state = self.lock();
        let context = Context {
            spec: &self.spec,
            faults: &self.faults,
            user,
            hostname: &self.hostname,
            now: self.started.elapsed().saturating_add(state.skipped),
        };
        match &mut state.store {
            Store::Live(live) => live.settle(&context),
            Store::Candidate(candidate) => candidate.settle(&context),
        }
        look(&mut state.store, &context)
    }

    /// Works on a configuration in lines; `None` on a device with a candidate.
    pub(super) fn live<T>(
        &self,
        user: &str,
        work: impl FnOnce(&mut Live, &Context<'_>) -> T,
    ) -> Option<T> {
        self.look(user, |store, context| match store {
            Store::Live(live) => Some(work(live, context)),
            Store::Candidate(_) => None,
        })
    }

    /// Works on a configuration with a candidate; `None` on other devices.
    pub(super) fn candidate<T>(
        &self,
        user: &str,
        work: impl FnOnce(&mut Candidate, &Context<'_>) -> T,
    ) -> Option<T> {
        self.look(user, |store, context| match store {
            Store::Candidate(candidate) => Some(work(candidate, context)),
            Store::Live(_) => None,
        })
    }

    /// The host name in the prompts.
    pub(super) fn hostname(&self) -> String {
        let found = self.look("", |store, context| match store {
            Store::Live(live) => live.hostname(context.spec),
            Store::Candidate(candidate) => hostname_in(context.spec, &candidate.active().leaves()),
        });
        found.unwrap_or_else(|| self.hostname.clone())
    }

    /// The output of a command, given what it is as long as nothing was changed.
    pub(super) fn shown_in(&self, command: &str, text: String) -> String {
        if self.spec.effects.is_empty() {
            return text;
        }
        let current = self.look("", |store, _| store.statements());
        effects::apply(&self.spec, command, (&self.first, &current), text)
    }

    /// Whether new connections are refused for what the configuration says.
    pub(super) fn locks_out(&self) -> bool {
        let current = self.look("", |store, _| store.statements());
        effects::locks_out(&self.spec, &self.first, &current)
    }

    /// Minutes until the configuration is rolled back, begun ones included.
    pub(super) fn minutes_left(&self) -> Option<u64> {
        self.pending()
            .map(|pending| pending.remaining.as_millis().div_ceil(60_000))
            .and_then(|minutes| u64::try_from(minutes).ok())
    }

    pub(super) fn pending(&self) -> Option<PendingRevert> {
        self.look("", |store, context| {
            let (deadline, user, session) = match store {
                Store::Live(live) => {
                    let pending = live.pending.as_ref()?;
                    (pending.deadline, pending.user.clone(), pending.session.clone())
                }
                Store::Candidate(candidate) => {
                    let (deadline, user) = candidate.pending()?;
                    (deadline, user.to_owned(), None)
                }
            };
            let remaining = deadline.saturating_sub(context.now);
            Some(PendingRevert { remaining, user, session })
        })
    }

    pub(super) fn running_text(&self) -> String {
        self.look("", |store, context| match store {
            Store::Live(live) => live.running_text(context.spec),
            Store::Candidate(candidate) => candidate.active().render(),
        })
    }

    pub(super) fn startup_text(&self) -> String {
        self.look("", |store, context| match store {
            Store::Live(live) => live.startup_text(context.spec),
            Store::Candidate(candidate) => candidate.active().render(),
        })
    }

    pub(super) fn open_sessions(&self) -> Vec<String> {
        self.live("", |live, _| live.open_sessions()).unwrap_or_default()
    }

    pub(super) fn lock_holder(&self) -> Option<String> {
        self.candidate("", |candidate, _| candidate.lock_holder().map(str::to_owned)).flatten()
    }
}

impl Store {
    fn statements(&self) -> Vec<String> {
        match self {
            Self::Live(live) => live.running.statements(),
            Self::Candidate(candidate) => candidate.active().leaves(),
        }
    }
}

fn hostname_in(spec: &ConfigurationSpec, statements: &[String]) -> Option<String> {
    if spec.hostname.is_empty() {
        return None;
    }
    let start = format!("{} ", spec.hostname);
    let mut names = statements.iter().filter_map(|statement| statement.strip_prefix(&start));
    names.next().map(|name| name.trim().to_owned())
}
