//! Owns the running of jq programs on records, by the library `jaq`.
//!
//! No jq bounds the time and memory of a program, so nothing of the server may call this in its own
//! process: it runs in a process that is thrown away, `cli/select.rs`, started by `operations/select.rs`.
//! A program sees its input and nothing else: no environment, no files, no other inputs.

use jaq_core::data::JustLut;
use jaq_core::load::{self, Arena, File, Loader};
use jaq_core::{Compiler, Ctx, Filter, Vars, compile as compiler};
use jaq_json::Val;
use serde_json::Value;

use super::ParseError;
use super::error::quote;
use super::native::is_shallow;

/// How deep a value may nest, so that every reader of the answer can read it.
const DEEPEST: usize = 100;

/// Functions that reach beyond the input.
const HIDDEN: [&str; 1] = ["env"];

/// Runs a program on a value and collects what it gives.
///
/// # Errors
///
/// The program is none, fails on this input, or gives more than `most_bytes` of JSON.
pub fn run(program: &str, input: &Value, most_bytes: usize) -> Result<Vec<Value>, ParseError> {
    let filter = compile(program)?;
    let input: Val = serde_json::from_value(input.clone())
        .map_err(|error| failed(format!("the input cannot be read: {error}")))?;
    let ctx = Ctx::<JustLut<Val>>::new(&filter.lut, Vars::new([]));
    let mut values = Vec::new();
    let mut bytes: usize = 0;
    for output in filter.id.run((ctx, input)) {
        let value = match output {
            Ok(value) => value,
            Err(exception) => match exception.get_err() {
                Ok(error) => return Err(failed(error.to_string())),
                // `halt` ends the program; what it gave before counts.
                Err(_) => break,
            },
        };
        let text = value.to_string();
        bytes = bytes.saturating_add(text.len());
        if bytes > most_bytes {
            return Err(failed(format!("it gives more than {most_bytes} bytes")));
        }
        // jq has numbers that JSON has not, such as `nan`.
        let value: Value = serde_json::from_str(&text).map_err(|error| {
            failed(if error.to_string().contains("recursion limit") {
                "it gives values that nest too deep".to_owned()
            } else {
                format!("it gives {}, which is no JSON", quote(&text))
            })
        })?;
        if !is_shallow(&value, DEEPEST) {
            return Err(failed("it gives values that nest too deep"));
        }
        values.push(value);
    }
    Ok(values)
}

/// Says what is wrong with a program, before it has an input.
///
/// # Errors
///
/// The program is none. What only an input shows is not found out here.
pub fn check(program: &str) -> Result<(), ParseError> {
    compile(program).map(drop)
}

fn failed(message: impl AsRef<str>) -> ParseError {
    ParseError::SelectFailed { message: cut(message.as_ref()) }
}

fn compile(program: &str) -> Result<Filter<JustLut<Val>>, ParseError> {
    let defs = jaq_core::defs().chain(jaq_std::defs()).chain(jaq_json::defs());
    let funs = jaq_core::funs().chain(jaq_std::funs()).chain(jaq_json::funs());
    let funs = funs.filter(|(name, ..)| !HIDDEN.contains(name));
    let arena = Arena::default();
    let modules = Loader::new(defs)
        .load(&arena, File { code: program, path: () })
        .map_err(|errors| failed(loading(&errors)))?;
    let filter = Compiler::default()
        .with_funs(funs)
        .compile(modules)
        .map_err(|errors| failed(compiling(&errors)))?;
    Ok(filter)
}

fn loading(errors: &load::Errors<&str, ()>) -> String {
    let Some((_, error)) = errors.first() else { return "it cannot be read".to_owned() };
    let near = |found: &str| {
        if found.is_empty() { "at the end".to_owned() } else { format!("at `{}`", quote(found)) }
    };
    match error {
        load::Error::Io(_) => "modules cannot be loaded".to_owned(),
        load::Error::Lex(errors) => errors.first().map_or_else(String::new, |(expected, found)| {
            format!("expected {} {}", expected.as_str(), near(found))
        }),
        load::Error::Parse(errors) => {
            errors.first().map_or_else(String::new, |(expected, found)| {
                format!("expected {} {}", expected.as_str(), near(found))
            })
        }
    }
}

fn compiling(errors: &compiler::Errors<&str, ()>) -> String {
    let first = errors.first().and_then(|(_, errors)| errors.first());
    first.map_or_else(String::new, |(name, kind)| match kind {
        compiler::Undefined::Filter(arity) => format!("there is no function `{name}/{arity}`"),
        kind => format!("there is no {} `{name}`", kind.as_str()),
    })
}

/// An error may quote the whole input.
fn cut(message: &str) -> String {
    /// Enough for a sentence and a piece of a record.
    const MOST_CHARS: usize = 400;
    let mut text: String = message.chars().take(MOST_CHARS).collect();
    if text.len() < message.len() {
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(program: &str, input: &Value, expected: &Value) {
        assert_eq!(&json!(run(program, input, 1 << 20).unwrap()), expected, "{program}");
    }

    fn check_refused(program: &str, part: &str) {
        let error = run(program, &json!([{"a": 1}]), 1000).unwrap_err().to_string();
        assert!(error.contains(part), "{program}: {error}");
    }

    #[test]
    fn programs_pick_and_count() {
        let records = json!([
            { "device": "r1", "interface": "Gi1", "mtu": 1500 },
            { "device": "r2", "interface": "Et1", "mtu": 9214 },
            { "device": "r2", "interface": "Et2", "mtu": 9214 },
        ]);
        check(".[] | select(.mtu > 1500) | .interface", &records, &json!(["Et1", "Et2"]));
        check("length", &records, &json!([3]));
        check(
            "group_by(.device) | map({(.[0].device): length}) | add",
            &records,
            &json!([{"r1": 1, "r2": 2}]),
        );
        check(".[0] | {device, mtu}", &records, &json!([{ "device": "r1", "mtu": 1500 }]));
        check("map(.interface | test(\"^Et\"))", &records, &json!([[false, true, true]]));
        check("empty", &records, &json!([]));
        check("1, halt, 2", &records, &json!([1]));
        check(
            "[.[] | .mtu] | unique | map(tostring) | join(\",\")",
            &records,
            &json!(["1500,9214"]),
        );
        check(".[0].device as $d | [$d, \"\\($d)!\"]", &records, &json!([["r1", "r1!"]]));
    }

    #[test]
    fn what_is_wrong_with_a_program_is_said() {
        check_refused(".[", "expected closing bracket");
        check_refused(".[] |", "expected term at the end");
        check_refused("nonsense(1)", "no function `nonsense/1`");
        check_refused("$x", "no variable `$x`");
        check_refused(".[0] + [1]", "cannot calculate");
        check_refused("error(\"mine\")", "mine");
        check_refused("nan", "no JSON");
        check_refused("reduce range(105) as $i (1; [.])", "too deep");
        check_refused("reduce range(400) as $i (1; [.])", "too deep");
        check_refused("include \"x\"; .", "modules");
        check_refused("[range(10000)]", "more than 1000 bytes");
        check_refused("\"x\" * 100000 | error", "…");
    }

    #[test]
    fn a_program_can_be_checked_without_an_input() {
        assert!(super::check(".x | error").is_ok());
        for program in ["map(", ".) | (.", "nonsense"] {
            assert!(super::check(program).is_err(), "{program}");
        }
    }

    #[test]
    fn a_program_sees_its_input_only() {
        check_refused("env", "no function `env/0`");
        check_refused("$ENV", "`$ENV`");
        check_refused("input", "no function `input/0`");
        check_refused("inputs", "no function `inputs/0`");
        check_refused("input_filename", "no function");
    }
}
