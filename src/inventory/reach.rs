//! Owns the rules for how a device is reached: `security`, `host_keys`, `host_key`, `max_sessions`,
//! `jump` and the path of `ssh_config`.

use std::path::PathBuf;
use std::rc::Rc;

use super::collect::At;
use super::device::{DeviceName, Security};
use super::hint::{listed, nearest};
use super::json::{Node, Value};
use super::layer::Given;
use super::path::Kind as PathKind;
use super::problem::{Place, Severity};
use super::read::Reader;

/// The most jump hosts on the way to a device.
pub(super) const MOST_HOPS: usize = 4;
/// The most sessions that a device may have at once.
const MOST_SESSIONS: usize = 16;
/// The most fingerprints that may be pinned to one device.
const MOST_PINS: usize = 16;

/// What `host_keys` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HostKeyWord {
    AcceptNew,
    Strict,
    Pinned,
}

/// What `jump` says.
#[derive(Debug)]
pub(super) struct Jump {
    /// The devices on the way, the first one in front; none where the device file says `null`.
    pub(super) hops: Vec<(DeviceName, Place)>,
    pub(super) place: Place,
}

/// What `ssh_config` says.
#[derive(Debug)]
pub(super) struct ConfigUse {
    pub(super) path: PathBuf,
    pub(super) place: Place,
}

impl Reader<'_> {
    pub(super) fn security(&mut self, at: At<'_>, node: &Node) -> Option<Security> {
        let words = Security::ALL.map(|security| (security.as_str(), security));
        let security = self.word(at, node, "inv_security", &words)?;
        if security == Security::Legacy {
            let place = self.problems.place(at);
            let what = "`legacy` allows algorithms that are broken";
            let remedy = "keep it to the devices that have nothing else; `vty-mcp check --connect` \
                          says which profile works";
            let notice = Severity::Notice;
            self.problems.add_once(notice, "inv_security_legacy", "", place, what, remedy);
        }
        Some(security)
    }

    pub(super) fn host_keys(&mut self, at: At<'_>, node: &Node) -> Option<HostKeyWord> {
        let words = [
            ("accept_new", HostKeyWord::AcceptNew),
            ("strict", HostKeyWord::Strict),
            ("pinned", HostKeyWord::Pinned),
        ];
        self.word(at, node, "inv_host_key", &words)
    }

    pub(super) fn host_key(&mut self, at: At<'_>, node: &Node) -> Option<Vec<String>> {
        let single = std::slice::from_ref(node);
        let (items, list) = match &node.value {
            Value::Array(items) => (items.as_slice(), true),
            _ => (single, false),
        };
        let mut pins = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            let here = if list { at.item(index, item) } else { at };
            let text = self.text(here, item)?;
            if !is_fingerprint(text) {
                let what = "this is no SHA-256 fingerprint of a host key";
                let remedy = "write SHA256: and the 43 characters that ssh-keygen -l shows, \
                              without padding";
                self.problems.error("inv_host_key", here, what, remedy);
                return None;
            }
            pins.push(text.to_owned());
        }
        if pins.is_empty() || pins.len() > MOST_PINS {
            let what = format!("expected 1 to {MOST_PINS} fingerprints");
            self.problems.error("inv_host_key", at, what, "write those of the device's host keys");
            return None;
        }
        Some(pins)
    }

    pub(super) fn max_sessions(&mut self, at: At<'_>, node: &Node) -> Option<usize> {
        let sessions = match &node.value {
            Value::Number(number) => number.expose().parse::<usize>().ok(),
            _ => None,
        };
        let sessions = sessions.filter(|sessions| (1..=MOST_SESSIONS).contains(sessions));
        if sessions.is_none() {
            let what = format!("expected a number of sessions from 1 to {MOST_SESSIONS}");
            let remedy = "write a whole number without quotes";
            self.problems.error("inv_max_sessions", at, what, remedy);
        }
        sessions
    }

    pub(super) fn jump(&mut self, at: At<'_>, node: &Node) -> Option<Rc<Jump>> {
        const FORM: &str = "write the name of a device of this file, a list of them, or null for \
                            none";
        let place = self.problems.place(at);
        let single = std::slice::from_ref(node);
        let (items, list) = match &node.value {
            Value::Null => return Some(Rc::new(Jump { hops: Vec::new(), place })),
            Value::Array(items) => (items.as_slice(), true),
            _ => (single, false),
        };
        let mut hops = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            let here = if list { at.item(index, item) } else { at };
            let text = self.text(here, item)?;
            let Some(name) = DeviceName::new(text) else {
                self.problems.error("inv_jump", here, "this is no device name", FORM);
                return None;
            };
            hops.push((name, self.problems.place(here)));
        }
        if hops.is_empty() || hops.len() > MOST_HOPS {
            let what = format!("expected 1 to {MOST_HOPS} jump hosts");
            self.problems.error("inv_jump", at, what, FORM);
            return None;
        }
        Some(Rc::new(Jump { hops, place }))
    }

    /// Reads the path of an OpenSSH client configuration; `null` is none.
    pub(super) fn ssh_config(&mut self, at: At<'_>, node: &Node) -> Given<Option<Rc<ConfigUse>>> {
        if matches!(node.value, Value::Null) {
            return Given::Value(None);
        }
        let place = self.problems.place(at);
        let path = self.path(at, node, PathKind::SshConfig);
        path.map(|path| Some(Rc::new(ConfigUse { path, place }))).into()
    }

    /// Reads one of a few words.
    fn word<T: Copy>(
        &mut self,
        at: At<'_>,
        node: &Node,
        reason: &'static str,
        words: &[(&'static str, T)],
    ) -> Option<T> {
        let text = self.text(at, node)?;
        if let Some((_, value)) = words.iter().find(|(word, _)| *word == text) {
            return Some(*value);
        }
        let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        let remedy = match nearest(text, known.iter().copied()) {
            Some(word) => format!("did you mean `{word}`? there are {}", listed(&known)),
            None => format!("use one of {}", listed(&known)),
        };
        self.problems.error(reason, at, "this word is not known here", remedy);
        None
    }
}

/// Whether a text is a fingerprint as OpenSSH prints it.
pub(super) fn is_fingerprint(text: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    text.strip_prefix("SHA256:")
        .is_some_and(|digest| digest.len() == 43 && digest.bytes().all(letter))
}
