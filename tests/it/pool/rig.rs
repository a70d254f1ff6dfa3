//! The pool by itself over simulated devices, with rules of the test's choice.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use vty_mcp::inventory::{Device, Inventory, LoadOptions, parse};
use vty_mcp::lab::{Lab, LabDevice};
use vty_mcp::platform::Platforms;
use vty_mcp::policy::permit_read;
use vty_mcp::pool::{Counts, Lease, Pool, PoolError, PoolRules};

use crate::support::{SOON, credentials, dialer};

pub(super) struct Rig {
    pub(super) lab: Lab,
    pub(super) pool: Arc<Pool>,
    pub(super) inventory: Arc<Inventory>,
    pub(super) platforms: Arc<Platforms>,
    _directory: TempDir,
}

/// Reads an inventory of the lab's own making.
pub(super) fn inventory(platforms: &Platforms, value: &Value) -> Arc<Inventory> {
    let resolve = |name: &str| platforms.resolve(name);
    let options = LoadOptions {
        resolve_platform: &resolve,
        platform_names: platforms.names().map(ToString::to_string).collect(),
        strict_files: false,
        allow_proxy_commands: false,
    };
    let loaded = parse(&value.to_string(), "devices.json".as_ref(), &options);
    Arc::new(loaded.unwrap().inventory)
}

impl Rig {
    pub(super) async fn start(devices: Vec<LabDevice>) -> Self {
        Self::with_rules(devices, PoolRules::default()).await
    }

    pub(super) async fn with_rules(devices: Vec<LabDevice>, rules: PoolRules) -> Self {
        let lab = Lab::start(devices).await.unwrap();
        let directory = tempfile::tempdir().unwrap();
        let platforms = Arc::new(Platforms::embedded());
        let inventory = inventory(&platforms, &lab.inventory());
        let dialer = dialer(directory.path());
        let pool = Pool::new(Arc::clone(&platforms), dialer, credentials(), 1 << 20);
        let pool = Arc::new(pool.with_rules(rules, None));
        Self { lab, pool, inventory, platforms, _directory: directory }
    }

    pub(super) fn device(&self, name: &str) -> Device {
        self.inventory.device(name).unwrap().clone()
    }

    pub(super) async fn lease(&self, device: &Device) -> Result<Lease, PoolError> {
        self.pool.lease(device, &CancellationToken::new()).await
    }

    /// Asks on a lease; the answer must be whole.
    pub(super) async fn ask(&self, device: &Device, lease: &mut Lease) {
        let platform = self.platforms.get(&device.platform).unwrap();
        let command = permit_read(&platform, "show version").unwrap();
        lease.run(&command, &CancellationToken::new()).await.unwrap();
    }

    /// Waits until the pool is in some state.
    pub(super) async fn until(&self, wanted: impl Fn(Counts) -> bool) -> Counts {
        let waiting = async {
            loop {
                let counts = self.pool.counts();
                if wanted(counts) {
                    return counts;
                }
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        let reached = tokio::time::timeout(SOON, waiting).await;
        reached.unwrap_or_else(|_| panic!("it stays at {:?}", self.pool.counts()))
    }

    /// Closes everything; nothing may be left anywhere.
    pub(super) async fn stop(self) {
        self.pool.close();
        tokio::time::timeout(SOON, self.pool.closed()).await.unwrap();
        assert_eq!(self.pool.counts(), Counts::default());
        for device in self.lab.devices() {
            device.wait_for(SOON, |seen| seen.open_connections == 0).await.unwrap();
        }
        self.lab.stop().await.unwrap();
    }
}
