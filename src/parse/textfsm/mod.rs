//! Owns the TextFSM engine: [`Template`] is read from text once and then turns any number of outputs
//! into records. The reference is Python's `textfsm` 2.1, whose behaviour is kept where anything
//! that is accepted could show a difference.
//!
//! The parts: [`limits`] bounds the work; `syntax` reads templates, with `substitute` filling Values
//! into rules; `dialect` translates patterns and `pattern` compiles them when first used, all of
//! a state together in `sieve` where the output is long; `machine`
//! runs the states over the lines that `lines` splits, and `explain` watches it doing so.
//!
//! **Invariants:** reading and running never panic and always end; a template holds no state of a
//! parse, so one can serve many threads.

mod dialect;
mod explain;
pub mod limits;
mod lines;
mod machine;
pub(super) mod pattern;
mod sieve;
mod substitute;
mod syntax;
#[cfg(test)]
mod tests;

pub use explain::{Explained, ExplainedLine, Match, Outcome};
pub use limits::Budget;

use std::sync::OnceLock;

use pattern::Pattern;
use sieve::Sieve;

use super::record::Value;
use super::{ParseError, Parsed};

/// A template, ready to run.
#[derive(Debug)]
pub struct Template {
    name: String,
    values: Vec<ValueDefinition>,
    states: Vec<State>,
    /// Where the machine begins: the state `Start`.
    start: usize,
    /// Whether the last record is kept when the output ends. A template switches that off by
    /// defining an empty state `EOF`.
    records_at_end: bool,
}

#[derive(Debug)]
struct State {
    name: String,
    rules: Vec<Rule>,
    /// Built when first asked for; None where it would not help.
    sieve: OnceLock<Option<Sieve>>,
}

impl State {
    fn sieve(&self) -> Option<&Sieve> {
        self.sieve.get_or_init(|| Sieve::new(&self.rules)).as_ref()
    }
}

/// One `Value` line.
#[derive(Debug)]
struct ValueDefinition {
    name: String,
    /// In the order they are written, which matters.
    options: Vec<ValueOption>,
    /// The Value with its group's name, as it goes into rules.
    filled: String,
    /// The Value's own pattern, when it is a List whose items have named groups.
    nested: Option<Pattern>,
    line: usize,
}

impl ValueDefinition {
    fn has(&self, option: ValueOption) -> bool {
        self.options.contains(&option)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ValueOption {
    Required,
    Filldown,
    Fillup,
    Key,
    List,
}

#[derive(Debug)]
struct Rule {
    line: usize,
    /// As it stands in the template, for error messages.
    text: String,
    pattern: Pattern,
    /// Which group goes into which Value.
    assigns: Vec<(usize, usize)>,
    line_action: LineAction,
    record_action: RecordAction,
}

/// What happens to the line after a rule matched.
#[derive(Debug, PartialEq, Eq)]
enum LineAction {
    /// Goes to the next line, in another state if one is given.
    Next(Option<Target>),
    /// Tries the following rules on the same line. By type, it cannot change the state: Python
    /// refuses that, because it could loop for ever.
    Continue,
    /// Gives up.
    Error(Option<String>),
}

/// Where a rule leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Target {
    State(usize),
    /// Ends, and drops the record that is being built.
    End,
    /// Ends as if the output ended here.
    Eof,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RecordAction {
    NoRecord,
    Record,
    Clear,
    ClearAll,
}

impl Template {
    /// Reads a template. Patterns are checked and translated, but compiled only when first used.
    ///
    /// # Errors
    ///
    /// [`ParseError::TemplateInvalid`] names the first line that breaks a rule of TextFSM.
    pub fn read(name: &str, text: &str) -> Result<Self, ParseError> {
        syntax::read(name, text).map_err(|error| invalid(name, error.line, error.message))
    }

    /// The name that the template was read under.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The Values' names, in order.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        self.values.iter().map(|value| value.name.as_str())
    }

    /// The names of the Values with the option `Key`.
    pub(super) fn keys(&self) -> impl Iterator<Item = &str> {
        let keys = self.values.iter().filter(|value| value.has(ValueOption::Key));
        keys.map(|value| value.name.as_str())
    }

    /// Compiles every pattern and gives what is wrong with any.
    pub fn check(&self) -> Vec<ParseError> {
        let nested = self.values.iter().filter_map(|v| Some((v.line, v.nested.as_ref()?)));
        let rules = self.states.iter().flat_map(|state| &state.rules);
        nested
            .chain(rules.map(|rule| (rule.line, &rule.pattern)))
            .filter_map(|(line, pattern)| Some((line, pattern.check().err()?)))
            .map(|(line, message)| invalid(&self.name, line, message))
            .collect()
    }

    /// How many rules there are in all states.
    pub fn rules(&self) -> usize {
        self.states.iter().map(|state| state.rules.len()).sum()
    }

    /// Turns an output into records. Columns keep the spelling of the template.
    ///
    /// # Errors
    ///
    /// The template refuses a line, cannot decide one, or the output exceeds the [`limits`].
    pub fn run(&self, output: &str) -> Result<Vec<Vec<Value>>, ParseError> {
        self.run_within(output, &Budget::default())
    }

    /// Turns an output into records as [`Template::run`] does, for less than the usual cost.
    ///
    /// # Errors
    ///
    /// As [`Template::run`], and [`ParseError::Stopped`] when the budget says so.
    pub fn run_within(
        &self,
        output: &str,
        budget: &Budget<'_>,
    ) -> Result<Vec<Vec<Value>>, ParseError> {
        machine::run(self, output, budget, &mut machine::Unwatched)
    }

    /// Turns an output into records and tells which rules matched each line, also where the run ends
    /// in an error.
    pub fn explain<'a>(&'a self, output: &'a str) -> Explained<'a> {
        explain::explain(self, output)
    }

    /// Turns an output into records with lower-cased columns.
    ///
    /// # Errors
    ///
    /// As [`Template::run`].
    pub fn parse(&self, output: &str) -> Result<Parsed, ParseError> {
        Ok(Parsed {
            template: self.name.clone(),
            source: String::new(),
            columns: self.columns().map(str::to_lowercase).collect(),
            records: self.run(output)?,
        })
    }
}

fn invalid(template: &str, line: usize, message: String) -> ParseError {
    ParseError::TemplateInvalid { template: template.to_owned(), line, message }
}
