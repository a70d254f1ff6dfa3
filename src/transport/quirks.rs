//! What is known of SSH servers by their identification line, which is read before anything is
//! offered.

/// What must be done otherwise with a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Quirks {
    /// Group exchange asks for a group of at least, best and at most so many bits. The library
    /// refuses less than 2048.
    pub(super) group_bits: (usize, usize, usize),
    /// An RSA key of a user is tried with SHA-1 signatures before others, where the profile has them.
    pub(super) sha1_signatures_first: bool,
}

impl Default for Quirks {
    fn default() -> Self {
        Self { group_bits: (2048, 3072, 4096), sha1_signatures_first: false }
    }
}

/// Beginnings of identification lines, each with what it means. The first that fits holds.
const KNOWN: &[(&str, Quirks)] = &[
    // Cisco IOS before 15.5 has groups of up to 4096 bits alone (OpenSSH's compat.c caps them
    // there), and knows no RSA signatures but those with SHA-1 without announcing so.
    ("SSH-2.0-Cisco-1.", Quirks { group_bits: (2048, 2048, 4096), sha1_signatures_first: true }),
    // RouterOS before 7 has one group of 2048 bits (warpgate, pull request 1659).
    ("SSH-2.0-ROSSH", Quirks { group_bits: (2048, 2048, 4096), sha1_signatures_first: false }),
];

impl Quirks {
    /// What is known of a server.
    pub(super) fn of(ident: &str) -> Self {
        // Servers that also speak the first version of the protocol say 1.99.
        let ident = ident.replacen("SSH-1.99-", "SSH-2.0-", 1);
        let known = KNOWN.iter().find(|(start, _)| ident.starts_with(start));
        known.map(|(_, quirks)| *quirks).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_servers_are_told_by_their_identification() {
        assert_eq!(Quirks::of("SSH-2.0-OpenSSH_9.7"), Quirks::default());
        for ident in ["SSH-2.0-Cisco-1.25", "SSH-1.99-Cisco-1.25"] {
            assert!(Quirks::of(ident).sha1_signatures_first, "{ident}");
        }
        assert_eq!(Quirks::of("SSH-2.0-ROSSH").group_bits.1, 2048);
    }
}
