//! What is sent to log in, and the name it goes by where refusals are counted.

use std::fmt;
use std::path::PathBuf;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::secret::Secret;

/// Names a credential without telling it: equal for equal user names and secrets, on this
/// installation alone.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CredentialId(String);

impl CredentialId {
    /// Takes an identity that was kept, as `Display` wrote it.
    pub fn from_kept(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The identity as it is kept.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CredentialId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Everything that a login takes.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Login {
    /// Who logs in.
    pub username: String,
    /// What proves it.
    pub proof: LoginProof,
    /// Parts of questions, in lower case, and their answers.
    pub answers: Vec<(String, Secret<String>)>,
    /// The password for the privileged mode.
    pub enable: Option<Secret<String>>,
    /// What this credential is called where refusals are counted.
    pub id: CredentialId,
}

/// What proves who logs in.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum LoginProof {
    /// A password.
    Password(Secret<String>),
    /// A private key.
    Key {
        /// Where it came from, for messages.
        path: PathBuf,
        /// The text of the file.
        key: Secret<String>,
        /// What it is encrypted with.
        passphrase: Option<Secret<String>>,
        /// The OpenSSH certificate that goes with it, and where it came from.
        certificate: Option<(PathBuf, String)>,
    },
    /// A key that an SSH agent holds.
    Agent {
        /// The fingerprint or the comment of the key; all of them where absent.
        key: Option<String>,
    },
}

impl Login {
    /// Puts a login together and names its credential.
    pub(super) fn new(
        key: &Secret<[u8; 32]>,
        username: &str,
        proof: LoginProof,
        answers: Vec<(String, Secret<String>)>,
        enable: Option<Secret<String>>,
    ) -> Self {
        let username = username.to_owned();
        let id = identity(key, &username, &proof, &answers);
        Self { username, proof, answers, enable, id }
    }

    /// Every secret in it.
    pub fn secrets(&self) -> Vec<&Secret<String>> {
        let mut secrets: Vec<&Secret<String>> = match &self.proof {
            LoginProof::Password(password) => vec![password],
            LoginProof::Key { passphrase, .. } => passphrase.iter().collect(),
            LoginProof::Agent { .. } => Vec::new(),
        };
        secrets.extend(self.answers.iter().map(|(_, answer)| answer));
        secrets.extend(&self.enable);
        secrets
    }
}

fn identity(
    key: &Secret<[u8; 32]>,
    username: &str,
    proof: &LoginProof,
    answers: &[(String, Secret<String>)],
) -> CredentialId {
    let mut parts: Vec<&[u8]> = vec![username.as_bytes()];
    match proof {
        LoginProof::Password(password) => parts.extend([b"password", password.expose().as_bytes()]),
        LoginProof::Key { key, certificate, .. } => {
            parts.extend([b"key".as_slice(), key.expose().as_bytes()]);
            parts.extend(certificate.iter().map(|(_, text)| text.as_bytes()));
        }
        LoginProof::Agent { key } => {
            parts.push(b"agent");
            parts.extend(key.iter().map(String::as_bytes));
        }
    }
    parts.extend(answers.iter().map(|(_, answer)| answer.expose().as_bytes()));
    // Every key length is taken, so there is no error to meet.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key.expose()) else {
        return CredentialId(String::new());
    };
    mac.update(b"credential");
    for part in parts {
        // Lengths in front, so that no two lists of parts read the same.
        mac.update(&part.len().to_be_bytes());
        mac.update(part);
    }
    let digest = mac.finalize().into_bytes();
    let hex = digest.iter().take(8).map(|byte| format!("{byte:02x}"));
    CredentialId(hex.collect())
}
