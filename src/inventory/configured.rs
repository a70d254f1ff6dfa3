//! Owns what becomes of the values of an OpenSSH configuration: addresses, keys, jump hosts and
//! commands, checked as those of the device file are.

use std::path::PathBuf;
use std::rc::Rc;

use super::address;
use super::auth::{Content, KeyUse};
use super::collect::At;
use super::device::{Auth, AuthProof, Device, DeviceName, Route, Timeouts};
use super::files;
use super::path::home;
use super::problem::{Place, Severity, cleaned};
use super::reach::ConfigUse;
use super::read::{Files, Reader};
use super::route::{Hosts, Way};
use super::sshconfig::{HostEntry, JumpSpec, Proxy, Refusal, SshConfig, expand};

/// The platform of a host that only a configuration knows. No shell is opened on it.
const HOST_PLATFORM: &str = "linux";

impl Reader<'_> {
    /// Reads a configuration, once however many devices name it.
    pub(super) fn config(&mut self, named: &ConfigUse) -> Option<Rc<SshConfig>> {
        if let Some(known) = self.configs.get(&named.path) {
            return known.clone();
        }
        let config = match self.files {
            Files::Closed => {
                let what = "`ssh_config` cannot be read from a text alone";
                let remedy = "load the device file itself";
                self.say_config(named.place.clone(), what.to_owned(), remedy);
                None
            }
            Files::Open => match SshConfig::read(&named.path) {
                Ok(config) => {
                    let strict = self.options.strict_files;
                    files::check_config(&named.path, strict, &mut self.problems);
                    Some(Rc::new(config))
                }
                Err(refusals) => {
                    for Refusal { place, what, remedy } in refusals {
                        self.say_config(place, what, remedy);
                    }
                    None
                }
            },
        };
        self.configs.insert(named.path.clone(), config.clone());
        config
    }

    fn say_config(&mut self, place: Place, what: String, remedy: &str) {
        let subject = format!("{}{:?}{what}", place.file.display(), place.position);
        self.problems.add_once(Severity::Error, "inv_ssh_config", &subject, place, what, remedy);
    }

    /// The address behind an alias.
    pub(super) fn configured_address(
        &mut self,
        config: &SshConfig,
        alias: &str,
        entry: &HostEntry,
    ) -> Option<String> {
        let named = entry.host_name.as_deref().unwrap_or("%h");
        let address = expand(named, &[('h', alias)]).unwrap_or_default();
        match address::check(&address) {
            Ok(()) => Some(address),
            Err((what, remedy)) => {
                let what = format!("`HostName` of `{}`: {what}", cleaned(alias));
                self.say_config(Place::file(&config.path), what, remedy);
                None
            }
        }
    }

    /// The private key for an alias: the first that exists.
    pub(super) fn identity(
        &mut self,
        config: &SshConfig,
        alias: &str,
        entry: &HostEntry,
        user: &str,
    ) -> Option<AuthProof> {
        let place = Place::file(&config.path);
        let home = home().map(|home| home.display().to_string()).unwrap_or_default();
        let port = entry.port.unwrap_or(22).to_string();
        let address = entry.host_name.as_deref().unwrap_or(alias);
        let tokens =
            [('h', address), ('n', alias), ('r', user), ('p', &port), ('d', home.as_str())];
        let mut paths = Vec::with_capacity(entry.identities.len());
        for identity in &entry.identities {
            let text = identity.display().to_string();
            let path = expand(&text, &tokens).ok();
            let plain = |path: &String| !path.starts_with('~') && !path.contains("${");
            let Some(path) = path.filter(plain) else {
                let what = format!("`IdentityFile` of `{}` cannot be resolved", cleaned(alias));
                self.say_config(place, what, "write the path in full");
                return None;
            };
            paths.push(self.directory.join(path));
        }
        let path: PathBuf =
            paths.iter().find(|path| path.exists()).or_else(|| paths.first())?.clone();
        let content = Content::PrivateKey { has_passphrase: false };
        self.keys.push(KeyUse { path: path.clone(), place, content });
        Some(AuthProof::Key { path, passphrase: None, certificate: None })
    }

    /// The way to a device, as its configuration says.
    pub(super) fn configured_way(
        &mut self,
        at: At<'_>,
        config: &Rc<SshConfig>,
        alias: &str,
        device: &Device,
        entry: HostEntry,
    ) -> Way {
        let place = self.problems.place(at);
        self.way_of(config, alias, device, entry.proxy, &place)
    }

    pub(super) fn way_of(
        &mut self,
        config: &Rc<SshConfig>,
        alias: &str,
        device: &Device,
        proxy: Option<Proxy>,
        place: &Place,
    ) -> Way {
        match proxy {
            None | Some(Proxy::None) => Way::Direct,
            Some(Proxy::Jump(specs)) => {
                let (config, place) = (Rc::clone(config), place.clone());
                Way::Hosts(Rc::new(Hosts { config, specs, place }))
            }
            Some(Proxy::Command(command)) => self
                .proxy_command(config, alias, device, &command)
                .map_or(Way::Broken, Way::Command),
        }
    }

    fn proxy_command(
        &mut self,
        config: &SshConfig,
        alias: &str,
        device: &Device,
        command: &str,
    ) -> Option<String> {
        let place = Place::file(&config.path);
        if !self.options.allow_proxy_commands {
            let what = "`ProxyCommand` runs a program, and the settings do not allow that";
            let remedy = "write `jump` or `ProxyJump`, or set allow_proxy_commands = true";
            let error = Severity::Error;
            let subject = config.path.display().to_string();
            self.problems.add_once(error, "inv_proxy_command", &subject, place, what, remedy);
            return None;
        }
        // The command goes to a shell, so what is put into it must be harmless there. Addresses are.
        let harmless = |text: &str| {
            let plain = |c: char| c.is_alphanumeric() || "._@+-".contains(c);
            !text.starts_with('-') && text.chars().all(plain)
        };
        if command.contains("%r") && !harmless(&device.username) {
            let what = format!("the username of `{}` may not go into a command", device.name);
            self.say_config(place, what, "remove %r from `ProxyCommand`, or use another name");
            return None;
        }
        let port = device.port.to_string();
        let tokens =
            [('h', device.address.as_str()), ('p', &port), ('r', &device.username), ('n', alias)];
        match expand(command, &tokens) {
            Ok(command) => Some(command),
            Err(_token) => {
                let what = "`ProxyCommand` has a token that is not known here".to_owned();
                self.say_config(place, what, "use %h, %p, %r, %n and %%");
                None
            }
        }
    }

    /// Makes a device of a host that only a configuration knows; its way is not in it yet.
    pub(super) fn host_device(
        &mut self,
        config: &SshConfig,
        spec: &JumpSpec,
        mut entry: HostEntry,
        name: DeviceName,
        place: &Place,
    ) -> Option<Device> {
        let alias = spec.alias.as_str();
        entry.port = spec.port.or(entry.port);
        let address = self.configured_address(config, alias, &entry)?;
        let Some(username) = spec.user.clone().or_else(|| entry.user.clone()) else {
            let what = format!("nobody says who logs in to the jump host `{}`", cleaned(alias));
            let remedy = "add `User` to its `Host` block, or make it a device of this file";
            self.say_config(place.clone(), what, remedy);
            return None;
        };
        let Some(platform) = (self.options.resolve_platform)(HOST_PLATFORM) else {
            let what = format!("the platform `{HOST_PLATFORM}` of a jump host is not loaded");
            self.say_config(place.clone(), what, "make the jump host a device of this file");
            return None;
        };
        let proof = if entry.identities.is_empty() {
            AuthProof::Agent { key: None }
        } else {
            self.identity(config, alias, &entry, &username)?
        };
        Some(Device {
            name,
            platform,
            address,
            port: entry.port.unwrap_or(22),
            username,
            auth: Auth::new(proof),
            enable: None,
            security: self.hosts.security,
            host_keys: self.hosts.host_keys.clone(),
            route: Route::Direct,
            max_sessions: 1,
            allow_unprotected: false,
            groups: Vec::new(),
            tags: Vec::new(),
            timeouts: Timeouts::default(),
        })
    }
}
