//! The lines a pager still holds back.

use std::collections::VecDeque;

/// Output that is shown page by page.
#[derive(Debug)]
pub(super) struct Pager {
    pub(super) command: String,
    lines: VecDeque<String>,
    total: usize,
    pages: usize,
}

impl Pager {
    pub(super) fn new(command: String, text: &str) -> Self {
        let lines: VecDeque<String> = text.lines().map(str::to_owned).collect();
        Self { command, total: lines.len(), lines, pages: 0 }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// The next lines, at most so many.
    pub(super) fn take(&mut self, count: usize) -> String {
        self.pages += 1;
        let mut text = String::new();
        for line in self.lines.drain(..count.min(self.lines.len())) {
            text.push_str(&line);
            text.push('\n');
        }
        text
    }

    /// Whether only the first page was shown.
    pub(super) fn is_first_page(&self) -> bool {
        self.pages <= 1
    }

    /// How much of the output was shown.
    pub(super) fn percent(&self) -> usize {
        100 * (self.total - self.lines.len()) / self.total.max(1)
    }
}
