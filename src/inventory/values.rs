//! Owns the rules for single values: platform, address, port, username, names and timeouts.

use std::time::Duration;

use super::address;
use super::collect::At;
use super::device::is_name;
use super::hint::{listed, nearest};
use super::json::{Node, Value};
use super::layer::Given;
use super::problem::{Severity, is_plain_word};
use super::read::Reader;
use crate::platform::PlatformName;

/// The timeouts of a file and the longest each may be, in seconds.
const TIMEOUTS: [(&str, u64); 4] = [
    ("connect_seconds", 300),
    ("auth_seconds", 300),
    ("command_seconds", 7200),
    ("idle_seconds", 3600),
];

impl Reader<'_> {
    pub(super) fn platform(&mut self, at: At<'_>, node: &Node) -> Option<PlatformName> {
        let text = self.text(at, node)?;
        let platform = (self.options.resolve_platform)(text);
        if platform.is_none() {
            let shown = if is_plain_word(text) { format!(" `{text}`") } else { String::new() };
            let names = self.options.platform_names.iter().map(String::as_str);
            let remedy = match nearest(text, names) {
                Some(name) => format!("did you mean `{name}`? there are {}", self.platforms()),
                None => format!("use one of {}", self.platforms()),
            };
            self.problems.error("inv_platform", at, format!("unknown platform{shown}"), remedy);
        }
        platform
    }

    /// The known platforms, for messages.
    pub(super) fn platforms(&self) -> String {
        listed(&self.options.platform_names)
    }

    pub(super) fn address(&mut self, at: At<'_>, node: &Node) -> Option<String> {
        let text = self.text(at, node)?;
        match address::check(text) {
            Ok(()) => Some(text.to_owned()),
            Err((what, remedy)) => {
                self.problems.error("inv_host", at, what, remedy);
                None
            }
        }
    }

    pub(super) fn flag(&mut self, at: At<'_>, node: &Node) -> Option<bool> {
        if let Value::Bool(flag) = node.value {
            return Some(flag);
        }
        let what = format!("expected true or false, found {}", node.kind());
        self.problems.error("inv_type", at, what, "write true or false, without quotes");
        None
    }

    pub(super) fn port(&mut self, at: At<'_>, node: &Node) -> Option<u16> {
        const REMEDY: &str = "write a whole number from 1 to 65535, without quotes";
        let Value::Number(number) = &node.value else {
            let what = format!("expected a port number, found {}", node.kind());
            self.problems.error("inv_port", at, what, REMEDY);
            return None;
        };
        let port = number.expose().parse::<u16>().ok().filter(|port| *port > 0);
        match port {
            None => self.problems.error("inv_port", at, "the port is out of range", REMEDY),
            Some(830) => {
                let place = self.problems.place(at);
                let what = "830 is the port of NETCONF, which has no command line";
                let remedy = "use the port of the device's SSH server, mostly 22";
                let warning = Severity::Warning;
                self.problems.add_once(warning, "inv_port_netconf", "", place, what, remedy);
            }
            Some(_) => {}
        }
        port
    }

    pub(super) fn username(&mut self, at: At<'_>, node: &Node) -> Option<String> {
        let text = self.text(at, node)?;
        let sound = !text.is_empty() && text.len() <= 256 && !text.chars().any(char::is_control);
        if !sound {
            let what = "the username is empty, too long or holds control characters";
            let remedy = "write the name the device knows, up to 256 bytes";
            self.problems.error("inv_username", at, what, remedy);
        }
        sound.then(|| text.to_owned())
    }

    pub(super) fn group_references(&mut self, at: At<'_>, node: &Node) -> Vec<String> {
        let names = self.names(at, node, "group");
        if let Value::Array(items) = &node.value {
            for (index, item) in items.iter().enumerate() {
                match &item.value {
                    Value::Text(name) if is_name(name.expose()) => {
                        self.check_group(at.item(index, item), name.expose());
                    }
                    _ => {}
                }
            }
        }
        names
    }

    /// Reads a list of names; those that are none are reported and left out.
    pub(super) fn names(&mut self, at: At<'_>, node: &Node, kind: &str) -> Vec<String> {
        let Value::Array(items) = &node.value else {
            let what = format!("expected a list of {kind} names, found {}", node.kind());
            self.problems.error("inv_type", at, what, "write [\"one\", \"two\"]");
            return Vec::new();
        };
        let mut names: Vec<String> = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            let here = at.item(index, item);
            let Some(name) = self.text(here, item) else { continue };
            if !is_name(name) {
                let remedy = "use up to 64 letters, digits, `.`, `_` and `-`";
                self.problems.error("inv_name", here, format!("this is no {kind} name"), remedy);
            } else if !names.iter().any(|known| known.eq_ignore_ascii_case(name)) {
                names.push(name.to_owned());
            }
        }
        names
    }

    pub(super) fn timeouts(&mut self, at: At<'_>, node: &Node) -> [Given<Duration>; 4] {
        let mut timeouts = [Given::Absent; 4];
        let Some(entries) = self.object(at, node) else { return [Given::Bad; 4] };
        for entry in self.unique(at, entries) {
            let known = TIMEOUTS.iter().zip(&mut timeouts).find(|((key, _), _)| *key == entry.key);
            let Some(((_, longest), timeout)) = known else {
                self.unknown_key(at, entry, &TIMEOUTS.map(|(key, _)| key));
                continue;
            };
            let seconds = match &entry.value.value {
                Value::Number(number) => number.expose().parse::<u64>().ok(),
                _ => None,
            };
            let seconds = seconds.filter(|seconds| (1..=*longest).contains(seconds));
            if seconds.is_none() {
                let what = format!("expected seconds from 1 to {longest}");
                let remedy = "write a whole number without quotes";
                self.problems.error("inv_timeout", at.value(entry), what, remedy);
            }
            *timeout = seconds.map(Duration::from_secs).into();
        }
        timeouts
    }
}
