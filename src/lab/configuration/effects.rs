//! What other commands show of the configuration: rows that go, rows that change their state.
//!
//! Outputs are fixed texts that fit the configuration a device starts with. **Invariant:** while
//! nothing changed that an effect speaks of, an output is as its personality has it.

use std::collections::BTreeSet;

use super::spec::{ConfigurationSpec, Effect, Expression};

/// The output of a command, given the statements at the start and now.
pub(super) fn apply(
    spec: &ConfigurationSpec,
    command: &str,
    (first, current): (&[String], &[String]),
    text: String,
) -> String {
    let effects = spec.effects.iter();
    effects
        .filter(|effect| effect.outputs.iter().any(|output| output == command))
        .fold(text, |text, effect| apply_one(effect, (first, current), &text))
}

fn apply_one(effect: &Effect, (first, current): (&[String], &[String]), text: &str) -> String {
    let down =
        |statements| effect.down.as_ref().map_or_else(BTreeSet::new, |down| keys(down, statements));
    let (items_first, items) = (keys(&effect.items, first), keys(&effect.items, current));
    let (down_first, down_now) = (down(first), down(current));
    let mut output = String::new();
    let mut dropping = false;
    for line in text.lines() {
        let row = effect.row.0.captures(line).and_then(|found| found.name("key"));
        let Some(key) = row.map(|key| key.as_str()) else {
            dropping &= effect.with_below && line.starts_with(' ');
            if !dropping {
                output.push_str(line);
                output.push('\n');
            }
            continue;
        };
        dropping = items_first.contains(key) && !items.contains(key);
        if dropping {
            continue;
        }
        let rewrite = match (down_first.contains(key), down_now.contains(key)) {
            (false, true) => effect.when_down.as_ref(),
            (true, false) => effect.when_up.as_ref(),
            _ => None,
        };
        match rewrite {
            Some(rewrite) => output.push_str(&rewrite.from.0.replace(line, rewrite.to.as_str())),
            None => output.push_str(line),
        }
        output.push('\n');
    }
    if items.len() != items_first.len() {
        for total in &effect.totals {
            output = recount(total, items.len(), &output);
        }
    }
    output
}

fn keys<'s>(expression: &Expression, statements: &'s [String]) -> BTreeSet<&'s str> {
    let key = |statement: &'s String| {
        expression.0.captures(statement)?.name("key").map(|found| found.as_str())
    };
    statements.iter().filter_map(key).collect()
}

fn recount(total: &Expression, count: usize, text: &str) -> String {
    let Some(number) = total.0.captures(text).and_then(|found| found.name("n")) else {
        return text.to_owned();
    };
    let mut text = text.to_owned();
    text.replace_range(number.range(), &count.to_string());
    text
}

/// Whether the device refuses new connections for what its configuration says.
pub(super) fn locks_out(spec: &ConfigurationSpec, first: &[String], current: &[String]) -> bool {
    let says = |expression: &Expression, statements: &[String]| {
        statements.iter().any(|statement| expression.0.is_match(statement))
    };
    spec.locked_out_by.iter().any(|expression| says(expression, current))
        || spec
            .reachable_by
            .iter()
            .any(|expression| says(expression, first) && !says(expression, current))
}
