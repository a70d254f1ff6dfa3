//! Sessions are kept for the next caller, proven before they are used again, and never shared.

mod breaker;
mod jumps;
mod leaks;
mod lockouts;
mod places;
mod rig;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use vty_mcp::lab::{Cut, Faults, LabDevice, Observed};
use vty_mcp::pool::PoolRules;

use self::rig::Rig;
use crate::support::Fleet;

/// How many newlines without a command a device received: one at login, and one for each proof.
fn newlines(seen: &Observed) -> usize {
    seen.lines.iter().filter(|line| line.text.is_empty()).count()
}

#[tokio::test]
async fn a_session_that_was_used_a_moment_ago_is_used_again_without_a_proof() {
    let fleet = Fleet::start(vec![LabDevice::new("r1", "frr")]).await;
    for _ in 0..5 {
        assert_eq!(fleet.ask("r1", "show version").await.error, None);
    }
    let seen = fleet.device("r1").observed();
    assert_eq!((seen.sessions_opened, seen.password_attempts, newlines(&seen)), (1, 1, 1));
    fleet.operations.close().await;
    fleet.wait_for("r1", |seen| seen.open_connections == 0).await;
    fleet.stop().await;
}

#[tokio::test]
async fn a_session_that_waited_for_longer_or_is_for_more_than_reading_proves_that_it_lives() {
    let rules = PoolRules { recent: Duration::ZERO, ..PoolRules::default() };
    for (rules, reading) in [(rules, true), (PoolRules::default(), false)] {
        let rig = Rig::with_rules(vec![LabDevice::new("r1", "frr")], rules).await;
        let (device, never) = (rig.device("r1"), CancellationToken::new());
        for _ in 0..5 {
            let lease = if reading {
                rig.pool.lease_for_reading(&device, &never).await
            } else {
                rig.pool.lease(&device, &never).await
            };
            rig.pool.give_back(lease.unwrap()).await;
        }
        let seen = rig.lab.device("r1").unwrap().observed();
        assert_eq!((seen.sessions_opened, newlines(&seen)), (1, 5));
        rig.stop().await;
    }
}

/// Passes bytes on between callers and a device. Once it is told to, it cuts the connection at the
/// next byte of the caller, as a firewall that has forgotten it does.
async fn relay(to: SocketAddr, cut: Arc<AtomicBool>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((near, _)) = listener.accept().await {
            let (far, cut) = (TcpStream::connect(to).await.unwrap(), Arc::clone(&cut));
            tokio::spawn(async move {
                let ((mut up, mut down), (mut back, mut on)) =
                    (near.into_split(), far.into_split());
                let answers =
                    tokio::spawn(async move { tokio::io::copy(&mut back, &mut down).await });
                let mut bytes = vec![0; 4096];
                while let Ok(count @ 1..) = up.read(&mut bytes).await {
                    if cut.swap(false, Ordering::SeqCst) {
                        break;
                    }
                    on.write_all(&bytes[..count]).await.unwrap();
                }
                answers.abort();
            });
        }
    });
    address
}

#[tokio::test]
async fn a_session_that_dies_as_it_is_handed_out_costs_a_reading_caller_nothing() {
    let cut = Arc::new(AtomicBool::new(false));
    let rig = Rig::start(vec![LabDevice::new("r1", "frr")]).await;
    let relayed = relay(rig.lab.device("r1").unwrap().address(), Arc::clone(&cut)).await;
    let fleet = Fleet::start_with(vec![LabDevice::new("r1", "frr")], |inventory| {
        inventory["devices"]["r1"]["port"] = relayed.port().into();
    })
    .await;
    let seen = || rig.lab.device("r1").unwrap().observed();
    assert_eq!(fleet.ask("r1", "show version").await.error, None);
    cut.store(true, Ordering::SeqCst);
    assert_eq!(fleet.ask("r1", "show version").await.error, None);
    // The first command and the repeated one; what was cut off never came.
    let asked = seen().commands().iter().filter(|line| **line == "show version").count();
    assert_eq!((seen().sessions_opened, asked), (2, 2));
    assert!(!cut.load(Ordering::SeqCst));
    fleet.operations.close().await;
    fleet.stop().await;
    rig.stop().await;
}

#[tokio::test]
async fn a_session_is_closed_with_the_program() {
    let fleet = Fleet::start(vec![LabDevice::new("r1", "frr")]).await;
    assert_eq!(fleet.ask("r1", "show version").await.error, None);
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
