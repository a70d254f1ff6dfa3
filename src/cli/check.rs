//! `vty-mcp check`.

use serde_json::json;

use super::args::{Check, Global};
use super::{CliError, Exit, output, settings};
use crate::error::chain;
use crate::inventory::Inventory;
use crate::parse::Catalogue;
use crate::platform::{PlatformName, Platforms};
use crate::server;
use crate::settings::Settings;
use crate::store::{DetectedRow, StateDirectory, utc};

/// Checks everything that can be checked without contacting a device.
pub(super) fn check(global: Global, check: &Check) -> Result<Exit, CliError> {
    let settings = settings(global)?;
    let mut problems: Vec<String> = Vec::new();
    let platforms = server::load_platforms(&settings).unwrap_or_else(|errors| {
        problems.extend(errors.iter().map(|error| chain(error)));
        Platforms::embedded()
    });
    let mut notices: Vec<String> = Vec::new();
    let mut devices: usize = 0;
    let mut inventory = None;
    match server::load_inventory(&settings, &platforms) {
        Ok(loaded) => {
            devices = loaded.inventory.len();
            notices.extend(loaded.notices.iter().map(ToString::to_string));
            inventory = Some(loaded.inventory);
        }
        Err(error) => problems.push(error.report()),
    }
    let auto = match &inventory {
        None => Vec::new(),
        Some(inventory) => found_out(&settings, inventory, &mut problems),
    };
    let names: Vec<_> = platforms.names().cloned().collect();
    for name in &names {
        if let Err(error) = platforms.get(name) {
            problems.push(chain(&error));
        }
    }
    let catalogue = server::load_templates(&settings.templates).unwrap_or_else(|errors| {
        problems.extend(errors.iter().map(|error| chain(error)));
        Catalogue::built_in()
    });
    problems.extend(catalogue.check().iter().map(|error| chain(error)));
    let templates = catalogue.names().map_or(0, |names| names.len());
    if check.json {
        let report = json!({
            "inventory": settings.inventory, "devices": devices, "platforms": names,
            "templates": templates, "problems": problems, "notices": notices,
            "auto": auto.iter().map(|(device, found)| json!({
                "device": device, "platform": found.as_ref().map(|found| &found.platform),
                "detected_at": found.as_ref().map(|found| utc(found.detected_at)),
            })).collect::<Vec<_>>(),
        });
        output::answer(&format!("{report:#}\n"))?;
    } else {
        let shown = settings.inventory.display();
        for line in notices.iter().chain(&problems) {
            output::complain(line);
        }
        let names: Vec<&str> = names.iter().map(PlatformName::as_str).collect();
        let found: String =
            auto.iter().map(|(device, found)| auto_line(device, found.as_ref())).collect();
        output::answer(&format!(
            "inventory  {shown}: {devices} devices\nplatforms  {}\ntemplates  {templates}\n{found}{}\n",
            names.join(", "),
            if problems.is_empty() { "everything is in order" } else { "there are problems" },
        ))?;
    }
    Ok(if problems.is_empty() { Exit::Ok } else { Exit::Usage })
}

/// The devices whose platform nobody named, and what was found out about them.
fn found_out(
    settings: &Settings,
    inventory: &Inventory,
    problems: &mut Vec<String>,
) -> Vec<(String, Option<DetectedRow>)> {
    let auto: Vec<_> = inventory.devices().filter(|device| device.platform.is_auto()).collect();
    if auto.is_empty() {
        return Vec::new();
    }
    let opened = StateDirectory::open(&settings.state_dir).and_then(|state| state.database());
    let store = match opened {
        Ok(store) => store,
        Err(error) => {
            problems.push(chain(&error));
            return Vec::new();
        }
    };
    let mut found = Vec::new();
    for device in auto {
        match store.detected(&device.place()) {
            Ok(row) => found.push((device.name.to_string(), row)),
            Err(error) => problems.push(chain(&error)),
        }
    }
    found
}

fn auto_line(device: &str, found: Option<&DetectedRow>) -> String {
    match found {
        Some(row) => {
            format!("auto       {device}: {}, found out {}\n", row.platform, utc(row.detected_at))
        }
        None => format!("auto       {device}: not found out yet; the first call does it\n"),
    }
}
