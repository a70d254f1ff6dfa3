//! The built program as a person uses it.

use std::path::Path;
use std::process::{Command, Output};

use vty_mcp::lab::LabDevice;

use crate::support::{Fleet, write_private};

fn vty_mcp(directory: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_vty-mcp"))
        .args(arguments)
        .env_clear()
        .env("HOME", directory)
        .env("VTY_STATE_DIR", directory.join("state"))
        .current_dir(directory)
        .output()
        .unwrap()
}

/// The same, from inside a test that also runs the devices.
async fn run(directory: &Path, arguments: &[&str]) -> Output {
    let directory = directory.to_owned();
    let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
    let run = move || {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        vty_mcp(&directory, &arguments)
    };
    tokio::task::spawn_blocking(run).await.unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn help_is_what_was_reviewed() {
    let directory = tempfile::tempdir().unwrap();
    for (name, arguments) in [
        ("help", &["--help"][..]),
        ("help_serve", &["serve", "--help"]),
        ("help_run", &["run", "--help"]),
        ("help_check", &["check", "--help"]),
        ("help_demo", &["demo", "--help"]),
        ("help_lab", &["lab", "--help"]),
        ("help_host_key", &["host-key", "--help"]),
        ("help_host_key_trust", &["host-key", "trust", "--help"]),
    ] {
        let output = vty_mcp(directory.path(), arguments);
        assert_eq!(output.status.code(), Some(0));
        insta::assert_snapshot!(name, stdout(&output));
    }
}

#[test]
fn wrong_usage_and_wrong_files_end_with_2_and_all_problems() {
    let directory = tempfile::tempdir().unwrap();
    assert_eq!(vty_mcp(directory.path(), &["fly"]).status.code(), Some(2));
    let missing = vty_mcp(directory.path(), &["run", "r1", "show version"]);
    assert_eq!(missing.status.code(), Some(2));
    assert!(stderr(&missing).contains("devices.json"), "{}", stderr(&missing));
    let text = r#"{"devices": {
        "r1": {"platform": "cisco_iosx", "address": "192.0.2.1", "username": "a", "auth": {"type": "password", "pasword": "canary"}},
        "r2": {"platform": "cisco_ios", "address": "192.0.2.2", "port": 0, "username": "a", "auth": {"type": "password", "password": "canary"}}
    }}"#;
    write_private(&directory.path().join("devices.json"), text);
    for arguments in [&["check"][..], &["run", "r1", "show version"], &["serve"]] {
        let output = vty_mcp(directory.path(), arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        let complaint = stderr(&output);
        for part in ["cisco_iosx", "`pasword`", "port", "2:28", "3:"] {
            assert!(complaint.contains(part), "{arguments:?}: {part} is missing in {complaint}");
        }
        assert!(!complaint.contains("canary"), "{complaint}");
    }
}

#[tokio::test]
async fn commands_run_and_their_answers_go_to_standard_output() {
    let fleet = Fleet::start(vec![LabDevice::new("r1", "frr")]).await;
    let directory = fleet.directory.path();
    let one = run(directory, &["run", "r1", "show version"]).await;
    assert_eq!(one.status.code(), Some(0), "{}", stderr(&one));
    assert!(stdout(&one).starts_with("FRRouting"), "{}", stdout(&one));
    assert!(stderr(&one).contains("first contact"), "{}", stderr(&one));
    let json = run(directory, &["run", "r1", "show version", "reload", "--json"]).await;
    assert_eq!(json.status.code(), Some(3));
    let value: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert!(value[0]["answers"][0]["text"].as_str().unwrap().starts_with("FRRouting"));
    assert_eq!(value[0]["answers"][1]["error"]["code"], "policy_denied");
    let check = run(directory, &["check"]).await;
    assert_eq!(check.status.code(), Some(0), "{}", stderr(&check));
    assert!(stdout(&check).contains("1 devices"), "{}", stdout(&check));
    fleet.stop().await;
}

#[test]
fn the_demo_works_and_fails_visibly_when_a_device_dies() {
    let directory = tempfile::tempdir().unwrap();
    let works = vty_mcp(directory.path(), &["demo"]);
    assert_eq!(works.status.code(), Some(0), "{}{}", stdout(&works), stderr(&works));
    for part in [
        "list_devices",
        "ios-r1",
        "Cisco IOS",
        "bgp_neighbor",
        "<secret:",
        "policy_denied",
        "The demo worked",
    ] {
        assert!(stdout(&works).contains(part), "{part} is missing in {}", stdout(&works));
    }
    let fails = vty_mcp(directory.path(), &["demo", "--kill", "eos-sw1"]);
    assert_eq!(fails.status.code(), Some(3));
    assert!(stderr(&fails).contains("connect_failed"), "{}", stderr(&fails));
    assert!(!stdout(&fails).contains("The demo worked"));
}

#[test]
fn completions_are_printed_for_a_shell() {
    let directory = tempfile::tempdir().unwrap();
    let output = vty_mcp(directory.path(), &["completions", "bash"]);
    assert!(stdout(&output).contains("_vty__mcp()"));
}
