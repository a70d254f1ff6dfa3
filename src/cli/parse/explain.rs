//! `vty-mcp parse --explain`: what each rule did with each line, for people who write templates.

use std::fmt::Write as _;

use super::{Chosen, Input, Way, as_text, counted, hints, place_of};
use crate::cli::rows::on_one_line;
use crate::cli::{CliError, Exit, output};
use crate::error::chain;
use crate::parse::shape::Table;
use crate::parse::textfsm::{Explained, ExplainedLine, Match, Outcome, Template};
use crate::parse::{Parsed, Value};

/// Explains how an output is parsed, and by each template where several answer together.
pub(super) fn explain(
    chosen: &Chosen,
    input: &Input,
    command: Option<&str>,
) -> Result<Exit, CliError> {
    let several;
    let templates: Vec<&Template> = match &chosen.way {
        Way::Given(template) => vec![template],
        Way::Found(lookup, found) => {
            several = lookup.catalogue.templates_of(found);
            let templates =
                several.as_ref().map_err(|error| chosen.failed(error, input, command))?;
            templates.iter().map(AsRef::as_ref).collect()
        }
    };
    output::complain(&chosen.label());
    let is_one = templates.len() == 1;
    let mut failed = None;
    for template in templates {
        if !is_one {
            output::answer(&format!("template {}\n\n", template.name()))?;
        }
        let explained = template.explain(&input.text);
        output::answer(&tell(template, &explained))?;
        failed = failed.or_else(|| explained.result.err());
    }
    match failed {
        Some(error) => {
            let mut lines = vec![format!("{}: {}", place_of(&error, input), chain(&error))];
            lines.extend(hints::hints(&input.text, command));
            output::complain(&lines.join("\n"));
            Ok(Exit::Failed)
        }
        None if is_one => Ok(Exit::Ok),
        None => {
            let parsed = chosen.parse(&input.text);
            let parsed = parsed.map_err(|error| chosen.failed(&error, input, command))?;
            let table = Table::from(&parsed);
            let count = counted(table.rows.len(), "record");
            output::answer(&format!("{count} together\n\n{}", as_text(&table)))?;
            Ok(Exit::Ok)
        }
    }
}

/// The account of one template.
fn tell(template: &Template, explained: &Explained<'_>) -> String {
    let last = explained.lines.last().map_or(0, |line| line.number);
    let width = last.to_string().len();
    let mut out = String::new();
    for line in &explained.lines {
        let failed = explained.result.is_err() && line.number == last;
        tell_line(&mut out, line, width, failed);
    }
    let end = match explained.at_end {
        Some(outcome) => Some(format!("at the end of the output {}", result(outcome))),
        None if explained.result.is_ok() => Some(
            "at the end of the output nothing is recorded: a rule led to End, or the template has \
             an empty state EOF"
                .to_owned(),
        ),
        None => None,
    };
    let unmatched = explained.lines.iter().filter(|line| line.matches.is_empty()).count();
    let lines = counted(explained.lines.len(), "line");
    let sum = match unmatched {
        _ if explained.lines.is_empty() => "there is no line in it".to_owned(),
        0 => format!("{lines}, each matched by a rule"),
        1 => format!("{lines}, 1 matched by no rule (!)"),
        more => format!("{lines}, {more} matched by no rule (!)"),
    };
    let (heading, records) = match &explained.result {
        Ok(records) => (counted(records.len(), "record"), records.clone()),
        Err(_) => records_so_far(template, explained),
    };
    let parsed = Parsed {
        template: template.name().to_owned(),
        source: String::new(),
        columns: template.columns().map(str::to_lowercase).collect(),
        records,
    };
    let end = end.map(|end| format!("{end}\n")).unwrap_or_default();
    let table = if parsed.is_empty() { String::new() } else { as_text(&Table::from(&parsed)) };
    // Writing to a string cannot fail.
    write!(out, "\n{end}{sum}\n{heading}\n\n{table}").ok();
    out.truncate(out.trim_end().len());
    out.push('\n');
    out
}

fn tell_line(out: &mut String, line: &ExplainedLine<'_>, width: usize, failed: bool) {
    let mut put = |text: String| {
        out.push_str(text.trim_end());
        out.push('\n');
    };
    let mark = if line.matches.is_empty() { '!' } else { ' ' };
    put(format!("{:>width$} {mark} {}", line.number, on_one_line(line.text)));
    let margin = " ".repeat(width.saturating_add(3));
    if line.matches.is_empty() {
        let told =
            if failed { "the run ends here" } else { "no rule matches, the line is passed over" };
        put(format!("{margin}state {}: {told}", line.state));
    }
    for one in &line.matches {
        put(format!("{margin}state {}, template line {}: {}", line.state, one.line, one.rule));
        for (value, text) in &one.assigned {
            put(match text {
                Some(text) => format!("{margin}  {value} = \"{}\"", on_one_line(text)),
                None => format!("{margin}  {value} = nothing, its group took no part"),
            });
        }
        for consequence in consequences(one) {
            put(format!("{margin}  {consequence}"));
        }
    }
}

/// What follows from a match, beside going on to the next line.
fn consequences(one: &Match<'_>) -> Vec<String> {
    let record = match (one.record_action, one.outcome) {
        ("NoRecord", _) => None,
        ("Record", None) => Some("Record".to_owned()),
        ("Record", Some(outcome)) => Some(format!("Record: {}", result(outcome))),
        ("Clear", _) => Some("Clear: every Value is emptied that is not Filldown".to_owned()),
        _ => Some("Clearall: every Value is emptied".to_owned()),
    };
    let line = match one.line_action {
        "Continue" => Some("Continue: the following rules get this line too".to_owned()),
        "Error" => Some("Error: the template refuses this line".to_owned()),
        _ => one.state.map(|state| format!("from here in state {state}")),
    };
    record.into_iter().chain(line).collect()
}

fn result(outcome: Outcome<'_>) -> String {
    match outcome {
        Outcome::Completed { record } => format!("record {record} is complete"),
        Outcome::Lacks { value } => {
            format!("the record is dropped: {value} is Required and has nothing")
        }
        Outcome::Empty => "there is nothing to record: every Value is empty".to_owned(),
    }
}

/// The records that were complete when a run failed, with what to say of them. The engine keeps none
/// then, so the lines before that line are parsed once more.
fn records_so_far(template: &Template, explained: &Explained<'_>) -> (String, Vec<Vec<Value>>) {
    let Some((failed, before)) = explained.lines.split_last() else {
        return (counted(0, "record"), Vec::new());
    };
    let is_complete = |one: &&Match<'_>| matches!(one.outcome, Some(Outcome::Completed { .. }));
    let matches = explained.lines.iter().flat_map(|line| &line.matches);
    let complete = matches.filter(is_complete).count();
    // Each line with an end, or an empty last line would be lost.
    let text: String = before.iter().flat_map(|line| [line.text, "\n"]).collect();
    let again = template.explain(&text);
    let mut records = again.result.unwrap_or_default();
    if let Some(Outcome::Completed { .. }) = again.at_end {
        // The end that these lines have on their own is none of the output, unless the line that
        // failed completed that very record.
        let first = failed.matches.iter().find(is_complete);
        let untouched = failed.matches.iter().take_while(|one| !is_complete(one));
        let is_same = first.is_some_and(|one| one.assigned.is_empty())
            && untouched.into_iter().all(|one| one.assigned.is_empty());
        if !is_same {
            drop(records.pop());
        }
    }
    let which = if records.len() == complete { "" } else { "; those before that line:" };
    (format!("{} so far{which}", counted(complete, "record")), records)
}
