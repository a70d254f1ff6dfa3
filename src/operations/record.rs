//! Use case: run a command and write down every byte, as a test case for a platform file.

use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::{Failure, Operations};
use crate::error::ErrorCode;
use crate::inventory::Device;
use crate::platform::{Exchange, Transcript};
use crate::policy::Permitted;
use crate::secret::Secret;
use crate::session::{Cuts, Heard, replay};

/// What stands for every secret of the login in a transcript.
const MADE_UP: &str = "made-up";

/// Stands between the pieces of what a device said, on a line of its own; no device says it.
const BREAK: &str = "\n\u{e000}\n";

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
        let secrets = lease.secrets().to_vec();
        lease.leave().await;
        let output =
            result.map_err(|error| self.session_failure(&error, &device, permitted.as_str()))?;
        let heard = self.scrub_all(&device, &secrets, &heard)?;
        let mut transcript = TranscriptFile {
            name: format!("recorded {}", permitted.as_str()),
            greeting: String::new(),
            enable_secret: device.enable.as_ref().map(|_| MADE_UP.to_owned()),
            command: permitted.as_str().to_owned(),
            output: self.scrub(&secrets, &output.text),
            exchanges: Vec::new(),
        };
        let mut sent = None;
        for (by_us, text) in heard {
            match (by_us, sent.take()) {
                (true, _) => sent = Some(text),
                (false, Some(sent)) => {
                    transcript.exchanges.push(ExchangeFile { sent, reply: text });
                }
                (false, None) => transcript.greeting = text,
            }
        }
        self.check(&device, &permitted, &transcript).await?;
        let file = File { tests: Tests { transcripts: vec![transcript] } };
        match toml::to_string(&file) {
            Ok(text) => Ok(Recording { text, new_host_key }),
            Err(error) => {
                let failure = Failure::new(ErrorCode::Internal, error.to_string());
                Err(failure.on(device.name.as_str()))
            }
        }
    }

    /// Scrubs what went both ways. What the device said is read as one text, because a pager may
    /// stand in the middle of a secret; where that text no longer comes apart at the same places,
    /// nothing is shown.
    fn scrub_all(
        &self,
        device: &Device,
        secrets: &[Secret<String>],
        heard: &[Heard],
    ) -> Result<Vec<(bool, String)>, Failure> {
        let said = heard.iter().filter_map(|piece| match piece {
            Heard::Received(bytes) => Some(String::from_utf8_lossy(bytes).replace(BREAK, "")),
            _ => None,
        });
        let said: Vec<String> = said.collect();
        let scrubbed = self.scrub(secrets, &said.join(BREAK));
        let mut scrubbed = scrubbed.split(BREAK);
        if scrubbed.clone().count() != said.len().max(1) {
            return Err(unsafe_to_show(device));
        }
        let pieces = heard.iter().filter_map(|piece| match piece {
            Heard::Sent(bytes) => {
                Some((true, self.scrub(secrets, &String::from_utf8_lossy(bytes))))
            }
            Heard::Received(_) => Some((false, scrubbed.next()?.to_owned())),
        });
        Ok(pieces.collect())
    }

    /// Plays the recording to the engine: what comes out must be the scrubbed output, or something
    /// that was scrubbed there still stands here.
    async fn check(
        &self,
        device: &Device,
        permitted: &Permitted,
        file: &TranscriptFile,
    ) -> Result<(), Failure> {
        let exchange = |exchange: &ExchangeFile| Exchange {
            sent: exchange.sent.clone(),
            reply: exchange.reply.clone(),
        };
        let transcript = Transcript {
            name: file.name.clone(),
            greeting: file.greeting.clone(),
            enable_secret: file.enable_secret.clone(),
            exchanges: file.exchanges.iter().map(exchange).collect(),
            command: file.command.clone(),
            output: file.output.clone(),
        };
        let platform = self.platform(device)?;
        match Box::pin(replay(&platform, &transcript, permitted, Cuts::Whole)).await {
            Ok(()) => Ok(()),
            Err(_difference) => Err(unsafe_to_show(device)),
        }
    }

    /// Takes out of a recording what must not be shared, line by line, so that every control
    /// character stays where it was.
    fn scrub(&self, secrets: &[Secret<String>], text: &str) -> String {
        let mut text = text.to_owned();
        for secret in secrets.iter().map(Secret::expose) {
            if !secret.is_empty() {
                text = text.replace(secret.as_str(), MADE_UP);
            }
        }
        self.redactor.redact(&text).into_owned()
    }
}

fn unsafe_to_show(device: &Device) -> Failure {
    let message = "the recording does not give the same answer once its secrets are taken out, as \
                   where a pager or a redrawn line stands in the middle of one";
    Failure::new(ErrorCode::PolicyDenied, message)
        .on(device.name.as_str())
        .hinting("record a command that shows no secret")
}
