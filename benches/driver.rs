//! What the driver adds to a small command on an open session.
//!
//! The floor is a raw loop over the same SSH library, against the same simulated device, in the
//! same run: write the command, read until the prompt. Both ends share this machine's cores.
//!
//! `cargo bench --bench driver`
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark measures real time, prints and may panic"
)]

mod support;

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio_util::sync::CancellationToken;
use vty_mcp::lab::{Lab, LabDevice, RunningDevice};
use vty_mcp::platform::{Platform, Platforms};
use vty_mcp::policy::permit_read;
use vty_mcp::secret::Secret;
use vty_mcp::session::{Limits, LoginSecrets, Session};

use self::support::{shell, until_prompt};

/// Commands that are not measured, then those that are.
const WARM_UP: usize = 200;
const ROUNDS: usize = 1000;
/// Fewer bytes than this are not yet the answer.
const LEAST: usize = 1000;

/// The bytes of the prompt as this device draws it after login.
async fn prompt_of(stream: &mut (impl AsyncRead + Unpin)) -> Vec<u8> {
    let mut buffer = vec![0; 32 * 1024];
    let mut all = Vec::new();
    while let Ok(count) =
        tokio::time::timeout(Duration::from_millis(500), stream.read(&mut buffer)).await
    {
        all.extend(buffer.iter().take(count.unwrap()));
    }
    let end_of_line = |byte: &u8| matches!(byte, b'\n' | b'\r');
    let start = all.iter().rposition(end_of_line).map_or(0, |last| last + 1);
    all.split_off(start)
}

async fn raw(device: &RunningDevice, platform: &Platform) -> Vec<Duration> {
    let newline = &platform.terminal.newline;
    let line = format!("{}{newline}", platform.version_command);
    let (_handle, mut stream) = shell(device.address(), device.username(), device.password()).await;
    let mut prompt = prompt_of(&mut stream).await;
    for setup in &platform.setup {
        // Without it some devices stop at a pager.
        stream.write_all(format!("{}{newline}", setup.send).as_bytes()).await.unwrap();
        prompt = prompt_of(&mut stream).await;
    }
    let mut times = Vec::with_capacity(ROUNDS);
    for round in 0..WARM_UP + ROUNDS {
        let start = Instant::now();
        stream.write_all(line.as_bytes()).await.unwrap();
        until_prompt(&mut stream, &[&prompt], LEAST).await;
        if round >= WARM_UP {
            times.push(start.elapsed());
        }
    }
    times
}

async fn driver(device: &RunningDevice, platform: &Arc<Platform>) -> Vec<Duration> {
    let (_handle, stream) = shell(device.address(), device.username(), device.password()).await;
    let secrets = LoginSecrets {
        username: device.username().to_owned(),
        password: Some(Secret::new(device.password().to_owned())),
        enable: None,
    };
    let limits = Limits {
        prompt_timeout: Duration::from_secs(10),
        idle_timeout: Duration::from_secs(10),
        command_timeout: Duration::from_secs(30),
        output_limit: 4 << 20,
    };
    let permitted = permit_read(platform, &platform.version_command).unwrap();
    let mut session = Session::open(stream, Arc::clone(platform), secrets, limits).await.unwrap();
    let cancel = CancellationToken::new();
    let mut times = Vec::with_capacity(ROUNDS);
    for round in 0..WARM_UP + ROUNDS {
        let start = Instant::now();
        let output = session.run(&permitted, &cancel).await.unwrap();
        if round >= WARM_UP {
            times.push(start.elapsed());
        }
        assert!(output.text.len() > LEAST);
    }
    times
}

/// A time in milliseconds at this part of the sorted list.
fn at(times: &mut [Duration], part: f64) -> f64 {
    times.sort_unstable();
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an index into a few thousand measurements"
    )]
    let index = ((times.len() - 1) as f64 * part) as usize;
    times.get(index).unwrap().as_secs_f64() * 1e3
}

/// Measures one platform and returns how much the driver adds.
async fn measure(platform: &Arc<Platform>, text: &str) -> f64 {
    let name = platform.name.as_str();
    let device = LabDevice::new("r1", name).command(platform.version_command.as_str(), text);
    let lab = Lab::start(vec![device]).await.unwrap();
    let device = lab.device("r1").unwrap();
    // Twice each, in turns, so that a change in the machine's load shows.
    let (mut floor, mut ours) = (Vec::new(), Vec::new());
    for _ in 0..2 {
        floor.extend(raw(device, platform).await);
        ours.extend(driver(device, platform).await);
    }
    let (floor50, floor95) = (at(&mut floor, 0.5), at(&mut floor, 0.95));
    let (ours50, ours95) = (at(&mut ours, 0.5), at(&mut ours, 0.95));
    let added = ours50 - floor50;
    println!(
        "{name:<18}{floor50:>8.3}{floor95:>8.3}{ours50:>9.3}{ours95:>8.3}{added:>9.3}{:>8.2}",
        ours50 / floor50
    );
    lab.stop().await.unwrap();
    added
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let lines = (0..20).map(|n| format!("{n:>3} {}\n", "x".repeat(56)));
        let text = lines.collect::<Vec<_>>().concat();
        println!("{} commands of {} bytes on each platform, milliseconds", 2 * ROUNDS, text.len());
        println!("platform          raw p50     p95   driver     p95    added   ratio");
        let platforms = Platforms::embedded();
        let mut most: f64 = 0.0;
        for name in platforms.names() {
            most = most.max(measure(&platforms.get(name).unwrap(), &text).await);
        }
        println!("added at most {most:.3} ms; goal: at most 0.5");
    });
}
