//! Owns how a device comes about from its own keys, its groups in their order, the defaults, and
//! what an OpenSSH configuration says of it.
//!
//! **Invariant:** what was reported is not reported again as missing.

use std::rc::Rc;

use super::address;
use super::collect::At;
use super::device::{Auth, Device, DeviceName, HostKeyPolicy, Route};
use super::layer::{Given, Layer, inherited_tags, inherited_timeouts};
use super::problem::Severity;
use super::reach::HostKeyWord;
use super::read::{Form, Reader};
use super::route::{Planned, Way};
use super::sshconfig::{HostEntry, SshConfig};
use crate::platform::PlatformName;

/// The platform of a junos-mcp-server device, which names none.
const FLAT_PLATFORM: &str = "juniper_junos";

/// What an OpenSSH configuration says of a device.
enum Configured {
    /// There is none.
    No,
    /// There is one, which was reported.
    Bad,
    Yes(Rc<SshConfig>, HostEntry),
}

impl Configured {
    /// Where the device file says nothing, the configuration decides.
    fn or<'g, T>(
        &'g self,
        given: Given<&'g T>,
        field: impl Fn(&'g HostEntry) -> Option<&'g T>,
    ) -> Given<&'g T> {
        match (given, self) {
            (Given::Absent, Self::Bad) => Given::Bad,
            (Given::Absent, Self::Yes(_, entry)) => match field(entry) {
                Some(value) => Given::Value(value),
                None => Given::Absent,
            },
            (given, _) => given,
        }
    }
}

impl Reader<'_> {
    /// Puts a device together from its own layer, those of its groups and the defaults. The way to
    /// it is only planned, because other devices may be on it.
    pub(super) fn device(
        &mut self,
        at: At<'_>,
        name: Option<DeviceName>,
        own: &Layer,
        defaults: &Layer,
    ) -> Option<Planned> {
        let unreadable = Layer::unreadable();
        let groups = Rc::clone(&self.groups);
        let mut names = Vec::with_capacity(own.groups.len());
        let mut layers = vec![own];
        for group in &own.groups {
            match groups.get(&group.to_ascii_lowercase()) {
                Some((name, layer)) => {
                    names.push(name.clone());
                    layers.push(layer);
                }
                None => names.push(group.clone()),
            }
        }
        if own.groups_incomplete {
            // Reported where they stand; what those groups would have given is not missed.
            layers.push(&unreadable);
        }
        layers.push(defaults);

        let platform = match Given::first(&layers, |layer| &layer.platform) {
            Given::Absent if self.form == Form::Flat => self.flat_platform(at),
            given => self.required(at, given, "inv_platform", "platform").cloned(),
        };
        let address = Given::first(&layers, |layer| &layer.address);
        let address = self.required(at, address, "inv_missing", "address").cloned();
        let configured = self.configured(&layers, address.as_deref());
        let username = Given::first(&layers, |layer| &layer.username);
        let username = configured.or(username, |entry| entry.user.as_ref());
        let username = self.required(at, username, "inv_missing", "username").cloned();
        let port =
            configured.or(Given::first(&layers, |layer| &layer.port), |entry| entry.port.as_ref());
        let port = match port {
            Given::Absent => Some(22),
            Given::Bad => None,
            Given::Value(port) => Some(*port),
        };
        let alias = address.clone().unwrap_or_default();
        let address = match (address, &configured) {
            (Some(alias), Configured::Yes(config, entry)) => {
                self.configured_address(config, &alias, entry)
            }
            (address, _) => address,
        };
        let auth = match (Given::first(&layers, |layer| &layer.auth), &configured) {
            (Given::Absent, Configured::Yes(config, entry)) if !entry.identities.is_empty() => {
                let user = username.as_deref().unwrap_or_default();
                self.identity(config, &alias, entry, user).map(Auth::new)
            }
            (Given::Absent, Configured::Bad) => None,
            (given, _) => self.required(at, given, "inv_credential", "auth").cloned(),
        };
        let host_keys = match self.host_key_policy(at, own, &layers) {
            Given::Bad => None,
            given => Some(given.value()),
        };
        let enable = Given::first(&layers, |layer| &layer.enable).value().cloned();
        let security = Given::first(&layers, |layer| &layer.security).value().copied();
        let max_sessions = Given::first(&layers, |layer| &layer.max_sessions).value().copied();
        let allow_unprotected = Given::first(&layers, |layer| &layer.allow_unprotected).value();
        let tags = inherited_tags(&layers);
        let timeouts = inherited_timeouts(&layers);

        let (address, port) = (address?, port?);
        if let Some(name) = &name {
            self.same_endpoint(at, name, &address, port);
        }
        let device = Device {
            name: name?,
            platform: platform?,
            address,
            port,
            username: username?,
            auth: auth?,
            enable,
            security: security.unwrap_or_default(),
            host_keys: host_keys?,
            route: Route::Direct,
            max_sessions: max_sessions.unwrap_or(1),
            allow_unprotected: allow_unprotected.copied().unwrap_or_default(),
            groups: names,
            tags,
            timeouts,
        };
        let way = match (Given::first(&layers, |layer| &layer.jump), configured) {
            (Given::Bad, _) | (Given::Absent, Configured::Bad) => Way::Broken,
            (Given::Value(jump), _) if jump.hops.is_empty() => Way::Direct,
            (Given::Value(jump), _) => Way::Jump(Rc::clone(jump)),
            (Given::Absent, Configured::No) => Way::Direct,
            (Given::Absent, Configured::Yes(config, entry)) => {
                self.configured_way(at, &config, &alias, &device, entry)
            }
        };
        Some(Planned { device, way })
    }

    /// What the OpenSSH configuration of a device says of it, under its address.
    fn configured(&mut self, layers: &[&Layer], address: Option<&str>) -> Configured {
        let named = match Given::first(layers, |layer| &layer.ssh_config) {
            Given::Absent | Given::Value(None) => return Configured::No,
            Given::Bad => return Configured::Bad,
            Given::Value(Some(named)) => named,
        };
        match (self.config(named), address) {
            (Some(config), Some(alias)) => {
                let entry = config.lookup(alias);
                Configured::Yes(config, entry)
            }
            _ => Configured::Bad,
        }
    }

    /// Says what the host key must be; nothing leaves it to the settings.
    fn host_key_policy(
        &mut self,
        at: At<'_>,
        own: &Layer,
        layers: &[&Layer],
    ) -> Given<HostKeyPolicy> {
        let word = match Given::first(layers, |layer| &layer.host_keys) {
            Given::Bad => return Given::Bad,
            Given::Absent => None,
            Given::Value(word) => Some(*word),
        };
        let own_word = match &own.host_keys {
            Given::Value(word) => Some(*word),
            _ => None,
        };
        match (&own.host_key, word) {
            (Given::Bad, _) => Given::Bad,
            (Given::Value(_), _) if own_word.is_some_and(|word| word != HostKeyWord::Pinned) => {
                let what = "`host_key` pins the key, and `host_keys` says something else";
                let remedy = "write \"host_keys\": \"pinned\", or remove one of them";
                self.problems.error("inv_host_key", at, what, remedy);
                Given::Bad
            }
            // What a group says of all its devices, a fingerprint says of this one alone.
            (Given::Value(pins), _) => Given::Value(HostKeyPolicy::Pinned(pins.clone())),
            (Given::Absent, Some(HostKeyWord::Pinned)) => {
                let what = "the host key is to be pinned, and there is no `host_key`";
                let remedy = "add \"host_key\": \"SHA256:…\" to the device";
                self.problems.error("inv_host_key", at, what, remedy);
                Given::Bad
            }
            (Given::Absent, Some(HostKeyWord::AcceptNew)) => Given::Value(HostKeyPolicy::AcceptNew),
            (Given::Absent, Some(HostKeyWord::Strict)) => Given::Value(HostKeyPolicy::Strict),
            (Given::Absent, None) => Given::Absent,
        }
    }

    fn flat_platform(&mut self, at: At<'_>) -> Option<PlatformName> {
        let platform = (self.options.resolve_platform)(FLAT_PLATFORM);
        let place = self.problems.place(at);
        let (severity, what, remedy) = if platform.is_some() {
            (
                Severity::Notice,
                format!("no platform is given, `{FLAT_PLATFORM}` is assumed"),
                "add `platform` where that is not what the device is".to_owned(),
            )
        } else {
            (
                Severity::Error,
                format!("no platform is given, and `{FLAT_PLATFORM}` is not loaded"),
                format!("add `platform`, one of {}", self.platforms()),
            )
        };
        self.problems.add_once(severity, "inv_platform_default", "", place, what, remedy);
        platform
    }

    fn required<'g, T>(
        &mut self,
        at: At<'_>,
        given: Given<&'g T>,
        reason: &'static str,
        key: &str,
    ) -> Option<&'g T> {
        match given {
            Given::Value(value) => Some(value),
            Given::Bad => None,
            Given::Absent => {
                let remedy = match (self.form, key) {
                    (Form::Flat, "address") => "add `ip`".to_owned(),
                    (_, "address") => "add `address` to the device".to_owned(),
                    (Form::Full, "platform") => format!(
                        "add `platform` to the device, one of its groups or `defaults`: {}",
                        self.platforms()
                    ),
                    (Form::Full, _) => {
                        format!("add `{key}` to the device, one of its groups or `defaults`")
                    }
                    (Form::Flat, _) => format!("add `{key}`"),
                };
                self.problems.error(reason, at, format!("there is no `{key}`"), remedy);
                None
            }
        }
    }

    /// Two names for one device are allowed, but seldom meant.
    fn same_endpoint(&mut self, at: At<'_>, name: &DeviceName, address: &str, port: u16) {
        let endpoint = (address::canonical(address), port);
        if let Some(first) = self.endpoints.get(&endpoint) {
            let what = format!("`{name}` has the same address and port as `{first}`");
            let place = self.problems.place(at);
            let remedy = "remove one of them, unless two names for one device are meant";
            self.problems.add(Severity::Notice, "inv_same_address", place, what, remedy);
        } else {
            self.endpoints.insert(endpoint, name.to_string());
        }
    }
}
