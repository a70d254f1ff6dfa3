//! The faults, over SSH.

use super::client::{Terminal, log_in};
use super::*;

const FRR: &str = "frr-r1# ";

async fn frr_with(faults: Faults) -> Lab {
    lab_with(LabDevice::new("frr-r1", "frr").faults(faults)).await
}

#[tokio::test]
async fn bytes_can_come_one_by_one() {
    let lab = frr_with(Faults { chunk_size: Some(1), ..Faults::default() }).await;
    let mut terminal = Terminal::open(&lab.devices()[0]).await;
    let sizes = terminal.packets_until(FRR).await;
    assert_eq!(sizes, [1; FRR.len()]);
}

#[tokio::test]
async fn a_stalled_device_is_silent_but_still_listens() {
    let stall = Some(Cut::in_output_of("show version", 16));
    let lab = frr_with(Faults { stall, ..Faults::default() }).await;
    let device = &lab.devices()[0];
    let mut terminal = Terminal::open(device).await;
    terminal.read_until(FRR).await;
    terminal.run("terminal length 0", FRR).await;
    terminal.send("show version\r").await;
    assert_eq!(terminal.read_until("FRRouting 8.4.4 ").await, "show version\r\nFRRouting 8.4.4 ");
    terminal.send("\x03").await;
    let seen = device.wait_for(SOON, |seen| seen.interrupts == 1).await.unwrap();
    assert_eq!(seen.open_sessions, 1);
    lab.stop().await.unwrap();
}

#[tokio::test]
async fn a_dropped_connection_delivers_exactly_what_it_should() {
    for chunk_size in [None, Some(1), Some(7)] {
        let drop = Some(Cut::after(15));
        let lab = frr_with(Faults { chunk_size, drop, ..Faults::default() }).await;
        let mut terminal = Terminal::open(&lab.devices()[0]).await;
        terminal.read_until(FRR).await;
        terminal.send("show version\r").await;
        assert_eq!(terminal.read_to_end().await, "show version\r\nFRRouting 8.4.4");
        let device = &lab.devices()[0];
        device.wait_for(SOON, |seen| seen.open_connections == 0).await.unwrap();
    }
}

#[tokio::test]
async fn an_interrupt_ends_a_slow_answer() {
    let answer_delay = Duration::from_secs(1000);
    let lab = frr_with(Faults { answer_delay, ..Faults::default() }).await;
    let mut terminal = Terminal::open(&lab.devices()[0]).await;
    terminal.read_until(FRR).await;
    terminal.send("show version\r").await;
    terminal.read_until("show version\r\n").await;
    terminal.send("\x03").await;
    assert_eq!(terminal.read_until(FRR).await.matches("FRRouting").count(), 0);
}

#[tokio::test]
async fn a_delayed_answer_comes_in_the_end() {
    let answer_delay = Duration::from_millis(30);
    let lab = frr_with(Faults { answer_delay, ..Faults::default() }).await;
    let mut terminal = Terminal::open(&lab.devices()[0]).await;
    terminal.read_until(FRR).await;
    let start = tokio::time::Instant::now();
    terminal.run("show version", FRR).await;
    assert!(start.elapsed() >= answer_delay);
}

#[tokio::test]
async fn a_device_can_deny_what_a_client_needs_after_login() {
    let denying = |denies| frr_with(Faults { denies, ..Faults::default() });
    let lab = denying(Denial::Channel).await;
    assert!(log_in(&lab.devices()[0]).await.channel_open_session().await.is_err());
    let lab = denying(Denial::Shell).await;
    assert_eq!(Terminal::open(&lab.devices()[0]).await.read_to_end().await, "");
    let lab = denying(Denial::Pty).await;
    let client = log_in(&lab.devices()[0]).await;
    let mut channel = client.channel_open_session().await.unwrap();
    channel.request_pty(true, "vt100", 80, 24, 0, 0, &[]).await.unwrap();
    assert!(matches!(channel.wait().await, Some(russh::ChannelMsg::Failure)));
}
