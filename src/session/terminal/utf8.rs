//! Decodes UTF-8 one byte at a time.

/// A character in progress.
#[derive(Debug, Default)]
pub(super) struct Utf8 {
    bytes: [u8; 4],
    have: usize,
    want: usize,
}

/// What one more byte made.
pub(super) enum Decoded {
    Pending,
    Char(char),
    /// What came before was no UTF-8; the byte itself may be a character.
    BadThen(Option<char>),
}

impl Utf8 {
    /// Whether the next byte starts a character.
    pub(super) fn is_idle(&self) -> bool {
        self.have == 0
    }

    pub(super) fn push(&mut self, byte: u8) -> Decoded {
        if self.have == 0 {
            return self.start(byte);
        }
        if byte & 0xC0 != 0x80 {
            self.have = 0;
            return match self.start(byte) {
                Decoded::Char(character) => Decoded::BadThen(Some(character)),
                Decoded::Pending | Decoded::BadThen(_) => Decoded::BadThen(None),
            };
        }
        if let Some(slot) = self.bytes.get_mut(self.have) {
            *slot = byte;
        }
        self.have = self.have.saturating_add(1);
        if self.have < self.want {
            return Decoded::Pending;
        }
        let text = self.bytes.get(..self.want).and_then(|bytes| str::from_utf8(bytes).ok());
        self.have = 0;
        match text.and_then(|text| text.chars().next()) {
            Some(character) => Decoded::Char(character),
            None => Decoded::BadThen(None),
        }
    }

    fn start(&mut self, byte: u8) -> Decoded {
        self.want = match byte {
            0..0x80 => return Decoded::Char(char::from(byte)),
            0xC2..0xE0 => 2,
            0xE0..0xF0 => 3,
            0xF0..0xF5 => 4,
            _ => return Decoded::BadThen(None),
        };
        self.bytes = [byte, 0, 0, 0];
        self.have = 1;
        Decoded::Pending
    }
}
