//! Owns the way to a device: jump hosts that are devices of the same file, and what an OpenSSH
//! configuration says.
//!
//! **Invariant:** a device whose way cannot be found is an error of the file. It never comes out
//! with a shorter way.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use super::device::{Device, DeviceName, Route};
use super::hint::nearest;
use super::problem::{Place, Severity};
use super::reach::{Jump, MOST_HOPS};
use super::read::Reader;
use super::sshconfig::{JumpSpec, SshConfig};

/// A device whose way is not found yet.
#[derive(Debug)]
pub(super) struct Planned {
    pub(super) device: Device,
    pub(super) way: Way,
}

/// How a device is to be reached.
#[derive(Debug)]
pub(super) enum Way {
    Direct,
    /// Through devices of the file.
    Jump(Rc<Jump>),
    /// Through the hosts of `ProxyJump`.
    Hosts(Rc<Hosts>),
    /// Over a command.
    Command(String),
    /// In a way that was reported.
    Broken,
}

/// The hosts of one `ProxyJump`.
#[derive(Debug)]
pub(super) struct Hosts {
    pub(super) config: Rc<SshConfig>,
    pub(super) specs: Rc<Vec<JumpSpec>>,
    /// Where the device file names the configuration.
    pub(super) place: Place,
}

/// Why a way leads nowhere.
enum Fault {
    /// It was said.
    Reported,
    /// There are too many hosts on it.
    Deep,
    /// The last of these hosts is among those before it.
    Loop(Vec<String>),
}

/// What stands in front of a host of an OpenSSH configuration, so that it is not taken for a device
/// of the file.
const ALIAS: char = '@';

impl Reader<'_> {
    /// Finds the way to every device.
    pub(super) fn routes(
        &mut self,
        planned: &[Planned],
        names: &HashMap<String, Option<usize>>,
    ) -> Vec<Device> {
        let mut router =
            Router { reader: self, planned, names, done: HashMap::new(), chains: HashMap::new() };
        let mut devices = Vec::with_capacity(planned.len());
        for (index, Planned { device, way }) in planned.iter().enumerate() {
            let found = match way {
                // Most devices; they need no copy for others to share.
                Way::Direct => Ok(Route::Direct),
                _ => router.device(index, &mut Vec::new()).map(|device| device.route.clone()),
            };
            match found {
                Ok(route) if route.hops().len() > MOST_HOPS => {
                    router.report(planned.get(index), Fault::Deep);
                }
                Ok(route) => devices.push(Device { route, ..device.clone() }),
                Err(fault) => router.report(planned.get(index), fault),
            }
        }
        devices
    }
}

/// Finds ways; each one is found once.
struct Router<'r, 'o, 'p> {
    reader: &'r mut Reader<'o>,
    planned: &'p [Planned],
    /// The place of each name of the file in `planned`; `None` where the device was reported.
    names: &'p HashMap<String, Option<usize>>,
    done: HashMap<usize, Arc<Device>>,
    /// The last host of a list of hosts, by the list.
    chains: HashMap<String, Arc<Device>>,
}

impl Router<'_, '_, '_> {
    /// A device of the file with its way. `trail` are the hosts from which it is asked for.
    fn device(&mut self, index: usize, trail: &mut Vec<String>) -> Result<Arc<Device>, Fault> {
        if let Some(device) = self.done.get(&index) {
            return Ok(Arc::clone(device));
        }
        let planned = self.planned;
        let Some(Planned { device, way }) = planned.get(index) else {
            return Err(Fault::Reported);
        };
        enter(trail, device.name.as_str().to_ascii_lowercase())?;
        let route = match way {
            Way::Direct => Ok(Route::Direct),
            Way::Command(command) => Ok(Route::ProxyCommand(command.clone())),
            Way::Broken => Err(Fault::Reported),
            Way::Jump(jump) => self.jump(jump, trail).map(Route::Through),
            Way::Hosts(hosts) => self.hosts(hosts, trail).map(Route::Through),
        };
        trail.pop();
        let device = Arc::new(Device { route: route?, ..device.clone() });
        self.done.insert(index, Arc::clone(&device));
        Ok(device)
    }

    /// The last of the devices that `jump` names.
    fn jump(&mut self, jump: &Jump, trail: &mut Vec<String>) -> Result<Arc<Device>, Fault> {
        let lower = |name: &DeviceName| name.as_str().to_ascii_lowercase();
        let names: Vec<String> = jump.hops.iter().map(|(name, _)| lower(name)).collect();
        let key = names.join(",");
        if let Some(last) = self.chains.get(&key) {
            return Ok(Arc::clone(last));
        }
        let mut members = Vec::with_capacity(names.len());
        let mut unknown = false;
        for (name, place) in &jump.hops {
            match self.names.get(&lower(name)) {
                Some(Some(index)) => members.push((*index, place)),
                // The device itself was reported.
                Some(None) => unknown = true,
                None => {
                    unknown = true;
                    self.unknown(name, place);
                }
            }
        }
        if unknown {
            return Err(Fault::Reported);
        }
        let mut last: Option<Arc<Device>> = None;
        for (index, place) in members {
            last = Some(match last {
                None => self.device(index, trail)?,
                Some(before) => self.behind(index, before, place, trail)?,
            });
        }
        let last = last.ok_or(Fault::Reported)?;
        self.chains.insert(key, Arc::clone(&last));
        Ok(last)
    }

    /// A device of the file that is reached through the one before it in a list.
    fn behind(
        &mut self,
        index: usize,
        before: Arc<Device>,
        place: &Place,
        trail: &mut Vec<String>,
    ) -> Result<Arc<Device>, Fault> {
        let planned = self.planned;
        let Some(Planned { device, way }) = planned.get(index) else {
            return Err(Fault::Reported);
        };
        let name = device.name.as_str().to_ascii_lowercase();
        let mut earlier = trail.clone();
        earlier
            .extend(before.route.hops().iter().map(|hop| hop.name.as_str().to_ascii_lowercase()));
        earlier.push(before.name.as_str().to_ascii_lowercase());
        // The list itself goes round, which nobody but this device has to say.
        if earlier.contains(&name) {
            let what = format!("`{}` is on the way to itself", device.name);
            let remedy = "name each device once";
            self.say_jump(place, what, remedy);
            return Err(Fault::Reported);
        }
        let route = Route::Through(before);
        if matches!(way, Way::Direct) {
            return Ok(Arc::new(Device { route, ..device.clone() }));
        }
        let own = self.device(index, trail)?;
        if own.route == route {
            return Ok(own);
        }
        let what = format!("`{}` has a way of its own, which is another one", device.name);
        let remedy = "name only the last jump host, which is reached as its own entry says, or \
                      remove the way from that entry";
        self.say_jump(place, what, remedy);
        Err(Fault::Reported)
    }

    /// The last of the hosts that a `ProxyJump` names.
    fn hosts(&mut self, hosts: &Hosts, trail: &mut Vec<String>) -> Result<Arc<Device>, Fault> {
        let Hosts { config, specs, place } = hosts;
        let key = format!("{}\n{specs:?}", config.path.display());
        if let Some(last) = self.chains.get(&key) {
            return Ok(Arc::clone(last));
        }
        let mut last: Option<Arc<Device>> = None;
        for spec in specs.iter() {
            last = Some(self.host(config, spec, last, place, trail)?);
        }
        let last = last.ok_or(Fault::Reported)?;
        self.chains.insert(key, Arc::clone(&last));
        Ok(last)
    }

    /// A host of a `ProxyJump`: the device of the file that has this name, or one made of what the
    /// configuration says.
    fn host(
        &mut self,
        config: &Rc<SshConfig>,
        spec: &JumpSpec,
        before: Option<Arc<Device>>,
        place: &Place,
        trail: &mut Vec<String>,
    ) -> Result<Arc<Device>, Fault> {
        let plain = spec.user.is_none() && spec.port.is_none();
        if let Some(index) = self.names.get(&spec.alias.to_ascii_lowercase()).filter(|_| plain) {
            let index = index.ok_or(Fault::Reported)?;
            return match before {
                None => self.device(index, trail),
                Some(before) => self.behind(index, before, place, trail),
            };
        }
        let entry = config.lookup(&spec.alias);
        let proxy = entry.proxy.clone();
        let name = self.fit_name(&spec.alias);
        let hop = self.reader.host_device(config, spec, entry, name, place);
        let hop = hop.ok_or(Fault::Reported)?;
        // As in OpenSSH, what a later host of the list says about its own way does not count.
        if let Some(before) = before {
            return Ok(Arc::new(Device { route: Route::Through(before), ..hop }));
        }
        enter(trail, format!("{ALIAS}{}", spec.alias.to_ascii_lowercase()))?;
        let route = match self.reader.way_of(config, &spec.alias, &hop, proxy, place) {
            Way::Direct => Ok(Route::Direct),
            Way::Command(command) => Ok(Route::ProxyCommand(command)),
            Way::Hosts(hosts) => self.hosts(&hosts, trail).map(Route::Through),
            Way::Broken | Way::Jump(_) => Err(Fault::Reported),
        };
        trail.pop();
        Ok(Arc::new(Device { route: route?, ..hop }))
    }

    /// A name for a host of a configuration that no device of the file has.
    fn fit_name(&self, alias: &str) -> DeviceName {
        let letter = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '-' };
        let plain: String = alias.chars().map(letter).collect();
        let plain = plain.trim_start_matches(|c: char| !c.is_ascii_alphanumeric());
        let mut name: String = plain.chars().take(48).collect();
        if name.is_empty() {
            name.push_str("host");
        }
        while self.names.contains_key(&name.to_ascii_lowercase()) {
            name.push_str("-hop");
        }
        DeviceName::fitted(name)
    }

    fn unknown(&mut self, name: &DeviceName, place: &Place) {
        let planned = self.planned.iter().map(|planned| planned.device.name.as_str());
        let remedy = match nearest(name.as_str(), planned) {
            Some(name) => format!("did you mean `{name}`?"),
            None => "name a device of this file; a jump host needs an entry of its own".to_owned(),
        };
        self.say_jump(place, format!("there is no device `{name}` to jump through"), &remedy);
    }

    fn say_jump(&mut self, place: &Place, what: String, remedy: &str) {
        // A list in a group is met once for every device of the group.
        let subject = format!("{:?} {what}", place.position);
        let problems = &mut self.reader.problems;
        problems.add_once(Severity::Error, "inv_jump", &subject, place.clone(), what, remedy);
    }

    /// Reports what was found out about the way to one device.
    fn report(&mut self, planned: Option<&Planned>, fault: Fault) {
        let Some(Planned { device, way }) = planned else { return };
        let place = match way {
            Way::Jump(jump) => jump.place.clone(),
            Way::Hosts(hosts) => hosts.place.clone(),
            Way::Direct | Way::Command(_) | Way::Broken => return,
        };
        match fault {
            Fault::Reported => {}
            Fault::Deep => {
                let what = format!("there are more than {MOST_HOPS} jump hosts on the way");
                self.say_jump(&place, what, "jump through fewer devices");
            }
            Fault::Loop(trail) => {
                let closing = trail.last().cloned().unwrap_or_default();
                // A device in the loop says so itself.
                let own = closing == device.name.as_str().to_ascii_lowercase();
                if !own && !closing.starts_with(ALIAS) {
                    return;
                }
                let round = trail.iter().skip_while(|name| **name != closing);
                let round: Vec<&str> = round.map(|name| name.trim_start_matches(ALIAS)).collect();
                let what = match round.as_slice() {
                    [_, _] if own => format!("`{}` is its own jump host", device.name),
                    _ => format!("the jump hosts go round: {}", round.join(" → ")),
                };
                let mut members = round.clone();
                members.sort_unstable();
                members.dedup();
                let problems = &mut self.reader.problems;
                let subject = members.join(" ");
                let remedy = "one of them must be reached directly";
                problems.add_once(Severity::Error, "inv_jump", &subject, place, what, remedy);
            }
        }
    }
}

/// Steps to the next host of a way, unless that is too many or goes round.
fn enter(trail: &mut Vec<String>, host: String) -> Result<(), Fault> {
    if trail.contains(&host) {
        let mut round = trail.clone();
        round.push(host);
        return Err(Fault::Loop(round));
    }
    if trail.len() > MOST_HOPS {
        return Err(Fault::Deep);
    }
    trail.push(host);
    Ok(())
}
