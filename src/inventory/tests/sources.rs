//! Where secrets come from, and what is said about it.

use super::files::Site;
use super::*;
use crate::secret::Secret;

fn password_from(source: &str) -> String {
    device_with("auth", &format!("{{\"type\": \"password\", \"password\": {source}}}"))
}

/// Where the password of the only device comes from.
fn source(text: &str) -> SecretSource {
    let loaded = loaded(&password_from(text));
    match &loaded.inventory.device("r1").unwrap().auth.proof {
        AuthProof::Password(source) => source.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_secret_stands_in_the_file_or_comes_from_elsewhere() {
    let inline = |text: &str| SecretSource::Inline(Secret::new(text.to_owned()));
    let keyring = |service: &str, account: &str| SecretSource::Keyring {
        service: service.to_owned(),
        account: account.to_owned(),
    };
    let command =
        |words: &[&str]| SecretSource::Command(words.iter().map(ToString::to_string).collect());
    let cases = [
        ("\"plain\"", inline("plain")),
        ("\"environment:x\"", inline("environment:x")),
        (r#"{"inline": "env:PATH"}"#, inline("env:PATH")),
        (r#"{"env": "PATH"}"#, SecretSource::Env("PATH".to_owned())),
        ("\"env:PATH\"", SecretSource::Env("PATH".to_owned())),
        (r#"{"file": "/run/secrets/r1"}"#, SecretSource::File("/run/secrets/r1".into())),
        ("\"file:secrets/r1\"", SecretSource::File("secrets/r1".into())),
        (r#"{"command": ["pass", "show", "net/r 1"]}"#, command(&["pass", "show", "net/r 1"])),
        (r#"{"command": ["/usr/bin/pass"]}"#, command(&["/usr/bin/pass"])),
        (r#"{"keyring": {"service": "vty", "account": "a/b"}}"#, keyring("vty", "a/b")),
        ("\"keyring:vty/mcp/netops\"", keyring("vty/mcp", "netops")),
    ];
    for (text, expected) in cases {
        assert_eq!(source(text), expected, "{text}");
    }
}

#[test]
fn sources_that_cannot_be_meant_are_errors() {
    let bad = [
        r"{}",
        r#"{"env": "PATH", "file": "x"}"#,
        r#"{"env": "A B"}"#,
        r#"{"env": "1A"}"#,
        r#"{"env": ""}"#,
        "\"env:\"",
        "\"env:A-B\"",
        r#"{"command": []}"#,
        r#"{"command": [""]}"#,
        r#"{"command": ["./pass"]}"#,
        r#"{"command": ["bin/pass"]}"#,
        r#"{"command": ["pass", "a\nb"]}"#,
        "\"command:pass show x\"",
        r#"{"keyring": {"service": "x"}}"#,
        r#"{"keyring": {"service": "x", "account": ""}}"#,
        "\"keyring:vty\"",
        "\"keyring:/x\"",
    ];
    for text in bad {
        let found = problems(&password_from(text));
        assert_eq!(found.len(), 1, "{text} {}", report(&found));
        assert_eq!(found[0].reason, "inv_secret", "{text}");
    }
    for text in [r#"{"command": "pass show x"}"#, r#"{"keyring": "x"}"#, r#"{"env": 4}"#, "null"] {
        assert_eq!(problems(&password_from(text))[0].reason, "inv_type", "{text}");
    }
    let shell = said(&password_from(r#"{"command": "pass show x"}"#));
    assert!(shell.contains("{\"command\": [\"program\", \"argument\", …]}"), "{shell}");
    let typo = problems(&password_from(r#"{"enviroment": "X", "env": "PATH"}"#));
    assert_eq!(typo[0].reason, "inv_unknown_key");
    for path in ["\"file:\"", "\"file:~other/x\""] {
        assert_eq!(problems(&password_from(path))[0].reason, "secret_path", "{path}");
    }
}

#[test]
fn every_place_of_a_secret_takes_every_source() {
    let text = r#"{"devices": {"r1": {"platform": "ios", "address": "a", "username": "u",
        "auth": {"type": "ssh_key", "private_key_path": "k", "certificate_path": "c",
                 "passphrase": "keyring:vty/key",
                 "answers": [{"prompt": "One-Time", "answer": {"command": ["otp"]}}]},
        "enable": {"env": "PATH"}}}}"#;
    let loaded = loaded(text);
    let device = loaded.inventory.device("r1").unwrap();
    let sources = device.secret_sources();
    assert!(
        matches!(
            sources.as_slice(),
            [SecretSource::Keyring { .. }, SecretSource::Command(_), SecretSource::Env(_)]
        ),
        "{sources:?}"
    );
    assert_eq!(device.auth.answers[0].prompt, "one-time");
    let AuthProof::Key { certificate: Some(certificate), .. } = &device.auth.proof else {
        panic!("{device:?}")
    };
    assert_eq!(certificate, Path::new("c"));
}

#[test]
fn agents_need_no_secret_and_may_name_a_key() {
    let pin = "SHA256:AAAAbbbbCCCCddddEEEEffffGGGGhhhhIIIIjjjj012";
    for (auth, expected) in [
        (r#"{"type": "agent"}"#.to_owned(), None),
        (r#"{"type": "agent", "key": "netops@laptop"}"#.to_owned(), Some("netops@laptop")),
        (format!("{{\"type\": \"agent\", \"key\": \"{pin}\"}}"), Some(pin)),
    ] {
        let loaded = loaded(&device_with("auth", &auth));
        let auth = &loaded.inventory.device("r1").unwrap().auth;
        assert_eq!(auth.kind(), "agent");
        assert!(matches!(&auth.proof, AuthProof::Agent { key } if key.as_deref() == expected));
    }
    let synonym = r#"{"type": "keyboard_interactive", "password": "p"}"#;
    let loaded = loaded(&device_with("auth", synonym));
    assert_eq!(loaded.inventory.device("r1").unwrap().auth.kind(), "password");
}

#[test]
fn i11_a_variable_that_is_not_set_is_one_warning() {
    let device = r#"{"platform": "ios", "address": "a", "username": "u", "port": 1,
        "auth": {"type": "password", "password": "env:VTY_TEST_NOT_SET"}}"#;
    let other = device.replace("\"port\": 1", "\"port\": 2");
    let text = format!("{{\"devices\": {{\"a\": {device}, \"b\": {other}}}}}");
    let loaded = loaded(&text);
    assert_eq!(loaded.notices.len(), 1, "{:?}", loaded.notices);
    assert_eq!(loaded.notices[0].severity, Severity::Warning);
    assert_eq!(
        loaded.notices[0].what,
        "the environment variable `VTY_TEST_NOT_SET` is not set or empty (and in 1 more place)"
    );
}

#[test]
fn a_file_of_a_secret_must_be_there_and_for_its_owner_alone() {
    let site = Site::new(password_from("\"file:secret\"").as_bytes());
    assert_eq!(site.reasons(), ["secret_missing"]);
    std::fs::create_dir(site.path("secret")).unwrap();
    assert_eq!(site.reasons(), ["secret_missing"]);
    std::fs::remove_dir(site.path("secret")).unwrap();
    site.write("secret", b"pw\n", 0o600);
    assert!(site.load(true).unwrap().notices.is_empty());
    if cfg!(unix) {
        site.write("secret", b"pw\n", 0o644);
        let loaded = site.load(false).unwrap();
        assert_eq!(loaded.notices[0].reason, "secret_mode");
        let expected = format!("chmod 600 {}", site.path("secret").display());
        assert_eq!(loaded.notices[0].remedy, expected);
        assert_eq!(site.load(true).unwrap_err().problems()[0].severity, Severity::Error);
    }
}

#[cfg(unix)]
#[test]
fn a_device_file_without_inline_secrets_may_be_read_by_others() {
    for (source, open) in [("\"env:PATH\"", true), ("{\"inline\": \"env:PATH\"}", false)] {
        let site = Site::new(password_from(source).as_bytes());
        site.write("devices.json", password_from(source).as_bytes(), 0o644);
        assert_eq!(site.reasons().is_empty(), open, "{source}");
    }
}

#[test]
fn a_certificate_is_looked_at() {
    let auth = r#"{"type": "ssh_key", "private_key_path": "key", "certificate_path": "cert"}"#;
    let site = Site::new(device_with("auth", auth).as_bytes());
    site.write("key", files::PLAIN_KEY.as_bytes(), 0o600);
    assert_eq!(site.reasons(), ["key_certificate"]);
    site.write("cert", b"ssh-ed25519 AAAA user@host\n", 0o644);
    assert!(site.problems()[0].what.ends_with("is no OpenSSH certificate"));
    site.write("cert", b"ssh-ed25519-cert-v01@openssh.com AAAA netops\n", 0o644);
    assert!(site.reasons().is_empty());
}
