//! The algorithms a simulated device is restricted to.

use std::borrow::Cow;

use russh::keys::Algorithm;
use russh::{Preferred, cipher, kex, mac};
use serde::Deserialize;

/// Algorithms by their SSH names, the most wanted first. An empty list restricts nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Algorithms {
    /// Key exchange, such as `diffie-hellman-group1-sha1`. A restricted device knows no extensions
    /// of it either.
    pub kex: Vec<String>,
    /// Host keys, such as `ssh-rsa`; also announced for the keys of users.
    pub host_key: Vec<String>,
    /// Ciphers, such as `aes128-cbc`.
    pub cipher: Vec<String>,
    /// Message authentication, such as `hmac-sha1`.
    pub mac: Vec<String>,
}

impl Algorithms {
    /// In the library's terms, for a device with a host key of this kind; fails with the name that
    /// nobody knows.
    pub(super) fn preferred(&self, host_key: &Algorithm) -> Result<Preferred, String> {
        let mut preferred = Preferred::default();
        if matches!(host_key, Algorithm::Dsa) {
            preferred.key = Cow::Borrowed(&[Algorithm::Dsa]);
        }
        if !self.kex.is_empty() {
            preferred.kex = Cow::Owned(known(&self.kex, |name| kex::Name::try_from(name).ok())?);
        }
        if !self.host_key.is_empty() {
            preferred.key = Cow::Owned(known(&self.host_key, |name| match Algorithm::new(name) {
                Ok(Algorithm::Other(_)) | Err(_) => None,
                Ok(algorithm) => Some(algorithm),
            })?);
        }
        if !self.cipher.is_empty() {
            preferred.cipher =
                Cow::Owned(known(&self.cipher, |name| cipher::Name::try_from(name).ok())?);
        }
        if !self.mac.is_empty() {
            preferred.mac = Cow::Owned(known(&self.mac, |name| mac::Name::try_from(name).ok())?);
        }
        Ok(preferred)
    }
}

fn known<T>(names: &[String], find: impl Fn(&str) -> Option<T>) -> Result<Vec<T>, String> {
    names.iter().map(|name| find(name).ok_or_else(|| name.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_restrict_and_a_name_nobody_knows_is_told() {
        let old = Algorithms {
            kex: vec!["diffie-hellman-group1-sha1".to_owned()],
            host_key: vec!["ssh-rsa".to_owned()],
            cipher: vec!["aes128-cbc".to_owned()],
            mac: vec!["hmac-sha1".to_owned()],
        };
        let preferred = old.preferred(&Algorithm::Ed25519).unwrap();
        assert_eq!(*preferred.kex, [kex::DH_G1_SHA1]);
        assert_eq!(*preferred.key, [Algorithm::Rsa { hash: None }]);
        assert_eq!(
            (&*preferred.cipher, &*preferred.mac),
            (&[cipher::AES_128_CBC][..], &[mac::HMAC_SHA1][..])
        );
        for wrong in [
            Algorithms { kex: vec!["rot13".to_owned()], ..Algorithms::default() },
            Algorithms { host_key: vec!["rot13".to_owned()], ..Algorithms::default() },
            Algorithms { cipher: vec!["rot13".to_owned()], ..Algorithms::default() },
            Algorithms { mac: vec!["rot13".to_owned()], ..Algorithms::default() },
        ] {
            assert_eq!(wrong.preferred(&Algorithm::Ed25519).unwrap_err(), "rot13");
        }
    }
}
