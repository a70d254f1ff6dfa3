//! Simulated devices behind a real SSH server, for `vty-mcp lab`, the demo and the tests.
//!
//! A device is a personality (how it talks, as data), its login rules, a host key and the faults
//! it was given. A pure state machine holds each CLI session; the SSH side around it moves bytes.
//!
//! **Invariants:** the lab shares no parsing or prompt code with the driver, so that a test in
//! which both agree proves something; everything a lab started ends when it is dropped; every
//! address, name and secret in it is made up.
//!
//! It is written from the fact sheets, not from the driver: `configuration` keeps what is set, in
//! the way of each platform, and what other commands show of it as far as a health check looks.

mod algorithms;
mod chassis;
mod cli;
mod configuration;
mod device;
mod error;
mod faults;
mod file;
mod filter;
mod forward;
mod grammar;
mod greeting;
mod host_key;
mod keys;
mod link;
mod login;
mod observed;
mod personality;
mod shell;
mod spec;
mod ssh;
mod tasks;
#[cfg(test)]
mod tests;
mod wire;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};
use tokio_util::sync::{CancellationToken, DropGuard};

pub use self::algorithms::Algorithms;
pub use self::configuration::PendingRevert;
pub use self::device::RunningDevice;
pub use self::error::LabError;
pub use self::faults::{
    Authentication, Cut, CutAt, Denial, Echo, Enable, Faults, Greeting, LogLine, LogPlace,
    Question, RejectedAt, Rejection, Rollback, When,
};
pub use self::file::{parse_devices, parse_faults};
pub use self::host_key::HostKey;
pub use self::login::{AuthMethod, AuthPolicy, Challenge};
pub use self::observed::{LineKind, Observed, PtyRequest, ReceivedLine};
pub use self::personality::Personality;
pub use self::spec::LabDevice;

/// Devices that run. Dropping it ends them all.
#[derive(Debug)]
pub struct Lab {
    devices: Vec<RunningDevice>,
    end: DropGuard,
}

impl Lab {
    /// The personality of many devices where nobody names one.
    pub const USUAL: &str = "cisco_ios";

    /// The devices of the demo: a Cisco IOS-XE router, an Arista switch, a Juniper firewall and
    /// an FRR router that know each other, with host keys that stay the same.
    pub fn standard() -> Vec<LabDevice> {
        let device = |name: &str, platform: &str| {
            LabDevice::new(name, platform)
                .host_key(HostKey::Phrase(format!("vty-mcp lab {name}")))
                .tags(["lab"])
        };
        vec![
            device("ios-r1", "cisco_ios").enable_secret("lab-enable").groups(["routers", "edge"]),
            device("eos-sw1", "arista_eos").groups(["switches"]),
            device("junos-fw1", "juniper_junos").groups(["firewalls", "edge"]),
            device("frr-r1", "frr").groups(["routers"]),
        ]
    }

    /// The devices of the demo, and one of every built-in personality that is not among them.
    /// Fails when a personality cannot be read.
    pub fn every() -> Result<Vec<LabDevice>, LabError> {
        let mut devices = Self::standard();
        let standard: Vec<String> =
            devices.iter().filter_map(|device| device.builtin().map(str::to_owned)).collect();
        for name in Personality::builtin_names() {
            if !standard.iter().any(|known| known == name) {
                devices.push(LabDevice::sample(Personality::builtin(name)?));
            }
        }
        Ok(devices)
    }

    /// So many devices of one personality, which they share: `r0001`, `r0002` and so on, each with
    /// a host key that stays the same.
    pub fn many(count: usize, personality: impl Into<Arc<Personality>>) -> Vec<LabDevice> {
        let personality = personality.into();
        let device = |number| LabDevice::named(format!("r{number:04}"), Arc::clone(&personality));
        (1..=count).map(device).collect()
    }

    /// Makes devices that listen nowhere; what [`RunningDevice::serve`] is given reaches them.
    pub fn prepare(devices: Vec<LabDevice>) -> Result<Self, LabError> {
        let token = CancellationToken::new();
        let end = token.clone().drop_guard();
        check_names(&devices)?;
        let prepare = |device| RunningDevice::prepare(device, &token);
        let devices = devices.into_iter().map(prepare).collect::<Result<_, _>>()?;
        Ok(Self { devices, end })
    }

    /// Starts devices. Fails when one cannot be started; the others are ended again.
    pub async fn start(devices: Vec<LabDevice>) -> Result<Self, LabError> {
        let token = CancellationToken::new();
        let end = token.clone().drop_guard();
        check_names(&devices)?;
        let mut running = Vec::with_capacity(devices.len());
        for device in devices {
            running.push(RunningDevice::start(device, &token).await?);
        }
        Ok(Self { devices: running, end })
    }

    /// The devices, in the order they were given. One that was stopped stays in the list.
    pub fn devices(&self) -> &[RunningDevice] {
        &self.devices
    }

    /// The device of this name.
    pub fn device(&self, name: &str) -> Result<&RunningDevice, LabError> {
        let mut devices = self.devices.iter();
        devices
            .find(|device| device.name() == name)
            .ok_or_else(|| LabError::UnknownDevice { device: name.to_owned() })
    }

    /// Moves the clocks of all revert timers ahead, which also go by themselves.
    pub fn advance(&self, time: Duration) {
        self.devices.iter().for_each(|device| device.advance(time));
    }

    /// Ends a device as if it lost power: its listener and its connections are gone at once.
    /// Returns when its port is free. Fails when a task of the device panicked.
    pub async fn stop_device(&self, name: &str) -> Result<(), LabError> {
        let device = self.device(name)?;
        device.cut();
        device.join().await
    }

    /// Ends every device. Fails when a task of one of them panicked.
    pub async fn stop(self) -> Result<(), LabError> {
        drop(self.end);
        let mut result = Ok(());
        for device in &self.devices {
            result = result.and(device.join().await);
        }
        result
    }

    /// The devices as an inventory file in its full form, passwords included.
    pub fn inventory(&self) -> Value {
        let devices: Map<String, Value> = self
            .devices
            .iter()
            .map(|device| (device.name().to_owned(), inventory_entry(device)))
            .collect();
        let groups: Map<String, Value> = self
            .devices
            .iter()
            .flat_map(|device| &device.spec().groups)
            .map(|group| (group.clone(), json!({})))
            .collect();
        json!({ "defaults": {}, "groups": groups, "devices": devices })
    }
}

fn check_names(devices: &[LabDevice]) -> Result<(), LabError> {
    let mut names = HashSet::new();
    match devices.iter().find(|device| !names.insert(device.name())) {
        Some(twice) => Err(LabError::DuplicateDevice { device: twice.name.clone() }),
        None => Ok(()),
    }
}

fn inventory_entry(device: &RunningDevice) -> Value {
    let address = device.address();
    let mut entry = json!({
        "platform": device.platform(),
        "address": address.ip().to_string(),
        "port": address.port(),
        "username": device.username(),
        "auth": { "type": "password", "password": device.password() },
    });
    if let Some(entry) = entry.as_object_mut() {
        if let Some(secret) = device.enable_secret() {
            entry.insert("enable".to_owned(), json!(secret));
        }
        entry.insert("groups".to_owned(), json!(device.spec().groups));
        entry.insert("tags".to_owned(), json!(device.spec().tags));
    }
    entry
}
