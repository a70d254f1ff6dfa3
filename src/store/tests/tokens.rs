//! Rows of tokens.

use super::{NOW, open, token};

#[test]
fn a_token_comes_back_as_it_was_and_its_id_is_taken_once() {
    let home = tempfile::tempdir().unwrap();
    let store = open(home.path());
    assert!(store.insert_token(&token("aa")).unwrap());
    let mut other = token("aa");
    other.role = "operator".to_owned();
    assert!(!store.insert_token(&other).unwrap());
    assert_eq!(store.token("aa").unwrap(), Some(token("aa")));
    assert_eq!(store.token("AA").unwrap(), None);
    assert!(store.insert_token(&token("bb")).unwrap());
    let ids: Vec<String> = store.tokens().unwrap().into_iter().map(|token| token.id).collect();
    assert_eq!(ids, ["aa", "bb"]);
}

#[test]
fn the_first_revocation_counts() {
    let home = tempfile::tempdir().unwrap();
    let store = open(home.path());
    store.insert_token(&token("aa")).unwrap();
    for at in [NOW + 5, NOW + 9] {
        let row = store.revoke_token("aa", at).unwrap().unwrap();
        assert_eq!(row.revoked_at, Some(NOW + 5));
    }
    assert_eq!(store.revoke_token("bb", NOW).unwrap(), None);
}

#[test]
fn a_token_is_valid_until_it_expires_or_is_revoked() {
    let home = tempfile::tempdir().unwrap();
    let store = open(home.path());
    assert!(!store.any_valid_token(NOW).unwrap());
    store.insert_token(&token("aa")).unwrap();
    assert!(store.any_valid_token(NOW + 99).unwrap());
    assert!(!store.any_valid_token(NOW + 100).unwrap());
    store.revoke_token("aa", NOW).unwrap();
    assert!(!store.any_valid_token(NOW).unwrap());
}
