//! Turns received bytes into key presses and keeps the line being typed.
//!
//! `\r`, `\n` and `\r\n` are one Enter, however they are cut into packets. Escape sequences are
//! swallowed. The editor returns what the device would echo; it never writes by itself.

/// A key press as a device understands it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    Char(u8),
    Enter,
    Backspace,
    /// Ctrl-U and Ctrl-X.
    KillLine,
    /// Ctrl-W.
    KillWord,
    /// Ctrl-C and Ctrl-^.
    Interrupt,
    /// Ctrl-Z.
    End,
    /// Ctrl-D.
    EndOfText,
    /// Ctrl-L and Ctrl-R.
    Redraw,
    /// A key without a meaning here.
    Other,
}

#[derive(Debug, Default)]
enum Escape {
    #[default]
    None,
    Started,
    Sequence,
}

/// Byte by byte to keys.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    after_return: bool,
    escape: Escape,
}

impl Decoder {
    pub(super) fn decode(&mut self, byte: u8) -> Option<Key> {
        let after_return = std::mem::take(&mut self.after_return);
        match self.escape {
            Escape::None => {}
            Escape::Started => {
                self.escape =
                    if matches!(byte, b'[' | b'O') { Escape::Sequence } else { Escape::None };
                return None;
            }
            Escape::Sequence => {
                if (0x40..=0x7e).contains(&byte) {
                    self.escape = Escape::None;
                }
                return None;
            }
        }
        Some(match byte {
            b'\r' => {
                self.after_return = true;
                Key::Enter
            }
            b'\n' if after_return => return None,
            b'\n' => Key::Enter,
            0x1b => {
                self.escape = Escape::Started;
                return None;
            }
            0x00 => return None,
            0x03 | 0x1e => Key::Interrupt,
            0x04 => Key::EndOfText,
            0x08 | 0x7f => Key::Backspace,
            0x0c | 0x12 => Key::Redraw,
            0x15 | 0x18 => Key::KillLine,
            0x17 => Key::KillWord,
            0x1a => Key::End,
            0x01..=0x1f => Key::Other,
            _ => Key::Char(byte),
        })
    }
}

/// What a device does when the typed line reaches the right margin.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Wrap {
    /// Nothing: the terminal wraps.
    #[default]
    None,
    /// A blank and a carriage return, as line editors of the readline kind print.
    Readline,
    /// The head gives way to `$`, as on IOS.
    Scroll,
}

/// The line being typed.
#[derive(Debug, Default)]
pub(super) struct LineEditor {
    text: Vec<u8>,
    /// Columns in use, prompt included.
    column: usize,
    prompt: usize,
}

impl LineEditor {
    /// Starts over behind a prompt of this many columns.
    pub(super) fn start(&mut self, prompt: usize) {
        *self = Self { text: Vec::new(), column: prompt, prompt };
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.text).into_owned()
    }

    /// What was typed, as it came.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.text
    }

    /// Goes back over the last word, as far as it stands in this row, and paints it again.
    pub(super) fn repaint_word(&self) -> Vec<u8> {
        let text = self.text();
        let word = text.trim_end().rsplit(' ').next().unwrap_or_default();
        let behind = text.chars().count() - text.trim_end().chars().count();
        let here = self.column.saturating_sub(behind).min(word.chars().count());
        let mut echo = vec![b'\x08'; here + behind];
        let painted = word.chars().skip(word.chars().count() - here);
        echo.extend(painted.chain(std::iter::repeat_n(' ', behind)).collect::<String>().bytes());
        echo
    }

    pub(super) fn len(&self) -> usize {
        self.text.len()
    }

    /// Takes one byte; the answer is its echo.
    pub(super) fn insert(&mut self, byte: u8, width: usize, wrap: Wrap) -> Vec<u8> {
        self.text.push(byte);
        let mut echo = vec![byte];
        if is_continuation(byte) {
            return echo;
        }
        self.column += 1;
        if width < 8 {
            return echo;
        }
        match wrap {
            Wrap::Readline if self.column >= width => {
                echo.extend(b" \r");
                self.column = 0;
            }
            Wrap::Scroll if self.column >= width - 1 => self.scroll(&mut echo),
            _ => {}
        }
        echo
    }

    fn scroll(&mut self, echo: &mut Vec<u8>) {
        let shown = self.column.saturating_sub(self.prompt);
        let kept = shown / 2;
        let blank = shown.saturating_sub(kept + 1);
        echo.extend(std::iter::repeat_n(b'\x08', shown));
        echo.push(b'$');
        echo.extend(self.text.iter().skip(self.text.len().saturating_sub(kept)));
        echo.extend(std::iter::repeat_n(b' ', blank));
        echo.extend(std::iter::repeat_n(b'\x08', blank));
        self.column = self.prompt + 1 + kept;
    }

    /// Removes the last character.
    pub(super) fn backspace(&mut self) -> Vec<u8> {
        while let Some(byte) = self.text.pop() {
            if !is_continuation(byte) {
                self.column = self.column.saturating_sub(1);
                return b"\x08 \x08".to_vec();
            }
        }
        Vec::new()
    }

    /// Removes the whole line.
    pub(super) fn kill_line(&mut self) -> Vec<u8> {
        let mut echo = Vec::new();
        while !self.text.is_empty() {
            echo.extend(self.backspace());
        }
        echo
    }

    /// Removes the last word and the blanks behind it.
    pub(super) fn kill_word(&mut self) -> Vec<u8> {
        let mut echo = Vec::new();
        while self.text.last() == Some(&b' ') {
            echo.extend(self.backspace());
        }
        while self.text.last().is_some_and(|byte| *byte != b' ') {
            echo.extend(self.backspace());
        }
        echo
    }
}

fn is_continuation(byte: u8) -> bool {
    byte & 0b1100_0000 == 0b1000_0000
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(bytes: &[u8]) -> Vec<Key> {
        let mut decoder = Decoder::default();
        bytes.iter().filter_map(|byte| decoder.decode(*byte)).collect()
    }

    #[test]
    fn every_form_of_enter_is_one_enter() {
        assert_eq!(keys(b"\r"), [Key::Enter]);
        assert_eq!(keys(b"\n"), [Key::Enter]);
        assert_eq!(keys(b"\r\n"), [Key::Enter]);
        assert_eq!(keys(b"\r\r\n\n"), [Key::Enter, Key::Enter, Key::Enter]);
    }

    #[test]
    fn escape_sequences_are_swallowed() {
        assert_eq!(keys(b"\x1b[1;2Aa\x1bOBb"), [Key::Char(b'a'), Key::Char(b'b')]);
    }

    #[test]
    fn editing_changes_the_line_and_the_screen_alike() {
        let mut editor = LineEditor::default();
        editor.start(4);
        for byte in "show vér".bytes() {
            editor.insert(byte, 80, Wrap::None);
        }
        assert_eq!(editor.backspace(), b"\x08 \x08");
        assert_eq!(editor.backspace(), b"\x08 \x08");
        assert_eq!(editor.text(), "show v");
        editor.kill_word();
        assert_eq!(editor.text(), "show ");
        assert_eq!(editor.kill_line().len(), 15);
        assert_eq!(editor.text(), "");
        assert_eq!(editor.backspace(), b"");
    }

    #[test]
    fn a_long_line_meets_the_margin_in_the_devices_own_way() {
        let mut editor = LineEditor::default();
        editor.start(2);
        let echo: Vec<u8> =
            b"abcdefghij".iter().flat_map(|b| editor.insert(*b, 10, Wrap::Readline)).collect();
        assert_eq!(echo, b"abcdefgh \rij");
        editor.start(2);
        let echo: Vec<u8> =
            b"abcdefg".iter().flat_map(|b| editor.insert(*b, 10, Wrap::Scroll)).collect();
        assert_eq!(echo, b"abcdefg\x08\x08\x08\x08\x08\x08\x08$efg   \x08\x08\x08");
        assert_eq!(editor.text(), "abcdefg");
    }
}
