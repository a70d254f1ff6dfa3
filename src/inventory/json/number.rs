//! Owns how numbers and the words `null`, `true` and `false` are read.

use super::{Cursor, Failure};

impl Cursor<'_> {
    /// Checks the grammar of a number and hands out its digits as they stand.
    pub(super) fn number(&mut self) -> Result<String, Failure> {
        let (start, position) = (self.offset, self.position);
        let malformed = || Failure {
            position,
            segments: Vec::new(),
            what: "malformed number".to_owned(),
            remedy: "write digits without a leading zero, or put the value in double quotes",
            reason: "inv_syntax",
        };
        self.take(b'-');
        let leading_zero = self.peek() == Some(b'0');
        let integer = self.digits();
        let mut sound = integer == 1 || (integer > 1 && !leading_zero);
        if self.take(b'.') {
            sound &= self.digits() > 0;
        }
        if self.take(b'e') || self.take(b'E') {
            // One sign at most.
            let _signed = self.take(b'+') || self.take(b'-');
            sound &= self.digits() > 0;
        }
        match self.text.get(start..self.offset) {
            Some(number) if sound => Ok(number.to_owned()),
            _ => Err(malformed()),
        }
    }

    fn digits(&mut self) -> usize {
        let start = self.offset;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.bump();
        }
        self.offset - start
    }

    pub(super) fn take_word(&mut self, word: &str) -> bool {
        let Some(rest) = self.text.get(self.offset..).and_then(|rest| rest.strip_prefix(word))
        else {
            return false;
        };
        // `nullable` is a word without quotes, not `null` with something behind it.
        if rest.starts_with(|next: char| next.is_alphanumeric() || next == '_') {
            return false;
        }
        (0..word.len()).for_each(|_| self.bump());
        true
    }
}
