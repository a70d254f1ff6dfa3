//! Owns the context of a line: which blocks it stands in, by indentation.
//!
//! Configurations of all families indent what belongs to a header, curly or not, and so do XML and
//! JSON as devices print them. A block ends at the first line that is not deeper than its header.
//! Two exceptions: Junos names the place of a difference in a line `[edit snmp]`, whose block lasts
//! until the next such line; and the rows of a table are not indented, so its block ends at a blank
//! line.

use super::hits::Hits;
use super::line::indentation;
use super::table::{Ends, Table};

/// More open blocks than any configuration nests; a bound on the work per line.
const DEEPEST: usize = 32;

#[derive(Default)]
pub(super) struct Blocks {
    open: Vec<Open>,
    mask: u32,
}

struct Open {
    bit: u32,
    until: Until,
}

enum Until {
    /// A line indented this far or less.
    Indentation(usize),
    NextEdit,
    Blank {
        rows: bool,
    },
}

impl Blocks {
    /// Whether the line is inside the blocks of `within` (if any) and outside those of `outside`.
    pub(super) const fn allow(&self, within: u32, outside: u32) -> bool {
        (within == 0 || self.mask & within != 0) && self.mask & outside == 0
    }

    /// Closes the blocks that end before `line`.
    pub(super) fn enter(&mut self, line: &str) {
        if self.open.is_empty() {
            return;
        }
        let blank = line.trim().is_empty();
        let depth = indentation(line);
        self.open.retain_mut(|block| match &mut block.until {
            Until::Indentation(header) => blank || depth > *header,
            Until::NextEdit => !line.starts_with("[edit"),
            Until::Blank { rows } => {
                let ends = blank && *rows;
                // The rule under the heading of a table is no row of it.
                *rows |= !blank && line.bytes().any(|byte| byte.is_ascii_alphanumeric());
                !ends
            }
        });
        self.mask = self.open.iter().fold(0, |mask, block| mask | block.bit);
    }

    /// Opens the blocks whose header `line` is.
    pub(super) fn open(&mut self, table: &Table, hits: &Hits, line: &str) {
        for block in table.blocks(hits) {
            if self.open.len() >= DEEPEST || !block.is_header(line) {
                continue;
            }
            let until = match block.ends {
                Ends::Blank => Until::Blank { rows: false },
                Ends::Indentation if line.starts_with("[edit") => Until::NextEdit,
                Ends::Indentation => Until::Indentation(indentation(line)),
            };
            self.open.push(Open { bit: block.bit, until });
            self.mask |= block.bit;
        }
    }
}
