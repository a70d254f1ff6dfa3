//! Owns which characters may reach a reader unseen: none. Controls, text-direction overrides and
//! invisible characters are shown as escapes, `\x1b` or `\u{202e}`.
//!
//! Device text is written by whoever can name a host or send a log line, and what a person cannot
//! see a model still reads. The escapes are for reading: text that held a literal `\x1b` looks the
//! same afterwards.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Shows control and invisible characters as escapes. Newline, tab and ordinary Unicode stay.
pub fn clean(text: &str) -> Cow<'_, str> {
    let Some(first) = text.find(is_hostile) else {
        return Cow::Borrowed(text);
    };
    let (head, tail) = text.split_at_checked(first).unwrap_or(("", text));
    let mut out = String::with_capacity(text.len() + 16);
    out.push_str(head);
    for character in tail.chars() {
        let code = u32::from(character);
        // Writing to a string cannot fail.
        if !is_hostile(character) {
            out.push(character);
        } else if code <= 0xff {
            write!(out, "\\x{code:02x}").ok();
        } else {
            write!(out, "\\u{{{code:x}}}").ok();
        }
    }
    Cow::Owned(out)
}

fn is_hostile(character: char) -> bool {
    if (' '..='~').contains(&character) || matches!(character, '\n' | '\t') {
        return false;
    }
    match u32::from(character) {
        // C0, DEL and C1; soft hyphen.
        0..=0x1f | 0x7f..=0x9f | 0xad
        // Fillers and joiners that take no room.
        | 0x034f | 0x115f | 0x1160 | 0x17b4 | 0x17b5 | 0x180b..=0x180f | 0x3164 | 0xffa0
        // Direction marks and overrides, zero-width characters, line and paragraph separators.
        | 0x061c | 0x200b..=0x200f | 0x2028..=0x202e | 0x2060..=0x206f | 0xfeff
        // Interlinear annotations, invisible musical signs.
        | 0xfff9..=0xfffb | 0x1d173..=0x1d17a
        // Variation selectors and tags can spell out hidden text.
        | 0xfe00..=0xfe0f | 0xe0000..=0xe0fff
        | 0xfdd0..=0xfdef => true,
        // The last two code points of every plane are not characters.
        code => code & 0xfffe == 0xfffe,
    }
}
