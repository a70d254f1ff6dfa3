//! Who has a place, who waits for one, and what makes way.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use tokio_util::sync::CancellationToken;
use vty_mcp::inventory::DeviceName;
use vty_mcp::lab::LabDevice;
use vty_mcp::pool::PoolRules;
use vty_mcp::settings::PoolLimits;

use super::rig::{Rig, inventory};
use crate::support::SOON;

fn limits(limits: PoolLimits) -> PoolRules {
    PoolRules { limits, ..PoolRules::default() }
}

#[tokio::test]
async fn callers_are_served_in_the_order_of_asking() {
    let rig = Rig::start(vec![LabDevice::new("r1", "frr")]).await;
    let device = rig.device("r1");
    let first = rig.lease(&device).await.unwrap();
    let order: Arc<Mutex<Vec<usize>>> = Arc::default();
    let mut tasks = Vec::new();
    for number in 0..6 {
        let (pool, device, order) = (Arc::clone(&rig.pool), device.clone(), Arc::clone(&order));
        tasks.push(tokio::spawn(async move {
            let lease = pool.lease(&device, &CancellationToken::new()).await.unwrap();
            order.lock().unwrap().push(number);
            pool.give_back(lease).await;
        }));
        rig.until(|counts| counts.waiting == number + 1).await;
    }
    // One in the middle changes its mind.
    tasks.remove(2).abort();
    rig.until(|counts| counts.waiting == 5).await;
    rig.pool.give_back(first).await;
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(*order.lock().unwrap(), [0, 1, 3, 4, 5]);
    assert_eq!(rig.lab.device("r1").unwrap().observed().sessions_opened, 1);
    rig.stop().await;
}

#[tokio::test]
async fn a_device_with_two_lines_has_two_sessions_and_keeps_both() {
    let rig = Rig::start(vec![LabDevice::new("r1", "frr")]).await;
    let mut device = rig.device("r1");
    device.max_sessions = 2;
    for _ in 0..3 {
        let (mut one, mut two) =
            (rig.lease(&device).await.unwrap(), rig.lease(&device).await.unwrap());
        rig.ask(&device, &mut one).await;
        rig.ask(&device, &mut two).await;
        let (pool, other) = (Arc::clone(&rig.pool), device.clone());
        let third =
            tokio::spawn(async move { pool.lease(&other, &CancellationToken::new()).await });
        rig.until(|counts| counts.waiting == 1).await;
        rig.pool.give_back(one).await;
        let third = third.await.unwrap().unwrap();
        rig.pool.give_back(two).await;
        rig.pool.give_back(third).await;
        assert_eq!(rig.pool.counts().parked, 2);
    }
    assert_eq!(rig.lab.device("r1").unwrap().observed().sessions_opened, 2);
    rig.stop().await;
}

#[tokio::test]
async fn two_names_of_one_place_share_its_lines_and_no_session() {
    let rig = Rig::start(vec![LabDevice::new("r1", "frr")]).await;
    let one = rig.device("r1");
    let mut two = one.clone();
    two.name = DeviceName::new("again").unwrap();
    let lease = rig.lease(&one).await.unwrap();
    let waiting = {
        let (pool, two) = (Arc::clone(&rig.pool), two.clone());
        tokio::spawn(async move { pool.lease(&two, &CancellationToken::new()).await })
    };
    rig.until(|counts| counts.waiting == 1).await;
    // The parked session of the one makes way for that of the other, which is opened afterwards.
    rig.pool.give_back(lease).await;
    let lease = waiting.await.unwrap().unwrap();
    assert_eq!(rig.pool.counts().parked, 0);
    let seen = rig.lab.device("r1").unwrap();
    let seen = seen.wait_for(SOON, |seen| seen.open_sessions == 1).await.unwrap();
    assert_eq!(seen.sessions_opened, 2);
    assert_eq!(seen.commands().iter().filter(|line| **line == "exit").count(), 1, "{seen:?}");
    rig.pool.give_back(lease).await;
    rig.stop().await;
}

#[tokio::test]
async fn who_waits_too_long_is_told_for_what() {
    let limits = limits(PoolLimits {
        acquire: Duration::from_millis(50),
        sessions: 2,
        ..PoolLimits::default()
    });
    let devices = ["r1", "r2", "r3"].map(|name| LabDevice::new(name, "frr"));
    let rig = Rig::with_rules(devices.into(), limits).await;
    let held = rig.lease(&rig.device("r1")).await.unwrap();
    let error = rig.lease(&rig.device("r1")).await.unwrap_err();
    assert_eq!(error.code().as_str(), "pool_exhausted");
    assert!(error.to_string().contains("`max_sessions` allows 1"), "{error}");
    let more = rig.lease(&rig.device("r2")).await.unwrap();
    let error = rig.lease(&rig.device("r3")).await.unwrap_err();
    assert_eq!(error.code().as_str(), "pool_exhausted");
    assert!(error.to_string().contains("`limits.sessions` allows 2"), "{error}");
    assert_eq!(rig.lab.device("r3").unwrap().observed().connections, 0);
    drop((held, more));
    rig.stop().await;
}

#[tokio::test]
async fn a_parked_session_makes_room_for_that_of_another_device() {
    let limits = limits(PoolLimits { sessions: 2, ..PoolLimits::default() });
    let devices = ["r1", "r2", "r3"].map(|name| LabDevice::new(name, "frr"));
    let rig = Rig::with_rules(devices.into(), limits).await;
    for name in ["r1", "r2", "r3"] {
        let lease = rig.lease(&rig.device(name)).await.unwrap();
        rig.pool.give_back(lease).await;
    }
    let gone = rig.lab.device("r1").unwrap();
    gone.wait_for(SOON, |seen| seen.open_connections == 0).await.unwrap();
    assert_eq!(rig.until(|counts| counts.parked == 2).await.places, 2);
    assert_eq!(rig.lab.device("r2").unwrap().observed().open_connections, 1);
    rig.stop().await;
}

#[tokio::test]
async fn a_session_that_nobody_wants_is_logged_out_and_so_is_an_old_one() {
    for rules in [
        PoolLimits { idle: Duration::from_millis(30), ..PoolLimits::default() },
        PoolLimits { age: Duration::from_millis(30), ..PoolLimits::default() },
    ] {
        let rig = Rig::with_rules(vec![LabDevice::new("r1", "frr")], limits(rules)).await;
        let lease = rig.lease(&rig.device("r1")).await.unwrap();
        rig.pool.give_back(lease).await;
        let device = rig.lab.device("r1").unwrap();
        let seen = device.wait_for(SOON, |seen| seen.open_connections == 0).await.unwrap();
        assert_eq!(seen.commands().last(), Some(&"exit"));
        rig.until(|counts| counts.parked == 0 && counts.places == 0).await;
        rig.stop().await;
    }
}

#[tokio::test]
async fn a_session_is_not_used_for_a_device_that_is_described_in_another_way() {
    let rig = Rig::start(vec![LabDevice::new("r1", "frr")]).await;
    let old = rig.device("r1");
    let mut new = old.clone();
    new.timeouts.idle = Duration::from_secs(11);
    let lease = rig.lease(&old).await.unwrap();
    rig.pool.give_back(lease).await;
    let lease = rig.lease(&new).await.unwrap();
    assert_eq!(rig.lab.device("r1").unwrap().observed().sessions_opened, 2);
    rig.pool.give_back(lease).await;
    rig.stop().await;
}

#[tokio::test]
async fn sessions_whose_devices_changed_or_vanished_end_also_those_in_use() {
    let devices = ["gone", "kept", "used"].map(|name| LabDevice::new(name, "frr"));
    let rig = Rig::start(devices.into()).await;
    for name in ["gone", "kept"] {
        let lease = rig.lease(&rig.device(name)).await.unwrap();
        rig.pool.give_back(lease).await;
    }
    let device = rig.device("used");
    let mut used = rig.lease(&device).await.unwrap();
    let mut file = rig.lab.inventory();
    file["devices"].as_object_mut().unwrap().remove("gone");
    file["devices"]["used"]["timeouts"] = json!({ "idle_seconds": 11 });
    rig.pool.retire(&inventory(&rig.platforms, &file));
    let gone = rig.lab.device("gone").unwrap();
    gone.wait_for(SOON, |seen| seen.open_connections == 0).await.unwrap();
    rig.ask(&device, &mut used).await;
    rig.pool.give_back(used).await;
    let seen = rig.lab.device("used").unwrap();
    seen.wait_for(SOON, |seen| seen.open_connections == 0).await.unwrap();
    assert_eq!(rig.lab.device("kept").unwrap().observed().open_connections, 1);
    rig.stop().await;
}
