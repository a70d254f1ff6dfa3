//! Whatever the template and the text are: no panic, an end, and records as wide as the columns.

use proptest::prelude::*;

use super::super::Template;

/// Pieces of which most combinations are nearly, but not quite, a template.
const PIECES: [&str; 48] = [
    "Value ",
    "Required ",
    "Filldown,List ",
    "Fillup ",
    "Key ",
    "List,Required ",
    "A ",
    "B ",
    "(",
    ")",
    "(\\S+)",
    "(a*)",
    "((?P<n>a)|b)",
    "\n",
    "\n\n",
    "\nStart\n",
    "\nTwo\n",
    "\nEOF\n",
    "\nEnd\n",
    "  ^",
    "${A}",
    "${B}",
    "$A",
    "$$",
    "$",
    "->",
    " -> ",
    "Next",
    "Continue",
    "Error",
    ".Record",
    ".Clear",
    ".Clearall",
    " Start",
    " Two",
    "a",
    "b+",
    "\\s*",
    "|",
    "[",
    "]",
    "[^a-b]",
    "(?=a)",
    "(?<!b)",
    "\\1",
    "{2,3}",
    "*",
    "++",
];

/// A template that is sound, so that the machine gets to run.
fn sound() -> impl Strategy<Value = String> {
    let option = prop::sample::select(vec![
        "",
        "Required ",
        "Filldown ",
        "Fillup ",
        "List ",
        "Key ",
        "Filldown,List ",
        "List,Fillup ",
    ]);
    let pattern = prop::sample::select(vec![
        "(a*)",
        "(\\S+)",
        "(b?)",
        "((?P<n>a)(?P<m>b)?)",
        "(.*)",
        "((?:a|b)*)",
        "(a(?=b))",
    ]);
    let rule = prop::sample::select(vec![
        "^${A}",
        "^${A}\\s*${B}",
        "^(a*)*${B}$$",
        "^\\s+|${B}",
        "^(?:${A})?b",
        "^.*",
        "^$$",
        "^(?:(?=a)a+)+${A}",
    ]);
    let action = prop::sample::select(vec![
        "",
        " -> Record",
        " -> Continue",
        " -> Continue.Record",
        " -> Clearall",
        " -> Next.Clear Two",
        " -> Start",
        " -> Error",
        " -> EOF",
        " -> End",
        " -> Continue.Clear",
        " -> Two",
    ]);
    let rules = || {
        let one =
            (rule.clone(), action.clone()).prop_map(|(rule, action)| format!("  {rule}{action}"));
        prop::collection::vec(one, 0..6).prop_map(|rules| rules.join("\n"))
    };
    (option.clone(), pattern.clone(), option, pattern, rules(), rules()).prop_map(
        |(option_a, a, option_b, b, start, two)| {
            // The nested names must differ, as in Python.
            let b = b.replace("<n>", "<o>").replace("<m>", "<p>");
            format!(
                "Value {option_a}A {a}\nValue {option_b}B {b}\n\nStart\n{start}\n\nTwo\n{two}\n"
            )
        },
    )
}

fn text() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "a",
        "b",
        " ",
        "ab",
        "\n",
        "\r\n",
        "\u{b}",
        "\u{85}",
        "ä",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    ]);
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

/// Reads and runs; the shared part of every property.
fn survives(template: &str, text: &str) -> Result<bool, TestCaseError> {
    let Ok(template) = Template::read("t", template) else { return Ok(false) };
    let width = template.columns().count();
    if let Ok(records) = template.run(text) {
        prop_assert!(records.iter().all(|record| record.len() == width));
    }
    Ok(true)
}

proptest! {
    #[test]
    fn arbitrary_text_is_survived(template in any::<String>(), text in any::<String>()) {
        survives(&template, &text)?;
    }

    #[test]
    fn pieces_of_templates_are_survived(
        pieces in prop::collection::vec(prop::sample::select(PIECES.to_vec()), 0..30),
        text in text(),
    ) {
        survives(&pieces.concat(), &text)?;
    }

    #[test]
    fn arbitrary_rules_are_survived(
        rule in prop::collection::vec(prop::sample::select(PIECES.to_vec()), 0..10),
        text in text(),
    ) {
        let template = format!("Value A (a)\nValue List B (b)\n\nStart\n  ^{}\n", rule.concat());
        survives(&template, &text)?;
    }

    #[test]
    fn sound_templates_run_to_an_end(template in sound(), text in text()) {
        prop_assert!(survives(&template, &text)?, "refused: {template}");
    }
}
