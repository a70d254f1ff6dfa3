//! Limits on sessions: how many there are, how long one waits and lives.

use std::time::Duration;

use serde::Deserialize;

/// `[pool]` of the settings file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[expect(clippy::struct_field_names, reason = "keys of a file name their unit")]
pub(super) struct PoolFile {
    idle_seconds: u64,
    age_seconds: u64,
    keepalive_seconds: u64,
}

impl Default for PoolFile {
    fn default() -> Self {
        Self { idle_seconds: 300, age_seconds: 3300, keepalive_seconds: 30 }
    }
}

/// Limits on sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolLimits {
    /// How many sessions there are at once in all, those that wait for a caller included.
    pub sessions: usize,
    /// How many connections are set up at once in all.
    pub handshakes: usize,
    /// Bounds the wait for a free session.
    pub acquire: Duration,
    /// How long a session waits for its next caller before it is closed.
    pub idle: Duration,
    /// How old a session gets; devices may not survive a new key exchange after an hour.
    pub age: Duration,
    /// How often an idle connection is probed.
    pub keepalive: Duration,
}

impl Default for PoolLimits {
    fn default() -> Self {
        let pool = PoolFile::default();
        Self {
            sessions: 2000,
            handshakes: 64,
            acquire: Duration::from_secs(120),
            idle: Duration::from_secs(pool.idle_seconds),
            age: Duration::from_secs(pool.age_seconds),
            keepalive: Duration::from_secs(pool.keepalive_seconds),
        }
    }
}

impl PoolFile {
    /// Checks the ranges; `seconds` reports a value that is out of its own.
    pub(super) fn apply(
        &self,
        limits: &mut PoolLimits,
        acquire_seconds: u64,
        mut seconds: impl FnMut(&str, u64, u64, u64) -> Duration,
    ) {
        limits.acquire = seconds("limits.acquire_seconds", acquire_seconds, 1, 3600);
        limits.idle = seconds("pool.idle_seconds", self.idle_seconds, 1, 3600);
        limits.age = seconds("pool.age_seconds", self.age_seconds, 60, 86_400);
        limits.keepalive = seconds("pool.keepalive_seconds", self.keepalive_seconds, 5, 600);
    }
}
