//! The recorded host keys: our own `known_hosts` file in OpenSSH's format.
//!
//! **Invariants:** a changed key is never accepted and never overwrites the recorded one. The file
//! is only ever appended to, one line per write, so several processes may share it. Hashed names
//! and certificate authorities are not read.

use std::io::Write;
use std::path::{Path, PathBuf};

use russh::keys::ssh_key::{Algorithm, HashAlg, PublicKey};

use super::TransportError;
use crate::inventory::HostKeyPolicy;

/// The file of recorded host keys.
#[derive(Debug, Clone)]
pub struct HostKeys {
    path: PathBuf,
}

/// A key that was accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostKey {
    /// The key's SHA-256 fingerprint.
    pub fingerprint: String,
    /// Whether it was recorded just now.
    pub first_contact: bool,
}

/// One line of the file that concerns a host.
struct Recorded {
    key: PublicKey,
    revoked: bool,
}

impl HostKeys {
    /// Uses the file at `path`, which need not exist yet.
    pub fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// The kinds of keys recorded for a host.
    pub(super) fn algorithms(&self, host: &str) -> Result<Vec<Algorithm>, TransportError> {
        let recorded = self.recorded(host)?;
        Ok(recorded.iter().filter(|r| !r.revoked).map(|r| r.key.algorithm()).collect())
    }

    /// Decides whether a host's key is accepted, recording it on first contact.
    pub(super) fn check(
        &self,
        host: &str,
        key: &PublicKey,
        policy: &HostKeyPolicy,
    ) -> Result<HostKey, TransportError> {
        let fingerprint = fingerprint(key);
        let recorded = self.recorded(host)?;
        let same = |recorded: &&Recorded| recorded.key.key_data() == key.key_data();
        let host_name = host.to_owned();
        if recorded.iter().filter(same).any(|recorded| recorded.revoked) {
            return Err(TransportError::HostKeyRevoked { host: host_name, fingerprint });
        }
        if recorded.iter().any(|recorded| same(&recorded)) {
            return Ok(HostKey { fingerprint, first_contact: false });
        }
        if let Some(other) = recorded.iter().find(|recorded| !recorded.revoked) {
            return Err(TransportError::HostKeyChanged {
                host: host_name,
                fingerprint,
                recorded: self::fingerprint(&other.key),
            });
        }
        match policy {
            HostKeyPolicy::Strict | HostKeyPolicy::Pinned(_) => {
                Err(TransportError::HostKeyUnknown { host: host_name, fingerprint })
            }
            HostKeyPolicy::AcceptNew => {
                self.record(host, key).map_err(|source| self.file_error(source))?;
                Ok(HostKey { fingerprint, first_contact: true })
            }
        }
    }

    fn record(&self, host: &str, key: &PublicKey) -> std::io::Result<()> {
        let mut key = key.clone();
        key.set_comment("");
        let text = key.to_openssh().map_err(std::io::Error::other)?;
        let mut options = std::fs::OpenOptions::new();
        options.create(true).append(true);
        private(&mut options);
        // An editor may have left the last line without its end; ours must not be glued to it.
        let existing = std::fs::read(&self.path).unwrap_or_default();
        let start = if existing.last().is_none_or(|byte| *byte == b'\n') { "" } else { "\n" };
        let mut file = options.open(&self.path)?;
        file.write_all(format!("{start}{host} {}\n", text.trim()).as_bytes())?;
        file.sync_data()
    }

    fn recorded(&self, host: &str) -> Result<Vec<Recorded>, TransportError> {
        let bytes = match std::fs::read(&self.path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(self.file_error(source)),
        };
        let text = String::from_utf8_lossy(&bytes);
        let mut recorded = Vec::new();
        for (number, line) in (1..).zip(text.lines()) {
            match read_line(line, host) {
                Line::Other => {}
                Line::Recorded(found) => recorded.push(found),
                // A line about this host that cannot be read may be the one that matters.
                Line::Unreadable => {
                    return Err(TransportError::HostKeyLine { path: display(&self.path), number });
                }
            }
        }
        Ok(recorded)
    }

    fn file_error(&self, source: std::io::Error) -> TransportError {
        TransportError::HostKeyFile { path: display(&self.path), source }
    }
}

/// Names a host as `known_hosts` does: the port only where it is not 22.
pub(super) fn host_name(address: &str, port: u16) -> String {
    if port == 22 { address.to_owned() } else { format!("[{address}]:{port}") }
}

/// What a line says about one host.
enum Line {
    /// Nothing: a comment, a certificate authority, a hashed name, or another host.
    Other,
    Recorded(Recorded),
    Unreadable,
}

fn read_line(line: &str, host: &str) -> Line {
    let mut words = line.split_ascii_whitespace();
    let mut names = words.next().unwrap_or_default();
    let revoked = names == "@revoked";
    if revoked {
        names = words.next().unwrap_or_default();
    } else if names.starts_with(['#', '@', '|']) {
        return Line::Other;
    }
    if !names.split(',').any(|name| name.eq_ignore_ascii_case(host)) {
        return Line::Other;
    }
    let (Some(algorithm), Some(key)) = (words.next(), words.next()) else {
        return Line::Unreadable;
    };
    match PublicKey::from_openssh(&format!("{algorithm} {key}")) {
        Ok(key) => Line::Recorded(Recorded { key, revoked }),
        Err(_) => Line::Unreadable,
    }
}

fn fingerprint(key: &PublicKey) -> String {
    format!("{} ({})", key.fingerprint(HashAlg::Sha256), key.algorithm())
}

fn display(path: &Path) -> String {
    path.display().to_string()
}

#[cfg(unix)]
fn private(options: &mut std::fs::OpenOptions) {
    use std::os::unix::fs::OpenOptionsExt;
    options.mode(0o600);
}

/// On Windows the state directory's access list protects the file.
#[cfg(not(unix))]
fn private(_options: &mut std::fs::OpenOptions) {}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDLUPCvmYTAwyQCyzZ3W2QUWGqXaNTGhbLUFNh2tEWOl";
    const TWO: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ";

    fn key(text: &str) -> PublicKey {
        PublicKey::from_openssh(text).unwrap()
    }

    /// A file and the policy it is used with.
    struct Bound(HostKeys, HostKeyPolicy);

    impl Bound {
        fn check(&self, host: &str, key: &PublicKey) -> Result<HostKey, TransportError> {
            self.0.check(host, key, &self.1)
        }
    }

    fn store(policy: HostKeyPolicy, text: &str) -> (tempfile::TempDir, Bound) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("known_hosts");
        if !text.is_empty() {
            std::fs::write(&path, text).unwrap();
        }
        (directory, Bound(HostKeys::new(path), policy))
    }

    #[test]
    fn a_first_key_is_recorded_and_another_one_refused_ever_after() {
        let (_directory, store) = store(HostKeyPolicy::AcceptNew, "");
        assert!(store.check("[r1]:2222", &key(ONE)).unwrap().first_contact);
        assert!(!store.check("[r1]:2222", &key(ONE)).unwrap().first_contact);
        let changed = store.check("[r1]:2222", &key(TWO)).unwrap_err();
        let text = changed.to_string();
        assert!(matches!(changed, TransportError::HostKeyChanged { .. }));
        assert_eq!(text.matches("SHA256:").count(), 2, "{text}");
        assert!(!store.check("[r1]:2222", &key(ONE)).unwrap().first_contact);
        assert!(store.check("r2", &key(TWO)).unwrap().first_contact);
    }

    #[test]
    fn strict_records_nothing() {
        let (_directory, store) = store(HostKeyPolicy::Strict, "");
        for _ in 0..2 {
            let error = store.check("r1", &key(ONE)).unwrap_err();
            assert!(matches!(error, TransportError::HostKeyUnknown { .. }));
        }
    }

    #[test]
    fn a_revoked_key_is_refused_also_where_it_is_recorded() {
        let (_directory, store) = store(
            HostKeyPolicy::AcceptNew,
            &format!("# ours\nr1,192.0.2.1 {ONE}\n@revoked r1 {ONE}\n"),
        );
        let error = store.check("r1", &key(ONE)).unwrap_err();
        assert!(matches!(error, TransportError::HostKeyRevoked { .. }));
        assert!(store.check("192.0.2.1", &key(ONE)).is_ok());
    }

    #[test]
    fn a_damaged_line_about_the_host_is_an_error_and_not_a_first_contact() {
        for damaged in ["r1 ssh-ed25519 AAAAC3Nzbroken\n", "r1\n", "r1 ssh-ed25519\n"] {
            let (_directory, store) = store(HostKeyPolicy::AcceptNew, &format!("\n{damaged}"));
            let error = store.check("r1", &key(ONE)).unwrap_err();
            assert!(matches!(error, TransportError::HostKeyLine { number: 2, .. }), "{damaged}");
            assert!(store.check("r2", &key(TWO)).unwrap().first_contact);
        }
    }

    #[test]
    fn a_file_without_a_last_newline_is_not_damaged_by_the_next_record() {
        let (_directory, store) = store(HostKeyPolicy::AcceptNew, &format!("r1 {ONE}"));
        assert!(store.check("r2", &key(TWO)).unwrap().first_contact);
        assert!(!store.check("r1", &key(ONE)).unwrap().first_contact);
        assert!(!store.check("r2", &key(TWO)).unwrap().first_contact);
    }

    #[cfg(unix)]
    #[test]
    fn the_file_is_for_its_owner_only() {
        use std::os::unix::fs::PermissionsExt;
        let (directory, store) = store(HostKeyPolicy::AcceptNew, "");
        store.check("r1", &key(ONE)).unwrap();
        let mode = std::fs::metadata(directory.path().join("known_hosts")).unwrap().permissions();
        assert_eq!(mode.mode() & 0o777, 0o600);
    }
}
