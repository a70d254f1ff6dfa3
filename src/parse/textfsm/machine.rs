//! Owns the run of a template over an output: the current state, the record that is being built and
//! the records that are complete.
//!
//! Python's subtleties are kept: a Value that was never set is not the same as one set to an empty
//! text (only the former makes a record empty); options act in the order they are written; a record
//! refused by `Required` is cleared, an empty one is dropped without clearing.

use super::limits::{self, Budget};
use super::lines::py_lines;
use super::pattern::{NoMatch, Slots, Subject};
use super::sieve::{self, Sieve, Sifting};
use super::{
    LineAction, Outcome, RecordAction, Rule, State, Target, Template, ValueDefinition, ValueOption,
};
use crate::parse::ParseError;
use crate::parse::error::quote;
use crate::parse::record::{Item, Value};

/// How much work passes between two questions to the budget's `stop`, counted in rules tried.
const WORK_BETWEEN_STOPS: usize = 64;
/// How many rules a rule that backtracks counts for.
const BACKTRACKING_WORK: usize = 32;
/// The bytes of a line that make each rule count once more.
const WORK_BYTES: usize = 512;

/// What ntc-templates gives for a group of a List that took no part in the match.
const ABSENT_ITEM: &str = "None";

/// One Value of the record that is being built.
#[derive(Default)]
struct Cell {
    /// None until something is assigned.
    current: Option<Value>,
    /// What `Filldown` carries over.
    carried: Option<Value>,
    /// What `List` collected.
    items: Vec<Item>,
}

impl Cell {
    /// Whether `Required` refuses the record. Written after `List` it asks for an item, before it
    /// for the text assigned last.
    fn lacks(&self, definition: &ValueDefinition) -> bool {
        let mut listed = false;
        definition.options.iter().any(|option| match option {
            ValueOption::List => {
                listed = true;
                false
            }
            ValueOption::Required if listed => self.items.is_empty(),
            ValueOption::Required => self.current.as_ref().is_none_or(Value::is_empty),
            _ => false,
        })
    }
}

/// Is told what a run does. What it is told is lent for as long as the template and the output live.
pub(super) trait Observer<'a> {
    /// A line begins.
    fn line(&mut self, _state: &'a State, _line: Line<'a>) {}
    /// A rule matched the line; what it assigns and records comes next.
    fn matched(&mut self, _rule: &'a Rule) {}
    /// A Value was set.
    fn assigned(&mut self, _value: &'a ValueDefinition, _text: Option<&'a str>) {}
    /// A record ended, by a rule or by the end of the output.
    fn recorded(&mut self, _outcome: Outcome<'a>) {}
    /// No line comes any more, and the last record may follow.
    fn ended(&mut self) {}
}

/// Nobody looks, at no cost.
pub(super) struct Unwatched;

impl Observer<'_> for Unwatched {}

struct Machine<'a, 'w, O> {
    template: &'a Template,
    budget: &'w Budget<'w>,
    observer: &'w mut O,
    cells: Vec<Cell>,
    records: Vec<Vec<Value>>,
    /// How many values `records` holds, counted as in [`limits::VALUES`].
    stored: usize,
    slots: Slots,
    /// By state, once it is worth it: what is kept for its sieve. Dropped when the sieve gives up.
    siftings: Vec<Option<Sifting>>,
    /// What was done since `stop` was asked last.
    work: usize,
}

/// The line of output that is being looked at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line<'o> {
    pub(super) number: usize,
    pub(super) text: &'o str,
}

/// Whether the machine goes on after a line.
enum Step {
    Stay,
    Go(Target),
}

pub(super) fn run<'a, O: Observer<'a>>(
    template: &'a Template,
    output: &'a str,
    budget: &Budget<'_>,
    observer: &mut O,
) -> Result<Vec<Vec<Value>>, ParseError> {
    let mut machine = Machine {
        template,
        budget,
        observer,
        cells: template.values.iter().map(|_| Cell::default()).collect(),
        records: Vec::new(),
        stored: 0,
        slots: Slots::default(),
        siftings: Vec::new(),
        work: 0,
    };
    let records = machine.run(output);
    machine.end_sifting();
    records
}

impl<'a, O: Observer<'a>> Machine<'a, '_, O> {
    fn run(&mut self, output: &'a str) -> Result<Vec<Vec<Value>>, ParseError> {
        let mut state = self.template.start;
        let mut at_end = self.template.records_at_end;
        let mut line = Line { number: 0, text: "" };
        for (index, text) in py_lines(output).enumerate() {
            line = Line { number: index + 1, text };
            if index == sieve::LINES_BEFORE {
                self.begin_sifting();
            }
            match self.line(state, line)? {
                Step::Stay => {}
                Step::Go(Target::State(next)) => state = next,
                Step::Go(Target::Eof) => break,
                Step::Go(Target::End) => {
                    at_end = false;
                    break;
                }
            }
        }
        self.observer.ended();
        if at_end {
            self.record(line)?;
        }
        Ok(std::mem::take(&mut self.records))
    }

    fn begin_sifting(&mut self) {
        let begin = |state: &State| state.sieve().map(Sieve::begin);
        self.siftings = self.template.states.iter().map(begin).collect();
    }

    fn end_sifting(&mut self) {
        for (state, sifting) in self.template.states.iter().zip(self.siftings.drain(..)) {
            if let (Some(sieve), Some(sifting)) = (state.sieve(), sifting) {
                sieve.end(sifting);
            }
        }
    }

    /// Finds out which rules are in question for a line.
    fn sift(&mut self, number: usize, state: &State, subject: Subject<'_>) {
        let Some(slot) = self.siftings.get_mut(number) else { return };
        let (Some(sifting), Some(sieve)) = (slot.as_mut(), state.sieve()) else { return };
        if subject.is_ascii {
            if sieve.sift(sifting, subject.text).is_none() {
                *slot = None;
            }
        } else {
            sifting.ask_all();
        }
    }

    /// Tries the rules of a state on a line, until one that does not continue matches.
    fn line(&mut self, number: usize, line: Line<'a>) -> Result<Step, ParseError> {
        let template = self.template;
        let Some(state) = template.states.get(number) else { return Ok(Step::Stay) };
        self.observer.line(state, line);
        if line.text.len() > limits::LINE_BYTES {
            return Err(self.too_large("bytes in a line", limits::LINE_BYTES));
        }
        self.work(1, line)?;
        let subject = Subject::from(line.text);
        self.sift(number, state, subject);
        for (at, rule) in state.rules.iter().enumerate() {
            let sifting = self.siftings.get(number).and_then(Option::as_ref);
            // What costs much is asked only where something cheaper does not rule it out.
            let in_question = match sifting {
                Some(sifting) => sifting.is_in_question(at),
                None => !rule.pattern.backtracks() || rule.pattern.may_match(subject),
            };
            if !in_question {
                self.work(usize::from(sifting.is_none()), line)?;
                continue;
            }
            let weight = if rule.pattern.backtracks() { BACKTRACKING_WORK } else { 1 };
            self.work(weight + line.text.len() / WORK_BYTES, line)?;
            if !self.rule(rule, subject, line)? {
                continue;
            }
            match rule.record_action {
                RecordAction::NoRecord => {}
                RecordAction::Record => self.record(line)?,
                RecordAction::Clear => self.clear(),
                RecordAction::ClearAll => self.cells.fill_with(Cell::default),
            }
            match &rule.line_action {
                LineAction::Continue => {}
                LineAction::Next(None) => return Ok(Step::Stay),
                LineAction::Next(Some(target)) => return Ok(Step::Go(*target)),
                LineAction::Error(message) => {
                    return Err(ParseError::Refused {
                        template: template.name.clone(),
                        line: rule.line,
                        rule: rule.text.clone(),
                        message: message.as_ref().map(|m| m.trim_matches('"').to_owned()),
                        input_line: line.number,
                        input: quote(line.text),
                    });
                }
            }
        }
        Ok(Step::Stay)
    }

    /// Counts work, and asks every now and then whether to go on.
    fn work(&mut self, work: usize, line: Line<'_>) -> Result<(), ParseError> {
        self.work += work;
        if self.work < WORK_BETWEEN_STOPS {
            return Ok(());
        }
        self.work = 0;
        if (self.budget.stop)() {
            let template = self.template.name.clone();
            return Err(ParseError::Stopped { template, input_line: line.number });
        }
        Ok(())
    }

    /// Matches one rule and assigns its groups.
    fn rule(
        &mut self,
        rule: &'a Rule,
        subject: Subject<'a>,
        line: Line<'a>,
    ) -> Result<bool, ParseError> {
        let matched = if rule.assigns.is_empty() {
            rule.pattern.matches(subject)
        } else {
            rule.pattern.captures(subject, &mut self.slots)
        };
        match matched {
            Ok(true) => {}
            Ok(false) => return Ok(false),
            Err(reason) => return Err(self.no_match(rule.line, line, reason)),
        }
        self.observer.matched(rule);
        for (group, value) in &rule.assigns {
            let text = self.slots.text(line.text, *group);
            self.assign(*value, text, line)?;
        }
        Ok(true)
    }

    fn assign(
        &mut self,
        at: usize,
        text: Option<&'a str>,
        line: Line<'_>,
    ) -> Result<(), ParseError> {
        let Some(definition) = self.template.values.get(at) else { return Ok(()) };
        self.observer.assigned(definition, text);
        let mut item = match (definition.has(ValueOption::List), text) {
            (false, _) => None,
            (true, Some(text)) => Some(self.item(definition, text, line)?),
            (true, None) => Some(Item::Text(ABSENT_ITEM.to_owned())),
        };
        let Some(cell) = self.cells.get_mut(at) else { return Ok(()) };
        cell.current = text.map(|text| Value::Text(text.to_owned()));
        for option in &definition.options {
            match option {
                ValueOption::Filldown => cell.carried.clone_from(&cell.current),
                ValueOption::Fillup => {
                    let Some(value) = cell.current.as_ref().filter(|v| !v.is_empty()) else {
                        continue;
                    };
                    let above = self.records.iter_mut().rev().filter_map(|r| r.get_mut(at));
                    for empty in above.take_while(|above| above.is_empty()) {
                        self.stored += size(value);
                        empty.clone_from(value);
                    }
                }
                ValueOption::List => cell.items.extend(item.take()),
                ValueOption::Required | ValueOption::Key => {}
            }
        }
        Ok(())
    }

    /// Makes an item of a List, from the groups inside the Value's pattern if it has any.
    fn item(
        &self,
        definition: &ValueDefinition,
        text: &str,
        line: Line<'_>,
    ) -> Result<Item, ParseError> {
        let Some(nested) = &definition.nested else { return Ok(Item::Text(text.to_owned())) };
        let mut slots = Slots::default();
        let found = nested
            .captures(text.into(), &mut slots)
            .map_err(|reason| self.no_match(definition.line, line, reason))?;
        if !found {
            return Ok(Item::Text(text.to_owned()));
        }
        let group = |(name, number): &(String, usize)| {
            (name.clone(), slots.text(text, *number).map(str::to_owned))
        };
        Ok(Item::Groups(nested.names().iter().map(group).collect()))
    }

    /// Completes the record that is being built.
    fn record(&mut self, line: Line<'_>) -> Result<(), ParseError> {
        if self.cells.is_empty() {
            return Ok(());
        }
        // Lists are copied only when the record is sure to stay: with `Filldown` they may be long.
        let definitions = &self.template.values;
        let lacking = self.cells.iter().zip(definitions).find(|(cell, value)| cell.lacks(value));
        if let Some((_, value)) = lacking {
            self.observer.recorded(Outcome::Lacks { value: &value.name });
            self.clear();
            return Ok(());
        }
        for (cell, definition) in self.cells.iter_mut().zip(definitions) {
            if definition.has(ValueOption::List) {
                cell.current = Some(Value::List(cell.items.clone()));
            }
        }
        let is_unset = |cell: &Cell| match &cell.current {
            None => true,
            Some(Value::List(items)) => items.is_empty(),
            Some(Value::Text(_)) => false,
        };
        if self.cells.iter().all(is_unset) {
            self.observer.recorded(Outcome::Empty);
            return Ok(());
        }
        let unset = || Value::Text(String::new());
        // What was set is taken out, since a new record begins anyway.
        let current = self.cells.iter_mut().map(|cell| cell.current.take());
        let record: Vec<Value> = current.map(|value| value.unwrap_or_else(unset)).collect();
        let stored = record.iter().map(size).sum::<usize>();
        self.stored += stored;
        self.records.push(record);
        self.observer.recorded(Outcome::Completed { record: self.records.len() });
        if self.records.len() > self.budget.records {
            return Err(self.too_large("records", self.budget.records));
        }
        if self.stored > self.budget.values {
            return Err(self.too_large("values", self.budget.values));
        }
        self.clear();
        self.work(stored / WORK_BETWEEN_STOPS, line)
    }

    /// Begins a new record; what `Filldown` carries stays.
    fn clear(&mut self) {
        for (cell, definition) in self.cells.iter_mut().zip(&self.template.values) {
            let filldown = definition.has(ValueOption::Filldown);
            cell.current = if filldown { cell.carried.clone() } else { None };
            if !filldown {
                cell.items.clear();
            }
        }
    }

    fn no_match(&self, rule_line: usize, line: Line<'_>, reason: NoMatch) -> ParseError {
        let template = self.template.name.clone();
        match reason {
            NoMatch::Invalid(message) => {
                ParseError::TemplateInvalid { template, line: rule_line, message }
            }
            NoMatch::Undecided => ParseError::Undecided {
                template,
                line: rule_line,
                input_line: line.number,
                input: quote(line.text),
            },
        }
    }

    fn too_large(&self, what: &'static str, limit: usize) -> ParseError {
        ParseError::TooLarge { template: self.template.name.clone(), what, limit }
    }
}

/// How many values one value counts for.
fn size(value: &Value) -> usize {
    let text = |text: &str| 1 + text.len() / limits::VALUE_BYTES;
    match value {
        Value::Text(one) => text(one),
        Value::List(items) => {
            let item = |item: &Item| match item {
                Item::Text(one) => text(one),
                Item::Groups(groups) => {
                    groups.iter().map(|(_, one)| one.as_deref().map_or(1, text)).sum()
                }
            };
            1 + items.iter().map(item).sum::<usize>()
        }
    }
}
