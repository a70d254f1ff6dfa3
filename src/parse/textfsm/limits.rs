//! Owns the bounds on what one template and one parse may cost. All of them are far above what any
//! template of ntc-templates 9.3.0 and any device's output need; exceeding one is an error, never a
//! shorter answer. A caller may set narrower ones for a single parse with a [`Budget`].

use std::fmt;

/// The length of a template's text.
pub const TEMPLATE_BYTES: usize = 512 * 1024;
/// The length of one rule's pattern after the Values are filled in.
pub const PATTERN_BYTES: usize = 32 * 1024;
/// The length of all patterns of a template after the Values are filled in.
pub const ALL_PATTERNS_BYTES: usize = 4 * 1024 * 1024;
/// How deep groups may nest in a pattern. `fancy-regex` takes no more than 64 levels.
pub const GROUP_DEPTH: usize = 60;
/// The memory of one compiled pattern.
pub const COMPILED_BYTES: usize = 4 * 1024 * 1024;
/// The memory of the part of a compiled pattern that finds groups fastest, where it has such a part.
pub const ONE_PASS_BYTES: usize = 64 * 1024;
/// The memory of an automaton that is built as it runs. It starts anew when it is full.
pub const LAZY_BYTES: usize = 512 * 1024;
/// The steps that a pattern with lookaround may take on one line.
pub const BACKTRACK_STEPS: usize = 200_000;
/// The length of one line of output.
pub const LINE_BYTES: usize = 64 * 1024;
/// The records of one output.
pub const RECORDS: usize = 250_000;
/// The values of all records of one output, counting every item of a List, and long texts several
/// times. `Filldown` copies a text or a growing list into each record, so the count of records alone
/// would not bound the memory.
pub const VALUES: usize = 8_000_000;
/// The bytes of a text that count for one value.
pub const VALUE_BYTES: usize = 256;
/// What one parse may cost, where a caller wants less than the module allows at most.
///
/// There is no clock here: `stop` is where one goes, or a caller that no longer waits.
#[derive(Clone, Copy)]
pub struct Budget<'a> {
    /// As [`RECORDS`].
    pub records: usize,
    /// As [`VALUES`].
    pub values: usize,
    /// Asked every few rules and records; the parse ends with an error when it says so.
    pub stop: &'a dyn Fn() -> bool,
}

impl Default for Budget<'_> {
    fn default() -> Self {
        Self { records: RECORDS, values: VALUES, stop: &|| false }
    }
}

impl fmt::Debug for Budget<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { records, values, stop: _ } = self;
        f.debug_struct("Budget")
            .field("records", records)
            .field("values", values)
            .finish_non_exhaustive()
    }
}
