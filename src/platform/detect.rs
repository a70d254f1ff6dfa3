//! Which platform a device is, from what it says before anybody asked for anything.
//!
//! Pure: it weighs what was seen. Who reads it off the device is `session`'s.

use std::sync::Arc;

use regex::Regex;

use super::{Platform, PlatformName, Platforms};

/// How a device of a platform is recognised.
#[derive(Debug, Default)]
pub struct Detect {
    /// Matches the identification line of its SSH server.
    pub ident: Vec<Regex>,
    /// Matches what it says before the first prompt.
    pub banner: Vec<Regex>,
    /// Matches what it says to the version command.
    pub version: Vec<Regex>,
}

/// What was seen of a device.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    /// The identification line of the SSH server.
    pub ident: String,
    /// Everything before the first prompt.
    pub banner: String,
    /// The line above the prompt.
    pub above: String,
    /// The prompt.
    pub prompt: String,
    /// The answer to the version command, once one was sent.
    pub version: Option<String>,
}

/// What can be said of the platform.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// It is this one.
    Is(PlatformName),
    /// This command would tell; it only reads on every platform that may be meant.
    Ask(String),
    /// It cannot be told; these are possible.
    Unclear(Vec<PlatformName>),
}

/// What each kind of evidence weighs. The version text names the software; an identification line
/// may be shared by several vendors; a prompt is shared by many.
const VERSION: u32 = 100;
const IDENT: u32 = 10;
const BANNER: u32 = 10;

impl Platforms {
    /// Weighs what was seen. Without a version text the answer is often the command that gets one.
    pub fn detect(&self, seen: &Seen) -> Verdict {
        let mut found: Vec<(u32, Arc<Platform>)> = self
            .usable()
            .filter(|platform| platform.mode_of(&seen.above, &seen.prompt).is_some())
            .map(|platform| (platform.weigh(seen), platform))
            .collect();
        let alone = found.len() == 1;
        found.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
        let best = found.first().map_or(0, |(weight, _)| *weight);
        found.retain(|(weight, _)| *weight == best);
        match (found.as_slice(), &seen.version) {
            ([], _) => Verdict::Unclear(Vec::new()),
            // Without the text that names the software, a prompt that no other platform has and one
            // more sign must do.
            ([(weight, only)], Some(_)) if *weight >= VERSION || (alone && *weight > 0) => {
                Verdict::Is(only.name.clone())
            }
            (candidates, Some(_)) => {
                Verdict::Unclear(candidates.iter().map(|(_, p)| p.name.clone()).collect())
            }
            ([(_, first), rest @ ..], None) => {
                let shared = rest.iter().all(|(_, p)| p.version_command == first.version_command);
                // Where the candidates disagree, the command that most devices know is asked.
                let usual = "show version";
                Verdict::Ask(if shared { first.version_command.clone() } else { usual.to_owned() })
            }
        }
    }
}

impl Platform {
    fn weigh(&self, seen: &Seen) -> u32 {
        let any = |patterns: &[Regex], text: &str| patterns.iter().any(|p| p.is_match(text));
        let mut weight = 0;
        if any(&self.detect.ident, &seen.ident) {
            weight += IDENT;
        }
        if any(&self.detect.banner, &seen.banner) {
            weight += BANNER;
        }
        if seen.version.as_ref().is_some_and(|text| any(&self.detect.version, text)) {
            weight += VERSION;
        }
        weight
    }
}
