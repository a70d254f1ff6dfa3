//! A simulated device and the sessions that are opened on it, their bytes cut as a test wants.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_util::sync::CancellationToken;
use vty_mcp::credential::LoginProof;
use vty_mcp::inventory::{self, Device, LoadOptions};
use vty_mcp::lab::{Echo, Faults, Lab, LabDevice, Observed, Personality, RunningDevice};
use vty_mcp::platform::{ModeName, Platform, Platforms};
use vty_mcp::policy::{Permitted, permit_read};
use vty_mcp::session::{Limits, LoginSecrets, Output, Prompt, Session, SessionError, TypedLine};
use vty_mcp::transport::{Connection, Pty, Shell};

use super::cases::Case;
use crate::support::{SOON, credentials, dialer};

/// The device's name in the inventory, in its prompt and in what is expected of it.
pub(super) const NAME: &str = "r1";

/// How the bytes of a session are cut before the driver reads them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cuts {
    /// As they come.
    Whole,
    /// Each byte is a packet of its own on the wire.
    Bytes,
    /// At places that this seed decides.
    Random(u64),
}

/// A device that runs, and all that a login to it needs.
pub(super) struct Rig {
    lab: Lab,
    pub(super) platform: Arc<Platform>,
    device: Device,
    cuts: Cuts,
    directory: TempDir,
    pub(super) limits: Limits,
    /// Whether the device, which echoes nothing, ends the line on the screen at Enter.
    silent_but_for_enter: bool,
}

impl Rig {
    /// Starts the case's device with faults, taught the suite's own commands.
    pub(super) async fn start(case: &Case, faults: Faults, cuts: Cuts) -> Self {
        Self::start_with(case, faults, cuts, |device| device).await
    }

    pub(super) async fn start_with(
        case: &Case,
        faults: Faults,
        cuts: Cuts,
        change: impl FnOnce(LabDevice) -> LabDevice,
    ) -> Self {
        let personality =
            Personality::parse(&case.name, &case.personality(faults.paging_stays_on)).unwrap();
        let chunk_size = if cuts == Cuts::Bytes { Some(1) } else { faults.chunk_size };
        let asks = case.asks_secret();
        let silent_but_for_enter = faults.echo == Echo::Off;
        let device = LabDevice::with_personality(NAME, personality).hostname(&case.hostname);
        let device = device.faults(Faults { chunk_size, ..faults });
        let device = if asks { device.enable_secret("made-up") } else { device };
        let lab = Lab::start(vec![change(device)]).await.unwrap();
        let platforms = Platforms::embedded();
        let platform = platforms.get(&platforms.resolve(&case.name).unwrap()).unwrap();
        let directory = tempfile::tempdir().unwrap();
        let options = LoadOptions {
            resolve_platform: &|name| platforms.resolve(name),
            platform_names: Vec::new(),
            strict_files: false,
            allow_proxy_commands: false,
        };
        let text = lab.inventory().to_string();
        let loaded = inventory::parse(&text, directory.path(), &options).unwrap();
        let mut device = loaded.inventory.device(NAME).unwrap().clone();
        device.username.push_str(&platform.terminal.username_suffix);
        let limits = Limits {
            prompt_timeout: Duration::from_secs(50),
            idle_timeout: Duration::from_secs(30),
            command_timeout: Duration::from_secs(50),
            output_limit: 1 << 22,
        };
        Self { lab, platform, device, cuts, directory, limits, silent_but_for_enter }
    }

    /// Logs in.
    pub(super) async fn open(&self) -> Result<Cli, SessionError> {
        let login = credentials().login(&self.device).await.unwrap();
        let reached = dialer(self.directory.path()).reach(&self.device, None).await.unwrap();
        let connection = Box::pin(reached.log_in(&login, &|_| None)).await.unwrap();
        let terminal = &self.platform.terminal;
        let pty = Pty { kind: &terminal.kind, width: terminal.width, height: terminal.height };
        let shell = connection.shell(pty, SOON).await.unwrap();
        let LoginProof::Password(password) = login.proof else { panic!("a password") };
        let secrets = LoginSecrets {
            username: login.username,
            password: Some(password),
            enable: login.enable,
        };
        let pending = self.silent_but_for_enter.then(VecDeque::new);
        let enter = terminal.newline.bytes().last().unwrap();
        let shell = Recut { inner: shell, seed: self.cuts.seed(), enter, pending };
        let platform = Arc::clone(&self.platform);
        let session = Session::open(shell, Arc::clone(&platform), secrets, self.limits).await?;
        Ok(Cli { session, platform, connection })
    }

    fn running(&self) -> &RunningDevice {
        self.lab.device(NAME).unwrap()
    }

    pub(super) fn seen(&self) -> Observed {
        self.running().observed()
    }

    pub(super) async fn wait_for(&self, wanted: impl FnMut(&Observed) -> bool) -> Observed {
        self.running().wait_for(SOON, wanted).await.unwrap()
    }

    /// Ends the device; one that panicked fails the test with its own words.
    pub(super) async fn stop(self) {
        self.lab.stop().await.unwrap();
    }
}

/// A session and the connection that carries it.
pub(super) struct Cli {
    session: Session<Recut<Shell>>,
    platform: Arc<Platform>,
    #[expect(dead_code, reason = "the session lives as long as its connection")]
    connection: Connection,
}

impl Cli {
    pub(super) async fn run(&mut self, command: &str) -> Result<Output, SessionError> {
        let permitted = permit_read(&self.platform, command).unwrap();
        self.run_permitted(&permitted, &CancellationToken::new()).await
    }

    pub(super) async fn run_permitted(
        &mut self,
        permitted: &Permitted,
        cancel: &CancellationToken,
    ) -> Result<Output, SessionError> {
        self.session.run(permitted, cancel).await
    }

    pub(super) async fn enter_mode(&mut self, mode: &ModeName) -> Result<(), SessionError> {
        self.session.enter_mode(mode).await
    }

    /// Types a line as the platform file would.
    pub(super) async fn type_line(&mut self, line: &str) -> Result<Output, SessionError> {
        self.session.type_line(TypedLine::Platform(line), &[]).await
    }

    pub(super) fn prompt(&self) -> &Prompt {
        self.session.prompt()
    }

    pub(super) fn is_usable(&self) -> bool {
        self.session.is_usable()
    }
}

impl Cuts {
    fn seed(self) -> Option<u64> {
        match self {
            Self::Random(seed) => Some(seed),
            Self::Whole | Self::Bytes => None,
        }
    }
}

/// Hands on what it reads in pieces whose sizes a seed decides.
struct Recut<S> {
    inner: S,
    seed: Option<u64>,
    /// What ends a line that is typed.
    enter: u8,
    /// Ends of lines that were typed and not shown yet, where Enter alone is echoed.
    pending: Option<VecDeque<u8>>,
}

/// The longest piece, in bytes.
const MOST: u64 = 40;

impl<S: AsyncRead + Unpin> AsyncRead for Recut<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        if let Some(byte) = self.pending.as_mut().and_then(VecDeque::pop_front) {
            buffer.put_slice(&[byte]);
            return Poll::Ready(Ok(()));
        }
        let Some(mut seed) = self.seed else {
            return Pin::new(&mut self.inner).poll_read(context, buffer);
        };
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        let size = usize::try_from(1 + seed % MOST).unwrap().min(buffer.remaining());
        let mut piece = vec![0; size];
        let mut piece = ReadBuf::new(&mut piece);
        let read = Pin::new(&mut self.inner).poll_read(context, &mut piece);
        if read.is_ready() {
            self.seed = Some(seed);
            buffer.put_slice(piece.filled());
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Recut<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write(context, bytes);
        let enter = self.enter;
        if let (Poll::Ready(Ok(count)), Some(pending)) = (&written, &mut self.pending) {
            let ends = bytes[..*count].iter().filter(|byte| **byte == enter);
            pending.extend(ends.flat_map(|_| b"\r\n"));
        }
        written
    }

    fn poll_flush(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}
