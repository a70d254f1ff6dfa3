//! Keeps a wrong credential from locking an account: who may log in with it now, who waits, and
//! whom nobody lets in for a while.
//!
//! A pure machine: whoever drives it says what time it is, in seconds since 1970, and what the
//! store knows of refusals.
//!
//! **Invariants:** a credential that a device refused is not sent to it again before the hold is
//! over or lifted. While a credential is unproven, the devices that refused it since it last worked
//! and the logins under way with it are [`MOST_UNPROVEN`] together at most, so that a wrong one
//! costs no more refusals than that. Those who wait have their turn in the order of asking.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use crate::credential::CredentialId;
use crate::store::{LockoutRow, LockoutScope};

/// Refusals and logins under way of a credential that nothing speaks for. Two, because so many
/// refusals pause it for the fleet; account policies allow three.
pub(super) const MOST_UNPROVEN: usize = 2;

/// How careful the guard is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GuardRules {
    /// How long a refused credential is held.
    pub hold: Duration,
    /// How long a credential that worked counts as proven.
    pub proven: Duration,
}

impl Default for GuardRules {
    fn default() -> Self {
        Self { hold: Duration::from_secs(15 * 60), proven: Duration::from_secs(5 * 60) }
    }
}

/// A place in the line of those who want to log in with a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Place(u64);

/// A refusal: where, and when it began to count.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Refusal {
    device_key: String,
    since: i64,
}

/// What is known of one credential.
#[derive(Debug, Default)]
struct Standing {
    /// When it last worked.
    proven_at: Option<i64>,
    /// What the store knows of it.
    rows: Vec<LockoutRow>,
    /// Refusals that the store does not know yet.
    unsaved: Vec<LockoutRow>,
    /// Refusals that a later success took the meaning from.
    forgiven: Vec<Refusal>,
    under_way: usize,
    waiting: VecDeque<Place>,
}

impl Standing {
    fn rows(&self, now: i64) -> impl Iterator<Item = &LockoutRow> {
        self.rows.iter().chain(&self.unsaved).filter(move |row| row.until > now)
    }

    fn is_forgiven(&self, row: &LockoutRow) -> bool {
        self.forgiven
            .iter()
            .any(|known| known.device_key == row.device_key && known.since == row.since)
    }

    /// How many devices refused it since it last worked.
    fn refusals(&self, now: i64) -> usize {
        let mut devices: Vec<&str> = self
            .rows(now)
            .filter(|row| row.scope == LockoutScope::Device && !self.is_forgiven(row))
            .map(|row| row.device_key.as_str())
            .collect();
        devices.sort_unstable();
        devices.dedup();
        devices.len()
    }

    fn is_proven(&self, rules: &GuardRules, now: i64) -> bool {
        let recent = |at: i64| now.saturating_sub(at) < seconds(rules.proven);
        self.proven_at.is_some_and(recent) && self.refusals(now) == 0
    }

    fn has_room(&self, rules: &GuardRules, now: i64) -> bool {
        self.is_proven(rules, now)
            || self.refusals(now).saturating_add(self.under_way) < MOST_UNPROVEN
    }

    /// Whether nobody needs it any more.
    fn is_over(&self, rules: &GuardRules, now: i64) -> bool {
        let recent = |at: i64| now.saturating_sub(at) < seconds(rules.proven);
        self.under_way == 0
            && self.waiting.is_empty()
            && self.rows(now).next().is_none()
            && !self.proven_at.is_some_and(recent)
    }
}

/// Who may log in with which credential.
#[derive(Debug)]
pub(super) struct Guard {
    rules: GuardRules,
    standings: HashMap<CredentialId, Standing>,
    next: u64,
}

impl Guard {
    pub(super) fn new(rules: GuardRules) -> Self {
        Self { rules, standings: HashMap::new(), next: 0 }
    }

    /// Learns what the store knows of a credential. Returns whose turn it is because of that.
    pub(super) fn learn(
        &mut self,
        id: &CredentialId,
        rows: Vec<LockoutRow>,
        now: i64,
    ) -> Vec<Place> {
        let rules = self.rules;
        self.standings.retain(|known, standing| known == id || !standing.is_over(&rules, now));
        let standing = self.standings.entry(id.clone()).or_default();
        standing.rows = rows;
        let rows = &standing.rows;
        standing.forgiven.retain(|known| {
            rows.iter().any(|row| row.device_key == known.device_key && row.since == known.since)
        });
        self.turns(id, now)
    }

    /// What keeps this credential from being sent to this device.
    pub(super) fn held(
        &self,
        id: &CredentialId,
        device_key: &str,
        now: i64,
    ) -> Option<&LockoutRow> {
        let holds =
            |row: &&LockoutRow| row.scope == LockoutScope::Fleet || row.device_key == device_key;
        let rows = self.standings.get(id)?.rows(now).filter(holds);
        // What holds longest is what a caller must wait for.
        rows.max_by_key(|row| (row.until, row.scope == LockoutScope::Fleet))
    }

    /// Asks for a turn. Returns the place, and whether its turn is now.
    pub(super) fn ask(&mut self, id: &CredentialId, now: i64) -> (Place, bool) {
        let place = Place(self.next);
        self.next = self.next.wrapping_add(1);
        let rules = self.rules;
        let standing = self.standings.entry(id.clone()).or_default();
        let now = standing.waiting.is_empty() && standing.has_room(&rules, now);
        if now {
            standing.under_way = standing.under_way.saturating_add(1);
        } else {
            standing.waiting.push_back(place);
        }
        (place, now)
    }

    /// Leaves the line without having had a turn.
    pub(super) fn leave(&mut self, id: &CredentialId, place: Place, now: i64) -> Vec<Place> {
        if let Some(standing) = self.standings.get_mut(id) {
            standing.waiting.retain(|waiting| *waiting != place);
        }
        self.turns(id, now)
    }

    /// A login ended without a verdict on the credential.
    pub(super) fn unjudged(&mut self, id: &CredentialId, now: i64) -> Vec<Place> {
        self.done(id);
        self.turns(id, now)
    }

    /// The device took the credential.
    pub(super) fn accepted(&mut self, id: &CredentialId, now: i64) -> Vec<Place> {
        self.done(id);
        if let Some(standing) = self.standings.get_mut(id) {
            standing.proven_at = Some(now);
            standing.forgiven = standing
                .rows(now)
                .filter(|row| row.scope == LockoutScope::Device)
                .map(|row| Refusal { device_key: row.device_key.clone(), since: row.since })
                .collect();
        }
        self.turns(id, now)
    }

    /// The device refused the credential. The turn lasts until [`Guard::saved`] says that the store
    /// knows, so that nobody goes in between.
    pub(super) fn refused(&mut self, id: &CredentialId, row: LockoutRow) {
        let standing = self.standings.entry(id.clone()).or_default();
        standing.proven_at = None;
        standing.unsaved.push(row);
    }

    /// The store knows of a refusal and this is everything it knows of the credential. Returns the
    /// refusals that make a pause for the whole fleet necessary, where there are that many.
    pub(super) fn saved(
        &mut self,
        id: &CredentialId,
        row: &LockoutRow,
        rows: Vec<LockoutRow>,
        now: i64,
    ) -> bool {
        let Some(standing) = self.standings.get_mut(id) else { return false };
        standing.unsaved.retain(|unsaved| unsaved != row);
        standing.rows = rows;
        let paused = standing.rows(now).any(|row| row.scope == LockoutScope::Fleet);
        !paused && standing.refusals(now) >= MOST_UNPROVEN
    }

    fn done(&mut self, id: &CredentialId) {
        if let Some(standing) = self.standings.get_mut(id) {
            standing.under_way = standing.under_way.saturating_sub(1);
        }
    }

    /// Gives turns to those who wait. Where the credential is held for the fleet everybody gets
    /// one, to learn just that.
    fn turns(&mut self, id: &CredentialId, now: i64) -> Vec<Place> {
        let rules = self.rules;
        let mut turns = Vec::new();
        let Some(standing) = self.standings.get_mut(id) else { return turns };
        let paused = standing.rows(now).any(|row| row.scope == LockoutScope::Fleet);
        while paused || standing.has_room(&rules, now) {
            let Some(place) = standing.waiting.pop_front() else { break };
            standing.under_way = standing.under_way.saturating_add(1);
            turns.push(place);
        }
        turns
    }

    /// Logins under way and those who wait for one, over all credentials.
    pub(super) fn counts(&self) -> (usize, usize) {
        let standings = || self.standings.values();
        (
            standings().map(|standing| standing.under_way).sum(),
            standings().map(|standing| standing.waiting.len()).sum(),
        )
    }
}

pub(super) fn seconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX)
}

#[cfg(test)]
#[path = "guard/tests.rs"]
mod tests;
