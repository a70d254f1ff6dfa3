//! Use case: the doctor. What stands between us and a device, step by step, and what to change.
//!
//! It looks at the SSH server first, without a credential, then logs in as every other call does:
//! through the pool, with its limits and its guard against locked accounts. A step that fails ends
//! the visit; what was seen up to there is kept.

mod advice;
mod report;

use std::sync::Arc;

use serde::Serialize;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::fan_out::{check_names, fan_out};
use super::{Failure, OnProgress, Operations};
use crate::error::ErrorCode;
use crate::inventory::{Device, Route};
use crate::platform::{Platform, Seen, Verdict};
use crate::pool::{Inspection, Lease, PoolError};

/// What one device showed when it was checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeviceCheck {
    /// The device.
    pub device: String,
    /// Whether it can be used. There may be advice nevertheless.
    pub ok: bool,
    /// Where it is reached.
    pub address: String,
    /// The devices on the way, the first one in front.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub jump: Vec<String>,
    /// Its security profile: modern, compatible or legacy.
    pub security: &'static str,
    /// What happened, in order.
    pub steps: Vec<Step>,
    /// What its SSH server showed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ssh: Option<SshFacts>,
    /// What its CLI showed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cli: Option<CliFacts>,
    /// What to change, in plain words; nothing where nothing is to be done.
    pub advice: Vec<String>,
    /// Why it cannot be used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Failure>,
}

/// One step of the visit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// Its name: one of `resolve`, `connect`, `algorithms`, `host_key`, `methods`, `login`,
    /// `platform`, `mode`, `paging` and `round_trip`.
    pub name: &'static str,
    /// How it went: ok, warning, failed or skipped.
    pub status: Status,
    /// What was seen.
    pub detail: String,
    /// How long it took, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub milliseconds: Option<u64>,
}

/// How a step went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// As it should.
    Ok,
    /// It works, and something should be changed.
    Warning,
    /// It did not work.
    Failed,
    /// It was not tried.
    Skipped,
}

/// What an SSH server shows to anybody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SshFacts {
    /// Its identification line.
    pub ident: String,
    /// The SHA-256 fingerprint of its host key, and the kind.
    pub host_key: String,
    /// Whether the key was recorded just now.
    pub first_contact: bool,
    /// The algorithms in use: key exchange, host key, cipher and, where the cipher needs one, MAC.
    pub chosen: Vec<String>,
    /// Those of them that are broken or about to be.
    pub weak: Vec<String>,
    /// What it offers, by kind.
    pub offered: Vec<OfferedKind>,
    /// The strictest profile that reaches it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strictest: Option<&'static str>,
    /// The authentication methods it offers.
    pub methods: Vec<String>,
}

/// What a server offers of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OfferedKind {
    /// key exchange, host key, cipher or MAC.
    pub kind: &'static str,
    /// In its order.
    pub algorithms: Vec<String>,
}

/// What a CLI showed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CliFacts {
    /// Who logged in.
    pub username: String,
    /// With what: `password`, `ssh_key` or `agent`.
    pub auth: &'static str,
    /// The platform of the inventory.
    pub platform: String,
    /// The platform that it looks like; absent where nothing tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub looks_like: Option<String>,
    /// The prompt.
    pub prompt: String,
    /// The mode that was reached.
    pub mode: String,
    /// The mode in which show commands should run.
    pub wanted_mode: String,
    /// Whether paging is off, so that no pager had to be answered.
    pub paging_off: bool,
    /// How long it takes to answer an empty line, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub round_trip_ms: Option<u64>,
}

/// The steps in their order.
const STEPS: [&str; 10] = [
    "resolve",
    "connect",
    "algorithms",
    "host_key",
    "methods",
    "login",
    "platform",
    "mode",
    "paging",
    "round_trip",
];

impl DeviceCheck {
    fn new(device: &Device) -> Self {
        Self {
            device: device.name.to_string(),
            ok: false,
            address: device.endpoint(),
            jump: device.route.hops().iter().map(|hop| hop.name.to_string()).collect(),
            security: device.security.as_str(),
            steps: Vec::new(),
            ssh: None,
            cli: None,
            advice: Vec::new(),
            error: None,
        }
    }

    /// A device that could not even be looked up.
    fn unknown(name: &str, failure: Failure) -> Self {
        Self {
            device: name.to_owned(),
            ok: false,
            address: String::new(),
            jump: Vec::new(),
            security: "",
            steps: Vec::new(),
            ssh: None,
            cli: None,
            advice: Vec::new(),
            error: Some(failure),
        }
    }

    fn note(&mut self, name: &'static str, status: Status, detail: impl Into<String>) {
        self.steps.push(Step { name, status, detail: detail.into(), milliseconds: None });
    }

    fn timed(&mut self, name: &'static str, detail: impl Into<String>, took: std::time::Duration) {
        let milliseconds = u64::try_from(took.as_millis()).ok();
        self.steps.push(Step { name, status: Status::Ok, detail: detail.into(), milliseconds });
    }

    /// Ends the visit at a step, and says that what would follow was not tried.
    fn fail(mut self, name: &'static str, failure: Failure) -> Self {
        self.advice.push(advice::of(&failure));
        self.note(name, Status::Failed, failure.message.clone());
        for later in STEPS.into_iter().skip_while(|step| *step != name).skip(1) {
            self.note(later, Status::Skipped, "not tried");
        }
        self.error = Some(failure);
        self
    }
}

impl Operations {
    /// Checks devices, all of them where no name is given. What goes wrong on a device stands in its
    /// entry.
    pub async fn check_devices(
        self: &Arc<Self>,
        devices: &[String],
        cancel: &CancellationToken,
        on_progress: OnProgress<'_>,
    ) -> Result<Vec<DeviceCheck>, Failure> {
        let names = check_names(devices)?;
        let work = |operations: Arc<Self>, name: String| {
            let cancel = cancel.clone();
            async move { Box::pin(operations.check_device(&name, &cancel)).await }
        };
        Ok(fan_out(self, names, on_progress, work, DeviceCheck::unknown).await)
    }

    async fn check_device(&self, name: &str, cancel: &CancellationToken) -> DeviceCheck {
        let device = match self.device(name) {
            Ok(device) => device,
            Err(failure) => return DeviceCheck::unknown(name, failure),
        };
        let mut check = DeviceCheck::new(&device);
        if matches!(device.route, Route::ProxyCommand(_)) {
            check.note("resolve", Status::Ok, "by the ProxyCommand");
        } else if check.jump.is_empty() {
            match resolve(&device).await {
                Ok(addresses) => check.note("resolve", Status::Ok, addresses),
                Err(message) => {
                    let failure = Failure::new(ErrorCode::ResolveFailed, message);
                    return check.fail("resolve", failure.on(device.name.as_str()));
                }
            }
        } else {
            let via = check.jump.join(", then ");
            check.note("resolve", Status::Ok, format!("by the last device on the way: {via}"));
        }
        let reservation = match self.pool.reserve_soon(&device, cancel).await {
            Ok(reservation) => reservation,
            Err(error) => return check.fail("connect", self.pool_failure(&error, &device)),
        };
        match self.pool.inspect(&device, &reservation, cancel).await {
            Ok(inspection) => self.tell_ssh(&mut check, &inspection),
            Err(error) => {
                let failure = self.pool_failure(&error, &device);
                // A jump host that fails ends the visit before the device itself was seen.
                let jump = matches!(error, PoolError::Jump { .. });
                let step = if jump { "connect" } else { advice::step(failure.code) };
                for earlier in STEPS.into_iter().skip(1).take_while(|name| *name != step) {
                    check.note(earlier, Status::Ok, "got this far");
                }
                return check.fail(step, failure);
            }
        }
        // A platform that nobody named is found out within a session of its own.
        let device = if device.platform.is_auto() {
            drop(reservation);
            match self.located(name, cancel).await {
                Ok(device) => device,
                Err(failure) => return check.fail(advice::step(failure.code), failure),
            }
        } else {
            drop(reservation);
            device
        };
        Box::pin(self.visit(check, &device, cancel)).await
    }

    /// What the SSH server showed, in words.
    fn tell_ssh(&self, check: &mut DeviceCheck, inspection: &Inspection) {
        let handshake = &inspection.handshake;
        let ident = self.show_line(&handshake.ident);
        check.timed("connect", ident.clone(), inspection.took);
        let chosen = &handshake.chosen;
        let mut names = vec![&chosen.key_exchange, &chosen.host_key, &chosen.cipher];
        names.extend(&chosen.mac);
        let names: Vec<String> = names.into_iter().cloned().collect();
        let weak: Vec<String> = chosen.weak().into_iter().map(str::to_owned).collect();
        let strictest = handshake.strictest();
        let status = if weak.is_empty() { Status::Ok } else { Status::Warning };
        check.note("algorithms", status, names.join(", "));
        check.advice.extend(advice::on_algorithms(handshake.security, strictest, &weak));
        let key = &handshake.host_key;
        let recorded = if key.first_contact { "recorded just now" } else { "as it was recorded" };
        check.note("host_key", Status::Ok, format!("{}, {recorded}", key.fingerprint));
        if key.first_contact {
            check.advice.push(advice::first_contact(&key.fingerprint));
        }
        check.note("methods", Status::Ok, inspection.methods.join(", "));
        let offered = handshake.offer.iter().flat_map(|offer| {
            [
                OfferedKind { kind: "key exchange", algorithms: offer.key_exchange.clone() },
                OfferedKind { kind: "host key", algorithms: offer.host_key.clone() },
                OfferedKind { kind: "cipher", algorithms: offer.cipher.clone() },
                OfferedKind { kind: "MAC", algorithms: offer.mac.clone() },
            ]
        });
        check.ssh = Some(SshFacts {
            ident,
            host_key: key.fingerprint.clone(),
            first_contact: key.first_contact,
            chosen: names,
            weak,
            offered: offered.collect(),
            strictest: strictest.map(crate::inventory::Security::as_str),
            methods: inspection.methods.clone(),
        });
    }

    /// Logs in and looks around.
    async fn visit(
        &self,
        mut check: DeviceCheck,
        device: &Device,
        cancel: &CancellationToken,
    ) -> DeviceCheck {
        let platform = match self.platform(device) {
            Ok(platform) => platform,
            Err(failure) => return check.fail("login", failure),
        };
        let began = Instant::now();
        let mut lease = match self.lease_fresh(device, cancel).await {
            Ok(lease) => lease,
            Err(error) => {
                let failure = self.unreached(&error, device).await;
                return check.fail("login", failure);
            }
        };
        let auth = device.auth.kind();
        check.timed("login", format!("`{}` by {auth}", device.username), began.elapsed());
        let looked = self.look_around(&mut check, device, &platform, &mut lease, cancel).await;
        self.pool.give_back(lease).await;
        match looked {
            Ok(()) => {
                check.ok = true;
                check
            }
            Err(failure) => check.fail("platform", failure),
        }
    }

    async fn lease_fresh(
        &self,
        device: &Device,
        cancel: &CancellationToken,
    ) -> Result<Lease, PoolError> {
        let reservation = self.pool.reserve_soon(device, cancel).await?;
        self.pool.open_fresh(device, &reservation, cancel).await
    }

    async fn look_around(
        &self,
        check: &mut DeviceCheck,
        device: &Device,
        platform: &Platform,
        lease: &mut Lease,
        cancel: &CancellationToken,
    ) -> Result<(), Failure> {
        let prompt = lease.prompt().clone();
        let permitted = self.judge(device, &platform.version_command)?;
        let output = self.ask(device, lease, &permitted, cancel).await?;
        let seen = Seen {
            ident: lease.handshake().ident.clone(),
            banner: String::new(),
            above: String::new(),
            prompt: prompt.line.clone(),
            version: Some(output.text.clone()),
        };
        let looks_like = match self.platforms().detect(&seen) {
            Verdict::Is(other) => Some(other),
            _ => None,
        };
        let declared = platform.name.as_str();
        match &looks_like {
            Some(other) if *other != platform.name => {
                let detail = format!("`{declared}` is declared, and it looks like `{other}`");
                check.note("platform", Status::Warning, detail);
                check.advice.push(advice::other_platform(device.name.as_str(), other.as_str()));
            }
            Some(_) => check.note("platform", Status::Ok, format!("{declared}, as declared")),
            None => {
                check.note(
                    "platform",
                    Status::Ok,
                    format!("{declared}; nothing speaks against it"),
                );
            }
        }
        let wanted = &platform.default_mode;
        if prompt.mode == *wanted {
            check.note(
                "mode",
                Status::Ok,
                format!("`{}` at `{}`", prompt.mode, self.show(&prompt.line)),
            );
        } else {
            let detail =
                format!("`{}` was reached, and `{wanted}` is needed for all commands", prompt.mode);
            check.note("mode", Status::Warning, detail);
            check.advice.push(advice::low_mode(device));
        }
        let paging_off = output.pages == 0;
        if paging_off {
            check.note("paging", Status::Ok, "off");
        } else {
            let detail = format!("stays on; the pager was answered {} times", output.pages);
            check.note("paging", Status::Warning, detail);
            check.advice.push(advice::paging());
        }
        let round_trip = lease.round_trip(device.timeouts.idle).await;
        match round_trip {
            Some(took) => check.timed("round_trip", "an empty line", took),
            None => check.note("round_trip", Status::Warning, "an empty line was not answered"),
        }
        check.cli = Some(CliFacts {
            username: device.username.clone(),
            auth: device.auth.kind(),
            platform: declared.to_owned(),
            looks_like: looks_like.map(|name| name.to_string()),
            prompt: self.show(&prompt.line),
            mode: prompt.mode.to_string(),
            wanted_mode: wanted.to_string(),
            paging_off,
            round_trip_ms: round_trip.and_then(|took| u64::try_from(took.as_millis()).ok()),
        });
        Ok(())
    }
}

/// The addresses of a device, as the resolver of this machine tells them.
async fn resolve(device: &Device) -> Result<String, String> {
    let asked = tokio::net::lookup_host((device.address.as_str(), device.port));
    match tokio::time::timeout(device.timeouts.connect, asked).await {
        Ok(Ok(found)) => {
            let addresses: Vec<String> = found.map(|address| address.ip().to_string()).collect();
            Ok(addresses.join(", "))
        }
        Ok(Err(error)) => Err(format!("`{}` cannot be resolved: {error}", device.address)),
        Err(_elapsed) => Err(format!("`{}` was not resolved in time", device.address)),
    }
}
