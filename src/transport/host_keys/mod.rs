//! The recorded host keys: our own `known_hosts` file in OpenSSH's format.
//!
//! **Invariants:** a changed key is never accepted and never overwrites the recorded one, unless an
//! operator says so with [`HostKeys::trust`]; a revoked key is refused whatever else is recorded or
//! pinned; a damaged line that may concern a host never makes a meeting with it a first contact.
//! The file is only ever appended to, but for what an operator forgets or replaces.
//!
//! As OpenSSH does, `line` reads names, patterns, hashed names and markers, and `authority` judges
//! certificates. Otherwise than in OpenSSH, a host is looked up under one name, as [`host_name`]
//! writes it, and where an authority is recorded for a host, no other key of it is recorded by
//! itself.

mod advice;
mod authority;
mod file;
mod line;
mod scan;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use russh::keys::PublicKeyOrCertificate;
use russh::keys::ssh_key::{Algorithm, HashAlg, PublicKey};

use self::authority::{Unproven, vouches};
use self::file::KeyFile;
pub use self::line::Marker;
use self::line::{About, Entry, Left, without};
pub use self::scan::{NotAPublicKey, OfferedKey};
use super::TransportError;
use crate::inventory::{Device, HostKeyPolicy};

/// The file of recorded host keys.
#[derive(Debug, Clone)]
pub struct HostKeys {
    file: KeyFile,
}

/// A key that was accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostKey {
    /// The key's SHA-256 fingerprint.
    pub fingerprint: String,
    /// Whether it was recorded just now.
    pub first_contact: bool,
}

/// A line of the file, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct KnownKey {
    /// The line, counted from 1.
    pub line: usize,
    /// The names as they are written, or `(hashed)`.
    pub hosts: String,
    /// What the line says about the key.
    pub marker: Option<Marker>,
    /// The key, where the line can be read.
    pub key: Option<OfferedKey>,
}

/// What [`HostKeys::trust`] does where other keys are recorded for the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Others {
    /// It refuses.
    Refuse,
    /// It forgets them.
    Replace,
}

/// What [`HostKeys::trust`] did.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Trusted {
    /// The key was recorded before.
    Already,
    /// It was recorded.
    Recorded,
    /// It was recorded, and the others were forgotten.
    Replaced(Forgotten),
}

/// What [`HostKeys::forget`] did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Forgotten {
    /// How many lines no longer name the host.
    pub lines: usize,
    /// The lines that still mean the host, by a pattern that means others too.
    pub by_pattern: Vec<usize>,
}

/// What is known of a host before it shows its key.
pub(super) struct Expected {
    /// The kinds of its recorded keys.
    pub(super) kinds: Vec<Algorithm>,
    /// Whether an authority is recorded, so that a certificate is asked for.
    certificate: bool,
}

impl Expected {
    /// The kinds of keys of which a certificate is asked for, out of those that are `offered`.
    pub(super) fn certificates(&self, offered: &[Algorithm]) -> Vec<Algorithm> {
        let sound =
            |kind: &&Algorithm| !matches!(kind, Algorithm::Rsa { hash: None } | Algorithm::Dsa);
        let asked = if self.certificate { offered } else { &[] };
        asked.iter().filter(sound).cloned().collect()
    }
}

/// What the file says about one host.
#[derive(Default)]
struct Recorded {
    keys: Vec<PublicKey>,
    revoked: Vec<PublicKey>,
    authorities: Vec<PublicKey>,
    /// A line about this host that cannot be read.
    damaged: Option<usize>,
    /// A line that may revoke a key of this host and cannot be read.
    damaged_revocation: Option<usize>,
    /// A line of which cannot be told whether it is about this host.
    doubtful: Option<usize>,
}

impl Recorded {
    fn read(text: &[u8], host: &str) -> Self {
        let mut found = Self::default();
        for (number, entry) in entries(text) {
            let about = entry.about(host);
            if about == About::AnotherHost {
                continue;
            }
            let marker = entry.marker();
            let key = (about == About::ThisHost).then(|| entry.key()).flatten();
            match (marker, key) {
                (Ok(None), Some(key)) => found.keys.push(key),
                (Ok(Some(Marker::Revoked)), Some(key)) => found.revoked.push(key),
                (Ok(Some(Marker::Authority)), Some(key)) => found.authorities.push(key),
                // An unknown marker may be a stricter kind of revocation.
                (Ok(Some(Marker::Revoked)) | Err(()), _) => {
                    found.damaged_revocation.get_or_insert(number);
                }
                (Ok(_), None) if about == About::ThisHost => {
                    found.damaged.get_or_insert(number);
                }
                (Ok(_), None) => {
                    found.doubtful.get_or_insert(number);
                }
            }
        }
        found
    }

    fn has(&self, key: &PublicKey) -> bool {
        self.keys.iter().any(|known| known.key_data() == key.key_data())
    }

    fn revokes(&self, key: &PublicKey) -> bool {
        self.revoked.iter().any(|revoked| revoked.key_data() == key.key_data())
    }
}

/// What the file has to say about a key that is shown.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Accepted,
    FirstContact,
}

impl HostKeys {
    /// Uses the file at `path`, which need not exist yet.
    pub fn new(path: PathBuf) -> Self {
        Self { file: KeyFile::new(path) }
    }

    /// How the file calls a device.
    pub fn name_of(device: &Device) -> String {
        host_name(&device.address, device.port)
    }

    /// What is known of a host before it shows its key.
    pub(super) fn expected(&self, host: &str) -> Result<Expected, TransportError> {
        let recorded = self.recorded(host)?;
        let usable = recorded.keys.iter().filter(|key| !recorded.revokes(key));
        let kinds = usable.map(PublicKey::algorithm).collect();
        Ok(Expected { kinds, certificate: !recorded.authorities.is_empty() })
    }

    /// Decides whether a host's key is accepted, recording it on first contact.
    pub(super) fn check(
        &self,
        host: &str,
        shown: &PublicKeyOrCertificate,
        policy: &HostKeyPolicy,
    ) -> Result<HostKey, TransportError> {
        let key = shown.public_key();
        let accepted = HostKey { fingerprint: fingerprint(&key), first_contact: false };
        if self.judge(&self.recorded(host)?, host, shown, policy)? == Verdict::Accepted {
            return Ok(accepted);
        }
        // Another process may be meeting the host at the same time; only one of them is the first.
        let file = self.file.lock().map_err(|source| self.error(source))?;
        let text = file.read().map_err(|source| self.error(source))?;
        let recorded = Recorded::read(&text, host);
        if self.judge(&recorded, host, shown, policy)? == Verdict::Accepted {
            return Ok(accepted);
        }
        let line = format!("{host} {}", OfferedKey::new(key).line());
        file.append(text, &line).map_err(|source| self.error(source))?;
        let fingerprint = &accepted.fingerprint;
        tracing::info!(event = "host_key_recorded", host, fingerprint, "first contact");
        Ok(HostKey { first_contact: true, ..accepted })
    }

    fn judge(
        &self,
        recorded: &Recorded,
        host: &str,
        shown: &PublicKeyOrCertificate,
        policy: &HostKeyPolicy,
    ) -> Result<Verdict, TransportError> {
        let key = shown.public_key();
        let (host_name, fingerprint) = (host.to_owned(), fingerprint(&key));
        self.refuse_revoked(recorded, host, shown)?;
        if let HostKeyPolicy::Pinned(pins) = policy {
            let seen = OfferedKey::new(key).fingerprint();
            if pins.iter().any(|pin| pin.trim_end_matches('=') == seen) {
                return Ok(Verdict::Accepted);
            }
            let pinned = pins.join(" or ");
            return Err(TransportError::HostKeyPinned { host: host_name, fingerprint, pinned });
        }
        if let Some(number) = recorded.damaged {
            return Err(self.unreadable(number));
        }
        let authorities = &recorded.authorities;
        let proven = match shown.certificate() {
            None => Err(Unproven::Missing),
            Some(certificate) => vouches(certificate, authorities.iter(), bare(host), now()),
        };
        // A key that is recorded needs no authority.
        if proven.is_ok() || recorded.has(&key) {
            return Ok(Verdict::Accepted);
        }
        if !recorded.keys.is_empty() {
            let known: Vec<String> = recorded.keys.iter().map(self::fingerprint).collect();
            let recorded = known.join(" and ");
            return Err(TransportError::HostKeyChanged { host: host_name, fingerprint, recorded });
        }
        if let Some(number) = recorded.doubtful {
            return Err(self.unreadable(number));
        }
        if let (Err(problem), false) = (proven, authorities.is_empty()) {
            let problem = problem.to_string();
            return Err(TransportError::HostKeyUncertified {
                host: host_name,
                fingerprint,
                problem,
            });
        }
        match policy {
            HostKeyPolicy::AcceptNew => Ok(Verdict::FirstContact),
            HostKeyPolicy::Strict | HostKeyPolicy::Pinned(_) => {
                Err(TransportError::HostKeyUnknown { host: host_name, fingerprint })
            }
        }
    }

    fn refuse_revoked(
        &self,
        recorded: &Recorded,
        host: &str,
        shown: &PublicKeyOrCertificate,
    ) -> Result<(), TransportError> {
        if let Some(number) = recorded.damaged_revocation {
            return Err(self.unreadable(number));
        }
        let signer = shown.certificate().map(|shown| shown.signature_key().clone().into());
        let shown = [("host key", Some(shown.public_key())), ("certificate authority", signer)];
        for (what, key) in shown {
            if let Some(key) = key.filter(|key| recorded.revokes(key)) {
                let (host, fingerprint) = (host.to_owned(), fingerprint(&key));
                return Err(TransportError::HostKeyRevoked { host, what, fingerprint });
            }
        }
        Ok(())
    }

    /// Every line that is neither blank nor a comment, in the order of the file.
    pub fn list(&self) -> Result<Vec<KnownKey>, TransportError> {
        let text = self.file.read().map_err(|source| self.error(source))?;
        let list = entries(&text).map(|(line, entry)| {
            let names = String::from_utf8_lossy(entry.names);
            let visible = |c: char| if c.is_control() { '?' } else { c };
            let hosts = if entry.is_hashed() {
                "(hashed)".to_owned()
            } else {
                names.chars().map(visible).collect()
            };
            let (marker, readable) = match entry.marker() {
                Ok(marker) => (marker, entry.about("") != About::Nobody),
                Err(()) => (None, false),
            };
            let key = entry.key().filter(|_| readable).map(OfferedKey::new);
            KnownKey { line, hosts, marker, key }
        });
        Ok(list.collect())
    }

    /// Records a key that an operator vouches for.
    ///
    /// # Errors
    ///
    /// A revoked key is refused, and where others are to be kept, so is a key that is not theirs.
    pub fn trust(
        &self,
        host: &str,
        key: &OfferedKey,
        others: Others,
    ) -> Result<Trusted, TransportError> {
        let failed = |source| self.error(source);
        let file = self.file.lock().map_err(failed)?;
        let text = file.read().map_err(failed)?;
        let recorded = Recorded::read(&text, host);
        self.refuse_revoked(&recorded, host, &key.key().clone().into())?;
        let line = format!("{host} {}", key.line());
        let other = recorded.keys.iter().any(|known| known.key_data() != key.key().key_data());
        let known = recorded.has(key.key());
        if others == Others::Replace && (other || recorded.damaged.is_some()) {
            let (mut text, forgotten) = forget_in(&text, host);
            text.extend_from_slice(format!("{}{line}\n", file::glue(&text)).as_bytes());
            file.replace(&text).map_err(failed)?;
            return Ok(Trusted::Replaced(forgotten));
        }
        if let Some(number) = recorded.damaged {
            return Err(self.unreadable(number));
        }
        if known {
            return Ok(Trusted::Already);
        }
        if other {
            let known: Vec<String> = recorded.keys.iter().map(fingerprint).collect();
            let (host, fingerprint) = (host.to_owned(), fingerprint(key.key()));
            let recorded = known.join(" and ");
            return Err(TransportError::HostKeyChanged { host, fingerprint, recorded });
        }
        file.append(text, &line).map_err(failed)?;
        Ok(Trusted::Recorded)
    }

    /// Takes a host out of the lines that name it. Lines with a marker stay, and so do patterns,
    /// which mean other hosts too.
    pub fn forget(&self, host: &str) -> Result<Forgotten, TransportError> {
        let failed = |source| self.error(source);
        let file = self.file.lock().map_err(failed)?;
        let (text, forgotten) = forget_in(&file.read().map_err(failed)?, host);
        if forgotten.lines > 0 {
            file.replace(&text).map_err(failed)?;
        }
        Ok(forgotten)
    }

    fn recorded(&self, host: &str) -> Result<Recorded, TransportError> {
        let text = self.file.read().map_err(|source| self.error(source))?;
        Ok(Recorded::read(&text, host))
    }

    fn error(&self, source: std::io::Error) -> TransportError {
        TransportError::HostKeyFile { path: self.file.path().display().to_string(), source }
    }

    fn unreadable(&self, number: usize) -> TransportError {
        TransportError::HostKeyLine { path: self.file.path().display().to_string(), number }
    }
}

/// Names a host as `known_hosts` does: the port only where it is not 22.
pub(super) fn host_name(address: &str, port: u16) -> String {
    if port == 22 { address.to_owned() } else { format!("[{address}]:{port}") }
}

/// The host without brackets and port, as certificates name it.
fn bare(host: &str) -> &str {
    let inside = host.strip_prefix('[').and_then(|rest| rest.rsplit_once("]:"));
    inside.map_or(host, |(address, _port)| address)
}

/// What some editors put in front of a text.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The lines that say something, with their numbers.
fn entries(text: &[u8]) -> impl Iterator<Item = (usize, Entry<'_>)> {
    let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    let lines = (1..).zip(text.split(|byte| *byte == b'\n'));
    lines.filter_map(|(number, line)| Some((number, Entry::read(line)?)))
}

/// The text without a host; every other line stays as it is, byte for byte.
fn forget_in(text: &[u8], host: &str) -> (Vec<u8>, Forgotten) {
    let mut forgotten = Forgotten::default();
    let mut kept = Vec::with_capacity(text.len());
    let mut number = 0;
    let unmarked = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    kept.extend(text.iter().take(text.len() - unmarked.len()));
    for line in unmarked.split_inclusive(|byte| *byte == b'\n') {
        let (by_pattern, named) = match without(line, host) {
            Left::Whole { by_pattern } => {
                kept.extend_from_slice(line);
                (by_pattern, false)
            }
            Left::Names { names, rest, by_pattern } => {
                kept.extend_from_slice(names.as_bytes());
                kept.extend_from_slice(rest);
                (by_pattern, true)
            }
            Left::Nothing => {
                forgotten.lines += 1;
                continue;
            }
        };
        number += 1;
        forgotten.lines += usize::from(named);
        if by_pattern {
            forgotten.by_pattern.push(number);
        }
    }
    (kept, forgotten)
}

fn fingerprint(key: &PublicKey) -> String {
    format!("{} ({})", key.fingerprint(HashAlg::Sha256), key.algorithm())
}

fn now() -> u64 {
    // A clock before 1970 makes every certificate one of the future.
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}
