//! Use case: run reading commands on devices and return their text.

use std::sync::Arc;

use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::fan_out::{check_names, fan_out};
use super::outputs::{piece, shares};
use super::{Failure, OnProgress, Operations};
use crate::caller::Caller;
use crate::error::ErrorCode;
use crate::inventory::Device;
use crate::policy::{GivenAnswer, Permitted, Refusal, permit_read_with};
use crate::pool::Lease;
use crate::session::Output;

/// Most commands in one call.
const MOST_COMMANDS: usize = 50;
/// Larger answers are made fit to be shown on a thread of their own, in bytes: that takes
/// milliseconds, in which no other device would be listened to.
const LARGE: usize = 64 * 1024;

/// What to run where.
#[derive(Debug, Clone)]
pub struct RunRequest {
    /// Names of devices.
    pub devices: Vec<String>,
    /// Reading commands, run in this order on each device.
    pub commands: Vec<String>,
    /// Answers to questions that a command may ask, in their order; the same for every command.
    pub answers: Vec<GivenAnswer>,
}

/// What one device answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeviceAnswers {
    /// The device.
    pub device: String,
    /// What the caller should know beside the answers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notices: Vec<String>,
    /// One answer per command, in order; where the device could not be reached, each has the
    /// failure.
    pub answers: Vec<CommandAnswer>,
}

/// The answer to one command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CommandAnswer {
    /// The command, with hostile characters made visible.
    pub command: String,
    /// The text, possibly the first part of it.
    pub text: String,
    /// Whether this is everything the device printed: its prompt was proven, nothing was cut off
    /// here, and a whole configuration ends with the line that ends one.
    pub complete: bool,
    /// How many bytes the whole text has.
    pub total_bytes: u64,
    /// Where the rest can be read, when the text was cut.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_id: Option<String>,
    /// Where to go on reading.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_offset: Option<usize>,
    /// Why there is no proper answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Failure>,
}

impl CommandAnswer {
    fn failed(command: &str, error: Failure) -> Self {
        Self {
            command: command.to_owned(),
            text: String::new(),
            complete: false,
            total_bytes: 0,
            output_id: None,
            next_offset: None,
            error: Some(error),
        }
    }
}

impl DeviceAnswers {
    /// Whether nothing of what was asked came back.
    pub fn is_failure(&self) -> bool {
        self.answers.iter().all(|answer| answer.error.is_some())
    }
}

impl Operations {
    /// Runs commands on devices. The error is about the request as a whole; what goes wrong on a
    /// device stands in its entry.
    pub async fn run_commands(
        self: &Arc<Self>,
        caller: &Caller,
        request: RunRequest,
        cancel: &CancellationToken,
        on_progress: OnProgress<'_>,
    ) -> Result<Vec<DeviceAnswers>, Failure> {
        let names = check_names(&request.devices)?;
        if request.commands.is_empty() || request.commands.len() > MOST_COMMANDS {
            let message = format!(
                "{} commands are given; 1 to {MOST_COMMANDS} go into a call",
                request.commands.len()
            );
            return Err(Failure::new(ErrorCode::InvalidArgument, message).because("limit"));
        }
        let asked = Arc::new((request.commands, request.answers));
        let work = |operations: Arc<Self>, name: String| {
            let (asked, cancel) = (Arc::clone(&asked), cancel.clone());
            async move { operations.run_on(&name, &asked.0, &asked.1, &cancel).await }
        };
        let lost = |name: &str, failure: Failure| DeviceAnswers {
            device: name.to_owned(),
            notices: Vec::new(),
            answers: vec![CommandAnswer::failed("", failure)],
        };
        let mut devices = fan_out(self, names, on_progress, work, lost).await;
        self.cut(caller, &mut devices);
        Ok(devices)
    }

    /// Cuts what does not fit into one result. Short answers stay whole; long ones share the rest.
    fn cut(&self, caller: &Caller, devices: &mut [DeviceAnswers]) {
        let answers = || devices.iter().flat_map(|device| &device.answers);
        let sizes: Vec<usize> = answers().map(|answer| answer.text.len()).collect();
        let shares = shares(&sizes, self.limits.result_bytes);
        let answers = devices.iter_mut().flat_map(|device| &mut device.answers);
        for (answer, share) in answers.zip(shares) {
            let Some(part) = piece(&answer.text, 0, share) else { continue };
            if let Some(next) = part.next {
                let shown = part.text.to_owned();
                answer.output_id = Some(self.outputs.keep(caller, &answer.text));
                answer.next_offset = Some(next);
                answer.text = shown;
            }
        }
    }

    async fn run_on(
        self: &Arc<Self>,
        name: &str,
        commands: &[String],
        answers: &[GivenAnswer],
        cancel: &CancellationToken,
    ) -> DeviceAnswers {
        let mut result =
            DeviceAnswers { device: name.to_owned(), notices: Vec::new(), answers: Vec::new() };
        let fail_all = |failure: &Failure| {
            let failed = |command: &String| {
                let command = self.show_line(command);
                CommandAnswer::failed(&command, failure.clone().with_command(command.as_str()))
            };
            commands.iter().map(failed).collect()
        };
        let device = &match self.located(name, cancel).await {
            Ok(device) => device,
            Err(failure) => {
                result.answers = fail_all(&failure);
                return result;
            }
        };
        // The whole list is judged before the device is bothered with a part of it.
        let judged: Vec<_> = commands
            .iter()
            .map(|command| (command, self.judge_with(device, command, answers)))
            .collect();
        if judged.iter().all(|(_, judgement)| judgement.is_err()) {
            let refused = judged.into_iter().filter_map(|(command, judgement)| {
                Some(CommandAnswer::failed(&self.show_line(command), judgement.err()?))
            });
            result.answers = refused.collect();
            return result;
        }
        let mut lease = match self.lease_for_reading(device, cancel).await {
            Ok(lease) => lease,
            Err(failure) => {
                result.answers = fail_all(&failure);
                return result;
            }
        };
        if let Some(fingerprint) = lease.new_host_key() {
            result.notices.push(format!("first contact: host key recorded, {fingerprint}"));
        }
        for (command, judgement) in judged {
            let answer = match judgement {
                Err(refused) => CommandAnswer::failed(&self.show_line(command), refused),
                Ok(permitted) => self.run_one(device, &mut lease, &permitted, cancel).await,
            };
            result.answers.push(answer);
        }
        self.pool.give_back(lease).await;
        result
    }

    /// Asks the gate about one command for one device.
    pub(super) fn judge(&self, device: &Device, command: &str) -> Result<Permitted, Failure> {
        self.judge_with(device, command, &[])
    }

    fn judge_with(
        &self,
        device: &Device,
        command: &str,
        answers: &[GivenAnswer],
    ) -> Result<Permitted, Failure> {
        let platform = self
            .platform(device)
            .map_err(|failure| failure.with_command(self.show_line(command)))?;
        permit_read_with(&platform, command, answers).map_err(|refusal: Refusal| {
            tracing::info!(device = %device.name, reason = refusal.reason(), "the gate refused");
            Failure::new(refusal.code(), refusal.to_string())
                .because(refusal.reason())
                .on(device.name.as_str())
                .with_command(self.show_line(command))
        })
    }

    /// Runs one command and tells a refusal of the device from an answer. A session that was dead
    /// before the device said anything is replaced once.
    pub(super) async fn ask(
        &self,
        device: &Device,
        lease: &mut Lease,
        permitted: &Permitted,
        cancel: &CancellationToken,
    ) -> Result<Output, Failure> {
        let command = permitted.as_str();
        let mut result = lease.run(permitted, cancel).await;
        if lease.is_stale() {
            tracing::debug!(device = %device.name, "a session died while it waited; a new one asks");
            if let Err(error) = self.pool.renew(lease, cancel).await {
                return Err(self.unreached(&error, device).await.with_command(command));
            }
            result = lease.run(permitted, cancel).await;
        }
        let output = result.map_err(|error| self.session_failure(&error, device, command))?;
        if let Some(question) = &output.declined {
            let asked = self.show(question);
            let message = format!("the device asked `{asked}`, which was declined");
            return Err(Failure::new(ErrorCode::NeedsInput, message)
                .on(device.name.as_str())
                .with_command(command));
        }
        match &output.rejected {
            None => Ok(output),
            Some((kind, line)) => Err(Failure::new(
                ErrorCode::CommandRejected,
                format!("the device refused the command: {}", self.show(line)),
            )
            .because(kind.as_str())
            .on(device.name.as_str())
            .with_command(command)),
        }
    }

    async fn run_one(
        self: &Arc<Self>,
        device: &Device,
        lease: &mut Lease,
        permitted: &Permitted,
        cancel: &CancellationToken,
    ) -> CommandAnswer {
        let command = permitted.as_str();
        match self.ask(device, lease, permitted, cancel).await {
            Err(failure) => CommandAnswer::failed(command, failure),
            Ok(output) => self.answer(permitted, output).await,
        }
    }

    /// Makes the whole text of an answer fit to be shown.
    async fn answer(self: &Arc<Self>, permitted: &Permitted, mut output: Output) -> CommandAnswer {
        let (is_cut, kept) = (output.is_cut(), output.text.len());
        let text = std::mem::take(&mut output.text);
        let mut text = match self.show_aside(text).await {
            Ok(text) => text,
            Err(failure) => return CommandAnswer::failed(permitted.as_str(), failure),
        };
        let unended = permitted.reads_whole_configuration() && !output.ended;
        if is_cut {
            let sent = output.total_bytes;
            let note = format!("[the device sent {sent} bytes; only the first {kept} were kept]\n");
            text.push_str(&note);
        } else if unended {
            text.push_str("[the line that ends a configuration is missing: it may not be whole]\n");
        }
        CommandAnswer {
            command: permitted.as_str().to_owned(),
            complete: !(is_cut || unended),
            total_bytes: text.len() as u64,
            text,
            output_id: None,
            next_offset: None,
            error: None,
        }
    }

    /// Makes a text of a device fit to be shown, where it is large without keeping others waiting.
    async fn show_aside(self: &Arc<Self>, text: String) -> Result<String, Failure> {
        if text.len() < LARGE {
            return Ok(self.show(&text));
        }
        let operations = Arc::clone(self);
        let shown = tokio::task::spawn_blocking(move || operations.show(&text)).await;
        shown.map_err(|error| {
            tracing::error!(%error, "an answer cannot be made fit to be shown");
            Failure::new(ErrorCode::Internal, "the answer cannot be made fit to be shown")
        })
    }
}
