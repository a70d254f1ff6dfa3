//! A process dies at any moment: what was reported as recorded is there afterwards.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::{NOW, change, open, plan, planned, step};
use crate::store::{Begun, Document, StoreError};

/// Set for the copy of this test program that is to die.
const DIES_IN: &str = "VTY_TEST_DIES_IN";

#[test]
fn a_process_that_dies_leaves_its_change_and_no_lock_behind() {
    if let Some(home) = std::env::var_os(DIES_IN) {
        let store = open(Path::new(&home));
        store.insert_plan(&plan("p0", "ann")).unwrap();
        assert_eq!(store.begin_change(&change("c0")).unwrap(), Begun::Started);
        store.advance(&step("c0", "one", "verify", &Document::default())).unwrap();
        std::process::abort();
    }
    let home = tempfile::tempdir().unwrap();
    let name = "a_process_that_dies_leaves_its_change_and_no_lock_behind";
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &format!("store::tests::crash::{name}")])
        .env(DIES_IN, home.path())
        .output()
        .unwrap();
    assert!(!child.status.success(), "it lives");
    let store = open(home.path());
    let row = store.change("c0", "ann").unwrap().unwrap();
    assert_eq!((row.phase.as_str(), row.outcome.as_deref()), ("verify", None));
    assert!(store.put_aside().is_empty());
    let adopted = store.adopt("c0", "two", NOW + 60, std::time::Duration::from_secs(30)).unwrap();
    assert!(adopted.is_some());
}

/// Copies what would be on the disk if the machine stopped at this moment, the log cut short.
fn stopped(home: &Path, log_bytes: usize) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    fs::copy(home.join("state.db"), copy.path().join("state.db")).unwrap();
    let log = fs::read(home.join("state.db-wal")).unwrap();
    fs::write(copy.path().join("state.db-wal"), &log[..log_bytes.min(log.len())]).unwrap();
    copy
}

#[test]
fn what_was_recorded_survives_a_stop_at_any_byte_of_the_next_record() {
    let (home, store) = planned();
    store.begin_change(&change("c0")).unwrap();
    let log = home.path().join("state.db-wal");
    let length = |log: &Path| usize::try_from(fs::metadata(log).unwrap().len()).unwrap();
    let mut recorded = length(&log);
    for (known, phase) in ["verify", "confirm", "saved"].into_iter().enumerate() {
        store.advance(&step("c0", "one", phase, &Document::default())).unwrap();
        let end = length(&log);
        for cut in (recorded..end).step_by(499).chain([end - 1, end]) {
            let copy = stopped(home.path(), cut);
            let after = open(copy.path());
            assert!(after.put_aside().is_empty(), "a torn record is no damage");
            let phases = after.phases("c0").unwrap();
            // The phase is there with its last byte, and wholly absent before.
            let expected = known + 1 + usize::from(cut == end);
            assert_eq!(phases.len(), expected, "{cut} of {end}");
            let row = after.change("c0", "ann").unwrap().unwrap();
            assert_eq!(row.phase, phases.last().unwrap().phase);
        }
        recorded = end;
    }
}

#[test]
fn a_failed_write_leaves_nothing() {
    let (_home, store) = planned();
    let failed: Result<(), StoreError> = store.write("fail", |transaction| {
        transaction.execute("DELETE FROM plans", [])?;
        Err(rusqlite::Error::QueryReturnedNoRows)
    });
    assert_eq!(failed.unwrap_err().to_string().split(": ").last(), Some("cannot fail"));
    assert!(store.plan("p0", "ann").unwrap().is_some());
}
