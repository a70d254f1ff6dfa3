//! The lab as a client meets it, over real SSH on loopback.

mod changes;
mod client;
mod faults;
mod logins;
mod sessions;
mod ssh;

use std::time::Duration;

use super::*;

/// Longest wait for something that should happen at once.
const SOON: Duration = Duration::from_secs(20);

async fn lab_with(device: LabDevice) -> Lab {
    Lab::start(vec![device]).await.unwrap()
}

#[tokio::test]
async fn the_inventory_lists_every_device_with_its_login() {
    let lab = Lab::start(Lab::standard()).await.unwrap();
    let inventory = lab.inventory();
    let ios = &inventory["devices"]["ios-r1"];
    assert_eq!(ios["platform"], "cisco_ios");
    assert_eq!(ios["port"], lab.device("ios-r1").unwrap().address().port());
    assert_eq!(ios["auth"]["password"], "lab-password");
    assert_eq!(ios["enable"], "lab-enable");
    assert_eq!(inventory["devices"].as_object().unwrap().len(), 4);
    for device in inventory["devices"].as_object().unwrap().values() {
        for group in device["groups"].as_array().unwrap() {
            assert!(inventory["groups"].get(group.as_str().unwrap()).is_some());
        }
    }
    lab.stop().await.unwrap();
}

#[tokio::test]
async fn there_is_one_device_of_every_kind() {
    let lab = Lab::start(Lab::every().unwrap()).await.unwrap();
    let kinds: HashSet<&str> = lab.devices().iter().map(RunningDevice::platform).collect();
    assert_eq!(kinds.len(), lab.devices().len());
    assert_eq!(kinds, Personality::builtin_names().collect());
    for device in lab.devices() {
        let mut terminal = client::Terminal::open(device).await;
        terminal.read_until_any(device.name()).await;
    }
    // Only where it is asked for is there a privileged password.
    assert!(lab.device("cisco-asa").unwrap().enable_secret().is_some());
    assert_eq!(lab.device("cisco-nxos").unwrap().enable_secret(), None);
    lab.stop().await.unwrap();
}

#[tokio::test]
async fn names_are_unique_and_personalities_known() {
    let twice = vec![LabDevice::new("a", "frr"), LabDevice::new("a", "frr")];
    let error = Lab::start(twice).await.unwrap_err();
    assert_eq!(error.to_string(), "two devices are named `a`");
    let error = Lab::start(vec![LabDevice::new("a", "vms")]).await.unwrap_err();
    assert_eq!(error.to_string(), "there is no personality `vms`");
}

#[tokio::test]
async fn host_keys_survive_a_restart_only_when_asked_to() {
    async fn fingerprint(device: &LabDevice) -> String {
        let lab = lab_with(device.clone()).await;
        let fingerprint = lab.devices()[0].fingerprint().to_owned();
        lab.stop().await.unwrap();
        fingerprint
    }
    let kept = LabDevice::new("a", "frr").host_key(HostKey::Phrase("a".to_owned()));
    assert_eq!(fingerprint(&kept).await, fingerprint(&kept).await);
    let random = LabDevice::new("a", "frr");
    assert_ne!(fingerprint(&random).await, fingerprint(&random).await);
    assert!(fingerprint(&random).await.starts_with("SHA256:"));
}

#[tokio::test]
async fn a_port_in_use_is_an_error_that_names_it() {
    let lab = lab_with(LabDevice::new("a", "frr")).await;
    let port = lab.devices()[0].address().port();
    let error = Lab::start(vec![LabDevice::new("b", "frr").port(port)]).await.unwrap_err();
    assert_eq!(error.to_string(), format!("`b` cannot listen on 127.0.0.1:{port}"));
}
