//! Owns the translation of Python's `re` dialect into that of the `regex` crate, and the decision
//! whether a pattern needs the backtracking of `fancy-regex`.
//!
//! Templates are Python patterns. Taken as they are, some would be refused (a literal `{`) and some
//! would silently mean something else (`\<` is a word boundary in `regex`, `[a&&b]` an intersection).
//! **Invariant:** what cannot be translated faithfully is an error, never an approximation. Refused
//! although Python knows them: `(?x:…)`, `(?a:…)`, `(?L:…)`, `\N{…}` and conditional groups. One
//! difference stays: at the edge of a mark, of a joiner or of a number that is no digit, as in `²a`,
//! `\b` follows Unicode's words.

mod ahead;
mod class;
mod escape;
mod group;

pub(super) use ahead::Ahead;

/// Which engine a pattern needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Engine {
    /// `regex`, in time linear in the line.
    Linear,
    /// `fancy-regex`, for lookaround, backreferences, atomic groups and possessive repeats.
    /// Lookaheads that always hold do without; see [`Ahead`].
    Backtracking,
}

/// A pattern in Rust's dialect.
#[derive(Debug)]
pub(super) struct Translated {
    pub(super) pattern: String,
    /// For a pattern that backtracks: one for `regex` that matches at least the same texts.
    relaxed: Option<String>,
    pub(super) engine: Engine,
    /// What fills the groups of lookaheads, where the pattern only marks their places.
    pub(super) aheads: Vec<Ahead>,
    /// The named groups with their numbers, in order.
    pub(super) names: Vec<(String, usize)>,
    /// How many capturing groups there are.
    pub(super) groups: usize,
    /// Whether there is a pattern for texts of ASCII alone.
    plain: bool,
}

impl Translated {
    /// A pattern for texts of ASCII alone, in a dialect without Unicode, where sets of characters
    /// are a hundred times smaller. It is linear: if this one is, it means the same; if not, it
    /// matches at least the same texts.
    ///
    /// None where a character of the pattern itself is not ASCII, or where ignoring case might make
    /// one of it (`(?i)ſ` matches `s`).
    pub(super) fn ascii(&self) -> Option<String> {
        let linear = self.relaxed.as_ref().unwrap_or(&self.pattern);
        self.plain.then(|| without_unicode(linear))
    }
}

/// The same pattern in the dialect without Unicode.
fn without_unicode(pattern: &str) -> String {
    // Nothing else gives this text: Python knows no `\p`, and a literal `{` is escaped.
    pattern.replace(escape::WORD, r"\w")
}

/// Translates a Python pattern, with Python's checks.
pub(super) fn translate(python: &str) -> Result<Translated, String> {
    let separate = Translator::new(python, Mode::Separate).run()?;
    if separate.engine == Engine::Linear {
        return Ok(separate.finish());
    }
    let plain = Translator::new(python, Mode::Exact).run()?;
    // `fancy-regex` takes no numbered references beside named groups, so all get names.
    let exact = if plain.numbered_reference {
        Translator::new(python, Mode::NameAll).run()?
    } else {
        plain
    };
    let relaxed = Translator::new(python, Mode::Relaxed).run()?;
    Ok(Translated { relaxed: Some(relaxed.out), ..exact.finish() })
}

/// What is made of what only one of the engines knows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// For `regex`, if it can have the pattern: lookaheads that always hold are taken out.
    Separate,
    /// For `fancy-regex`.
    Exact,
    /// Exact, and groups without a name get one.
    NameAll,
    /// For `regex`: what looks around is left out, a reference stands for any text, and what never
    /// gives back may.
    Relaxed,
}

/// What stands before a quantifier.
#[derive(Clone, Copy)]
enum Last {
    Nothing,
    Anchor,
    Repeat,
    /// Something repeatable.
    Atom,
    /// A lookaround that starts at this offset of the translated pattern.
    Look(usize),
}

/// A group that is still open.
struct Open {
    /// Where a lookaround starts; None for any other group.
    look: Option<usize>,
    /// The number of a capturing group.
    number: Option<usize>,
}

struct Translator<'p> {
    rest: &'p str,
    at_start: bool,
    out: String,
    engine: Engine,
    open: Vec<Open>,
    groups: usize,
    names: Vec<(String, usize)>,
    aheads: Vec<Ahead>,
    /// The flags at the start, as a group.
    flags: String,
    last: Last,
    mode: Mode,
    numbered_reference: bool,
    plain: bool,
}

impl<'p> Translator<'p> {
    fn new(python: &'p str, mode: Mode) -> Self {
        Self {
            rest: python,
            at_start: true,
            out: String::with_capacity(python.len() + 16),
            engine: Engine::Linear,
            open: Vec::new(),
            groups: 0,
            names: Vec::new(),
            aheads: Vec::new(),
            flags: String::new(),
            last: Last::Nothing,
            mode,
            numbered_reference: false,
            plain: true,
        }
    }

    fn finish(self) -> Translated {
        Translated {
            pattern: self.out,
            engine: self.engine,
            aheads: self.aheads,
            plain: self.plain,
            relaxed: None,
            names: self.names,
            groups: self.groups,
        }
    }

    fn run(mut self) -> Result<Self, String> {
        while let Some(c) = self.bump() {
            match c {
                '(' => self.open_group()?,
                ')' => self.close_group()?,
                '[' => self.class()?,
                '\\' => self.escape()?,
                '|' => {
                    self.out.push('|');
                    self.last = Last::Nothing;
                }
                '^' | '$' => {
                    self.out.push(c);
                    self.last = Last::Anchor;
                }
                '.' => {
                    self.out.push('.');
                    self.last = Last::Atom;
                }
                '*' => self.repeat(0, "*")?,
                '+' => self.repeat(1, "+")?,
                '?' => self.repeat(0, "?")?,
                '{' => match self.counts()? {
                    Some((least, text)) => self.repeat(least, &text)?,
                    None => self.literal('{'),
                },
                c => self.literal(c),
            }
            self.at_start = false;
        }
        if self.open.is_empty() { Ok(self) } else { Err("a `(` is not closed".into()) }
    }

    /// Takes the next character.
    fn bump(&mut self) -> Option<char> {
        let mut chars = self.rest.chars();
        let c = chars.next()?;
        self.rest = chars.as_str();
        Some(c)
    }

    /// Takes `text` if it comes next.
    fn eat(&mut self, text: &str) -> bool {
        let Some(rest) = self.rest.strip_prefix(text) else { return false };
        self.rest = rest;
        true
    }

    /// Takes as many characters as fit, up to `most`.
    fn take_while(&mut self, most: usize, fits: impl Fn(char) -> bool) -> &'p str {
        let end = self
            .rest
            .char_indices()
            .enumerate()
            .find(|(count, (_, c))| *count == most || !fits(*c))
            .map_or(self.rest.len(), |(_, (at, _))| at);
        let (taken, rest) = self.rest.split_at_checked(end).unwrap_or((self.rest, ""));
        self.rest = rest;
        taken
    }

    fn literal(&mut self, c: char) {
        if matches!(
            c,
            '\\' | '.' | '+' | '*' | '?' | '(' | ')' | '|' | '[' | ']' | '{' | '}' | '^' | '$'
        ) {
            self.out.push('\\');
        }
        self.out.push(c);
        self.plain &= c.is_ascii();
        self.last = Last::Atom;
    }

    /// Reads what follows a `{`. None if Python takes the `{` literally.
    fn counts(&mut self) -> Result<Option<(u64, String)>, String> {
        let before = self.rest;
        let least = self.take_while(usize::MAX, |c| c.is_ascii_digit());
        let comma = self.eat(",");
        let most = if comma { self.take_while(usize::MAX, |c| c.is_ascii_digit()) } else { least };
        if !self.eat("}") || (least.is_empty() && !comma) {
            self.rest = before;
            return Ok(None);
        }
        let number = |digits: &str| {
            digits.parse::<u64>().map_err(|_| "a repeat count is too large".to_owned())
        };
        let low = if least.is_empty() { 0 } else { number(least)? };
        if most.is_empty() {
            return Ok(Some((low, format!("{{{low},}}"))));
        }
        let high = number(most)?;
        if high < low {
            return Err("the most of a repeat is less than its least".into());
        }
        Ok(Some((low, format!("{{{low},{high}}}"))))
    }

    fn repeat(&mut self, least: u64, quantifier: &str) -> Result<(), String> {
        let suffix = if self.eat("?") {
            "?"
        } else if self.eat("+") {
            self.engine = Engine::Backtracking;
            if self.mode == Mode::Relaxed { "" } else { "+" }
        } else {
            ""
        };
        match self.last {
            Last::Nothing | Last::Anchor => return Err("there is nothing to repeat".into()),
            Last::Repeat => return Err("a repeat of a repeat".into()),
            Last::Atom => {
                self.out.push_str(quantifier);
                self.out.push_str(suffix);
            }
            // `fancy-regex` does not repeat a lookaround. One that must hold at least once is the
            // same as a single one; one that need not hold is a choice with nothing.
            Last::Look(start) => {
                self.engine = Engine::Backtracking;
                if least == 0 && self.mode != Mode::Relaxed {
                    self.out.insert_str(start, "(?:");
                    self.out.push_str(if suffix == "?" { "|)??" } else { "|)" });
                }
            }
        }
        self.last = Last::Repeat;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
