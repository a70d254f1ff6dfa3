//! The life of one change on one device, as a pure state machine.
//!
//! It is told what happened and says what to do next. **Invariants:** every phase is entered, and so
//! journaled, before its first byte is sent. Nothing is confirmed that was not checked over a new
//! connection, and nothing is saved that was not confirmed. A change ends in force, undone, untouched
//! or unknown; it never ends in force without having been checked, and it is undone only where the
//! configuration from before was seen again.

use serde::{Deserialize, Serialize};

use crate::platform::SafetyClass;

/// How often a script is tried that must not be given up lightly.
const TRIES: usize = 3;

/// A part of a change's life, as the journal names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Phase {
    /// Nothing was sent yet.
    Planned,
    /// The lines are being typed, or are in force and may be taken back by the device.
    Trial,
    /// The device is being looked at over a new connection.
    Verify,
    /// Checked, and waiting for somebody to confirm it.
    Held,
    /// It is being made to stay.
    Confirm,
    /// The startup configuration is being written.
    Save,
    /// It is being taken back.
    Undo,
    /// It has an outcome.
    Ended,
}

impl Phase {
    /// The word that journal and callers see.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Trial => "trial",
            Self::Verify => "verify",
            Self::Held => "held",
            Self::Confirm => "confirm",
            Self::Save => "save",
            Self::Undo => "undo",
            Self::Ended => "ended",
        }
    }
}

/// A script of the dialect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Run {
    /// Types the lines.
    Trial,
    /// Leaves nothing behind, on the session that the trial used.
    Abandon,
    /// Leaves nothing behind, on a new session.
    CleanUp,
    /// Makes the change stay.
    Confirm,
    /// Takes the change back.
    Undo,
    /// Writes the startup configuration.
    Save,
}

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Action {
    /// Read the running configuration on the session that the trial will use.
    LookBefore,
    /// Write this phase to the journal, then go on.
    Enter(Phase),
    /// Run a script.
    Run(Run),
    /// Look at the device over a new connection.
    Look,
    /// Wait until somebody confirms or reverts, or the time is up.
    Hold,
    /// Wait until the device's own timer has run out.
    AwaitTimer,
    /// This is how it ended.
    End(Outcome),
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// The change begins.
    Start,
    /// A phase was written to the journal.
    Entered,
    /// A script ran to its end.
    Ran,
    /// The device refused something and the session is whole.
    Refused(String),
    /// The session was lost; what was sent last may have taken effect.
    Lost(String),
    /// The device was looked at.
    Seen(Seen),
    /// Somebody wants the change to stay.
    Confirm,
    /// Somebody wants the change undone, or nobody confirmed it in time.
    Revert(String),
    /// The device's own timer has run out.
    TimerOver,
}

/// What a look at the device showed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Seen {
    /// The configuration is the one from before.
    Before,
    /// It is as planned, and nothing got worse.
    AsPlanned,
    /// It is neither, or something got worse.
    Otherwise(String),
    /// The device cannot be reached.
    Unreachable(String),
}

/// How a change ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Outcome {
    /// In force and saved.
    Saved,
    /// In force and confirmed; the startup configuration could not be written.
    NotSaved {
        /// Why.
        reason: String,
    },
    /// Nothing was changed.
    Unchanged {
        /// Why.
        reason: String,
    },
    /// Taken back; the configuration from before was seen again.
    Undone {
        /// Why.
        reason: String,
    },
    /// Nobody can say; the device must be looked at.
    Unknown {
        /// What is known.
        reason: String,
    },
}

impl Outcome {
    /// The word that journal and callers see.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Saved => "saved",
            Self::NotSaved { .. } => "not_saved",
            Self::Unchanged { .. } => "unchanged",
            Self::Undone { .. } => "undone",
            Self::Unknown { .. } => "unknown",
        }
    }

    /// Why it ended so.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Saved => None,
            Self::NotSaved { reason }
            | Self::Unchanged { reason }
            | Self::Undone { reason }
            | Self::Unknown { reason } => Some(reason),
        }
    }
}

/// Whether a checked change waits for somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum After {
    /// It is confirmed at once.
    Confirm,
    /// It is held until somebody confirms it.
    Hold,
}

/// One change on one device.
#[derive(Debug, Clone)]
pub struct Machine {
    class: SafetyClass,
    after: After,
    phase: Phase,
    /// What the machine waits for within the phase.
    awaiting: Awaiting,
    /// The first thing that went wrong; it explains how the change ended.
    reason: Option<String>,
    tries: usize,
    timer_over: bool,
    /// Whether it was taken over and the device was not looked at yet.
    resumed: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Awaiting {
    Start,
    Entry,
    Script(Run),
    Look,
    Decision,
    Timer,
}

impl Machine {
    /// A change that has not begun.
    pub fn new(class: SafetyClass, after: After) -> Self {
        Self {
            class,
            after,
            phase: Phase::Planned,
            awaiting: Awaiting::Start,
            reason: None,
            tries: 0,
            timer_over: false,
            resumed: false,
        }
    }

    /// A change that was left in this phase by a process that is gone. Nothing is known about what
    /// it sent last. `timer_over` says that the device's own timer must have run out since.
    pub fn resumed(class: SafetyClass, phase: Phase, timer_over: bool) -> Self {
        let mut machine = Self::new(class, After::Hold);
        (machine.phase, machine.timer_over, machine.resumed) = (phase, timer_over, true);
        machine
    }

    /// The current phase.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// Says what to do next.
    pub fn next(&mut self, event: Event) -> Action {
        match (self.awaiting, event) {
            (Awaiting::Start, Event::Start) => self.start(),
            (Awaiting::Entry, Event::Entered) => self.entered(),
            (Awaiting::Script(run), Event::Ran) => self.ran(run),
            (Awaiting::Script(run), Event::Refused(why)) => self.refused(run, why),
            (Awaiting::Script(run), Event::Lost(why)) => self.lost(run, why),
            (Awaiting::Look, Event::Seen(seen)) => self.seen(seen),
            (Awaiting::Decision, Event::Confirm) => self.look(),
            (Awaiting::Decision, Event::Revert(why)) => self.undo(why),
            (Awaiting::Timer, Event::TimerOver) => {
                self.timer_over = true;
                self.look()
            }
            (_, event) => {
                let reason = format!("{event:?} came in phase {}", self.phase.as_str());
                self.end(Outcome::Unknown { reason })
            }
        }
    }

    fn start(&mut self) -> Action {
        match self.phase {
            Phase::Planned if self.resumed => {
                let reason = "the program ended before anything was sent".to_owned();
                self.end(Outcome::Unchanged { reason })
            }
            Phase::Planned => {
                self.awaiting = Awaiting::Look;
                Action::LookBefore
            }
            // What was being made to stay is looked at first; everything else is taken back.
            Phase::Confirm | Phase::Save => self.look(),
            Phase::Held => {
                self.awaiting = Awaiting::Decision;
                Action::Hold
            }
            _ => self.undo("the program ended in the middle of the change".to_owned()),
        }
    }

    fn enter(&mut self, phase: Phase) -> Action {
        self.phase = phase;
        self.awaiting = Awaiting::Entry;
        self.tries = 0;
        Action::Enter(phase)
    }

    fn run(&mut self, run: Run) -> Action {
        self.awaiting = Awaiting::Script(run);
        self.tries = self.tries.saturating_add(1);
        Action::Run(run)
    }

    fn look(&mut self) -> Action {
        self.awaiting = Awaiting::Look;
        Action::Look
    }

    fn end(&mut self, outcome: Outcome) -> Action {
        self.phase = Phase::Ended;
        Action::End(outcome)
    }

    fn undo(&mut self, why: String) -> Action {
        self.reason.get_or_insert(why);
        self.enter(Phase::Undo)
    }

    fn reason(&self) -> String {
        self.reason.clone().unwrap_or_else(|| "nothing is known".to_owned())
    }

    fn entered(&mut self) -> Action {
        match self.phase {
            Phase::Trial => self.run(Run::Trial),
            Phase::Verify => self.look(),
            Phase::Held => {
                self.awaiting = Awaiting::Decision;
                Action::Hold
            }
            Phase::Confirm => self.run(Run::Confirm),
            Phase::Save => self.run(Run::Save),
            Phase::Undo => self.run(Run::Undo),
            Phase::Planned | Phase::Ended => {
                let reason = self.reason();
                self.end(Outcome::Unknown { reason })
            }
        }
    }

    fn ran(&mut self, run: Run) -> Action {
        match run {
            Run::Trial => self.enter(Phase::Verify),
            Run::Confirm => self.enter(Phase::Save),
            Run::Save => self.end(Outcome::Saved),
            Run::Abandon | Run::CleanUp | Run::Undo => self.look(),
        }
    }

    /// The device refused something and the session is whole.
    fn refused(&mut self, run: Run, why: String) -> Action {
        match run {
            Run::Trial => {
                self.reason.get_or_insert(why);
                // What was typed is in force only where there is no candidate.
                if self.class == SafetyClass::Transactional {
                    self.run(Run::Abandon)
                } else {
                    self.enter(Phase::Undo)
                }
            }
            Run::Save => self.end(Outcome::NotSaved { reason: why }),
            Run::Confirm => {
                self.reason.get_or_insert(why);
                self.look()
            }
            // An undo that is refused may have happened already.
            Run::Abandon | Run::CleanUp | Run::Undo => self.look(),
        }
    }

    /// The session was lost; what was sent last may have taken effect.
    fn lost(&mut self, run: Run, why: String) -> Action {
        match run {
            Run::Trial => {
                self.reason.get_or_insert(why);
                if self.class == SafetyClass::Transactional {
                    self.run(Run::CleanUp)
                } else {
                    self.enter(Phase::Undo)
                }
            }
            Run::Save => self.end(Outcome::NotSaved { reason: why }),
            Run::Confirm | Run::Undo if self.tries < TRIES => {
                self.reason.get_or_insert(why);
                self.run(run)
            }
            Run::Confirm | Run::Undo | Run::Abandon | Run::CleanUp => {
                self.reason.get_or_insert(why);
                self.look()
            }
        }
    }

    fn seen(&mut self, seen: Seen) -> Action {
        match self.phase {
            Phase::Planned => match seen {
                Seen::Before => self.enter(Phase::Trial),
                Seen::AsPlanned => self.end(Outcome::Unchanged {
                    reason: "the device already has this configuration".to_owned(),
                }),
                Seen::Otherwise(reason) | Seen::Unreachable(reason) => {
                    self.end(Outcome::Unchanged { reason })
                }
            },
            // The trial was refused or lost; nothing should be in force.
            Phase::Trial => match seen {
                Seen::Before => {
                    let reason = self.reason();
                    self.end(Outcome::Unchanged { reason })
                }
                _ => self.enter(Phase::Undo),
            },
            Phase::Verify => match (seen, self.after) {
                (Seen::AsPlanned, After::Hold) => self.enter(Phase::Held),
                (Seen::AsPlanned, After::Confirm) => self.enter(Phase::Confirm),
                (Seen::Before, _) => self.undo("the device does not show the change".to_owned()),
                (Seen::Otherwise(why) | Seen::Unreachable(why), _) => self.undo(why),
            },
            Phase::Held => match seen {
                Seen::AsPlanned => self.enter(Phase::Confirm),
                Seen::Before => self.end(Outcome::Undone {
                    reason: "the device took it back before it was confirmed".to_owned(),
                }),
                Seen::Otherwise(why) | Seen::Unreachable(why) => self.undo(why),
            },
            Phase::Confirm => self.seen_unconfirmed(&seen),
            Phase::Undo => self.seen_undone(&seen),
            // It was confirmed before the program ended.
            Phase::Save => match seen {
                Seen::AsPlanned => self.run(Run::Save),
                Seen::Before | Seen::Otherwise(_) | Seen::Unreachable(_) => {
                    let reason = "it was confirmed, and the device does not show it".to_owned();
                    self.end(Outcome::Unknown { reason })
                }
            },
            Phase::Ended => {
                let reason = self.reason();
                self.end(Outcome::Unknown { reason })
            }
        }
    }

    /// The confirmation failed, or its answer was lost.
    fn seen_unconfirmed(&mut self, seen: &Seen) -> Action {
        match seen {
            Seen::Before => {
                let reason = self.reason();
                self.end(Outcome::Undone { reason })
            }
            // Once the timer is over and the change still stands, it was confirmed.
            Seen::AsPlanned if self.timer_over => self.enter(Phase::Save),
            Seen::AsPlanned if std::mem::take(&mut self.resumed) => self.run(Run::Confirm),
            _ if self.class != SafetyClass::Unprotected && !self.timer_over => self.await_timer(),
            _ => {
                let reason = self.reason();
                self.end(Outcome::Unknown { reason })
            }
        }
    }

    fn seen_undone(&mut self, seen: &Seen) -> Action {
        let reason = self.reason();
        match seen {
            Seen::Before => self.end(Outcome::Undone { reason }),
            Seen::Unreachable(_) | Seen::Otherwise(_) | Seen::AsPlanned => {
                if self.class != SafetyClass::Unprotected && !self.timer_over {
                    return self.await_timer();
                }
                if self.tries < TRIES {
                    return self.run(Run::Undo);
                }
                self.end(Outcome::Unknown { reason })
            }
        }
    }

    fn await_timer(&mut self) -> Action {
        self.awaiting = Awaiting::Timer;
        Action::AwaitTimer
    }
}
