//! How a device is reached: profiles, host keys, sessions and jump hosts.

use super::*;

const PIN: &str = "SHA256:AAAAbbbbCCCCddddEEEEffffGGGGhhhhIIIIjjjj012";

/// Devices and what their `jump` says.
type Jumps<'t> = &'t [(&'t str, &'t str)];

/// A file of devices, each with its own pairs.
fn fleet(devices: &[(&str, &str)]) -> String {
    let entries: Vec<String> = devices
        .iter()
        .map(|(name, pairs)| format!("\"{name}\": {{\"address\": \"{name}.example\"{pairs}}}"))
        .collect();
    format!(
        "{{\"defaults\": {{\"platform\": \"ios\", \"username\": \"u\", \"auth\": \
         {{\"type\": \"agent\"}}}}, \"devices\": {{{}}}}}",
        entries.join(", ")
    )
}

/// The names of the devices on the way to one.
fn way(loaded: &Loaded, name: &str) -> Vec<String> {
    let device = loaded.inventory.device(name).unwrap();
    device.route.hops().iter().map(|hop| hop.name.to_string()).collect()
}

/// What the problems of a file say, in its order.
fn whats(text: &str) -> Vec<String> {
    problems(text).iter().map(|problem| problem.what.clone()).collect()
}

#[test]
fn profiles_host_keys_and_sessions_are_inherited() {
    let text = format!(
        r#"{{"defaults": {{"platform": "ios", "username": "u", "auth": {{"type": "agent"}},
            "security": "modern", "host_keys": "strict", "max_sessions": 2}},
        "groups": {{"old": {{"security": "legacy", "max_sessions": 1}}}},
        "devices": {{"a": {{"address": "a"}}, "b": {{"address": "b", "groups": ["old"]}},
            "c": {{"address": "c", "host_key": "{PIN}"}},
            "d": {{"address": "d", "host_keys": "accept_new", "groups": ["old"]}},
            "e": {{"address": "e", "host_keys": "pinned", "host_key": ["{PIN}", "{PIN}"]}}}}}}"#
    );
    check(&text, &["notice inv_security_legacy 3:40 groups.old.security"]);
    let inventory = loaded(&text).inventory;
    let found = |name: &str| {
        let device = inventory.device(name).unwrap();
        (device.security, device.host_keys.clone(), device.max_sessions)
    };
    assert_eq!(found("a"), (Security::Modern, Some(HostKeyPolicy::Strict), 2));
    assert_eq!(found("b"), (Security::Legacy, Some(HostKeyPolicy::Strict), 1));
    let pinned = |count| Some(HostKeyPolicy::Pinned(vec![PIN.to_owned(); count]));
    assert_eq!(found("c"), (Security::Modern, pinned(1), 2));
    assert_eq!(found("d"), (Security::Legacy, Some(HostKeyPolicy::AcceptNew), 1));
    assert_eq!(found("e").1, pinned(2));

    let plain = loaded(&device_with("port", "22")).inventory;
    let device = plain.device("r1").unwrap();
    let defaults = (device.security, device.host_keys.as_ref(), device.max_sessions);
    assert_eq!(defaults, (Security::Compatible, None, 1));
}

#[test]
fn words_and_numbers_of_reach_are_checked() {
    for word in ["\"Modern\"", "\"low\"", "\"\""] {
        assert_eq!(reasons("security", word), ["inv_security"], "{word}");
    }
    assert_eq!(reasons("security", "1"), ["inv_type"]);
    assert_eq!(reasons("host_keys", "\"accept-new\""), ["inv_host_key"]);
    assert!(
        said(&device_with("host_keys", "\"accept-new\"")).contains("did you mean `accept_new`?")
    );
    for number in ["0", "17", "-1", "1.5", "\"2\"", "null"] {
        assert_eq!(reasons("max_sessions", number), ["inv_max_sessions"], "{number}");
    }
    let padded = format!("\"{PIN}=\"");
    let short = format!("\"{}\"", PIN.trim_end_matches("012"));
    for pin in ["\"\"", "\"MD5:00:11\"", padded.as_str(), short.as_str(), "[]", "[\"x\"]"] {
        assert_eq!(reasons("host_key", pin), ["inv_host_key"], "{pin}");
    }
    assert_eq!(reasons("host_key", "4"), ["inv_type"]);
    let url_safe = PIN.replace('A', "-");
    assert_eq!(reasons("host_key", &format!("\"{url_safe}\"")), ["inv_host_key"]);
}

#[test]
fn a_pinned_device_without_its_fingerprint_is_an_error() {
    assert_eq!(reasons("host_keys", "\"pinned\""), ["inv_host_key"]);
    let both = format!("\"strict\", \"host_key\": \"{PIN}\"");
    assert_eq!(reasons("host_keys", &both), ["inv_host_key"]);
    // A fingerprint that was reported is not missed.
    let bad = "\"pinned\", \"host_key\": \"SHA256:x\"";
    assert_eq!(reasons("host_keys", bad), ["inv_host_key"]);
    let group = r#"{"defaults": {"host_key": "x"}, "devices": {}}"#;
    assert!(whats(group).contains(&"unknown key `host_key`".to_owned()));
}

#[test]
fn a_device_jumps_through_devices_of_the_file() {
    let text = fleet(&[
        ("edge", r#", "jump": "Inner""#),
        ("inner", r#", "jump": "outer""#),
        ("outer", ""),
        ("listed", r#", "jump": ["outer", "plain"]"#),
        ("plain", ""),
        ("again", r#", "jump": ["outer", "inner"]"#),
        ("beside", r#", "jump": "plain""#),
    ]);
    let loaded = loaded(&text);
    assert!(loaded.notices.is_empty(), "{:?}", loaded.notices);
    assert_eq!(way(&loaded, "edge"), ["outer", "inner"]);
    assert_eq!(way(&loaded, "inner"), ["outer"]);
    assert!(way(&loaded, "outer").is_empty());
    assert_eq!(way(&loaded, "listed"), ["outer", "plain"]);
    // A list does not change how the device itself is reached.
    assert!(way(&loaded, "plain").is_empty());
    assert_eq!(way(&loaded, "beside"), ["plain"]);
    // What the entry of the later one says is the same.
    assert_eq!(way(&loaded, "again"), ["outer", "inner"]);
}

#[test]
fn devices_with_the_same_way_share_it() {
    let text = fleet(&[
        ("a", r#", "jump": ["hop", "mid"]"#),
        ("b", r#", "jump": ["hop", "mid"]"#),
        ("c", r#", "jump": "hop""#),
        ("mid", ""),
        ("hop", ""),
    ]);
    let inventory = loaded(&text).inventory;
    let through = |name: &str| match &inventory.device(name).unwrap().route {
        Route::Through(hop) => std::sync::Arc::clone(hop),
        other => panic!("{other:?}"),
    };
    assert!(std::sync::Arc::ptr_eq(&through("a"), &through("b")));
    let Route::Through(first) = &through("a").route else { panic!("mid is not behind hop") };
    assert!(std::sync::Arc::ptr_eq(first, &through("c")));
}

#[test]
fn null_goes_directly_though_a_group_jumps() {
    let text = r#"{"defaults": {"platform": "ios", "username": "u", "auth": {"type": "agent"},
            "jump": "hop"},
        "devices": {"hop": {"address": "h", "jump": null}, "a": {"address": "a"},
            "b": {"address": "b", "jump": null}}}"#;
    let loaded = loaded(text);
    assert_eq!(way(&loaded, "a"), ["hop"]);
    assert!(way(&loaded, "b").is_empty());
    assert!(way(&loaded, "hop").is_empty());
}

#[test]
fn i13_loops_unknown_names_and_long_ways_are_errors() {
    let jump = |to: &str| format!(", \"jump\": {to}");
    let cases: &[(Jumps<'_>, &[&str])] = &[
        (&[("a", "\"a\"")], &["`a` is its own jump host"]),
        (&[("a", "[\"a\"]")], &["`a` is its own jump host"]),
        (
            &[("a", "\"b\""), ("b", "\"a\""), ("c", "\"a\"")],
            &["the jump hosts go round: a → b → a (and in 1 more place)"],
        ),
        (&[("a", "\"hob\""), ("hop", "null")], &["there is no device `hob` to jump through"]),
        (&[("a", "[\"hop\", \"hop\"]"), ("hop", "null")], &["`hop` is on the way to itself"]),
        (&[("a", "[\"hop\", \"a\"]"), ("hop", "null")], &["`a` is on the way to itself"]),
        (
            &[("a", "[\"x\", \"y\"]"), ("x", "null"), ("y", "\"z\""), ("z", "null")],
            &["`y` has a way of its own, which is another one"],
        ),
        (
            &[
                ("a", "\"b\""),
                ("b", "\"c\""),
                ("c", "\"d\""),
                ("d", "\"e\""),
                ("e", "\"f\""),
                ("f", "null"),
            ],
            &["there are more than 4 jump hosts on the way"],
        ),
        (&[("a", "[]")], &["expected 1 to 4 jump hosts"]),
        (&[("a", "\"not a name\"")], &["this is no device name"]),
        (&[("a", "[4]")], &["expected a text, found a number"]),
        (&[("a", "true")], &["expected a text, found true or false"]),
    ];
    for (devices, expected) in cases {
        let pairs: Vec<(&str, String)> =
            devices.iter().map(|(name, to)| (*name, jump(to))).collect();
        let pairs: Vec<(&str, &str)> =
            pairs.iter().map(|(name, to)| (*name, to.as_str())).collect();
        let text = fleet(&pairs);
        assert_eq!(whats(&text), *expected, "{text}");
        assert!(read(&text).is_err(), "{text}");
    }
    let four = fleet(&[
        ("a", r#", "jump": "b""#),
        ("b", r#", "jump": "c""#),
        ("c", r#", "jump": "d""#),
        ("d", r#", "jump": "e""#),
        ("e", ""),
    ]);
    assert_eq!(way(&loaded(&four), "a"), ["e", "d", "c", "b"]);
    // A list behind a device with a way of its own counts that way too.
    let five = four.replace("{\"a\":", "{\"z\": {\"address\": \"z\", \"jump\": \"a\"}, \"a\":");
    assert_eq!(whats(&five), ["there are more than 4 jump hosts on the way"]);
}

#[test]
fn a_jump_host_that_could_not_be_read_is_not_reported_as_unknown() {
    let text = fleet(&[("a", r#", "jump": "hop""#), ("hop", r#", "port": 0"#)]);
    assert_eq!(whats(&text), ["the port is out of range"]);
    let bad_way = fleet(&[("a", r#", "jump": "hop""#), ("hop", r#", "jump": 4"#)]);
    assert_eq!(whats(&bad_way), ["expected a text, found a number"]);
}

#[test]
fn a_long_line_of_jump_hosts_ends_the_reading_and_not_the_program() {
    let names: Vec<String> = (0..20_000).map(|index| format!("r{index}")).collect();
    let jumps: Vec<String> =
        (0..20_000).map(|index| format!(", \"jump\": \"r{}\"", (index + 1) % 20_000)).collect();
    let pairs: Vec<(&str, &str)> =
        names.iter().zip(&jumps).map(|(name, jump)| (name.as_str(), jump.as_str())).collect();
    let found = problems(&fleet(&pairs));
    assert_eq!(found.len(), 20_000);
    assert!(found.iter().all(|problem| problem.reason == "inv_jump"));
}
