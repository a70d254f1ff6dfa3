//! What a stalled and a hostile device cost the others.
//!
//! Calm and troubled phases take turns, so that a change in the machine's load meets both. In each
//! the same well-behaved devices are asked at a steady pace; a time counts from the moment the
//! question was due, so that waiting for a busy thread counts too.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use vty_mcp::operations::Operations;

use super::{LEAST, measure, ours};

/// How often each device is asked.
const PACE: Duration = Duration::from_millis(100);
/// Devices beside the two that misbehave or, in a calm phase, take their place.
const OTHERS: usize = 98;

/// Measures `phases` calm and as many troubled phases, each of this length.
pub(super) async fn run(directory: &Path, hostile: &str, phases: usize, length: Duration) {
    let operations = ours::build(directory);
    let names: Vec<String> =
        operations.inventory().devices().map(|device| device.name.to_string()).collect();
    let good: Vec<&String> = names.iter().filter(|name| name.starts_with("r0")).collect();
    let (others, substitutes) = good.split_at(OTHERS);
    let troubled: Vec<String> = vec!["stalled".to_owned(), hostile.to_owned()];
    let substitutes: Vec<String> =
        substitutes.iter().take(troubled.len()).map(|name| (*name).clone()).collect();
    // Opens every session before anything is measured.
    phase(&operations, others, &substitutes, PACE * 3).await;
    let (mut calm_times, mut troubled_times) = (Vec::new(), Vec::new());
    let mut calls = 0;
    for _ in 0..phases {
        let (times, _) = phase(&operations, others, &substitutes, length).await;
        calm_times.extend(times);
        let (times, ended) = phase(&operations, others, &troubled, length).await;
        troubled_times.extend(times);
        calls += ended;
    }
    let result = json!({
        "calm_ms": calm_times,
        "troubled_ms": troubled_times,
        "hostile_calls": calls,
        "peak_mb": measure::peak_mb(),
    });
    println!("{result}");
    operations.close().await;
}

/// Asks the others at their pace and the two without a pause. Returns the others' times in
/// milliseconds, and how many calls of the two ended by themselves.
async fn phase(
    operations: &Arc<Operations>,
    others: &[&String],
    two: &[String],
    length: Duration,
) -> (Vec<f64>, usize) {
    let end = CancellationToken::new();
    let mut beside = JoinSet::new();
    for name in two {
        let (operations, name, end) = (Arc::clone(operations), name.clone(), end.clone());
        // Those who are well are asked at the same pace as the others.
        let pause = if name.starts_with("r0") { PACE } else { Duration::ZERO };
        beside.spawn(async move {
            let mut calls = 0;
            while !end.is_cancelled() {
                ours::ask(&operations, vec![name.clone()], 1, &end).await;
                calls += usize::from(!end.is_cancelled());
                tokio::time::sleep(pause).await;
            }
            calls
        });
    }
    let mut asking = JoinSet::new();
    let start = Instant::now();
    for (place, name) in others.iter().enumerate() {
        let offset = PACE.mul_f64(f64::from(u32::try_from(place).unwrap()) / 98.0);
        let (operations, name) = (Arc::clone(operations), (*name).clone());
        asking.spawn(steady(operations, name, start + offset, start + length));
    }
    let times = asking.join_all().await.concat();
    end.cancel();
    let calls = beside.join_all().await.into_iter().sum();
    (times, calls)
}

async fn steady(
    operations: Arc<Operations>,
    name: String,
    start: Instant,
    end: Instant,
) -> Vec<f64> {
    let mut pace = tokio::time::interval_at(start, PACE);
    pace.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut times = Vec::new();
    while start.elapsed() < end - start {
        let due = pace.tick().await;
        let answers =
            ours::ask(&operations, vec![name.clone()], 1, &CancellationToken::new()).await;
        times.push(due.elapsed().as_secs_f64() * 1e3);
        let mut all = answers.iter().flat_map(|device| &device.answers);
        let good = all.all(|a| a.error.is_none() && a.total_bytes > LEAST as u64);
        assert!(good, "{answers:?}");
    }
    times
}
