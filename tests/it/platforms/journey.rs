//! One session through all that a session does, whole and cut.

use std::collections::BTreeSet;

use tokio_util::sync::CancellationToken;
use vty_mcp::lab::Faults;
use vty_mcp::platform::Platform;
use vty_mcp::policy::permit_read;
use vty_mcp::session::{Output, SessionError, Stopped};

use super::cases::{Case, Taught};
use super::device::{Cli, Cuts, Rig};
use super::{EACH, on_every_platform};

/// Where a session went wrong.
pub(super) struct Log {
    place: String,
    pub(super) problems: Vec<String>,
}

impl Log {
    pub(super) fn new(place: String) -> Self {
        Self { place, problems: Vec::new() }
    }

    pub(super) fn add(&mut self, problem: impl std::fmt::Display) {
        self.problems.push(format!("{}: {problem}", self.place));
    }

    /// The answer must be this text and no refusal.
    pub(super) fn check(
        &mut self,
        command: &str,
        answer: Result<Output, SessionError>,
        expected: &str,
    ) {
        match answer {
            Err(error) => self.add(format_args!("`{command}`: {error}")),
            Ok(output) if output.text != expected => {
                self.add(format_args!("`{command}`: {}", difference(&output.text, expected)));
            }
            Ok(Output { rejected: Some((kind, line)), .. }) => {
                self.add(format_args!("`{command}` is refused as {}: {line}", kind.as_str()));
            }
            Ok(_) => {}
        }
    }
}

/// The first line that differs.
fn difference(got: &str, expected: &str) -> String {
    let (got_lines, lines) = (got.split('\n').count(), expected.split('\n').count());
    let mut pairs = got.split('\n').zip(expected.split('\n')).enumerate();
    match pairs.find(|(_, (got, expected))| got != expected) {
        Some((at, (got, expected))) => format!(
            "line {} is {got:?} and should be {expected:?} ({got_lines} lines, not {lines})",
            at + 1
        ),
        None => format!("{got_lines} lines, not {lines}; the end is {:?}", got.lines().last()),
    }
}

async fn check_refusals(case: &Case, cli: &mut Cli, log: &mut Log) {
    for refused in &case.refused {
        let command = &refused.command;
        match cli.run(command).await {
            Err(error) => log.add(format_args!("`{command}`: {error}")),
            Ok(output) => {
                let kind = output.rejected.as_ref().map(|(kind, _)| kind.as_str());
                if kind != Some(refused.kind.as_str()) {
                    log.add(format_args!("`{command}` is refused as {kind:?}: {:?}", output.text));
                }
                let expected = case.refusal_text(refused);
                if output.text != expected {
                    log.add(format_args!("`{command}`: {}", difference(&output.text, &expected)));
                }
            }
        }
    }
}

async fn check_interrupt(case: &Case, rig: &Rig, cli: &mut Cli, log: &mut Log) {
    let command = case.taught(Taught::Endless);
    let permitted = permit_read(&rig.platform, &command).unwrap();
    let cancel = CancellationToken::new();
    let running = async {
        let answer = cli.run_permitted(&permitted, &cancel).await;
        (answer, cancel.cancel()).0
    };
    let cancelling = async {
        tokio::select! {
            _ = rig.wait_for(|seen| seen.lines.iter().any(|line| line.text == command)) => {}
            () = cancel.cancelled() => {}
        }
        cancel.cancel();
    };
    let (answer, ()) = tokio::join!(running, cancelling);
    match answer {
        Err(SessionError::Cancelled { stopped: Stopped::Proven }) => {}
        other => log.add(format_args!("`{command}` interrupted: {other:?}")),
    }
    log.check(
        "the short command after an interrupt",
        cli.run(&case.short).await,
        &case.short_text(),
    );
}

/// Every mode that can be reached, and back; each step must be one that was walked.
async fn check_modes(case: &Case, platform: &Platform, cli: &mut Cli, log: &mut Log) {
    let home = &platform.default_mode;
    let step = |step: &vty_mcp::platform::Transition| format!("{} {}", step.from, step.to);
    let mut walked = BTreeSet::new();
    // The login itself walks from where it lands.
    let lands =
        platform.modes.iter().filter(|mode| case.lands.iter().any(|l| l == mode.name.as_str()));
    for mode in lands {
        walked.extend(platform.path(&mode.name, home).unwrap().into_iter().map(step));
    }
    for start in &case.starts {
        let from = platform.modes.iter().find(|mode| mode.name.as_str() == start.mode).unwrap();
        walked.extend(platform.path(&from.name, home).unwrap().into_iter().map(step));
        let modes = platform.modes.iter();
        for mode in modes.filter(|mode| start.modes.iter().any(|m| m == mode.name.as_str())) {
            walked.extend(platform.path(home, &mode.name).unwrap().into_iter().map(step));
            walked.extend(platform.path(&mode.name, home).unwrap().into_iter().map(step));
        }
    }
    for mode in &platform.modes {
        if case.unreachable.iter().any(|known| known == mode.name.as_str()) {
            continue;
        }
        let Some(there) = platform.path(home, &mode.name) else { continue };
        walked.extend(there.into_iter().map(step));
        walked.extend(platform.path(&mode.name, home).unwrap().into_iter().map(step));
        for target in [&mode.name, home] {
            if let Err(error) = cli.enter_mode(target).await {
                return log.add(error);
            }
            if cli.prompt().mode != *target {
                return log.add(format_args!("in {} instead of {target}", cli.prompt().mode));
            }
        }
    }
    let known = platform.transitions.iter().map(step);
    let unwalked: Vec<String> = known.filter(|step| !walked.contains(step)).collect();
    if unwalked != case.unwalked {
        log.add(format_args!("nothing walks {unwalked:?}"));
    }
    log.check("the short command after all modes", cli.run(&case.short).await, &case.short_text());
}

/// A session that begins elsewhere finds its way home.
async fn begin_elsewhere(case: Case, cuts: Cuts) -> Vec<String> {
    let mut problems = Vec::new();
    for start in &case.starts {
        let mut log = Log::new(format!("{} from {}, {cuts:?}", case.name, start.lab_mode));
        let rig = Rig::start(&case.starting_in(&start.lab_mode), Faults::default(), cuts).await;
        match rig.open().await {
            Err(error) => log.add(format_args!("login: {error}")),
            Ok(mut cli) => {
                let home = &rig.platform.default_mode;
                let modes = start.modes.iter().map(String::as_str).flat_map(|m| [m, home.as_str()]);
                for target in modes {
                    let mut known = rig.platform.modes.iter();
                    let mode = known.find(|mode| mode.name.as_str() == target).unwrap();
                    let entered = cli.enter_mode(&mode.name).await;
                    if entered.is_err() || cli.prompt().mode != mode.name {
                        log.add(format_args!("{target}: {entered:?}, now {:?}", cli.prompt()));
                    }
                }
                if cli.prompt().mode != *home {
                    log.add(format_args!("in {} instead of {home}", cli.prompt().mode));
                }
            }
        }
        rig.stop().await;
        problems.append(&mut log.problems);
    }
    problems
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_begins_elsewhere_finds_its_way_home() {
    on_every_platform(&EACH, begin_elsewhere).await;
}

pub(super) async fn travel(case: Case, faults: Faults, cuts: Cuts) -> Vec<String> {
    let mut log = Log::new(format!("{}, {cuts:?}", case.name));
    let rig = Rig::start(&case, faults, cuts).await;
    match rig.open().await {
        Err(error) => log.add(format_args!("login: {error}")),
        Ok(mut cli) => visit(&case, &rig, &mut cli, &mut log).await,
    }
    let seen = rig.seen();
    for setup in &rig.platform.setup {
        if !seen.commands().contains(&setup.send.as_str()) {
            log.add(format_args!("`{}` was not sent", setup.send));
        }
    }
    if seen.pager_answers > 0 {
        log.add("the pager was on");
    }
    rig.stop().await;
    log.problems
}

async fn visit(case: &Case, rig: &Rig, cli: &mut Cli, log: &mut Log) {
    if cli.prompt().line != case.prompt || cli.prompt().mode != rig.platform.default_mode {
        log.add(format_args!("the prompt is {:?}", cli.prompt()));
    }
    log.check(&case.short, cli.run(&case.short).await, &case.short_text());
    log.check(&case.long, cli.run(&case.long).await, &case.long_text());
    check_refusals(case, cli, log).await;
    for which in [Taught::Blanks, Taught::Nothing, Taught::Quotes, Taught::Wide, Taught::Open] {
        if which == Taught::Open && case.paints_over {
            continue;
        }
        let command = case.taught(which);
        let expected = case.read(&case.taught_text(which));
        log.check(&command, cli.run(&command).await, &expected);
    }
    check_interrupt(case, rig, cli, log).await;
    check_modes(case, &rig.platform, cli, log).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_platform_is_driven_whole() {
    on_every_platform(&[Cuts::Whole], |case, cuts| travel(case, Faults::default(), cuts)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_platform_is_driven_byte_by_byte() {
    on_every_platform(&[Cuts::Bytes], |case, cuts| travel(case, Faults::default(), cuts)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_platform_is_driven_at_random_cuts() {
    let seeds = [0x9e37_79b9_7f4a_7c15, 0x2545_f491_4f6c_dd1d].map(Cuts::Random);
    on_every_platform(&seeds, |case, cuts| travel(case, Faults::default(), cuts)).await;
}
