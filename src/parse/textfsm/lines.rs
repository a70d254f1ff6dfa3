//! Owns the splitting of text into lines as Python's `str.splitlines` does it, which is more than
//! `\n`: templates were written against that behaviour.

/// Yields the lines of `text` without their ends. No empty line follows a final line end.
pub(super) fn py_lines(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let Some((at, end)) = rest.char_indices().find(|(_, c)| is_line_end(*c)) else {
            return Some(std::mem::take(&mut rest));
        };
        let (line, tail) = rest.split_at_checked(at)?;
        let after = tail.strip_prefix("\r\n").or_else(|| tail.strip_prefix(end));
        rest = after.unwrap_or_default();
        Some(line)
    })
}

fn is_line_end(c: char) -> bool {
    matches!(
        c,
        '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{1c}'..='\u{1e}' | '\u{85}' | '\u{2028}' | '\u{2029}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, lines: &[&str]) {
        assert_eq!(py_lines(text).collect::<Vec<_>>(), lines, "{text:?}");
    }

    #[test]
    fn lines_end_where_python_ends_them() {
        check("", &[]);
        check("a", &["a"]);
        check("a\n", &["a"]);
        check("\n", &[""]);
        check("a\n\nb", &["a", "", "b"]);
        check("a\r\nb\rc\n\rd", &["a", "b", "c", "", "d"]);
        check("a\u{b}b\u{c}c\u{1c}d\u{1d}e\u{1e}f", &["a", "b", "c", "d", "e", "f"]);
        check("a\u{85}b\u{2028}c\u{2029}d\u{1f}e", &["a", "b", "c", "d\u{1f}e"]);
        check("a\u{85}\u{85}", &["a", ""]);
    }
}
