//! Owns [`Pattern`]: a Python pattern that matches from the start of a line, as `re.match` does.
//!
//! Compiling costs up to a millisecond and a megabyte for each pattern, nearly all of it for Unicode's
//! sets of characters. Most rules of a large template are never reached, and nearly all output is
//! ASCII, so a pattern compiles when it is first used, and for texts of ASCII alone in a form without
//! those sets.
//! **Invariants:** both forms give the same answer. A pattern that runs out of backtracking steps is
//! [`NoMatch::Undecided`], never "does not match": a missing row must not look like an absent one.

use std::sync::OnceLock;

use regex_automata::util::primitives::NonMaxUsize;
use regex_automata::util::syntax;
use regex_automata::{Anchored, Input, meta};

use super::dialect::{self, Ahead, Engine, Translated};
use super::limits;

/// A text to match, which is asked only once whether it is ASCII.
#[derive(Debug, Clone, Copy)]
pub(super) struct Subject<'t> {
    pub(super) text: &'t str,
    pub(super) is_ascii: bool,
}

impl<'t> From<&'t str> for Subject<'t> {
    fn from(text: &'t str) -> Self {
        Self { text, is_ascii: text.is_ascii() }
    }
}

/// Why a pattern gives no answer.
#[derive(Debug)]
pub(in crate::parse) enum NoMatch {
    /// The pattern does not compile.
    Invalid(String),
    /// The backtracking limit was reached.
    Undecided,
}

#[derive(Debug)]
enum Compiled {
    Linear(Linear),
    // Much larger than the other; boxed to keep the common one small.
    Backtracking(Box<fancy_regex::Regex>),
}

type Slot = Option<NonMaxUsize>;

/// Where the groups of the last match stand in the text. One serves many patterns, so that a match
/// allocates nothing.
#[derive(Debug, Default)]
pub(super) struct Slots {
    /// The start and the end of each group, beginning with that of the whole match.
    groups: Vec<Slot>,
    /// The same for a lookahead that is matched on its own.
    ahead: Vec<Slot>,
}

impl Slots {
    /// The text of a group, if it took part in the match.
    pub(super) fn text<'t>(&self, text: &'t str, group: usize) -> Option<&'t str> {
        let offset = |at: usize| self.groups.get(at).copied().flatten().map(NonMaxUsize::get);
        text.get(offset(2 * group)?..offset(2 * group + 1)?)
    }
}

/// Makes room for this many groups, counting the whole match.
fn clear(slots: &mut Vec<Slot>, groups: usize) -> &mut [Slot] {
    slots.clear();
    slots.resize(2 * groups, None);
    slots
}

/// A pattern that takes linear time.
#[derive(Debug)]
struct Linear {
    regex: meta::Regex,
    /// The lookaheads that were taken out of it, each with the number of its first group.
    aheads: Vec<(usize, meta::Regex)>,
}

impl Linear {
    fn is_match(&self, text: &str) -> bool {
        self.regex.is_match(from_start(text))
    }

    fn captures(&self, text: &str, slots: &mut Slots) -> bool {
        let groups = clear(&mut slots.groups, self.regex.captures_len());
        if self.regex.search_slots(&from_start(text), groups).is_none() {
            return false;
        }
        for (first, regex) in &self.aheads {
            // In an alternative that was not taken, a lookahead has no place.
            let Some(place) = groups.get(2 * first).copied().flatten() else { continue };
            let found = clear(&mut slots.ahead, regex.captures_len());
            regex.search_slots(&from_start(text).range(place.get()..), found);
            let own = groups.iter_mut().skip(2 * first);
            own.zip(found.iter().skip(2)).for_each(|(own, found)| *own = *found);
        }
        true
    }
}

/// A translated pattern that compiles on first use.
#[derive(Debug)]
pub(in crate::parse) struct Pattern {
    translated: Translated,
    /// The form for any text.
    compiled: OnceLock<Result<Compiled, String>>,
    /// The form for texts of ASCII alone, where there is one; see [`Pattern::ascii`].
    ascii: OnceLock<Option<Linear>>,
}

impl Pattern {
    /// Translates a Python pattern without compiling it.
    pub(in crate::parse) fn new(python: &str) -> Result<Self, String> {
        let translated = dialect::translate(python)?;
        Ok(Self { translated, compiled: OnceLock::new(), ascii: OnceLock::new() })
    }

    /// The named groups with their numbers.
    pub(super) fn names(&self) -> &[(String, usize)] {
        &self.translated.names
    }

    /// How many capturing groups there are.
    pub(super) fn groups(&self) -> usize {
        self.translated.groups
    }

    /// Whether it may take more than linear time, up to [`limits::BACKTRACK_STEPS`].
    pub(super) fn backtracks(&self) -> bool {
        self.translated.engine == Engine::Backtracking
    }

    /// Compiles the pattern, if that has not happened yet.
    pub(in crate::parse) fn check(&self) -> Result<(), String> {
        match self.compiled() {
            Err(NoMatch::Invalid(message)) => Err(message),
            _ => Ok(()),
        }
    }

    fn compiled(&self) -> Result<&Compiled, NoMatch> {
        let compiled = self.compiled.get_or_init(|| compile(&self.translated));
        compiled.as_ref().map_err(|message| NoMatch::Invalid(message.clone()))
    }

    /// The form for texts of ASCII alone, in Rust's dialect without Unicode. Where the pattern
    /// backtracks, it does not, and matches more.
    pub(super) fn ascii(&self) -> Option<String> {
        anchored_ascii(&self.translated)
    }

    /// That form, compiled, if it says something of the text.
    fn ascii_for(&self, subject: Subject<'_>) -> Option<&Linear> {
        if !subject.is_ascii {
            return None;
        }
        self.ascii.get_or_init(|| compile_ascii(&self.translated)).as_ref()
    }

    /// As [`Pattern::ascii_for`], where that form is exact.
    fn exact_ascii_for(&self, subject: Subject<'_>) -> Option<&Linear> {
        if self.backtracks() { None } else { self.ascii_for(subject) }
    }

    /// False only if the text does not match, which is found out in linear time.
    pub(super) fn may_match(&self, subject: Subject<'_>) -> bool {
        self.ascii_for(subject).is_none_or(|regex| regex.is_match(subject.text))
    }

    /// Whether the text matches from its start.
    pub(in crate::parse) fn is_match(&self, text: &str) -> Result<bool, NoMatch> {
        self.matches(text.into())
    }

    /// Whether the text matches from its start.
    pub(super) fn matches(&self, subject: Subject<'_>) -> Result<bool, NoMatch> {
        let text = subject.text;
        if let Some(regex) = self.exact_ascii_for(subject) {
            return Ok(regex.is_match(text));
        }
        match self.compiled()? {
            Compiled::Linear(regex) => Ok(regex.is_match(text)),
            Compiled::Backtracking(regex) => regex.is_match(text).map_err(|_| NoMatch::Undecided),
        }
    }

    /// Whether the text matches from its start; if so, the groups are in the slots.
    pub(super) fn captures(
        &self,
        subject: Subject<'_>,
        slots: &mut Slots,
    ) -> Result<bool, NoMatch> {
        let text = subject.text;
        if let Some(regex) = self.exact_ascii_for(subject) {
            return Ok(regex.captures(text, slots));
        }
        match self.compiled()? {
            Compiled::Linear(regex) => Ok(regex.captures(text, slots)),
            Compiled::Backtracking(regex) => {
                let found = regex.captures(text).map_err(|_| NoMatch::Undecided)?;
                let Some(found) = found else { return Ok(false) };
                let groups = clear(&mut slots.groups, self.groups() + 1).chunks_exact_mut(2);
                for (slots, group) in groups.zip(found.iter()) {
                    if let (Some(group), [start, end]) = (group, slots) {
                        *start = NonMaxUsize::new(group.start());
                        *end = NonMaxUsize::new(group.end());
                    }
                }
                Ok(true)
            }
        }
    }
}

fn from_start(text: &str) -> Input<'_> {
    Input::new(text).anchored(Anchored::Yes)
}

/// The group keeps the anchor from binding to the first alternative only.
fn anchored(pattern: &str) -> String {
    format!("^(?:{pattern})")
}

fn anchored_ascii(translated: &Translated) -> Option<String> {
    Some(anchored(&translated.ascii()?))
}

/// Without Unicode, and for any bytes: those that are no ASCII never come.
pub(super) fn ascii_syntax() -> syntax::Config {
    syntax::Config::new().unicode(false).utf8(false)
}

/// Compiles a linear pattern and, as they are given, its lookaheads.
fn linear(
    translated: &Translated,
    anchored: &str,
    ahead: impl Fn(&Ahead) -> String,
    builder: &meta::Builder,
) -> Result<Linear, String> {
    let build = |pattern: &str| {
        builder.build(pattern).map_err(|error| match error.syntax_error() {
            Some(error) => one_line(&error.to_string()),
            None => one_line(&error.to_string()),
        })
    };
    let regex = build(anchored)?;
    let aheads = translated.aheads.iter().map(|one| Ok((one.first, build(&ahead(one))?)));
    Ok(Linear { regex, aheads: aheads.collect::<Result<_, String>>()? })
}

/// Lines are short and most rules miss in their first characters, where automata that are built as
/// they run never pay; so only those are used here that need no building or little.
fn compile_ascii(translated: &Translated) -> Option<Linear> {
    let mut builder = meta::Regex::builder();
    builder.configure(limited().utf8_empty(false).hybrid(false)).syntax(ascii_syntax());
    linear(translated, &anchored_ascii(translated)?, Ahead::ascii, &builder).ok()
}

fn limited() -> meta::Config {
    meta::Config::new()
        .dfa(false)
        .onepass_size_limit(Some(limits::ONE_PASS_BYTES))
        .nfa_size_limit(Some(limits::COMPILED_BYTES))
}

fn compile(translated: &Translated) -> Result<Compiled, String> {
    let anchored = anchored(&translated.pattern);
    match translated.engine {
        Engine::Linear => {
            let mut builder = meta::Regex::builder();
            builder.configure(limited().hybrid_cache_capacity(limits::LAZY_BYTES));
            let linear = linear(translated, &anchored, |one| one.pattern.clone(), &builder);
            linear.map(Compiled::Linear)
        }
        Engine::Backtracking => fancy_regex::RegexBuilder::new(&anchored)
            .backtrack_limit(limits::BACKTRACK_STEPS)
            .delegate_size_limit(limits::COMPILED_BYTES)
            .delegate_dfa_size_limit(limits::COMPILED_BYTES)
            .build()
            .map(|regex| Compiled::Backtracking(Box::new(regex)))
            .map_err(|error| one_line(&error.to_string())),
    }
}

/// The libraries draw the pattern with a caret over several lines; the last line says what is wrong.
fn one_line(message: &str) -> String {
    let last = message.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or(message);
    last.trim().trim_start_matches("error: ").to_owned()
}
