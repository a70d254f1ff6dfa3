//! Single values: names, ports, addresses, platforms, credentials, references, timeouts.

use super::*;

#[test]
fn i4_duplicate_names_and_keys_name_both_lines() {
    let device = r#"{"platform": "cisco_ios", "address": "a", "username": "u",
        "auth": {"type": "password", "password": "p"}, "port": 23}"#;
    let twice = format!(
        "{{\"devices\": {{\n\"r1\": {device},\n\"r2\": {device},\n\"R1\": {device},\n\"r1\": {device}}}}}"
    );
    let found = problems(&twice);
    let duplicates: Vec<_> = found.iter().filter(|p| p.reason == "inv_duplicate").collect();
    assert_eq!(duplicates.len(), 2, "{}", report(&found));
    assert_eq!(duplicates[0].what, "`R1` differs only in case from `r1` in line 2");
    assert_eq!(duplicates[1].what, "the device `r1` is named twice, first in line 2");
    assert_eq!(duplicates[0].place.position.unwrap(), Position { line: 6, column: 1 });

    let key = device_with("port", "22, \"port\": 23");
    assert!(said(&key).starts_with("`port` is given again, first in line 1"), "{}", said(&key));
    assert_eq!(reasons("ip", "\"192.0.2.1\""), ["inv_duplicate"]);
}

#[test]
fn i5_unknown_keys_name_the_nearest() {
    let cases = [
        ("prot", "22", "`port`"),
        ("host", "\"a\"", "`address`"),
        ("device_type", "\"cisco_ios\"", "`platform`"),
        ("enable_password", "\"x\"", "`enable`"),
        ("user-name", "\"x\"", "`username`"),
        ("password", "\"x\"", "\"auth\": {\"type\": \"password\""),
        ("colour", "\"x\"", "allowed are `platform`"),
    ];
    for (key, value, hint) in cases {
        let said = said(&device_with(key, value));
        assert!(said.starts_with("unknown key") && said.contains(hint), "{key}: {said}");
    }
    let in_defaults =
        device_with("port", "22").replacen('{', r#"{"defaults": {"address": "a"}, "#, 1);
    assert!(said(&in_defaults).contains("it belongs to a device"), "{}", said(&in_defaults));
}

#[test]
fn i6_ports_are_whole_numbers_in_range() {
    for port in ["1", "22", "65535"] {
        assert!(reasons("port", port).is_empty(), "{port}");
    }
    for port in ["0", "65536", "\"22\"", "-1", "22.5", "22.0", "2e1", "null", "true", "[22]", "{}"]
    {
        assert_eq!(reasons("port", port), ["inv_port"], "{port}");
    }
    assert_eq!(reasons("port", "830"), ["inv_port_netconf"]);
}

#[test]
fn i7_addresses_name_a_host_and_nothing_else() {
    let good = [
        "192.0.2.1",
        "2001:db8::1",
        "::ffff:192.0.2.1",
        "r1",
        "core-r1.example.net",
        "r1.example.",
        "my_router",
        "3com",
        "1.example",
    ];
    for address in good {
        assert!(reasons("address", &format!("\"{address}\"")).is_empty(), "{address}");
    }
    let long_label = "a".repeat(64);
    let long_name = "a.".repeat(130);
    let bad = [
        "",
        " ",
        "r 1",
        "r1 ",
        "user@h",
        "-oProxyCommand=x",
        "ssh://h",
        "http://h/",
        "h:22",
        "h:22:22",
        "999.1.1.1",
        "1.2.3",
        "1.2.3.4.5",
        "010.0.0.1",
        "12345",
        "fe80::1%eth0",
        "[2001:db8::1]",
        "[::1]:22",
        "192.0.2.0/24",
        "192.0.2.1:22",
        "0.0.0.0",
        "::",
        "224.0.0.1",
        "255.255.255.255",
        "ff02::1",
        "r1..example",
        ".r1",
        "r1-",
        "a;reboot",
        "$(x)",
        "rüter",
        "r1\\n",
        "r1\\u0000",
        "r1\\u202e",
        "foo.1",
        "0x7f.1",
        ".",
        &long_label,
        &long_name,
    ];
    for address in bad {
        assert_eq!(reasons("address", &format!("\"{address}\"")), ["inv_host"], "{address}");
    }
    assert_eq!(reasons("address", "4"), ["inv_type"]);
}

#[test]
fn i8_unknown_platforms_list_the_known_ones() {
    let said = said(&device_with("platform", "\"cisco_isо\""));
    assert_eq!(said.matches("cisco_is").count(), 0, "not shown unless plain: {said}");
    assert!(said.contains("arista_eos"), "{said}");
    assert!(
        super::said(&device_with("platform", "\"arista-eso\""))
            .contains("did you mean `arista_eos`?")
    );
    assert_eq!(reasons("platform", "\"\""), ["inv_platform"]);
    assert_eq!(reasons("platform", "null"), ["inv_type"]);
    let alias = loaded(&device_with("platform", "\"ios\""));
    assert_eq!(alias.inventory.device("r1").unwrap().platform.as_str(), "cisco_ios");
}

#[test]
fn i9_exactly_one_whole_credential() {
    let bad = [
        r"{}",
        r#"{"password": "p"}"#,
        r#"{"type": "password"}"#,
        r#"{"type": "ssh_key"}"#,
        r#"{"type": "agnet"}"#,
        r#"{"type": "keyboard_interactive"}"#,
        r#"{"type": "agent", "password": "p"}"#,
        r#"{"type": "agent", "passphrase": "p"}"#,
        r#"{"type": "agent", "private_key_path": "k"}"#,
        r#"{"type": "agent", "certificate_path": "k"}"#,
        r#"{"type": "agent", "key": ""}"#,
        r#"{"type": "agent", "key": "SHA256:short"}"#,
        r#"{"type": "password", "password": "p", "key": "k"}"#,
        r#"{"type": "password", "password": "p", "certificate_path": "k"}"#,
        r#"{"type": "password", "password": "p", "answers": [{"prompt": "x"}]}"#,
        r#"{"type": "password", "password": "p", "answers": [{"answer": "x"}]}"#,
        r#"{"type": "password", "password": "p", "answers": [{"prompt": " ", "answer": "x"}]}"#,
        r#"{"type": "password", "password": "p", "answers": [{"prompt": "x", "answer": ""}]}"#,
        r#"{"type": "password", "password": ""}"#,
        r#"{"type": "password", "password": "a\nb"}"#,
        r#"{"type": "password", "password": "p", "private_key_path": "k"}"#,
        r#"{"type": "password", "password": "p", "passphrase": "k"}"#,
        r#"{"type": "ssh_key", "private_key_path": "k", "password": "p"}"#,
        r#"{"type": "ssh_key", "private_key_path": "k", "passphrase": ""}"#,
    ];
    for auth in bad {
        assert_eq!(reasons("auth", auth), ["inv_credential"], "{auth}");
    }
    assert_eq!(reasons("auth", "\"p\""), ["inv_type"]);
    let answers = r#"{"type": "password", "password": "p", "answers": {"prompt": "x"}}"#;
    assert_eq!(reasons("auth", answers), ["inv_type"]);
    let mistaken = r#"{"type": "ssh_key", "key": "k", "private_key_path": "k"}"#;
    assert!(said(&device_with("auth", mistaken)).contains("did you mean `private_key_path`?"));
    assert_eq!(reasons("auth", r#"{"type": "ssh_key", "private_key_path": ""}"#), ["key_path"]);
    let pasted =
        r#"{"type": "ssh_key", "private_key_path": "-----BEGIN OPENSSH PRIVATE KEY-----"}"#;
    assert_eq!(reasons("auth", pasted), ["key_path"]);
    let user = r#"{"type": "ssh_key", "private_key_path": "~other/k"}"#;
    assert_eq!(reasons("auth", user), ["key_path"]);
    assert_eq!(reasons("enable", "\"\""), ["inv_credential"]);
    assert_eq!(reasons("username", "\"\""), ["inv_username"]);
    let none = r#"{"devices": {"r1": {"platform": "ios", "address": "a", "username": "u"}}}"#;
    check(none, &["error inv_credential 1:20 devices.r1"]);
}

#[test]
fn i14_a_reference_to_no_group_names_the_nearest() {
    let text = r#"{"groups": {"core": {}}, "devices": {"r1": {"platform": "ios", "address": "a",
        "username": "u", "auth": {"type": "password", "password": "p"}, "groups": ["cores"]}}}"#;
    assert_eq!(said(text), "there is no group `cores`; did you mean `core`?");
    check(text, &["error inv_ref 2:84 devices.r1.groups[0]"]);
    let missing = r#"{"devices": {"r1": {"address": "a", "groups": ["core"]}}}"#;
    check(missing, &["error inv_ref 1:48 devices.r1.groups[0]"]);
    let wrong = r#"{"devices": {"r1": {"address": "a", "groups": "core"}}}"#;
    check(wrong, &["error inv_type 1:47 devices.r1.groups"]);
    assert_eq!(reasons("tags", "\"edge\""), ["inv_type"]);
    assert_eq!(reasons("tags", "[\"a b\", 4]"), ["inv_name", "inv_type"]);
}

#[test]
fn i18_two_names_for_one_device_are_a_warning() {
    let text = r#"{"defaults": {"platform": "ios", "username": "u",
        "auth": {"type": "password", "password": "p"}},
        "devices": {"a": {"address": "R1.example"}, "b": {"address": "r1.example."},
                    "c": {"address": "r1.example", "port": 2222},
                    "d": {"address": "2001:db8:0::1"}, "e": {"address": "2001:DB8::1"}}}"#;
    let loaded = loaded(text);
    let what: Vec<_> = loaded.notices.iter().map(|notice| notice.what.as_str()).collect();
    let expected =
        ["`b` has the same address and port as `a`", "`e` has the same address and port as `d`"];
    assert_eq!(what, expected);
    assert_eq!(loaded.notices[0].severity, Severity::Notice);
}

#[test]
fn i19_names_are_plain_and_shown_harmlessly() {
    let long = "a".repeat(65);
    let hostile = [
        "",
        " ",
        "a b",
        "-r1",
        ".r1",
        "_r1",
        "../etc",
        "r1\\nignore all rules",
        "r1\\u0007",
        "\\u202er1",
        "rüter",
        "r1/2",
        &long,
    ];
    for name in hostile {
        let text = device_with("port", "22").replace("\"r1\"", &format!("\"{name}\""));
        let found = problems(&text);
        assert_eq!(found.len(), 1, "{name}");
        assert_eq!(found[0].reason, "inv_name", "{name}");
        let shown = found[0].to_string();
        assert!(shown.chars().all(|c| c == '…' || c == ' ' || c.is_ascii_graphic()), "{shown}");
        assert!(shown.len() < 250, "{shown}");
    }
    for name in ["r", "1", "Core-R1.example_net"] {
        assert!(DeviceName::new(name).is_some(), "{name}");
    }
}

#[test]
fn timeouts_are_whole_seconds_in_range() {
    let sound = loaded(&device_with("timeouts", r#"{"command_seconds": 7200}"#));
    let timeouts = sound.inventory.device("r1").unwrap().timeouts;
    assert_eq!(timeouts.command.as_secs(), 7200);
    assert_eq!(timeouts.connect, Timeouts::default().connect);
    for value in ["0", "301", "-1", "1.5", "\"10\"", "null", "99999999999999999999"] {
        let timeouts = format!("{{\"connect_seconds\": {value}}}");
        assert_eq!(reasons("timeouts", &timeouts), ["inv_timeout"], "{value}");
    }
    assert_eq!(reasons("timeouts", "30"), ["inv_type"]);
    let unknown = device_with("timeouts", r#"{"comand_seconds": 4}"#);
    assert!(said(&unknown).contains("did you mean `command_seconds`?"));
}
