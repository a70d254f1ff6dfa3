//! Use case: run a command and write down every byte, as a test case for a platform file.

use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::{Failure, Operations};
use crate::error::ErrorCode;
use crate::inventory::{Auth, Device};
use crate::secret::Secret;
use crate::session::Heard;

/// What stands for every secret of the inventory in a transcript.
const MADE_UP: &str = "made-up";

/// A transcript as a platform file has it.
#[derive(Debug, Serialize)]
struct TranscriptFile {
    name: String,
    greeting: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    enable_secret: Option<String>,
    command: String,
    output: String,
    exchanges: Vec<ExchangeFile>,
}

/// One line sent and what came back.
#[derive(Debug, Serialize)]
struct ExchangeFile {
    sent: String,
    reply: String,
}

#[derive(Debug, Serialize)]
struct Tests {
    transcripts: Vec<TranscriptFile>,
}

#[derive(Debug, Serialize)]
struct File {
    tests: Tests,
}

/// A recording, ready for a platform file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recording {
    /// `[[tests.transcripts]]`, as TOML.
    pub text: String,
    /// The fingerprint of the host key, where it was recorded just now.
    pub new_host_key: Option<String>,
}

impl Operations {
    /// Logs in, runs one reading command and returns the transcript as TOML. Secrets of the
    /// inventory are replaced by a made-up one, others by placeholders.
    pub async fn record(
        &self,
        device: &str,
        command: &str,
        cancel: &CancellationToken,
    ) -> Result<Recording, Failure> {
        let device = self.located(device, cancel).await?;
        let permitted = self.judge(&device, command)?;
        let mut lease = match self.pool.open_recorded(&device, cancel).await {
            Ok(lease) => lease,
            Err(error) => return Err(self.unreached(&error, &device).await),
        };
        let new_host_key = lease.new_host_key().map(str::to_owned);
        let result = lease.run(&permitted, cancel).await;
        let heard = lease.heard();
        lease.leave().await;
        let output =
            result.map_err(|error| self.session_failure(&error, &device, permitted.as_str()))?;
        let scrub = |text: &str| self.scrub(&device, text);
        let mut heard = heard.into_iter();
        let mut transcript = TranscriptFile {
            name: format!("recorded {}", permitted.as_str()),
            greeting: String::new(),
            enable_secret: device.enable.as_ref().map(|_| MADE_UP.to_owned()),
            command: permitted.as_str().to_owned(),
            output: scrub(&output.text),
            exchanges: Vec::new(),
        };
        let mut sent = None;
        for piece in heard.by_ref() {
            match piece {
                Heard::Sent(bytes) => sent = Some(scrub(&String::from_utf8_lossy(&bytes))),
                Heard::Received(bytes) => {
                    let reply = scrub(&String::from_utf8_lossy(&bytes));
                    match sent.take() {
                        Some(sent) => transcript.exchanges.push(ExchangeFile { sent, reply }),
                        None => transcript.greeting = reply,
                    }
                }
            }
        }
        let file = File { tests: Tests { transcripts: vec![transcript] } };
        match toml::to_string(&file) {
            Ok(text) => Ok(Recording { text, new_host_key }),
            Err(error) => {
                let failure = Failure::new(ErrorCode::Internal, error.to_string());
                Err(failure.on(device.name.as_str()))
            }
        }
    }

    /// Takes out of a recording what must not be shared, line by line, so that every control
    /// character stays where it was.
    fn scrub(&self, device: &Device, text: &str) -> String {
        let own = match &device.auth {
            Auth::Password(password) => Some(password),
            Auth::Key { .. } => None,
        };
        let mut text = text.to_owned();
        for secret in own.into_iter().chain(device.enable.as_ref()).map(Secret::expose) {
            if !secret.is_empty() {
                text = text.replace(secret.as_str(), MADE_UP);
            }
        }
        self.redactor.redact(&text).into_owned()
    }
}
