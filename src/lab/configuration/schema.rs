//! The statements a candidate configuration may hold, as data.
//!
//! One rule per line, four blanks per level. A rule is a name, `*` for each word that belongs to
//! its name, and marks: `=` takes one value and exists once, `+` takes a value and exists once for
//! each, `secret` is annotated when shown, `oneliner` is shown on one line with its only child.

/// A statement that may exist.
#[derive(Debug, Clone, Default)]
pub(in crate::lab) struct Rule {
    /// The name; `*` is any word.
    words: Vec<String>,
    pub(super) value: Value,
    pub(super) secret: bool,
    pub(super) oneliner: bool,
    children: Vec<Self>,
}

/// What follows the name.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Value {
    /// Other statements, or nothing.
    #[default]
    None,
    Single,
    Each,
}

/// Why words are no statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::lab) enum Refused {
    /// No statement has a word like this one at its place.
    Unknown(usize),
    /// More words are needed.
    Missing,
}

/// The words of one level of a statement, and its rule.
#[derive(Debug, Clone)]
pub(super) struct Step<'r> {
    pub(super) rule: &'r Rule,
    /// The place of the rule among its siblings.
    pub(super) order: usize,
    pub(super) words: Vec<String>,
    /// How many of the words are the name; the value is behind.
    pub(super) named: usize,
}

impl Rule {
    /// The rules of a whole configuration.
    pub(super) fn parse(text: &str) -> Self {
        let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
        let mut rest = lines.as_slice();
        Self { children: parse_level(&mut rest, 0), ..Self::default() }
    }

    /// Cuts words into levels. A value may be missing at the end where `open` is set, as in
    /// what is to be deleted.
    pub(super) fn steps(&self, words: &[String], open: bool) -> Result<Vec<Step<'_>>, Refused> {
        let mut rule = self;
        let mut steps = Vec::new();
        let mut at = 0;
        while let Some(word) = words.get(at) {
            let fits = |rule: &Self| rule.words.first().is_some_and(|name| name == word);
            let any = |rule: &Self| rule.words.first().is_some_and(|name| name == "*");
            let found = rule.children.iter().position(fits);
            let found = found.or_else(|| rule.children.iter().position(any));
            let found = found.and_then(|order| Some((order, rule.children.get(order)?)));
            let (order, next) = found.ok_or(Refused::Unknown(at))?;
            let named = next.words.len();
            let length = named + usize::from(next.value != Value::None);
            let taken: Vec<String> = words.iter().skip(at).take(length).cloned().collect();
            let missing = length - taken.len();
            let value_only = next.value != Value::None && missing == 1;
            if missing > 0 && !(open && value_only) {
                return Err(Refused::Missing);
            }
            for (offset, (wanted, word)) in next.words.iter().zip(&taken).enumerate() {
                if wanted != "*" && wanted != word {
                    return Err(Refused::Unknown(at + offset));
                }
            }
            at += taken.len();
            steps.push(Step { rule: next, order, words: taken, named });
            rule = next;
        }
        Ok(steps)
    }

    /// Whether a statement of this rule goes when nothing is left in it.
    pub(super) fn is_bare(&self) -> bool {
        self.words.len() == 1 && self.words.first().is_some_and(|word| word != "*")
    }
}

fn parse_level(rest: &mut &[&str], depth: usize) -> Vec<Rule> {
    let mut level: Vec<Rule> = Vec::new();
    while let [line, after @ ..] = *rest {
        let found = (line.len() - line.trim_start().len()) / 4;
        if found < depth {
            break;
        }
        if found > depth
            && let Some(last) = level.last_mut()
        {
            last.children = parse_level(rest, depth + 1);
            continue;
        }
        *rest = after;
        let mut rule = Rule::default();
        for word in line.split_whitespace() {
            match word {
                "=" => rule.value = Value::Single,
                "+" => rule.value = Value::Each,
                "secret" if rule.value != Value::None => rule.secret = true,
                "oneliner" => rule.oneliner = true,
                word => rule.words.push(word.to_owned()),
            }
        }
        level.push(rule);
    }
    level
}

/// Cuts a line or a text into words and `{`, `}`, `;`, `[`, `]`. Comments are left out; a quoted
/// word keeps its quotes where it needs them.
pub(in crate::lab) fn words(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut characters = text.chars().peekable();
    while let Some(first) = characters.next() {
        match first {
            '#' => while characters.next_if(|c| *c != '\n').is_some() {},
            c if c.is_whitespace() => {}
            '{' | '}' | ';' | '[' | ']' => found.push(first.to_string()),
            '"' => {
                let mut inside = String::new();
                let mut escaped = false;
                for c in characters.by_ref() {
                    if c == '"' && !escaped {
                        break;
                    }
                    escaped = c == '\\' && !escaped;
                    inside.push(c);
                }
                found.push(quoted(&inside));
            }
            _ => {
                let mut word = first.to_string();
                while let Some(c) = characters
                    .next_if(|c| !c.is_whitespace() && !matches!(c, '{' | '}' | ';' | '[' | ']'))
                {
                    word.push(c);
                }
                found.push(quoted(&word));
            }
        }
    }
    found
}

/// The word as the device shows it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._/:@+*=<>,-!%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("\"{word}\"")
}
