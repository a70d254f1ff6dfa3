//! The two forms of a file, what devices inherit, and choosing among devices.

use super::*;
use crate::secret::Secret;

/// The password that stands in the file.
fn password(auth: &Auth) -> Option<&str> {
    match &auth.proof {
        AuthProof::Password(SecretSource::Inline(secret)) => Some(secret.expose().as_str()),
        _ => None,
    }
}

/// A secret that stands in the file.
fn inline(secret: &str) -> SecretSource {
    SecretSource::Inline(Secret::new(secret.to_owned()))
}

/// The example of junos-mcp-server's manual, word for word.
const JUNOS_MCP_SERVER: &str = r#"{
    "router-1": {
        "ip": "ip-addr",
        "port": 22,
        "username": "user",
        "auth": {
            "type": "password",
            "password": "pwd"
        }
    },
    "router-2": {
        "ip": "ip-addr",
        "port": 22,
        "username": "user",
        "auth": {
            "type": "ssh_key",
            "private_key_path": "/path/to/private/key.pem"
        }
    },
    "router-3": {
        "ip": "ip-addr",
        "port": 22,
        "username": "user",
        "ssh_config": "~/.ssh/config_dc",
        "auth": {
            "type": "ssh_key",
            "private_key_path": "/path/to/private/key.pem"
        }
    }
}"#;

#[test]
fn the_example_of_junos_mcp_server_works_unchanged() {
    check(
        JUNOS_MCP_SERVER,
        &[
            "notice inv_platform_default 2:17 router-1",
            "notice inv_same_address 11:17 router-2",
            "notice inv_same_address 20:17 router-3",
            // No file is opened where a text alone is read, and without the file the way is unknown.
            "error inv_ssh_config 24:23 router-3.ssh_config",
        ],
    );
    let loaded = loaded(&JUNOS_MCP_SERVER.replace("\"~/.ssh/config_dc\"", "null"));
    assert_eq!(
        loaded.notices[0].what,
        "no platform is given, `juniper_junos` is assumed (and in 2 more places)"
    );
    let device = loaded.inventory.device("router-2").unwrap();
    assert_eq!(device.platform.as_str(), "juniper_junos");
    assert_eq!((device.address.as_str(), device.port), ("ip-addr", 22));
    let AuthProof::Key { path, passphrase: None, .. } = &device.auth.proof else {
        panic!("{device:?}")
    };
    assert_eq!(path, Path::new("/path/to/private/key.pem"));
}

#[test]
fn a_flat_file_may_use_our_keys_and_others_of_its_own() {
    let text = r#"{"_blocklist_defaults": {"mode": "allowlist"},
        "r1": {"ip": "a", "username": "u", "password": "old", "site": "fra", "platform": "ios",
               "enable": "e", "groups": ["core"], "tags": ["edge"], "timeouts": {"idle_seconds": 5}},
        "r2": {"ip": "b", "username": "u", "site": "fra", "platform": "ios",
               "auth": {"type": "password", "password": "new", "hint": "x"}, "password": "old"}}"#;
    check(
        text,
        &[
            "warning inv_unknown_key 1:2",
            "notice inv_deprecated 2:56 r1.password",
            "warning inv_unknown_key 2:63 r1",
            "warning inv_unknown_key 5:64 r2.auth",
            "warning inv_credential 5:90 r2.password",
        ],
    );
    let inventory = loaded(text).inventory;
    let (r1, r2) = (inventory.device("r1").unwrap(), inventory.device("r2").unwrap());
    assert_eq!(password(&r1.auth), Some("old"));
    assert_eq!(password(&r2.auth), Some("new"));
    assert_eq!((r1.groups.as_slice(), r1.timeouts.idle.as_secs()), (&["core".to_owned()][..], 5));
    assert_eq!(r1.enable, Some(inline("e")));
}

#[test]
fn a_flat_file_without_the_assumed_platform_is_refused_once() {
    let none = |_: &str| None;
    let options = LoadOptions { resolve_platform: &none, ..options() };
    let text = JUNOS_MCP_SERVER.replace("\"~/.ssh/config_dc\"", "null");
    let error = parse(&text, Path::new("devices.json"), &options).unwrap_err();
    let errors = error.problems().iter().filter(|p| p.severity == Severity::Error);
    assert_eq!(errors.count(), 1, "{}", error.report());
    assert_eq!(error.code(), crate::error::ErrorCode::InvalidArgument);
}

#[test]
fn the_form_is_told_by_what_stands_at_the_top() {
    let cases: &[(&str, &[&str])] = &[
        // A device may be called like a section.
        (
            r#"{"devices": {"ip": "a", "username": "u", "password": "p"}}"#,
            &[
                "notice inv_platform_default 1:13 devices",
                "notice inv_deprecated 1:54 devices.password",
            ],
        ),
        (r#"{"devices": []}"#, &["error inv_type 1:13 devices"]),
        (r#"{"devices": {}}"#, &["error inv_empty 1:13 devices"]),
        (r#"{"defaults": {}}"#, &["error inv_empty 1:1"]),
        (
            r#"{"defaults": {}, "device": {}}"#,
            &["error inv_empty 1:1", "error inv_unknown_key 1:18"],
        ),
        (r#"{"r1": "a"}"#, &["error inv_type 1:8 r1"]),
        (r#"{"groups": {}, "devices": {"r1": 4}}"#, &["error inv_type 1:34 devices.r1"]),
        (r"4", &["error inv_type 1:1"]),
        (r#"[{"name": "r1"}]"#, &["error inv_type 1:1"]),
    ];
    for (text, expected) in cases {
        check(text, expected);
    }
    let beside = device_with("port", "22").replacen('{', r#"{"r9": {"ip": "a"}, "#, 1);
    assert_eq!(said(&beside), "a device stands beside `devices`; move it into `devices`");
    let schema = device_with("port", "22").replacen('{', r#"{"$schema": "x", "#, 1);
    assert!(problems(&schema).is_empty());
}

const INHERITING: &str = r#"{
  "defaults": {"platform": "cisco_ios", "username": "netops", "port": 2200, "tags": ["lab"],
               "auth": {"type": "password", "password": "d"}, "enable": "d-enable",
               "timeouts": {"command_seconds": 60, "idle_seconds": 20}},
  "groups": {
    "core": {"username": "core-user", "tags": ["core", "LAB"], "timeouts": {"idle_seconds": 9}},
    "fra": {"username": "fra-user", "platform": "arista_eos", "port": 2201}
  },
  "devices": {
    "r1": {"address": "192.0.2.1"},
    "r2": {"address": "192.0.2.2", "groups": ["CORE", "fra"], "tags": ["own"]},
    "r3": {"address": "192.0.2.3", "groups": ["fra", "core"], "username": "me", "port": 22,
           "auth": {"type": "key", "private_key_path": "keys/r3"}}
  }
}"#;

#[test]
fn a_device_inherits_from_groups_in_order_then_from_defaults() {
    let inventory = loaded(INHERITING).inventory;
    let found: Vec<String> = inventory
        .devices()
        .map(|d| {
            let Device { name, platform, port, username, groups, tags, timeouts, .. } = d;
            let (command, idle) = (timeouts.command.as_secs(), timeouts.idle.as_secs());
            format!("{name} {platform} {port} {username} {groups:?} {tags:?} {command}/{idle}")
        })
        .collect();
    assert_eq!(
        found,
        [
            r#"r1 cisco_ios 2200 netops [] ["lab"] 60/20"#,
            r#"r2 arista_eos 2201 core-user ["core", "fra"] ["own", "core", "LAB"] 60/9"#,
            r#"r3 arista_eos 22 me ["fra", "core"] ["core", "LAB"] 60/9"#,
        ]
    );
    let r3 = inventory.device("r3").unwrap();
    assert!(matches!(&r3.auth.proof, AuthProof::Key { path, .. } if path == Path::new("keys/r3")));
    assert_eq!(r3.enable, Some(inline("d-enable")));
}

#[test]
fn a_problem_of_a_group_is_reported_at_the_group_alone() {
    let text = INHERITING
        .replace(r#""username": "netops""#, r#""username": 7"#)
        .replace(r#""platform": "arista_eos""#, r#""platform": "aruba""#);
    check(
        &text,
        &["error inv_type 2:53 defaults.username", "error inv_platform 7:49 groups.fra.platform"],
    );
}

#[test]
fn every_problem_is_reported_at_once() {
    let text = r#"{
  "defaults": {"usrname": "x"},
  "groups": {"core": {"groups": []}, "bad name": {}},
  "devices": {
    "r1": {"address": "a b", "port": 0, "platform": "foo", "auth": {"type": "password"}},
    "r2": {}
  }
}"#;
    check(
        text,
        &[
            "error inv_unknown_key 2:16 defaults",
            "error inv_unknown_key 3:23 groups.core",
            "error inv_name 3:38 groups[\"bad name\"]",
            "error inv_missing 5:11 devices.r1",
            "error inv_host 5:23 devices.r1.address",
            "error inv_port 5:38 devices.r1.port",
            "error inv_platform 5:53 devices.r1.platform",
            "error inv_credential 5:68 devices.r1.auth",
            "error inv_platform 6:11 devices.r2",
            "error inv_missing 6:11 devices.r2",
            "error inv_missing 6:11 devices.r2",
            "error inv_credential 6:11 devices.r2",
        ],
    );
    let error = read(text).unwrap_err();
    assert_eq!(error.to_string(), "the device file devices.json has 12 errors");
    let report = error.report();
    assert_eq!(report.lines().count(), 36, "{report}");
    assert!(report.contains("error[inv_port]: the port is out of range\n  at devices.json:5:38 "));
}

#[test]
fn devices_are_found_chosen_and_guessed_without_regard_to_case() {
    let inventory = loaded(INHERITING).inventory;
    assert_eq!((inventory.len(), inventory.is_empty()), (3, false));
    assert_eq!(inventory.device("R2").unwrap().name.as_str(), "r2");
    assert!(inventory.device("r4").is_none());
    assert_eq!(inventory.groups().into_iter().collect::<Vec<_>>(), ["core", "fra"]);
    assert!(inventory.tags().contains("own"));

    let select = |selector: &Selector| -> Vec<&str> {
        inventory.select(selector).iter().map(|device| device.name.as_str()).collect()
    };
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(select(&Selector { name: text("R?"), ..Selector::default() }), ["r1", "r2", "r3"]);
    assert_eq!(select(&Selector { group: text("Core"), ..Selector::default() }), ["r2", "r3"]);
    let both = Selector { tag: text("core"), name: text("*2"), ..Selector::default() };
    assert_eq!(select(&both), ["r2"]);
    let platform = Selector { platform: resolve("arista_eos"), ..Selector::default() };
    assert_eq!(select(&platform), ["r2", "r3"]);
    assert!(select(&Selector { tag: text("nothing"), ..Selector::default() }).is_empty());
    assert!(Selector::default().is_empty() && !both.is_empty());

    let named = loaded(&device_with("port", "22").replace("\"r1\"", "\"core-r1\"")).inventory;
    assert_eq!(named.nearest("corer1"), Some("core-r1"));
    assert_eq!(named.nearest("Core_R2"), Some("core-r1"));
    assert_eq!(named.nearest("leaf"), None);
    assert_eq!(named.nearest(&"x".repeat(10_000)), None);
}
