//! Which lines are about a host, and what a damaged one does.

use super::*;

#[test]
fn names_patterns_and_negations_match_as_in_openssh() {
    let cases = [
        ("r1", "r1", true),
        ("r1", "r11", false),
        ("R1.Example.NET", "r1.example.net", true),
        ("r1", "R1", true),
        ("r0,r1,192.0.2.1", "r1", true),
        ("r0,r1,192.0.2.1", "192.0.2.1", true),
        ("r0,r1,192.0.2.1", "192.0.2.10", false),
        ("[r1]:2222", "[r1]:2222", true),
        ("[r1]:2222", "r1", false),
        ("r1", "[r1]:2222", false),
        ("2001:db8::1", "2001:DB8::1", true),
        ("[2001:db8::1]:830", "[2001:db8::1]:830", true),
        ("*", "r1", true),
        ("*", "[2001:db8::1]:830", true),
        ("192.0.2.*", "192.0.2.77", true),
        ("192.0.2.*", "192.0.20.7", false),
        ("192.0.2.?", "192.0.2.7", true),
        ("192.0.2.?", "192.0.2.77", false),
        ("r?", "r", false),
        ("*.example.net", "a.b.example.net", true),
        ("*.example.net", "example.net", false),
        ("*.example.net", "[r1.example.net]:2222", false),
        ("[*.example.net]:*", "[r1.example.net]:2222", true),
        ("*a*b*c", "xaxxbxbxc", true),
        ("*a*b*c", "xaxxbxbx", false),
        ("**1", "r1", true),
        ("*.example.net,!r1.example.net", "r1.example.net", false),
        ("!r1.example.net,*.example.net", "r1.example.net", false),
        ("!r1.example.net,*.example.net", "r2.example.net", true),
        ("!r1", "r2", false),
        ("!r1", "r1", false),
        ("!*,r1", "r1", false),
        (",r1,", "r1", true),
    ];
    for (names, host, expected) in cases {
        let store = Store::new(format!("{names} {ONE}\n"));
        let expected = if expected { "known" } else { "unknown" };
        assert_eq!(store.strictly(host, key(ONE)), expected, "`{names}` and `{host}`");
    }
}

#[test]
fn a_pattern_full_of_stars_costs_little() {
    let pattern = "*a".repeat(2_000);
    let host = "a".repeat(1_999);
    assert!(!line::matches_pattern(&pattern, &host));
    assert!(line::matches_pattern(&pattern, &format!("{host}a")));
}

/// The lines were made by `ssh-keygen -H` of OpenSSH 9.2 out of names in lower case.
#[test]
fn hashed_names_match_what_openssh_hashed() {
    const NAME: &str = "|1|kmcScuSW2I2boKleKEQF6yyD5M8=|JGxnpLenlJyqqqBlK7rTJc+RXO0=";
    const PORT: &str = "|1|MMC9nnVY9NQEaUHMAWDtdn3skfI=|3iPFwwjkegVDAKK7zKZAlw3gVpU=";
    let store = Store::new(format!("{NAME} {ONE}\n{PORT} {TWO}\n"));
    for (host, shown, expected) in [
        ("core-r1.example.net", ONE, "known"),
        ("Core-R1.example.net", ONE, "known"),
        ("core-r1.example.net", TWO, "changed"),
        ("core-r2.example.net", ONE, "unknown"),
        ("[192.0.2.7]:2222", TWO, "known"),
        ("192.0.2.7", TWO, "unknown"),
    ] {
        assert_eq!(store.strictly(host, key(shown)), expected, "{host}");
    }
    assert_eq!(store.keys.expected("core-r1.example.net").unwrap().kinds, [Algorithm::Ed25519]);
}

#[test]
fn blanks_line_ends_comments_and_a_byte_order_mark_mean_nothing() {
    for text in [
        format!("r1 {ONE}"),
        format!("r1 {ONE} somebody@example.net and more\n"),
        format!("# r1 {TWO}\n\n   # more\n\t \nr1 {ONE}\n"),
        format!(" \t r1 \t {}\t\r\n", ONE.replace(' ', "\t   ")),
        format!("r0 {TWO}\r\nr1 {ONE}\r\n"),
        format!("\u{feff}r1 {ONE}\n"),
    ] {
        assert_eq!(Store::new(&text).strictly("r1", key(ONE)), "known", "{text:?}");
    }
}

#[test]
fn a_damaged_line_about_the_host_is_an_error_and_not_a_first_contact() {
    let accept = HostKeyPolicy::AcceptNew;
    for damaged in [
        "r1 ssh-ed25519 AAAAC3Nzbroken",
        "r1",
        "r1 ssh-ed25519",
        "r? ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAIDLUPCvmYTAwyQCyzZ3W2QUWGqXaNTGhbLUFNh2tEWOl",
        "r1 1024 35 143289",
        "@revoked r1 ssh-ed25519 AAAAC3Nzbroken",
        "@cert-authority r1 nonsense",
        "@stricter r1 ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDLUPCvmYTAwyQCyzZ3W2QUWGqXaNTGhbLUFNh2tEWOl",
    ] {
        let store = Store::new(format!("\n{damaged}\nr1 {ONE}\n"));
        assert_eq!(word(&store.check("r1", key(ONE), &accept)), "line 2", "{damaged}");
        assert_eq!(word(&store.check("s2", key(TWO), &accept)), "first contact", "{damaged}");
    }
}

#[test]
fn a_line_whose_names_cannot_be_read_keeps_a_host_from_being_met_for_the_first_time() {
    let accept = HostKeyPolicy::AcceptNew;
    for damaged in [
        &b"|1|broken|hash ssh-ed25519 AAAA"[..],
        b"|1|kmcScuSW2I2boKleKEQF6yyD5M8= ssh-ed25519 AAAA",
        b"|2|kmcScuSW2I2boKleKEQF6yyD5M8=|JGxnpLenlJyqqqBlK7rTJc+RXO0= ssh-ed25519 AAAA",
        b"r\xff1 ssh-ed25519 AAAA",
        b"r\x001\x00 \x00",
        b"\0\0\0\0\0\0\0\0",
        b"@cert-authority |1|broken ssh-ed25519 AAAA",
    ] {
        let mut text = format!("r1 {ONE}\n").into_bytes();
        text.extend_from_slice(damaged);
        let store = Store::new(text);
        assert_eq!(word(&store.check("r2", key(TWO), &accept)), "line 2", "{damaged:?}");
        assert_eq!(word(&store.check("r1", key(ONE), &accept)), "known", "{damaged:?}");
        assert_eq!(word(&store.check("r1", key(TWO), &accept)), "changed", "{damaged:?}");
    }
    // Nobody knows whose key that was, so none is accepted.
    for revoked in ["@revoked |1|broken ssh-ed25519 AAAA", "@revoked", "@revoke * x"] {
        let store = Store::new(format!("r1 {ONE}\n{revoked}\n"));
        assert_eq!(word(&store.check("r1", key(ONE), &accept)), "line 2", "{revoked}");
    }
}

#[test]
fn the_list_shows_every_line_that_says_something() {
    let text = format!(
        "# ours\nr1,192.0.2.1 {ONE}\n\n|1|kmcScuSW2I2boKleKEQF6yyD5M8=|JGxnpLenlJyqqqBlK7rTJc+RXO0= {TWO}\n\
         @revoked * {TWO}\n@cert-authority *.example.net {ONE}\nr\x1b[2J ssh-ed25519 broken\n\
         |1|broken {ONE}\n@stricter r3 {ONE}"
    );
    let list = Store::new(text).keys.list().unwrap();
    let shown: Vec<_> = list
        .iter()
        .map(|known| {
            let key = known.key.as_ref().map(|key| key.line() == ONE);
            (known.line, known.hosts.as_str(), known.marker, key)
        })
        .collect();
    assert_eq!(
        shown,
        [
            (2, "r1,192.0.2.1", None, Some(true)),
            (4, "(hashed)", None, Some(false)),
            (5, "*", Some(Marker::Revoked), Some(false)),
            (6, "*.example.net", Some(Marker::Authority), Some(true)),
            (7, "r?[2J", None, None),
            (8, "(hashed)", None, None),
            (9, "r3", None, None),
        ]
    );
}

#[test]
fn fingerprints_are_those_of_ssh_keygen() {
    let key = offered(
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIN1t7OsqYnE4M+HiZ66qci+/55KS7RmJBNO7MCrz5D0C made@up",
    );
    assert_eq!(key.fingerprint(), "SHA256:9njwOFPBIGV5zmI8JdKaT8iIqFTMegi80fMOVkn3zzE");
    assert_eq!(key.md5(), "MD5:6f:0f:61:f6:34:6a:72:1d:b4:ce:6a:89:62:ca:ed:9b");
    assert_eq!(key.kind(), "ssh-ed25519");
    assert!(!key.line().contains("made@up"));
    assert!(OfferedKey::from_line("ssh-ed25519 nonsense").is_err());
}
