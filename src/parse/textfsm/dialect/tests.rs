//! The translation, held against what Python's `re` accepts and means.

use super::super::pattern::{NoMatch, Pattern, Slots};
use super::*;

mod ahead;

fn check(python: &str, rust: &str, engine: Engine) {
    let translated = translate(python).unwrap_or_else(|error| panic!("{python}: {error}"));
    assert_eq!((translated.pattern.as_str(), translated.engine), (rust, engine), "{python}");
}

fn check_matches(python: &str, text: &str, expected: bool) {
    let pattern = Pattern::new(python).unwrap_or_else(|error| panic!("{python}: {error}"));
    assert_eq!(pattern.is_match(text).unwrap(), expected, "{python} on {text:?}");
}

#[test]
fn what_means_the_same_is_kept() {
    for same in
        [r"^a.b*c+?d??$", r"(?:a|b)(c)", r"[a-z\d]+", r"\d\D", r"(?P<X>a){2,3}", r"\ba\B", ""]
    {
        check(same, same, Engine::Linear);
    }
}

#[test]
fn what_means_something_else_is_rewritten() {
    for (python, rust) in [
        ("a{", r"a\{"),
        ("a{}", r"a\{\}"),
        ("a{x}", r"a\{x\}"),
        ("a{,3}", "a{0,3}"),
        ("a{,}", "a{0,}"),
        ("a{2,}", "a{2,}"),
        (r"\<a\>", "<a>"),
        (r"\-\/\ \_\#", "-/ _#"),
        (r"a\Z", r"a\z"),
        ("a]", r"a\]"),
        ("[]a]", r"[\]a]"),
        ("[^]a]", r"[^\]a]"),
        ("[[a]", r"[\[a]"),
        ("[a&&b]", r"[a\&\&b]"),
        ("[a~~b^]", r"[a\~\~b\^]"),
        ("[a-]", r"[a\-]"),
        ("[-a]", r"[\-a]"),
        (r"[\w-]", r"[\p{L}\p{N}_\-]"),
        (r"\w\W[^\W]", r"[\p{L}\p{N}_][^\p{L}\p{N}_][^[^\p{L}\p{N}_]]"),
        (r"[\b\t]", r"[\u{8}\u{9}]"),
        (r"\s\S", r"[\s\x1c-\x1f][^\s\x1c-\x1f]"),
        (r"[\s\S]", r"[\s\x1c-\x1f[^\s\x1c-\x1f]]"),
        (r"\x41\u00e4\101\0", r"AäA\u{0}"),
        ("a(?#note)+", "a+"),
        ("(?i:a)(?u:b)", "(?i:a)(?:b)"),
        ("(?i)a", "(?i)a"),
    ] {
        check(python, rust, Engine::Linear);
    }
}

#[test]
fn only_what_needs_backtracking_gets_it() {
    for (python, rust) in [
        ("a(?=b)", "a(?=b)"),
        ("a(?!b)", "a(?!b)"),
        ("(?<=a)b", "(?<=a)b"),
        ("(?<!a)b", "(?<!a)b"),
        ("(?>a)b", "(?>a)b"),
        ("a++b", "a++b"),
        ("(?P<X>a)(?P=X)", "(?P<X>a)(?P=X)"),
        (r"(a)\1", "(?P<__group_1>a)(?P=__group_1)"),
        (r"(?P<X>a)(b)\2\1", "(?P<X>a)(?P<__group_2>b)(?P=__group_2)(?P=X)"),
        ("(?=a)*b", "(?:(?=a)|)b"),
        ("(?=a)*?b", "(?:(?=a)|)??b"),
        ("(?!a)+b", "(?!a)b"),
        ("(?!a){2}b", "(?!a)b"),
    ] {
        check(python, rust, Engine::Backtracking);
    }
}

#[test]
fn the_form_for_ascii_is_linear_and_means_the_same_or_more() {
    for (python, ascii) in [
        (r"[\w-]\W\s.", Some(r"[\w\-][^\w][\s\x1c-\x1f].")),
        (r"\\p{L}", Some(r"\\p\{L\}")),
        ("ä", None),
        (r"[a\xff]", None),
        (r"\u00e4", None),
        ("(?i)a", None),
        ("(?i:s)", None),
        ("(?s:.)", Some("(?s:.)")),
        ("a(?=b(c))d", Some("ad")),
        ("a(?!b)*c(?<=x)+?d", Some("acd")),
        ("(?:(?<!x)){2}a", Some("(?:){2,2}a")),
        ("(?>a+)b++(?P<X>c)?+", Some("(?:a+)b+(?P<X>c)?")),
        (r"(a)\1+", Some(r"(a)(?:(?:.|\n)*)+")),
        ("(?=ä)a", None),
    ] {
        assert_eq!(translate(python).unwrap().ascii().as_deref(), ascii, "{python}");
    }
}

#[test]
fn what_python_refuses_is_refused() {
    for python in [
        "(",
        ")",
        "a)",
        "[",
        "[]",
        "[^]",
        "[b-a]",
        "[a--b]",
        r"[\d-x]",
        r"[a-\d]",
        "*a",
        "^*",
        "a**",
        "a+*",
        "a{2}{3}",
        "(*a)",
        "(?",
        "(?P<>a)",
        "(?P<1>a)",
        "(?P<a-b>c)",
        "(?P<a>b)(?P<a>c)",
        "(?P=a)",
        r"\1",
        r"(a\1)",
        "(?P<a>(?P=a))",
        r"\q",
        r"[\q]",
        "\\",
        r"\x4",
        r"\u12",
        r"\400",
        "a(?i)",
        "(?P>a)",
        "(?<a>b)",
        "a{3,2}",
        "(?#",
        r"[\B]",
        "(?-)",
    ] {
        assert!(translate(python).is_err(), "{python} is accepted");
    }
}

#[test]
fn what_cannot_be_translated_faithfully_is_refused() {
    for python in ["(?x:a b)", "(?a:b)", "(?L:b)", r"\N{BULLET}", "(a)?(?(1)b|c)"] {
        assert!(translate(python).is_err(), "{python} is accepted");
    }
    assert!(translate(&"(".repeat(100_000)).is_err());
    assert!(translate(&format!("{}{}", "(".repeat(61), ")".repeat(61))).is_err());
}

/// Releases 0.19 and 0.20 of fancy-regex rewrite `X+ Y? X+` wrongly, which is why 0.18 is pinned.
#[test]
fn fancy_regex_does_not_invent_matches() {
    let regex = fancy_regex::Regex::new("^a+b?a+c").unwrap();
    assert!(!regex.is_match("ac").unwrap());
    check_matches("(?=.)a+b?a+c", "ac", false);
    check_matches("(?=.)a+b?a+c", "aac", true);
    check_matches(r"(?!y)\s+\.*\s+x", " x", false);
    check_matches(r"(?!y)\s+\.*\s+x", "  x", true);
}

#[test]
fn patterns_match_as_in_python() {
    for (python, text, expected) in [
        ("a|b", "xb", false),
        ("^a|b", "b", true),
        ("a$", "ab", false),
        (r"\s", "\u{1f}", true),
        (r"\S", "\u{1f}", false),
        (r"[^\S]", "\u{1c}", true),
        (r"\s", "\u{a0}", true),
        (r"\d", "٣", true),
        (r"\w", "ä", true),
        (r"\w", "²", true),
        (r"\w", "Ⅷ", true),
        (r"\w", "\u{301}", false),
        (r"[\w]", "\u{200d}", false),
        (r"\W", "Ⓐ", true),
        ("[[a]", "[", true),
        ("[a&&b]", "&", true),
        (r"\<a", "<a", true),
        ("a{,2}b", "aab", true),
        ("a{x", "a{x", true),
        (r"(a)\1", "aa", true),
        (r"(a)\1", "ab", false),
        (r"(?P<X>\w)-(?P=X)", "b-b", true),
        (r"(?=[\b\t])\t\x07?", "\t", true),
        ("a++a", "aaa", false),
        ("(?>a+)a", "aaa", false),
        ("(?<!x)a", "a", true),
        (r"\d+(?= up)", "12 up", true),
        (r"\d+(?= up)", "12 down", false),
        ("(?=a)*b", "b", true),
        ("(?i:A)b", "ab", true),
        ("(?i)AB", "ab", true),
        ("", "anything", true),
    ] {
        check_matches(python, text, expected);
    }
}

#[test]
fn running_out_of_steps_is_not_a_miss() {
    let pattern = Pattern::new("((?=a)a+)+$").unwrap();
    let text = format!("{}b", "a".repeat(60));
    assert!(matches!(pattern.is_match(&text), Err(NoMatch::Undecided)));
    assert!(matches!(
        pattern.captures(text.as_str().into(), &mut Slots::default()),
        Err(NoMatch::Undecided)
    ));
}

#[test]
fn a_pattern_too_large_to_compile_is_invalid() {
    let pattern = Pattern::new(r"(\w{500}){500}").unwrap();
    assert!(matches!(pattern.is_match("a"), Err(NoMatch::Invalid(_))));
    assert!(pattern.check().is_err());
}
