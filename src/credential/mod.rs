//! Owns how a credential comes about: what the inventory names becomes a [`Login`] that can be sent.
//!
//! **Invariants:** every secret that was fetched is reported to `learned` before anybody can use it,
//! so that the redactor knows it. Every source has limits on time and size. No error holds a secret.
//!
//! What a command or the keyring gave is kept for a while: a fleet of a thousand devices asks a
//! password manager once. Other sources cost nothing to ask and are asked at every login.

mod cache;
mod error;
mod login;
mod source;
#[cfg(test)]
mod tests;

use std::time::Duration;

use futures::FutureExt as _;

use self::cache::{Cache, Key};
pub use self::error::CredentialError;
pub use self::login::{CredentialId, Login, LoginProof};
use crate::inventory::{AuthProof, Device, SecretSource};
use crate::secret::Secret;
use crate::settings::CredentialLimits;

/// Hears of every secret that was fetched.
pub type Learned = Box<dyn Fn(&Secret<String>) + Send + Sync>;

/// Fetches credentials from where the inventory says they are.
pub struct Credentials {
    /// What identities of credentials are keyed with.
    key: Secret<[u8; 32]>,
    learned: Learned,
    limits: CredentialLimits,
    cache: Cache,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials").finish_non_exhaustive()
    }
}

impl Credentials {
    /// Makes a source whose identities are keyed with `key`.
    pub fn new(key: Secret<[u8; 32]>, learned: Learned) -> Self {
        let limits = CredentialLimits::default();
        Self { key, learned, limits, cache: Cache::new(limits.cache) }
    }

    /// Sets how long a command may take and how long its secret is kept.
    #[must_use]
    pub fn with_limits(self, limits: CredentialLimits) -> Self {
        Self { limits, cache: Cache::new(limits.cache), ..self }
    }

    /// Fetches everything that a login to a device takes.
    pub async fn login(&self, device: &Device) -> Result<Login, CredentialError> {
        let proof = match &device.auth.proof {
            AuthProof::Password(source) => LoginProof::Password(self.secret(source).await?),
            AuthProof::Key { path, passphrase, certificate } => LoginProof::Key {
                path: path.clone(),
                key: source::key_file(path).await?,
                passphrase: match passphrase {
                    Some(source) => Some(self.secret(source).await?),
                    None => None,
                },
                certificate: match certificate {
                    Some(path) => Some((path.clone(), source::certificate(path).await?)),
                    None => None,
                },
            },
            AuthProof::Agent { key } => LoginProof::Agent { key: key.clone() },
        };
        let mut answers = Vec::with_capacity(device.auth.answers.len());
        for answer in &device.auth.answers {
            answers.push((answer.prompt.clone(), self.secret(&answer.answer).await?));
        }
        let enable = match &device.enable {
            Some(source) => Some(self.secret(source).await?),
            None => None,
        };
        Ok(Login::new(&self.key, &device.username, proof, answers, enable))
    }

    /// Forgets what was fetched for a device, because the device refused it; the next login fetches
    /// it again.
    pub fn forget(&self, device: &Device) {
        let sources = device.secret_sources();
        for key in sources.into_iter().filter_map(Key::of) {
            self.cache.forget(&key);
        }
    }

    async fn secret(&self, source: &SecretSource) -> Result<Secret<String>, CredentialError> {
        let secret = match (source, Key::of(source)) {
            (_, Some(key)) => {
                let (fetched, limit) = (key.clone(), self.limits.command);
                self.cache.get(key, move || fetch(fetched, limit).boxed()).await?
            }
            (SecretSource::Inline(secret), None) => secret.clone(),
            (SecretSource::Env(name), None) => source::env(name)?,
            (SecretSource::File(path), None) => source::file(path).await?,
            (SecretSource::Command(_) | SecretSource::Keyring { .. }, None) => {
                return Err(CredentialError::Empty { from: "an unknown source".to_owned() });
            }
        };
        (self.learned)(&secret);
        Ok(secret)
    }
}

/// Asks a source whose secrets are kept.
async fn fetch(key: Key, limit: Duration) -> Result<Secret<String>, CredentialError> {
    match key {
        Key::Command(command) => source::command(&command, limit).await,
        Key::Keyring { service, account } => source::keyring(&service, &account).await,
    }
}
