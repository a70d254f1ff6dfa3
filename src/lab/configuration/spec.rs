//! How a personality keeps its configuration, as data: the `[configuration]` table.

use std::collections::BTreeMap;

use regex::Regex;
use serde::{Deserialize, Deserializer};

/// The `[configuration]` table of a personality.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::lab) struct ConfigurationSpec {
    pub(super) kind: Kind,
    /// Blanks per level of a configuration in lines.
    pub(super) indent: usize,
    /// Stands before the running configuration. Knows `{hostname}`, `{bytes}` (its length, counted
    /// from `bytes`), `{changed}` and `{saved}` (times of day with date).
    pub(super) header: String,
    /// Stands before the startup configuration.
    pub(super) startup_header: String,
    /// The configuration of a new device. Knows `{hostname}`.
    pub(super) initial: String,
    /// Stands behind the configuration.
    pub(super) footer: String,
    /// What the device says the length of the initial configuration is.
    pub(super) bytes: usize,
    /// How the device writes a moment; `{time}` is the time of day, `{day}` the day of the month.
    pub(super) clock: String,
    /// When it was last changed and saved before it was started.
    pub(super) changed: String,
    pub(super) saved: String,
    /// The words before the host name, sections included.
    pub(super) hostname: String,
    /// How statements start that exist once; `*` stands for any word.
    pub(super) single: Vec<String>,
    /// How statements start whose negation is shown.
    pub(super) negatives: Vec<String>,
    /// Statements that take those below their section along when they are removed.
    pub(super) cascades: Vec<String>,
    /// Lines that close a section, in order.
    pub(super) ends: Vec<String>,
    /// How sections start; those that close in another way come with their own `ends`.
    pub(super) sections: Vec<SectionSpec>,
    /// Whether section names may be cut, as in `interface Gi1`.
    pub(super) abbreviates: bool,
    /// The statements a candidate may hold, see `schema`.
    pub(super) schema: String,
    /// What is refused for what is or is not there.
    pub(super) refusals: Vec<Refusal>,
    /// New connections are refused while a statement matches one of these.
    pub(super) locked_out_by: Vec<Expression>,
    /// New connections are refused while no statement matches each of these.
    pub(super) reachable_by: Vec<Expression>,
    pub(super) effects: Vec<Effect>,
    /// What the device says at each event.
    pub(super) texts: BTreeMap<String, String>,
}

impl ConfigurationSpec {
    /// What the device says at an event; nothing where the personality has no words for it.
    pub(in crate::lab) fn text(&self, event: &str) -> String {
        self.texts.get(event).cloned().unwrap_or_default()
    }
}

/// How changes come about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::lab) enum Kind {
    /// Each accepted line is live at once.
    #[default]
    Lines,
    /// Lines are live at once or, in a named session, when that is committed.
    Session,
    /// A candidate is committed.
    Candidate,
}

/// A section of a configuration in lines.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SectionSpec {
    pub(super) opens: String,
    pub(super) ends: Option<Vec<String>>,
}

/// A line that is refused unless another is there.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Refusal {
    /// How the line starts; `*` stands for any word.
    pub(super) line: String,
    /// It is accepted when one of these words follows.
    pub(super) except: Vec<String>,
    /// How the line starts that must be in the same section, or in the one around it; `*` stands
    /// for the same words.
    pub(super) needs: String,
    pub(super) text: String,
}

/// How the configuration shows in the output of other commands. Statements are matched as one
/// line each, with the names of their sections before them.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Effect {
    /// The commands, as the personality spells them.
    pub(super) outputs: Vec<String>,
    /// Statements with `key` groups: the things that have a row.
    pub(super) items: Expression,
    /// Statements with `key` groups: things that are down.
    pub(super) down: Option<Expression>,
    /// Finds the rows; its `key` group names the thing. A row goes when its thing goes.
    pub(super) row: Expression,
    /// Whether the indented lines below a row belong to it.
    #[serde(default)]
    pub(super) with_below: bool,
    /// In the row of a thing that went down, what is replaced and by what.
    pub(super) when_down: Option<Rewrite>,
    /// The same for a thing that came up.
    pub(super) when_up: Option<Rewrite>,
    /// Numbers, in `n` groups, that say how many things there are.
    #[serde(default)]
    pub(super) totals: Vec<Expression>,
}

/// What is replaced in a row.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rewrite {
    pub(super) from: Expression,
    pub(super) to: String,
}

/// A regular expression in a file.
#[derive(Debug, Clone)]
pub(super) struct Expression(pub(super) Regex);

impl<'de> Deserialize<'de> for Expression {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Regex::new(&text).map(Self).map_err(serde::de::Error::custom)
    }
}

/// How many words of `text` the pattern takes, where `text` starts like it.
pub(super) fn starts_like(pattern: &str, text: &str) -> Option<usize> {
    let mut words = text.split_whitespace();
    let mut count = 0;
    for wanted in pattern.split_whitespace() {
        let word = words.next()?;
        if wanted != "*" && wanted != word {
            return None;
        }
        count += 1;
    }
    (count > 0).then_some(count)
}

/// The first so many words.
pub(super) fn first_words(text: &str, count: usize) -> String {
    text.split_whitespace().take(count).collect::<Vec<_>>().join(" ")
}
