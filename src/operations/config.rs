//! Use cases: show a configuration, and compare two.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use super::{Failure, Operations};
use crate::change::{Tree, difference};
use crate::error::ErrorCode;
use crate::inventory::Device;
use crate::platform::ChangeRules;
use crate::pool::Lease;

/// Which configuration of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Source {
    /// What is in force.
    #[default]
    Running,
    /// What the device starts with.
    Startup,
    /// What is typed and not committed yet, where the device has one candidate for everybody.
    Candidate,
}

/// With what a configuration is compared.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Against {
    /// The startup configuration of the same device.
    Startup,
    /// What is typed on the same device and not committed yet.
    Candidate,
    /// An earlier configuration of the same device.
    Rollback(u32),
    /// The running configuration of another device.
    Device(String),
}

impl Operations {
    /// Shows a configuration, or the sections whose first line begins with `section`.
    pub async fn config(
        &self,
        device: &str,
        source: Source,
        section: Option<&str>,
        cancel: &CancellationToken,
    ) -> Result<String, Failure> {
        let device = &self.located(device, cancel).await?;
        let text = self.read_config(device, source, cancel).await?;
        let text = match section {
            None => text,
            Some(section) => {
                let found = sections(&text, section);
                if found.is_empty() {
                    return Err(Failure::new(
                        ErrorCode::InvalidArgument,
                        "no line of the configuration begins with this section",
                    )
                    .on(device.name.as_str()));
                }
                found
            }
        };
        Ok(self.show(&text))
    }

    /// Compares the running configuration of a device with another one. No text means no difference.
    pub async fn compare_config(
        &self,
        device: &str,
        against: &Against,
        cancel: &CancellationToken,
    ) -> Result<String, Failure> {
        let device = &self.located(device, cancel).await?;
        let text = match against {
            Against::Rollback(number) => self.compare_rollback(device, *number, cancel).await?,
            Against::Startup => {
                let running = self.read_config(device, Source::Running, cancel).await?;
                let startup = self.read_config(device, Source::Startup, cancel).await?;
                self.tree_difference(device, &startup, device, &running)?
            }
            Against::Candidate => {
                let running = self.read_config(device, Source::Running, cancel).await?;
                let candidate = self.read_config(device, Source::Candidate, cancel).await?;
                self.tree_difference(device, &running, device, &candidate)?
            }
            Against::Device(other) => {
                let other = &self.located(other, cancel).await?;
                let running = self.read_config(device, Source::Running, cancel).await?;
                let theirs = self.read_config(other, Source::Running, cancel).await?;
                self.tree_difference(other, &theirs, device, &running)?
            }
        };
        Ok(self.show(&text))
    }

    fn tree_difference(
        &self,
        one: &Device,
        before: &str,
        two: &Device,
        after: &str,
    ) -> Result<String, Failure> {
        let read = |device: &Device, text: &str| {
            self.with_rules(device, |rules| Ok(Tree::read(rules, text).text()))
        };
        Ok(difference(&read(one, before)?, &read(two, after)?))
    }

    async fn compare_rollback(
        &self,
        device: &Device,
        number: u32,
        cancel: &CancellationToken,
    ) -> Result<String, Failure> {
        let command = self.with_rules(device, |rules| {
            let template = rules.rollback_diff.as_ref().filter(|_| number < 50);
            template.map(|template| template.replace("{n}", &number.to_string())).ok_or_else(|| {
                let message = "this device keeps no configuration of this number";
                Failure::new(ErrorCode::InvalidArgument, message).on(device.name.as_str())
            })
        })?;
        self.show_with(device, &command, cancel).await
    }

    async fn read_config(
        &self,
        device: &Device,
        source: Source,
        cancel: &CancellationToken,
    ) -> Result<String, Failure> {
        if source == Source::Candidate {
            return self.read_candidate(device, cancel).await;
        }
        let command = self.with_rules(device, |rules| match source {
            Source::Running | Source::Candidate => Ok(rules.running.clone()),
            Source::Startup => rules.startup.clone().ok_or_else(|| {
                let message = "this device has no startup configuration of its own";
                Failure::new(ErrorCode::InvalidArgument, message).on(device.name.as_str())
            }),
        })?;
        self.show_with(device, &command, cancel).await
    }

    async fn read_candidate(
        &self,
        device: &Device,
        cancel: &CancellationToken,
    ) -> Result<String, Failure> {
        let refuse = |code, message: &str| Failure::new(code, message).on(device.name.as_str());
        let platform = self.platform(device)?;
        let rules = platform.change.as_ref().filter(|rules| !rules.candidate.is_empty());
        let Some(rules) = rules else {
            let message = "this device has no candidate configuration for everybody";
            return Err(refuse(ErrorCode::InvalidArgument, message));
        };
        let mut lease: Lease = self.lease(device, cancel).await?;
        let captured = self.capture(&mut lease, rules, &rules.candidate).await;
        // A session that may have been left in another mode is not for the next caller.
        match captured {
            Ok(text) => {
                self.pool.give_back(lease).await;
                Ok(text)
            }
            Err(reason) => {
                lease.leave().await;
                Err(refuse(ErrorCode::CommandRejected, &reason))
            }
        }
    }

    async fn show_with(
        &self,
        device: &Device,
        command: &str,
        cancel: &CancellationToken,
    ) -> Result<String, Failure> {
        let mut lease: Lease = self.lease(device, cancel).await?;
        let text = self.show_configuration(device, &mut lease, command).await;
        self.pool.give_back(lease).await;
        text
    }

    fn with_rules<T>(
        &self,
        device: &Device,
        work: impl FnOnce(&ChangeRules) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let platform = self.platform(device)?;
        let Some(rules) = &platform.change else {
            let message = format!("configurations are not known for {}", platform.title);
            return Err(Failure::new(ErrorCode::InvalidArgument, message).on(device.name.as_str()));
        };
        work(rules)
    }
}

/// The top-level lines that begin with these words, each with the indented lines below it.
fn sections(text: &str, wanted: &str) -> String {
    let mut inside = false;
    let mut found = String::new();
    for line in text.lines() {
        if !line.starts_with(' ') {
            inside = line.starts_with(wanted);
        }
        if inside {
            found.push_str(line);
            found.push('\n');
        }
    }
    found
}
