//! One [`Settings`] out of command line, environment and settings file, in that order.
//!
//! **Invariants:** an unknown key is an error, and every problem of the file is reported before
//! anything starts. This module opens no file but the settings file.

mod pool;
mod templates;

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use self::pool::PoolFile;
pub use self::pool::PoolLimits;
use self::templates::TemplatesFile;
pub use self::templates::{TemplateSearch, TemplateSettings};
use crate::error::ErrorCode;

/// The largest settings file that is read, in bytes.
const MOST_BYTES: u64 = 1 << 20;

/// Settings that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// The file cannot be read.
    #[error("settings file {path} cannot be read")]
    Unreadable {
        /// The file.
        path: String,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The file has an error.
    #[error("settings file {path}: {message}")]
    Invalid {
        /// The file.
        path: String,
        /// What is wrong, with line and column.
        message: String,
    },
    /// Values are out of their ranges.
    #[error("{}", .0.join("; "))]
    Range(
        /// Each value, with its range.
        Vec<String>,
    ),
    /// No directory for state can be derived.
    #[error("no home directory is known, so the state directory must be given with --state-dir")]
    NoStateDirectory,
}

impl SettingsError {
    /// The stable code of this failure.
    pub fn code(&self) -> ErrorCode {
        ErrorCode::InvalidArgument
    }
}

/// What was typed on the command line or set in the environment.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// `-f`, `VTY_DEVICES`.
    pub inventory: Option<PathBuf>,
    /// `--settings`, `VTY_SETTINGS`.
    pub settings_file: Option<PathBuf>,
    /// `--state-dir`, `VTY_STATE_DIR`.
    pub state_dir: Option<PathBuf>,
    /// `--platforms`, `VTY_PLATFORMS`.
    pub platforms: Option<PathBuf>,
    /// `--strict-files`.
    pub strict_files: bool,
    /// `--allow-changes`.
    pub allow_changes: bool,
    /// `--templates`, `VTY_TEMPLATES`.
    pub templates: Vec<PathBuf>,
    /// What the environment says about templates; none where it must not matter.
    pub template_search: Option<TemplateSearch>,
    /// This program, where another one runs, as tests do.
    pub program: Option<PathBuf>,
}

/// The settings file as it is written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct SettingsFile {
    inventory: Option<PathBuf>,
    state_dir: Option<PathBuf>,
    platforms: Option<PathBuf>,
    strict_files: Option<bool>,
    allow_changes: Option<bool>,
    host_keys: HostKeysFile,
    allow_proxy_commands: bool,
    credentials: CredentialsFile,
    limits: LimitsFile,
    pool: PoolFile,
    templates: TemplatesFile,
}

/// What to do with a host key that is not recorded.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum HostKeysFile {
    #[default]
    AcceptNew,
    Strict,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct LimitsFile {
    devices_at_once: u64,
    output_bytes: u64,
    result_bytes: u64,
    sessions: u64,
    handshakes: u64,
    acquire_seconds: u64,
    select_seconds: u64,
    select_bytes: u64,
}

impl Default for LimitsFile {
    fn default() -> Self {
        Self {
            devices_at_once: 32,
            output_bytes: 4 << 20,
            result_bytes: 20_000,
            sessions: 2000,
            handshakes: 64,
            acquire_seconds: 120,
            select_seconds: 5,
            select_bytes: 256 << 20,
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct CredentialsFile {
    command_seconds: u64,
    cache_seconds: u64,
}

impl Default for CredentialsFile {
    fn default() -> Self {
        let CredentialLimits { command, cache } = CredentialLimits::default();
        Self { command_seconds: command.as_secs(), cache_seconds: cache.as_secs() }
    }
}

/// What the program runs on.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is a setting that an operator reads")]
pub struct Settings {
    /// The inventory file.
    pub inventory: PathBuf,
    /// The state directory.
    pub state_dir: PathBuf,
    /// The operator's directory of platform files.
    pub platforms: Option<PathBuf>,
    /// Whether files that others can read are errors instead of warnings.
    pub strict_files: bool,
    /// Whether a caller on standard input and output may change configuration.
    pub allow_changes: bool,
    /// Whether an unknown host key is recorded on first contact.
    pub accept_new_host_keys: bool,
    /// Whether a `ProxyCommand` of an OpenSSH configuration may be run.
    pub allow_proxy_commands: bool,
    /// Limits on fetching credentials.
    pub credentials: CredentialLimits,
    /// Limits on work and answers.
    pub limits: Limits,
    /// Limits on sessions.
    pub pool: PoolLimits,
    /// Where templates come from.
    pub templates: TemplateSettings,
    /// This program, for the processes that it starts; none where it is the one that runs.
    pub program: Option<PathBuf>,
}

/// Limits on fetching credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CredentialLimits {
    /// How long a command that prints a secret may take.
    pub command: Duration,
    /// How long a secret from a command or the keyring is kept; zero for not at all.
    pub cache: Duration,
}

impl Default for CredentialLimits {
    fn default() -> Self {
        Self { command: Duration::from_secs(5), cache: Duration::from_secs(900) }
    }
}

/// Limits on work and answers.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// How many devices are worked on at the same time.
    pub devices_at_once: usize,
    /// How many bytes of one answer of a device are kept.
    pub output_bytes: usize,
    /// About how many bytes of text one tool result has.
    pub result_bytes: usize,
    /// How long a jq program may run.
    pub select_time: Duration,
    /// How much memory the process of a jq program may ask for, in bytes.
    pub select_bytes: usize,
    /// Whether a call may bring a template of its own.
    pub allow_inline_templates: bool,
}

impl Settings {
    /// Reads the settings file, if there is one, and lets the overrides win.
    pub fn load(overrides: Overrides) -> Result<Self, SettingsError> {
        let file = read_file(overrides.settings_file.as_deref())?;
        let state_dir = match overrides.state_dir.or(file.state_dir) {
            Some(directory) => directory,
            None => default_state_dir().ok_or(SettingsError::NoStateDirectory)?,
        };
        let inventory = overrides.inventory.or(file.inventory);
        let mut problems = Vec::new();
        let mut limit = |key: &str, value: u64, least: u64, most: u64| {
            let fits = usize::try_from(value).ok().filter(|_| (least..=most).contains(&value));
            if fits.is_none() {
                problems.push(format!("setting `{key}` is {value}; it must be {least} to {most}"));
            }
            fits.unwrap_or_default()
        };
        let limits = Limits {
            devices_at_once: limit("limits.devices_at_once", file.limits.devices_at_once, 1, 1000),
            output_bytes: limit("limits.output_bytes", file.limits.output_bytes, 1 << 16, 1 << 30),
            result_bytes: limit("limits.result_bytes", file.limits.result_bytes, 1000, 1 << 20),
            select_time: Duration::from_secs(limit(
                "limits.select_seconds",
                file.limits.select_seconds,
                1,
                60,
            ) as u64),
            select_bytes: limit("limits.select_bytes", file.limits.select_bytes, 64 << 20, 8 << 30),
            allow_inline_templates: file.templates.allow_inline,
        };
        let mut pool = PoolLimits {
            sessions: limit("limits.sessions", file.limits.sessions, 1, 20_000),
            handshakes: limit("limits.handshakes", file.limits.handshakes, 1, 1000),
            ..PoolLimits::default()
        };
        let mut seconds = |key: &str, value: u64, least: u64, most: u64| {
            limit(key, value, least, most);
            Duration::from_secs(value)
        };
        file.pool.apply(&mut pool, file.limits.acquire_seconds, &mut seconds);
        let CredentialsFile { command_seconds, cache_seconds } = file.credentials;
        let credentials = CredentialLimits {
            command: seconds("credentials.command_seconds", command_seconds, 1, 60),
            cache: seconds("credentials.cache_seconds", cache_seconds, 0, 86_400),
        };
        if !problems.is_empty() {
            return Err(SettingsError::Range(problems));
        }
        Ok(Self {
            inventory: inventory.unwrap_or_else(|| PathBuf::from("devices.json")),
            state_dir,
            platforms: overrides.platforms.or(file.platforms).or_else(default_platforms_dir),
            strict_files: overrides.strict_files || file.strict_files.unwrap_or_default(),
            allow_changes: overrides.allow_changes || file.allow_changes.unwrap_or_default(),
            accept_new_host_keys: file.host_keys == HostKeysFile::AcceptNew,
            allow_proxy_commands: file.allow_proxy_commands,
            credentials,
            limits,
            pool,
            templates: TemplateSettings::new(
                file.templates,
                overrides.templates,
                overrides.template_search,
            ),
            program: overrides.program,
        })
    }
}

/// Reads the named file, which must exist, or the default one, which need not.
fn read_file(named: Option<&Path>) -> Result<SettingsFile, SettingsError> {
    let Some(path) = named.map(Path::to_owned).or_else(default_settings_file) else {
        return Ok(SettingsFile::default());
    };
    let text = match read_text(&path) {
        Ok(text) => text,
        Err(error) if named.is_none() && error.kind() == std::io::ErrorKind::NotFound => {
            return Ok(SettingsFile::default());
        }
        Err(source) => {
            return Err(SettingsError::Unreadable { path: path.display().to_string(), source });
        }
    };
    toml::from_str(&text).map_err(|error| SettingsError::Invalid {
        path: path.display().to_string(),
        message: error.to_string().trim_end().to_owned(),
    })
}

/// Reads a text file of moderate size.
fn read_text(path: &Path) -> std::io::Result<String> {
    if std::fs::metadata(path)?.len() > MOST_BYTES {
        return Err(std::io::Error::other("the file is larger than 1 MiB"));
    }
    #[expect(clippy::disallowed_methods, reason = "this is the loader; callers name the path")]
    std::fs::read_to_string(path)
}

fn default_settings_file() -> Option<PathBuf> {
    use etcetera::BaseStrategy;
    let base = etcetera::choose_base_strategy().ok()?;
    Some(base.config_dir().join("vty-mcp").join("settings.toml"))
}

/// The directory in the usual place, which need not exist.
fn default_platforms_dir() -> Option<PathBuf> {
    use etcetera::BaseStrategy;
    let base = etcetera::choose_base_strategy().ok()?;
    let directory = base.config_dir().join("vty-mcp").join("platforms");
    directory.is_dir().then_some(directory)
}

fn default_state_dir() -> Option<PathBuf> {
    use etcetera::BaseStrategy;
    let base = etcetera::choose_base_strategy().ok()?;
    // Windows has no directory for state of its own.
    Some(base.state_dir().unwrap_or_else(|| base.data_dir()).join("vty-mcp"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str, state_dir: Option<&str>) -> Result<Settings, SettingsError> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("settings.toml");
        std::fs::write(&path, text).unwrap();
        Settings::load(Overrides {
            settings_file: Some(path),
            state_dir: state_dir.map(PathBuf::from),
            ..Overrides::default()
        })
    }

    #[test]
    fn the_command_line_wins_over_the_file() {
        let text = "state_dir = \"/from/file\"\ninventory = \"fleet.json\"\nhost_keys = \"strict\"";
        let settings = load(text, Some("/from/flag")).unwrap();
        assert_eq!(settings.state_dir, PathBuf::from("/from/flag"));
        assert_eq!(settings.inventory, PathBuf::from("fleet.json"));
        assert!(!settings.accept_new_host_keys);
        assert_eq!(load(text, None).unwrap().state_dir, PathBuf::from("/from/file"));
    }

    #[test]
    fn mistakes_are_named_with_their_place() {
        let unknown = load("limit = 1", Some("/x")).unwrap_err().to_string();
        assert!(unknown.contains("limit") && unknown.contains("line 1"), "{unknown}");
        let text = "[limits]\nresult_bytes = 5\noutput_bytes = 1";
        let range = load(text, Some("/x")).unwrap_err().to_string();
        assert!(
            range.contains("`limits.result_bytes` is 5; it must be 1000 to 1048576"),
            "{range}"
        );
        assert!(range.contains("`limits.output_bytes` is 1"), "{range}");
        let text = "[limits]\nacquire_seconds = 0\n[pool]\nkeepalive_seconds = 1";
        let range = load(text, Some("/x")).unwrap_err().to_string();
        assert!(range.contains("`limits.acquire_seconds` is 0; it must be 1 to 3600"), "{range}");
        assert!(range.contains("`pool.keepalive_seconds` is 1; it must be 5 to 600"), "{range}");
        let text = "[credentials]\ncommand_seconds = 61\ncache_seconds = 86401";
        let range = load(text, Some("/x")).unwrap_err().to_string();
        assert!(
            range.contains("`credentials.command_seconds` is 61; it must be 1 to 60"),
            "{range}"
        );
        assert!(range.contains("`credentials.cache_seconds` is 86401"), "{range}");
    }

    #[test]
    fn limits_on_sessions_are_those_of_the_file_or_the_usual_ones() {
        assert_eq!(load("", Some("/x")).unwrap().pool, PoolLimits::default());
        let text = "[limits]\nsessions = 7\nhandshakes = 2\n[pool]\nidle_seconds = 20";
        let pool = load(text, Some("/x")).unwrap().pool;
        assert_eq!((pool.sessions, pool.handshakes, pool.idle.as_secs()), (7, 2, 20));
        assert_eq!(pool.age, PoolLimits::default().age);
    }

    #[test]
    fn credentials_are_kept_for_a_quarter_of_an_hour_unless_told_otherwise() {
        let settings = load("", Some("/x")).unwrap();
        assert_eq!(settings.credentials, CredentialLimits::default());
        assert!(!settings.allow_proxy_commands);
        let text = "allow_proxy_commands = true\n[credentials]\ncache_seconds = 0";
        let settings = load(text, Some("/x")).unwrap();
        assert!(settings.allow_proxy_commands && settings.credentials.cache.is_zero());
    }

    #[test]
    fn a_named_file_must_exist() {
        let overrides = Overrides {
            settings_file: Some(PathBuf::from("/nowhere/settings.toml")),
            ..Overrides::default()
        };
        let error = Settings::load(overrides).unwrap_err();
        assert!(matches!(error, SettingsError::Unreadable { .. }));
    }
}
