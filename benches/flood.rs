//! What reading 100 MB from a device costs.
//!
//! The floor is a loop over the same in-memory stream, in the same run, that only counts line
//! ends. Writer and reader share one thread, so each figure is that of one core.
//!
//! `cargo bench --bench flood`
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::cast_precision_loss,
    reason = "a benchmark measures real time, prints and may panic"
)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio_util::sync::CancellationToken;
use vty_mcp::platform::Platforms;
use vty_mcp::policy::permit_read;
use vty_mcp::session::{Limits, LoginSecrets, Output, Session};

/// How much the device sends, in writes of this size.
const FLOOD: usize = 100_000_000;
const WRITE: usize = 32 * 1024;
/// What is kept of it.
const OUTPUT_LIMIT: usize = 4 << 20;
/// Each is measured this many times; the best counts, since the machine has other work.
const ROUNDS: usize = 3;

/// A piece of output, which the device repeats.
struct Shape {
    name: &'static str,
    piece: String,
    /// How much of it is sent.
    length: usize,
    end: &'static str,
}

impl Shape {
    fn all() -> [Self; 3] {
        let line = format!("{:<78}\r\n", "10.0.0.0/8 [110/20] via 192.0.2.1, eth0, 01:02:03");
        let long = r#"{"prefix":"10.0.0.0/8","nexthop":"192.0.2.1"},"#;
        [
            Self { name: "lines of 80", piece: line.repeat(4096), length: FLOOD, end: "" },
            Self { name: "one line", piece: long.repeat(4096), length: FLOOD, end: "\r\n" },
            // As large as a line can be that is still kept whole.
            Self { name: "one of 4 MB", piece: long.repeat(4096), length: 4_000_000, end: "\r\n" },
        ]
    }

    async fn write(&self, far: &mut DuplexStream) {
        let mut left = self.length;
        while left > 0 {
            for chunk in self.piece.as_bytes().chunks(WRITE) {
                let chunk = chunk.get(..chunk.len().min(left)).unwrap();
                far.write_all(chunk).await.unwrap();
                left -= chunk.len();
            }
        }
        far.write_all(self.end.as_bytes()).await.unwrap();
    }
}

/// A router that answers one command with the flood.
async fn perform(mut far: DuplexStream, shape: &Shape) {
    far.write_all(b"r1# ").await.unwrap();
    let mut line = String::new();
    while let Ok(byte) = far.read_u8().await {
        line.push(char::from(byte));
        if byte != b'\n' {
            continue;
        }
        far.write_all(line.replace('\n', "\r\n").as_bytes()).await.unwrap();
        if line.starts_with("show") {
            shape.write(&mut far).await;
        }
        far.write_all(b"r1# ").await.unwrap();
        line.clear();
    }
}

async fn floor(shape: &Shape) -> Duration {
    let (mut near, far) = tokio::io::duplex(2 * WRITE);
    let device = perform(far, shape);
    let reader = async move {
        let mut buffer = vec![0; WRITE];
        near.write_all(b"show\n").await.unwrap();
        let start = Instant::now();
        let (mut lines, mut length) = (0, 0);
        while length < shape.length {
            let count = near.read(&mut buffer).await.unwrap();
            lines += buffer.iter().take(count).filter(|byte| **byte == b'\n').count();
            length += count;
        }
        assert!(lines > 0);
        start.elapsed()
    };
    tokio::join!(reader, device).0
}

async fn driver(shape: &Shape) -> (Duration, Output) {
    let (near, far) = tokio::io::duplex(2 * WRITE);
    let device = perform(far, shape);
    let reader = async move {
        let platforms = Platforms::embedded();
        let platform = platforms.get(&platforms.resolve("frr").unwrap()).unwrap();
        let permitted = permit_read(&platform, "show log").unwrap();
        let secrets = LoginSecrets { username: "admin".to_owned(), password: None, enable: None };
        let limits = Limits {
            prompt_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(60),
            command_timeout: Duration::from_secs(600),
            output_limit: OUTPUT_LIMIT,
        };
        let mut session =
            Session::open(near, Arc::clone(&platform), secrets, limits).await.unwrap();
        let start = Instant::now();
        let output = session.run(&permitted, &CancellationToken::new()).await.unwrap();
        (start.elapsed(), output)
    };
    tokio::join!(reader, device).0
}

/// The most memory that this process ever had, in MB, where the system tells.
fn peak() -> f64 {
    let status = std::fs::read("/proc/self/status").unwrap_or_default();
    let status = String::from_utf8_lossy(&status).into_owned();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<f64>().ok());
    kilobytes.unwrap_or_default() / 1024.0
}

fn measure(shape: &Shape) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let speed = |time: Duration| shape.length as f64 / 1e6 / time.as_secs_f64();
    // The first run of the floor brings what writer and runtime need.
    let mut best_floor = runtime.block_on(floor(shape));
    let mut best = Duration::MAX;
    let before = peak();
    for _ in 0..ROUNDS {
        best_floor = best_floor.min(runtime.block_on(floor(shape)));
        let (time, output) = runtime.block_on(driver(shape));
        best = best.min(time);
        assert!(output.total_bytes as f64 >= shape.length as f64 * 0.98);
        assert!(output.text.len() > OUTPUT_LIMIT * 9 / 10);
    }
    println!(
        "{:<12} {:>5.0} MB/s {:>5.0} MB/s {:>6.1} MB",
        shape.name,
        speed(best_floor),
        speed(best),
        peak() - before
    );
}

/// Measures each shape in a process of its own, since a process never forgets its peak.
fn main() {
    let shapes = Shape::all();
    let wanted =
        std::env::args().find_map(|argument| argument.strip_prefix("shape=")?.parse().ok());
    if let Some(index) = wanted {
        let index: usize = index;
        return measure(shapes.get(index).unwrap());
    }
    println!("goal: at least 200 MB/s and at most 16 MB more memory, for lines of 80");
    println!("               floor     driver      memory");
    for index in 0..shapes.len() {
        let program = std::env::current_exe().unwrap();
        let status = std::process::Command::new(program).arg(format!("shape={index}")).status();
        assert!(status.unwrap().success());
    }
}
