//! Owns [`Hidden`]: the words of one text that redaction took out of it.
//!
//! A text is redacted with its lines in view, and a record only with the names of its fields, which may be
//! anybody's choice. So what was hidden in the text must be hidden in its records too.
//! **Limits:** a word is what stands between blanks; one that also stands where it is no secret is
//! known to everybody and stays.

use std::collections::HashSet;

use serde_json::Value;

use super::Redactor;

/// Shorter words are too common to look for.
const SHORTEST: usize = 3;

/// What stands around a word that is not part of it.
const AROUND: [char; 5] = ['"', '\'', ';', ',', '\0'];

/// Words that were taken out of a text.
#[derive(Debug, Default)]
pub struct Hidden {
    words: HashSet<String>,
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split_whitespace().map(|word| word.trim_matches(AROUND)).filter(|w| w.len() >= SHORTEST)
}

impl Redactor {
    /// Finds out which words of a text redaction takes out of it.
    pub fn hidden(&self, text: &str) -> Hidden {
        let redacted = self.redact_counted(text);
        if redacted.secrets == 0 {
            return Hidden::default();
        }
        let shown: HashSet<&str> = words(&redacted.text).collect();
        let hidden = words(text).filter(|word| !shown.contains(word)).map(str::to_owned);
        Hidden { words: hidden.collect() }
    }

    /// Hides these words in every string of a record. Returns how many were replaced.
    pub fn hide(&self, hidden: &Hidden, value: &mut Value) -> usize {
        if hidden.words.is_empty() {
            return 0;
        }
        match value {
            Value::String(text) => {
                let found: Vec<String> = words(text)
                    .filter(|word| hidden.words.contains(*word))
                    .map(str::to_owned)
                    .collect();
                for word in &found {
                    *text = text.replace(word.as_str(), &self.placeholder("value", word));
                }
                found.len()
            }
            Value::Array(items) => items.iter_mut().map(|item| self.hide(hidden, item)).sum(),
            Value::Object(fields) => {
                fields.values_mut().map(|value| self.hide(hidden, value)).sum()
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => 0,
        }
    }
}

impl Hidden {
    /// Whether a piece of the text, which may be cut at its end, has one of the words.
    pub fn is_in(&self, piece: &str) -> bool {
        let last = piece.split_whitespace().next_back().and_then(|word| word.strip_suffix('…'));
        words(piece).any(|word| self.words.contains(word))
            || last.is_some_and(|cut| self.words.iter().any(|word| word.starts_with(cut)))
    }
}
