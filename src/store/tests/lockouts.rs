//! Rows of lockouts.

use super::{NOW, open};
use crate::store::{LockoutRow, LockoutScope, Store};

fn row(scope: LockoutScope, credential: &str, device: &str) -> LockoutRow {
    LockoutRow {
        scope,
        credential: credential.to_owned(),
        device_key: format!("{device}.example.net:22"),
        device: device.to_owned(),
        username: "ann".to_owned(),
        since: NOW,
        until: NOW + 900,
        reason: "refused".to_owned(),
    }
}

fn held(store: &Store, credential: &str, now: i64) -> Vec<(LockoutScope, String)> {
    let rows = store.lockouts_of(credential, now).unwrap();
    rows.into_iter().map(|row| (row.scope, row.device)).collect()
}

#[test]
fn a_lockout_comes_back_as_it_was_until_it_is_over() {
    let home = tempfile::tempdir().unwrap();
    let store = open(home.path());
    let first = row(LockoutScope::Device, "c1", "r1");
    store.record_lockout(&first).unwrap();
    assert_eq!(store.lockouts_of("c1", NOW + 899).unwrap(), std::slice::from_ref(&first));
    assert_eq!(store.lockouts(NOW + 899).unwrap(), [first]);
    assert_eq!(held(&store, "c2", NOW), []);
    assert_eq!(held(&store, "c1", NOW + 900), []);
    let later = LockoutRow { since: NOW + 900, ..row(LockoutScope::Device, "c2", "r2") };
    store.record_lockout(&later).unwrap();
    assert_eq!(store.lockouts(0).unwrap(), [later], "what is over is forgotten");
}

#[test]
fn a_credential_is_held_once_per_device_and_once_in_the_fleet() {
    let home = tempfile::tempdir().unwrap();
    let store = open(home.path());
    for device in ["r1", "r2", "r1"] {
        store.record_lockout(&row(LockoutScope::Device, "c1", device)).unwrap();
        store.record_lockout(&row(LockoutScope::Fleet, "c1", device)).unwrap();
    }
    let mut rows = held(&store, "c1", NOW);
    rows.sort_by_key(|(scope, device)| (scope.as_str(), device.clone()));
    let expected = [
        (LockoutScope::Device, "r1".to_owned()),
        (LockoutScope::Device, "r2".to_owned()),
        (LockoutScope::Fleet, "r1".to_owned()),
    ];
    assert_eq!(rows, expected);
}

#[test]
fn lifting_that_of_a_device_lifts_the_pause_of_its_credentials() {
    let home = tempfile::tempdir().unwrap();
    let store = open(home.path());
    for (credential, device) in [("c1", "r1"), ("c1", "r2"), ("c2", "r3")] {
        store.record_lockout(&row(LockoutScope::Device, credential, device)).unwrap();
    }
    store.record_lockout(&row(LockoutScope::Fleet, "c1", "r2")).unwrap();
    store.record_lockout(&row(LockoutScope::Fleet, "c2", "r3")).unwrap();
    assert_eq!(store.lift_lockouts(Some("R1")).unwrap().len(), 2);
    assert_eq!(held(&store, "c1", NOW), [(LockoutScope::Device, "r2".to_owned())]);
    assert_eq!(held(&store, "c2", NOW).len(), 2, "another credential stays");
    assert_eq!(store.lift_lockouts(Some("r2.example.net:22")).unwrap().len(), 1);
    assert_eq!(store.lift_lockouts(Some("r9")).unwrap(), []);
    assert_eq!(store.lift_lockouts(None).unwrap().len(), 2);
    assert_eq!(store.lockouts(0).unwrap(), []);
}
