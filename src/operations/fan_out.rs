//! Works on many devices at once, each in its own task, and keeps the order of asking.

use std::collections::HashSet;
use std::sync::Arc;

use tokio::task::JoinSet;

use super::{Failure, OnProgress, Operations, Progress};
use crate::error::ErrorCode;

/// Most devices in one call.
const MOST_DEVICES: usize = 500;

/// Checks the names of one call; the same name twice is worked on once.
pub(super) fn check_names(names: &[String]) -> Result<Vec<String>, Failure> {
    let mut seen = HashSet::new();
    let names: Vec<String> =
        names.iter().filter(|name| seen.insert(name.as_str())).cloned().collect();
    if names.is_empty() {
        return Err(Failure::new(ErrorCode::InvalidArgument, "no device is named")
            .hinting("call list_devices for the names"));
    }
    if names.len() > MOST_DEVICES {
        let message =
            format!("{} devices are named; at most {MOST_DEVICES} go into a call", names.len());
        return Err(Failure::new(ErrorCode::InvalidArgument, message));
    }
    Ok(names)
}

/// Runs `work` for every name. A task that panics costs its own device only.
pub(super) async fn fan_out<T, W, F>(
    operations: &Arc<Operations>,
    names: Vec<String>,
    on_progress: OnProgress<'_>,
    work: W,
    lost: impl Fn(&str, Failure) -> T,
) -> Vec<T>
where
    T: Send + 'static,
    W: Fn(Arc<Operations>, String) -> F,
    F: Future<Output = T> + Send + 'static,
{
    let total = names.len();
    on_progress(Progress { done: 0, total, device: None });
    let mut results: Vec<Option<T>> = names.iter().map(|_| None).collect();
    let mut done: usize = 0;
    let mut tasks = JoinSet::new();
    let mut places = std::collections::HashMap::new();
    let mut waiting = names.iter().enumerate();
    loop {
        // A task is made when its turn comes: hundreds that only wait would hold much memory.
        while tasks.len() < operations.limits.devices_at_once
            && let Some((place, name)) = waiting.next()
        {
            let handle = tasks.spawn(work(Arc::clone(operations), name.clone()));
            places.insert(handle.id(), place);
        }
        let Some(finished) = tasks.join_next_with_id().await else { break };
        let (id, result) = match finished {
            Ok((id, result)) => (id, Some(result)),
            Err(error) => {
                tracing::error!(%error, "a device task ended without a result");
                (error.id(), None)
            }
        };
        let Some(&place) = places.get(&id) else { continue };
        done = done.saturating_add(1);
        if let Some(slot) = results.get_mut(place) {
            *slot = result;
        }
        on_progress(Progress { done, total, device: names.get(place).cloned() });
    }
    let whole = results.into_iter().zip(&names).map(|(result, name)| {
        result.unwrap_or_else(|| {
            lost(name, Failure::new(ErrorCode::Internal, "the task ended unexpectedly").on(name))
        })
    });
    whole.collect()
}
