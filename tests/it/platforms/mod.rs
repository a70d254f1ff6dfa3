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

use vty_mcp::platform::Platforms;
use vty_mcp::policy::permit_read;

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

/// Else `query_devices` would offer JSON that the gate refuses.
#[test]
fn what_asks_for_json_passes_the_gate() {
    let mut with_json = 0;
    for platform in Platforms::embedded().usable() {
        let Some(structured) = &platform.structured else { continue };
        let command = format!("{} {}", platform.version_command, structured.suffix);
        let refused = permit_read(&platform, &command).err();
        assert!(refused.is_none(), "{}: `{command}`: {refused:?}", platform.name);
        with_json += 1;
    }
    assert!(with_json >= 5, "{with_json}");
}
