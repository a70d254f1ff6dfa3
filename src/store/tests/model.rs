//! Random work of two processes gives what a simple model of the journal gives.

use std::time::Duration;

use proptest::prelude::*;

use super::{NOW, change, open, planned, step};
use crate::store::{Begun, ChangeFilter, Document, Store};

const OWNERS: [&str; 2] = ["one", "two"];
const STALE: i64 = 30;

#[derive(Debug, Clone)]
enum Act {
    Begin { plan: usize, device: usize, owner: usize },
    Advance { change: usize, owner: usize },
    Finish { change: usize, owner: usize },
    Adopt { change: usize, owner: usize },
    Heartbeat { owner: usize },
    Wait(i64),
    Reopen,
}

fn act() -> impl Strategy<Value = Act> {
    let (change, owner) = (0..8_usize, 0..2_usize);
    prop_oneof![
        4 => (0..4_usize, 0..3_usize, owner.clone())
            .prop_map(|(plan, device, owner)| Act::Begin { plan, device, owner }),
        3 => (change.clone(), owner.clone())
            .prop_map(|(change, owner)| Act::Advance { change, owner }),
        2 => (change.clone(), owner.clone())
            .prop_map(|(change, owner)| Act::Finish { change, owner }),
        3 => (change, owner.clone()).prop_map(|(change, owner)| Act::Adopt { change, owner }),
        1 => owner.prop_map(|owner| Act::Heartbeat { owner }),
        2 => (0..40_i64).prop_map(Act::Wait),
        1 => Just(Act::Reopen),
    ]
}

/// What the model knows of a change.
#[derive(Debug, Clone)]
struct Known {
    id: String,
    plan: usize,
    device: usize,
    owner: usize,
    seen: i64,
    phases: usize,
    finished: bool,
}

/// The third name is another one for the first device.
const KEYS: [usize; 3] = [0, 1, 0];

impl Known {
    fn is_held_by(&self, owner: usize) -> bool {
        self.owner == owner && !self.finished
    }
}

/// Does one thing to both and compares the answers.
fn perform(store: &Store, model: &mut Vec<Known>, act: &Act, now: i64) {
    let id = |number: &usize| format!("c{number}");
    match act {
        Act::Begin { plan, device, owner } => {
            let mut new = change(&id(&model.len()));
            new.plan_id = format!("p{plan}");
            new.device = format!("r{device}");
            new.device_key = format!("192.0.2.{}:22", KEYS[*device]);
            (new.owner, new.at) = (OWNERS[*owner].to_owned(), now);
            let exists = model.iter().find(|k| (k.plan, k.device) == (*plan, *device));
            let busy = model.iter().find(|k| KEYS[k.device] == KEYS[*device] && !k.finished);
            match (store.begin_change(&new).unwrap(), exists, busy) {
                (Begun::Exists(row), Some(known), _) | (Begun::Busy(row), None, Some(known)) => {
                    assert_eq!(row.change_id, known.id);
                }
                (Begun::Started, None, None) => model.push(Known {
                    id: new.change_id,
                    plan: *plan,
                    device: *device,
                    owner: *owner,
                    seen: now,
                    phases: 1,
                    finished: false,
                }),
                other => panic!("{other:?}"),
            }
        }
        Act::Advance { change, owner } => {
            let (id, note) = (id(change), Document::default());
            let mut step = step(&id, OWNERS[*owner], "next", &note);
            step.at = now;
            let known = model.get_mut(*change).filter(|known| known.is_held_by(*owner));
            assert_eq!(store.advance(&step).is_ok(), known.is_some());
            if let Some(known) = known {
                (known.seen, known.phases) = (now, known.phases + 1);
            }
        }
        Act::Finish { change, owner } => {
            let known = model.get_mut(*change).filter(|known| known.is_held_by(*owner));
            let body = Document::default();
            let finished = store.finish(&id(change), OWNERS[*owner], "done", &body, now);
            assert_eq!(finished.is_ok(), known.is_some());
            if let Some(known) = known {
                known.finished = true;
            }
        }
        Act::Adopt { change, owner } => {
            let stale = |known: &&mut Known| !known.finished && now - known.seen > STALE;
            let known = model.get_mut(*change).filter(stale);
            let stale_after = Duration::from_secs(STALE.unsigned_abs());
            let adopted = store.adopt(&id(change), OWNERS[*owner], now, stale_after).unwrap();
            assert_eq!(adopted.is_some(), known.is_some());
            if let Some(known) = known {
                (known.owner, known.seen, known.phases) = (*owner, now, known.phases + 1);
            }
        }
        Act::Heartbeat { owner } => {
            let mut held = Vec::new();
            for known in model.iter_mut().filter(|known| known.is_held_by(*owner)) {
                known.seen = now;
                held.push(known.id.clone());
            }
            let mut alive = store.heartbeat(OWNERS[*owner], now).unwrap();
            alive.sort();
            assert_eq!(alive, held);
        }
        Act::Wait(_) | Act::Reopen => {}
    }
}

fn compare(store: &Store, model: &[Known]) {
    let rows = store.changes(ChangeFilter::default(), 100).unwrap();
    assert_eq!(rows.len(), model.len());
    for (row, known) in rows.iter().rev().zip(model) {
        assert_eq!(row.change_id, known.id);
        assert_eq!(row.owner, OWNERS[known.owner]);
        assert_eq!(row.heartbeat_at, known.seen);
        assert_eq!(row.outcome.is_some(), known.finished);
        assert_eq!(store.phases(&row.change_id).unwrap().len(), known.phases);
    }
    let open = model.iter().filter(|known| !known.finished).count();
    assert_eq!(store.unfinished().unwrap().len(), open);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_journal_does_what_its_model_does(acts in prop::collection::vec(act(), 1..50)) {
        let (home, mut store) = planned();
        let (mut model, mut now) = (Vec::new(), NOW);
        for act in &acts {
            match act {
                Act::Wait(seconds) => now += seconds,
                Act::Reopen => {
                    drop(store);
                    store = open(home.path());
                }
                act => perform(&store, &mut model, act, now),
            }
        }
        compare(&store, &model);
    }
}
