//! Each personality over SSH, and what the lab notes about it.

use super::client::Terminal;
use super::*;

const FRR: &str = "frr-r1# ";

#[tokio::test]
async fn every_standard_device_answers_its_commands() {
    let cases = [
        (
            "ios-r1",
            "ios-r1>",
            "terminal length 0",
            &[
                "show version",
                "show ip interface brief",
                "show interfaces",
                "show ip bgp summary",
                "show inventory",
                "show clock",
                "show ip route",
                "show logging",
            ][..],
        ),
        (
            "eos-sw1",
            "eos-sw1>",
            "terminal length 0",
            &[
                "show version",
                "show ip interface brief",
                "show interfaces",
                "show ip bgp summary",
                "show inventory",
                "show clock",
                "show ip route",
            ][..],
        ),
        (
            "junos-fw1",
            "lab@junos-fw1> ",
            "set cli screen-length 0",
            &[
                "show version",
                "show interfaces terse",
                "show interfaces",
                "show bgp summary",
                "show configuration",
                "show chassis hardware",
                "show route",
                "show log messages",
            ][..],
        ),
        (
            "frr-r1",
            FRR,
            "terminal length 0",
            &[
                "show version",
                "show interface brief",
                "show ip bgp summary",
                "show running-config",
                "show ip route",
                "show logging",
            ][..],
        ),
    ];
    let lab = Lab::start(Lab::standard()).await.unwrap();
    for (name, prompt, setup, commands) in cases {
        let device = lab.device(name).unwrap();
        let mut terminal = Terminal::open(device).await;
        terminal.read_until(prompt).await;
        terminal.run(setup, prompt).await;
        for command in commands {
            let output = terminal.run(command, prompt).await;
            assert!(output.lines().count() > 2, "{name}: {command} printed {output:?}");
            assert!(!output.contains("\r\n% "), "{name}: {command} printed {output:?}");
            assert!(!output.contains('{') || command.contains("conf") || name == "frr-r1");
        }
    }
    lab.stop().await.unwrap();
}

#[tokio::test]
async fn running_configurations_hold_secrets_to_redact() {
    let lab = Lab::start(Lab::standard()).await.unwrap();
    let ios = lab.device("ios-r1").unwrap();
    let mut terminal = Terminal::open(ios).await;
    terminal.read_until("ios-r1>").await;
    terminal.send("enable\r").await;
    terminal.read_until("Password: ").await;
    terminal.send("lab-enable\r").await;
    terminal.read_until("ios-r1#").await;
    let config = terminal.run("show running-config", "\r\nios-r1#").await;
    for secret in ["enable secret 9 $9$", "password 7 0822", "snmp-server community labReadWrite"] {
        assert!(config.contains(secret), "{secret}");
    }
    assert_eq!(ios.observed().enable_attempts(), 1);
}

#[tokio::test]
async fn the_lab_notes_what_a_client_did() {
    let lab = lab_with(LabDevice::new("frr-r1", "frr")).await;
    let device = &lab.devices()[0];
    let mut terminal = Terminal::open(device).await;
    terminal.read_until(FRR).await;
    terminal.run("show version", FRR).await;
    terminal.send("ping 192.0.2.13\r").await;
    terminal.read_until("icmp_seq=2 ttl=64 time=0.412 ms\r\n").await;
    terminal.send("\x03").await;
    terminal.read_until(FRR).await;
    terminal.send("exit\r").await;
    terminal.read_to_end().await;
    terminal.client.disconnect(russh::Disconnect::ByApplication, "", "").await.unwrap();
    let seen = device.wait_for(SOON, |seen| seen.open_connections == 0).await.unwrap();
    assert_eq!(seen.commands(), ["show version", "ping 192.0.2.13", "exit"]);
    assert_eq!(seen.lines[0].raw, b"show version");
    assert_eq!((seen.interrupts, seen.sessions_opened, seen.open_sessions), (1, 1, 0));
    assert_eq!((seen.connections, seen.logins_attempted, seen.logins_succeeded), (1, 1, 1));
    assert_eq!((seen.password_attempts, seen.public_key_attempts), (1, 0));
    let pty = &seen.ptys[0];
    assert_eq!((pty.term.as_str(), pty.columns, pty.rows), ("vt100", 511, 1000));
    lab.stop().await.unwrap();
}

#[tokio::test]
async fn a_device_that_dies_takes_its_connections_along() {
    let lab = Lab::start(Lab::standard()).await.unwrap();
    let device = lab.device("frr-r1").unwrap();
    let mut terminal = Terminal::open(device).await;
    terminal.read_until(FRR).await;
    let mut other = Terminal::open(lab.device("eos-sw1").unwrap()).await;
    other.read_until("eos-sw1>").await;
    lab.stop_device("frr-r1").await.unwrap();
    terminal.read_to_end().await;
    assert_eq!(device.observed().open_connections, 0);
    assert_eq!(device.observed().open_sessions, 0);
    assert!(tokio::net::TcpStream::connect(device.address()).await.is_err());
    other.run("show clock", "eos-sw1>").await;
}

#[tokio::test]
async fn everything_ends_when_the_lab_is_dropped() {
    let lab = lab_with(LabDevice::new("frr-r1", "frr")).await;
    let mut terminal = Terminal::open(&lab.devices()[0]).await;
    terminal.read_until(FRR).await;
    drop(lab);
    terminal.read_to_end().await;
}

#[tokio::test]
async fn ios_has_one_session_channel_per_connection() {
    let lab = lab_with(LabDevice::new("ios-r1", "cisco_ios")).await;
    let mut terminal = Terminal::open(&lab.devices()[0]).await;
    terminal.read_until("ios-r1>").await;
    assert!(terminal.client.channel_open_session().await.is_err());
}

#[tokio::test]
async fn a_device_can_have_commands_of_its_own() {
    let flood = "0123456789abcde\n".repeat(200_000);
    let device = LabDevice::new("frr-r1", "frr")
        .command("show flood", flood.as_str())
        .command("show version", "none of your business\n");
    let lab = lab_with(device).await;
    let mut terminal = Terminal::open(&lab.devices()[0]).await;
    terminal.read_until(FRR).await;
    assert!(terminal.run("show version", FRR).await.contains("none of your business"));
    let output = terminal.run("show flood", FRR).await;
    assert_eq!(output.matches("0123456789abcde\r\n").count(), 200_000);
}

#[tokio::test]
async fn a_device_comes_back_on_its_port_with_another_key() {
    let lab = lab_with(LabDevice::new("frr-r1", "frr")).await;
    let device = &lab.devices()[0];
    let _silent = tokio::net::TcpStream::connect(device.address()).await.unwrap();
    device.wait_for(SOON, |seen| seen.open_connections == 1).await.unwrap();
    lab.stop_device("frr-r1").await.unwrap();
    let again = LabDevice::new("frr-r1", "frr").port(device.address().port());
    let again = lab_with(again).await;
    assert_ne!(device.fingerprint(), again.devices()[0].fingerprint());
    Terminal::open(&again.devices()[0]).await.read_until(FRR).await;
}

#[tokio::test]
async fn a_personality_can_be_changed_for_a_test() {
    let text = Personality::source("frr")
        .unwrap()
        .replace("{hostname}# ", r"\u001b[1m{hostname}#\u001b[m ");
    let personality = Personality::parse("frr", &text).unwrap();
    let lab = lab_with(LabDevice::with_personality("frr-r1", personality)).await;
    let mut terminal = Terminal::open(&lab.devices()[0]).await;
    assert_eq!(terminal.read_until("[m ").await, "\u{1b}[1mfrr-r1#\u{1b}[m ");
}
