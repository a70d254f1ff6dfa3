//! Reads, from its end, what stands behind an answer: prompts, and what the device wrote behind them.
//!
//! A log message may follow the prompt of an answer, with or without the prompt being drawn again;
//! it is no part of the answer. **Limit:** where a device quotes its own prompt as the very last
//! line of an answer and a log message follows the real one, the quoted line is kept only if a
//! proof was made.

use super::terminal::Terminal;
use crate::platform::Platform;

/// How many lines are looked through, so that a device cannot make us walk forever.
const MOST_LINES: usize = 1024;

/// The prompts at the end of what the terminal shows, from the last to the first.
#[derive(Debug)]
pub(super) struct Trail {
    found: Vec<Found>,
}

/// One prompt.
#[derive(Debug)]
struct Found {
    /// The line where the output before it ends.
    end: usize,
    /// Whether log lines stand between it and what is below it.
    logs: bool,
    /// How many bytes of text stand before it on its line, where that has no line end of its own.
    text_before: usize,
}

/// Where the output ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct End {
    /// The line after the last whole line of the output.
    pub(super) line: usize,
    /// How many bytes of that line still belong to the output.
    pub(super) bytes: usize,
}

impl Trail {
    /// Reads back to the line `first`. The current line counts as a prompt if `current` says so.
    pub(super) fn read(
        platform: &Platform,
        terminal: &Terminal,
        prompt: &str,
        first: usize,
        current: bool,
    ) -> Self {
        let lines = terminal.lines();
        let mut found: Vec<Found> = Vec::new();
        if current {
            found.push(Found { end: lines.count(), logs: false, text_before: 0 });
        }
        let (mut logs, mut index) = (0_usize, lines.count());
        let stop = index.saturating_sub(MOST_LINES).max(first);
        while index > stop && !prompt.is_empty() {
            let above = index.saturating_sub(1);
            let Some(line) = lines.line(above) else { break };
            let line = line.trim_end();
            let behind = line.strip_prefix(prompt).map(str::trim_start);
            if line == prompt {
                found.push(Found { end: above, logs: logs > 0, text_before: 0 });
                logs = 0;
            } else if behind.is_some_and(|text| platform.is_log_line(text)) {
                found.push(Found { end: above, logs: true, text_before: 0 });
                logs = 0;
            } else if let Some(last) = found.last_mut().filter(|last| last.end == index)
                && logs == 0
                && platform.is_prelude(line)
            {
                // Belongs to the prompt below it.
                last.end = above;
            } else if line.is_empty() {
                // A device may draw blank lines between its prompts.
            } else if platform.is_log_line(line) {
                logs = logs.saturating_add(1);
            } else {
                if logs == 0 && !found.is_empty() && line.ends_with(prompt) {
                    let text_before = line.len().saturating_sub(prompt.len());
                    found.push(Found { end: above, logs: false, text_before });
                }
                break;
            }
            index = above;
        }
        Self { found }
    }

    pub(super) fn count(&self) -> usize {
        self.found.len()
    }

    /// Whether log lines stand behind the last prompt, which is not the current line.
    pub(super) fn ends_in_logs(&self) -> bool {
        self.found.first().is_some_and(|found| found.logs)
    }

    /// The first line that may belong to a prompt.
    pub(super) fn start(&self) -> usize {
        let whole = self.found.iter().rev().find(|found| found.text_before == 0);
        whole.map_or(0, |found| found.end)
    }

    /// Where the output ends when the last `prompts` prompts are not part of it, nor those that
    /// were only drawn again behind a log message.
    pub(super) fn output_end(&self, prompts: usize) -> End {
        let drawn_again = |found: &&Found| found.logs;
        let more = self.found.iter().skip(prompts).take_while(drawn_again).count();
        let index = prompts.saturating_add(more).min(self.found.len()).saturating_sub(1);
        self.found
            .get(index)
            .map_or(End { line: 0, bytes: 0 }, |f| End { line: f.end, bytes: f.text_before })
    }
}
