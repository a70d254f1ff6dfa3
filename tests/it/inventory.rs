//! The example device file loads as it is shipped, and the manual lists every reason.

use std::fs;
use std::path::Path;

use vty_mcp::inventory::{AuthProof, LoadOptions, Severity, load};
use vty_mcp::platform::Platforms;

/// An OpenSSH key as far as it is looked at before a login.
const KEY: &str = "-----BEGIN OPENSSH PRIVATE KEY-----\n\
    b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW\n\
    -----END OPENSSH PRIVATE KEY-----\n";

fn write_private(path: &Path, contents: &[u8]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, contents).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    }
}

fn repository_file(name: &str) -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

#[test]
fn the_example_loads_without_a_word() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("devices.json");
    write_private(&path, &repository_file("devices.example.json"));
    write_private(&directory.path().join("keys/netops_ed25519"), KEY.as_bytes());

    let platforms = Platforms::embedded();
    let options = LoadOptions {
        resolve_platform: &|name| platforms.resolve(name),
        platform_names: platforms.names().map(ToString::to_string).collect(),
        strict_files: true,
        allow_proxy_commands: false,
    };
    let loaded = load(&path, &options).map_err(|error| error.report()).unwrap();
    assert!(loaded.notices.is_empty(), "{:?}", loaded.notices);

    let jump = |name: &str| loaded.inventory.device(name).unwrap().route.hops().len();
    assert_eq!((jump("core-r1"), jump("access-sw1")), (1, 0));
    let mut found: Vec<(&str, bool, bool)> = loaded
        .inventory
        .devices()
        .map(|device| {
            let key = matches!(device.auth.proof, AuthProof::Key { .. });
            (device.platform.as_str(), key, device.enable.is_some())
        })
        .collect();
    found.dedup();
    let expected = [
        ("cisco_ios", false, true),
        ("linux", false, false),
        ("juniper_junos", true, false),
        ("arista_eos", false, false),
    ];
    assert_eq!(found, expected);

    fs::remove_file(directory.path().join("keys/netops_ed25519")).unwrap();
    let error = load(&path, &options).unwrap_err();
    let problems: Vec<_> = error.problems().iter().map(|p| (p.severity, p.reason)).collect();
    assert_eq!(problems, [(Severity::Error, "key_missing")]);
}

#[test]
fn the_manual_lists_every_reason() {
    let manual = String::from_utf8(repository_file("docs/inventory.md")).unwrap();
    let reason = regex::Regex::new("\"((?:inv|key|file|secret)_[a-z_]+)\"").unwrap();
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/inventory");
    let mut seen = 0;
    for folder in [sources.clone(), sources.join("json")] {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            // The hints hold words of other tools that look like ours.
            if path.is_dir() || path.ends_with("hint.rs") {
                continue;
            }
            let source = String::from_utf8(fs::read(&path).unwrap()).unwrap();
            for found in reason.captures_iter(&source) {
                let row = format!("\n| `{}` |", found.get(1).unwrap().as_str());
                assert!(manual.contains(&row), "{row} of {}", path.display());
                seen += 1;
            }
        }
    }
    assert!(seen > 30, "only {seen} reasons found");
}
