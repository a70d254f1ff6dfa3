//! What the system says about this process.

use std::time::Duration;

/// The processor time of all threads that live. A runtime's threads live as long as it does.
pub(super) fn cpu() -> Duration {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let of_task = tasks.filter_map(|task| {
        let text = std::fs::read_to_string(task.ok()?.path().join("schedstat")).ok()?;
        text.split_whitespace().next()?.parse::<u64>().ok()
    });
    Duration::from_nanos(of_task.sum())
}

/// A line of `/proc/self/status`, which is in KB where it has a unit.
fn status(key: &str) -> f64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
    line.unwrap().split_whitespace().next().unwrap().parse().unwrap()
}

/// The resident memory now, in MB.
pub(super) fn resident_mb() -> f64 {
    status("VmRSS") / 1024.0
}

/// The most resident memory that there ever was, in MB.
pub(super) fn peak_mb() -> f64 {
    status("VmHWM") / 1024.0
}

pub(super) fn threads() -> f64 {
    status("Threads")
}

/// How many sockets are open.
pub(super) fn sockets() -> usize {
    let files = std::fs::read_dir("/proc/self/fd").unwrap();
    let targets = files.filter_map(|file| std::fs::read_link(file.ok()?.path()).ok());
    targets.filter(|target| target.to_string_lossy().starts_with("socket:")).count()
}
