//! Owns how a JSON text is read: escapes, surrogate pairs and what must not stand inside.

use super::{Cursor, Failure};
use crate::inventory::problem::Position;

impl Cursor<'_> {
    /// Reads a text; the cursor stands on its opening quote.
    pub(super) fn string(&mut self) -> Result<String, Failure> {
        let start = self.position;
        self.bump();
        // The exact size at once: a buffer that grows would leave copies of a secret behind.
        let mut text = String::with_capacity(self.length_to_quote());
        loop {
            let position = self.position;
            let Some(character) = self.next_char() else {
                return Err(failure(
                    start,
                    "a text is not closed before the end of the file",
                    "add the closing double quote",
                ));
            };
            match character {
                '"' => return Ok(text),
                '\\' => text.push(self.escape(position)?),
                '\n' | '\r' => {
                    return Err(failure(
                        start,
                        "a text is not closed at the end of its line",
                        "add the closing double quote; a quote inside a text is written \\\"",
                    ));
                }
                control if control < ' ' => {
                    return Err(failure(
                        position,
                        "a text holds a control character",
                        "remove it; a tab is written \\t",
                    ));
                }
                other => text.push(other),
            }
        }
    }

    fn escape(&mut self, position: Position) -> Result<char, Failure> {
        let unknown = || {
            failure(
                position,
                "unknown escape after a backslash",
                "a backslash itself is written \\\\, also in Windows paths and passwords",
            )
        };
        let character = match self.next_char() {
            Some('"') => '"',
            Some('\\') => '\\',
            Some('/') => '/',
            Some('b') => '\u{8}',
            Some('f') => '\u{c}',
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some('u') => return self.unicode(position),
            _ => return Err(unknown()),
        };
        Ok(character)
    }

    fn unicode(&mut self, position: Position) -> Result<char, Failure> {
        let invalid = || {
            failure(
                position,
                "malformed \\u escape",
                "write four hexadecimal digits; a character beyond U+FFFF takes a surrogate pair",
            )
        };
        let first = self.hex4().ok_or_else(invalid)?;
        if !(0xD800..0xDC00).contains(&first) {
            return char::from_u32(first).ok_or_else(invalid);
        }
        if !(self.take(b'\\') && self.take(b'u')) {
            return Err(invalid());
        }
        let second = self.hex4().filter(|unit| (0xDC00..0xE000).contains(unit));
        let second = second.ok_or_else(invalid)?;
        char::from_u32(0x1_0000 + ((first - 0xD800) << 10) + (second - 0xDC00)).ok_or_else(invalid)
    }

    fn hex4(&mut self) -> Option<u32> {
        let mut unit = 0;
        for _ in 0..4 {
            unit = unit * 16 + self.next_char()?.to_digit(16)?;
        }
        Some(unit)
    }

    fn next_char(&mut self) -> Option<char> {
        let character = self.text.get(self.offset..)?.chars().next()?;
        self.advance(character);
        Some(character)
    }

    fn length_to_quote(&self) -> usize {
        let mut escaped = false;
        let rest = self.text.as_bytes().get(self.offset..).unwrap_or_default();
        let end = rest.iter().position(|&byte| {
            let closes = byte == b'"' && !escaped;
            escaped = byte == b'\\' && !escaped;
            closes || byte == b'\n'
        });
        end.unwrap_or(rest.len())
    }
}

fn failure(position: Position, what: &str, remedy: &'static str) -> Failure {
    Failure { position, segments: Vec::new(), what: what.to_owned(), remedy, reason: "inv_syntax" }
}
