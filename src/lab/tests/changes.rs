//! Changes over SSH: connections that are cut, sessions that stay, devices that lock one out.

use super::client::Terminal;
use super::*;

const IOS: &str = "ios-r1";

async fn open(device: &RunningDevice, prompt: &str) -> Terminal {
    let mut terminal = Terminal::open(device).await;
    terminal.read_until(prompt).await;
    terminal
}

fn ios(faults: Faults) -> LabDevice {
    LabDevice::new(IOS, "cisco_ios").faults(faults)
}

#[tokio::test]
async fn a_device_that_locks_one_out_lets_one_in_after_its_timer() {
    let lab = lab_with(ios(Faults::default())).await;
    let device = &lab.devices()[0];
    let before = device.running_configuration();
    let mut terminal = open(device, "ios-r1>").await;
    terminal.run("enable", "ios-r1#").await;
    terminal.run("configure terminal revert timer 2", "(config)#").await;
    terminal.run("line vty 0 4", "(config-line)#").await;
    terminal.run("access-class LOCKOUT in", "(config-line)#").await;
    let pending = device.pending().unwrap();
    assert_eq!((pending.user.as_str(), pending.session), ("lab", None));
    assert!(pending.remaining <= Duration::from_secs(120));
    let mut refused = tokio::net::TcpStream::connect(device.address()).await.unwrap();
    let mut greeting = [0; 1];
    let read = tokio::io::AsyncReadExt::read(&mut refused, &mut greeting).await;
    assert!(matches!(read, Ok(0) | Err(_)));
    device.wait_for(SOON, |seen| seen.refused_connections == 1).await.unwrap();
    // Who is in stays in.
    terminal.run("end", "ios-r1#").await;
    lab.advance(Duration::from_secs(120));
    assert_eq!(device.pending(), None);
    assert_eq!(device.running_configuration(), before);
    open(device, "ios-r1>").await;
    lab.stop().await.unwrap();
}

#[tokio::test]
async fn a_connection_is_cut_before_or_after_a_line_took_effect() {
    for (when, is_there) in [(When::Before, false), (When::After, true)] {
        let faults = Faults { cut_at: Some(CutAt::line("hostname", when)), ..Faults::default() };
        let lab = lab_with(ios(faults)).await;
        let device = &lab.devices()[0];
        let mut other = open(device, "ios-r1>").await;
        let mut terminal = open(device, "ios-r1>").await;
        terminal.run("enable", "ios-r1#").await;
        terminal.run("configure terminal", "(config)#").await;
        terminal.send("hostname r2\r").await;
        let end = terminal.read_to_end().await;
        assert!(!end.contains("(config)#"), "{end:?}");
        assert_eq!(device.running_configuration().contains("hostname r2\n"), is_there);
        assert_eq!(device.observed().commands().last() == Some(&"hostname r2"), is_there);
        // Only that connection, and only once.
        other.run("show clock", ">").await;
        other.run("enable", "#").await;
        other.run("configure terminal", "(config)#").await;
        other.run("hostname r3", "r3(config)#").await;
        lab.stop().await.unwrap();
    }
}

#[tokio::test]
async fn the_nth_line_in_configuration_mode_can_be_the_last() {
    let cut_at = Some(CutAt::configuration_line(2, When::After));
    let lab = lab_with(ios(Faults { cut_at, ..Faults::default() })).await;
    let device = &lab.devices()[0];
    let mut terminal = open(device, "ios-r1>").await;
    terminal.run("enable", "ios-r1#").await;
    terminal.send("configure terminal\rhostname r2\rntp server a\rntp server b\r").await;
    terminal.read_to_end().await;
    let running = device.running_configuration();
    assert!(running.contains("hostname r2\n") && running.contains("ntp server a\n"));
    assert!(!running.contains("ntp server b"));
}

#[tokio::test]
async fn every_connection_is_cut_after_so_many_lines() {
    let faults = Faults { cut_after_lines: Some(3), ..Faults::default() };
    let lab = lab_with(LabDevice::new("eos-sw1", "arista_eos").faults(faults)).await;
    let device = &lab.devices()[0];
    let mut other = open(device, "eos-sw1>").await;
    other.run("enable", "eos-sw1#").await;
    let mut terminal = open(device, "eos-sw1>").await;
    terminal.run("enable", "eos-sw1#").await;
    terminal.send("configure session trial\r").await;
    assert!(!terminal.read_to_end().await.contains("config-s"));
    other.read_to_end().await;
    device.wait_for(SOON, |seen| seen.open_connections == 0).await.unwrap();
    // The session stays, and the next connections live.
    assert_eq!(device.configuration_sessions(), ["trial"]);
    let mut terminal = open(device, "eos-sw1>").await;
    for _ in 0..4 {
        terminal.run("show clock", "eos-sw1>").await;
    }
    lab.stop().await.unwrap();
}

#[tokio::test]
async fn an_exclusive_lock_goes_with_its_connection() {
    let cut_at = Some(CutAt::line("commit", When::Before));
    let faults = Faults { cut_at, ..Faults::default() };
    let lab = lab_with(LabDevice::new("fw1", "juniper_junos").faults(faults)).await;
    let device = &lab.devices()[0];
    let mut terminal = open(device, "lab@fw1> ").await;
    terminal.run("configure exclusive", "lab@fw1# ").await;
    terminal.run("set system host-name fw2", "lab@fw1# ").await;
    assert_eq!(device.configuration_locked_by().as_deref(), Some("lab"));
    terminal.send("commit confirmed 5\r").await;
    terminal.read_to_end().await;
    device.wait_for(SOON, |seen| seen.open_sessions == 0).await.unwrap();
    assert_eq!(device.configuration_locked_by(), None);
    assert_eq!(device.pending(), None);
    let mut terminal = open(device, "lab@fw1> ").await;
    let entered = terminal.run("configure exclusive", "lab@fw1# ").await;
    assert!(!entered.contains("error"), "{entered}");
    assert!(!terminal.run("show | compare", "lab@fw1# ").await.contains("fw2"));
}

#[tokio::test]
async fn a_commit_can_take_its_time() {
    let commit_delay = Duration::from_millis(200);
    let faults = Faults { commit_delay, ..Faults::default() };
    let lab = lab_with(LabDevice::new("fw1", "juniper_junos").faults(faults)).await;
    let device = &lab.devices()[0];
    let mut terminal = open(device, "lab@fw1> ").await;
    terminal.run("configure", "lab@fw1# ").await;
    let started = tokio::time::Instant::now();
    terminal.run("commit", "lab@fw1# ").await;
    assert!(started.elapsed() >= commit_delay);
}

#[tokio::test]
async fn a_device_can_start_without_a_part_of_its_configuration() {
    let lab = lab_with(ios(Faults::default()).without_statement("archive")).await;
    let device = &lab.devices()[0];
    assert!(!device.running_configuration().contains("archive"));
    assert_eq!(device.running_configuration(), device.startup_configuration());
    let mut terminal = open(device, "ios-r1>").await;
    terminal.run("enable", "ios-r1#").await;
    let refused = terminal.run("configure terminal revert timer 5", "ios-r1#").await;
    assert!(refused.contains("%Archive feature not enabled"), "{refused}");
}
