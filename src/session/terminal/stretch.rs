//! The text of one line, however long: its beginning, and its last few KB.
//!
//! What is shown depends only on the bytes, never on the pieces in which they came.

use std::borrow::Cow;

/// How much of the end of a line stays when its beginning has no room left.
pub(super) const LAST: usize = 8 * 1024;
/// Beyond this a long line's memory is given back, so that an idle session stays small.
pub(super) const SMALL: usize = 64 * 1024;

/// Text that grows at its end.
#[derive(Debug, Default)]
pub(super) struct Stretch {
    head: String,
    /// What came when the head was full. More than [`LAST`] of it is there only until it is
    /// trimmed, and is never shown.
    last: String,
    /// Bytes between the two that are no longer there.
    lost: usize,
}

impl Stretch {
    /// Appends text; the beginning is kept up to `most` bytes.
    pub(super) fn push_str(&mut self, text: &str, most: usize) {
        if self.is_cut() {
            self.last.push_str(text);
        } else {
            let room = most.saturating_sub(self.head.len());
            if text.len() <= room {
                self.head.push_str(text);
                return;
            }
            let (fits, rest) = split_before(text, room);
            self.head.push_str(fits);
            self.last.push_str(rest);
        }
        // Trimmed seldom, so that each byte is moved about once.
        if self.last.len() > LAST.saturating_mul(4) {
            let hidden = self.last.len().saturating_sub(self.shown_last().len());
            self.last.drain(..hidden);
            self.lost = self.lost.saturating_add(hidden);
        }
    }

    /// Whether a part in the middle is not there.
    pub(super) fn is_cut(&self) -> bool {
        self.lost > 0 || !self.last.is_empty()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.head.is_empty() && !self.is_cut()
    }

    /// How many bytes were appended.
    pub(super) fn len(&self) -> usize {
        self.head.len().saturating_add(self.lost).saturating_add(self.last.len())
    }

    /// The beginning; all of it unless the text is cut.
    pub(super) fn head(&self) -> &str {
        &self.head
    }

    /// The beginning and the end.
    pub(super) fn text(&self) -> String {
        let mut text = String::with_capacity(self.head.len().saturating_add(LAST));
        text.push_str(&self.head);
        text.push_str(self.shown_last());
        text
    }

    pub(super) fn is_blank(&self) -> bool {
        self.lost == 0
            && self.head.bytes().all(|byte| byte == b' ')
            && self.last.bytes().all(|byte| byte == b' ')
    }

    /// At most this many bytes of the end, as far back as nothing is missing.
    pub(super) fn tail(&self, most: usize) -> Cow<'_, str> {
        if !self.is_cut() {
            return Cow::Borrowed(split_after(&self.head, most).1);
        }
        let last = self.shown_last();
        let room = most.saturating_sub(last.len());
        if room == 0 || self.lost > 0 || last.len() < self.last.len() {
            return Cow::Borrowed(split_after(last, most).1);
        }
        Cow::Owned([split_after(&self.head, room).1, last].concat())
    }

    /// Takes at most this many characters from the end, as far back as nothing is missing.
    pub(super) fn take_last(&mut self, most: usize) -> Vec<char> {
        if self.is_cut() {
            let shown = self.shown_last();
            let hidden = self.last.len().saturating_sub(shown.len());
            let taken = shown.chars().collect();
            self.lost = self.lost.saturating_add(hidden);
            self.last.clear();
            return taken;
        }
        let mut from_end = self.head.char_indices().rev();
        let start = from_end.nth(most.saturating_sub(1)).map_or(0, |(start, _)| start);
        let taken = self.head.get(start..).unwrap_or_default().chars().collect();
        self.head.truncate(start);
        taken
    }

    /// Empties the text and keeps a small buffer.
    pub(super) fn clear(&mut self) {
        self.lost = 0;
        self.last.clear();
        if self.head.capacity() > SMALL {
            self.head = String::new();
        }
        self.head.clear();
    }

    fn shown_last(&self) -> &str {
        split_after(&self.last, LAST).1
    }
}

/// Splits after at most this many bytes.
pub(super) fn split_before(text: &str, most: usize) -> (&str, &str) {
    let mut at = most.min(text.len());
    loop {
        match text.split_at_checked(at) {
            Some(parts) => return parts,
            None => at = at.saturating_sub(1),
        }
    }
}

/// Splits before at most this many last bytes.
pub(super) fn split_after(text: &str, most: usize) -> (&str, &str) {
    let mut at = text.len().saturating_sub(most);
    loop {
        match text.split_at_checked(at) {
            Some(parts) => return parts,
            None => at = at.saturating_add(1),
        }
    }
}
