//! Owns lookaheads that always hold, as in `(?=\s{0,10}(\S{0,10})).{10}`, where one reads what a column of
//! fixed width begins with. As they never fail, they say nothing about whether and where the pattern
//! matches, so `regex` can do that without them; what their groups catch is found afterwards, from
//! the place where each stands.
//!
//! **Invariant:** only a lookahead is taken out that stands outside all groups and is not repeated. It
//! is then passed at most once in a match, and its groups hold what that one time gave.

use regex_automata::util::syntax;

use super::{Engine, Translator, without_unicode};

/// A lookahead that was taken out of its pattern, which has as many empty groups in its place.
#[derive(Debug)]
pub(in crate::parse::textfsm) struct Ahead {
    /// What stands in the lookahead. It matches everywhere.
    pub(in crate::parse::textfsm) pattern: String,
    /// The number of its first group, which marks its place.
    pub(in crate::parse::textfsm) first: usize,
}

impl Ahead {
    /// The pattern for texts of ASCII alone.
    pub(in crate::parse::textfsm) fn ascii(&self) -> String {
        without_unicode(&self.pattern)
    }
}

impl Translator<'_> {
    /// Takes out the lookahead that starts at this offset and was just closed, if it always holds.
    pub(super) fn separate(&mut self, start: usize) {
        let look = self.out.split_off(start);
        let inner = look.strip_prefix("(?=").and_then(|rest| rest.strip_suffix(')'));
        let pattern = format!("{}{}", self.flags, inner.unwrap_or_default());
        let Some(groups) = groups_if_always_matching(&pattern) else {
            self.engine = Engine::Backtracking;
            return;
        };
        if groups > 0 {
            self.aheads.push(Ahead { pattern, first: self.groups + 1 - groups });
            self.out.push_str(&"()".repeat(groups));
        }
    }
}

/// How many groups a pattern has, if it matches at every place of every text: it may match nothing
/// and asserts nothing about its surroundings.
fn groups_if_always_matching(pattern: &str) -> Option<usize> {
    let parsed = syntax::parse(pattern).ok()?;
    let properties = parsed.properties();
    let always = properties.minimum_len() == Some(0) && properties.look_set().is_empty();
    always.then(|| properties.explicit_captures_len())
}
