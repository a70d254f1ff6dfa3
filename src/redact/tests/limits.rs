//! What the heuristic does not see, and where it sees too much. A change here is a change of
//! behaviour to tell.

use super::redactor;

#[test]
fn a_password_that_nothing_announces_stays() {
    for text in ["login with hunter2", "cisco / hunter2", "description hunter2"] {
        assert_eq!(redactor(&[]).redact(text), text);
    }
}

#[test]
fn free_text_loses_only_the_first_word_of_an_unquoted_passphrase() {
    let shown = redactor(&[]).redact("the password is correct horse").into_owned();
    assert!(!shown.contains("correct") && shown.ends_with(" horse"));
}

#[test]
fn a_private_key_with_a_prefix_on_every_line_stays() {
    let text =
        "-----BEGIN RSA PRIVATE KEY-----\nr1: MIIEpAIBAAKC\nr1: -----END RSA PRIVATE KEY-----";
    assert_eq!(redactor(&[]).redact(text), text);
}

#[test]
fn the_rest_of_a_line_goes_with_a_password_that_may_have_blanks() {
    let shown = redactor(&[]).redact("bob typed: enable password hunter2 and left").into_owned();
    assert!(!shown.contains("left"));
}

#[test]
fn a_word_of_the_language_is_not_taken_for_a_password() {
    assert_eq!(redactor(&[]).redact("enable password none"), "enable password none");
}
