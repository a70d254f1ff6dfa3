//! SSH: from an inventory entry to an interactive channel as a byte stream.
//!
//! **Invariants:** with `lab`, the only module that names `russh`. It interprets no byte of what a
//! device says. No credential goes over the wire before the host key was accepted, and a credential
//! that was refused is not sent a second time. Every wait has its own limit, because the library
//! has none.

mod algorithms;
mod dial;
mod error;
mod host_keys;
mod ident;
mod shell;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use russh::client::{self, AuthResult, Handle, KeyboardInteractiveAuthResponse};
use russh::keys::{PrivateKeyWithHashAlg, PublicKeyOrCertificate, decode_secret_key};
use russh::{ChannelMsg, MethodKind, MethodSet};

pub use self::dial::{BoxedStream, Connecting, Network, Stream, Tcp};
pub use self::error::TransportError;
pub use self::host_keys::{HostKey, HostKeys};
use self::ident::NoIdent;
pub use self::shell::Shell;
use crate::credential::{Login, LoginProof};
use crate::inventory::{Device, HostKeyPolicy};
use crate::secret::Secret;

/// How long a polite goodbye may take.
const GOODBYE: Duration = Duration::from_secs(1);

/// The pseudo-terminal to ask for.
#[derive(Debug, Clone, Copy)]
pub struct Pty<'a> {
    /// `TERM`.
    pub kind: &'a str,
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
}

/// Reaches SSH servers and checks who they are.
#[derive(Debug, Clone)]
pub struct Dialer {
    network: Arc<dyn Network>,
    host_keys: HostKeys,
    /// What holds for devices that say nothing of their own.
    default_policy: HostKeyPolicy,
    /// How often an idle connection is probed.
    keepalive: Duration,
}

/// What the two sides agreed on before anybody logged in.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Handshake {
    /// The server's identification line.
    pub ident: String,
    /// The host key that was accepted.
    pub host_key: HostKey,
}

/// An SSH server that was reached and whose host key was accepted. Nobody is logged in.
pub struct Reached {
    handle: Handle<Client>,
    handshake: Handshake,
    /// How long authentication may take.
    auth_timeout: Duration,
    /// What carries this connection.
    through: Option<Arc<Connection>>,
}

impl std::fmt::Debug for Reached {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reached").field("handshake", &self.handshake).finish_non_exhaustive()
    }
}

impl Dialer {
    /// Dials over `network`, or over this machine's where it is [`Tcp`].
    pub fn new(
        network: Arc<dyn Network>,
        host_keys: HostKeys,
        default_policy: HostKeyPolicy,
    ) -> Self {
        Self { network, host_keys, default_policy, keepalive: algorithms::KEEPALIVE }
    }

    /// Probes idle connections this often; three probes without an answer end one.
    #[must_use]
    pub fn with_keepalive(mut self, keepalive: Duration) -> Self {
        self.keepalive = keepalive;
        self
    }

    /// Connects to a device's SSH server and checks its host key. `through` is the connection to the
    /// device that the route names as the last one before it; without one the route is not followed.
    ///
    /// `timeouts.connect` bounds resolving, connecting and the identification, each by itself;
    /// `timeouts.auth` bounds the key exchange.
    pub async fn reach(
        &self,
        device: &Device,
        through: Option<Arc<Connection>>,
    ) -> Result<Reached, TransportError> {
        let stream = match &through {
            None => {
                let waited = device.timeouts.connect;
                self.network.connect(&device.address, device.port, waited).await?
            }
            Some(connection) => connection.tunnel(device).await?,
        };
        let (ident, stream) = identify(device, stream).await?;
        let waited = device.timeouts.auth;
        let (handle, host_key) =
            match tokio::time::timeout(waited, self.exchange_keys(device, stream)).await {
                Ok(result) => result?,
                Err(_elapsed) => return Err(TransportError::AuthTimeout { waited }),
            };
        let handshake = Handshake { ident, host_key };
        Ok(Reached { handle, handshake, auth_timeout: waited, through })
    }

    async fn exchange_keys(
        &self,
        device: &Device,
        stream: ident::Replayed<BoxedStream>,
    ) -> Result<(Handle<Client>, HostKey), TransportError> {
        let host = host_keys::host_name(&device.address, device.port);
        let recorded = self.host_keys.algorithms(&host)?;
        let verdict = Arc::new(Mutex::new(None));
        let policy = device.host_keys.clone().unwrap_or_else(|| self.default_policy.clone());
        let handler = Client {
            host,
            host_keys: self.host_keys.clone(),
            policy,
            verdict: Arc::clone(&verdict),
        };
        let config = Arc::new(algorithms::client_config(&recorded, self.keepalive));
        let connected = client::connect_stream(config, stream, handler).await;
        let verdict = verdict.lock().map(|mut verdict| verdict.take()).unwrap_or_default();
        match (connected, verdict) {
            (_, Some(Err(refused))) => Err(refused),
            (Ok(handle), Some(Ok(host_key))) => Ok((handle, host_key)),
            (Ok(_), None) => Err(TransportError::Protocol(russh::Error::UnknownKey)),
            (Err(error), _) => Err(error.into()),
        }
    }
}

impl Reached {
    /// What was agreed on.
    pub fn handshake(&self) -> &Handshake {
        &self.handshake
    }

    /// Authenticates. A credential that the server refused is not sent a second time.
    pub async fn log_in(mut self, login: &Login) -> Result<Connection, TransportError> {
        let waited = self.auth_timeout;
        let authenticating = Box::pin(authenticate(&mut self.handle, login));
        match tokio::time::timeout(waited, authenticating).await {
            Ok(result) => result?,
            Err(_elapsed) => return Err(TransportError::AuthTimeout { waited }),
        }
        let Self { handle, handshake, through, .. } = self;
        Ok(Connection { handle, handshake, through })
    }

    /// Says goodbye without logging in.
    pub async fn hang_up(self) {
        say_goodbye(&self.handle).await;
    }
}

/// An authenticated SSH connection to one device.
pub struct Connection {
    handle: Handle<Client>,
    /// What was agreed on.
    pub handshake: Handshake,
    /// What carries this connection; it lives at least as long.
    #[expect(dead_code, reason = "held for its drop, which lets go of the device in between")]
    through: Option<Arc<Self>>,
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection").field("handshake", &self.handshake).finish_non_exhaustive()
    }
}

impl Connection {
    /// Whether the connection is known to have ended.
    pub fn is_closed(&self) -> bool {
        self.handle.is_closed()
    }

    /// Has this device connect to another one.
    async fn tunnel(&self, device: &Device) -> Result<BoxedStream, TransportError> {
        let port = u32::from(device.port);
        let opening =
            self.handle.channel_open_direct_tcpip(device.address.as_str(), port, "127.0.0.1", 0);
        let waited = device.timeouts.connect;
        match tokio::time::timeout(waited, opening).await {
            Ok(channel) => Ok(Box::new(channel?.into_stream())),
            Err(_elapsed) => Err(TransportError::ConnectTimeout {
                address: device.address.clone(),
                port: device.port,
                waited,
            }),
        }
    }

    /// Opens an interactive shell on a pseudo-terminal, within `waited`.
    pub async fn shell(&self, pty: Pty<'_>, waited: Duration) -> Result<Shell, TransportError> {
        match tokio::time::timeout(waited, self.start_shell(pty)).await {
            Ok(shell) => shell,
            Err(_elapsed) => Err(TransportError::ShellTimeout { waited }),
        }
    }

    async fn start_shell(&self, pty: Pty<'_>) -> Result<Shell, TransportError> {
        let mut channel = self.handle.channel_open_session().await?;
        channel.request_pty(true, pty.kind, pty.width, pty.height, 0, 0, &[]).await?;
        confirm(&mut channel, "a pseudo-terminal").await?;
        channel.request_shell(true).await?;
        confirm(&mut channel, "a shell").await?;
        Ok(Shell::new(channel.into_stream()))
    }

    /// Says goodbye, so that the device frees its line at once.
    pub async fn close(self) {
        say_goodbye(&self.handle).await;
    }
}

async fn say_goodbye(handle: &Handle<Client>) {
    let goodbye = handle.disconnect(russh::Disconnect::ByApplication, "", "");
    // The device may be gone already; there is nobody left to tell.
    drop(tokio::time::timeout(GOODBYE, goodbye).await);
}

/// Waits for the answer to a channel request.
async fn confirm(
    channel: &mut russh::Channel<client::Msg>,
    what: &'static str,
) -> Result<(), TransportError> {
    loop {
        match channel.wait().await {
            Some(ChannelMsg::Success) => return Ok(()),
            Some(ChannelMsg::Failure | ChannelMsg::Close | ChannelMsg::Eof) | None => {
                return Err(TransportError::Refused { what });
            }
            // Window adjustments may come in between.
            Some(_) => {}
        }
    }
}

async fn identify(
    device: &Device,
    stream: BoxedStream,
) -> Result<(String, ident::Replayed<BoxedStream>), TransportError> {
    let (address, port) = (device.address.clone(), device.port);
    let waited = device.timeouts.connect;
    match tokio::time::timeout(waited, ident::sniff(stream)).await {
        Ok(Ok(found)) => Ok(found),
        Ok(Err(NoIdent::Io(source))) => Err(TransportError::Connect { address, port, source }),
        Ok(Err(NoIdent::Other(sent))) => {
            let sent = String::from_utf8_lossy(&sent);
            let printable = |c: &char| c.is_ascii_graphic() || *c == ' ';
            let sent = sent.chars().filter(printable).take(60).collect();
            Err(TransportError::NotSsh { address, port, sent })
        }
        Err(_elapsed) => Err(TransportError::IdentTimeout { waited }),
    }
}

async fn authenticate(handle: &mut Handle<Client>, login: &Login) -> Result<(), TransportError> {
    match &login.proof {
        LoginProof::Password(password) => {
            log_in_with_password(handle, &login.username, password).await
        }
        LoginProof::Key { path, key, passphrase, .. } => {
            let passphrase = passphrase.as_ref().map(|secret| secret.expose().as_str());
            let key = decode_secret_key(key.expose(), passphrase).map_err(|source| {
                TransportError::PrivateKey { path: path.display().to_string(), source }
            })?;
            log_in_with_key(handle, &login.username, key).await
        }
        LoginProof::Agent { .. } => Err(TransportError::Refused { what: "an agent" }),
    }
}

async fn log_in_with_password(
    handle: &mut Handle<Client>,
    username: &str,
    password: &Secret<String>,
) -> Result<(), TransportError> {
    let result = handle.authenticate_password(username, password.expose().as_str()).await?;
    let offered = match result {
        AuthResult::Success => return Ok(()),
        AuthResult::Failure { remaining_methods, .. } => remaining_methods,
    };
    // A server that does not know the method `password` has not judged the password yet.
    if offered.contains(&MethodKind::Password) {
        return Err(TransportError::AuthRefused { username: username.to_owned() });
    }
    if !offered.contains(&MethodKind::KeyboardInteractive) {
        return Err(unsupported("a password", &offered));
    }
    answer_interactively(handle, username, password).await
}

/// Answers the one question that is not echoed, once.
async fn answer_interactively(
    handle: &mut Handle<Client>,
    username: &str,
    password: &Secret<String>,
) -> Result<(), TransportError> {
    /// More rounds than any device asks.
    const MOST_ROUNDS: usize = 8;
    let refused = || TransportError::AuthRefused { username: username.to_owned() };
    let mut sent = false;
    let mut answer = handle.authenticate_keyboard_interactive_start(username, None).await?;
    for _ in 0..MOST_ROUNDS {
        let prompts = match answer {
            KeyboardInteractiveAuthResponse::Success => return Ok(()),
            KeyboardInteractiveAuthResponse::Failure { .. } => return Err(refused()),
            KeyboardInteractiveAuthResponse::InfoRequest { prompts, .. } => prompts,
        };
        // An empty request is answered with an empty answer (RFC 4256, 3.4).
        let hidden = prompts.iter().filter(|prompt| !prompt.echo).count();
        if hidden > 1 || prompts.len() > hidden || (hidden == 1 && sent) {
            return Err(refused());
        }
        sent = sent || hidden == 1;
        let responses = prompts.iter().map(|_| password.expose().clone()).collect();
        answer = handle.authenticate_keyboard_interactive_respond(responses).await?;
    }
    Err(refused())
}

async fn log_in_with_key(
    handle: &mut Handle<Client>,
    username: &str,
    key: russh::keys::PrivateKey,
) -> Result<(), TransportError> {
    // Waits for the server's extensions, which only RSA needs.
    let hash = if key.algorithm().is_rsa() {
        handle.best_supported_rsa_hash().await?.flatten()
    } else {
        None
    };
    let key = PrivateKeyWithHashAlg::new(Arc::new(key), hash);
    match handle.authenticate_publickey(username, key).await? {
        AuthResult::Success => Ok(()),
        AuthResult::Failure { remaining_methods, .. }
            if !remaining_methods.contains(&MethodKind::PublicKey) =>
        {
            Err(unsupported("a key", &remaining_methods))
        }
        AuthResult::Failure { .. } => {
            Err(TransportError::AuthRefused { username: username.to_owned() })
        }
    }
}

fn unsupported(method: &'static str, offered: &MethodSet) -> TransportError {
    let names: Vec<&str> = offered.iter().map(Into::into).collect();
    let offered = if names.is_empty() { "nothing".to_owned() } else { names.join(", ") };
    TransportError::AuthMethod { method, offered }
}

/// What the host-key check decided; written once, before any credential is sent.
type Verdict = Arc<Mutex<Option<Result<HostKey, TransportError>>>>;

/// Our side of the library's callbacks.
struct Client {
    host: String,
    host_keys: HostKeys,
    policy: HostKeyPolicy,
    verdict: Verdict,
}

impl client::Handler for Client {
    type Error = russh::Error;

    async fn check_server_key(
        &mut self,
        key: &PublicKeyOrCertificate,
    ) -> Result<bool, Self::Error> {
        // Certificates are not asked for, so one that comes is refused.
        let PublicKeyOrCertificate::PublicKey { key, .. } = key else { return Ok(false) };
        let result = self.host_keys.check(&self.host, key, &self.policy);
        let accepted = result.is_ok();
        let stored = self.verdict.lock().map(|mut verdict| *verdict = Some(result));
        Ok(accepted && stored.is_ok())
    }
}
