//! Tokens from making to refusing.

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::error::ErrorCode;
use crate::store::StateDirectory;

const NOW: i64 = 1_800_000_000;
const DAY_SECONDS: i64 = 86_400;

fn tokens() -> (tempfile::TempDir, Tokens) {
    let home = tempfile::tempdir().unwrap();
    let store = StateDirectory::open(home.path()).unwrap().database().unwrap();
    (home, Tokens::new(Arc::new(store)))
}

fn new(role: Role) -> NewToken {
    NewToken { name: "ann@laptop-1".to_owned(), role, expires_in: Tokens::DEFAULT_LIFETIME }
}

fn secret_of(token: &str) -> &str {
    token.get(13..).unwrap()
}

/// Asserts that this is refused, and that the refusal repeats nothing but the id.
fn refused(tokens: &Tokens, presented: &str, now: i64) -> TokenError {
    let error = tokens.authenticate(presented, now).unwrap_err();
    assert!(error.is_refusal(), "{error}");
    let shown = format!("{} {error:?}", chain(&error));
    if let Some(secret) = presented.get(13..).filter(|secret| secret.len() > 7) {
        assert!(!shown.contains(secret), "{shown}");
    }
    error
}

#[test]
fn a_token_tells_its_caller() {
    let (_home, tokens) = tokens();
    for role in [Role::Viewer, Role::Operator] {
        let created = tokens.create(&new(role), NOW).unwrap();
        let caller = tokens.authenticate(created.token.expose(), NOW).unwrap();
        assert_eq!(caller, Caller::with_token(&created.info.id, role));
    }
}

#[test]
fn a_token_has_its_form_and_only_its_hash_is_kept() {
    let (home, tokens) = tokens();
    let created = tokens.create(&new(Role::Viewer), NOW).unwrap();
    let token = created.token.expose().clone();
    let parts: Vec<&str> = token.split('_').collect();
    assert_eq!(parts[..2], ["vty", &created.info.id]);
    assert_eq!((parts[1].len(), parts[2].len()), (8, 64));
    assert!(!format!("{created:?}").contains(parts[2]));
    for entry in std::fs::read_dir(home.path()).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        assert!(!bytes.windows(64).any(|window| window == parts[2].as_bytes()));
    }
    let other = tokens.create(&new(Role::Viewer), NOW).unwrap();
    assert_ne!(other.token.expose(), &token);
}

#[test]
fn each_refusal_has_its_own_word_for_the_log() {
    let (_home, tokens) = tokens();
    let created = tokens.create(&new(Role::Operator), NOW).unwrap();
    let (token, id) = (created.token.expose().as_str(), created.info.id.as_str());
    let other = tokens.create(&new(Role::Operator), NOW).unwrap();
    let swapped = format!("vty_{id}_{}", secret_of(other.token.expose()));
    let nobody = format!("vty_{}_{}", "0".repeat(8), secret_of(token));
    assert!(matches!(refused(&tokens, &swapped, NOW), TokenError::WrongSecret { .. }));
    assert!(matches!(refused(&tokens, &nobody, NOW), TokenError::Unknown { .. }));
    let end = NOW + 90 * DAY_SECONDS;
    assert!(tokens.authenticate(token, end - 1).is_ok());
    assert!(matches!(refused(&tokens, token, end), TokenError::Expired { .. }));
    tokens.revoke(id, NOW).unwrap();
    assert!(matches!(refused(&tokens, token, NOW), TokenError::Revoked { .. }));
    // Who does not know the secret does not learn that the token was revoked.
    assert!(matches!(refused(&tokens, &swapped, NOW), TokenError::WrongSecret { .. }));
}

#[test]
fn only_the_exact_form_is_a_token() {
    let (_home, tokens) = tokens();
    let created = tokens.create(&new(Role::Viewer), NOW).unwrap();
    let token = created.token.expose().as_str();
    let cut = token.get(..76).unwrap();
    let inexact = [
        String::new(),
        "vty_".to_owned(),
        format!(" {token}"),
        format!("{token}\n"),
        format!("{token}0"),
        format!("{cut}é"),
        cut.to_owned(),
        token.to_uppercase(),
        token.replace("vty_", "vty-"),
        format!("Bearer {token}"),
    ];
    for presented in inexact {
        let error = refused(&tokens, &presented, NOW);
        assert!(matches!(error, TokenError::Malformed), "{presented:?}: {error}");
    }
}

#[test]
fn the_same_directory_refuses_at_once_what_another_process_revoked() {
    let (home, tokens) = tokens();
    let created = tokens.create(&new(Role::Viewer), NOW).unwrap();
    tokens.authenticate(created.token.expose(), NOW).unwrap();
    let store = StateDirectory::open(home.path()).unwrap().database().unwrap();
    Tokens::new(Arc::new(store)).revoke(&created.info.id, NOW + 1).unwrap();
    refused(&tokens, created.token.expose(), NOW + 1);
}

#[test]
fn the_last_use_is_recorded_once_a_minute() {
    let (_home, tokens) = tokens();
    let created = tokens.create(&new(Role::Viewer), NOW).unwrap();
    // A clock that is put back is recorded too.
    for (at, recorded) in [(0, 0), (59, 0), (60, 60), (61, 60), (-100, -100)] {
        tokens.authenticate(created.token.expose(), NOW + at).unwrap();
        let info = tokens.show(&created.info.id).unwrap();
        assert_eq!(info.last_used_at, Some(NOW + recorded), "at {at}");
    }
}

#[test]
fn a_refused_token_records_no_use() {
    let (_home, tokens) = tokens();
    let created = tokens.create(&new(Role::Viewer), NOW).unwrap();
    refused(&tokens, created.token.expose(), NOW + 91 * DAY_SECONDS);
    assert_eq!(tokens.show(&created.info.id).unwrap().last_used_at, None);
}

#[test]
fn operators_are_told_what_a_token_may_be() {
    let (_home, tokens) = tokens();
    let long = "n".repeat(65);
    for name in ["", "a b", "a\n", "ä", "a;b", long.as_str()] {
        let token = NewToken { name: name.to_owned(), ..new(Role::Viewer) };
        let error = tokens.create(&token, NOW).unwrap_err();
        assert!(matches!(error, TokenError::Name { longest: 64 }), "{name:?}: {error}");
        assert_eq!(error.code(), ErrorCode::InvalidArgument);
    }
    let longest = Tokens::LONGEST_LIFETIME;
    for expires_in in [Duration::ZERO, longest + Duration::from_secs(1), Duration::MAX] {
        let error = tokens.create(&NewToken { expires_in, ..new(Role::Viewer) }, NOW).unwrap_err();
        assert_eq!(error.to_string(), "a token lives from one second to 365 days");
    }
    let token = NewToken { expires_in: longest, ..new(Role::Viewer) };
    let created = tokens.create(&token, NOW).unwrap();
    assert_eq!(created.info.expires_at, NOW + 365 * DAY_SECONDS);
}

#[test]
fn tokens_are_found_by_id_or_by_themselves_and_mistakes_are_not_repeated() {
    let (_home, tokens) = tokens();
    let created = tokens.create(&new(Role::Viewer), NOW).unwrap();
    let token = created.token.expose().as_str();
    assert_eq!(tokens.show(&created.info.id).unwrap(), created.info);
    assert_eq!(tokens.show(token).unwrap(), created.info);
    assert_eq!(tokens.revoke(token, NOW).unwrap().revoked_at, Some(NOW));
    assert_eq!(tokens.list().unwrap()[0].state(NOW), TokenState::Revoked);
    for mistake in [token.get(..40).unwrap(), secret_of(token), "", "1A2B3C4D"] {
        let error = tokens.show(mistake).unwrap_err();
        assert!(matches!(error, TokenError::NoId), "{error}");
        assert!(mistake.is_empty() || !format!("{error} {error:?}").contains(mistake));
    }
    assert!(matches!(tokens.revoke("00000000", NOW), Err(TokenError::Missing { .. })));
}

#[test]
fn any_valid_token_is_one_that_authenticates() {
    let (_home, tokens) = tokens();
    assert!(!tokens.any_valid(NOW).unwrap());
    let created = tokens.create(&new(Role::Viewer), NOW).unwrap();
    assert!(tokens.any_valid(NOW).unwrap());
    assert!(!tokens.any_valid(NOW + 90 * DAY_SECONDS).unwrap());
    tokens.revoke(&created.info.id, NOW).unwrap();
    assert!(!tokens.any_valid(NOW).unwrap());
}

proptest! {
    #[test]
    fn no_text_is_a_token_by_chance(text in "\\PC*", tail in "[0-9a-f_]{0,80}") {
        prop_assert!(format::id_in(&text).is_none_or(|id| id.len() == 8));
        let presented = format!("vty_{tail}");
        if let Some(parts) = Parts::of(&presented) {
            prop_assert_eq!((parts.id.len(), presented.len()), (8, 77));
        }
    }
}
