//! JSON itself: what is accepted, where errors are, and that nothing of the file leaks from them.

use proptest::prelude::*;

use super::super::json::{self, Node, Value};
use super::*;

#[test]
fn i2_empty_files_are_named_as_such() {
    for text in ["", " \r\n\t", "\u{feff}", "\u{feff} "] {
        check(text, &["error inv_empty "]);
    }
    for text in ["{}", "[]", "\u{feff}{}\r\n"] {
        check(text, &["error inv_empty 1:1"]);
    }
}

#[test]
fn i2_bom_and_crlf_are_accepted() {
    let text = format!("\u{feff}{}", device_with("port", "\r\n22").replace(", ", ",\r\n"));
    assert_eq!(loaded(&text).inventory.len(), 1);
}

#[test]
fn i3_syntax_errors_have_a_place_and_a_remedy() {
    let cases = [
        ("{\"r1\": {\"ip\": \"a\",}}", "1:19 r1", "expected a key after the comma, found `}`"),
        ("{\"r1\": [1, 2,]}", "1:14 r1[2]", "expected a value, found `]`"),
        ("{\"a\": \"b\" \"c\": 1}", "1:11", "expected `,` or `}`, found a text"),
        ("{\"a\" \"b\"}", "1:6", "expected `:` after the key, found a text"),
        ("{\n  // note\n}", "2:3", "expected a key or `}`, found a comment"),
        ("{'a': 1}", "1:2", "expected a key or `}`, found a single quote"),
        ("{\"a\": yes}", "1:7 a", "expected a value, found a word without quotes"),
        ("{\"a\": nullable}", "1:7 a", "expected a value, found a word without quotes"),
        ("{\"a\": 022}", "1:7 a", "malformed number"),
        ("{\"a\": 1.}", "1:7 a", "malformed number"),
        ("{\"a\": -}", "1:7 a", "malformed number"),
        ("{\"a\": \"x\ny\"}", "1:7 a", "a text is not closed at the end of its line"),
        ("{\"a\": \"x", "1:7 a", "a text is not closed before the end of the file"),
        ("{\"a\": \"C:\\keys\"}", "1:10 a", "unknown escape after a backslash"),
        ("{\"a\": \"\\ud800x\"}", "1:8 a", "malformed \\u escape"),
        ("{\"a\": \"\t\"}", "1:8 a", "a text holds a control character"),
        ("{\"a\": {", "1:8 a", "expected a key or `}`, found the end of the file"),
        ("{} {}", "1:4", "expected the end of the file, found `{`"),
        ("{\"ä\": \u{a0}1}", "1:7[\"\\u{e4}\"]", "expected a value, found an unexpected character"),
    ];
    for (text, place, what) in cases {
        let found = problems(text);
        assert_eq!(found.len(), 1, "{text}");
        let shown = found[0].place.to_string();
        let expected = format!("devices.json:{}", place.replace("[\"", " [\""));
        assert_eq!((shown, found[0].what.as_str()), (expected, what), "{text}");
        assert!(!found[0].remedy.is_empty());
    }
}

#[test]
fn i15_a_nesting_bomb_is_refused() {
    for bomb in ["[".repeat(1_000_000), "{\"a\":".repeat(1_000_000)] {
        let found = problems(&bomb);
        assert_eq!((found.len(), found[0].reason), (1, "inv_depth"));
    }
    let deep = format!("{}1{}", "[".repeat(64), "]".repeat(64));
    assert_eq!(problems(&deep)[0].reason, "inv_type");
}

#[test]
fn i15_a_hundred_thousand_devices_are_read() {
    let mut text = String::from("{\"devices\": {");
    for number in 0..100_000 {
        let address = std::net::Ipv4Addr::from(0x0a00_0001 + number);
        write!(
            text,
            "{}\"r{number}\": {{\"platform\": \"ios\", \"address\": \"{address}\", \"username\": \
             \"u\", \"auth\": {{\"type\": \"password\", \"password\": \"p\"}}}}",
            if number == 0 { "" } else { "," },
        )
        .unwrap();
    }
    text.push_str("}}");
    assert_eq!(loaded(&text).inventory.len(), 100_000);
}

/// What `serde_json` makes of the same tree.
fn to_serde(node: &Node) -> serde_json::Value {
    use serde_json::Value as Json;
    match &node.value {
        Value::Null => Json::Null,
        // Which of the two it is nobody asks.
        Value::Bool(flag) => Json::Bool(*flag),
        Value::Number(number) => serde_json::from_str(number.expose()).unwrap(),
        Value::Text(text) => Json::String(text.expose().clone()),
        Value::Array(items) => items.iter().map(to_serde).collect(),
        Value::Object(entries) => {
            entries.iter().map(|entry| (entry.key.clone(), to_serde(&entry.value))).collect()
        }
    }
}

fn any_json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        Just(serde_json::Value::Bool(true)),
        any::<i64>().prop_map(Into::into),
        (-1e6..1e6).prop_map(|number: f64| number.into()),
        any::<String>().prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Into::into),
            proptest::collection::btree_map(any::<String>(), inner, 0..6)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn json_that_serde_writes_is_read_alike(value in any_json()) {
        for text in [value.to_string(), serde_json::to_string_pretty(&value).unwrap()] {
            // serde_json may round the last digit of a float when it reads its own text.
            let theirs: serde_json::Value = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(to_serde(&json::parse(&text).unwrap()), theirs);
        }
    }

    #[test]
    fn the_reader_accepts_what_serde_accepts(text in "[\\[\\]{},:\"\\\\ \n0-2.\\-+a-fnu]{0,24}") {
        let theirs = serde_json::from_str::<serde_json::Value>(&text);
        // serde_json refuses numbers that no float can hold; here the field decides.
        let too_large = theirs.as_ref().is_err_and(|e| e.to_string().contains("out of range"));
        prop_assert!(too_large || json::parse(&text).is_ok() == theirs.is_ok(), "{theirs:?}");
    }

    #[test]
    fn arbitrary_text_never_panics(text in any::<String>()) {
        if let Err(error) = read(&text) {
            prop_assert!(!error.report().is_empty());
        }
    }

    #[test]
    fn a_damaged_file_never_panics(at in 0_usize..260, junk in ".?", cut in 0_usize..4) {
        let mut text: Vec<char> = device_with("enable", "\"e\"").chars().collect();
        let start = at.min(text.len());
        let end = (start + cut).min(text.len());
        text.splice(start..end, junk.chars());
        let text: String = text.into_iter().collect();
        if let Err(error) = read(&text) {
            prop_assert!(error.problems().iter().any(|p| p.severity == Severity::Error));
        }
    }
}
