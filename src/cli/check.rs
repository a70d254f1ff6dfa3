//! `vty-mcp check`.

use serde_json::json;

use super::args::{Check, Global};
use super::{CliError, Exit, output, settings};
use crate::error::chain;
use crate::parse::Catalogue;
use crate::platform::{PlatformName, Platforms};
use crate::server;

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
    match server::load_inventory(&settings, &platforms) {
        Ok(loaded) => {
            devices = loaded.inventory.len();
            notices.extend(loaded.notices.iter().map(ToString::to_string));
        }
        Err(error) => problems.push(error.report()),
    }
    let names: Vec<_> = platforms.names().cloned().collect();
    for name in &names {
        if let Err(error) = platforms.get(name) {
            problems.push(chain(&error));
        }
    }
    let catalogue = Catalogue::built_in();
    problems.extend(catalogue.check().iter().map(|error| chain(error)));
    let templates = catalogue.names().map_or(0, |names| names.len());
    if check.json {
        let report = json!({
            "inventory": settings.inventory, "devices": devices, "platforms": names,
            "templates": templates, "problems": problems, "notices": notices,
        });
        output::answer(&format!("{report:#}\n"))?;
    } else {
        let shown = settings.inventory.display();
        for line in notices.iter().chain(&problems) {
            output::complain(line);
        }
        let names: Vec<&str> = names.iter().map(PlatformName::as_str).collect();
        output::answer(&format!(
            "inventory  {shown}: {devices} devices\nplatforms  {}\ntemplates  {templates}\n{}\n",
            names.join(", "),
            if problems.is_empty() { "everything is in order" } else { "there are problems" },
        ))?;
    }
    Ok(if problems.is_empty() { Exit::Ok } else { Exit::Usage })
}
