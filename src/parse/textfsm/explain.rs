//! Owns [`Explained`]: what a template did with each line of an output, for whoever writes templates.
//!
//! **Invariant:** the records and the error are those of [`Template::run`]; being watched changes
//! nothing. What is told borrows from the template and the output, so little is copied.

use super::limits::Budget;
use super::machine::{self, Line, Observer};
use super::{LineAction, RecordAction, Rule, State, Target, Template, ValueDefinition};
use crate::parse::ParseError;
use crate::parse::record::Value;

/// What a template did with an output.
#[derive(Debug)]
pub struct Explained<'a> {
    /// The lines that were looked at, in order. They end early if a rule says so or fails.
    pub lines: Vec<ExplainedLine<'a>>,
    /// What became of the record that was open when the output ended; None if the template keeps
    /// nothing then, or the run did not get there.
    pub at_end: Option<Outcome<'a>>,
    /// What [`Template::run`] gives.
    pub result: Result<Vec<Vec<Value>>, ParseError>,
}

/// A line of output.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct ExplainedLine<'a> {
    /// The line, from 1.
    pub number: usize,
    /// The line without its end.
    pub text: &'a str,
    /// The state whose rules were tried.
    pub state: &'a str,
    /// The rules that matched, in order: none, one, or several where all but the last continue.
    pub matches: Vec<Match<'a>>,
}

/// A rule that matched a line.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Match<'a> {
    /// The line of the rule in the template, from 1.
    pub line: usize,
    /// The rule as it stands in the template, without the blanks around it.
    pub rule: &'a str,
    /// The Values that were set, in the order of the pattern. None unsets one: its group took no
    /// part in the match.
    pub assigned: Vec<(&'a str, Option<&'a str>)>,
    /// `Next`, `Continue` or `Error`.
    pub line_action: &'static str,
    /// `NoRecord`, `Record`, `Clear` or `Clearall`.
    pub record_action: &'static str,
    /// The state that the rule leads to, if it names one.
    pub state: Option<&'a str>,
    /// What became of the record, if the rule completes one.
    pub outcome: Option<Outcome<'a>>,
}

/// What became of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome<'a> {
    /// It is kept.
    Completed {
        /// Its number among the records, from 1.
        record: usize,
    },
    /// It is dropped, since a Value with the option `Required` has nothing.
    Lacks {
        /// The name of that Value.
        value: &'a str,
    },
    /// There was nothing in it.
    Empty,
}

struct Watch<'a> {
    template: &'a Template,
    lines: Vec<ExplainedLine<'a>>,
    at_end: Option<Outcome<'a>>,
    has_ended: bool,
}

impl<'a> Watch<'a> {
    /// The rule that matched last.
    fn last(&mut self) -> Option<&mut Match<'a>> {
        self.lines.last_mut()?.matches.last_mut()
    }
}

impl<'a> Observer<'a> for Watch<'a> {
    fn line(&mut self, state: &'a State, line: Line<'a>) {
        let Line { number, text } = line;
        self.lines.push(ExplainedLine { number, text, state: &state.name, matches: Vec::new() });
    }

    fn matched(&mut self, rule: &'a Rule) {
        let template = self.template;
        let Some(line) = self.lines.last_mut() else { return };
        line.matches.push(Match {
            line: rule.line,
            rule: &rule.text,
            assigned: Vec::new(),
            line_action: match rule.line_action {
                LineAction::Next(_) => "Next",
                LineAction::Continue => "Continue",
                LineAction::Error(_) => "Error",
            },
            record_action: match rule.record_action {
                RecordAction::NoRecord => "NoRecord",
                RecordAction::Record => "Record",
                RecordAction::Clear => "Clear",
                RecordAction::ClearAll => "Clearall",
            },
            state: match rule.line_action {
                LineAction::Next(Some(Target::State(state))) => {
                    template.states.get(state).map(|state| state.name.as_str())
                }
                LineAction::Next(Some(Target::End)) => Some("End"),
                LineAction::Next(Some(Target::Eof)) => Some("EOF"),
                _ => None,
            },
            outcome: None,
        });
    }

    fn assigned(&mut self, value: &'a ValueDefinition, text: Option<&'a str>) {
        if let Some(last) = self.last() {
            last.assigned.push((&value.name, text));
        }
    }

    fn recorded(&mut self, outcome: Outcome<'a>) {
        if self.has_ended {
            self.at_end = Some(outcome);
        } else if let Some(last) = self.last() {
            last.outcome = Some(outcome);
        }
    }

    fn ended(&mut self) {
        self.has_ended = true;
    }
}

pub(super) fn explain<'a>(template: &'a Template, output: &'a str) -> Explained<'a> {
    let mut watch = Watch { template, lines: Vec::new(), at_end: None, has_ended: false };
    let result = machine::run(template, output, &Budget::default(), &mut watch);
    Explained { lines: watch.lines, at_end: watch.at_end, result }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEMPLATE: &str = "Value Required A (a\\d)\nValue B (b\\d)\n\nStart\n  ^${A} -> Continue\n  \
                            ^.. ${B} -> Record Two\n  ^end -> EOF\n\nTwo\n  ^(?:${B})?x -> Record Start\n  \
                            ^! -> Error \"no\"\n";

    fn check(output: &str, lines: &[&str], at_end: Option<Outcome<'_>>) {
        let template = Template::read("t", TEMPLATE).unwrap();
        let explained = template.explain(output);
        let told: Vec<String> = explained.lines.iter().map(tell).collect();
        assert_eq!(told, lines, "{output:?}");
        assert_eq!(explained.at_end, at_end, "{output:?}");
        assert_eq!(explained.result, template.run(output), "{output:?}");
    }

    fn tell(line: &ExplainedLine<'_>) -> String {
        let tell = |m: &Match<'_>| {
            let Match { line, assigned, line_action, record_action, state, outcome, .. } = m;
            let state = state.map(|state| format!(" {state}")).unwrap_or_default();
            let outcome = outcome.map(|outcome| format!(" {outcome:?}")).unwrap_or_default();
            format!(" | {line} {assigned:?} {line_action}.{record_action}{state}{outcome}")
        };
        let matches: String = line.matches.iter().map(tell).collect();
        format!("{} {} {}{matches}", line.number, line.state, line.text)
    }

    #[test]
    fn each_line_names_the_rules_that_matched_and_what_they_did() {
        check(
            "a1 b1\nno rule\nx\nend\nunseen",
            &[
                "1 Start a1 b1 | 5 [(\"A\", Some(\"a1\"))] Continue.NoRecord | 6 [(\"B\", \
                 Some(\"b1\"))] Next.Record Two Completed { record: 1 }",
                "2 Two no rule",
                "3 Two x | 10 [(\"B\", None)] Next.Record Start Lacks { value: \"A\" }",
                "4 Start end | 7 [] Next.NoRecord EOF",
            ],
            Some(Outcome::Lacks { value: "A" }),
        );
        check(
            "a1",
            &["1 Start a1 | 5 [(\"A\", Some(\"a1\"))] Continue.NoRecord"],
            Some(Outcome::Completed { record: 1 }),
        );
        check("", &[], Some(Outcome::Lacks { value: "A" }));
    }

    #[test]
    fn an_error_comes_with_what_was_seen_before() {
        check(
            "a1 b1\n! \u{7}\nunseen",
            &[
                "1 Start a1 b1 | 5 [(\"A\", Some(\"a1\"))] Continue.NoRecord | 6 [(\"B\", \
                 Some(\"b1\"))] Next.Record Two Completed { record: 1 }",
                "2 Two ! \u{7} | 11 [] Error.NoRecord",
            ],
            None,
        );
        let template = Template::read("t", TEMPLATE).unwrap();
        assert!(matches!(
            template.explain("a1 b1\n!").result,
            Err(ParseError::Refused { input_line: 2, .. })
        ));
    }
}
