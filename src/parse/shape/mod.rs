//! Owns what becomes of records before anybody reads them: rows that fit conditions, columns that were
//! asked for, and values with types instead of texts.
//!
//! **Invariants:** pure functions over [`Table`]s; every row keeps one value per column; a value that
//! cannot be told is left as the device wrote it.

mod condition;
mod names;
mod types;

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::Parsed;
pub use condition::Condition;
pub use names::InterfaceNames;
pub use types::{normalise, numbers};

/// One cell in this many must have a value, or objects are no table.
const SPARSEST: usize = 8;

/// Rows of equal columns, on the way to a caller.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Table {
    /// The names of the columns.
    pub columns: Vec<String>,
    /// The rows, each with one value per column.
    pub rows: Vec<Vec<Value>>,
}

impl Table {
    /// Where a column stands.
    pub fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column == name)
    }

    /// Keeps the rows that fit every condition. A condition on a column that is missing here fits none.
    pub fn retain(&mut self, conditions: &[&Condition], names: &InterfaceNames) {
        let placed: Vec<(Option<usize>, &Condition)> =
            conditions.iter().map(|one| (self.column(one.column()), *one)).collect();
        self.rows.retain(|row| {
            placed.iter().all(|(at, condition)| {
                at.and_then(|at| row.get(at)).is_some_and(|value| condition.holds(value, names))
            })
        });
    }

    /// Keeps these columns, in the order given; those that are missing here are left out.
    pub fn keep_columns(&mut self, wanted: &[String]) {
        let (columns, places): (Vec<String>, Vec<usize>) =
            wanted.iter().filter_map(|name| Some((name.clone(), self.column(name)?))).unzip();
        for row in &mut self.rows {
            *row = places.iter().map(|at| row.get(*at).cloned().unwrap_or_default()).collect();
        }
        self.columns = columns;
    }

    /// The rows as objects, in column order.
    pub fn objects(&self) -> impl Iterator<Item = Map<String, Value>> {
        self.rows.iter().map(|row| self.columns.iter().cloned().zip(row.iter().cloned()).collect())
    }

    /// The rows as objects, in column order.
    pub fn into_objects(self) -> impl Iterator<Item = Map<String, Value>> {
        let columns = self.columns;
        self.rows.into_iter().map(move |row| columns.iter().cloned().zip(row).collect())
    }

    /// Makes one table of several, with all their columns in the order in which they appear; what a
    /// table does not have is null.
    pub fn join(tables: impl IntoIterator<Item = Self>) -> Self {
        let mut joined = Self::default();
        let mut known: HashMap<String, usize> = HashMap::new();
        for table in tables {
            let mut places = Vec::with_capacity(table.columns.len());
            for name in table.columns {
                let next = known.len();
                let at = *known.entry(name.clone()).or_insert(next);
                if at == next {
                    joined.columns.push(name);
                }
                places.push(at);
            }
            let width = joined.columns.len();
            let is_same = places.iter().copied().eq(0..width);
            for row in table.rows {
                joined.rows.push(if is_same { row } else { spread(row, &places, width) });
            }
        }
        let width = joined.columns.len();
        for row in &mut joined.rows {
            row.resize(width, Value::Null);
        }
        joined
    }

    /// Makes a table of objects. None if anything else is among the values, if they have more than
    /// `most` columns, or if most of the table would be empty: such values are no rows of one kind.
    pub fn of_objects(values: &[Value], most: usize) -> Option<Self> {
        let objects: Option<Vec<&Map<String, Value>>> =
            values.iter().map(Value::as_object).collect();
        let objects = objects?;
        let mut columns: Vec<String> = Vec::new();
        let mut places: HashMap<&str, usize> = HashMap::new();
        let mut filled: usize = 0;
        for object in &objects {
            filled = filled.saturating_add(object.len());
            for name in object.keys() {
                if places.contains_key(name.as_str()) {
                    continue;
                }
                if columns.len() == most {
                    return None;
                }
                places.insert(name, columns.len());
                columns.push(name.clone());
            }
        }
        let cells = objects.len().saturating_mul(columns.len());
        if filled.saturating_mul(SPARSEST) < cells {
            return None;
        }
        let row = |object: &&Map<String, Value>| {
            columns.iter().map(|name| object.get(name).cloned().unwrap_or_default()).collect()
        };
        let rows = objects.iter().map(row).collect();
        Some(Self { columns, rows })
    }
}

/// A row with its values at other places.
fn spread(row: Vec<Value>, places: &[usize], width: usize) -> Vec<Value> {
    let mut wide = vec![Value::Null; width];
    for (at, value) in places.iter().zip(row) {
        if let Some(slot) = wide.get_mut(*at) {
            *slot = value;
        }
    }
    wide
}

impl From<&Parsed> for Table {
    fn from(parsed: &Parsed) -> Self {
        let rows = parsed.records.iter().map(|record| record.iter().map(Value::from).collect());
        Self { columns: parsed.columns.clone(), rows: rows.collect() }
    }
}

#[cfg(test)]
mod tests;
