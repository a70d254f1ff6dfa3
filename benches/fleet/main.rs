//! The parts of the fleet benchmark that are ours: simulated devices, our client, and the SSH
//! library alone as the floor. Each runs in a process of its own and prints one line of JSON.
//!
//! `benches/fleet.py` starts them together with the Python peers and prints the table.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark measures real time, prints and may panic"
)]

mod farm;
mod isolation;
mod measure;
mod ours;
mod raw;
#[path = "../support/mod.rs"]
mod support;

use std::path::{Path, PathBuf};

/// The command every client sends.
const COMMAND: &str = "show version";
/// Its answer: 20 lines, 1.2 KB.
fn answer() -> String {
    let lines: Vec<String> = (0..20).map(|n| format!("{n:>3} {}\n", "x".repeat(56))).collect();
    lines.concat()
}
/// Fewer bytes than this are not yet the answer.
const LEAST: usize = 1000;

/// What a client does: it opens a session to each of `devices` and runs one command there, rests,
/// and then runs `commands` on all of them at once, `rounds` times.
struct Work {
    /// Where `devices.json` and `settings.toml` are, and state may be kept.
    directory: PathBuf,
    devices: usize,
    commands: usize,
    rounds: usize,
    rest: std::time::Duration,
}

impl Work {
    fn inventory(&self) -> PathBuf {
        self.directory.join("devices.json")
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    match *words.as_slice() {
        ["farm", directory, count, delay_ms] => runtime.block_on(farm::serve(
            Path::new(directory),
            farm::alike(number(count), number(delay_ms)),
        )),
        ["farm", directory, "bad"] => {
            runtime.block_on(farm::serve(Path::new(directory), farm::bad()));
        }
        ["raw", directory, devices, commands, rounds, rest_ms] => {
            runtime.block_on(raw::run(work(directory, devices, commands, rounds, rest_ms)));
        }
        ["ours", directory, devices, commands, rounds, rest_ms] => {
            runtime.block_on(ours::run(work(directory, devices, commands, rounds, rest_ms)));
        }
        ["isolation", directory, hostile, phases, phase_ms] => {
            let length = std::time::Duration::from_millis(number(phase_ms));
            let directory = Path::new(directory);
            runtime.block_on(isolation::run(directory, hostile, number(phases), length));
        }
        _ => println!("run `python3 benches/fleet.py`, which runs this with its peers"),
    }
    runtime.shutdown_background();
}

fn work(directory: &str, devices: &str, commands: &str, rounds: &str, rest_ms: &str) -> Work {
    Work {
        directory: PathBuf::from(directory),
        devices: number(devices),
        commands: number(commands),
        rounds: number(rounds),
        rest: std::time::Duration::from_millis(number(rest_ms)),
    }
}

fn number<T: std::str::FromStr>(text: &str) -> T {
    text.parse().unwrap_or_else(|_| panic!("`{text}` is no number"))
}
