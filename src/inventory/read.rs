//! Owns how a tree becomes an inventory: the two forms of a device file, its groups and devices,
//! and what a device inherits.
//!
//! **Invariant:** reading goes on after every problem, and a value that was reported is not
//! reported again as missing.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::LoadOptions;
use super::auth::KeyUse;
use super::collect::{At, Problems};
use super::device::{Device, DeviceName, HostKeyPolicy, Security};
use super::hint::{nearest, nearest_key};
use super::json::{Entry, Node, Value};
use super::layer::{Layer, Owner, SHARED_KEYS};
use super::problem::{Severity, cleaned, is_plain_word};
use super::reach::HostKeyWord;
use super::route::Planned;
use super::source::SecretUse;
use super::sshconfig::SshConfig;

/// The keys of the full form, at the top.
const SECTIONS: &[&str] = &["defaults", "groups", "devices"];

/// Which of the two forms a file has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// The map of devices that junos-mcp-server reads.
    Flat,
    /// `defaults`, `groups` and `devices`.
    Full,
}

/// Whether other files than the device file may be looked at while it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Files {
    Open,
    Closed,
}

/// The defaults for hosts that only an OpenSSH configuration knows.
#[derive(Debug, Clone, Default)]
pub(super) struct HostRules {
    pub(super) security: Security,
    pub(super) host_keys: Option<HostKeyPolicy>,
}

/// Reads a tree; keeps what is needed on the way.
pub(super) struct Reader<'o> {
    pub(super) options: &'o LoadOptions<'o>,
    /// Where relative key paths start.
    pub(super) directory: PathBuf,
    pub(super) form: Form,
    pub(super) problems: Problems,
    /// Whether a secret stands in the file itself.
    pub(super) inline_secrets: bool,
    pub(super) keys: Vec<KeyUse>,
    pub(super) secret_files: Vec<SecretUse>,
    /// Whether files that the device file names may be opened.
    pub(super) files: Files,
    /// The OpenSSH configurations met so far; `None` for one that was reported.
    pub(super) configs: HashMap<PathBuf, Option<Rc<SshConfig>>>,
    /// What the defaults say of hosts that only an OpenSSH configuration knows.
    pub(super) hosts: HostRules,
    /// Shared, because devices are read against them while problems are added.
    pub(super) groups: Rc<HashMap<String, (String, Layer)>>,
    /// First device of every address and port.
    pub(super) endpoints: HashMap<(String, u16), String>,
}

impl<'o> Reader<'o> {
    pub(super) fn new(origin: &Path, options: &'o LoadOptions<'o>, files: Files) -> Self {
        Self {
            options,
            directory: origin.parent().unwrap_or_else(|| Path::new("")).to_owned(),
            form: Form::Full,
            problems: Problems::new(origin),
            inline_secrets: false,
            keys: Vec::new(),
            secret_files: Vec::new(),
            files,
            configs: HashMap::new(),
            hosts: HostRules::default(),
            groups: Rc::default(),
            endpoints: HashMap::new(),
        }
    }

    /// Reads the whole file into the devices that could be read.
    pub(super) fn file(&mut self, root: &Node) -> Vec<Device> {
        let at = At::root(root);
        let Value::Object(entries) = &root.value else {
            let empty = matches!(&root.value, Value::Array(items) if items.is_empty());
            let reason = if empty { "inv_empty" } else { "inv_type" };
            let what = format!("expected an object of devices, found {}", root.kind());
            self.problems.error(reason, at, what, NO_DEVICES);
            return Vec::new();
        };
        self.form = form(entries);
        match self.form {
            Form::Flat => self.devices(at, entries, &Layer::default()),
            Form::Full => self.sections(at, entries),
        }
    }

    fn sections(&mut self, at: At<'_>, entries: &[Entry]) -> Vec<Device> {
        let mut sections: [Option<&Entry>; 3] = [None; 3];
        let [defaults, groups, devices] = &mut sections;
        for entry in self.unique(at, entries) {
            match entry.key.as_str() {
                "defaults" => *defaults = Some(entry),
                "groups" => *groups = Some(entry),
                "devices" => *devices = Some(entry),
                "$schema" => {}
                key => match nearest_key(key, SECTIONS) {
                    None if is_device(&entry.value) => self.problems.error(
                        "inv_unknown_key",
                        at.key(entry),
                        "a device stands beside `devices`",
                        "move it into `devices`",
                    ),
                    _ => self.unknown_key(at, entry, SECTIONS),
                },
            }
        }
        let defaults = match defaults {
            Some(entry) => self.layer(at.value(entry), &entry.value, Owner::Defaults),
            None => Layer::default(),
        };
        self.hosts = HostRules {
            security: defaults.security.as_ref().value().copied().unwrap_or_default(),
            host_keys: defaults.host_keys.as_ref().value().map(|word| match word {
                HostKeyWord::AcceptNew => HostKeyPolicy::AcceptNew,
                // There is no place for the fingerprint of a host that has no entry.
                HostKeyWord::Strict | HostKeyWord::Pinned => HostKeyPolicy::Strict,
            }),
        };
        if let Some(entry) = groups {
            self.groups(at.value(entry), &entry.value);
        }
        let Some(devices) = devices else {
            self.problems.error("inv_empty", at, "there is no `devices`", NO_DEVICES);
            return Vec::new();
        };
        let at = at.value(devices);
        let Some(entries) = self.object(at, &devices.value) else { return Vec::new() };
        self.devices(at, entries, &defaults)
    }

    fn groups(&mut self, at: At<'_>, node: &Node) {
        let Some(entries) = self.object(at, node) else { return };
        let mut groups = HashMap::with_capacity(entries.len());
        self.report_equal_names(at, entries, "group");
        for entry in entries {
            let here = at.value(entry);
            // A group without a proper name is kept, so that its members are not reported too.
            self.name(here, entry, "group");
            let layer = self.layer(here, &entry.value, Owner::Group);
            groups.insert(entry.key.to_ascii_lowercase(), (entry.key.clone(), layer));
        }
        self.groups = Rc::new(groups);
    }

    fn devices(&mut self, at: At<'_>, entries: &[Entry], defaults: &Layer) -> Vec<Device> {
        if entries.is_empty() {
            self.problems.error("inv_empty", at, "there are no devices", NO_DEVICES);
        }
        let mut planned: Vec<Planned> = Vec::new();
        // Names whose devices could not be read are known all the same.
        let mut names: HashMap<String, Option<usize>> = HashMap::with_capacity(entries.len());
        self.report_equal_names(at, entries, "device");
        for entry in entries {
            let here = at.value(entry);
            // junos-mcp-server's relatives keep settings of their own beside the devices.
            if self.form == Form::Flat && entry.key.starts_with(['_', '$']) {
                let place = self.problems.place(at.key(entry));
                let what = "a top-level key that is no device".to_owned();
                let remedy = "it is ignored; remove it if it is a mistake";
                let warning = Severity::Warning;
                self.problems.add(warning, "inv_unknown_key", place, what, remedy);
                continue;
            }
            let name = self.name(here, entry, "device");
            let layer = self.layer(here, &entry.value, Owner::Device);
            let device = self.device(here, name, &layer, defaults);
            let index = device.is_some().then_some(planned.len());
            names.insert(entry.key.to_ascii_lowercase(), index);
            planned.extend(device);
        }
        self.routes(&planned, &names)
    }

    fn name(&mut self, at: At<'_>, entry: &Entry, kind: &str) -> Option<DeviceName> {
        let name = DeviceName::new(&entry.key);
        if name.is_none() {
            self.problems.error(
                "inv_name",
                at.key(entry),
                format!("`{}` is no {kind} name", cleaned(&entry.key)),
                "use up to 64 letters, digits, `.`, `_` and `-`, a letter or digit in front",
            );
        }
        name
    }

    /// The group a reference names, in the spelling of its definition.
    pub(super) fn check_group(&mut self, at: At<'_>, group: &str) {
        if self.form == Form::Flat || self.groups.contains_key(&group.to_ascii_lowercase()) {
            return;
        }
        let shown = if is_plain_word(group) { format!(" `{group}`") } else { String::new() };
        let known = self.groups.values().map(|(name, _)| name.as_str());
        let remedy = match nearest(group, known) {
            Some(name) => format!("did you mean `{name}`?"),
            None => "define it under `groups`, or remove it here".to_owned(),
        };
        self.problems.error("inv_ref", at, format!("there is no group{shown}"), remedy);
    }
}

const NO_DEVICES: &str =
    "write {\"devices\": {\"name\": {…}}}; devices.example.json shows a whole file";

/// Tells the forms apart: a file is in the full form when `devices`, `defaults` or `groups` stands
/// at its top and is not itself a device. Everything else is a map of devices.
fn form(entries: &[Entry]) -> Form {
    let section =
        |entry: &Entry| SECTIONS.contains(&entry.key.as_str()) && !is_device(&entry.value);
    if entries.iter().any(section) { Form::Full } else { Form::Flat }
}

/// Whether a value has a text as `ip` or `address`, which no section has.
fn is_device(node: &Node) -> bool {
    let Value::Object(entries) = &node.value else { return false };
    entries.iter().any(|entry| {
        matches!(entry.key.as_str(), "ip" | "address")
            && matches!(entry.value.value, Value::Text(_))
    })
}

/// The keys a place allows, for messages about one that it does not.
pub(super) fn allowed_keys(owner: Owner, form: Form) -> Vec<&'static str> {
    let mut keys = Vec::from(SHARED_KEYS);
    if owner == Owner::Device {
        keys.extend(["address", "ip", "groups", "host_key"]);
        if form == Form::Flat {
            keys.push("password");
        }
    }
    keys
}
