//! Our side of the library's callbacks, and what they saw.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use russh::client::{self, DisconnectReason, Session};
use russh::keys::PublicKeyOrCertificate;

use super::TransportError;
use super::handshake::Chosen;
use super::host_keys::{HostKey, HostKeys};
use crate::inventory::HostKeyPolicy;

/// The longest login banner that is kept, in bytes.
const MOST_BANNER: usize = 4096;

/// How a connection ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum End {
    /// The server said goodbye, or that it has no method left.
    Said(String),
    /// It did not.
    Lost,
}

/// What the callbacks saw.
#[derive(Debug, Default)]
struct Seen {
    /// Written once, before any credential is sent.
    verdict: Option<Result<HostKey, TransportError>>,
    chosen: Chosen,
    banner: String,
    end: Option<End>,
}

/// Shared with the callbacks, which run in the library's task.
#[derive(Debug, Clone, Default)]
pub(super) struct Witness(Arc<Mutex<Seen>>);

impl Witness {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was decided about the host key; handed out once.
    pub(super) fn take_verdict(&self) -> Option<Result<HostKey, TransportError>> {
        self.seen().verdict.take()
    }

    /// The algorithms of the first key exchange.
    pub(super) fn chosen(&self) -> Chosen {
        self.seen().chosen.clone()
    }

    /// What the server shows before anybody logs in.
    pub(super) fn banner(&self) -> String {
        self.seen().banner.clone()
    }

    /// How the connection ended, if it did.
    pub(super) fn end(&self) -> Option<End> {
        self.seen().end.clone()
    }
}

/// Our side of the library's callbacks.
pub(super) struct Client {
    /// The host as `known_hosts` names it.
    pub(super) host: String,
    pub(super) host_keys: HostKeys,
    pub(super) policy: HostKeyPolicy,
    pub(super) witness: Witness,
}

impl client::Handler for Client {
    type Error = russh::Error;

    async fn check_server_key(
        &mut self,
        key: &PublicKeyOrCertificate,
    ) -> Result<bool, Self::Error> {
        let result = self.host_keys.check(&self.host, key, &self.policy);
        let accepted = result.is_ok();
        self.witness.seen().verdict = Some(result);
        Ok(accepted)
    }

    async fn kex_done(
        &mut self,
        _shared_secret: Option<&[u8]>,
        names: &russh::Names,
        _session: &mut Session,
    ) -> Result<(), Self::Error> {
        self.witness.seen().chosen = Chosen::of(names);
        Ok(())
    }

    async fn auth_banner(
        &mut self,
        banner: &str,
        _session: &mut Session,
    ) -> Result<(), Self::Error> {
        let mut seen = self.witness.seen();
        let room = MOST_BANNER.saturating_sub(seen.banner.len());
        seen.banner.extend(banner.chars().take(room));
        Ok(())
    }

    async fn disconnected(
        &mut self,
        reason: DisconnectReason<Self::Error>,
    ) -> Result<(), Self::Error> {
        let end = match &reason {
            DisconnectReason::ReceivedDisconnect(info) => End::Said(info.message.clone()),
            DisconnectReason::Error(russh::Error::NoAuthMethod) => End::Said(String::new()),
            DisconnectReason::Error(_) => End::Lost,
        };
        self.witness.seen().end = Some(end);
        match reason {
            DisconnectReason::ReceivedDisconnect(_) => Ok(()),
            DisconnectReason::Error(error) => Err(error),
        }
    }
}
