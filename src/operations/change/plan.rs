//! Use case: what would a change do?

use std::sync::Arc;

use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;

use super::super::fan_out::{check_names, fan_out};
use super::super::{Failure, OnProgress, Operations};
use super::script::{Stopped, Words};
use super::{DevicePlan, PlanAnswer, PlannedDevice, journal, may_change};
use crate::caller::Caller;
use crate::change::{Tree, difference};
use crate::error::ErrorCode;
use crate::inventory::Device;
use crate::platform::{ChangeRules, Dialect, SafetyClass};
use crate::policy::{PermittedConfiguration, permit_configuration};
use crate::pool::Lease;
use crate::redact::contains_placeholder;
use crate::store::{Document, PlanRow, unix_now, utc};

/// How long a plan can be applied, in seconds.
const LIFETIME: i64 = 15 * 60;
/// Most devices of one plan.
const MOST_DEVICES: usize = 5;
/// Most bytes of configuration.
const MOST_BYTES: usize = 256 * 1024;

/// What to plan.
#[derive(Debug, Clone)]
pub struct PlanRequest {
    /// Names of devices.
    pub devices: Vec<String>,
    /// Configuration lines, as the platform writes them.
    pub configuration: String,
    /// Whether the change is meant to take sessions or interfaces down.
    pub expect_loss: bool,
}

impl Operations {
    /// Plans a change: what it would do to each device, without doing it.
    pub async fn plan_change(
        self: &Arc<Self>,
        caller: &Caller,
        request: PlanRequest,
        cancel: &CancellationToken,
        on_progress: OnProgress<'_>,
    ) -> Result<PlanAnswer, Failure> {
        may_change(caller)?;
        let names = check_names(&request.devices)?;
        let refuse = |reason, message: String| {
            Err(Failure::new(ErrorCode::InvalidArgument, message).because(reason))
        };
        if names.len() > MOST_DEVICES {
            let message =
                format!("{} devices are named; a plan has at most {MOST_DEVICES}", names.len());
            return refuse("limit", message);
        }
        if request.configuration.len() > MOST_BYTES {
            return refuse(
                "plan_too_big",
                format!("the configuration has more than {MOST_BYTES} bytes"),
            );
        }
        if contains_placeholder(&request.configuration) {
            let message =
                "the configuration has a <secret:…> placeholder where a secret must stand";
            return refuse("cfg_placeholder", message.to_owned());
        }
        let request = Arc::new(request);
        let work = |operations: Arc<Self>, name: String| {
            let (request, cancel) = (Arc::clone(&request), cancel.clone());
            async move {
                let planned = operations.plan_on(&name, &request, &cancel).await;
                (name, planned)
            }
        };
        let lost = |name: &str, failure: Failure| (name.to_owned(), Err(failure));
        let results = fan_out(self, names, on_progress, work, lost).await;
        let devices = results.iter().map(|(name, planned)| self.shown(name, planned)).collect();
        let planned: Result<Vec<PlannedDevice>, Failure> =
            results.into_iter().map(|(_, planned)| planned).collect();
        let nothing = PlanAnswer { plan_id: None, plan_hash: None, expires_at: None, devices };
        let Ok(planned) = planned else { return Ok(nothing) };
        self.keep_plan(caller, &planned, nothing).await
    }

    async fn keep_plan(
        &self,
        caller: &Caller,
        planned: &[PlannedDevice],
        answer: PlanAnswer,
    ) -> Result<PlanAnswer, Failure> {
        let body = Document::of(planned).map_err(|error| journal::failed(&error))?;
        let id = uuid::Uuid::new_v4().to_string();
        let mut digest = Sha256::new();
        digest.update(id.as_bytes());
        digest.update(body.as_str().as_bytes());
        let hash = digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>();
        let hash = hash.concat();
        let created_at = unix_now();
        let expires_at = created_at.saturating_add(LIFETIME);
        let row = PlanRow {
            id: id.clone(),
            caller: caller.id.clone(),
            created_at,
            expires_at,
            hash: hash.clone(),
            body,
        };
        self.changes
            .journal
            .with(move |store| {
                store.expire_plans(created_at)?;
                store.insert_plan(&row)
            })
            .await?;
        Ok(PlanAnswer {
            plan_id: Some(id),
            plan_hash: Some(hash),
            expires_at: Some(utc(expires_at)),
            ..answer
        })
    }

    fn shown(&self, name: &str, planned: &Result<PlannedDevice, Failure>) -> DevicePlan {
        match planned {
            Err(failure) => DevicePlan {
                device: name.to_owned(),
                class: None,
                source: None,
                diff: None,
                error: Some(failure.clone()),
            },
            Ok(planned) => DevicePlan {
                device: planned.device.clone(),
                class: Some(planned.class),
                source: Some(if planned.exact { "device" } else { "predicted" }),
                diff: Some(self.show(&planned.diff)),
                error: None,
            },
        }
    }

    async fn plan_on(
        &self,
        name: &str,
        request: &PlanRequest,
        cancel: &CancellationToken,
    ) -> Result<PlannedDevice, Failure> {
        let device = &self.located(name, cancel).await?;
        let platform = self.platform(device)?;
        let Some(rules) = &platform.change else {
            let message = format!("changes are not known for {}", platform.title);
            return Err(Failure::new(ErrorCode::PolicyDenied, message).on(name));
        };
        let permitted = permit_configuration(rules, &request.configuration).map_err(|refusal| {
            Failure::new(refusal.code(), refusal.to_string()).because(refusal.reason()).on(name)
        })?;
        let mut lease = self
            .pool
            .lease(device, cancel)
            .await
            .map_err(|error| self.pool_failure(&error, device))?;
        let planned = self.plan_with(device, &mut lease, rules, &permitted, request).await;
        self.pool.give_back(lease).await;
        planned
    }

    async fn plan_with(
        &self,
        device: &Device,
        lease: &mut Lease,
        rules: &ChangeRules,
        permitted: &PermittedConfiguration,
        request: &PlanRequest,
    ) -> Result<PlannedDevice, Failure> {
        let before = self.running(device, lease, rules).await?;
        let fits = |dialect: &&Dialect| {
            dialect.requires.as_ref().is_none_or(|requires| requires.is_match(&before))
        };
        let (number, dialect) =
            (0..).zip(&rules.dialects).find(|(_, dialect)| fits(dialect)).ok_or_else(|| {
                Failure::new(ErrorCode::PolicyDenied, "no way to change this device is known")
                    .on(device.name.as_str())
            })?;
        if dialect.class == SafetyClass::Unprotected && !device.allow_unprotected {
            return Err(Failure::new(
                ErrorCode::PolicyDenied,
                "nothing on this device takes a change back by itself",
            )
            .because("unprotected_platform")
            .on(device.name.as_str())
            .hinting(
                "an operator may set `allow_unprotected` for it in the inventory, or give the device \
                 a safety net (on Cisco IOS: archive with a path)",
            ));
        }
        let health = self.health(device, lease, rules).await;
        let tree = Tree::read(rules, &before);
        let (after, diff, exact) = if dialect.plan.is_empty() {
            let after = tree.with(rules, permitted.statements()).text();
            (after.clone(), difference(&tree.text(), &after), false)
        } else {
            let captured = self.ask_device(device, lease, rules, dialect, permitted).await?;
            let (Some(diff), Some(after)) = (captured.diff, captured.candidate) else {
                return Err(Failure::new(
                    ErrorCode::Internal,
                    "the dialect captures no difference",
                ));
            };
            (after, diff, true)
        };
        if tree.sorted() == Tree::read(rules, &after).sorted() {
            return Err(Failure::new(
                ErrorCode::InvalidArgument,
                "the change would change nothing",
            )
            .because("plan_no_change")
            .on(device.name.as_str()));
        }
        Ok(PlannedDevice {
            device: device.name.to_string(),
            platform: device.platform.to_string(),
            class: dialect.class,
            dialect: number,
            host_key: lease.host_key().to_owned(),
            hostname: lease.prompt().line.clone(),
            configuration: request.configuration.clone(),
            before,
            after,
            exact,
            diff,
            health,
            expect_loss: request.expect_loss,
        })
    }

    /// Lets the device itself say what the change would do.
    async fn ask_device(
        &self,
        device: &Device,
        lease: &mut Lease,
        rules: &ChangeRules,
        dialect: &Dialect,
        permitted: &PermittedConfiguration,
    ) -> Result<super::script::Captured, Failure> {
        let words = Words { session: new_session(), minutes: 0, comment: String::new() };
        let run = self.run_script(lease, rules, &dialect.plan, &words, permitted, &|| false).await;
        let stopped = match run {
            Ok(captured) => return Ok(captured),
            Err(stopped) => stopped,
        };
        let (code, reason) = match stopped {
            Stopped::Refused(reason) => {
                let nothing = &|| false;
                let left =
                    self.run_script(lease, rules, &dialect.abandon, &words, permitted, nothing);
                if let Err(error) = left.await {
                    tracing::warn!(device = %device.name, ?error, "a plan was not left cleanly");
                }
                let locked = reason.contains("lock");
                let code = if locked {
                    ErrorCode::ConfigurationLocked
                } else {
                    ErrorCode::ConfigurationRejected
                };
                (code, reason)
            }
            Stopped::Lost(reason) => (ErrorCode::SessionLost, reason),
        };
        Err(Failure::new(code, reason).on(device.name.as_str()))
    }
}

/// The name of a configuration session: ours, and unlike any other.
pub(super) fn new_session() -> String {
    let random: String = uuid::Uuid::new_v4().simple().to_string().chars().take(8).collect();
    format!("vty{random}")
}
