//! A terminal that remembers lines: what a person at a screen of unlimited height would read.
//!
//! It applies carriage return, backspace, TAB (kept as it is), the CSI sequences that line editors
//! and pagers use, and drops every other control (OSC titles, colours, bells, charsets). Bytes that
//! are no UTF-8 become U+FFFD. The result depends only on the bytes, never on how they were cut.
//!
//! Text that is only appended is taken in runs; everything else goes byte by byte. Work is linear
//! in the bytes, and memory is bounded by the limit on what is kept.
//!
//! **Limits**, each with a test: cursor movements act within the current line only, since network
//! CLIs never redraw earlier lines; blanks at the end of a line that the cursor moves back over
//! are taken for an erasure, since pagers and line editors erase that way and a screen cannot show
//! the difference; a line longer than 65,536 columns can be written over in its last part only.

#[cfg(test)]
mod check;
mod controls;
mod line;
#[cfg(test)]
mod reference;
mod scrollback;
mod stretch;
#[cfg(test)]
mod tests;
mod utf8;

use std::borrow::Cow;

use self::controls::{Action, Controls};
use self::line::Line;
pub(crate) use self::scrollback::Scrollback;
use self::utf8::{Decoded, Utf8};

/// A line-remembering terminal.
#[derive(Debug)]
pub(crate) struct Terminal {
    lines: Scrollback,
    line: Line,
    /// A carriage return whose effect is not known before the next character.
    returned: bool,
    controls: Controls,
    utf8: Utf8,
}

impl Terminal {
    /// Makes a terminal that keeps at most `limit` bytes of finished lines.
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            lines: Scrollback::new(limit),
            line: Line::new(),
            returned: false,
            controls: Controls::default(),
            utf8: Utf8::default(),
        }
    }

    /// Takes bytes as the device sent them.
    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        loop {
            rest = self.feed_plain(rest);
            let Some((byte, after)) = rest.split_first() else { return };
            self.feed_byte(*byte);
            rest = after;
        }
    }

    /// Takes text and line ends in runs, as far as nothing else comes, and returns the rest.
    fn feed_plain<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let mut rest = bytes;
        while self.controls.is_idle()
            && !self.returned
            && self.line.is_plain()
            && self.utf8.is_idle()
        {
            let (run, after) = split_run(rest);
            let text = match str::from_utf8(run) {
                Ok(text) => text,
                Err(error) => {
                    let valid = run.get(..error.valid_up_to()).unwrap_or_default();
                    self.append(str::from_utf8(valid).unwrap_or_default());
                    return rest.get(valid.len()..).unwrap_or_default();
                }
            };
            self.append(text);
            rest = match after {
                [b'\n', after @ ..]
                | [b'\r', b'\n', after @ ..]
                | [b'\r', b'\r', b'\n', after @ ..] => {
                    self.finish_line();
                    after
                }
                _ if run.is_empty() => return after,
                _ => after,
            };
        }
        rest
    }

    fn append(&mut self, text: &str) {
        self.line.append(text, self.lines.room());
    }

    fn feed_byte(&mut self, byte: u8) {
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

    /// The finished lines.
    pub(crate) fn lines(&self) -> &Scrollback {
        &self.lines
    }

    /// The current, unterminated line; of a very long one the beginning and the end.
    #[cfg(test)]
    pub(crate) fn current(&self) -> String {
        self.line.text()
    }

    /// How many bytes the current line has.
    pub(crate) fn current_len(&self) -> usize {
        self.line.len()
    }

    /// At most this many last bytes of the current line. Costs no more for a long line.
    pub(crate) fn current_tail(&self, most: usize) -> Cow<'_, str> {
        self.line.tail(most)
    }

    /// Drops the finished lines, as before a new command.
    pub(crate) fn forget(&mut self) {
        self.lines.clear();
    }

    /// Blanks the current line and leaves the cursor where it is, as when a pager was answered.
    pub(crate) fn blank_current(&mut self) {
        self.settle_return();
        self.line.blank();
    }

    /// Drops blank lines at the end, with which a pager padded its screen.
    pub(crate) fn drop_blank_lines(&mut self) {
        while self.lines.drop_last_if_empty() {}
    }

    fn take(&mut self, character: char) {
        match self.controls.take(character) {
            None => {}
            Some(Action::Write(character)) => {
                self.settle_return();
                self.line.write(character, self.lines.room());
            }
            Some(Action::Finish) => self.finish_line(),
            Some(Action::Return) => self.returned = true,
            Some(Action::Back) => {
                self.settle_return();
                self.line.move_back(1);
            }
            Some(Action::Csi(action, first)) => self.apply_csi(action, first),
        }
    }

    fn apply_csi(&mut self, action: char, first: usize) {
        let distance = first.max(1);
        if matches!(action, 'K' | 'J' | 'D' | 'C' | 'G' | '`' | 'P') {
            self.settle_return();
        }
        match (action, first) {
            ('K' | 'J', 0) => self.line.erase_to_end(),
            ('K' | 'J', 1) => self.line.erase_to_cursor(),
            ('K' | 'J', _) => self.line.erase(),
            ('D', _) => self.line.move_back(distance),
            ('C', _) => self.line.move_forward(distance),
            ('G' | '`', _) => self.line.move_to(distance.saturating_sub(1)),
            ('P', _) => self.line.delete(distance),
            _ => {}
        }
    }

    /// Lets a carriage return take effect, now that no line feed followed it.
    fn settle_return(&mut self) {
        if std::mem::take(&mut self.returned) {
            self.line.move_to_start();
        }
    }

    fn finish_line(&mut self) {
        self.returned = false;
        self.line.finish(|text, length| self.lines.push(text, length));
    }
}

/// Splits off the longest beginning that is only to be appended. It is looked for in a short
/// piece, so that text which turns out not to be UTF-8 is not searched again and again.
fn split_run(bytes: &[u8]) -> (&[u8], &[u8]) {
    const PIECE: usize = 512;
    const STEP: usize = 32;
    // 0xC2 starts the C1 controls in UTF-8.
    let special = |byte: &u8| (*byte < b' ' && *byte != b'\t') || *byte == 0x7f || *byte == 0xc2;
    let piece = bytes.get(..PIECE).unwrap_or(bytes);
    // Without an early exit within a step, so that it is compiled to a few wide instructions.
    let any = |step: &[u8; STEP]| step.iter().fold(false, |any, byte| any | special(byte));
    let (steps, _) = piece.as_chunks::<STEP>();
    let clean = steps.iter().take_while(|step| !any(step)).count().saturating_mul(STEP);
    let rest = piece.iter().skip(clean);
    let length = rest.take_while(|byte| !special(byte)).count().saturating_add(clean);
    bytes.split_at_checked(length).unwrap_or((bytes, &[]))
}
