//! How rows look to people and to programs: aligned columns, and JSON with one record on each line.
//!
//! **Invariant:** aligned columns hold no control characters, so that a device's output cannot speak to
//! the terminal; JSON keeps every value as it is.

use std::io::Write;

use serde::Serialize;
use serde_json::Value;
use serde_json::ser::{Formatter, Serializer};

use crate::redact::clean;

/// Rows below their headings, each column as wide as its widest value. A heading stands for itself,
/// since it is the word by which a column is asked for.
pub(super) fn aligned<H: AsRef<str>>(headings: &[H], rows: &[Vec<String>]) -> String {
    let headings: Vec<String> =
        headings.iter().map(|heading| heading.as_ref().to_owned()).collect();
    let mut widths: Vec<usize> = vec![0; headings.len()];
    for row in std::iter::once(&headings).chain(rows) {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        let cells: Vec<String> = cells.collect();
        format!("{}\n", cells.join("  ").trim_end())
    };
    std::iter::once(&headings).chain(rows).map(line).collect()
}

/// A value on one line, the items of a list behind one another.
pub(super) fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => on_one_line(text),
        Value::Array(items) => items.iter().map(cell).collect::<Vec<_>>().join(", "),
        other => on_one_line(&other.to_string()),
    }
}

/// A text without anything that a terminal would act on.
pub(super) fn on_one_line(text: &str) -> String {
    clean(text).replace('\n', "\\x0a").replace('\t', "\\x09")
}

/// A JSON array with one value on each line, as the files of recorded outputs have it.
pub(super) fn json_lines(values: &[Value]) -> Result<String, serde_json::Error> {
    let lines: Vec<String> =
        values.iter().map(|value| Ok(format!("  {}", spaced(value)?))).collect::<Result<_, _>>()?;
    Ok(if lines.is_empty() { "[]\n".to_owned() } else { format!("[\n{}\n]\n", lines.join(",\n")) })
}

/// JSON on one line, with blanks behind commas and colons.
fn spaced(value: &Value) -> Result<String, serde_json::Error> {
    let mut bytes = Vec::new();
    value.serialize(&mut Serializer::with_formatter(&mut bytes, Spaced))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

struct Spaced;

impl Formatter for Spaced {
    fn begin_array_value<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> std::io::Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }

    fn begin_object_key<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> std::io::Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> std::io::Result<()> {
        writer.write_all(b": ")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_value() {
        let rows = [
            vec!["Gi0/1".to_owned(), String::new()],
            vec!["Ethernet1".to_owned(), "up".to_owned()],
        ];
        let text = aligned(&["interface", "status"], &rows);
        assert_eq!(text, "interface  status\nGi0/1\nEthernet1  up\n");
    }

    #[test]
    fn a_cell_cannot_speak_to_the_terminal() {
        assert_eq!(cell(&json!("a\u{1b}[2Jb\nc")), "a\\x1b[2Jb\\x0ac");
        assert_eq!(cell(&json!(["a", 1, null, { "b": "c" }])), r#"a, 1, , {"b":"c"}"#);
    }

    #[test]
    fn each_record_has_its_line_of_json() {
        let values = [json!({ "a": "1", "b": ["x", "y"] }), json!({ "a": "2", "b": [] })];
        let text = "[\n  {\"a\": \"1\", \"b\": [\"x\", \"y\"]},\n  {\"a\": \"2\", \"b\": []}\n]\n";
        assert_eq!(json_lines(&values).unwrap(), text);
        assert_eq!(json_lines(&[]).unwrap(), "[]\n");
    }
}
