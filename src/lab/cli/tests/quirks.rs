//! What a personality or a fault can change about the dialogue, on a device made for it.

use super::super::super::faults::{Echo, LogLine, LogPlace, Question};
use super::*;

const BASE: &str = r#"
operational = ["exec"]

[editor]
EDITOR

[paging]
on = false
prompt = "--More--"
erase = "\r        \r"

[errors]
invalid = "bad\n"
incomplete = "short\n"
ambiguous = "which\n"
lookup = "Translating \"{token}\"..."

[modes.exec]
prompt = "{hostname}# "
MODE

[modes.config]
prompt = "{hostname}(config)# "
exit = "exec"

[[commands]]
words = "show version"
output = "one\ntwo\n"

[[commands]]
words = "show me"
output = "{hostname} {user}\n{prompt}\n"

[[commands]]
words = "wait"
delay_ms = 70
output = "done\n"

[[commands]]
words = "no header"
set = "header_off"

[[commands]]
words = "configure"
enter = "config"

[[commands]]
words = "exit"
in = ["exec", "config"]
leave = "exit"
"#;

/// A device that differs from a plain one in `top` keys, its editor and its first mode.
struct Device {
    top: &'static str,
    editor: &'static str,
    mode: &'static str,
    faults: Faults,
    options: &'static str,
}

impl Device {
    fn new(faults: Faults) -> Self {
        Self { top: "", editor: "", mode: "", faults, options: "" }
    }

    fn top(top: &'static str) -> Self {
        Self { top, ..Self::new(Faults::default()) }
    }

    fn cli(&self) -> Cli {
        let base = BASE.replace("EDITOR", self.editor).replace("MODE", self.mode);
        let text = format!("ident = \"SSH-2.0-x\"\nlogin_mode = \"exec\"\n{}\n{base}", self.top);
        let personality = Personality::parse("quirk", &text).unwrap();
        let faults = Arc::new(self.faults.clone());
        let rules = Arc::clone(&personality.configuration);
        let configuration = Configuration::new(rules, Arc::clone(&faults), "r1", &[]).unwrap();
        let identity = Identity {
            user: "lab".to_owned(),
            role: String::new(),
            enable_secret: None,
            password: "right".to_owned(),
            options: self.options.to_owned(),
        };
        let chassis = Arc::new(Chassis::new(configuration));
        Cli::new(Arc::new(personality), faults, chassis, identity, (200, ROWS))
    }

    /// Everything on the wire, from the first byte on.
    fn check(&self, typed: &str, expected: &str) {
        for step in [1, 5, usize::MAX] {
            let mut cli = self.cli();
            let mut found = text(&cli.start());
            for chunk in typed.as_bytes().chunks(step) {
                found.push_str(&text(&cli.feed(chunk)));
            }
            assert_eq!(found, expected, "in pieces of {step}");
        }
    }
}

#[test]
fn a_line_can_end_as_the_platform_ends_it() {
    Device::top(r#"newline = "\r\r\n""#)
        .check("show version\r", "r1# show version\r\r\none\r\r\ntwo\r\r\nr1# ");
}

#[test]
fn a_header_stands_before_the_output_of_operational_commands_until_it_is_turned_off() {
    Device::top("output_header = \"Tue\\n\"").check(
        "show version\rconfigure\rexit\rno header\rshow version\rfoo\r",
        "r1# show version\r\nTue\r\none\r\ntwo\r\nr1# configure\r\nTue\r\nr1(config)# exit\r\n\
         r1# no header\r\nTue\r\nr1# show version\r\none\r\ntwo\r\nr1# foo\r\nbad\r\nr1# ",
    );
}

#[test]
fn what_stands_before_the_prompt_stands_before_every_prompt() {
    let device =
        Device { mode: "before = \"--{ running }--[  ]--\\n\"", ..Device::new(Faults::default()) };
    let before = "--{ running }--[  ]--\r\nr1# ";
    device.check(
        "\rwait\r\x03",
        &format!("{before}\r\n{before}wait\r\ndone\r\n{before}\r\n{before}"),
    );
}

#[test]
fn questions_before_the_first_prompt_are_asked_in_order() {
    let top = r#"
motd = "welcome\n"
login = [
    { prompt = "(Press 'a' to accept):", key = true, yes = ["a"], refused = "no\n" },
    { prompt = "User Name:", wants = "username" },
    { prompt = "Password:", wants = "password", refused = "wrong\n" },
    { prompt = "More? ", only_with = "license" },
    { prompt = "Go", wants = "none" },
]
"#;
    let device = Device::top(top);
    let asked = "(Press 'a' to accept):";
    device.check(
        "xalab\rright\r\r",
        &format!(
            "{asked}x\r\nno\r\n{asked}a\r\nUser Name:lab\r\nPassword:\r\nGo\r\nwelcome\r\nr1# "
        ),
    );
    device.check(
        "aeve\rright\rlab\rwrong\rlab\rbad\r",
        &format!(
            "{asked}a\r\nUser Name:eve\r\nPassword:\r\nwrong\r\nUser Name:lab\r\nPassword:\r\n\
             wrong\r\nUser Name:lab\r\nPassword:\r\nwrong\r\n<closed>"
        ),
    );
    let licensed = Faults { license: true, ..Faults::default() };
    Device { faults: licensed, ..Device::top(top) }.check(
        "alab\rright\rn\r\r",
        &format!("{asked}a\r\nUser Name:lab\r\nPassword:\r\nMore? n\r\nGo\r\nwelcome\r\nr1# "),
    );
}

#[test]
fn a_device_without_words_of_its_own_asks_in_general_ones() {
    let faults =
        Faults { second_login: true, license: true, change_password: true, ..Faults::default() };
    Device::new(faults).check(
        "lab\rright\rn\rnew\r",
        "Username: lab\r\nPassword: \r\nDo you want to see the software license? [Y/n]: n\r\n\
         You must change your password\r\nNew password: \r\nr1# ",
    );
}

#[test]
fn the_password_is_not_asked_again_on_any_way_around_it() {
    let faults = Faults { second_login: true, ..Faults::default() };
    Device::new(faults).check(
        "\x03lab\r\x03\r\r\r",
        "Username: \r\nUsername: lab\r\nPassword: \r\nPassword: \r\n% Login invalid\r\n\r\n\
         Username: \r\nPassword: \r\n% Login invalid\r\n\r\nUsername: ",
    );
}

#[test]
fn a_typed_line_can_be_painted_again_at_every_key() {
    let repainting = Device { editor: "repaint = \"line\"", ..Device::new(Faults::default()) };
    repainting.check(
        "wx\x08\r",
        "r1# \rr1# w\x1b[K\rr1# wx\x1b[K\rr1# w\x1b[K\rr1# w\x1b[K\r\ndone\r\nr1# ",
    );
}

#[test]
fn the_last_word_can_be_painted_again_at_enter() {
    let back = "\x08\x08\x08\x08\x08\x08\x08";
    let expected = format!("r1# show version{back}version\r\none\r\ntwo\r\nr1# ");
    let device = Device { editor: "repaint = \"backspace\"", ..Device::new(Faults::default()) };
    device.check("show version\r", &expected);
    Device::new(Faults { echo: Echo::Repainted, ..Faults::default() })
        .check("show version\r", &expected);
}

#[test]
fn a_shell_turns_bracketed_paste_on_and_off_around_each_line() {
    let device = Device { editor: "bracketed_paste = true", ..Device::new(Faults::default()) };
    device.check("wait\r", "\x1b[?2004hr1# wait\r\n\x1b[?2004l\rdone\r\n\x1b[?2004hr1# ");
}

#[test]
fn a_prompt_can_be_painted_and_the_user_can_decline() {
    let painted = "\x1b[1;32mr1#\x1b[0m ";
    let device = || Device { mode: "prompt_color = true", ..Device::new(Faults::default()) };
    device().check("\r", &format!("{painted}\r\n{painted}"));
    Device { options: "ct511w4098h", ..device() }.check("\r", "r1# \r\nr1# ");
    let fault = Faults { prompt_color: true, ..Faults::default() };
    Device { options: "c", ..Device::new(fault) }.check("", painted);
}

#[test]
fn options_of_the_console_set_the_size() {
    let mut cli = Device { options: "ct511w4098h", ..Device::new(Faults::default()) }.cli();
    assert_eq!((cli.width, cli.height), (511, 4098));
    cli.resize(80, 24);
    assert_eq!((cli.width, cli.height), (511, 4098));
    assert_eq!(Device { options: "tc", ..Device::new(Faults::default()) }.cli().width, 200);
}

#[test]
fn an_unknown_word_can_be_looked_up_until_it_is_interrupted() {
    let faults = Faults { dns_lookup: true, ..Faults::default() };
    let failed = "% Unknown command or computer name, or unable to find computer address\r\nr1# ";
    Device::new(faults.clone()).check(
        "foo\rshow\r\x1eshow foo\rconfigure\rfoo\r",
        &format!(
            "r1# foo\r\nTranslating \"foo\"...\r\n{failed}show foo\r\nbad\r\nr1# configure\r\n\
             r1(config)# foo\r\nbad\r\nr1(config)# "
        ),
    );
    let deaf = Faults { ignores_interrupt: true, ..faults };
    Device::new(deaf).check("foo\r\x03", "r1# foo\r\nTranslating \"foo\"...");
}

#[test]
fn a_command_can_ask_though_it_should_not() {
    let question = Question {
        command: "show ver".to_owned(),
        prompt: "Really? [confirm]".to_owned(),
        yes: vec!["y".to_owned()],
        key: true,
    };
    let faults = Faults { asks: vec![question], ..Faults::default() };
    Device::new(faults).check(
        "show version\rnshow version\rywait\r",
        "r1# show version\r\nReally? [confirm]n\r\nr1# show version\r\nReally? [confirm]y\r\none\r\n\
         two\r\nr1# wait\r\ndone\r\nr1# ",
    );
}

#[test]
fn a_log_line_can_come_in_the_middle_of_the_echo() {
    let log_line =
        |after| Some(LogLine { text: "%LINK-3-UPDOWN".to_owned(), place: LogPlace::Echo, after });
    Device::new(Faults { log_line: log_line(3), ..Faults::default() })
        .check("wait\r", "r1# wai\r\n%LINK-3-UPDOWN\r\nt\r\ndone\r\nr1# ");
    Device::new(Faults { log_line: log_line(0), ..Faults::default() })
        .check("wait\r", "r1# w\r\n%LINK-3-UPDOWN\r\nait\r\ndone\r\nr1# ");
}

#[test]
fn an_echo_can_meet_a_margin_that_is_not_there() {
    let word = "x".repeat(90);
    let wrapped = Faults { echo: Echo::Wrapped, ..Faults::default() };
    let (row, rest) = word.split_at(76);
    Device::new(wrapped).check(&word, &format!("r1# {row} \r{rest}"));
    let mut cli = Device::new(Faults { echo: Echo::Scrolled, ..Faults::default() }).cli();
    cli.start();
    assert!(text(&cli.feed(word.as_bytes())).contains("\x08$x"));
}

#[test]
fn a_slow_command_waits_before_it_answers() {
    let mut cli = Device::new(Faults::default()).cli();
    cli.start();
    let actions = cli.feed(b"wait\r");
    let waits = actions.iter().position(|a| *a == Action::Wait(Duration::from_millis(70)));
    let answers = actions.iter().position(|a| matches!(a, Action::Output { .. }));
    assert!(waits.is_some() && waits < answers, "{actions:?}");
}

#[test]
fn an_output_can_show_the_prompt_it_stands_before() {
    Device::new(Faults::default()).check("show me\r", "r1# show me\r\nr1 lab\r\nr1# \r\nr1# ");
}
