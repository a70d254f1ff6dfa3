//! Use case: which devices are there?

use schemars::JsonSchema;
use serde::Serialize;

use super::{Failure, Operations};
use crate::error::ErrorCode;
use crate::inventory::{Device, Selector};
use crate::platform::PlatformName;

/// Most devices on one page.
const PAGE: usize = 100;

/// Which devices are asked for.
#[derive(Debug, Clone, Default)]
pub struct DeviceFilter {
    /// A name pattern with `*` and `?`.
    pub name: Option<String>,
    /// A group.
    pub group: Option<String>,
    /// A tag.
    pub tag: Option<String>,
    /// A platform or an alias of one.
    pub platform: Option<String>,
    /// Where the page starts, from the page before.
    pub cursor: Option<String>,
}

/// What callers see of a device. No address-book entry ever holds a credential.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct DeviceEntry {
    /// The name that every other tool takes.
    pub name: String,
    /// The platform; "auto" where it is found out at the first call.
    pub platform: String,
    /// Where its SSH server listens.
    pub address: String,
    /// The port.
    pub port: u16,
    /// How this server logs in.
    pub auth: &'static str,
    /// Its SSH algorithms; `legacy` is weak.
    pub security: &'static str,
    /// Jump hosts on the way, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(default)]
    pub jump: Vec<String>,
    /// Groups of the inventory.
    pub groups: Vec<String>,
    /// Tags of the inventory.
    pub tags: Vec<String>,
}

/// One page of devices.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DevicePage {
    /// The devices, sorted by name.
    pub devices: Vec<DeviceEntry>,
    /// How many devices match in all.
    pub total: usize,
    /// Where the next page starts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

impl Operations {
    /// Lists the devices that match, a page at a time.
    pub async fn list_devices(&self, filter: &DeviceFilter) -> Result<DevicePage, Failure> {
        let platform = match &filter.platform {
            None => None,
            Some(name) => Some(self.platforms().resolve(name).ok_or_else(|| {
                let known: Vec<&str> = self.platforms().names().map(PlatformName::as_str).collect();
                Failure::new(ErrorCode::InvalidArgument, "no platform has this name")
                    .hinting(format!("known platforms: {}", known.join(", ")))
            })?),
        };
        let selector = Selector {
            name: filter.name.clone(),
            group: filter.group.clone(),
            tag: filter.tag.clone(),
            platform,
        };
        let found = self.inventory().select(&selector);
        let start = match &filter.cursor {
            None => 0,
            Some(cursor) => {
                let last = found.iter().position(|device| device.name.as_str() == cursor);
                last.map(|last| last.saturating_add(1)).ok_or_else(|| {
                    Failure::new(
                        ErrorCode::InvalidArgument,
                        "the cursor is of no page of this list",
                    )
                    .hinting("leave the cursor out to start again")
                })?
            }
        };
        let total = found.len();
        let mut devices: Vec<DeviceEntry> = Vec::new();
        for device in found.into_iter().skip(start).take(PAGE) {
            let mut entry = entry(device);
            if device.platform.is_auto()
                && let Some(platform) = self.known_platform(device).await
            {
                entry.platform = platform.to_string();
            }
            devices.push(entry);
        }
        let more = start.saturating_add(devices.len()) < total;
        let next_cursor = devices.last().filter(|_| more).map(|device| device.name.clone());
        Ok(DevicePage { devices, total, next_cursor })
    }
}

fn entry(device: &Device) -> DeviceEntry {
    DeviceEntry {
        name: device.name.to_string(),
        platform: device.platform.to_string(),
        address: device.address.clone(),
        port: device.port,
        auth: device.auth.kind(),
        security: device.security.as_str(),
        jump: device.route.hops().iter().map(|hop| hop.name.to_string()).collect(),
        groups: device.groups.clone(),
        tags: device.tags.clone(),
    }
}
