//! Where refusals are kept: in the store, for every process of a state directory, or in memory.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::credential::CredentialId;
use crate::error::chain;
use crate::store::{LockoutRow, Store, StoreError};

/// The kept refusals.
#[derive(Debug, Clone)]
pub(super) enum Lockouts {
    /// Forgotten when the program ends.
    Memory(Arc<Mutex<Vec<LockoutRow>>>),
    /// Shared and lasting.
    Kept(Arc<Store>),
}

impl Default for Lockouts {
    fn default() -> Self {
        Self::Memory(Arc::default())
    }
}

impl Lockouts {
    /// What holds a credential at this moment; nothing where the store cannot be read.
    pub(super) async fn of(&self, id: &CredentialId, now: i64) -> Option<Vec<LockoutRow>> {
        match self {
            Self::Memory(rows) => {
                let of_credential =
                    |row: &&LockoutRow| row.credential == id.as_str() && row.until > now;
                Some(locked(rows).iter().filter(of_credential).cloned().collect())
            }
            Self::Kept(store) => {
                let id = id.as_str().to_owned();
                on_a_thread(store, move |store| store.lockouts_of(&id, now)).await
            }
        }
    }

    /// Keeps one; returns whether it is kept.
    pub(super) async fn record(&self, row: &LockoutRow) -> bool {
        match self {
            Self::Memory(rows) => {
                let mut rows = locked(rows);
                rows.retain(|known| known.until > row.since && !row.replaces(known));
                rows.push(row.clone());
                true
            }
            Self::Kept(store) => {
                let row = row.clone();
                on_a_thread(store, move |store| store.record_lockout(&row)).await.is_some()
            }
        }
    }
}

/// Works on the store without holding up other tasks.
async fn on_a_thread<T: Send + 'static>(
    store: &Arc<Store>,
    work: impl FnOnce(&Store) -> Result<T, StoreError> + Send + 'static,
) -> Option<T> {
    let store = Arc::clone(store);
    match tokio::task::spawn_blocking(move || work(&store)).await {
        Ok(Ok(result)) => Some(result),
        Ok(Err(error)) => {
            tracing::error!(error = chain(&error), "lockouts are known to this process alone");
            None
        }
        Err(error) => {
            tracing::error!(%error, "work on the lockouts ended without a result");
            None
        }
    }
}

fn locked(rows: &Mutex<Vec<LockoutRow>>) -> MutexGuard<'_, Vec<LockoutRow>> {
    rows.lock().unwrap_or_else(PoisonError::into_inner)
}
