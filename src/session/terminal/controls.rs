//! Tells what a character does to the screen: text, line ends, and the sequences that matter here.

/// What a character does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    /// Stands at the cursor.
    Write(char),
    /// Ends the line.
    Finish,
    /// Goes to the first column, unless a line end follows.
    Return,
    /// Goes one column back.
    Back,
    /// A CSI sequence that ends with this character, and its first parameter; 0 where it has none.
    Csi(char, usize),
}

/// What is expected next.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Expecting {
    #[default]
    Text,
    Escape,
    /// The byte after an escape that selects a charset.
    Charset,
    Csi,
    /// An operating-system command or another string, ended by BEL or ST.
    ControlString,
    ControlStringEscape,
}

/// Reads characters, and keeps a sequence that is not finished.
#[derive(Debug, Default)]
pub(super) struct Controls {
    expecting: Expecting,
    parameters: String,
}

impl Controls {
    /// Whether the next character is text, or begins a sequence.
    pub(super) fn is_idle(&self) -> bool {
        self.expecting == Expecting::Text
    }

    /// Takes one character and says what it does, if anything.
    pub(super) fn take(&mut self, character: char) -> Option<Action> {
        match self.expecting {
            Expecting::Text => return self.take_text(character),
            Expecting::Escape => return self.take_escape(character),
            Expecting::Csi => return self.take_csi(character),
            Expecting::Charset => self.expecting = Expecting::Text,
            Expecting::ControlString => match character {
                '\u{7}' | '\u{9c}' => self.expecting = Expecting::Text,
                '\u{1b}' => self.expecting = Expecting::ControlStringEscape,
                _ => {}
            },
            Expecting::ControlStringEscape => {
                let ended = character == '\\';
                self.expecting = if ended { Expecting::Text } else { Expecting::ControlString };
            }
        }
        None
    }

    fn take_text(&mut self, character: char) -> Option<Action> {
        match character {
            '\n' => Some(Action::Finish),
            '\r' => Some(Action::Return),
            '\u{8}' => Some(Action::Back),
            '\u{1b}' => {
                self.expecting = Expecting::Escape;
                None
            }
            '\u{9b}' => self.start_csi(),
            '\t' => Some(Action::Write('\t')),
            '\u{0}'..='\u{1f}' | '\u{7f}'..='\u{9f}' => None,
            _ => Some(Action::Write(character)),
        }
    }

    fn take_escape(&mut self, character: char) -> Option<Action> {
        self.expecting = match character {
            '[' => return self.start_csi(),
            ']' | 'P' | 'X' | '^' | '_' => Expecting::ControlString,
            '(' | ')' | '*' | '+' | '#' | '%' | ' ' => Expecting::Charset,
            '\u{1b}' => Expecting::Escape,
            _ => Expecting::Text,
        };
        matches!(character, 'E' | 'D').then_some(Action::Finish)
    }

    fn start_csi(&mut self) -> Option<Action> {
        self.parameters.clear();
        self.expecting = Expecting::Csi;
        None
    }

    fn take_csi(&mut self, character: char) -> Option<Action> {
        match character {
            '0'..='9' | ';' | ':' | '<'..='?' | ' '..='/' => {
                // A sequence longer than any real one is dropped, not collected.
                if self.parameters.len() < 32 {
                    self.parameters.push(character);
                }
                None
            }
            '@'..='~' => {
                self.expecting = Expecting::Text;
                let first = self.parameters.split(';').next().and_then(|text| text.parse().ok());
                Some(Action::Csi(character, first.unwrap_or_default()))
            }
            '\u{1b}' => {
                self.expecting = Expecting::Escape;
                None
            }
            _ => {
                self.expecting = Expecting::Text;
                None
            }
        }
    }
}
