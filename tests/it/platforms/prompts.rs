//! The platform files side by side: prompts that tell modes apart, and logins that tell devices
//! apart.

use std::sync::Arc;

use vty_mcp::lab::Personality;
use vty_mcp::platform::{Platform, Platforms, Seen, Verdict};

use super::cases;

fn each() -> Vec<Arc<Platform>> {
    let platforms = Platforms::embedded();
    platforms.names().map(|name| platforms.get(name).unwrap()).collect()
}

#[test]
fn every_prompt_is_its_own_modes_and_no_other_modes() {
    for platform in each() {
        for mode in &platform.modes {
            for case in &mode.cases {
                let (above, line) = case.rsplit_once('\n').unwrap_or(("", case));
                let found = platform.mode_of(above, line).map(|found| &found.name);
                assert_eq!(found, Some(&mode.name), "{}: {case:?}", platform.name);
                // However long a device waits before the blank at its end.
                let found = platform.mode_of(above.trim_end(), line.trim_end());
                let found = found.map(|found| &found.name);
                assert_eq!(found, Some(&mode.name), "{}: {case:?} trimmed", platform.name);
            }
        }
    }
}

#[test]
fn no_prompt_is_a_pager_a_question_a_log_line_or_a_refusal() {
    for platform in each() {
        let prompts = platform.modes.iter().flat_map(|mode| &mode.cases);
        for line in prompts.map(|case| case.rsplit('\n').next().unwrap()) {
            let is = |what: &str, found: bool| {
                assert!(!found, "{}: the prompt {line:?} is also {what}", platform.name);
            };
            is("a pager", platform.pagers.iter().any(|pager| pager.prompt.is_match(line)));
            let dialogs = platform.questions.iter().chain(&platform.login);
            is("a question", dialogs.into_iter().any(|dialog| dialog.question.is_match(line)));
            is("a log line", platform.is_log_line(line));
            is("a hang", platform.hangs.iter().any(|hang| hang.is_match(line)));
            is("a refusal", platform.failure_in(line).is_some());
        }
    }
}

/// What a simulated device says by itself: its identification line and the answer to the command
/// that shows its software.
fn said_by(platform: &Platform) -> Seen {
    let source = Personality::source(platform.name.as_str()).unwrap();
    let device: toml::Table = source.parse().unwrap();
    let home = platform.mode(&platform.default_mode).unwrap();
    let prompt = home.cases[0].as_str();
    let (above, prompt) = prompt.rsplit_once('\n').unwrap_or(("", prompt));
    let all = cases::all();
    let case = all.iter().find(|case| case.name == platform.name.as_str()).unwrap();
    Seen {
        ident: device["ident"].as_str().unwrap().to_owned(),
        banner: String::new(),
        above: above.trim_end().to_owned(),
        prompt: prompt.trim_end().to_owned(),
        version: case.printed(&platform.version_command),
    }
}

#[test]
fn no_device_is_taken_for_one_of_another_platform() {
    let platforms = Platforms::embedded();
    for platform in each() {
        let seen = said_by(&platform);
        match platforms.detect(&seen) {
            Verdict::Is(name) => assert_eq!(name, platform.name, "{seen:?}"),
            other => {
                // Without an answer to its version command nothing is claimed either.
                assert!(seen.version.is_none(), "{}: {other:?} of {seen:?}", platform.name);
            }
        }
    }
}

#[test]
fn no_platform_takes_anothers_identification_for_its_own_where_they_differ() {
    let all = each();
    let idents: Vec<(String, String)> =
        all.iter().map(|platform| (platform.name.to_string(), said_by(platform).ident)).collect();
    for platform in &all {
        let own = idents.iter().find(|(name, _)| *name == platform.name.to_string()).unwrap();
        for (name, ident) in idents.iter().filter(|(_, ident)| *ident != own.1) {
            let taken = platform.detect.ident.iter().find(|pattern| pattern.is_match(ident));
            let shared = taken.is_some_and(|pattern| pattern.is_match(&own.1));
            // A pattern may know several releases; it must not know another vendor's.
            assert!(
                taken.is_none() || (shared && vendor(name) == vendor(platform.name.as_str())),
                "{} takes `{ident}` of {name} for its own",
                platform.name
            );
        }
    }
}

fn vendor(platform: &str) -> &str {
    platform.split('_').next().unwrap()
}
