//! Opening: made for the owner only, upgraded, refused when newer, put aside when damaged.

use std::fs;
use std::path::{Path, PathBuf};

use super::{NOW, open, plan, token};
use crate::store::schema::MIGRATIONS;
use crate::store::{StateDirectory, Store, StoreError};

fn fails(home: &Path) -> StoreError {
    StateDirectory::open(home).unwrap().database().unwrap_err()
}

/// A closed database that is several pages long.
fn filled() -> (tempfile::TempDir, PathBuf) {
    let home = tempfile::tempdir().unwrap();
    let store = open(home.path());
    for number in 0..200 {
        store.insert_token(&token(&format!("{number:08}"))).unwrap();
    }
    drop(store);
    let path = home.path().join("state.db");
    (home, path)
}

fn overwrite(path: &Path, from: usize, bytes: &[u8]) {
    let mut content = fs::read(path).unwrap();
    content[from..from + bytes.len()].copy_from_slice(bytes);
    fs::write(path, content).unwrap();
}

#[test]
#[cfg(unix)]
fn every_file_is_for_the_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let home = tempfile::tempdir().unwrap();
    let store = open(home.path());
    store.insert_token(&token("aa")).unwrap();
    let mut names = Vec::new();
    for entry in fs::read_dir(home.path()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{:?}", entry.file_name());
        names.push(entry.file_name().into_string().unwrap());
    }
    assert!(names.contains(&"state.db-wal".to_owned()), "it logs before it writes: {names:?}");
}

#[test]
fn what_is_written_waits_for_the_disk() {
    let home = tempfile::tempdir().unwrap();
    let store = open(home.path());
    for (name, expected) in [("synchronous", 2), ("foreign_keys", 1), ("busy_timeout", 5000)] {
        let read = |connection: &rusqlite::Connection| {
            connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0))
        };
        assert_eq!(store.read("read a setting", read).unwrap(), expected, "{name}");
    }
}

#[test]
fn an_older_database_is_upgraded_and_keeps_its_rows() {
    let home = tempfile::tempdir().unwrap();
    open(home.path()).insert_plan(&plan("p", "ann")).unwrap();
    let mut newer = MIGRATIONS.to_vec();
    newer.push("ALTER TABLE plans ADD COLUMN title TEXT NOT NULL DEFAULT 'none'");
    let store = Store::open_with(home.path(), &newer).unwrap();
    let query = "SELECT title FROM plans WHERE id = 'p'";
    let title = store.read("read", |c| c.query_row(query, [], |row| row.get::<_, String>(0)));
    assert_eq!(title.unwrap(), "none");
    drop(store);
    assert!(Store::open_with(home.path(), &newer).is_ok(), "a second time it has nothing to do");
}

#[test]
fn an_upgrade_that_fails_leaves_the_old_version() {
    let home = tempfile::tempdir().unwrap();
    open(home.path()).insert_plan(&plan("p", "ann")).unwrap();
    let mut broken = MIGRATIONS.to_vec();
    broken.extend(["CREATE TABLE extra (x) STRICT"]);
    assert!(Store::open_with(home.path(), &broken).is_err());
    broken.pop();
    broken.extend(["CREATE TABLE extra (x TEXT) STRICT", "no SQL at all"]);
    assert!(Store::open_with(home.path(), &broken).is_err());
    assert!(open(home.path()).plan("p", "ann").unwrap().is_some());
}

#[test]
fn a_newer_database_is_refused_and_left_alone() {
    let home = tempfile::tempdir().unwrap();
    let mut newer = MIGRATIONS.to_vec();
    newer.push("CREATE TABLE future (x TEXT) STRICT");
    drop(Store::open_with(home.path(), &newer).unwrap());
    let before = fs::read(home.path().join("state.db")).unwrap();
    let error = fails(home.path());
    assert!(matches!(error, StoreError::Newer { found: 4, known: 3, .. }), "{error}");
    assert_eq!(fs::read(home.path().join("state.db")).unwrap(), before);
}

#[test]
fn an_upgrade_waits_until_nobody_uses_the_old_version() {
    let home = tempfile::tempdir().unwrap();
    let old = open(home.path());
    let mut newer = MIGRATIONS.to_vec();
    newer.push("CREATE TABLE future (x TEXT) STRICT");
    let error = Store::open_with(home.path(), &newer).unwrap_err();
    assert!(matches!(error, StoreError::UpgradeInUse { .. }), "{error}");
    drop(old);
    assert!(Store::open_with(home.path(), &newer).is_ok());
}

#[test]
fn a_damaged_database_is_put_aside_whole_and_named_as_long_as_it_lies_there() {
    // Not a database at all; a page of a table that is noise; a file that ends too early.
    let damages: [fn(&Path); 3] = [
        |path| overwrite(path, 0, &[0x55; 100]),
        |path| overwrite(path, 5 * 4096, &[0x55; 3 * 4096]),
        |path| fs::write(path, &fs::read(path).unwrap()[..6 * 4096]).unwrap(),
    ];
    for damage in damages {
        let (home, path) = filled();
        damage(&path);
        let damaged = fs::read(&path).unwrap();
        let store = open(home.path());
        assert_eq!(store.put_aside().len(), 1);
        assert_eq!(fs::read(&store.put_aside()[0]).unwrap(), damaged);
        assert!(store.tokens().unwrap().is_empty());
        assert!(store.insert_token(&token("aa")).unwrap());
        drop(store);
        let store = open(home.path());
        assert_eq!(store.put_aside().len(), 1, "it is named at the next start too");
        fs::remove_file(&store.put_aside()[0]).unwrap();
        drop(store);
        let store = open(home.path());
        assert!(store.put_aside().is_empty());
        assert!(store.any_valid_token(NOW).unwrap(), "what came since is kept");
    }
}

#[test]
fn a_damaged_database_is_not_put_aside_while_somebody_uses_it() {
    let (home, path) = filled();
    let user = open(home.path());
    overwrite(&path, 0, &[0x55; 100]);
    let error = fails(home.path());
    assert!(matches!(error, StoreError::DamagedInUse { .. }), "{error}");
    assert!(path.exists());
    drop(user);
    assert_eq!(open(home.path()).put_aside().len(), 1);
}

#[test]
fn a_log_without_its_database_is_kept() {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("state.db-wal"), b"the last changes").unwrap();
    let store = open(home.path());
    let [kept] = store.put_aside() else { panic!("{:?}", store.put_aside()) };
    assert_eq!(fs::read(kept).unwrap(), b"the last changes");
}

#[test]
fn a_database_that_cannot_be_opened_is_named() {
    let home = tempfile::tempdir().unwrap();
    fs::create_dir(home.path().join("state.db")).unwrap();
    let error = fails(home.path());
    assert!(error.to_string().ends_with("state.db: cannot open it"), "{error}");
    assert!(home.path().join("state.db").is_dir());
}
