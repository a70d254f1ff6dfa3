//! Owns the form of a placeholder, `<secret:kind:tag>`: making, recognising and finding one.
//!
//! The tag is eight hexadecimal digits of HMAC-SHA256 over the value. It does not depend on the
//! kind, so that one secret in two statements is seen to be the same.

use std::fmt::Write as _;
use std::ops::Range;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::secret::Secret;

const OPENING: &str = "<secret:";
/// Longer than any kind of ours; bounds the search for the end of a placeholder.
const KIND_MAX: usize = 24;

/// Makes placeholders under one key.
pub(super) struct Tagger {
    keyed: Hmac<Sha256>,
}

impl Tagger {
    pub(super) fn new(key: &Secret<[u8; 32]>) -> Self {
        // HMAC fills a short key with zeros up to the block of its hash; done here, it cannot fail.
        let mut block = Zeroizing::new([0; 64]);
        for (to, from) in block.iter_mut().zip(key.expose()) {
            *to = *from;
        }
        Self { keyed: Hmac::new((&*block).into()) }
    }

    pub(super) fn placeholder(&self, kind: &str, value: &str) -> String {
        let mut mac = self.keyed.clone();
        mac.update(value.as_bytes());
        let digest = mac.finalize().into_bytes();
        let mut text = format!("{OPENING}{kind}:");
        for byte in digest.iter().take(4) {
            // Writing to a string cannot fail.
            write!(text, "{byte:02x}").ok();
        }
        text.push('>');
        text
    }
}

/// Says whether `text` holds a placeholder, whole or mangled.
///
/// Text on its way to a device is refused when it does: a placeholder would become the password.
/// Anything that starts like one counts, because a caller may have retyped or cut it.
pub fn contains_placeholder(text: &str) -> bool {
    let opening = OPENING.as_bytes();
    text.as_bytes().windows(opening.len()).any(|bytes| bytes.eq_ignore_ascii_case(opening))
}

/// Says whether `text` is one placeholder and nothing else.
pub(super) fn is_placeholder(text: &str) -> bool {
    length_at(text) == Some(text.len())
}

/// Where the placeholders of `line` are, in order.
pub(super) fn find_all(line: &str, ranges: &mut Vec<Range<usize>>) {
    ranges.clear();
    ranges.extend(line.match_indices(OPENING).filter_map(|(start, _)| {
        let length = length_at(line.get(start..)?)?;
        Some(start..start + length)
    }));
}

fn length_at(text: &str) -> Option<usize> {
    let rest = text.strip_prefix(OPENING)?.as_bytes();
    let kind = rest
        .iter()
        .take(KIND_MAX)
        .take_while(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || **byte == b'-')
        .count();
    let tag = rest.get(kind..)?.strip_prefix(b":")?;
    let digits =
        tag.iter().take(9).take_while(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')).count();
    let closed = tag.get(digits) == Some(&b'>');
    (kind > 0 && (4..=8).contains(&digits) && closed).then(|| OPENING.len() + kind + digits + 2)
}
