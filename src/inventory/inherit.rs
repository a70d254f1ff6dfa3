//! Owns how a device comes about from its own keys, its groups in their order and the defaults.
//!
//! **Invariant:** what was reported is not reported again as missing.

use std::rc::Rc;

use super::address;
use super::collect::At;
use super::device::{Device, DeviceName, Route, SecretSource, Security};
use super::layer::{Given, Layer, inherited_tags, inherited_timeouts};
use super::problem::Severity;
use super::read::{Form, Reader};
use crate::platform::PlatformName;

/// The platform of a junos-mcp-server device, which names none.
const FLAT_PLATFORM: &str = "juniper_junos";

impl Reader<'_> {
    /// Puts a device together from its own layer, those of its groups and the defaults.
    pub(super) fn device(
        &mut self,
        at: At<'_>,
        name: Option<DeviceName>,
        own: &Layer,
        defaults: &Layer,
    ) -> Option<Device> {
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
        let username = Given::first(&layers, |layer| &layer.username);
        let username = self.required(at, username, "inv_missing", "username").cloned();
        let auth = Given::first(&layers, |layer| &layer.auth);
        let auth = self.required(at, auth, "inv_credential", "auth").cloned();
        let port = match Given::first(&layers, |layer| &layer.port) {
            Given::Absent => Some(22),
            Given::Bad => None,
            Given::Value(port) => Some(*port),
        };
        let enable = Given::first(&layers, |layer| &layer.enable).value().cloned();
        let allow_unprotected = Given::first(&layers, |layer| &layer.allow_unprotected).value();
        let tags = inherited_tags(&layers);
        let timeouts = inherited_timeouts(&layers);

        let (address, port) = (address?, port?);
        if let Some(name) = &name {
            self.same_endpoint(at, name, &address, port);
        }
        Some(Device {
            name: name?,
            platform: platform?,
            address,
            port,
            username: username?,
            auth: auth?,
            enable: enable.map(SecretSource::Inline),
            security: Security::default(),
            host_keys: None,
            route: Route::Direct,
            max_sessions: 1,
            allow_unprotected: allow_unprotected.copied().unwrap_or_default(),
            groups: names,
            tags,
            timeouts,
        })
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
