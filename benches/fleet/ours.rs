//! Our client: the use cases as the server builds them, over an inventory and settings on disk.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use serde_json::json;
use tokio_util::sync::CancellationToken;
use vty_mcp::caller::{Caller, Role};
use vty_mcp::operations::{DeviceAnswers, Operations, RunRequest};
use vty_mcp::server;
use vty_mcp::settings::{Overrides, Settings};

use super::{COMMAND, LEAST, Work, measure};

/// As many devices as one call may name.
const DEVICES_A_CALL: usize = 500;

/// Builds the use cases.
pub(super) fn build(directory: &Path) -> Arc<Operations> {
    let settings = Settings::load(Overrides {
        inventory: Some(directory.join("devices.json")),
        settings_file: Some(directory.join("settings.toml")),
        state_dir: Some(directory.join("state")),
        ..Overrides::default()
    });
    server::build(&settings.unwrap()).unwrap().operations
}

/// Runs the command so many times on each device.
pub(super) async fn ask(
    operations: &Arc<Operations>,
    devices: Vec<String>,
    commands: usize,
    cancel: &CancellationToken,
) -> Vec<DeviceAnswers> {
    let commands = vec![COMMAND.to_owned(); commands];
    let request = RunRequest { devices, commands, answers: Vec::new() };
    operations.run_commands(&Caller::local(Role::Viewer), request, cancel, &|_| {}).await.unwrap()
}

/// Runs the command so many times on each device, and sees that every answer is there.
async fn ask_all(operations: &Arc<Operations>, names: &[String], commands: usize) {
    for devices in names.chunks(DEVICES_A_CALL) {
        let cancel = CancellationToken::new();
        let devices = ask(operations, devices.to_vec(), commands, &cancel).await;
        for answer in devices.iter().flat_map(|device| &device.answers) {
            assert!(answer.error.is_none() && answer.total_bytes > LEAST as u64, "{answer:?}");
        }
    }
}

pub(super) async fn run(work: Work) {
    let start = Instant::now();
    let operations = build(&work.directory);
    let inventory = operations.inventory();
    let devices = inventory.devices().take(work.devices);
    let names: Vec<String> = devices.map(|device| device.name.to_string()).collect();
    assert_eq!(names.len(), work.devices);
    ask_all(&operations, &names, 1).await;
    let opened = start.elapsed();
    let open_cpu = measure::cpu();
    tokio::time::sleep(work.rest).await;
    let idle = measure::resident_mb();
    let sockets = measure::sockets();

    let mut walls = Vec::with_capacity(work.rounds);
    let before = measure::cpu();
    for _ in 0..work.rounds {
        let start = Instant::now();
        ask_all(&operations, &names, work.commands).await;
        walls.push(start.elapsed().as_secs_f64());
    }
    let cpu = measure::cpu().saturating_sub(before);
    let result = json!({
        "open_s": opened.as_secs_f64(),
        "open_cpu_s": open_cpu.as_secs_f64(),
        "walls_s": walls,
        "cpu_s": cpu.as_secs_f64(),
        "idle_mb": idle,
        "peak_mb": measure::peak_mb(),
        "threads": measure::threads(),
        "sockets": sockets,
    });
    println!("{result}");
    operations.close().await;
}
