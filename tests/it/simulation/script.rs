//! What our side does in every schedule, and what must hold whatever goes wrong.

use std::collections::HashMap;
use std::error::Error;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use vty_mcp::error::{ErrorCode, chain};
use vty_mcp::inventory::Device;
use vty_mcp::platform::Platforms;
use vty_mcp::policy::permit_read;
use vty_mcp::pool::{Counts, Pool, PoolError};

use super::network::Control;

/// A call that waits for others and then meets every limit of its own ends within this time.
const LONGEST_CALL: Duration = Duration::from_secs(150);
/// How long after the world is healed a call must have succeeded.
const RECOVERY: Duration = Duration::from_secs(60);
/// How long everything may take to end.
const GOODBYE: Duration = Duration::from_secs(20);

/// The commands of a schedule, on every platform.
pub(super) fn commands(platform: &str) -> [&'static str; 2] {
    ["show version", if platform == "frr" { "show ip route" } else { "show logging" }]
}

/// How far the script is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    Opening,
    FirstShow,
    Idle,
    SecondShow,
    /// Whatever is wrong must be put right now.
    Healing,
    Closing,
}

/// What the script and the world tell one another.
#[derive(Debug)]
pub(super) struct Shared(Mutex<State>);

#[derive(Debug)]
struct State {
    stage: Stage,
    struck: bool,
    healed: bool,
    violations: Vec<String>,
    outputs: HashMap<&'static str, String>,
    codes: Vec<&'static str>,
}

impl Shared {
    pub(super) fn new() -> Self {
        Self(Mutex::new(State {
            stage: Stage::Opening,
            struck: false,
            healed: false,
            violations: Vec::new(),
            outputs: HashMap::new(),
            codes: Vec::new(),
        }))
    }

    pub(super) fn stage(&self) -> Stage {
        self.0.lock().unwrap().stage
    }

    fn enter(&self, stage: Stage) {
        self.0.lock().unwrap().stage = stage;
    }

    pub(super) fn strike(&self) {
        self.0.lock().unwrap().struck = true;
    }

    pub(super) fn heal(&self) {
        self.0.lock().unwrap().healed = true;
    }

    pub(super) fn is_healed(&self) -> bool {
        self.0.lock().unwrap().healed
    }

    pub(super) fn violated(&self, what: String) {
        self.0.lock().unwrap().violations.push(what);
    }

    pub(super) fn violations(&self) -> Vec<String> {
        self.0.lock().unwrap().violations.clone()
    }

    pub(super) fn outputs(&self) -> HashMap<&'static str, String> {
        self.0.lock().unwrap().outputs.clone()
    }

    /// How the calls ended, in their order.
    pub(super) fn codes(&self) -> Vec<&'static str> {
        self.0.lock().unwrap().codes.clone()
    }
}

/// Why a call failed.
struct Failure {
    code: ErrorCode,
    text: String,
    leased: bool,
}

impl Failure {
    fn new(code: ErrorCode, error: &(dyn Error + 'static), leased: bool) -> Self {
        Self { code, text: format!("{} {error:?}", chain(error)), leased }
    }

    /// Whether a network or a device that fails may make this of a call.
    fn is_expected(&self) -> bool {
        let codes: &[&str] = if self.leased {
            &["session_lost", "command_timeout"]
        } else {
            &["connect_failed", "connect_timeout", "session_lost", "prompt_timeout", "circuit_open"]
        };
        codes.contains(&self.code.as_str())
    }
}

/// Our side.
pub(super) struct Script {
    pub(super) pool: Arc<Pool>,
    pub(super) platforms: Arc<Platforms>,
    pub(super) device: Arc<Device>,
    pub(super) shared: Arc<Shared>,
    pub(super) control: Arc<Control>,
    /// What each command prints; empty while that is found out.
    pub(super) expected: Arc<HashMap<&'static str, String>>,
    pub(super) secrets: Vec<String>,
    pub(super) idle: Duration,
    pub(super) callers: usize,
    /// Whether a session that was used a moment ago is taken without a proof.
    pub(super) trusting: bool,
}

impl Script {
    pub(super) async fn run(self) {
        let commands = commands(self.device.platform.as_str());
        self.ask(commands[0], Some(Stage::FirstShow)).await;
        self.shared.enter(Stage::Idle);
        sleep(self.idle).await;
        self.shared.enter(Stage::SecondShow);
        let asks = (0..self.callers).map(|n| self.ask(commands[(n + 1) % 2], None));
        futures::future::join_all(asks).await;
        self.shared.enter(Stage::Healing);
        while !self.shared.is_healed() {
            sleep(Duration::from_millis(20)).await;
        }
        self.recover(commands[1]).await;
        self.shared.enter(Stage::Closing);
        self.close().await;
    }

    /// The world is healed, so a call succeeds before long.
    async fn recover(&self, command: &'static str) {
        let began = Instant::now();
        while !self.ask(command, None).await {
            if began.elapsed() > RECOVERY {
                return self.shared.violated("no call succeeds after all is well".to_owned());
            }
            sleep(Duration::from_secs(2)).await;
        }
    }

    /// Nothing is left of what was opened.
    async fn close(&self) {
        let counts = self.pool.counts();
        if (counts.leased, counts.opening, counts.waiting) != (0, 0, 0) || counts.parked > 1 {
            self.shared.violated(format!("while nobody asks for anything: {counts:?}"));
        }
        self.pool.close();
        if timeout(GOODBYE, self.pool.closed()).await.is_err() {
            self.shared.violated("a lease or a session was not given back".to_owned());
        }
        if self.pool.counts() != Counts::default() {
            self.shared.violated(format!("after the end: {:?}", self.pool.counts()));
        }
        let began = Instant::now();
        while self.control.connections() > 0 {
            if began.elapsed() > GOODBYE {
                let count = self.control.connections();
                return self.shared.violated(format!("{count} connections are still open"));
            }
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// Runs one command; whether it succeeded. `running` is the stage that begins with it.
    async fn ask(&self, command: &'static str, running: Option<Stage>) -> bool {
        let call = timeout(LONGEST_CALL, self.call(command, running)).await;
        let mut state = self.shared.0.lock().unwrap();
        let failure = match call {
            Err(_elapsed) => {
                let stage = state.stage;
                state.violations.push(format!("`{command}` did not end, {stage:?}"));
                return false;
            }
            Ok(Ok(text)) => {
                let expected = self.expected.get(command);
                if expected.is_some_and(|expected| *expected != text) {
                    let stage = state.stage;
                    state.violations.push(format!("{stage:?}: `{command}` printed {text:?}"));
                }
                state.outputs.insert(command, text);
                state.codes.push("none");
                return true;
            }
            Ok(Err(failure)) => failure,
        };
        state.codes.push(failure.code.as_str());
        if !state.struck {
            state.violations.push(format!("failed though nothing was wrong: {}", failure.text));
        } else if !failure.is_expected() {
            state.violations.push(format!("{}: {}", failure.code.as_str(), failure.text));
        }
        if self.secrets.iter().any(|secret| failure.text.contains(secret)) {
            state.violations.push(format!("a secret in {}", failure.text));
        }
        false
    }

    async fn call(&self, command: &'static str, running: Option<Stage>) -> Result<String, Failure> {
        let cancel = CancellationToken::new();
        let lease = if self.trusting {
            Box::pin(self.pool.lease_for_reading(&self.device, &cancel)).await
        } else {
            Box::pin(self.pool.lease(&self.device, &cancel)).await
        };
        let unleased = |error: PoolError| Failure::new(error.code(), &error, false);
        let mut lease = lease.map_err(unleased)?;
        if let Some(stage) = running {
            self.shared.enter(stage);
        }
        let platform = self.platforms.get(&self.device.platform).unwrap();
        let permitted = permit_read(&platform, command).unwrap();
        let mut result = Box::pin(lease.run(&permitted, &cancel)).await;
        // As the operations do: a session that was taken on trust and was dead costs nothing.
        if lease.is_stale() {
            Box::pin(self.pool.renew(&mut lease, &cancel)).await.map_err(unleased)?;
            result = Box::pin(lease.run(&permitted, &cancel)).await;
        }
        self.pool.give_back(lease).await;
        let output = result.map_err(|error| Failure::new(error.code(), &error, true))?;
        if output.is_cut() || output.rejected.is_some() || output.declined.is_some() {
            self.shared.violated(format!("`{command}` ended as {output:?}"));
        }
        Ok(output.text)
    }
}
