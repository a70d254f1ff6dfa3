//! What the state directory promises, also when processes die or meet.

mod crash;
mod directory;
mod journal;
mod lockouts;
mod model;
mod opening;
mod plans;
mod races;
mod tokens;

use std::path::Path;

use super::{Document, NewChange, PlanRow, StateDirectory, Step, Store, TokenRow};

/// A moment.
const NOW: i64 = 1_800_000_000;

fn open(home: &Path) -> Store {
    StateDirectory::open(home).unwrap().database().unwrap()
}

/// A store in a directory of its own, with plans `p0` to `p3` of the caller `ann`.
fn planned() -> (tempfile::TempDir, Store) {
    let home = tempfile::tempdir().unwrap();
    let store = open(home.path());
    for number in 0..4 {
        store.insert_plan(&plan(&format!("p{number}"), "ann")).unwrap();
    }
    (home, store)
}

fn plan(id: &str, caller: &str) -> PlanRow {
    PlanRow {
        id: id.to_owned(),
        caller: caller.to_owned(),
        created_at: NOW,
        expires_at: NOW + 900,
        hash: format!("hash of {id}"),
        body: Document::of(&["hostname r1"]).unwrap(),
    }
}

/// A change of plan `p0` on `r1`, owned by the process `one`.
fn change(id: &str) -> NewChange {
    NewChange {
        change_id: id.to_owned(),
        plan_id: "p0".to_owned(),
        device: "r1".to_owned(),
        device_key: "192.0.2.1:22".to_owned(),
        caller: "ann".to_owned(),
        owner: "one".to_owned(),
        phase: "trial".to_owned(),
        deadline: None,
        body: Document::of("before").unwrap(),
        at: NOW,
    }
}

fn step<'a>(change_id: &'a str, owner: &'a str, phase: &'a str, note: &'a Document) -> Step<'a> {
    Step { change_id, owner, phase, note, deadline: None, at: NOW + 1 }
}

fn token(id: &str) -> TokenRow {
    TokenRow {
        id: id.to_owned(),
        name: "laptop".to_owned(),
        role: "viewer".to_owned(),
        hash: [7; 32],
        created_at: NOW,
        expires_at: NOW + 100,
        revoked_at: None,
        last_used_at: None,
    }
}
