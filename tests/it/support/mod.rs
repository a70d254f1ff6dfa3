//! Simulated devices behind the real use cases, and MCP clients in front of them.

pub(crate) mod corpus;

use std::sync::Arc;
use std::time::Duration;

use rmcp::model::{CallToolRequestParams, CallToolResult, ClientConfig};
use rmcp::service::RunningService;
use rmcp::{RoleClient, ServiceExt};
use serde_json::Value;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use vty_mcp::caller::{Caller, Role};
use vty_mcp::credential::Credentials;
use vty_mcp::inventory::HostKeyPolicy;
use vty_mcp::lab::{Lab, LabDevice, Observed, RunningDevice};
use vty_mcp::operations::{CommandAnswer, DeviceAnswers, Operations, RunRequest};
use vty_mcp::secret::Secret;
use vty_mcp::server;
use vty_mcp::settings::{Overrides, Settings};
use vty_mcp::transport::{Dialer, HostKeys, Tcp};

/// How long a test waits for something that must happen.
pub(crate) const SOON: Duration = Duration::from_secs(20);

/// Simulated devices, an inventory of them and the use cases over both.
pub(crate) struct Fleet {
    pub(crate) lab: Lab,
    pub(crate) operations: Arc<Operations>,
    pub(crate) directory: TempDir,
}

impl Fleet {
    /// Starts devices with short timeouts.
    pub(crate) async fn start(devices: Vec<LabDevice>) -> Self {
        Self::start_with(devices, |_| {}).await
    }

    /// Starts devices and lets a test change the inventory before it is loaded.
    pub(crate) async fn start_with(
        devices: Vec<LabDevice>,
        change: impl FnOnce(&mut Value),
    ) -> Self {
        let lab = Lab::start(devices).await.unwrap();
        let directory = tempfile::tempdir().unwrap();
        let mut inventory = lab.inventory();
        inventory["defaults"]["timeouts"] = serde_json::json!({
            "connect_seconds": 5, "auth_seconds": 10, "idle_seconds": 10, "command_seconds": 30
        });
        change(&mut inventory);
        let path = directory.path().join("devices.json");
        write_private(&path, &inventory.to_string());
        let operations = operations(&directory);
        Self { lab, operations, directory }
    }

    /// The same devices under other settings.
    pub(crate) fn with_settings(mut self, text: &str) -> Self {
        self.operations = server::build(&settings_of(&self.directory, text)).unwrap().operations;
        self
    }

    /// Loads the inventory again, as another process with the same state would.
    pub(crate) fn restarted(&self) -> Arc<Operations> {
        operations(&self.directory)
    }

    pub(crate) fn device(&self, name: &str) -> &RunningDevice {
        self.lab.device(name).unwrap()
    }

    /// Runs commands on devices.
    pub(crate) async fn run(&self, devices: &[&str], commands: &[&str]) -> Vec<DeviceAnswers> {
        run(&self.operations, devices, commands).await
    }

    /// Runs one command on one device.
    pub(crate) async fn ask(&self, device: &str, command: &str) -> CommandAnswer {
        self.run(&[device], &[command]).await.remove(0).answers.remove(0)
    }

    /// Waits until a device has seen something.
    pub(crate) async fn wait_for(
        &self,
        device: &str,
        wanted: impl FnMut(&Observed) -> bool,
    ) -> Observed {
        self.device(device).wait_for(SOON, wanted).await.unwrap()
    }

    /// Ends the devices; a device that panicked fails the test with its own words.
    pub(crate) async fn stop(self) {
        self.lab.stop().await.unwrap();
    }
}

/// Reaches devices over TCP and records their host keys in a directory.
pub(crate) fn dialer(directory: &std::path::Path) -> Dialer {
    let host_keys = HostKeys::new(directory.join("known_hosts"));
    Dialer::new(Arc::new(Tcp), host_keys, HostKeyPolicy::AcceptNew)
}

/// Fetches credentials, under a key that is nobody's.
pub(crate) fn credentials() -> Arc<Credentials> {
    Arc::new(Credentials::new(Secret::new([7; 32]), Box::new(|_| {})))
}

pub(crate) fn strings(words: &[&str]) -> Vec<String> {
    words.iter().map(ToString::to_string).collect()
}

pub(crate) async fn run(
    operations: &Arc<Operations>,
    devices: &[&str],
    commands: &[&str],
) -> Vec<DeviceAnswers> {
    let (devices, commands) = (strings(devices), strings(commands));
    let request = RunRequest { devices, commands, answers: Vec::new() };
    operations
        .run_commands(&Caller::local(Role::Viewer), request, &CancellationToken::new(), &|_| {})
        .await
        .unwrap()
}

fn operations(directory: &TempDir) -> Arc<Operations> {
    server::build(&settings(directory)).unwrap().operations
}

/// The settings of a fleet in this directory.
pub(crate) fn settings(directory: &TempDir) -> Settings {
    settings_of(directory, "")
}

/// The settings of a fleet with this settings file; those of the developer's own account must not
/// change a test.
fn settings_of(directory: &TempDir, text: &str) -> Settings {
    let file = directory.path().join("settings.toml");
    std::fs::write(&file, text).unwrap();
    let settings = Settings::load(Overrides {
        inventory: Some(directory.path().join("devices.json")),
        state_dir: Some(directory.path().join("state")),
        settings_file: Some(file),
        strict_files: true,
        program: Some(env!("CARGO_BIN_EXE_vty-mcp").into()),
        ..Overrides::default()
    });
    settings.unwrap()
}

pub(crate) fn write_private(path: &std::path::Path, text: &str) {
    std::fs::write(path, text).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
    }
}

pub(crate) type Client = RunningService<RoleClient, ClientConfig>;

/// Connects an MCP client that may only read to the use cases, in this process.
pub(crate) async fn connect(operations: &Arc<Operations>) -> Client {
    connect_as(operations, Role::Viewer).await
}

/// Connects an MCP client to the use cases, in this process.
pub(crate) async fn connect_as(operations: &Arc<Operations>, role: Role) -> Client {
    let (near, far) = tokio::io::duplex(1 << 16);
    let (read, write) = tokio::io::split(far);
    let caller = Caller::local(role);
    let serving = server::serve_streams(
        Arc::clone(operations),
        caller,
        read,
        write,
        CancellationToken::new(),
    );
    tokio::spawn(serving);
    ClientConfig::default().serve(near).await.unwrap()
}

/// Calls a tool.
pub(crate) async fn call(client: &Client, tool: &'static str, arguments: Value) -> CallToolResult {
    let Value::Object(arguments) = arguments else { panic!("arguments are an object") };
    let request = CallToolRequestParams::new(tool).with_arguments(arguments);
    client.call_tool(request).await.unwrap()
}

/// The text of a result.
pub(crate) fn text(result: &CallToolResult) -> String {
    let blocks = result.content.iter().filter_map(|block| block.as_text());
    blocks.map(|block| block.text.as_str()).collect()
}
