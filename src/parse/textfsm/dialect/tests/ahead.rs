//! Lookaheads that always hold, held against `fancy-regex`, which does not take them out.

use proptest::prelude::*;

use super::*;

/// What the groups hold, that of the whole match aside; None if the text does not match.
type Groups<'t> = Option<Vec<Option<&'t str>>>;

fn ours<'t>(pattern: &Pattern, text: &'t str) -> Groups<'t> {
    let mut slots = Slots::default();
    let found = pattern.captures(text.into(), &mut slots).unwrap();
    assert_eq!(pattern.is_match(text).unwrap(), found);
    found.then(|| (1..=pattern.groups()).map(|group| slots.text(text, group)).collect())
}

/// What `fancy-regex` finds, which may be that it takes too many steps.
fn theirs<'t>(python: &str, text: &'t str) -> Result<Groups<'t>, String> {
    let exact = Translator::new(python, Mode::Exact).run()?.out;
    let regex = fancy_regex::Regex::new(&format!("^(?:{exact})")).map_err(|e| e.to_string())?;
    let found = regex.captures(text).map_err(|error| error.to_string())?;
    Ok(found.map(|found| found.iter().skip(1).map(|group| group.map(|g| g.as_str())).collect()))
}

#[test]
fn a_lookahead_that_always_holds_is_taken_out() {
    for (python, rust, aheads) in [
        ("a(?=b*)c", "ac", vec![]),
        (r"a(?=\s{0,3}(b?))..", "a()..", vec![(r"[\s\x1c-\x1f]{0,3}(b?)", 1)]),
        ("(a)(?=(b)?(?P<X>c)?)(d)", "(a)()()(d)", vec![("(b)?(?P<X>c)?", 2)]),
        ("a(?=(b|))|(?=(c*))d", "a()|()d", vec![("(b|)", 1), ("(c*)", 2)]),
        ("(?i)a(?=(b*))", "(?i)a()", vec![("(?i)(b*)", 1)]),
        ("(?=)a", "a", vec![]),
    ] {
        check(python, rust, Engine::Linear);
        let found = translate(python).unwrap().aheads;
        let found: Vec<_> = found.iter().map(|one| (one.pattern.as_str(), one.first)).collect();
        assert_eq!(found, aheads, "{python}");
    }
}

#[test]
fn any_other_lookahead_stays() {
    for python in [
        "a(?=b)",
        "a(?=b*$)c",
        r"a(?=\bb|c*)",
        "a(?=(b*))*c",
        "a(?=(b*))+c",
        "a(?=b*)?c",
        "(?:a(?=(b*)))*c",
        "(a(?=(b*)))c",
        "a(?!b*)c",
        "a(?<=b*)c",
        "a(?=(?=b)?)c",
        "a(?=(?>b*))c",
        "a(?=b*+)c",
        r"a(?=(b*))c\1",
        "(?P<X>a)(?=(?P=X)*)c",
        "a(?=b*)c(?=d)",
    ] {
        let translated = translate(python).unwrap();
        assert_eq!(translated.engine, Engine::Backtracking, "{python}");
        assert!(translated.aheads.is_empty(), "{python}");
    }
}

#[test]
fn what_a_lookahead_catches_stands_where_it_looks() {
    for (python, text, expected) in [
        (r"(\w)(?=\s{0,3}(\d{0,3})).{4}(x)", "a  12x", vec![Some("a"), Some("12"), Some("x")]),
        ("a(?=(b*))|(?=(c*))c", "ccd", vec![None, Some("cc")]),
        ("a*(?=(a{0,2}))ab", "aaab", vec![Some("a")]),
        ("a*?(?=(a{0,2}))a+b", "aaab", vec![Some("aa")]),
        ("a(?=(b)|(c?)).", "ac", vec![None, Some("c")]),
        (r"ä(?=(\w*)).", "äöü", vec![Some("öü")]),
        ("(?i)a(?=(B*))", "abb", vec![Some("bb")]),
    ] {
        let pattern = Pattern::new(python).unwrap();
        assert!(!pattern.backtracks(), "{python}");
        assert_eq!(ours(&pattern, text), Some(expected.clone()), "{python}");
        assert_eq!(theirs(python, text), Ok(Some(expected)), "{python}");
    }
}

/// A part of a pattern, without a lookahead.
fn part() -> impl Strategy<Value = String> {
    let atom = prop::sample::select(vec![
        "a",
        "b",
        ".",
        r"\s",
        r"\S",
        r"\w",
        "[ab]",
        "[^a]",
        "(a|b)",
        "(?:ab|a)",
        "(?:(a)?b)",
        "ä",
    ]);
    let repeat = prop::sample::select(vec!["", "", "", "*", "+", "?", "*?", "+?", "{0,2}", "{2}"]);
    (atom, repeat).prop_map(|(atom, repeat)| format!("{atom}{repeat}"))
}

/// A pattern with lookaheads of which nearly all always hold.
fn pattern() -> impl Strategy<Value = String> {
    let look = prop::collection::vec(part(), 0..3).prop_flat_map(|parts| {
        let inner = parts.concat();
        prop::sample::select(vec![
            format!("(?=(?:{inner})?)"),
            format!("(?=({inner})?)"),
            format!("(?=(?:{inner}|))"),
            format!("(?=({inner}|)(a*))"),
            format!(r"(?=\s{{0,2}}(\S{{0,2}}))"),
            format!("(?={inner})"),
        ])
    });
    let piece = prop_oneof![3 => part(), 2 => look, 1 => Just("|".to_owned())];
    prop::collection::vec(piece, 1..9).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]
    #[test]
    fn the_groups_are_those_of_backtracking(
        python in pattern(),
        texts in prop::collection::vec("[ab ä]{0,8}", 1..12),
    ) {
        let pattern = Pattern::new(&python).unwrap();
        for text in &texts {
            let expected = theirs(&python, text);
            prop_assume!(expected.is_ok());
            prop_assert_eq!(Ok(ours(&pattern, text)), expected, "{} on {:?}", python, text);
        }
    }
}
