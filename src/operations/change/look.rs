//! Looks at a device: its running configuration, and the counts that must not get worse.

use tokio_util::sync::CancellationToken;

use super::super::{Failure, Operations};
use super::PlannedDevice;
use crate::change::{Seen, Tree, difference};
use crate::error::{ErrorCode, chain};
use crate::inventory::Device;
use crate::platform::{ChangeRules, Health};
use crate::policy::permit_read;
use crate::pool::{Lease, Reservation};
use crate::session::TypedLine;

/// How long a check waits for counts to come back, and how often it looks.
const SETTLE_LOOKS: usize = 5;
const SETTLE_EVERY: std::time::Duration = std::time::Duration::from_secs(1);
/// Most characters of a difference in a reason.
const REASON: usize = 600;

impl Operations {
    /// Reads the whole running configuration.
    pub(super) async fn running(
        &self,
        device: &Device,
        lease: &mut Lease,
        rules: &ChangeRules,
    ) -> Result<String, Failure> {
        self.show_configuration(device, lease, &rules.running).await
    }

    /// Shows a configuration with a command of the platform file.
    pub(in super::super) async fn show_configuration(
        &self,
        device: &Device,
        lease: &mut Lease,
        command: &str,
    ) -> Result<String, Failure> {
        let typed = TypedLine::Configuration(command);
        let output = lease
            .type_line(typed, &[])
            .await
            .map_err(|error| self.session_failure(&error, device, command))?;
        if output.is_cut() {
            let message = "the configuration is longer than what is kept";
            return Err(Failure::new(ErrorCode::CommandRejected, message)
                .on(device.name.as_str())
                .hinting("raise limits.output_bytes in the settings"));
        }
        let platform = self.platforms.get(&device.platform);
        let refused = platform.as_ref().ok().and_then(|platform| platform.failure_in(&output.text));
        // A change must not be planned on half of a configuration.
        let rules = platform.as_ref().ok().and_then(|platform| platform.change.as_ref());
        let whole = rules.is_some_and(|rules| rules.running == command);
        if whole && refused.is_none() && !output.ended {
            let message = "the line that ends a configuration is missing, so it may not be whole";
            return Err(Failure::new(ErrorCode::SessionLost, message).on(device.name.as_str()));
        }
        match refused {
            None => Ok(output.text),
            Some((_, line)) => Err(Failure::new(
                ErrorCode::CommandRejected,
                format!("the device refused `{command}`: {}", self.show(&line)),
            )
            .on(device.name.as_str())),
        }
    }

    /// Counts what must not get worse. What cannot be counted does not count.
    pub(super) async fn health(
        &self,
        device: &Device,
        lease: &mut Lease,
        rules: &ChangeRules,
    ) -> Vec<(String, usize)> {
        let mut counts = Vec::new();
        for health in &rules.health {
            if let Some(count) = self.count(device, lease, health).await {
                counts.push((health.name.clone(), count));
            }
        }
        counts
    }

    async fn count(&self, device: &Device, lease: &mut Lease, health: &Health) -> Option<usize> {
        let platform = self.platforms.get(&device.platform).ok()?;
        let permitted = permit_read(&platform, &health.command).ok()?;
        let output = lease.run(&permitted, &CancellationToken::new()).await.ok()?;
        if output.rejected.is_some() {
            return Some(0);
        }
        // Other people's templates may have other columns.
        let platforms = platform.template_names();
        let found = self.own_templates.find(&platforms, &health.command);
        let parsed = found.and_then(|found| self.own_templates.parse_with(&found, &output.text));
        let column = [health.column.clone()];
        let records = match parsed.and_then(|parsed| parsed.to_objects(Some(&column))) {
            Ok(records) => records,
            Err(error) => {
                tracing::warn!(device = %device.name, error = chain(&error), "a check cannot count");
                return None;
            }
        };
        let healthy = |record: &&serde_json::Map<String, serde_json::Value>| {
            let value = record.values().next().and_then(serde_json::Value::as_str);
            value.is_some_and(|value| health.healthy.is_match(value))
        };
        Some(records.iter().filter(healthy).count())
    }

    /// Looks at a device over a new connection and says what its configuration is.
    pub(super) async fn look(
        &self,
        device: &Device,
        reservation: &Reservation,
        rules: &ChangeRules,
        planned: &PlannedDevice,
    ) -> Seen {
        let cancel = CancellationToken::new();
        let mut lease = match self.pool.open_fresh(device, reservation, &cancel).await {
            Ok(lease) => lease,
            Err(error) => {
                let reason = format!("the device cannot be reached: {}", self.show(&chain(&error)));
                return Seen::Unreachable(reason);
            }
        };
        let seen = self.compare(device, &mut lease, rules, planned).await;
        lease.leave().await;
        seen
    }

    /// What is in force, to be compared.
    async fn running_tree(
        &self,
        device: &Device,
        lease: &mut Lease,
        rules: &ChangeRules,
    ) -> Result<Tree, Seen> {
        match self.running(device, lease, rules).await {
            Ok(running) => Ok(Tree::read(rules, &running)),
            Err(failure) => Err(Seen::Unreachable(failure.message)),
        }
    }

    async fn compare(
        &self,
        device: &Device,
        lease: &mut Lease,
        rules: &ChangeRules,
        planned: &PlannedDevice,
    ) -> Seen {
        if lease.host_key() != planned.host_key {
            return Seen::Otherwise("another device answers: its host key differs".to_owned());
        }
        // The change itself may rename the device; then its new name is part of the plan.
        let (was, is) = (name_in(&planned.hostname), name_in(&lease.prompt().line));
        if was != is && !planned.after.contains(is) {
            return Seen::Otherwise("another device answers: its name differs".to_owned());
        }
        let running = match self.running_tree(device, lease, rules).await {
            Ok(running) => running,
            Err(unreachable) => return unreachable,
        };
        if running.sorted() == Tree::read(rules, &planned.before).sorted() {
            return Seen::Before;
        }
        let after = Tree::read(rules, &planned.after);
        if running.sorted() != after.sorted() {
            let different = self.difference_shown(&after, &running);
            return Seen::Otherwise(format!(
                "the running configuration is not as planned:\n{different}"
            ));
        }
        if planned.expect_loss {
            return Seen::AsPlanned;
        }
        match self.worse(device, lease, rules, planned).await {
            None => Seen::AsPlanned,
            Some(reason) => Seen::Otherwise(reason),
        }
    }

    /// Says what got worse and stays so for a while.
    async fn worse(
        &self,
        device: &Device,
        lease: &mut Lease,
        rules: &ChangeRules,
        planned: &PlannedDevice,
    ) -> Option<String> {
        let mut ticks = tokio::time::interval(SETTLE_EVERY);
        let mut worse = None;
        for _ in 0..SETTLE_LOOKS {
            ticks.tick().await;
            let now = self.health(device, lease, rules).await;
            worse = planned.health.iter().find_map(|(name, before)| {
                let after =
                    now.iter().find(|(known, _)| known == name).map_or(0, |(_, count)| *count);
                (after < *before)
                    .then(|| format!("check failed: {name} went from {before} to {after}"))
            });
            worse.as_ref()?;
        }
        worse
    }

    /// Looks at the device on the session that the trial will use.
    pub(super) async fn look_before(
        &self,
        device: &Device,
        lease: &mut Lease,
        rules: &ChangeRules,
        planned: &PlannedDevice,
    ) -> Seen {
        if lease.host_key() != planned.host_key {
            return Seen::Otherwise(
                "the device is not the one that was planned for: its host key differs".to_owned(),
            );
        }
        let running = match self.running_tree(device, lease, rules).await {
            Ok(running) => running,
            Err(unreachable) => return unreachable,
        };
        let before = Tree::read(rules, &planned.before);
        if running == before {
            return Seen::Before;
        }
        if running.sorted() == Tree::read(rules, &planned.after).sorted() {
            return Seen::AsPlanned;
        }
        let different = self.difference_shown(&before, &running);
        Seen::Otherwise(format!("the configuration changed since it was planned:\n{different}"))
    }

    /// What differs, without secrets and short enough for a reason.
    fn difference_shown(&self, expected: &Tree, running: &Tree) -> String {
        let different = difference(&expected.text(), &running.text());
        self.show(&different).chars().take(REASON).collect()
    }
}

/// The device's name in a prompt, without the user before it.
fn name_in(prompt: &str) -> &str {
    let line = prompt.split(['(', '>', '#', '%', '$']).next().unwrap_or_default();
    line.rsplit('@').next().unwrap_or_default()
}
