//! Owns the reading of one rule: `^pattern -> LineAction.RecordAction State`, where everything after
//! the arrow may be left out.

use std::collections::HashMap;

use super::super::pattern::Pattern;
use super::super::substitute::substitute;
use super::super::{LineAction, RecordAction, Rule, ValueDefinition};
use super::{is_blank, is_word};

/// A rule that does not yet know the number of the state it leads to.
pub(super) struct Draft {
    pub(super) line: usize,
    /// The length of the pattern.
    pub(super) length: usize,
    pub(super) jump: Jump,
    text: String,
    pattern: Pattern,
    assigns: Vec<(usize, usize)>,
    record_action: RecordAction,
}

/// A [`LineAction`] with the name of a state instead of its number.
pub(super) enum Jump {
    Next(Option<String>),
    Continue,
    Error(Option<String>),
}

impl Draft {
    pub(super) fn finish(self, line_action: LineAction) -> Rule {
        Rule {
            line: self.line,
            text: self.text,
            pattern: self.pattern,
            assigns: self.assigns,
            line_action,
            record_action: self.record_action,
        }
    }
}

/// Reads a rule without the blanks around it.
pub(super) fn read(
    text: &str,
    line: usize,
    values: &[ValueDefinition],
    known: &HashMap<&str, usize>,
) -> Result<Draft, String> {
    let (matched, action) = split_action(text);
    // Python fills nothing in when there are no Values, not even `$$`.
    let filled = if values.is_empty() {
        matched.to_owned()
    } else {
        substitute(matched, |name| {
            known.get(name).and_then(|at| values.get(*at)).map(|value| value.filled.as_str())
        })?
    };
    let pattern = Pattern::new(&filled)?;
    let assigns = pattern
        .names()
        .iter()
        .filter_map(|(name, group)| Some((*group, *known.get(name.as_str())?)))
        .collect();
    let (jump, record_action) = read_action(action.unwrap_or_default())
        .ok_or_else(|| format!("`->{}` is no action", action.unwrap_or_default()))??;
    Ok(Draft {
        line,
        length: filled.len(),
        jump,
        text: text.to_owned(),
        pattern,
        assigns,
        record_action,
    })
}

/// Splits at the last `->` that follows a blank: the pattern may hold others.
fn split_action(text: &str) -> (&str, Option<&str>) {
    for (at, arrow) in text.rmatch_indices("->") {
        let before = text.get(..at).unwrap_or_default();
        if let Some(blank) = before.chars().next_back().filter(|c| is_blank(*c)) {
            let matched = before.strip_suffix(blank).unwrap_or(before);
            return (matched, text.get(at + arrow.len()..));
        }
    }
    (text, None)
}

/// Reads what follows the arrow. None if it is not formed like an action.
fn read_action(text: &str) -> Option<Result<(Jump, RecordAction), String>> {
    let words = text.trim_start_matches(is_blank);
    if words.is_empty() {
        return Some(Ok((Jump::Next(None), RecordAction::NoRecord)));
    }
    if words.len() == text.len() {
        return None;
    }
    let (head, tail) = words.split_once(is_blank).unwrap_or((words, ""));
    let tail = tail.trim_start_matches(is_blank);
    let operators = if let Some(record) = record_action(head) {
        Some(("", record))
    } else {
        let (line_word, record_word) = head.split_once('.').unwrap_or((head, "NoRecord"));
        matches!(line_word, "Continue" | "Next" | "Error")
            .then_some(line_word)
            .zip(record_action(record_word))
    };
    // Without operators, all of it is the new state.
    let (line_word, record, target) = match operators {
        Some((line_word, record)) => (line_word, record, tail),
        None => ("", RecordAction::NoRecord, words),
    };
    let is_word = is_word(target);
    let is_quoted = target.len() > 1 && target.starts_with('"') && target.ends_with('"');
    if !is_word && !is_quoted {
        return None;
    }
    let target = (!target.is_empty()).then(|| target.to_owned());
    Some(match (line_word, target) {
        ("Error", message) => Ok((Jump::Error(message), record)),
        ("Continue", None) => Ok((Jump::Continue, record)),
        ("Continue", Some(target)) => {
            Err(format!("`Continue` cannot lead to another state, `{target}`"))
        }
        (_, Some(target)) if is_quoted => Err(format!("{target} is not the name of a state")),
        (_, target) => Ok((Jump::Next(target), record)),
    })
}

fn record_action(word: &str) -> Option<RecordAction> {
    Some(match word {
        "NoRecord" => RecordAction::NoRecord,
        "Record" => RecordAction::Record,
        "Clear" => RecordAction::Clear,
        "Clearall" => RecordAction::ClearAll,
        _ => return None,
    })
}
