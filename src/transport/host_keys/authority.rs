//! Owns whether a host certificate is believed, as OpenSSH decides it.

use russh::keys::ssh_key::certificate::CertType;
use russh::keys::ssh_key::{Algorithm, Certificate, HashAlg, PublicKey};

use super::line::matches_pattern;

/// Why a certificate proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unproven {
    #[error("it shows no certificate")]
    Missing,
    #[error("its certificate is one for users")]
    ForUsers,
    #[error("its certificate is signed by {authority}, which is not recorded for it")]
    OtherAuthority { authority: String },
    #[error("its certificate is for {named}")]
    OtherHost { named: String },
    #[error("its certificate names no host")]
    NoHost,
    #[error("its certificate is not valid yet")]
    Early,
    #[error("its certificate has expired")]
    Expired,
    #[error("its certificate has the critical option `{option}`, which is unknown here")]
    Option { option: String },
    #[error("its certificate is signed with SHA-1 or DSA")]
    WeakSignature,
    #[error("the signature of its certificate is wrong")]
    Signature,
}

/// Decides whether one of `authorities` vouches for the key of a host called `name`, without its
/// port, at `now`, in seconds since 1970.
pub(super) fn vouches<'a>(
    certificate: &Certificate,
    mut authorities: impl Iterator<Item = &'a PublicKey>,
    name: &str,
    now: u64,
) -> Result<(), Unproven> {
    let signer = certificate.signature_key();
    let fingerprint = signer.fingerprint(HashAlg::Sha256);
    if !authorities.any(|authority| authority.key_data() == signer) {
        return Err(Unproven::OtherAuthority { authority: fingerprint.to_string() });
    }
    if certificate.cert_type() != CertType::Host {
        return Err(Unproven::ForUsers);
    }
    // What OpenSSH has not let an authority sign with since 8.2.
    if matches!(certificate.signature().algorithm(), Algorithm::Rsa { hash: None } | Algorithm::Dsa)
    {
        return Err(Unproven::WeakSignature);
    }
    if now < certificate.valid_after() {
        return Err(Unproven::Early);
    }
    if now >= certificate.valid_before() {
        return Err(Unproven::Expired);
    }
    // No option is defined for hosts, and each one restricts what the signature means.
    if let Some(option) = certificate.critical_options().keys().next() {
        return Err(Unproven::Option { option: printable(option) });
    }
    // Since OpenSSH 10.3 a certificate that names nobody matches nobody; before, it matched all.
    let named = certificate.valid_principals();
    if named.is_empty() {
        return Err(Unproven::NoHost);
    }
    if !named.iter().any(|pattern| matches_pattern(pattern, name)) {
        let named: Vec<String> = named.iter().take(8).map(|name| printable(name)).collect();
        return Err(Unproven::OtherHost { named: named.join(", ") });
    }
    certificate.validate_at(now, [&fingerprint]).map_err(|_| Unproven::Signature)
}

/// A stranger may have written the certificate.
fn printable(text: &str) -> String {
    text.chars().filter(|c| c.is_ascii_graphic()).take(64).collect()
}
