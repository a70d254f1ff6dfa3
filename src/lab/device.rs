//! A device of the lab: how it is described, and what of it runs.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use russh::keys::ssh_key::HashAlg;
use russh::keys::{PrivateKey, PublicKey};
use russh::server::Config;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use super::chassis::Chassis;
use super::configuration::{Configuration, PendingRevert};
use super::error::LabError;
use super::faults::Faults;
use super::greeting::greet;
use super::link::{Cutter, Link, LinkRules, Links};
use super::login::LoginRules;
use super::observed::{Observed, Recorder};
use super::personality::Personality;
use super::spec::LabDevice;
use super::ssh::{self, Connection};
use super::tasks::Tasks;

/// What the tasks of a device share.
pub(super) struct Device {
    pub(super) hostname: String,
    pub(super) ident: String,
    pub(super) forwards: bool,
    pub(super) role: String,
    pub(super) enable_secret: Option<String>,
    pub(super) personality: Arc<Personality>,
    pub(super) faults: Arc<Faults>,
    pub(super) login: LoginRules,
    pub(super) recorder: Arc<Recorder>,
    pub(super) chassis: Arc<Chassis>,
    pub(super) tasks: Tasks,
    links: Arc<Links>,
    rules: LinkRules,
    end: CancellationToken,
}

/// A device that runs.
pub struct RunningDevice {
    spec: LabDevice,
    config: Arc<Config>,
    address: SocketAddr,
    fingerprint: String,
    public_key: String,
    device: Arc<Device>,
}

impl std::fmt::Debug for RunningDevice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RunningDevice")
            .field("name", &self.spec.name)
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

impl RunningDevice {
    /// Makes the device and has it listen.
    pub(super) async fn start(spec: LabDevice, lab: &CancellationToken) -> Result<Self, LabError> {
        let mut running = Self::prepare(spec, lab)?;
        let (spec, wanted) = (&running.spec, running.address);
        let failed =
            |source| LabError::Listen { device: spec.name.clone(), address: wanted, source };
        let listener = TcpListener::bind(wanted).await.map_err(failed)?;
        running.address = listener.local_addr().map_err(failed)?;
        let (device, config) = (Arc::clone(&running.device), Arc::clone(&running.config));
        running.device.tasks.spawn(accept(device, config, listener));
        Ok(running)
    }

    /// Makes the device, which listens nowhere.
    pub(super) fn prepare(spec: LabDevice, lab: &CancellationToken) -> Result<Self, LabError> {
        let personality = spec.load_personality()?;
        let host_key = spec.host_key.make();
        let host_key =
            host_key.map_err(|source| LabError::HostKey { device: spec.name.clone(), source })?;
        let preferred = spec.algorithms.preferred(&host_key.algorithm());
        let preferred = preferred.map_err(|algorithm| LabError::UnknownAlgorithm {
            device: spec.name.clone(),
            algorithm,
        })?;
        let faults = Arc::new(spec.faults.clone());
        let chassis = Chassis::new(start_configuration(&spec, &personality, &faults)?);
        let user_ca = public_keys(&spec, spec.user_ca.as_slice())?.pop();
        let end = lab.child_token();
        let device = Arc::new(Device {
            hostname: spec.hostname.clone(),
            ident: spec.ident.clone().unwrap_or_else(|| personality.ident.clone()),
            forwards: spec.forwards,
            role: spec.role.clone(),
            enable_secret: spec.enable_secret.clone(),
            personality,
            rules: LinkRules {
                drop_after: faults.drop_after_bytes,
                silent_after: faults.silent_after_bytes,
                trickle: faults.trickle,
                resets: faults.resets,
            },
            faults,
            login: spec.login_rules(public_keys(&spec, &spec.authorized_keys)?, user_ca),
            recorder: Arc::new(Recorder::new()),
            chassis: Arc::new(chassis),
            tasks: Tasks::default(),
            links: Arc::new(Links::new(end.clone())),
            end,
        });
        let public_key = public_line(&host_key);
        let fingerprint = host_key.fingerprint(HashAlg::Sha256).to_string();
        let config = Arc::new(ssh::config(&device, host_key, preferred));
        let address = SocketAddr::new(spec.bind, spec.port);
        Ok(Self { spec, config, address, fingerprint, public_key, device })
    }

    /// Serves one client on a stream of any kind, such as one of a simulated network, until either
    /// side ends it. Dropping the future ends the connection, and its shells soon after.
    pub async fn serve<S>(&self, stream: S)
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let (device, config) = (Arc::clone(&self.device), Arc::clone(&self.config));
        connection(device, config, stream, |_| {}).await;
    }

    /// The name in the inventory.
    pub fn name(&self) -> &str {
        &self.spec.name
    }

    /// The platform, such as `cisco_ios`.
    pub fn platform(&self) -> &str {
        self.device.personality.name()
    }

    /// Where clients reach it: a device that listens everywhere is reached on loopback.
    pub fn address(&self) -> SocketAddr {
        match self.address.ip() {
            ip if ip.is_unspecified() => {
                SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), self.address.port())
            }
            _ => self.address,
        }
    }

    /// The user who may log in.
    pub fn username(&self) -> &str {
        &self.spec.username
    }

    /// The user's password.
    pub fn password(&self) -> &str {
        &self.spec.password
    }

    /// The privileged password, where one is asked for.
    pub fn enable_secret(&self) -> Option<&str> {
        self.spec.enable_secret.as_deref()
    }

    /// The host key's fingerprint, `SHA256:…`.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// The public host key as in an OpenSSH key file, without a comment.
    pub fn public_key(&self) -> &str {
        &self.public_key
    }

    /// What the device saw up to now.
    pub fn observed(&self) -> Observed {
        self.device.recorder.snapshot()
    }

    /// Waits until what the device saw is as wanted. Fails when it is not within `limit`.
    pub async fn wait_for(
        &self,
        limit: Duration,
        wanted: impl FnMut(&Observed) -> bool,
    ) -> Result<Observed, LabError> {
        self.device.recorder.wait_for(limit, wanted).await.ok_or_else(|| LabError::NotObserved {
            device: self.spec.name.clone(),
            waited_ms: limit.as_millis(),
        })
    }

    /// The configuration it runs on, without what `show running-config` prints around it.
    pub fn running_configuration(&self) -> String {
        self.device.chassis.configuration.running_text()
    }

    /// The configuration it would start on; on Junos the committed one.
    pub fn startup_configuration(&self) -> String {
        self.device.chassis.configuration.startup_text()
    }

    /// The change that will be taken back unless it is confirmed.
    pub fn pending(&self) -> Option<PendingRevert> {
        self.device.chassis.configuration.pending()
    }

    /// The names of the configuration sessions that are not committed for good.
    pub fn configuration_sessions(&self) -> Vec<String> {
        self.device.chassis.configuration.open_sessions()
    }

    /// Who edits the configuration exclusively.
    pub fn configuration_locked_by(&self) -> Option<String> {
        self.device.chassis.configuration.lock_holder()
    }

    /// Moves the clock of the device's revert timer ahead, which also goes by itself.
    pub fn advance(&self, time: Duration) {
        self.device.chassis.configuration.advance(time);
    }

    pub(super) fn spec(&self) -> &LabDevice {
        &self.spec
    }

    pub(super) fn cut(&self) {
        self.device.end.cancel();
    }

    /// Waits for the device's tasks. Fails when one of them panicked.
    pub(super) async fn join(&self) -> Result<(), LabError> {
        match self.device.tasks.join().await {
            Some(message) => Err(LabError::Panicked { device: self.spec.name.clone(), message }),
            None => Ok(()),
        }
    }
}

fn start_configuration(
    spec: &LabDevice,
    personality: &Personality,
    faults: &Arc<Faults>,
) -> Result<Configuration, LabError> {
    let rules = Arc::clone(&personality.configuration);
    let started =
        Configuration::new(rules, Arc::clone(faults), &spec.hostname, &spec.without_statements);
    started.map_err(|_| LabError::Configuration { name: personality.name().to_owned() })
}

fn public_keys(spec: &LabDevice, lines: &[String]) -> Result<Vec<PublicKey>, LabError> {
    let parse = |line: &String| {
        PublicKey::from_openssh(line)
            .map_err(|source| LabError::AuthorizedKey { device: spec.name.clone(), source })
    };
    lines.iter().map(parse).collect()
}

fn public_line(key: &PrivateKey) -> String {
    key.public_key().to_openssh().unwrap_or_default()
}

/// Accepts connections until the device ends. A failed accept, such as one without file
/// descriptors left, is not the end.
async fn accept(device: Arc<Device>, config: Arc<Config>, listener: TcpListener) {
    loop {
        let accepted = tokio::select! {
            biased;
            () = device.end.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            // Closed before a word is said, as an access list on the terminal lines does.
            Ok(_) if device.chassis.configuration.locks_out() => {
                device.recorder.note(|seen| seen.refused_connections += 1);
            }
            Ok((stream, _)) => {
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(%error, "the lab could not turn Nagle's algorithm off");
                }
                let (shared, config) = (Arc::clone(&device), Arc::clone(&config));
                device.tasks.spawn(connection(shared, config, stream, reset_on_drop));
            }
            Err(error) => {
                tracing::warn!(%error, "the lab could not accept a connection");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

/// Counts a connection as open while it lives.
struct OpenConnection(Arc<Recorder>);

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.note(|seen| seen.open_connections = seen.open_connections.saturating_sub(1));
    }
}

fn reset_on_drop(stream: &TcpStream) {
    if let Err(error) = stream.set_zero_linger() {
        tracing::debug!(%error, "the lab could not reset a connection");
    }
}

/// Cuts a connection when it goes, so that its shells go as well.
struct Ending(Cutter);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.cut();
    }
}

/// Serves one client. `abort` makes dropping the stream reset it.
async fn connection<S>(device: Arc<Device>, config: Arc<Config>, stream: S, abort: fn(&S))
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    device.recorder.note(|seen| {
        seen.connections += 1;
        seen.open_connections += 1;
    });
    let recorder = Arc::clone(&device.recorder);
    let _open = OpenConnection(Arc::clone(&recorder));
    let cutter = device.links.cutter();
    // The shells of a connection end with it, whatever they were doing.
    let _ending = Ending(cutter.clone());
    let handler = Connection::new(Arc::clone(&device), cutter.clone());
    let mut link = Link::new(stream, abort, device.rules.clone(), cutter, recorder);
    match greet(&mut link, &device.faults, &device.ident).await {
        Ok(true) => {}
        Ok(false) => return,
        Err(error) => return tracing::debug!(%error, "a connection to the lab ended early"),
    }
    let ended = match russh::server::run_stream(config, link, handler).await {
        Ok(session) => session.await,
        Err(error) => Err(error),
    };
    match ended {
        Ok(()) => {}
        // russh swallows the panic of a handler; this is all that is left of it.
        Err(russh::Error::Join(_)) => device.tasks.note_panic("in an SSH handler"),
        Err(error) => tracing::debug!(%error, "a connection to the lab ended"),
    }
}
