//! Holds the engine against Python's `textfsm`, on templates and outputs that are sound, spoiled and
//! made up. `tests/clients/textfsm_cases.py` asks Python and writes the cases to a file; this test
//! reads the one that `TEXTFSM_CASES` names.
//!
//! Where both accept, the rows are equal, without exception. Where only one accepts, the case is
//! listed, and there are few. Python may also need longer than anybody waits; there is nothing to
//! compare then but that ours ends.

use std::fmt::Write;

use serde_json::Value;
use vty_mcp::parse::ParseError;
use vty_mcp::parse::textfsm::Template;

/// The part of the cases that only one of the two may accept.
const ONE_IN: usize = 100;

#[derive(serde::Deserialize)]
struct Case {
    id: String,
    template: String,
    output: String,
    rows: Option<Value>,
    error: Option<String>,
    #[serde(default)]
    timeout: bool,
}

/// What came of a case.
#[derive(Debug, PartialEq)]
enum Verdict {
    Equal,
    RefusedByBoth,
    TimeoutInPython,
    Differ(String),
    OnlyOne(String),
}

fn run(case: &Case) -> Result<Value, ParseError> {
    let template = Template::read("case", &case.template)?;
    // Python compiles every pattern at once.
    if let Some(error) = template.check().into_iter().next() {
        return Err(error);
    }
    Ok(serde_json::to_value(template.run(&case.output)?).unwrap())
}

fn judge(case: &Case) -> Verdict {
    let ours = run(case);
    if case.timeout {
        return Verdict::TimeoutInPython;
    }
    match (ours, &case.rows, case.error.as_deref().unwrap_or_default()) {
        (Ok(ours), Some(theirs), _) if ours == *theirs => Verdict::Equal,
        (Ok(ours), Some(theirs), _) => {
            Verdict::Differ(format!("{}\n  ours   {ours}\n  theirs {theirs}", case.id))
        }
        (Err(ours), Some(_), _) => Verdict::OnlyOne(format!("{}: only Python: {ours}", case.id)),
        (Ok(_), None, theirs) => Verdict::OnlyOne(format!("{}: only ours: {theirs}", case.id)),
        (Err(ours), None, theirs) => match (refusing_rule(theirs), &ours) {
            (None, _) => Verdict::RefusedByBoth,
            (Some(rule), ParseError::Refused { line, .. }) if *line == rule => {
                Verdict::RefusedByBoth
            }
            (Some(_), ours) => {
                Verdict::Differ(format!("{}\n  ours   {ours}\n  theirs {theirs}", case.id))
            }
        },
    }
}

/// The rule with the action `Error` that Python names.
fn refusing_rule(error: &str) -> Option<usize> {
    let (_, rest) = error.split_once("Rule Line: ")?;
    rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// Judges every case, on all processors.
fn judge_all(text: &str) -> Vec<(String, Verdict)> {
    let lines: Vec<&str> = text.lines().collect();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let judge = |line: &&str| {
        let case: Case = serde_json::from_str(line).unwrap();
        let verdict = judge(&case);
        (case.id, verdict)
    };
    std::thread::scope(|scope| {
        let parts = lines.chunks(lines.len().div_ceil(threads).max(1));
        let threads: Vec<_> = parts
            .map(|part| scope.spawn(move || part.iter().map(judge).collect::<Vec<_>>()))
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    })
}

#[test]
fn the_engine_agrees_with_python_on_spoiled_templates_and_outputs() {
    let Some(path) = std::env::var_os("TEXTFSM_CASES") else {
        println!("skipped: TEXTFSM_CASES is not set");
        return;
    };
    let text = std::fs::read_to_string(&path).unwrap();
    let verdicts = judge_all(&text);
    let count = |wanted: &Verdict| verdicts.iter().filter(|(_, verdict)| verdict == wanted).count();
    let (equal, refused) = (count(&Verdict::Equal), count(&Verdict::RefusedByBoth));
    let mut differ = String::new();
    let (mut differing, mut one_sided) = (0, 0);
    for (id, verdict) in &verdicts {
        match verdict {
            Verdict::Equal | Verdict::RefusedByBoth => {}
            Verdict::TimeoutInPython => println!("no answer from Python in time: {id}"),
            Verdict::OnlyOne(text) => {
                one_sided += 1;
                println!("accepted by one: {text}");
            }
            Verdict::Differ(text) => {
                differing += 1;
                writeln!(differ, "{text}").unwrap();
            }
        }
    }
    println!(
        "{} cases: {refused} refused by both, {one_sided} accepted by one, {} without an answer from Python",
        verdicts.len(),
        count(&Verdict::TimeoutInPython),
    );
    println!("differential {equal}/{}", equal + differing);
    assert!(equal > verdicts.len() / 3, "too few cases say anything");
    assert!(differing == 0, "{differ}");
    assert!(one_sided * ONE_IN <= verdicts.len(), "{one_sided} cases are accepted by one only");
}

#[test]
fn a_difference_is_seen() {
    let case = |output: &str, rows: Option<&str>, error: Option<&str>| Case {
        id: "c".into(),
        template: "Value A (a)\n\nStart\n  ^${A}\n  ^b -> Error\n".into(),
        output: output.into(),
        rows: rows.map(|rows| serde_json::from_str(rows).unwrap()),
        error: error.map(str::to_owned),
        timeout: false,
    };
    assert_eq!(judge(&case("a", Some(r#"[["a"]]"#), None)), Verdict::Equal);
    assert!(matches!(judge(&case("a", Some("[]"), None)), Verdict::Differ(_)));
    assert!(matches!(judge(&case("a", None, Some("bad"))), Verdict::OnlyOne(_)));
    assert!(matches!(judge(&case("b", Some("[]"), None)), Verdict::OnlyOne(_)));
    assert_eq!(judge(&case("b", None, Some("bad"))), Verdict::RefusedByBoth);
    assert_eq!(judge(&case("b", None, Some("Rule Line: 5. Input"))), Verdict::RefusedByBoth);
    assert!(matches!(judge(&case("b", None, Some("Rule Line: 4."))), Verdict::Differ(_)));
}
