//! Places for sessions: one of the device's, then one of all, in the order of asking.

use std::sync::Arc;
use std::time::Duration;

use super::lease::Reservation;
use super::slots::{Permit, Slots};
use super::{Patience, Pool, PoolError, Scarce, locked};
use crate::inventory::Device;

impl Pool {
    pub(super) async fn reserve_with(
        &self,
        device: &Device,
        patience: Patience,
    ) -> Result<Reservation, PoolError> {
        let place = device.place();
        let slot = self.slot(device, &place, patience).await?;
        self.reservation(device, &place, slot, patience).await
    }

    /// Waits in the line of a device.
    pub(super) async fn slot(
        &self,
        device: &Device,
        place: &str,
        patience: Patience,
    ) -> Result<Arc<Permit>, PoolError> {
        let line = {
            let mut lines = locked(&self.slots);
            if lines.len() >= 64 && !lines.contains_key(place) {
                // Who waits or has a place holds its line, and lines are handed out here alone.
                lines.retain(|_, line| line.is_held());
            }
            lines.entry(place.to_owned()).or_default().clone()
        };
        let most = device.max_sessions.max(1);
        self.patiently(&line, most, patience, Scarce::DeviceSessions(most)).await
    }

    /// Completes a place: other sessions make way, and there is room among all of them.
    pub(super) async fn reservation(
        &self,
        device: &Device,
        place: &str,
        slot: Arc<Permit>,
        patience: Patience,
    ) -> Result<Reservation, PoolError> {
        self.make_way(device, place, 0).await;
        let most = self.opener.rules.limits.sessions;
        if self.rooms.used() >= most {
            self.parking.evict_oldest();
        }
        let room = self.patiently(&self.rooms, most, patience, Scarce::Sessions(most)).await?;
        Ok(Reservation { room, slot })
    }

    async fn patiently(
        &self,
        line: &Slots,
        most: usize,
        patience: Patience,
        limit: Scarce,
    ) -> Result<Arc<Permit>, PoolError> {
        let waited = match patience {
            Patience::Bounded => self.opener.rules.limits.acquire,
            Patience::Endless => Duration::MAX,
        };
        match tokio::time::timeout(waited, line.acquire(most)).await {
            Ok(permit) => Ok(Arc::new(permit)),
            Err(_elapsed) => Err(PoolError::Exhausted { limit, waiting: line.waiting(), waited }),
        }
    }

    /// Logs parked sessions out that would be too many beside those in use and so many more. Two
    /// names of one place cannot use each other's sessions, and share its lines all the same.
    pub(super) async fn make_way(&self, device: &Device, place: &str, more: usize) {
        let used = locked(&self.slots).get(place).map_or(0, Slots::used);
        let most = device.max_sessions.saturating_sub(used.saturating_add(more));
        self.parking.make_way(place, most).await;
    }
}
