//! Owns [`Layer`]: what a device, a group or the defaults say, and how layers lie on each other.

use std::collections::HashSet;
use std::rc::Rc;
use std::time::Duration;

use super::collect::At;
use super::device::{Auth, SecretSource, Security, Timeouts};
use super::json::Node;
use super::reach::{ConfigUse, HostKeyWord, Jump};
use super::read::{Form, Reader, allowed_keys};
use crate::platform::PlatformName;

/// The keys that a device, a group and the defaults share.
pub(super) const SHARED_KEYS: [&str; 13] = [
    "platform",
    "port",
    "username",
    "auth",
    "enable",
    "security",
    "host_keys",
    "jump",
    "ssh_config",
    "max_sessions",
    "allow_unprotected",
    "tags",
    "timeouts",
];

/// Whose keys are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    Defaults,
    Group,
    Device,
}

/// What was said about one key.
#[derive(Debug, Clone, Copy, Default)]
pub(super) enum Given<T> {
    /// Nothing; the next layer decides.
    #[default]
    Absent,
    /// Something that was reported.
    Bad,
    Value(T),
}

impl<T> Given<T> {
    pub(super) fn as_ref(&self) -> Given<&T> {
        match self {
            Self::Absent => Given::Absent,
            Self::Bad => Given::Bad,
            Self::Value(value) => Given::Value(value),
        }
    }

    pub(super) fn value(self) -> Option<T> {
        match self {
            Self::Value(value) => Some(value),
            Self::Absent | Self::Bad => None,
        }
    }
}

impl<'l, T> Given<&'l T> {
    /// The first layer that says anything decides.
    pub(super) fn first(layers: &[&'l Layer], field: impl Fn(&'l Layer) -> &'l Given<T>) -> Self {
        let mut given = layers.iter().map(|&layer| field(layer).as_ref());
        given.find(|given| !matches!(given, Given::Absent)).unwrap_or(Given::Absent)
    }
}

impl<T> From<Option<T>> for Given<T> {
    /// `None` is what a reading function returns after it reported a problem.
    fn from(read: Option<T>) -> Self {
        read.map_or(Self::Bad, Self::Value)
    }
}

/// What one place of the file says about devices.
#[derive(Debug, Default)]
pub(super) struct Layer {
    pub(super) address: Given<String>,
    pub(super) platform: Given<PlatformName>,
    pub(super) port: Given<u16>,
    pub(super) username: Given<String>,
    pub(super) auth: Given<Auth>,
    pub(super) enable: Given<SecretSource>,
    pub(super) security: Given<Security>,
    pub(super) host_keys: Given<HostKeyWord>,
    pub(super) host_key: Given<Vec<String>>,
    pub(super) max_sessions: Given<usize>,
    pub(super) jump: Given<Rc<Jump>>,
    /// `None` where the file says that there is none.
    pub(super) ssh_config: Given<Option<Rc<ConfigUse>>>,
    pub(super) allow_unprotected: Given<bool>,
    pub(super) groups: Vec<String>,
    /// Whether some of the groups were reported instead of read.
    pub(super) groups_incomplete: bool,
    pub(super) tags: Vec<String>,
    timeouts: [Given<Duration>; 4],
}

impl Layer {
    /// Stands in for a layer that could not be read: nothing below it is missed.
    pub(super) fn unreadable() -> Self {
        Self {
            address: Given::Bad,
            platform: Given::Bad,
            username: Given::Bad,
            auth: Given::Bad,
            host_key: Given::Bad,
            jump: Given::Bad,
            ssh_config: Given::Bad,
            ..Self::default()
        }
    }
}

/// Tags add up over all layers; the spelling met first is kept.
pub(super) fn inherited_tags(layers: &[&Layer]) -> Vec<String> {
    let mut seen = HashSet::new();
    let all = layers.iter().flat_map(|layer| &layer.tags);
    all.filter(|tag| seen.insert(tag.to_ascii_lowercase())).cloned().collect()
}

/// Each timeout is inherited by itself.
pub(super) fn inherited_timeouts(layers: &[&Layer]) -> Timeouts {
    let Timeouts { connect, auth, command, idle } = Timeouts::default();
    let pick = |field: fn(&[Given<Duration>; 4]) -> &Given<Duration>, default| {
        Given::first(layers, |layer| field(&layer.timeouts)).value().copied().unwrap_or(default)
    };
    Timeouts {
        connect: pick(|[connect, ..]| connect, connect),
        auth: pick(|[_, auth, ..]| auth, auth),
        command: pick(|[_, _, command, _]| command, command),
        idle: pick(|[.., idle]| idle, idle),
    }
}

impl Reader<'_> {
    /// Reads the keys of a device, a group or the defaults.
    pub(super) fn layer(&mut self, at: At<'_>, node: &Node, owner: Owner) -> Layer {
        let Some(entries) = self.object(at, node) else { return Layer::unreadable() };
        let mut layer = Layer::default();
        let mut legacy_password = None;
        let mut address_key: Option<&str> = None;
        for entry in self.unique(at, entries) {
            let (here, node) = (at.value(entry), &entry.value);
            match entry.key.as_str() {
                "platform" => layer.platform = self.platform(here, node).into(),
                "port" => layer.port = self.port(here, node).into(),
                "username" => layer.username = self.username(here, node).into(),
                "auth" => layer.auth = self.auth(here, node).into(),
                "enable" => layer.enable = self.secret(here, node, "enable password").into(),
                "security" => layer.security = self.security(here, node).into(),
                "host_keys" => layer.host_keys = self.host_keys(here, node).into(),
                "max_sessions" => layer.max_sessions = self.max_sessions(here, node).into(),
                "jump" => layer.jump = self.jump(here, node).into(),
                "ssh_config" => layer.ssh_config = self.ssh_config(here, node),
                "host_key" if owner == Owner::Device => {
                    layer.host_key = self.host_key(here, node).into();
                }
                "allow_unprotected" => layer.allow_unprotected = self.flag(here, node).into(),
                "tags" => layer.tags = self.names(here, node, "tag"),
                "timeouts" => layer.timeouts = self.timeouts(here, node),
                "groups" if owner == Owner::Device => {
                    let before = self.problems.count();
                    layer.groups = self.group_references(here, node);
                    layer.groups_incomplete = self.problems.count() > before;
                }
                key @ ("address" | "ip") if owner == Owner::Device => {
                    if let Some(first) = address_key.replace(key) {
                        let what = format!("the address is given twice, as `{first}` and `{key}`");
                        self.problems.error("inv_duplicate", here, what, "keep one of them");
                    } else {
                        layer.address = self.address(here, node).into();
                    }
                }
                "password" if owner == Owner::Device && self.form == Form::Flat => {
                    legacy_password = Some(entry);
                }
                _ => self.unknown_key(at, entry, &allowed_keys(owner, self.form)),
            }
        }
        if let Some(entry) = legacy_password {
            self.legacy_password(at.value(entry), &entry.value, &mut layer.auth);
        }
        layer
    }
}
