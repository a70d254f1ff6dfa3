//! Which host certificates are believed, by the rule and over the wire.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use russh::keys::ssh_key::certificate::{Builder, CertType, Certificate};
use russh::server;

use super::*;
use crate::transport::{Connecting, Dialer, Network};

const NOW: u64 = 1_700_000_000;

/// A certificate with everything that can be wrong about it.
struct Sample {
    kind: CertType,
    principals: &'static [&'static str],
    valid: std::ops::Range<u64>,
    option: Option<&'static str>,
}

impl Default for Sample {
    fn default() -> Self {
        let valid = NOW - 10..NOW + 10;
        Self { kind: CertType::Host, principals: &["r1.example.net"], valid, option: None }
    }
}

impl Sample {
    fn sign(&self, authority: &PrivateKey, key: &PublicKey) -> Certificate {
        let (after, before) = (self.valid.start, self.valid.end);
        let mut builder = Builder::new([7; 16], key, after, before).unwrap();
        builder.cert_type(self.kind).unwrap().key_id("made-up").unwrap();
        for name in self.principals {
            builder.valid_principal(*name).unwrap();
        }
        if self.principals.is_empty() {
            builder.all_principals_valid().unwrap();
        }
        if let Some(option) = self.option {
            builder.critical_option(option, "").unwrap();
        }
        builder.sign(authority).unwrap()
    }
}

#[test]
fn a_certificate_is_believed_only_where_everything_about_it_is_right() {
    let (authority, host) = (new_key(Algorithm::Ed25519), new_key(Algorithm::Ed25519));
    let sample = Sample::default;
    let cases = [
        (sample(), "r1.example.net", NOW, "fine"),
        (sample(), "R1.EXAMPLE.net", NOW, "fine"),
        (sample(), "r1.example.net", NOW - 10, "fine"),
        (sample(), "r1.example.net", NOW - 11, "its certificate is not valid yet"),
        (sample(), "r1.example.net", NOW + 10, "its certificate has expired"),
        (sample(), "r2.example.net", NOW, "its certificate is for r1.example.net"),
        (sample(), "192.0.2.1", NOW, "its certificate is for r1.example.net"),
        (Sample { principals: &["r2", "r1"], ..sample() }, "r1", NOW, "fine"),
        (Sample { principals: &["*.example.net"], ..sample() }, "r1.example.net", NOW, "fine"),
        (Sample { principals: &["192.0.2.1"], ..sample() }, "192.0.2.1", NOW, "fine"),
        (Sample { principals: &[], ..sample() }, "r1", NOW, "its certificate names no host"),
        (
            Sample { kind: CertType::User, ..sample() },
            "r1.example.net",
            NOW,
            "its certificate is one for users",
        ),
        (
            Sample { option: Some("only-on-mondays"), ..sample() },
            "r1.example.net",
            NOW,
            "its certificate has the critical option `only-on-mondays`, which is unknown here",
        ),
        (Sample { valid: 0..u64::MAX, ..sample() }, "r1.example.net", NOW, "fine"),
    ];
    for (sample, name, at, expected) in cases {
        let certificate = sample.sign(&authority, host.public_key());
        let result = vouches(&certificate, [authority.public_key()].into_iter(), name, at);
        let told = result.map_or_else(|problem| problem.to_string(), |()| "fine".to_owned());
        assert_eq!(told, expected, "{name} at {at}");
    }
}

#[test]
fn only_the_authorities_recorded_for_the_host_count_and_their_signature_must_be_right() {
    let (authority, other) = (new_key(Algorithm::Ed25519), new_key(Algorithm::Ed25519));
    let host = new_key(Algorithm::Ed25519);
    let sample = Sample { valid: 0..u64::MAX, ..Sample::default() };
    let certificate = sample.sign(&authority, host.public_key());
    let line = |marker: &str, names: &str, key: &PrivateKey| {
        format!("{marker} {names} {}\n", key.public_key().to_openssh().unwrap())
    };
    let ours = line("@cert-authority", "*.example.net,!r9.example.net", &authority);
    let theirs = line("@cert-authority", "*.example.net", &other);
    let signed_by_another = format!(
        "its certificate is signed by {}, which is not recorded for it",
        authority.public_key().fingerprint(HashAlg::Sha256)
    );
    let cases = [
        (ours.clone(), "r1.example.net", "known"),
        (format!("{theirs}{ours}"), "r1.example.net", "known"),
        (theirs, "r1.example.net", signed_by_another.as_str()),
        // Where no authority is recorded, a certificate is its key and nothing else.
        (String::new(), "r1.example.net", "unknown"),
        (ours.clone(), "r9.example.net", "unknown"),
        (ours.clone(), "[r1.example.net]:2222", "unknown"),
        (
            line("@cert-authority", "[*.example.net]:*", &authority),
            "[r1.example.net]:2222",
            "known",
        ),
        (
            format!("{ours}{}", line("@revoked", "*", &authority)),
            "r1.example.net",
            "revoked certificate authority",
        ),
        (format!("{ours}{}", line("@revoked", "*", &host)), "r1.example.net", "revoked host key"),
        // Another host's lines say nothing.
        (format!("{ours}{}", line("@revoked", "r2*", &host)), "r1.example.net", "known"),
        // An authority's key is no host's key, and a host's key no authority's.
        (line("", "r1.example.net", &authority), "r1.example.net", "changed"),
    ];
    for (text, host, expected) in cases {
        let told = Store::new(&text).strictly(host, certificate.clone());
        assert_eq!(told, expected, "{host}: {text}");
    }
    let mut bytes = certificate.to_bytes().unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    let forged = Certificate::from_bytes(&bytes).unwrap();
    let told = Store::new(ours).strictly("r1.example.net", forged);
    assert_eq!(told, "the signature of its certificate is wrong");
}

#[test]
fn where_an_authority_is_recorded_no_other_key_is_recorded_by_itself() {
    let (authority, host) = (new_key(Algorithm::Ed25519), new_key(Algorithm::Ed25519));
    let line = authority.public_key().to_openssh().unwrap();
    let accept = HostKeyPolicy::AcceptNew;
    let store = Store::new(format!("@cert-authority *.example.net {line}\n"));
    let plain = || host.public_key().clone();
    let refused = store.check("r1.example.net", plain(), &accept);
    assert_eq!(word(&refused), "it shows no certificate");
    assert!(refused.unwrap_err().advice("r1").unwrap().contains("host-key trust r1"));
    let expired = Sample { valid: 0..10, ..Sample::default() }.sign(&authority, host.public_key());
    let check = || word(&store.check("r1.example.net", expired.clone(), &accept));
    assert_eq!(check(), "its certificate has expired");
    // An operator who records the key itself needs no certificate.
    store.keys.trust("r1.example.net", &OfferedKey::new(plain()), Others::Refuse).unwrap();
    assert_eq!(check(), "known");
    let pins = HostKeyPolicy::Pinned(vec![OfferedKey::new(plain()).fingerprint()]);
    assert_eq!(word(&store.check("r2.example.net", expired, &pins)), "known");
    assert_eq!(store.text().lines().count(), 2);
}

/// A server with a certificate, on a network of its own.
#[derive(Debug)]
struct Certified {
    config: Arc<server::Config>,
    /// Requests to log in.
    asked: Arc<AtomicUsize>,
}

struct Nobody(Arc<AtomicUsize>);

impl server::Handler for Nobody {
    type Error = russh::Error;

    async fn auth_none(&mut self, _user: &str) -> Result<server::Auth, Self::Error> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Ok(server::Auth::reject())
    }
}

impl Network for Certified {
    fn connect<'a>(&'a self, _address: &'a str, _port: u16, _waited: Duration) -> Connecting<'a> {
        let (near, far) = tokio::io::duplex(1 << 16);
        let (config, handler) = (Arc::clone(&self.config), Nobody(Arc::clone(&self.asked)));
        tokio::spawn(async move {
            if let Ok(session) = server::run_stream(config, far, handler).await {
                // Ends where the client hangs up.
                drop(session.await);
            }
        });
        Box::pin(async move { Ok(Box::new(near) as _) })
    }
}

fn device() -> Device {
    let text = r#"{"devices": {"r1": {
        "platform": "frr", "address": "r1.example.net", "username": "netops",
        "auth": {"type": "password", "password": "made-up"}
    }}}"#;
    let platforms = crate::platform::Platforms::embedded();
    let options = crate::inventory::LoadOptions {
        resolve_platform: &|name| platforms.resolve(name),
        platform_names: Vec::new(),
        strict_files: false,
    };
    let loaded = crate::inventory::parse(text, std::path::Path::new("devices.json"), &options);
    loaded.unwrap().inventory.device("r1").unwrap().clone()
}

fn dialer(
    store: &Store,
    host: &PrivateKey,
    certificate: Certificate,
) -> (Dialer, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let config = server::Config {
        keys: vec![host.clone()],
        certificates: vec![certificate],
        ..server::Config::default()
    };
    let network = Certified { config: Arc::new(config), asked: Arc::clone(&asked) };
    (Dialer::new(Arc::new(network), store.keys.clone(), HostKeyPolicy::AcceptNew), asked)
}

#[tokio::test]
async fn a_certificate_is_asked_for_where_an_authority_is_recorded_and_only_there() {
    for kind in [Algorithm::Ed25519, "ecdsa-sha2-nistp256".parse().unwrap()] {
        let (authority, host) = (new_key(Algorithm::Ed25519), new_key(kind));
        let shown = OfferedKey::new(host.public_key().clone());
        let authority_line = authority.public_key().to_openssh().unwrap();
        let trusting = Store::new(format!("@cert-authority *.example.net {authority_line}\n"));
        let good = Sample { valid: 0..u64::MAX, ..Sample::default() };
        let (dialer_to_good, _) =
            dialer(&trusting, &host, good.sign(&authority, host.public_key()));
        let reached = dialer_to_good.reach(&device(), None).await.unwrap();
        let accepted = &reached.handshake().host_key;
        assert!(!accepted.first_contact && accepted.fingerprint.contains(&shown.fingerprint()));
        assert_eq!(trusting.text().lines().count(), 1);

        let expired = Sample { valid: 0..10, ..Sample::default() };
        let (dialer_to_bad, _) =
            dialer(&trusting, &host, expired.sign(&authority, host.public_key()));
        let refused = dialer_to_bad.reach(&device(), None).await.unwrap_err();
        assert!(refused.to_string().contains("expired"), "{refused}");

        let empty = Store::new("");
        let (plain, _) = dialer(&empty, &host, expired.sign(&authority, host.public_key()));
        let reached = plain.reach(&device(), None).await.unwrap();
        assert!(reached.handshake().host_key.first_contact);
        assert_eq!(empty.text(), format!("r1.example.net {}\n", shown.line()));
    }
}

#[tokio::test]
async fn a_key_is_learned_without_logging_in_or_recording_it() {
    let (authority, host) = (new_key(Algorithm::Ed25519), new_key(Algorithm::Ed25519));
    let certificate = Sample::default().sign(&authority, host.public_key());
    for text in [String::new(), format!("r1.example.net {ONE}\n"), format!("@revoked * {ONE}\n")] {
        let store = Store::new(&text);
        let (dialer, asked) = dialer(&store, &host, certificate.clone());
        let shown = dialer.host_key_of(&device(), None).await.unwrap();
        assert_eq!(shown, OfferedKey::new(host.public_key().clone()));
        assert_eq!(asked.load(Ordering::SeqCst), 0);
        assert_eq!(store.text(), text);
    }
}
