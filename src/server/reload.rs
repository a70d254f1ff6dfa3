//! Takes a device file that was changed while the server runs.
//!
//! **Invariants:** all or nothing: a file with any problem leaves the devices as they were, and each
//! version of it is complained about once. Tokens and settings are not read again.
//!
//! The file is looked at every two seconds instead of waiting for the system's word, because that
//! word does not come where containers mount single files or swap symbolic links.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::load_inventory;
use crate::inventory::{Inventory, InventoryError, Loaded};
use crate::operations::Operations;
use crate::settings::Settings;

/// How often the file is looked at.
pub const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Hears of new devices before anybody can use them, so that their secrets are known to be secret.
pub type OnDevices = Box<dyn Fn(&Inventory) + Send + Sync>;

/// Watches a device file.
pub struct Reload {
    settings: Arc<Settings>,
    operations: Arc<Operations>,
    on_devices: OnDevices,
    /// What the devices were read from.
    read: FileVersion,
    every: Duration,
}

impl std::fmt::Debug for Reload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reload").field("file", &self.settings.inventory).finish_non_exhaustive()
    }
}

/// What tells one version of a file from another without reading it. Symbolic links are followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Look {
    modified: Option<SystemTime>,
    length: u64,
    file: u64,
}

/// One version of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileVersion {
    look: Option<Look>,
    /// Of its content; none where it cannot be read.
    hash: Option<u64>,
}

impl FileVersion {
    /// Reads the version that is there now.
    pub fn of(path: &Path) -> Self {
        // What it looks like comes first: were it replaced in between, it would look changed next
        // time.
        Self { look: look(path), hash: content_hash(path) }
    }
}

/// Whether a file that looks the same is read again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Read {
    IfItLooksChanged,
    Always,
}

impl Reload {
    /// Watches the device file of these settings for these use cases, whose devices were read from
    /// `read` or something later.
    pub fn new(
        settings: &Settings,
        operations: Arc<Operations>,
        read: FileVersion,
        on_devices: OnDevices,
    ) -> Self {
        let settings = Arc::new(settings.clone());
        Self { settings, operations, on_devices, read, every: LOOK_EVERY }
    }

    /// Looks at the file so often.
    #[must_use]
    pub fn every(mut self, every: Duration) -> Self {
        self.every = every;
        self
    }

    /// Watches until `shutdown` is cancelled. What arrives through `asked` has the file read at
    /// once, whatever it looks like.
    pub async fn watch(self, mut asked: mpsc::Receiver<()>, shutdown: CancellationToken) {
        let path = self.settings.inventory.clone();
        let mut known = self.read;
        let mut ticks = tokio::time::interval(self.every);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let read = tokio::select! {
                () = shutdown.cancelled() => return,
                _ = ticks.tick() => Read::IfItLooksChanged,
                Some(()) = asked.recv() => Read::Always,
            };
            let looked = blocking(path.clone(), look).await.flatten();
            if read == Read::IfItLooksChanged && looked == known.look {
                continue;
            }
            let Some(is) = blocking(path.clone(), FileVersion::of).await else { continue };
            let changed = is.hash != known.hash;
            known = is;
            if changed || read == Read::Always {
                self.reload().await;
            }
        }
    }

    async fn reload(&self) {
        let (settings, operations) = (Arc::clone(&self.settings), Arc::clone(&self.operations));
        let loading =
            tokio::task::spawn_blocking(move || load_inventory(&settings, operations.platforms()));
        match loading.await {
            Ok(loaded) => self.take(loaded),
            Err(error) => tracing::error!(%error, "reading the device file ended without a result"),
        }
    }

    fn take(&self, loaded: Result<Loaded, InventoryError>) {
        match loaded {
            Ok(loaded) => {
                for notice in &loaded.notices {
                    tracing::warn!(event = "inventory_notice", "{notice}");
                }
                let devices = loaded.inventory.len();
                (self.on_devices)(&loaded.inventory);
                self.operations.replace_inventory(&Arc::new(loaded.inventory));
                tracing::info!(event = "inventory_reloaded", devices, "the device file was read");
            }
            Err(error) => {
                tracing::warn!(
                    event = "inventory_refused",
                    "the device file cannot be used; the devices stay as they were"
                );
                for line in error.report().lines() {
                    tracing::warn!(event = "inventory_problem", "{line}");
                }
            }
        }
    }
}

async fn blocking<T: Send + 'static>(
    path: PathBuf,
    work: impl FnOnce(&Path) -> T + Send + 'static,
) -> Option<T> {
    tokio::task::spawn_blocking(move || work(&path)).await.ok()
}

fn look(path: &Path) -> Option<Look> {
    let metadata = std::fs::metadata(path).ok()?;
    let (modified, length) = (metadata.modified().ok(), metadata.len());
    Some(Look { modified, length, file: number(&metadata) })
}

#[cfg(unix)]
fn number(metadata: &std::fs::Metadata) -> u64 {
    use std::os::unix::fs::MetadataExt;
    metadata.ino()
}

/// Windows numbers no files that the standard library could tell.
#[cfg(not(unix))]
fn number(_metadata: &std::fs::Metadata) -> u64 {
    0
}

/// Not for keeping: it differs from one build of this program to another.
fn content_hash(path: &Path) -> Option<u64> {
    let mut hasher = DefaultHasher::new();
    std::fs::read(path).ok()?.hash(&mut hasher);
    Some(hasher.finish())
}
