//! Owns the splitting of text into lines as Python's `str.splitlines` does it, which is more than
//! `\n`: templates were written against that behaviour.

/// Yields the lines of `text` without their ends. No empty line follows a final line end.
pub(super) fn py_lines(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let Some((at, length)) = line_end(rest.as_bytes()) else {
            return Some(std::mem::take(&mut rest));
        };
        let line = rest.get(..at)?;
        rest = rest.get(at + length..).unwrap_or_default();
        Some(line)
    })
}

/// Where the first line end begins, and its length. By bytes, since every character of a long output
/// passes here; the first byte of a character is never within another.
fn line_end(bytes: &[u8]) -> Option<(usize, usize)> {
    let mut from = 0;
    loop {
        let may_end = |b: &u8| matches!(b, b'\n'..=b'\r' | 0x1c..=0x1e | 0xc2 | 0xe2);
        let tail = bytes.get(from..)?;
        let at = from + tail.iter().position(may_end)?;
        let length = match bytes.get(at..)? {
            // U+0085, U+2028 and U+2029 in UTF-8.
            [0xc2, 0x85, ..] | [b'\r', b'\n', ..] => 2,
            [0xe2, 0x80, 0xa8 | 0xa9, ..] => 3,
            [0xc2 | 0xe2, ..] => {
                from = at + 1;
                continue;
            }
            _ => 1,
        };
        return Some((at, length));
    }
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
        check("\u{a0}\u{2027}\n\u{202a}€\u{85}\r\n", &["\u{a0}\u{2027}", "\u{202a}€", ""]);
    }
}
