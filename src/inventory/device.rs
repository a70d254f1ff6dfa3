//! Owns what a device is after its file was checked: [`Device`] and the types of its fields.
//!
//! **Invariant:** these values are made by the reader of the device file alone and satisfy its
//! rules; nothing downstream checks them again.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
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

    /// Takes a name that was made to fit the rule.
    pub(super) fn fitted(name: String) -> Self {
        debug_assert!(is_name(&name), "{name}");
        Self(name)
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

/// A device to log in to. Two that are equal are reached and logged in to in the same way, so a
/// session of one may serve the other.
#[derive(Debug, Clone, PartialEq, Eq)]
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
    pub enable: Option<SecretSource>,
    /// Which SSH algorithms it is offered.
    pub security: Security,
    /// What its host key must be; the settings decide where the device file says nothing.
    pub host_keys: Option<HostKeyPolicy>,
    /// The way to its SSH server.
    pub route: Route,
    /// How many sessions it may have at once.
    pub max_sessions: usize,
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
    /// Where it is reached: address and port.
    pub fn endpoint(&self) -> String {
        format!("{}:{}", self.address, self.port)
    }

    /// Where it is reached and the way there, which names it in the state, whatever callers call it:
    /// two devices with the same private address behind different jump hosts are two.
    pub fn place(&self) -> String {
        let mut place = self.endpoint().to_ascii_lowercase();
        let mut route = &self.route;
        loop {
            match route {
                Route::Through(hop) => {
                    place.push_str(" via ");
                    place.push_str(&hop.endpoint().to_ascii_lowercase());
                    route = &hop.route;
                }
                // The command may hold anything, and this is shown.
                Route::ProxyCommand(_) => {
                    place.push_str(" via a command");
                    return place;
                }
                Route::Direct => return place,
            }
        }
    }

    /// Where the secrets of its login come from; those of the devices on the way are not among
    /// them.
    pub fn secret_sources(&self) -> Vec<&SecretSource> {
        let mut sources: Vec<&SecretSource> = match &self.auth.proof {
            AuthProof::Password(source) => vec![source],
            AuthProof::Key { passphrase, .. } => passphrase.iter().collect(),
            AuthProof::Agent { .. } => Vec::new(),
        };
        sources.extend(self.auth.answers.iter().map(|answer| &answer.answer));
        sources.extend(&self.enable);
        sources
    }
}

/// What a login is proven with.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Auth {
    /// The credential.
    pub proof: AuthProof,
    /// Answers to what a server asks beside the password, in the order of the device file.
    pub answers: Vec<LoginAnswer>,
}

impl Auth {
    /// A credential alone.
    pub fn new(proof: AuthProof) -> Self {
        Self { proof, answers: Vec::new() }
    }

    /// The word for it in lists: `password`, `ssh_key` or `agent`.
    pub fn kind(&self) -> &'static str {
        match self.proof {
            AuthProof::Password(_) => "password",
            AuthProof::Key { .. } => "ssh_key",
            AuthProof::Agent { .. } => "agent",
        }
    }
}

/// A credential.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum AuthProof {
    /// A password, for the methods `password` and `keyboard-interactive`.
    Password(SecretSource),
    /// A private key file.
    Key {
        /// Where it is: absolute, or relative to the directory the program was started in when the
        /// path of the device file was.
        path: PathBuf,
        /// What it is encrypted with.
        passphrase: Option<SecretSource>,
        /// The OpenSSH certificate that goes with it.
        certificate: Option<PathBuf>,
    },
    /// A key that an SSH agent holds.
    Agent {
        /// The fingerprint (`SHA256:…`) or the comment of the key; every key is tried in the order
        /// of the agent where absent.
        key: Option<String>,
    },
}

/// The answer to a question of keyboard-interactive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginAnswer {
    /// A part of the question, in lower case; it is found without regard to case.
    pub prompt: String,
    /// The answer.
    pub answer: SecretSource,
}

/// Where a secret comes from. None of these ever passes through a caller.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SecretSource {
    /// The device file itself.
    Inline(Secret<String>),
    /// An environment variable of this program, by name.
    Env(String),
    /// The first line of a file: absolute, or relative to the directory of the device file.
    File(PathBuf),
    /// The first line that a program prints: its path and its arguments. There is no shell.
    Command(Vec<String>),
    /// The desktop's keyring.
    Keyring {
        /// The service.
        service: String,
        /// The account.
        account: String,
    },
}

/// Which SSH algorithms a device is offered; each profile contains the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Security {
    /// What is recommended today.
    Modern,
    /// And what is sound and widespread.
    #[default]
    Compatible,
    /// And what is broken, for devices that have nothing else.
    Legacy,
}

impl Security {
    /// Every profile, the strictest first.
    pub const ALL: [Self; 3] = [Self::Modern, Self::Compatible, Self::Legacy];

    /// The word in the device file.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Modern => "modern",
            Self::Compatible => "compatible",
            Self::Legacy => "legacy",
        }
    }
}

/// What the host key of a device must be.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum HostKeyPolicy {
    /// The recorded one; the first one is recorded and reported.
    AcceptNew,
    /// The recorded one; an operator records it.
    Strict,
    /// One of these fingerprints, `SHA256:…`, whatever is recorded.
    Pinned(Vec<String>),
}

/// The way to an SSH server.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Route {
    /// A TCP connection from here.
    #[default]
    Direct,
    /// A connection that this device opens for us; it has a route of its own.
    Through(Arc<Device>),
    /// The standard input and output of a shell command, from `ssh_config`.
    ProxyCommand(String),
}

impl Route {
    /// The devices on the way, the one that is reached first in front.
    pub fn hops(&self) -> Vec<&Device> {
        let mut hops = Vec::new();
        let mut route = self;
        while let Self::Through(hop) = route {
            hops.push(&**hop);
            route = &hop.route;
        }
        hops.reverse();
        hops
    }
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
