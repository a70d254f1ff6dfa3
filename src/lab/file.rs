//! A lab described in TOML: a `[[device]]` table for each device.

use std::net::IpAddr;

use serde::Deserialize;

use super::algorithms::Algorithms;
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
    host_key: Option<KeyKind>,
    ident: Option<String>,
    #[serde(default)]
    algorithms: Algorithms,
    user_ca: Option<String>,
    #[serde(default)]
    forwards: bool,
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

/// A host key that is made at each start.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum KeyKind {
    Ed25519,
    Rsa(usize),
    Dsa,
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
        let host_key = match self.host_key {
            None => HostKey::Phrase(phrase),
            Some(KeyKind::Ed25519) => HostKey::Random,
            Some(KeyKind::Rsa(bits)) => HostKey::Rsa(bits),
            Some(KeyKind::Dsa) => HostKey::Dsa,
        };
        let mut device = LabDevice::new(self.name, self.platform)
            .host_key(host_key)
            .algorithms(self.algorithms)
            .forwards(self.forwards)
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
        device.ident = self.ident;
        device.user_ca = self.user_ca;
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

    use super::super::faults::{
        Authentication, Cut, CutAt, Echo, Greeting, Rejection, Rollback, When,
    };
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
            host_key = { rsa = 2048 }
            ident = "SSH-2.0-Cisco-1.25"
            algorithms = { kex = ["diffie-hellman-group14-sha1"], mac = ["hmac-sha1"] }
            forwards = true
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
        assert!(matches!(device.host_key, HostKey::Rsa(2048)) && device.forwards);
        assert_eq!(device.ident.as_deref(), Some("SSH-2.0-Cisco-1.25"));
        assert_eq!(device.algorithms.mac, ["hmac-sha1"]);
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
    fn faults_of_ssh_can_be_written() {
        let text = r#"
            greeting = { text = "220 ready\r\n" }
            lines_before_ident = 100
            trickle_ms = 5
            drop_after_bytes = 1000
            silent_after_bytes = 900
            resets = true
            authentication = "silent"
            auth_banner_bytes = 1000000
            max_auth_attempts = 1
            rsa_sha1_only = true
            max_sessions = 1
            ignores_keepalives = true
            rekey_every_bytes = 1000
            disconnect = { after = 3 }
            vanish = { command = "show", after = 4 }
        "#;
        let faults = parse_faults(text).unwrap();
        assert_eq!(faults.greeting, Greeting::Text("220 ready\r\n".to_owned()));
        assert_eq!(faults.trickle, Duration::from_millis(5));
        assert_eq!(faults.authentication, Authentication::Silent);
        assert_eq!(faults.vanish, Some(Cut::in_output_of("show", 4)));
        let greeting = parse_faults("greeting = \"ident_only\"").unwrap().greeting;
        assert_eq!(greeting, Greeting::IdentOnly);
    }

    #[test]
    fn a_misspelt_fault_is_an_error() {
        let error = parse_faults("chunksize = 1").unwrap_err();
        assert!(crate::error::chain(&error).contains("chunksize"), "{error}");
    }
}
