//! Devices whose platform the inventory leaves open.

use serde_json::json;
use vty_mcp::error::ErrorCode;
use vty_mcp::lab::{LabDevice, Personality};
use vty_mcp::operations::DeviceFilter;
use vty_mcp::platform::Platforms;

use crate::support::Fleet;

/// A device of every personality, in an inventory that names no platform.
async fn nameless(devices: Vec<LabDevice>) -> Fleet {
    Fleet::start_with(devices, |inventory| {
        for device in inventory["devices"].as_object_mut().unwrap().values_mut() {
            device["platform"] = json!("auto");
        }
    })
    .await
}

#[tokio::test]
async fn every_platform_is_found_out() {
    let names: Vec<&str> = Personality::builtin_names().collect();
    assert!(names.len() >= 16, "{names:?}");
    let devices = names.iter().map(|name| LabDevice::new(*name, *name).hostname("r1-core"));
    let fleet = nameless(devices.collect()).await;
    let platforms = Platforms::embedded();
    let asks = names.iter().map(|name| {
        // The gate of another platform, or another device, would refuse it.
        let platform = platforms.get(&platforms.resolve(name).unwrap()).unwrap();
        let fleet = &fleet;
        async move { (name, fleet.ask(name, &platform.version_command).await) }
    });
    for (name, answer) in futures::future::join_all(asks).await {
        assert_eq!(answer.error, None, "{name}");
        assert!(answer.complete && !answer.text.is_empty(), "{name}");
    }
    fleet.stop().await;
}

#[tokio::test]
async fn what_was_found_out_is_remembered_until_it_no_longer_fits() {
    let fleet = nameless(vec![LabDevice::new("r1", "arista_eos")]).await;
    let first = fleet.run(&["r1"], &["show version"]).await.remove(0);
    assert_eq!(first.answers[0].error, None);
    // The key was recorded by the connection that found the platform out, and is told of here.
    assert!(first.notices[0].starts_with("first contact: host key recorded"), "{first:?}");
    // One connection to find out, one to ask.
    assert_eq!(fleet.device("r1").observed().sessions_opened, 2);
    let again = fleet.restarted();
    let answers = crate::support::run(&again, &["r1"], &["show clock"]).await;
    assert_eq!(answers[0].answers[0].error, None);
    assert_eq!(fleet.device("r1").observed().sessions_opened, 3);
    let listed = again.list_devices(&DeviceFilter::default()).await.unwrap();
    assert_eq!(listed.devices[0].platform, "arista_eos");
    fleet.stop().await;
}

#[tokio::test]
async fn a_device_that_fits_no_platform_is_said_to() {
    let prompt = |text: &str| text.replace("{hostname}# ", "what do you want, {hostname} ~~ ");
    let text = prompt(Personality::source("frr").unwrap());
    let odd = Personality::parse("frr", &text).unwrap();
    let fleet = nameless(vec![LabDevice::with_personality("odd", odd)]).await;
    let failure = fleet.ask("odd", "show version").await.error.unwrap();
    assert_eq!(failure.code, ErrorCode::PlatformUnknown);
    assert!(failure.message.contains("what do you want, odd"), "{}", failure.message);
    fleet.stop().await;
}
