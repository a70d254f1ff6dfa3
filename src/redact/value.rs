//! Owns where a value starts and ends inside what a pattern captured, and which values are none.

use std::net::IpAddr;
use std::ops::Range;

use super::placeholder::is_placeholder;

/// What devices and other tools print in place of a secret, and words that only follow a keyword.
const NONE: &[&str] = &[
    "<removed>",
    "<hidden>",
    "<redacted>",
    "<secret>",
    "<masked>",
    "<omitted>",
    "<encrypted>",
    "<empty>",
    "defined",
    "<cr>",
    "/*",
    "##",
    "#",
    "!",
    "|",
    "{",
    "}",
    "[",
    "]",
    "[]",
    "{}",
    "-",
    "--",
    "=",
    ":",
    "/",
    "(",
    ")",
    "...",
    "\\",
    "\"",
    "'",
    "n/a",
    "none",
    "null",
    "nil",
    "true",
    "false",
    "yes",
    "no",
    "not",
    "is",
    "are",
    "was",
    "has",
    "must",
    "and",
    "or",
    "for",
    "of",
    "the",
    "to",
    "in",
    "on",
    "set",
    "unset",
    "configured",
    "enabled",
    "disabled",
    "required",
    "optional",
    "hidden",
    "prompt",
    "authentication",
    "encryption",
    "incorrect",
    "invalid",
    "mismatch",
    "expired",
    "expires",
    "missing",
    "changed",
    "accepted",
    "failed",
    "policy",
    "unknown",
    "characters",
    "chars",
];

/// Words that follow a password of several words.
const AFTER: &[&str] = &[
    "role",
    "privilege",
    "expire",
    "encrypted",
    "nt-encrypted",
    "mschap",
    "pbkdf2",
    "(success)",
    "(failure)",
    "<cr>",
    "##",
    "realm",
    "level-1",
    "level-2",
];

/// Kinds of value that a pattern may leave alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Skip {
    /// A decimal number of at most ten digits, such as the number of a key.
    Number,
    /// An IP address.
    Address,
    /// BGP communities.
    BgpCommunity,
}

impl Skip {
    pub(super) fn covers(self, value: &str) -> bool {
        match self {
            Self::Number => value.len() <= 10 && value.bytes().all(|byte| byte.is_ascii_digit()),
            Self::Address => value.parse::<IpAddr>().is_ok(),
            Self::BgpCommunity => value.split([' ', ',']).all(is_bgp_community),
        }
    }
}

fn is_bgp_community(word: &str) -> bool {
    const KNOWN: &[&str] = &["", "internet", "additive", "blackhole", "local-as", "nopeer"];
    let lower = word.to_ascii_lowercase();
    let is_number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    KNOWN.contains(&lower.as_str())
        || ["no-", "no_", "graceful-shutdown", "accept-own", "llgr-"]
            .iter()
            .any(|start| lower.starts_with(start))
        || (lower.contains(':')
            && lower
                .trim_start_matches(|c: char| c.is_ascii_alphabetic())
                .split(':')
                .all(is_number))
}

/// Says whether `value` holds nothing to hide: a mask, a placeholder or a word of the language.
pub(super) fn is_none(value: &str) -> bool {
    value.is_empty()
        || is_placeholder(value)
        || value.bytes().all(|byte| b"*-=+".contains(&byte))
        || value.starts_with("-----BEGIN ")
        || value.starts_with("netconanRemoved")
        || value.starts_with("<redacted")
        || NONE.iter().any(|none| value.eq_ignore_ascii_case(none))
}

/// Says whether a sentence about secrets goes on here, as in `username or password is incorrect`.
pub(super) fn is_verb(word: &str) -> bool {
    const VERBS: &[&str] = &["is", "are", "was", "has", "must", "and", "or", "not"];
    VERBS.iter().any(|verb| word.eq_ignore_ascii_case(verb))
}

/// The quotation marks of a line, found once, so that the work stays linear.
#[derive(Default)]
pub(super) struct Quotes {
    double: Vec<usize>,
    single: Vec<usize>,
}

impl Quotes {
    pub(super) fn read(&mut self, line: &str) {
        self.double.clear();
        self.single.clear();
        let mut escaped = false;
        for (at, byte) in line.bytes().enumerate() {
            match byte {
                b'"' if !escaped => self.double.push(at),
                b'\'' if !escaped => self.single.push(at),
                _ => {}
            }
            escaped = byte == b'\\' && !escaped;
        }
    }

    /// The end of a value that starts inside a quotation: its closing mark, if one is in the value.
    fn closing(&self, line: &str, value: &Range<usize>) -> usize {
        [&self.double, &self.single]
            .into_iter()
            .filter_map(|marks| {
                let before = marks.partition_point(|mark| *mark < value.start);
                let later = marks.get(before..).unwrap_or_default();
                let closes = |mark: &&usize| {
                    let next = line.as_bytes().get(**mark + 1);
                    next.is_none_or(|byte| b",:;)]}> \t\\".contains(byte))
                };
                let inside = later.iter().take_while(|mark| **mark < value.end).find(closes);
                inside.copied().filter(|_| before % 2 == 1)
            })
            .min()
            .unwrap_or(value.end)
    }
}

/// How far a value may reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// The word or quotation that was captured.
    Word,
    /// All words up to the end of the line: IOS takes passwords with spaces.
    Line,
}

/// Narrows what was captured to the value: without quotation marks and closing punctuation.
pub(super) fn trim(
    line: &str,
    captured: Range<usize>,
    reach: Reach,
    quotes: &Quotes,
) -> Range<usize> {
    let Range { mut start, mut end } = captured;
    let text = |start: usize, end: usize| line.get(start..end).unwrap_or_default();
    let opening = ["\\\"", "\"", "'"].into_iter().find(|mark| text(start, end).starts_with(mark));
    if let Some(mark) = opening {
        // A lone mark is a captured value of one character.
        if end - start > mark.len() {
            let inner = text(start + mark.len(), end).trim_end_matches([';', ',']);
            start += mark.len();
            end = start + inner.strip_suffix(mark).unwrap_or(inner).len();
        }
        return start..end;
    }
    // A hash is one word, and so is a placeholder.
    if reach == Reach::Line && !text(start, end).starts_with(['$', '<']) {
        end = start + until_known_word(text(start, line.len())).len();
    }
    end = quotes.closing(line, &(start..end));
    end = start + text(start, end).trim_end_matches([';', ',', ' ', '\t']).len();
    start..end
}

fn until_known_word(rest: &str) -> &str {
    let mut end = 0;
    for word in rest.split_inclusive([' ', '\t']) {
        let bare = word.trim_end();
        if end > 0 && AFTER.iter().any(|known| bare.eq_ignore_ascii_case(known)) {
            break;
        }
        end += word.len();
    }
    rest.get(..end).unwrap_or(rest)
}
