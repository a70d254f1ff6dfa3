//! Owns the table that one or several templates fill together. A later template adds its new columns
//! to the rows of the first: those with the same values in the columns marked `Key`, or with the same
//! position if there is no key. It never adds rows. This is what Python's `CliTable` does.

use std::collections::{HashMap, HashSet};

use crate::parse::textfsm::Template;
use crate::parse::{ParseError, Parsed, Value};

pub(super) struct Table {
    templates: String,
    columns: Vec<String>,
    keys: Vec<String>,
    records: Vec<Vec<Value>>,
    is_first: bool,
}

impl Table {
    pub(super) fn new(templates: &str) -> Self {
        Self {
            templates: templates.to_owned(),
            columns: Vec::new(),
            keys: Vec::new(),
            records: Vec::new(),
            is_first: true,
        }
    }

    /// Adds what one template found.
    pub(super) fn add(
        &mut self,
        template: &Template,
        records: Vec<Vec<Value>>,
    ) -> Result<(), ParseError> {
        if self.keys.is_empty() {
            self.keys = template.keys().map(str::to_owned).collect();
        }
        let columns: Vec<String> = template.columns().map(str::to_owned).collect();
        if std::mem::take(&mut self.is_first) {
            self.columns = columns;
            self.records = records;
            return Ok(());
        }
        let own_keys = self.positions(template, &self.columns)?;
        let other_keys = self.positions(template, &columns)?;
        let (new, added): (Vec<usize>, Vec<String>) = columns
            .into_iter()
            .enumerate()
            .filter(|(_, column)| !self.columns.contains(column))
            .unzip();
        self.columns.extend(added);

        let mut by_key: HashMap<Vec<Option<&Value>>, &Vec<Value>> = HashMap::new();
        for record in &records {
            by_key.entry(pick(record, &other_keys)).or_insert(record);
        }
        for (position, record) in self.records.iter_mut().enumerate() {
            let other = if own_keys.is_empty() {
                records.get(position)
            } else {
                by_key.get(&pick(record, &own_keys)).copied()
            };
            let values = new.iter().map(|at| other.and_then(|other| other.get(*at)).cloned());
            let values: Vec<Value> =
                values.map(|value| value.unwrap_or_else(|| Value::Text(String::new()))).collect();
            record.extend(values);
        }
        Ok(())
    }

    /// Where the key columns stand.
    fn positions(&self, template: &Template, columns: &[String]) -> Result<Vec<usize>, ParseError> {
        let find = |key: &String| {
            columns.iter().position(|column| column == key).ok_or_else(|| {
                ParseError::TemplateInvalid {
                    template: template.name().to_owned(),
                    line: 0,
                    message: format!("the key `{key}` is not a Value of all merged templates"),
                }
            })
        };
        self.keys.iter().map(find).collect()
    }

    pub(super) fn finish(self) -> Parsed {
        Parsed {
            template: self.templates,
            source: String::new(),
            columns: lower_cased(self.columns.iter().map(String::as_str)),
            records: self.records,
        }
    }
}

/// The names of columns in small letters, each once: of those that differed in case only, the later ones
/// get a number, as `x` and `x_2`.
pub fn lower_cased<'c>(columns: impl Iterator<Item = &'c str>) -> Vec<String> {
    let mut names: Vec<String> = columns.map(str::to_lowercase).collect();
    let mut taken: HashSet<String> = HashSet::new();
    let given: HashSet<String> = names.iter().cloned().collect();
    for name in &mut names {
        if taken.contains(name) {
            let numbered = (2_usize..).map(|number| format!("{name}_{number}"));
            let mut free = numbered.filter(|name| !taken.contains(name) && !given.contains(name));
            *name = free.next().unwrap_or_default();
        }
        taken.insert(name.clone());
    }
    names
}

/// The columns that differ from one before them in case only.
pub fn alike<'c>(columns: impl Iterator<Item = &'c str>) -> Vec<String> {
    let mut seen = HashSet::new();
    columns.filter(|column| !seen.insert(column.to_lowercase())).map(str::to_owned).collect()
}

fn pick<'r>(record: &'r [Value], columns: &[usize]) -> Vec<Option<&'r Value>> {
    columns.iter().map(|at| record.get(*at)).collect()
}
