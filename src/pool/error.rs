//! Why a session could not be had.

use std::sync::Arc;
use std::time::Duration;

use crate::credential::CredentialError;
use crate::error::ErrorCode;
use crate::inventory::DeviceName;
use crate::platform::{PlatformError, PlatformName, Seen};
use crate::session::SessionError;
use crate::store::{LockoutRow, LockoutScope, utc};
use crate::transport::TransportError;

/// A session could not be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PoolError {
    /// The device's platform file cannot be used.
    #[error("no usable platform")]
    Platform(#[source] PlatformError),
    /// The credential could not be had.
    #[error("nothing to log in with")]
    Credential(#[source] CredentialError),
    /// The device could not be reached.
    #[error("no SSH connection")]
    Transport(#[source] TransportError),
    /// The device could not be reached through the one that stands before it.
    #[error("no SSH connection through `{hop}`")]
    Through {
        /// The device in between.
        hop: DeviceName,
        /// What went wrong.
        #[source]
        source: TransportError,
    },
    /// The device that stands before this one could not be reached.
    #[error("no way there, because the jump host `{hop}` failed")]
    Jump {
        /// The device in between.
        hop: DeviceName,
        /// What went wrong there; everybody who waited for it has the same.
        #[source]
        source: Arc<Self>,
    },
    /// The device was reached and no usable CLI was found.
    #[error("no usable prompt after login")]
    Login(#[source] SessionError),
    /// Nothing tells which platform the device is.
    #[error(
        "the platform cannot be told from the prompt `{}` of `{}`{}",
        seen.prompt, seen.ident, listed(possible)
    )]
    Unrecognised {
        /// The platforms that fit equally well.
        possible: Vec<PlatformName>,
        /// What was seen.
        seen: Seen,
    },
    /// The device failed too often to be tried now.
    #[error(
        "{failures} attempts in a row failed, the last with `{last}`; {}",
        next_try(*retry_after)
    )]
    Unavailable {
        /// How many attempts failed.
        failures: u32,
        /// How long it is until the next one; nothing where one is under way.
        retry_after: Duration,
        /// How the last one failed.
        last: String,
    },
    /// A device refused the credential, and it is not sent for a while.
    #[error("{}", held(lockout))]
    Held {
        /// What is known of it.
        lockout: Box<LockoutRow>,
    },
    /// No session was free in time.
    #[error("nothing was free within {}s: {limit}; {waiting} more wait for it", waited.as_secs())]
    Exhausted {
        /// What was waited for.
        limit: Scarce,
        /// How many others wait.
        waiting: usize,
        /// How long was waited.
        waited: Duration,
    },
    /// The caller gave up.
    #[error("the request was cancelled before the device was reached")]
    Cancelled,
    /// The pool is closing.
    #[error("the server is stopping")]
    Closed,
}

/// What there is too little of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Scarce {
    /// Sessions of one device.
    #[error("all sessions of this device are in use, and `max_sessions` allows {0}")]
    DeviceSessions(usize),
    /// Sessions in all.
    #[error("all sessions are in use, and `limits.sessions` allows {0}")]
    Sessions(usize),
    /// Connections that are set up.
    #[error("as many connections are set up as `limits.handshakes` allows, {0}")]
    Handshakes(usize),
    /// Logins with a credential that nothing speaks for.
    #[error("a credential that did not work lately is tried on {0} devices at once at most")]
    UnprovenLogins(usize),
}

impl PoolError {
    /// The stable code of this failure.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Platform(error) => error.code(),
            Self::Credential(error) => error.code(),
            Self::Transport(error) | Self::Through { source: error, .. } => error.code(),
            Self::Jump { source, .. } => match source.code() {
                ErrorCode::ConnectFailed | ErrorCode::ConnectTimeout | ErrorCode::ResolveFailed => {
                    ErrorCode::JumpHostFailed
                }
                exact => exact,
            },
            Self::Login(error) => error.code(),
            Self::Unrecognised { .. } => ErrorCode::PlatformUnknown,
            Self::Unavailable { .. } => ErrorCode::CircuitOpen,
            Self::Held { .. } => ErrorCode::CredentialHeld,
            Self::Exhausted { .. } => ErrorCode::PoolExhausted,
            Self::Cancelled => ErrorCode::Cancelled,
            Self::Closed => ErrorCode::ShuttingDown,
        }
    }
}

fn listed(possible: &[PlatformName]) -> String {
    if possible.is_empty() {
        return String::new();
    }
    let names: Vec<&str> = possible.iter().map(PlatformName::as_str).collect();
    format!("; it may be {}", names.join(", "))
}

fn next_try(retry_after: Duration) -> String {
    if retry_after.is_zero() {
        return "another attempt is under way, and decides".to_owned();
    }
    // Rounded up: whoever waits so long is not too early.
    let seconds = retry_after.as_millis().div_ceil(1000);
    format!("the next attempt is made {seconds}s from now at the earliest")
}

fn held(lockout: &LockoutRow) -> String {
    let LockoutRow { device, username, since, until, .. } = lockout;
    let (since, until) = (utc(*since), utc(*until));
    let what = match lockout.scope {
        LockoutScope::Device => {
            format!("`{device}` refused the credential of `{username}` at {since}")
        }
        LockoutScope::Fleet => format!(
            "two devices in a row refused the credential of `{username}`, the last one `{device}` \
             at {since}, so that no device gets it"
        ),
    };
    format!(
        "{what}; it is not sent again before {until}, because one more failure may lock the \
         account. Once it is corrected it goes out at once, and `vty-mcp lockout reset {device}` \
         has this one tried again"
    )
}
