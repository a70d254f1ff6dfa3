//! Owns the run of a template over an output: the current state, the record that is being built and
//! the records that are complete.
//!
//! Python's subtleties are kept: a Value that was never set is not the same as one set to an empty
//! text (only the former makes a record empty); options act in the order they are written; a record
//! refused by `Required` is cleared, an empty one is dropped without clearing.

use super::lines::py_lines;
use super::pattern::NoMatch;
use super::{
    LineAction, RecordAction, Rule, Target, Template, ValueDefinition, ValueOption, limits,
};
use crate::parse::ParseError;
use crate::parse::error::quote;
use crate::parse::record::{Item, Value};

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

struct Machine<'t> {
    template: &'t Template,
    cells: Vec<Cell>,
    records: Vec<Vec<Value>>,
    /// How many values `records` holds, counting the items of Lists.
    stored: usize,
}

/// The line of output that is being looked at.
#[derive(Clone, Copy)]
struct Line<'o> {
    number: usize,
    text: &'o str,
}

/// Whether the machine goes on after a line.
enum Step {
    Stay,
    Go(Target),
}

pub(super) fn run(template: &Template, output: &str) -> Result<Vec<Vec<Value>>, ParseError> {
    let mut machine = Machine {
        template,
        cells: template.values.iter().map(|_| Cell::default()).collect(),
        records: Vec::new(),
        stored: 0,
    };
    let mut state = template.start;
    let mut at_end = template.records_at_end;
    for (index, text) in py_lines(output).enumerate() {
        let line = Line { number: index + 1, text };
        if text.len() > limits::LINE_BYTES {
            return Err(machine.too_large("bytes in a line", limits::LINE_BYTES));
        }
        match machine.line(state, line)? {
            Step::Stay => {}
            Step::Go(Target::State(next)) => state = next,
            Step::Go(Target::Eof) => break,
            Step::Go(Target::End) => {
                at_end = false;
                break;
            }
        }
    }
    if at_end {
        machine.record()?;
    }
    Ok(machine.records)
}

impl Machine<'_> {
    /// Tries the rules of a state on a line, until one that does not continue matches.
    fn line(&mut self, state: usize, line: Line<'_>) -> Result<Step, ParseError> {
        let template = self.template;
        for rule in template.states.get(state).into_iter().flatten() {
            if !self.rule(rule, line)? {
                continue;
            }
            match rule.record_action {
                RecordAction::NoRecord => {}
                RecordAction::Record => self.record()?,
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

    /// Matches one rule and assigns its groups.
    fn rule(&mut self, rule: &Rule, line: Line<'_>) -> Result<bool, ParseError> {
        let fail = |reason| self.no_match(rule.line, line, reason);
        if rule.assigns.is_empty() {
            return rule.pattern.is_match(line.text).map_err(fail);
        }
        let groups = rule.assigns.iter().map(|(group, _)| *group);
        let Some(texts) = rule.pattern.captures(line.text, groups).map_err(fail)? else {
            return Ok(false);
        };
        for ((_, value), text) in rule.assigns.iter().zip(texts) {
            self.assign(*value, text, line)?;
        }
        Ok(true)
    }

    fn assign(
        &mut self,
        at: usize,
        text: Option<String>,
        line: Line<'_>,
    ) -> Result<(), ParseError> {
        let template = self.template;
        let Some(definition) = template.values.get(at) else { return Ok(()) };
        let mut item = match (definition.has(ValueOption::List), text.as_deref()) {
            (false, _) => None,
            (true, Some(text)) => Some(self.item(definition, text, line)?),
            (true, None) => Some(Item::Text(ABSENT_ITEM.to_owned())),
        };
        let Some(cell) = self.cells.get_mut(at) else { return Ok(()) };
        cell.current = text.map(Value::Text);
        for option in &definition.options {
            match option {
                ValueOption::Filldown => cell.carried.clone_from(&cell.current),
                ValueOption::Fillup => {
                    let Some(value) = cell.current.as_ref().filter(|v| !v.is_empty()) else {
                        continue;
                    };
                    let above = self.records.iter_mut().rev().filter_map(|r| r.get_mut(at));
                    for empty in above.take_while(|above| above.is_empty()) {
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
        let numbers = nested.names().iter().map(|(_, number)| *number);
        let found = nested
            .captures(text, numbers)
            .map_err(|reason| self.no_match(definition.line, line, reason))?;
        let Some(found) = found else { return Ok(Item::Text(text.to_owned())) };
        let names = nested.names().iter().map(|(name, _)| name.clone());
        Ok(Item::Groups(names.zip(found).collect()))
    }

    /// Completes the record that is being built.
    fn record(&mut self) -> Result<(), ParseError> {
        if self.cells.is_empty() {
            return Ok(());
        }
        // Lists are copied only when the record is sure to stay: with `Filldown` they may be long.
        let definitions = &self.template.values;
        if self.cells.iter().zip(definitions).any(|(cell, definition)| cell.lacks(definition)) {
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
            return Ok(());
        }
        let unset = || Value::Text(String::new());
        let record: Vec<Value> =
            self.cells.iter().map(|cell| cell.current.clone().unwrap_or_else(unset)).collect();
        self.stored += record.iter().map(size).sum::<usize>();
        self.records.push(record);
        if self.records.len() > limits::RECORDS {
            return Err(self.too_large("records", limits::RECORDS));
        }
        if self.stored > limits::VALUES {
            return Err(self.too_large("values", limits::VALUES));
        }
        self.clear();
        Ok(())
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
    match value {
        Value::Text(_) => 1,
        Value::List(items) => 1 + items.len(),
    }
}
