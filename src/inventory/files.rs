//! Owns what touches the file system: reading the device file, and looking at the modes of it, of
//! the key files and of the files of secrets that it names.
//!
//! Modes are checked on Unix alone. Elsewhere nothing is checked: access lists cannot be judged
//! from the standard library, and saying nothing is better than guessing.
//! A symbolic link is followed, and the mode of the file behind it counts, because mounted secrets
//! are links. Who owns a file is not checked.

use std::collections::HashMap;
use std::fs::{self, File, Metadata};
use std::io::{ErrorKind, Read as _};
use std::path::Path;

use zeroize::Zeroizing;

use super::auth::{Content, KeyUse, shell_quoted};
use super::collect::Problems;
use super::keyfile::{self, Fault};
use super::problem::{Place, Position, Severity};
use super::source::SecretUse;

/// The largest device file: some 200,000 devices.
const MAX_BYTES: u64 = 64 * 1024 * 1024;
/// A key file is a few kilobytes; what is larger is something else.
const MAX_KEY_BYTES: u64 = 64 * 1024;

/// The contents of a device file and what the file system says about it.
pub(super) struct Source {
    pub(super) text: Zeroizing<String>,
    metadata: Metadata,
}

/// Reads a device file whole, or reports why that cannot be done.
pub(super) fn read(path: &Path, problems: &mut Problems) -> Option<Source> {
    let (bytes, metadata) = match read_bytes(path, MAX_BYTES) {
        Ok(read) => read,
        Err(failure) => {
            let (reason, what, remedy) = match failure {
                ReadFailure::Directory => (
                    "inv_not_file",
                    "this is a directory".to_owned(),
                    "name the file itself; Docker makes a directory of a missing mount",
                ),
                ReadFailure::TooLarge => (
                    "inv_too_large",
                    format!("the file is larger than {} MiB", MAX_BYTES >> 20),
                    "check that it is the device file",
                ),
                ReadFailure::Io(error) => match error.kind() {
                    ErrorKind::NotFound => (
                        "inv_not_found",
                        "there is no such file".to_owned(),
                        "check the path; devices.example.json is a start",
                    ),
                    ErrorKind::PermissionDenied => (
                        "inv_permission",
                        "the file may not be read by this user".to_owned(),
                        "make it readable for the user this program runs as",
                    ),
                    _ => ("inv_unreadable", format!("cannot read: {error}"), "check the path"),
                },
            };
            problems.add(Severity::Error, reason, Place::file(path), what, remedy);
            return None;
        }
    };
    let text = decode(bytes, path, problems)?;
    Some(Source { text, metadata })
}

pub(super) enum ReadFailure {
    Directory,
    TooLarge,
    Io(std::io::Error),
}

pub(super) fn read_bytes(
    path: &Path,
    limit: u64,
) -> Result<(Zeroizing<Vec<u8>>, Metadata), ReadFailure> {
    // Windows refuses to open a directory for want of permission, which would mislead.
    if fs::metadata(path).is_ok_and(|metadata| metadata.is_dir()) {
        return Err(ReadFailure::Directory);
    }
    let file = File::open(path).map_err(ReadFailure::Io)?;
    let metadata = file.metadata().map_err(ReadFailure::Io)?;
    if metadata.len() > limit {
        return Err(ReadFailure::TooLarge);
    }
    // One byte more than the file has, so that reading to its end needs no larger buffer.
    let capacity = usize::try_from(metadata.len()).unwrap_or(0).saturating_add(1);
    let mut bytes = Zeroizing::new(Vec::with_capacity(capacity));
    file.take(limit + 1).read_to_end(&mut bytes).map_err(ReadFailure::Io)?;
    // A pipe has no length in front.
    if u64::try_from(bytes.len()).is_ok_and(|length| length > limit) {
        return Err(ReadFailure::TooLarge);
    }
    Ok((bytes, metadata))
}

fn decode(
    mut bytes: Zeroizing<Vec<u8>>,
    path: &Path,
    problems: &mut Problems,
) -> Option<Zeroizing<String>> {
    // JSON starts with an ASCII character, so a zero among the first two bytes is UTF-16 or UTF-32.
    let wide = bytes.starts_with(&[0xff, 0xfe])
        || bytes.starts_with(&[0xfe, 0xff])
        || bytes.iter().take(2).any(|byte| *byte == 0);
    if wide {
        let what = "the file is UTF-16";
        let remedy = "save it as UTF-8; in PowerShell, Set-Content -Encoding utf8";
        problems.add(Severity::Error, "inv_encoding", Place::file(path), what, remedy);
        return None;
    }
    match String::from_utf8(std::mem::take(&mut *bytes)) {
        Ok(text) => Some(Zeroizing::new(text)),
        Err(error) => {
            let good = error.utf8_error().valid_up_to();
            let bytes = Zeroizing::new(error.into_bytes());
            let before = String::from_utf8_lossy(bytes.get(..good).unwrap_or_default());
            let line = before.matches('\n').count() + 1;
            let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
            let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
            let position = Some(Position { line: number(line), column: number(column) });
            let place = Place { position, ..Place::file(path) };
            let what = "the file is not UTF-8";
            problems.add(Severity::Error, "inv_encoding", place, what, "save it as UTF-8");
            None
        }
    }
}

/// Whether a file mode that is too open stops the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Strictness {
    Warn,
    Refuse,
}

impl Strictness {
    const fn severity(self) -> Severity {
        match self {
            Self::Warn => Severity::Warning,
            Self::Refuse => Severity::Error,
        }
    }
}

/// Looks at who else may read or change the device file.
pub(super) fn check_inventory(
    path: &Path,
    source: &Source,
    holds_secrets: bool,
    strictness: Strictness,
    problems: &mut Problems,
) {
    let open = others_may(&source.metadata);
    let what = match open {
        Open { read: true, .. } if holds_secrets => "others can read the secrets in this file",
        Open { write: true, .. } => "others can change which devices this program logs in to",
        _ => return,
    };
    let mode = if holds_secrets { "600" } else { "go-w" };
    let remedy = format!("chmod {mode} {}", shell_quoted(path));
    problems.add(strictness.severity(), "file_mode", Place::file(path), what, remedy);
}

/// Looks at who else may change an OpenSSH configuration: it says where devices are.
pub(super) fn check_config(path: &Path, strict: bool, problems: &mut Problems) {
    let Ok(metadata) = fs::metadata(path) else { return };
    if others_may(&metadata).write {
        let strictness = if strict { Strictness::Refuse } else { Strictness::Warn };
        let what = "others can change which way this program takes to devices";
        let remedy = format!("chmod go-w {}", shell_quoted(path));
        problems.add(strictness.severity(), "file_mode", Place::file(path), what, remedy);
    }
}

/// Looks at every key file that the device file names, each once.
pub(super) fn check_keys(keys: Vec<KeyUse>, problems: &mut Problems) {
    let mut seen = HashMap::new();
    for KeyUse { path, place, content } in keys {
        let fault = seen.entry((path.clone(), content));
        let fault = fault.or_insert_with(|| match content {
            Content::PrivateKey { has_passphrase } => check_key(&path, has_passphrase),
            Content::Certificate => check_certificate(&path),
        });
        if let Some(Fault { severity, reason, what, remedy }) = fault {
            let subject = path.display().to_string();
            let what = match content {
                Content::PrivateKey { .. } => format!("the key file {subject} {what}"),
                Content::Certificate => format!("the certificate {subject} {what}"),
            };
            problems.add_once(*severity, reason, &subject, place, what, remedy.as_str());
        }
    }
}

fn check_key(path: &Path, has_passphrase: bool) -> Option<Fault> {
    let (bytes, metadata) = match read_bytes(path, MAX_KEY_BYTES) {
        Ok(read) => read,
        Err(ReadFailure::Directory) => {
            let remedy = "name the file itself; Docker makes a directory of a missing mount";
            return Some(Fault::new("key_not_file", "is a directory", remedy));
        }
        Err(ReadFailure::TooLarge) => {
            let remedy = "name the private key file";
            return Some(Fault::new("key_format", "is too large for a key", remedy));
        }
        Err(ReadFailure::Io(error)) => {
            return Some(match error.kind() {
                ErrorKind::NotFound => Fault::new(
                    "key_missing",
                    "does not exist",
                    "check the path; a relative one starts where the device file is",
                ),
                ErrorKind::PermissionDenied => Fault::new(
                    "key_unreadable",
                    "may not be read by this user",
                    "make it belong to the user this program runs as",
                ),
                _ => Fault::new("key_unreadable", format!("cannot be read: {error}"), "check it"),
            });
        }
    };
    // What the file is comes first: nobody needs to close a public key.
    let fault = keyfile::check(path, &bytes, has_passphrase);
    if fault.as_ref().is_some_and(Fault::is_no_private_key) {
        return fault;
    }
    let Open { read, write } = others_may(&metadata);
    if read || write {
        let remedy = format!("chmod 600 {}", shell_quoted(path));
        return Some(Fault::new("key_mode", "can be read or changed by others", remedy));
    }
    fault
}

/// A certificate is public, so its mode does not matter.
fn check_certificate(path: &Path) -> Option<Fault> {
    let remedy = "name the certificate that ssh-keygen -s wrote, mostly …-cert.pub";
    let bytes = match read_bytes(path, MAX_KEY_BYTES) {
        Ok((bytes, _)) => bytes,
        Err(ReadFailure::Directory) => {
            return Some(Fault::new("key_certificate", "is a directory", remedy));
        }
        Err(ReadFailure::TooLarge) => {
            return Some(Fault::new("key_certificate", "is too large for a certificate", remedy));
        }
        Err(ReadFailure::Io(error)) => {
            let what = format!("cannot be read: {error}");
            return Some(Fault::new("key_certificate", what, remedy));
        }
    };
    let kind = bytes.split(u8::is_ascii_whitespace).find(|word| !word.is_empty());
    let sound = kind.is_some_and(|kind| kind.ends_with(b"-cert-v01@openssh.com"));
    (!sound).then(|| Fault::new("key_certificate", "is no OpenSSH certificate", remedy))
}

/// Looks at every file of a secret that the device file names, each once. What is in them is read
/// at the login, so that a secret can be changed while the program runs.
pub(super) fn check_secrets(uses: Vec<SecretUse>, strictness: Strictness, problems: &mut Problems) {
    for SecretUse { path, place } in uses {
        let subject = path.display().to_string();
        let metadata = fs::metadata(&path);
        // Opening a pipe would wait for its writer.
        let readable = match &metadata {
            Ok(metadata) if metadata.is_file() => File::open(&path).map(|_file| ()),
            _ => Ok(()),
        };
        let (severity, reason, what, remedy) = match (metadata, readable) {
            (Err(error), _) | (Ok(_), Err(error)) => {
                let what = match error.kind() {
                    ErrorKind::NotFound => format!("the secret file {subject} does not exist"),
                    _ => format!("the secret file {subject} cannot be read: {error}"),
                };
                let remedy = "check the path; a relative one starts where the device file is";
                (Severity::Error, "secret_missing", what, remedy.to_owned())
            }
            (Ok(metadata), _) if metadata.is_dir() => {
                let what = format!("the secret file {subject} is a directory");
                (Severity::Error, "secret_missing", what, "name the file itself".to_owned())
            }
            (Ok(metadata), _) => {
                let Open { read, write } = others_may(&metadata);
                if !read && !write {
                    continue;
                }
                let what = format!("the secret file {subject} can be read or changed by others");
                let remedy = format!("chmod 600 {}", shell_quoted(&path));
                (strictness.severity(), "secret_mode", what, remedy)
            }
        };
        problems.add_once(severity, reason, &subject, place, what, remedy);
    }
}

struct Open {
    read: bool,
    write: bool,
}

#[cfg(unix)]
fn others_may(metadata: &Metadata) -> Open {
    use std::os::unix::fs::PermissionsExt as _;

    let mode = metadata.permissions().mode();
    // The mode of a pipe, such as a shell's `<(…)`, says nothing about a file.
    let regular = metadata.is_file();
    Open { read: regular && mode & 0o044 != 0, write: regular && mode & 0o022 != 0 }
}

#[cfg(not(unix))]
fn others_may(_metadata: &Metadata) -> Open {
    Open { read: false, write: false }
}
