//! Looks at a device's SSH server without logging in, for the doctor.

use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Pool, PoolError, Reservation};
use crate::inventory::Device;
use crate::transport::Handshake;

/// What a device's SSH server shows to anybody.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Inspection {
    /// What was agreed on.
    pub handshake: Handshake,
    /// The authentication methods it offers.
    pub methods: Vec<String>,
    /// How long it took from the first packet to the accepted host key.
    pub took: Duration,
}

impl Pool {
    /// Looks at a device's SSH server within a reservation. No credential is sent to it, though those
    /// of jump hosts are. What is parked is closed first, since a device may have one line only.
    pub async fn inspect(
        &self,
        device: &Device,
        reservation: &Reservation,
        cancel: &CancellationToken,
    ) -> Result<Inspection, PoolError> {
        let inspecting = Box::pin(async {
            if let Some(lease) = self.unpark(device, reservation).await {
                lease.leave().await;
            }
            let began = Instant::now();
            let reached = self.dialer.reach(device, None).await.map_err(PoolError::Transport)?;
            let (handshake, took) = (reached.handshake().clone(), began.elapsed());
            let methods = reached.offered_methods(&device.username).await;
            Ok(Inspection { handshake, methods: methods.map_err(PoolError::Transport)?, took })
        });
        self.unless_ended(cancel, inspecting).await
    }
}
