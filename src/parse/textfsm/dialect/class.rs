//! Owns character sets. In Python only `\`, `]`, a leading `^` and a `-` between two characters are
//! special; in Rust also `[`, `&&`, `--` and `~~`.

use super::escape::{Escape, excluded, members, octal};
use super::{Last, Translator};

/// One element of a set.
enum Element {
    Char(char),
    Category(char),
}

impl Translator<'_> {
    /// Translates a set; the `[` is already taken.
    pub(super) fn class(&mut self) -> Result<(), String> {
        self.out.push('[');
        if self.eat("^") {
            self.out.push('^');
        }
        let mut empty = true;
        loop {
            let c = self.bump().ok_or("a `[` is not closed")?;
            if c == ']' && !empty {
                break;
            }
            empty = false;
            let low = self.element(c)?;
            if !self.eat("-") {
                self.put(&low);
                continue;
            }
            let next = self.bump().ok_or("a `[` is not closed")?;
            if next == ']' {
                self.put(&low);
                self.put(&Element::Char('-'));
                break;
            }
            match (low, self.element(next)?) {
                (Element::Char(low), Element::Char(high)) if low <= high => {
                    self.put(&Element::Char(low));
                    self.out.push('-');
                    self.put(&Element::Char(high));
                }
                _ => return Err("a range in a `[…]` set has no order".into()),
            }
        }
        self.out.push(']');
        self.last = Last::Atom;
        Ok(())
    }

    fn element(&mut self, c: char) -> Result<Element, String> {
        if c != '\\' {
            return Ok(Element::Char(c));
        }
        if self.rest.starts_with(|c: char| c.is_digit(8)) {
            let digits = self.take_while(3, |c| c.is_digit(8));
            return octal("", digits).map(Element::Char);
        }
        match self.any_escape()? {
            Escape::Char(c) => Ok(Element::Char(c)),
            Escape::Category(c) => Ok(Element::Category(c)),
            Escape::Other('b') => Ok(Element::Char('\u{8}')),
            Escape::Other(c) => Err(format!("the escape `\\{c}` is unknown in a `[…]` set")),
        }
    }

    fn put(&mut self, element: &Element) {
        self.plain &= matches!(element, Element::Category(_) | Element::Char('\0'..='\x7f'));
        match *element {
            Element::Category(c) => match (members(c), excluded(c)) {
                (Some(members), _) => self.out.push_str(members),
                (_, Some(excluded)) => self.out.extend(["[^", excluded, "]"]),
                _ => self.out.extend(['\\', c]),
            },
            Element::Char(c) if c.is_control() => {
                self.out.extend(c.escape_unicode());
            }
            Element::Char(c) => {
                if matches!(c, '\\' | '[' | ']' | '^' | '-' | '&' | '~') {
                    self.out.push('\\');
                }
                self.out.push(c);
            }
        }
    }
}
