//! The numbers that the pool goes by.

use std::time::Duration;

use super::breaker::BreakerRules;
use super::guard::GuardRules;
use crate::settings::PoolLimits;

/// Everything that the pool counts or waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolRules {
    /// What the settings say.
    pub limits: PoolLimits,
    /// When a device is left alone.
    pub breaker: BreakerRules,
    /// How careful a login is.
    pub guard: GuardRules,
    /// A session that was used so short a time ago needs no proof that it lives, where nothing
    /// speaks against it.
    pub recent: Duration,
    /// How long a session may take to prove that it lives.
    pub proof: Duration,
    /// How long the connection to a jump host is kept when nobody needs it.
    pub jump_linger: Duration,
    /// How long a connection waits for its turn to log in before it is given up and dialed again:
    /// less than what servers allow for a login.
    pub turn_on_line: Duration,
}

impl Default for PoolRules {
    fn default() -> Self {
        Self {
            limits: PoolLimits::default(),
            breaker: BreakerRules::default(),
            guard: GuardRules::default(),
            recent: Duration::from_secs(10),
            proof: Duration::from_secs(3),
            jump_linger: Duration::from_secs(60),
            turn_on_line: Duration::from_secs(5),
        }
    }
}
