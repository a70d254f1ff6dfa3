//! Owns [`Sieve`]: all rules of a state in one automaton, which tells in one pass over a line which of
//! them match. A state has dozens of rules of which most miss, so in a long output this is several
//! times faster than asking one after the other.
//!
//! The automaton is built as it runs, so it costs time before it saves any: the machine uses it only
//! once a run has seen [`LINES_BEFORE`] lines.
//! **Invariant:** it never decides what the patterns would not: a rule without a form for ASCII always
//! stays in question, and where the automaton gives up, all do.

use std::sync::{Mutex, PoisonError};

use regex_automata::hybrid::dfa::{Cache, DFA};
use regex_automata::nfa::thompson::{self, WhichCaptures};
use regex_automata::util::start::Config;
use regex_automata::{Anchored, MatchKind, PatternID};

use super::pattern::ascii_syntax;
use super::{Rule, limits};

/// How many lines a run sees before sieves are worth building.
pub(super) const LINES_BEFORE: usize = 400;
/// With fewer rules there is little to save.
const FEWEST_RULES: usize = 3;
/// How often the automaton may start anew before each time must have been worth it…
const FULL_BEFORE: usize = 8;
/// …by this many bytes for each of its states.
const BYTES_PER_STATE: usize = 10;

pub(super) struct Sieve {
    dfa: DFA,
    /// Which rules match a line or, for want of a form, may match it.
    caches: Mutex<Vec<Cache>>,
}

impl std::fmt::Debug for Sieve {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sieve").field("rules", &self.dfa.pattern_len()).finish_non_exhaustive()
    }
}

/// What one run keeps for a sieve.
pub(super) struct Sifting {
    cache: Cache,
    /// By rule: whether it is in question for the line at hand.
    questions: Vec<bool>,
}

impl Sifting {
    /// Whether a rule is in question for the line that was sifted last.
    pub(super) fn is_in_question(&self, rule: usize) -> bool {
        self.questions.get(rule).copied().unwrap_or(true)
    }
}

impl Sifting {
    /// Leaves every rule in question.
    pub(super) fn ask_all(&mut self) {
        self.questions.fill(true);
    }
}

impl Sieve {
    /// None where it would not help.
    pub(super) fn new(rules: &[Rule]) -> Option<Self> {
        let patterns: Vec<Option<String>> = rules.iter().map(|rule| rule.pattern.ascii()).collect();
        if patterns.iter().flatten().count() < FEWEST_RULES {
            return None;
        }
        // A rule's number is its pattern's; an empty pattern, which matches all, keeps it in question.
        let patterns: Vec<&str> = patterns.iter().map(|p| p.as_deref().unwrap_or("")).collect();
        let dfa = DFA::builder()
            .syntax(ascii_syntax())
            .thompson(
                thompson::Config::new()
                    .utf8(false)
                    .which_captures(WhichCaptures::None)
                    .nfa_size_limit(Some(limits::COMPILED_BYTES)),
            )
            .configure(
                DFA::config()
                    .match_kind(MatchKind::All)
                    .cache_capacity(limits::LAZY_BYTES)
                    .skip_cache_capacity_check(true)
                    .minimum_cache_clear_count(Some(FULL_BEFORE))
                    .minimum_bytes_per_state(Some(BYTES_PER_STATE)),
            )
            .build_many(&patterns)
            .ok()?;
        Some(Self { dfa, caches: Mutex::new(Vec::new()) })
    }

    /// Begins a run, with what an earlier one has built.
    pub(super) fn begin(&self) -> Sifting {
        let cache = self.caches.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let cache = cache.unwrap_or_else(|| self.dfa.create_cache());
        Sifting { cache, questions: vec![true; self.dfa.pattern_len()] }
    }

    /// Ends a run and keeps what was built for the next one.
    pub(super) fn end(&self, sifting: Sifting) {
        let mut caches = self.caches.lock().unwrap_or_else(PoisonError::into_inner);
        // One more than this is rare, and would stay for as long as the template does.
        if caches.is_empty() {
            caches.push(sifting.cache);
        }
    }

    /// Finds out which rules match a line of ASCII. None if the automaton gives up.
    pub(super) fn sift(&self, sifting: &mut Sifting, line: &str) -> Option<()> {
        let Sifting { cache, questions } = sifting;
        questions.fill(false);
        let dfa = &self.dfa;
        let mut note = |cache: &Cache, state| {
            for index in 0..dfa.match_len(cache, state) {
                let rule: PatternID = dfa.match_pattern(cache, state, index);
                if let Some(question) = questions.get_mut(rule.as_usize()) {
                    *question = true;
                }
            }
        };
        let start = Config::new().anchored(Anchored::Yes);
        let mut state = dfa.start_state(cache, &start).ok()?;
        let mut noted = state;
        cache.search_start(0);
        for (at, byte) in line.bytes().enumerate() {
            state = match dfa.next_state(cache, state, byte) {
                Ok(state) => state,
                Err(_) => return None,
            };
            if state.is_tagged() {
                if state.is_dead() {
                    cache.search_finish(at);
                    return Some(());
                }
                if state.is_quit() {
                    return None;
                }
                if state.is_match() && state != noted {
                    note(cache, state);
                    noted = state;
                }
            }
        }
        cache.search_finish(line.len());
        state = dfa.next_eoi_state(cache, state).ok()?;
        if state.is_match() {
            note(cache, state);
        }
        Some(())
    }
}
