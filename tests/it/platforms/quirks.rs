//! What devices do besides answering, none of which may change what is read.

use vty_mcp::lab::{Echo, Faults, LogLine, LogPlace};

use super::cases::{Case, Taught};
use super::device::{Cuts, Rig};
use super::journey::{self, Log};
use super::{EACH, on_every_platform};

const SEED: Cuts = Cuts::Random(0x2127_599b_f432_5c37);

/// Commands whose answers are compared under every quirk.
fn answers(case: &Case, cuts: Cuts) -> Vec<(String, String)> {
    let taught = [Taught::Blanks, Taught::Nothing, Taught::Wide];
    let taught = taught.map(|which| (case.taught(which), case.read(&case.taught_text(which))));
    let mut all = vec![(case.short.clone(), case.short_text())];
    all.extend(taught);
    // Byte by byte the long one is read often enough elsewhere.
    if cuts != Cuts::Bytes {
        all.push((case.long.clone(), case.long_text()));
    }
    all
}

/// Every command reads the same as without the quirk.
async fn read_as_usual(case: Case, faults: Faults, cuts: Cuts) -> Vec<String> {
    let mut log = Log::new(format!("{}, {cuts:?}", case.name));
    let rig = Rig::start(&case, faults, cuts).await;
    match rig.open().await {
        Err(error) => log.add(format_args!("login: {error}")),
        Ok(mut cli) => {
            if cli.prompt().line != case.prompt {
                log.add(format_args!("the prompt is {:?}", cli.prompt()));
            }
            for (command, expected) in answers(&case, cuts) {
                log.check(&command, cli.run(&command).await, &expected);
                if !cli.is_usable() {
                    break;
                }
            }
        }
    }
    rig.stop().await;
    log.problems
}

async fn check(cuts: &[Cuts], faults: impl Fn(&Case) -> Option<Faults>) {
    on_every_platform(cuts, |case, cuts| {
        let faults = faults(&case);
        async move {
            match faults {
                Some(faults) => read_as_usual(case, faults, cuts).await,
                None => Vec::new(),
            }
        }
    })
    .await;
}

async fn check_echo(echo: Echo) {
    check(&EACH, |_| Some(Faults { echo, ..Faults::default() })).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_echo_that_comes_twice_is_read_past() {
    // Cut behind the first one, only platforms that are known to echo twice can be read.
    check(&[Cuts::Whole], |_| Some(Faults { echo: Echo::Twice, ..Faults::default() })).await;
    check(&EACH, |case| {
        let repeats = ["arista_eos", "cisco_nxos", "cisco_xr"].contains(&case.name.as_str());
        repeats.then(|| Faults { echo: Echo::Twice, ..Faults::default() })
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_echo_that_never_comes_is_not_waited_for() {
    // The end of the line that Enter leaves is put in behind the wire, where a cut within a prompt
    // would let it come too early.
    check(&[Cuts::Whole], |_| Some(Faults { echo: Echo::Off, ..Faults::default() })).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_echo_that_is_painted_again_is_read_past() {
    check_echo(Echo::Repainted).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_echo_that_is_wrapped_after_80_columns_is_read_past() {
    check_echo(Echo::Wrapped).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_echo_that_scrolls_behind_a_dollar_is_read_past() {
    check_echo(Echo::Scrolled).await;
}

fn logging(case: &Case, place: LogPlace, after: usize) -> Faults {
    let log_line = Some(LogLine { text: case.log.clone(), place, after });
    Faults { log_line, ..Faults::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_line_in_the_echo_is_no_part_of_the_answer() {
    check(&EACH, |case| case.knows_logs.then(|| logging(case, LogPlace::Echo, 4))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_line_behind_the_prompt_is_no_part_of_an_answer() {
    check(&EACH, |case| case.knows_logs.then(|| logging(case, LogPlace::Prompt, 0))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_line_with_a_new_prompt_behind_it_is_no_part_of_an_answer() {
    check(&EACH, |case| case.knows_logs.then(|| logging(case, LogPlace::PromptAndRedraw, 0))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_line_within_an_answer_stays_where_it_came() {
    on_every_platform(&EACH, |case, cuts| async move {
        let mut log = Log::new(format!("{}, {cuts:?}", case.name));
        let rig = Rig::start(&case, logging(&case, LogPlace::Output, 9), cuts).await;
        let mut cli = rig.open().await.unwrap_or_else(|error| panic!("{}: {error}", case.name));
        let text = case.taught_text(Taught::Blanks);
        let (head, tail) = text.split_at(9);
        let expected = case.read(&format!("{head}\n{}\n{tail}", case.log));
        let command = case.taught(Taught::Blanks);
        log.check(&command, cli.run(&command).await, &expected);
        rig.stop().await;
        log.problems
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn texts_after_the_login_are_no_prompts() {
    let floods = [
        "##########\n# sw1# hello>\n##########\n####\n#\n",
        "sw1#\nr2>\nlab@r2> \nA:lab@r2# \n<r2>\n[r2]\n$ \n",
        "WARNING: Your password has expired.\nYour password will expire in 5 days.\nPlease change your password: see the help desk?\n",
        "Authentication succeeded. Your password will expire in 3 days [Y/N]:\n\n\n",
    ];
    for flood in floods {
        check(&[Cuts::Whole, SEED], |_| {
            Some(Faults { motd: Some(flood.to_owned()), ..Faults::default() })
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_login_in_the_shell_is_answered() {
    check(&EACH, |case| {
        case.second_login.then(|| Faults { second_login: true, ..Faults::default() })
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_question_about_a_licence_is_answered() {
    check(&EACH, |case| case.license.then(|| Faults { license: true, ..Faults::default() })).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_prompt_in_colour_is_a_prompt() {
    check(&EACH, |_| Some(Faults { prompt_color: true, ..Faults::default() })).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pager_that_stays_on_leaves_nothing_behind() {
    on_every_platform(&EACH, |case, cuts| async move {
        let mut log = Log::new(format!("{}, {cuts:?}", case.name));
        let faults = Faults { paging_stays_on: true, ..Faults::default() };
        let rig = Rig::start(&case, faults, cuts).await;
        match rig.open().await {
            Err(error) => log.add(format_args!("login: {error}")),
            Ok(mut cli) => {
                log.check(&case.long, cli.run(&case.long).await, &case.long_text());
                log.check(&case.short, cli.run(&case.short).await, &case.short_text());
            }
        }
        if rig.seen().pager_answers == 0 {
            log.add("nothing was paged");
        }
        rig.stop().await;
        log.problems
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_configuration_that_quotes_the_prompt_is_read_to_its_end() {
    on_every_platform(&EACH, |case, cuts| async move {
        let mut log = Log::new(format!("{}, {cuts:?}", case.name));
        let Some(command) = case.configuration.clone() else { return Vec::new() };
        let printed = case.configuration_text();
        let teach = |device: vty_mcp::lab::LabDevice| device.command(&command, &printed);
        let rig = Rig::start_with(&case, Faults::default(), cuts, teach).await;
        match rig.open().await {
            Err(error) => log.add(format_args!("login: {error}")),
            Ok(mut cli) => {
                log.check(&command, cli.run(&command).await, &case.read(&printed));
                log.check(&case.short, cli.run(&case.short).await, &case.short_text());
            }
        }
        rig.stop().await;
        log.problems
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_of_forty_characters_is_known_again_in_every_mode() {
    on_every_platform(&[Cuts::Whole, SEED], |case, cuts| {
        let case = case.called("a-router-whose-name-is-forty-letters-big");
        journey::travel(case, Faults::default(), cuts)
    })
    .await;
}
