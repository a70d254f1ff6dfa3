//! The algorithms we offer, in our order, and the client settings around them.
//!
//! The library's defaults do not suit network devices: they offer no NIST curves, put group 18
//! (more than a second of work) before group 14, and ask for groups that devices lack.

use std::borrow::Cow;
use std::time::Duration;

use russh::client::{Config, GexParams};
use russh::keys::ssh_key::{Algorithm, EcdsaCurve, HashAlg};
use russh::{Preferred, cipher, compression, kex, mac};

/// Curves first because they are cheap, fixed groups next, group exchange last because devices
/// with few groups fail in it.
const KEY_EXCHANGE: &[kex::Name] = &[
    kex::CURVE25519,
    kex::CURVE25519_PRE_RFC_8731,
    kex::MLKEM768X25519_SHA256,
    kex::ECDH_SHA2_NISTP256,
    kex::ECDH_SHA2_NISTP384,
    kex::ECDH_SHA2_NISTP521,
    kex::DH_G14_SHA256,
    kex::DH_G16_SHA512,
    kex::DH_G15_SHA512,
    kex::DH_GEX_SHA256,
    kex::EXTENSION_SUPPORT_AS_CLIENT,
    kex::EXTENSION_OPENSSH_STRICT_KEX_AS_CLIENT,
];

const CIPHERS: &[cipher::Name] = &[
    cipher::CHACHA20_POLY1305,
    cipher::AES_256_GCM,
    cipher::AES_128_GCM,
    cipher::AES_256_CTR,
    cipher::AES_192_CTR,
    cipher::AES_128_CTR,
];

const MACS: &[mac::Name] =
    &[mac::HMAC_SHA256_ETM, mac::HMAC_SHA512_ETM, mac::HMAC_SHA256, mac::HMAC_SHA512];

const HOST_KEYS: &[Algorithm] = &[
    Algorithm::Ed25519,
    Algorithm::Ecdsa { curve: EcdsaCurve::NistP256 },
    Algorithm::Ecdsa { curve: EcdsaCurve::NistP384 },
    Algorithm::Ecdsa { curve: EcdsaCurve::NistP521 },
    Algorithm::Rsa { hash: Some(HashAlg::Sha512) },
    Algorithm::Rsa { hash: Some(HashAlg::Sha256) },
];

/// Idle connections are probed this often where nobody says otherwise, and given up after three
/// probes without an answer.
pub(super) const KEEPALIVE: Duration = Duration::from_secs(30);

/// Builds the client settings. Host-key algorithms that are recorded for the device come first, as
/// in OpenSSH, so that a device that gained a key of another kind still shows the recorded one.
pub(super) fn client_config(recorded: &[Algorithm], keepalive: Duration) -> Config {
    let is_recorded = |offered: &&Algorithm| {
        recorded.iter().any(|known| match (known, offered) {
            (Algorithm::Rsa { .. }, Algorithm::Rsa { .. }) => true,
            (known, offered) => known == *offered,
        })
    };
    let (first, rest): (Vec<_>, Vec<_>) = HOST_KEYS.iter().partition(is_recorded);
    let host_keys: Vec<Algorithm> = first.into_iter().chain(rest).cloned().collect();
    Config {
        preferred: Preferred {
            kex: Cow::Borrowed(KEY_EXCHANGE),
            key: Cow::Owned(host_keys),
            cipher: Cow::Borrowed(CIPHERS),
            mac: Cow::Borrowed(MACS),
            compression: Cow::Borrowed(&[compression::NONE]),
            ..Preferred::DEFAULT
        },
        // Devices with 2048-bit groups only, and Cisco's trouble with groups above 4096.
        gex: GexParams::new(2048, 3072, 4096).unwrap_or_default(),
        nodelay: true,
        keepalive_interval: Some(keepalive),
        keepalive_max: 3,
        ..Config::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn group_exchange_stands_last_and_expensive_groups_are_absent() {
        let names: Vec<&str> = KEY_EXCHANGE.iter().map(AsRef::as_ref).collect();
        let at = |name| names.iter().position(|n| *n == name);
        assert_eq!(at("diffie-hellman-group-exchange-sha256"), Some(9));
        assert!(at("curve25519-sha256") < at("ecdh-sha2-nistp256"));
        assert_eq!(at("diffie-hellman-group18-sha512"), None);
        assert_eq!(at("kex-strict-c-v00@openssh.com"), Some(11));
    }

    #[test]
    fn a_recorded_kind_of_host_key_is_asked_for_first() {
        let config = client_config(&[Algorithm::Rsa { hash: None }], KEEPALIVE);
        assert_eq!(config.preferred.key[0], Algorithm::Rsa { hash: Some(HashAlg::Sha512) });
        assert_eq!(config.preferred.key.len(), HOST_KEYS.len());
    }
}
