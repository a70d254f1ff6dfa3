//! Owns what becomes of records before anybody reads them: rows that fit conditions, columns that were
//! asked for, and values with types instead of texts.
//!
//! **Invariants:** pure functions over [`Table`]s; every row keeps one value per column; a value that
//! cannot be told is left as the device wrote it.

mod condition;
mod names;
mod types;

use serde_json::{Map, Value};

use super::Parsed;
pub use condition::Condition;
pub use names::InterfaceNames;
pub use types::{normalise, numbers};

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
    pub fn retain(&mut self, conditions: &[Condition], names: &InterfaceNames) {
        let placed: Vec<(Option<usize>, &Condition)> =
            conditions.iter().map(|one| (self.column(one.column()), one)).collect();
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

    /// Makes one table of several, with all their columns in the order in which they appear; what a
    /// table does not have is null.
    pub fn join(tables: impl IntoIterator<Item = Self>) -> Self {
        let mut joined = Self::default();
        for table in tables {
            let places: Vec<usize> = table
                .columns
                .into_iter()
                .map(|name| {
                    joined.column(&name).unwrap_or_else(|| {
                        joined.columns.push(name);
                        joined.columns.len().saturating_sub(1)
                    })
                })
                .collect();
            for row in table.rows {
                let mut wide = vec![Value::Null; joined.columns.len()];
                for (at, value) in places.iter().zip(row) {
                    if let Some(slot) = wide.get_mut(*at) {
                        *slot = value;
                    }
                }
                joined.rows.push(wide);
            }
        }
        let width = joined.columns.len();
        for row in &mut joined.rows {
            row.resize(width, Value::Null);
        }
        joined
    }

    /// Makes a table of objects; anything else among the values and there is none.
    pub fn of_objects(values: &[Value]) -> Option<Self> {
        let objects: Option<Vec<&Map<String, Value>>> =
            values.iter().map(Value::as_object).collect();
        let tables = objects?.into_iter().map(|object| Self {
            columns: object.keys().cloned().collect(),
            rows: vec![object.values().cloned().collect()],
        });
        Some(Self::join(tables))
    }
}

impl From<&Parsed> for Table {
    fn from(parsed: &Parsed) -> Self {
        let rows = parsed.records.iter().map(|record| record.iter().map(Value::from).collect());
        Self { columns: parsed.columns.clone(), rows: rows.collect() }
    }
}

#[cfg(test)]
mod tests;
