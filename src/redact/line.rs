//! Owns the search of one line: running the patterns whose words are on it, and putting
//! placeholders where they found values.

use std::ops::Range;

use regex::bytes::CaptureLocations;

use super::Redactor;
use super::blocks::Blocks;
use super::hits::Hits;
use super::own::Own;
use super::placeholder;
use super::table::{Rule, Table};
use super::value::{self, Quotes, Reach};

/// A place in a line that must be replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) what: What,
}

/// Why it must be replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    /// A secret of the server, by its index.
    Own(usize),
    /// A value that a pattern captured, of this kind.
    Kind(&'static str),
}

/// The spans of a line, with the buffers that finding them needs.
#[derive(Default)]
pub(super) struct Findings {
    pub(super) spans: Vec<Span>,
    placeholders: Vec<Range<usize>>,
    quotes: Quotes,
}

/// A value longer than this is not searched again for the trigger of another one.
const SEARCHED_AGAIN: usize = 256;

/// Adds what the patterns find in `line`.
pub(super) fn find(
    table: &'static Table,
    hits: &Hits,
    blocks: &Blocks,
    line: &str,
    findings: &mut Findings,
) {
    let mut prepared = false;
    for rule in table.rules(hits) {
        if !blocks.allow(rule.within, rule.outside) {
            continue;
        }
        let Some(regex) = rule.regex() else {
            findings.spans.push(Span { start: 0, end: line.len(), what: What::Kind("withheld") });
            return;
        };
        let mut locations = regex.capture_locations();
        let mut at = 0;
        while let Some(whole) = regex.captures_read_at(&mut locations, line.as_bytes(), at) {
            if !prepared {
                placeholder::find_all(line, &mut findings.placeholders);
                findings.quotes.read(line);
                prepared = true;
            }
            let Some(captured) = rule.captured(&locations) else { break };
            // A value may contain the trigger of the next one, as in `password password x`.
            let again = captured.start > whole.start() && captured.len() <= SEARCHED_AGAIN;
            at = if again { captured.start } else { captured.end };
            if let Some(span) = judge(rule, line, captured, findings) {
                // A value that took the rest of the line is not walked again for each word in it.
                if rule.reach == Reach::Line {
                    at = at.max(span.end);
                }
                findings.spans.push(span);
            }
        }
    }
}

fn judge(
    rule: &'static Rule,
    line: &str,
    captured: Range<usize>,
    findings: &Findings,
) -> Option<Span> {
    let what = What::Kind(rule.kind);
    // A sentence is left alone before its rest is read.
    if line.get(captured.clone()).is_some_and(value::is_verb) {
        return None;
    }
    let Range { start, end } = value::trim(line, captured, rule.reach, &findings.quotes);
    // A capture that splits a character cannot be judged, so it goes whole.
    let Some(text) = line.get(start..end) else {
        let start = (0..=start).rev().find(|at| line.is_char_boundary(*at)).unwrap_or(0);
        return Some(Span { start, end: line.len(), what });
    };
    let nothing = value::is_none(text)
        || rule.skip.iter().any(|skip| skip.covers(text))
        || rule.unless.iter().any(|word| text.eq_ignore_ascii_case(word));
    // The words of a placeholder look like a trigger: `<secret:…`.
    let before = findings.placeholders.partition_point(|range| range.end <= start);
    let inside = findings.placeholders.get(before).is_some_and(|range| range.start < start);
    (!nothing && !inside).then_some(Span { start, end, what })
}

/// Replaces the spans, which it empties. Overlapping ones become one. Returns how many it replaced.
pub(super) fn apply(
    redactor: &Redactor,
    own: &Own,
    line: &str,
    spans: &mut Vec<Span>,
) -> (String, usize) {
    spans.sort_by_key(|span| (span.start, std::cmp::Reverse(span.end)));
    let mut out = String::with_capacity(line.len() + 32);
    let mut copied = 0;
    let mut count = 0;
    let mut pending = spans.drain(..).peekable();
    while let Some(mut span) = pending.next() {
        while let Some(next) = pending.next_if(|next| next.start < span.end) {
            let same = (next.start, next.end) == (span.start, span.end);
            if matches!(next.what, What::Own(_)) && same || next.end > span.end && is_own(&span) {
                span.what = next.what;
            }
            span.end = span.end.max(next.end);
        }
        out.push_str(line.get(copied..span.start).unwrap_or_default());
        let text = line.get(span.start..span.end).unwrap_or_default();
        match span.what {
            What::Own(index) => out.push_str(own.placeholder(index)),
            What::Kind(kind) => out.push_str(&redactor.placeholder(kind, text)),
        }
        copied = span.end;
        count += 1;
    }
    out.push_str(line.get(copied..).unwrap_or_default());
    (out, count)
}

const fn is_own(span: &Span) -> bool {
    matches!(span.what, What::Own(_))
}

/// How far a line is indented. The sign of a diff counts as a space.
pub(super) fn indentation(line: &str) -> usize {
    let signed = line.starts_with(['+', '-']) && !line.starts_with("--") && !line.starts_with("++");
    let body = line.get(usize::from(signed)..).unwrap_or_default();
    usize::from(signed) + body.len() - body.trim_start_matches([' ', '\t']).len()
}

/// The place of the captured value.
pub(super) fn place(locations: &CaptureLocations, group: usize) -> Option<Range<usize>> {
    locations.get(group).map(|(start, end)| start..end)
}
