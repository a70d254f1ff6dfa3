//! Owns learning which host key a device shows, without logging in to it.
//!
//! **Invariant:** nothing but the key exchange goes over the wire: the connection ends where the
//! key is known, before anybody could be asked who they are.

use std::sync::{Arc, Mutex};

use russh::client;
use russh::keys::ssh_key::HashAlg;
use russh::keys::{PublicKey, PublicKeyOrCertificate};

use super::super::{Connection, Dialer, TransportError, exchange};
use super::HostKeys;
use crate::inventory::Device;

/// A host key that nobody accepted yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfferedKey {
    key: PublicKey,
}

/// A text is no public key as OpenSSH writes it.
#[derive(Debug, thiserror::Error)]
#[error("this is no public key as OpenSSH writes it, such as `ssh-ed25519 AAAA…`")]
pub struct NotAPublicKey;

impl OfferedKey {
    /// Reads a line as in a `.pub` file.
    pub fn from_line(line: &str) -> Result<Self, NotAPublicKey> {
        PublicKey::from_openssh(line.trim()).map(Self::new).map_err(|_| NotAPublicKey)
    }

    pub(super) fn new(mut key: PublicKey) -> Self {
        // Whatever the comment says, it is not about this device.
        key.set_comment("");
        Self { key }
    }

    pub(super) fn key(&self) -> &PublicKey {
        &self.key
    }

    /// The key as in a `.pub` file, without a comment.
    pub fn line(&self) -> String {
        // Only keys that were read from bytes get here, so they can be written again.
        self.key.to_openssh().unwrap_or_default().trim().to_owned()
    }

    /// The kind, such as `ssh-ed25519`.
    pub fn kind(&self) -> String {
        self.key.algorithm().to_string()
    }

    /// The fingerprint as OpenSSH prints it, `SHA256:…`.
    pub fn fingerprint(&self) -> String {
        self.key.fingerprint(HashAlg::Sha256).to_string()
    }

    /// The fingerprint as old devices print it, `MD5:…`. To be compared by people only.
    pub fn md5(&self) -> String {
        let bytes = self.key.to_bytes().unwrap_or_default();
        let digest = md5::compute(bytes).into_iter().map(|byte| format!("{byte:02x}"));
        format!("MD5:{}", digest.collect::<Vec<_>>().join(":"))
    }
}

impl Dialer {
    /// Learns which key a device shows; nothing is accepted, recorded or logged in to. Of several
    /// keys it is the one that a login would see. `through` is as for [`Dialer::reach`].
    pub async fn host_key_of(
        &self,
        device: &Device,
        through: Option<Arc<Connection>>,
    ) -> Result<OfferedKey, TransportError> {
        let identified = self.identified(device, through.as_deref()).await?;
        let expected = self.host_keys.expected(&HostKeys::name_of(device))?;
        let config = self.config(device, &identified.ident, &expected);
        let shown = Arc::new(Mutex::new(None));
        let exchange = exchange(config, identified, Listener(Arc::clone(&shown)));
        let waited = device.timeouts.auth;
        let Ok(exchanged) = tokio::time::timeout(waited, Box::pin(exchange)).await else {
            return Err(TransportError::AuthTimeout { waited });
        };
        let shown = shown.lock().map(|mut shown| shown.take()).unwrap_or_default();
        match (shown, exchanged.handle) {
            (Some(key), _) => Ok(OfferedKey::new(key)),
            (None, Err(error)) => Err(error.into()),
            (None, Ok(_)) => Err(TransportError::Protocol(russh::Error::UnknownKey)),
        }
    }
}

/// Keeps the key, which is proven by then, and accepts none.
struct Listener(Arc<Mutex<Option<PublicKey>>>);

impl client::Handler for Listener {
    type Error = russh::Error;

    async fn check_server_key(
        &mut self,
        shown: &PublicKeyOrCertificate,
    ) -> Result<bool, Self::Error> {
        if let Ok(mut place) = self.0.lock() {
            *place = Some(shown.public_key());
        }
        Ok(false)
    }
}
