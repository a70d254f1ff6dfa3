//! Owns the state of a private key that spans lines: from `-----BEGIN … PRIVATE KEY-----` to its
//! end, the body becomes one placeholder.
//!
//! A body without its end line stops at the first line that cannot be part of a key, so that a
//! banner with an opening line does not hide the rest of the output.

use super::line::indentation;
use super::placeholder::is_placeholder;

/// A private key being read, if any.
#[derive(Default)]
pub(super) struct Pem {
    open: bool,
    start: Option<usize>,
    end: usize,
    value: String,
}

/// The body of a key: where it stands in the text, and its lines without their indentation.
pub(super) struct Body {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) value: String,
}

impl Pem {
    pub(super) const fn is_open(&self) -> bool {
        self.open
    }

    /// Opens when `line` is the first line of a private key that goes on below.
    pub(super) fn open(&mut self, line: &str) {
        let Some(begin) = line.rfind("BEGIN ") else { return };
        let label = line.get(begin..).unwrap_or_default();
        self.open = line.get(..begin).is_some_and(|before| before.trim_end().ends_with("----"))
            && label.contains("PRIVATE KEY")
            && !label.contains("END ")
            // A key of one line, whose body and end were replaced before.
            && !label.contains("<secret:");
    }

    /// Takes the line at `start` if it is part of the body; says whether it did.
    pub(super) fn take(&mut self, line: &str, start: usize) -> bool {
        let content = line.trim_start_matches(['+', ' ', '\t']);
        let skipped = line.len() - content.len();
        let content = content.trim_end();
        let header = ["Proc-Type:", "DEK-Info:", "Comment:", "Subject:", "Version:"];
        let is_body = content.bytes().all(|b| b.is_ascii_alphanumeric() || b"+/=\\".contains(&b))
            || header.iter().any(|name| content.starts_with(name))
            || is_placeholder(content)
            || is_removed_line(line);
        if is_body && !content.is_empty() {
            self.start.get_or_insert(start + skipped);
            self.end = start + skipped + content.len();
            self.value.push_str(content);
            self.value.push('\n');
        }
        is_body
    }

    /// Ends the key and hands out its body, unless there is none or it is a placeholder already.
    pub(super) fn close(&mut self) -> Option<Body> {
        let Self { start, end, mut value, .. } = std::mem::take(self);
        value.pop();
        let start = start?;
        (!is_placeholder(&value)).then_some(Body { start, end, value })
    }
}

/// In a diff the lines of a removed key start with a minus sign.
fn is_removed_line(line: &str) -> bool {
    line.starts_with('-')
        && !line.starts_with("--")
        && indentation(line) > 0
        && line.bytes().skip(1).all(|b| b.is_ascii_alphanumeric() || b"+/= ".contains(&b))
}
