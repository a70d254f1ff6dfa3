//! Owns what a backslash means outside and inside a character set.

use super::group::numbered_name;
use super::{Last, Translator};

/// What a backslash sequence stands for.
pub(super) enum Escape {
    Char(char),
    /// One of `d D w W s S`.
    Category(char),
    /// Anything else that only means something outside a set.
    Other(char),
}

/// The members of `\w`.
pub(super) const WORD: &str = r"\p{L}\p{N}_";

/// What a category means in Python, where Rust means something else: U+001C to U+001F are blanks, and
/// of the letters' company only numbers make words, marks and the like do not.
pub(super) fn members(category: char) -> Option<&'static str> {
    match category {
        's' => Some(r"\s\x1c-\x1f"),
        'w' => Some(WORD),
        _ => None,
    }
}

/// What a negated category leaves out, where Rust leaves out something else.
pub(super) fn excluded(category: char) -> Option<&'static str> {
    category.is_ascii_uppercase().then(|| members(category.to_ascii_lowercase())).flatten()
}

impl Translator<'_> {
    /// Translates an escape outside a set; the backslash is already taken.
    pub(super) fn escape(&mut self) -> Result<(), String> {
        if self.rest.starts_with(|c: char| c.is_ascii_digit() && c != '0') {
            return self.reference();
        }
        match self.any_escape()? {
            Escape::Char(c) => self.escaped(c),
            Escape::Category(c) => {
                match (members(c), excluded(c)) {
                    (Some(members), _) => self.out.extend(["[", members, "]"]),
                    (_, Some(excluded)) => self.out.extend(["[^", excluded, "]"]),
                    _ => self.out.extend(['\\', c]),
                }
                self.last = Last::Atom;
            }
            Escape::Other(c @ ('A' | 'b' | 'B')) => {
                self.out.extend(['\\', c]);
                self.last = Last::Anchor;
            }
            Escape::Other('Z') => {
                self.out.push_str(r"\z");
                self.last = Last::Anchor;
            }
            Escape::Other(c) => return Err(format!("the escape `\\{c}` is unknown")),
        }
        Ok(())
    }

    fn escaped(&mut self, c: char) {
        if c.is_control() {
            self.out.extend(c.escape_unicode());
            self.plain &= c.is_ascii();
            self.last = Last::Atom;
        } else {
            self.literal(c);
        }
    }

    /// Reads an escape that is not a reference.
    pub(super) fn any_escape(&mut self) -> Result<Escape, String> {
        let c = self.bump().ok_or("the pattern ends with a backslash")?;
        Ok(match c {
            'd' | 'D' | 'w' | 'W' | 's' | 'S' => Escape::Category(c),
            'a' => Escape::Char('\u{7}'),
            'f' => Escape::Char('\u{c}'),
            'n' => Escape::Char('\n'),
            'r' => Escape::Char('\r'),
            't' => Escape::Char('\t'),
            'v' => Escape::Char('\u{b}'),
            'x' => Escape::Char(self.hex(2)?),
            'u' => Escape::Char(self.hex(4)?),
            'U' => Escape::Char(self.hex(8)?),
            '0' => Escape::Char(octal("0", self.take_while(2, |c| c.is_digit(8)))?),
            c if c.is_ascii_alphanumeric() => Escape::Other(c),
            c => Escape::Char(c),
        })
    }

    fn hex(&mut self, digits: usize) -> Result<char, String> {
        let text = self.take_while(digits, |c| c.is_ascii_hexdigit());
        let code = u32::from_str_radix(text, 16).ok().filter(|_| text.len() == digits);
        code.and_then(char::from_u32).ok_or_else(|| "an incomplete hexadecimal escape".into())
    }

    /// Reads `\1` or, as Python does, the three octal digits of a character.
    fn reference(&mut self) -> Result<(), String> {
        let ahead = self.rest;
        let code = self.take_while(3, |c| c.is_digit(8));
        if code.len() == 3 {
            self.escaped(octal("", code)?);
            return Ok(());
        }
        self.rest = ahead;
        let digits = self.take_while(2, |c| c.is_ascii_digit());
        let number = digits.parse::<usize>().unwrap_or(usize::MAX);
        if number > self.groups || self.is_open(number) {
            return Err(format!("a reference to group {digits}, which is not complete"));
        }
        let named = self.names.iter().find(|(_, known)| *known == number);
        let name = named.map_or_else(|| numbered_name(number), |(name, _)| name.clone());
        self.numbered_reference = true;
        self.refer(&name);
        Ok(())
    }
}

/// A character from octal digits, at most `\377` as in Python.
pub(super) fn octal(lead: &str, digits: &str) -> Result<char, String> {
    let code = u32::from_str_radix(&format!("{lead}{digits}"), 8).unwrap_or(u32::MAX);
    char::from_u32(code)
        .filter(|_| code <= 0o377)
        .ok_or_else(|| format!("the octal escape `\\{digits}` is too large"))
}
