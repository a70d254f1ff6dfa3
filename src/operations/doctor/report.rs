//! A visit as text, the same for people and for models.

use std::fmt;

use super::{DeviceCheck, Status, Step};

impl fmt::Display for DeviceCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = match (self.ok, self.advice.is_empty()) {
            (true, true) => "in order",
            (true, false) => "usable, with advice",
            (false, _) => "NOT usable",
        };
        write!(f, "{}", self.device)?;
        if !self.address.is_empty() {
            write!(f, " ({}, security {})", self.address, self.security)?;
        }
        writeln!(f, ": {verdict}")?;
        if self.steps.is_empty()
            && let Some(error) = &self.error
        {
            writeln!(f, "  FAILED   {error}")?;
        }
        for step in self.steps.iter().filter(|step| step.status != Status::Skipped) {
            writeln!(f, "  {}", Line(step))?;
        }
        let skipped = self.steps.iter().filter(|step| step.status == Status::Skipped);
        let skipped: Vec<String> = skipped.map(|step| step.name.replace('_', " ")).collect();
        if !skipped.is_empty() {
            writeln!(f, "  {:<8} {}", "untried", skipped.join(", "))?;
        }
        for offered in self.ssh.iter().flat_map(|ssh| &ssh.offered) {
            let kind = format!("its {}s", offered.kind);
            writeln!(f, "  offered  {kind:<14} {}", offered.algorithms.join(", "))?;
        }
        for advice in &self.advice {
            writeln!(f, "  advice   {advice}")?;
        }
        Ok(())
    }
}

/// A detail of several parts stands on several lines, below one another.
const MORE: &str = "\n                           ";

struct Line<'a>(&'a Step);

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Step { name, status, detail, milliseconds } = self.0;
        let status = match status {
            Status::Ok => "ok",
            Status::Warning => "WARNING",
            Status::Failed => "FAILED",
            Status::Skipped => "untried",
        };
        write!(f, "{status:<8} {:<14}", name.replace('_', " "))?;
        match (milliseconds, detail.is_empty()) {
            (Some(took), true) => write!(f, " {took} ms"),
            (Some(took), false) => write!(f, " {detail} ({took} ms)"),
            (None, true) => Ok(()),
            (None, false) => write!(f, " {}", detail.replace("; ", MORE)),
        }
    }
}
