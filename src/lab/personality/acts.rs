//! What a command does to the configuration, or shows of it.

use serde::Deserialize;

/// What a command does to the configuration, or shows of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::lab) enum Act {
    /// The command is a line of the configuration.
    Line,
    /// The command opens a section.
    Section,
    /// The command's argument is a line that goes.
    Negate,
    ShowRunning,
    ShowStartup,
    Save,
    /// A timer starts that takes back what follows, after the argument in minutes.
    StartTimer,
    MoveTimer,
    ShowTimer,
    Confirm,
    RevertNow,
    /// The first argument names a session, here and below, outside of one.
    OpenSession,
    CommitSession,
    /// The last argument is the time until it is taken back.
    CommitSessionTimer,
    AbortSession,
    ShowSession,
    SessionDiffs,
    ListSessions,
    ListSessionsInDetail,
    EditShared,
    EditExclusive,
    EditPrivate,
    Set,
    Delete,
    /// Down into a statement, up again, back to before, to the top.
    Edit,
    Up,
    Back,
    Top,
    ShowCandidate,
    ShowActive,
    ShowCommits,
    Commit,
    CommitCheck,
    /// The first argument is the time in minutes, ten where there is none, the next a comment.
    CommitConfirmed,
    RollBack,
    LoadSet,
    LoadMerge,
    LoadOverride,
}

impl Act {
    /// Whether its answer may be slow.
    pub(in crate::lab) const fn commits(self) -> bool {
        matches!(
            self,
            Self::Confirm
                | Self::CommitSession
                | Self::CommitSessionTimer
                | Self::Commit
                | Self::CommitCheck
                | Self::CommitConfirmed
        )
    }
}
