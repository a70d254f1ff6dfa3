//! The other Cisco platforms, byte by byte where they differ from IOS.

use super::*;

#[test]
fn nxos_answers_enter_twice_and_starts_its_prompt_with_a_return() {
    let mut cli = cli("cisco_nxos", Faults::default());
    assert!(text(&cli.start()).ends_with("\r\n\r\n\rr1# "));
    let clock = "08:14:27.331 UTC Fri Nov 20 2026\r\nTime source is NTP\r\n";
    assert_eq!(text(&cli.feed(b"show clock\r")), format!("show clock\r\r\n{clock}\rr1# "));
    let paged = text(&cli.feed(b"show interface status\r"));
    assert!(paged.ends_with("10g\r\n\x1b[7m--More--\x1b[m"), "{paged:?}");
    assert!(text(&cli.feed(b" ")).starts_with("\r        \rEth1/1"));
    assert_eq!(text(&cli.feed(b"q")), "\r        \r\rr1# ");
}

#[test]
fn nxos_has_modes_that_are_not_called_configuration() {
    check(
        "cisco_nxos",
        "conf t\rtelemetry\rdestination-group 1\rend\rhostnam\rconf\rhostname r2\rsh clock | inc UTC\rend\r",
        "conf t\r\nEnter configuration commands, one per line. End with CNTL/Z.\n\
         \rr1(config)# telemetry\r\n\rr1(config-telemetry)# destination-group 1\r\n\
         \rr1(conf-tm-dest)#end\r\n\rr1# hostnam\r\n    ^\n% Invalid command at '^' marker.\n\
         \rr1# conf\r\nEnter configuration commands, one per line. End with CNTL/Z.\n\
         \rr1(config)# hostname r2\r\n\rr2(config)# sh clock | inc UTC\r\n\
         08:14:27.331 UTC Fri Nov 20 2026\n\rr2(config)# end\r\n\rr2# ",
    );
}

#[test]
fn xr_prints_the_time_before_each_output_until_told_not_to() {
    let time = "Fri Nov 20 08:14:27.331 UTC\n";
    let exec = "RP/0/RP0/CPU0:r1#";
    let config = "RP/0/RP0/CPU0:r1(config)#";
    check(
        "cisco_xr",
        "conf\rinterface Gi0/0/0/0\rroot\rcommit\rend\rterminal exec prompt no-timestamp\rsh clock\rshow foo\r",
        &format!(
            "conf\n{time}{config}interface Gi0/0/0/0\nRP/0/RP0/CPU0:r1(config-if)#root\n\
             {config}commit\n{time}{config}end\n{exec}terminal exec prompt no-timestamp\n{time}\
             {exec}sh clock\n08:14:27.331 UTC Fri Nov 20 2026\n{exec}show foo\n\
             {caret}^\n% Invalid input detected at '^' marker.\n{exec}",
            caret = " ".repeat(exec.len() + 5),
        ),
    );
}

#[test]
fn asa_shows_how_long_a_password_is_and_pages_by_its_own_measure() {
    let asa = |secret: &str| {
        let mut cli = cli("cisco_asa", Faults::default());
        cli.identity.enable_secret = Some(secret.to_owned());
        cli.identity.role = "/pri/act".to_owned();
        cli.resize(511, 1000);
        assert!(text(&cli.start()).ends_with("available commands.\r\n\rr1/pri/act> "));
        cli
    };
    let mut cli = asa("secret");
    assert_eq!(
        text(&cli.feed(b"enable\rfoo\rsecret\r")),
        "enable\r\nPassword: ***\r\nInvalid password\r\nPassword: ******\r\n\rr1/pri/act# "
    );
    let paged = text(&cli.feed(b"show route\r"));
    assert_eq!(paged.matches("\r\n").count(), 24);
    assert!(paged.ends_with("<--- More --->"));
    assert!(text(&cli.feed(b" ")).starts_with("\r              \rS        203.0.113."));
    assert_eq!(text(&cli.feed(b"q")), "\r              \r\r\n\rr1/pri/act# ");
    assert_eq!(
        text(&cli.feed(b"terminal pager 0\rconf t\rint Gi0/0\rsh clock\r")),
        "terminal pager 0\r\n\rr1/pri/act# conf t\r\n\rr1/pri/act(config)# int Gi0/0\r\n\
         \rr1/pri/act(config-if)# sh clock\r\n08:14:27.331 UTC Fri Nov 20 2026\r\n\
         \rr1/pri/act(config-if)# "
    );
    let refused = text(&asa("secret").feed(b"enable\ra\rb\rc\r"));
    assert!(refused.ends_with("Invalid password\r\nAccess denied.\r\n\rr1/pri/act> "), "{refused}");
}
