//! One suite over all platforms: each logs in to its simulated device, which shares no prompt or
//! parsing code with the driver, and must read byte for byte what the device says it prints,
//! however the bytes are cut.

mod cases;
mod device;
mod journey;
mod prompts;
mod questions;
mod quirks;

use std::future::Future;

use self::cases::Case;
use self::device::Cuts;

/// As it comes, byte by byte, and at places that a seed decides.
const EACH: [Cuts; 3] = [Cuts::Whole, Cuts::Bytes, Cuts::Random(0x1405_7b7e_f767_814f)];

/// Runs a check on every platform and with every way of cutting at once, and reports what is wrong
/// with each.
async fn on_every_platform<F>(cuts: &[Cuts], check: impl Fn(Case, Cuts) -> F)
where
    F: Future<Output = Vec<String>> + Send + 'static,
{
    let mut running = tokio::task::JoinSet::new();
    for case in cases::all() {
        for cuts in cuts {
            running.spawn(check(case.clone(), *cuts));
        }
    }
    let problems: Vec<String> = running.join_all().await.into_iter().flatten().collect();
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
}
