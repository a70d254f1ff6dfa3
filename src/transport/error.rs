//! What can go wrong between us and a device's SSH server.

use std::fmt::Write as _;
use std::time::Duration;

use super::handshake;
use super::offer::Offer;
use crate::error::ErrorCode;
use crate::inventory::Security;

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
    #[error("no SSH identification within {}s{}", waited.as_secs(), instead(sent))]
    IdentTimeout {
        /// How long we waited.
        waited: Duration,
        /// What came instead, cleaned and cut.
        sent: String,
    },
    /// The server speaks the first version of the protocol alone.
    #[error(
        "{address}:{port} speaks SSH 1 only (`{ident}`), which is broken and never spoken here"
    )]
    OldProtocol {
        /// The address.
        address: String,
        /// The port.
        port: u16,
        /// Its identification line.
        ident: String,
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
    #[error("{}", mismatch(*security, gaps, *works, missing))]
    Algorithms {
        /// The profile that was offered.
        security: Security,
        /// What it lacks, all kinds at once.
        gaps: Vec<Gap>,
        /// The strictest profile that would do.
        works: Option<Security>,
        /// What even the widest profile lacks.
        missing: Vec<Gap>,
    },
    /// The key exchange began and failed.
    #[error(
        "the key exchange failed; the device may want a group of fewer than 2048 bits, which this \
         program never uses"
    )]
    KeyExchange(#[source] russh::Error),
    /// The device refused the credential.
    #[error("`{username}` was refused{}", if *.old_signatures { OLD_SIGNATURES } else { "" })]
    AuthRefused {
        /// The user name.
        username: String,
        /// Whether signatures that were not tried might have been accepted.
        old_signatures: bool,
    },
    /// The device wants the password to be changed.
    #[error("the device demands a new password for `{username}`; nothing was sent in answer")]
    PasswordExpired {
        /// The user name.
        username: String,
    },
    /// The connection ended where the device should have judged the credential.
    #[error("the connection ended during authentication, and the device judged nothing")]
    AuthLost,
    /// The device asks what the inventory has no answer to.
    #[error("the device asks `{question}` at login; add an entry to `answers` of `auth`")]
    Question {
        /// The question, cleaned and cut.
        question: String,
    },
    /// The device does not offer what the inventory configures.
    #[error("the device does not accept {method}; it offers {offered}")]
    AuthMethod {
        /// The configured method.
        method: &'static str,
        /// What the device offers.
        offered: String,
    },
    /// The certificate cannot be used.
    #[error("the certificate {path} {what}")]
    Certificate {
        /// The file.
        path: String,
        /// What is wrong with it.
        what: String,
    },
    /// The SSH agent cannot be asked.
    #[error("no SSH agent can be asked; is SSH_AUTH_SOCK set for this program?")]
    Agent(#[source] russh::keys::Error),
    /// The SSH agent does not answer.
    #[error("the SSH agent did not answer within {}s", waited.as_secs())]
    AgentTimeout {
        /// How long we waited.
        waited: Duration,
    },
    /// The SSH agent holds no such key.
    #[error("the SSH agent has {held} keys, and none is `{wanted}`; ssh-add -l lists them")]
    AgentKey {
        /// What the inventory names.
        wanted: String,
        /// How many keys there are.
        held: usize,
    },
    /// The SSH agent did not sign.
    #[error("the SSH agent did not sign")]
    AgentSigning(#[source] russh::AgentAuthError),
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
    /// The device refused a channel, a terminal or a shell.
    #[error("the device refused {what}{}", because(reason))]
    Refused {
        /// What it refused.
        what: &'static str,
        /// Why, where it said so.
        reason: String,
    },
    /// The device in between did not connect us to the next one.
    #[error("the device in between did not connect to {address}:{port}{}", because(reason))]
    Tunnel {
        /// The address of the next one.
        address: String,
        /// Its port.
        port: u16,
        /// Why, where it said so.
        reason: String,
        /// Whose failure it is.
        fault: TunnelFault,
    },
    /// The command that should carry the connection cannot be run.
    #[error("the ProxyCommand for {address} cannot be run")]
    ProxyCommand {
        /// The address it is for.
        address: String,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
}

/// An RSA key may be refused for the signature alone.
const OLD_SIGNATURES: &str = "; where the device accepts RSA keys with SHA-1 signatures (ssh-rsa) \
                              alone, \"security\": \"legacy\" in its inventory entry sends them";

/// Whose failure it is that a device in between did not connect us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TunnelFault {
    /// Its own: it may not, or cannot, pass connections on.
    Between,
    /// That of the device behind it, which did not answer it.
    Behind,
}

/// Says what a profile lacks and which one would do.
fn mismatch(security: Security, gaps: &[Gap], works: Option<Security>, missing: &[Gap]) -> String {
    let mut text = String::new();
    for gap in gaps {
        let separator = if text.is_empty() { "" } else { "; " };
        let (kind, theirs, ours) = (gap.kind, gap.theirs.join(", "), gap.ours.join(", "));
        // Writing to a `String` cannot fail.
        let _infallible = write!(
            text,
            "{separator}no common {kind}: the device offers {theirs}; we offer {ours}"
        );
    }
    let _infallible = match works {
        Some(profile) => write!(
            text,
            "; this is the security profile `{}`: the device can be reached with \"security\": \
             \"{}\" in its inventory entry",
            security.as_str(),
            profile.as_str()
        ),
        None if missing.is_empty() => write!(text, " (security profile `{}`)", security.as_str()),
        None => {
            let kinds =
                missing.iter().map(|gap| format!("{} ({})", gap.kind, gap.theirs.join(", ")));
            let kinds: Vec<String> = kinds.collect();
            write!(
                text,
                "; no security profile reaches it, since this program has none of the device's {}",
                kinds.join(" and ")
            )
        }
    };
    text
}

fn instead(sent: &str) -> String {
    if sent.is_empty() { String::new() } else { format!("; it sent `{sent}`") }
}

fn because(reason: &str) -> String {
    if reason.is_empty() { String::new() } else { format!(": {reason}") }
}

/// One kind of algorithm that client and device do not share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// The kind.
    pub kind: &'static str,
    /// What the device offers of it.
    pub theirs: Vec<String>,
    /// What the profile offers of it.
    pub ours: Vec<String>,
}

impl TransportError {
    /// The stable code of this failure.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Resolve { .. } => ErrorCode::ResolveFailed,
            Self::Connect { .. }
            | Self::NotSsh { .. }
            | Self::OldProtocol { .. }
            | Self::Protocol(_)
            | Self::AuthLost
            | Self::Tunnel { fault: TunnelFault::Behind, .. }
            | Self::ProxyCommand { .. }
            | Self::Refused { .. } => ErrorCode::ConnectFailed,
            Self::Tunnel { fault: TunnelFault::Between, .. } => ErrorCode::JumpHostFailed,
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
            Self::Algorithms { .. } | Self::KeyExchange(_) => ErrorCode::AlgorithmMismatch,
            Self::AuthRefused { .. } | Self::PasswordExpired { .. } => ErrorCode::AuthFailed,
            Self::AuthMethod { .. } | Self::Question { .. } => ErrorCode::AuthMethodUnsupported,
            Self::PrivateKey { .. }
            | Self::Certificate { .. }
            | Self::Agent(_)
            | Self::AgentTimeout { .. }
            | Self::AgentKey { .. }
            | Self::AgentSigning(_) => ErrorCode::CredentialUnavailable,
        }
    }

    /// The failure of a negotiation, told as exactly as what was overheard allows.
    pub(super) fn algorithms(
        security: Security,
        offer: Option<&Offer>,
        kind: &russh::AlgorithmKind,
        theirs: Vec<String>,
        ours: Vec<String>,
    ) -> Self {
        let gaps = offer.map(|offer| handshake::gaps(offer, security)).unwrap_or_default();
        let works = offer.and_then(handshake::strictest);
        let missing = match (offer, works) {
            (Some(offer), None) => handshake::gaps(offer, Security::Legacy),
            _ => Vec::new(),
        };
        if gaps.is_empty() {
            let kind = match kind {
                russh::AlgorithmKind::Kex => "key exchange",
                russh::AlgorithmKind::Key => "host key",
                russh::AlgorithmKind::Cipher => "cipher",
                russh::AlgorithmKind::Compression => "compression",
                russh::AlgorithmKind::Mac => "MAC",
            };
            let gaps = vec![Gap { kind, theirs, ours }];
            return Self::Algorithms { security, gaps, works: None, missing: Vec::new() };
        }
        Self::Algorithms { security, gaps, works, missing }
    }
}

impl From<russh::Error> for TransportError {
    fn from(error: russh::Error) -> Self {
        match error {
            russh::Error::KexInit => Self::KeyExchange(error),
            other => Self::Protocol(other),
        }
    }
}
