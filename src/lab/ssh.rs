//! The SSH server of a simulated device: authentication and channels.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use russh::keys::{Algorithm, Certificate, PublicKey};
use russh::server::{
    Auth, ChannelOpenHandle, Config, Handler, Msg, PublicKeyOffer, Response, Session,
    VerifiedPublicKey,
};
use russh::{Channel, ChannelId, ChannelOpenFailure, Limits, Preferred, Pty, SshId};

use super::cli::{Cli, Identity};
use super::device::Device;
use super::faults::{Authentication, Denial};
use super::forward::{self, Destination};
use super::link::Cutter;
use super::login::{AuthMethod, Challenge, Progress};
use super::observed::PtyRequest;
use super::shell::{self, Shell};
use super::wire::Wire;

/// The settings russh takes for one device.
pub(super) fn config(
    device: &Device,
    host_key: russh::keys::PrivateKey,
    preferred: Preferred,
) -> Config {
    let mut limits = Limits::default();
    if let Some(bytes) = device.faults.rekey_every_bytes {
        limits.rekey_write_limit = bytes;
    }
    let defaults = Config::default();
    Config {
        server_id: SshId::Standard(Cow::Owned(device.ident.clone())),
        preferred,
        limits,
        max_auth_attempts: device.faults.max_auth_attempts.unwrap_or(defaults.max_auth_attempts),
        methods: device.login.offered(0),
        auth_rejection_time: device.faults.refusal_delay,
        auth_rejection_time_initial: Some(std::time::Duration::ZERO),
        keys: vec![host_key],
        inactivity_timeout: None,
        nodelay: true,
        ..defaults
    }
}

/// One client connection.
pub(super) struct Connection {
    device: Arc<Device>,
    cutter: Cutter,
    user: String,
    options: String,
    /// How many methods succeeded.
    passed: usize,
    round: usize,
    all_answers_right: bool,
    /// Session channels that are open, shell or not.
    open_channels: usize,
    channels: HashMap<ChannelId, Opened>,
    /// Channels that lead to others.
    tunnels: HashSet<ChannelId>,
}

/// A session channel that has no shell yet.
struct Opened {
    channel: Channel<Msg>,
    size: (u32, u32),
}

impl Connection {
    pub(super) fn new(device: Arc<Device>, cutter: Cutter) -> Self {
        Self {
            device,
            cutter,
            user: String::new(),
            options: String::new(),
            passed: 0,
            round: 0,
            all_answers_right: true,
            open_channels: 0,
            channels: HashMap::new(),
            tunnels: HashSet::new(),
        }
    }

    fn rejected(&self) -> Auth {
        Auth::Reject {
            proceed_with_methods: Some(self.device.login.offered(self.passed)),
            partial_success: false,
        }
    }

    /// Does what the device does about a request before it judges it.
    fn meet(&self) -> Result<(), russh::Error> {
        match self.device.faults.authentication {
            Authentication::Normal => Ok(()),
            // The answer is lost on its way, so the end of the connection is still seen.
            Authentication::Silent => {
                self.cutter.vanish();
                Ok(())
            }
            Authentication::Closes => {
                self.cutter.cut();
                Err(russh::Error::Disconnect)
            }
        }
    }

    /// Judges one method.
    fn judge(&mut self, user: &str, method: AuthMethod, right: bool) -> Auth {
        let login = &self.device.login;
        let marker = self.device.personality.username_options;
        let (user, options) =
            marker.and_then(|marker| user.split_once(marker)).unwrap_or((user, ""));
        if !right || user != login.username || !login.offers(method, self.passed) {
            return self.rejected();
        }
        self.passed += 1;
        match login.after(self.passed) {
            Progress::LoggedIn => {
                user.clone_into(&mut self.user);
                options.clone_into(&mut self.options);
                self.device.recorder.note(|seen| seen.logins_succeeded += 1);
                Auth::Accept
            }
            Progress::Partial(methods) => {
                Auth::Reject { proceed_with_methods: Some(methods), partial_success: true }
            }
        }
    }

    fn challenge(&self, round: &[Challenge]) -> Auth {
        let prompts: Vec<(Cow<'static, str>, bool)> = round
            .iter()
            .map(|challenge| (Cow::Owned(challenge.prompt.clone()), challenge.echo))
            .collect();
        Auth::Partial {
            name: Cow::Borrowed(""),
            instructions: Cow::Owned(format!("round {}", self.round + 1)),
            prompts: Cow::Owned(prompts),
        }
    }

    fn authorizes(&self, key: &PublicKey) -> bool {
        self.device.login.offers(AuthMethod::PublicKey, self.passed)
            && self.device.login.is_authorized(key)
    }
}

impl Handler for Connection {
    type Error = russh::Error;

    async fn authentication_banner(&mut self) -> Result<Option<String>, Self::Error> {
        // This is asked for when a client asks for the service of logging in.
        let device = &self.device;
        device.recorder.note(|seen| seen.logins_begun += 1);
        let banner = device.faults.auth_banner.as_ref();
        if let Some(bytes) = device.faults.auth_banner_bytes {
            return Ok(Some("*".repeat(bytes)));
        }
        let banner = banner.or(device.personality.auth_banner.as_ref());
        Ok(banner.map(|text| text.replace("{hostname}", &device.hostname)))
    }

    async fn auth_none(&mut self, _user: &str) -> Result<Auth, Self::Error> {
        self.meet()?;
        Ok(self.rejected())
    }

    async fn auth_password(&mut self, user: &str, password: &str) -> Result<Auth, Self::Error> {
        self.device.recorder.note(|seen| {
            seen.logins_attempted += 1;
            seen.password_attempts += 1;
        });
        self.meet()?;
        let right = password == self.device.login.password;
        Ok(self.judge(user, AuthMethod::Password, right))
    }

    async fn auth_publickey_offered(
        &mut self,
        _user: &str,
        offer: PublicKeyOffer<'_>,
    ) -> Result<Auth, Self::Error> {
        self.meet()?;
        let is_sha2 = matches!(offer.algorithm, Algorithm::Rsa { hash: Some(_) });
        // Whether the key belongs to a certificate is not told here, so every key may be one.
        let may_be = self.authorizes(offer.public_key) || self.device.login.user_ca.is_some();
        if may_be && !(is_sha2 && self.device.faults.rsa_sha1_only) {
            return Ok(Auth::Accept);
        }
        Ok(self.rejected())
    }

    async fn auth_openssh_certificate(
        &mut self,
        user: &str,
        certificate: &Certificate,
    ) -> Result<Auth, Self::Error> {
        self.device.recorder.note(|seen| {
            seen.logins_attempted += 1;
            seen.certificate_attempts += 1;
        });
        let right = self.device.login.certifies(certificate);
        Ok(self.judge(user, AuthMethod::PublicKey, right))
    }

    async fn auth_publickey(
        &mut self,
        user: &str,
        key: VerifiedPublicKey<'_>,
    ) -> Result<Auth, Self::Error> {
        self.device.recorder.note(|seen| {
            seen.logins_attempted += 1;
            seen.public_key_attempts += 1;
        });
        let right = self.authorizes(key.public_key);
        Ok(self.judge(user, AuthMethod::PublicKey, right))
    }

    async fn auth_keyboard_interactive<'a>(
        &'a mut self,
        user: &str,
        _submethods: &str,
        response: Option<Response<'a>>,
    ) -> Result<Auth, Self::Error> {
        self.meet()?;
        let device = Arc::clone(&self.device);
        if !device.login.offers(AuthMethod::KeyboardInteractive, self.passed) {
            return Ok(self.rejected());
        }
        if let Some(response) = response {
            let answers: Vec<_> = response.collect();
            let asked = device.login.rounds.get(self.round).map_or(&[][..], Vec::as_slice);
            let hidden =
                asked.iter().zip(&answers).filter(|(challenge, _)| !challenge.echo).count();
            device.recorder.note(|seen| seen.password_attempts += hidden);
            self.all_answers_right &= asked.len() == answers.len()
                && asked
                    .iter()
                    .zip(&answers)
                    .all(|(challenge, answer)| challenge.answer.as_bytes() == answer.as_ref());
            self.round += 1;
        } else {
            device.recorder.note(|seen| {
                seen.logins_attempted += 1;
                seen.interactive_attempts += 1;
            });
            self.round = 0;
            self.all_answers_right = true;
        }
        if let Some(round) = device.login.rounds.get(self.round) {
            return Ok(self.challenge(round));
        }
        let right = self.all_answers_right;
        Ok(self.judge(user, AuthMethod::KeyboardInteractive, right))
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), Self::Error> {
        let most = self.device.faults.max_sessions.unwrap_or(usize::MAX);
        let full = self.open_channels >= self.device.personality.max_channels.min(most);
        if full || self.device.faults.denies == Denial::Channel {
            reply.reject(ChannelOpenFailure::AdministrativelyProhibited).await;
            return Ok(());
        }
        self.open_channels += 1;
        self.channels.insert(channel.id(), Opened { channel, size: (0, 0) });
        reply.accept().await;
        Ok(())
    }

    async fn channel_open_direct_tcpip(
        &mut self,
        channel: Channel<Msg>,
        host_to_connect: &str,
        port_to_connect: u32,
        _originator_address: &str,
        _originator_port: u32,
        reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), Self::Error> {
        if !self.device.forwards {
            reply.reject(ChannelOpenFailure::AdministrativelyProhibited).await;
            return Ok(());
        }
        self.tunnels.insert(channel.id());
        let to = Destination { host: host_to_connect.to_owned(), port: port_to_connect };
        let recorder = Arc::clone(&self.device.recorder);
        // Connecting may take long, and nothing else is heard on this connection meanwhile.
        let forwarding = forward::run(channel, to, reply, self.cutter.clone(), recorder);
        self.device.tasks.spawn(forwarding);
        Ok(())
    }

    async fn channel_close(
        &mut self,
        channel: ChannelId,
        _session: &mut Session,
    ) -> Result<(), Self::Error> {
        if self.tunnels.remove(&channel) {
            return Ok(());
        }
        self.open_channels = self.open_channels.saturating_sub(1);
        self.channels.remove(&channel);
        Ok(())
    }

    async fn pty_request(
        &mut self,
        channel: ChannelId,
        term: &str,
        col_width: u32,
        row_height: u32,
        _pix_width: u32,
        _pix_height: u32,
        _modes: &[(Pty, u32)],
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        let request = PtyRequest { term: term.to_owned(), columns: col_width, rows: row_height };
        self.device.recorder.note(|seen| seen.ptys.push(request));
        match self.channels.get_mut(&channel) {
            Some(opened) if self.device.faults.denies != Denial::Pty => {
                opened.size = (col_width, row_height);
                session.channel_success(channel)
            }
            _ => session.channel_failure(channel),
        }
    }

    async fn shell_request(
        &mut self,
        channel: ChannelId,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        let Some(Opened { channel: opened, size }) = self.channels.remove(&channel) else {
            return session.channel_failure(channel);
        };
        let device = &self.device;
        let identity = Identity {
            user: self.user.clone(),
            role: device.role.clone(),
            enable_secret: device.enable_secret.clone(),
            password: device.login.password.clone(),
            options: self.options.clone(),
        };
        let shell = Shell {
            cli: Cli::new(
                Arc::clone(&device.personality),
                Arc::clone(&device.faults),
                Arc::clone(&device.chassis),
                identity,
                size,
            ),
            wire: Wire::new(&device.faults),
            flushes: device.faults.drop.is_some()
                || device.faults.vanish.is_some()
                || device.faults.ignores_keepalives,
            hushes: device.faults.ignores_keepalives,
            cutter: self.cutter.clone(),
            server: session.handle(),
            recorder: Arc::clone(&device.recorder),
        };
        session.channel_success(channel)?;
        device.tasks.spawn(shell::run(shell, opened));
        Ok(())
    }

    async fn exec_request(
        &mut self,
        channel: ChannelId,
        _data: &[u8],
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        session.channel_failure(channel)
    }

    async fn subsystem_request(
        &mut self,
        channel: ChannelId,
        _name: &str,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        session.channel_failure(channel)
    }
}
