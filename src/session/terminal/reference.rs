//! The emulator in its simplest form: one character at a time, one cell per column, every line a
//! `String`. The fast one must give exactly what this one gives; both read characters and sequences
//! with the same code, and differ in what they do with them.

use super::controls::{Action, Controls};
use super::utf8::{Decoded, Utf8};

/// A line-remembering terminal.
#[derive(Debug)]
pub(super) struct Terminal {
    lines: Scrollback,
    /// The current line. Cells at or beyond `solid` are blanks that were erased.
    cells: Vec<char>,
    solid: usize,
    cursor: usize,
    /// A carriage return whose effect is not known before the next character.
    returned: bool,
    /// Whether the cursor went back over text of this line.
    redrawn: bool,
    controls: Controls,
    utf8: Utf8,
}

/// The finished lines: the head up to a limit, and always the last few.
#[derive(Debug)]
pub(super) struct Scrollback {
    kept: Vec<String>,
    kept_bytes: usize,
    limit: usize,
    tail: std::collections::VecDeque<String>,
    /// Lines finished since the last [`Terminal::forget`].
    count: usize,
    /// Bytes of those lines, each with its newline.
    bytes: u64,
}

/// How many of the last lines stay available when the head is full.
const TAIL_LINES: usize = 16;

impl Scrollback {
    fn push(&mut self, line: String) {
        self.count = self.count.saturating_add(1);
        self.bytes = self.bytes.saturating_add(line.len() as u64).saturating_add(1);
        if self.kept_bytes.saturating_add(line.len()) < self.limit && self.tail.is_empty() {
            self.kept_bytes = self.kept_bytes.saturating_add(line.len()).saturating_add(1);
            self.kept.push(line);
            return;
        }
        self.tail.push_back(line);
        if self.tail.len() > TAIL_LINES {
            self.tail.pop_front();
        }
    }

    fn clear(&mut self) {
        self.kept.clear();
        self.tail.clear();
        (self.kept_bytes, self.count, self.bytes) = (0, 0, 0);
    }

    /// How many lines were finished.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// How many bytes they had, newlines included.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The line with this number, where it is still there.
    pub(super) fn line(&self, index: usize) -> Option<&str> {
        if let Some(line) = self.kept.get(index) {
            return Some(line);
        }
        let first_of_tail = self.count.checked_sub(self.tail.len())?;
        self.tail.get(index.checked_sub(first_of_tail)?).map(String::as_str)
    }

    /// Whether every line is still there.
    pub(super) fn is_whole(&self) -> bool {
        self.kept.len().saturating_add(self.tail.len()) == self.count
    }

    /// Shortens what is counted by this many last lines, as when a pager's padding is dropped.
    fn drop_last(&mut self) -> Option<String> {
        let line = self.tail.pop_back().or_else(|| {
            let line = self.kept.pop()?;
            self.kept_bytes = self.kept_bytes.saturating_sub(line.len().saturating_add(1));
            Some(line)
        })?;
        self.count = self.count.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(line.len() as u64).saturating_sub(1);
        Some(line)
    }
}

impl Terminal {
    /// Makes a terminal that keeps at most `limit` bytes of finished lines.
    pub(super) fn new(limit: usize) -> Self {
        Self {
            lines: Scrollback {
                kept: Vec::new(),
                kept_bytes: 0,
                limit,
                tail: std::collections::VecDeque::new(),
                count: 0,
                bytes: 0,
            },
            cells: Vec::new(),
            solid: 0,
            cursor: 0,
            returned: false,
            redrawn: false,
            controls: Controls::default(),
            utf8: Utf8::default(),
        }
    }

    /// Takes bytes as the device sent them.
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            match self.utf8.push(byte) {
                Decoded::Pending => {}
                Decoded::Char(character) => self.take(character),
                Decoded::BadThen(next) => {
                    self.take(char::REPLACEMENT_CHARACTER);
                    if let Some(character) = next {
                        self.take(character);
                    }
                }
            }
        }
    }

    /// The finished lines.
    pub(super) fn lines(&self) -> &Scrollback {
        &self.lines
    }

    /// The current, unterminated line.
    pub(super) fn current(&self) -> String {
        self.cells.iter().take(self.solid).collect()
    }

    /// Drops the finished lines, as before a new command.
    pub(super) fn forget(&mut self) {
        self.lines.clear();
    }

    /// Blanks the current line and leaves the cursor where it is, as when a pager was answered.
    pub(super) fn blank_current(&mut self) {
        self.settle_return();
        self.solid = 0;
        self.cells.fill(' ');
    }

    /// Drops blank lines at the end, with which a pager padded its screen.
    pub(super) fn drop_blank_lines(&mut self) {
        while self.lines.count() > 0
            && self.lines.line(self.lines.count().saturating_sub(1)).is_some_and(str::is_empty)
        {
            self.lines.drop_last();
        }
    }

    fn take(&mut self, character: char) {
        match self.controls.take(character) {
            None => {}
            Some(Action::Write(character)) => self.write(character),
            Some(Action::Finish) => self.finish_line(),
            Some(Action::Return) => self.returned = true,
            Some(Action::Back) => {
                self.settle_return();
                self.move_back_to(self.cursor.saturating_sub(1));
            }
            Some(Action::Csi(action, first)) => self.apply_csi(action, first),
        }
    }

    fn apply_csi(&mut self, action: char, first: usize) {
        /// Farther than this no network CLI moves within a line.
        const FARTHEST: usize = 65_536;
        let distance = first.clamp(1, FARTHEST);
        match action {
            'K' | 'J' => self.erase_in_line(first),
            'D' => {
                self.settle_return();
                self.move_back_to(self.cursor.saturating_sub(distance));
            }
            'C' => {
                self.settle_return();
                self.cursor = self.cursor.saturating_add(distance).min(FARTHEST);
            }
            'G' | '`' => {
                self.settle_return();
                self.cursor = distance.saturating_sub(1);
            }
            'P' => {
                self.settle_return();
                let end = self.cursor.saturating_add(distance).min(self.cells.len());
                if self.cursor < end {
                    self.cells.drain(self.cursor..end);
                    self.solid = self.solid.min(self.cells.len());
                }
            }
            _ => {}
        }
    }

    fn erase_in_line(&mut self, which: usize) {
        self.settle_return();
        match which {
            0 => {
                self.cells.truncate(self.cursor);
                self.solid = self.solid.min(self.cursor);
            }
            1 => {
                let end = self.cursor.saturating_add(1).min(self.cells.len());
                self.cells.iter_mut().take(end).for_each(|cell| *cell = ' ');
            }
            _ => {
                self.cells.clear();
                self.solid = 0;
            }
        }
    }

    /// Moves the cursor left. Trailing blanks that it passes are erased ones.
    fn move_back_to(&mut self, column: usize) {
        let column = column.min(self.cursor);
        self.redrawn = self.redrawn || !self.cells.is_empty();
        let passed = self.cells.iter().take(self.solid).skip(column);
        if self.cursor >= self.solid && passed.clone().all(|cell| *cell == ' ') {
            self.solid = self.solid.min(column);
        }
        self.cursor = column;
    }

    /// Lets a carriage return take effect, now that no line feed followed it.
    fn settle_return(&mut self) {
        if std::mem::take(&mut self.returned) {
            self.move_back_to(0);
            self.cursor = 0;
        }
    }

    fn write(&mut self, character: char) {
        self.settle_return();
        if self.cells.len() < self.cursor {
            self.cells.resize(self.cursor, ' ');
        }
        match self.cells.get_mut(self.cursor) {
            Some(cell) => *cell = character,
            None => self.cells.push(character),
        }
        self.cursor = self.cursor.saturating_add(1);
        self.solid = self.solid.max(self.cursor);
    }

    fn finish_line(&mut self) {
        self.returned = false;
        // A line that was written over with nothing but blanks was erased.
        if std::mem::take(&mut self.redrawn) && self.cells.iter().all(|cell| *cell == ' ') {
            self.solid = 0;
        }
        let line = self.current();
        self.lines.push(line);
        self.cells.clear();
        (self.solid, self.cursor) = (0, 0);
    }
}
