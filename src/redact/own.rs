//! Owns the search for the secrets that the server itself holds, in the forms in which they can
//! turn up: as they are, in base64, percent-encoded, and escaped as in JSON or XML.
//!
//! **Invariant:** a match never crosses a line; a secret of several lines is sought line by line.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::sync::Arc;

use aho_corasick::{AhoCorasick, BuildError, MatchKind};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::secret::Secret;

use super::line::{Span, What};
use super::placeholder::{self, Tagger};

/// Shorter texts occur by chance all over an output.
const SHORTEST: usize = 4;
/// A piece of base64 without its own start must be longer, because its letters fit anywhere.
const SHORTEST_PIECE: usize = 10;

/// What the server's secrets look like, and the placeholder of each.
///
/// Secrets arrive one by one while the program runs. Each arrival makes a tier, and the last two
/// become one while they are of one size, so that a secret is built into few tiers and few tiers
/// are searched.
#[derive(Clone)]
pub(super) struct Own {
    tiers: Vec<Arc<Tier>>,
}

/// Secrets that are searched for together.
struct Tier {
    secrets: Vec<Secret<String>>,
    forms: AhoCorasick,
    placeholders: Vec<String>,
}

impl Tier {
    fn new(secrets: Vec<Secret<String>>, tagger: &Tagger) -> Result<Self, BuildError> {
        let mut forms = Vec::new();
        let mut placeholders = Vec::new();
        for secret in &secrets {
            let placeholder = tagger.placeholder("own", secret.expose());
            for form in forms_of(secret.expose()) {
                forms.push(form);
                placeholders.push(placeholder.clone());
            }
        }
        let forms = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .build(forms.iter().map(|form| form.as_bytes()))?;
        Ok(Self { secrets, forms, placeholders })
    }
}

impl Own {
    pub(super) fn new<'s>(
        secrets: impl IntoIterator<Item = &'s Secret<String>>,
        tagger: &Tagger,
        known: &mut Known,
    ) -> Result<Self, BuildError> {
        // One credential often serves a whole fleet.
        let fresh: Vec<Secret<String>> =
            secrets.into_iter().filter(|secret| known.add(secret)).cloned().collect();
        let tiers =
            if fresh.is_empty() { Vec::new() } else { vec![Arc::new(Tier::new(fresh, tagger)?)] };
        Ok(Self { tiers })
    }

    /// The same with one more secret.
    pub(super) fn with(
        &self,
        secret: &Secret<String>,
        tagger: &Tagger,
    ) -> Result<Self, BuildError> {
        let mut tiers = self.tiers.clone();
        let mut secrets = vec![secret.clone()];
        let mut tier = Tier::new(secrets.clone(), tagger)?;
        while let Some(last) = tiers.last().filter(|last| last.secrets.len() <= secrets.len()) {
            secrets.extend(last.secrets.iter().cloned());
            // Too many for one tier stay in two.
            let Ok(merged) = Tier::new(secrets.clone(), tagger) else { break };
            tier = merged;
            tiers.pop();
        }
        tiers.push(Arc::new(tier));
        Ok(Self { tiers })
    }

    /// Adds where `line` holds one of the secrets.
    pub(super) fn find(&self, line: &str, spans: &mut Vec<Span>) {
        let mut kept = None;
        let mut first = 0;
        for tier in &self.tiers {
            for found in tier.forms.find_iter(line) {
                let kept = kept.get_or_insert_with(|| {
                    let mut kept = Vec::new();
                    placeholder::find_all(line, &mut kept);
                    kept
                });
                let (start, end) = (found.start(), found.end());
                // The word `secret` may be a password too; that of a placeholder stays.
                let after = kept.partition_point(|range| range.end <= start);
                if kept.get(after).is_some_and(|range| range.start < end) {
                    continue;
                }
                let what = What::Own(first + found.pattern().as_usize());
                spans.push(Span { start, end, what });
            }
            first += tier.placeholders.len();
        }
    }

    pub(super) fn placeholder(&self, index: usize) -> &str {
        let mut all = self.tiers.iter().flat_map(|tier| &tier.placeholders);
        all.nth(index).map_or("<secret:own:00000000>", String::as_str)
    }
}

/// Which secrets are searched for already, by their hashes.
#[derive(Default)]
pub(super) struct Known(HashSet<[u8; 32]>);

impl Known {
    /// Notes a secret; whether it is a new one that can be searched for.
    pub(super) fn add(&mut self, secret: &Secret<String>) -> bool {
        let whole = secret.expose();
        whole.len() >= SHORTEST && self.0.insert(Sha256::digest(whole.as_bytes()).into())
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
