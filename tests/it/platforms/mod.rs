//! One suite over all platforms: each logs in to its simulated device, which shares no prompt or
//! parsing code with the driver, and must read byte for byte what the device says it prints,
//! however the bytes are cut.

mod cases;
mod device;
mod journey;

use std::future::Future;

use self::cases::Case;

/// Runs a check on every platform at once and reports what is wrong with each.
async fn on_every_platform<F>(check: impl Fn(Case) -> F)
where
    F: Future<Output = Vec<String>> + Send + 'static,
{
    let mut running = tokio::task::JoinSet::new();
    for case in cases::all() {
        running.spawn(check(case));
    }
    let problems: Vec<String> = running.join_all().await.into_iter().flatten().collect();
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
}
