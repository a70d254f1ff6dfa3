//! Writes for people: answers to standard output, complaints to standard error.

use std::io::Write;

/// Writes an answer to standard output.
pub(super) fn answer(text: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// Writes a complaint or a notice to standard error.
pub(super) fn complain(text: &str) {
    let mut err = std::io::stderr().lock();
    // Where even standard error is gone, there is nobody left to tell.
    drop(writeln!(err, "{}", text.trim_end()));
}
