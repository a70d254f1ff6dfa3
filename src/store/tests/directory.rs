//! The directory and the key in it.

use crate::store::StateDirectory;

#[test]
fn the_key_is_made_once_and_for_the_owner_only() {
    let parent = tempfile::tempdir().unwrap();
    let directory = StateDirectory::open(&parent.path().join("a/b")).unwrap();
    let key = directory.install_key().unwrap();
    assert_eq!(directory.install_key().unwrap(), key);
    assert_ne!(key, [0; 32]);
    let names: Vec<_> = std::fs::read_dir(parent.path().join("a/b")).unwrap().collect();
    assert_eq!(names.len(), 1, "no draft stays behind");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: &str| {
            std::fs::metadata(parent.path().join(path)).unwrap().permissions().mode() & 0o777
        };
        assert_eq!((mode("a/b"), mode("a/b/redaction.key")), (0o700, 0o600));
    }
}

#[test]
fn a_place_that_cannot_be_a_directory_is_named() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let error = StateDirectory::open(&file.path().join("state")).unwrap_err();
    assert!(error.to_string().contains("cannot make it"), "{error}");
}

#[test]
fn a_damaged_key_is_an_error_and_not_replaced() {
    let parent = tempfile::tempdir().unwrap();
    let directory = StateDirectory::open(parent.path()).unwrap();
    std::fs::write(parent.path().join("redaction.key"), b"short").unwrap();
    assert!(directory.install_key().is_err());
    assert_eq!(std::fs::read(parent.path().join("redaction.key")).unwrap(), b"short");
}
