//! Owns what one line of a `known_hosts` file says: a marker, names and a key, as `sshd(8)` has it.
//!
//! **Invariant:** a line that cannot be read is never taken for one that says nothing. Lines are
//! bytes, since nobody promises that a file somebody edits is text.

use hmac::{Hmac, KeyInit, Mac};
use russh::keys::ssh_key::PublicKey;
use russh::keys::ssh_key::known_hosts::HostPatterns;
use sha1::Sha1;

/// What a line says about its key beside that it is the host's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Marker {
    /// `@revoked`: the key is refused, whatever else is recorded.
    Revoked,
    /// `@cert-authority`: the key signs the certificates of hosts.
    Authority,
}

impl Marker {
    /// The word in the file.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Revoked => "@revoked",
            Self::Authority => "@cert-authority",
        }
    }
}

/// Whether a line concerns a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum About {
    ThisHost,
    AnotherHost,
    /// The names cannot be read.
    Nobody,
}

/// A line that is neither blank nor a comment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry<'a> {
    /// The word that starts with `@`, known or not.
    marker: Option<&'a [u8]>,
    pub(super) names: &'a [u8],
    algorithm: &'a [u8],
    key: &'a [u8],
}

impl<'a> Entry<'a> {
    /// Splits a line, with or without its end; `None` where it is blank or a comment.
    pub(super) fn read(line: &'a [u8]) -> Option<Self> {
        let words = line.split(u8::is_ascii_whitespace);
        let mut words = words.filter(|word| !word.is_empty()).peekable();
        if words.peek()?.starts_with(b"#") {
            return None;
        }
        let marker = words.next_if(|word| word.starts_with(b"@"));
        let mut word = || words.next().unwrap_or_default();
        Some(Self { marker, names: word(), algorithm: word(), key: word() })
    }

    /// The marker, or nothing; an error where it is none that we know.
    pub(super) fn marker(&self) -> Result<Option<Marker>, ()> {
        let Some(word) = self.marker else { return Ok(None) };
        let known = [Marker::Revoked, Marker::Authority];
        let found = known.into_iter().find(|known| known.as_str().as_bytes() == word);
        found.map(Some).ok_or(())
    }

    pub(super) fn key(&self) -> Option<PublicKey> {
        let algorithm = str::from_utf8(self.algorithm).ok()?;
        let key = str::from_utf8(self.key).ok()?;
        PublicKey::from_openssh(&format!("{algorithm} {key}")).ok()
    }

    pub(super) fn is_hashed(&self) -> bool {
        self.names.starts_with(b"|")
    }

    /// Whether the line is about `host`, written as [`host_name`](super::host_name) does.
    pub(super) fn about(&self, host: &str) -> About {
        let Ok(names) = str::from_utf8(self.names) else { return About::Nobody };
        if names.is_empty() || names.chars().any(char::is_control) {
            return About::Nobody;
        }
        let matches = if self.is_hashed() {
            let Some(matches) = matches_hash(names, host) else { return About::Nobody };
            matches
        } else {
            matches_list(names, host)
        };
        if matches { About::ThisHost } else { About::AnotherHost }
    }
}

/// Compares with `|1|salt|hash`; `None` where that cannot be read.
fn matches_hash(name: &str, host: &str) -> Option<bool> {
    let HostPatterns::HashedName { salt, hash } = name.parse().ok()? else { return None };
    let mut mac = Hmac::<Sha1>::new_from_slice(&salt).ok()?;
    // OpenSSH hashes names in lower case.
    mac.update(host.to_ascii_lowercase().as_bytes());
    Some(mac.finalize().into_bytes().as_slice() == hash)
}

/// One match is enough, unless a negated pattern matches too.
fn matches_list(names: &str, host: &str) -> bool {
    let mut found = false;
    for name in names.split(',') {
        match name.strip_prefix('!') {
            Some(negated) if matches_pattern(negated, host) => return false,
            Some(_) => {}
            None => found = found || matches_pattern(name, host),
        }
    }
    found
}

/// Compares with a pattern in which `*` stands for any text and `?` for one character, in either
/// case. The work is bounded by the product of the lengths.
pub(super) fn matches_pattern(pattern: &str, text: &str) -> bool {
    let (mut pattern, mut text) = (pattern.as_bytes(), text.as_bytes());
    // Where to go on when the part after the last star does not fit: one byte further.
    let mut retry: Option<(&[u8], &[u8])> = None;
    loop {
        match (pattern.split_first(), text.split_first()) {
            (Some((b'*', after)), _) => {
                retry = Some((after, text));
                pattern = after;
                continue;
            }
            (Some((wanted, pattern_after)), Some((found, text_after)))
                if *wanted == b'?' || wanted.eq_ignore_ascii_case(found) =>
            {
                (pattern, text) = (pattern_after, text_after);
                continue;
            }
            (None, None) => return true,
            _ => {}
        }
        let Some((after_star, [_, further @ ..])) = retry else { return false };
        retry = Some((after_star, further));
        (pattern, text) = (after_star, further);
    }
}

/// Whether a name is one host and no pattern, and is that host.
fn is_exactly(name: &str, host: &str) -> bool {
    !name.contains(['*', '?', '!']) && name.eq_ignore_ascii_case(host)
}

/// What is left of a line after a host's own name was taken out of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Left<'a> {
    /// The whole line: it is not about the host, has a marker, or means the host by a pattern.
    Whole { by_pattern: bool },
    /// These names, and the rest of the line from its first blank on.
    Names { names: String, rest: &'a [u8], by_pattern: bool },
    /// Nothing: it named this host alone.
    Nothing,
}

/// Takes a host out of a line. Markers stay: what is revoked stays revoked.
pub(super) fn without<'a>(line: &'a [u8], host: &str) -> Left<'a> {
    let untouched = Left::Whole { by_pattern: false };
    let Some(entry) = Entry::read(line) else { return untouched };
    if entry.marker.is_some() || entry.about(host) != About::ThisHost {
        return untouched;
    }
    if entry.is_hashed() {
        return Left::Nothing;
    }
    let names = String::from_utf8_lossy(entry.names);
    let kept: Vec<&str> = names.split(',').filter(|name| !is_exactly(name, host)).collect();
    if kept.len() == names.split(',').count() {
        return Left::Whole { by_pattern: true };
    }
    if kept.iter().all(|name| name.is_empty() || name.starts_with('!')) {
        return Left::Nothing;
    }
    let names = kept.join(",");
    let by_pattern = matches_list(&names, host);
    let mut rest = line.trim_ascii_start();
    rest = rest.get(entry.names.len()..).unwrap_or_default();
    Left::Names { names, rest, by_pattern }
}
