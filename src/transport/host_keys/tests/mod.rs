//! The rules of the file, one table each.

mod certificates;
mod changing;
mod names;
mod policies;

use russh::keys::PrivateKey;
use russh::keys::ssh_key::Algorithm;

use super::*;

pub(super) const ONE: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDLUPCvmYTAwyQCyzZ3W2QUWGqXaNTGhbLUFNh2tEWOl";
pub(super) const TWO: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ";

pub(super) fn key(text: &str) -> PublicKey {
    PublicKey::from_openssh(text).unwrap()
}

pub(super) fn offered(text: &str) -> OfferedKey {
    OfferedKey::from_line(text).unwrap()
}

pub(super) fn new_key(algorithm: Algorithm) -> PrivateKey {
    PrivateKey::random(&mut russh::keys::key::safe_rng(), algorithm).unwrap()
}

/// A file in a directory of its own.
pub(super) struct Store {
    directory: tempfile::TempDir,
    pub(super) keys: HostKeys,
}

impl Store {
    pub(super) fn new(text: impl AsRef<[u8]>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("known_hosts");
        if !text.as_ref().is_empty() {
            std::fs::write(&path, text).unwrap();
        }
        Self { keys: HostKeys::new(path), directory }
    }

    pub(super) fn path(&self) -> PathBuf {
        self.directory.path().join("known_hosts")
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        std::fs::read(self.path()).unwrap_or_default()
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8(self.bytes()).unwrap()
    }

    pub(super) fn check(
        &self,
        host: &str,
        shown: impl Into<PublicKeyOrCertificate>,
        policy: &HostKeyPolicy,
    ) -> Result<HostKey, TransportError> {
        self.keys.check(host, &shown.into(), policy)
    }

    /// What happens to a key that only a line of the file can make acceptable, in one word.
    pub(super) fn strictly(&self, host: &str, shown: impl Into<PublicKeyOrCertificate>) -> String {
        word(&self.check(host, shown, &HostKeyPolicy::Strict))
    }
}

pub(super) fn word(result: &Result<HostKey, TransportError>) -> String {
    match result {
        Ok(HostKey { first_contact: true, .. }) => "first contact".to_owned(),
        Ok(_) => "known".to_owned(),
        Err(TransportError::HostKeyUnknown { .. }) => "unknown".to_owned(),
        Err(TransportError::HostKeyChanged { .. }) => "changed".to_owned(),
        Err(TransportError::HostKeyPinned { .. }) => "not pinned".to_owned(),
        Err(TransportError::HostKeyRevoked { what, .. }) => format!("revoked {what}"),
        Err(TransportError::HostKeyUncertified { problem, .. }) => problem.clone(),
        Err(TransportError::HostKeyLine { number, .. }) => format!("line {number}"),
        Err(error) => error.to_string(),
    }
}
