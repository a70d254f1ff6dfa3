//! What can go wrong when devices are simulated.

use std::net::SocketAddr;

use crate::error::ErrorCode;

/// A failure of the lab itself, never one of its simulated faults.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LabError {
    /// No built-in personality has this name.
    #[error("there is no personality `{name}`")]
    UnknownPersonality {
        /// The name asked for.
        name: String,
    },
    /// A personality cannot be read.
    #[error("personality `{name}` cannot be read")]
    PersonalityFile {
        /// Whose text it is.
        name: String,
        /// Where reading stopped.
        #[source]
        source: Box<toml::de::Error>,
    },
    /// A personality refers to a mode it does not define.
    #[error("personality `{name}`: `{place}` refers to mode `{mode}`, which does not exist")]
    UnknownMode {
        /// The personality.
        name: String,
        /// The mode or command that refers to it.
        place: String,
        /// The missing mode.
        mode: String,
    },
    /// The configuration a personality starts with does not fit its own schema.
    #[error("the initial configuration of personality `{name}` does not fit its schema")]
    Configuration {
        /// The personality.
        name: String,
    },
    /// A list of devices or of faults cannot be read.
    #[error("the description of the lab cannot be read")]
    DeviceFile {
        /// Where reading stopped.
        #[source]
        source: Box<toml::de::Error>,
    },
    /// Two devices have the same name.
    #[error("two devices are named `{device}`")]
    DuplicateDevice {
        /// The name.
        device: String,
    },
    /// No device has this name.
    #[error("there is no device `{device}`")]
    UnknownDevice {
        /// The name.
        device: String,
    },
    /// A device's host key cannot be made.
    #[error("the host key of `{device}` is unusable")]
    HostKey {
        /// The device.
        device: String,
        /// What the key library says.
        #[source]
        source: russh::keys::ssh_key::Error,
    },
    /// A device is restricted to an algorithm that nobody knows.
    #[error("`{device}` cannot have the algorithm `{algorithm}`")]
    UnknownAlgorithm {
        /// The device.
        device: String,
        /// The name.
        algorithm: String,
    },
    /// An authorised key cannot be read.
    #[error("an authorised key of `{device}` is unusable")]
    AuthorizedKey {
        /// The device.
        device: String,
        /// What the key library says.
        #[source]
        source: russh::keys::ssh_key::Error,
    },
    /// The port cannot be listened on.
    #[error("`{device}` cannot listen on {address}")]
    Listen {
        /// The device.
        device: String,
        /// Where it should listen.
        address: SocketAddr,
        /// Why it cannot.
        #[source]
        source: std::io::Error,
    },
    /// A task of a device panicked.
    #[error("a task of `{device}` panicked: {message}")]
    Panicked {
        /// The device.
        device: String,
        /// The panic's message.
        message: String,
    },
    /// The state waited for did not come.
    #[error("`{device}` was not as expected within {waited_ms} ms")]
    NotObserved {
        /// The device.
        device: String,
        /// How long it was waited for.
        waited_ms: u128,
    },
}

impl LabError {
    /// The stable word for this failure.
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::UnknownPersonality { .. }
            | Self::PersonalityFile { .. }
            | Self::UnknownMode { .. }
            | Self::Configuration { .. }
            | Self::DeviceFile { .. }
            | Self::DuplicateDevice { .. }
            | Self::HostKey { .. }
            | Self::UnknownAlgorithm { .. }
            | Self::AuthorizedKey { .. }
            | Self::Listen { .. } => ErrorCode::InvalidArgument,
            Self::UnknownDevice { .. } => ErrorCode::UnknownDevice,
            Self::Panicked { .. } | Self::NotObserved { .. } => ErrorCode::Internal,
        }
    }
}
