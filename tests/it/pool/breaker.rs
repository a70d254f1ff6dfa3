//! A device that fails is left alone, tried again by one, and used when it answers.

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use vty_mcp::lab::{HostKey, Lab, LabDevice};
use vty_mcp::pool::{BreakerRules, PoolError, PoolRules};

use super::rig::Rig;

fn quick() -> PoolRules {
    let first = Duration::from_millis(200);
    let breaker = BreakerRules { failures: 3, first, most: Duration::from_secs(2) };
    PoolRules { breaker, ..PoolRules::default() }
}

/// A device that keeps its host key when it is started again.
fn same(name: &str) -> LabDevice {
    LabDevice::new(name, "frr").host_key(HostKey::Phrase("same".into()))
}

/// Waits until the breaker may let somebody through.
async fn wait(error: PoolError) {
    let PoolError::Unavailable { retry_after, .. } = error else { panic!("{error}") };
    tokio::time::sleep(retry_after).await;
}

#[tokio::test]
async fn a_device_that_fails_is_left_alone_until_it_answers_one_caller() {
    let rig = Rig::with_rules(vec![same("r1")], quick()).await;
    let (device, port) = (rig.device("r1"), rig.lab.device("r1").unwrap().address().port());
    rig.lab.stop_device("r1").await.unwrap();
    for _ in 0..3 {
        assert_eq!(rig.lease(&device).await.unwrap_err().code().as_str(), "connect_failed");
    }
    let error = rig.lease(&device).await.unwrap_err();
    assert_eq!(
        (error.code().as_str(), error.code().retry().as_str()),
        ("circuit_open", "after_delay")
    );
    let text = error.to_string();
    assert!(
        text.starts_with("3 attempts in a row failed, the last with `cannot connect"),
        "{text}"
    );
    assert!(text.contains("the next attempt is made 1s from now"), "{text}");
    wait(error).await;
    // The one that is let through fails, and the wait is longer.
    assert_eq!(rig.lease(&device).await.unwrap_err().code().as_str(), "connect_failed");
    let error = rig.lease(&device).await.unwrap_err();
    assert!(error.to_string().starts_with("4 attempts"), "{error}");
    let again = same("r1").port(port);
    let again = Lab::start(vec![again]).await.unwrap();
    wait(error).await;
    let lease = rig.lease(&device).await.unwrap();
    rig.pool.give_back(lease).await;
    rig.pool.close();
    rig.pool.closed().await;
    again.stop().await.unwrap();
    rig.lab.stop().await.unwrap();
}

#[tokio::test]
async fn what_a_repetition_does_not_cure_leaves_the_breaker_closed() {
    let rig = Rig::with_rules(vec![LabDevice::new("r1", "frr").password("other")], quick()).await;
    let mut file = rig.lab.inventory();
    file["devices"]["r1"]["auth"]["password"] = "wrong".into();
    let device = super::rig::inventory(&rig.platforms, &file).device("r1").unwrap().clone();
    let codes = ["auth_failed", "credential_held", "credential_held", "credential_held"];
    for code in codes {
        assert_eq!(rig.lease(&device).await.unwrap_err().code().as_str(), code);
    }
    let cancelled = CancellationToken::new();
    cancelled.cancel();
    for _ in 0..4 {
        let error = rig.pool.lease(&rig.device("r1"), &cancelled).await.unwrap_err();
        assert_eq!(error.code().as_str(), "cancelled");
    }
    let lease = rig.lease(&rig.device("r1")).await.unwrap();
    rig.pool.give_back(lease).await;
    rig.stop().await;
}

#[tokio::test]
async fn a_change_looks_at_its_device_though_the_breaker_is_open() {
    let rules = PoolRules { breaker: BreakerRules::default(), ..PoolRules::default() };
    let rig = Rig::with_rules(vec![same("r1")], rules).await;
    let (device, port) = (rig.device("r1"), rig.lab.device("r1").unwrap().address().port());
    rig.lab.stop_device("r1").await.unwrap();
    for _ in 0..3 {
        rig.lease(&device).await.unwrap_err();
    }
    let again = Lab::start(vec![same("r1").port(port)]).await.unwrap();
    assert_eq!(rig.lease(&device).await.unwrap_err().code().as_str(), "circuit_open");
    let never = CancellationToken::new();
    let reservation = rig.pool.reserve(&device, &never).await.unwrap();
    let lease = rig.pool.open_fresh(&device, &reservation, &never).await.unwrap();
    lease.leave().await;
    drop(reservation);
    let lease = rig.lease(&device).await.unwrap();
    lease.leave().await;
    again.stop().await.unwrap();
    rig.lab.stop().await.unwrap();
}
