//! Owns how `auth` is read: which of the two kinds of credential it is, and that it is whole.
//!
//! **Invariant:** a secret goes from the tree into a [`Secret`] and nowhere else.

use std::path::{Path, PathBuf};

use super::collect::At;
use super::device::{Auth, AuthProof, SecretSource};
use super::hint::nearest;
use super::json::{Entry, Node, Value};
use super::layer::Given;
use super::problem::{Place, Severity};
use super::read::{Form, Reader};
use crate::secret::Secret;

const KINDS: &str = "write \"type\": \"password\" with `password`, or \"type\": \"ssh_key\" with \
                     `private_key_path`";

/// A key file that the device file names, to be looked at once reading is done.
#[derive(Debug)]
pub(super) struct KeyUse {
    pub(super) path: PathBuf,
    pub(super) place: Place,
    pub(super) has_passphrase: bool,
}

enum Kind {
    Password,
    Key,
}

impl Reader<'_> {
    pub(super) fn auth(&mut self, at: At<'_>, node: &Node) -> Option<Auth> {
        let entries = self.object(at, node)?;
        let [mut kind, mut password, mut path, mut passphrase] = [None; 4];
        for entry in self.unique(at, entries) {
            match entry.key.as_str() {
                "type" => kind = Some(entry),
                "password" => password = Some(entry),
                "private_key_path" => path = Some(entry),
                "passphrase" => passphrase = Some(entry),
                _ => self.unknown_key(at, entry, AUTH_KEYS),
            }
        }
        // Both kinds are read even if only one is used, so that all problems show at once.
        let secret = password.map(|entry| self.secret(at.value(entry), &entry.value, "password"));
        let phrase =
            passphrase.map(|entry| self.secret(at.value(entry), &entry.value, "passphrase"));
        let Some(kind) = kind else {
            self.problems.error("inv_credential", at, "`auth` has no `type`", KINDS);
            return None;
        };
        match self.kind(at.value(kind), &kind.value)? {
            Kind::Password => {
                for stray in [path, passphrase].into_iter().flatten() {
                    self.stray(at, stray, "password");
                }
                let Some(secret) = secret else {
                    let what = "`auth` of type `password` has no `password`";
                    self.problems.error("inv_credential", at, what, "add `password`");
                    return None;
                };
                secret.map(|secret| Auth::new(AuthProof::Password(SecretSource::Inline(secret))))
            }
            Kind::Key => {
                if let Some(stray) = password {
                    self.stray(at, stray, "ssh_key");
                }
                let Some(entry) = path else {
                    let what = "`auth` of type `ssh_key` has no `private_key_path`";
                    self.problems.error("inv_credential", at, what, "add `private_key_path`");
                    return None;
                };
                let here = at.value(entry);
                let path = self.key_path(here, &entry.value)?;
                let place = self.problems.place(here);
                let has_passphrase = phrase.is_some();
                self.keys.push(KeyUse { path: path.clone(), place, has_passphrase });
                // A passphrase that was reported makes the credential unusable.
                let passphrase = match phrase {
                    Some(read) => Some(SecretSource::Inline(read?)),
                    None => None,
                };
                Some(Auth::new(AuthProof::Key { path, passphrase, certificate: None }))
            }
        }
    }

    /// Reads the password that junos-mcp-server took before it had `auth`; `auth` wins, as there.
    pub(super) fn legacy_password(&mut self, at: At<'_>, node: &Node, auth: &mut Given<Auth>) {
        let password = self.secret(at, node, "password");
        let place = self.problems.place(at);
        if matches!(auth, Given::Absent) {
            let inline = |secret| Auth::new(AuthProof::Password(SecretSource::Inline(secret)));
            *auth = password.map(inline).into();
            let what = "`password` beside the device's other keys is deprecated";
            let remedy = "write \"auth\": {\"type\": \"password\", \"password\": …}";
            let notice = Severity::Notice;
            self.problems.add_once(notice, "inv_deprecated", "", place, what, remedy);
        } else {
            let what = "`password` is ignored, because there is `auth` too";
            let warning = Severity::Warning;
            self.problems.add(warning, "inv_credential", place, what, "remove `password`");
        }
    }

    /// Reads a secret that stands in the file itself.
    pub(super) fn secret(&mut self, at: At<'_>, node: &Node, what: &str) -> Option<Secret<String>> {
        let Value::Text(text) = &node.value else {
            // A password without quotes reads as a number, so it counts as a secret as well.
            self.inline_secrets |= matches!(node.value, Value::Number(_));
            self.wrong_type(at, node, "a text", "put it in double quotes");
            return None;
        };
        self.inline_secrets = true;
        let problem = if text.expose().is_empty() {
            format!("the {what} is empty")
        } else if text.expose().chars().any(char::is_control) {
            // A line break in a secret typed at a prompt would end it and start a command.
            format!("the {what} holds a line break or another control character")
        } else {
            return Some(text.clone());
        };
        self.problems.error("inv_credential", at, problem, "write the secret alone");
        None
    }

    fn kind(&mut self, at: At<'_>, node: &Node) -> Option<Kind> {
        let text = self.text(at, node)?;
        match text {
            "password" => Some(Kind::Password),
            "ssh_key" | "key" => Some(Kind::Key),
            _ => {
                let remedy = match nearest(text, ["password", "ssh_key", "key"]) {
                    Some(kind) => format!("did you mean `{kind}`?"),
                    None => KINDS.to_owned(),
                };
                self.problems.error("inv_credential", at, "unknown type of `auth`", remedy);
                None
            }
        }
    }

    /// Reports a credential beside the one that is used.
    fn stray(&mut self, at: At<'_>, entry: &Entry, kind: &str) {
        let place = self.problems.place(at.key(entry));
        let what = format!("`auth` of type `{kind}` has a `{}` too", entry.key);
        let (severity, remedy) = match self.form {
            Form::Full => (Severity::Error, "keep one kind of credential"),
            Form::Flat => (Severity::Warning, "it is ignored; remove it"),
        };
        self.problems.add(severity, "inv_credential", place, what, remedy);
    }

    fn key_path(&mut self, at: At<'_>, node: &Node) -> Option<PathBuf> {
        let text = self.text(at, node)?;
        let pasted = text.starts_with("-----BEGIN");
        if text.is_empty() || pasted || text.chars().any(char::is_control) {
            let what = "the key path is empty, a key itself or holds control characters";
            self.problems.error("key_path", at, what, "write the path of the private key");
            return None;
        }
        let Some(rest) = text.strip_prefix('~') else {
            return Some(self.directory.join(text));
        };
        let home = std::env::home_dir().filter(|home| home.is_absolute());
        match (rest.strip_prefix(['/', '\\']), home) {
            (Some(inside), Some(home)) => Some(home.join(inside)),
            (Some(_), None) => {
                let what = "`~` cannot be resolved, there is no home directory";
                self.problems.error("key_path", at, what, "write the path in full");
                None
            }
            // `~name` is another user's home in a shell; as a file name it is hardly meant.
            (None, _) => {
                let what = "only `~/` is understood in front of a key path";
                self.problems.error("key_path", at, what, "write the path in full");
                None
            }
        }
    }
}

const AUTH_KEYS: &[&str] = &["type", "password", "private_key_path", "passphrase"];

/// The path as it is shown, quoted for a shell where it must be.
pub(super) fn shell_quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_alphanumeric() || "/._-+@%:,=".contains(c);
    if !text.is_empty() && !text.starts_with('-') && text.chars().all(plain) {
        text
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}
