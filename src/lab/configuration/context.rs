//! What a device was like when somebody looked, and its words for what it then did.

use std::time::Duration;

use super::super::faults::{Faults, RejectedAt};
use super::spec::ConfigurationSpec;

/// What a device says when it did as told, or why it did not.
pub(in crate::lab) type Answer = Result<String, String>;

/// What a device was like when somebody looked.
pub(in crate::lab) struct Context<'c> {
    pub(in crate::lab) spec: &'c ConfigurationSpec,
    pub(in crate::lab) faults: &'c Faults,
    pub(in crate::lab) user: &'c str,
    /// The host name the device was started with.
    pub(super) hostname: &'c str,
    /// Since the device was started.
    pub(super) now: Duration,
}

impl Context<'_> {
    /// What the device says at an event that concerns `name`.
    pub(in crate::lab) fn text(&self, event: &str, name: &str) -> String {
        let text = self.spec.text(event);
        let text = text.replace("{name}", name).replace("{user}", self.user);
        text.replace("{now}", &self.clock(self.now))
    }

    /// A moment as the device writes it. All of them start on the same morning.
    pub(super) fn clock(&self, since: Duration) -> String {
        let seconds = since.as_secs().saturating_add(8 * 3600 + 14 * 60 + 27);
        let (day, hour) = (20 + seconds / 86_400, seconds / 3600 % 24);
        let time = format!("{hour:02}:{:02}:{:02}", seconds / 60 % 60, seconds % 60);
        self.spec.clock.replace("{time}", &time).replace("{day}", &day.to_string())
    }

    /// The device's words for the first statement it refuses to commit.
    pub(super) fn rejected_at_commit(&self, statements: &[String]) -> Option<String> {
        let rejects = self.faults.rejects.iter();
        let mut rejects = rejects.filter(|rejection| rejection.at == RejectedAt::Commit);
        rejects.find_map(|rejection| {
            let start = rejection.line.as_str();
            let start = start.strip_prefix("set ").unwrap_or(start);
            let statement = statements.iter().find(|statement| statement.contains(start))?;
            let text = rejection.text.clone().unwrap_or_else(|| self.text("commit_failed", ""));
            Some(text.replace("{line}", statement))
        })
    }
}
