//! What client and server agreed on before anybody logged in.

use russh::Names;
use serde::Serialize;

use super::algorithms::{self, Profile};
use super::error::Gap;
use super::host_keys::HostKey;
use super::offer::Offer;
use crate::inventory::Security;

/// What the two sides agreed on, and what the server had to offer.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Handshake {
    /// The server's identification line.
    pub ident: String,
    /// The host key that was accepted.
    pub host_key: HostKey,
    /// The profile that was offered to the server.
    pub security: Security,
    /// The algorithms in use.
    pub chosen: Chosen,
    /// What the server offers, where its first message could be read.
    pub offer: Option<Offer>,
}

impl Handshake {
    /// The strictest profile with which this server can be reached.
    pub fn strictest(&self) -> Option<Security> {
        self.offer.as_ref().and_then(strictest)
    }
}

/// The algorithms of a connection, by their names on the wire.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Chosen {
    /// Key exchange.
    pub key_exchange: String,
    /// Host key signature.
    pub host_key: String,
    /// Cipher.
    pub cipher: String,
    /// Integrity; none where the cipher has its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mac: Option<String>,
}

impl Chosen {
    pub(super) fn of(names: &Names) -> Self {
        let cipher = names.cipher.as_ref().to_owned();
        let mac = algorithms::needs_mac(&cipher).then(|| names.client_mac.as_ref().to_owned());
        Self {
            key_exchange: names.kex.as_ref().to_owned(),
            host_key: names.key.to_string(),
            cipher,
            mac,
        }
    }

    /// Those that are broken or about to be.
    pub fn weak(&self) -> Vec<&str> {
        let all = [&self.key_exchange, &self.host_key, &self.cipher].into_iter().chain(&self.mac);
        all.map(String::as_str).filter(|name| algorithms::is_weak(name)).collect()
    }
}

/// The algorithm that a negotiation ends with: the first of ours that the server has.
fn common<'p>(ours: &'p [String], theirs: &[String]) -> Option<&'p str> {
    ours.iter().find(|name| theirs.contains(name)).map(String::as_str)
}

/// What a profile lacks for a server, all kinds at once.
pub(super) fn gaps(offer: &Offer, security: Security) -> Vec<Gap> {
    let profile = Profile::of(security);
    let mut gaps = Vec::new();
    let mut lacks = |kind, theirs: &[String], ours: &[String]| {
        gaps.push(Gap { kind, theirs: theirs.to_vec(), ours: ours.to_vec() });
    };
    if common(&profile.key_exchange, &offer.key_exchange).is_none() {
        lacks("key exchange", &offer.key_exchange, &profile.key_exchange);
    }
    if common(&profile.host_key, &offer.host_key).is_none() {
        lacks("host key", &offer.host_key, &profile.host_key);
    }
    let cipher = common(&profile.cipher, &offer.cipher);
    if cipher.is_none() {
        lacks("cipher", &offer.cipher, &profile.cipher);
    }
    // A cipher that seals needs no code beside it.
    if cipher.is_none_or(algorithms::needs_mac) && common(&profile.mac, &offer.mac).is_none() {
        lacks("MAC", &offer.mac, &profile.mac);
    }
    gaps
}

/// The strictest profile that has something in common with a server in every kind.
pub(super) fn strictest(offer: &Offer) -> Option<Security> {
    Security::ALL.into_iter().find(|security| gaps(offer, *security).is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offer(kex: &str, key: &str, cipher: &str, mac: &str) -> Offer {
        let names = |list: &str| list.split(',').map(str::to_owned).collect();
        Offer {
            key_exchange: names(kex),
            host_key: names(key),
            cipher: names(cipher),
            mac: names(mac),
        }
    }

    fn kinds(offer: &Offer, security: Security) -> Vec<&'static str> {
        gaps(offer, security).into_iter().map(|gap| gap.kind).collect()
    }

    #[test]
    fn the_strictest_profile_that_works_is_found() {
        use Security::{Compatible, Legacy, Modern};
        let cases = [
            (
                offer("curve25519-sha256", "ssh-ed25519", "aes256-ctr", "hmac-sha2-256"),
                Some(Modern),
            ),
            (
                offer(
                    "diffie-hellman-group14-sha256",
                    "rsa-sha2-256",
                    "aes256-ctr",
                    "hmac-sha2-256",
                ),
                Some(Compatible),
            ),
            (offer("curve25519-sha256", "ssh-rsa", "aes256-ctr", "hmac-sha2-256"), Some(Legacy)),
            (offer("curve25519-sha256", "ssh-ed25519", "aes256-ctr", "hmac-md5"), None),
            (offer("rsa1024-sha1", "ssh-rsa", "aes256-ctr", "hmac-sha1"), None),
        ];
        for (offer, expected) in cases {
            assert_eq!(strictest(&offer), expected, "{offer:?}");
        }
    }

    #[test]
    fn a_cipher_that_seals_needs_no_mac() {
        let chacha = "chacha20-poly1305@openssh.com";
        let sealing = offer("curve25519-sha256", "ssh-ed25519", chacha, "hmac-md5");
        assert_eq!(kinds(&sealing, Security::Modern), Vec::<&str>::new());
    }

    #[test]
    fn everything_that_is_missing_is_told_at_once() {
        let old = offer("diffie-hellman-group1-sha1", "ssh-dss", "3des-cbc", "hmac-sha1-96");
        let all = ["key exchange", "host key", "cipher", "MAC"];
        assert_eq!(kinds(&old, Security::Compatible), all);
        let left: &[&str] = if cfg!(feature = "legacy-ciphers") {
            &["MAC"]
        } else {
            &["host key", "cipher", "MAC"]
        };
        assert_eq!(kinds(&old, Security::Legacy), left);
    }
}
