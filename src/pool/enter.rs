//! From a device to a session in its default mode, or to what platform it is.

use std::sync::Arc;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::lease::{Counted, Opened};
use super::open::{Urgency, no_answers};
use super::{Patience, Pool, PoolError, Recording, Reservation, locked};
use crate::credential::{Login, LoginProof};
use crate::inventory::Device;
use crate::platform::{Platform, PlatformName, Verdict};
use crate::session::{Limits, LoginSecrets, Recorder, Session, probe};
use crate::transport::{Connection, Pty, Shell};

impl Pool {
    /// Finds out which platform a device is, on a connection of its own.
    pub async fn detect(
        &self,
        device: &Device,
        cancel: &CancellationToken,
    ) -> Result<PlatformName, PoolError> {
        let detecting = async {
            let place = self.reserve_with(device, Patience::Bounded).await?;
            let hold = Some(place.clone());
            let login = self.opener.credentials.login(device).await;
            let login = login.map_err(PoolError::Credential)?;
            let connection =
                self.opener.connect(device, &login, no_answers(), hold, Urgency::Ordinary).await?;
            let host_key = &connection.handshake.host_key;
            if host_key.first_contact {
                let fingerprint = host_key.fingerprint.clone();
                locked(&self.untold).insert(device.name.clone(), fingerprint);
            }
            // What most platforms ask for; the login that follows asks for its own.
            let pty = Pty { kind: "vt100", width: 511, height: 1000 };
            let shell = connection.shell(pty, device.timeouts.auth).await;
            let looked = match shell {
                Err(error) => Err(PoolError::Transport(error)),
                Ok(shell) => {
                    let most = device.timeouts.auth.saturating_add(device.timeouts.idle);
                    let looked =
                        probe(shell, &connection.handshake.ident, &self.platforms, most).await;
                    looked.map_err(PoolError::Login)
                }
            };
            connection.close().await;
            let (verdict, seen) = looked?;
            match verdict {
                Verdict::Is(platform) => Ok(platform),
                Verdict::Unclear(possible) => Err(PoolError::Unrecognised { possible, seen }),
                Verdict::Ask(_) => Err(PoolError::Unrecognised { possible: Vec::new(), seen }),
            }
        };
        self.unless_ended(cancel, Box::pin(detecting)).await
    }

    pub(super) async fn open_session(
        &self,
        device: &Device,
        hold: Reservation,
        recording: Recording,
        urgency: Urgency,
    ) -> Result<Opened, PoolError> {
        let _opening = Counted::new(&self.opening);
        let platform = self.platforms.get(&device.platform).map_err(PoolError::Platform)?;
        let login = self.opener.credentials.login(device).await;
        let mut login = login.map_err(PoolError::Credential)?;
        let username = login.username.clone();
        // Some devices take settings of their console behind the user name.
        login.username.push_str(&platform.terminal.username_suffix);
        let known = Arc::clone(&platform);
        let answers = Arc::new(move |question: &str| known.login_answer(question));
        let connecting = self.opener.connect(device, &login, answers, Some(hold), urgency);
        let mut connection = connecting.await?;
        login.username = username;
        let host_key = &mut connection.handshake.host_key;
        if locked(&self.untold).remove(&device.name).as_ref() == Some(&host_key.fingerprint) {
            host_key.first_contact = true;
        }
        let secrets = login.secrets().into_iter().cloned().collect();
        match self.log_in(device, login, platform, &connection, recording).await {
            Ok(session) => {
                let ident = &connection.handshake.ident;
                tracing::debug!(event = "session_opened", device = %device.name, ident, "opened");
                Ok(Opened { session, connection, since: Instant::now(), secrets })
            }
            Err(error) => {
                connection.close().await;
                Err(error)
            }
        }
    }

    async fn log_in(
        &self,
        device: &Device,
        login: Login,
        platform: Arc<Platform>,
        connection: &Connection,
        recording: Recording,
    ) -> Result<Box<Session<Recorder<Shell>>>, PoolError> {
        let terminal = &platform.terminal;
        let pty = Pty { kind: &terminal.kind, width: terminal.width, height: terminal.height };
        let shell = connection.shell(pty, device.timeouts.auth).await;
        let shell = shell.map_err(PoolError::Transport)?;
        let secrets = LoginSecrets {
            username: login.username,
            password: match login.proof {
                LoginProof::Password(password) => Some(password),
                _ => None,
            },
            enable: login.enable,
        };
        let limits = Limits {
            prompt_timeout: device.timeouts.auth,
            idle_timeout: device.timeouts.idle,
            command_timeout: device.timeouts.command,
            output_limit: self.output_limit,
        };
        let shell = match recording {
            Recording::Off => Recorder::off(shell),
            Recording::On => Recorder::on(shell),
        };
        let opening = Box::pin(Session::open(shell, platform, secrets, limits));
        opening.await.map(Box::new).map_err(PoolError::Login)
    }
}
