//! Several connections at once, as several processes have them.

use std::path::Path;
use std::sync::Barrier;
use std::time::Duration;

use super::{NOW, change, open, planned, step};
use crate::store::{Begun, Document, Store};

const RUNNERS: usize = 6;

/// Lets several connections do the same at the same moment.
fn race<T: Send>(home: &Path, work: impl Fn(&Store, usize) -> T + Sync) -> Vec<T> {
    let barrier = Barrier::new(RUNNERS);
    let run = |number| {
        let store = open(home);
        barrier.wait();
        work(&store, number)
    };
    std::thread::scope(|scope| {
        let run = &run;
        let runners: Vec<_> = (0..RUNNERS).map(|number| scope.spawn(move || run(number))).collect();
        runners.into_iter().map(|runner| runner.join().unwrap()).collect()
    })
}

#[test]
fn a_new_directory_is_opened_by_many_at_once() {
    let home = tempfile::tempdir().unwrap();
    let barrier = Barrier::new(RUNNERS);
    std::thread::scope(|scope| {
        for _ in 0..RUNNERS {
            scope.spawn(|| {
                barrier.wait();
                assert!(open(home.path()).tokens().unwrap().is_empty());
            });
        }
    });
}

#[test]
fn one_of_many_begins_on_a_device() {
    let (home, _store) = planned();
    for round in 0..4 {
        let begun = race(home.path(), |store, number| {
            let mut new = change(&format!("c{round}-{number}"));
            // Half of them apply the same plan, half another one.
            new.plan_id = format!("p{}", number % 2);
            new.device = format!("r{round}");
            new.device_key = format!("192.0.2.{round}:22");
            store.begin_change(&new).unwrap()
        });
        let started = begun.iter().filter(|begun| **begun == Begun::Started).count();
        assert_eq!(started, 1, "{begun:?}");
        let busy = begun.iter().filter(|begun| matches!(begun, Begun::Busy(_))).count();
        assert_eq!(busy, RUNNERS / 2, "{begun:?}");
    }
}

#[test]
fn one_of_many_adopts() {
    let (home, store) = planned();
    store.begin_change(&change("c0")).unwrap();
    let adopted = race(home.path(), |store, number| {
        let stale_after = Duration::from_secs(30);
        store.adopt("c0", &format!("heir-{number}"), NOW + 60, stale_after).unwrap()
    });
    let winners: Vec<_> = adopted.into_iter().flatten().collect();
    assert_eq!(winners.len(), 1, "{winners:?}");
    assert_eq!(store.change("c0", "ann").unwrap(), winners.into_iter().next());
}

#[test]
fn an_adopted_change_is_not_written_by_both() {
    let (home, store) = planned();
    store.begin_change(&change("c0")).unwrap();
    let wrote = race(home.path(), |store, number| {
        let owner = if number == 0 { "one".to_owned() } else { format!("heir-{number}") };
        if number != 0 {
            store.adopt("c0", &owner, NOW + 60, Duration::from_secs(30)).unwrap();
        }
        let note = Document::default();
        store.finish("c0", &owner, &owner, &note, NOW + 61).is_ok()
    });
    assert_eq!(wrote.into_iter().filter(|wrote| *wrote).count(), 1);
    assert!(store.advance(&step("c0", "one", "verify", &Document::default())).is_err());
}

#[test]
fn writers_wait_for_one_another() {
    let (home, store) = planned();
    race(home.path(), |store, number| {
        for round in 0..20 {
            let mut new = super::token(&format!("{number}-{round}"));
            new.created_at += round;
            assert!(store.insert_token(&new).unwrap());
        }
    });
    assert_eq!(store.tokens().unwrap().len(), RUNNERS * 20);
}

#[test]
fn one_store_serves_many_threads() {
    let (_home, store) = planned();
    std::thread::scope(|scope| {
        for number in 0..RUNNERS {
            let store = &store;
            scope.spawn(move || store.insert_token(&super::token(&number.to_string())).unwrap());
        }
    });
    assert_eq!(store.tokens().unwrap().len(), RUNNERS);
}
