//! Owns what can be told of a private key from its text: whether it is one, and whether it is
//! encrypted.
//!
//! It does not decrypt: a wrong passphrase shows when `transport` loads the key.

use std::path::Path;

use super::auth::shell_quoted;
use super::problem::Severity;

/// What is wrong with a key file; `what` continues "the key file … ".
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) severity: Severity,
    pub(super) reason: &'static str,
    pub(super) what: String,
    pub(super) remedy: String,
}

impl Fault {
    pub(super) fn new(
        reason: &'static str,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self { severity: Severity::Error, reason, what: what.into(), remedy: remedy.into() }
    }

    /// Whether the file is something other than a private key we can use.
    pub(super) fn is_no_private_key(&self) -> bool {
        matches!(self.reason, "key_public" | "key_ppk" | "key_format")
    }
}

/// How the base64 of every OpenSSH private key starts: `openssh-key-v1` and a zero byte.
const OPENSSH_MAGIC: &str = "b3BlbnNzaC1rZXktdjEA";
/// The same, followed by the cipher `none`. Both parts end on whole base64 groups but the last
/// byte, so that no decoding is needed to compare them.
const OPENSSH_UNENCRYPTED: &str = "b3BlbnNzaC1rZXktdjEAAAAABG5vbm";

const PUBLIC_KEY_STARTS: &[&str] = &[
    "ssh-",
    "ecdsa-sha2-",
    "sk-ssh-",
    "sk-ecdsa-",
    "---- BEGIN SSH2 PUBLIC KEY",
    "-----BEGIN PUBLIC KEY",
    "-----BEGIN RSA PUBLIC KEY",
    "-----BEGIN CERTIFICATE",
];

/// Judges the contents of a key file.
pub(super) fn check(path: &Path, bytes: &[u8], has_passphrase: bool) -> Option<Fault> {
    let text = std::str::from_utf8(bytes).unwrap_or_default();
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let first = lines.next().unwrap_or_default();
    if PUBLIC_KEY_STARTS.iter().any(|start| first.starts_with(start)) {
        let private = path.with_extension("");
        let remedy = if path.extension().is_some_and(|extension| extension == "pub") {
            format!("name the private key, probably {}", private.display())
        } else {
            "name the private key".to_owned()
        };
        return Some(Fault::new("key_public", "is a public key", remedy));
    }
    if first.starts_with("PuTTY-User-Key-File-") {
        let remedy = format!(
            "convert it: puttygen {} -O private-openssh -o {}",
            shell_quoted(path),
            shell_quoted(&path.with_extension("key"))
        );
        return Some(Fault::new("key_ppk", "is in PuTTY's format", remedy));
    }
    let label = first.strip_prefix("-----BEGIN ").and_then(|rest| rest.strip_suffix("-----"));
    let Some(label) = label.filter(|label| label.ends_with("PRIVATE KEY")) else {
        let remedy = "name a private key in OpenSSH or PEM format";
        return Some(Fault::new("key_format", "is no private key", remedy));
    };
    let encrypted = match label {
        "OPENSSH PRIVATE KEY" => {
            // Two lines hold the cipher's name however short they were wrapped.
            let start: String = lines.take(2).collect();
            if !start.starts_with(OPENSSH_MAGIC) {
                let remedy = "copy it again; something was lost or added";
                return Some(Fault::new("key_format", "is a damaged private key", remedy));
            }
            !start.starts_with(OPENSSH_UNENCRYPTED)
        }
        "ENCRYPTED PRIVATE KEY" => true,
        _ => lines.take(3).any(|line| line.starts_with("Proc-Type:") && line.contains("ENCRYPTED")),
    };
    match (encrypted, has_passphrase) {
        (true, false) => Some(Fault::new(
            "key_encrypted",
            "is encrypted, and no passphrase is given",
            "add `passphrase` beside `private_key_path`",
        )),
        (false, true) => Some(Fault {
            severity: Severity::Warning,
            ..Fault::new(
                "key_not_encrypted",
                "is not encrypted, though a passphrase is given",
                "remove `passphrase`, or encrypt the key with ssh-keygen -p",
            )
        }),
        _ => None,
    }
}
