//! What the sessions of a device have in common: its configuration, and the lines it counts.

use std::sync::{Mutex, PoisonError};

use super::configuration::Configuration;
use super::faults::{Faults, When};

/// A device as its sessions see it.
#[derive(Debug)]
pub(super) struct Chassis {
    pub(super) configuration: Configuration,
    cuts: Mutex<Cuts>,
}

#[derive(Debug, Default)]
struct Cuts {
    lines: usize,
    matching: usize,
}

/// What a line ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ends {
    pub(super) when: When,
    /// Whether every connection ends, or only the one the line came on.
    pub(super) all: bool,
}

impl Chassis {
    pub(super) fn new(configuration: Configuration) -> Self {
        Self { configuration, cuts: Mutex::default() }
    }

    /// Counts a received line; whether connections end with it.
    pub(super) fn count(&self, faults: &Faults, line: &str, configuring: bool) -> Option<Ends> {
        let mut cuts = self.cuts.lock().unwrap_or_else(PoisonError::into_inner);
        cuts.lines += 1;
        if faults.cut_after_lines == Some(cuts.lines) {
            return Some(Ends { when: When::After, all: true });
        }
        let at = faults.cut_at.as_ref()?;
        if !line.trim_start().starts_with(&at.line) || (at.in_configuration && !configuring) {
            return None;
        }
        cuts.matching += 1;
        (cuts.matching == at.nth).then_some(Ends { when: at.when, all: false })
    }
}
