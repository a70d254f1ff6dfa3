//! A refused credential is not sent again, whoever asks, until its time is over or an operator says
//! so.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio_util::sync::CancellationToken;
use vty_mcp::caller::{Caller, Role};
use vty_mcp::lab::{Faults, LabDevice};
use vty_mcp::operations::{DeviceAnswers, RunRequest};
use vty_mcp::store::{StateDirectory, Store};

use crate::support::{Fleet, run, strings};

fn code(answers: &DeviceAnswers) -> &'static str {
    answers.answers[0].error.as_ref().map_or("none", |error| error.code.as_str())
}

fn attempts(fleet: &Fleet) -> usize {
    fleet.lab.devices().iter().map(|device| device.observed().password_attempts).sum()
}

fn store(fleet: &Fleet) -> Store {
    StateDirectory::open(&fleet.directory.path().join("state")).unwrap().database().unwrap()
}

/// Devices that are all logged in to with one password; it is right where `right` says so.
async fn fleet(names: &[&str], right: impl Fn(&str) -> bool) -> Fleet {
    let device = |name: &&str| {
        let password = if right(name) { "shared" } else { "another" };
        LabDevice::new(*name, "frr").password(password)
    };
    let devices: Vec<LabDevice> = names.iter().map(device).collect();
    Fleet::start_with(devices, |inventory| {
        for (_, device) in inventory["devices"].as_object_mut().unwrap() {
            device["auth"] = json!({ "type": "password", "password": "shared" });
        }
    })
    .await
}

#[tokio::test]
async fn a_wrong_password_on_twenty_devices_costs_two_refusals_over_restarts_until_a_reset() {
    let names: Vec<String> = (0..20).map(|number| format!("r{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let fleet = fleet(&names, |_| false).await;
    let answers = fleet.run(&names, &["show version"]).await;
    let mut codes: Vec<_> = answers.iter().map(code).collect();
    codes.sort_unstable();
    assert_eq!(codes[..3], ["auth_failed", "auth_failed", "credential_held"]);
    assert_eq!(codes[2..], ["credential_held"; 18]);
    assert_eq!(attempts(&fleet), 2);
    let held = answers.iter().find(|answer| code(answer) == "credential_held").unwrap();
    let held = held.answers[0].error.as_ref().unwrap();
    assert_eq!(held.retry.as_str(), "no");
    let user = fleet.device("r0").username().to_owned();
    for part in ["two devices in a row", &user, "may lock the account", "vty-mcp lockout reset r"] {
        assert!(held.message.contains(part), "{part}: {}", held.message);
    }
    assert!(!held.message.contains("shared") && !held.message.contains("<secret"), "{held:?}");
    // Another process knows it, and does not even connect.
    let connections: usize =
        fleet.lab.devices().iter().map(|device| device.observed().connections).sum();
    let restarted = fleet.restarted();
    let again = run(&restarted, &names, &["show version"]).await;
    assert!(again.iter().all(|answer| code(answer) == "credential_held"));
    let after: usize = fleet.lab.devices().iter().map(|device| device.observed().connections).sum();
    assert_eq!((attempts(&fleet), after), (2, connections));
    // An operator lifts it for both, the one that runs and the one that was restarted.
    assert_eq!(store(&fleet).lift_lockouts(None).unwrap().len(), 3);
    assert_eq!(code(&fleet.run(&["r7"], &["show version"]).await[0]), "auth_failed");
    assert_eq!(code(&run(&restarted, &["r7"], &["show version"]).await[0]), "credential_held");
    assert_eq!(attempts(&fleet), 3);
    assert_eq!(store(&fleet).lift_lockouts(Some("r7")).unwrap().len(), 1);
    assert_eq!(code(&run(&restarted, &["r7"], &["show version"]).await[0]), "auth_failed");
    fleet.stop().await;
}

#[tokio::test]
async fn a_device_that_takes_the_password_in_between_keeps_the_others_going() {
    let names = ["bad1", "ok1", "bad2", "ok2", "bad3", "ok3"];
    let fleet = fleet(&names, |name| name.starts_with("ok")).await;
    for name in names {
        let expected = if name.starts_with("ok") { "none" } else { "auth_failed" };
        assert_eq!(code(&fleet.run(&[name], &["show version"]).await[0]), expected, "{name}");
    }
    let held = fleet.run(&["bad1", "bad2", "ok1"], &["show version"]).await;
    let codes: Vec<_> = held.iter().map(code).collect();
    assert_eq!(codes, ["credential_held", "credential_held", "none"]);
    assert_eq!(attempts(&fleet), 6);
    let error = held[0].answers[0].error.clone().unwrap();
    assert!(error.message.starts_with("`bad1` refused the credential of"), "{}", error.message);
    fleet.stop().await;
}

#[tokio::test]
async fn many_devices_with_the_right_password_are_all_reached_at_once() {
    let names: Vec<String> = (0..12).map(|number| format!("r{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let fleet = fleet(&names, |_| true).await;
    let answers = fleet.run(&names, &["show version"]).await;
    assert!(answers.iter().all(|answer| code(answer) == "none"), "{answers:?}");
    assert_eq!(attempts(&fleet), 12);
    fleet.stop().await;
}

#[tokio::test]
async fn a_refusal_is_heard_though_its_caller_left() {
    let faults = Faults { refusal_delay: Duration::from_millis(400), ..Faults::default() };
    let fleet = Fleet::start_with(vec![LabDevice::new("r1", "frr").faults(faults)], |inventory| {
        inventory["devices"]["r1"]["auth"]["password"] = json!("wrong");
    })
    .await;
    let leaving = CancellationToken::new();
    let request = RunRequest {
        devices: strings(&["r1"]),
        commands: strings(&["show version"]),
        answers: Vec::new(),
    };
    let (operations, cancel) = (Arc::clone(&fleet.operations), leaving.clone());
    let asking = tokio::spawn(async move {
        operations.run_commands(&Caller::local(Role::Viewer), request, &cancel, &|_| {}).await
    });
    fleet.wait_for("r1", |seen| seen.password_attempts == 1).await;
    leaving.cancel();
    let left = asking.await.unwrap().unwrap().remove(0);
    assert_eq!(code(&left), "cancelled");
    // The next caller waits for the verdict, since the device's one line is taken until then.
    assert_eq!(code(&fleet.run(&["r1"], &["show version"]).await[0]), "credential_held");
    assert_eq!(attempts(&fleet), 1);
    fleet.stop().await;
}
