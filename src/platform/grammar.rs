//! The read grammar of a platform: which words, characters and filters a reading command may have.
//!
//! The grammar is data; the judgement over a command is `policy`'s.

use regex::Regex;

/// A keyword and how far it may be abbreviated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    full: String,
    shortest: usize,
}

impl Word {
    /// Reads `sh[[ow]]`: the part in double brackets may be left out from its end.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (full, shortest) = match text.split_once("[[") {
            Some((head, rest)) => {
                let tail = rest.strip_suffix("]]")?;
                (format!("{head}{tail}"), head.len())
            }
            None => (text.to_owned(), text.len()),
        };
        let plain = full.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        (plain && shortest > 0).then_some(Self { full, shortest })
    }

    /// The word in full.
    pub fn full(&self) -> &str {
        &self.full
    }

    /// Says whether `typed` is this word or an abbreviation of it that is long enough.
    pub fn accepts(&self, typed: &str) -> bool {
        typed.len() >= self.shortest && self.full.starts_with(&typed.to_ascii_lowercase())
    }
}

/// A filter that may follow a pipe.
#[derive(Debug, Clone)]
pub struct Filter {
    /// The filter's word.
    pub word: Word,
    /// What may follow it.
    pub argument: Argument,
}

/// What may follow a filter's word.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Argument {
    /// Nothing.
    None,
    /// One pattern, to the end of the filter.
    Text,
    /// One or more of these words.
    Words(Vec<Word>),
}

/// What the gate lets pass as reading on a platform.
#[derive(Debug)]
pub struct ReadGrammar {
    /// Longest command in characters.
    pub max_length: usize,
    /// First words.
    pub verbs: Vec<Word>,
    /// Whole commands, up to the first pipe, that pass whatever their first word is.
    pub forms: Vec<Regex>,
    /// Characters beside letters, digits and blank.
    pub punctuation: String,
    /// Whether double quotes group words.
    pub quotes: bool,
    /// Whether `a|b` is an alternative inside a filter's argument.
    pub alternation: bool,
    /// Word sequences that are refused, also abbreviated.
    pub deny: Vec<Vec<String>>,
    /// Filters that may follow a pipe.
    pub filters: Vec<Filter>,
    /// Pipe targets that write or run something.
    pub forbidden_filters: Vec<String>,
    /// Matches commands that read a configuration.
    pub configuration: Vec<Regex>,
    /// Matches commands whose answer is a whole configuration, not a part of one.
    pub whole_configuration: Vec<Regex>,
    /// Matches the last line of a whole configuration.
    pub end_of_configuration: Option<Regex>,
    /// Commands that must pass.
    pub allowed: Vec<String>,
    /// Commands that must not pass.
    pub refused: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_accepts_itself_and_long_enough_abbreviations() {
        let word = Word::parse("sh[[ow]]").unwrap();
        for typed in ["sh", "sho", "show", "SHOW"] {
            assert!(word.accepts(typed), "{typed}");
        }
        for typed in ["s", "shw", "shows", ""] {
            assert!(!word.accepts(typed), "{typed}");
        }
        assert_eq!(Word::parse("show").unwrap().full(), "show");
        assert!(Word::parse("sh[[ow").is_none() && Word::parse("[[show]]").is_none());
    }
}
