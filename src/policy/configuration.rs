//! The judgement over configuration text: printable lines that stay in their mode.
//!
//! Comments and lines that only leave a section are dropped here and never sent: which section a
//! line belongs to is read from its indentation, and the way there is ours.

use super::Permitted;
use crate::error::ErrorCode;
use crate::platform::ChangeRules;

/// Most lines of one change.
const MOST_LINES: usize = 5000;
/// Deepest nesting of sections.
const DEEPEST: usize = 16;

/// A statement that passed the gate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// How many sections it stands in.
    pub depth: usize,
    /// Its line in the caller's text, counted from 1.
    pub number: usize,
    /// The exact text to send, without its newline; several lines for a literal text.
    pub text: Permitted,
}

/// Configuration that passed the gate for one platform; by default it has no statement.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PermittedConfiguration {
    statements: Vec<Statement>,
}

impl PermittedConfiguration {
    /// The statements, in their order.
    pub fn statements(&self) -> &[Statement] {
        &self.statements
    }
}

/// Why the gate refused configuration text. Lines are counted from 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigurationRefusal {
    /// There is no statement.
    #[error("the configuration has no statement")]
    Empty,
    /// There are too many lines.
    #[error("the configuration has more than {MOST_LINES} lines")]
    TooMany,
    /// A character is not printable ASCII.
    #[error("line {line}: {shown} is not allowed; only printable ASCII may be sent")]
    NotPrintable {
        /// The line.
        line: usize,
        /// The character as a code point, never itself.
        shown: String,
    },
    /// A question mark asks for help instead of being typed.
    #[error("line {line}: `?` asks the device for help and cannot be sent")]
    Help {
        /// The line.
        line: usize,
    },
    /// The line is too long for the platform.
    #[error("line {line} has {length} characters and at most {limit} are allowed")]
    TooLong {
        /// The line.
        line: usize,
        /// Its length.
        length: usize,
        /// The limit.
        limit: usize,
    },
    /// A word would leave the mode or act at once.
    #[error("line {line}: `{word}` leaves the configuration or acts at once")]
    ModeEscape {
        /// The line.
        line: usize,
        /// The word.
        word: String,
    },
    /// The platform writes configuration otherwise.
    #[error("line {line}: `{word}` is no way to begin a line here; allowed: {allowed}")]
    Syntax {
        /// The line.
        line: usize,
        /// The first word.
        word: String,
        /// The first words that are allowed.
        allowed: String,
    },
    /// A text of several lines does not end, or ends with more behind it.
    #[error("line {line}: the text that starts here must end with `{delimiter}` alone")]
    Literal {
        /// The line.
        line: usize,
        /// The delimiter that was declared.
        delimiter: char,
    },
    /// The indentation fits no section above.
    #[error("line {line}: the indentation fits no section above it")]
    Indentation {
        /// The line.
        line: usize,
    },
}

impl ConfigurationRefusal {
    /// The stable code of this failure.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Empty | Self::TooMany | Self::TooLong { .. } | Self::Indentation { .. } => {
                ErrorCode::InvalidArgument
            }
            _ => ErrorCode::PolicyDenied,
        }
    }

    /// The name of the rule.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Empty => "plan_empty",
            Self::TooMany => "plan_too_big",
            Self::NotPrintable { .. } => "cfg_control_char",
            Self::Help { .. } => "cfg_help_char",
            Self::TooLong { .. } => "cfg_line_too_long",
            Self::ModeEscape { .. } => "cfg_mode_escape",
            Self::Syntax { .. } => "cfg_wrong_syntax",
            Self::Literal { .. } => "cfg_banner",
            Self::Indentation { .. } => "cfg_syntax",
        }
    }
}

/// Judges configuration text for a platform.
pub(super) fn judge(
    rules: &ChangeRules,
    text: &str,
) -> Result<PermittedConfiguration, ConfigurationRefusal> {
    let lines: Vec<&str> =
        text.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line)).collect();
    if lines.len() > MOST_LINES {
        return Err(ConfigurationRefusal::TooMany);
    }
    let mut statements = Vec::new();
    // The indentation of each open section, outermost first.
    let mut open: Vec<usize> = Vec::new();
    let mut rest = (1..).zip(lines);
    while let Some((number, line)) = rest.next() {
        judge_line(rules, number, line)?;
        let word = line.trim_start_matches(' ');
        if is_dropped(rules, line) {
            continue;
        }
        judge_words(rules, number, word)?;
        let indent = line.len().saturating_sub(word.len());
        let depth = depth_of(&mut open, indent)
            .ok_or(ConfigurationRefusal::Indentation { line: number })?;
        let mut whole = word.trim_end_matches(' ').to_owned();
        if let Some(delimiter) = delimiter_of(rules, &whole) {
            for (number, line) in rest.by_ref() {
                judge_line(rules, number, line)?;
                whole.push('\n');
                whole.push_str(line);
                if line.contains(delimiter) {
                    break;
                }
            }
            let ends = whole.ends_with(delimiter) && whole.matches(delimiter).count() == 2;
            if !ends {
                return Err(ConfigurationRefusal::Literal { line: number, delimiter });
            }
        }
        let text = Permitted {
            command: whole,
            reads_configuration: false,
            reads_whole: false,
            answers: Vec::new(),
        };
        statements.push(Statement { depth, number, text });
    }
    if statements.is_empty() {
        return Err(ConfigurationRefusal::Empty);
    }
    Ok(PermittedConfiguration { statements })
}

fn judge_line(rules: &ChangeRules, number: usize, line: &str) -> Result<(), ConfigurationRefusal> {
    if let Some(bad) = line.chars().find(|c| !(' '..='~').contains(c)) {
        let shown = format!("U+{:04X}", u32::from(bad));
        return Err(ConfigurationRefusal::NotPrintable { line: number, shown });
    }
    if line.contains('?') {
        return Err(ConfigurationRefusal::Help { line: number });
    }
    if line.len() > rules.max_length {
        let (length, limit) = (line.len(), rules.max_length);
        return Err(ConfigurationRefusal::TooLong { line: number, length, limit });
    }
    Ok(())
}

/// Comments, blank lines and lines that only leave a section.
fn is_dropped(rules: &ChangeRules, line: &str) -> bool {
    rules.ignore.iter().any(|ignore| ignore.is_match(line))
        && !line.trim().eq_ignore_ascii_case("end")
}

fn judge_words(rules: &ChangeRules, number: usize, text: &str) -> Result<(), ConfigurationRefusal> {
    let word = text.split(' ').next().unwrap_or_default();
    let typed = word.to_ascii_lowercase();
    if !rules.verbs.is_empty() && !rules.verbs.contains(&typed) {
        return Err(ConfigurationRefusal::Syntax {
            line: number,
            word: word.to_owned(),
            allowed: rules.verbs.join(", "),
        });
    }
    // The device would take an abbreviation, and may take a longer word for a shorter one.
    let escapes = rules.forbidden.iter().any(|forbidden| forbidden.starts_with(&typed));
    if escapes {
        return Err(ConfigurationRefusal::ModeEscape { line: number, word: word.to_owned() });
    }
    Ok(())
}

/// Finds how many sections a line with this indentation stands in.
fn depth_of(open: &mut Vec<usize>, indent: usize) -> Option<usize> {
    while open.last().is_some_and(|last| *last > indent) {
        open.pop();
    }
    match open.last() {
        Some(last) if *last == indent => {}
        None if indent > 0 => return None,
        _ => open.push(indent),
    }
    let depth = open.len().checked_sub(1)?;
    (depth < DEEPEST).then_some(depth)
}

/// The delimiter of a text of several lines, where this line begins one and does not end it.
fn delimiter_of(rules: &ChangeRules, line: &str) -> Option<char> {
    let found = rules.literals.iter().find_map(|literal| literal.captures(line))?;
    let delimiter = found.get(1)?.as_str().chars().next()?;
    (line.matches(delimiter).count() < 2).then_some(delimiter)
}
