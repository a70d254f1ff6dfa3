//! Tests of the device file: each row of a table is a file and what is said about it. The numbers
//! I1 to I19 are the rows of the list of bad inputs.

mod files;
mod forms;
mod reach;
mod secrets;
mod sources;
mod ssh_config;
mod syntax;
mod values;

use std::fmt::Write as _;
use std::path::Path;

use super::*;

const PLATFORMS: [&str; 4] = ["cisco_ios", "arista_eos", "juniper_junos", "linux"];

fn resolve(name: &str) -> Option<PlatformName> {
    let name = if name == "ios" { "cisco_ios" } else { name };
    PLATFORMS.contains(&name).then(|| PlatformName::new(name))
}

fn options() -> LoadOptions<'static> {
    LoadOptions {
        resolve_platform: &resolve,
        platform_names: PLATFORMS.map(str::to_owned).to_vec(),
        strict_files: false,
        allow_proxy_commands: false,
    }
}

fn read(text: &str) -> Result<Loaded, InventoryError> {
    parse(text, Path::new("devices.json"), &options())
}

fn loaded(text: &str) -> Loaded {
    read(text).unwrap_or_else(|error| panic!("{error}\n{}", error.report()))
}

/// All problems of a file, usable or not.
fn problems(text: &str) -> Vec<Problem> {
    match read(text) {
        Ok(loaded) => loaded.notices,
        Err(error) => error.problems().to_vec(),
    }
}

/// The problems as `severity reason line:column path`, one a line.
fn summary(problems: &[Problem]) -> String {
    let mut text = String::new();
    for Problem { place, severity, reason, .. } in problems {
        let place = place.to_string();
        let place = place.strip_prefix("devices.json").unwrap_or(&place);
        writeln!(text, "{severity} {reason} {}", place.trim_start_matches(':')).unwrap();
    }
    text
}

#[track_caller]
fn check(text: &str, expected: &[&str]) {
    let found = problems(text);
    let lines = summary(&found);
    assert_eq!(lines.lines().collect::<Vec<_>>(), expected, "{text}\n{}", report(&found));
}

/// A full file with one sound device, in which `pair` is added to or replaces a key.
fn device_with(key: &str, value: &str) -> String {
    let mut pairs = vec![
        ("platform", "\"cisco_ios\""),
        ("address", "\"192.0.2.1\""),
        ("username", "\"admin\""),
        ("auth", r#"{"type": "password", "password": "pw"}"#),
    ];
    match pairs.iter_mut().find(|(known, _)| *known == key) {
        Some(pair) => pair.1 = value,
        None => pairs.push((key, value)),
    }
    let body: Vec<String> =
        pairs.iter().map(|(key, value)| format!("\"{key}\": {value}")).collect();
    format!("{{\"devices\": {{\"r1\": {{{}}}}}}}", body.join(", "))
}

/// The reasons of all problems of a device in which one key has this value.
fn reasons(key: &str, value: &str) -> Vec<&'static str> {
    problems(&device_with(key, value)).iter().map(|problem| problem.reason).collect()
}

/// What is said about the only problem of a file.
#[track_caller]
fn said(text: &str) -> String {
    let found = problems(text);
    assert_eq!(found.len(), 1, "{}", report(&found));
    format!("{}; {}", found[0].what, found[0].remedy)
}
