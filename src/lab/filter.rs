//! The filters behind a pipe: `| include x`, `| match x`, `| begin x`, `| section x`, `| count`.

use regex::{Regex, RegexBuilder};

/// What a filter does, whatever the personality calls it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Filter {
    /// Lines that match.
    Include,
    /// Lines that do not match.
    Exclude,
    /// Everything from the first line that matches.
    Begin,
    /// Lines that match, each with the indented lines below it.
    Section,
    /// Only how many lines (match).
    Count,
    /// The last lines.
    Last,
    /// Everything, without the pager.
    NoMore,
}

/// Applies one filter; `count_text` is how the device says a count.
pub(super) fn apply(filter: Filter, argument: &str, text: &str, count_text: &str) -> String {
    let pattern = Pattern::new(argument);
    let matches = |line: &&str| pattern.is_match(line);
    let lines = text.lines();
    let kept: Vec<&str> = match filter {
        Filter::Include => lines.filter(matches).collect(),
        Filter::Exclude => lines.filter(|line| !pattern.is_match(line)).collect(),
        Filter::Begin => lines.skip_while(|line| !pattern.is_match(line)).collect(),
        Filter::Section => section(lines, &pattern),
        Filter::NoMore => return text.to_owned(),
        Filter::Last => {
            let wanted = argument.trim().parse().unwrap_or(10);
            let count = text.lines().count();
            lines.skip(count.saturating_sub(wanted)).collect()
        }
        Filter::Count => {
            return count_text.replace("{n}", &lines.filter(matches).count().to_string());
        }
    };
    let mut output = kept.join("\n");
    if !output.is_empty() {
        output.push('\n');
    }
    output
}

fn section<'t>(lines: impl Iterator<Item = &'t str>, pattern: &Pattern<'_>) -> Vec<&'t str> {
    let mut inside: Option<usize> = None;
    lines
        .filter(|line| {
            let depth = line.len() - line.trim_start().len();
            if inside.is_none_or(|start| depth <= start) {
                inside = pattern.is_match(line).then_some(depth);
            }
            inside.is_some()
        })
        .collect()
}

/// The argument as a regular expression, or literally when it is none.
enum Pattern<'a> {
    Expression(Regex),
    Literal(&'a str),
}

impl<'a> Pattern<'a> {
    fn new(argument: &'a str) -> Self {
        let argument = argument.trim().trim_matches('"');
        match RegexBuilder::new(argument).size_limit(1 << 20).build() {
            Ok(expression) => Self::Expression(expression),
            Err(_) => Self::Literal(argument),
        }
    }

    fn is_match(&self, line: &str) -> bool {
        match self {
            Self::Expression(expression) => expression.is_match(line),
            Self::Literal(literal) => line.contains(literal),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "interface Gi1\n ip address a\n shutdown\n!\nrouter bgp 1\n neighbor a\n";

    fn check(filter: Filter, argument: &str, expected: &str) {
        assert_eq!(apply(filter, argument, TEXT, "Count: {n} lines\n"), expected);
    }

    #[test]
    fn each_filter_keeps_what_it_says() {
        check(Filter::Include, "ip|bgp", " ip address a\nrouter bgp 1\n");
        check(Filter::Exclude, "a", " shutdown\n!\nrouter bgp 1\n");
        check(Filter::Begin, "router", "router bgp 1\n neighbor a\n");
        check(Filter::Section, "interface", "interface Gi1\n ip address a\n shutdown\n");
        check(Filter::Count, "a", "Count: 3 lines\n");
        check(Filter::Count, "", "Count: 6 lines\n");
        check(Filter::Last, "1", " neighbor a\n");
        check(Filter::Include, "(", "");
    }
}
