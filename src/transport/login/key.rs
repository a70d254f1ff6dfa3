//! `publickey` with a key file, and with a certificate beside it.

use std::path::Path;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use russh::MethodKind;
use russh::client::AuthResult;
use russh::keys::agent::AgentIdentity;
use russh::keys::signature::Signer as _;
use russh::keys::ssh_key::{Certificate, HashAlg};
use russh::keys::{PrivateKey, PrivateKeyWithHashAlg, decode_secret_key};
use russh::{AgentAuthError, Signer};

use super::{Attempt, Verdict};
use crate::credential::LoginProof;
use crate::inventory::Security;
use crate::transport::TransportError;

impl Attempt<'_> {
    pub(super) async fn sign(&mut self) -> Result<Verdict, TransportError> {
        let LoginProof::Key { path, key, passphrase, certificate } = &self.login.proof else {
            return Err(self.unsupported());
        };
        let passphrase = passphrase.as_ref().map(|secret| secret.expose().as_str());
        let key = decode_secret_key(key.expose(), passphrase).map_err(|source| {
            TransportError::PrivateKey { path: path.display().to_string(), source }
        })?;
        let certificate = match certificate {
            None => None,
            Some((path, text)) => Some(usable(path, text, &key)?),
        };
        let key = Arc::new(key);
        let hashes = if key.algorithm().is_rsa() { self.hashes().await? } else { vec![None] };
        let username = self.login.username.clone();
        let mut verdict = None;
        for hash in hashes {
            let result = match &certificate {
                None => {
                    let key = PrivateKeyWithHashAlg::new(Arc::clone(&key), hash);
                    self.handle.authenticate_publickey(&username, key).await?
                }
                Some(certificate) => {
                    let mut signer = Local(Arc::clone(&key));
                    let certificate = certificate.clone();
                    self.handle
                        .authenticate_certificate_with(&username, certificate, hash, &mut signer)
                        .await
                        .map_err(|error| unsigned(path, error))?
                }
            };
            // The server is asked about a key before anything is signed, so another hash may follow.
            let again = matches!(&result, AuthResult::Failure { remaining_methods, partial_success }
                if !partial_success && remaining_methods.contains(&MethodKind::PublicKey));
            verdict = Some(result.into());
            if !again {
                break;
            }
        }
        verdict.ok_or_else(|| self.refused())
    }

    /// The hashes for signatures of an RSA key, in the order in which they are tried. What a server
    /// announces comes first and is not believed alone: there are servers that announce what their
    /// library can do and accept less.
    pub(super) async fn hashes(&mut self) -> Result<Vec<Option<HashAlg>>, TransportError> {
        self.rsa_tried = true;
        let mut hashes = vec![Some(HashAlg::Sha512), Some(HashAlg::Sha256)];
        let old = self.security == Security::Legacy;
        if old {
            hashes.push(None);
        }
        if old && self.quirks.sha1_signatures_first {
            hashes.reverse();
            return Ok(hashes);
        }
        // Waits a second for servers that announce nothing.
        match self.handle.best_supported_rsa_hash().await? {
            Some(announced) => hashes.sort_by_key(|hash| *hash != announced),
            // Servers that announce nothing and know SHA-2 at all know the shorter one.
            None => hashes.sort_by_key(|hash| *hash != Some(HashAlg::Sha256)),
        }
        Ok(hashes)
    }
}

fn unsigned(path: &Path, error: AgentAuthError) -> TransportError {
    match error {
        AgentAuthError::Send(_) => TransportError::AuthLost,
        AgentAuthError::Key(source) => {
            TransportError::PrivateKey { path: path.display().to_string(), source }
        }
    }
}

/// Reads a certificate, and says what is wrong with it before a server merely says no.
fn usable(path: &Path, text: &str, key: &PrivateKey) -> Result<Certificate, TransportError> {
    let wrong = |what: &str| TransportError::Certificate {
        path: path.display().to_string(),
        what: what.to_owned(),
    };
    let certificate =
        Certificate::from_openssh(text.trim()).map_err(|_| wrong("is no OpenSSH certificate"))?;
    if certificate.public_key() != key.public_key().key_data() {
        return Err(wrong("belongs to another private key"));
    }
    if certificate.cert_type().is_host() {
        return Err(wrong("is for a host, not for a user"));
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    if now >= certificate.valid_before() {
        return Err(wrong("has expired; have it signed again"));
    }
    if now < certificate.valid_after() {
        return Err(wrong("is not valid yet; check the clock of this machine"));
    }
    Ok(certificate)
}

/// Signs with a key of our own where the library would ask an agent: it lets the hash be chosen.
struct Local(Arc<PrivateKey>);

impl Signer for Local {
    type Error = AgentAuthError;

    async fn auth_sign(
        &mut self,
        _key: &AgentIdentity,
        hash: Option<HashAlg>,
        mut to_sign: Vec<u8>,
    ) -> Result<Vec<u8>, Self::Error> {
        let signed = match self.0.key_data().rsa() {
            Some(pair) => (pair, hash).try_sign(&to_sign),
            None => self.0.try_sign(&to_sign),
        };
        let failed = |_| AgentAuthError::Key(russh::keys::Error::CouldNotReadKey);
        let blob = Vec::<u8>::try_from(signed.map_err(failed)?)
            .map_err(|error| AgentAuthError::Key(error.into()))?;
        let length = u32::try_from(blob.len())
            .map_err(|_| AgentAuthError::Key(russh::keys::Error::CouldNotReadKey))?;
        to_sign.extend(length.to_be_bytes());
        to_sign.extend(blob);
        Ok(to_sign)
    }
}

#[cfg(test)]
mod tests {
    use russh::keys::signature::Verifier as _;
    use russh::keys::ssh_key::PublicKey;
    use russh::keys::ssh_key::Signature;
    use russh::keys::ssh_key::private::RsaKeypair;

    use super::*;

    /// Some servers take a signature for a number and leave out the zero bytes in front of it
    /// (OpenSSH pads what is too short, in `ssh_rsa_verify`).
    #[test]
    fn an_rsa_signature_without_its_leading_zero_bytes_verifies() {
        let pair = RsaKeypair::random(&mut russh::keys::key::safe_rng(), 1024).unwrap();
        let public = PublicKey::from(russh::keys::ssh_key::public::RsaPublicKey::from(&pair));
        let mut stripped = 0;
        for number in 0_u32..4000 {
            let message = number.to_be_bytes();
            for hash in [Some(HashAlg::Sha256), None] {
                let signature = (&pair, hash).try_sign(&message).unwrap();
                let short: Vec<u8> =
                    signature.as_bytes().iter().copied().skip_while(|byte| *byte == 0).collect();
                if short.len() == signature.as_bytes().len() {
                    continue;
                }
                let signature = Signature::new(signature.algorithm(), short).unwrap();
                assert!(public.key_data().verify(&message, &signature).is_ok(), "{number}");
                assert!(public.key_data().verify(b"other", &signature).is_err());
                stripped += 1;
            }
            if stripped >= 3 {
                return;
            }
        }
        panic!("no signature began with a zero byte");
    }
}
