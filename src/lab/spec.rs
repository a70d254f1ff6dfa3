//! The description of a device, before it runs.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use russh::keys::PublicKey;

use super::algorithms::Algorithms;
use super::error::LabError;
use super::faults::Faults;
use super::grammar::Pattern;
use super::host_key::HostKey;
use super::login::{AuthMethod, AuthPolicy, Challenge, LoginRules};
use super::personality::{Command, Personality};

/// A device as it should be simulated.
#[derive(Clone)]
pub struct LabDevice {
    pub(super) name: String,
    pub(super) hostname: String,
    pub(super) role: String,
    pub(super) personality: Source,
    pub(super) bind: IpAddr,
    pub(super) port: u16,
    pub(super) username: String,
    pub(super) password: String,
    pub(super) enable_secret: Option<String>,
    pub(super) policy: AuthPolicy,
    pub(super) authorized_keys: Vec<String>,
    pub(super) rounds: Vec<Vec<Challenge>>,
    pub(super) host_key: HostKey,
    pub(super) ident: Option<String>,
    pub(super) algorithms: Algorithms,
    pub(super) user_ca: Option<String>,
    pub(super) forwards: bool,
    pub(super) faults: Faults,
    pub(super) commands: Vec<(String, String)>,
    pub(super) without_statements: Vec<String>,
    pub(super) groups: Vec<String>,
    pub(super) tags: Vec<String>,
}

/// Where a device's personality comes from.
#[derive(Clone)]
pub(super) enum Source {
    Builtin(String),
    Given(Arc<Personality>),
}

impl fmt::Debug for LabDevice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LabDevice")
            .field("name", &self.name)
            .field("port", &self.port)
            .field("policy", &self.policy)
            .field("faults", &self.faults)
            .finish_non_exhaustive()
    }
}

impl LabDevice {
    /// A device with a built-in personality. User `lab`, password `lab-password`, no privileged
    /// password, a free port on loopback, a new host key.
    pub fn new(name: impl Into<String>, personality: impl Into<String>) -> Self {
        Self::with_source(name.into(), Source::Builtin(personality.into()))
    }

    /// A device with a personality of its own.
    /// Devices that are given the same one share it.
    pub fn with_personality(
        name: impl Into<String>,
        personality: impl Into<Arc<Personality>>,
    ) -> Self {
        Self::with_source(name.into(), Source::Given(personality.into()))
    }

    /// A device to try a personality with: named after it, `_` being `-`, with a host key that
    /// stays the same and a privileged password where a command asks for one.
    pub fn sample(personality: impl Into<Arc<Personality>>) -> Self {
        let personality = personality.into();
        let name = personality.name().replace('_', "-");
        Self::named(name, personality)
    }

    pub(super) fn named(name: String, personality: Arc<Personality>) -> Self {
        let enable_secret = personality.asks_password().then(|| "lab-enable".to_owned());
        let phrase = HostKey::Phrase(format!("vty-mcp lab {name}"));
        let device = Self::with_personality(name, personality).host_key(phrase).tags(["lab"]);
        Self { enable_secret, ..device }
    }

    /// The built-in personality it was made with, by name.
    pub(super) fn builtin(&self) -> Option<&str> {
        match &self.personality {
            Source::Builtin(name) => Some(name),
            Source::Given(_) => None,
        }
    }

    fn with_source(name: String, personality: Source) -> Self {
        Self {
            hostname: name.clone(),
            role: String::new(),
            name,
            personality,
            bind: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: 0,
            username: "lab".to_owned(),
            password: "lab-password".to_owned(),
            enable_secret: None,
            policy: AuthPolicy::AnyOf(vec![AuthMethod::Password]),
            authorized_keys: Vec::new(),
            rounds: Vec::new(),
            host_key: HostKey::default(),
            ident: None,
            algorithms: Algorithms::default(),
            user_ca: None,
            forwards: false,
            faults: Faults::default(),
            commands: Vec::new(),
            without_statements: Vec::new(),
            groups: Vec::new(),
            tags: Vec::new(),
        }
    }

    /// The name in the inventory.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The host name in the prompt, when it is not the name in the inventory.
    #[must_use]
    pub fn hostname(mut self, hostname: impl Into<String>) -> Self {
        self.hostname = hostname.into();
        self
    }

    /// The role that Junos prints before its prompt, such as `{master:0}`.
    #[must_use]
    pub fn role(mut self, role: impl Into<String>) -> Self {
        self.role = role.into();
        self
    }

    /// The address to listen on; loopback otherwise.
    #[must_use]
    pub fn bind(mut self, address: IpAddr) -> Self {
        self.bind = address;
        self
    }

    /// The port to listen on; any free one otherwise.
    #[must_use]
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// The user who may log in.
    #[must_use]
    pub fn username(mut self, username: impl Into<String>) -> Self {
        self.username = username.into();
        self
    }

    /// The user's password.
    #[must_use]
    pub fn password(mut self, password: impl Into<String>) -> Self {
        self.password = password.into();
        self
    }

    /// The privileged password. Without one the device asks for none.
    #[must_use]
    pub fn enable_secret(mut self, secret: impl Into<String>) -> Self {
        self.enable_secret = Some(secret.into());
        self
    }

    /// The authentication methods; `password` otherwise.
    #[must_use]
    pub fn auth(mut self, policy: AuthPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// Lets a public key in, given as a line of an `authorized_keys` file.
    #[must_use]
    pub fn authorized_key(mut self, line: impl Into<String>) -> Self {
        self.authorized_keys.push(line.into());
        self
    }

    /// The rounds of keyboard-interactive, in order; a round may have no prompts. One prompt for
    /// the password otherwise.
    #[must_use]
    pub fn challenges(mut self, rounds: Vec<Vec<Challenge>>) -> Self {
        self.rounds = rounds;
        self
    }

    /// Where the host key comes from.
    #[must_use]
    pub fn host_key(mut self, key: HostKey) -> Self {
        self.host_key = key;
        self
    }

    /// The identification line, when it is not the platform's.
    #[must_use]
    pub fn ident(mut self, line: impl Into<String>) -> Self {
        self.ident = Some(line.into());
        self
    }

    /// The only algorithms it knows.
    #[must_use]
    pub fn algorithms(mut self, algorithms: Algorithms) -> Self {
        self.algorithms = algorithms;
        self
    }

    /// Lets in whoever has a certificate of this authority for the device's user; given as the
    /// authority's public key, a line of OpenSSH's. The method is `publickey`.
    #[must_use]
    pub fn user_ca(mut self, line: impl Into<String>) -> Self {
        self.user_ca = Some(line.into());
        self
    }

    /// Whether it is a jump host: connects its clients to others, on loopback only.
    #[must_use]
    pub fn forwards(mut self, forwards: bool) -> Self {
        self.forwards = forwards;
        self
    }

    /// What is wrong with the device.
    #[must_use]
    pub fn faults(mut self, faults: Faults) -> Self {
        self.faults = faults;
        self
    }

    /// Adds a command with this output, or replaces the output of one spelled the same. The words
    /// may contain `<word>`, `<num>` and, last, `<line>`. Behind a ` | ` stands the name of another form
    /// of the output, such as `json`.
    #[must_use]
    pub fn command(mut self, words: impl Into<String>, output: impl Into<String>) -> Self {
        self.commands.push((words.into(), output.into()));
        self
    }

    /// Starts without a statement or section of its configuration and what is in it: `archive` on
    /// IOS, `protocols bgp` on Junos.
    #[must_use]
    pub fn without_statement(mut self, statement: impl Into<String>) -> Self {
        self.without_statements.push(statement.into());
        self
    }

    /// The groups it is in, for the inventory.
    #[must_use]
    pub fn groups<T: Into<String>>(mut self, groups: impl IntoIterator<Item = T>) -> Self {
        self.groups = groups.into_iter().map(Into::into).collect();
        self
    }

    /// Its tags, for the inventory.
    #[must_use]
    pub fn tags<T: Into<String>>(mut self, tags: impl IntoIterator<Item = T>) -> Self {
        self.tags = tags.into_iter().map(Into::into).collect();
        self
    }

    /// The personality with the device's own commands.
    pub(super) fn load_personality(&self) -> Result<Arc<Personality>, LabError> {
        let shared = match &self.personality {
            Source::Builtin(name) => Arc::new(Personality::builtin(name)?),
            Source::Given(personality) => Arc::clone(personality),
        };
        if self.commands.is_empty() {
            return Ok(shared);
        }
        let mut personality = Arc::unwrap_or_clone(shared);
        for (words, output) in &self.commands {
            let (words, form) = match words.split_once(" | ") {
                Some((words, form)) => (words, Some(form)),
                None => (words.as_str(), None),
            };
            let pattern = Pattern::parse(words);
            if !personality.commands.iter().any(|command| command.pattern == pattern) {
                let modes = personality.operational.clone();
                personality.commands.push(Command::plain(words, modes, String::new()));
            }
            // The same words may mean one command in each mode.
            let spelled_the_same =
                personality.commands.iter_mut().filter(|command| command.pattern == pattern);
            for command in spelled_the_same {
                if let Some(form) = form {
                    command.variants.insert(form.to_owned(), output.clone());
                } else {
                    command.output.clone_from(output);
                    command.does = None;
                    command.delay = std::time::Duration::ZERO;
                }
            }
        }
        Ok(Arc::new(personality))
    }

    pub(super) fn login_rules(
        &self,
        authorized_keys: Vec<PublicKey>,
        user_ca: Option<PublicKey>,
    ) -> LoginRules {
        let rounds = if self.rounds.is_empty() {
            vec![vec![Challenge::hidden("Password: ", self.password.as_str())]]
        } else {
            self.rounds.clone()
        };
        LoginRules {
            username: self.username.clone(),
            password: self.password.clone(),
            policy: self.policy.clone(),
            authorized_keys,
            user_ca,
            rounds,
        }
    }
}
