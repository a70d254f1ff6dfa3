//! Fetches one secret from one source, within limits.

use std::path::Path;

use super::CredentialError;
use crate::inventory::SecretSource;
use crate::secret::Secret;

/// Fetches a secret.
pub(super) async fn fetch(source: &SecretSource) -> Result<Secret<String>, CredentialError> {
    match source {
        SecretSource::Inline(secret) => Ok(secret.clone()),
        SecretSource::File(path) => read("the secret", path).await.map(Secret::new),
        _ => Err(CredentialError::Unavailable { what: "other sources" }),
    }
}

/// Reads a private key.
pub(super) async fn key_file(path: &Path) -> Result<Secret<String>, CredentialError> {
    read("the private key", path).await.map(Secret::new)
}

/// Reads a certificate.
pub(super) async fn certificate(path: &Path) -> Result<String, CredentialError> {
    read("the certificate", path).await
}

async fn read(what: &'static str, path: &Path) -> Result<String, CredentialError> {
    tokio::fs::read_to_string(path).await.map_err(|source| CredentialError::File {
        what,
        path: path.display().to_string(),
        source,
    })
}
