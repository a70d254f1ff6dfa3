//! What is accepted, recorded and refused, and what the refusal says.

use super::*;

fn pinned(keys: &[&str]) -> HostKeyPolicy {
    HostKeyPolicy::Pinned(keys.iter().map(|key| offered(key).fingerprint()).collect())
}

#[test]
fn a_first_key_is_recorded_and_another_one_refused_ever_after() {
    let (store, policy) = (Store::new(""), HostKeyPolicy::AcceptNew);
    let check = |host: &str, shown| store.check(host, key(shown), &policy);
    assert_eq!(word(&check("[r1]:2222", ONE)), "first contact");
    assert_eq!(word(&check("[r1]:2222", ONE)), "known");
    let changed = check("[r1]:2222", TWO).unwrap_err();
    for key in [ONE, TWO] {
        assert!(changed.to_string().contains(&offered(key).fingerprint()), "{changed}");
    }
    let advice = changed.advice("core-r1").unwrap();
    for part in
        ["replaced", "in between", "host-key trust core-r1 --replace", "host-key forget core-r1"]
    {
        assert!(advice.contains(part), "{part}: {advice}");
    }
    assert_eq!(word(&check("[r1]:2222", ONE)), "known");
    assert_eq!(word(&check("r2", TWO)), "first contact");
    assert_eq!(store.text(), format!("[r1]:2222 {ONE}\nr2 {TWO}\n"));
}

#[test]
fn strict_records_nothing_and_names_the_command_that_does() {
    let store = Store::new("");
    for _ in 0..2 {
        let error = store.check("r1", key(ONE), &HostKeyPolicy::Strict).unwrap_err();
        assert!(error.to_string().contains(&offered(ONE).fingerprint()), "{error}");
        assert!(error.advice("core-r1").unwrap().contains("vty-mcp host-key trust core-r1"));
    }
    assert!(!store.path().exists());
}

#[test]
fn a_pinned_key_is_accepted_whatever_is_recorded_and_nothing_is_recorded() {
    for recorded in [String::new(), format!("r1 {TWO}\n"), "r1 ssh-ed25519 broken\n".to_owned()] {
        let store = Store::new(&recorded);
        let check = |shown, pins: &[&str]| store.check("r1", key(shown), &pinned(pins));
        assert_eq!(word(&check(ONE, &[ONE])), "known");
        assert_eq!(word(&check(ONE, &[TWO, ONE])), "known");
        assert_eq!(word(&check(TWO, &[ONE])), "not pinned");
        assert_eq!(word(&check(TWO, &[])), "not pinned");
        let error = check(TWO, &[ONE]).unwrap_err();
        for key in [ONE, TWO] {
            assert!(error.to_string().contains(&offered(key).fingerprint()), "{error}");
        }
        assert!(error.advice("core-r1").unwrap().contains("`host_key` of core-r1"));
        assert_eq!(store.text(), recorded);
    }
    // Some programs print the padding of base64.
    let padded = HostKeyPolicy::Pinned(vec![format!("{}=", offered(ONE).fingerprint())]);
    assert_eq!(word(&Store::new("").check("r1", key(ONE), &padded)), "known");
}

#[test]
fn a_revoked_key_is_refused_also_where_it_is_recorded_or_pinned() {
    let store = Store::new(format!(
        "# ours\nr1,192.0.2.1 {ONE}\n@revoked r? {ONE}\n@revoked s* {TWO}\ns1 {ONE}\n"
    ));
    for policy in [HostKeyPolicy::AcceptNew, HostKeyPolicy::Strict, pinned(&[ONE])] {
        assert_eq!(word(&store.check("r1", key(ONE), &policy)), "revoked host key");
    }
    let advice = store.check("r1", key(ONE), &HostKeyPolicy::Strict).unwrap_err().advice("x");
    assert!(advice.unwrap().contains("new keys"));
    assert_eq!(store.strictly("192.0.2.1", key(ONE)), "known");
    assert_eq!(store.strictly("s1", key(ONE)), "known");
    assert_eq!(store.strictly("s1", key(TWO)), "revoked host key");
    assert_eq!(store.strictly("r1", key(TWO)), "changed");
    // A kind of which only a revoked key is recorded is not asked for first.
    assert_eq!(store.keys.expected("r1").unwrap().kinds, []);
}

#[test]
fn a_key_of_another_kind_than_the_recorded_one_is_a_changed_key() {
    let p256 = new_key("ecdsa-sha2-nistp256".parse().unwrap()).public_key().clone();
    let store = Store::new(format!("r1 {ONE}\n"));
    let both = Store::new(format!("r1 {ONE}\nr1 {}\n", p256.to_openssh().unwrap()));
    for policy in [HostKeyPolicy::AcceptNew, HostKeyPolicy::Strict] {
        assert_eq!(word(&store.check("r1", p256.clone(), &policy)), "changed");
        assert_eq!(word(&both.check("r1", p256.clone(), &policy)), "known");
    }
    assert_eq!(store.keys.expected("r1").unwrap().kinds, [Algorithm::Ed25519]);
    assert_eq!(both.keys.expected("r1").unwrap().kinds, [Algorithm::Ed25519, p256.algorithm()]);
}
