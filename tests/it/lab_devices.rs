//! Every platform against its simulated device, which shares no prompt or parsing code with the
//! driver, plain and with the quirks of real devices.

use std::time::Duration;

use vty_mcp::lab::{Enable, Faults, Lab, LabDevice, LogLine, LogPlace};

use crate::support::Fleet;

const PLATFORMS: [&str; 4] = ["cisco_ios", "arista_eos", "juniper_junos", "frr"];

fn device(platform: &str) -> LabDevice {
    let device = LabDevice::new("r1", platform);
    if platform == "cisco_ios" { device.enable_secret("made-up") } else { device }
}

/// A long command of each platform: more lines than a screen has.
fn long_command(platform: &str) -> &'static str {
    match platform {
        "juniper_junos" => "show log messages",
        "frr" => "show ip route",
        _ => "show logging",
    }
}

/// Runs a short and a long command and returns their texts.
async fn texts(platform: &str, faults: Faults) -> Vec<String> {
    let fleet = Fleet::start(vec![device(platform).faults(faults)]).await;
    let commands = ["show version", long_command(platform)];
    let answers = fleet.run(&["r1"], &commands).await.remove(0).answers;
    fleet.stop().await;
    answers
        .into_iter()
        .map(|answer| {
            assert_eq!(answer.error, None, "{platform}: {}", answer.command);
            answer.text
        })
        .collect()
}

async fn check_faults_change_nothing(faults: impl Fn() -> Faults) {
    for platform in PLATFORMS {
        let plain = texts(platform, Faults::default()).await;
        assert!(plain.iter().all(|text| text.lines().count() > 3), "{platform}: {plain:?}");
        assert_eq!(texts(platform, faults()).await, plain, "{platform}");
    }
}

#[tokio::test]
async fn bytes_that_arrive_one_by_one_read_the_same() {
    check_faults_change_nothing(|| Faults { chunk_size: Some(1), ..Faults::default() }).await;
}

#[tokio::test]
async fn pieces_of_seven_bytes_read_the_same() {
    check_faults_change_nothing(|| Faults { chunk_size: Some(7), ..Faults::default() }).await;
}

#[tokio::test]
async fn a_banner_full_of_prompt_characters_is_no_prompt() {
    let motd = "##########\n# sw1# hello>\nadmin@x> \n####\nsw1#\n".to_owned();
    check_faults_change_nothing(|| Faults { motd: Some(motd.clone()), ..Faults::default() }).await;
}

#[tokio::test]
async fn a_slow_device_reads_the_same() {
    check_faults_change_nothing(|| Faults {
        answer_delay: Duration::from_millis(120),
        login_delay: Duration::from_millis(120),
        ..Faults::default()
    })
    .await;
}

#[tokio::test]
async fn a_log_line_behind_the_prompt_does_not_disturb_the_next_command() {
    for platform in PLATFORMS {
        let log_line = Some(LogLine {
            text: "%LINK-3-UPDOWN: Interface Gi0/1, changed state to down".to_owned(),
            place: LogPlace::PromptAndRedraw,
            after: 0,
        });
        let plain = texts(platform, Faults::default()).await;
        let noisy = texts(platform, Faults { log_line, ..Faults::default() }).await;
        assert_eq!(noisy.len(), plain.len());
        for (noisy, plain) in noisy.iter().zip(&plain) {
            assert!(noisy.starts_with(plain), "{platform}: {noisy}");
        }
    }
}

#[tokio::test]
async fn a_running_configuration_that_quotes_the_prompt_is_read_to_its_end() {
    let lookalike = "banner motd ^C\nr1#\nr1> \nlab@r1> \nr1# \n^C\nhostname r1\nend\n";
    for (platform, command) in [
        ("cisco_ios", "show running-config"),
        ("arista_eos", "show running-config"),
        ("juniper_junos", "show configuration"),
        ("frr", "show running-config"),
    ] {
        for chunk_size in [None, Some(1), Some(15)] {
            let faults = Faults { chunk_size, ..Faults::default() };
            let r1 = device(platform).command(command, lookalike).faults(faults);
            let fleet = Fleet::start(vec![r1]).await;
            let answer = fleet.ask("r1", command).await;
            assert_eq!(answer.error, None);
            assert_eq!(answer.text.trim_end(), lookalike.trim_end(), "{platform} {chunk_size:?}");
            fleet.stop().await;
        }
    }
}

#[tokio::test]
async fn the_secret_is_sent_where_the_device_asks_for_it_and_only_there() {
    let fleet = Fleet::start(vec![device("cisco_ios")]).await;
    assert_eq!(fleet.ask("r1", "show version").await.error, None);
    fleet.operations.close().await;
    let seen = fleet.wait_for("r1", |seen| seen.open_connections == 0).await;
    assert_eq!(seen.enable_attempts(), 1);
    assert_eq!(
        seen.commands(),
        ["enable", "terminal length 0", "terminal width 511", "show version", "exit"]
    );
    assert_eq!((seen.ptys[0].term.as_str(), seen.ptys[0].columns), ("vt100", 511));
    fleet.stop().await;
}

#[tokio::test]
async fn a_device_that_refuses_the_secret_is_asked_once() {
    let faults = Faults { enable: Enable::Rejects, ..Faults::default() };
    let fleet = Fleet::start(vec![device("cisco_ios").faults(faults)]).await;
    let error = fleet.ask("r1", "show version").await.error.unwrap();
    assert_eq!(error.code.as_str(), "mode_unreachable");
    assert!(!error.message.contains("made-up"), "{}", error.message);
    let seen = fleet.wait_for("r1", |seen| seen.open_connections == 0).await;
    assert_eq!(seen.enable_attempts(), 1);
    fleet.stop().await;
}

#[tokio::test]
async fn each_command_costs_one_line_and_sessions_are_closed() {
    let fleet = Fleet::start(Lab::standard()).await;
    let names = ["ios-r1", "eos-sw1", "junos-fw1", "frr-r1"];
    let answers = fleet.run(&names, &["show version", "show version"]).await;
    assert!(answers.iter().flat_map(|a| &a.answers).all(|answer| answer.error.is_none()));
    fleet.operations.close().await;
    for name in names {
        let seen = fleet.wait_for(name, |seen| seen.open_connections == 0).await;
        let lines: Vec<&str> = seen.lines.iter().map(|line| line.text.as_str()).collect();
        let first = lines.iter().position(|line| *line == "show version").unwrap();
        assert_eq!(&lines[first..first + 2], ["show version", "show version"], "{name}");
        assert_eq!((seen.sessions_opened, seen.password_attempts), (1, 1), "{name}");
    }
    fleet.stop().await;
}
