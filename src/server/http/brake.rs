//! Slows down peers that guess tokens.
//!
//! A token has far too many bits to be guessed; this keeps the attempts, and the log lines about
//! them, few. Only refusals are delayed: a valid token from the same address is served at once.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How many refusals within [`WINDOW`] are answered at once.
const FREE: u32 = 10;
/// How long a refusal counts.
const WINDOW: Duration = Duration::from_secs(60);
/// How long a further refusal is held back.
const DELAY: Duration = Duration::from_millis(100);
/// How many addresses are remembered before those of the past are forgotten.
const ADDRESSES: usize = 4096;

/// The refusals of each address.
#[derive(Debug, Default)]
pub(super) struct Brake(Mutex<HashMap<IpAddr, Tally>>);

/// The refusals of one address since the first of them.
#[derive(Debug, Clone, Copy)]
struct Tally {
    since: Instant,
    refusals: u32,
}

impl Brake {
    /// Counts a refusal and returns when to answer it.
    pub(super) fn refused(&self, peer: IpAddr, now: Instant) -> Instant {
        let mut tallies = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if tallies.len() >= ADDRESSES {
            tallies.retain(|_, tally| now.duration_since(tally.since) < WINDOW);
        }
        if tallies.len() >= ADDRESSES && !tallies.contains_key(&peer) {
            return now + DELAY;
        }
        let tally = tallies.entry(peer).or_insert(Tally { since: now, refusals: 0 });
        if now.duration_since(tally.since) >= WINDOW {
            *tally = Tally { since: now, refusals: 0 };
        }
        tally.refusals = tally.refusals.saturating_add(1);
        if tally.refusals > FREE { now + DELAY } else { now }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_fails_often_waits_until_a_minute_has_passed() {
        let brake = Brake::default();
        let now = Instant::now();
        let (one, other) = (IpAddr::from([192, 0, 2, 1]), IpAddr::from([192, 0, 2, 2]));
        for _ in 0..FREE {
            assert_eq!(brake.refused(one, now), now);
        }
        assert_eq!(brake.refused(one, now), now + DELAY);
        assert_eq!(brake.refused(other, now), now);
        let later = now + WINDOW;
        assert_eq!(brake.refused(one, later), later);
    }

    #[test]
    fn the_memory_for_addresses_is_bounded() {
        let brake = Brake::default();
        let now = Instant::now();
        for number in 0..u32::try_from(ADDRESSES).unwrap() {
            brake.refused(IpAddr::from(number.to_be_bytes()), now);
        }
        let next = IpAddr::from([255, 0, 0, 1]);
        assert_eq!(brake.refused(next, now), now + DELAY);
        assert_eq!(brake.0.lock().unwrap().len(), ADDRESSES);
        let later = now + WINDOW;
        assert_eq!(brake.refused(next, later), later);
        assert_eq!(brake.0.lock().unwrap().len(), 1);
    }
}
