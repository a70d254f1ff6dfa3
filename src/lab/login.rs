//! How a simulated device lets clients log in.

use std::fmt;

use russh::keys::{Certificate, PublicKey};
use russh::{MethodKind, MethodSet};
use serde::Deserialize;

/// An SSH authentication method.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthMethod {
    /// `password`.
    Password,
    /// `publickey`, with an authorised key.
    PublicKey,
    /// `keyboard-interactive`.
    KeyboardInteractive,
}

impl AuthMethod {
    const fn kind(self) -> MethodKind {
        match self {
            Self::Password => MethodKind::Password,
            Self::PublicKey => MethodKind::PublicKey,
            Self::KeyboardInteractive => MethodKind::KeyboardInteractive,
        }
    }
}

/// Which methods a login takes.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthPolicy {
    /// One of these is enough.
    AnyOf(Vec<AuthMethod>),
    /// All of these, in this order.
    AllOf(Vec<AuthMethod>),
}

/// One prompt of keyboard-interactive and its right answer.
#[derive(Clone, PartialEq, Eq)]
pub struct Challenge {
    pub(super) prompt: String,
    pub(super) answer: String,
    pub(super) echo: bool,
}

impl Challenge {
    /// A prompt whose answer is hidden while it is typed.
    pub fn hidden(prompt: impl Into<String>, answer: impl Into<String>) -> Self {
        Self { prompt: prompt.into(), answer: answer.into(), echo: false }
    }

    /// A prompt whose answer may be seen.
    pub fn shown(prompt: impl Into<String>, answer: impl Into<String>) -> Self {
        Self { prompt: prompt.into(), answer: answer.into(), echo: true }
    }
}

impl fmt::Debug for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Challenge({:?})", self.prompt)
    }
}

/// What a device checks a login against.
#[derive(Clone)]
pub(super) struct LoginRules {
    pub(super) username: String,
    pub(super) password: String,
    pub(super) policy: AuthPolicy,
    pub(super) authorized_keys: Vec<PublicKey>,
    /// Whose certificates let in.
    pub(super) user_ca: Option<PublicKey>,
    /// The rounds of keyboard-interactive; a round without prompts is allowed.
    pub(super) rounds: Vec<Vec<Challenge>>,
}

/// How a method that succeeded changes the login.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Progress {
    LoggedIn,
    /// These methods must follow.
    Partial(MethodSet),
}

impl LoginRules {
    /// The methods a client is offered after so many successful ones.
    pub(super) fn offered(&self, passed: usize) -> MethodSet {
        let kinds: Vec<MethodKind> = match &self.policy {
            AuthPolicy::AnyOf(methods) => methods.iter().map(|method| method.kind()).collect(),
            AuthPolicy::AllOf(methods) => {
                methods.iter().skip(passed).take(1).map(|method| method.kind()).collect()
            }
        };
        MethodSet::from(kinds.as_slice())
    }

    pub(super) fn offers(&self, method: AuthMethod, passed: usize) -> bool {
        match &self.policy {
            AuthPolicy::AnyOf(methods) => methods.contains(&method),
            AuthPolicy::AllOf(methods) => methods.get(passed) == Some(&method),
        }
    }

    /// What follows the `passed`-th successful method.
    pub(super) fn after(&self, passed: usize) -> Progress {
        match &self.policy {
            AuthPolicy::AllOf(methods) if passed < methods.len() => {
                Progress::Partial(self.offered(passed))
            }
            _ => Progress::LoggedIn,
        }
    }

    pub(super) fn is_authorized(&self, key: &PublicKey) -> bool {
        self.authorized_keys.iter().any(|known| known.key_data() == key.key_data())
    }

    /// Whether a certificate, whose signature and dates were checked, is for this user and of the
    /// authority that is trusted here.
    pub(super) fn certifies(&self, certificate: &Certificate) -> bool {
        let is_trusted = |ca: &PublicKey| ca.key_data() == certificate.signature_key();
        self.user_ca.as_ref().is_some_and(is_trusted)
            && certificate.cert_type().is_user()
            && certificate.valid_principals().contains(&self.username)
    }
}
