//! Everything that goes wrong between us and a device has its code, costs nobody else anything and
//! leaves the program alive.

use std::time::Duration;

use serde_json::json;
use tokio_util::sync::CancellationToken;
use vty_mcp::caller::{Caller, Role};
use vty_mcp::lab::{Cut, Denial, Faults, HostKey, Lab, LabDevice};
use vty_mcp::operations::{CommandAnswer, RunRequest};

use crate::support::{Fleet, SOON, run, strings};

fn code(answer: &CommandAnswer) -> &'static str {
    answer.error.as_ref().map_or("none", |error| error.code.as_str())
}

/// One device has a problem, a second one has none; the second one's answer is never lost.
async fn check(
    bad: LabDevice,
    change: impl FnOnce(&mut serde_json::Value),
    command: &str,
    expected: &str,
) {
    let devices = vec![bad, LabDevice::new("good", "frr")];
    let fleet = Fleet::start_with(devices, change).await;
    let answers = fleet.run(&["bad", "good"], &[command]).await;
    assert_eq!(code(&answers[0].answers[0]), expected, "{:?}", answers[0]);
    assert_eq!(code(&answers[1].answers[0]), "none", "{:?}", answers[1]);
    // The program lives on.
    assert_eq!(code(&fleet.ask("good", "show version").await), "none");
    fleet.operations.close().await;
    fleet.wait_for("bad", |seen| seen.open_connections == 0).await;
    fleet.wait_for("good", |seen| seen.open_connections == 0).await;
    fleet.stop().await;
}

fn bad(faults: Faults) -> LabDevice {
    LabDevice::new("bad", "frr").faults(faults)
}

#[tokio::test]
async fn a_wrong_password_is_refused_and_sent_once() {
    let change = |inventory: &mut serde_json::Value| {
        inventory["devices"]["bad"]["auth"]["password"] = json!("not-the-password");
    };
    let devices = vec![bad(Faults::default()), LabDevice::new("good", "frr")];
    let fleet = Fleet::start_with(devices, change).await;
    let answers = fleet.run(&["bad", "good"], &["show version"]).await;
    let error = answers[0].answers[0].error.clone().unwrap();
    assert_eq!((error.code.as_str(), error.retry.as_str()), ("auth_failed", "no"));
    assert!(!error.message.contains("not-the-password"));
    assert_eq!(code(&answers[1].answers[0]), "none");
    assert_eq!(fleet.device("bad").observed().password_attempts, 1);
    fleet.stop().await;
}

#[tokio::test]
async fn a_port_nobody_listens_on() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let change =
        |inventory: &mut serde_json::Value| inventory["devices"]["bad"]["port"] = json!(free);
    check(bad(Faults::default()), change, "show version", "connect_failed").await;
}

#[tokio::test]
async fn a_name_that_does_not_resolve() {
    let change = |inventory: &mut serde_json::Value| {
        inventory["devices"]["bad"]["address"] = json!("no-such-device.invalid");
    };
    check(bad(Faults::default()), change, "show version", "resolve_failed").await;
}

#[tokio::test]
async fn a_server_that_never_speaks() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let change = |inventory: &mut serde_json::Value| {
        inventory["devices"]["bad"]["port"] = json!(port);
        inventory["devices"]["bad"]["timeouts"] = json!({ "connect_seconds": 1 });
    };
    check(bad(Faults::default()), change, "show version", "connect_timeout").await;
    drop(silent);
}

#[tokio::test]
async fn a_device_that_stops_talking_in_mid_output() {
    let faults = Faults { stall: Some(Cut::in_output_of("show version", 40)), ..Faults::default() };
    let change = |inventory: &mut serde_json::Value| {
        inventory["devices"]["bad"]["timeouts"] = json!({ "idle_seconds": 1 });
    };
    check(bad(faults), change, "show version", "command_timeout").await;
}

#[tokio::test]
async fn a_connection_that_ends_in_mid_output() {
    let faults = Faults { drop: Some(Cut::in_output_of("show version", 40)), ..Faults::default() };
    check(bad(faults), |_| {}, "show version", "session_lost").await;
}

#[tokio::test]
async fn a_device_that_denies_a_channel_a_terminal_or_a_shell() {
    for denies in [Denial::Channel, Denial::Pty] {
        check(
            bad(Faults { denies, ..Faults::default() }),
            |_| {},
            "show version",
            "connect_failed",
        )
        .await;
    }
    let faults = Faults { denies: Denial::Shell, ..Faults::default() };
    check(bad(faults), |_| {}, "show version", "session_lost").await;
}

#[tokio::test]
async fn a_command_that_hangs_is_interrupted_on_the_device() {
    let faults = Faults { hang: vec!["show version".to_owned()], ..Faults::default() };
    let change = |inventory: &mut serde_json::Value| {
        inventory["devices"]["bad"]["timeouts"] = json!({ "idle_seconds": 1 });
    };
    let fleet = Fleet::start_with(vec![bad(faults)], change).await;
    let answers = fleet.run(&["bad"], &["show version", "show ip route"]).await.remove(0).answers;
    assert_eq!(code(&answers[0]), "command_timeout");
    assert!(answers[0].error.as_ref().unwrap().message.contains("it was interrupted"));
    assert_eq!(fleet.device("bad").observed().interrupts, 1);
    // A prompt was proven, so the session goes on.
    assert_eq!(code(&answers[1]), "none", "{:?}", answers[1]);
    fleet.stop().await;
}

#[tokio::test]
async fn a_changed_host_key_is_refused_before_any_password_is_sent() {
    let fleet =
        Fleet::start(vec![LabDevice::new("r1", "frr").host_key(HostKey::Phrase("one".into()))])
            .await;
    let first = fleet.run(&["r1"], &["show version"]).await.remove(0);
    assert!(first.notices[0].contains("first contact"), "{first:?}");
    let second = fleet.run(&["r1"], &["show version"]).await.remove(0);
    assert!(second.notices.is_empty() && second.answers[0].error.is_none());
    let (old, port) =
        (fleet.device("r1").fingerprint().to_owned(), fleet.device("r1").address().port());
    fleet.lab.stop_device("r1").await.unwrap();
    let impostor = LabDevice::new("r1", "frr").host_key(HostKey::Phrase("two".into())).port(port);
    let impostor = Lab::start(vec![impostor]).await.unwrap();
    let answers = run(&fleet.restarted(), &["r1"], &["show version"]).await;
    let error = answers[0].answers[0].error.clone().unwrap();
    assert_eq!(error.code.as_str(), "host_key_changed");
    let new = impostor.device("r1").unwrap().fingerprint();
    assert!(error.message.contains(&old) && error.message.contains(new), "{}", error.message);
    let seen = impostor.device("r1").unwrap().observed();
    assert_eq!((seen.password_attempts, seen.logins_attempted), (0, 0));
    impostor.stop().await.unwrap();
    fleet.stop().await;
}

#[tokio::test]
async fn an_unknown_device_and_a_refused_command_cost_the_others_nothing() {
    let fleet = Fleet::start(vec![LabDevice::new("r1", "frr")]).await;
    let answers = fleet.run(&["r2", "r1"], &["show version", "reload", "show foo"]).await;
    let codes: Vec<_> =
        answers.iter().map(|a| a.answers.iter().map(code).collect::<Vec<_>>()).collect();
    assert_eq!(codes[0], ["unknown_device"; 3]);
    assert_eq!(codes[1], ["none", "policy_denied", "command_rejected"]);
    assert!(answers[0].answers[0].error.as_ref().unwrap().hint.contains("`r1`"));
    assert_eq!(answers[1].answers[2].error.as_ref().unwrap().reason, Some("syntax"));
    assert!(!fleet.device("r1").observed().commands().contains(&"reload"));
    fleet.stop().await;
}

#[tokio::test]
async fn a_call_of_refused_commands_contacts_no_device() {
    let fleet = Fleet::start(vec![LabDevice::new("r1", "frr")]).await;
    assert_eq!(code(&fleet.ask("r1", "show version\nwrite").await), "policy_denied");
    assert_eq!(fleet.device("r1").observed().connections, 0);
    fleet.stop().await;
}

#[tokio::test]
async fn a_cancelled_call_interrupts_the_device_and_closes_the_session() {
    let faults = Faults { hang: vec!["show version".to_owned()], ..Faults::default() };
    let fleet = Fleet::start(vec![LabDevice::new("r1", "frr").faults(faults)]).await;
    let cancel = CancellationToken::new();
    let request = RunRequest {
        devices: strings(&["r1"]),
        commands: strings(&["show version"]),
        answers: Vec::new(),
    };
    let running = tokio::spawn({
        let (operations, cancel) = (std::sync::Arc::clone(&fleet.operations), cancel.clone());
        async move {
            operations
                .run_commands(&Caller::local(Role::Viewer), request, &cancel, &|_| {})
                .await
                .unwrap()
        }
    });
    fleet.wait_for("r1", |seen| seen.commands().contains(&"show version")).await;
    cancel.cancel();
    let answers = tokio::time::timeout(SOON, running).await.unwrap().unwrap();
    assert_eq!(code(&answers[0].answers[0]), "cancelled");
    fleet.operations.close().await;
    let seen = fleet.wait_for("r1", |seen| seen.open_connections == 0).await;
    assert_eq!(seen.interrupts, 1);
    fleet.stop().await;
}

#[tokio::test]
async fn a_call_that_is_dropped_leaves_no_connection() {
    let faults = Faults { hang: vec!["show version".to_owned()], ..Faults::default() };
    let fleet = Fleet::start(vec![LabDevice::new("r1", "frr").faults(faults)]).await;
    let call = fleet.ask("r1", "show version");
    assert!(tokio::time::timeout(Duration::from_secs(2), call).await.is_err());
    fleet.wait_for("r1", |seen| seen.open_connections == 0).await;
    // The slot is free again.
    assert_eq!(code(&fleet.ask("r1", "show ip route").await), "none");
    fleet.stop().await;
}
