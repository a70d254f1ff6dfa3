//! The device file is read again while the server runs: all of it or nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_util::sync::{CancellationToken, DropGuard};
use vty_mcp::caller::{Caller, Role};
use vty_mcp::change::After;
use vty_mcp::lab::LabDevice;
use vty_mcp::operations::{ApplyRequest, PlanRequest};
use vty_mcp::server::{FileVersion, Reload};

use crate::support::{Fleet, SOON, settings, strings, write_private};

/// A fleet whose device file is watched.
struct Watched {
    fleet: Fleet,
    hangup: mpsc::Sender<()>,
    heard: Arc<AtomicUsize>,
    _end: DropGuard,
}

impl Watched {
    async fn start(devices: Vec<LabDevice>) -> Self {
        let fleet = Fleet::start(devices).await;
        let devices = fleet.directory.path().join("devices.json");
        std::fs::copy(devices, fleet.directory.path().join("first.json")).unwrap();
        let (hangup, asked) = mpsc::channel(1);
        let (heard, end) = (Arc::new(AtomicUsize::new(0)), CancellationToken::new());
        let count = Arc::clone(&heard);
        let on_devices = Box::new(move |devices: &vty_mcp::inventory::Inventory| {
            count.store(devices.len(), Ordering::SeqCst);
        });
        let operations = Arc::clone(&fleet.operations);
        let settings = settings(&fleet.directory);
        let read = FileVersion::of(&settings.inventory);
        let reload = Reload::new(&settings, operations, read, on_devices);
        let watching = reload.every(Duration::from_millis(20)).watch(asked, end.clone());
        tokio::spawn(watching);
        Self { fleet, hangup, heard, _end: end.drop_guard() }
    }

    fn file(&self) -> Value {
        let path = self.fleet.directory.path().join("first.json");
        serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
    }

    fn write(&self, text: &str) {
        write_private(&self.fleet.directory.path().join("devices.json"), text);
    }

    /// Replaces the file in one step, as careful writers do.
    fn replace(&self, file: &Value) {
        let directory = self.fleet.directory.path();
        write_private(&directory.join("devices.new"), &file.to_string());
        std::fs::rename(directory.join("devices.new"), directory.join("devices.json")).unwrap();
    }

    async fn until(&self, wanted: impl Fn(&vty_mcp::inventory::Inventory) -> bool) {
        let waiting = async {
            while !wanted(&self.fleet.operations.inventory()) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(SOON, waiting).await.unwrap();
    }
}

#[tokio::test]
async fn a_file_that_changed_is_taken_and_a_bad_one_is_not() {
    let watched =
        Watched::start(vec![LabDevice::new("r1", "frr"), LabDevice::new("r2", "frr")]).await;
    let fleet = &watched.fleet;
    assert_eq!(fleet.ask("r1", "show version").await.error, None);
    assert_eq!(fleet.ask("r2", "show version").await.error, None);
    let mut file = watched.file();
    file["devices"].as_object_mut().unwrap().remove("r1");
    file["devices"]["r3"] = file["devices"]["r2"].clone();
    watched.replace(&file);
    watched.until(|devices| devices.device("r3").is_some()).await;
    assert_eq!(watched.heard.load(Ordering::SeqCst), 2, "the redactor hears of it");
    // The session of the one that vanished ends by itself, the other one stays.
    fleet.wait_for("r1", |seen| seen.open_connections == 0).await;
    assert_eq!(
        fleet.ask("r1", "show version").await.error.unwrap().code.as_str(),
        "unknown_device"
    );
    assert_eq!(fleet.device("r2").observed().open_connections, 1);
    // Half a file, and one with a device that cannot be: the devices stay as they were.
    let whole = file.to_string();
    for bad in
        [whole.split_at(whole.len() / 2).0, "{}", r#"{"devices": {"r9": {"platform": "none"}}}"#]
    {
        watched.write(bad);
        watched.hangup.send(()).await.unwrap();
        // The second one is taken only when the first one was worked on.
        watched.hangup.send(()).await.unwrap();
        watched.hangup.send(()).await.unwrap();
        let devices = fleet.operations.inventory();
        assert!(devices.device("r3").is_some() && devices.device("r9").is_none());
    }
    assert_eq!(fleet.ask("r3", "show version").await.error, None);
    watched.replace(&watched.file());
    watched.until(|devices| devices.device("r1").is_some()).await;
    assert_eq!(fleet.ask("r1", "show version").await.error, None);
    watched.fleet.stop().await;
}

#[tokio::test]
async fn a_corrected_password_is_tried_at_once() {
    let watched = Watched::start(vec![LabDevice::new("r1", "frr")]).await;
    let fleet = &watched.fleet;
    let mut file = watched.file();
    file["devices"]["r1"]["auth"]["password"] = json!("wrong");
    watched.replace(&file);
    let good = watched.file();
    watched.until(|_| watched.heard.load(Ordering::SeqCst) == 1).await;
    for code in ["auth_failed", "credential_held"] {
        assert_eq!(fleet.ask("r1", "show version").await.error.unwrap().code.as_str(), code);
    }
    watched.heard.store(0, Ordering::SeqCst);
    watched.replace(&good);
    watched.until(|_| watched.heard.load(Ordering::SeqCst) == 1).await;
    assert_eq!(fleet.ask("r1", "show version").await.error, None);
    assert_eq!(fleet.device("r1").observed().password_attempts, 2);
    watched.fleet.stop().await;
}

#[tokio::test]
async fn a_change_on_trial_is_brought_to_its_end_though_its_device_vanished() {
    let devices = vec![LabDevice::new("r1", "arista_eos"), LabDevice::new("r2", "frr")];
    let watched = Watched::start(devices).await;
    let (fleet, never) = (&watched.fleet, CancellationToken::new());
    let operator = Caller::local(Role::Operator);
    let plan = PlanRequest {
        devices: strings(&["r1"]),
        configuration: "interface Loopback0\n description changed by a test".to_owned(),
        expect_loss: false,
    };
    let planned = fleet.operations.plan_change(&operator, plan, &never, &|_| {}).await.unwrap();
    let request = ApplyRequest {
        plan_id: planned.plan_id.clone().unwrap(),
        plan_hash: planned.plan_hash.clone().unwrap(),
        confirm_within: 5,
        after: After::Hold,
    };
    let held = fleet.operations.apply_change(&operator, &request, &never).await.unwrap().remove(0);
    assert_eq!(held.state, "held");
    let mut file = watched.file();
    file["devices"].as_object_mut().unwrap().remove("r1");
    watched.replace(&file);
    watched.until(|devices| devices.device("r1").is_none()).await;
    let saved = fleet.operations.confirm_change(&operator, &held.change_id).await.unwrap();
    assert_eq!(saved.state, "saved", "{saved:?}");
    assert!(fleet.device("r1").running_configuration().contains("changed by a test"));
    assert_eq!(
        fleet.ask("r1", "show version").await.error.unwrap().code.as_str(),
        "unknown_device"
    );
    fleet.operations.close().await;
    fleet.wait_for("r1", |seen| seen.open_connections == 0).await;
    watched.fleet.stop().await;
}
