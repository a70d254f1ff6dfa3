//! Owns the search for the secrets that the server itself holds, in the forms in which they can
//! turn up: as they are, in base64, percent-encoded, and escaped as in JSON or XML.
//!
//! **Invariant:** a match never crosses a line; a secret of several lines is sought line by line.

use std::fmt::Write as _;

use aho_corasick::{AhoCorasick, BuildError, MatchKind};
use zeroize::Zeroizing;

use crate::secret::Secret;

use super::line::{Span, What};
use super::placeholder::{self, Tagger};

/// Shorter texts occur by chance all over an output.
const SHORTEST: usize = 4;
/// A piece of base64 without its own start must be longer, because its letters fit anywhere.
const SHORTEST_PIECE: usize = 10;

/// The forms of the server's secrets, and the placeholder of each.
pub(super) struct Own {
    forms: Option<AhoCorasick>,
    placeholders: Vec<String>,
}

impl Own {
    pub(super) fn new<'s>(
        secrets: impl IntoIterator<Item = &'s Secret<String>>,
        tagger: &Tagger,
    ) -> Result<Self, BuildError> {
        let mut forms = Vec::new();
        let mut placeholders = Vec::new();
        // One credential often serves a whole fleet.
        let mut seen = std::collections::HashSet::new();
        for secret in secrets {
            let whole = secret.expose();
            if whole.len() < SHORTEST || !seen.insert(whole.as_str()) {
                continue;
            }
            let placeholder = tagger.placeholder("own", whole);
            for form in forms_of(whole) {
                forms.push(form);
                placeholders.push(placeholder.clone());
            }
        }
        if forms.is_empty() {
            return Ok(Self { forms: None, placeholders });
        }
        let forms = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .build(forms.iter().map(|form| form.as_bytes()))?;
        Ok(Self { forms: Some(forms), placeholders })
    }

    /// Adds where `line` holds one of the secrets.
    pub(super) fn find(&self, line: &str, spans: &mut Vec<Span>) {
        let Some(forms) = &self.forms else { return };
        let mut kept = Vec::new();
        for (nth, found) in forms.find_iter(line).enumerate() {
            if nth == 0 {
                placeholder::find_all(line, &mut kept);
            }
            let (start, end) = (found.start(), found.end());
            // The word `secret` may be a password too; that of a placeholder stays.
            let after = kept.partition_point(|range| range.end <= start);
            if kept.get(after).is_some_and(|range| range.start < end) {
                continue;
            }
            spans.push(Span { start, end, what: What::Own(found.pattern().as_usize()) });
        }
    }

    pub(super) fn placeholder(&self, index: usize) -> &str {
        self.placeholders.get(index).map_or("<secret:own:00000000>", String::as_str)
    }
}

fn forms_of(whole: &str) -> Vec<Zeroizing<String>> {
    let mut forms = vec![
        whole.to_owned(),
        percent(whole, Letters::Upper),
        percent(whole, Letters::Lower),
        percent(whole, Letters::Upper).replace("%20", "+"),
        whole.replace('\\', "\\\\").replace('"', "\\\""),
        whole.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;"),
    ];
    for part in whole.lines().map(str::trim).filter(|part| part.len() >= 2 * SHORTEST) {
        forms.push(part.to_owned());
    }
    for alphabet in [STANDARD, URL_SAFE] {
        let encoded = base64(whole.as_bytes(), alphabet);
        let unpadded = encoded.trim_end_matches('=').to_owned();
        forms.extend([encoded, unpadded]);
        // Inside a longer encoded text, such as `user:password`, the letters depend on where the
        // secret falls in a group of three bytes; those at its edges mix with its neighbours.
        for before in 0..3 {
            let mut shifted = Zeroizing::new(vec![0; before]);
            shifted.extend_from_slice(whole.as_bytes());
            let full = shifted.len() * 8 / 6;
            let first = (before * 8).div_ceil(6);
            let piece = base64(&shifted, alphabet).get(first..full).unwrap_or_default().to_owned();
            if piece.len() >= SHORTEST_PIECE {
                forms.push(piece);
            }
        }
    }
    forms.retain(|form| form.len() >= SHORTEST && !form.contains(['\n', '\r']));
    forms.into_iter().map(Zeroizing::new).collect()
}

#[derive(Clone, Copy)]
enum Letters {
    Upper,
    Lower,
}

fn percent(text: &str, letters: Letters) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            match letters {
                Letters::Upper => write!(out, "%{byte:02X}").ok(),
                Letters::Lower => write!(out, "%{byte:02x}").ok(),
            };
        }
        out
    })
}

const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const URL_SAFE: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

fn base64(bytes: &[u8], alphabet: &[u8; 64]) -> String {
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let byte = |index: usize| u32::from(group.get(index).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for index in 0..4_usize {
            let letter = (bits >> (18 - 6 * index)) & 63;
            let shown = alphabet.get(letter as usize).filter(|_| index <= group.len()).copied();
            out.push(shown.map_or('=', char::from));
        }
    }
    out
}
