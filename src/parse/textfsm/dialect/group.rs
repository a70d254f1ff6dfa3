//! Owns groups: capturing and not, named, lookaround, flags, and what refers to a group by name.

use super::{Engine, Last, Mode, Open, Translator};
use crate::parse::textfsm::limits;

impl Translator<'_> {
    /// Translates the opening of a group; the `(` is already taken.
    pub(super) fn open_group(&mut self) -> Result<(), String> {
        if self.open.len() >= limits::GROUP_DEPTH {
            return Err(format!("groups nest deeper than {}", limits::GROUP_DEPTH));
        }
        let start = self.out.len();
        let before = std::mem::replace(&mut self.last, Last::Nothing);
        if !self.eat("?") {
            self.groups += 1;
            let number = self.groups;
            if self.mode == Mode::NameAll {
                self.out.extend(["(?P<", numbered_name(number).as_str(), ">"]);
            } else {
                self.out.push('(');
            }
            self.open.push(Open { look: None, number: Some(number) });
            return Ok(());
        }
        for opening in ["=", "!", "<=", "<!"] {
            if self.eat(opening) {
                // Closing it decides about the first kind.
                if opening != "=" || self.mode != Mode::Separate || !self.open.is_empty() {
                    self.engine = Engine::Backtracking;
                }
                self.out.push_str("(?");
                self.out.push_str(opening);
                self.open.push(Open { look: Some(start), number: None });
                return Ok(());
            }
        }
        if self.eat("P<") {
            let name = self.name('>')?;
            self.groups += 1;
            self.out.extend(["(?P<", name.as_str(), ">"]);
            self.names.push((name, self.groups));
            self.open.push(Open { look: None, number: Some(self.groups) });
            return Ok(());
        }
        if self.eat("P=") {
            let name = self.name(')')?;
            self.refer(&name);
            return Ok(());
        }
        if self.eat("#") {
            // A quantifier after a comment repeats what stands before the comment.
            self.last = before;
            let (_, rest) = self.rest.split_once(')').ok_or("a comment is not closed")?;
            self.rest = rest;
            return Ok(());
        }
        if self.eat(">") {
            self.engine = Engine::Backtracking;
            self.out.push_str(if self.mode == Mode::Relaxed { "(?:" } else { "(?>" });
            self.open.push(Open { look: None, number: None });
            return Ok(());
        }
        self.flags()
    }

    /// Reads `(?:`, `(?flags:` and, at the very start only, `(?flags)`.
    fn flags(&mut self) -> Result<(), String> {
        let flags = self.take_while(16, |c| c.is_ascii_alphabetic() || c == '-');
        let kept: String = flags.chars().filter(|c| *c != 'u').collect();
        let known = kept.chars().all(|c| matches!(c, 'i' | 'm' | 's' | '-'));
        if !known || kept.matches('-').count() > 1 || flags.ends_with('-') {
            return Err(format!("the group `(?{flags}…` is not supported"));
        }
        self.plain &= !kept.contains('i');
        if self.eat(":") {
            self.out.extend(["(?", kept.as_str(), ":"]);
            self.open.push(Open { look: None, number: None });
            Ok(())
        } else if !flags.is_empty() && self.eat(")") && self.at_start && !kept.contains('-') {
            if !kept.is_empty() {
                self.flags = format!("(?{kept})");
                self.out.push_str(&self.flags);
            }
            Ok(())
        } else {
            Err("an unknown kind of group, or flags that do not stand at the start".into())
        }
    }

    /// Reads a group's name up to `end`; a new one must not exist yet, a reference must.
    fn name(&mut self, end: char) -> Result<String, String> {
        let (name, rest) = self.rest.split_once(end).ok_or("a group's name is not closed")?;
        self.rest = rest;
        let mut chars = name.chars();
        let good = chars.next().is_some_and(|c| c.is_alphabetic() || c == '_')
            && chars.all(|c| c.is_alphanumeric() || c == '_');
        if !good {
            return Err(format!("`{name}` cannot be the name of a group"));
        }
        let known = self.names.iter().find(|(known, _)| known == name);
        match (end, known) {
            ('>', Some(_)) => Err(format!("the group `{name}` stands there twice")),
            ('>', None) => Ok(name.to_owned()),
            (_, Some((_, number))) if !self.is_open(*number) => Ok(name.to_owned()),
            _ => Err(format!("a reference to the group `{name}`, which is not complete")),
        }
    }

    /// Refers to what a group matched.
    pub(super) fn refer(&mut self, name: &str) {
        self.engine = Engine::Backtracking;
        if self.mode == Mode::Relaxed {
            self.out.push_str(r"(?:(?:.|\n)*)");
        } else {
            self.out.extend(["(?P=", name, ")"]);
        }
        self.last = Last::Atom;
    }

    pub(super) fn is_open(&self, number: usize) -> bool {
        self.open.iter().any(|group| group.number == Some(number))
    }

    pub(super) fn close_group(&mut self) -> Result<(), String> {
        let group = self.open.pop().ok_or("a `)` closes nothing")?;
        self.out.push(')');
        match (group.look, self.mode) {
            (Some(start), Mode::Relaxed) => self.out.truncate(start),
            (Some(start), Mode::Separate) if self.engine == Engine::Linear => self.separate(start),
            _ => {}
        }
        self.last = group.look.map_or(Last::Atom, Last::Look);
        Ok(())
    }
}

/// The name given to an unnamed group when groups must be referred to by name.
pub(super) fn numbered_name(number: usize) -> String {
    format!("__group_{number}")
}
