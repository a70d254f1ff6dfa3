//! What writing does to the file.

use std::sync::Barrier;

use super::*;

const HASHED: &str = "|1|kmcScuSW2I2boKleKEQF6yyD5M8=|JGxnpLenlJyqqqBlK7rTJc+RXO0=";

#[test]
fn a_file_without_a_last_newline_is_not_damaged_by_the_next_record() {
    let store = Store::new(format!("r1 {ONE}"));
    let accept = HostKeyPolicy::AcceptNew;
    assert_eq!(word(&store.check("r2", key(TWO), &accept)), "first contact");
    assert_eq!(store.text(), format!("r1 {ONE}\nr2 {TWO}\n"));
}

#[test]
fn what_another_hand_writes_is_seen_at_once() {
    let store = Store::new("");
    let accept = HostKeyPolicy::AcceptNew;
    assert_eq!(word(&store.check("r1", key(ONE), &accept)), "first contact");
    assert_eq!(word(&store.check("r1", key(ONE), &accept)), "known");
    // An editor that writes in place, holds no lock and leaves the length as it was.
    std::fs::write(store.path(), format!("r1 {TWO}\n")).unwrap();
    assert_eq!(word(&store.check("r1", key(ONE), &accept)), "changed");
    // One that adds a line between two of ours.
    std::fs::write(store.path(), format!("r1 {TWO}\n@revoked r3 {ONE}\n")).unwrap();
    assert_eq!(word(&store.check("r2", key(TWO), &accept)), "first contact");
    assert_eq!(word(&store.check("r3", key(ONE), &accept)), "revoked host key");
    std::fs::remove_file(store.path()).unwrap();
    assert_eq!(word(&store.check("r1", key(ONE), &accept)), "first contact");
    assert_eq!(store.text(), format!("r1 {ONE}\n"));
}

#[cfg(unix)]
#[test]
fn the_file_is_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let store = Store::new("");
    let mode = || std::fs::metadata(store.path()).unwrap().permissions().mode() & 0o777;
    store.check("r1", key(ONE), &HostKeyPolicy::AcceptNew).unwrap();
    assert_eq!(mode(), 0o600);
    std::fs::set_permissions(store.path(), std::fs::Permissions::from_mode(0o644)).unwrap();
    store.keys.trust("r1", &offered(TWO), Others::Replace).unwrap();
    assert_eq!(mode(), 0o600);
}

#[test]
fn records_of_many_at_once_are_whole_and_each_host_is_met_once() {
    const WRITERS: usize = 8;
    let store = Store::new("");
    let start = Barrier::new(WRITERS);
    let firsts: usize = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                // A store of its own each, as another process has.
                let keys = HostKeys::new(store.path());
                let (start, shown) = (&start, PublicKeyOrCertificate::from(key(ONE)));
                scope.spawn(move || {
                    start.wait();
                    let met = |host: usize| {
                        // Every second one also forgets, which replaces the file under the others.
                        if writer % 2 == 0 && host.is_multiple_of(10) {
                            assert_eq!(keys.forget("nobody").unwrap(), Forgotten::default());
                            keys.trust(&format!("w{writer}"), &offered(ONE), Others::Replace)
                                .unwrap();
                            assert_eq!(keys.forget(&format!("w{writer}")).unwrap().lines, 1);
                        }
                        let host = format!("r{host}");
                        keys.check(&host, &shown, &HostKeyPolicy::AcceptNew).unwrap().first_contact
                    };
                    (0..40).filter(|host| met(*host)).count()
                })
            })
            .collect();
        writers.into_iter().map(|writer| writer.join().unwrap()).sum()
    });
    assert_eq!(firsts, 40);
    let text = store.text();
    assert_eq!(text.lines().count(), 40, "{text}");
    assert!(text.lines().all(|line| line.ends_with(ONE)), "{text}");
}

#[test]
fn two_that_meet_a_host_with_different_keys_do_not_both_record_one() {
    for _ in 0..20 {
        let store = Store::new("");
        let start = Barrier::new(2);
        let meet = |shown: &'static str| {
            start.wait();
            word(&store.check("r1", key(shown), &HostKeyPolicy::AcceptNew))
        };
        let meet = &meet;
        let mut words: Vec<String> = std::thread::scope(|scope| {
            let both = [ONE, TWO].map(|shown| scope.spawn(move || meet(shown)));
            both.into_iter().map(|one| one.join().unwrap()).collect()
        });
        words.sort();
        assert_eq!(words, ["changed", "first contact"]);
        assert_eq!(store.text().lines().count(), 1);
    }
}

#[test]
fn forgetting_a_host_keeps_every_other_byte() {
    let text = format!(
        "\u{feff}# ours\r\n\r\n  \t r1\t{ONE} mine  \r\nR1 {TWO}\nr0,r1,192.0.2.1 \t {ONE} shared \r\n\
         r11 {ONE}\n@revoked r1 {TWO}\n@cert-authority r1,* {TWO}\nr* {TWO}\nr1,r1* {ONE}\n{HASHED} {ONE}\n\
         !r2,r1 {ONE}\nr1 broken\n!r1,* {ONE}\nr2 {TWO}"
    );
    let store = Store::new(text);
    let forgotten = store.keys.forget("r1").unwrap();
    let expected = format!(
        "\u{feff}# ours\r\n\r\nr0,192.0.2.1 \t {ONE} shared \r\n\
         r11 {ONE}\n@revoked r1 {TWO}\n@cert-authority r1,* {TWO}\nr* {TWO}\nr1* {ONE}\n{HASHED} {ONE}\n\
         !r1,* {ONE}\nr2 {TWO}"
    );
    assert_eq!(store.text(), expected);
    assert_eq!(forgotten, Forgotten { lines: 6, by_pattern: vec![7, 8] });
    assert_eq!(store.keys.forget("core-r1.example.net").unwrap().lines, 1);
    assert_eq!(store.text(), expected.replace(&format!("{HASHED} {ONE}\n"), ""));
    let bytes = store.bytes();
    assert_eq!(store.keys.forget("r99").unwrap().lines, 0);
    assert_eq!(store.bytes(), bytes);
}

#[test]
fn bytes_that_are_no_text_survive_a_forgetting() {
    let store = Store::new([b"r\xff2 \xfe\n".as_slice(), b"r1 x\n\0\n"].concat());
    assert_eq!(store.keys.forget("r1").unwrap().lines, 1);
    assert_eq!(store.bytes(), b"r\xff2 \xfe\n\0\n");
}

#[test]
fn trust_records_once_and_replaces_only_when_told() {
    let store = Store::new(format!("r0,r1 {TWO} old\nr2 {TWO}"));
    let trust = |host: &str, others| store.keys.trust(host, &offered(ONE), others);
    let refused = trust("r1", Others::Refuse).unwrap_err();
    for key in [ONE, TWO] {
        assert!(refused.to_string().contains(&offered(key).fingerprint()), "{refused}");
    }
    let replaced = |lines| Trusted::Replaced(Forgotten { lines, by_pattern: Vec::new() });
    assert_eq!(trust("r1", Others::Replace).unwrap(), replaced(1));
    assert_eq!(store.text(), format!("r0 {TWO} old\nr2 {TWO}\nr1 {ONE}\n"));
    assert_eq!(trust("r1", Others::Refuse).unwrap(), Trusted::Already);
    assert_eq!(trust("r1", Others::Replace).unwrap(), Trusted::Already);
    assert_eq!(trust("r3", Others::Replace).unwrap(), Trusted::Recorded);
    assert_eq!(store.strictly("r1", key(ONE)), "known");
    assert_eq!(store.strictly("r3", key(ONE)), "known");
    assert_eq!(store.strictly("r2", key(TWO)), "known");
}

#[test]
fn trust_never_accepts_a_revoked_key_and_mends_a_damaged_line() {
    let store = Store::new(format!("@revoked * {ONE}\nr1 damaged\n"));
    let before = store.bytes();
    for others in [Others::Refuse, Others::Replace] {
        let refused = store.keys.trust("r1", &offered(ONE), others).unwrap_err();
        assert!(matches!(refused, TransportError::HostKeyRevoked { .. }), "{refused}");
    }
    let refused = store.keys.trust("r1", &offered(TWO), Others::Refuse).unwrap_err();
    assert!(matches!(refused, TransportError::HostKeyLine { number: 2, .. }), "{refused}");
    assert_eq!(store.bytes(), before);
    let replaced = store.keys.trust("r1", &offered(TWO), Others::Replace).unwrap();
    let forgotten = Forgotten { lines: 1, by_pattern: Vec::new() };
    assert_eq!(replaced, Trusted::Replaced(forgotten));
    assert_eq!(store.text(), format!("@revoked * {ONE}\nr1 {TWO}\n"));
    // What a pattern says of many hosts is not for one of them to change.
    let store = Store::new(format!("r* {TWO}\n"));
    let replaced = store.keys.trust("r1", &offered(ONE), Others::Replace).unwrap();
    assert_eq!(replaced, Trusted::Replaced(Forgotten { lines: 0, by_pattern: vec![1] }));
    assert_eq!(store.text(), format!("r* {TWO}\nr1 {ONE}\n"));
}

#[cfg(unix)]
#[test]
fn a_link_to_the_file_stays_a_link() {
    let store = Store::new("");
    let elsewhere = store.directory.path().join("elsewhere");
    std::fs::write(&elsewhere, format!("r1 {TWO}\n")).unwrap();
    std::os::unix::fs::symlink(&elsewhere, store.path()).unwrap();
    store.keys.trust("r1", &offered(ONE), Others::Replace).unwrap();
    assert!(std::fs::symlink_metadata(store.path()).unwrap().is_symlink());
    assert_eq!(std::fs::read(&elsewhere).unwrap(), format!("r1 {ONE}\n").into_bytes());
}
