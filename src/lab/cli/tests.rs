//! The CLI as a pure machine: what is typed and what comes back, in pieces of any size.

mod changes;
mod cisco;
mod eos;
mod every;
mod frr;
mod ios;
mod junos;
mod quirks;
mod trouble;

use std::sync::Arc;

use super::super::configuration::Configuration;
use super::super::faults::Faults;
use super::super::personality::{Command, Personality};
use super::*;

const ROWS: u32 = 10;

fn cli(platform: &str, faults: Faults) -> Cli {
    let identity = Identity {
        user: "lab".to_owned(),
        role: String::new(),
        enable_secret: (platform == "cisco_ios").then(|| "secret".to_owned()),
        password: "lab-password".to_owned(),
        options: String::new(),
    };
    let personality = Personality::builtin(platform).unwrap();
    let chassis = chassis(platform, &faults);
    Cli::new(Arc::new(personality), Arc::new(faults), chassis, identity, (80, ROWS))
}

fn chassis(platform: &str, faults: &Faults) -> Arc<Chassis> {
    let rules = Personality::builtin(platform).unwrap().configuration;
    let started = Configuration::new(rules, Arc::new(faults.clone()), "r1", &[]);
    Arc::new(Chassis::new(started.unwrap()))
}

fn text(actions: &[Action]) -> String {
    let mut bytes = Vec::new();
    for action in actions {
        match action {
            Action::Write(more) | Action::Output { bytes: more, .. } => bytes.extend(more),
            Action::Close => bytes.extend(b"<closed>"),
            Action::Cut { .. } => bytes.extend(b"<cut>"),
            Action::Interrupted | Action::Wait(_) | Action::Note(_) => {}
        }
    }
    String::from_utf8(bytes).unwrap()
}

/// Types `typed` after login; the answer is everything on the wire from then on.
fn check_with(platform: &str, faults: &Faults, typed: &str, expected: &str) {
    for step in [1, 7, usize::MAX] {
        let mut cli = cli(platform, faults.clone());
        cli.start();
        let mut actions = Vec::new();
        for chunk in typed.as_bytes().chunks(step) {
            actions.extend(cli.feed(chunk));
        }
        let found = text(&actions).replace("\r\n", "\n");
        assert_eq!(found, expected, "{platform}, {typed:?}, in pieces of {step}");
    }
}

fn check(platform: &str, typed: &str, expected: &str) {
    check_with(platform, &Faults::default(), typed, expected);
}

#[test]
fn each_platform_greets_in_its_own_way() {
    let greeting = |platform| {
        let text = text(&cli(platform, Faults::default()).start());
        text.rsplit("\r\n").next().unwrap().to_owned()
    };
    assert_eq!(greeting("cisco_ios"), "r1>");
    assert_eq!(greeting("arista_eos"), "r1>");
    assert_eq!(greeting("juniper_junos"), "lab@r1> ");
    assert_eq!(greeting("frr"), "r1# ");
    let motd = Faults { motd: Some("#####\n".to_owned()), ..Faults::default() };
    assert_eq!(text(&cli("cisco_ios", motd).start()), "#####\r\nr1>");
}

#[test]
fn ios_modes_lead_into_and_out_of_each_other() {
    check(
        "cisco_ios",
        "enable\rsecret\rconf t\rint Gi1\rexit\rrouter bgp 1\raddress-family ipv4\rend\rdisable\rexit\r",
        "enable\nPassword: \nr1#conf t\n\
         Enter configuration commands, one per line.  End with CNTL/Z.\n\
         r1(config)#int Gi1\nr1(config-if)#exit\nr1(config)#router bgp 1\n\
         r1(config-router)#address-family ipv4\nr1(config-router-af)#end\nr1#disable\nr1>exit\n<closed>",
    );
}

#[test]
fn ios_cuts_the_host_name_in_configuration_prompts() {
    check(
        "cisco_ios",
        "en\rsecret\rconf t\rhostname a-name-longer-than-twenty\rend\r",
        "en\nPassword: \nr1#conf t\n\
         Enter configuration commands, one per line.  End with CNTL/Z.\n\
         r1(config)#hostname a-name-longer-than-twenty\n\
         a-name-longer-than-t(config)#end\na-name-longer-than-twenty#",
    );
}

#[test]
fn each_platform_refuses_in_its_own_words() {
    check(
        "cisco_ios",
        "show foo\rshow\rsh in\r",
        "show foo\n        ^\n% Invalid input detected at '^' marker.\n\nr1>show\n% Incomplete command.\n\n\
         r1>sh in\n% Ambiguous command:  \"sh in\"\nr1>",
    );
    check(
        "arista_eos",
        "show foo\rshow\rsh i\r",
        "show foo\n% Invalid input (at token 1: 'foo')\nr1>show\n% Incomplete command\n\
         r1>sh i\n% Ambiguous command\nr1>",
    );
    check(
        "juniper_junos",
        "foo\rshow foo\r",
        "foo\n        ^\nunknown command.\n\nlab@r1> show foo\n             ^\n\
         syntax error, expecting <command>.\n\nlab@r1> ",
    );
    check("frr", "show foo\r", "show foo\n% Unknown command: show foo\nr1# ");
}

#[test]
fn paging_goes_on_by_page_and_by_line_and_ends() {
    let erase = format!("{0}          {0}", "\x08".repeat(10));
    let mut cli = cli("cisco_ios", Faults::default());
    cli.start();
    let lines = |text: &str| text.matches("\r\n").count();
    let first = text(&cli.feed(b"show logging\r"));
    assert!(first.ends_with("\r\n --More-- "), "{first:?}");
    assert_eq!(lines(&first), 1 + 9);
    let second = text(&cli.feed(b" "));
    assert!(second.starts_with(&erase) && second.ends_with(" --More-- "), "{second:?}");
    assert_eq!(lines(&second), 9);
    assert_eq!(lines(&text(&cli.feed(b"\r"))), 1);
    assert_eq!(text(&cli.feed(b"q")), format!("{erase}\r\nr1>"));
    let whole = text(&cli.feed(b"term len 0\rshow logging\r"));
    assert!(lines(&whole) > 160 && !whole.contains("--More--"));
}

#[test]
fn junos_says_how_much_was_shown() {
    let mut cli = cli("juniper_junos", Faults::default());
    cli.start();
    assert!(text(&cli.feed(b"show log messages\r")).ends_with("\r\n---(more)---"));
    assert!(text(&cli.feed(b" ")).ends_with("\r\n---(more 11%)---"));
    assert_eq!(text(&cli.feed(b"x")), "");
    assert!(text(&cli.feed(b"q")).ends_with("\r\nlab@r1> "));
    assert!(!text(&cli.feed(b"show log messages | no-more\r")).contains("---(more"));
}

#[test]
fn filters_and_other_forms_stand_behind_a_pipe() {
    check(
        "cisco_ios",
        "sh ver | inc uptime is\r",
        "sh ver | inc uptime is\nr1 uptime is 12 weeks, 3 days, 4 hours, 17 minutes\nr1>",
    );
    check(
        "juniper_junos",
        "show bgp summary | match Groups | count\r",
        "show bgp summary | match Groups | count\nCount: 1 lines\n\nlab@r1> ",
    );
    check(
        "juniper_junos",
        "show configuration | display set | match location\r",
        "show configuration | display set | match location\nset snmp location \"Lab rack 1\"\n\nlab@r1> ",
    );
    check(
        "cisco_ios",
        "sh clock | foo x\r",
        "sh clock | foo x\n              ^\n% Invalid input detected at '^' marker.\n\nr1>",
    );
}

#[test]
fn junos_completes_on_space_until_told_not_to() {
    check(
        "juniper_junos",
        "sh bg sum | match Groups\rset cli complete-on-space off\rsh sys upt | match Source\r",
        "show bgp summary | match Groups\nGroups: 1 Peers: 2 Down peers: 0\n\n\
         lab@r1> set cli complete-on-space off\nDisabling complete-on-space\n\n\
         lab@r1> sh sys upt | match Source\nTime Source:  NTP CLOCK \n\nlab@r1> ",
    );
}

#[test]
fn junos_names_the_place_in_the_configuration() {
    check(
        "juniper_junos",
        "configure\redit interfaces ge-0/0/0\rset description x\rtop\rexit\r\r",
        "configure\nEntering configuration mode\n\n[edit]\nlab@r1# edit interfaces ge-0/0/0\n\n\
         [edit interfaces ge-0/0/0]\nlab@r1# set description x\n\n[edit interfaces ge-0/0/0]\n\
         lab@r1# top\n\n[edit]\nlab@r1# exit\n\
         Exit with uncommitted changes? [yes,no] (yes) \nExiting configuration mode\n\nlab@r1> ",
    );
}

#[test]
fn junos_prints_its_role_before_the_prompt() {
    let mut cli = cli("juniper_junos", Faults::default());
    cli.identity.role = "{master:0}".to_owned();
    assert!(text(&cli.start()).ends_with("\r\n{master:0}\r\nlab@r1> "));
    let entered = text(&cli.feed(b"configure\r"));
    assert!(entered.ends_with("mode\r\n\r\n{master:0}[edit]\r\nlab@r1# "), "{entered:?}");
}

#[test]
fn eos_shortens_the_interface_in_its_prompt() {
    check(
        "arista_eos",
        "en\rconf\rint Ethernet12\rint Loopback0\rend\r",
        "en\nr1#conf\nr1(config)#int Ethernet12\nr1(config-if-Et12)#int Loopback0\n\
         r1(config-if-Lo0)#end\nr1#",
    );
}
