//! Host keys, from the device file and the command line to what goes over the wire.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};
use vty_mcp::error::ErrorCode;
use vty_mcp::inventory::{Device, HostKeyPolicy};
use vty_mcp::lab::{HostKey, Lab, LabDevice};

use crate::support::{Fleet, dialer, run};

/// The program, in a directory with the fleet's inventory and state.
async fn vty_mcp(directory: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vty-mcp"));
    command
        .args(arguments)
        .env_clear()
        .env("HOME", directory)
        .env("VTY_STATE_DIR", directory.join("state"))
        .current_dir(directory)
        .stdin(Stdio::null());
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[track_caller]
fn ended(output: &Output, code: i32) {
    assert_eq!(output.status.code(), Some(code), "{}{}", stdout(output), stderr(output));
}

fn known_hosts(fleet: &Fleet) -> String {
    let path = fleet.directory.path().join("state/known_hosts");
    std::fs::read_to_string(path).unwrap_or_default()
}

fn device_called(name: &str, phrase: &str) -> LabDevice {
    LabDevice::new(name, "frr").host_key(HostKey::Phrase(phrase.into()))
}

/// Puts a device with another key in the place of one.
async fn impostor(fleet: &Fleet, name: &str) -> Lab {
    let port = fleet.device(name).address().port();
    fleet.lab.stop_device(name).await.unwrap();
    Lab::start(vec![device_called(name, "impostor").port(port)]).await.unwrap()
}

/// The host as the file writes it.
fn host_of(fleet: &Fleet, name: &str) -> String {
    let address = fleet.device(name).address();
    format!("[{}]:{}", address.ip(), address.port())
}

#[tokio::test]
async fn a_key_is_trusted_on_its_fingerprint_and_then_the_device_is_used() {
    let fleet = Fleet::start(vec![device_called("r1", "one")]).await;
    let directory = fleet.directory.path();
    std::fs::write(directory.join("strict.toml"), "host_keys = \"strict\"\n").unwrap();
    let show = ["--settings", "strict.toml", "run", "r1", "show version"];
    let refused = vty_mcp(directory, &show).await;
    ended(&refused, 3);
    let fingerprint = fleet.device("r1").fingerprint().to_owned();
    for part in ["host_key_unknown", &fingerprint, "vty-mcp host-key trust r1"] {
        assert!(stderr(&refused).contains(part), "{part}: {}", stderr(&refused));
    }

    let wrong = format!("SHA256:{}", "A".repeat(43));
    for (arguments, code, told) in [
        (&["host-key", "trust", "r1"][..], 2, "no terminal"),
        (&["host-key", "trust", "r1", "--fingerprint", &wrong], 3, "nothing was recorded"),
        (&["host-key", "trust", "r1", "--fingerprint", &wrong, "--yes"], 3, "nothing was recorded"),
        (&["host-key", "trust", "r1", "--fingerprint", "MD5:00"], 2, "SHA256:"),
        (&["host-key", "trust", "r1", "--key", "nonsense"], 2, "--key"),
        (&["host-key", "trust", "r7", "--yes"], 2, "`r7`"),
    ] {
        let output = vty_mcp(directory, arguments).await;
        ended(&output, code);
        assert!(stderr(&output).contains(told), "{arguments:?}: {}", stderr(&output));
        assert_eq!(known_hosts(&fleet), "", "{arguments:?}");
    }

    let trust = ["host-key", "trust", "r1", "--fingerprint", &fingerprint];
    let trusted = vty_mcp(directory, &trust).await;
    ended(&trusted, 0);
    for part in ["ssh-ed25519", &fingerprint, "MD5:"] {
        assert!(stderr(&trusted).contains(part), "{part}: {}", stderr(&trusted));
    }
    let line = format!("{} {}\n", host_of(&fleet, "r1"), fleet.device("r1").public_key());
    assert_eq!(known_hosts(&fleet), line);
    let again = vty_mcp(directory, &trust).await;
    ended(&again, 0);
    assert!(stdout(&again).contains("before"), "{}", stdout(&again));
    assert_eq!(known_hosts(&fleet), line);
    let seen = fleet.device("r1").observed();
    assert_eq!((seen.password_attempts, seen.logins_attempted), (0, 0));

    let used = vty_mcp(directory, &show).await;
    ended(&used, 0);
    assert!(stdout(&used).starts_with("FRRouting"));
    assert!(!stderr(&used).contains("first contact"), "{}", stderr(&used));
    fleet.stop().await;
}

#[tokio::test]
async fn a_replaced_device_is_refused_until_an_operator_replaces_or_forgets_its_key() {
    let fleet = Fleet::start(vec![device_called("r1", "one"), device_called("r2", "two")]).await;
    let directory = fleet.directory.path();
    fleet.run(&["r1", "r2"], &["show version"]).await;
    let (old, host) = (fleet.device("r1").fingerprint().to_owned(), host_of(&fleet, "r1"));
    let kept = format!("{} {}\n", host_of(&fleet, "r2"), fleet.device("r2").public_key());
    let impostor = impostor(&fleet, "r1").await;
    let new = impostor.device("r1").unwrap();

    let answers = run(&fleet.restarted(), &["r1"], &["show version"]).await;
    let error = answers[0].answers[0].error.clone().unwrap();
    assert_eq!(error.code.as_str(), "host_key_changed");
    for part in [old.as_str(), new.fingerprint()] {
        assert!(error.message.contains(part), "{part}: {}", error.message);
    }
    for part in ["replaced", "in between", "host-key trust r1 --replace", "host-key forget r1"] {
        assert!(error.hint.contains(part), "{part}: {}", error.hint);
    }
    for arguments in [
        &["host-key", "trust", "r1", "--yes"][..],
        &["host-key", "trust", "r1", "--fingerprint", new.fingerprint()],
    ] {
        let refused = vty_mcp(directory, arguments).await;
        ended(&refused, 3);
        for part in [old.as_str(), new.fingerprint(), "--replace"] {
            assert!(stderr(&refused).contains(part), "{part}: {}", stderr(&refused));
        }
        assert!(known_hosts(&fleet).contains(fleet.device("r1").public_key()));
    }
    let seen = new.observed();
    assert_eq!((seen.password_attempts, seen.logins_attempted), (0, 0));

    ended(&vty_mcp(directory, &["host-key", "trust", "r1", "--replace", "--yes"]).await, 0);
    let recorded = known_hosts(&fleet);
    assert!(recorded.contains(&kept), "{recorded}");
    assert!(recorded.contains(&format!("{host} {}\n", new.public_key())), "{recorded}");
    assert_eq!(recorded.lines().count(), 2, "{recorded}");
    let answers = run(&fleet.restarted(), &["r1"], &["show version"]).await;
    assert!(answers[0].answers[0].error.is_none() && answers[0].notices.is_empty());

    for word in ["r1", &host_of(&fleet, "r2")] {
        ended(&vty_mcp(directory, &["host-key", "forget", word]).await, 0);
        let nothing_left = vty_mcp(directory, &["host-key", "forget", word]).await;
        ended(&nothing_left, 3);
        assert!(stderr(&nothing_left).contains("no line names"), "{}", stderr(&nothing_left));
    }
    assert_eq!(known_hosts(&fleet), "");
    impostor.stop().await.unwrap();
    fleet.stop().await;
}

#[tokio::test]
async fn a_key_is_recorded_for_a_device_that_is_not_there() {
    let fleet = Fleet::start(vec![device_called("r1", "one")]).await;
    let directory = fleet.directory.path();
    let (host, line) = (host_of(&fleet, "r1"), fleet.device("r1").public_key().to_owned());
    fleet.lab.stop_device("r1").await.unwrap();
    let gone = vty_mcp(directory, &["host-key", "trust", "r1", "--yes"]).await;
    ended(&gone, 3);
    assert!(stderr(&gone).contains("connect_failed"), "{}", stderr(&gone));
    let commented = format!("{line} made@up");
    ended(&vty_mcp(directory, &["host-key", "trust", "r1", "--yes", "--key", &commented]).await, 0);
    assert_eq!(known_hosts(&fleet), format!("{host} {line}\n"));
    fleet.stop().await;
}

#[tokio::test]
async fn the_list_is_for_people_and_programs_and_points_at_damage() {
    let fleet = Fleet::start(vec![device_called("r1", "one")]).await;
    let directory = fleet.directory.path();
    let empty = vty_mcp(directory, &["host-key", "list"]).await;
    ended(&empty, 0);
    assert!(stdout(&empty).is_empty() && stderr(&empty).contains("no host key"));
    let line = fleet.device("r1").public_key();
    let text = format!("# ours\nr1,192.0.2.1 {line}\n@revoked * {line}\nr2 ssh-rsa broken\n");
    std::fs::write(directory.join("state/known_hosts"), text).unwrap();
    let table = vty_mcp(directory, &["host-key", "list"]).await;
    ended(&table, 0);
    let fingerprint = fleet.device("r1").fingerprint();
    for part in ["r1,192.0.2.1", "@revoked *", fingerprint, "cannot be read"] {
        assert!(stdout(&table).contains(part), "{part}: {}", stdout(&table));
    }
    assert!(stderr(&table).contains("line 4"), "{}", stderr(&table));
    let listed = vty_mcp(directory, &["host-key", "list", "--json"]).await;
    let listed: Value = serde_json::from_slice(&listed.stdout).unwrap();
    let entry = |line: usize, hosts: &str, marker: Value| {
        json!({"line": line, "hosts": hosts, "marker": marker, "kind": "ssh-ed25519",
            "fingerprint": fingerprint, "readable": true})
    };
    assert_eq!(listed[0], entry(2, "r1,192.0.2.1", Value::Null));
    assert_eq!(listed[1], entry(3, "*", json!("@revoked")));
    assert_eq!(
        listed[2],
        json!({"line": 4, "hosts": "r2", "marker": null, "kind": null, "fingerprint": null,
            "readable": false})
    );
    fleet.stop().await;
}

/// The device of a fleet as it would be with a policy of its own.
fn with_policy(fleet: &Fleet, name: &str, policy: HostKeyPolicy) -> Device {
    let platforms = vty_mcp::platform::Platforms::embedded();
    let options = vty_mcp::inventory::LoadOptions {
        resolve_platform: &|name| platforms.resolve(name),
        platform_names: Vec::new(),
        strict_files: true,
    };
    let path = fleet.directory.path().join("devices.json");
    let loaded = vty_mcp::inventory::load(&path, &options).unwrap();
    let mut device = loaded.inventory.device(name).unwrap().clone();
    device.host_keys = Some(policy);
    device
}

#[tokio::test]
async fn a_pinned_device_must_show_that_key_whatever_is_recorded() {
    let fleet = Fleet::start(vec![device_called("r1", "one")]).await;
    let shown = fleet.device("r1").fingerprint().to_owned();
    let dialer = dialer(fleet.directory.path());
    let file = fleet.directory.path().join("known_hosts");
    let other = format!("SHA256:{}", "A".repeat(43));
    let pinned = |pins: &[&str]| {
        let pins = pins.iter().map(ToString::to_string).collect();
        with_policy(&fleet, "r1", HostKeyPolicy::Pinned(pins))
    };
    let reached = dialer.reach(&pinned(&[&other, &shown]), None).await.unwrap();
    let accepted = reached.handshake().host_key.clone();
    assert!(accepted.fingerprint.contains(&shown) && !accepted.first_contact);
    reached.hang_up().await;
    let refused = dialer.reach(&pinned(&[&other]), None).await.unwrap_err();
    assert_eq!(refused.code(), ErrorCode::HostKeyChanged);
    for part in [&shown, &other] {
        assert!(refused.to_string().contains(part.as_str()), "{refused}");
    }
    assert!(!file.exists());

    // What is recorded changes nothing, unless it is revoked.
    let device = with_policy(&fleet, "r1", HostKeyPolicy::AcceptNew);
    dialer.reach(&device, None).await.unwrap().hang_up().await;
    let refused = dialer.reach(&pinned(&[&other]), None).await.unwrap_err();
    assert_eq!(refused.code(), ErrorCode::HostKeyChanged);
    let revoked = format!("@revoked * {}\n", fleet.device("r1").public_key());
    std::fs::write(&file, revoked).unwrap();
    let refused = dialer.reach(&pinned(&[&shown]), None).await.unwrap_err();
    assert!(refused.to_string().contains("revoked"), "{refused}");
    let seen = fleet.device("r1").observed();
    assert_eq!((seen.password_attempts, seen.logins_attempted), (0, 0));
    fleet.stop().await;
}

#[tokio::test]
async fn a_device_shows_its_key_without_being_logged_in_to() {
    let fleet = Fleet::start(vec![device_called("r1", "one")]).await;
    let device = with_policy(&fleet, "r1", HostKeyPolicy::AcceptNew);
    let shown = dialer(fleet.directory.path()).host_key_of(&device, None).await.unwrap();
    assert_eq!(shown.fingerprint(), fleet.device("r1").fingerprint());
    assert_eq!(shown.line(), fleet.device("r1").public_key());
    assert!(!fleet.directory.path().join("known_hosts").exists());
    let seen =
        fleet.wait_for("r1", |seen| seen.connections == 1 && seen.open_connections == 0).await;
    assert_eq!((seen.password_attempts, seen.logins_attempted), (0, 0));
    fleet.stop().await;
}
