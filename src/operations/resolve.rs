//! Finds a device and, where its inventory entry says `auto`, the platform it runs.

use tokio_util::sync::CancellationToken;

use super::{Failure, Operations};
use crate::error::ErrorCode;
use crate::inventory::Device;
use crate::platform::PlatformName;
use crate::pool::{Lease, PoolError};

impl Operations {
    /// Finds a device by name. A platform that nobody named is looked up among those found out
    /// before, else found out now, on a connection of its own.
    pub(super) async fn located(
        &self,
        name: &str,
        cancel: &CancellationToken,
    ) -> Result<Device, Failure> {
        self.recognised(self.device(name)?, cancel).await
    }

    /// Finds the device of a change: as it was when the change began, where the device file says
    /// something else by now.
    pub(super) async fn located_for_change(
        &self,
        change_id: &str,
        name: &str,
    ) -> Result<Device, Failure> {
        let device = match self.changes.kept_device(change_id) {
            Some(device) => device,
            None => self.device(name)?,
        };
        self.recognised(device, &CancellationToken::new()).await
    }

    async fn recognised(
        &self,
        mut device: Device,
        cancel: &CancellationToken,
    ) -> Result<Device, Failure> {
        if !device.platform.is_auto() {
            return Ok(device);
        }
        device.platform = match self.known_platform(&device).await {
            Some(platform) => platform,
            None => self.find_out(&device, cancel).await?,
        };
        Ok(device)
    }

    /// The platform that was found out before, where nobody named one.
    pub(super) async fn known_platform(&self, device: &Device) -> Option<PlatformName> {
        let key = device.place();
        let row = self.changes.remember(move |store| store.detected(&key)).await;
        self.platforms.resolve(&row.ok()??.platform).filter(|platform| !platform.is_auto())
    }

    async fn find_out(
        &self,
        device: &Device,
        cancel: &CancellationToken,
    ) -> Result<PlatformName, Failure> {
        let detected = self.pool.detect(device, cancel).await;
        let platform = detected.map_err(|error| self.pool_failure(&error, device))?;
        tracing::info!(device = %device.name, %platform, "the platform was found out");
        let (key, found) = (device.place(), platform.clone());
        let recorded =
            self.changes.remember(move |store| store.record_detected(&key, found.as_str()));
        if let Err(failure) = recorded.await {
            tracing::warn!(failure.message, "the platform is found out again next time");
        }
        Ok(platform)
    }

    /// Takes a session of a device. Where a platform that was found out no longer fits, it is
    /// forgotten, so that the next call finds it out again.
    pub(super) async fn lease(
        &self,
        device: &Device,
        cancel: &CancellationToken,
    ) -> Result<Lease, Failure> {
        match self.pool.lease(device, cancel).await {
            Ok(lease) => Ok(lease),
            Err(error) => Err(self.unreached(&error, device).await),
        }
    }

    /// The same, for reading commands: a session that was used a moment ago needs no proof.
    pub(super) async fn lease_for_reading(
        &self,
        device: &Device,
        cancel: &CancellationToken,
    ) -> Result<Lease, Failure> {
        match self.pool.lease_for_reading(device, cancel).await {
            Ok(lease) => Ok(lease),
            Err(error) => Err(self.unreached(&error, device).await),
        }
    }

    /// The failure of a session that could not be had, after a platform that was found out and no
    /// longer fits was forgotten.
    pub(super) async fn unreached(&self, error: &PoolError, device: &Device) -> Failure {
        let inventory = self.inventory();
        let declared = inventory.device(device.name.as_str());
        let auto = declared.is_some_and(|device| device.platform.is_auto());
        if auto && error.code() == ErrorCode::PromptTimeout {
            let key = device.place();
            let forgotten = self.changes.remember(move |store| store.forget_detected(&key)).await;
            // Nothing is lost where this fails: the next login fails in the same way.
            drop(forgotten);
        }
        self.pool_failure(error, device)
    }
}
