//! The composition root: the one place that knows all parts and puts them together.

use std::sync::Arc;

use super::reload::OnDevices;
use crate::credential::Credentials;
use crate::error::chain;
use crate::inventory::{
    self, Device, HostKeyPolicy, Inventory, LoadOptions, Loaded, Problem, SecretSource,
};
use crate::operations::{Changes, Operations, Parts, ProgramRunner, SelectLimits};
use crate::parse::catalogue::{Roots, installed};
use crate::parse::{Catalogue, ParseError};
use crate::platform::{Origin, PlatformError, Platforms};
use crate::policy::case_problems;
use crate::pool::{Pool, PoolRules};
use crate::redact::Redactor;
use crate::secret::Secret;
use crate::settings::{Settings, TemplateSettings};
use crate::store::{StateDirectory, Store};
use crate::transport::{Dialer, HostKeys, Tcp};

/// Everything that keeps the program from starting, for people.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub struct StartError(pub Vec<String>);

/// What is ready to serve.
#[derive(Debug)]
pub struct Built {
    /// The use cases.
    pub operations: Arc<Operations>,
    /// What is remembered between runs.
    pub store: Arc<Store>,
    /// What the operator should know, though it does not keep the program from starting.
    pub notices: Vec<Problem>,
    /// What takes secrets out of texts.
    redactor: Redactor,
}

impl Built {
    /// Makes the secrets of devices known that were read later, before anybody can use them.
    pub fn on_devices(&self) -> OnDevices {
        let redactor = self.redactor.clone();
        Box::new(move |inventory| {
            for secret in own_secrets(inventory) {
                learn(&redactor, secret);
            }
        })
    }
}

fn learn(redactor: &Redactor, secret: &Secret<String>) {
    if let Err(error) = redactor.learn(secret) {
        tracing::error!("a secret cannot be taken out of outputs: {}", chain(&error));
    }
}

/// Loads everything that the settings name and puts it together. Every problem of every part is
/// reported at once.
pub fn build(settings: &Settings) -> Result<Built, StartError> {
    let platforms = load_platforms(settings);
    let state = StateDirectory::open(&settings.state_dir).and_then(|state| {
        let key = state.install_key()?;
        let store = state.database()?;
        Ok((state, Secret::new(key), Arc::new(store)))
    });
    let mut problems = Vec::new();
    let platforms = Arc::new(platforms.unwrap_or_else(|errors| {
        problems.extend(errors.iter().map(|error| chain(error)));
        Platforms::embedded()
    }));
    let catalogue = load_templates(&settings.templates).unwrap_or_else(|errors| {
        problems.extend(errors.iter().map(|error| chain(error)));
        Catalogue::built_in()
    });
    match (load_inventory(settings, &platforms), state) {
        (Ok(loaded), Ok((state, key, store))) if problems.is_empty() => {
            assemble(settings, (platforms, catalogue), loaded, &state, &key, store)
        }
        (loaded, state) => {
            problems.extend(loaded.err().map(|error| error.report()));
            problems.extend(state.err().map(|error| chain(&error)));
            Err(StartError(problems))
        }
    }
}

/// Loads the built-in platforms and those of the operator's directory.
pub fn load_platforms(settings: &Settings) -> Result<Platforms, Vec<PlatformError>> {
    let Some(directory) = &settings.platforms else { return Ok(Platforms::embedded()) };
    let platforms = Platforms::with_directory(directory)?;
    // What a file says of the gate is judged by the gate, as `platform check` does.
    let own = platforms.names().filter(|name| platforms.origin(name) != Some(&Origin::BuiltIn));
    let read = own.filter_map(|name| platforms.get(name).ok());
    let wrong = read.filter_map(|platform| {
        let problems = case_problems(&platform);
        (!problems.is_empty()).then(|| PlatformError::invalid(&platform.name, problems))
    });
    let wrong: Vec<PlatformError> = wrong.collect();
    if wrong.is_empty() { Ok(platforms) } else { Err(wrong) }
}

/// Finds the templates: those that the operator names, those of the environment's variables and those
/// that are installed, in this order, and the built-in ones behind them.
pub fn load_templates(settings: &TemplateSettings) -> Result<Catalogue, Vec<ParseError>> {
    let mut places = settings.named.clone();
    if let Some(search) = &settings.search {
        let named = search.variables.iter().map(|(name, place)| (Some(name), place.clone()));
        let (environments, home) = (search.environments.clone(), search.home.clone());
        let installed = installed(&Roots { environments, home, system: "/".into() });
        for (variable, place) in named.chain(installed.into_iter().map(|place| (None, place))) {
            // It was meant for another program, so it cannot keep this one from starting.
            match (Catalogue::look_at(&place), variable) {
                (Ok(()), _) => places.push(place),
                (Err(error), Some(variable)) => {
                    tracing::warn!("the templates that {variable} names: {}", chain(&error));
                }
                (Err(error), None) => tracing::warn!("{}", chain(&error)),
            }
        }
    }
    Catalogue::with_places(&places)
}

/// Loads the inventory that the settings name.
pub fn load_inventory(
    settings: &Settings,
    platforms: &Platforms,
) -> Result<Loaded, inventory::InventoryError> {
    let resolve = |name: &str| platforms.resolve(name);
    let options = LoadOptions {
        resolve_platform: &resolve,
        platform_names: platforms.names().map(ToString::to_string).collect(),
        strict_files: settings.strict_files,
        allow_proxy_commands: settings.allow_proxy_commands,
    };
    inventory::load(&settings.inventory, &options)
}

fn assemble(
    settings: &Settings,
    (platforms, catalogue): (Arc<Platforms>, Catalogue),
    loaded: Loaded,
    state: &StateDirectory,
    key: &Secret<[u8; 32]>,
    store: Arc<Store>,
) -> Result<Built, StartError> {
    let redactor = Redactor::new(key, own_secrets(&loaded.inventory))
        .map_err(|error| StartError(vec![chain(&error)]))?;
    let policy = if settings.accept_new_host_keys {
        HostKeyPolicy::AcceptNew
    } else {
        HostKeyPolicy::Strict
    };
    let dialer = Dialer::new(Arc::new(Tcp), HostKeys::new(state.known_hosts()), policy)
        .with_keepalive(settings.pool.keepalive);
    let learner = redactor.clone();
    let learned = Box::new(move |secret: &Secret<String>| learn(&learner, secret));
    let credentials = Credentials::new(key.clone(), learned);
    let credentials = Arc::new(credentials.with_limits(settings.credentials));
    let output_limit = settings.limits.output_bytes;
    let rules = PoolRules { limits: settings.pool, ..PoolRules::default() };
    let pool = Pool::new(Arc::clone(&platforms), dialer, credentials, output_limit)
        .with_rules(rules, Some(Arc::clone(&store)));
    let operations = Operations::new(Parts {
        inventory: Arc::new(loaded.inventory),
        platforms,
        catalogue,
        redactor: redactor.clone(),
        pool,
        changes: Changes::new(Arc::clone(&store)),
        programs: program_runner(settings),
        limits: settings.limits,
    });
    Ok(Built { operations: Arc::new(operations), store, notices: loaded.notices, redactor })
}

/// Runs jq programs by this very program, even where its file was replaced since it started.
pub fn program_runner(settings: &Settings) -> ProgramRunner {
    let own = std::path::Path::new("/proc/self/exe");
    let running = || {
        if own.exists() { own.to_owned() } else { std::env::current_exe().unwrap_or_default() }
    };
    let limits = SelectLimits {
        time: settings.limits.select_time,
        memory: settings.limits.select_bytes as u64,
    };
    ProgramRunner::new(settings.program.clone().unwrap_or_else(running), limits)
}

/// Every secret that the inventory holds; none of them may ever be shown, whatever a device says.
fn own_secrets(inventory: &Inventory) -> Vec<&Secret<String>> {
    let inline = inventory.devices().flat_map(|device| {
        let hops = device.route.hops();
        let sources = std::iter::once(device).chain(hops).flat_map(Device::secret_sources);
        sources.filter_map(|source| match source {
            SecretSource::Inline(secret) => Some(secret),
            _ => None,
        })
    });
    inline.collect()
}
