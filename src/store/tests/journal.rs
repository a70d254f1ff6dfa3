//! The journal in the hands of one process and of two.

use std::time::Duration;

use super::{NOW, change, plan, planned, step};
use crate::store::{Begun, ChangeFilter, ChangeRow, Document, Store, StoreError};

const STALE: Duration = Duration::from_secs(30);

fn row(store: &Store, id: &str) -> ChangeRow {
    store.change(id, "ann").unwrap().unwrap()
}

fn is_lost(result: &Result<(), StoreError>) -> bool {
    matches!(result, Err(StoreError::ChangeNotHeld { .. }))
}

#[test]
fn the_same_plan_on_the_same_device_begins_once() {
    let (_home, store) = planned();
    assert_eq!(store.begin_change(&change("c0")).unwrap(), Begun::Started);
    let first = row(&store, "c0");
    assert_eq!((first.phase.as_str(), first.heartbeat_at), ("trial", NOW));
    assert_eq!(store.begin_change(&change("c1")).unwrap(), Begun::Exists(first));
    let body = Document::of("after").unwrap();
    store.finish("c0", "one", "saved", &body, NOW + 2).unwrap();
    let Begun::Exists(done) = store.begin_change(&change("c1")).unwrap() else {
        panic!("it began a second time");
    };
    assert_eq!((done.outcome.as_deref(), done.body), (Some("saved"), body));
}

#[test]
fn an_unfinished_change_holds_its_device_under_any_name() {
    let (_home, store) = planned();
    store.begin_change(&change("c0")).unwrap();
    let mut other = change("c1");
    (other.plan_id, other.device) = ("p1".to_owned(), "r1-alias".to_owned());
    assert_eq!(store.begin_change(&other).unwrap(), Begun::Busy(row(&store, "c0")));
    let mut elsewhere = change("c2");
    elsewhere.plan_id = "p2".to_owned();
    elsewhere.device_key = "192.0.2.2:22".to_owned();
    assert_eq!(store.begin_change(&elsewhere).unwrap(), Begun::Started);
    store.finish("c0", "one", "undone", &Document::default(), NOW + 2).unwrap();
    assert_eq!(store.begin_change(&other).unwrap(), Begun::Started);
}

#[test]
fn a_change_needs_a_plan_of_its_caller() {
    let (_home, store) = planned();
    store.insert_plan(&plan("theirs", "bob")).unwrap();
    for plan_id in ["theirs", "nowhere"] {
        let mut stolen = change("c0");
        stolen.plan_id = plan_id.to_owned();
        let error = store.begin_change(&stolen).unwrap_err();
        assert!(matches!(error, StoreError::PlanMissing { .. }), "{error}");
    }
    assert!(store.unfinished().unwrap().is_empty());
}

#[test]
fn every_phase_is_in_the_history() {
    let (_home, store) = planned();
    store.begin_change(&change("c0")).unwrap();
    let note = Document::of(&["line 1"]).unwrap();
    let mut verify = step("c0", "one", "verify", &note);
    verify.deadline = Some(NOW + 120);
    store.advance(&verify).unwrap();
    store.advance(&step("c0", "one", "confirm", &note)).unwrap();
    let row = row(&store, "c0");
    assert_eq!((row.phase.as_str(), row.deadline), ("confirm", Some(NOW + 120)));
    assert_eq!((row.started_at, row.updated_at), (NOW, NOW + 1));
    let phases = store.phases("c0").unwrap();
    let words: Vec<&str> = phases.iter().map(|entry| entry.phase.as_str()).collect();
    assert_eq!(words, ["trial", "verify", "confirm"]);
    assert_eq!((phases[0].at, phases[1].at, &phases[1].note), (NOW, NOW + 1, &note));
}

#[test]
fn only_the_owner_writes_and_only_until_the_end() {
    let (_home, store) = planned();
    store.begin_change(&change("c0")).unwrap();
    let note = Document::default();
    assert!(is_lost(&store.advance(&step("c0", "two", "verify", &note))));
    assert!(is_lost(&store.finish("c0", "two", "saved", &note, NOW)));
    assert!(is_lost(&store.advance(&step("c9", "one", "verify", &note))));
    store.finish("c0", "one", "saved", &note, NOW).unwrap();
    assert!(is_lost(&store.advance(&step("c0", "one", "verify", &note))));
    assert!(is_lost(&store.finish("c0", "one", "undone", &note, NOW)));
    assert_eq!(row(&store, "c0").outcome.as_deref(), Some("saved"));
    assert_eq!(store.phases("c0").unwrap().len(), 1, "refused steps leave no trace");
}

#[test]
fn a_silent_owner_loses_its_change_to_one_other() {
    let (_home, store) = planned();
    store.begin_change(&change("c0")).unwrap();
    assert_eq!(store.heartbeat("one", NOW + 10).unwrap(), ["c0"]);
    assert_eq!(store.adopt("c0", "two", NOW + 40, STALE).unwrap(), None);
    let adopted = store.adopt("c0", "two", NOW + 41, STALE).unwrap().unwrap();
    assert_eq!((adopted.owner.as_str(), adopted.phase.as_str()), ("two", "trial"));
    assert_eq!(store.adopt("c0", "three", NOW + 41, STALE).unwrap(), None);
    assert!(store.heartbeat("one", NOW + 42).unwrap().is_empty());
    assert!(is_lost(&store.advance(&step("c0", "one", "verify", &Document::default()))));
    store.advance(&step("c0", "two", "undo", &Document::default())).unwrap();
    let owners: Vec<String> =
        store.phases("c0").unwrap().into_iter().map(|entry| entry.owner).collect();
    assert_eq!(owners, ["one", "two", "two"]);
}

#[test]
fn adoption_takes_nothing_that_ended_or_never_was() {
    let (_home, store) = planned();
    store.begin_change(&change("c0")).unwrap();
    store.finish("c0", "one", "saved", &Document::default(), NOW).unwrap();
    assert_eq!(store.adopt("c0", "two", NOW + 999, STALE).unwrap(), None);
    assert_eq!(store.adopt("c9", "two", NOW + 999, STALE).unwrap(), None);
}

#[test]
fn a_clock_that_was_put_back_does_not_keep_a_change_for_ever() {
    let (_home, store) = planned();
    store.begin_change(&change("c0")).unwrap();
    assert_eq!(store.adopt("c0", "two", NOW - 30, STALE).unwrap(), None);
    assert!(store.adopt("c0", "two", NOW - 31, STALE).unwrap().is_some());
}

#[test]
fn changes_are_listed_newest_first_as_the_filter_says() {
    let (_home, store) = planned();
    for number in 0..4 {
        let mut new = change(&format!("c{number}"));
        new.plan_id = format!("p{number}");
        new.device = format!("r{}", number % 2);
        new.device_key = format!("192.0.2.{number}:22");
        store.begin_change(&new).unwrap();
    }
    store.finish("c1", "one", "saved", &Document::default(), NOW).unwrap();
    let listed = |filter: ChangeFilter<'_>, limit| {
        let rows = store.changes(filter, limit).unwrap();
        rows.into_iter().map(|row| row.change_id).collect::<Vec<_>>()
    };
    let all = ChangeFilter::default();
    assert_eq!(listed(all, 10), ["c3", "c2", "c1", "c0"]);
    assert_eq!(listed(all, 2), ["c3", "c2"]);
    assert_eq!(listed(ChangeFilter { device: Some("r1"), ..all }, 10), ["c3", "c1"]);
    let open = ChangeFilter { device: Some("r1"), unfinished: true, caller: Some("ann") };
    assert_eq!(listed(open, 10), ["c3"]);
    assert!(listed(ChangeFilter { caller: Some("bob"), ..all }, 10).is_empty());
    assert_eq!(store.change("c0", "bob").unwrap(), None);
    let unfinished: Vec<String> =
        store.unfinished().unwrap().into_iter().map(|row| row.change_id).collect();
    assert_eq!(unfinished, ["c0", "c2", "c3"]);
}
