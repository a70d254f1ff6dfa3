//! The engine as a whole: what a template must look like, and what it makes of a text. The tables
//! were checked against Python's `textfsm` 2.1.

mod properties;

use super::*;
use crate::error::ErrorCode;

/// Runs a template of one state after the Values and gives the records as JSON.
fn run(values: &str, rules: &str, text: &str) -> Result<String, ParseError> {
    let template = Template::read("t", &format!("{values}\n\nStart\n{rules}\n"))?;
    Ok(serde_json::to_string(&template.run(text)?).unwrap())
}

fn check(values: &str, rules: &str, text: &str, expected: &str) {
    let records = run(values, rules, text).unwrap_or_else(|error| panic!("{rules}: {error}"));
    assert_eq!(records, expected, "{values}\n{rules}\n{text:?}");
}

fn check_refused(template: &str, line: usize, part: &str) {
    match Template::read("t", template) {
        Err(ParseError::TemplateInvalid { line: at, message, .. }) => {
            assert!(at == line && message.contains(part), "{template}: line {at}: {message}");
        }
        other => panic!("{template}: {other:?}"),
    }
}

const AB: &str = "Value A (a\\d?)\nValue B (b\\d?)";

#[test]
fn a_record_is_kept_when_told_and_at_the_end() {
    check(AB, "  ^${A}\n  ^${B} -> Record", "a1\nb1\na2\n", r#"[["a1","b1"],["a2",""]]"#);
    check(AB, "  ^${A} -> Record\n\nEOF", "a1\na2\n", r#"[["a1",""],["a2",""]]"#);
    check(AB, "  ^${A}\n\nEOF", "a1\n", "[]");
    check(AB, "  ^${A} -> End", "a1\na2\n", "[]");
    check(AB, "  ^${A} -> EOF", "a1\na2\n", r#"[["a1",""]]"#);
    check(AB, "  ^${A}", "", "[]");
}

#[test]
fn record_actions() {
    check(AB, "  ^${A}\n  ^${B} -> Next.Record", "a1\nb1", r#"[["a1","b1"]]"#);
    check(AB, "  ^${A} -> NoRecord\n  ^x -> Clear\n  ^${B}", "a1\nx\nb1", r#"[["","b1"]]"#);
    check(AB, "  ^${A} -> Continue.Record\n  ^.${B}", "a1\n", r#"[["a1",""]]"#);
    check(AB, "  ^${A} -> Continue\n  ^a\\d ${B} -> Record", "a1 b1", r#"[["a1","b1"]]"#);
}

#[test]
fn the_first_rule_that_matches_counts() {
    check(AB, "  ^${A}\n  ^a ${B}", "a b1", r#"[["a",""]]"#);
    check(AB, "  ^x -> Next\n  ^${A}|y", "y\na1", r#"[["a1",""]]"#);
    check(AB, "  ^x|${A} -> Record", "qa1\na2", r#"[["a2",""]]"#);
}

#[test]
fn states_change_with_next_only() {
    let rules = "  ^go -> Two\n  ^${A} -> Record\n\nTwo\n  ^${B} -> Record\n  ^x -> Start\n\nEOF";
    check(AB, rules, "a1\nb1\ngo\na2\nb2\nx\na3", r#"[["a1",""],["","b2"],["a3",""]]"#);
}

#[test]
fn unset_and_empty_are_not_the_same() {
    let values = "Value A (x*)\nValue B (b)";
    // An assigned empty text makes a record, no assignment makes none.
    check(values, "  ^${A}y -> Record\n\nEOF", "y", r#"[["",""]]"#);
    check(values, "  ^y -> Record\n\nEOF", "y", "[]");
    // A group that took no part unsets the Value again.
    check(values, "  ^b(${B})?\n  ^(${B})?c -> Record\n\nEOF", "bb\nc", "[]");
}

#[test]
fn required_drops_and_clears_the_record() {
    let values = "Value Required A (a\\d?)\nValue B (b\\d?)";
    check(values, "  ^${B} -> Record\n  ^${A} -> Record\n\nEOF", "b1\na1", r#"[["a1",""]]"#);
    let empty = "Value Required A (x*)\nValue B (b)";
    check(empty, "  ^${A}${B} -> Record\n\nEOF", "b\nxb", r#"[["x","b"]]"#);
}

#[test]
fn filldown_carries_until_cleared() {
    let values = "Value Filldown A (a\\d)\nValue Required B (b\\d)";
    let rules = "  ^${A}\n  ^${B} -> Record\n  ^clear -> Clear\n  ^all -> Clearall";
    let text = "a1\nb1\nb2\nclear\nb3\nall\nb4";
    check(values, rules, text, r#"[["a1","b1"],["a1","b2"],["a1","b3"],["","b4"]]"#);
    // At the end the carried value alone makes a record.
    let open = "Value Filldown A (a\\d)\nValue B (b\\d)";
    check(open, "  ^${A}\n  ^${B} -> Record", "a1\nb1", r#"[["a1","b1"],["a1",""]]"#);
}

#[test]
fn fillup_fills_the_empty_ones_above() {
    let values = "Value A (a\\d)\nValue Fillup B (b\\d)";
    let rules = "  ^${A} ${B} -> Record\n  ^${A} -> Record\n  ^${B}\n\nEOF";
    let text = "a1 b1\na2\na3\nb9";
    check(values, rules, text, r#"[["a1","b1"],["a2","b9"],["a3","b9"]]"#);
}

#[test]
fn lists_collect_within_a_record() {
    let values = "Value List A (a\\d)\nValue B (b\\d)";
    let rules = "  ^${A}\n  ^${B} -> Record\n\nEOF";
    check(
        values,
        rules,
        "a1\na2\nb1\nb2\na3\nb3",
        r#"[[["a1","a2"],"b1"],[[],"b2"],[["a3"],"b3"]]"#,
    );
    check("Value List,Required A (a)\nValue B (b)", "  ^${B} -> Record", "b", "[]");
    let filldown = "Value List,Filldown A (a\\d)\nValue B (b\\d)";
    check(filldown, rules, "a1\nb1\na2\nb2", r#"[[["a1"],"b1"],[["a1","a2"],"b2"]]"#);
}

#[test]
fn a_list_group_that_took_no_part_is_the_text_none() {
    let values = "Value List A (a)\nValue List B (b)";
    check(values, "  ^(?:${A}|${B})x", "ax\nbx", r#"[[["a","None"],["None","b"]]]"#);
}

#[test]
fn named_groups_in_a_list_become_objects() {
    let values = r"Value List A ((?P<name>\w+):(?P<age>\d+)?)";
    check(
        values,
        "  ^${A}",
        "bob:32\neve:",
        r#"[[[{"name":"bob","age":"32"},{"name":"eve","age":null}]]]"#,
    );
}

#[test]
fn without_values_nothing_is_filled_in() {
    let template = Template::read("t", "\nStart\n  ^${A}$b -> Error\n").unwrap();
    assert_eq!(template.run("a\n").unwrap(), Vec::<Vec<Value>>::new());
}

#[test]
fn an_error_rule_quotes_itself_and_the_line() {
    let error = run("Value A (a)", "  ^${A}\n  ^b -> Error \"no b\"\n  ^. -> Error", "a\nb\u{7}x");
    let text = "rule `^b -> Error \"no b\"` at line 5 of the template `t` refuses line 2 of the \
                output, `b\\u{7}x` (no b)";
    assert_eq!(error.unwrap_err().to_string(), text);
    let error = run("Value A (a)", "  ^. -> Error", &"ä".repeat(500)).unwrap_err();
    assert_eq!(error.code(), ErrorCode::ParseFailed);
    assert!(error.to_string().ends_with("ä…`"), "{error}");
}

#[test]
fn an_undecided_line_is_an_error() {
    let error = run("Value A (a)", "  ^((?=${A})a+)+(?!.)b$$", &format!("{}b", "a".repeat(60)));
    assert!(
        matches!(error, Err(ParseError::Undecided { line: 4, input_line: 1, .. })),
        "{error:?}"
    );
}

#[test]
fn limits_are_errors() {
    let long = "a".repeat(limits::LINE_BYTES + 1);
    assert!(matches!(run("Value A (a)", "  ^${A}", &long), Err(ParseError::TooLarge { .. })));
    let many = "a\n".repeat(limits::RECORDS + 1);
    let error = run("Value A (a)", "  ^${A} -> Record", &many);
    assert!(matches!(error, Err(ParseError::TooLarge { what: "records", .. })));
    let growing = "a\n".repeat(5_000);
    let error = run("Value List,Filldown A (a)", "  ^${A} -> Record", &growing);
    assert!(matches!(error, Err(ParseError::TooLarge { what: "values", .. })));
    check_refused(&"#".repeat(limits::TEMPLATE_BYTES + 1), 0, "longer than");
    let wide = format!("Value A ({})\n\nStart\n  ^${{A}}\n", "a".repeat(limits::PATTERN_BYTES));
    check_refused(&wide, 4, "longer than");
}

#[test]
fn a_growing_list_is_not_copied_for_dropped_records() {
    let values = "Value Filldown,List A (a)\nValue Required B (b)";
    check(values, "  ^${A} -> Record", &"a\n".repeat(100_000), "[]");
}

#[test]
fn required_before_and_after_list() {
    let rules = "  ^x -> Record\n  ^${A}$$\n\nEOF";
    // Before, the text assigned last counts; after, the number of items.
    check("Value Required,List A (a?)", rules, "a\nx\n\nx", r#"[[["a"]]]"#);
    check("Value List,Required A (a?)", rules, "a\nx\n\nx", r#"[[["a"]],[[""]]]"#);
}

#[test]
fn comments_and_spellings_that_python_takes() {
    let template = "# note\nValue A (a -> b)\n  # note\nValue B (c)\n\n# note\n\nStart\n # note\n \
                    ^${A} -> Record\n\t^$B\n  ^x y -> z ->\n  ^x->y\n\n\nEnd\n\nOther_ä9²\n";
    let template = Template::read("t", template).unwrap();
    assert_eq!(
        serde_json::to_string(&template.run("a -> b\nc").unwrap()).unwrap(),
        r#"[["a -> b",""],["","c"]]"#
    );
    assert!(Template::read("t", "Value A (a)\r\n\r\nStart\r\n  ^${A}\r\n").is_ok());
    assert!(Template::read("t", "Value A (a)\n\nStart").is_ok());
}

#[test]
fn broken_values_are_refused() {
    for (value, part) in [
        ("Value A", "needs a name"),
        ("Value A a", "the option `A` is unknown"),
        ("Value Needed A (a)", "the option `Needed` is unknown"),
        ("Value List,List A (a)", "stands there twice"),
        ("Value List  (a)", "1 to 48"),
        ("Value A\\Z (a)", "no backslash"),
        ("Value Key A a)", "does not stand in parentheses"),
        ("Value A (a\\)", "does not stand in parentheses"),
        ("Value A (a", "does not stand in parentheses"),
        ("Value A (a))", "closes nothing"),
        ("Value A ([)", "not closed"),
        ("Value  A (a)", "the option `` is unknown"),
        ("Values A (a)", "does not begin with Values"),
        ("  Value A (a)", "does not begin with Values"),
    ] {
        check_refused(&format!("{value}\n\nStart\n"), 1, part);
    }
    check_refused(&format!("Value {} (a)\n\nStart\n", "n".repeat(49)), 1, "1 to 48");
    check_refused("Value A (a)\nValue A (b)\n\nStart\n", 2, "stands there twice");
    check_refused("Value A (a)\nStart\n", 2, "no blank line");
}

#[test]
fn broken_rules_are_refused() {
    for (rule, part) in [
        ("^a", "begins with"),
        ("   ^a", "begins with"),
        ("  a", "begins with"),
        ("  ^a -> Nowhere", "no state `Nowhere`"),
        ("  ^a -> Next.Nothing", "is no action"),
        ("  ^a -> Record.Next", "is no action"),
        ("  ^a ->Next", "is no action"),
        ("  ^a -> Next Start Start", "is no action"),
        ("  ^a -> Next.Record.Clear", "is no action"),
        ("  ^a -> Continue Start", "cannot lead to another state"),
        ("  ^a -> Continue.Record Start", "cannot lead to another state"),
        ("  ^a -> Next \"text\"", "not the name of a state"),
        ("  ^a -> \"text\"", "not the name of a state"),
        ("  ^a$", "names no Value"),
        ("  ^${B}", "no Value is named `B`"),
        ("  ^${A}${A}", "stands there twice"),
        ("  ^a(", "not closed"),
    ] {
        check_refused(&format!("Value A (a)\n\nStart\n{rule}\n"), 4, part);
    }
}

#[test]
fn broken_states_are_refused() {
    for (states, line, part) in [
        ("Other\n  ^a\n", 0, "no state `Start`"),
        ("Start\n\nStart\n", 5, "stands there twice"),
        ("Start\n\nEnd\n  ^a\n", 5, "has rules"),
        ("Start\n\nEOF\n  ^a\n", 5, "has rules"),
        ("Start\n\nRecord\n", 5, "cannot be the name"),
        ("Start\n\nTwo words\n", 5, "cannot be the name"),
        ("Start\n\nTwo\u{301}\n", 5, "cannot be the name"),
        ("Start\n\n  ^a\n", 5, "cannot be the name"),
    ] {
        check_refused(&format!("Value A (a)\n\n{states}"), line, part);
    }
}

#[test]
fn a_check_compiles_what_reading_does_not() {
    let template = Template::read("t", "Value A (a)\n\nStart\n  ^(\\w{500}){500}\n").unwrap();
    let errors = template.check();
    assert_eq!(errors.len(), 1);
    assert_eq!(errors[0].code(), ErrorCode::TemplateInvalid);
}

#[test]
fn a_budget_bounds_records_and_values() {
    let template = Template::read("t", "Value A (a)\n\nStart\n  ^${A} -> Record\n").unwrap();
    let run = |records, values| {
        template.run_within("a\na\na\n", &Budget { records, values, ..Budget::default() })
    };
    assert_eq!(run(3, 3).unwrap().len(), 3);
    let refused = |result: Result<_, ParseError>| match result {
        Err(ParseError::TooLarge { what, limit, .. }) => (what, limit),
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(run(2, 3)), ("records", 2));
    assert_eq!(refused(run(3, 2)), ("values", 2));
}

#[test]
fn a_budget_stops_amid_lines_rules_and_records() {
    let stop = std::cell::Cell::new(0);
    let once = || stop.replace(stop.get() + 1) == 1;
    let stopped = |rules: &str, output: &str| {
        stop.set(0);
        let template = Template::read("t", &format!("Value A (a)\n\nStart\n{rules}\n")).unwrap();
        match template.run_within(output, &Budget { stop: &once, ..Budget::default() }) {
            Err(ParseError::Stopped { input_line, .. }) => input_line,
            other => panic!("{other:?}"),
        }
    };
    assert!(stopped("", &"a\n".repeat(1000)) < 300);
    assert!(stopped("  ^${A} -> Record", &"a\n".repeat(1000)) < 300);
    // One line is enough where the rules are many, long or backtrack.
    assert_eq!(stopped(&"  ^b -> Continue\n".repeat(1000), "a"), 1);
    assert_eq!(stopped(&"  ^b\n".repeat(10), &"a".repeat(60_000)), 1);
    assert_eq!(stopped(&"  ^(?!a)ab\n".repeat(10), "ab"), 1);
}

#[test]
fn long_texts_count_as_several_values() {
    let template =
        Template::read("t", "Value Filldown A (a+)\n\nStart\n  ^${A}\n  ^b -> Record\n").unwrap();
    let output = format!("{}\n{}", "a".repeat(60_000), "b\n".repeat(100_000));
    assert!(matches!(template.run(&output), Err(ParseError::TooLarge { what: "values", .. })));
}

#[test]
fn rules_are_counted_over_all_states() {
    let template = "Value A (a)\n\nStart\n  ^a\n  ^b -> Two\n\nTwo\n  # ^no\n  ^c\n\nEOF\n";
    assert_eq!(Template::read("t", template).unwrap().rules(), 3);
}

/// Python needs exponential time for this pattern of ntc-templates.
#[test]
fn repeats_of_repeats_take_linear_time() {
    for tail in ["x", "ä"] {
        let line = format!("{}{tail}", " -".repeat(limits::LINE_BYTES / 2 - 1));
        check("Value A (a)", "  ^(\\s*-*)*\\s*$$ -> Error\n  ^.*${A}", &line, "[]");
    }
}

#[test]
fn a_long_output_gives_what_its_lines_give() {
    // Beyond the first lines the rules of a state are tried together.
    let template = "Value A (\\w+)\nValue List B (\\d)\n\nStart\n  ^$A: -> Continue.Record\n  ^$A:\n  \
                    ^(?!x)y${B} -> Continue\n  ^y\\d${B}$$\n  ^-+ä?$$ -> Next Two\n  ^z\n\nTwo\n  ^${B}b\n  \
                    ^\\s -> Continue\n  ^\\s\\s -> Start\n  ^\\S\\S\\S+ -> Error\n";
    let template = Template::read("t", template).unwrap();
    let part = "a:\ny1\ny12\n--\n2b\n3b\u{a0}\n \n\u{a0} \nz\nb²:\ny3\nä:\n--ä\n\t\t\n";
    let few = template.run(&part.repeat(20)).unwrap();
    let many = template.run(&part.repeat(100)).unwrap();
    assert_eq!((few.len(), many.len()), (61, 301));
    assert_eq!(many[..60], few[..60]);
    assert!(many[..300].iter().skip(6).zip(&many[3..]).all(|(this, before)| this == before));
    let error = template.run(&format!("{}--\nabc", part.repeat(100))).unwrap_err();
    assert!(matches!(error, ParseError::Refused { input_line: 1402, .. }), "{error}");
}
