//! The journal as the use cases see it: waits for the disk on a thread of its own.

use std::sync::Arc;
use std::time::Duration;

use super::super::Failure;
use crate::caller::Caller;
use crate::error::{ErrorCode, chain};
use crate::store::{ChangeRow, PlanRow, Store, StoreError};

/// How often a process records that it lives.
pub(super) const HEARTBEAT: Duration = Duration::from_secs(5);
/// A process that was silent for longer is gone.
pub(super) const STALE: Duration = Duration::from_secs(20);

/// The store, and who we are in it.
#[derive(Debug, Clone)]
pub(super) struct Journal {
    store: Arc<Store>,
    /// Names this process; only it may go on with what it began.
    pub(super) owner: String,
}

impl Journal {
    pub(super) fn new(store: Arc<Store>) -> Self {
        Self { store, owner: uuid::Uuid::new_v4().to_string() }
    }

    /// Runs work on the store without holding up other tasks.
    pub(super) async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, Failure> {
        let store = Arc::clone(&self.store);
        match tokio::task::spawn_blocking(move || work(&store)).await {
            Ok(result) => result.map_err(|error| failed(&error)),
            Err(error) => {
                tracing::error!(%error, "work on the store ended without a result");
                Err(Failure::new(ErrorCode::Internal, "the journal cannot be used"))
            }
        }
    }

    /// Finds a plan of this caller.
    pub(super) async fn plan(&self, id: &str, caller: &Caller) -> Result<PlanRow, Failure> {
        let (wanted, caller) = (id.to_owned(), caller.id.clone());
        let plan = self.with(move |store| store.plan(&wanted, &caller)).await?;
        plan.ok_or_else(|| {
            Failure::new(ErrorCode::InvalidArgument, "no plan has this id")
                .because("plan_not_found")
                .hinting("plan again with plan_change")
        })
    }

    /// Finds a change of this caller.
    pub(super) async fn change(&self, id: &str, caller: &Caller) -> Result<ChangeRow, Failure> {
        let (wanted, caller) = (id.to_owned(), caller.id.clone());
        let change = self.with(move |store| store.change(&wanted, &caller)).await?;
        change.ok_or_else(|| {
            Failure::new(ErrorCode::InvalidArgument, "no change has this id")
                .because("change_not_found")
                .hinting("list_changes has the ids")
        })
    }
}

/// What callers see when the journal cannot be used.
pub(super) fn failed(error: &StoreError) -> Failure {
    tracing::error!(error = chain(error), "the journal cannot be used");
    Failure::new(error.code(), "the journal of changes cannot be used")
        .hinting("nothing is changed without a journal; see the server's log")
}
