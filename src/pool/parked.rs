//! Sessions that wait for their next caller.
//!
//! Each is held by a small task, which hands it over when asked and logs it out when its time has
//! come. **Invariant:** a session is listed until it is taken or gone from its device, so that
//! nobody opens another one in its place too early.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::PoolRules;
use super::lease::Parked;
use crate::inventory::Device;

/// Why a session is logged out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    /// Nobody wanted it for a while.
    Idle,
    /// It is as old as a session may get.
    Age,
    /// Its place is needed for another one.
    Room,
    /// The device file says something else of its device, or nothing any more.
    Inventory,
    /// It is in no state in which the next caller could use it.
    Unfit,
    /// It did not answer.
    Dead,
    /// The pool closes.
    Closing,
}

impl Why {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Age => "age",
            Self::Room => "room",
            Self::Inventory => "inventory",
            Self::Unfit => "unfit",
            Self::Dead => "dead",
            Self::Closing => "closing",
        }
    }
}

/// What the task that holds a session is asked for.
enum Ask {
    Take(oneshot::Sender<Box<Parked>>),
    Leave(Why),
}

struct Entry {
    number: u64,
    device: Arc<Device>,
    since: Instant,
    /// Gone once it was asked.
    ask: Option<oneshot::Sender<Ask>>,
    /// Cancelled when the session is gone from its device.
    gone: CancellationToken,
}

#[derive(Default)]
struct Lots {
    next: u64,
    /// By the place that the device is at, the one that was parked last behind.
    entries: HashMap<String, Vec<Entry>>,
}

/// The sessions that wait.
#[derive(Clone, Default)]
pub(super) struct Parking(Arc<Mutex<Lots>>);

impl std::fmt::Debug for Parking {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Parking").field("parked", &self.count()).finish()
    }
}

impl Parking {
    /// Keeps a session until somebody takes it or its time has come.
    pub(super) fn park(
        &self,
        place: &str,
        parked: Box<Parked>,
        rules: &PoolRules,
        tasks: &TaskTracker,
        closing: &CancellationToken,
    ) {
        let (ask, asked) = oneshot::channel();
        let gone = CancellationToken::new();
        let mut lots = self.lots();
        let number = lots.next;
        lots.next = lots.next.wrapping_add(1);
        let entry = Entry {
            number,
            device: Arc::clone(&parked.device),
            since: Instant::now(),
            ask: Some(ask),
            gone: gone.clone(),
        };
        lots.entries.entry(place.to_owned()).or_default().push(entry);
        drop(lots);
        let listed = Listed { parking: self.clone(), place: place.to_owned(), number, gone };
        let left = rules.limits.age.saturating_sub(parked.opened.elapsed());
        let (wait, why) = if left < rules.limits.idle {
            (left, Why::Age)
        } else {
            (rules.limits.idle, Why::Idle)
        };
        let closing = closing.clone();
        tasks.spawn(async move {
            let listed = listed;
            let why = tokio::select! {
                biased;
                asked = asked => match asked {
                    Ok(Ask::Take(handover)) => match handover.send(parked) {
                        Ok(()) => return,
                        // Whoever asked for it is gone, and its place may be promised already.
                        Err(refused) => return refused.leave(Why::Idle).await,
                    },
                    Ok(Ask::Leave(why)) => why,
                    Err(_) => Why::Closing,
                },
                () = closing.cancelled() => Why::Closing,
                () = tokio::time::sleep(wait) => why,
            };
            // Rare and long, so that waiting costs no memory for it.
            Box::pin(parked.leave(why)).await;
            drop(listed);
        });
    }

    /// Takes the session that was parked last for exactly this device. Those of an earlier form of
    /// its entry are logged out.
    pub(super) async fn take(&self, place: &str, device: &Device) -> Option<Box<Parked>> {
        loop {
            let handed = {
                let mut lots = self.lots();
                let entries = lots.entries.get_mut(place)?;
                let stale = |entry: &&mut Entry| {
                    entry.device.name == device.name && *entry.device != *device
                };
                entries.iter_mut().filter(stale).for_each(|entry| entry.leave(Why::Inventory));
                let index = entries
                    .iter()
                    .rposition(|entry| entry.ask.is_some() && *entry.device == *device)?;
                let ask = entries.remove(index).ask?;
                let (handover, handed) = oneshot::channel();
                if ask.send(Ask::Take(handover)).is_err() {
                    continue;
                }
                handed
            };
            if let Ok(parked) = handed.await {
                return Some(parked);
            }
        }
    }

    /// Logs sessions at a place out until it has at most so many, and waits until they are gone.
    pub(super) async fn make_way(&self, place: &str, most: usize) {
        loop {
            let gone = {
                let mut lots = self.lots();
                let Some(entries) = lots.entries.get_mut(place) else { return };
                if entries.len() <= most {
                    return;
                }
                let Some(oldest) = entries.first_mut() else { return };
                oldest.leave(Why::Room);
                oldest.gone.clone()
            };
            gone.cancelled().await;
        }
    }

    /// Asks the session that has waited longest of all to leave.
    pub(super) fn evict_oldest(&self) {
        let mut lots = self.lots();
        let waiting = lots.entries.values_mut().flatten().filter(|entry| entry.ask.is_some());
        if let Some(oldest) = waiting.min_by_key(|entry| entry.since) {
            oldest.leave(Why::Room);
        }
    }

    /// Asks every session to leave whose device does not pass.
    pub(super) fn retire(&self, passes: impl Fn(&Device) -> bool) {
        let mut lots = self.lots();
        for entry in lots.entries.values_mut().flatten() {
            if !passes(&entry.device) {
                entry.leave(Why::Inventory);
            }
        }
    }

    /// How many sessions wait, those that are being logged out included.
    pub(super) fn count(&self) -> usize {
        self.lots().entries.values().map(Vec::len).sum()
    }

    /// Nothing panics while it is held, and the list is whole between any two statements.
    fn lots(&self) -> MutexGuard<'_, Lots> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    fn leave(&mut self, why: Why) {
        if let Some(ask) = self.ask.take() {
            // A task that is gone logs its session out already.
            drop(ask.send(Ask::Leave(why)));
        }
    }
}

/// Takes an entry off the list when the session is gone, also where its task panicked.
struct Listed {
    parking: Parking,
    place: String,
    number: u64,
    gone: CancellationToken,
}

impl Drop for Listed {
    fn drop(&mut self) {
        let mut lots = self.parking.lots();
        if let Some(entries) = lots.entries.get_mut(&self.place) {
            entries.retain(|entry| entry.number != self.number);
            if entries.is_empty() {
                lots.entries.remove(&self.place);
            }
        }
        drop(lots);
        self.gone.cancel();
    }
}
