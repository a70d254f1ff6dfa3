//! The host key of a simulated device.

use std::fmt;

use russh::keys::ssh_key::private::{Ed25519Keypair, RsaKeypair};
use russh::keys::ssh_key::{self, Algorithm, PrivateKey};
use sha2::{Digest, Sha256};

/// Where a device's host key comes from.
#[derive(Clone, Default)]
pub enum HostKey {
    /// A new ed25519 key at each start.
    #[default]
    Random,
    /// The same ed25519 key for the same phrase, so that it survives a restart. Anybody who knows
    /// the phrase has the key: for simulated devices only.
    Phrase(String),
    /// A private key in OpenSSH's format, of any kind.
    OpenSsh(String),
    /// A new RSA key of this many bits at each start, 1024 or more.
    Rsa(usize),
    /// A new DSA key at each start, which needs the feature `legacy-ciphers`.
    Dsa,
}

impl HostKey {
    pub(super) fn make(&self) -> Result<PrivateKey, ssh_key::Error> {
        match self {
            Self::Random => {
                PrivateKey::random(&mut russh::keys::key::safe_rng(), Algorithm::Ed25519)
            }
            Self::Phrase(phrase) => {
                let seed: [u8; 32] = Sha256::digest(phrase.as_bytes()).into();
                Ok(PrivateKey::from(Ed25519Keypair::from_seed(&seed)))
            }
            Self::OpenSsh(text) => PrivateKey::from_openssh(text),
            Self::Rsa(bits) => {
                let pair = RsaKeypair::random(&mut russh::keys::key::safe_rng(), *bits)?;
                PrivateKey::new(pair.into(), "")
            }
            Self::Dsa => PrivateKey::random(&mut russh::keys::key::safe_rng(), Algorithm::Dsa),
        }
    }
}

impl fmt::Debug for HostKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Random => "Random",
            Self::Phrase(_) => "Phrase(<secret>)",
            Self::OpenSsh(_) => "OpenSsh(<secret>)",
            Self::Rsa(_) => "Rsa",
            Self::Dsa => "Dsa",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fingerprint(key: &HostKey) -> String {
        key.make().unwrap().fingerprint(ssh_key::HashAlg::Sha256).to_string()
    }

    #[test]
    fn a_phrase_keeps_its_key_and_a_random_key_is_new() {
        let phrase = |text: &str| HostKey::Phrase(text.to_owned());
        assert_eq!(fingerprint(&phrase("a")), fingerprint(&phrase("a")));
        assert_ne!(fingerprint(&phrase("a")), fingerprint(&phrase("b")));
        assert_ne!(fingerprint(&HostKey::Random), fingerprint(&HostKey::Random));
    }

    #[test]
    fn a_key_file_is_used_as_it_is() {
        let key = HostKey::Phrase("x".to_owned()).make().unwrap();
        let text = key.to_openssh(ssh_key::LineEnding::LF).unwrap().to_string();
        let from_text = HostKey::OpenSsh(text);
        assert_eq!(fingerprint(&from_text), fingerprint(&HostKey::Phrase("x".to_owned())));
    }
}
