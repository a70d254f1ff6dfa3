//! Owns how a secret is read: the secret itself, or where it comes from.
//!
//! **Invariant:** nothing is fetched here. Whether a source can be had is known at the login; what
//! is looked at before is whether a variable is set and how a file lies.
//! **Invariant:** a text that could be a password is never shown.

use std::path::PathBuf;

use super::collect::At;
use super::device::SecretSource;
use super::json::{Entry, Node, Value};
use super::path::Kind as PathKind;
use super::problem::{Place, Severity};
use super::read::Reader;
use crate::secret::Secret;

const SOURCES: &[&str] = &["env", "file", "command", "keyring", "inline"];

const COMMAND: &str = "write {\"command\": [\"program\", \"argument\", …]}; there is no shell";
const KEYRING: &str = "write {\"keyring\": {\"service\": \"…\", \"account\": \"…\"}}";
/// What somebody does whose password looks like a source.
const INLINE: &str = "a password that begins like this is written {\"inline\": …}";

/// The longest text of a source.
const MOST_BYTES: usize = 1024;
/// The most arguments of a command.
const MOST_ARGUMENTS: usize = 64;

/// A file with a secret that the device file names, to be looked at once reading is done.
#[derive(Debug)]
pub(super) struct SecretUse {
    pub(super) path: PathBuf,
    pub(super) place: Place,
}

impl Reader<'_> {
    /// Reads a secret, or where it comes from.
    pub(super) fn secret(&mut self, at: At<'_>, node: &Node, what: &str) -> Option<SecretSource> {
        match &node.value {
            Value::Text(text) => self.secret_text(at, text, what),
            Value::Object(entries) => self.secret_object(at, entries, what),
            other => {
                // A password without quotes reads as a number, so it counts as a secret as well.
                self.inline_secrets |= matches!(other, Value::Number(_));
                let remedy = "put it in double quotes, or name where it is: {\"env\": \"NAME\"}";
                self.wrong_type(at, node, "a text", remedy);
                None
            }
        }
    }

    /// A text is the secret, unless it begins like the short form of a source.
    fn secret_text(
        &mut self,
        at: At<'_>,
        text: &Secret<String>,
        what: &str,
    ) -> Option<SecretSource> {
        let whole = text.expose().as_str();
        let read = if let Some(name) = whole.strip_prefix("env:") {
            self.env(at, name)
        } else if let Some(path) = whole.strip_prefix("file:") {
            self.secret_file(at, path)
        } else if let Some(entry) = whole.strip_prefix("keyring:") {
            let (service, account) = entry.rsplit_once('/').unwrap_or_default();
            self.keyring(at, service, account)
        } else if whole.starts_with("command:") {
            let what = "a command has no short form";
            self.problems.error("inv_secret", at, what, format!("{COMMAND}; {INLINE}"));
            None
        } else {
            return self.inline(at, text, what);
        };
        // What could not be read may have been a password after all.
        self.inline_secrets |= read.is_none();
        read
    }

    fn secret_object(&mut self, at: At<'_>, entries: &[Entry], what: &str) -> Option<SecretSource> {
        let mut sources = Vec::new();
        for entry in self.unique(at, entries) {
            if SOURCES.contains(&entry.key.as_str()) {
                sources.push(entry);
            } else {
                self.inline_secrets = true;
                self.unknown_key(at, entry, SOURCES);
            }
        }
        let &[entry] = sources.as_slice() else {
            let (what, remedy) = if sources.is_empty() {
                (
                    format!("the {what} names no source"),
                    "write one of `env`, `file`, `command`, `keyring` and `inline`",
                )
            } else {
                (format!("the {what} names several sources"), "keep one of them")
            };
            self.problems.error("inv_secret", at, what, remedy);
            return None;
        };
        let (here, node) = (at.value(entry), &entry.value);
        match (entry.key.as_str(), &node.value) {
            ("inline", Value::Text(text)) => self.inline(here, text, what),
            ("inline", other) => {
                self.inline_secrets |= matches!(other, Value::Number(_));
                self.wrong_type(here, node, "a text", "put it in double quotes");
                None
            }
            ("env", _) => {
                let name = self.text(here, node)?;
                self.env(here, name)
            }
            ("file", _) => {
                let path = self.text(here, node)?;
                self.secret_file(here, path)
            }
            ("command", _) => self.command(here, node),
            _ => self.keyring_object(here, node),
        }
    }

    /// A secret that stands in the file itself.
    fn inline(&mut self, at: At<'_>, text: &Secret<String>, what: &str) -> Option<SecretSource> {
        self.inline_secrets = true;
        let problem = if text.expose().is_empty() {
            format!("the {what} is empty")
        } else if text.expose().chars().any(char::is_control) {
            // A line break in a secret typed at a prompt would end it and start a command.
            format!("the {what} holds a line break or another control character")
        } else {
            return Some(SecretSource::Inline(text.clone()));
        };
        self.problems.error("inv_credential", at, problem, "write the secret alone");
        None
    }

    fn env(&mut self, at: At<'_>, name: &str) -> Option<SecretSource> {
        let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        let sound = !name.is_empty()
            && name.len() <= 128
            && name.bytes().all(word)
            && !name.starts_with(|first: char| first.is_ascii_digit());
        if !sound {
            let what = "this is no name of an environment variable";
            let remedy = format!("use letters, digits and `_`; {INLINE}");
            self.problems.error("inv_secret", at, what, remedy);
            return None;
        }
        if std::env::var_os(name).is_none_or(|value| value.is_empty()) {
            let place = self.problems.place(at);
            let what = format!("the environment variable `{name}` is not set or empty");
            let remedy = "set it where this program is started; a login that needs it fails";
            let warning = Severity::Warning;
            self.problems.add_once(warning, "inv_secret_env", name, place, what, remedy);
        }
        Some(SecretSource::Env(name.to_owned()))
    }

    fn secret_file(&mut self, at: At<'_>, path: &str) -> Option<SecretSource> {
        let path = self.path_of(at, path, PathKind::Secret)?;
        let place = self.problems.place(at);
        self.secret_files.push(SecretUse { path: path.clone(), place });
        Some(SecretSource::File(path))
    }

    fn command(&mut self, at: At<'_>, node: &Node) -> Option<SecretSource> {
        let Value::Array(items) = &node.value else {
            self.wrong_type(at, node, "a list of texts", COMMAND);
            return None;
        };
        let mut command = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            let here = at.item(index, item);
            let text = self.text(here, item)?;
            if text.len() > MOST_BYTES || text.chars().any(char::is_control) {
                let what = "an argument is too long or holds control characters";
                self.problems.error("inv_secret", here, what, COMMAND);
                return None;
            }
            command.push(text.to_owned());
        }
        let program = command.first().map(String::as_str).unwrap_or_default();
        // A relative path would depend on where the program was started.
        let bare = !program.contains(['/', '\\']);
        let sound = !program.is_empty()
            && command.len() <= MOST_ARGUMENTS
            && (bare || std::path::Path::new(program).is_absolute());
        if !sound {
            let what =
                "the command has no program, one with a relative path, or too many arguments";
            let remedy = format!("name the program alone or by its absolute path; {COMMAND}");
            self.problems.error("inv_secret", at, what, remedy);
            return None;
        }
        Some(SecretSource::Command(command))
    }

    fn keyring_object(&mut self, at: At<'_>, node: &Node) -> Option<SecretSource> {
        let Value::Object(entries) = &node.value else {
            self.wrong_type(at, node, "an object", KEYRING);
            return None;
        };
        let [mut service, mut account] = [""; 2];
        for entry in self.unique(at, entries) {
            match entry.key.as_str() {
                "service" => service = self.text(at.value(entry), &entry.value)?,
                "account" => account = self.text(at.value(entry), &entry.value)?,
                _ => self.unknown_key(at, entry, &["service", "account"]),
            }
        }
        self.keyring(at, service, account)
    }

    fn keyring(&mut self, at: At<'_>, service: &str, account: &str) -> Option<SecretSource> {
        let plain = |text: &str| {
            !text.is_empty() && text.len() <= MOST_BYTES && !text.chars().any(char::is_control)
        };
        if !plain(service) || !plain(account) {
            let what = "an entry of the keyring needs a service and an account";
            let remedy = format!("{KEYRING}, or \"keyring:SERVICE/ACCOUNT\"; {INLINE}");
            self.problems.error("inv_secret", at, what, remedy);
            return None;
        }
        let (service, account) = (service.to_owned(), account.to_owned());
        Some(SecretSource::Keyring { service, account })
    }
}
