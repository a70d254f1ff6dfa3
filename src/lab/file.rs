//! A lab described in TOML: a `[[device]]` table for each device.

use std::net::IpAddr;

use serde::Deserialize;

use super::error::LabError;
use super::faults::Faults;
use super::host_key::HostKey;
use super::login::AuthPolicy;
use super::spec::LabDevice;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct LabFile {
    device: Vec<DeviceFile>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct DeviceFile {
    name: String,
    platform: String,
    hostname: Option<String>,
    #[serde(default)]
    role: String,
    bind: Option<IpAddr>,
    port: Option<u16>,
    username: Option<String>,
    password: Option<String>,
    enable_secret: Option<String>,
    auth: Option<AuthPolicy>,
    #[serde(default)]
    authorized_keys: Vec<String>,
    host_key_phrase: Option<String>,
    #[serde(default)]
    faults: Faults,
    #[serde(default)]
    commands: Vec<CommandFile>,
    #[serde(default)]
    without_statements: Vec<String>,
    #[serde(default)]
    groups: Vec<String>,
    #[serde(default)]
    tags: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CommandFile {
    words: String,
    output: String,
}

/// Reads the devices of a lab from TOML.
pub fn parse_devices(text: &str) -> Result<Vec<LabDevice>, LabError> {
    let file: LabFile =
        toml::from_str(text).map_err(|source| LabError::DeviceFile { source: Box::new(source) })?;
    Ok(file.device.into_iter().map(DeviceFile::into_device).collect())
}

/// Reads the faults of a device from TOML, with the field names of [`Faults`].
pub fn parse_faults(text: &str) -> Result<Faults, LabError> {
    toml::from_str(text).map_err(|source| LabError::DeviceFile { source: Box::new(source) })
}

impl DeviceFile {
    fn into_device(self) -> LabDevice {
        let phrase = self.host_key_phrase.unwrap_or_else(|| format!("vty-mcp lab {}", self.name));
        let mut device = LabDevice::new(self.name, self.platform)
            .host_key(HostKey::Phrase(phrase))
            .faults(self.faults)
            .groups(self.groups)
            .tags(self.tags);
        device.hostname = self.hostname.unwrap_or(device.hostname);
        device.role = self.role;
        device.bind = self.bind.unwrap_or(device.bind);
        device.port = self.port.unwrap_or(device.port);
        device.username = self.username.unwrap_or(device.username);
        device.password = self.password.unwrap_or(device.password);
        device.policy = self.auth.unwrap_or(device.policy);
        device.enable_secret = self.enable_secret;
        device.authorized_keys = self.authorized_keys;
        device.without_statements = self.without_statements;
        for command in self.commands {
            device = device.command(command.words, command.output);
        }
        device
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::faults::{Cut, CutAt, Echo, Rejection, Rollback, When};
    use super::super::login::AuthMethod;
    use super::*;

    #[test]
    fn a_lab_file_says_everything_a_device_can_be() {
        let text = r#"
            [[device]]
            name = "r9"
            platform = "cisco_ios"
            port = 2209
            enable_secret = "e"
            auth = { all_of = ["public_key", "password"] }
            faults = { chunk_size = 1, answer_delay_ms = 20, echo = "twice", drop = { after = 9 } }
            without_statements = ["archive"]
            commands = [{ words = "show flood", output = "x" }]
        "#;
        let devices = parse_devices(text).unwrap();
        let [device] = devices.as_slice() else { panic!("one device") };
        assert_eq!((device.name(), device.port), ("r9", 2209));
        let both = vec![AuthMethod::PublicKey, AuthMethod::Password];
        assert_eq!(device.policy, AuthPolicy::AllOf(both));
        assert_eq!(device.faults.answer_delay, Duration::from_millis(20));
        assert_eq!(device.faults.echo, Echo::Twice);
        assert_eq!(device.without_statements, ["archive"]);
        assert_eq!(device.faults.drop, Some(Cut::after(9)));
    }

    #[test]
    fn faults_of_changes_can_be_written() {
        let text = r#"
            rejects = [{ line = "mtu" }, { line = "x", at = "commit", text = "error: {line}\n" }]
            cut_at = { line = "commit", when = "before", in_configuration = true, nth = 2 }
            cut_after_lines = 9
            ignores_confirm = true
            commit_delay_ms = 20
            rollback = "fails"
            second_login = true
            asks = [{ command = "show", prompt = "Really?", yes = ["y"], key = true }]
            log_line = { text = "%LOG", place = "echo" }
            echo = "repainted"
        "#;
        let faults = parse_faults(text).unwrap();
        let rejects = [Rejection::of("mtu"), Rejection::at_commit("x").saying("error: {line}\n")];
        assert_eq!(faults.rejects, rejects);
        let cut = CutAt { line: "commit".to_owned(), ..CutAt::configuration_line(2, When::Before) };
        assert_eq!(faults.cut_at, Some(cut));
        assert_eq!((faults.cut_after_lines, faults.ignores_confirm), (Some(9), true));
        assert_eq!(faults.rollback, Rollback::Fails);
        assert_eq!((faults.second_login, faults.echo), (true, Echo::Repainted));
        assert!(faults.asks[0].key && faults.log_line.is_some());
    }

    #[test]
    fn a_misspelt_fault_is_an_error() {
        let error = parse_faults("chunksize = 1").unwrap_err();
        assert!(crate::error::chain(&error).contains("chunksize"), "{error}");
    }
}
