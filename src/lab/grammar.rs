//! Matches a typed line against the commands of a mode, with the abbreviations a device accepts.
//!
//! A keyword may be cut to any prefix that no other keyword at that place shares; an exact keyword
//! wins over a longer one. **Invariant:** pure, and unaware of what a command does.

/// One word of a command as a personality spells it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Word {
    Keyword(String),
    /// `<word>`: any single token.
    Any,
    /// `<num>`: digits.
    Number,
    /// `<line>`: the rest of the line, at least one token.
    Rest,
}

/// A command as a personality spells it: `show interfaces <word>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern {
    words: Vec<Word>,
}

impl Pattern {
    pub(super) fn parse(text: &str) -> Self {
        let words = text
            .split_whitespace()
            .map(|word| match word {
                "<word>" => Word::Any,
                "<num>" => Word::Number,
                "<line>" => Word::Rest,
                keyword => Word::Keyword(keyword.to_owned()),
            })
            .collect();
        Self { words }
    }

    /// Whether the command takes the rest of the line as it is, pipes included.
    pub(super) fn takes_rest(&self) -> bool {
        self.words.last() == Some(&Word::Rest)
    }

    /// The command in full, with what its placeholders caught.
    pub(super) fn spell(&self, arguments: &[String]) -> String {
        let mut arguments = arguments.iter();
        let words = self.words.iter().filter_map(|word| match word {
            Word::Keyword(keyword) => Some(keyword.as_str()),
            _ => arguments.next().map(String::as_str),
        });
        words.collect::<Vec<_>>().join(" ")
    }

    fn keyword(&self, at: usize) -> Option<&str> {
        match self.words.get(at) {
            Some(Word::Keyword(keyword)) => Some(keyword),
            _ => None,
        }
    }
}

/// A token and where it starts in the line, in characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token<'a> {
    pub(super) text: &'a str,
    pub(super) column: usize,
}

/// What a line means in a mode.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Resolved {
    /// The command with this key, and what its placeholders caught.
    Command { key: usize, arguments: Vec<String> },
    /// The token at this place fits no command.
    Invalid { column: usize, position: usize, token: String },
    /// Every token fits, but more are needed.
    Incomplete { column: usize },
    /// The token at this place is short for several keywords.
    Ambiguous { column: usize, token: String, completions: Vec<String> },
}

/// Cuts a line into tokens.
pub(super) fn tokens(line: &str) -> Vec<Token<'_>> {
    let mut found = Vec::new();
    let mut rest = line;
    let mut column = 0;
    loop {
        let trimmed = rest.trim_start();
        column += rest.chars().count() - trimmed.chars().count();
        if trimmed.is_empty() {
            return found;
        }
        let (text, after) = match trimmed.find(char::is_whitespace) {
            Some(end) => trimmed.split_at(end),
            None => (trimmed, ""),
        };
        found.push(Token { text, column });
        column += text.chars().count();
        rest = after;
    }
}

/// Finds the command that `line` means.
pub(super) fn resolve<'p>(
    commands: impl Iterator<Item = (usize, &'p Pattern)>,
    line: &str,
) -> Resolved {
    let tokens = tokens(line);
    let mut alive: Vec<(usize, &Pattern)> = commands.collect();
    for (position, token) in tokens.iter().enumerate() {
        alive = match narrow(&alive, position, token.text) {
            Narrowed::To(left) => left,
            Narrowed::Nothing => {
                return Resolved::Invalid {
                    column: token.column,
                    position,
                    token: token.text.to_owned(),
                };
            }
            Narrowed::Several(completions) => {
                return Resolved::Ambiguous {
                    column: token.column,
                    token: token.text.to_owned(),
                    completions,
                };
            }
        };
        if let [(key, pattern)] = alive.as_slice()
            && pattern.words.get(position) == Some(&Word::Rest)
        {
            return Resolved::Command { key: *key, arguments: arguments(pattern, &tokens, line) };
        }
    }
    match alive.iter().find(|(_, pattern)| pattern.words.len() == tokens.len()) {
        Some((key, pattern)) => {
            Resolved::Command { key: *key, arguments: arguments(pattern, &tokens, line) }
        }
        None => Resolved::Incomplete { column: line.chars().count() },
    }
}

/// The characters that complete the last token of `line`, when only one keyword can be meant.
pub(super) fn completion<'p>(
    commands: impl Iterator<Item = (usize, &'p Pattern)>,
    line: &str,
) -> Option<String> {
    let tokens = tokens(line);
    let (last, before) = tokens.split_last()?;
    let mut alive: Vec<(usize, &Pattern)> = commands.collect();
    for (position, token) in before.iter().enumerate() {
        match narrow(&alive, position, token.text) {
            Narrowed::To(left) => alive = left,
            _ => return None,
        }
    }
    let Narrowed::To(left) = narrow(&alive, before.len(), last.text) else { return None };
    let keyword = left.iter().find_map(|(_, pattern)| pattern.keyword(before.len()))?;
    keyword.get(last.text.len()..).map(str::to_owned)
}

enum Narrowed<'p> {
    To(Vec<(usize, &'p Pattern)>),
    Nothing,
    Several(Vec<String>),
}

fn narrow<'p>(alive: &[(usize, &'p Pattern)], position: usize, token: &str) -> Narrowed<'p> {
    let typed = token.to_ascii_lowercase();
    let mut meant: Vec<&str> = Vec::new();
    for keyword in alive.iter().filter_map(|(_, pattern)| pattern.keyword(position)) {
        let lower = keyword.to_ascii_lowercase();
        if lower == typed {
            meant = vec![keyword];
            break;
        }
        if lower.starts_with(&typed) && !meant.contains(&keyword) {
            meant.push(keyword);
        }
    }
    if meant.len() > 1 {
        meant.sort_unstable();
        return Narrowed::Several(meant.into_iter().map(str::to_owned).collect());
    }
    let keep = |wanted: &dyn Fn(&Word) -> bool| -> Vec<(usize, &'p Pattern)> {
        alive
            .iter()
            .filter(|(_, pattern)| pattern.words.get(position).is_some_and(wanted))
            .copied()
            .collect()
    };
    let left = match meant.first() {
        Some(keyword) => keep(&|word| matches!(word, Word::Keyword(k) if k == keyword)),
        None => keep(&|word| match word {
            Word::Any | Word::Rest => true,
            Word::Number => token.bytes().all(|byte| byte.is_ascii_digit()),
            Word::Keyword(_) => false,
        }),
    };
    if left.is_empty() { Narrowed::Nothing } else { Narrowed::To(left) }
}

fn arguments(pattern: &Pattern, tokens: &[Token<'_>], line: &str) -> Vec<String> {
    pattern
        .words
        .iter()
        .zip(tokens)
        .filter_map(|(word, token)| match word {
            Word::Keyword(_) => None,
            Word::Any | Word::Number => Some(token.text.to_owned()),
            Word::Rest => {
                let rest: String = line.chars().skip(token.column).collect();
                Some(rest.trim_end().to_owned())
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, expected: &str) {
        let patterns: Vec<Pattern> = [
            "show version",
            "show interfaces",
            "show interfaces <word>",
            "show inventory",
            "show ip interface brief",
            "show ip bgp summary",
            "terminal length 0",
            "terminal length <num>",
            "description <line>",
        ]
        .map(Pattern::parse)
        .into();
        let found = match resolve(patterns.iter().enumerate(), line) {
            Resolved::Command { key, arguments } => format!("{key} {}", arguments.join(",")),
            Resolved::Invalid { column, .. } => format!("invalid at {column}"),
            Resolved::Incomplete { .. } => "incomplete".to_owned(),
            Resolved::Ambiguous { completions, .. } => {
                format!("ambiguous {}", completions.join(","))
            }
        };
        assert_eq!(found, expected, "{line}");
    }

    #[test]
    fn a_line_means_what_the_device_would_take_it_for() {
        check("show version", "0 ");
        check("  sh   VER ", "0 ");
        check("sh ip int br", "4 ");
        check("show int Gi1", "2 Gi1");
        check("show i", "ambiguous interfaces,inventory,ip");
        check("show in", "ambiguous interfaces,inventory");
        check("show ip", "incomplete");
        check("show", "incomplete");
        check("show ip foo", "invalid at 8");
        check("foo", "invalid at 0");
        check("show version now", "invalid at 13");
        check("term len 0", "6 ");
        check("term len 24", "7 24");
        check("term len x", "invalid at 9");
        check("desc  uplink | to core ", "8 uplink | to core");
    }

    #[test]
    fn only_an_unambiguous_word_is_completed() {
        let patterns: Vec<Pattern> =
            ["show version", "show interfaces", "show ip route"].map(Pattern::parse).into();
        let complete = |line| completion(patterns.iter().enumerate(), line);
        assert_eq!(complete("sh").as_deref(), Some("ow"));
        assert_eq!(complete("show v").as_deref(), Some("ersion"));
        assert_eq!(complete("show i"), None);
        assert_eq!(complete("show x"), None);
    }
}
