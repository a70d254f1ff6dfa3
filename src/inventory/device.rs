//! Owns what a device is after its file was checked: [`Device`] and the types of its fields.
//!
//! **Invariant:** these values are made by the reader of the device file alone and satisfy its
//! rules; nothing downstream checks them again.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;

use crate::platform::PlatformName;
use crate::secret::Secret;

/// The name of a device, by which callers address it: a letter or digit, then up to 63 letters,
/// digits, `.`, `_` and `-`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct DeviceName(String);

impl DeviceName {
    /// Checks a name; `None` when it breaks the rule.
    pub fn new(name: &str) -> Option<Self> {
        is_name(name).then(|| Self(name.to_owned()))
    }

    /// The name as the device file spells it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DeviceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The rule for names of devices, groups and tags.
pub(super) fn is_name(name: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    name.len() <= 64
        && name.bytes().next().is_some_and(|first| first.is_ascii_alphanumeric())
        && name.bytes().all(inner)
}

/// A device to log in to.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Device {
    /// What callers call it.
    pub name: DeviceName,
    /// How it talks.
    pub platform: PlatformName,
    /// A host name, an IPv4 or an IPv6 address, without brackets, zone and port.
    pub address: String,
    /// The TCP port of its SSH server.
    pub port: u16,
    /// Who logs in.
    pub username: String,
    /// What proves it.
    pub auth: Auth,
    /// The password for the privileged mode, where the platform asks for one.
    pub enable: Option<Secret<String>>,
    /// Whether changes are allowed that nothing but this program would take back.
    pub allow_unprotected: bool,
    /// The groups it belongs to, the one that decides first in front.
    pub groups: Vec<String>,
    /// Its own tags, those of its groups and those of the defaults, each once.
    pub tags: Vec<String>,
    /// How long each step may take.
    pub timeouts: Timeouts,
}

impl Device {
    /// Where it is reached, which names it in the state whatever callers call it.
    pub fn endpoint(&self) -> String {
        format!("{}:{}", self.address, self.port)
    }
}

/// What a login is proven with.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Auth {
    /// A password.
    Password(Secret<String>),
    /// A private key file.
    Key {
        /// Where it is: absolute, or relative to the directory the program was started in when the
        /// path of the device file was.
        path: PathBuf,
        /// What it is encrypted with.
        passphrase: Option<Secret<String>>,
    },
}

/// How long each step with a device may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timeouts {
    /// Bounds name resolution and the TCP connection.
    pub connect: Duration,
    /// Bounds the SSH handshake and the login, up to the first prompt.
    pub auth: Duration,
    /// Bounds one command from its first byte sent to its prompt, however much is printed.
    pub command: Duration,
    /// Bounds the silence within a command: how long nothing may arrive.
    pub idle: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            auth: Duration::from_secs(20),
            command: Duration::from_secs(300),
            idle: Duration::from_secs(30),
        }
    }
}
