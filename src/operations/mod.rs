//! The use cases in plain types: list devices, run commands, query records, read kept outputs.
//!
//! **Invariants:** the only door to devices for `mcp` and `cli`. Every command passes the gate before
//! a device is contacted. Every text that leaves here is free of secrets and control characters, and
//! was parsed before it was cleaned. One device's failure never discards another's result. This
//! module knows neither MCP nor HTTP.

mod change;
mod config;
mod devices;
mod doctor;
mod failure;
mod fan_out;
mod outputs;
mod query;
mod read_output;
mod record;
mod resolve;
mod run;
mod select;

use std::error::Error;
use std::sync::{Arc, PoisonError, RwLock};

pub use self::change::{ApplyRequest, ChangeReport, Changes, DevicePlan, PlanAnswer, PlanRequest};
pub use self::config::{Against, Source};
pub use self::devices::{DeviceEntry, DeviceFilter, DevicePage};
pub use self::doctor::{CliFacts, DeviceCheck, OfferedKind, SshFacts, Status, Step};
pub use self::failure::Failure;
use self::outputs::Outputs;
use self::query::Pages;
pub use self::query::{
    DeviceRecords, Format, QueryAnswer, QueryRequest, QueryStatus, RecordTable, TemplateUse,
};
pub use self::read_output::{OutputPage, ReadRequest};
pub use self::record::Recording;
pub use self::run::{CommandAnswer, DeviceAnswers, RunRequest};
pub use self::select::{ProgramRunner, SUBCOMMAND as SELECT_SUBCOMMAND, SelectLimits};
use crate::error::{ErrorCode, chain};
use crate::inventory::{Device, Inventory};
use crate::parse::Catalogue;
use crate::platform::{Platform, Platforms};
use crate::pool::{Counts, Pool, PoolError};
use crate::redact::{Redactor, clean};
use crate::session::SessionError;
use crate::settings::Limits;

/// How many answers are parsed at the same time.
const PARSING_AT_ONCE: u32 = 4;

/// How far a call over several devices has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// Devices that are done.
    pub done: usize,
    /// Devices in all.
    pub total: usize,
    /// The device that was done last; none before the first.
    pub device: Option<String>,
}

/// Hears about progress; called from the task that runs the call.
pub type OnProgress<'a> = &'a (dyn Fn(Progress) + Send + Sync);

/// What the use cases are made of.
#[derive(Debug)]
pub struct Parts {
    /// The devices.
    pub inventory: Arc<Inventory>,
    /// How their command lines look.
    pub platforms: Arc<Platforms>,
    /// The templates for their outputs.
    pub catalogue: Catalogue,
    /// What takes secrets out of texts and records.
    pub redactor: Redactor,
    /// The sessions to devices.
    pub pool: Pool,
    /// What is known of changes.
    pub changes: Changes,
    /// What runs programs over records.
    pub programs: ProgramRunner,
    /// Limits on work and answers.
    pub limits: Limits,
}

/// Everything the use cases work on.
#[derive(Debug)]
pub struct Operations {
    /// Replaced as a whole, and never changed; whoever has one goes on with it.
    inventory: RwLock<Arc<Inventory>>,
    platforms: Arc<Platforms>,
    catalogue: Catalogue,
    /// Our own templates alone: the checks of a change name their columns.
    own_templates: Catalogue,
    redactor: Redactor,
    pool: Pool,
    outputs: Outputs,
    /// Answers to queries of which more rows may be asked for.
    pages: Pages,
    programs: ProgramRunner,
    /// How many large answers are worked on at the same time, since each takes many times its size.
    parsing: tokio::sync::Semaphore,
    changes: Changes,
    limits: Limits,
}

impl Operations {
    /// Puts the parts together.
    pub fn new(parts: Parts) -> Self {
        let Parts { inventory, platforms, catalogue, redactor, pool, changes, programs, limits } =
            parts;
        Self {
            inventory: RwLock::new(inventory),
            platforms,
            catalogue,
            own_templates: Catalogue::built_in(),
            redactor,
            pool,
            outputs: Outputs::default(),
            pages: Pages::default(),
            programs,
            parsing: tokio::sync::Semaphore::new(PARSING_AT_ONCE as usize),
            changes,
            limits,
        }
    }

    /// The devices, as they are at this moment.
    pub fn inventory(&self) -> Arc<Inventory> {
        Arc::clone(&self.inventory.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes other devices from now on. Calls under way end with those they began with; sessions to
    /// devices that are gone or described in another way are closed, and those of a change that is
    /// not finished when it is.
    pub fn replace_inventory(&self, inventory: &Arc<Inventory>) {
        let old = {
            let mut current = self.inventory.write().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *current, Arc::clone(inventory))
        };
        self.changes.keep_devices(&old, inventory);
        self.pool.retire(inventory);
    }

    /// What the pool has at this moment.
    pub fn counts(&self) -> Counts {
        self.pool.counts()
    }

    /// The platforms.
    pub fn platforms(&self) -> &Platforms {
        &self.platforms
    }

    /// Ends what is running, changes first, and waits until every device was let go.
    pub async fn close(&self) {
        self.stop_changes().await;
        self.pool.close();
        self.pool.closed().await;
    }

    /// Finds a device or says which name may have been meant.
    fn device(&self, name: &str) -> Result<Device, Failure> {
        let inventory = self.inventory();
        inventory.device(name).cloned().ok_or_else(|| {
            let failure =
                Failure::new(ErrorCode::UnknownDevice, "no device has this name").on(&clean(name));
            match inventory.nearest(name) {
                Some(near) => failure
                    .hinting(format!("did you mean `{near}`? call list_devices for the names")),
                None => failure,
            }
        })
    }

    /// The platform of a device.
    fn platform(&self, device: &Device) -> Result<Arc<Platform>, Failure> {
        self.platforms
            .get(&device.platform)
            .map_err(|error| self.failed(error.code(), &error, device))
    }

    /// Makes a text of a device fit to be shown.
    fn show(&self, text: &str) -> String {
        clean(&self.redactor.redact(text)).into_owned()
    }

    /// Makes what a caller typed fit to be shown on one line.
    fn show_line(&self, text: &str) -> String {
        self.show(text).replace('\n', "\\x0a").replace('\t', "\\x09")
    }

    /// Turns an error into what callers see; the log gets the whole chain. Errors may quote what a
    /// device said, so they are cleaned like any other text of a device.
    fn failed(&self, code: ErrorCode, error: &dyn Error, device: &Device) -> Failure {
        let message = self.show(&chain(error));
        tracing::info!(device = %device.name, %code, message, "a device failed");
        Failure::new(code, message).on(device.name.as_str())
    }

    fn pool_failure(&self, error: &PoolError, device: &Device) -> Failure {
        let failure = self.failed(error.code(), error, device);
        match error {
            PoolError::Transport(cause) => match cause.advice(device.name.as_str()) {
                Some(advice) => failure.hinting(advice),
                None => failure,
            },
            _ => failure,
        }
    }

    fn session_failure(&self, error: &SessionError, device: &Device, command: &str) -> Failure {
        self.failed(error.code(), error, device).with_command(command)
    }
}
