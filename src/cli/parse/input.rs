//! Reads outputs and templates from files and from standard input.

use std::fs::File;
use std::io::{IsTerminal, Read};
use std::path::Path;

use crate::cli::{CliError, output};

/// The longest output that is read, in bytes; far more than devices print.
const MOST_BYTES: u64 = 256 << 20;

/// A text that was read, with the name of its file.
pub(in crate::cli) struct Input {
    pub(in crate::cli) name: String,
    pub(in crate::cli) text: String,
}

impl Input {
    /// Reads a file, or standard input for `-`. Bytes that are not UTF-8 stand as U+FFFD then, and
    /// that is told: a device writes one odd byte into a description, and the rest is still good.
    pub(in crate::cli) fn read(path: &Path) -> Result<Self, CliError> {
        let is_stdin = path.as_os_str() == "-";
        let name = if is_stdin { "standard input".to_owned() } else { path.display().to_string() };
        let wrong = |message: String| CliError::Usage(format!("{name}: {message}"));
        let bytes = if is_stdin {
            let stdin = std::io::stdin();
            if stdin.is_terminal() {
                output::complain("reading from the terminal; Ctrl-D ends it");
            }
            read(stdin.lock())
        } else {
            File::open(path).and_then(read)
        };
        let bytes = bytes.map_err(|error| wrong(format!("cannot be read: {error}")))?;
        if bytes.len() as u64 > MOST_BYTES {
            return Err(wrong(format!("it is longer than {MOST_BYTES} bytes")));
        }
        if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
            return Err(wrong("it is UTF-16; save it as UTF-8".to_owned()));
        }
        let text = match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => {
                let at = error.utf8_error().valid_up_to();
                let before = error.as_bytes().get(..at).unwrap_or_default();
                let line = String::from_utf8_lossy(before).matches('\n').count().saturating_add(1);
                output::complain(&format!(
                    "{name}:{line}: bytes that are not UTF-8 are read as U+FFFD, here and below"
                ));
                String::from_utf8_lossy(error.as_bytes()).into_owned()
            }
        };
        Ok(Self { name, text })
    }
}

fn read(source: impl Read) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    source.take(MOST_BYTES.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok(bytes)
}
