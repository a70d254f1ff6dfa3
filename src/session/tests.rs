//! Sessions against scripted devices on an in-memory stream with a paused clock.

use std::sync::Arc;

use proptest::prelude::*;
use tokio::io::DuplexStream;
use tokio::task::JoinHandle;

use super::replay::{answer_newlines, perform};
use super::*;
use crate::platform::{Exchange as Said, Platforms, Transcript};
use crate::policy::{GivenAnswer, permit_read, permit_read_with};

/// Plays a recording to its end and hands the stream back.
fn play(
    greeting: String,
    script: Vec<Said>,
    cuts: Cuts,
) -> (DuplexStream, JoinHandle<DuplexStream>) {
    let (near, far) = tokio::io::duplex(1 << 16);
    let device = tokio::spawn(async move {
        let mut far = far;
        perform(&mut far, &greeting, &script, &cuts).await.unwrap();
        far
    });
    (near, device)
}

fn limits() -> Limits {
    Limits {
        prompt_timeout: Duration::from_secs(60),
        idle_timeout: Duration::from_secs(30),
        command_timeout: Duration::from_secs(120),
        output_limit: 1 << 20,
    }
}

fn secrets(enable: Option<&str>) -> LoginSecrets {
    LoginSecrets {
        username: "admin".to_owned(),
        password: Some(Secret::new("login-secret".to_owned())),
        enable: enable.map(|secret| Secret::new(secret.to_owned())),
    }
}

fn platform(name: &str) -> Arc<Platform> {
    let platforms = Platforms::embedded();
    platforms.get(&platforms.resolve(name).unwrap()).unwrap()
}

fn said(sent: &str, reply: &str) -> Said {
    Said { sent: sent.to_owned(), reply: reply.to_owned() }
}

fn paused() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap()
}

fn check_transcript(platform: &Arc<Platform>, transcript: &Transcript, cuts: Cuts) {
    let context = format!("{}, {}, {cuts:?}", platform.name, transcript.name);
    let permitted = permit_read(platform, &transcript.command).unwrap();
    let played = paused().block_on(replay(platform, transcript, &permitted, cuts));
    played.unwrap_or_else(|problem| panic!("{context}: {problem}"));
}

fn each_transcript(check: impl Fn(&Arc<Platform>, &Transcript)) {
    let platforms = Platforms::embedded();
    for name in platforms.names() {
        let platform = platforms.get(name).unwrap();
        platform.transcripts.iter().for_each(|transcript| check(&platform, transcript));
    }
}

#[test]
fn every_transcript_gives_its_output_whole() {
    each_transcript(|platform, transcript| check_transcript(platform, transcript, Cuts::Whole));
}

#[test]
fn every_transcript_gives_its_output_byte_by_byte() {
    each_transcript(|platform, transcript| check_transcript(platform, transcript, Cuts::Bytes));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn every_transcript_gives_its_output_at_random_cuts(sizes in prop::collection::vec(1_usize..40, 1..12)) {
        each_transcript(|platform, transcript| {
            check_transcript(platform, transcript, Cuts::Sizes(sizes.clone()));
        });
    }
}

/// Opens a session on an FRR router that has answered the login, with more of its script to come.
async fn frr(script: Vec<Said>) -> (Session<DuplexStream>, JoinHandle<DuplexStream>) {
    let mut all =
        vec![said("\n", "\r\nr1# "), said("terminal length 0\n", "terminal length 0\r\nr1# ")];
    all.extend(script);
    let (near, device) = play("r1# ".to_owned(), all, Cuts::Whole);
    let session = Session::open(near, platform("frr"), secrets(None), limits()).await.unwrap();
    (session, device)
}

async fn run(session: &mut Session<DuplexStream>, command: &str) -> Result<Output, SessionError> {
    let permitted = permit_read(&platform("frr"), command).unwrap();
    session.run(&permitted, &CancellationToken::new()).await
}

#[tokio::test(start_paused = true)]
async fn a_device_that_falls_silent_is_interrupted_and_the_session_kept_if_a_prompt_was_proven() {
    let (mut session, device) = frr(vec![
        said("show version\n", "show version\r\nFRRouting 8.4.4 (r"),
        said("\u{3}", "^C\r\nr1# "),
        said("\n", "\r\nr1# "),
        said("show zebra\n", "show zebra\r\nok\r\nr1# "),
    ])
    .await;
    let error = run(&mut session, "show version").await.unwrap_err();
    assert!(matches!(error, SessionError::IdleTimeout { stopped: Stopped::Proven, .. }), "{error}");
    assert_eq!(run(&mut session, "show zebra").await.unwrap().text, "ok\n");
    device.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_device_that_ignores_the_interrupt_loses_its_session() {
    let (mut session, device) =
        frr(vec![said("show version\n", "show version\r\nFRRouting"), said("\u{3}", "")]).await;
    let error = run(&mut session, "show version").await.unwrap_err();
    assert!(
        matches!(error, SessionError::IdleTimeout { stopped: Stopped::Unproven, .. }),
        "{error}"
    );
    assert!(!session.is_usable());
    let again = run(&mut session, "show version").await.unwrap_err();
    assert!(matches!(again, SessionError::Poisoned));
    device.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_command_that_never_ends_is_stopped_after_its_time() {
    let (near, far) = tokio::io::duplex(1 << 16);
    let device = tokio::spawn(async move {
        let (mut read, mut write) = tokio::io::split(far);
        write.write_all(b"r1# ").await.unwrap();
        let mut byte = [0];
        let mut line = String::new();
        let mut runaway = false;
        loop {
            tokio::select! {
                got = read.read(&mut byte) => {
                    if got.unwrap_or(0) == 0 { return; }
                    match byte[0] {
                        3 => { runaway = false; write.write_all(b"^C\r\nr1# ").await.unwrap(); }
                        b'\n' => {
                            runaway = line.starts_with("show");
                            let answer = if runaway { format!("{line}\r\n") } else { format!("{line}\r\nr1# ") };
                            write.write_all(answer.as_bytes()).await.unwrap();
                            line.clear();
                        }
                        other => line.push(char::from(other)),
                    }
                }
                () = tokio::time::sleep(Duration::from_secs(1)), if runaway => {
                    write.write_all(b"64 bytes from 192.0.2.1\r\n").await.unwrap();
                }
            }
        }
    });
    let mut session = Session::open(near, platform("frr"), secrets(None), limits()).await.unwrap();
    let error = run(&mut session, "show log").await.unwrap_err();
    assert!(
        matches!(error, SessionError::CommandTimeout { stopped: Stopped::Proven, .. }),
        "{error}"
    );
    assert!(session.is_usable());
    drop(session);
    device.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_command_is_interrupted_on_the_device() {
    let (mut session, device) = frr(vec![
        said("show version\n", "show version\r\nFRR"),
        said("\u{3}", "^C\r\nr1# "),
        said("\n", "\r\nr1# "),
    ])
    .await;
    let cancel = CancellationToken::new();
    let permitted = permit_read(&platform("frr"), "show version").unwrap();
    let canceller = cancel.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(1)).await;
        canceller.cancel();
    });
    let error = session.run(&permitted, &cancel).await.unwrap_err();
    assert!(matches!(error, SessionError::Cancelled { stopped: Stopped::Proven }), "{error}");
    device.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_dropped_run_leaves_a_session_that_sends_nothing_more() {
    let (mut session, _device) = frr(vec![said("show version\n", "show version\r\nFRR")]).await;
    let late =
        tokio::time::timeout(Duration::from_secs(1), run(&mut session, "show version")).await;
    assert!(late.is_err());
    assert!(matches!(run(&mut session, "show version").await, Err(SessionError::Poisoned)));
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_ends_in_mid_output_is_never_a_partial_success() {
    let (mut session, device) =
        frr(vec![said("show version\n", "show version\r\nFRRouting 8.4.4\r\n")]).await;
    let running = tokio::spawn(async move { run(&mut session, "show version").await });
    drop(device.await.unwrap());
    assert!(matches!(running.await.unwrap(), Err(SessionError::Closed | SessionError::Io(_))));
}

#[tokio::test(start_paused = true)]
async fn a_question_nobody_foresaw_is_reported_and_ends_the_session() {
    let (mut session, device) = frr(vec![
        said("show version\n", "show version\r\nReally show it? [confirm]"),
        said("\u{3}", "\r\nr1# "),
        said("\n", "\r\nr1# "),
    ])
    .await;
    let error = run(&mut session, "show version").await.unwrap_err();
    let SessionError::NeedsInput { question } = error else { panic!("{error}") };
    assert_eq!(question, "Really show it? [confirm]");
    assert!(!session.is_usable());
    device.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_quoted_prompt_is_no_answer_to_a_proof_however_far_the_device_is() {
    let (near, mut far) = tokio::io::duplex(1 << 16);
    let device = tokio::spawn(async move {
        far.write_all(b"r1# ").await.unwrap();
        let quoting = "show running-config\r\nbanner motd ^\r\nr1# \r\nr1# ";
        for reply in ["\r\nr1# ", "terminal length 0\r\nr1# ", quoting, "\r\nr1# "] {
            while far.read_u8().await.unwrap() != b'\n' {}
            tokio::time::sleep(Duration::from_millis(300)).await;
            far.write_all(reply.as_bytes()).await.unwrap();
        }
        far
    });
    let mut session = Session::open(near, platform("frr"), secrets(None), limits()).await.unwrap();
    let output = run(&mut session, "show running-config").await.unwrap();
    assert_eq!(output.text, "banner motd ^\nr1# \n");
    device.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_answered_question_and_its_answer_are_no_part_of_the_output() {
    let (mut session, device) = frr(vec![
        said("show version\n", "show version\r\nAs of today\r\nWhich of the two: "),
        said("2\n", "2\r\n  FRRouting\r\nr1# "),
    ])
    .await;
    let given = GivenAnswer { question: "which of".to_owned(), answer: "2".to_owned() };
    let permitted = permit_read_with(&platform("frr"), "show version", &[given]).unwrap();
    let output = session.run(&permitted, &CancellationToken::new()).await.unwrap();
    assert_eq!(output.text, "As of today\n  FRRouting\n");
    device.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_login_that_asks_for_a_password_in_unknown_words_is_told_nothing() {
    for asked in ["Choose another password: ", "Your password has expired, new password> "] {
        let (near, device) = play(format!("Welcome\r\n{asked}"), vec![], Cuts::Whole);
        let error =
            Session::open(near, platform("frr"), secrets(None), limits()).await.unwrap_err();
        let SessionError::NeedsInput { question } = error else { panic!("{error}") };
        assert_eq!(question, asked.trim());
        let mut rest = String::new();
        device.await.unwrap().read_to_string(&mut rest).await.unwrap();
        assert_eq!(rest, "");
    }
}

/// Opens a session whose device writes the log line behind each of its first prompts.
async fn check_opens(name: &str, greeting: &str, script: Vec<Said>) {
    let (near, device) = play(greeting.to_owned(), script, Cuts::Whole);
    let opened = Session::open(near, platform(name), secrets(Some("made-up")), limits()).await;
    assert!(opened.unwrap().is_usable());
    device.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_log_line_behind_the_prompt_of_another_mode_does_not_hide_it() {
    let log = "%LINK-3-UPDOWN: Interface Gi0/1, changed state to down";
    let script = vec![
        said("\n", "\r\nsw1>"),
        said("enable\n", "enable\r\nPassword: "),
        said("made-up\n", &format!("\r\nsw1#\r\n{log}\r\n")),
        said("\n", "\r\nsw1#"),
        said("terminal length 0\n", "terminal length 0\r\nsw1#"),
        said("terminal width 511\n", "terminal width 511\r\nsw1#"),
    ];
    check_opens("cisco_ios", "sw1>", script).await;
}

#[tokio::test(start_paused = true)]
async fn a_prompt_of_two_lines_is_known_when_only_its_last_is_drawn_again() {
    let log = "Message from syslogd@srl1 at Nov 20 10:15:32 ...";
    let prompt = "--{ running }--[  ]--\r\nA:srl1# ";
    let answer = |text: &str| format!("{text}\r\n{prompt}\r\n{log}\r\nA:srl1# ");
    let (first, second) =
        ("environment complete-on-space false", "environment cli-engine type basic");
    let script = vec![
        said("\n", &format!("\r\n{prompt}")),
        said(&format!("{first}\n"), &answer(first)),
        said(&format!("{second}\n"), &answer(second)),
    ];
    check_opens("nokia_srl", prompt, script).await;
}

#[tokio::test(start_paused = true)]
async fn a_refused_enable_secret_is_not_sent_twice() {
    let (near, device) = play(
        "sw1>".to_owned(),
        vec![
            said("\n", "\r\nsw1>"),
            said("enable\n", "enable\r\nPassword: "),
            said("wrong\n", "\r\nPassword: "),
        ],
        Cuts::Whole,
    );
    let error = Session::open(near, platform("cisco_ios"), secrets(Some("wrong")), limits())
        .await
        .unwrap_err();
    assert_eq!(error.code(), crate::error::ErrorCode::ModeUnreachable);
    assert!(error.to_string().contains("refused the enable secret"), "{error}");
    assert!(!error.to_string().contains("wrong"));
    let mut rest = String::new();
    device.await.unwrap().read_to_string(&mut rest).await.unwrap();
    assert_eq!(rest, "");
}

#[tokio::test(start_paused = true)]
async fn an_enable_step_that_fails_says_what_the_device_said() {
    let (near, device) = play(
        "sw1>".to_owned(),
        vec![
            said("\n", "\r\nsw1>"),
            said("enable\n", "enable\r\nPassword: "),
            said("wrong\n", "\r\n% Access denied\r\n\r\nsw1>"),
            said("\n", "\r\nsw1>"),
        ],
        Cuts::Whole,
    );
    let error = Session::open(near, platform("cisco_ios"), secrets(Some("wrong")), limits())
        .await
        .unwrap_err();
    assert!(error.to_string().contains("% Access denied"), "{error}");
    device.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_device_without_a_prompt_is_given_up_with_what_it_showed() {
    let (near, device) = play("Please call the help desk".to_owned(), vec![], Cuts::Whole);
    let far = device.await.unwrap();
    let error = Session::open(near, platform("frr"), secrets(None), limits()).await.unwrap_err();
    let SessionError::PromptTimeout { tail, .. } = error else { panic!("{error}") };
    assert_eq!(tail, "Please call the help desk");
    drop(far);
}

#[tokio::test(start_paused = true)]
async fn a_device_that_does_not_echo_is_read_with_a_proof() {
    let (mut session, device) =
        frr(vec![said("show zebra\n", "\r\nok\r\nr1# "), said("\n", "\r\nr1# ")]).await;
    assert_eq!(run(&mut session, "show zebra").await.unwrap().text, "ok\n");
    device.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_echo_that_comes_late_is_no_part_of_the_output() {
    let (mut session, device) = frr(Vec::new()).await;
    let mut far = device.await.unwrap();
    let far_away = tokio::spawn(async move {
        // A prompt that an earlier newline was owed, and then nothing for longer than echoes take.
        AsyncWriteExt::write_all(&mut far, b"\r\nr1# ").await.unwrap();
        tokio::time::sleep(Duration::from_millis(1500)).await;
        let rest = b"show zebra\r\nok\r\nr1# \r\nr1# ";
        AsyncWriteExt::write_all(&mut far, rest).await.unwrap();
        far
    });
    assert_eq!(run(&mut session, "show zebra").await.unwrap().text, "ok\n");
    far_away.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_device_that_does_not_even_end_our_line_is_read_without_its_prompt() {
    let (mut session, device) =
        frr(vec![said("show zebra\n", "  ok\r\nwell\r\nr1# "), said("\n", "\r\nr1# ")]).await;
    assert_eq!(run(&mut session, "show zebra").await.unwrap().text, "  ok\nwell\n");
    device.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_log_line_that_redraws_the_prompt_is_not_taken_for_the_answer() {
    let (mut session, device) =
        frr(vec![said("show zebra\n", "\r\n%ZEBRA-3: link down\r\nr1# show zebra\r\nok\r\nr1# ")])
            .await;
    assert_eq!(run(&mut session, "show zebra").await.unwrap().text, "ok\n");
    device.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_refused_command_names_the_kind_of_refusal() {
    let (mut session, device) =
        frr(vec![said("show foo\n", "show foo\r\n% Unknown command: show foo\r\nr1# ")]).await;
    let output = run(&mut session, "show foo").await.unwrap();
    let (kind, line) = output.rejected.unwrap();
    assert_eq!((kind.as_str(), line.as_str()), ("syntax", "% Unknown command: show foo"));
    device.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_answer_beyond_the_limit_is_cut_and_read_to_its_end() {
    let long = "x".repeat(99);
    let answer: String = std::iter::once("show log\r\n".to_owned())
        .chain((0..20_000).map(|_| format!("{long}\r\n")))
        .collect();
    let (mut session, device) = frr(vec![
        said("show log\n", &format!("{answer}r1# ")),
        said("show zebra\n", "show zebra\r\nok\r\nr1# "),
    ])
    .await;
    let output = run(&mut session, "show log").await.unwrap();
    assert!(output.is_cut() && output.total_bytes >= 2_000_000);
    assert!(output.text.len() <= 1 << 20 && output.text.len() > 1_000_000);
    assert_eq!(run(&mut session, "show zebra").await.unwrap().text, "ok\n");
    device.await.unwrap();
}

/// Runs a command with one answer on an FRR router.
async fn run_with(
    session: &mut Session<DuplexStream>,
    command: &str,
    question: &str,
    answer: &str,
) -> Result<Output, SessionError> {
    let given = GivenAnswer { question: question.to_owned(), answer: answer.to_owned() };
    let permitted = permit_read_with(&platform("frr"), command, &[given]).unwrap();
    session.run(&permitted, &CancellationToken::new()).await
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_never_typed_at_a_prompt_or_behind_an_echo() {
    // The prompt, the echo and a line of output all contain what the answer is meant for.
    let reply = "show router1 version\r\nrouter1 is up\r\nrouter1# ";
    let mut script = vec![
        said("show router1 version\n", reply),
        said("show zebra\n", "show zebra\r\nok\r\nrouter1# "),
    ];
    let mut all = vec![
        said("\n", "\r\nrouter1# "),
        said("terminal length 0\n", "terminal length 0\r\nrouter1# "),
    ];
    all.append(&mut script);
    let (near, device) = play("router1# ".to_owned(), all, Cuts::Sizes(vec![7]));
    let mut session = Session::open(near, platform("frr"), secrets(None), limits()).await.unwrap();
    let output = run_with(&mut session, "show router1 version", "router", "yes").await.unwrap();
    assert_eq!(output.text, "router1 is up\n");
    // Nothing was typed in between, or the device would have refused the next line.
    assert_eq!(run(&mut session, "show zebra").await.unwrap().text, "ok\n");
    device.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_not_given_to_a_question_about_a_change() {
    let (mut session, device) = frr(vec![
        said("show version\n", "show version\r\nThis will reload the router.\r\nContinue? [y/n]"),
        said("\u{3}", "\r\nr1# "),
        said("\n", "\r\nr1# "),
    ])
    .await;
    let error = run_with(&mut session, "show version", "Continue", "y").await.unwrap_err();
    assert!(matches!(error, SessionError::NeedsInput { .. }), "{error}");
    device.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_line_that_a_slow_device_echoes_twice_is_refused_however_its_answer_is_cut() {
    for cuts in [Cuts::Whole, Cuts::Bytes, Cuts::Sizes(vec![5, 2])] {
        let typed = "interface X";
        let answer =
            format!("{typed}\r\nleaf1(config)#{typed}\r\n% Invalid input\r\nleaf1(config)#");
        let script = vec![
            said("\n", "\r\nleaf1#"),
            said("terminal length 0\n", "terminal length 0\r\nPagination disabled.\r\nleaf1#"),
            said(
                "terminal width 32767\n",
                "terminal width 32767\r\nWidth set to 32767 columns.\r\nleaf1#",
            ),
            said("configure terminal\n", "configure terminal\r\nleaf1(config)#"),
            said("interface X\n", &answer),
        ];
        let (near, device) = play_on("leaf1#", script, cuts);
        let mut session =
            Session::open(near, platform("arista_eos"), secrets(None), limits()).await.unwrap();
        let configuration = platform("arista_eos").change.as_ref().unwrap().mode.clone();
        session.enter_mode(&configuration).await.unwrap();
        let output = session.type_line(TypedLine::Platform(typed), &[]).await.unwrap();
        assert!(output.rejected.is_some(), "{output:?}");
        drop(session);
        device.await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_device_that_is_busy_behind_an_early_prompt_is_waited_for() {
    let (near, far) = tokio::io::duplex(1 << 16);
    let device = tokio::spawn(async move {
        let mut far = far;
        let script = [
            said("\n", "\r\nleaf1#"),
            said("terminal length 0\n", "terminal length 0\r\nleaf1#"),
            said("terminal width 32767\n", "terminal width 32767\r\nleaf1#"),
            said("show version\n", "show version\r\nleaf1#"),
        ];
        perform(&mut far, "leaf1#", &script, &Cuts::Whole).await.unwrap();
        // The proof is not answered before the command was, five seconds later.
        assert_eq!(far.read_u8().await.unwrap(), b'\n');
        tokio::time::sleep(Duration::from_secs(5)).await;
        let late = "show version\r\nArista vEOS\r\nleaf1#\r\nleaf1#";
        far.write_all(late.as_bytes()).await.unwrap();
        far
    });
    let mut session =
        Session::open(near, platform("arista_eos"), secrets(None), limits()).await.unwrap();
    let permitted = permit_read(&platform("arista_eos"), "show version").unwrap();
    let output = session.run(&permitted, &CancellationToken::new()).await.unwrap();
    assert_eq!(output.text, "Arista vEOS\n");
    drop(device.await.unwrap());
}

/// Plays a recording and then answers newlines until the other side goes.
fn play_on(greeting: &str, script: Vec<Said>, cuts: Cuts) -> (DuplexStream, JoinHandle<()>) {
    let (near, far) = tokio::io::duplex(1 << 16);
    let greeting = greeting.to_owned();
    let device = tokio::spawn(async move {
        let mut far = far;
        let shown = perform(&mut far, &greeting, &script, &cuts).await.unwrap();
        answer_newlines(&mut far, &shown, &cuts).await;
    });
    (near, device)
}
