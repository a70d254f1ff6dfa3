//! A configuration in statements, as a candidate holds it: shown in curly form or as `set` lines.

use super::schema::{Refused, Rule, Step, Value, words};

/// A statement and those in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Statement {
    /// The name and, for a leaf, its value.
    pub(super) words: Vec<String>,
    pub(super) children: Vec<Self>,
    /// Where it stands among its siblings; those of equal order keep theirs.
    order: usize,
    secret: bool,
    oneliner: bool,
}

/// A whole configuration, or the inside of a statement.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::lab) struct Statements(pub(super) Vec<Statement>);

impl Statements {
    /// Reads the curly form. Fails on a statement the schema does not know.
    pub(in crate::lab) fn parse(text: &str, schema: &Rule) -> Result<Self, Refused> {
        let mut parsed = Self::default();
        parsed.merge(text, schema)?;
        Ok(parsed)
    }

    /// Adds what a text in curly form says.
    pub(in crate::lab) fn merge(&mut self, text: &str, schema: &Rule) -> Result<(), Refused> {
        let mut path: Vec<usize> = Vec::new();
        let mut line: Vec<String> = Vec::new();
        for word in words(text) {
            match word.as_str() {
                "{" => {
                    path.push(line.len());
                    continue;
                }
                ";" => self.set(&line, schema)?,
                "}" => {
                    path.pop();
                }
                _ => {
                    line.push(word);
                    continue;
                }
            }
            // Both ends lead back to the words of the statement around.
            line.truncate(path.last().copied().unwrap_or(0));
        }
        Ok(())
    }

    /// Takes `set words`.
    pub(in crate::lab) fn set(&mut self, line: &[String], schema: &Rule) -> Result<(), Refused> {
        let (head, list) = match line.iter().position(|word| word == "[") {
            Some(at) => line.split_at(at),
            None => (line, &[][..]),
        };
        let values: Vec<&String> = list.iter().filter(|word| !"[]".contains(&***word)).collect();
        if values.is_empty() {
            let steps = schema.steps(head, false)?;
            self.insert(&steps);
            return Ok(());
        }
        for value in values {
            let line: Vec<String> = head.iter().chain([value]).cloned().collect();
            let steps = schema.steps(&line, false)?;
            self.insert(&steps);
        }
        Ok(())
    }

    fn insert(&mut self, steps: &[Step<'_>]) {
        let Some((step, rest)) = steps.split_first() else { return };
        let same = |known: &Statement| match step.rule.value {
            Value::Single => {
                known.order == step.order
                    && known.words.get(..step.named) == step.words.get(..step.named)
            }
            Value::None | Value::Each => known.words == step.words,
        };
        if !self.0.iter().any(same) {
            let at = self.0.iter().position(|known| known.order > step.order);
            let statement = Statement {
                words: step.words.clone(),
                children: Vec::new(),
                order: step.order,
                secret: step.rule.secret,
                oneliner: step.rule.oneliner,
            };
            self.0.insert(at.unwrap_or(self.0.len()), statement);
        }
        if let Some(known) = self.0.iter_mut().find(|known| same(known)) {
            known.words.clone_from(&step.words);
            let mut inside = Self(std::mem::take(&mut known.children));
            inside.insert(rest);
            known.children = inside.0;
        }
    }

    /// Takes `delete words`; whether there was such a statement.
    pub(in crate::lab) fn delete(
        &mut self,
        line: &[String],
        schema: &Rule,
    ) -> Result<bool, Refused> {
        let steps = schema.steps(line, true)?;
        Ok(self.remove(&steps))
    }

    fn remove(&mut self, steps: &[Step<'_>]) -> bool {
        let Some((step, rest)) = steps.split_first() else { return false };
        let same = |known: &Statement| {
            known.order == step.order
                && known.words.get(..step.words.len()) == Some(step.words.as_slice())
        };
        if rest.is_empty() {
            let before = self.0.len();
            self.0.retain(|known| !same(known));
            return self.0.len() < before;
        }
        let Some(at) = self.0.iter().position(same) else { return false };
        let Some(known) = self.0.get_mut(at) else { return false };
        let mut inside = Self(std::mem::take(&mut known.children));
        let removed = inside.remove(rest);
        known.children = inside.0;
        if removed && known.children.is_empty() && step.rule.is_bare() {
            self.0.remove(at);
        }
        removed
    }

    /// The statements that a path of words leads to or into, for `show configuration path`.
    pub(super) fn under(&self, line: &[String], schema: &Rule) -> Result<Self, Refused> {
        let steps = schema.steps(line, true)?;
        let mut level = self.clone();
        for step in steps {
            let found = level.0.iter().find(|statement| {
                statement.words.get(..step.words.len()) == Some(step.words.as_slice())
            });
            let Some(found) = found else { return Ok(Self::default()) };
            if step.rule.value != Value::None || found.children.is_empty() {
                return Ok(Self(vec![found.clone()]));
            }
            level = Self(found.children.clone());
        }
        Ok(level)
    }

    /// The curly form.
    pub(in crate::lab) fn render(&self) -> String {
        let mut text = String::new();
        for statement in &self.0 {
            for (depth, line) in statement.lines() {
                text.push_str(&" ".repeat(depth * 4));
                text.push_str(&line);
                text.push('\n');
            }
        }
        text
    }

    /// The words of every leaf, with the names of the statements around it before.
    pub(in crate::lab) fn leaves(&self) -> Vec<String> {
        let mut found = Vec::new();
        for statement in &self.0 {
            let name = statement.words.join(" ");
            if statement.children.is_empty() {
                found.push(name);
                continue;
            }
            let inside = Self(statement.children.clone()).leaves();
            found.extend(inside.iter().map(|leaf| format!("{name} {leaf}")));
        }
        found
    }
}

impl Statement {
    /// The lines of the curly form with their depths.
    pub(super) fn lines(&self) -> Vec<(usize, String)> {
        let name = self.words.join(" ");
        let annotated = |line: String, secret: bool| {
            if secret { format!("{line} ## SECRET-DATA") } else { line }
        };
        match self.children.as_slice() {
            [] => vec![(0, annotated(format!("{name};"), self.secret))],
            [only] if self.oneliner && only.children.is_empty() => {
                let line = format!("{name} {};", only.words.join(" "));
                vec![(0, annotated(line, only.secret))]
            }
            children => {
                let mut lines = vec![(0, format!("{name} {{"))];
                for child in children {
                    lines.extend(child.lines().into_iter().map(|(depth, line)| (depth + 1, line)));
                }
                lines.push((0, "}".to_owned()));
                lines
            }
        }
    }
}

/// What distinguishes two configurations, in `[edit …]` blocks; empty for equal ones.
pub(super) fn compare(old: &Statements, new: &Statements) -> String {
    let mut text = String::new();
    compare_level(&old.0, &new.0, &mut Vec::new(), &mut text);
    text
}

fn compare_level(old: &[Statement], new: &[Statement], path: &mut Vec<String>, text: &mut String) {
    let same_name = |statement: &Statement, others: &[Statement]| {
        others.iter().any(|other| other.words == statement.words)
    };
    let mut block = String::new();
    let mut push = |sign: char, statement: &Statement| {
        for (depth, line) in statement.lines() {
            block.push(sign);
            block.push_str(&" ".repeat(3 + depth * 4));
            block.push_str(&line);
            block.push('\n');
        }
    };
    old.iter().filter(|known| !same_name(known, new)).for_each(|known| push('-', known));
    new.iter().filter(|added| !same_name(added, old)).for_each(|added| push('+', added));
    if !block.is_empty() {
        let place: String = path.iter().flat_map(|words| [" ", words.as_str()]).collect();
        text.push_str("[edit");
        text.push_str(&place);
        text.push_str("]\n");
        text.push_str(&block);
    }
    for known in old {
        let Some(other) = new.iter().find(|other| other.words == known.words) else { continue };
        path.push(known.words.join(" "));
        compare_level(&known.children, &other.children, path, text);
        path.pop();
    }
}
