//! What holds of every personality, whatever it is.

use super::super::super::personality::{Endless, Wants};
use super::*;

/// Fewest lines of the output that a personality is paged with.
const LONG: usize = 60;

/// A session at its first prompt, with nothing to turn the pager off.
fn session(personality: &Arc<Personality>) -> Cli {
    let faults = Arc::new(Faults { paging_stays_on: true, ..Faults::default() });
    let rules = Arc::clone(&personality.configuration);
    let configuration = Configuration::new(rules, Arc::clone(&faults), "r1", &[]).unwrap();
    let identity = Identity {
        user: "lab".to_owned(),
        role: String::new(),
        enable_secret: None,
        password: "right".to_owned(),
        options: String::new(),
    };
    let chassis = Arc::new(Chassis::new(configuration));
    let mut cli = Cli::new(Arc::clone(personality), faults, chassis, identity, (200, ROWS));
    cli.start();
    for question in personality.login.iter().filter(|question| question.only_with.is_none()) {
        let answer = match question.wants {
            Wants::Username => "lab",
            Wants::Password => "right",
            Wants::Any | Wants::None => question.yes.first().map_or("", String::as_str),
        };
        cli.feed(answer.as_bytes());
        if !question.key || answer.is_empty() {
            cli.feed(b"\r");
        }
    }
    assert!(matches!(cli.state, State::Prompt), "{}: no prompt", personality.name());
    cli
}

fn last_line(text: &str) -> String {
    text.rsplit('\n').next().unwrap_or_default().to_owned()
}

/// The prompt of the mode it is in, as it comes.
fn prompt(cli: &Cli) -> String {
    last_line(&cli.painted(&cli.prompt_text().1))
}

/// A mode and those it inherits from.
fn lineage<'p>(personality: &'p Personality, mode: &'p str) -> Vec<&'p str> {
    let next = |mode: &&'p str| personality.modes[*mode].inherits.as_deref();
    std::iter::successors(Some(mode), next).collect()
}

fn is_known_in(command: &Command, modes: &[&str]) -> bool {
    command.modes.iter().any(|mode| modes.contains(&mode.as_str()))
}

/// A command that only prints, known where a session starts: one whose output `fits`.
fn command(personality: &Personality, fits: impl Fn(usize) -> bool) -> Option<&Command> {
    let here = lineage(personality, &personality.login_mode);
    personality.commands.iter().find(|command| {
        let words_only = !command.words.contains('<');
        let only_prints = command.asks.is_empty()
            && !command.password
            && command.enter.is_none()
            && command.leave.is_none()
            && command.endless.is_none()
            && command.does.is_none()
            && command.run_in.is_none();
        words_only
            && only_prints
            && is_known_in(command, &here)
            && fits(command.output.lines().count())
    })
}

/// Goes through all pages; what was printed, without what a pager writes.
fn read_pages(cli: &mut Cli, pages: &mut usize) -> String {
    let paging = cli.personality.paging.clone();
    let mut printed = String::new();
    while matches!(cli.state, State::Pager(_)) {
        *pages += 1;
        let page = text(&cli.feed(b" "));
        let page = page.strip_prefix(&paging.erase).unwrap_or_else(|| panic!("{page:?}"));
        printed.push_str(page);
    }
    printed
}

fn check_short_command(personality: &Arc<Personality>) {
    let name = personality.name();
    let short = command(personality, |lines| (1..ROWS as usize - 2).contains(&lines));
    let short = short.unwrap_or_else(|| panic!("{name}: no short command"));
    let mut cli = session(personality);
    let answer = text(&cli.feed(format!("{}\r", short.words).as_bytes()));
    assert!(answer.ends_with(&prompt(&cli)), "{name}: {answer:?}");
    let shown = cli.expand(&short.output).replace('\n', &personality.newline);
    assert!(answer.contains(&shown), "{name}: {answer:?}");
}

fn check_long_command(personality: &Arc<Personality>) {
    let name = personality.name();
    let long = command(personality, |lines| lines >= LONG);
    let long = long.unwrap_or_else(|| panic!("{name}: no long command"));
    let mut cli = session(personality);
    let first = text(&cli.feed(format!("{}\r", long.words).as_bytes()));
    assert!(matches!(cli.state, State::Pager(_)), "{name}: `{}` is not paged", long.words);
    let mut pages = 1;
    let rest = read_pages(&mut cli, &mut pages);
    assert!(pages > 2, "{name}: {pages} pages");
    assert!(rest.ends_with(&prompt(&cli)), "{name}: {rest:?}");
    let lines = long.output.lines().count();
    let printed = first.matches('\n').count() + rest.matches('\n').count();
    assert!(printed >= lines, "{name}: {printed} of {lines} lines");
}

fn check_unknown_command(personality: &Arc<Personality>) {
    let name = personality.name();
    let errors = &personality.errors;
    let said = errors.unknown.as_ref().unwrap_or(&errors.invalid);
    // What is said is compared up to its first placeholder behind the caret.
    let words = said.trim_start_matches("{caret}\n").split('{').next().unwrap_or_default();
    assert!(!words.trim().is_empty(), "{name}: an unknown command is refused without a word");
    let mut cli = session(personality);
    let answer = text(&cli.feed(b"qqzzy\r"));
    assert!(answer.contains(words.trim()), "{name}: {answer:?}");
    assert!(answer.ends_with(&prompt(&cli)), "{name}: {answer:?}");
}

fn check_way_out(personality: &Arc<Personality>, mode: &str) {
    let name = personality.name();
    let leads_out = |command: &&Command| {
        command.leave.is_some() || command.enter.as_ref().is_some_and(|next| next != mode)
    };
    let out = lineage(personality, mode).into_iter().find_map(|known| {
        let here = |command: &&Command| is_known_in(command, &[known]);
        let plain = |command: &&Command| !command.words.contains('<') && !command.password;
        personality.commands.iter().filter(here).filter(plain).find(leads_out)
    });
    let out = out.unwrap_or_else(|| panic!("{name}: no command leads out of {mode}"));
    let mut cli = session(personality);
    mode.clone_into(&mut cli.mode);
    let mut answer = text(&cli.feed(format!("{}\r", out.words).as_bytes()));
    while let State::Asking(pending) = &cli.state {
        let ask = &pending.command.asks[pending.asked];
        let yes = ask.yes.first().cloned().unwrap_or_default();
        answer.push_str(&text(&cli.feed(format!("{yes}\r").as_bytes())));
    }
    let is_out = cli.mode != mode || matches!(cli.state, State::Closed);
    assert!(is_out, "{name}: `{}` does not lead out of {mode}: {answer:?}", out.words);
}

fn check_endless_command(personality: &Arc<Personality>) {
    let name = personality.name();
    let endless = personality.commands.iter().find(|command| command.endless.is_some());
    // The three first platforms have none.
    let Some(endless) = endless else { return };
    let mut cli = session(personality);
    endless.modes[0].clone_into(&mut cli.mode);
    let line = endless.words.replace("<word>", "192.0.2.1").replace("<num>", "1000");
    let mut seen = text(&cli.feed(format!("{line}\r").as_bytes()));
    assert!(cli.tick_interval().is_some(), "{name}: `{line}` ends by itself: {seen:?}");
    seen.push_str(&text(&cli.tick()));
    let Some(Endless { line, .. }) = &endless.endless else { return };
    let printed = line.split('{').next().unwrap_or_default().trim_end();
    assert!(seen.contains(printed), "{name}: {seen:?}");
    let end = text(&cli.feed(b"\x03"));
    assert!(end.ends_with(&prompt(&cli)), "{name}: {end:?}");
}

#[test]
fn every_personality_answers_pages_refuses_and_can_be_left() {
    let names: Vec<&str> = Personality::builtin_names().collect();
    assert!(names.contains(&"cisco_ios"));
    for name in names {
        let personality = Arc::new(Personality::builtin(name).unwrap());
        check_short_command(&personality);
        check_long_command(&personality);
        check_unknown_command(&personality);
        check_endless_command(&personality);
        for mode in personality.modes.keys() {
            check_way_out(&personality, mode);
        }
    }
}
