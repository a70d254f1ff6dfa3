//! What must hold for any text.

use proptest::prelude::*;

use super::{corpus, parts, redactor};
use crate::redact::{clean, contains_placeholder};

/// Words that patterns look for, and what they mistake for something else.
fn word() -> impl Strategy<Value = String> {
    const WORDS: &[&str] = &[
        "password",
        "secret",
        "key",
        "username",
        "enable",
        "7",
        "0",
        "snmp-server",
        "community",
        "user",
        "host",
        "is",
        ":",
        "=",
        ";",
        "\"",
        "'",
        "{",
        "}",
        "neighbor",
        "server",
        "line",
        "vty",
        "set",
        "token",
        "://",
        "a:b@c",
        "$1$abcd$efgh",
        "$9$",
        "ENC",
        "auth",
        "priv",
        "md5",
        "version",
        "\n",
        "\r\n",
        "\r",
        "\n ",
        "\n  ",
        "+",
        "-",
        "<secret:own:0123abcd>",
        "<secret:",
        ">",
        "<password>",
        "</password>",
        "\\n",
        "\\",
        "\u{fc}",
        "\u{20ac}",
        "hunter2",
        "-----BEGIN RSA PRIVATE KEY-----",
        "-----END RSA PRIVATE KEY-----",
        "role",
        "[edit snmp]",
        "license",
        "keys",
        "text",
        "0822455D0A16",
    ];
    prop_oneof![9 => prop::sample::select(WORDS).prop_map(str::to_owned), 1 => "\\PC{0,8}"]
}

fn hostile() -> impl Strategy<Value = String> {
    let glue = prop::sample::select(vec![" ", " ", " ", "", "\t"]);
    prop::collection::vec((word(), glue), 0..24).prop_map(|words| {
        words.into_iter().flat_map(|(word, glue)| [word, glue.to_owned()]).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn redacting_twice_changes_nothing_more(text in hostile()) {
        let redactor = redactor(&["hunter2", "vty0"]);
        let once = redactor.redact(&text).into_owned();
        prop_assert_eq!(&*redactor.redact(&once), &*once);
        prop_assert!(!once.contains("hunter2"));
    }

    #[test]
    fn any_text_is_redacted_without_panic(text in any::<String>()) {
        let redactor = redactor(&["hunter2"]);
        let shown = redactor.redact_counted(&text);
        prop_assert_eq!(shown.secrets == 0, shown.text == text);
        prop_assert_eq!(shown, redactor.redact_counted(&text));
        contains_placeholder(&text);
    }

    #[test]
    fn cleaning_leaves_nothing_to_clean(text in any::<String>()) {
        let once = clean(&text).into_owned();
        prop_assert_eq!(&*clean(&once), &*once);
    }

    #[test]
    fn nothing_around_a_statement_makes_it_leak(before in "(\\PC{0,20}\n){0,3}", nth in any::<prop::sample::Index>()) {
        let cases: Vec<String> = corpus().flat_map(|(_, cases)| cases.secrets).collect();
        let (text, secrets, _) = parts(nth.get::<String>(&cases));
        let shown = redactor(&[]).redact(&format!("{before}{text}\nhostname r1\n")).into_owned();
        for secret in secrets {
            prop_assert!(!shown.contains(secret), "{}", shown);
        }
    }
}

/// Quadratic work on one of these takes minutes.
#[test]
fn hostile_lines_of_two_megabytes_are_handled() {
    let redactor = redactor(&["hunter2"]);
    for unit in [
        "password ",
        "password=",
        "username a password b ",
        "key 7 0822 ",
        "\"password\": ",
        "://a:b@",
        "$1$",
        "snmp-server user a b c auth md5 ",
        "neighbor ",
        "'",
        "\"",
        "<secret:",
        "secret",
        "\\\"key\":\"",
        " ",
        "-----BEGIN RSA PRIVATE KEY-----",
        "password \"",
        "bearer eyJ",
        "a",
        "set set key ",
        "hunter2",
    ] {
        let line = unit.repeat(2_000_000 / unit.len());
        redactor.redact(&line);
    }
}

/// Found by the property above: the end marker went with the secret, and the second pass took the
/// rest of the text for a key.
#[test]
fn a_key_of_one_line_that_was_redacted_does_not_open_a_block() {
    let text =
        "-----BEGIN RSA PRIVATE KEY----- <secret: -----END RSA PRIVATE KEY----- \n neighbor ";
    let redactor = redactor(&["hunter2"]);
    let once = redactor.redact(text).into_owned();
    assert_eq!(&*redactor.redact(&once), &*once);
    assert!(once.ends_with("\n neighbor "), "{once}");
}
