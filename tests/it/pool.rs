//! Sessions are kept for the next caller, proven before they are used again, and never shared.

use std::time::Duration;

use vty_mcp::lab::{Cut, Faults, LabDevice};

use crate::support::Fleet;

#[tokio::test]
async fn a_session_is_used_again_and_proven_first() {
    let fleet = Fleet::start(vec![LabDevice::new("r1", "frr")]).await;
    for _ in 0..5 {
        assert_eq!(fleet.ask("r1", "show version").await.error, None);
    }
    let seen = fleet.device("r1").observed();
    assert_eq!((seen.sessions_opened, seen.password_attempts), (1, 1));
    // One newline at login, and one proof before each of the four later commands.
    assert_eq!(seen.lines.iter().filter(|line| line.text.is_empty()).count(), 5);
    fleet.operations.close().await;
    fleet.wait_for("r1", |seen| seen.open_connections == 0).await;
    fleet.stop().await;
}

#[tokio::test]
async fn callers_of_one_device_wait_for_one_another() {
    let slow = Faults { answer_delay: Duration::from_millis(30), ..Faults::default() };
    let fleet = Fleet::start(vec![LabDevice::new("r1", "frr").faults(slow)]).await;
    let asks = (0..8).map(|_| fleet.ask("r1", "show version"));
    let answers = futures::future::join_all(asks).await;
    assert!(answers.iter().all(|answer| answer.error.is_none()));
    assert_eq!(fleet.device("r1").observed().sessions_opened, 1);
    fleet.stop().await;
}

#[tokio::test]
async fn a_session_that_broke_is_never_given_to_the_next_caller() {
    let faults = Faults { drop: Some(Cut::in_output_of("show version", 40)), ..Faults::default() };
    let fleet = Fleet::start(vec![LabDevice::new("r1", "frr").faults(faults)]).await;
    assert!(fleet.ask("r1", "show version").await.error.is_some());
    assert_eq!(fleet.ask("r1", "show ip route").await.error, None);
    assert_eq!(fleet.device("r1").observed().sessions_opened, 2);
    fleet.stop().await;
}

#[tokio::test]
async fn a_parked_session_whose_device_restarted_is_replaced() {
    let fleet = Fleet::start(vec![
        LabDevice::new("r1", "frr").host_key(vty_mcp::lab::HostKey::Phrase("same".into())),
    ])
    .await;
    assert_eq!(fleet.ask("r1", "show version").await.error, None);
    let port = fleet.device("r1").address().port();
    fleet.lab.stop_device("r1").await.unwrap();
    let again = LabDevice::new("r1", "frr")
        .host_key(vty_mcp::lab::HostKey::Phrase("same".into()))
        .port(port);
    let again = vty_mcp::lab::Lab::start(vec![again]).await.unwrap();
    assert_eq!(fleet.ask("r1", "show version").await.error, None);
    fleet.operations.close().await;
    again.stop().await.unwrap();
    fleet.stop().await;
}
