//! Owns [`Pattern`]: a Python pattern that matches from the start of a line, as `re.match` does.
//!
//! Compiling costs about 0.1 ms and 100 kB for each pattern, and most rules of a large template are
//! never reached, so a pattern compiles when it is first used.
//! **Invariant:** a pattern that runs out of backtracking steps is [`NoMatch::Undecided`], never
//! "does not match": a missing row must not look like an absent one.

use std::sync::OnceLock;

use regex_automata::meta;
use regex_automata::util::primitives::NonMaxUsize;
use regex_automata::{Anchored, Input};

use super::dialect::{self, Engine, Translated};
use super::limits;

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
    Linear(meta::Regex),
    // Much larger than the other; boxed to keep the common one small.
    Backtracking(Box<fancy_regex::Regex>),
}

/// Where the groups of the last match stand in the text. One serves many patterns, so that a match
/// allocates nothing.
#[derive(Debug, Default)]
pub(super) struct Slots(Vec<Option<NonMaxUsize>>);

impl Slots {
    /// The text of a group, if it took part in the match.
    pub(super) fn text<'t>(&self, text: &'t str, group: usize) -> Option<&'t str> {
        let offset = |at: usize| self.0.get(at).copied().flatten().map(NonMaxUsize::get);
        text.get(offset(2 * group)?..offset(2 * group + 1)?)
    }

    /// Makes room for the groups of a pattern.
    fn clear(&mut self, groups: usize) -> &mut [Option<NonMaxUsize>] {
        self.0.clear();
        self.0.resize(2 * (groups + 1), None);
        &mut self.0
    }
}

/// A translated pattern that compiles on first use.
#[derive(Debug)]
pub(in crate::parse) struct Pattern {
    translated: Translated,
    compiled: OnceLock<Result<Compiled, String>>,
}

impl Pattern {
    /// Translates a Python pattern without compiling it.
    pub(in crate::parse) fn new(python: &str) -> Result<Self, String> {
        Ok(Self { translated: dialect::translate(python)?, compiled: OnceLock::new() })
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
            Ok(_) => Ok(()),
            Err(message) => Err(message.to_owned()),
        }
    }

    fn compiled(&self) -> Result<&Compiled, &str> {
        let compiled = self.compiled.get_or_init(|| compile(&self.translated));
        compiled.as_ref().map_err(String::as_str)
    }

    /// Whether the text matches from its start.
    pub(in crate::parse) fn is_match(&self, text: &str) -> Result<bool, NoMatch> {
        match self.compiled().map_err(|message| NoMatch::Invalid(message.to_owned()))? {
            Compiled::Linear(regex) => Ok(regex.is_match(from_start(text))),
            Compiled::Backtracking(regex) => regex.is_match(text).map_err(|_| NoMatch::Undecided),
        }
    }

    /// Whether the text matches from its start; if so, the groups are in the slots.
    pub(super) fn captures(&self, text: &str, slots: &mut Slots) -> Result<bool, NoMatch> {
        match self.compiled().map_err(|message| NoMatch::Invalid(message.to_owned()))? {
            Compiled::Linear(regex) => {
                // Most rules miss, and a miss is found much faster without captures.
                let input = from_start(text);
                Ok(regex.is_match(input.clone())
                    && regex.search_slots(&input, slots.clear(self.groups())).is_some())
            }
            Compiled::Backtracking(regex) => {
                let found = regex.captures(text).map_err(|_| NoMatch::Undecided)?;
                let Some(found) = found else { return Ok(false) };
                let groups = slots.clear(self.groups()).chunks_exact_mut(2);
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

fn compile(translated: &Translated) -> Result<Compiled, String> {
    // The group keeps the anchor from binding to the first alternative only.
    let anchored = format!("^(?:{})", translated.pattern);
    match translated.engine {
        Engine::Linear => meta::Regex::builder()
            .configure(meta::Config::new().nfa_size_limit(Some(limits::COMPILED_BYTES)))
            .build(&anchored)
            .map(Compiled::Linear)
            .map_err(|error| match error.syntax_error() {
                Some(error) => one_line(&error.to_string()),
                None => one_line(&error.to_string()),
            }),
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
