//! Questions, interrupts and faults.

use super::super::super::faults::{Echo, Enable, LogLine, LogPlace};
use super::*;

#[test]
fn a_wrong_password_is_asked_for_again_and_then_refused() {
    check(
        "cisco_ios",
        "enable\ra\rb\rc\r",
        "enable\nPassword: \nPassword: \nPassword: \n% Bad secrets\n\nr1>",
    );
    let rejects = Faults { enable: Enable::Rejects, ..Faults::default() };
    check_with(
        "cisco_ios",
        &rejects,
        "enable\rsecret\rsecret\r\r",
        "enable\nPassword: \nPassword: \nPassword: \n% Bad secrets\n\nr1>",
    );
    let open = Faults { enable: Enable::AsksNothing, ..Faults::default() };
    check_with("cisco_ios", &open, "enable\r", "enable\nr1#");
    check("arista_eos", "enable\r", "enable\nr1#");
}

#[test]
fn the_pager_can_refuse_to_be_turned_off() {
    let stubborn = Faults { paging_stays_on: true, ..Faults::default() };
    let mut cli = cli("arista_eos", stubborn);
    cli.start();
    assert!(text(&cli.feed(b"terminal length 0\r")).contains("Pagination disabled."));
    assert!(text(&cli.feed(b"show interfaces\r")).ends_with(" --More-- "));
}

#[test]
fn questions_wait_for_their_answer() {
    let open = || Faults { enable: Enable::AsksNothing, ..Faults::default() };
    check_with(
        "cisco_ios",
        &open(),
        "en\rreload\rn",
        "en\nr1#reload\nProceed with reload? [confirm]n\nr1#",
    );
    check_with(
        "cisco_ios",
        &open(),
        "en\rreload\r\r",
        "en\nr1#reload\nProceed with reload? [confirm]\n<closed>",
    );
    check_with(
        "cisco_ios",
        &open(),
        "en\rcopy run start\r\r",
        "en\nr1#copy run start\nDestination filename [startup-config]? \n\
         Building configuration...\n[OK]\nr1#",
    );
    check(
        "juniper_junos",
        "request system reboot\rno\r",
        "request system reboot\nReboot the system ? [yes,no] (no) no\n\nlab@r1> ",
    );
}

#[test]
fn endless_output_ends_with_an_interrupt() {
    let mut cli = cli("frr", Faults::default());
    cli.start();
    assert_eq!(cli.tick_interval(), None);
    cli.feed(b"ping 192.0.2.1\r");
    assert_eq!(cli.tick_interval(), Some(Duration::from_millis(200)));
    assert_eq!(text(&cli.tick()), "64 bytes from 192.0.2.1: icmp_seq=1 ttl=64 time=0.412 ms\r\n");
    assert_eq!(text(&cli.feed(b"show version\r")), "");
    let ended = cli.feed(b"\x03");
    assert!(ended.contains(&Action::Interrupted) && ended.contains(&Action::Note(Note::Interrupt)));
    assert!(text(&ended).ends_with("1 packets transmitted, 1 received, 0% packet loss\r\nr1# "));
    assert_eq!(cli.tick_interval(), None);
}

#[test]
fn a_command_that_hangs_ends_with_an_interrupt_or_never() {
    let hang = |ignores_interrupt| Faults {
        hang: vec!["show tech".to_owned()],
        ignores_interrupt,
        ..Faults::default()
    };
    check_with("cisco_ios", &hang(false), "show tech\r\r\x03", "show tech\n\nr1>");
    check_with("cisco_ios", &hang(true), "show tech\r\r\x03\r", "show tech\n");
}

#[test]
fn an_interrupt_gives_a_fresh_prompt() {
    check(
        "frr",
        "show ver\x03show clock\x15",
        "show ver^C\nr1# show clock\
        \x08 \x08\x08 \x08\x08 \x08\x08 \x08\x08 \x08\x08 \x08\x08 \x08\x08 \x08\x08 \x08\x08 \x08",
    );
    check(
        "cisco_ios",
        "en\rsecret\rconf t\r\x03",
        "en\nPassword: \nr1#conf t\nEnter configuration commands, one per line.  \
         End with CNTL/Z.\nr1(config)#\nr1#",
    );
}

#[test]
fn echo_can_be_doubled_or_missing() {
    let echo = |echo| Faults { echo, ..Faults::default() };
    let clock =
        "Fri Nov 20 08:14:31 2026\nTimezone: UTC\nClock source: NTP server (203.0.113.12)\n";
    check_with(
        "arista_eos",
        &echo(Echo::Twice),
        "show clock\r",
        &format!("show clock\nr1>show clock\n{clock}r1>"),
    );
    check_with("arista_eos", &echo(Echo::Off), "show clock\r", &format!("{clock}r1>"));
}

#[test]
fn a_log_line_talks_over_the_output_or_the_prompt() {
    let log = |place, after| Faults {
        log_line: Some(LogLine { text: "%LINK-3-UPDOWN: x".to_owned(), place, after }),
        ..Faults::default()
    };
    let clock = "*08:14:27.312 UTC Fri Nov 20 2026\n";
    check_with(
        "cisco_ios",
        &log(LogPlace::Output, 4),
        "show clock\r",
        "show clock\n*08:\n%LINK-3-UPDOWN: x\n14:27.312 UTC Fri Nov 20 2026\nr1>",
    );
    check_with(
        "cisco_ios",
        &log(LogPlace::Prompt, 0),
        "show clock\r\r",
        &format!("show clock\n{clock}r1>\n%LINK-3-UPDOWN: x\n\nr1>"),
    );
    check_with(
        "cisco_ios",
        &log(LogPlace::PromptAndRedraw, 0),
        "show clock\r",
        &format!("show clock\n{clock}r1>\n%LINK-3-UPDOWN: x\nr1>"),
    );
}

#[test]
fn received_lines_are_noted_with_what_they_were_taken_for() {
    let mut cli = cli("cisco_ios", Faults::default());
    cli.start();
    let notes: Vec<String> = cli
        .feed(b"enabel\x7f\x7fle\rsecret\r\r")
        .into_iter()
        .filter_map(|action| match action {
            Action::Note(Note::Line(line)) => Some(format!(
                "{:?} {} {:?}",
                line.kind,
                line.text,
                String::from_utf8(line.raw).unwrap()
            )),
            _ => None,
        })
        .collect();
    assert_eq!(
        notes,
        [
            "Command enable \"enabel\\u{7f}\\u{7f}le\"",
            "Password secret \"secret\"",
            "Command  \"\"",
        ]
    );
}
