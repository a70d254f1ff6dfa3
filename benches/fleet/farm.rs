//! Simulated devices in a process of their own, so that a client's memory and time are its alone.

use std::path::Path;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use vty_mcp::lab::{Cut, Faults, HostKey, Lab, LabDevice, Personality};

use super::{COMMAND, answer};

const PLATFORM: &str = "cisco_ios";

/// Devices that differ in their names only, and answer after this many milliseconds.
pub(super) fn alike(count: usize, delay_ms: u64) -> Vec<LabDevice> {
    let personality = Personality::builtin(PLATFORM).unwrap();
    let faults = Faults { answer_delay: Duration::from_millis(delay_ms), ..Faults::default() };
    let device = |n: usize| {
        let name = format!("r{n:04}");
        LabDevice::with_personality(name.as_str(), personality.clone())
            .host_key(HostKey::Phrase(name))
            .enable_secret("lab-enable")
            .command(COMMAND, answer())
            .faults(faults.clone())
    };
    (1..=count).map(device).collect()
}

/// One device that stalls in the middle of its answer, and one of each kind of hostility.
pub(super) fn bad() -> Vec<LabDevice> {
    let device = |name: &str| LabDevice::new(name, PLATFORM).host_key(HostKey::Phrase(name.into()));
    let stall = Faults { stall: Some(Cut::in_output_of(COMMAND, 200)), ..Faults::default() };
    let dribble = Faults {
        chunk_size: Some(1),
        chunk_delay: Duration::from_micros(100),
        ..Faults::default()
    };
    vec![
        device("stalled").command(COMMAND, answer()).faults(stall),
        device("flood").command(COMMAND, answer().repeat(16 << 10)),
        device("dribble").command(COMMAND, answer()).faults(dribble),
        device("garbage").command(COMMAND, garbage()),
    ]
}

/// What no device should print: prompts that are none, escape sequences cut short, control
/// characters, and lines without an end. 4 MB.
fn garbage() -> String {
    let mut text = String::new();
    for n in 0_u32..400 {
        text.push_str("garbage#\ngarbage> \n--More-- \x08\x08\x08");
        text.push_str("\x1b[2J\x1b[999;999H\x1b]0;title\x07\x1b[38;5;");
        // A fixed sequence that looks like noise, so that runs can be compared.
        let mut state = n.wrapping_mul(2_654_435_761).wrapping_add(1);
        for _ in 0..10_000 {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            let byte = u8::try_from(state & 0x7f).unwrap();
            // Line ends only now and then.
            text.push(if byte == b'\n' || byte == b'\r' { '\x1b' } else { char::from(byte) });
        }
    }
    text.push('\n');
    text
}

/// Runs the devices until standard input ends. Their inventory is complete when `ready` is printed.
pub(super) async fn serve(directory: &Path, devices: Vec<LabDevice>) {
    let lab = Lab::start(devices).await.unwrap();
    std::fs::write(directory.join("devices.json"), lab.inventory().to_string()).unwrap();
    println!("ready");
    let mut rest = Vec::new();
    tokio::io::stdin().read_to_end(&mut rest).await.unwrap();
    lab.stop().await.unwrap();
}
