//! Sessions of the protocol versions that have them, each bound to the caller that opened it.
//!
//! **Invariants:** to everyone but its owner a session does not exist. A session holds one of a
//! limited number of slots from its making until it is closed, by whomever.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::Stream;
use rmcp::model::{ClientJsonRpcMessage, ServerJsonRpcMessage};
use rmcp::transport::WorkerTransport;
use rmcp::transport::streamable_http_server::session::ServerSseMessage;
use rmcp::transport::streamable_http_server::session::local::{
    LocalSessionManager, LocalSessionManagerError, LocalSessionWorker,
};
use rmcp::transport::streamable_http_server::{SessionId, SessionManager};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How long a session may be silent. A call that runs without reporting progress counts as silence,
/// and its session must outlive it.
const KEEP_ALIVE: Duration = Duration::from_secs(8 * 3600);

/// Why a session cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum SessionError {
    #[error("too many sessions are open")]
    Full,
    #[error("there is no such session")]
    Unknown,
    #[error("the session failed")]
    Local(#[source] LocalSessionManagerError),
}

/// The sessions of all callers.
#[derive(Debug)]
pub(super) struct Sessions {
    local: LocalSessionManager,
    /// Written before a client learns the id, and removed before the session is closed.
    owners: Mutex<HashMap<SessionId, Owner>>,
    slots: Arc<Semaphore>,
}

/// Who opened a session.
#[derive(Debug)]
struct Owner {
    caller: String,
    /// Dropping it lets another session open.
    _slot: OwnedSemaphorePermit,
}

impl Sessions {
    /// Allows this many at the same time.
    pub(super) fn new(most: usize) -> Self {
        let mut local = LocalSessionManager::default();
        local.session_config.keep_alive = Some(KEEP_ALIVE);
        let slots = Arc::new(Semaphore::new(most));
        Self { local, owners: Mutex::default(), slots }
    }

    /// Closes every session. Calls that still run in one are cancelled a few seconds later: `rmcp`
    /// first gives them time to answer.
    pub(super) async fn close_all(&self) {
        let owners = std::mem::take(&mut *self.owners());
        for id in owners.keys() {
            if let Err(error) = self.local.close_session(id).await {
                tracing::debug!(%error, "a session was not closed");
            }
        }
    }

    fn owners(&self) -> MutexGuard<'_, HashMap<SessionId, Owner>> {
        self.owners.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The sessions as one caller sees them.
#[derive(Debug)]
pub(super) struct CallerSessions {
    all: Arc<Sessions>,
    caller: String,
    /// Whether a session was refused for want of a slot. The MCP service reports every failure as
    /// internal, so this is how the answer learns of it.
    full: AtomicBool,
}

impl CallerSessions {
    /// Shows the caller with this id its own sessions.
    pub(super) fn new(all: Arc<Sessions>, caller: String) -> Self {
        Self { all, caller, full: AtomicBool::new(false) }
    }

    /// Whether this is a session of the caller.
    pub(super) fn owns(&self, id: &str) -> bool {
        self.all.owners().get(id).is_some_and(|owner| owner.caller == self.caller)
    }

    /// Whether a session was refused for want of a slot.
    pub(super) fn were_full(&self) -> bool {
        self.full.load(Ordering::Relaxed)
    }

    fn check(&self, id: &SessionId) -> Result<&LocalSessionManager, SessionError> {
        if self.owns(id) { Ok(&self.all.local) } else { Err(SessionError::Unknown) }
    }
}

impl SessionManager for CallerSessions {
    type Error = SessionError;
    type Transport = WorkerTransport<LocalSessionWorker>;

    async fn create_session(&self) -> Result<(SessionId, Self::Transport), SessionError> {
        let slot = Arc::clone(&self.all.slots).try_acquire_owned().map_err(|_| {
            self.full.store(true, Ordering::Relaxed);
            SessionError::Full
        })?;
        let (id, transport) = self.all.local.create_session().await.map_err(SessionError::Local)?;
        let owner = Owner { caller: self.caller.clone(), _slot: slot };
        self.all.owners().insert(Arc::clone(&id), owner);
        Ok((id, transport))
    }

    async fn initialize_session(
        &self,
        id: &SessionId,
        message: ClientJsonRpcMessage,
    ) -> Result<ServerJsonRpcMessage, SessionError> {
        let sessions = self.check(id)?;
        sessions.initialize_session(id, message).await.map_err(SessionError::Local)
    }

    async fn has_session(&self, id: &SessionId) -> Result<bool, SessionError> {
        let Ok(sessions) = self.check(id) else { return Ok(false) };
        sessions.has_session(id).await.map_err(SessionError::Local)
    }

    async fn close_session(&self, id: &SessionId) -> Result<(), SessionError> {
        if !self.owns(id) {
            return Ok(());
        }
        self.all.owners().remove(id);
        self.all.local.close_session(id).await.map_err(SessionError::Local)
    }

    async fn create_stream(
        &self,
        id: &SessionId,
        message: ClientJsonRpcMessage,
    ) -> Result<impl Stream<Item = ServerSseMessage> + Send + Sync + 'static, SessionError> {
        self.check(id)?.create_stream(id, message).await.map_err(SessionError::Local)
    }

    async fn accept_message(
        &self,
        id: &SessionId,
        message: ClientJsonRpcMessage,
    ) -> Result<(), SessionError> {
        self.check(id)?.accept_message(id, message).await.map_err(SessionError::Local)
    }

    async fn create_standalone_stream(
        &self,
        id: &SessionId,
    ) -> Result<impl Stream<Item = ServerSseMessage> + Send + Sync + 'static, SessionError> {
        self.check(id)?.create_standalone_stream(id).await.map_err(SessionError::Local)
    }

    async fn resume(
        &self,
        id: &SessionId,
        last_event_id: String,
    ) -> Result<impl Stream<Item = ServerSseMessage> + Send + Sync + 'static, SessionError> {
        self.check(id)?.resume(id, last_event_id).await.map_err(SessionError::Local)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(all: &Arc<Sessions>, caller: &str) -> CallerSessions {
        CallerSessions::new(Arc::clone(all), caller.to_owned())
    }

    #[tokio::test]
    async fn a_session_exists_for_its_owner_only() {
        let all = Arc::new(Sessions::new(4));
        let (alice, bob) = (view(&all, "alice"), view(&all, "bob"));
        let (id, _transport) = alice.create_session().await.unwrap();
        assert!(alice.has_session(&id).await.unwrap());
        assert!(!bob.has_session(&id).await.unwrap());
        assert!(bob.create_standalone_stream(&id).await.is_err());
        assert!(bob.resume(&id, "0".to_owned()).await.is_err());
        bob.close_session(&id).await.unwrap();
        assert!(alice.has_session(&id).await.unwrap(), "another caller cannot close it");
    }

    #[tokio::test]
    async fn closing_gives_the_slot_back_and_forgets_the_owner() {
        let all = Arc::new(Sessions::new(1));
        let alice = view(&all, "alice");
        let (id, _transport) = alice.create_session().await.unwrap();
        let bob = view(&all, "bob");
        assert!(matches!(bob.create_session().await, Err(SessionError::Full)));
        assert!(bob.were_full() && !alice.were_full());
        alice.close_session(&id).await.unwrap();
        assert!(!alice.owns(&id) && all.owners().is_empty());
        let (_id, _transport) = bob.create_session().await.unwrap();
        all.close_all().await;
        assert_eq!((all.slots.available_permits(), all.owners().len()), (1, 0));
        assert!(all.local.sessions.read().await.is_empty());
    }
}
