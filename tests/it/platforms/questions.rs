//! Questions of devices: which are answered, with what, and which are only reported.

use tokio_util::sync::CancellationToken;
use toml::{Table, Value};
use vty_mcp::lab::{Enable, Faults, LineKind, Question};
use vty_mcp::platform::Platforms;
use vty_mcp::policy::{GivenAnswer, permit_read_with};
use vty_mcp::session::SessionError;

use super::cases::{Case, Taught};
use super::device::{Cuts, Rig};
use super::journey::Log;
use super::{EACH, on_every_platform};

/// A question in front of the short command.
fn asking(case: &Case, prompt: &str, key: bool) -> Faults {
    let question =
        Question { command: case.short.clone(), prompt: prompt.to_owned(), yes: Vec::new(), key };
    Faults { asks: vec![question], ..Faults::default() }
}

async fn report_a_new_password(case: Case, cuts: Cuts) -> Vec<String> {
    let mut log = Log::new(format!("{}, {cuts:?}", case.name));
    let faults = Faults { change_password: true, ..Faults::default() };
    let rig = Rig::start(&case, faults, cuts).await;
    let opened = rig.open().await.map(|cli| cli.prompt().line.clone());
    let seen = rig.seen();
    if case.keeps_password {
        if opened.is_err() || seen.login_answers() != ["n"] {
            log.add(format_args!("{opened:?} after {:?}", seen.login_answers()));
        }
    } else {
        match opened {
            Err(SessionError::NeedsInput { question }) if question.contains("assword") => {}
            other => log.add(format_args!("{other:?}")),
        }
        if !seen.lines.is_empty() {
            log.add(format_args!("{:?} was sent", seen.lines));
        }
    }
    rig.stop().await;
    log.problems
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_demand_for_a_new_password_is_reported_and_nothing_is_sent() {
    on_every_platform(&EACH, |case, cuts| async move { report_a_new_password(case, cuts).await })
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_question_nobody_knows_is_reported_and_the_session_is_given_up() {
    on_every_platform(&EACH, |case, cuts| async move {
        let mut log = Log::new(format!("{}, {cuts:?}", case.name));
        let rig = Rig::start(&case, asking(&case, "Which of the two: ", false), cuts).await;
        let mut cli = rig.open().await.unwrap_or_else(|error| panic!("{}: {error}", case.name));
        match cli.run(&case.short).await {
            Err(SessionError::NeedsInput { question }) if question == "Which of the two:" => {}
            other => log.add(format_args!("{other:?}")),
        }
        if cli.is_usable() {
            log.add("the session can still be used");
        }
        let answered = rig.seen().lines.iter().any(|line| line.kind == LineKind::Answer);
        if answered {
            log.add("the question was answered");
        }
        rig.stop().await;
        log.problems
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_question_is_answered_as_the_caller_said() {
    on_every_platform(&EACH, |case, cuts| async move {
        let mut log = Log::new(format!("{}, {cuts:?}", case.name));
        let rig = Rig::start(&case, asking(&case, "Which of the two: ", false), cuts).await;
        let mut cli = rig.open().await.unwrap_or_else(|error| panic!("{}: {error}", case.name));
        let given = GivenAnswer { question: "which of the two".to_owned(), answer: "2".to_owned() };
        let permitted = permit_read_with(&rig.platform, &case.short, &[given]).unwrap();
        let answer = cli.run_permitted(&permitted, &CancellationToken::new()).await;
        log.check(&case.short, answer, &case.short_text());
        let seen = rig.seen();
        let mut answers = seen.lines.iter().filter(|line| line.kind == LineKind::Answer);
        if answers.next().is_none_or(|line| line.text != "2") || answers.next().is_some() {
            log.add(format_args!("the lines are {:?}", seen.lines));
        }
        let other = case.taught(Taught::Blanks);
        let expected = case.read(&case.taught_text(Taught::Blanks));
        log.check(&other, cli.run(&other).await, &expected);
        rig.stop().await;
        log.problems
    })
    .await;
}

/// The questions that a platform file knows, each with a real one, and whether a key answers it.
fn known_questions(case: &Case) -> Vec<(String, bool)> {
    let platforms = Platforms::embedded();
    let source = platforms.source(&platforms.resolve(&case.name).unwrap()).unwrap();
    let file: Table = source.parse().unwrap();
    let questions = file.get("questions").and_then(Value::as_array).cloned().unwrap_or_default();
    let mut all = Vec::new();
    for question in questions {
        let key = question["answer"].get("key").is_some();
        // A secret, or an interrupt, is no answer that lets the command go on.
        let interrupts = question["answer"].get("key").and_then(Value::as_str) == Some("\u{3}");
        if question["answer"].as_str() == Some("report") || interrupts {
            continue;
        }
        let cases = question.get("cases").and_then(Value::as_array).cloned().unwrap_or_default();
        all.extend(cases.iter().map(|case| (case.as_str().unwrap().to_owned(), key)));
    }
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_question_that_the_platform_knows_is_answered_without_harm() {
    on_every_platform(&[Cuts::Whole], |case, _| async move {
        let mut problems = Vec::new();
        for (question, key) in known_questions(&case) {
            let mut log = Log::new(format!("{}, {question:?}", case.name));
            let rig = Rig::start(&case, asking(&case, &question, key), Cuts::Whole).await;
            let mut cli = rig.open().await.unwrap_or_else(|error| panic!("{}: {error}", case.name));
            log.check(&case.short, cli.run(&case.short).await, &case.short_text());
            let seen = rig.seen();
            let yes = |line: &&vty_mcp::lab::ReceivedLine| {
                line.kind == LineKind::Answer && line.text.to_lowercase().starts_with('y')
            };
            if seen.lines.iter().any(|line| yes(&line)) {
                log.add("it was answered with yes");
            }
            rig.stop().await;
            problems.append(&mut log.problems);
        }
        problems
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_privileged_mode_that_is_refused_is_asked_for_once() {
    on_every_platform(&EACH, |case, cuts| async move {
        let mut log = Log::new(format!("{}, {cuts:?}", case.name));
        if !case.needs_secret() {
            return Vec::new();
        }
        let faults = Faults { enable: Enable::Rejects, ..Faults::default() };
        let rig = Rig::start(&case, faults, cuts).await;
        match rig.open().await.map(|cli| cli.prompt().clone()) {
            Err(SessionError::ModeUnreachable { reason, .. }) if !reason.contains("made-up") => {}
            other => log.add(format_args!("{other:?}")),
        }
        let attempts = rig.seen().enable_attempts();
        if attempts != 1 {
            log.add(format_args!("the secret was sent {attempts} times"));
        }
        rig.stop().await;
        log.problems
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_word_that_is_looked_up_as_a_host_is_interrupted() {
    on_every_platform(&EACH, |case, cuts| async move {
        let mut log = Log::new(format!("{}, {cuts:?}", case.name));
        let faults = Faults { dns_lookup: true, ..Faults::default() };
        let rig = Rig::start(&case, faults, cuts).await;
        if rig.platform.hangs.is_empty() {
            rig.stop().await;
            return Vec::new();
        }
        let mut cli = rig.open().await.unwrap_or_else(|error| panic!("{}: {error}", case.name));
        match cli.type_line("shwo").await {
            Ok(output) if output.rejected.is_some() => {}
            other => log.add(format_args!("{other:?}")),
        }
        if rig.seen().interrupts != 1 {
            log.add("it was not interrupted");
        }
        log.check(&case.short, cli.run(&case.short).await, &case.short_text());
        rig.stop().await;
        log.problems
    })
    .await;
}
