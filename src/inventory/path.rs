//! Owns the rule for paths of the device file: relative ones start where it is, and `~/` is the home
//! directory.

use std::path::PathBuf;

use super::collect::At;
use super::json::Node;
use super::read::Reader;

/// What a path leads to.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Key,
    Certificate,
    Secret,
    SshConfig,
}

impl Kind {
    const fn reason(self) -> &'static str {
        match self {
            Self::Key | Self::Certificate => "key_path",
            Self::Secret => "secret_path",
            Self::SshConfig => "inv_ssh_config",
        }
    }

    const fn words(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Key => (
                "the key path is empty, a key itself or holds control characters",
                "write the path of the private key",
                "a key path",
            ),
            Self::Certificate => (
                "the certificate path is empty or holds control characters",
                "write the path of the OpenSSH certificate",
                "a certificate path",
            ),
            Self::Secret => (
                "the path of the secret is empty or holds control characters",
                "write the path of the file that holds the secret",
                "the path of a secret",
            ),
            Self::SshConfig => (
                "the path of `ssh_config` is empty or holds control characters",
                "write the path of the file, or null for none",
                "the path of `ssh_config`",
            ),
        }
    }
}

impl Reader<'_> {
    pub(super) fn path(&mut self, at: At<'_>, node: &Node, kind: Kind) -> Option<PathBuf> {
        let text = self.text(at, node)?;
        self.path_of(at, text, kind)
    }

    pub(super) fn path_of(&mut self, at: At<'_>, text: &str, kind: Kind) -> Option<PathBuf> {
        let (malformed, remedy, noun) = kind.words();
        let pasted = text.starts_with("-----BEGIN");
        if text.is_empty() || pasted || text.chars().any(char::is_control) {
            self.problems.error(kind.reason(), at, malformed, remedy);
            return None;
        }
        let Some(rest) = text.strip_prefix('~') else {
            return Some(self.directory.join(text));
        };
        match (rest.strip_prefix(['/', '\\']), home()) {
            (Some(inside), Some(home)) => Some(home.join(inside)),
            (Some(_), None) => {
                let what = "`~` cannot be resolved, there is no home directory";
                self.problems.error(kind.reason(), at, what, "write the path in full");
                None
            }
            // `~name` is another user's home in a shell; as a file name it is hardly meant.
            (None, _) => {
                let what = format!("only `~/` is understood in front of {noun}");
                self.problems.error(kind.reason(), at, what, "write the path in full");
                None
            }
        }
    }
}

/// The home directory of the user this program runs as.
pub(super) fn home() -> Option<PathBuf> {
    std::env::home_dir().filter(|home| home.is_absolute())
}
