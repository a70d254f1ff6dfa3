//! Owns the reading of templates: the Value lines, the states and their rules, with the checks that
//! Python's `textfsm` makes. What Python accepts is accepted here, and the other way round, but for a
//! Value without a name, the patterns that `dialect` and the compilers refuse, and the limits.

mod rule;

use std::collections::HashMap;
use std::sync::OnceLock;

use super::pattern::Pattern;
use super::{LineAction, State, Target, Template, ValueDefinition, ValueOption, limits};
use rule::{Draft, Jump};

/// The longest name of a Value or a state.
const NAME_CHARS: usize = 48;
/// Names that would read like an action.
const RESERVED: [&str; 7] =
    ["Continue", "Next", "Error", "Clear", "Clearall", "Record", "NoRecord"];

/// What is wrong with a template.
#[derive(Debug)]
pub(super) struct SyntaxError {
    pub(super) line: usize,
    pub(super) message: String,
}

fn error<T>(line: usize, message: impl Into<String>) -> Result<T, SyntaxError> {
    Err(SyntaxError { line, message: message.into() })
}

/// The lines of a template with their numbers, without blanks at their ends.
type Lines<'t> = std::iter::Enumerate<std::vec::IntoIter<&'t str>>;

fn next_line<'t>(lines: &mut Lines<'t>) -> Option<(usize, &'t str)> {
    lines.next().map(|(at, line)| (at + 1, trim_end(line)))
}

/// A state whose rules do not yet know the numbers of the states they lead to.
struct StateDraft {
    name: String,
    line: usize,
    rules: Vec<Draft>,
}

pub(super) fn read(name: &str, text: &str) -> Result<Template, SyntaxError> {
    if text.len() > limits::TEMPLATE_BYTES {
        return error(0, format!("it is longer than {} bytes", limits::TEMPLATE_BYTES));
    }
    let unified = text.replace("\r\n", "\n").replace('\r', "\n");
    let mut lines: Lines<'_> = unified.split('\n').collect::<Vec<_>>().into_iter().enumerate();
    let values = read_values(&mut lines)?;
    let mut states: Vec<StateDraft> = Vec::new();
    let mut size = 0;
    while let Some(state) = read_state(&mut lines, &values, &mut size)? {
        if states.iter().any(|known| known.name == state.name) {
            return error(state.line, format!("the state `{}` stands there twice", state.name));
        }
        states.push(state);
    }
    connect(name, values, states)
}

/// Reads the Value lines up to the first blank line.
fn read_values(lines: &mut Lines<'_>) -> Result<Vec<ValueDefinition>, SyntaxError> {
    let mut values: Vec<ValueDefinition> = Vec::new();
    while let Some((number, line)) = next_line(lines) {
        if line.is_empty() {
            break;
        }
        if is_comment(line) {
            continue;
        }
        let Some(declaration) = line.strip_prefix("Value ") else {
            let message = if values.is_empty() {
                "the template does not begin with Values"
            } else {
                "there is no blank line after the last Value"
            };
            return error(number, message);
        };
        let value = read_value(declaration, number)
            .map_err(|message| SyntaxError { line: number, message })?;
        if values.iter().any(|known| known.name == value.name) {
            return error(number, format!("the Value `{}` stands there twice", value.name));
        }
        values.push(value);
    }
    Ok(values)
}

/// Reads what follows `Value `: options if any, a name and a pattern.
fn read_value(declaration: &str, line: usize) -> Result<ValueDefinition, String> {
    let (first, after) = declaration.split_once(' ').ok_or("a Value needs a name and a pattern")?;
    let (options, name, pattern) = if after.starts_with('(') {
        (Vec::new(), first, after)
    } else {
        let (name, pattern) = after.split_once(' ').unwrap_or((after, ""));
        (read_options(first)?, name, pattern)
    };
    if name.is_empty() || name.chars().count() > NAME_CHARS {
        return Err(format!("a Value's name has 1 to {NAME_CHARS} characters"));
    }
    if name.contains('\\') {
        return Err("a Value's name has no backslash".to_owned());
    }
    let inside = pattern.strip_prefix('(').filter(|rest| rest.ends_with(')'));
    let Some(inside) = inside.filter(|rest| !rest.ends_with("\\)")) else {
        return Err(format!("the pattern `{pattern}` does not stand in parentheses"));
    };
    let own = Pattern::new(pattern).map_err(|message| format!("`{pattern}`: {message}"))?;
    let nested =
        options.contains(&ValueOption::List) && own.groups() > 1 && !own.names().is_empty();
    Ok(ValueDefinition {
        name: name.to_owned(),
        options,
        filled: format!("(?P<{name}>{inside}"),
        nested: nested.then_some(own),
        line,
    })
}

fn read_options(text: &str) -> Result<Vec<ValueOption>, String> {
    let mut options = Vec::new();
    for word in text.split(',') {
        let option = match word {
            "Required" => ValueOption::Required,
            "Filldown" => ValueOption::Filldown,
            "Fillup" => ValueOption::Fillup,
            "Key" => ValueOption::Key,
            "List" => ValueOption::List,
            _ => return Err(format!("the option `{word}` is unknown")),
        };
        if options.contains(&option) {
            return Err(format!("the option `{word}` stands there twice"));
        }
        options.push(option);
    }
    Ok(options)
}

/// Reads one state with its rules. None at the end of the template.
fn read_state(
    lines: &mut Lines<'_>,
    values: &[ValueDefinition],
    size: &mut usize,
) -> Result<Option<StateDraft>, SyntaxError> {
    let (line, name) = loop {
        let Some((number, line)) = next_line(lines) else { return Ok(None) };
        if !line.is_empty() && !is_comment(line) {
            break (number, line);
        }
    };
    if !is_word(name) || name.chars().count() > NAME_CHARS || RESERVED.contains(&name) {
        return error(line, format!("`{name}` cannot be the name of a state"));
    }
    let known: HashMap<&str, usize> =
        values.iter().enumerate().map(|(at, value)| (value.name.as_str(), at)).collect();
    let mut rules = Vec::new();
    while let Some((number, text)) = next_line(lines) {
        if text.is_empty() {
            break;
        }
        if is_comment(text) {
            continue;
        }
        if ![" ^", "  ^", "\t^"].iter().any(|start| text.starts_with(start)) {
            return error(number, "a rule begins with one or two blanks, or a tab, and `^`");
        }
        let draft = rule::read(text.trim_matches(is_blank), number, values, &known)
            .map_err(|message| SyntaxError { line: number, message })?;
        *size += draft.length;
        if *size > limits::ALL_PATTERNS_BYTES {
            let most = limits::ALL_PATTERNS_BYTES;
            return error(number, format!("the patterns are longer than {most} bytes together"));
        }
        rules.push(draft);
    }
    Ok(Some(StateDraft { name: name.to_owned(), line, rules }))
}

/// Checks the states as a whole and resolves where the rules lead.
fn connect(
    name: &str,
    values: Vec<ValueDefinition>,
    mut drafts: Vec<StateDraft>,
) -> Result<Template, SyntaxError> {
    if !drafts.iter().any(|state| state.name == "Start") {
        return error(0, "there is no state `Start`");
    }
    for state in drafts.iter().filter(|state| matches!(state.name.as_str(), "End" | "EOF")) {
        if !state.rules.is_empty() {
            return error(state.line, format!("the state `{}` has rules", state.name));
        }
    }
    drafts.retain(|state| state.name != "End");
    let numbers: HashMap<String, usize> =
        drafts.iter().enumerate().map(|(at, state)| (state.name.clone(), at)).collect();
    let mut states = Vec::with_capacity(drafts.len());
    for state in drafts {
        let mut rules = Vec::with_capacity(state.rules.len());
        for draft in state.rules {
            let line = draft.line;
            let action = match &draft.jump {
                Jump::Continue => LineAction::Continue,
                Jump::Error(message) => LineAction::Error(message.clone()),
                Jump::Next(None) => LineAction::Next(None),
                Jump::Next(Some(target)) => LineAction::Next(Some(match target.as_str() {
                    "End" => Target::End,
                    "EOF" => Target::Eof,
                    other => match numbers.get(other) {
                        Some(number) => Target::State(*number),
                        None => return error(line, format!("there is no state `{other}`")),
                    },
                })),
            };
            rules.push(draft.finish(action));
        }
        states.push(State { name: state.name, rules, sieve: OnceLock::new() });
    }
    Ok(Template {
        name: name.to_owned(),
        values,
        states,
        start: numbers.get("Start").copied().unwrap_or_default(),
        records_at_end: !numbers.contains_key("EOF"),
    })
}

/// A comment begins with `#`, after blanks if any.
fn is_comment(line: &str) -> bool {
    line.trim_start_matches(is_blank).starts_with('#')
}

fn trim_end(line: &str) -> &str {
    line.trim_end_matches(is_blank)
}

/// A blank as Python's `str.strip` and `\s` know it.
fn is_blank(c: char) -> bool {
    c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)
}

/// Whether Python's `\w*` matches all of it.
fn is_word(text: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    // What else is in a word takes a table, which patterns have.
    text.chars().all(is_plain)
        || Pattern::new(r"\w*$").is_ok_and(|word| word.is_match(text).unwrap_or(false))
}
