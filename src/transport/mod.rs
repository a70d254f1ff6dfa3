//! SSH: from an inventory entry to an interactive channel as a byte stream.
//!
//! It goes in two steps. [`Dialer::reach`] connects, reads the identification, exchanges keys and
//! checks the host key; [`Reached::log_in`] authenticates. Between the two the caller decides whether
//! the credential may be tried now.
//!
//! **Invariants:** with `lab`, the only module that names `russh`. It interprets no byte of what a
//! device says. No credential goes over the wire before the host key was accepted, and a credential
//! that was refused is not sent a second time. A route that the inventory names is followed or the
//! connection fails. Every wait has its own limit, because the library has none.

mod algorithms;
mod client;
mod dial;
mod error;
mod handshake;
mod host_keys;
mod ident;
mod login;
mod offer;
mod proxy;
mod quirks;
mod shell;
mod wire;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use russh::client::{AuthResult, Config, Handle, Handler, Msg, connect_stream};
use russh::{ChannelMsg, MethodSet};
use tokio_util::sync::DropGuard;

use self::client::{Client, Witness};
pub use self::dial::{BoxedStream, Connecting, Network, Stream, Tcp};
pub use self::error::{Gap, TransportError, TunnelFault};
pub use self::handshake::{Chosen, Handshake};
use self::host_keys::Expected;
pub use self::host_keys::{
    Forgotten, HostKey, HostKeys, KnownKey, Marker, NotAPublicKey, OfferedKey, Others, Trusted,
};
use self::ident::{Identified, NoIdent};
use self::login::Attempt;
pub use self::login::PlatformAnswers;
pub use self::offer::Offer;
use self::proxy::Proxy;
use self::quirks::Quirks;
pub use self::shell::Shell;
use self::wire::Wire;
use crate::credential::Login;
use crate::inventory::{Device, HostKeyPolicy, Route};

/// How long a polite goodbye may take.
const GOODBYE: Duration = Duration::from_secs(1);
/// Idle connections are probed this often unless the settings say otherwise, and given up after
/// three probes without an answer.
const KEEPALIVE: Duration = Duration::from_secs(30);

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

/// The methods that servers were seen to offer, by endpoint: the next login starts with one of them
/// instead of one that is refused again.
type Methods = Arc<Mutex<HashMap<String, MethodSet>>>;

/// Reaches SSH servers and checks who they are.
#[derive(Debug, Clone)]
pub struct Dialer {
    network: Arc<dyn Network>,
    host_keys: HostKeys,
    /// What holds for devices that say nothing of their own.
    default_policy: HostKeyPolicy,
    keepalive: Duration,
    methods: Methods,
}

/// An SSH server that was reached and whose host key was accepted. Nobody is logged in.
pub struct Reached {
    handle: Handle<Client>,
    handshake: Handshake,
    witness: Witness,
    endpoint: String,
    methods: Methods,
    /// How long authentication may take.
    auth_timeout: Duration,
    /// What carries this connection.
    through: Option<Arc<Connection>>,
    /// Ends the library's task when it is dropped, whatever the device does.
    holder: DropGuard,
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
        let methods = Methods::default();
        Self { network, host_keys, default_policy, keepalive: KEEPALIVE, methods }
    }

    /// Probes idle connections this often.
    #[must_use]
    pub fn with_keepalive(mut self, keepalive: Duration) -> Self {
        self.keepalive = keepalive;
        self
    }

    /// Connects to a device's SSH server and checks its host key. `through` is the connection to the
    /// last device on the route; a route through a device is never left out.
    ///
    /// `timeouts.connect` bounds resolving, connecting and the identification, each by itself;
    /// `timeouts.auth` bounds the key exchange.
    pub async fn reach(
        &self,
        device: &Device,
        through: Option<Arc<Connection>>,
    ) -> Result<Reached, TransportError> {
        let identified = self.identified(device, through.as_deref()).await?;
        let waited = device.timeouts.auth;
        let exchanging = Box::pin(self.exchange_keys(device, identified));
        match tokio::time::timeout(waited, exchanging).await {
            Ok(reached) => reached.map(|reached| Reached { through, ..reached }),
            Err(_elapsed) => Err(TransportError::AuthTimeout { waited }),
        }
    }

    /// Connects to a device and reads its identification.
    async fn identified(
        &self,
        device: &Device,
        through: Option<&Connection>,
    ) -> Result<Identified<BoxedStream>, TransportError> {
        // On the heap, here and elsewhere: a login holds much, and is a small part of what it serves.
        let stream = Box::pin(self.stream_to(device, through)).await?;
        Box::pin(identify(device, stream)).await
    }

    async fn stream_to(
        &self,
        device: &Device,
        through: Option<&Connection>,
    ) -> Result<BoxedStream, TransportError> {
        match (&device.route, through) {
            (Route::Direct, None) => {
                let waited = device.timeouts.connect;
                self.network.connect(&device.address, device.port, waited).await
            }
            (Route::ProxyCommand(command), None) => match Proxy::start(command) {
                Ok(proxy) => Ok(Box::new(proxy)),
                Err(source) => {
                    let address = device.address.clone();
                    Err(TransportError::ProxyCommand { address, source })
                }
            },
            (Route::Through(_), Some(connection)) => connection.tunnel(device).await,
            // The caller and the route disagree, so nothing is dialled.
            (_, _) => Err(TransportError::Tunnel {
                address: device.address.clone(),
                port: device.port,
                reason: "the route of the inventory was not followed".to_owned(),
                fault: TunnelFault::Between,
            }),
        }
    }

    /// What a device is offered before anything more than its identification is known.
    fn config(&self, device: &Device, ident: &str, expected: &Expected) -> Config {
        let quirks = Quirks::of(ident);
        algorithms::client_config(device.security, &quirks, &expected.kinds, self.keepalive)
    }

    async fn exchange_keys(
        &self,
        device: &Device,
        identified: Identified<BoxedStream>,
    ) -> Result<Reached, TransportError> {
        let (host, security) = (HostKeys::name_of(device), device.security);
        let expected = self.host_keys.expected(&host)?;
        let ident = identified.ident.clone();
        let mut config = self.config(device, &ident, &expected);
        config.preferred.host_key_certificates =
            expected.certificates(&config.preferred.key).into();
        let policy = device.host_keys.clone().unwrap_or_else(|| self.default_policy.clone());
        let witness = Witness::default();
        let host_keys = self.host_keys.clone();
        let client = Client { host, host_keys, policy, witness: witness.clone() };
        let Exchanged { handle, offer, holder } = exchange(config, identified, client).await;
        let (handle, host_key) = match (handle, witness.take_verdict()) {
            (_, Some(Err(refused))) => return Err(refused),
            (Ok(handle), Some(Ok(host_key))) => (handle, host_key),
            (Ok(_), None) => return Err(TransportError::Protocol(russh::Error::UnknownKey)),
            (Err(russh::Error::NoCommonAlgo { kind, ours, theirs }), _) => {
                let offer = offer.as_ref();
                return Err(TransportError::algorithms(security, offer, &kind, theirs, ours));
            }
            (Err(error), _) => return Err(error.into()),
        };
        let handshake = Handshake { ident, host_key, security, chosen: witness.chosen(), offer };
        Ok(Reached {
            handle,
            handshake,
            witness,
            endpoint: device.place(),
            methods: Arc::clone(&self.methods),
            auth_timeout: device.timeouts.auth,
            through: None,
            holder,
        })
    }
}

impl Reached {
    /// What was agreed on.
    pub fn handshake(&self) -> &Handshake {
        &self.handshake
    }

    /// Authenticates; `answers` knows the platform's questions. A credential that the server refused
    /// is not sent a second time.
    pub async fn log_in(
        mut self,
        login: &Login,
        answers: PlatformAnswers<'_>,
    ) -> Result<Connection, TransportError> {
        let waited = self.auth_timeout;
        let known = self.methods().get(&self.endpoint).cloned();
        let mut attempt = Attempt {
            handle: &mut self.handle,
            witness: self.witness.clone(),
            login,
            answers,
            security: self.handshake.security,
            quirks: Quirks::of(&self.handshake.ident),
            remembered: known.is_some(),
            offered: known,
            learned: None,
            rsa_tried: false,
            password_accepted: false,
        };
        let authenticating = Box::pin(attempt.run());
        let result = match tokio::time::timeout(waited, authenticating).await {
            Ok(result) => result,
            Err(_elapsed) => Err(TransportError::AuthTimeout { waited }),
        };
        let learned = attempt.learned.take();
        self.remember(learned);
        result?;
        let Self { handle, handshake, witness, through, holder, .. } = self;
        Ok(Connection { handle, handshake, banner: witness.banner(), through, holder })
    }

    /// Asks which authentication methods the server offers. It counts as an attempt on some servers,
    /// so this connection is of no further use.
    pub async fn offered_methods(mut self, username: &str) -> Result<Vec<String>, TransportError> {
        let waited = self.auth_timeout;
        let asked = self.handle.authenticate_none(username);
        let offered = match tokio::time::timeout(waited, asked).await {
            Ok(Ok(AuthResult::Success)) => vec!["none".to_owned()],
            Ok(Ok(AuthResult::Failure { remaining_methods, .. })) => {
                remaining_methods.iter().map(|method| <&str>::from(method).to_owned()).collect()
            }
            Ok(Err(error)) => return Err(error.into()),
            Err(_elapsed) => return Err(TransportError::AuthTimeout { waited }),
        };
        self.hang_up().await;
        Ok(offered)
    }

    fn methods(&self) -> std::sync::MutexGuard<'_, HashMap<String, MethodSet>> {
        self.methods.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn remember(&self, offered: Option<MethodSet>) {
        if let Some(offered) = offered.filter(|offered| !offered.is_empty()) {
            self.methods().insert(self.endpoint.clone(), offered);
        }
    }

    /// Says goodbye without logging in.
    pub async fn hang_up(mut self) {
        say_goodbye(&mut self.handle).await;
    }
}

/// An authenticated SSH connection to one device.
pub struct Connection {
    handle: Handle<Client>,
    /// What was agreed on.
    pub handshake: Handshake,
    /// What the server showed before the login, at most 4 KB of it.
    pub banner: String,
    /// What carries this connection; it lives at least as long.
    #[expect(dead_code, reason = "held for its drop, which lets go of the device in between")]
    through: Option<Arc<Self>>,
    #[expect(dead_code, reason = "held for its drop, which ends the library's task")]
    holder: DropGuard,
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
        let (address, port, waited) =
            (device.address.clone(), device.port, device.timeouts.connect);
        let from = "127.0.0.1";
        let opening =
            self.handle.channel_open_direct_tcpip(address.as_str(), u32::from(port), from, 0);
        match tokio::time::timeout(waited, opening).await {
            Ok(Ok(channel)) => Ok(Box::new(channel.into_stream())),
            Ok(Err(error)) => {
                use russh::{ChannelOpenFailure::ConnectFailed, Error::ChannelOpenFailure};
                let behind = matches!(error, ChannelOpenFailure(ConnectFailed));
                let fault = if behind { TunnelFault::Behind } else { TunnelFault::Between };
                let reason = channel_refusal(error)?;
                Err(TransportError::Tunnel { address, port, reason, fault })
            }
            Err(_elapsed) => Err(TransportError::ConnectTimeout { address, port, waited }),
        }
    }

    /// Opens an interactive shell on a pseudo-terminal, within `waited`.
    pub async fn shell(&self, pty: Pty<'_>, waited: Duration) -> Result<Shell, TransportError> {
        match tokio::time::timeout(waited, Box::pin(self.start_shell(pty))).await {
            Ok(shell) => shell,
            Err(_elapsed) => Err(TransportError::ShellTimeout { waited }),
        }
    }

    async fn start_shell(&self, pty: Pty<'_>) -> Result<Shell, TransportError> {
        let mut channel = match self.handle.channel_open_session().await {
            Ok(channel) => channel,
            Err(error) => {
                let reason = channel_refusal(error)?;
                return Err(TransportError::Refused { what: "a session", reason });
            }
        };
        channel.request_pty(true, pty.kind, pty.width, pty.height, 0, 0, &[]).await?;
        confirm(&mut channel, "a pseudo-terminal").await?;
        channel.request_shell(true).await?;
        confirm(&mut channel, "a shell").await?;
        Ok(Shell::new(channel.into_stream()))
    }

    /// Says goodbye, so that the device frees its line at once.
    pub async fn close(mut self) {
        say_goodbye(&mut self.handle).await;
    }
}

async fn say_goodbye(handle: &mut Handle<Client>) {
    let leaving = async {
        // The device may be gone already; there is nobody left to tell.
        if handle.disconnect(russh::Disconnect::ByApplication, "", "").await.is_ok() {
            drop(handle.await);
        }
    };
    drop(tokio::time::timeout(GOODBYE, leaving).await);
}

/// Why a channel was refused; any other failure stays what it is.
fn channel_refusal(error: russh::Error) -> Result<String, TransportError> {
    match error {
        russh::Error::ChannelOpenFailure(reason) => Ok(match reason {
            russh::ChannelOpenFailure::AdministrativelyProhibited => "it is not allowed".to_owned(),
            russh::ChannelOpenFailure::ConnectFailed => "it cannot connect".to_owned(),
            russh::ChannelOpenFailure::UnknownChannelType => "it knows no such channel".to_owned(),
            russh::ChannelOpenFailure::ResourceShortage => "it has no room for more".to_owned(),
            russh::ChannelOpenFailure::Other { .. } => String::new(),
        }),
        error => Err(error.into()),
    }
}

/// Waits for the answer to a channel request.
async fn confirm(
    channel: &mut russh::Channel<Msg>,
    what: &'static str,
) -> Result<(), TransportError> {
    loop {
        match channel.wait().await {
            Some(ChannelMsg::Success) => return Ok(()),
            Some(ChannelMsg::Failure | ChannelMsg::Close | ChannelMsg::Eof) | None => {
                return Err(TransportError::Refused { what, reason: String::new() });
            }
            // Window adjustments may come in between.
            Some(_) => {}
        }
    }
}

/// What a key exchange led to.
struct Exchanged<H: Handler> {
    handle: Result<Handle<H>, H::Error>,
    /// What the server offered, where its first message could be read.
    offer: Option<Offer>,
    /// Ends the library's task when it is dropped, whatever the device does.
    holder: DropGuard,
}

/// Exchanges keys with a server that identified itself.
async fn exchange<H: Handler + Send + 'static>(
    config: Config,
    identified: Identified<BoxedStream>,
    client: H,
) -> Exchanged<H> {
    let (wire, overheard, holder) = Wire::new(identified.head, identified.stream);
    let handle = connect_stream(Arc::new(config), wire, client).await;
    Exchanged { handle, offer: overheard.offer(), holder }
}

async fn identify(
    device: &Device,
    stream: BoxedStream,
) -> Result<Identified<BoxedStream>, TransportError> {
    let (address, port) = (device.address.clone(), device.port);
    let waited = device.timeouts.connect;
    let mut head = Vec::with_capacity(256);
    let sniffed = tokio::time::timeout(waited, ident::sniff(stream, &mut head)).await;
    let sent = || {
        let printable = |c: &char| c.is_ascii_graphic() || *c == ' ';
        String::from_utf8_lossy(&head).chars().filter(printable).take(60).collect::<String>()
    };
    match sniffed {
        Ok(Ok(found)) => Ok(found),
        Ok(Err(NoIdent::Io(source))) => Err(TransportError::Connect { address, port, source }),
        Ok(Err(NoIdent::Old(ident))) => Err(TransportError::OldProtocol { address, port, ident }),
        Ok(Err(NoIdent::Other)) => Err(TransportError::NotSsh { address, port, sent: sent() }),
        Err(_elapsed) => Err(TransportError::IdentTimeout { waited, sent: sent() }),
    }
}
