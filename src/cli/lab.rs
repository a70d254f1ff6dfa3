//! `vty-mcp lab`, and the lab behind `serve --lab`.

use std::path::{Path, PathBuf};

use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::args;
use super::serve::cancel_on_signal;
use super::{CliError, Exit, output};
use crate::lab::{Lab, LabDevice, Personality, RunningDevice, parse_devices, parse_faults};

/// Running simulated devices and a private directory with an inventory of them.
pub(super) struct LabInventory {
    lab: Lab,
    directory: TempDir,
}

impl LabInventory {
    /// Starts the standard devices on free ports.
    pub(super) async fn start() -> Result<Self, CliError> {
        Self::start_devices(Lab::standard(), None).await
    }

    /// Starts devices, from this port on or on free ports.
    async fn start_devices(
        mut devices: Vec<LabDevice>,
        first_port: Option<u16>,
    ) -> Result<Self, CliError> {
        if let Some(first) = first_port {
            let wanted = devices.len();
            devices =
                (first..=u16::MAX).zip(devices).map(|(port, device)| device.port(port)).collect();
            if devices.len() < wanted || first == 0 {
                return Err(CliError::Failed(format!(
                    "there are no {wanted} ports from {first} on"
                )));
            }
        }
        let lab = Lab::start(devices).await.map_err(CliError::Lab)?;
        let directory = tempfile::Builder::new().prefix("vty-mcp-").tempdir()?;
        let started = Self { lab, directory };
        write_new(&started.inventory(), &started.json())?;
        write_new(&started.settings(), "")?;
        Ok(started)
    }

    /// The simulated devices.
    pub(super) fn lab(&self) -> &Lab {
        &self.lab
    }

    /// Where the inventory of the devices is.
    pub(super) fn inventory(&self) -> PathBuf {
        self.directory.path().join("devices.json")
    }

    /// Settings that change nothing, whatever the user's own ones say.
    pub(super) fn settings(&self) -> PathBuf {
        self.directory.path().join("settings.toml")
    }

    /// A directory that lives as long as the devices.
    pub(super) fn directory(&self) -> &Path {
        self.directory.path()
    }

    fn json(&self) -> String {
        format!("{:#}\n", self.lab.inventory())
    }

    /// Ends the devices.
    pub(super) async fn stop(self) -> Result<(), CliError> {
        self.lab.stop().await.map_err(CliError::Lab)
    }
}

/// Serves the simulated devices until a signal comes.
pub(super) async fn lab(arguments: args::Lab) -> Result<Exit, CliError> {
    let mut devices = match (&arguments.file, arguments.count) {
        (Some(path), _) => parse_devices(&read(path)?).map_err(CliError::Lab)?,
        (None, Some(count)) => Lab::many(count, only_personality(&arguments.personality)?),
        (None, None) if arguments.all => Lab::every().map_err(CliError::Lab)?,
        (None, None) => Lab::standard(),
    };
    let added = if arguments.count.is_some() { &[] } else { arguments.personality.as_slice() };
    for path in added {
        let device = LabDevice::sample(personality(path)?);
        // What is given stands for the built-in one of `--all`.
        devices.retain(|known| known.name() != device.name());
        devices.push(device);
    }
    if !arguments.fault.is_empty() {
        let faults = parse_faults(&arguments.fault.join("\n")).map_err(CliError::Lab)?;
        devices = devices.into_iter().map(|device| device.faults(faults.clone())).collect();
    }
    let running = LabInventory::start_devices(devices, arguments.port).await?;
    if let Err(error) = write_new(&arguments.inventory, &running.json()) {
        let path = arguments.inventory.display();
        let hint = "remove it or name another file with --inventory";
        return Err(CliError::Failed(format!("cannot write {path}: {error}; {hint}")));
    }
    let path = arguments.inventory.display();
    let mut lines = vec![format!("simulated devices are up; their inventory is in {path}\n\n")];
    for device in running.lab().devices() {
        let address = device.address();
        lines.push(format!(
            "  {:<17} {:<17} ssh -p {} {}@{}   password {}\n",
            device.name(),
            device.platform(),
            address.port(),
            device.username(),
            address.ip(),
            device.password(),
        ));
    }
    let first = running.lab().devices().first().map_or("NAME", RunningDevice::name);
    lines.push(format!(
        "\nTry:  vty-mcp -f {path} run {first} 'show ip interface brief'\nStop: Ctrl-C\n"
    ));
    output::answer(&lines.concat())?;
    let stop = CancellationToken::new();
    cancel_on_signal(stop).await;
    running.stop().await?;
    // The devices are gone, so their inventory is of no use to anybody.
    std::fs::remove_file(&arguments.inventory)?;
    Ok(Exit::Ok)
}

/// The one personality of many devices: a built-in one by name, or a file.
fn only_personality(named: &[PathBuf]) -> Result<Personality, CliError> {
    let path = match named {
        [] => return Personality::builtin(Lab::USUAL).map_err(CliError::Lab),
        [path] => path,
        _ => return Err(CliError::Failed("many devices share one personality".to_owned())),
    };
    match path.to_str() {
        Some(name) if Personality::source(name).is_some() => {
            Personality::builtin(name).map_err(CliError::Lab)
        }
        _ => personality(path),
    }
}

/// Reads a personality from a file, whose stem is the platform.
fn personality(path: &Path) -> Result<Personality, CliError> {
    let text = read(path)?;
    let Some(name) = path.file_stem().and_then(|stem| stem.to_str()) else {
        let shown = path.display();
        return Err(CliError::Failed(format!("{shown} does not name a personality")));
    };
    Personality::parse(name, &text).map_err(CliError::Lab)
}

fn read(path: &Path) -> Result<String, CliError> {
    std::fs::read(path)
        .and_then(|bytes| String::from_utf8(bytes).map_err(std::io::Error::other))
        .map_err(|error| CliError::Failed(format!("cannot read {}: {error}", path.display())))
}

/// Writes a new file with passwords in it, for its owner only.
fn write_new(path: &Path, text: &str) -> std::io::Result<()> {
    use std::io::Write;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options.open(path)?.write_all(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_personality_is_named_after_its_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("my_router.toml");
        std::fs::write(&path, Personality::source("frr").unwrap()).unwrap();
        let device = LabDevice::sample(personality(&path).unwrap());
        assert_eq!(device.name(), "my-router");
    }

    #[test]
    fn a_personality_that_cannot_be_used_is_named_in_the_error() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x.toml");
        let missing = personality(&path).unwrap_err().to_string();
        assert!(missing.contains("x.toml"), "{missing}");
        std::fs::write(&path, "prompt = 1").unwrap();
        let invalid = crate::error::chain(&personality(&path).unwrap_err());
        assert!(invalid.contains("personality `x` cannot be read"), "{invalid}");
    }
}
