//! Owns the vocabulary of failures: [`ErrorCode`], the stable words that callers may match on, and
//! [`chain`], the one way an error is printed.
//!
//! Each module has its own error enum next to its code and maps every variant to an [`ErrorCode`].
//! **Invariant:** this module names nothing else of ours.

use std::error::Error;
use std::fmt;

use serde::Serialize;

/// Whether asking again can help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Retry {
    /// The same request fails again until somebody changes something.
    No,
    /// The same request may be repeated at once.
    Yes,
    /// The same request may be repeated after a while.
    AfterDelay,
}

impl Retry {
    /// The word as callers see it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::No => "no",
            Self::Yes => "yes",
            Self::AfterDelay => "after_delay",
        }
    }
}

impl SideEffects {
    /// The word as callers see it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Possible => "possible",
            Self::Applied => "applied",
        }
    }
}

/// What a failed request may have left behind on the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SideEffects {
    /// Nothing was changed.
    None,
    /// Bytes of a change were sent and the outcome is unknown: read the device before trying again.
    Possible,
    /// The change is in force.
    Applied,
}

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $variant:ident = $word:literal, $retry:ident;)+) => {
        /// A stable word for a failure. Codes are added, never reused or respelled.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum ErrorCode {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl ErrorCode {
            /// Every code, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The word as callers see it.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }

            /// Whether repeating the request can help.
            pub const fn retry(self) -> Retry {
                match self { $(Self::$variant => Retry::$retry,)+ }
            }

            /// One sentence on what the code means.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc),+),)+ }
            }
        }
    };
}

codes! {
    /// An argument is missing, of the wrong type or out of range.
    InvalidArgument = "invalid_argument", No;
    /// No device of that name is in the inventory.
    UnknownDevice = "unknown_device", No;
    /// The gate does not let this command pass.
    PolicyDenied = "policy_denied", No;
    /// The address could not be resolved.
    ResolveFailed = "resolve_failed", Yes;
    /// The connection was refused, reset or spoke no SSH.
    ConnectFailed = "connect_failed", Yes;
    /// The device did not answer the connection attempt in time.
    ConnectTimeout = "connect_timeout", Yes;
    /// A device on the way to this one could not be reached or did not pass the connection on.
    JumpHostFailed = "jump_host_failed", Yes;
    /// The device failed several times in a row and is left alone for a while.
    CircuitOpen = "circuit_open", AfterDelay;
    /// No session was free in time.
    PoolExhausted = "pool_exhausted", AfterDelay;
    /// The device's host key is not recorded and the settings forbid recording it.
    HostKeyUnknown = "host_key_unknown", No;
    /// The device's host key is not the recorded one.
    HostKeyChanged = "host_key_changed", No;
    /// Client and device share no SSH algorithm.
    AlgorithmMismatch = "algorithm_mismatch", No;
    /// The device refused the credential.
    AuthFailed = "auth_failed", No;
    /// A device refused this credential, and it is not sent again for a while.
    CredentialHeld = "credential_held", No;
    /// The device offers no authentication method that is configured.
    AuthMethodUnsupported = "auth_method_unsupported", No;
    /// The credential could not be read from where the inventory says it is.
    CredentialUnavailable = "credential_unavailable", No;
    /// The connection or the CLI ended while it was in use.
    SessionLost = "session_lost", Yes;
    /// No prompt appeared after login.
    PromptTimeout = "prompt_timeout", No;
    /// The inventory says `auto` and nothing tells which platform the device is.
    PlatformUnknown = "platform_unknown", No;
    /// The command did not finish in time.
    CommandTimeout = "command_timeout", No;
    /// The CLI asked a question that no answer is known for.
    NeedsInput = "needs_input", No;
    /// The mode the command needs could not be entered.
    ModeUnreachable = "mode_unreachable", No;
    /// The device refused the command.
    CommandRejected = "command_rejected", No;
    /// The answer is larger than one call may hold.
    OutputTooLarge = "output_too_large", No;
    /// The device refused a line of configuration.
    ConfigurationRejected = "configuration_rejected", No;
    /// Somebody else holds the configuration.
    ConfigurationLocked = "configuration_locked", AfterDelay;
    /// No template is known for this platform and command.
    TemplateNotFound = "template_not_found", No;
    /// A template cannot be read.
    TemplateInvalid = "template_invalid", No;
    /// The template does not fit the output.
    ParseFailed = "parse_failed", No;
    /// The caller cancelled the request.
    Cancelled = "cancelled", Yes;
    /// The server is stopping.
    ShuttingDown = "shutting_down", AfterDelay;
    /// A defect of this program; the log has the details.
    Internal = "internal", No;
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for ErrorCode {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// Prints an error with its causes, `a: b: c`. The only way errors are logged.
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_unique_lower_snake_case() {
        let mut seen = std::collections::HashSet::new();
        for code in ErrorCode::ALL {
            let word = code.as_str();
            assert!(word.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{word}");
            assert!(seen.insert(word), "{word} twice");
            assert!(code.meaning().trim().ends_with('.'), "{word}");
        }
    }

    #[test]
    fn a_chain_prints_every_cause_once() {
        #[derive(Debug, thiserror::Error)]
        #[error("inner")]
        struct Inner;
        #[derive(Debug, thiserror::Error)]
        #[error("outer")]
        struct Outer(#[source] Inner);
        assert_eq!(chain(&Outer(Inner)), "outer: inner");
    }
}
