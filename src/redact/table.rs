//! Owns the table of patterns: reading `patterns.toml`, finding which rules a line can concern, and
//! compiling a rule when it is first needed.
//!
//! The table is embedded and read once per process. Each pattern comes with words; one search for
//! all words of all patterns decides which of them run on a line, and most lines need none.
//! Patterns are linear by the `regex` crate; that a line may match many times costs no more,
//! because a pattern ends with its value and the gaps in it are a bounded number of words.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::OnceLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind};
use regex::bytes::{CaptureLocations, Regex, RegexBuilder};

use super::blocks::Blocks;
use super::hits::{Hits, ITEMS};
use super::line;
use super::value::{Reach, Skip};

const SOURCE: &str = include_str!("patterns.toml");

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct TableFile {
    macros: BTreeMap<String, String>,
    block: Vec<BlockFile>,
    rules: Vec<RulesFile>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct BlockFile {
    name: String,
    words: Vec<String>,
    headers: Vec<String>,
    #[serde(default)]
    ends: Ends,
}

/// What ends a block.
#[derive(Default, Clone, Copy, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Ends {
    #[default]
    Indentation,
    Blank,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct RulesFile {
    kind: String,
    words: Vec<String>,
    patterns: Vec<String>,
    #[serde(default)]
    within: Vec<String>,
    #[serde(default)]
    outside: Vec<String>,
    #[serde(default)]
    skip: Vec<Skip>,
    #[serde(default)]
    unless: Vec<String>,
    #[serde(default)]
    whole_line: bool,
}

/// One pattern and when it applies.
pub(super) struct Rule {
    pub(super) kind: &'static str,
    pub(super) within: u32,
    pub(super) outside: u32,
    pub(super) skip: &'static [Skip],
    pub(super) unless: &'static [String],
    pub(super) reach: Reach,
    pattern: Lazy,
    group: OnceLock<usize>,
}

impl Rule {
    /// The compiled pattern; none if it is broken.
    pub(super) fn regex(&self) -> Option<&Regex> {
        self.pattern.regex()
    }

    pub(super) fn captured(&self, locations: &CaptureLocations) -> Option<Range<usize>> {
        let named = || {
            let mut names = self.regex().into_iter().flat_map(Regex::capture_names);
            names.position(|name| name == Some("secret")).unwrap_or(0)
        };
        line::place(locations, *self.group.get_or_init(named))
    }
}

/// The header of a context.
pub(super) struct Block {
    pub(super) bit: u32,
    pub(super) ends: Ends,
    headers: Vec<Lazy>,
}

impl Block {
    pub(super) fn is_header(&self, line: &str) -> bool {
        let matches = |regex: &Regex| regex.is_match(line.as_bytes());
        self.headers.iter().filter_map(Lazy::regex).any(matches)
    }
}

/// A pattern that is compiled when it is first needed.
struct Lazy {
    source: String,
    compiled: OnceLock<Option<Regex>>,
}

impl Lazy {
    fn new(macros: &BTreeMap<String, String>, pattern: &str) -> Self {
        let spaced = pattern.replace(' ', r"[ \t]+");
        let source = macros.iter().fold(spaced, |source, (name, text)| {
            source.replace(&format!("{{{name}}}"), &text.replace(' ', r"[ \t]+"))
        });
        Self { source, compiled: OnceLock::new() }
    }

    fn regex(&self) -> Option<&Regex> {
        // Bytes and ASCII classes keep the automata small: keywords of devices are ASCII.
        let build =
            || RegexBuilder::new(&self.source).unicode(false).case_insensitive(true).build();
        self.compiled.get_or_init(|| build().ok()).as_ref()
    }
}

/// All patterns of all platforms.
pub(super) struct Table {
    words: AhoCorasick,
    concerned: Vec<Hits>,
    /// The rules without words, and the blocks in which they run.
    wordless: Vec<(u32, usize)>,
    items: Vec<Item>,
}

enum Item {
    Rule(Rule),
    Block(Block),
}

impl Table {
    /// The table of this process; none if the embedded file is broken, which a test rules out.
    pub(super) fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Option<Table>> = OnceLock::new();
        SHARED.get_or_init(|| Self::read(SOURCE).ok()).as_ref()
    }

    fn read(source: &str) -> Result<Self, String> {
        let file: TableFile = toml::from_str(source).map_err(|error| error.to_string())?;
        // The table lives as long as the process, and so may the parts of its rules.
        let TableFile { macros, block: blocks, rules } = file;
        let bit = |name: &str| {
            let nth = blocks.iter().position(|block| block.name == name);
            let nth = nth.ok_or_else(|| format!("no block `{name}`"))?;
            1_u32
                .checked_shl(u32::try_from(nth).unwrap_or(u32::MAX))
                .ok_or_else(|| "too many blocks".to_owned())
        };
        let bits = |names: &[String]| -> Result<u32, String> {
            names.iter().try_fold(0, |mask, name| Ok(mask | bit(name)?))
        };
        let mut items = Vec::new();
        let mut wordless = Vec::new();
        let mut concerned: BTreeMap<String, Hits> = BTreeMap::new();
        let mut concern = |words: &[String], item: usize| {
            for word in words {
                concerned.entry(word.to_ascii_lowercase()).or_default().set(item);
            }
        };
        for block in &blocks {
            concern(&block.words, items.len());
            let headers = block.headers.iter().map(|header| Lazy::new(&macros, header)).collect();
            items.push(Item::Block(Block { bit: bit(&block.name)?, ends: block.ends, headers }));
        }
        for group in rules {
            let (within, outside) = (bits(&group.within)?, bits(&group.outside)?);
            let kind: &'static str = group.kind.leak();
            let (skip, unless) = (group.skip.leak(), group.unless.leak());
            for pattern in &group.patterns {
                if group.words.is_empty() {
                    wordless.push((within, items.len()));
                }
                concern(&group.words, items.len());
                items.push(Item::Rule(Rule {
                    kind,
                    within,
                    outside,
                    skip,
                    unless,
                    reach: if group.whole_line { Reach::Line } else { Reach::Word },
                    pattern: Lazy::new(&macros, pattern),
                    group: OnceLock::new(),
                }));
            }
        }
        if items.len() > ITEMS {
            return Err(format!("{} patterns, room for {ITEMS}", items.len()));
        }
        let words = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .kind(Some(AhoCorasickKind::DFA))
            .build(concerned.keys())
            .map_err(|error| error.to_string())?;
        Ok(Self { words, concerned: concerned.into_values().collect(), wordless, items })
    }

    /// Which rules and blocks can concern `line`, which stands in `blocks`.
    pub(super) fn hits(&self, line: &str, blocks: &Blocks) -> Hits {
        let mut hits = Hits::default();
        for (within, rule) in &self.wordless {
            if blocks.allow(*within, 0) {
                hits.set(*rule);
            }
        }
        for word in self.words.find_overlapping_iter(line) {
            if let Some(more) = self.concerned.get(word.pattern().as_usize()) {
                hits.add(more);
            }
        }
        hits
    }

    pub(super) fn rules(&self, hits: &Hits) -> impl Iterator<Item = &Rule> {
        hits.iter().filter_map(|item| match self.items.get(item) {
            Some(Item::Rule(rule)) => Some(rule),
            _ => None,
        })
    }

    pub(super) fn blocks(&self, hits: &Hits) -> impl Iterator<Item = &Block> {
        hits.iter().filter_map(|item| match self.items.get(item) {
            Some(Item::Block(block)) => Some(block),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A broken table withholds everything, so it must not ship.
    #[test]
    fn the_table_can_be_read_and_every_pattern_captures_a_secret() {
        let table = Table::read(SOURCE).unwrap();
        for item in &table.items {
            match item {
                Item::Block(block) => {
                    assert!(block.headers.iter().all(|header| header.regex().is_some()));
                }
                Item::Rule(rule) => {
                    let source = &rule.pattern.source;
                    let regex = rule.regex().unwrap_or_else(|| panic!("{source}"));
                    let names = regex.capture_names().filter(|name| *name == Some("secret"));
                    assert_eq!(names.count(), 1, "{source}");
                    assert!(!source.contains("{W}") && !source.contains("{V}"), "{source}");
                }
            }
        }
    }

    /// A pattern that can run to the end of the line is quadratic on a line of many matches.
    #[test]
    fn no_pattern_has_an_unbounded_gap() {
        for item in &Table::read(SOURCE).unwrap().items {
            let Item::Rule(rule) = item else { continue };
            let source = &rule.pattern.source;
            for unbounded in [".*", ".+", "){0,}", "){1,}", ")*?", ")+?"] {
                assert!(!source.replace("\\\\.)*\"", "").contains(unbounded), "{source}");
            }
        }
    }
}
