//! Who may use which device's session, and when it ends.
//!
//! **Invariants:** a device never has more sessions than it may, those that wait for a caller and
//! those that are being logged out included; those who ask are served in their order. A [`Lease`]
//! owns its places and frees them when it is dropped, however it is dropped, and its SSH connection
//! with it. A session given back waits for the next caller; a broken one is closed, never kept, and
//! one whose device is described in another way by now is never used again. A refused credential is
//! not sent twice. This module knows neither parsing nor MCP.
//!
//! `slots` has the lines and `places` what stands in them, `parked` the sessions that wait, `lease`
//! those that are used, `enter` the way from a device to a session, `open` the part of it up to the
//! login, with `breaker`, `guard` (and `logins` around it) and `jumps`.

mod breaker;
mod enter;
mod error;
mod guard;
mod inspect;
mod jumps;
mod lease;
mod lockouts;
mod logins;
mod open;
mod parked;
mod places;
mod rules;
mod slots;

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use self::breaker::BreakerRules;
pub use self::error::{PoolError, Scarce};
pub use self::guard::GuardRules;
pub use self::inspect::Inspection;
use self::jumps::Jumps;
use self::lease::{Counted, Life, Opened, Parked};
pub use self::lease::{Lease, Reservation};
use self::lockouts::Lockouts;
use self::logins::Logins;
use self::open::{Opener, Urgency};
use self::parked::{Parking, Why};
pub use self::rules::PoolRules;
use self::slots::{Permit, Slots};
use crate::credential::Credentials;
use crate::inventory::{Device, DeviceName, Inventory};
use crate::platform::{Platforms, SecretUse};
use crate::store::Store;
use crate::transport::Dialer;

/// Hands out sessions.
#[derive(Debug)]
pub struct Pool {
    platforms: Arc<Platforms>,
    opener: Arc<Opener>,
    output_limit: usize,
    /// A line for each place that a device is at.
    slots: Mutex<HashMap<String, Slots>>,
    /// The line before the sessions of all devices.
    rooms: Slots,
    parking: Parking,
    /// What the devices must be for their sessions to be used again; everything where none is.
    inventory: Mutex<Option<Arc<Inventory>>>,
    /// Host keys that were recorded while a platform was found out, and nobody was told of yet.
    untold: Mutex<HashMap<DeviceName, String>>,
    leased: Arc<AtomicUsize>,
    opening: Arc<AtomicUsize>,
    /// Cancelled when the pool closes; every lease then stops what it runs.
    closing: CancellationToken,
    /// Counts the leases that are out, and what is being logged out or written down.
    tasks: TaskTracker,
}

/// What a pool has at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Sessions in use.
    pub leased: usize,
    /// Sessions that wait for a caller, or are being logged out after that.
    pub parked: usize,
    /// Sessions being opened.
    pub opening: usize,
    /// Callers that wait for a place or for their turn to log in.
    pub waiting: usize,
    /// Places in use: of devices, of all sessions, of connections being set up, of logins.
    pub places: usize,
    /// Connections to jump hosts.
    pub jump_hosts: usize,
}

/// Whether a caller can do with a session that may turn out to be dead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trust {
    Proof,
    Recent,
}

/// Whether a caller goes on waiting however long the line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Patience {
    Bounded,
    Endless,
}

/// Whether a session keeps what goes through it.
#[derive(Debug, Clone, Copy)]
enum Recording {
    Off,
    On,
}

impl Pool {
    /// Makes a pool that keeps at most `output_limit` bytes of one answer, with the usual rules, and
    /// that forgets refusals when it ends.
    pub fn new(
        platforms: Arc<Platforms>,
        dialer: Dialer,
        credentials: Arc<Credentials>,
        output_limit: usize,
    ) -> Self {
        let (closing, tasks) = (CancellationToken::new(), TaskTracker::new());
        let rules = PoolRules::default();
        let logins = Logins::new(Lockouts::default(), rules.guard, tasks.clone());
        let opener = Opener {
            dialer,
            credentials,
            rules,
            logins,
            handshakes: Slots::default(),
            jumps: Jumps::default(),
            closing: closing.clone(),
            tasks: tasks.clone(),
            breakers: Mutex::default(),
        };
        Self {
            platforms,
            opener: Arc::new(opener),
            output_limit,
            slots: Mutex::default(),
            rooms: Slots::default(),
            parking: Parking::default(),
            inventory: Mutex::default(),
            untold: Mutex::default(),
            leased: Arc::default(),
            opening: Arc::default(),
            closing,
            tasks,
        }
    }

    /// Goes by these rules, and keeps refusals in a store where one is given. Meant for a pool that
    /// has not handed out anything yet.
    #[must_use]
    pub fn with_rules(self, rules: PoolRules, store: Option<Arc<Store>>) -> Self {
        let lockouts = store.map(Lockouts::Kept).unwrap_or_default();
        let opener = Opener {
            dialer: self.opener.dialer.clone(),
            credentials: Arc::clone(&self.opener.credentials),
            rules,
            logins: Logins::new(lockouts, rules.guard, self.tasks.clone()),
            handshakes: Slots::default(),
            jumps: Jumps::default(),
            closing: self.closing.clone(),
            tasks: self.tasks.clone(),
            breakers: Mutex::default(),
        };
        Self { opener: Arc::new(opener), ..self }
    }

    /// Waits for the device's turn and hands out a session in its default mode: one that was parked
    /// if it proves that it lives, else a new one.
    pub async fn lease(
        &self,
        device: &Device,
        cancel: &CancellationToken,
    ) -> Result<Lease, PoolError> {
        self.lease_with(device, Trust::Proof, cancel).await
    }

    /// The same, for callers that only read: a session that was used a moment ago is handed out
    /// without a proof. Where [`Lease::is_stale`] says that it was dead, [`Pool::renew`] helps.
    pub async fn lease_for_reading(
        &self,
        device: &Device,
        cancel: &CancellationToken,
    ) -> Result<Lease, PoolError> {
        self.lease_with(device, Trust::Recent, cancel).await
    }

    async fn lease_with(
        &self,
        device: &Device,
        trust: Trust,
        cancel: &CancellationToken,
    ) -> Result<Lease, PoolError> {
        let leasing = async {
            let place = device.place();
            let slot = self.slot(device, &place, Patience::Bounded).await?;
            if let Some(lease) = self.reuse(device, &place, &slot, trust).await {
                return Ok(lease);
            }
            let reservation = self.reservation(device, &place, slot, Patience::Bounded).await?;
            self.open(device, &reservation, Recording::Off, Urgency::Ordinary).await
        };
        self.unless_ended(cancel, Box::pin(leasing)).await
    }

    /// Waits, however long, for a session of the device and keeps its place, so that several
    /// sessions one after another, or a second one for a check, belong to one piece of work.
    pub async fn reserve(
        &self,
        device: &Device,
        cancel: &CancellationToken,
    ) -> Result<Reservation, PoolError> {
        self.unless_ended(cancel, self.reserve_with(device, Patience::Endless)).await
    }

    /// The same, but gives up after the time that a caller waits for a place at most.
    pub async fn reserve_soon(
        &self,
        device: &Device,
        cancel: &CancellationToken,
    ) -> Result<Reservation, PoolError> {
        self.unless_ended(cancel, self.reserve_with(device, Patience::Bounded)).await
    }

    /// Opens a new session within a reservation, for a change; what is parked makes way if it must,
    /// and an open breaker does not count.
    pub async fn open_fresh(
        &self,
        device: &Device,
        reservation: &Reservation,
        cancel: &CancellationToken,
    ) -> Result<Lease, PoolError> {
        let opening = async {
            // One line more than the reservation has, if the device has it.
            self.make_way(device, &device.place(), 1).await;
            self.open(device, reservation, Recording::Off, Urgency::Change).await
        };
        self.unless_ended(cancel, Box::pin(opening)).await
    }

    /// Opens a new session that keeps what goes through it, from the first byte on.
    pub async fn open_recorded(
        &self,
        device: &Device,
        cancel: &CancellationToken,
    ) -> Result<Lease, PoolError> {
        let opening = async {
            let reservation = self.reserve_with(device, Patience::Bounded).await?;
            self.open(device, &reservation, Recording::On, Urgency::Ordinary).await
        };
        self.unless_ended(cancel, Box::pin(opening)).await
    }

    /// Replaces the session of a lease that turned out to be dead by a new one, in the same place.
    pub async fn renew(
        &self,
        lease: &mut Lease,
        cancel: &CancellationToken,
    ) -> Result<(), PoolError> {
        let device = Arc::clone(&lease.device);
        let opening = self.open_session(
            &device,
            lease.reservation.clone(),
            Recording::Off,
            Urgency::Ordinary,
        );
        lease.open = self.unless_ended(cancel, Box::pin(opening)).await?;
        lease.life = Life::Proven;
        Ok(())
    }

    async fn unless_ended<T>(
        &self,
        cancel: &CancellationToken,
        work: impl Future<Output = Result<T, PoolError>>,
    ) -> Result<T, PoolError> {
        tokio::select! {
            () = self.closing.cancelled() => Err(PoolError::Closed),
            () = cancel.cancelled() => Err(PoolError::Cancelled),
            result = work => result,
        }
    }

    /// Gives a session back. One that can be used again waits for the next caller.
    pub async fn give_back(&self, lease: Lease) {
        let why = if self.closing.is_cancelled() {
            Why::Closing
        } else if !lease.is_usable() || !self.is_home(&lease) {
            Why::Unfit
        } else if lease.open.since.elapsed() >= self.opener.rules.limits.age {
            Why::Age
        } else if !self.is_current(&lease.device) {
            Why::Inventory
        } else if self.rooms.waiting() > 0 {
            Why::Room
        } else {
            return self.park(lease);
        };
        lease.leave_for(why).await;
    }

    fn park(&self, lease: Lease) {
        let Lease { open, device, place, reservation, .. } = lease;
        let Opened { session, connection, since: opened, secrets } = open;
        let (room, used) = (Arc::clone(&reservation.room), Instant::now());
        let parked = Parked { session, connection, opened, used, secrets, device, room };
        let rules = &self.opener.rules;
        self.parking.park(&place, Box::new(parked), rules, &self.tasks, &self.closing);
    }

    /// Whether the session is where the next caller is promised one: where reading commands run.
    fn is_home(&self, lease: &Lease) -> bool {
        let platform = self.platforms.get(&lease.device.platform).ok();
        platform.is_some_and(|p| {
            let mode = &lease.prompt().mode;
            // A read-only account stays below the default mode, and is there again next time.
            *mode == p.default_mode
                || p.path(mode, &p.default_mode)
                    .is_some_and(|path| path.iter().any(|step| step.secret == SecretUse::Required))
        })
    }

    /// Takes a parked session of a device that lives, or may be trusted to.
    async fn reuse(
        &self,
        device: &Device,
        place: &str,
        slot: &Arc<Permit>,
        trust: Trust,
    ) -> Option<Lease> {
        let rules = &self.opener.rules;
        while let Some(parked) = self.parking.take(place, device).await {
            let Parked { mut session, mut connection, opened, used, secrets, device, room } =
                *parked;
            connection.handshake.host_key.first_contact = false;
            let trusted = trust == Trust::Recent
                && used.elapsed() < rules.recent
                && !connection.is_closed()
                && session.looks_alive().await;
            let life = if trusted { Life::Presumed } else { Life::Proven };
            if !trusted && !Box::pin(session.prove(rules.proof)).await {
                let reason = Why::Dead.as_str();
                tracing::debug!(event = "session_retired", device = %device.name, reason, "closed");
                connection.close().await;
                continue;
            }
            tracing::debug!(event = "session_reused", device = %device.name, ?life, "used again");
            let open = Opened { session, connection, since: opened, secrets };
            let reservation = Reservation { room, slot: Arc::clone(slot) };
            return Some(self.leased(open, device, place, reservation, life));
        }
        None
    }

    fn leased(
        &self,
        open: Opened,
        device: Arc<Device>,
        place: &str,
        reservation: Reservation,
        life: Life,
    ) -> Lease {
        Lease {
            open,
            device,
            place: place.to_owned(),
            life,
            closing: self.closing.clone(),
            reservation,
            counted: Counted::new(&self.leased),
            tracked: self.tasks.token(),
        }
    }

    /// Closes the sessions whose devices are not in this inventory as they were opened: at once
    /// where nobody uses them, else when they are given back.
    pub fn retire(&self, inventory: &Arc<Inventory>) {
        *locked(&self.inventory) = Some(Arc::clone(inventory));
        self.parking.retire(|device| is_as_in(inventory, device));
    }

    fn is_current(&self, device: &Device) -> bool {
        locked(&self.inventory).as_ref().is_none_or(|inventory| is_as_in(inventory, device))
    }

    /// Stops every command under way and hands out nothing more.
    pub fn close(&self) {
        self.closing.cancel();
        self.tasks.close();
    }

    /// Waits until the pool was closed, every lease is back and every session logged out.
    pub async fn closed(&self) {
        self.tasks.wait().await;
    }

    /// What there is at this moment.
    pub fn counts(&self) -> Counts {
        let (logins, login_line) = self.opener.logins.counts();
        let lines = locked(&self.slots);
        let used: usize = lines.values().map(Slots::used).sum();
        let waiting: usize = lines.values().map(Slots::waiting).sum();
        drop(lines);
        let all = [&self.rooms, &self.opener.handshakes];
        Counts {
            leased: self.leased.load(Ordering::Relaxed),
            parked: self.parking.count(),
            opening: self.opening.load(Ordering::Relaxed),
            waiting: all.iter().map(|line| line.waiting()).sum::<usize>() + waiting + login_line,
            places: all.iter().map(|line| line.used()).sum::<usize>() + used + logins,
            jump_hosts: self.opener.jumps.count(),
        }
    }

    async fn open(
        &self,
        device: &Device,
        reservation: &Reservation,
        recording: Recording,
        urgency: Urgency,
    ) -> Result<Lease, PoolError> {
        let open = self.open_session(device, reservation.clone(), recording, urgency).await?;
        let (device, place) = (Arc::new(device.clone()), device.place());
        Ok(self.leased(open, device, &place, reservation.clone(), Life::Proven))
    }
}

/// Whether a session of this device may be used: the inventory has it just so. A platform that was
/// found out is not in the inventory.
fn is_as_in(inventory: &Inventory, device: &Device) -> bool {
    inventory.device(device.name.as_str()).is_some_and(|known| {
        if known.platform.is_auto() {
            let mut known = known.clone();
            known.platform = device.platform.clone();
            return known == *device;
        }
        known == device
    })
}

/// A poisoned lock only means that another thread panicked; what it protects is whole.
fn locked<T>(value: &Mutex<T>) -> MutexGuard<'_, T> {
    value.lock().unwrap_or_else(PoisonError::into_inner)
}
