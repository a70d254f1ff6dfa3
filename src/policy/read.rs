//! The judgement over a reading command: characters, then verb, then pipes.

use super::Refusal;
use crate::platform::{Argument, Filter, ReadGrammar, Word};

/// Longest argument of a filter, in characters.
const FILTER_ARGUMENT: usize = 128;

/// How many commands are named where no first word tells what may be read.
const EXAMPLES: usize = 4;

/// Schemes of files on other machines, as IOS, EOS and Junos spell them.
const REMOTE_SCHEMES: &[&str] =
    &["ftp", "tftp", "http", "https", "scp", "sftp", "rcp", "rsync", "tftpboot", "xmodem", "cns"];

/// Decides whether a command can be derived from the platform's read grammar.
pub(super) fn judge(grammar: &ReadGrammar, command: &str) -> Result<(), Refusal> {
    let limit = grammar.max_length;
    // Length first, so that judging costs no more than a line of the platform's length.
    let length = command.chars().take(limit.saturating_mul(4).saturating_add(1)).count();
    if length > limit {
        return Err(Refusal::TooLong { length: command.chars().count(), limit });
    }
    judge_characters(grammar, command)?;
    let mut parts = split_pipes(grammar, command).into_iter();
    let head = parts.next().unwrap_or_default();
    judge_head(grammar, head)?;
    parts.try_for_each(|part| judge_filter(grammar, part))
}

/// Lets only letters, digits, blanks and the platform's punctuation pass.
fn judge_characters(grammar: &ReadGrammar, command: &str) -> Result<(), Refusal> {
    if command.trim().is_empty() && command.chars().all(|c| c == ' ') {
        return Err(Refusal::Empty);
    }
    let mut quotes = 0_usize;
    for (index, character) in command.chars().enumerate() {
        let position = index.saturating_add(1);
        if !(' '..='~').contains(&character) {
            let shown = format!("U+{:04X}", u32::from(character));
            return Err(Refusal::NotPrintable { position, shown });
        }
        let plain = character.is_ascii_alphanumeric() || character == ' ' || character == '|';
        let quote = character == '"' && grammar.quotes;
        quotes = quotes.saturating_add(usize::from(quote));
        if !(plain || quote || grammar.punctuation.contains(character)) {
            return Err(Refusal::Metacharacter { position, character });
        }
    }
    if quotes.is_multiple_of(2) { Ok(()) } else { Err(Refusal::Quotes) }
}

/// Splits at the pipes that the device would act on.
fn split_pipes<'a>(grammar: &ReadGrammar, command: &'a str) -> Vec<&'a str> {
    let mut parts = Vec::new();
    let mut rest = command;
    let mut from = 0_usize;
    let mut quoted = false;
    for (index, character) in command.char_indices() {
        match character {
            '"' => quoted = !quoted,
            '|' if !is_alternative(grammar, command, index, quoted, parts.is_empty()) => {
                parts.push(command.get(from..index).unwrap_or_default());
                from = index.saturating_add(1);
                rest = command.get(from..).unwrap_or_default();
            }
            _ => {}
        }
    }
    parts.push(rest);
    parts
}

/// Says whether a pipe is an alternative of a pattern: inside quotes, or without blanks around it
/// inside a filter's argument where the platform reads it so. What follows must not look like a
/// filter that writes, should the device see it otherwise than we do.
fn is_alternative(
    grammar: &ReadGrammar,
    command: &str,
    index: usize,
    quoted: bool,
    first: bool,
) -> bool {
    if first || !(quoted || grammar.alternation) {
        return false;
    }
    let before = command.get(..index).unwrap_or_default();
    let after = command.get(index.saturating_add(1)..).unwrap_or_default();
    let tight =
        !before.ends_with([' ', '|']) && !after.starts_with([' ', '|']) && !after.is_empty();
    let word: String =
        after.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
    let word = word.to_ascii_lowercase();
    let writes = grammar.forbidden_filters.iter().any(|forbidden| {
        !word.is_empty() && (forbidden.starts_with(&word) || word.starts_with(forbidden.as_str()))
    });
    tight && !writes
}

/// Judges everything before the first pipe.
fn judge_head(grammar: &ReadGrammar, head: &str) -> Result<(), Refusal> {
    let words: Vec<&str> = head.split(' ').filter(|word| !word.is_empty()).collect();
    let first = words.first().copied().unwrap_or_default();
    let known = grammar.verbs.iter().any(|verb| verb.accepts(first))
        || grammar.forms.iter().any(|form| form.is_match(head.trim_end_matches(' ')));
    if first.is_empty() || !known {
        let verbs: Vec<&str> = grammar.verbs.iter().map(Word::full).collect();
        let mut allowed = verbs.join(", ");
        if verbs.is_empty() {
            let some: Vec<String> =
                grammar.allowed.iter().take(EXAMPLES).map(|case| format!("`{case}`")).collect();
            allowed = format!("whole commands such as {}", some.join(", "));
        }
        return Err(Refusal::NotReadOnly { word: first.to_owned(), allowed });
    }
    if let Some(word) = words.iter().find(|word| is_remote(word)) {
        return Err(Refusal::Remote { word: (*word).to_owned() });
    }
    // A typed word may abbreviate the rule's word, so every prefix counts as a match.
    let denied = grammar.deny.iter().find(|rule| {
        rule.len() <= words.len()
            && rule.iter().zip(&words).all(|(rule, typed)| {
                rule.starts_with(&typed.trim_matches('"').to_ascii_lowercase())
            })
    });
    match denied {
        Some(rule) => Err(Refusal::Denied { rule: rule.join(" ") }),
        None => Ok(()),
    }
}

/// Says whether a word is the address of a file on another machine.
fn is_remote(word: &str) -> bool {
    let word = word.trim_start_matches('"').to_ascii_lowercase();
    word.contains("://")
        || word.split_once(':').is_some_and(|(scheme, _)| REMOTE_SCHEMES.contains(&scheme))
}

/// Judges one filter behind a pipe.
fn judge_filter(grammar: &ReadGrammar, part: &str) -> Result<(), Refusal> {
    let part = part.trim_matches(' ');
    let (typed, argument) = part.split_once(' ').unwrap_or((part, ""));
    let argument = argument.trim_start_matches(' ');
    let named = |filter: &&Filter| filter.word.accepts(typed);
    let Some(filter) = grammar.filters.iter().find(named) else {
        let names: Vec<&str> = grammar.filters.iter().map(|filter| filter.word.full()).collect();
        return Err(Refusal::Pipe { filter: typed.to_owned(), allowed: names.join(", ") });
    };
    let wrong =
        |problem| Err(Refusal::FilterArgument { filter: filter.word.full().to_owned(), problem });
    match &filter.argument {
        Argument::None if !argument.is_empty() => wrong("takes no argument"),
        Argument::Text if argument.is_empty() => wrong("needs a pattern"),
        Argument::Text if argument.chars().count() > FILTER_ARGUMENT => {
            wrong("has a pattern of more than 128 characters")
        }
        Argument::Text if !balanced(argument) => wrong("has a pattern with unbalanced brackets"),
        Argument::Words(words) => {
            let known = |typed: &str| words.iter().any(|word| word.accepts(typed));
            let mut typed = argument.split(' ').filter(|word| !word.is_empty()).peekable();
            if typed.peek().is_none() {
                wrong("needs a word")
            } else if typed.all(known) {
                Ok(())
            } else {
                wrong("has a word that is not allowed")
            }
        }
        Argument::None | Argument::Text => Ok(()),
    }
}

/// Says whether brackets close in the order in which they open, at most eight deep.
fn balanced(pattern: &str) -> bool {
    let mut open = Vec::new();
    for character in pattern.chars() {
        let closes = match character {
            '(' => Some(')'),
            '[' => Some(']'),
            '{' => Some('}'),
            _ => None,
        };
        if let Some(close) = closes {
            open.push(close);
        } else if matches!(character, ')' | ']' | '}') && open.pop() != Some(character) {
            return false;
        }
        if open.len() > 8 {
            return false;
        }
    }
    open.is_empty()
}
