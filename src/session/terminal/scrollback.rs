//! The finished lines: the head up to a limit, and always the last few.

use std::collections::VecDeque;

use super::stretch::{SMALL, split_before};

/// How many of the last lines stay available when the head is full.
const TAIL_LINES: usize = 16;
/// The longest line that stays whole although the head is full.
const TAIL_LINE: usize = SMALL;
/// For every so many lines of the head its place is remembered.
const STRIDE: usize = 16;

/// The finished lines of an answer.
#[derive(Debug)]
pub(crate) struct Scrollback {
    /// The head, each line with its newline: one buffer, since lines are many and short.
    kept: String,
    kept_count: usize,
    /// Where the first, the 17th, … line starts in it.
    starts: Vec<usize>,
    limit: usize,
    tail: VecDeque<String>,
    /// A buffer to use again.
    spare: String,
    /// Whether a line that is there lacks its end.
    shortened: bool,
    /// Lines finished since the last [`Scrollback::clear`].
    count: usize,
    /// Bytes of those lines, each with its newline.
    bytes: u64,
}

impl Scrollback {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            kept: String::new(),
            kept_count: 0,
            starts: Vec::new(),
            limit,
            tail: VecDeque::new(),
            spare: String::new(),
            shortened: false,
            count: 0,
            bytes: 0,
        }
    }

    /// How much of the line that comes next is of use.
    pub(super) fn room(&self) -> usize {
        if self.is_open() {
            self.limit.saturating_sub(self.kept.len()).max(TAIL_LINE)
        } else {
            TAIL_LINE
        }
    }

    /// Takes a finished line of this many bytes, of which the text is the beginning.
    pub(super) fn push(&mut self, text: &str, length: usize) {
        let open = self.is_open();
        self.count = self.count.saturating_add(1);
        self.bytes = self.bytes.saturating_add(length as u64).saturating_add(1);
        if open && self.kept.len().saturating_add(length) < self.limit {
            return self.keep(text);
        }
        if open && length > TAIL_LINE {
            // One line may be the whole answer, so what there is room for is worth keeping.
            self.shortened = true;
            let room = self.limit.saturating_sub(self.kept.len()).saturating_sub(1);
            return self.keep(split_before(text, room).0);
        }
        self.shortened = self.shortened || length > TAIL_LINE;
        let mut line = std::mem::take(&mut self.spare);
        line.push_str(split_before(text, TAIL_LINE).0);
        self.tail.push_back(line);
        if self.tail.len() > TAIL_LINES {
            self.spare = self.tail.pop_front().unwrap_or_default();
            self.spare.clear();
        }
    }

    fn keep(&mut self, text: &str) {
        if self.kept_count.is_multiple_of(STRIDE) {
            self.starts.push(self.kept.len());
        }
        self.kept_count = self.kept_count.saturating_add(1);
        self.kept.push_str(text);
        self.kept.push('\n');
    }

    /// Whether the head takes another line.
    fn is_open(&self) -> bool {
        !self.shortened && self.tail.is_empty() && self.kept_count == self.count
    }

    pub(super) fn clear(&mut self) {
        // Nor does the next answer, which may be small.
        let limit = self.limit;
        if self.kept.capacity() > SMALL || self.tail.iter().any(|line| line.capacity() > SMALL) {
            *self = Self::new(limit);
        }
        self.kept.clear();
        self.starts.clear();
        self.tail.clear();
        (self.kept_count, self.count, self.bytes, self.shortened) = (0, 0, 0, false);
    }

    /// How many lines were finished.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// How many bytes they had, newlines included.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The line with this number, where it is still there; of a very long one the beginning.
    pub(crate) fn line(&self, index: usize) -> Option<&str> {
        if index < self.kept_count {
            let rest = self.kept.get(self.start_of(index)?..)?;
            return rest.split('\n').next();
        }
        let first_of_tail = self.count.checked_sub(self.tail.len())?;
        self.tail.get(index.checked_sub(first_of_tail)?).map(String::as_str)
    }

    /// The lines from `first` up to `end`, as far as they are there without a gap. Costs less than
    /// asking for each by its number.
    pub(crate) fn run(&self, first: usize, end: usize) -> impl Iterator<Item = &str> {
        let start = if first < self.kept_count { self.start_of(first) } else { None };
        let head = start.and_then(|start| self.kept.get(start..)).unwrap_or_default();
        let tail = (first.max(self.kept_count)..end).map_while(|index| self.line(index));
        head.split_terminator('\n').chain(tail).take(end.saturating_sub(first))
    }

    /// Where a line of the head starts.
    fn start_of(&self, index: usize) -> Option<usize> {
        let start = *self.starts.get(index / STRIDE)?;
        let lines = index % STRIDE;
        let before = self.kept.get(start..)?.split_inclusive('\n').take(lines);
        Some(start.saturating_add(before.map(str::len).sum()))
    }

    /// Whether every line is still there, from its first byte to its last.
    pub(crate) fn is_whole(&self) -> bool {
        !self.shortened && self.kept_count.saturating_add(self.tail.len()) == self.count
    }

    /// Drops the last line if it is empty and says whether it was, as a pager's padding is dropped.
    pub(super) fn drop_last_if_empty(&mut self) -> bool {
        if let Some(last) = self.tail.back() {
            if !last.is_empty() {
                return false;
            }
            self.tail.pop_back();
        } else {
            let bytes = self.kept.as_bytes();
            let empty = bytes == b"\n" || bytes.ends_with(b"\n\n");
            if self.kept_count != self.count || !empty {
                return false;
            }
            self.kept.pop();
            self.kept_count = self.kept_count.saturating_sub(1);
            self.starts.truncate(self.kept_count.div_ceil(STRIDE));
        }
        self.count = self.count.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(1);
        true
    }
}
