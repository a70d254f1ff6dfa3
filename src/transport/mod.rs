//! SSH: from an inventory entry to an interactive channel as a byte stream.
//!
//! **Invariants:** with `lab`, the only module that names `russh`. It interprets no byte of what a
//! device says. No credential goes over the wire before the host key was accepted, and a credential
//! that was refused is not sent a second time. Every wait has its own limit, because the library
//! has none.

mod algorithms;
mod error;
mod host_keys;
mod ident;
mod shell;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use russh::client::{self, AuthResult, Handle, KeyboardInteractiveAuthResponse};
use russh::keys::{PrivateKeyWithHashAlg, PublicKeyOrCertificate, load_secret_key};
use russh::{ChannelMsg, MethodKind, MethodSet};
use tokio::net::TcpStream;

pub use self::error::TransportError;
pub use self::host_keys::{HostKey, HostKeyPolicy, HostKeys};
use self::ident::NoIdent;
pub use self::shell::Shell;
use crate::inventory::{Auth, Device};
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

/// An authenticated SSH connection to one device.
pub struct Connection {
    handle: Handle<Client>,
    /// The server's identification line.
    pub ident: String,
    /// The host key that was accepted.
    pub host_key: HostKey,
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection").field("ident", &self.ident).finish_non_exhaustive()
    }
}

impl Connection {
    /// Connects to a device, checks its host key and authenticates.
    ///
    /// `timeouts.connect` bounds resolving, connecting and the identification, each by itself;
    /// `timeouts.auth` bounds key exchange and authentication together.
    pub async fn open(device: &Device, host_keys: &HostKeys) -> Result<Self, TransportError> {
        let stream = dial(device).await?;
        let (ident, stream) = identify(device, stream).await?;
        let waited = device.timeouts.auth;
        let opening = Box::pin(Self::authenticate(device, host_keys, ident, stream));
        match tokio::time::timeout(waited, opening).await {
            Ok(result) => result,
            Err(_elapsed) => Err(TransportError::AuthTimeout { waited }),
        }
    }

    async fn authenticate(
        device: &Device,
        host_keys: &HostKeys,
        ident: String,
        stream: ident::Replayed<TcpStream>,
    ) -> Result<Self, TransportError> {
        let host = host_keys::host_name(&device.address, device.port);
        let recorded = host_keys.algorithms(&host)?;
        let verdict = Arc::new(Mutex::new(None));
        let handler = Client { host, host_keys: host_keys.clone(), verdict: Arc::clone(&verdict) };
        let config = Arc::new(algorithms::client_config(&recorded));
        let connected = client::connect_stream(config, stream, handler).await;
        let verdict = verdict.lock().map(|mut verdict| verdict.take()).unwrap_or_default();
        let (mut handle, host_key) = match (connected, verdict) {
            (_, Some(Err(refused))) => return Err(refused),
            (Ok(handle), Some(Ok(host_key))) => (handle, host_key),
            (Ok(_), None) => return Err(TransportError::Protocol(russh::Error::UnknownKey)),
            (Err(error), _) => return Err(error.into()),
        };
        match &device.auth {
            Auth::Password(password) => {
                log_in_with_password(&mut handle, &device.username, password).await?;
            }
            Auth::Key { path, passphrase } => {
                let passphrase = passphrase.as_ref().map(|secret| secret.expose().as_str());
                let key = load_secret_key(path, passphrase).map_err(|source| {
                    TransportError::PrivateKey { path: path.display().to_string(), source }
                })?;
                log_in_with_key(&mut handle, &device.username, key).await?;
            }
        }
        Ok(Self { handle, ident, host_key })
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
        let goodbye = self.handle.disconnect(russh::Disconnect::ByApplication, "", "");
        // The device may be gone already; there is nobody left to tell.
        drop(tokio::time::timeout(GOODBYE, goodbye).await);
    }
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

/// Resolves the address and connects to the first one that answers.
async fn dial(device: &Device) -> Result<TcpStream, TransportError> {
    let (address, port) = (device.address.clone(), device.port);
    let waited = device.timeouts.connect;
    let late = || TransportError::ConnectTimeout { address: address.clone(), port, waited };
    let resolving = tokio::net::lookup_host((address.as_str(), port));
    let resolved: Vec<_> = match tokio::time::timeout(waited, resolving).await {
        Ok(Ok(found)) => found.collect(),
        Ok(Err(source)) => {
            return Err(TransportError::Resolve { address: device.address.clone(), source });
        }
        Err(_elapsed) => return Err(late()),
    };
    match tokio::time::timeout(waited, TcpStream::connect(resolved.as_slice())).await {
        Ok(Ok(stream)) => {
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(%error, "TCP_NODELAY cannot be set");
            }
            Ok(stream)
        }
        Ok(Err(source)) => Err(TransportError::Connect { address, port, source }),
        Err(_elapsed) => Err(late()),
    }
}

async fn identify(
    device: &Device,
    stream: TcpStream,
) -> Result<(String, ident::Replayed<TcpStream>), TransportError> {
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
        let result = self.host_keys.check(&self.host, key);
        let accepted = result.is_ok();
        let stored = self.verdict.lock().map(|mut verdict| *verdict = Some(result));
        Ok(accepted && stored.is_ok())
    }
}
