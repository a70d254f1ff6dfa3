//! From a device to a transcript, and from the transcript to a platform file that it proves.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use vty_mcp::lab::{LabDevice, Personality};
use vty_mcp::platform::{Platform, Platforms};
use vty_mcp::policy::{permit_configuration, permit_read};
use vty_mcp::pool::Pool;
use vty_mcp::session::{Cuts, TypedLine, replay};

use crate::support::{Fleet, credentials, dialer};

/// Writes a platform file with this recording and reads it as the program does.
fn platform_with(base: &str, recording: &str) -> Arc<Platform> {
    let directory = tempfile::tempdir().unwrap();
    let text = format!("inherits = \"{base}\"\n{recording}");
    std::fs::write(directory.path().join("recorded.toml"), text).unwrap();
    let platforms = Platforms::with_directory(directory.path()).unwrap();
    platforms.get(&platforms.resolve("recorded").unwrap()).unwrap()
}

#[tokio::test]
async fn a_recording_proves_the_platform_it_was_made_with() {
    let device = LabDevice::new("ios-r1", "cisco_ios").enable_secret("very-own-enable");
    let fleet = Fleet::start(vec![device, LabDevice::new("junos-fw1", "juniper_junos")]).await;
    let cases = [
        ("ios-r1", "cisco_ios", "show running-config"),
        ("ios-r1", "cisco_ios", "show ip interface brief"),
        ("junos-fw1", "juniper_junos", "show version"),
    ];
    for (name, base, command) in cases {
        let cancel = CancellationToken::new();
        let recording = fleet.operations.record(name, command, &cancel).await.unwrap().text;
        for secret in ["lab-password", "very-own-enable", "labBgpClearText"] {
            assert!(!recording.contains(secret), "{secret} in\n{recording}");
        }
        let platform = platform_with(base, &recording);
        let [transcript] = platform.transcripts.as_slice() else { panic!("{recording}") };
        let permitted = permit_read(&platform, command).unwrap();
        for cuts in [Cuts::Whole, Cuts::Bytes, Cuts::Sizes(vec![3, 17, 1])] {
            let played = replay(&platform, transcript, &permitted, cuts).await;
            played.unwrap_or_else(|problem| panic!("{name}, {command}: {problem}"));
        }
    }
    fleet.stop().await;
}

#[tokio::test]
async fn a_text_of_several_lines_is_typed_until_it_ends() {
    let fleet = Fleet::start(vec![LabDevice::new("fw1", "juniper_junos")]).await;
    let platforms = Arc::new(Platforms::embedded());
    let dialer = dialer(fleet.directory.path());
    let pool = Pool::new(Arc::clone(&platforms), dialer, credentials(), 1 << 20);
    let inventory = fleet.operations.inventory();
    let device = inventory.device("fw1").unwrap();
    let rules = platforms.get(&device.platform).unwrap();
    let rules = rules.change.as_ref().unwrap();
    let mut lease = pool.lease(device, &CancellationToken::new()).await.unwrap();
    lease.enter_mode(&rules.mode).await.unwrap();
    let text = "set system host-name fw2\nset system syslog host 192.0.2.9 any any";
    let permitted = permit_configuration(rules, text).unwrap();
    let lines: Vec<_> = permitted.statements().iter().map(|statement| &statement.text).collect();
    let block = TypedLine::Block { begin: "load set terminal", lines: &lines };
    let output = lease.type_line(block, &[]).await.unwrap();
    assert_eq!(output.rejected, None, "{}", output.text);
    assert!(output.text.contains("load complete"), "{}", output.text);
    let shown = lease.type_line(TypedLine::Configuration("show | compare"), &[]).await.unwrap();
    assert!(shown.text.contains("+   host-name fw2;"), "{}", shown.text);
    assert!(shown.text.contains("192.0.2.9"), "{}", shown.text);
    // What was typed and not committed is gone with the mode.
    let exec = platforms.get(&device.platform).unwrap().default_mode.clone();
    lease.enter_mode(&exec).await.unwrap();
    lease.leave().await;
    let log = fleet.ask("fw1", "show configuration system host-name").await;
    assert!(!log.text.contains("fw2"), "{}", log.text);
    fleet.stop().await;
}

/// The words of a personality that are secrets: what stands behind `ENC`.
fn encrypted(personality: &str) -> Vec<&str> {
    let words: Vec<&str> = personality.split_whitespace().collect();
    let pairs = words.windows(2).filter(|pair| pair[0] == "ENC");
    pairs.map(|pair| pair[1].trim_matches('"')).collect()
}

#[tokio::test]
async fn a_secret_is_not_recorded_though_a_pager_stands_in_the_text() {
    let secrets = encrypted(Personality::source("fortinet").unwrap());
    assert!(secrets.len() > 1, "{secrets:?}");
    // Its pager cannot be switched off for a session, and pages of every length cut elsewhere.
    let mut recorded = 0;
    for rows in [5, 9, 14, 22] {
        let height = format!("[paging]\nheight = {rows}\n");
        let source = Personality::source("fortinet").unwrap().replacen("[paging]\n", &height, 1);
        let personality = Personality::parse("fortinet", &source).unwrap();
        let fleet = Fleet::start(vec![LabDevice::with_personality("fw1", personality)]).await;
        let cancel = CancellationToken::new();
        // What cannot be shown safely may be refused.
        if let Ok(recording) = fleet.operations.record("fw1", "show", &cancel).await {
            recorded += 1;
            assert!(recording.text.contains("--More--"), "with {rows} rows it is not paged");
            for secret in &secrets {
                assert!(!recording.text.contains(secret), "{secret} with {rows} rows");
            }
        }
        fleet.stop().await;
    }
    assert!(recorded > 0, "nothing was recorded at all");
}
