//! Owns what commands and the keyring gave: kept for a while, and fetched once however many ask.
//!
//! **Invariants:** a failure is not kept. Whoever stops waiting does not end the fetch for others,
//! and the last one who does ends it. What was forgotten while it was fetched is not kept.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::{BoxFuture, Shared, WeakShared};
use tokio::time::Instant;

use super::CredentialError;
use crate::inventory::SecretSource;
use crate::secret::Secret;

type Fetched = Result<Secret<String>, CredentialError>;
type Fetch = BoxFuture<'static, Fetched>;

/// A source whose secrets are kept.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Key {
    Command(Vec<String>),
    Keyring { service: String, account: String },
}

impl Key {
    /// The key of a source; none for one that costs nothing to ask.
    pub(super) fn of(source: &SecretSource) -> Option<Self> {
        match source {
            SecretSource::Command(command) => Some(Self::Command(command.clone())),
            SecretSource::Keyring { service, account } => {
                let (service, account) = (service.clone(), account.clone());
                Some(Self::Keyring { service, account })
            }
            SecretSource::Inline(_) | SecretSource::Env(_) | SecretSource::File(_) => None,
        }
    }
}

enum Slot {
    /// Somebody waits for it; those who wait hold it.
    Running {
        turn: u64,
        fetch: WeakShared<Fetch>,
    },
    Kept {
        secret: Secret<String>,
        until: Instant,
    },
}

#[derive(Default)]
struct Slots {
    slots: HashMap<Key, Slot>,
    turns: u64,
}

/// The secrets that are kept.
pub(super) struct Cache {
    slots: Arc<Mutex<Slots>>,
    keep: Duration,
}

impl Cache {
    pub(super) fn new(keep: Duration) -> Self {
        Self { slots: Arc::default(), keep }
    }

    /// The secret of a source: a kept one, or what `fetch` gives.
    pub(super) async fn get(&self, key: Key, fetch: impl FnOnce() -> Fetch) -> Fetched {
        let fetching = match self.running(key, fetch) {
            Ok(kept) => return Ok(kept),
            Err(fetching) => fetching,
        };
        fetching.await
    }

    /// Drops what is kept of a source; what is being fetched is good for those who wait only.
    pub(super) fn forget(&self, key: &Key) {
        lock(&self.slots).slots.remove(key);
    }

    fn running(
        &self,
        key: Key,
        fetch: impl FnOnce() -> Fetch,
    ) -> Result<Secret<String>, Shared<Fetch>> {
        let mut slots = lock(&self.slots);
        let now = Instant::now();
        slots.slots.retain(|_, slot| match slot {
            Slot::Kept { until, .. } => *until > now,
            Slot::Running { .. } => true,
        });
        match slots.slots.get(&key) {
            Some(Slot::Kept { secret, .. }) => return Ok(secret.clone()),
            Some(Slot::Running { fetch, .. }) => {
                if let Some(fetch) = fetch.upgrade() {
                    return Err(fetch);
                }
            }
            None => {}
        }
        slots.turns += 1;
        let turn = slots.turns;
        let (shared, keep, place) = (Arc::clone(&self.slots), self.keep, key.clone());
        let fetch = fetch();
        let fetch = async move {
            let fetched = fetch.await;
            let mut slots = lock(&shared);
            let ours = matches!(slots.slots.get(&place),
                Some(Slot::Running { turn: running, .. }) if *running == turn);
            if ours {
                slots.slots.remove(&place);
                if let Ok(secret) = &fetched
                    && !keep.is_zero()
                {
                    let (secret, until) = (secret.clone(), Instant::now() + keep);
                    slots.slots.insert(place, Slot::Kept { secret, until });
                }
            }
            fetched
        };
        let fetch = fetch.boxed().shared();
        if let Some(weak) = fetch.downgrade() {
            slots.slots.insert(key, Slot::Running { turn, fetch: weak });
        }
        Err(fetch)
    }
}

fn lock(slots: &Mutex<Slots>) -> MutexGuard<'_, Slots> {
    slots.lock().unwrap_or_else(PoisonError::into_inner)
}
