//! What applying a change costs beyond the device's own round trips.
//!
//! The floor is made of the same run's measurements with the SSH library alone: the time to open a
//! shell, times the shells that an apply opens, and the time of one line, times the lines it sends.
//! What is left is ours: the journal on the disk, the check, and the decisions.
//!
//! `cargo bench --bench change`
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

use tokio::io::AsyncWriteExt;
use tokio_util::sync::CancellationToken;
use vty_mcp::caller::{Caller, Role};
use vty_mcp::change::After;
use vty_mcp::lab::{Lab, LabDevice, RunningDevice};
use vty_mcp::operations::{ApplyRequest, Operations, PlanRequest};
use vty_mcp::server;
use vty_mcp::settings::{Overrides, Settings};

use self::support::{shell, until_prompt};

const ROUNDS: usize = 15;

/// The prompts of the device, whatever the platform.
const PROMPTS: [&[u8]; 4] = [b"r1#", b"r1# ", b"r1>", b"r1> "];

/// The time to open a shell, and the time of one line.
async fn raw(device: &RunningDevice, command: &str) -> (Duration, Duration) {
    let (mut opens, mut lines) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let start = Instant::now();
        let (_handle, mut stream) =
            shell(device.address(), device.username(), device.password()).await;
        until_prompt(&mut stream, &PROMPTS, 0).await;
        opens.push(start.elapsed());
        for _ in 0..20 {
            let start = Instant::now();
            stream.write_all(format!("{command}\n").as_bytes()).await.unwrap();
            until_prompt(&mut stream, &PROMPTS, 0).await;
            lines.push(start.elapsed());
        }
    }
    (median(opens), median(lines))
}

async fn apply(operations: &Arc<Operations>, lines: String) -> Duration {
    let caller = Caller::local(Role::Operator);
    let cancel = CancellationToken::new();
    let request =
        PlanRequest { devices: vec!["r1".to_owned()], configuration: lines, expect_loss: false };
    let plan = operations.plan_change(&caller, request, &cancel, &|_| {}).await.unwrap();
    let request = ApplyRequest {
        plan_id: plan.plan_id.clone().unwrap_or_else(|| String::from("no plan")),
        plan_hash: plan.plan_hash.clone().unwrap_or_default(),
        confirm_within: 5,
        after: After::Confirm,
    };
    let start = Instant::now();
    let reports = operations.apply_change(&caller, &request, &cancel).await.unwrap();
    let elapsed = start.elapsed();
    assert!(reports.iter().all(|report| report.state == "saved"), "{plan:?} {reports:?}");
    elapsed
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

async fn measure(platform: &str, change: impl Fn(usize) -> String) {
    let r1 = LabDevice::new("r1", platform);
    let r1 = if platform == "cisco_ios" { r1.enable_secret("made-up") } else { r1 };
    let lab = Lab::start(vec![r1]).await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    let mut inventory = lab.inventory();
    if let Some(defaults) = inventory.pointer_mut("/defaults") {
        *defaults = serde_json::json!({ "allow_unprotected": true });
    }
    let path = directory.path().join("devices.json");
    std::fs::write(&path, inventory.to_string()).unwrap();
    let settings = Settings::load(Overrides {
        inventory: Some(path),
        state_dir: Some(directory.path().join("state")),
        ..Overrides::default()
    });
    let operations = server::build(&settings.unwrap()).unwrap().operations;
    let device = lab.device("r1").unwrap();
    let (open, line) = raw(device, "show clock").await;
    apply(&operations, change(0)).await;
    let before = device.observed();
    let mut ours = Vec::new();
    for round in 1..=ROUNDS {
        ours.push(apply(&operations, change(round)).await);
    }
    let after = device.observed();
    let rounds = u32::try_from(ROUNDS).unwrap();
    // A plan's part is small and counted too, which only makes the floor a little higher.
    let shells = u32::try_from(after.sessions_opened - before.sessions_opened).unwrap() / rounds;
    let lines = u32::try_from(after.lines.len() - before.lines.len()).unwrap() / rounds;
    let (floor, ours) = (open * shells + line * lines, median(ours));
    println!(
        "{platform:<14} {shells} shells of {open:.1?}, {lines} lines of {line:.1?}: floor {floor:.1?}, \
         apply {ours:.1?}, beyond it {:.1?} (goal: at most 20 ms)",
        ours.saturating_sub(floor)
    );
    operations.close().await;
    lab.stop().await.unwrap();
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let described = |round| format!("interface Loopback0\n description round {round}");
        measure("arista_eos", described).await;
        measure("cisco_ios", described).await;
        measure("juniper_junos", |round| format!("set interfaces lo0 description round{round}"))
            .await;
        measure("frr", |round| format!("interface lo\n description round {round}")).await;
    });
}
