//! Plans belong to their callers and expire.

use super::{NOW, change, plan, planned};
use crate::store::{Document, StoreError};

#[test]
fn a_plan_comes_back_as_it_was_and_only_to_its_caller() {
    let (_home, store) = planned();
    assert_eq!(store.plan("p1", "ann").unwrap(), Some(plan("p1", "ann")));
    assert_eq!(store.plan("p1", "bob").unwrap(), None);
    assert_eq!(store.plan("p9", "ann").unwrap(), None);
}

#[test]
fn a_plan_is_never_written_over() {
    let (_home, store) = planned();
    let error = store.insert_plan(&plan("p1", "bob")).unwrap_err();
    assert!(error.to_string().contains("cannot record the plan"), "{error}");
    assert_eq!(store.plan("p1", "ann").unwrap(), Some(plan("p1", "ann")));
}

#[test]
fn expired_plans_go_unless_they_were_applied() {
    let (_home, store) = planned();
    store.begin_change(&change("c0")).unwrap();
    assert_eq!(store.expire_plans(NOW + 899).unwrap(), 0);
    assert_eq!(store.expire_plans(NOW + 900).unwrap(), 3);
    assert!(store.plan("p0", "ann").unwrap().is_some(), "its outcome may still be asked for");
    assert!(store.plan("p1", "ann").unwrap().is_none());
}

#[test]
fn documents_are_read_as_written_and_never_shown() {
    let document = Document::of(&["username admin secret hunter2"]).unwrap();
    assert_eq!(document.read::<Vec<String>>().unwrap(), ["username admin secret hunter2"]);
    assert_eq!(format!("{document:?}"), "<document of 33 bytes>");
    let error = document.read::<Vec<u64>>().unwrap_err();
    assert!(matches!(error, StoreError::Document { line: 1, .. }), "{error}");
    let shown = format!("{error} {error:?} {:?}", plan("p", "ann"));
    assert!(!shown.contains("hunter2") && !shown.contains("hostname"), "{shown}");
}
