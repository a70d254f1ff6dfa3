//! Owns what an operator is told to do about a host key.

use crate::transport::TransportError;

impl TransportError {
    /// What to do next about a device of this name, where that depends on more than the code.
    pub fn advice(&self, device: &str) -> Option<String> {
        let advice = match self {
            Self::HostKeyUnknown { .. } => format!(
                "an operator compares the fingerprint with the device's own and records it: \
                 vty-mcp host-key trust {device}"
            ),
            Self::HostKeyUncertified { .. } => format!(
                "an operator has the authority sign the device's key, or compares the fingerprint \
                 with the device's own and records it: vty-mcp host-key trust {device}"
            ),
            Self::HostKeyChanged { .. } => format!(
                "either the device was replaced or its keys were made anew, or somebody is in \
                 between and wants the password; no credential was sent. An operator compares the \
                 fingerprint with the one on the device's console. Only where they are the same: \
                 vty-mcp host-key trust {device} --replace; to forget the old key alone: \
                 vty-mcp host-key forget {device}"
            ),
            Self::HostKeyPinned { .. } => format!(
                "either the device was replaced or shows another of its keys, or somebody is in \
                 between and wants the password; no credential was sent. An operator compares the \
                 fingerprint with the one on the device's console, and only where they are the \
                 same corrects `host_key` of {device} in the device file"
            ),
            Self::HostKeyRevoked { .. } => format!(
                "whoever has this key may not be {device}; no credential was sent. An operator \
                 makes new keys on the device, then: vty-mcp host-key trust {device} --replace"
            ),
            Self::HostKeyLine { .. } => format!(
                "an operator corrects or removes that line; vty-mcp host-key list shows what is \
                 recorded, and vty-mcp host-key forget {device} removes what names the device"
            ),
            _ => return None,
        };
        Some(advice)
    }
}
