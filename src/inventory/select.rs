//! Owns [`Inventory`], the checked devices of a file, and how some of them are chosen.
//!
//! Names are compared without regard to case everywhere: two that differ only in case cannot both
//! be in a file.

use std::collections::{BTreeMap, BTreeSet};

use super::device::Device;
use super::hint;
use crate::platform::PlatformName;

/// The devices of a checked file.
#[derive(Debug, Clone, Default)]
pub struct Inventory {
    /// By name in lower case.
    devices: BTreeMap<String, Device>,
}

impl Inventory {
    pub(super) fn new(devices: Vec<Device>) -> Self {
        let key = |device: &Device| device.name.as_str().to_ascii_lowercase();
        Self { devices: devices.into_iter().map(|device| (key(&device), device)).collect() }
    }

    /// The device of that name.
    pub fn device(&self, name: &str) -> Option<&Device> {
        self.devices.get(&name.to_ascii_lowercase())
    }

    /// Every device, sorted by name.
    pub fn devices(&self) -> impl ExactSizeIterator<Item = &Device> {
        self.devices.values()
    }

    /// How many devices there are.
    pub fn len(&self) -> usize {
        self.devices.len()
    }

    /// Whether there is no device. A file without devices is refused, so only
    /// `Inventory::default()` is empty.
    pub fn is_empty(&self) -> bool {
        self.devices.is_empty()
    }

    /// The names of the groups that have devices, sorted.
    pub fn groups(&self) -> BTreeSet<&str> {
        self.devices().flat_map(|device| &device.groups).map(String::as_str).collect()
    }

    /// The tags that devices have, sorted.
    pub fn tags(&self) -> BTreeSet<&str> {
        self.devices().flat_map(|device| &device.tags).map(String::as_str).collect()
    }

    /// The devices that pass every filter, sorted by name. Without filters that is every device;
    /// ask [`Selector::is_empty`] where that must not happen by accident.
    pub fn select(&self, selector: &Selector) -> Vec<&Device> {
        self.devices().filter(|device| selector.matches(device)).collect()
    }

    /// The name that `name` is most likely a slip of, for "did you mean".
    pub fn nearest(&self, name: &str) -> Option<&str> {
        hint::nearest(name, self.devices().map(|device| device.name.as_str()))
    }
}

/// Filters for devices; those that are given must all pass.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selector {
    /// A pattern for the whole name: `*` stands for any characters, `?` for one.
    pub name: Option<String>,
    /// A group the device is in.
    pub group: Option<String>,
    /// A tag the device has.
    pub tag: Option<String>,
    /// The platform it has.
    pub platform: Option<PlatformName>,
}

impl Selector {
    /// Whether no filter is given.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether a device passes every filter.
    pub fn matches(&self, device: &Device) -> bool {
        let among = |names: &[String], wanted: &Option<String>| {
            wanted
                .as_ref()
                .is_none_or(|wanted| names.iter().any(|name| name.eq_ignore_ascii_case(wanted)))
        };
        self.name.as_ref().is_none_or(|pattern| glob(pattern, device.name.as_str()))
            && among(&device.groups, &self.group)
            && among(&device.tags, &self.tag)
            && self.platform.as_ref().is_none_or(|platform| *platform == device.platform)
    }
}

/// Matches a whole text against a pattern with `*` and `?`, without regard to case.
///
/// It goes back only to the last `*`, so the work is at most the product of the two lengths.
fn glob(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut p, mut t) = (0, 0);
    let mut last_star: Option<(usize, usize)> = None;
    while let Some(&byte) = text.get(t) {
        match pattern.get(p) {
            Some(b'*') => {
                last_star = Some((p, t));
                p += 1;
            }
            Some(&wanted) if wanted == b'?' || wanted.eq_ignore_ascii_case(&byte) => {
                p += 1;
                t += 1;
            }
            _ => match &mut last_star {
                Some((star, taken)) => {
                    *taken += 1;
                    (p, t) = (*star + 1, *taken);
                }
                None => return false,
            },
        }
    }
    pattern.get(p..).unwrap_or_default().iter().all(|&rest| rest == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn glob_patterns() {
        let cases = [
            ("core-*", "core-r1", true),
            ("CORE-?1", "core-r1", true),
            ("*r*1*", "core-r1", true),
            ("core", "core-r1", false),
            ("", "core-r1", false),
            ("*", "core-r1", true),
            ("?ore-r1?", "core-r1", false),
            ("*-r?", "core-r1", true),
            ("a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaa", false),
        ];
        for (pattern, text, expected) in cases {
            assert_eq!(glob(pattern, text), expected, "{pattern} {text}");
        }
    }
}
