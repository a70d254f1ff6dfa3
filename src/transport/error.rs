//! What can go wrong between us and a device's SSH server.

use std::time::Duration;

use crate::error::ErrorCode;

/// A failure to reach a device. No variant ever holds a secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TransportError {
    /// The name has no address.
    #[error("`{address}` cannot be resolved")]
    Resolve {
        /// The name.
        address: String,
        /// What the resolver said.
        #[source]
        source: std::io::Error,
    },
    /// The connection was refused or broke off.
    #[error("cannot connect to {address}:{port}")]
    Connect {
        /// The address.
        address: String,
        /// The port.
        port: u16,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// Nothing answered.
    #[error("{address}:{port} did not answer within {}s", waited.as_secs())]
    ConnectTimeout {
        /// The address.
        address: String,
        /// The port.
        port: u16,
        /// How long we waited.
        waited: Duration,
    },
    /// Something answered and sent no SSH identification.
    #[error("{address}:{port} does not speak SSH; it sent `{sent}`")]
    NotSsh {
        /// The address.
        address: String,
        /// The port.
        port: u16,
        /// The first bytes it sent, cleaned and cut.
        sent: String,
    },
    /// The identification did not come.
    #[error("no SSH identification within {}s", waited.as_secs())]
    IdentTimeout {
        /// How long we waited.
        waited: Duration,
    },
    /// Key exchange and authentication took too long.
    #[error("authentication did not finish within {}s", waited.as_secs())]
    AuthTimeout {
        /// How long we waited.
        waited: Duration,
    },
    /// No host key is recorded and the settings forbid recording one.
    #[error("the host key of {host} is not recorded; it is {fingerprint}")]
    HostKeyUnknown {
        /// The host as `known_hosts` names it.
        host: String,
        /// The key's SHA-256 fingerprint.
        fingerprint: String,
    },
    /// Another host key is recorded.
    #[error("the host key of {host} is {fingerprint}, and {recorded} is recorded")]
    HostKeyChanged {
        /// The host as `known_hosts` names it.
        host: String,
        /// The key's SHA-256 fingerprint.
        fingerprint: String,
        /// The recorded key's SHA-256 fingerprint.
        recorded: String,
    },
    /// The inventory pins another key.
    #[error("the host key of {host} is {fingerprint}, and the device file pins {pinned}")]
    HostKeyPinned {
        /// The host as `known_hosts` names it.
        host: String,
        /// The key's SHA-256 fingerprint.
        fingerprint: String,
        /// The pinned fingerprints.
        pinned: String,
    },
    /// An authority is recorded, and the key is neither recorded nor vouched for by it.
    #[error(
        "the host key of {host}, {fingerprint}, is not recorded, and no recorded authority vouches \
         for it: {problem}"
    )]
    HostKeyUncertified {
        /// The host as `known_hosts` names it.
        host: String,
        /// The key's SHA-256 fingerprint.
        fingerprint: String,
        /// What is wrong with its certificate.
        problem: String,
    },
    /// The key, or the authority that signed it, is marked as revoked.
    #[error("the {what} of {host}, {fingerprint}, is revoked")]
    HostKeyRevoked {
        /// The host as `known_hosts` names it.
        host: String,
        /// Which key it is.
        what: &'static str,
        /// The key's SHA-256 fingerprint.
        fingerprint: String,
    },
    /// The file of recorded host keys cannot be used.
    #[error("the host keys in {path} cannot be used")]
    HostKeyFile {
        /// The file.
        path: String,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A recorded host key cannot be read, so nothing can be compared with it.
    #[error("line {number} of {path} is about this host, or may be, and cannot be read")]
    HostKeyLine {
        /// The file.
        path: String,
        /// The line, counted from 1.
        number: usize,
    },
    /// Client and device share no algorithm.
    #[error("no common {kind}: the device offers {theirs}; we offer {ours}")]
    Algorithms {
        /// Which kind of algorithm.
        kind: String,
        /// What the device offers.
        theirs: String,
        /// What we offer.
        ours: String,
    },
    /// The device refused the credential.
    #[error("`{username}` was refused")]
    AuthRefused {
        /// The user name.
        username: String,
    },
    /// The device does not offer what the inventory configures.
    #[error("the device does not accept {method}; it offers {offered}")]
    AuthMethod {
        /// The configured method.
        method: &'static str,
        /// What the device offers.
        offered: String,
    },
    /// The private key cannot be used.
    #[error("the private key {path} cannot be used")]
    PrivateKey {
        /// The file.
        path: String,
        /// What the key reader said.
        #[source]
        source: russh::keys::Error,
    },
    /// The shell did not start.
    #[error("no shell within {}s after authentication", waited.as_secs())]
    ShellTimeout {
        /// How long we waited.
        waited: Duration,
    },
    /// The SSH protocol failed.
    #[error("the SSH connection failed")]
    Protocol(#[source] russh::Error),
    /// The device refused a shell.
    #[error("the device refused {what}")]
    Refused {
        /// What it refused.
        what: &'static str,
    },
}

impl TransportError {
    /// The stable code of this failure.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Resolve { .. } => ErrorCode::ResolveFailed,
            Self::Connect { .. }
            | Self::NotSsh { .. }
            | Self::Protocol(_)
            | Self::Refused { .. } => ErrorCode::ConnectFailed,
            Self::ConnectTimeout { .. }
            | Self::IdentTimeout { .. }
            | Self::AuthTimeout { .. }
            | Self::ShellTimeout { .. } => ErrorCode::ConnectTimeout,
            Self::HostKeyUnknown { .. }
            | Self::HostKeyUncertified { .. }
            | Self::HostKeyLine { .. } => ErrorCode::HostKeyUnknown,
            Self::HostKeyChanged { .. }
            | Self::HostKeyPinned { .. }
            | Self::HostKeyRevoked { .. } => ErrorCode::HostKeyChanged,
            Self::HostKeyFile { .. } => ErrorCode::Internal,
            Self::Algorithms { .. } => ErrorCode::AlgorithmMismatch,
            Self::AuthRefused { .. } => ErrorCode::AuthFailed,
            Self::AuthMethod { .. } => ErrorCode::AuthMethodUnsupported,
            Self::PrivateKey { .. } => ErrorCode::CredentialUnavailable,
        }
    }
}

impl From<russh::Error> for TransportError {
    fn from(error: russh::Error) -> Self {
        match error {
            russh::Error::NoCommonAlgo { kind, ours, theirs } => Self::Algorithms {
                kind: format!("{kind:?} algorithm").to_lowercase(),
                theirs: theirs.join(", "),
                ours: ours.join(", "),
            },
            other => Self::Protocol(other),
        }
    }
}
