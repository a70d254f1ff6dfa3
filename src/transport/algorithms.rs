//! The algorithms each security profile offers, in our order, and the client settings around them.
//!
//! The library's defaults do not suit network devices: they offer no NIST curves, put group 18
//! (more than a second of work) before group 14, and ask for groups that devices lack.
//! **Invariant:** a profile contains the one before it, and what it adds stands behind.

use std::borrow::Cow;
use std::time::Duration;

use russh::client::{Config, GexParams};
use russh::keys::ssh_key::{Algorithm, EcdsaCurve, HashAlg};
use russh::{Limits, Preferred, cipher, compression, kex, mac};

use super::quirks::Quirks;
use crate::inventory::Security;

/// Curves first because they are cheap.
const CURVES: &[kex::Name] = &[
    kex::CURVE25519,
    kex::CURVE25519_PRE_RFC_8731,
    kex::MLKEM768X25519_SHA256,
    kex::ECDH_SHA2_NISTP256,
    kex::ECDH_SHA2_NISTP384,
    kex::ECDH_SHA2_NISTP521,
];

/// Fixed groups, and group exchange last because devices with few groups fail in it. Groups 17 and
/// 18 are in no profile: they cost a second of work and no device has nothing else.
const GROUPS: &[kex::Name] =
    &[kex::DH_G14_SHA256, kex::DH_G16_SHA512, kex::DH_G15_SHA512, kex::DH_GEX_SHA256];

const OLD_GROUPS: &[kex::Name] = &[kex::DH_G14_SHA1, kex::DH_GEX_SHA1, kex::DH_G1_SHA1];

/// No algorithms: they say what else this client can do (RFC 8308, and OpenSSH's PROTOCOL).
const EXTENSIONS: &[kex::Name] =
    &[kex::EXTENSION_SUPPORT_AS_CLIENT, kex::EXTENSION_OPENSSH_STRICT_KEX_AS_CLIENT];

const HOST_KEYS: &[Algorithm] = &[
    Algorithm::Ed25519,
    Algorithm::Ecdsa { curve: EcdsaCurve::NistP256 },
    Algorithm::Ecdsa { curve: EcdsaCurve::NistP384 },
    Algorithm::Ecdsa { curve: EcdsaCurve::NistP521 },
    Algorithm::Rsa { hash: Some(HashAlg::Sha512) },
    Algorithm::Rsa { hash: Some(HashAlg::Sha256) },
];

const OLD_HOST_KEYS: &[Algorithm] = &[
    Algorithm::Rsa { hash: None },
    #[cfg(feature = "legacy-ciphers")]
    Algorithm::Dsa,
];

const CIPHERS: &[cipher::Name] = &[
    cipher::CHACHA20_POLY1305,
    cipher::AES_256_GCM,
    cipher::AES_128_GCM,
    cipher::AES_256_CTR,
    cipher::AES_192_CTR,
    cipher::AES_128_CTR,
];

const OLD_CIPHERS: &[cipher::Name] = &[
    cipher::AES_256_CBC,
    cipher::AES_192_CBC,
    cipher::AES_128_CBC,
    #[cfg(feature = "legacy-ciphers")]
    cipher::TRIPLE_DES_CBC,
];

/// Ciphers that need no code of their own for integrity.
const SEALING: &[cipher::Name] =
    &[cipher::CHACHA20_POLY1305, cipher::AES_256_GCM, cipher::AES_128_GCM];

const MACS: &[mac::Name] =
    &[mac::HMAC_SHA256_ETM, mac::HMAC_SHA512_ETM, mac::HMAC_SHA256, mac::HMAC_SHA512];

const OLD_MACS: &[mac::Name] = &[mac::HMAC_SHA1_ETM, mac::HMAC_SHA1];

/// A new key exchange after this long is more than some old devices survive; their sessions do not
/// get this old.
const NO_REKEY: Duration = Duration::from_secs(24 * 3600);

/// What a profile offers, by the names on the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Profile {
    pub(super) key_exchange: Vec<String>,
    pub(super) host_key: Vec<String>,
    pub(super) cipher: Vec<String>,
    pub(super) mac: Vec<String>,
}

impl Profile {
    pub(super) fn of(security: Security) -> Self {
        fn names<T: AsRef<str>>(list: &[T]) -> Vec<String> {
            list.iter().map(|name| name.as_ref().to_owned()).collect()
        }
        Self {
            key_exchange: names(&key_exchange(security)),
            host_key: host_keys(security).iter().map(ToString::to_string).collect(),
            cipher: names(&ciphers(security)),
            mac: names(&macs(security)),
        }
    }
}

/// Whether this cipher needs a MAC beside it.
pub(super) fn needs_mac(cipher: &str) -> bool {
    !SEALING.iter().any(|sealing| sealing.as_ref() == cipher)
}

/// Whether an algorithm is one that only `legacy` offers, or would if we had it.
pub(super) fn is_weak(name: &str) -> bool {
    let weak_part = |part: &str| matches!(part, "sha1" | "cbc" | "md5" | "96" | "dss" | "3des");
    name == "ssh-rsa" || name.split(['-', '@']).any(weak_part)
}

fn key_exchange(security: Security) -> Vec<kex::Name> {
    join(security, CURVES, GROUPS, OLD_GROUPS)
}

fn host_keys(security: Security) -> Vec<Algorithm> {
    join(security, HOST_KEYS, &[], OLD_HOST_KEYS)
}

fn ciphers(security: Security) -> Vec<cipher::Name> {
    join(security, CIPHERS, &[], OLD_CIPHERS)
}

fn macs(security: Security) -> Vec<mac::Name> {
    join(security, MACS, &[], OLD_MACS)
}

fn join<T: Clone>(security: Security, modern: &[T], compatible: &[T], legacy: &[T]) -> Vec<T> {
    let mut list = modern.to_vec();
    if security >= Security::Compatible {
        list.extend_from_slice(compatible);
    }
    if security >= Security::Legacy {
        list.extend_from_slice(legacy);
    }
    list
}

/// Builds the client settings. Host-key algorithms that are recorded for the device come first, as
/// in OpenSSH, so that a device that gained a key of another kind still shows the recorded one.
pub(super) fn client_config(
    security: Security,
    quirks: &Quirks,
    recorded: &[Algorithm],
    keepalive: Duration,
) -> Config {
    let is_recorded = |offered: &Algorithm| {
        recorded.iter().any(|known| match (known, offered) {
            (Algorithm::Rsa { .. }, Algorithm::Rsa { .. }) => true,
            (known, offered) => known == offered,
        })
    };
    let (mut first, rest): (Vec<_>, Vec<_>) =
        host_keys(security).into_iter().partition(is_recorded);
    first.extend(rest);
    let mut exchanges = key_exchange(security);
    exchanges.extend_from_slice(EXTENSIONS);
    let mut limits = Limits::default();
    if security == Security::Legacy {
        limits.rekey_time_limit = NO_REKEY;
    }
    let (least, preferred, most) = quirks.group_bits;
    Config {
        preferred: Preferred {
            kex: Cow::Owned(exchanges),
            key: Cow::Owned(first),
            cipher: Cow::Owned(ciphers(security)),
            mac: Cow::Owned(macs(security)),
            compression: Cow::Borrowed(&[compression::NONE]),
            ..Preferred::DEFAULT
        },
        gex: GexParams::new(least, preferred, most).unwrap_or_default(),
        limits,
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
    fn each_profile_contains_the_one_before_it_and_adds_behind() {
        for (stricter, wider) in Security::ALL.iter().zip(Security::ALL.iter().skip(1)) {
            let (stricter, wider) = (Profile::of(*stricter), Profile::of(*wider));
            assert!(wider.key_exchange.starts_with(&stricter.key_exchange));
            assert!(wider.host_key.starts_with(&stricter.host_key));
            assert!(wider.cipher.starts_with(&stricter.cipher));
            assert!(wider.mac.starts_with(&stricter.mac));
        }
    }

    #[test]
    fn only_the_legacy_profile_offers_what_is_weak() {
        for security in [Security::Modern, Security::Compatible] {
            let Profile { key_exchange, host_key, cipher, mac } = Profile::of(security);
            for name in [key_exchange, host_key, cipher, mac].concat() {
                assert!(!is_weak(&name), "{name} in {security:?}");
            }
        }
        let legacy = Profile::of(Security::Legacy);
        for (name, list) in [
            ("diffie-hellman-group1-sha1", &legacy.key_exchange),
            ("diffie-hellman-group-exchange-sha1", &legacy.key_exchange),
            ("ssh-rsa", &legacy.host_key),
            ("aes128-cbc", &legacy.cipher),
            ("hmac-sha1", &legacy.mac),
        ] {
            assert!(list.iter().any(|known| known == name) && is_weak(name), "{name}");
        }
        let released = cfg!(feature = "legacy-ciphers");
        assert_eq!(legacy.cipher.iter().any(|name| name == "3des-cbc"), released);
        assert_eq!(legacy.host_key.iter().any(|name| name == "ssh-dss"), released);
    }

    #[test]
    fn group_exchange_stands_behind_the_fixed_groups_and_expensive_groups_are_absent() {
        let names = Profile::of(Security::Compatible).key_exchange;
        assert_eq!(names.last().map(String::as_str), Some("diffie-hellman-group-exchange-sha256"));
        let all = Profile::of(Security::Legacy).key_exchange;
        assert!(!all.iter().any(|name| name.contains("group17") || name.contains("group18")));
        assert!(!Profile::of(Security::Modern).key_exchange.iter().any(|n| n.contains("group")));
    }

    #[test]
    fn a_recorded_kind_of_host_key_is_asked_for_first() {
        let recorded = [Algorithm::Rsa { hash: None }];
        let keepalive = Duration::from_secs(30);
        let config = client_config(Security::Compatible, &Quirks::default(), &recorded, keepalive);
        assert_eq!(config.preferred.key[0], Algorithm::Rsa { hash: Some(HashAlg::Sha512) });
        assert_eq!(config.preferred.key.len(), HOST_KEYS.len());
        let named = |name: &str| config.preferred.kex.iter().any(|known| known.as_ref() == name);
        assert!(named("kex-strict-c-v00@openssh.com") && named("ext-info-c"));
    }
}
