//! What callers see of a failure: a code, a sentence and what to do next.

use schemars::JsonSchema;
use serde::Serialize;

use crate::error::{ErrorCode, Retry, SideEffects};

/// A failure as every door of the program shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Failure {
    /// The stable code.
    #[schemars(with = "String")]
    pub code: ErrorCode,
    /// What was wrong, free of secrets and control characters.
    pub message: String,
    /// Whether repeating the request can help.
    #[schemars(with = "String")]
    pub retry: Retry,
    /// What may have been left behind on the device.
    #[schemars(with = "String")]
    pub side_effects: SideEffects,
    /// A finer reason where one code covers several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'static str>,
    /// The device concerned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// The command concerned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// What to do next.
    pub hint: String,
}

impl Failure {
    /// Makes a failure with the hint of its code.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            retry: code.retry(),
            side_effects: SideEffects::None,
            reason: None,
            device: None,
            command: None,
            hint: hint(code).to_owned(),
        }
    }

    /// Names the device concerned.
    #[must_use]
    pub fn on(mut self, device: &str) -> Self {
        self.device = Some(device.to_owned());
        self
    }

    /// Names the command concerned.
    #[must_use]
    pub fn with_command(mut self, command: impl Into<String>) -> Self {
        self.command = Some(command.into());
        self
    }

    /// Gives a finer reason.
    #[must_use]
    pub fn because(mut self, reason: &'static str) -> Self {
        self.reason = Some(reason);
        self
    }

    /// Replaces the hint.
    #[must_use]
    pub fn hinting(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.code, self.message)?;
        if self.hint.is_empty() { Ok(()) } else { write!(f, " ({})", self.hint) }
    }
}

/// The next step that usually helps.
fn hint(code: ErrorCode) -> &'static str {
    match code {
        ErrorCode::InvalidArgument => "correct the argument and call again",
        ErrorCode::UnknownDevice => "call list_devices for the names",
        ErrorCode::PolicyDenied => "see the message for what is allowed",
        ErrorCode::ResolveFailed => "check the address in the inventory and the name server",
        ErrorCode::ConnectFailed => "check that the device is up and its SSH server listens there",
        ErrorCode::ConnectTimeout => {
            "check routing and access lists, or raise timeouts in the inventory"
        }
        ErrorCode::JumpHostFailed => "check the device that stands in between; it is named above",
        ErrorCode::CircuitOpen => "wait until the time above, then call again once",
        ErrorCode::PoolExhausted => "call again later, with fewer devices at once",
        ErrorCode::CredentialHeld => {
            "an operator must correct the credential, or lift the hold with the command above; \
             repeating does not help and is not passed on to the device"
        }
        ErrorCode::HostKeyUnknown => {
            "an operator must compare the host key and record it: vty-mcp host-key trust"
        }
        ErrorCode::HostKeyChanged => {
            "either the device was replaced or somebody is in between; an operator must compare the \
             fingerprints before vty-mcp host-key trust --replace"
        }
        ErrorCode::AlgorithmMismatch => {
            "the device needs other SSH algorithms than this program offers"
        }
        ErrorCode::AuthFailed => {
            "an operator must correct the credential in the inventory; repeating may lock the account"
        }
        ErrorCode::AuthMethodUnsupported => {
            "an operator must configure a method that the device offers"
        }
        ErrorCode::CredentialUnavailable => "an operator must make the credential readable",
        ErrorCode::SessionLost => "call again; the device may have restarted",
        ErrorCode::PromptTimeout => "check the platform in the inventory against the device",
        ErrorCode::CommandTimeout => "narrow the command, or raise timeouts in the inventory",
        ErrorCode::PlatformUnknown => "an operator must name the platform in the inventory",
        ErrorCode::NeedsInput => {
            "use a form of the command that asks nothing, or answer it: `answers` in the call, \
             --answer on the command line"
        }
        ErrorCode::ModeUnreachable => "an operator must check `enable` in the inventory",
        ErrorCode::CommandRejected => {
            "check the spelling for this platform and its software version"
        }
        ErrorCode::OutputTooLarge => "narrow the command or ask fewer devices at once",
        ErrorCode::ConfigurationRejected => "correct the line; nothing was changed by this",
        ErrorCode::ConfigurationLocked => "wait until the other change is finished",
        ErrorCode::TemplateNotFound => "use run_commands for the text",
        ErrorCode::TemplateInvalid | ErrorCode::ParseFailed => {
            "use run_commands for the text, and report the template"
        }
        ErrorCode::Cancelled => "",
        ErrorCode::ShuttingDown => "call again when the server is back",
        ErrorCode::Internal => "see the server's log",
    }
}
