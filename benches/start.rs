//! How long the program takes to answer `initialize`, and how much memory it holds idle.
//!
//! The floor is the same program asked for its version, in the same run.
//!
//! `cargo bench --bench start`
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark measures real time, prints and may panic"
)]

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const ROUNDS: usize = 60;

const INITIALIZE: &str = r#"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"bench","version":"0"}}}"#;

fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_vty-mcp"))
}

fn version() -> Duration {
    let start = Instant::now();
    assert!(program().arg("--version").stdout(Stdio::null()).status().unwrap().success());
    start.elapsed()
}

/// Starts the server and returns the time to its first answer and its resident memory in MB.
fn initialize(directory: &std::path::Path) -> (Duration, Option<f64>) {
    let start = Instant::now();
    let mut child = program()
        .args(["serve", "-f"])
        .arg(directory.join("devices.json"))
        .arg("--state-dir")
        .arg(directory.join("state"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    writeln!(input, "{INITIALIZE}").unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let elapsed = start.elapsed();
    assert!(line.contains("serverInfo"), "{line}");
    let resident = resident_megabytes(child.id());
    drop(input);
    child.wait().unwrap();
    (elapsed, resident)
}

/// Reads the resident memory where the system has a `/proc`.
fn resident_megabytes(process: u32) -> Option<f64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    let kilobytes: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes / 1024.0)
}

fn median(times: &mut [Duration]) -> f64 {
    times.sort_unstable();
    times.get(times.len() / 2).unwrap().as_secs_f64() * 1e3
}

fn main() {
    let directory = tempfile::tempdir().unwrap();
    let devices: Vec<String> = (0..1000)
        .map(|n| format!(r#""sw{n}":{{"address":"192.0.2.{}","port":{}}}"#, n % 250 + 1, 1000 + n))
        .collect();
    let inventory = format!(
        r#"{{"defaults":{{"platform":"cisco_ios","username":"a","auth":{{"type":"password","password":"b-long-one"}}}},"devices":{{{}}}}}"#,
        devices.join(",")
    );
    let small = r#"{"devices":{"r1":{"platform":"frr","address":"192.0.2.1","username":"a","auth":{"type":"password","password":"b-long-one"}}}}"#;
    let mut floor: Vec<Duration> = (0..ROUNDS).map(|_| version()).collect();
    let floor = median(&mut floor);
    println!("--version                          {floor:>6.2} ms");
    for (name, text) in [("1 device", small), ("1000 devices", inventory.as_str())] {
        let path = directory.path().join("devices.json");
        std::fs::write(&path, text).unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        }
        let runs: Vec<_> = (0..ROUNDS).map(|_| initialize(directory.path())).collect();
        let mut times: Vec<Duration> = runs.iter().map(|(time, _)| *time).collect();
        let memory = runs.iter().filter_map(|(_, memory)| *memory).fold(0.0, f64::max);
        let time = median(&mut times);
        println!(
            "initialize, {name:<12}           {time:>6.2} ms  ({:.2} x the floor; goal: at most 10 ms)",
            time / floor
        );
        println!("resident, idle, {name:<12}       {memory:>6.1} MB  (goal: at most 15 MB)");
    }
}
