//! Looks at a device's SSH server without logging in, for the doctor.

use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::open::Urgency;
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
    /// Looks at a device's SSH server, within the reservation of a caller. No credential is sent to it, though those
    /// of jump hosts are. A breaker that is open does not count: the doctor is asked because of it.
    pub async fn inspect(
        &self,
        device: &Device,
        _reservation: &Reservation,
        cancel: &CancellationToken,
    ) -> Result<Inspection, PoolError> {
        let inspecting = Box::pin(async {
            // A device may have one line only, and what is parked holds it.
            self.make_way(device, &device.place(), 0).await;
            let through = self.opener.hop(device, Urgency::Ordinary).await?;
            let _permit = self.opener.handshake().await?;
            let began = Instant::now();
            let reached = self.opener.reach(device, through).await?;
            let (handshake, took) = (reached.handshake().clone(), began.elapsed());
            let methods = reached.offered_methods(&device.username).await;
            Ok(Inspection { handshake, methods: methods.map_err(PoolError::Transport)?, took })
        });
        self.unless_ended(cancel, inspecting).await
    }
}
