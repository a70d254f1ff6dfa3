//! Owns the filling of Values into rules, which follows Python's `string.Template.substitute`:
//! `${NAME}` and `$NAME` are replaced, `$$` is a `$`, any other `$` is an error.

use super::limits;

/// Fills the Values into `rule`. The replacement is not scanned again.
pub(super) fn substitute<'v>(
    rule: &str,
    value: impl Fn(&str) -> Option<&'v str>,
) -> Result<String, String> {
    let mut filled = String::with_capacity(rule.len() * 2);
    let mut rest = rule;
    while let Some((before, after)) = rest.split_once('$') {
        filled.push_str(before);
        if let Some(tail) = after.strip_prefix('$') {
            filled.push('$');
            rest = tail;
            continue;
        }
        let (name, tail) = placeholder(after).ok_or_else(|| {
            "a `$` that names no Value; the end of a line is written `$$`".to_owned()
        })?;
        filled.push_str(value(name).ok_or_else(|| format!("no Value is named `{name}`"))?);
        rest = tail;
        if filled.len() > limits::PATTERN_BYTES {
            break;
        }
    }
    filled.push_str(rest);
    if filled.len() > limits::PATTERN_BYTES {
        return Err(format!("the pattern is longer than {} bytes", limits::PATTERN_BYTES));
    }
    Ok(filled)
}

/// Splits what follows a `$` into the name and the rest.
fn placeholder(text: &str) -> Option<(&str, &str)> {
    if let Some(braced) = text.strip_prefix('{') {
        let (name, rest) = identifier(braced)?;
        return Some((name, rest.strip_prefix('}')?));
    }
    identifier(text)
}

/// Splits an ASCII identifier, the only kind `string.Template` knows, off the front.
fn identifier(text: &str) -> Option<(&str, &str)> {
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(text.len());
    let (name, rest) = text.split_at_checked(end)?;
    let first = name.chars().next()?;
    (!first.is_ascii_digit()).then_some((name, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(rule: &str, filled: Option<&str>) {
        let value = |name: &str| match name {
            "A" => Some("(?P<A>x$y)"),
            "A_1" => Some("(?P<A_1>z)"),
            _ => None,
        };
        assert_eq!(substitute(rule, value).ok().as_deref(), filled, "{rule}");
    }

    #[test]
    fn rules_are_filled_as_string_template_does() {
        check("^a", Some("^a"));
        check("^$$", Some("^$"));
        check("^$$$$", Some("^$$"));
        check("^${A}b", Some("^(?P<A>x$y)b"));
        check("^$A b$A_1", Some("^(?P<A>x$y) b(?P<A_1>z)"));
        check("^$A-", Some("^(?P<A>x$y)-"));
        check("^$", None);
        check("^$ ", None);
        check("^${A", None);
        check("^${}", None);
        check("^${1A}", None);
        check("^${B}", None);
        check("^$Aä", Some("^(?P<A>x$y)ä"));
    }
}
