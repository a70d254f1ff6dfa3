//! The current line: text while it only grows, cells once the cursor moved back over it.

use std::borrow::Cow;

use super::stretch::{Stretch, split_after};

/// Farther than this no network CLI moves within a line. Of a longer line only the last so many
/// columns can be written over, which bounds the work and the memory of a movement.
const FARTHEST: usize = 65_536;

/// An unterminated line and the cursor in it.
#[derive(Debug)]
pub(super) struct Line {
    /// Before the cells, if there are any.
    text: Stretch,
    /// Whether the line is all text, with the cursor at its end.
    plain: bool,
    /// Cells at or beyond `solid` are blanks that were erased.
    cells: Vec<char>,
    solid: usize,
    /// The column, counted from the first cell.
    cursor: usize,
    /// Whether the cursor went back over text of this line.
    redrawn: bool,
}

impl Line {
    pub(super) fn new() -> Self {
        Self {
            text: Stretch::default(),
            plain: true,
            cells: Vec::new(),
            solid: 0,
            cursor: 0,
            redrawn: false,
        }
    }

    /// Whether text only needs to be appended.
    pub(super) fn is_plain(&self) -> bool {
        self.plain
    }

    /// Appends text to a plain line.
    pub(super) fn append(&mut self, text: &str, most: usize) {
        self.text.push_str(text, most);
    }

    /// Writes at the cursor.
    pub(super) fn write(&mut self, character: char, most: usize) {
        if self.plain {
            self.text.push_str(character.encode_utf8(&mut [0; 4]), most);
            return;
        }
        if self.cells.len() < self.cursor {
            self.cells.resize(self.cursor, ' ');
        }
        match self.cells.get_mut(self.cursor) {
            Some(cell) => *cell = character,
            None => self.cells.push(character),
        }
        self.cursor = self.cursor.saturating_add(1);
        self.solid = self.solid.max(self.cursor);
        // Only writing at the end makes so many cells, so all of them are solid.
        if self.cells.len() > FARTHEST.saturating_mul(2) {
            let first: String = self.cells.drain(..FARTHEST).collect();
            self.text.push_str(&first, most);
            self.solid = self.solid.saturating_sub(FARTHEST);
            self.cursor = self.cursor.saturating_sub(FARTHEST);
        }
    }

    /// Moves left by some columns.
    pub(super) fn move_back(&mut self, distance: usize) {
        self.open();
        self.move_back_to(self.cursor.saturating_sub(distance.min(FARTHEST)));
    }

    /// Moves to the first column.
    pub(super) fn move_to_start(&mut self) {
        self.open();
        self.move_back_to(0);
    }

    /// Moves right by some columns.
    pub(super) fn move_forward(&mut self, distance: usize) {
        self.open();
        let farthest = self.cursor.max(FARTHEST);
        self.cursor = self.cursor.saturating_add(distance).min(farthest);
        self.close();
    }

    /// Moves to a column, counted from 0.
    pub(super) fn move_to(&mut self, column: usize) {
        self.open();
        self.cursor = column.min(FARTHEST - 1);
        self.close();
    }

    /// Deletes cells at the cursor; those behind them move left.
    pub(super) fn delete(&mut self, count: usize) {
        self.open();
        let end = self.cursor.saturating_add(count.min(FARTHEST)).min(self.cells.len());
        if self.cursor < end {
            self.cells.drain(self.cursor..end);
            self.solid = self.solid.min(self.cells.len());
        }
        self.close();
    }

    /// Erases from the cursor to the end.
    pub(super) fn erase_to_end(&mut self) {
        // Nothing stands behind the cursor, as where colours are switched off at a line's end.
        if self.plain {
            return;
        }
        if self.cursor == 0 {
            self.text.clear();
        }
        self.cells.truncate(self.cursor);
        self.solid = self.solid.min(self.cursor);
        self.close();
    }

    /// Erases from the start to the cursor.
    pub(super) fn erase_to_cursor(&mut self) {
        self.open();
        let end = self.cursor.saturating_add(1).min(self.cells.len());
        self.cells.iter_mut().take(end).for_each(|cell| *cell = ' ');
        self.close();
    }

    /// Erases the line and leaves the cursor where it is.
    pub(super) fn erase(&mut self) {
        self.open();
        self.text.clear();
        self.cells.clear();
        self.solid = 0;
        self.close();
    }

    /// Makes the line blank and leaves the cursor where it is.
    pub(super) fn blank(&mut self) {
        self.open();
        self.text.clear();
        self.solid = 0;
        self.cells.fill(' ');
        self.close();
    }

    /// Hands over what the line reads and how many bytes it has, and starts an empty line. Of a
    /// line that is too long only the beginning is handed over.
    pub(super) fn finish(&mut self, take: impl FnOnce(&str, usize)) {
        let erased =
            self.redrawn && self.text.is_blank() && self.cells.iter().all(|cell| *cell == ' ');
        // A line that was written over with nothing but blanks was erased.
        if erased {
            take("", 0);
        } else if self.plain {
            take(self.text.head(), self.text.len());
        } else if self.text.is_cut() {
            take(self.text.head(), self.len());
        } else {
            let text = self.text();
            take(&text, text.len());
        }
        self.text.clear();
        self.cells.clear();
        self.cells.shrink_to(256);
        (self.plain, self.redrawn, self.solid, self.cursor) = (true, false, 0, 0);
    }

    /// What the line reads; of a very long one the beginning and the end.
    pub(super) fn text(&self) -> String {
        let mut text = self.text.text();
        text.extend(self.cells.iter().take(self.solid));
        text
    }

    /// How many bytes the whole line has.
    pub(super) fn len(&self) -> usize {
        let cells = self.cells.iter().take(self.solid);
        self.text.len().saturating_add(cells.map(|cell| cell.len_utf8()).sum::<usize>())
    }

    /// At most this many last bytes of what the line reads.
    pub(super) fn tail(&self, most: usize) -> Cow<'_, str> {
        if self.plain {
            return self.text.tail(most);
        }
        let solid = self.cells.get(..self.solid).unwrap_or(&self.cells);
        let near = solid.get(solid.len().saturating_sub(most)..).unwrap_or_default();
        let cells: String = near.iter().collect();
        if near.len() < solid.len() || cells.len() >= most {
            return Cow::Owned(split_after(&cells, most).1.to_owned());
        }
        let before = self.text.tail(most.saturating_sub(cells.len()));
        Cow::Owned([before.as_ref(), &cells].concat())
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
        self.close();
    }

    /// Makes cells of the text, so that they can be written over.
    fn open(&mut self) {
        if std::mem::take(&mut self.plain) {
            self.cells = self.text.take_last(FARTHEST);
            (self.solid, self.cursor) = (self.cells.len(), self.cells.len());
        }
    }

    /// Goes back to plain text where nothing is left of the line.
    fn close(&mut self) {
        self.plain = self.cells.is_empty() && self.cursor == 0 && self.text.is_empty();
    }
}
