//! Connections to jump hosts, each shared by everything that goes through it.
//!
//! **Invariants:** there is at most one connection to a jump host that new ones go through, also
//! when many ask for it at once; those who asked together fail together. It is kept as long as
//! somebody goes through it, and a little longer. An attempt that nobody waits for any more ends.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use futures::future::{BoxFuture, Shared, WeakShared};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::PoolError;
use super::open::{Opener, Urgency, first_contact, no_answers};
use crate::inventory::Device;
use crate::transport::Connection;

/// How often a connection is looked after while the pool closes.
const CLOSING: Duration = Duration::from_millis(50);

type Arrival = Result<Arc<Connection>, Arc<PoolError>>;
type Dialing = BoxFuture<'static, Arrival>;

/// The connections to jump hosts.
#[derive(Default)]
pub(super) struct Jumps {
    hops: Mutex<HashMap<String, Hop>>,
}

impl std::fmt::Debug for Jumps {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Jumps").field("hops", &self.hops().len()).finish()
    }
}

struct Hop {
    /// As what it was dialed; another entry of the same name has a connection of its own.
    device: Arc<Device>,
    state: State,
}

enum State {
    /// Held weakly, so that it ends when the last one who waits for it leaves.
    Dialing(WeakShared<Dialing>),
    Up {
        connection: Arc<Connection>,
        opened: Instant,
    },
}

impl Jumps {
    /// Returns the connection to a jump host, after dialing it where there is none.
    pub(super) async fn through(
        opener: &Arc<Opener>,
        hop: &Arc<Device>,
        urgency: Urgency,
    ) -> Arrival {
        let key = hop.place();
        let dialing = {
            let mut hops = opener.jumps.hops();
            match hops.get(&key).and_then(|known| known.usable(hop, opener)) {
                Some(Usable::Up(connection)) => return Ok(connection),
                Some(Usable::Dialing(dialing)) => dialing,
                None => {
                    let dialing = dial(opener, hop, key.clone(), urgency).shared();
                    if let Some(weak) = dialing.downgrade() {
                        // What was there may still serve those who are on it.
                        let device = Arc::clone(hop);
                        hops.insert(key, Hop { device, state: State::Dialing(weak) });
                    }
                    dialing
                }
            }
        };
        dialing.await
    }

    /// How many connections there are.
    pub(super) fn count(&self) -> usize {
        self.hops().values().filter(|hop| matches!(hop.state, State::Up { .. })).count()
    }

    /// Takes what nobody goes through out of the list, where it is this connection.
    fn take_unused(&self, key: &str, connection: &Arc<Connection>) -> bool {
        let mut hops = self.hops();
        let listed = hops.get(key).is_some_and(|hop| match &hop.state {
            State::Up { connection: known, .. } => Arc::ptr_eq(known, connection),
            State::Dialing(_) => false,
        });
        // The list has one, and so has whoever asks here.
        let unused = Arc::strong_count(connection) <= 1_usize.saturating_add(usize::from(listed));
        if listed && unused {
            hops.remove(key);
        }
        unused
    }

    fn is_listed(&self, key: &str, connection: &Arc<Connection>) -> bool {
        self.hops().get(key).is_some_and(|hop| match &hop.state {
            State::Up { connection: known, .. } => Arc::ptr_eq(known, connection),
            State::Dialing(_) => false,
        })
    }

    fn hops(&self) -> MutexGuard<'_, HashMap<String, Hop>> {
        self.hops.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum Usable {
    Up(Arc<Connection>),
    Dialing(Shared<Dialing>),
}

impl Hop {
    fn usable(&self, wanted: &Arc<Device>, opener: &Opener) -> Option<Usable> {
        if *self.device != **wanted {
            return None;
        }
        match &self.state {
            State::Dialing(dialing) => dialing.upgrade().map(Usable::Dialing),
            State::Up { connection, opened } => {
                let young = opened.elapsed() < opener.rules.limits.age;
                (young && !connection.is_closed()).then(|| Usable::Up(Arc::clone(connection)))
            }
        }
    }
}

/// Dials a jump host, its own way there included, and looks after the connection.
fn dial(opener: &Arc<Opener>, hop: &Arc<Device>, key: String, urgency: Urgency) -> Dialing {
    let (opener, hop) = (Arc::clone(opener), Arc::clone(hop));
    async move {
        let connected = async {
            let login = opener.credentials.login(&hop).await.map_err(PoolError::Credential)?;
            let connecting = opener.connect(&hop, &login, no_answers(), None, urgency);
            let connection = connecting.await?;
            let host_key = &connection.handshake.host_key;
            if host_key.first_contact {
                first_contact(&hop, &host_key.fingerprint);
            }
            Ok(connection)
        };
        let connection = Arc::new(connected.await.map_err(Arc::new)?);
        tracing::debug!(event = "jump_host_opened", device = %hop.name, "a jump host is up");
        let state = State::Up { connection: Arc::clone(&connection), opened: Instant::now() };
        opener.jumps.hops().insert(key.clone(), Hop { device: Arc::clone(&hop), state });
        let (kept, closing) = (Arc::clone(&connection), opener.closing.clone());
        let keeper = Arc::clone(&opener);
        opener.tasks.spawn(async move { keep(&keeper, &key, kept, &closing, &hop).await });
        Ok(connection)
    }
    .boxed()
}

/// Keeps a connection until nobody went through it for a while, or it was replaced.
async fn keep(
    opener: &Arc<Opener>,
    key: &str,
    connection: Arc<Connection>,
    closing: &CancellationToken,
    hop: &Device,
) {
    let linger = opener.rules.jump_linger;
    let mut unused_since: Option<Instant> = None;
    loop {
        if closing.is_cancelled() {
            tokio::time::sleep(CLOSING).await;
        } else {
            let wait = linger.checked_div(4).unwrap_or_default();
            drop(tokio::time::timeout(wait, closing.cancelled()).await);
        }
        let replaced = !opener.jumps.is_listed(key, &connection);
        // The list has one, and this is the other.
        let used = Arc::strong_count(&connection) > 1_usize.saturating_add(usize::from(!replaced));
        if used {
            unused_since = None;
            continue;
        }
        let since = *unused_since.get_or_insert_with(Instant::now);
        let over = replaced || closing.is_cancelled() || connection.is_closed();
        if (over || since.elapsed() >= linger) && opener.jumps.take_unused(key, &connection) {
            break;
        }
    }
    tracing::debug!(event = "jump_host_closed", device = %hop.name, "a jump host is let go");
    if let Ok(connection) = Arc::try_unwrap(connection) {
        connection.close().await;
    }
}
