//! What the driver adds to a small command on an open session.
//!
//! The floor is a raw loop over the same SSH library, against the same simulated device, in the
//! same run: write the command, read until the prompt. Both ends share this machine's cores.
//!
//! `cargo bench --bench driver`
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark measures real time, prints and may panic"
)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use russh::client;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio_util::sync::CancellationToken;
use vty_mcp::lab::{Lab, LabDevice, RunningDevice};
use vty_mcp::platform::Platforms;
use vty_mcp::policy::permit_read;
use vty_mcp::secret::Secret;
use vty_mcp::session::{Limits, LoginSecrets, Session};

/// Commands that are not measured, then those that are.
const WARM_UP: usize = 200;
const ROUNDS: usize = 3000;

struct AcceptAny;

impl client::Handler for AcceptAny {
    type Error = russh::Error;

    async fn check_server_key(
        &mut self,
        _key: &russh::keys::PublicKeyOrCertificate,
    ) -> Result<bool, Self::Error> {
        Ok(true)
    }
}

/// Opens a shell with the SSH library alone.
async fn shell(
    device: &RunningDevice,
) -> (client::Handle<AcceptAny>, impl AsyncRead + AsyncWrite + Unpin + use<>) {
    let config = client::Config { nodelay: true, ..client::Config::default() };
    let mut handle = client::connect(Arc::new(config), device.address(), AcceptAny).await.unwrap();
    let login = handle.authenticate_password(device.username(), device.password()).await.unwrap();
    assert!(login.success());
    let channel = handle.channel_open_session().await.unwrap();
    channel.request_pty(false, "vt100", 511, 1000, 0, 0, &[]).await.unwrap();
    channel.request_shell(false).await.unwrap();
    (handle, channel.into_stream())
}

async fn until_prompt(stream: &mut (impl AsyncRead + Unpin), prompt: &[u8]) {
    let mut buffer = vec![0; 32 * 1024];
    let mut tail = Vec::new();
    while !tail.ends_with(prompt) {
        let count = stream.read(&mut buffer).await.unwrap();
        tail.extend(buffer.iter().take(count));
        let excess = tail.len().saturating_sub(64);
        tail.drain(..excess);
    }
}

async fn raw(device: &RunningDevice, command: &str) -> Vec<Duration> {
    let (_handle, mut stream) = shell(device).await;
    until_prompt(&mut stream, b"r1# ").await;
    let line = format!("{command}\n");
    let mut times = Vec::with_capacity(ROUNDS);
    for round in 0..WARM_UP + ROUNDS {
        let start = Instant::now();
        stream.write_all(line.as_bytes()).await.unwrap();
        until_prompt(&mut stream, b"r1# ").await;
        if round >= WARM_UP {
            times.push(start.elapsed());
        }
    }
    times
}

async fn driver(device: &RunningDevice, command: &str) -> Vec<Duration> {
    let (_handle, stream) = shell(device).await;
    let platforms = Platforms::embedded();
    let platform = platforms.get(&platforms.resolve("frr").unwrap()).unwrap();
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
    let permitted = permit_read(&platform, command).unwrap();
    let mut session = Session::open(stream, platform, secrets, limits).await.unwrap();
    let cancel = CancellationToken::new();
    let mut times = Vec::with_capacity(ROUNDS);
    for round in 0..WARM_UP + ROUNDS {
        let start = Instant::now();
        let output = session.run(&permitted, &cancel).await.unwrap();
        if round >= WARM_UP {
            times.push(start.elapsed());
        }
        assert!(output.text.len() > 1000);
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

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let lines = (0..20).map(|n| format!("{n:>3} {}\n", "x".repeat(56)));
        let text = lines.collect::<Vec<_>>().concat();
        let command = "show bench";
        let lab = Lab::start(vec![LabDevice::new("r1", "frr").command(command, text.as_str())]);
        let lab = lab.await.unwrap();
        let device = lab.device("r1").unwrap();
        // Twice each, in turns, so that a change in the machine's load shows.
        let (mut floor, mut ours) = (Vec::new(), Vec::new());
        for _ in 0..2 {
            floor.extend(raw(device, command).await);
            ours.extend(driver(device, command).await);
        }
        println!("{} commands of {} bytes each, milliseconds", floor.len(), text.len());
        println!("            p50      p95");
        let (floor50, floor95) = (at(&mut floor, 0.5), at(&mut floor, 0.95));
        let (ours50, ours95) = (at(&mut ours, 0.5), at(&mut ours, 0.95));
        println!("raw      {floor50:>7.3}  {floor95:>7.3}");
        println!("driver   {ours50:>7.3}  {ours95:>7.3}");
        println!("added    {:>7.3}           goal: at most 0.5", ours50 - floor50);
        println!("ratio    {:>7.2}", ours50 / floor50);
        lab.stop().await.unwrap();
    });
}
