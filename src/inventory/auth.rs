//! Owns how `auth` is read: which kind of credential it is, and that it is whole.
//!
//! **Invariant:** a secret goes from the tree into a `Secret` and nowhere else.

use std::path::{Path, PathBuf};

use super::collect::At;
use super::device::{Auth, AuthProof, LoginAnswer, SecretSource};
use super::hint::nearest;
use super::json::{Entry, Node, Value};
use super::layer::Given;
use super::path::Kind as PathKind;
use super::problem::{Place, Severity};
use super::reach::is_fingerprint;
use super::read::{Form, Reader};

const KINDS: &str = "write \"type\": \"password\" with `password`, \"type\": \"ssh_key\" with \
                     `private_key_path`, or \"type\": \"agent\"";

const AUTH_KEYS: &[&str] =
    &["type", "password", "private_key_path", "passphrase", "certificate_path", "key", "answers"];

/// Without `key`, which people write where they mean the path of one.
const SSH_KEY_KEYS: &[&str] =
    &["type", "private_key_path", "passphrase", "certificate_path", "answers"];

/// The longest prompt and the longest name of a key.
const MOST_BYTES: usize = 256;
/// The most answers to questions at login.
const MOST_ANSWERS: usize = 16;

/// A key file that the device file names, to be looked at once reading is done.
#[derive(Debug)]
pub(super) struct KeyUse {
    pub(super) path: PathBuf,
    pub(super) place: Place,
    pub(super) content: Content,
}

/// What such a file must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Content {
    PrivateKey { has_passphrase: bool },
    Certificate,
}

enum Kind {
    Password,
    Key,
    Agent,
}

/// The keys of one `auth`.
#[derive(Default, Clone, Copy)]
struct Keys<'n> {
    kind: Option<&'n Entry>,
    password: Option<&'n Entry>,
    path: Option<&'n Entry>,
    passphrase: Option<&'n Entry>,
    certificate: Option<&'n Entry>,
    key: Option<&'n Entry>,
    answers: Option<&'n Entry>,
}

impl Reader<'_> {
    pub(super) fn auth(&mut self, at: At<'_>, node: &Node) -> Option<Auth> {
        let entries = self.object(at, node)?;
        let mut keys = Keys::default();
        for entry in self.unique(at, entries) {
            match entry.key.as_str() {
                "type" => keys.kind = Some(entry),
                "password" => keys.password = Some(entry),
                "private_key_path" => keys.path = Some(entry),
                "passphrase" => keys.passphrase = Some(entry),
                "certificate_path" => keys.certificate = Some(entry),
                "key" => keys.key = Some(entry),
                "answers" => keys.answers = Some(entry),
                _ => self.unknown_key(at, entry, AUTH_KEYS),
            }
        }
        // Every secret is read even if it is not used, so that all problems show at once.
        let mut secret = |entry: Option<&Entry>, what| match entry {
            Some(entry) => Given::from(self.secret(at.value(entry), &entry.value, what)),
            None => Given::Absent,
        };
        let password = secret(keys.password, "password");
        let passphrase = secret(keys.passphrase, "passphrase");
        let answers = match keys.answers {
            Some(entry) => self.answers(at.value(entry), &entry.value),
            None => Some(Vec::new()),
        };
        let Some(kind) = keys.kind else {
            self.problems.error("inv_credential", at, "`auth` has no `type`", KINDS);
            return None;
        };
        let proof = match self.kind(at.value(kind), &kind.value)? {
            Kind::Password => {
                let strays = [keys.path, keys.passphrase, keys.certificate, keys.key];
                self.strays(at, &strays, "password");
                if matches!(password, Given::Absent) {
                    let what = "`auth` of type `password` has no `password`";
                    self.problems.error("inv_credential", at, what, "add `password`");
                }
                AuthProof::Password(password.value()?)
            }
            Kind::Key => self.key_proof(at, keys, passphrase)?,
            Kind::Agent => {
                let strays = [keys.password, keys.path, keys.passphrase, keys.certificate];
                self.strays(at, &strays, "agent");
                let key = match keys.key {
                    Some(entry) => Some(self.agent_key(at.value(entry), &entry.value)?),
                    None => None,
                };
                AuthProof::Agent { key }
            }
        };
        Some(Auth { proof, answers: answers? })
    }

    fn key_proof(
        &mut self,
        at: At<'_>,
        keys: Keys<'_>,
        passphrase: Given<SecretSource>,
    ) -> Option<AuthProof> {
        self.strays(at, &[keys.password], "ssh_key");
        if let Some(entry) = keys.key {
            self.unknown_key(at, entry, SSH_KEY_KEYS);
        }
        let certificate = match keys.certificate {
            None => Some(None),
            Some(entry) => {
                self.key_file(at.value(entry), &entry.value, Content::Certificate).map(Some)
            }
        };
        let Some(entry) = keys.path else {
            let what = "`auth` of type `ssh_key` has no `private_key_path`";
            self.problems.error("inv_credential", at, what, "add `private_key_path`");
            return None;
        };
        let has_passphrase = !matches!(passphrase, Given::Absent);
        let content = Content::PrivateKey { has_passphrase };
        let path = self.key_file(at.value(entry), &entry.value, content)?;
        // A passphrase that was reported makes the credential unusable.
        let passphrase = match passphrase {
            Given::Absent => None,
            given => Some(given.value()?),
        };
        Some(AuthProof::Key { path, passphrase, certificate: certificate? })
    }

    /// Reads the path of a key file and notes it, to be looked at later.
    fn key_file(&mut self, at: At<'_>, node: &Node, content: Content) -> Option<PathBuf> {
        let kind = match content {
            Content::PrivateKey { .. } => PathKind::Key,
            Content::Certificate => PathKind::Certificate,
        };
        let path = self.path(at, node, kind)?;
        let place = self.problems.place(at);
        self.keys.push(KeyUse { path: path.clone(), place, content });
        Some(path)
    }

    /// Reads which key of the agent is meant: its fingerprint or its comment.
    fn agent_key(&mut self, at: At<'_>, node: &Node) -> Option<String> {
        let text = self.text(at, node)?;
        let fingerprint = text.starts_with("SHA256:");
        let sound = if fingerprint {
            is_fingerprint(text)
        } else {
            !text.is_empty() && text.len() <= MOST_BYTES && !text.chars().any(char::is_control)
        };
        if !sound {
            let what = "this is neither the fingerprint nor the comment of a key";
            let remedy = "write what ssh-add -l shows: SHA256:… or the comment; without `key` \
                          every key of the agent is tried";
            self.problems.error("inv_credential", at, what, remedy);
        }
        sound.then(|| text.to_owned())
    }

    /// Reads the answers to what a server asks beside the password.
    fn answers(&mut self, at: At<'_>, node: &Node) -> Option<Vec<LoginAnswer>> {
        const FORM: &str = "write [{\"prompt\": \"part of the question\", \"answer\": \"…\"}]";
        let Value::Array(items) = &node.value else {
            self.wrong_type(at, node, "a list", FORM);
            return None;
        };
        if items.len() > MOST_ANSWERS {
            let what = format!("there are more than {MOST_ANSWERS} answers");
            self.problems.error("inv_credential", at, what, "remove those that nobody asks for");
            return None;
        }
        let read: Vec<_> = items
            .iter()
            .enumerate()
            .map(|(index, item)| self.answer(at.item(index, item), item, FORM))
            .collect();
        read.into_iter().collect()
    }

    fn answer(&mut self, at: At<'_>, node: &Node, form: &str) -> Option<LoginAnswer> {
        let entries = self.object(at, node)?;
        let [mut prompt, mut answer] = [None; 2];
        for entry in self.unique(at, entries) {
            match entry.key.as_str() {
                "prompt" => prompt = Some(entry),
                "answer" => answer = Some(entry),
                _ => self.unknown_key(at, entry, &["prompt", "answer"]),
            }
        }
        let (Some(prompt), Some(answer)) = (prompt, answer) else {
            let what = "an answer needs `prompt` and `answer`";
            self.problems.error("inv_credential", at, what, form);
            return None;
        };
        let answer = self.secret(at.value(answer), &answer.value, "answer");
        let here = at.value(prompt);
        let text = self.text(here, &prompt.value)?;
        let plain = !text.trim().is_empty() && !text.chars().any(char::is_control);
        if !plain || text.len() > MOST_BYTES {
            let what = "the prompt is empty, too long or holds control characters";
            self.problems.error("inv_credential", here, what, "write a part of the question");
            return None;
        }
        Some(LoginAnswer { prompt: text.to_lowercase(), answer: answer? })
    }

    /// Reads the password that junos-mcp-server took before it had `auth`; `auth` wins, as there.
    pub(super) fn legacy_password(&mut self, at: At<'_>, node: &Node, auth: &mut Given<Auth>) {
        let password = self.secret(at, node, "password");
        let place = self.problems.place(at);
        if matches!(auth, Given::Absent) {
            *auth = password.map(|source| Auth::new(AuthProof::Password(source))).into();
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

    fn kind(&mut self, at: At<'_>, node: &Node) -> Option<Kind> {
        let text = self.text(at, node)?;
        match text {
            // The password answers keyboard-interactive as well; which of the two is used is for
            // the server to say.
            "password" | "keyboard_interactive" => Some(Kind::Password),
            "ssh_key" | "key" => Some(Kind::Key),
            "agent" => Some(Kind::Agent),
            _ => {
                let kinds = ["password", "ssh_key", "key", "agent", "keyboard_interactive"];
                let remedy = match nearest(text, kinds) {
                    Some(kind) => format!("did you mean `{kind}`?"),
                    None => KINDS.to_owned(),
                };
                self.problems.error("inv_credential", at, "unknown type of `auth`", remedy);
                None
            }
        }
    }

    /// Reports credentials beside the one that is used.
    fn strays(&mut self, at: At<'_>, strays: &[Option<&Entry>], kind: &str) {
        for entry in strays.iter().flatten() {
            let place = self.problems.place(at.key(entry));
            let what = format!("`auth` of type `{kind}` has a `{}` too", entry.key);
            let (severity, remedy) = match self.form {
                Form::Full => (Severity::Error, "keep one kind of credential"),
                Form::Flat => (Severity::Warning, "it is ignored; remove it"),
            };
            self.problems.add(severity, "inv_credential", place, what, remedy);
        }
    }
}

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
